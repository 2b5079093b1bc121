//! Transports and the table of their schemes.
//!
//! socket(2), address_families(7). A scheme is a row of data: the parser, the help text and the tests read
//! [`SCHEMES`] and know no transport by name. Protected: row `n` is the row of `Transport::ALL[n]` (a test).

use std::fmt;

use crate::layer::{Layer, Layers, SHORT};

use Transport::{
    Descriptor, Exec, Fifo, File, Pty, Serial, Shell, Standard, Tcp, Tun, Udp, Unix, UnixDgram, UnixSeqpacket,
};

/// What a transport keeps of what was sent: the socket type of socket(2).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Shape {
    /// `SOCK_STREAM`: bytes in order, without boundaries.
    Stream,
    /// `SOCK_DGRAM`: messages, each whole; some may be lost or overtake others.
    Datagram,
    /// `SOCK_SEQPACKET`: messages, each whole and in order.
    SeqPacket,
}

impl Shape {
    /// Whether one receive gives exactly what one send took.
    pub fn keeps_boundaries(self) -> bool {
        match self {
            Shape::Stream => false,
            Shape::Datagram | Shape::SeqPacket => true,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Shape::Stream => "byte stream",
            Shape::Datagram => "datagrams",
            Shape::SeqPacket => "sequenced packets",
        })
    }
}

/// What carries the bytes. Its [`Display`](fmt::Display) is the scheme: `tcp`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Transport {
    /// tcp(7), over IPv4 or IPv6.
    Tcp,
    /// udp(7), over IPv4 or IPv6.
    Udp,
    /// unix(7), a byte stream on this machine.
    Unix,
    /// unix(7), datagrams on this machine.
    UnixDgram,
    /// unix(7), sequenced packets on this machine.
    UnixSeqpacket,
    /// Standard input and output, stdin(3).
    Standard,
    /// A descriptor that is open already.
    Descriptor,
    /// A program that is started for the call, and spoken with by its standard input and output.
    Exec,
    /// The same of a command line that the shell reads.
    Shell,
    /// A file, or a device that is read and written as one.
    File,
    /// A named pipe, fifo(7).
    Fifo,
    /// A terminal of our own making, whose other side any program can open, pty(7).
    Pty,
    /// A line with another machine on it, termios(3).
    Serial,
    /// A network interface of our own making: each of its packets is a message.
    Tun,
}

impl Transport {
    /// Every transport, in the order of [`SCHEMES`].
    pub const ALL: &[Transport] = &[
        Tcp,
        Udp,
        Unix,
        UnixDgram,
        UnixSeqpacket,
        Standard,
        Descriptor,
        Exec,
        Shell,
        File,
        Fifo,
        Pty,
        Serial,
        Tun,
    ];

    /// The row of [`SCHEMES`] that describes this transport.
    pub fn row(self) -> &'static SchemeRow {
        &SCHEMES[self as usize]
    }

    /// The scheme that names this transport in an address: `tcp`, `unix-dgram`, `-`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The shape of what it carries; `None` where that is known only once it is open (`fd:N`).
    pub fn shape(self) -> Option<Shape> {
        self.row().shape
    }

    /// Whether this layer can lie on it: it is one socket, and carries bytes or the layer takes messages too.
    pub fn carries(self, layer: Layer) -> bool {
        let row = self.row();
        row.layers && (layer.is_transparent() || !row.shape.is_some_and(Shape::keeps_boundaries))
    }

    /// Whether its places are IP addresses and ports.
    pub fn is_ip(self) -> bool {
        self.row().form == Form::Network
    }

    /// Whether its places are names on this machine, unix(7).
    pub fn is_unix(self) -> bool {
        self.row().form == Form::Local
    }

    /// Whether its places are files of the file system or of the kernel, which are opened.
    pub fn is_file(self) -> bool {
        matches!(self.row().form, Form::File | Form::Nameless | Form::Interface)
    }

    /// Whether its places are commands, which are started.
    pub fn is_program(self) -> bool {
        self.row().form == Form::Command
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// What an address begins with: a transport and the layers on it. Its [`Display`](fmt::Display) is the shortest text
/// of it: `tls` for TLS over tcp, `wss`, `ws+unix`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Scheme {
    /// The layers, the one next to the socket first.
    pub layers: Layers,
    /// What carries their bytes.
    pub transport: Transport,
}

