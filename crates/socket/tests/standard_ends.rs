//! Standard input and output, and writes that never wait.

mod common;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use common::{Folder, until_readable};
use rustix::io::{FdFlags, fcntl_getfd};
use socket::{Standard, write_without_blocking};

#[test]
fn bytes_come_in_and_go_out_and_the_end_is_told_both_ways() {
    let (input, mut to_input) = std::io::pipe().unwrap();
    let (mut from_output, output) = std::io::pipe().unwrap();
    let mut standard = Standard::from_pair(input.into(), output.into());
    to_input.write_all(b"question").unwrap();
    let mut buffer = [0; 100];
    until_readable(standard.input());
    assert_eq!(standard.receive(&mut buffer).unwrap().length, 8);
    drop(to_input);
    until_readable(standard.input());
    assert!(standard.receive(&mut buffer).unwrap().end);

    assert_eq!(standard.send(b"answer").unwrap(), 6);
    standard.finish().unwrap();
    let mut answer = String::new();
    from_output.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");
    assert!(standard.output().is_none());
    assert_eq!(standard.send(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    standard.finish().unwrap();
}

#[test]
fn a_full_pipe_or_socket_is_told_and_its_flags_stay_as_they_were() {
    let (_reader, pipe) = std::io::pipe().unwrap();
    let (socket, _other) = UnixStream::pair().unwrap();
    for fd in [std::os::fd::OwnedFd::from(pipe), socket.into()] {
        let error =
            std::iter::repeat_with(|| write_without_blocking(&fd, &[0; 10_000])).find_map(Result::err);
        assert_eq!(error.unwrap().kind(), ErrorKind::WouldBlock);
        assert!(!rustix::fs::fcntl_getfl(&fd).unwrap().contains(rustix::fs::OFlags::NONBLOCK));
    }
}

#[test]
fn a_reader_that_has_gone_is_told() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(write_without_blocking(&writer, b"hello").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_regular_file_takes_all_and_a_device_something() {
    let folder = Folder::new();
    let path = folder.path("out");
    let file = File::create(&path).unwrap();
    assert_eq!(write_without_blocking(&file, &[1; 100_000]).unwrap(), 100_000);
    assert_eq!(write_without_blocking(&file, b"more").unwrap(), 4);
    assert_eq!(path.metadata().unwrap().len(), 100_004);
    let null = File::options().write(true).open("/dev/null").unwrap();
    assert!(write_without_blocking(&null, b"hello").unwrap() > 0);
    let terminal = File::options().read(true).write(true).open("/dev/ptmx").unwrap();
    assert_eq!(write_without_blocking(&terminal, b"hello").unwrap(), 5);
}

#[test]
fn the_descriptors_of_this_process_are_duplicates_that_no_child_inherits() {
    let standard = Standard::open().unwrap();
    assert_eq!(standard.end().to_string(), "-");
    for fd in [standard.input(), standard.output().unwrap()] {
        assert_eq!(fcntl_getfd(fd).unwrap(), FdFlags::CLOEXEC);
    }
}

#[test]
fn who_reads_our_standard_output_sees_its_end_when_we_finish_and_not_only_when_we_exit() {
    const CHILD: &str = "SWITCHBOARD_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let mut standard = Standard::open().unwrap();
        standard.send(b"last words").unwrap();
        standard.finish().unwrap();
        // Lives on until its own input ends.
        let mut buffer = [0; 10];
        while !standard.receive(&mut buffer).unwrap().end {}
        return;
    }
    let test = "who_reads_our_standard_output_sees_its_end_when_we_finish_and_not_only_when_we_exit";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.ends_with("last words"), "{said}");
    assert!(child.try_wait().unwrap().is_none(), "it still runs");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
