//! Package managers: npm, PyPI, Cargo, NuGet, Composer, RubyGems.

use data_encoding::BASE64;
use model::{Fact, kinds};

use super::files::{File, Login};
use super::logins::host_of;
use crate::address::Address;
use crate::document::{Node, Syntax};
use crate::dossier::Dossier;
use crate::ini;

fn account<'a>(
    system: &'static str,
    host: &'a str,
    user: Option<&'a str>,
    pointer: &'a str,
    name: &'a str,
    line: u32,
) -> Login<'a> {
    Login {
        kind: kinds::REGISTRY_ACCOUNT,
        system,
        host,
        user,
        secret: kinds::API_TOKEN,
        pointer,
        name,
        line,
    }
}

/// `.npmrc`: `//host/path/:_authToken=…`, and the older forms without a host.
pub(super) fn npm(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let text = file.text(dossier);
    let entries: Vec<(String, String, String, u32)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with(['#', ';']))
        .filter_map(|(n, line)| {
            let (key, value) = line.split_once('=')?;
            let (scope, key) = match key.trim().rsplit_once(':') {
                Some((scope, key)) if scope.starts_with("//") => (scope, key),
                _ => ("", key.trim()),
            };
            let value = value.trim().trim_matches(['"', '\'']);
            Some((
                scope.to_owned(),
                key.to_owned(),
                value.to_owned(),
                u32::try_from(n + 1).unwrap_or(u32::MAX),
            ))
        })
        .collect();
    let registry = entries.iter().find(|(scope, key, ..)| scope.is_empty() && key == "registry");
    let default = registry.and_then(|(_, _, value, _)| host_of(Some(value)));
    let default = default.unwrap_or_else(|| "registry.npmjs.org".into());
    if let Some((_, _, value, line)) = registry {
        in_address("npm", "registry", value, *line, dossier);
    }
    for (scope, key, value, line) in &entries {
        let kind = match key.as_str() {
            "_authToken" => kinds::API_TOKEN,
            "_password" | "_auth" => kinds::PASSWORD,
            _ => continue,
        };
        let host = host_of(Some(scope.trim_start_matches('/'))).unwrap_or_else(|| default.clone());
        let user = entries.iter().find(|(other, key, ..)| other == scope && key == "username");
        let user = user.map(|(_, _, user, _)| user.clone());
        // `_password` is base64 of the password, `_auth` of `user:password`.
        let decoded =
            BASE64.decode(value.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let (user, secret) = match (key.as_str(), decoded) {
            ("_auth", Some(pair)) if pair.contains(':') => {
                let (name, password) = pair.split_once(':').unwrap_or_default();
                (Some(name.to_owned()), password.to_owned())
            }
            ("_password", Some(password)) => (user, password),
            _ => (user, value.clone()),
        };
        dossier.remember(value);
        let pointer = if scope.is_empty() { key.clone() } else { format!("{scope}:{key}") };
        let name = if kind == kinds::PASSWORD { "password" } else { "_authToken" };
        let mut login = account("npm", &host, user.as_deref(), &pointer, name, *line);
        login.secret = kind;
        login.state(dossier, &secret);
    }
}

/// User and password in an address of a package index.
fn in_address(
    system: &'static str,
    pointer: &str,
    url: &str,
    line: u32,
    dossier: &mut Dossier<'_>,
) {
    let Some(address) = Address::parse(url) else { return };
    // `https://token@host` and `https://user:password@host`; a lone user may be a token.
    let (user, secret) = match (&address.user, &address.password) {
        (user, Some(password)) => (user.as_deref(), password.as_str()),
        (Some(token), None) if token.len() >= 20 => (None, token.as_str()),
        _ => return,
    };
    let mut login = account(system, &address.host, user, pointer, "password", line);
    login.secret = kinds::PASSWORD;
    login.state(dossier, secret);
}

/// `.pypirc`.
pub(super) fn pypi(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        let Some(password) = section.get("password") else { continue };
        let default = match section.name.as_str() {
            "testpypi" => "test.pypi.org",
            _ => "upload.pypi.org",
        };
        let host = host_of(section.value("repository")).unwrap_or_else(|| default.into());
        // Tokens are used with the user name `__token__`.
        let user = section.value("username").filter(|user| *user != "__token__");
        let pointer = format!("[{}] password", section.name);
        let mut login = account("pypi", &host, user, &pointer, "password", password.line);
        login.secret = if user.is_none() { kinds::API_TOKEN } else { kinds::PASSWORD };
        login.state(dossier, &password.value);
    }
}

