//! Answers to datagrams that came together, gathered so that they go together.
//!
//! Protected: what goes out, and in which order, is what would go out one by one. Answers that follow each other to
//! one peer, each as long as the first (the last may be shorter), are one parcel, which goes as a burst; other answers
//! are parcels of their own. At most [`Inbox::MOST`] parcels and [`BYTES_MAX`] bytes; the memory is kept for the next.

use socket::{BURST_BYTES_MAX, BURST_MESSAGES_MAX, Inbox, Parcel, PeerAddress};

/// Bytes of answers that are held at the most.
const BYTES_MAX: usize = 256 * 1024;

#[derive(Default)]
pub(super) struct Gather {
    held: Vec<Held>,
    bytes: Vec<u8>,
}

/// A parcel; its bytes lie behind those of the one before.
struct Held {
    to: PeerAddress,
    /// Bytes of the first datagram, and of each but the last.
    segment: usize,
    bytes: usize,
    datagrams: usize,
}

impl Held {
    /// Whether one more answer can go in the same burst.
    fn takes(&self, answer: &[u8], to: &PeerAddress, in_bursts: bool) -> bool {
        let fits = !answer.is_empty() && answer.len() <= self.segment;
        let ends_whole = self.bytes == self.segment * self.datagrams; // none is shorter so far
        let bytes = self.bytes + answer.len();
        in_bursts
            && fits
            && ends_whole
            && self.datagrams < BURST_MESSAGES_MAX
            && bytes <= BURST_BYTES_MAX
            && self.to == *to
    }
}

impl Gather {
    /// Holds one more answer. `false` where what is held must go first.
    pub(super) fn take(&mut self, answer: &[u8], to: &PeerAddress, in_bursts: bool) -> bool {
        if !self.held.is_empty() && self.bytes.len() + answer.len() > BYTES_MAX {
            return false;
        }
        let is_full = self.held.len() == Inbox::MOST;
        match self.held.last_mut() {
            Some(last) if last.takes(answer, to, in_bursts) => {
                last.bytes += answer.len();
                last.datagrams += 1;
            }
            _ if is_full => return false,
            _ => {
                let (to, bytes) = (to.clone(), answer.len());
                self.held.push(Held { to, segment: bytes, bytes, datagrams: 1 });
            }
        }
        self.bytes.extend_from_slice(answer);
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What is held, in the order in which it was taken.
    pub(super) fn parcels(&self) -> impl Iterator<Item = Parcel<'_>> {
        let mut rest = &self.bytes[..];
        self.held.iter().map(move |held| {
            let (bytes, behind) = rest.split_at(held.bytes);
            rest = behind;
            Parcel { bytes, segment: (held.datagrams > 1).then_some(held.segment), peer: &held.to }
        })
    }

    /// It has gone.
    pub(super) fn clear(&mut self) {
        self.held.clear();
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

    /// How long the parcels are that answers of these lengths make, and what segment each has.
    fn parcels(lengths: &[usize]) -> Vec<(usize, Option<usize>)> {
        let mut gather = Gather::default();
        for length in lengths {
            assert!(gather.take(&vec![0; *length], &peer(7), true));
        }
        gather.parcels().map(|parcel| (parcel.bytes.len(), parcel.segment)).collect()
    }

    #[test]
    fn equal_answers_and_a_shorter_last_one_are_one_parcel() {
        assert_eq!(parcels(&[10, 10, 10, 4, 4]), [(34, Some(10)), (4, None)]);
        assert_eq!(parcels(&[10, 11]), [(10, None), (11, None)], "a longer one is another burst's first");
        assert_eq!(parcels(&[10, 0, 10]), [(10, None), (0, None), (10, None)], "an empty one goes alone");
    }

    #[test]
    fn a_parcel_has_a_bound_of_messages_and_of_bytes() {
        assert_eq!(parcels(&[1; 100]), [(BURST_MESSAGES_MAX, Some(1)), (100 - BURST_MESSAGES_MAX, Some(1))]);
        assert_eq!(parcels(&[1400; 100])[0], (BURST_BYTES_MAX / 1400 * 1400, Some(1400)));
        assert_eq!(parcels(&[BURST_BYTES_MAX, 1])[0], (BURST_BYTES_MAX, None));
    }

    #[test]
    fn what_is_held_has_a_bound_of_parcels_and_of_bytes() {
        let mut gather = Gather::default();
        let taken = (0..100).take_while(|port| gather.take(b"answer", &peer(*port), true)).count();
        assert_eq!(taken, Inbox::MOST);
        gather.clear();
        let taken = (0..100).take_while(|port| gather.take(&[0; 60_000], &peer(*port), true)).count();
        assert_eq!(taken, BYTES_MAX / 60_000);
        assert!(!gather.take(&[0; 60_000], &peer(1), true));
        gather.clear();
        assert!(gather.take(&vec![0; 2 * BYTES_MAX], &peer(1), true), "one alone is held whatever it has");
    }

    #[test]
    fn answers_to_several_peers_are_told_in_their_order() {
        let mut gather = Gather::default();
        for (port, answer) in [(1, "a"), (2, "b"), (2, "c"), (1, "d")] {
            assert!(gather.take(answer.as_bytes(), &peer(port), true));
        }
        let told: Vec<_> = gather.parcels().map(|parcel| (parcel.peer.clone(), parcel.bytes)).collect();
        assert_eq!(told, [(peer(1), &b"a"[..]), (peer(2), b"bc"), (peer(1), b"d")]);
    }

    #[test]
    fn where_there_are_no_bursts_each_answer_is_a_parcel() {
        let mut gather = Gather::default();
        assert!(gather.take(b"a", &peer(1), false));
        assert!(gather.take(b"b", &peer(1), false));
        assert_eq!(gather.parcels().count(), 2);
    }
}
