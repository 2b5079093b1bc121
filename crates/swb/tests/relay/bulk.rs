//! Bulk goes by splice(2): between sockets, and between a socket and standard input and output.

use std::fs::OpenOptions;
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;

use crate::support::peer::installed;
use crate::support::trace::{lines, named};
use crate::support::{Directory, Server, program, random_bytes, run};
use crate::{answer, call, far, read_all, relay, say};

const BYTES: usize = 16 << 20;

under! { bulk_is_spliced_and_small_messages_are_not: iterative thread poll epoll uring }

fn bulk_is_spliced_and_small_messages_are_not(engine: &str) {
    for (size, is_spliced) in [(BYTES, true), (1000, false)] {
        let (listener, address) = far();
        let relay = relay(&address, engine, &["--trace"]);
        let caller = call(&relay);
        let other = answer(&listener);
        let said = random_bytes(size, 1);
        let writer = say(caller.try_clone().unwrap(), said.clone());
        let hearing = std::thread::spawn(move || read_all(other));
        writer.join().unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        assert!(hearing.join().unwrap() == said, "{size} bytes were changed");
        drop(caller);
        let told = lines(&relay.terminate().stderr);
        let spliced: usize =
            named(&told, "splice").iter().filter_map(|line| line.result().parse::<usize>().ok()).sum();
        // Each byte is spliced twice: into the pipe and out of it. What came first was copied.
        assert_eq!(spliced > size, is_spliced, "{spliced} of {size} bytes");
    }
}

#[test]
fn plain_input_and_output_are_spliced_too() {
    let folder = Directory::new();
    let (from, to) = (folder.file("from"), folder.file("to"));
    let said = random_bytes(BYTES, 2);
    std::fs::write(&from, &said).unwrap();
    let file = std::fs::File::create(&to).unwrap();
    let mut listen = program(env!("CARGO_BIN_EXE_swb"), &["listen", "tcp://127.0.0.1:0", "--trace"]);
    listen.stdin(Stdio::null()).stdout(Stdio::from(file));
    let server = Server::of(&mut listen, 1);
    let mut connect = program(env!("CARGO_BIN_EXE_swb"), &["connect", server.address(), "--trace"]);
    connect.stdin(Stdio::from(std::fs::File::open(&from).unwrap()));
    let caller = connect.output().unwrap();
    let listener = server.running.finish();
    assert_eq!((caller.status.code(), listener.code()), (Some(0), 0));
    assert!(std::fs::read(&to).unwrap() == said);
    for stderr in [String::from_utf8(caller.stderr).unwrap(), listener.stderr] {
        assert!(!named(&lines(&stderr), "splice").is_empty(), "{stderr}");
    }
}

#[test]
fn output_that_takes_no_splice_gets_every_byte_all_the_same() {
    let folder = Directory::new();
    let path = folder.file("appended");
    std::fs::write(&path, b"before\n").unwrap();
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    let mut listen = program(env!("CARGO_BIN_EXE_swb"), &["listen", "tcp://127.0.0.1:0"]);
    listen.stdin(Stdio::null()).stdout(Stdio::from(file));
    let server = Server::of(&mut listen, 1);
    let said = random_bytes(BYTES, 3);
    let address = server.address().trim_start_matches("tcp://").to_owned();
    let caller = TcpStream::connect(address).unwrap();
    say(caller.try_clone().unwrap(), said.clone()).join().unwrap();
    drop(caller);
    assert_eq!(server.running.finish().code(), 0);
    assert!(std::fs::read(&path).unwrap() == [&b"before\n"[..], &said].concat());
}

#[test]
fn a_kernel_that_splices_nothing_is_no_hindrance() {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    // The first splice of a call goes into the pipe, the second out of it.
    for fault in [
        "splice:error=EINVAL",
        "splice:error=EINVAL:when=2+2",
        "pipe2:error=EMFILE",
        "splice:error=EAGAIN:when=3+3",
    ] {
        let (listener, address) = far();
        let inject = format!("inject={fault}");
        let swb = env!("CARGO_BIN_EXE_swb");
        let serve = [swb, "relay", "tcp://127.0.0.1:0", &address, "--workers", "1"];
        let arguments = [&["-f", "-o", "/dev/null", "-e", &inject][..], &serve].concat();
        let server = Server::of(&mut program("strace", &arguments), 1);
        let caller = call(&server);
        let other = answer(&listener);
        let said = random_bytes(BYTES, 4);
        let writer = say(caller.try_clone().unwrap(), said.clone());
        let hearing = std::thread::spawn(move || read_all(other));
        writer.join().unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        assert!(hearing.join().unwrap() == said, "{fault}");
        drop(caller);
        let traced = crate::support::proc::children(server.pid())[0];
        assert!(run(program("kill", &["-15", &traced.to_string()]), b"").status.success());
        assert_eq!(server.running.finish().code(), 0, "{fault}");
    }
}
