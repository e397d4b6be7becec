//! One run of one source, from its first batch to the moment readers see it.

use crate::Store;
use crate::query::{ListQuery, Page};
use crate::stub;
use model::{Batch, SourceId, Time};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::Error;

/// A sync, in the order in which they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SyncId(pub i64);

impl std::fmt::Display for SyncId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncState {
    Running,
    /// Published: readers see it.
    Committed,
    Failed,
}

/// One run of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sync {
    pub id: SyncId,
    pub source: SourceId,
    pub source_name: String,
    pub state: SyncState,
    pub started_at: Time,
    pub finished_at: Option<Time>,
    /// None until it is published.
    pub summary: Option<SyncSummary>,
    pub error: Option<String>,
}

/// What a sync did to the claims of its source, per kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncSummary {
    pub identities: Counts,
    pub credentials: Counts,
    pub places: Counts,
    pub grants: Counts,
    pub trusts: Counts,
    pub owners: Counts,
    /// Things that were not read, over all scopes.
    pub gaps: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub gone: u64,
    /// Not seen in this sync and kept, since a gap may hide them.
    pub kept: u64,
}

/// Takes in what a source states. Nothing of it is visible before [`SyncWriter::publish`];
/// dropping it leaves nothing behind.
#[derive(Debug)]
pub struct SyncWriter {
    id: SyncId,
    source: SourceId,
}

impl SyncWriter {
    pub fn id(&self) -> SyncId {
        self.id
    }

    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Takes in one settled batch. Each record is in one batch of a sync only.
    pub fn put(&mut self, batch: &Batch) -> Result<()> {
        let _ = batch;
        Err(Error::BadCursor)
    }

    /// Makes all that was put visible at once, and ends the claims of this source that complete
    /// scopes no longer hold.
    pub fn publish(self, now: Time) -> Result<SyncSummary> {
        let _ = now;
        Err(Error::BadCursor)
    }

    /// Removes all that was put and notes why.
    pub fn fail(self, reason: &str, now: Time) -> Result<()> {
        let _ = (reason, now);
        Err(Error::BadCursor)
    }
}

impl Store {
    /// Begins a sync of a source; several sources may sync at once, one source only once
    /// ([`Error::Exists`]).
    pub fn begin_sync(&self, source: SourceId, now: Time) -> Result<SyncWriter> {
        stub()
    }
    pub fn sync(&self, id: SyncId) -> Result<Option<Sync>> {
        stub()
    }
    /// The last published sync of all; columns and caches compare with it.
    pub fn last_published(&self) -> Result<Option<SyncId>> {
        stub()
    }
    /// Syncs, newest first unless sorted otherwise.
    pub fn list_syncs(&self, query: &ListQuery) -> Result<Page<Sync>> {
        stub()
    }
}
