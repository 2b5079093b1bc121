//! What an event's token names: 64 bits that the kernel keeps and gives back.

use conversation::Leg;

/// What an event's token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The socket of a leg, or the input of a leg that has two descriptors.
    Leg(usize, Leg),
    /// The output of a leg that has two descriptors.
    Output(usize, Leg),
    Door(usize),
    /// A caller who is still to be introduced.
    Lobby(usize),
    Child(usize),
    /// A program whose call is over.
    Program(usize),
    Draining,
    Ending,
    Wake,
    Bell,
    Ticks,
    /// One of the two eventfds that take turns.
    Census(usize),
}

impl Token {
    /// Four bits of kind, four of leg, the rest an index.
    pub(super) fn pack(self) -> u64 {
        let (kind, index, leg) = match self {
            Token::Leg(slot, leg) => (0, slot, leg.index()),
            Token::Output(slot, leg) => (1, slot, leg.index()),
            Token::Door(index) => (2, index, 0),
            Token::Child(index) => (3, index, 0),
            Token::Draining => (4, 0, 0),
            Token::Ending => (5, 0, 0),
            Token::Wake => (6, 0, 0),
            Token::Bell => (7, 0, 0),
            Token::Ticks => (8, 0, 0),
            Token::Census(turn) => (9, turn, 0),
            Token::Program(index) => (10, index, 0),
            Token::Lobby(index) => (11, index, 0),
        };
        (index as u64) << 8 | (leg as u64) << 4 | kind
    }

    pub(super) fn unpack(packed: u64) -> Option<Token> {
        let index = (packed >> 8) as usize;
        let leg = Leg::new((packed >> 4 & 0xf) as usize)?;
        Some(match packed & 0xf {
            0 => Token::Leg(index, leg),
            1 => Token::Output(index, leg),
            2 => Token::Door(index),
            3 => Token::Child(index),
            4 => Token::Draining,
            5 => Token::Ending,
            6 => Token::Wake,
            7 => Token::Bell,
            8 => Token::Ticks,
            9 => Token::Census(index),
            10 => Token::Program(index),
            11 => Token::Lobby(index),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_given() {
        let leg = Leg::new(15).unwrap();
        for token in [
            Token::Leg(0, Leg::CALLER),
            Token::Leg(9_999_999, leg),
            Token::Output(3, leg),
            Token::Door(1),
            Token::Child(70_000),
            Token::Draining,
            Token::Ending,
            Token::Wake,
            Token::Bell,
            Token::Ticks,
            Token::Census(1),
            Token::Program(3),
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
    }
}
