//! The records a source states, and the batch in which they travel from `normalize` to `apply`.
//!
//! A record is one source's claim about one thing. Within one sync a source makes one claim about
//! a thing: [`Batch::settle`] merges what was seen in several places and puts the result in order.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;
use crate::fact::{Fact, Text, Value, Window};
use crate::id::{
    CredentialId, GrantId, IdentityId, Native, OwnerLinkId, PartyId, PlaceId, ScopeId, TrustId,
};
use crate::kinds::{CredentialKind, General, IdentityKind, PlaceKind, identity_kind};
use crate::secret::Fingerprint;
use crate::time::Time;

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

/// A principal that is not a person (or a person's account on which credentials hang; see
/// [`Identity::is_person`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    pub id: IdentityId,
    pub kind: Text,
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    pub name: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    /// Paths or calls it was read from, as gaps name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    /// The identity it is part of: an agent's parent, a pipeline's job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<IdentityId>,
    /// `prod`, `staging`, `dev` …
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub environment: Fact<String>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub enabled: Fact<bool>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub created_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub last_used_at: Fact<Time>,
    /// The source's own time of the last change, where it states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    /// What else the source states; keys are `snake_case` and documented with the connector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Text, Fact<Value>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Identity {
    pub fn id_of(kind: &IdentityKind, system: &str, instance: &str, native_id: &str) -> IdentityId {
        IdentityId::of(Native::new(system, instance, kind.class, native_id))
    }

    /// A new claim; its name is the native id until said otherwise.
    pub fn new(
        kind: &'static IdentityKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        Self {
            id: Self::id_of(kind, &system, &instance, &native_id),
            kind: kind.id.into(),
            system,
            instance,
            name: native_id.clone(),
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            parent: None,
            environment: Fact::default(),
            enabled: Fact::default(),
            created_at: Fact::default(),
            last_used_at: Fact::default(),
            changed_at: None,
            facts: BTreeMap::new(),
            tags: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }

    /// Whether this is a person's account rather than an NHI.
    pub fn is_person(&self) -> bool {
        identity_kind(&self.kind).is_some_and(|kind| kind.general == General::Person)
    }

    pub fn fact(&mut self, name: &'static str, fact: Fact<Value>) {
        self.facts.insert(name.into(), fact);
    }
}

/// What proves an identity. Never holds the secret itself.
///
/// Native ids: what has a public identifier (key id, serial, SPKI hash, SSH fingerprint) uses it,
/// so the same credential seen in two places is one record with two places. What has none uses
/// `<place native id>#<name in that place>`; equal values are then found by equal fingerprints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    pub id: CredentialId,
    pub kind: Text,
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    pub name: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    /// The identity it proves, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<StoredAt>,
    /// None for passwords people chose, for shadow hashes, and in a scan that keeps nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub enabled: Fact<bool>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub created_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub expires_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub rotated_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub last_used_at: Fact<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
    /// Well-known keys: `algorithm`, `bits`, `encrypted` (a passphrase or key protects it),
    /// `exposure` (`owner`, `group`, `everyone`: who may read it where it lies), `issuer`,
    /// `subject`, `san`, `serial`, `spki_sha256`, `sha256`, `key_id`, `fingerprint_sha256`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Text, Fact<Value>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// One place where a credential lies.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct StoredAt {
    pub place: PlaceId,
    /// The place's path or name, so that a row can be read without its place.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Key, section or JSON pointer within the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Credential {
    pub fn id_of(
        kind: &CredentialKind,
        system: &str,
        instance: &str,
        native_id: &str,
    ) -> CredentialId {
        CredentialId::of(Native::new(system, instance, kind.id, native_id))
    }

    pub fn new(
        kind: &'static CredentialKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        Self {
            id: Self::id_of(kind, &system, &instance, &native_id),
            kind: kind.id.into(),
            system,
            instance,
            name: native_id.clone(),
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            identity: None,
            places: Vec::new(),
            fingerprint: None,
            enabled: Fact::default(),
            created_at: Fact::default(),
            expires_at: Fact::default(),
            rotated_at: Fact::default(),
            last_used_at: Fact::default(),
            changed_at: None,
            facts: BTreeMap::new(),
            tags: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }

    pub fn fact(&mut self, name: &'static str, fact: Fact<Value>) {
        self.facts.insert(name.into(), fact);
    }
}

