//! Who is calling: an actor that trusted code put there, a bearer token, or a session cookie.

use app::{Act, Actor, Error, Kind};
use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use model::{Secret, Time};

use crate::problem::Failure;
use crate::router::waits_for_a_sync;
use crate::routes::{Access, Kind as RouteKind};
use crate::server::Server;

/// The value of a cookie; the first one of that name.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Takes a cookie out of a request, wherever it stands.
pub(crate) fn without_cookie(headers: &mut HeaderMap, name: &str) {
    let kept: Vec<&str> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|pair| pair.split_once('=').is_none_or(|(key, _)| key != name))
        .collect();
    let kept = HeaderValue::from_str(&kept.join("; "));
    headers.remove(header::COOKIE);
    if let Ok(kept) = kept {
        headers.insert(header::COOKIE, kept);
    }
}

/// The session cookie's name. `__Host-` binds it to this host and TLS (RFC 6265bis, §4.1.3.2);
/// browsers refuse that prefix on plain loopback HTTP.
pub(crate) const fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-tutela_session" } else { "tutela_session" }
}

pub(crate) fn session_of(headers: &HeaderMap, https: bool) -> Option<Secret<String>> {
    cookie(headers, cookie_name(https)).map(|value| Secret::new(value.to_owned()))
}

/// `Set-Cookie` for a session that just began; an empty session ends it.
pub(crate) fn set_cookie(
    session: &Secret<String>,
    expires_at: Time,
    now: Time,
    https: bool,
) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let age = expires_at.since(now).as_secs();
    let text = format!(
        "{}={}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}",
        cookie_name(https),
        session.reveal()
    );
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn bearer(headers: &HeaderMap) -> Option<Secret<String>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim().to_owned()))
}

/// How a request showed who it is from; decides which browser checks apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Socket or in process: no browser can be behind it.
    Trusted,
    Token,
    Cookie,
    Nothing,
}

pub(crate) fn shown(request: &Request, https: bool) -> Shown {
    if request.extensions().get::<Actor>().is_some() {
        Shown::Trusted
    } else if bearer(request.headers()).is_some() {
        // Not by any other scheme: browsers send those of their own accord.
        Shown::Token
    } else if session_of(request.headers(), https).is_some() {
        Shown::Cookie
    } else {
        Shown::Nothing
    }
}

