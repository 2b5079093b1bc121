//! Messages of every short length, and of those about each bound, between a byte stream and datagrams, both ways.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use crate::support::peer::uninterrupted;
use crate::support::{PATIENCE, random_bytes};
use crate::{answer, call, far, relay, relay_at};

under! { of_a_stream_each_message_is_a_datagram_and_each_answer_a_message: iterative process thread poll epoll uring }
under! { each_datagram_is_a_message_of_a_stream_and_each_answer_a_datagram: iterative thread poll epoll uring }

/// Short messages that are on their way at once, several to one receive; of long ones a socket may have no room for more
/// than one.
const AT_ONCE: usize = 8;
const SHORT_BYTES: usize = 4_096;

/// How messages are marked, and the lengths that are tried.
fn framings() -> [(&'static str, Vec<usize>); 4] {
    let longest = 65_507; // over UDP and IPv4
    let some = [0, 1, 2, 255, 256, 1_472, 1_473, 4_095, 4_096, 16_384, 32_767, 32_768, 65_506, longest];
    [
        ("u8", (0..=255).collect()),
        ("u16be", some.into()),
        ("u32le", some.into()),
        ("line", (0..300).chain(some).collect()),
    ]
}

/// Bytes of this length that a line may hold, and no two messages alike.
fn message(length: usize) -> Vec<u8> {
    let mut bytes = random_bytes(length, length as u64 + 1);
    bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    bytes
}

fn framed(framing: &str, message: &[u8]) -> Vec<u8> {
    let length = message.len();
    match framing {
        "u8" => [&[u8::try_from(length).unwrap()], message].concat(),
        "u16be" => [&u16::try_from(length).unwrap().to_be_bytes(), message].concat(),
        "u32le" => [&u32::try_from(length).unwrap().to_le_bytes(), message].concat(),
        _ => [message, b"\n"].concat(),
    }
}

/// The messages of these lengths, some at a time, and how they look on a stream.
fn in_groups(framing: &str, lengths: Vec<usize>) -> Vec<(Vec<Vec<u8>>, Vec<u8>)> {
    let (short, long): (Vec<usize>, Vec<usize>) =
        lengths.into_iter().partition(|length| *length <= SHORT_BYTES);
    let groups = short.chunks(AT_ONCE).chain(long.chunks(1));
    let group = |lengths: &[usize]| {
        let messages: Vec<Vec<u8>> = lengths.iter().map(|length| message(*length)).collect();
        let stream = messages.iter().flat_map(|message| framed(framing, message)).collect();
        (messages, stream)
    };
    groups.map(group).collect()
}

fn datagrams() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn expect_on_stream(mut stream: &TcpStream, wanted: &[u8], what: &str) {
    let mut heard = vec![0; wanted.len()];
    stream.read_exact(&mut heard).unwrap();
    assert!(heard == wanted, "{what}: other bytes came on the stream");
}

fn of_a_stream_each_message_is_a_datagram_and_each_answer_a_message(engine: &str) {
    for (framing, lengths) in framings() {
        let peer = datagrams();
        let to = format!("udp://{}", peer.local_addr().unwrap());
        let server = relay(&to, engine, &["--framing", framing]);
        let caller = call(&server);
        let mut buffer = vec![0; 70_000];
        for (messages, stream) in in_groups(framing, lengths) {
            (&caller).write_all(&stream).unwrap();
            for message in messages {
                let (length, from) = uninterrupted(|| peer.recv_from(&mut buffer)).unwrap();
                assert!(buffer[..length] == message, "{framing}: {length} bytes for {}", message.len());
                peer.send_to(&buffer[..length], from).unwrap();
            }
            expect_on_stream(&caller, &stream, framing);
        }
        drop(caller);
        assert_eq!(server.terminate().code(), 0, "{framing}");
    }
}

fn each_datagram_is_a_message_of_a_stream_and_each_answer_a_datagram(engine: &str) {
    for (framing, lengths) in framings() {
        let (listener, to) = far();
        let server = relay_at("udp://127.0.0.1:0", &to, engine, &["--framing", framing]);
        let caller = datagrams();
        caller.connect(server.address().trim_start_matches("udp://")).unwrap();
        let mut other = None;
        let mut buffer = vec![0; 70_000];
        for (messages, stream) in in_groups(framing, lengths) {
            for message in &messages {
                assert_eq!(caller.send(message).unwrap(), message.len());
            }
            let other = other.get_or_insert_with(|| answer(&listener));
            expect_on_stream(other, &stream, framing);
            other.write_all(&stream).unwrap();
            for message in messages {
                let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
                assert!(buffer[..length] == message, "{framing}: {length} bytes for {}", message.len());
            }
        }
        drop(other);
        assert_eq!(server.terminate().code(), 0, "{framing}");
    }
}
