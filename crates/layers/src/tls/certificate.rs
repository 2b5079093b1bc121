//! Certificates out of PEM, and those that are to be trusted.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::TlsSettingError;

/// All certificates of a PEM text, at least one.
pub(super) fn from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsSettingError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(TlsSettingError::NoCertificate),
    }
}

/// Those that can be trusted, at least one. A system's store may hold some that cannot be read: they are left out.
pub(super) fn roots(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<RootCertStore>, TlsSettingError> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 { Err(TlsSettingError::NoRoots) } else { Ok(Arc::new(roots)) }
}
