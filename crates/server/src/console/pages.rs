//! Pages that are neither a list nor one thing: Today, owners, coverage, changes, the audit log,
//! and what is shown when something went wrong.

use app::today::Bar;
use app::{Act, Actor, inventory, today};
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderMap, Response};
use model::text::shown;
use store::{CoverageOf, DiffKind, Facet, Filter, Op, ScopeCoverage};

use super::ask::{Ask, Notice, html, into_notices};
use super::detail::{Table, attention_list, table};
use super::frame::{Frame, Here, percent};
use super::parts::{Empty, Markup, Says, grouped, kind_title, native_id, not_said, text, when};
use super::sheets::source_names;
use crate::address::{Address, href};
use crate::problem::{Problem, Reply};
use crate::server::Server;

struct Figure {
    title: &'static str,
    number: String,
    href: &'static str,
    class: &'static str,
}

#[derive(Template)]
#[template(path = "pages/today.html")]
struct TodayPage {
    frame: Frame,
    held: Vec<HeldLine>,
    empty: Option<Empty>,
    figures: Vec<Figure>,
    findings: Markup,
    coverage: Markup,
    by_type: Markup,
    by_owner: Markup,
    by_source: Markup,
    by_expiry: Markup,
    by_age: Markup,
    by_severity: Markup,
}

/// A source that waits, by name and until when.
struct HeldLine {
    name: String,
    until: Markup,
}

struct BarView {
    title: String,
    href: String,
    class: &'static str,
    /// Of 1000; what is there is at least visible.
    length: u64,
    count: String,
}

#[derive(Template)]
#[template(path = "parts/bars.html")]
struct Bars {
    bars: Option<Vec<BarView>>,
}

struct ColumnBar {
    title: String,
    href: String,
    class: &'static str,
    x: u64,
    y: u64,
    height: u64,
    middle: u64,
    above: u64,
    count: String,
    first: String,
    second: String,
}

struct ColumnsChart {
    width: u64,
    label: &'static str,
    bars: Vec<ColumnBar>,
}

#[derive(Template)]
#[template(path = "parts/columns.html")]
struct Columns {
    columns: Option<ColumnsChart>,
}

/// Bars of one chart; the rest is summed up in the last one.
const MAX_BARS: usize = 8;

pub(crate) fn list_href(path: &str, filters: &[Filter]) -> String {
    let mut address = Address::new(path);
    address.query.filters = filters.to_vec();
    address.href()
}

fn bar_views(bars: &[Bar], path: &str, class: fn(&str) -> &'static str) -> Vec<BarView> {
    let most = bars.iter().map(|bar| bar.n).max().unwrap_or(0).max(1);
    bars.iter()
        .map(|bar| BarView {
            title: shown(&bar.title).into_owned(),
            href: list_href(path, &bar.filters),
            class: class(&bar.id),
            length: length(bar.n, most),
            count: grouped(bar.n),
        })
        .collect()
}

fn length(n: u64, most: u64) -> u64 {
    if n == 0 { 0 } else { (n * 1000 / most).max(6) }
}

fn plain(_: &str) -> &'static str {
    ""
}

/// A facet as bars: the most frequent values, then how many the others are together.
fn facet_bars(
    facet: Option<&Facet>,
    path: &str,
    none: &'static str,
    title: &dyn Fn(&str) -> String,
) -> Markup {
    let bars = facet.map(|facet| {
        let n_rest: u64 = facet.values.iter().skip(MAX_BARS).map(|value| value.count).sum::<u64>()
            + facet.n_others;
        let most =
            facet.values.iter().map(|value| value.count).max().unwrap_or(0).max(n_rest).max(1);
        let mut bars: Vec<BarView> = facet
            .values
            .iter()
            .take(MAX_BARS)
            .map(|value| BarView {
                title: if value.value.is_empty() { none.to_owned() } else { title(&value.value) },
                href: list_href(path, &[Filter::new(&facet.field, Op::Is, &[&value.value])]),
                class: if value.value.is_empty() { "unknown-bar" } else { "" },
                length: length(value.count, most),
                count: grouped(value.count),
            })
            .collect();
        if n_rest > 0 {
            bars.push(BarView {
                title: "All others".into(),
                href: path.to_owned(),
                class: "rest",
                length: length(n_rest, most),
                count: grouped(n_rest),
            });
        }
        bars
    });
    Markup::of(&Bars { bars })
}

/// Columns over an ordered range, with their numbers on them and a zero baseline.
fn columns(
    bars: Option<&[Bar]>,
    path: &str,
    label: &'static str,
    class: fn(&str) -> &'static str,
) -> Markup {
    // Charts beside each other are equally wide, so that their texts are equally high.
    const WIDTH: u64 = 420;
    const BAR: u64 = 40;
    const HIGHEST: u64 = 84;
    let columns = bars.map(|bars| {
        let step = WIDTH / (bars.len() as u64).max(1);
        let most = bars.iter().map(|bar| bar.n).max().unwrap_or(0).max(1);
        let views = bars.iter().zip(0_u64..).map(|(bar, n)| {
            let height = if bar.n == 0 { 0 } else { (bar.n * HIGHEST / most).max(2) };
            let (first, second) = two_lines(&bar.title);
            ColumnBar {
                title: bar.title.clone(),
                href: list_href(path, &bar.filters),
                class: class(&bar.id),
                x: n * step + step.saturating_sub(BAR) / 2,
                y: 104 - height,
                height,
                middle: n * step + step / 2,
                above: 99 - height,
                count: grouped(bar.n),
                first,
                second,
            }
        });
        ColumnsChart { width: WIDTH, label, bars: views.collect() }
    });
    Markup::of(&Columns { columns })
}

