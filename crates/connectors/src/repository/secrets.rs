//! Secrets in any text, and keys and certificates in any file.

use std::collections::BTreeSet;

use credentials::Found;
use model::{Authority, Credential, Fact, Value, kinds};

use super::reading::{Reading, place_of};
use crate::material;

/// A credential on its way to records.
#[derive(Debug)]
pub(super) struct Stated {
    found: Found,
    says: Vec<(&'static str, String)>,
    /// Found by the sweep over the text, not by a reader that knows what it reads.
    is_swept: bool,
}

/// Credentials in bytes. `line` is added to line numbers, and what starts at or after `end` is left
/// to the next piece.
pub(super) fn sweep(bytes: &[u8], line: u32, end: usize) -> Vec<Found> {
    let mut all = Vec::new();
    credentials::find(bytes, &mut |mut found| {
        if found.span.start < end {
            found.line = found.line.saturating_add(line);
            all.push(found);
        }
    });
    all
}

/// Leaves out private keys that were read as keys already, which tells more of them.
pub(super) fn without_keys_known(reading: &Reading<'_>, all: &mut Vec<Found>) {
    let is_key = |kind: &str| kind == kinds::PRIVATE_KEY.id || kind == kinds::SSH_KEY.id;
    let known: BTreeSet<u32> = reading
        .batch
        .credentials
        .iter()
        .filter(|credential| is_key(&credential.kind))
        .flat_map(|credential| credential.places.iter().filter_map(|place| place.line))
        .collect();
    all.retain(|found| !is_key(found.kind.id) || !known.contains(&found.line));
}

/// Takes in what a sweep over the file found.
pub(super) fn swept(reading: &mut Reading<'_>, all: Vec<Found>) {
    let stated = |found| Stated { found, says: Vec::new(), is_swept: true };
    reading.stated.extend(all.into_iter().map(stated));
}

/// Makes records of everything stated in the file; called once, when the file is done.
///
/// The sweep sees again what a reader stated, often in its encoded form: of the two the reader's
/// counts, since it knows the value.
pub(super) fn settle(reading: &mut Reading<'_>) {
    let mut stated = std::mem::take(&mut reading.stated);
    if stated.is_empty() {
        return;
    }
    let known: BTreeSet<(u32, Option<String>)> = stated
        .iter()
        .filter(|one| !one.is_swept)
        .map(|one| (one.found.line, one.found.name.clone()))
        .collect();
    stated
        .retain(|one| !one.is_swept || !known.contains(&(one.found.line, one.found.name.clone())));
    join_keys(&mut stated);
    stated.sort_by_key(|one| one.found.line);
    let place = reading.place();
    let records = material::all_found(stated.iter().map(|one| &one.found), reading.at(&place));
    for ((mut credential, identity), one) in records.into_iter().zip(&stated) {
        for (key, value) in &one.says {
            credential.fact(key, Fact::known(value.as_str()));
        }
        // What a vendor prints in its documentation is nobody's.
        let is_documented = credential.facts.get("documented_example").and_then(Fact::value);
        if is_documented == Some(&Value::Truth(true)) {
            credential.identity = None;
        } else {
            reading.batch.identities.push(identity);
        }
        reading.batch.credentials.push(credential);
    }
}

/// A key whose id and secret stand under two names is one credential. The sweep sees both where
/// they lie side by side; a reader sees one at a time, but also those that are encoded.
fn join_keys(stated: &mut Vec<Stated>) {
    let is_id = |found: &Found| found.rule == "aws-access-key";
    let is_id_alone = |found: &Found| is_id(found) && found.secret.reveal().is_empty();
    for n in 0..stated.len() {
        let Some(id) = stated.get(n).filter(|one| is_id_alone(&one.found)) else { continue };
        let is_its_secret = |one: &&Stated| {
            one.found.rule == "assigned-secret"
                && one.says == id.says
                && one.found.secret.reveal().len() == AWS_SECRET_BYTES
                && one.found.name.as_deref().is_some_and(says_secret_key)
        };
        let nearest = stated
            .iter()
            .filter(is_its_secret)
            .min_by_key(|one| one.found.line.abs_diff(id.found.line))
            .map(|one| one.found.secret.clone());
        if let (Some(secret), Some(id)) = (nearest, stated.get_mut(n)) {
            id.found.secret = secret;
            id.found.facts.insert("secret_found".into(), Fact::known(true));
        }
    }
    let joined: Vec<_> = stated
        .iter()
        .filter(|one| is_id(&one.found) && !one.found.secret.reveal().is_empty())
        .map(|one| (one.found.public_id.clone(), one.found.secret.clone()))
        .collect();
    stated.retain(|one| {
        let is_part = |(id, secret): &(Option<String>, _)| {
            *secret == one.found.secret || is_id_alone(&one.found) && *id == one.found.public_id
        };
        is_id(&one.found) && !is_id_alone(&one.found) || !joined.iter().any(is_part)
    });
}

/// The secrets of AWS access keys have this length.
const AWS_SECRET_BYTES: usize = 40;

/// `AWS_SECRET_ACCESS_KEY`, `secretAccessKey`, `s3_secret_key` …
fn says_secret_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("secret") && name.contains("key")
}

