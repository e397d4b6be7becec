//! A value of a state as a tree, as far as there is room for it: the one part of a state that is in
//! memory as a whole.
//!
//! What the value is of is not known here. What found no room is left out, and the room says so.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Of one instance of a resource (or module of version 3), values and bytes of text beyond these
/// are left out, and a gap says so.
pub(super) const MAX_VALUES: usize = 500_000;
pub(super) const MAX_TEXT_BYTES: usize = 32 << 20;

/// How large a tree may still become.
#[derive(Debug)]
pub(super) struct Room {
    n_values: usize,
    n_bytes: usize,
    pub(super) is_full: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self { n_values: MAX_VALUES, n_bytes: MAX_TEXT_BYTES, is_full: false }
    }
}

impl Room {
    fn take(&mut self, n_bytes: usize) -> bool {
        self.is_full |= self.n_values == 0 || n_bytes > self.n_bytes;
        if !self.is_full {
            self.n_values -= 1;
            self.n_bytes -= n_bytes;
        }
        !self.is_full
    }
}

/// A value, as far as there is room for it: what a state holds may be ten times larger in memory
/// than in its file.
pub(super) struct Tree<'a>(pub(super) &'a mut Room);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while self.0.take(0) {
            let Some(value) = list.next_element_seed(Tree(self.0))? else {
                return Ok(Value::Array(values));
            };
            values.push(value);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while self.0.take(0) {
            let Some(key) = map.next_key::<String>()? else { return Ok(Value::Object(values)) };
            if !self.0.take(key.len()) {
                map.next_value::<IgnoredAny>()?;
                break;
            }
            let value = map.next_value_seed(Tree(self.0))?;
            values.insert(key, value);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(values))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(if self.0.take(text.len()) { Value::String(text.to_owned()) } else { Value::Null })
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
