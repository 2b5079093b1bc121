//! What cannot be meant: status 2, and what can be.

use crate::fails;
use crate::support::run_swb;

#[test]
fn a_port_above_65535_is_refused_with_a_caret_under_it() {
    let caret = "                  ^^^^^^ a number from 0 to 65535";
    for port in ["898989", "989898"] {
        let message = format!("port {port} is above 65535\n  tcp://127.0.0.1:{port}\n{caret}");
        fails(&["connect", &format!("tcp://127.0.0.1:{port}")], 2, &message);
        fails(&["serve", "echo", &format!("tcp://127.0.0.1:{port}")], 2, &message);
        fails(&["listen", &format!("tcp://127.0.0.1:{port}")], 2, &message);
    }
}

#[test]
fn what_is_wrong_in_an_address_is_pointed_at() {
    let rows = [
        (
            "tcp://127.0.0.1:1?nodely",
            "nodely is no option\n  tcp://127.0.0.1:1?nodely\n                    ^^^^^^ did you mean nodelay?",
        ),
        (
            "htp://localhost:80",
            "htp is no scheme\n  htp://localhost:80\n  ^^^ tcp, udp, unix, unix-dgram, unix-seqpacket, fd, exec, sh, \
             file, fifo, pty, serial or tun; or a layer: tls, ws, proxy, impair, tap or wss",
        ),
        (
            "unix:/tmp/x?nodelay",
            "nodelay does not apply to unix, only to tcp\n  unix:/tmp/x?nodelay\n              ^^^^^^^ only for tcp",
        ),
        (
            "tcp://127.0.0.1:1?keepalive=fast",
            "keepalive: digits and a unit are wanted\n  tcp://127.0.0.1:1?keepalive=fast\n                              \
             ^^^^ a duration from 1s to 32767s, such as 30s",
        ),
        ("localhost", "tcp needs a port: tcp://HOST:PORT\n  localhost\n  ^^^^^^^^^ localhost:PORT"),
    ];
    for (address, message) in rows {
        fails(&["connect", address], 2, message);
        fails(&["listen", address], 2, message);
    }
}

#[test]
fn an_option_of_the_other_role_is_refused() {
    fails(
        &["connect", "tcp://127.0.0.1:1?backlog=5"],
        2,
        "tcp://127.0.0.1:1?backlog=5: option backlog is for listening; leave it out to connect",
    );
    for option in ["bind=:0", "connect-timeout=1s"] {
        let address = format!("tcp://127.0.0.1:0?{option}");
        let name = option.split('=').next().unwrap();
        let message = format!("{address}: option {name} is for connecting; leave it out to listen");
        fails(&["serve", "echo", &address], 2, &message);
        fails(&["listen", &address], 2, &message);
    }
}

#[test]
fn service_engine_and_address_that_do_not_go_together_are_refused_with_what_does() {
    fails(
        &["serve", "echo", "udp://127.0.0.1:0", "--engine", "process"],
        2,
        "echo cannot be served here by the process engine: a datagram socket has no calls that could be handed to \
         children; these engines can: iterative, thread, poll, epoll, uring",
    );
    fails(
        &["serve", "print", "--prefix=several", "tcp://127.0.0.1:0", "--engine", "process"],
        2,
        "print cannot be served here by the process engine: its calls share memory, which separate processes do not; \
         these engines can: iterative, thread, poll, epoll, uring",
    );
}

#[test]
fn ends_that_do_not_fit_a_command_are_refused() {
    fails(
        &["connect", "-"],
        2,
        "connect joins standard input and output to an address: `-` is those already",
    );
    fails(&["ask", "-", "hi"], 2, "ask needs an address to ask: `-` is our own standard input and output");
    fails(&["listen", "-"], 2, "cannot listen at -: nobody can call there; try tcp://:PORT or unix:PATH");
}

#[test]
fn a_command_line_that_cannot_be_understood_has_status_2_and_shows_what_can() {
    let rows: [(&[&str], &str); 10] = [
        (&[], "Usage: swb [OPTIONS] <COMMAND>"),
        (&["conect", "tcp://127.0.0.1:1"], "similar subcommands exist: 'control', 'connect'"),
        (&["connect"], "<ADDRESS>"),
        (&["connect", "tcp://127.0.0.1:1", "--bogus"], "unexpected argument '--bogus'"),
        (&["ask", "tcp://127.0.0.1:1"], "<MESSAGE>"),
        (&["serve"], "echo"),
        (&["serve", "ehco", "tcp://127.0.0.1:0"], "'echo'"),
        (&["serve", "echo"], "<ADDRESS>..."),
        (
            &["serve", "echo", "tcp://127.0.0.1:0", "--engine", "warp"],
            "iterative, process, thread, poll, epoll, uring",
        ),
        (&["ask", "tcp://127.0.0.1:1", "x", "--timeout", "5parsecs"], "ns, us, ms, s, m, h and d"),
    ];
    for (arguments, shown) in rows {
        let ended = run_swb(arguments, b"");
        assert_eq!((ended.code(), ended.text().as_str()), (2, ""), "{arguments:?}");
        assert!(ended.stderr.contains(shown), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn a_closed_descriptor_is_no_address() {
    let ended = run_swb(&["connect", "fd:999"], b"");
    let start = "swb: cannot connect to fd:999: getsockopt(2): Bad file descriptor (EBADF); ";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
    assert_eq!((ended.code(), ended.stderr.lines().count()), (1, 1));
}
