//! The library's caller through layers: the same as on a bare socket, and what goes wrong is told.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use switchboard::services::{Echo, Say};
use switchboard::typed::{Answers, Format, Typed};
use switchboard::{
    Address, CallError, Caller, CloseReason, Event, Framing, Observer, OpenCallError, Running, Server,
    Service, Shape,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for localhost that vouches for itself, in files of its own.
struct Certificate(PathBuf);

impl Certificate {
    fn new(name: &str) -> Certificate {
        let folder = std::env::temp_dir().join(format!("switchboard-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(folder.join("key.pem"), std::fs::Permissions::from_mode(0o600)).unwrap();
        Certificate(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// A server there, and its address for who trusts it.
    fn serve(&self, service: impl Service + 'static, scheme: &str) -> (Running, Address) {
        let at =
            format!("{scheme}://127.0.0.1:0?cert={}&key={}", self.file("cert.pem"), self.file("key.pem"));
        let server = Server::new(service).at(at.as_str()).unwrap().workers(1).start().unwrap();
        let to = format!("{}?ca={}", server.addresses()[0], self.file("cert.pem"));
        (server, to.parse().unwrap())
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn call(address: &Address) -> Caller {
    Caller::call(address).unwrap().with_timeout(PATIENCE)
}

#[test]
fn exact_reads_lines_and_ends_are_those_of_a_bare_call() {
    let certificate = Certificate::new("exact");
    let (_server, to) = certificate.serve(Echo, "tls");
    let mut caller = call(&to);
    assert_eq!(caller.shape(), Shape::Stream);
    caller.send(b"one\ntwo\nthree").unwrap();
    let line = Framing::Line { bytes_max: 80 };
    assert_eq!(caller.receive_frame(line).unwrap().as_deref(), Some(&b"one"[..]));
    assert_eq!(caller.receive_frame(line).unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(caller.read_exactly(5).unwrap(), b"three");
    caller.finish().unwrap();
    assert_eq!(caller.receive().unwrap(), None);
}

#[test]
fn much_is_sent_and_comes_back_whole() {
    let certificate = Certificate::new("much");
    let bytes: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    let (_server, to) = certificate.serve(Echo, "tls");
    let mut caller = call(&to);
    // As much at once as there is room for on the way, since nobody reads meanwhile.
    for piece in bytes.chunks(100_000) {
        caller.send(piece).unwrap();
        assert_eq!(caller.read_exactly(piece.len()).unwrap(), piece);
    }
    let (_server, to) = certificate.serve(Echo, "wss");
    let mut caller = call(&to);
    for message in [&bytes[..200_000], b"", &bytes[7..8]] {
        caller.send(message).unwrap();
        assert_eq!(caller.receive().unwrap().as_deref(), Some(message));
    }
}

#[test]
fn an_impaired_call_is_late_and_whole() {
    let certificate = Certificate::new("impaired");
    let delay = Duration::from_millis(30);
    let plain = |at: &str| {
        let server = Server::new(Echo).at(at).unwrap().start().unwrap();
        let to = server.addresses()[0].clone();
        (server, to)
    };
    for (of_server, to) in
        [plain("tcp://127.0.0.1:0"), plain("udp://127.0.0.1:0"), certificate.serve(Echo, "tls")]
    {
        let text = to.to_string();
        let separator = if text.contains('?') { '&' } else { '?' };
        let to: Address = format!("{text}{separator}delay=30ms").parse().unwrap();
        let mut caller = call(&to);
        let began = Instant::now();
        for message in [&b"one"[..], b"two"] {
            caller.send(message).unwrap();
            assert_eq!(caller.receive().unwrap().as_deref(), Some(message), "{to}");
        }
        assert!(began.elapsed() >= 4 * delay, "there and back, twice: {to}");
        let mut hasty = Caller::call(&to).unwrap().with_timeout(delay / 3);
        assert!(matches!(hasty.send(b"late"), Err(CallError::TimedOut)), "{to}");
        if to.shape() == Some(Shape::Stream) {
            caller.finish().unwrap();
            assert_eq!(caller.receive().unwrap(), None, "{to}");
        }
        drop(of_server);
    }
    let (_server, to) = plain("tcp://127.0.0.1:0");
    let mut caller = call(&format!("{to}?rate=4MB/s&queue=16KiB&delay=5ms").parse().unwrap());
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let began = Instant::now();
    caller.send(&bytes).unwrap();
    assert_eq!(caller.read_exactly(bytes.len()).unwrap(), bytes);
    assert!(began.elapsed() >= Duration::from_millis(100), "400 kB at 4 MB/s");
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Sum(Vec<i64>);

#[test]
fn typed_messages_go_through_every_layer() {
    let certificate = Certificate::new("typed");
    for scheme in ["tls", "ws", "wss", "proxy", "ws+tls+proxy+tcp"] {
        for format in [Format::JSON, Format::POSTCARD] {
            let sum = Answers::new("sum", format, |Sum(numbers): Sum| numbers.iter().sum::<i64>());
            let (_server, to) = if scheme.contains("tls") || scheme == "wss" {
                certificate.serve(sum, scheme)
            } else {
                let at = format!("{scheme}://127.0.0.1:0");
                let server = Server::new(sum).at(at.as_str()).unwrap().start().unwrap();
                let to = server.addresses()[0].clone();
                (server, to)
            };
            let mut asks: Typed<Sum, i64> = Typed::on(call(&to), format);
            assert_eq!(asks.ask(&Sum(vec![40, 2])).unwrap(), 42, "{scheme}");
            let long = Sum((0..30_000).collect());
            assert_eq!(asks.ask(&long).unwrap(), 449_985_000, "{scheme}");
            // Several on their way: their answers come in order.
            (0..20).for_each(|number| asks.send(&Sum(vec![number])).unwrap());
            (0..20).for_each(|number| assert_eq!(asks.receive().unwrap(), Some(number), "{scheme}"));
        }
    }
}

/// Tells how each call ended.
struct Ends(Sender<CloseReason>);

impl Observer for Ends {
    fn event(&self, event: &Event<'_>) {
        if let Event::Ended { reason, .. } = event {
            let _ = self.0.send(*reason); // the test may have seen enough
        }
    }
}

#[test]
fn a_caller_that_is_dropped_ends_its_layers_in_order() {
    let (ends, ended) = channel();
    let server = Server::new(Echo).at("tls://127.0.0.1:0").unwrap().observer(Ends(ends)).start().unwrap();
    let pin = server.notes()[0].rsplit_once('?').unwrap().1;
    let to = format!("{}?{pin}", server.addresses()[0]).parse().unwrap();
    let mut caller = call(&to);
    caller.send(b"hello").unwrap();
    assert_eq!(caller.read_exactly(5).unwrap(), b"hello");
    drop(caller);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(CloseReason::Finished));
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    let certificate = Certificate::new("first");
    let (_server, to) = certificate.serve(Say::new(&b"good day"[..]), "tls");
    assert_eq!(call(&to).read_to_end(100).unwrap(), b"good day");
}

#[test]
fn who_is_not_trusted_does_not_speak_layers_or_cannot_be_called_is_told() {
    let certificate = Certificate::new("told");
    let (server, _) = certificate.serve(Echo, "tls");
    let other = Certificate::new("other");
    let strangers = format!("{}?ca={}", server.addresses()[0], other.file("cert.pem")).parse().unwrap();
    let error = Caller::call(&strangers).unwrap_err();
    assert!(error.is_distrust(), "{error}");
    assert!(error.to_string().contains(&format!("the call to {}", server.addresses()[0])), "{error}");

    let plain = Server::new(Say::new(&b"220 mail.test ESMTP\r\n"[..])).at("tcp://127.0.0.1:0").unwrap();
    let plain = plain.start().unwrap();
    let place = plain.addresses()[0].to_string();
    for scheme in ["tls", "ws"] {
        let to = format!("{}?handshake-timeout=5s", place.replace("tcp", scheme));
        let ca =
            if scheme == "tls" { format!("&ca={}", certificate.file("cert.pem")) } else { String::new() };
        let error = Caller::call(&format!("{to}{ca}").parse().unwrap()).unwrap_err();
        assert!(matches!(error, OpenCallError::Layers { .. }) && !error.is_distrust(), "{scheme}: {error}");
    }

    let missing = "tls://127.0.0.1:1?ca=/no/such/file".parse().unwrap();
    assert!(matches!(Caller::call(&missing), Err(OpenCallError::Layering(_))));
    for program in ["exec:cat", "sh:cat"] {
        let error = Caller::call(&program.parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("it is a program, which has no socket"), "{error}");
    }
}

#[test]
fn a_handshake_that_nobody_answers_takes_the_time_that_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for scheme in ["tls", "ws"] {
        let certificate = Certificate::new(&format!("silent-{scheme}"));
        let ca =
            if scheme == "tls" { format!("&ca={}", certificate.file("cert.pem")) } else { String::new() };
        let to = format!("{scheme}://{}?handshake-timeout=200ms{ca}", listener.local_addr().unwrap());
        let error = Caller::call(&to.parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("was not complete in time"), "{error}");
    }
}

#[test]
fn a_stream_that_is_cut_short_is_an_error_behind_what_came() {
    let certificate = Certificate::new("cut");
    let (server, _) = certificate.serve(Say::new(&b"half of it"[..]), "tls");
    let place = server.addresses()[0].to_string().replace("tls://", "");
    // Between the two, somebody takes the close_notify away: an alert of 2 bytes, its type, and 16 of the cipher.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let between = format!("tls://{}?ca={}", listener.local_addr().unwrap(), certificate.file("cert.pem"));
    let thief = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let mut server = std::net::TcpStream::connect(place).unwrap();
        let (mut from, mut to) = (caller.try_clone().unwrap(), server.try_clone().unwrap());
        let there = std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
        let mut head = [0; 5];
        while server.read_exact(&mut head).is_ok() {
            let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
            server.read_exact(&mut body).unwrap();
            if body.len() != 19 {
                caller.write_all(&[&head[..], &body].concat()).unwrap();
            }
        }
        caller.shutdown(std::net::Shutdown::Write).unwrap();
        there.join().unwrap();
    });
    let mut caller = call(&between.parse().unwrap());
    assert_eq!(caller.read_exactly(10).unwrap(), b"half of it");
    let error = caller.receive().unwrap_err();
    assert!(matches!(error, CallError::Layers(_)), "{error}");
    assert!(error.to_string().contains("without close_notify"), "{error}");
    drop(caller);
    thief.join().unwrap();
}
