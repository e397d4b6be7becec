//! AWS command line: profiles, static keys, sign-in sessions and chains of assumed roles.
//!
//! `credentials` is read before `config` (see the catalogue), so that a `source_profile` can be
//! told to whom it belongs. A `credential_process` is named and never run.

use credentials::classify;
use model::{Authority, Fact, Identity, IdentityId, Secret, Subject, kinds};

use super::files::{File, program};
use crate::document::Syntax;
use crate::dossier::{Dossier, Held, reference, stated_time};
use crate::ini::{self, Section};
use crate::material;

pub(super) fn credentials_file(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        profile(&section.name, &section, file, dossier);
    }
}

pub(super) fn config(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let sections = ini::read(&file.text(dossier));
    let mut profiles = Vec::new();
    for section in &sections {
        if let Some(name) = section.name.strip_prefix("sso-session ") {
            session(name.trim(), section, dossier);
        } else if section.name == "default" {
            profiles.push(("default", section));
        } else if let Some(name) = section.name.strip_prefix("profile ") {
            profiles.push((name.trim(), section));
        }
    }
    for (name, section) in &profiles {
        profile(name, section, file, dossier);
    }
    // Chains last: a profile may be the source of one that stands before it.
    for (name, section) in &profiles {
        chain(name, section, file, dossier);
    }
}

/// Where a profile's own credentials come from.
fn profile(name: &str, section: &Section, file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let identity = static_key(name, section, dossier)
        .or_else(|| sso(name, section, dossier))
        .or_else(|| process(name, section, dossier));
    if let Some(identity) = identity {
        file.known.aws_profiles.insert(name.to_owned(), identity);
    }
}

/// A key id and its secret: the id is public and names the account, the secret is fingerprinted.
fn static_key(name: &str, section: &Section, dossier: &mut Dossier<'_>) -> Option<IdentityId> {
    let key_id = section.get("aws_access_key_id")?;
    let secret = section.get("aws_secret_access_key");
    let session = section.get("aws_session_token").or_else(|| section.get("aws_security_token"));
    let pointer = format!("[{name}] aws_access_key_id");
    let is_key_id = key_id.value.len() >= 16
        && key_id.value.len() <= 128
        && key_id.value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if reference(&key_id.value).is_some() || !is_key_id {
        return None;
    }
    let recognised = classify(Some("aws_access_key_id"), &key_id.value);
    let account = recognised.as_ref().and_then(|found| found.instance.clone()).unwrap_or_default();
    let mut identity = dossier.identity(
        kinds::API_CLIENT,
        "aws",
        account.as_str(),
        key_id.value.as_str(),
        key_id.line,
    );
    identity.name = format!("AWS profile {name} ({})", key_id.value);
    identity.fact("profile", Fact::known(name));
    if !account.is_empty() {
        identity.parent = Some(dossier.mention(
            kinds::CLOUD_ACCOUNT,
            "aws",
            account.as_str(),
            &account,
            key_id.line,
        ));
    }
    let identity = dossier.add(identity);
    let kind = if session.is_some() { kinds::SESSION_KEY } else { kinds::ACCESS_KEY };
    match (recognised, secret) {
        (Some(mut found), Some(secret)) if found.public_id.is_some() => {
            // The pair is one credential: the secret half is what must be told apart.
            dossier.remember(&key_id.value);
            dossier.remember(&secret.value);
            found.secret = Secret::new(secret.value.clone().into_bytes());
            found.line = key_id.line;
            found.kind = kind;
            found.facts.remove("secret_found");
            found.name = Some(pointer.clone());
            let (mut credential, _) = material::found(&found, dossier.at);
            credential.identity = Some(identity);
            credential.name.clone_from(&key_id.value);
            credential.fact("profile", Fact::known(name));
            credential.fact("key_id", Fact::known(key_id.value.as_str()));
            for place in &mut credential.places {
                place.pointer = Some(pointer.clone());
            }
            if kind == kinds::SESSION_KEY {
                let expires = section
                    .value("x_security_token_expires")
                    .or_else(|| section.value("aws_expiration"))
                    .or_else(|| section.value("expiration"));
                credential.expires_at = match expires {
                    Some(expires) => stated_time(Some(expires)),
                    None => Fact::not_observable(
                        "a session ends within hours; the file does not say when",
                    ),
                };
            }
            dossier.batch.credentials.push(credential);
        }
        (_, secret) => {
            let held = Held::new(kind, "aws", pointer, "aws_secret_access_key", key_id.line)
                .at(account)
                .of(identity);
            if let Some(secret) = secret {
                dossier.secret(&held, &secret.value);
            }
        }
    }
    if let Some(session) = session {
        // Part of the temporary key, and no credential of its own.
        dossier.remember(&session.value);
    }
    Some(identity)
}

