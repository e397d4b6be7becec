//! The audit log: its own file, synchronous, append-only.

use crate::stub;
use crate::{Result, Store};
use model::Time;
use serde::Serialize;

/// What is to be noted. Written once before an act (`phase` "before") and once after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    pub at: Time,
    /// Who: a login, a token's prefix, `system`.
    pub actor: String,
    /// `source.add`, `owner.claim` …
    pub act: String,
    /// What it was done to: an id, a login, a source's name; may be empty.
    pub subject: String,
    pub phase: AuditPhase,
    /// A JSON object. Never a secret.
    pub detail: serde_json::Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditPhase {
    /// About to be done.
    Before,
    Done,
    /// Refused or failed; `detail` says why.
    Failed,
}

/// An entry with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    pub number: i64,
    #[serde(flatten)]
    pub entry: AuditEntry,
}

impl Store {
    /// Appends an entry; when this returns, it is on the disk.
    pub fn append_audit(&self, entry: &AuditEntry) -> Result<i64> {
        stub()
    }
    /// Entries, newest first, before the given number.
    pub fn audit(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRecord>> {
        stub()
    }
}
