//! GitHub and GitLab: deploy keys, tokens, secrets of pipelines, app installations.

use credentials::ssh;
use model::kinds::{self, CredentialKind};
use model::{Authority, Fact};

use super::Row;
use super::reading::{Reading, expiry, is_no_secret, time};
use super::resource::Resource;
use crate::material;

pub(super) const ROWS: &[Row] = &[
    ("github_actions_secret", github_secret),
    ("github_actions_organization_secret", github_secret),
    ("github_actions_environment_secret", github_secret),
    ("github_dependabot_secret", github_secret),
    ("github_codespaces_secret", github_secret),
    ("github_repository_deploy_key", github_deploy_key),
    ("github_app_installation_repository", github_installation),
    ("github_app_installation_repositories", github_installation),
    ("github_user_ssh_key", github_user_key),
    ("gitlab_project_access_token", gitlab_access_token),
    ("gitlab_group_access_token", gitlab_access_token),
    ("gitlab_personal_access_token", gitlab_access_token),
    ("gitlab_group_service_account_access_token", gitlab_access_token),
    ("gitlab_deploy_token", gitlab_deploy_token),
    ("gitlab_deploy_key", gitlab_deploy_key),
    ("gitlab_project_variable", gitlab_variable),
    ("gitlab_group_variable", gitlab_variable),
    ("gitlab_instance_variable", gitlab_variable),
    ("gitlab_pipeline_trigger", gitlab_trigger),
];

fn github_secret(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["plaintext_value", "encrypted_value", "value", "value_encrypted"]);
    let Some(name) = resource.text("secret_name") else { return };
    let repository = resource.text("repository").unwrap_or("organization");
    let native_id = match resource.text("environment") {
        Some(environment) => format!("{repository}:{environment}:{name}"),
        None => format!("{repository}:{name}"),
    };
    let fill = |credential: &mut model::Credential| {
        credential.name = name.into();
        credential.created_at = time(resource.text("created_at"));
        credential.changed_at = time(resource.text("updated_at")).value().copied();
        credential.fact("repository", Fact::known(repository));
        if let Some(visibility) = resource.text("visibility") {
            credential.fact("visibility", Fact::known(visibility));
        }
    };
    reading.credential(resource, kinds::CI_SECRET, "github", "", &native_id, fill);
    let plain =
        ["plaintext_value", "value"].into_iter().find_map(|key| Some((key, resource.text(key)?)));
    if let Some((attribute, value)) = plain
        && !reading.containers(resource, attribute, value)
    {
        let kind = super::kind_of_name(name);
        reading.secret(resource, kind, attribute, value, None, |_| {});
    }
}

/// A public key that may be used on a repository, and the deploy key as an identity.
fn deploy_key(
    reading: &mut Reading<'_>,
    resource: &Resource,
    system: &'static str,
    repository: &str,
    can_write: bool,
) {
    let Some(text) = resource.text("key") else { return };
    let title = resource.text("title").unwrap_or("deploy key");
    let Ok(key) = ssh::public_key(text) else { return };
    let native_id = format!("{repository}:{}", key.fingerprint);
    let id = reading.identity(resource, kinds::DEPLOY_KEY, system, "", &native_id, |identity| {
        identity.name = format!("{title} of {repository}");
        identity.fact("can_write", Fact::known(can_write));
    });
    let mut credential = material::public_key(&key, None, reading.at);
    credential.identity = Some(id);
    credential.authority = Authority::Declared;
    for stored_at in &mut credential.places {
        stored_at.pointer = Some(format!("{}.key", resource.address));
    }
    reading.batch.credentials.push(credential);
    reading.grant(resource, "deploy-key", system, "", &native_id, id, |grant| {
        grant.actions.push("read".into());
        if can_write {
            grant.actions.push("write".into());
        }
        grant.resources.push(repository.into());
    });
}

fn github_deploy_key(reading: &mut Reading<'_>, resource: &Resource) {
    let repository = resource.text("repository").unwrap_or_default().to_owned();
    let can_write = resource.truth("read_only") == Some(false);
    deploy_key(reading, resource, "github", &repository, can_write);
}

fn gitlab_deploy_key(reading: &mut Reading<'_>, resource: &Resource) {
    let project = project(resource);
    let can_write = resource.truth("can_push") == Some(true);
    deploy_key(reading, resource, "gitlab", &project, can_write);
}

