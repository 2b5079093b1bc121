//! A ring against sockets of the same process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::*;

/// A ring of this thread, or `None` where this kernel or user may not have one.
fn ring() -> Option<Ring> {
    let mut ring = Ring::new().inspect_err(|error| eprintln!("not run: no io_uring here: {error}")).ok()?;
    ring.enable().unwrap();
    Some(ring)
}

/// The buffer of a completion that brought bytes or a message.
fn filled(completion: Completion) -> Option<Filled> {
    match completion.brought {
        Brought::Bytes(filled) | Brought::Message(filled) => Some(filled),
        Brought::Nothing | Brought::Caller(_) => None,
    }
}

/// The socket of a completion that brought a caller.
fn accepted(completion: Completion) -> Option<OwnedFd> {
    match completion.brought {
        Brought::Caller(caller) => Some(caller),
        Brought::Nothing | Brought::Bytes(_) | Brought::Message(_) => None,
    }
}

fn next(ring: &mut Ring) -> Completion {
    loop {
        if let Some(completion) = ring.take() {
            return completion;
        }
        ring.wait(Some(Duration::from_secs(10))).unwrap();
    }
}

#[test]
fn bytes_are_received_piece_by_piece_until_the_peer_finishes() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ring.receive(ours.as_fd(), 7);
    for round in 0..2_000_u32 {
        theirs.write_all(&round.to_be_bytes()).unwrap();
        let completion = next(&mut ring);
        assert_eq!((completion.number, completion.more), (7, true));
        let filled = filled(completion).unwrap();
        assert_eq!(ring.bytes(&filled), round.to_be_bytes());
        ring.give_back(filled);
    }
    drop(theirs);
    let end = next(&mut ring);
    assert_eq!((end.result.unwrap(), end.more), (0, false));
    assert!(filled(end).is_none());
}

#[test]
fn what_was_cancelled_before_it_began_is_never_done() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ring.receive(ours.as_fd(), 7);
    assert!(!ring.cancel(7));
    theirs.write_all(b"stay").unwrap();
    ring.wait(Some(Duration::ZERO)).unwrap();
    assert!(ring.take().is_none());
    let mut bytes = [0; 4];
    (&ours).read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"stay");
}

#[test]
fn what_was_begun_completes_once_more_when_it_is_cancelled() {
    let Some(mut ring) = ring() else { return };
    let (ours, _theirs) = UnixStream::pair().unwrap();
    ring.receive(ours.as_fd(), 7);
    ring.wait(Some(Duration::ZERO)).unwrap();
    assert!(ring.cancel(7));
    let last = next(&mut ring);
    assert_eq!((last.number, last.more), (7, false));
    assert_eq!(last.result, Err(libc::ECANCELED));
}

/// A listener, and as many callers as are asked for, each connected.
fn called(count: usize) -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let callers = (0..count).map(|_| TcpStream::connect(at).unwrap()).collect();
    (listener, callers)
}

#[test]
fn each_caller_comes_as_a_socket_of_its_own_until_that_is_stopped() {
    let Some(mut ring) = ring() else { return };
    let (listener, early) = called(3);
    ring.accept(listener.as_fd(), 7);
    let late = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for caller in early.iter().chain([&late]) {
        let completion = next(&mut ring);
        assert_eq!((completion.number, completion.more), (7, true));
        let ours = TcpStream::from(accepted(completion).unwrap());
        assert_eq!(ours.peer_addr().unwrap(), caller.local_addr().unwrap());
    }
    assert!(ring.cancel_accepting(7));
    let last = next(&mut ring);
    assert_eq!((last.number, last.more), (7, false));
    assert_eq!(last.result, Err(libc::ECANCELED));
}

#[test]
fn who_was_accepted_before_it_was_stopped_still_comes() {
    let Some(mut ring) = ring() else { return };
    let (listener, callers) = called(5);
    ring.accept(listener.as_fd(), 7);
    ring.wait(Some(Duration::ZERO)).unwrap();
    assert!(ring.cancel_accepting(7));
    ring.wait(Some(Duration::ZERO)).unwrap();
    let mut came = 0;
    loop {
        let completion = next(&mut ring);
        let more = completion.more;
        came += usize::from(accepted(completion).is_some());
        if !more {
            break;
        }
    }
    assert_eq!(came, callers.len());
}

#[test]
fn a_caller_whom_nobody_took_is_closed_with_the_ring_or_with_its_completion() {
    let Some(mut ring) = ring() else { return };
    let (listener, mut callers) = called(2);
    ring.accept(listener.as_fd(), 7);
    drop(next(&mut ring));
    drop(ring);
    for caller in &mut callers {
        caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert_eq!(caller.read(&mut [0]).unwrap(), 0, "the caller sees the end");
    }
}

#[test]
fn a_receive_of_the_same_number_is_never_taken_for_a_caller() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let number = 7 | ACCEPTS;
    ring.receive(ours.as_fd(), number);
    theirs.write_all(b"x").unwrap();
    let completion = next(&mut ring);
    assert_eq!(completion.number, 7);
    ring.give_back(filled(completion).unwrap());
}

#[test]
fn a_ring_that_is_gone_holds_no_socket_open() {
    for _ in 0..50 {
        let Some(mut ring) = ring() else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        ring.receive(ours.as_fd(), 7);
        ring.poll(listener.as_fd(), libc::POLLIN as u32, true, 8);
        ring.wait(Some(Duration::ZERO)).unwrap();
        drop((ring, ours, listener));
        assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the peer sees the end");
        TcpListener::bind(address).unwrap();
    }
}

