//! What a TLS handshake found out.

use std::fmt;

use rustls::{Connection, HandshakeKind, ProtocolVersion};

use crate::inert::inert;

use super::subject::subject;
use super::{Fingerprint, TlsVersion};

/// What a TLS handshake found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// The version that is spoken.
    pub version: TlsVersion,
    /// The cipher suite, by its name at IANA less the prefix: `TLS13_AES_128_GCM_SHA256`.
    pub cipher: String,
    /// The protocol that both speak (ALPN), if they agreed on one.
    pub protocol: Option<String>,
    /// Whom the caller says that it calls (SNI); only a server is told.
    pub server_name: Option<String>,
    /// It goes on with an earlier session: nobody was verified anew.
    pub is_resumed: bool,
    /// What the peer showed, if anything.
    pub peer: Option<PeerCertificate>,
}

/// The certificate that a peer showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// For whom it is: `CN=example.org, O=Example`; empty where it does not say.
    pub subject: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

impl TlsSession {
    pub(super) fn of(connection: &Connection) -> TlsSession {
        let is_old = connection.protocol_version() == Some(ProtocolVersion::TLSv1_2);
        let peer = connection.peer_certificates().and_then(|chain| chain.first());
        let server_name = match connection {
            Connection::Server(server) => server.server_name(),
            Connection::Client(_) => None,
        };
        TlsSession {
            version: if is_old { TlsVersion::V1_2 } else { TlsVersion::V1_3 },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown")
                .to_owned(),
            protocol: connection.alpn_protocol().map(|name| inert(&String::from_utf8_lossy(name))),
            server_name: server_name.map(inert),
            is_resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            peer: peer.map(|certificate| PeerCertificate {
                subject: subject(certificate),
                fingerprint: Fingerprint::of(certificate),
            }),
        }
    }
}

impl fmt::Display for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS {}, {}", self.version, self.cipher)?;
        if let Some(protocol) = &self.protocol {
            write!(f, ", {protocol}")?;
        }
        if self.is_resumed {
            f.write_str(", resumed")?;
        }
        if let Some(name) = &self.server_name {
            write!(f, ", called as {name}")?;
        }
        if let Some(PeerCertificate { subject, fingerprint }) = &self.peer {
            write!(f, ", peer {subject} {fingerprint}")?;
        }
        Ok(())
    }
}
