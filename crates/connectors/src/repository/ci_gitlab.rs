//! GitLab CI: jobs, their ID tokens, the roles their scripts take on, and the variables they name.

use std::collections::{BTreeMap, BTreeSet};

use model::{Authority, Credential, Fact, Identity, Place, kinds};

use super::ci::{self, Federation, Names, Presented};
use super::cloud;
use super::reading::Reading;
use crate::address::{Address, public_command, public_host, public_text};
use crate::yaml::Node;

/// Keys of the top level that are not jobs.
const GLOBAL: &[&str] = &[
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "before_script",
    "after_script",
    "cache",
    "spec",
    "types",
];

/// GitLab itself takes eleven parents of a job, in all; more are made to multiply.
const MAX_PARENTS: usize = 11;
const MAX_INHERITANCE: usize = 12;
/// Variables of a pipeline or a job beyond this are not read: each job has all of the pipeline's.
const MAX_VARIABLES: usize = 1_000;

pub(super) fn pipeline(reading: &mut Reading<'_>, document: &Node) {
    if !document.is_mapping() || is_header(document) {
        return;
    }
    let mut jobs: Vec<(&str, &Node)> = document
        .pairs()
        .filter(|(name, node)| {
            let is_job =
                ["script", "extends", "trigger", "run"].iter().any(|key| node.get(key).is_some());
            !GLOBAL.contains(name) && !name.starts_with('.') && is_job
        })
        .collect();
    let has_templates =
        document.pairs().any(|(name, _)| name.starts_with('.') || GLOBAL.contains(&name));
    if jobs.is_empty() && !has_templates {
        return;
    }
    if jobs.len() > ci::MAX_JOBS {
        jobs.truncate(ci::MAX_JOBS);
        ci::too_many(reading, format!("more than {} jobs", ci::MAX_JOBS));
    }
    let mut identity = ci::pipeline(reading, "gitlab");
    includes(document, &mut identity);
    let global = variables(document.get("variables"));
    if global.len() > MAX_VARIABLES {
        ci::too_many(reading, format!("more than {MAX_VARIABLES} variables"));
    }
    let cost = |(name, value): (&String, &String)| name.len() + value.len() + size_of::<String>();
    let global_cost: usize = global.iter().map(cost).sum();
    let mut names = Names::new();
    // Looked up for every key of every job.
    let parts: Parts<'_> = document.pairs().collect();
    let mut sources = BTreeSet::new();
    sources_in(document.get("workflow"), &mut sources);
    for (name, node) in jobs {
        sources_in(node.get("rules"), &mut sources);
        let job = Job { parts: &parts, node };
        if !reading.may_repeat(global_cost + job.cost()) {
            continue;
        }
        job.read(reading, &identity, name, &global, &mut names);
    }
    identity.fact("triggers", Fact::known(sources.into_iter().collect::<Vec<_>>()));
    ci::secrets(reading, &mut identity, "", &names);
    reading.batch.identities.push(identity);
}

/// A component's `spec:` document, before the jobs.
fn is_header(document: &Node) -> bool {
    document.get("spec").is_some() && document.pairs().count() == 1
}

/// Files of other projects and addresses that this pipeline takes jobs from.
fn includes(document: &Node, identity: &mut Identity) {
    let mut all = Vec::new();
    let mut unpinned = Vec::new();
    for include in document.get("include").map(Node::one_or_many).unwrap_or_default() {
        let stated = |key: &str| include.get(key).and_then(Node::stated);
        if let Some(project) = stated("project") {
            let reference = stated("ref");
            let text = format!("{}@{}", public_host(project), reference.unwrap_or("HEAD"));
            if reference.is_none_or(|reference| reference.len() != 40) {
                unpinned.push(text.clone());
            }
            all.push(text);
        } else if let Some(remote) =
            stated("remote").or_else(|| include.stated()).filter(|text| text.contains("://"))
        {
            let address = Address::parse(remote).map(|address| address.public);
            let text = address.unwrap_or_else(|| "an address that is not understood".into());
            unpinned.push(text.clone());
            all.push(text);
        } else if let Some(component) = stated("component") {
            all.push(component.to_owned());
        }
    }
    if !all.is_empty() {
        identity.fact("includes", Fact::known(all));
        identity.fact("unpinned_includes", Fact::known(unpinned));
    }
}

