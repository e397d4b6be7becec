//! Fills a data folder with the demo estate, source by source, as syncs do.

use std::sync::mpsc::sync_channel;

use demo::{Plan, SOURCES, batches};
use model::Time;
use serde_json::json;
use store::{NewSource, SourceChange, SyncSummary};

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

/// Loads the estate; a second time syncs the same sources again. The sources of the demo have
/// nothing behind them, so they are disabled: no schedule reads them.
pub fn load(
    app: &App,
    actor: &Actor,
    plan: &Plan,
    progress: &dyn Fn(Step),
    clock: &dyn Fn() -> Time,
) -> Result<Vec<(&'static str, SyncSummary)>> {
    let detail = json!({ "identities": plan.identities, "seed": plan.seed });
    acting(app, actor, Act::ManageSources, "demo", detail, clock(), || {
        let mut summaries = Vec::new();
        for part in SOURCES {
            let known = app.store.sources()?;
            let known = known
                .into_iter()
                .find(|source| source.connector == part.connector && source.name == part.name);
            let source = match known {
                Some(source) => source,
                None => app.store.add_source(
                    &NewSource {
                        connector: part.connector.into(),
                        name: part.name.into(),
                        settings: "{}".into(),
                        every_s: None,
                    },
                    clock(),
                )?,
            };
            if source.enabled {
                let off = SourceChange { enabled: Some(false), ..SourceChange::default() };
                app.store.change_source(source.id, &off)?;
            }
            let mut writer = app.store.begin_sync(source.id, clock())?;
            let mut n_records = 0;
            let (sender, receiver) = sync_channel(MAX_WAITING_BATCHES);
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    // Nobody listens any more when the store failed.
                    batches(plan, part).all(|batch| sender.send(batch).is_ok())
                });
                receiver.into_iter().try_for_each(|batch| {
                    n_records += batch.n_records() as u64;
                    progress(Step { source: part.name, n_records });
                    writer.put(&batch)
                })
            })?;
            summaries.push((part.name, writer.publish(clock())?));
        }
        estate::refresh(app, clock())?;
        app.warm()?;
        Ok(summaries)
    })
}
