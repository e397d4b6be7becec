//! The JSON API: each handler reads the request, calls one function of `app`, writes the reply.
//!
//! Here is what is asked about the estate: its records, their owners, findings, coverage and
//! changes. What else can be asked of the server has a file for each noun. Which address leads to
//! which handler, and who may come in, is said in `routes` and not known here.

pub(crate) mod export;
pub(crate) mod installation;
pub(crate) mod people;
pub(crate) mod permissions;
pub(crate) mod policy;
pub(crate) mod sign_in;
pub(crate) mod sources;

use std::time::Duration;

use app::findings::Decision;
use app::owners::NewClaim;
use app::{Error, inventory, owners, today};
use axum::extract::{Path, RawQuery, State};
use model::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{CoverageOf, DiffKind, DiffQuery, List};

use crate::address::{Address, beginning, list_of, moment};
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Json, id, json};

macro_rules! lists {
    ($($name:ident, $list:ident;)*) => {$(
        pub(crate) async fn $name(
            State(server): State<Server>,
            Caller(actor): Caller,
            RawQuery(raw): RawQuery,
        ) -> Reply {
            let address = Address::parse("", raw.as_deref())?;
            let listing = server
                .ask(move |app| {
                    let facets: Vec<&str> = address.facets.iter().map(String::as_str).collect();
                    inventory::$name(app, &actor, &address.asked(List::$list), &facets)
                })
                .await?;
            json(&listing)
        }
    )*};
}

lists! {
    identities, Identities;
    credentials, Credentials;
    places, Places;
    grants, Grants;
    trusts, Trusts;
    owner_links, Owners;
    policies, Policies;
    findings, Findings;
    syncs, Syncs;
}

/// One parameter of a query; the first of that name.
pub(crate) fn parameter(raw: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(raw.unwrap_or_default().as_bytes())
        .find_map(|(key, value)| (key == name && !value.is_empty()).then(|| value.into_owned()))
}

pub(crate) fn as_of(raw: Option<&str>) -> Result<Option<Time>, Error> {
    parameter(raw, "as_of").map(|text| moment(&text)).transpose()
}

macro_rules! things {
    ($($name:ident, $what:literal;)*) => {$(
        pub(crate) async fn $name(
            State(server): State<Server>,
            Caller(actor): Caller,
            Path(text): Path<String>,
            RawQuery(raw): RawQuery,
        ) -> Reply {
            let (id, as_of) = (id(&text, $what)?, as_of(raw.as_deref())?);
            json(&server.ask(move |app| inventory::$name(app, &actor, id, as_of)).await?)
        }
    )*};
}

things! { identity, "identity"; credential, "credential"; place, "place"; grant, "grant"; trust, "trust"; policy, "policy document"; }

pub(crate) async fn timeline(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let thing = id(&text, "record")?;
    json(&server.ask(move |app| inventory::timeline(app, &actor, thing)).await?)
}

pub(crate) async fn explain(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    RawQuery(raw): RawQuery,
) -> Reply {
    let as_of = as_of(raw.as_deref())?;
    json(&server.ask(move |app| inventory::explain(app, &actor, &text, as_of)).await?)
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ClaimBody {
    pub(crate) kind: model::PartyKind,
    /// The handle or address: `@org/team`, `ada@example.org`.
    pub(crate) owner: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) reason: String,
}

pub(crate) async fn claim_owner(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Json(body): Json<ClaimBody>,
) -> Reply {
    let identities = vec![id(&text, "identity")?];
    let ClaimBody { kind, owner, name, reason } = body;
    let claim = NewClaim { identities, kind, owner, name, reason };
    let now = server.now();
    let claims = server.ask(move |app| owners::claim(app, &actor, &claim, now)).await?;
    json(&claims.first())
}

pub(crate) async fn claim_owners(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(claim): Json<NewClaim>,
) -> Reply {
    let now = server.now();
    json(&server.ask(move |app| owners::claim(app, &actor, &claim, now)).await?)
}

pub(crate) async fn withdraw_owner(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (identity, now) = (id(&text, "identity")?, server.now());
    json(&server.ask(move |app| owners::withdraw(app, &actor, identity, now)).await?)
}

pub(crate) async fn claims(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| owners::claims(app, &actor)).await?)
}

