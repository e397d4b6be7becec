//! The language in which rules say when they fire.
//!
//! A condition is a table: `all`, `any`, `not`, `unless`, `first_known` combine; `some_place`,
//! `every_place` and `identity` look at what surrounds the record; everything else is one test of one field, such as
//! `{ field = "expires_at", before = "now+30d" }` or `{ fact = "encrypted", is = false }`.
//! Answers are three-valued (Kleene): what is not known is neither yes nor no, and decides nothing
//! that the rest of the condition decides without it. `unless` is for exceptions: only what is
//! known to hold excepts (a key that is not known to be switched off counts as a key).

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::record::StoredAt;
use model::{Place, PlaceId, Time};

use crate::field::{Field, Item, Seen, see};
use crate::{Around, Record};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// Yes, unless this is known to hold.
    Unless(Box<Self>),
    /// The first of them whose answer is known.
    FirstKnown(Vec<Self>),
    /// Whether the credential lies in a place of which this holds.
    SomePlace(Box<Self>),
    /// Whether this holds of every place the credential lies in; it lies in one at least.
    EveryPlace(Box<Self>),
    /// Whether this holds of the identity behind a credential, grant or trust.
    Identity(Box<Self>),
    Test(Field, Test),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// Equal to one of these; a list when one of its elements is.
    Is(Vec<Operand>),
    /// Matches one of these globs; a list when one of its elements does.
    Like(Vec<String>),
    Present(bool),
    Before(Moment),
    After(Moment),
    Below(i64),
    Above(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Text(String),
    Number(i64),
    Truth(bool),
}

/// `now`, `now+30d`, `now-90d`, or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    NowPlus(Duration),
    NowMinus(Duration),
    At(Time),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Unknown,
}

/// A record with what surrounds it and the time, as conditions see it.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) around: Around<'a>,
    pub(crate) now: Time,
    /// The places around by id: a certificate may lie in thousands.
    places: OnceCell<BTreeMap<PlaceId, &'a Place>>,
}

impl<'a> View<'a> {
    pub(crate) fn new(record: Record<'a>, around: Around<'a>, now: Time) -> Self {
        Self { record, around, now, places: OnceCell::new() }
    }

    pub(crate) fn item(&self) -> Item<'a> {
        Item::Record(self.record, self.around.owners)
    }

    /// The identity the record belongs to, which is itself for an identity.
    pub(crate) fn identity(&self) -> Option<Item<'a>> {
        let identity = match self.record {
            Record::Identity(identity) => Some(identity),
            _ => self.around.identity,
        };
        identity.map(|identity| Item::Record(Record::Identity(identity), self.around.owners))
    }

    /// The pointers to the places a credential lies in.
    pub(crate) fn stored_at(&self) -> &'a [StoredAt] {
        match self.record {
            Record::Credential(credential) => &credential.places,
            _ => &[],
        }
    }

    pub(crate) fn place(&self, stored_at: &'a StoredAt) -> Item<'a> {
        let places =
            self.places.get_or_init(|| self.around.places.iter().map(|&p| (p.id, p)).collect());
        Item::Place(stored_at, places.get(&stored_at.place).copied())
    }
}

impl Condition {
    pub(crate) fn answer(&self, item: Item<'_>, view: &View<'_>) -> Answer {
        match self {
            Self::All(conditions) => {
                all(conditions.iter().map(|condition| condition.answer(item, view)))
            }
            Self::Any(conditions) => {
                any(conditions.iter().map(|condition| condition.answer(item, view)))
            }
            Self::Not(condition) => condition.answer(item, view).not(),
            Self::Unless(condition) => (condition.answer(item, view) != Answer::Yes).into(),
            Self::FirstKnown(conditions) => conditions
                .iter()
                .map(|condition| condition.answer(item, view))
                .find(|answer| *answer != Answer::Unknown)
                .unwrap_or(Answer::Unknown),
            Self::SomePlace(condition) => any(view
                .stored_at()
                .iter()
                .map(|stored_at| condition.answer(view.place(stored_at), view))),
            Self::EveryPlace(_) if view.stored_at().is_empty() => Answer::No,
            Self::EveryPlace(condition) => all(view
                .stored_at()
                .iter()
                .map(|stored_at| condition.answer(view.place(stored_at), view))),
            Self::Identity(condition) => match view.identity() {
                Some(identity) => condition.answer(identity, view),
                None => Answer::Unknown,
            },
            Self::Test(field, test) => test.answer(&see(item, field), view.now),
        }
    }

