//! What the tests of sockets share.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use address::{Address, End};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket::{Accepted, Connection, Listener, connect};

/// The address that the text means.
pub(crate) fn address(text: impl AsRef<str>) -> Address {
    text.as_ref().parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Waits for the socket to be readable; fails after ten seconds.
pub(crate) fn until_readable(fd: impl AsFd) {
    let mut asked = [PollFd::new(&fd, PollFlags::IN)];
    let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
    assert_eq!(poll(&mut asked, Some(&patience)).unwrap(), 1, "nothing came within ten seconds");
}

/// A listener on that address.
pub(crate) fn listen(text: impl AsRef<str>) -> Listener {
    Listener::bind(&address(text)).unwrap_or_else(|error| panic!("{error}")).0
}

/// The port that an end has.
pub(crate) fn port(end: &End) -> u16 {
    end.ip().unwrap().port()
}

/// A connection to that address.
pub(crate) fn call(text: impl AsRef<str>) -> Connection {
    connect(&address(text)).unwrap_or_else(|error| panic!("{error}")).connection
}

/// The next caller, once there is one.
pub(crate) fn answer(listener: &Listener) -> Accepted {
    until_readable(listener);
    listener.accept().unwrap()
}

/// Both ends of a call to that address: the caller's and the answerer's.
pub(crate) fn pair(text: impl AsRef<str>) -> (Connection, Connection) {
    let listener = listen(text);
    let caller = call(listener.local_end().unwrap().to_string());
    (caller, answer(&listener).connection)
}

/// The next bytes, once there are some.
pub(crate) fn next(connection: &Connection) -> Vec<u8> {
    until_readable(connection);
    let mut buffer = vec![0; 70_000];
    let received = connection.receive(&mut buffer).unwrap();
    buffer.truncate(received.length);
    buffer
}

/// A new folder, removed with all that is in it when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("swb-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `unix:PATH`, or another scheme of that form.
pub(crate) fn at(scheme: &str, path: &Path) -> String {
    format!("{scheme}:{}", path.display())
}
