//! Google Cloud: service accounts, their keys, role bindings, workload identity federation.

use data_encoding::BASE64;
use model::kinds;
use model::{Condition, Fact, IdentityId, Subject};

use super::Row;
use super::reading::{Reading, expiry, time};
use super::resource::{Resource, text};

pub(super) const ROWS: &[Row] = &[
    ("google_service_account", service_account),
    ("google_service_account_key", service_account_key),
    ("google_service_account_iam_member", impersonation),
    ("google_service_account_iam_binding", impersonation),
    ("google_storage_hmac_key", hmac_key),
    ("google_secret_manager_secret_version", secret_version),
    ("google_cloud_run_service_iam_member", role_members),
    ("google_cloud_run_v2_service", runs_as),
    ("google_cloudfunctions2_function", runs_as),
    ("google_cloudfunctions_function", runs_as),
    ("google_compute_instance", runs_as),
    ("google_sql_user", database_user),
];

/// `google_project_iam_member`, `google_storage_bucket_iam_binding` and some hundred more.
pub(super) fn is_binding(kind: &str) -> bool {
    kind.starts_with("google_") && (kind.ends_with("_iam_member") || kind.ends_with("_iam_binding"))
}

pub(super) fn is_policy(kind: &str) -> bool {
    kind.starts_with("google_") && kind.ends_with("_iam_policy") && kind != "google_iam_policy"
}

/// `example-project` of `x@example-project.iam.gserviceaccount.com`.
fn project_of(email: &str) -> &str {
    email
        .split_once('@')
        .and_then(|(_, domain)| domain.strip_suffix(".iam.gserviceaccount.com"))
        .unwrap_or_default()
}

/// The address in `projects/p/serviceAccounts/x@p.iam.gserviceaccount.com` and in itself.
fn email_of(name: &str) -> Option<&str> {
    let last = name.rsplit('/').next()?;
    let email = last.strip_prefix("serviceAccount:").unwrap_or(last);
    email.contains('@').then_some(email)
}

fn named(reading: &mut Reading<'_>, resource: &Resource, email: &str) -> IdentityId {
    let kind = kinds::GCP_SERVICE_ACCOUNT;
    reading.mention(resource, kind, "gcp", project_of(email), email, "")
}

fn service_account(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(email) = resource.text("email") else { return };
    let kind = kinds::GCP_SERVICE_ACCOUNT;
    reading.identity(resource, kind, "gcp", project_of(email), email, |identity| {
        identity.enabled = resource
            .truth("disabled")
            .map_or_else(Fact::default, |disabled| Fact::known(!disabled));
        if let Some(id) = resource.text("unique_id") {
            identity.fact("unique_id", Fact::known(id));
        }
    });
}

fn service_account_key(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["private_key", "public_key"]);
    // `projects/p/serviceAccounts/x@…/keys/0123…`.
    let Some(name) = resource.text("name").or_else(|| resource.text("id")) else { return };
    let key_id = name.rsplit('/').next().unwrap_or(name);
    let email = name
        .split("/keys/")
        .next()
        .and_then(email_of)
        .or_else(|| resource.text("service_account_id").and_then(email_of))
        .map(String::from);
    if let Some(email) = &email {
        reading.subject = Some(named(reading, resource, email));
    }
    let Some(private) = resource.text("private_key") else { return };
    let project = email.as_deref().map(project_of).unwrap_or_default().to_owned();
    // The attribute is the base64 of the JSON file; the fingerprint is that of the key in it, so
    // that the downloaded file is known to be the same.
    let decoded = BASE64.decode(private.as_bytes()).ok();
    let inner = decoded
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|file| Some(file.get("private_key")?.as_str()?.to_owned()));
    let value = inner.as_deref().unwrap_or(private);
    let kind = kinds::SERVICE_ACCOUNT_KEY;
    let known_as = Some(("gcp", project.as_str(), key_id));
    reading.secret(resource, kind, "private_key", value, known_as, |credential| {
        credential.name = match &email {
            Some(email) => format!("key {key_id} of {email}"),
            None => key_id.into(),
        };
        credential.created_at = time(resource.text("valid_after"));
        credential.expires_at = match resource.text("valid_before") {
            Some(end) if end.starts_with("9999") => Fact::absent(),
            end => time(end),
        };
        credential.fact("key_id", Fact::known(key_id));
        if let Some(algorithm) = resource.text("key_algorithm") {
            credential.fact("algorithm", Fact::known(algorithm));
        }
    });
}

