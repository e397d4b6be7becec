//! From a [`ListQuery`] to SQL: a fixed list of clauses, values always bound.

use model::{ScopeId, SourceId, Time};

use crate::check::{Check, check_of};
use crate::engine::{Connection, Owned, Row as DbRow, Value};
use crate::error::Error;
use crate::fields::{Field, List};
use crate::position::Position;
use crate::query::{Cursor, DEFAULT_PAGE_ROWS, Filter, ListQuery, Page, Row};
use crate::record::{OwnedHead, Record, TABLES, Table, authority_of, unreadable};
use crate::reference::Role;
use crate::{Result, Store};

/// What a row of a list of records is read from; the columns are counted in [`row_of`].
const ROW: &str = "r.key, r.id, r.authority, r.changed_at, r.kind, r.system, r.instance, \
    r.native_id, r.name, r.body, sc.id, sc.last_complete_at, so.id, so.connector, so.name, \
    COALESCE(r.seen_from, (SELECT finished_at FROM sync WHERE sync.key = r.sync_key)), r.seen_to, \
    r.lead, r.owner";

/// The column with the sort value, after those of [`ROW`].
const SORT_COLUMN: usize = 19;

/// A statement and its values.
#[derive(Debug, Default)]
pub(crate) struct Select {
    pub(crate) sql: String,
    pub(crate) values: Vec<Owned>,
}

impl Select {
    fn value(&mut self, value: Owned) -> String {
        self.values.push(value);
        format!("?{}", self.values.len())
    }

    pub(crate) fn visit(
        &self,
        c: &Connection,
        visit: impl FnMut(&DbRow<'_>) -> Result<bool>,
    ) -> Result<()> {
        let values: Vec<Value<'_>> = self.values.iter().map(Owned::borrowed).collect();
        c.visit(&self.sql, &values, visit)
    }
}

/// Where rows of one moment are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All that is seen now, whatever the moment asked for.
    Now,
    /// What was seen at the moment and still stands.
    Standing(Time),
    /// What was seen at the moment and is closed.
    Closed(Time),
}

impl Part {
    /// A moment of the past is read in two parts: each can then stop at a page's end, where a union
    /// would be read to its own.
    fn all(as_of: Option<Time>) -> Vec<Self> {
        as_of.map_or_else(|| vec![Self::Now], |at| vec![Self::Standing(at), Self::Closed(at)])
    }

    /// `FROM` of a kind of record, and the condition for being seen.
    fn read_from(self, select: &mut Select, table: &Table) -> (String, String) {
        let joins = "JOIN scope sc ON sc.key = r.scope_key JOIN source so ON so.key = r.source_key";
        let Self::Closed(at) = self else {
            let from = format!("{} {joins}", standing(table));
            let seen = match self {
                Self::Standing(at) => {
                    let at = select.value(Owned::Int(at.micros()));
                    // The plus keeps the engine from an index by which it would have to sort.
                    format!(
                        "+r.sync_key IN (SELECT key FROM sync WHERE state = 1 AND finished_at <= {at})"
                    )
                }
                _ => "TRUE".to_owned(),
            };
            return (from, seen);
        };
        let at = select.value(Owned::Int(at.micros()));
        let from = format!(
            "(SELECT claim_key AS key, {columns}, seen_from, seen_to, NULL AS owner, \
             NULL AS owner_key, NULL AS owner_confidence FROM {history}) r {joins}",
            columns = table.columns(),
            history = table.history,
        );
        (from, format!("r.seen_to > {at} AND r.seen_from <= {at}"))
    }
}

fn standing(table: &Table) -> String {
    let name = table.name;
    if table.list == List::Identities {
        format!("(SELECT *, NULL AS seen_from, NULL AS seen_to FROM {name}) r")
    } else {
        format!("(SELECT *, NULL AS seen_from, NULL AS seen_to, NULL AS owner FROM {name}) r")
    }
}

/// `FROM` of a kind of record, as it is or as it was seen at a moment, joined with scope and
/// source. History rows have the key of the claim they were a version of.
pub(crate) fn from_records(select: &mut Select, table: &Table, as_of: Option<Time>) -> String {
    from_records_by(select, table, as_of, None)
}

