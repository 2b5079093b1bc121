//! Screen: a line is edited below what the peer says, and nothing of either is lost.
//!
//! Bytes in, bytes out: keys become lines and what is shown of them, output becomes what is shown of it. The line
//! being edited stands in one row, behind whatever the peer has left there; a part of it is shown where there
//! is not enough room. When output comes the row is put back as the peer left it, the output follows, and the
//! line is shown again behind it. Of control sequences only carriage return, "erase to the end of the line"
//! and "cursor forward" are used (ECMA-48 section 8.3; every terminal but a dumb one knows them).
//!
//! Bounds: a line has at most 16 KiB; what does not fit is refused with a bell.

use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::history::History;
use super::keys::{Key, Keys};
use super::row::Row;
use crate::inert::inert_text;

/// The longest line that is edited.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// What keys came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// For the terminal.
    pub(super) shown: Vec<u8>,
    /// Lines that were entered, each with its LF.
    pub(super) lines: Vec<u8>,
    /// The input has ended: what follows is not looked at.
    pub(super) ended: bool,
    /// The program is to be stopped, as by Ctrl-Z.
    pub(super) suspend: bool,
}

/// A line editor at the bottom of a terminal. It outlives a call, so that nothing typed between two is lost.
#[derive(Debug, Default)]
pub struct Screen {
    keys: Keys,
    line: Input,
    history: History,
    /// As the peer left it.
    row: Row,
    /// What is shown in the row instead, while a line is edited.
    view: Option<View>,
}

/// One row, and where the cursor is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    text: String,
    columns: usize,
    cursor: usize,
}

impl Screen {
    /// A screen with these lines to be had again, the oldest first.
    #[must_use]
    pub fn new(history: impl IntoIterator<Item = String>) -> Screen {
        Screen { history: History::of(history), ..Screen::default() }
    }

    /// The lines that were entered, the oldest first: the last 1,000.
    pub fn new_lines(&self) -> impl Iterator<Item = &str> {
        self.history.new_lines()
    }

    /// Keys were pressed, on a terminal of so many columns.
    pub(super) fn typed(&mut self, bytes: &[u8], columns: usize) -> Typed {
        let mut typed = Typed::default();
        let mut is_changed = false;
        for byte in bytes {
            let Some(key) = self.keys.next(*byte) else { continue };
            is_changed = true;
            match key {
                Key::Character(character) => self.insert(character, &mut typed.shown),
                Key::Edit(InputRequest::Yank) if self.line.value().len() >= LINE_BYTES_MAX => {
                    typed.shown.push(BELL);
                }
                Key::Edit(request) => drop(self.line.handle(request)),
                Key::Enter => {
                    self.enter(&mut typed, columns);
                    is_changed = false;
                }
                Key::EndOrDelete if self.line.value().is_empty() => {
                    typed.ended = true;
                    break;
                }
                Key::EndOrDelete => drop(self.line.handle(InputRequest::DeleteNextChar)),
                Key::OlderLine => match self.history.older(self.line.value()) {
                    Some(line) => self.line = Input::from(line),
                    None => typed.shown.push(BELL),
                },
                Key::NewerLine => match self.history.newer() {
                    Some(line) => self.line = Input::from(line),
                    None => typed.shown.push(BELL),
                },
                Key::ClearScreen => {
                    typed.shown.extend(b"\x1b[H\x1b[2J");
                    typed.shown.extend(self.row.text().as_bytes());
                    self.view = None;
                }
                Key::Suspend => typed.suspend = true,
                Key::Quote => {}
            }
        }
        if is_changed {
            self.draw(columns, &mut typed.shown);
        }
        typed
    }

    /// Text came from the peer, which is harmless and whole characters.
    pub(super) fn output(&mut self, text: &[u8], columns: usize) -> Vec<u8> {
        let mut shown = Vec::with_capacity(text.len());
        self.take_back(&mut shown);
        shown.extend(text);
        self.row.write(&String::from_utf8_lossy(text), columns);
        self.draw(columns, &mut shown);
        shown
    }

    /// Something is told in a line of its own.
    pub(super) fn tell(&mut self, text: &str, columns: usize) -> Vec<u8> {
        let begin = if self.row.text().is_empty() { "" } else { "\n" };
        let told = text.lines().map(|line| inert_text(line) + "\n").collect::<String>();
        self.output(format!("{begin}{told}").as_bytes(), columns)
    }

    /// The cursor stands in an empty row: shows there what was being edited.
    pub(super) fn begin(&mut self, columns: usize) -> Vec<u8> {
        let mut shown = Vec::new();
        self.draw(columns, &mut shown);
        shown
    }

    /// Leaves the terminal to others: what is being edited stays to be seen, and the cursor goes below it.
    pub(super) fn leave(&mut self, columns: usize) -> Vec<u8> {
        let mut shown = Vec::new();
        if self.view.is_some() {
            self.finish_row(columns, &mut shown);
        }
        shown
    }

