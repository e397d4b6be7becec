//! The one table of endpoints: the router, the OpenAPI document and the access matrix test are all
//! made from it.

use app::Act;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::console::{
    credential, findings as findings_pages, identity, lint, pages, permissions, place, search,
    settings, sheets, sign_in, sources, today,
};
use crate::server::Server;
use crate::session::{Gate, gate};
use crate::{api, assets, events, openapi};

/// Who may come in. `app` asks again what the act needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Public,
    Act(Act),
}

/// What a route answers with, and how it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Api,
    /// HTML; who is not signed in is sent to the door.
    Page,
    /// Neither: health, metrics, assets.
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// The schema of a body or reply.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) kind: Kind,
    pub(crate) summary: &'static str,
    /// Names and meanings of what the query may hold.
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) body: Option<Shape>,
    /// None: no content, or not JSON.
    pub(crate) reply: Option<Shape>,
    pub(crate) handler: fn() -> MethodRouter<Server>,
}

impl Endpoint {
    const fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    const fn takes(mut self, body: Shape) -> Self {
        self.body = Some(body);
        self
    }

    const fn gives(mut self, reply: Shape) -> Self {
        self.reply = Some(reply);
        self
    }
}

const fn row(
    kind: Kind,
    verb: Verb,
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: fn() -> MethodRouter<Server>,
) -> Endpoint {
    Endpoint { verb, path, access, kind, summary, query: &[], body: None, reply: None, handler }
}

const fn api(
    verb: Verb,
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: fn() -> MethodRouter<Server>,
) -> Endpoint {
    row(Kind::Api, verb, path, access, summary, handler)
}

const fn page(
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: fn() -> MethodRouter<Server>,
) -> Endpoint {
    row(Kind::Page, Get, path, access, summary, handler)
}

