//! An identity: what it is, what it holds, what it may, how it changed, and what shows all that.

use app::owners::{self, NewClaim};
use app::{Act, inventory};
use askama::Template;
use axum::extract::{Path, State};
use model::kinds::{General, identity_kind};
use model::text::shown;
use model::{Condition, Grant, IdentityId, PartyKind, PolicyDocument, Trust};
use store::{IdentityDetail, Row, ThingId};

use super::ask::{Ask, go_to, html, notice};
use super::detail::{
    Crumb, Section, Tab, ThingPage, evidence_rows, evidence_table, fact_list, finding_list, line,
    own_facts, table, timeline,
};
use super::frame::Here;
use super::parts::{
    Markup, Says, age, expiry, grouped, identity_icon, kind_title, lines, native_id, not_said,
    party_title, text, value, when,
};
use crate::address::href;
use crate::problem::Reply;
use crate::server::Server;
use crate::session::Caller;
use crate::wire::{Fields, id};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Overview,
    Credentials,
    Permissions,
    History,
    Evidence,
}

const TABS: [(Question, &str, &str); 5] = [
    (Question::Overview, "Overview", ""),
    (Question::Credentials, "Credentials", "/credentials"),
    (Question::Permissions, "Permissions", "/permissions"),
    (Question::History, "History", "/history"),
    (Question::Evidence, "Evidence", "/evidence"),
];

pub(crate) async fn overview(ask: Ask, Path(id): Path<String>) -> Reply {
    page(ask, &id, Question::Overview).await
}

pub(crate) async fn credentials(ask: Ask, Path(id): Path<String>) -> Reply {
    page(ask, &id, Question::Credentials).await
}

pub(crate) async fn permissions(ask: Ask, Path(id): Path<String>) -> Reply {
    page(ask, &id, Question::Permissions).await
}

pub(crate) async fn history(ask: Ask, Path(id): Path<String>) -> Reply {
    page(ask, &id, Question::History).await
}

pub(crate) async fn evidence(ask: Ask, Path(id): Path<String>) -> Reply {
    page(ask, &id, Question::Evidence).await
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<button class="button" type="button" popovertarget="claim">{{ super::parts::Icon("owners") }} Claim</button><div class="menu-pop to-end" id="claim" popover><form method="post" action="/identities/{{ id }}/claim-owner" hx-post="/identities/{{ id }}/claim-owner" hx-target="#notices"><div class="field"><label for="claim-owner">Owner</label><input class="input" id="claim-owner" name="owner" required maxlength="100" placeholder="@org/team or address" autocomplete="off"></div><div class="field"><label for="claim-reason">Why</label><input class="input" id="claim-reason" name="reason" maxlength="500" placeholder="optional" autocomplete="off"></div><button class="button main-act" type="submit">Claim owner</button></form>{% if claimed %}<hr><form method="post" action="/identities/{{ id }}/withdraw-owner" hx-post="/identities/{{ id }}/withdraw-owner" hx-target="#notices"><button class="button" type="submit">Take the claim back</button></form>{% endif %}</div>"##
)]
struct ClaimForm {
    id: IdentityId,
    claimed: bool,
}

