//! `--user` and `--group`: bound as root, served as somebody else.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use crate::support::peer::{installed, wait_until};
use crate::support::proc::children;
use crate::support::{Directory, Finished, Running, Server, program, run, run_swb, swb};

/// The user whom every Linux has.
const NOBODY: &str = "65534";

fn is_root(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("{test}: not run: only root can become somebody else");
    }
    is_root
}

/// A directory into which everybody may look and only its owner write.
fn open_directory() -> Directory {
    let directory = Directory::new();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    directory
}

/// The four numbers of a line of /proc/PID/status: real, effective, saved, of the file system.
fn status(process: u32, key: &str) -> Vec<String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

under! { a_server_that_has_bound_is_somebody_else: iterative process thread poll epoll uring }

fn a_server_that_has_bound_is_somebody_else(engine: &str) {
    if !is_root("a_server_that_has_bound_is_somebody_else") {
        return;
    }
    let directory = open_directory();
    let path = directory.file("echo.sock");
    let at = format!("unix:{path}");
    let arguments = ["serve", "echo", &at, "--engine", engine, "--user", NOBODY, "--group", NOBODY, "-v"];
    let server = Server::start(&arguments);
    let mut caller = UnixStream::connect(&path).unwrap();
    caller.write_all(b"hello").unwrap();
    caller.read_exact(&mut [0; 5]).unwrap();
    for process in [vec![server.pid()], children(server.pid())].concat() {
        for key in ["Uid:", "Gid:"] {
            assert_eq!(status(process, key), [NOBODY; 4], "{key}");
        }
        assert_eq!(status(process, "Groups:"), [NOBODY]);
        assert_eq!(status(process, "CapEff:"), ["0000000000000000"]);
    }
    drop(caller);
    let Finished { stderr, .. } = server.terminate();
    assert!(stderr.contains("from now on user"), "{stderr}");
    let left = format!("{path:?} is left behind: user ");
    assert!(stderr.contains(&left) && std::fs::metadata(&path).is_ok(), "{stderr}");
}

#[test]
fn a_path_that_was_left_behind_is_taken_by_the_next_server_and_put_away() {
    if !is_root("a_path_that_was_left_behind_is_taken_by_the_next_server") {
        return;
    }
    let directory = open_directory();
    let path = directory.file("echo.sock");
    let at = format!("unix:{path}");
    let serve = ["serve", "echo", &at, "--engine", "poll"];
    Server::start(&[&serve[..], &["--user", NOBODY, "--group", NOBODY]].concat()).terminate();
    assert!(std::fs::metadata(&path).is_ok());
    assert_eq!(Server::start(&serve).terminate().code(), 0);
    assert!(std::fs::metadata(&path).is_err());
}

#[test]
fn a_log_file_that_it_may_not_open_is_kept_and_that_is_said() {
    if !is_root("a_log_file_that_it_may_not_open_is_kept") {
        return;
    }
    let directory = open_directory();
    let log = directory.file("log");
    let mut command = swb(&["serve", "echo", "tcp://127.0.0.1:0", "--user", NOBODY, "--group", NOBODY]);
    command.args(["--log-file", &log]);
    let running = Running::start(&mut command);
    let said = |text: &str| std::fs::read_to_string(&log).is_ok_and(|said| said.contains(text));
    wait_until("it listens", || said("listening"));
    running.signal(libc::SIGHUP);
    wait_until("it says what it may not do", || said("cannot reopen the log file"));
    running.signal(libc::SIGTERM);
    assert_eq!(running.finish().code(), 0);
}

#[test]
fn nobody_but_root_can_become_somebody_else() {
    if !is_root("nobody_but_root_can_become_somebody_else") {
        return;
    }
    let directory = open_directory();
    // The build folder may be closed to others.
    let swb = directory.file("swb");
    // Copied by another process: a descriptor of ours that is open for writing would be inherited by the programs that
    // other tests start meanwhile, and the copy be busy (ETXTBSY).
    assert!(run(program("cp", &[env!("CARGO_BIN_EXE_swb"), &swb]), b"").status.success());
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let serve = [&swb, "serve", "echo", "tcp://127.0.0.1:0", "--user", "root"];
    let ended =
        run(installed("setpriv", &[&[user.as_str(), &group, "--clear-groups"], &serve[..]].concat()), b"");
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
    let said = "swb: cannot become user root (0), group root (0): setgroups(2): Operation not permitted (EPERM); \
                only root may";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn a_user_who_is_not_there_is_named_before_anything_is_bound() {
    for (arguments, said) in [
        (["--user", "nobody-has-this"], "no user is named \"nobody-has-this\""),
        (["--group", "nobody-has-this"], "no group is named \"nobody-has-this\""),
        (["--user", "3999999999"], "its group is not known: say it with --group"),
    ] {
        let ended = run_swb(&[&["serve", "echo", "tcp://127.0.0.1:0"], &arguments[..]].concat(), b"");
        assert_eq!(ended.code(), 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(said) && !ended.stderr.contains("listening"), "{}", ended.stderr);
    }
}
