//! The first screen: what is here, what needs attention, what was not seen.

use std::time::Duration;

use model::kinds::{General, identity_kind};
use model::{Severity, SourceId, Time};
use serde::Serialize;
use store::query::{Filter, Op};
use store::{Facet, FindingRow, List, ListQuery};

use crate::App;
use crate::access::{Act, Actor};
use crate::error::Result;
use crate::inventory::{CoverageSummary, People, asked, coverage_summary};
use crate::report::rule_title;
use crate::sync::held_until;

const DAY: Duration = Duration::from_hours(24);
/// Sorts of findings that are shown.
pub const MAX_ATTENTION: usize = 12;
/// Alike findings that are shown one by one; more are shown as their number.
pub const MAX_ONE_BY_ONE: usize = 2;

/// Numbers are null while they are being counted. People's accounts are not among the identities.
#[derive(Debug, Clone, Serialize)]
pub struct Today {
    pub at: Time,
    pub n_identities: Option<u64>,
    pub n_credentials: Option<u64>,
    pub n_places: Option<u64>,
    pub n_orphaned: Option<u64>,
    /// By general type, most frequent first.
    pub by_type: Option<Vec<Bar>>,
    pub by_source: Option<Facet>,
    pub by_owner: Option<Facet>,
    pub by_environment: Option<Facet>,
    pub credentials_by_kind: Option<Facet>,
    /// Credentials by age: since they were made, where that is known.
    pub by_age: Option<Vec<Bar>>,
    /// Credentials by time until they expire, where that is known.
    pub by_expiry: Option<Vec<Bar>>,
    /// Open findings by severity, worst first.
    pub by_severity: Vec<Bar>,
    /// The worst open findings, those that are alike together.
    pub attention: Vec<Attention>,
    pub coverage: CoverageSummary,
    /// Sources that wait since reading them was cut off twice.
    pub held: Vec<Held>,
}

/// A source that is not read at once again.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    pub id: SourceId,
    pub name: String,
    pub until: Time,
}

/// A bar of a chart, with the list that it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    pub id: String,
    pub title: String,
    pub n: u64,
    pub filters: Vec<Filter>,
}

/// Open findings of one rule and severity: what the filters list, so that the number is theirs too.
#[derive(Debug, Clone, Serialize)]
pub struct Attention {
    pub rule: String,
    pub title: String,
    pub severity: Severity,
    pub n: u64,
    pub filters: Vec<Filter>,
    /// The first of them, at most [`MAX_ONE_BY_ONE`].
    pub first: Vec<FindingRow>,
}

pub fn today(app: &App, actor: &Actor, now: Time) -> Result<Today> {
    actor.may(Act::Look)?;
    let query = |list: List, filters: Vec<Filter>| {
        asked(list, &ListQuery { filters, ..ListQuery::default() }, People::LeftOut)
    };
    let total = |list: List, filters: Vec<Filter>| app.store.total(list, &query(list, filters));
    let facets =
        |list: List, fields: &[&str]| app.store.facets(list, &query(list, Vec::new()), fields, 200);
    let identities = facets(List::Identities, &["kind", "source", "owner", "environment"])?;
    let facet = |facets: &Option<Vec<Facet>>, field: &str| {
        facets.as_ref().and_then(|facets| facets.iter().find(|facet| facet.field == field).cloned())
    };
    let by_kind = facet(&identities, "kind");
    let credentials = facets(List::Credentials, &["kind"])?;
    let (by_severity, attention) = open_findings(app)?;
    Ok(Today {
        at: now,
        n_identities: total(List::Identities, Vec::new())?,
        n_credentials: total(List::Credentials, Vec::new())?,
        n_places: total(List::Places, Vec::new())?,
        n_orphaned: total(List::Identities, vec![Filter::new("owner", Op::Is, &[""])])?,
        by_type: by_kind.as_ref().map(types),
        by_source: facet(&identities, "source"),
        by_owner: facet(&identities, "owner"),
        by_environment: facet(&identities, "environment"),
        credentials_by_kind: facet(&credentials, "kind"),
        by_age: bars(&ages(now), &|filters| total(List::Credentials, filters))?,
        by_expiry: bars(&expiries(now), &|filters| total(List::Credentials, filters))?,
        by_severity,
        attention,
        coverage: coverage_summary(app)?,
        held: held(app)?,
    })
}

fn held(app: &App) -> Result<Vec<Held>> {
    let held = app.store.sources()?.into_iter().filter_map(|source| {
        held_until(&source).map(|until| Held { id: source.id, name: source.name, until })
    });
    Ok(held.collect())
}

