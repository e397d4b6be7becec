//! `tutela up`: serve the console and the API, sync this host, its homes and one folder, and keep
//! syncing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use app::sync::What;
use app::{Actor, App};
use server::listen::{self, Bound, ServeConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commands::Global;
use crate::output::{Exit, Talk};
use crate::{clock, config};

const DEFAULT_LISTEN: &str = "127.0.0.1:7878";
/// How often the schedule is looked at.
const SCHEDULE_TICK: Duration = Duration::from_secs(5);
/// How long a shutdown waits for a sync to notice.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(20);

/// Serve the console and the API on this machine, and keep reading its sources.
///
/// The first start prints a sign-in link; there is no default password.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A folder to read beside this host and its homes [default on the first start: .].
    folder: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:7878].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Listen on an address that other machines reach. Put TLS before it.
    #[arg(long)]
    allow_remote: bool,
    /// Add no sources on the first start.
    #[arg(long)]
    no_sources: bool,
    /// Read every source once, due or not, and end; 2 when one could not be read to its end.
    #[arg(long)]
    once: bool,
}

pub(crate) fn run(args: &Args, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let config = config::load(global.config.as_deref())?;
    let folder = config::data_folder(global.data.as_deref(), &config)?;
    let address = args.listen.clone().or_else(|| config.listen.clone());
    let address = address.unwrap_or_else(|| DEFAULT_LISTEN.into());
    let address: SocketAddr = address.parse().with_context(|| {
        format!("`{address}` is not an address and port, such as {DEFAULT_LISTEN}")
    })?;
    let now = clock::now();
    let holder = format!("tutela up (process {})", std::process::id());
    let allow_remote = args.allow_remote || config.allow_remote;
    let mut app = App::open(folder.clone(), &holder, now)
        .with_context(|| format!("opening the data folder `{}`", folder.display()))?;
    app.trusts_sessions =
        config.sources_from_console.unwrap_or(!allow_remote && config.hosts.is_empty());
    if !args.no_sources {
        let read = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        let read = std::fs::canonicalize(&read)
            .with_context(|| format!("looking for `{}`", read.display()))?;
        let Some(read) = read.to_str() else { bail!("the path `{}` is not UTF-8", read.display()) };
        let every_s = config.sync_every_s.unwrap_or(app::sources::DEFAULT_EVERY_S);
        app::sources::add_defaults(&app, &config::me(), read, every_s, now)?;
        if args.folder.is_some() {
            app::sources::add_folder(&app, &config::me(), read, every_s, now)?;
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let serve = ServeConfig {
        address,
        allow_remote,
        socket: Some(crate::api::socket_path(&folder)),
        host_names: config.hosts.clone(),
        https: config.https,
        clock: clock::now,
    };
    let is_done = runtime.block_on(serve_until_stopped(app, serve, args, talk))?;
    runtime.shutdown_timeout(SHUTDOWN_PATIENCE);
    Ok(if args.once && !is_done { Exit::CannotRun } else { Exit::Fine })
}

/// Says whether everything was read: nobody stopped it, and no sync failed.
async fn serve_until_stopped(
    app: App,
    serve: ServeConfig,
    args: &Args,
    talk: &Talk,
) -> anyhow::Result<bool> {
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let server = listen::bind(app.clone(), serve).await?;
    greet(&app, &server, talk)?;
    let warming = app.clone();
    tasks.spawn_blocking(move || {
        if let Err(error) = warming.warm() {
            tracing::error!(%error, "counting what is stored");
        }
    });
    let serving = tasks.spawn(server.serve(stop.clone()));
    tasks.spawn(schedule(app.clone(), stop.clone(), tasks.clone(), args.once));
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut events = app.syncs.listen();
    let mut bars = std::collections::HashMap::new();
    let mut is_done = true;
    loop {
        tokio::select! {
            _ = interrupt.recv() => { is_done = false; break }
            _ = terminate.recv() => { is_done = false; break }
            () = stop.cancelled() => break,
            event = events.recv() => match event {
                Ok(event) => {
                    is_done &= !matches!(event.what, What::SyncFailed { .. });
                    show(&event, &mut bars, talk);
                }
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => break,
            },
        }
    }
    talk.say("stopping");
    stop.cancel();
    app.syncs.cancel_all();
    tasks.close();
    if tokio::time::timeout(SHUTDOWN_PATIENCE, tasks.wait()).await.is_err() {
        talk.say(
            "a sync did not stop in time; what it had not published is discarded at the next start",
        );
    }
    if serving.is_finished() {
        serving.await??;
    }
    Ok(is_done)
}

/// Where it is, and how to get in.
fn greet(app: &App, server: &Bound, talk: &Talk) -> anyhow::Result<()> {
    talk.say(&format!("Tutela serves http://{}", server.address()));
    // Under a service manager standard error is a log that others may read: neither the name for
    // browsers nor a link is for them.
    if config::is_logged() {
        talk.say("for a sign-in link, print one on a terminal: tutela people link");
        return Ok(());
    }
    let browse = server.browser_address();
    if app::people::has_administrator(app)? {
        talk.say(&format!("in a browser: {browse}"));
        talk.say("a new sign-in link: tutela people link LOGIN");
        return Ok(());
    }
    let link = app::people::sign_in_link(app, &config::me(), None, clock::now())?;
    let minutes = app::people::LINK_LIFETIME.as_secs() / 60;
    talk.say(&format!("sign in within {minutes} minutes, once, with this link:"));
    // The link goes to the terminal of whoever started us, and nowhere else.
    talk.say(&format!("  {browse}/sign-in#{}", link.reveal()));
    Ok(())
}

fn show(
    event: &app::sync::Event,
    bars: &mut std::collections::HashMap<model::SourceId, crate::output::Bar>,
    talk: &Talk,
) {
    match &event.what {
        What::SyncStarted => {
            bars.insert(event.source, talk.bar(&event.source_name));
        }
        What::SyncProgress(progress) => {
            if let Some(bar) = bars.get(&event.source) {
                bar.show(progress);
            }
        }
        What::SyncPublished { summary } => {
            if let Some(bar) = bars.remove(&event.source) {
                bar.finish();
            }
            talk.say(&format!(
                "read {}: {} identities, {} credentials, {} not read",
                event.source_name,
                summary.identities.added
                    + summary.identities.changed
                    + summary.identities.unchanged,
                summary.credentials.added
                    + summary.credentials.changed
                    + summary.credentials.unchanged,
                summary.gaps,
            ));
        }
        What::SyncFailed { error } => {
            if let Some(bar) = bars.remove(&event.source) {
                bar.finish();
            }
            talk.say(&format!("could not read {}: {error}", event.source_name));
        }
        What::Evaluated { n_opened, n_resolved } => {
            talk.say(&format!("{n_opened} new findings, {n_resolved} resolved"));
        }
    }
}

/// Runs what is due, one source after the other, until asked to stop; or each source once.
async fn schedule(app: App, stop: CancellationToken, tasks: TaskTracker, once: bool) {
    let mut tick = tokio::time::interval(SCHEDULE_TICK);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let app = app.clone();
        let stopping = stop.clone();
        let round = tasks.spawn_blocking(move || {
            let due = if once { app::sync::all(&app) } else { app::sync::due(&app, clock::now()) };
            let due = due.unwrap_or_else(|error| {
                tracing::error!(%error, "looking for sources that are due");
                Vec::new()
            });
            for source in due {
                if stopping.is_cancelled() {
                    return;
                }
                if let Err(error) = app::sync::run(&app, &Actor::schedule(), source, &clock::now) {
                    tracing::warn!(%error, %source, "a scheduled sync failed");
                }
            }
        });
        if let Err(error) = round.await {
            tracing::error!(%error, "the schedule");
        }
        if once {
            stop.cancel();
        }
    }
}
