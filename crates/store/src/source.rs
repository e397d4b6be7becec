//! Configured sources.

use model::{Native, SourceId, Time};
use serde::Serialize;

use crate::engine::{Connection, Row};
use crate::error::Error;
use crate::sync::{CUT_OFF, SYNC_ROWS, Sync, SyncSummary, sync_of};
use crate::{Result, Store};

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
    /// Whether the last two syncs both ended because Tutela did: to read it may be what ends it.
    pub cut_off_again: bool,
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

/// What is to change of a source; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceChange {
    pub name: Option<String>,
    /// JSON of the connector's settings.
    pub settings: Option<String>,
    /// 0: only by hand.
    pub every_s: Option<u32>,
    pub enabled: Option<bool>,
}

const ROWS: &str = "SELECT s.key, s.id, s.connector, s.name, s.settings, s.every_s, s.enabled, \
    s.created_at, (SELECT MAX(finished_at) FROM sync WHERE sync.source_key = s.key AND state = 1) \
    FROM source s WHERE s.removed_at IS NULL";

fn row_of(row: &Row<'_>) -> Result<(i64, Source)> {
    let source = Source {
        id: SourceId::from_bytes(row.id(1)?),
        connector: row.text(2)?.into(),
        name: row.text(3)?.into(),
        settings: row.text(4)?.into(),
        every_s: row.maybe_int(5)?.and_then(|seconds| u32::try_from(seconds).ok()),
        enabled: row.truth(6)?,
        created_at: row.time(7)?,
        last_sync: None,
        cut_off_again: false,
        last_committed_at: row.maybe_time(8)?,
    };
    Ok((row.int(0)?, source))
}

fn with_last_sync(c: &Connection, (key, mut source): (i64, Source)) -> Result<Source> {
    let last = c.rows(
        &format!("{SYNC_ROWS} WHERE r.source_key = ?1 ORDER BY r.key DESC LIMIT 2"),
        &[key.into()],
        sync_of,
    )?;
    let was_cut_off = |sync: &Sync| sync.error.as_deref() == Some(CUT_OFF);
    source.cut_off_again = last.len() == 2 && last.iter().all(was_cut_off);
    source.last_sync = last.into_iter().next();
    Ok(source)
}

impl Store {
    /// Adds a source. Fails with [`Error::Exists`] when the connector has one of this name. A source
    /// that was removed comes back under its old id.
    pub fn add_source(&self, new: &NewSource, now: Time) -> Result<Source> {
        let id = SourceId::of(Native::new("tutela", "", &new.connector, &new.name));
        let added = self.write("add a source", |c| {
            c.run(
                "INSERT INTO source (id, connector, name, settings, every_s, enabled, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6) ON CONFLICT (id) DO UPDATE SET \
                 name = excluded.name, settings = excluded.settings, every_s = excluded.every_s, \
                 enabled = 1, removed_at = NULL WHERE source.removed_at IS NOT NULL",
                &[
                    id.as_bytes().into(),
                    new.connector.as_str().into(),
                    new.name.as_str().into(),
                    new.settings.as_str().into(),
                    new.every_s.map(i64::from).into(),
                    now.into(),
                ],
            )
        })?;
        if added == 0 {
            return Err(Error::Exists { what: "source", name: new.name.clone() });
        }
        self.source(id)?.ok_or_else(|| Error::NotFound { what: "source", id: id.to_string() })
    }

    /// All sources, in the order in which they were added.
    pub fn sources(&self) -> Result<Vec<Source>> {
        self.read("read the sources", |c| {
            let found = c.rows(&format!("{ROWS} ORDER BY s.key"), &[], row_of)?;
            found.into_iter().map(|source| with_last_sync(c, source)).collect()
        })
    }

    pub fn source(&self, id: SourceId) -> Result<Option<Source>> {
        self.read("look up a source", |c| {
            c.one(&format!("{ROWS} AND s.id = ?1"), &[id.as_bytes().into()], row_of)?
                .map(|source| with_last_sync(c, source))
                .transpose()
        })
    }

    /// Changes what `change` names and nothing else, so that two changes at the same time are both
    /// kept; the id stays.
    pub fn change_source(&self, id: SourceId, change: &SourceChange) -> Result<()> {
        let changed = self.write("change a source", |c| {
            c.run(
                "UPDATE source SET name = COALESCE(?2, name), settings = COALESCE(?3, settings), \
                 every_s = CASE WHEN ?4 IS NULL THEN every_s ELSE NULLIF(?4, 0) END, \
                 enabled = COALESCE(?5, enabled) WHERE id = ?1 AND removed_at IS NULL",
                &[
                    id.as_bytes().into(),
                    change.name.as_deref().into(),
                    change.settings.as_deref().into(),
                    change.every_s.map(i64::from).into(),
                    change.enabled.into(),
                ],
            )
        })?;
        if changed == 0 {
            return Err(Error::NotFound { what: "source", id: id.to_string() });
        }
        Ok(())
    }

    /// Ends every claim of the source and forgets its settings; history stays.
    pub fn remove_source(&self, id: SourceId, now: Time) -> Result<SyncSummary> {
        let mut writer = self.begin_sync(id, now)?;
        writer.ends_all = true;
        // Forgotten in the same transaction: no sync can begin between the two.
        writer.publish(now)
    }
}
