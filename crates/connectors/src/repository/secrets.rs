//! Secrets in any text, and keys and certificates in any file.

use super::reading::Reading;
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
        let place = reading.place();
        let (credential, identity) = material::found(&found, reading.at(&place));
        reading.batch.credentials.push(credential);
        reading.batch.identities.push(identity);
    }
}

/// Certificates, private keys and key stores.
pub(super) fn containers(reading: &mut Reading<'_>) {
    let place = super::reading::place_of(reading.folder, reading.file);
    let (batch, gaps) = material::containers(reading.file.bytes, reading.at(&place));
    if batch.n_records() > 0 {
        reading.place();
        reading.batch.extend(batch);
    }
    reading.gaps.extend(gaps);
}
