//! What is wrong with a policy, and what is odd about it, each with its place, reason and remedy.
//!
//! It reads the text itself and not a [`Document`]: a policy that AWS refuses is linted as far as it
//! can be understood. What the catalogue does not know may be newer than it: that is told mildly.
//! Start at [`lint`]; `rules` lists what is looked for.

mod actions;
mod check;
mod conditions;
mod covered;
mod keys;
mod overlap;
mod places;
mod rules;
mod statement;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::Json;

use super::document::{Document, Kind};

use check::Linter;
use places::Places;
pub use rules::{RULES, Rule, Severity};

/// What a policy is attached to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
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

impl PolicyKind {
    pub const ALL: &'static [Self] =
        &[Self::Identity, Self::Resource, Self::Trust, Self::Scp, Self::Rcp, Self::Boundary];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Resource => "resource",
            Self::Trust => "trust",
            Self::Scp => "scp",
            Self::Rcp => "rcp",
            Self::Boundary => "boundary",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    const fn of_document(self) -> Kind {
        match self {
            Self::Identity | Self::Scp | Self::Boundary => Kind::Principal,
            Self::Resource | Self::Rcp => Kind::Resource,
            Self::Trust => Kind::Trust,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lint {
    pub rule: &'static str,
    pub severity: Severity,
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
    pub fn n(&self, severity: Severity) -> usize {
        self.lints.iter().filter(|one| one.severity == severity).count()
    }
}

/// A longer text is not read; the longest that AWS takes has 32 KiB (a key's policy).
pub const MAX_LINT_BYTES: usize = 256 << 10;

/// More are not told.
pub const MAX_LINTS: usize = 1_000;

/// `kind` is guessed where it is not given: who names principals and no resources is a role's trust,
/// who names principals is a resource's policy, all else is an identity's.
pub fn lint(text: &str, kind: Option<PolicyKind>) -> Linted {
    let text = text.trim_start_matches('\u{feff}');
    let refused = |what: String, at: Option<(usize, usize)>| Linted {
        kind: kind.unwrap_or(PolicyKind::Identity),
        lints: vec![Lint {
            rule: rules::INVALID.id,
            severity: Severity::Error,
            pointer: String::new(),
            line: at.map(|(line, _)| line),
            column: at.map(|(_, column)| column),
            what,
            why: rules::INVALID.why,
            fix: None,
        }],
        is_cut: false,
    };
    if text.len() > MAX_LINT_BYTES {
        return refused(format!("a policy of more than {MAX_LINT_BYTES} bytes"), None);
    }
    let json: Json = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => {
            return refused(format!("no JSON: {error}"), Some((error.line(), error.column())));
        }
    };
    let statements = statement::statements(&json);
    let kind = kind.unwrap_or_else(|| statement::guess(&statements));
    let mut linter = Linter::new(kind);
    linter.document(&json, Document::read(&json, kind.of_document()));
    linter.size(text);
    linter.statements(&json, &statements);
    let (mut lints, is_cut) = linter.finish();
    let places = Places::of(text, lints.iter().map(|lint| lint.pointer.as_str()));
    for lint in &mut lints {
        if let Some(place) = places.get(&lint.pointer) {
            (lint.line, lint.column) = (Some(place.line), Some(place.column));
        }
    }
    lints.sort_by(|one, other| {
        let key = |lint: &Lint| (lint.line, lint.column, std::cmp::Reverse(lint.severity));
        key(one).cmp(&key(other))
    });
    Linted { kind, lints, is_cut }
}

#[cfg(test)]
mod tests;
