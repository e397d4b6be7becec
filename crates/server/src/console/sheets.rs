//! The lists of the console: columns, views and facets of each.

use std::collections::HashMap;

use app::{Act, App, Error, inventory, sources};
use askama::Template;
use model::{Credential, FindingState, Identity, Place, PlaceId, StoredAt, Time};
use store::{Filter, FindingRow, GapRow, List, ListQuery, Op, Row};

use super::ask::{Ask, html};
use super::frame::{Frame, Here};
use super::list::{Answer, Cells, Column, ListView, Sheet, View, query_of, view};
use super::parts::{
    Icon, Markup, NameLink, SeverityBadge, age, expiry, identity_icon, kind_title, native_id,
    not_said, party_title, text, when,
};
use crate::address::Address;
use crate::problem::Reply;

#[derive(Template)]
#[template(path = "lists/list.html")]
struct ListPage {
    frame: Frame,
    list: ListView,
}

#[derive(Template)]
#[template(path = "lists/list.html", block = "list")]
struct ListPart {
    frame: Frame,
    list: ListView,
}

const fn column<R>(
    field: &'static str,
    title: &'static str,
    usual: bool,
    matters: bool,
    cell: fn(&R, &mut Cells<'_>) -> Markup,
) -> Column<R> {
    Column { field, title, usual, matters, class: "", cell }
}

impl<R> Column<R> {
    const fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }
}

fn name_link(href: String, icon: Icon, name: &str) -> Markup {
    Markup::of(&NameLink { href, icon, name: &model::text::shown(name) })
}

fn one_line(markup: &Markup, whole: &str) -> Markup {
    Markup(format!("<span class=\"one-line\" title=\"{}\">{markup}</span>", text(whole)))
}

fn yes_no(truth: bool) -> Markup {
    let (class, word) = if truth { ("good", "enabled") } else { ("", "disabled") };
    Markup(format!("<span class=\"state-dot {class}\">{word}</span>"))
}

fn source_of<R>(row: &Row<R>) -> Markup {
    let shown = text(&row.source_name);
    one_line(&shown, &row.source_name)
}

fn linked(cells: &Cells<'_>, list: &str, id: &dyn std::fmt::Display) -> Markup {
    let id = id.to_string();
    let name = (cells.names)(&id);
    let words = name.as_deref().map_or_else(|| super::parts::shortened(&id, 14), ToOwned::to_owned);
    Markup(format!(
        "<a class=\"one-line\" href=\"{}\" title=\"{}\">{}</a>",
        cells.href(list, &id),
        text(&words),
        text(&words)
    ))
}

const IDENTITY_COLUMNS: &[Column<Row<Identity>>] = &[
    column("name", "Name", true, true, |row: &Row<Identity>, cells| {
        name_link(
            cells.href("identities", &row.record.id),
            identity_icon(&row.record.kind),
            &row.record.name,
        )
    })
    .class("wide"),
    column("kind", "Kind", true, true, |row, _| text(&kind_title(&row.record.kind))),
    column("owner", "Owner", true, true, |row: &Row<Identity>, _| match &row.owner {
        Some(owner) => owner_cell(party_title(&owner.party), owner.confidence),
        None => Markup("<span class=\"tag warn\">orphaned</span>".into()),
    })
    .class("medium"),
    column("environment", "Environment", true, false, |row: &Row<Identity>, cells| {
        cells.says.cell(&row.record.environment, &row.source_name, cells.now, |value| text(value))
    })
    .class("tight"),
    column("enabled", "State", true, false, |row: &Row<Identity>, cells| {
        cells.says.cell(&row.record.enabled, &row.source_name, cells.now, |&value| yes_no(value))
    })
    .class("tight"),
    column("last_used_at", "Last used", true, false, |row: &Row<Identity>, cells| {
        let now = cells.now;
        cells.says.cell(&row.record.last_used_at, &row.source_name, now, |&time| when(time, now))
    })
    .class("short"),
    column("created_at", "Age", true, false, |row: &Row<Identity>, cells| {
        let now = cells.now;
        cells.says.cell(&row.record.created_at, &row.source_name, now, |&time| age(time, now))
    })
    .class("tight"),
    column("source", "Source", true, false, |row, _| source_of(row)),
    column("native_id", "Native id", false, false, |row, _| native_id(&row.record.native_id)),
    column("system", "System", false, false, |row, _| text(&row.record.system)),
    column("instance", "Instance", false, false, |row, _| {
        if row.record.instance.is_empty() {
            not_said("none")
        } else {
            native_id(&row.record.instance)
        }
    }),
    column("authority", "Authority", false, false, |row, _| text(row.record.authority.name())),
    column("seen_from", "Seen so since", false, false, |row, cells| when(row.seen_from, cells.now)),
];

