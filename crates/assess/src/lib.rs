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

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use model::finding::FindingSubject;
use model::record::StoredAt;
use model::text::shown;
use model::{
    Batch, Credential, Evidence, Finding, FindingId, Grant, Identity, IdentityId, OwnerLink, Place,
    PlaceId, Time, Trust,
};

mod condition;
#[cfg(test)]
mod examples;
mod field;
pub mod owners;
mod reference;
pub mod rule;
mod template;

use condition::{Answer, View};
use field::Item;
use owners::Ranked;
pub use reference::reference;
pub use rule::Rule;

/// The sort of record a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    Identity,
    Credential,
    Grant,
    Trust,
}

impl SubjectKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Credential => "credential",
            Self::Grant => "grant",
            Self::Trust => "trust",
        }
    }
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

macro_rules! rule_files {
    ($($id:literal)*) => {
        /// Every rule file, sorted by name. A new rule is a file in `rules/` and its name here.
        const FILES: &[(&str, &str)] =
            &[$((concat!($id, ".toml"), include_str!(concat!("../rules/", $id, ".toml")))),*];
    };
}

rule_files! {
    "ci-login-any-branch"
    "ci-trust-any-branch"
    "expired-certificate"
    "expiring-certificate"
    "key-readable-by-others"
    "key-without-passphrase"
    "long-lived-cloud-key"
    "orphaned-identity"
    "passwordless-sudo"
    "plaintext-secret"
    "privileged-group"
    "pull-request-target-secrets"
    "unpinned-mcp-server"
    "weak-certificate"
    "weak-key"
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the files are in the binary and a test reads them")]
    FILES
        .iter()
        .map(|(file, text)| rule::parse(file, text))
        .collect::<Result<_, _>>()
        .expect("the rule files in the binary are well formed")
});

/// Every rule, sorted by id.
pub fn rules() -> &'static [Rule] {
    &RULES
}

pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id == id)
}

/// Changes when any rule does, or the version of Tutela: then what was evaluated before no longer
/// says what would be found now.
pub fn version() -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    for (file, text) in FILES {
        hasher.update(file.as_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// How far from now, in microseconds, the moments are that rules compare an expiry with: as time
/// passes, what a rule says of a credential changes only when one of them passes its expiry. None
/// when a rule compares another time with a moment that moves.
pub fn expiry_offsets() -> Option<Vec<i64>> {
    let mut offsets = BTreeSet::new();
    for rule in rules() {
        let conditions = rule.severity_when.iter().map(|case| &case.condition);
        for condition in conditions.chain([&rule.when]) {
            if !condition.expiry_offsets(&mut offsets) {
                return None;
            }
        }
    }
    Some(offsets.into_iter().collect())
}

/// Every rule of the record's sort on one record.
pub fn evaluate_record(
    record: Record<'_>,
    around: Around<'_>,
    now: Time,
    tally: &mut Tally,
    out: &mut Vec<Finding>,
) {
    tally.0.resize(rules().len(), Count::default());
    let view = View::new(record, around, now);
    let subject = record.subject_kind();
    for (rule, count) in rules().iter().zip(&mut tally.0) {
        if rule.subject != subject {
            continue;
        }
        match rule.when.answer(view.item(), &view) {
            Answer::Yes => {
                count.n_fired += 1;
                out.push(finding(rule, &view));
            }
            Answer::No => count.n_silent += 1,
            Answer::Unknown => count.n_unknown += 1,
        }
    }
}

fn finding(rule: &'static Rule, view: &View<'_>) -> Finding {
    let subject = match view.record.identity() {
        Some(identity) if rule.one_for_identity => FindingSubject::Identity(identity),
        _ => view.record.subject(),
    };
    let special = rule
        .severity_when
        .iter()
        .find(|special| special.condition.answer(view.item(), view) == Answer::Yes);
    let places = places_at_fault(rule, view);
    let items: Vec<Item<'_>> = places.iter().map(|stored_at| view.place(stored_at)).collect();
    let steps = rule.fix.iter().flat_map(|step| step.lines(view, &items));
    let mut evidence = view.record.evidence();
    let shows = rule.evidence.as_ref().and_then(|evidence| evidence.sentence(view, None));
    if let Some(shows) = shows {
        for evidence in &mut evidence {
            evidence.shows = Some(shows.clone().into());
        }
    }
    if let Some(because) = special.and_then(|special| special.because.as_deref()) {
        let first = places.first();
        let at = Evidence::at(first.map_or("", |stored_at| stored_at.path.as_str()));
        let line = first.and_then(|stored_at| stored_at.line);
        evidence.push(Evidence { line, ..at.shows(because.to_owned()) });
    }
    Finding {
        id: Finding::id_of(&rule.id, subject),
        rule: rule.id.as_str().into(),
        severity: special.map_or(rule.severity, |special| special.severity),
        subject,
        identity: view.record.identity(),
        title: rule
            .finding_title
            .sentence(view, items.first().copied())
            .unwrap_or_else(|| format!("{}: {}", rule.title, view.record.name())),
        places: places.into_iter().cloned().collect(),
        evidence,
        fix: steps.collect::<Vec<_>>().join("\n"),
    }
}

/// A finding of several records shows the evidence of this many; the others say the same.
const MAX_JOINED_EVIDENCE: usize = 100;

/// Makes one finding of those with the same id, in the place of the first: of what rules say once
/// for an identity, all evidence stays; of several claims about one record, the most severe counts.
/// To be called with all findings of an identity.
pub fn join(findings: &mut Vec<Finding>) {
    let mut known: BTreeMap<FindingId, usize> = BTreeMap::new();
    let mut joined: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in std::mem::take(findings) {
        let n = *known.entry(finding.id).or_insert(joined.len());
        let Some(first) = joined.get_mut(n) else {
            joined.push(finding);
            continue;
        };
        if rule(&finding.rule).is_some_and(|rule| rule.one_for_identity) {
            add_to(first, finding);
        } else if finding.severity > first.severity {
            *first = finding;
        }
    }
    *findings = joined;
}

fn add_to(first: &mut Finding, other: Finding) {
    first.severity = first.severity.max(other.severity);
    for evidence in other.evidence {
        if first.evidence.len() < MAX_JOINED_EVIDENCE && !first.evidence.contains(&evidence) {
            first.evidence.push(evidence);
        }
    }
    for stored in other.places {
        if !first.places.contains(&stored) {
            first.places.push(stored);
        }
    }
    // Records of different systems are mended in different words.
    for line in other.fix.lines() {
        if !first.fix.lines().any(|known| known == line) {
            first.fix.push('\n');
            first.fix.push_str(line);
        }
    }
}

/// The places that made the rule fire; all, where it does not look at places.
fn places_at_fault<'a>(rule: &Rule, view: &View<'a>) -> Vec<&'a StoredAt> {
    let conditions = rule.when.on_places();
    let mut places: Vec<&StoredAt> = Vec::new();
    for stored_at in view.stored_at() {
        let item = view.place(stored_at);
        if conditions.iter().any(|condition| condition.answer(item, view) == Answer::Yes) {
            places.push(stored_at);
        }
    }
    if places.is_empty() { view.stored_at().iter().collect() } else { places }
}

