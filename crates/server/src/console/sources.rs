//! Sources: what is read, how that goes, which permissions it needs, and adding one.

use app::sources::{self, ConnectorView, PermissionView, SourceRequest, SourceView};
use app::{Act, Error};
use askama::Template;
use axum::extract::{Path, State};
use connectors::Settings;
use model::Time;
use model::text::shown;
use store::{CoverageOf, SyncState};

use super::ask::{Ask, go_to, html, notice};
use super::frame::{Frame, Here, percent};
use super::parts::{Empty, Markup, grouped, not_said, span, text, when};
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Fields, id};

struct SourceCard {
    id: String,
    name: String,
    connector: String,
    health: Markup,
    facts: Vec<(&'static str, Markup)>,
    permissions: Vec<PermissionView>,
}

#[derive(Template)]
#[template(path = "pages/sources.html")]
struct SourcesPage {
    frame: Frame,
    sources: Vec<SourceCard>,
    connectors: Vec<ConnectorView>,
    /// Whether sources that read files of this machine may be added from here.
    reads_here: bool,
    may_manage: bool,
    may_sync: bool,
    empty: Option<Empty>,
}

fn health(view: &SourceView) -> Markup {
    let (class, word) = if view.running {
        ("run", "syncing")
    } else if !view.source.enabled {
        ("", "switched off")
    } else {
        match view.source.last_sync.as_ref().map(|sync| sync.state) {
            None => ("warn", "never read"),
            Some(SyncState::Running) => ("run", "syncing"),
            Some(SyncState::Committed) => ("good", "read"),
            Some(SyncState::Failed) => ("bad", "failed"),
        }
    };
    Markup(format!("<span class=\"state-dot {class}\">{word}</span>"))
}

fn card(view: SourceView, scopes: &[store::ScopeCoverage], now: Time) -> SourceCard {
    let source = &view.source;
    let (mut asked, mut got, mut n_gaps) = (0, 0, 0);
    for scope in scopes {
        asked += scope.coverage.asked;
        got += scope.coverage.got;
        n_gaps += scope.coverage.gaps.len() as u64 + scope.coverage.n_more_gaps;
    }
    let last = source.last_sync.as_ref();
    let gaps = match n_gaps {
        0 if asked == 0 => not_said("nothing read yet"),
        0 => not_said("none"),
        n => Markup(format!(
            "<a href=\"/coverage/gaps?filter=source%3Ais%3A{}\">{}</a>",
            source.id,
            grouped(n)
        )),
    };
    let mut facts = vec![
        ("Last sync", last.map_or_else(|| not_said("never"), |sync| when(sync.started_at, now))),
        (
            "Last published",
            source.last_committed_at.map_or_else(|| not_said("never"), |time| when(time, now)),
        ),
        (
            "Read",
            if asked == 0 {
                not_said("nothing yet")
            } else {
                Markup(format!(
                    "{} of {} <span class=\"quiet\">{}</span>",
                    grouped(got),
                    grouped(asked),
                    percent(got, asked)
                ))
            },
        ),
        ("Gaps", gaps),
        (
            "Every",
            source.every_s.map_or_else(
                || not_said("only by hand"),
                |seconds| Markup(span(std::time::Duration::from_secs(seconds.into()))),
            ),
        ),
    ];
    if let Some(summary) = last.and_then(|sync| sync.summary) {
        let (one, two) = (&summary.identities, &summary.credentials);
        facts.push((
            "Last changes",
            Markup(format!(
                "<span title=\"identities and credentials\">{} added, {} changed, {} gone</span>",
                grouped(one.added + two.added),
                grouped(one.changed + two.changed),
                grouped(one.gone + two.gone)
            )),
        ));
    }
    if let Some(error) = last.and_then(|sync| sync.error.as_deref()) {
        facts.push(("Failed because", text(error)));
    }
    if let Some(until) = view.held_until {
        facts.push((
            "Not read before",
            Markup(format!(
                "{} <span class=\"quiet\">Tutela ended twice while it read this source; sync it by \
                 hand, or leave out what may be why</span>",
                when(until, now)
            )),
        ));
    }
    let settings: Settings = serde_json::from_str(&source.settings).unwrap_or_default();
    for (name, values) in settings.0.iter().take(8) {
        let joined = values.join(", ");
        facts.push(("Setting", Markup(format!("{} <code>{}</code>", text(name), text(&joined)))));
    }
    SourceCard {
        id: source.id.to_string(),
        name: shown(&source.name).into_owned(),
        connector: view.title.clone(),
        health: health(&view),
        facts,
        permissions: view.permissions,
    }
}

pub(crate) async fn page(ask: Ask) -> Reply {
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let views = sources::list(app, actor)?;
        let scopes = app::inventory::coverage(app, actor, CoverageOf::Latest)?;
        let frame = ask.frame(
            app,
            Here::Sources,
            "Sources",
            "What is read, how did that go, and what does it need?",
        )?;
        let cards: Vec<SourceCard> = views
            .into_iter()
            .map(|view| {
                let own: Vec<_> =
                    scopes.iter().filter(|scope| scope.source == view.source.id).cloned().collect();
                card(view, &own, ask.now)
            })
            .collect();
        let empty = cards.is_empty().then(|| Empty {
            title: "No source yet".into(),
            what:
                "A source is a connector with its settings: this host, a folder, a cloud account."
                    .into(),
            command: "tutela source add host",
            link: None,
        });
        Ok(SourcesPage {
            frame,
            sources: cards,
            connectors: sources::connectors()
                .into_iter()
                .filter(|connector| !connector.local_only || app.trusts_sessions)
                .collect(),
            reads_here: app.trusts_sessions,
            may_manage: ask.may(Act::ManageSources),
            may_sync: ask.may(Act::RunSync),
            empty,
        })
    });
    html(&page.await?)
}

