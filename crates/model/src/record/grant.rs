//! What an identity may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Authority, Evidence, join_scopes, sorted, sorted_evidence, sorted_scopes};
use crate::fact::Text;
use crate::facts::Facts;
use crate::id::{GrantId, IdentityId, Native, ScopeId};
use crate::time::Time;

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    #[default]
    Allow,
    Deny,
}

/// A condition as the source states it: `key operator values`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Condition {
    pub key: String,
    pub operator: Text,
    pub values: Vec<String>,
}

/// Identity → actions on resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    pub id: GrantId,
    /// `sudo`, `group-membership`, `role-binding`, `workflow-permissions`, `policy` …
    pub kind: Text,
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    pub identity: IdentityId,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Role, group or policy through which it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Grant {
    pub fn new(
        kind: &'static str,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
        identity: IdentityId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        let class = [kind, &identity.to_string()].join(" ");
        Self {
            id: GrantId::of(Native::new(&system, &instance, &class, &native_id)),
            kind: kind.into(),
            system,
            instance,
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            identity,
            actions: Vec::new(),
            resources: Vec::new(),
            effect: Effect::Allow,
            conditions: Vec::new(),
            via: None,
            facts: Facts::new(),
            evidence: Vec::new(),
        }
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.facts.settle(source, observed_at);
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.actions.extend(other.actions);
        self.resources.extend(other.resources);
        self.facts.fill(other.facts);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    pub(super) fn tidy(&mut self) {
        sorted(&mut self.actions);
        sorted(&mut self.resources);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}
