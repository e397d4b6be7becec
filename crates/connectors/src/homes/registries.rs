//! Container registries: Docker, Podman and Helm.

use data_encoding::BASE64;
use model::{Fact, Identity, kinds};

use super::files::{File, Login};
use super::logins::host_of;
use crate::document::{Node, Syntax};
use crate::dossier::Dossier;

/// Docker's `config.json`, which Podman, Helm and others write too.
pub(super) fn docker(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    let store = document.text_of("credsStore");
    for (address, auth) in document.pairs_of("auths") {
        registry(address, auth, store, dossier);
    }
    for (address, helper) in document.pairs_of("credHelpers") {
        let helper_name = helper.text().unwrap_or_default();
        let host = host_of(Some(address)).unwrap_or_default();
        let login = login(&host, None, address, "helper", helper.line);
        login.state_elsewhere(
            dossier,
            &format!("keyring (docker-credential-{})", word(helper_name)),
        );
    }
}

fn login<'a>(
    host: &'a str,
    user: Option<&'a str>,
    pointer: &'a str,
    name: &'a str,
    line: u32,
) -> Login<'a> {
    Login {
        kind: kinds::REGISTRY_ACCOUNT,
        system: "docker",
        host,
        user,
        secret: kinds::PASSWORD,
        pointer,
        name,
        line,
    }
}

fn registry(address: &str, auth: &Node, store: Option<&str>, dossier: &mut Dossier<'_>) {
    let host = host_of(Some(address)).unwrap_or_default();
    let pointer =
        |key: &str| format!("auths.{}.{key}", if host.is_empty() { "registry" } else { &host });
    let encoded = auth.get("auth");
    let decoded = encoded
        .and_then(Node::text)
        .and_then(|text| BASE64.decode(text.trim().as_bytes()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(encoded) = encoded.and_then(Node::text) {
        dossier.remember(encoded);
    }
    let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
    let user =
        auth.text_of("username").or(pair.map(|(user, _)| user)).filter(|user| *user != "<token>");
    let mut secrets: Vec<(String, &str, &str, u32, _)> = Vec::new();
    if let (Some((_, password)), Some(node)) = (pair, encoded) {
        secrets.push((
            pointer("auth"),
            "password",
            password.trim_end_matches('\0'),
            node.line,
            kinds::PASSWORD,
        ));
    }
    for (key, kind) in [
        ("password", kinds::PASSWORD),
        ("identitytoken", kinds::REFRESH_TOKEN),
        ("registrytoken", kinds::OAUTH_TOKEN),
    ] {
        if let Some((node, value)) = auth.get(key).and_then(|node| Some((node, node.text()?))) {
            secrets.push((pointer(key), key, value, node.line, kind));
        }
    }
    secrets.retain(|(_, _, value, _, _)| !value.is_empty());
    if secrets.is_empty() {
        let place = match store {
            Some(store) => format!("keyring (docker-credential-{})", word(store)),
            None => "none: signed out, or in a helper".into(),
        };
        login(&host, user, &pointer("auth"), "auth", auth.line).state_elsewhere(dossier, &place);
        return;
    }
    for (pointer, name, value, line, kind) in secrets {
        let mut login = login(&host, user, &pointer, name, line);
        login.secret = kind;
        login.state(dossier, value);
    }
}

fn word(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    first.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(40).collect()
}

/// Helm's `repositories.yaml`.
pub(super) fn helm(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Yaml, dossier);
    for repository in document.items_of("repositories") {
        let url = repository.text_of("url");
        let host = host_of(url).unwrap_or_default();
        let name = repository.text_of("name").unwrap_or_default();
        let pointer = format!("{name} password");
        let Some(password) = repository.get("password").filter(|node| node.scalar().is_some())
        else {
            certificate(repository, &host, name, dossier);
            continue;
        };
        let mut login =
            login(&host, repository.scalar_of("username"), &pointer, "password", password.line);
        login.system = "helm";
        login.state(dossier, password.scalar().unwrap_or_default());
    }
}

fn certificate(repository: &Node, host: &str, name: &str, dossier: &mut Dossier<'_>) {
    let Some(file) = repository.text_of("keyFile") else { return };
    let mut identity: Identity =
        dossier.account(kinds::REGISTRY_ACCOUNT, "helm", host, None, name, repository.line);
    identity.fact("key_file", Fact::known(file));
    dossier.add(identity);
}
