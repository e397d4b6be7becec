//! What pages about one thing are made of: facts, findings, tables, timelines.

use std::collections::BTreeSet;

use app::today::Attention;
use askama::Template;
use askama::filters::HtmlSafe;
use model::text::shown;
use model::{Evidence, Time};
use store::{FieldChange, FindingRow, Version};

use super::frame::Frame;
use super::list::CellView;
use super::parts::{Markup, Says, SeverityBadge, grouped, prose, text, value, when};
use super::sheets::state_cell;
use crate::address::list_href;

/// A page about one thing.
#[derive(Template)]
#[template(path = "detail/thing.html")]
pub(crate) struct ThingPage {
    pub(crate) frame: Frame,
    pub(crate) crumb: Crumb,
    pub(crate) icon: super::parts::Icon,
    pub(crate) marks: Vec<Markup>,
    pub(crate) acts: Markup,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) gone: Option<Markup>,
    pub(crate) sections: Vec<Section>,
    pub(crate) says: Markup,
}

pub(crate) struct Crumb {
    pub(crate) title: &'static str,
    pub(crate) href: String,
}

pub(crate) struct Tab {
    pub(crate) title: &'static str,
    pub(crate) href: String,
    pub(crate) count: String,
    pub(crate) here: bool,
}

pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) more: Option<(String, String)>,
    pub(crate) content: Markup,
}

impl Section {
    pub(crate) fn new(title: impl Into<String>, content: Markup) -> Self {
        Self { title: title.into(), more: None, content }
    }
}

/// One line of a definition list.
pub(crate) struct FactLine {
    pub(crate) title: String,
    pub(crate) value: Markup,
}

#[derive(Template)]
#[template(path = "parts/facts.html")]
struct FactList {
    facts: Vec<FactLine>,
}

pub(crate) fn fact_list(facts: Vec<FactLine>) -> Markup {
    Markup::of(&FactList { facts })
}

pub(crate) fn line(title: impl Into<String>, value: Markup) -> FactLine {
    FactLine { title: title.into(), value }
}

/// `last_password_change` as `Last password change`, and what lists call otherwise as they do.
pub(crate) fn words(key: &str) -> String {
    let key = key.strip_prefix("facts.").unwrap_or(key);
    match key {
        "exposure" => return "Readable by".into(),
        "loci" => return "Read from".into(),
        _ => {}
    }
    let spaced = shown(key).replace(['_', '-', '.'], " ");
    let mut characters = spaced.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => spaced,
    }
}

/// A connector's own facts, in the order of their names.
pub(crate) fn own_facts(
    facts: &model::Facts,
    says: &mut Says,
    source: &str,
    now: Time,
) -> Vec<FactLine> {
    facts
        .iter()
        .map(|(name, fact)| {
            line(words(name), says.fact(fact, source, now, |known| value(known, now)))
        })
        .collect()
}

pub(crate) struct FindingView {
    severity: SeverityBadge,
    href: String,
    title: String,
    place: String,
    state: Markup,
    fix: Markup,
}

#[derive(Template)]
#[template(path = "parts/findings.html")]
struct FindingList {
    findings: Vec<FindingView>,
    nothing: &'static str,
}

pub(crate) fn finding_list(rows: &[FindingRow], nothing: &'static str, now: Time) -> Markup {
    let findings = rows.iter().map(|row| finding_view(row, now)).collect();
    Markup::of(&FindingList { findings, nothing })
}

fn finding_view(row: &FindingRow, now: Time) -> FindingView {
    FindingView {
        severity: SeverityBadge { severity: row.finding.severity },
        href: format!("/findings/{}", row.finding.id),
        title: shown(&row.finding.title).into_owned(),
        place: first_place(row).unwrap_or_default(),
        state: state_cell(&row.state, now),
        fix: prose(&first_sentence(&row.finding.fix)),
    }
}

fn first_place(row: &FindingRow) -> Option<String> {
    row.finding.places.first().map(|stored| stored_at(&stored.path, stored.line))
}

/// What needs attention: findings that are alike are one line, which leads to the list of them.
pub(crate) fn attention_list(attention: &[Attention], now: Time) -> Markup {
    let mut findings = Vec::new();
    for alike in attention {
        if alike.n <= alike.first.len() as u64 {
            findings.extend(alike.first.iter().map(|row| finding_view(row, now)));
            continue;
        }
        // Two that read the same say no more than one.
        let mut seen = BTreeSet::new();
        let examples: Vec<String> = alike
            .first
            .iter()
            .filter(|row| seen.insert(row.finding.title.as_str()))
            .map(|row| {
                format!("<a href=\"/findings/{}\">{}</a>", row.finding.id, text(&row.finding.title))
            })
            .collect();
        findings.push(FindingView {
            severity: SeverityBadge { severity: alike.severity },
            href: list_href("/findings", &alike.filters),
            title: format!("{} of: {}", grouped(alike.n), alike.title),
            place: String::new(),
            state: Markup("<span class=\"state-dot bad\">open</span>".into()),
            fix: Markup(format!("such as: {}", examples.join("; "))),
        });
    }
    Markup::of(&FindingList { findings, nothing: "No open finding." })
}

/// Enough to know what to do; the finding's page has all of it.
fn first_sentence(fix: &str) -> String {
    let line = fix.lines().next().unwrap_or_default();
    match line.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => line.to_owned(),
    }
}

pub(crate) fn stored_at(path: &str, line: Option<u32>) -> String {
    let path = super::parts::shortened(&shown(path), 48);
    line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"))
}

pub(crate) struct Head {
    pub(crate) title: &'static str,
    pub(crate) number: bool,
}

