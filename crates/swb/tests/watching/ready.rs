//! Telling other programs that it is ready: a descriptor, and the service manager's socket.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, Running, Server, program, run_swb, swb};
use crate::{SIGHUP, SIGTERM, call_once};

const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// `swb` as a shell starts it: `words` stands behind the arguments, where redirections go.
fn by_shell(words: &str, arguments: &[&str]) -> Command {
    let script = format!("exec \"$@\" {words}");
    let mut command = program("sh", &["-c", &script, "sh", env!("CARGO_BIN_EXE_swb")]);
    command.args(arguments);
    command
}

#[test]
fn the_descriptor_gets_every_address_a_line_and_then_its_end() {
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "udp://127.0.0.1:0", "--ready-fd", "9"];
    let mut server = Server::of(&mut by_shell("9>&1 1>/dev/null", &serve), 2);
    let said = server.running.wait_for_text(&server.addresses[1].clone());
    assert_eq!(said, format!("{}\n{}\n", server.addresses[0], server.addresses[1]));
    crate::support::peer::wait_until("it is closed", || {
        let link = std::fs::read_link(format!("/proc/{}/fd/9", server.pid()));
        !link.is_ok_and(|link| link.to_string_lossy().starts_with("pipe:"))
    });
    call_once(server.address());
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn a_listener_is_ready_too() {
    let mut server =
        Server::of(&mut by_shell("5>&1", &["listen", "tcp://127.0.0.1:0", "--ready-fd", "5"]), 1);
    assert_eq!(server.running.wait_for_text("\n"), format!("{}\n", server.address()));
}

#[test]
fn a_descriptor_that_was_not_inherited_is_refused() {
    let ended = run_swb(&["serve", "echo", "tcp://127.0.0.1:0", "--ready-fd", "99"], b"");
    assert_eq!(
        ended.stderr,
        "swb: cannot write to the descriptor of --ready-fd 99: Bad file descriptor (EBADF); open it where swb is \
         started, as the shell does with 99>FILE"
    );
    assert_eq!(ended.code(), 2);
}

#[test]
fn a_reader_of_the_descriptor_who_has_gone_ends_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = swb(&["serve", "echo", "tcp://127.0.0.1:0", "--ready-fd", "1"]);
    let mut server = Server::of(command.stdout(writer), 1);
    server.running.wait_for_line("--ready-fd: write(2): Broken pipe (EPIPE)");
    call_once(server.address());
}

/// Starts a server that notifies `name`, where `manager` listens.
fn notifies(manager: &UnixDatagram, name: &str, engine: &str) {
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let said = || {
        let mut buffer = [0; 100];
        let length = uninterrupted(|| manager.recv(&mut buffer)).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine];
    let mut server = Server::of(swb(&serve).env("NOTIFY_SOCKET", name), 1);
    assert_eq!(said(), "READY=1");
    let mut caller = crate::call(server.address());
    crate::exchange(&mut caller, b"hello");
    server.running.signal(SIGTERM);
    assert_eq!(said(), "STOPPING=1");
    server.running.wait_for_line("draining: 1 calls are open");
    crate::exchange(&mut caller, b"and on");
    drop(caller);
    assert_eq!(server.running.finish().code(), 0);
    manager.set_nonblocking(true).unwrap();
    assert!(uninterrupted(|| manager.recv(&mut [0; 100])).is_err(), "each is said once");
}

under! { the_service_manager_is_told_of_the_beginning_and_of_the_drain: iterative process thread epoll uring }

fn the_service_manager_is_told_of_the_beginning_and_of_the_drain(engine: &str) {
    let folder = Directory::new();
    let path = folder.file("notify");
    notifies(&UnixDatagram::bind(&path).unwrap(), &path, engine);
}

/// Hears what a server says to its service manager.
fn manager(folder: &Directory) -> (String, UnixDatagram) {
    let path = folder.file("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    (path, manager)
}

fn heard(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 100];
    let length = uninterrupted(|| manager.recv(&mut buffer)).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

under! { the_service_manager_is_told_of_a_reload_and_its_end: iterative process thread poll epoll uring }

fn the_service_manager_is_told_of_a_reload_and_its_end(engine: &str) {
    let folder = Directory::new();
    let (path, manager) = manager(&folder);
    let log = folder.file("log");
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine, "--log-file", &log];
    let running = Running::start(swb(&serve).env("NOTIFY_SOCKET", &path));
    assert_eq!(heard(&manager), "READY=1");
    running.signal(SIGHUP);
    let said = heard(&manager);
    let micros = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{said}"));
    assert!(micros.parse::<u64>().unwrap() > 0, "{said}");
    assert_eq!(heard(&manager), "READY=1");
    running.signal(SIGTERM);
    assert_eq!(heard(&manager), "STOPPING=1");
    assert_eq!(running.finish().code(), 0);
}

under! { the_service_manager_hears_that_the_loop_goes_round: iterative process thread poll epoll uring }

fn the_service_manager_hears_that_the_loop_goes_round(engine: &str) {
    let folder = Directory::new();
    let (path, manager) = manager(&folder);
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine];
    let mut command = swb(&serve);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "100000");
    let server = Server::of(&mut command, 1);
    assert_eq!(heard(&manager), "READY=1");
    for _ in 0..5 {
        assert_eq!(heard(&manager), "WATCHDOG=1");
    }
    // Stopped for a while it is silent, as one is whose loop hangs.
    server.running.signal(SIGSTOP);
    let stopped =
        || std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap().contains(") T ");
    crate::support::peer::wait_until("it is stopped", stopped);
    manager.set_nonblocking(true).unwrap();
    while uninterrupted(|| manager.recv(&mut [0; 100])).is_ok() {} // what it had said before
    std::thread::sleep(std::time::Duration::from_millis(200)); // four times its period
    assert!(uninterrupted(|| manager.recv(&mut [0; 100])).is_err(), "it is stopped, and says that it is not");
    manager.set_nonblocking(false).unwrap();
    server.running.signal(SIGCONT);
    assert_eq!(heard(&manager), "WATCHDOG=1");
    call_once(server.address());
    server.running.signal(SIGTERM);
    while heard(&manager) != "STOPPING=1" {}
    assert_eq!(server.running.finish().code(), 0);
}

#[test]
fn a_watchdog_of_another_process_hears_nothing() {
    let folder = Directory::new();
    let (path, manager) = manager(&folder);
    let serve = ["serve", "echo", "tcp://127.0.0.1:0"];
    let mut command = swb(&serve);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let server = Server::of(&mut command, 1);
    assert_eq!(heard(&manager), "READY=1");
    (0..20).for_each(|_| call_once(server.address()));
    server.running.signal(SIGTERM);
    assert_eq!(heard(&manager), "STOPPING=1");
}

#[test]
fn the_service_manager_may_listen_at_an_abstract_name() {
    let name = format!("swb-notify-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    notifies(&UnixDatagram::bind_addr(&address).unwrap(), &format!("@{name}"), "poll");
}

#[test]
fn a_service_manager_who_is_not_there_is_said_and_ends_nothing() {
    let mut command = swb(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let mut running = Running::start(command.env("NOTIFY_SOCKET", "/no/such/socket"));
    let line = running.wait_for_line("NOTIFY_SOCKET");
    assert!(line.starts_with("cannot notify \"/no/such/socket\" (NOTIFY_SOCKET): connect(2): "), "{line}");
    running.wait_for_line("listening ");
}
