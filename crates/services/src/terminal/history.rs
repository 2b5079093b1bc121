//! The lines that were typed, to be had again.
//!
//! Bounds: the last 1,000 lines. A line that repeats the one before it is kept once, an empty one not at all.

use std::collections::VecDeque;

/// Lines that are kept.
const LINES_MAX: usize = 1000;

/// Lines, the oldest first, and which of them is being looked at.
#[derive(Debug, Default)]
pub(super) struct History {
    lines: VecDeque<String>,
    /// How many of `lines` were there from the beginning.
    old: usize,
    /// How far back, and what was being typed before that.
    at: Option<(usize, String)>,
}

impl History {
    pub(super) fn of(lines: impl IntoIterator<Item = String>) -> History {
        let mut history = History::default();
        lines.into_iter().for_each(|line| history.add(&line));
        history.old = history.lines.len();
        history
    }

    /// Keeps a line that was entered.
    pub(super) fn add(&mut self, line: &str) {
        self.at = None;
        if line.is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        self.lines.push_back(line.to_owned());
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.old = self.old.saturating_sub(1);
        }
    }

    /// The line before the one that is looked at, `line` being the one that is edited; `None` at the oldest.
    pub(super) fn older(&mut self, line: &str) -> Option<&str> {
        let back = self.at.as_ref().map_or(0, |(back, _)| *back) + 1;
        let index = self.lines.len().checked_sub(back)?;
        let (place, _) = self.at.get_or_insert_with(|| (0, line.to_owned()));
        *place = back;
        self.lines.get(index).map(String::as_str)
    }

    /// The line behind it; at last the one that was being typed.
    pub(super) fn newer(&mut self) -> Option<String> {
        let (back, typed) = self.at.as_mut()?;
        *back -= 1;
        if *back == 0 {
            let typed = std::mem::take(typed);
            self.at = None;
            return Some(typed);
        }
        self.lines.get(self.lines.len() - *back).cloned()
    }

    /// Those that were entered since the beginning.
    pub(super) fn new_lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().skip(self.old).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_had_again_and_what_was_being_typed_is_not_lost() {
        let mut history = History::of(["one".to_owned(), "two".to_owned()]);
        assert_eq!(history.newer(), None);
        assert_eq!(history.older("thr").map(str::to_owned), Some("two".to_owned()));
        assert_eq!(history.older("two").map(str::to_owned), Some("one".to_owned()));
        assert_eq!(history.older("one"), None);
        assert_eq!(history.newer(), Some("two".to_owned()));
        assert_eq!(history.newer(), Some("thr".to_owned()));
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn it_keeps_a_bounded_number_of_lines_each_once_in_a_row() {
        let mut history = History::of((0..2 * LINES_MAX).map(|number| number.to_string()));
        ["", "new", "new", ""].iter().for_each(|line| history.add(line));
        assert_eq!(history.lines.len(), LINES_MAX);
        assert_eq!(history.new_lines().collect::<Vec<_>>(), ["new"]);
    }
}