pub(crate) async fn finding(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let id = id(&text, "finding")?;
    json(&server.ask(move |app| inventory::finding(app, &actor, id)).await?)
}

pub(crate) async fn decide(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Json(decision): Json<Decision>,
) -> Reply {
    let (id, now) = (id(&text, "finding")?, server.now());
    json(&server.ask(move |app| app::findings::decide(app, &actor, id, &decision, now)).await?)
}

#[derive(Serialize)]
struct CoverageReply {
    summary: inventory::CoverageSummary,
    scopes: Vec<store::ScopeCoverage>,
}

pub(crate) async fn coverage(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let of = match parameter(raw.as_deref(), "source") {
        Some(source) => CoverageOf::Source(id(&source, "source")?),
        None => CoverageOf::Latest,
    };
    let answer = server.ask(move |app| {
        let scopes = inventory::coverage(app, &actor, of)?;
        Ok(CoverageReply { summary: inventory::coverage_summary(app)?, scopes })
    });
    json(&answer.await?)
}

pub(crate) async fn gaps(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let address = Address::parse("", raw.as_deref())?;
    let listing = server.ask(move |app| {
        let facets: Vec<&str> = address.facets.iter().map(String::as_str).collect();
        inventory::gaps(app, &actor, &address.query, &facets)
    });
    json(&listing.await?)
}

pub(crate) async fn today(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let now = server.now();
    json(&server.ask(move |app| today::today(app, &actor, now)).await?)
}

#[derive(Serialize)]
struct DiffReply {
    from: Time,
    to: Time,
    summary: Vec<store::DiffSummary>,
    page: store::DiffPage,
}

pub(crate) fn diff_query(raw: Option<&str>, now: Time) -> Result<DiffQuery, Error> {
    let to = parameter(raw, "to").map(|text| moment(&text)).transpose()?;
    let since = parameter(raw, "from").map(|text| beginning(&text)).transpose()?;
    let kind = match parameter(raw, "kind").as_deref() {
        None => None,
        Some("added") => Some(DiffKind::Added),
        Some("changed") => Some(DiffKind::Changed),
        Some("gone") => Some(DiffKind::Gone),
        Some(other) => {
            return Err(Error::invalid(
                "kind",
                format!("`{other}` is not one of added, changed, gone"),
            ));
        }
    };
    let list = parameter(raw, "list").map_or(Ok(List::Identities), |name| list_of(&name))?;
    if matches!(list, List::Findings | List::Syncs | List::Gaps) {
        return Err(Error::invalid(
            "list",
            "only records have differences: identities, credentials, places, grants, trusts, owners, policies",
        ));
    }
    // The end of today is yet to come.
    let to = to.map_or(now, |to| to.min(now));
    Ok(DiffQuery {
        from: since.unwrap_or_else(|| to.minus(DIFF_SPAN)),
        to,
        list,
        kind,
        after: parameter(raw, "after").map(store::Cursor),
        limit: parameter(raw, "limit").and_then(|text| text.parse().ok()).unwrap_or(0),
    })
}

/// What is compared when the caller does not say: the last week.
const DIFF_SPAN: Duration = Duration::from_hours(168);

pub(crate) async fn diff(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let query = diff_query(raw.as_deref(), server.now())?;
    let answer = server.ask(move |app| {
        let page = inventory::diff(app, &actor, &query)?;
        let summary = inventory::diff_summary(app, &actor, query.from, query.to)?;
        Ok(DiffReply { from: query.from, to: query.to, summary, page })
    });
    json(&answer.await?)
}

pub(crate) async fn search(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let text = parameter(raw.as_deref(), "q").unwrap_or_default();
    json(&server.ask(move |app| inventory::search(app, &actor, &text)).await?)
}

pub(crate) async fn facets(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(list): Path<String>,
    RawQuery(raw): RawQuery,
) -> Reply {
    let (list, address) = (list_of(&list)?, Address::parse("", raw.as_deref())?);
    let facets = server.ask(move |app| {
        let fields: Vec<&str> = if address.facets.is_empty() {
            list.fields().iter().filter(|field| field.facetable).map(|field| field.name).collect()
        } else {
            address.facets.iter().map(String::as_str).collect()
        };
        inventory::facets(app, &actor, list, &address.asked(list), &fields)
    });
    json(&facets.await?)
}

pub(crate) async fn openapi() -> Reply {
    json(crate::openapi::document())
}