/// Where a credential was found or is used from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub id: PlaceId,
    pub kind: Text,
    /// `file`, `git`, `kubernetes`, `github` … with the instance that makes native ids unique (the
    /// machine id for files).
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    /// For display: relative to what was asked for.
    pub path: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    /// The place that contains it: the repository of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<PlaceId>,
    /// Well-known keys: `mode`, `owner`, `exposure`, `tracked` (by git), `environment`,
    /// `purpose` (`test`, `example`, `documentation`; see [`crate::purpose`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Text, Fact<Value>>,
}

impl Place {
    pub fn id_of(kind: &PlaceKind, system: &str, instance: &str, native_id: &str) -> PlaceId {
        PlaceId::of(Native::new(system, instance, kind.id, native_id))
    }

    pub fn new(
        kind: &'static PlaceKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        Self {
            id: Self::id_of(kind, &system, &instance, &native_id),
            kind: kind.id.into(),
            system,
            instance,
            path: native_id.clone(),
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            container: None,
            facts: BTreeMap::new(),
        }
    }

    /// A pointer to this place, for a credential that lies in it.
    pub fn stored_at(&self, line: Option<u32>, pointer: Option<String>) -> StoredAt {
        StoredAt { place: self.id, path: self.path.clone(), line, pointer }
    }

    pub fn fact(&mut self, name: &'static str, fact: Fact<Value>) {
        self.facts.insert(name.into(), fact);
    }
}

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
#[serde(rename_all = "lowercase")]
pub enum Effect {
    #[default]
    Allow,
    Deny,
}

/// A condition as the source states it: `key operator values`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Condition {
    pub key: String,
    pub operator: Text,
    pub values: Vec<String>,
}

