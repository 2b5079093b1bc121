//! Connecting: what is raced, what is reported, what is given up.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use address::Transport;
use common::{Folder, address, answer, at, call, listen, next, port};
use rustix::io::{FdFlags, fcntl_getfd};
use socket::{ConnectErrorKind, Connection, ResolveErrorKind, connect};

/// A port that was free a moment ago, in both families.
fn closed_port() -> u16 {
    port(&listen("tcp://[::]:0").local_end().unwrap())
}

#[test]
fn a_refused_call_lists_each_address_that_was_tried_and_why() {
    let port = closed_port();
    let error = connect(&address(format!(":{port}"))).unwrap_err();
    assert!(matches!(error.kind, ConnectErrorKind::Refused), "{error}");
    assert_eq!(error.tried.len(), 2);
    let text = error.to_string();
    for tried in [format!("tcp://[::1]:{port}"), format!("tcp://127.0.0.1:{port}")] {
        assert!(text.contains(&format!("{tried}: connect(2): Connection refused (ECONNREFUSED)")), "{text}");
    }
}

#[test]
fn a_name_is_tried_until_one_of_its_addresses_answers() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let connected = connect(&address(format!(":{port}"))).unwrap();
    assert_eq!(connected.end.to_string(), format!("tcp://127.0.0.1:{port}"));
    assert_eq!(connected.failed.len(), 1, "::1 was tried first, and refused");
    assert_eq!(connected.failed[0].end.to_string(), format!("tcp://[::1]:{port}"));
}

