//! The JSON API: each handler reads the request, calls one function of `app`, writes the reply.

use std::time::Duration;

use app::access::Role;
use app::export::ExportFormat;
use app::findings::Decision;
use app::inventory::People;
use app::owners::NewClaim;
use app::people::{FirstAdministrator, PersonChange};
use app::sources::{SourceChange, SourceRequest};
use app::{Actor, App, Error, diagnosis, inventory, owners, people, sources, sync, today};
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use model::{Secret, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{CoverageOf, DiffKind, DiffQuery, List, ListQuery, TokenId};
use tokio_stream::wrappers::ReceiverStream;

use crate::address::{Address, beginning, list_of, moment};
use crate::browser::Bare;
use crate::listen::READER_PATIENCE;
use crate::problem::{Failure, OTHER_HOST, Reply};
use crate::server::{Server, room};
use crate::session::{Caller, session_of, set_cookie};
use crate::wire::{Json, empty, id, json, reply, typed};

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

things! { identity, "identity"; credential, "credential"; place, "place"; grant, "grant"; trust, "trust"; }

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

pub(crate) async fn sources(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| sources::list(app, &actor)).await?)
}

pub(crate) async fn source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let id = id(&text, "source")?;
    json(&server.ask(move |app| sources::get(app, &actor, id)).await?)
}

pub(crate) async fn add_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(request): Json<SourceRequest>,
) -> Reply {
    let now = server.now();
    let added = server.ask(move |app| sources::add(app, &actor, &request, now)).await?;
    reply(StatusCode::CREATED, &added)
}

pub(crate) async fn change_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Json(change): Json<SourceChange>,
) -> Reply {
    let (id, now) = (id(&text, "source")?, server.now());
    json(&server.ask(move |app| sources::change(app, &actor, id, &change, now)).await?)
}

pub(crate) async fn remove_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (id, now) = (id(&text, "source")?, server.now());
    json(&server.ask(move |app| sources::remove(app, &actor, id, now)).await?)
}

#[derive(Serialize)]
struct Tested {
    /// What the source saw, in one line.
    saw: String,
}

pub(crate) async fn test_source(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (id, now) = (id(&text, "source")?, server.now());
    let saw = server.ask(move |app| {
        sources::may_read(app, &actor, id)?;
        sync::test(app, &actor, id, now)
    });
    let saw = saw.await?;
    json(&Tested { saw: saw.into_owned() })
}

/// Begins a sync; with `wait=true` the reply comes when it ended.
pub(crate) async fn run_sync(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    RawQuery(raw): RawQuery,
) -> Reply {
    let id = id(&text, "source")?;
    let wait = parameter(raw.as_deref(), "wait").as_deref() == Some("true");
    let source = {
        let actor = actor.clone();
        server.ask(move |app| sources::may_read(app, &actor, id)).await?
    };
    let ended = begin_sync(&server, actor, id);
    if wait {
        return json(&ended.await.map_err(Error::internal)??);
    }
    reply(StatusCode::ACCEPTED, &source)
}

/// Runs a sync on a thread of its own, which shutdown waits for.
pub(crate) fn begin_sync(
    server: &Server,
    actor: Actor,
    id: model::SourceId,
) -> tokio::task::JoinHandle<Result<store::SyncSummary, Error>> {
    let server_ = server.clone();
    server.tasks.spawn_blocking(move || {
        let ended = sync::run(&server_.app, &actor, id, &server_.config.clock);
        match &ended {
            Ok(_) => server_.metrics.sync_ended("published"),
            Err(error) => {
                server_.metrics.sync_ended("failed");
                tracing::warn!(source = %id, code = error.code, "sync: {}", error.message);
            }
        }
        ended
    })
}

