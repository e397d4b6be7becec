//! The hash by which two versions of a claim are told apart.
//!
//! A record is written as tags, lengths and bytes, so that no two records read alike, and hashed
//! with SipHash-1-3 under a key that the data folder made for itself: whoever controls what a source
//! states cannot make a change that looks like none. Writing JSON only to hash it would take
//! several times as long, and most records of most syncs are as they were.

use std::hash::Hasher as _;

use serde::de::value::Error;
use serde::ser::{self, Serialize, Serializer};
use siphasher::sip::SipHasher13;

use crate::record::Record;

/// Of one data folder.
#[derive(Clone, Copy)]
pub(crate) struct HashKey(pub(crate) [u8; 16]);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey([redacted])")
    }
}

/// Hashes what a claim states; `bytes` is memory to work in.
pub(crate) fn hash_of<R: Record>(
    key: HashKey,
    record: &R,
    bytes: &mut Vec<u8>,
) -> Result<i64, Error> {
    bytes.clear();
    let head = record.head();
    let kept = record.kept();
    let mut flat = Flat(bytes);
    flat.text(head.kind);
    flat.text(kept.name(&head));
    flat.sized(BYTES, record.scope().as_bytes());
    flat.0.push(record.authority() as u8);
    record.body(&mut flat)?;
    let mut hasher = SipHasher13::new_with_key(&key.0);
    hasher.write(bytes);
    Ok(hasher.finish().cast_signed())
}

/// Writes values of one type so that different ones differ: each with its kind, and its length where
/// it has one.
struct Flat<'a>(&'a mut Vec<u8>);

const NONE: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const REAL: u8 = 4;
const BYTES: u8 = 5;
const LIST: u8 = 6;
const MAP: u8 = 7;
const END: u8 = 8;
const NEGATIVE: u8 = 9;
const TEXT: u8 = 10;
const SKIPPED: u8 = 11;

impl Flat<'_> {
    fn text(&mut self, text: &str) {
        self.sized(TEXT, text.as_bytes());
    }

    fn sized(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        // No record is larger than the four GiB that an entry of the spool may have.
        self.0.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, is_negative: bool, number: u64) {
        self.0.push(if is_negative { NEGATIVE } else { NUMBER });
        self.0.extend_from_slice(&number.to_le_bytes());
    }
}

macro_rules! numbers {
    ($($signed:ident: $Signed:ty, $unsigned:ident: $Unsigned:ty);*) => {$(
        fn $signed(self, value: $Signed) -> Result<(), Error> {
            self.serialize_i64(value.into())
        }

        fn $unsigned(self, value: $Unsigned) -> Result<(), Error> {
            self.serialize_u64(value.into())
        }
    )*};
}

impl Serializer for &mut Flat<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers!(
        serialize_i8: i8, serialize_u8: u8;
        serialize_i16: i16, serialize_u16: u16;
        serialize_i32: i32, serialize_u32: u32
    );

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.number(value < 0, value.cast_unsigned());
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.number(false, value);
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.0.push(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.0.push(REAL);
        self.0.extend(value.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_u32(value.into())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.sized(BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.0.push(NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.0.push(MAP);
        self.text(variant);
        value.serialize(&mut *self)?;
        self.0.push(END);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        self.0.push(LIST);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.0.push(LIST);
        self.text(variant);
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        self.0.push(MAP);
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.0.push(MAP);
        self.text(variant);
        Ok(self)
    }

    /// Ids are bytes, not text.
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! elements {
    ($($Trait:ident: $element:ident),*) => {$(
        impl ser::$Trait for &mut Flat<'_> {
            type Ok = ();
            type Error = Error;

            fn $element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Error> {
                self.0.push(END);
                Ok(())
            }
        }
    )*};
}

elements!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

impl ser::SerializeMap for &mut Flat<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        self.0.push(END);
        Ok(())
    }
}

/// The fields of a struct have their order, so their names need not be written; one that is left out
/// leaves a mark.
macro_rules! fields {
    ($($Trait:ident),*) => {$(
        impl ser::$Trait for &mut Flat<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                value.serialize(&mut **self)
            }

            fn skip_field(&mut self, _: &'static str) -> Result<(), Error> {
                self.0.push(SKIPPED);
                Ok(())
            }

            fn end(self) -> Result<(), Error> {
                self.0.push(END);
                Ok(())
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn flat(value: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.serialize(&mut Flat(&mut bytes)).unwrap();
        bytes
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i8>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                    .prop_map(|map: BTreeMap<String, Value>| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_equal_values_read_alike(one in any_json(), other in any_json()) {
            prop_assert_eq!(flat(&one) == flat(&other), one == other);
        }
    }

    #[derive(serde::Serialize)]
    struct Two {
        #[serde(skip_serializing_if = "Option::is_none")]
        one: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        other: Option<u8>,
    }

    #[test]
    fn what_is_near_each_other_differs() {
        let id = model::ScopeId::from_bytes(*b"sixteen letters!");
        let all = [
            flat(&("ab", "c")),
            flat(&("a", "bc")),
            flat(&("abc", "")),
            flat(&(vec!["abc"], "")),
            flat(&vec!["abc", ""]),
            flat(&Some(0)),
            flat(&None::<u8>),
            flat(&false),
            flat(&0.0),
            flat(&Two { one: Some(7), other: None }),
            flat(&Two { one: None, other: Some(7) }),
            flat(&id),
            flat(&"sixteen letters!"),
        ];
        for (n, one) in all.iter().enumerate() {
            // A tuple and a list of the same elements are the same to JSON as well.
            let equal = all.iter().filter(|other| *other == one).count();
            assert_eq!(equal, if n == 2 || n == 4 { 2 } else { 1 }, "{n}");
        }
    }
}
