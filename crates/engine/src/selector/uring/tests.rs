//! What a ring brings, against sockets of the same process.

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::*;

const DOOR: u64 = 1;
const LEG: u64 = 2;

/// A selector of this thread, or `None` where this kernel or user may not have a ring.
fn selector() -> Option<UringSelector> {
    let not_run = |error: &io::Error| println!("not run: no io_uring here: {error}");
    let mut selector = UringSelector::new().inspect_err(not_run).ok()?;
    selector.begin().unwrap();
    Some(selector)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn call(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

/// The socket of a caller who was brought.
fn whom(arrival: Arrival) -> TcpStream {
    match arrival {
        Arrival::Caller(caller) => TcpStream::from(caller),
        Arrival::Bytes(_) | Arrival::Finished | Arrival::Message(_) | Arrival::Failed(_) => {
            panic!("no caller: {arrival:?}")
        }
    }
}

fn wait(selector: &mut UringSelector) -> Vec<Ready> {
    let mut events = Vec::new();
    selector.wait(std::iter::empty(), Some(Duration::from_secs(10)), &mut events).unwrap();
    events
}

#[test]
fn accepting_that_is_stopped_hands_over_who_came_and_loses_no_other_event() {
    let Some(mut selector) = selector() else { return };
    let (listener, (ours, mut theirs)) = (listener(), UnixStream::pair().unwrap());
    let accepting = selector.accept(listener.as_fd(), DOOR);
    let receiving = selector.receive(ours.as_fd(), LEG);
    let first = call(&listener);
    let events = wait(&mut selector);
    assert!(matches!(&events[..], [Ready { token: DOOR, arrival: Some(Arrival::Caller(_)), .. }]));
    // Both come while the end is waited for.
    let (second, third) = (call(&listener), call(&listener));
    theirs.write_all(b"x").unwrap();
    let mut callers = VecDeque::new();
    selector.stop_bringing(accepting, &mut callers);
    let backlog: Vec<TcpStream> = {
        listener.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| listener.accept().ok()).map(|(caller, _)| caller).collect()
    };
    let brought = callers.into_iter().map(whom).chain(backlog);
    let peers: Vec<_> = brought.map(|caller| caller.peer_addr().unwrap()).collect();
    assert_eq!(peers, [second.local_addr().unwrap(), third.local_addr().unwrap()], "beside {first:?}");
    let events = wait(&mut selector);
    let [Ready { token: LEG, operation, arrival: Some(Arrival::Bytes(_)), .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(*operation, receiving);
}

#[test]
fn two_that_are_stopped_one_after_the_other_each_hand_over_their_own_callers() {
    let Some(mut selector) = selector() else { return };
    let listeners = [listener(), listener()];
    let accepting = listeners.each_ref().map(|listener| selector.accept(listener.as_fd(), DOOR));
    let ours: Vec<TcpStream> = listeners.iter().map(call).collect();
    for (operation, caller) in accepting.into_iter().zip(&ours) {
        // The first takes the second's caller from the ring as well.
        let mut callers = VecDeque::new();
        selector.ring.wait(Some(Duration::ZERO)).unwrap();
        selector.stop_bringing(operation, &mut callers);
        let brought = callers.into_iter().map(whom);
        let peers: Vec<_> = brought.map(|caller| caller.peer_addr().unwrap()).collect();
        assert_eq!(peers, [caller.local_addr().unwrap()]);
    }
    let mut events = Vec::new();
    selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut events).unwrap();
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn accepting_that_never_began_is_stopped_at_once_and_its_number_is_free_again() {
    let Some(mut selector) = selector() else { return };
    let listener = listener();
    for _ in 0..100 {
        let accepting = selector.accept(listener.as_fd(), DOOR);
        let mut callers = VecDeque::new();
        selector.stop_bringing(accepting, &mut callers);
        selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut Vec::new()).unwrap();
        assert!(callers.is_empty());
    }
    assert!(selector.operations.len() <= 1, "{}", selector.operations.len());
}

#[test]
fn a_caller_of_accepting_that_is_forgotten_is_closed() {
    let Some(mut selector) = selector() else { return };
    let listener = listener();
    let accepting = selector.accept(listener.as_fd(), DOOR);
    selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut Vec::new()).unwrap();
    selector.operations[accepting.0 as usize].token = FORGOTTEN;
    let mut caller = call(&listener);
    caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let events = wait(&mut selector);
    assert!(events.is_empty(), "{events:?}");
    assert_eq!(io::Read::read(&mut caller, &mut [0]).unwrap(), 0);
}

#[test]
fn receiving_messages_that_is_stopped_hands_over_what_came_in_its_order_and_loses_nothing() {
    let Some(mut selector) = selector() else { return };
    let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    theirs.connect(ours.local_addr().unwrap()).unwrap();
    ours.set_nonblocking(true).unwrap();
    let receiving = selector.receive_messages(ours.as_fd(), DOOR);
    selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut Vec::new()).unwrap();
    (0..100_u8).for_each(|number| assert_eq!(theirs.send(&[number]).unwrap(), 1));
    let mut brought = VecDeque::new();
    selector.stop_bringing(receiving, &mut brought);
    let memory = selector.messages().unwrap();
    let mut came = Vec::new();
    for arrival in brought {
        let Arrival::Message(filled) = arrival else { panic!("{arrival:?}") };
        came.extend_from_slice(memory.message(&filled).unwrap().bytes);
        selector.give_back(filled);
    }
    let mut next = [0];
    while ours.recv(&mut next).is_ok() {
        came.push(next[0]);
    }
    assert!(came.iter().copied().eq(0..100), "{came:?}");
}

#[test]
fn while_the_memory_for_messages_is_lent_out_it_tells_once_that_something_has_come() {
    let Some(mut selector) = selector() else { return };
    let (ours, theirs) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    theirs.connect(ours.local_addr().unwrap()).unwrap();
    selector.receive_messages(ours.as_fd(), DOOR);
    let mut lent = Vec::new();
    while !lent.last().is_some_and(|ready: &Ready| ready.is_last) {
        theirs.send(b"x").unwrap();
        lent.extend(wait(&mut selector));
    }
    let end = lent.pop().unwrap();
    assert!(matches!(end.arrival, Some(Arrival::Failed(libc::ECANCELED))), "{end:?}");
    theirs.send(b"x").unwrap();
    selector.receive_messages(ours.as_fd(), DOOR);
    let events = wait(&mut selector);
    let [Ready { token: DOOR, arrival: None, readable: true, is_last: true, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    let mut further = Vec::new();
    selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut further).unwrap();
    assert!(further.is_empty(), "{further:?}");
    assert!(lent.iter().all(|ready| matches!(ready.arrival, Some(Arrival::Message(_)))), "{lent:?}");
}
