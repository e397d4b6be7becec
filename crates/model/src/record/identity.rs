//! A principal that is not a person.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::PolicyDocument;
use super::{Authority, Evidence, join_scopes, sorted, sorted_evidence, sorted_scopes};
use crate::fact::{Fact, Text, Value};
use crate::facts::Facts;
use crate::id::{IdentityId, Native, PolicyId, ScopeId};
use crate::kinds::{General, IdentityKind, identity_kind};
use crate::time::Time;

/// A principal that is not a person (or a person's account on which credentials hang; see
/// [`Identity::is_person`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    pub id: IdentityId,
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
    /// Paths or calls it was read from, as gaps name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    /// The identity it is part of: an agent's parent, a pipeline's job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<IdentityId>,
    /// `prod`, `staging`, `dev` …
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub environment: Fact<String>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub enabled: Fact<bool>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub created_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub last_used_at: Fact<Time>,
    /// The source's own time of the last change, where it states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    /// What else the source states; keys are `snake_case` and documented with the connector.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Identity {
    pub fn id_of(kind: &IdentityKind, system: &str, instance: &str, native_id: &str) -> IdentityId {
        IdentityId::of(Native::new(system, instance, kind.class, native_id))
    }

    /// A new claim; its name is the native id until said otherwise.
    pub fn new(
        kind: &'static IdentityKind,
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
            parent: None,
            environment: Fact::default(),
            enabled: Fact::default(),
            created_at: Fact::default(),
            last_used_at: Fact::default(),
            changed_at: None,
            facts: Facts::new(),
            tags: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }

    /// Whether this is a person's account rather than an NHI.
    pub fn is_person(&self) -> bool {
        identity_kind(&self.kind).is_some_and(|kind| kind.general == General::Person)
    }

    /// The policy documents that apply to it without being part of it, as its facts name them:
    /// attached to it, to a group it is in, or as its boundary.
    pub fn applying_policies(&self) -> Vec<PolicyId> {
        let named = ["attached_policies", "policies_of_groups", "permissions_boundary"];
        let names = named.into_iter().filter_map(|name| self.facts.get(name)?.value());
        let mut ids: Vec<PolicyId> = names
            .flat_map(|value| match value {
                Value::List(list) => list.as_slice(),
                Value::Text(text) => std::slice::from_ref(text),
                _ => &[],
            })
            .map(|native_id| PolicyDocument::id_of(&self.system, &self.instance, native_id))
            .collect();
        sorted(&mut ids);
        ids
    }

    pub fn fact(&mut self, name: &'static str, fact: Fact<Value>) {
        self.facts.insert(name.into(), fact);
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.environment.settle(source, observed_at);
        self.enabled.settle(source, observed_at);
        self.created_at.settle(source, observed_at);
        self.last_used_at.settle(source, observed_at);
        self.facts.settle(source, observed_at);
    }

    /// Takes in another claim about the same identity by the same source.
    pub(super) fn absorb(&mut self, mut other: Self) {
        if other.authority > self.authority {
            std::mem::swap(self, &mut other);
        }
        if self.name == self.native_id {
            self.name = other.name;
        }
        self.parent = self.parent.or(other.parent);
        self.changed_at = self.changed_at.max(other.changed_at);
        self.environment.fill(other.environment);
        self.enabled.fill(other.enabled);
        self.created_at.fill(other.created_at);
        self.last_used_at.fill(other.last_used_at);
        self.facts.fill(other.facts);
        for (key, value) in other.tags {
            self.tags.entry(key).or_insert(value);
        }
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
