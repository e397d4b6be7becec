//! One thing with all that is known about it.

use std::collections::BTreeSet;

use model::{
    Credential, CredentialId, Grant, GrantId, Identity, IdentityId, OwnerLink, OwnerLinkId, Place,
    PlaceId, PolicyDocument, PolicyId, Time, Trust, TrustId,
};
use serde::Serialize;

use crate::engine::Connection;
use crate::finding::{FindingRow, findings_of};
use crate::owner::{OwnerClaim, owner_claim_of};
use crate::query::Row;
use crate::record::Record;
use crate::record::row::{RECORD, record_of};
use crate::reference::{Role, roles};
use crate::select::{leading, rows_naming};
use crate::{Result, Store};

/// At most this many related rows of one sort are in a detail; lists have the rest.
pub const MAX_RELATED: usize = 500;

/// At most this many policy documents are in a detail: each may be a mebibyte. (AWS lets apply
/// thirty to one identity, and its inline ones.)
pub const MAX_POLICIES: usize = 100;

/// The id of anything that has a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThingId {
    Identity(IdentityId),
    Credential(CredentialId),
    Place(PlaceId),
    Grant(GrantId),
    Trust(TrustId),
    Owner(OwnerLinkId),
    Policy(PolicyId),
}

impl ThingId {
    pub(crate) const fn bytes(&self) -> &[u8; 16] {
        match self {
            Self::Identity(id) => id.as_bytes(),
            Self::Credential(id) => id.as_bytes(),
            Self::Place(id) => id.as_bytes(),
            Self::Grant(id) => id.as_bytes(),
            Self::Trust(id) => id.as_bytes(),
            Self::Owner(id) => id.as_bytes(),
            Self::Policy(id) => id.as_bytes(),
        }
    }
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
            Self::Policy(id) => id.fmt(f),
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
            PolicyId::PREFIX => text.parse().map(Self::Policy),
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
    pub gone_at: Option<Time>,
    pub credentials: Vec<Row<Credential>>,
    pub n_credentials: u64,
    pub grants: Vec<Row<Grant>>,
    pub trusts_in: Vec<Row<Trust>>,
    pub trusts_out: Vec<Row<Trust>>,
    pub owners: Vec<Row<OwnerLink>>,
    pub owner_claim: Option<OwnerClaim>,
    pub children: Vec<Row<Identity>>,
    /// The documents that are part of it, then those that apply to it; [`MAX_POLICIES`] at most.
    pub policies: Vec<Row<PolicyDocument>>,
    pub findings: Vec<FindingRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialDetail {
    pub claims: Vec<Claim<Credential>>,
    pub gone_at: Option<Time>,
    pub identity: Option<Row<Identity>>,
    pub places: Vec<Row<Place>>,
    /// Other credentials with the same fingerprint: the same secret under another name.
    pub same_secret: Vec<Row<Credential>>,
    pub findings: Vec<FindingRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceDetail {
    pub claims: Vec<Claim<Place>>,
    pub gone_at: Option<Time>,
    pub credentials: Vec<Row<Credential>>,
    pub n_credentials: u64,
    pub container: Option<Row<Place>>,
}

/// The claims about one thing at a moment.
struct Known<R> {
    claims: Vec<Claim<R>>,
    gone_at: Option<Time>,
    /// The moment at which to look for what is around it.
    moment: Option<Time>,
}

/// What is claimed of a thing; when it is gone, what was claimed just before it went.
fn claims_of<R: Record>(
    c: &Connection,
    id: &[u8; 16],
    as_of: Option<Time>,
) -> Result<Option<Known<R>>> {
    let claims = claims_at(c, id, as_of)?;
    if claims.iter().any(|claim: &Claim<R>| claim.leads) {
        return Ok(Some(Known { claims, gone_at: None, moment: as_of }));
    }
    let until = as_of.unwrap_or(Time::MAX);
    let gone_at = c.one(
        &format!(
            "SELECT MAX(seen_to) FROM {} WHERE id = ?1 AND lead = 1 AND seen_to <= ?2",
            R::TABLE.history
        ),
        &[id.into(), until.into()],
        |row| row.maybe_time(0),
    )?;
    let Some(gone_at) = gone_at.flatten() else { return Ok(None) };
    let moment = Some(Time::from_micros(gone_at.micros() - 1));
    let claims = claims_at(c, id, moment)?;
    Ok(Some(Known { claims, gone_at: Some(gone_at), moment }))
}

fn claims_at<R: Record>(
    c: &Connection,
    id: &[u8; 16],
    as_of: Option<Time>,
) -> Result<Vec<Claim<R>>> {
    let order = "TRUE ORDER BY r.lead DESC, r.authority DESC, r.key";
    let rows = rows_naming(c, as_of, R::TABLE.own, id, order, MAX_RELATED)?;
    Ok(rows.into_iter().map(|(row, leads)| Claim { row, leads }).collect())
}

/// How many leading credentials name an id in a role.
fn count(c: &Connection, role: Role, id: &[u8; 16]) -> Result<u64> {
    let sql =
        format!("SELECT COUNT(*) FROM credential r WHERE r.lead = 1 AND {}", role.names("?1"));
    Ok(c.one(&sql, &[id.into()], |row| row.count(0))?.unwrap_or(0))
}

impl Store {
    /// An identity with everything around it; of the past when `as_of` is given.
    pub fn identity(&self, id: IdentityId, as_of: Option<Time>) -> Result<Option<IdentityDetail>> {
        self.ask("look up an identity", |c| {
            let id = id.as_bytes();
            let Some(Known { claims, gone_at, moment }) = claims_of(c, id, as_of)? else {
                return Ok(None);
            };
            let credentials = leading(c, moment, roles::OF_CREDENTIAL, id, MAX_RELATED)?;
            let n_credentials = if credentials.len() < MAX_RELATED || moment.is_some() {
                credentials.len() as u64
            } else {
                count(c, roles::OF_CREDENTIAL, id)?
            };
            let mut policies = leading(c, moment, roles::HOLDER, id, MAX_POLICIES)?;
            let record = claims.first().map(|claim: &Claim<Identity>| &claim.row.record);
            let applying = record.map(Identity::applying_policies).unwrap_or_default();
            // Those that were not read are looked for too.
            for policy in applying.into_iter().take(MAX_RELATED) {
                if policies.len() >= MAX_POLICIES {
                    break;
                }
                policies.extend(leading(c, moment, roles::POLICY, policy.as_bytes(), 1)?);
            }
            Ok(Some(IdentityDetail {
                claims,
                gone_at,
                credentials,
                n_credentials,
                grants: leading(c, moment, roles::OF_GRANT, id, MAX_RELATED)?,
                trusts_in: leading(c, moment, roles::TO, id, MAX_RELATED)?,
                trusts_out: leading(c, moment, roles::FROM, id, MAX_RELATED)?,
                owners: leading(c, moment, roles::OF_OWNER_LINK, id, MAX_RELATED)?,
                owner_claim: owner_claim_of(c, id)?,
                children: leading(c, moment, roles::PARENT, id, MAX_RELATED)?,
                policies,
                findings: findings_of(c, id)?,
            }))
        })
    }

    pub fn credential(
        &self,
        id: CredentialId,
        as_of: Option<Time>,
    ) -> Result<Option<CredentialDetail>> {
        self.ask("look up a credential", |c| {
            let id = id.as_bytes();
            let Some(Known { claims, gone_at, moment }) = claims_of::<Credential>(c, id, as_of)?
            else {
                return Ok(None);
            };
            let record = claims.first().map(|claim| &claim.row.record);
            let mut identity = None;
            let mut places = Vec::new();
            let mut same_secret = Vec::new();
            if let Some(record) = record {
                if let Some(proved) = record.identity {
                    identity = leading(c, moment, roles::IDENTITY, proved.as_bytes(), 1)?.pop();
                }
                let mut known = BTreeSet::new();
                for stored in record.places.iter().take(MAX_RELATED) {
                    if known.insert(stored.place) {
                        places.extend(leading(
                            c,
                            moment,
                            roles::PLACE,
                            stored.place.as_bytes(),
                            1,
                        )?);
                    }
                }
                if let Some(print) = record.fingerprint {
                    same_secret =
                        leading(c, moment, roles::FINGERPRINT, print.as_bytes(), MAX_RELATED)?;
                    same_secret.retain(|row: &Row<Credential>| row.record.id.as_bytes() != id);
                }
            }
            let findings = findings_of(c, id)?;
            Ok(Some(CredentialDetail { claims, gone_at, identity, places, same_secret, findings }))
        })
    }

    pub fn place(&self, id: PlaceId, as_of: Option<Time>) -> Result<Option<PlaceDetail>> {
        self.ask("look up a place", |c| {
            let id = id.as_bytes();
            let Some(Known { claims, gone_at, moment }) = claims_of::<Place>(c, id, as_of)? else {
                return Ok(None);
            };
            // Links are of now; a place of the past shows the credentials that still lie in it.
            let mut credentials = leading(c, None, roles::LIES_IN, id, MAX_RELATED)?;
            credentials.retain(|row: &Row<Credential>| {
                row.record.places.iter().any(|stored| stored.place.as_bytes() == id)
            });
            let n_credentials = if credentials.len() < MAX_RELATED {
                credentials.len() as u64
            } else {
                count(c, roles::LIES_IN, id)?
            };
            let container = match claims.first().and_then(|claim| claim.row.record.container) {
                Some(container) => leading(c, moment, roles::PLACE, container.as_bytes(), 1)?.pop(),
                None => None,
            };
            Ok(Some(PlaceDetail { claims, gone_at, credentials, n_credentials, container }))
        })
    }

    pub fn grant(&self, id: GrantId, as_of: Option<Time>) -> Result<Vec<Claim<Grant>>> {
        self.ask("look up a grant", |c| {
            Ok(claims_of(c, id.as_bytes(), as_of)?.map_or(Vec::new(), |found| found.claims))
        })
    }

    pub fn policy(&self, id: PolicyId, as_of: Option<Time>) -> Result<Vec<Claim<PolicyDocument>>> {
        self.ask("look up a policy document", |c| {
            Ok(claims_of(c, id.as_bytes(), as_of)?.map_or(Vec::new(), |found| found.claims))
        })
    }

    /// Hands out every policy document of an account, one at a time, in the order of arrival, until
    /// `visit` wants no more. It runs within the reading: it must not ask the store.
    pub fn each_policy(
        &self,
        system: &str,
        instance: &str,
        visit: &mut dyn FnMut(PolicyDocument) -> bool,
    ) -> Result<()> {
        self.read("read the policy documents of an account", |c| {
            c.visit(
                &format!(
                    "SELECT {RECORD} FROM policy r JOIN scope sc ON sc.key = r.scope_key \
                     WHERE r.instance = ?1 AND r.system = ?2 AND r.lead = 1 ORDER BY r.key"
                ),
                &[instance.into(), system.into()],
                |row| Ok(visit(record_of(row)?)),
            )
        })
    }

    pub fn trust(&self, id: TrustId, as_of: Option<Time>) -> Result<Vec<Claim<Trust>>> {
        self.ask("look up a trust", |c| {
            Ok(claims_of(c, id.as_bytes(), as_of)?.map_or(Vec::new(), |found| found.claims))
        })
    }
}
