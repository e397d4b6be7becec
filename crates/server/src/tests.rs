//! Who may come in where: every endpoint of the table against every sort of caller.

use std::collections::BTreeSet;
use std::time::Duration;

use app::access::Role;
use app::{Actor, App, Via, people};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use model::{Secret, Time};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::router::{MAX_REQUESTS, MAX_SLOW_BODIES, with_state};
use crate::routes::{Access, ENDPOINTS, Kind, Verb};
use crate::server::{Config, MAX_QUESTIONS, Server};
use crate::throttle::{MAX_OVERALL, MAX_PER_NAME};
use crate::turns::MAX_PER_PERSON;
use crate::wire::BODY_TIMEOUT;

const HOST: &str = "127.0.0.1:7878";

fn now() -> Time {
    Time::from_seconds(1_795_000_000)
}

struct World {
    app: App,
    router: axum::Router,
    server: Server,
    tokens: Vec<(Role, String)>,
    revoked: String,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(folder.path().join("data"), "test", now()).unwrap();
    let local = Actor::local(0, "test");
    people::add(&app, &local, "ada", "Ada", Role::Administrator, None, now()).unwrap();
    let token = |name: &str, role: Role| {
        people::create_token(&app, &local, name, role, Duration::from_hours(1), now()).unwrap()
    };
    let tokens =
        Role::ALL.map(|role| (role, token(role.name(), role).secret.reveal().clone())).to_vec();
    let ended = token("ended", Role::Administrator);
    people::revoke_token(&app, &local, ended.token.id, now()).unwrap();
    let config = Config { hosts: BTreeSet::from([HOST.to_owned()]), ..Config::in_process(now) };
    let server = Server::new(app.clone(), config, CancellationToken::new());
    let router = with_state(&server);
    World { app, router, server, tokens, revoked: ended.secret.reveal().clone(), _folder: folder }
}

impl World {
    async fn ask(&self, verb: Verb, path: &str, headers: &[(&str, &str)]) -> StatusCode {
        self.send(verb, path, headers, "").await
    }