const fn form(
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: fn() -> MethodRouter<Server>,
) -> Endpoint {
    row(Kind::Page, Post, path, access, summary, handler)
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const LOOK: Access = Access::Act(Act::Look);
const SELF: Access = Access::Act(Act::ManageSelf);
const PEOPLE: Access = Access::Act(Act::ManagePeople);
const SOURCES: Access = Access::Act(Act::ManageSources);

const REQUEST: &[(&str, &str)] = &[
    ("principal", "an ARN, or the name of a user or role; not asked for by `who-can`"),
    ("action", "`service:Name`"),
    ("resource", "an ARN; `*`, or left out, for an action that has no resource"),
    ("context", "`key=value`, repeatable; what is not told of the context is not known"),
    ("absent", "a key that the request does not have; repeatable"),
    ("resource_account", "the account of a resource whose ARN does not say it"),
];

const LIST: &[(&str, &str)] = &[
    (
        "filter",
        "`field:op:value`, repeatable. The same field and operation again: any of the values; different ones must all hold. Operations: is, is-not, contains, before, after, unknown (value: a state, or nothing)",
    ),
    ("q", "text that must be part of the name or the native id"),
    ("sort", "a field; with `-` before it, descending"),
    ("after", "`next` of the page before"),
    ("limit", "rows of a page: 50, at most 1000"),
    ("as_of", "a moment, or a date for the end of that day: what was known then"),
    ("facets", "fields to count values of, separated by commas"),
    ("people", "of identities: `true` for the accounts of people too, which are left out else"),
];
const AS_OF: &[(&str, &str)] =
    &[("as_of", "a moment, or a date for the end of that day: what was known then")];

/// Routes with room of their own: the way in and out, and what watches over the server.
pub(crate) const AT_THE_DOOR: [&str; 6] =
    ["/healthz", "/readyz", "/sign-in", "/sign-out", "/api/v1/sign-in", "/api/v1/sign-out"];

/// The one route whose caller may wait for as long as it takes.
pub(crate) const SYNC_PATH: &str = "/api/v1/sources/{id}/sync";

use Verb::{Delete, Get, Post, Put};

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    // See
    api(Get, "/api/v1/identities", LOOK, "Identities", || get(api::identities))
        .query(LIST)
        .gives(openapi::listing::<model::Identity>),
    api(Get, "/api/v1/identities/{id}", LOOK, "One identity with all that is known of it", || {
        get(api::identity)
    })
    .query(AS_OF)
    .gives(openapi::identity_detail),
    api(
        Get,
        "/api/v1/identities/{id}/timeline",
        LOOK,
        "Every change of an identity that was seen, newest first",
        || get(api::timeline),
    )
    .gives(openapi::versions),
    api(
        Post,
        "/api/v1/identities/{id}/claim-owner",
        Access::Act(Act::ClaimOwner),
        "Say who owns an identity",
        || post(api::claim_owner),
    )
    .takes(of::<api::ClaimBody>)
    .gives(openapi::owner_claim),
    api(
        Delete,
        "/api/v1/identities/{id}/claim-owner",
        Access::Act(Act::ClaimOwner),
        "Take the claim back",
        || delete(api::withdraw_owner),
    )
    .gives(openapi::owner_claim),
    api(
        Post,
        "/api/v1/claims",
        Access::Act(Act::ClaimOwner),
        "Say who owns several identities",
        || post(api::claim_owners),
    )
    .takes(of::<app::owners::NewClaim>)
    .gives(openapi::owner_claims),
    api(Get, "/api/v1/claims", LOOK, "Every claim of ownership", || get(api::claims))
        .gives(openapi::owner_claims),
    api(Get, "/api/v1/credentials", LOOK, "Credentials", || get(api::credentials))
        .query(LIST)
        .gives(openapi::listing::<model::Credential>),
    api(Get, "/api/v1/credentials/{id}", LOOK, "One credential", || get(api::credential))
        .query(AS_OF)
        .gives(openapi::credential_detail),
    api(
        Get,
        "/api/v1/credentials/{id}/timeline",
        LOOK,
        "Every change of a credential that was seen",
        || get(api::timeline),
    )
    .gives(openapi::versions),
    api(Get, "/api/v1/places", LOOK, "Places where credentials lie", || get(api::places))
        .query(LIST)
        .gives(openapi::listing::<model::Place>),
    api(Get, "/api/v1/places/{id}", LOOK, "One place", || get(api::place))
        .query(AS_OF)
        .gives(openapi::place_detail),
    api(Get, "/api/v1/grants", LOOK, "Grants: identity, actions, resources", || get(api::grants))
        .query(LIST)
        .gives(openapi::listing::<model::Grant>),
    api(Get, "/api/v1/grants/{id}", LOOK, "One grant, as each source states it", || {
        get(api::grant)
    })
    .query(AS_OF)
    .gives(openapi::claims::<model::Grant>),
    api(Get, "/api/v1/trusts", LOOK, "Trusts: who can become which identity", || get(api::trusts))
        .query(LIST)
        .gives(openapi::listing::<model::Trust>),
    api(Get, "/api/v1/trusts/{id}", LOOK, "One trust, as each source states it", || {
        get(api::trust)
    })
    .query(AS_OF)
    .gives(openapi::claims::<model::Trust>),
    api(
        Get,
        "/api/v1/owners",
        LOOK,
        "Candidates for ownership, with method and confidence",
        || get(api::owner_links),
    )
    .query(LIST)
    .gives(openapi::listing::<model::OwnerLink>),
    api(Get, "/api/v1/policies", LOOK, "Policy documents, as their system states them", || {
        get(api::policies)
    })
    .query(LIST)
    .gives(openapi::listing::<model::PolicyDocument>),
    api(
        Get,
        "/api/v1/policies/{id}",
        LOOK,
        "One policy document, as each source states it",
        || get(api::policy),
    )
    .query(AS_OF)
    .gives(openapi::claims::<model::PolicyDocument>),
    api(
        Get,
        "/api/v1/policies/{id}/timeline",
        LOOK,
        "Every change of a policy document that was seen",
        || get(api::timeline),
    )
    .gives(openapi::versions),
    api(Get, "/api/v1/coverage", LOOK, "What was read of each scope, and what was not", || {
        get(api::coverage)
    })
    .query(&[("source", "the id of a source")])
    .gives(openapi::coverage),
    api(Get, "/api/v1/gaps", LOOK, "Everything that could not be read", || get(api::gaps))
        .query(LIST)
        .gives(openapi::gaps),
    api(Get, "/api/v1/today", LOOK, "Counts, what needs attention, coverage", || get(api::today))
        .gives(openapi::today),
    api(Get, "/api/v1/diff", LOOK, "What differs between two moments", || get(api::diff))
        .query(&[
            ("from", "a moment; a week before `to` when left out"),
            ("to", "a moment; now when left out"),
            ("list", "identities, credentials, places, grants, trusts, owners or policies"),
            ("kind", "added, changed or gone"),
            ("after", "`next` of the page before"),
            ("limit", "rows of a page"),
        ])
        .gives(openapi::diff),
    api(Get, "/api/v1/explain/{id}", LOOK, "What an id stands for, whatever its prefix", || {
        get(api::explain)
    })
    .query(AS_OF)
    .gives(openapi::object),
    api(Get, "/api/v1/search", LOOK, "Search names, native ids and ids", || get(api::search))
        .query(&[("q", "the text")])
        .gives(openapi::hits),
    api(Get, "/api/v1/permissions/can", LOOK, "May a principal do something?", || {
        get(api::permissions::can)
    })
    .query(REQUEST)
    .gives(openapi::object),
    api(Get, "/api/v1/permissions/who-can", LOOK, "Which users and roles may do it?", || {
        get(api::permissions::who_can)
    })
    .query(REQUEST)
    .gives(openapi::object),
    api(Get, "/api/v1/permissions/effective", LOOK, "What may a principal do?", || {
        get(api::permissions::effective)
    })
    .query(&[("principal", "an ARN, or the name of a user or role")])
    .gives(openapi::object),
    api(Post, "/api/v1/policy/lint", LOOK, "What is wrong or odd about a policy of AWS", || {
        post(api::policy::lint)
    })
    .takes(of::<api::policy::LintBody>)
    .gives(of::<app::policy::Linted>),
    api(Get, "/api/v1/facets/{list}", LOOK, "Counts per value of the fields of a list", || {
        get(api::facets)
    })
    .query(LIST)
    .gives(openapi::facets),
    api(
        Get,
        "/api/v1/export/{list}",
        Access::Act(Act::ExportData),
        "Exactly the rows of a list, all pages, as JSON lines or CSV",
        || get(api::export::export),
    )
    .query(&[
        ("format", "json or csv"),
        ("filter", "as for lists"),
        ("q", "as for lists"),
        ("sort", "as for lists"),
        ("as_of", "as for lists"),
        ("people", "as for lists"),
    ]),
    // Assess
    api(Get, "/api/v1/findings", LOOK, "Findings", || get(api::findings))
        .query(LIST)
        .gives(openapi::findings),
    api(Get, "/api/v1/findings/{id}", LOOK, "One finding", || get(api::finding))
        .gives(openapi::finding),
    api(
        Post,
        "/api/v1/findings/{id}",
        Access::Act(Act::HandleFinding),
        "Acknowledge, snooze, accept or reopen a finding",
        || post(api::decide),
    )
    .takes(of::<app::findings::Decision>)
    .gives(of::<model::FindingState>),
    // Sources
    api(
        Get,
        "/api/v1/connectors",
        LOOK,
        "What can be connected, its settings and the permissions it needs",
        || get(api::sources::connectors),
    )
    .gives(of::<Vec<app::sources::ConnectorView>>),
    api(Get, "/api/v1/sources", LOOK, "Configured sources", || get(api::sources::sources))
        .gives(openapi::sources),
    api(Post, "/api/v1/sources", SOURCES, "Add a source", || post(api::sources::add_source))
        .takes(of::<app::sources::SourceRequest>)
        .gives(openapi::source),
    api(Get, "/api/v1/sources/{id}", LOOK, "One source", || get(api::sources::source))
        .gives(openapi::source),
    api(Put, "/api/v1/sources/{id}", SOURCES, "Change a source", || {
        put(api::sources::change_source)
    })
    .takes(of::<app::sources::SourceChange>)
    .gives(openapi::source),
    api(
        Delete,
        "/api/v1/sources/{id}",
        SOURCES,
        "Remove a source: its claims end, its history stays",
        || delete(api::sources::remove_source),
    )
    .gives(openapi::object),
    api(Post, SYNC_PATH, Access::Act(Act::RunSync), "Sync a source now", || {
        post(api::sources::run_sync)
    })
    .query(&[("wait", "true: reply when it ended")])
    .gives(openapi::object),
    api(
        Post,
        "/api/v1/sources/{id}/test",
        Access::Act(Act::TestSource),
        "Try a source's settings without keeping anything",
        || post(api::sources::test_source),
    )
    .gives(openapi::object),
    api(Get, "/api/v1/syncs", LOOK, "Runs of sources, newest first", || get(api::syncs))
        .query(LIST)
        .gives(openapi::syncs),
    api(Get, "/api/v1/events", LOOK, "Server-Sent Events: progress and ends of syncs", || {
        get(events::listen)
    }),
    // People
    api(Get, "/api/v1/me", LOOK, "Who one is, and what one may do", || get(api::people::me))
        .gives(openapi::me),
    api(Get, "/api/v1/people", PEOPLE, "People", || get(api::people::people))
        .gives(openapi::people),
    api(Post, "/api/v1/people", PEOPLE, "Add a person", || post(api::people::add_person))
        .takes(of::<api::people::PersonBody>)
        .gives(openapi::person),
    api(
        Put,
        "/api/v1/people/{login}",
        PEOPLE,
        "Change a person's name or role, or disable them",
        || put(api::people::change_person),
    )
    .takes(of::<api::people::PersonChangeBody>)
    .gives(openapi::person),
    api(
        Put,
        "/api/v1/people/{login}/password",
        SELF,
        "Set a password: one's own, or as administrator anybody's",
        || put(api::people::set_password),
    )
    .takes(of::<api::people::PasswordBody>),
    api(Post, "/api/v1/sign-in-links", PEOPLE, "Make a one-time sign-in link", || {
        post(api::sign_in::sign_in_link)
    })
    .query(&[("login", "whom it signs in; left out: the first administrator")])
    .gives(openapi::object),
    api(Get, "/api/v1/tokens", SELF, "API tokens: one's own; an administrator sees all", || {
        get(api::people::tokens)
    })
    .gives(openapi::tokens),
    api(
        Post,
        "/api/v1/tokens",
        SELF,
        "Make an API token; its secret is in this reply only",
        || post(api::people::create_token),
    )
    .takes(of::<api::people::TokenBody>)
    .gives(openapi::token),
    api(Delete, "/api/v1/tokens/{id}", SELF, "Revoke an API token", || {
        delete(api::people::revoke_token)
    }),
    api(Get, "/api/v1/sessions", SELF, "Sessions: one's own; an administrator sees all", || {
        get(api::people::sessions)
    })
    .gives(openapi::sessions),
    api(Delete, "/api/v1/sessions/{id}", SELF, "End a session", || {
        delete(api::people::end_session)
    }),
    api(
        Post,
        "/api/v1/sign-in",
        Access::Public,
        "Sign in by password or one-time link; the session comes as a cookie",
        || post(api::sign_in::sign_in),
    )
    .takes(of::<api::sign_in::SignInBody>)
    .gives(openapi::object),
    api(Post, "/api/v1/sign-out", Access::Public, "End the session of the cookie", || {
        post(api::sign_in::sign_out)
    }),
    // Prove, run
    api(Get, "/api/v1/audit", Access::Act(Act::ReadAudit), "The audit log, newest first", || {
        get(api::installation::audit)
    })
    .query(&[("before", "entries before this number"), ("limit", "at most 1000")])
    .gives(openapi::audit),
    api(
        Get,
        "/api/v1/doctor",
        LOOK,
        "Is everything as it should be, and if not, what to do",
        || get(api::installation::doctor),
    )
    .gives(of::<Vec<app::diagnosis::Check>>),
    api(
        Post,
        "/api/v1/backup",
        Access::Act(Act::Backup),
        "Copy the data folder, on the machine itself",
        || post(api::installation::backup),
    )
    .takes(of::<api::installation::BackupBody>)
    .gives(openapi::object),
    api(Get, "/api/v1/openapi.json", Access::Public, "This document", || get(api::openapi))
        .gives(openapi::object),
    row(Kind::Plain, Get, "/healthz", Access::Public, "Whether the process answers", || {
        get(api::installation::healthz)
    }),
    row(Kind::Plain, Get, "/readyz", Access::Public, "Whether the store answers", || {
        get(api::installation::readyz)
    }),
    row(
        Kind::Plain,
        Get,
        "/metrics",
        LOOK,
        "OpenMetrics; needs a token or a session like everything else",
        || get(api::installation::metrics),
    ),
    row(
        Kind::Plain,
        Get,
        "/assets/{version}/{*name}",
        Access::Public,
        "Styles, scripts and icons",
        || get(assets::get),
    ),
    // The console
    page("/", LOOK, "Today", || get(today::page)),
    page("/identities", LOOK, "Identities", || get(sheets::identities)),
    form(
        "/identities/claim-owner",
        Access::Act(Act::ClaimOwner),
        "Claim chosen identities",
        || post(identity::claim_many),
    ),
    page("/identities/{id}", LOOK, "An identity: overview", || get(identity::overview)),
    page("/identities/{id}/credentials", LOOK, "An identity's credentials", || {
        get(identity::credentials)
    }),
    page("/identities/{id}/permissions", LOOK, "An identity's grants and trusts", || {
        get(identity::permissions)
    }),
    page("/identities/{id}/history", LOOK, "An identity's history", || get(identity::history)),
    page("/identities/{id}/evidence", LOOK, "The records behind an identity", || {
        get(identity::evidence)
    }),
    form(
        "/identities/{id}/claim-owner",
        Access::Act(Act::ClaimOwner),
        "Claim an identity's owner",
        || post(identity::claim),
    ),
    form(
        "/identities/{id}/withdraw-owner",
        Access::Act(Act::ClaimOwner),
        "Take a claim back",
        || post(identity::withdraw),
    ),
    page("/credentials", LOOK, "Credentials", || get(sheets::credentials)),
    page("/credentials/{id}", LOOK, "A credential", || get(credential::page)),
    page("/places", LOOK, "Places", || get(sheets::places)),
    page("/places/{id}", LOOK, "A place", || get(place::page)),
    page("/owners", LOOK, "Owners and orphans", || get(pages::owners)),
    page("/findings", LOOK, "Findings", || get(sheets::findings)),
    page("/findings/{id}", LOOK, "A finding", || get(findings_pages::page)),
    form("/findings/{id}", Access::Act(Act::HandleFinding), "Decide about a finding", || {
        post(findings_pages::decide)
    }),
    page("/coverage", LOOK, "What could not be read", || get(pages::coverage)),
    page("/coverage/gaps", LOOK, "Gaps", || get(sheets::gaps)),
    page("/sources", LOOK, "Sources", || get(sources::page)),
    form("/sources", SOURCES, "Add a source", || post(sources::add)),
    form("/sources/{id}/sync", Access::Act(Act::RunSync), "Sync a source", || post(sources::sync)),
    form("/sources/{id}/test", Access::Act(Act::TestSource), "Test a source", || {
        post(sources::test)
    }),
    form("/sources/{id}/remove", SOURCES, "Remove a source", || post(sources::remove)),
    page("/lint", LOOK, "Check a policy of AWS", || get(lint::page)),
    form("/lint", LOOK, "Check a policy of AWS", || post(lint::lint)),
    page("/changes", LOOK, "What changed between two days", || get(pages::changes)),
    page("/audit", Access::Act(Act::ReadAudit), "Audit log", || get(pages::audit)),
    page("/permissions", LOOK, "What identities may do", || get(permissions::page)),
    page("/search", LOOK, "Search results", || get(search::page)),
    page("/settings", SELF, "Settings", || get(settings::page)),
    form("/settings/people", PEOPLE, "Add a person", || post(settings::add_person)),
    form("/settings/people/{login}", PEOPLE, "Change a person", || post(settings::change_person)),
    form("/settings/password", SELF, "Set one's own password", || post(settings::set_password)),
    form("/settings/tokens", SELF, "Make a token", || post(settings::create_token)),
    form("/settings/tokens/{id}/revoke", SELF, "Revoke a token", || post(settings::revoke_token)),
    form("/settings/sessions/{id}/end", SELF, "End a session", || post(settings::end_session)),
    page("/sign-in", Access::Public, "Sign in", || get(sign_in::page)),
    form("/sign-in", Access::Public, "Sign in", || post(sign_in::sign_in)),
    form("/sign-out", Access::Public, "Sign out", || post(sign_in::sign_out)),
];

