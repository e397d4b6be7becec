//! The seven kinds of record as rows: which columns they have, and how a row becomes a record again.
//!
//! Columns hold what lists filter and sort by; `body` is compact JSON of the rest.

mod credential;
mod grant;
mod identity;
mod owner;
mod place;
mod policy;
pub(crate) mod row;
mod table;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use model::fact::{State, Text};
use model::{Authority, Fact, Facts, ScopeId, StoredAt, Time};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

pub(crate) use self::table::{N_TABLES, TABLES, Table};
use crate::detail::ThingId;
use crate::engine::Value;
use crate::error::Error;

/// A kind of record that is kept.
pub(crate) trait Record: Sized + Serialize + DeserializeOwned + Clone {
    const TABLE: &'static Table;

    fn thing(&self) -> ThingId;
    fn id(&self) -> &[u8; 16];
    fn scope(&self) -> ScopeId;
    fn authority(&self) -> Authority {
        Authority::Record
    }
    fn also_in(&self) -> &[ScopeId];
    /// Another scope that may still state it.
    fn keep_scope(&mut self, scope: ScopeId);
    fn loci(&self) -> &[String];
    fn loci_mut(&mut self) -> &mut Vec<String>;
    fn changed_at(&self) -> Option<Time> {
        None
    }
    fn head(&self) -> Head<'_>;
    /// The values of [`Table::extra`].
    fn extra<'a>(&'a self, kept: &'a Kept, values: &mut Vec<Value<'a>>);
    /// Texts that [`Record::extra`] needs and that are no field of the record.
    fn kept(&self) -> Kept {
        Kept::default()
    }
    /// Writes what no column holds.
    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error>;
    fn settle_facts(&mut self, source: &Text, at: Time);
    fn absorb_all(records: Vec<Self>) -> Option<Self>;
    /// Where it lies, of credentials.
    fn places(&self) -> &[StoredAt] {
        &[]
    }
    /// Takes from an older version what a gap may only hide.
    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(self.loci_mut(), old.loci(), hidden);
    }
}

/// Whether something that a new version of a record no longer has may only be hidden.
pub(crate) struct Hidden<'a> {
    pub(crate) place: &'a dyn Fn(&StoredAt) -> bool,
    pub(crate) locus: &'a dyn Fn(&str) -> bool,
}

/// The columns that every record has and that are not in its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) kind: &'a str,
    pub(crate) system: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) native_id: &'a str,
    pub(crate) name: &'a str,
}

/// The same, as a row gives it back.
#[derive(Debug, Clone)]
pub(crate) struct OwnedHead {
    pub(crate) id: [u8; 16],
    pub(crate) scope: ScopeId,
    pub(crate) authority: Authority,
    pub(crate) kind: String,
    pub(crate) system: String,
    pub(crate) instance: String,
    pub(crate) native_id: String,
    pub(crate) name: String,
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    name: String,
    actions: String,
    resources: String,
}

pub(crate) const fn authority_of(number: i64) -> Authority {
    match number {
        0 => Authority::Mentioned,
        1 => Authority::Declared,
        _ => Authority::Record,
    }
}

/// The states of facts as columns have them.
pub(crate) const STATES: [&str; 5] =
    ["known", "known_absent", "not_observable", "not_collected", "denied"];

fn state<T>(fact: &Fact<T>) -> Value<'static> {
    Value::Int(match fact.state {
        State::Known(_) => 0,
        State::KnownAbsent => 1,
        State::NotObservable => 2,
        State::NotCollected => 3,
        State::Denied => 4,
    })
}

fn time(fact: &Fact<Time>, values: &mut Vec<Value<'_>>) {
    values.push(fact.value().copied().into());
    values.push(state(fact));
}

fn truth(fact: &Fact<bool>, values: &mut Vec<Value<'_>>) {
    values.push(fact.value().copied().into());
    values.push(state(fact));
}

