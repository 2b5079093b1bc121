//! The system's log: one datagram a message to `/dev/log`.
//!
//! syslog(3), RFC 3164 section 4.1: `<PRIORITY>TIME TAG[PROCESS]: MESSAGE`, without a host name, as local senders
//! write it; the time is UTC. The socket never waits: while the log's reader is away or behind, messages are
//! lost and counted, and the count is the next message.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::record::Severity;

/// The facility of system daemons, and how far it stands left of the severity.
const DAEMON: u8 = 3 << 3;

/// Bytes of a datagram; rsyslogd(8) cuts at 8 KiB.
const BYTES_MAX: usize = 8192;

#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    socket: Option<UnixDatagram>,
    lost: u64,
}

impl Syslog {
    /// Connects to the log; a sentence if nobody listens there.
    pub(super) fn open(path: &Path) -> Result<Syslog, String> {
        let socket = connect(path).map_err(|error| {
            let reason = sys::describe(&error);
            format!(
                "cannot reach the system's log at {path:?}: connect(2): {reason}; is syslogd or journald \
                 running? --log-file PATH writes a file instead"
            )
        })?;
        Ok(Syslog { path: path.to_owned(), line: Mutex::new(Line { socket: Some(socket), lost: 0 }) })
    }

    pub(super) fn send(&self, text: &str, severity: Severity, now: SystemTime) {
        // Whoever panicked while holding it left a whole line.
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.lost > 0 {
            let lost = format!("{} messages were lost: the system's log did not take them", line.lost);
            if !line.deliver(&self.path, &datagram(&lost, Severity::Warning, now)) {
                line.lost += 1;
                return;
            }
            line.lost = 0;
        }
        if !line.deliver(&self.path, &datagram(text, severity, now)) {
            line.lost += 1;
        }
    }
}

impl Line {
    /// Sends, to a new reader if the old one has gone. Whether it was taken.
    fn deliver(&mut self, path: &Path, datagram: &[u8]) -> bool {
        if let Some(socket) = &self.socket {
            match socket.send(datagram) {
                Ok(_) => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => {} // a log that was started anew has another socket
            }
        }
        self.socket = connect(path).ok();
        self.socket.as_ref().is_some_and(|socket| socket.send(datagram).is_ok())
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(path)?;
    Ok(socket)
}

fn datagram(text: &str, severity: Severity, now: SystemTime) -> Vec<u8> {
    let priority = DAEMON | severity as u8;
    let text = format!("<{priority}>{} swb[{}]: {text}", time(now), std::process::id());
    let cut = (0..=text.len().min(BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.as_bytes()[..cut].to_vec()
}

/// `Nov  1 05:02:16`: the day has two places, the first of them blank below 10.
fn time(now: SystemTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // `2026-11-01T05:02:16Z`
    let iso = humantime::format_rfc3339_seconds(now).to_string();
    let month = iso[5..7].parse().ok().and_then(|month: usize| MONTHS.get(month.wrapping_sub(1)));
    let day = iso[8..10].trim_start_matches('0');
    format!("{} {day:>2} {}", month.unwrap_or(&""), &iso[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_datagram_has_priority_time_tag_and_process() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_509_336);
        let text = String::from_utf8(datagram("hello", Severity::Warning, at)).unwrap();
        assert_eq!(text, format!("<28>Nov  1 05:02:16 swb[{}]: hello", std::process::id()));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = datagram(&"é".repeat(5_000), Severity::Error, SystemTime::UNIX_EPOCH);
        assert!(cut.len() <= BYTES_MAX && cut.len() > BYTES_MAX - 2);
        String::from_utf8(cut).unwrap();
    }
}
