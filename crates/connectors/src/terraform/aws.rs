//! AWS: users, roles and what they may do, who may become them, and secrets in the state.

use model::kinds;
use model::{Condition, Effect, Fact, IdentityId, Subject};

use super::Row;
use super::reading::{Reading, time};
use super::resource::{Resource, text};
use crate::aws::{
    Statement, account_of, account_of_key, last_part, mechanism_of, statements, subjects,
};

pub(super) const ROWS: &[Row] = &[
    ("aws_iam_user", user),
    ("aws_iam_role", role),
    ("aws_iam_access_key", access_key),
    ("aws_iam_service_specific_credential", service_credential),
    ("aws_iam_user_policy", inline_policy),
    ("aws_iam_role_policy", inline_policy),
    ("aws_iam_user_policy_attachment", attachment),
    ("aws_iam_role_policy_attachment", attachment),
    ("aws_iam_role_policy_attachments_exclusive", attachment),
    ("aws_iam_policy_attachment", attachment),
    ("aws_iam_group_policy_attachment", attachment),
    ("aws_iam_group_policy", inline_policy),
    ("aws_iam_instance_profile", instance_profile),
    ("aws_instance", instance),
    ("aws_lambda_function", function),
    ("aws_ecs_task_definition", task_definition),
    ("aws_eks_pod_identity_association", pod_identity),
    ("aws_codebuild_project", service_role),
    ("aws_sfn_state_machine", service_role),
    ("aws_glue_job", service_role),
    ("aws_secretsmanager_secret", managed_secret),
    ("aws_secretsmanager_secret_version", secret_version),
    ("aws_ssm_parameter", parameter),
    ("aws_acm_certificate", acm_certificate),
    ("aws_iam_server_certificate", server_certificate),
    ("aws_db_instance", database),
    ("aws_rds_cluster", database),
    ("aws_redshift_cluster", database),
    ("aws_docdb_cluster", database),
    ("aws_rolesanywhere_profile", roles_anywhere),
];

const ADMINISTRATOR: &str = "policy/AdministratorAccess";

fn account<'r>(reading: &'r Reading<'_>, resource: &'r Resource) -> &'r str {
    resource.text("arn").and_then(account_of).unwrap_or_else(|| reading.index.aws_account())
}

/// The ARN of a user or role that is named without one.
fn principal_arn(reading: &Reading<'_>, sort: &str, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.into();
    }
    let known = if sort == "user" { &reading.index.users } else { &reading.index.roles };
    if let Some(arn) = known.get(name) {
        return arn.clone();
    }
    match reading.index.aws_account() {
        // A plan of what does not exist yet: no ARN is made up, the name is this file's own.
        "" => format!("{}:{}#{sort}/{name}", reading.at.machine, reading.at.place.native_id),
        account => format!("arn:aws:iam::{account}:{sort}/{name}"),
    }
}

/// Says that the ARN is not known, where it is not.
fn state_arn(identity: &mut model::Identity, arn: &str) {
    if !arn.starts_with("arn:") {
        let reason = "neither the resource nor another one of the file tells the account";
        identity.fact("arn", Fact::not_collected(reason));
    }
}

/// A user or role that another resource names.
fn named(reading: &mut Reading<'_>, resource: &Resource, sort: &str, name: &str) -> IdentityId {
    let arn = principal_arn(reading, sort, name);
    let kind = if sort == "user" { kinds::IAM_USER } else { kinds::IAM_ROLE };
    let account = account_of(&arn).unwrap_or_default();
    reading.mention(resource, kind, "aws", account, &arn, last_part(&arn))
}

fn user(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(name) = resource.text("name") else { return };
    let arn = principal_arn(reading, "user", resource.text("arn").unwrap_or(name));
    let account = account_of(&arn).unwrap_or_default();
    reading.identity(resource, kinds::IAM_USER, "aws", account, &arn, |identity| {
        identity.name = name.into();
        state_arn(identity, &arn);
        facts(identity, resource, &[("unique_id", "unique_id"), ("path", "path")]);
        boundary(identity, resource);
    });
}

