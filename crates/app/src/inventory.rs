//! Looking: lists, facets, details, timelines, differences, search, coverage.

use std::sync::PoisonError;

use model::kinds::{General, IDENTITY_KINDS};
use model::{
    Credential, CredentialId, FindingId, Grant, GrantId, Identity, IdentityId, OwnerLink, Place,
    PlaceId, PolicyDocument, PolicyId, SourceId, Time, Trust, TrustId,
};
use serde::Serialize;
use store::{
    Claim, CoverageOf, CredentialDetail, DiffPage, DiffQuery, DiffSummary, Facet, Filter,
    FindingRow, GapRow, Hit, IdentityDetail, List, ListQuery, Op, Page, PlaceDetail, Row,
    ScopeCoverage, Sync, SyncId, ThingId, Version,
};

use crate::App;
use crate::access::{Act, Actor};
use crate::error::{Error, Result};

/// Values of a facet that are listed; the rest are counted.
pub const MAX_FACET_VALUES: usize = 50;
/// Hits of one search.
pub const MAX_HITS: usize = 50;

/// A page with what is known of the whole list.
#[derive(Debug, Clone, Serialize)]
pub struct Listing<R> {
    pub items: Vec<R>,
    /// The `after` of the next page; null on the last one.
    pub next: Option<store::Cursor>,
    /// Null while it is being counted.
    pub total: Option<u64>,
    /// Only when asked for; null while they are being counted.
    pub facets: Option<Vec<Facet>>,
    pub as_of: Option<Time>,
    pub coverage: CoverageSummary,
}

/// How much of what is configured was read; every answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct CoverageSummary {
    pub n_sources: u64,
    pub n_scopes: u64,
    pub n_complete_scopes: u64,
    pub asked: u64,
    pub got: u64,
    pub denied: u64,
    pub n_gaps: u64,
    /// Sources that have never been read to an end.
    pub n_never_read: u64,
}

/// Whether a list of identities has people's accounts. They are kept because credentials and grants
/// hang on them, and are not what Tutela counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum People {
    #[default]
    LeftOut,
    Shown,
}

/// Kinds of identity that are a person's account.
fn kinds_of_people() -> impl Iterator<Item = &'static str> {
    IDENTITY_KINDS.iter().filter(|kind| kind.general == General::Person).map(|kind| kind.id)
}

/// Whether a field is to have a value that may be a person's account: one id, or a kind of them.
pub fn names_people(field: &str, value: &str) -> bool {
    field == "id" || field == "kind" && kinds_of_people().any(|kind| kind == value)
}

/// Whether people's accounts are left out of a list: unless they are asked for, or their kind or
/// one identity is.
pub fn leaves_out_people(list: List, query: &ListQuery, people: People) -> bool {
    let names_them = |filter: &Filter| {
        filter.op == Op::Is && filter.values.iter().any(|value| names_people(&filter.field, value))
    };
    list == List::Identities && people == People::LeftOut && !query.filters.iter().any(names_them)
}

/// The query behind what was asked: the same for CLI, API, console and Today, so that one question
/// has one number.
pub fn asked(list: List, query: &ListQuery, people: People) -> ListQuery {
    let mut query = query.clone();
    if leaves_out_people(list, &query, people) {
        query.filters.push(Filter::new("kind", Op::IsNot, &kinds_of_people().collect::<Vec<_>>()));
    }
    query
}

/// All identities that are not people.
pub(crate) fn all_identities() -> ListQuery {
    asked(List::Identities, &ListQuery::default(), People::LeftOut)
}

macro_rules! lists {
    ($($function:ident, $list:ident, $store:ident, $row:ty;)*) => {$(
        pub fn $function(app: &App, actor: &Actor, query: &ListQuery, facets: &[&str]) -> Result<Listing<$row>> {
            actor.may(Act::Look)?;
            listing(app, List::$list, query, facets, app.store.$store(query)?)
        }
    )*};
}

lists! {
    identities, Identities, list_identities, Row<Identity>;
    credentials, Credentials, list_credentials, Row<Credential>;
    places, Places, list_places, Row<Place>;
    grants, Grants, list_grants, Row<Grant>;
    trusts, Trusts, list_trusts, Row<Trust>;
    owner_links, Owners, list_owners, Row<OwnerLink>;
    policies, Policies, list_policies, Row<PolicyDocument>;
    findings, Findings, list_findings, FindingRow;
    syncs, Syncs, list_syncs, Sync;
    gaps, Gaps, list_gaps, GapRow;
}

