//! One thing with all that is known about it.

use crate::stub;
use crate::{Result, Store};
use model::Time;
use model::{
    Credential, CredentialId, Grant, GrantId, Identity, IdentityId, OwnerLink, OwnerLinkId, Place,
    PlaceId, Trust, TrustId,
};
use serde::Serialize;

use crate::finding::FindingRow;
use crate::owner::OwnerClaim;
use crate::query::Row;

/// At most this many related rows of one sort are in a detail; lists have the rest.
pub const MAX_RELATED: usize = 500;

/// The id of anything that has a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThingId {
    Identity(IdentityId),
    Credential(CredentialId),
    Place(PlaceId),
    Grant(GrantId),
    Trust(TrustId),
    Owner(OwnerLinkId),
}

impl std::fmt::Display for ThingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity(id) => id.fmt(f),
            Self::Credential(id) => id.fmt(f),
            Self::Place(id) => id.fmt(f),
            Self::Grant(id) => id.fmt(f),
            Self::Trust(id) => id.fmt(f),
            Self::Owner(id) => id.fmt(f),
        }
    }
}

impl std::str::FromStr for ThingId {
    type Err = model::id::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split('_').next().unwrap_or_default() {
            CredentialId::PREFIX => text.parse().map(Self::Credential),
            PlaceId::PREFIX => text.parse().map(Self::Place),
            GrantId::PREFIX => text.parse().map(Self::Grant),
            TrustId::PREFIX => text.parse().map(Self::Trust),
            OwnerLinkId::PREFIX => text.parse().map(Self::Owner),
            _ => text.parse().map(Self::Identity),
        }
    }
}

/// One source's claim about a thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim<R> {
    #[serde(flatten)]
    pub row: Row<R>,
    /// Whether this is the claim that lists show.
    pub leads: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdentityDetail {
    /// The leading claim first. Of a thing that is gone: its last version.
    pub claims: Vec<Claim<Identity>>,
    /// When its last authoritative claim ended.
    pub gone_at: Option<model::Time>,
    pub credentials: Vec<Row<Credential>>,
    pub n_credentials: u64,
    pub grants: Vec<Row<Grant>>,
    pub trusts_in: Vec<Row<Trust>>,
    pub trusts_out: Vec<Row<Trust>>,
    pub owners: Vec<Row<OwnerLink>>,
    pub owner_claim: Option<OwnerClaim>,
    pub children: Vec<Row<Identity>>,
    pub findings: Vec<FindingRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialDetail {
    pub claims: Vec<Claim<Credential>>,
    pub gone_at: Option<model::Time>,
    pub identity: Option<Row<Identity>>,
    pub places: Vec<Row<Place>>,
    /// Other credentials with the same fingerprint: the same secret under another name.
    pub same_secret: Vec<Row<Credential>>,
    pub findings: Vec<FindingRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceDetail {
    pub claims: Vec<Claim<Place>>,
    pub gone_at: Option<model::Time>,
    pub credentials: Vec<Row<Credential>>,
    pub n_credentials: u64,
    pub container: Option<Row<Place>>,
}

impl Store {
    /// An identity with everything around it; of the past when `as_of` is given.
    pub fn identity(&self, id: IdentityId, as_of: Option<Time>) -> Result<Option<IdentityDetail>> {
        stub()
    }
    pub fn credential(
        &self,
        id: CredentialId,
        as_of: Option<Time>,
    ) -> Result<Option<CredentialDetail>> {
        stub()
    }
    pub fn place(&self, id: PlaceId, as_of: Option<Time>) -> Result<Option<PlaceDetail>> {
        stub()
    }
    pub fn grant(&self, id: GrantId, as_of: Option<Time>) -> Result<Vec<Claim<Grant>>> {
        stub()
    }
    pub fn trust(&self, id: TrustId, as_of: Option<Time>) -> Result<Vec<Claim<Trust>>> {
        stub()
    }
}
