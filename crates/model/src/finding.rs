//! A finding: one rule that fires on one subject, with its evidence and the exact fix.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fact::Text;
use crate::id::{CredentialId, FindingId, GrantId, IdentityId, Native, TrustId};
use crate::record::{Evidence, StoredAt};
use crate::time::Time;

/// How bad, on one scale everywhere.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == text)
            .ok_or_else(|| format!("`{text}` is not one of info, low, medium, high, critical"))
    }
}

/// What a finding is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(untagged)]
pub enum FindingSubject {
    Identity(IdentityId),
    Credential(CredentialId),
    Grant(GrantId),
    Trust(TrustId),
}

impl std::fmt::Display for FindingSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity(id) => id.fmt(f),
            Self::Credential(id) => id.fmt(f),
            Self::Grant(id) => id.fmt(f),
            Self::Trust(id) => id.fmt(f),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum FindingState {
    Open,
    Acknowledged {
        by: String,
    },
    Snoozed {
        by: String,
        until: Time,
    },
    /// The risk is accepted until a date, for a reason.
    Accepted {
        by: String,
        until: Time,
        reason: String,
    },
    Resolved {
        at: Time,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub id: FindingId,
    /// The rule's id; reads as "allow ⟨id⟩".
    pub rule: Text,
    pub severity: Severity,
    pub subject: FindingSubject,
    /// The identity whose owner must act; the subject itself, or what the subject belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<IdentityId>,
    /// One sentence with the names in it.
    pub title: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub places: Vec<StoredAt>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub evidence: Vec<Evidence>,
    /// What exactly to do, as sentences and commands.
    pub fix: String,
}

impl Finding {
    /// The stable id of a rule that fires on a subject.
    pub fn id_of(rule: &str, subject: FindingSubject) -> FindingId {
        FindingId::of(Native::new("tutela", "", rule, &subject.to_string()))
    }
}
