//! The end that is called.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::WebPkiClientVerifier;
use rustls::{Connection, ServerConfig, ServerConnection};

use crate::Layer;

use super::clock::WallClock;
use super::version::supported;
use super::{Identity, TLS_HANDSHAKE_WITHIN, Tls, TlsSettingError, TlsVersion, certificate, client};

/// What a server asks of its callers' certificates.
#[derive(Clone, Debug, Default)]
pub enum ClientCheck {
    /// Nothing.
    #[default]
    None,
    /// None is as good as one that a CA (PEM) vouches for.
    Optional(Vec<u8>),
    /// One that a CA (PEM) vouches for.
    Required(Vec<u8>),
}

/// What a server is made of.
#[derive(Clone, Debug)]
pub struct TlsServerSettings {
    /// What it shows.
    pub identity: Identity,
    /// What its callers have to show.
    pub clients: ClientCheck,
    /// The protocols that it speaks (ALPN, RFC 7301), the best first. None: it does not care.
    pub protocols: Vec<String>,
    /// The versions that it speaks.
    pub versions: RangeInclusive<TlsVersion>,
    /// How long a handshake may take.
    pub within: Duration,
}

impl TlsServerSettings {
    /// Those of a server that shows this, and asks for nothing.
    #[must_use]
    pub fn new(identity: Identity) -> TlsServerSettings {
        TlsServerSettings {
            identity,
            clients: ClientCheck::None,
            protocols: Vec::new(),
            versions: TlsVersion::ALL,
            within: TLS_HANDSHAKE_WITHIN,
        }
    }
}

/// A server: made once, with a layer for each call. Tickets that it gave out are good for twelve hours with the same
/// server, also in a child that was forked after it was made.
#[derive(Clone, Debug)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    clock: Arc<WallClock>,
    within: Duration,
}

impl TlsServer {
    /// A server of these settings.
    ///
    /// # Errors
    ///
    /// The settings do not go together.
    pub fn new(settings: TlsServerSettings) -> Result<TlsServer, TlsSettingError> {
        let unfit = |error: rustls::Error| TlsSettingError::of(&error);
        let (provider, clock) = (Arc::new(default_provider()), WallClock::new());
        let verifier = |pem: &[u8]| {
            let roots = certificate::roots(certificate::from_pem(pem)?)?;
            Ok(WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)))
        };
        let verifier = match &settings.clients {
            ClientCheck::None => None,
            ClientCheck::Optional(ca) => Some(verifier(ca)?.allow_unauthenticated()),
            ClientCheck::Required(ca) => Some(verifier(ca)?),
        };
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::clone(&clock) as _)
            .with_protocol_versions(&supported(&settings.versions)?)
            .map_err(unfit)?;
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => {
                let verifier = verifier.build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| TlsSettingError::BadCertificate(error.to_string()))?,
                )
            }
        };
        let Identity { chain, key } = settings.identity;
        let mut config = builder.with_single_cert(chain, key).map_err(unfit)?;
        config.alpn_protocols = client::protocols(&settings.protocols)?;
        config.ticketer = Ticketer::new().map_err(|_| TlsSettingError::NoRandomness)?;
        Ok(TlsServer { config: Arc::new(config), clock, within: settings.within })
    }

    /// The layer of one more call.
    ///
    /// # Errors
    ///
    /// The system gave no random bytes.
    pub fn layer(&self) -> Result<Box<dyn Layer>, TlsSettingError> {
        let connection = ServerConnection::new(Arc::clone(&self.config));
        let connection = connection.map_err(|_| TlsSettingError::NoRandomness)?;
        Ok(Tls::new(Connection::from(connection), &self.clock, self.within))
    }
}
