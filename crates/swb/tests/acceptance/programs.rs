//! Rows P1 to P32: the lectures' programs.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::support::peer::{in_own_namespaces, uninterrupted, wait_until};
use crate::support::proc::{children, descriptors, processor_ticks};
use crate::support::{Directory, Finished, PATIENCE, Running, Server, random_bytes, run, run_swb, swb};
use crate::{CONCURRENT, call_at, name};

/// Runs a script in name spaces of its own, where these are the hosts; `None` where that is forbidden.
fn with_hosts(hosts: &str, script: &str) -> Option<Finished> {
    let folder = Directory::new();
    std::fs::write(folder.file("hosts"), hosts).unwrap();
    let mut command = in_own_namespaces()?;
    let script = format!("ip link set lo up; mount --bind {} /etc/hosts\n{script}", folder.file("hosts"));
    command.args(["sh", "-e", "-c", &script, env!("CARGO_BIN_EXE_swb")]);
    Some(run(command, b""))
}

#[test]
fn p1_lines_of_every_length_are_sent_as_typed_with_nothing_added() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let typed: String = (0..2_000).map(|length| format!("{}\n", "x".repeat(length))).collect();
    let receiving = std::thread::spawn(move || {
        let mut all = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut all).unwrap();
        all
    });
    assert_eq!(run_swb(&["connect", &address], typed.as_bytes()).code(), 0);
    assert!(receiving.join().unwrap() == typed.as_bytes());
}

#[test]
fn p1_a_send_that_fails_is_an_error() {
    let folder = Directory::new();
    std::fs::write(folder.file("big"), random_bytes(20_000_000, 9)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let mut calling = swb(&["connect", &address]);
    let calling = Running::start(calling.stdin(File::open(folder.file("big")).unwrap()));
    let (mut call, _) = listener.accept().unwrap();
    call.read_exact(&mut [0]).unwrap();
    drop(call); // with unread bytes: the kernel resets it
    let called = calling.finish();
    assert_eq!(called.code(), 6, "{}", called.stderr);
    assert!(called.stderr.contains(&address), "{}", called.stderr);
}

#[test]
fn p2_a_reset_ends_that_call_only_and_nothing_spins() {
    let serve = ["serve", "print", "tcp://:0", "--engine", "iterative", "--backlog", "5", "-v"];
    let mut server = Server::start(&serve);
    for number in 1..=5 {
        let mut call = call_at("127.0.0.1", &server);
        call.write_all(b"said\n").unwrap();
        server.running.wait_for_bytes(5 * (2 * number - 1));
        rustix::net::sockopt::set_socket_linger(&call, Some(Duration::ZERO)).unwrap();
        drop(call);
        server.running.wait_for_line(&format!("call {}: ", 2 * number - 1));
        call_at("[::1]", &server).write_all(b"next\n").unwrap();
        server.running.wait_for_bytes(10 * number);
    }
    let ticks = processor_ticks(server.pid());
    assert!(ticks < 100, "{ticks} ticks of a hundredth of a second for ten callers");
    assert_eq!(server.terminate().text(), "said\nnext\n".repeat(5));
}

#[test]
fn p3_a_child_per_caller_says_thirteen_bytes_on_both_families_and_is_reaped() {
    let server = Server::start(&["serve", "say", "Hello, world!", "tcp://:0", "--engine", "process"]);
    let is_greeted = |host| {
        let mut heard = Vec::new();
        call_at(host, &server).read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"Hello, world!");
        wait_until("its child is reaped", || children(server.pid()).is_empty());
    };
    is_greeted("127.0.0.1"); // by now the server has all that it works with
    let before = descriptors(server.pid()).len();
    ["127.0.0.1", "[::1]"].into_iter().cycle().take(50).for_each(is_greeted);
    wait_until("the parent has no caller's descriptor", || descriptors(server.pid()).len() <= before);
}

#[test]
fn p4_the_caller_reads_to_the_end_of_the_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let mut calling = Running::start(&mut swb(&["connect", &address]));
    let (mut call, _) = listener.accept().unwrap();
    for part in 1..=10 {
        call.write_all(b"part.").unwrap();
        calling.wait_for_bytes(5 * part); // so that each comes by itself
    }
    drop(call);
    assert_eq!(calling.finish().text(), "part.".repeat(10));
}

#[test]
fn p4_the_caller_tries_every_address_of_the_name() {
    let script = r#"
        "$0" serve say Hello tcp://127.0.0.3:3490 2>/tmp/swb-p4-$$ &
        while ! grep -q listening /tmp/swb-p4-$$; do :; done
        rm /tmp/swb-p4-$$
        "$0" connect -v tcp://several.test:3490; status=$?
        kill $!; exit $status
    "#;
    let hosts = "::1 several.test\n127.0.0.2 several.test\n127.0.0.3 several.test\n";
    let Some(called) = with_hosts(hosts, script) else { return };
    assert_eq!((called.text().as_str(), called.code()), ("Hello", 0), "{}", called.stderr);
}

