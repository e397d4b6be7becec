//! Configured sources.

use crate::stub;
use crate::sync::SyncSummary;
use crate::{Result, Store};
use model::{SourceId, Time};
use serde::Serialize;

use crate::sync::Sync;

/// A connector with its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    pub id: SourceId,
    /// The descriptor's id: `host`, `homes` …
    pub connector: String,
    pub name: String,
    /// JSON of the connector's settings.
    pub settings: String,
    /// Seconds between syncs; none: only by hand.
    pub every_s: Option<u32>,
    pub enabled: bool,
    pub created_at: Time,
    /// The last sync, whatever became of it.
    pub last_sync: Option<Sync>,
    /// When it was last published.
    pub last_committed_at: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    pub connector: String,
    /// Unique among the sources of the connector.
    pub name: String,
    pub settings: String,
    pub every_s: Option<u32>,
}

impl Store {
    /// Adds a source. Fails with [`Error::Exists`] when the connector has one of this name.
    pub fn add_source(&self, new: &NewSource, now: Time) -> Result<Source> {
        stub()
    }
    /// All sources, in the order in which they were added.
    pub fn sources(&self) -> Result<Vec<Source>> {
        stub()
    }
    pub fn source(&self, id: SourceId) -> Result<Option<Source>> {
        stub()
    }
    /// Sets name, settings, schedule and whether it is enabled to those given; the id stays.
    pub fn update_source(&self, source: &Source) -> Result<()> {
        stub()
    }
    /// Ends every claim of the source and forgets its settings; history stays.
    pub fn remove_source(&self, id: SourceId, now: Time) -> Result<SyncSummary> {
        stub()
    }
}
