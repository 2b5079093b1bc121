//! Any bytes are a PROXY header that survives its own bytes, the beginning of one, or none; however they are cut.
//!
//! Protected: a verdict is never taken back when more comes, what is told cannot drive a terminal, and what is behind
//! the header is not touched.

use layers::{ProxyHeader, ProxyVersion};

pub(crate) fn run(data: &[u8]) {
    let verdict = ProxyHeader::parse(data);
    for end in 0..data.len().min(300) {
        match ProxyHeader::parse(&data[..end]) {
            Ok(None) => {}
            sooner => assert_eq!(sooner, verdict, "at {end}"),
        }
    }
    match verdict {
        Ok(Some((header, length))) => {
            assert!(length <= data.len());
            assert_eq!(ProxyHeader::parse(&data[..length]), Ok(Some((header.clone(), length))));
            assert!(length == 0 || ProxyHeader::parse(&data[..length - 1]) == Ok(None));
            assert!(!header.to_string().contains(char::is_control), "{header:?}");
            written_again(&header, ProxyVersion::V2);
            if data.starts_with(b"PROXY") {
                written_again(&header, ProxyVersion::V1);
            }
        }
        Ok(None) => assert!(data.len() < 16 + 65_535),
        Err(failure) => assert!(!failure.to_string().contains(char::is_control)),
    }
}

/// As it is sent, it is read as the same, IPv4 wrapped in IPv6 apart.
fn written_again(header: &ProxyHeader, version: ProxyVersion) {
    let wire = header.encode(version);
    match ProxyHeader::parse(&wire) {
        Ok(Some((again, length))) => {
            assert_eq!((again.to_string(), length), (header.to_string(), wire.len()), "{wire:?}");
        }
        other => panic!("{other:?} for {wire:?}"),
    }
}
