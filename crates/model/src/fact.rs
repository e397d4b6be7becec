//! A value that knows its state: absence of data is never a value.
//!
//! A connector writes `Fact::known(x)`, `Fact::absent()`, `Fact::denied("why")` and says no more;
//! source and time are those of the record that carries the fact, unless stated. Whoever prints a
//! record fills them in with [`Fact::settle`], so that the published form always has both.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::Time;

pub type Text = Cow<'static, str>;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State<T> {
    /// The source states this value.
    Known(T),
    /// The source states that there is no value: a key without expiry, a role never used.
    KnownAbsent,
    /// The source has no way to tell: PostgreSQL does not record when a role was created.
    NotObservable,
    /// The source could tell, and was not asked.
    #[default]
    NotCollected,
    /// The source was asked and refused.
    Denied,
}

/// The span of time that an observation covers; "never used" needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    pub from: Time,
    pub to: Time,
}

/// A value with its state and provenance.
///
/// JSON: `{"state", "value"?, "source", "observed_at", "resolution_s"?, "window"?, "reason"?}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire<T>", bound(deserialize = "T: Deserialize<'de>"))]
pub struct Fact<T> {
    pub state: State<T>,
    pub about: Option<Box<About>>,
}

/// What a fact says of itself beyond its state; each field is empty where the record's own holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    pub source: Option<Text>,
    pub observed_at: Option<Time>,
    /// How coarse the source's own value is, in seconds (Active Directory's last logon: 14 days).
    pub resolution_s: Option<u32>,
    pub window: Option<Window>,
    /// For a person: why the value is not known, or what would make it known.
    pub reason: Option<Text>,
}

/// The value of a fact whose type only the connector knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    Truth(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Truth(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Time> for Value {
    fn from(value: Time) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<Vec<String>> for Value {
    fn from(value: Vec<String>) -> Self {
        Self::List(value)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truth(true) => f.write_str("yes"),
            Self::Truth(false) => f.write_str("no"),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::List(list) => f.write_str(&list.join(", ")),
        }
    }
}

impl<T> Default for Fact<T> {
    /// Not collected.
    fn default() -> Self {
        State::NotCollected.into()
    }
}

impl<T> From<State<T>> for Fact<T> {
    fn from(state: State<T>) -> Self {
        Self { state, about: None }
    }
}

impl<T> Fact<T> {
    pub fn known(value: impl Into<T>) -> Self {
        State::Known(value.into()).into()
    }

    pub fn absent() -> Self {
        State::KnownAbsent.into()
    }

    pub fn not_observable(reason: impl Into<Text>) -> Self {
        Self::from(State::NotObservable).because(reason)
    }

    pub fn not_collected(reason: impl Into<Text>) -> Self {
        Self::from(State::NotCollected).because(reason)
    }

    pub fn denied(reason: impl Into<Text>) -> Self {
        Self::from(State::Denied).because(reason)
    }

    /// Known when there is a value, known absent when there is none.
    pub fn stated(value: Option<T>) -> Self {
        value.map_or(State::KnownAbsent, State::Known).into()
    }

    #[must_use]
    pub fn because(mut self, reason: impl Into<Text>) -> Self {
        self.about_mut().reason = Some(reason.into());
        self
    }

    #[must_use]
    pub fn from_source(mut self, source: impl Into<Text>) -> Self {
        self.about_mut().source = Some(source.into());
        self
    }

    #[must_use]
    pub fn observed_at(mut self, time: Time) -> Self {
        self.about_mut().observed_at = Some(time);
        self
    }

    #[must_use]
    pub fn resolution_s(mut self, seconds: u32) -> Self {
        self.about_mut().resolution_s = Some(seconds);
        self
    }

    #[must_use]
    pub fn window(mut self, window: Window) -> Self {
        self.about_mut().window = Some(window);
        self
    }

    /// Fills in source and time where the fact does not state its own.
    pub fn settle(&mut self, source: &Text, observed_at: Time) {
        let about = self.about_mut();
        about.source.get_or_insert_with(|| source.clone());
        about.observed_at.get_or_insert(observed_at);
    }

    /// Takes what another claim about the same thing says where this one does not know.
    pub(crate) fn fill(&mut self, from: Self) {
        if self.value().is_none() && (from.value().is_some() || self.is_unsaid()) {
            *self = from;
        }
    }

