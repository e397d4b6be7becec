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

/// Actions, resources and statements that stand together: so many are named.
const MAX_NAMES: usize = 40;
/// Rows of an answer; the rest is in the API and the command line.
const MAX_ROWS: usize = 500;
/// Of what it takes in a row of many, so many alternatives.
const MAX_ALTERNATIVES: usize = 3;

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
    more: String,
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
    more: String,
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
                context: context(raw.as_deref()),
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
                        .map(|answer| page.who = Some(who_view(&answer, raw.as_deref())))
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

fn pairs(raw: Option<&str>) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned()
}

/// The context of an address, which may state it in several pieces.
fn context(raw: Option<&str>) -> String {
    let pieces = pairs(raw).filter(|(name, _)| name == "context");
    pieces.map(|(_, value)| value).collect::<Vec<_>>().join("\n")
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
        residual: alternatives(&answer.residual, answer.residual.len(), answer.residual_cut),
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

/// Each of the ways in which it is allowed, and whether there are more.
fn alternatives(residual: &[Vec<Condition>], most: usize, is_cut: bool) -> Vec<String> {
    let told = residual.iter().take(most).map(|cube| {
        let each: Vec<String> = cube.iter().map(permissions::condition_told).collect();
        shown(&each.join(" and ")).into_owned()
    });
    let more = (is_cut || residual.len() > most).then(|| "or otherwise".to_owned());
    told.chain(more).collect()
}

/// What is said of rows that are not on the page.
fn more(n_rows: usize) -> String {
    match n_rows.checked_sub(MAX_ROWS) {
        None | Some(0) => String::new(),
        Some(n) => format!("{} more are not shown; the API has them.", grouped(n as u64)),
    }
}

fn texts(all: &[String]) -> Vec<String> {
    all.iter().map(|one| seen(one)).collect()
}

fn seen(one: &str) -> String {
    shown(one).into_owned()
}

/// As many as are named in one cell, and how many more there are.
fn first<T>(all: &[T], told: impl Fn(&T) -> String) -> Vec<String> {
    let n_more = all.len().saturating_sub(MAX_NAMES);
    let more = (n_more > 0).then(|| format!("and {} more", grouped(n_more as u64)));
    all.iter().take(MAX_NAMES).map(told).chain(more).collect()
}

/// Each row leads to the same question about one principal, whatever else the address asks with.
fn who_view(answer: &WhoCan, raw: Option<&str>) -> WhoView {
    let asked: Vec<(String, String)> = pairs(raw).filter(|(name, _)| name != "principal").collect();
    let rows = answer.principals.iter().take(MAX_ROWS).map(|row| {
        let (tone, word) = verdict(row.decision);
        let principal = [("principal".to_owned(), row.principal.clone())];
        let pairs = [&principal, asked.as_slice()].concat();
        WhoRow {
            tone,
            verdict: word,
            principal: shown(&row.principal).into_owned(),
            href: href("/permissions", &pairs),
            residual: alternatives(&row.residual, MAX_ALTERNATIVES, false),
        }
    });
    let (n, n_asked) = (answer.principals.len() as u64, answer.n_asked as u64);
    let text = format!(
        "{}{} of {} users and roles may {} on {}",
        if answer.is_cut { "More than " } else { "" },
        grouped(n),
        grouped(n_asked),
        answer.action,
        answer.resource
    );
    WhoView {
        sentence: shown(&text).into_owned(),
        rows: rows.collect(),
        more: more(answer.principals.len()),
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
        let excepted = first(&row.not_resources, |one| seen(&format!("all but {one}")));
        let limits = row.limited_by.iter().chain(&row.denied_by);
        let statements: Vec<&Cited> = row.allowed_by.iter().chain(limits).collect();
        EffectiveRow {
            tone,
            verdict: word,
            actions: shown(&format!("{}{more}", names.join(", "))).into_owned(),
            n_actions: grouped(row.n_actions as u64),
            resources: [first(&row.resources, |one| seen(one)), excepted].concat(),
            conditions: first(&row.conditions, |one| seen(one)),
            statements: first(&statements, |one| cited(one)),
        }
    });
    let text = format!("{} may use {} actions", answer.principal, effective.n_actions);
    EffectiveView {
        sentence: shown(&text).into_owned(),
        rows: rows.collect(),
        more: more(effective.permissions.len()),
        assumed: texts(&effective.assumed),
    }
}

#[cfg(test)]
mod tests {
    use app::permissions::accounts_of;
    use model::{Fact, Identity, PolicyDocument, PolicyKind, Scope, kinds};

    use super::*;

    const ADA: &str = "arn:aws:iam::111122223333:user/ada";

    /// An account with one user, whose only policy has one statement.
    fn account(statement: &str) -> permissions::Accounts {
        let scope = Scope::new("aws", "111122223333", "account", "111122223333").id;
        let mut ada = Identity::new(kinds::IAM_USER, "aws", "111122223333", ADA, scope);
        ada.fact("inline_policies", Fact::known(vec!["own".to_owned()]));
        for none in ["attached_policies", "policies_of_groups", "permissions_boundary"] {
            ada.fact(none, Fact::absent());
        }
        let native_id = format!("{ADA}#inline/own");
        let document = format!("{{\"Version\": \"2012-10-17\", \"Statement\": {statement}}}");
        let kind = PolicyKind::InlinePolicy;
        let own = PolicyDocument::new(kind, "aws", "111122223333", native_id, scope, document);
        accounts_of([&ada], [&own])
    }

    /// A row is about the request that was asked about, and so is where it leads to.
    #[test]
    fn a_row_leads_to_the_same_request() {
        let accounts = account(
            r#"{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}"#,
        );
        let raw = "action=s3:GetObject&resource=arn:aws:s3:::a/b&resource_account=111122223333\
                   &context=aws:RequestedRegion=eu-west-1&context=aws:SecureTransport=true\
                   &absent=aws:SourceIp";
        let asked = question(Some(raw)).unwrap();
        let who = who_view(&permissions::who_can(&accounts, &asked).unwrap(), Some(raw));
        assert_eq!(who.rows.len(), 1);
        let (path, query) = who.rows[0].href.split_once('?').unwrap();
        assert_eq!(path, "/permissions");
        let again = question(Some(query)).unwrap();
        assert_eq!(again, permissions::Ask { principal: ADA.to_owned(), ..asked });
        assert_eq!(context(Some(raw)).lines().count(), 2);
    }

    #[test]
    fn exceptions_are_told_and_long_lists_end() {
        let effective = |statement: &str| {
            let answer = permissions::effective(&account(statement), ADA).unwrap();
            effective_view(&answer).rows.remove(0).resources
        };
        let except = r#"{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::a"}"#;
        assert_eq!(effective(except), ["all but arn:aws:s3:::a"]);
        let many: Vec<String> =
            (0..MAX_NAMES + 5).map(|n| format!("\"arn:aws:s3:::a{n}\"")).collect();
        let many = many.join(",");
        let many =
            effective(&format!(r#"{{"Effect": "Allow", "Action": "s3:*", "Resource": [{many}]}}"#));
        assert_eq!((many.len(), many[MAX_NAMES].as_str()), (MAX_NAMES + 1, "and 5 more"));
    }
}
