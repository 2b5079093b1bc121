//! Safe kernel objects in life order: resolve, open, bind, connect, accept.
//!
//! A call to somebody begins with [`connect()`] and gives a [`Connection`]. Callers are answered by a
//! [`Listener`], whose [`Listener::accept`] gives a [`Connection`] each; datagrams from anybody come to a
//! [`DatagramSocket`], many by one call to a [`BurstSocket`]. Standard input and output are an end as well:
//! [`Standard`]; and so is a program that is started for the call: [`Program`],
//! and a file, a named pipe or a terminal: [`FileEnd`].
//!
//! ```
//! use socket::{Listener, connect};
//!
//! let (listener, _) = Listener::bind(&"unix:@socket-example".parse()?)?;
//! let caller = connect(&"unix:@socket-example".parse()?)?.connection;
//! let accepted = listener.accept()?; // the caller is in the backlog, so this does not say WouldBlock
//!
//! caller.send(b"hello")?;
//! let mut buffer = [0; 100];
//! let received = accepted.connection.receive(&mut buffer)?;
//! assert_eq!(&buffer[..received.length], b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds everywhere
//!
//! * Every descriptor is close-on-exec and non-blocking from birth (`SOCK_CLOEXEC`, `SOCK_NONBLOCK`,
//!   accept4(2)); no call here waits, but [`resolve()`] (for the resolver) and [`connect()`] (bounded by
//!   `connect-timeout`). A call that would wait answers [`std::io::ErrorKind::WouldBlock`].
//! * No send raises `SIGPIPE`.
//! * TCP sends at once (`TCP_NODELAY`) unless the address says `nodelay=off`: this is a tool for
//!   conversations, and Nagle's algorithm (RFC 896) makes their short messages wait for each other.
//! * An error names what was tried, the call that failed, the reason, and what to try next.

mod accept_outcome;
mod attempt;
mod begin;
mod bind;
mod bind_error;
mod born;
mod burst;
pub mod call;
mod connect;
mod connect_error;
mod connection;
mod control;
mod datagram;
mod descriptor;
mod dial;
mod errno;
mod file_end;
mod interface;
mod interleave;
mod is_local;
mod listener;
mod membership;
mod names;
mod open_file;
mod open_socket;
mod opening;
mod option_error;
mod option_rule;
mod option_value;
mod options;
mod outline;
mod owned_path;
mod packet_info;
mod peer_address;
mod pipe;
mod program;
mod race;
mod resolve;
mod resolve_error;
mod sockaddr;
mod standard;
mod system_call;
mod tcp_info;
mod terminal;
pub mod trace;
mod tun;
mod unix_connect;
mod unix_path;
mod unreachable;
mod write_nowait;

pub use accept_outcome::{AcceptOutcome, accept_outcome};
pub use attempt::Attempt;
pub use begin::{Begun, Underway, begin};
pub use bind_error::{BindError, BindErrorKind, Taken};
pub use burst::{BURST_BYTES_MAX, BURST_MESSAGES_MAX, Burst, BurstSocket, Inbox, Message, Parcel};
pub use connect::{Connected, connect, connect_after};
pub use connect_error::{ConnectError, ConnectErrorKind};
pub use connection::{Connection, Credentials, Received};
pub use datagram::{Datagram, DatagramSocket};
pub use descriptor::Inherited;
pub use dial::{Callee, Dialling, Pending};
pub use file_end::FileEnd;
pub use interleave::interleave;
pub use is_local::is_local;
pub use listener::{Accepted, Listener};
pub use names::{reverse_name, service_name};
pub use opening::PlannedCall;
pub use option_error::{Granted, OptionError};
pub use outline::{Outline, Try, outline_bursts, outline_call, outline_listening};
pub use packet_info::Destination;
pub use peer_address::PeerAddress;
pub use pipe::{PIPE_BYTES, Pipe};
pub use program::{Environment, Program, ProgramProcess};
pub use resolve::{Candidate, Resolved, Role, port_number, resolve};
pub use resolve_error::{ResolveError, ResolveErrorKind};
pub use standard::Standard;
pub use system_call::SystemCall;
pub use tcp_info::TcpInfo;
pub use unreachable::Unreachable;
pub use write_nowait::write_without_blocking;