impl Scheme {
    /// The shape of what travels on the top: that of the outermost layer, or of the transport where there is none.
    pub fn shape(self) -> Option<Shape> {
        self.layers.shape().or(self.transport.shape())
    }

    /// The whole form, for help and error messages: `tls://HOST:PORT`.
    pub fn syntax(self) -> String {
        let row = self.transport.row();
        let form = |form: &str| format!("{self}{}", form.strip_prefix(row.name).unwrap_or(form));
        row.syntax.split(" or ").map(form).collect::<Vec<_>>().join(" or ")
    }

    /// How an address of it begins: `tls://…`.
    pub(crate) fn beginning(self) -> String {
        match self.transport.row().form {
            Form::Network => format!("{self}://…"),
            Form::Local | Form::Descriptor | Form::Command | Form::File | Form::Interface => {
                format!("{self}:…")
            }
            Form::Nameless => format!("{self}:"),
            Form::Standard => self.to_string(),
        }
    }
}

impl From<Transport> for Scheme {
    fn from(transport: Transport) -> Scheme {
        Scheme { layers: Layers::NONE, transport }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outermost_first: Vec<Layer> = self.layers.iter().rev().collect();
        let mut words = Vec::new();
        let mut rest = &outermost_first[..];
        let (short, meant) = SHORT;
        while let [layer, after @ ..] = rest {
            let (word, behind) =
                rest.strip_prefix(meant).map_or((layer.name(), after), |behind| (short, behind));
            words.push(word);
            rest = behind;
        }
        if words.is_empty() || self.transport != Tcp {
            words.push(self.transport.name());
        }
        formatter.pad(&words.join("+"))
    }
}

/// How the place is written after the scheme.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Form {
    /// `://HOST:PORT`.
    Network,
    /// `:PATH` or `:@NAME`.
    Local,
    /// `:N`.
    Descriptor,
    /// `:COMMAND`.
    Command,
    /// `:PATH` of a file.
    File,
    /// `:NAME` of a network interface.
    Interface,
    /// `:` alone: there is nothing to be named before it is made.
    Nameless,
    /// Nothing: the scheme is the whole address.
    Standard,
}

/// One scheme: everything that is known of it before anything is opened.
#[derive(Clone, Copy, Debug)]
pub struct SchemeRow {
    /// The transport that the scheme names.
    pub transport: Transport,
    /// The first word of the address: `tcp`.
    pub name: &'static str,
    /// The whole form, for help and error messages: `tcp://HOST:PORT`.
    pub syntax: &'static str,
    /// How the place is written, which chooses the parser of it.
    pub form: Form,
    /// The shape; `None` if known only once it is open.
    pub shape: Option<Shape>,
    /// Whether one can listen on it.
    pub listens: bool,
    /// Whether one can connect to it.
    pub connects: bool,
    /// Whether layers can lie on it: it is one socket. On messages only transparent ones can.
    pub layers: bool,
    /// The man page: `tcp(7)`.
    pub man: &'static str,
    /// One line of help.
    pub help: &'static str,
}

