//! Who may own an identity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, join_scopes, sorted, sorted_evidence, sorted_scopes};
use crate::fact::{Fact, Text};
use crate::id::{IdentityId, Native, OwnerLinkId, PartyId, ScopeId};
use crate::time::Time;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PartyKind {
    Person,
    Team,
    Vendor,
}

/// A person, team or vendor, as some system writes it: `@org/team`, `Ada <ada@example.org>`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Party {
    pub kind: PartyKind,
    /// The handle or address by which two mentions are known to be one: lower case.
    pub key: String,
    pub name: String,
}

impl Party {
    pub fn new(kind: PartyKind, key: &str, name: impl Into<String>) -> Self {
        Self { kind, key: key.trim().to_lowercase(), name: name.into() }
    }

    pub fn id(&self) -> PartyId {
        PartyId::of(Native::new("party", "", "party", &self.key))
    }
}

/// One candidate for the ownership of one identity, with how we know and how sure we are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerLink {
    pub id: OwnerLinkId,
    pub identity: IdentityId,
    pub owner: Party,
    /// `claim`, `tag`, `codeowners`, `git-author`, `git-blame`, `unit-file`, `key-comment`,
    /// `terraform-module`, `home`, `label` …
    pub method: Text,
    /// 0 to 1.
    pub confidence: f64,
    /// Whether the person still works here; a directory knows, a file does not.
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub active: Fact<bool>,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl OwnerLink {
    pub fn new(
        identity: IdentityId,
        owner: Party,
        method: &'static str,
        confidence: f64,
        scope: ScopeId,
    ) -> Self {
        let class = [&identity.to_string(), method].join(" ");
        Self {
            id: OwnerLinkId::of(Native::new("party", &scope.to_string(), &class, &owner.key)),
            identity,
            owner,
            method: method.into(),
            confidence,
            active: Fact::default(),
            scope,
            also_in: Vec::new(),
            loci: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.active.settle(source, observed_at);
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.confidence = self.confidence.max(other.confidence);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    pub(super) fn tidy(&mut self) {
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}
