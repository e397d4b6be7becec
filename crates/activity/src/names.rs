//! Names that rows and identities hold: the first few in order, strings by number, and what a text
//! comes to.

use std::borrow::Cow;

use hashbrown::HashMap;

/// Networks, agents, regions of a row; sessions and subjects of an identity. The first in order are
/// kept, whatever came first.
pub const MAX_NAMES: usize = 16;
/// What a name takes beside its text.
pub(crate) const NAME_BYTES: usize = 32;
/// User agents whose family is remembered, and addresses whose network is.
const MAX_REMEMBERED: usize = 1 << 14;

/// Names of which the first in order are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub(crate) list: Vec<Box<str>>,
    /// Whether there were more.
    pub(crate) more: bool,
}

impl Names {
    /// Adds a name; how many bytes it takes where it is new.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        // Most often the only one.
        if self.list.first().is_some_and(|first| **first == *name) {
            return 0;
        }
        let Err(at) = self.list.binary_search_by(|known| (**known).cmp(name)) else { return 0 };
        if at == MAX_NAMES {
            self.more = true;
            return 0;
        }
        self.list.insert(at, name.into());
        if self.list.len() > MAX_NAMES {
            self.list.truncate(MAX_NAMES);
            self.more = true;
        }
        NAME_BYTES + name.len()
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        for name in &other.list {
            self.add(name);
        }
        self.more |= other.more;
    }
}

/// What a text comes to, remembered.
pub(crate) fn remembered<'m>(
    known: &'m mut HashMap<String, Box<str>>,
    text: &str,
    made: impl Fn(&str) -> Cow<'_, str>,
) -> &'m str {
    if known.len() == MAX_REMEMBERED && !known.contains_key(text) {
        known.clear();
    }
    known.entry_ref(text).or_insert_with(|| made(text).into())
}

/// Strings by number; 0 is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interned {
    numbers: HashMap<Box<str>, u32>,
    list: Vec<Box<str>>,
    /// What they take, about.
    pub(crate) n_bytes: usize,
}

impl Interned {
    pub(crate) fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.list.push(text.into());
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.into(), number);
        self.n_bytes += 2 * (NAME_BYTES + text.len());
        number
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        let at = (number as usize).checked_sub(1);
        at.and_then(|at| self.list.get(at)).map_or("", |text| text)
    }
}
