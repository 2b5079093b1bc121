//! For whom a certificate is: its subject as text (RFC 5280 section 4.1.2.6, RFC 4514).
//!
//! A peer made it, so a length that lies ends the reading, and what is shown is inert. Bound: a name of at most 200
//! characters.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::inert::inert;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The attributes that are shown: the end of their object identifiers, 2.5.4.N, and their names.
const ATTRIBUTES: &[(u8, &str)] = &[(3, "CN"), (6, "C"), (7, "L"), (8, "ST"), (10, "O"), (11, "OU")];

/// The subject of a certificate, as much of it as can be read.
pub(super) fn subject(certificate: &CertificateDer<'_>) -> String {
    EndEntityCert::try_from(certificate).map_or_else(|_| String::new(), |read| text(read.subject()))
}

/// The attributes of a name, as `CN=example.org, O=Example`.
fn text(mut name: &[u8]) -> String {
    if let Some((SEQUENCE, inner)) = element(&mut { name }) {
        name = inner;
    }
    let mut parts = Vec::new();
    while let Some((SET, mut set)) = element(&mut name) {
        while let Some((SEQUENCE, mut attribute)) = element(&mut set) {
            let Some((OBJECT_IDENTIFIER, [0x55, 0x04, last])) = element(&mut attribute) else { continue };
            let Some((_, value)) = element(&mut attribute) else { continue };
            if let Some((_, known)) = ATTRIBUTES.iter().find(|(number, _)| number == last) {
                parts.push(format!("{known}={}", String::from_utf8_lossy(value)));
            }
        }
    }
    inert(&parts.join(", "))
}

/// The next element of DER: its tag and its contents, of at most 65,535 bytes.
fn element<'d>(der: &mut &'d [u8]) -> Option<(u8, &'d [u8])> {
    let (tag, length, rest) = match **der {
        [tag, 0x81, length, ref rest @ ..] => (tag, usize::from(length), rest),
        [tag, 0x82, high, low, ref rest @ ..] => (tag, usize::from(u16::from_be_bytes([high, low])), rest),
        [tag, length @ ..=0x7f, ref rest @ ..] => (tag, usize::from(length), rest),
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    *der = rest;
    Some((tag, contents))
}

#[cfg(test)]
mod tests {
    use super::text;

    /// `CN=ab`, in a set of its own.
    const COMMON_NAME: &[u8] = &[0x31, 11, 0x30, 9, 6, 3, 0x55, 4, 3, 0x0c, 2, b'a', b'b'];

    #[test]
    fn attributes_are_shown_in_their_order_as_far_as_they_can_be_read() {
        let organisation = [0x31, 10, 0x30, 8, 6, 3, 0x55, 4, 10, 0x0c, 1, 0x1b];
        assert_eq!(text(COMMON_NAME), "CN=ab");
        assert_eq!(text(&[COMMON_NAME, &organisation].concat()), "CN=ab, O=\\u{1b}");
        assert_eq!(text(&[&[0x30, 13], COMMON_NAME].concat()), "CN=ab");
        assert_eq!(text(&[COMMON_NAME, &organisation[..7]].concat()), "CN=ab");
        assert_eq!(text(b""), "");
        for end in 0..COMMON_NAME.len() {
            assert_eq!(text(&COMMON_NAME[..end]), "");
        }
    }
}
