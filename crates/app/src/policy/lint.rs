//! What is wrong or odd about a policy.

use policy::aws::lint as rules;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use policy::aws::lint::MAX_LINT_BYTES;

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// To a user, a group or a role.
    Identity,
    /// To a bucket, a key, a queue and so on.
    Resource,
    /// To a role: who may take it.
    Trust,
    /// A service control policy of an organisation.
    Scp,
    /// A resource control policy of an organisation.
    Rcp,
    /// A permissions boundary.
    Boundary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LintSeverity {
    /// It could be plainer, or a catalogue that is not complete makes it doubtful.
    Info,
    /// It likely does not mean what its author wanted, or gives away more than is wise.
    Warning,
    /// AWS refuses it.
    Error,
}

impl LintSeverity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lint {
    pub rule: &'static str,
    pub severity: LintSeverity,
    /// A JSON pointer (RFC 6901).
    pub pointer: String,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    pub what: String,
    pub why: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Linted {
    /// As it was said, or as the policy looks.
    pub kind: PolicyKind,
    /// In the order of their lines.
    pub lints: Vec<Lint>,
    /// There may be more.
    pub is_cut: bool,
}

impl Linted {
    /// How many are of this severity.
    pub fn n(&self, severity: LintSeverity) -> usize {
        self.lints.iter().filter(|one| one.severity == severity).count()
    }
}

/// What the text of a policy says that is wrong or odd; without a kind it is guessed.
pub fn lint(text: &str, kind: Option<PolicyKind>) -> Linted {
    let kind = kind.map(|kind| match kind {
        PolicyKind::Identity => rules::PolicyKind::Identity,
        PolicyKind::Resource => rules::PolicyKind::Resource,
        PolicyKind::Trust => rules::PolicyKind::Trust,
        PolicyKind::Scp => rules::PolicyKind::Scp,
        PolicyKind::Rcp => rules::PolicyKind::Rcp,
        PolicyKind::Boundary => rules::PolicyKind::Boundary,
    });
    let linted = rules::lint(text, kind);
    let told = |one: rules::Lint| Lint {
        rule: one.rule,
        severity: match one.severity {
            rules::Severity::Info => LintSeverity::Info,
            rules::Severity::Warning => LintSeverity::Warning,
            rules::Severity::Error => LintSeverity::Error,
        },
        pointer: one.pointer,
        line: one.line,
        column: one.column,
        what: one.what,
        why: one.why,
        fix: one.fix,
    };
    Linted {
        kind: match linted.kind {
            rules::PolicyKind::Identity => PolicyKind::Identity,
            rules::PolicyKind::Resource => PolicyKind::Resource,
            rules::PolicyKind::Trust => PolicyKind::Trust,
            rules::PolicyKind::Scp => PolicyKind::Scp,
            rules::PolicyKind::Rcp => PolicyKind::Rcp,
            rules::PolicyKind::Boundary => PolicyKind::Boundary,
        },
        lints: linted.lints.into_iter().map(told).collect(),
        is_cut: linted.is_cut,
    }
}
