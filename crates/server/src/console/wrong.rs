//! What is shown when something went wrong.

use app::{Act, Actor};
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderMap, Response};
use model::text::shown;

use super::ask::{Ask, Notice, html, into_notices};
use super::frame::{Frame, Here};
use crate::problem::Problem;
use crate::server::Server;

#[derive(Template)]
#[template(path = "pages/error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    detail: String,
    hint: String,
    back_href: String,
    back: &'static str,
}

/// A problem as a page, or as a notice where htmx asked for a part of one.
pub(crate) fn error_page(
    server: &Server,
    actor: Option<Actor>,
    headers: &HeaderMap,
    path: &str,
    problem: &Problem,
) -> Response<Body> {
    let ask = Ask::new(server, actor, headers, path, None);
    let hint = problem.hint.clone().unwrap_or_default();
    let rendered = if ask.fragment {
        let notice = Notice {
            class: "bad",
            icon: "warning",
            text: sentence(&problem.detail),
            more: sentence(&hint),
            secret: String::new(),
        };
        html(&notice).map(into_notices)
    } else {
        let may_look = ask.may(Act::Look);
        html(&ErrorPage {
            frame: ask.frame_with(Here::Elsewhere, problem.title, "", None),
            status: problem.status,
            detail: sentence(&problem.detail),
            hint: sentence(&hint),
            back_href: if may_look || problem.status != 401 {
                "/".into()
            } else {
                "/sign-in".into()
            },
            back: if problem.status == 401 { "Sign in" } else { "Go to Today" },
        })
    };
    match rendered {
        Ok(mut response) => {
            *response.status_mut() = problem.status();
            response
        }
        Err(_) => problem.json(),
    }
}

/// An error's words as a sentence of a page.
fn sentence(words: &str) -> String {
    let words = shown(words);
    let mut characters = words.chars();
    let Some(first) = characters.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().chain(characters).collect();
    if !sentence.ends_with(['.', '`', ':']) {
        sentence.push('.');
    }
    sentence
}
