//! Calls through proxies: microsocks, tinyproxy and ncat, and proxies by script that break the rules.
#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use support::peer::{installed, ready, refusing_tcp_port, uninterrupted, wait_until};
use support::{Directory, Finished, PATIENCE, Running, Server, random_bytes, run_swb};

under! { a_relay_goes_through_a_proxy_byte_for_byte: iterative process thread poll epoll uring }
under! { a_relays_caller_is_reset_where_the_proxy_cannot_call: iterative process thread poll epoll uring }

/// microsocks, which wants this name and password: its `HOST:PORT`.
fn microsocks(credentials: bool) -> (Running, String) {
    let known: &[&str] = if credentials { &["-u", "me", "-P", "p:@ss"] } else { &[] };
    let running =
        Running::start(&mut installed("microsocks", &[&["-i", "127.0.0.1", "-p", "0"], known].concat()));
    let place = ready(&running, "tcp://127.0.0.1:0").trim_start_matches("tcp://").to_owned();
    (running, place)
}

/// tinyproxy: its `HOST:PORT`, and what it is told to read.
fn tinyproxy() -> (Running, String, Directory) {
    let directory = Directory::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = format!("127.0.0.1:{port}");
    let file = directory.file("tinyproxy.conf");
    std::fs::write(&file, format!("Listen 127.0.0.1\nPort {port}\nAllow 127.0.0.1\nTimeout 60\n")).unwrap();
    let running = Running::start(&mut installed("tinyproxy", &["-d", "-c", &file]));
    wait_until("tinyproxy listens", || TcpStream::connect(&place).is_ok());
    (running, place, directory)
}

/// ncat as an HTTP proxy that wants a name and a password.
fn ncat() -> (Running, String) {
    let arguments = ["-l", "127.0.0.1", "0", "--proxy-type", "http", "--proxy-auth", "me:p:@ss"];
    let running = Running::start(&mut installed("ncat", &arguments));
    let place = ready(&running, "tcp://127.0.0.1:0").trim_start_matches("tcp://").to_owned();
    (running, place)
}

fn echo() -> Server {
    Server::start(&["serve", "echo", "tcp://127.0.0.1:0"])
}

/// Asks `host` at this port through a proxy. With a line, since many a proxy ends both ways when one has ended.
fn ask(host: &str, port: &str, via: &str) -> Finished {
    let to = format!("tcp://{host}:{port}?connect-timeout=10s&via={via}");
    run_swb(&["ask", &to, "hello", "--framing", "line", "-v"], b"")
}

/// It answered, through the proxy.
fn expect_answer(said: &Finished, what: &str) {
    assert_eq!((said.code(), said.text().trim_end()), (0, "hello"), "{what}: {}", said.stderr);
}

/// It failed with this status and these words, and tells nobody the password.
fn expect_failure(said: &Finished, code: i32, words: &[&str]) {
    assert_eq!(said.code(), code, "{}", said.stderr);
    for word in words {
        assert!(said.stderr.contains(word), "{word:?} is not in: {}", said.stderr);
    }
    assert!(!said.stderr.contains("p:@ss"), "{}", said.stderr);
}

#[test]
fn socks_with_a_password_reaches_names_and_addresses() {
    let (server, (_proxy, place)) = (echo(), microsocks(true));
    // microsocks may answer IPv4 alone where localhost has IPv6 as well: the name is its to look up.
    for host in ["localhost", "127.0.0.1"] {
        let said = ask(host, &server.port(), &format!("socks5://me:p:@ss@{place}"));
        if said.code() == 0 {
            expect_answer(&said, host);
            let line = format!("connected to tcp://{host}:{} through {place}", server.port());
            assert!(said.stderr.contains(&line), "{line}: {}", said.stderr);
            assert!(!said.stderr.contains("p:@ss"));
        } else {
            assert_eq!(host, "localhost", "{}", said.stderr);
        }
    }
}

#[test]
fn socks_says_why_it_does_not_call() {
    let (server, (_proxy, place), (_held, refusing)) = (echo(), microsocks(true), refusing_tcp_port());
    let proxy = format!("the proxy socks5://{place} did not call 127.0.0.1:");
    let said = ask("127.0.0.1", &server.port(), &format!("socks5://me:wrong@{place}"));
    expect_failure(&said, 4, &[&proxy, "it does not take this name and password"]);
    let said = ask("127.0.0.1", &server.port(), &format!("socks5://{place}"));
    expect_failure(&said, 4, &[&proxy, "it wants to know who calls: ?via=socks5://USER:PASSWORD@"]);
    let said = ask("127.0.0.1", &refusing.to_string(), &format!("socks5://me:p:@ss@{place}"));
    expect_failure(&said, 4, &[&proxy, "nobody listens there: is the server running? (SOCKS reply 5)"]);
    let said = ask("127.0.0.1", &server.port(), &format!("http-connect://me:p:@ss@{place}"));
    expect_failure(&said, 1, &["what it says is not HTTP/1.1; does another protocol (socks5) fit it?"]);
    let said = ask("127.0.0.1", &server.port(), &format!("socks5://me:p:@ss@127.0.0.1:{refusing}"));
    expect_failure(&said, 4, &[&format!("tcp://127.0.0.1:{refusing}: connect(2): ")]);
}

