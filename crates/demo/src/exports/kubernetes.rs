//! What `kubectl get serviceaccounts,pods,roles,rolebindings,secrets -A -o json` prints.

use std::io;

use model::Identity;
use serde_json::{Value, json};

use super::{Estate, Folder, LETTERS, base64, chance};
use crate::plan::Plan;

pub(super) fn write(plan: &Plan, clusters: &Estate, folder: &mut Folder) -> io::Result<()> {
    let kinds = ["k8s-service-account", "container"];
    for (cluster, identities) in clusters.by(&kinds, |identity| &identity.instance) {
        let mut items = Vec::new();
        for identity in identities {
            if identity.kind == "container" {
                items.push(pod(clusters, identity));
            } else {
                account(plan, clusters, identity, &mut items);
            }
        }
        let name = cluster.trim_start_matches("https://").split('.').next().unwrap_or_default();
        let list = json!({ "apiVersion": "v1", "items": items, "kind": "List", "metadata": { "resourceVersion": "" } });
        folder.json(&format!("kubernetes/{name}.json"), &list)?;
    }
    Ok(())
}

fn metadata(identity: &Identity, name: &str) -> Value {
    let namespace = identity.native_id.split('/').next().unwrap_or("default");
    json!({
        "creationTimestamp": identity.created_at.value().map(ToString::to_string),
        "labels": identity.tags,
        "name": name,
        "namespace": namespace,
    })
}

fn account(plan: &Plan, clusters: &Estate, account: &Identity, items: &mut Vec<Value>) {
    let automounts = account.facts.get("automounts_token").and_then(|fact| fact.value());
    items.push(json!({
        "apiVersion": "v1",
        "automountServiceAccountToken": automounts == Some(&true.into()),
        "kind": "ServiceAccount",
        "metadata": metadata(account, &account.name),
    }));
    let namespace = account.native_id.split('/').next().unwrap_or("default");
    for (n, grant) in clusters.grants(account).enumerate() {
        let role = format!("{}-{}-{n}", account.name, grant.via.as_deref().unwrap_or("role"));
        let rule =
            json!({ "apiGroups": ["*"], "resources": grant.resources, "verbs": grant.actions });
        items.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata(account, &role),
            "rules": [rule],
        }));
        items.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata(account, &role),
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": account.name, "namespace": namespace }],
        }));
    }
    for token in clusters.credentials(account) {
        let value = chance(plan, &token.native_id).text(LETTERS, 120);
        let mut metadata = metadata(account, &token.name);
        if let Some(metadata) = metadata.as_object_mut() {
            let annotations = json!({ "kubernetes.io/service-account.name": account.name });
            metadata.insert("annotations".into(), annotations);
        }
        items.push(json!({
            "apiVersion": "v1",
            "data": { "namespace": base64(namespace.as_bytes()), "token": base64(value.as_bytes()) },
            "kind": "Secret",
            "metadata": metadata,
            "type": "kubernetes.io/service-account-token",
        }));
    }
}

fn pod(clusters: &Estate, container: &Identity) -> Value {
    let account = clusters.runs_as(container).map_or("default", |account| &account.name);
    let image =
        container.facts.get("image").and_then(|image| image.value()).map(ToString::to_string);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(container, &container.name),
        "spec": {
            "containers": [{ "image": image, "name": "main" }],
            "serviceAccountName": account,
        },
    })
}
