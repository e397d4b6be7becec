//! What a summary says: plain values, sorted, for people, files and the crates that reason on them.

use model::Time;
use serde::Serialize;
use serde::ser::SerializeSeq;

use crate::cloudtrail::PrincipalKind;
use crate::names::Names;
use crate::rows::{Row, earlier};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Each once, however often it came.
    pub n_events: u64,
    /// Counted when no more ids could be remembered: some may be counted twice.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_forgotten: u64,
    /// Events that came when nothing more could be told apart; of them nothing is known.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_left_out: u64,
    /// Between first and last there may be gaps: a trail does not say when it was off.
    pub trails: Vec<Trail>,
    pub identities: Vec<Identity>,
    /// Calls whose actions are not known.
    pub unmapped: Vec<Unattributed>,
    /// Events that are no calls: sign-ins, what services do of themselves.
    pub no_calls: Vec<Unattributed>,
}

/// What was seen of the trails of one account and region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trail {
    pub account: String,
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
    /// `Management`, `Data` …; without data events, that an object was never read cannot be told.
    pub categories: Vec<String>,
    /// Services of which data events were seen.
    pub data_services: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// What policies are attached to.
    pub key: String,
    pub kind: PrincipalKind,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    pub n_events: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
    /// Providers and subjects with which sessions began.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub federated: Names,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub sessions: Names,
    pub uses: Vec<Used>,
}

/// One action on one resource area, with one credential.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Used {
    pub action: String,
    /// An ARN, or a pattern for an area of many.
    pub resource: String,
    /// Whether the record says the resource; else the pattern is what it could have been.
    pub is_observed: bool,
    /// The lasting access key; none for sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The service that made the call for the identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// For `iam:PassRole`: the service that got the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_to: Option<String>,
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub success: Tally,
    /// Refused: demand, not use.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub denied: Tally,
    /// Failed for another reason; whether the permission was looked at is not known.
    #[serde(skip_serializing_if = "Tally::is_empty")]
    pub failed: Tally,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub networks: Names,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub agents: Names,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub regions: Names,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub vpc_endpoints: Names,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    pub n: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Time>,
}

/// Events by the name of their operation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Unattributed {
    pub operation: String,
    #[serde(flatten)]
    pub tally: Tally,
}

impl Used {
    /// Takes in where the events of a row came from.
    pub(crate) fn take(&mut self, row: &Row) {
        self.networks.absorb(&row.networks);
        self.agents.absorb(&row.agents);
        self.regions.absorb(&row.regions);
        self.vpc_endpoints.absorb(&row.vpc_endpoints);
    }
}

impl Tally {
    pub(crate) fn add(&mut self, n: u64, first: Option<Time>, last: Option<Time>) {
        self.n += n;
        self.first = earlier(self.first, first);
        self.last = self.last.max(last);
    }

    fn is_empty(&self) -> bool {
        self.n == 0
    }
}

impl Names {
    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|name| &**name)
    }
}

impl Summary {
    /// Whether every event that was read is in it, once.
    pub fn is_complete(&self) -> bool {
        self.n_forgotten == 0 && self.n_left_out == 0
    }
}

impl Serialize for Names {
    /// A list, which ends with `…` where there were more.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for name in self.iter() {
            list.serialize_element(name)?;
        }
        if self.more {
            list.serialize_element("…")?;
        }
        list.end()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if hands a reference"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
