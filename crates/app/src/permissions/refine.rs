//! The smaller policies of a principal, with the evidence for them and a replay of what was recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::aws::catalogue::Catalogue;
use policy::aws::{Accounts, Policies, Policy, Principal, Refined, Use, Verdict, decide, refine};
use policy::aws::{Document, Kind as DocumentKind};
use serde::Serialize;
use serde_json::Value;

use super::questions::{Ask, applied_to, request};
use super::unused::{Evidence, State, unused};
use crate::activity::Summarized;
use crate::error::{Error, Result};

/// Characters of a managed policy, without white space
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const MAX_MANAGED: usize = 6_144;
/// Of all inline policies of a user together, and of a role.
const MAX_OF_USER: usize = 2_048;
const MAX_OF_ROLE: usize = 10_240;
/// Uses that are refused, told one by one up to this many.
const MAX_REFUSED: usize = 1_000;

/// What to do about one policy of the principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// It allows nothing that should go.
    Keep,
    /// Put the smaller document in its place.
    Replace,
    /// It is AWS's own, or attached to others too: attach a policy of this principal's with the smaller
    /// document, and detach it.
    AttachAnother,
    /// Nothing of it is needed.
    Detach,
    /// It belongs to a group, whose other members it binds too.
    OfGroup,
    /// Its document was not read, or is not valid.
    NotRead,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmallerPolicy {
    pub policy: String,
    pub name: String,
    pub act: Act,
    /// The document as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(flatten)]
    pub refined: Option<Refined>,
}

/// A recorded use that the smaller policies would decide otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub action: String,
    pub resource: String,
    pub before: Verdict,
    pub after: Verdict,
}

/// Every recorded use, decided by the policies as they are and by the smaller ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    pub n_uses: usize,
    pub n_same: usize,
    /// Not allowed as the policies are: by a policy that was not read, or changed since.
    pub n_denied_before: usize,
    /// What would be refused, or depend on more: none, or the smaller policies are not to be used.
    pub n_changed: usize,
    pub changed: Vec<Changed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refinement {
    pub principal: String,
    pub evidence: Evidence,
    pub n_granted_before: usize,
    /// Actions that stay because no record would tell of their use.
    pub kept_not_observable: Vec<String>,
    /// Actions that stay because somebody said so.
    pub kept: Vec<String>,
    pub policies: Vec<SmallerPolicy>,
    pub replay: Replay,
    pub assumed: Vec<String>,
}

/// Works out smaller policies for a principal. `keep` are patterns of actions that stay.
pub fn refinement(
    accounts: &Accounts,
    principal: &str,
    records: &Summarized,
    keep: &[String],
) -> Result<Refinement> {
    for pattern in keep {
        if !pattern.contains(':') && pattern != "*" {
            let message = format!("`{pattern}` is no pattern of actions: `service:Name*`");
            return Err(Error::invalid("keep", message));
        }
    }
    let told = unused(accounts, principal, records)?;
    let (arn, applied) = applied_to(accounts, principal)?;
    let catalogue = Catalogue::get();
    let by_name = |state: State| -> Vec<String> {
        let grants = told.grants.iter().filter(|grant| grant.state == state);
        grants.map(|grant| grant.action.clone()).collect()
    };
    let not_observable = by_name(State::NotObservable);
    let asked = catalogue.matching_any(keep.iter().map(String::as_str));
    let mut stays = asked.clone();
    for id in not_observable.iter().filter_map(|name| catalogue.id_of(name)) {
        stays.insert(id);
    }
    let uses = uses_of(records, &arn);

    let holder = accounts.holder(&arn);
    let own: BTreeSet<&str> =
        holder.map(|it| it.policies.iter().map(String::as_str).collect()).unwrap_or_default();
    let most = if arn.contains(":user/") { MAX_OF_USER } else { MAX_OF_ROLE };
    let identity = |number: usize| applied.named.get(&format!("identity_policies/{number}"));
    let all: Vec<&Policy> = (0..applied.policies.identity.len()).filter_map(identity).collect();
    let inline: Vec<&&Policy> =
        all.iter().filter(|it| own.contains(it.native_id.as_str()) && is_inline(it)).collect();
    // What is left of the room of all inline policies is shared among them.
    let n_used: usize = inline.iter().map(|it| size_of(it)).sum();
    let share = most.saturating_sub(n_used) / inline.len().max(1);
    let mut smaller = applied.policies.clone();
    let mut policies = Vec::new();
    for (number, policy) in all.iter().enumerate() {
        let one = |act, before, refined| SmallerPolicy {
            policy: policy.native_id.clone(),
            name: policy.name.clone(),
            act,
            before,
            refined,
        };
        if !policy.problems.is_empty() {
            policies.push(one(Act::NotRead, None, None));
            continue;
        }
        if !own.contains(policy.native_id.as_str()) {
            policies.push(one(Act::OfGroup, None, None));
            continue;
        }
        let limit = if is_inline(policy) { size_of(policy) + share } else { MAX_MANAGED };
        let before = serde_json::to_value(&*policy.json).ok();
        let Some(refined) = refine(&policy.json, &uses, &stays, limit) else {
            policies.push(one(Act::NotRead, before, None));
            continue;
        };
        let act = match &refined.document {
            None => Act::Detach,
            Some(_) if !refined.is_changed => Act::Keep,
            Some(_) if !is_inline(policy) && is_shared(accounts, policy) => Act::AttachAnother,
            Some(_) => Act::Replace,
        };
        if let Some(place) = smaller.identity.get_mut(number) {
            *place = Arc::new(read_back(refined.document.as_ref())?);
        }
        policies.push(one(act, before, Some(refined)));
    }
    let replay = replay(accounts, &arn, &uses, &applied.policies, &smaller)?;
    let kept = by_name(State::Unused);
    let kept =
        kept.into_iter().filter(|name| catalogue.id_of(name).is_some_and(|id| asked.contains(id)));
    Ok(Refinement {
        n_granted_before: told.n_granted,
        kept: kept.collect(),
        kept_not_observable: not_observable,
        policies,
        replay,
        evidence: told.evidence,
        assumed: applied.assumed,
        principal: arn,
    })
}

