//! Telling other programs that callers may come, and that no more are answered.
//!
//! `--ready-fd N`: the addresses, one a line in one write, then the end. sd_notify(3): the datagrams `READY=1` and
//! `STOPPING=1` to the socket that `NOTIFY_SOCKET` names, a path or `@` and an abstract name. That nobody
//! listens to either ends nothing.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard::{End, Event, Observer, take_inherited};

use crate::failure::Failure;
use crate::invocation;
use crate::log::Log;

/// Who waits for this program to be ready.
pub(crate) struct Ready {
    descriptor: Option<File>,
    manager: Option<Arc<Manager>>,
}

/// The service manager, as systemd(1) is one.
struct Manager {
    socket: UnixDatagram,
    stopping_said: AtomicBool,
}

impl Ready {
    /// Takes what the arguments and the environment name. It comes before anything is bound.
    ///
    /// # Errors
    ///
    /// The descriptor was not inherited.
    pub(crate) fn open(arguments: &invocation::Ready, log: &Log) -> Result<Ready, Failure> {
        let descriptor = arguments.ready_fd.map(|number| {
            take_inherited(number).map(File::from).map_err(|error| {
                let reason = sys::describe(&error);
                Failure::usage(format!(
                    "cannot write to the descriptor of --ready-fd {number}: {reason}; open it where swb is \
                     started, as the shell does with {number}>FILE"
                ))
            })
        });
        let manager = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let manager = manager.and_then(|name| match connect(&name) {
            Ok(socket) => Some(Arc::new(Manager { socket, stopping_said: AtomicBool::new(false) })),
            Err(error) => {
                let reason = sys::describe(&error);
                log.note(format_args!("cannot notify {name:?} (NOTIFY_SOCKET): connect(2): {reason}"));
                None
            }
        });
        Ok(Ready { descriptor: descriptor.transpose()?, manager })
    }

    /// Says that callers may come, in the log and to whoever waits for it.
    pub(crate) fn announce(&mut self, ends: &[End], log: &Log) {
        ends.iter().for_each(|end| log.listening(end));
        if let Some(mut file) = self.descriptor.take() {
            let lines = ends.iter().fold(String::new(), |mut lines, end| {
                let _ = writeln!(lines, "{end}"); // to a String: this cannot fail
                lines
            });
            if let Err(error) = file.write_all(lines.as_bytes()) {
                log.note(format_args!("--ready-fd: write(2): {}", sys::describe(&error)));
            }
        }
        if let Some(manager) = &self.manager {
            manager.notify("READY=1");
        }
    }

    /// `next`, and the service manager beside it, if there is one.
    pub(crate) fn observer(&self, next: Arc<dyn Observer>) -> Arc<dyn Observer> {
        match &self.manager {
            Some(manager) => Arc::new(Managed { manager: Arc::clone(manager), next }),
            None => next,
        }
    }
}

/// Passes events on, and tells the service manager when no more callers are answered.
struct Managed {
    manager: Arc<Manager>,
    next: Arc<dyn Observer>,
}

impl Observer for Managed {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Draining { .. })
            && !self.manager.stopping_said.swap(true, Ordering::Relaxed)
        {
            self.manager.notify("STOPPING=1");
        }
        self.next.event(event);
    }

    fn wants_tcp_info(&self) -> bool {
        self.next.wants_tcp_info()
    }
}

impl Manager {
    fn notify(&self, state: &str) {
        // A manager that does not listen has asked for nothing.
        let _ = self.socket.send(state.as_bytes());
    }
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}
