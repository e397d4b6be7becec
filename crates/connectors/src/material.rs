//! Recognised credential material as records: the same certificate, key or token becomes the same
//! credential whichever connector meets it.
//!
//! Each function returns the credential (and, where the material names its identity, that
//! identity) with its place, loci, exposure and fingerprint filled in. The caller adds what only it
//! knows: the identity that uses it, owners, trusts.

use std::collections::BTreeMap;

use credentials::pkcs12::{MAX_SOURCE_ROUNDS, MAX_STORE_ROUNDS, Rounds};
use credentials::{Confidence, Found, keys, keytab, pkcs12, ssh, x509};
use model::kinds::{self, CredentialKind};
use model::{
    Authority, Batch, Credential, Evidence, Fact, Fingerprinter, Gap, GapReason, Identity,
    IdentityId, Place, ScopeId, Time, Value,
};

use crate::address::public_command;
use crate::files::Meta;

/// Problems of one file that become gaps of their own; the rest is one gap with their number.
pub const MAX_PROBLEMS: usize = 20;

/// Where a piece of material was read.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    pub scope: ScopeId,
    pub place: &'a Place,
    /// The path as gaps name it.
    pub locus: &'a str,
    /// None when it was not a file (a field of a state).
    pub meta: Option<Meta>,
    /// The machine id: the instance of what has no better one.
    pub machine: &'a str,
    pub fingerprinter: Option<&'a Fingerprinter>,
}

/// A token, key or password. The identity is the one the token's own bytes or shape name (an
/// e-mail of a service account, an AWS account of a key), else an `api-client` named after the
/// variable and place.
///
/// A place that holds the same name twice needs [`all_found`], which tells them apart.
pub fn found(found: &Found, at: At<'_>) -> (Credential, Identity) {
    nth_found(found, 1, at)
}

/// Everything found in one place, in order: what has no public identifier and stands under the
/// same name again gets `@2`, `@3` … unless it is the same value again.
pub fn all_found<'f>(
    founds: impl IntoIterator<Item = &'f Found>,
    at: At<'_>,
) -> Vec<(Credential, Identity)> {
    let mut seen: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    let mut records = Vec::new();
    for found in founds {
        let under_name = seen.entry(label(found)).or_default();
        let same = under_name.iter().position(|earlier| earlier.secret == found.secret);
        let nth = same.unwrap_or(under_name.len()) + 1;
        if same.is_none() {
            under_name.push(found);
        }
        records.push(nth_found(found, nth, at));
    }
    records
}

fn nth_found(found: &Found, nth: usize, at: At<'_>) -> (Credential, Identity) {
    let suffix = if nth > 1 { format!("@{nth}") } else { String::new() };
    let here = format!("{}#{}{suffix}", at.place.native_id, label(found));
    let line = (found.line > 0).then_some(found.line);
    let mut credential = if let Some(public_id) = &found.public_id {
        let instance = found.instance.clone().unwrap_or_default();
        new(found.kind, found.system, &instance, public_id, line, None, at)
    } else {
        // The address it is for does not make it one: the same name on two machines is two.
        new(found.kind, found.system, at.machine, &here, line, found.name.clone(), at)
    };
    if found.public_id.is_none() {
        credential.name = found.name.clone().unwrap_or_else(|| found.title.into());
    }
    credential.facts.extend(found.facts.clone());
    credential.created_at = found.created_at.clone();
    credential.expires_at = found.expires_at.clone();
    credential.fact("rule", Fact::known(found.rule));
    credential.fact("confidence", Fact::known(confidence(found.confidence)));
    if let Some(instance) = &found.instance {
        credential.fact("instance", Fact::known(instance.as_str()));
    }
    if let Some(account) = &found.account {
        credential.fact("account", Fact::known(account.as_str()));
    }
    if found.chosen_by_person {
        credential.fact("chosen_by_person", Fact::known(true));
    } else if !found.secret.reveal().is_empty() {
        credential.fingerprint = at.fingerprinter.map(|it| it.of(found.secret.reveal()));
    }
    credential.evidence = vec![evidence(line, found.title, at)];
    // What has an identifier is used by one identity, under however many names it stands here.
    let user = match &found.public_id {
        Some(public_id) => format!("{}#{public_id}", at.place.native_id),
        None => here,
    };
    let mut identity = identity_of(found, &user, at);
    identity.evidence.clone_from(&credential.evidence);
    credential.identity = Some(identity.id);
    (credential, identity)
}

