//! What every handler shares: the app, the clock, the limits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::{App, Error, Kind};
use model::Time;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::problem::{BUSY, Failure};
use crate::throttle::Throttle;
use crate::turns::Turns;

/// Questions to the store that run at once; more wait.
pub const MAX_QUESTIONS: usize = 32;
/// The same of the door: who somebody is, signing in and out, whether the store answers. Apart, so
/// that no question keeps anybody out.
pub const MAX_AT_THE_DOOR: usize = 8;
/// Passwords of those who sign in that are hashed at once. Apart too: guessing them slows nobody who
/// is in.
pub const MAX_HASHED: usize = 2;
/// Exports that run at once; more are told to come again, since each lasts as long as its reader.
pub const MAX_EXPORTS: usize = 8;
/// Event streams that are open at once; more are told to come again.
pub const MAX_LISTENERS: usize = 128;

/// What the router is told about the world.
#[derive(Debug, Clone)]
pub struct Config {
    /// The only way to the clock.
    pub clock: fn() -> Time,
    /// Host headers that are answered, such as `127.0.0.1:7070`; requests that come with an actor
    /// (socket, in process) are not asked.
    pub hosts: BTreeSet<String>,
    /// Of these, where no session is kept: a cookie of a bare loopback address goes to every program
    /// that listens on one.
    pub bare: BTreeSet<String>,
    /// Where sessions are kept instead: the name and port that browsers on this machine use.
    pub home: Option<String>,
    /// Whether browsers reach this over TLS, by a proxy: then cookies are `Secure`.
    pub https: bool,
}

impl Config {
    /// For calls inside the process: no host is answered.
    pub fn in_process(clock: fn() -> Time) -> Self {
        Self { clock, hosts: BTreeSet::new(), bare: BTreeSet::new(), home: None, https: false }
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) app: App,
    pub(crate) config: Config,
    pub(crate) questions: Arc<Semaphore>,
    pub(crate) door: Arc<Semaphore>,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) turns: Turns,
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) listeners: Arc<Semaphore>,
    /// Passwords that are guessed.
    pub(crate) throttle: Throttle,
    /// Links that are guessed. Apart, so that no stranger who guesses passwords can keep out who
    /// holds a link.
    pub(crate) links: Throttle,
    pub(crate) metrics: Metrics,
    /// Syncs that were asked for and run on after the reply.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The state of the router. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Shared>);

impl std::ops::Deref for Server {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Server {
    pub(crate) fn new(app: App, config: Config, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            app,
            config,
            questions: Arc::new(Semaphore::new(MAX_QUESTIONS)),
            door: Arc::new(Semaphore::new(MAX_AT_THE_DOOR)),
            hashing: Arc::new(Semaphore::new(MAX_HASHED)),
            turns: Turns::default(),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            listeners: Arc::new(Semaphore::new(MAX_LISTENERS)),
            throttle: Throttle::default(),
            links: Throttle::default(),
            metrics: Metrics::default(),
            tasks: TaskTracker::new(),
            stop,
        }))
    }

    pub(crate) fn now(&self) -> Time {
        (self.config.clock)()
    }

    /// Asks `app` on a thread that may block.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.ask_within(&self.questions, question).await
    }

    /// The same for what the door must know, see [`MAX_AT_THE_DOOR`].
    pub(crate) async fn ask_at_the_door<T: Send + 'static>(
        &self,
        question: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.ask_within(&self.door, question).await
    }

    /// The same for what takes the hash of a password.
    pub(crate) async fn ask_with_a_password<T: Send + 'static>(
        &self,
        question: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.ask_within(&self.hashing, question).await
    }

    async fn ask_within<T: Send + 'static>(
        &self,
        room: &Arc<Semaphore>,
        question: impl FnOnce(&App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = Arc::clone(room).acquire_owned().await.map_err(|_| stopping())?;
        let app = self.app.clone();
        let waiter = Waiter::default();
        let unwanted = Arc::clone(&waiter.0);
        let asked = tokio::task::spawn_blocking(move || {
            // Held by the work and not by who waits for it: a client that went away does not make
            // room for another while its question still runs.
            let _turn = turn;
            store::unless_unwanted(&unwanted, || question(&app))
        });
        Ok(asked.await.map_err(Error::internal)??)
    }
}

/// Who waits for an answer. When they go, what the store still looks for is unwanted.
#[derive(Debug, Default)]
struct Waiter(Arc<AtomicBool>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Room among what runs at once, or word to come again.
pub(crate) fn room(of: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, Failure> {
    Arc::clone(of).try_acquire_owned().map_err(|_| {
        let message = format!("too many {what} are under way");
        Failure(Error::new(Kind::Unavailable, BUSY, message).hint("try again in a moment"))
    })
}

pub(crate) fn stopping() -> Failure {
    Failure(
        Error::new(Kind::Unavailable, "stopping", "the server is stopping")
            .hint("try again in a moment"),
    )
}