/// Identity → actions on resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    pub id: GrantId,
    /// `sudo`, `group-membership`, `role-binding`, `workflow-permissions`, `policy` …
    pub kind: Text,
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    pub identity: IdentityId,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    pub effect: Effect,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Role, group or policy through which it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Text, Fact<Value>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Grant {
    pub fn new(
        kind: &'static str,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
        identity: IdentityId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        let class = format!("{kind} {identity}");
        Self {
            id: GrantId::of(Native::new(&system, &instance, &class, &native_id)),
            kind: kind.into(),
            system,
            instance,
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            identity,
            actions: Vec::new(),
            resources: Vec::new(),
            effect: Effect::Allow,
            conditions: Vec::new(),
            via: None,
            facts: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }
}

/// Who can become an identity.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(untagged)]
pub enum Subject {
    /// A known identity.
    Identity { identity: IdentityId },
    /// A token of an issuer whose subject (and audience) match; `*` and `?` are wildcards.
    Federated {
        issuer: String,
        subject: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        audience: Option<String>,
    },
    /// A principal as the source writes it: an ARN, an account, a key fingerprint, `*`.
    Principal { principal: String },
}

impl Subject {
    fn class(&self) -> String {
        match self {
            Self::Identity { identity } => identity.to_string(),
            Self::Federated { issuer, subject, audience } => {
                format!("{issuer} {subject} {}", audience.as_deref().unwrap_or_default())
            }
            Self::Principal { principal } => principal.clone(),
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity { identity } => identity.fmt(f),
            Self::Federated { issuer, subject, .. } => write!(f, "{issuer} {subject}"),
            Self::Principal { principal } => f.write_str(principal),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trust {
    pub id: TrustId,
    /// `web-identity`, `assume-role`, `ssh-authorized-key`, `ssh-ca`, `runs-as`, `impersonate` …
    pub mechanism: Text,
    pub system: Text,
    pub instance: String,
    pub native_id: String,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Authority::is_record")]
    pub authority: Authority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    pub from: Subject,
    pub to: IdentityId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<Text, Fact<Value>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl Trust {
    pub fn new(
        mechanism: &'static str,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        scope: ScopeId,
        from: Subject,
        to: IdentityId,
    ) -> Self {
        let (system, instance, native_id) = (system.into(), instance.into(), native_id.into());
        let class = format!("{mechanism} {} {to}", from.class());
        Self {
            id: TrustId::of(Native::new(&system, &instance, &class, &native_id)),
            mechanism: mechanism.into(),
            system,
            instance,
            native_id,
            scope,
            also_in: Vec::new(),
            authority: Authority::Record,
            loci: Vec::new(),
            from,
            to,
            conditions: Vec::new(),
            facts: BTreeMap::new(),
            evidence: Vec::new(),
        }
    }
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PartyKind {
    Person,
    Team,
    Vendor,
}

/// A person, team or vendor, as some system writes it: `@org/team`, `Ada <ada@example.org>`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Party {
    pub kind: PartyKind,
    /// The handle or address by which two mentions are known to be one: lower case.
    pub key: String,
    pub name: String,
}

impl Party {
    pub fn new(kind: PartyKind, key: &str, name: impl Into<String>) -> Self {
        Self { kind, key: key.trim().to_lowercase(), name: name.into() }
    }

    pub fn id(&self) -> PartyId {
        PartyId::of(Native::new("party", "", "party", &self.key))
    }
}

/// One candidate for the ownership of one identity, with how we know and how sure we are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnerLink {
    pub id: OwnerLinkId,
    pub identity: IdentityId,
    pub owner: Party,
    /// `claim`, `tag`, `codeowners`, `git-author`, `git-blame`, `unit-file`, `key-comment`,
    /// `terraform-module`, `home`, `label` …
    pub method: Text,
    /// 0 to 1.
    pub confidence: f64,
    /// Whether the person still works here; a directory knows, a file does not.
    #[serde(default, skip_serializing_if = "Fact::is_unsaid")]
    pub active: Fact<bool>,
    pub scope: ScopeId,
    /// Other scopes of the source that state it too: it is gone only when each of them says so.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub also_in: Vec<ScopeId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loci: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

impl OwnerLink {
    pub fn new(
        identity: IdentityId,
        owner: Party,
        method: &'static str,
        confidence: f64,
        scope: ScopeId,
    ) -> Self {
        let class = format!("{identity} {method}");
        Self {
            id: OwnerLinkId::of(Native::new("party", &scope.to_string(), &class, &owner.key)),
            identity,
            owner,
            method: method.into(),
            confidence,
            active: Fact::default(),
            scope,
            also_in: Vec::new(),
            loci: Vec::new(),
            evidence: Vec::new(),
        }
    }
}

/// First, last and how often, per identity, credential, action, resource area, network and agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub identity: IdentityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    pub first_at: Time,
    pub last_at: Time,
    pub count: u64,
    pub window: Window,
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
    pub coverage: Vec<Coverage>,
}

impl Batch {
    /// Takes in everything of another batch.
    pub fn extend(&mut self, other: Self) {
        let Self { identities, credentials, places, grants, trusts, owners, coverage } = other;
        self.identities.extend(identities);
        self.credentials.extend(credentials);
        self.places.extend(places);
        self.grants.extend(grants);
        self.trusts.extend(trusts);
        self.owners.extend(owners);
        self.coverage.extend(coverage);
    }

    pub fn n_records(&self) -> usize {
        self.identities.len()
            + self.credentials.len()
            + self.places.len()
            + self.grants.len()
            + self.trusts.len()
            + self.owners.len()
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
        self.coverage.sort_by_key(|coverage| coverage.scope.id);
    }
}

impl Identity {
    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.environment.settle(source, observed_at);
        self.enabled.settle(source, observed_at);
        self.created_at.settle(source, observed_at);
        self.last_used_at.settle(source, observed_at);
        settle_all(&mut self.facts, source, observed_at);
    }
}

impl Credential {
    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.enabled.settle(source, observed_at);
        self.created_at.settle(source, observed_at);
        self.expires_at.settle(source, observed_at);
        self.rotated_at.settle(source, observed_at);
        self.last_used_at.settle(source, observed_at);
        settle_all(&mut self.facts, source, observed_at);
    }
}

impl Place {
    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        settle_all(&mut self.facts, source, observed_at);
    }
}

impl Grant {
    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        settle_all(&mut self.facts, source, observed_at);
    }
}