fn sources_in(node: Option<&Node>, sources: &mut BTreeSet<String>) {
    let Some(node) = node else { return };
    node.scalars(&mut |_, scalar| {
        let text = scalar.text().unwrap_or_default();
        for part in text.split("CI_PIPELINE_SOURCE").skip(1) {
            let mut quoted = part.split(['"', '\'']);
            let operator = quoted.next().unwrap_or_default();
            if let Some(source) = quoted.next().filter(|_| operator.contains("==")) {
                sources.insert(source.to_owned());
            }
        }
    });
}

fn variables(node: Option<&Node>) -> BTreeMap<String, String> {
    let pairs = node.map(|node| node.pairs().collect::<Vec<_>>()).unwrap_or_default();
    let value = |node: &Node| {
        let stated = node.stated().or_else(|| node.get("value")?.stated());
        stated.map(ToOwned::to_owned)
    };
    // One more than are used, so that the caller can tell.
    let pairs = pairs.into_iter().take(MAX_VARIABLES + 1);
    pairs.filter_map(|(name, node)| Some((name.to_owned(), value(node)?))).collect()
}

/// Jobs, templates and defaults by name.
type Parts<'a> = BTreeMap<&'a str, &'a Node>;

struct Job<'a> {
    parts: &'a Parts<'a>,
    node: &'a Node,
}