async fn page(ask: Ask, raw_id: &str, question: Question) -> Reply {
    let id: IdentityId = id(raw_id, "identity")?;
    let as_of = ask.as_of()?;
    let server = ask.server.clone();
    let page = server.ask(move |app| {
        let actor = ask.actor()?;
        let detail = inventory::identity(app, actor, id, as_of)?;
        let now = ask.now;
        let Some(lead) = detail.claims.first() else {
            return Err(app::Error::not_found("identity", id));
        };
        let record = &lead.row.record;
        let mut says = Says::default();
        let time_pairs: Vec<_> =
            as_of.map(|time| ("as_of".to_owned(), time.to_string())).into_iter().collect();
        let tabs = TABS
            .iter()
            .map(|&(tab, title, suffix)| Tab {
                title,
                href: href(&format!("/identities/{id}{suffix}"), &time_pairs),
                count: match tab {
                    Question::Credentials => grouped(detail.n_credentials),
                    Question::Permissions => grouped(
                        (detail.grants.len() + detail.trusts_in.len() + detail.trusts_out.len())
                            as u64,
                    ),
                    _ => String::new(),
                },
                here: tab == question,
            })
            .collect();
        let sections = match question {
            Question::Overview => overview_sections(&detail, &mut says, now),
            Question::Credentials => vec![credentials_section(&detail, &mut says, now)],
            Question::Permissions => permission_sections(&detail),
            Question::History => {
                let versions = inventory::timeline(app, actor, ThingId::Identity(id))?;
                vec![Section::new("", timeline(&versions, now))]
            }
            Question::Evidence => evidence_sections(&detail, &mut says, now),
        };
        let may_claim = ask.may(Act::ClaimOwner) && as_of.is_none() && detail.gone_at.is_none();
        let name = shown(&record.name).into_owned();
        let frame = ask.frame(app, Here::Identities, name, "")?;
        Ok(ThingPage {
            frame: ask.travelling(frame, as_of),
            crumb: Crumb { title: "Identities", href: href("/identities", &time_pairs) },
            icon: identity_icon(&record.kind),
            marks: marks(&detail, &mut says, now),
            acts: if may_claim {
                Markup::of(&ClaimForm { id, claimed: detail.owner_claim.is_some() })
            } else {
                Markup::default()
            },
            tabs,
            gone: detail.gone_at.map(|time| when(time, now)),
            sections,
            says: says.popovers(),
        })
    });
    html(&page.await?)
}

fn marks(detail: &IdentityDetail, says: &mut Says, now: model::Time) -> Vec<Markup> {
    let Some(lead) = detail.claims.first() else { return Vec::new() };
    let record = &lead.row.record;
    let source = &lead.row.source_name;
    let owner = match (&detail.owner_claim, &lead.row.owner) {
        (Some(claim), _) => Markup(format!(
            "<span title=\"claimed by {}\">owner {} <span class=\"quiet\">claimed</span></span>",
            text(&claim.by),
            text(party_title(&claim.party))
        )),
        (None, Some(owner)) => Markup(format!(
            "<span title=\"by {}\">owner {} <span class=\"quiet\">{} %</span></span>",
            text(&owner.method),
            text(party_title(&owner.party)),
            (owner.confidence * 100.0).round()
        )),
        (None, None) => Markup("<span class=\"tag warn\">orphaned</span>".into()),
    };
    let kind = kind_title(&record.kind);
    let general = identity_kind(&record.kind).map_or(General::Unknown, |kind| kind.general).title();
    let kind = if kind == general {
        kind
    } else {
        format!("{kind} <span class=\"quiet\">{general}</span>")
    };
    vec![
        Markup(kind),
        native_id(&record.native_id),
        Markup(format!("from {}", text(source))),
        Markup(format!(
            "environment {}",
            says.fact(&record.environment, source, now, |value| text(value))
        )),
        says.fact(&record.enabled, source, now, |&enabled| {
            let (class, word) = if enabled { ("good", "enabled") } else { ("", "disabled") };
            Markup(format!("<span class=\"state-dot {class}\">{word}</span>"))
        }),
        owner,
    ]
}

fn overview_sections(detail: &IdentityDetail, says: &mut Says, now: model::Time) -> Vec<Section> {
    let Some(lead) = detail.claims.first() else { return Vec::new() };
    let (record, source) = (&lead.row.record, lead.row.source_name.as_str());
    let mut facts = vec![
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
        line("Last used", says.fact(&record.last_used_at, source, now, |&time| when(time, now))),
        line("System", text(&record.system)),
        line(
            "Instance",
            if record.instance.is_empty() {
                not_said("none: the system has only one")
            } else {
                native_id(&record.instance)
            },
        ),
        line("Authority", text(record.authority.name())),
        line("Seen so since", when(lead.row.seen_from, now)),
        line("Last seen", when(lead.row.last_seen, now)),
    ];
    if let Some(parent) = record.parent {
        facts.push(line(
            "Part of",
            Markup(format!(
                "<a href=\"/identities/{parent}\">{}</a>",
                super::parts::shortened(&parent.to_string(), 18)
            )),
        ));
    }
    facts.extend(own_facts(&record.facts, says, source, now));
    for (key, tag) in &record.tags {
        facts.push(line(format!("Tag {}", shown(key)), text(tag)));
    }
    let mut sections = vec![
        Section::new("What to do", finding_list(&detail.findings, "No rule fires on it.", now)),
        Section::new("What it is", fact_list(facts)),
        Section::new("Who may own it", owners_table(detail, now)),
    ];
    if !detail.children.is_empty() {
        let rows = detail
            .children
            .iter()
            .map(|row| {
                vec![
                    Markup(format!(
                        "<a class=\"name\" href=\"/identities/{}\">{}<span>{}</span></a>",
                        row.record.id,
                        identity_icon(&row.record.kind),
                        text(&row.record.name)
                    )),
                    text(&kind_title(&row.record.kind)),
                ]
            })
            .collect();
        sections
            .push(Section::new("Its parts", Markup::of(&table("", &["Name", "*Kind"], rows, ""))));
    }
    sections
}