/// A finding shows at most this many of a record's own pointers where it states no evidence.
const MAX_LOCI_SHOWN: usize = 5;

impl<'a> Record<'a> {
    fn subject_kind(self) -> SubjectKind {
        match self {
            Self::Identity(_) => SubjectKind::Identity,
            Self::Credential(_) => SubjectKind::Credential,
            Self::Grant(_) => SubjectKind::Grant,
            Self::Trust(_) => SubjectKind::Trust,
        }
    }

    fn subject(self) -> FindingSubject {
        match self {
            Self::Identity(identity) => FindingSubject::Identity(identity.id),
            Self::Credential(credential) => FindingSubject::Credential(credential.id),
            Self::Grant(grant) => FindingSubject::Grant(grant.id),
            Self::Trust(trust) => FindingSubject::Trust(trust.id),
        }
    }

    /// The identity whose owner must act.
    fn identity(self) -> Option<IdentityId> {
        match self {
            Self::Identity(identity) => Some(identity.id),
            Self::Credential(credential) => credential.identity,
            Self::Grant(grant) => Some(grant.identity),
            Self::Trust(trust) => Some(trust.to),
        }
    }

    fn name(self) -> Cow<'a, str> {
        shown(match self {
            Self::Identity(identity) => &identity.name,
            Self::Credential(credential) => &credential.name,
            Self::Grant(grant) => &grant.native_id,
            Self::Trust(trust) => &trust.native_id,
        })
    }

    fn evidence(self) -> Vec<Evidence> {
        let (evidence, loci) = match self {
            Self::Identity(identity) => (&identity.evidence, &identity.loci),
            Self::Credential(credential) => (&credential.evidence, &credential.loci),
            Self::Grant(grant) => (&grant.evidence, &grant.loci),
            Self::Trust(trust) => (&trust.evidence, &trust.loci),
        };
        if evidence.is_empty() {
            loci.iter().take(MAX_LOCI_SHOWN).map(Evidence::at).collect()
        } else {
            evidence.clone()
        }
    }
}

/// What [`evaluate`] concludes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Sorted by id; one per rule and subject.
    pub findings: Vec<Finding>,
    pub tally: Tally,
}

