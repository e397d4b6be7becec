//! Replies being turned into records: what every record of one account has in common, how much they
//! may take together, and the coverage of each call.

use std::collections::BTreeMap;

use connectors::aws::{account_of, last_part};
use connectors::tags::{environment, party, tells_owner};
use model::kinds::{CredentialKind, IdentityKind};
use model::record::policy::MAX_DOCUMENT_BYTES;
use model::text::shown;
use model::{
    Authority, Batch, Condition, Coverage, Credential, Evidence, Fact, Facts, Gap, GapReason,
    Grant, Identity, IdentityId, OwnerLink, PolicyDocument, PolicyKind, Scope, ScopeId, Subject,
    Trust, kinds,
};
use serde_json::Value;

use crate::calls::{self, Call};
use crate::index::{Index, Named, Rights};
use crate::item::{Item, document, tags};

/// The records of a source take at most this much; the rest is left out, and a gap. Groups, profiles
/// and policies multiply what one list says by all who have it, and an element of twenty bytes is a
/// record of a thousand.
const MAX_RECORD_BYTES: usize = if cfg!(test) { 16 << 20 } else { 1 << 30 };
/// What a record takes beside its texts, with the place where it was read; a text beside its bytes.
const RECORD_BYTES: usize = 1_000;
const TEXT_BYTES: usize = 40;
/// Gaps that hide anything are told in every scope, so many in all; more cut every scope short.
const MAX_TOLD_EVERYWHERE: usize = 100_000;
/// Actions and resources that one grant lists; how many there are is a fact.
const MAX_LISTED: usize = 100;

pub(crate) const SYSTEM: &str = "aws";

#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) index: &'a Index,
    pub(crate) batch: Batch,
    scopes: Vec<Coverage>,
    /// Which scope is that of an account and call.
    places: BTreeMap<(String, &'static str), usize>,
    /// Gaps of every scope.
    everywhere: Vec<Gap>,
    n_bytes: usize,
    n_left_out: u64,
    /// Whether something of the object at hand was missed.
    is_missed: bool,
    /// Where the object at hand stands, and the scope that it is of.
    locus: String,
    place: usize,
    scope: ScopeId,
}

/// The scope of one call's replies for one account. A call that was not saved this time has no
/// scope, so that nothing of it is taken for gone.
fn scope_of(account: &str, call: &Call) -> Scope {
    Scope::new(SYSTEM, account, call.name, account)
}

impl<'a> Reading<'a> {
    pub(crate) fn new(index: &'a Index) -> Self {
        Self {
            index,
            batch: Batch::default(),
            scopes: Vec::new(),
            places: BTreeMap::new(),
            everywhere: Vec::new(),
            n_bytes: 0,
            n_left_out: 0,
            is_missed: false,
            locus: String::new(),
            place: 0,
            scope: Scope::new(SYSTEM, "", "", "").id,
        }
    }

    /// A file of an account has replies to a call.
    pub(crate) fn begin(&mut self, locus: &str, account: &str, call: &'static Call) {
        let n_scopes = self.scopes.len();
        let place = self.places.entry((account.to_owned(), call.name)).or_insert(n_scopes);
        self.place = *place;
        if self.place == n_scopes {
            self.scopes.push(Coverage::new(scope_of(account, call)));
        }
        self.scope = self.scopes.get(self.place).map_or(self.scope, |coverage| coverage.scope.id);
        self.is_missed = false;
        if self.locus != locus {
            locus.clone_into(&mut self.locus);
        }
    }

    /// Counts the object at hand as read, unless something of it was not.
    pub(crate) fn read(&mut self) {
        if self.is_missed {
            return;
        }
        if let Some(coverage) = self.scopes.get_mut(self.place) {
            coverage.read();
        }
    }

    /// A call was made for an account, whether or not it replied anything.
    pub(crate) fn asked(&mut self, account: &str, call: &str) {
        if let Some(call) = calls::named(call) {
            self.begin("", account, call);
        }
    }

    /// A call of an account was not replied to.
    pub(crate) fn not_replied(&mut self, account: &str, call: &str, gap: &Gap) {
        self.asked(account, call);
        let place =
            calls::named(call).and_then(|call| self.places.get(&(account.to_owned(), call.name)));
        if let Some(coverage) = place.and_then(|place| self.scopes.get_mut(*place)) {
            coverage.miss(gap.clone());
        }
    }