#[test]
fn http_proxies_of_two_makes_reach_the_server_and_say_why_not() {
    let (server, (_proxy, place, _directory), (_held, refusing)) = (echo(), tinyproxy(), refusing_tcp_port());
    expect_answer(&ask("127.0.0.1", &server.port(), &format!("http-connect://{place}")), "tinyproxy");
    expect_answer(&ask("127.0.0.1", &server.port(), &format!("http://{place}")), "the short word");
    let said = ask("127.0.0.1", &refusing.to_string(), &format!("http-connect://{place}"));
    expect_failure(
        &said,
        4,
        &[&format!("the proxy http-connect://{place} did not call 127.0.0.1:{refusing}: "), "(HTTP 50"],
    );

    let (_ncat, place) = ncat();
    expect_answer(&ask("127.0.0.1", &server.port(), &format!("http-connect://me:p:@ss@{place}")), "ncat");
    let (_ncat, place) = ncat();
    let said = ask("127.0.0.1", &server.port(), &format!("http-connect://{place}"));
    expect_failure(&said, 4, &["it wants to know who calls", "HTTP 407"]);
}

#[test]
fn proxies_are_gone_through_in_their_order_and_layers_lie_behind_them() {
    let mut server = Server::start(&["serve", "echo", "tls://127.0.0.1:0", "-v"]);
    let pin = server.running.wait_for_line("?pin=");
    let pin = pin.rsplit("?pin=").next().unwrap();
    let ((_socks, socks), (_http, http, _directory)) = (microsocks(false), tinyproxy());
    let way = format!("via=http-connect://{http}&via=socks5://{socks}");
    let to = format!("tls://127.0.0.1:{}?pin={pin}&server-name=localhost&{way}", server.port());
    expect_answer(&run_swb(&["ask", &to, "hello", "--framing", "line"], b""), "two proxies");
    let said = run_swb(&["ask", &format!("tcp://127.0.0.1:1?{way}"), "?"], b"");
    // It is the second that says no, and the first that was connected to.
    expect_failure(&said, 4, &[&format!("the proxy socks5://{socks} did not call 127.0.0.1:1: ")]);
}

fn a_relay_goes_through_a_proxy_byte_for_byte(engine: &str) {
    let (server, (_proxy, place)) = (echo(), microsocks(true));
    let to = format!("tcp://127.0.0.1:{}?via=socks5://me:p:@ss@{place}", server.port());
    let mut relay = Server::start(&["relay", "tcp://127.0.0.1:0", &to, "--engine", engine, "-v"]);
    let bytes = random_bytes(2_000_000, 7);
    let mut caller = call(&relay);
    let (mut saying, said) = (caller.try_clone().unwrap(), bytes.clone());
    let saying = std::thread::spawn(move || saying.write_all(&said).unwrap());
    let mut heard = vec![0; bytes.len()];
    caller.read_exact(&mut heard).unwrap();
    saying.join().unwrap();
    assert!(heard == bytes);
    drop(caller);
    relay.running.wait_for_line(&format!("tcp://127.0.0.1:{} through {place}", server.port()));
}

fn a_relays_caller_is_reset_where_the_proxy_cannot_call(engine: &str) {
    let ((_proxy, place), (_held, refusing)) = (microsocks(false), refusing_tcp_port());
    let to = format!("tcp://127.0.0.1:{refusing}?via=socks5://{place}");
    let mut relay = Server::start(&["relay", "tcp://127.0.0.1:0", &to, "--engine", engine, "-v"]);
    let mut caller = call(&relay);
    assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    relay.running.wait_for_line("not joined to the other end: nobody listens there");
}

fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A proxy by script: for its one caller it does this.
fn by_script(script: impl FnOnce(TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let playing = std::thread::spawn(move || script(listener.accept().unwrap().0));
    (place, playing)
}

#[test]
fn what_comes_behind_the_answer_at_once_is_the_servers() {
    let answer = b"HTTP/1.1 200 OK\r\n\r\nhello\n";
    for piece in [answer.len(), 1] {
        let (place, playing) = by_script(move |mut socket| {
            socket.set_nodelay(true).unwrap();
            socket.read_exact(&mut [0; 55]).unwrap();
            answer.chunks(piece).for_each(|piece| socket.write_all(piece).unwrap());
        });
        expect_answer(&ask("far.example", "7", &format!("http-connect://{place}")), "by script");
        playing.join().unwrap();
    }
    let (place, playing) = by_script(|mut socket| {
        socket.read_exact(&mut [0; 3]).unwrap();
        socket.write_all(&[5, 0]).unwrap();
        socket.read_exact(&mut [0; 18]).unwrap(); // a name of 11 bytes
        socket.write_all(b"\x05\0\0\x03\x04name\0\x07hello\n").unwrap();
    });
    expect_answer(&ask("far.example", "7", &format!("socks5://{place}")), "by script");
    playing.join().unwrap();
}

#[test]
fn a_proxy_that_says_nothing_is_given_up_in_time_and_one_that_hangs_up_at_once() {
    let (place, playing) =
        by_script(
            |mut socket| while uninterrupted(|| socket.read(&mut [0; 100])).is_ok_and(|read| read > 0) {},
        );
    let began = Instant::now();
    let said =
        run_swb(&["ask", &format!("tcp://far:7?connect-timeout=300ms&via=socks5://{place}"), "?"], b"");
    expect_failure(
        &said,
        5,
        &[&format!("the proxy socks5://{place} did not call far:7: no answer came from it in time")],
    );
    assert!(began.elapsed() >= Duration::from_millis(300));
    playing.join().unwrap();
    for said_before in [&b""[..], &[5], &[5, 0]] {
        let (place, playing) = by_script(move |mut socket| {
            socket.read_exact(&mut [0; 3]).unwrap();
            socket.write_all(said_before).unwrap();
        });
        let said = ask("far", "7", &format!("socks5://{place}"));
        expect_failure(&said, 4, &["it hung up instead of an answer"]);
        playing.join().unwrap();
    }
}