fn role(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(name) = resource.text("name") else { return };
    let arn = principal_arn(reading, "role", resource.text("arn").unwrap_or(name));
    let account = account_of(&arn).unwrap_or_default().to_owned();
    let id = reading.identity(resource, kinds::IAM_ROLE, "aws", &account, &arn, |identity| {
        identity.name = name.into();
        identity.created_at = time(resource.text("create_date"));
        state_arn(identity, &arn);
        facts(identity, resource, &[("unique_id", "unique_id"), ("path", "path")]);
        if let Some(seconds) = resource.number("max_session_duration") {
            identity.fact("max_session_s", Fact::known(seconds));
        }
        boundary(identity, resource);
    });
    if let Some(policy) = resource.text("assume_role_policy") {
        trusts(reading, resource, &account, &arn, id, &statements(policy));
    }
    for inline in resource.blocks("inline_policy") {
        let (Some(policy), name) = (text(inline, "policy"), text(inline, "name")) else { continue };
        let via = name.unwrap_or("inline");
        grants(reading, resource, &account, via, id, &statements(policy), "inline_policy");
    }
    for policy in resource.texts("managed_policy_arns") {
        attached(reading, resource, policy, id);
    }
}

/// Facts that are texts of the resource's own.
fn facts(identity: &mut model::Identity, resource: &Resource, names: &[(&'static str, &str)]) {
    for (name, key) in names {
        if let Some(value) = resource.text(key) {
            identity.fact(name, Fact::known(value));
        }
    }
}

fn boundary(identity: &mut model::Identity, resource: &Resource) {
    let boundary = resource.text("permissions_boundary").map(model::Value::from);
    identity.fact("permissions_boundary", Fact::stated(boundary));
}

/// Who may become a role, by its trust policy.
fn trusts(
    reading: &mut Reading<'_>,
    resource: &Resource,
    account: &str,
    arn: &str,
    role: IdentityId,
    statements: &[Statement],
) {
    for statement in statements {
        if statement.effect == Effect::Deny || statement.inverted.contains(&"NotPrincipal") {
            continue;
        }
        let pointer = format!("assume_role_policy/Statement/{}", statement.number);
        for (sort, principal) in &statement.principals {
            let mechanism = mechanism_of(statement, sort, principal);
            let mut name = |sort: &str, arn: &str| named(reading, resource, sort, arn);
            for from in subjects(statement, sort, principal, &mut name) {
                if !reading.has_room_for(statement.conditions.iter().flat_map(|it| &it.values)) {
                    return;
                }
                let conditions = statement.conditions.clone();
                reading.trust(
                    resource, mechanism, "aws", account, arn, from, role, conditions, &pointer,
                );
            }
        }
    }
}

/// One grant for each statement of a policy.
fn grants(
    reading: &mut Reading<'_>,
    resource: &Resource,
    account: &str,
    via: &str,
    to: IdentityId,
    statements: &[Statement],
    pointer: &str,
) {
    for statement in statements {
        let conditions = statement.conditions.iter().flat_map(|it| &it.values);
        let lists = statement.actions.iter().chain(&statement.resources).chain(conditions);
        if !reading.has_room_for(lists.chain([&via.to_owned()])) {
            return;
        }
        let native_id = format!("{via}#{}", statement.number);
        let pointer = format!("{pointer}/Statement/{}", statement.number);
        let evidence = reading.evidence(resource, &pointer);
        reading.grant(resource, "policy", "aws", account, &native_id, to, |grant| {
            grant.actions.clone_from(&statement.actions);
            grant.resources.clone_from(&statement.resources);
            grant.effect = statement.effect;
            grant.conditions.clone_from(&statement.conditions);
            grant.via = Some(via.into());
            for inverted in &statement.inverted {
                let name = if *inverted == "NotAction" { "not_actions" } else { "not_resources" };
                grant.facts.insert(name.into(), Fact::known(true));
            }
            grant.evidence.push(evidence);
        });
    }
}

/// A managed policy, with its statements when this state makes it.
fn attached(reading: &mut Reading<'_>, resource: &Resource, policy: &str, to: IdentityId) {
    let account = reading.index.aws_account().to_owned();
    if let Some(statements) = reading.index.policies.get(policy) {
        return grants(reading, resource, &account, policy, to, statements, "policy_arn");
    }
    if !reading.has_room_for([&policy.to_owned()]) {
        return;
    }
    reading.grant(resource, "policy", "aws", &account, policy, to, |grant| {
        grant.via = Some(policy.into());
        if policy.ends_with(ADMINISTRATOR) {
            grant.actions.push("*".into());
            grant.resources.push("*".into());
        } else {
            let reason = "the policy is made elsewhere, and its statements are not in this state";
            grant.facts.insert("statements".into(), Fact::not_collected(reason));
        }
    });
}

/// The users and roles that an attachment or inline policy names, also by way of a group.
fn holders(reading: &mut Reading<'_>, resource: &Resource) -> Vec<IdentityId> {
    let names = |one: &str, many: &str| -> Vec<String> {
        let mut names = resource.texts(one);
        names.extend(resource.texts(many));
        names.into_iter().map(String::from).collect()
    };
    let mut users = names("user", "users");
    for group in names("group", "groups") {
        users.extend(reading.index.members.get(&group).into_iter().flatten().cloned());
    }
    let mut roles = names("role", "roles");
    roles.extend(resource.texts("role_name").into_iter().map(String::from));
    let mut holders: Vec<IdentityId> =
        users.iter().map(|name| named(reading, resource, "user", name)).collect();
    holders.extend(roles.iter().map(|name| named(reading, resource, "role", name)));
    holders
}

fn inline_policy(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(policy) = resource.text("policy") else { return };
    let statements = statements(policy);
    let via = resource.text("name").unwrap_or("inline").to_owned();
    let account = reading.index.aws_account().to_owned();
    for holder in holders(reading, resource) {
        grants(reading, resource, &account, &via, holder, &statements, "policy");
    }
}

fn attachment(reading: &mut Reading<'_>, resource: &Resource) {
    let mut policies = resource.texts("policy_arn");
    policies.extend(resource.texts("policy_arns"));
    for holder in holders(reading, resource) {
        for policy in &policies {
            attached(reading, resource, policy, holder);
        }
    }
}

fn access_key(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["secret", "encrypted_secret"]);
    let Some(key) = resource.text("id") else { return };
    let user = resource.text("user").map(|user| named(reading, resource, "user", user));
    reading.subject = user;
    let account = account_of_key(key);
    let fill = |credential: &mut model::Credential| {
        credential.name = key.into();
        credential.created_at = time(resource.text("create_date"));
        credential.expires_at = Fact::absent();
        credential.enabled = match resource.text("status") {
            Some(status) => Fact::known(status == "Active"),
            None => Fact::default(),
        };
        credential.fact("key_id", Fact::known(key));
    };
    if let Some(secret) = resource.text("secret") {
        let known_as = Some(("aws", account.as_str(), key));
        reading.secret(resource, kinds::ACCESS_KEY, "secret", secret, known_as, fill);
    } else {
        let kind = kinds::ACCESS_KEY;
        reading.credential(resource, kind, "aws", &account, key, |credential| {
            fill(credential);
            let encrypted = resource.text("encrypted_secret").is_some();
            credential.fact("encrypted", Fact::known(encrypted));
        });
    }
}

fn service_credential(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["service_password", "service_credential_secret"]);
    if let Some(user) = resource.text("user_name") {
        reading.subject = Some(named(reading, resource, "user", user));
    }
    let Some(id) = resource.text("service_specific_credential_id") else { return };
    let password = ["service_password", "service_credential_secret"]
        .into_iter()
        .find_map(|key| Some((key, resource.text(key)?)));
    if let Some((attribute, value)) = password {
        let known_as = Some(("aws", "", id));
        reading.secret(resource, kinds::API_TOKEN, attribute, value, known_as, |_| {});
    }
}

