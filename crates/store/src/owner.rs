//! Who owns an identity: what people claimed, and the column that lists show.

use crate::stub;
use crate::{Result, Store};
use model::{IdentityId, Party, Time};
use serde::{Deserialize, Serialize};

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

impl Store {
    /// Sets the owner that lists show; identities that are not named keep theirs.
    pub fn set_owners(&self, owners: &[(IdentityId, Option<OwnerColumn>)]) -> Result<()> {
        stub()
    }
    /// A person claims an identity for a party; replaces an earlier claim. The owner column follows at
    /// once.
    pub fn claim_owner(
        &self,
        identity: IdentityId,
        party: &Party,
        by: &str,
        reason: &str,
        now: Time,
    ) -> Result<OwnerClaim> {
        stub()
    }
    /// Takes a claim back; gives it as it was. The app sets the inferred owner anew.
    pub fn withdraw_owner_claim(&self, identity: IdentityId) -> Result<Option<OwnerClaim>> {
        stub()
    }
    pub fn owner_claims(&self) -> Result<Vec<OwnerClaim>> {
        stub()
    }
    pub fn owner_claim(&self, identity: IdentityId) -> Result<Option<OwnerClaim>> {
        stub()
    }
}
