//! GitHub Actions: workflows and composite actions.
//!
//! The subject of a job's token follows GitHub's default template: the environment if the job has
//! one, else `pull_request`, else the ref that the event runs on.

use std::collections::{BTreeMap, BTreeSet};

use model::{Authority, Fact, Grant, Identity, Subject, Value, kinds};

use super::ci::{self, Federation, Names, Presented};
use super::cloud;
use super::reading::Reading;
use crate::yaml::Node;

/// Steps of one job beyond this are not read; GitHub itself refuses far fewer.
const MAX_STEPS: usize = 5_000;

/// GitHub knows far fewer events; very many more are made to multiply.
const MAX_EVENTS: usize = 100;

/// Organisations whose actions GitHub itself publishes.
const FIRST_PARTY: &[&str] = &["actions", "github"];

pub(super) fn workflow(reading: &mut Reading<'_>, document: &Node) {
    let Some(jobs) = document.get("jobs").filter(|jobs| jobs.is_mapping()) else { return };
    // Only workflows at the root of a repository ever run; others are examples or templates.
    let is_at_root = reading.path_in_checkout().matches('/').count() == 2;
    if reading.file.checkout.git.is_some() && !is_at_root {
        return;
    }
    let system = system(reading);
    let mut pipeline = ci::pipeline(reading, system);
    if let Some(name) = document.get("name").and_then(Node::stated) {
        pipeline.fact("title", Fact::known(name));
    }
    let mut events = events(document.get("on"));
    if events.len() > MAX_EVENTS {
        events.truncate(MAX_EVENTS);
        ci::too_many(reading, format!("more than {MAX_EVENTS} events"));
    }
    let triggers: Vec<String> = events.iter().map(|event| event.name.to_owned()).collect();
    pipeline.fact("triggers", Fact::known(triggers));
    let federation = federation(reading, &events, None);
    let environment = environment_of(document.get("env"));
    let permissions = Permissions::of(document.get("permissions"));
    grant_permissions(reading, &mut pipeline, &permissions);

    let mut names = Names::new();
    names_in(reading, document, &["jobs"], &mut names);
    let mut seen = Seen::default();
    if jobs.pairs().count() > ci::MAX_JOBS {
        ci::too_many(reading, format!("more than {} jobs", ci::MAX_JOBS));
    }
    for (name, node) in jobs.pairs().take(ci::MAX_JOBS) {
        let job = Job {
            name,
            node,
            permissions: node.get("permissions").map(|node| Permissions::of(Some(node))),
            inherited: &permissions,
            environment: job_environment(node),
            variables: Variables {
                outer: Some(&environment),
                own: environment_of(node.get("env")),
            },
            events: &events,
            federation: &federation,
        };
        read_job(reading, &pipeline, &job, &mut names, &mut seen);
    }
    seen.tell(&mut pipeline);
    ci::secrets(reading, &mut pipeline, "", &names);
    reading.batch.identities.push(pipeline);
}

/// A composite action runs in the caller's job: it has no identity, and what it names the caller has.
pub(super) fn action(reading: &mut Reading<'_>, document: &Node) {
    let Some(runs) = document.get("runs") else { return };
    if runs.get("using").and_then(Node::text) != Some("composite") {
        return;
    }
    let mut identity = ci::pipeline(reading, system(reading));
    identity.fact("composite_action", Fact::known(true));
    let mut seen = Seen::default();
    let mut steps = Vec::new();
    for step in runs.get("steps").map(Node::items).unwrap_or_default().iter().take(MAX_STEPS) {
        seen.step(reading, step, &[]);
        steps.extend(login(step));
    }
    let events = [Event { name: "workflow_call", node: None }];
    let federation = federation(reading, &events, None);
    for login in steps {
        login.tell(reading, &identity, &federation, &Variables::default(), IdToken::Unstated);
    }
    seen.tell(&mut identity);
    reading.batch.identities.push(identity);
}