fn instance_profile(reading: &mut Reading<'_>, resource: &Resource) {
    let (Some(arn), Some(role)) = (resource.text("arn"), resource.text("role")) else { return };
    let role = named(reading, resource, "role", role);
    let from = Subject::Principal { principal: arn.into() };
    let account = account(reading, resource).to_owned();
    reading.trust(resource, "instance-profile", "aws", &account, arn, from, role, vec![], "role");
}

fn instance(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["user_data", "user_data_base64", "password_data"]);
    let Some(profile) = resource.text("iam_instance_profile") else { return };
    let Some(role) = reading.index.profiles.get(profile).cloned() else { return };
    workload(reading, resource, "arn", &role, "iam_instance_profile");
}

/// A workload that runs as a role.
fn workload(
    reading: &mut Reading<'_>,
    resource: &Resource,
    id_key: &str,
    role: &str,
    pointer: &str,
) {
    let Some(arn) = resource.text(id_key) else { return };
    let kind =
        if resource.kind == "aws_lambda_function" { kinds::FUNCTION } else { kinds::WORKLOAD };
    let account = account(reading, resource).to_owned();
    let name = ["function_name", "family", "name"].into_iter().find_map(|key| resource.text(key));
    let identity = reading.identity(resource, kind, "aws", &account, arn, |identity| {
        identity.name = name.unwrap_or(last_part(arn)).into();
        facts(identity, resource, &[("runtime", "runtime")]);
    });
    let role = named(reading, resource, "role", role);
    let from = Subject::Identity { identity };
    reading.trust(resource, "runs-as", "aws", &account, arn, from, role, vec![], pointer);
}

