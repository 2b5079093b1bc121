//! Why settings make no TLS end: told before the first call.

use std::fmt;

/// Why settings make no TLS end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsSettingError {
    /// There is no certificate in what should be a chain of them.
    NoCertificate,
    /// There is no private key in what should be one.
    NoKey,
    /// The key is not that of the certificate.
    KeyMismatch,
    /// A certificate, or a name for one, cannot be used.
    BadCertificate(String),
    /// There is no certificate to trust.
    NoRoots,
    /// A server cannot be verified by this name.
    BadName(String),
    /// There is no such version, or none in the range.
    NoVersion,
    /// A protocol's name (ALPN) is empty or longer than 255 bytes.
    BadProtocol(String),
    /// The system gave no random bytes.
    NoRandomness,
}

impl fmt::Display for TlsSettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsSettingError::NoCertificate => f.write_str(
                "there is no certificate in it: PEM with BEGIN CERTIFICATE, one's own first, is wanted",
            ),
            TlsSettingError::NoKey => f.write_str(
                "there is no private key in it: PEM with BEGIN PRIVATE KEY, not encrypted, is wanted",
            ),
            TlsSettingError::KeyMismatch => f.write_str(
                "the private key is not that of the first certificate: give the two that belong together",
            ),
            TlsSettingError::BadCertificate(why) => write!(f, "the certificate cannot be used: {why}"),
            TlsSettingError::NoRoots => f.write_str(
                "there is no certificate to trust: give a CA's (ca=) or a server's fingerprint (pin=)",
            ),
            TlsSettingError::BadName(name) => write!(
                f,
                "a server cannot be verified by the name {name:?}: give a DNS name or an IP address, or its \
                 fingerprint (pin=)"
            ),
            TlsSettingError::NoVersion => f.write_str("the versions of TLS are 1.2 and 1.3, the lower first"),
            TlsSettingError::BadProtocol(name) => {
                write!(f, "the protocol {name:?} cannot be offered: a name has 1 to 255 bytes")
            }
            TlsSettingError::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for TlsSettingError {}

impl TlsSettingError {
    /// What rustls has against settings.
    pub(super) fn of(error: &rustls::Error) -> TlsSettingError {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            TlsSettingError::KeyMismatch
        } else {
            TlsSettingError::BadCertificate(error.to_string())
        }
    }
}
