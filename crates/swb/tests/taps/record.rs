//! `?record=`: byte streams as connections of TCP.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime};

use crate::certificates::Files;
use crate::support::peer::installed;
use crate::support::{Directory, Server, random_bytes, run, run_swb};
use crate::{assert_sound, call, echo, stream, tshark};

const BYTES: usize = 300_000;

const CALLS: usize = 1_000;

under! { a_call_is_read_back_by_tshark: iterative process thread poll epoll uring }
under! { a_thousand_calls_are_all_there: iterative process thread poll epoll uring }
under! { of_tls_the_plaintext_is_recorded: iterative process thread poll epoll uring }
under! { a_reset_is_a_reset_by_who_did_it: iterative process thread poll epoll uring }

fn a_call_is_read_back_by_tshark(engine: &str) {
    let directory = Directory::new();
    let capture = directory.file("echo.pcapng");
    let began = SystemTime::now();
    let server = echo(&format!("tcp://127.0.0.1:0?record={capture}"), engine);
    let (port, address) = (server.port(), server.address().to_owned());
    let said = random_bytes(BYTES, 1);
    let (heard, our_port) = call(&port, &said);
    assert!(heard == said, "{} bytes came back", heard.len());
    assert_eq!(server.terminate().code(), 0);
    assert_sound(&capture);
    assert!(stream(&capture, &our_port) == said && stream(&capture, &port) == said);
    let opening = tshark(
        &capture,
        "tcp.flags.syn == 1",
        &["ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "frame.comment"],
    );
    let comment = format!("call 1: tcp://127.0.0.1:{our_port} called {address}");
    let expected = [
        format!("127.0.0.1\t{our_port}\t127.0.0.1\t{port}\t{comment}"),
        format!("127.0.0.1\t{port}\t127.0.0.1\t{our_port}\t"),
    ];
    assert_eq!(opening, expected);
    assert_eq!(tshark(&capture, "tcp.flags.fin == 1", &["tcp.srcport"]), [our_port, port]);
    let times = tshark(&capture, "tcp", &["frame.time_epoch"]);
    let times: Vec<f64> = times.iter().map(|time| time.parse().unwrap()).collect();
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(
        times.is_sorted()
            && times[0] >= seconds(began) - 1.0
            && *times.last().unwrap() <= seconds(SystemTime::now())
    );
}

fn a_thousand_calls_are_all_there(engine: &str) {
    let directory = Directory::new();
    let capture = directory.file("calls.pcapng");
    let server = echo(&format!("tcp://127.0.0.1:0?record={capture}"), engine);
    let port = server.port();
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let port = port.clone();
            std::thread::spawn(move || {
                for number in 0..CALLS / 4 {
                    let said = format!("caller {caller}, call {number}");
                    assert_eq!(call(&port, said.as_bytes()).0, said.as_bytes());
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    assert_eq!(server.terminate().code(), 0);
    assert_sound(&capture);
    let opened = tshark(&capture, "tcp.flags.syn == 1 && tcp.flags.ack == 0", &["frame.comment"]);
    let numbers: BTreeSet<&str> =
        opened.iter().map(|comment| comment.split([' ', ':']).nth(1).unwrap()).collect();
    assert_eq!((opened.len(), numbers.len()), (CALLS, CALLS));
    let said = tshark(&capture, &format!("tcp.dstport == {port} && tcp.len > 0"), &["tcp.payload"]);
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), CALLS);
    assert_eq!(tshark(&capture, "tcp.flags.fin == 1", &["tcp.srcport"]).len(), 2 * CALLS);
}

fn of_tls_the_plaintext_is_recorded(engine: &str) {
    let files = Files::new();
    let server = echo("tcp://127.0.0.1:0", "epoll");
    let [above, below, far] = ["above", "below", "far"].map(|name| files.directory().file(name));
    // One tap on top of TLS, one below it: what is said, and what is on the wire.
    let relay = Server::start(&[
        "relay",
        &format!("{}&record={above}", files.at("tls")),
        &format!("{}?record={far}", server.address()),
        "--engine",
        engine,
    ]);
    let caller = run_swb(&["ask", &files.to(relay.address()), "in plain words"], b"");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "in plain words"), "{caller:?}");
    let port = relay.port();
    assert_eq!(relay.terminate().code(), 0);
    for capture in [&above, &far] {
        assert_sound(capture);
        let said = tshark(capture, "tcp.len > 0", &["tcp.payload"]);
        let hexadecimal: String = b"in plain words".iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(said, [hexadecimal.clone(), hexadecimal]);
    }
    // Who called us is the first to speak there, and at the far end we are.
    let opened = |capture| tshark(capture, "tcp.flags.syn == 1 && tcp.flags.ack == 0", &["tcp.dstport"]);
    assert_eq!((opened(&above), opened(&far)), (vec![port], vec![server.port()]));

    let relay = Server::start(&[
        "relay",
        &files.at("tls+tap").replace('?', &format!("?record={below}&")),
        server.address(),
        "--engine",
        engine,
    ]);
    let address = relay.address().replace("tap+", "");
    let caller = run_swb(&["ask", &files.to(&address), "in plain words"], b"");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "in plain words"), "{caller:?}");
    let decode = format!("tcp.port=={},tls", relay.port());
    assert_eq!(relay.terminate().code(), 0);
    assert_sound(&below);
    let arguments = ["-n", "-r", &below, "-d", &decode, "-Y", "tls.handshake.type == 1", "-T", "fields"];
    let hellos = run(installed("tshark", &[&arguments[..], &["-e", "tls.handshake.type"]].concat()), b"");
    assert_eq!(hellos.text().trim(), "1", "{hellos:?}");
}

