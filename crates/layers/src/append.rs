//! Copying behind what is there, in pieces that no processor copies slowly.
//!
//! For long copies libc takes `rep movsb`, which some processors carry out twenty times slower where the target lies up
//! to 63 bytes behind the source, counted within a page: as a payload does behind the header of its frame.

/// Below what libc takes that instruction for, in bytes.
const PIECE_BYTES: usize = 2048;

/// As `extend_from_slice`.
pub(crate) fn append(target: &mut Vec<u8>, bytes: &[u8]) {
    target.reserve(bytes.len());
    for piece in bytes.chunks(PIECE_BYTES) {
        target.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, append};

    #[test]
    fn all_of_it_comes_behind_what_is_there() {
        for length in [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut target = b"before".to_vec();
            append(&mut target, &bytes);
            assert_eq!(target, [b"before", &bytes[..]].concat());
        }
    }
}