impl<'a> Job<'a> {
    /// A key of the job, of what it extends, or of the defaults.
    fn get(&self, key: &str) -> Option<&'a Node> {
        let mut left = MAX_PARENTS;
        self.inherited(self.node, key, MAX_INHERITANCE, &mut left)
            .or_else(|| self.parts.get("default")?.get(key))
            .or_else(|| match key {
                "before_script" | "after_script" => self.parts.get(key).copied(),
                _ => None,
            })
    }

    fn inherited(
        &self,
        node: &'a Node,
        key: &str,
        depth: usize,
        left: &mut usize,
    ) -> Option<&'a Node> {
        if let Some(own) = node.get(key) {
            return Some(own);
        }
        let depth = depth.checked_sub(1)?;
        *left = left.checked_sub(1)?;
        let parents = node.get("extends").map(Node::one_or_many).unwrap_or_default();
        let mut parents = parents.into_iter().rev().take(MAX_PARENTS).filter_map(Node::stated);
        parents.find_map(|parent| self.inherited(self.parts.get(parent)?, key, depth, left))
    }

    /// What it costs to read it, with all that it takes from templates and defaults.
    fn cost(&self) -> usize {
        const READ: &[&str] = &[
            "environment",
            "id_tokens",
            "variables",
            "tags",
            "before_script",
            "script",
            "after_script",
            "secrets",
            "rules",
            "only",
        ];
        let parts = READ.iter().filter_map(|key| self.get(key));
        parts.fold(0, |sum, part| sum.saturating_add(part.cost()))
    }

    fn read(
        &self,
        reading: &mut Reading<'_>,
        pipeline: &Identity,
        name: &str,
        global: &BTreeMap<String, String>,
        names: &mut Names,
    ) {
        let mut identity = ci::job(reading, pipeline, name, self.node.line);
        let environment = self.get("environment");
        let environment =
            environment.and_then(|node| node.stated().or_else(|| node.get("name")?.stated()));
        let tokens: Vec<(String, Vec<String>)> =
            self.get("id_tokens").map(id_tokens).unwrap_or_default();
        let mut own = global.clone();
        own.extend(variables(self.get("variables")));

        let tags: Vec<String> = self
            .get("tags")
            .map(|node| {
                node.items().iter().filter_map(|tag| tag.stated()).map(ToOwned::to_owned).collect()
            })
            .unwrap_or_default();
        if !tags.is_empty() {
            identity.fact("runners", Fact::known(tags));
        }
        let is_own = environment.is_some() || !tokens.is_empty();
        let mut defined: BTreeSet<&str> = own.keys().map(String::as_str).collect();
        defined.extend(tokens.iter().map(|(name, _)| name.as_str()));
        let mut own_names = Names::new();
        let mut script = String::new();
        let mut line = self.node.line;
        for key in ["before_script", "script", "after_script"] {
            let Some(node) = self.get(key) else { continue };
            if key == "script" {
                line = node.line;
            }
            node.scalars(&mut |_, scalar| {
                script.push_str(scalar.text().unwrap_or_default());
                script.push('\n');
                let text = scalar.text().unwrap_or_default();
                for name in ci::shell_variables(text) {
                    note(&mut own_names, &defined, name, scalar.line);
                }
            });
        }
        // A variable may be made of another one: `KUBECONFIG: $STAGING_KUBECONFIG`.
        for value in own.values() {
            for name in ci::shell_variables(value) {
                note(&mut own_names, &defined, name, self.node.line);
            }
        }
        let job = if is_own { &identity } else { pipeline };
        let job = job.clone();
        let federation = (!tokens.is_empty()).then(|| self.federation(reading));
        if let Some(federation) = &federation {
            self.federated(reading, &job, federation, &tokens, &own, (&script, line));
        }
        self.vault_secrets(reading, &job);
        if script.contains("CI_JOB_TOKEN") {
            identity.fact("uses_job_token", Fact::known(true));
        }
        if let Some(environment) = environment {
            identity.fact("environment", Fact::known(environment));
            if !cloud::has_expression(environment) {
                identity.environment = Fact::known(environment);
            }
        }
        if is_own {
            if let Some(federation) = &federation {
                ci::tell_subjects(reading, &mut identity, federation);
            }
            ci::secrets(reading, &mut identity, "", &own_names);
            reading.batch.identities.push(identity);
        } else {
            for (name, line) in own_names {
                ci::note(names, name, line);
            }
        }
    }

    fn federation(&self, reading: &Reading<'_>) -> Federation {
        let host = reading.file.checkout.host.as_deref().unwrap_or("gitlab.com");
        Federation { issuer: format!("https://{host}"), subjects: self.subjects(reading) }
    }

    /// The roles that the job's script, or the libraries it calls, take on with its ID tokens.
    fn federated(
        &self,
        reading: &mut Reading<'_>,
        identity: &Identity,
        federation: &Federation,
        tokens: &[(String, Vec<String>)],
        variables: &BTreeMap<String, String>,
        (script, line): (&str, u32),
    ) {
        let audience = |wanted: &[&str]| {
            let all = || tokens.iter().flat_map(|(_, audiences)| audiences);
            let fitting = all().find(|one| wanted.iter().any(|part| one.contains(part)));
            fitting.or_else(|| all().next()).cloned()
        };
        let value = |name: &str| {
            let value = variables.get(name).cloned();
            value.or_else(|| script.contains(&format!("${name}")).then(|| format!("${name}")))
        };
        let mut roles: BTreeSet<String> = option_values(script, "--role-arn").into_iter().collect();
        roles.extend(
            ["AWS_ROLE_ARN", "ROLE_ARN", "AWS_ROLE_TO_ASSUME"]
                .iter()
                .filter_map(|name| value(name)),
        );
        let roles: BTreeSet<String> =
            roles.into_iter().map(|role| expand(&role, variables)).collect();
        for role in roles {
            let role = cloud::aws_role(reading, &role, line);
            ci::assumes(
                reading,
                identity,
                federation,
                audience(&["sts", "aws"]).as_deref(),
                role,
                line,
            );
        }
        let mut accounts: BTreeSet<String> =
            option_values(script, "--service-account").into_iter().collect();
        accounts.extend(
            ["GCP_SERVICE_ACCOUNT", "SERVICE_ACCOUNT", "GCP_SERVICE_ACCOUNT_EMAIL"]
                .iter()
                .filter_map(|name| value(name)),
        );
        for account in accounts {
            let account = expand(&account, variables);
            let account = cloud::gcp_service_account(reading, &account, line);
            ci::assumes(
                reading,
                identity,
                federation,
                audience(&["iam.googleapis", "google"]).as_deref(),
                account,
                line,
            );
        }
        if script.contains("--federated-token") || value("ARM_CLIENT_ID").is_some() {
            let client = value("AZURE_CLIENT_ID").or_else(|| value("ARM_CLIENT_ID"));
            if let Some(client) = client {
                let tenant = value("AZURE_TENANT_ID").or_else(|| value("ARM_TENANT_ID"));
                let client = cloud::azure_client(reading, &client, tenant.as_deref(), line);
                ci::assumes(
                    reading,
                    identity,
                    federation,
                    audience(&["AzureAD", "azure"]).as_deref(),
                    client,
                    line,
                );
            }
        }
        let is_vault =
            script.contains("auth/jwt/login") || self.get("secrets").is_some_and(uses_vault);
        if is_vault {
            let role = value("VAULT_AUTH_ROLE").or_else(|| word_after(script, "role="));
            let address = value("VAULT_ADDR").or_else(|| value("VAULT_SERVER_URL"));
            let mount = value("VAULT_AUTH_PATH").unwrap_or_else(|| String::from("jwt"));
            let role = role.unwrap_or_else(|| String::from("$VAULT_AUTH_ROLE"));
            let role = cloud::vault_role(reading, address.as_deref(), &mount, &role, line);
            ci::assumes(reading, identity, federation, audience(&["vault"]).as_deref(), role, line);
        }
    }

    /// `secrets:` are fetched from a secret manager before the script runs.
    fn vault_secrets(&self, reading: &mut Reading<'_>, identity: &Identity) {
        let Some(secrets) = self.get("secrets") else { return };
        for (name, secret) in secrets.pairs() {
            let (system, node) = match secret.pairs().next() {
                Some(("vault", node)) => ("vault", node),
                Some(("azure_key_vault", node)) => ("azure", node),
                Some(("gcp_secret_manager", node)) => ("gcp", node),
                Some(("aws_secrets_manager", node)) => ("aws", node),
                _ => continue,
            };
            let path = node.stated().or_else(|| {
                ["path", "name", "secret_id"].iter().find_map(|key| node.get(key)?.stated())
            });
            let Some(path) = path.map(public_text) else { continue };
            let native_id = format!("{}:{path}", reading.repository());
            let scope = reading.folder.scope;
            let mut place = Place::new(kinds::PLACE_SECRET_MANAGER, system, "", &*native_id, scope);
            place.authority = Authority::Mentioned;
            place.loci = reading.loci();
            place.path = path.clone().into_owned();
            let mut credential =
                Credential::new(kinds::SECRET_REFERENCE, system, "", &*native_id, scope);
            name.clone_into(&mut credential.name);
            credential.authority = Authority::Mentioned;
            credential.loci = reading.loci();
            credential.places.push(place.stored_at(None, None));
            credential.evidence.push(reading.evidence(secret.line, "fetched by the job"));
            let mut grant = model::Grant::new(
                "secret-use",
                system,
                "",
                format!("{} {native_id}", identity.native_id),
                scope,
                identity.id,
            );
            grant.authority = Authority::Declared;
            grant.loci = reading.loci();
            grant.actions = vec![String::from("read")];
            grant.resources = vec![path.into_owned()];
            grant.evidence.push(reading.evidence(secret.line, "fetched by the job"));
            reading.batch.grants.push(grant);
            reading.batch.credentials.push(credential);
            reading.batch.places.push(place);
        }
    }

    /// The subjects of the job's tokens: `project_path:…:ref_type:…:ref:…`.
    fn subjects(&self, reading: &Reading<'_>) -> Vec<Presented> {
        let project = format!("project_path:{}", reading.repository());
        let default = reading.file.checkout.default_branch.as_deref();
        let branch = |name: &str| Presented::new(format!("{project}:ref_type:branch:ref:{name}"));
        let tag = |name: &str| Presented::new(format!("{project}:ref_type:tag:ref:{name}"));
        let mut all = Vec::new();
        for rule in self.get("rules").map(Node::items).unwrap_or_default() {
            if rule.get("when").and_then(Node::text) == Some("never") {
                continue;
            }
            let Some(condition) = rule.get("if").and_then(Node::stated) else {
                all.extend([branch("*"), tag("*")]);
                continue;
            };
            let shown = public_condition(condition);
            let shown = shown.as_str();
            match ref_of(condition) {
                Ref::Branch(name) => all.push(branch(&name).when("if", shown)),
                Ref::DefaultBranch => all.push(match default {
                    Some(name) => branch(name).when("if", shown),
                    None => branch("*").when("if", shown).inexact(
                        "runs on the default branch, whose name the checkout does not record",
                    ),
                }),
                Ref::Tag => all.push(tag("*").when("if", shown)),
                Ref::AnyBranch => all.push(branch("*").when("if", shown)),
                Ref::Unknown => all.extend([branch("*"), tag("*")].map(|one| {
                    one.when("if", shown)
                        .inexact("the rule may narrow it in a way that is not read")
                })),
            }
        }
        for only in self.get("only").map(only_refs).unwrap_or_default() {
            all.push(match only.as_str() {
                "tags" => tag("*"),
                "branches" | "merge_requests" => branch("*"),
                name if name.starts_with('/') => {
                    branch("*").when("only", name).inexact("a regular expression narrows it")
                }
                name => branch(name).when("only", name),
            });
        }
        if all.is_empty() {
            all.extend([branch("*"), tag("*")]);
        }
        ci::merge(all)
    }
}