/// A permission set of IAM Identity Center, reached by signing in with a browser.
fn sso(name: &str, section: &Section, dossier: &mut Dossier<'_>) -> Option<IdentityId> {
    let account = section.value("sso_account_id").filter(|account| {
        account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
    })?;
    let entry = section.get("sso_role_name")?;
    let role = &entry.value;
    let mut identity = dossier.identity(
        kinds::IAM_ROLE,
        "aws",
        account,
        format!("sso:{account}/{role}"),
        entry.line,
    );
    identity.authority = Authority::Mentioned;
    identity.name = format!("{role} in {account} (IAM Identity Center)");
    identity.fact("permission_set", Fact::known(role.as_str()));
    identity.fact("profile", Fact::known(name));
    if let Some(session) = section.value("sso_session") {
        identity.fact("sso_session", Fact::known(session));
    }
    Some(dossier.add(identity))
}

/// Credentials that a program hands out.
fn process(name: &str, section: &Section, dossier: &mut Dossier<'_>) -> Option<IdentityId> {
    let entry = section.get("credential_process")?;
    let native_id = dossier.local_id(&format!("profile {name}"));
    let mut identity =
        dossier.identity(kinds::API_CLIENT, "aws", dossier.at.machine, native_id, entry.line);
    identity.name = format!("AWS profile {name}");
    identity.fact("profile", Fact::known(name));
    identity.fact("credential_process", Fact::known(program(&entry.value)));
    identity.fact("credential_store", Fact::known("credential process (not run)"));
    Some(dossier.add(identity))
}

fn session(name: &str, section: &Section, dossier: &mut Dossier<'_>) {
    let Some(url) = section.get("sso_start_url") else { return };
    let host = super::logins::host_of(Some(&url.value)).unwrap_or_default();
    let mut identity: Identity = dossier.account(
        kinds::API_CLIENT,
        "aws-sso",
        &host,
        None,
        &format!("sso-session {name}"),
        url.line,
    );
    identity.name = format!("IAM Identity Center session {name}");
    if let Some(region) = section.value("sso_region") {
        identity.fact("region", Fact::known(region));
    }
    dossier.add(identity);
}

/// A role that a profile assumes, and from what.
fn chain(name: &str, section: &Section, file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let Some(role) = section.get("role_arn") else { return };
    let mut parts = role.value.splitn(6, ':');
    let (partition, account) = (parts.next(), parts.nth(3));
    let Some(account) = account.filter(|_| partition == Some("arn")) else { return };
    let to = dossier.mention(kinds::IAM_ROLE, "aws", account, &role.value, role.line);
    let from = if let Some(source) = section.value("source_profile") {
        match file.known.aws_profiles.get(source) {
            Some(identity) => Subject::Identity { identity: *identity },
            None => Subject::Principal { principal: format!("AWS profile {source}") },
        }
    } else if let Some(source) = section.value("credential_source") {
        Subject::Principal { principal: source.to_owned() }
    } else if let Some(token) = section.value("web_identity_token_file") {
        Subject::Principal { principal: format!("web identity token in {token}") }
    } else {
        Subject::Principal { principal: format!("AWS profile {name}") }
    };
    let is_web = section.value("web_identity_token_file").is_some();
    let mechanism = if is_web { "web-identity" } else { "assume-role" };
    let has_mfa = section.value("mfa_serial").is_some();
    let external = section.value("external_id").is_some();
    if let Some(trust) = dossier.trust(mechanism, from, to, &format!("profile {name}"), role.line) {
        trust.authority = Authority::Declared;
        trust.facts.insert("profile".into(), Fact::known(name));
        trust.facts.insert("mfa".into(), Fact::known(has_mfa));
        trust.facts.insert("external_id".into(), Fact::known(external));
    }
    file.known.aws_profiles.entry(name.to_owned()).or_insert(to);
}