/// What a thing without public identifier is called within its place.
fn label(found: &Found) -> &str {
    found.name.as_deref().unwrap_or(found.rule)
}

const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Likely => "likely",
        Confidence::Sure => "sure",
        Confidence::Verified => "verified",
    }
}

fn identity_of(found: &Found, here: &str, at: At<'_>) -> Identity {
    let instance = found.instance.clone().unwrap_or_default();
    let named = |kind, native_id: &str, authority| {
        let mut identity = Identity::new(kind, found.system, &instance, native_id, at.scope);
        identity.authority = authority;
        identity
    };
    let mut identity = match (found.system, &found.account) {
        ("gcp", Some(email)) => named(kinds::GCP_SERVICE_ACCOUNT, email, Authority::Mentioned),
        // Which user of the account it is, only the account knows.
        ("aws", _) if !instance.is_empty() => {
            let mut identity = named(kinds::CLOUD_ACCOUNT, &instance, Authority::Mentioned);
            identity.name = format!("AWS account {instance}");
            identity
        }
        ("kubernetes", Some(account)) => {
            named(kinds::K8S_SERVICE_ACCOUNT, account, Authority::Mentioned)
        }
        (_, Some(account)) if found.rule == "jwt" => {
            named(kinds::API_CLIENT, account, Authority::Mentioned)
        }
        (_, Some(account)) => named(kinds::SERVICE_LOGIN, account, Authority::Declared),
        (_, None) => {
            let instance = found.instance.as_deref().unwrap_or(at.machine);
            let mut identity =
                Identity::new(kinds::API_CLIENT, found.system, instance, here, at.scope);
            identity.name = match &found.name {
                Some(name) => format!("{name} in {}", at.place.path),
                None => format!("{} in {}", found.title, at.place.path),
            };
            identity
        }
    };
    identity.loci.push(at.locus.into());
    identity
}

/// A certificate, and its subject as an identity (`tls-subject`, or `spiffe-workload` when it has
/// a `spiffe://` name) unless it is a CA.
pub fn certificate(certificate: &x509::Certificate, at: At<'_>) -> (Credential, Option<Identity>) {
    let native_id = format!("sha256:{}", certificate.sha256);
    let mut credential = new(kinds::X509, "x509", "", &native_id, certificate.line, None, at);
    let name = subject_name(certificate);
    credential.name.clone_from(&name);
    credential.created_at = Fact::known(certificate.not_before);
    credential.expires_at = match certificate.not_after {
        // RFC 5280 §4.1.2.5: 99991231235959Z is "no well-defined expiration date".
        Time::MAX => Fact::absent(),
        time if time >= NO_EXPIRY => Fact::absent().because("the certificate says 9999-12-31"),
        time => Fact::known(time),
    };
    // Anyone may read a certificate: who can is no exposure.
    credential.facts.remove("exposure");
    let mut say = |name: &'static str, value: Value| credential.fact(name, Fact::known(value));
    say("sha256", certificate.sha256.as_str().into());
    say("spki_sha256", certificate.spki_sha256.as_str().into());
    say("subject", certificate.subject.as_str().into());
    say("issuer", certificate.issuer.as_str().into());
    say("serial", certificate.serial.as_str().into());
    say("san", certificate.names.clone().into());
    say("algorithm", certificate.algorithm.as_str().into());
    say("signature_algorithm", certificate.signature_algorithm.as_str().into());
    say("is_ca", certificate.is_ca.into());
    say("self_signed", certificate.self_signed.into());
    say("client_auth", certificate.client_auth.into());
    say("server_auth", certificate.server_auth.into());
    if certificate.names_truncated {
        say("san_truncated", true.into());
    }
    credential.fact("bits", bits(certificate.bits));
    credential.fact("weak", weak(&certificate.weaknesses));
    credential.evidence = vec![evidence(certificate.line, "the certificate", at)];
    let identity = subject(certificate, name, at);
    credential.identity = identity.as_ref().map(|identity| identity.id);
    (credential, identity)
}

