//! The versions of TLS that are spoken: 1.2 (RFC 5246) and 1.3 (RFC 8446). Older ones are not (RFC 8996).

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::TlsSettingError;

/// A version of TLS, the older before the newer. Its text is `1.2` or `1.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl TlsVersion {
    /// All that are spoken, which is what is offered where nothing else is said.
    pub const ALL: RangeInclusive<TlsVersion> = TlsVersion::V1_2..=TlsVersion::V1_3;
}

/// The versions of a range, as rustls names them.
pub(super) fn supported(
    versions: &RangeInclusive<TlsVersion>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsSettingError> {
    let all = [(TlsVersion::V1_3, &TLS13), (TlsVersion::V1_2, &TLS12)];
    let within: Vec<_> =
        all.iter().filter(|(version, _)| versions.contains(version)).map(|(_, of)| *of).collect();
    if within.is_empty() { Err(TlsSettingError::NoVersion) } else { Ok(within) }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsVersion::V1_2 => "1.2",
            TlsVersion::V1_3 => "1.3",
        })
    }
}

impl FromStr for TlsVersion {
    type Err = TlsSettingError;

    fn from_str(text: &str) -> Result<TlsVersion, TlsSettingError> {
        match text {
            "1.2" => Ok(TlsVersion::V1_2),
            "1.3" => Ok(TlsVersion::V1_3),
            _ => Err(TlsSettingError::NoVersion),
        }
    }
}
