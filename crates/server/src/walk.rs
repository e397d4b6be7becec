//! Walks every link of every page over a made-up estate, as each role, and judges what it meets.

use std::collections::{BTreeSet, VecDeque};

use app::access::Role;
use app::{Actor, App};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use demo::Plan;
use model::Time;
use store::NewSource;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::router::with_state;
use crate::server::{Config, Server};

const HOST: &str = "127.0.0.1:7878";
/// Of one page shape, such as `/identities/{id}` or a list with a filter.
const MAX_OF_A_SHAPE: usize = 4;
const MAX_PAGE_BYTES: usize = 8 << 20;

fn now() -> Time {
    Time::from_seconds(1_795_000_000)
}

fn filled(folder: &std::path::Path) -> App {
    let app = App::open(folder.join("data"), "test", now()).unwrap();
    let plan = Plan { identities: 40, ..Plan::new(now()) };
    for made_up in demo::SOURCES {
        let new = NewSource {
            connector: made_up.connector.into(),
            name: made_up.name.into(),
            settings: "{}".into(),
            every_s: None,
        };
        let source = app.store.add_source(&new, now()).unwrap();
        let mut writer = app.store.begin_sync(source.id, now()).unwrap();
        for batch in demo::batches(&plan, made_up) {
            writer.put(&batch).unwrap();
        }
        writer.publish(now()).unwrap();
    }
    app.warm().unwrap();
    app::estate::refresh(&app, now()).unwrap();
    app
}

/// The values of an attribute, as a browser reads them.
fn values<'a>(page: &'a str, attribute: &'a str) -> impl Iterator<Item = String> + 'a {
    page.split(attribute).skip(1).filter_map(|rest| {
        let value = rest.strip_prefix("=\"")?.split('"').next()?;
        Some(value.replace("&#38;", "&").replace("&amp;", "&"))
    })
}

/// What two addresses have in common when the same handler and the same sort of query make them.
fn shape(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path: Vec<&str> =
        path.split('/').map(|part| if part.contains('_') { "one" } else { part }).collect();
    let names: BTreeSet<&str> =
        query.split('&').map(|pair| pair.split('=').next().unwrap_or(pair)).collect();
    format!("{}?{}", path.join("/"), names.into_iter().collect::<Vec<_>>().join("&"))
}

/// What the content policy would stop, and fields without a name.
fn faults(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (start, _) in page.match_indices('<') {
        let (before, after) = page.split_at(start);
        let tag = after.split('>').next().unwrap_or_default();
        let name = tag.trim_start_matches('<').split_whitespace().next().unwrap_or_default();
        // Values may hold anything; names of attributes stand before `="`.
        for attribute in tag.split("=\"").filter_map(|part| part.rsplit([' ', '\n', '"']).next()) {
            if attribute == "style" || attribute.starts_with("on") {
                faults.push(format!("{attribute} in {tag}"));
            }
        }
        if name == "script" && !tag.contains(" src=\"") {
            faults.push(format!("inline {tag}"));
        }
        let is_field = matches!(name, "input" | "select" | "textarea")
            && !["hidden", "submit"].iter().any(|kind| tag.contains(&format!("type=\"{kind}\"")));
        if is_field {
            let is_within = before.rfind("<label") > before.rfind("</label");
            let has_label = values(tag, " id")
                .any(|id| page.contains(&format!("for=\"{id}\"")) || id.is_empty());
            if !is_within && !has_label && !tag.contains("aria-label") {
                faults.push(format!("no label for {tag}"));
            }
        }
    }
    faults
}

#[test]
fn faults_are_seen() {
    let check = |page: &str, n: usize| assert_eq!(faults(page).len(), n, "{page}");
    check("<p class=\"on\">style=on</p>", 0);
    check("<p style=\"color:red\">", 1);
    check("<p onclick=\"x()\">", 1);
    check("<script>x()</script>", 1);
    check("<script src=\"/a.js\"></script>", 0);
    check("<input name=\"q\">", 1);
    check("<label for=\"q\">Q</label><input id=\"q\">", 0);
    check("<label>Q <input name=\"q\"></label>", 0);
    check("<input type=\"hidden\" name=\"q\">", 0);
}

#[tokio::test]
async fn no_link_of_any_page_leads_to_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { hosts: BTreeSet::from([HOST.to_owned()]), ..Config::in_process(now) };
    let app = filled(folder.path());
    let local = Actor::local(0, "test");
    app::people::add(&app, &local, "ada", "Ada", Role::Administrator, None, now()).unwrap();
    let tokens = Role::ALL.map(|role| {
        let hour = std::time::Duration::from_hours(1);
        let made = app::people::create_token(&app, &local, role.name(), role, hour, now()).unwrap();
        (role, made.secret.reveal().clone())
    });
    let router = with_state(&Server::new(app, config, CancellationToken::new()));
    for (role, token) in tokens {
        let mut waiting = VecDeque::from(["/".to_owned()]);
        let mut known = BTreeSet::from(["/".to_owned()]);
        let mut shapes = std::collections::BTreeMap::<String, usize>::new();
        let mut n_pages = 0;
        while let Some(address) = waiting.pop_front() {
            let request = Request::get(&address)
                .header("host", HOST)
                .header("accept", "text/html")
                .header("authorization", format!("Bearer {token}"))
                .body(Body::empty())
                .unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            let (status, role) = (response.status(), role.name());
            // A link may lead to what the role may not see, never to nothing or to a failure.
            let fine = status.is_success() || status.is_redirection();
            assert!(fine || status == StatusCode::FORBIDDEN, "{status} at {address} as {role}");
            let kind = response.headers().get(header::CONTENT_TYPE);
            let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
            if kind.starts_with("text/event-stream") {
                continue;
            }
            // To its end: an export lasts as long as its reader.
            let body = to_bytes(response.into_body(), MAX_PAGE_BYTES).await.unwrap();
            if !kind.starts_with("text/html") {
                continue;
            }
            n_pages += 1;
            let page = String::from_utf8(body.to_vec()).unwrap();
            assert_eq!(faults(&page), Vec::<String>::new(), "{address} as {role}");
            for link in values(&page, " href").chain(values(&page, " hx-get")) {
                let link = link.split('#').next().unwrap_or_default();
                let is_ours = link.starts_with('/') && !link.starts_with("//");
                if !is_ours || known.contains(link) {
                    continue;
                }
                let n = shapes.entry(shape(link)).or_default();
                *n += 1;
                if *n <= MAX_OF_A_SHAPE {
                    known.insert(link.to_owned());
                    waiting.push_back(link.to_owned());
                }
            }
        }
        assert!(n_pages > 40, "only {n_pages} pages as {}", role.name());
    }
}