/// Keeps a variable that the pipeline does not define itself and whose name says it is secret.
fn note(names: &mut Names, defined: &BTreeSet<&str>, name: String, line: u32) {
    let is_own = defined.contains(name.as_str());
    let is_given = name.starts_with("CI_") || name.starts_with("GITLAB_") && name != "GITLAB_TOKEN";
    if !is_own && !is_given && ci::is_telling_name(&name) {
        ci::note(names, name, line);
    }
}

fn id_tokens(node: &Node) -> Vec<(String, Vec<String>)> {
    let audiences = |token: &Node| {
        let listed = token.get("aud").map(Node::one_or_many).unwrap_or_default();
        listed.into_iter().filter_map(Node::stated).map(ToOwned::to_owned).collect()
    };
    node.pairs().map(|(name, token)| (name.to_owned(), audiences(token))).collect()
}

fn uses_vault(secrets: &Node) -> bool {
    secrets.pairs().any(|(_, secret)| secret.get("vault").is_some())
}

fn only_refs(node: &Node) -> Vec<String> {
    let listed = if node.is_mapping() { node.get("refs") } else { Some(node) };
    let all = listed.map(Node::one_or_many).unwrap_or_default();
    all.into_iter().filter_map(Node::stated).map(ToOwned::to_owned).collect()
}

