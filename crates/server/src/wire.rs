//! Reading bodies and writing JSON, with failures as problems.

use std::time::Duration;

use app::{Error, Kind};
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{Failure, Reply};

/// Larger bodies are refused.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// A body that is not here by then is not waited for.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The same when many are waited for.
pub const BODY_HASTE: Duration = Duration::from_secs(1);

pub(crate) fn json<T: Serialize>(value: &T) -> Reply {
    reply(StatusCode::OK, value)
}

pub(crate) fn reply<T: Serialize>(status: StatusCode, value: &T) -> Reply {
    let body = serde_json::to_vec(value).map_err(Error::internal)?;
    Ok(typed(status, "application/json", body))
}

pub(crate) fn empty() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn typed(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The request with all of its body; one without a body at once.
pub(crate) async fn arrived(request: Request, patience: Duration) -> Result<Request, Failure> {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(parts, body));
    }
    let mut arriving = Request::new(body);
    DefaultBodyLimit::max(MAX_BODY_BYTES).apply(&mut arriving);
    let read = tokio::time::timeout(patience, Bytes::from_request(arriving, &()));
    let read = read.await.map_err(|_| {
        let limit = patience.as_secs();
        Error::invalid("body", format!("the body did not arrive within {limit} s"))
    })?;
    Ok(Request::from_parts(parts, Body::from(read.map_err(|rejection| not_read(&rejection))?)))
}

fn not_read(rejection: &BytesRejection) -> Failure {
    let (kind, code) = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        (Kind::TooLarge, "body-too-large")
    } else {
        (Kind::Invalid, "body")
    };
    Failure(Error::new(kind, code, format!("the body was not read: {}", rejection.body_text())))
}

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A form as the console sends it; repeated names are lists.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

async fn bytes<S: Send + Sync>(request: Request, state: &S, kind: &str) -> Result<Bytes, Failure> {
    let given = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if given != kind {
        return Err(
            Error::invalid("content-type", format!("the body is `{given}`, not `{kind}`")).into()
        );
    }
    let read = Bytes::from_request(request, state).await;
    read.map_err(|rejection| not_read(&rejection))
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = bytes(request, state, "application/json").await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            Error::invalid("body", format!("the body does not fit: {error}"))
                .hint("the shape is in /api/v1/openapi.json")
                .into()
        })
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = bytes(request, state, "application/x-www-form-urlencoded").await?;
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}

impl Fields {
    /// The field without blanks around it; empty when it was not sent.
    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    pub(crate) fn filled(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(crate) fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.trim())
    }

    /// As it was typed: a password may begin with a blank.
    pub(crate) fn secret(&self, name: &str) -> model::Secret<String> {
        let found = self.0.iter().find(|(key, _)| key == name);
        model::Secret::new(found.map(|(_, value)| value.clone()).unwrap_or_default())
    }
}

/// Parses an id of a path; what is no id cannot be there.
pub(crate) fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure(Error::not_found(what, model::text::shown(text))))
}
