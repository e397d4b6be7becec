//! What a filter asks, its texts read as values of the field it is about.

use model::{ScopeId, SourceId, Time};

use crate::Result;
use crate::detail::ThingId;
use crate::engine::Owned;
use crate::error::Error;
use crate::fields::{Field, FieldKind};
use crate::query::{Filter, Op};
use crate::record::STATES;

/// What a filter asks, its texts read as values of the field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Check {
    /// One of the values, or (where the text was empty) none.
    Is {
        values: Vec<Owned>,
        or_none: bool,
    },
    IsNot {
        values: Vec<Owned>,
        or_none: bool,
    },
    /// Lower case.
    Contains(Vec<String>),
    Before(Owned),
    After(Owned),
    States(Vec<i64>),
}

pub(crate) fn check_of(field: &Field, filter: &Filter) -> Result<Check> {
    let bad = |value: &str, expected| Error::BadValue {
        field: field.name.into(),
        value: value.chars().take(80).collect(),
        expected,
    };
    let values = || {
        let mut or_none = false;
        let mut values = Vec::with_capacity(filter.values.len());
        for text in &filter.values {
            if text.is_empty() && !matches!(field.kind, FieldKind::Text) {
                or_none = true;
                if field.kind == FieldKind::Choice {
                    values.push(Owned::Text(String::new()));
                }
            } else {
                values.push(value_of(field, text)?);
            }
        }
        Ok::<_, Error>((values, or_none))
    };
    let one = || match filter.values.as_slice() {
        [text] if matches!(field.kind, FieldKind::Time | FieldKind::Number) => {
            value_of(field, text)
        }
        [text] => Err(bad(text, "only times and numbers have a before and an after")),
        _ => Err(bad(&filter.values.join(", "), "give exactly one value")),
    };
    Ok(match filter.op {
        Op::Is => {
            let (values, or_none) = values()?;
            Check::Is { values, or_none }
        }
        Op::IsNot => {
            let (values, or_none) = values()?;
            Check::IsNot { values, or_none }
        }
        Op::Contains => {
            if !matches!(field.kind, FieldKind::Text | FieldKind::Choice)
                || field.column.ends_with("_key") && field.column != "r.owner_key"
                || matches!(field.column, "r.authority" | "r.severity")
            {
                return Err(bad(&filter.values.join(", "), "this field is not a text"));
            }
            Check::Contains(filter.values.iter().map(|text| text.to_lowercase()).collect())
        }
        Op::Before => Check::Before(one()?),
        Op::After => Check::After(one()?),
        Op::Unknown => {
            let mut states = Vec::new();
            for text in &filter.values {
                let number = STATES.iter().position(|name| name == text).ok_or_else(|| {
                    bad(
                        text,
                        "a state is known, known_absent, not_observable, not_collected or denied",
                    )
                })?;
                states.push(i64::try_from(number).unwrap_or_default());
            }
            Check::States(if states.is_empty() { vec![1, 2, 3, 4] } else { states })
        }
    })
}

/// A text as the column of a field has it.
fn value_of(field: &Field, text: &str) -> Result<Owned> {
    let bad = |expected| Error::BadValue {
        field: field.name.into(),
        value: text.chars().take(80).collect(),
        expected,
    };
    let word = |words: &[&str], expected| {
        let number = words.iter().position(|word| *word == text).ok_or_else(|| bad(expected))?;
        Ok(Owned::Int(i64::try_from(number).unwrap_or_default()))
    };
    match (field.kind, field.column) {
        (_, "r.authority") => word(
            &["mentioned", "declared", "record"],
            "an authority is mentioned, declared or record",
        ),
        (_, "r.severity") => word(
            &["info", "low", "medium", "high", "critical"],
            "a severity is info, low, medium, high or critical",
        ),
        (_, "r.state") if field.title == "State of the sync" => {
            word(&["running", "committed", "failed"], "a state is running, committed or failed")
        }
        (_, "r.source_key") => text
            .parse::<SourceId>()
            .map(|id| Owned::Blob(id.as_bytes().to_vec()))
            .map_err(|_| bad("a source is given by its id, `src_…`")),
        (_, "r.scope_key") => text
            .parse::<ScopeId>()
            .map(|id| Owned::Blob(id.as_bytes().to_vec()))
            .map_err(|_| bad("a scope is given by its id, `scp_…`")),
        (FieldKind::Text | FieldKind::Choice, _) => Ok(Owned::Text(text.into())),
        (FieldKind::Time, _) => text
            .parse::<Time>()
            .map(|time| Owned::Int(time.micros()))
            .map_err(|_| bad("a time is RFC 3339 such as `2026-11-22T10:00:00Z`, or a date")),
        (FieldKind::Truth, _) => match text {
            "true" | "yes" => Ok(Owned::Int(1)),
            "false" | "no" => Ok(Owned::Int(0)),
            _ => Err(bad("it is true or false")),
        },
        (FieldKind::Number, _) => text.parse().map(Owned::Real).map_err(|_| bad("it is a number")),
        (FieldKind::Id, "r.fingerprint") => {
            serde_json::from_value::<model::Fingerprint>(text.into())
                .map(|print| Owned::Blob(print.as_bytes().to_vec()))
                .map_err(|_| bad("a fingerprint is `b3:` and base32"))
        }
        (FieldKind::Id, _) => id_bytes(text)
            .map(|bytes| Owned::Blob(bytes.to_vec()))
            .ok_or_else(|| bad("it is an id with its prefix")),
    }
}

/// The bytes of an id of any kind.
fn id_bytes(text: &str) -> Option<[u8; 16]> {
    if let Ok(id) = text.parse::<model::FindingId>() {
        return Some(*id.as_bytes());
    }
    text.parse::<ThingId>().ok().map(|thing| *thing.bytes())
}
