//! Saved output of the AWS CLI, one element of a list at a time, so that a file is never held whole.
//!
//! A document is one reply as the CLI prints it. Several may follow each other in a file or stand in
//! a list; a wrapper `{"Call": {…}, "Output": {…}}` says with which parameters a call was made, for
//! replies that do not say it themselves. What a reply means is not known here.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// What one element of a list, or a reply without its lists of objects, may take; a larger one is
/// left out. (A role has some twenty kilobytes of policies at most, and of a policy five versions are
/// kept.)
const MAX_ELEMENT_BYTES: usize = 8 << 20;
const TOO_LARGE: &str = "larger than 8 MiB";
/// What a value takes beside its text.
const VALUE_BYTES: usize = 40;
/// Wrappers and lists around a reply.
const MAX_AROUND: usize = 4;

/// What a file gives, in its order.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The parameters of the call whose reply follows.
    Call(Map<String, Value>),
    /// An object of a list of a reply: the member that the list is, and its place in it.
    Element { member: &'a str, number: usize, value: Map<String, Value> },
    /// A list of a reply has ended, or never had elements.
    List { member: &'a str },
    /// What an element was left out for.
    Left { member: &'a str, number: usize, problem: String },
    /// The members of a reply that are no lists of objects.
    Rest(Map<String, Value>),
}

type Sink<'a> = &'a mut dyn FnMut(Event<'_>);

/// Hands out what a file states. What comes before an error was handed out.
pub(crate) fn read(reader: impl Read, sink: Sink<'_>) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    loop {
        // Between two replies there is white space only.
        match deserializer.end() {
            Ok(()) => return Ok(()),
            Err(error) if error.is_io() => return Err(error),
            Err(_) => {}
        }
        Reply { sink, around: 0 }.deserialize(&mut deserializer)?;
    }
}

/// One reply, a wrapper around one, or a list of either.
struct Reply<'a, 'b> {
    sink: &'a mut (dyn FnMut(Event<'_>) + 'b),
    around: usize,
}

impl<'de> DeserializeSeed<'de> for Reply<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.around > MAX_AROUND {
            return Err(de::Error::custom(format_args!("more than {MAX_AROUND} wrappers")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reply<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the reply to a call")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let around = self.around + 1;
        while list.next_element_seed(Reply { sink: &mut *self.sink, around })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { sink, around } = self;
        let mut names = BTreeSet::new();
        let mut rest = Map::new();
        let (mut left, mut left_for_names) = (MAX_ELEMENT_BYTES, MAX_ELEMENT_BYTES);
        let mut is_wrapper = false;
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                return Err(de::Error::custom(format_args!("`{}` stands twice", shown(&name))));
            }
            left_for_names = left_for_names
                .checked_sub(name.len() + VALUE_BYTES)
                .ok_or_else(|| de::Error::custom(TOO_LARGE))?;
            if name == "Call" {
                let seed = Bounded::new(&mut left);
                if let Value::Object(parameters) = map.next_value_seed(seed.building())? {
                    sink(Event::Call(parameters));
                }
                is_wrapper = true;
            } else if is_wrapper && name == "Output" {
                map.next_value_seed(Reply { sink: &mut *sink, around: around + 1 })?;
            } else {
                let member = Member { name: &name, sink: &mut *sink, left: &mut left };
                if let Some(value) = map.next_value_seed(member)? {
                    rest.insert(name.clone(), value);
                }
            }
            names.insert(name);
        }
        if !is_wrapper {
            sink(Event::Rest(rest));
        }
        Ok(())
    }
}

fn shown(name: &str) -> String {
    model::text::shown(&name.chars().take(80).collect::<String>()).into()
}

