//! What a page is asked with, and how it is given back.

use std::convert::Infallible;

use app::access::Via;
use app::inventory::coverage_summary;
use app::{Act, Actor, App, Error};
use askama::Template;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use model::Time;

use super::frame::{Badge, Frame, Here, Look, Who};
use super::parts::When;
use crate::address::href;
use crate::problem::{Failure, Reply};
use crate::server::Server;
use crate::wire::typed;

/// A request for a page.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) server: Server,
    pub(crate) actor: Option<Actor>,
    pub(crate) look: Look,
    pub(crate) path: String,
    pub(crate) raw: Option<String>,
    pub(crate) now: Time,
    /// htmx asked: the part of the page that it swaps is enough.
    pub(crate) fragment: bool,
}

impl FromRequestParts<Server> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Infallible> {
        let (path, raw) = (parts.uri.path(), parts.uri.query());
        let actor = parts.extensions.get::<Actor>().cloned();
        Ok(Self::new(server, actor, &parts.headers, path, raw))
    }
}

impl Ask {
    pub(crate) fn new(
        server: &Server,
        actor: Option<Actor>,
        headers: &HeaderMap,
        path: &str,
        raw: Option<&str>,
    ) -> Self {
        // A restored page of the history is a whole page, whatever htmx asks it with.
        let fragment = headers.contains_key("hx-request")
            && !headers.contains_key("hx-history-restore-request")
            && !headers.contains_key("hx-boosted");
        Self {
            server: server.clone(),
            actor,
            look: Look::of(headers),
            path: path.to_owned(),
            raw: raw.map(str::to_owned),
            now: server.now(),
            fragment,
        }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        crate::api::parameter(self.raw.as_deref(), name)
    }

    /// The moment that the page is looked at as of.
    pub(crate) fn as_of(&self) -> Result<Option<Time>, Error> {
        crate::api::as_of(self.raw.as_deref())
    }

    /// The actor that the gate let in.
    pub(crate) fn actor(&self) -> Result<&Actor, Error> {
        self.actor.as_ref().ok_or_else(|| {
            Error::new(app::Kind::Unauthenticated, "not-signed-in", "this needs a session")
        })
    }

    pub(crate) fn may(&self, act: Act) -> bool {
        self.actor.as_ref().is_some_and(|actor| actor.may(act).is_ok())
    }

    pub(crate) fn frame(
        &self,
        app: &App,
        here: Here,
        title: impl Into<String>,
        question: impl Into<String>,
    ) -> Result<Frame, Error> {
        let coverage = match &self.actor {
            Some(_) => {
                let summary = coverage_summary(app)?;
                Some(Badge { asked: summary.asked, got: summary.got, n_gaps: summary.n_gaps })
            }
            None => None,
        };
        Ok(self.frame_with(here, title, question, coverage))
    }

    /// A frame that asks `app` nothing.
    pub(crate) fn frame_with(
        &self,
        here: Here,
        title: impl Into<String>,
        question: impl Into<String>,
        coverage: Option<Badge>,
    ) -> Frame {
        let who = self.actor.as_ref().map(|actor| Who {
            name: actor.name.clone(),
            role: actor.role.name(),
            session: matches!(actor.via, Via::Session { .. }),
            reads_audit: actor.may(Act::ReadAudit).is_ok(),
        });
        Frame {
            title: title.into(),
            question: question.into(),
            here,
            who,
            look: self.look,
            coverage,
            path: self.path.clone(),
            travel: None,
            as_of: None,
            now_href: self.path.clone(),
            today: self.now.date(),
        }
    }

    /// Lets the page be looked at as of a moment.
    pub(crate) fn travelling(&self, mut frame: Frame, as_of: Option<Time>) -> Frame {
        let kept: Vec<(String, String)> =
            form_urlencoded::parse(self.raw.as_deref().unwrap_or_default().as_bytes())
                .filter(|(name, _)| !matches!(name.as_ref(), "as_of" | "after" | "skipped"))
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
        frame.now_href = href(&self.path, &kept);
        frame.travel = Some(kept);
        frame.as_of = as_of.map(|time| When::new(time, self.now));
        frame
    }
}

/// A page, whole or in part.
pub(crate) fn html(template: &impl Template) -> Reply {
    let body =
        template.render().map_err(|error| Error::internal(anyhow::anyhow!("a page: {error}")))?;
    let mut response = typed(StatusCode::OK, "text/html; charset=utf-8", body);
    // One address is answered with the page or a part of it.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("hx-request, cookie"));
    Ok(response)
}

/// After a write: the page it was made on, as it is now.
pub(crate) fn go_to(address: &str) -> Reply {
    let mut response: Response<Body> = crate::wire::empty();
    *response.status_mut() = StatusCode::OK;
    let value = HeaderValue::from_str(address).map_err(|error| Failure(Error::internal(error)))?;
    response.headers_mut().insert("hx-redirect", value);
    Ok(response)
}

#[derive(Template)]
#[template(path = "parts/notice.html")]
pub(crate) struct Notice {
    pub(crate) class: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) text: String,
    pub(crate) more: String,
    /// Shown once and copied: a new token.
    pub(crate) secret: String,
}

/// A word about what was done, put into the page's notices.
pub(crate) fn notice(text: impl Into<String>) -> Reply {
    let notice = Notice {
        class: "",
        icon: "note",
        text: text.into(),
        more: String::new(),
        secret: String::new(),
    };
    Ok(into_notices(html(&notice)?))
}

pub(crate) fn into_notices(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert("hx-retarget", HeaderValue::from_static("#notices"));
    headers.insert("hx-reswap", HeaderValue::from_static("innerHTML show:top"));
    headers.insert("hx-push-url", HeaderValue::from_static("false"));
    response
}
