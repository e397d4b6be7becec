//! Finds secrets in bytes and classifies values that are known to be secret.

use std::collections::BTreeMap;
use std::ops::Range;

use model::fact::Text;
use model::kinds::CredentialKind;
use model::{Fact, Secret, Time, Value};

/// How sure a rule is that these bytes are a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Looks random and has a telling name beside it.
    Likely,
    /// Has the issuer's own prefix and shape.
    Sure,
    /// Has a checksum or structure that was verified.
    Verified,
}

/// A credential in bytes.
#[derive(Debug, Clone)]
pub struct Found {
    /// The rule's id: `aws-access-key`, `github-token`, `assigned-secret` …
    pub rule: &'static str,
    pub title: &'static str,
    pub kind: &'static CredentialKind,
    /// The system of record: `aws`, `github`, `npm` …; `unknown` when it cannot be told.
    pub system: &'static str,
    /// Account, tenant or address, where the bytes say so.
    pub instance: Option<String>,
    /// The public identifier (access key id, JWT id, e-mail of a service account …).
    pub public_id: Option<String>,
    /// The user, account or service it belongs to, where the bytes say so.
    pub account: Option<String>,
    /// The variable, key or option it is assigned to.
    pub name: Option<String>,
    /// Where the secret's own bytes are.
    pub span: Range<usize>,
    /// From 1.
    pub line: u32,
    pub secret: Secret<Vec<u8>>,
    pub created_at: Fact<Time>,
    pub expires_at: Fact<Time>,
    pub facts: BTreeMap<Text, Fact<Value>>,
    pub confidence: Confidence,
    /// Whether a person chose it: then no fingerprint is made.
    pub chosen_by_person: bool,
}

/// Whether the bytes hold any rule's keyword: a fast scan that never misses what [`find`] finds.
pub fn might_hold(_bytes: &[u8]) -> bool {
    false
}

/// Calls `sink` for every credential in the bytes, in order of position, none overlapping.
pub fn find(_bytes: &[u8], _sink: &mut dyn FnMut(Found)) {}

/// Classifies one value that its place says is secret (the `password` of a `.netrc`, the
/// `_authToken` of an `.npmrc`), by its own shape first and by its name second. None for
/// placeholders, references (`${VAR}`, `op://…`, `{{ … }}`), and empty values.
pub fn classify(_name: Option<&str>, _value: &str) -> Option<Found> {
    None
}
