//! The six kinds of record as rows: which columns they have, and how a row becomes a record again.
//!
//! Columns hold what lists filter and sort by; `body` is compact JSON of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use model::fact::{State, Text};
use model::{
    Authority, Condition, Credential, CredentialId, Effect, Evidence, Fact, Fingerprint, Grant,
    GrantId, Identity, IdentityId, OwnerLink, OwnerLinkId, Party, Place, PlaceId, ScopeId,
    StoredAt, Subject, Time, Trust, TrustId,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::brief;
use crate::detail::ThingId;
use crate::engine::Value;
use crate::error::Error;
use crate::fields::List;
use crate::reference::{Role, roles};

/// The columns that every kind of record has, in the order in which they are written and read.
pub(crate) const COMMON: &[&str] = &[
    "id",
    "source_key",
    "scope_key",
    "sync_key",
    "lead",
    "authority",
    "hash",
    "changed_at",
    "kind",
    "system",
    "instance",
    "native_id",
    "name",
];

/// Where a table's texts come from.
pub(crate) struct Table {
    pub(crate) list: List,
    pub(crate) name: &'static str,
    pub(crate) history: &'static str,
    /// The columns between [`COMMON`] and `body` that claims state.
    pub(crate) extra: &'static [&'static str],
    /// The role of its rows' own ids.
    pub(crate) own: Role,
    /// The roles of the other ids that its rows name.
    pub(crate) others: &'static [Role],
    texts: OnceLock<Texts>,
    named: OnceLock<Vec<(u8, usize)>>,
}

/// The statements that write a table.
pub(crate) struct Texts {
    pub(crate) insert: String,
    pub(crate) update: String,
    pub(crate) close: String,
    pub(crate) delete: String,
}

