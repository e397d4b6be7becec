//! The facts of a record whose types only its connector knows, by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fact::{Fact, State, Text, Value};
use crate::time::Time;

/// Facts in the order of their names. A record has a handful of them, so they lie in one piece of
/// memory: a tree would take the room of eleven for one, and an estate has millions of records.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Facts(Vec<(Text, Fact<Value>)>);

impl Facts {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a fact of that name is, or belongs.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }

    pub fn get(&self, name: &str) -> Option<&Fact<Value>> {
        let at = self.find(name).ok()?;
        self.0.get(at).map(|(_, fact)| fact)
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Puts a fact in the place of the one of that name, which it gives back.
    pub fn insert(&mut self, name: Text, fact: Fact<Value>) -> Option<Fact<Value>> {
        match self.find(&name) {
            Ok(at) => self.0.get_mut(at).map(|(_, known)| std::mem::replace(known, fact)),
            Err(at) => {
                self.0.insert(at, (name, fact));
                None
            }
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Fact<Value>> {
        let at = self.find(name).ok()?;
        Some(self.0.remove(at).1)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Fact<Value>) -> bool) {
        self.0.retain(|(name, fact)| keep(name, fact));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// In the order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, (Text, Fact<Value>)> {
        self.0.iter()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Fact<Value>> {
        self.0.iter_mut().map(|(_, fact)| fact)
    }

    /// Gives every fact its source and time where it does not state its own.
    pub fn settle(&mut self, source: &Text, observed_at: Time) {
        for fact in self.values_mut() {
            fact.settle(source, observed_at);
        }
    }

    /// Takes from another claim about the same thing what this one does not know.
    pub(crate) fn fill(&mut self, from: Self) {
        for (name, fact) in from {
            match self.find(&name) {
                Ok(at) => {
                    if let Some((_, known)) = self.0.get_mut(at) {
                        known.fill(fact);
                    }
                }
                Err(at) => self.0.insert(at, (name, fact)),
            }
        }
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, fact)| (name, fact))).finish()
    }
}

impl Index<&str> for Facts {
    type Output = Fact<Value>;

    /// What is not there is not collected.
    fn index(&self, name: &str) -> &Fact<Value> {
        const NOTHING: &Fact<Value> = &Fact { state: State::NotCollected, about: None };
        self.get(name).unwrap_or(NOTHING)
    }
}

impl Extend<(Text, Fact<Value>)> for Facts {
    fn extend<I: IntoIterator<Item = (Text, Fact<Value>)>>(&mut self, more: I) {
        for (name, fact) in more {
            self.insert(name, fact);
        }
    }
}

impl FromIterator<(Text, Fact<Value>)> for Facts {
    fn from_iter<I: IntoIterator<Item = (Text, Fact<Value>)>>(facts: I) -> Self {
        let facts: Vec<_> = facts.into_iter().collect();
        if facts.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Self(facts);
        }
        // Of facts with one name the last counts.
        Self(BTreeMap::from_iter(facts).into_iter().collect())
    }
}

impl IntoIterator for Facts {
    type Item = (Text, Fact<Value>);
    type IntoIter = std::vec::IntoIter<(Text, Fact<Value>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Facts {
    type Item = &'a (Text, Fact<Value>);
    type IntoIter = std::slice::Iter<'a, (Text, Fact<Value>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, fact)| (name, fact)))
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let facts = BTreeMap::<Text, Fact<Value>>::deserialize(deserializer)?;
        Ok(facts.into_iter().collect())
    }
}

impl JsonSchema for Facts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Facts".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<BTreeMap<Text, Fact<Value>>>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_what_a_tree_would_be(pairs in prop::collection::vec(("[a-d]{1,2}", any::<i64>()), 0..9)) {
            let fact = |(name, number): &(String, i64)| (Text::from(name.clone()), Fact::known(*number));
            let facts: Facts = pairs.iter().map(fact).collect();
            let tree: BTreeMap<Text, Fact<Value>> = pairs.iter().map(fact).collect();
            let json = serde_json::to_string(&facts).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&tree).unwrap());
            prop_assert_eq!(&serde_json::from_str::<Facts>(&json).unwrap(), &facts);
            for (name, fact) in &tree {
                prop_assert_eq!(facts.get(name), Some(fact));
            }
            let mut grown = Facts::new();
            grown.extend(pairs.iter().map(fact));
            prop_assert_eq!(&grown, &facts);
            prop_assert!(facts.into_iter().eq(tree));
        }
    }
}
