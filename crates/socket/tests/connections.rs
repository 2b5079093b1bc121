//! A connection: receiving, finishing, aborting, peeking, and who the peer is.

mod common;

use std::io::ErrorKind;

use address::{Shape, Transport};
use common::{address, answer, call, listen, next, pair, until_readable};
use socket::Received;

#[test]
fn a_fin_is_told_once_all_is_received_and_we_may_still_send() {
    for text in ["tcp://127.0.0.1:0", "unix:@swb-test-fin", "unix-seqpacket:@swb-test-fin"] {
        let (caller, server) = pair(text);
        caller.send(b"last words").unwrap();
        caller.finish().unwrap();
        assert_eq!(next(&server), b"last words");
        until_readable(&server);
        assert_eq!(
            server.receive(&mut [0; 10]).unwrap(),
            Received { length: 0, whole: 0, end: true },
            "{text}"
        );
        server.send(b"answer").unwrap();
        assert_eq!(next(&caller), b"answer");
        assert_eq!(caller.send(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
}

#[test]
fn nothing_to_receive_is_told_at_once_and_so_is_no_room_to_send() {
    for text in ["tcp://127.0.0.1:0", "unix:@swb-test-block", "unix-seqpacket:@swb-test-block"] {
        let (caller, _server) = pair(text);
        assert_eq!(caller.receive(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let error = std::iter::repeat_with(|| caller.send(&[0; 10_000])).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

#[test]
fn an_empty_record_is_a_message_and_not_the_end() {
    let (caller, server) = pair("unix-seqpacket:@swb-test-empty");
    assert_eq!(server.shape(), Shape::SeqPacket);
    for message in [&b""[..], b"", b"full"] {
        caller.send(message).unwrap();
    }
    caller.finish().unwrap();
    let mut buffer = [0; 10];
    let mut receive = || {
        until_readable(&server);
        server.receive(&mut buffer).unwrap()
    };
    assert_eq!(receive(), Received { length: 0, whole: 0, end: false });
    assert_eq!(receive(), Received { length: 0, whole: 0, end: false });
    assert_eq!(receive(), Received { length: 4, whole: 4, end: false });
    assert!(receive().end);
}

#[test]
fn a_record_that_is_longer_than_the_buffer_says_how_long_it_was() {
    let (caller, server) = pair("unix-seqpacket:@swb-test-long");
    caller.send(&[1; 100]).unwrap();
    until_readable(&server);
    assert_eq!(server.receive(&mut [0; 10]).unwrap(), Received { length: 10, whole: 100, end: false });
}

#[test]
fn an_abort_is_a_reset_and_a_close_is_not() {
    let (caller, server) = pair("tcp://127.0.0.1:0");
    server.abort();
    until_readable(&caller);
    assert_eq!(caller.receive(&mut [0; 10]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let (caller, server) = pair("tcp://127.0.0.1:0");
    drop(server);
    until_readable(&caller);
    assert!(caller.receive(&mut [0; 10]).unwrap().end);
}

#[test]
fn what_is_peeked_at_stays_to_be_received() {
    for text in ["tcp://127.0.0.1:0", "unix:@swb-test-peek", "unix-seqpacket:@swb-test-peek"] {
        let (caller, server) = pair(text);
        caller.send(b"hello").unwrap();
        until_readable(&server);
        let mut buffer = [0; 10];
        assert_eq!(server.peek(&mut buffer).unwrap().length, 5);
        assert_eq!(server.unread().unwrap(), 5);
        assert_eq!(next(&server), b"hello");
        assert_eq!(server.unread().unwrap(), 0);
    }
}

#[test]
fn an_urgent_byte_overtakes_the_others_unless_it_is_kept_in_line() {
    let (caller, server) = pair("tcp://127.0.0.1:0");
    assert_eq!(server.receive_out_of_band().unwrap(), None);
    caller.send(b"slow").unwrap();
    caller.send_out_of_band(b'!').unwrap();
    until_readable(&server);
    let urgent = std::iter::repeat_with(|| server.receive_out_of_band().unwrap()).find_map(|byte| byte);
    assert_eq!(urgent, Some(b'!'));
    assert_eq!(next(&server), b"slow");

    let listener = listen("tcp://127.0.0.1:0?oobinline");
    let caller = call(listener.local_end().unwrap().to_string());
    let server = answer(&listener).connection;
    caller.send_out_of_band(b'!').unwrap();
    assert_eq!(next(&server), b"!");
}

#[test]
fn the_kernel_vouches_for_a_unix_peer() {
    let (caller, server) = pair("unix:@swb-test-who");
    let peer = server.peer_credentials().unwrap().unwrap();
    assert_eq!(peer.process, Some(std::process::id()));
    assert_eq!(peer.user, rustix::process::geteuid().as_raw());
    assert_eq!(caller.peer_end().unwrap().to_string(), "unix:@swb-test-who");
    assert_eq!(server.peer_end().unwrap().to_string(), "unix:(unnamed)");
    let (tcp, _) = pair("tcp://127.0.0.1:0");
    assert_eq!(tcp.peer_credentials().unwrap(), None);
}

#[test]
fn both_ends_are_known_to_both_sides() {
    let (caller, server) = pair("tcp://127.0.0.1:0");
    assert_eq!(caller.local_end().unwrap(), server.peer_end().unwrap());
    assert_eq!(caller.peer_end().unwrap(), server.local_end().unwrap());
    assert_eq!((caller.transport(), caller.shape()), (Transport::Tcp, Shape::Stream));
    assert!(caller.take_error().unwrap().is_none());
}

#[test]
fn an_address_goes_back_to_its_name() {
    let localhost = socket::resolve(&address("tcp://localhost:80?v4"), socket::Role::Connect).unwrap();
    assert_eq!(localhost.candidates[0].address.to_string(), "127.0.0.1:80");
    assert!(localhost.canonical.is_some());
    assert_eq!(socket::reverse_name("127.0.0.1:80".parse().unwrap()).unwrap().as_deref(), Some("localhost"));
    assert_eq!(socket::service_name(80, Transport::Tcp).as_deref(), Some("http"));
    assert_eq!(socket::service_name(2021, Transport::Udp), None);
}
