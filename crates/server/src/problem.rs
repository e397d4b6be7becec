//! Failures as RFC 9457 problems: made from `app::Error` here and nowhere else.

use app::{Error, Kind};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;

/// The body of every reply that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// Stable: `urn:tutela:problem:` and the code.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    /// What was tried, on what.
    pub(crate) detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<String>,
}

/// What handlers fail with.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

pub(crate) type Reply<T = Response<Body>> = Result<T, Failure>;

/// Too many attempts.
pub(crate) const TOO_MANY_ATTEMPTS: &str = "too-many-attempts";
/// Too much at once by one person; the others are answered.
pub(crate) const TOO_MANY_AT_ONCE: &str = "too-many-at-once";
/// Everybody's room is used up.
pub(crate) const BUSY: &str = "busy";
/// The request names a host that this is not (RFC 9110, §15.5.20).
pub(crate) const OTHER_HOST: &str = "other-host";
pub(crate) const METHOD_NOT_ALLOWED: &str = "method-not-allowed";

pub(crate) fn status_of(error: &Error) -> StatusCode {
    match (error.code, error.kind) {
        (TOO_MANY_ATTEMPTS | TOO_MANY_AT_ONCE, _) => StatusCode::TOO_MANY_REQUESTS,
        (OTHER_HOST, _) => StatusCode::MISDIRECTED_REQUEST,
        (METHOD_NOT_ALLOWED, _) => StatusCode::METHOD_NOT_ALLOWED,
        (_, Kind::Invalid) => StatusCode::BAD_REQUEST,
        (_, Kind::Unauthenticated) => StatusCode::UNAUTHORIZED,
        (_, Kind::Forbidden) => StatusCode::FORBIDDEN,
        (_, Kind::NotFound) => StatusCode::NOT_FOUND,
        (_, Kind::Conflict) => StatusCode::CONFLICT,
        (_, Kind::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, Kind::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Kind::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn title_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request is not understood",
        StatusCode::UNAUTHORIZED => "Sign in first",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Not done that way",
        StatusCode::CONFLICT => "It contradicts what is there",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::MISDIRECTED_REQUEST => "Not this server's name",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Not possible now",
        _ => "Something went wrong inside Tutela",
    }
}

impl Problem {
    pub(crate) fn of(error: Error) -> Self {
        let status = status_of(&error);
        if let (true, Some(cause)) = (status.is_server_error(), &error.cause) {
            tracing::error!(code = error.code, cause = format!("{cause:#}"), "{}", error.message);
        }
        Self {
            kind: format!("urn:tutela:problem:{}", error.code),
            title: title_of(status),
            status: status.as_u16(),
            detail: error.message,
            hint: error.hint,
            instance: None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Seconds after which it may go better: room comes back soon, the right to guess does not.
    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        match self.status {
            429 if self.kind.ends_with(TOO_MANY_ATTEMPTS) => Some(HeaderValue::from_static("60")),
            429 | 503 => Some(HeaderValue::from_static("5")),
            _ => None,
        }
    }

    /// The problem as its own JSON document.
    pub(crate) fn json(&self) -> Response<Body> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == 401 {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"tutela\""),
            );
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl IntoResponse for Failure {
    /// JSON; what asked for a page is answered with one further out, from the extension.
    fn into_response(self) -> Response<Body> {
        let problem = Problem::of(self.0);
        let mut response = problem.json();
        response.extensions_mut().insert(problem);
        response
    }
}
