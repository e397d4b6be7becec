//! What is different between two moments.

use crate::stub;
use crate::{Result, Store};
use model::Time;
use serde::{Deserialize, Serialize};

use crate::fields::List;
use crate::query::Cursor;

/// The things of one list that were added, changed or gone between two moments, by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffQuery {
    pub from: Time,
    pub to: Time,
    /// Identities, credentials, places, grants, trusts or owners.
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

impl Store {
    /// What differs between two moments, in the order of ids.
    pub fn diff(&self, query: &DiffQuery) -> Result<DiffPage> {
        stub()
    }
    /// How much differs, per list.
    pub fn diff_summary(&self, from: Time, to: Time) -> Result<Vec<DiffSummary>> {
        stub()
    }
}
