//! Every change is noted before it is tried and after it ended, by the same few lines. Requests that
//! are refused before they are tried are noted too, within bounds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Time;
use serde_json::{Value, json};
use store::audit::AuditPhase;
use store::{AuditEntry, AuditRecord};

use crate::App;
use crate::access::{Act, Actor, Via};
use crate::error::{Error, Result};

/// Entries of one page of the log.
pub const MAX_ENTRIES: usize = 1_000;

/// What is longer is cut, so that no request writes more to the log than a few lines.
const MAX_SUBJECT_CHARS: usize = 200;
/// What is longer is left out and its length noted. A claim of a thousand identities fits.
const MAX_DETAIL_BYTES: usize = 64 * 1024;

/// Authorises, notes the intent, does it, notes the outcome.
///
/// `detail` must not hold a secret; an act that is refused is noted as well.
pub(crate) fn acting<T>(
    app: &App,
    actor: &Actor,
    act: Act,
    subject: &str,
    detail: Value,
    now: Time,
    perform: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let note = |phase: AuditPhase, detail: Value| {
        app.store.append_audit(&AuditEntry {
            at: now,
            actor: name(actor),
            act: act.name().into(),
            subject: subject.chars().take(MAX_SUBJECT_CHARS).collect(),
            phase,
            detail,
        })
    };
    let detail = match detail.to_string().len() {
        0..=MAX_DETAIL_BYTES => detail,
        n => json!({ "too_long": n }),
    };
    if let Err(refusal) = actor.may(act) {
        note(AuditPhase::Failed, json!({ "refused": refusal.message }))?;
        return Err(refusal);
    }
    note(AuditPhase::Before, detail)?;
    match perform() {
        Ok(done) => {
            note(AuditPhase::Done, json!({}))?;
            Ok(done)
        }
        Err(error) => {
            note(AuditPhase::Failed, json!({ "code": error.code, "error": error.message }))?;
            Err(error)
        }
    }
}

fn name(actor: &Actor) -> String {
    match &actor.via {
        Via::Local { uid } => format!("{} (local, uid {uid})", actor.name),
        Via::Session { .. } | Via::Schedule => actor.name.clone(),
        Via::Token { id, .. } => format!("{} (token {id})", actor.name),
    }
}

/// Refusals are noted one by one up to so many per minute; of the rest only the number is.
pub const MAX_REFUSALS_PER_MINUTE: usize = 20;
const MINUTE: Duration = Duration::from_mins(1);

/// The refusals of the present minute: a stranger who asks all day must not fill the disk.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Minute>>);

#[derive(Debug, Default)]
struct Minute {
    since: Option<Time>,
    /// Who was refused what and why, and how often after the first time.
    repeated: BTreeMap<[String; 3], u64>,
    others: u64,
}

impl Refusals {
    /// What is to be noted of a refusal: itself when it is the first of its sort in this minute, and
    /// the numbers of the minute before when that is over.
    fn note(&self, actor: &str, act: &str, code: &str, entry: AuditEntry) -> Vec<AuditEntry> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        if minute.since.is_none_or(|since| entry.at.since(since) >= MINUTE) {
            let before = std::mem::take(&mut *minute);
            minute.since = Some(entry.at);
            let again = |[actor, act, code]: [String; 3], n: u64| AuditEntry {
                at: entry.at,
                actor,
                act,
                subject: String::new(),
                phase: AuditPhase::Failed,
                detail: json!({ "code": code, "refused_again": n, "since": before.since }),
            };
            let of_others = ["others", "request", "refused"].map(str::to_owned);
            let counted = before.repeated.into_iter().chain([(of_others, before.others)]);
            entries.extend(counted.filter(|(_, n)| *n > 0).map(|(sort, n)| again(sort, n)));
        }
        let n_sorts = minute.repeated.len();
        match minute.repeated.get_mut([actor, act, code].map(str::to_owned).as_ref()) {
            Some(n) => *n += 1,
            None if n_sorts < MAX_REFUSALS_PER_MINUTE => {
                minute.repeated.insert([actor, act, code].map(str::to_owned), 0);
                entries.push(entry);
            }
            None => minute.others += 1,
        }
        entries
    }
}

/// Notes a request that was refused at the door: `actor` is none for who is not known.
pub fn refused(
    app: &App,
    actor: Option<&Actor>,
    act: Option<Act>,
    subject: &str,
    error: &Error,
    now: Time,
) -> Result<()> {
    let actor = actor.map_or_else(|| "nobody".into(), name);
    let act = act.map_or("request", Act::name);
    let entry = AuditEntry {
        at: now,
        actor: actor.clone(),
        act: act.into(),
        subject: subject.into(),
        phase: AuditPhase::Failed,
        detail: json!({ "code": error.code, "refused": error.message }),
    };
    for entry in app.refusals.note(&actor, act, error.code, entry) {
        app.store.append_audit(&entry)?;
    }
    Ok(())
}

/// The log, newest first, before the entry with the given number.
pub fn list(
    app: &App,
    actor: &Actor,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<AuditRecord>> {
    actor.may(Act::ReadAudit)?;
    Ok(app.store.audit(before, limit.min(MAX_ENTRIES))?)
}