fn github_installation(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(installation) = resource
        .text("installation_id")
        .map(String::from)
        .or_else(|| resource.number("installation_id").map(|id| id.to_string()))
    else {
        return;
    };
    let kind = kinds::APP_INSTALLATION;
    let name = format!("GitHub app installation {installation}");
    let id = reading.mention(resource, kind, "github", "", &installation, &name);
    let mut repositories = resource.texts("repository");
    repositories.extend(resource.texts("selected_repositories"));
    let repositories: Vec<String> = repositories.into_iter().map(String::from).collect();
    reading.grant(resource, "app-installation", "github", "", &installation, id, |grant| {
        grant.resources = repositories;
        let reason = "the state does not hold the permissions of the app";
        grant.facts.insert("permissions".into(), Fact::not_observable(reason));
    });
}

/// A key of the person or bot that the provider signs in as.
fn github_user_key(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(Ok(key)) = resource.text("key").map(ssh::public_key) else { return };
    let mut credential = material::public_key(&key, None, reading.at);
    credential.authority = Authority::Declared;
    reading.batch.credentials.push(credential);
}

/// Project or group, as GitLab's resources name it.
fn project(resource: &Resource) -> String {
    let named = ["project", "group", "user_id"].into_iter().find_map(|key| {
        let text = resource.text(key).map(String::from);
        text.or_else(|| resource.number(key).map(|number| number.to_string()))
    });
    named.unwrap_or_default()
}

fn gitlab_access_token(reading: &mut Reading<'_>, resource: &Resource) {
    let kind = kinds::PERSONAL_ACCESS_TOKEN;
    let scopes: Vec<String> = resource.texts("scopes").into_iter().map(String::from).collect();
    token(reading, resource, kind, &scopes, resource.text("name").unwrap_or("access token"));
}

fn gitlab_deploy_token(reading: &mut Reading<'_>, resource: &Resource) {
    let scopes: Vec<String> = resource.texts("scopes").into_iter().map(String::from).collect();
    token(reading, resource, kinds::API_TOKEN, &scopes, resource.text("name").unwrap_or("token"));
}

fn gitlab_trigger(reading: &mut Reading<'_>, resource: &Resource) {
    let name = resource.text("description").map_or("trigger", |_| "trigger");
    token(reading, resource, kinds::API_TOKEN, &["trigger".into()], name);
}

fn token(
    reading: &mut Reading<'_>,
    resource: &Resource,
    kind: &'static CredentialKind,
    scopes: &[String],
    name: &str,
) {
    reading.dealt_with.insert("token");
    let project = project(resource);
    // GitLab makes a bot user for each project and group token.
    let native_id = format!("{project}:{}", resource.text("id").unwrap_or(name));
    let id = reading.identity(resource, kinds::BOT, "gitlab", "", &native_id, |identity| {
        identity.name = format!("{name} of {project}");
        if let Some(level) = resource.text("access_level") {
            identity.fact("access_level", Fact::known(level));
        }
    });
    reading.grant(resource, "token-scopes", "gitlab", "", &native_id, id, |grant| {
        grant.actions = scopes.to_vec();
        grant.resources.push(project.clone());
        grant.via = resource.text("access_level").map(String::from);
    });
    let Some(value) = resource.text("token") else { return };
    let known_as = Some(("gitlab", "", native_id.as_str()));
    reading.secret(resource, kind, "token", value, known_as, |credential| {
        credential.name = name.into();
        credential.created_at = time(resource.text("created_at"));
        credential.expires_at = expiry(resource.text("expires_at"));
        credential.enabled = resource.truth("active").map_or_else(Fact::default, Fact::known);
    });
}

fn gitlab_variable(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("value");
    let (Some(key), Some(value)) = (resource.text("key"), resource.text("value")) else { return };
    let is_secret = resource.truth("masked") == Some(true)
        || resource.truth("hidden") == Some(true)
        || crate::dossier::tells_secret(key);
    if !is_secret || is_no_secret(value) {
        return;
    }
    let project = project(resource);
    let native_id = format!("{project}:{key}");
    let is_protected = resource.truth("protected");
    reading.credential(resource, kinds::CI_SECRET, "gitlab", "", &native_id, |credential| {
        credential.name = key.into();
        if let Some(is_protected) = is_protected {
            credential.fact("protected", Fact::known(is_protected));
        }
    });
    if !reading.containers(resource, "value", value) {
        let kind = super::kind_of_name(key);
        reading.secret(resource, kind, "value", value, None, |_| {});
    }
}
