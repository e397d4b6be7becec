//! Who owns what: the candidates with their evidence, and claims that people make.

use model::{IdentityId, Party, PartyKind, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Facet, List, OwnerClaim};

use crate::App;
use crate::access::{Act, Actor};
use crate::audit::acting;
use crate::error::{Error, Result};
use crate::inventory::all_identities;
use crate::people::MAX_NAME_CHARS;

/// Identities of one bulk claim.
pub const MAX_CLAIMED: usize = 1_000;

/// Owners that are counted one by one; the identities of the others are counted together.
pub const MAX_OWNERS: usize = 1_000;

/// Identities that are not people by owner, most first; the empty value counts orphans. None until
/// the counts are ready.
pub fn counts(app: &App, actor: &Actor) -> Result<Option<Facet>> {
    actor.may(Act::Look)?;
    let facets = app.store.facets(List::Identities, &all_identities(), &["owner"], MAX_OWNERS)?;
    Ok(facets.and_then(|facets| facets.into_iter().next()))
}

/// What a person says: this party owns these identities.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NewClaim {
    pub identities: Vec<IdentityId>,
    pub kind: PartyKind,
    /// The handle or address: `@org/team`, `ada@example.org`.
    pub owner: String,
    /// For people; the handle when left out.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub reason: String,
}

/// Claims identities for a party; the claim wins over everything inferred and is kept over syncs.
pub fn claim(app: &App, actor: &Actor, new: &NewClaim, now: Time) -> Result<Vec<OwnerClaim>> {
    let detail = json!({ "identities": new.identities, "owner": new.owner, "reason": new.reason });
    acting(app, actor, Act::ClaimOwner, &new.owner, detail, now, || {
        if new.identities.is_empty() || new.identities.len() > MAX_CLAIMED {
            return Err(Error::invalid(
                "identities",
                format!("name 1 to {MAX_CLAIMED} identities"),
            ));
        }
        named(&new.owner)?;
        crate::findings::short(&new.reason)?;
        let name = new.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&new.owner);
        named(name)?;
        for id in &new.identities {
            app.store.identity(*id, None)?.ok_or_else(|| Error::not_found("identity", id))?;
        }
        let party = Party::new(new.kind, &new.owner, name);
        let mut claims = Vec::new();
        for id in &new.identities {
            claims.push(app.store.claim_owner(*id, &party, &actor.name, &new.reason, now)?);
        }
        crate::estate::refresh_these(app, &new.identities, now)?;
        app.warm_soon();
        Ok(claims)
    })
}

/// Takes a claim back; the best inferred owner leads again.
pub fn withdraw(app: &App, actor: &Actor, identity: IdentityId, now: Time) -> Result<OwnerClaim> {
    acting(
        app,
        actor,
        Act::ClaimOwner,
        &identity.to_string(),
        json!({ "withdraw": true }),
        now,
        || {
            let withdrawn = app
                .store
                .withdraw_owner_claim(identity)?
                .ok_or_else(|| Error::not_found("claim on identity", identity))?;
            crate::estate::refresh_these(app, &[identity], now)?;
            app.warm_soon();
            Ok(withdrawn)
        },
    )
}

pub fn claims(app: &App, actor: &Actor) -> Result<Vec<OwnerClaim>> {
    actor.may(Act::Look)?;
    Ok(app.store.owner_claims()?)
}

fn named(text: &str) -> Result<()> {
    let n_chars = text.trim().chars().count();
    if (1..=MAX_NAME_CHARS).contains(&n_chars) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid("owner", "an owner is 1 to 100 characters without control characters"))
}
