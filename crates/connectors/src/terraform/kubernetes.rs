//! Kubernetes objects that Terraform makes: service accounts, their rights, Secrets.

use model::kinds;
use model::{Fact, IdentityId, Subject};
use serde_json::{Map, Value};

use super::Row;
use super::reading::Reading;
use super::resource::{Resource, blocks, text, texts};
use crate::aws::account_of;

pub(super) const ROWS: &[Row] = &[
    ("kubernetes_service_account", service_account),
    ("kubernetes_service_account_v1", service_account),
    ("kubernetes_secret", secret),
    ("kubernetes_secret_v1", secret),
    ("kubernetes_role_binding", binding),
    ("kubernetes_role_binding_v1", binding),
    ("kubernetes_cluster_role_binding", binding),
    ("kubernetes_cluster_role_binding_v1", binding),
];

/// Namespace and name of an object's metadata.
fn metadata(resource: &Resource) -> Option<(&str, &str, &Map<String, Value>)> {
    let metadata = *resource.blocks("metadata").first()?;
    let name = text(metadata, "name").or_else(|| text(metadata, "generate_name"))?;
    Some((text(metadata, "namespace").unwrap_or("default"), name, metadata))
}

fn named(reading: &mut Reading<'_>, resource: &Resource, native_id: &str) -> IdentityId {
    reading.mention(resource, kinds::K8S_SERVICE_ACCOUNT, "kubernetes", "", native_id, "")
}

fn service_account(reading: &mut Reading<'_>, resource: &Resource) {
    let Some((namespace, name, metadata)) = metadata(resource) else { return };
    let native_id = format!("{namespace}/{name}");
    let kind = kinds::K8S_SERVICE_ACCOUNT;
    let identity = reading.identity(resource, kind, "kubernetes", "", &native_id, |identity| {
        if let Some(mounts) = resource.truth("automount_service_account_token") {
            identity.fact("automounts_token", Fact::known(mounts));
        }
    });
    let from = Subject::Identity { identity };
    let annotation = |key: &str| {
        let annotations = metadata.get("annotations").and_then(Value::as_object)?;
        text(annotations, key).map(String::from)
    };
    if let Some(role) = annotation("eks.amazonaws.com/role-arn") {
        let account = account_of(&role).unwrap_or_default().to_owned();
        let name = crate::aws::last_part(&role).to_owned();
        let to = reading.mention(resource, kinds::IAM_ROLE, "aws", &account, &role, &name);
        reading.trust(
            resource,
            "web-identity",
            "aws",
            &account,
            &role,
            from,
            to,
            vec![],
            "metadata.annotations",
        );
    } else if let Some(email) = annotation("iam.gke.io/gcp-service-account") {
        let project = email
            .split_once('@')
            .and_then(|(_, domain)| domain.strip_suffix(".iam.gserviceaccount.com"))
            .unwrap_or_default()
            .to_owned();
        let kind = kinds::GCP_SERVICE_ACCOUNT;
        let to = reading.mention(resource, kind, "gcp", &project, &email, "");
        reading.trust(
            resource,
            "workload-identity",
            "gcp",
            &project,
            &email,
            from,
            to,
            vec![],
            "metadata.annotations",
        );
    } else if let Some(client) = annotation("azure.workload.identity/client-id") {
        let tenant = annotation("azure.workload.identity/tenant-id").unwrap_or_default();
        let kind = kinds::MANAGED_IDENTITY;
        let to = reading.mention(resource, kind, "azure", &tenant, &client, "");
        reading.trust(
            resource,
            "federated-credential",
            "azure",
            &tenant,
            &client,
            from,
            to,
            vec![],
            "metadata.annotations",
        );
    }
}

