//! The library's caller: exact reads, full writes, bounded lines, whatever the cuts.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::services::{Echo, Print, Reply, Say, Who};
use switchboard::{
    ByteOrder, CallError, Caller, Engine, FrameError, Framing, Output, Running, Server, Service, StartError,
    Width,
};

fn serve(service: impl Service + 'static, address: &str) -> Running {
    Server::new(service).at(address).unwrap().workers(1).start().unwrap()
}

fn call(server: &Running) -> Caller {
    Caller::call(&server.addresses()[0]).unwrap().with_timeout(Duration::from_secs(10))
}

#[test]
fn an_exact_read_takes_no_more_and_no_less_than_it_was_asked_for() {
    let server = serve(Echo, "tcp://127.0.0.1:0");
    let mut caller = call(&server);
    for piece in [&b"ab"[..], b"cde", b"f"] {
        caller.send(piece).unwrap();
    }
    assert_eq!(caller.read_exactly(4).unwrap(), b"abcd");
    assert_eq!(caller.read_exactly(1).unwrap(), b"e");
    caller.finish().unwrap();
    assert_eq!(caller.read_to_end(10).unwrap(), b"f");
    assert!(matches!(caller.read_exactly(1), Err(CallError::Finished)));
}

#[test]
fn a_write_that_the_kernel_cuts_is_written_on() {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let page = Arc::clone(&printed);
    let output = Output::new(move |bytes| {
        page.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    });
    let server =
        Server::new(Print::default()).at("tcp://127.0.0.1:0").unwrap().output(output).start().unwrap();
    let mut caller = call(&server);
    let sent: Vec<u8> = (0..8 << 20).map(|n: u32| n.to_le_bytes()[1]).collect(); // more than any socket buffer
    caller.send(&sent).unwrap();
    caller.finish().unwrap();
    assert_eq!(caller.receive().unwrap(), None);
    assert!(*printed.lock().unwrap() == sent);
}

#[test]
fn more_than_was_allowed_is_an_error_and_not_in_memory() {
    let server = serve(Say::new(vec![b'x'; 100_000]), "tcp://127.0.0.1:0");
    let came = call(&server).read_to_end(1000);
    assert!(matches!(came, Err(CallError::TooMuch { bytes_max: 1000 })), "{came:?}");
}

#[test]
fn lines_and_frames_come_one_by_one_whatever_their_cuts() {
    let line = Framing::Line { bytes_max: 20 };
    let server = serve(Echo, "tcp://127.0.0.1:0");
    let mut caller = call(&server);
    caller.send(b"one\ntwo\nthr").unwrap();
    caller.send(b"ee\nrest").unwrap();
    caller.finish().unwrap();
    for expected in [&b"one"[..], b"two", b"three"] {
        assert_eq!(caller.receive_frame(line).unwrap().unwrap(), expected);
    }
    assert!(matches!(caller.receive_frame(line), Err(FrameError::Call(CallError::Finished))));

    let counted = Framing::Length { width: Width::U16, order: ByteOrder::Little, bytes_max: 100 };
    let server = serve(Reply::new(&b"got it"[..]).framed(counted).unwrap(), "tcp://127.0.0.1:0");
    let mut caller = call(&server);
    for message in [&b""[..], b"\n\0"] {
        caller.send_frame(counted, message).unwrap();
        assert_eq!(caller.receive_frame(counted).unwrap().unwrap(), b"got it");
    }
    caller.finish().unwrap();
    assert_eq!(caller.receive_frame(counted).unwrap(), None);
}

#[test]
fn a_line_over_the_bound_is_an_error() {
    let server = serve(Say::new(&b"much too long\n"[..]), "tcp://127.0.0.1:0");
    let line = call(&server).receive_frame(Framing::Line { bytes_max: 4 });
    assert!(matches!(line, Err(FrameError::Framing(_))), "{line:?}");
}

#[test]
fn a_wait_ends_at_its_time_out() {
    let server = serve(Who::default(), "tcp://127.0.0.1:0");
    let mut caller = Caller::call(&server.addresses()[0]).unwrap().with_timeout(Duration::from_millis(20));
    assert!(matches!(caller.receive(), Err(CallError::TimedOut)));
}

#[test]
fn both_ends_of_a_call_are_known() {
    let server = serve(Echo, "tcp://127.0.0.1:0");
    let caller = call(&server);
    let (local, peer) = caller.ends().unwrap();
    assert_eq!(peer.to_string(), server.addresses()[0].to_string());
    assert_eq!(local.ip().unwrap().ip(), peer.ip().unwrap().ip());
    assert_ne!(local, peer);
}

#[test]
fn a_server_that_is_drained_lets_its_calls_finish_and_counts_them() {
    let server = serve(Echo, "tcp://127.0.0.1:0");
    let mut caller = call(&server);
    caller.send(b"before").unwrap();
    assert_eq!(caller.read_exactly(6).unwrap(), b"before");
    server.drain();
    caller.send(b"after").unwrap();
    assert_eq!(caller.read_exactly(5).unwrap(), b"after");
    caller.finish().unwrap();
    assert_eq!(caller.receive().unwrap(), None);
    let report = server.wait().unwrap();
    assert_eq!((report.answered, report.cut), (1, 0));
}

#[test]
fn a_server_that_is_ended_cuts_its_calls() {
    let server = serve(Echo, "tcp://127.0.0.1:0");
    let mut caller = call(&server);
    caller.send(b"x").unwrap();
    caller.read_exactly(1).unwrap();
    server.end();
    assert_eq!(server.wait().unwrap().cut, 1);
    assert!(!matches!(caller.receive(), Ok(Some(_))));
}

#[test]
fn the_forking_engine_is_refused_beside_threads_with_the_way_out() {
    let error =
        Server::new(Echo).at("tcp://127.0.0.1:0").unwrap().engine(Engine::Process).start().unwrap_err();
    assert!(matches!(error, StartError::Forks));
    assert!(error.to_string().contains("Engine::serve"), "{error}");
}
