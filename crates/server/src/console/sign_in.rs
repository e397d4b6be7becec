//! The door: signing in and out.

use app::Error;
use askama::Template;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue};

use super::ask::{Ask, go_to, html};
use super::frame::Look;
use crate::address::href;
use crate::api::sign_in::{
    SignInBody, end_own_session, forget_session, keep_session, sign_in_with,
};
use crate::browser::Bare;
use crate::problem::Reply;
use crate::server::Server;
use crate::wire::Fields;

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage {
    look: Look,
    /// Nobody can sign in yet: the link makes the first administrator.
    first: bool,
    to: String,
}

/// Only addresses of this server: a path, and not one that browsers read as a host.
fn way_back(to: &str) -> &str {
    let is_path = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path && is_plain && !to.starts_with("/sign-") { to } else { "/" }
}

pub(crate) async fn page(ask: Ask) -> Reply {
    let to = ask.parameter("to").unwrap_or_default();
    let first = ask.server.ask_at_the_door(|app| Ok(!app::people::has_administrator(app)?)).await?;
    html(&SignInPage { look: ask.look, first, to: way_back(&to).to_owned() })
}

pub(crate) async fn sign_in(
    State(server): State<Server>,
    bare: Option<Extension<Bare>>,
    headers: HeaderMap,
    fields: Fields,
) -> Reply {
    let body = SignInBody {
        link: fields.filled("link").map(model::Secret::new),
        login: fields.text("login").to_owned(),
        name: fields.text("name").to_owned(),
        password: fields.secret("password"),
    };
    let signed_in = sign_in_with(&server, &headers, body).await?;
    let to = way_back(fields.text("to"));
    if let (Some(_), Some(home)) = (bare, &server.config.home) {
        // The name of the place is told to whoever has shown who they are, and to nobody else.
        let now = server.now();
        let link =
            server.ask_at_the_door(move |app| app::people::hand_over(app, &signed_in, now)).await?;
        let door = href("/sign-in", &[("to".to_owned(), to.to_owned())]);
        return go_to(&format!("http://{home}{door}#{}", link.reveal()));
    }
    let mut response = go_to(to)?;
    keep_session(&server, &signed_in, &mut response)?;
    Ok(response)
}

pub(crate) async fn sign_out(State(server): State<Server>, headers: HeaderMap) -> Reply {
    end_own_session(&server, &headers).await?;
    let mut response = go_to("/sign-in")?;
    forget_session(&server, &mut response);
    // Whatever the browser still holds of these pages.
    let value = HeaderValue::from_str("\"cache\"").map_err(Error::internal)?;
    response.headers_mut().insert("clear-site-data", value);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_here() {
        let check = |to: &str, expected: &str| assert_eq!(way_back(to), expected, "{to}");
        check("/identities?q=a", "/identities?q=a");
        check("//evil.example", "/");
        check("/\\evil.example", "/");
        check("https://evil.example", "/");
        check("/a\r\nset-cookie: x", "/");
        check("/sign-out", "/");
    }
}