fn system(reading: &Reading<'_>) -> &'static str {
    let within = |name: &str| reading.file.path.iter().any(|part| part == name);
    if within(".gitea") {
        "gitea"
    } else if within(".forgejo") {
        "forgejo"
    } else {
        "github"
    }
}

struct Job<'a> {
    name: &'a str,
    node: &'a Node,
    /// None when the job states none and the workflow's hold.
    permissions: Option<Permissions>,
    inherited: &'a Permissions,
    environment: Option<String>,
    variables: Variables<'a>,
    events: &'a [Event<'a>],
    /// The tokens of a job without an environment.
    federation: &'a Federation,
}

fn read_job(
    reading: &mut Reading<'_>,
    pipeline: &Identity,
    job: &Job<'_>,
    names: &mut Names,
    seen: &mut Seen,
) {
    let is_own = job.permissions.is_some() || job.environment.is_some();
    let mut identity = ci::job(reading, pipeline, job.name, job.node.line);
    let mut own_names = Names::new();
    names_in(reading, job.node, &[], &mut own_names);

    let permissions = job.permissions.as_ref().unwrap_or(job.inherited);
    if let Some(own) = &job.permissions {
        grant_permissions(reading, &mut identity, own);
    }
    let environment = job.environment.as_deref();
    if let Some(environment) = environment {
        identity.fact("environment", Fact::known(environment));
        if !cloud::has_expression(environment) {
            identity.environment = Fact::known(environment);
        }
    }
    let runners = runners(job.node);
    if let Some(runners) = &runners {
        seen.runners.extend(runners.iter().cloned());
        identity.fact("runners", Fact::known(runners.clone()));
        identity.fact("self_hosted", self_hosted(runners.iter()));
    }

    let own = is_own.then(|| identity.clone());
    let presenter = own.as_ref().unwrap_or(pipeline);
    let with_environment = environment.map(|name| federation(reading, job.events, Some(name)));
    let federation = with_environment.as_ref().unwrap_or(job.federation);
    let steps = job.node.get("steps").map(Node::items).unwrap_or_default();
    let logins: Vec<Login<'_>> =
        steps.iter().take(MAX_STEPS).filter_map(|step| login(step)).collect();
    let presents = permissions.id_token();
    let n_trusts = reading.batch.trusts.len();
    for login in &logins {
        login.tell(reading, presenter, federation, &job.variables, presents);
    }
    let signs_in = presents == IdToken::Granted || reading.batch.trusts.len() > n_trusts;
    if signs_in && ci::tell_subjects(reading, &mut identity, federation) {
        seen.subjects.extend(federation.subjects.iter().map(|one| one.subject.clone()));
    }
    for step in steps.iter().take(MAX_STEPS) {
        seen.step(reading, step, job.events);
    }
    if let Some(called) = job.node.get("uses") {
        call(reading, presenter, job, called, seen);
    }
    if is_own {
        ci::secrets(reading, &mut identity, "", &own_names);
        reading.batch.identities.push(identity);
    } else {
        for (name, line) in own_names {
            ci::note(names, name, line);
        }
    }
}

/// A job that is another workflow: that workflow's code runs with this one's token and secrets.
fn call(
    reading: &mut Reading<'_>,
    presenter: &Identity,
    job: &Job<'_>,
    called: &Node,
    seen: &mut Seen,
) {
    let Some(text) = called.stated() else { return };
    let inherits = job.node.get("secrets").and_then(Node::text) == Some("inherit");
    let (path, reference) = match text.split_once('@') {
        Some((path, reference)) => (path, Some(reference)),
        None => (text, None),
    };
    let native_id = called_pipeline(reading.repository(), path);
    let system = system(reading);
    let callee = reading.mention(kinds::CI_PIPELINE, system, "", &native_id, called.line);
    let from = Subject::Identity { identity: callee };
    let mut trust =
        ci::trust(reading, "reusable-workflow", presenter, from, presenter.id, called.line);
    trust.facts.insert("secrets_inherited".into(), Fact::known(inherits));
    if let Some(reference) = reference {
        trust.facts.insert("ref".into(), Fact::known(reference));
        trust.facts.insert("pinned".into(), Fact::known(is_commit(reference)));
    }
    reading.batch.trusts.push(trust);
    seen.called.insert(text.to_owned());
    seen.unpinned(reading, text);
    if inherits {
        seen.inherited.insert(text.to_owned());
    }
}

