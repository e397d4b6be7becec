//! One object of a reply, and how its members are read.

use model::{Fact, Time};
use serde_json::{Map, Value};

/// An object of a reply: where it stands, and with what it was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) value: &'a Map<String, Value>,
    /// `/RoleDetailList/12`, within the reply.
    pub(crate) pointer: &'a str,
    /// The parameters of the call, where a wrapper states them.
    pub(crate) parameters: &'a Map<String, Value>,
    /// The file's name without its ending: the parameter of a call that takes one.
    pub(crate) stem: &'a str,
    /// The account it is of.
    pub(crate) account: &'a str,
}

impl<'a> Item<'a> {
    /// A text that is not empty.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        text(self.value, key)
    }

    pub(crate) fn truth(&self, key: &str) -> Option<bool> {
        match self.value.get(key)? {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => text.to_lowercase().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn time(&self, key: &str) -> Option<Time> {
        self.value.get(key).and_then(time_of)
    }

    /// A moment that every such object has.
    pub(crate) fn moment(&self, key: &str) -> Fact<Time> {
        self.time(key).map_or_else(Fact::default, Fact::known)
    }

    pub(crate) fn texts(&self, key: &str) -> Vec<&'a str> {
        texts(self.value, key)
    }

    /// Objects of a list.
    pub(crate) fn blocks(&self, key: &str) -> Vec<&'a Map<String, Value>> {
        match self.value.get(key) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn object(&self, key: &str) -> Option<&'a Map<String, Value>> {
        self.value.get(key)?.as_object()
    }

    /// The same, of an object within it.
    pub(crate) fn within(&self, value: &'a Map<String, Value>) -> Self {
        Self { value, ..*self }
    }

    /// With what it was asked for: as the wrapper says, else the file's name.
    pub(crate) fn parameter(&self, name: &str) -> &'a str {
        text(self.parameters, name).unwrap_or(self.stem)
    }

    /// The same, only as the wrapper says.
    pub(crate) fn stated_parameter(&self, name: &str) -> Option<&'a str> {
        text(self.parameters, name)
    }
}

pub(crate) fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(crate) fn texts<'a>(map: &'a Map<String, Value>, key: &str) -> Vec<&'a str> {
    match map.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A moment in each form in which the CLI and its libraries print one: text with `T` or a space,
/// and seconds since 1970 with or without a fraction.
pub(crate) fn time_of(value: &Value) -> Option<Time> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what is no moment is clamped by `Time`"
            )]
            let micros = (number.as_f64()? * 1e6) as i64;
            Some(Time::from_micros(micros))
        }
        _ => None,
    }
}

/// Tags, as a list of pairs or as an object.
pub(crate) fn tags(value: Option<&Value>) -> Vec<(&str, &str)> {
    match value {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|tag| {
                let tag = tag.as_object()?;
                let part = |one, other| text(tag, one).or_else(|| text(tag, other));
                Some((part("Key", "key")?, part("Value", "value")?))
            })
            .collect(),
        Some(Value::Object(map)) => {
            map.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
        }
        _ => Vec::new(),
    }
}

/// A policy document as its text: what is an object is written as one, what is encoded for an
/// address is decoded. None for what is neither.
pub(crate) fn document(value: &Value) -> Option<String> {
    match value {
        Value::Object(_) => Some(value.to_string()),
        Value::String(text) if text.trim_start().starts_with("%7B") => decoded(text),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// `%7B` is `{`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || (rest.next()? as char).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_are_read_in_every_form() {
        let check = |value: Value, expected: &str| {
            let time = time_of(&value).map(|time| time.to_string());
            assert_eq!(time.as_deref().unwrap_or("none"), expected, "{value}");
        };
        check(json!("2023-03-09T10:41:45+00:00"), "2023-03-09T10:41:45Z");
        check(json!("2023-03-09 10:41:45+00:00"), "2023-03-09T10:41:45Z");
        check(json!("2023-03-09T10:41:45Z"), "2023-03-09T10:41:45Z");
        check(json!(1_678_358_505), "2023-03-09T10:41:45Z");
        check(json!(1_678_358_505.5), "2023-03-09T10:41:45.5Z");
        check(json!("N/A"), "none");
        check(json!(null), "none");
    }

    #[test]
    fn documents_are_read_in_every_form() {
        let check = |value: Value, expected: Option<&str>| {
            assert_eq!(document(&value).as_deref(), expected, "{value}");
        };
        check(json!("{ \"a\": 1 }"), Some("{ \"a\": 1 }"));
        check(json!("%7B%22a%22%3A%20%22%C3%A9%22%7D"), Some("{\"a\": \"é\"}"));
        check(json!({"b": 1, "a": [2]}), Some("{\"b\":1,\"a\":[2]}"));
        check(json!("%7B%2"), None);
        check(json!("%7B%FF"), None);
        check(json!(7), None);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_decoded_or_refused(text: String) {
            drop(document(&Value::String(format!("%7B{text}"))));
        }
    }
}