enum Ref {
    Branch(String),
    DefaultBranch,
    Tag,
    AnyBranch,
    Unknown,
}

/// Which ref a rule's condition lets through, for the forms that people write most.
fn ref_of(condition: &str) -> Ref {
    let compact: String = condition.split_whitespace().collect();
    if compact.contains("||") {
        return Ref::Unknown;
    }
    for name in ["$CI_COMMIT_BRANCH", "$CI_COMMIT_REF_NAME"] {
        for part in compact.split(name).skip(1) {
            let Some(value) = part.strip_prefix("==") else { continue };
            if value.starts_with("$CI_DEFAULT_BRANCH") {
                return Ref::DefaultBranch;
            }
            if let Some(name) =
                value.strip_prefix(['"', '\'']).and_then(|rest| rest.split(['"', '\'']).next())
            {
                return Ref::Branch(name.to_owned());
            }
        }
    }
    if compact.contains("$CI_COMMIT_TAG") && !compact.contains("$CI_COMMIT_TAG==null") {
        return Ref::Tag;
    }
    if compact.contains("merge_request_event")
        || compact == "$CI_COMMIT_BRANCH"
        || compact.contains("$CI_MERGE_REQUEST")
    {
        return Ref::AnyBranch;
    }
    Ref::Unknown
}

