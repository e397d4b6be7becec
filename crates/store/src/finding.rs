//! Findings as an evaluation left them, and what people said about each.

use crate::query::{ListQuery, Page};
use crate::stub;
use crate::{Result, Store};
use model::FindingId;
use model::{Finding, FindingState, Time};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    pub finding: Finding,
    pub state: FindingState,
    /// When it first fired, and when it last opened.
    pub first_seen: Time,
    pub opened_at: Time,
    /// The last evaluation in which it fired.
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

impl Store {
    /// Takes in a whole evaluation: what fires newly opens, what no longer fires is resolved, what
    /// fires again after that reopens; what people said stays until its date.
    pub fn reconcile_findings(&self, findings: &[Finding], now: Time) -> Result<ReconcileSummary> {
        stub()
    }
    pub fn list_findings(&self, query: &ListQuery) -> Result<Page<FindingRow>> {
        stub()
    }
    pub fn finding(&self, id: FindingId) -> Result<Option<FindingRow>> {
        stub()
    }
    pub fn set_finding_state(&self, id: FindingId, state: &FindingState) -> Result<()> {
        stub()
    }
}
