//! The audit log: its own file, synchronous, append-only.

use model::Time;
use serde::Serialize;

use crate::engine::{Value, lock};
use crate::query::{DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS};
use crate::record::unreadable;
use crate::{Result, Store};

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

impl AuditPhase {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Store {
    /// Appends an entry; when this returns, it is on the disk.
    pub fn append_audit(&self, entry: &AuditEntry) -> Result<i64> {
        let detail = entry.detail.to_string();
        lock(self.audit_log()).write("append to the audit log", |c| {
            c.insert(
                "INSERT INTO entry (at, actor, act, subject, phase, detail) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                &[
                    entry.at.into(),
                    entry.actor.as_str().into(),
                    entry.act.as_str().into(),
                    entry.subject.as_str().into(),
                    entry.phase.name().into(),
                    detail.as_str().into(),
                ],
            )
        })
    }

    /// Entries, newest first, before the given number.
    pub fn audit(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRecord>> {
        let limit = if limit == 0 { DEFAULT_PAGE_ROWS } else { limit.min(MAX_PAGE_ROWS) };
        lock(self.audit_log()).read("read the audit log", |c| {
            c.rows(
                "SELECT number, at, actor, act, subject, phase, detail FROM entry \
                 WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
                &[
                    before.unwrap_or(i64::MAX).into(),
                    Value::Int(i64::try_from(limit).unwrap_or(i64::MAX)),
                ],
                |row| {
                    let entry = AuditEntry {
                        at: row.time(1)?,
                        actor: row.text(2)?.into(),
                        act: row.text(3)?.into(),
                        subject: row.text(4)?.into(),
                        phase: match row.text(5)? {
                            "before" => AuditPhase::Before,
                            "done" => AuditPhase::Done,
                            _ => AuditPhase::Failed,
                        },
                        detail: serde_json::from_str(row.text(6)?)
                            .map_err(|error| unreadable("read the audit log", &error))?,
                    };
                    Ok(AuditRecord { number: row.int(0)?, entry })
                },
            )
        })
    }
}