/// 9999-12-31T23:59:59Z.
const NO_EXPIRY: Time = Time::from_seconds(253_402_300_799);

/// The name a person looks for: the SPIFFE id, the first DNS name or the common name.
fn subject_name(certificate: &x509::Certificate) -> String {
    let named = |prefix: &str| certificate.names.iter().find_map(|it| it.strip_prefix(prefix));
    let common_name = || certificate.subject.split(',').find_map(|it| it.strip_prefix("CN="));
    spiffe_id(certificate)
        .or_else(|| if certificate.is_ca { None } else { named("dns:") })
        .or_else(common_name)
        .or_else(|| named("uri:"))
        .or_else(|| named("email:"))
        .or_else(|| named("ip:"))
        .filter(|name| !name.is_empty())
        .map_or_else(|| certificate.subject.clone(), Into::into)
}

fn spiffe_id(certificate: &x509::Certificate) -> Option<&str> {
    certificate
        .names
        .iter()
        .filter_map(|name| name.strip_prefix("uri:"))
        .find(|uri| uri.starts_with("spiffe://"))
}

fn subject(certificate: &x509::Certificate, name: String, at: At<'_>) -> Option<Identity> {
    if certificate.is_ca {
        return None;
    }
    let mut identity = if let Some(id) = spiffe_id(certificate) {
        let trust_domain = id.trim_start_matches("spiffe://").split('/').next().unwrap_or_default();
        Identity::new(kinds::SPIFFE_WORKLOAD, "spiffe", trust_domain, id, at.scope)
    } else {
        // An empty subject (RFC 5280 allows it) is told apart by its names.
        let subject = match certificate.subject.as_str() {
            "" => certificate.names.join(","),
            subject => subject.into(),
        };
        let native_id = format!("{}|{subject}", certificate.issuer);
        Identity::new(kinds::TLS_SUBJECT, "x509", "", native_id, at.scope)
    };
    identity.name = name;
    identity.loci.push(at.locus.into());
    identity.fact("subject", Fact::known(certificate.subject.as_str()));
    identity.fact("issuer", Fact::known(certificate.issuer.as_str()));
    identity.evidence = vec![evidence(certificate.line, "its certificate", at)];
    Some(identity)
}

/// A private key: of kind `ssh-key` in OpenSSH's and PuTTY's formats, else `private-key`.
pub fn private_key(key: &keys::PrivateKey, at: At<'_>) -> Credential {
    if matches!(key.format, "openssh" | "putty") {
        return ssh_key(key, at);
    }
    let native_id = match (&key.spki_sha256, key.line) {
        (Some(spki), _) => format!("spki:{spki}"),
        (None, Some(line)) => format!("{}:{}#{line}", at.machine, at.place.native_id),
        (None, None) => {
            let label = key.comment.as_deref().unwrap_or("der");
            format!("{}:{}#{label}", at.machine, at.place.native_id)
        }
    };
    key_credential(kinds::PRIVATE_KEY, "x509", &native_id, key, at)
}

/// A private key that its place says is for SSH, whatever its format (older keys are plain PEM).
pub fn ssh_key(key: &keys::PrivateKey, at: At<'_>) -> Credential {
    let native_id = match &key.ssh_fingerprint {
        Some(fingerprint) => fingerprint.clone(),
        None => format!("{}:{}", at.machine, at.place.native_id),
    };
    key_credential(kinds::SSH_KEY, "ssh", &native_id, key, at)
}

