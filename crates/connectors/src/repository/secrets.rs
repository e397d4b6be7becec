//! Secrets in any text, and keys and certificates in any file.

use std::collections::{BTreeMap, BTreeSet};

use credentials::Found;
use model::{Authority, Credential, Fact, Value, kinds};

use super::ci;
use super::reading::{Reading, place_of};
use crate::material;

/// Facts that a reader states of what it found.
type Says = Vec<(&'static str, String)>;

/// Of one file, so many credentials are stated; more is a gap. Each becomes a record with an identity
/// of its own, several hundred times as large as its line.
pub(super) const MAX_FOUND: usize = 10_000;

/// A credential on its way to records.
#[derive(Debug)]
pub(super) struct Stated {
    found: Found,
    says: Says,
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
    for found in all {
        state(reading, Stated { found, says: Vec::new(), is_swept: true });
    }
}

fn state(reading: &mut Reading<'_>, one: Stated) {
    if reading.stated.len() < MAX_FOUND {
        reading.stated.push(one);
    } else {
        ci::too_many(reading, format!("more than {MAX_FOUND} credentials"));
    }
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
/// they lie side by side; a reader sees one at a time, but also those that are encoded. An id takes
/// the nearest secret; a file may hold very many of both.
fn join_keys(stated: &mut Vec<Stated>) {
    let mut secrets: BTreeMap<&Says, Vec<(u32, usize)>> = BTreeMap::new();
    for (n, one) in stated.iter().enumerate().filter(|(_, one)| is_secret_alone(&one.found)) {
        secrets.entry(&one.says).or_default().push((one.found.line, n));
    }
    for lines in secrets.values_mut() {
        lines.sort_unstable();
    }
    let pairs: Vec<(usize, usize)> = stated
        .iter()
        .enumerate()
        .filter(|(_, one)| is_id_alone(&one.found))
        .filter_map(|(n, one)| Some((n, nearest(secrets.get(&one.says)?, one.found.line)?)))
        .collect();
    for (id, secret) in pairs {
        let Some(secret) = stated.get(secret).map(|one| one.found.secret.clone()) else { continue };
        if let Some(id) = stated.get_mut(id) {
            id.found.secret = secret;
            id.found.facts.insert("secret_found".into(), Fact::known(true));
        }
    }
    let is_whole = |found: &Found| is_id(found) && !is_id_alone(found);
    let whole = || stated.iter().map(|one| &one.found).filter(|found| is_whole(found));
    let ids: BTreeSet<_> = whole().filter_map(|found| found.public_id.as_deref()).collect();
    let secrets: BTreeSet<_> = whole().map(|found| found.secret.reveal().as_slice()).collect();
    let is_part = |found: &Found| {
        secrets.contains(found.secret.reveal().as_slice())
            || is_id_alone(found) && found.public_id.as_deref().is_some_and(|id| ids.contains(id))
    };
    let keeps: Vec<bool> =
        stated.iter().map(|one| is_whole(&one.found) || !is_part(&one.found)).collect();
    let mut keeps = keeps.into_iter();
    stated.retain(|_| keeps.next().unwrap_or(true));
}

fn is_id(found: &Found) -> bool {
    found.rule == "aws-access-key"
}

fn is_id_alone(found: &Found) -> bool {
    is_id(found) && found.secret.reveal().is_empty()
}

fn is_secret_alone(found: &Found) -> bool {
    found.rule == "assigned-secret"
        && found.secret.reveal().len() == AWS_SECRET_BYTES
        && found.name.as_deref().is_some_and(says_secret_key)
}

/// Among things in the order of their lines, the one nearest to a line.
fn nearest(lines: &[(u32, usize)], line: u32) -> Option<usize> {
    let after = lines.partition_point(|(other, _)| *other < line);
    let before = after.checked_sub(1).and_then(|n| lines.get(n));
    let found = before.into_iter().chain(lines.get(after));
    found.min_by_key(|(other, _)| other.abs_diff(line)).map(|(_, n)| *n)
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
    state(reading, Stated { found, says, is_swept: false });
}

/// Certificates and keys within a value.
fn embedded(reading: &mut Reading<'_>, held: &Held<'_>) {
    let place = reading.place();
    let (mut batch, gaps) =
        material::containers(held.value, reading.at(&place), &reading.folder.rounds);
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
    let (at, rounds) = (reading.at(&place), &reading.folder.rounds);
    let (batch, gaps) = material::containers(reading.file.bytes, at, rounds);
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
