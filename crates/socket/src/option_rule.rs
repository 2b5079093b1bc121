//! When and how each option of an address is set: the table.
//!
//! One row for each [`OptionKey`], in a match without a default, so that a new key does not compile until it
//! has its row. socket(7), ip(7), ipv6(7), tcp(7), udp(7), unix(7).

use address::OptionKey;

/// A moment in a socket's life at which options are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The socket is born, and neither bound nor connected.
    BeforeBind,
    /// It is bound, and about to listen or to receive.
    BeforeListen,
    /// It is about to connect.
    BeforeConnect,
    /// It has connected.
    AfterConnect,
    /// It came from accept(2): only what the kernel did not copy from the listener.
    AfterAccept,
}

/// How a value becomes what the kernel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// An `int` of that level and name.
    Number { level: i32, name: i32, unit: Unit },
    /// An `int` that each IP family has a name of its own for.
    Ip { v4: i32, v6: i32 },
    /// A text of that level and name.
    Text { level: i32, name: i32 },
    /// `SO_RCVBUF` or `SO_SNDBUF`, whose value the kernel doubles.
    Buffer { name: i32 },
    /// `SO_KEEPALIVE` and `TCP_KEEPIDLE`.
    Keepalive,
    /// `SO_LINGER`.
    Linger,
    /// `IP_MTU_DISCOVER`, `IPV6_MTU_DISCOVER`.
    DontFragment,
    /// `TCP_FASTOPEN` or `TCP_FASTOPEN_CONNECT`.
    FastOpen,
    /// `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`.
    MulticastInterface,
    /// `IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`.
    Join,
    /// No setsockopt(2): the file named honours it.
    Elsewhere,
}

/// What one of the `int` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A flag, a count, bytes.
    Plain,
    Seconds,
    Milliseconds,
    Microseconds,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) moments: &'static [Moment],
    pub(crate) how: How,
    /// What helps when the kernel says `EPERM` or `EACCES`.
    pub(crate) privilege: &'static str,
    /// Why the kernel may grant another value.
    pub(crate) why: &'static str,
}

use Moment::{AfterAccept, AfterConnect, BeforeBind, BeforeConnect, BeforeListen};

const BORN: &[Moment] = &[BeforeBind];
const LISTENING: &[Moment] = &[BeforeListen];

const TCP: i32 = libc::IPPROTO_TCP;
const SOCKET: i32 = libc::SOL_SOCKET;

