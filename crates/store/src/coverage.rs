//! What was read of each scope, and what was not.

use crate::query::{GapRow, ListQuery, Page};
use crate::stub;
use crate::{Result, Store};
use model::{Coverage, SourceId, Time};
use serde::Serialize;

use crate::sync::SyncId;

/// Which coverage is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverageOf {
    /// The last published word on every scope of every source.
    Latest,
    Source(SourceId),
    Sync(SyncId),
}

/// One scope as one source last read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeCoverage {
    pub source: SourceId,
    pub connector: String,
    pub source_name: String,
    pub sync: SyncId,
    pub read_at: Time,
    /// The last time nothing of it was missed.
    pub last_complete_at: Option<Time>,
    pub coverage: Coverage,
}

impl Store {
    /// What was read of each scope, sorted by source and scope.
    pub fn coverage(&self, of: CoverageOf) -> Result<Vec<ScopeCoverage>> {
        stub()
    }
    /// The gaps of the latest coverage of every scope.
    pub fn list_gaps(&self, query: &ListQuery) -> Result<Page<GapRow>> {
        stub()
    }
}
