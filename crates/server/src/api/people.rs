//! People who may come in, and what they come in with: passwords, API tokens, sessions.
//!
//! What anybody may do to whom is decided in `app`. How a session begins and ends for whoever holds
//! it is in `sign_in`.

use std::time::Duration;

use app::access::Role;
use app::people::PersonChange;
use app::{Actor, people};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::TokenId;

use crate::problem::{Failure, Reply};
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Json, empty, id, json, reply};

pub(crate) async fn people(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| people::list(app, &actor)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PersonBody {
    /// What they sign in with.
    login: String,
    name: String,
    #[schemars(with = "String")]
    role: Role,
    /// None: they sign in by a link first.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    password: Option<Secret<String>>,
}

pub(crate) async fn add_person(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(body): Json<PersonBody>,
) -> Reply {
    let now = server.now();
    let added = server.ask(move |app| {
        people::add(app, &actor, &body.login, &body.name, body.role, body.password.as_ref(), now)
    });
    reply(StatusCode::CREATED, &added.await?)
}

/// What is left out stays.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PersonChangeBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
}

pub(crate) async fn change_person(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(login): Path<String>,
    Json(body): Json<PersonChangeBody>,
) -> Reply {
    let now = server.now();
    let change = PersonChange { name: body.name, role: body.role, disabled: body.disabled };
    json(&server.ask(move |app| people::change(app, &actor, &login, &change, now)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasswordBody {
    /// Asked for when it is one's own.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    current: Option<Secret<String>>,
    #[schemars(with = "String")]
    new: Secret<String>,
}

pub(crate) async fn set_password(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(login): Path<String>,
    Json(body): Json<PasswordBody>,
) -> Reply {
    set_password_of(&server, actor, login, body.current, body.new).await?;
    Ok(empty())
}

/// Guesses of one's own current password are counted as attempts to sign in are: whoever found a
/// session must not find the password by it. Nobody else's is asked for, so setting it neither
/// counts nor takes a guess back.
pub(crate) async fn set_password_of(
    server: &Server,
    actor: Actor,
    login: String,
    current: Option<Secret<String>>,
    new: Secret<String>,
) -> Result<(), Failure> {
    let now = server.now();
    let (asking, asked) = (actor.clone(), login.clone());
    let is_own = server.ask(move |app| people::is_own(app, &asking, &asked)).await?;
    let guess =
        (is_own && current.is_some()).then(|| format!("current password of {}", actor.name));
    if let Some(guess) = &guess {
        server.throttle.attempt(guess, now)?;
    }
    let set = server
        .ask(move |app| people::set_password(app, &actor, &login, current.as_ref(), &new, now));
    set.await?;
    if let Some(guess) = &guess {
        server.throttle.forgive(guess);
    }
    Ok(())
}

pub(crate) async fn tokens(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| people::tokens(app, &actor)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TokenBody {
    name: String,
    #[schemars(with = "String")]
    role: Role,
    /// How long it is good for, in days.
    days: u32,
}

#[derive(Serialize)]
struct TokenReply {
    #[serde(flatten)]
    token: store::ApiToken,
    /// Shown this once.
    secret: String,
}

/// A day in seconds.
pub(crate) const DAY_S: u64 = 24 * 60 * 60;

pub(crate) async fn create_token(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(body): Json<TokenBody>,
) -> Reply {
    let now = server.now();
    let lifetime = Duration::from_secs(u64::from(body.days) * DAY_S);
    let issued = server
        .ask(move |app| people::create_token(app, &actor, &body.name, body.role, lifetime, now))
        .await?;
    reply(
        StatusCode::CREATED,
        &TokenReply { secret: issued.secret.reveal().clone(), token: issued.token },
    )
}

pub(crate) async fn revoke_token(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (token, now) = (TokenId(id(&text, "token")?), server.now());
    server.ask(move |app| people::revoke_token(app, &actor, token, now)).await?;
    Ok(empty())
}

pub(crate) async fn sessions(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let now = server.now();
    json(&server.ask(move |app| people::sessions(app, &actor, now)).await?)
}

pub(crate) async fn end_session(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(session): Path<String>,
) -> Reply {
    let now = server.now();
    server.ask(move |app| people::end_session(app, &actor, &session, now)).await?;
    Ok(empty())
}

pub(crate) async fn me(Caller(actor): Caller) -> Reply {
    json(&people::me(&actor))
}
