//! Everything Tutela keeps: one SQLite database per data folder, one process per folder.
//!
//! The only SQL of the workspace. Synchronous: the server calls it from blocking threads. It knows
//! no connector, no HTTP and no clock: every act that needs a time is handed `now`. Start with
//! [`Store`]; how a sync becomes visible is told in [`sync`], how lists are asked in [`query`].

pub mod access;
pub mod audit;
pub mod backup;
pub mod coverage;
pub mod detail;
pub mod diff;
pub mod error;
pub mod evaluation;
pub mod fields;
pub mod finding;
pub mod list;
pub mod owner;
pub mod query;
pub mod setting;
pub mod source;
pub mod sync;
pub mod timeline;

mod brief;
mod check;
mod columns;
mod count;
mod engine;
mod flat;
mod lock;
mod migrate;
mod packed;
mod position;
mod publish;
mod record;
mod reference;
mod select;
mod spool;
mod writer;

pub use access::{
    ApiToken, NewApiToken, Person, PersonChange, PersonId, Role, Session, SignInLink, TokenId,
};
pub use audit::{AuditEntry, AuditPhase, AuditRecord};
pub use backup::Manifest;
pub use coverage::{CoverageOf, ScopeCoverage};
pub use detail::{Claim, CredentialDetail, IdentityDetail, PlaceDetail, ThingId};
pub use diff::{DiffKind, DiffPage, DiffQuery, DiffRow, DiffSummary};
pub use error::{Error, OpenError};
pub use evaluation::{Evaluation, Family, Mark, Stale, Subjects};
pub use fields::{Field, FieldKind, List};
pub use finding::{FindingRow, ReconcileSummary};
pub use owner::{OwnerClaim, OwnerColumn};
pub use query::{
    Cursor, Facet, FacetValue, Filter, GapRow, Hit, LiesIn, ListQuery, Op, Page, Row, Sort,
};
pub use source::{NewSource, Source, SourceChange};
pub use sync::{CUT_OFF, Counts, Sync, SyncId, SyncState, SyncSummary};
pub use timeline::{FieldChange, Version};
pub use writer::{MAX_NAME_BYTES, SyncWriter};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use model::Time;

use crate::columns::Columns;
use crate::engine::{Connection, Readers, Use, lock};
use crate::flat::HashKey;

pub use engine::{unless_unwanted, version as engine_version};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The steps of the engine that one page, count or comparison may take: some ten seconds. To read a
/// million identities with all that is known of them takes a twentieth of it.
pub const MAX_STEPS: u64 = 1_000_000_000;

pub(crate) const ESTATE_FILE: &str = "estate.db";
pub(crate) const AUDIT_FILE: &str = "audit.db";

/// A data folder that this process holds; clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None for a store that keeps nothing.
    folder: Option<PathBuf>,
    writer: Mutex<Connection>,
    readers: Readers,
    audit: Mutex<Connection>,
    /// Keys of the sources that sync now.
    running: Mutex<BTreeSet<i64>>,
    columns: RwLock<Option<Arc<Columns>>>,
    hash_key: HashKey,
    max_steps: AtomicU64,
    /// Last: the folder is let go of when everything else is closed.
    _lock: Option<lock::Lock>,
}

impl Store {
    /// Opens a data folder (made when missing, mode 0700), brings its schema up to date and removes
    /// what a sync that never ended left behind. `holder` says what this process is, for whoever
    /// finds the folder held: `tutela up`.
    pub fn open(folder: &Path, holder: &str, now: Time) -> Result<Self, OpenError> {
        lock::make_folder(folder)?;
        let held = lock::take(folder, holder, now)?;
        let writer = open_file(&folder.join(ESTATE_FILE), Use::Write, migrate::ESTATE, now)?;
        let audit =
            open_file(&folder.join(AUDIT_FILE), Use::WriteSynchronously, migrate::AUDIT, now)?;
        let store = Self::with(Some(folder.to_owned()), writer, audit, Some(held))?;
        store.clean_up(now)?;
        Ok(store)
    }

