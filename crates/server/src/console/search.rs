//! Search over everything: the palette's results, and a page of them.

use app::inventory;
use askama::Template;
use model::text::shown;
use store::{Hit, LiesIn, List};

use super::ask::{Ask, html};
use super::frame::{Frame, Here};
use super::parts::{Empty, Icon, Markup, identity_icon, kind_title, shortened};
use super::sheets;
use crate::problem::Reply;

struct HitView {
    id: String,
    href: String,
    icon: Icon,
    name: String,
    /// What it is; in the palette, which has one line for each, also where it lies.
    kind: String,
    sub: String,
    lies_in: Option<Markup>,
}

struct HitGroup {
    title: &'static str,
    hits: Vec<HitView>,
}

impl HitGroup {
    fn lies_somewhere(&self) -> bool {
        self.hits.iter().any(|hit| hit.lies_in.is_some())
    }
}

#[derive(Template)]
#[template(path = "pages/search.html")]
struct SearchPage {
    frame: Frame,
    text: String,
    groups: Vec<HitGroup>,
    empty: Option<Empty>,
}

#[derive(Template)]
#[template(path = "parts/hits.html")]
struct Hits {
    groups: Vec<HitGroup>,
    nothing: String,
}

/// Pages that the palette leads to, with other words people use for them.
const PAGES: &[(&str, &str, &str, &str)] = &[
    ("Today", "/", "today", "start home overview dashboard"),
    ("Identities", "/identities", "identities", "service accounts roles"),
    ("Credentials", "/credentials", "credentials", "keys tokens secrets certificates"),
    (
        "Credentials that never expire",
        "/credentials?filter=expires_at%3Aunknown%3Aknown_absent",
        "credentials",
        "expiry endless",
    ),
    ("Places", "/places", "places", "files repositories"),
    ("Owners", "/owners", "owners", "teams people orphans"),
    ("Orphaned identities", "/identities?filter=owner%3Ais%3A", "owners", "orphans nobody"),
    ("Sources", "/sources", "sources", "connectors sync permissions"),
    ("Coverage", "/coverage", "coverage", "gaps read denied"),
    ("Gaps", "/coverage/gaps", "coverage", "not read denied missing"),
    ("Findings", "/findings?filter=state%3Ais%3Aopen", "findings", "problems issues risk"),
    ("Permissions", "/permissions", "tick", "can may allowed effective policy who"),
    ("Policy check", "/lint", "note", "lint aws iam policies permissions"),
    ("Changes", "/changes", "clock", "diff history"),
    ("Settings", "/settings", "settings", "people tokens sessions password"),
];

fn pages(text: &str) -> Vec<HitView> {
    let wanted = text.to_lowercase();
    PAGES
        .iter()
        .filter(|(title, _, _, words)| {
            wanted.is_empty() || title.to_lowercase().contains(&wanted) || words.contains(&wanted)
        })
        .map(|&(title, href, icon, _)| HitView {
            id: String::new(),
            href: href.to_owned(),
            icon: Icon(icon),
            name: title.to_owned(),
            kind: "page".to_owned(),
            sub: "page".to_owned(),
            lies_in: None,
        })
        .collect()
}

fn hit_view(hit: &Hit, path: &str) -> HitView {
    let kind = kind_title(&hit.kind);
    let mut sub = kind.clone();
    if let Some(lies_in) = &hit.lies_in {
        // Short enough to stand on one line with the name and the kind.
        let at = lies_in.first.as_ref().map(|first| {
            let path = shortened(&shown(&first.path), 30);
            first.line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"))
        });
        sub = format!("{kind} · {}", at.as_deref().unwrap_or("no place seen"));
        if lies_in.n_places > 1 {
            sub = format!("{sub} +{}", lies_in.n_places - 1);
        }
    }
    let place_cell = |lies_in: &LiesIn| {
        sheets::lies_in(lies_in.first.as_ref(), lies_in.n_places, |place| {
            format!("/places/{place}")
        })
    };
    HitView {
        id: String::new(),
        href: format!("/{path}/{}", hit.id),
        icon: match hit.list {
            List::Identities => identity_icon(&hit.kind),
            List::Credentials => Icon("credentials"),
            _ => Icon("places"),
        },
        name: shown(&hit.name).into_owned(),
        kind,
        sub,
        lies_in: hit.lies_in.as_ref().map(place_cell),
    }
}

fn groups(text: &str, found: &[Hit]) -> Vec<HitGroup> {
    let mut groups = Vec::new();
    for (list, title, path) in [
        (List::Identities, "Identities", "identities"),
        (List::Credentials, "Credentials", "credentials"),
        (List::Places, "Places", "places"),
    ] {
        let hits: Vec<HitView> =
            found.iter().filter(|hit| hit.list == list).map(|hit| hit_view(hit, path)).collect();
        if !hits.is_empty() {
            groups.push(HitGroup { title, hits });
        }
    }
    let hits = pages(text);
    if !hits.is_empty() {
        groups.push(HitGroup { title: "Pages", hits });
    }
    for (n, hit) in groups.iter_mut().flat_map(|group| &mut group.hits).enumerate() {
        hit.id = format!("hit-{n}");
    }
    groups
}

pub(crate) async fn page(ask: Ask) -> Reply {
    let text = ask.parameter("q").unwrap_or_default().trim().to_owned();
    let server = ask.server.clone();
    let (frame, groups, text, ask) = server
        .ask(move |app| {
            let found = if text.is_empty() {
                Vec::new()
            } else {
                inventory::search(app, ask.actor()?, &text)?
            };
            let frame = ask.frame(
                app,
                Here::Elsewhere,
                "Search",
                "What is called so, here or in its own system?",
            )?;
            let groups = groups(&text, &found);
            Ok((frame, groups, text, ask))
        })
        .await?;
    let nothing = format!("Nothing is called `{}`.", shown(&text));
    if ask.fragment {
        return html(&Hits { groups, nothing });
    }
    let empty = groups.is_empty().then(|| Empty {
        title: "Nothing found".into(),
        what: format!("{nothing} Names, native ids and ids are searched."),
        command: "",
        link: None,
    });
    html(&SearchPage { frame, text, groups, empty })
}
