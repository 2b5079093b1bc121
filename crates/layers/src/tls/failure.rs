//! Why a TLS connection cannot go on, sorted by who can mend it.

use std::fmt;

use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use crate::Guilty;
use crate::inert::inert;

use super::Fingerprint;
use super::pin::PinMismatch;

/// Why a TLS connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// Nobody whom we trust vouches for the peer's certificate.
    UnknownIssuer,
    /// The server's certificate is for other names.
    WrongName {
        /// The name that was called.
        called: String,
        /// Those of the certificate, in one line.
        presented: String,
    },
    /// The peer's certificate was good until then.
    Expired,
    /// The peer's certificate is not good yet.
    NotYetValid,
    /// The server's certificate is not the one that was expected.
    PinMismatch {
        /// What it is.
        found: Fingerprint,
    },
    /// The peer's certificate is not good for another reason.
    BadCertificate(String),
    /// The caller showed no certificate, and must.
    CertificateMissing,
    /// The server asks for a certificate that we have none of.
    CertificateRequired,
    /// Each end speaks versions that the other does not.
    Version,
    /// Each end speaks protocols (ALPN) that the other does not.
    Protocol,
    /// The ends have something else not in common, such as cipher suites.
    NothingInCommon(String),
    /// The peer gave up, for the reason named.
    PeerAlert(String),
    /// What came is not TLS.
    NotTls,
    /// What came was damaged or forged, or breaks the protocol.
    Broken(String),
    /// The stream ended without close_notify: what came is genuine, but there may have been more.
    Truncated,
    /// The peer finished in the middle of the handshake.
    HandshakeCut,
    /// The handshake took too long.
    TimedOut,
}

impl TlsFailure {
    /// What rustls could not go on with, in an open connection or a handshake.
    pub(super) fn of(error: &Error, is_open: bool) -> TlsFailure {
        if let Error::InvalidCertificate(error) = error {
            return of_certificate(error);
        }
        if let Error::AlertReceived(alert) = error {
            return of_alert(*alert);
        }
        let text = || inert(&error.to_string());
        if let Error::PeerIncompatible(why) = error {
            return if is_about_version(why) {
                TlsFailure::Version
            } else {
                TlsFailure::NothingInCommon(text())
            };
        }
        if matches!(error, Error::NoCertificatesPresented) {
            TlsFailure::CertificateMissing
        } else if matches!(error, Error::NoApplicationProtocol) {
            TlsFailure::Protocol
        } else if matches!(error, Error::InvalidMessage(_)) && !is_open {
            TlsFailure::NotTls
        } else {
            TlsFailure::Broken(text())
        }
    }

    /// Whether the peer is not whom we trust.
    #[must_use]
    pub fn is_distrust(&self) -> bool {
        match self {
            TlsFailure::UnknownIssuer
            | TlsFailure::WrongName { .. }
            | TlsFailure::Expired
            | TlsFailure::NotYetValid
            | TlsFailure::PinMismatch { .. }
            | TlsFailure::BadCertificate(_)
            | TlsFailure::CertificateMissing => true,
            TlsFailure::CertificateRequired
            | TlsFailure::Version
            | TlsFailure::Protocol
            | TlsFailure::NothingInCommon(_)
            | TlsFailure::PeerAlert(_)
            | TlsFailure::NotTls
            | TlsFailure::Broken(_)
            | TlsFailure::Truncated
            | TlsFailure::HandshakeCut
            | TlsFailure::TimedOut => false,
        }
    }

    pub(crate) fn guilty(&self) -> Guilty {
        match self {
            TlsFailure::Expired
            | TlsFailure::BadCertificate(_)
            | TlsFailure::CertificateMissing
            | TlsFailure::Broken(_)
            | TlsFailure::Truncated => Guilty::Peer,
            TlsFailure::CertificateRequired => Guilty::Ours,
            TlsFailure::UnknownIssuer
            | TlsFailure::WrongName { .. }
            | TlsFailure::NotYetValid
            | TlsFailure::PinMismatch { .. }
            | TlsFailure::Version
            | TlsFailure::Protocol
            | TlsFailure::NothingInCommon(_)
            | TlsFailure::PeerAlert(_)
            | TlsFailure::NotTls
            | TlsFailure::HandshakeCut
            | TlsFailure::TimedOut => Guilty::Either,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            TlsFailure::UnknownIssuer => "an unknown issuer",
            TlsFailure::WrongName { .. } => "a certificate for another name",
            TlsFailure::Expired => "an expired certificate",
            TlsFailure::NotYetValid => "a certificate that is not valid yet",
            TlsFailure::PinMismatch { .. } => "another certificate than the pinned one",
            TlsFailure::BadCertificate(_) => "a bad certificate",
            TlsFailure::CertificateMissing => "no client certificate",
            TlsFailure::CertificateRequired => "a client certificate is required",
            TlsFailure::Version => "no common TLS version",
            TlsFailure::Protocol => "no common protocol (ALPN)",
            TlsFailure::NothingInCommon(_) => "nothing in common for TLS",
            TlsFailure::PeerAlert(_) => "a TLS alert of the peer",
            TlsFailure::NotTls => "no TLS",
            TlsFailure::Broken(_) => "broken TLS",
            TlsFailure::Truncated => "truncated: no close_notify",
            TlsFailure::HandshakeCut => "an unfinished TLS handshake",
            TlsFailure::TimedOut => "no TLS handshake in time",
        }
    }
}

