//! The router: every endpoint of the table, and what stands around all of them.

use std::sync::Arc;
use std::time::Duration;

use app::{App, Error, Kind};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::api::parameter;
use crate::browser;
use crate::console::wrong::error_page;
use crate::problem::{BUSY, Failure, METHOD_NOT_ALLOWED, Problem};
use crate::routes::{AT_THE_DOOR, SYNC_PATH, routes};
use crate::server::{Config, Server};
use crate::wire::{BODY_HASTE, BODY_TIMEOUT, arrived};

/// A reply's head must be there within this; exports stream on after it.
pub const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Requests that are worked on at once; more are told to come again. One that is still arriving is
/// not among them.
pub const MAX_REQUESTS: usize = 256;
/// Further ones at the door and of whoever watches over the server, when those are used up.
pub const MAX_REQUESTS_AT_THE_DOOR: usize = 32;
/// Bodies that are waited for with patience; the others must come at once, so that nobody fills all
/// connections with requests that never end.
pub const MAX_SLOW_BODIES: usize = 64;

/// The router for calls in the process itself: give each request an [`app::Actor`] extension.
///
/// That extension is accepted from code only; no header becomes one.
pub fn router(app: App, config: Config) -> Router {
    with_state(&Server::new(app, config, CancellationToken::new()))
}

pub(crate) fn with_state(server: &Server) -> Router {
    // Pages and JSON are compressed; event streams are not, since they would wait for more bytes.
    let compress = DefaultPredicate::new().and(NotForContentType::new("text/event-stream"));
    let room = Arc::new(Room {
        requests: Semaphore::new(MAX_REQUESTS),
        door: Semaphore::new(MAX_REQUESTS_AT_THE_DOOR),
        slow_bodies: Semaphore::new(MAX_SLOW_BODIES),
    });
    routes(server)
        .fallback(|| async {
            Failure(Error::new(
                Kind::NotFound,
                "no-such-address",
                "there is nothing at this address",
            ))
        })
        .method_not_allowed_fallback(|| async {
            Failure(Error::new(
                Kind::Invalid,
                METHOD_NOT_ALLOWED,
                "this address does not take that method",
            ))
        })
        .layer(from_fn(time_out))
        .layer(from_fn_with_state(Arc::clone(&room), make_room))
        .layer(from_fn_with_state(room, arrive))
        .layer(from_fn_with_state(server.clone(), present))
        .layer(from_fn_with_state(server.clone(), browser::check))
        .layer(CompressionLayer::new().compress_when(compress))
        .layer(from_fn_with_state(server.clone(), measure))
        .with_state(server.clone())
}

#[derive(Debug)]
struct Room {
    requests: Semaphore,
    door: Semaphore,
    slow_bodies: Semaphore,
}

/// Waits for the body, before the request takes anybody's place.
async fn arrive(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response<Body> {
    let slow = room.slow_bodies.try_acquire().ok();
    let patience = if slow.is_some() { BODY_TIMEOUT } else { BODY_HASTE };
    let arrived = arrived(request, patience).await;
    drop(slow);
    match arrived {
        Ok(request) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

async fn make_room(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response<Body> {
    let place = room.requests.try_acquire().or_else(|full| {
        let is_at_the_door = route_of(&request).is_some_and(|route| AT_THE_DOOR.contains(&route));
        if is_at_the_door { room.door.try_acquire() } else { Err(full) }
    });
    match place {
        Ok(_place) => next.run(request).await,
        Err(_) => Failure(
            Error::new(Kind::Unavailable, BUSY, "too many requests are being worked on")
                .hint("try again in a moment"),
        )
        .into_response(),
    }
}

async fn time_out(request: Request, next: Next) -> Response<Body> {
    if waits_for_a_sync(&request) {
        return next.run(request).await;
    }
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure(Error::new(
            Kind::Unavailable,
            "timed-out",
            format!("no answer within {} seconds", REQUEST_TIMEOUT.as_secs()),
        ))
        .into_response(),
    }
}

/// Whoever asks to wait for a sync knows that it takes long; nothing else may.
pub(crate) fn waits_for_a_sync(request: &Request) -> bool {
    route_of(request) == Some(SYNC_PATH)
        && parameter(request.uri().query(), "wait").as_deref() == Some("true")
}

fn route_of(request: &Request) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Gives problems their instance, and makes pages of those that a reader asked for as a page.
async fn present(State(server): State<Server>, request: Request, next: Next) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let trusted = request.extensions().get::<app::Actor>().cloned();
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    let problem = Problem { instance: Some(path.clone()), ..problem.clone() };
    // A page asks who it is for: nothing to do for each of too many.
    let is_busy = problem.kind.ends_with(BUSY);
    if path.starts_with("/api/") || is_busy || !wants_page(&headers) {
        return problem.json();
    }
    let caller = crate::session::actor_of(&server, trusted, &headers).await.ok().flatten();
    let mut page = error_page(&server, caller, &headers, &path, &problem);
    if let Some(seconds) = problem.retry_after() {
        page.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    page
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
        || headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"))
}

async fn measure(State(server): State<Server>, request: Request, next: Next) -> Response<Body> {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status: StatusCode = response.status();
    server.metrics.request(&method, &route, status.as_u16(), began.elapsed());
    response
}
