//! A finding: what is wrong, what shows it, the exact fix, and what people decided.

use app::findings::Decision;
use app::inventory::{self, Explained};
use app::{Act, Error};
use askama::Template;
use axum::extract::{Path, State};
use model::text::shown;
use model::{FindingId, FindingState};

use super::ask::{Ask, go_to, html};
use super::detail::{
    Crumb, Section, ThingPage, evidence_rows, evidence_table, fact_list, line, stored_at, table,
    within,
};
use super::frame::Here;
use super::parts::{Icon, Markup, SeverityBadge, not_said, prose, text, when};
use super::sheets::{identity_names, state_cell};
use crate::address::moment;
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Fields, id};

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"{% if open %}<form method="post" action="/findings/{{ id }}" hx-post="/findings/{{ id }}" hx-target="#notices"><button class="button" type="submit" name="decide" value="acknowledge">Acknowledge</button></form>
<form method="post" action="/findings/{{ id }}" hx-post="/findings/{{ id }}" hx-target="#notices"><input type="hidden" name="until" value="{{ in_a_week }}"><button class="button" type="submit" name="decide" value="snooze">Snooze 7 days</button></form>
{% if may_accept %}<button class="button" type="button" popovertarget="accept">Accept risk</button><div class="menu-pop to-end" id="accept" popover><form method="post" action="/findings/{{ id }}" hx-post="/findings/{{ id }}" hx-target="#notices"><input type="hidden" name="decide" value="accept"><div class="field"><label for="accept-until">Until</label><input class="input" id="accept-until" name="until" type="date" required min="{{ tomorrow }}"></div><div class="field"><label for="accept-reason">Reason</label><textarea class="input" id="accept-reason" name="reason" required maxlength="1000"></textarea></div><button class="button main-act" type="submit">Accept risk</button></form></div>{% endif %}
{% else %}<form method="post" action="/findings/{{ id }}" hx-post="/findings/{{ id }}" hx-target="#notices"><button class="button" type="submit" name="decide" value="reopen">Reopen</button></form>{% endif %}"##
)]
struct Decide {
    id: FindingId,
    open: bool,
    may_accept: bool,
    in_a_week: String,
    tomorrow: String,
}

const DAY: std::time::Duration = std::time::Duration::from_secs(crate::api::people::DAY_S);