fn a_reset_is_a_reset_by_who_did_it(engine: &str) {
    let directory = Directory::new();
    let capture = directory.file("reset.pcapng");
    let mut server = echo(&format!("tcp://127.0.0.1:0?record={capture}"), engine);
    let mut socket = TcpStream::connect(format!("127.0.0.1:{}", server.port())).unwrap();
    socket.write_all(b"hello").unwrap();
    socket.read_exact(&mut [0; 5]).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
    drop(socket);
    server.running.wait_for_line("reset by the peer");
    assert_eq!(server.terminate().code(), 0);
    assert_eq!(tshark(&capture, "tcp.flags.reset == 1", &["tcp.srcport"]), [port]);
    assert_eq!(tshark(&capture, "tcp.flags.fin == 1", &["tcp.srcport"]), [""; 0]);
}

#[test]
fn follow_puts_the_conversation_together_again() {
    let directory = Directory::new();
    let capture = directory.file("call.pcapng");
    let server = echo("tcp://127.0.0.1:0", "epoll");
    let calling = run_swb(&["connect", &format!("{}?record={capture}", server.address())], b"hello");
    assert_eq!((calling.code(), calling.text().as_str()), (0, "hello"), "{calling:?}");
    let arguments = ["-n", "-q", "-r", &capture, "-z", "follow,tcp,raw,0"];
    let followed = run(installed("tshark", &arguments), b"").text();
    // The second side's lines are indented.
    assert!(followed.contains("\n68656c6c6f\n\t68656c6c6f\n"), "{followed}");
}

#[test]
fn sockets_and_programs_without_ip_have_invented_addresses_and_their_names_stand_there() {
    let directory = Directory::new();
    let (path, capture) = (directory.file("socket"), directory.file("call.pcapng"));
    let server = echo(&format!("unix:{path}?record={capture}"), "epoll");
    let name = server.address().to_owned();
    for said in ["one", "two"] {
        assert_eq!(run_swb(&["ask", &name, said], b"").text(), said);
    }
    assert_eq!(server.terminate().code(), 0);
    assert_sound(&capture);
    let opened = "tcp.flags.syn == 1 && tcp.flags.ack == 0";
    let fields = ["ip.src", "tcp.srcport", "ip.dst", "frame.comment"];
    let lines = tshark(&capture, opened, &fields);
    let caller = |number: u32| {
        let called = lines[0].split('\t').nth(2).unwrap();
        let comment = format!("call {number}: unix:(unnamed) called unix:{path}");
        format!("198.18.0.0\t{}\t{called}\t{comment}", 1_024 + number)
    };
    assert_eq!(lines, [caller(1), caller(2)]);

    let capture = directory.file("program.pcapng");
    let said = random_bytes(BYTES, 5);
    let called = run_swb(&["connect", &format!("exec:cat?record={capture}")], &said);
    assert_eq!((called.code(), called.stderr.as_str()), (0, ""));
    assert!(called.stdout == said, "{} bytes came back", called.stdout.len());
    assert_sound(&capture);
    let lines = tshark(&capture, opened, &["ip.src", "tcp.srcport", "frame.comment"]);
    assert_eq!(lines, ["198.18.0.0\t1025\tcall 1: exec:cat, called by us from -"]);
    assert!(stream(&capture, "1025") == said);
}

#[test]
fn both_sides_of_a_relay_can_share_a_file_and_so_can_a_program() {
    for engine in ["process", "epoll"] {
        let directory = Directory::new();
        let capture = directory.file("relay.pcapng");
        let record = format!("record={capture}");
        let relay = Server::start(&[
            "relay",
            &format!("tcp://127.0.0.1:0?{record}"),
            &format!("exec:tr a-z A-Z?{record}"),
            "--engine",
            engine,
        ]);
        for _ in 0..2 {
            assert_eq!(call(&relay.port(), b"hello").0, b"HELLO");
        }
        assert_eq!(relay.terminate().code(), 0);
        assert_sound(&capture);
        let opened = tshark(&capture, "tcp.flags.syn == 1 && tcp.flags.ack == 0", &["frame.comment"]);
        assert_eq!(opened.len(), 4, "{opened:?}");
        let said = tshark(&capture, "tcp.len > 0", &["tcp.payload"]);
        let [small, large] =
            ["68656c6c6f", "48454c4c4f"].map(|payload| said.iter().filter(move |said| *said == payload));
        assert_eq!((small.count(), large.count()), (4, 4));
    }
}

#[test]
fn a_listener_and_an_abandoned_far_end_are_recorded_too() {
    let directory = Directory::new();
    let capture = directory.file("listen.pcapng");
    let mut listening = Server::start(&["listen", &format!("tcp://127.0.0.1:0?record={capture}")]);
    listening.running.write(b"good day");
    listening.running.close_input();
    assert_eq!(call(&listening.port(), b"hello").0, b"good day");
    let port = listening.port();
    assert_eq!(listening.running.finish().text(), "hello");
    assert_sound(&capture);
    assert_eq!(stream(&capture, &port), b"good day");
    // Nobody is there: there is a capture, and nothing in it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let capture = directory.file("nobody.pcapng");
    assert_eq!(run_swb(&["connect", &format!("tcp://{nobody}?record={capture}")], b"").code(), 4);
    assert_eq!(tshark(&capture, "frame", &["frame.number"]), [""; 0]);
}