/// A member of a reply: objects of a list are handed out, the rest is given back.
struct Member<'a, 'b> {
    name: &'a str,
    sink: &'a mut (dyn FnMut(Event<'_>) + 'b),
    left: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Member<'_, '_> {
    /// The value that is built, where there is room for it.
    fn kept<E>(
        self,
        build: impl FnOnce(Building<'_, '_>) -> Result<Value, E>,
    ) -> Result<Option<Value>, E> {
        let bounded = Bounded::new(self.left);
        let value = build(bounded.building())?;
        let problem = bounded.problem.into_inner();
        let Some(problem) = problem else { return Ok(Some(value)) };
        (self.sink)(Event::Left { member: self.name, number: 0, problem });
        Ok(None)
    }
}

macro_rules! scalars {
    ($($visit:ident($type:ty);)*) => {$(
        fn $visit<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            self.kept(|building| building.$visit(value))
        }
    )*};
}

impl<'de> Visitor<'de> for Member<'_, '_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a member of a reply")
    }

    scalars! { visit_bool(bool); visit_i64(i64); visit_u64(u64); visit_f64(f64); visit_str(&str); }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.kept(|building| building.visit_map(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Self { name, sink, left: rest } = self;
        let mut others = Vec::new();
        let mut n_elements = 0;
        loop {
            let mut left = MAX_ELEMENT_BYTES;
            let bounded = Bounded::new(&mut left);
            let Some(value) = list.next_element_seed(bounded.building())? else { break };
            let number = n_elements;
            n_elements += 1;
            let problem = bounded.problem.into_inner();
            match (problem, value) {
                (Some(problem), _) => sink(Event::Left { member: name, number, problem }),
                (None, Value::Object(value)) => {
                    sink(Event::Element { member: name, number, value });
                }
                // It stays until the reply ends, and takes room of the reply.
                (None, other) => {
                    let n_bytes = MAX_ELEMENT_BYTES - left + VALUE_BYTES;
                    if let Some(still_left) = rest.checked_sub(n_bytes) {
                        *rest = still_left;
                        others.push(other);
                    } else {
                        let problem = TOO_LARGE.to_owned();
                        sink(Event::Left { member: name, number, problem });
                    }
                }
            }
        }
        sink(Event::List { member: name });
        Ok((!others.is_empty()).then_some(Value::Array(others)))
    }
}

/// Builds a value within a limit. What is too large, or names one key twice, is read to its end and
/// is a problem.
struct Bounded<'a> {
    left: RefCell<&'a mut usize>,
    problem: RefCell<Option<String>>,
}

impl<'a> Bounded<'a> {
    fn new(left: &'a mut usize) -> Self {
        Self { left: RefCell::new(left), problem: RefCell::new(None) }
    }

    const fn building(&self) -> Building<'_, 'a> {
        Building(self)
    }

    /// Takes room; without any left, nothing more is kept.
    fn takes(&self, n_bytes: usize) -> bool {
        let mut left = self.left.borrow_mut();
        let rest = left.checked_sub(n_bytes + VALUE_BYTES);
        **left = rest.unwrap_or(0);
        if rest.is_none() {
            self.is_wrong(TOO_LARGE.into());
        }
        rest.is_some()
    }

    fn is_wrong(&self, problem: String) {
        self.problem.borrow_mut().get_or_insert(problem);
    }
}

#[derive(Clone, Copy)]
struct Building<'b, 'a>(&'b Bounded<'a>);

