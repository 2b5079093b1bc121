//! Bursts: several datagrams by one call, each of them what it would be alone.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

mod common;

use std::net::{SocketAddr, UdpSocket};

use common::{Folder, address, at, call, port, until_readable};
use socket::{BURST_BYTES_MAX, BURST_MESSAGES_MAX, BurstSocket, DatagramSocket, Inbox, Parcel, PeerAddress};

fn bound(text: impl AsRef<str>) -> BurstSocket {
    DatagramSocket::bind(&address(text)).unwrap_or_else(|error| panic!("{error}")).0.in_bursts()
}

/// Bytes that differ from message to message, and in a message.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index % 251) as u8).collect()
}

/// Sends one burst; how many bytes went.
fn send(from: &BurstSocket, bytes: &[u8], segment: usize, peer: &PeerAddress) -> std::io::Result<usize> {
    let parcel = Parcel { bytes, segment: Some(segment), peer };
    from.send(&[parcel]).map(|sent| sent * bytes.len())
}

/// Where it is called on loopback.
fn at_loopback(socket: &BurstSocket) -> PeerAddress {
    let local = socket.local_end().unwrap().ip().unwrap();
    let ip = match local {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".parse().unwrap(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "::1".parse().unwrap(),
        SocketAddr::V4(_) | SocketAddr::V6(_) => local.ip(),
    };
    PeerAddress::from(SocketAddr::new(ip, local.port()))
}

/// The datagrams that come next, as many: each with its bytes and how long it was.
fn receive(socket: &BurstSocket, room: usize, count: usize) -> Vec<(Vec<u8>, usize)> {
    let mut came = Vec::new();
    let mut buffer = vec![0; room];
    while came.len() < count {
        until_readable(socket);
        let burst = socket.receive(&mut buffer).unwrap();
        let messages = burst.messages().map(|message| (buffer[message.place].to_vec(), message.whole));
        came.extend(messages);
    }
    came
}

#[test]
fn datagrams_that_were_sent_together_come_each_as_long_as_it_was() {
    for (server, sender) in [
        ("udp://127.0.0.1:0", "udp://127.0.0.1:0"),
        ("udp://[::1]:0", "udp://[::1]:0"),
        ("udp://0.0.0.0:0", "udp://127.0.0.1:0"),
        ("udp://:0", "udp://[::1]:0"),
        ("udp://:0", "udp://:0"),
    ] {
        let (server, sender) = (bound(server), bound(sender));
        let to = at_loopback(&server);
        for (whole, segment) in
            [(64, 1), (63, 2), (5003, 1000), (5000, 1000), (1001, 1000), (10, 10), (BURST_BYTES_MAX, 1400)]
        {
            let sent = bytes(whole);
            assert_eq!(send(&sender, &sent, segment, &to).unwrap(), whole);
            let wanted: Vec<_> = sent.chunks(segment).map(|one| (one.to_vec(), one.len())).collect();
            assert_eq!(receive(&server, 70_000, wanted.len()), wanted, "{whole} bytes by {segment}");
        }
    }
}

#[test]
fn datagrams_of_one_burst_are_received_by_one_call() {
    let (server, sender) = (bound("udp://127.0.0.1:0"), bound("udp://127.0.0.1:0"));
    send(&sender, &bytes(6400), 100, &at_loopback(&server)).unwrap();
    until_readable(&server);
    let burst = server.receive(&mut [0; 70_000]).unwrap();
    assert_eq!((burst.count(), burst.segment, burst.whole), (BURST_MESSAGES_MAX, Some(100), 6400));
    assert_eq!(burst.from.unwrap().ip(), sender.local_end().unwrap().ip());
}

#[test]
fn of_a_burst_that_is_longer_than_the_buffer_only_what_is_beyond_its_end_is_cut() {
    for text in ["udp://127.0.0.1:0", "udp://0.0.0.0:0"] {
        let (server, sender) = (bound(text), bound("udp://127.0.0.1:0"));
        let sent = bytes(450);
        send(&sender, &sent, 100, &at_loopback(&server)).unwrap();
        let wanted = [
            (sent[..100].to_vec(), 100),
            (sent[100..200].to_vec(), 100),
            (sent[200..250].to_vec(), 100),
            (Vec::new(), 100),
            (Vec::new(), 50),
        ];
        assert_eq!(receive(&server, 250, 5), wanted, "{text}");
    }
}

#[test]
fn single_datagrams_come_as_they_were_an_empty_one_and_a_cut_one_among_them() {
    let folder = Folder::new();
    for text in ["udp://127.0.0.1:0".to_owned(), "udp://:0".to_owned(), at("unix-dgram", &folder.path("d"))] {
        let server = bound(&text);
        let caller = call(server.local_end().unwrap().to_string().replace("[::]", "127.0.0.1"));
        for size in [5, 0, 100, 5] {
            caller.send(&bytes(size)).unwrap();
        }
        let wanted = [5, 0, 100, 5].map(|size: usize| (bytes(size.min(60)), size));
        assert_eq!(receive(&server, 60, 4), wanted, "{text}");
    }
}

