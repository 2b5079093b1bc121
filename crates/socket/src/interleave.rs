//! The order in which candidates are tried: families by turns.
//!
//! RFC 8305 section 4, with a "First Address Family Count" of 1: if one family's way is broken, the second
//! attempt already takes the other.

use crate::Candidate;

/// Puts candidates of the two families by turns, beginning with the family of the first.
///
/// Within a family the order stays (getaddrinfo's, RFC 6724).
#[must_use]
pub fn interleave(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let begins_with_v6 = candidates.first().is_some_and(|first| first.address.is_ipv6());
    let count = candidates.len();
    let (first, second): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| candidate.address.is_ipv6() == begins_with_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(count);
    while ordered.len() < count {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use address::Transport;

    fn order(addresses: &[&str]) -> Vec<String> {
        let candidates = addresses
            .iter()
            .map(|text| Candidate { transport: Transport::Tcp, address: text.parse().unwrap() })
            .collect();
        interleave(candidates).iter().map(|candidate| candidate.address.to_string()).collect()
    }

    #[test]
    fn families_take_turns_beginning_with_the_first() {
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"];
        let wanted = ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"];
        assert_eq!(order(&given), wanted);
        assert_eq!(order(&["10.0.0.1:1", "10.0.0.2:1", "[::1]:1"]), ["10.0.0.1:1", "[::1]:1", "10.0.0.2:1"]);
    }

    #[test]
    fn one_family_alone_keeps_its_order() {
        assert_eq!(order(&["10.0.0.2:1", "10.0.0.1:1"]), ["10.0.0.2:1", "10.0.0.1:1"]);
        assert!(order(&[]).is_empty());
    }
}
