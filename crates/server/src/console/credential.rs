//! A credential: what it proves, where it lies, when it ends, and what shows that. Never its value.

use app::inventory;
use axum::extract::Path;
use model::text::shown;
use model::{CredentialId, Time};
use store::{CredentialDetail, ThingId};

use super::ask::{Ask, html};
use super::detail::{
    Crumb, Section, ThingPage, evidence_rows, evidence_table, fact_list, finding_list, line,
    own_facts, table, timeline,
};
use super::frame::Here;
use super::parts::{
    Icon, Markup, Says, age, expiry, identity_icon, kind_title, native_id, not_said, text, when,
};
use super::sheets::exposure;
use crate::address::href;
use crate::problem::Reply;
use crate::wire::id;

pub(crate) async fn page(ask: Ask, Path(raw_id): Path<String>) -> Reply {
    let id: CredentialId = id(&raw_id, "credential")?;
    let as_of = ask.as_of()?;
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let detail = inventory::credential(app, actor, id, as_of)?;
        let versions = inventory::timeline(app, actor, ThingId::Credential(id))?;
        let now = ask.now;
        let Some(lead) = detail.claims.first() else {
            return Err(app::Error::not_found("credential", id));
        };
        let (record, source) = (&lead.row.record, lead.row.source_name.as_str());
        let mut says = Says::default();
        let marks = vec![
            text(&kind_title(&record.kind)),
            native_id(&record.native_id),
            Markup(format!("from {}", text(source))),
            match record.expires_at.value() {
                Some(&time) if time <= now => expiry(time, now),
                _ => Markup(format!(
                    "expires {}",
                    says.fact(&record.expires_at, source, now, |&time| expiry(time, now))
                )),
            },
        ];
        let time_pairs: Vec<_> =
            as_of.map(|time| ("as_of".to_owned(), time.to_string())).into_iter().collect();
        let sections = sections(&detail, &versions, &mut says, now);
        let frame = ask.frame(app, Here::Credentials, shown(&record.name).into_owned(), "")?;
        Ok(ThingPage {
            frame: ask.travelling(frame, as_of),
            crumb: Crumb { title: "Credentials", href: href("/credentials", &time_pairs) },
            icon: Icon("credentials"),
            marks,
            acts: Markup::default(),
            tabs: Vec::new(),
            gone: detail.gone_at.map(|time| when(time, now)),
            sections,
            says: says.popovers(),
        })
    });
    html(&page.await?)
}

fn sections(
    detail: &CredentialDetail,
    versions: &[store::Version],
    says: &mut Says,
    now: Time,
) -> Vec<Section> {
    let Some(lead) = detail.claims.first() else { return Vec::new() };
    let (record, source) = (&lead.row.record, lead.row.source_name.as_str());
    let mut facts = vec![
        line(
            "Proves",
            match &detail.identity {
                Some(row) => Markup(format!(
                    "<a class=\"name\" href=\"/identities/{}\">{} {}</a>",
                    row.record.id,
                    identity_icon(&row.record.kind),
                    text(&row.record.name)
                )),
                None => not_said("no identity found"),
            },
        ),
        line(
            "Created",
            says.fact(&record.created_at, source, now, |&time| {
                Markup(format!(
                    "{} <span class=\"quiet\">{} old</span>",
                    time.date(),
                    age(time, now)
                ))
            }),
        ),
        line("Rotated", says.fact(&record.rotated_at, source, now, |&time| when(time, now))),
        line("Last used", says.fact(&record.last_used_at, source, now, |&time| when(time, now))),
        line(
            "Enabled",
            says.fact(&record.enabled, source, now, |&enabled| {
                Markup(if enabled { "yes" } else { "no" }.into())
            }),
        ),
        line("System", text(&record.system)),
        line(
            "Fingerprint",
            match record.fingerprint {
                Some(print) => native_id(&print.to_string()),
                None => not_said("none kept for this kind"),
            },
        ),
        line("Seen so since", when(lead.row.seen_from, now)),
        line("Last seen", when(lead.row.last_seen, now)),
    ];
    facts.extend(own_facts(&record.facts, says, source, now));
    let places = record
        .places
        .iter()
        .map(|stored| {
            let place = detail.places.iter().find(|row| row.record.id == stored.place);
            let unsaid = model::Fact::default();
            let fact = place.and_then(|row| row.record.facts.get("exposure")).unwrap_or(&unsaid);
            vec![
                Markup(format!(
                    "<a class=\"mono\" href=\"/places/{}\">{}</a>",
                    stored.place,
                    text(&stored.path)
                )),
                stored.line.map_or_else(|| not_said("the whole"), |line| Markup(line.to_string())),
                stored.pointer.as_deref().map_or_else(
                    || not_said("none"),
                    |pointer| Markup(format!("<code>{}</code>", text(pointer))),
                ),
                says.cell(fact, source, now, |value| exposure(&value.to_string())),
                place.map_or_else(
                    || not_said("not read"),
                    |row| text(&kind_title(&row.record.kind)),
                ),
            ]
        })
        .collect();
    let same = detail
        .same_secret
        .iter()
        .map(|row| {
            vec![
                Markup(format!(
                    "<a class=\"name\" href=\"/credentials/{}\">{}<span>{}</span></a>",
                    row.record.id,
                    Icon("credentials"),
                    text(&row.record.name)
                )),
                text(&kind_title(&row.record.kind)),
                row.record.places.first().map_or_else(
                    || not_said("no place seen"),
                    |stored| text(&super::detail::stored_at(&stored.path, stored.line)),
                ),
            ]
        })
        .collect();
    let evidence = detail
        .claims
        .iter()
        .flat_map(|claim| evidence_rows(&claim.row.record.evidence, &claim.row.source_name))
        .collect();
    let mut sections = vec![
        Section::new("What to do", finding_list(&detail.findings, "No rule fires on it.", now)),
        Section::new("What it is", fact_list(facts)),
        Section::new(
            "Where it lies",
            Markup::of(&table(
                "",
                &["Place", "*Line", "Within", "*Readable by", "Kind"],
                places,
                "No place of it was seen.",
            )),
        ),
    ];
    if !detail.same_secret.is_empty() {
        sections.push(Section::new(
            "The same secret elsewhere",
            Markup::of(&table("", &["Name", "*Kind", "*Lies in"], same, "")),
        ));
    }
    sections.push(Section::new("Records that show it", evidence_table(evidence)));
    sections.push(Section::new("History", timeline(versions, now)));
    sections
}
