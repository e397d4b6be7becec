//! How a list is asked for and what comes back: the same words in CLI, API and console.

use model::{Gap, ScopeId, SourceId, StoredAt, Time};
use serde::{Deserialize, Serialize};

use crate::fields::List;
use crate::owner::OwnerColumn;
use crate::sync::SyncId;

/// The most rows one page has; a larger [`ListQuery::limit`] is cut to this.
pub const MAX_PAGE_ROWS: usize = 1_000;

/// The rows of a page when the caller does not say.
pub const DEFAULT_PAGE_ROWS: usize = 50;

/// A list, filtered, sorted, searched, one page of it, now or as it was seen at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Text that must be part of the name or the native id, in any case of letters.
    pub search: Option<String>,
    /// None: in the order of arrival.
    pub sort: Option<Sort>,
    /// The rows after this one; from [`Page::next`].
    pub after: Option<Cursor>,
    /// 0: [`DEFAULT_PAGE_ROWS`].
    pub limit: usize,
    pub as_of: Option<Time>,
}

/// One condition on one field. Fields are named in [`crate::fields`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    pub field: String,
    pub op: Op,
    /// Any of them (for `is`, `contains`), none of them (for `is-not`).
    pub values: Vec<String>,
}

/// What a filter asks of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    Is,
    IsNot,
    /// Part of the text, in any case of letters.
    Contains,
    /// Times and numbers: less than the value. Only rows that have a value.
    Before,
    /// Times and numbers: equal to or greater than the value.
    After,
    /// The state of the fact is one of the values: `known`, `known_absent`, `not_observable`,
    /// `not_collected`, `denied`; without values: any but `known`.
    Unknown,
}

impl Filter {
    pub fn new(field: &str, op: Op, values: &[&str]) -> Self {
        Self { field: field.into(), op, values: values.iter().map(|&value| value.into()).collect() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    pub field: String,
    pub descending: bool,
}

/// Where a page ended: opaque text, good for the same filters and sort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// None on the last page.
    pub next: Option<Cursor>,
}

/// A thing as a list shows it: its leading claim with facts settled, and where that comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row<R> {
    pub record: R,
    pub source: SourceId,
    /// The connector of the source.
    pub connector: String,
    /// The name a person gave the source.
    pub source_name: String,
    /// When a source first stated this version.
    pub seen_from: Time,
    /// Until when, for a row of the past.
    pub seen_to: Option<Time>,
    /// The last time the scope was read to its end, or this version was stated.
    pub last_seen: Time,
    /// The source's own time of the change, where it states one; else `seen_from`.
    pub valid_from: Time,
    /// Of identities: the owner that leads, as the app set it.
    pub owner: Option<OwnerColumn>,
}

/// How many rows have each value of a field, most frequent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    pub field: String,
    pub values: Vec<FacetValue>,
    /// Rows whose value is not among those listed.
    pub n_others: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FacetValue {
    /// Empty where the row has no value.
    pub value: String,
    pub count: u64,
}

/// One find of a search over names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    pub list: List,
    /// With its prefix.
    pub id: String,
    pub kind: String,
    pub name: String,
    /// Of a credential only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lies_in: Option<LiesIn>,
}

/// Where a credential lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiesIn {
    /// Null when no place was seen.
    pub first: Option<StoredAt>,
    pub n_places: usize,
}

/// Something a source could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapRow {
    pub source: SourceId,
    pub source_name: String,
    pub sync: SyncId,
    pub scope: ScopeId,
    pub scope_kind: String,
    pub scope_name: String,
    pub gap: Gap,
}
