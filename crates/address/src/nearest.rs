//! The nearest right word to a mistyped one.
//!
//! Optimal string alignment: the least number of insertions, deletions, replacements and swaps of neighbours.
//! Bounds: words past 32 bytes have no neighbour, so the work is at most 32 x 32 steps a candidate.

use std::cmp::Reverse;

/// Bytes of a word at most.
const WORD_BYTES_MAX: usize = 32;

/// The candidate nearest to `word`, if it is near enough to be meant: one slip in each three letters.
///
/// Case does not count. Of equally near candidates that one is taken which begins most as the word does, or the first.
///
/// ```
/// assert_eq!(address::nearest("nodleay", ["backlog", "nodelay"]), Some("nodelay"));
/// assert_eq!(address::nearest("http", ["tcp", "udp"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.len() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(word, candidate)?, candidate)))
        .filter(|(slips, candidate)| *slips <= allowed && *slips < candidate.len())
        .min_by_key(|(slips, candidate)| (*slips, Reverse(common_beginning(word, candidate))))
        .map(|(_, candidate)| candidate)
}

/// How many bytes two words have in common at their beginning.
fn common_beginning(left: &str, right: &str) -> usize {
    left.bytes().zip(right.bytes()).take_while(|(left, right)| left.eq_ignore_ascii_case(right)).count()
}

/// Slips between two words; `None` if one is too long to be compared.
fn distance(left: &str, right: &str) -> Option<usize> {
    if left.len() > WORD_BYTES_MAX || right.len() > WORD_BYTES_MAX {
        return None;
    }
    let left = left.to_ascii_lowercase().into_bytes();
    let right = right.to_ascii_lowercase().into_bytes();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, from) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(from != to);
            let mut least = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *from == right[column - 1] && left[row - 1] == *to {
                least = least.min(before_last[column - 1] + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_a_slip_and_a_missing_letter_are_one_step_each() {
        assert_eq!(distance("tpc", "tcp"), Some(1));
        assert_eq!(distance("tvp", "tcp"), Some(1));
        assert_eq!(distance("tp", "tcp"), Some(1));
        assert_eq!(distance("", "tcp"), Some(3));
        assert_eq!(distance("tcp", "tcp"), Some(0));
    }

    #[test]
    fn a_word_too_far_or_too_long_has_no_neighbour() {
        assert_eq!(nearest("x", ["-"]), None);
        assert_eq!(nearest("sctp", ["tcp", "udp"]), None);
        assert_eq!(nearest(&"t".repeat(33), ["tttttttttttttttttttttttttttttttt"]), None);
    }

    #[test]
    fn a_missing_end_is_likelier_than_a_wrong_beginning() {
        assert_eq!(nearest("los", ["tos", "loss"]), Some("loss"));
        assert_eq!(nearest("tls-mox", ["tls-min", "tls-max"]), Some("tls-max"));
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(nearest("TCP", ["udp", "tcp"]), Some("tcp"));
    }
}
