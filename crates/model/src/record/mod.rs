//! The records a source states, and the batch in which they travel from `normalize` to `apply`.
//!
//! A record is one source's claim about one thing. Within one sync a source makes one claim about
//! a thing: [`Batch::settle`] merges what was seen in several places and puts the result in order.

mod credential;
mod grant;
mod identity;
mod owner;
mod place;
pub mod policy;
mod trust;
mod usage;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::credential::{Credential, StoredAt};
pub use self::grant::{Condition, Effect, Grant};
pub use self::identity::Identity;
pub use self::owner::{OwnerLink, Party, PartyKind};
pub use self::place::Place;
pub use self::policy::{PolicyDocument, PolicyKind};
pub use self::trust::{Subject, Trust};
pub use self::usage::Usage;
use crate::coverage::Coverage;
use crate::fact::Text;
use crate::id::ScopeId;

/// How much a claim weighs against another source's claim about the same thing.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// Named in passing: a workflow mentions a role. Never says that the thing exists.
    Mentioned,
    /// Declared by what should have made it: Terraform state, a manifest.
    Declared,
    /// Stated by the system of record itself.
    #[default]
    Record,
}

impl Authority {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mentioned => "mentioned",
            Self::Declared => "declared",
            Self::Record => "record",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if hands a reference"
    )]
    fn is_record(&self) -> bool {
        *self == Self::Record
    }
}

/// A pointer to the record that shows something, with an allow-list of its fields.
///
/// Free text of foreign systems (environment values, user data, state values) never gets in here.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
pub struct Evidence {
    /// File path, call or object name.
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// JSON pointer, key or section within it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pointer: Option<String>,
    /// What it shows, for a person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shows: Option<Text>,
}

impl Evidence {
    pub fn at(at: impl Into<String>) -> Self {
        Self { at: at.into(), ..Self::default() }
    }

    #[must_use]
    pub fn line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    #[must_use]
    pub fn shows(mut self, shows: impl Into<Text>) -> Self {
        self.shows = Some(shows.into());
        self
    }
}

/// What one source states in one sync, or a part of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    pub identities: Vec<Identity>,
    pub credentials: Vec<Credential>,
    pub places: Vec<Place>,
    pub grants: Vec<Grant>,
    pub trusts: Vec<Trust>,
    pub owners: Vec<OwnerLink>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyDocument>,
    pub coverage: Vec<Coverage>,
}

impl Batch {
    /// Takes in everything of another batch.
    pub fn extend(&mut self, other: Self) {
        let Self { identities, credentials, places, grants, trusts, owners, policies, coverage } =
            other;
        self.identities.extend(identities);
        self.credentials.extend(credentials);
        self.places.extend(places);
        self.grants.extend(grants);
        self.trusts.extend(trusts);
        self.owners.extend(owners);
        self.policies.extend(policies);
        self.coverage.extend(coverage);
    }

    pub fn n_records(&self) -> usize {
        self.identities.len()
            + self.credentials.len()
            + self.places.len()
            + self.grants.len()
            + self.trusts.len()
            + self.owners.len()
            + self.policies.len()
    }

    /// Makes one claim per thing out of all that was seen of it, sorted by id.
    ///
    /// The claim with the greatest authority leads (then the one that says most, then the first);
    /// places, loci, evidence and whatever facts the leader does not state come from the others.
    pub fn settle(&mut self) {
        settle(&mut self.identities, |record| record.id, Identity::absorb, Identity::tidy);
        settle(&mut self.credentials, |record| record.id, Credential::absorb, Credential::tidy);
        settle(&mut self.places, |record| record.id, Place::absorb, Place::tidy);
        settle(&mut self.grants, |record| record.id, Grant::absorb, Grant::tidy);
        settle(&mut self.trusts, |record| record.id, Trust::absorb, Trust::tidy);
        settle(&mut self.owners, |record| record.id, OwnerLink::absorb, OwnerLink::tidy);
        settle(
            &mut self.policies,
            |record| record.id,
            PolicyDocument::absorb,
            PolicyDocument::tidy,
        );
        self.coverage.sort_by_key(|coverage| coverage.scope.id);
    }
}

