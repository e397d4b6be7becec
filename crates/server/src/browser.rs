//! What is asked of every request because a browser may be behind it, and what every reply tells
//! the browser. Loopback is not a boundary: any page in the same browser can send requests here.

use app::{Error, Kind};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use crate::problem::{Failure, OTHER_HOST};
use crate::server::Server;
use crate::session::{Shown, cookie_name, note_refusal, shown, subject_of, without_cookie};

/// Nothing but our own files; no inline script or style, no framing, no base.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// On every reply, whatever it is.
const ALWAYS: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ("x-frame-options", "DENY"),
];

/// Headers one of which every write from a browser has: a form of another site cannot send them.
const CUSTOM_HEADERS: [&str; 2] = ["hx-request", "x-tutela-request"];

pub(crate) async fn check(
    State(server): State<Server>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let host = host_of(&request);
    if host.is_some_and(|host| server.config.bare.contains(&host)) {
        request.extensions_mut().insert(Bare);
        without_cookie(request.headers_mut(), cookie_name(server.config.https));
    }
    let mut response = match refused(&server, &request) {
        Some(error) => {
            note_refusal(&server, None, None, subject_of(&request), &error).await;
            Failure(error).into_response()
        }
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refused(server: &Server, request: &Request) -> Option<Error> {
    let config = &server.config;
    let shown = shown(request, config.https);
    if shown == Shown::Trusted {
        return None;
    }
    let Some(host) = host_of(request) else { return Some(other_host("")) };
    if !config.hosts.contains(&host) {
        return Some(other_host(&host));
    }
    let is_write = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_write && shown != Shown::Token {
        return forged(request.headers(), &host, config.https);
    }
    None
}

/// Of a request to a host where no session is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare;

/// The host of the request line or of the header.
fn host_of(request: &Request) -> Option<String> {
    let of_line = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let of_header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    Some(of_line.or(of_header)?.to_ascii_lowercase())
}

fn other_host(host: &str) -> Error {
    let shown = model::text::shown(host);
    Error::new(Kind::Invalid, OTHER_HOST, format!("`{shown}` is not a name of this server"))
        .hint("use the address that `tutela up` printed, or add the name to `hosts` in the configuration file")
}

/// A write must come from a page of ours.
fn forged(headers: &HeaderMap, host: &str, https: bool) -> Option<Error> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = format!("{}://{host}", if https { "https" } else { "http" });
    let same_origin = text("origin").is_some_and(|origin| origin.eq_ignore_ascii_case(&ours));
    // Browsers that do not send it have sent an Origin, which is checked above.
    let same_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let custom = CUSTOM_HEADERS.iter().any(|name| headers.contains_key(*name));
    if same_origin && same_site && custom {
        return None;
    }
    Some(
        Error::new(
            Kind::Forbidden,
            "foreign-origin",
            "the request does not come from a page of this server",
        )
        .hint("programs use a token: `Authorization: Bearer tut_…`"),
    )
}