/// Who is named as a member of a role, and is no person.
fn members(resource: &Resource) -> Vec<&str> {
    let mut members = resource.texts("member");
    members.extend(resource.texts("members"));
    members
}

pub(super) fn role_members(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(role) = resource.text("role") else { return };
    let target = target_of(resource);
    for member in members(resource) {
        binding(reading, resource, role, member, &target);
    }
}

pub(super) fn policy(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(data) = resource.text("policy_data") else { return };
    let Ok(serde_json::Value::Object(policy)) = serde_json::from_str(data) else { return };
    let target = target_of(resource);
    for bound in super::resource::blocks(&policy, "bindings") {
        let Some(role) = text(bound, "role") else { continue };
        for member in super::resource::texts(bound, "members") {
            binding(reading, resource, role, member, &target);
        }
    }
}

/// What the role is on: the attribute that names it differs by resource.
fn target_of(resource: &Resource) -> String {
    const KEYS: &[(&str, &str)] = &[
        ("bucket", "buckets/"),
        ("secret_id", "secrets/"),
        ("service_account_id", ""),
        ("crypto_key_id", ""),
        ("topic", "topics/"),
        ("subscription", "subscriptions/"),
        ("dataset_id", "datasets/"),
        ("instance", "instances/"),
        ("repository", "repositories/"),
        ("service", "services/"),
        ("folder", ""),
        ("org_id", "organizations/"),
        ("project", "projects/"),
    ];
    let found = KEYS.iter().find_map(|(key, prefix)| Some((resource.text(key)?, *prefix)));
    found.map_or_else(String::new, |(name, prefix)| {
        if name.contains('/') { name.into() } else { format!("{prefix}{name}") }
    })
}

fn binding(reading: &mut Reading<'_>, resource: &Resource, role: &str, member: &str, on: &str) {
    let Some(email) = member.strip_prefix("serviceAccount:") else { return };
    // `serviceAccount:p.svc.id.goog[ns/name]` is a service account of a cluster.
    if email.contains('[') {
        return;
    }
    let to = named(reading, resource, email);
    let native_id = format!("{on}#{role}");
    let conditions = expressions(resource);
    reading.grant(resource, "role-binding", "gcp", project_of(email), &native_id, to, |grant| {
        grant.actions.push(role.into());
        grant.resources.push(on.into());
        grant.via = Some(role.into());
        grant.conditions = conditions;
    });
}

fn expressions(resource: &Resource) -> Vec<Condition> {
    let expression = |block| Some(text(block, "expression")?.to_owned());
    let condition = |values: String| Condition {
        key: "expression".into(),
        operator: "cel".into(),
        values: vec![values],
    };
    resource.blocks("condition").into_iter().filter_map(expression).map(condition).collect()
}

/// Roles on a service account: who may become it.
fn impersonation(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(account) = resource.text("service_account_id").and_then(email_of) else { return };
    let Some(role) = resource.text("role") else { return };
    const BECOMES: &[&str] = &[
        "roles/iam.workloadIdentityUser",
        "roles/iam.serviceAccountTokenCreator",
        "roles/iam.serviceAccountUser",
        "roles/iam.serviceAccountKeyAdmin",
        "roles/iam.serviceAccountOpenIdTokenCreator",
        "roles/owner",
        "roles/editor",
    ];
    let to = named(reading, resource, account);
    for member in members(resource) {
        if !BECOMES.contains(&role) {
            binding(reading, resource, role, member, account);
            continue;
        }
        let is_federation = role == "roles/iam.workloadIdentityUser";
        let mechanism = if is_federation { "workload-identity" } else { "impersonate" };
        let from = subject(reading, resource, member);
        let native_id = format!("{account}#{role}");
        let conditions = expressions(resource);
        reading.trust(
            resource,
            mechanism,
            "gcp",
            project_of(account),
            &native_id,
            from,
            to,
            conditions,
            "member",
        );
    }
}