fn owner_cell(name: &str, confidence: f64) -> Markup {
    let percent = (confidence * 100.0).round();
    Markup(format!(
        "<span class=\"one-line\" title=\"{0}, {percent} % sure\">{0} <span class=\"quiet\">{percent} %</span></span>",
        text(name)
    ))
}

fn no_views(_: Time) -> Vec<View> {
    Vec::new()
}

fn query(filters: &[Filter]) -> String {
    let mut address = Address::new("");
    address.query.filters = filters.to_vec();
    address.href().trim_start_matches('?').to_owned()
}

fn identity_views(_: Time) -> Vec<View> {
    vec![
        View { title: "All", query: String::new() },
        View { title: "Orphaned", query: query(&[Filter::new("owner", Op::Is, &[""])]) },
        View { title: "Disabled", query: query(&[Filter::new("enabled", Op::Is, &["false"])]) },
        View {
            title: "Use not known",
            query: query(&[Filter::new("last_used_at", Op::Unknown, &[])]),
        },
        View { title: "With people's accounts", query: "people=true".into() },
    ]
}

const IDENTITIES: Sheet<Row<Identity>> = Sheet {
    list: List::Identities,
    path: "/identities",
    columns: IDENTITY_COLUMNS,
    views: identity_views,
    facets: &["kind", "source", "owner", "environment", "enabled"],
    usual_sort: Some(("name", false)),
    name: |row| (row.record.id.to_string(), row.record.name.clone()),
    searched: "Name or native id",
    nothing: (
        "No identity yet",
        "Every service account, role, pipeline, certificate subject, bot and agent that a source states will be here.",
        "tutela source sync --all",
    ),
    claims: true,
};

/// The first place of a credential, and how many more there are.
pub(crate) fn lies_in(
    first: Option<&StoredAt>,
    n_places: usize,
    href: impl FnOnce(&PlaceId) -> String,
) -> Markup {
    let Some(first) = first else { return not_said("no place seen") };
    let mut line = super::parts::shortened(&first.path, 40);
    if let Some(number) = first.line {
        line = format!("{line}:{number}");
    }
    let more = match n_places.saturating_sub(1) {
        0 => String::new(),
        n_more => format!(" <span class=\"quiet\">+{n_more}</span>"),
    };
    Markup(format!(
        "<a class=\"one-line mono\" href=\"{}\" title=\"{}\">{}</a>{more}",
        href(&first.place),
        text(&first.path),
        text(&line)
    ))
}

const CREDENTIAL_COLUMNS: &[Column<Row<Credential>>] = &[
    column("name", "Name", true, true, |row: &Row<Credential>, cells| {
        name_link(cells.href("credentials", &row.record.id), Icon("credentials"), &row.record.name)
    })
    .class("wide"),
    column("kind", "Kind", true, true, |row, _| text(&kind_title(&row.record.kind))),
    column("identity", "Identity", true, false, |row, cells| match row.record.identity {
        Some(id) => linked(cells, "identities", &id),
        None => not_said("none found"),
    }),
    column("n_places", "Lies in", true, false, |row, cells| {
        let places = row.record.places.as_slice();
        lies_in(places.first(), places.len(), |place| cells.href("places", place))
    }),
    column("expires_at", "Expires", true, true, |row: &Row<Credential>, cells| {
        let now = cells.now;
        cells.says.cell(&row.record.expires_at, &row.source_name, now, |&time| expiry(time, now))
    })
    .class("short"),
    column("rotated_at", "Rotated", false, false, |row: &Row<Credential>, cells| {
        let now = cells.now;
        cells.says.cell(&row.record.rotated_at, &row.source_name, now, |&time| when(time, now))
    })
    .class("short"),
    column("last_used_at", "Last used", true, false, |row: &Row<Credential>, cells| {
        let now = cells.now;
        cells.says.cell(&row.record.last_used_at, &row.source_name, now, |&time| when(time, now))
    })
    .class("short"),
    column("created_at", "Age", true, false, |row: &Row<Credential>, cells| {
        let now = cells.now;
        cells.says.cell(&row.record.created_at, &row.source_name, now, |&time| age(time, now))
    })
    .class("tight"),
    column("enabled", "State", false, false, |row: &Row<Credential>, cells| {
        cells.says.cell(&row.record.enabled, &row.source_name, cells.now, |&value| yes_no(value))
    })
    .class("tight"),
    column("source", "Source", true, false, |row, _| source_of(row)),
    column("native_id", "Native id", false, false, |row, _| native_id(&row.record.native_id)),
    column("fingerprint", "Fingerprint", false, false, |row, _| match row.record.fingerprint {
        Some(print) => native_id(&print.to_string()),
        None => not_said("none kept"),
    }),
];

