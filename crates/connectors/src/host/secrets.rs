//! Secrets that lie in the configuration of services and jobs: environment values, command lines.
//!
//! Only what the recogniser makes of them reaches a record; the text itself never does.

use std::collections::{BTreeMap, BTreeSet};

use credentials::Found;
use model::{Batch, Fact};

use super::names::Names;
use super::reading::File;
use crate::dossier::tells_secret;
use crate::material;

/// Of one file, secrets beyond this are not stated: no service has so many.
const MAX_FOUND: usize = 2_000;

/// What was found, file by file, with who is given it: one file may serve many services.
#[derive(Debug, Default)]
pub(super) struct Secrets<'a> {
    by_file: BTreeMap<&'a str, InFile<'a>>,
}

#[derive(Debug)]
struct InFile<'a> {
    file: &'a File,
    found: Vec<Found>,
    holders: Vec<BTreeSet<String>>,
}

impl<'a> InFile<'a> {
    fn of(file: &'a File) -> Self {
        Self { file, found: Vec::new(), holders: Vec::new() }
    }

    fn add(&mut self, found: Found, holder: &str) {
        let is_same =
            |earlier: &Found| (earlier.line, &earlier.secret) == (found.line, &found.secret);
        let known = self.found.iter().position(is_same);
        if let Some(holders) = known.and_then(|n| self.holders.get_mut(n)) {
            holders.insert(holder.to_owned());
        } else if self.found.len() < MAX_FOUND {
            self.found.push(found);
            self.holders.push(BTreeSet::from([holder.to_owned()]));
        }
    }
}

impl<'a> Secrets<'a> {
    /// Looks for credentials in a text of a file that begins at `line`, given to `holder`.
    pub(super) fn look(&mut self, text: &[u8], file: &'a File, line: u32, holder: &str) {
        if !credentials::might_hold(text) {
            return;
        }
        let in_file = self.by_file.entry(&file.path).or_insert_with(|| InFile::of(file));
        credentials::find(text, &mut |mut found| {
            found.line = found.line.saturating_sub(1).saturating_add(line);
            in_file.add(found, holder);
        });
    }

    /// A variable, whose name may say that its value is secret although the value looks like none:
    /// `DB_PASSWORD=…`. To be asked after [`Self::look`], which knows more of what it finds.
    pub(super) fn look_at_variable(
        &mut self,
        (name, value): (&str, &str),
        file: &'a File,
        line: u32,
        holder: &str,
    ) {
        let value = value.trim().trim_matches(['"', '\'']);
        if !tells_secret(name) || value.is_empty() || value.starts_with(['$', '%', '/']) {
            return;
        }
        if let Some(mut found) = credentials::classify(Some(name), value) {
            found.line = line;
            let in_file = self.by_file.entry(&file.path).or_insert_with(|| InFile::of(file));
            in_file.add(found, holder);
        }
    }

    /// Every credential that was found.
    pub(super) fn state(&self, names: Names<'_>, batch: &mut Batch) {
        for in_file in self.by_file.values().filter(|in_file| !in_file.found.is_empty()) {
            let file = in_file.file;
            let place = names.place(&file.path, Some(file.meta));
            let at = names.at(&place, &file.path, Some(file.meta));
            let records = material::all_found(&in_file.found, at);
            for ((mut credential, identity), holders) in records.into_iter().zip(&in_file.holders) {
                credential.fact("used_by", used_by(holders));
                batch.credentials.push(credential);
                batch.identities.push(identity);
            }
            batch.places.push(place);
        }
    }
}

/// The units and jobs that are given something.
pub(super) fn used_by(holders: &BTreeSet<String>) -> Fact<model::Value> {
    Fact::known(holders.iter().cloned().collect::<Vec<_>>())
}

/// Whether a text holds a secret, and so must not be shown.
pub(super) fn are_in(text: &str) -> bool {
    let mut holds = false;
    credentials::find(text.as_bytes(), &mut |_| holds = true);
    holds
}

/// The program of a command, without its arguments: a path or a plain word, else nothing, since
/// what has quotes or variables in it may hold anything.
pub(super) fn program(word: &str) -> Option<String> {
    const MAX_PROGRAM_CHARS: usize = 256;
    let is_plain = !word.is_empty()
        && !word.contains("://")
        && word.len() <= MAX_PROGRAM_CHARS
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "/._+-@:%".contains(c));
    is_plain.then(|| word.to_owned())
}