#[test]
fn p5_resolve_lists_every_address_with_the_canonical_name_and_the_service() {
    let hosts =
        "192.0.2.7 www.example.test www\n192.0.2.8 www.example.test www\n2001:db8::7 www.example.test www\n";
    let Some(listed) = with_hosts(hosts, r#""$0" resolve www:3490 www:80 www 192.0.2.7"#) else { return };
    let text = listed.text();
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), listed.code()), (10, 0), "{text} {}", listed.stderr);
    assert_eq!(lines.pop(), Some("192.0.2.7\twww.example.test"), "the name of an address");
    for address in ["192.0.2.7", "192.0.2.8", "[2001:db8::7]"] {
        let bare = address.trim_matches(['[', ']']);
        for wanted in [
            format!("tcp://{address}:3490\twww.example.test"),
            format!("tcp://{address}:80\twww.example.test\thttp"),
            format!("{bare}\twww.example.test"),
        ] {
            assert_eq!(lines.iter().filter(|line| **line == wanted).count(), 1, "{wanted:?} in {text}");
        }
    }
}

#[test]
fn p10_p12_every_callers_real_address_and_port_is_printed_in_decimal() {
    let mut server = Server::start(&["serve", "print", "tcp://127.0.0.1:0", "-v"]);
    let calls: Vec<TcpStream> = (0..5).map(|_| call_at("127.0.0.1", &server)).collect();
    for call in &calls {
        let line = server.running.wait_for_line(&format!("{} called ", name(call)));
        assert!(line.ends_with(&format!(" called {}", server.address())), "{line}");
    }
}

#[test]
fn p13_hello_gets_hello_back_and_no_stray_byte() {
    let mut server = Server::start(&["serve", "reply", "hello back", "tcp://127.0.0.1:0", "-v"]);
    let asked = run_swb(&["ask", server.address(), "hello"], b"");
    assert_eq!((asked.stdout.as_slice(), asked.code()), (&b"hello back"[..], 0), "{}", asked.stderr);
    let line = server.running.wait_for_line("finished");
    assert!(line.contains("finished; 5 bytes in, 10 out"), "{line}");
}

#[test]
fn p14_two_long_calls_advance_together_and_their_children_end_with_them() {
    let reply = ["serve", "reply", "hello back", "--every", "50ms", "--times", "100"];
    let serve = [&reply[..], &["tcp://127.0.0.1:0", "--engine", "process"]].concat();
    let server = Server::start(&serve);
    let mut calls = [call_at("127.0.0.1", &server), call_at("127.0.0.1", &server)];
    calls.iter_mut().for_each(|call| call.write_all(b"hello").unwrap());
    for _answer in 0..3 {
        for call in &mut calls {
            let mut answer = [0; 10];
            call.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"hello back");
        }
    }
    // The first has more to come, though the second has been answered three times.
    assert!(uninterrupted(|| calls[0].peek(&mut vec![0; 1000])).unwrap() < 970);
    assert_eq!(children(server.pid()).len(), 2);
    drop(calls);
    wait_until("each child ends with its call", || children(server.pid()).is_empty());
}

#[test]
fn p14_an_answer_of_a_hundred_times_is_given_a_hundred_times() {
    let reply = ["serve", "reply", "hello back", "--every", "1ms", "--times", "100"];
    let server = Server::start(&[&reply[..], &["tcp://127.0.0.1:0", "--engine", "process"]].concat());
    let asked = run_swb(&["ask", server.address(), "hello"], b"");
    assert_eq!((asked.text(), asked.code()), ("hello back".repeat(100), 0));
}

#[test]
fn p18_to_p22_one_service_under_two_engines_echoes_exactly_and_names_its_caller() {
    for engine in ["iterative", "process"] {
        let mut server = Server::start(&["serve", "echo", "tcp://:0", "--engine", engine, "-v"]);
        let mut call = call_at("127.0.0.1", &server);
        for message in ["a", "bc", "a whole line\n"] {
            call.write_all(message.as_bytes()).unwrap();
            let mut echoed = vec![0; message.len()];
            call.read_exact(&mut echoed).unwrap();
            assert_eq!(echoed, message.as_bytes());
        }
        server.running.wait_for_line(&format!("call 1: {} called ", name(&call)));
        call.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        call.read_to_end(&mut rest).unwrap();
        assert_eq!((rest.len(), server.terminate().code()), (0, 0), "{engine}");
    }
}

#[test]
fn p23_a_fixed_address_a_wildcard_and_port_0_are_bound_and_the_real_port_is_told() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fixed = Server::start(&["serve", "echo", &format!("tcp://{free}")]);
    assert_eq!(fixed.address(), format!("tcp://{free}"));
    for (wanted, hosts) in [
        ("tcp://:0", &["127.0.0.1", "[::1]"][..]),
        ("tcp://[::]:0", &["127.0.0.1", "[::1]"]),
        ("tcp://0.0.0.0:0", &["127.0.0.1"]),
        (":0", &["127.0.0.1", "[::1]"]),
    ] {
        let server = Server::start(&["serve", "say", "here", wanted]);
        assert_ne!(server.port(), "0");
        for host in hosts {
            let mut heard = String::new();
            call_at(host, &server).read_to_string(&mut heard).unwrap();
            assert_eq!(heard, "here", "{wanted} {host}");
        }
    }
}

