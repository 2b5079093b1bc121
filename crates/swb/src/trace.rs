//! `--trace`: each socket call as it is made, a line on standard error.
//!
//! TIME (UTC), who made it if not the first thread, the call and its answer, how long it took, and the word for it
//! in the manuals' picture: a socket is a telephone. Each line is one write(2), so that lines of several
//! processes never mix.

use std::time::SystemTime;

use switchboard::SystemCall;
use switchboard::trace::{self, Traced, Tracer};

use crate::failure::{Failure, Status};

/// Traces every call of this process and of its children from now on.
pub(crate) fn install() -> Result<(), Failure> {
    trace::install(ToStandardError { process: std::process::id() })
        .map_err(|error| Failure::new(Status::Other, error))
}

struct ToStandardError {
    /// The process that was started; the others are its children.
    process: u32,
}

impl Tracer for ToStandardError {
    fn traced(&self, call: &Traced<'_>) {
        let line = line(call, &self.who());
        // Where standard error is gone, nobody looks.
        let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
    }
}

impl ToStandardError {
    /// `[pid 4711] ` for a child, `[worker 2, 4712] ` for another thread; nothing for the first.
    fn who(&self) -> String {
        let process = std::process::id();
        let thread = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
        let child = if process == self.process { String::new() } else { format!("[pid {process}] ") };
        if thread == process {
            return child;
        }
        let current = std::thread::current();
        format!("{child}[{} {thread}] ", current.name().unwrap_or("thread"))
    }
}

fn line(call: &Traced<'_>, who: &str) -> String {
    let Traced { call, arguments, result, began, took } = call;
    let answer = match result {
        Ok(answer) => (*answer).to_owned(),
        Err(error) => match sys::errno_and_words(error) {
            Some((errno, words)) => format!("-1 {errno} ({words})"),
            None => format!("-1 ({error})"),
        },
    };
    let (time, micros, name, word) = (time_of_day(*began), took.as_micros(), call.name(), word(*call));
    format!("{time}  {who}{name}({arguments}) = {answer}  {micros} µs  {word}\n")
}

/// `06:44:57.123456`, UTC.
fn time_of_day(time: SystemTime) -> String {
    let whole = humantime::format_rfc3339_micros(time).to_string();
    whole.split_once('T').map_or(whole.clone(), |(_, time)| time.trim_end_matches('Z').to_owned())
}

/// What the call is in the picture of the telephone.
pub(crate) fn word(call: SystemCall) -> &'static str {
    match call {
        SystemCall::Getaddrinfo => "look in the directory",
        SystemCall::Getnameinfo => "look in the directory, by number",
        SystemCall::Socket => "install a telephone",
        SystemCall::Setsockopt => "set the telephone up",
        SystemCall::Getsockopt => "look how it is set up",
        SystemCall::Ioctl => "look at the telephone itself",
        SystemCall::Bind => "get a number",
        SystemCall::Listen => "turn on call waiting",
        SystemCall::Connect => "dial",
        SystemCall::Accept4 => "pick up",
        SystemCall::Getsockname => "see one's own number",
        SystemCall::Getpeername => "see who is at the other end",
        SystemCall::Send => "speak",
        SystemCall::Sendto | SystemCall::Sendmsg | SystemCall::Sendmmsg => "speak to whom one names",
        SystemCall::Recv => "hear",
        SystemCall::Recvfrom | SystemCall::Recvmsg | SystemCall::Recvmmsg => "hear, and who it is",
        SystemCall::Shutdown => "say that one is done speaking",
        SystemCall::Close => "hang up",
        SystemCall::Dup => "hand the user a second receiver",
        SystemCall::Open => "take what lies there",
        SystemCall::Flock => "have it to ourselves",
        SystemCall::Mkfifo => "lay a pipe to speak through",
        SystemCall::Symlink => "put up a sign to it",
        SystemCall::InotifyInit1 | SystemCall::InotifyAddWatch => "have it said when more is written",
        SystemCall::Read => "listen to the user",
        SystemCall::Write => "tell the user",
        SystemCall::Pipe2 => "lay a line between two telephones",
        SystemCall::Splice => "put one telephone through to another",
        SystemCall::Poll | SystemCall::EpollWait => "wait for any telephone to ring",
        SystemCall::IoUringSetup => "engage an operator",
        SystemCall::IoUringEnter => "have the operator take down what comes",
        SystemCall::EpollCreate1 => "set up a switchboard",
        SystemCall::EpollCtl => "plug a telephone into the switchboard",
        SystemCall::Eventfd => "install a bell of one's own",
        SystemCall::Fork => "put a clerk on this call",
        SystemCall::Clone => "put a hand on this call",
        SystemCall::PosixSpawn => "put a program on this call",
        SystemCall::PidfdOpen => "have the clerk ring when done",
        SystemCall::Waitpid => "see how the clerk got on",
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn traced<'a>(result: Result<&'a str, &'a io::Error>) -> Traced<'a> {
        let began = UNIX_EPOCH + Duration::from_micros(3_723_000_045);
        let (call, arguments) = (SystemCall::Connect, "3, tcp://127.0.0.1:9");
        Traced { call, arguments, result, began, took: Duration::from_micros(12) }
    }

    #[test]
    fn a_call_that_failed_says_the_name_and_the_meaning_of_its_errno() {
        let refused = io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let wanted = "01:02:03.000045  connect(3, tcp://127.0.0.1:9) = -1 ECONNREFUSED (Connection refused)  12 µs  dial\n";
        assert_eq!(line(&traced(Err(&refused)), ""), wanted);
    }

    #[test]
    fn who_made_a_call_stands_before_it() {
        let wanted = "01:02:03.000045  [pid 7] connect(3, tcp://127.0.0.1:9) = 0  12 µs  dial\n";
        assert_eq!(line(&traced(Ok("0")), "[pid 7] "), wanted);
    }
}
