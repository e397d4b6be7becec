//! Settings: one's own password, sessions and tokens; people, for administrators; about.

use std::time::Duration;

use app::access::Role;
use app::people::{self, MAX_TOKEN_LIFETIME, PersonChange};
use app::{Act, Error};
use askama::Template;
use axum::extract::{Path, State};
use model::text::shown;
use store::TokenId;

use super::ask::{Ask, Notice, go_to, html, into_notices, notice};
use super::frame::{Frame, Here};
use super::parts::{Markup, grouped, not_said, when};
use crate::api::people::{DAY_S, set_password_of};
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Fields, id};

struct PersonRow {
    login: String,
    name: String,
    role: &'static str,
    since: Markup,
    disabled: bool,
    is_self: bool,
}

struct TokenRow {
    id: i64,
    name: String,
    prefix: String,
    role: &'static str,
    expires: Markup,
    used: Markup,
    ended: Option<&'static str>,
}

struct SessionView {
    id: String,
    login: String,
    agent: String,
    began: Markup,
    used: Markup,
    expires: Markup,
}

#[derive(Template)]
#[template(path = "pages/settings.html")]
struct SettingsPage {
    frame: Frame,
    has_password: bool,
    login: String,
    /// None: not for this reader.
    people: Option<Vec<PersonRow>>,
    tokens: Vec<TokenRow>,
    sessions: Vec<SessionView>,
    roles: Vec<&'static str>,
    max_days: u64,
    version: &'static str,
    about: Markup,
}

pub(crate) async fn page(ask: Ask) -> Reply {
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let now = ask.now;
        let people = if ask.may(Act::ManagePeople) {
            Some(
                people::list(app, actor)?
                    .into_iter()
                    .map(|person| PersonRow {
                        is_self: Some(person.id) == actor.person(),
                        login: person.login,
                        name: shown(&person.name).into_owned(),
                        role: person.role.name(),
                        since: when(person.created_at, now),
                        disabled: person.disabled_at.is_some(),
                    })
                    .collect(),
            )
        } else {
            None
        };
        let tokens = people::tokens(app, actor)?
            .into_iter()
            .map(|token| TokenRow {
                id: token.id.0,
                name: shown(&token.name).into_owned(),
                prefix: token.prefix,
                role: token.role.name(),
                expires: when(token.expires_at, now),
                used: token.last_used_at.map_or_else(|| not_said("never"), |time| when(time, now)),
                ended: match (token.revoked_at, token.expires_at <= now) {
                    (Some(_), _) => Some("revoked"),
                    (None, true) => Some("expired"),
                    (None, false) => None,
                },
            })
            .collect();
        let sessions = people::sessions(app, actor, now)?
            .into_iter()
            .map(|session| SessionView {
                id: session.id,
                login: session.login,
                agent: shown(&session.agent).into_owned(),
                began: when(session.created_at, now),
                used: when(session.last_used_at, now),
                expires: when(session.expires_at, now),
            })
            .collect();
        let checks = app::diagnosis::diagnose(app, actor, now)?;
        let rows = checks
            .iter()
            .map(|check| {
                let (class, word) = match check.health {
                    app::diagnosis::Health::Fine => ("good", "fine"),
                    app::diagnosis::Health::Note => ("warn", "note"),
                    app::diagnosis::Health::Wrong => ("bad", "wrong"),
                };
                vec![
                    super::parts::text(&check.subject),
                    Markup(format!("<span class=\"state-dot {class}\">{word}</span>")),
                    super::parts::prose(&check.says),
                    if check.fix.is_empty() {
                        not_said("nothing to do")
                    } else {
                        super::parts::prose(&check.fix)
                    },
                ]
            })
            .collect();
        let about = Markup::of(&super::detail::table(
            "Health",
            &["Of", "*State", "*Says", "What to do"],
            rows,
            "",
        ));
        Ok(SettingsPage {
            frame: ask.frame(
                app,
                Here::Settings,
                "Settings",
                "Who may come in, and how is Tutela itself?",
            )?,
            has_password: actor.person().is_some(),
            login: actor.name.clone(),
            people,
            tokens,
            sessions,
            roles: Role::ALL
                .into_iter()
                .filter(|role| *role <= actor.role)
                .map(Role::name)
                .collect(),
            max_days: MAX_TOKEN_LIFETIME.as_secs() / DAY_S,
            version: env!("CARGO_PKG_VERSION"),
            about,
        })
    });
    html(&page.await?)
}

