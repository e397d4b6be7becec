//! What a connector is: a descriptor of plain data and functions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::kinds::IdentityKind;
use model::{Batch, Fingerprinter, Time};
use serde::{Deserialize, Serialize};

/// One source, described. Absent capabilities are `None`, never functions that fail.
#[derive(Debug)]
pub struct Descriptor {
    /// `host`, `aws` …: stored, published, and the name of the folder.
    pub id: &'static str,
    pub title: &'static str,
    /// One sentence: what it reads.
    pub summary: &'static str,
    pub settings: &'static [Setting],
    /// What it must be allowed to do, and what is missing without it.
    pub permissions: &'static [Permission],
    /// Kinds of identity that only this source has.
    pub kinds: &'static [&'static IdentityKind],
    /// Reads everything and hands it on in settled batches (see [`Batch::settle`]); each record is
    /// in one batch only. What could not be read is in the batches' coverage. Runs on its own
    /// thread and may block. Fails only when nothing at all could be read.
    pub discover: fn(&Request<'_>, Outbox<'_>) -> Result<(), SourceError>,
    /// Tries the cheapest read that shows the settings are right; says in one line what it saw.
    pub test: fn(&Request<'_>) -> Result<String, SourceError>,
}

/// Where a connector puts its batches.
pub type Outbox<'a> = &'a mut dyn FnMut(Batch);

/// A configuration key of a connector.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub name: &'static str,
    pub kind: SettingKind,
    pub default: &'static str,
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    Text,
    /// One path; relative to the folder the command was started in.
    Path,
    /// Several paths.
    Paths,
    /// Several texts.
    List,
    Truth,
    Number,
}

/// Something a connector needs to be allowed, shown before it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Permission {
    pub name: &'static str,
    pub reads: &'static str,
    /// How to grant it: a command or a policy.
    pub grant: &'static str,
}

/// Values of a source's settings; a setting that is not here has its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, Vec<String>>);

impl Settings {
    pub fn list(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.list(name).first().map(String::as_str)
    }

    pub fn truth(&self, name: &str) -> Option<bool> {
        match self.text(name)? {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        }
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    #[must_use]
    pub fn with(mut self, name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.insert(name.into(), values.into_iter().map(Into::into).collect());
        self
    }
}

/// The machine whose files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `/etc/machine-id`, or an id the caller chose: the instance of everything on this machine.
    pub id: String,
    pub name: String,
    /// `/`, or the folder a machine's file system is mounted at. Paths in records are as seen from
    /// inside, so an image and the live machine give the same ids.
    pub root: PathBuf,
}

/// All a connector is handed: it reads no clock, no environment and no settings of its own.
pub struct Request<'a> {
    pub settings: &'a Settings,
    pub machine: &'a Machine,
    pub now: Time,
    /// None in a scan that keeps nothing: then records carry no fingerprints.
    pub fingerprinter: Option<&'a Fingerprinter>,
    pub progress: &'a (dyn Fn(Progress) + Sync),
    pub cancel: &'a AtomicBool,
}

/// Where a connector is; shown while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What is being read now: `accounts`, `/srv/app`.
    pub doing: String,
    pub done: u64,
    /// None while it is not known.
    pub total: Option<u64>,
}

impl Request<'_> {
    /// Whether the caller wants no more; a connector asks this at least every hundred files.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    pub fn report(&self, doing: impl Into<String>, done: u64, total: Option<u64>) {
        (self.progress)(Progress { doing: doing.into(), done, total });
    }

    /// A setting that names a path, absolute as the caller resolved it.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.settings.text(name).map(Path::new)
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why a source gave nothing at all; the scheduler branches on exactly these.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("not signed in: {0}")]
    Unauthenticated(String),
    #[error("not allowed: {missing} is needed")]
    Forbidden { missing: String },
    #[error("asked to slow down")]
    RateLimited { retry_after: Option<Duration> },
    #[error("not found: {0}")]
    NotFound(String),
    #[error("not reachable: {0}")]
    Unreachable(String),
    #[error("not understood: {0}")]
    Protocol(String),
    #[error("cancelled")]
    Cancelled,
}
