//! A place: what lies there and who can read it.

use app::inventory;
use axum::extract::Path;
use model::PlaceId;
use model::text::shown;
use store::ThingId;

use super::ask::{Ask, html};
use super::detail::{Crumb, Section, ThingPage, fact_list, line, own_facts, table, timeline};
use super::frame::Here;
use super::parts::{
    Icon, Markup, Says, expiry, grouped, kind_title, native_id, not_said, text, when,
};
use crate::address::href;
use crate::problem::Reply;
use crate::wire::id;

pub(crate) async fn page(ask: Ask, Path(raw_id): Path<String>) -> Reply {
    let id: PlaceId = id(&raw_id, "place")?;
    let as_of = ask.as_of()?;
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let detail = inventory::place(app, actor, id, as_of)?;
        let versions = inventory::timeline(app, actor, ThingId::Place(id))?;
        let now = ask.now;
        let Some(lead) = detail.claims.first() else {
            return Err(app::Error::not_found("place", id));
        };
        let (record, source) = (&lead.row.record, lead.row.source_name.as_str());
        let mut says = Says::default();
        let mut facts = vec![
            line(
                "Lies in",
                match &detail.container {
                    Some(row) => Markup(format!(
                        "<a class=\"mono\" href=\"/places/{}\">{}</a>",
                        row.record.id,
                        text(&row.record.path)
                    )),
                    None => not_said("nothing larger that was seen"),
                },
            ),
            line("System", text(&record.system)),
            line(
                "Instance",
                if record.instance.is_empty() {
                    not_said("none: the system has only one")
                } else {
                    native_id(&record.instance)
                },
            ),
            line("Seen so since", when(lead.row.seen_from, now)),
            line("Last seen", when(lead.row.last_seen, now)),
        ];
        facts.extend(own_facts(&record.facts, &mut says, source, now));
        let credentials = detail
            .credentials
            .iter()
            .map(|row| {
                let stored = row.record.places.iter().find(|stored| stored.place == id);
                vec![
                    Markup(format!(
                        "<a class=\"name\" href=\"/credentials/{}\">{}<span>{}</span></a>",
                        row.record.id,
                        Icon("credentials"),
                        text(&row.record.name)
                    )),
                    text(&kind_title(&row.record.kind)),
                    stored
                        .and_then(|stored| stored.line)
                        .map_or_else(|| not_said("the whole"), |line| Markup(line.to_string())),
                    says.cell(&row.record.expires_at, &row.source_name, now, |&time| {
                        expiry(time, now)
                    }),
                ]
            })
            .collect();
        let mut lying = Section::new(
            "What lies there",
            Markup::of(&table(
                "",
                &["Credential", "*Kind", "#Line", "*Expires"],
                credentials,
                "No credential lies there now.",
            )),
        );
        if detail.n_credentials > detail.credentials.len() as u64 {
            lying.more =
                Some(("/credentials".into(), format!("{} in all", grouped(detail.n_credentials))));
        }
        let time_pairs: Vec<_> =
            as_of.map(|time| ("as_of".to_owned(), time.to_string())).into_iter().collect();
        let frame = ask.frame(app, Here::Places, shown(&record.path).into_owned(), "")?;
        Ok(ThingPage {
            frame: ask.travelling(frame, as_of),
            crumb: Crumb { title: "Places", href: href("/places", &time_pairs) },
            icon: Icon("places"),
            marks: vec![
                text(&kind_title(&record.kind)),
                native_id(&record.native_id),
                Markup(format!("from {}", text(source))),
            ],
            acts: Markup::default(),
            tabs: Vec::new(),
            gone: detail.gone_at.map(|time| when(time, now)),
            sections: vec![
                lying,
                Section::new("What it is", fact_list(facts)),
                Section::new("History", timeline(&versions, now)),
            ],
            says: says.popovers(),
        })
    });
    html(&page.await?)
}
