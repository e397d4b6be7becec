//! Rules over the estate: what is wrong, how bad it is, the record that shows it, and the exact
//! fix.
//!
//! Pure functions of `(records, now)`: no clock, no database, no files. A rule is one file of
//! `rules/`, read by [`rule`]; [`condition`] is the language it is written in. A rule never fires
//! on what is not known: it stays silent, and the [`Tally`] counts that it could not say.
//!
//! [`evaluate_record`] looks at one record and what surrounds it, so a caller can stream a million
//! of them; [`evaluate`] does so for a batch that is in memory. [`owners`] ranks the candidates for
//! an identity's ownership.

use model::{Batch, Credential, Finding, Grant, Identity, Place, Time, Trust};

pub mod owners;

use owners::Ranked;

/// A rule as data; see `rules/` for the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Reads as "allow ⟨id⟩".
    pub id: String,
    pub title: String,
    /// One or two sentences for the owner: why this matters.
    pub why: String,
    /// The severity where no `[[severity_when]]` says otherwise.
    pub severity: model::Severity,
    pub subject: SubjectKind,
    /// OWASP NHI Top 10 (2025) numbers: `NHI2`.
    pub owasp: Vec<String>,
    pub tags: Vec<String>,
}

/// The sort of record a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    Identity,
    Credential,
    Grant,
    Trust,
}

/// One record to look at.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    Identity(&'a Identity),
    Credential(&'a Credential),
    Grant(&'a Grant),
    Trust(&'a Trust),
}

/// What rules may look at beside the record itself; what is left out counts as not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// The identity a credential proves, a grant is given to, a trust leads to. Not needed for an
    /// identity: it is the record.
    pub identity: Option<&'a Identity>,
    /// The places a credential lies in.
    pub places: &'a [&'a Place],
    /// The ranked owners of the identity.
    pub owners: Option<&'a Ranked>,
}

/// How often each rule fired, was silent, or could not say, in the order of [`rules`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally(Vec<Count>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub n_fired: u64,
    pub n_silent: u64,
    /// The rule would depend on something that is not known of the record.
    pub n_unknown: u64,
}

impl Tally {
    /// Each rule with its counts.
    pub fn counts(&self) -> impl Iterator<Item = (&'static Rule, Count)> {
        rules()
            .iter()
            .enumerate()
            .map(|(n, rule)| (rule, self.0.get(n).copied().unwrap_or_default()))
    }

    pub fn add(&mut self, other: &Self) {
        self.0.resize(rules().len().max(self.0.len()), Count::default());
        for (count, other) in self.0.iter_mut().zip(&other.0) {
            count.n_fired += other.n_fired;
            count.n_silent += other.n_silent;
            count.n_unknown += other.n_unknown;
        }
    }
}

/// Every rule, sorted by id.
pub fn rules() -> &'static [Rule] {
    &[]
}

pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id == id)
}

/// Every rule of the record's sort on one record.
pub fn evaluate_record(
    _record: Record<'_>,
    _around: Around<'_>,
    _now: Time,
    _tally: &mut Tally,
    _out: &mut Vec<Finding>,
) {
}

/// What [`evaluate`] concludes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Sorted by id; one per rule and subject.
    pub findings: Vec<Finding>,
    pub tally: Tally,
}

/// Every rule on every record of a batch that holds a whole estate.
pub fn evaluate(_batch: &Batch, _now: Time) -> Report {
    Report::default()
}

/// The rules' reference documentation, as Markdown.
pub fn reference() -> String {
    String::new()
}