    /// A store that keeps nothing: for scans and tests.
    pub fn in_memory(now: Time) -> Result<Self, OpenError> {
        let writer = Connection::in_memory()?;
        migrate::migrate(&writer, migrate::ESTATE, Path::new("memory"), now)?;
        let audit = Connection::in_memory()?;
        migrate::migrate(&audit, migrate::AUDIT, Path::new("memory"), now)?;
        Ok(Self::with(None, writer, audit, None)?)
    }

    fn with(
        folder: Option<PathBuf>,
        writer: Connection,
        audit: Connection,
        held: Option<lock::Lock>,
    ) -> Result<Self> {
        let hash_key = writer
            .one("SELECT bytes FROM hash_key", &[], |row| row.id(0))?
            .ok_or(Error::NotFound { what: "key of hashes", id: String::new() })?;
        Ok(Self(Arc::new(Inner {
            folder,
            writer: Mutex::new(writer),
            readers: Readers::new(),
            audit: Mutex::new(audit),
            running: Mutex::default(),
            columns: RwLock::default(),
            hash_key: HashKey(hash_key),
            max_steps: AtomicU64::new(MAX_STEPS),
            _lock: held,
        })))
    }

    /// The data folder; none for a store that keeps nothing.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder.as_deref()
    }

    /// What never ended has failed; its spool went with its process.
    fn clean_up(&self, now: Time) -> Result<()> {
        self.write("note interrupted syncs", |c| sync::note_failure(c, None, CUT_OFF, now))
    }

    pub(crate) fn write<T>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        lock(&self.0.writer).write(doing, act)
    }

    /// Asks over one unchanging view. Never call it, or [`Store::write`], from within `ask`: a
    /// store in memory has one connection.
    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        match &self.0.folder {
            Some(folder) => self.0.readers.read(&folder.join(ESTATE_FILE), doing, ask),
            None => lock(&self.0.writer).read(doing, ask),
        }
    }

    /// A question that a person put together: as [`Store::read`], and no longer than
    /// [`MAX_STEPS`].
    pub(crate) fn ask<T>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let max_steps = self.0.max_steps.load(Ordering::Relaxed);
        self.read(doing, |c| c.limited(max_steps, ask))
    }

    pub(crate) fn with_writer<T>(&self, act: impl FnOnce(&Connection) -> T) -> T {
        act(&lock(&self.0.writer))
    }

    pub(crate) fn hash_key(&self) -> HashKey {
        self.0.hash_key
    }

    pub(crate) fn audit_log(&self) -> &Mutex<Connection> {
        &self.0.audit
    }

    pub(crate) fn columns(&self) -> &RwLock<Option<Arc<Columns>>> {
        &self.0.columns
    }

    fn begin_running(&self, source_key: i64) -> bool {
        lock(&self.0.running).insert(source_key)
    }

    fn end_running(&self, source_key: i64) {
        lock(&self.0.running).remove(&source_key);
    }

    /// Lets questions take fewer steps than [`MAX_STEPS`].
    #[doc(hidden)]
    pub fn limit_steps(&self, max_steps: u64) {
        self.0.max_steps.store(max_steps, Ordering::Relaxed);
    }

    /// Lets the database grow by so many pages only, as a full disk would.
    #[doc(hidden)]
    pub fn limit_pages(&self, more: i64) -> Result<()> {
        lock(&self.0.writer).limit_pages(more)
    }
}

fn open_file(
    path: &Path,
    usage: Use,
    steps: &'static [migrate::Migration],
    now: Time,
) -> Result<Connection, OpenError> {
    let corrupt = |what| OpenError::Corrupt { path: path.to_owned(), what };
    let of = |error| match error {
        Error::Corrupt { what, .. } => corrupt(what),
        error => OpenError::Store(error),
    };
    drop(lock::make_file(path)?);
    let connection = Connection::open(path, usage).map_err(of)?;
    match migrate::migrate(&connection, steps, path, now) {
        Err(OpenError::Store(error)) => Err(of(error)),
        Err(error) => Err(error),
        Ok(()) => Ok(connection),
    }
}