fn listing<R>(
    app: &App,
    list: List,
    query: &ListQuery,
    facets: &[&str],
    page: Page<R>,
) -> Result<Listing<R>> {
    let facets = match facets {
        [] => None,
        fields => app.store.facets(list, query, fields, MAX_FACET_VALUES)?,
    };
    Ok(Listing {
        items: page.rows,
        next: page.next,
        total: app.store.total(list, query)?,
        facets,
        as_of: query.as_of,
        coverage: coverage_summary(app)?,
    })
}

pub fn facets(
    app: &App,
    actor: &Actor,
    list: List,
    query: &ListQuery,
    fields: &[&str],
) -> Result<Option<Vec<Facet>>> {
    actor.may(Act::Look)?;
    Ok(app.store.facets(list, query, fields, MAX_FACET_VALUES)?)
}

pub fn identity(
    app: &App,
    actor: &Actor,
    id: IdentityId,
    as_of: Option<Time>,
) -> Result<IdentityDetail> {
    actor.may(Act::Look)?;
    app.store.identity(id, as_of)?.ok_or_else(|| Error::not_found("identity", id))
}

pub fn credential(
    app: &App,
    actor: &Actor,
    id: CredentialId,
    as_of: Option<Time>,
) -> Result<CredentialDetail> {
    actor.may(Act::Look)?;
    app.store.credential(id, as_of)?.ok_or_else(|| Error::not_found("credential", id))
}

pub fn place(app: &App, actor: &Actor, id: PlaceId, as_of: Option<Time>) -> Result<PlaceDetail> {
    actor.may(Act::Look)?;
    app.store.place(id, as_of)?.ok_or_else(|| Error::not_found("place", id))
}

pub fn grant(
    app: &App,
    actor: &Actor,
    id: GrantId,
    as_of: Option<Time>,
) -> Result<Vec<Claim<Grant>>> {
    actor.may(Act::Look)?;
    some(app.store.grant(id, as_of)?, "grant", id)
}

pub fn trust(
    app: &App,
    actor: &Actor,
    id: TrustId,
    as_of: Option<Time>,
) -> Result<Vec<Claim<Trust>>> {
    actor.may(Act::Look)?;
    some(app.store.trust(id, as_of)?, "trust", id)
}

pub fn policy(
    app: &App,
    actor: &Actor,
    id: PolicyId,
    as_of: Option<Time>,
) -> Result<Vec<Claim<PolicyDocument>>> {
    actor.may(Act::Look)?;
    some(app.store.policy(id, as_of)?, "policy document", id)
}

pub fn finding(app: &App, actor: &Actor, id: FindingId) -> Result<FindingRow> {
    actor.may(Act::Look)?;
    app.store.finding(id)?.ok_or_else(|| Error::not_found("finding", id))
}

fn some<T>(rows: Vec<T>, what: &str, id: impl std::fmt::Display) -> Result<Vec<T>> {
    if rows.is_empty() { Err(Error::not_found(what, id)) } else { Ok(rows) }
}

/// Every version of every claim about a thing, newest first.
pub fn timeline(app: &App, actor: &Actor, thing: ThingId) -> Result<Vec<Version>> {
    actor.may(Act::Look)?;
    some(app.store.timeline(thing)?, "record", thing)
}

pub fn diff(app: &App, actor: &Actor, query: &DiffQuery) -> Result<DiffPage> {
    actor.may(Act::Look)?;
    ordered(query.from, query.to)?;
    Ok(app.store.diff(query)?)
}

pub fn diff_summary(app: &App, actor: &Actor, from: Time, to: Time) -> Result<Vec<DiffSummary>> {
    actor.may(Act::Look)?;
    ordered(from, to)?;
    Ok(app.store.diff_summary(from, to)?)
}

fn ordered(from: Time, to: Time) -> Result<()> {
    if from <= to {
        return Ok(());
    }
    Err(Error::invalid("order", format!("`from` ({from}) is after `to` ({to})")))
}