pub(crate) static IDENTITY: Table = Table {
    list: List::Identities,
    name: "identity",
    history: "identity_history",
    extra: &[
        "environment",
        "environment_state",
        "enabled",
        "enabled_state",
        "created_at",
        "created_at_state",
        "last_used_at",
        "last_used_at_state",
        "parent_id",
    ],
    own: roles::IDENTITY,
    others: &[roles::PARENT],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static CREDENTIAL: Table = Table {
    list: List::Credentials,
    name: "credential",
    history: "credential_history",
    extra: &[
        "enabled",
        "enabled_state",
        "created_at",
        "created_at_state",
        "expires_at",
        "expires_at_state",
        "rotated_at",
        "rotated_at_state",
        "last_used_at",
        "last_used_at_state",
        "identity_id",
        "fingerprint",
        "n_places",
    ],
    own: roles::CREDENTIAL,
    others: &[roles::OF_CREDENTIAL, roles::FINGERPRINT, roles::LIES_IN],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static PLACE: Table = Table {
    list: List::Places,
    name: "place",
    history: "place_history",
    extra: &["container_id", "exposure"],
    own: roles::PLACE,
    others: &[roles::CONTAINER],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static GRANT: Table = Table {
    list: List::Grants,
    name: "grants",
    history: "grants_history",
    extra: &["identity_id", "effect", "via", "actions", "resources"],
    own: roles::GRANT,
    others: &[roles::OF_GRANT],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static TRUST: Table = Table {
    list: List::Trusts,
    name: "trust",
    history: "trust_history",
    extra: &["identity_id", "from_id"],
    own: roles::TRUST,
    others: &[roles::TO, roles::FROM],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};
pub(crate) static OWNER_LINK: Table = Table {
    list: List::Owners,
    name: "owner_link",
    history: "owner_link_history",
    extra: &["identity_id", "party_kind", "confidence"],
    own: roles::OWNER_LINK,
    others: &[roles::OF_OWNER_LINK],
    texts: OnceLock::new(),
    named: OnceLock::new(),
};

/// All tables of records; the place in this list is the number of the kind in `pending`.
pub(crate) static TABLES: [&Table; N_TABLES] =
    [&IDENTITY, &CREDENTIAL, &PLACE, &GRANT, &TRUST, &OWNER_LINK];
pub(crate) const N_TABLES: usize = 6;

impl Table {
    /// All columns that a claim writes.
    pub(crate) fn columns(&self) -> String {
        let mut all = COMMON.to_vec();
        all.extend(self.extra);
        all.push("body");
        all.join(", ")
    }

    pub(crate) fn n_columns(&self) -> usize {
        COMMON.len() + self.extra.len() + 1
    }

    fn insert_sql(&self) -> String {
        let marks: Vec<String> = (1..=self.n_columns()).map(|n| format!("?{n}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.columns(), marks.join(", "))
    }

    /// Of what a claim states (see [`stated`](crate::sync)): which values name an id, and in which
    /// role.
    pub(crate) fn named(&self) -> &[(u8, usize)] {
        self.named.get_or_init(|| {
            let stated: Vec<&str> = ["id"]
                .into_iter()
                .chain(COMMON.iter().skip_while(|name| **name != "authority").copied())
                .chain(self.extra.iter().copied())
                .collect();
            let place = |role: &Role| {
                let at = stated.iter().position(|name| *name == role.column)?;
                Some((role.number, at))
            };
            self.roles().filter_map(place).collect()
        })
    }

    fn roles(&self) -> impl Iterator<Item = &Role> {
        [&self.own].into_iter().chain(self.others)
    }

    /// The role in which rows name what is in a column.
    pub(crate) fn role(&self, column: &str) -> Option<Role> {
        self.roles().find(|role| role.column == column).copied()
    }

    /// The statements of the table, put together once.
    pub(crate) fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| Texts {
            insert: self.insert_sql(),
            update: self.update_sql(),
            close: self.close_sql(),
            delete: format!("DELETE FROM {} WHERE key = ?1", self.name),
        })
    }

    /// Puts a new version over an old one; the key is the last value.
    fn update_sql(&self) -> String {
        let mut all = COMMON.to_vec();
        all.extend(self.extra);
        all.push("body");
        let sets: Vec<String> =
            all.iter().enumerate().map(|(n, name)| format!("{name} = ?{}", n + 1)).collect();
        format!("UPDATE {} SET {} WHERE key = ?{}", self.name, sets.join(", "), all.len() + 1)
    }

    /// Copies a row that stands into the history: from ?2 to ?3; its key is ?1.
    fn close_sql(&self) -> String {
        let columns = self.columns();
        format!(
            "INSERT INTO {history} (claim_key, seen_from, seen_to, {columns}) \
             SELECT key, COALESCE((SELECT finished_at FROM sync WHERE sync.key = sync_key), ?2), ?2, \
             {columns} FROM {name} WHERE key = ?1",
            history = self.history,
            name = self.name,
        )
    }
}

/// A kind of record that is kept.
pub(crate) trait Record: Sized + Serialize + DeserializeOwned + Clone {
    const TABLE: &'static Table;

    fn thing(&self) -> ThingId;
    fn id(&self) -> &[u8; 16];
    fn scope(&self) -> ScopeId;
    fn authority(&self) -> Authority;
    fn also_in(&self) -> &[ScopeId];
    /// Another scope that may still state it.
    fn keep_scope(&mut self, scope: ScopeId);
    fn loci(&self) -> &[String];
    fn changed_at(&self) -> Option<Time> {
        None
    }
    fn head(&self) -> Head<'_>;
    /// The values of [`Table::extra`].
    fn extra<'a>(&'a self, kept: &'a Kept, values: &mut Vec<Value<'a>>);
    /// Texts that [`Record::extra`] needs and that are no field of the record.
    fn kept(&self) -> Kept {
        Kept::default()
    }
    /// Writes what no column holds.
    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error>;
    fn settle_facts(&mut self, source: &Text, at: Time);
    fn absorb_all(records: Vec<Self>) -> Option<Self>;
    /// Where it lies, of credentials.
    fn places(&self) -> &[StoredAt] {
        &[]
    }
    /// Takes from an older version what a gap may only hide.
    fn keep_hidden(&mut self, _old: &Self, _hidden: &Hidden<'_>) {}
}

/// Whether something that a new version of a record no longer has may only be hidden.
pub(crate) struct Hidden<'a> {
    pub(crate) place: &'a dyn Fn(&StoredAt) -> bool,
    pub(crate) locus: &'a dyn Fn(&str) -> bool,
}

/// The columns that every record has and that are not in its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) kind: &'a str,
    pub(crate) system: &'a str,
    pub(crate) instance: &'a str,
    pub(crate) native_id: &'a str,
    pub(crate) name: &'a str,
}

/// The same, as a row gives it back.
#[derive(Debug, Clone)]
pub(crate) struct OwnedHead {
    pub(crate) id: [u8; 16],
    pub(crate) scope: ScopeId,
    pub(crate) authority: Authority,
    pub(crate) kind: String,
    pub(crate) system: String,
    pub(crate) instance: String,
    pub(crate) native_id: String,
    pub(crate) name: String,
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    name: String,
    actions: String,
    resources: String,
}

pub(crate) const fn authority_of(number: i64) -> Authority {
    match number {
        0 => Authority::Mentioned,
        1 => Authority::Declared,
        _ => Authority::Record,
    }
}

/// The states of facts as columns have them.
pub(crate) const STATES: [&str; 5] =
    ["known", "known_absent", "not_observable", "not_collected", "denied"];

fn state<T>(fact: &Fact<T>) -> Value<'static> {
    Value::Int(match fact.state {
        State::Known(_) => 0,
        State::KnownAbsent => 1,
        State::NotObservable => 2,
        State::NotCollected => 3,
        State::Denied => 4,
    })
}

fn time(fact: &Fact<Time>, values: &mut Vec<Value<'_>>) {
    values.push(fact.value().copied().into());
    values.push(state(fact));
}

fn truth(fact: &Fact<bool>, values: &mut Vec<Value<'_>>) {
    values.push(fact.value().copied().into());
    values.push(state(fact));
}

/// What need not be written into a body.
trait Empty {
    fn is_empty(&self) -> bool;
}

impl<T: Empty> Empty for &T {
    fn is_empty(&self) -> bool {
        (*self).is_empty()
    }
}

impl<T> Empty for Vec<T> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T> Empty for Option<T> {
    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<K, V> Empty for BTreeMap<K, V> {
    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

impl<T> Empty for Fact<T> {
    fn is_empty(&self) -> bool {
        self.is_unsaid()
    }
}

macro_rules! bodies {
    ($($Written:ident, $Read:ident: $($always:ident: $Always:ty),* ; $($field:ident: $Type:ty),*;)*) => {$(
        #[derive(Serialize)]
        struct $Written<'a> {
            $($always: &'a $Always,)*
            $(#[serde(skip_serializing_if = "Empty::is_empty", serialize_with = "brief::write")]
                $field: &'a $Type,)*
        }

        #[derive(Deserialize)]
        struct $Read {
            $($always: $Always,)*
            $(#[serde(default, deserialize_with = "brief::read")] $field: $Type,)*
        }
    )*};
}

type Facts = BTreeMap<Text, Fact<model::Value>>;
type Tags = BTreeMap<String, String>;

bodies! {
    IdentityBody, IdentityRest: ;
        also_in: Vec<ScopeId>, loci: Vec<String>, parent: Option<IdentityId>, environment: Fact<String>,
        enabled: Fact<bool>, created_at: Fact<Time>, last_used_at: Fact<Time>,
        changed_at: Option<Time>, facts: Facts, tags: Tags, evidence: Vec<Evidence>;
    CredentialBody, CredentialRest: ;
        also_in: Vec<ScopeId>, loci: Vec<String>, identity: Option<IdentityId>, places: Vec<StoredAt>,
        fingerprint: Option<Fingerprint>, enabled: Fact<bool>, created_at: Fact<Time>,
        expires_at: Fact<Time>, rotated_at: Fact<Time>, last_used_at: Fact<Time>,
        changed_at: Option<Time>, facts: Facts, tags: Tags, evidence: Vec<Evidence>;
    PlaceBody, PlaceRest: ; also_in: Vec<ScopeId>, loci: Vec<String>, container: Option<PlaceId>, facts: Facts;
    GrantBody, GrantRest: identity: IdentityId, actions: Vec<String>, resources: Vec<String>,
        effect: Effect;
        also_in: Vec<ScopeId>, loci: Vec<String>, conditions: Vec<Condition>, via: Option<String>, facts: Facts,
        evidence: Vec<Evidence>;
    TrustBody, TrustRest: from: Subject, to: IdentityId;
        also_in: Vec<ScopeId>, loci: Vec<String>, conditions: Vec<Condition>, facts: Facts, evidence: Vec<Evidence>;
    OwnerBody, OwnerRest: identity: IdentityId, owner: Party, confidence: f64;
        active: Fact<bool>, also_in: Vec<ScopeId>, loci: Vec<String>, evidence: Vec<Evidence>;
}

fn settle_facts(facts: &mut Facts, source: &Text, at: Time) {
    for fact in facts.values_mut() {
        fact.settle(source, at);
    }
}

fn keep_loci(loci: &mut Vec<String>, old: &[String], hidden: &Hidden<'_>) {
    let before = loci.len();
    for locus in old {
        if !loci.contains(locus) && (hidden.locus)(locus) {
            loci.push(locus.clone());
        }
    }
    if loci.len() > before {
        loci.sort();
    }
}

impl Record for Identity {
    const TABLE: &'static Table = &IDENTITY;

    fn thing(&self) -> ThingId {
        ThingId::Identity(self.id)
    }

    fn id(&self) -> &[u8; 16] {
        self.id.as_bytes()
    }

    fn scope(&self) -> ScopeId {
        self.scope
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn also_in(&self) -> &[ScopeId] {
        &self.also_in
    }

    fn keep_scope(&mut self, scope: ScopeId) {
        self.also_in.push(scope);
        self.also_in.sort_unstable();
    }

    fn loci(&self) -> &[String] {
        &self.loci
    }

    fn changed_at(&self) -> Option<Time> {
        self.changed_at
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: &self.name,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.environment.value().map(String::as_str).into());
        values.push(state(&self.environment));
        truth(&self.enabled, values);
        time(&self.created_at, values);
        time(&self.last_used_at, values);
        values.push(self.parent.as_ref().map(IdentityId::as_bytes).into());
    }

    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            also_in,
            loci,
            parent,
            environment,
            enabled,
            created_at,
            last_used_at,
            changed_at,
            facts,
            tags,
            evidence,
            ..
        } = self;
        IdentityBody {
            also_in,
            loci,
            parent,
            environment,
            enabled,
            created_at,
            last_used_at,
            changed_at,
            facts,
            tags,
            evidence,
        }
        .serialize(serializer)
    }

    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
        let rest: IdentityRest = serde_json::from_str(body)?;
        Ok(Self {
            id: IdentityId::from_bytes(head.id),
            kind: head.kind.into(),
            system: head.system.into(),
            instance: head.instance,
            native_id: head.native_id,
            name: head.name,
            scope: head.scope,
            authority: head.authority,
            also_in: rest.also_in,
            loci: rest.loci,
            parent: rest.parent,
            environment: rest.environment,
            enabled: rest.enabled,
            created_at: rest.created_at,
            last_used_at: rest.last_used_at,
            changed_at: rest.changed_at,
            facts: rest.facts,
            tags: rest.tags,
            evidence: rest.evidence,
        })
    }

    fn settle_facts(&mut self, source: &Text, at: Time) {
        self.environment.settle(source, at);
        self.enabled.settle(source, at);
        self.created_at.settle(source, at);
        self.last_used_at.settle(source, at);
        settle_facts(&mut self.facts, source, at);
    }

    fn absorb_all(records: Vec<Self>) -> Option<Self> {
        let mut batch = model::Batch { identities: records, ..Default::default() };
        batch.settle();
        batch.identities.pop()
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
    }
}

impl Record for Credential {
    const TABLE: &'static Table = &CREDENTIAL;

    fn thing(&self) -> ThingId {
        ThingId::Credential(self.id)
    }

    fn id(&self) -> &[u8; 16] {
        self.id.as_bytes()
    }

    fn scope(&self) -> ScopeId {
        self.scope
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn also_in(&self) -> &[ScopeId] {
        &self.also_in
    }

    fn keep_scope(&mut self, scope: ScopeId) {
        self.also_in.push(scope);
        self.also_in.sort_unstable();
    }

    fn loci(&self) -> &[String] {
        &self.loci
    }

    fn changed_at(&self) -> Option<Time> {
        self.changed_at
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: &self.name,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        truth(&self.enabled, values);
        time(&self.created_at, values);
        time(&self.expires_at, values);
        time(&self.rotated_at, values);
        time(&self.last_used_at, values);
        values.push(self.identity.as_ref().map(IdentityId::as_bytes).into());
        values.push(self.fingerprint.as_ref().map(Fingerprint::as_bytes).into());
        values.push(Value::Int(i64::try_from(self.places.len()).unwrap_or(i64::MAX)));
    }

    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            also_in,
            loci,
            identity,
            places,
            fingerprint,
            enabled,
            created_at,
            expires_at,
            rotated_at,
            last_used_at,
            changed_at,
            facts,
            tags,
            evidence,
            ..
        } = self;
        CredentialBody {
            also_in,
            loci,
            identity,
            places,
            fingerprint,
            enabled,
            created_at,
            expires_at,
            rotated_at,
            last_used_at,
            changed_at,
            facts,
            tags,
            evidence,
        }
        .serialize(serializer)
    }

    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
        let rest: CredentialRest = serde_json::from_str(body)?;
        Ok(Self {
            id: CredentialId::from_bytes(head.id),
            kind: head.kind.into(),
            system: head.system.into(),
            instance: head.instance,
            native_id: head.native_id,
            name: head.name,
            scope: head.scope,
            authority: head.authority,
            also_in: rest.also_in,
            loci: rest.loci,
            identity: rest.identity,
            places: rest.places,
            fingerprint: rest.fingerprint,
            enabled: rest.enabled,
            created_at: rest.created_at,
            expires_at: rest.expires_at,
            rotated_at: rest.rotated_at,
            last_used_at: rest.last_used_at,
            changed_at: rest.changed_at,
            facts: rest.facts,
            tags: rest.tags,
            evidence: rest.evidence,
        })
    }

    fn settle_facts(&mut self, source: &Text, at: Time) {
        self.enabled.settle(source, at);
        self.created_at.settle(source, at);
        self.expires_at.settle(source, at);
        self.rotated_at.settle(source, at);
        self.last_used_at.settle(source, at);
        settle_facts(&mut self.facts, source, at);
    }

    fn absorb_all(records: Vec<Self>) -> Option<Self> {
        let mut batch = model::Batch { credentials: records, ..Default::default() };
        batch.settle();
        batch.credentials.pop()
    }

    fn places(&self) -> &[StoredAt] {
        &self.places
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
        // Of a place that was read again, the new lines count; of one that was not, all old ones.
        let read: BTreeSet<PlaceId> = self.places.iter().map(|stored| stored.place).collect();
        let unread = old.places.iter().filter(|stored| !read.contains(&stored.place));
        let before = self.places.len();
        self.places.extend(unread.filter(|stored| (hidden.place)(stored)).cloned());
        if self.places.len() > before {
            self.places.sort();
        }
    }
}