/// The same of the rows only that name an id in a role; the id is a value of the statement.
fn from_records_by(
    select: &mut Select,
    table: &Table,
    as_of: Option<Time>,
    by: Option<(Role, &str)>,
) -> String {
    let condition = |is_now: bool| match by {
        Some((role, id)) if is_now => role.names(id),
        Some((role, id)) if !role.column.is_empty() => format!("r.{} = {id}", role.column),
        _ => "TRUE".to_owned(),
    };
    let owner = |now: bool| match (table.list, now) {
        (List::Identities, true) => "owner, owner_key, owner_confidence",
        _ => "NULL AS owner, NULL AS owner_key, NULL AS owner_confidence",
    };
    let name = table.name;
    let rows = match as_of {
        None => {
            let no_owner = if table.list == List::Identities { "" } else { ", NULL AS owner" };
            format!(
                "(SELECT *, NULL AS seen_from, NULL AS seen_to{no_owner} FROM {name} r WHERE {})",
                condition(true)
            )
        }
        Some(moment) => {
            let at = select.value(Owned::Int(moment.micros()));
            let columns = table.columns();
            format!(
                "(SELECT key, {columns}, NULL AS seen_from, NULL AS seen_to, {now} FROM {name} r \
                 WHERE {by_now} AND \
                 +sync_key IN (SELECT key FROM sync WHERE state = 1 AND finished_at <= {at}) \
                 UNION ALL SELECT claim_key, {columns}, seen_from, seen_to, {then} \
                 FROM {history} r WHERE {by_then} AND seen_to > {at} AND seen_from <= {at})",
                now = owner(true),
                by_now = condition(true),
                then = owner(false),
                by_then = condition(false),
                history = table.history,
            )
        }
    };
    format!(
        "{rows} r JOIN scope sc ON sc.key = r.scope_key JOIN source so ON so.key = r.source_key"
    )
}

/// A record and where it stands, facts settled, and whether it leads.
pub(crate) fn row_of<R: Record>(row: &DbRow<'_>, as_of: Option<Time>) -> Result<(Row<R>, bool)> {
    let mut found = bare_row_of::<R>(row, as_of)?;
    let Row { record, connector, last_seen, .. } = &mut found;
    record.settle_facts(&connector.clone().into(), *last_seen);
    Ok((found, row.truth(17)?))
}

/// The same, facts as the source stated them: for comparing versions.
pub(crate) fn bare_row_of<R: Record>(row: &DbRow<'_>, as_of: Option<Time>) -> Result<Row<R>> {
    let head = OwnedHead {
        id: row.id(1)?,
        scope: ScopeId::from_bytes(row.id(10)?),
        authority: authority_of(row.int(2)?),
        kind: row.text(4)?.into(),
        system: row.text(5)?.into(),
        instance: row.text(6)?.into(),
        native_id: row.text(7)?.into(),
        name: row.text(8)?.into(),
    };
    let record =
        R::restore(head, row.text(9)?).map_err(|error| unreadable("read a record", &error))?;
    let connector = row.text(13)?.to_owned();
    let seen_from = row.maybe_time(15)?.unwrap_or_default();
    let seen_to = row.maybe_time(16)?;
    let until = seen_to.into_iter().chain(as_of).min();
    let complete = row.maybe_time(11)?.unwrap_or(seen_from);
    let last_seen = until.map_or(complete, |until| complete.min(until)).max(seen_from);
    let owner = match row.maybe_text(18)? {
        Some(json) => {
            Some(serde_json::from_str(json).map_err(|error| unreadable("read an owner", &error))?)
        }
        None => None,
    };
    Ok(Row {
        record,
        source: SourceId::from_bytes(row.id(12)?),
        connector,
        source_name: row.text(14)?.into(),
        seen_from,
        seen_to,
        last_seen,
        valid_from: row.maybe_time(3)?.unwrap_or(seen_from),
        owner,
    })
}

/// Rows that name an id in a role; `rest` is a further condition or an order.
pub(crate) fn rows_naming<R: Record>(
    c: &Connection,
    as_of: Option<Time>,
    role: Role,
    id: &[u8],
    rest: &str,
    limit: usize,
) -> Result<Vec<(Row<R>, bool)>> {
    let mut select = Select { sql: String::new(), values: vec![Owned::Blob(id.to_vec())] };
    let from = from_records_by(&mut select, R::TABLE, as_of, Some((role, "?1")));
    let limit = select.value(Owned::Int(i64::try_from(limit).unwrap_or(i64::MAX)));
    select.sql = format!("SELECT {ROW} FROM {from} WHERE {rest} LIMIT {limit}");
    let mut rows = Vec::new();
    select.visit(c, |row| {
        rows.push(row_of(row, as_of)?);
        Ok(true)
    })?;
    Ok(rows)
}