fn credential_views(now: Time) -> Vec<View> {
    let soon = now.plus(super::parts::SOON);
    vec![
        View { title: "All", query: String::new() },
        View {
            title: "Expired",
            query: query(&[Filter::new("expires_at", Op::Before, &[&day(now)])]),
        },
        View {
            title: "Expire in 30 days",
            query: query(&[
                Filter::new("expires_at", Op::After, &[&day(now)]),
                Filter::new("expires_at", Op::Before, &[&day(soon)]),
            ]),
        },
        View {
            title: "Never expire",
            query: query(&[Filter::new("expires_at", Op::Unknown, &["known_absent"])]),
        },
    ]
}

/// The first moment of a day, so that the address of a view stays the same for a day.
fn day(time: Time) -> String {
    format!("{}T00:00:00Z", time.date())
}

const CREDENTIALS: Sheet<Row<Credential>> = Sheet {
    list: List::Credentials,
    path: "/credentials",
    columns: CREDENTIAL_COLUMNS,
    views: credential_views,
    facets: &["kind", "source", "system", "enabled"],
    usual_sort: Some(("name", false)),
    name: |row| (row.record.id.to_string(), row.record.name.clone()),
    searched: "Name or native id",
    nothing: (
        "No credential yet",
        "Keys, tokens, passwords and certificates will be here: what they prove, where they lie, when they end. Never their values.",
        "tutela source sync --all",
    ),
    claims: false,
};

const PLACE_COLUMNS: &[Column<Row<Place>>] = &[
    column("name", "Path", true, true, |row: &Row<Place>, cells| {
        name_link(cells.href("places", &row.record.id), Icon("places"), &row.record.path)
    })
    .class("wide"),
    column("kind", "Kind", true, true, |row, _| text(&kind_title(&row.record.kind))),
    column("exposure", "Readable by", true, true, |row: &Row<Place>, cells| {
        let unsaid = model::Fact::default();
        let fact = row.record.facts.get("exposure").unwrap_or(&unsaid);
        let now = cells.now;
        cells.says.cell(fact, &row.source_name, now, |value| exposure(&value.to_string()))
    })
    .class("short labelled"),
    column("instance", "Instance", true, false, |row, _| {
        if row.record.instance.is_empty() {
            not_said("none")
        } else {
            one_line(&text(&row.record.instance), &row.record.instance)
        }
    }),
    column("system", "System", false, false, |row, _| text(&row.record.system)),
    column("source", "Source", true, false, |row, _| source_of(row)),
    column("seen_from", "Seen so since", true, false, |row: &Row<Place>, cells| {
        when(row.seen_from, cells.now)
    })
    .class("short"),
    column("native_id", "Native id", false, false, |row, _| native_id(&row.record.native_id)),
];

pub(crate) fn exposure(who: &str) -> Markup {
    let class = match who {
        "everyone" => "tag bad",
        "group" => "tag warn",
        _ => "tag",
    };
    Markup(format!("<span class=\"{class}\">{}</span>", text(who)))
}

fn place_views(_: Time) -> Vec<View> {
    vec![
        View { title: "All", query: String::new() },
        View {
            title: "Readable by everyone",
            query: query(&[Filter::new("exposure", Op::Is, &["everyone"])]),
        },
    ]
}

