//! One run of one source: discover on its own thread, apply as batches arrive, publish at the end,
//! then rank owners and evaluate rules anew.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connectors::{Progress, Request, Settings, SourceError};
use model::fact::Text;
use model::{Batch, SourceId, Time};
use serde::Serialize;
use serde_json::json;
use store::{Source, SyncSummary};
use tokio::sync::broadcast;

use crate::access::{Act, Actor};
use crate::audit::acting;
use crate::error::{Error, Kind, Result};
use crate::{App, estate, sources};

/// Events a slow listener may lag behind before it loses some.
const MAX_WAITING_EVENTS: usize = 1024;
/// Batches that may wait for the store while the connector reads on.
const MAX_WAITING_BATCHES: usize = 4;

/// Something happened that a page or a terminal shows at once.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Rises by one; a listener that comes back says the last one it saw.
    pub number: u64,
    pub at: Time,
    pub source: SourceId,
    pub source_name: String,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum What {
    SyncStarted,
    SyncProgress(Progress),
    SyncPublished {
        summary: Box<SyncSummary>,
    },
    SyncFailed {
        error: String,
    },
    /// Owners and findings are those of the published sync.
    Evaluated {
        n_opened: u64,
        n_resolved: u64,
    },
}

/// The syncs of this process: what runs, and who listens.
#[derive(Debug, Clone)]
pub struct Syncs {
    running: Arc<Mutex<HashMap<SourceId, Arc<AtomicBool>>>>,
    events: broadcast::Sender<Event>,
    next: Arc<AtomicU64>,
}

impl Default for Syncs {
    fn default() -> Self {
        let (events, _) = broadcast::channel(MAX_WAITING_EVENTS);
        Self { running: Arc::default(), events, next: Arc::default() }
    }
}

impl Syncs {
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub fn is_running(&self, source: SourceId) -> bool {
        self.lock().contains_key(&source)
    }

    /// Asks every running sync to stop; what is not published is as if it had not begun.
    pub fn cancel_all(&self) {
        let running = self.lock();
        #[expect(clippy::iter_over_hash_type, reason = "all of them, in no order")]
        for cancel in running.values() {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SourceId, Arc<AtomicBool>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, source: SourceId) -> Result<Running<'_>> {
        let cancel = Arc::new(AtomicBool::new(false));
        let mut running = self.lock();
        if running.contains_key(&source) {
            return Err(Error::new(
                Kind::Conflict,
                "already-running",
                "a sync of this source is running",
            )
            .hint("wait for it, or watch it on the Sources page"));
        }
        running.insert(source, Arc::clone(&cancel));
        Ok(Running { syncs: self, source, cancel })
    }

    fn tell(&self, source: &Source, at: Time, what: What) {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let event = Event { number, at, source: source.id, source_name: source.name.clone(), what };
        // Nobody listening is no error.
        drop(self.events.send(event));
    }
}

struct Running<'a> {
    syncs: &'a Syncs,
    source: SourceId,
    cancel: Arc<AtomicBool>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.syncs.lock().remove(&self.source);
    }
}

/// Syncs a source now, and evaluates what it changed. Blocks until it is done.
pub fn run(
    app: &App,
    actor: &Actor,
    id: SourceId,
    clock: &(dyn Fn() -> Time + Sync),
) -> Result<SyncSummary> {
    let source = app.store.source(id)?.ok_or_else(|| Error::not_found("source", id))?;
    acting(app, actor, Act::RunSync, &source.name, json!({ "source": id }), clock(), || {
        let running = app.syncs.begin(id)?;
        app.syncs.tell(&source, clock(), What::SyncStarted);
        match read(app, &source, &running.cancel, clock) {
            Ok(summary) => {
                app.syncs.tell(
                    &source,
                    clock(),
                    What::SyncPublished { summary: Box::new(summary) },
                );
                let evaluated = estate::refresh(app, clock())?;
                app.warm()?;
                app.syncs.tell(
                    &source,
                    clock(),
                    What::Evaluated {
                        n_opened: evaluated.opened + evaluated.reopened,
                        n_resolved: evaluated.resolved,
                    },
                );
                Ok(summary)
            }
            Err(error) => {
                app.syncs.tell(&source, clock(), What::SyncFailed { error: error.message.clone() });
                Err(error)
            }
        }
    })
}

