//! What one file says, being put together: identities, the secrets that prove them, and who holds
//! those.
//!
//! A parser of a tool's file adds to a [`Dossier`] and opens nothing. Everything it states gets
//! the file as locus and evidence. A secret's value goes in as a [`Held`] and comes out as a
//! fingerprint; the value itself is kept only until the file is done, so that a sweep over the
//! file's bytes does not state it twice.

use std::collections::BTreeSet;

use credentials::Found;
use credentials::pkcs12::Rounds;
use model::fact::Text;
use model::kinds::{self, CredentialKind, IdentityKind};
use model::{
    Authority, Batch, Credential, CredentialId, Evidence, Fact, Gap, GapReason, Identity,
    IdentityId, Secret, Subject, Time, Trust,
};

use crate::address::{public_host, public_text};
use crate::material::{self, At};

/// A file that holds more secrets than this is read up to here, and the rest is a gap.
pub const MAX_SECRETS: usize = 10_000;

#[derive(Debug)]
pub struct Dossier<'a> {
    pub at: At<'a>,
    pub batch: Batch,
    pub gaps: Vec<Gap>,
    stated: Vec<Stated>,
    /// Accounts whose secret, where it should stand, is a placeholder.
    unproved: BTreeSet<IdentityId>,
    is_full: bool,
}

/// A value that was dealt with, and the credential that it became.
#[derive(Debug)]
struct Stated {
    value: Secret<Vec<u8>>,
    credential: Option<CredentialId>,
}

/// A value that its place says is secret.
#[derive(Debug)]
pub struct Held<'a> {
    /// What it is when its own shape does not say.
    pub kind: &'static CredentialKind,
    /// The service that accepts it, and the host or account of that service, when its own shape
    /// does not say.
    pub system: &'static str,
    pub instance: String,
    /// Unique in the file; what people look for: `machine example.org`, `[default] aws_secret…`.
    pub pointer: String,
    /// The variable or key, for the recogniser.
    pub name: &'a str,
    pub line: u32,
    /// The identity it proves, as the file has it.
    pub identity: Option<IdentityId>,
}

impl<'a> Dossier<'a> {
    pub fn new(at: At<'a>) -> Self {
        Self {
            at,
            batch: Batch::default(),
            gaps: Vec::new(),
            stated: Vec::new(),
            unproved: BTreeSet::new(),
            is_full: false,
        }
    }

    pub fn finish(mut self) -> (Batch, Vec<Gap>) {
        self.leave_out_placeholders();
        (self.batch, self.gaps)
    }

    /// An account of a template that nobody filled in is none; what else speaks of it keeps it.
    fn leave_out_placeholders(&mut self) {
        if self.unproved.is_empty() {
            return;
        }
        let batch = &mut self.batch;
        for credential in &batch.credentials {
            credential.identity.iter().for_each(|id| _ = self.unproved.remove(id));
        }
        for trust in &batch.trusts {
            self.unproved.remove(&trust.to);
            if let Subject::Identity { identity } = &trust.from {
                self.unproved.remove(identity);
            }
        }
        batch.identities.retain(|identity| {
            !self.unproved.contains(&identity.id)
                || ["secret_reference", "credential_store"]
                    .iter()
                    .any(|fact| identity.facts.get(fact).and_then(Fact::value).is_some())
        });
    }