fn role(fields: &Fields) -> Result<Role, Error> {
    fields.text("role").parse().map_err(|error| Error::invalid("role", error))
}

pub(crate) async fn add_person(
    State(server): State<Server>,
    Caller(actor): Caller,
    fields: Fields,
) -> Reply {
    let (now, role) = (server.now(), role(&fields)?);
    let (login, name) = (fields.text("login").to_owned(), fields.text("name").to_owned());
    server.ask(move |app| people::add(app, &actor, &login, &name, role, None, now)).await?;
    go_to("/settings")
}

pub(crate) async fn change_person(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(login): Path<String>,
    fields: Fields,
) -> Reply {
    let now = server.now();
    if fields.text("act") == "link" {
        let (to, actor) = (login.clone(), actor);
        let link = server.ask(move |app| people::sign_in_link(app, &actor, Some(&to), now)).await?;
        let made = Notice {
            class: "",
            icon: "note",
            text: format!(
                "A sign-in link for {}: good once, for {} minutes.",
                shown(&login),
                people::LINK_LIFETIME.as_secs() / 60
            ),
            more: "Hand it over by a way you trust.".into(),
            secret: match &server.config.home {
                Some(home) => format!("http://{home}/sign-in#{}", link.reveal()),
                None => format!("/sign-in#{}", link.reveal()),
            },
        };
        return Ok(into_notices(html(&made)?));
    }
    let change = PersonChange {
        name: None,
        role: if fields.text("role").is_empty() { None } else { Some(role(&fields)?) },
        disabled: match fields.text("act") {
            "disable" => Some(true),
            "enable" => Some(false),
            _ => None,
        },
    };
    server.ask(move |app| people::change(app, &actor, &login, &change, now)).await?;
    go_to("/settings")
}

pub(crate) async fn set_password(
    State(server): State<Server>,
    Caller(actor): Caller,
    fields: Fields,
) -> Reply {
    let (current, new) = (fields.secret("current"), fields.secret("new"));
    let login = actor.name.clone();
    set_password_of(&server, actor, login, Some(current), new).await?;
    go_to("/sign-in")
}

pub(crate) async fn create_token(
    State(server): State<Server>,
    Caller(actor): Caller,
    fields: Fields,
) -> Reply {
    let (now, role) = (server.now(), role(&fields)?);
    let days: u64 = fields
        .text("days")
        .parse()
        .map_err(|_| Error::invalid("days", "`days` is a number of days"))?;
    let name = fields.text("name").to_owned();
    let lifetime = Duration::from_secs(days.saturating_mul(DAY_S));
    let issued = server
        .ask(move |app| people::create_token(app, &actor, &name, role, lifetime, now))
        .await?;
    let made = Notice {
        class: "",
        icon: "note",
        text: format!(
            "Token `{}` is made, good for {} days.",
            shown(&issued.token.name),
            grouped(days)
        ),
        more: "It is shown this once; only its hash is kept.".into(),
        secret: issued.secret.reveal().clone(),
    };
    Ok(into_notices(html(&made)?))
}

pub(crate) async fn revoke_token(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
) -> Reply {
    let (token, now) = (TokenId(id(&raw_id, "token")?), server.now());
    server.ask(move |app| people::revoke_token(app, &actor, token, now)).await?;
    go_to("/settings")
}

pub(crate) async fn end_session(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(session): Path<String>,
) -> Reply {
    let now = server.now();
    server.ask(move |app| people::end_session(app, &actor, &session, now)).await?;
    notice("The session is ended.")
}
