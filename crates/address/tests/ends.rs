//! Ends of a call as a user reads them, and back to addresses.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

use address::{Address, End, Transport};
use proptest::prelude::*;

fn ip(address: &str) -> End {
    let Ok(address) = address.parse() else { panic!("{address} is no socket address") };
    End::Ip { transport: Transport::Tcp, address }
}

#[test]
fn an_end_is_shown_as_address_text() {
    let path = |path: &[u8]| End::Path { transport: Transport::Unix, path: path.into() };
    for (end, shown) in [
        (ip("137.207.82.52:2021"), "tcp://137.207.82.52:2021"),
        (ip("[::1]:80"), "tcp://[::1]:80"),
        (path(b"/run/x.sock"), "unix:/run/x.sock"),
        (path(b"/run/a\nb\x1b"), "unix:/run/a%0Ab%1B"),
        (
            End::Abstract { transport: Transport::UnixDgram, name: b"name".as_slice().into() },
            "unix-dgram:@name",
        ),
        (End::Unnamed(Transport::Unix), "unix:(unnamed)"),
        (End::Standard, "-"),
        (End::Descriptor(3), "fd:3"),
    ] {
        assert_eq!(end.to_string(), shown);
    }
}

#[test]
fn ipv4_wrapped_in_ipv6_is_shown_as_ipv4() {
    let end = ip("[::ffff:192.0.2.1]:80");
    assert_eq!(end.to_string(), "tcp://192.0.2.1:80");
    assert_eq!(end.ip(), Some("192.0.2.1:80".parse().unwrap()));
    assert_eq!(Address::try_from(end).unwrap(), "tcp://192.0.2.1:80".parse().unwrap());
}

#[test]
fn a_zone_is_kept() {
    let local = SocketAddrV6::new("fe80::1".parse::<Ipv6Addr>().unwrap(), 80, 0, 2);
    let end = End::Ip { transport: Transport::Udp, address: SocketAddr::V6(local) };
    assert_eq!(end.to_string(), "udp://[fe80::1%2]:80");
    assert_eq!(Address::try_from(end.clone()).unwrap().to_string(), end.to_string());
}

#[test]
fn an_unnamed_end_is_no_address() {
    let refused = Address::try_from(End::Unnamed(Transport::UnixDgram)).unwrap_err();
    assert_eq!(refused.to_string(), "an unnamed unix-dgram socket has no address");
    assert_eq!(End::Unnamed(Transport::UnixDgram).ip(), None);
}

/// Every end that has a name.
fn named_end() -> impl Strategy<Value = End> {
    let unix = || prop::sample::select(vec![Transport::Unix, Transport::UnixDgram, Transport::UnixSeqpacket]);
    prop_oneof![
        (any::<SocketAddr>(), any::<bool>()).prop_map(|(address, udp)| {
            End::Ip { transport: if udp { Transport::Udp } else { Transport::Tcp }, address }
        }),
        (unix(), prop::collection::vec(1..=255_u8, 1..108))
            .prop_map(|(transport, path)| End::Path { transport, path: path.into() }),
        (unix(), prop::collection::vec(any::<u8>(), 1..108))
            .prop_map(|(transport, name)| End::Abstract { transport, name: name.into() }),
        Just(End::Standard),
        (0..=2_147_483_647_u32).prop_map(End::Descriptor),
    ]
}

proptest! {
    #[test]
    fn the_text_of_a_named_end_is_the_text_of_its_address(end in named_end()) {
        let shown = end.to_string();
        let address = Address::try_from(end).unwrap();
        prop_assert_eq!(address.to_string(), shown.clone());
        prop_assert_eq!(shown.parse::<Address>(), Ok(address));
    }

    #[test]
    fn the_text_of_an_end_is_one_visible_line(end in named_end()) {
        prop_assert!(end.to_string().chars().all(|character| !character.is_control() && !character.is_whitespace()));
    }
}