/// `sso/cache/*.json`: the tokens of a browser sign-in, and the client registered for it.
pub(super) fn sso_cache(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    let expires = document.text_of("expiresAt");
    let start = document.text_of("startUrl");
    let host = super::logins::host_of(start).unwrap_or_default();
    if document.get("accessToken").is_none() && document.get("clientSecret").is_none() {
        return;
    }
    let mut identity = dossier.account(kinds::API_CLIENT, "aws-sso", &host, None, "session", 1);
    identity.name = match host.as_str() {
        "" => "IAM Identity Center client registration".into(),
        host => format!("IAM Identity Center session at {host}"),
    };
    if let Some(region) = document.text_of("region") {
        identity.fact("region", Fact::known(region));
    }
    let identity = dossier.add(identity);
    for (key, kind, ends) in [
        ("accessToken", kinds::OAUTH_TOKEN, expires),
        ("refreshToken", kinds::REFRESH_TOKEN, document.text_of("registrationExpiresAt")),
        (
            "clientSecret",
            kinds::CLIENT_SECRET,
            document.text_of("registrationExpiresAt").or(expires),
        ),
    ] {
        let Some(node) = document.get(key) else { continue };
        let held = Held::new(kind, "aws-sso", key, key, node.line).at(host.as_str()).of(identity);
        let credential = dossier.secret(&held, node.text().unwrap_or_default());
        if let Some(credential) = credential {
            credential.identity = Some(identity);
            credential.expires_at = super::logins::ends(ends);
        }
    }
}

/// `cli/cache/*.json`: the temporary keys of assumed roles.
pub(super) fn cli_cache(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    let Some(keys) = document.get("Credentials") else { return };
    let Some(key_id) = keys.text_of("AccessKeyId") else { return };
    let arn = document.at(&["AssumedRoleUser", "Arn"]).and_then(crate::document::Node::text);
    let role = arn
        .and_then(assumed_role)
        .map(|(account, role)| dossier.mention(kinds::IAM_ROLE, "aws", account, &role, keys.line));
    let Some(mut found) = classify(Some("AccessKeyId"), key_id) else { return };
    let Some(secret) = keys.text_of("SecretAccessKey") else { return };
    for part in ["AccessKeyId", "SecretAccessKey", "SessionToken"] {
        dossier.remember(keys.text_of(part).unwrap_or_default());
    }
    found.kind = kinds::SESSION_KEY;
    found.facts.remove("secret_found");
    found.secret = Secret::new(secret.as_bytes().to_vec());
    found.line = keys.line;
    found.name = Some("Credentials".into());
    let (mut credential, identity) = material::found(&found, dossier.at);
    credential.expires_at = super::logins::ends(keys.text_of("Expiration"));
    if let Some(role) = role {
        credential.identity = Some(role);
    } else {
        dossier.batch.identities.push(identity);
    }
    dossier.batch.credentials.push(credential);
}

/// `arn:aws:sts::1:assumed-role/name/session` is a session of `arn:aws:iam::1:role/name`.
fn assumed_role(arn: &str) -> Option<(&str, String)> {
    let mut parts = arn.splitn(6, ':');
    let (partition, account) = (parts.nth(1)?, parts.nth(2)?);
    let name = parts.next()?.strip_prefix("assumed-role/")?.split('/').next()?;
    Some((account, format!("arn:{partition}:iam::{account}:role/{name}")))
}
