//! iperf3(1) measures through a relay: TCP in both directions at once, and UDP, without a byte or a datagram lost.

use std::net::TcpListener;

use serde_json::Value;

use crate::support::peer::{installed, ready};
use crate::support::{Running, Server, run};

/// iperf3 that answers, relays in front of it for both transports at one port, and that port.
struct Measured {
    iperf3: Running,
    tests: usize,
    _relays: [Server; 2],
    port: String,
}

fn measured(engine: &str) -> Measured {
    // At an address where nobody else asks for a port, as it takes none that the kernel chooses.
    let free = TcpListener::bind("127.78.0.1:0").unwrap().local_addr().unwrap();
    let port = free.port().to_string();
    let iperf3 =
        Running::start(&mut installed("iperf3", &["-s", "-B", "127.78.0.1", "-p", &port, "--forceflush"]));
    ready(&iperf3, &format!("tcp://127.78.0.1:{port}"));
    // The client has one port for both; one that is free for TCP may be taken for UDP.
    loop {
        // With small buffers little is on its way when the client says that it is done.
        let small = "?rcvbuf=200KiB&sndbuf=200KiB";
        let tcp = relay(&format!("tcp://127.0.0.1:0{small}"), &format!("tcp://{free}{small}"), engine);
        let at = format!("udp://127.0.0.1:{}", tcp.port());
        if std::net::UdpSocket::bind(format!("127.0.0.1:{}", tcp.port())).is_ok() {
            let udp = relay(&at, &format!("udp://{free}"), engine);
            return Measured { iperf3, tests: 0, port: tcp.port(), _relays: [tcp, udp] };
        }
    }
}

/// A relay with one worker: iperf3 takes the calls of a test in the order in which they come, so many for this direction
/// and the others for that, and two workers may dial theirs in another order than they were accepted in.
fn relay(from: &str, to: &str, engine: &str) -> Server {
    Server::start(&["relay", from, to, "--engine", engine, "--workers", "1"])
}

impl Measured {
    /// What iperf3 says of it all.
    fn by(&mut self, arguments: &[&str]) -> Value {
        // It listens anew for each: who calls before that is reset.
        self.tests += 1;
        self.iperf3.wait_for_text(&format!("(test #{})", self.tests));
        let client = ["-c", "127.0.0.1", "-p", &self.port, "-J"];
        let ended = run(installed("iperf3", &[&client, arguments].concat()), b"");
        assert_eq!(ended.code(), 0, "{arguments:?}: {}", ended.text());
        serde_json::from_slice(&ended.stdout).unwrap()
    }
}

fn number(report: &Value, place: &str) -> i64 {
    let found = report.pointer(place).unwrap_or_else(|| panic!("no {place} in {report}"));
    found.as_i64().unwrap_or_else(|| panic!("{place} is {found}"))
}

#[test]
fn tcp_is_measured_in_each_direction_and_in_both_at_once() {
    for engine in ["epoll", "uring"] {
        let mut measured = measured(engine);
        for direction in [&[][..], &["-R"], &["-P", "4"]] {
            let report = measured.by(&[&["-n", "64M", "-w", "200K"], direction].concat());
            let (sent, received) =
                (number(&report, "/end/sum_sent/bytes"), number(&report, "/end/sum_received/bytes"));
            assert!(sent >= 64 << 20, "{direction:?} under {engine}: {sent}");
            // What is on its way when the time to count is over is counted by one of them only: of each stream the
            // relay's pipe, a MiB, and the buffers of four sockets.
            let streams = if direction.contains(&"-P") { 4 } else { 1 };
            let on_its_way = (streams * 3) << 20;
            assert!(
                (sent - received).abs() <= on_its_way,
                "{direction:?} under {engine}: {sent}, {received}"
            );
        }
        let report = measured.by(&["-t", "1", "--bidir"]);
        for sum in ["sum_received", "sum_received_bidir_reverse"] {
            // How much it is says how busy the machine is.
            assert!(number(&report, &format!("/end/{sum}/bytes")) > 0, "{sum} under {engine}");
        }
    }
}

#[test]
fn udp_is_measured_without_a_datagram_lost() {
    for engine in ["epoll", "uring"] {
        let mut measured = measured(engine);
        for direction in [&[][..], &["--bidir"], &["-P", "3"]] {
            // So few that the socket buffers hold them while a busy machine does something else.
            let udp = [&["-u", "-b", "1M", "-l", "500", "-t", "1"], direction].concat();
            let report = measured.by(&udp);
            assert_eq!(number(&report, "/end/sum/lost_packets"), 0, "{direction:?} under {engine}");
            assert!(number(&report, "/end/sum/packets") >= 200, "{direction:?} under {engine}");
        }
    }
}