/// Leading claims that name an id in a role.
pub(crate) fn leading<R: Record>(
    c: &Connection,
    as_of: Option<Time>,
    role: Role,
    id: &[u8],
    limit: usize,
) -> Result<Vec<Row<R>>> {
    let rows = rows_naming(c, as_of, role, id, "r.lead = 1 ORDER BY r.key", limit)?;
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// The leading claim about a thing at a moment, facts as stated.
pub(crate) fn bare_leading<R: Record>(
    c: &Connection,
    as_of: Option<Time>,
    id: &[u8; 16],
) -> Result<Option<R>> {
    let mut select = Select { sql: String::new(), values: vec![Owned::Blob(id.to_vec())] };
    let from = from_records_by(&mut select, R::TABLE, as_of, Some((R::TABLE.own, "?1")));
    select.sql = format!("SELECT {ROW} FROM {from} WHERE r.lead = 1 LIMIT 1");
    let mut found = None;
    select.visit(c, |row| {
        found = Some(bare_row_of(row, as_of)?.record);
        Ok(false)
    })?;
    Ok(found)
}

/// At most this many versions of one thing are read.
const MAX_VERSIONS: usize = 10_000;

/// Every version of the claims about one thing, oldest first, facts as stated.
pub(crate) fn all_versions<R: Record>(
    c: &Connection,
    values: Vec<Owned>,
) -> Result<Vec<(Row<R>, bool)>> {
    let Table { name, history, .. } = R::TABLE;
    let columns = R::TABLE.columns();
    let sql = format!(
        "SELECT {ROW} FROM (SELECT key, {columns}, (SELECT finished_at FROM sync WHERE sync.key = \
         sync_key) AS seen_from, NULL AS seen_to, NULL AS owner FROM {name} r WHERE {by_id} \
         UNION ALL SELECT claim_key, {columns}, seen_from, seen_to, NULL FROM {history} \
         WHERE id = ?1) r JOIN scope sc ON sc.key = r.scope_key JOIN source so \
         ON so.key = r.source_key ORDER BY r.seen_from, r.key LIMIT {MAX_VERSIONS}",
        by_id = R::TABLE.own.names("?1"),
    );
    let select = Select { sql, values };
    let mut rows = Vec::new();
    select.visit(c, |row| {
        rows.push((bare_row_of(row, None)?, row.truth(17)?));
        Ok(true)
    })?;
    Ok(rows)
}

/// One page of a list of records from SQL alone.
pub(crate) fn page<R: Record>(c: &Connection, query: &ListQuery) -> Result<Page<Row<R>>> {
    let list = R::TABLE.list;
    let sort = sort_of(list, query)?;
    let sort_sql = sort.map_or("NULL".into(), |(field, _)| column_of(field));
    let sort_column = sort.map(|_| sort_sql.as_str());
    let descending = sort.is_some_and(|(_, descending)| descending);
    let limit = limit_of(list, query);
    let mut rows: Vec<(Position, Row<R>)> = Vec::new();
    for part in Part::all(query.as_of) {
        let mut select = Select::default();
        let (from, seen) = part.read_from(&mut select, R::TABLE);
        let mut conditions = vec![seen, "r.lead = 1".to_owned()];
        let by_reference = !matches!(part, Part::Closed(_));
        conditions.extend(conditions_of(&mut select, list, query, by_reference)?);
        if let Some(cursor) = &query.after {
            let position = Position::parse(cursor)?;
            conditions.push(after(&mut select, sort_column, descending, position));
        }
        let most = select.value(Owned::Int(i64::try_from(limit + 1).unwrap_or(i64::MAX)));
        select.sql = format!(
            "SELECT {ROW}, {sort_sql} FROM {from} WHERE {} ORDER BY {} LIMIT {most}",
            conditions.join(" AND "),
            order(sort_column, descending),
        );
        select.visit(c, |row| {
            let position = Position { value: row.owned(SORT_COLUMN)?, key: row.int(0)? };
            rows.push((position, row_of::<R>(row, query.as_of)?.0));
            Ok(true)
        })?;
    }
    if query.as_of.is_some() {
        rows.sort_by(|(one, _), (other, _)| one.compare(other, descending));
    }
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| is_more).map(|(position, _)| position.cursor());
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}

/// The rows with these keys, in this order.
pub(crate) fn rows_of_keys<R: Record>(c: &Connection, keys: &[i64]) -> Result<Vec<Row<R>>> {
    let mut select = Select::default();
    let from = from_records(&mut select, R::TABLE, None);
    let sql = format!("SELECT {ROW} FROM {from} WHERE r.key = ?1 AND r.lead = 1");
    let mut rows = Vec::with_capacity(keys.len());
    for &key in keys {
        let row = c.one(&sql, &[key.into()], |row| row_of::<R>(row, None))?;
        rows.extend(row.map(|(row, _)| row));
    }
    Ok(rows)
}