/// The native id of a workflow named by `./path` or `owner/repo/path`.
fn called_pipeline(own: &str, path: &str) -> String {
    if let Some(local) = path.strip_prefix("./") {
        return format!("{own}:{local}");
    }
    let mut parts = path.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(owner), Some(repository), Some(file)) => format!("{owner}/{repository}:{file}"),
        _ => path.to_owned(),
    }
}

/// What the steps of a pipeline show, told once.
#[derive(Default)]
struct Seen {
    runners: BTreeSet<String>,
    unpinned: BTreeSet<String>,
    subjects: BTreeSet<String>,
    called: BTreeSet<String>,
    inherited: BTreeSet<String>,
    untrusted_checkout: Option<u32>,
}

impl Seen {
    fn step(&mut self, reading: &Reading<'_>, step: &Node, events: &[Event<'_>]) {
        let Some(uses) = step.get("uses").and_then(Node::stated) else { return };
        self.unpinned(reading, uses);
        let is_privileged =
            events.iter().any(|event| matches!(event.name, "pull_request_target" | "workflow_run"));
        if is_privileged && uses.starts_with("actions/checkout@") {
            let reference = step.at(&["with", "ref"]).and_then(Node::text).unwrap_or_default();
            let is_foreign = ["pull_request.head", "head_ref", "workflow_run.head", "/merge"]
                .iter()
                .any(|part| reference.contains(part));
            if is_foreign {
                self.untrusted_checkout.get_or_insert(step.line);
            }
        }
    }

    /// Notes an action of somebody else that is named by a tag or branch its author can move.
    fn unpinned(&mut self, reading: &Reading<'_>, uses: &str) {
        let is_local = uses.starts_with("./") || cloud::has_expression(uses);
        let owner = uses.split('/').next().unwrap_or_default();
        let own = reading.repository().split('/').next().unwrap_or_default();
        let is_pinned = match uses.strip_prefix("docker://") {
            Some(image) => image.contains("@sha256:"),
            None => uses.rsplit('@').next().is_some_and(is_commit),
        };
        if !is_local && !is_pinned && owner != own && !FIRST_PARTY.contains(&owner) {
            self.unpinned.insert(uses.to_owned());
        }
    }

    fn tell(self, identity: &mut Identity) {
        let list = |set: BTreeSet<String>| Fact::known(set.into_iter().collect::<Vec<_>>());
        if !self.runners.is_empty() {
            identity.fact("self_hosted", self_hosted(self.runners.iter()));
            identity.fact("runners", list(self.runners));
        }
        identity.fact("unpinned_actions", list(self.unpinned));
        if !self.subjects.is_empty() {
            identity.fact("oidc_subjects", list(self.subjects));
        }
        if !self.called.is_empty() {
            identity.fact("reusable_workflows", list(self.called));
        }
        if !self.inherited.is_empty() {
            identity.fact("secrets_inherited_by", list(self.inherited));
        }
        if let Some(line) = self.untrusted_checkout {
            let fact = Fact::known(true).because(format!("line {line} checks out a foreign head"));
            identity.fact("checks_out_untrusted_code", fact);
        }
    }
}

fn is_commit(reference: &str) -> bool {
    matches!(reference.len(), 40 | 64) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn runners(job: &Node) -> Option<Vec<String>> {
    let node = job.get("runs-on")?;
    let mut labels = Vec::new();
    if let Some(group) = node.get("group").and_then(Node::stated) {
        labels.push(format!("group:{group}"));
    }
    let listed = if node.is_mapping() { node.get("labels") } else { Some(node) };
    for label in listed.map(Node::one_or_many).unwrap_or_default() {
        labels.extend(label.stated().map(ToOwned::to_owned));
    }
    Some(labels)
}

fn self_hosted<'a>(mut labels: impl Iterator<Item = &'a String>) -> Fact<Value> {
    let mut is_told = true;
    let is_own = labels.any(|label| {
        is_told &= !cloud::has_expression(label) && !label.starts_with("group:");
        label == "self-hosted"
    });
    if is_own || is_told {
        Fact::known(is_own)
    } else {
        Fact::not_observable("the runner is chosen by an expression or a group")
    }
}

