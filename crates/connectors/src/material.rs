//! Recognised credential material as records: the same certificate, key or token becomes the same
//! credential whichever connector meets it.
//!
//! Each function returns the credential (and, where the material names its identity, that
//! identity) with its place, loci, exposure and fingerprint filled in. The caller adds what only it
//! knows: the identity that uses it, owners, trusts.

use credentials::{Found, keys, keytab, pkcs12, ssh, x509};
use model::{Batch, Credential, Fingerprinter, Identity, Place, ScopeId};

use crate::files::Meta;

/// Where a piece of material was read.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    pub scope: ScopeId,
    pub place: &'a Place,
    /// The path as gaps name it.
    pub locus: &'a str,
    /// None when it was not a file (a field of a state).
    pub meta: Option<Meta>,
    /// The machine id: the instance of what has no better one.
    pub machine: &'a str,
    pub fingerprinter: Option<&'a Fingerprinter>,
}

/// A token, key or password. The identity is the one the token's own bytes or shape name (an
/// e-mail of a service account, an AWS account of a key), else an `api-client` named after the
/// variable and place.
pub fn found(_found: &Found, _at: At<'_>) -> (Credential, Identity) {
    todo!()
}

/// A certificate, and its subject as an identity (`tls-subject`, or `spiffe-workload` when it has
/// a `spiffe://` name) unless it is a CA.
pub fn certificate(
    _certificate: &x509::Certificate,
    _at: At<'_>,
) -> (Credential, Option<Identity>) {
    todo!()
}

/// A private key.
pub fn private_key(_key: &keys::PrivateKey, _at: At<'_>) -> Credential {
    todo!()
}

/// A public SSH key (kind `ssh-public-key`, or `ssh-certificate`).
pub fn public_key(_key: &ssh::PublicKey, _line: Option<u32>, _at: At<'_>) -> Credential {
    todo!()
}

/// An entry of a keytab, and its Kerberos principal.
pub fn keytab_entry(_entry: &keytab::Entry, _at: At<'_>) -> (Credential, Identity) {
    todo!()
}

/// Everything in a file's bytes that is certificate, private key or key store, with the subject
/// identities, key-to-certificate matches (equal `spki_sha256`: the key's identity is the
/// certificate's), and the count of problems as gaps in `coverage`-ready form.
pub fn containers(_bytes: &[u8], _at: At<'_>) -> (Batch, Vec<model::Gap>) {
    todo!()
}

/// A key store file.
pub fn key_store(_store: &pkcs12::Store, _at: At<'_>) -> Batch {
    todo!()
}