fn keep_loci(loci: &mut Vec<String>, old: &[String], hidden: &Hidden<'_>) {
    let known: BTreeSet<&str> = loci.iter().map(String::as_str).collect();
    let is_kept = |locus: &&String| !known.contains(locus.as_str()) && (hidden.locus)(locus);
    let kept: Vec<String> = old.iter().filter(is_kept).cloned().collect();
    if !kept.is_empty() {
        loci.extend(kept);
        loci.sort();
    }
}

/// What need not be written into a body.
trait Empty {
    fn is_empty(&self) -> bool;
}

impl<T: Empty> Empty for &T {
    fn is_empty(&self) -> bool {
        (*self).is_empty()
    }
}

impl<T> Empty for Vec<T> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T> Empty for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<K, V> Empty for BTreeMap<K, V> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl Empty for Facts {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T> Empty for Fact<T> {
    fn is_empty(&self) -> bool {
        self.is_unsaid()
    }
}

/// What is alike for every kind of record, and its body: the fields that are always written, then
/// those that are left out when empty. `restore` names the fields that the head of a row holds.
macro_rules! record {
    (
        $Record:ident as $Thing:ident in $table:ident, list $list:ident;
        body { $($always:ident: $Always:ty),*; $($field:ident: $Type:ty),* }
        restore($head:ident) { $($own:ident: $value:expr),* }
        $($rest:tt)*
    ) => {
        #[derive(serde::Serialize)]
        struct Written<'a> {
            $($always: &'a $Always,)*
            $(#[serde(
                skip_serializing_if = "super::Empty::is_empty",
                serialize_with = "crate::brief::write"
            )] $field: &'a $Type,)*
        }

        #[derive(serde::Deserialize)]
        struct Read {
            $($always: $Always,)*
            $(#[serde(default, deserialize_with = "crate::brief::read")] $field: $Type,)*
        }

        impl super::Record for $Record {
            const TABLE: &'static super::Table = &super::table::$table;

            fn thing(&self) -> crate::detail::ThingId {
                crate::detail::ThingId::$Thing(self.id)
            }

            fn id(&self) -> &[u8; 16] {
                self.id.as_bytes()
            }

            fn scope(&self) -> model::ScopeId {
                self.scope
            }

            fn also_in(&self) -> &[model::ScopeId] {
                &self.also_in
            }

            fn keep_scope(&mut self, scope: model::ScopeId) {
                self.also_in.push(scope);
                self.also_in.sort_unstable();
            }

            fn loci(&self) -> &[String] {
                &self.loci
            }

            fn loci_mut(&mut self) -> &mut Vec<String> {
                &mut self.loci
            }

            fn body<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self { $($always,)* $($field,)* .. } = self;
                serde::Serialize::serialize(&Written { $($always,)* $($field,)* }, serializer)
            }

            fn restore($head: super::OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
                let Read { $($always,)* $($field,)* } = serde_json::from_str(body)?;
                Ok(Self { $($own: $value,)* $($always,)* $($field,)* })
            }

            fn settle_facts(&mut self, source: &model::fact::Text, at: model::Time) {
                $Record::settle_facts(self, source, at);
            }

            fn absorb_all(records: Vec<Self>) -> Option<Self> {
                let mut batch = model::Batch { $list: records, ..Default::default() };
                batch.settle();
                batch.$list.pop()
            }

            $($rest)*
        }
    };
}
use record;

impl Kept {
    /// The name column of a record whose name is not a field of it.
    pub(crate) fn name<'a>(&'a self, head: &Head<'a>) -> &'a str {
        if self.name.is_empty() { head.name } else { &self.name }
    }
}

/// A body that does not read back: the database was changed by another hand.
pub(crate) fn unreadable(doing: &'static str, error: &serde_json::Error) -> Error {
    Error::Corrupt { doing, what: format!("the body of a record does not parse: {error}") }
}