    /// Something of the object at hand was not read.
    pub(crate) fn miss(&mut self, reason: GapReason, detail: &str) {
        self.is_missed = true;
        let gap = Gap::new(&self.locus, reason).detail(shown(detail).into_owned());
        if let Some(coverage) = self.scopes.get_mut(self.place) {
            coverage.miss(gap);
        }
    }

    /// An object has no name or ARN of its own.
    pub(crate) fn nameless(&mut self, item: &Item<'_>) {
        let pointer = item.pointer;
        self.miss(GapReason::Malformed, &format!("{pointer} has no name or ARN that is a text"));
    }

    /// A file was not read to its end: it may hide anything.
    pub(crate) fn miss_everywhere(&mut self, gap: &Gap) {
        self.everywhere.push(gap.clone());
    }

    /// The last page of a call is not there.
    pub(crate) fn is_cut(&mut self, account: &str, call: &'static str) {
        let place = self.places.get(&(account.to_owned(), call));
        if let Some(coverage) = place.and_then(|place| self.scopes.get_mut(*place)) {
            coverage.truncated = true;
        }
    }

    pub(crate) fn finish(mut self) -> Batch {
        if self.n_left_out > 0 {
            let most = MAX_RECORD_BYTES >> 20;
            let detail = format!(
                "records are stated up to {most} MiB; {} and what belongs to them are left out",
                self.n_left_out
            );
            for coverage in &mut self.scopes {
                let locus = coverage.scope.name.clone();
                coverage.truncated = true;
                coverage.miss(Gap::new(locus, GapReason::TooLarge).detail(detail.clone()));
            }
        }
        let n_told = MAX_TOLD_EVERYWHERE / self.scopes.len().max(1);
        for coverage in &mut self.scopes {
            for gap in self.everywhere.iter().take(n_told) {
                coverage.miss(gap.clone());
            }
            coverage.truncated |= self.everywhere.len() > n_told;
        }
        self.batch.coverage.append(&mut self.scopes);
        self.batch
    }

    /// Whether there is room for more records. Without any, something is left out.
    pub(crate) fn has_room(&mut self) -> bool {
        let has_room = self.n_bytes < MAX_RECORD_BYTES;
        self.n_left_out += u64::from(!has_room);
        has_room
    }

