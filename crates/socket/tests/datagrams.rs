//! Datagrams: whole or told to be cut, answered from the address asked.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

mod common;

use std::net::{IpAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;

use address::{End, Transport};
use common::{Folder, address, at, call, next, port, until_readable};
use socket::{Datagram, DatagramSocket, PeerAddress};

fn bound(text: impl AsRef<str>) -> DatagramSocket {
    DatagramSocket::bind(&address(text)).unwrap_or_else(|error| panic!("{error}")).0
}

fn receive(socket: &DatagramSocket, buffer: &mut [u8]) -> Datagram {
    until_readable(socket);
    socket.receive_from(buffer).unwrap()
}

#[test]
fn a_datagram_of_any_size_is_echoed_whole() {
    let folder = Folder::new();
    for text in
        ["udp://127.0.0.1:0".to_owned(), "udp://[::]:0".to_owned(), at("unix-dgram", &folder.path("d"))]
    {
        let server = bound(&text);
        let end = server.local_end().unwrap();
        let target =
            if text.contains("::") { format!("udp://[::1]:{}", port(&end)) } else { end.to_string() };
        let caller = call(format!("{target}?sndbuf=200KiB"));
        for size in [0, 1, 1472, 65507] {
            let message = vec![7; size];
            assert_eq!(caller.send(&message).unwrap(), size);
            let mut buffer = vec![0; 70_000];
            let datagram = receive(&server, &mut buffer);
            assert_eq!((datagram.length, datagram.whole), (size, size), "{text}");
            let peer = datagram.from.unwrap();
            assert_eq!(peer.end(server.transport()).to_string(), caller.local_end().unwrap().to_string());
            assert_eq!(server.send_to(&buffer[..size], &peer).unwrap(), size);
            until_readable(&caller);
            let received = caller.receive(&mut buffer).unwrap();
            assert_eq!((received.whole, received.end), (size, false), "an empty datagram is a message");
        }
    }
}

#[test]
fn a_datagram_that_is_longer_than_the_buffer_says_how_long_it_was() {
    let folder = Folder::new();
    for text in ["udp://127.0.0.1:0".to_owned(), "udp://:0".to_owned(), at("unix-dgram", &folder.path("d"))] {
        let server = bound(&text);
        let end = server.local_end().unwrap();
        let caller = call(end.to_string().replace("[::]", "127.0.0.1"));
        caller.send(&[1; 100]).unwrap();
        let mut short = [0; 10];
        let datagram = receive(&server, &mut short);
        assert_eq!((datagram.length, datagram.whole), (10, 100), "{text}");

        server.send_to(&[2; 50], &datagram.from.unwrap()).unwrap();
        until_readable(&caller);
        let received = caller.receive(&mut short).unwrap();
        assert_eq!((received.length, received.whole), (10, 50), "{text}");
    }
}

#[test]
fn a_refused_port_is_reported_to_a_connected_caller() {
    let closed = port(&bound("udp://127.0.0.1:0").local_end().unwrap());
    let caller = call(format!("udp://127.0.0.1:{closed}"));
    caller.send(b"anybody?").unwrap();
    until_readable(&caller);
    let error = caller.receive(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_connected_caller_hears_only_its_peer() {
    let server = bound("udp://127.0.0.1:0");
    let caller = call(server.local_end().unwrap().to_string());
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    stranger.send_to(b"stranger", caller.local_end().unwrap().ip().unwrap()).unwrap();
    caller.send(b"hello").unwrap();
    let peer = receive(&server, &mut [0; 10]).from.unwrap();
    server.send_to(b"peer", &peer).unwrap();
    assert_eq!(next(&caller), b"peer");
}

#[test]
fn an_answer_leaves_from_the_address_that_was_asked() {
    for text in ["udp://0.0.0.0:0", "udp://:0"] {
        let server = bound(text);
        let port = port(&server.local_end().unwrap());
        let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
        asker.send_to(b"question", ("127.0.0.2", port)).unwrap();
        let datagram = receive(&server, &mut [0; 100]);
        let asked: IpAddr = "127.0.0.2".parse().unwrap();
        assert_eq!(datagram.to.unwrap().ip, asked, "{text}");
        let peer = datagram.from.unwrap();
        assert_eq!(peer.ip(), Some(asker.local_addr().unwrap()));
        assert_eq!(peer.answer_from(), Some(asked));
        server.send_to(b"answer", &peer).unwrap();
        let mut buffer = [0; 100];
        let (length, from) = asker.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..length], from.to_string()), (&b"answer"[..], format!("127.0.0.2:{port}")));
    }
}

#[test]
fn one_address_alone_tells_no_destination() {
    let server = bound("udp://127.0.0.1:0");
    call(server.local_end().unwrap().to_string()).send(b"hello").unwrap();
    let datagram = receive(&server, &mut [0; 10]);
    assert_eq!((datagram.to, datagram.from.unwrap().answer_from()), (None, None));
}