pub(crate) async fn page(ask: Ask, Path(raw_id): Path<String>) -> Reply {
    let id: FindingId = id(&raw_id, "finding")?;
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let Explained::Finding(explained) = inventory::explain(app, actor, &id.to_string(), None)?
        else {
            return Err(Error::not_found("finding", id));
        };
        let now = ask.now;
        let (row, finding) = (&explained.row, &explained.row.finding);
        let names = identity_names(app, actor, finding.identity.into_iter(), None)?;
        let subject = match finding.subject {
            model::finding::FindingSubject::Credential(id) => {
                Markup(format!("<a href=\"/credentials/{id}\">the credential</a>"))
            }
            model::finding::FindingSubject::Identity(id) => {
                Markup(format!("<a href=\"/identities/{id}\">the identity</a>"))
            }
            model::finding::FindingSubject::Grant(_) => Markup("a grant of the identity".into()),
            model::finding::FindingSubject::Trust(_) => Markup("a trust of the identity".into()),
        };
        let identity = finding.identity.map_or_else(
            || not_said("none"),
            |id| {
                let id = id.to_string();
                let name = names.get(&id).map_or(id.as_str(), String::as_str);
                Markup(format!("<a href=\"/identities/{id}\">{}</a>", text(name)))
            },
        );
        let reason = match &row.state {
            FindingState::Accepted { reason, by, .. } => {
                Markup(format!("{} <span class=\"quiet\">{}</span>", text(reason), text(by)))
            }
            FindingState::Acknowledged { by } | FindingState::Snoozed { by, .. } => text(by),
            FindingState::Open | FindingState::Resolved { .. } => not_said("nothing yet"),
        };
        let facts = vec![
            line("About", subject),
            line("Identity", identity),
            line("Rule", Markup(format!("<code>{}</code>", text(&finding.rule)))),
            line("Decided", reason),
            line("First seen", when(row.first_seen, now)),
            line("Opened", when(row.opened_at, now)),
            line("Last seen", when(row.last_seen, now)),
            line(
                "Reopened",
                Markup(if row.n_reopened == 0 {
                    "never".into()
                } else {
                    format!("{} times", row.n_reopened)
                }),
            ),
            line(
                "Tags",
                if explained.tags.is_empty() {
                    not_said("none")
                } else {
                    text(&explained.tags.join(", "))
                },
            ),
        ];
        let places = finding
            .places
            .iter()
            .map(|stored| {
                vec![
                    Markup(format!(
                        "<a class=\"mono\" href=\"/places/{}\" title=\"{}\">{}</a>",
                        stored.place,
                        text(&stored.path),
                        text(&stored_at(&stored.path, stored.line))
                    )),
                    within(stored.pointer.as_deref(), stored.line),
                ]
            })
            .collect();
        let may =
            ask.may(Act::HandleFinding) && !matches!(row.state, FindingState::Resolved { .. });
        let frame = ask.frame(app, Here::Findings, shown(&finding.title).into_owned(), "")?;
        Ok(ThingPage {
            frame,
            crumb: Crumb { title: "Findings", href: "/findings?filter=state%3Ais%3Aopen".into() },
            icon: Icon("findings"),
            marks: vec![
                Markup::of(&SeverityBadge { severity: finding.severity }),
                state_cell(&row.state, now),
                text(&explained.rule_title),
            ],
            acts: if may {
                Markup::of(&Decide {
                    id,
                    open: matches!(
                        row.state,
                        FindingState::Open | FindingState::Acknowledged { .. }
                    ),
                    may_accept: ask.may(Act::AcceptRisk),
                    in_a_week: now.plus(DAY * 7).to_string(),
                    tomorrow: now.plus(DAY).date(),
                })
            } else {
                Markup::default()
            },
            tabs: Vec::new(),
            gone: None,
            sections: vec![
                Section::new("What mends it", fix(&finding.fix)),
                Section::new(
                    "Why it matters",
                    Markup(format!("<p>{}</p>", text(&explained.why.replace('\n', " ")))),
                ),
                Section::new(
                    "Where",
                    Markup::of(&table(
                        "",
                        &["Place", "*Within"],
                        places,
                        "It is not about a place.",
                    )),
                ),
                Section::new(
                    "What shows it",
                    evidence_table(evidence_rows(&finding.evidence, "the rule")),
                ),
                Section::new("About it", fact_list(facts)),
            ],
            says: Markup::default(),
        })
    });
    html(&page.await?)
}

/// Sentences as paragraphs, indented or back-quoted lines as code.
fn fix(fix: &str) -> Markup {
    let mut markup = String::new();
    for line in fix.lines().filter(|line| !line.trim().is_empty()) {
        let quoted = line.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let command = quoted.filter(|command| !command.contains('`'));
        let command = command.or_else(|| line.starts_with("    ").then(|| line.trim()));
        markup += &match command {
            Some(command) => format!("<pre>{}</pre>", text(command)),
            None => format!("<p>{}</p>", prose(line.trim())),
        };
    }
    Markup(format!("<div class=\"steps\">{markup}</div>"))
}

pub(crate) async fn decide(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
    fields: Fields,
) -> Reply {
    let (id, now): (FindingId, _) = (id(&raw_id, "finding")?, server.now());
    let until = || moment(fields.text("until"));
    let decision = match fields.text("decide") {
        "acknowledge" => Decision::Acknowledge,
        "snooze" => Decision::Snooze { until: until()? },
        "accept" => Decision::Accept { until: until()?, reason: fields.text("reason").to_owned() },
        "reopen" => Decision::Reopen,
        other => {
            return Err(
                Error::invalid("decide", format!("`{}` is no decision", shown(other))).into()
            );
        }
    };
    server.ask(move |app| app::findings::decide(app, &actor, id, &decision, now)).await?;
    go_to(&format!("/findings/{raw_id}"))
}
