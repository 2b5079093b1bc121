//! Promise 7: only our own dead socket is deleted at a path.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;

use common::{Folder, address, answer, at, call, listen};
use socket::{BindErrorKind, DatagramSocket, Listener, Taken};

fn taken(path: &Path) -> Taken {
    let error = Listener::bind(&address(at("unix", path))).unwrap_err();
    let BindErrorKind::PathTaken { what } = error.kind else { panic!("{error}") };
    assert!(error.to_string().contains(&what.to_string()), "{error}");
    what
}

/// A socket that was bound and closed, and whose path is still there.
fn dead_socket(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
}

#[test]
fn a_regular_file_is_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.path("file");
    fs::write(&path, "precious").unwrap();
    assert_eq!(taken(&path), Taken::RegularFile);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_symbolic_link_is_left_even_if_it_leads_to_a_dead_socket() {
    let folder = Folder::new();
    let (link, dead) = (folder.path("link"), folder.path("dead"));
    dead_socket(&dead);
    symlink(&dead, &link).unwrap();
    assert_eq!(taken(&link), Taken::Symlink);
    assert!(dead.exists() && link.is_symlink());
}

#[test]
fn a_directory_and_a_named_pipe_are_left() {
    let folder = Folder::new();
    let (directory, pipe) = (folder.path("directory"), folder.path("pipe"));
    fs::create_dir(&directory).unwrap();
    assert_eq!(taken(&directory), Taken::Directory);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    assert_eq!(taken(&pipe), Taken::Special);
}

#[test]
fn a_live_socket_is_left_and_is_not_disturbed() {
    let folder = Folder::new();
    let path = folder.path("live");
    let live = listen(at("unix", &path));
    assert_eq!(taken(&path), Taken::LiveSocket);
    assert_eq!(live.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "it was not called");
    call(at("unix", &path));
    answer(&live);
}

#[test]
fn a_live_socket_of_another_kind_is_left() {
    let folder = Folder::new();
    let path = folder.path("live");
    let _live = UnixDatagram::bind(&path).unwrap();
    assert_eq!(taken(&path), Taken::LiveSocket);
}

#[test]
fn a_socket_that_is_bound_and_does_not_listen_yet_is_left() {
    let folder = Folder::new();
    let path = folder.path("early");
    let kind = rustix::net::SocketType::STREAM;
    let early = rustix::net::socket(rustix::net::AddressFamily::UNIX, kind, None).unwrap();
    rustix::net::bind(&early, &rustix::net::SocketAddrUnix::new(&path).unwrap()).unwrap();
    assert_eq!(taken(&path), Taken::LiveSocket);
}

#[test]
fn our_own_dead_socket_is_replaced() {
    for scheme in ["unix", "unix-seqpacket"] {
        let folder = Folder::new();
        let path = folder.path("dead");
        dead_socket(&path);
        let listener = listen(at(scheme, &path));
        call(at(scheme, &path));
        answer(&listener);
    }
    let folder = Folder::new();
    let path = folder.path("dead");
    dead_socket(&path);
    DatagramSocket::bind(&address(at("unix-dgram", &path))).unwrap();
}

#[test]
fn a_dead_socket_is_left_with_unlink_off() {
    let folder = Folder::new();
    let path = folder.path("dead");
    dead_socket(&path);
    let error = Listener::bind(&address(at("unix", &path) + "?unlink=off")).unwrap_err();
    assert!(matches!(error.kind, BindErrorKind::PathTaken { what: Taken::DeadSocket }), "{error}");
    assert!(path.exists());
}

#[test]
fn a_dead_socket_of_another_user_is_left() {
    let folder = Folder::new();
    let path = folder.path("theirs");
    dead_socket(&path);
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give a socket to another user");
        return;
    }
    chown(&path, Some(65534), None).unwrap();
    assert_eq!(taken(&path), Taken::SomeoneElsesSocket);
    assert!(path.exists());
}

#[test]
fn our_path_is_removed_at_the_end_unless_asked_otherwise() {
    let folder = Folder::new();
    let path = folder.path("mine");
    drop(listen(at("unix", &path)));
    assert!(!path.exists());
    drop(listen(at("unix", &path) + "?unlink=off"));
    assert!(path.exists());
}

#[test]
fn what_has_taken_the_place_of_our_path_is_not_removed() {
    let folder = Folder::new();
    let path = folder.path("mine");
    let listener = listen(at("unix", &path));
    fs::remove_file(&path).unwrap();
    let successor = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(path.exists());
    drop(successor);
}

#[test]
fn the_mode_is_the_one_asked_for() {
    let folder = Folder::new();
    for mode in [0o600, 0o660, 0o777] {
        let path = folder.path(&format!("{mode:o}"));
        let _listener = listen(format!("{}?mode={mode:o}", at("unix", &path)));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[test]
fn the_owner_is_the_one_asked_for() {
    let folder = Folder::new();
    let path = folder.path("given");
    match Listener::bind(&address(at("unix", &path) + "?user=65534&group=65533&mode=660")) {
        Ok((_listener, _)) => {
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (65534, 65533, 0o660));
        }
        Err(error) => {
            let wanted = "option user=65534: chown(2): Operation not permitted (EPERM); only root";
            assert!(error.to_string().contains(wanted), "{error}");
            assert!(!path.exists(), "a failed bind leaves nothing behind");
        }
    }
}

#[test]
fn an_unknown_owner_is_told_by_name_and_nothing_is_bound() {
    let folder = Folder::new();
    let path = folder.path("nobodys");
    let error = Listener::bind(&address(at("unix", &path) + "?user=no-such-user")).unwrap_err();
    assert!(error.to_string().contains("option user=no-such-user: nobody has that name"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_missing_directory_says_that_it_must_exist() {
    let folder = Folder::new();
    let error = Listener::bind(&address(at("unix", &folder.path("no/such")))).unwrap_err();
    assert!(error.to_string().ends_with("ENOENT); the directory must exist"), "{error}");
}

#[test]
fn an_abstract_name_is_heard_and_has_no_permissions() {
    let listener = listen("unix:@swb-test-abstract");
    assert_eq!(listener.local_end().unwrap().to_string(), "unix:@swb-test-abstract");
    call("unix:@swb-test-abstract");
    answer(&listener);
    let error = Listener::bind(&address("unix:@swb-test-abstract")).unwrap_err();
    assert!(matches!(error.kind, BindErrorKind::InUse), "{error}");
    let error = Listener::bind(&address("unix:@swb-test-mode?mode=600")).unwrap_err();
    assert!(error.to_string().contains("an abstract name has no owner and no permissions"), "{error}");
}
