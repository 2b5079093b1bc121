//! Calls that cannot be made or do not end well: status 3 to 6.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::support::peer::{refusing_tcp_port, refusing_udp_port};
use crate::support::{Directory, Running, Server, run_swb, swb};
use crate::{failed, fails, in_own_network};

#[test]
fn an_unknown_name_is_said_to_be_unknown_in_no_time() {
    let address = "tcp://nosuch.invalid:80";
    let tried = [
        (&["connect", address][..], "cannot connect to tcp://nosuch.invalid:80: "),
        (&["ask", address, "hi"], "cannot connect to tcp://nosuch.invalid:80: "),
        (&["serve", "echo", address], "cannot listen on tcp://nosuch.invalid:80: "),
        (&["listen", address], "cannot listen on tcp://nosuch.invalid:80: "),
        (&["resolve", "nosuch.invalid"], ""),
    ];
    for (arguments, what) in tried {
        let began = Instant::now();
        let ended = run_swb(arguments, b"");
        // Without a network the resolver may not know rather than know that there is none.
        let unknown = "no host is named nosuch.invalid: getaddrinfo(3): ";
        let unsure = "nosuch.invalid cannot be looked up now: getaddrinfo(3): ";
        let said = ended.stderr.strip_prefix(&format!("swb: {what}")).unwrap_or_else(|| panic!("{ended:?}"));
        assert!(said.starts_with(unknown) || said.starts_with(unsure), "{said}");
        assert!(said.contains("; "), "no next thing to try: {said}");
        assert_eq!((ended.code(), ended.stderr.lines().count()), (3, 1), "{}", ended.stderr);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[test]
fn an_unknown_service_is_no_port() {
    let message = "no service is named nosuchservice: services(5) does not list it; give the port's number";
    let address = "tcp://127.0.0.1:nosuchservice";
    fails(&["connect", address], 3, &format!("cannot connect to {address}: {message}"));
    fails(&["serve", "echo", address], 3, &format!("cannot listen on {address}: {message}"));
}

#[test]
fn a_refused_call_names_the_address_the_call_and_the_reason() {
    let (_held, port) = refusing_tcp_port();
    let address = format!("tcp://127.0.0.1:{port}");
    let message = format!(
        "cannot connect to {address}: connect(2): Connection refused (ECONNREFUSED); nobody listens there: is \
         the server running?"
    );
    fails(&["connect", &address], 4, &message);
    fails(&["ask", &address, "hi"], 4, &message);
}

#[test]
fn a_unix_path_and_an_abstract_name_at_which_nobody_listens_are_refused() {
    let folder = Directory::new();
    let path = folder.file("nobody");
    for scheme in ["unix", "unix-dgram", "unix-seqpacket"] {
        let message = format!(
            "cannot connect to {scheme}:{path}: connect(2): No such file or directory (ENOENT); nobody listens \
             there: is the server running?"
        );
        fails(&["connect", &format!("{scheme}:{path}")], 4, &message);
    }
    drop(UnixListener::bind(&path).unwrap()); // dead
    let name = format!("@swb-nobody-{}", std::process::id());
    for address in [format!("unix:{path}"), format!("unix:{name}")] {
        let message = format!(
            "cannot connect to {address}: connect(2): Connection refused (ECONNREFUSED); nobody listens there: \
             is the server running?"
        );
        fails(&["connect", &address], 4, &message);
    }
}

#[test]
fn a_refused_datagram_is_a_refused_question() {
    let (_held, port) = refusing_udp_port();
    let ended = run_swb(&["ask", &format!("udp://127.0.0.1:{port}"), "hi"], b"");
    let message = format!(
        "the question to udp://127.0.0.1:{port} was refused: recv(2): Connection refused (ECONNREFUSED); nobody \
         listens there: is the server running?"
    );
    failed(&ended, 4, &message);
}

#[test]
fn an_address_to_which_no_way_leads_is_unreachable() {
    let Some(ended) = in_own_network("true", &["connect", "tcp://192.0.2.1:80"]) else { return };
    let message = "cannot connect to tcp://192.0.2.1:80: connect(2): Network is unreachable (ENETUNREACH); no way \
                   leads there: `ip route get` shows the way that the kernel takes";
    failed(&ended, 4, message);
}

#[test]
fn of_a_name_with_several_addresses_each_that_was_tried_is_listed() {
    let folder = Directory::new();
    let hosts = folder.file("hosts");
    std::fs::write(&hosts, "127.0.0.2 several.test\n127.0.0.3 several.test\n::1 several.test\n").unwrap();
    let script = format!("mount --bind {hosts} /etc/hosts");
    let Some(ended) = in_own_network(&script, &["connect", "tcp://several.test:9"]) else { return };
    let start = "swb: cannot connect to tcp://several.test:9: tcp://";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
    for tried in ["tcp://127.0.0.2:9", "tcp://127.0.0.3:9", "tcp://[::1]:9"] {
        let refused = format!("{tried}: connect(2): Connection refused (ECONNREFUSED)");
        assert!(ended.stderr.contains(&refused), "{tried}: {}", ended.stderr);
    }
    assert_eq!((ended.code(), ended.stderr.lines().count()), (4, 1), "{}", ended.stderr);
}

#[test]
fn a_call_that_nobody_answers_ends_at_its_connect_timeout() {
    // Once as many calls wait as the backlog holds, the kernel drops every further SYN.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok())
            .take(10)
            .collect();
    assert!(waiting.len() < 10, "the backlog of 0 never filled");
    let began = Instant::now();
    let message = format!(
        "cannot connect to tcp://{address}?connect-timeout=200ms: connect(2): no answer within 200ms (connect-timeout); \
         nobody answers: is the address right, does a firewall drop the call?"
    );
    fails(&["connect", &format!("tcp://{address}?connect-timeout=200ms")], 5, &message);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_question_that_is_not_answered_is_timed_out() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp://{}", silent.local_addr().unwrap());
    let ended = run_swb(&["ask", &address, "hi", "--timeout", "50ms", "--retries", "1"], b"");
    let message = format!(
        "the question to {address} was not answered in time; is the server running, and is the address right?"
    );
    failed(&ended, 5, &message);
}

#[test]
fn a_silent_call_ends_at_its_idle_timeout_with_status_5() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let calling = Running::start(&mut swb(&["connect", "--idle-timeout", "100ms", &address]));
    let ended = calling.finish();
    let message = "timed out: it was silent in both directions for too long (--idle-timeout)";
    failed(&ended, 5, &format!("the call to {address} {message}"));
}

/// How the message of a reset ends.
const BROKEN_OFF: &str = "was broken off: recv(2): Connection reset by peer (ECONNRESET); the peer may not have got \
                          everything that was sent";

#[test]
fn a_reset_is_not_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    for command in [&["connect", address.as_str()][..], &["ask", address.as_str(), "hi"]] {
        let mut running = Running::start(&mut swb(command));
        running.write(b"hi");
        let (mut call, _) = listener.accept().unwrap();
        call.read_exact(&mut [0; 2]).unwrap();
        rustix::net::sockopt::set_socket_linger(&call, Some(Duration::ZERO)).unwrap();
        drop(call);
        let ended = running.finish();
        let what = if command[0] == "ask" { "question" } else { "call" };
        failed(&ended, 6, &format!("the {what} to {address} {BROKEN_OFF}"));
    }
}

#[test]
fn a_listener_whose_caller_resets_the_call_says_so() {
    let server = Server::start(&["listen", "tcp://127.0.0.1:0"]);
    let call = TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap();
    let caller = format!("tcp://{}", call.local_addr().unwrap());
    rustix::net::sockopt::set_socket_linger(&call, Some(Duration::ZERO)).unwrap();
    drop(call);
    failed(&server.running.finish(), 6, &format!("the call from {caller} {BROKEN_OFF}"));
}
