//! The form in which bodies hold facts: a quarter as long as the published one.
//!
//! A known fact that says nothing of itself is an array of its value, with times as microseconds;
//! one without a value is the number of its state; one that says more of itself is as published.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use model::fact::{State, Text};
use model::{
    Condition, Evidence, Fact, Facts, Fingerprint, IdentityId, PlaceId, ScopeId, StoredAt, Time,
};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeTuple as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a body holds.
pub(crate) trait Brief: Sized {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields in by reference")]
pub(crate) fn write<T: Brief, S: Serializer>(value: &&T, serializer: S) -> Result<S::Ok, S::Error> {
    value.write(serializer)
}

pub(crate) fn read<'de, T: Brief, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

macro_rules! as_published {
    ($($Type:ty),* $(,)?) => {$(
        impl Brief for $Type {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }
    )*};
}

as_published!(
    Vec<String>,
    Vec<Evidence>,
    Vec<Condition>,
    Vec<StoredAt>,
    Vec<ScopeId>,
    Option<String>,
    Option<IdentityId>,
    Option<PlaceId>,
    Option<Fingerprint>,
    Option<Time>,
    BTreeMap<String, String>,
    bool,
    String,
    model::Value,
);

/// As microseconds.
impl Brief for Time {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.micros())
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::from_micros)
    }
}

/// A value on its way in or out.
struct Held<T>(T);

impl<T: Brief> Serialize for Held<&T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl<'de, T: Brief> Deserialize<'de> for Held<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

impl<T: Brief + Serialize + DeserializeOwned> Brief for Fact<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.state, &self.about) {
            (_, Some(_)) => self.serialize(serializer),
            (State::Known(value), None) => {
                let mut one = serializer.serialize_tuple(1)?;
                one.serialize_element(&Held(value))?;
                one.end()
            }
            (State::KnownAbsent, None) => serializer.serialize_u8(1),
            (State::NotObservable, None) => serializer.serialize_u8(2),
            (State::NotCollected, None) => serializer.serialize_u8(3),
            (State::Denied, None) => serializer.serialize_u8(4),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactVisitor(PhantomData))
    }
}

struct FactVisitor<T>(PhantomData<T>);

impl<'de, T: Brief + Serialize + DeserializeOwned> Visitor<'de> for FactVisitor<T> {
    type Value = Fact<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fact: an array of its value, the number of its state, or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Fact<T>, A::Error> {
        match list.next_element::<Held<T>>()? {
            Some(Held(value)) => Ok(State::Known(value).into()),
            None => Err(A::Error::invalid_length(0, &self)),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Fact<T>, E> {
        Ok(Fact::from(match number {
            1 => State::KnownAbsent,
            2 => State::NotObservable,
            3 => State::NotCollected,
            4 => State::Denied,
            _ => return Err(E::custom("no state of a fact has this number")),
        }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fact<T>, A::Error> {
        Fact::deserialize(MapAccessDeserializer::new(map))
    }
}

impl Brief for Facts {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, fact) in self {
            map.serialize_entry(name, &Held(fact))?;
        }
        map.end()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FactsVisitor)
    }
}

struct FactsVisitor;

impl<'de> Visitor<'de> for FactsVisitor {
    type Value = Facts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("facts by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts, A::Error> {
        let mut facts = Vec::new();
        while let Some((name, Held(fact))) = map.next_entry::<Text, Held<Fact<model::Value>>>()? {
            facts.push((name, fact));
        }
        Ok(facts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn back<T: Brief + Serialize + DeserializeOwned>(fact: &Fact<T>) -> (String, Fact<T>) {
        let text = serde_json::to_string(&Held(fact)).unwrap();
        let read: Held<Fact<T>> = serde_json::from_str(&text).unwrap();
        (text, read.0)
    }

    #[test]
    fn bodies_read_back() {
        fn check<T>(fact: &Fact<T>, expected: &str)
        where
            T: Brief + Serialize + DeserializeOwned + PartialEq + fmt::Debug,
        {
            let (text, read) = back(fact);
            assert_eq!((text.as_str(), &read), (expected, fact));
            // Bodies of before are read too.
            let published = serde_json::to_string(fact).unwrap();
            assert_eq!(&serde_json::from_str::<Held<Fact<T>>>(&published).unwrap().0, fact);
        }
        check(&Fact::<Time>::known(Time::from_seconds(7)), "[7000000]");
        check(&Fact::<bool>::known(false), "[false]");
        check(&Fact::<String>::known("é\""), r#"["é\""]"#);
        check(&Fact::<model::Value>::known(vec!["a".to_owned()]), r#"[["a"]]"#);
        check(&Fact::<bool>::absent(), "1");
        check(&Fact::<bool>::from(State::NotObservable), "2");
        check(&Fact::<bool>::default(), "3");
        check(&Fact::<bool>::from(State::Denied), "4");
        check(&Fact::<bool>::denied("why"), r#"{"state":"denied","reason":"why"}"#);
        assert!(serde_json::from_str::<Held<Fact<bool>>>("[]").is_err());
        assert!(serde_json::from_str::<Held<Fact<bool>>>("9").is_err());
        assert!(serde_json::from_str::<Held<Fact<bool>>>("[true, false]").is_err());
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in any::<String>(), number in any::<i64>()) {
            let fact = Fact::<String>::known(text);
            prop_assert_eq!(&back(&fact).1, &fact);
            let fact = Fact::<Time>::known(Time::from_micros(number));
            prop_assert_eq!(&back(&fact).1, &fact);
        }
    }
}
