//! Each datagram whole, to its own source.

use std::net::UdpSocket;

use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, Running, Server, random_bytes, swb};
use crate::udp_socket;

#[test]
fn datagrams_of_every_length_come_back_whole_to_their_own_source() {
    for host in ["127.0.0.1", "[::1]"] {
        let server = Server::start(&["serve", "echo", &format!("udp://{host}:0")]);
        let callers = [0, 1].map(|_| {
            let caller = UdpSocket::bind(format!("{host}:0")).unwrap();
            caller.set_read_timeout(Some(PATIENCE)).unwrap();
            caller.connect(server.address().trim_start_matches("udp://")).unwrap();
            caller
        });
        let mut buffer = vec![0; 70_000];
        for length in [0, 1, 1_472, 65_507] {
            let messages = [random_bytes(length, 1), random_bytes(length, 2)];
            callers.iter().zip(&messages).for_each(|(caller, message)| {
                caller.send(message).unwrap();
            });
            for (caller, message) in callers.iter().zip(&messages) {
                let received = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
                assert!(buffer[..received] == *message, "{received} bytes of {length} over {host}");
            }
        }
    }
}

#[test]
fn a_line_of_input_is_one_datagram_with_its_line_end() {
    let peer = udp_socket();
    let mut calling =
        Running::start(&mut swb(&["connect", &format!("udp://{}", peer.local_addr().unwrap())]));
    calling.write(b"one\ntwo\nthree");
    calling.close_input();
    let mut buffer = [0; 100];
    for wanted in ["one\n", "two\n", "three"] {
        let length = uninterrupted(|| peer.recv(&mut buffer)).unwrap();
        assert_eq!(&buffer[..length], wanted.as_bytes());
    }
    assert_eq!(calling.finish().code(), 0);
}

#[test]
fn a_connected_caller_hears_only_its_peer() {
    let (peer, stranger) = (udp_socket(), udp_socket());
    let mut calling =
        Running::start(&mut swb(&["connect", &format!("udp://{}", peer.local_addr().unwrap())]));
    calling.write(b"here\n");
    let (_, caller) = uninterrupted(|| peer.recv_from(&mut [0; 100])).unwrap();
    stranger.send_to(b"stranger\n", caller).unwrap();
    peer.send_to(b"peer\n", caller).unwrap();
    assert_eq!(calling.wait_for_text("peer"), "peer\n");
}

#[test]
fn a_message_longer_than_can_be_received_is_reported_and_not_cut() {
    // Unix datagrams may be as long as the sender's buffer, which UDP's may not.
    let folder = Directory::new();
    let server = Server::start(&["serve", "echo", &format!("unix-dgram:{}", folder.file("socket"))]);
    let Server { running: mut server, .. } = server;
    let caller = std::os::unix::net::UnixDatagram::bind(folder.file("caller")).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&caller, 2_000_000).unwrap();
    let longest = vec![b'x'; 400_000];
    caller.send_to(&longest, folder.file("socket")).unwrap();
    let line = server.wait_for_line("truncated");
    assert!(line.contains("400000 bytes") && line.contains(&folder.file("caller")), "{line}");
    // Nothing of it comes back, and the next is served.
    caller.send_to(b"short", folder.file("socket")).unwrap();
    let mut buffer = vec![0; 500_000];
    let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
    assert_eq!(&buffer[..length], b"short");
}
