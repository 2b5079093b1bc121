//! How far a load has come: one line on a terminal, written over four times a second.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use load::Progress;

use super::numbers::{grouped, rate};

/// Says nothing where standard error is no terminal. Dropping it clears the line.
pub(super) struct ProgressLine {
    is_shown: bool,
    before: Progress,
}

impl ProgressLine {
    pub(super) fn new(is_quiet: bool) -> ProgressLine {
        ProgressLine { is_shown: !is_quiet && std::io::stderr().is_terminal(), before: Progress::default() }
    }

    /// Whether there is anybody to read it.
    pub(super) fn is_shown(&self) -> bool {
        self.is_shown
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        let span = progress.elapsed.saturating_sub(self.before.elapsed).max(Duration::from_millis(1));
        let new = progress.answered.saturating_sub(self.before.answered);
        self.before = *progress;
        let failed = if progress.failed > 0 {
            format!(", {} failed", grouped(progress.failed))
        } else {
            String::new()
        };
        self.write(&format!(
            "{:.1} s: {} answered, {} a second, {} calls open{failed}",
            progress.elapsed.as_secs_f64(),
            grouped(progress.answered),
            rate(new as f64 / span.as_secs_f64()),
            grouped(progress.open),
        ));
    }

    /// Another line in its place.
    pub(super) fn write(&self, text: &str) {
        if self.is_shown {
            // Whoever does not see it misses nothing that the report does not say.
            let _ = write!(std::io::stderr(), "\r{text}\x1b[K");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.write("");
    }
}
