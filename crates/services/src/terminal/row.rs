//! The row of the terminal in which the cursor is: what the peer's output left there.
//!
//! A peer need not end its line: `login: ` stands there when the answer is typed. So the row is known, and can
//! be written again. Widths are columns (Unicode Standard Annex #11); a tab goes to the next multiple of
//! eight. Bounds: at most 4 KiB are known, however many characters without a width a peer sends.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

const BYTES_MAX: usize = 4096;
const TAB_COLUMNS: usize = 8;

/// The row, up to the cursor.
#[derive(Debug, Default)]
pub(super) struct Row {
    text: String,
    columns: usize,
}

impl Row {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.columns = 0;
    }

    /// Follows the cursor through harmless text on a terminal of so many columns.
    pub(super) fn write(&mut self, text: &str, columns_max: usize) {
        for grapheme in text.graphemes(true) {
            let columns = match grapheme {
                "\n" | "\r\n" => {
                    self.clear();
                    continue;
                }
                "\t" => (TAB_COLUMNS - self.columns % TAB_COLUMNS)
                    .min(columns_max.saturating_sub(self.columns + 1)),
                _ => grapheme.width(),
            };
            if self.columns + columns > columns_max || self.text.len() >= BYTES_MAX {
                self.clear(); // the terminal goes on in the next row
            }
            self.text.push_str(grapheme);
            self.columns += columns;
        }
    }

    /// The end of it, at most so many columns wide, and how wide that is.
    pub(super) fn end(&self, columns_max: usize) -> (String, usize) {
        if self.columns <= columns_max {
            return (self.text.clone(), self.columns);
        }
        let (mut start, mut columns) = (self.text.len(), 0);
        for (index, grapheme) in self.text.grapheme_indices(true).rev() {
            columns += if grapheme == "\t" { 1 } else { grapheme.width() };
            if columns > columns_max {
                break;
            }
            start = index;
        }
        let end = self.text[start..].replace('\t', " ");
        let columns = end.width();
        (end, columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str, columns: usize) -> (String, usize) {
        let mut row = Row::default();
        row.write(text, columns);
        (row.text.clone(), row.columns)
    }

    #[test]
    fn the_row_is_what_stands_behind_the_last_line_end_or_wrap() {
        assert_eq!(row("one\r\ntwo: ", 80), ("two: ".into(), 5));
        assert_eq!(row("12345678", 8), ("12345678".into(), 8));
        assert_eq!(row("123456789", 8), ("9".into(), 1));
        assert_eq!(row("1234567日", 8), ("日".into(), 2));
        assert_eq!(row("a\tb", 80), ("a\tb".into(), 9));
        assert_eq!(row("1234567890\tb", 12), ("1234567890\tb".into(), 12));
        assert_eq!(row("e\u{301}x", 80), ("e\u{301}x".into(), 2));
    }

    #[test]
    fn characters_without_a_width_do_not_fill_the_memory() {
        let mut row = Row::default();
        (0..10_000).for_each(|_| row.write("\u{301}", 80));
        assert!(row.text.len() <= BYTES_MAX + 4);
    }

    #[test]
    fn its_end_is_cut_between_characters() {
        let mut row = Row::default();
        row.write("ab日本", 80);
        assert_eq!(row.end(6), ("ab日本".into(), 6));
        assert_eq!(row.end(3), ("本".into(), 2));
        assert_eq!(row.end(0), (String::new(), 0));
    }
}
