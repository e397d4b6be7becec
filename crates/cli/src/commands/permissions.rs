//! `tutela can`, `who-can`, `effective`: what identities may do.

use std::path::{Path, PathBuf};

use app::permissions::{self, Ask};
use clap::Args;
use model::text::shown;
use serde_json::{Value, json};

use crate::api::{Api, path};
use crate::clock;
use crate::commands::Global;
use crate::output::{self, Exit, Format, Talk};

/// May a principal do something?
///
/// Answers allow, deny, or conditional with the conditions it depends on; then the layers of policies
/// it passed, the statements that decided, what came nearest, and the smallest change that would turn
/// the answer round. What is not told of the request's context is not known. Exits with 0 for allow,
/// 1 for deny, 3 for conditional, 2 where the question cannot be answered.
#[derive(Debug, Args)]
pub(crate) struct CanArgs {
    /// An ARN, or the name of a user or role.
    principal: String,
    #[command(flatten)]
    request: RequestArgs,
}

/// Which users and roles may do something?
#[derive(Debug, Args)]
pub(crate) struct WhoCanArgs {
    #[command(flatten)]
    request: RequestArgs,
}

/// What may a principal do, by its own policies and within what limits them?
///
/// Actions for which the same statements count stand together, with the resources, the conditions
/// and the statements that allow, limit or deny.
#[derive(Debug, Args)]
pub(crate) struct EffectiveArgs {
    /// An ARN, or the name of a user or role.
    principal: String,
    #[command(flatten)]
    from: From,
}

/// What is a principal granted that it was not seen to use?
///
/// Holds what its policies allow against records of CloudTrail. An action is unused only where a
/// use of it would be in the records; else it is told as not observable. The window of the records
/// and what limits the conclusion stand with it.
#[derive(Debug, Args)]
pub(crate) struct UnusedArgs {
    /// An ARN, or the name of a user or role.
    principal: String,
    /// Files and folders of CloudTrail; `-` for standard input.
    #[arg(long = "log", required = true, value_name = "PATH")]
    logs: Vec<PathBuf>,
    /// Saved output of AWS's API, a file or folder.
    #[arg(long, required = true, value_name = "PATH")]
    from: PathBuf,
}

/// Write the smaller policies of a principal: what it used, and what no record would tell.
///
/// Actions that were not used go, resources become those that were; what denies stays. The result
/// never allows what the policies do not, and each recorded use is decided again by it. Exits with 1
/// where one would be refused.
#[derive(Debug, Args)]
pub(crate) struct RefineArgs {
    #[command(flatten)]
    of: UnusedArgs,
    /// Actions that stay, used or not, such as `kms:Decrypt` or `s3:Get*`; several times.
    #[arg(long, value_name = "PATTERN")]
    keep: Vec<String>,
}

#[derive(Debug, Args)]
struct RequestArgs {
    /// `service:Name`, such as s3:GetObject.
    action: String,
    /// An ARN; `*` for an action that has no resource.
    #[arg(default_value = "*")]
    resource: String,
    /// A key of the request's context, key=value; once more for a key with several values.
    #[arg(long, short, value_name = "KEY=VALUE")]
    context: Vec<String>,
    /// A key that the request does not have.
    #[arg(long, value_name = "KEY")]
    absent: Vec<String>,
    /// The account of a resource whose ARN does not say it, such as a bucket.
    #[arg(long, value_name = "ACCOUNT")]
    resource_account: Option<String>,
    #[command(flatten)]
    from: From,
}

#[derive(Debug, Args)]
struct From {
    /// Saved output of AWS's API, a file or folder, in place of what was synced; nothing is kept.
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
}

impl RequestArgs {
    fn ask(&self, principal: &str) -> anyhow::Result<Ask> {
        let mut ask = Ask {
            principal: principal.to_owned(),
            action: self.action.clone(),
            resource: self.resource.clone(),
            absent: self.absent.clone(),
            resource_account: self.resource_account.clone(),
            ..Ask::default()
        };
        for pair in &self.context {
            ask.know(pair)?;
        }
        Ok(ask)
    }

    fn query(&self, principal: Option<&str>) -> Vec<(&'static str, String)> {
        let principal = principal.map(|it| ("principal", it.to_owned()));
        let account = self.resource_account.clone().map(|it| ("resource_account", it));
        let fixed = [("action", self.action.clone()), ("resource", self.resource.clone())];
        let context = self.context.iter().map(|it| ("context", it.clone()));
        let absent = self.absent.iter().map(|it| ("absent", it.clone()));
        principal.into_iter().chain(fixed).chain(context).chain(absent).chain(account).collect()
    }
}

