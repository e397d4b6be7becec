//! Azure Pipelines: service connections, variable groups, Key Vault tasks, agent pools.

use std::collections::BTreeSet;

use model::{Authority, Condition, Fact, Identity, kinds};

use super::ci::{self, Names};
use super::cloud;
use super::reading::Reading;
use crate::yaml::Node;

/// Inputs by which tasks name a service connection.
const CONNECTIONS: &[&str] = &[
    "azureSubscription",
    "connectedServiceName",
    "connectedServiceNameARM",
    "ConnectedServiceName",
    "azureResourceManagerConnection",
    "serviceConnection",
    "awsCredentials",
    "containerRegistry",
    "kubernetesServiceConnection",
    "kubernetesServiceEndpoint",
    "dockerRegistryServiceConnection",
    "dockerRegistryEndpoint",
    "backendServiceArm",
    "environmentServiceNameAzureRM",
    "endpoint",
    "sshEndpoint",
    "nuGetFeedCredentials",
    "SonarQube",
    "gitHubConnection",
];

pub(super) fn pipeline(reading: &mut Reading<'_>, document: &Node) {
    let is_pipeline = ["steps", "jobs", "stages", "extends", "trigger", "pool"]
        .iter()
        .any(|key| document.get(key).is_some());
    if !is_pipeline {
        return;
    }
    let mut identity = ci::pipeline(reading, "azure-devops");
    let mut names = Names::new();
    let mut connections = Names::new();
    let mut environments = BTreeSet::new();
    let mut pools = BTreeSet::new();
    let mut groups = Names::new();
    document.scalars(&mut |key, scalar| {
        let Some(text) = scalar.stated() else { return };
        let key = key.unwrap_or_default();
        if CONNECTIONS.contains(&key) {
            ci::note(&mut connections, text, scalar.line);
        }
        match key {
            "group" => ci::note(&mut groups, text, scalar.line),
            "environment" => {
                environments.insert(text.to_owned());
            }
            "pool" | "vmImage" => {
                pools.insert(text.to_owned());
            }
            _ => {}
        }
        for part in text.split("$(").skip(1) {
            let name = part.split(')').next().unwrap_or_default();
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
            if is_name
                && ci::is_telling_name(&name.replace(['-', '.'], "_"))
                && !name.starts_with("System.")
            {
                ci::note(&mut names, name, scalar.line);
            }
        }
    });
    let pool = document.get("pool").and_then(|pool| pool.get("name")).and_then(Node::stated);
    pools.extend(pool.map(ToOwned::to_owned));
    let list = |set: BTreeSet<String>| Fact::known(set.into_iter().collect::<Vec<_>>());
    identity.fact("triggers", triggers(document));
    if !pools.is_empty() {
        identity.fact("runners", list(pools));
    }
    if !environments.is_empty() {
        identity.fact("environments", list(environments));
    }
    if names.contains_key("System.AccessToken") {
        identity.fact("uses_job_token", Fact::known(true));
    }
    vaults(reading, &identity, document);
    for (connection, line) in connections {
        let native_id = format!("{}:{connection}", reading.repository());
        let principal = if cloud::has_expression(&connection) {
            cloud::unresolved(reading, kinds::SERVICE_PRINCIPAL, "azure-devops", &connection, line)
        } else {
            let id =
                reading.mention(kinds::SERVICE_PRINCIPAL, "azure-devops", "", &native_id, line);
            if let Some(identity) = reading.batch.identities.last_mut() {
                identity.name.clone_from(&connection);
                identity.fact("service_connection", Fact::known(true));
            }
            id
        };
        ci::uses(reading, "service-connection", &identity, principal, line);
    }
    for (group, line) in groups {
        let of_group = Names::from([(String::from("*"), line)]);
        ci::secrets(reading, &mut identity, &format!("variable-group/{group}"), &of_group);
    }
    ci::secrets(reading, &mut identity, "", &names);
    reading.batch.identities.push(identity);
}

fn triggers(document: &Node) -> Fact<model::Value> {
    let mut all = Vec::new();
    for (key, name) in [("trigger", "push"), ("pr", "pull-request"), ("schedules", "schedule")] {
        match document.get(key) {
            Some(node) if node.text() == Some("none") => {}
            Some(_) => all.push(name.to_owned()),
            // Without `trigger` every branch triggers the pipeline.
            None if key == "trigger" => all.push(String::from("push")),
            None => {}
        }
    }
    Fact::known(all)
}

/// `AzureKeyVault@2` fetches secrets of a vault by a service connection.
fn vaults(reading: &mut Reading<'_>, identity: &Identity, node: &Node) {
    let mut found = Vec::new();
    steps(node, 64, &mut |step| {
        let task = step.get("task").and_then(Node::stated).unwrap_or_default();
        if !task.starts_with("AzureKeyVault@") {
            return;
        }
        let input = |name: &str| {
            let inputs = step.get("inputs")?;
            let (_, node) = inputs.pairs().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            node.stated().map(ToOwned::to_owned)
        };
        if let Some(vault) = input("keyVaultName") {
            let filter = input("secretsFilter").unwrap_or_else(|| String::from("*"));
            found.push((vault, filter, step.line));
        }
    });
    for (vault, filter, line) in found {
        let mut grant = model::Grant::new(
            "secret-use",
            "azure",
            "",
            format!("{} {vault}", identity.native_id),
            reading.folder.scope,
            identity.id,
        );
        grant.authority = Authority::Declared;
        grant.loci = reading.loci();
        grant.actions = vec![String::from("read")];
        grant.resources = filter
            .split(',')
            .map(|secret| format!("key-vault:{vault}/{}", secret.trim()))
            .collect();
        grant.conditions = vec![Condition {
            key: String::from("task"),
            operator: "equals".into(),
            values: vec![String::from("AzureKeyVault")],
        }];
        grant.evidence.push(reading.evidence(line, "AzureKeyVault task"));
        reading.batch.grants.push(grant);
    }
}

/// Calls `visit` for every mapping, so that steps are found at any depth of stages and templates.
fn steps<'a>(node: &'a Node, depth: usize, visit: &mut dyn FnMut(&'a Node)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if node.is_mapping() {
        visit(node);
    }
    node.pairs().for_each(|(_, inner)| steps(inner, depth, visit));
    node.items().iter().for_each(|inner| steps(inner, depth, visit));
}
