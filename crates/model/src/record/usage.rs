//! What an identity was seen to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fact::Window;
use crate::id::{CredentialId, IdentityId};
use crate::time::Time;

/// First, last and how often, per identity, credential, action, resource area, network and agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    pub identity: IdentityId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    pub first_at: Time,
    pub last_at: Time,
    pub count: u64,
    pub window: Window,
}
