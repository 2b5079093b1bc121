//! The letters of a format: a table.

use std::ffi::{c_int, c_long, c_longlong, c_short};

/// In which order the bytes of a number lie, and whether sizes and alignment are those of C on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) is_big: bool,
    pub(super) is_native: bool,
}

/// The signs that may begin a format; `@` holds where none does.
pub(super) const ORDERS: &[(char, Order)] = &[
    ('@', Order::NATIVE),
    ('=', Order { is_big: cfg!(target_endian = "big"), is_native: false }),
    ('<', Order { is_big: false, is_native: false }),
    ('>', Order { is_big: true, is_native: false }),
    ('!', Order { is_big: true, is_native: false }),
];

impl Order {
    pub(super) const NATIVE: Order = Order { is_big: cfg!(target_endian = "big"), is_native: true };
}

/// What a letter packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A zero byte, and no value.
    Pad,
    /// A string of one byte.
    Character,
    Boolean,
    Signed,
    Unsigned,
    /// IEEE 754.
    Float,
    /// A string padded with zeros; the count is its length.
    Text,
    /// A byte that says the length of the string behind it ("Pascal string"); the count is the length of both.
    CountedText,
}

/// One letter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) letter: char,
    pub(super) kind: Kind,
    /// Bytes of one, but in native formats; `None`: there it is only.
    pub(super) standard_bytes: Option<usize>,
    /// Bytes of one and its alignment in native formats.
    pub(super) native: (usize, usize),
}

const fn row(letter: char, kind: Kind, standard_bytes: Option<usize>, native: (usize, usize)) -> Letter {
    Letter { letter, kind, standard_bytes, native }
}

const fn layout<T>() -> (usize, usize) {
    (size_of::<T>(), align_of::<T>())
}

/// Every letter, in the order of Python's table.
#[rustfmt::skip]
pub(super) const LETTERS: &[Letter] = &[
    row('x', Kind::Pad,         Some(1), (1, 1)),
    row('c', Kind::Character,   Some(1), (1, 1)),
    row('b', Kind::Signed,      Some(1), (1, 1)),
    row('B', Kind::Unsigned,    Some(1), (1, 1)),
    row('?', Kind::Boolean,     Some(1), layout::<bool>()),
    row('h', Kind::Signed,      Some(2), layout::<c_short>()),
    row('H', Kind::Unsigned,    Some(2), layout::<c_short>()),
    row('i', Kind::Signed,      Some(4), layout::<c_int>()),
    row('I', Kind::Unsigned,    Some(4), layout::<c_int>()),
    row('l', Kind::Signed,      Some(4), layout::<c_long>()),
    row('L', Kind::Unsigned,    Some(4), layout::<c_long>()),
    row('q', Kind::Signed,      Some(8), layout::<c_longlong>()),
    row('Q', Kind::Unsigned,    Some(8), layout::<c_longlong>()),
    row('n', Kind::Signed,      None,    layout::<isize>()),
    row('N', Kind::Unsigned,    None,    layout::<usize>()),
    row('e', Kind::Float,       Some(2), layout::<u16>()),
    row('f', Kind::Float,       Some(4), layout::<f32>()),
    row('d', Kind::Float,       Some(8), layout::<f64>()),
    row('s', Kind::Text,        Some(1), (1, 1)),
    row('p', Kind::CountedText, Some(1), (1, 1)),
];
