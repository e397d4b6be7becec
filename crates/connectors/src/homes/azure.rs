//! Azure command line: subscriptions, service principals and the token cache.

use model::{Authority, Fact, GapReason, IdentityId, kinds};

use super::files::File;
use crate::document::{Node, Syntax};
use crate::dossier::{Dossier, Held, stated_time};

/// `azureProfile.json`: what the person or service principal is signed in to.
pub(super) fn profile(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    for subscription in document.items_of("subscriptions") {
        let Some(user) = subscription.get("user") else { continue };
        let Some(name) = user.text_of("name") else { continue };
        let tenant = subscription.text_of("tenantId").unwrap_or_default();
        let is_principal = user.text_of("type") == Some("servicePrincipal");
        if !is_principal && name != "systemAssignedIdentity" && name != "userAssignedIdentity" {
            // A person's sign-in; its tokens are in the cache.
            continue;
        }
        let kind = if is_principal { kinds::SERVICE_PRINCIPAL } else { kinds::MANAGED_IDENTITY };
        let mut identity = dossier.identity(kind, "azure", tenant, name, user.line);
        identity.authority = Authority::Mentioned;
        if let Some(id) = subscription.text_of("id") {
            identity.fact("subscription", Fact::known(id));
        }
        dossier.add(identity);
    }
}

/// `service_principal_entries.json`: client secrets and certificates of service principals.
pub(super) fn principals(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    for entry in document.items() {
        principal(entry, dossier);
    }
}

fn principal(entry: &Node, dossier: &mut Dossier<'_>) -> Option<IdentityId> {
    let client = entry.text_of("client_id").or_else(|| entry.text_of("servicePrincipalId"))?;
    let tenant = entry
        .text_of("tenant")
        .or_else(|| entry.text_of("servicePrincipalTenant"))
        .unwrap_or_default();
    let mut identity =
        dossier.identity(kinds::SERVICE_PRINCIPAL, "azure", tenant, client, entry.line);
    identity.authority = Authority::Declared;
    if entry.get("certificate").or_else(|| entry.get("certificateFile")).is_some() {
        identity.fact("credential_store", Fact::known("certificate file"));
    }
    let identity = dossier.add(identity);
    for key in ["client_secret", "accessToken", "client_assertion"] {
        let Some(node) = entry.get(key) else { continue };
        let kind = if key == "client_assertion" { kinds::JWT } else { kinds::CLIENT_SECRET };
        let pointer = format!("{client} {key}");
        let held =
            Held::new(kind, "azure", pointer, "client_secret", node.line).at(tenant).of(identity);
        if let Some(credential) = dossier.secret(&held, node.text().unwrap_or_default()) {
            credential.identity = Some(identity);
        }
    }
    Some(identity)
}

/// `msal_token_cache.json` in clear: refresh and access tokens of people and applications.
pub(super) fn token_cache(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    let accounts: Vec<(&str, &str)> = document
        .pairs_of("Account")
        .iter()
        .filter_map(|(_, account)| {
            Some((account.text_of("home_account_id")?, account.text_of("username")?))
        })
        .collect();
    for (section, kind) in
        [("RefreshToken", kinds::REFRESH_TOKEN), ("AccessToken", kinds::OAUTH_TOKEN)]
    {
        for (n, (_, token)) in document.pairs_of(section).iter().enumerate() {
            let home = token.text_of("home_account_id").unwrap_or_default();
            let tenant = token
                .text_of("realm")
                .or_else(|| home.split_once('.').map(|(_, tenant)| tenant))
                .unwrap_or_default();
            let user = accounts.iter().find(|(id, _)| *id == home).map(|(_, user)| *user);
            let client = token.text_of("client_id").unwrap_or_default();
            let identity = if home.is_empty() && !client.is_empty() {
                // Client credentials: the application itself.
                dossier.mention(kinds::SERVICE_PRINCIPAL, "azure", tenant, client, token.line)
            } else {
                let identity =
                    dossier.account(kinds::API_CLIENT, "azure", tenant, user, home, token.line);
                dossier.add(identity)
            };
            let Some(secret) = token.get("secret") else { continue };
            let pointer = format!("{section} {}", n + 1);
            let held =
                Held::new(kind, "azure", pointer, "secret", secret.line).at(tenant).of(identity);
            let target = token
                .text_of("target")
                .map(|target| target.split(' ').map(str::to_owned).collect::<Vec<_>>());
            let expires = token.scalar_of("expires_on").map(str::to_owned);
            let Some(credential) = dossier.secret(&held, secret.text().unwrap_or_default()) else {
                continue;
            };
            credential.identity = Some(identity);
            if let Some(target) = target {
                credential.fact("scopes", Fact::known(target));
            }
            credential.expires_at = match (kind == kinds::REFRESH_TOKEN, expires) {
                (false, expires) => stated_time(expires.as_deref()),
                (true, _) => {
                    Fact::not_observable("the cache does not say; the tenant's policy decides")
                }
            };
        }
    }
}

/// Caches that are encrypted by the keyring, where there is one.
pub(super) fn binary(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let is_text = file
        .bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'['));
    match (is_text, file.name().starts_with("msal")) {
        (true, true) => token_cache(file, dossier),
        (true, false) => principals(file, dossier),
        (false, _) => dossier.gap(GapReason::Encrypted, "encrypted with the keyring"),
    }
}

/// `accessTokens.json` of the old command line (before 2.30).
pub(super) fn access_tokens(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    for (n, entry) in document.items().iter().enumerate() {
        if principal(entry, dossier).is_some() {
            continue;
        }
        let authority = entry.text_of("_authority").unwrap_or_default();
        let tenant = authority.rsplit('/').next().unwrap_or_default();
        let identity = dossier.account(
            kinds::API_CLIENT,
            "azure",
            tenant,
            entry.text_of("userId"),
            &n.to_string(),
            entry.line,
        );
        let identity = dossier.add(identity);
        for (key, kind) in
            [("refreshToken", kinds::REFRESH_TOKEN), ("accessToken", kinds::OAUTH_TOKEN)]
        {
            let Some(node) = entry.get(key) else { continue };
            let held = Held::new(kind, "azure", format!("{key} {}", n + 1), key, node.line)
                .at(tenant)
                .of(identity);
            let Some(credential) = dossier.secret(&held, node.text().unwrap_or_default()) else {
                continue;
            };
            credential.identity = Some(identity);
            if kind == kinds::OAUTH_TOKEN {
                credential.expires_at = stated_time(entry.text_of("expiresOn"));
            }
        }
    }
}