pub(crate) async fn connectors() -> Reply {
    json(&sources::connectors())
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
            "only records have differences: identities, credentials, places, grants, trusts, owners",
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

/// Pieces of an export that may wait for a slow reader.
const MAX_WAITING_PIECES: usize = 8;

pub(crate) async fn export(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(list): Path<String>,
    RawQuery(raw): RawQuery,
) -> Reply {
    let list = list_of(&list)?;
    let mut query = Address::parse("", raw.as_deref())?.asked(list);
    query.after = None;
    let (format, kind, extension) = match parameter(raw.as_deref(), "format").as_deref() {
        None | Some("json") => (ExportFormat::Json, "application/jsonl", "jsonl"),
        Some("csv") => (ExportFormat::Csv, "text/csv; charset=utf-8", "csv"),
        Some(other) => {
            return Err(Error::invalid("format", format!("`{other}` is not json or csv")).into());
        }
    };
    let room = room(&server.exports, "exports")?;
    // A question that is refused is a problem, not a file that ends at once.
    {
        let (actor, query) = (actor.clone(), ListQuery { limit: 1, ..query.clone() });
        server.ask(move |app| first_row(app, &actor, list, &query)).await?;
    }
    let (sender, receiver) =
        tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(MAX_WAITING_PIECES);
    let app = server.app.clone();
    let runtime = tokio::runtime::Handle::current();
    server.tasks.spawn_blocking(move || {
        let _room = room;
        let send = |piece| {
            let sent = tokio::time::timeout(READER_PATIENCE, sender.send(piece));
            matches!(runtime.block_on(sent), Ok(Ok(())))
        };
        let ended = app::export::export(&app, &actor, list, &query, format, &mut |text| {
            send(Ok(Bytes::from(text)))
        });
        if let Err(error) = ended {
            tracing::warn!(code = error.code, "export: {}", error.message);
            // The connection is cut, so that nobody takes a part for the whole.
            send(Err(std::io::Error::other("the export failed")));
        }
    });
    let mut response =
        typed(StatusCode::OK, kind, Body::from_stream(ReceiverStream::new(receiver)));
    let disposition = format!("attachment; filename=\"{}.{extension}\"", list.name());
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn first_row(app: &App, actor: &Actor, list: List, query: &ListQuery) -> Result<(), Error> {
    match list {
        List::Identities => inventory::identities(app, actor, query, &[]).map(drop),
        List::Credentials => inventory::credentials(app, actor, query, &[]).map(drop),
        List::Places => inventory::places(app, actor, query, &[]).map(drop),
        List::Grants => inventory::grants(app, actor, query, &[]).map(drop),
        List::Trusts => inventory::trusts(app, actor, query, &[]).map(drop),
        List::Owners => inventory::owner_links(app, actor, query, &[]).map(drop),
        List::Findings => inventory::findings(app, actor, query, &[]).map(drop),
        List::Syncs => inventory::syncs(app, actor, query, &[]).map(drop),
        List::Gaps => inventory::gaps(app, actor, query, &[]).map(drop),
    }
}

pub(crate) async fn people(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| people::list(app, &actor)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PersonBody {
    /// What they sign in with.
    login: String,
    name: String,
    #[schemars(with = "String")]
    role: Role,
    /// None: they sign in by a link first.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    password: Option<Secret<String>>,
}

pub(crate) async fn add_person(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(body): Json<PersonBody>,
) -> Reply {
    let now = server.now();
    let added = server.ask(move |app| {
        people::add(app, &actor, &body.login, &body.name, body.role, body.password.as_ref(), now)
    });
    reply(StatusCode::CREATED, &added.await?)
}

/// What is left out stays.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PersonChangeBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    role: Option<Role>,
    #[serde(default)]
    disabled: Option<bool>,
}

pub(crate) async fn change_person(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(login): Path<String>,
    Json(body): Json<PersonChangeBody>,
) -> Reply {
    let now = server.now();
    let change = PersonChange { name: body.name, role: body.role, disabled: body.disabled };
    json(&server.ask(move |app| people::change(app, &actor, &login, &change, now)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasswordBody {
    /// Asked for when it is one's own.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    current: Option<Secret<String>>,
    #[schemars(with = "String")]
    new: Secret<String>,
}

pub(crate) async fn set_password(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(login): Path<String>,
    Json(body): Json<PasswordBody>,
) -> Reply {
    set_password_of(&server, actor, login, body.current, body.new).await?;
    Ok(empty())
}

/// Guesses of a current password are counted as attempts to sign in are: whoever found a session
/// must not find the password by it.
pub(crate) async fn set_password_of(
    server: &Server,
    actor: Actor,
    login: String,
    current: Option<Secret<String>>,
    new: Secret<String>,
) -> Result<(), Failure> {
    let now = server.now();
    let guess = current.is_some().then(|| format!("current password of {}", actor.name));
    if let Some(guess) = &guess {
        server.throttle.attempt(guess, now)?;
    }
    let set = server
        .ask(move |app| people::set_password(app, &actor, &login, current.as_ref(), &new, now));
    set.await?;
    if let Some(guess) = &guess {
        server.throttle.forgive(guess);
    }
    Ok(())
}

#[derive(Serialize)]
struct LinkReply {
    /// Put it after `#` of `/sign-in`.
    token: String,
    path: String,
    /// Where a browser on this machine opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    expires_at: Time,
}

/// A sign-in link for a person; without a name, for the first administrator.
pub(crate) async fn sign_in_link(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let (login, now) = (parameter(raw.as_deref(), "login"), server.now());
    let link =
        server.ask(move |app| people::sign_in_link(app, &actor, login.as_deref(), now)).await?;
    let token = link.reveal().clone();
    let path = format!("/sign-in#{token}");
    reply(
        StatusCode::CREATED,
        &LinkReply {
            token,
            address: server.config.home.as_ref().map(|home| format!("http://{home}{path}")),
            path,
            expires_at: now.plus(people::LINK_LIFETIME),
        },
    )
}

pub(crate) async fn tokens(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    json(&server.ask(move |app| people::tokens(app, &actor)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TokenBody {
    name: String,
    #[schemars(with = "String")]
    role: Role,
    /// How long it is good for, in days.
    days: u32,
}

#[derive(Serialize)]
struct TokenReply {
    #[serde(flatten)]
    token: store::ApiToken,
    /// Shown this once.
    secret: String,
}

/// A day in seconds.
pub(crate) const DAY_S: u64 = 24 * 60 * 60;

pub(crate) async fn create_token(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(body): Json<TokenBody>,
) -> Reply {
    let now = server.now();
    let lifetime = Duration::from_secs(u64::from(body.days) * DAY_S);
    let issued = server
        .ask(move |app| people::create_token(app, &actor, &body.name, body.role, lifetime, now))
        .await?;
    reply(
        StatusCode::CREATED,
        &TokenReply { secret: issued.secret.reveal().clone(), token: issued.token },
    )
}

pub(crate) async fn revoke_token(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Reply {
    let (token, now) = (TokenId(id(&text, "token")?), server.now());
    server.ask(move |app| people::revoke_token(app, &actor, token, now)).await?;
    Ok(empty())
}

pub(crate) async fn sessions(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let now = server.now();
    json(&server.ask(move |app| people::sessions(app, &actor, now)).await?)
}

pub(crate) async fn end_session(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(session): Path<String>,
) -> Reply {
    let now = server.now();
    server.ask(move |app| people::end_session(app, &actor, &session, now)).await?;
    Ok(empty())
}

pub(crate) async fn audit(
    State(server): State<Server>,
    Caller(actor): Caller,
    RawQuery(raw): RawQuery,
) -> Reply {
    let number =
        |name: &str| parameter(raw.as_deref(), name).and_then(|text| text.parse::<i64>().ok());
    let limit = number("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(AUDIT_PAGE);
    let before = number("before");
    json(&server.ask(move |app| app::audit::list(app, &actor, before, limit)).await?)
}

/// Entries of a page of the audit log when the caller does not say.
pub(crate) const AUDIT_PAGE: usize = 100;

pub(crate) async fn doctor(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let now = server.now();
    json(&server.ask(move |app| diagnosis::diagnose(app, &actor, now)).await?)
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct BackupBody {
    /// A folder that is not there yet, as an absolute path on the server's machine.
    to: String,
}

pub(crate) async fn backup(
    State(server): State<Server>,
    Caller(actor): Caller,
    Json(body): Json<BackupBody>,
) -> Reply {
    let now = server.now();
    let made = server.ask(move |app| app::backup::backup(app, &actor, body.to.as_ref(), now));
    reply(StatusCode::CREATED, &made.await?)
}

pub(crate) async fn me(Caller(actor): Caller) -> Reply {
    json(&people::me(&actor))
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct SignInBody {
    /// The token of a one-time link; instead of login and password.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) link: Option<Secret<String>>,
    /// With a link of an empty installation: who the first administrator is.
    #[serde(default)]
    pub(crate) login: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default = "no_password")]
    #[schemars(with = "String")]
    pub(crate) password: Secret<String>,
}

fn no_password() -> Secret<String> {
    Secret::new(String::new())
}

#[derive(Serialize)]
struct SignedInReply {
    login: String,
    name: String,
    role: Role,
    expires_at: Time,
}

/// Signs in and gives back the session as a cookie.
pub(crate) async fn sign_in(
    State(server): State<Server>,
    bare: Option<Extension<Bare>>,
    headers: HeaderMap,
    Json(body): Json<SignInBody>,
) -> Reply {
    if bare.is_some() {
        let message = "no session is kept at a bare loopback address";
        return Err(Error::new(app::Kind::Invalid, OTHER_HOST, message)
            .hint("use the address that `tutela up` printed, or a token")
            .into());
    }
    let signed_in = sign_in_with(&server, &headers, body).await?;
    let person = &signed_in.person;
    let mut response = json(&SignedInReply {
        login: person.login.clone(),
        name: person.name.clone(),
        role: person.role,
        expires_at: signed_in.expires_at,
    })?;
    keep_session(&server, &signed_in, &mut response)?;
    Ok(response)
}

pub(crate) fn keep_session(
    server: &Server,
    signed_in: &people::SignedIn,
    response: &mut Response<Body>,
) -> Result<(), Failure> {
    let cookie =
        set_cookie(&signed_in.session, signed_in.expires_at, server.now(), server.config.https)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("a session that is no header value")))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(())
}

pub(crate) async fn sign_in_with(
    server: &Server,
    headers: &HeaderMap,
    body: SignInBody,
) -> Result<people::SignedIn, Failure> {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("not said")
        .to_owned();
    match body.link {
        Some(link) => {
            sign_in_by_link(server, link, body.login, body.name, body.password, agent).await
        }
        None => sign_in_by_password(server, body.login, body.password, agent).await,
    }
}

async fn sign_in_by_password(
    server: &Server,
    login: String,
    password: Secret<String>,
    agent: String,
) -> Result<people::SignedIn, Failure> {
    let now = server.now();
    let login = login.trim().to_owned();
    server.throttle.attempt(&login, now)?;
    let throttled = login.clone();
    let signed_in =
        server.ask(move |app| people::sign_in(app, &login, &password, &agent, now)).await?;
    server.throttle.forgive(&throttled);
    Ok(signed_in)
}

/// Only links that are not valid count: nobody who guesses can keep out who holds one.
async fn sign_in_by_link(
    server: &Server,
    link: Secret<String>,
    login: String,
    name: String,
    password: Secret<String>,
    agent: String,
) -> Result<people::SignedIn, Failure> {
    let now = server.now();
    let asked = link.clone();
    if !server.ask(move |app| people::is_link(app, &asked, now)).await? {
        let prefix: String = link.reveal().chars().take(LINK_PREFIX_CHARS).collect();
        server.links.attempt(&prefix, now)?;
    }
    let login = login.trim().to_owned();
    let first = (!login.is_empty()).then(|| FirstAdministrator {
        name: if name.trim().is_empty() { login.clone() } else { name.trim().to_owned() },
        login,
        password,
    });
    server.ask(move |app| people::use_link(app, &link, first.as_ref(), &agent, now)).await
}

/// Of a link that is not valid: tells the attempts with it from those with others.
const LINK_PREFIX_CHARS: usize = 8;

pub(crate) async fn sign_out(State(server): State<Server>, headers: HeaderMap) -> Reply {
    end_own_session(&server, &headers).await?;
    let mut response = empty();
    forget_session(&server, &mut response);
    Ok(response)
}

pub(crate) async fn end_own_session(server: &Server, headers: &HeaderMap) -> Result<(), Failure> {
    if let Some(session) = session_of(headers, server.config.https) {
        server.ask(move |app| people::sign_out(app, &session)).await?;
    }
    Ok(())
}

pub(crate) fn forget_session(server: &Server, response: &mut Response<Body>) {
    let now = server.now();
    let nothing = Secret::new(String::new());
    if let Some(cookie) = set_cookie(&nothing, now, now, server.config.https) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

pub(crate) async fn openapi() -> Reply {
    json(crate::openapi::document())
}

/// Alive: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the store answers.
pub(crate) async fn readyz(State(server): State<Server>) -> Reply {
    server.ask(people::has_administrator).await?;
    Ok(typed(StatusCode::OK, "text/plain; charset=utf-8", "ready\n"))
}

pub(crate) async fn metrics(State(server): State<Server>, Caller(actor): Caller) -> Reply {
    let shared = server.clone();
    server
        .ask(move |app| {
            for list in [List::Identities, List::Credentials, List::Places] {
                let query = ListQuery { limit: 1, ..ListQuery::default() };
                let query = inventory::asked(list, &query, People::LeftOut);
                let total = match list {
                    List::Identities => inventory::identities(app, &actor, &query, &[])?.total,
                    List::Credentials => inventory::credentials(app, &actor, &query, &[])?.total,
                    _ => inventory::places(app, &actor, &query, &[])?.total,
                };
                if let Some(total) = total {
                    shared.metrics.records(list.name(), total);
                }
            }
            Ok(())
        })
        .await?;
    Ok(typed(
        StatusCode::OK,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        server.metrics.text(),
    ))
}