/// The answer out of saved output, or of the server.
fn answer(
    from: &From,
    global: &Global,
    (name, query): (&str, &[(&str, String)]),
    of_saved: impl FnOnce(&permissions::Accounts) -> app::Result<Value>,
) -> anyhow::Result<Value> {
    let Some(saved) = &from.from else {
        return Api::ask(global)?.get(&path(&["permissions", name], query));
    };
    let machine = app::machine::machine(Path::new("/"))?;
    let accounts = permissions::saved(saved, &machine, clock::now())?;
    Ok(of_saved(&accounts)?)
}

pub(crate) fn can(args: &CanArgs, global: &Global) -> anyhow::Result<Exit> {
    let ask = args.request.ask(&args.principal)?;
    let query = args.request.query(Some(&args.principal));
    let told = answer(&args.request.from, global, ("can", &query), |accounts| {
        Ok(json!(permissions::can(accounts, &ask)?))
    })?;
    if global.format == Format::Table {
        output::print(&can_told(&told))?;
    } else {
        output::print_value(&told, global.format)?;
    }
    Ok(match text(&told, "decision") {
        "allow" => Exit::Fine,
        "deny" => Exit::Findings,
        _ => Exit::Incomplete,
    })
}

pub(crate) fn who_can(args: &WhoCanArgs, global: &Global) -> anyhow::Result<Exit> {
    let ask = args.request.ask("")?;
    let query = args.request.query(None);
    let told = answer(&args.request.from, global, ("who-can", &query), |accounts| {
        Ok(json!(permissions::who_can(accounts, &ask)?))
    })?;
    if global.format != Format::Table {
        output::print_value(&told, global.format)?;
        return Ok(Exit::Fine);
    }
    let rows = list(&told, "principals");
    let mut lines = format!(
        "{} of {} principals may {} on {}\n",
        rows.len(),
        number(&told, "n_asked"),
        shown(text(&told, "action")),
        shown(text(&told, "resource")),
    );
    for row in rows {
        let (decision, who) = (text(row, "decision"), shown(text(row, "principal")));
        lines += &format!("  {decision:<12}{who}\n");
        lines += &residual(row, "              ");
    }
    output::print(&(lines + &assumed(&told)))?;
    Ok(Exit::Fine)
}

pub(crate) fn effective(args: &EffectiveArgs, global: &Global) -> anyhow::Result<Exit> {
    let query = [("principal", args.principal.clone())];
    let told = answer(&args.from, global, ("effective", &query), |accounts| {
        Ok(json!(permissions::effective(accounts, &args.principal)?))
    })?;
    if global.format != Format::Table {
        output::print_value(&told, global.format)?;
        return Ok(Exit::Fine);
    }
    let who = shown(text(&told, "principal")).into_owned();
    let mut lines = format!("{who} may use {} actions\n", number(&told, "n_actions"));
    for row in list(&told, "permissions") {
        let names = texts(row, "actions");
        let more = names.len().saturating_sub(MAX_NAMES);
        let first: Vec<&str> = names.iter().copied().take(MAX_NAMES).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (verdict, first) = (text(row, "verdict"), shown(&first.join(", ")).into_owned());
        lines += &format!("\n{verdict}: {first}{more}\n");
        for (title, field) in
            [("on", "resources"), ("on all but", "not_resources"), ("if", "conditions")]
        {
            for one in texts(row, field) {
                lines += &format!("  {title} {}\n", shown(one));
            }
        }
        for (title, field) in [
            ("allowed by", "allowed_by"),
            ("within", "limited_by"),
            ("denied in part by", "denied_by"),
        ] {
            for one in list(row, field) {
                lines += &format!("  {title} {}\n", cited(one));
            }
        }
    }
    output::print(&(lines + &assumed(&told)))?;
    Ok(Exit::Fine)
}

/// What the account is, and what was recorded.
fn observed(
    args: &UnusedArgs,
    talk: &Talk,
) -> anyhow::Result<(permissions::Accounts, app::activity::Summarized)> {
    let machine = app::machine::machine(Path::new("/"))?;
    let accounts = permissions::saved(&args.from, &machine, clock::now())?;
    let bar = talk.bar("activity");
    let input = std::io::stdin().lock();
    let summed =
        app::activity::summarize(&args.logs, input, &app::activity::Wanted::default(), |it| {
            bar.show(it);
        });
    bar.finish();
    let summed = summed?;
    if !summed.is_complete() {
        talk.say("some records were not taken in: `tutela activity summarize` says which");
    }
    Ok((accounts, summed))
}

