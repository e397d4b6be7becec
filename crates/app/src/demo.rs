//! Fills a data folder with the demo estate, source by source, as syncs do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use demo::{Plan, SOURCES, Source, batches};
use model::Time;
use serde_json::json;
use store::{NewSource, SourceChange, Store, SyncSummary, SyncWriter};

use crate::access::{Act, Actor};
use crate::audit::acting;
use crate::error::Result;
use crate::{App, estate};

/// The name of a source that is not of the demo, if there is any.
pub fn foreign(app: &App) -> Result<Option<String>> {
    let is_own = |source: &store::Source| {
        SOURCES.iter().any(|part| source.connector == part.connector && source.name == part.name)
    };
    Ok(app.store.sources()?.into_iter().find(|source| !is_own(source)).map(|source| source.name))
}

/// Loads the estate and evaluates it; a second time syncs the same sources again. `progress` hears
/// how many records were stated until then.
pub fn load(
    app: &App,
    actor: &Actor,
    plan: &Plan,
    progress: &(dyn Fn(u64) + Sync),
    clock: &(dyn Fn() -> Time + Sync),
) -> Result<Vec<(&'static str, SyncSummary)>> {
    let detail = json!({ "identities": plan.identities, "seed": plan.seed });
    acting(app, actor, Act::ManageSources, "demo", detail, clock(), || {
        let summaries = fill(&app.store, plan, progress, clock)?;
        estate::refresh(app, clock())?;
        app.warm()?;
        Ok(summaries)
    })
}

/// So many sources are read at once: each holds what it claimed in memory, and one publishes while
/// the other is read.
const AT_ONCE: usize = 2;

/// Syncs every source of the estate into a store. They have nothing behind them, so they are
/// disabled: no schedule reads them.
pub fn fill(
    store: &Store,
    plan: &Plan,
    progress: &(dyn Fn(u64) + Sync),
    clock: &(dyn Fn() -> Time + Sync),
) -> Result<Vec<(&'static str, SyncSummary)>> {
    let mut begun = Vec::with_capacity(SOURCES.len());
    for part in SOURCES {
        begun.push((part, begin(store, part, clock())?));
    }
    let waiting = Mutex::new(begun.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let turns = Turns::default();
    let n_records = AtomicU64::new(0);
    let read = || -> Result<Vec<_>> {
        let mut read = Vec::new();
        while let Some((number, (part, mut writer))) = next() {
            let turn = turns.of(number);
            // Each batch is made, compared and dropped by one thread, while it is in its cache.
            for batch in batches(plan, part) {
                writer.put(&batch)?;
                let n = batch.n_records() as u64;
                progress(n_records.fetch_add(n, Ordering::Relaxed) + n);
            }
            if !writer.has_nothing_new() {
                turn.wait();
            }
            read.push((number, (part.name, writer.publish(clock())?)));
        }
        Ok(read)
    };
    let all: Vec<Result<Vec<_>>> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let read = read();
                    if read.is_err() {
                        // What has not begun need not.
                        while next().is_some() {}
                    }
                    read
                })
            })
            .collect();
        let joined = readers.into_iter().map(|reader| match reader.join() {
            Ok(read) => read,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    let mut summaries = Vec::with_capacity(SOURCES.len());
    for read in all {
        summaries.extend(read?);
    }
    summaries.sort_unstable_by_key(|(number, _)| *number);
    Ok(summaries.into_iter().map(|(_, summary)| summary).collect())
}

/// Lets the sources publish in their order, so that every load of a plan gives the same rows.
#[derive(Debug, Default)]
struct Turns {
    ended: Mutex<[bool; SOURCES.len()]>,
    changed: Condvar,
}

impl Turns {
    const fn of(&self, number: usize) -> Turn<'_> {
        Turn { turns: self, number }
    }
}

/// Ends when it is dropped, whatever became of the source.
struct Turn<'a> {
    turns: &'a Turns,
    number: usize,
}

impl Turn<'_> {
    fn wait(&self) {
        let mut ended = self.turns.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while ended.iter().take(self.number).any(|ended| !ended) {
            ended = self.turns.changed.wait(ended).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut ended = self.turns.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = ended.get_mut(self.number) {
            *ended = true;
        }
        self.turns.changed.notify_all();
    }
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