impl Record for Place {
    const TABLE: &'static Table = &PLACE;

    fn thing(&self) -> ThingId {
        ThingId::Place(self.id)
    }

    fn id(&self) -> &[u8; 16] {
        self.id.as_bytes()
    }

    fn scope(&self) -> ScopeId {
        self.scope
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn also_in(&self) -> &[ScopeId] {
        &self.also_in
    }

    fn keep_scope(&mut self, scope: ScopeId) {
        self.also_in.push(scope);
        self.also_in.sort_unstable();
    }

    fn loci(&self) -> &[String] {
        &self.loci
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: &self.path,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.container.as_ref().map(PlaceId::as_bytes).into());
        let exposure = match self.facts.get("exposure").and_then(Fact::value) {
            Some(model::Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        values.push(exposure.into());
    }

    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { also_in, loci, container, facts, .. } = self;
        PlaceBody { also_in, loci, container, facts }.serialize(serializer)
    }

    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
        let rest: PlaceRest = serde_json::from_str(body)?;
        Ok(Self {
            id: PlaceId::from_bytes(head.id),
            kind: head.kind.into(),
            system: head.system.into(),
            instance: head.instance,
            native_id: head.native_id,
            path: head.name,
            scope: head.scope,
            authority: head.authority,
            also_in: rest.also_in,
            loci: rest.loci,
            container: rest.container,
            facts: rest.facts,
        })
    }

