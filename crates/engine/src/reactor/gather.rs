//! Answers to a burst of datagrams, gathered so that they go as a burst.
//!
//! Protected: what goes out, and in which order, is what would go out one by one. Answers are held as long as they
//! follow each other to one peer, each as long as the first; the last may be shorter. At most
//! `BURST_MESSAGES_MAX` messages and `BURST_BYTES_MAX` bytes; the memory is kept for the next burst.

use socket::{BURST_BYTES_MAX, BURST_MESSAGES_MAX, PeerAddress};

#[derive(Default)]
pub(super) struct Gather {
    to: Option<PeerAddress>,
    /// Bytes of the first, and of each but the last.
    segment: usize,
    bytes: Vec<u8>,
}

impl Gather {
    /// Holds one more answer. `false` where what is held must go first, or the answer can only go alone.
    pub(super) fn take(&mut self, answer: &[u8], to: &PeerAddress) -> bool {
        if self.is_empty() {
            if answer.is_empty() || answer.len() > BURST_BYTES_MAX {
                return false;
            }
            self.segment = answer.len();
            self.to = Some(to.clone());
        } else if !self.has_room(answer) || self.to.as_ref() != Some(to) {
            return false;
        }
        self.bytes.extend_from_slice(answer);
        true
    }

    fn has_room(&self, answer: &[u8]) -> bool {
        let fits = !answer.is_empty() && answer.len() <= self.segment;
        let ends_whole = self.bytes.len().is_multiple_of(self.segment); // none is shorter so far
        let messages = self.bytes.len() / self.segment;
        let bytes = self.bytes.len() + answer.len();
        fits && ends_whole && messages < BURST_MESSAGES_MAX && bytes <= BURST_BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// To whom, all bytes, and how many each message has but the last.
    pub(super) fn held(&self) -> Option<(&PeerAddress, &[u8], usize)> {
        let to = self.to.as_ref().filter(|_| !self.is_empty())?;
        Some((to, &self.bytes, self.segment))
    }

    /// It has gone.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn peer(port: u16) -> PeerAddress {
        PeerAddress::from(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// How many answers of these lengths are held together, from the first.
    fn held(lengths: &[usize]) -> usize {
        let mut gather = Gather::default();
        lengths.iter().take_while(|length| gather.take(&vec![0; **length], &peer(7))).count()
    }

    #[test]
    fn equal_answers_and_a_shorter_last_one_are_held_together() {
        assert_eq!(held(&[10, 10, 10, 4, 4]), 4);
        assert_eq!(held(&[10, 11]), 1, "a longer one is another burst's first");
        assert_eq!(held(&[10, 0, 10]), 1, "an empty one goes alone");
        assert_eq!(held(&[0]), 0);
        assert_eq!(held(&[BURST_BYTES_MAX + 1]), 0);
    }

    #[test]
    fn a_burst_has_a_bound_of_messages_and_of_bytes() {
        assert_eq!(held(&[1; 100]), BURST_MESSAGES_MAX);
        assert_eq!(held(&[1400; 100]), BURST_BYTES_MAX / 1400);
    }

    #[test]
    fn an_answer_to_another_peer_is_not_held_beside() {
        let mut gather = Gather::default();
        assert!(gather.take(b"one", &peer(1)));
        assert!(!gather.take(b"two", &peer(2)));
        gather.clear();
        assert!(gather.take(b"two", &peer(2)));
        assert_eq!(gather.held(), Some((&peer(2), &b"two"[..], 3)));
    }
}
