//! `tun:`: a network interface of our own, in a network name space of the test's own; ping(8) goes through it.

use std::process::Command;

use crate::support::peer::{installed, wait_until};
use crate::support::{Directory, Running, Server, run};

under! { ping_is_answered_through_two_interfaces_that_are_joined: iterative thread poll epoll uring process }

/// Whether this test can have networks and interfaces of its own; says in a line if not.
fn has_interfaces() -> bool {
    let in_a_network = installed("unshare", &["-n", "test", "-c", "/dev/net/tun"]).output();
    let has = rustix::process::geteuid().is_root() && in_a_network.is_ok_and(|ended| ended.status.success());
    if !has {
        eprintln!("not tested: interfaces need root, a network name space and /dev/net/tun");
    }
    has
}

/// `swb` in a new network.
fn in_a_network(arguments: &[&str]) -> Command {
    let mut command = installed("unshare", &["-n", env!("CARGO_BIN_EXE_swb")]);
    command.args(arguments);
    command
}

/// A program in the network of a process.
fn beside(process: u32, arguments: &[&str]) -> Command {
    installed("nsenter", &[&["-n", "-t", &process.to_string()][..], arguments].concat())
}

fn ping_is_answered_through_two_interfaces_that_are_joined(engine: &str) {
    if !has_interfaces() {
        return;
    }
    let directory = Directory::new();
    let path = format!("unix-seqpacket:{}", directory.file("socket"));
    let there = "tun:swb1?address=10.9.0.2/24&address=fd09::2/64";
    let _there = Server::of(&mut in_a_network(&["relay", &path, there, "--engine", engine]), 1);
    let here = "tun:swb0?address=10.9.0.1/24&address=fd09::1/64";
    let here = Server::of(&mut in_a_network(&["relay", here, &path]), 1);
    assert_eq!(here.address(), "tun:swb0");
    for (address, size) in [("10.9.0.2", "56"), ("10.9.0.2", "1400"), ("fd09::2", "1400")] {
        // The other interface is made when the first packet comes, so the first few may find nobody.
        let ping = ["ping", "-n", "-c", "3", "-i", "0.2", "-w", "20", "-s", size, address];
        let pinged = run(beside(here.pid(), &ping), b"");
        assert!(pinged.text().contains(" 3 received"), "{engine}: {pinged:?}");
    }
}

#[test]
fn what_is_no_packet_is_dropped_and_the_call_goes_on() {
    if !has_interfaces() {
        return;
    }
    let directory = Directory::new();
    let path = directory.file("socket");
    let at = format!("unix-seqpacket:{path}");
    let server = Server::of(&mut in_a_network(&["relay", &at, "tun:swb1?address=10.9.0.2/24"]), 1);
    // Not framed by line ends: a packet may well hold one.
    let mut caller = Running::start(&mut crate::support::swb(&["connect", &at, "--framing", "u8"]));
    caller.write(b"\x0fno packet of IP\0\x0bnor is this");
    let is_up =
        || run(beside(server.pid(), &["ip", "-br", "link", "show", "swb1"]), b"").text().contains(",UP");
    wait_until("the interface is up", is_up);
    // What the kernel sends on a new interface (router solicitations) still comes.
    caller.wait_for_bytes(1);
}

#[test]
fn an_interface_of_another_kind_is_refused() {
    if !has_interfaces() {
        return;
    }
    let refused = run(in_a_network(&["connect", "tun:lo"]), b"");
    assert_eq!(refused.code(), 1, "{refused:?}");
    assert!(
        refused.stderr.contains("cannot open tun:lo: ioctl(2): Invalid argument (EINVAL); "),
        "{refused:?}"
    );
}
