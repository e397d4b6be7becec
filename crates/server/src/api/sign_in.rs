//! The door: sign-in by password or one-time link, sign-out, the making of a link, and the cookie
//! that a session lives in.
//!
//! Attempts are counted here; what a password or a link is good for is decided in `app`. The
//! console's forms come through the same functions.

use app::access::Role;
use app::people::FirstAdministrator;
use app::{Error, people};
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use model::{Secret, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parameter;
use crate::browser::Bare;
use crate::problem::{Failure, OTHER_HOST, Reply};
use crate::server::Server;
use crate::session::{Caller, session_of, set_cookie};
use crate::wire::{Json, empty, json, reply};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct SignInBody {
    /// The token of a one-time link; instead of login and password.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) link: Option<Secret<String>>,
    /// With a link of an empty installation: who the first administrator is.
    #[serde(default)]
    pub(crate) login: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default = "no_password")]
    #[schemars(with = "String")]
    pub(crate) password: Secret<String>,
}

fn no_password() -> Secret<String> {
    Secret::new(String::new())
}

#[derive(Serialize)]
struct SignedInReply {
    login: String,
    name: String,
    role: Role,
    expires_at: Time,
}

/// Signs in and gives back the session as a cookie.
pub(crate) async fn sign_in(
    State(server): State<Server>,
    bare: Option<Extension<Bare>>,
    headers: HeaderMap,
    Json(body): Json<SignInBody>,
) -> Reply {
    if bare.is_some() {
        let message = "no session is kept at a bare loopback address";
        return Err(Error::new(app::Kind::Invalid, OTHER_HOST, message)
            .hint("use the address that `tutela up` printed, or a token")
            .into());
    }
    let signed_in = sign_in_with(&server, &headers, body).await?;
    let person = &signed_in.person;
    let mut response = json(&SignedInReply {
        login: person.login.clone(),
        name: person.name.clone(),
        role: person.role,
        expires_at: signed_in.expires_at,
    })?;
    keep_session(&server, &signed_in, &mut response)?;
    Ok(response)
}

pub(crate) fn keep_session(
    server: &Server,
    signed_in: &people::SignedIn,
    response: &mut Response<Body>,
) -> Result<(), Failure> {
    let cookie =
        set_cookie(&signed_in.session, signed_in.expires_at, server.now(), server.config.https)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("a session that is no header value")))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(())
}

pub(crate) async fn sign_in_with(
    server: &Server,
    headers: &HeaderMap,
    body: SignInBody,
) -> Result<people::SignedIn, Failure> {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("not said")
        .to_owned();
    match body.link {
        Some(link) => {
            sign_in_by_link(server, link, body.login, body.name, body.password, agent).await
        }
        None => sign_in_by_password(server, body.login, body.password, agent).await,
    }
}

async fn sign_in_by_password(
    server: &Server,
    login: String,
    password: Secret<String>,
    agent: String,
) -> Result<people::SignedIn, Failure> {
    let now = server.now();
    let login = login.trim().to_owned();
    server.throttle.attempt(&login, now)?;
    let throttled = login.clone();
    let signed_in = server
        .ask_with_a_password(move |app| people::sign_in(app, &login, &password, &agent, now))
        .await?;
    server.throttle.forgive(&throttled);
    Ok(signed_in)
}

/// Only links that are not valid count: nobody who guesses can keep out who holds one.
async fn sign_in_by_link(
    server: &Server,
    link: Secret<String>,
    login: String,
    name: String,
    password: Secret<String>,
    agent: String,
) -> Result<people::SignedIn, Failure> {
    let now = server.now();
    let asked = link.clone();
    if !server.ask_at_the_door(move |app| people::is_link(app, &asked, now)).await? {
        let prefix: String = link.reveal().chars().take(LINK_PREFIX_CHARS).collect();
        server.links.attempt(&prefix, now)?;
    }
    let login = login.trim().to_owned();
    let first = (!login.is_empty()).then(|| FirstAdministrator {
        name: if name.trim().is_empty() { login.clone() } else { name.trim().to_owned() },
        login,
        password,
    });
    server
        .ask_with_a_password(move |app| people::use_link(app, &link, first.as_ref(), &agent, now))
        .await
}

/// Of a link that is not valid: tells the attempts with it from those with others.
const LINK_PREFIX_CHARS: usize = 8;

pub(crate) async fn sign_out(State(server): State<Server>, headers: HeaderMap) -> Reply {
    end_own_session(&server, &headers).await?;
    let mut response = empty();
    forget_session(&server, &mut response);
    Ok(response)
}

pub(crate) async fn end_own_session(server: &Server, headers: &HeaderMap) -> Result<(), Failure> {
    if let Some(session) = session_of(headers, server.config.https) {
        server.ask_at_the_door(move |app| people::sign_out(app, &session)).await?;
    }
    Ok(())
}

pub(crate) fn forget_session(server: &Server, response: &mut Response<Body>) {
    let now = server.now();
    let nothing = Secret::new(String::new());
    if let Some(cookie) = set_cookie(&nothing, now, now, server.config.https) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

#[derive(Serialize)]
struct LinkReply {
    /// Put it after `#` of `/sign-in`.
    token: String,
    path: String,
    /// Where a browser on this machine opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    expires_at: Time,
}

/// A sign-in link for a person; without a name, for the first administrator.
pub(crate) async fn sign_in_link(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let (login, now) = (parameter(raw.as_deref(), "login"), server.now());
    let link =
        server.ask(move |app| people::sign_in_link(app, &actor, login.as_deref(), now)).await?;
    let token = link.reveal().clone();
    let path = format!("/sign-in#{token}");
    reply(
        StatusCode::CREATED,
        &LinkReply {
            token,
            address: server.config.home.as_ref().map(|home| format!("http://{home}{path}")),
            path,
            expires_at: now.plus(people::LINK_LIFETIME),
        },
    )
}
