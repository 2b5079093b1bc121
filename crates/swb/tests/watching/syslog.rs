//! The system's log, played by a datagram socket of the test's own.

use std::os::unix::net::UnixDatagram;

use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, run_swb};
use crate::{SIGTERM, SIGUSR1, call_once, quiet_echo};

pub(crate) fn syslog(path: &str) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(crate) fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 9000];
    let length = uninterrupted(|| socket.recv(&mut buffer)).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn each_message_is_a_datagram_with_priority_time_and_process() {
    let folder = Directory::new();
    let path = folder.file("log");
    let log = syslog(&path);
    let (server, address) = quiet_echo(&[&format!("--syslog={path}"), "-v"]);
    let tag = format!(" swb[{}]: ", server.pid());
    let message = next(&log);
    let (head, text) = message.split_once(&tag).unwrap_or_else(|| panic!("{message}"));
    assert_eq!(text, format!("listening {address}"));
    // `<30>Nov 21 05:02:16`: daemon, informational.
    assert!(head.starts_with("<30>") && head.len() == "<30>Nov 21 05:02:16".len(), "{head}");
    call_once(&address);
    assert!(next(&log).contains(" called tcp://"));
    assert!(next(&log).contains(": finished; 5 bytes in, 5 out"));
    server.signal(SIGTERM);
    let ended = server.finish();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
}

#[test]
fn messages_that_the_log_did_not_take_are_counted_and_told_when_it_is_back() {
    let folder = Directory::new();
    let path = folder.file("log");
    let log = syslog(&path);
    let (server, address) = quiet_echo(&[&format!("--syslog={path}"), "-v", "--engine", "iterative"]);
    assert!(next(&log).contains("listening"));
    // Not only closed: a program that another test has just started may hold it for a moment too.
    log.shutdown(std::net::Shutdown::Both).unwrap();
    std::fs::remove_file(&path).unwrap();
    call_once(&address);
    call_once(&address);
    // The third is answered once the second has ended: five messages have been sent by now.
    let mut third = crate::call(&address);
    crate::exchange(&mut third, b"I am through");
    let log = syslog(&path);
    server.signal(SIGUSR1);
    let message = next(&log);
    assert!(message.starts_with("<28>"), "{message}");
    assert!(message.contains(": 5 messages were lost: the system's log did not take them"), "{message}");
    assert!(next(&log).contains(": 1 calls are open"));
}

#[test]
fn a_system_without_a_log_is_an_error_that_says_what_to_do() {
    let ended = run_swb(&["serve", "echo", "tcp://127.0.0.1:0", "--syslog=/no/such/socket"], b"");
    assert_eq!(
        ended.stderr,
        "swb: cannot reach the system's log at \"/no/such/socket\": connect(2): No such file or directory \
         (ENOENT); is syslogd or journald running? --log-file PATH writes a file instead"
    );
    assert_eq!(ended.code(), 1);
}