fn function(reading: &mut Reading<'_>, resource: &Resource) {
    if let Some(role) = resource.text("role") {
        workload(reading, resource, "arn", role, "role");
    }
    // Names of variables that tell of secrets; the values stay in the state, as findings.
    for environment in resource.blocks("environment") {
        let Some(variables) = environment.get("variables").and_then(|it| it.as_object()) else {
            continue;
        };
        for (name, value) in variables {
            let Some(value) = value.as_str() else { continue };
            if crate::dossier::tells_secret(name) && !reading.containers(resource, name, value) {
                let attribute = format!("environment.variables.{name}");
                reading.secret(resource, kinds::SECRET, &attribute, value, None, |_| {});
            }
        }
    }
    reading.dealt_with.insert("environment");
}

fn task_definition(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("container_definitions");
    for key in ["task_role_arn", "execution_role_arn"] {
        if let Some(role) = resource.text(key) {
            workload(reading, resource, "arn", role, key);
        }
    }
    let Some(definitions) = resource.text("container_definitions") else { return };
    let Ok(serde_json::Value::Array(containers)) = serde_json::from_str(definitions) else {
        return;
    };
    for container in containers.iter().filter_map(serde_json::Value::as_object) {
        let container_name = text(container, "name").unwrap_or_default();
        for variable in super::resource::blocks(container, "environment") {
            let (Some(name), Some(value)) = (text(variable, "name"), text(variable, "value"))
            else {
                continue;
            };
            if crate::dossier::tells_secret(name) {
                let attribute = format!("container_definitions.{container_name}.{name}");
                reading.secret(resource, kinds::SECRET, &attribute, value, None, |_| {});
            }
        }
        for secret in super::resource::blocks(container, "secrets") {
            let (Some(name), Some(from)) = (text(secret, "name"), text(secret, "valueFrom")) else {
                continue;
            };
            let native_id = format!("{from}#{name}");
            let account = account_of(from).unwrap_or_default();
            let kind = kinds::SECRET_REFERENCE;
            reading.credential(resource, kind, "aws", account, &native_id, |credential| {
                credential.name = name.into();
            });
        }
    }
}

fn pod_identity(reading: &mut Reading<'_>, resource: &Resource) {
    let (Some(role), Some(namespace), Some(name)) =
        (resource.text("role_arn"), resource.text("namespace"), resource.text("service_account"))
    else {
        return;
    };
    let native_id = format!("{namespace}/{name}");
    let kind = kinds::K8S_SERVICE_ACCOUNT;
    let identity = reading.mention(resource, kind, "kubernetes", "", &native_id, &native_id);
    let to = named(reading, resource, "role", role);
    let from = Subject::Identity { identity };
    let association = resource.text("association_id").unwrap_or(&resource.address).to_owned();
    let account = account_of(role).unwrap_or_default();
    let mut conditions = Vec::new();
    if let Some(cluster) = resource.text("cluster_name") {
        let values = vec![cluster.to_owned()];
        conditions.push(Condition { key: "cluster".into(), operator: "equals".into(), values });
    }
    reading.trust(
        resource,
        "pod-identity",
        "aws",
        account,
        &association,
        from,
        to,
        conditions,
        "role_arn",
    );
}

fn service_role(reading: &mut Reading<'_>, resource: &Resource) {
    let role = ["service_role", "role_arn"].into_iter().find_map(|key| resource.text(key));
    if let Some(role) = role {
        workload(reading, resource, "arn", role, "service_role");
    }
}

