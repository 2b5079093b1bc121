//! PROXY headers, by hand and from HAProxy: who really called is told, and nobody calls without one.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use crate::certificates::Files;
use crate::support::peer::{installed, ready};
use crate::support::{Directory, Running, random_bytes, run_swb};
use crate::{call, echo, read_all};

const AT: &str = "proxy://127.0.0.1:0";

/// The signature of version 2, and version 2 with the command PROXY.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21";

under! { who_really_called_is_told_and_the_call_goes_on: iterative process thread poll epoll uring }
under! { who_sends_no_header_is_heard_no_further: iterative process thread poll epoll uring }

fn who_really_called_is_told_and_the_call_goes_on(engine: &str) {
    let mut server = echo(AT, engine);
    let over_ipv4 = [V2, b"\x11\0\x0c", &[192, 0, 2, 7], &[192, 0, 2, 8], &[0x12, 0x68, 0, 81]].concat();
    let ours = [&V2[..12], b"\x20\0\0\0"].concat();
    for (header, told) in [
        (
            &b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n"[..],
            "called by tcp://192.0.2.1:4711 at tcp://192.0.2.2:80",
        ),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 4713 80\r\n", "called by tcp://[2001:db8::1]:4713 at"),
        (b"PROXY UNKNOWN\r\n", ""),
        (&over_ipv4, "called by tcp://192.0.2.7:4712 at tcp://192.0.2.8:81"),
        (&ours, ""),
    ] {
        let mut caller = call(&server);
        // In two pieces, the second with the first bytes behind the header.
        let (one, other) = header.split_at(header.len() / 2);
        caller.write_all(one).unwrap();
        caller.write_all(&[other, b"hello"].concat()).unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&caller), b"hello", "{header:?}");
        server.running.wait_for_line(told);
    }
}

fn who_sends_no_header_is_heard_no_further(engine: &str) {
    let mut server = echo(AT, engine);
    for (said, told) in [
        (&b"hello, I am here\r\n"[..], "what came first is no PROXY header"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\nhello", "the PROXY header is malformed"),
        (b"PROXY TCP4 192.0.2.1", "the caller finished before its PROXY header was whole"),
        (&[V2, b"\x11\0\x04abcdhello"].concat(), "the PROXY header is malformed"),
    ] {
        let mut caller = call(&server);
        caller.write_all(said).unwrap();
        // It may have been reset already; nothing is said to it.
        let _ = caller.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = caller.read_to_end(&mut heard);
        assert_eq!(heard, b"", "{said:?}");
        server.running.wait_for_line(told);
    }
}

#[test]
fn swb_in_front_of_swb_tells_who_called_it() {
    let mut server = echo(AT, "epoll");
    for version in ["v1", "v2"] {
        let called = format!("{}?proxy={version}", server.address());
        let relay = crate::support::Server::start(&["relay", "tcp://127.0.0.1:0", &called]);
        let mut caller = call(&relay);
        caller.write_all(b"hello").unwrap();
        caller.read_exact(&mut [0; 5]).unwrap();
        let (own, theirs) = (caller.local_addr().unwrap(), caller.peer_addr().unwrap());
        server.running.wait_for_line(&format!("called by tcp://{own} at tcp://{theirs}"));
    }
}

#[test]
fn haproxy_tells_who_called_it() {
    if std::process::Command::new("haproxy").arg("-v").output().is_err() {
        eprintln!("not run: this test needs haproxy: apt-get install haproxy");
        return;
    }
    let files = Files::new();
    for scheme in ["proxy", "tls+proxy"] {
        let is_plain = scheme == "proxy";
        let mut server = match scheme {
            "proxy" => echo(AT, "epoll"),
            _ => echo(&format!("tls+proxy+tcp://127.0.0.1:0?{}", files.shown("leaf")), "epoll"),
        };
        for send in ["send-proxy", "send-proxy-v2"] {
            let (_haproxy, place) = haproxy(&server.port(), send);
            let to = if is_plain {
                format!("tcp://{place}")
            } else {
                format!("{}&server-name=localhost", files.to(&format!("tls://{place}")))
            };
            let said = random_bytes(1 << 20, 1);
            let caller = run_swb(&["connect", "-v", &to], &said);
            assert_eq!(caller.code(), 0, "{send}: {}", caller.stderr);
            assert!(caller.stdout == said, "{send}: {} bytes came back", caller.stdout.len());
            // connected to HAProxy from the address that it tells
            let own = caller.stderr.lines().find_map(|line| line.split_once(" from tcp://")).unwrap().1;
            server.running.wait_for_line(&format!("called by tcp://{own} at tcp://{place}"));
        }
    }
}

/// HAProxy in front of this port, and its place.
pub(crate) fn haproxy(port: &str, send: &str) -> (Running, String) {
    let directory = Directory::new();
    // At an address where nobody else asks for a port, as it takes none that the kernel chooses.
    let free = TcpListener::bind("127.77.0.1:0").unwrap().local_addr().unwrap();
    let settings = format!(
        "defaults\n mode tcp\n timeout connect 30s\n timeout client 30s\n timeout server 30s\n\
         listen front\n bind {free}\n server back 127.0.0.1:{port} {send}\n"
    );
    std::fs::write(directory.file("settings"), settings).unwrap();
    let running = Running::start(&mut installed("haproxy", &["-db", "-f", &directory.file("settings")]));
    ready(&running, &format!("tcp://127.77.0.1:{}", free.port()));
    (running, free.to_string())
}
