//! Everything Tutela keeps: one SQLite database per data folder, one process per folder.
//!
//! The only SQL of the workspace. Synchronous: the server calls it from blocking threads. It knows
//! no connector, no HTTP and no clock: every act that needs a time is handed `now`. Start with
//! [`Store`]; how a sync becomes visible is told in [`sync`], how lists are asked in [`query`].

#![expect(unused_variables, dead_code, reason = "the bodies follow")]

pub mod access;
pub mod audit;
pub mod backup;
pub mod coverage;
pub mod detail;
pub mod diff;
pub mod error;
pub mod fields;
pub mod finding;
pub mod list;
pub mod owner;
pub mod query;
pub mod setting;
pub mod source;
pub mod sync;
pub mod timeline;

pub use access::{ApiToken, NewApiToken, Person, PersonId, Role, Session, SignInLink, TokenId};
pub use audit::{AuditEntry, AuditPhase, AuditRecord};
pub use backup::Manifest;
pub use coverage::{CoverageOf, ScopeCoverage};
pub use detail::{Claim, CredentialDetail, IdentityDetail, PlaceDetail, ThingId};
pub use diff::{DiffKind, DiffPage, DiffQuery, DiffRow, DiffSummary};
pub use error::{Error, OpenError};
pub use fields::{Field, FieldKind, List};
pub use finding::{FindingRow, ReconcileSummary};
pub use owner::{OwnerClaim, OwnerColumn};
pub use query::{Cursor, Facet, FacetValue, Filter, GapRow, Hit, ListQuery, Op, Page, Row, Sort};
pub use source::{NewSource, Source};
pub use sync::{Counts, Sync, SyncId, SyncState, SyncSummary, SyncWriter};
pub use timeline::{FieldChange, Version};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A data folder that this process holds; clones share it.
#[derive(Debug, Clone)]
pub struct Store(std::sync::Arc<()>);

impl Store {
    /// Opens a data folder (made when missing, mode 0700), brings its schema up to date and removes
    /// what a sync that never ended left behind. `holder` says what this process is, for whoever
    /// finds the folder held: `tutela up`.
    pub fn open(
        folder: &std::path::Path,
        holder: &str,
        now: model::Time,
    ) -> Result<Self, OpenError> {
        let _ = (folder, holder, now);
        Ok(Self(std::sync::Arc::new(())))
    }

    /// A store that keeps nothing: for scans and tests.
    pub fn in_memory(now: model::Time) -> Result<Self, OpenError> {
        let _ = now;
        Ok(Self(std::sync::Arc::new(())))
    }
}

fn stub<T, E: From<Error>>() -> Result<T, E> {
    Err(E::from(Error::BadCursor))
}
