//! May it, who may, what may it: one form, and the answer drawn.

use app::permissions::{
    self, BlockedBy, Can, Cited, Condition, Edit, EffectiveOf, Failed, Says, Verdict, WhoCan,
};
use app::{Error, Kind};
use askama::Template;
use model::text::shown;

use super::ask::{Ask, html};
use super::frame::{Frame, Here};
use super::parts::{Empty, grouped};
use crate::address::href;
use crate::api::permissions::question;
use crate::problem::Reply;

/// Actions that stand together: so many are named.
const MAX_NAMES: usize = 40;
/// Rows of an answer; the rest is in the API and the command line.
const MAX_ROWS: usize = 500;

#[derive(Template)]
#[template(path = "pages/permissions.html")]
struct PermissionsPage {
    frame: Frame,
    form: Form,
    can: Option<CanView>,
    who: Option<WhoView>,
    effective: Option<EffectiveView>,
    wrong: Option<String>,
    empty: Option<Empty>,
}

struct Form {
    principal: String,
    action: String,
    resource: String,
    context: String,
}

/// What a sentence looks like: `good`, `bad` or `warn`.
type Tone = &'static str;

struct CanView {
    tone: Tone,
    verdict: &'static str,
    sentence: String,
    gates: Vec<Gate>,
    residual: Vec<String>,
    deciding: Vec<String>,
    nearest: Vec<(String, Vec<String>)>,
    change: Vec<String>,
    assumed: Vec<String>,
}

struct Gate {
    tone: Tone,
    name: String,
    says: &'static str,
}

struct WhoView {
    sentence: String,
    rows: Vec<WhoRow>,
    assumed: Vec<String>,
}

struct WhoRow {
    tone: Tone,
    verdict: &'static str,
    principal: String,
    href: String,
    residual: Vec<String>,
}

struct EffectiveView {
    sentence: String,
    rows: Vec<EffectiveRow>,
    assumed: Vec<String>,
}

struct EffectiveRow {
    tone: Tone,
    verdict: &'static str,
    actions: String,
    n_actions: String,
    resources: Vec<String>,
    conditions: Vec<String>,
    statements: Vec<String>,
}

pub(crate) async fn page(ask: Ask) -> Reply {
    let raw = ask.raw.clone();
    let server = ask.server.clone();
    let page = server
        .ask(move |app| {
            let actor = ask.actor()?;
            let frame = ask.frame(
                app,
                Here::Permissions,
                "Permissions",
                "May it? Who may? What may it? Leave out the action, or the identity.",
            )?;
            let form = Form {
                principal: ask.parameter("principal").unwrap_or_default(),
                action: ask.parameter("action").unwrap_or_default(),
                resource: ask.parameter("resource").unwrap_or_default(),
                context: ask.parameter("context").unwrap_or_default(),
            };
            let mut page = PermissionsPage {
                frame,
                form,
                can: None,
                who: None,
                effective: None,
                wrong: None,
                empty: None,
            };
            if page.form.principal.is_empty() && page.form.action.is_empty() {
                return Ok(page);
            }
            let accounts = permissions::in_store(app, actor)?;
            if accounts.is_empty() {
                page.empty = Some(Empty {
                    title: "No AWS account was read".into(),
                    what: "Permissions are computed from the policies of an account. Add a source \
                           that reads one, from saved replies of its API."
                        .into(),
                    command: "tutela source add aws --set path=…",
                    link: None,
                });
                return Ok(page);
            }
            let answered = if page.form.action.is_empty() {
                permissions::effective(&accounts, &page.form.principal)
                    .map(|answer| page.effective = Some(effective_view(&answer)))
            } else {
                let asked = question(raw.as_deref());
                if page.form.principal.is_empty() {
                    asked
                        .and_then(|asked| permissions::who_can(&accounts, &asked))
                        .map(|answer| page.who = Some(who_view(&answer)))
                } else {
                    asked
                        .and_then(|asked| permissions::can(&accounts, &asked))
                        .map(|answer| page.can = Some(can_view(&answer)))
                }
            };
            match answered {
                Ok(()) => Ok(page),
                Err(error) if matches!(error.kind, Kind::Invalid | Kind::NotFound) => {
                    page.wrong = Some(told(&error));
                    Ok(page)
                }
                Err(error) => Err(error),
            }
        })
        .await?;
    html(&page)
}

fn told(error: &Error) -> String {
    let hint = error.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
    shown(&format!("{}{hint}", error.message)).into_owned()
}

const fn verdict(verdict: Verdict) -> (Tone, &'static str) {
    match verdict {
        Verdict::Allow => ("good", "allowed"),
        Verdict::Deny => ("bad", "denied"),
        Verdict::Conditional => ("warn", "conditional"),
    }
}

const fn layer(layer: BlockedBy) -> &'static str {
    match layer {
        BlockedBy::Scp => "Service control",
        BlockedBy::Rcp => "Resource control",
        BlockedBy::Endpoint => "Endpoint",
        BlockedBy::Identity => "Its own policies",
        BlockedBy::Resource => "The resource's policy",
        BlockedBy::Boundary => "Permissions boundary",
        BlockedBy::Session => "Session",
    }
}

