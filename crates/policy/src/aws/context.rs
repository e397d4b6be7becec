//! What is known of the keys of a request's context.

use std::collections::BTreeMap;

/// Keys are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    said: BTreeMap<String, Said>,
    /// In lower case: of keys that begin so and that nothing is said of, it is known that they are
    /// absent.
    closed: Vec<String>,
    /// Whether keys that nothing is said of are unknown; else they are absent.
    is_open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Unknown,
    Absent,
    One(String),
    Many(Vec<String>),
}

/// Keys that begin so stand for what a document that was not read may say.
pub(super) const NEVER_KNOWN: &str = "document:";

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
    /// Keys that nothing is said of are unknown, where they are absent in [`Context::default`].
    pub fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.say(key, Said::One(value.into()));
    }

    /// A key that may have several values; with none it is as if it were absent.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) {
        self.say(key, if values.is_empty() { Said::Absent } else { Said::Many(values) });
    }

    pub fn set_absent(&mut self, key: &str) {
        self.say(key, Said::Absent);
    }

    /// All keys that begin so are known: what nothing is said of is absent.
    pub fn close(&mut self, prefix: &str) {
        self.closed.push(prefix.to_ascii_lowercase());
    }

    /// Nothing is known of this key, whatever is said of it before or after.
    pub fn set_unknown(&mut self, key: &str) {
        self.said.insert(key.to_ascii_lowercase(), Said::Unknown);
    }

    fn say(&mut self, key: &str, what: Said) {
        let key = key.to_ascii_lowercase();
        if self.said.get(&key) != Some(&Said::Unknown) {
            self.said.insert(key, what);
        }
    }

    /// Sets what follows from the request, unless the request says otherwise.
    pub(super) fn derive(&mut self, key: &str, value: Option<String>) {
        let Some(value) = value else { return };
        self.said.entry(key.to_ascii_lowercase()).or_insert(Said::One(value));
    }

    /// `key` in lower case.
    pub(super) fn get(&self, key: &str) -> Held<'_> {
        match self.said.get(key) {
            Some(Said::Unknown) => Held::Unknown,
            Some(Said::Absent) => Held::Absent,
            Some(Said::One(value)) => Held::One(value),
            Some(Said::Many(values)) => Held::Many(values),
            None if key.starts_with(NEVER_KNOWN) => Held::Unknown,
            None if self.is_open && !self.closed.iter().any(|prefix| key.starts_with(prefix)) => {
                Held::Unknown
            }
            None => Held::Absent,
        }
    }
}
