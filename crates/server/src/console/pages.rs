//! Pages of one or two tables: owners, coverage, changes, the audit log.

use app::inventory;
use askama::Template;
use store::{CoverageOf, DiffKind, Filter, Op, ScopeCoverage};

use super::ask::{Ask, html};
use super::detail::{Table, table};
use super::frame::{Frame, Here, percent};
use super::parts::{Empty, Markup, Says, grouped, kind_title, native_id, not_said, text, when};
use crate::address::{href, list_href};
use crate::problem::Reply;

#[derive(Template)]
#[template(path = "pages/table.html")]
struct TablePage {
    frame: Frame,
    above: Markup,
    tables: Vec<Table>,
    next: Option<String>,
    says: Markup,
}

pub(crate) async fn owners(ask: Ask) -> Reply {
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let facet = app::owners::counts(app, actor)?;
        let claims = app::owners::claims(app, actor)?;
        let mut frame = ask.frame(app, Here::Owners, "Owners", "Who answers for which identities, and which has nobody?")?;
        frame = ask.travelling(frame, None);
        frame.travel = None;
        let counted = facet.is_some();
        let values = facet.as_ref().map_or(&[][..], |facet| facet.values.as_slice());
        let n_orphaned = values.iter().find(|value| value.value.is_empty()).map_or(0, |value| value.count);
        let rows: Vec<Vec<Markup>> = values
            .iter()
            .filter(|value| !value.value.is_empty())
            .map(|value| {
                let href = list_href("/identities", &[Filter::new("owner", Op::Is, &[&value.value])]);
                let n_claims = claims.iter().filter(|claim| claim.party.key == value.value).count();
                let icon = if value.value.starts_with('@') { "team" } else { "person" };
                vec![
                    Markup(format!("<a class=\"name\" href=\"{href}\">{}<span>{}</span></a>", super::parts::Icon(icon), text(&value.value))),
                    Markup(grouped(value.count)),
                    if n_claims == 0 { not_said("inferred only") } else { Markup(format!("{} claimed", grouped(n_claims as u64))) },
                ]
            })
            .collect();
        let orphans = list_href("/identities", &[Filter::new("owner", Op::Is, &[""])]);
        let above = if n_orphaned > 0 {
            Markup(format!(
                "<p class=\"notice warn\">{}<span><b>{}</b> identities are orphaned: nobody reaches the confidence that ownership needs. <a href=\"{orphans}\">Look at them and claim</a></span></p>",
                super::parts::Icon("owners"),
                grouped(n_orphaned)
            ))
        } else {
            Markup::default()
        };
        let n_others = facet.as_ref().map_or(0, |facet| facet.n_others);
        let above = if n_others > 0 {
            Markup(format!(
                "{above}<p class=\"notice\">{}<span>The owners of most identities are here; those of the other <b>{}</b> are found in the list of identities.</span></p>",
                super::parts::Icon("owners"),
                grouped(n_others)
            ))
        } else {
            above
        };
        let (above, tables) = if rows.is_empty() && counted {
            let empty = Empty {
                title: "No owner yet".into(),
                what: "Owners come from CODEOWNERS, git authors, tags and claims.".into(),
                command: "",
                link: None,
            };
            (Markup(format!("{above}{}", Markup::of(&empty))), Vec::new())
        } else {
            (above, vec![table("", &["Owner", "#*Identities", "*How"], rows, "Counting.")])
        };
        Ok(TablePage {
            tables,
            above,
            next: None,
            says: Markup::default(),
            frame,
        })
    });
    html(&page.await?)
}

fn meter(got: u64, asked: u64) -> Markup {
    let length = if asked == 0 { 0 } else { u128::from(got) * 1000 / u128::from(asked) };
    let partial = if got < asked { " partial" } else { "" };
    Markup(format!(
        "<span class=\"meter\"><svg viewBox=\"0 0 1000 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"all\" width=\"1000\" height=\"6\"/><rect class=\"got{partial}\" width=\"{length}\" height=\"6\"/></svg><span>{}</span></span>",
        percent(got, asked)
    ))
}