pub fn search(app: &App, actor: &Actor, text: &str) -> Result<Vec<Hit>> {
    actor.may(Act::Look)?;
    Ok(app.store.search(text, MAX_HITS)?)
}

pub fn coverage(app: &App, actor: &Actor, of: CoverageOf) -> Result<Vec<ScopeCoverage>> {
    actor.may(Act::Look)?;
    Ok(app.store.coverage(of)?)
}

/// The badge that is on every page.
pub fn coverage_summary(app: &App) -> Result<CoverageSummary> {
    let sources = app.store.sources()?;
    let n_never_read = sources.iter().filter(|source| source.last_committed_at.is_none()).count();
    let state = (app.store.last_published()?, sources.iter().map(|source| source.id).collect());
    let known = app.coverage.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let scopes = match known {
        Some((of, scopes)) if of == state => scopes,
        _ => {
            let scopes = scopes_summary(app)?;
            let mut known = app.coverage.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some((state, scopes));
            scopes
        }
    };
    Ok(CoverageSummary {
        n_sources: sources.len() as u64,
        n_never_read: n_never_read as u64,
        ..scopes
    })
}

/// The sums over all scopes, and of which state they are: the last publication and the sources that
/// are there.
pub(crate) type KnownCoverage = Option<((Option<SyncId>, Vec<SourceId>), CoverageSummary)>;

fn scopes_summary(app: &App) -> Result<CoverageSummary> {
    let mut summary = CoverageSummary::default();
    for scope in app.store.coverage(CoverageOf::Latest)? {
        let coverage = &scope.coverage;
        summary.n_scopes += 1;
        summary.n_complete_scopes += u64::from(coverage.is_complete());
        summary.asked += coverage.asked;
        summary.got += coverage.got;
        summary.denied += coverage.denied;
        summary.n_gaps += coverage.gaps.len() as u64 + coverage.n_more_gaps;
    }
    Ok(summary)
}

/// What an id stands for, whatever its prefix.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Explained {
    Identity(Box<IdentityDetail>),
    Credential(Box<CredentialDetail>),
    Place(Box<PlaceDetail>),
    Grant { claims: Vec<Claim<Grant>> },
    Trust { claims: Vec<Claim<Trust>> },
    Policy { claims: Vec<Claim<PolicyDocument>> },
    Finding(Box<ExplainedFinding>),
}

/// A finding with the rule behind it.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedFinding {
    #[serde(flatten)]
    pub row: FindingRow,
    pub rule_title: String,
    pub why: String,
    pub tags: Vec<String>,
}

pub fn explain(app: &App, actor: &Actor, id: &str, as_of: Option<Time>) -> Result<Explained> {
    let unknown = || {
        Error::invalid(
            "unknown-id",
            format!(
                "`{id}` is not an id; ids begin with idn_, crd_, plc_, grt_, tru_, pol_ or fnd_"
            ),
        )
        .hint("search by name with `tutela identities list --search`")
    };
    if let Ok(id) = id.parse::<FindingId>() {
        let row = finding(app, actor, id)?;
        let rule = assess::rule(&row.finding.rule);
        return Ok(Explained::Finding(Box::new(ExplainedFinding {
            rule_title: rule.map(|rule| rule.title.clone()).unwrap_or_default(),
            why: rule.map(|rule| rule.why.clone()).unwrap_or_default(),
            tags: rule.map(|rule| rule.tags.clone()).unwrap_or_default(),
            row,
        })));
    }
    match id.parse::<ThingId>().map_err(|_| unknown())? {
        ThingId::Identity(id) => {
            Ok(Explained::Identity(Box::new(identity(app, actor, id, as_of)?)))
        }
        ThingId::Credential(id) => {
            Ok(Explained::Credential(Box::new(credential(app, actor, id, as_of)?)))
        }
        ThingId::Place(id) => Ok(Explained::Place(Box::new(place(app, actor, id, as_of)?))),
        ThingId::Grant(id) => Ok(Explained::Grant { claims: grant(app, actor, id, as_of)? }),
        ThingId::Trust(id) => Ok(Explained::Trust { claims: trust(app, actor, id, as_of)? }),
        ThingId::Policy(id) => Ok(Explained::Policy { claims: policy(app, actor, id, as_of)? }),
        ThingId::Owner(_) => Err(unknown()),
    }
}