/// Every scheme, in the order of [`Transport::ALL`].
#[rustfmt::skip]
pub const SCHEMES: &[SchemeRow] = &[
    SchemeRow { transport: Tcp, name: "tcp", syntax: "tcp://HOST:PORT", form: Form::Network, shape: Some(Shape::Stream),
        listens: true, connects: true, layers: true, man: "tcp(7)", help: "a byte stream between machines" },
    SchemeRow { transport: Udp, name: "udp", syntax: "udp://HOST:PORT", form: Form::Network, shape: Some(Shape::Datagram),
        listens: true, connects: true, layers: true, man: "udp(7)", help: "datagrams between machines, each whole or lost" },
    SchemeRow { transport: Unix, name: "unix", syntax: "unix:PATH or unix:@NAME", form: Form::Local, shape: Some(Shape::Stream),
        listens: true, connects: true, layers: true, man: "unix(7)", help: "a byte stream on this machine (@NAME: abstract, no file)" },
    SchemeRow { transport: UnixDgram, name: "unix-dgram", syntax: "unix-dgram:PATH or unix-dgram:@NAME", form: Form::Local, shape: Some(Shape::Datagram),
        listens: true, connects: true, layers: true, man: "unix(7)", help: "datagrams on this machine, none lost" },
    SchemeRow { transport: UnixSeqpacket, name: "unix-seqpacket", syntax: "unix-seqpacket:PATH or unix-seqpacket:@NAME", form: Form::Local, shape: Some(Shape::SeqPacket),
        listens: true, connects: true, layers: true, man: "unix(7)", help: "connected messages on this machine, in order" },
    SchemeRow { transport: Standard, name: "-", syntax: "-", form: Form::Standard, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: false, man: "stdin(3)", help: "standard input and output" },
    SchemeRow { transport: Descriptor, name: "fd", syntax: "fd:N", form: Form::Descriptor, shape: None,
        listens: true, connects: true, layers: true, man: "socket(7)", help: "the socket that is open already as descriptor N" },
    SchemeRow { transport: Exec, name: "exec", syntax: "exec:COMMAND", form: Form::Command, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: true, man: "execve(2)", help: "a program started for the call; its words are cut as a shell cuts them" },
    SchemeRow { transport: Shell, name: "sh", syntax: "sh:COMMAND", form: Form::Command, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: true, man: "sh(1)", help: "a command line for /bin/sh, run for the call" },
    SchemeRow { transport: File, name: "file", syntax: "file:PATH", form: Form::File, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: false, man: "open(2)", help: "a file or a device, read unless ?access= says otherwise" },
    SchemeRow { transport: Fifo, name: "fifo", syntax: "fifo:PATH", form: Form::File, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: false, man: "fifo(7)", help: "a named pipe, made where it is absent; read unless ?access=write" },
    SchemeRow { transport: Pty, name: "pty", syntax: "pty:", form: Form::Nameless, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: false, man: "pty(7)", help: "a new terminal for any program to open, at the path that ?link= gives it" },
    SchemeRow { transport: Serial, name: "serial", syntax: "serial:PATH", form: Form::File, shape: Some(Shape::Stream),
        listens: false, connects: true, layers: false, man: "termios(3)", help: "a serial line, or another terminal that is there already" },
    SchemeRow { transport: Tun, name: "tun", syntax: "tun:NAME", form: Form::Interface, shape: Some(Shape::Datagram),
        listens: false, connects: true, layers: false, man: "netdevice(7)", help: "a network interface of our own: each IP packet sent there is a message" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_finds_its_own_row() {
        assert_eq!(SCHEMES.len(), Transport::ALL.len());
        for (row, transport) in SCHEMES.iter().zip(Transport::ALL) {
            assert_eq!(row.transport, *transport);
            assert_eq!(transport.row().transport, *transport);
            assert!(row.syntax.starts_with(row.name));
        }
    }

    #[test]
    fn only_a_byte_stream_loses_message_boundaries() {
        assert!(!Shape::Stream.keeps_boundaries());
        assert!(Shape::Datagram.keeps_boundaries());
        assert!(Shape::SeqPacket.keeps_boundaries());
        assert_eq!(Descriptor.shape(), None);
        assert_eq!(Standard.shape(), Some(Shape::Stream));
    }

    #[test]
    fn a_transport_is_of_one_form_only() {
        for transport in Transport::ALL {
            assert!(!(transport.is_ip() && transport.is_unix()), "{transport}");
        }
        assert!(Udp.is_ip());
        assert!(UnixDgram.is_unix());
        assert!(!Descriptor.is_unix());
    }
}
