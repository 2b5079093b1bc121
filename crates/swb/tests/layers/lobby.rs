//! Who waits at `proxy` to be introduced: it costs the others nothing, is bounded, and has the number that its layers know.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use crate::support::peer::installed;
use crate::support::proc::{children, resident_bytes, ticks_at_rest};
use crate::support::{Directory, Server, program, run};
use crate::{call, echo};

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n";

under! { a_server_rests_after_a_caller_who_was_introduced_late: iterative process thread poll epoll uring }
under! { who_is_not_introduced_fills_no_memory: thread poll epoll uring }
under! { nobody_is_lost_while_there_is_no_thread_or_process: process thread }

fn a_server_rests_after_a_caller_who_was_introduced_late(engine: &str) {
    let server = echo("proxy://127.0.0.1:0?handshake-timeout=300ms", engine);
    let mut caller = call(&server);
    std::thread::sleep(Duration::from_millis(100)); // it is late
    caller.write_all(&[HEADER, b"hello"].concat()).unwrap();
    caller.read_exact(&mut [0; 5]).unwrap();
    let used = ticks_at_rest(server.pid(), Duration::from_millis(800)); // beyond the time that it had
    assert!(used <= 4, "{used} ticks of 10 ms in 800 ms of rest");
    drop(caller);
    assert_eq!(server.terminate().code(), 0);
}

fn who_is_not_introduced_fills_no_memory(engine: &str) {
    // What comes is held for its time before the header is looked for in it.
    let server = echo("proxy+tcp://127.0.0.1:0?delay=20s&handshake-timeout=30s", engine);
    let before = resident_bytes(server.pid());
    let mut caller = call(&server);
    caller.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let (mut sent, piece) = (0, vec![b'x'; 1 << 20]);
    let refused = loop {
        match caller.write(&piece) {
            Ok(length) => sent += length,
            Err(error) => break error,
        }
        assert!(sent < 64 << 20, "it takes {sent} bytes and more");
    };
    assert_eq!(refused.kind(), ErrorKind::WouldBlock, "it waits in the kernel");
    let grown = resident_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}

fn nobody_is_lost_while_there_is_no_thread_or_process(engine: &str) {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    let folder = Directory::new();
    let traced = folder.file("trace");
    let swb = env!("CARGO_BIN_EXE_swb");
    let serve = [swb, "serve", "echo", "proxy://127.0.0.1:0", "--engine", engine];
    let inject = "inject=clone,clone3,fork:error=EAGAIN:when=1..3";
    let strace = ["-f", "-o", &traced, "-e", "trace=clone,clone3,fork", "-e", inject];
    let strace = [&strace[..], &["setpriv", "--pdeathsig", "KILL"], &serve].concat();
    let server = Server::of(&mut program("strace", &strace), 1);
    let process = children(server.pid())[0];
    let mut callers: Vec<_> = (0..3).map(|_| call(&server)).collect();
    for caller in &mut callers {
        caller.write_all(&[HEADER, b"hello"].concat()).unwrap();
    }
    for mut caller in callers {
        let mut heard = [0; 5];
        caller.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }
    assert!(run(program("kill", &["-15", &process.to_string()]), b"").status.success());
    assert_eq!(server.running.finish().code(), 0);
    assert!(std::fs::read_to_string(&traced).unwrap().contains("(INJECTED)"), "it never came to it");
}

#[test]
fn a_call_has_the_number_by_which_its_layers_know_it() {
    let mut server = echo("proxy+tcp://127.0.0.1:0?fail-first=2", "epoll");
    for number in 1..=4 {
        let mut caller = call(&server);
        let heard =
            caller.write_all(&[HEADER, b"hello"].concat()).and_then(|()| caller.read_exact(&mut [0; 5]));
        assert_eq!(heard.is_ok(), number > 2, "call {number}");
    }
    server.running.wait_for_line("call 4: tcp://192.0.2.1:4711 called ");
}