    /// The file as records and people name it.
    pub fn path(&self) -> &'a str {
        &self.at.place.path
    }

    /// The native id of a thing that has no name but its place in this file.
    pub fn local_id(&self, pointer: &str) -> String {
        format!("{}#{}", self.at.place.native_id, public_text(pointer))
    }

    pub fn gap(&mut self, reason: GapReason, detail: impl Into<Text>) {
        self.gaps.push(Gap::new(self.at.locus, reason).detail(detail));
    }

    pub fn evidence(&self, line: u32, pointer: &str, shows: impl Into<Text>) -> Evidence {
        let evidence = Evidence::at(self.path()).line(line).shows(shows);
        if pointer.is_empty() { evidence } else { evidence.pointer(pointer) }
    }

    /// An identity that this file configures, not yet added.
    pub fn identity(
        &self,
        kind: &'static IdentityKind,
        system: impl Into<Text>,
        instance: impl Into<String>,
        native_id: impl Into<String>,
        line: u32,
    ) -> Identity {
        let (instance, native_id) = (instance.into(), native_id.into());
        let (instance, native_id) = (public_text(&instance), public_text(&native_id));
        let mut identity = Identity::new(kind, system, instance, native_id, self.at.scope);
        identity.loci.push(self.at.locus.to_owned());
        identity.evidence.push(self.evidence(line, "", "configured here"));
        identity
    }

    /// An account of a service by its user name; without one, named after its place in this file.
    pub fn account(
        &self,
        kind: &'static IdentityKind,
        system: &'static str,
        host: &str,
        user: Option<&str>,
        pointer: &str,
        line: u32,
    ) -> Identity {
        let user = user.filter(|user| !user.is_empty());
        let host = public_host(host);
        let native_id = user.map_or_else(
            || format!("{}:{}", self.at.machine, self.local_id(pointer)),
            str::to_owned,
        );
        // What a machine calls itself is another service on every machine.
        let is_here = user.is_some() && is_loopback(host);
        let instance =
            if is_here { format!("{}:{host}", self.at.machine) } else { host.to_lowercase() };
        let mut identity = self.identity(kind, system, instance, native_id, line);
        // The service itself is the record of its accounts.
        identity.authority = Authority::Declared;
        identity.name = match user {
            Some(user) if host.is_empty() => user.to_owned(),
            Some(user) => format!("{user} at {}", host.to_lowercase()),
            None if host.is_empty() => format!("{system} client"),
            None => format!("{system} client of {}", host.to_lowercase()),
        };
        identity
    }

    pub fn add(&mut self, identity: Identity) -> IdentityId {
        let id = identity.id;
        self.batch.identities.push(identity);
        id
    }

    /// An identity that this file only refers to, stated so that the reference does not dangle.
    pub fn mention(
        &mut self,
        kind: &'static IdentityKind,
        system: &'static str,
        instance: impl Into<String>,
        native_id: &str,
        line: u32,
    ) -> IdentityId {
        let mut identity = self.identity(kind, system, instance, native_id, line);
        identity.authority = Authority::Mentioned;
        identity.evidence = vec![self.evidence(line, "", "named here")];
        self.add(identity)
    }

    /// Who can become `to`, not yet more than mechanism and line.
    pub fn trust(
        &mut self,
        mechanism: &'static str,
        from: Subject,
        to: IdentityId,
        pointer: &str,
        line: u32,
    ) -> Option<&mut Trust> {
        let native_id = self.local_id(pointer);
        let mut trust =
            Trust::new(mechanism, "file", self.at.machine, native_id, self.at.scope, from, to);
        trust.loci.push(self.at.locus.to_owned());
        trust.evidence.push(self.evidence(line, pointer, "configured here"));
        self.batch.trusts.push(trust);
        self.batch.trusts.last_mut()
    }

    /// Whoever is `holder` can act as the identity that the credential proves.
    pub fn holds(
        &mut self,
        holder: IdentityId,
        held: Option<IdentityId>,
        pointer: &str,
        line: u32,
    ) {
        if let Some(held) = held.filter(|held| *held != holder) {
            let from = Subject::Identity { identity: holder };
            self.trust("holds-credential", from, held, pointer, line);
        }
    }

    /// States a secret. None when the value is none: empty, a placeholder, or a reference to
    /// somewhere else.
    pub fn secret(&mut self, held: &Held<'_>, value: &str) -> Option<&mut Credential> {
        let Some(mut found) = credentials::classify(Some(held.name), value.trim()) else {
            self.unproved.extend(held.identity);
            return None;
        };
        if !self.has_room() {
            return None;
        }
        found.line = held.line;
        found.name = Some(held.pointer.clone());
        if let Some(n) = self.same(held, &found) {
            // One token that the file has twice, such as a host's and its only user's.
            let place = self.at.place.stored_at(Some(held.line), Some(held.pointer.clone()));
            let credential = self.batch.credentials.get_mut(n)?;
            credential.places.push(place);
            return Some(credential);
        }
        let value = found.secret.clone();
        let (mut credential, identity) = material::found(&found, self.at);
        if !has_shape(&found) {
            credential = self.unshaped(held, credential);
        } else if held.identity.is_some() {
            // The file knows whose it is better than the value does.
            credential.identity = held.identity;
        } else {
            self.batch.identities.push(identity);
        }
        for place in &mut credential.places {
            place.pointer = Some(held.pointer.clone());
        }
        self.stated.push(Stated { value, credential: Some(credential.id) });
        self.batch.credentials.push(credential);
        self.batch.credentials.last_mut()
    }

    /// The credential that this very value became, for the same identity.
    fn same(&self, held: &Held<'_>, found: &Found) -> Option<usize> {
        let stated = self.stated.iter().find(|stated| stated.value == found.secret)?;
        let id = stated.credential?;
        self.batch.credentials.iter().position(|credential| {
            credential.id == id && held.identity.is_some() && credential.identity == held.identity
        })
    }

    /// A credential whose own bytes say nothing: it is what its place says.
    fn unshaped(&mut self, held: &Held<'_>, seen: Credential) -> Credential {
        let native_id = self.local_id(&held.pointer);
        let mut credential = Credential::new(
            held.kind,
            seen.system.clone(),
            // The same name in the same path of another machine is another credential.
            self.at.machine,
            native_id,
            self.at.scope,
        );
        if held.system != "unknown" {
            credential = Credential::new(
                held.kind,
                held.system,
                self.at.machine,
                credential.native_id,
                self.at.scope,
            );
        }
        if !held.instance.is_empty() {
            credential.fact("instance", Fact::known(held.instance.to_lowercase()));
        }
        credential.name = format!("{} in {}", held.pointer, self.path());
        credential.places = seen.places;
        credential.loci = seen.loci;
        credential.fingerprint = seen.fingerprint;
        credential.facts.extend(seen.facts);
        credential.created_at = seen.created_at;
        credential.expires_at = seen.expires_at;
        credential.evidence = seen.evidence;
        credential.identity = Some(held.identity.unwrap_or_else(|| {
            let native_id = format!("{}:{}", self.at.machine, credential.native_id);
            let mut client = self.identity(
                kinds::API_CLIENT,
                credential.system.clone(),
                held.instance.to_lowercase(),
                native_id,
                held.line,
            );
            client.name.clone_from(&credential.name);
            self.add(client)
        }));
        credential
    }

    /// A value that needs no record of its own: part of a pair, an encoding of one that was stated,
    /// or known to everybody. A sweep passes it over.
    pub fn remember(&mut self, value: &str) {
        if value.len() >= 4 {
            let value = Secret::new(value.as_bytes().to_vec());
            self.stated.push(Stated { value, credential: None });
        }
    }

    /// A secret that lies in the file and cannot be read there: obfuscated, encrypted, or of no use
    /// to us. `encrypted` is whether something else is needed to use it.
    pub fn opaque(
        &mut self,
        held: &Held<'_>,
        native_id: String,
        encrypted: Fact<model::Value>,
    ) -> Option<&mut Credential> {
        if !self.has_room() {
            return None;
        }
        // A name within this file is this machine's; a public identifier is the service's.
        let is_local = native_id.starts_with(&self.at.place.native_id);
        let instance = if is_local { self.at.machine } else { &held.instance };
        let mut credential =
            Credential::new(held.kind, held.system, instance, native_id, self.at.scope);
        credential.name = format!("{} in {}", held.pointer, self.path());
        credential.identity = held.identity;
        credential.loci.push(self.at.locus.to_owned());
        credential
            .places
            .push(self.at.place.stored_at(Some(held.line), Some(held.pointer.clone())));
        credential.fact("encrypted", encrypted);
        if let Some(meta) = self.at.meta {
            credential.fact("exposure", meta.exposure_fact());
        }
        self.batch.credentials.push(credential);
        self.batch.credentials.last_mut()
    }

    /// Finds what else in the file's bytes is a credential, and states it as held by `holder`.
    pub fn sweep(&mut self, bytes: &[u8], holder: Option<IdentityId>) {
        if !credentials::might_hold(bytes) {
            return;
        }
        let mut all = Vec::new();
        credentials::find(bytes, &mut |found| all.push(found));
        all.retain(|found| !self.is_stated(found));
        all.truncate(MAX_SECRETS.saturating_sub(self.batch.credentials.len()));
        for (found, (mut credential, identity)) in
            all.iter().zip(material::all_found(&all, self.at))
        {
            let pointer = found.name.as_deref().unwrap_or(found.title);
            for place in &mut credential.places {
                place.pointer = Some(pointer.to_owned());
            }
            if let Some(holder) = holder {
                self.holds(holder, Some(identity.id), pointer, found.line);
            }
            self.batch.identities.push(identity);
            self.batch.credentials.push(credential);
        }
    }

    fn is_stated(&self, found: &Found) -> bool {
        let secret = found.secret.reveal().as_slice();
        let now = match &found.public_id {
            Some(public_id) if secret.is_empty() => public_id.as_bytes(),
            _ => secret,
        };
        self.stated.iter().any(|stated| {
            let stated = stated.value.reveal().as_slice();
            memchr::memmem::find(stated, now).is_some()
                || stated.len() >= 8 && memchr::memmem::find(now, stated).is_some()
        })
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.batch.credentials.len() < MAX_SECRETS;
        if !has_room && !self.is_full {
            self.is_full = true;
            self.gap(GapReason::TooLarge, format!("more than {MAX_SECRETS} credentials"));
        }
        has_room
    }

    /// Certificates and keys that stand in the file, decoded. `identity` is whom they prove, where
    /// the file says so.
    pub fn containers(
        &mut self,
        bytes: &[u8],
        identity: Option<IdentityId>,
        pointer: &str,
        line: u32,
    ) {
        let (mut batch, gaps) = material::containers(bytes, self.at, &Rounds::default());
        for credential in &mut batch.credentials {
            for place in &mut credential.places {
                place.line = Some(line);
                place.pointer = Some(pointer.to_owned());
            }
            if let Some(identity) = identity {
                let is_authority = credential
                    .facts
                    .get("is_ca")
                    .is_some_and(|fact| fact.value() == Some(&model::Value::Truth(true)));
                if !is_authority {
                    credential.identity = Some(identity);
                }
            }
        }
        if identity.is_some() {
            // The file says whose it is: the certificate's subject is that identity's other name.
            batch.identities.clear();
        }
        // A few gaps say enough, and name the file.
        self.gaps.extend(gaps.into_iter().take(8));
        self.batch.extend(batch);
    }
}

