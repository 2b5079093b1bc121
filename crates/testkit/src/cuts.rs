//! Every way to cut a short byte string into pieces.
//!
//! A stream may arrive in any cut, so code that reads one is right only if each gives the same result. What is
//! protected: all 2^(n-1) cuts of `n` bytes are tried, none is left out. Bound: [`CUT_BYTES_MAX`] bytes.

/// The longest string whose every cut is tried: 8,192 cuts.
pub const CUT_BYTES_MAX: usize = 14;

/// Runs `check` with the pieces of every cut of `bytes`, none of them empty.
///
/// # Panics
///
/// When `bytes` is longer than [`CUT_BYTES_MAX`], and when `check` does.
///
/// ```
/// let mut cuts = Vec::new();
/// testkit::every_cut(b"abc", |pieces| cuts.push(pieces.join(&b' ')));
/// assert_eq!(cuts, [&b"abc"[..], b"a bc", b"ab c", b"a b c"]);
/// ```
pub fn every_cut(bytes: &[u8], mut check: impl FnMut(&[&[u8]])) {
    assert!(bytes.len() <= CUT_BYTES_MAX, "{} bytes have too many cuts to try them all", bytes.len());
    let places = bytes.len().saturating_sub(1);
    for cuts in 0..1_u32 << places {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        let mut taken = 0;
        for place in (0..places).filter(|place| cuts & 1 << place != 0) {
            let (piece, behind) = rest.split_at(place + 1 - taken);
            pieces.push(piece);
            (rest, taken) = (behind, place + 1);
        }
        pieces.extend((!rest.is_empty()).then_some(rest));
        check(&pieces);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_cut_is_tried_once_and_keeps_every_byte() {
        let mut seen = BTreeSet::new();
        every_cut(b"0123456789abcd", |pieces| {
            assert_eq!(pieces.concat(), b"0123456789abcd");
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            seen.insert(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>());
        });
        assert_eq!(seen.len(), 1 << 13);
    }

    #[test]
    fn nothing_has_one_cut_without_pieces() {
        let mut tried = 0;
        every_cut(b"", |pieces| {
            assert!(pieces.is_empty());
            tried += 1;
        });
        assert_eq!(tried, 1);
    }
}
