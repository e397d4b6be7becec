//! Vault and OpenBao: roles of authentication methods, their policies, secret ids, tokens.

use model::kinds;
use model::{Condition, Fact, IdentityId, Subject};
use serde_json::Value;

use super::Row;
use super::reading::{Reading, expiry};
use super::resource::Resource;

pub(super) const ROWS: &[Row] = &[
    ("vault_approle_auth_backend_role", approle),
    ("vault_approle_auth_backend_role_secret_id", secret_id),
    ("vault_approle_auth_backend_login", login),
    ("vault_token", token),
    ("vault_jwt_auth_backend_role", jwt_role),
    ("vault_kubernetes_auth_backend_role", kubernetes_role),
    ("vault_aws_auth_backend_role", aws_role),
    ("vault_cert_auth_backend_role", plain_role),
    ("vault_gcp_auth_backend_role", plain_role),
    ("vault_database_secret_backend_role", database_role),
    ("vault_database_secrets_mount", nested_passwords),
    ("vault_database_secret_backend_connection", nested_passwords),
    ("vault_generic_secret", generic_secret),
    ("vault_kv_secret", generic_secret),
    ("vault_kv_secret_v2", generic_secret),
    ("vault_identity_entity", entity),
];

fn mount<'r>(resource: &'r Resource, default: &'r str) -> &'r str {
    let named = ["backend", "path", "mount"].into_iter().find_map(|key| resource.text(key));
    named.unwrap_or(default).trim_matches('/')
}

/// A role of an authentication method, with a grant for each policy.
fn role(reading: &mut Reading<'_>, resource: &Resource, default_mount: &str) -> Option<IdentityId> {
    let name = ["role_name", "role", "name"].into_iter().find_map(|key| resource.text(key))?;
    let native_id = format!("{}/{name}", mount(resource, default_mount));
    let id = reading.identity(resource, kinds::VAULT_ROLE, "vault", "", &native_id, |identity| {
        for (fact, key) in [("token_ttl_s", "token_ttl"), ("token_max_ttl_s", "token_max_ttl")] {
            if let Some(seconds) = resource.number(key) {
                identity.fact(fact, Fact::known(seconds));
            }
        }
    });
    policies(reading, resource, id);
    Some(id)
}

fn policies(reading: &mut Reading<'_>, resource: &Resource, id: IdentityId) {
    let mut policies = resource.texts("token_policies");
    policies.extend(resource.texts("policies"));
    for policy in policies {
        reading.grant(resource, "policy", "vault", "", policy, id, |grant| {
            grant.via = Some(policy.into());
            if policy == "root" {
                grant.actions.push("*".into());
                grant.resources.push("*".into());
            }
        });
    }
}

fn plain_role(reading: &mut Reading<'_>, resource: &Resource) {
    let mount = if resource.kind.contains("cert") { "cert" } else { "gcp" };
    role(reading, resource, mount);
}

fn approle(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("role_id");
    let Some(id) = role(reading, resource, "approle") else { return };
    let Some(role_id) = resource.text("role_id") else { return };
    reading.subject = Some(id);
    let mut conditions = Vec::new();
    let networks: Vec<String> =
        resource.texts("secret_id_bound_cidrs").into_iter().map(String::from).collect();
    if !networks.is_empty() {
        let key = "secret_id_bound_cidrs".into();
        conditions.push(Condition { key, operator: "in".into(), values: networks });
    }
    let bound = resource.truth("bind_secret_id") != Some(false);
    let principal = if bound { "a secret id of the role" } else { "anyone who knows the role id" };
    let from = Subject::Principal { principal: principal.into() };
    reading.trust(
        resource,
        "approle",
        "vault",
        "",
        role_id,
        from,
        id,
        conditions,
        "bind_secret_id",
    );
}

fn of_role(reading: &mut Reading<'_>, resource: &Resource, mount_default: &str) {
    if let Some(name) = resource.text("role_name") {
        let native_id = format!("{}/{name}", mount(resource, mount_default));
        let kind = kinds::VAULT_ROLE;
        reading.subject = Some(reading.mention(resource, kind, "vault", "", &native_id, ""));
    }
}