    /// Adds how far from now it compares an expiry, in microseconds; false when it compares another
    /// time with a moment that moves.
    pub(crate) fn expiry_offsets(&self, offsets: &mut BTreeSet<i64>) -> bool {
        match self {
            Self::All(conditions) | Self::Any(conditions) | Self::FirstKnown(conditions) => {
                conditions.iter().all(|condition| condition.expiry_offsets(offsets))
            }
            Self::Not(condition)
            | Self::Unless(condition)
            | Self::SomePlace(condition)
            | Self::EveryPlace(condition)
            | Self::Identity(condition) => condition.expiry_offsets(offsets),
            Self::Test(field, Test::Before(moment) | Test::After(moment)) => {
                match (moment.offset(), field) {
                    (None, _) => true,
                    (Some(offset), Field::ExpiresAt) => {
                        offsets.insert(offset);
                        true
                    }
                    _ => false,
                }
            }
            Self::Test(..) => true,
        }
    }

    /// The conditions on places that help this one to be true.
    pub(crate) fn on_places(&self) -> Vec<&Self> {
        match self {
            Self::All(conditions) | Self::Any(conditions) | Self::FirstKnown(conditions) => {
                conditions.iter().flat_map(Self::on_places).collect()
            }
            Self::SomePlace(condition) => vec![condition],
            Self::Not(_)
            | Self::Unless(_)
            | Self::EveryPlace(_)
            | Self::Identity(_)
            | Self::Test(..) => Vec::new(),
        }
    }

    /// Every field it cannot do without, as a rule writes it: `expires_at`, `place.facts.exposure`.
    pub(crate) fn names(table: &toml::Value) -> Vec<String> {
        let mut names = Vec::new();
        gather(table, "", &mut names);
        names.sort();
        names.dedup();
        names
    }
}

fn gather(value: &toml::Value, prefix: &str, names: &mut Vec<String>) {
    match value {
        toml::Value::Array(list) => {
            for value in list {
                gather(value, prefix, names);
            }
        }
        toml::Value::Table(table) => {
            for (key, value) in table {
                match (key.as_str(), value) {
                    ("field", toml::Value::String(name)) => names.push(format!("{prefix}{name}")),
                    ("fact", toml::Value::String(name)) => {
                        names.push(format!("{prefix}facts.{name}"));
                    }
                    ("unless", _) => {}
                    ("some_place" | "every_place", _) => gather(value, "place.", names),
                    ("identity", _) => gather(value, "identity.", names),
                    _ => gather(value, prefix, names),
                }
            }
        }
        _ => {}
    }
}

impl Answer {
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Answer {
    fn from(truth: bool) -> Self {
        if truth { Self::Yes } else { Self::No }
    }
}

fn all(answers: impl Iterator<Item = Answer>) -> Answer {
    let mut all = Answer::Yes;
    for answer in answers {
        match answer {
            Answer::No => return Answer::No,
            Answer::Unknown => all = Answer::Unknown,
            Answer::Yes => {}
        }
    }
    all
}

fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    all(answers.map(Answer::not)).not()
}

impl Test {
    fn answer(&self, seen: &Seen<'_>, now: Time) -> Answer {
        match (self, seen) {
            (_, Seen::Unknown) => Answer::Unknown,
            (Self::Present(present), seen) => (*present == !matches!(seen, Seen::Absent)).into(),
            (_, Seen::Absent) => Answer::No,
            (Self::Is(operands), seen) => {
                operands.iter().any(|operand| operand.equals(seen)).into()
            }
            (Self::Like(globs), Seen::Text(text)) => {
                globs.iter().any(|glob| matches(glob, text)).into()
            }
            (Self::Like(globs), Seen::List(list)) => {
                list.iter().any(|text| globs.iter().any(|glob| matches(glob, text))).into()
            }
            (Self::Before(moment), seen) => {
                time(seen).map_or(Answer::Unknown, |time| (time < moment.at(now)).into())
            }
            (Self::After(moment), seen) => {
                time(seen).map_or(Answer::Unknown, |time| (time > moment.at(now)).into())
            }
            (Self::Below(limit), Seen::Number(number)) => (number < limit).into(),
            (Self::Above(limit), Seen::Number(number)) => (number > limit).into(),
            // A value of another sort than the rule expects says nothing to it.
            (Self::Like(_) | Self::Below(_) | Self::Above(_), _) => Answer::Unknown,
        }
    }
}