    /// Takes the room of a record with these texts, facts and conditions.
    fn take<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t String>,
        facts: &'t Facts,
        conditions: &'t [Condition],
    ) {
        let lists = facts.iter().flat_map(|(_, fact)| match fact.value() {
            Some(model::Value::Text(text)) => std::slice::from_ref(text),
            Some(model::Value::List(list)) => list.as_slice(),
            _ => &[],
        });
        let keys = conditions.iter().map(|condition| &condition.key);
        let values = conditions.iter().flat_map(|condition| &condition.values);
        let texts = texts.into_iter().chain(lists).chain(keys).chain(values);
        self.n_bytes += RECORD_BYTES + texts.map(|text| TEXT_BYTES + text.len()).sum::<usize>();
    }

    pub(crate) fn evidence(&self, item: &Item<'_>) -> Evidence {
        let evidence = Evidence::at(&self.locus);
        if item.pointer.is_empty() { evidence } else { evidence.pointer(item.pointer) }
    }

    /// An identity that the reply states.
    pub(crate) fn identity(
        &mut self,
        item: &Item<'_>,
        kind: &'static IdentityKind,
        instance: &str,
        native_id: &str,
        fill: impl FnOnce(&mut Identity),
    ) -> IdentityId {
        let mut identity = Identity::new(kind, SYSTEM, instance, native_id, self.scope);
        identity.loci.push(self.locus.clone());
        identity.evidence.push(self.evidence(item));
        fill(&mut identity);
        let id = identity.id;
        if self.has_room() {
            self.take([&identity.native_id, &identity.name], &identity.facts, &[]);
            self.batch.identities.push(identity);
        }
        id
    }

    /// Tags of an identity, with the environment and the owners that they tell.
    pub(crate) fn tagged(&mut self, item: &Item<'_>, id: IdentityId, value: Option<&Value>) {
        let tags = tags(value);
        for (key, value) in &tags {
            let Some((confidence, party)) = tells_owner(key).zip(party(value)) else { continue };
            let mut link = OwnerLink::new(id, party, "tag", confidence, self.scope);
            link.loci.push(self.locus.clone());
            let pointer = format!("{}/Tags/{key}", item.pointer);
            link.evidence.push(Evidence::at(&self.locus).pointer(pointer));
            if self.has_room() {
                self.take([&link.owner.key, &link.owner.name], &Facts::new(), &[]);
                self.batch.owners.push(link);
            }
        }
        let Some(identity) = self.batch.identities.last_mut().filter(|it| it.id == id) else {
            return;
        };
        let names_environment =
            |key: &str| matches!(key.to_lowercase().as_str(), "environment" | "env" | "stage");
        if let Some((_, value)) = tags.iter().find(|(key, _)| names_environment(key)) {
            identity.environment = Fact::known(environment(value)).because("a tag says so");
        }
        identity.tags = tags.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    }

    /// An identity that the reply names and does not describe.
    pub(crate) fn mention(
        &mut self,
        item: &Item<'_>,
        kind: &'static IdentityKind,
        [system, instance, native_id, name]: [&str; 4],
    ) -> IdentityId {
        let mut identity = Identity::new(kind, system.to_owned(), instance, native_id, self.scope);
        identity.authority = Authority::Mentioned;
        name.clone_into(&mut identity.name);
        identity.loci.push(self.locus.clone());
        identity.evidence.push(self.evidence(item).shows("named here"));
        let id = identity.id;
        if self.has_room() {
            self.take([&identity.native_id, &identity.name], &Facts::new(), &[]);
            self.batch.identities.push(identity);
        }
        id
    }

    /// The user or role of an ARN.
    pub(crate) fn principal(&mut self, item: &Item<'_>, arn: &str) -> Option<IdentityId> {
        let account = account_of(arn)?;
        let sort = arn.splitn(6, ':').nth(5)?.split('/').next()?;
        let kind = match sort {
            "user" => kinds::IAM_USER,
            "role" => kinds::IAM_ROLE,
            _ => return None,
        };
        Some(self.mention(item, kind, [SYSTEM, account, arn, last_part(arn)]))
    }

    /// The user of a name, where a reply tells the ARN: it may have a path that the name has not,
    /// and an identity that is none would be worse than none.
    pub(crate) fn user_named(&mut self, item: &Item<'_>, name: &str) -> Option<IdentityId> {
        let index = self.index;
        let arn = index.users.get(&(item.account.to_owned(), name.to_owned()))?;
        self.principal(item, arn)
    }

    pub(crate) fn credential(
        &mut self,
        item: &Item<'_>,
        kind: &'static CredentialKind,
        instance: &str,
        native_id: &str,
        fill: impl FnOnce(&mut Credential),
    ) {
        let mut credential = Credential::new(kind, SYSTEM, instance, native_id, self.scope);
        credential.loci.push(self.locus.clone());
        credential.evidence.push(self.evidence(item));
        if let Some(user) = item.text("UserName") {
            credential.fact("user", Fact::known(user));
        }
        fill(&mut credential);
        if self.has_room() {
            self.take([&credential.native_id, &credential.name], &credential.facts, &[]);
            self.batch.credentials.push(credential);
        }
    }

    /// A policy document, if it is one and not too long; says whether it is kept.
    pub(crate) fn policy(
        &mut self,
        item: &Item<'_>,
        kind: PolicyKind,
        [native_id, name]: [&str; 2],
        value: &Value,
        fill: impl FnOnce(&mut PolicyDocument),
    ) -> Option<String> {
        let Some(document) = document(value) else {
            self.miss(GapReason::Malformed, &format!("the document of `{name}` is no text"));
            return None;
        };
        if document.len() > MAX_DOCUMENT_BYTES {
            let detail = format!(
                "the document of `{name}` has {} bytes; {MAX_DOCUMENT_BYTES} are taken in",
                document.len()
            );
            self.miss(GapReason::TooLarge, &detail);
            return None;
        }
        let mut policy = PolicyDocument::new(
            kind,
            SYSTEM,
            item.account,
            native_id,
            self.scope,
            document.as_str(),
        );
        name.clone_into(&mut policy.name);
        policy.loci.push(self.locus.clone());
        policy.evidence.push(self.evidence(item));
        fill(&mut policy);
        if self.has_room() {
            let texts = [&policy.native_id, &policy.name, &policy.document];
            self.take(texts.into_iter().chain(&policy.targets), &policy.facts, &[]);
            self.batch.policies.push(policy);
        }
        Some(document)
    }

    /// What an identity may do by policies, its own or those of a group that it is in.
    pub(crate) fn grants(
        &mut self,
        item: &Item<'_>,
        to: IdentityId,
        group: Option<&str>,
        policies: &[Named],
    ) {
        for policy in policies {
            if !self.has_room() {
                return;
            }
            self.grants_by(item, to, group, policy);
        }
    }

    /// One grant for each effect of a policy.
    fn grants_by(&mut self, item: &Item<'_>, to: IdentityId, group: Option<&str>, policy: &Named) {
        let index = self.index;
        let of_managed =
            || index.policies.get(&(item.account.to_owned(), policy.native_id.clone()));
        let rights = policy.rights.as_ref().or_else(of_managed);
        let via = match group {
            Some(group) => format!("{} of group {group}", policy.name),
            None => policy.name.clone(),
        };
        let native_id = match group {
            Some(group) => format!("{group}#{}", policy.native_id),
            None => policy.native_id.clone(),
        };
        let Some(rights) = rights else {
            return self.grant(item, to, &native_id, &via, policy, |grant| {
                if policy.native_id.ends_with(":policy/AdministratorAccess") {
                    grant.actions.push("*".into());
                    grant.resources.push("*".into());
                } else {
                    let reason = "no document of the policy that can be read is among the replies";
                    grant.facts.insert("statements".into(), Fact::not_collected(reason));
                }
            });
        };
        for rights in rights {
            let native_id = format!("{native_id}{}", suffix(rights));
            self.grant(item, to, &native_id, &via, policy, |grant| fill(grant, rights));
        }
    }

    fn grant(
        &mut self,
        item: &Item<'_>,
        to: IdentityId,
        native_id: &str,
        via: &str,
        policy: &Named,
        fill: impl FnOnce(&mut Grant),
    ) {
        if !self.has_room() {
            return;
        }
        let mut grant = Grant::new("policy", SYSTEM, item.account, native_id, self.scope, to);
        grant.loci.push(self.locus.clone());
        grant.via = Some(via.into());
        let document = PolicyDocument::id_of(SYSTEM, item.account, &policy.native_id);
        grant.facts.insert("policy_document".into(), Fact::known(document.to_string()));
        grant.evidence.push(self.evidence(item));
        fill(&mut grant);
        let texts = grant.actions.iter().chain(&grant.resources).chain(&grant.via);
        self.take(texts.chain([&grant.native_id]), &grant.facts, &grant.conditions);
        self.batch.grants.push(grant);
    }

    pub(crate) fn trust(
        &mut self,
        item: &Item<'_>,
        mechanism: &'static str,
        native_id: &str,
        from: Subject,
        to: IdentityId,
        fill: impl FnOnce(&mut Trust),
    ) {
        if !self.has_room() {
            return;
        }
        // Of the account of the role, as Terraform state has it.
        let instance = account_of(native_id).unwrap_or(item.account);
        let mut trust = Trust::new(mechanism, SYSTEM, instance, native_id, self.scope, from, to);
        trust.loci.push(self.locus.clone());
        fill(&mut trust);
        trust.evidence.push(self.evidence(item));
        self.take([&trust.native_id], &trust.facts, &trust.conditions);
        self.batch.trusts.push(trust);
    }
}