/// The row of that key.
pub(crate) fn rule(key: OptionKey) -> Rule {
    match key {
        OptionKey::Device => text(SOCKET, libc::SO_BINDTODEVICE).needs(NET_RAW),
        OptionKey::Reuseaddr => plain(SOCKET, libc::SO_REUSEADDR),
        OptionKey::Reuseport => plain(SOCKET, libc::SO_REUSEPORT),
        OptionKey::Nodelay => plain(TCP, libc::TCP_NODELAY),
        OptionKey::Keepalive => new(How::Keepalive),
        OptionKey::KeepaliveInterval => number(TCP, libc::TCP_KEEPINTVL, Unit::Seconds),
        OptionKey::KeepaliveCount => plain(TCP, libc::TCP_KEEPCNT),
        OptionKey::UserTimeout => number(TCP, libc::TCP_USER_TIMEOUT, Unit::Milliseconds),
        OptionKey::Linger => new(How::Linger),
        // A Unix socket from accept(2) is new, not a copy of its listener.
        OptionKey::Rcvbuf => buffer(libc::SO_RCVBUF).because(RECEIVE_BUFFER),
        OptionKey::Sndbuf => buffer(libc::SO_SNDBUF).because(SEND_BUFFER),
        OptionKey::Ttl => ip(libc::IP_TTL, libc::IPV6_UNICAST_HOPS),
        OptionKey::Tos => ip(libc::IP_TOS, libc::IPV6_TCLASS).because(CONGESTION_BITS),
        OptionKey::Mark => plain(SOCKET, libc::SO_MARK).needs(NET_ADMIN),
        OptionKey::Priority => plain(SOCKET, libc::SO_PRIORITY).needs(NET_ADMIN_ABOVE_6),
        OptionKey::Freebind => ip(libc::IP_FREEBIND, libc::IPV6_FREEBIND),
        OptionKey::Transparent => ip(libc::IP_TRANSPARENT, libc::IPV6_TRANSPARENT).needs(NET_ADMIN),
        OptionKey::Congestion => text(TCP, libc::TCP_CONGESTION).needs(NET_ADMIN_CONGESTION),
        OptionKey::Maxseg => plain(TCP, libc::TCP_MAXSEG),
        OptionKey::DeferAccept => number(TCP, libc::TCP_DEFER_ACCEPT, Unit::Seconds)
            .at(LISTENING)
            .because("the kernel counts it in retransmissions of its SYN-ACK, after 1, 3, 7, 15… seconds"),
        OptionKey::Quickack => plain(TCP, libc::TCP_QUICKACK).at(&[AfterConnect, AfterAccept]),
        OptionKey::NotsentLowat => plain(TCP, libc::TCP_NOTSENT_LOWAT),
        OptionKey::Fastopen => new(How::FastOpen).at(&[BeforeListen, BeforeConnect]),
        OptionKey::Oobinline => plain(SOCKET, libc::SO_OOBINLINE),
        OptionKey::Dontroute => plain(SOCKET, libc::SO_DONTROUTE),
        OptionKey::Broadcast => plain(SOCKET, libc::SO_BROADCAST),
        OptionKey::Join => new(How::Join).at(&[BeforeListen, AfterConnect]),
        OptionKey::MulticastTtl => ip(libc::IP_MULTICAST_TTL, libc::IPV6_MULTICAST_HOPS),
        OptionKey::MulticastLoop => ip(libc::IP_MULTICAST_LOOP, libc::IPV6_MULTICAST_LOOP),
        OptionKey::MulticastInterface => new(How::MulticastInterface),
        OptionKey::Dontfragment => new(How::DontFragment),
        OptionKey::BusyPoll => number(SOCKET, SO_BUSY_POLL, Unit::Microseconds).needs(NET_ADMIN),
        OptionKey::Passcred => plain(SOCKET, libc::SO_PASSCRED),
        // race.rs, opening.rs, resolve.rs, connect.rs and unix_path.rs, in this order.
        OptionKey::Bind
        | OptionKey::Backlog
        | OptionKey::Mptcp
        | OptionKey::V4
        | OptionKey::V6
        | OptionKey::ConnectTimeout
        | OptionKey::Via
        | OptionKey::Mode
        | OptionKey::User
        | OptionKey::Group
        | OptionKey::Unlink
        // membership.rs, with those of `join`.
        | OptionKey::Source
        // Those of whoever connects again.
        | OptionKey::Retry
        | OptionKey::RetryWait
        | OptionKey::RetryWaitMax
        // Those of layers, which no kernel has.
        | OptionKey::Cert
        | OptionKey::Key
        | OptionKey::Ca
        | OptionKey::ClientCa
        | OptionKey::Pin
        | OptionKey::ServerName
        | OptionKey::Alpn
        | OptionKey::TlsMin
        | OptionKey::TlsMax
        | OptionKey::HandshakeTimeout
        | OptionKey::Path
        | OptionKey::Subprotocol
        | OptionKey::Header
        | OptionKey::Origin
        | OptionKey::WsFrames
        | OptionKey::MessageMax
        | OptionKey::Trust
        | OptionKey::Proxy
        // open_file.rs, terminal.rs, program.rs and tun.rs.
        | OptionKey::Access
        | OptionKey::Truncate
        | OptionKey::Follow
        | OptionKey::FromEnd
        | OptionKey::Permissions
        | OptionKey::Link
        | OptionKey::Baud
        | OptionKey::Data
        | OptionKey::Parity
        | OptionKey::Stop
        | OptionKey::Flow
        | OptionKey::Pty
        | OptionKey::Raw
        | OptionKey::Echo
        | OptionKey::Columns
        | OptionKey::Rows
        | OptionKey::Stderr
        | OptionKey::Address
        | OptionKey::Record
        | OptionKey::Hexdump
        | OptionKey::RawIn
        | OptionKey::RawOut
        | OptionKey::Delay
        | OptionKey::Jitter
        | OptionKey::Loss
        | OptionKey::Burst
        | OptionKey::Duplicate
        | OptionKey::Reorder
        | OptionKey::Corrupt
        | OptionKey::Rate
        | OptionKey::TotalRate
        | OptionKey::Queue
        | OptionKey::QueueMessages
        | OptionKey::Slice
        | OptionKey::StallAfter
        | OptionKey::CloseAfter
        | OptionKey::ResetAfter
        | OptionKey::FailFirst
        | OptionKey::Refuse
        | OptionKey::Seed => new(How::Elsewhere).at(&[]),
    }
}

const NET_RAW: &str = "it needs the capability CAP_NET_RAW if the socket is bound to a device already";
const NET_ADMIN: &str = "it needs the capability CAP_NET_ADMIN";
const NET_ADMIN_ABOVE_6: &str = "a priority above 6 needs the capability CAP_NET_ADMIN";
const NET_ADMIN_CONGESTION: &str =
    "only those in `sysctl net.ipv4.tcp_allowed_congestion_control` do without CAP_NET_ADMIN";
const RECEIVE_BUFFER: &str = "`sysctl net.core.rmem_max` is the most that it grants";
const SEND_BUFFER: &str = "`sysctl net.core.wmem_max` is the most that it grants";
const CONGESTION_BITS: &str = "TCP keeps the two lowest bits for itself (ECN, RFC 3168)";
const OTHERWISE: &str = "the kernel keeps it in another unit or within bounds of its own";

/// asm-generic/socket.h; libc has no name for it on Linux.
pub(crate) const SO_BUSY_POLL: i32 = 46;

const fn new(how: How) -> Rule {
    Rule { moments: BORN, how, privilege: "", why: OTHERWISE }
}

const fn number(level: i32, name: i32, unit: Unit) -> Rule {
    new(How::Number { level, name, unit })
}

const fn plain(level: i32, name: i32) -> Rule {
    number(level, name, Unit::Plain)
}

const fn ip(v4: i32, v6: i32) -> Rule {
    new(How::Ip { v4, v6 })
}

const fn text(level: i32, name: i32) -> Rule {
    new(How::Text { level, name })
}

const fn buffer(name: i32) -> Rule {
    new(How::Buffer { name }).at(&[BeforeBind, AfterAccept])
}

impl Rule {
    const fn at(mut self, moments: &'static [Moment]) -> Rule {
        self.moments = moments;
        self
    }

    const fn needs(mut self, privilege: &'static str) -> Rule {
        self.privilege = privilege;
        self
    }

    const fn because(mut self, why: &'static str) -> Rule {
        self.why = why;
        self
    }
}