fn managed_secret(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(arn) = resource.text("arn") else { return };
    let account = account(reading, resource).to_owned();
    let kind = kinds::SECRET_REFERENCE;
    reading.credential(resource, kind, "aws", &account, arn, |credential| {
        credential.name = resource.text("name").unwrap_or(arn).into();
        credential.fact("store", Fact::known("secrets-manager"));
        if let Some(rotates) = resource.truth("rotation_enabled") {
            credential.fact("rotation_enabled", Fact::known(rotates));
        }
    });
}

fn secret_version(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["secret_string", "secret_binary"]);
    for key in ["secret_string", "secret_binary"] {
        let Some(value) = resource.text(key) else { continue };
        // A secret is often an object of several; each is one credential.
        match serde_json::from_str::<serde_json::Value>(value) {
            Ok(serde_json::Value::Object(parts)) => {
                for (name, part) in &parts {
                    let Some(part) = part.as_str() else { continue };
                    let attribute = format!("{key}.{name}");
                    let is_secret = crate::dossier::tells_secret(name) || parts.len() == 1;
                    if is_secret && !reading.containers(resource, &attribute, part) {
                        let kind = super::kind_of_name(name);
                        reading.secret(resource, kind, &attribute, part, None, |_| {});
                    }
                }
            }
            _ if reading.containers(resource, key, value) => {}
            _ => reading.secret(resource, kinds::SECRET, key, value, None, |_| {}),
        }
    }
}

fn parameter(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["value", "insecure_value"]);
    if resource.text("type") == Some("SecureString")
        && let Some(value) = resource.text("value")
        && !reading.containers(resource, "value", value)
    {
        let kind = super::kind_of_name(resource.text("name").unwrap_or_default());
        reading.secret(resource, kind, "value", value, None, |_| {});
    }
}

fn acm_certificate(reading: &mut Reading<'_>, resource: &Resource) {
    let body = resource.text("certificate_body");
    let from_body = body.is_some_and(|body| reading.containers(resource, "certificate_body", body));
    if from_body {
        return;
    }
    let Some(arn) = resource.text("arn") else { return };
    let account = account(reading, resource).to_owned();
    reading.credential(resource, kinds::X509, "aws", &account, arn, |credential| {
        credential.name = resource.text("domain_name").unwrap_or(arn).into();
        credential.created_at = time(resource.text("not_before"));
        credential.expires_at = time(resource.text("not_after"));
        let names = resource.texts("subject_alternative_names");
        let names: Vec<String> = names.into_iter().map(|name| format!("dns:{name}")).collect();
        credential.fact("san", Fact::known(names));
        let managed = resource.text("type") == Some("AMAZON_ISSUED");
        credential.fact("renewed_by_issuer", Fact::known(managed));
    });
}

fn server_certificate(reading: &mut Reading<'_>, resource: &Resource) {
    if let Some(body) = resource.text("certificate_body") {
        reading.containers(resource, "certificate_body", body);
    }
}

fn database(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["password", "master_password"]);
    let engine = resource.text("engine").unwrap_or_default();
    let system = match engine {
        _ if engine.contains("postgres") || resource.kind == "aws_redshift_cluster" => "postgres",
        _ if engine.contains("mysql") || engine.contains("maria") => "mysql",
        _ if engine.contains("sqlserver") => "sqlserver",
        _ if engine.contains("oracle") => "oracle",
        _ if engine.contains("docdb") => "mongodb",
        _ => "database",
    };
    let user = resource.text("username").or_else(|| resource.text("master_username"));
    let host = resource.text("address").or_else(|| resource.text("endpoint")).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    if let Some(user) = user {
        reading.identity(resource, kinds::DB_ROLE, system, host, user, |identity| {
            identity.name = format!("{user} at {}", resource.text("identifier").unwrap_or(host));
            identity.fact("superuser", Fact::known(true));
        });
    }
    for key in ["password", "master_password"] {
        if let Some(value) = resource.text(key) {
            reading.secret(resource, kinds::PASSWORD, key, value, None, |_| {});
        }
    }
}

fn roles_anywhere(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(arn) = resource.text("arn") else { return };
    let account = account(reading, resource).to_owned();
    for role in resource.texts("role_arns") {
        let to = named(reading, resource, "role", role);
        let from = Subject::Principal { principal: arn.into() };
        reading.trust(
            resource,
            "roles-anywhere",
            "aws",
            &account,
            arn,
            from,
            to,
            vec![],
            "role_arns",
        );
    }
}
