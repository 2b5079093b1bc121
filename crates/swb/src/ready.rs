//! Telling other programs that callers may come, and that no more are answered.
//!
//! `--ready-fd N`: the addresses, one a line in one write, then the end. sd_notify(3): the datagrams `READY=1`,
//! `STOPPING=1`, `RELOADING=1` at SIGHUP with `READY=1` after it, and `WATCHDOG=1` twice in each `WATCHDOG_USEC`,
//! from the loop that answers, to the socket that `NOTIFY_SOCKET` names, a path or `@` and an abstract name. That
//! nobody listens to any of them ends nothing.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use switchboard::{Control, Event, Observer, SignalWatch, take_inherited};

use crate::failure::{Failure, Status};
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
    /// It wants to hear twice in this time that we are alive.
    watchdog: Option<Duration>,
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
            Ok(socket) => {
                let (stopping_said, watchdog) = (AtomicBool::new(false), watchdog());
                Some(Arc::new(Manager { socket, stopping_said, watchdog }))
            }
            Err(error) => {
                let reason = sys::describe(&error);
                log.note(format_args!("cannot notify {name:?} (NOTIFY_SOCKET): connect(2): {reason}"));
                None
            }
        });
        Ok(Ready { descriptor: descriptor.transpose()?, manager })
    }

    /// Says that callers may come, in the log and to whoever waits for it.
    pub(crate) fn announce(&mut self, ends: &[String], log: &Log) {
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
        self.managed(next, None)
    }

    /// The same for a server, which goes on after `signals` and shows that it is alive.
    ///
    /// # Errors
    ///
    /// There is no timer to be had.
    pub(crate) fn observer_of_server(
        &self,
        next: Arc<dyn Observer>,
        control: &Control,
        signals: &Arc<SignalWatch>,
    ) -> Result<Arc<dyn Observer>, Failure> {
        if let Some(time) = self.manager.as_ref().and_then(|manager| manager.watchdog) {
            control
                .ring_every(time / 2)
                .map_err(|error| Failure::new(Status::Other, format!("timerfd_create(2): {error}")))?;
        }
        Ok(self.managed(next, Some(Arc::clone(signals))))
    }

    fn managed(&self, next: Arc<dyn Observer>, signals: Option<Arc<SignalWatch>>) -> Arc<dyn Observer> {
        match &self.manager {
            Some(manager) => {
                let (manager, hangups) = (Arc::clone(manager), AtomicU32::new(0));
                Arc::new(Managed { manager, signals, hangups, next })
            }
            None => next,
        }
    }
}

/// Passes events on, and tells the service manager when no more callers are answered, when something is read anew,
/// and that the loop goes round.
struct Managed {
    manager: Arc<Manager>,
    signals: Option<Arc<SignalWatch>>,
    /// SIGHUPs that it was told of.
    hangups: AtomicU32,
    next: Arc<dyn Observer>,
}

impl Managed {
    fn bell(&self) {
        let hangups = self.signals.as_ref().map_or(0, |signals| signals.count(libc::SIGHUP));
        if self.hangups.swap(hangups, Ordering::Relaxed) == hangups {
            self.next.event(&Event::Bell);
        } else {
            self.manager.notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
            // Whoever reads something anew does it here; the look-ups of rules may go on behind it.
            self.next.event(&Event::Bell);
            self.manager.notify("READY=1");
        }
        if self.manager.watchdog.is_some() {
            self.manager.notify("WATCHDOG=1");
        }
    }
}

impl Observer for Managed {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Bell) {
            return self.bell();
        }
        if matches!(event, Event::Draining { .. })
            && !self.manager.stopping_said.swap(true, Ordering::Relaxed)
        {
            self.manager.notify("STOPPING=1");
        }
        self.next.event(event);
    }

    fn wants_open_calls(&self) -> bool {
        self.next.wants_open_calls()
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

/// The time in which the manager wants to hear of us, if it does: sd_watchdog_enabled(3).
fn watchdog() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_for_us = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|micros| is_for_us && *micros > 0).map(Duration::from_micros)
}

/// Microseconds of `CLOCK_MONOTONIC`, by which the manager knows which reload it is told of.
fn monotonic_micros() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
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
