//! Secrets in any text, and keys and certificates in any file.

use credentials::Found;
use model::{Authority, Credential, Fact, kinds};

use super::reading::{Reading, place_of};
use crate::material;

/// Searches the file's bytes for credentials. `line` is added to line numbers, and what starts at
/// or after `end` is left to the next piece.
pub(super) fn search(reading: &mut Reading<'_>, line: u32, end: usize) {
    let mut all = Vec::new();
    credentials::find(reading.file.bytes, &mut |mut found| {
        if found.span.start < end {
            found.line = found.line.saturating_add(line);
            all.push(found);
        }
    });
    for found in all {
        add(reading, &found, &[]);
    }
}

fn add(reading: &mut Reading<'_>, found: &Found, says: &[(&'static str, &str)]) {
    let place = reading.place();
    let (mut credential, identity) = material::found(found, reading.at(&place));
    for (key, value) in says {
        credential.fact(key, Fact::known(*value));
    }
    reading.batch.credentials.push(credential);
    reading.batch.identities.push(identity);
}

/// A value that its place says is secret.
pub(super) struct Held<'a> {
    pub name: &'a str,
    pub value: &'a [u8],
    pub line: u32,
    /// Where in the file, when the name alone does not tell.
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
    let place = reading.place();
    let (mut credential, identity) = material::found(&found, reading.at(&place));
    for stored in &mut credential.places {
        stored.pointer = Some(held.pointer.to_owned());
    }
    for (key, value) in held.says {
        credential.fact(key, Fact::known(*value));
    }
    reading.batch.credentials.push(credential);
    reading.batch.identities.push(identity);
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
    credential.name = pointer.to_owned();
    credential.authority = Authority::Declared;
    credential.loci = reading.loci();
    credential.places.push(place.stored_at(Some(line), Some(pointer.to_owned())));
    credential.fact("encrypted", Fact::known(true));
    credential.evidence.push(reading.evidence(line, "encrypted value"));
    reading.batch.credentials.push(credential);
}
