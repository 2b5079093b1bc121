//! Control messages as the kernel lays them out, cmsg(3): a length, a level, a type, and the data, each message
//! padded to the size of a long.
//!
//! Protected: what is read of them is what their lengths say, and never more than the bytes that are there.

/// A length, a level and a type.
const HEAD_BYTES: usize = size_of::<usize>() + 2 * size_of::<i32>();

/// Packet info of IPv6, which is the longest that we send, and the length of a segment.
const SENT_BYTES: usize = padded(HEAD_BYTES + 20) + padded(HEAD_BYTES + 2);

/// Control messages to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Controls {
    bytes: [u8; SENT_BYTES],
    length: usize,
}

impl Controls {
    pub(crate) const NONE: Controls = Controls { bytes: [0; SENT_BYTES], length: 0 };

    /// Adds a message. The caller adds no more than packet info and a segment's length, for which there is room.
    pub(crate) fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let length = HEAD_BYTES + data.len();
        let Some(room) = self.bytes[self.length..].get_mut(..padded(length)) else {
            debug_assert!(false, "no room for a control message");
            return;
        };
        let (head, rest) = room.split_at_mut(HEAD_BYTES);
        let (size, words) = head.split_at_mut(size_of::<usize>());
        size.copy_from_slice(&length.to_ne_bytes());
        words[..4].copy_from_slice(&level.to_ne_bytes());
        words[4..].copy_from_slice(&kind.to_ne_bytes());
        rest[..data.len()].copy_from_slice(data);
        self.length += padded(length);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The level, type and data of each message, up to the first that is not whole.
pub(crate) fn each(mut bytes: &[u8]) -> impl Iterator<Item = (i32, i32, &[u8])> {
    std::iter::from_fn(move || {
        let (size, rest) = bytes.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (kind, _) = rest.split_first_chunk()?;
        let length = usize::from_ne_bytes(*size);
        let data = bytes.get(HEAD_BYTES..length)?;
        bytes = bytes.get(padded(length)..).unwrap_or(&[]);
        Some((i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind), data))
    })
}

const fn padded(length: usize) -> usize {
    length.next_multiple_of(size_of::<usize>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_read_back() {
        let mut controls = Controls::NONE;
        controls.push(41, 50, &[7; 20]);
        controls.push(17, 103, &[1, 2]);
        let read: Vec<_> = each(controls.bytes()).collect();
        assert_eq!(read, [(41, 50, &[7; 20][..]), (17, 103, &[1, 2])]);
    }

    #[test]
    fn of_messages_that_are_not_whole_nothing_is_read() {
        let mut controls = Controls::NONE;
        controls.push(0, 8, &[9; 12]);
        let whole = controls.bytes();
        for length in 0..HEAD_BYTES + 12 {
            assert_eq!(each(&whole[..length]).count(), 0, "{length}");
        }
        let huge = [&usize::MAX.to_ne_bytes()[..], &[0; 64]].concat();
        assert_eq!(each(&huge).count(), 0);
        let small = [&1_usize.to_ne_bytes()[..], &[0; 64]].concat();
        assert_eq!(each(&small).count(), 0);
    }
}