/// `pip.conf`: addresses with passwords.
pub(super) fn pip(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        for entry in &section.entries {
            if matches!(
                entry.key.as_str(),
                "index-url" | "extra-index-url" | "find-links" | "proxy" | "index"
            ) {
                for (n, url) in entry.value.split_whitespace().enumerate() {
                    let pointer = format!("[{}] {} {}", section.name, entry.key, n + 1);
                    in_address("pypi", &pointer, url, entry.line, dossier);
                }
            }
        }
    }
}

/// `credentials.toml`: `[registry] token`, `[registries.name] token`.
pub(super) fn cargo(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Toml, dossier);
    if let Some(token) = document.at(&["registry", "token"]) {
        let login = account("crates.io", "crates.io", None, "registry.token", "token", token.line);
        login.state(dossier, token.text().unwrap_or_default());
    }
    for (name, registry) in document.pairs_of("registries") {
        for key in ["token", "secret-key"] {
            let Some(token) = registry.get(key) else { continue };
            let pointer = format!("registries.{name}.{key}");
            let login = account("cargo", name, None, &pointer, "token", token.line);
            let value = token.text().unwrap_or_default();
            login.state(dossier, value.strip_prefix("Bearer ").unwrap_or(value));
        }
    }
}

/// `NuGet.Config`.
pub(super) fn nuget(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Xml, dossier);
    let Some(configuration) = document.get("configuration") else { return };
    let attribute = |node: &Node, key: &str| node.text_of(key).map(str::to_owned);
    let sources = configuration.get("packageSources");
    let host_of_source = |name: &str| {
        let name = name.replace("_x0020_", " ");
        let add =
            sources?.all("add").find(|add| attribute(add, "@key").as_deref() == Some(&name))?;
        host_of(attribute(add, "@value").as_deref())
    };
    for (source, credentials) in configuration.pairs_of("packageSourceCredentials") {
        let host = host_of_source(source).unwrap_or_else(|| source.clone());
        let value = |key: &str| {
            credentials.all("add").find(|add| attribute(add, "@key").as_deref() == Some(key))
        };
        let user = value("Username").and_then(|add| attribute(add, "@value"));
        if let Some(add) = value("ClearTextPassword") {
            let pointer = format!("{source} ClearTextPassword");
            let mut login =
                account("nuget", &host, user.as_deref(), &pointer, "password", add.line);
            login.secret = kinds::PASSWORD;
            login.state(dossier, &attribute(add, "@value").unwrap_or_default());
        } else if let Some(add) = value("Password") {
            let pointer = format!("{source} Password");
            let login = account("nuget", &host, user.as_deref(), &pointer, "password", add.line);
            login.state_elsewhere(dossier, "encrypted with the Windows account's key");
        }
    }
    for add in configuration.get("apikeys").into_iter().flat_map(|keys| keys.all("add")) {
        let host = host_of(attribute(add, "@key").as_deref()).unwrap_or_default();
        let pointer = format!("apikeys {host}");
        let login = account("nuget", &host, None, &pointer, "apikey", add.line);
        login.state_elsewhere(dossier, "encrypted with the Windows account's key");
    }
}

/// Composer's `auth.json`.
pub(super) fn composer(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Json, dossier);
    for (method, hosts) in document.pairs() {
        for (host, value) in hosts.pairs() {
            let pointer = format!("{method}.{host}");
            let user = value.text_of("username").or_else(|| value.text_of("consumer-key"));
            let secret = value
                .text()
                .or_else(|| value.text_of("password"))
                .or_else(|| value.text_of("token"))
                .or_else(|| value.text_of("consumer-secret"));
            let Some(secret) = secret else { continue };
            let mut login = account("composer", host, user, &pointer, "token", value.line);
            if method == "http-basic" {
                login.secret = kinds::PASSWORD;
            }
            if let Some(credential) = login.state(dossier, secret) {
                credential.fact("method", Fact::known(method.as_str()));
            }
        }
    }
}

/// RubyGems' `credentials`: YAML with symbols as keys.
pub(super) fn gems(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let document = file.document(Syntax::Yaml, dossier);
    for (key, value) in document.pairs() {
        let Some(text) = value.text() else { continue };
        let name = key.trim_start_matches(':');
        let host = match name {
            "rubygems_api_key" => "rubygems.org".into(),
            name => host_of(Some(name)).unwrap_or_default(),
        };
        let login = account("rubygems", &host, None, name, "api_key", value.line);
        login.state(dossier, text.trim_start_matches("Bearer ").trim_start_matches("Basic "));
    }
}
