//! Sources and their syncs: what can be connected, what is, and a sync of it now.
//!
//! Whether a sync may read what its source names is decided in `app`; here a sync only gets a
//! thread that shutdown waits for.

use app::sources::{SourceChange, SourceRequest};
use app::{Actor, Error, sources, sync};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::parameter;
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Json, id, json, reply};

pub(crate) async fn sources(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| sources::list(app, &actor)).await?)
}

pub(crate) async fn source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let id = id(&text, "source")?;
    json(&server.ask(move |app| sources::get(app, &actor, id)).await?)
}

pub(crate) async fn add_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(request): Json<SourceRequest>,
) -> Reply {
    let now = server.now();
    let added = server.ask(move |app| sources::add(app, &actor, &request, now)).await?;
    reply(StatusCode::CREATED, &added)
}

pub(crate) async fn change_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Json(change): Json<SourceChange>,
) -> Reply {
    let (id, now) = (id(&text, "source")?, server.now());
    json(&server.ask(move |app| sources::change(app, &actor, id, &change, now)).await?)
}

pub(crate) async fn remove_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (id, now) = (id(&text, "source")?, server.now());
    json(&server.ask(move |app| sources::remove(app, &actor, id, now)).await?)
}

#[derive(Serialize)]
struct Tested {
    /// What the source saw, in one line.
    saw: String,
}

pub(crate) async fn test_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (id, now) = (id(&text, "source")?, server.now());
    let saw = server.ask(move |app| {
        sources::may_read(app, &actor, id)?;
        sync::test(app, &actor, id, now)
    });
    let saw = saw.await?;
    json(&Tested { saw: saw.into_owned() })
}

/// Begins a sync; with `wait=true` the reply comes when it ended.
pub(crate) async fn run_sync(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    RawQuery(raw): RawQuery,
) -> Reply {
    let id = id(&text, "source")?;
    let wait = parameter(raw.as_deref(), "wait").as_deref() == Some("true");
    let source = {
        let actor = actor.clone();
        server.ask(move |app| sources::may_read(app, &actor, id)).await?
    };
    let ended = begin_sync(&server, actor, id);
    if wait {
        return json(&ended.await.map_err(Error::internal)??);
    }
    reply(StatusCode::ACCEPTED, &source)
}

/// Runs a sync on a thread of its own, which shutdown waits for.
pub(crate) fn begin_sync(
    server: &Server,
    actor: Actor,
    id: model::SourceId,
) -> tokio::task::JoinHandle<Result<store::SyncSummary, Error>> {
    let server_ = server.clone();
    server.tasks.spawn_blocking(move || {
        let ended = sync::run(&server_.app, &actor, id, &server_.config.clock);
        match &ended {
            Ok(_) => server_.metrics.sync_ended("published"),
            Err(error) => {
                server_.metrics.sync_ended("failed");
                tracing::warn!(source = %id, code = error.code, "sync: {}", error.message);
            }
        }
        ended
    })
}

pub(crate) async fn connectors() -> Reply {
    json(&sources::connectors())
}
