//! Today: what is here, and what needs attention first.

use app::today::Bar;
use app::{inventory, today};
use askama::Template;
use model::text::shown;
use store::{Facet, Filter, Op};

use super::ask::{Ask, html};
use super::detail::attention_list;
use super::frame::{Frame, Here, percent};
use super::parts::{Empty, Markup, grouped, when};
use super::sheets::source_names;
use crate::address::list_href;
use crate::problem::Reply;

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

pub(crate) async fn page(ask: Ask) -> Reply {
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
