//! Where a page of a list ended, and the cursor that says so.

use std::cmp::Ordering;

use crate::Result;
use crate::engine::Owned;
use crate::error::Error;
use crate::query::Cursor;

/// Where a page ended: the sort value of its last row, and the row's key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    pub(crate) value: Owned,
    pub(crate) key: i64,
}

impl Position {
    /// The order of [`order`].
    pub(crate) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let by_value = match (&self.value, &other.value) {
            (Owned::Null, Owned::Null) => Ordering::Equal,
            (Owned::Null, _) => return Ordering::Greater,
            (_, Owned::Null) => return Ordering::Less,
            (Owned::Int(one), Owned::Int(other)) => one.cmp(other),
            (Owned::Real(one), Owned::Real(other)) => one.total_cmp(other),
            (Owned::Text(one), Owned::Text(other)) => one.cmp(other),
            (Owned::Blob(one), Owned::Blob(other)) => one.cmp(other),
            _ => Ordering::Equal,
        };
        let by_value = if descending { by_value.reverse() } else { by_value };
        by_value.then(self.key.cmp(&other.key))
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let value = match &self.value {
            Owned::Null | Owned::Blob(_) => "n".to_owned(),
            Owned::Int(value) => format!("i{value}"),
            Owned::Real(value) => format!("r{:x}", value.to_bits()),
            Owned::Text(value) => format!("t{value}"),
        };
        let text = format!("{}.{value}", self.key);
        Cursor(text.bytes().fold(String::with_capacity(2 * text.len()), |mut hex, byte| {
            for digit in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
            hex
        }))
    }

    pub(crate) fn parse(cursor: &Cursor) -> Result<Self> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
        let bytes: Option<Vec<u8>> = cursor
            .0
            .as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(Error::BadCursor)?;
        let (key, value) = text.split_once('.').ok_or(Error::BadCursor)?;
        let key = key.parse().map_err(|_| Error::BadCursor)?;
        let mut chars = value.chars();
        let sort = chars.next();
        let rest = chars.as_str();
        let value = match sort {
            Some('n') => Some(Owned::Null),
            Some('i') => rest.parse().ok().map(Owned::Int),
            Some('r') => u64::from_str_radix(rest, 16).ok().map(f64::from_bits).map(Owned::Real),
            Some('t') => Some(Owned::Text(rest.into())),
            _ => None,
        };
        Ok(Self { value: value.ok_or(Error::BadCursor)?, key })
    }
}