const PLACES: Sheet<Row<Place>> = Sheet {
    list: List::Places,
    path: "/places",
    columns: PLACE_COLUMNS,
    views: place_views,
    facets: &["kind", "exposure", "source", "system"],
    usual_sort: Some(("name", false)),
    name: |row| (row.record.id.to_string(), row.record.path.clone()),
    searched: "Path or native id",
    nothing: (
        "No place yet",
        "Files, repositories, units and stores in which credentials lie will be here.",
        "tutela source sync --all",
    ),
    claims: false,
};

const FINDING_COLUMNS: &[Column<FindingRow>] = &[
    column("title", "Finding", true, true, |row: &FindingRow, cells| {
        let title = model::text::shown(&row.finding.title).into_owned();
        Markup(format!(
            "<a class=\"name\" href=\"{}\" title=\"{}\"><span>{}</span></a>",
            cells.href("findings", &row.finding.id),
            text(&title),
            text(&title)
        ))
    })
    .class("widest"),
    column("severity", "Severity", true, true, |row: &FindingRow, _| {
        Markup::of(&SeverityBadge { severity: row.finding.severity })
    })
    .class("short"),
    column("rule", "Rule", true, false, |row: &FindingRow, _| {
        Markup(format!("<span class=\"mono\">{}</span>", text(&row.finding.rule)))
    })
    .class("medium"),
    column("state", "State", true, true, |row: &FindingRow, cells| {
        state_cell(&row.state, cells.now)
    })
    .class("medium"),
    column("identity", "Identity", true, false, |row, cells| match row.finding.identity {
        Some(id) => linked(cells, "identities", &id),
        None => not_said("none"),
    }),
    column("opened_at", "Opened", true, false, |row: &FindingRow, cells| {
        when(row.opened_at, cells.now)
    })
    .class("short"),
    column("last_seen", "Last seen", false, false, |row: &FindingRow, cells| {
        when(row.last_seen, cells.now)
    })
    .class("short"),
];

pub(crate) fn state_cell(state: &FindingState, now: Time) -> Markup {
    match state {
        FindingState::Open => Markup("<span class=\"state-dot bad\">open</span>".into()),
        FindingState::Acknowledged { by } => Markup(format!(
            "<span class=\"state-dot warn\" title=\"by {0}\">acknowledged by {0}</span>",
            text(by)
        )),
        FindingState::Snoozed { until, .. } => {
            Markup(format!("<span class=\"state-dot\">snoozed, ends {}</span>", when(*until, now)))
        }
        FindingState::Accepted { until, .. } => {
            Markup(format!("<span class=\"state-dot\">accepted, ends {}</span>", when(*until, now)))
        }
        FindingState::Resolved { at } => {
            Markup(format!("<span class=\"state-dot good\">resolved {}</span>", when(*at, now)))
        }
    }
}

fn finding_views(_: Time) -> Vec<View> {
    let state = |name: &str| query(&[Filter::new("state", Op::Is, &[name])]);
    vec![
        View { title: "Open", query: state("open") },
        View { title: "Acknowledged", query: state("acknowledged") },
        View { title: "Snoozed", query: state("snoozed") },
        View { title: "Accepted", query: state("accepted") },
        View { title: "Resolved", query: state("resolved") },
        View { title: "All", query: String::new() },
    ]
}

const FINDINGS: Sheet<FindingRow> = Sheet {
    list: List::Findings,
    path: "/findings",
    columns: FINDING_COLUMNS,
    views: finding_views,
    facets: &["severity", "rule", "state"],
    usual_sort: Some(("severity", true)),
    name: |row| (row.finding.id.to_string(), row.finding.title.clone()),
    searched: "Title or rule",
    nothing: (
        "Nothing found",
        "What the rules find in the records will be here, with evidence and the exact fix.",
        "tutela source sync --all",
    ),
    claims: false,
};

const GAP_COLUMNS: &[Column<GapRow>] = &[
    column("locus", "Not read", true, true, |row: &GapRow, _| {
        let whole = model::text::shown(&row.gap.locus);
        Markup(format!(
            "<span class=\"mono one-line\" title=\"{0}\">{1}</span>",
            text(&whole),
            text(&super::parts::shortened(&whole, 60))
        ))
    })
    .class("wide wraps"),
    column("reason", "Reason", true, true, |row: &GapRow, _| {
        text(&row.gap.reason.name().replace('-', " "))
    })
    .class("short"),
    column("detail", "What happened", true, false, |row: &GapRow, _| match &row.gap.detail {
        Some(detail) => text(detail),
        None => not_said("nothing more said"),
    })
    .class("wraps"),
    column("missing", "What would close it", true, true, |row: &GapRow, _| {
        match &row.gap.missing {
            Some(missing) => Markup(format!("<code>{}</code>", text(missing))),
            None => not_said("not a matter of permission"),
        }
    })
    .class("wraps"),
    column("scope", "Scope", true, false, |row: &GapRow, _| {
        text(&format!("{}: {}", row.scope_kind, row.scope_name))
    })
    .class("wraps"),
    column("source", "Source", true, false, |row, _| text(&row.source_name)),
];