fn secret(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["data", "binary_data", "data_wo"]);
    let Some((namespace, _, metadata)) = metadata(resource) else { return };
    let is_token = resource.text("type") == Some("kubernetes.io/service-account-token");
    if is_token {
        let annotations = metadata.get("annotations").and_then(Value::as_object);
        let account = annotations.and_then(|map| text(map, "kubernetes.io/service-account.name"));
        if let Some(account) = account {
            let native_id = format!("{namespace}/{account}");
            reading.subject = Some(named(reading, resource, &native_id));
        }
    }
    for key in ["data", "binary_data"] {
        let Some(Value::Object(data)) = resource.attributes.get(key) else { continue };
        for (name, value) in data {
            let Some(value) = value.as_str() else { continue };
            let attribute = format!("{key}.{name}");
            if name == "ca.crt" || name == "namespace" {
                continue;
            }
            if !reading.containers(resource, &attribute, value) {
                let kind = match name.as_str() {
                    "token" if is_token => kinds::K8S_TOKEN,
                    // Everything else in a Secret is secret, or would be in a ConfigMap.
                    name => super::kind_of_name(name),
                };
                reading.secret(resource, kind, &attribute, value, None, |_| {});
            }
        }
    }
}

fn binding(reading: &mut Reading<'_>, resource: &Resource) {
    let Some((namespace, name, _)) = metadata(resource) else { return };
    let is_cluster = resource.kind.contains("cluster_role_binding");
    let Some(reference) = resource.blocks("role_ref").first().copied() else { return };
    let Some(role) = text(reference, "name") else { return };
    let sort = text(reference, "kind").unwrap_or("ClusterRole");
    let place = if is_cluster { String::from("*") } else { namespace.to_owned() };
    let native_id = if is_cluster { name.to_owned() } else { format!("{namespace}/{name}") };
    for subject in resource.blocks("subject") {
        let (Some(kind), Some(who)) = (text(subject, "kind"), text(subject, "name")) else {
            continue;
        };
        let to = match kind {
            "ServiceAccount" => {
                let in_namespace = text(subject, "namespace").unwrap_or("default");
                named(reading, resource, &format!("{in_namespace}/{who}"))
            }
            // `system:serviceaccount:ns:name` is a service account by its user name.
            "User" => match who.strip_prefix("system:serviceaccount:") {
                Some(rest) => named(reading, resource, &rest.replacen(':', "/", 1)),
                None => reading.mention(resource, kinds::K8S_USER, "kubernetes", "", who, ""),
            },
            _ => continue,
        };
        let rules = reading.index.kubernetes_rules(sort, namespace, role);
        let lists = rules.iter().flat_map(|(verbs, things)| verbs.iter().chain(things));
        if !reading.has_room_for(lists.chain([&native_id])) {
            return;
        }
        reading.grant(resource, "role-binding", "kubernetes", "", &native_id, to, |grant| {
            grant.via = Some(format!("{sort}/{role}"));
            match rules {
                Some((actions, resources)) => {
                    grant.actions.clone_from(actions);
                    grant.resources = resources.iter().map(|it| format!("{place}/{it}")).collect();
                }
                None if role == "cluster-admin" => {
                    grant.actions.push("*".into());
                    grant.resources.push(format!("{place}/*"));
                }
                None => {
                    grant.resources.push(format!("{place}/"));
                    let reason = "the role is made elsewhere, and its rules are not in this state";
                    grant.facts.insert("rules".into(), Fact::not_collected(reason));
                }
            }
        });
    }
}

/// Verbs and resources of a role's rules.
pub(super) fn rules_of(resource: &Resource) -> (Vec<String>, Vec<String>) {
    let (mut verbs, mut things) = (Vec::new(), Vec::new());
    for rule in blocks(&resource.attributes, "rule") {
        verbs.extend(texts(rule, "verbs").into_iter().map(String::from));
        let groups = texts(rule, "api_groups");
        let group = groups.first().copied().unwrap_or_default();
        for thing in texts(rule, "resources") {
            let dot = if group.is_empty() { "" } else { "." };
            things.push(format!("{thing}{dot}{group}"));
        }
    }
    for list in [&mut verbs, &mut things] {
        list.sort();
        list.dedup();
    }
    (verbs, things)
}

/// The key by which a binding finds its role.
pub(super) fn role_key(resource: &Resource) -> Option<String> {
    let (namespace, name, _) = metadata(resource)?;
    let is_cluster = resource.kind.contains("cluster_role");
    Some(if is_cluster { format!("/{name}") } else { format!("{namespace}/{name}") })
}
