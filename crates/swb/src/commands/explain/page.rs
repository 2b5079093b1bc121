//! How an explanation is laid out: sections of rows and calls.

use std::fmt::Write as _;
use std::time::Duration;

use switchboard::Address;
use switchboard::address::format_duration;
use switchboard::socket::PlannedCall;

use super::callers::Row;

/// Columns of a row's name.
const NAME: usize = 14;

/// Columns of a call, where its words begin on the same line.
const CALL: usize = 52;

/// The text so far.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn section(&mut self, title: &str) {
        self.write(title);
    }

    pub(super) fn row(&mut self, name: &str, value: &str) {
        self.write(&format!("  {name:NAME$}{value}"));
    }

    pub(super) fn line(&mut self, text: &str) {
        self.write(&format!("  {text}"));
    }

    pub(super) fn duration(&mut self, name: &str, duration: Option<Duration>, none: &str) {
        let value = duration.map_or_else(|| none.to_owned(), format_duration);
        self.row(name, &value);
    }

    /// An address, and what it means.
    pub(super) fn address(&mut self, name: &str, address: &Address) {
        let row = address.transport.row();
        self.row(name, &format!("{}  ({})", address.shown(), row.help));
    }

    /// The options that an address gives, with their kernel names.
    pub(super) fn options(&mut self, address: &Address) {
        for (key, value) in address.shown().options.iter() {
            let row = key.row();
            let kernel = if row.kernel.is_empty() { String::new() } else { format!("{}: ", row.kernel) };
            self.row("option", &format!("{}={value}  {kernel}{}", row.name, row.help));
        }
    }

    pub(super) fn call(&mut self, row: &Row) {
        let Row { call, words } = row;
        self.write(format!("  {call:CALL$}  {words}").trim_end());
    }

    pub(super) fn planned(&mut self, planned: &PlannedCall) {
        self.call(&Row { call: planned.to_string().into(), words: crate::trace::word(planned.call).into() });
    }

    fn write(&mut self, line: &str) {
        let _ = writeln!(self.0, "{line}"); // to a String: this cannot fail
    }
}

/// The words of a command line as a shell would take them again.
pub(super) fn words(words: &[String]) -> String {
    let is_plain = |word: &str| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./:@=%+,[]".contains(letter))
    };
    let quoted = words.iter().map(|word| {
        if is_plain(word) {
            word.clone()
        } else {
            format!("'{}'", word.escape_debug().to_string().replace('\'', "'\\''"))
        }
    });
    std::iter::once("swb".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}
