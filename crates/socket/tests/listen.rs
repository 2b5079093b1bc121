//! Listening: which addresses, how shared, what the accepted sockets are like.

mod common;

use std::collections::HashSet;
use std::net::TcpStream;
use std::os::fd::AsFd;

use address::{End, Transport};
use common::{Folder, address, answer, at, call, listen, next, port};
use rustix::io::{FdFlags, fcntl_getfd};
use rustix::net::sockopt;
use socket::{BindErrorKind, DatagramSocket, Listener};

#[test]
fn every_address_means_both_families() {
    for text in ["tcp://[::]:0", ":0"] {
        let listener = listen(text);
        let port = port(&listener.local_end().unwrap());
        for host in ["127.0.0.1", "[::1]"] {
            let caller = call(format!("tcp://{host}:{port}"));
            let accepted = answer(&listener);
            assert_eq!(accepted.peer.ip(), caller.local_end().unwrap().ip());
            assert_eq!(accepted.peer.to_string(), caller.local_end().unwrap().to_string());
        }
    }
}

#[test]
fn one_family_alone_leaves_the_other_to_others() {
    let v6 = listen("tcp://[::]:0?v6");
    let port = port(&v6.local_end().unwrap());
    let v4 = listen(format!("tcp://0.0.0.0:{port}"));
    assert_eq!(v4.local_end().unwrap().to_string(), format!("tcp://0.0.0.0:{port}"));
    assert!(matches!(listen(":0?v4").local_end().unwrap(), End::Ip { address, .. } if address.is_ipv4()));
}

#[test]
fn port_0_reports_the_port_that_the_kernel_chose() {
    let listener = listen("tcp://127.0.0.1:0");
    let end = listener.local_end().unwrap();
    assert_ne!(port(&end), 0);
    call(end.to_string());
}

#[test]
fn a_port_in_use_says_how_to_see_who_has_it() {
    let first = listen("tcp://127.0.0.1:0");
    let end = first.local_end().unwrap();
    let error = Listener::bind(&address(end.to_string())).unwrap_err();
    assert!(matches!(error.kind, BindErrorKind::InUse), "{error}");
    let port = port(&end);
    let wanted = format!(
        "cannot listen on {end}: bind(2): Address already in use (EADDRINUSE); \
         see who has it: ss -lntp 'sport = :{port}'"
    );
    assert_eq!(error.to_string(), wanted);
}

#[test]
fn an_address_of_another_host_says_so() {
    let error = Listener::bind(&address("tcp://192.0.2.1:0")).unwrap_err();
    assert!(matches!(error.kind, BindErrorKind::NotOurs), "{error}");
    assert!(error.to_string().contains("not an address of this host: `ip address`"), "{error}");
}

#[test]
fn what_cannot_be_listened_on_says_why() {
    for (text, why) in [
        ("-", "nobody calls standard input and output"),
        ("udp://127.0.0.1:0", "datagrams come without a call to accept"),
    ] {
        let error = Listener::bind(&address(text)).unwrap_err();
        assert!(matches!(error.kind, BindErrorKind::Unsupported), "{error}");
        assert!(error.to_string().ends_with(why), "{error}");
    }
    let error = DatagramSocket::bind(&address("tcp://127.0.0.1:0")).unwrap_err();
    assert!(error.to_string().ends_with("it carries no datagrams"), "{error}");
    let error = DatagramSocket::bind(&address("tls+fd:0")).unwrap_err();
    assert!(
        error.to_string().ends_with("it carries datagrams, and its layers lie on a byte stream"),
        "{error}"
    );
    let error = Listener::bind(&address("tcp://127.0.0.1:0?connect-timeout=1s")).unwrap_err();
    assert!(error.to_string().contains("option connect-timeout=1s: it has no meaning"), "{error}");
}