#[test]
fn more_operations_than_the_queue_holds_are_handed_over_all_the_same() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"x").unwrap();
    let count = 3 * u64::from(SUBMISSIONS);
    for number in 0..count {
        ring.poll(ours.as_fd(), libc::POLLIN as u32, false, number);
    }
    let mut seen: Vec<u64> = (0..count).map(|_| next(&mut ring).number).collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..count));
}

#[test]
fn a_ring_without_free_buffers_says_so_and_receives_again_once_there_are_some() {
    let Some(mut ring) = ring() else { return };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ring.receive(ours.as_fd(), 7);
    let mut held = Vec::new();
    loop {
        theirs.write_all(b"x").unwrap();
        let completion = next(&mut ring);
        let result = completion.result;
        match filled(completion) {
            Some(filled) => held.push(filled),
            None => {
                assert_eq!(result, Err(libc::ENOBUFS));
                break;
            }
        }
    }
    held.into_iter().for_each(|filled| ring.give_back(filled));
    ring.receive(ours.as_fd(), 8);
    let filled = filled(next(&mut ring)).unwrap();
    assert_eq!(ring.bytes(&filled), b"x");
    ring.give_back(filled);
}

/// Two sockets of UDP, the second bound and the first connected to it.
fn two() -> (UdpSocket, UdpSocket) {
    let (theirs, ours) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    theirs.connect(ours.local_addr().unwrap()).unwrap();
    (theirs, ours)
}

#[test]
fn messages_come_whole_each_with_its_sender_until_they_are_cancelled() {
    let Some(mut ring) = ring() else { return };
    let (theirs, ours) = two();
    ring.receive_messages(ours.as_fd(), 7).unwrap();
    let longest = vec![b'x'; 65_507];
    for sent in [&b"one"[..], b"three", &longest] {
        theirs.send(sent).unwrap();
        let completion = next(&mut ring);
        assert_eq!((completion.number, completion.more), (7, true));
        let filled = filled(completion).unwrap();
        let memory = Arc::clone(ring.messages().unwrap());
        let message = memory.message(&filled).unwrap();
        assert_eq!((message.whole, message.bytes, message.control), (sent.len(), sent, &[][..]));
        let port = theirs.local_addr().unwrap().port().to_be_bytes();
        let family = (libc::AF_INET as u16).to_ne_bytes();
        assert_eq!(message.name, [&family[..], &port, &[127, 0, 0, 1], &[0; 8]].concat());
        ring.give_back(filled);
    }
    assert!(ring.cancel_messages(7));
    let last = next(&mut ring);
    assert_eq!((last.number, last.more, last.result), (7, false, Err(libc::ECANCELED)));
}

#[test]
fn an_empty_message_comes_too_and_is_the_last() {
    let Some(mut ring) = ring() else { return };
    let (theirs, ours) = two();
    ring.receive_messages(ours.as_fd(), 7).unwrap();
    theirs.send(b"").unwrap();
    let completion = next(&mut ring);
    assert_eq!((completion.number, completion.more), (7, false));
    let filled = filled(completion).unwrap();
    assert_eq!(ring.messages().unwrap().message(&filled).unwrap().whole, 0);
    ring.give_back(filled);
}

#[test]
fn while_all_buffers_for_messages_are_with_us_nothing_is_begun_and_no_message_is_lost() {
    let Some(mut ring) = ring() else { return };
    let (theirs, ours) = two();
    ring.receive_messages(ours.as_fd(), 7).unwrap();
    let mut held = Vec::new();
    let mut sent = 0_u16;
    loop {
        theirs.send(&sent.to_be_bytes()).unwrap();
        sent += 1;
        let completion = next(&mut ring);
        let result = completion.result;
        match filled(completion) {
            Some(filled) => held.push(filled),
            None => {
                assert_eq!(result, Err(libc::ENOBUFS));
                break;
            }
        }
    }
    let refused = ring.receive_messages(ours.as_fd(), 8).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    held.into_iter().for_each(|filled| ring.give_back(filled));
    ring.receive_messages(ours.as_fd(), 8).unwrap();
    let filled = filled(next(&mut ring)).unwrap();
    assert_eq!(ring.messages().unwrap().message(&filled).unwrap().bytes, (sent - 1).to_be_bytes());
    ring.give_back(filled);
}

#[test]
fn a_message_is_readable_for_as_long_as_its_buffer_is_held_even_when_the_ring_is_gone() {
    let Some(mut ring) = ring() else { return };
    let (theirs, ours) = two();
    ring.receive_messages(ours.as_fd(), 7).unwrap();
    theirs.send(b"stay").unwrap();
    let filled = filled(next(&mut ring)).unwrap();
    let memory = Arc::clone(ring.messages().unwrap());
    drop(ring);
    assert_eq!(memory.message(&filled).unwrap().bytes, b"stay");
}

#[test]
fn a_buffer_of_one_ring_is_nothing_to_another() {
    let (Some(mut ring), Some(other)) = (ring(), ring()) else { return };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ring.receive(ours.as_fd(), 7);
    theirs.write_all(b"x").unwrap();
    let filled = filled(next(&mut ring)).unwrap();
    assert_eq!(other.bytes(&filled), b"");
    ring.give_back(filled);
}