fn secret_id(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["secret_id", "wrapping_token", "wrapping_accessor", "accessor"]);
    of_role(reading, resource, "approle");
    let accessor = resource.text("accessor");
    let known_as = accessor.map(|accessor| ("vault", "", accessor));
    if let Some(value) = resource.text("secret_id") {
        let kind = kinds::VAULT_SECRET_ID;
        reading.secret(resource, kind, "secret_id", value, known_as, |_| {});
    }
    if let Some(value) = resource.text("wrapping_token") {
        let kind = kinds::VAULT_TOKEN;
        reading.secret(resource, kind, "wrapping_token", value, None, |_| {});
    }
}

fn login(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["secret_id", "client_token", "role_id", "accessor"]);
    for (key, kind) in [("secret_id", kinds::VAULT_SECRET_ID), ("client_token", kinds::VAULT_TOKEN)]
    {
        if let Some(value) = resource.text(key) {
            reading.secret(resource, kind, key, value, None, |_| {});
        }
    }
}

fn token(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["client_token", "wrapped_token", "wrapping_accessor"]);
    let name = resource.text("display_name").unwrap_or("token");
    let is_token = |id: &&str| id.contains('.') || resource.text("client_token") == Some(id);
    let native_id = resource.text("id").filter(|id| !is_token(id)).unwrap_or(name);
    // The id of some versions of the provider is the accessor, of others a made-up one.
    let native_id = format!("token/{native_id}");
    let id = reading.identity(resource, kinds::VAULT_ENTITY, "vault", "", &native_id, |identity| {
        identity.name = name.into();
    });
    policies(reading, resource, id);
    for key in ["client_token", "wrapped_token"] {
        if let Some(value) = resource.text(key) {
            reading.secret(resource, kinds::VAULT_TOKEN, key, value, None, |credential| {
                credential.expires_at = expiry(resource.text("expire_time"));
                if let Some(renewable) = resource.truth("renewable") {
                    credential.fact("renewable", Fact::known(renewable));
                }
            });
        }
    }
}