fn owners_table(detail: &IdentityDetail, now: model::Time) -> Markup {
    let mut rows = Vec::new();
    if let Some(claim) = &detail.owner_claim {
        rows.push(vec![
            text(party_title(&claim.party)),
            Markup("claim".into()),
            Markup("100 %".into()),
            if claim.reason.is_empty() { not_said("no reason given") } else { text(&claim.reason) },
            Markup(format!("{}, {}", text(&claim.by), when(claim.at, now))),
        ]);
    }
    let mut links: Vec<_> = detail.owners.iter().collect();
    links.sort_by(|one, other| other.record.confidence.total_cmp(&one.record.confidence));
    rows.extend(links.into_iter().map(|row| {
        let link = &row.record;
        let shown_at = link.evidence.first().map_or_else(
            || not_said("not said"),
            |evidence| {
                let at = evidence
                    .line
                    .map_or_else(|| evidence.at.clone(), |line| format!("{}:{line}", evidence.at));
                Markup(format!("<span class=\"mono\">{}</span>", text(&at)))
            },
        );
        vec![
            text(party_title(&link.owner)),
            text(&link.method),
            Markup(format!("{} %", (link.confidence * 100.0).round())),
            shown_at,
            text(&row.source_name),
        ]
    }));
    Markup::of(&table(
        "",
        &["Candidate", "*Method", "*#Confidence", "Evidence", "Says"],
        rows,
        "Nobody is named anywhere we looked. Claim it to say who owns it.",
    ))
}

fn credentials_section(detail: &IdentityDetail, says: &mut Says, now: model::Time) -> Section {
    let rows = detail
        .credentials
        .iter()
        .map(|row| {
            let record = &row.record;
            let source = row.source_name.as_str();
            vec![
                Markup(format!(
                    "<a class=\"name\" href=\"/credentials/{}\">{}<span>{}</span></a>",
                    record.id,
                    super::parts::Icon("credentials"),
                    text(&record.name)
                )),
                text(&kind_title(&record.kind)),
                record.places.first().map_or_else(
                    || not_said("no place seen"),
                    |stored| {
                        Markup(format!(
                            "<a class=\"mono\" href=\"/places/{}\">{}</a>",
                            stored.place,
                            text(&super::detail::stored_at(&stored.path, stored.line))
                        ))
                    },
                ),
                says.cell(&record.expires_at, source, now, |&time| expiry(time, now)),
                says.cell(&record.last_used_at, source, now, |&time| when(time, now)),
                says.cell(&record.created_at, source, now, |&time| age(time, now)),
            ]
        })
        .collect();
    let heads = ["Name", "*Kind", "Lies in", "*Expires", "Last used", "Age"];
    let mut section = Section::new(
        "",
        Markup::of(&table(
            "",
            &heads,
            rows,
            "No credential of it was seen. That none is listed does not mean that none exists: see Coverage.",
        )),
    );
    if detail.n_credentials > detail.credentials.len() as u64 {
        section.title = "The first of them".into();
        section.more =
            Some(("/credentials".into(), format!("{} in all", grouped(detail.n_credentials))));
    }
    section
}

fn conditions(conditions: &[Condition]) -> Markup {
    if conditions.is_empty() {
        return not_said("none");
    }
    let lines: Vec<String> = conditions
        .iter()
        .map(|condition| {
            format!(
                "<code>{} {} {}</code>",
                text(&condition.key),
                text(&condition.operator),
                text(&condition.values.join(", "))
            )
        })
        .collect();
    Markup(lines.join("<br>"))
}