/// Every rule on every record of a batch that holds a whole estate.
///
/// Where several sources speak of one thing, each claim is looked at, and the most severe finding
/// stays.
pub fn evaluate(batch: &Batch, now: Time) -> Report {
    let mut identities: BTreeMap<IdentityId, &Identity> = BTreeMap::new();
    for identity in &batch.identities {
        let best = identities.entry(identity.id).or_insert(identity);
        if identity.authority > best.authority {
            *best = identity;
        }
    }
    let places: BTreeMap<PlaceId, &Place> =
        batch.places.iter().map(|place| (place.id, place)).collect();
    let mut links: BTreeMap<IdentityId, Vec<&OwnerLink>> = BTreeMap::new();
    for link in &batch.owners {
        links.entry(link.identity).or_default().push(link);
    }
    let owners_of = |identity: Option<IdentityId>| {
        identity.map(|id| owners::rank(links.get(&id).map_or(&[], Vec::as_slice)))
    };

    let mut report = Report::default();
    let mut look = |record: Record<'_>| {
        let lies_in: Vec<&Place> = match record {
            Record::Credential(credential) => credential
                .places
                .iter()
                .filter_map(|stored_at| places.get(&stored_at.place).copied())
                .collect(),
            _ => Vec::new(),
        };
        let ranked = owners_of(record.identity());
        let around = Around {
            identity: record.identity().and_then(|id| identities.get(&id).copied()),
            places: &lies_in,
            owners: ranked.as_ref(),
        };
        evaluate_record(record, around, now, &mut report.tally, &mut report.findings);
    };
    batch.identities.iter().for_each(|identity| look(Record::Identity(identity)));
    batch.credentials.iter().for_each(|credential| look(Record::Credential(credential)));
    batch.grants.iter().for_each(|grant| look(Record::Grant(grant)));
    batch.trusts.iter().for_each(|trust| look(Record::Trust(trust)));
    join(&mut report.findings);
    report.findings.sort_by_key(|finding| finding.id);
    report
}

impl std::str::FromStr for SubjectKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "identity" => Ok(Self::Identity),
            "credential" => Ok(Self::Credential),
            "grant" => Ok(Self::Grant),
            "trust" => Ok(Self::Trust),
            _ => Err(format!("`{text}` is not one of identity, credential, grant, trust")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One workflow asks for a role with the tokens of branches, of tags and of pull requests, and
    /// another one does too: the role's trust is one thing to mend.
    #[test]
    fn a_role_that_any_branch_asks_for_is_one_finding() {
        use model::{Fact, ScopeId, Subject, kinds};
        let scope = ScopeId::from_bytes([0; 16]);
        let role = |name: &str| {
            let mut role = Identity::new(kinds::IAM_ROLE, "aws", "1", name, scope);
            role.name = name.into();
            role
        };
        let (deploy, publish) = (role("deploy"), role("publish"));
        let mut batch = Batch::default();
        for (to, file, what) in [
            (&deploy, "deploy.yml", "ref:refs/heads/*"),
            (&deploy, "deploy.yml", "ref:refs/tags/*"),
            (&deploy, "deploy.yml", "pull_request"),
            (&deploy, "nightly.yml", "ref:refs/heads/*"),
            (&publish, "publish.yml", "pull_request"),
        ] {
            let from = Subject::Federated {
                issuer: "https://token.actions.githubusercontent.com".into(),
                subject: format!("repo:acme/shop:{what}"),
                audience: None,
            };
            let mut trust = Trust::new("web-identity", "github", "", file, scope, from, to.id);
            trust.facts.insert("presented_by".into(), Fact::known("idn_x"));
            trust.evidence.push(Evidence::at(file).line(7).shows("asked for here"));
            batch.trusts.push(trust);
        }
        batch.identities = vec![deploy.clone(), publish.clone()];
        let findings = evaluate(&batch, Time::from_seconds(1_800_000_000)).findings;
        let of = |identity: &Identity| {
            let found: Vec<&Finding> = findings
                .iter()
                .filter(|it| it.rule == "ci-login-any-branch" && it.identity == Some(identity.id))
                .collect();
            assert_eq!(found.len(), 1, "{found:#?}");
            assert_eq!(found[0].subject, FindingSubject::Identity(identity.id));
            let mut shown: Vec<String> = found[0]
                .evidence
                .iter()
                .map(|evidence| format!("{} {}", evidence.at, evidence.shows.as_deref().unwrap()))
                .collect();
            shown.sort_unstable();
            shown
        };
        let asked = |file: &str, what: &str| {
            format!("{file} asked for here with tokens of repo:acme/shop:{what}")
        };
        assert_eq!(
            of(&deploy),
            [
                asked("deploy.yml", "pull_request"),
                asked("deploy.yml", "ref:refs/heads/*"),
                asked("deploy.yml", "ref:refs/tags/*"),
                asked("nightly.yml", "ref:refs/heads/*"),
            ]
        );
        assert_eq!(of(&publish), [asked("publish.yml", "pull_request")]);
    }

    /// Time passes without a whole evaluation only as long as this holds: a rule about another
    /// time needs its own way in `store::evaluation`.
    #[test]
    fn rules_compare_only_expiries_with_moments_that_move() {
        let days = |days: i64| days * 86_400 * 1_000_000;
        assert_eq!(expiry_offsets(), Some(vec![0, days(7), days(30)]));
    }
}
