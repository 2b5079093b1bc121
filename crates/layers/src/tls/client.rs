//! The end that calls.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use conversation::Now;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection};

use crate::Layer;

use super::clock::WallClock;
use super::pin::Pinned;
use super::version::supported;
use super::{Fingerprint, Identity, TLS_HANDSHAKE_WITHIN, Tls, TlsSettingError, TlsVersion, certificate};

/// By what a server is trusted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// One of these CAs (DER each) vouches for its name: those of the system.
    Roots(Vec<Vec<u8>>),
    /// One of these CAs (PEM), or a server that vouches for itself, vouches for its name.
    Ca(Vec<u8>),
    /// Its certificate is this one, whatever its name, its issuer and its time.
    Pin(Fingerprint),
}

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct TlsClientSettings {
    /// By what a server is trusted.
    pub trust: Trust,
    /// What it shows if it is asked.
    pub identity: Option<Identity>,
    /// Whether it says whom it calls (SNI, RFC 6066 section 3): anyone on the way can read that.
    pub says_name: bool,
    /// The protocols that it speaks (ALPN, RFC 7301), the best first. None: it does not say.
    pub protocols: Vec<String>,
    /// The versions that it speaks.
    pub versions: RangeInclusive<TlsVersion>,
    /// How long a handshake may take.
    pub within: Duration,
}

impl TlsClientSettings {
    /// Those of a client that trusts by this.
    #[must_use]
    pub fn new(trust: Trust) -> TlsClientSettings {
        TlsClientSettings {
            trust,
            identity: None,
            says_name: true,
            protocols: Vec::new(),
            versions: TlsVersion::ALL,
            within: TLS_HANDSHAKE_WITHIN,
        }
    }
}

/// A client: made once, with a layer for each call. Calls to the same name resume the session of an earlier one where
/// the server lets them; of at most 256 servers such sessions are kept.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    clock: Arc<WallClock>,
    within: Duration,
    /// The name of the server does not matter.
    is_pinned: bool,
}

impl TlsClient {
    /// A client of these settings.
    ///
    /// # Errors
    ///
    /// The settings do not go together.
    pub fn new(settings: TlsClientSettings) -> Result<TlsClient, TlsSettingError> {
        let unfit = |error: rustls::Error| TlsSettingError::of(&error);
        let (provider, clock) = (Arc::new(default_provider()), WallClock::new());
        let is_pinned = matches!(settings.trust, Trust::Pin(_));
        let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::clone(&clock) as _)
            .with_protocol_versions(&supported(&settings.versions)?)
            .map_err(unfit)?
            .dangerous()
            .with_custom_certificate_verifier(verifier(settings.trust, provider)?);
        let mut config = match settings.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).map_err(unfit)?,
        };
        config.alpn_protocols = protocols(&settings.protocols)?;
        config.enable_sni = settings.says_name;
        Ok(TlsClient { config: Arc::new(config), clock, within: settings.within, is_pinned })
    }

    /// The layer of one more call, to the server of this name: a DNS name or an IP address. It is to be opened at
    /// once: what it says first depends on the time, by which an earlier session may have expired.
    ///
    /// # Errors
    ///
    /// It is neither, and the server is not pinned; or the system gave no random bytes.
    pub fn layer(&self, name: &str, now: Now) -> Result<Box<dyn Layer>, TlsSettingError> {
        let name = match ServerName::try_from(name.to_owned()) {
            Ok(name) => name,
            // Of an IP address nothing is said on the wire.
            Err(_) if self.is_pinned => ServerName::from(core::net::IpAddr::from([0; 4])),
            Err(_) => return Err(TlsSettingError::BadName(name.to_owned())),
        };
        self.clock.set(now.wall);
        let connection = ClientConnection::new(Arc::clone(&self.config), name);
        let connection = connection.map_err(|_| TlsSettingError::NoRandomness)?;
        Ok(Tls::new(Connection::from(connection), &self.clock, self.within))
    }
}

fn verifier(
    trust: Trust,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsSettingError> {
    let roots = match trust {
        Trust::Pin(pin) => return Ok(Arc::new(Pinned { pin, provider })),
        Trust::Roots(roots) => certificate::roots(roots.into_iter().map(CertificateDer::from))?,
        Trust::Ca(pem) => certificate::roots(certificate::from_pem(&pem)?)?,
    };
    match WebPkiServerVerifier::builder_with_provider(roots, provider).build() {
        Ok(verifier) => Ok(verifier),
        Err(error) => Err(TlsSettingError::BadCertificate(error.to_string())),
    }
}

/// Protocol names as they are sent (RFC 7301 section 3.1).
pub(super) fn protocols(names: &[String]) -> Result<Vec<Vec<u8>>, TlsSettingError> {
    let unfit = names.iter().find(|name| name.is_empty() || name.len() > 255);
    match unfit {
        Some(name) => Err(TlsSettingError::BadProtocol(name.clone())),
        None => Ok(names.iter().map(|name| name.clone().into_bytes()).collect()),
    }
}
