//! What an end shows of itself: its certificate, those between it and a CA, and the key to the first.

use std::fmt;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Fingerprint, TlsSettingError, certificate};

/// A certificate chain and its key.
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM: the certificate first, then what leads from it to a CA; and its key, not encrypted.
    ///
    /// # Errors
    ///
    /// One of the two is not there, or cannot be read. Whether they belong together is found when an end is made.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, TlsSettingError> {
        let chain = certificate::from_pem(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsSettingError::NoKey)?;
        Ok(Identity { chain, key })
    }

    /// A new key, and a certificate for it by which it vouches for itself: nobody can trust that but by its
    /// [fingerprint](Identity::fingerprint), or by the certificate itself.
    ///
    /// # Errors
    ///
    /// A name is neither a DNS name nor an IP address.
    pub fn self_signed(names: &[&str]) -> Result<Identity, TlsSettingError> {
        let unfit = |error: rcgen::Error| TlsSettingError::BadCertificate(error.to_string());
        let mut parameters =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
                .map_err(unfit)?;
        parameters
            .distinguished_name
            .push(DnType::CommonName, names.first().copied().unwrap_or("switchboard"));
        let key = KeyPair::generate().map_err(unfit)?;
        let certificate = parameters.self_signed(&key).map_err(unfit)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|why| TlsSettingError::BadCertificate(why.to_owned()))?;
        Ok(Identity { chain: vec![certificate.der().clone()], key })
    }

    /// The fingerprint of its certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.chain.first().map(|certificate| Fingerprint::of(certificate))
    }

    /// Its certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.chain.first().map(AsRef::as_ref)
    }
}

impl Clone for Identity {
    fn clone(&self) -> Identity {
        Identity { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for Identity {
    /// Its fingerprint, and nothing of its key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.fingerprint()).finish()
    }
}