fn is_inline(policy: &Policy) -> bool {
    policy.native_id.contains("#inline/")
}

fn size_of(policy: &Policy) -> usize {
    serde_json::to_string(&*policy.json).map_or(0, |text| text.len())
}

/// Whether others have it too, or nobody but AWS may change it.
fn is_shared(accounts: &Accounts, policy: &Policy) -> bool {
    policy.native_id.contains(":iam::aws:policy/") || accounts.n_holders_of(&policy.native_id) > 1
}

fn read_back(document: Option<&Value>) -> Result<Document> {
    let none = || serde_json::json!({"Version": "2012-10-17", "Statement": []});
    let document = document.cloned().unwrap_or_else(none);
    let json = serde_json::from_value(document)
        .map_err(|error| Error::invalid("policy", error.to_string()))?;
    Document::read(&json, DocumentKind::Principal).map_err(|problems| {
        let told: Vec<String> = problems.into_iter().map(|it| it.message).collect();
        Error::invalid("policy", told.join("; "))
    })
}

/// What an identity was seen to do with success, each once.
fn uses_of(records: &Summarized, arn: &str) -> Vec<Use> {
    let seen = records.summary.identities.iter().filter(|one| one.key == arn);
    let uses: BTreeSet<Use> = seen
        .flat_map(|one| &one.uses)
        .filter(|used| used.success.n > 0)
        .map(|used| Use {
            action: used.action.clone(),
            resource: used.resource.clone(),
            is_observed: used.is_observed,
            passed_to: used.passed_to.clone(),
        })
        .collect();
    uses.into_iter().collect()
}

fn replay(
    accounts: &Accounts,
    arn: &str,
    uses: &[Use],
    before: &Policies,
    after: &Policies,
) -> Result<Replay> {
    let who = Principal::of_arn(arn).map_err(|it| Error::invalid("principal", it))?;
    let mut replay = Replay::default();
    for used in uses {
        let mut ask =
            Ask { action: used.action.clone(), resource: used.resource.clone(), ..Ask::default() };
        if let Some(service) = &used.passed_to {
            ask.context.insert("iam:PassedToService".into(), vec![service.clone()]);
        }
        // A resource that is no ARN was not one of the request's.
        let Ok(request) = request(accounts, who.clone(), &ask) else { continue };
        let applied = accounts.applied(&request).policies;
        let with = |identity: &Policies| Policies {
            identity: identity.identity.clone(),
            ..applied.clone()
        };
        let [before, after] =
            [before, after].map(|policies| decide(&request, &with(policies)).verdict);
        replay.n_uses += 1;
        replay.n_denied_before += usize::from(before == Verdict::Deny);
        if before == after {
            replay.n_same += 1;
            continue;
        }
        replay.n_changed += 1;
        if replay.changed.len() < MAX_REFUSED {
            let (action, resource) = (used.action.clone(), used.resource.clone());
            replay.changed.push(Changed { action, resource, before, after });
        }
    }
    Ok(replay)
}