#[test]
fn a_second_server_is_refused_and_a_second_worker_is_not() {
    let first = bound("udp://127.0.0.1:0");
    let end = first.local_end().unwrap();
    let error = DatagramSocket::bind(&address(end.to_string())).unwrap_err();
    assert!(error.to_string().contains("ss -lnup 'sport = :"), "{error}");
    let second = first.another().unwrap();
    assert_eq!(second.local_end().unwrap(), end);
    assert!(DatagramSocket::bind(&address(end.to_string())).is_err(), "still a stranger");

    let senders: Vec<UdpSocket> = (0..64).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for sender in &senders {
        sender.send_to(b"x", end.ip().unwrap()).unwrap();
    }
    let heard =
        |socket: &DatagramSocket| std::iter::from_fn(|| socket.receive_from(&mut [0; 10]).ok()).count();
    let shares = [heard(&first), heard(&second)];
    assert_eq!(shares[0] + shares[1], senders.len());
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

#[test]
fn a_sender_without_a_name_cannot_be_answered() {
    let folder = Folder::new();
    let path = folder.path("server");
    let server = bound(at("unix-dgram", &path));
    UnixDatagram::unbound().unwrap().send_to(b"anonymous", &path).unwrap();
    let datagram = receive(&server, &mut [0; 100]);
    assert_eq!((datagram.length, datagram.from), (9, None));
    let error = PeerAddress::try_from(&End::Unnamed(Transport::UnixDgram)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(server.another().unwrap_err().to_string().contains("one socket"));
}

#[test]
fn a_unix_peer_at_a_path_is_answered_there() {
    let folder = Folder::new();
    let server = bound(at("unix-dgram", &folder.path("server")));
    let caller = UnixDatagram::bind(folder.path("caller")).unwrap();
    caller.send_to(b"hello", folder.path("server")).unwrap();
    let peer = receive(&server, &mut [0; 10]).from.unwrap();
    server.send_to(b"back", &peer).unwrap();
    let mut buffer = [0; 10];
    assert_eq!(caller.recv(&mut buffer).unwrap(), 4);
    drop(caller);
    assert!(server.send_to(b"gone", &peer).is_err());
}

#[test]
fn a_bound_socket_that_connects_keeps_its_address_and_its_path() {
    let folder = Folder::new();
    let (first, second) = (at("unix-dgram", &folder.path("first")), at("unix-dgram", &folder.path("second")));
    let peer = bound(&second);
    let connection =
        bound(&first).connect_to(&PeerAddress::try_from(&peer.local_end().unwrap()).unwrap()).unwrap();
    connection.send(b"hello").unwrap();
    let from = receive(&peer, &mut [0; 10]).from.unwrap();
    assert_eq!(from.end(Transport::UnixDgram).to_string(), first);
    drop(connection);
    assert!(!folder.path("first").exists());

    let udp = bound("udp://:0");
    let other = bound("udp://127.0.0.1:0");
    let mine = port(&udp.local_end().unwrap());
    let connection = udp.connect_to(&PeerAddress::from(other.local_end().unwrap().ip().unwrap())).unwrap();
    assert_eq!(port(&connection.local_end().unwrap()), mine);
    connection.send(b"hello").unwrap();
    assert_eq!(receive(&other, &mut [0; 10]).length, 5);
}

#[test]
fn a_peer_of_another_family_is_refused() {
    let unix = bound("unix-dgram:@swb-test-family");
    let ip = PeerAddress::from("127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap());
    assert_eq!(unix.send_to(b"x", &ip).unwrap_err().raw_os_error(), Some(97));
    let named = PeerAddress::try_from(&unix.local_end().unwrap()).unwrap();
    assert_eq!(bound("udp://:0").send_to(b"x", &named).unwrap_err().raw_os_error(), Some(97));
}

#[test]
fn a_group_that_was_joined_is_heard() {
    for text in ["udp://0.0.0.0:0", "udp://:0"] {
        let server = bound(format!("{text}?join=239.1.2.3&multicast-interface=lo"));
        let port = port(&server.local_end().unwrap());
        let sender = call(format!("udp://239.1.2.3:{port}?multicast-interface=127.0.0.1"));
        sender.send(b"to all").unwrap();
        let datagram = receive(&server, &mut [0; 10]);
        assert_eq!(datagram.to.unwrap().ip.to_string(), "239.1.2.3");
        let peer = datagram.from.unwrap();
        assert!(peer.answer_from().is_some_and(|from| !from.is_multicast()), "{peer:?}");
        server.send_to(b"answer", &peer).unwrap();
    }
    let error = DatagramSocket::bind(&address("udp://127.0.0.1:0?join=ff02::1234")).unwrap_err();
    assert!(error.to_string().contains("listen on an address of the group's family"), "{error}");
}
