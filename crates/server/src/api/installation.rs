//! The installation itself: its audit log, its health, a copy of it, and what machines that watch
//! it ask for.
//!
//! Nothing here speaks of what the estate holds, but for the counts among the metrics.

use app::inventory::People;
use app::{diagnosis, inventory, people};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{List, ListQuery};

use super::parameter;
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Json, json, reply, typed};

pub(crate) async fn audit(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let number =
        |name: &str| parameter(raw.as_deref(), name).and_then(|text| text.parse::<i64>().ok());
    let limit = number("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(AUDIT_PAGE);
    let before = number("before");
    json(&server.ask(move |app| app::audit::list(app, &actor, before, limit)).await?)
}

/// Entries of a page of the audit log when the caller does not say.
pub(crate) const AUDIT_PAGE: usize = 100;

pub(crate) async fn doctor(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let now = server.now();
    json(&server.ask(move |app| diagnosis::diagnose(app, &actor, now)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct BackupBody {
    /// A folder that is not there yet, as an absolute path on the server's machine.
    to: String,
}

pub(crate) async fn backup(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(body): Json<BackupBody>,
) -> Reply {
    let now = server.now();
    let made = server.ask(move |app| app::backup::backup(app, &actor, body.to.as_ref(), now));
    reply(StatusCode::CREATED, &made.await?)
}

/// Alive: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the store answers.
pub(crate) async fn readyz(State(server): State<Server>) -> Reply {
    server.ask_at_the_door(people::has_administrator).await?;
    Ok(typed(StatusCode::OK, "text/plain; charset=utf-8", "ready\n"))
}

pub(crate) async fn metrics(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let shared = server.clone();
    server
        .ask(move |app| {
            for list in [List::Identities, List::Credentials, List::Places] {
                let query = ListQuery { limit: 1, ..ListQuery::default() };
                let query = inventory::asked(list, &query, People::LeftOut);
                let total = match list {
                    List::Identities => inventory::identities(app, &actor, &query, &[])?.total,
                    List::Credentials => inventory::credentials(app, &actor, &query, &[])?.total,
                    _ => inventory::places(app, &actor, &query, &[])?.total,
                };
                if let Some(total) = total {
                    shared.metrics.records(list.name(), total);
                }
            }
            Ok(())
        })
        .await?;
    Ok(typed(
        StatusCode::OK,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        server.metrics.text(),
    ))
}
