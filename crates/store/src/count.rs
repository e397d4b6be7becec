//! Totals and facets of lists that are small, of a moment, or not in memory.

use model::{ScopeId, SourceId};

use crate::engine::{Connection, Owned};
use crate::error::Error;
use crate::fields::{Field, FieldKind, List};
use crate::query::{Facet, FacetValue, ListQuery};
use crate::record::TABLES;
use crate::select::{Select, conditions_of, field_of, from_records};
use crate::{Result, Store};

/// A list with at most this many rows is counted by SQL at once; columns are for larger ones.
const SMALL: i64 = 20_000;

/// Whether a list is small enough to be counted by SQL at once.
fn is_small(c: &Connection, list: List) -> Result<bool> {
    let Some(table) = TABLES.iter().find(|table| table.list == list) else { return Ok(true) };
    let sql = format!("SELECT COALESCE(MAX(key), 0) FROM {}", table.name);
    Ok(c.one(&sql, &[], |row| row.int(0))?.unwrap_or(0) <= SMALL)
}

/// What the counts of a list are taken over.
fn counted(list: List, query: &ListQuery) -> Result<(Select, String)> {
    let mut select = Select::default();
    let (from, mut conditions) = match (TABLES.iter().find(|table| table.list == list), list) {
        (Some(table), _) => {
            let from = from_records(&mut select, table, query.as_of);
            (from, vec!["r.lead = 1".to_owned()])
        }
        (None, List::Findings) => ("finding r".to_owned(), vec!["TRUE".to_owned()]),
        (None, List::Syncs) => {
            ("sync r JOIN source so ON so.key = r.source_key".to_owned(), vec!["TRUE".to_owned()])
        }
        _ => (
            "gap r JOIN scope sc ON sc.key = r.scope_key JOIN source so ON so.key = r.source_key"
                .to_owned(),
            vec!["sc.last_sync_key = r.sync_key AND so.removed_at IS NULL".to_owned()],
        ),
    };
    conditions.extend(conditions_of(&mut select, list, query, query.as_of.is_none())?);
    Ok((select, format!("{from} WHERE {}", conditions.join(" AND "))))
}

pub(crate) fn small_total(store: &Store, list: List, query: &ListQuery) -> Result<Option<u64>> {
    if store.read("count a list", |c| is_small(c, list))? {
        return total(store, list, query).map(Some);
    }
    Ok(None)
}

pub(crate) fn total(store: &Store, list: List, query: &ListQuery) -> Result<u64> {
    let (mut select, from) = counted(list, query)?;
    select.sql = format!("SELECT COUNT(*) FROM {from}");
    store.ask("count a list", |c| {
        let mut total = 0;
        select.visit(c, |row| {
            total = row.count(0)?;
            Ok(false)
        })?;
        Ok(total)
    })
}

pub(crate) fn small_facets(
    store: &Store,
    list: List,
    query: &ListQuery,
    fields: &[&str],
    most: usize,
) -> Result<Option<Vec<Facet>>> {
    if store.read("count a list", |c| is_small(c, list))? {
        return facets(store, list, query, fields, most).map(Some);
    }
    Ok(None)
}

pub(crate) fn facets(
    store: &Store,
    list: List,
    query: &ListQuery,
    fields: &[&str],
    most: usize,
) -> Result<Vec<Facet>> {
    let fields = fields.iter().map(|name| facet_field(list, name)).collect::<Result<Vec<_>>>()?;
    store.ask("count the values of a list", |c| {
        let mut facets = Vec::with_capacity(fields.len());
        for field in fields {
            let (mut select, from) = counted(list, query)?;
            let column = match field.column {
                "r.source_key" => "so.id",
                "r.scope_key" => "sc.id",
                column => column,
            };
            select.sql = format!("SELECT {column}, COUNT(*) FROM {from} GROUP BY 1");
            let mut values = Vec::new();
            select.visit(c, |row| {
                let value = facet_text(list, field, &row.owned(0)?);
                values.push(FacetValue { value, count: row.count(1)? });
                Ok(true)
            })?;
            facets.push(facet_of(field, values, most));
        }
        Ok(facets)
    })
}

pub(crate) fn facet_field(list: List, name: &str) -> Result<&'static Field> {
    let field = field_of(list, name)?;
    if field.facetable {
        return Ok(field);
    }
    let facetable = list.fields().iter().filter(|field| field.facetable);
    Err(Error::UnknownField {
        list: list.name(),
        field: format!("{name} to count by"),
        valid: facetable.map(|field| field.name).collect::<Vec<_>>().join(", "),
    })
}

/// The most frequent values, then by name. No value and an empty one count as one.
pub(crate) fn facet_of(field: &Field, mut values: Vec<FacetValue>, most: usize) -> Facet {
    values.sort_by(|one, other| one.value.cmp(&other.value));
    values.dedup_by(|next, kept| {
        let is_one = next.value == kept.value;
        if is_one {
            kept.count += next.count;
        }
        is_one
    });
    values.sort_by(|one, other| {
        other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value))
    });
    let n_others = values.iter().skip(most).map(|value| value.count).sum();
    values.truncate(most);
    Facet { field: field.name.into(), values, n_others }
}

/// The value of a column as filters name it.
pub(crate) fn facet_text(list: List, field: &Field, value: &Owned) -> String {
    let word = |words: &[&str], number: i64| {
        let word = usize::try_from(number).ok().and_then(|number| words.get(number));
        word.copied().unwrap_or_default().to_owned()
    };
    match (field.column, value) {
        (_, Owned::Null) => String::new(),
        ("r.authority", Owned::Int(number)) => word(&["mentioned", "declared", "record"], *number),
        ("r.severity", Owned::Int(number)) => {
            word(&["info", "low", "medium", "high", "critical"], *number)
        }
        ("r.state", Owned::Int(number)) if list == List::Syncs => {
            word(&["running", "committed", "failed"], *number)
        }
        ("r.source_key", Owned::Blob(id)) => <[u8; 16]>::try_from(id.as_slice())
            .map_or_else(|_| String::new(), |id| SourceId::from_bytes(id).to_string()),
        ("r.scope_key", Owned::Blob(id)) => <[u8; 16]>::try_from(id.as_slice())
            .map_or_else(|_| String::new(), |id| ScopeId::from_bytes(id).to_string()),
        (_, Owned::Int(number)) if field.kind == FieldKind::Truth => {
            if *number == 0 {
                "false".into()
            } else {
                "true".into()
            }
        }
        (_, Owned::Int(number)) => number.to_string(),
        (_, Owned::Real(number)) => number.to_string(),
        (_, Owned::Text(text)) => text.clone(),
        (_, Owned::Blob(_)) => String::new(),
    }
}
