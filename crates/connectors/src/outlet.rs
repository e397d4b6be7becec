//! The last look at what a connector says, before anybody else sees it.
//!
//! Readers keep secrets out of records where they make them. This is for the one that forgets: an
//! address that some file states where a name, a tag or a condition is expected loses its login and
//! its parameters here. Paths of files (`loci`, `at`) are left as they are, since tombstones and
//! gaps are found by them.

use model::fact::Text;
use model::record::{Condition, Evidence, StoredAt};
use model::{Batch, Facts, Subject, Value};

use crate::address::public_text;

/// Withholds what an address in any text gives away, and settles the batch.
pub fn settle(batch: &mut Batch) {
    for identity in &mut batch.identities {
        texts([&mut identity.instance, &mut identity.native_id, &mut identity.name]);
        if let model::State::Known(value) = &mut identity.environment.state {
            text(value);
        }
        facts(&mut identity.facts);
        texts(identity.tags.values_mut());
        evidence(&mut identity.evidence);
    }
    for credential in &mut batch.credentials {
        texts([&mut credential.instance, &mut credential.native_id, &mut credential.name]);
        facts(&mut credential.facts);
        texts(credential.tags.values_mut());
        evidence(&mut credential.evidence);
        for StoredAt { path, pointer, .. } in &mut credential.places {
            text(path);
            texts(pointer);
        }
    }
    for place in &mut batch.places {
        texts([&mut place.instance, &mut place.native_id, &mut place.path]);
        facts(&mut place.facts);
    }
    for grant in &mut batch.grants {
        texts([&mut grant.instance, &mut grant.native_id]);
        texts(grant.actions.iter_mut().chain(&mut grant.resources).chain(&mut grant.via));
        conditions(&mut grant.conditions);
        facts(&mut grant.facts);
        evidence(&mut grant.evidence);
    }
    for trust in &mut batch.trusts {
        texts([&mut trust.instance, &mut trust.native_id]);
        match &mut trust.from {
            Subject::Identity { .. } => {}
            Subject::Federated { issuer, subject, audience } => {
                texts([issuer, subject]);
                texts(audience);
            }
            Subject::Principal { principal } => text(principal),
        }
        conditions(&mut trust.conditions);
        facts(&mut trust.facts);
        evidence(&mut trust.evidence);
    }
    for link in &mut batch.owners {
        texts([&mut link.owner.key, &mut link.owner.name]);
        evidence(&mut link.evidence);
    }
    for policy in &mut batch.policies {
        // The document stays as it is: pointers of verdicts go into it.
        texts([&mut policy.instance, &mut policy.native_id, &mut policy.name]);
        texts(policy.targets.iter_mut().chain(&mut policy.resource));
        facts(&mut policy.facts);
        evidence(&mut policy.evidence);
    }
    for coverage in &mut batch.coverage {
        for gap in &mut coverage.gaps {
            static_text(&mut gap.detail);
            static_text(&mut gap.missing);
        }
    }
    batch.settle();
}

fn text(text: &mut String) {
    if let std::borrow::Cow::Owned(public) = public_text(text) {
        *text = public;
    }
}

fn texts<'a>(all: impl IntoIterator<Item = &'a mut String>) {
    all.into_iter().for_each(text);
}

fn static_text(detail: &mut Option<Text>) {
    if let Some(text) = detail
        && let std::borrow::Cow::Owned(public) = public_text(text)
    {
        *text = public.into();
    }
}

fn evidence(all: &mut [Evidence]) {
    for one in all {
        texts(&mut one.pointer);
        static_text(&mut one.shows);
    }
}

fn conditions(all: &mut [Condition]) {
    texts(all.iter_mut().flat_map(|condition| &mut condition.values));
}

fn facts(facts: &mut Facts) {
    for fact in facts.values_mut() {
        if let model::State::Known(known) = &mut fact.state {
            value(known);
        }
    }
}

fn value(value: &mut Value) {
    match value {
        Value::Text(one) => text(one),
        Value::List(all) => texts(all),
        _ => {}
    }
}
