//! What is known of the keys of a request's context.

use std::collections::{BTreeMap, BTreeSet};

/// Keys are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Values>,
    unknown: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// What a context holds of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held<'a> {
    /// It may be there or not, with any value.
    Unknown,
    Absent,
    One(&'a str),
    /// Of a key with several values, even if it has one; at least one.
    Many(&'a [String]),
}

impl Context {
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.values.insert(key.to_ascii_lowercase(), Values::One(value.into()));
    }

    /// A key that may have several values; with none it is as if it were absent.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) {
        if !values.is_empty() {
            self.values.insert(key.to_ascii_lowercase(), Values::Many(values));
        }
    }

    /// Nothing is known of this key, whatever was said of it.
    pub fn set_unknown(&mut self, key: &str) {
        self.unknown.insert(key.to_ascii_lowercase());
    }

    /// Sets what follows from the request, unless the request says otherwise.
    pub(super) fn derive(&mut self, key: &str, value: Option<String>) {
        let key = key.to_ascii_lowercase();
        if let (Some(value), false) = (value, self.values.contains_key(&key)) {
            self.values.insert(key, Values::One(value));
        }
    }

    /// `key` in lower case.
    pub(super) fn get(&self, key: &str) -> Held<'_> {
        if self.unknown.contains(key) {
            return Held::Unknown;
        }
        match self.values.get(key) {
            None => Held::Absent,
            Some(Values::One(value)) => Held::One(value),
            Some(Values::Many(values)) => Held::Many(values),
        }
    }
}
