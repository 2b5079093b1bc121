//! The only unsafe code: what rustix lacks, behind safe functions.
//!
//! Each file is one kernel facility with a safe front: [`fork`](fork()), socket options by number
//! ([`option`]), memory that children share ([`SharedWords`]), counting signals ([`SignalWatch`]), taking over a
//! descriptor that was passed at exec ([`take_inherited`]), starting a program on a terminal
//! ([`lead_session_on_terminal`]), interfaces of our own ([`attach_tun`]), asking what the kernel has
//! ([`io_uring_features`], [`landlock_version`]). Each
//! `unsafe` block holds one operation and says why it is sound. What rustix offers does not belong here.

#[cfg(not(target_os = "linux"))]
compile_error!("Switchboard speaks to the Linux kernel; this target is another system");

mod errno;
mod fork;
mod inherited;
mod messages;
pub mod option;
mod probe;
mod ring;
mod shared_words;
mod signal;
mod terminal;
mod tun;

pub use errno::{describe, errno_and_words};
pub use fork::{Forked, exit_now, fork};
pub use inherited::{keep_inherited_to_ourselves, look_at_inherited, take_inherited};
pub use messages::{
    Beside, Inbox, MESSAGES_MAX, Message, Outgoing, receive_message, send_message, send_messages,
};
pub use probe::{io_uring_features, landlock_version};
pub use ring::{Brought, Completion, Filled, Memory, Ring};
pub use shared_words::SharedWords;
pub use signal::SignalWatch;
pub use terminal::lead_session_on_terminal;
pub use tun::{attach_tun, put_interface_up, set_interface_address};