/// Every endpoint behind its gate.
pub(crate) fn routes(server: &Server) -> Router<Server> {
    ENDPOINTS.iter().fold(Router::new(), |router, endpoint| {
        let gate_state =
            Gate { server: server.clone(), access: endpoint.access, kind: endpoint.kind };
        let handler =
            (endpoint.handler)().layer(axum::middleware::from_fn_with_state(gate_state, gate));
        router.route(endpoint.path, handler)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_endpoint_is_listed_twice() {
        let mut seen: Vec<_> =
            ENDPOINTS.iter().map(|endpoint| (endpoint.path, endpoint.verb.name())).collect();
        seen.sort_unstable();
        let n = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), n);
    }

    #[test]
    fn only_these_are_open_to_everybody() {
        let open: Vec<_> = ENDPOINTS
            .iter()
            .filter(|endpoint| endpoint.access == Access::Public)
            .map(|endpoint| format!("{} {}", endpoint.verb.name(), endpoint.path))
            .collect();
        insta::assert_snapshot!(open.join("\n"), @r"
        POST /api/v1/sign-in
        POST /api/v1/sign-out
        GET /api/v1/openapi.json
        GET /healthz
        GET /readyz
        GET /assets/{version}/{*name}
        GET /sign-in
        POST /sign-in
        POST /sign-out
        ");
    }
}
