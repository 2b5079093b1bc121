//! A caller of the matrix: a plain socket of the standard library.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixStream};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE};

/// A socket that is connected to the server.
pub(crate) enum Caller {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// A sequenced-packet socket: the same calls, one message each.
    Seqpacket(UnixStream),
    Udp(UdpSocket),
    /// With the directory that holds its own name, to which answers go.
    UnixDgram(UnixDatagram, Directory),
}

impl Caller {
    /// Calls the address of a ready line.
    pub(crate) fn call(address: &str) -> Caller {
        let (scheme, place) = address.split_once(':').unwrap();
        let caller = match scheme {
            "tcp" => Caller::Tcp(TcpStream::connect(ip(place)).unwrap()),
            "udp" => Caller::Udp(udp(ip(place))),
            "unix" => Caller::Unix(match place.strip_prefix('@') {
                Some(name) => UnixStream::connect_addr(&UnixAddr::from_abstract_name(name).unwrap()).unwrap(),
                None => UnixStream::connect(place).unwrap(),
            }),
            "unix-seqpacket" => Caller::Seqpacket(seqpacket(place)),
            "unix-dgram" => {
                let directory = Directory::new();
                let socket = UnixDatagram::bind(directory.file("caller")).unwrap();
                socket.connect(place).unwrap();
                Caller::UnixDgram(socket, directory)
            }
            other => panic!("the matrix cannot call {other}"),
        };
        caller.wait_at_most(PATIENCE);
        caller
    }

    fn wait_at_most(&self, patience: std::time::Duration) {
        match self {
            Caller::Tcp(socket) => socket.set_read_timeout(Some(patience)),
            Caller::Unix(socket) | Caller::Seqpacket(socket) => socket.set_read_timeout(Some(patience)),
            Caller::Udp(socket) => socket.set_read_timeout(Some(patience)),
            Caller::UnixDgram(socket, _) => socket.set_read_timeout(Some(patience)),
        }
        .unwrap();
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        match self {
            Caller::Tcp(socket) => socket.write_all(bytes),
            Caller::Unix(socket) => socket.write_all(bytes),
            Caller::Seqpacket(socket) => socket.write(bytes).map(|sent| assert_eq!(sent, bytes.len())),
            Caller::Udp(socket) => socket.send(bytes).map(drop),
            Caller::UnixDgram(socket, _) => socket.send(bytes).map(drop),
        }
        .unwrap();
    }

    /// Sends no more. Datagrams have no end to tell of.
    pub(crate) fn finish(&mut self) {
        match self {
            Caller::Tcp(socket) => socket.shutdown(Shutdown::Write).unwrap(),
            Caller::Unix(socket) | Caller::Seqpacket(socket) => socket.shutdown(Shutdown::Write).unwrap(),
            Caller::Udp(_) | Caller::UnixDgram(..) => {}
        }
    }

    /// One receive: a message, or what there is of a stream; empty at its end.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 128 * 1024];
        let length = uninterrupted(|| self.receive_into(&mut buffer));
        buffer.truncate(length.unwrap_or_else(|error| panic!("nothing came: {error}")));
        buffer
    }

    fn receive_into(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Caller::Tcp(socket) => socket.read(buffer),
            Caller::Unix(socket) | Caller::Seqpacket(socket) => socket.read(buffer),
            Caller::Udp(socket) => socket.recv(buffer),
            Caller::UnixDgram(socket, _) => socket.recv(buffer),
        }
    }

    /// Receives this text: on a stream in any cut, else as one message.
    pub(crate) fn expect(&mut self, text: &[u8]) {
        let mut came = self.receive();
        while self.is_stream() && came.len() < text.len() {
            let more = self.receive();
            assert!(!more.is_empty(), "the answer ended early: {:?}", String::from_utf8_lossy(&came));
            came.extend(more);
        }
        assert!(came == text, "{} bytes wanted, {} other bytes came", text.len(), came.len());
    }

    /// The server sends no more. Nothing to be seen on datagrams.
    pub(crate) fn expect_end(&mut self) {
        if self.has_end() {
            let more = self.receive();
            assert!(more.is_empty(), "more came than was wanted: {:?}", String::from_utf8_lossy(&more));
        }
    }

    /// Nothing lies here to be received.
    pub(crate) fn expect_nothing(&mut self) {
        match self {
            Caller::Tcp(socket) => socket.set_nonblocking(true),
            Caller::Unix(socket) | Caller::Seqpacket(socket) => socket.set_nonblocking(true),
            Caller::Udp(socket) => socket.set_nonblocking(true),
            Caller::UnixDgram(socket, _) => socket.set_nonblocking(true),
        }
        .unwrap();
        let came = self.receive_into(&mut [0; 16]);
        assert_eq!(came.unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Caller::Tcp(_) | Caller::Unix(_))
    }

    pub(crate) fn has_end(&self) -> bool {
        !matches!(self, Caller::Udp(_) | Caller::UnixDgram(..))
    }

    /// The longest message that the transport carries whole by default.
    pub(crate) fn message_bytes_max(&self) -> usize {
        match self {
            Caller::Udp(_) => 65_507,
            Caller::Tcp(_) | Caller::Unix(_) | Caller::Seqpacket(_) | Caller::UnixDgram(..) => 100_000,
        }
    }

    /// How `who` has to introduce this caller, up to the time.
    pub(crate) fn introduced(&self) -> Vec<String> {
        let ip = |address: SocketAddr| {
            let (ip, port) = (address.ip(), address.port());
            vec![
                format!("Connection from localhost ({ip}) {port} at "),
                format!("Connection from ip6-localhost ({ip}) {port} at "),
                format!("Connection from {ip} ({ip}) {port} at "),
            ]
        };
        match self {
            Caller::Tcp(socket) => ip(socket.local_addr().unwrap()),
            Caller::Udp(socket) => ip(socket.local_addr().unwrap()),
            Caller::Unix(_) => vec!["Connection from unix:(unnamed) at ".into()],
            Caller::Seqpacket(_) => vec!["Connection from unix-seqpacket:(unnamed) at ".into()],
            Caller::UnixDgram(_, directory) => {
                vec![format!("Connection from unix-dgram:{} at ", directory.file("caller"))]
            }
        }
    }
}

fn ip(place: &str) -> SocketAddr {
    place.trim_start_matches("//").parse().unwrap()
}

fn udp(server: SocketAddr) -> UdpSocket {
    let own = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
    let socket = UdpSocket::bind(own).unwrap();
    socket.connect(server).unwrap();
    socket
}

fn seqpacket(path: &str) -> UnixStream {
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    UnixStream::from(socket)
}
