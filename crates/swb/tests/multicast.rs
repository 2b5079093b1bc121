//! Groups and broadcast: who listens there hears each message once, who calls there hears whoever answers.
//!
//! Two networks of the test's own, joined by a cable (veth(4)): ours has `lan` with 192.0.2.1 and 2001:db8::1, the far one
//! `far` with 192.0.2.2 and 2001:db8::2, where socat is. Where name spaces are forbidden, that is said.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

use support::peer::{in_own_namespaces, installed, wait_until};
use support::{Directory, Finished, Running, Server, run, run_swb};

/// Set in the process that runs in its own name spaces.
const INSIDE: &str = "SWB_TEST_INSIDE";

/// The far network: it is there as long as this process in it.
struct Far(Child);

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Far {
    /// Of our network the one end of the cable, of another the other.
    fn new() -> Far {
        let mut child =
            installed("unshare", &["-n", "sh", "-c", "echo there; exec sleep 1000"]).spawn().unwrap();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let far = Far(child);
        let id = far.0.id();
        let end = |name: &str, number: u32| {
            format!(
                "ip link set {name} addrgenmode none; ip address add 192.0.2.{number}/24 broadcast + dev {name}; \
                 ip address add 2001:db8::{number}/64 dev {name} nodad; \
                 ip address add fe80::{number}/64 dev {name} nodad; \
                 ip link set lo up; ip link set {name} up; ip route add 224.0.0.0/4 dev {name}"
            )
        };
        let ours =
            format!("ip link add lan type veth peer name far; ip link set far netns {id}; {}", end("lan", 1));
        for command in [installed("sh", &["-ec", &ours]), far.command("sh", &["-ec", &end("far", 2)])] {
            let ended = run(command, b"");
            assert!(ended.status.success(), "{ended:?}");
        }
        // Until the kernel has seen that the cable is plugged in, what is sent is lost.
        wait_until("both ends are up", || {
            let shows =
                [installed("ip", &["link", "show", "lan"]), far.command("ip", &["link", "show", "far"])];
            shows.into_iter().all(|show| run(show, b"").text().contains("state UP"))
        });
        far
    }

    /// A program in the far network.
    fn command(&self, name: &str, arguments: &[&str]) -> Command {
        installed(name, &[]);
        let inside = ["-t", &self.0.id().to_string(), "-n", name].map(str::to_owned);
        let mut command = installed("nsenter", &[]);
        command.args(inside).args(arguments);
        command
    }

    /// socat between standard input and output, which says this and hears what comes within half a second.
    fn says(&self, text: &str, to: &str) -> Finished {
        run(self.command("socat", &["-t0.5", "-", to]), text.as_bytes())
    }

    /// socat that answers what it is sent there with the same.
    fn echo(&self, at: &str) -> Running {
        Running::start(&mut self.command("socat", &[&format!("{at},fork"), "EXEC:cat"]))
    }
}

/// Runs the test of this name once more in a network of its own.
fn in_own_network(test: &str, holds: impl FnOnce(&Far)) {
    if std::env::var(INSIDE).is_ok_and(|inside| inside == test) {
        return holds(&Far::new());
    }
    let Some(mut command) = in_own_namespaces() else { return };
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    let ended = command.env(INSIDE, test).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
}

/// A server that prints what comes there.
fn prints(address: &str, engine: &str) -> Server {
    Server::start(&["serve", "print", address, "--engine", engine, "--workers", "3"])
}

/// It has printed exactly this.
fn has_printed(mut server: Server, text: &str) {
    server.running.wait_for_bytes(text.len());
    let ended = server.terminate();
    assert_eq!((ended.code(), ended.text().as_str()), (0, text), "{}", ended.stderr);
}

/// Asks as often as it takes for the other end to be there.
fn asks(address: &str) -> Finished {
    let ended = run_swb(&["ask", address, "hello", "--timeout", "200ms", "--retries", "50"], b"");
    assert_eq!(ended.code(), 0, "{address}: {}", ended.stderr);
    ended
}

#[test]
fn who_listens_at_a_group_hears_each_message_once_beside_others_who_do() {
    in_own_network("who_listens_at_a_group_hears_each_message_once_beside_others_who_do", |far| {
        let engines = ["iterative", "thread", "poll", "epoll", "uring"];
        let servers = engines.map(|engine| prints("udp://239.1.2.3:5000", engine));
        far.says("one\n", "UDP4-DATAGRAM:239.1.2.3:5000");
        far.says("two\n", "UDP4-DATAGRAM:239.1.2.3:5000");
        far.says("another\n", "UDP4-DATAGRAM:239.1.2.4:5000");
        servers.into_iter().for_each(|server| has_printed(server, "one\ntwo\n"));
    });
}

#[test]
fn who_listens_at_every_address_hears_the_groups_that_it_joined_once_and_broadcasts() {
    in_own_network(
        "who_listens_at_every_address_hears_the_groups_that_it_joined_once_and_broadcasts",
        |far| {
            for engine in ["epoll", "uring"] {
                let joined = "udp://0.0.0.0:5000?join=239.1.2.3&join=239.1.2.4&multicast-interface=lan";
                let server = prints(joined, engine);
                let other = prints("udp://239.1.2.5:5001", engine); // this host has joined it as well
                for group in ["239.1.2.3", "239.1.2.5", "239.1.2.4", "192.0.2.255", "192.0.2.1"] {
                    let broadcast = if group.ends_with("255") { ",broadcast" } else { "" };
                    far.says(group, &format!("UDP4-DATAGRAM:{group}:5000{broadcast}"));
                }
                has_printed(server, "239.1.2.3\n239.1.2.4\n192.0.2.255\n192.0.2.1\n");
                drop(other);
            }
        },
    );
}