    fn settle_facts(&mut self, source: &Text, at: Time) {
        settle_facts(&mut self.facts, source, at);
    }

    fn absorb_all(records: Vec<Self>) -> Option<Self> {
        let mut batch = model::Batch { places: records, ..Default::default() };
        batch.settle();
        batch.places.pop()
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
    }
}

impl Record for Grant {
    const TABLE: &'static Table = &GRANT;

    fn thing(&self) -> ThingId {
        ThingId::Grant(self.id)
    }

    fn id(&self) -> &[u8; 16] {
        self.id.as_bytes()
    }

    fn scope(&self) -> ScopeId {
        self.scope
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn also_in(&self) -> &[ScopeId] {
        &self.also_in
    }

    fn keep_scope(&mut self, scope: ScopeId) {
        self.also_in.push(scope);
        self.also_in.sort_unstable();
    }

    fn loci(&self) -> &[String] {
        &self.loci
    }

    /// The name is what it goes through, or what it allows.
    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.kind,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: self.via.as_deref().unwrap_or(&self.native_id),
        }
    }

    fn kept(&self) -> Kept {
        Kept {
            actions: self.actions.join(" "),
            resources: self.resources.join(" "),
            ..Kept::default()
        }
    }

    fn extra<'a>(&'a self, kept: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.identity.as_bytes().into());
        values.push(Value::Text(match self.effect {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }));
        values.push(self.via.as_deref().into());
        values.push(Value::Text(&kept.actions));
        values.push(Value::Text(&kept.resources));
    }

    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            identity,
            actions,
            resources,
            effect,
            also_in,
            loci,
            conditions,
            via,
            facts,
            evidence,
            ..
        } = self;
        GrantBody {
            identity,
            actions,
            resources,
            effect,
            also_in,
            loci,
            conditions,
            via,
            facts,
            evidence,
        }
        .serialize(serializer)
    }

    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
        let rest: GrantRest = serde_json::from_str(body)?;
        Ok(Self {
            id: GrantId::from_bytes(head.id),
            kind: head.kind.into(),
            system: head.system.into(),
            instance: head.instance,
            native_id: head.native_id,
            scope: head.scope,
            authority: head.authority,
            also_in: rest.also_in,
            loci: rest.loci,
            identity: rest.identity,
            actions: rest.actions,
            resources: rest.resources,
            effect: rest.effect,
            conditions: rest.conditions,
            via: rest.via,
            facts: rest.facts,
            evidence: rest.evidence,
        })
    }

    fn settle_facts(&mut self, source: &Text, at: Time) {
        settle_facts(&mut self.facts, source, at);
    }

    fn absorb_all(records: Vec<Self>) -> Option<Self> {
        let mut batch = model::Batch { grants: records, ..Default::default() };
        batch.settle();
        batch.grants.pop()
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
    }
}