/// Literal variables of a job, over those of its workflow.
#[derive(Default)]
struct Variables<'a> {
    outer: Option<&'a BTreeMap<&'a str, &'a str>>,
    own: BTreeMap<&'a str, &'a str>,
}

impl<'a> Variables<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.own.get(name).or_else(|| self.outer?.get(name)).copied()
    }
}

/// Literal variables of an `env` block.
fn environment_of(node: Option<&Node>) -> BTreeMap<&str, &str> {
    let pairs = node.map(|node| node.pairs().collect::<Vec<_>>()).unwrap_or_default();
    let literal = |value: &'_ Node| value.stated().is_some_and(|text| !text.contains("${{"));
    let pairs = pairs.into_iter().filter(|(_, value)| literal(value));
    pairs.filter_map(|(name, value)| Some((name, value.stated()?))).collect()
}

fn job_environment(job: &Node) -> Option<String> {
    let node = job.get("environment")?;
    node.stated().or_else(|| node.get("name")?.stated()).map(ToOwned::to_owned)
}

/// The job's own token, and the two switches for more log lines that GitHub lets one set as secrets.
const NO_SECRETS: &[&str] = &["GITHUB_TOKEN", "ACTIONS_RUNNER_DEBUG", "ACTIONS_STEP_DEBUG"];

/// Names of secrets in the expressions of a node, except below the keys in `except`.
fn names_in(reading: &Reading<'_>, node: &Node, except: &[&str], names: &mut Names) {
    let mut visit = |key: Option<&str>, scalar: &Node| {
        let Some(value) = scalar.text() else { return };
        for expression in expressions(value, key == Some("if")) {
            for name in members(expression, "secrets") {
                if !NO_SECRETS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                    let line = reading.line_of(scalar.line, &name);
                    ci::note(names, name, line);
                }
            }
        }
    };
    for (key, value) in node.pairs() {
        if except.contains(&key) {
            continue;
        }
        match value.text() {
            Some(_) => visit(Some(key), value),
            None => value.scalars(&mut visit),
        }
    }
}

/// The insides of `${{ … }}`; the whole text where a key is an expression by itself.
fn expressions(text: &str, is_bare: bool) -> Vec<&str> {
    if is_bare && !text.contains("${{") {
        return vec![text];
    }
    text.split("${{").skip(1).map(|part| part.split("}}").next().unwrap_or(part)).collect()
}

/// Members of a context in an expression: `secrets.NAME` and `secrets['NAME']`.
fn members(expression: &str, context: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = ' ';
    let mut rest = expression;
    while let Some((head, tail)) = rest.split_once(context) {
        before = head.chars().next_back().unwrap_or(before);
        rest = tail;
        if before.is_ascii_alphanumeric() || matches!(before, '_' | '.' | '-') {
            continue;
        }
        let name = match tail.strip_prefix('.') {
            Some(name) => name,
            None => match tail.trim_start().strip_prefix('[').map(str::trim_start) {
                Some(index) => match index.strip_prefix(['\'', '"']) {
                    Some(name) => name,
                    None => continue,
                },
                None => continue,
            },
        };
        let name: String = name
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            .collect();
        if !name.is_empty() {
            found.push(name);
        }
        before = '.';
    }
    found
}