impl<'a> Held<'a> {
    pub fn new(
        kind: &'static CredentialKind,
        system: &'static str,
        pointer: impl Into<String>,
        name: &'a str,
        line: u32,
    ) -> Self {
        Self {
            kind,
            system,
            instance: String::new(),
            pointer: pointer.into(),
            name,
            line,
            identity: None,
        }
    }

    #[must_use]
    pub fn at(mut self, instance: impl Into<String>) -> Self {
        let instance = instance.into();
        public_host(&instance).clone_into(&mut self.instance);
        self
    }

    #[must_use]
    pub fn of(mut self, identity: IdentityId) -> Self {
        self.identity = Some(identity);
        self
    }
}

/// Whether a value's own bytes say what it is, whatever it is called.
pub fn has_shape(found: &Found) -> bool {
    found.rule != "assigned-secret"
}

/// Whether a host, with or without a port, is the machine itself, or (`*`) whichever it meets.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name == "*"
        || name.eq_ignore_ascii_case("localhost")
        || name.starts_with("127.")
        || name == "::1"
}

/// The variable of a value that is nothing but a reference to one: `${NPM_TOKEN}`, `$TOKEN`,
/// `%TOKEN%`, `${env:TOKEN}`, `{{ TOKEN }}`.
pub fn reference(value: &str) -> Option<&str> {
    let value = value.trim();
    let inner = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| value.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")))
        .or_else(|| value.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')))
        .or_else(|| value.strip_prefix('$'))?;
    let inner = inner.trim();
    let inner = inner.strip_prefix("env:").or_else(|| inner.strip_prefix("env.")).unwrap_or(inner);
    let inner = inner.split_once(":-").map_or(inner, |(name, _)| name);
    let is_name = !inner.is_empty()
        && inner.len() <= 100
        && inner
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-'));
    is_name.then_some(inner)
}

/// Words in a variable's name that say that its value is secret.
const TELLING: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authkey",
    "bearer",
    "pat",
    "pwd",
    "webhook",
    "dsn",
    "connectionstring",
    "databaseurl",
    "cookie",
    "jwt",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "servicekey",
    "licensekey",
    "clientkey",
    "authorization",
];

