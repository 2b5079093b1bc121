//! The files of TLS: certificates and keys in PEM, and the system's authorities.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::LayeringError;

/// Bytes of a file at the most: the list of all authorities of a system has a quarter of it.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// What the file that `option` names holds.
pub(super) fn read_pem(option: &str, path: &str) -> Result<Vec<u8>, LayeringError> {
    let failed = |why: String| LayeringError::new(format!("?{option}={path}: {why}"));
    let about = fs::metadata(path).map_err(|error| failed(format!("stat(2): {}", sys::describe(&error))))?;
    if about.len() > PEM_BYTES_MAX {
        return Err(failed(format!("it has {} bytes, and no such file in PEM has", about.len())));
    }
    fs::read(path).map_err(|error| failed(format!("read(2): {}", sys::describe(&error))))
}

/// A sentence about a key that others than its owner may read, or nothing.
pub(super) fn open_to_others(path: &str) -> Option<String> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let is_open = mode & 0o077 != 0;
    is_open.then(|| format!("the key {path} can be read by others (mode {mode:o}): chmod 600 {path}"))
}

/// The authorities that this system trusts, each in DER.
pub(super) fn system_roots() -> Result<Vec<Vec<u8>>, LayeringError> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        let what = format!("this system has no list of authorities{why}; give ?ca=FILE or ?pin=sha256:...");
        return Err(LayeringError::new(what));
    }
    Ok(found.certs.iter().map(|certificate| certificate.as_ref().to_vec()).collect())
}
