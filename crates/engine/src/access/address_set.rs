//! Sets of IP addresses: sorted ranges that do not touch, searched by halving.
//!
//! Protected: 100,000 rules cost a caller 17 comparisons. IPv4 in an IPv6 wrapping (RFC 4291 section 2.5.5.2) is
//! IPv4, in rules and in callers; no range spans both families, `::/0` is no IPv4.

use std::net::IpAddr;

use ipnet::IpNet;

/// A run of addresses of one family, both ends among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// From `first` to `last`; `None` if they are of two families or the wrong way round.
    #[must_use]
    pub fn new(first: IpAddr, last: IpAddr) -> Option<AddressRange> {
        let (first, last) = match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => (first.into(), last.into()),
            _ => (first, last),
        };
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(AddressRange { first, last })
    }

    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && (self.first..=self.last).contains(&address)
    }
}

impl From<IpAddr> for AddressRange {
    fn from(address: IpAddr) -> AddressRange {
        let address = address.to_canonical();
        AddressRange { first: address, last: address }
    }
}

impl From<IpNet> for AddressRange {
    /// All addresses of the network.
    fn from(network: IpNet) -> AddressRange {
        let (first, last) = (network.network(), network.broadcast());
        AddressRange::new(first, last).unwrap_or(AddressRange { first, last })
    }
}

/// Any number of ranges as one set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AddressSet {
    v4: Ranges,
    v6: Ranges,
}

impl AddressSet {
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits().into()),
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }
}

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> AddressSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for AddressRange { first, last } in ranges {
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push((first.to_bits().into(), last.to_bits().into()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {} // no range is so made
            }
        }
        AddressSet { v4: Ranges::merged(v4), v6: Ranges::merged(v6) }
    }
}

/// Ranges of numbers, ascending, with a gap between any two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ranges(Box<[(u128, u128)]>);

impl Ranges {
    fn merged(mut ranges: Vec<(u128, u128)>) -> Ranges {
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let touches = next.0 <= before.1.saturating_add(1);
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
        Ranges(ranges.into())
    }

    fn contains(&self, number: u128) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).is_some_and(|index| number <= self.0[index].1)
    }
}