/// What a workflow or job asks for in `permissions`.
#[derive(Debug, PartialEq, Eq)]
enum Permissions {
    Unstated,
    /// `read-all` or `write-all`.
    All(String),
    Listed(Vec<String>, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IdToken {
    Granted,
    NotGranted,
    Unstated,
}

impl Permissions {
    fn of(node: Option<&Node>) -> Self {
        let Some(node) = node else { return Self::Unstated };
        if let Some(all) = node.stated() {
            return Self::All(all.to_owned());
        }
        let mut listed: Vec<String> = node
            .pairs()
            .filter_map(|(name, level)| Some((name, level.stated()?)))
            .filter(|(_, level)| *level != "none")
            .map(|(name, level)| format!("{name}:{level}"))
            .collect();
        listed.sort();
        Self::Listed(listed, node.line)
    }

    fn id_token(&self) -> IdToken {
        match self {
            Self::Unstated => IdToken::Unstated,
            Self::All(all) if all == "write-all" => IdToken::Granted,
            Self::All(_) => IdToken::NotGranted,
            Self::Listed(listed, _) if listed.iter().any(|one| one == "id-token:write") => {
                IdToken::Granted
            }
            Self::Listed(..) => IdToken::NotGranted,
        }
    }
}

fn grant_permissions(
    reading: &mut Reading<'_>,
    identity: &mut Identity,
    permissions: &Permissions,
) {
    let (actions, line) = match permissions {
        Permissions::Unstated => {
            let reason = "repository default, not stated";
            identity.fact("permissions", Fact::not_observable(reason));
            return;
        }
        Permissions::All(all) => (vec![all.clone()], 1),
        Permissions::Listed(listed, line) => (listed.clone(), *line),
    };
    identity.fact("permissions", Fact::known(actions.clone()));
    if actions.is_empty() {
        return;
    }
    let mut grant = Grant::new(
        "workflow-permissions",
        identity.system.clone(),
        "",
        identity.native_id.clone(),
        reading.folder.scope,
        identity.id,
    );
    grant.authority = Authority::Declared;
    grant.loci = reading.loci();
    grant.actions = actions;
    grant.resources = vec![format!("repo:{}", reading.repository())];
    grant.evidence.push(reading.evidence(line, "permissions"));
    reading.batch.grants.push(grant);
}

/// One entry of `on`.
struct Event<'a> {
    name: &'a str,
    node: Option<&'a Node>,
}

fn events(on: Option<&Node>) -> Vec<Event<'_>> {
    let Some(on) = on else { return Vec::new() };
    if on.is_mapping() {
        return on.pairs().map(|(name, node)| Event { name, node: Some(node) }).collect();
    }
    let names = on.one_or_many().into_iter().filter_map(Node::stated);
    names.map(|name| Event { name, node: None }).collect()
}

impl Event<'_> {
    fn list(&self, key: &str) -> Option<Vec<String>> {
        let node = self.node?.get(key)?;
        Some(
            node.one_or_many()
                .into_iter()
                .filter_map(Node::stated)
                .map(ToOwned::to_owned)
                .collect(),
        )
    }

    /// The refs that a job of this event runs on, as `refs/heads/…`; none when the token of the
    /// event names no ref.
    fn refs(&self, default_branch: Option<&str>) -> Option<Vec<String>> {
        let any_head = || vec![String::from("refs/heads/*")];
        let any_ref = || vec![String::from("refs/heads/*"), String::from("refs/tags/*")];
        let on_default = || match default_branch {
            Some(branch) => vec![format!("refs/heads/{branch}")],
            None => any_head(),
        };
        let named = |prefix: &str, names: Vec<String>| -> Vec<String> {
            let kept = names.into_iter().filter(|name| !name.starts_with('!'));
            kept.map(|name| format!("{prefix}{}", name.replace("**", "*"))).collect()
        };
        Some(match self.name {
            "pull_request" | "pull_request_review" | "pull_request_review_comment" => return None,
            "push" => {
                let heads = self.list("branches").map(|names| named("refs/heads/", names));
                let heads = heads.or_else(|| self.list("branches-ignore").map(|_| any_head()));
                let tags = self.list("tags").map(|names| named("refs/tags/", names));
                let tags = tags.or_else(|| {
                    self.list("tags-ignore").map(|_| vec![String::from("refs/tags/*")])
                });
                match (heads, tags) {
                    (None, None) => any_ref(),
                    (heads, tags) => [heads.unwrap_or_default(), tags.unwrap_or_default()].concat(),
                }
            }
            // Runs on the branch that the pull request asks to merge into.
            "pull_request_target" => match self.list("branches") {
                Some(names) => named("refs/heads/", names),
                None => any_head(),
            },
            "workflow_dispatch" | "create" | "deployment" | "deployment_status" => any_ref(),
            "release" => vec![String::from("refs/tags/*")],
            "merge_group" => vec![String::from("refs/heads/gh-readonly-queue/*")],
            _ => on_default(),
        })
    }
}