#[test]
fn datagrams_and_bursts_of_several_senders_are_received_and_answered_by_one_call_each() {
    for text in ["udp://127.0.0.1:0", "udp://0.0.0.0:0", "udp://:0"] {
        let server = bound(text);
        let to = SocketAddr::from(([127, 0, 0, 1], port(&server.local_end().unwrap())));
        let to = PeerAddress::from(to);
        let (one, burst) = (bound("udp://127.0.0.1:0"), bound("udp://127.0.0.1:0"));
        one.send_to(b"alone", &to).unwrap();
        one.send_to(b"", &to).unwrap();
        send(&burst, &bytes(25), 10, &to).unwrap();
        let mut inbox = Inbox::new();
        until_readable(&server);
        assert_eq!(server.receive_into(&mut inbox, 2).unwrap(), 2, "no more than it was asked for");
        let came = (0..3).filter_map(|index| inbox.message(index));
        let came: Vec<_> = came.map(|message| (server.burst_of(&message).count(), message.bytes)).collect();
        assert_eq!(came, [(1, &b"alone"[..]), (1, b"")], "{text}");
        assert_eq!(server.receive_into(&mut inbox, Inbox::MOST).unwrap(), 1);
        let message = inbox.message(0).unwrap();
        let came = server.burst_of(&message);
        assert_eq!((came.count(), message.bytes), (3, &bytes(25)[..]));
        let second = came.from.unwrap();
        let first = PeerAddress::from(one.local_end().unwrap().ip().unwrap());
        let answers = [
            Parcel { bytes: b"for one", segment: None, peer: &first },
            Parcel { bytes: &bytes(15), segment: Some(10), peer: &second },
        ];
        assert_eq!(server.send(&answers).unwrap(), 2);
        until_readable(&one);
        assert_eq!(one.receive(&mut [0; 100]).unwrap().whole, 7);
        assert_eq!(receive(&burst, 100, 2), [(bytes(10), 10), (bytes(15)[10..].to_vec(), 5)]);
    }
}

#[test]
fn what_stands_before_a_parcel_that_cannot_go_goes_and_the_count_says_so() {
    let (server, caller) = (bound("udp://127.0.0.1:0"), bound("udp://127.0.0.1:0"));
    let peer = &at_loopback(&caller);
    let good = Parcel { bytes: b"good", segment: None, peer };
    let bad = Parcel { bytes: &[0; 70_000], ..good };
    assert_eq!(server.send(&[good, bad, good]).unwrap(), 1);
    assert_eq!(server.send(&[bad, good]).unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
    assert_eq!(receive(&caller, 100, 1), [(b"good".to_vec(), 4)]);
    assert!(caller.receive(&mut [0; 10]).is_err());
}

#[test]
fn who_did_not_ask_for_bursts_hears_each_datagram_by_itself() {
    let sender = bound("udp://127.0.0.1:0");
    let hears = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ours = DatagramSocket::bind(&address("udp://127.0.0.1:0")).unwrap().0;
    let connected = call(sender.local_end().unwrap().to_string());
    let ends = [hears.local_addr().unwrap(), ours.local_end().unwrap().ip().unwrap()];
    let ends = ends.into_iter().chain(connected.local_end().unwrap().ip());
    for end in ends {
        assert_eq!(send(&sender, &bytes(25), 10, &PeerAddress::from(end)).unwrap(), 25);
    }
    for wanted in [10, 10, 5] {
        until_readable(&hears);
        assert_eq!(hears.recv(&mut [0; 100]).unwrap(), wanted);
        until_readable(&ours);
        assert_eq!(ours.receive_from(&mut [0; 100]).unwrap().whole, wanted);
        until_readable(&connected);
        assert_eq!(connected.receive(&mut [0; 100]).unwrap().whole, wanted);
    }
}

#[test]
fn a_burst_leaves_from_the_address_that_was_asked() {
    for text in ["udp://0.0.0.0:0", "udp://:0"] {
        let server = bound(text);
        let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = port(&server.local_end().unwrap());
        asker.send_to(b"question", ("127.0.0.2", port)).unwrap();
        until_readable(&server);
        let burst = server.receive(&mut [0; 100]).unwrap();
        assert_eq!(burst.to.unwrap().ip.to_string(), "127.0.0.2", "{text}");
        send(&server, &bytes(15), 10, &burst.from.unwrap()).unwrap();
        for wanted in [10, 5] {
            let (length, from) = asker.recv_from(&mut [0; 100]).unwrap();
            assert_eq!((length, from.to_string()), (wanted, format!("127.0.0.2:{port}")), "{text}");
        }
    }
}

#[test]
fn a_burst_beyond_a_limit_is_refused_whole() {
    let folder = Folder::new();
    let hears = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = PeerAddress::from(hears.local_addr().unwrap());
    let sender = bound("udp://127.0.0.1:0");
    assert!(send(&sender, &bytes(BURST_BYTES_MAX + 1), 1400, &to).is_err());
    assert!(send(&sender, &bytes(70_000), 70_000, &to).is_err());
    let unix = bound(at("unix-dgram", &folder.path("d")));
    assert_eq!(send(&unix, b"two", 2, &to).unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
    hears.set_nonblocking(true).unwrap();
    assert!(hears.recv(&mut [0; 10]).is_err(), "a part of it was sent");
}
