//! What a scripted caller heard, and when.

use conversation::Moment;

/// What a scripted caller heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Each piece or message, in order, with the virtual time at which it was received.
    pub pieces: Vec<(Moment, Vec<u8>)>,
    /// When the other side finished (FIN), if it did.
    pub finished: Option<Moment>,
    /// When the call was reset under it, if it was; its own reset does not count.
    pub reset: Option<Moment>,
    /// All its steps were taken.
    pub said_all: bool,
}

impl Heard {
    /// All bytes in order, whatever their pieces.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|(_, piece)| piece).copied().collect()
    }

    /// The messages in the order in which they came.
    #[must_use]
    pub fn messages(&self) -> Vec<&[u8]> {
        self.pieces.iter().map(|(_, piece)| piece.as_slice()).collect()
    }

    /// How many bytes it heard.
    #[must_use]
    pub fn length(&self) -> usize {
        self.pieces.iter().map(|(_, piece)| piece.len()).sum()
    }
}