#[test]
fn a_group_shares_the_port_and_a_stranger_is_refused() {
    let (group, _) = Listener::bind_group(&address("tcp://127.0.0.1:0"), 2).unwrap();
    let end = group[0].local_end().unwrap();
    assert_eq!(group[1].local_end().unwrap(), end);
    assert!(matches!(Listener::bind(&address(end.to_string())).unwrap_err().kind, BindErrorKind::InUse));
    let again = Listener::bind_group(&address(end.to_string()), 2).unwrap_err();
    assert!(matches!(again.kind, BindErrorKind::InUse), "a second server with workers is a stranger too");

    // The kernel spreads callers by a hash of their address: of 64, all on one side is one chance in 2^63.
    let callers: Vec<TcpStream> = (0..64).map(|_| TcpStream::connect(end.ip().unwrap()).unwrap()).collect();
    let answered = |listener: &Listener| std::iter::from_fn(|| listener.accept().ok()).count();
    let shares: Vec<usize> = group.iter().map(answered).collect();
    assert_eq!(shares.iter().sum::<usize>(), callers.len());
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

#[test]
fn another_listener_joins_one_that_listens_already() {
    let first = listen("tcp://[::]:0");
    let second = first.another().unwrap();
    assert_eq!(first.local_end().unwrap(), second.local_end().unwrap());
    drop(first);
    let port = port(&second.local_end().unwrap());
    call(format!("tcp://127.0.0.1:{port}"));
    answer(&second);
}

#[test]
fn unix_listeners_of_a_group_share_one_queue_and_one_path() {
    let folder = Folder::new();
    let path = folder.path("shared");
    let (mut group, _) = Listener::bind_group(&address(at("unix", &path)), 2).unwrap();
    drop(group.remove(0));
    assert!(path.exists(), "the last of them removes the path");
    call(at("unix", &path));
    answer(&group[0]);
    drop(group);
    assert!(!path.exists());
}

#[test]
fn a_listener_that_was_passed_goes_on_answering() {
    let passed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let end = format!("tcp://{}", passed.local_addr().unwrap());
    rustix::io::fcntl_setfd(&passed, FdFlags::empty()).unwrap();
    let listener = listen(format!("fd:{}", std::os::fd::IntoRawFd::into_raw_fd(passed)));
    assert_eq!(listener.transport(), Transport::Tcp);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    call(&end);
    assert_eq!(answer(&listener).connection.transport(), Transport::Tcp);
}

#[test]
fn an_accepted_call_sends_at_once_unless_asked_otherwise() {
    for (options, wanted) in [("", true), ("?nodelay=off", false)] {
        let listener = listen(format!("tcp://127.0.0.1:0{options}"));
        let _caller = call(listener.local_end().unwrap().to_string());
        assert_eq!(sockopt::tcp_nodelay(answer(&listener).connection).unwrap(), wanted);
    }
}

#[test]
fn an_accepted_call_has_the_options_of_its_listener() {
    let folder = Folder::new();
    let path = at("unix", &folder.path("buffers"));
    for (asked, called) in [("tcp://127.0.0.1:0".to_owned(), None), (path.clone(), Some(path))] {
        let listener = listen(format!("{asked}?rcvbuf=40KiB"));
        let _caller = call(called.unwrap_or_else(|| listener.local_end().unwrap().to_string()));
        let connection = answer(&listener).connection;
        assert_eq!(sockopt::socket_recv_buffer_size(&connection).unwrap(), 2 * 40 * 1024, "{asked}");
    }
}

#[test]
fn nobody_waiting_is_told_at_once() {
    for text in ["tcp://127.0.0.1:0", "unix:@swb-test-nobody"] {
        assert_eq!(listen(text).accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn every_descriptor_is_close_on_exec_and_never_waits() {
    fn check(what: &str, fd: impl AsFd) {
        assert_eq!(fcntl_getfd(&fd).unwrap(), FdFlags::CLOEXEC, "{what}");
        assert!(rustix::fs::fcntl_getfl(&fd).unwrap().contains(rustix::fs::OFlags::NONBLOCK), "{what}");
    }
    let folder = Folder::new();
    for scheme in ["tcp", "unix", "unix-seqpacket"] {
        let text =
            if scheme == "tcp" { "tcp://127.0.0.1:0".to_owned() } else { at(scheme, &folder.path(scheme)) };
        let (group, _) = Listener::bind_group(&address(text), 2).unwrap();
        let caller = call(group[0].local_end().unwrap().to_string());
        let accepted = group.iter().find_map(|listener| listener.accept().ok()).unwrap();
        group.iter().for_each(|listener| check(scheme, listener));
        check(scheme, caller);
        check(scheme, accepted.connection);
    }
    let udp = DatagramSocket::bind(&address("udp://127.0.0.1:0")).unwrap().0;
    check("udp", call(udp.local_end().unwrap().to_string()));
    check("udp", udp.another().unwrap());
    check("udp", udp);
}

#[test]
fn callers_are_answered_in_the_order_in_which_they_came() {
    let listener = listen("unix:@swb-test-order");
    let callers: Vec<_> = (0..10_u8).map(|number| (call("unix:@swb-test-order"), number)).collect();
    for (caller, number) in &callers {
        caller.send(&[*number]).unwrap();
    }
    let order: Vec<u8> = (0..10).map(|_| next(&answer(&listener).connection)[0]).collect();
    assert_eq!(order, (0..10).collect::<Vec<u8>>());
    assert_eq!(order.iter().collect::<HashSet<_>>().len(), 10);
}
