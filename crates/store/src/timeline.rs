//! How one thing changed, version by version.

use crate::detail::ThingId;
use crate::stub;
use crate::{Result, Store};
use model::{SourceId, Time};
use serde::Serialize;

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
    pub before: Option<serde_json::Value>,
    pub after: Option<serde_json::Value>,
}

impl Store {
    /// Every version of every claim about a thing, newest first; empty when it was never seen.
    pub fn timeline(&self, thing: ThingId) -> Result<Vec<Version>> {
        stub()
    }
}
