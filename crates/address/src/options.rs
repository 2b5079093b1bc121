//! The table of options: one row each.
//!
//! socket(7), ip(7), ipv6(7), tcp(7), udp(7), unix(7); for layers the RFC named in the row. Parsing, bounds, help and tests are made from
//! [`OPTIONS`]. Protected: a row and its [`OptionKey`] are written once, in one line, by one macro, so that
//! neither can be without the other, and row `n` is the row of key `n`.
//! Units: what the kernel counts in (`s`, `ms`, `us`, `bytes`); a duration that is no whole number of its
//! row's unit is refused, never rounded.

use std::fmt;
use std::time::Duration;

use crate::layer::Layer;
use crate::option_value::Kind;
use crate::scheme::Scheme;
use crate::scheme::Transport::{
    self, Exec, Fifo, File, Pty, Serial, Shell, Tcp, Tun, Udp, Unix, UnixDgram, UnixSeqpacket,
};

/// One option: everything that is known of it before anything is opened.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The option that the row describes.
    pub key: OptionKey,
    /// Its name in an address: `keepalive`.
    pub name: &'static str,
    /// The kind of its value, with bounds.
    pub kind: Kind,
    /// What the kernel counts in: `s`, `ms`, `us`, `bytes`, or empty.
    pub unit: &'static str,
    /// The kernel's name of it, `TCP_NODELAY`; of an option of a layer, the standard's: `SNI`.
    pub kernel: &'static str,
    /// The man page, `tcp(7)`, or the clause of the standard: `RFC 6066 section 3`.
    pub man: &'static str,
    /// Where it has a meaning.
    pub applies: Applies,
    /// Whether it may be given more than once.
    pub repeatable: bool,
    /// One line of help.
    pub help: &'static str,
}

/// Where an option has a meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Applies {
    /// On which transports, whatever lies on them.
    pub transports: &'static [Transport],
    /// In which layers, on whatever they lie.
    pub layers: &'static [Layer],
    /// In which role.
    pub when: When,
}

impl Applies {
    /// Whether it has a meaning on this transport, in one of these layers, or in one that it
    /// [implies](Applies::implies), in one role at least.
    pub fn to(self, scheme: impl Into<Scheme>) -> bool {
        let scheme = scheme.into();
        let is_there = |layer: &Layer| {
            scheme.layers.contains(*layer) || self.implies(*layer) && scheme.transport.carries(*layer)
        };
        self.transports.contains(&scheme.transport) || self.layers.iter().any(is_there)
    }

    /// Whether who gives it asks for this layer by that: the layer is transparent, and no other has such an option.
    pub fn implies(self, layer: Layer) -> bool {
        layer.is_transparent() && self.layers == [layer]
    }

    /// The names of the transports and layers in which it has a meaning.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let transports = self.transports.iter().map(|transport| transport.name());
        transports.chain(self.layers.iter().map(|layer| layer.name()))
    }
}

/// In which role an option has a meaning.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum When {
    /// For the passive open only.
    Listening,
    /// For the active open only.
    Connecting,
    /// For both.
    Either,
}

impl When {
    /// Whether it has a meaning for one who listens.
    pub fn listening(self) -> bool {
        match self {
            When::Listening | When::Either => true,
            When::Connecting => false,
        }
    }

    /// Whether it has a meaning for one who connects.
    pub fn connecting(self) -> bool {
        match self {
            When::Connecting | When::Either => true,
            When::Listening => false,
        }
    }
}

impl OptionKey {
    /// The row of [`OPTIONS`] that describes this option.
    pub fn row(self) -> &'static OptionRow {
        &OPTIONS[self as usize]
    }

    /// The option's name in an address: `keepalive`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The option of this name.
    pub fn named(name: &str) -> Option<OptionKey> {
        OPTIONS.iter().find(|row| row.name == name).map(|row| row.key)
    }
}

