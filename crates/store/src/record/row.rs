//! A record as the values of its row, and a row as its record again.

use model::ScopeId;

use super::{Kept, OwnedHead, Record, authority_of, unreadable};
use crate::Result;
use crate::engine::{Connection, Row, Value};
use crate::error::Error;
use crate::flat::{HashKey, hash_of};
use crate::reference::marks;
use crate::sync::SyncId;

/// A record's body as text.
pub(crate) fn body_of<R: Record>(record: &R) -> Result<String> {
    let mut bytes = Vec::with_capacity(512);
    record
        .body(&mut serde_json::Serializer::new(&mut bytes))
        .map_err(|error| unwritable(&error))?;
    String::from_utf8(bytes).map_err(|error| unwritable(&error))
}

/// The hash of a claim, in memory that is used again.
pub(crate) fn hash<R: Record>(key: HashKey, record: &R, bytes: &mut Vec<u8>) -> Result<i64> {
    hash_of(key, record, bytes).map_err(|error| unwritable(&error))
}

fn unwritable(error: &dyn std::error::Error) -> Error {
    Error::Database { doing: "write a record", source: error.to_string().into() }
}

/// Whose version a row is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version {
    pub(crate) source_key: i64,
    pub(crate) scope_key: i64,
    pub(crate) sync: SyncId,
    pub(crate) lead: bool,
}

/// What a row holds of the claim itself: its id, then what comes after `lead` in
/// [`COMMON`](crate::record::COMMON), the columns of its kind, the body.
pub(crate) fn stated<'a, R: Record>(
    record: &'a R,
    kept: &'a Kept,
    hash: i64,
    body: &'a str,
) -> Vec<Value<'a>> {
    let head = record.head();
    let mut values = Vec::with_capacity(R::TABLE.n_columns());
    values.extend([
        Value::from(record.id()),
        Value::Int(record.authority() as i64),
        hash.into(),
        record.changed_at().into(),
        head.kind.into(),
        head.system.into(),
        head.instance.into(),
        head.native_id.into(),
        kept.name(&head).into(),
    ]);
    record.extra(kept, &mut values);
    values.push(body.into());
    values
}

/// The values of a whole row.
pub(crate) fn row_values<'a>(stated: &[Value<'a>], version: Version) -> Vec<Value<'a>> {
    let mut values = Vec::with_capacity(stated.len() + 5);
    if let Some((id, rest)) = stated.split_first() {
        values.extend([
            *id,
            version.source_key.into(),
            version.scope_key.into(),
            version.sync.0.into(),
            version.lead.into(),
        ]);
        values.extend(rest);
    }
    values
}

/// The marks of a record's row.
pub(crate) fn marks_of<R: Record>(record: &R) -> Vec<i64> {
    let kept = record.kept();
    let places = record.places().iter().map(|stored| stored.place.as_bytes());
    marks(R::TABLE, &stated(record, &kept, 0, ""), places).collect()
}

/// The columns that [`record_of`] reads, of a row `r` and its scope `sc`.
pub(crate) const RECORD: &str = "r.id, sc.id, r.authority, r.kind, r.system, r.instance, \
    r.native_id, r.name, r.body";

/// The record of a row, facts unsettled: as the source stated it.
pub(crate) fn record_of<R: Record>(row: &Row<'_>) -> Result<R> {
    let head = OwnedHead {
        id: row.id(0)?,
        scope: ScopeId::from_bytes(row.id(1)?),
        authority: authority_of(row.int(2)?),
        kind: row.text(3)?.into(),
        system: row.text(4)?.into(),
        instance: row.text(5)?.into(),
        native_id: row.text(6)?.into(),
        name: row.text(7)?.into(),
    };
    R::restore(head, row.text(8)?).map_err(|error| unreadable("read a record", &error))
}

pub(crate) fn record_of_key<R: Record>(c: &Connection, key: i64) -> Result<Option<R>> {
    c.one(
        &format!(
            "SELECT {RECORD} FROM {} r JOIN scope sc ON sc.key = r.scope_key WHERE r.key = ?1",
            R::TABLE.name
        ),
        &[key.into()],
        record_of,
    )
}