impl Record for Trust {
    const TABLE: &'static Table = &TRUST;

    fn thing(&self) -> ThingId {
        ThingId::Trust(self.id)
    }

    fn id(&self) -> &[u8; 16] {
        self.id.as_bytes()
    }

    fn scope(&self) -> ScopeId {
        self.scope
    }

    fn authority(&self) -> Authority {
        self.authority
    }

    fn also_in(&self) -> &[ScopeId] {
        &self.also_in
    }

    fn keep_scope(&mut self, scope: ScopeId) {
        self.also_in.push(scope);
        self.also_in.sort_unstable();
    }

    fn loci(&self) -> &[String] {
        &self.loci
    }

    /// The name is who may become the identity; [`Trust::kept`] has its text.
    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.mechanism,
            system: &self.system,
            instance: &self.instance,
            native_id: &self.native_id,
            name: "",
        }
    }

    fn kept(&self) -> Kept {
        Kept { name: self.from.to_string(), ..Kept::default() }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.to.as_bytes().into());
        let from = match &self.from {
            Subject::Identity { identity } => Some(identity.as_bytes()),
            _ => None,
        };
        values.push(from.into());
    }

    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { from, to, also_in, loci, conditions, facts, evidence, .. } = self;
        TrustBody { from, to, also_in, loci, conditions, facts, evidence }.serialize(serializer)
    }

    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
        let rest: TrustRest = serde_json::from_str(body)?;
        Ok(Self {
            id: TrustId::from_bytes(head.id),
            mechanism: head.kind.into(),
            system: head.system.into(),
            instance: head.instance,
            native_id: head.native_id,
            scope: head.scope,
            authority: head.authority,
            also_in: rest.also_in,
            loci: rest.loci,
            from: rest.from,
            to: rest.to,
            conditions: rest.conditions,
            facts: rest.facts,
            evidence: rest.evidence,
        })
    }

    fn settle_facts(&mut self, source: &Text, at: Time) {
        settle_facts(&mut self.facts, source, at);
    }

    fn absorb_all(records: Vec<Self>) -> Option<Self> {
        let mut batch = model::Batch { trusts: records, ..Default::default() };
        batch.settle();
        batch.trusts.pop()
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
    }
}

