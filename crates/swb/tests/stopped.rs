//! A process that is stopped and goes on (SIGSTOP, Ctrl-Z and `fg`, a machine that is frozen and thawed) has lost nothing.
//!
//! signal(7): several calls give EINTR then although no handler is installed, epoll_wait(2) and io_uring_enter(2) among
//! them. Time goes on meanwhile: what came before a time-out is heard, although the process was stopped when it was due.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "stopped/callers.rs"]
mod callers;
#[path = "stopped/loads.rs"]
mod loads;
#[path = "stopped/servers.rs"]
mod servers;
mod support;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::process::CommandExt as _;

use rustix::process::{Pid, Signal, kill_process_group};

use support::by_hand::{far, patient};
use support::peer::wait_until;
use support::proc::{children, is_stopped};
use support::{Finished, PATIENCE, Running, Server, swb};

/// How often a process is stopped in the middle of what it does.
const ROUNDS: usize = 40;

/// What is sent between two stops of a transfer; [`ROUNDS`] of them are 10 MiB.
const PIECE_BYTES: usize = 256 * 1024;

/// A process with its children, as a shell stops them by Ctrl-Z: all at once.
#[derive(Clone, Copy)]
struct Group(Pid);

impl Group {
    fn of(leader: &Running) -> Group {
        Group(Pid::from_child(&leader.child))
    }

    fn stop(self) {
        kill_process_group(self.0, Signal::STOP).unwrap();
        let leader = self.0.as_raw_pid().unsigned_abs();
        wait_until("all are stopped", || is_stopped(leader) && children(leader).into_iter().all(is_stopped));
    }

    fn go_on(self) {
        kill_process_group(self.0, Signal::CONT).unwrap();
    }

    fn stop_and_go_on(self) {
        self.stop();
        self.go_on();
    }
}

/// Starts `swb` as the leader of a group of its own.
fn start(arguments: &[&str]) -> Running {
    Running::start(swb(arguments).process_group(0))
}

/// The same for one that listens.
fn start_server(arguments: &[&str]) -> Server {
    Server::of(swb(arguments).process_group(0), 1)
}

fn call(server: &Server) -> TcpStream {
    patient(TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap())
}

fn call_by_udp(server: &Server) -> UdpSocket {
    let socket = udp_socket();
    socket.connect(server.address().trim_start_matches("udp://")).unwrap();
    socket
}

fn udp_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Says all of it, and stops the group behind each piece: it is in the middle of its work then.
fn say_and_stop(mut to: impl Write, bytes: &[u8], group: Group) {
    for piece in bytes.chunks(PIECE_BYTES) {
        to.write_all(piece).unwrap();
        group.stop_and_go_on();
    }
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// It ended as it should, and had nothing to complain of.
fn expect_order(ended: &Finished) {
    // That a call was open when it was told to end is no complaint.
    let complaints: Vec<&str> = ended.stderr.lines().filter(|line| !line.starts_with("draining: ")).collect();
    assert_eq!((ended.code(), complaints), (0, vec![]));
}
