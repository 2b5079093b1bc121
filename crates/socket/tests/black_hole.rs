//! A first address that never answers costs about 250 ms.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]
#![expect(clippy::print_stdout, reason = "says why a test was skipped")]

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{Folder, address, listen};
use socket::{ConnectErrorKind, connect};

const CHILD: &str = "SWITCHBOARD_TEST_CHILD";

/// Runs this test again in network and mount name spaces of its own; says why if it may not.
fn in_own_network(test: &str) {
    let myself = std::env::current_exe().unwrap();
    let allowed =
        Command::new("unshare").args(["-n", "-m", "true"]).status().is_ok_and(|status| status.success());
    if !allowed {
        println!("{test}: skipped, unshare(1) may not make a network name space here (it needs root)");
        return;
    }
    let run = Command::new("unshare")
        .args(["-n", "-m"])
        .arg(myself)
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, test)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
}

fn is_child(test: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|child| child == test)
}

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "{program} {arguments}");
}

/// 192.0.2.1 is ours; 2001:db8::2 and 192.0.2.2 take every packet and answer none.
fn make_network() {
    run("ip", "link set lo up");
    run("ip", "link add hole type veth peer name deep");
    run("ip", "address add 192.0.2.1/24 dev hole");
    run("ip", "address add 2001:db8::1/64 dev hole nodad");
    run("ip", "link set hole up");
    run("ip", "link set deep up");
    run("ip", "neighbour replace 2001:db8::2 lladdr 02:00:00:00:00:02 nud permanent dev hole");
    run("ip", "neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev hole");
}

/// hosts(5) of this process alone.
fn name_hosts(folder: &Folder, lines: &str) {
    let hosts = folder.path("hosts");
    std::fs::write(&hosts, lines).unwrap();
    run("mount", "--make-rprivate /");
    run("mount", &format!("--bind {} /etc/hosts", hosts.display()));
}

#[test]
fn a_black_holed_first_address_costs_a_quarter_of_a_second() {
    let test = "a_black_holed_first_address_costs_a_quarter_of_a_second";
    if !is_child(test) {
        in_own_network(test);
        return;
    }
    make_network();
    let folder = Folder::new();
    name_hosts(&folder, "2001:db8::2 twofold.test\n192.0.2.1 twofold.test\n");
    let _server = listen("tcp://192.0.2.1:7000");
    let began = Instant::now();
    let connected = connect(&address("tcp://twofold.test:7000?connect-timeout=10s")).unwrap();
    let took = began.elapsed();
    assert_eq!(connected.end.to_string(), "tcp://192.0.2.1:7000");
    assert!(took >= Duration::from_millis(250), "{took:?}: the first address had no head start");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn addresses_that_never_answer_are_all_listed_when_the_time_is_up() {
    let test = "addresses_that_never_answer_are_all_listed_when_the_time_is_up";
    if !is_child(test) {
        in_own_network(test);
        return;
    }
    make_network();
    let folder = Folder::new();
    name_hosts(&folder, "2001:db8::2 twofold.test\n192.0.2.2 twofold.test\n");
    let error = connect(&address("tcp://twofold.test:7000?connect-timeout=400ms")).unwrap_err();
    assert!(matches!(error.kind, ConnectErrorKind::TimedOut), "{error}");
    let text = error.to_string();
    for tried in ["tcp://[2001:db8::2]:7000", "tcp://192.0.2.2:7000"] {
        assert!(text.contains(&format!("{tried}: connect(2): no answer within")), "{text}");
    }
}