pub(crate) fn refine(args: &RefineArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let (accounts, summed) = observed(&args.of, talk)?;
    let told = permissions::refinement(&accounts, &args.of.principal, &summed, &args.keep)?;
    let exit = if told.replay.n_changed == 0 { Exit::Fine } else { Exit::Findings };
    if global.format != Format::Table {
        output::print_value(&json!(told), global.format)?;
        return Ok(exit);
    }
    let mut lines = format!("{}\n", shown(&told.principal));
    for one in &told.policies {
        let act = match one.act {
            permissions::Act::Keep => "stays as it is",
            permissions::Act::Replace => "is to become smaller",
            permissions::Act::AttachAnother => {
                "is not this principal's alone: attach this one instead, and detach it"
            }
            permissions::Act::Detach => "is not needed: detach it",
            permissions::Act::OfGroup => "is of a group, and binds its other members too",
            permissions::Act::NotRead => "was not read, or is not valid",
        };
        lines += &format!("\n{} {act}\n", shown(&one.policy));
        let Some(refined) = &one.refined else { continue };
        let n_removed: usize = refined.removed.iter().map(|it| it.actions.len()).sum();
        let n_narrowed: usize = refined.narrowed.iter().map(|it| it.actions.len()).sum();
        lines += &format!(
            "  {n_removed} actions go, {n_narrowed} on fewer resources; {} of {} characters{}; {}\n",
            refined.size,
            refined.limit,
            if refined.fits { "" } else { ", which is too long" },
            match refined.never_wider {
                permissions::Proof::Yes => "proved to allow nothing new",
                permissions::Proof::NotWhole => "nothing new was found, not all was looked at",
            },
        );
        lines += &difference(one.before.as_ref(), refined.document.as_ref());
    }
    let replay = &told.replay;
    lines += &format!(
        "\nreplay: {} recorded uses, {} decided as before, {} otherwise\n",
        replay.n_uses, replay.n_same, replay.n_changed
    );
    for one in &replay.changed {
        let (action, resource) = (shown(&one.action), shown(&one.resource));
        lines += &format!("  {action} on {resource}: {:?}, then {:?}\n", one.before, one.after);
    }
    let evidence = json!(told.evidence);
    lines += &evidence_told(&evidence);
    if !told.kept_not_observable.is_empty() {
        let n = told.kept_not_observable.len();
        lines += &format!("  {n} actions stay because no record would tell of their use\n");
    }
    output::print(&(lines + &assumed(&json!(told))))?;
    Ok(exit)
}

/// What changes, line by line, with three lines around.
fn difference(before: Option<&Value>, after: Option<&Value>) -> String {
    let pretty =
        |value: Option<&Value>| value.map_or_else(String::new, |value| format!("{value:#}\n"));
    let (before, after) = (pretty(before), pretty(after));
    let diff = similar::TextDiff::from_lines(&before, &after);
    let text = diff.unified_diff().context_radius(3).to_string();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| format!("  {}\n", shown(line))).collect()
}

fn evidence_told(evidence: &Value) -> String {
    let mut lines = format!(
        "  evidence: {} from {} to {}, confidence {}\n",
        text(evidence, "source"),
        text(evidence, "from"),
        text(evidence, "to"),
        text(evidence, "confidence"),
    );
    for limit in texts(evidence, "limits") {
        lines += &format!("    {}\n", shown(limit));
    }
    lines
}

pub(crate) fn unused(args: &UnusedArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let (accounts, summed) = observed(args, talk)?;
    let told = json!(permissions::unused(&accounts, &args.principal, &summed)?);
    if global.format != Format::Table {
        output::print_value(&told, global.format)?;
        return Ok(Exit::Fine);
    }
    let evidence = told.get("evidence").unwrap_or(&Value::Null);
    let mut lines = format!(
        "{} is granted {} actions: {} used, {} unused, {} not observable\n",
        shown(text(&told, "principal")),
        number(&told, "n_granted"),
        number(&told, "n_used"),
        number(&told, "n_unused"),
        number(&told, "n_not_observable"),
    );
    lines += &evidence_told(evidence);
    for state in ["used", "unused", "not_observable"] {
        for grant in list(&told, "grants").iter().filter(|it| text(it, "state") == state) {
            let last = text(grant, "last_used");
            let (action, level) = (shown(text(grant, "action")), text(grant, "access_level"));
            lines += &format!("  {state:<16}{level:<24}{action} {last}\n");
        }
    }
    for action in texts(&told, "used_beyond") {
        lines += &format!("  used, and granted elsewhere: {}\n", shown(action));
    }
    output::print(&(lines + &assumed(&told)))?;
    Ok(Exit::Fine)
}

