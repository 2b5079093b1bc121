//! What may be at a Unix path, and what becomes of it.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};

use crate::support::{Directory, Server, run_swb};
use crate::{failed, fails, in_own_network};

#[test]
fn nothing_at_a_path_is_deleted_but_a_dead_socket_of_our_own() {
    let folder = Directory::new();
    let file = |name: &str| folder.file(name);
    std::fs::write(file("regular"), "precious").unwrap();
    std::os::unix::fs::symlink(file("regular"), file("link")).unwrap();
    std::os::unix::fs::symlink(file("nowhere"), file("dangling")).unwrap();
    std::fs::create_dir(file("directory")).unwrap();
    let _live = UnixListener::bind(file("live")).unwrap();
    let remove = "choose another path, or remove it yourself";
    let kinds = [
        ("regular", "a regular file", remove),
        ("link", "a symbolic link", remove),
        ("dangling", "a symbolic link", remove),
        ("directory", "a directory", "choose a path in it"),
        ("live", "a live socket", "see who has it: ss -xlp"),
    ];
    for (name, what, hint) in kinds {
        for scheme in ["unix", "unix-dgram", "unix-seqpacket"] {
            let address = format!("{scheme}:{}", file(name));
            fails(
                &["serve", "echo", &address],
                7,
                &format!("cannot listen on {address}: the path is {what}; {hint}"),
            );
        }
        fails(
            &["listen", &file(name)],
            7,
            &format!("cannot listen on unix:{}: the path is {what}; {hint}", file(name)),
        );
    }
    assert_eq!(std::fs::read_to_string(file("link")).unwrap(), "precious");
    assert!(std::fs::symlink_metadata(file("dangling")).is_ok());
    UnixStream::connect(file("live")).unwrap();
}

#[test]
fn a_dead_socket_is_replaced_and_the_path_is_removed_at_the_end() {
    let folder = Directory::new();
    let path = folder.file("socket");
    drop(UnixListener::bind(&path).unwrap());
    let server = Server::start(&["serve", "echo", &format!("unix:{path}")]);
    UnixStream::connect(&path).unwrap();
    assert_eq!(server.terminate().code(), 0);
    assert!(std::fs::symlink_metadata(&path).is_err(), "the path is still there");
}

#[test]
fn a_listener_that_a_signal_ends_leaves_no_path() {
    for keep in [&["listen"][..], &["listen", "--keep"]] {
        let folder = Directory::new();
        let path = folder.file("socket");
        let server = Server::start(&[keep, &[&format!("unix:{path}")]].concat());
        server.running.signal(15);
        assert_eq!(server.running.finish().code(), 128 + 15);
        assert!(std::fs::symlink_metadata(&path).is_err(), "the path is still there");
    }
}

#[test]
fn a_path_that_is_too_long_is_refused_with_its_length() {
    let path = format!("/tmp/{}", "x".repeat(110));
    let ended = run_swb(&["serve", "echo", &format!("unix:{path}")], b"");
    let first = "swb: a Unix socket's name has 107 bytes at most, this one has 115\n";
    assert!(ended.stderr.starts_with(first), "{}", ended.stderr);
    assert_eq!(ended.code(), 2);
}

#[test]
fn a_path_in_no_directory_says_that_the_directory_must_exist() {
    let folder = Directory::new();
    let address = format!("unix:{}/no/socket", folder.path().display());
    let message = format!(
        "cannot listen on {address}: bind(2): No such file or directory (ENOENT); the directory must exist"
    );
    fails(&["serve", "echo", &address], 7, &message);
}

#[test]
fn a_directory_that_may_not_be_written_to_is_said_to_be_so() {
    let folder = Directory::new();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
    let address = format!("unix:{}", folder.file("socket"));
    // As root, without the capability to do it all the same.
    let script = "set -- setpriv --bounding-set -dac_override --inh-caps -dac_override \"$@\"";
    let ended = in_own_network(script, &["serve", "echo", &address]);
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let Some(ended) = ended else { return };
    let message = format!(
        "cannot listen on {address}: bind(2): Permission denied (EACCES); the directory must be one that this \
         user may write to"
    );
    failed(&ended, 7, &message);
}

#[test]
fn the_path_of_a_socket_has_the_mode_and_owner_that_were_asked_for() {
    let folder = Directory::new();
    let path = folder.file("socket");
    let mine = std::fs::metadata(folder.path()).unwrap();
    for (options, mode) in [("mode=600", 0o600), ("mode=666", 0o666), ("mode=0660", 0o660)] {
        let server = Server::start(&["serve", "echo", &format!("unix:{path}?{options}")]);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, mode, "{options}");
        server.terminate();
    }
    let (user, group) = if mine.uid() == 0 { (65_534, 65_533) } else { (mine.uid(), mine.gid()) };
    let options = format!("user={user}&group={group}&mode=640");
    let _server = Server::start(&["serve", "echo", &format!("unix:{path}?{options}")]);
    let socket = std::fs::metadata(&path).unwrap();
    assert_eq!((socket.uid(), socket.gid(), socket.mode() & 0o7777), (user, group, 0o640));
}

#[test]
fn an_owner_of_whom_nobody_has_heard_is_refused_and_no_path_is_left() {
    let folder = Directory::new();
    let path = folder.file("socket");
    let ended = run_swb(&["serve", "echo", &format!("unix:{path}?user=nobody-knows-me")], b"");
    let start = format!(
        "swb: cannot listen on unix:{path}?user=nobody-knows-me: option user=nobody-knows-me: nobody has that name"
    );
    assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
    assert_eq!(ended.code(), 7);
    assert!(std::fs::symlink_metadata(&path).is_err());
}
