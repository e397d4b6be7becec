//! OpenSSH public keys, certificates, `authorized_keys` and `known_hosts` lines.

use model::Time;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`, `sk-…`.
    pub algorithm: String,
    pub bits: Option<u32>,
    /// `SHA256:…` as OpenSSH prints it: the native id.
    pub fingerprint: String,
    pub comment: String,
    pub certificate: Option<Certificate>,
    pub weaknesses: Vec<String>,
}

/// An OpenSSH certificate (PROTOCOL.certkeys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub is_host: bool,
    pub key_id: String,
    pub serial: u64,
    pub principals: Vec<String>,
    pub valid_after: Option<Time>,
    /// None: for ever.
    pub valid_before: Option<Time>,
    pub ca_fingerprint: String,
    pub critical_options: Vec<(String, String)>,
    pub extensions: Vec<String>,
}

/// One line of `authorized_keys` (sshd(8)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedKey {
    pub line: u32,
    pub key: PublicKey,
    /// Options in file order, names lower case: `("from", Some("10.0.0.0/8"))`, `("restrict", None)`.
    pub options: Vec<(String, Option<String>)>,
}

/// The keys of an `authorized_keys` file, and what lines were not understood.
pub fn authorized_keys(_text: &str) -> (Vec<AuthorizedKey>, Vec<(u32, String)>) {
    (Vec::new(), Vec::new())
}

/// One public key line, as in `id_ed25519.pub` or `ssh_host_rsa_key.pub`, or an OpenSSH
/// certificate line as in `…-cert.pub`.
pub fn public_key(_text: &str) -> Result<PublicKey, String> {
    Err(String::new())
}

/// One line of `known_hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHost {
    pub line: u32,
    /// `cert-authority` or `revoked`.
    pub marker: Option<String>,
    /// As written; `|1|…` when hashed.
    pub hosts: Vec<String>,
    pub key: PublicKey,
}

pub fn known_hosts(_text: &str) -> (Vec<KnownHost>, Vec<(u32, String)>) {
    (Vec::new(), Vec::new())
}
