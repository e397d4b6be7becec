//! The one-shot: read folders (and this host) now, say what is there, keep nothing.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use connectors::{Descriptor, Machine, Progress, Request, Settings, SourceError, connector};
use model::fact::Text;
use model::{Batch, Coverage, Fingerprinter, Gap, GapReason, Scope, Time};

use serde_json::json;
use store::NewSource;

use crate::access::{Act, Actor};
use crate::audit::acting;
use crate::error::{Error, Kind, Result};
use crate::people::MAX_NAME_CHARS;
use crate::report::Report;
use crate::{App, estate};

/// What to scan.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// Absolute paths of folders and files.
    pub paths: Vec<PathBuf>,
    /// Whether to read this host and its home folders too.
    pub host: bool,
    /// Further settings for one connector, such as `("host", Settings)`.
    pub settings: Vec<(&'static str, Settings)>,
}

/// What one connector stated.
#[derive(Debug, Clone)]
pub struct Stated {
    pub connector: &'static str,
    pub settings: Settings,
    pub batch: Batch,
}

/// Runs the connectors one after the other; one that fails as a whole is a gap, not an end.
///
/// `fingerprinter` is none in a scan that keeps nothing, so that its output cannot be used to test
/// guesses of secrets.
pub fn discover(
    scan: &Scan,
    machine: &Machine,
    fingerprinter: Option<&Fingerprinter>,
    progress: &(dyn Fn(&'static str, Progress) + Sync),
    cancel: &AtomicBool,
    now: Time,
) -> Result<Vec<Stated>> {
    let mut stated = Vec::new();
    for (id, settings) in plan(scan) {
        let descriptor = connector(id)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("connector `{id}` is not built in")))?;
        let report = |step: Progress| progress(descriptor.id, step);
        let request =
            Request { settings: &settings, machine, now, fingerprinter, progress: &report, cancel };
        let batch = collect(descriptor, &request)?;
        stated.push(Stated { connector: descriptor.id, settings, batch });
    }
    Ok(stated)
}

/// The report of what was stated.
pub fn report(stated: Vec<Stated>, now: Time) -> Report {
    Report::new(
        stated.into_iter().map(|stated| (Text::from(stated.connector), stated.batch)).collect(),
        now,
    )
}

/// Keeps what was stated in a data folder, each connector's part as a sync of a source by hand.
pub fn keep(app: &App, actor: &Actor, stated: &[Stated], clock: &dyn Fn() -> Time) -> Result<()> {
    acting(app, actor, Act::ManageSources, "scan", json!({ "keep": stated.len() }), clock(), || {
        for stated in stated {
            let settings = serde_json::to_string(&stated.settings).map_err(Error::internal)?;
            let name = match stated.settings.list("paths") {
                [] => stated.connector.to_owned(),
                paths => paths.join(", ").chars().take(MAX_NAME_CHARS).collect(),
            };
            let known = app.store.sources()?.into_iter().find(|source| {
                source.connector == stated.connector
                    && (source.name == name || source.settings == settings)
            });
            let source = match known {
                Some(source) => source,
                None => app.store.add_source(
                    &NewSource {
                        connector: stated.connector.into(),
                        name,
                        settings,
                        every_s: None,
                    },
                    clock(),
                )?,
            };
            let mut writer = app.store.begin_sync(source.id, clock())?;
            writer.put(&stated.batch)?;
            writer.publish(clock())?;
        }
        estate::refresh(app, clock())?;
        Ok(())
    })
}

fn plan(scan: &Scan) -> Vec<(&'static str, Settings)> {
    let mut plan = Vec::new();
    let extra = |id: &'static str| {
        let found = scan.settings.iter().find(|(connector, _)| *connector == id);
        found.map(|(_, settings)| settings.clone()).unwrap_or_default()
    };
    if scan.host {
        plan.push(("host", extra("host")));
        plan.push(("homes", extra("homes")));
    }
    if !scan.paths.is_empty() {
        let paths = scan.paths.iter().map(|path| path.to_string_lossy().into_owned());
        plan.push(("repository", extra("repository").with("paths", paths)));
    }
    plan
}

pub(crate) fn collect(descriptor: &Descriptor, request: &Request<'_>) -> Result<Batch> {
    let mut all = Batch::default();
    match (descriptor.discover)(request, &mut |batch| all.extend(batch)) {
        Ok(()) => {}
        Err(SourceError::Cancelled) => {
            return Err(Error::new(Kind::Unavailable, "cancelled", "the scan was cancelled"));
        }
        Err(error) => {
            let scope = Scope::new("tutela", "", "source", descriptor.id);
            let mut coverage = Coverage::new(scope);
            coverage.miss(Gap::new(descriptor.id, GapReason::Failed).detail(error.to_string()));
            coverage.truncated = true;
            all.coverage.push(coverage);
        }
    }
    Ok(all)
}
