//! What identities may do.

use app::permissions::{self, Accounts, Ask};
use app::{Actor, App, Error};
use axum::extract::{RawQuery, State};
use serde::Serialize;

use super::parameter;
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::json;

/// A question as an address has it: `context=key=value` and `absent=key` may stand several times.
pub(crate) fn question(raw: Option<&str>) -> Result<Ask, Error> {
    let mut ask = Ask::default();
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        let value = value.trim().to_owned();
        match name.as_ref() {
            "principal" => ask.principal = value,
            "action" => ask.action = value,
            "resource" => ask.resource = value,
            "resource_account" if !value.is_empty() => ask.resource_account = Some(value),
            "absent" => ask.absent.push(value),
            // A form may have several on lines of their own.
            "context" => {
                for line in value.lines().filter(|line| !line.trim().is_empty()) {
                    ask.know(line)?;
                }
            }
            _ => {}
        }
    }
    if ask.resource.is_empty() {
        "*".clone_into(&mut ask.resource);
    }
    Ok(ask)
}

async fn answered<T: Serialize + Send + 'static>(
    server: Server,
    actor: Actor,
    answer: impl FnOnce(&Accounts) -> Result<T, Error> + Send + 'static,
) -> Reply {
    let question = move |app: &App| {
        let accounts = permissions::in_store(app, &actor)?;
        answer(&accounts)
    };
    json(&server.ask(question).await?)
}

pub(crate) async fn can(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let ask = question(raw.as_deref())?;
    answered(server, actor, move |accounts| permissions::can(accounts, &ask)).await
}

pub(crate) async fn who_can(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let ask = question(raw.as_deref())?;
    answered(server, actor, move |accounts| permissions::who_can(accounts, &ask)).await
}

pub(crate) async fn effective(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let principal = parameter(raw.as_deref(), "principal").unwrap_or_default();
    answered(server, actor, move |accounts| permissions::effective(accounts, &principal)).await
}