#[test]
fn of_a_group_only_the_sources_that_were_asked_for_are_heard() {
    in_own_network("of_a_group_only_the_sources_that_were_asked_for_are_heard", |far| {
        for (address, group) in [
            ("udp://232.1.2.3:5000?source=192.0.2.2", "udp://232.1.2.3:5000?multicast-interface=lan"),
            ("udp://:5000?join=232.1.2.3&source=192.0.2.2", "udp://232.1.2.3:5000"),
            ("udp://[ff3e::1234]:5000?source=2001:db8::2&multicast-interface=lan", "udp://[ff3e::1234]:5000"),
        ] {
            let server = prints(address, "epoll");
            let strange = run_swb(&["connect", group], b"a stranger");
            assert_eq!(strange.code(), 0, "{}", strange.stderr);
            match group.contains('[') {
                true => far.says("the source", "UDP6-DATAGRAM:[ff3e::1234]:5000"),
                false => far.says("the source", "UDP4-DATAGRAM:232.1.2.3:5000"),
            };
            has_printed(server, "the source\n");
        }
    });
}

#[test]
fn a_source_without_a_group_is_refused() {
    for arguments in
        [&["listen", "udp://:0?source=192.0.2.2"][..], &["connect", "udp://127.0.0.1:9?source=::1"]]
    {
        let ended = run_swb(arguments, b"");
        assert_ne!(ended.code(), 0, "{arguments:?}");
        let told = "it says whom to hear in a group: name that by join";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[test]
fn who_asks_a_group_or_a_network_hears_whoever_answers() {
    in_own_network("who_asks_a_group_or_a_network_hears_whoever_answers", |far| {
        let _echo = far.echo("UDP4-RECVFROM:5000,ip-add-membership=239.1.2.3:192.0.2.2");
        for address in [
            "udp://239.1.2.3:5000",
            "udp://239.1.2.3:5000?bind=192.0.2.1&multicast-ttl=3",
            "udp://192.0.2.255:5000?broadcast",
            "udp://255.255.255.255:5000?broadcast&device=lan",
        ] {
            assert_eq!(asks(address).text(), "hello", "{address}");
        }
        let ended = run_swb(&["ask", "udp://192.0.2.255:5000", "hello"], b"");
        assert_eq!(ended.code(), 1);
        let told = "connect(2): Permission denied (EACCES); to send to a broadcast address takes ?broadcast";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    });
}

#[test]
fn groups_of_ipv6_are_called_and_answered() {
    in_own_network("groups_of_ipv6_are_called_and_answered", |far| {
        let server = Server::start(&["serve", "echo", "udp://[ff02::1234%lan]:5000", "--engine", "uring"]);
        let heard = far.says("hello", "UDP6-DATAGRAM:[ff02::1234%far]:5000");
        assert_eq!(heard.text(), "hello", "{}", heard.stderr);
        assert_eq!(server.terminate().code(), 0);
        let _echo = far.echo("UDP6-RECVFROM:5000,ipv6-join-group=[ff02::4321]:far");
        assert_eq!(asks("udp://[ff02::4321%lan]:5000").text(), "hello");
        assert_eq!(asks("udp://[ff02::4321]:5000?multicast-interface=lan").text(), "hello");
        let ended = run_swb(&["listen", "udp://[ff02::1234]:5000"], b"");
        assert!(ended.stderr.contains("a group of one link needs its interface"), "{}", ended.stderr);
    });
}

#[test]
fn those_who_call_and_join_a_group_hear_each_other() {
    in_own_network("those_who_call_and_join_a_group_hear_each_other", |far| {
        let peer = "udp://239.1.2.3:5000?bind=:5000&join=239.1.2.3&multicast-loop=off";
        let mut ours = Running::start(&mut support::swb(&["connect", "-v", peer]));
        ours.wait_for_line("connected");
        let mut theirs =
            Running::start(&mut far.command(env!("CARGO_BIN_EXE_swb"), &["connect", "-v", peer]));
        theirs.wait_for_line("connected");
        ours.write(b"hello from here\n");
        assert_eq!(theirs.wait_for_bytes(16), b"hello from here\n");
        theirs.write(b"hello from there\n");
        assert_eq!(ours.wait_for_bytes(17), b"hello from there\n", "and nothing of its own");
    });
}

#[test]
fn a_group_is_relayed_to_a_stream_and_a_stream_to_a_group() {
    in_own_network("a_group_is_relayed_to_a_stream_and_a_stream_to_a_group", |far| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = format!("tcp://{}", listener.local_addr().unwrap());
        let _inward = Server::start(&["relay", "udp://239.1.2.3:5000", &to, "--framing", "line"]);
        far.says("hello", "UDP4-DATAGRAM:239.1.2.3:5000");
        let mut line = String::new();
        BufReader::new(listener.accept().unwrap().0).read_line(&mut line).unwrap();
        assert_eq!(line, "hello\n");

        let folder = Directory::new();
        let path = folder.file("outward");
        let group = prints("udp://239.1.2.4:5000", "poll");
        let outward = ["relay", &format!("unix:{path}"), "udp://239.1.2.4:5000", "--framing", "line"];
        let _outward = Server::start(&outward);
        UnixStream::connect(&path).unwrap().write_all(b"one\ntwo\n").unwrap();
        has_printed(group, "one\ntwo\n");
    });
}
