use std::collections::BTreeMap;
use std::collections::HashSet;

use super::*;
use crate::plan::Churn;

fn plan(identities: u64, credentials_per: f64) -> Plan {
    Plan { identities, credentials_per, ..Plan::new(Time::from_seconds(1_795_000_000)) }
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let text = |seed| {
        let plan = Plan { seed, ..plan(2_000, 1.0) };
        let batches: Vec<Batch> = records(&plan).collect();
        serde_json::to_string(&batches).unwrap()
    };
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn one_identity_is_made_as_it_always_was() {
    // The first of each by id, in whatever batch it comes.
    let mut batch = Batch::default();
    records(&plan(300, 2.0)).for_each(|one| batch.extend(one));
    batch.settle();
    insta::assert_json_snapshot!((
        &batch.identities[0],
        &batch.credentials[0],
        &batch.trusts[0],
        &batch.grants[0]
    ));
}

/// Within one source no id comes twice, whatever the batch; and every reference between records of
/// the estate leads somewhere.
#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for (identities, credentials_per) in [(1, 1.0), (40, 0.0), (3_000, 5.0), (200_000, 1.5)] {
        let plan = plan(identities, credentials_per);
        let mut all_identities = HashSet::new();
        let mut mentioned = HashSet::new();
        let mut n_credentials = 0;
        for source in SOURCES {
            let mut seen = HashSet::new();
            let mut places = HashSet::new();
            let mut stored = HashSet::new();
            for batch in batches(&plan, source) {
                n_credentials +=
                    if source.part == Part::Terraform { 0 } else { batch.credentials.len() };
                for identity in &batch.identities {
                    assert!(seen.insert(identity.id.to_string()), "{identity:?}");
                    all_identities.insert(identity.id);
                }
                for credential in &batch.credentials {
                    assert!(seen.insert(credential.id.to_string()), "{credential:?}");
                    mentioned.extend(credential.identity);
                    stored.extend(credential.places.iter().map(|stored| stored.place));
                }
                for place in &batch.places {
                    assert!(seen.insert(place.id.to_string()), "{place:?}");
                    places.insert(place.id);
                    stored.extend(place.container);
                }
                for trust in &batch.trusts {
                    assert!(seen.insert(trust.id.to_string()), "{trust:?}");
                    mentioned.insert(trust.to);
                    if let model::Subject::Identity { identity } = trust.from {
                        mentioned.insert(identity);
                    }
                }
                for grant in &batch.grants {
                    assert!(seen.insert(grant.id.to_string()), "{grant:?}");
                    mentioned.insert(grant.identity);
                }
                for owner in &batch.owners {
                    assert!(seen.insert(owner.id.to_string()), "{owner:?}");
                    mentioned.insert(owner.identity);
                }
            }
            let lost = stored.difference(&places).count();
            assert_eq!(lost, 0, "places of {} that are not stated", source.name);
        }
        let lost = mentioned.difference(&all_identities).count();
        assert_eq!(lost, 0, "identities that are spoken of and not stated, of {identities}");
        assert_eq!(all_identities.len() as u64, identities);
        assert_eq!(n_credentials as u64, plan.credentials());
    }
}

#[test]
fn the_estate_has_the_faults_of_a_real_one() {
    let plan = Plan::new(Time::from_seconds(1_795_000_000));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut fingerprints = BTreeMap::new();
    let mut owned = HashSet::new();
    let mut identities = Vec::new();
    let mut exposed = HashSet::new();
    for batch in records(&plan) {
        let mut count = |what, n| *counts.entry(what).or_default() += n;
        for credential in &batch.credentials {
            if let Some(fingerprint) = credential.fingerprint {
                *fingerprints.entry(fingerprint).or_insert(0) += 1;
            }
            if let Some(expires_at) = credential.expires_at.value() {
                count("expired", usize::from(*expires_at < plan.now));
            }
        }
        let any = |batch: &Batch, name: &str| {
            let facts = batch.grants.iter().map(|grant| &grant.facts);
            facts.filter(|facts| facts.get(name) == Some(&Fact::known(true))).count()
        };
        count("unrestricted sudo", any(&batch, "unrestricted"));
        let wide = batch.trusts.iter().filter(|trust| {
            matches!(&trust.from, model::Subject::Federated { subject, .. } if subject.ends_with('*'))
        });
        count("open trusts", wide.count());
        for place in &batch.places {
            if place.facts.get("exposure") == Some(&Fact::known("everyone")) {
                exposed.insert(place.id);
            }
        }
        let open = batch.credentials.iter().flat_map(|credential| &credential.places);
        count(
            "readable by everyone",
            open.filter(|stored| exposed.contains(&stored.place)).count(),
        );
        count("refused", batch.coverage.iter().filter(|coverage| !coverage.is_complete()).count());
        owned.extend(batch.owners.iter().map(|owner| owner.identity));
        identities.extend(batch.identities.iter().map(|identity| identity.id));
    }
    let shared = fingerprints.values().filter(|&&n| n > 1).count();
    counts.insert("secrets in several places", shared);
    counts.insert("without owner", identities.iter().filter(|id| !owned.contains(id)).count());
    for (what, n) in &counts {
        assert!(*n > 5, "{what}: {n}");
    }
    insta::assert_debug_snapshot!(counts);
}

#[test]
fn churn_changes_the_part_that_was_asked_for() {
    let before = plan(20_000, 1.0);
    let after = Plan { churn: Churn { fraction: 0.1, round: 1 }, ..plan(20_000, 1.0) };
    let of = |plan: &Plan| -> BTreeMap<IdentityId, Identity> {
        let source = &SOURCES[0];
        batches(plan, source).flat_map(|batch| batch.identities).map(|i| (i.id, i)).collect()
    };
    let (before, after) = (of(&before), of(&after));
    assert_eq!(before.len(), after.len());
    let gone = before.keys().filter(|id| !after.contains_key(id)).count();
    let changed =
        before.iter().filter(|(id, was)| after.get(id).is_some_and(|is| is != *was)).count();
    let share = |n: usize| n * 1000 / before.len();
    assert!((40..60).contains(&share(gone)), "{gone} of {}", before.len());
    assert!((40..60).contains(&share(changed)), "{changed} of {}", before.len());
}