impl Record for OwnerLink {
    const TABLE: &'static Table = &OWNER_LINK;

    fn thing(&self) -> ThingId {
        ThingId::Owner(self.id)
    }

    fn id(&self) -> &[u8; 16] {
        self.id.as_bytes()
    }

    fn scope(&self) -> ScopeId {
        self.scope
    }

    fn authority(&self) -> Authority {
        Authority::Record
    }

    fn also_in(&self) -> &[ScopeId] {
        &self.also_in
    }

    fn keep_scope(&mut self, scope: ScopeId) {
        self.also_in.push(scope);
        self.also_in.sort_unstable();
    }

    fn loci(&self) -> &[String] {
        &self.loci
    }

    fn head(&self) -> Head<'_> {
        Head {
            kind: &self.method,
            system: "",
            instance: "",
            native_id: &self.owner.key,
            name: &self.owner.name,
        }
    }

    fn extra<'a>(&'a self, _: &'a Kept, values: &mut Vec<Value<'a>>) {
        values.push(self.identity.as_bytes().into());
        values.push(Value::Text(match self.owner.kind {
            model::PartyKind::Person => "person",
            model::PartyKind::Team => "team",
            model::PartyKind::Vendor => "vendor",
        }));
        values.push(Value::Real(self.confidence));
    }

    fn body<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { identity, owner, confidence, active, also_in, loci, evidence, .. } = self;
        OwnerBody { identity, owner, confidence, active, also_in, loci, evidence }
            .serialize(serializer)
    }

    fn restore(head: OwnedHead, body: &str) -> Result<Self, serde_json::Error> {
        let rest: OwnerRest = serde_json::from_str(body)?;
        Ok(Self {
            id: OwnerLinkId::from_bytes(head.id),
            identity: rest.identity,
            owner: rest.owner,
            method: head.kind.into(),
            confidence: rest.confidence,
            active: rest.active,
            scope: head.scope,
            also_in: rest.also_in,
            loci: rest.loci,
            evidence: rest.evidence,
        })
    }

    fn settle_facts(&mut self, source: &Text, at: Time) {
        self.active.settle(source, at);
    }

    fn absorb_all(records: Vec<Self>) -> Option<Self> {
        let mut batch = model::Batch { owners: records, ..Default::default() };
        batch.settle();
        batch.owners.pop()
    }

    fn keep_hidden(&mut self, old: &Self, hidden: &Hidden<'_>) {
        keep_loci(&mut self.loci, &old.loci, hidden);
    }
}

impl Kept {
    /// The name column of a record whose name is not a field of it.
    pub(crate) fn name<'a>(&'a self, head: &Head<'a>) -> &'a str {
        if self.name.is_empty() { head.name } else { &self.name }
    }
}

/// A body that does not read back: the database was changed by another hand.
pub(crate) fn unreadable(doing: &'static str, error: &serde_json::Error) -> Error {
    Error::Corrupt { doing, what: format!("the body of a record does not parse: {error}") }
}
