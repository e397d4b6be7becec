//! Entra ID and Azure: applications, managed identities, federated credentials, role assignments.

use model::kinds;
use model::{Fact, IdentityId, Subject};

use super::Row;
use super::reading::{Reading, expiry, time};
use super::resource::Resource;
use crate::aws::last_part;

pub(super) const ROWS: &[Row] = &[
    ("azuread_application", application),
    ("azuread_application_registration", application),
    ("azuread_service_principal", service_principal),
    ("azuread_application_password", client_secret),
    ("azuread_service_principal_password", client_secret),
    ("azuread_application_certificate", client_certificate),
    ("azuread_service_principal_certificate", client_certificate),
    ("azuread_application_federated_identity_credential", federated),
    ("azuread_app_role_assignment", app_role),
    ("azuread_directory_role_assignment", directory_role),
    ("azurerm_user_assigned_identity", managed_identity),
    ("azurerm_federated_identity_credential", federated),
    ("azurerm_role_assignment", role_assignment),
    ("azurerm_key_vault_secret", vault_secret),
];

fn tenant(reading: &Reading<'_>, resource: &Resource) -> String {
    let stated = resource.text("tenant_id").or_else(|| resource.text("application_tenant_id"));
    stated.unwrap_or_else(|| reading.index.tenant()).into()
}

fn client_id(resource: &Resource) -> Option<&str> {
    // `application_id` was its name before version 3 of the provider.
    resource.text("client_id").or_else(|| resource.text("application_id"))
}

fn application(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(client) = client_id(resource) else { return };
    let tenant = tenant(reading, resource);
    reading.identity(resource, kinds::APP_REGISTRATION, "azure", &tenant, client, |identity| {
        identity.name = resource.text("display_name").unwrap_or(client).into();
        if let Some(audience) = resource.text("sign_in_audience") {
            identity.fact("sign_in_audience", Fact::known(audience));
        }
    });
}

fn service_principal(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(client) = client_id(resource) else { return };
    let tenant = tenant(reading, resource);
    reading.identity(resource, kinds::SERVICE_PRINCIPAL, "azure", &tenant, client, |identity| {
        identity.name = resource.text("display_name").unwrap_or(client).into();
        identity.enabled =
            resource.truth("account_enabled").map_or_else(Fact::default, Fact::known);
    });
}

/// The application or principal that another resource names by object id, client id or resource id.
fn named(reading: &mut Reading<'_>, resource: &Resource, keys: &[&str]) -> Option<IdentityId> {
    let given = keys.iter().find_map(|key| resource.text(key))?;
    let index = reading.index;
    let client = index
        .managed_identities
        .get(&given.to_lowercase())
        .or_else(|| index.clients.get(last_part(given)));
    let tenant = tenant(reading, resource);
    let is_managed =
        client.is_some_and(|client| index.managed_identities.values().any(|it| it == client));
    let kind = if is_managed {
        kinds::MANAGED_IDENTITY
    } else if resource.kind.contains("application_") {
        kinds::APP_REGISTRATION
    } else {
        kinds::SERVICE_PRINCIPAL
    };
    // An object id is no client id: without the resource that joins them it stands for itself.
    let native_id = client.cloned().unwrap_or_else(|| format!("object:{}", last_part(given)));
    Some(reading.mention(resource, kind, "azure", &tenant, &native_id, ""))
}

const APPLICATION_KEYS: &[&str] =
    &["application_id", "application_object_id", "service_principal_id"];

fn client_secret(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("value");
    reading.subject = named(reading, resource, APPLICATION_KEYS);
    let tenant = tenant(reading, resource);
    let key = resource.text("key_id").map(String::from);
    let Some(value) = resource.text("value") else { return };
    let known_as = key.as_deref().map(|key| ("azure", tenant.as_str(), key));
    reading.secret(resource, kinds::CLIENT_SECRET, "value", value, known_as, |credential| {
        if let Some(name) = resource.text("display_name") {
            credential.name = name.into();
        }
        credential.created_at = time(resource.text("start_date"));
        credential.expires_at = expiry(resource.text("end_date"));
        if let Some(key) = &key {
            credential.fact("key_id", Fact::known(key.as_str()));
        }
    });
}