impl Operand {
    fn equals(&self, seen: &Seen<'_>) -> bool {
        match (self, seen) {
            (Self::Text(operand), Seen::Text(text)) => operand == text,
            (Self::Text(operand), Seen::List(list)) => list.contains(operand),
            (Self::Number(operand), Seen::Number(number)) => operand == number,
            (Self::Truth(operand), Seen::Truth(truth)) => operand == truth,
            _ => false,
        }
    }
}

impl Moment {
    fn at(self, now: Time) -> Time {
        match self {
            Self::NowPlus(span) => now.plus(span),
            Self::NowMinus(span) => now.minus(span),
            Self::At(time) => time,
        }
    }

    /// How far from now it is, in microseconds; none when it stands still.
    fn offset(self) -> Option<i64> {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match self {
            Self::NowPlus(span) => Some(micros(span)),
            Self::NowMinus(span) => Some(-micros(span)),
            Self::At(_) => None,
        }
    }
}

/// A moment, also where a connector could only say it as text.
fn time(seen: &Seen<'_>) -> Option<Time> {
    match seen {
        Seen::Time(time) => Some(*time),
        Seen::Text(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether a text matches a glob of `*` (any run), `?` (one byte) and `\\` (the next byte as it
/// is, so that `\\*` finds a star), whatever the case.
///
/// At most glob × text steps: it goes back to the last star only.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut at_glob, mut at_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(at_text) {
        let (expected, length) = match (glob.get(at_glob), glob.get(at_glob + 1)) {
            (Some(b'*'), _) => {
                star = Some((at_glob, at_text));
                at_glob += 1;
                continue;
            }
            (Some(b'?'), _) => (Some(byte), 1),
            (Some(b'\\'), escaped) => (escaped, 2),
            (expected, _) => (expected, 1),
        };
        if expected.is_some_and(|expected| expected.eq_ignore_ascii_case(byte)) {
            at_glob += length;
            at_text += 1;
        } else if let Some((of_glob, of_text)) = star {
            star = Some((of_glob, of_text + 1));
            at_glob = of_glob + 1;
            at_text = of_text + 1;
        } else {
            return false;
        }
    }
    glob.iter().skip(at_glob).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let check = |glob: &str, text: &str, expected: bool| {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        };
        check("*", "", true);
        check("", "", true);
        check("", "a", false);
        check("a*c", "abbbc", true);
        check("a*c", "abbb", false);
        check("*:ref:*", "repo:o/r:ref:refs/heads/main", true);
        check("repo:*:*", "repo:o/r:pull_request", true);
        check("A?C", "abc", true);
        check(r"*:\*", "repo:o/r:*", true);
        check(r"*:\*", "repo:o/r:ref", false);
        check(r"a\", "a", false);
        check("**a", "bca", true);
        check(&"*a".repeat(20), &"a".repeat(10_000), true);
        check(&format!("{}b", "*a".repeat(20)), &"a".repeat(10_000), false);
    }

    #[test]
    fn answers_are_kleene() {
        use Answer::{No, Unknown, Yes};
        let table = [Yes, No, Unknown];
        for one in table {
            for other in table {
                let both = all([one, other].into_iter());
                let either = any([one, other].into_iter());
                assert_eq!(both, all([other, one].into_iter()));
                assert_eq!(either.not(), all([one.not(), other.not()].into_iter()));
                if one == No || other == No {
                    assert_eq!(both, No);
                } else if one == Unknown || other == Unknown {
                    assert_eq!(both, Unknown);
                }
            }
        }
    }
}