    pub fn value(&self) -> Option<&T> {
        match &self.state {
            State::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Whether nothing at all was said; such a fact need not be written down.
    pub fn is_unsaid(&self) -> bool {
        matches!(self.state, State::NotCollected) && self.about.is_none()
    }

    pub fn reason(&self) -> Option<&str> {
        self.about.as_ref()?.reason.as_deref()
    }

    pub fn state_name(&self) -> &'static str {
        self.state.name()
    }

    fn about_mut(&mut self) -> &mut About {
        self.about.get_or_insert_default()
    }
}

impl<T> State<T> {
    /// The word of the published form.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::KnownAbsent => "known_absent",
            Self::NotObservable => "not_observable",
            Self::NotCollected => "not_collected",
            Self::Denied => "denied",
        }
    }
}

/// The published form, flat.
#[derive(Deserialize, JsonSchema)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Wire<T> {
    state: StateName,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    value: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    source: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    observed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    resolution_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    window: Option<Window>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reason: Option<Text>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StateName {
    Known,
    KnownAbsent,
    NotObservable,
    NotCollected,
    Denied,
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn entry<M: SerializeMap, V: Serialize>(
            map: &mut M,
            name: &str,
            value: Option<V>,
        ) -> Result<(), M::Error> {
            value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", self.state.name())?;
        entry(&mut map, "value", self.value())?;
        if let Some(about) = &self.about {
            entry(&mut map, "source", about.source.as_deref())?;
            entry(&mut map, "observed_at", about.observed_at)?;
            entry(&mut map, "resolution_s", about.resolution_s)?;
            entry(&mut map, "window", about.window)?;
            entry(&mut map, "reason", about.reason.as_deref())?;
        }
        map.end()
    }
}

impl<T> TryFrom<Wire<T>> for Fact<T> {
    type Error = &'static str;

    fn try_from(wire: Wire<T>) -> Result<Self, Self::Error> {
        let state = match (wire.state, wire.value) {
            (StateName::Known, Some(value)) => State::Known(value),
            (StateName::Known, None) => return Err("a known fact has a value"),
            (_, Some(_)) => return Err("only a known fact has a value"),
            (StateName::KnownAbsent, None) => State::KnownAbsent,
            (StateName::NotObservable, None) => State::NotObservable,
            (StateName::NotCollected, None) => State::NotCollected,
            (StateName::Denied, None) => State::Denied,
        };
        let about = About {
            source: wire.source,
            observed_at: wire.observed_at,
            resolution_s: wire.resolution_s,
            window: wire.window,
            reason: wire.reason,
        };
        let about = (about != About::default()).then(|| Box::new(about));
        Ok(Self { state, about })
    }
}

impl<T: JsonSchema> JsonSchema for Fact<T> {
    fn schema_name() -> Text {
        format!("Fact_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Wire::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_form() {
        let time = Time::from_seconds(1_700_000_000);
        let mut fact: Fact<Time> = Fact::known(time);
        fact.settle(&"host".into(), time);
        insta::assert_snapshot!(serde_json::to_string(&fact).unwrap(), @r#"{"state":"known","value":"2023-11-14T22:13:20Z","source":"host","observed_at":"2023-11-14T22:13:20Z"}"#);
        let mut fact: Fact<Time> = Fact::denied("needs root").resolution_s(60);
        fact.settle(&"host".into(), time);
        insta::assert_snapshot!(serde_json::to_string(&fact).unwrap(), @r#"{"state":"denied","source":"host","observed_at":"2023-11-14T22:13:20Z","resolution_s":60,"reason":"needs root"}"#);
    }

    #[test]
    fn an_impossible_fact_is_refused() {
        let check = |json: &str| serde_json::from_str::<Fact<Value>>(json).unwrap_err();
        check(r#"{"state":"known"}"#);
        check(r#"{"state":"denied","value":1}"#);
    }

    #[test]
    fn round_trips() {
        let facts: Vec<Fact<Value>> = vec![
            Fact::known("text"),
            Fact::known(true),
            Fact::known(7_i64),
            Fact::known(vec![String::from("a")]),
            Fact::absent(),
            Fact::not_observable("no such column"),
            Fact::default(),
        ];
        let json = serde_json::to_string(&facts).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Fact<Value>>>(&json).unwrap(), facts);
    }
}
