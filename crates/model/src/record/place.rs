//! Where credentials are found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::credential::StoredAt;
use super::{Authority, join_scopes, sorted, sorted_scopes};
use crate::fact::{Fact, Text, Value};
use crate::facts::Facts;
use crate::id::{Native, PlaceId, ScopeId};
use crate::kinds::PlaceKind;
use crate::time::Time;

/// Where a credential was found or is used from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub id: PlaceId,
    pub kind: Text,
    /// `file`, `git`, `kubernetes`, `github` … with the instance that makes native ids unique (the
    /// machine id for files).
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    /// For display: relative to what was asked for.
    pub path: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    /// The place that contains it: the repository of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<PlaceId>,
    /// Well-known keys: `mode`, `owner`, `exposure`, `tracked` (by git), `environment`,
    /// `purpose` (`test`, `example`, `documentation`; see [`crate::purpose`]).
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
}

impl Place {
    pub fn id_of(kind: &PlaceKind, system: &str, instance: &str, native_id: &str) -> PlaceId {
        PlaceId::of(Native::new(system, instance, kind.id, native_id))
    }

    pub fn new(
        kind: &'static PlaceKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        Self {
            id: Self::id_of(kind, &system, &instance, &native_id),
            kind: kind.id.into(),
            system,
            instance,
            path: native_id.clone(),
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            container: None,
            facts: Facts::new(),
        }
    }

    /// A pointer to this place, for a credential that lies in it.
    pub fn stored_at(&self, line: Option<u32>, pointer: Option<String>) -> StoredAt {
        StoredAt { place: self.id, path: self.path.clone(), line, pointer }
    }

    pub fn fact(&mut self, name: &'static str, fact: Fact<Value>) {
        self.facts.insert(name.into(), fact);
    }

    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.facts.settle(source, observed_at);
    }

    pub(super) fn absorb(&mut self, mut other: Self) {
        if other.authority > self.authority {
            std::mem::swap(self, &mut other);
        }
        self.container = self.container.or(other.container);
        self.facts.fill(other.facts);
        self.loci.extend(other.loci);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    pub(super) fn tidy(&mut self) {
        sorted(&mut self.loci);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}
