//! Google Cloud: application default credentials, service account keys, federation, and what
//! `gcloud` keeps.

use model::{Authority, Fact, GapReason, IdentityId, Subject, kinds};

use super::files::{File, program};
use crate::document::{Node, Syntax};
use crate::dossier::{Dossier, Held};

/// The OAuth clients of gcloud itself: their secrets are published with it.
const GCLOUD_CLIENTS: &[&str] = &[
    "764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com",
    "32555940559.apps.googleusercontent.com",
];

/// A JSON file of credentials of any type that Google's libraries take.
pub(super) fn credentials_file(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    // `legacy_credentials/<account>/adc.json`: the folder is named after the account.
    let folder = file.path.split('/').rev().nth(1).filter(|name| name.contains('@'));
    credentials(&document, folder, "", dossier);
}

/// The identity that a credentials document acts as.
fn credentials(
    document: &Node,
    account: Option<&str>,
    pointer: &str,
    dossier: &mut Dossier<'_>,
) -> Option<IdentityId> {
    match document.text_of("type")? {
        "service_account" => service_account(document, pointer, dossier),
        "authorized_user" | "external_account_authorized_user" => {
            Some(user(document, account, pointer, dossier))
        }
        "external_account" => external(document, dossier),
        "impersonated_service_account" => {
            let source = document.get("source_credentials");
            let source = source
                .and_then(|source| credentials(source, account, "source_credentials.", dossier));
            let (email, line) = impersonated(document)?;
            let to = mention(&email, line, dossier);
            let from = match source {
                Some(identity) => Subject::Identity { identity },
                None => Subject::Principal { principal: "source credentials".into() },
            };
            dossier.trust("impersonate", from, to, "service_account_impersonation_url", line);
            Some(to)
        }
        _ => None,
    }
}

fn mention(email: &str, line: u32, dossier: &mut Dossier<'_>) -> IdentityId {
    dossier.mention(kinds::GCP_SERVICE_ACCOUNT, "gcp", project_of(email), email, line)
}

/// `name@project.iam.gserviceaccount.com`.
fn project_of(email: &str) -> &str {
    email
        .split_once('@')
        .and_then(|(_, domain)| domain.strip_suffix(".iam.gserviceaccount.com"))
        .unwrap_or_default()
}

fn service_account(
    document: &Node,
    pointer: &str,
    dossier: &mut Dossier<'_>,
) -> Option<IdentityId> {
    let email = document.get("client_email")?;
    let address = email.text()?;
    let project = document.text_of("project_id").unwrap_or_else(|| project_of(address));
    let mut identity =
        dossier.identity(kinds::GCP_SERVICE_ACCOUNT, "gcp", project, address, email.line);
    identity.authority = Authority::Declared;
    identity.fact("client_id", Fact::stated(document.scalar_of("client_id").map(Into::into)));
    let identity = dossier.add(identity);
    let key = document.get("private_key")?;
    let pem = key.text()?;
    let key_id = document.text_of("private_key_id");
    dossier.remember(pem);
    let native_id =
        key_id.map_or_else(|| dossier.local_id(&format!("{pointer}private_key")), str::to_owned);
    let held = Held::new(
        kinds::SERVICE_ACCOUNT_KEY,
        "gcp",
        format!("{pointer}private_key"),
        "private_key",
        key.line,
    )
    .at(project)
    .of(identity);
    let fingerprint = dossier.at.fingerprinter.map(|it| it.of(pem.as_bytes()));
    if let Some(credential) = dossier.opaque(&held, native_id, Fact::known(false)) {
        credential.name = format!("key of {address}");
        credential.fingerprint = fingerprint;
        credential.expires_at = Fact::not_observable("the key file does not say; Google knows");
        if let Some(key_id) = key_id {
            credential.fact("key_id", Fact::known(key_id));
        }
    }
    Some(identity)
}