/// What is wrong with a certificate.
fn of_certificate(error: &CertificateError) -> TlsFailure {
    let bad = |why: &dyn fmt::Display| TlsFailure::BadCertificate(inert(&why.to_string()));
    if let CertificateError::NotValidForNameContext { expected, presented } = error {
        let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
        let presented = if names.is_empty() { "no name".to_owned() } else { inert(&names.join(", ")) };
        return TlsFailure::WrongName { called: inert(&expected.to_str()), presented };
    }
    if let CertificateError::Other(other) = error {
        if let Some(mismatch) = other.0.downcast_ref::<PinMismatch>() {
            return TlsFailure::PinMismatch { found: mismatch.found };
        }
        let is_of_ca = matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity));
        return bad(if is_of_ca {
            &"it is one that a CA has for itself (basicConstraints CA:TRUE)"
        } else {
            other
        });
    }
    let is_of_another_key = matches!(
        error,
        CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
    );
    if is_of_another_key {
        bad(
            &"a signature is of another key than it should be, as where a CA was made anew under its old name",
        )
    } else if matches!(error, CertificateError::UnknownIssuer) {
        TlsFailure::UnknownIssuer
    } else if matches!(error, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
        TlsFailure::Expired
    } else if matches!(error, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) {
        TlsFailure::NotYetValid
    } else {
        bad(error)
    }
}

/// The name alone, of one that is shown with what it is: `DnsName("localhost")`, `IpAddress(127.0.0.1)`.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"')
}

/// What the peer could not go on with.
fn of_alert(alert: AlertDescription) -> TlsFailure {
    if alert == AlertDescription::CertificateRequired {
        TlsFailure::CertificateRequired
    } else if alert == AlertDescription::ProtocolVersion {
        TlsFailure::Version
    } else if alert == AlertDescription::NoApplicationProtocol {
        TlsFailure::Protocol
    } else {
        TlsFailure::PeerAlert(
            alert.as_str().map_or_else(|| format!("alert {}", u8::from(alert)), str::to_owned),
        )
    }
}

fn is_about_version(why: &PeerIncompatible) -> bool {
    matches!(
        why,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
    )
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsFailure::UnknownIssuer => f.write_str(
                "nobody whom we trust vouches for the peer's certificate; give its CA (ca=) or, once it is known by \
                 another way, its fingerprint (pin=)",
            ),
            TlsFailure::WrongName { called, presented } => write!(
                f,
                "the server was called as {called}, but its certificate is for {presented}; call it by a name of \
                 these"
            ),
            TlsFailure::Expired => {
                f.write_str("the peer's certificate has expired; whoever runs it has to renew it")
            }
            TlsFailure::NotYetValid => {
                f.write_str("the peer's certificate is not valid yet; is the clock right, here and there?")
            }
            TlsFailure::PinMismatch { found } => write!(
                f,
                "the server's certificate is not the pinned one but {found}; if it was renewed, pin that, else \
                 somebody is between"
            ),
            TlsFailure::BadCertificate(why) => write!(
                f,
                "the peer's certificate is not good: {why}; whoever runs it has to replace it, or it is pinned as it \
                 is (pin=)"
            ),
            TlsFailure::CertificateMissing => f.write_str(
                "the caller showed no certificate, and must have one of our CA; the caller has to give it (cert=, \
                 key=)",
            ),
            TlsFailure::CertificateRequired => {
                f.write_str("the server asks for a client certificate; give one of its CA (cert=, key=)")
            }
            TlsFailure::Version => f.write_str(
                "the peer speaks no version of TLS that we do; allow 1.2 and 1.3 on both ends, older ones are not \
                 spoken",
            ),
            TlsFailure::Protocol => {
                f.write_str("the peer speaks none of the protocols that we offer (ALPN); offer one of its own, or none")
            }
            TlsFailure::NothingInCommon(why) => write!(f, "the two ends cannot speak TLS with each other: {why}"),
            TlsFailure::PeerAlert(alert) => {
                write!(f, "the peer gave TLS up ({alert}); its log may say more than it told us")
            }
            TlsFailure::NotTls => {
                f.write_str(
                    "what came is not TLS; where the peer speaks in the clear, the address is without it: tcp:// instead \
                     of tls://, ws:// instead of wss://",
                )
            }
            TlsFailure::Broken(why) => {
                write!(f, "what came was damaged, forged or against the protocol of TLS: {why}")
            }
            TlsFailure::Truncated => f.write_str(
                "the stream ended without close_notify: what came is genuine, but somebody may have cut it short",
            ),
            TlsFailure::HandshakeCut => f.write_str(
                "the peer finished in the middle of the TLS handshake; does it speak TLS at all?",
            ),
            TlsFailure::TimedOut => {
                f.write_str("the TLS handshake was not complete in time; does the peer speak TLS at all?")
            }
        }
    }
}

impl std::error::Error for TlsFailure {}
