//! `swb doctor`: that it tells what is so, also where something is missing.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use support::peer::{in_own_namespaces, installed};
use support::{Finished, run, run_swb};

const DOCTOR: [&str; 3] = [env!("CARGO_BIN_EXE_swb"), "doctor", "--json"];

/// What `--json` says of one check: its object, as text.
fn check<'a>(ended: &'a Finished, said: &'a str, name: &str) -> &'a str {
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let name = format!("\"check\":\"{name}\"");
    said.split("{\"group\":")
        .find(|object| object.contains(&name))
        .unwrap_or_else(|| panic!("no {name}: {said}"))
}

/// Asserts that the check's object has each of these parts.
fn says(ended: &Finished, name: &str, parts: &[&str]) {
    let said = ended.text();
    let object = check(ended, &said, name);
    for part in parts {
        assert!(object.contains(part), "{part} is not in {object}");
    }
}

/// Runs it in a network of its own, after `script`; `None` where that is forbidden.
fn in_own_network(script: &str) -> Option<Finished> {
    let mut command = in_own_namespaces()?;
    let script = format!("ip link set lo up; {script}; exec \"$@\"");
    command.args(["sh", "-e", "-c", &script, "sh"]).args(DOCTOR);
    Some(run(command, b""))
}

/// Every check. Each has its line in the text and its object in the JSON.
const CHECKS: &[&str] = &[
    "iterative",
    "process",
    "thread",
    "poll",
    "epoll",
    "uring",
    "io_uring",
    "landlock",
    "descriptors",
    "tasks",
    "tcp over IPv4",
    "tcp over IPv6",
    "udp over IPv4",
    "udp over IPv6",
    "unix",
    "unix-dgram",
    "unix-seqpacket",
    "mptcp",
    "sctp",
    "udplite",
    "vsock",
    "bluetooth",
    "raw",
    "packet",
    "privileged ports",
    "ephemeral ports",
    "somaxconn",
    "max_dgram_qlen",
    "ping_group_range",
    "receive buffer",
    "send buffer",
    "congestion",
];

#[test]
fn text_and_json_tell_the_same_checks_in_the_same_order() {
    let (text, json) = (run_swb(&["doctor"], b""), run_swb(&["doctor", "--json"], b""));
    assert_eq!((text.code(), text.stderr.as_str()), (0, ""));
    let (text, said) = (text.text(), json.text());
    let heads = text.lines().filter(|line| line.starts_with("  ") && !line.starts_with("    "));
    let rows: Vec<&str> = heads.map(|line| line[11..].split("  ").next().unwrap()).collect();
    assert_eq!(rows, CHECKS);
    let objects = said.split("\"check\":\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    assert_eq!(objects.collect::<Vec<_>>(), CHECKS);
    for name in CHECKS {
        says(&json, name, &["\"state\":\"", "\"says\":\"", "\"values\":{", "\"found_by\":\"", "\"change\":"]);
    }
    assert_eq!(said.lines().count(), 1);
    assert!(said.starts_with("{\"kernel\":\"") && said.ends_with("}]}\n"), "{said}");
}

#[test]
fn what_is_missing_is_told_with_what_would_bring_it() {
    let ended = run_swb(&["doctor", "--json"], b"");
    let said = ended.text();
    for name in CHECKS {
        let object = check(&ended, &said, name);
        let (missing, no_change) = (object.contains("\"state\":\"no\""), object.contains("\"change\":null"));
        assert!(!(missing && no_change), "{object}");
    }
}

#[test]
fn few_descriptors_are_told_with_both_limits_and_the_calls_they_are_enough_for() {
    let command = installed("prlimit", &[&["--nofile=64:128"][..], &DOCTOR].concat());
    let ended = run(command, b"");
    says(
        &ended,
        "descriptors",
        &["\"state\":\"limited\"", "\"soft\":64,\"hard\":128,\"calls\":96", "prlimit --nofile="],
    );
}

#[test]
fn a_user_without_the_capability_is_told_from_which_port_on_it_may_listen() {
    let drop = "set -- setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service \"$@\"";
    let Some(ended) = in_own_network(drop) else { return };
    let limited = ["\"state\":\"limited\"", "ports from 1024", "(EACCES)", "\"capability\":false", "setcap"];
    says(&ended, "privileged ports", &limited);
    let from_0 = format!("echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start; {drop}");
    let Some(ended) = in_own_network(&from_0) else { return };
    says(
        &ended,
        "privileged ports",
        &["\"state\":\"yes\"", "\"unprivileged_port_start\":0", "\"capability\":false"],
    );
}

#[test]
fn ping_is_told_by_the_range_of_groups_that_may() {
    let Some(ended) = in_own_network("true") else { return };
    says(
        &ended,
        "ping_group_range",
        &["\"state\":\"no\"", "(EACCES)", "1 to 0", "sysctl -w net.ipv4.ping_group_range="],
    );
    let Some(ended) = in_own_network("echo '0 0' > /proc/sys/net/ipv4/ping_group_range") else { return };
    says(&ended, "ping_group_range", &["\"state\":\"yes\"", "0 to 0", "\"change\":null"]);
}

#[test]
fn a_short_backlog_and_an_ipv6_that_is_switched_off_are_told() {
    let script = "echo 7 > /proc/sys/net/core/somaxconn; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6";
    let Some(ended) = in_own_network(script) else { return };
    says(
        &ended,
        "somaxconn",
        &["\"state\":\"limited\"", "\"somaxconn\":7", "sysctl -w net.core.somaxconn=N"],
    );
    says(&ended, "tcp over IPv4", &["\"state\":\"yes\""]);
    says(&ended, "tcp over IPv6", &["\"state\":\"limited\"", "(EADDRNOTAVAIL)", "disable_ipv6=0"]);
}

#[test]
fn what_the_kernel_or_a_sandbox_refuses_is_told_by_its_errno() {
    let rows = [
        ("io_uring_setup:error=ENOSYS", "io_uring", &["\"state\":\"no\"", "(ENOSYS)", "CONFIG_IO_URING"][..]),
        ("io_uring_setup:error=EPERM", "io_uring", &["\"state\":\"no\"", "(EPERM)", "io_uring_setup(2)"]),
        (
            "landlock_create_ruleset:error=EOPNOTSUPP",
            "landlock",
            &["\"state\":\"no\"", "(EOPNOTSUPP)", "lsm="],
        ),
        ("landlock_create_ruleset:retval=3", "landlock", &["\"state\":\"limited\"", "\"version\":3", "6.7"]),
        ("epoll_create1:error=ENFILE", "epoll", &["\"state\":\"no\"", "(ENFILE)", "more descriptors"]),
        ("pidfd_open:error=ENOSYS", "process", &["\"state\":\"no\"", "(ENOSYS)"]),
        (
            "socket:error=EAFNOSUPPORT",
            "tcp over IPv6",
            &["\"state\":\"no\"", "(EAFNOSUPPORT)", "modprobe ipv6"],
        ),
        ("socket:error=EPERM", "raw", &["\"state\":\"no\"", "(EPERM)", "CAP_NET_RAW"]),
        ("socket:error=EPERM", "vsock", &["\"state\":\"no\"", "(EPERM)", "sandbox"]),
    ];
    for (fault, name, parts) in rows {
        let call = fault.split(':').next().unwrap();
        let inject = format!("inject={fault}");
        let trace = format!("trace={call}");
        let tracer = ["-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let ended = run(installed("strace", &[&tracer[..], &DOCTOR].concat()), b"");
        says(&ended, name, parts);
    }
}
