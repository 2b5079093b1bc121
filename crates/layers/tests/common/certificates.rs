//! Certificates of a CA of the test's own, good and bad.

use std::sync::LazyLock;

use layers::{Identity, TlsClient, TlsClientSettings, TlsServer, TlsServerSettings, Trust};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// A CA, which vouches for whatever a test wants.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// The one that is trusted, and one that nobody knows.
pub(crate) static CA: LazyLock<Authority> = LazyLock::new(|| Authority::new("Trusted CA"));
pub(crate) static STRANGER: LazyLock<Authority> = LazyLock::new(|| Authority::new("Unknown CA"));

impl Authority {
    fn new(name: &str) -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer }
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.issuer.pem().into_bytes()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// Its own certificate, shown as if it were a server's.
    pub(crate) fn own_identity(&self) -> Identity {
        Identity::from_pem(&self.pem(), self.issuer.key().serialize_pem().as_bytes()).unwrap()
    }

    /// A certificate for `name`, valid in these years, and its key; both PEM.
    pub(crate) fn certify(&self, name: &str, years: (i32, i32)) -> (Vec<u8>, Vec<u8>) {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.distinguished_name.push(DnType::OrganizationName, "Test");
        parameters.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        let (chain, key) = self.certify(name, (2020, 2030));
        Identity::from_pem(&chain, &key).unwrap()
    }
}

/// Settings of a server called `localhost`.
pub(crate) fn server_settings() -> TlsServerSettings {
    TlsServerSettings::new(CA.identity("localhost"))
}

/// Settings of a client that trusts the CA.
pub(crate) fn client_settings() -> TlsClientSettings {
    TlsClientSettings::new(Trust::Ca(CA.pem()))
}

/// The two ends as most tests want them.
pub(crate) fn ends() -> (TlsClient, TlsServer) {
    (TlsClient::new(client_settings()).unwrap(), TlsServer::new(server_settings()).unwrap())
}
