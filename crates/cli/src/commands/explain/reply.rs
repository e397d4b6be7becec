//! The shapes of what the API replies to `explain`: as much of each as the page shows.
//!
//! How they are shown, and how they are asked for, is not known here.

use model::{
    Credential, Finding, FindingState, Grant, Identity, OwnerLink, Party, Place, PolicyDocument,
    Time, Trust,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub(super) enum Explained {
    Identity(Box<OfIdentity>),
    Credential(Box<OfCredential>),
    Place(Box<OfPlace>),
    Grant { claims: Vec<Row<Grant>> },
    Trust { claims: Vec<Row<Trust>> },
    Policy { claims: Vec<Row<PolicyDocument>> },
    Finding(Box<OfFinding>),
}

#[derive(Deserialize)]
pub(super) struct Row<R> {
    pub(super) record: R,
    pub(super) source_name: String,
    pub(super) seen_from: Time,
    pub(super) last_seen: Time,
    pub(super) owner: Option<Owner>,
}

#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) party: Party,
    pub(super) method: String,
    pub(super) confidence: f64,
}

#[derive(Deserialize)]
pub(super) struct Claimed {
    pub(super) party: Party,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) at: Time,
}

#[derive(Deserialize)]
pub(super) struct OfIdentity {
    pub(super) claims: Vec<Row<Identity>>,
    pub(super) gone_at: Option<Time>,
    pub(super) credentials: Vec<Row<Credential>>,
    pub(super) n_credentials: usize,
    pub(super) grants: Vec<Row<Grant>>,
    pub(super) trusts_in: Vec<Row<Trust>>,
    pub(super) trusts_out: Vec<Row<Trust>>,
    pub(super) owners: Vec<Row<OwnerLink>>,
    pub(super) owner_claim: Option<Claimed>,
    pub(super) children: Vec<Row<Identity>>,
    pub(super) policies: Vec<Row<PolicyDocument>>,
    pub(super) findings: Vec<FindingRow>,
}

#[derive(Deserialize)]
pub(super) struct OfCredential {
    pub(super) claims: Vec<Row<Credential>>,
    pub(super) gone_at: Option<Time>,
    pub(super) identity: Option<Row<Identity>>,
    pub(super) places: Vec<Row<Place>>,
    pub(super) same_secret: Vec<Row<Credential>>,
    pub(super) findings: Vec<FindingRow>,
}

#[derive(Deserialize)]
pub(super) struct OfPlace {
    pub(super) claims: Vec<Row<Place>>,
    pub(super) gone_at: Option<Time>,
    pub(super) credentials: Vec<Row<Credential>>,
    pub(super) n_credentials: usize,
    pub(super) container: Option<Row<Place>>,
}

#[derive(Deserialize)]
pub(super) struct FindingRow {
    pub(super) finding: Finding,
    pub(super) state: FindingState,
    pub(super) first_seen: Time,
    pub(super) last_seen: Time,
}

#[derive(Deserialize)]
pub(super) struct OfFinding {
    #[serde(flatten)]
    pub(super) row: FindingRow,
    pub(super) rule_title: String,
    pub(super) why: String,
    pub(super) tags: Vec<String>,
}