/// Makes one record of all with one id. What they list is put together first and made tidy once:
/// thousands of files may hold one key.
fn settle<R, K: Ord>(
    records: &mut Vec<R>,
    id: impl Fn(&R) -> K,
    absorb: impl Fn(&mut R, R),
    tidy: impl Fn(&mut R),
) {
    // Records are large: their places are sorted, and each is moved once.
    let mut order: Vec<(K, usize)> = records.iter().map(&id).zip(0..).collect();
    order.sort_unstable();
    let mut unsorted: Vec<Option<R>> = records.drain(..).map(Some).collect();
    let mut settled: Vec<R> = Vec::with_capacity(unsorted.len());
    let mut is_several = false;
    for record in order.into_iter().filter_map(|(_, n)| unsorted.get_mut(n)?.take()) {
        match settled.last_mut() {
            Some(last) if id(last) == id(&record) => {
                absorb(last, record);
                is_several = true;
            }
            last => {
                if let Some(last) = last.filter(|_| is_several) {
                    tidy(last);
                }
                is_several = false;
                settled.push(record);
            }
        }
    }
    if let Some(last) = settled.last_mut().filter(|_| is_several) {
        tidy(last);
    }
    *records = settled;
}

/// Of the evidence for one record, so much is kept: the first in order, whatever came first.
pub const MAX_EVIDENCE: usize = 1_000;

fn sorted<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

fn sorted_evidence(evidence: &mut Vec<Evidence>) {
    sorted(evidence);
    evidence.truncate(MAX_EVIDENCE);
}

/// The scopes of two records that are one now.
fn join_scopes(also_in: &mut Vec<ScopeId>, scope: ScopeId, more: Vec<ScopeId>) {
    also_in.push(scope);
    also_in.extend(more);
}

fn sorted_scopes(also_in: &mut Vec<ScopeId>, scope: ScopeId) {
    sorted(also_in);
    also_in.retain(|other| *other != scope);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;
    use crate::fact::Fact;
    use crate::kinds;
    use crate::time::Time;

    fn certificate(path: &str, scope: &Scope) -> Credential {
        let place = Place::new(kinds::PLACE_FILE, "file", "machine", path, scope.id);
        let mut credential = Credential::new(kinds::X509, "x509", "", "sha256:00", scope.id);
        credential.places.push(place.stored_at(None, None));
        credential.loci.push(path.into());
        credential
    }

    #[test]
    fn one_certificate_in_two_files_is_one_credential() {
        let scope = Scope::new("linux", "machine", "tls", "/etc/ssl");
        let mut first = certificate("/etc/ssl/a.pem", &scope);
        first.expires_at = Fact::not_collected("not parsed");
        let mut second = certificate("/etc/ssl/b.pem", &scope);
        second.expires_at = Fact::known(Time::from_seconds(7));
        let mut forwards =
            Batch { credentials: vec![first.clone(), second.clone()], ..Batch::default() };
        let mut backwards = Batch { credentials: vec![second, first], ..Batch::default() };
        forwards.settle();
        backwards.settle();
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.credentials.len(), 1);
        assert_eq!(forwards.credentials[0].places.len(), 2);
        assert_eq!(forwards.credentials[0].expires_at.value(), Some(&Time::from_seconds(7)));
    }

    #[test]
    fn a_mention_never_hides_a_statement() {
        let scope = Scope::new("github", "", "folder", ".");
        let mut mention =
            Identity::new(kinds::IAM_ROLE, "aws", "1", "arn:aws:iam::1:role/x", scope.id);
        mention.authority = Authority::Mentioned;
        let mut statement = mention.clone();
        statement.authority = Authority::Declared;
        statement.name = "x".into();
        let mut batch = Batch { identities: vec![mention, statement], ..Batch::default() };
        batch.settle();
        assert_eq!(batch.identities[0].name, "x");
        assert_eq!(batch.identities[0].authority, Authority::Declared);
    }

    #[test]
    fn thousands_of_files_with_one_key_are_settled_at_once() {
        let (one, two) = (Scope::new("files", "", "a", "a"), Scope::new("files", "", "b", "b"));
        let all = (0..30_000).map(|n| {
            let mut one = certificate(&format!("/{n}"), if n % 2 == 0 { &one } else { &two });
            one.evidence.push(Evidence::at(format!("/{n}")));
            one
        });
        let mut batch = Batch { credentials: all.collect(), ..Batch::default() };
        batch.settle();
        let [settled] = batch.credentials.as_slice() else { panic!("one credential") };
        assert_eq!((settled.loci.len(), settled.places.len()), (30_000, 30_000));
        assert_eq!(settled.evidence.len(), MAX_EVIDENCE);
        assert_eq!((settled.scope, settled.also_in.as_slice()), (one.id, &[two.id][..]));
    }
}