fn key_credential(
    kind: &'static CredentialKind,
    system: &'static str,
    native_id: &str,
    key: &keys::PrivateKey,
    at: At<'_>,
) -> Credential {
    let mut credential = new(kind, system, "", native_id, key.line, None, at);
    let algorithm = key.algorithm.as_deref().unwrap_or("Private");
    credential.name = match &key.comment {
        Some(comment) => format!("{algorithm} key {}", public_command(comment)),
        None => format!("{algorithm} key in {}", at.place.path),
    };
    // The keyed fingerprint of an encrypted key is that of its encrypted bytes: two copies of the
    // file are then known to be one, which is all that can be known.
    credential.fingerprint = at.fingerprinter.map(|it| it.of(key.material.reveal()));
    credential.fact("format", Fact::known(key.format));
    credential.fact("encrypted", Fact::known(key.encrypted));
    credential.fact("bits", bits(key.bits));
    let stated = |value: &Option<String>, reason: &'static str| match value {
        Some(value) => Fact::known(value.as_str()),
        None => Fact::not_observable(reason),
    };
    credential.fact("algorithm", stated(&key.algorithm, "it stands within the encryption"));
    let reason = "its public half is not stored with it";
    credential.fact("spki_sha256", stated(&key.spki_sha256, reason));
    credential.fact("fingerprint_sha256", stated(&key.ssh_fingerprint, reason));
    if let Some(comment) = &key.comment {
        credential.fact("comment", Fact::known(public_command(comment)));
    }
    credential.fact("weak", weak(&key.weaknesses));
    credential.expires_at = Fact::absent();
    credential.evidence = vec![evidence(key.line, "the private key", at)];
    credential
}

/// A public SSH key (kind `ssh-public-key`, or `ssh-certificate`).
pub fn public_key(key: &ssh::PublicKey, line: Option<u32>, at: At<'_>) -> Credential {
    let mut credential = match &key.certificate {
        None => new(kinds::SSH_PUBLIC_KEY, "ssh", "", &key.fingerprint, line, None, at),
        // One key may have many certificates: the serial number is the CA's, and often zero.
        Some(certificate) => {
            let valid_after = certificate.valid_after.map_or(0, Time::seconds);
            let native_id = format!(
                "{}/{}/{}/{}/{valid_after}",
                key.fingerprint, certificate.ca_fingerprint, certificate.serial, certificate.key_id,
            );
            new(kinds::SSH_CERTIFICATE, "ssh", "", &native_id, line, None, at)
        }
    };
    credential.facts.remove("exposure");
    if !key.comment.is_empty() {
        // People write what they like there.
        credential.name = public_command(&key.comment);
        credential.fact("comment", Fact::known(credential.name.as_str()));
    }
    credential.fact("algorithm", Fact::known(key.algorithm.as_str()));
    credential.fact("bits", bits(key.bits));
    credential.fact("fingerprint_sha256", Fact::known(key.fingerprint.as_str()));
    credential.fact("weak", weak(&key.weaknesses));
    credential.expires_at = Fact::absent();
    if let Some(certificate) = &key.certificate {
        credential.name.clone_from(&certificate.key_id);
        credential.created_at = match certificate.valid_after {
            Some(time) => Fact::known(time),
            None => Fact::not_observable("the certificate states no start"),
        };
        credential.expires_at = Fact::stated(certificate.valid_before);
        credential.fact("key_id", Fact::known(certificate.key_id.as_str()));
        credential.fact("serial", Fact::known(certificate.serial.to_string()));
        credential.fact("principals", Fact::known(certificate.principals.clone()));
        credential.fact("ca_fingerprint", Fact::known(certificate.ca_fingerprint.as_str()));
        let role = if certificate.is_host { "host" } else { "user" };
        credential.fact("certificate_type", Fact::known(role));
        let options = certificate.critical_options.iter().map(|(name, value)| {
            if value.is_empty() { name.clone() } else { format!("{name}={value}") }
        });
        credential.fact("critical_options", Fact::known(options.collect::<Vec<_>>()));
        credential.fact("extensions", Fact::known(certificate.extensions.clone()));
    }
    credential.evidence = vec![evidence(line, "the public key", at)];
    credential
}