/// A value that its place says is secret.
pub(super) struct Held<'a> {
    pub name: &'a str,
    pub value: &'a [u8],
    pub line: u32,
    /// Where in the file it lies, for keys and certificates, which have no name.
    pub pointer: &'a str,
    pub says: &'a [(&'static str, &'a str)],
}

/// States a value by its own shape first and its name second; placeholders and references are none.
pub(super) fn value(reading: &mut Reading<'_>, held: &Held<'_>) {
    if memchr::memmem::find(held.value, b"-----BEGIN ").is_some() {
        embedded(reading, held);
        return;
    }
    let Ok(text) = std::str::from_utf8(held.value) else { return };
    let Some(mut found) = credentials::classify(Some(held.name), text.trim()) else { return };
    found.line = held.line;
    let says = held.says.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    reading.stated.push(Stated { found, says, is_swept: false });
}

/// Certificates and keys within a value.
fn embedded(reading: &mut Reading<'_>, held: &Held<'_>) {
    let place = reading.place();
    let (mut batch, gaps) = material::containers(held.value, reading.at(&place));
    for credential in &mut batch.credentials {
        for stored in &mut credential.places {
            stored.line = Some(held.line);
            stored.pointer = Some(held.pointer.to_owned());
        }
        for (key, value) in held.says {
            credential.fact(key, Fact::known(*value));
        }
    }
    reading.batch.extend(batch);
    reading.gaps.extend(gaps);
}

/// Certificates, private keys and key stores.
pub(super) fn containers(reading: &mut Reading<'_>) {
    let place = place_of(reading.folder, reading.file);
    let (batch, gaps) = material::containers(reading.file.bytes, reading.at(&place));
    if batch.n_records() > 0 {
        reading.place();
        reading.batch.extend(batch);
    }
    reading.gaps.extend(gaps);
}

/// A secret that lies here in a form that only a key kept elsewhere opens.
pub(super) fn encrypted(reading: &mut Reading<'_>, system: &'static str, pointer: &str, line: u32) {
    let place = reading.place();
    let native_id = format!("{}#{pointer}", place.native_id);
    let mut credential = Credential::new(
        kinds::ENCRYPTED_CREDENTIAL,
        system,
        reading.folder.machine,
        native_id,
        reading.folder.scope,
    );
    pointer.clone_into(&mut credential.name);
    credential.authority = Authority::Declared;
    credential.loci = reading.loci();
    credential.places.push(place.stored_at(Some(line), Some(pointer.to_owned())));
    credential.fact("encrypted", Fact::known(true));
    credential.evidence.push(reading.evidence(line, "encrypted value"));
    reading.batch.credentials.push(credential);
}
