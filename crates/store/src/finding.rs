//! Findings as an evaluation left them, and what people said about each.

use model::{Finding, FindingId, FindingState, Time};
use serde::Serialize;

use crate::detail::MAX_RELATED;
use crate::engine::{Connection, Row, Value};
use crate::error::Error;
use crate::fields::{FINDING_LAST_SEEN, List};
use crate::query::{ListQuery, Page};
use crate::record::unreadable;
use crate::select::plain_page;
use crate::{Result, Store};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    pub finding: Finding,
    pub state: FindingState,
    /// When it first fired, and when it last opened.
    pub first_seen: Time,
    pub opened_at: Time,
    /// The last evaluation in which it fired; one of what did not change is one of this too.
    pub last_seen: Time,
    pub n_reopened: u32,
}

/// What an evaluation did to the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReconcileSummary {
    pub opened: u64,
    pub kept: u64,
    pub resolved: u64,
    pub reopened: u64,
}

fn rows() -> String {
    format!(
        "SELECT r.key, r.body, r.state_body, r.first_seen, r.opened_at, {FINDING_LAST_SEEN}, \
         r.n_reopened FROM finding r"
    )
}

fn row_of(row: &Row<'_>) -> Result<FindingRow> {
    let unreadable = |error| unreadable("read a finding", &error);
    Ok(FindingRow {
        finding: serde_json::from_str(row.text(1)?).map_err(unreadable)?,
        state: serde_json::from_str(row.text(2)?).map_err(unreadable)?,
        first_seen: row.time(3)?,
        opened_at: row.time(4)?,
        last_seen: row.time(5)?,
        n_reopened: u32::try_from(row.int(6)?).unwrap_or(0),
    })
}

/// The findings about a thing, and those whose fix is its owner's; unresolved ones, worst first.
pub(crate) fn findings_of(c: &Connection, id: &[u8; 16]) -> Result<Vec<FindingRow>> {
    c.rows(
        &format!(
            "{} WHERE (r.subject_id = ?1 OR r.identity_id = ?1) AND r.state <> 'resolved' \
             ORDER BY r.severity DESC, r.key LIMIT {MAX_RELATED}",
            rows()
        ),
        &[id.into()],
        row_of,
    )
}

const fn state_name(state: &FindingState) -> &'static str {
    match state {
        FindingState::Open => "open",
        FindingState::Acknowledged { .. } => "acknowledged",
        FindingState::Snoozed { .. } => "snoozed",
        FindingState::Accepted { .. } => "accepted",
        FindingState::Resolved { .. } => "resolved",
    }
}

const fn until(state: &FindingState) -> Option<Time> {
    match state {
        FindingState::Snoozed { until, .. } | FindingState::Accepted { until, .. } => Some(*until),
        _ => None,
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::Database { doing: "write a finding", source: Box::new(error) })
}

pub(crate) fn set_state(c: &Connection, id: &[u8; 16], state: &FindingState) -> Result<usize> {
    c.run(
        "UPDATE finding SET state = ?2, state_body = ?3, until = ?4 WHERE id = ?1",
        &[id.into(), state_name(state).into(), json(state)?.as_str().into(), until(state).into()],
    )
}

const fn subject_bytes(finding: &Finding) -> &[u8; 16] {
    use model::finding::FindingSubject;
    match &finding.subject {
        FindingSubject::Identity(id) => id.as_bytes(),
        FindingSubject::Credential(id) => id.as_bytes(),
        FindingSubject::Grant(id) => id.as_bytes(),
        FindingSubject::Trust(id) => id.as_bytes(),
    }
}

/// By which what a rule says now is told from what it said before.
pub(crate) fn hash_of(body: &str) -> i64 {
    let mut hash = [0; 8];
    blake3::Hasher::new().update(body.as_bytes()).finalize_xof().fill(&mut hash);
    i64::from_le_bytes(hash)
}

/// Writes what a rule says now; states of people are not touched.
pub(crate) fn write(
    c: &Connection,
    finding: &Finding,
    body: &str,
    hash: i64,
    now: Time,
) -> Result<()> {
    let open = json(&FindingState::Open)?;
    c.run(
        "INSERT INTO finding (id, rule, severity, subject_id, identity_id, title, body, hash, state, \
         state_body, first_seen, opened_at, last_seen, n_reopened) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open', ?9, ?10, ?10, ?10, 0) \
         ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, \
         identity_id = excluded.identity_id, title = excluded.title, body = excluded.body, \
         hash = excluded.hash",
        &[
            finding.id.as_bytes().into(),
            Value::Text(&finding.rule),
            Value::Int(finding.severity as i64),
            subject_bytes(finding).into(),
            finding.identity.as_ref().map(model::IdentityId::as_bytes).into(),
            finding.title.as_str().into(),
            body.into(),
            hash.into(),
            open.as_str().into(),
            now.into(),
        ],
    )
    .map(drop)
}

impl Store {
    /// In the order in which they first fired, unless sorted otherwise.
    pub fn list_findings(&self, query: &ListQuery) -> Result<Page<FindingRow>> {
        plain_page(self, List::Findings, query, &format!("{} WHERE TRUE", rows()), false, row_of)
    }

    pub fn finding(&self, id: FindingId) -> Result<Option<FindingRow>> {
        self.read("look up a finding", |c| {
            c.one(&format!("{} WHERE r.id = ?1", rows()), &[id.as_bytes().into()], row_of)
        })
    }

    pub fn set_finding_state(&self, id: FindingId, state: &FindingState) -> Result<()> {
        let changed =
            self.write("set the state of a finding", |c| set_state(c, id.as_bytes(), state))?;
        if changed == 0 {
            return Err(Error::NotFound { what: "finding", id: id.to_string() });
        }
        Ok(())
    }
}