    async fn send(
        &self,
        verb: Verb,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> StatusCode {
        let mut request = Request::builder().method(verb.name()).uri(path).header("host", HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status()
    }
}

/// The path with something in place of each parameter that is no id of anything.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "nothing" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// A token would make its holder more than the token, or end what others hold.
const NEVER_BY_TOKEN: [&str; 3] =
    ["/api/v1/sign-in-links", "/api/v1/sessions/{id}", "/settings/sessions/{id}/end"];

#[tokio::test]
async fn every_endpoint_lets_in_whom_its_row_says() {
    let world = world();
    for endpoint in ENDPOINTS {
        let (verb, path) = (endpoint.verb, filled(endpoint.path));
        let name = format!("{} {path}", verb.name());
        let Access::Act(act) = endpoint.access else {
            let status = world.ask(verb, &path, &[]).await;
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{name}");
            continue;
        };
        let expected = match (endpoint.kind, verb) {
            (Kind::Page, Verb::Get) => StatusCode::SEE_OTHER,
            (_, Verb::Get) => StatusCode::UNAUTHORIZED,
            // A write without any sign of where it comes from.
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(world.ask(verb, &path, &[]).await, expected, "{name} by nobody");
        let forged = [("cookie", "tutela_session=made-up"), ("origin", "https://evil.example")];
        assert_eq!(world.ask(verb, &path, &forged).await, expected, "{name} by a made-up session");
        let revoked = format!("Bearer {}", world.revoked);
        let status = world.ask(verb, &path, &[("authorization", &revoked)]).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::SEE_OTHER];
        assert!(refused.contains(&status), "{name} by a revoked token: {status}");
        for (role, token) in &world.tokens {
            let status =
                world.ask(verb, &path, &[("authorization", &format!("Bearer {token}"))]).await;
            let who = format!("{name} by {}: {status}", role.name());
            if *role < act.least_role() || NEVER_BY_TOKEN.contains(&endpoint.path) {
                assert_eq!(status, StatusCode::FORBIDDEN, "{who}");
            } else {
                assert_ne!(status, StatusCode::UNAUTHORIZED, "{who}");
                assert_ne!(status, StatusCode::FORBIDDEN, "{who}");
                assert!(!status.is_server_error(), "{who}");
            }
        }
    }
}

#[tokio::test]
async fn a_session_cannot_guess_the_password_behind_it() {
    let world = world();
    let local = Actor::local(0, "test");
    let password = Secret::new("correct horse battery staple".to_owned());
    let app = &world.app;
    people::add(app, &local, "bob", "Bob", Role::Viewer, Some(&password), now()).unwrap();
    let session = people::sign_in(app, "bob", &password, "test", now()).unwrap().session;
    let cookie = format!("tutela_session={}", session.reveal());
    let guess = || async {
        let origin = format!("http://{HOST}");
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", &origin),
            ("x-tutela-request", "1"),
            ("content-type", "application/json"),
        ];
        let body = r#"{"current":"a guess","new":"correct horse battery"}"#;
        world.send(Verb::Put, "/api/v1/people/bob/password", &headers, body).await
    };
    for _ in 0..MAX_PER_NAME {
        assert_eq!(guess().await, StatusCode::FORBIDDEN);
    }
    assert_eq!(guess().await, StatusCode::TOO_MANY_REQUESTS);
    people::sign_in(app, "bob", &password, "test", now()).unwrap();
}

#[tokio::test]
async fn setting_the_password_of_another_takes_no_guess_back() {
    let world = world();
    let local = Actor::local(0, "test");
    let password = Secret::new("correct horse battery staple".to_owned());
    let app = &world.app;
    let eve = Role::Administrator;
    people::add(app, &local, "eve", "Eve", eve, Some(&password), now()).unwrap();
    people::add(app, &local, "bob", "Bob", Role::Viewer, None, now()).unwrap();
    let session = people::sign_in(app, "eve", &password, "test", now()).unwrap().session;
    let cookie = format!("tutela_session={}", session.reveal());
    let set = async |login: &str| {
        let origin = format!("http://{HOST}");
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", &origin),
            ("x-tutela-request", "1"),
            ("content-type", "application/json"),
        ];
        let body = r#"{"current":"a guess","new":"correct horse battery"}"#;
        world.send(Verb::Put, &format!("/api/v1/people/{login}/password"), &headers, body).await
    };
    for _ in 0..MAX_PER_NAME {
        assert_eq!(set("eve").await, StatusCode::FORBIDDEN);
        assert_eq!(set("bob").await, StatusCode::NO_CONTENT);
    }
    assert_eq!(set("eve").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(set("bob").await, StatusCode::NO_CONTENT, "that is no guess");
}

/// Requests of strangers that never end are not worked on, so they take nobody's place.
#[tokio::test]
async fn half_sent_requests_keep_nobody_out() {
    tokio::time::pause();
    let world = world();
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..MAX_REQUESTS + MAX_SLOW_BODIES {
        let pending = Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let request = Request::post("/api/v1/sign-in")
            .header("host", HOST)
            .header("origin", format!("http://{HOST}"))
            .header("x-tutela-request", "1")
            .header("content-type", "application/json")
            .body(pending)
            .unwrap();
        held.spawn(world.router.clone().oneshot(request));
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let viewer = format!("Bearer {}", world.tokens[0].1);
    let bearer = [("authorization", viewer.as_str())];
    assert_eq!(world.ask(Verb::Get, "/readyz", &[]).await, StatusCode::OK);
    assert_eq!(world.ask(Verb::Get, "/api/v1/me", &bearer).await, StatusCode::OK);
    let origin = format!("http://{HOST}");
    let headers = [
        ("origin", origin.as_str()),
        ("x-tutela-request", "1"),
        ("content-type", "application/json"),
    ];
    let body = r#"{"login":"ada","password":"wrong"}"#;
    let status = world.send(Verb::Post, "/api/v1/sign-in", &headers, body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(held.try_join_next().is_none(), "they still wait");
    let began = tokio::time::Instant::now();
    let first = held.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(first.status(), StatusCode::BAD_REQUEST);
    assert!(began.elapsed() < BODY_TIMEOUT, "beyond {MAX_SLOW_BODIES} there is less patience");
}

#[tokio::test]
async fn one_person_keeps_nobody_else_out() {
    tokio::time::pause();
    let world = world();
    let app = &world.app;
    let bob = people::add(app, &Actor::local(0, "test"), "bob", "Bob", Role::Viewer, None, now());
    let bob = Actor {
        name: "bob".into(),
        role: Role::Viewer,
        via: Via::Session { person: bob.unwrap().id.0 },
    };
    let viewer = format!("Bearer {}", world.tokens[0].1);
    let bearer = [("authorization", viewer.as_str())];
    let ada = app.store.person_by_login("ada").unwrap().unwrap().id;
    let mut held = Vec::new();
    for _ in 0..MAX_PER_PERSON {
        held.push(world.server.turns.take(ada, false).await.unwrap());
    }
    let by = |actor: &Actor| {
        let mut request =
            Request::get("/api/v1/identities").header("host", HOST).body(Body::empty()).unwrap();
        request.extensions_mut().insert(actor.clone());
        world.router.clone().oneshot(request)
    };
    let ada = Actor { name: "ada".into(), via: Via::Token { id: 1, person: ada.0 }, ..bob.clone() };
    let refused = by(&ada).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(world.ask(Verb::Get, "/api/v1/me", &bearer).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(by(&bob).await.unwrap().status(), StatusCode::OK);
    held.clear();
    assert_eq!(by(&ada).await.unwrap().status(), StatusCode::OK);
}

/// Whatever is asked, the way in and out and what watches over the server have room.
#[tokio::test]
async fn the_door_has_room_when_all_questions_are_under_way() {
    let world = world();
    let all = u32::try_from(MAX_QUESTIONS).unwrap();
    let _held = world.server.questions.acquire_many(all).await.unwrap();
    for path in ["/healthz", "/readyz", "/sign-in"] {
        assert_eq!(world.ask(Verb::Get, path, &[]).await, StatusCode::OK, "{path}");
    }
    let origin = format!("http://{HOST}");
    let headers = [
        ("origin", origin.as_str()),
        ("x-tutela-request", "1"),
        ("content-type", "application/json"),
    ];
    let link = people::sign_in_link(&world.app, &Actor::local(0, "test"), Some("ada"), now());
    let body = format!("{{\"link\":\"{}\"}}", link.unwrap().reveal());
    let status = world.send(Verb::Post, "/api/v1/sign-in", &headers, body).await;
    assert_eq!(status, StatusCode::OK);
    let status = world.send(Verb::Post, "/api/v1/sign-out", &headers, "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn refusals_are_in_the_audit_log() {
    let world = world();
    let viewer = format!("Bearer {}", world.tokens[0].1);
    let forged = [("cookie", "tutela_session=x"), ("origin", "https://evil.example")];
    for _ in 0..3 {
        world.ask(Verb::Get, "/api/v1/people", &[]).await;
        world.ask(Verb::Get, "/api/v1/people", &[("authorization", &viewer)]).await;
        world.ask(Verb::Get, "/api/v1/people", &[("authorization", "Bearer made-up")]).await;
        world.ask(Verb::Post, "/api/v1/claims", &forged).await;
        world.ask(Verb::Get, "/", &[]).await;
    }
    let log = app::audit::list(&world.app, &Actor::local(0, "test"), None, 10).unwrap();
    let refused: Vec<String> = log
        .iter()
        .filter(|record| record.entry.detail.get("refused").is_some())
        .map(|record| {
            let entry = &record.entry;
            format!("{} {} {} {}", entry.actor, entry.act, entry.subject, entry.detail["code"])
        })
        .collect();
    insta::assert_snapshot!(refused.join("\n"), @r#"
    nobody request POST /api/v1/claims "foreign-origin"
    ada (token 1) manage-people GET /api/v1/people "role-too-low"
    nobody manage-people GET /api/v1/people "not-signed-in"
    "#);
}

/// A cookie of `127.0.0.1` goes to every program of the machine that a browser is sent to.
#[tokio::test]
async fn no_session_is_kept_at_a_bare_loopback_address() {
    const HOME: &str = "x.localhost:7878";
    let world = world();
    let local = Actor::local(0, "test");
    let password = Secret::new("correct horse battery staple".to_owned());
    people::add(&world.app, &local, "bob", "Bob", Role::Viewer, Some(&password), now()).unwrap();
    let config = Config {
        hosts: BTreeSet::from([HOST.to_owned(), HOME.to_owned()]),
        bare: BTreeSet::from([HOST.to_owned()]),
        home: Some(HOME.to_owned()),
        ..Config::in_process(now)
    };
    let server = Server::new(world.app.clone(), config, CancellationToken::new());
    let router = with_state(&server);
    let send = async |host: &str, path: &str, cookie: &str, form: &str| {
        let method = if form.is_empty() { "GET" } else { "POST" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .header("origin", format!("http://{host}"))
            .header("hx-request", "true")
            .header("cookie", cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let header = |response: &axum::http::Response<Body>, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let form = "login=bob&password=correct+horse+battery+staple&to=%2Fidentities";
    let response = send(HOST, "/sign-in", "", form).await;
    assert_eq!(header(&response, "set-cookie"), None);
    let door = header(&response, "hx-redirect").unwrap();
    let link = door.strip_prefix("http://x.localhost:7878/sign-in?to=%2Fidentities#").unwrap();
    let response = send(HOME, "/sign-in", "", &format!("link={link}&to=%2Fidentities")).await;
    assert_eq!(header(&response, "hx-redirect").unwrap(), "/identities");
    let cookie = header(&response, "set-cookie").unwrap();
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(send(HOME, "/api/v1/me", cookie, "").await.status(), StatusCode::OK);
    let refused = send(HOST, "/api/v1/me", cookie, "").await.status();
    assert_eq!(refused, StatusCode::UNAUTHORIZED, "the cookie is not looked at");
    let failed = send(HOST, "/sign-in", "", "login=bob&password=wrong").await;
    assert_eq!(header(&failed, "hx-redirect"), None, "the name is not told");
}

#[tokio::test]
async fn links_that_strangers_guess_keep_nobody_out() {
    let world = world();
    let origin = format!("http://{HOST}");
    let sign_in = async |link: &str| {
        let body = format!("{{\"link\":\"{link}\"}}");
        let headers = [
            ("origin", origin.as_str()),
            ("x-tutela-request", "1"),
            ("content-type", "application/json"),
        ];
        world.send(Verb::Post, "/api/v1/sign-in", &headers, body).await
    };
    for _ in 0..MAX_PER_NAME {
        assert_eq!(sign_in("the-same-link").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(sign_in("the-same-link").await, StatusCode::TOO_MANY_REQUESTS);
    let mut refused = StatusCode::OK;
    for n in 0..MAX_OVERALL {
        refused = sign_in(&format!("{n:08}")).await;
    }
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
    let local = Actor::local(0, "test");
    let link = people::sign_in_link(&world.app, &local, Some("ada"), now()).unwrap();
    assert_eq!(sign_in(link.reveal()).await, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    tokio::time::pause();
    let world = world();
    let token = format!("Bearer {}", world.tokens[3].1);
    let request = Request::post("/api/v1/claims?wait=true")
        .header("host", HOST)
        .header("authorization", token)
        .header("content-type", "application/json")
        .body(Body::from_stream(tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>()))
        .unwrap();
    let status = world.router.clone().oneshot(request).await.unwrap().status();
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_went_away_makes_no_room_while_its_question_runs() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(folder.path().join("data"), "test", now()).unwrap();
    let server = Server::new(app, Config::in_process(now), CancellationToken::new());
    let (begun, mut begins) = tokio::sync::mpsc::channel(1);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let asking = {
        let server = server.clone();
        server.tasks.clone().spawn(async move {
            let question = move |_: &App| {
                begun.blocking_send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            };
            drop(server.ask(question).await);
        })
    };
    begins.recv().await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    assert_eq!(server.questions.available_permits(), MAX_QUESTIONS - 1);
    release.send(()).unwrap();
    drop(server.questions.acquire_many(MAX_QUESTIONS.try_into().unwrap()).await.unwrap());
}

#[tokio::test]
async fn other_names_and_foreign_pages_are_refused() {
    let world = world();
    let request =
        |host: &str| Request::get("/healthz").header("host", host).body(Body::empty()).unwrap();
    let basic = [("authorization", "Basic YTpi"), ("origin", "https://evil.example")];
    let status = world.ask(Verb::Post, "/sign-out", &basic).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "a browser sends names and passwords by itself");
    let status = world.router.clone().oneshot(request("evil.example:7878")).await.unwrap().status();
    assert_eq!(status, StatusCode::MISDIRECTED_REQUEST);
    let response = world.router.clone().oneshot(request(HOST)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("content-security-policy"));
}

#[test]
fn the_document_names_every_api_endpoint() {
    let document = crate::openapi::document();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.kind == Kind::Api) {
        let operation = &document["paths"][endpoint.path][endpoint.verb.name().to_lowercase()];
        assert!(operation["operationId"].is_string(), "{}", endpoint.path);
        if let Some(shape) = endpoint.reply {
            jsonschema::validator_for(&crate::openapi::reply_schema(shape)).unwrap();
        }
    }
}

#[test]
fn the_document_hangs_together() {
    fn references<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
        match value {
            serde_json::Value::Object(map) => {
                found.extend(map.get("$ref").and_then(|to| to.as_str()));
                for value in map.values() {
                    references(value, found);
                }
            }
            serde_json::Value::Array(list) => {
                for value in list {
                    references(value, found);
                }
            }
            _ => {}
        }
    }
    let document = crate::openapi::document();
    let mut found = Vec::new();
    references(document, &mut found);
    for to in found {
        let pointer = to.strip_prefix('#').unwrap_or_else(|| panic!("{to} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{to} is not there");
    }
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let Some(name) = operation["operationId"].as_str() else { continue };
            assert!(names.insert(name), "two operations are {name}");
            assert!(!operation["responses"].as_object().unwrap().is_empty(), "{verb} {path}");
            let declared: Vec<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .chain(item["parameters"].as_array().into_iter().flatten())
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let wanted: Vec<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(declared, wanted, "{verb} {path}");
        }
    }
}