/// A label in two lines of about the same length.
fn two_lines(title: &str) -> (String, String) {
    let words: Vec<&str> = title.split(' ').collect();
    let split = words.len().div_ceil(2);
    let (first, second) = words.split_at(split);
    (first.join(" "), second.join(" "))
}

fn expiry_class(id: &str) -> &'static str {
    match id {
        "expired" => "bad",
        "in-7-days" | "in-30-days" => "warn",
        "not-known" => "unknown-bar",
        _ => "",
    }
}

fn severity_class(id: &str) -> &'static str {
    match id {
        "critical" => "bad",
        "high" => "warn",
        _ => "",
    }
}

fn figure(
    title: &'static str,
    number: Option<u64>,
    href: &'static str,
    class: &'static str,
) -> Figure {
    Figure { title, number: number.map_or_else(|| "…".into(), grouped), href, class }
}

pub(crate) async fn today(ask: Ask) -> Reply {
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let today = today::today(app, actor, ask.now)?;
        let names = source_names(app, actor)?;
        let frame = ask.frame(app, Here::Today, "Today", "What is here, and what needs attention first?")?;
        let urgent = today
            .by_severity
            .iter()
            .filter(|bar| matches!(bar.id.as_str(), "critical" | "high"))
            .map(|bar| bar.n)
            .sum();
        let is_empty = today.n_identities == Some(0) && today.n_credentials == Some(0);
        let empty = is_empty.then(|| Empty {
            title: "Nothing was read yet".into(),
            what: "What the sources find will be counted here. The first sync of a machine takes a few seconds.".into(),
            command: if names.is_empty() { "tutela source add host" } else { "tutela source sync --all" },
            link: Some(("/sources".into(), if names.is_empty() { "Add a source" } else { "See the sources" })),
        });
        let held = today.held.iter().map(|held| HeldLine {
            name: shown(&held.name).into_owned(),
            until: when(held.until, ask.now),
        });
        Ok(TodayPage {
            empty,
            held: held.collect(),
            figures: vec![
                figure("identities", today.n_identities, "/identities", ""),
                figure("credentials", today.n_credentials, "/credentials", ""),
                figure("places", today.n_places, "/places", ""),
                figure("orphaned", today.n_orphaned, "/identities?filter=owner%3Ais%3A", ""),
                figure(
                    "critical and high findings",
                    Some(urgent),
                    "/findings?filter=state%3Ais%3Aopen&filter=severity%3Ais%3Acritical&filter=severity%3Ais%3Ahigh",
                    if urgent > 0 { "bad" } else { "" },
                ),
            ],
            findings: attention_list(&today.attention, ask.now),
            coverage: coverage_facts(&today.coverage),
            by_type: Markup::of(&Bars {
                bars: today.by_type.as_deref().map(|bars| bar_views(bars, "/identities", plain)),
            }),
            by_owner: facet_bars(today.by_owner.as_ref(), "/identities", "orphaned", &|value| shown(value).into_owned()),
            by_source: facet_bars(today.by_source.as_ref(), "/identities", "none", &|value| {
                names.get(value).map_or_else(|| shown(value).into_owned(), |name| shown(name).into_owned())
            }),
            by_expiry: columns(today.by_expiry.as_deref(), "/credentials", "Credentials by time until they expire", expiry_class),
            by_age: columns(today.by_age.as_deref(), "/credentials", "Credentials by age", expiry_class),
            by_severity: Markup::of(&Bars { bars: Some(bar_views(&today.by_severity, "/findings", severity_class)) }),
            frame,
        })
    });
    html(&page.await?)
}

fn coverage_facts(coverage: &inventory::CoverageSummary) -> Markup {
    let line = |title: &str, value: String| super::detail::line(title, Markup(value));
    let denied = if coverage.denied > 0 {
        format!(
            "<a href=\"/coverage/gaps?filter=reason%3Ais%3Adenied\">{}</a>",
            grouped(coverage.denied)
        )
    } else {
        "none".into()
    };
    let gaps = if coverage.n_gaps > 0 {
        format!("<a href=\"/coverage/gaps\">{}</a>", grouped(coverage.n_gaps))
    } else {
        "none".into()
    };
    super::detail::fact_list(vec![
        line(
            "Read",
            format!(
                "{} <span class=\"quiet\">{} of {}</span>",
                percent(coverage.got, coverage.asked),
                grouped(coverage.got),
                grouped(coverage.asked)
            ),
        ),
        line(
            "Whole scopes",
            format!("{} of {}", grouped(coverage.n_complete_scopes), grouped(coverage.n_scopes)),
        ),
        line("Refused", denied),
        line("Gaps", gaps),
        line(
            "Sources never read",
            if coverage.n_never_read == 0 { "none".into() } else { grouped(coverage.n_never_read) },
        ),
    ])
}

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