/// An entry of a keytab, and its Kerberos principal.
pub fn keytab_entry(entry: &keytab::Entry, at: At<'_>) -> (Credential, Identity) {
    let principal = format!("{}@{}", entry.principal, entry.realm);
    let native_id = format!("{principal}#{}/{}", entry.version, entry.encryption_type);
    let mut credential =
        new(kinds::KERBEROS_KEY, "kerberos", &entry.realm, &native_id, None, None, at);
    credential.name.clone_from(&principal);
    credential.created_at = Fact::known(entry.created_at);
    credential.expires_at = Fact::not_observable("a keytab does not state when its keys expire");
    credential.fingerprint = at.fingerprinter.map(|it| it.of(entry.key.reveal()));
    credential.fact("algorithm", Fact::known(entry.encryption));
    credential.fact("key_version", Fact::known(entry.version));
    credential.fact("encrypted", Fact::known(false));
    let weaknesses = [format!("encryption type {}", entry.encryption)];
    credential.fact("weak", weak(if entry.weak { &weaknesses } else { &[] }));
    let shows = format!("key version {} of {principal}", entry.version);
    credential.evidence = vec![Evidence::at(&at.place.path).shows(shows)];
    let mut identity =
        Identity::new(kinds::KERBEROS_PRINCIPAL, "kerberos", &entry.realm, &principal, at.scope);
    identity.authority = Authority::Mentioned;
    identity.loci.push(at.locus.into());
    identity.evidence.clone_from(&credential.evidence);
    credential.identity = Some(identity.id);
    (credential, identity)
}

/// Everything in a file's bytes that is certificate, private key or key store, with the subject
/// identities, key-to-certificate matches (equal `spki_sha256`: the key's identity is the
/// certificate's), and the count of problems as gaps in `coverage`-ready form.
///
/// The batch holds the place too, when there is anything in it, and is not settled. Opening key
/// stores takes from `rounds`, one measure for everything that the source holds.
pub fn containers(bytes: &[u8], at: At<'_>, rounds: &Rounds) -> (Batch, Vec<Gap>) {
    let (certificates, mut problems) = x509::certificates(bytes);
    let (keys, key_problems) = keys::private_keys(bytes);
    problems.extend(key_problems);
    problems.sort();
    let mut gaps = problem_gaps(&problems, at);
    if !certificates.is_empty() || !keys.is_empty() {
        return (certificates_and_keys(&certificates, &keys, at), gaps);
    }
    if !pkcs12::looks_like_store(bytes) {
        return (Batch::default(), gaps);
    }
    match pkcs12::read(bytes, rounds) {
        Ok(store) => {
            if store.is_too_costly {
                let detail = format!(
                    "a key store that takes more key-derivation rounds to open than are left (at \
                     most {MAX_STORE_ROUNDS} for one store, {MAX_SOURCE_ROUNDS} for a source)"
                );
                gaps.push(Gap::new(at.locus, GapReason::TooLarge).detail(detail));
            } else if store.encrypted && store.certificates.is_empty() {
                let detail = "a key store that needs a password";
                gaps.push(Gap::new(at.locus, GapReason::Encrypted).detail(detail));
            }
            (key_store(&store, at), gaps)
        }
        Err(problem) => {
            gaps.push(Gap::new(at.locus, GapReason::Malformed).detail(problem));
            (Batch::default(), gaps)
        }
    }
}

fn problem_gaps(problems: &[(u32, String)], at: At<'_>) -> Vec<Gap> {
    let gap = |detail: String| Gap::new(at.locus, GapReason::Malformed).detail(detail);
    let mut gaps: Vec<_> = problems
        .iter()
        .take(MAX_PROBLEMS)
        .map(|(line, problem)| gap(format!("line {line}: {problem}")))
        .collect();
    if let Some(n_more) = problems.len().checked_sub(MAX_PROBLEMS + 1) {
        gaps.push(gap(format!("{} more problems in this file", n_more + 1)));
    }
    gaps
}