/// Of the actions that stand together, so many are named for people.
const MAX_NAMES: usize = 12;

fn can_told(told: &Value) -> String {
    let mut lines = format!(
        "{}: {} {} on {}\n",
        text(told, "decision"),
        shown(text(told, "principal")),
        shown(text(told, "action")),
        shown(text(told, "resource")),
    );
    if let Some(layer) = told["blocked_by"].as_str() {
        lines += &format!(
            "  blocked by the {layer} layer ({})\n",
            text(told, "reason").replace('_', " ")
        );
    }
    lines += &residual(told, "  ");
    lines += "  layers\n";
    for layer in list(told, "layers") {
        let level = layer["level"].as_u64().map(|level| format!(" {level}")).unwrap_or_default();
        let name = format!("{}{level}", text(layer, "layer"));
        lines += &format!("    {name:<12}{}\n", text(layer, "says"));
    }
    for (title, field) in [("decided by", "deciding"), ("nearest", "nearest")] {
        for one in list(told, field) {
            lines += &format!("  {title} {}\n", cited(one));
            for failed in list(one, "failed") {
                let actual = match &failed["actual"] {
                    Value::Null => "it is absent or not known".to_owned(),
                    _ => format!("it is {}", texts(failed, "actual").join(", ")),
                };
                let required = texts(failed, "required").join(", ");
                let element = text(failed, "element");
                lines += &format!(
                    "    fails: {} has to be {}; {}\n",
                    shown(element),
                    shown(&required),
                    shown(&actual)
                );
            }
        }
    }
    for change in list(told, "changes").iter().take(1) {
        lines += "  to turn it round\n";
        for edit in list(change, "edits") {
            lines += &format!("    {}\n", shown(&edit_told(edit)));
        }
    }
    lines + &assumed(told)
}

fn edit_told(edit: &Value) -> String {
    match text(edit, "edit") {
        "set-context" => {
            format!("with {} = {}", text(edit, "key"), texts(edit, "values").join(", "))
        }
        "except" => format!("except it from, or remove, {}", cited(&edit["statement"])),
        _ => {
            let level =
                edit["level"].as_u64().map(|n| format!(" at level {n}")).unwrap_or_default();
            let (effect, layer) = (text(edit, "effect"), text(edit, "layer"));
            let (action, resource) = (text(edit, "action"), text(edit, "resource"));
            format!("add to the {layer} layer{level}: {effect} {action} on {resource}")
        }
    }
}

fn residual(told: &Value, indent: &str) -> String {
    let condition = |one: &Value| {
        if let Some(unread) = text(one, "key").strip_prefix("document:") {
            let (what, says) = unread.rsplit_once('/').unwrap_or((unread, "allows"));
            let says = match (says, one["negated"] == true) {
                ("denies", true) => "does not deny it",
                ("denies", false) => "denies it",
                (_, true) => "does not allow it",
                (_, false) => "allows it",
            };
            return format!("`{what}`, which was not read, {says}");
        }
        let not = if one["negated"] == true { "not " } else { "" };
        let (operator, key) = (text(one, "operator"), text(one, "key"));
        format!("{not}{operator} {key} {}", texts(one, "values").join(", "))
    };
    let mut lines = String::new();
    for cube in list(told, "residual") {
        let all: Vec<String> = cube.as_array().into_iter().flatten().map(condition).collect();
        lines += &format!("{indent}if {}\n", shown(&all.join(" and ")));
    }
    lines
}

fn cited(one: &Value) -> String {
    let sid = one["sid"].as_str().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let (effect, policy, pointer) =
        (text(one, "effect"), text(one, "policy"), text(one, "pointer"));
    shown(&format!("{effect} {policy} {pointer}{sid}")).into_owned()
}

fn assumed(told: &Value) -> String {
    texts(told, "assumed").into_iter().map(|it| format!("  assumed: {}\n", shown(it))).collect()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    list(value, name).iter().filter_map(Value::as_str).collect()
}