impl Trust {
    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        settle_all(&mut self.facts, source, observed_at);
    }
}

impl OwnerLink {
    /// Gives every fact of the record its source and time, as the published form has them.
    pub fn settle_facts(&mut self, source: &Text, observed_at: Time) {
        self.active.settle(source, observed_at);
    }
}

fn settle_all(facts: &mut BTreeMap<Text, Fact<Value>>, source: &Text, observed_at: Time) {
    for fact in facts.values_mut() {
        fact.settle(source, observed_at);
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

fn fill<T>(into: &mut Fact<T>, from: Fact<T>) {
    if into.value().is_none() && (from.value().is_some() || into.is_unsaid()) {
        *into = from;
    }
}

fn fill_facts(into: &mut BTreeMap<Text, Fact<Value>>, from: BTreeMap<Text, Fact<Value>>) {
    for (name, fact) in from {
        fill(into.entry(name).or_default(), fact);
    }
}

impl Identity {
    /// Takes in another claim about the same identity by the same source.
    fn absorb(&mut self, mut other: Self) {
        if other.authority > self.authority {
            std::mem::swap(self, &mut other);
        }
        if self.name == self.native_id {
            self.name = other.name;
        }
        self.parent = self.parent.or(other.parent);
        self.changed_at = self.changed_at.max(other.changed_at);
        fill(&mut self.environment, other.environment);
        fill(&mut self.enabled, other.enabled);
        fill(&mut self.created_at, other.created_at);
        fill(&mut self.last_used_at, other.last_used_at);
        fill_facts(&mut self.facts, other.facts);
        for (key, value) in other.tags {
            self.tags.entry(key).or_insert(value);
        }
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    fn tidy(&mut self) {
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

impl Credential {
    fn absorb(&mut self, mut other: Self) {
        if other.authority > self.authority {
            std::mem::swap(self, &mut other);
        }
        if self.name == self.native_id {
            self.name = other.name;
        }
        self.identity = self.identity.or(other.identity);
        self.fingerprint = self.fingerprint.or(other.fingerprint);
        self.changed_at = self.changed_at.max(other.changed_at);
        fill(&mut self.enabled, other.enabled);
        fill(&mut self.created_at, other.created_at);
        fill(&mut self.expires_at, other.expires_at);
        fill(&mut self.rotated_at, other.rotated_at);
        fill(&mut self.last_used_at, other.last_used_at);
        fill_facts(&mut self.facts, other.facts);
        for (key, value) in other.tags {
            self.tags.entry(key).or_insert(value);
        }
        self.places.extend(other.places);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    fn tidy(&mut self) {
        sorted(&mut self.places);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

impl Place {
    fn absorb(&mut self, mut other: Self) {
        if other.authority > self.authority {
            std::mem::swap(self, &mut other);
        }
        self.container = self.container.or(other.container);
        fill_facts(&mut self.facts, other.facts);
        self.loci.extend(other.loci);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    fn tidy(&mut self) {
        sorted(&mut self.loci);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

impl Grant {
    fn absorb(&mut self, other: Self) {
        self.actions.extend(other.actions);
        self.resources.extend(other.resources);
        fill_facts(&mut self.facts, other.facts);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    fn tidy(&mut self) {
        sorted(&mut self.actions);
        sorted(&mut self.resources);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

impl Trust {
    fn absorb(&mut self, other: Self) {
        self.conditions.extend(other.conditions);
        fill_facts(&mut self.facts, other.facts);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    fn tidy(&mut self) {
        sorted(&mut self.conditions);
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

impl OwnerLink {
    fn absorb(&mut self, other: Self) {
        self.confidence = self.confidence.max(other.confidence);
        self.loci.extend(other.loci);
        self.evidence.extend(other.evidence);
        join_scopes(&mut self.also_in, other.scope, other.also_in);
    }

    fn tidy(&mut self) {
        sorted(&mut self.loci);
        sorted_evidence(&mut self.evidence);
        sorted_scopes(&mut self.also_in, self.scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;
    use crate::kinds;

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
