//! The SHA-256 of a certificate: `sha256:` and 64 hexadecimal digits.
//!
//! What `openssl x509 -fingerprint -sha256` prints is read too: colons between the bytes, capital letters.

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};

const PREFIX: &str = "sha256:";

/// The SHA-256 of a certificate's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a certificate.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Fingerprint {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Fingerprint(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseFingerprintError;

impl fmt::Display for ParseFingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint is sha256: and 64 hexadecimal digits, colons between the bytes or none")
    }
}

impl std::error::Error for ParseFingerprintError {}

impl FromStr for Fingerprint {
    type Err = ParseFingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, ParseFingerprintError> {
        let digits = match text.split_at_checked(PREFIX.len()) {
            Some((prefix, digits)) if prefix.eq_ignore_ascii_case(PREFIX) => digits,
            _ => text,
        };
        let is_spaced = digits.len() == 95 && digits.bytes().skip(2).step_by(3).all(|byte| byte == b':');
        let digits = if is_spaced { digits.replace(':', "") } else { digits.to_owned() };
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseFingerprintError);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = &digits[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| ParseFingerprintError)?;
        }
        Ok(Fingerprint(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, ParseFingerprintError};

    #[test]
    fn a_fingerprint_is_read_as_it_is_written_here_and_by_openssl() {
        // The SHA-256 of nothing, FIPS 180-4.
        let empty = Fingerprint::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.to_string(), text);
        let pairs: Vec<String> = empty.bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        for same in [text, &text[7..], &pairs.join(":"), &format!("SHA256:{}", pairs.join(":"))] {
            assert_eq!(same.parse(), Ok(empty), "{same}");
        }
        for other in ["", "sha256:", "sha1:00", &text[..70], &text.replace('e', "g"), "ä", &"é".repeat(32)]
        {
            assert_eq!(other.parse::<Fingerprint>(), Err(ParseFingerprintError), "{other}");
        }
    }
}