#[test]
fn a_name_that_does_not_exist_is_told_as_such() {
    // RFC 6761 section 6.4: `invalid` names nothing; without a resolver that is "try again".
    let error = connect(&address("tcp://no-such-host.invalid:80")).unwrap_err();
    let ConnectErrorKind::Resolve(reason) = &error.kind else { panic!("{error}") };
    assert!(matches!(reason.what, ResolveErrorKind::NoSuchName | ResolveErrorKind::TryAgain), "{error}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn a_service_is_called_by_its_name_and_an_unknown_one_is_told() {
    let resolved = socket::resolve(&address("tcp://127.0.0.1:http"), socket::Role::Connect).unwrap();
    assert_eq!(resolved.candidates[0].address.port(), 80);
    let error = socket::resolve(&address("udp://127.0.0.1:no-such"), socket::Role::Connect).unwrap_err();
    assert_eq!(error.what, ResolveErrorKind::NoSuchService);
}

#[test]
fn the_family_asked_for_is_the_only_one() {
    let families = |text| -> Vec<bool> {
        let resolved = socket::resolve(&address(text), socket::Role::Connect).unwrap();
        resolved.candidates.iter().map(|candidate| candidate.address.is_ipv6()).collect()
    };
    assert_eq!(families(":80"), [true, false]);
    assert_eq!(families(":80?v4"), [false]);
    assert_eq!(families(":80?v6"), [true]);
    let error = socket::resolve(&address("tcp://[::1]:80?v4"), socket::Role::Connect).unwrap_err();
    assert_eq!(error.what, ResolveErrorKind::NoAddressOfFamily);
}

#[test]
fn a_zone_is_an_interface_name() {
    let resolved = socket::resolve(&address("tcp://[fe80::1%lo]:80"), socket::Role::Connect).unwrap();
    let std::net::SocketAddr::V6(v6) = resolved.candidates[0].address else { panic!("IPv4") };
    assert_eq!(v6.scope_id(), 1);
    let error = socket::resolve(&address("tcp://[fe80::1%nosuch]:80"), socket::Role::Connect).unwrap_err();
    assert_eq!(error.what, ResolveErrorKind::NoSuchInterface);
}

#[test]
fn our_own_port_is_the_one_asked_for() {
    let listener = listen("tcp://127.0.0.1:0");
    let mine = closed_port();
    let caller = call(format!("{}?bind=127.0.0.2:{mine}", listener.local_end().unwrap()));
    assert_eq!(caller.local_end().unwrap().to_string(), format!("tcp://127.0.0.2:{mine}"));
    assert_eq!(answer(&listener).peer, caller.local_end().unwrap());
}

#[test]
fn a_call_from_an_address_that_is_not_ours_says_so() {
    let error = connect(&address("tcp://127.0.0.1:9?bind=192.0.2.77")).unwrap_err();
    assert!(
        error.to_string().contains("bind(2): Cannot assign requested address (EADDRNOTAVAIL)"),
        "{error}"
    );
}

#[test]
fn an_option_of_listeners_is_refused_by_name() {
    let error = connect(&address("tcp://127.0.0.1:9?backlog=5")).unwrap_err();
    assert!(matches!(error.kind, ConnectErrorKind::Option(Some(_))), "{error}");
    assert!(
        error.to_string().contains("option backlog=5: it has no meaning for one who connects"),
        "{error}"
    );
}

#[test]
fn short_messages_do_not_wait_unless_asked_to() {
    let listener = listen("tcp://127.0.0.1:0");
    let end = listener.local_end().unwrap();
    assert!(rustix::net::sockopt::tcp_nodelay(call(end.to_string())).unwrap());
    assert!(!rustix::net::sockopt::tcp_nodelay(call(format!("{end}?nodelay=off"))).unwrap());
}

#[test]
fn a_unix_path_without_a_server_is_refused() {
    let folder = Folder::new();
    let error = connect(&address(at("unix", &folder.path("absent")))).unwrap_err();
    assert!(matches!(error.kind, ConnectErrorKind::Refused), "{error}");
    assert!(error.to_string().contains("connect(2): No such file or directory (ENOENT)"), "{error}");
}

#[test]
fn a_full_unix_backlog_is_waited_for_until_the_timeout() {
    for scheme in ["unix", "unix-seqpacket"] {
        let folder = Folder::new();
        let path = at(scheme, &folder.path("full"));
        let _listener = listen(format!("{path}?backlog=0"));
        let _first = call(&path);
        let began = Instant::now();
        let error = connect(&address(format!("{path}?connect-timeout=50ms"))).unwrap_err();
        assert!(matches!(error.kind, ConnectErrorKind::TimedOut), "{error}");
        assert!(began.elapsed() >= Duration::from_millis(50));
    }
}

#[test]
fn a_place_in_a_unix_backlog_is_taken_as_soon_as_it_is_free() {
    let folder = Folder::new();
    let path = at("unix", &folder.path("full"));
    let listener = listen(format!("{path}?backlog=0"));
    let first = call(&path);
    let second = std::thread::spawn(move || {
        let second = call(&path);
        second.send(b"second").unwrap();
        second
    });
    drop(answer(&listener));
    assert_eq!(next(&answer(&listener).connection), b"second");
    drop((first, second.join().unwrap()));
}

#[test]
fn a_descriptor_that_is_no_socket_is_refused() {
    let (reader, _writer) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&reader, FdFlags::empty()).unwrap();
    let number = std::os::fd::IntoRawFd::into_raw_fd(std::os::fd::OwnedFd::from(reader));
    let error = connect(&address(format!("fd:{number}"))).unwrap_err();
    assert!(error.to_string().contains("ENOTSOCK"), "{error}");
}

#[test]
fn a_descriptor_that_was_passed_is_a_connection_of_its_own_kind() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&theirs, FdFlags::empty()).unwrap();
    let number = std::os::fd::IntoRawFd::into_raw_fd(theirs);
    let passed = call(format!("fd:{number}"));
    assert_eq!(passed.transport(), Transport::Unix);
    assert_eq!(fcntl_getfd(&passed).unwrap(), FdFlags::CLOEXEC);
    passed.send(b"hello").unwrap();
    let ours = Connection::from_fd(ours.into(), Transport::Descriptor).unwrap();
    assert_eq!(next(&ours), b"hello");
}

#[test]
fn a_multipath_call_falls_back_to_tcp_with_a_peer_that_has_it_not() {
    let listener = listen("tcp://127.0.0.1:0");
    let caller = call(format!("{}?mptcp", listener.local_end().unwrap()));
    caller.send(b"hello").unwrap();
    assert_eq!(next(&answer(&listener).connection), b"hello");
}