const GAPS: Sheet<GapRow> = Sheet {
    list: List::Gaps,
    path: "/coverage/gaps",
    columns: GAP_COLUMNS,
    views: no_views,
    facets: &["reason", "source"],
    usual_sort: None,
    name: |row| (String::new(), row.gap.locus.clone()),
    searched: "What was not read",
    nothing: ("No gap", "Everything that the sources set out to read was read.", ""),
    claims: false,
};

type Names = HashMap<String, String>;

/// Names of sources by id, for facets and chips.
pub(crate) fn source_names(app: &App, actor: &app::Actor) -> Result<Names, Error> {
    Ok(sources::list(app, actor)?
        .into_iter()
        .map(|view| (view.source.id.to_string(), view.source.name))
        .collect())
}

/// Names of the identities that rows refer to.
pub(crate) fn identity_names(
    app: &App,
    actor: &app::Actor,
    ids: impl Iterator<Item = model::IdentityId>,
    as_of: Option<Time>,
) -> Result<Names, Error> {
    let mut ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Names::new());
    }
    let limit = ids.len();
    let filter = Filter { field: "id".into(), op: Op::Is, values: ids };
    let query = ListQuery { filters: vec![filter], limit, as_of, ..ListQuery::default() };
    let listing = inventory::identities(app, actor, &query, &[])?;
    Ok(listing.items.into_iter().map(|row| (row.record.id.to_string(), row.record.name)).collect())
}

macro_rules! sheet_pages {
    ($($name:ident, $sheet:ident, $here:ident, $title:literal, $question:literal, $travels:literal, $identity:expr;)*) => {$(
        pub(crate) async fn $name(ask: Ask) -> Reply {
            let address = Address::parse($sheet.path, ask.raw.as_deref())?;
            let server = ask.server.clone();
            let (frame, list, ask) = server
                .ask(move |app| {
                    let actor = ask.actor()?;
                    let query = query_of(&$sheet, &address);
                    let listing = inventory::$name(app, actor, &query, $sheet.facets)?;
                    let mut names = source_names(app, actor)?;
                    let referred: fn(&_) -> Option<model::IdentityId> = $identity;
                    names.extend(identity_names(app, actor, listing.items.iter().filter_map(referred), query.as_of)?);
                    let answer = Answer {
                        page: store::Page { rows: listing.items, next: listing.next },
                        total: listing.total,
                        facets: listing.facets,
                    };
                    let names = |id: &str| names.get(id).cloned();
                    let list = view(&$sheet, &address, &answer, ask.may(Act::ClaimOwner), ask.now, &names);
                    let mut frame = ask.frame(app, Here::$here, $title, $question)?;
                    if $travels {
                        frame = ask.travelling(frame, address.query.as_of);
                    }
                    Ok((frame, list, ask))
                })
                .await?;
            if ask.fragment { html(&ListPart { frame, list }) } else { html(&ListPage { frame, list }) }
        }
    )*};
}

sheet_pages! {
    identities, IDENTITIES, Identities, "Identities", "Which identities that are not people exist, and who answers for them?", true, |_: &Row<Identity>| None;
    credentials, CREDENTIALS, Credentials, "Credentials", "What proves an identity, where does it lie, and when does it end?", true, |row: &Row<Credential>| row.record.identity;
    places, PLACES, Places, "Places", "Where do credentials lie, and who can read them there?", true, |_: &Row<Place>| None;
    findings, FINDINGS, Findings, "Findings", "What is wrong, how bad is it, and what exactly mends it?", false, |row: &FindingRow| row.finding.identity;
    gaps, GAPS, Coverage, "Gaps", "What could not be read, and what would make it readable?", false, |_: &GapRow| None;
}
