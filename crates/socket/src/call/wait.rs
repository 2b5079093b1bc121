//! poll(2), told with what was asked for and what became ready.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::SystemCall;
use crate::trace::traced_with;

/// Descriptors that are shown of a longer list.
const SHOWN: usize = 8;

/// poll(2): how many of `asked` are ready within `timeout`; `None` waits for ever.
///
/// # Errors
///
/// What poll(2) says: `EINTR` for a signal.
#[inline]
pub fn poll(asked: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    // A time-out that does not fit is longer than any that could be asked for.
    let limit = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    traced_with(
        SystemCall::Poll,
        asked,
        |asked| rustix::event::poll(asked, limit.as_ref()),
        |asked| format!("[{}], {}", numbers(asked), patience(timeout)),
        |asked, ready| format!("{ready}{}", became_ready(asked)),
    )
}

/// A time-out as it is shown, also for epoll_wait(2).
#[must_use]
pub fn patience(timeout: Option<Duration>) -> String {
    timeout.map_or_else(|| "no time-out".to_owned(), |timeout| format!("{} ms", timeout.as_millis()))
}

fn numbers(asked: &[PollFd<'_>]) -> String {
    list(asked.iter().map(|asked| super::number(asked).to_string()))
}

fn became_ready(asked: &[PollFd<'_>]) -> String {
    let ready = asked.iter().filter(|asked| !asked.revents().is_empty());
    let ready = list(ready.map(|asked| format!("{} {}", super::number(asked), flags(asked.revents()))));
    if ready.is_empty() { String::new() } else { format!(": {ready}") }
}

fn flags(flags: PollFlags) -> String {
    const NAMES: &[(PollFlags, &str)] = &[
        (PollFlags::IN, "POLLIN"),
        (PollFlags::OUT, "POLLOUT"),
        (PollFlags::RDHUP, "POLLRDHUP"),
        (PollFlags::HUP, "POLLHUP"),
        (PollFlags::ERR, "POLLERR"),
        (PollFlags::NVAL, "POLLNVAL"),
    ];
    let set = NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name);
    set.collect::<Vec<_>>().join("|")
}

/// The first of them, and a mark if there are more.
#[must_use]
pub fn list(mut words: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = words.by_ref().take(SHOWN).collect();
    shown.extend(words.next().map(|_| "...".to_owned()));
    shown.join(", ")
}