fn scope_row(scope: &ScopeCoverage, ask: &Ask) -> Vec<Markup> {
    let coverage = &scope.coverage;
    let n_gaps = coverage.gaps.len() as u64 + coverage.n_more_gaps;
    let gaps = list_href(
        "/coverage/gaps",
        &[Filter::new("scope", Op::Is, &[&coverage.scope.id.to_string()])],
    );
    vec![
        Markup(format!(
            "<span class=\"one-line\" title=\"{0}\">{0} <span class=\"quiet\">{1}</span></span>",
            text(&coverage.scope.name),
            text(&coverage.scope.kind)
        )),
        meter(coverage.got, coverage.asked),
        Markup(grouped(coverage.asked)),
        if coverage.denied == 0 { not_said("none") } else { Markup(grouped(coverage.denied)) },
        match n_gaps {
            0 if coverage.truncated => {
                Markup("<span class=\"tag warn\">stopped at a cap</span>".into())
            }
            0 => not_said("none"),
            n => Markup(format!("<a href=\"{gaps}\">{}</a>", grouped(n))),
        },
        text(&scope.source_name),
        when(scope.read_at, ask.now),
        scope.last_complete_at.map_or_else(
            || Markup("<span class=\"tag warn\">never</span>".into()),
            |time| when(time, ask.now),
        ),
    ]
}

pub(crate) async fn coverage(ask: Ask) -> Reply {
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let scopes = inventory::coverage(app, actor, CoverageOf::Latest)?;
        let frame = ask.frame(app, Here::Coverage, "Coverage", "How much of what was asked for was read, and what was not?")?;
        let summary = inventory::coverage_summary(app)?;
        let mut rows: Vec<(bool, Vec<Markup>)> =
            scopes.iter().map(|scope| (scope.coverage.is_complete(), scope_row(scope, &ask))).collect();
        // What is not whole comes first.
        rows.sort_by_key(|(complete, _)| *complete);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        let above = if summary.n_gaps > 0 {
            Markup(format!(
                "<p class=\"notice warn\">{}<span>{} not read. What lies there is not counted as absent: earlier records stay until it is read again. <a href=\"/coverage/gaps\">Read the gaps</a></span></p>",
                super::parts::Icon("coverage"),
                match summary.n_gaps {
                    1 => "1 thing was".to_owned(),
                    n => format!("{} things were", grouped(n)),
                }
            ))
        } else {
            Markup::default()
        };
        let heads = ["Scope", "*Read", "#Asked for", "#Refused", "#*Gaps", "Source", "Read at", "Last whole"];
        let (above, tables) = if scopes.is_empty() {
            let empty = Empty {
                title: "Nothing was read yet".into(),
                what: "How much of each scope was read, and what was not, will be here.".into(),
                command: "tutela source sync --all",
                link: Some(("/sources".into(), "See the sources")),
            };
            (Markup::of(&empty), Vec::new())
        } else {
            (above, vec![table("", &heads, rows, "")])
        };
        Ok(TablePage { frame, above, tables, next: None, says: Markup::default() })
    });
    html(&page.await?)
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<form class="filter-bar" method="get" action="/changes"><div class="field"><label for="from">From</label><input class="input" id="from" name="from" type="date" value="{{ from }}" max="{{ today }}"></div><div class="field"><label for="to">To</label><input class="input" id="to" name="to" type="date" value="{{ to }}" max="{{ today }}"></div><div class="field"><label for="list">Of</label><select class="input" id="list" name="list">{% for (name, here) in lists %}<option value="{{ name }}"{% if here %} selected{% endif %}>{{ name }}</option>{% endfor %}</select></div><div class="field"><span class="label">&nbsp;</span><button class="button" type="submit">Compare</button></div></form>"#
)]
struct ChangesForm {
    from: String,
    to: String,
    today: String,
    lists: Vec<(&'static str, bool)>,
}

pub(crate) async fn changes(ask: Ask) -> Reply {
    let query = crate::api::diff_query(ask.raw.as_deref(), ask.now)?;
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let page = inventory::diff(app, actor, &query)?;
        let summary = inventory::diff_summary(app, actor, query.from, query.to)?;
        let frame = ask.frame(
            app,
            Here::Changes,
            "Changes",
            "What came, changed and went between two days?",
        )?;
        let form = ChangesForm {
            from: query.from.date(),
            to: query.to.date(),
            today: ask.now.date(),
            lists: summary.iter().map(|one| (one.list.name(), one.list == query.list)).collect(),
        };
        let counts = summary
            .iter()
            .map(|one| {
                let number = |n: u64| if n == 0 { not_said("none") } else { Markup(grouped(n)) };
                let pairs = [
                    ("from", query.from.date()),
                    ("to", query.to.date()),
                    ("list", one.list.name().into()),
                ];
                let pairs: Vec<(String, String)> =
                    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                vec![
                    Markup(format!(
                        "<a class=\"name\" href=\"{}\"><span>{}</span></a>",
                        href("/changes", &pairs).replace('&', "&amp;"),
                        one.list.name()
                    )),
                    number(one.added),
                    number(one.changed),
                    number(one.gone),
                ]
            })
            .collect();
        let rows = page
            .rows
            .iter()
            .map(|row| {
                let (class, word) = match row.diff {
                    DiffKind::Added => ("tag good", "added"),
                    DiffKind::Changed => ("tag", "changed"),
                    DiffKind::Gone => ("tag bad", "gone"),
                };
                let fields: Vec<String> = row
                    .changes
                    .iter()
                    .take(4)
                    .map(|change| {
                        let side = |value: &Option<serde_json::Value>| {
                            value.as_ref().map_or_else(|| "none".into(), super::detail::json_words)
                        };
                        format!(
                            "{}: {} → {}",
                            super::detail::words(&change.field),
                            side(&change.before),
                            side(&change.after)
                        )
                    })
                    .collect();
                let page = match query.list.name() {
                    list @ ("identities" | "credentials" | "places")
                        if row.diff != DiffKind::Gone =>
                    {
                        Markup(format!(
                            "<a class=\"name\" href=\"/{list}/{}\"><span>{}</span></a>",
                            row.id,
                            text(&row.name)
                        ))
                    }
                    _ => text(&row.name),
                };
                vec![
                    page,
                    Markup(format!("<span class=\"{class}\">{word}</span>")),
                    text(&kind_title(&row.kind)),
                    if row.diff == DiffKind::Changed {
                        text(&super::parts::shortened(&fields.join("; "), 200))
                    } else {
                        not_said("the whole record")
                    },
                ]
            })
            .collect();
        let next = page.next.map(|cursor| {
            let pairs = [
                ("from", query.from.to_string()),
                ("to", query.to.to_string()),
                ("list", query.list.name().into()),
                ("after", cursor.0),
            ];
            href("/changes", &pairs.map(|(name, value)| (name.to_owned(), value)))
        });
        let tables = vec![
            table(
                "Between the two days",
                &["List", "#*Added", "#*Changed", "#*Gone"],
                counts,
                "Nothing to compare.",
            ),
            table(
                format!("The {}", query.list.name()),
                &["Name", "*What", "*Kind", "Fields"],
                rows,
                "Nothing differs.",
            ),
        ];
        Ok(TablePage { frame, above: Markup::of(&form), tables, next, says: Markup::default() })
    });
    html(&page.await?)
}