/// Open findings by severity, worst first, and the worst of them: those of one rule together, the
/// most first. All are counted without reading one.
fn open_findings(app: &App) -> Result<(Vec<Bar>, Vec<Attention>)> {
    let mut by_severity = Vec::new();
    let mut attention = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let open = vec![
            Filter::new("state", Op::Is, &["open"]),
            Filter::new("severity", Op::Is, &[severity.name()]),
        ];
        let query = ListQuery { filters: open.clone(), ..ListQuery::default() };
        let rules = app.store.facets(List::Findings, &query, &["rule"], MAX_ATTENTION)?;
        let Some(rules) = rules.and_then(|rules| rules.into_iter().next()) else { continue };
        let n = rules.n_others + rules.values.iter().map(|rule| rule.count).sum::<u64>();
        for rule in rules.values.into_iter().take(MAX_ATTENTION - attention.len()) {
            let mut filters = open.clone();
            filters.push(Filter::new("rule", Op::Is, &[&rule.value]));
            let first = ListQuery {
                filters: filters.clone(),
                limit: MAX_ONE_BY_ONE,
                ..ListQuery::default()
            };
            attention.push(Attention {
                title: rule_title(&rule.value).to_owned(),
                rule: rule.value,
                severity,
                n: rule.count,
                filters,
                first: app.store.list_findings(&first)?.rows,
            });
        }
        let name = severity.name();
        by_severity.push(Bar { id: name.into(), title: name.into(), n, filters: open });
    }
    Ok((by_severity, attention))
}

fn types(by_kind: &Facet) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for value in &by_kind.values {
        let general = identity_kind(&value.value).map_or(General::Unknown, |kind| kind.general);
        let position = bars.iter().position(|bar| bar.id == general.id()).unwrap_or_else(|| {
            bars.push(Bar {
                id: general.id().into(),
                title: general.title().into(),
                n: 0,
                filters: vec![Filter::new("kind", Op::Is, &[])],
            });
            bars.len() - 1
        });
        let Some(bar) = bars.get_mut(position) else { continue };
        bar.n += value.count;
        bar.filters.iter_mut().for_each(|filter| filter.values.push(value.value.clone()));
    }
    bars.sort_by(|one, other| other.n.cmp(&one.n).then_with(|| one.id.cmp(&other.id)));
    bars
}

type Range = (&'static str, Vec<Filter>);

fn ages(now: Time) -> Vec<Range> {
    let ago = |days: u32| now.minus(DAY * days).to_string();
    vec![
        ("under 30 days", vec![after("created_at", &ago(30))]),
        ("30 to 90 days", vec![after("created_at", &ago(90)), before("created_at", &ago(30))]),
        ("90 days to 1 year", vec![after("created_at", &ago(365)), before("created_at", &ago(90))]),
        ("1 to 3 years", vec![after("created_at", &ago(3 * 365)), before("created_at", &ago(365))]),
        ("over 3 years", vec![before("created_at", &ago(3 * 365))]),
        ("not known", vec![Filter::new("created_at", Op::Unknown, &[])]),
    ]
}

fn expiries(now: Time) -> Vec<Range> {
    let ahead = |days: u32| now.plus(DAY * days).to_string();
    vec![
        ("expired", vec![before("expires_at", &now.to_string())]),
        ("in 7 days", vec![after("expires_at", &now.to_string()), before("expires_at", &ahead(7))]),
        ("in 30 days", vec![after("expires_at", &ahead(7)), before("expires_at", &ahead(30))]),
        ("in 90 days", vec![after("expires_at", &ahead(30)), before("expires_at", &ahead(90))]),
        ("later", vec![after("expires_at", &ahead(90))]),
        ("never", vec![Filter::new("expires_at", Op::Unknown, &["known_absent"])]),
        (
            "not known",
            vec![Filter::new(
                "expires_at",
                Op::Unknown,
                &["not_observable", "not_collected", "denied"],
            )],
        ),
    ]
}

fn after(field: &str, time: &str) -> Filter {
    Filter::new(field, Op::After, &[time])
}

fn before(field: &str, time: &str) -> Filter {
    Filter::new(field, Op::Before, &[time])
}

fn bars(
    ranges: &[Range],
    count: &dyn Fn(Vec<Filter>) -> store::Result<Option<u64>>,
) -> Result<Option<Vec<Bar>>> {
    let mut bars = Vec::new();
    for (title, filters) in ranges {
        let Some(n) = count(filters.clone())? else { return Ok(None) };
        bars.push(Bar {
            id: title.replace(' ', "-"),
            title: (*title).into(),
            n,
            filters: filters.clone(),
        });
    }
    Ok(Some(bars))
}
