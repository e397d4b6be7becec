//! What follows from the records after they changed: the owner each list shows, and the findings.
//!
//! Only what was touched is looked at: by publications, by what people said, by time. The first
//! evaluation, and one after the rules changed, is of everything, in parts on all cores; none is
//! ever held whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZero;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use assess::owners::rank;
use assess::{Around, Record, Tally, evaluate_record};
use model::{
    CredentialId, Evidence, Finding, IdentityId, OwnerLink, Place, PlaceId, ScopeId, Time,
};
use store::{Evaluation, Family, List, OwnerClaim, OwnerColumn, ReconcileSummary, Stale, Subjects};

use crate::App;
use crate::error::Result;

/// Rows that are looked at together.
const ROWS_AT_A_TIME: usize = 2_000;

/// Places that a core keeps at hand: few places hold most credentials.
const MAX_HELD_PLACES: usize = 50_000;

/// Parts that may be done before one that comes earlier.
const MAX_WAITING_PARTS: usize = 4;

/// Ranks owners and evaluates rules over everything that is published and was touched since the
/// last time.
pub fn refresh(app: &App, now: Time) -> Result<ReconcileSummary> {
    let _one_at_a_time = app.evaluating.lock().unwrap_or_else(PoisonError::into_inner);
    let stale = app.store.stale(&assess::version(), assess::expiry_offsets().as_deref(), now)?;
    evaluate(app, &stale, now)
}

/// The same over everything, touched or not: it should find nothing that [`refresh`] did not.
pub fn refresh_everything(app: &App, now: Time) -> Result<ReconcileSummary> {
    let _one_at_a_time = app.evaluating.lock().unwrap_or_else(PoisonError::into_inner);
    let stale = app.store.stale(&assess::version(), None, now)?;
    evaluate(app, &stale, now)
}

fn evaluate(app: &App, stale: &Stale, now: Time) -> Result<ReconcileSummary> {
    let mut evaluation = app.store.begin_evaluation(stale.subjects.as_ref(), now)?;
    let claims = claims(app)?;
    match &stale.subjects {
        Some(subjects) => these(app, subjects, &claims, now, &mut evaluation)?,
        None => everything(app, &claims, now, &mut evaluation)?,
    }
    Ok(app.store.finish_evaluation(evaluation, Some(&stale.mark))?)
}

/// The same for these identities alone: a person said something of them.
pub(crate) fn refresh_these(app: &App, identities: &[IdentityId], now: Time) -> Result<()> {
    let _one_at_a_time = app.evaluating.lock().unwrap_or_else(PoisonError::into_inner);
    let subjects =
        Subjects { identities: identities.iter().copied().collect(), ..Subjects::default() };
    let mut evaluation = app.store.begin_evaluation(Some(&subjects), now)?;
    these(app, &subjects, &claims(app)?, now, &mut evaluation)?;
    app.store.finish_evaluation(evaluation, None)?;
    Ok(())
}

/// What people claimed.
type Claims = HashMap<IdentityId, OwnerLink>;

fn claims(app: &App) -> Result<Claims> {
    let claims = app.store.owner_claims()?;
    Ok(claims.iter().map(|claim| (claim.identity, link_of(claim))).collect())
}

/// A claim as the link that the ranking reads.
fn link_of(claim: &OwnerClaim) -> OwnerLink {
    let scope = ScopeId::from_bytes([0; 16]);
    let mut link =
        OwnerLink::new(claim.identity, claim.party.clone(), assess::owners::CLAIM, 1.0, scope);
    link.evidence.push(Evidence::at(format!("claimed by {} at {}", claim.by, claim.at)));
    link
}

fn these(
    app: &App,
    subjects: &Subjects,
    claims: &Claims,
    now: Time,
    evaluation: &mut Evaluation,
) -> Result<()> {
    let mut worker = Worker::new(app, claims, now);
    let identities: Vec<IdentityId> = subjects.identities.iter().copied().collect();
    for part in identities.chunks(ROWS_AT_A_TIME) {
        worker.look(&app.store.families_of(part)?)?.put(app, evaluation)?;
    }
    let credentials: Vec<CredentialId> = subjects.credentials.iter().copied().collect();
    for part in credentials.chunks(ROWS_AT_A_TIME) {
        worker.look(&[app.store.loose_of(part)?])?.put(app, evaluation)?;
    }
    Ok(())
}

/// Rows of a list with keys after one and up to another: the identities with what belongs to
/// them, or what belongs to no identity.
#[derive(Debug, Clone, Copy)]
struct Part {
    list: List,
    after: i64,
    to: i64,
}