pub(crate) async fn audit(ask: Ask) -> Reply {
    let before = ask.parameter("before").and_then(|text| text.parse::<i64>().ok());
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let entries =
            app::audit::list(app, ask.actor()?, before, crate::api::installation::AUDIT_PAGE)?;
        let frame = ask.frame(app, Here::Audit, "Audit", "Who did what, and how did it end?")?;
        let rows = entries
            .iter()
            .map(|record| {
                let entry = &record.entry;
                let phase = match entry.phase {
                    store::audit::AuditPhase::Before => {
                        Markup("<span class=\"state-dot\">about to</span>".into())
                    }
                    store::audit::AuditPhase::Done => {
                        Markup("<span class=\"state-dot good\">done</span>".into())
                    }
                    store::audit::AuditPhase::Failed => {
                        Markup("<span class=\"state-dot bad\">failed</span>".into())
                    }
                };
                let detail = super::detail::json_words(&entry.detail);
                vec![
                    text(&entry.act),
                    phase,
                    if entry.subject.is_empty() {
                        not_said("none")
                    } else {
                        native_id(&entry.subject)
                    },
                    text(&entry.actor),
                    if detail.is_empty() { not_said("none") } else { text(&detail) },
                    when(entry.at, ask.now),
                    Markup(record.number.to_string()),
                ]
            })
            .collect();
        let next = (entries.len() == crate::api::installation::AUDIT_PAGE)
            .then(|| entries.last().map(|last| format!("/audit?before={}", last.number)))
            .flatten();
        let heads = ["Act", "*Outcome", "*Of", "*Who", "Detail", "*When", "#Entry"];
        Ok(TablePage {
            frame,
            above: Markup::default(),
            tables: vec![table("", &heads, rows, "Nothing was done yet.")],
            next,
            says: Says::default().popovers(),
        })
    });
    html(&page.await?)
}
