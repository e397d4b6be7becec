//! One function per thing a person can do: authorise, call the pure crates, write store and audit.
//!
//! The seam under command line, API and console, which translate and decide nothing. Every
//! function takes the [`App`], who acts ([`Actor`]) and, where time matters, `now`. Start with
//! [`inventory`] for what can be asked, [`sync`] for how data comes in, [`scan`] for the one-shot.

pub mod access;
pub mod activity;
pub mod audit;
pub mod backup;
pub mod demo;
pub mod diagnosis;
pub mod error;
pub mod estate;
pub mod export;
pub mod findings;
pub mod inventory;
pub mod machine;
pub mod owners;
pub mod people;
pub mod permissions;
pub mod policy;
pub mod report;
pub mod scan;
pub mod sources;
pub mod suppress;
pub mod sync;
pub mod today;

pub use access::{Act, Actor, Role, Via};
pub use error::{Error, Kind, Result};

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use connectors::Machine;
use model::{Fingerprinter, Time};
use store::Store;

/// What every function works on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    pub store: Store,
    pub machine: Arc<Machine>,
    pub fingerprinter: Arc<Fingerprinter>,
    pub syncs: sync::Syncs,
    pub refusals: audit::Refusals,
    pub folder: Arc<Path>,
    /// Whether somebody who signed in as administrator may say which files of this machine are read:
    /// so it is where only browsers of this machine reach the console.
    pub trusts_sessions: bool,
    warming: Arc<AtomicBool>,
    /// Held while owners are ranked and rules evaluated.
    pub(crate) evaluating: Arc<Mutex<()>>,
    coverage: Arc<Mutex<inventory::KnownCoverage>>,
    permissions: Arc<Mutex<permissions::KnownAccounts>>,
}

impl App {
    /// Opens a data folder. `holder` says what this process is, for whoever finds the folder held.
    pub fn open(folder: PathBuf, holder: &str, now: Time) -> anyhow::Result<Self> {
        let store = Store::open(&folder, holder, now)?;
        let fingerprinter = machine::fingerprinter(&folder)?;
        let machine = machine::machine(Path::new("/"))?;
        Ok(Self {
            store,
            machine: Arc::new(machine),
            fingerprinter: Arc::new(fingerprinter),
            syncs: sync::Syncs::default(),
            refusals: audit::Refusals::default(),
            folder: folder.into(),
            trusts_sessions: false,
            warming: Arc::default(),
            coverage: Arc::default(),
            permissions: Arc::default(),
            evaluating: Arc::default(),
        })
    }

    /// Reads what is published into the columns that facets, totals and search come from. Takes
    /// seconds on a large estate; until it is done those answer "counting".
    pub fn warm(&self) -> Result<()> {
        Ok(self.store.build_columns()?)
    }

    /// The same on a thread of its own; one that already waits to run does for all who ask.
    pub(crate) fn warm_soon(&self) {
        if self.warming.swap(true, Ordering::SeqCst) {
            return;
        }
        let app = self.clone();
        std::thread::spawn(move || {
            app.warming.store(false, Ordering::SeqCst);
            if let Err(error) = app.warm() {
                tracing::error!(%error, "counting what is stored");
            }
        });
    }
}