/// Whether a variable's name says that its value is secret: `GITHUB_TOKEN`, `openai-api-key`,
/// `clientSecret`; not `TOKEN_LIMIT`, `SECRET_PATH`, `passwordFile`.
pub fn tells_secret(name: &str) -> bool {
    let words = words(name);
    let is_about_it = words.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "path"
                | "file"
                | "dir"
                | "limit"
                | "limits"
                | "name"
                | "count"
                | "length"
                | "ttl"
                | "expiry"
                | "expires"
                | "type"
                | "url"
                | "uri"
                | "endpoint"
                | "helper"
                | "command"
                | "id"
                | "env"
                | "enabled"
                | "required"
                | "timeout"
                | "budget"
                | "max"
                | "min"
        )
    });
    let joined = words.concat();
    let is_secret_address = ["databaseurl", "webhookurl"].iter().any(|end| joined.ends_with(end));
    if is_about_it && !is_secret_address {
        return false;
    }
    TELLING.iter().any(|telling| {
        if telling.len() <= 3 {
            words.iter().any(|word| word == telling)
        } else {
            joined.contains(telling)
        }
    })
}

/// The words of a name, lower case: `clientSecret`, `CLIENT_SECRET` and `client-secret` are two.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut was_lower = false;
    for c in name.chars().take(200) {
        let starts = c.is_ascii_uppercase() && was_lower;
        if !c.is_ascii_alphanumeric() {
            was_lower = false;
            words.push(String::new());
            continue;
        }
        if starts || words.is_empty() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A time that a file states: RFC 3339 (with or without `Z`), or seconds or milliseconds since
/// 1970. Unreadable ones are said to be so.
pub fn stated_time(text: Option<&str>) -> Fact<Time> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Fact::absent();
    };
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    if let Ok(number) = whole.parse::<i64>() {
        let is_milliseconds = number > 100_000_000_000;
        return Fact::known(if is_milliseconds {
            Time::from_micros(number.saturating_mul(1_000))
        } else {
            Time::from_seconds(number)
        });
    }
    // AWS writes `2026-11-22T10:00:00UTC`, Azure `2026-11-22 10:00:00.000000`.
    let plain = text.trim_end_matches("UTC").trim().replacen(' ', "T", 1);
    // A moment without a zone would else be read as a date alone.
    let parsed = format!("{plain}Z").parse::<Time>().or_else(|_| text.parse());
    parsed.map_or_else(|_| Fact::not_collected("not a time that we read"), Fact::known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell() {
        for name in [
            "GITHUB_TOKEN",
            "openai-api-key",
            "clientSecret",
            "DB_PASSWORD",
            "PGPASSWORD",
            "GITHUB_PAT",
            "DATABASE_URL",
            "AWS_SECRET_ACCESS_KEY",
            "SLACK_WEBHOOK_URL",
            "api_key",
        ] {
            assert!(tells_secret(name), "{name}");
        }
        for name in [
            "TOKEN_LIMIT",
            "SECRET_PATH",
            "passwordFile",
            "PATH",
            "AWS_ACCESS_KEY_ID",
            "PATTERN",
            "MONKEY",
            "KEY",
            "apiKeyHelper",
            "token_url",
            "",
        ] {
            assert!(!tells_secret(name), "{name}");
        }
    }

    #[test]
    fn references() {
        let check =
            |value: &str, expected: Option<&str>| assert_eq!(reference(value), expected, "{value}");
        check("${NPM_TOKEN}", Some("NPM_TOKEN"));
        check("${env:KEY}", Some("KEY"));
        check("${KEY:-none}", Some("KEY"));
        check("$KEY", Some("KEY"));
        check("%KEY%", Some("KEY"));
        check("{{ KEY }}", Some("KEY"));
        check("hunter2", None);
        check("$a$b", None);
        check("", None);
    }

    #[test]
    fn times() {
        let check = |text: &str, expected: &str| {
            assert_eq!(stated_time(Some(text)).value().unwrap().to_string(), expected, "{text}");
        };
        check("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z");
        check("2026-11-22T10:00:00UTC", "2026-11-22T10:00:00Z");
        check("2026-11-22 10:00:00.500000", "2026-11-22T10:00:00.5Z");
        check("1700000000", "2023-11-14T22:13:20Z");
        check("1700000000000", "2023-11-14T22:13:20Z");
        check("1700000000.25", "2023-11-14T22:13:20Z");
        assert_eq!(stated_time(Some("soon")).value(), None);
        assert_eq!(stated_time(None), Fact::absent());
    }
}
