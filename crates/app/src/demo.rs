//! Fills a data folder with the demo estate, source by source, as syncs do.

use std::sync::mpsc::{channel, sync_channel};
use std::thread::ScopedJoinHandle;

use demo::{Plan, SOURCES, Source, batches};
use model::Time;
use serde_json::json;
use store::{NewSource, SourceChange, Store, SyncSummary, SyncWriter};

use crate::access::{Act, Actor};
use crate::audit::acting;
use crate::error::Result;
use crate::sync::MAX_WAITING_BATCHES;
use crate::{App, estate};

/// How far the loading is.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub source: &'static str,
    pub n_records: u64,
}

/// The name of a source that is not of the demo, if there is any.
pub fn foreign(app: &App) -> Result<Option<String>> {
    let is_own = |source: &store::Source| {
        SOURCES.iter().any(|part| source.connector == part.connector && source.name == part.name)
    };
    Ok(app.store.sources()?.into_iter().find(|source| !is_own(source)).map(|source| source.name))
}

/// Loads the estate and evaluates it; a second time syncs the same sources again.
pub fn load(
    app: &App,
    actor: &Actor,
    plan: &Plan,
    progress: &dyn Fn(Step),
    clock: &dyn Fn() -> Time,
) -> Result<Vec<(&'static str, SyncSummary)>> {
    let detail = json!({ "identities": plan.identities, "seed": plan.seed });
    acting(app, actor, Act::ManageSources, "demo", detail, clock(), || {
        let summaries = fill(&app.store, plan, progress, clock)?;
        estate::refresh(app, clock())?;
        app.warm()?;
        Ok(summaries)
    })
}

/// Syncs every source of the estate into a store. They have nothing behind them, so they are
/// disabled: no schedule reads them.
pub fn fill(
    store: &Store,
    plan: &Plan,
    progress: &dyn Fn(Step),
    clock: &dyn Fn() -> Time,
) -> Result<Vec<(&'static str, SyncSummary)>> {
    let (sender, receiver) = sync_channel(MAX_WAITING_BATCHES);
    // What was taken in goes back: memory is freed fastest where it was taken.
    let (back, spent) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let all = SOURCES.iter().flat_map(|part| batches(plan, part).map(move |b| (part, b)));
            for one in all {
                // Nobody listens any more when the store failed.
                if sender.send(one).is_err() {
                    break;
                }
                spent.try_iter().for_each(drop);
            }
        });
        let mut summaries = Vec::with_capacity(SOURCES.len());
        let mut reading: Option<(&'static Source, SyncWriter)> = None;
        let mut publishing: Option<Publishing<'_>> = None;
        let mut n_records = 0;
        for (part, batch) in receiver {
            let mut writer = match reading.take() {
                Some((read, writer)) if read == part => writer,
                before => {
                    // To begin needs the store's one writer, as publishing does; so the next source
                    // begins between two publications, and is read during the second.
                    summaries.extend(end(publishing.take())?);
                    let next = begin(store, part, clock())?;
                    let at = clock();
                    publishing = before
                        .map(|(read, writer)| (read.name, scope.spawn(move || writer.publish(at))));
                    n_records = 0;
                    next
                }
            };
            n_records += batch.n_records() as u64;
            progress(Step { source: part.name, n_records });
            writer.put(&batch)?;
            // There may be nothing left to make.
            back.send(batch).unwrap_or_default();
            reading = Some((part, writer));
        }
        summaries.extend(end(publishing)?);
        if let Some((part, writer)) = reading {
            summaries.push((part.name, writer.publish(clock())?));
        }
        Ok(summaries)
    })
}

fn begin(store: &Store, part: &Source, now: Time) -> Result<SyncWriter> {
    let known = store.sources()?;
    let known = known
        .into_iter()
        .find(|source| source.connector == part.connector && source.name == part.name);
    let source = match known {
        Some(source) => source,
        None => store.add_source(
            &NewSource {
                connector: part.connector.into(),
                name: part.name.into(),
                settings: "{}".into(),
                every_s: None,
            },
            now,
        )?,
    };
    if source.enabled {
        let off = SourceChange { enabled: Some(false), ..SourceChange::default() };
        store.change_source(source.id, &off)?;
    }
    Ok(store.begin_sync(source.id, now)?)
}

type Publishing<'a> = (&'static str, ScopedJoinHandle<'a, store::Result<SyncSummary>>);

fn end(publishing: Option<Publishing<'_>>) -> Result<Option<(&'static str, SyncSummary)>> {
    let Some((name, publishing)) = publishing else { return Ok(None) };
    match publishing.join() {
        Ok(summary) => Ok(Some((name, summary?))),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