/// A member as the subject of a trust.
fn subject(reading: &mut Reading<'_>, resource: &Resource, member: &str) -> Subject {
    let plain = || Subject::Principal { principal: member.to_owned() };
    if let Some(rest) = member.strip_prefix("serviceAccount:") {
        // `p.svc.id.goog[namespace/name]`: workload identity of GKE.
        if let Some((_, name)) = rest.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            let kind = kinds::K8S_SERVICE_ACCOUNT;
            let identity = reading.mention(resource, kind, "kubernetes", "", name, name);
            return Subject::Identity { identity };
        }
        return Subject::Identity { identity: named(reading, resource, rest) };
    }
    let pool =
        member.split("/workloadIdentityPools/").nth(1).and_then(|rest| rest.split('/').next());
    let Some(pool) = pool else { return plain() };
    let issuer = match reading.index.issuers.get(pool) {
        Some(issuer) => issuer.clone(),
        None => format!("workload-identity-pool:{pool}"),
    };
    let is_github = issuer.contains("token.actions.githubusercontent.com");
    let subject = if let Some((_, subject)) = member.split_once("/subject/") {
        subject.to_owned()
    } else if let Some((_, repository)) = member.split_once("/attribute.repository/") {
        if is_github { format!("repo:{repository}:*") } else { format!("repository:{repository}") }
    } else if let Some((_, owner)) = member.split_once("/attribute.repository_owner/") {
        if is_github { format!("repo:{owner}/*") } else { format!("repository_owner:{owner}") }
    } else if member.ends_with("/*") {
        "*".to_owned()
    } else {
        let attribute = member.split_once("/attribute.").map(|(_, rest)| rest.replace('/', ":"));
        attribute.unwrap_or_else(|| "*".into())
    };
    Subject::Federated { issuer, subject, audience: None }
}

fn hmac_key(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("secret");
    if let Some(email) = resource.text("service_account_email") {
        reading.subject = Some(named(reading, resource, email));
    }
    let (Some(id), Some(secret)) = (resource.text("access_id"), resource.text("secret")) else {
        return;
    };
    let project = resource.text("project").unwrap_or_default();
    let known_as = Some(("gcp", project, id));
    reading.secret(resource, kinds::ACCESS_KEY, "secret", secret, known_as, |credential| {
        credential.name = id.into();
        credential.created_at = time(resource.text("time_created"));
        credential.expires_at = Fact::absent();
        if let Some(state) = resource.text("state") {
            credential.enabled = Fact::known(state == "ACTIVE");
        }
    });
}

fn secret_version(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("secret_data");
    if let Some(value) = resource.text("secret_data")
        && !reading.containers(resource, "secret_data", value)
    {
        let kind = super::kind_of_name(resource.text("secret").unwrap_or_default());
        reading.secret(resource, kind, "secret_data", value, None, |credential| {
            credential.created_at = time(resource.text("create_time"));
            credential.expires_at = expiry(resource.text("destroy_time"));
        });
    }
}

fn runs_as(reading: &mut Reading<'_>, resource: &Resource) {
    let email = resource.text("service_account_email").map(String::from).or_else(|| {
        let nested = ["template", "service_config", "service_account"];
        nested.iter().flat_map(|key| resource.blocks(key)).find_map(|block| {
            let keys = ["service_account", "service_account_email", "email"];
            keys.iter().find_map(|key| text(block, key).map(String::from))
        })
    });
    let Some(email) = email.filter(|email| email.contains('@')) else { return };
    let Some(id) = resource.text("id").map(String::from) else { return };
    let project = resource.text("project").unwrap_or_default();
    let kind = if resource.kind.contains("function") { kinds::FUNCTION } else { kinds::WORKLOAD };
    let identity = reading.identity(resource, kind, "gcp", project, &id, |identity| {
        identity.name = resource.text("name").unwrap_or(&id).into();
    });
    let to = named(reading, resource, &email);
    let from = Subject::Identity { identity };
    reading.trust(resource, "runs-as", "gcp", project, &id, from, to, vec![], "service_account");
}

fn database_user(reading: &mut Reading<'_>, resource: &Resource) {
    let (Some(name), Some(instance)) = (resource.text("name"), resource.text("instance")) else {
        return;
    };
    reading.identity(resource, kinds::DB_ROLE, "cloudsql", instance, name, |_| {});
}