fn client_certificate(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("value");
    reading.subject = named(reading, resource, APPLICATION_KEYS);
    if let Some(value) = resource.text("value") {
        reading.containers(resource, "value", value);
    }
}

fn federated(reading: &mut Reading<'_>, resource: &Resource) {
    let keys =
        ["application_id", "application_object_id", "user_assigned_identity_id", "parent_id"];
    let Some(to) = named(reading, resource, &keys) else { return };
    let Some(issuer) = resource.text("issuer") else { return };
    // A flexible credential says `claims['sub'] matches 'repo:o/r:*'`.
    let expression = resource.text("claims_matching_expression").unwrap_or_default();
    let matched = expression
        .split_once("claims['sub']")
        .and_then(|(_, rest)| rest.split('\'').nth(1))
        .map(String::from);
    let subject = resource.text("subject").map(String::from).or(matched);
    let subject = subject.unwrap_or_else(|| "*".into());
    let audience = resource
        .texts("audiences")
        .into_iter()
        .chain(resource.texts("audience"))
        .next()
        .map(String::from);
    let from = Subject::Federated { issuer: issuer.into(), subject, audience };
    let tenant = tenant(reading, resource);
    let name = resource.text("display_name").or_else(|| resource.text("name"));
    let name = name.unwrap_or(&resource.address).to_owned();
    reading.trust(
        resource,
        "federated-credential",
        "azure",
        &tenant,
        &name,
        from,
        to,
        vec![],
        "subject",
    );
}

fn managed_identity(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(client) = resource.text("client_id") else { return };
    let tenant = tenant(reading, resource);
    reading.identity(resource, kinds::MANAGED_IDENTITY, "azure", &tenant, client, |identity| {
        identity.name = resource.text("name").unwrap_or(client).into();
        if let Some(id) = resource.text("id") {
            identity.fact("resource_id", Fact::known(id));
        }
    });
}

fn role_assignment(reading: &mut Reading<'_>, resource: &Resource) {
    // People and groups are no identities of ours.
    if matches!(resource.text("principal_type"), Some("User" | "Group")) {
        return;
    }
    let Some(to) = named(reading, resource, &["principal_id"]) else { return };
    let role = resource
        .text("role_definition_name")
        .or_else(|| resource.text("role_definition_id").map(last_part))
        .unwrap_or_default()
        .to_owned();
    let Some(scope) = resource.text("scope") else { return };
    let tenant = tenant(reading, resource);
    let id = resource.text("id").unwrap_or(&resource.address).to_owned();
    reading.grant(resource, "role-assignment", "azure", &tenant, &id, to, |grant| {
        grant.actions.push(role.clone());
        grant.resources.push(scope.into());
        grant.via = Some(role);
    });
}

fn app_role(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(to) = named(reading, resource, &["principal_object_id"]) else { return };
    let (Some(role), Some(target)) =
        (resource.text("app_role_id"), resource.text("resource_object_id"))
    else {
        return;
    };
    let tenant = tenant(reading, resource);
    let id = resource.text("id").unwrap_or(&resource.address).to_owned();
    reading.grant(resource, "app-role", "azure", &tenant, &id, to, |grant| {
        grant.actions.push(role.into());
        let name = resource.text("resource_display_name").unwrap_or(target);
        grant.resources.push(name.into());
    });
}

fn directory_role(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(to) = named(reading, resource, &["principal_object_id"]) else { return };
    let Some(role) = resource.text("role_id") else { return };
    let tenant = tenant(reading, resource);
    let id = resource.text("id").unwrap_or(&resource.address).to_owned();
    reading.grant(resource, "directory-role", "azure", &tenant, &id, to, |grant| {
        grant.actions.push(role.into());
        grant.resources.push(resource.text("directory_scope_id").unwrap_or("/").into());
    });
}

fn vault_secret(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.insert("value");
    let name = resource.text("name").unwrap_or_default();
    if let Some(value) = resource.text("value")
        && !reading.containers(resource, "value", value)
    {
        let kind = super::kind_of_name(name);
        reading.secret(resource, kind, "value", value, None, |credential| {
            credential.expires_at = expiry(resource.text("expiration_date"));
        });
    }
}
