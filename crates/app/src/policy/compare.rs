//! Two policies side by side: what one allows and the other does not.

use policy::aws::{Document, Implies, Kind, Problem, Witness, implies};
use policy::json::Json;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A longer document is refused; the largest that AWS takes has 20 KiB.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// Of requests that tell two policies apart, so many are told for each direction.
pub const MAX_WITNESSES: usize = 100;

/// Of what is wrong with a document, so much is told.
const MAX_PROBLEMS: usize = 20;

/// What a document is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// A principal; also a boundary, a session, or an account of an organisation.
    Identity,
    /// A resource.
    Resource,
    /// A role: who may take it.
    Trust,
}

impl DocumentKind {
    /// Documents that name principals lie at a resource; those that name no resource, at a role.
    fn of(json: &Json) -> Self {
        let statements = json.get("Statement").map_or(&[][..], Json::each);
        let has = |name: &str| {
            let not = format!("Not{name}");
            statements.iter().any(|it| it.get(name).or_else(|| it.get(&not)).is_some())
        };
        match (has("Principal"), has("Resource")) {
            (false, _) => Self::Identity,
            (true, true) => Self::Resource,
            (true, false) => Self::Trust,
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Identity => Kind::Principal,
            Self::Resource => Kind::Resource,
            Self::Trust => Kind::Trust,
        }
    }
}

/// Does everything that the first allows follow from the second?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answer {
    /// `yes`, `no` or `unknown`.
    pub implies: &'static str,
    /// A request that the first allows and the second does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub counter_example: Option<Witness>,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// They allow the same.
    Equal,
    /// The first allows less.
    Narrower,
    /// The first allows more.
    Wider,
    /// Each allows what the other does not.
    Different,
    Unknown,
}

/// What each of two policies allows and the other does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    pub relation: Relation,
    /// Requests, one for each statement and pattern of an action that goes further.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub only_first: Vec<Witness>,
    #[schemars(with = "Vec<serde_json::Value>")]
    pub only_second: Vec<Witness>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// Reads a policy; what is wrong with it is told with its places. `name` is what messages call it.
pub fn document(name: &str, text: &str, kind: Option<DocumentKind>) -> Result<Document> {
    let wrong = |message: String| Error::invalid("policy", message);
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(wrong(format!("`{name}` has more than {MAX_DOCUMENT_BYTES} bytes")));
    }
    let json: Json = serde_json::from_str(text).map_err(|error| {
        wrong(format!("`{name}`, line {}, column {}: {error}", error.line(), error.column()))
    })?;
    let kind = kind.unwrap_or_else(|| DocumentKind::of(&json));
    Document::read(&json, kind.kind()).map_err(|problems| {
        let told = |one: &Problem| format!("`{name}` at `{}`: {}", one.pointer, one.message);
        let mut lines: Vec<String> = problems.iter().take(MAX_PROBLEMS).map(told).collect();
        if problems.len() > MAX_PROBLEMS {
            lines.push(format!("and {} more", problems.len() - MAX_PROBLEMS));
        }
        wrong(lines.join("\n"))
    })
}

pub fn compare(first: &Document, second: &Document) -> Answer {
    let (implies, counter_example, reasons) = match implies(first, second, 1) {
        Implies::Yes => ("yes", None, Vec::new()),
        Implies::No(witnesses) => ("no", witnesses.into_iter().next(), Vec::new()),
        Implies::Unknown(reasons) => ("unknown", None, reasons),
    };
    Answer { implies, counter_example, reasons }
}

pub fn differ(first: &Document, second: &Document) -> Difference {
    let taken = |verdict: &Implies| match verdict {
        Implies::No(witnesses) => witnesses.clone(),
        _ => Vec::new(),
    };
    let one = implies(first, second, MAX_WITNESSES);
    let other = implies(second, first, MAX_WITNESSES);
    let (only_first, only_second) = (taken(&one), taken(&other));
    let mut reasons = Vec::new();
    for verdict in [&one, &other] {
        if let Implies::Unknown(more) = verdict {
            reasons.extend(more.clone());
        }
    }
    reasons.sort();
    reasons.dedup();
    let relation = match (&one, &other) {
        (Implies::Yes, Implies::Yes) => Relation::Equal,
        (Implies::Yes, Implies::No(_)) => Relation::Narrower,
        (Implies::No(_), Implies::Yes) => Relation::Wider,
        (Implies::No(_), Implies::No(_)) => Relation::Different,
        _ => Relation::Unknown,
    };
    Difference { relation, only_first, only_second, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_policies_side_by_side() {
        let check = |one: &str, other: &str, wanted: Relation| {
            let [one, other] = [one, other].map(|action| {
                let text = format!(
                    r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
                );
                document("x", &text, None).unwrap()
            });
            assert_eq!(differ(&one, &other).relation, wanted);
        };
        check("s3:*", "s3:*", Relation::Equal);
        check("s3:Get*", "s3:*", Relation::Narrower);
        check("*", "s3:*", Relation::Wider);
        check("s3:Get*", "s3:*Acl", Relation::Different);
        let wrong = document("a.json", r#"{"Statement":{"Effect":"Maybe"}}"#, None).unwrap_err();
        assert!(wrong.message.contains("`a.json` at `/Statement/Effect`"), "{}", wrong.message);
    }
}