    fn insert(&mut self, character: char, shown: &mut Vec<u8>) {
        if self.line.value().len() + character.len_utf8() > LINE_BYTES_MAX {
            return shown.push(BELL);
        }
        let _ = self.line.handle(InputRequest::InsertChar(character));
    }

    fn enter(&mut self, typed: &mut Typed, columns: usize) {
        self.finish_row(columns, &mut typed.shown);
        let line = self.line.value_and_reset();
        self.history.add(&line);
        typed.lines.extend(line.as_bytes());
        typed.lines.push(b'\n');
    }

    /// Shows the row and the line whole, in as many rows as they need; the cursor goes below.
    fn finish_row(&mut self, columns: usize, shown: &mut Vec<u8>) {
        let view = self.view.take();
        if view.is_some() || !self.line.value().is_empty() {
            let (line, line_columns) = visible(self.line.value());
            let width = self.row.columns() + line_columns;
            let whole = View { text: format!("{}{line}", self.row.text()), columns: width, cursor: width };
            change(view.as_ref().filter(|_| width < columns), &whole, shown);
        }
        shown.push(b'\n');
        self.row.clear();
    }

    /// Puts the row back as the peer left it.
    fn take_back(&mut self, shown: &mut Vec<u8>) {
        if self.view.take().is_some() {
            shown.extend(b"\r\x1b[K");
            shown.extend(self.row.text().as_bytes());
        }
    }

    /// Shows the line behind the row.
    fn draw(&mut self, columns: usize, shown: &mut Vec<u8>) {
        if self.line.value().is_empty() {
            return self.take_back(shown);
        }
        let view = self.view_of_line(columns);
        if self.view.as_ref() != Some(&view) {
            let row = View {
                text: self.row.text().to_owned(),
                columns: self.row.columns(),
                cursor: self.row.columns(),
            };
            // Without a view the cursor stands behind the row itself.
            change(Some(self.view.as_ref().unwrap_or(&row)), &view, shown);
            self.view = Some(view);
        }
    }

    /// The line as it fits: the last column stays free, so that no terminal wraps.
    fn view_of_line(&self, columns: usize) -> View {
        let room = columns.saturating_sub(1).max(8);
        let line = self.line.value();
        let at = line.char_indices().nth(self.line.cursor()).map_or(line.len(), |(index, _)| index);
        let (before, behind) = line.split_at(at);
        let (_, line_columns) = visible(line);
        let for_row = room.saturating_sub(line_columns).max(room / 2);
        let (mut text, row_columns) = self.row.end(for_row);
        let room = room - row_columns;
        // The character under the cursor is to be seen too.
        let under = behind.graphemes(true).next().map_or(0, |grapheme| visible(grapheme).1);
        let before = last_columns(before, room.saturating_sub(under));
        text.push_str(&before.0);
        let behind = first_columns(behind, room - before.1);
        text.push_str(&behind.0);
        let cursor = row_columns + before.1;
        View { text, columns: cursor + behind.1, cursor }
    }
}

const BELL: u8 = 7;

/// Turns one row into another: by its new end alone where that will do.
fn change(from: Option<&View>, to: &View, shown: &mut Vec<u8>) {
    let end =
        from.filter(|from| from.cursor == from.columns).and_then(|from| to.text.strip_prefix(&*from.text));
    match end {
        Some(end) => shown.extend(end.as_bytes()),
        None => shown.extend(format!("\r\x1b[K{}", to.text).bytes()),
    }
    if to.cursor < to.columns {
        shown.push(b'\r');
        if to.cursor > 0 {
            shown.extend(format!("\x1b[{}C", to.cursor).bytes());
        }
    }
}

/// How typed text is shown, and in how many columns: controls as `^X`.
fn visible(text: &str) -> (String, usize) {
    let shown: String = text.chars().map(visible_character).collect();
    let columns = shown.width();
    (shown, columns)
}

fn visible_character(character: char) -> String {
    match character {
        '\t' => "^I".to_owned(),
        '\n' => "^J".to_owned(),
        _ => inert_text(character.encode_utf8(&mut [0; 4])),
    }
}

/// As many characters from the beginning as fit.
fn first_columns(text: &str, columns_max: usize) -> (String, usize) {
    let (mut shown, mut columns) = (String::new(), 0);
    for grapheme in text.graphemes(true) {
        let (one, width) = visible(grapheme);
        if columns + width > columns_max {
            break;
        }
        shown.push_str(&one);
        columns += width;
    }
    (shown, columns)
}

/// As many characters from the end as fit.
fn last_columns(text: &str, columns_max: usize) -> (String, usize) {
    let (mut kept, mut columns) = (Vec::new(), 0);
    for grapheme in text.graphemes(true).rev() {
        let (one, width) = visible(grapheme);
        if columns + width > columns_max {
            break;
        }
        kept.push(one);
        columns += width;
    }
    (kept.into_iter().rev().collect(), columns)
}

#[cfg(test)]
mod tests;
