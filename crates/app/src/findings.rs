//! What people decide about a finding: seen, later, accepted, open again.

use std::time::Duration;

use model::{FindingId, FindingState, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::App;
use crate::access::{Act, Actor};
use crate::audit::acting;
use crate::error::{Error, Result};

#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "decide")]
pub enum Decision {
    /// Somebody works on it.
    Acknowledge,
    /// Not now.
    Snooze { until: Time },
    /// The risk is taken until a date, for a reason.
    Accept { until: Time, reason: String },
    /// Takes any of these back.
    Reopen,
}

/// Longer is accepting the risk, which takes an approver and a reason.
pub const MAX_SNOOZE: Duration = Duration::from_hours(92 * 24);
/// Of a decision or claim.
pub const MAX_REASON_CHARS: usize = 2_000;

pub fn decide(
    app: &App,
    actor: &Actor,
    id: FindingId,
    decision: &Decision,
    now: Time,
) -> Result<FindingState> {
    let act = match decision {
        Decision::Accept { .. } => Act::AcceptRisk,
        _ => Act::HandleFinding,
    };
    acting(app, actor, act, &id.to_string(), json!(decision), now, || {
        app.store.finding(id)?.ok_or_else(|| Error::not_found("finding", id))?;
        let by = actor.name.clone();
        let state = match decision {
            Decision::Acknowledge => FindingState::Acknowledged { by },
            Decision::Snooze { until } if *until > now.plus(MAX_SNOOZE) => {
                let days = MAX_SNOOZE.as_secs() / 86_400;
                return Err(Error::invalid(
                    "until",
                    format!("a finding is snoozed for {days} days at most"),
                )
                .hint("longer is accepting the risk, which an approver does"));
            }
            Decision::Snooze { until } => FindingState::Snoozed { by, until: later(*until, now)? },
            Decision::Accept { until, reason } if !reason.trim().is_empty() => {
                short(reason)?;
                FindingState::Accepted { by, until: later(*until, now)?, reason: reason.clone() }
            }
            Decision::Accept { .. } => {
                return Err(Error::invalid("no-reason", "accepting a risk needs a reason"));
            }
            Decision::Reopen => FindingState::Open,
        };
        app.store.set_finding_state(id, &state)?;
        Ok(state)
    })
}

pub(crate) fn short(reason: &str) -> Result<()> {
    if reason.chars().count() <= MAX_REASON_CHARS {
        return Ok(());
    }
    let message = format!("a reason has {MAX_REASON_CHARS} characters at most");
    Err(Error::invalid("reason", message))
}

fn later(until: Time, now: Time) -> Result<Time> {
    if until > now {
        return Ok(until);
    }
    Err(Error::invalid("until", format!("`until` ({until}) is not in the future")))
}