/// Who a request is from; none when it shows nothing.
pub(crate) async fn actor_of(
    server: &Server,
    trusted: Option<Actor>,
    headers: &HeaderMap,
) -> Result<Option<Actor>, Failure> {
    if trusted.is_some() {
        return Ok(trusted);
    }
    let now = server.now();
    if headers.contains_key(header::AUTHORIZATION) {
        let token = bearer(headers).unwrap_or_else(|| Secret::new(String::new()));
        return server
            .ask_at_the_door(move |app| app::people::by_token(app, &token, now))
            .await
            .map(Some);
    }
    match session_of(headers, server.config.https) {
        Some(session) => server
            .ask_at_the_door(move |app| app::people::by_session(app, &session, now))
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// What stands before a route: who may come in.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) server: Server,
    pub(crate) access: Access,
    pub(crate) kind: RouteKind,
}

pub(crate) async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response<Body> {
    let (trusted, headers) =
        (request.extensions().get::<Actor>().cloned(), request.headers().clone());
    let found = actor_of(&gate.server, trusted, &headers).await;
    let (actor, act, failure) = match (gate.access, found) {
        // Whoever is not known may still look at what is for everybody.
        (Access::Public, found) => return let_in(request, found.ok().flatten(), next).await,
        (Access::Act(act), Ok(Some(actor))) => match actor.may(act) {
            Ok(()) => return in_turn(&gate.server, request, actor, next).await,
            Err(error) => (Some(actor), act, Failure(error)),
        },
        (Access::Act(act), Ok(None)) => (None, act, not_signed_in()),
        (Access::Act(act), Err(failure)) => (None, act, failure),
    };
    if let Some(response) = to_the_door(&gate, &request, &failure) {
        return response;
    }
    let subject = subject_of(&request);
    note_refusal(&gate.server, actor, Some(act), subject, &failure.0).await;
    failure.into_response()
}

/// One person's requests go in by turns; see [`crate::turns`].
async fn in_turn(server: &Server, request: Request, actor: Actor, next: Next) -> Response<Body> {
    let turn = match actor.person() {
        Some(person) => server.turns.take(person, waits_for_a_sync(&request)).await.map(Some),
        None => Ok(None),
    };
    match turn {
        Ok(_turn) => let_in(request, Some(actor), next).await,
        Err(error) => Failure(error).into_response(),
    }
}

async fn let_in(mut request: Request, actor: Option<Actor>, next: Next) -> Response<Body> {
    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    next.run(request).await
}

fn not_signed_in() -> Failure {
    Failure(
        Error::new(Kind::Unauthenticated, "not-signed-in", "this needs a session or a token")
            .hint("sign in, or send `Authorization: Bearer` with a token from Settings"),
    )
}

/// A page sends a reader who is not signed in to the door and back.
fn to_the_door(gate: &Gate, request: &Request, failure: &Failure) -> Option<Response<Body>> {
    let is_page = gate.kind == RouteKind::Page && request.method() == axum::http::Method::GET;
    if !is_page || failure.0.kind != Kind::Unauthenticated {
        return None;
    }
    let back = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let door = crate::address::href("/sign-in", &[("to".to_owned(), back.to_owned())]);
    let mut response = Response::new(Body::empty());
    let door = HeaderValue::from_str(&door).ok()?;
    if request.headers().contains_key("hx-request") {
        // htmx follows this in the whole window, so that no sign-in form lands inside a table.
        response.headers_mut().insert("hx-redirect", door);
    } else {
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(header::LOCATION, door);
    }
    Some(response)
}

/// What was asked for, by the route's pattern: the path may hold anything.
pub(crate) fn subject_of(request: &Request) -> String {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    format!("{} {route}", crate::metrics::method_name(request.method()))
}

/// Writes a refusal to the audit log.
pub(crate) async fn note_refusal(
    server: &Server,
    actor: Option<Actor>,
    act: Option<Act>,
    subject: String,
    error: &Error,
) {
    if !matches!(error.kind, Kind::Unauthenticated | Kind::Forbidden) {
        return;
    }
    let error = Error::new(error.kind, error.code, error.message.clone());
    let now = server.now();
    let noted = server.ask_at_the_door(move |app| {
        app::audit::refused(app, actor.as_ref(), act, &subject, &error, now)
    });
    if let Err(Failure(error)) = noted.await {
        tracing::error!(code = error.code, "noting a refusal: {}", error.message);
    }
}

/// The actor that the gate let in.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Actor);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Actor>().cloned().map(Self).ok_or_else(not_signed_in)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Failure> {
        Ok(parts.extensions.get::<Actor>().cloned().map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers
            .insert(header::COOKIE, HeaderValue::from_static("xtheme=a; theme=dark; theme=light"));
        assert_eq!(cookie(&headers, "theme"), Some("dark"));
        assert_eq!(cookie(&headers, "the"), None);
    }

    #[test]
    fn a_cookie_is_taken_out_and_the_others_stay() {
        let mut headers = HeaderMap::new();
        for value in ["a=1; tutela_session=x; b=2", "tutela_session=y"] {
            headers.append(header::COOKIE, HeaderValue::from_static(value));
        }
        without_cookie(&mut headers, "tutela_session");
        let left: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert_eq!(left, ["a=1; b=2"]);
    }

    #[test]
    fn a_session_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let secret = Secret::new(String::from("value"));
        let now = Time::from_seconds(0);
        let cookie = set_cookie(&secret, Time::from_seconds(60), now, false).unwrap();
        insta::assert_snapshot!(cookie.to_str().unwrap(), @"tutela_session=value; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        let cookie = set_cookie(&secret, Time::from_seconds(60), now, true).unwrap();
        insta::assert_snapshot!(cookie.to_str().unwrap(), @"__Host-tutela_session=value; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
    }
}