#[test]
fn p26_p27_each_datagram_is_acknowledged_with_eighteen_bytes_to_a_port_of_the_callers_own() {
    let server = Server::start(&["serve", "reply", "Server Got Message", "udp://127.0.0.1:0", "-v"]);
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for bound in ["bind=:0".to_owned(), format!("bind={free}")] {
        let asked = run_swb(&["ask", &format!("{}?{bound}", server.address()), "Got it?"], b"");
        assert_eq!(
            (asked.text().as_str(), asked.stdout.len()),
            ("Server Got Message", 18),
            "{}",
            asked.stderr
        );
    }
    let Server { running: mut server, .. } = server;
    server.wait_for_line(&format!("message of 7 bytes from udp://{free}"));
}

#[test]
fn p28_c25_the_source_and_the_destination_of_each_datagram_are_shown() {
    let mut server = Server::start(&["listen", "udp://0.0.0.0:0", "--keep", "-v"]);
    let port = server.port();
    for (message, host) in [("one", "127.0.0.1"), ("three", "127.0.0.2")] {
        let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
        caller.send_to(message.as_bytes(), format!("{host}:{port}")).unwrap();
        let from = caller.local_addr().unwrap();
        let bytes = message.len();
        server
            .running
            .wait_for_line(&format!("message of {bytes} bytes from udp://{from} to udp://{host}:{port}"));
    }
    server.running.signal(9);
    let said = server.running.finish().stderr;
    assert!(!said.contains("unnamed"), "somebody without a name called: {said}");
}

#[test]
fn p29_p30_caller_and_callee_talk_on_a_port_of_their_choice() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("tcp://{free}");
    let mut callee = Server::start(&["listen", &address]);
    let mut caller = Running::start(&mut swb(&["connect", &address]));
    callee.running.write(b"Hello World\n");
    assert_eq!(caller.wait_for_text("World\n"), "Hello World\n");
    caller.close_input();
    callee.running.close_input();
    assert_eq!((caller.finish().code(), callee.running.finish().code()), (0, 0));
}

#[test]
fn p31_p32_while_one_caller_waits_for_its_bye_others_are_told_who_they_are() {
    for engine in CONCURRENT {
        let server = Server::start(&["serve", "who", "--bye-after", "1h", "tcp://:0", "--engine", engine]);
        let mut waiting = Vec::new();
        for (host, ip) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1")] {
            let mut call = call_at(host, &server);
            call.write_all(b"2026-11-21T12:00:00Z good morning").unwrap();
            let mut said = Vec::new();
            while !said.ends_with(b"\n") {
                let mut byte = [0];
                call.read_exact(&mut byte).unwrap();
                said.push(byte[0]);
            }
            let said = String::from_utf8(said).unwrap();
            let port = call.local_addr().unwrap().port();
            assert!(said.starts_with("Connection from "), "{engine}: {said}");
            assert!(said.contains(&format!(" ({ip}) {port} at 2")), "{engine}: {said}");
            waiting.push(call);
        }
    }
}

#[test]
fn p31_p32_a_caller_without_a_name_is_named_by_its_address() {
    let script = r#"
        "$0" serve who --bye-after 0s tcp://127.0.0.1:7891 2>/tmp/swb-p31-$$ &
        while ! grep -q listening /tmp/swb-p31-$$; do :; done
        rm /tmp/swb-p31-$$
        "$0" ask 'tcp://127.0.0.1:7891?bind=127.0.0.9:4567' 'good morning'; status=$?
        kill $!; exit $status
    "#;
    let Some(asked) = with_hosts("127.0.0.1 localhost\n", script) else { return };
    let text = asked.text();
    assert!(text.starts_with("Connection from 127.0.0.9 (127.0.0.9) 4567 at 2"), "{text} {}", asked.stderr);
    assert!(text.ends_with("Z\nBye\n"), "{text}");
    assert_eq!(asked.code(), 0);
}

#[test]
fn p31_p32_the_same_by_datagrams() {
    let server = Server::start(&["serve", "who", "--bye-after", "10ms", "udp://127.0.0.1:0"]);
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.send_to(b"good morning", server.address().trim_start_matches("udp://")).unwrap();
    let mut heard = Vec::new();
    for _message in 0..2 {
        let mut buffer = [0; 500];
        let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
        heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    let port = caller.local_addr().unwrap().port();
    assert!(heard[0].contains(&format!(" (127.0.0.1) {port} at 2")) && heard[1] == "Bye\n", "{heard:?}");
}
