//! Syncs as they are listed: when each ran, how it ended, and what it did to the claims of its source.

use model::{SourceId, Time};
use serde::{Deserialize, Serialize};

use crate::engine::{Connection, Row};
use crate::fields::List;
use crate::query::{ListQuery, Page};
use crate::record::unreadable;
use crate::{Result, Store};

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
    #[serde(default)]
    pub policies: Counts,
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

/// Why a sync failed that ran when its process ended.
pub const CUT_OFF: &str = "Tutela ended before it was published";

/// Longer reasons for failure are cut.
const MAX_ERROR_CHARS: usize = 2_000;

impl Store {
    pub fn sync(&self, id: SyncId) -> Result<Option<Sync>> {
        self.read("look up a sync", |c| {
            c.one(&format!("{SYNC_ROWS} WHERE r.key = ?1"), &[id.0.into()], sync_of)
        })
    }

    /// The last published sync of all; columns and caches compare with it.
    pub fn last_published(&self) -> Result<Option<SyncId>> {
        self.read("look up the last sync", last_published)
    }

    /// Syncs, newest first unless sorted otherwise.
    pub fn list_syncs(&self, query: &ListQuery) -> Result<Page<Sync>> {
        crate::select::plain_page(
            self,
            List::Syncs,
            query,
            &format!("{SYNC_ROWS} WHERE TRUE"),
            true,
            sync_of,
        )
    }
}

pub(crate) fn last_published(c: &Connection) -> Result<Option<SyncId>> {
    c.one(
        "SELECT key FROM sync WHERE state = 1 ORDER BY finished_at DESC, key DESC LIMIT 1",
        &[],
        |row| row.int(0).map(SyncId),
    )
}

pub(crate) const SYNC_ROWS: &str = "SELECT r.key, so.id, so.name, r.state, r.started_at, \
    r.finished_at, r.summary, r.error FROM sync r JOIN source so ON so.key = r.source_key";

pub(crate) fn sync_of(row: &Row<'_>) -> Result<Sync> {
    let summary = match row.maybe_text(6)? {
        Some(json) => {
            Some(serde_json::from_str(json).map_err(|error| unreadable("read a sync", &error))?)
        }
        None => None,
    };
    Ok(Sync {
        id: SyncId(row.int(0)?),
        source: SourceId::from_bytes(row.id(1)?),
        source_name: row.text(2)?.into(),
        state: match row.int(3)? {
            0 => SyncState::Running,
            1 => SyncState::Committed,
            _ => SyncState::Failed,
        },
        started_at: row.time(4)?,
        finished_at: row.maybe_time(5)?,
        summary,
        error: row.maybe_text(7)?.map(str::to_owned),
    })
}

/// Notes why a sync ended unpublished; without one, why all did that ran when the process ended.
pub(crate) fn note_failure(
    c: &Connection,
    sync: Option<SyncId>,
    reason: &str,
    now: Time,
) -> Result<()> {
    let reason: String = reason.chars().take(MAX_ERROR_CHARS).collect();
    c.run(
        "UPDATE sync SET state = 2, error = ?2, finished_at = MAX(started_at, ?3) \
         WHERE state = 0 AND (?1 IS NULL OR key = ?1)",
        &[sync.map(|sync| sync.0).into(), reason.as_str().into(), now.into()],
    )?;
    Ok(())
}