fn jwt_role(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(id) = role(reading, resource, "jwt") else { return };
    let claims = resource.attributes.get("bound_claims").and_then(Value::as_object);
    let mut conditions = Vec::new();
    for (key, value) in claims.into_iter().flatten() {
        let values: Vec<String> = match value {
            Value::String(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
            _ => continue,
        };
        let operator = resource.text("bound_claims_type").unwrap_or("string").to_owned();
        conditions.push(Condition { key: key.clone(), operator: operator.into(), values });
    }
    let of_claim = |name: &str| {
        let condition = conditions.iter().find(|condition| condition.key == name);
        condition.and_then(|condition| condition.values.first().cloned())
    };
    let is_github = conditions.iter().any(|condition| {
        matches!(condition.key.as_str(), "repository" | "job_workflow_ref" | "repository_owner")
    });
    let is_gitlab = conditions
        .iter()
        .any(|condition| matches!(condition.key.as_str(), "project_path" | "project_id"));
    let issuer = if is_github {
        "https://token.actions.githubusercontent.com".to_owned()
    } else if is_gitlab {
        "https://gitlab.com".to_owned()
    } else {
        format!("vault:{}", mount(resource, "jwt"))
    };
    let subject = resource
        .text("bound_subject")
        .map(String::from)
        .or_else(|| of_claim("sub"))
        .or_else(|| {
            let repository = of_claim("repository")?;
            Some(match of_claim("ref") {
                Some(branch) => format!("repo:{repository}:ref:{branch}"),
                None => format!("repo:{repository}:*"),
            })
        })
        .or_else(|| {
            let project = of_claim("project_path")?;
            Some(match of_claim("ref") {
                Some(branch) => format!("project_path:{project}:ref_type:*:ref:{branch}"),
                None => format!("project_path:{project}:*"),
            })
        })
        .unwrap_or_else(|| "*".into());
    let audience = resource.texts("bound_audiences").first().map(|text| (*text).to_owned());
    let from = Subject::Federated { issuer, subject, audience };
    let native_id = format!("{}#bound", resource.address);
    reading.trust(resource, "jwt", "vault", "", &native_id, from, id, conditions, "bound_claims");
}

fn kubernetes_role(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(id) = role(reading, resource, "kubernetes") else { return };
    let names = resource.texts("bound_service_account_names");
    let namespaces = resource.texts("bound_service_account_namespaces");
    for namespace in &namespaces {
        for name in &names {
            let native_id = format!("{namespace}/{name}");
            let from = if native_id.contains('*') {
                Subject::Principal {
                    principal: format!("system:serviceaccount:{namespace}:{name}"),
                }
            } else {
                let kind = kinds::K8S_SERVICE_ACCOUNT;
                let identity = reading.mention(resource, kind, "kubernetes", "", &native_id, "");
                Subject::Identity { identity }
            };
            let pointer = "bound_service_account_names";
            reading.trust(
                resource,
                "kubernetes",
                "vault",
                "",
                &native_id,
                from,
                id,
                vec![],
                pointer,
            );
        }
    }
}

fn aws_role(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(id) = role(reading, resource, "aws") else { return };
    for arn in resource.texts("bound_iam_principal_arns") {
        let from = Subject::Principal { principal: arn.into() };
        reading.trust(
            resource,
            "aws-iam",
            "vault",
            "",
            arn,
            from,
            id,
            vec![],
            "bound_iam_principal_arns",
        );
    }
}

/// A role that makes database logins: what may read it may have one.
fn database_role(reading: &mut Reading<'_>, resource: &Resource) {
    // Statements of creation hold templates of SQL; only the names are kept.
    reading.dealt_with.extend(["creation_statements", "revocation_statements"]);
    let Some(name) = resource.text("name") else { return };
    let native_id = format!("{}/roles/{name}", mount(resource, "database"));
    reading.identity(resource, kinds::VAULT_ROLE, "vault", "", &native_id, |identity| {
        if let Some(database) = resource.text("db_name") {
            identity.fact("database", Fact::known(database));
        }
    });
}

/// Connections of database engines: their passwords are one level down.
fn nested_passwords(reading: &mut Reading<'_>, resource: &Resource) {
    for (engine, value) in &resource.attributes {
        let Value::Array(blocks) = value else { continue };
        for (n, block) in blocks.iter().filter_map(Value::as_object).enumerate() {
            if let Some(value) = super::resource::text(block, "password") {
                let attribute = format!("{engine}.{n}.password");
                reading.secret(resource, kinds::PASSWORD, &attribute, value, None, |_| {});
            }
        }
    }
}

fn generic_secret(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["data", "data_json", "data_json_wo"]);
    let parts = match (resource.text("data_json"), resource.attributes.get("data")) {
        (Some(json), _) => serde_json::from_str::<Value>(json).ok(),
        (None, data) => data.cloned(),
    };
    let Some(Value::Object(parts)) = parts else { return };
    for (name, value) in &parts {
        let Some(value) = value.as_str() else { continue };
        let attribute = format!("data.{name}");
        // What is kept in Vault was thought secret by who put it there, bar what plainly is not.
        let is_plain = matches!(
            name.to_lowercase().as_str(),
            "username"
                | "user"
                | "host"
                | "hostname"
                | "port"
                | "url"
                | "endpoint"
                | "region"
                | "database"
                | "dbname"
                | "email"
                | "name"
        );
        if !is_plain && !reading.containers(resource, &attribute, value) {
            reading.secret(resource, super::kind_of_name(name), &attribute, value, None, |_| {});
        }
    }
}

fn entity(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(id) = resource.text("id") else { return };
    let id = reading.identity(resource, kinds::VAULT_ENTITY, "vault", "", id, |identity| {
        identity.name = resource.text("name").unwrap_or(id).into();
        identity.enabled = resource
            .truth("disabled")
            .map_or_else(Fact::default, |disabled| Fact::known(!disabled));
    });
    policies(reading, resource, id);
}
