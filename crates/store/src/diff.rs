//! What is different between two moments.

use model::{Credential, Grant, Identity, OwnerLink, Place, PolicyDocument, Time, Trust};
use serde::{Deserialize, Serialize};

use crate::detail::ThingId;
use crate::engine::{Connection, Owned, Value};
use crate::error::Error;
use crate::fields::List;
use crate::position::Position;
use crate::query::{Cursor, DEFAULT_PAGE_ROWS};
use crate::record::{Record, TABLES, Table};
use crate::select::bare_leading;
use crate::timeline::changes;
use crate::{Result, Store};

/// The things of one list that were added, changed or gone between two moments, by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffQuery {
    pub from: Time,
    pub to: Time,
    /// Identities, credentials, places, grants, trusts, owners or policies.
    pub list: List,
    /// None: all three.
    pub kind: Option<DiffKind>,
    pub after: Option<Cursor>,
    /// 0: [`crate::query::DEFAULT_PAGE_ROWS`].
    pub limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiffKind {
    Added,
    Changed,
    Gone,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffRow {
    pub diff: DiffKind,
    /// With its prefix.
    pub id: String,
    pub kind: String,
    pub name: String,
    /// JSON of the record as it was, with facts settled; none for what was added.
    pub before: Option<serde_json::Value>,
    pub after: Option<serde_json::Value>,
    pub changes: Vec<crate::timeline::FieldChange>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffPage {
    pub rows: Vec<DiffRow>,
    pub next: Option<Cursor>,
}

/// How many things of each list differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffSummary {
    pub list: List,
    pub added: u64,
    pub changed: u64,
    pub gone: u64,
}

/// The things whose leading claim at ?1 is not the one at ?2: id, hash then, hash later. Only what
/// a publication between the two touched is looked at.
fn differing(table: &Table) -> String {
    let Table { name, history, .. } = table;
    let by_id = table.own.names("t.id");
    let at = |moment: &str| {
        format!(
            "COALESCE((SELECT hash FROM {history} h WHERE h.id = t.id AND h.lead = 1 \
             AND h.seen_from <= {moment} AND h.seen_to > {moment}), \
             (SELECT hash FROM {name} r WHERE {by_id} AND r.lead = 1 AND +r.sync_key IN \
             (SELECT key FROM sync WHERE state = 1 AND finished_at <= {moment})))"
        )
    };
    format!(
        "SELECT id, before, after FROM (SELECT t.id AS id, {then} AS before, {later} AS after FROM ( \
         SELECT id FROM {name} WHERE sync_key IN (SELECT key FROM sync WHERE state = 1 \
         AND finished_at > ?1 AND finished_at <= ?2) \
         UNION SELECT id FROM {history} WHERE seen_to > ?1 AND seen_from <= ?2) t) \
         WHERE (before IS NULL) <> (after IS NULL) OR before <> after",
        then = at("?1"),
        later = at("?2"),
    )
}

fn table_of(list: List) -> Result<&'static Table> {
    TABLES.iter().copied().find(|table| table.list == list).ok_or_else(|| Error::UnknownField {
        list: "differences",
        field: list.name().into(),
        valid: "identities, credentials, places, grants, trusts, owners, policies".into(),
    })
}

fn diff_row<R: Record>(
    c: &Connection,
    id: &[u8; 16],
    diff: DiffKind,
    from: Time,
    to: Time,
) -> Result<Option<DiffRow>> {
    let before: Option<R> = bare_leading(c, Some(from), id)?;
    let after: Option<R> = bare_leading(c, Some(to), id)?;
    let Some(shown) = after.as_ref().or(before.as_ref()) else { return Ok(None) };
    let head = shown.head();
    let kept = shown.kept();
    let changes = match (&before, &after) {
        (Some(before), Some(after)) => changes(Some(before), after),
        _ => Vec::new(),
    };
    let json = |record: &Option<R>| record.as_ref().and_then(|r| serde_json::to_value(r).ok());
    Ok(Some(DiffRow {
        diff,
        id: shown.thing().to_string(),
        kind: head.kind.into(),
        name: kept.name(&head).into(),
        before: json(&before),
        after: json(&after),
        changes,
    }))
}

impl Store {
    /// What differs between two moments, in the order of ids.
    pub fn diff(&self, query: &DiffQuery) -> Result<DiffPage> {
        let table = table_of(query.list)?;
        let limit = match query.limit {
            0 => DEFAULT_PAGE_ROWS,
            limit => limit.min(query.list.max_page_rows()),
        };
        let mut sql = format!("SELECT id, before, after FROM ({})", differing(table));
        sql.push_str(match query.kind {
            None => " WHERE TRUE",
            Some(DiffKind::Added) => " WHERE before IS NULL",
            Some(DiffKind::Changed) => " WHERE before IS NOT NULL AND after IS NOT NULL",
            Some(DiffKind::Gone) => " WHERE after IS NULL",
        });
        let after = match &query.after {
            None => vec![],
            Some(cursor) => match Position::parse(cursor)?.value {
                Owned::Text(id) => {
                    let id: ThingId = id.parse().map_err(|_| Error::BadCursor)?;
                    id.bytes().to_vec()
                }
                _ => return Err(Error::BadCursor),
            },
        };
        sql.push_str(" AND id > ?3 ORDER BY id LIMIT ?4");
        let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        self.ask("compare two moments", |c| {
            let mut found = c.rows(
                &sql,
                &[query.from.into(), query.to.into(), Value::Blob(&after), most.into()],
                |row| Ok((row.id(0)?, row.maybe_int(1)?, row.maybe_int(2)?)),
            )?;
            let is_more = found.len() > limit;
            found.truncate(limit);
            let mut rows = Vec::with_capacity(found.len());
            for (id, before, after) in found {
                let diff = match (before, after) {
                    (None, _) => DiffKind::Added,
                    (_, None) => DiffKind::Gone,
                    _ => DiffKind::Changed,
                };
                let row = match query.list {
                    List::Credentials => diff_row::<Credential>,
                    List::Places => diff_row::<Place>,
                    List::Grants => diff_row::<Grant>,
                    List::Trusts => diff_row::<Trust>,
                    List::Owners => diff_row::<OwnerLink>,
                    List::Policies => diff_row::<PolicyDocument>,
                    _ => diff_row::<Identity>,
                };
                rows.extend(row(c, &id, diff, query.from, query.to)?);
            }
            let next = rows
                .last()
                .filter(|_| is_more)
                .map(|row| Position { value: Owned::Text(row.id.clone()), key: 0 }.cursor());
            Ok(DiffPage { rows, next })
        })
    }

    /// How much differs, per list.
    pub fn diff_summary(&self, from: Time, to: Time) -> Result<Vec<DiffSummary>> {
        self.ask("compare two moments", |c| {
            TABLES
                .iter()
                .map(|table| {
                    let mut summary =
                        DiffSummary { list: table.list, added: 0, changed: 0, gone: 0 };
                    let sql = differing(table);
                    c.visit(&sql, &[from.into(), to.into()], |row| {
                        match (row.maybe_int(1)?, row.maybe_int(2)?) {
                            (None, _) => summary.added += 1,
                            (_, None) => summary.gone += 1,
                            _ => summary.changed += 1,
                        }
                        Ok(true)
                    })?;
                    Ok(summary)
                })
                .collect()
        })
    }
}
