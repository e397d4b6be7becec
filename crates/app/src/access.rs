//! Who may do what. Every function of this crate that is reachable from outside asks here first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use store::Role;

use crate::error::{Error, Kind, Result};

/// Everything that can be done, each with the least role that may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    Look,
    ExportData,
    ClaimOwner,
    HandleFinding,
    RunSync,
    TestSource,
    AcceptRisk,
    ManageSources,
    ManagePeople,
    /// Own password, own sessions, own tokens.
    ManageSelf,
    ReadAudit,
    Backup,
}

impl Act {
    pub const ALL: [Self; 12] = [
        Self::Look,
        Self::ExportData,
        Self::ClaimOwner,
        Self::HandleFinding,
        Self::RunSync,
        Self::TestSource,
        Self::AcceptRisk,
        Self::ManageSources,
        Self::ManagePeople,
        Self::ManageSelf,
        Self::ReadAudit,
        Self::Backup,
    ];

    pub const fn least_role(self) -> Role {
        match self {
            Self::Look | Self::ExportData | Self::ManageSelf => Role::Viewer,
            Self::ClaimOwner | Self::HandleFinding | Self::RunSync | Self::TestSource => {
                Role::Operator
            }
            Self::AcceptRisk | Self::ReadAudit => Role::Approver,
            Self::ManageSources | Self::ManagePeople | Self::Backup => Role::Administrator,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::ExportData => "export-data",
            Self::ClaimOwner => "claim-owner",
            Self::HandleFinding => "handle-finding",
            Self::RunSync => "run-sync",
            Self::TestSource => "test-source",
            Self::AcceptRisk => "accept-risk",
            Self::ManageSources => "manage-sources",
            Self::ManagePeople => "manage-people",
            Self::ManageSelf => "manage-self",
            Self::ReadAudit => "read-audit",
            Self::Backup => "backup",
        }
    }
}

/// How the one who acts has shown who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "via")]
pub enum Via {
    /// The person who owns the data folder: by the Unix socket, or with no server running.
    Local {
        uid: u32,
    },
    Session {
        person: i64,
    },
    Token {
        id: i64,
        person: i64,
    },
    /// Tutela itself: the schedule.
    Schedule,
}

/// The one who acts, already authenticated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub name: String,
    pub role: Role,
    pub via: Via,
}

impl Actor {
    pub fn local(uid: u32, name: impl Into<String>) -> Self {
        Self { name: name.into(), role: Role::Administrator, via: Via::Local { uid } }
    }

    pub fn schedule() -> Self {
        Self { name: "schedule".into(), role: Role::Administrator, via: Via::Schedule }
    }

    /// The person behind it, where there is one.
    pub const fn person(&self) -> Option<store::PersonId> {
        match self.via {
            Via::Session { person } | Via::Token { person, .. } => Some(store::PersonId(person)),
            Via::Local { .. } | Via::Schedule => None,
        }
    }

    /// Refuses unless the role suffices.
    pub fn may(&self, act: Act) -> Result<()> {
        if self.role >= act.least_role() {
            return Ok(());
        }
        let whom = if matches!(self.via, Via::Token { .. }) { "the token of " } else { "" };
        let message = format!(
            "{whom}`{}` has the role {}; {} needs {}",
            self.name,
            self.role.name(),
            act.name(),
            act.least_role().name()
        );
        Err(Error::new(Kind::Forbidden, "role-too-low", message)
            .hint("ask an administrator for the role"))
    }
}
