//! Bytes that repeat: what is sent on a stream, and what has to come back.
//!
//! A stream of messages is one walk around a ring of a few messages, so that any run of them can be sent by one
//! call and compared wherever the peer cut it, without copying. Bytes that are lost, doubled or swapped do not
//! match, unless by a multiple of the ring.

/// Bytes from which on a ring is long enough.
const RING_BYTES: usize = 16 * 1024;

/// Bytes that can be had at once from any place.
const RUN_BYTES: usize = 64 * 1024;

/// Messages of a ring at the most: enough to notice that some are missing, few enough to stay in the cache.
const MESSAGES_MAX: usize = 251;

#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// The ring, and behind it its beginning once more.
    bytes: Box<[u8]>,
    /// Its length; 0 for a pattern of nothing.
    period: u64,
}

impl Pattern {
    /// The same message for ever.
    pub(crate) fn of(message: &[u8]) -> Pattern {
        Pattern::repeat(message)
    }

    /// Messages of `length` letters, no two alike in one round; a line end closes each, where there is room.
    pub(crate) fn lines(length: usize) -> Pattern {
        let messages = (RING_BYTES / length.max(1)).clamp(2, MESSAGES_MAX);
        let mut letters = Letters(0x9E37_79B9_7F4A_7C15);
        let mut ring = Vec::with_capacity(messages * length);
        for _ in 0..messages {
            let text = if length >= 2 { length - 1 } else { length };
            ring.extend((0..text).map(|_| letters.next()));
            ring.extend((text..length).map(|_| b'\n'));
        }
        Pattern::repeat(&ring)
    }

    fn repeat(ring: &[u8]) -> Pattern {
        let bytes: Vec<u8> =
            ring.iter().copied().cycle().take(ring.len() + RUN_BYTES.max(ring.len())).collect();
        let bytes = if ring.is_empty() { Vec::new() } else { bytes };
        Pattern { bytes: bytes.into_boxed_slice(), period: ring.len() as u64 }
    }

    /// The bytes from `position` of the endless stream on: [`RUN_BYTES`] at least.
    pub(crate) fn from(&self, position: u64) -> &[u8] {
        let offset = position.checked_rem(self.period).unwrap_or(0);
        &self.bytes[usize::try_from(offset).unwrap_or(0)..]
    }

    /// Whether `bytes` are those at `position`.
    pub(crate) fn matches(&self, mut position: u64, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let here = self.from(position);
            let length = here.len().min(bytes.len());
            if length == 0 || here[..length] != bytes[..length] {
                return false;
            }
            bytes = &bytes[length..];
            position += length as u64;
        }
        true
    }
}

/// Letters in no order, the same each time (xorshift64*).
struct Letters(u64);

impl Letters {
    fn next(&mut self) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        b'a' + ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % 26) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_matches_itself_at_any_cut_and_no_other_place() {
        let pattern = Pattern::lines(10);
        for position in [0, 7, 2_499, 2_505, 1 << 40] {
            let here = pattern.from(position)[..300].to_vec();
            assert!(pattern.matches(position, &here));
            assert!(!pattern.matches(position + 10, &here), "a lost message is seen at {position}");
            let mut flipped = here.clone();
            flipped[299] ^= 1;
            assert!(!pattern.matches(position, &flipped), "a flipped bit is seen at {position}");
        }
        assert_eq!(pattern.from(0)[9], b'\n');
        assert_eq!(pattern.from(0)[19], b'\n');
    }

    #[test]
    fn long_messages_and_none_are_patterns_too() {
        let long = Pattern::lines(1_000_000);
        assert!(long.matches(1_999_990, &[&long.from(1_999_990)[..10], &long.from(0)[..10]].concat()));
        assert!(Pattern::of(b"").matches(5, b""));
        assert!(!Pattern::of(b"").matches(5, b"x"));
        assert!(Pattern::of(b"ab").matches(1, b"baba"));
    }
}
