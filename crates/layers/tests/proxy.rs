//! PROXY headers: what is told is what was sent, in every cut; what is no header is refused at once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use std::time::Duration;

use common::{Pair, Side};
use conversation::{End, Transport};
use layers::{Failure, ProxyFailure, ProxyHeader, ProxyReader, ProxyVersion, ProxyWriter, Told};
use proptest::collection::vec;
use proptest::prelude::*;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn ip(transport: Transport, address: &str) -> End {
    End::Ip { transport, address: address.parse().unwrap() }
}

fn proxied(source: &str, destination: &str) -> ProxyHeader {
    ProxyHeader::Proxied { source: ip(Transport::Tcp, source), destination: ip(Transport::Tcp, destination) }
}

fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, block].concat()
}

fn reader() -> Vec<Box<dyn layers::Layer>> {
    vec![Box::new(ProxyReader::new(ProxyReader::WITHIN))]
}

/// What a server makes of these bytes.
fn read(pieces: &[&[u8]]) -> Side {
    let mut side = Side::open(reader());
    for piece in pieces {
        side.receive(piece);
    }
    side
}

const IPV4: &[u8] = &[192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x01, 0xbb];

#[test]
fn good_headers_are_told_and_what_is_behind_them_comes_through() {
    let ipv6 =
        [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[2], &[0, 80, 0, 81]];
    let known = proxied("192.0.2.1:12345", "192.0.2.2:443");
    let known_v6 = proxied("[2001:db8::1]:80", "[2001:db8::2]:81");
    let unix = |source: End, destination: End| ProxyHeader::Proxied { source, destination };
    let path = |path: &[u8]| End::Path { transport: Transport::Unix, path: path.into() };
    let mut paths = [0; 216];
    paths[..6].copy_from_slice(b"/run/x");
    paths[109..112].copy_from_slice(b"abc");
    let checksum = [&[0x03, 0, 4][..], &0x3ee8_86a1_u32.to_be_bytes()].concat();
    #[rustfmt::skip]
    let table: &[(&str, Vec<u8>, ProxyHeader)] = &[
        ("v1 over IPv4", b"PROXY TCP4 192.0.2.1 192.0.2.2 12345 443\r\n".to_vec(), known.clone()),
        ("v1 over IPv6", b"PROXY TCP6 2001:db8::1 2001:DB8::2 80 81\r\n".to_vec(), known_v6.clone()),
        ("v1, the longest addresses", b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n".to_vec(),
            proxied("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
        ("v1, port 0", b"PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n".to_vec(), proxied("192.0.2.1:0", "192.0.2.2:0")),
        ("v1 unknown", b"PROXY UNKNOWN\r\n".to_vec(), ProxyHeader::Local),
        ("v1 unknown, with what is to be ignored", b"PROXY UNKNOWN ffff:: what ever\r\n".to_vec(), ProxyHeader::Local),
        ("v1 unknown, 107 bytes", [&b"PROXY UNKNOWN "[..], &[b'x'; 91], b"\r\n"].concat(), ProxyHeader::Local),
        ("v2 over IPv4", v2(0x21, 0x11, IPV4), known.clone()),
        ("v2 over IPv6", v2(0x21, 0x21, &ipv6.concat()), known_v6),
        ("v2 of a datagram", v2(0x21, 0x12, IPV4), ProxyHeader::Proxied {
            source: ip(Transport::Udp, "192.0.2.1:12345"), destination: ip(Transport::Udp, "192.0.2.2:443") }),
        ("v2 of a path and an abstract name", v2(0x21, 0x31, &paths), unix(path(b"/run/x"),
            End::Abstract { transport: Transport::Unix, name: b"abc"[..].into() })),
        ("v2 of unnamed sockets", v2(0x21, 0x31, &[0; 216]), unix(End::Unnamed(Transport::Unix), End::Unnamed(Transport::Unix))),
        ("v2 of paths without a zero byte", v2(0x21, 0x31, &[b'/'; 216]), unix(path(&[b'/'; 108]), path(&[b'/'; 108]))),
        ("v2 with values to be skipped", v2(0x21, 0x11, &[IPV4, &[0x04, 0, 0, 0x02, 0, 3], b"abc"].concat()), known.clone()),
        ("v2 with a checksum", v2(0x21, 0x11, &[IPV4, &checksum].concat()), known),
        ("v2 local", v2(0x20, 0, &[]), ProxyHeader::Local),
        ("v2 local, of any family and length", v2(0x20, 0x99, b"ignored"), ProxyHeader::Local),
        ("v2 of no family", v2(0x21, 0, b"ignored"), ProxyHeader::Local),
        ("v2, the longest", v2(0x20, 0, &[7; 65_535]), ProxyHeader::Local),
    ];
    for (name, header, told) in table {
        let whole = [header, &b"hello"[..]].concat();
        let side = read(&[&whole]);
        assert_eq!(
            (&side.told[..], side.text(), side.opened),
            (&[Told::Proxy(told.clone())][..], "hello", 1),
            "{name}"
        );
        assert!(side.stack.is_bare(), "{name}: nothing is left to do");
        for cut in (1..whole.len().min(300)).chain([whole.len() - 5]) {
            let side = read(&[&whole[..cut], &whole[cut..]]);
            assert_eq!(side.text(), "hello", "{name}, cut at {cut}");
            assert_eq!(side.told, [Told::Proxy(told.clone())], "{name}, cut at {cut}");
        }
        let bytewise: Vec<&[u8]> = whole.chunks(1).take(300).collect();
        let side = read(&bytewise);
        assert!(side.failed.is_none(), "{name}");
    }
}

#[test]
fn what_is_no_header_is_refused_and_nothing_of_it_is_delivered() {
    let malformed = |rule| ProxyFailure::Malformed(rule);
    let wrong_checksum = [IPV4, &[0x03, 0, 4, 1, 2, 3, 4]].concat();
    #[rustfmt::skip]
    let table: &[(&str, Vec<u8>, ProxyFailure)] = &[
        ("another protocol", b"GET / HTTP/1.1\r\n".to_vec(), ProxyFailure::NoHeader),
        ("TLS", vec![0x16, 3, 1], ProxyFailure::NoHeader),
        ("small letters", b"proxy TCP4".to_vec(), ProxyFailure::NoHeader),
        ("a signature with a wrong end", [&SIGNATURE[..11], b"!"].concat(), ProxyFailure::NoHeader),
        ("v1 without end", [&b"PROXY UNKNOWN "[..], &[b'x'; 93]].concat(), malformed("longer than 107 bytes")),
        ("v1 of 108 bytes", [&b"PROXY UNKNOWN "[..], &[b'x'; 92], b"\r\n"].concat(), malformed("its line does not end with CR LF")),
        ("v1 ended by LF", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n".to_vec(), malformed("its line does not end with CR LF")),
        ("v1 with a lone CR", b"PROXY TCP4 192.0.2.1\r192.0.2.2 1 2\r\n".to_vec(), malformed("its line does not end with CR LF")),
        ("v1 of another family", b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), malformed("neither TCP4, TCP6 nor UNKNOWN")),
        ("v1, IPv6 as IPv4", b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(), malformed("an address is none of its family")),
        ("v1, IPv4 as IPv6", b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(), malformed("an address is none of its family")),
        ("v1, a name", b"PROXY TCP4 localhost 192.0.2.2 1 2\r\n".to_vec(), malformed("an address is none of its family")),
        ("v1, an octal address", b"PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n".to_vec(), malformed("an address is none of its family")),
        ("v1, a port too large", b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n".to_vec(), malformed("a port is no number from 0 to 65535")),
        ("v1, a port with a zero in front", b"PROXY TCP4 192.0.2.1 192.0.2.2 080 2\r\n".to_vec(), malformed("a port is no number from 0 to 65535")),
        ("v1, a port with a sign", b"PROXY TCP4 192.0.2.1 192.0.2.2 +80 2\r\n".to_vec(), malformed("a port is no number from 0 to 65535")),
        ("v1, a port missing", b"PROXY TCP4 192.0.2.1 192.0.2.2 80\r\n".to_vec(), malformed("a port is no number from 0 to 65535")),
        ("v1, two spaces", b"PROXY TCP4  192.0.2.1 192.0.2.2 80 81\r\n".to_vec(), malformed("a port is no number from 0 to 65535")),
        ("v1, a field too many", b"PROXY TCP4 192.0.2.1 192.0.2.2 80 81 82\r\n".to_vec(), malformed("more than six fields")),
        ("v1, not ASCII", b"PROXY TCP4 \xff\r\n".to_vec(), malformed("not ASCII")),
        ("v2 of version 1", v2(0x11, 0x11, IPV4), malformed("neither of version 2, nor LOCAL or PROXY")),
        ("v2 of an unknown command", v2(0x22, 0x11, IPV4), malformed("neither of version 2, nor LOCAL or PROXY")),
        ("v2 of an unknown family", v2(0x21, 0x41, IPV4), malformed("an unknown family or protocol")),
        ("v2 of no protocol", v2(0x21, 0x10, IPV4), malformed("an unknown family or protocol")),
        ("v2 too short for IPv4", v2(0x21, 0x11, &IPV4[..11]), malformed("too short for its addresses")),
        ("v2 too short for IPv6", v2(0x21, 0x21, &[0; 35]), malformed("too short for its addresses")),
        ("v2 too short for paths", v2(0x21, 0x31, &[0; 215]), malformed("too short for its addresses")),
        ("v2, a value without length", v2(0x21, 0x11, &[IPV4, &[4, 0]].concat()), malformed("a value (TLV) without length")),
        ("v2, a value too long", v2(0x21, 0x11, &[IPV4, &[4, 0, 2, 0]].concat()), malformed("a value (TLV) longer than its header")),
        ("v2, a checksum of three bytes", v2(0x21, 0x11, &[IPV4, &[3, 0, 3, 1, 2, 3]].concat()), malformed("a checksum not of four bytes")),
        ("v2, two checksums", v2(0x21, 0x11, &[IPV4, &wrong_checksum[IPV4.len()..], &wrong_checksum[IPV4.len()..]].concat()), malformed("two checksums")),
        ("v2, a wrong checksum", v2(0x21, 0x11, &wrong_checksum), ProxyFailure::Checksum),
    ];
    for (name, bytes, failure) in table {
        for piece in [bytes.len(), 1, 5] {
            let mut side = Side::open(reader());
            for piece in bytes.chunks(piece) {
                side.receive(piece);
            }
            side.receive(b"and more");
            assert_eq!(side.failed, Some(Failure::Proxy(*failure)), "{name}, in pieces of {piece}");
            assert_eq!((side.text(), side.opened), ("", 0), "{name}");
            assert!(side.stack.finish_is_due(), "{name}: nothing more is said to such a caller");
        }
    }
}

#[test]
fn a_header_that_does_not_come_is_waited_for_only_so_long() {
    let mut side = Side::open(vec![Box::new(ProxyReader::new(Duration::from_secs(3)))]);
    side.receive(b"PROXY TCP4 ");
    assert_eq!(side.stack.next_deadline().unwrap().since_start(), Duration::from_secs(3));
    side.deadline();
    assert_eq!(side.failed, Some(Failure::Proxy(ProxyFailure::TimedOut)));
    assert_eq!(side.stack.next_deadline(), None);

    let mut whole = Side::open(reader());
    whole.receive(b"PROXY UNKNOWN\r\n");
    assert_eq!(whole.stack.next_deadline(), None);

    let mut cut = Side::open(reader());
    cut.receive(b"PROXY UNKNOWN\r");
    cut.below_finished();
    assert_eq!(cut.failed, Some(Failure::Proxy(ProxyFailure::Finished)));
}

#[test]
fn ends_of_which_a_version_cannot_tell_are_sent_as_unknown() {
    let unix = End::Unnamed(Transport::Unix);
    let tcp = ip(Transport::Tcp, "192.0.2.1:1");
    let udp = ip(Transport::Udp, "192.0.2.1:1");
    let header = |source: &End, destination: &End| ProxyHeader::Proxied {
        source: source.clone(),
        destination: destination.clone(),
    };
    for (source, destination) in [(&unix, &unix), (&udp, &udp), (&tcp, &unix), (&End::Standard, &tcp)] {
        assert_eq!(header(source, destination).encode(ProxyVersion::V1), b"PROXY UNKNOWN\r\n");
    }
    for (source, destination) in [(&tcp, &udp), (&tcp, &unix), (&End::Standard, &End::Standard)] {
        assert_eq!(header(source, destination).encode(ProxyVersion::V2), v2(0x21, 0, &[]));
    }
    let mixed = proxied("192.0.2.1:1", "[2001:db8::2]:2").encode(ProxyVersion::V1);
    assert_eq!(mixed, b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n");
}

fn any_end() -> impl Strategy<Value = (End, End)> {
    let transport = prop_oneof![Just(Transport::Tcp), Just(Transport::Udp)];
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), any::<(u16, u16)>(), transport.clone()).prop_map(
        |(source, destination, ports, transport)| {
            let end = |address: [u8; 4], port| End::Ip { transport, address: (address, port).into() };
            (end(source, ports.0), end(destination, ports.1))
        },
    );
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<(u16, u16)>(), transport).prop_map(
        |(source, destination, ports, transport)| {
            let end = |address: [u8; 16], port| End::Ip { transport, address: (address, port).into() };
            (end(source, ports.0), end(destination, ports.1))
        },
    );
    let path =
        vec(1..=255_u8, 1..=108).prop_map(|path| End::Path { transport: Transport::Unix, path: path.into() });
    let name = vec(1..=255_u8, 1..=107)
        .prop_map(|name| End::Abstract { transport: Transport::Unix, name: name.into() });
    prop_oneof![v4, v6, (path, name)]
}

proptest! {
    #[test]
    fn what_one_end_writes_the_other_reads(
        (source, destination) in any_end(), said in vec(any::<u8>(), 0..100), seed: u64, is_v1: bool,
    ) {
        let version = if is_v1 { ProxyVersion::V1 } else { ProxyVersion::V2 };
        let header = ProxyHeader::Proxied { source, destination };
        let mut pair = Pair::new(vec![Box::new(ProxyWriter::new(&header, version))], reader(), seed);
        pair.caller.send(&said);
        pair.caller.finish();
        pair.run(20);
        prop_assert_eq!(&pair.server.bytes, &said);
        prop_assert_eq!((pair.server.opened, pair.server.finished), (1, 1));
        prop_assert!(pair.caller.stack.is_bare() && pair.server.stack.is_bare());
        let ProxyHeader::Proxied { source, destination } = &header else { unreachable!() };
        match &pair.server.told[..] {
            [Told::Proxy(ProxyHeader::Local)] => prop_assert!(is_v1 && source.transport() != Transport::Tcp),
            [Told::Proxy(ProxyHeader::Proxied { source: told, destination: at })] => {
                prop_assert_eq!(told.to_string(), source.to_string());
                prop_assert_eq!(at.to_string(), destination.to_string());
            }
            told => prop_assert!(false, "{told:?}"),
        }
    }
}
