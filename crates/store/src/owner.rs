//! Who owns an identity: what people claimed, and the column that lists show.

use std::collections::BTreeSet;

use model::{IdentityId, Party, Time};
use serde::{Deserialize, Serialize};

use crate::engine::{Connection, Row, Statement, Value};
use crate::error::Error;
use crate::record::unreadable;
use crate::reference::roles;
use crate::{Result, Store};

/// The owner that leads for an identity, as the app worked it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnerColumn {
    pub party: Party,
    pub method: String,
    pub confidence: f64,
}

/// A person said whose an identity is. Kept over syncs; wins over everything inferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnerClaim {
    pub identity: IdentityId,
    pub party: Party,
    pub by: String,
    pub reason: String,
    pub at: Time,
}

/// The method of an owner that a person claimed.
pub const CLAIM: &str = "claim";

const ROWS: &str = "SELECT identity_id, party, claimed_by, reason, at FROM owner_claim";

fn row_of(row: &Row<'_>) -> Result<OwnerClaim> {
    Ok(OwnerClaim {
        identity: IdentityId::from_bytes(row.id(0)?),
        party: serde_json::from_str(row.text(1)?)
            .map_err(|error| unreadable("read an owner claim", &error))?,
        by: row.text(2)?.into(),
        reason: row.text(3)?.into(),
        at: row.time(4)?,
    })
}

pub(crate) fn owner_claim_of(c: &Connection, identity: &[u8; 16]) -> Result<Option<OwnerClaim>> {
    c.one(&format!("{ROWS} WHERE identity_id = ?1"), &[identity.into()], row_of)
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::Database { doing: "write an owner", source: Box::new(error) })
}

/// Sets the column of one identity: [`set_owner`] gives it its values.
fn owner_statement(c: &Connection) -> Result<Statement<'_>> {
    let by_id = roles::IDENTITY.names("?1");
    c.statement(&format!(
        "UPDATE identity AS r SET owner_key = ?2, owner_confidence = ?3, owner = ?4 \
         WHERE {by_id} AND r.owner IS NOT ?4"
    ))
}

fn set_owner(
    statement: &mut Statement<'_>,
    identity: IdentityId,
    owner: Option<&OwnerColumn>,
) -> Result<()> {
    let json = owner.map(json).transpose()?;
    let values = [
        identity.as_bytes().into(),
        owner.map(|owner| owner.party.key.as_str()).into(),
        owner.map_or(Value::Null, |owner| Value::Real(owner.confidence)),
        json.as_deref().into(),
    ];
    statement.run(&values).map(drop)
}

impl Store {
    /// Sets the owner that lists show; identities that are not named keep theirs, and what a person
    /// claimed stays.
    pub fn set_owners(&self, owners: &[(IdentityId, Option<OwnerColumn>)]) -> Result<()> {
        self.write("set owners", |c| {
            let claimed: BTreeSet<IdentityId> = c
                .rows("SELECT identity_id FROM owner_claim", &[], |row| row.id(0))?
                .into_iter()
                .map(IdentityId::from_bytes)
                .collect();
            let mut statement = owner_statement(c)?;
            for (identity, owner) in owners {
                if !claimed.contains(identity) {
                    set_owner(&mut statement, *identity, owner.as_ref())?;
                }
            }
            Ok(())
        })
    }

    /// A person claims an identity for a party; replaces an earlier claim. The owner column follows
    /// at once.
    pub fn claim_owner(
        &self,
        identity: IdentityId,
        party: &Party,
        by: &str,
        reason: &str,
        now: Time,
    ) -> Result<OwnerClaim> {
        let claim = OwnerClaim {
            identity,
            party: party.clone(),
            by: by.into(),
            reason: reason.into(),
            at: now,
        };
        let json = json(party)?;
        self.write("claim an identity", |c| {
            let known = c.one(
                &format!("SELECT 1 FROM identity r WHERE {} LIMIT 1", roles::IDENTITY.names("?1")),
                &[identity.as_bytes().into()],
                |row| row.int(0),
            )?;
            if known.is_none() {
                return Err(Error::NotFound { what: "identity", id: identity.to_string() });
            }
            c.run(
                "INSERT INTO owner_claim (identity_id, party, claimed_by, reason, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (identity_id) DO UPDATE SET \
                 party = excluded.party, claimed_by = excluded.claimed_by, \
                 reason = excluded.reason, at = excluded.at",
                &[
                    identity.as_bytes().into(),
                    json.as_str().into(),
                    by.into(),
                    reason.into(),
                    now.into(),
                ],
            )?;
            let column =
                OwnerColumn { party: party.clone(), method: CLAIM.into(), confidence: 1.0 };
            set_owner(&mut owner_statement(c)?, identity, Some(&column))
        })?;
        Ok(claim)
    }

    /// Takes a claim back; gives it as it was. The app sets the inferred owner anew.
    pub fn withdraw_owner_claim(&self, identity: IdentityId) -> Result<Option<OwnerClaim>> {
        self.write("withdraw a claim", |c| {
            let claim = owner_claim_of(c, identity.as_bytes())?;
            if claim.is_some() {
                c.run(
                    "DELETE FROM owner_claim WHERE identity_id = ?1",
                    &[identity.as_bytes().into()],
                )?;
                set_owner(&mut owner_statement(c)?, identity, None)?;
            }
            Ok(claim)
        })
    }

    /// All claims of people, in the order of identities.
    pub fn owner_claims(&self) -> Result<Vec<OwnerClaim>> {
        self.read("read owner claims", |c| {
            c.rows(&format!("{ROWS} ORDER BY identity_id"), &[], row_of)
        })
    }

    pub fn owner_claim(&self, identity: IdentityId) -> Result<Option<OwnerClaim>> {
        self.read("read an owner claim", |c| owner_claim_of(c, identity.as_bytes()))
    }
}
