//! What follows from the records after they changed: the owner each list shows, and the findings.
//!
//! The estate is streamed; to keep a million identities in bounded memory it is worked through in
//! partitions by identity id.

use std::collections::HashMap;
use std::ops::ControlFlow;

use assess::owners::{Candidate, Ranked, rank};
use assess::{Around, Record, Tally, evaluate_record};
use model::{Finding, Identity, IdentityId, OwnerLink, Place, PlaceId, Time};
use store::owner::OwnerColumn;
use store::{List, ListQuery, ReconcileSummary};

use crate::App;
use crate::error::Result;

/// Identities that are held in memory at once.
pub const MAX_HELD_IDENTITIES: u64 = 250_000;

/// Ranks owners and evaluates all rules over everything that is published.
pub fn refresh(app: &App, now: Time) -> Result<ReconcileSummary> {
    let places = places(app)?;
    let n_identities = count(app)?;
    let n_parts = n_identities / MAX_HELD_IDENTITIES + 1;
    let mut findings = Vec::new();
    let mut tally = Tally::default();
    for part in 0..n_parts {
        let in_part = |id: &IdentityId| partition(id, n_parts) == part;
        let ranked = ranked(app, &in_part)?;
        let columns: Vec<_> =
            ranked.iter().map(|(id, (ranked, methods))| (*id, column(ranked, methods))).collect();
        app.store.set_owners(&columns)?;
        evaluate(app, &in_part, &ranked, &places, now, &mut tally, &mut findings)?;
    }
    Ok(app.store.reconcile_findings(&findings, now)?)
}

/// Partition 0 also takes what belongs to no identity.
fn partition(id: &IdentityId, n_parts: u64) -> u64 {
    let [first, second, third, ..] = *id.as_bytes();
    u64::from(u32::from_be_bytes([0, first, second, third])) % n_parts
}

fn count(app: &App) -> Result<u64> {
    if let Some(total) = app.store.total(List::Identities, &ListQuery::default())? {
        return Ok(total);
    }
    let mut n = 0;
    app.store.each_identity(&mut |_| {
        n += 1;
        ControlFlow::Continue(())
    })?;
    Ok(n)
}

fn places(app: &App) -> Result<HashMap<PlaceId, Place>> {
    let mut places = HashMap::new();
    app.store.each_place(&mut |row| {
        places.insert(row.record.id, row.record);
        ControlFlow::Continue(())
    })?;
    Ok(places)
}

type Owners = HashMap<IdentityId, (Ranked, Vec<String>)>;

fn ranked(app: &App, in_part: &dyn Fn(&IdentityId) -> bool) -> Result<Owners> {
    let mut links: HashMap<IdentityId, Vec<OwnerLink>> = HashMap::new();
    for claim in app.store.owner_claims()? {
        if in_part(&claim.identity) {
            links.entry(claim.identity).or_default().push(crate::owners::link_of(&claim));
        }
    }
    app.store.each_owner(&mut |row| {
        let mut link = row.record;
        if in_part(&link.identity) {
            link.evidence = Vec::new();
            link.loci = Vec::new();
            links.entry(link.identity).or_default().push(link);
        }
        ControlFlow::Continue(())
    })?;
    let ranked = links.into_iter().map(|(id, links)| {
        let all: Vec<&OwnerLink> = links.iter().collect();
        let ranked = rank(&all);
        let methods = links.iter().map(|link| link.method.to_string()).collect();
        (id, (ranked, methods))
    });
    Ok(ranked.collect())
}

/// The owner that lists show: none when nobody reaches the threshold.
fn column(ranked: &Ranked, methods: &[String]) -> Option<OwnerColumn> {
    ranked.owner().map(|owner| OwnerColumn {
        party: owner.owner.clone(),
        method: method(owner, methods),
        confidence: owner.confidence,
    })
}

fn method(owner: &Candidate, methods: &[String]) -> String {
    let best = owner.links.first().and_then(|&n| methods.get(n));
    best.cloned().unwrap_or_default()
}

fn evaluate(
    app: &App,
    in_part: &dyn Fn(&IdentityId) -> bool,
    owners: &Owners,
    places: &HashMap<PlaceId, Place>,
    now: Time,
    tally: &mut Tally,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let mut identities: HashMap<IdentityId, Identity> = HashMap::new();
    app.store.each_identity(&mut |row| {
        let identity = row.record;
        if in_part(&identity.id) {
            let owners = owners.get(&identity.id).map(|(ranked, _)| ranked);
            let around = Around { owners, ..Around::default() };
            evaluate_record(Record::Identity(&identity), around, now, tally, findings);
            identities.insert(identity.id, identity);
        }
        ControlFlow::Continue(())
    })?;
    let nobody = IdentityId::from_bytes([0; 16]);
    let around = |id: Option<IdentityId>| Around {
        identity: id.and_then(|id| identities.get(&id)),
        places: &[],
        owners: id.and_then(|id| owners.get(&id)).map(|(ranked, _)| ranked),
    };
    app.store.each_credential(&mut |row| {
        let credential = row.record;
        if in_part(&credential.identity.unwrap_or(nobody)) {
            let lies_in: Vec<&Place> =
                credential.places.iter().filter_map(|stored| places.get(&stored.place)).collect();
            let around = Around { places: &lies_in, ..around(credential.identity) };
            evaluate_record(Record::Credential(&credential), around, now, tally, findings);
        }
        ControlFlow::Continue(())
    })?;
    app.store.each_grant(&mut |row| {
        if in_part(&row.record.identity) {
            evaluate_record(
                Record::Grant(&row.record),
                around(Some(row.record.identity)),
                now,
                tally,
                findings,
            );
        }
        ControlFlow::Continue(())
    })?;
    app.store.each_trust(&mut |row| {
        if in_part(&row.record.to) {
            evaluate_record(
                Record::Trust(&row.record),
                around(Some(row.record.to)),
                now,
                tally,
                findings,
            );
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}
