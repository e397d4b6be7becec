//! The fields of records by which rules and their texts speak of them.
//!
//! A name is resolved once, when a rule is read, so that a misspelt field is an error of the rule
//! and never a silent "unknown". [`see`] then gives what is known: a value, that there is none, or
//! that it is not known.

use std::borrow::Cow;

use model::fact::{State, Value};
use model::kinds::{credential_kind, identity_kind};
use model::record::StoredAt;
use model::{Effect, Fact, Place, Subject, Time};

use crate::owners::Ranked;
use crate::{Record, SubjectKind};

/// What the fields belong to: a rule's subject, or one of the things around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Identity,
    Credential,
    Grant,
    Trust,
    Place,
}

impl From<SubjectKind> for Scope {
    fn from(subject: SubjectKind) -> Self {
        match subject {
            SubjectKind::Identity => Self::Identity,
            SubjectKind::Credential => Self::Credential,
            SubjectKind::Grant => Self::Grant,
            SubjectKind::Trust => Self::Trust,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Kind,
    /// The general type of an identity's kind: `service-account`, `pipeline` …
    General,
    /// Whether holding a credential's bytes is enough to act as its identity.
    Secret,
    System,
    Instance,
    NativeId,
    Name,
    Authority,
    Environment,
    Enabled,
    CreatedAt,
    ExpiresAt,
    RotatedAt,
    LastUsedAt,
    Fact(String),
    Tag(String),
    /// Of an identity: whether no owner reaches the threshold, and the best candidate.
    Orphaned,
    Owner,
    /// Of a place.
    Path,
    /// The place that contains it: a repository or scanned folder.
    Container,
    Line,
    Pointer,
    /// Of a grant.
    Actions,
    Resources,
    Effect,
    Via,
    /// Where it is granted: the file or call of the first evidence.
    Evidence,
    /// Of a trust.
    Mechanism,
    From,
    Issuer,
    Subject,
    Audience,
    Principal,
    /// The values of a condition's key, of a grant or trust.
    Condition(String),
}

impl Field {
    /// The field of this name in this scope.
    pub(crate) fn parse(scope: Scope, name: &str) -> Option<Self> {
        use Scope::{Credential, Grant, Identity, Place, Trust};
        let rest = |prefix: &str| {
            name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(String::from)
        };
        if let Some(fact) = rest("facts.") {
            return Some(Self::Fact(fact));
        }
        if let Some(tag) = rest("tags.") {
            return matches!(scope, Identity | Credential).then_some(Self::Tag(tag));
        }
        if let Some(key) = rest("conditions.") {
            return matches!(scope, Grant | Trust).then_some(Self::Condition(key));
        }
        let (field, scopes): (Self, &[Scope]) = match name {
            "kind" => (Self::Kind, &[Identity, Credential, Grant, Place]),
            "general" => (Self::General, &[Identity]),
            "secret" => (Self::Secret, &[Credential]),
            "system" => (Self::System, &[Identity, Credential, Grant, Trust, Place]),
            "instance" => (Self::Instance, &[Identity, Credential, Grant, Trust, Place]),
            "native_id" => (Self::NativeId, &[Identity, Credential, Grant, Trust, Place]),
            "authority" => (Self::Authority, &[Identity, Credential, Grant, Trust, Place]),
            "name" => (Self::Name, &[Identity, Credential]),
            "environment" => (Self::Environment, &[Identity]),
            "enabled" => (Self::Enabled, &[Identity, Credential]),
            "created_at" => (Self::CreatedAt, &[Identity, Credential]),
            "last_used_at" => (Self::LastUsedAt, &[Identity, Credential]),
            "expires_at" => (Self::ExpiresAt, &[Credential]),
            "rotated_at" => (Self::RotatedAt, &[Credential]),
            "orphaned" => (Self::Orphaned, &[Identity]),
            "owner" => (Self::Owner, &[Identity]),
            "path" => (Self::Path, &[Place]),
            "container" => (Self::Container, &[Place]),
            "line" => (Self::Line, &[Place]),
            "pointer" => (Self::Pointer, &[Place]),
            "actions" => (Self::Actions, &[Grant]),
            "resources" => (Self::Resources, &[Grant]),
            "effect" => (Self::Effect, &[Grant]),
            "via" => (Self::Via, &[Grant]),
            "evidence" => (Self::Evidence, &[Grant]),
            "mechanism" => (Self::Mechanism, &[Trust]),
            "from" => (Self::From, &[Trust]),
            "issuer" => (Self::Issuer, &[Trust]),
            "subject" => (Self::Subject, &[Trust]),
            "audience" => (Self::Audience, &[Trust]),
            "principal" => (Self::Principal, &[Trust]),
            _ => return None,
        };
        scopes.contains(&scope).then_some(field)
    }
}

/// The thing a field is looked up in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item<'a> {
    Record(Record<'a>, Option<&'a Ranked>),
    /// A place; where only the pointer to it is known, the rest is unknown.
    Place(&'a StoredAt, Option<&'a Place>),
}

/// What is known of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen<'a> {
    Unknown,
    /// Known to have no value.
    Absent,
    Text(Cow<'a, str>),
    Number(i64),
    Truth(bool),
    Time(Time),
    List(&'a [String]),
}

impl<'a> Seen<'a> {
    fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A text that is empty where there is none.
    fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Self::Absent, Self::text)
    }

