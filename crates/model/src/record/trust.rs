//! Who can become an identity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::grant::Condition;
use super::{Authority, Evidence, join_scopes, sorted, sorted_evidence, sorted_scopes};
use crate::fact::Text;
use crate::facts::Facts;
use crate::id::{IdentityId, Native, ScopeId, TrustId};
use crate::time::Time;

/// Who can become an identity.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(untagged)]
pub enum Subject {
    /// A known identity.
    Identity { identity: IdentityId },
    /// A token of an issuer whose subject (and audience) match; `*` and `?` are wildcards.
    Federated {
        issuer: String,
        subject: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        audience: Option<String>,
    },
    /// A principal as the source writes it: an ARN, an account, a key fingerprint, `*`.
    Principal { principal: String },
}

impl Subject {
    fn class(&self) -> String {
        match self {
            Self::Identity { identity } => identity.to_string(),
            Self::Federated { issuer, subject, audience } => {
                format!("{issuer} {subject} {}", audience.as_deref().unwrap_or_default())
            }
            Self::Principal { principal } => principal.clone(),
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity { identity } => identity.fmt(f),
            Self::Federated { issuer, subject, .. } => write!(f, "{issuer} {subject}"),
            Self::Principal { principal } => f.write_str(principal),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trust {
    pub id: TrustId,
    /// `web-identity`, `assume-role`, `ssh-authorized-key`, `ssh-ca`, `runs-as`, `impersonate` …
    pub mechanism: Text,
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
    pub from: Subject,
    pub to: IdentityId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Trust {
    pub fn new(
        mechanism: &'static str,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
        from: Subject,
        to: IdentityId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        let class = [mechanism, &from.class(), &to.to_string()].join(" ");
        Self {
            id: TrustId::of(Native::new(&system, &instance, &class, &native_id)),
            mechanism: mechanism.into(),
            system,
            instance,
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            from,
            to,
            conditions: Vec::new(),
            facts: Facts::new(),
            evidence: Vec::new(),
        }
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.facts.settle(source, observed_at);
    }

    pub(super) fn absorb(&mut self, other: Self) {
        self.conditions.extend(other.conditions);
        self.facts.fill(other.facts);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    pub(super) fn tidy(&mut self) {
        sorted(&mut self.conditions);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}
