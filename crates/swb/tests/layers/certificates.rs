//! Certificates that are made once for all tests here, and their files, which each test has of its own.

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm,
};

use crate::support::Directory;

/// Name, certificate and key, both in PEM.
type Row = (&'static str, String, String);

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

/// The CA that is trusted, one that nobody knows, two others of the first one's name, and who is vouched for by it.
static ROWS: LazyLock<[Row; 7]> = LazyLock::new(|| {
    let [ca, anew, stranger] =
        ["Trusted CA", "Trusted CA", "Unknown CA"].map(|name| authority(name, &PKCS_ECDSA_P256_SHA256));
    let of_another_kind = authority("Trusted CA", &PKCS_ED25519);
    let own = |issuer: &CertifiedIssuer<'_, KeyPair>| (issuer.pem(), issuer.key().serialize_pem());
    let row = |name, (certificate, key)| (name, certificate, key);
    [
        row("ca", own(&ca)),
        row("stranger", own(&stranger)),
        row("anew", own(&anew)),
        row("of-another-kind", own(&of_another_kind)),
        row("leaf", certify(&ca, "the server", NAMES, 2100)),
        row("expired", certify(&ca, "the old server", NAMES, 2021)),
        row("client", certify(&ca, "the caller", &["caller.test"], 2100)),
    ]
});

fn authority(name: &str, key: &'static SignatureAlgorithm) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(parameters, KeyPair::generate_for(key).unwrap()).unwrap()
}

fn certify(
    issuer: &CertifiedIssuer<'_, KeyPair>,
    name: &str,
    names: &[&str],
    until: i32,
) -> (String, String) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    (parameters.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

/// The files of all certificates and keys: `leaf.pem`, `leaf.key`.
pub(crate) struct Files(Directory);

impl Files {
    pub(crate) fn new() -> Files {
        let files = Files(Directory::new());
        for (name, certificate, key) in ROWS.iter() {
            write(files.certificate(name), certificate).unwrap();
            write(files.key(name), key).unwrap();
            set_permissions(files.key(name), Permissions::from_mode(0o600)).unwrap();
        }
        files
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0
    }

    pub(crate) fn certificate(&self, name: &str) -> String {
        self.0.file(&format!("{name}.pem"))
    }

    pub(crate) fn key(&self, name: &str) -> String {
        self.0.file(&format!("{name}.key"))
    }

    /// The options by which an end shows the certificate of this name.
    pub(crate) fn shown(&self, name: &str) -> String {
        format!("cert={}&key={}", self.certificate(name), self.key(name))
    }

    /// Where a server of this scheme shows the good certificate, at a port of its own.
    pub(crate) fn at(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:0?{}", self.shown("leaf"))
    }

    /// The address of a server, for who trusts our CA.
    pub(crate) fn to(&self, address: &str) -> String {
        format!("{address}?ca={}", self.certificate("ca"))
    }
}
