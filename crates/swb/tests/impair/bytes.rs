//! Byte streams through an impaired network: at a rate, cut off, refused.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::serve;
use crate::support::peer::uninterrupted;
use crate::support::{PATIENCE, Server, random_bytes, run_swb};

under!(a_rate_takes_the_time_that_it_must: iterative process thread poll epoll uring);
under!(a_call_is_reset_behind_the_byte: iterative process thread poll epoll uring);
under!(the_first_calls_fail: iterative process thread poll epoll uring);

fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(format!("127.0.0.1:{}", server.port())).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn a_rate_takes_the_time_that_it_must(engine: &str) {
    let server = serve(&["echo", "tcp://127.0.0.1:0?rate=in:1MB/s&slice=out:700"], engine);
    let bytes = random_bytes(400_000, 11);
    let began = Instant::now();
    let mut socket = call(&server);
    let mut writer = socket.try_clone().unwrap();
    let sent = bytes.clone();
    let sender = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut back = Vec::new();
    socket.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == bytes, "{} bytes came back", back.len());
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
}

fn a_call_is_reset_behind_the_byte(engine: &str) {
    let mut server = serve(&["echo", "tcp://127.0.0.1:0?reset-after=out:5"], engine);
    let mut socket = call(&server);
    socket.write_all(b"hello world").unwrap();
    let mut back = Vec::new();
    let error = socket.read_to_end(&mut back).unwrap_err();
    assert_eq!((&back[..], error.kind()), (&b"hello"[..], ErrorKind::ConnectionReset));
    server.running.wait_for_line("reset on purpose (impair) after 5 bytes");
}

fn the_first_calls_fail(engine: &str) {
    let server = serve(&["echo", "tcp://127.0.0.1:0?fail-first=2"], engine);
    for _ in 0..2 {
        let mut caller = call(&server);
        let error = uninterrupted(|| caller.read(&mut [0; 8])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let answer = run_swb(&["ask", server.address(), "hello"], b"");
    assert_eq!((answer.code(), answer.text().as_str()), (0, "hello"), "{}", answer.stderr);
}

#[test]
fn a_relay_passes_a_reset_on_purpose_on_and_a_close_as_an_end() {
    let echo = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    for (option, is_reset) in [("reset-after=in:3", true), ("close-after=in:3", false)] {
        let far = format!("{}?{option}", echo.address());
        let server = Server::start(&["relay", "tcp://127.0.0.1:0", &far, "-v"]);
        let mut socket = call(&server);
        socket.write_all(b"hello").unwrap();
        let mut back = Vec::new();
        let end = socket.read_to_end(&mut back).map_err(|error| error.kind());
        assert_eq!(back, b"hel", "{option}");
        assert_eq!(end, if is_reset { Err(ErrorKind::ConnectionReset) } else { Ok(3) }, "{option}");
    }
}

#[test]
fn what_has_no_meaning_for_bytes_or_for_messages_is_refused_in_a_sentence() {
    for (address, sentence) in [
        ("tcp://127.0.0.1:0?loss=1%", "loss is for messages, and here are bytes"),
        ("ws://127.0.0.1:0?reorder=1%", "reorder is for messages"),
        ("udp://127.0.0.1:0?slice=10", "slice cuts a byte stream"),
        ("udp://127.0.0.1:0?queue=10", "rate or total-rate is missing"),
        ("udp://127.0.0.1:0?burst=3", "loss says how many in all"),
        ("udp://127.0.0.1:0?delay=1ms&jitter=2ms", "jitter is around the delay"),
        ("udp://127.0.0.1:0?loss=101%", "loss is a share from 0% to 100%"),
    ] {
        let finished = run_swb(&["serve", "echo", address], b"");
        assert!(matches!(finished.code(), 1 | 2), "{address}: {}", finished.stderr);
        assert!(finished.stderr.contains(sentence), "{address}: {}", finished.stderr);
    }
    let total = ["serve", "echo", "tcp://127.0.0.1:0?total-rate=1MB/s", "--engine", "process"];
    let finished = run_swb(&total, b"");
    assert!(finished.stderr.contains("rate is for one call"), "{}", finished.stderr);
    let server = serve(&["echo", "impair+ws://127.0.0.1:0?loss=out:100%"], "auto");
    let answer = run_swb(&["ask", server.address(), "lost", "--timeout", "100ms"], b"");
    assert_eq!(answer.code(), 5, "{}", answer.stderr);
}