/// A small table that is not a list of its own.
#[derive(Template)]
#[template(path = "parts/table.html")]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Vec<CellView>>,
    pub(crate) nothing: String,
    pub(crate) more: String,
}

impl HtmlSafe for Table {}

/// A heading of a table: `#` before it makes it a number's, `*` one that a narrow screen shows too.
pub(crate) fn table(
    title: impl Into<String>,
    heads: &[&'static str],
    rows: Vec<Vec<Markup>>,
    nothing: impl Into<String>,
) -> Table {
    let bare = |head: &&'static str| head.trim_start_matches(['#', '*']);
    let rows = rows
        .into_iter()
        .map(|cells| {
            cells
                .into_iter()
                .zip(heads)
                .enumerate()
                .map(|(n, (value, head))| {
                    let mut class = String::new();
                    if head.contains('#') {
                        class.push_str("number ");
                    }
                    if n == 0 {
                        class.push_str("lead ");
                    }
                    if n == 0 || head.contains('*') {
                        class.push_str("matters");
                    }
                    CellView { class: class.trim().to_owned(), label: bare(head), value }
                })
                .collect()
        })
        .collect();
    let heads =
        heads.iter().map(|head| Head { title: bare(head), number: head.contains('#') }).collect();
    Table { title: title.into(), heads, rows, nothing: nothing.into(), more: String::new() }
}

struct ChangeView {
    field: String,
    before: String,
    after: String,
}

struct TimelineEntry {
    when: Markup,
    what: &'static str,
    source: String,
    changes: Vec<ChangeView>,
    more: usize,
}

#[derive(Template)]
#[template(path = "parts/timeline.html")]
struct Timeline {
    entries: Vec<TimelineEntry>,
}

/// Changed fields that one entry shows.
const MAX_SHOWN_CHANGES: usize = 12;

pub(crate) fn timeline(versions: &[Version], now: Time) -> Markup {
    let entries = versions
        .iter()
        .flat_map(|version| {
            let is_first = version.changes.iter().all(|change| change.before.is_none());
            let seen = TimelineEntry {
                when: when(version.seen_from, now),
                what: if is_first { "First seen" } else { "Changed" },
                source: format!("by {}", shown(&version.source_name)),
                changes: changes(&version.changes),
                more: version.changes.len().saturating_sub(MAX_SHOWN_CHANGES),
            };
            // A version that ended without a successor of its source is a thing that went.
            let has_successor = |until: Time| {
                versions
                    .iter()
                    .any(|other| other.source == version.source && other.seen_from == until)
            };
            let went =
                version.seen_to.filter(|&until| !has_successor(until)).map(|until| TimelineEntry {
                    when: when(until, now),
                    what: "No longer stated",
                    source: format!("by {}", shown(&version.source_name)),
                    changes: Vec::new(),
                    more: 0,
                });
            went.into_iter().chain([seen])
        })
        .collect();
    Markup::of(&Timeline { entries })
}

fn changes(changes: &[FieldChange]) -> Vec<ChangeView> {
    changes
        .iter()
        .take(MAX_SHOWN_CHANGES)
        .map(|change| ChangeView {
            field: words(&change.field),
            before: change.before.as_ref().map(json_words).unwrap_or_default(),
            after: change.after.as_ref().map_or_else(|| "none".into(), json_words),
        })
        .collect()
}

/// A JSON value as a person reads it; a fact as its value or the word for its state.
pub(crate) fn json_words(value: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    let words = match value {
        Json::Null => "none".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::Number(number) => number.to_string(),
        Json::String(text) if text.is_empty() => "none".to_owned(),
        // To the second: what is finer helps nobody who reads it.
        Json::String(text) if text.len() >= 20 && text.ends_with('Z') => text
            .parse::<Time>()
            .map_or_else(|_| text.clone(), |_| text.chars().take(19).collect::<String>() + "Z"),
        Json::String(text) => text.clone(),
        Json::Array(items) if items.is_empty() => "none".to_owned(),
        Json::Array(items) => items.iter().map(json_words).collect::<Vec<_>>().join(", "),
        Json::Object(map) => match (map.get("value"), map.get("state").and_then(Json::as_str)) {
            (Some(value), _) => json_words(value),
            (None, Some("known_absent")) => "none".to_owned(),
            (None, Some(state)) => state.replace('_', " "),
            (None, None) => map
                .iter()
                .map(|(key, value)| format!("{key}: {}", json_words(value)))
                .collect::<Vec<_>>()
                .join(", "),
        },
    };
    super::parts::shortened(&shown(&words), 160)
}

/// Which part of a place or record is meant.
pub(crate) fn within(pointer: Option<&str>, line: Option<u32>) -> Markup {
    match (pointer, line) {
        (Some(pointer), _) => Markup(format!("<code>{}</code>", text(pointer))),
        (None, Some(_)) => super::parts::not_said("that line"),
        (None, None) => super::parts::not_said("the whole"),
    }
}

pub(crate) fn evidence_rows(evidence: &[Evidence], source: &str) -> Vec<Vec<Markup>> {
    evidence
        .iter()
        .map(|one| {
            let at = match one.line {
                Some(line) => format!("{}:{line}", one.at),
                None => one.at.clone(),
            };
            vec![
                Markup(format!("<span class=\"mono\">{}</span>", text(&at))),
                within(one.pointer.as_deref(), one.line),
                one.shows
                    .as_deref()
                    .map_or_else(|| super::parts::not_said("that it is there"), text),
                text(source),
            ]
        })
        .collect()
}

pub(crate) fn evidence_table(rows: Vec<Vec<Markup>>) -> Markup {
    Markup::of(&table(
        "",
        &["At", "*Where in it", "*Shows", "Source"],
        rows,
        "No source points at a record of its own.",
    ))
}