    fn of<T>(fact: &'a Fact<T>, value: impl Fn(&'a T) -> Self) -> Self {
        match &fact.state {
            State::Known(known) => value(known),
            State::KnownAbsent => Self::Absent,
            State::NotObservable | State::NotCollected | State::Denied => Self::Unknown,
        }
    }

    fn fact(fact: Option<&'a Fact<Value>>) -> Self {
        fact.map_or(Self::Unknown, |fact| {
            Self::of(fact, |value| match value {
                Value::Truth(truth) => Self::Truth(*truth),
                Value::Number(number) => Self::Number(*number),
                Value::Text(text) => Self::text(text),
                Value::List(list) => Self::List(list),
            })
        })
    }

    /// For a person; none when it is not known or there is none.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            Self::Unknown | Self::Absent => None,
            Self::Text(text) => Some(text.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Truth(truth) => Some(if *truth { "yes" } else { "no" }.into()),
            Self::Time(time) => Some(time.date()),
            Self::List(list) => Some(list.join(", ")),
        }
    }
}

/// What is known of a field of an item.
pub(crate) fn see<'a>(item: Item<'a>, field: &Field) -> Seen<'a> {
    match item {
        Item::Record(record, owners) => see_record(record, owners, field),
        Item::Place(stored_at, place) => see_place(stored_at, place, field),
    }
}

