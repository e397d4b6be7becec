//! What proves an identity, and where it lies.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Authority, Evidence, join_scopes, sorted, sorted_evidence, sorted_scopes};
use crate::fact::{Fact, Text, Value};
use crate::facts::Facts;
use crate::id::{CredentialId, IdentityId, Native, PlaceId, ScopeId};
use crate::kinds::CredentialKind;
use crate::secret::Fingerprint;
use crate::time::Time;

/// What proves an identity. Never holds the secret itself.
///
/// Native ids: what has a public identifier (key id, serial, SPKI hash, SSH fingerprint) uses it,
/// so the same credential seen in two places is one record with two places. What has none uses
/// `<place native id>#<name in that place>`; equal values are then found by equal fingerprints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    pub id: CredentialId,
    pub kind: Text,
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    pub name: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    /// The identity it proves, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<StoredAt>,
    /// None for passwords people chose, for shadow hashes, and in a scan that keeps nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub enabled: Fact<bool>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub created_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub expires_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub rotated_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub last_used_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    /// Well-known keys: `algorithm`, `bits`, `encrypted` (a passphrase or key protects it),
    /// `exposure` (`owner`, `group`, `everyone`: who may read it where it lies), `issuer`,
    /// `subject`, `san`, `serial`, `spki_sha256`, `sha256`, `key_id`, `fingerprint_sha256`.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// One place where a credential lies.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct StoredAt {
    pub place: PlaceId,
    /// The place's path or name, so that a row can be read without its place.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Key, section or JSON pointer within the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Credential {
    pub fn id_of(
        kind: &CredentialKind,
        system: &str,
        instance: &str,
        native_id: &str,
    ) -> CredentialId {
        CredentialId::of(Native::new(system, instance, kind.id, native_id))
    }

    pub fn new(
        kind: &'static CredentialKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        Self {
            id: Self::id_of(kind, &system, &instance, &native_id),
            kind: kind.id.into(),
            system,
            instance,
            name: native_id.clone(),
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            identity: None,
            places: Vec::new(),
            fingerprint: None,
            enabled: Fact::default(),
            created_at: Fact::default(),
            expires_at: Fact::default(),
            rotated_at: Fact::default(),
            last_used_at: Fact::default(),
            changed_at: None,
            facts: Facts::new(),
            tags: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }

    pub fn fact(&mut self, name: &'static str, fact: Fact<Value>) {
        self.facts.insert(name.into(), fact);
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.enabled.settle(source, observed_at);
        self.created_at.settle(source, observed_at);
        self.expires_at.settle(source, observed_at);
        self.rotated_at.settle(source, observed_at);
        self.last_used_at.settle(source, observed_at);
        self.facts.settle(source, observed_at);
    }

    pub(super) fn absorb(&mut self, mut other: Self) {
        if other.authority > self.authority {
            std::mem::swap(self, &mut other);
        }
        if self.name == self.native_id {
            self.name = other.name;
        }
        self.identity = self.identity.or(other.identity);
        self.fingerprint = self.fingerprint.or(other.fingerprint);
        self.changed_at = self.changed_at.max(other.changed_at);
        self.enabled.fill(other.enabled);
        self.created_at.fill(other.created_at);
        self.expires_at.fill(other.expires_at);
        self.rotated_at.fill(other.rotated_at);
        self.last_used_at.fill(other.last_used_at);
        self.facts.fill(other.facts);
        for (key, value) in other.tags {
            self.tags.entry(key).or_insert(value);
        }
        self.places.extend(other.places);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    pub(super) fn tidy(&mut self) {
        sorted(&mut self.places);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}