/// A condition for people: where it compares with a variable whose name tells, on whichever side,
/// no literal of it is shown.
fn public_condition(condition: &str) -> String {
    let names = ci::shell_variables(condition);
    if !names.iter().any(|name| ci::is_telling_name(name) || crate::dossier::tells_secret(name)) {
        return public_command(condition);
    }
    let mut shown = String::new();
    let mut rest = condition;
    while let Some(start) = rest.find(['"', '\'', '/']) {
        let (before, literal) = rest.split_at_checked(start).unwrap_or((rest, ""));
        shown.push_str(before);
        shown.push_str("\"…\"");
        let mut marks = literal.chars();
        let quote = marks.next().unwrap_or_default();
        rest = marks.as_str().split_once(quote).map_or("", |(_, rest)| rest);
    }
    shown.push_str(rest);
    public_command(&shown)
}

/// The values of a command-line option: `--role-arn X` and `--role-arn=X`.
fn option_values(script: &str, option: &str) -> Vec<String> {
    script
        .split(option)
        .skip(1)
        .filter_map(|rest| {
            let rest = rest.strip_prefix('=').or_else(|| rest.strip_prefix(char::is_whitespace))?;
            let word =
                rest.split_whitespace().next()?.trim_matches(|c| matches!(c, '"' | '\'' | ')'));
            (!word.is_empty()).then(|| word.to_owned())
        })
        .collect()
}

fn word_after(script: &str, mark: &str) -> Option<String> {
    let (_, rest) = script.split_once(mark)?;
    let word = rest.split_whitespace().next()?.trim_matches(|c| matches!(c, '"' | '\''));
    (!word.is_empty()).then(|| word.to_owned())
}

/// Fills in variables that the file itself states, once.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut parts = text.split('$');
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (is_braced, inner) = match part.strip_prefix('{') {
            Some(inner) => (true, inner),
            None => (false, part),
        };
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, after) = inner.split_at_checked(end.unwrap_or(inner.len())).unwrap_or_default();
        let after = if is_braced { after.strip_prefix('}') } else { Some(after) };
        let value = variables.get(name);
        let value = value.filter(|value| expanded.len() + value.len() <= ci::MAX_FILLED_BYTES);
        if let (Some(value), Some(after)) = (value, after) {
            expanded.push_str(value);
            expanded.push_str(after);
        } else {
            expanded.push('$');
            expanded.push_str(part);
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_without_their_secrets() {
        let main = "$CI_COMMIT_BRANCH == \"main\"";
        assert_eq!(public_condition(main), main);
        for text in [
            "\"hunter two\" == $DEPLOY_PASSWORD",
            "'hunter' == $API_TOKEN || $A",
            "$DEPLOY_PASSWORD =~ /^hun ter.*/",
            "$TOKEN != 'hunter",
        ] {
            let shown = public_condition(text);
            assert!(shown.contains("…") && !shown.contains("hun"), "{shown}");
        }
    }

    #[test]
    fn variables_of_the_file_are_filled_in() {
        let long = "x".repeat(1_000);
        let variables = [("A", "1$B"), ("B", "2"), ("LONG", &long)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = BTreeMap::from(variables);
        let check = |text: &str, expected: &str| assert_eq!(expand(text, &variables), expected);
        check("arn:$B:${A}/$AB", "arn:2:1$B/$AB");
        check("$ ${ ${B $", "$ ${ ${B $");
        assert!(expand(&"$LONG".repeat(100), &variables).len() < 4_000);
    }
}