fn see_record<'a>(record: Record<'a>, owners: Option<&'a Ranked>, field: &Field) -> Seen<'a> {
    match record {
        Record::Identity(identity) => match field {
            Field::Kind => Seen::text(&identity.kind),
            Field::General => identity_kind(&identity.kind)
                .map_or(Seen::Unknown, |kind| Seen::text(kind.general.id())),
            Field::System => Seen::text(&identity.system),
            Field::Instance => Seen::text(&identity.instance),
            Field::NativeId => Seen::text(&identity.native_id),
            Field::Name => Seen::text(&identity.name),
            Field::Authority => Seen::text(identity.authority.name()),
            Field::Environment => Seen::of(&identity.environment, |text| Seen::text(text)),
            Field::Enabled => Seen::of(&identity.enabled, |truth| Seen::Truth(*truth)),
            Field::CreatedAt => Seen::of(&identity.created_at, |time| Seen::Time(*time)),
            Field::LastUsedAt => Seen::of(&identity.last_used_at, |time| Seen::Time(*time)),
            Field::Fact(name) => Seen::fact(identity.facts.get(name.as_str())),
            Field::Tag(name) => Seen::optional(identity.tags.get(name).map(String::as_str)),
            Field::Orphaned => {
                owners.map_or(Seen::Unknown, |ranked| Seen::Truth(ranked.orphaned()))
            }
            Field::Owner => owners.map_or(Seen::Unknown, |ranked| {
                Seen::optional(ranked.owner().map(|candidate| candidate.owner.name.as_str()))
            }),
            _ => Seen::Unknown,
        },
        Record::Credential(credential) => match field {
            Field::Kind => Seen::text(&credential.kind),
            Field::Secret => credential_kind(&credential.kind)
                .map_or(Seen::Unknown, |kind| Seen::Truth(kind.secret)),
            Field::System => Seen::text(&credential.system),
            Field::Instance => Seen::text(&credential.instance),
            Field::NativeId => Seen::text(&credential.native_id),
            Field::Name => Seen::text(&credential.name),
            Field::Authority => Seen::text(credential.authority.name()),
            Field::Enabled => Seen::of(&credential.enabled, |truth| Seen::Truth(*truth)),
            Field::CreatedAt => Seen::of(&credential.created_at, |time| Seen::Time(*time)),
            Field::ExpiresAt => Seen::of(&credential.expires_at, |time| Seen::Time(*time)),
            Field::RotatedAt => Seen::of(&credential.rotated_at, |time| Seen::Time(*time)),
            Field::LastUsedAt => Seen::of(&credential.last_used_at, |time| Seen::Time(*time)),
            Field::Fact(name) => Seen::fact(credential.facts.get(name.as_str())),
            Field::Tag(name) => Seen::optional(credential.tags.get(name).map(String::as_str)),
            _ => Seen::Unknown,
        },
        Record::Grant(grant) => match field {
            Field::Kind => Seen::text(&grant.kind),
            Field::System => Seen::text(&grant.system),
            Field::Instance => Seen::text(&grant.instance),
            Field::NativeId => Seen::text(&grant.native_id),
            Field::Authority => Seen::text(grant.authority.name()),
            Field::Actions => Seen::List(&grant.actions),
            Field::Resources => Seen::List(&grant.resources),
            Field::Effect => Seen::text(match grant.effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
            }),
            Field::Via => Seen::optional(grant.via.as_deref()),
            Field::Evidence => {
                Seen::optional(grant.evidence.first().map(|evidence| evidence.at.as_str()))
            }
            Field::Fact(name) => Seen::fact(grant.facts.get(name.as_str())),
            Field::Condition(key) => condition(&grant.conditions, key),
            _ => Seen::Unknown,
        },
        Record::Trust(trust) => match (field, &trust.from) {
            (Field::Mechanism, _) => Seen::text(&trust.mechanism),
            (Field::System, _) => Seen::text(&trust.system),
            (Field::Instance, _) => Seen::text(&trust.instance),
            (Field::NativeId, _) => Seen::text(&trust.native_id),
            (Field::Authority, _) => Seen::text(trust.authority.name()),
            (Field::Fact(name), _) => Seen::fact(trust.facts.get(name.as_str())),
            (Field::Condition(key), _) => condition(&trust.conditions, key),
            (Field::From, from) => Seen::text(match from {
                Subject::Identity { .. } => "identity",
                Subject::Federated { .. } => "federated",
                Subject::Principal { .. } => "principal",
            }),
            (Field::Issuer, Subject::Federated { issuer, .. }) => Seen::text(issuer),
            (Field::Subject, Subject::Federated { subject, .. }) => Seen::text(subject),
            (Field::Audience, Subject::Federated { audience, .. }) => {
                Seen::optional(audience.as_deref())
            }
            (Field::Principal, Subject::Principal { principal }) => Seen::text(principal),
            (Field::Issuer | Field::Subject | Field::Audience | Field::Principal, _) => {
                Seen::Absent
            }
            _ => Seen::Unknown,
        },
    }
}

fn see_place<'a>(stored_at: &'a StoredAt, place: Option<&'a Place>, field: &Field) -> Seen<'a> {
    match (field, place) {
        (Field::Path, _) => Seen::text(&stored_at.path),
        (Field::Line, _) => {
            stored_at.line.map_or(Seen::Absent, |line| Seen::Number(i64::from(line)))
        }
        (Field::Pointer, _) => Seen::optional(stored_at.pointer.as_deref()),
        (Field::Kind, Some(place)) => Seen::text(&place.kind),
        (Field::System, Some(place)) => Seen::text(&place.system),
        (Field::Instance, Some(place)) => Seen::text(&place.instance),
        (Field::Container, Some(place)) => {
            place.container.map_or(Seen::Absent, |id| Seen::Text(id.to_string().into()))
        }
        (Field::NativeId, Some(place)) => Seen::text(&place.native_id),
        (Field::Authority, Some(place)) => Seen::text(place.authority.name()),
        (Field::Fact(name), Some(place)) => Seen::fact(place.facts.get(name.as_str())),
        _ => Seen::Unknown,
    }
}

fn condition<'a>(conditions: &'a [model::Condition], key: &str) -> Seen<'a> {
    conditions
        .iter()
        .find(|condition| condition.key == key)
        .map_or(Seen::Absent, |condition| Seen::List(&condition.values))
}
