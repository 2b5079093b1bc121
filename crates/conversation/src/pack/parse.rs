//! A format as text: an order, then letters, each with a count before it.
//!
//! White space may stand between letters, not between a count and its letter.

use super::error::{FormatProblem, ParseFormatError};
use super::letter::{Kind, LETTERS, ORDERS, Order};
use super::{Format, Item};

pub(super) fn format(text: &str) -> Result<Format, ParseFormatError> {
    let error =
        |start: usize, end: usize, problem| ParseFormatError { text: text.into(), span: start..end, problem };
    let order = ORDERS.iter().find(|(sign, _)| text.starts_with(*sign));
    let (mut items, mut size_bytes) = (Vec::new(), 0);
    let mut count: Option<(usize, usize)> = None;
    for (at, letter) in text.char_indices().skip(order.iter().len()) {
        let end = at + letter.len_utf8();
        let (start, many) = count.unwrap_or((at, 1));
        if let Some(digit) = letter.to_digit(10) {
            let many = count.map_or(0, |(_, many)| many).saturating_mul(10).saturating_add(digit as usize);
            count = Some((start, many));
            continue;
        }
        if letter.is_ascii_whitespace() {
            if count.is_some() {
                return Err(error(start, at, FormatProblem::CountAlone));
            }
            continue;
        }
        let item = item(letter, many, order.map_or(Order::NATIVE, |(_, order)| *order), size_bytes);
        let item = item.map_err(|problem| error(at, end, problem))?;
        let end_of_item = item.end().filter(|end| *end <= Format::BYTES_MAX);
        size_bytes = end_of_item.ok_or_else(|| error(start, end, FormatProblem::TooLong))?;
        items.push(item);
        count = None;
    }
    if let Some((start, _)) = count {
        return Err(error(start, text.len(), FormatProblem::CountAlone));
    }
    let order = order.map_or(Order::NATIVE, |(_, order)| *order);
    Ok(Format { text: text.into(), order, items, size_bytes })
}

/// The item of `many` of this letter behind the first `bytes` bytes.
fn item(letter: char, many: usize, order: Order, bytes: usize) -> Result<Item, FormatProblem> {
    let Some(letter) = LETTERS.iter().find(|row| row.letter == letter) else {
        return Err(match letter {
            'P' => FormatProblem::Pointer,
            _ if ORDERS.iter().any(|(sign, _)| *sign == letter) => FormatProblem::OrderInside,
            _ => FormatProblem::Letter,
        });
    };
    let (one, alignment) = match (order.is_native, letter.standard_bytes) {
        (true, _) => letter.native,
        (false, Some(bytes)) => (bytes, 1),
        (false, None) => return Err(FormatProblem::NativeOnly),
    };
    let (count, size_bytes) = match letter.kind {
        Kind::Text | Kind::CountedText => (1, many),
        Kind::Pad | Kind::Character | Kind::Boolean | Kind::Signed | Kind::Unsigned | Kind::Float => {
            (many, one)
        }
    };
    Ok(Item { letter, count, size_bytes, offset: bytes.next_multiple_of(alignment) })
}

impl Item {
    /// The byte behind it; `None` where no memory could hold it.
    fn end(&self) -> Option<usize> {
        self.count.checked_mul(self.size_bytes)?.checked_add(self.offset)
    }
}