fn user(
    document: &Node,
    account: Option<&str>,
    pointer: &str,
    dossier: &mut Dossier<'_>,
) -> IdentityId {
    let line = document.get("refresh_token").map_or(document.line, |node| node.line);
    let account = document.text_of("account").or(account);
    let mut identity = dossier.account(
        kinds::API_CLIENT,
        "gcp",
        "",
        account,
        &format!("{pointer}authorized_user"),
        line,
    );
    identity.name = match account {
        Some(account) => format!("{account} (signed in with gcloud)"),
        None => "user signed in with gcloud".into(),
    };
    let client = document.text_of("client_id").unwrap_or_default();
    identity.fact("client_id", Fact::known(client));
    if let Some(project) = document.text_of("quota_project_id") {
        identity.fact("quota_project", Fact::known(project));
    }
    let identity = dossier.add(identity);
    if let Some(token) = document.get("refresh_token") {
        let pointer = format!("{pointer}refresh_token");
        let held = Held::new(kinds::REFRESH_TOKEN, "gcp", pointer, "refresh_token", token.line)
            .of(identity);
        dossier.secret(&held, token.text().unwrap_or_default());
    }
    if let Some(secret) = document.get("client_secret") {
        let value = secret.text().unwrap_or_default();
        if GCLOUD_CLIENTS.contains(&client) {
            dossier.remember(value);
        } else {
            let app = dossier.mention(kinds::OAUTH_APP, "gcp", "", client, secret.line);
            let pointer = format!("{pointer}client_secret");
            let held =
                Held::new(kinds::CLIENT_SECRET, "gcp", pointer, "client_secret", secret.line)
                    .of(app);
            dossier.secret(&held, value);
        }
    }
    identity
}

/// Workload identity federation: no secret, but whoever holds the other side's token.
fn external(document: &Node, dossier: &mut Dossier<'_>) -> Option<IdentityId> {
    let audience = document.get("audience")?;
    let source = document.get("credential_source");
    let (email, line) = impersonated(document)?;
    let to = mention(&email, line, dossier);
    let from = Subject::Federated {
        issuer: audience.text()?.to_owned(),
        subject: "*".into(),
        audience: document.text_of("audience").map(str::to_owned),
    };
    let how = match source {
        Some(source) if source.get("executable").is_some() => "executable (not run)",
        Some(source) if source.get("environment_id").is_some() => "cloud metadata",
        Some(source) if source.get("url").is_some() => "address",
        Some(source) if source.get("file").is_some() => "file",
        Some(source) if source.get("certificate").is_some() => "certificate",
        _ => "unknown",
    };
    let executable =
        source.and_then(|source| source.at(&["executable", "command"])).and_then(Node::text);
    let executable = executable.map(program);
    let token_type = document.text_of("subject_token_type").map(str::to_owned);
    let trust = dossier.trust("web-identity", from, to, "credential_source", audience.line)?;
    trust.facts.insert("token_source".into(), Fact::known(how));
    if let Some(executable) = executable {
        trust.facts.insert("executable".into(), Fact::known(executable));
    }
    if let Some(token_type) = token_type {
        trust.facts.insert("token_type".into(), Fact::known(token_type));
    }
    Some(to)
}

/// The account of `…/serviceAccounts/<e-mail>:generateAccessToken`.
fn impersonated(document: &Node) -> Option<(String, u32)> {
    let url = document.get("service_account_impersonation_url")?;
    let (_, rest) = url.text()?.rsplit_once("/serviceAccounts/")?;
    let email = rest.split(':').next()?;
    email.contains('@').then(|| (email.to_owned(), url.line))
}

/// gcloud's own stores of refresh tokens.
pub(super) fn database(_: &mut File<'_>, dossier: &mut Dossier<'_>) {
    dossier.gap(
        GapReason::Unsupported,
        "SQLite: the accounts signed in with gcloud; their keys are in legacy_credentials as well",
    );
}