/// What tells the grants of one policy apart.
fn suffix(rights: &Rights) -> String {
    let effect = match rights.effect {
        model::Effect::Allow => "#allow",
        model::Effect::Deny => "#deny",
    };
    if rights.not_actions || rights.not_resources {
        format!("{effect}-except-{}", rights.number)
    } else {
        effect.to_owned()
    }
}

fn fill(grant: &mut Grant, rights: &Rights) {
    let mut fact = |name: &'static str, value: Fact<model::Value>| {
        grant.facts.insert(name.into(), value);
    };
    let count = |n: usize| Fact::known(i64::try_from(n).unwrap_or(i64::MAX));
    if rights.actions.len() > MAX_LISTED {
        fact("n_actions", count(rights.actions.len()));
    }
    if rights.resources.len() > MAX_LISTED {
        fact("n_resources", count(rights.resources.len()));
    }
    fact("n_statements", Fact::known(rights.n_statements));
    if rights.n_conditional > 0 {
        fact("n_conditional_statements", Fact::known(rights.n_conditional));
    }
    if rights.not_actions {
        fact("not_actions", Fact::known(true));
    }
    if rights.not_resources {
        fact("not_resources", Fact::known(true));
    }
    grant.effect = rights.effect;
    grant.actions = rights.actions.iter().take(MAX_LISTED).cloned().collect();
    grant.resources = rights.resources.iter().take(MAX_LISTED).cloned().collect();
    grant.conditions.clone_from(&rights.conditions);
    for evidence in &mut grant.evidence {
        evidence.shows = Some(format!("statement {} of the policy", rights.number).into());
    }
}
