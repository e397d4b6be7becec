//! How one thing changed, version by version.

use std::collections::BTreeMap;

use model::{Credential, Grant, Identity, OwnerLink, Place, PolicyDocument, SourceId, Time, Trust};
use serde::Serialize;
use serde_json::Value;

use crate::detail::ThingId;
use crate::engine::{Connection, Owned};
use crate::query::Row;
use crate::record::Record;
use crate::select::all_versions;
use crate::{Result, Store};

/// One version of one source's claim, newest first in a timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version {
    pub source: SourceId,
    pub connector: String,
    pub source_name: String,
    pub seen_from: Time,
    /// None: it still stands.
    pub seen_to: Option<Time>,
    pub valid_from: Time,
    /// Whether lists showed this claim.
    pub leads: bool,
    /// Against the version of the same source before it; all fields for the first one.
    pub changes: Vec<FieldChange>,
}

/// A field by its path in the record's JSON (`enabled`, `facts.shell`, `tags.env`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    pub field: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Parts of a record whose members are fields of their own.
const NESTED: [&str; 2] = ["facts", "tags"];

/// A record's fields by name: `enabled`, `facts.shell`.
pub(crate) fn fields_of<R: Record>(record: &R) -> BTreeMap<String, Value> {
    let mut fields = BTreeMap::new();
    let Ok(Value::Object(object)) = serde_json::to_value(record) else { return fields };
    for (name, value) in object {
        match value {
            Value::Object(members) if NESTED.contains(&name.as_str()) => {
                fields.extend(
                    members.into_iter().map(|(member, value)| (format!("{name}.{member}"), value)),
                );
            }
            value => {
                fields.insert(name, value);
            }
        }
    }
    fields
}

pub(crate) fn changes<R: Record>(before: Option<&R>, after: &R) -> Vec<FieldChange> {
    let mut before = before.map(fields_of).unwrap_or_default();
    let mut changes = Vec::new();
    for (field, after) in fields_of(after) {
        let before = before.remove(&field);
        if before.as_ref() != Some(&after) {
            changes.push(FieldChange { field, before, after: Some(after) });
        }
    }
    let lost = before.into_iter();
    changes.extend(lost.map(|(field, before)| FieldChange {
        field,
        before: Some(before),
        after: None,
    }));
    changes.sort_by(|one, other| one.field.cmp(&other.field));
    changes
}

fn versions_of<R: Record>(c: &Connection, id: &[u8; 16]) -> Result<Vec<Version>> {
    let rows: Vec<(Row<R>, bool)> = all_versions(c, vec![Owned::Blob(id.to_vec())])?;
    let mut versions = Vec::with_capacity(rows.len());
    let mut last: BTreeMap<SourceId, R> = BTreeMap::new();
    for (row, leads) in rows {
        let changes = changes(last.get(&row.source), &row.record);
        last.insert(row.source, row.record);
        versions.push(Version {
            source: row.source,
            connector: row.connector,
            source_name: row.source_name,
            seen_from: row.seen_from,
            seen_to: row.seen_to,
            valid_from: row.valid_from,
            leads,
            changes,
        });
    }
    versions.reverse();
    Ok(versions)
}

impl Store {
    /// Every version of every claim about a thing, newest first; empty when it was never seen.
    pub fn timeline(&self, thing: ThingId) -> Result<Vec<Version>> {
        self.ask("read a timeline", |c| match thing {
            ThingId::Identity(id) => versions_of::<Identity>(c, id.as_bytes()),
            ThingId::Credential(id) => versions_of::<Credential>(c, id.as_bytes()),
            ThingId::Place(id) => versions_of::<Place>(c, id.as_bytes()),
            ThingId::Grant(id) => versions_of::<Grant>(c, id.as_bytes()),
            ThingId::Trust(id) => versions_of::<Trust>(c, id.as_bytes()),
            ThingId::Owner(id) => versions_of::<OwnerLink>(c, id.as_bytes()),
            ThingId::Policy(id) => versions_of::<PolicyDocument>(c, id.as_bytes()),
        })
    }
}