fn certificates_and_keys(
    certificates: &[x509::Certificate],
    keys: &[keys::PrivateKey],
    at: At<'_>,
) -> Batch {
    let mut batch = Batch { places: vec![at.place.clone()], ..Batch::default() };
    let mut subjects: BTreeMap<&str, IdentityId> = BTreeMap::new();
    for parsed in certificates {
        let (credential, identity) = certificate(parsed, at);
        if let Some(identity) = identity {
            subjects.entry(&parsed.spki_sha256).or_insert(identity.id);
            batch.identities.push(identity);
        }
        batch.credentials.push(credential);
    }
    for key in keys {
        let mut credential = private_key(key, at);
        let spki = key.spki_sha256.as_deref();
        credential.identity = spki.and_then(|spki| subjects.get(spki)).copied();
        batch.credentials.push(credential);
    }
    batch
}

/// A text that a fact of the credential holds.
pub fn fact_text<'a>(credential: &'a Credential, fact: &str) -> Option<&'a str> {
    match credential.facts.get(fact)?.value()? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// A private key has the identity of the certificate with the same public key, wherever the two lie.
pub fn match_keys(credentials: &mut [Credential]) {
    let mut subjects: BTreeMap<String, IdentityId> = BTreeMap::new();
    for certificate in credentials.iter().filter(|it| it.kind == kinds::X509.id) {
        if let (Some(spki), Some(subject)) =
            (fact_text(certificate, "spki_sha256"), certificate.identity)
        {
            subjects.entry(spki.to_owned()).or_insert(subject);
        }
    }
    for key in credentials.iter_mut().filter(|it| it.kind == kinds::PRIVATE_KEY.id) {
        let subject = fact_text(key, "spki_sha256").and_then(|spki| subjects.get(spki)).copied();
        key.identity = key.identity.or(subject);
    }
}

/// A key store file.
pub fn key_store(store: &pkcs12::Store, at: At<'_>) -> Batch {
    let mut batch = certificates_and_keys(&store.certificates, &store.keys, at);
    let native_id = format!("{}:{}", at.machine, at.place.native_id);
    let mut credential = new(kinds::KEY_STORE, "x509", "", &native_id, None, None, at);
    credential.name = format!("Key store {}", at.place.path);
    credential.fact("format", Fact::known(store.format));
    credential.fact("encrypted", Fact::known(store.encrypted));
    credential.fact("aliases", Fact::known(store.aliases.clone()));
    credential.evidence = vec![evidence(None, "the key store", at)];
    batch.credentials.push(credential);
    batch
}

/// A credential at a place, with what every one of them has.
fn new(
    kind: &'static CredentialKind,
    system: &'static str,
    instance: &str,
    native_id: &str,
    line: Option<u32>,
    pointer: Option<String>,
    at: At<'_>,
) -> Credential {
    let mut credential = Credential::new(kind, system, instance, native_id, at.scope);
    credential.loci.push(at.locus.into());
    credential.places.push(at.place.stored_at(line, pointer));
    if let Some(meta) = at.meta {
        credential.fact("exposure", meta.exposure_fact());
        credential.fact("mode", meta.mode_fact());
    }
    credential
}

fn evidence(line: Option<u32>, shows: &'static str, at: At<'_>) -> Evidence {
    Evidence { line, ..Evidence::at(&at.place.path).shows(shows) }
}

fn bits(bits: Option<u32>) -> Fact<Value> {
    match bits {
        Some(bits) => Fact::known(bits),
        None => Fact::not_observable("the format does not show its size"),
    }
}

/// Sentences about weak algorithms and sizes; known to be absent when there are none.
fn weak(weaknesses: &[String]) -> Fact<Value> {
    if weaknesses.is_empty() { Fact::absent() } else { Fact::known(weaknesses.to_vec()) }
}