pub(crate) async fn add(
    State(server): State<Server>,
    Caller(actor): Caller,
    fields: Fields,
) -> Reply {
    let minutes: Option<u32> = match fields.text("every_min") {
        "" => None,
        text => Some(
            text.parse().map_err(|_| Error::invalid("every", "`every` is a number of minutes"))?,
        ),
    };
    let request = SourceRequest {
        connector: fields.text("connector").to_owned(),
        name: fields.filled("name"),
        settings: settings(fields.text("settings"))?,
        every_s: minutes.filter(|minutes| *minutes > 0).map(|minutes| minutes.saturating_mul(60)),
    };
    let now = server.now();
    server.ask(move |app| sources::add(app, &actor, &request, now)).await?;
    go_to("/sources")
}

/// Settings as a person types them: `name = value`, one to a line; a name on several lines has
/// several values.
fn settings(text: &str) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once('=') else {
            let message = format!("`{}` is not of the form name = value", shown(line));
            return Err(Error::invalid("bad-setting", message)
                .hint("one setting to a line, such as `paths = /srv/app`"));
        };
        settings.0.entry(name.trim().to_owned()).or_default().push(value.trim().to_owned());
    }
    Ok(settings)
}

pub(crate) async fn sync(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
) -> Reply {
    let id = id(&raw_id, "source")?;
    {
        let actor = actor.clone();
        let view = server.ask(move |app| sources::may_read(app, &actor, id)).await?;
        if view.running {
            return notice("A sync of this source is running already.");
        }
    }
    drop(crate::api::sources::begin_sync(&server, actor, id));
    notice("The sync has begun. This page shows how it goes.")
}

pub(crate) async fn test(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
) -> Reply {
    let (id, now) = (id(&raw_id, "source")?, server.now());
    let saw = server.ask(move |app| {
        sources::may_read(app, &actor, id)?;
        app::sync::test(app, &actor, id, now)
    });
    notice(format!("It works: {}", shown(&saw.await?)))
}

pub(crate) async fn remove(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
    fields: Fields,
) -> Reply {
    let (id, now) = (id(&raw_id, "source")?, server.now());
    let typed = fields.text("name").to_owned();
    server
        .ask(move |app| {
            let view = sources::get(app, &actor, id)?;
            if view.source.name != typed {
                return Err(Error::invalid(
                    "name",
                    "the name does not fit; type the source's name to remove it",
                ));
            }
            sources::remove(app, &actor, id, now)
        })
        .await?;
    go_to("/sources")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_line_by_line() {
        let read =
            settings("paths = /srv/app\n\n paths=/srv/other \r\ninclude_vendored = true").unwrap();
        assert_eq!(read.list("paths"), ["/srv/app", "/srv/other"]);
        assert_eq!(read.list("include_vendored"), ["true"]);
        assert_eq!(settings(" \n").unwrap(), Settings::default());
        let error = settings("paths /srv").unwrap_err();
        assert!(error.message.contains("`paths /srv`"), "{}", error.message);
    }
}