/// The cursor after the row with a key.
pub(crate) fn cursor_at(
    c: &Connection,
    table: &Table,
    query: &ListQuery,
    key: i64,
) -> Result<Cursor> {
    let value = match sort_of(table.list, query)? {
        None => Owned::Null,
        Some((field, _)) => {
            let mut select = Select { sql: String::new(), values: vec![Owned::Int(key)] };
            let from = from_records(&mut select, table, None);
            select.sql = format!("SELECT {} FROM {from} WHERE r.key = ?1", column_of(field));
            let mut value = Owned::Null;
            select.visit(c, |row| {
                value = row.owned(0)?;
                Ok(false)
            })?;
            value
        }
    };
    Ok(Position { value, key }.cursor())
}

/// One page of a list that is not of records: `sql` ends in a `WHERE` clause, its first column is
/// the key.
pub(crate) fn plain_page<T>(
    store: &Store,
    list: List,
    query: &ListQuery,
    sql: &str,
    newest_first: bool,
    mut read: impl FnMut(&DbRow<'_>) -> Result<T>,
) -> Result<Page<T>> {
    let mut select = Select::default();
    let conditions = conditions_of(&mut select, list, query, true)?;
    let sort = sort_of(list, query)?;
    let sort_sql = sort.map(|(field, _)| column_of(field));
    let descending = sort.map_or(newest_first, |(_, descending)| descending);
    let mut sql = sql.to_owned();
    for condition in conditions {
        sql.push_str(" AND ");
        sql.push_str(&condition);
    }
    if let Some(cursor) = &query.after {
        let position = Position::parse(cursor)?;
        sql.push_str(" AND ");
        sql.push_str(&after(&mut select, sort_sql.as_deref(), descending, position));
    }
    let limit = limit_of(list, query);
    let most = select.value(Owned::Int(i64::try_from(limit + 1).unwrap_or(i64::MAX)));
    let order = order(sort_sql.as_deref(), descending);
    select.sql = format!("{sql} ORDER BY {order} LIMIT {most}");
    store.ask("read a list", |c| {
        let mut rows = Vec::new();
        let mut last_key = None;
        let mut is_more = false;
        select.visit(c, |row| {
            if rows.len() == limit {
                is_more = true;
                return Ok(false);
            }
            last_key = Some(row.int(0)?);
            rows.push(read(row)?);
            Ok(true)
        })?;
        let Some(key) = last_key.filter(|_| is_more) else { return Ok(Page { rows, next: None }) };
        let value = match &sort_sql {
            None => Owned::Null,
            Some(sort_sql) => c
                .one(
                    &format!("SELECT {sort_sql} FROM {} r WHERE r.key = ?1", list.table()),
                    &[key.into()],
                    |row| row.owned(0),
                )?
                .unwrap_or(Owned::Null),
        };
        Ok(Page { rows, next: Some(Position { value, key }.cursor()) })
    })
}

pub(crate) fn limit_of(list: List, query: &ListQuery) -> usize {
    if query.limit == 0 { DEFAULT_PAGE_ROWS } else { query.limit.min(list.max_page_rows()) }
}

pub(crate) fn field_of(list: List, name: &str) -> Result<&'static Field> {
    list.field(name).ok_or_else(|| Error::UnknownField {
        list: list.name(),
        field: name.chars().take(80).collect(),
        valid: list.fields().iter().map(|field| field.name).collect::<Vec<_>>().join(", "),
    })
}

pub(crate) fn sort_of(list: List, query: &ListQuery) -> Result<Option<(&'static Field, bool)>> {
    let Some(sort) = &query.sort else { return Ok(None) };
    let field = field_of(list, &sort.field)?;
    if !field.sortable {
        let sortable = list.fields().iter().filter(|field| field.sortable);
        return Err(Error::UnknownField {
            list: list.name(),
            field: format!("{} to sort by", field.name),
            valid: sortable.map(|field| field.name).collect::<Vec<_>>().join(", "),
        });
    }
    Ok(Some((field, sort.descending)))
}

/// The expression that filters compare and sorts go by.
fn column_of(field: &Field) -> String {
    match field.name {
        "seen_from" => {
            "COALESCE(r.seen_from, (SELECT finished_at FROM sync WHERE sync.key = r.sync_key))"
                .into()
        }
        _ => field.column.into(),
    }
}