/// The tokens a job of these events can ask for.
fn federation(
    reading: &Reading<'_>,
    events: &[Event<'_>],
    environment: Option<&str>,
) -> Federation {
    let checkout = &reading.file.checkout;
    let issuer = match checkout.host.as_deref() {
        None | Some("github.com" | "ssh.github.com") => {
            String::from("https://token.actions.githubusercontent.com")
        }
        Some(host) => format!("https://{host}/_services/token"),
    };
    let repository = format!("repo:{}", reading.repository());
    let mut all = Vec::new();
    for event in events {
        if event.name == "workflow_call" {
            let reason = "called by other workflows, whose subject it presents";
            all.push(
                Presented::new(format!("{repository}:*")).when("event", event.name).inexact(reason),
            );
            continue;
        }
        if let Some(environment) = environment {
            // GitHub writes a colon of the name as `%3A`, since colons part the subject.
            let is_open = cloud::has_expression(environment);
            let name = if is_open { String::from("*") } else { environment.replace(':', "%3A") };
            let presented = Presented::new(format!("{repository}:environment:{name}"));
            let presented = presented.when("event", event.name).when("environment", environment);
            all.push(if is_open {
                presented.inexact("the environment is an expression")
            } else {
                presented
            });
            continue;
        }
        let Some(refs) = event.refs(checkout.default_branch.as_deref()) else {
            all.push(
                Presented::new(format!("{repository}:pull_request")).when("event", event.name),
            );
            continue;
        };
        let is_known = checkout.default_branch.is_some();
        let runs_on_default =
            event.refs(Some("\u{0}")).is_some_and(|refs| refs == ["refs/heads/\u{0}"]);
        for name in refs {
            let presented =
                Presented::new(format!("{repository}:ref:{name}")).when("event", event.name);
            all.push(if runs_on_default && !is_known {
                presented
                    .inexact("runs on the default branch, whose name the checkout does not record")
            } else {
                presented
            });
        }
    }
    Federation { issuer, subjects: ci::merge(all) }
}

const CONFIGURE_AWS: &str = "aws-actions/configure-aws-credentials";

/// A step that turns the job's token, or a key, into a cloud identity.
struct Login<'a> {
    action: &'a str,
    with: &'a Node,
}

fn login(step: &Node) -> Option<Login<'_>> {
    let uses = step.get("uses")?.stated()?;
    let action = uses.split('@').next()?.trim_end_matches('/');
    let with = step.get("with")?;
    const LOGINS: &[&str] =
        &[CONFIGURE_AWS, "azure/login", "google-github-actions/auth", "hashicorp/vault-action"];
    let known = LOGINS.iter().find(|known| action.eq_ignore_ascii_case(known)).copied();
    // A fork, a wrapper or the action's own checkout (`./`): the input says what it does.
    let takes_role = || with.pairs().any(|(key, _)| key.eq_ignore_ascii_case("role-to-assume"));
    let action = known.or_else(|| takes_role().then_some(CONFIGURE_AWS))?;
    Some(Login { action, with })
}

