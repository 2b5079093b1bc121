//! How arguments and answers are written: one line of printable characters.

use std::os::fd::{AsFd, AsRawFd};

/// Bytes of data that are shown; of what is longer the rest is only counted.
const SHOWN_BYTES: usize = 32;

/// A descriptor's number.
pub(crate) fn number(fd: impl AsFd) -> i32 {
    fd.as_fd().as_raw_fd()
}

/// A new descriptor.
pub(super) fn descriptor(fd: &impl AsFd) -> String {
    number(fd).to_string()
}

/// The answer of a call that answers nothing but that it is done.
pub(super) fn zero((): &()) -> String {
    "0".to_owned()
}

/// Data: ASCII as it is, everything else as `\n` or `\x1b`, so that no byte of a peer's reaches a terminal.
#[must_use]
pub fn data(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(SHOWN_BYTES));
    let more = if rest.is_empty() { "" } else { "..." };
    format!("\"{}\"{more}", shown.escape_ascii())
}

/// What a send is given.
pub(super) fn outgoing(bytes: &[u8]) -> String {
    format!("{} bytes {}", bytes.len(), data(bytes))
}

/// What a receive gave: `whole` is what the message had, `length` what of it is in the buffer.
pub(super) fn incoming(buffer: &[u8], length: usize, whole: usize) -> String {
    format!("{whole} {}", data(&buffer[..length.min(buffer.len())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_one_line_of_printable_characters_whatever_it_is() {
        let every_byte: Vec<u8> = (0..=255).collect();
        for bytes in every_byte.chunks(SHOWN_BYTES) {
            assert!(data(bytes).bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{bytes:?}");
        }
        assert_eq!(data(b"hello\n"), r#""hello\n""#);
    }

    #[test]
    fn of_long_data_the_beginning_is_shown_and_the_length_is_told() {
        let shown = outgoing(&[b'x'; 100_000]);
        assert_eq!(shown, format!("100000 bytes \"{}\"...", "x".repeat(SHOWN_BYTES)));
    }
}