fn everything(app: &App, claims: &Claims, now: Time, evaluation: &mut Evaluation) -> Result<()> {
    let mut parts = Vec::new();
    for list in [List::Identities, List::Credentials, List::Grants, List::Trusts] {
        let last = app.store.last_key(list)?;
        let starts = (0..last).step_by(ROWS_AT_A_TIME);
        let step = i64::try_from(ROWS_AT_A_TIME).unwrap_or(i64::MAX);
        parts.extend(starts.map(|after| Part { list, after, to: after + step }));
    }
    let n_cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel::<(usize, Result<Looked>)>(MAX_WAITING_PARTS);
    std::thread::scope(|scope| {
        for _ in 0..n_cores.min(parts.len()) {
            let (sender, parts, next) = (sender.clone(), &parts, &next);
            scope.spawn(move || {
                let mut worker = Worker::new(app, claims, now);
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(part) = parts.get(n) else { return };
                    // Nobody listens any more when another part failed.
                    if sender.send((n, worker.look_at(*part))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // In the order of the parts, whichever is done first: findings are listed as they came.
        let mut waiting = BTreeMap::new();
        let mut n_put = 0;
        for (n, looked) in receiver {
            waiting.insert(n, looked?);
            while let Some(looked) = waiting.remove(&n_put) {
                looked.put(app, evaluation)?;
                n_put += 1;
            }
        }
        Ok(())
    })
}

/// What a part of the estate comes to.
#[derive(Debug, Default)]
struct Looked {
    owners: Vec<(IdentityId, Option<OwnerColumn>)>,
    findings: Vec<Finding>,
}

impl Looked {
    fn put(self, app: &App, evaluation: &mut Evaluation) -> Result<()> {
        if !self.owners.is_empty() {
            app.store.set_owners(&self.owners)?;
        }
        Ok(app.store.put_findings(evaluation, &self.findings)?)
    }
}

struct Worker<'a> {
    app: &'a App,
    claims: &'a Claims,
    now: Time,
    places: HashMap<PlaceId, Place>,
}

impl<'a> Worker<'a> {
    fn new(app: &'a App, claims: &'a Claims, now: Time) -> Self {
        Self { app, claims, now, places: HashMap::new() }
    }

    fn look_at(&mut self, part: Part) -> Result<Looked> {
        let Part { list, after, to } = part;
        if list == List::Identities {
            self.look(&self.app.store.families(after, to)?)
        } else {
            self.look(&[self.app.store.loose(list, after, to)?])
        }
    }

    fn look(&mut self, families: &[Family]) -> Result<Looked> {
        self.fetch_places(families)?;
        let mut looked = Looked::default();
        for family in families {
            self.look_at_one(family, &mut looked);
        }
        Ok(looked)
    }

    fn fetch_places(&mut self, families: &[Family]) -> Result<()> {
        if self.places.len() > MAX_HELD_PLACES {
            self.places.clear();
        }
        let stored = families.iter().flat_map(|family| &family.credentials);
        let missing: BTreeSet<PlaceId> = stored
            .flat_map(|credential| credential.places.iter().map(|stored| stored.place))
            .filter(|id| !self.places.contains_key(id))
            .collect();
        let places = self.app.store.places_of(&missing)?;
        self.places.extend(places.into_iter().map(|place| (place.id, place)));
        Ok(())
    }

    fn look_at_one(&self, family: &Family, looked: &mut Looked) {
        let identity = family.identity.as_ref();
        let claim = identity.and_then(|identity| self.claims.get(&identity.id));
        let links: Vec<&OwnerLink> = claim.into_iter().chain(&family.owners).collect();
        let ranked = identity.map(|_| rank(&links));
        if let (Some(identity), Some(ranked)) = (identity, &ranked) {
            // None when nobody reaches the threshold.
            let column = ranked.owner().map(|owner| OwnerColumn {
                party: owner.owner.clone(),
                method: owner
                    .links
                    .first()
                    .and_then(|&n| links.get(n))
                    .map(|link| link.method.to_string())
                    .unwrap_or_default(),
                confidence: owner.confidence,
            });
            if column != family.owner {
                looked.owners.push((identity.id, column));
            }
        }
        let mut tally = Tally::default();
        let mut findings = Vec::new();
        let mut look = |record: Record<'_>, places: &[&Place]| {
            let around = Around { identity, places, owners: ranked.as_ref() };
            evaluate_record(record, around, self.now, &mut tally, &mut findings);
        };
        if let Some(identity) = identity {
            look(Record::Identity(identity), &[]);
        }
        for credential in &family.credentials {
            let lies_in: Vec<&Place> = credential
                .places
                .iter()
                .filter_map(|stored| self.places.get(&stored.place))
                .collect();
            look(Record::Credential(credential), &lies_in);
        }
        family.grants.iter().for_each(|grant| look(Record::Grant(grant), &[]));
        family.trusts.iter().for_each(|trust| look(Record::Trust(trust), &[]));
        assess::join(&mut findings);
        looked.findings.append(&mut findings);
    }
}
