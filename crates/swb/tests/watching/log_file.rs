//! A log file: appended to with times, and opened anew at SIGHUP.

use std::fs::read_to_string;

use crate::support::peer::wait_until;
use crate::support::{Directory, Server, run_swb};
use crate::{SIGHUP, SIGTERM, call, call_once, exchange, quiet_echo};

#[test]
fn messages_go_to_the_file_with_their_times_behind_what_is_there() {
    let folder = Directory::new();
    let path = folder.file("log");
    std::fs::write(&path, "from an earlier run\n").unwrap();
    let (server, address) = quiet_echo(&["--log-file", &path, "-v"]);
    call_once(&address);
    wait_until("the end is in the file", || read_to_string(&path).unwrap().contains("finished"));
    server.signal(SIGTERM);
    let ended = server.finish();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    let text = read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "from an earlier run");
    let words = ["listening tcp://", "call 1: tcp://", "call 1: tcp://"];
    for (line, begins) in lines[1..].iter().zip(words) {
        let (time, message) = line.split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}");
        assert!(message.starts_with(begins), "{line}");
    }
    assert_eq!(lines.len(), 4, "{lines:?}");
}

under! { after_a_hangup_messages_go_to_a_new_file_and_no_call_is_dropped: iterative process thread poll epoll uring }

fn after_a_hangup_messages_go_to_a_new_file_and_no_call_is_dropped(engine: &str) {
    let folder = Directory::new();
    let (path, old) = (folder.file("log"), folder.file("log.1"));
    let (server, address) = quiet_echo(&["--log-file", &path, "-v", "--engine", engine]);
    let mut caller = call(&address);
    exchange(&mut caller, b"before");
    std::fs::rename(&path, &old).unwrap();
    server.signal(SIGHUP);
    wait_until("there is a new file", || std::fs::exists(&path).unwrap());
    exchange(&mut caller, b"after");
    drop(caller);
    wait_until("the end is in the new file", || read_to_string(&path).unwrap().contains("call 1: "));
    server.signal(SIGTERM);
    assert_eq!(server.finish().code(), 0);
    let (old, new) = (read_to_string(&old).unwrap(), read_to_string(&path).unwrap());
    assert!(old.contains(" called ") && !old.contains("11 bytes in"), "{old}");
    assert!(new.contains("; 11 bytes in, 11 out") && !new.contains(" called "), "{new}");
}

#[test]
fn a_file_that_cannot_be_opened_anew_leaves_the_old_one_and_says_so() {
    let folder = Directory::new();
    let (gone, moved) = (folder.file("gone"), folder.file("moved"));
    std::fs::create_dir(&gone).unwrap();
    let (server, address) = quiet_echo(&["--log-file", &format!("{gone}/log"), "-v"]);
    std::fs::rename(&gone, &moved).unwrap();
    server.signal(SIGHUP);
    let log = || read_to_string(format!("{moved}/log")).unwrap();
    wait_until("it is said in the old file", || log().contains("cannot reopen the log file"));
    assert!(log().contains("No such file or directory (ENOENT); its directory must exist"), "{}", log());
    call_once(&address);
    wait_until("it goes on in the old file", || log().contains("finished"));
}

#[test]
fn without_a_log_file_a_hangup_ends_a_server() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    server.running.signal(SIGHUP);
    assert_eq!(server.running.finish().code(), 128 + SIGHUP);
}

#[test]
fn a_failure_is_in_the_file_and_on_standard_error() {
    let folder = Directory::new();
    let path = folder.file("log");
    let serve = ["serve", "echo", "unix:/no/such/folder/x", "--log-file", &path, "--log", "json"];
    let ended = run_swb(&serve, b"");
    assert!(ended.stderr.starts_with("swb: cannot listen on unix:/no/such/folder/x: "), "{ended:?}");
    let log = read_to_string(&path).unwrap();
    assert_eq!(crate::member(log.trim_end(), "event"), "failed");
    assert_eq!(crate::member(log.trim_end(), "status"), "7");
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_before_anyone_is_answered() {
    let ended = run_swb(&["serve", "echo", "tcp://127.0.0.1:0", "--log-file", "/no/such/folder/log"], b"");
    assert_eq!(
        ended.stderr,
        "swb: cannot open the log file \"/no/such/folder/log\": open(2): No such file or directory (ENOENT); \
         its directory must exist and be writable"
    );
    assert_eq!(ended.code(), 1);
}