impl fmt::Display for OptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Makes `OptionKey` and `OPTIONS` from the same rows.
macro_rules! options {
    ($($key:ident $name:literal: $kind:expr, $unit:literal, $kernel:literal, $man:literal,
       $when:ident $place:ident $repeatable:literal, $help:literal;)*) => {
        /// The key of an option, in the order of [`OPTIONS`].
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum OptionKey {
            $(#[doc = concat!("`", $name, "`: ", $help, ". `", $kernel, "`, ", $man, ".")] $key,)*
        }

        /// Every option, in the order of [`OptionKey`].
        pub const OPTIONS: &[OptionRow] = &[
            $(OptionRow {
                key: OptionKey::$key,
                name: $name,
                kind: $kind,
                unit: $unit,
                kernel: $kernel,
                man: $man,
                applies: Applies { transports: $place.0, layers: $place.1, when: When::$when },
                repeatable: $repeatable,
                help: $help,
            },)*
        ];
    };
}

// Key and name: kind and bounds, unit, kernel's name, man page, role place repeatable, help.
options! {
    Bind "bind": Kind::Local, "", "bind(2)", "bind(2)", Connecting IP false, "our own address and port: HOST, HOST:PORT or :PORT";
    Device "device": text(15), "", "SO_BINDTODEVICE", "socket(7)", Either IP false, "the only network interface to use";
    Reuseaddr "reuseaddr": Kind::Flag, "", "SO_REUSEADDR", "socket(7)", Either IP false, "bind although old calls linger in TIME_WAIT";
    Reuseport "reuseport": Kind::Flag, "", "SO_REUSEPORT", "socket(7)", Either IP false, "share the port with other sockets of this user";
    Backlog "backlog": integer(0, 65_535), "", "listen(2)", "listen(2)", Listening ACCEPTING false, "calls that may wait to be answered (capped by net.core.somaxconn)";
    Nodelay "nodelay": Kind::Flag, "", "TCP_NODELAY", "tcp(7)", Either TCP false, "send small writes at once";
    Keepalive "keepalive": seconds(1, 32_767), "s", "SO_KEEPALIVE and TCP_KEEPIDLE", "tcp(7)", Either TCP false, "silence after which the peer is probed";
    KeepaliveInterval "keepalive-interval": seconds(1, 32_767), "s", "TCP_KEEPINTVL", "tcp(7)", Either TCP false, "time between two probes";
    KeepaliveCount "keepalive-count": integer(1, 127), "", "TCP_KEEPCNT", "tcp(7)", Either TCP false, "unanswered probes that end the call";
    UserTimeout "user-timeout": millis(0, INT_MAX), "ms", "TCP_USER_TIMEOUT", "tcp(7)", Either TCP false, "time that sent bytes may stay unacknowledged (0s: the system's default)";
    Linger "linger": seconds(0, 32_767), "s", "SO_LINGER", "socket(7)", Either TCP false, "time that close waits for unsent bytes (0s: reset)";
    Rcvbuf "rcvbuf": size(1, INT_MAX), "bytes", "SO_RCVBUF", "socket(7)", Either SOCKETS false, "receive buffer (capped by net.core.rmem_max)";
    Sndbuf "sndbuf": size(1, INT_MAX), "bytes", "SO_SNDBUF", "socket(7)", Either SOCKETS false, "send buffer (capped by net.core.wmem_max)";
    Ttl "ttl": integer(1, 255), "", "IP_TTL and IPV6_UNICAST_HOPS", "ip(7)", Either IP false, "routers that a packet may pass";
    Tos "tos": integer(0, 255), "", "IP_TOS and IPV6_TCLASS", "ip(7)", Either IP false, "type of service: DSCP times 4, plus ECN";
    Mark "mark": integer(0, 4_294_967_295), "", "SO_MARK", "socket(7)", Either IP false, "mark for routing and firewall (needs CAP_NET_ADMIN)";
    Priority "priority": integer(0, 15), "", "SO_PRIORITY", "socket(7)", Either IP false, "queue priority (above 6 needs CAP_NET_ADMIN)";
    Freebind "freebind": Kind::Flag, "", "IP_FREEBIND", "ip(7)", Either IP false, "bind an address that this host does not have yet";
    Transparent "transparent": Kind::Flag, "", "IP_TRANSPARENT", "ip(7)", Either IP false, "bind any address at all (needs CAP_NET_ADMIN)";
    Congestion "congestion": text(15), "", "TCP_CONGESTION", "tcp(7)", Either TCP false, "congestion control, such as cubic or bbr";
    Maxseg "maxseg": integer(88, 32_767), "bytes", "TCP_MAXSEG", "tcp(7)", Either TCP false, "greatest segment";
    DeferAccept "defer-accept": seconds(1, 32_767), "s", "TCP_DEFER_ACCEPT", "tcp(7)", Listening TCP false, "answer a caller once it has sent something, or after this long";
    Quickack "quickack": Kind::Flag, "", "TCP_QUICKACK", "tcp(7)", Either TCP false, "acknowledge at once; the kernel may change its mind later";
    NotsentLowat "notsent-lowat": size(0, INT_MAX), "bytes", "TCP_NOTSENT_LOWAT", "tcp(7)", Either TCP false, "unsent bytes above which the socket is not writable";
    Fastopen "fastopen": Kind::Flag, "", "TCP_FASTOPEN and TCP_FASTOPEN_CONNECT", "tcp(7)", Either TCP false, "data in the opening packet, RFC 7413";
    Mptcp "mptcp": Kind::Flag, "", "IPPROTO_MPTCP", "socket(2)", Either TCP false, "several paths for one call, RFC 8684";
    Oobinline "oobinline": Kind::Flag, "", "SO_OOBINLINE", "socket(7)", Either TCP false, "urgent bytes stay in their place in the stream";
    Dontroute "dontroute": Kind::Flag, "", "SO_DONTROUTE", "socket(7)", Either IP false, "only to hosts on a network of our own, past no router";
    Broadcast "broadcast": Kind::Flag, "", "SO_BROADCAST", "socket(7)", Either UDP false, "allow sending to a broadcast address; who calls one hears whoever answers";
    Join "join": Kind::Group, "", "IP_ADD_MEMBERSHIP and IPV6_JOIN_GROUP", "ip(7)", Either UDP true, "receive what is sent to this multicast group";
    Source "source": Kind::Source, "", "MCAST_JOIN_SOURCE_GROUP", "RFC 3678 section 5.1", Either UDP true, "of the groups that are joined, receive only what this host sends";
    MulticastTtl "multicast-ttl": integer(0, 255), "", "IP_MULTICAST_TTL and IPV6_MULTICAST_HOPS", "ip(7)", Either UDP false, "routers that a multicast packet may pass";
    MulticastLoop "multicast-loop": Kind::Flag, "", "IP_MULTICAST_LOOP and IPV6_MULTICAST_LOOP", "ip(7)", Either UDP false, "receive our own multicast packets";
    MulticastInterface "multicast-interface": text(45), "", "IP_MULTICAST_IF and IPV6_MULTICAST_IF", "ip(7)", Either UDP false, "interface for multicast: its name or address";
    Dontfragment "dontfragment": Kind::Flag, "", "IP_MTU_DISCOVER = IP_PMTUDISC_DO", "ip(7)", Either UDP false, "never split a datagram; refuse what does not fit";
    BusyPoll "busy-poll": micros(0, INT_MAX), "us", "SO_BUSY_POLL", "socket(7)", Either IP false, "time to spin on the network device before sleeping";
    V4 "v4": Kind::Flag, "", "AF_INET", "ip(7)", Either IP false, "IPv4 only";
    V6 "v6": Kind::Flag, "", "AF_INET6 and IPV6_V6ONLY", "ipv6(7)", Either IP false, "IPv6 only";
    ConnectTimeout "connect-timeout": millis(1, 3_600_000), "ms", "connect(2)", "connect(2)", Connecting CONNECTING false, "time in which the whole connecting must succeed";
    Mode "mode": Kind::Mode, "octal", "chmod(2)", "unix(7)", Listening UNIX false, "permissions of the socket's path";
    User "user": text(255), "", "chown(2)", "unix(7)", Listening UNIX false, "owner of the socket's path: name or number";
    Group "group": text(255), "", "chown(2)", "unix(7)", Listening UNIX false, "group of the socket's path: name or number";
    Passcred "passcred": Kind::Flag, "", "SO_PASSCRED", "unix(7)", Either UNIX false, "receive the sender's process, user and group";
    Unlink "unlink": Kind::Flag, "", "unlink(2)", "unix(7)", Listening UNIX false, "remove our own dead socket before bind and our path at the end (on unless off)";
    Cert "cert": Kind::File, "", "Certificate", "RFC 8446 section 4.4.2", Either TLS false, "our certificate and those above it, a file in PEM";
    Key "key": Kind::File, "", "CertificateVerify", "RFC 8446 section 4.4.3", Either TLS false, "the private key of our certificate, a file in PEM";
    Ca "ca": Kind::File, "", "Certificate", "RFC 8446 section 4.4.2", Connecting TLS false, "whom to trust instead of the system's authorities, a file in PEM";
    ClientCa "client-ca": Kind::File, "", "CertificateRequest", "RFC 8446 section 4.3.2", Listening TLS false, "callers must show a certificate from one of these authorities, a file in PEM";
    Pin "pin": Kind::Fingerprint, "", "Certificate", "RFC 8446 section 4.4.2", Connecting TLS false, "the SHA-256 of the only certificate to trust, whoever signed it";
    ServerName "server-name": text(253), "", "SNI", "RFC 6066 section 3", Connecting TLS false, "the name that is asked for and that the certificate must have (else: the host)";
    Alpn "alpn": text(255), "", "ALPN", "RFC 7301", Either TLS true, "a protocol that is spoken inside, the best first";
    TlsMin "tls-min": Kind::Word(TLS_VERSIONS), "", "supported_versions", "RFC 8446 section 4.2.1", Either TLS false, "the oldest version of TLS to speak (1.2 unless given)";
    TlsMax "tls-max": Kind::Word(TLS_VERSIONS), "", "supported_versions", "RFC 8446 section 4.2.1", Either TLS false, "the newest version of TLS to speak (1.3 unless given)";
    HandshakeTimeout "handshake-timeout": millis(1, 3_600_000), "ms", "", "RFC 8446 section 4", Either OPENING false, "time that each layer may take to open (10s unless given)";
    Path "path": Kind::Path, "", "request-target", "RFC 6455 section 4.1", Either WS false, "what is asked for when connecting, the only path that is served when listening";
    Subprotocol "subprotocol": Kind::Token, "", "Sec-WebSocket-Protocol", "RFC 6455 section 1.9", Either WS true, "a protocol that is spoken in the messages, the best first";
    Header "header": Kind::Header, "", "header field", "RFC 6455 section 4.1", Connecting WS true, "a header that is sent with the opening: NAME:VALUE";
    Origin "origin": Kind::Origin, "", "Origin", "RFC 6455 section 10.2", Listening WS true, "pages of which site may call from a browser (same unless given)";
    WsFrames "ws-frames": Kind::Word(WS_FRAMES), "", "opcode", "RFC 6455 section 5.6", Either WS false, "as what messages are sent (binary unless given)";
    MessageMax "message-max": size(1, INT_MAX), "bytes", "Payload length", "RFC 6455 section 10.4", Either WS false, "the longest message that is taken (1MiB unless given)";
    Trust "trust": text(255), "", "", "proxy-protocol.txt section 2", Listening PROXY true, "whose headers are believed, as --allow has it: ADDRESS, NETWORK/BITS, HOST, uid:USER (unless given: whoever can connect)";
    Via "via": Kind::Via, "", "CONNECT", "RFC 1928 and RFC 9110 section 9.3.6", Connecting TCP true, "a proxy to go through, several from near to far";
    Retry "retry": Kind::Retries, "", "", "connect(2)", Connecting SOCKETS false, "how often connecting is tried again when it fails in a way that may pass: a number or forever";
    RetryWait "retry-wait": millis(1, 3_600_000), "ms", "", "connect(2)", Connecting SOCKETS false, "time before the first retry, doubled for each further (100ms unless given)";
    RetryWaitMax "retry-wait-max": millis(1, 86_400_000), "ms", "", "connect(2)", Connecting SOCKETS false, "the longest time before a retry (10s unless given)";
    Proxy "proxy": Kind::Word(PROXY_VERSIONS), "", "version", "proxy-protocol.txt section 2", Connecting PROXY false, "how the header is written: v1 as text, v2 as binary (v2 unless given)";
    Access "access": Kind::Word(ACCESS), "", "O_RDONLY, O_WRONLY, O_RDWR, O_APPEND", "open(2)", Either FILES false, "whether it is read or written (read unless given); both is for devices";
    Truncate "truncate": Kind::Flag, "", "ftruncate(2)", "ftruncate(2)", Either FILE false, "with access=write: throw away what a file holds, instead of refusing it";
    Follow "follow": Kind::Flag, "", "inotify(7)", "inotify(7)", Either FOLLOWED false, "go on behind the end: as a file grows, with whoever opens a fifo or a terminal next";
    FromEnd "from-end": Kind::Flag, "", "lseek(2)", "lseek(2)", Either FILE false, "begin behind what the file holds already";
    Permissions "permissions": Kind::Mode, "octal", "mode_t", "open(2)", Either MADE false, "permissions of what is made (666 less the umask unless given)";
    Link "link": Kind::File, "", "symlink(2)", "symlink(2)", Either PTY false, "a path at which the terminal is found, removed at the end";
    Pty "pty": Kind::Flag, "", "TIOCSCTTY", "pty(7)", Either PROGRAM false, "the program gets a terminal of its own instead of pipes";
    Raw "raw": Kind::Flag, "", "cfmakeraw(3)", "termios(3)", Either TERMINAL false, "every byte goes through as it is (on for pty:, off for a program's terminal unless given)";
    Echo "echo": Kind::Flag, "", "ECHO", "termios(3)", Either TERMINAL false, "the terminal sends back what is sent to it (off when raw, else on, unless given)";
    Columns "columns": integer(1, 65_535), "", "TIOCSWINSZ", "ioctl_tty(2)", Either TERMINAL false, "width of the terminal (80 unless given)";
    Rows "rows": integer(1, 65_535), "", "TIOCSWINSZ", "ioctl_tty(2)", Either TERMINAL false, "height of the terminal (24 unless given)";
    Stderr "stderr": Kind::Word(STDERR), "", "dup2(2)", "stderr(3)", Either PROGRAM false, "where a program's standard error goes: ours, the call, none (ours unless given; with pty the call)";
    Baud "baud": integer(1, INT_MAX as i64), "", "cfsetspeed(3)", "termios(3)", Either SERIAL false, "bits a second (as the line is unless given)";
    Data "data": integer(5, 8), "", "CSIZE", "termios(3)", Either SERIAL false, "bits of data in a character (8 unless given)";
    Parity "parity": Kind::Word(PARITY), "", "PARENB and PARODD", "termios(3)", Either SERIAL false, "the bit that makes the ones of each character even or odd (none unless given)";
    Stop "stop": integer(1, 2), "", "CSTOPB", "termios(3)", Either SERIAL false, "bits behind each character (1 unless given)";
    Flow "flow": Kind::Word(FLOW), "", "CRTSCTS, IXON and IXOFF", "termios(3)", Either SERIAL false, "how one side makes the other wait: by RTS and CTS, or by two characters (none unless given)";
    Address "address": Kind::Subnet, "", "SIOCSIFADDR", "netdevice(7)", Either TUN true, "an address of the interface, and how long the prefix of its network is";
    Record "record": Kind::File, "", "Enhanced Packet Block", "pcapng", Either TAP false, "a file that gets all that passes as packets, for Wireshark; {call} in its name: one a call";
    Hexdump "hexdump": Kind::Flag, "", "", "hexdump(1)", Either TAP false, "show all that passes on standard error, in hexadecimal and as text";
    RawIn "raw-in": Kind::File, "", "", "write(2)", Either TAP false, "a file that gets the bytes that come; {call} in its name: one a call";
    RawOut "raw-out": Kind::File, "", "", "write(2)", Either TAP false, "a file that gets the bytes that go; {call} in its name: one a call";
    Delay "delay": each(&SPAN), "us", "delay", "tc-netem(8)", Either IMPAIR true, "how late everything is that passes";
    Jitter "jitter": each(&SPAN), "us", "jitter", "tc-netem(8)", Either IMPAIR true, "how much earlier or later than that it may be; the order stays";
    Loss "loss": each(&Kind::Share), "", "loss random", "tc-netem(8)", Either IMPAIR true, "how many messages are lost";
    Burst "burst": each(&BURST), "", "loss gemodel", "tc-netem(8)", Either IMPAIR true, "how many are lost in a row, on the average (unless given: each by itself)";
    Duplicate "duplicate": each(&Kind::Share), "", "duplicate", "tc-netem(8)", Either IMPAIR true, "how many messages come twice";
    Reorder "reorder": each(&Kind::Share), "", "reorder", "tc-netem(8)", Either IMPAIR true, "how many messages are overtaken by the next, for which they wait for 1.5s at most";
    Corrupt "corrupt": each(&Kind::Share), "", "corrupt", "tc-netem(8)", Either IMPAIR true, "how many messages, or bytes of a stream, have one bit wrong";
    Rate "rate": each(&Kind::Rate), "", "rate", "tc-netem(8)", Either IMPAIR true, "how much of each call passes";
    TotalRate "total-rate": each(&Kind::Rate), "", "rate", "tc-netem(8)", Either IMPAIR true, "how much of all calls together passes";
    Queue "queue": each(&QUEUE), "bytes", "limit", "tc-netem(8)", Either IMPAIR true, "what may wait for its turn at a rate (64KiB unless given); a message beyond is lost, a stream is not read";
    QueueMessages "queue-messages": each(&MESSAGES), "", "limit", "tc-netem(8)", Either IMPAIR true, "how many messages may wait for their turn at a rate";
    Slice "slice": each(&SLICE), "bytes", "slot", "tc-netem(8)", Either IMPAIR true, "a stream comes in pieces of so many bytes at most";
    StallAfter "stall-after": each(&Kind::After), "", "", "impair", Either IMPAIR true, "nothing passes any more behind so many bytes, or after this time";
    CloseAfter "close-after": each(&Kind::After), "", "shutdown(2)", "shutdown(2)", Either IMPAIR true, "the call is closed behind so many bytes, or after this time";
    ResetAfter "reset-after": each(&Kind::After), "", "SO_LINGER", "socket(7)", Either IMPAIR true, "the call is reset behind so many bytes, or after this time";
    FailFirst "fail-first": integer(1, 1_000_000), "", "SO_LINGER", "socket(7)", Either IMPAIR false, "so many calls are reset, before any is let through";
    Refuse "refuse": Kind::Flag, "", "SO_LINGER", "socket(7)", Either IMPAIR false, "every call is reset";
    Seed "seed": integer(0, i64::MAX), "", "", "impair", Either IMPAIR false, "where chance begins: the same seed and input have the same faults (1 unless given)";
}

/// Where an option applies: on which transports, in which layers.
type Place = (&'static [Transport], &'static [Layer]);

const TCP: Place = (&[Tcp], &[]);
const UDP: Place = (&[Udp], &[]);
const IP: Place = (&[Tcp, Udp], &[]);
const UNIX: Place = (&[Unix, UnixDgram, UnixSeqpacket], &[]);
const ACCEPTING: Place = (&[Tcp, Unix, UnixSeqpacket], &[]);
const CONNECTING: Place = (&[Tcp, Unix, UnixDgram, UnixSeqpacket, Fifo], &[]);
const SOCKETS: Place = (&[Tcp, Udp, Unix, UnixDgram, UnixSeqpacket], &[]);
const FILES: Place = (&[File, Fifo], &[]);
const FILE: Place = (&[File], &[]);
const FOLLOWED: Place = (&[File, Fifo, Pty], &[]);
const MADE: Place = (&[File, Fifo, Pty], &[]);
const PTY: Place = (&[Pty], &[]);
const PROGRAM: Place = (&[Exec, Shell], &[]);
const TERMINAL: Place = (&[Pty, Exec, Shell], &[]);
const TUN: Place = (&[Tun], &[]);
const SERIAL: Place = (&[Serial], &[]);
const TLS: Place = (&[], &[Layer::Tls]);
const WS: Place = (&[], &[Layer::WebSocket]);
const PROXY: Place = (&[], &[Layer::Proxy]);
const OPENING: Place = (&[], &[Layer::Tls, Layer::WebSocket, Layer::Proxy]);
const IMPAIR: Place = (&[], &[Layer::Impair]);
const TAP: Place = (&[], &[Layer::Tap]);

const TLS_VERSIONS: &[&str] = &["1.2", "1.3"];
const WS_FRAMES: &[&str] = &["text", "binary"];
const PROXY_VERSIONS: &[&str] = &["v1", "v2"];
const ACCESS: &[&str] = &["read", "write", "append", "both"];
const STDERR: &[&str] = &["ours", "call", "none"];
const PARITY: &[&str] = &["none", "even", "odd"];
const FLOW: &[&str] = &["none", "hardware", "software"];

/// The greatest value of the kernel's `int`, in which most options are handed over.
const INT_MAX: u64 = 2_147_483_647;

const fn each(kind: &'static Kind) -> Kind {
    Kind::EachWay(kind)
}

const SPAN: Kind = micros(0, 3_600_000_000);
const BURST: Kind = integer(1, 1_000);
const QUEUE: Kind = size(1, 1 << 30);
const MESSAGES: Kind = integer(1, 1_000_000);
const SLICE: Kind = size(1, 1 << 20);

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

const fn size(min: u64, max: u64) -> Kind {
    Kind::Size { min, max }
}

const fn text(max_bytes: usize) -> Kind {
    Kind::Text { max_bytes }
}

const fn seconds(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_secs(min), max: Duration::from_secs(max) }
}

const fn millis(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min), max: Duration::from_millis(max) }
}

const fn micros(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_micros(min), max: Duration::from_micros(max) }
}
