//! Terraform state, version 4.

use std::io;

use model::{Identity, OwnerLink};
use serde_json::{Value, json};

use super::{BASE64, Estate, Folder, chance, policy, trust_policy};
use crate::plan::Plan;

const AWS: &str = "provider[\"registry.terraform.io/hashicorp/aws\"]";
const RANDOM: &str = "provider[\"registry.terraform.io/hashicorp/random\"]";

pub(super) fn write(
    plan: &Plan,
    aws: &Estate,
    declared: &Estate,
    folder: &mut Folder,
) -> io::Result<()> {
    let modules: std::collections::BTreeMap<_, _> =
        declared.all.owners.iter().map(|link| (link.identity, module(link))).collect();
    let state_of =
        |identity: &'_ Identity| identity.loci.first().map_or("", String::as_str).to_owned();
    let mut states: std::collections::BTreeMap<String, Vec<Value>> =
        std::collections::BTreeMap::new();
    for identity in &declared.all.identities {
        let resources = states.entry(state_of(identity)).or_default();
        let module = modules.get(&identity.id).cloned().flatten();
        // What AWS states beyond what the declaration's record keeps.
        let stated = aws.identity(identity.id).unwrap_or(identity);
        resources.extend(resource(plan, aws, declared, stated, module.as_deref()));
    }
    for (number, (name, resources)) in states.into_iter().enumerate() {
        let path = name.trim_start_matches("s3://");
        let state = json!({
            "version": 4,
            "terraform_version": "1.9.5",
            "serial": 40 + number,
            "lineage": lineage(plan, &name),
            "outputs": {},
            "resources": resources,
            "check_results": null,
        });
        folder.json(&format!("terraform/{path}"), &state)?;
    }
    Ok(())
}

fn module(link: &OwnerLink) -> Option<String> {
    link.evidence.first()?.pointer.clone()
}

fn lineage(plan: &Plan, name: &str) -> String {
    let hex = chance(plan, name).text(b"0123456789abcdef", 32);
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// A name of the configuration's own language.
fn label(name: &str) -> String {
    name.replace('-', "_")
}

fn managed(
    module: Option<&str>,
    kind: &str,
    name: &str,
    provider: &str,
    attributes: &Value,
) -> Value {
    let mut resource = json!({
        "mode": "managed",
        "type": kind,
        "name": label(name),
        "provider": provider,
        "instances": [{ "schema_version": 0, "attributes": attributes, "sensitive_attributes": [] }],
    });
    if let (Some(module), Some(resource)) = (module, resource.as_object_mut()) {
        resource.insert("module".into(), json!(module));
    }
    resource
}

fn resource(
    plan: &Plan,
    aws: &Estate,
    declared: &Estate,
    identity: &Identity,
    module: Option<&str>,
) -> Vec<Value> {
    let name = identity.name.as_str();
    let created = identity.created_at.value().map(ToString::to_string);
    let mut resources = Vec::new();
    let is_role = identity.kind == "iam-role";
    if is_role {
        let attributes = json!({
            "arn": identity.native_id,
            "assume_role_policy": trust_policy(aws, identity).to_string(),
            "create_date": created,
            "id": name,
            "max_session_duration": 3600,
            "name": name,
            "path": "/",
            "tags": identity.tags,
            "tags_all": identity.tags,
        });
        resources.push(managed(module, "aws_iam_role", name, AWS, &attributes));
    } else {
        let attributes = json!({
            "arn": identity.native_id,
            "force_destroy": false,
            "id": name,
            "name": name,
            "path": "/",
            "tags": identity.tags,
            "tags_all": identity.tags,
        });
        resources.push(managed(module, "aws_iam_user", name, AWS, &attributes));
    }
    for (n, grant) in aws.grants(identity).enumerate() {
        let policy_name = format!("{}-{n}", grant.via.as_deref().unwrap_or("policy"));
        let (kind, holder) =
            if is_role { ("aws_iam_role_policy", "role") } else { ("aws_iam_user_policy", "user") };
        let attributes = json!({
            "id": format!("{name}:{policy_name}"),
            "name": policy_name,
            "policy": policy(&[grant]).to_string(),
            holder: name,
        });
        resources.push(managed(module, kind, &format!("{name}-{policy_name}"), AWS, &attributes));
    }
    for key in declared.credentials(identity) {
        let attributes = json!({
            "create_date": key.created_at.value().map(ToString::to_string),
            "encrypted_secret": null,
            "id": key.native_id,
            "key_fingerprint": null,
            "pgp_key": null,
            "secret": chance(plan, &key.native_id).text(BASE64, 40),
            "status": "Active",
            "user": name,
        });
        resources.push(managed(module, "aws_iam_access_key", name, AWS, &attributes));
        let password = chance(plan, name).text(super::LETTERS, 24);
        let attributes = json!({
            "bcrypt_hash": null, "id": "none", "length": 24, "result": password, "special": false,
        });
        resources.push(managed(module, "random_password", name, RANDOM, &attributes));
    }
    resources
}