impl Login<'_> {
    fn input(&self, name: &str, variables: &Variables<'_>) -> Option<(String, u32)> {
        let (_, node) = self.with.pairs().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        let text = node.stated()?.trim();
        (!text.is_empty()).then(|| (resolve(text, variables), node.line))
    }

    fn tell(
        &self,
        reading: &mut Reading<'_>,
        identity: &Identity,
        federation: &Federation,
        variables: &Variables<'_>,
        id_token: IdToken,
    ) {
        let input = |name: &str| self.input(name, variables);
        let audience = input("audience").map(|(audience, _)| audience);
        let audience = |default: &str| audience.clone().unwrap_or_else(|| default.to_owned());
        let n_before = reading.batch.trusts.len();
        match self.action {
            CONFIGURE_AWS => {
                let Some((role, line)) = input("role-to-assume") else { return };
                let role = cloud::aws_role(reading, &role, line);
                if input("aws-access-key-id").is_some()
                    || input("role-chaining").is_some_and(|(on, _)| on == "true")
                {
                    ci::uses(reading, "assume-role", identity, role, line);
                    return;
                }
                ci::assumes(
                    reading,
                    identity,
                    federation,
                    Some(&audience("sts.amazonaws.com")),
                    role,
                    line,
                );
            }
            "azure/login" => {
                let Some((client, line)) = input("client-id") else { return };
                let tenant = input("tenant-id").map(|(tenant, _)| tenant);
                let client = cloud::azure_client(reading, &client, tenant.as_deref(), line);
                ci::assumes(
                    reading,
                    identity,
                    federation,
                    Some(&audience("api://AzureADTokenExchange")),
                    client,
                    line,
                );
            }
            "google-github-actions/auth" => {
                let Some((provider, line)) = input("workload_identity_provider") else { return };
                let provider = provider.trim().to_owned();
                let account = match input("service_account") {
                    Some((account, line)) => cloud::gcp_service_account(reading, &account, line),
                    // Without an account the pool's own principal is granted access directly.
                    None => {
                        cloud::unresolved(reading, kinds::SERVICE_PRINCIPAL, "gcp", &provider, line)
                    }
                };
                let audience = audience(&format!("https://iam.googleapis.com/{provider}"));
                ci::assumes(reading, identity, federation, Some(&audience), account, line);
            }
            _ => {
                let method =
                    input("method").map_or_else(|| String::from("token"), |(method, _)| method);
                let Some((role, line)) = input("role").filter(|_| method == "jwt") else { return };
                let address = input("url").map(|(url, _)| url);
                let mount = input("path").map_or_else(|| String::from("jwt"), |(path, _)| path);
                let role = cloud::vault_role(reading, address.as_deref(), &mount, &role, line);
                let audience = input("jwtGithubAudience").map(|(audience, _)| audience);
                ci::assumes(reading, identity, federation, audience.as_deref(), role, line);
            }
        }
        let state = match id_token {
            IdToken::Granted => Fact::known(true),
            IdToken::NotGranted => Fact::known(false)
                .because("`id-token: write` is not among the permissions: the login fails unless a caller grants it"),
            IdToken::Unstated => Fact::not_observable("repository default, not stated"),
        };
        for trust in reading.batch.trusts.iter_mut().skip(n_before) {
            trust.facts.insert("id_token".into(), state.clone());
        }
    }
}

/// Fills in variables that the same file states.
fn resolve(text: &str, variables: &Variables<'_>) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, (expression, tail))) =
        rest.split_once("${{").and_then(|(head, tail)| Some((head, tail.split_once("}}")?)))
    {
        resolved.push_str(head);
        let name = expression.trim().strip_prefix("env.");
        let value = name.and_then(|name| variables.get(name));
        let fits = |value: &&str| resolved.len() + value.len() <= ci::MAX_FILLED_BYTES;
        match value.filter(fits) {
            Some(value) => resolved.push_str(value),
            None => resolved.push_str(&format!("${{{{{expression}}}}}")),
        }
        rest = tail;
    }
    resolved.push_str(rest);
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_expressions() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<String> = expressions(text, false)
                .into_iter()
                .flat_map(|inner| members(inner, "secrets"))
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("${{ secrets.A }} and ${{secrets['B']}}", &["A", "B"]);
        check("${{ secrets.A || secrets.B-C }}", &["A", "B-C"]);
        check("my_secrets.A ${{ inputs.secrets.A }}", &[]);
        check("${{ toJSON(secrets) }}", &[]);
        check("secrets.A", &[]);
    }

    #[test]
    fn variables_of_the_file_are_filled_in() {
        let long = "x".repeat(1_000);
        let own = BTreeMap::from([("ACCOUNT", "123456789012"), ("LONG", &long)]);
        let outer = BTreeMap::from([("ACCOUNT", "1"), ("REGION", "eu")]);
        let variables = Variables { outer: Some(&outer), own };
        let check = |text: &str, expected: &str| assert_eq!(resolve(text, &variables), expected);
        check("arn:aws:iam::${{ env.ACCOUNT }}:role/x", "arn:aws:iam::123456789012:role/x");
        check("${{ secrets.ROLE }}", "${{ secrets.ROLE }}");
        check("${{ env.ACCOUNT", "${{ env.ACCOUNT");
        check("${{ env.REGION }}", "eu");
        assert!(resolve(&"${{ env.LONG }}".repeat(100), &variables).len() < 4_000);
    }
}
