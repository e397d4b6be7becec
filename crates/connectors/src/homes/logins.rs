//! Files that are no more than a token, or a document in which a few keys are secret: read from a
//! description, so that such a tool needs a row and no code.

use model::kinds::{CredentialKind, IdentityKind};
use model::{Fact, kinds};

use super::files::{File, Login};
use crate::address::Address;
use crate::document::{Node, Syntax};
use crate::dossier::{Dossier, Held, reference, stated_time, tells_secret};

/// A file whose whole text is one token.
#[derive(Debug)]
pub(super) struct Token {
    pub kind: &'static IdentityKind,
    pub system: &'static str,
    pub host: &'static str,
    pub secret: &'static CredentialKind,
}

/// Where in a document the logins of a tool stand.
#[derive(Debug)]
pub(super) struct Keys {
    pub syntax: Syntax,
    pub system: &'static str,
    /// When the file does not say.
    pub host: &'static str,
    /// Keys to each login, `*` for any: the text that a `*` stood for is its name. Empty: the
    /// document itself.
    pub logins: &'static str,
    /// Keys of the login that say who and where, the first that is there counts.
    pub user: &'static [&'static str],
    pub address: &'static [&'static str],
    /// Whether the name of a login is its host (or address), its user, or only a label.
    pub name: Name,
    /// Keys of the login that are secret.
    pub secrets: &'static [(&'static str, &'static CredentialKind)],
    /// Key of the time at which they end.
    pub expires: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Host,
    User,
    Label,
}

/// More logins in one file than this are not read.
const MAX_LOGINS: usize = 10_000;
/// A token is shorter than this; what is longer is another sort of file.
const MAX_TOKEN_CHARS: usize = 16_384;

pub(super) fn whole(token: &Token, file: &File<'_>, dossier: &mut Dossier<'_>) {
    let text = file.text(dossier);
    let value = text.trim();
    if value.is_empty() || value.len() > MAX_TOKEN_CHARS || value.contains(char::is_whitespace) {
        return;
    }
    let login = Login {
        kind: token.kind,
        system: token.system,
        host: token.host,
        user: None,
        secret: token.secret,
        pointer: "token",
        name: "token",
        line: 1,
    };
    login.state(dossier, value);
}

/// `all` describe parts of one document.
pub(super) fn keys(all: &[Keys], file: &File<'_>, dossier: &mut Dossier<'_>) {
    let Some(syntax) = all.first().map(|keys| keys.syntax) else { return };
    let document = file.document(syntax, dossier);
    for keys in all {
        let mut logins = Vec::new();
        let path: Vec<&str> = keys.logins.split('/').filter(|key| !key.is_empty()).collect();
        collect(&document, &path, "", "", &mut logins);
        for (pointer, name, node) in logins {
            one(keys, &pointer, &name, node, dossier);
        }
    }
}

fn collect<'a>(
    node: &'a Node,
    path: &[&str],
    pointer: &str,
    name: &str,
    logins: &mut Vec<(String, String, &'a Node)>,
) {
    let below = |key: &str| {
        if pointer.is_empty() { key.to_owned() } else { format!("{pointer}.{key}") }
    };
    match path.split_first() {
        None if logins.len() < MAX_LOGINS => logins.push((pointer.into(), name.into(), node)),
        None => {}
        Some((&"*", rest)) => {
            for (key, inner) in node.pairs() {
                collect(inner, rest, &below(key), key, logins);
            }
            for (n, inner) in node.items().iter().enumerate() {
                let label = inner.text_of("name").map_or_else(|| n.to_string(), str::to_owned);
                collect(inner, rest, &below(&label), &label, logins);
            }
        }
        Some((key, rest)) => {
            if let Some(inner) = node.get(key) {
                collect(inner, rest, &below(key), name, logins);
            }
        }
    }
}

fn one(keys: &Keys, pointer: &str, name: &str, node: &Node, dossier: &mut Dossier<'_>) {
    let first = |names: &[&str]| {
        names.iter().find_map(|name| {
            let path: Vec<&str> = name.split('/').collect();
            node.at(&path).and_then(Node::scalar).map(str::to_owned)
        })
    };
    let user = first(keys.user).or_else(|| (keys.name == Name::User).then(|| name.to_owned()));
    let address =
        first(keys.address).or_else(|| (keys.name == Name::Host).then(|| name.to_owned()));
    let host = host_of(address.as_deref()).unwrap_or_else(|| keys.host.to_owned());
    let expires_at =
        (!keys.expires.is_empty()).then(|| stated_time(first(&[keys.expires]).as_deref()));
    let mut identity = None;
    for (key, kind) in keys.secrets {
        let path: Vec<&str> = key.split('/').filter(|key| !key.is_empty()).collect();
        let Some(value) = node.at(&path) else { continue };
        let Some(text) = value.scalar() else { continue };
        let last = path.last().copied().unwrap_or("token");
        let key = path.join(".");
        let within = match (pointer, key.as_str()) {
            ("", key) => key.to_owned(),
            (pointer, "") => pointer.to_owned(),
            (pointer, key) => format!("{pointer}.{key}"),
        };
        // The secrets of one login are one account's.
        let identity = *identity.get_or_insert_with(|| {
            let label = if pointer.is_empty() { "login" } else { pointer };
            let mut account = dossier.account(
                kinds::SERVICE_LOGIN,
                keys.system,
                &host,
                user.as_deref(),
                label,
                node.line,
            );
            if let Some(variable) = reference(text) {
                account.fact("secret_reference", Fact::known(variable));
            }
            dossier.add(account)
        });
        let name = if tells_secret(last) { last } else { "token" };
        let held =
            Held::new(kind, keys.system, within, name, value.line).at(host.as_str()).of(identity);
        if let (Some(credential), Some(expires_at)) = (dossier.secret(&held, text), &expires_at)
            && kind.id != kinds::REFRESH_TOKEN.id
            && credential.expires_at.value().is_none()
        {
            credential.expires_at = expires_at.clone();
        }
    }
}

/// The host of an address, or of what is a host already; none for what is neither.
pub(super) fn host_of(text: Option<&str>) -> Option<String> {
    let text = text?.trim();
    if let Some(address) = Address::parse(text) {
        return Some(address.host);
    }
    let host = text.split('/').next().unwrap_or(text);
    let is_host = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
        && !crate::address::looks_random(host);
    is_host.then(|| host.to_lowercase())
}

/// A fact for a date that a tool may leave out.
pub(super) fn ends(text: Option<&str>) -> Fact<model::Time> {
    match text {
        Some(_) => stated_time(text),
        None => Fact::not_collected("the file states no end"),
    }
}
