//! A terminal of a test's own: pty(7), with `swb` on one side and the test's fingers and eyes on the other.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::support::PATIENCE;
use crate::support::peer::installed;

/// A command on a terminal. It is killed when this is dropped.
pub(crate) struct OnTerminal {
    child: Child,
    master: OwnedFd,
    /// Held so that the terminal outlives the command.
    _slave: OwnedFd,
    before: Modes,
    shown: Vec<u8>,
}

/// All that tcsetattr(3) could have changed.
type Modes = (u32, u32, u32, u32, Vec<u8>);

fn modes(termios: &Termios) -> Modes {
    let codes = format!("{:?}", termios.special_codes).into_bytes();
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } = termios;
    (input_modes.bits(), output_modes.bits(), control_modes.bits(), local_modes.bits(), codes)
}

impl OnTerminal {
    /// Runs `swb` on a terminal of 40 columns.
    pub(crate) fn swb(arguments: &[&str]) -> OnTerminal {
        OnTerminal::start(env!("CARGO_BIN_EXE_swb"), arguments, "xterm")
    }

    /// Runs a program on a terminal of this kind: the leader of its session.
    pub(crate) fn start(program: &str, arguments: &[&str], kind: &str) -> OnTerminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let slave = OwnedFd::from(
            std::fs::OpenOptions::new().read(true).write(true).open(path.to_str().unwrap()).unwrap(),
        );
        tcsetwinsize(&slave, Winsize { ws_row: 10, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let before = modes(&tcgetattr(&master).unwrap());
        let end = || slave.try_clone().unwrap();
        let mut command: Command = installed("setsid", &["--ctty", "--wait", program]);
        command.args(arguments).env("TERM", kind).stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        OnTerminal { child, master, _slave: slave, before, shown: Vec::new() }
    }

    /// Waits until keys come one by one to the program: lines are edited from now on.
    pub(crate) fn wait_until_edited(&mut self) {
        self.wait_for("lines to be edited", |terminal| {
            !tcgetattr(&terminal.master).unwrap().local_modes.contains(LocalModes::ICANON)
        });
    }

    /// Waits until the terminal is as it was before the command.
    pub(crate) fn wait_until_given_back(&mut self) {
        self.wait_for("the terminal to be given back", |terminal| terminal.is_as_before());
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&mut self) {
        self.press("\x03");
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        assert!(installed("kill", &["-s", name, &process]).status().unwrap().success());
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        assert_eq!(rustix::io::write(&self.master, keys.as_bytes()).unwrap(), keys.len());
    }

    /// Waits until this is shown, and forgets what was shown up to its end. Gives that.
    pub(crate) fn wait_for_shown(&mut self, text: &str) -> String {
        let find = |shown: &[u8]| shown.windows(text.len()).position(|bytes| bytes == text.as_bytes());
        self.wait_for(&format!("{text:?} to be shown"), |terminal| find(&terminal.shown).is_some());
        let end = find(&self.shown).unwrap() + text.len();
        String::from_utf8_lossy(&self.shown.drain(..end).collect::<Vec<u8>>()).into_owned()
    }

    /// Whether the terminal is as it was before the command.
    pub(crate) fn is_as_before(&self) -> bool {
        modes(&tcgetattr(&self.master).unwrap()) == self.before
    }

    /// Waits for the end of the command; gives its status, and what was shown that was not waited for.
    pub(crate) fn finish(mut self) -> (i32, String) {
        let mut status: Option<ExitStatus> = None;
        self.wait_for("the command to end", |terminal| {
            status = terminal.child.try_wait().unwrap();
            status.is_some()
        });
        while self.see(Duration::ZERO) {}
        assert!(self.is_as_before(), "the terminal was not given back as it was");
        use std::os::unix::process::ExitStatusExt;
        let status = status.unwrap();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        (code, String::from_utf8_lossy(&self.shown).into_owned())
    }

    fn wait_for(&mut self, what: &str, mut holds: impl FnMut(&mut OnTerminal) -> bool) {
        let due = Instant::now() + PATIENCE;
        while !holds(self) {
            let shown = String::from_utf8_lossy(&self.shown).into_owned();
            assert!(Instant::now() < due, "{what}: not within {PATIENCE:?}; shown was {shown:?}");
            self.see(Duration::from_millis(10));
        }
    }

    /// Looks for so long at most; whether there was something to be seen.
    fn see(&mut self, timeout: Duration) -> bool {
        let timeout = Timespec { tv_sec: 0, tv_nsec: timeout.as_nanos() as i64 };
        let mut asked = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut asked, Some(&timeout)).unwrap() == 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        let length = std::fs::File::from(self.master.try_clone().unwrap()).read(&mut buffer).unwrap_or(0);
        self.shown.extend(&buffer[..length]);
        length > 0
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