fn read(
    app: &App,
    source: &Source,
    cancel: &AtomicBool,
    clock: &(dyn Fn() -> Time + Sync),
) -> Result<SyncSummary> {
    let descriptor = sources::descriptor(&source.connector).ok_or_else(|| {
        Error::new(
            Kind::Unavailable,
            "unknown-connector",
            format!("this version has no connector `{}`", source.connector),
        )
    })?;
    let settings: Settings = serde_json::from_str(&source.settings).map_err(|error| {
        Error::invalid(
            "settings",
            format!("the settings of `{}` do not parse: {error}", source.name),
        )
    })?;
    let now = clock();
    let mut writer = app.store.begin_sync(source.id, now)?;
    let progress = |step: Progress| app.syncs.tell(source, clock(), What::SyncProgress(step));
    let request = Request {
        settings: &settings,
        machine: &app.machine,
        now,
        fingerprinter: Some(&app.fingerprinter),
        progress: &progress,
        cancel,
    };
    let (sender, receiver) = sync_channel::<Batch>(MAX_WAITING_BATCHES);
    let (discovered, stored) = std::thread::scope(|scope| {
        let request = &request;
        let discovery = scope.spawn(move || {
            // A closed channel means that the store failed: the rest of the reading is for nothing.
            (descriptor.discover)(request, &mut |batch| {
                if sender.send(batch).is_err() {
                    request.cancel.store(true, Ordering::Relaxed);
                }
            })
        });
        let stored = receiver.iter().try_for_each(|batch| writer.put(&batch));
        drop(receiver);
        let discovered = discovery.join().unwrap_or_else(|_| {
            Err(SourceError::Protocol(
                "the connector failed in a way it should not; see the log".into(),
            ))
        });
        (discovered, stored)
    });
    let failed = match (stored, discovered) {
        (Err(error), _) => Error::from(error),
        (Ok(()), Err(error)) => of_source(&error),
        (Ok(()), Ok(())) if cancel.load(Ordering::Relaxed) => of_source(&SourceError::Cancelled),
        (Ok(()), Ok(())) => return Ok(writer.publish(clock())?),
    };
    writer.fail(&failed.message, clock())?;
    Err(failed)
}

fn of_source(error: &SourceError) -> Error {
    let (kind, code) = match error {
        SourceError::Unauthenticated(_) => (Kind::Unavailable, "source-unauthenticated"),
        SourceError::Forbidden { .. } => (Kind::Unavailable, "source-forbidden"),
        SourceError::RateLimited { .. } => (Kind::Unavailable, "source-rate-limited"),
        SourceError::NotFound(_) => (Kind::NotFound, "source-not-found"),
        SourceError::Unreachable(_) => (Kind::Unavailable, "source-unreachable"),
        SourceError::Protocol(_) => (Kind::Unavailable, "source-protocol"),
        SourceError::Cancelled => (Kind::Unavailable, "cancelled"),
    };
    Error::new(kind, code, error.to_string())
        .hint("see the source's permissions on the Sources page, then `tutela source test`")
}

/// Tries the source's settings without changing anything.
pub fn test(app: &App, actor: &Actor, id: SourceId, now: Time) -> Result<Text> {
    actor.may(Act::TestSource)?;
    let source = app.store.source(id)?.ok_or_else(|| Error::not_found("source", id))?;
    let descriptor = sources::descriptor(&source.connector)
        .ok_or_else(|| Error::not_found("connector", &source.connector))?;
    let settings: Settings = serde_json::from_str(&source.settings)
        .map_err(|error| Error::invalid("settings", error.to_string()))?;
    let request = Request {
        settings: &settings,
        machine: &app.machine,
        now,
        fingerprinter: Some(&app.fingerprinter),
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    };
    (descriptor.test)(&request).map(Text::from).map_err(|error| of_source(&error))
}

/// Every source that is not disabled.
pub fn all(app: &App) -> Result<Vec<SourceId>> {
    let sources = app.store.sources()?;
    Ok(sources.into_iter().filter(|source| source.enabled).map(|source| source.id).collect())
}

/// Whether a sync ended because Tutela did.
fn was_cut_off(sync: &store::Sync) -> bool {
    let cancelled = SourceError::Cancelled.to_string();
    sync.error.as_deref().is_some_and(|error| error == store::CUT_OFF || error == cancelled)
}

/// Until when a source waits since its last two syncs were cut off; none when it does not.
pub fn held_until(source: &Source) -> Option<Time> {
    let last = source.last_sync.as_ref().filter(|_| source.enabled && source.cut_off_again)?;
    Some(last.started_at.plus(Duration::from_secs(source.every_s?.into())))
}

/// Sources whose time has come, the longest waiting first.
pub fn due(app: &App, now: Time) -> Result<Vec<SourceId>> {
    let mut due: Vec<(Time, SourceId)> = Vec::new();
    for source in app.store.sources()? {
        let Some(every_s) = source.every_s.filter(|_| source.enabled) else { continue };
        if app.syncs.is_running(source.id) {
            continue;
        }
        // What was cut off has not been read; what failed will hardly work a moment later, and what
        // was cut off again may be what ends Tutela, which then would end at every start.
        let is_at_once = |last: &&store::Sync| was_cut_off(last) && !source.cut_off_again;
        let last = source.last_sync.as_ref().filter(|last| !is_at_once(last));
        let at = last
            .map_or(Time::MIN, |last| last.started_at.plus(Duration::from_secs(every_s.into())));
        if at <= now {
            due.push((at, source.id));
        }
    }
    due.sort();
    Ok(due.into_iter().map(|(_, id)| id).collect())
}