/// Rows without a value come last, whichever the direction; equal ones in the order of arrival.
fn order(sort: Option<&str>, descending: bool) -> String {
    let direction = if descending { "DESC" } else { "ASC" };
    match sort {
        None => format!("r.key {direction}"),
        Some(sort) => format!("{sort} IS NULL, {sort} {direction}, r.key"),
    }
}

fn after(select: &mut Select, sort: Option<&str>, descending: bool, position: Position) -> String {
    let key = select.value(Owned::Int(position.key));
    let beyond = if descending { "<" } else { ">" };
    match (sort, position.value) {
        (None, _) => format!("r.key {beyond} {key}"),
        (Some(sort), Owned::Null) => format!("({sort} IS NULL AND r.key > {key})"),
        (Some(sort), value) => {
            let value = select.value(value);
            format!(
                "({sort} IS NULL OR {sort} {beyond} {value} OR ({sort} = {value} AND r.key > {key}))"
            )
        }
    }
}

/// The filters and the search of a query, each a clause. Rows that stand, and no others, are found
/// by what they name.
pub(crate) fn conditions_of(
    select: &mut Select,
    list: List,
    query: &ListQuery,
    by_reference: bool,
) -> Result<Vec<String>> {
    let mut conditions = Vec::new();
    for filter in &query.filters {
        conditions.push(condition_of(select, list, filter, by_reference)?);
    }
    if let Some(text) = query.search.as_deref().filter(|text| !text.is_empty()) {
        let text = select.value(Owned::Text(text.to_lowercase()));
        let columns: &[&str] = match list {
            List::Findings => &["r.title", "r.rule"],
            List::Syncs => &["so.name"],
            List::Gaps => &["r.locus"],
            _ => &["r.name", "r.native_id"],
        };
        let tests: Vec<String> =
            columns.iter().map(|column| format!("instr(fold({column}), {text}) > 0")).collect();
        conditions.push(format!("({})", tests.join(" OR ")));
    }
    Ok(conditions)
}

fn condition_of(
    select: &mut Select,
    list: List,
    filter: &Filter,
    by_reference: bool,
) -> Result<String> {
    let field = field_of(list, &filter.field)?;
    let table = TABLES.iter().find(|table| table.list == list).filter(|_| by_reference);
    let role = field.column.strip_prefix("r.").and_then(|column| table?.role(column));
    let column = column_of(field);
    let check = check_of(field, filter)?;
    let any = |checks: Vec<Owned>, select: &mut Select| {
        checks.into_iter().map(|value| select.value(value)).collect::<Vec<String>>()
    };
    Ok(match check {
        Check::Is { values, or_none } => {
            let values = any(values, select);
            let list = values.join(", ");
            match (field.column, or_none) {
                (_, false) if let Some(role) = role => {
                    let marks: Vec<String> = values
                        .iter()
                        .map(|value| format!("mark({}, {value})", role.number))
                        .collect();
                    format!(
                        "r.key IN (SELECT key FROM reference WHERE mark IN ({})) \
                         AND {column} IN ({list})",
                        marks.join(", ")
                    )
                }
                ("r.source_key", _) => format!("so.id IN ({list})"),
                ("r.scope_key", _) => format!("sc.id IN ({list})"),
                (_, false) => format!("{column} IN ({list})"),
                (_, true) => format!("({column} IN ({list}) OR {column} IS NULL)"),
            }
        }
        Check::IsNot { values, or_none } => {
            let list = any(values, select).join(", ");
            match (field.column, or_none) {
                ("r.source_key", _) => format!("so.id NOT IN ({list})"),
                ("r.scope_key", _) => format!("sc.id NOT IN ({list})"),
                (_, false) => format!("({column} NOT IN ({list}) OR {column} IS NULL)"),
                (_, true) => format!("({column} NOT IN ({list}) AND {column} IS NOT NULL)"),
            }
        }
        Check::Contains(texts) => {
            let tests: Vec<String> = texts
                .into_iter()
                .map(|text| {
                    format!("instr(fold({column}), {}) > 0", select.value(Owned::Text(text)))
                })
                .collect();
            if tests.is_empty() { "FALSE".into() } else { format!("({})", tests.join(" OR ")) }
        }
        Check::Before(value) => format!("{column} < {}", select.value(value)),
        Check::After(value) => format!("{column} >= {}", select.value(value)),
        Check::States(states) => match field.state {
            Some(state) => {
                let states: Vec<String> = states.iter().map(ToString::to_string).collect();
                format!("{state} IN ({})", states.join(", "))
            }
            None => format!("{column} IS NULL"),
        },
    })
}