fn can_view(answer: &Can) -> CanView {
    let (tone, word) = verdict(answer.decision);
    let explanation = &answer.explanation;
    let gates = explanation
        .layers
        .iter()
        .filter(|gate| gate.says != Says::Absent)
        .map(|gate| {
            let (tone, says) = match gate.says {
                Says::Absent => ("", "is not there"),
                Says::Allows => ("good", "allows it"),
                Says::MayAllow => ("warn", "may allow it"),
                Says::Silent => ("bad", "does not allow it"),
                Says::Denies => ("bad", "denies it"),
                Says::MayDeny => ("warn", "may deny it"),
            };
            let level = gate.level.map(|level| format!(", level {level}")).unwrap_or_default();
            Gate { tone, name: format!("{}{level}", layer(gate.layer)), says }
        })
        .collect();
    let failed = |one: &Failed| {
        let actual = match &one.actual {
            None => "is absent or not known".to_owned(),
            Some(actual) => format!("is {}", actual.join(", ")),
        };
        shown(&format!("{} has to be {}, and {actual}", one.element, one.required.join(", ")))
            .into_owned()
    };
    let nearest = explanation.nearest.iter();
    let change = explanation.changes.first();
    CanView {
        tone,
        verdict: word,
        sentence: shown(&format!("{} {} on {}", answer.principal, answer.action, answer.resource))
            .into_owned(),
        gates,
        residual: answer.residual.iter().map(|cube| alternative(cube)).collect(),
        deciding: explanation.deciding.iter().map(cited).collect(),
        nearest: nearest
            .map(|near| (cited(&near.cited), near.failed.iter().map(failed).collect()))
            .collect(),
        change: change.map(|it| it.edits.iter().map(edit).collect()).unwrap_or_default(),
        assumed: texts(&explanation.assumed),
    }
}

fn edit(edit: &Edit) -> String {
    let text = match edit {
        Edit::SetContext { key, values } => {
            format!("The request has {key} = {}", values.join(", "))
        }
        Edit::Except { statement } => format!("Except it from, or remove, {}", cited(statement)),
        Edit::Add { layer: of, level, effect, action, resource } => {
            let level = level.map(|level| format!(", level {level}")).unwrap_or_default();
            format!("Add to “{}{level}”: {effect} {action} on {resource}", layer(*of))
        }
    };
    shown(&text).into_owned()
}

fn cited(one: &Cited) -> String {
    let sid = one.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    shown(&format!("{} {} {}{sid}", one.effect, one.policy, one.pointer)).into_owned()
}

fn alternative(cube: &[Condition]) -> String {
    let each: Vec<String> = cube.iter().map(permissions::condition_told).collect();
    shown(&each.join(" and ")).into_owned()
}

fn texts(all: &[String]) -> Vec<String> {
    all.iter().map(|one| shown(one).into_owned()).collect()
}

fn who_view(answer: &WhoCan) -> WhoView {
    let rows = answer.principals.iter().take(MAX_ROWS).map(|row| {
        let (tone, word) = verdict(row.decision);
        let pairs = [
            ("principal".to_owned(), row.principal.clone()),
            ("action".to_owned(), answer.action.clone()),
            ("resource".to_owned(), answer.resource.clone()),
        ];
        WhoRow {
            tone,
            verdict: word,
            principal: shown(&row.principal).into_owned(),
            href: href("/permissions", &pairs),
            residual: row.residual.iter().take(3).map(|cube| alternative(cube)).collect(),
        }
    });
    let (n, n_asked) = (answer.principals.len() as u64, answer.n_asked as u64);
    let text = format!(
        "{} of {} users and roles may {} on {}",
        grouped(n),
        grouped(n_asked),
        answer.action,
        answer.resource
    );
    WhoView {
        sentence: shown(&text).into_owned(),
        rows: rows.collect(),
        assumed: texts(&answer.assumed),
    }
}

fn effective_view(answer: &EffectiveOf) -> EffectiveView {
    let effective = &answer.effective;
    let rows = effective.permissions.iter().take(MAX_ROWS).map(|row| {
        let (tone, word) = verdict(row.verdict);
        let more = row.actions.len().saturating_sub(MAX_NAMES);
        let names: Vec<&str> = row.actions.iter().map(String::as_str).take(MAX_NAMES).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let limits = row.limited_by.iter().chain(&row.denied_by);
        EffectiveRow {
            tone,
            verdict: word,
            actions: shown(&format!("{}{more}", names.join(", "))).into_owned(),
            n_actions: grouped(row.n_actions as u64),
            resources: texts(&row.resources),
            conditions: texts(&row.conditions),
            statements: row.allowed_by.iter().chain(limits).map(cited).collect(),
        }
    });
    let text = format!("{} may use {} actions", answer.principal, effective.n_actions);
    EffectiveView {
        sentence: shown(&text).into_owned(),
        rows: rows.collect(),
        assumed: texts(&effective.assumed),
    }
}
