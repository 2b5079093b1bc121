//! Memory that is used again: whoever drives stacks lends it to the one that has an event, and takes it back.
//!
//! So bulk finds memory that is warm and as large as it was, and a leg on which nothing happens holds none. Bounds: 4
//! pieces of at most 256 KiB; what stays in use beyond an event is at most four times as large as what is in it, or 4
//! KiB.

use crate::Above;

/// How many pieces are kept: what goes below and above, and one each between two layers.
const PIECES_MAX: usize = 4;

/// A piece that is larger is given back to the system, in bytes.
const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Memory of this size is not worth a copy, in bytes.
const SMALL_BYTES: usize = 4 * 1024;

/// Gives back what is too much for what is in it, which stays there for now.
pub(crate) fn fit(memory: &mut Vec<u8>) {
    if memory.capacity() > SMALL_BYTES.max(4 * memory.len()) {
        memory.shrink_to_fit();
    }
}

/// Pieces of memory without anything in them.
#[derive(Debug, Default)]
pub struct Spare {
    pieces: Vec<Vec<u8>>,
}

impl Spare {
    /// An empty [`Above`] with memory of this.
    pub fn above(&mut self) -> Above {
        Above::over(self.take())
    }

    /// The memory of what is not needed any more.
    pub fn put_above(&mut self, above: Above) {
        self.put(above.into_memory());
    }

    /// A piece, the last that came back; a new one if none is left.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.pieces.pop().unwrap_or_default()
    }

    /// Keeps a piece, without what is in it.
    pub(crate) fn put(&mut self, mut piece: Vec<u8>) {
        if (1..=PIECE_BYTES_MAX).contains(&piece.capacity()) && self.pieces.len() < PIECES_MAX {
            piece.clear();
            self.pieces.push(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use conversation::{Moment, Now};

    use super::{PIECE_BYTES_MAX, PIECES_MAX, SMALL_BYTES, Spare, fit};
    use crate::{Above, Stack};

    #[test]
    fn a_piece_comes_back_empty_and_as_large_as_it_was() {
        let mut spare = Spare::default();
        let mut piece = Vec::with_capacity(70_000);
        piece.push(1);
        spare.put(piece);
        let piece = spare.take();
        assert!(piece.is_empty() && piece.capacity() >= 70_000);
        assert_eq!(spare.take().capacity(), 0);
    }

    #[test]
    fn what_was_lent_comes_back_once_nothing_is_owed() {
        let now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };
        let mut spare = Spare::default();
        spare.put(Vec::with_capacity(70_000));
        let mut stack = Stack::new(Vec::new());
        stack.lend(spare);
        stack.send(now, &[7; 40_000], &mut Above::default());
        let mut spare = stack.take_back();
        assert_eq!(spare.take().capacity(), 0, "it is in use");
        stack.lend(spare);
        stack.sent(40_000);
        assert!(stack.take_back().take().capacity() >= 70_000);
    }

    #[test]
    fn a_little_that_is_owed_does_not_keep_much_memory() {
        let mut memory = Vec::with_capacity(PIECE_BYTES_MAX);
        memory.extend_from_slice(b"hello");
        fit(&mut memory);
        assert_eq!(memory, b"hello");
        assert!(memory.capacity() <= SMALL_BYTES);
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut spare = Spare::default();
        spare.put(Vec::with_capacity(PIECE_BYTES_MAX + 1));
        assert!(spare.pieces.is_empty());
        for _ in 0..2 * PIECES_MAX {
            spare.put(Vec::with_capacity(10));
        }
        assert_eq!(spare.pieces.len(), PIECES_MAX);
    }
}
