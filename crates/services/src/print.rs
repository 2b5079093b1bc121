//! Print: what callers send goes to standard output (lecture: line messenger, callee).
//!
//! Every byte of every line, in order, not only the first of several lines that came together. A caller who is
//! alone is printed as it comes. With several callers, each one's bytes go out in whole lines (a line may be
//! 64 KiB; a longer one is printed in parts), so that lines never mix; a line that another caller's line
//! interrupts is ended first. A message is printed on a line of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conversation::{Call, CloseReason, Conversation, Leg, Needs, Outbox, Service};

/// The longest piece of a line that is held back for its end.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// When each line begins with its caller's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefix {
    /// Never: the output is exactly what came.
    #[default]
    Never,
    /// While more than one caller is there. Needs an engine whose calls share memory.
    WhenSeveral,
    /// Always.
    Always,
}

/// The print service.
#[derive(Debug, Default)]
pub struct Print {
    prefix: Prefix,
    page: Arc<Mutex<Page>>,
}

/// What all callers print on.
#[derive(Debug, Default)]
struct Page {
    callers: usize,
    /// The call whose line is begun and not ended.
    begun: Option<u64>,
}

impl Print {
    /// Prints with this prefix.
    #[must_use]
    pub fn new(prefix: Prefix) -> Print {
        Print { prefix, page: Arc::default() }
    }
}

impl Service for Print {
    fn name(&self) -> &'static str {
        "print"
    }

    fn needs(&self) -> Needs {
        Needs { shared_state: self.prefix == Prefix::WhenSeveral, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        let (prefix, page) = (self.prefix, Arc::clone(&self.page));
        Box::new(Printing { prefix, page, call: 0, caller: String::new(), messages: false, line: Vec::new() })
    }
}

struct Printing {
    prefix: Prefix,
    page: Arc<Mutex<Page>>,
    call: u64,
    /// What stands before its lines.
    caller: String,
    messages: bool,
    /// The beginning of a line that is not printed yet.
    line: Vec<u8>,
}

impl Conversation for Printing {
    fn opened(&mut self, call: &Call, _out: &mut Outbox<'_>) {
        self.call = call.number;
        self.messages = call.shape.keeps_boundaries();
        if self.prefix != Prefix::Never {
            self.caller = format!("{}: ", call.peer);
        }
        self.page().callers += 1;
    }

    fn received<'a>(&mut self, _leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        if self.messages {
            let mut message = bytes.to_vec();
            if !message.ends_with(b"\n") {
                message.push(b'\n');
            }
            return self.print(&message, out);
        }
        let ready = match self.holds_lines() {
            false => bytes.len(),
            true => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
        };
        if ready > 0 {
            let mut text = std::mem::take(&mut self.line);
            text.extend_from_slice(&bytes[..ready]);
            self.print(&text, out);
        }
        self.line.extend_from_slice(&bytes[ready..]);
        if self.line.len() >= LINE_BYTES_MAX {
            self.print_rest(out);
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }

    fn closed(&mut self, _why: CloseReason, out: &mut Outbox<'_>) {
        self.print_rest(out);
        self.page().callers -= 1;
    }
}

impl Printing {
    /// Whether a line waits for its end before it is printed.
    fn holds_lines(&self) -> bool {
        self.has_prefix() || self.page().callers > 1
    }

    fn has_prefix(&self) -> bool {
        match self.prefix {
            Prefix::Never => false,
            Prefix::WhenSeveral => self.page().callers > 1,
            Prefix::Always => true,
        }
    }

    /// Prints the line that is begun, though its end has not come.
    fn print_rest(&mut self, out: &mut Outbox<'_>) {
        let mut rest = std::mem::take(&mut self.line);
        if rest.is_empty() {
            return;
        }
        if self.has_prefix() {
            rest.push(b'\n'); // the next line begins with a prefix of its own
        }
        self.print(&rest, out);
    }

    /// Prints text that begins where this caller's last text ended.
    fn print(&mut self, text: &[u8], out: &mut Outbox<'_>) {
        let mut printed = Vec::with_capacity(text.len() + 1);
        let interrupts = self.page().begun.is_some_and(|begun| begun != self.call);
        if interrupts {
            printed.push(b'\n');
        }
        if self.has_prefix() {
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                printed.extend_from_slice(self.caller.as_bytes());
                printed.extend_from_slice(line);
            }
        } else {
            printed.extend_from_slice(text);
        }
        self.page().begun = (!printed.ends_with(b"\n")).then_some(self.call);
        out.output(printed);
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        // Whoever panicked while holding it had changed at most one whole number.
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
