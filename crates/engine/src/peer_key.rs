//! Who counts as one peer where something is counted by peer.

use std::net::{IpAddr, Ipv4Addr};

/// One peer: an IPv4 address, a /64 of IPv6 (what one host is given at least, RFC 4291 section 2.5.1), or a
/// user of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PeerKey {
    V4(Ipv4Addr),
    /// The upper half of the address.
    V6(u64),
    User(u32),
}

impl From<IpAddr> for PeerKey {
    /// IPv4 in an IPv6 wrapping is IPv4.
    fn from(address: IpAddr) -> PeerKey {
        match address.to_canonical() {
            IpAddr::V4(v4) => PeerKey::V4(v4),
            IpAddr::V6(v6) => PeerKey::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_peer_whichever_address_of_its_network_it_takes() {
        let key = |text: &str| PeerKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
