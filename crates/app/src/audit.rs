//! Every change is noted before it is tried and after it ended, by the same few lines.

use model::Time;
use serde_json::{Value, json};
use store::audit::AuditPhase;
use store::{AuditEntry, AuditRecord};

use crate::App;
use crate::access::{Act, Actor, Via};
use crate::error::Result;

/// Entries of one page of the log.
pub const MAX_ENTRIES: usize = 1_000;

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
            subject: subject.into(),
            phase,
            detail,
        })
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