fn codes(items: &[String]) -> Markup {
    const MAX_SHOWN: usize = 6;
    if items.is_empty() {
        return not_said("not said");
    }
    let mut lines: Vec<String> =
        items.iter().take(MAX_SHOWN).map(|item| format!("<code>{}</code>", text(item))).collect();
    if items.len() > MAX_SHOWN {
        lines.push(format!("<span class=\"quiet\">and {} more</span>", items.len() - MAX_SHOWN));
    }
    Markup(lines.join("<br>"))
}

fn shown_at(evidence: &[model::Evidence]) -> Markup {
    evidence.first().map_or_else(
        || not_said("not said"),
        |evidence| {
            let at = super::detail::stored_at(&evidence.at, evidence.line);
            Markup(format!(
                "<span class=\"mono\" title=\"{}\">{}</span>",
                text(&evidence.at),
                text(&at)
            ))
        },
    )
}

fn grant_row(row: &Row<Grant>) -> Vec<Markup> {
    let grant = &row.record;
    let effect = match grant.effect {
        model::Effect::Allow => Markup("allow".into()),
        model::Effect::Deny => Markup("<span class=\"tag\">deny</span>".into()),
    };
    vec![
        codes(&grant.actions),
        codes(&grant.resources),
        effect,
        grant.via.as_deref().map_or_else(|| not_said("directly"), text),
        conditions(&grant.conditions),
        text(&grant.kind),
        shown_at(&grant.evidence),
    ]
}

fn trust_row(row: &Row<Trust>, party: Markup) -> Vec<Markup> {
    let trust = &row.record;
    vec![
        party,
        text(&trust.mechanism),
        conditions(&trust.conditions),
        text(&row.source_name),
        shown_at(&trust.evidence),
    ]
}

fn permission_sections(detail: &IdentityDetail) -> Vec<Section> {
    let grants = detail.grants.iter().map(grant_row).collect();
    let identity_link = |id: &IdentityId| {
        Markup(format!(
            "<a href=\"/identities/{id}\">{}</a>",
            super::parts::shortened(&id.to_string(), 18)
        ))
    };
    let trusts_in = detail
        .trusts_in
        .iter()
        .map(|row| {
            let from = match &row.record.from {
                model::Subject::Identity { identity } => identity_link(identity),
                other => Markup(format!("<code>{}</code>", text(&other.to_string()))),
            };
            trust_row(row, from)
        })
        .collect();
    let trusts_out =
        detail.trusts_out.iter().map(|row| trust_row(row, identity_link(&row.record.to))).collect();
    let trust_heads = |first: &'static str| [first, "*How", "*Conditions", "Source", "Shown at"];
    vec![
        Section::new(
            "What it may do",
            Markup::of(&table(
                "",
                &["Actions", "*On", "*Effect", "Through", "Conditions", "Kind", "Shown at"],
                grants,
                "No grant was read. The sources that were read may not see all of them.",
            )),
        ),
        Section::new(
            "Who can become it",
            Markup::of(&table("", &trust_heads("Who"), trusts_in, "No trust leads to it.")),
        ),
        Section::new(
            "Whom it can become",
            Markup::of(&table("", &trust_heads("Whom"), trusts_out, "No trust leads from it.")),
        ),
        Section::new(
            "The documents that say so",
            Markup::of(&table(
                "",
                &["Name", "*Kind", "Version", "Text", "Source"],
                detail.policies.iter().map(policy_row).collect(),
                "No policy document was read.",
            )),
        ),
    ]
}

/// Longer texts are cut on a page; the API has them whole.
const MAX_SHOWN_CHARS: usize = 20_000;

fn document(whole: &str) -> Markup {
    let document: String = whole.chars().take(MAX_SHOWN_CHARS).collect();
    let cut = if document.len() < whole.len() { " …" } else { "" };
    Markup(format!("{}{cut}", lines(&document)))
}