impl<'de> DeserializeSeed<'de> for Building<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Building<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(if self.0.takes(value.len()) { value.into() } else { Value::Null })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while self.0.takes(0) {
            match list.next_element_seed(self)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if !self.0.takes(name.len()) {
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(Value::Null);
            }
            let value = map.next_value_seed(self)?;
            if values.contains_key(&name) {
                self.0.is_wrong(format!("`{}` stands twice", shown(&name)));
            } else {
                values.insert(name, value);
            }
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let ended = read(text.as_bytes(), &mut |event| {
            lines.push(match event {
                Event::Call(parameters) => format!("call {}", Value::Object(parameters)),
                Event::Element { member, number, value } => {
                    format!("{member}/{number} {}", Value::Object(value))
                }
                Event::List { member } => format!("{member} ends"),
                Event::Left { member, number, problem } => format!("{member}/{number}: {problem}"),
                Event::Rest(rest) => format!("rest {}", Value::Object(rest)),
            });
        });
        if let Err(error) = ended {
            lines.push(error.to_string());
        }
        lines
    }

    #[test]
    fn replies_are_read_element_by_element() {
        let check = |text: &str, expected: &[&str]| assert_eq!(told(text), expected, "{text}");
        check(
            r#"{"Users": [{"a": 1}, {"a": 2}], "IsTruncated": false} {"Url": "x", "Ids": ["y"]}"#,
            &[
                r#"Users/0 {"a":1}"#,
                r#"Users/1 {"a":2}"#,
                "Users ends",
                r#"rest {"IsTruncated":false}"#,
                "Ids ends",
                r#"rest {"Url":"x","Ids":["y"]}"#,
            ],
        );
        check(
            r#"[{"Call": {"Bucket": "b"}, "Output": {"Policy": "{}"}}]"#,
            &[r#"call {"Bucket":"b"}"#, r#"rest {"Policy":"{}"}"#],
        );
        check(
            r#"{"Users": [{"a": 1, "a": 2}, {"a": 3}]}"#,
            &["Users/0: `a` stands twice", r#"Users/1 {"a":3}"#, "Users ends", "rest {}"],
        );
        check(r#"{"a": 1, "a": 2}"#, &["`a` stands twice at line 1 column 13"]);
        check(
            r#"{"Users": [{"a": 1}, {"a"#,
            &[r#"Users/0 {"a":1}"#, "EOF while parsing a string at line 1 column 24"],
        );
    }

    #[test]
    fn what_is_too_large_is_left_out_and_the_next_is_read() {
        let large = "x".repeat(MAX_ELEMENT_BYTES);
        let many = "{},".repeat(MAX_ELEMENT_BYTES / VALUE_BYTES);
        let text = format!(
            r#"{{"Users": [{{"a": "{large}", "b": [1], "c": {{"d": 1}}}}, {{"l": [{many} 1]}}, {{"a": 3}}]}}"#
        );
        let lines = told(&text);
        assert_eq!(lines[0], format!("Users/0: {TOO_LARGE}"));
        assert_eq!(lines[1], format!("Users/1: {TOO_LARGE}"));
        assert_eq!(lines[2], r#"Users/2 {"a":3}"#);
    }

    /// Members and lists of texts stay until their reply ends.
    #[test]
    fn what_stays_has_a_limit() {
        let most = MAX_ELEMENT_BYTES / VALUE_BYTES;
        let texts = told(&format!(r#"{{"Ids": [{} 1], "Url": "x"}}"#, "1,".repeat(most)));
        let lost = |member: &str| format!("{member}: {TOO_LARGE}");
        assert_eq!(texts[0], lost(&format!("Ids/{most}")));
        assert_eq!(texts[2], lost("Url/0"));
        let members: String = (0..most).map(|n| format!("\"{n}\": 0,")).collect();
        assert!(told(&format!("{{{members} \"x\": 0}}"))[0].starts_with(TOO_LARGE));
        let large = "x".repeat(MAX_ELEMENT_BYTES);
        let lines = told(&format!(r#"{{"Policy": "{large}"}}"#));
        assert_eq!(lines, [format!("Policy/0: {TOO_LARGE}"), "rest {}".to_owned()]);
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = |text: &str| text.repeat(100_000);
        assert!(told(&deep("[")).last().unwrap().starts_with("more than 4 wrappers"));
        assert!(told(&deep("{\"a\":")).last().unwrap().starts_with("recursion limit"));
        assert!(told(&format!("{{\"a\": {}", deep("["))).last().unwrap().contains("recursion"));
    }
}
