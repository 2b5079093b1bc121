//! Sockets that are passed at exec: `fd:N`, as systemd's socket activation and inetd do.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, Running, Server, program, run};
use crate::{call, call_once, exchange};

/// `swb` with this socket as descriptor 3, and systemd's variables around it.
fn activated(socket: impl Into<OwnedFd>, arguments: &[&str]) -> Command {
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=swb exec \"$@\" 3<&0 0</dev/null";
    let mut command = program("sh", &["-c", script, "sh", env!("CARGO_BIN_EXE_swb")]);
    command.args(arguments).stdin(Stdio::from(socket.into()));
    command
}

under! { callers_who_came_before_the_server_are_answered: iterative process thread poll epoll uring }

fn callers_who_came_before_the_server_are_answered(engine: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let mut early = call(&address);
    let mut server =
        Server::of(&mut activated(listener, &["serve", "echo", "fd:3", "--engine", engine, "-v"]), 1);
    assert_eq!(server.address(), address);
    exchange(&mut early, b"I was first");
    server.running.wait_for_line(&format!(" called {address}"));
    drop(early);
    call_once(&address);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn a_listening_unix_socket_is_served_and_its_path_left_to_who_made_it() {
    let folder = Directory::new();
    let path = folder.file("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let server = Server::of(&mut activated(listener, &["serve", "reply", "hi", "fd:3"]), 1);
    let address = format!("unix:{path}");
    assert_eq!(crate::support::run_swb(&["ask", &address, "hello"], b"").text().trim_end(), "hi");
    assert_eq!(server.terminate().code(), 0);
    assert!(std::fs::exists(&path).unwrap());
}

under! { datagrams_are_heard_at_an_inherited_socket: iterative thread poll epoll uring }

fn datagrams_are_heard_at_an_inherited_socket(engine: &str) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let server = Server::of(&mut activated(socket, &["serve", "echo", "fd:3", "--engine", engine]), 1);
    assert_eq!(server.address(), format!("udp://0.0.0.0:{port}"));
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.connect(("127.0.0.1", port)).unwrap();
    caller.send(b"hello").unwrap();
    let mut buffer = [0; 100];
    assert_eq!(uninterrupted(|| caller.recv(&mut buffer)).unwrap(), 5);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn an_engine_that_cannot_serve_the_inherited_socket_is_refused() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ended = run(activated(socket, &["serve", "echo", "fd:3", "--engine", "process"]), b"");
    assert!(ended.stderr.contains("echo cannot be served here by the process engine"), "{ended:?}");
    assert_eq!(ended.code(), 2);
}

#[test]
fn a_connected_socket_is_one_call_as_inetd_passes_it() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = crate::support::swb(&["serve", "echo", "fd:0"]);
    let serving = Running::start(command.stdin(OwnedFd::from(theirs)));
    drop(command); // it holds their end too
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    std::io::Write::write_all(&mut &ours, b"hello").unwrap();
    ours.shutdown(std::net::Shutdown::Write).unwrap();
    let mut came = String::new();
    std::io::Read::read_to_string(&mut &ours, &mut came).unwrap();
    assert_eq!((came.as_str(), serving.finish().code()), ("hello", 0));
}

#[test]
fn listen_answers_at_an_inherited_socket_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let mut server = Server::of(&mut activated(listener, &["listen", "fd:3"]), 1);
    std::io::Write::write_all(&mut call(&address), b"hello\n").unwrap();
    assert_eq!(server.running.wait_for_text("\n"), "hello\n");
    assert_eq!(server.running.finish().code(), 0);
}

#[test]
fn a_socket_that_was_not_passed_is_named_beside_those_that_were() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = run(activated(listener, &["serve", "echo", "fd:4"]), b"");
    assert_eq!(
        ended.stderr,
        "swb: cannot answer at fd:4: getsockopt(2): Bad file descriptor (EBADF); systemd passed 1 (LISTEN_FDS): \
         fd:3 to fd:3"
    );
    assert_eq!(ended.code(), 7);
    let ended = crate::support::run_swb(&["serve", "echo", "fd:4"], b"");
    assert!(ended.stderr.contains("open when swb was started: by systemd's .socket unit"), "{ended:?}");
}
