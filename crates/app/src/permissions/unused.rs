//! What is granted and was not used, as far as the records of activity can tell.

use std::collections::{BTreeMap, BTreeSet};

use model::Time;
use policy::aws::catalogue::{Catalogue, Named};
use policy::aws::{Accounts, granted};
use serde::Serialize;

use super::questions::{applied_to, too_wide};
use crate::activity::Summarized;
use crate::error::Result;

/// Shorter windows prove little: what runs once a quarter is not in them.
pub const LONG_WINDOW_DAYS: i64 = 90;

/// Actions that are recorded as data events only, which a trail does not have by itself, or never: by
/// service, how their names begin. An action too many is told as not observable, one too few as unused.
///
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html>
const DATA_EVENTS: &[(&str, &[&str])] = &[
    ("bedrock", &["Invoke"]),
    ("cloudwatch", &["GetMetric", "ListMetrics", "PutMetricData"]),
    (
        "dynamodb",
        &[
            "BatchGet",
            "BatchWrite",
            "ConditionCheck",
            "DeleteItem",
            "GetItem",
            "PartiQL",
            "PutItem",
            "Query",
            "Scan",
            "UpdateItem",
        ],
    ),
    ("ec2messages", &[""]),
    ("events", &["PutEvents"]),
    ("execute-api", &[""]),
    ("firehose", &["PutRecord"]),
    ("kinesis", &["GetRecords", "GetShardIterator", "PutRecord", "SubscribeToShard"]),
    ("lambda", &["Invoke"]),
    ("rds-data", &[""]),
    (
        "s3",
        &[
            "AbortMultipart",
            "DeleteObject",
            "GetObject",
            // ListObjects, ListObjectVersions, HeadBucket.
            "ListBucket",
            "ListMultipart",
            "PutObject",
            "RestoreObject",
        ],
    ),
    ("sns", &["Publish"]),
    ("sqs", &["ChangeMessage", "DeleteMessage", "ReceiveMessage", "SendMessage"]),
    ("ssmmessages", &[""]),
    ("xray", &["Put"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Used,
    /// No record of it in the window, and one would be there.
    Unused,
    /// Its use leaves no record in what was read, or none that tells it.
    NotObservable,
}

/// One action that is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    pub action: String,
    pub access_level: &'static str,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_used: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
    pub n_uses: u64,
    /// Refused calls: demand.
    pub n_denied: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    pub source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    pub days: i64,
    /// `low` below [`LONG_WINDOW_DAYS`], when the identity is not in the records at all, and when some
    /// could not be read.
    pub confidence: &'static str,
    pub limits: Vec<String>,
    /// Services of which data events were recorded.
    pub data_services: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unused {
    pub principal: String,
    pub evidence: Evidence,
    pub n_granted: usize,
    pub n_used: usize,
    pub n_unused: usize,
    pub n_not_observable: usize,
    /// Granted actions in the order of their names.
    pub grants: Vec<Grant>,
    /// Recorded and not granted by what was read: by a policy of the resource, or no longer.
    pub used_beyond: Vec<String>,
    pub assumed: Vec<String>,
}

/// Holds what a principal is granted against what it was seen to use.
pub fn unused(accounts: &Accounts, principal: &str, records: &Summarized) -> Result<Unused> {
    let summary = &records.summary;
    let (arn, applied) = applied_to(accounts, principal)?;
    let catalogue = Catalogue::get();
    let seen = summary.identities.iter().find(|one| one.key == arn);
    let mut uses: BTreeMap<String, Tally> = BTreeMap::new();
    for used in seen.into_iter().flat_map(|one| &one.uses) {
        let tally = uses.entry(used.action.to_ascii_lowercase()).or_default();
        tally.n += used.success.n;
        tally.n_denied += used.denied.n;
        tally.n_failed += used.failed.n;
        tally.first = [tally.first, used.success.first].into_iter().flatten().min();
        tally.last = tally.last.max(used.success.last);
    }
    let data_services: BTreeSet<&str> =
        summary.trails.iter().flat_map(|trail| &trail.data_services).map(String::as_str).collect();
    let is_recorded = |service: &str, name: &str| {
        let of_data = DATA_EVENTS.iter().find(|(known, _)| *known == service);
        let is_data =
            of_data.is_some_and(|(_, starts)| starts.iter().any(|start| name.starts_with(start)));
        !is_data || data_services.contains(service)
    };
    let mut grants = Vec::new();
    for id in granted(&applied).ok_or_else(|| too_wide(&arn))?.iter() {
        let Some(Named::Action(action)) = catalogue.named(id) else { continue };
        let full = action.full_name();
        let tally = uses.remove(&full.to_ascii_lowercase()).unwrap_or_default();
        let (service, name) = full.split_once(':').unwrap_or_default();
        let (state, reason) = match () {
            () if tally.n > 0 => (State::Used, None),
            () if tally.n_failed > 0 => {
                (State::NotObservable, Some("it was called, and failed for another reason"))
            }
            () if !is_recorded(service, name) => {
                (State::NotObservable, Some("a data event, and none of the service was recorded"))
            }
            () => (State::Unused, None),
        };
        grants.push(Grant {
            access_level: action.level.name(),
            action: full,
            state,
            first_used: tally.first,
            last_used: tally.last,
            n_uses: tally.n,
            n_denied: tally.n_denied,
            reason,
        });
    }
    let n = |state| grants.iter().filter(|grant| grant.state == state).count();
    let used_beyond = uses.into_iter().filter(|(_, tally)| tally.n > 0).map(|(name, _)| name);
    Ok(Unused {
        evidence: evidence(records, seen.is_some(), &data_services),
        n_granted: grants.len(),
        n_used: n(State::Used),
        n_unused: n(State::Unused),
        n_not_observable: n(State::NotObservable),
        used_beyond: used_beyond.collect(),
        assumed: applied.assumed,
        principal: arn,
        grants,
    })
}

#[derive(Default)]
struct Tally {
    n: u64,
    n_denied: u64,
    n_failed: u64,
    first: Option<Time>,
    last: Option<Time>,
}

fn evidence(records: &Summarized, is_seen: bool, data_services: &BTreeSet<&str>) -> Evidence {
    let trails = &records.summary.trails;
    let from = trails.iter().filter_map(|trail| trail.first).min();
    let to = trails.iter().filter_map(|trail| trail.last).max();
    let micros = from.zip(to).map_or(0, |(from, to)| to.micros() - from.micros());
    let days = micros / (24 * 3_600 * 1_000_000);
    let mut limits = Vec::new();
    if days < LONG_WINDOW_DAYS {
        limits
            .push(format!("the records span {days} days: what is done more seldom is not in them"));
    }
    if !is_seen {
        limits.push("the identity is not in the records at all".to_owned());
    }
    if !records.is_complete() {
        limits.push("some records could not be read or taken in".to_owned());
    }
    let confidence = if limits.is_empty() { "medium" } else { "low" };
    limits.push("a trail does not say when it was off".to_owned());
    Evidence {
        source: "cloudtrail",
        from,
        to,
        days,
        confidence,
        limits,
        data_services: data_services.iter().map(|it| (*it).to_owned()).collect(),
    }
}