fn policy_row(row: &Row<PolicyDocument>) -> Vec<Markup> {
    let policy = &row.record;
    vec![
        Markup(format!("{} <span class=\"quiet\">{}</span>", text(&policy.name), policy.id)),
        text(policy.kind.name()),
        policy.version.as_deref().map_or_else(|| not_said("has none"), text),
        Markup(format!(
            "<details><summary>{} characters</summary><pre>{}</pre></details>",
            policy.document.chars().count(),
            document(&policy.document)
        )),
        text(&row.source_name),
    ]
}

fn evidence_sections(detail: &IdentityDetail, says: &mut Says, now: model::Time) -> Vec<Section> {
    let claims = detail
        .claims
        .iter()
        .map(|claim| {
            let row = &claim.row;
            vec![
                Markup(format!(
                    "{}{}",
                    text(&row.source_name),
                    if claim.leads { " <span class=\"tag\">leads</span>" } else { "" }
                )),
                text(row.record.authority.name()),
                text(&row.record.name),
                says.cell(&row.record.enabled, &row.source_name, now, |&enabled| {
                    value(&enabled.into(), now)
                }),
                when(row.seen_from, now),
                when(row.last_seen, now),
            ]
        })
        .collect();
    let rows = detail
        .claims
        .iter()
        .flat_map(|claim| evidence_rows(&claim.row.record.evidence, &claim.row.source_name))
        .collect();
    let loci = detail
        .claims
        .iter()
        .flat_map(|claim| {
            claim.row.record.loci.iter().map(|locus| {
                vec![
                    Markup(format!("<span class=\"mono\">{}</span>", text(locus))),
                    text(&claim.row.source_name),
                ]
            })
        })
        .collect();
    vec![
        Section::new(
            "What each source claims",
            Markup::of(&table(
                "",
                &["Source", "*Authority", "*Name", "Enabled", "Seen so since", "Last seen"],
                claims,
                "",
            )),
        ),
        Section::new("Records that show it", evidence_table(rows)),
        Section::new(
            "Read from",
            Markup::of(&table(
                "",
                &["Where", "*Source"],
                loci,
                "The source did not say where it read it.",
            )),
        ),
    ]
}

fn new_claim(fields: &Fields, identities: Vec<IdentityId>) -> NewClaim {
    let owner = fields.text("owner").to_owned();
    let kind = if owner.starts_with('@') || owner.contains('/') {
        PartyKind::Team
    } else {
        PartyKind::Person
    };
    NewClaim { identities, kind, name: None, reason: fields.text("reason").to_owned(), owner }
}

pub(crate) async fn claim(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
    fields: Fields,
) -> Reply {
    let claim = new_claim(&fields, vec![id(&raw_id, "identity")?]);
    let now = server.now();
    server.ask(move |app| owners::claim(app, &actor, &claim, now)).await?;
    go_to(&format!("/identities/{raw_id}"))
}

pub(crate) async fn claim_many(
    State(server): State<Server>,
    Caller(actor): Caller,
    fields: Fields,
) -> Reply {
    let ids = fields.list("identity").map(|text| id(text, "identity")).collect::<Result<_, _>>()?;
    let claim = new_claim(&fields, ids);
    let now = server.now();
    let owner = claim.owner.clone();
    let claims = server.ask(move |app| owners::claim(app, &actor, &claim, now)).await?;
    let what = if claims.len() == 1 {
        "1 identity".to_owned()
    } else {
        format!("{} identities", claims.len())
    };
    let mut response = notice(format!("{what} claimed for {}.", shown(&owner)))?;
    // The list fetches itself anew.
    response
        .headers_mut()
        .insert("hx-trigger", axum::http::HeaderValue::from_static("list-changed"));
    Ok(response)
}

pub(crate) async fn withdraw(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(raw_id): Path<String>,
) -> Reply {
    let (identity, now) = (id(&raw_id, "identity")?, server.now());
    server.ask(move |app| owners::withdraw(app, &actor, identity, now)).await?;
    go_to(&format!("/identities/{raw_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_shown_with_its_lines() {
        let long = "x".repeat(2_000);
        let shown = document(&format!("{{\n\"Sid\": \"<b>\u{202e}{long}\"}}")).0;
        assert_eq!(shown, format!("{{\n&#34;Sid&#34;: &#34;&#60;b&#62;\\u{{202e}}{long}&#34;}}"));
        assert!(document(&"x".repeat(MAX_SHOWN_CHARS + 1)).0.ends_with("x …"));
    }
}
