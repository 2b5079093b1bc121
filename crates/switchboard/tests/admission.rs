//! Who may call, from a Rust program.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;

use switchboard::services::Echo;
use switchboard::{Address, Place, Port, Running, Server, StartError};

fn port(server: &Running) -> u16 {
    match server.addresses() {
        [Address { place: Place::Network { port: Port::Number(port), .. }, .. }] => *port,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_says_who_may_call_and_has_it_read_again() {
    let file = std::env::temp_dir().join(format!("switchboard-admission-{}", std::process::id()));
    std::fs::write(&file, "192.0.2.0/24\n").unwrap();
    let server = Server::new(Echo).at("tcp://127.0.0.1:0").unwrap();
    let server = server.allow(&format!("@{}", file.display())).unwrap().start().unwrap();
    let exchange = || {
        let mut caller = TcpStream::connect(("127.0.0.1", port(&server)))?;
        caller.write_all(b"hello")?;
        caller.read_exact(&mut [0; 5])
    };
    let refused = exchange().unwrap_err().kind();
    assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&refused), "{refused}");
    std::fs::write(&file, "127.0.0.0/8\n").unwrap();
    server.read_rules_again().unwrap();
    exchange().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(server.read_rules_again().is_err());
    exchange().unwrap();
    server.drain();
    let report = server.wait().unwrap();
    assert_eq!((report.answered, report.refused), (2, 1));
}

#[test]
fn a_program_bounds_what_callers_may_have() {
    let server = Server::new(Echo).at("tcp://127.0.0.1:0").unwrap();
    let server = server.calls_per_peer_max(NonZeroU32::MIN).call_bytes_max(5).start().unwrap();
    let call = || TcpStream::connect(("127.0.0.1", port(&server)));
    let mut caller = call().unwrap();
    caller.write_all(b"he").unwrap();
    caller.read_exact(&mut [0; 2]).unwrap();
    let second = call().and_then(|mut second| second.read(&mut [0]));
    assert_eq!(second.unwrap_err().kind(), ErrorKind::ConnectionReset);
    caller.write_all(b"llo, and on and on").unwrap();
    let mut answer = Vec::new();
    caller.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"llo");
    server.end();
    let report = server.wait().unwrap();
    assert_eq!((report.answered, report.refused), (1, 1));
}

#[test]
fn what_is_no_rule_and_where_rules_cannot_be_kept_is_said() {
    let server = || Server::new(Echo).at("unix-dgram:@switchboard-admission").unwrap();
    assert!(server().allow("10.0.0.0/99").is_err());
    assert!(matches!(server().allow("uid:0").unwrap().start(), Err(StartError::SendersUnknown(_))));
    let absent = server().deny("@/there/is/none").unwrap().start();
    assert!(matches!(absent, Err(StartError::Rules(_))));
}
