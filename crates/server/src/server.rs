//! What every handler shares: the app, the clock, the limits.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::{App, Error, Kind};
use model::Time;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::problem::Failure;
use crate::throttle::Throttle;

/// Questions to the store that run at once; more wait.
pub const MAX_QUESTIONS: usize = 32;

/// What the router is told about the world.
#[derive(Debug, Clone)]
pub struct Config {
    /// The only way to the clock.
    pub clock: fn() -> Time,
    /// Host headers that are answered, such as `127.0.0.1:7070`; requests that come with an actor
    /// (socket, in process) are not asked.
    pub hosts: BTreeSet<String>,
    /// Whether browsers reach this over TLS, by a proxy: then cookies are `Secure`.
    pub https: bool,
}

impl Config {
    /// For calls inside the process: no host is answered.
    pub fn in_process(clock: fn() -> Time) -> Self {
        Self { clock, hosts: BTreeSet::new(), https: false }
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) app: App,
    pub(crate) config: Config,
    questions: Semaphore,
    pub(crate) throttle: Throttle,
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
            questions: Semaphore::new(MAX_QUESTIONS),
            throttle: Throttle::default(),
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
        let _turn = self.questions.acquire().await.map_err(|_| stopping())?;
        let app = self.app.clone();
        let asked = tokio::task::spawn_blocking(move || question(&app)).await;
        Ok(asked.map_err(Error::internal)??)
    }
}

pub(crate) fn stopping() -> Failure {
    Failure(
        Error::new(Kind::Unavailable, "stopping", "the server is stopping")
            .hint("try again in a moment"),
    )
}
