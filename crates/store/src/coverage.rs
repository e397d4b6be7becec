//! What was read of each scope, and what was not.

use model::{Coverage, Gap, GapReason, ScopeId, SourceId, Time};
use serde::Serialize;

use crate::engine::{Row, Value};
use crate::fields::List;
use crate::query::{GapRow, ListQuery, Page};
use crate::record::unreadable;
use crate::select::plain_page;
use crate::sync::SyncId;
use crate::{Result, Store};

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

const GAP_ROWS: &str = "SELECT r.key, r.locus, r.reason, r.detail, r.missing, r.sync_key, sc.id, \
    sc.kind, sc.name, so.id, so.name FROM gap r JOIN scope sc ON sc.key = r.scope_key \
    JOIN source so ON so.key = r.source_key WHERE sc.last_sync_key = r.sync_key \
    AND so.removed_at IS NULL";

fn gap_of(row: &Row<'_>) -> Result<Gap> {
    let reason: GapReason = serde_json::from_value(row.text(2)?.into())
        .map_err(|error| unreadable("read a gap", &error))?;
    let mut gap = Gap::new(row.text(1)?, reason);
    gap.detail = row.maybe_text(3)?.map(|text| text.to_owned().into());
    gap.missing = row.maybe_text(4)?.map(|text| text.to_owned().into());
    Ok(gap)
}

impl Store {
    /// What was read of each scope, sorted by source and scope.
    pub fn coverage(&self, of: CoverageOf) -> Result<Vec<ScopeCoverage>> {
        const LATEST: &str = "sc.last_sync_key = v.sync_key AND so.removed_at IS NULL";
        let (condition, value) = match &of {
            CoverageOf::Latest => (format!("{LATEST} AND ?1 IS NULL"), Value::Null),
            CoverageOf::Source(id) => {
                (format!("{LATEST} AND so.id = ?1"), Value::Blob(id.as_bytes()))
            }
            CoverageOf::Sync(id) => ("v.sync_key = ?1".to_owned(), Value::Int(id.0)),
        };
        self.read("read coverage", |c| {
            let mut found = c.rows(
                &format!(
                    "SELECT v.sync_key, v.scope_key, v.body, s.finished_at, sc.last_complete_at, \
                     so.id, so.connector, so.name FROM coverage v JOIN sync s ON s.key = v.sync_key \
                     JOIN scope sc ON sc.key = v.scope_key JOIN source so ON so.key = sc.source_key \
                     WHERE {condition} ORDER BY so.key, sc.name, sc.key"
                ),
                &[value],
                |row| {
                    let coverage: Coverage = serde_json::from_str(row.text(2)?)
                        .map_err(|error| unreadable("read coverage", &error))?;
                    let scope = ScopeCoverage {
                        source: SourceId::from_bytes(row.id(5)?),
                        connector: row.text(6)?.into(),
                        source_name: row.text(7)?.into(),
                        sync: SyncId(row.int(0)?),
                        read_at: row.maybe_time(3)?.unwrap_or_default(),
                        last_complete_at: row.maybe_time(4)?,
                        coverage,
                    };
                    Ok((row.int(1)?, scope))
                },
            )?;
            for (scope_key, scope) in &mut found {
                scope.coverage.gaps = c.rows(
                    "SELECT key, locus, reason, detail, missing FROM gap \
                     WHERE sync_key = ?1 AND scope_key = ?2 ORDER BY key",
                    &[scope.sync.0.into(), (*scope_key).into()],
                    gap_of,
                )?;
            }
            Ok(found.into_iter().map(|(_, scope)| scope).collect())
        })
    }

    /// The gaps of the latest coverage of every scope.
    pub fn list_gaps(&self, query: &ListQuery) -> Result<Page<GapRow>> {
        plain_page(self, List::Gaps, query, GAP_ROWS, false, |row| {
            Ok(GapRow {
                source: SourceId::from_bytes(row.id(9)?),
                source_name: row.text(10)?.into(),
                sync: SyncId(row.int(5)?),
                scope: ScopeId::from_bytes(row.id(6)?),
                scope_kind: row.text(7)?.into(),
                scope_name: row.text(8)?.into(),
                gap: gap_of(row)?,
            })
        })
    }
}