#[cfg(test)]
mod tests {
    use model::{Scope, Secret};

    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../../credentials/tests/it/fixtures/ec.crt");
    const KEY: &str = include_str!("../../credentials/tests/it/fixtures/ec-sec1.key");

    fn with_place<R>(read: impl FnOnce(At<'_>) -> R) -> R {
        let scope = Scope::new("linux", "machine", "tls", "/etc/ssl");
        let place = Place::new(kinds::PLACE_FILE, "file", "machine", "/etc/ssl/web.pem", scope.id);
        let fingerprinter = Fingerprinter::new(Secret::new([7; 32]));
        read(At {
            scope: scope.id,
            place: &place,
            locus: "/etc/ssl/web.pem",
            meta: None,
            machine: "machine",
            fingerprinter: Some(&fingerprinter),
        })
    }

    #[test]
    fn a_key_has_the_identity_of_its_certificate() {
        let bytes = [CERTIFICATE, KEY.replace("@@", "-----").as_bytes()].concat();
        let (mut batch, gaps) = with_place(|at| containers(&bytes, at, &Rounds::default()));
        batch.settle();
        assert_eq!(gaps, []);
        let kinds: Vec<_> = batch.credentials.iter().map(|it| it.kind.as_ref()).collect();
        assert!(kinds.contains(&"x509") && kinds.contains(&"private-key"), "{kinds:?}");
        assert_eq!(batch.identities.len(), 1);
        assert_eq!(batch.identities[0].kind, "spiffe-workload");
        for credential in &batch.credentials {
            assert_eq!(credential.identity, Some(batch.identities[0].id));
            assert_eq!(credential.places.len(), 1);
        }
        let key = batch.credentials.iter().find(|it| it.kind == "private-key").unwrap();
        assert!(key.native_id.starts_with("spki:"), "{}", key.native_id);
        assert!(key.fingerprint.is_some());
        assert_eq!(key.facts["encrypted"].value(), Some(&Value::Truth(false)));
    }

    #[test]
    fn what_is_broken_is_a_gap_and_hides_nothing_else() {
        let broken = b"-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n".repeat(30);
        let bytes = [broken.as_slice(), CERTIFICATE].concat();
        let (batch, gaps) = with_place(|at| containers(&bytes, at, &Rounds::default()));
        assert_eq!(batch.credentials.len(), 1);
        assert_eq!(gaps.len(), MAX_PROBLEMS + 1);
        assert_eq!(gaps[MAX_PROBLEMS].detail.as_deref(), Some("10 more problems in this file"));
    }

    #[test]
    fn one_name_twice_in_a_file() {
        let text = "password: Tr0ub4dor&3\npassword: C0rrect-h0rse\npassword: Tr0ub4dor&3\n";
        let mut founds = Vec::new();
        credentials::find(text.as_bytes(), &mut |it| founds.push(it));
        let records = with_place(|at| all_found(&founds, at));
        let native_ids: Vec<_> =
            records.iter().map(|(credential, _)| credential.native_id.as_str()).collect();
        let name = "/etc/ssl/web.pem#password";
        assert_eq!(native_ids, [name, &format!("{name}@2"), name]);
        assert!(records.iter().all(|(credential, _)| credential.fingerprint.is_none()));
        assert!(
            records.iter().all(|(credential, identity)| credential.identity == Some(identity.id))
        );
    }

    #[test]
    fn the_account_is_the_identity_of_a_key() {
        let text = format!("AWS_ACCESS_KEY_ID={}{}", "AKIASP2TPHJS", "QH3FJRUX");
        let found = credentials::classify(Some("AWS_ACCESS_KEY_ID"), &text).unwrap();
        let (credential, identity) = with_place(|at| super::found(&found, at));
        assert_eq!(
            (credential.system.as_ref(), credential.instance.as_str()),
            ("aws", "171436882533")
        );
        assert_eq!(identity.native_id, "171436882533");
        assert_eq!(identity.authority, Authority::Mentioned);
        assert_eq!(credential.fingerprint, None, "an id alone is no secret");
    }
}
