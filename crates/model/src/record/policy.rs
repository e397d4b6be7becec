//! A policy document as its system states it, and what it hangs on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Authority, Evidence, join_scopes, sorted, sorted_evidence, sorted_scopes};
use crate::fact::Text;
use crate::facts::Facts;
use crate::id::{IdentityId, Native, PolicyId, ScopeId};
use crate::time::Time;

/// Documents longer than this are not taken in. (The longest that AWS knows has 51,200 bytes.)
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// What a document is, which says how it is read: a trust policy has principals, an organisation's
/// policy allows nothing by itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// Stands by itself and is attached to identities, by its native id.
    ManagedPolicy,
    /// Part of one identity or group.
    InlinePolicy,
    /// Says who may become its holder.
    TrustPolicy,
    /// Part of a resource: who may do what with it.
    ResourcePolicy,
    ServiceControlPolicy,
    ResourceControlPolicy,
    PermissionSetPolicy,
}

impl PolicyKind {
    pub const ALL: [Self; 7] = [
        Self::ManagedPolicy,
        Self::InlinePolicy,
        Self::TrustPolicy,
        Self::ResourcePolicy,
        Self::ServiceControlPolicy,
        Self::ResourceControlPolicy,
        Self::PermissionSetPolicy,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ManagedPolicy => "managed-policy",
            Self::InlinePolicy => "inline-policy",
            Self::TrustPolicy => "trust-policy",
            Self::ResourcePolicy => "resource-policy",
            Self::ServiceControlPolicy => "service-control-policy",
            Self::ResourceControlPolicy => "resource-control-policy",
            Self::PermissionSetPolicy => "permission-set-policy",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One policy document.
///
/// Native ids: a managed policy's or organisation policy's own; `<holder>#inline/<name>`;
/// `<holder>#trust`; `<resource>#policy`. The instance is that of whoever states it, also for
/// policies that the vendor makes: accounts see different versions of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyDocument {
    pub id: PolicyId,
    pub kind: PolicyKind,
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
    /// The text as the source has it, so that JSON pointers of verdicts point into it; at most
    /// [`MAX_DOCUMENT_BYTES`].
    pub document: String,
    /// The identity that an inline or trust policy is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<IdentityId>,
    /// The resource that a resource policy is part of: its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `v3`, of what has versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What an organisation's policy is attached to: ids of the root, of units and accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The source's own time of the last change, where it states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl PolicyDocument {
    pub fn id_of(system: &str, instance: &str, native_id: &str) -> PolicyId {
        PolicyId::of(Native::new(system, instance, "policy", native_id))
    }

    pub fn new(
        kind: PolicyKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
        document: impl Into<String>,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        Self {
            id: Self::id_of(&system, &instance, &native_id),
            kind,
            system,
            instance,
            name: native_id.clone(),
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            document: document.into(),
            holder: None,
            resource: None,
            version: None,
            targets: Vec::new(),
            changed_at: None,
            facts: Facts::new(),
            evidence: Vec::new(),
        }
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.facts.settle(source, observed_at);
    }

    /// Of two texts the one that changed last counts; where neither says when, the first.
    pub(super) fn absorb(&mut self, mut other: Self) {
        let of = |policy: &Self| (policy.authority, policy.changed_at);
        if of(&other) > of(self) {
            std::mem::swap(self, &mut other);
        }
        self.holder = self.holder.or(other.holder);
        self.resource = self.resource.take().or(other.resource);
        self.version = self.version.take().or(other.version);
        self.changed_at = self.changed_at.or(other.changed_at);
        self.targets.extend(other.targets);
        self.facts.fill(other.facts);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    pub(super) fn tidy(&mut self) {
        sorted(&mut self.targets);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    #[test]
    fn every_kind_has_the_name_that_is_published() {
        for kind in PolicyKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(PolicyKind::of_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn of_two_versions_the_later_counts_whatever_came_first() {
        let scope = Scope::new("aws", "1", "account", "1").id;
        let of = |text: &str, seconds| {
            let kind = PolicyKind::ManagedPolicy;
            let mut policy = PolicyDocument::new(kind, "aws", "1", "arn:p", scope, text);
            policy.changed_at = Some(Time::from_seconds(seconds));
            policy.targets.push(text.into());
            policy
        };
        for order in [["new", "old"], ["old", "new"]] {
            let all = order.map(|text| of(text, if text == "new" { 2 } else { 1 }));
            let mut batch = crate::Batch { policies: all.to_vec(), ..crate::Batch::default() };
            batch.settle();
            assert_eq!(batch.policies.len(), 1);
            assert_eq!(batch.policies[0].document, "new");
            assert_eq!(batch.policies[0].targets, ["new", "old"]);
        }
    }
}
