//! One file on its way to records: where it lies, what it holds, and the batch it becomes.
//!
//! Readers get a [`Reading`] and add to it; they open nothing. Everything they state carries the
//! file as locus and evidence, so a reader says only what and on which line.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use credentials::pkcs12::Rounds;
use model::fact::Text;
use model::kinds::{self, IdentityKind, PlaceKind};
use model::purpose::{PURPOSE, purpose_of};
use model::{
    Authority, Batch, Evidence, Fingerprinter, Gap, GapReason, Identity, IdentityId, Place, ScopeId,
};

use super::checkout::Checkout;
use super::kubernetes::Parts;
use super::secrets::{self, Stated};
use crate::address::public_text;
use crate::files::Meta;
use crate::material::At;

/// What a file multiplies (jobs by branches, verbs by names) is read and stated again up to this
/// many bytes, all together; the rest is a gap.
pub(super) const MAX_REPEATED_BYTES: usize = 32 << 20;

/// The asked folder, as readers need to know it.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    pub scope: ScopeId,
    /// Its absolute path as seen from inside the machine.
    pub base: String,
    pub machine: &'a str,
    pub fingerprinter: Option<&'a Fingerprinter>,
    /// For the key stores of the whole folder.
    pub rounds: Rounds,
}

/// A file, read.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// Relative to the asked folder.
    pub path: &'a Path,
    /// The same, as people, gaps and loci name it.
    pub shown: &'a str,
    pub bytes: &'a [u8],
    pub meta: Meta,
    pub checkout: Arc<Checkout>,
}

#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub folder: &'a Folder<'a>,
    pub file: &'a File<'a>,
    pub batch: Batch,
    pub gaps: Vec<Gap>,
    pub parts: Parts,
    pub stated: Vec<Stated>,
    place: Option<Place>,
    /// What is left of [`MAX_REPEATED_BYTES`].
    repeatable: usize,
    /// The names on lines that may use one, with their lines, in order.
    names: OnceCell<Vec<(&'a [u8], u32)>>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(folder: &'a Folder<'a>, file: &'a File<'a>) -> Self {
        Self {
            folder,
            file,
            batch: Batch::default(),
            gaps: Vec::new(),
            parts: Parts::default(),
            stated: Vec::new(),
            place: None,
            repeatable: MAX_REPEATED_BYTES,
            names: OnceCell::new(),
        }
    }

    /// The records, with the file's own place when anything lies in it.
    pub(super) fn finish(mut self) -> (Batch, Vec<Gap>, Parts) {
        secrets::settle(&mut self);
        if let Some(place) = self.place.take() {
            self.batch.places.push(place);
        }
        (self.batch, self.gaps, self.parts)
    }

    /// The file's text; what is not UTF-8 in it is replaced.
    pub(super) fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.file.bytes)
    }

    /// The line, at or after `from`, on which a name is used; `from` when it is on none. A block of
    /// text starts on one line and uses names on many.
    pub(super) fn line_of(&self, from: u32, name: &str) -> u32 {
        let names = self.names.get_or_init(|| names_of(self.file.bytes));
        let first = names.partition_point(|known| *known < (name.as_bytes(), from));
        names
            .get(first)
            .filter(|(known, _)| *known == name.as_bytes())
            .map_or(from, |(_, line)| *line)
    }

    /// Path within the checkout: what definitions are named by.
    pub(super) fn path_in_checkout(&self) -> String {
        self.file.checkout.within(self.file.shown)
    }

    /// `owner/repo`, or the folder's name.
    pub(super) fn repository(&self) -> &'a str {
        &self.file.checkout.name
    }

    pub(super) fn evidence(&self, line: u32, shows: impl Into<Text>) -> Evidence {
        Evidence::at(self.file.shown).line(line).shows(shows)
    }

    pub(super) fn loci(&self) -> Vec<String> {
        vec![self.file.shown.to_owned()]
    }

    /// An identity that this file declares.
    pub(super) fn declared(
        &self,
        kind: &'static IdentityKind,
        system: impl Into<Text>,
        instance: &str,
        native_id: &str,
        line: u32,
    ) -> Identity {
        let (instance, native_id) = (public_text(instance), public_text(native_id));
        let mut identity = Identity::new(kind, system, instance, native_id, self.folder.scope);
        identity.authority = Authority::Declared;
        identity.loci = self.loci();
        identity.evidence.push(self.evidence(line, "declared here"));
        identity
    }

    /// An identity that this file only refers to, stated so that the reference does not dangle.
    pub(super) fn mention(
        &mut self,
        kind: &'static IdentityKind,
        system: &'static str,
        instance: &str,
        native_id: &str,
        line: u32,
    ) -> IdentityId {
        let mut identity = self.declared(kind, system, instance, native_id, line);
        identity.authority = Authority::Mentioned;
        identity.evidence = vec![self.evidence(line, "named here")];
        let id = identity.id;
        self.batch.identities.push(identity);
        id
    }

    /// The file as a place; asking for it makes it part of the result.
    pub(super) fn place(&mut self) -> Place {
        if self.place.is_none() {
            self.place = Some(place_of(self.folder, self.file));
        }
        self.place.clone().unwrap_or_else(|| place_of(self.folder, self.file))
    }

    /// Where material of this file is found, for [`crate::material`].
    pub(super) fn at<'b>(&'b self, place: &'b Place) -> At<'b> {
        At {
            scope: self.folder.scope,
            place,
            locus: self.file.shown,
            meta: Some(self.file.meta),
            machine: self.folder.machine,
            fingerprinter: self.folder.fingerprinter,
        }
    }

    /// Gives the whole file to a reader of another connector; its place is ours to state.
    pub(super) fn handed_on(
        &mut self,
        kind: &'static PlaceKind,
        read: impl FnOnce(&[u8], At<'_>) -> (Batch, Vec<Gap>),
    ) {
        let file = place_of(self.folder, self.file);
        let mut place = Place::new(
            kind,
            "file",
            self.folder.machine,
            file.native_id.clone(),
            self.folder.scope,
        );
        place.path.clone_from(&file.path);
        place.loci.clone_from(&file.loci);
        place.facts.clone_from(&file.facts);
        place.container = file.container;
        let (batch, gaps) = read(self.file.bytes, self.at(&place));
        self.gaps.extend(gaps);
        if batch.n_records() > 0 {
            self.batch.extend(batch);
            self.batch.places.push(place);
        }
    }

    /// Asks to state or read something of the file once more; the first refusal is a gap.
    pub(super) fn may_repeat(&mut self, n_bytes: usize) -> bool {
        if let Some(left) = self.repeatable.checked_sub(n_bytes) {
            self.repeatable = left;
            return true;
        }
        let detail = format!("multiplies to more than {MAX_REPEATED_BYTES} bytes");
        super::ci::too_many(self, detail);
        false
    }

    pub(super) fn gap(&mut self, reason: GapReason, detail: impl Into<Text>) {
        self.gaps.push(Gap::new(self.file.shown, reason).detail(detail));
    }
}

/// Words on the lines with a `$` or an expression of secrets: there names are used.
fn names_of(bytes: &[u8]) -> Vec<(&[u8], u32)> {
    let mut names = Vec::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1_u32..) {
        let is_used = line.contains(&b'$') || memchr::memmem::find(line, b"secrets").is_some();
        if is_used {
            let words = line.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
            names.extend(words.filter(|word| word.len() > 1).map(|word| (word, number)));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn place_of(folder: &Folder<'_>, file: &File<'_>) -> Place {
    let native_id = join(&folder.base, file.shown);
    let mut place = Place::new(kinds::PLACE_FILE, "file", folder.machine, native_id, folder.scope);
    file.shown.clone_into(&mut place.path);
    place.loci = vec![file.shown.to_owned()];
    place.container = Some(file.checkout.place.id);
    place.fact("mode", file.meta.mode_fact());
    place.fact("exposure", file.meta.exposure_fact());
    place.fact("tracked", file.checkout.tracked(file.shown));
    place.fact(PURPOSE, purpose_of(&file.checkout.within(file.shown)));
    place
}

/// A path below a folder, as text.
pub(super) fn join(base: &str, path: &str) -> String {
    match (base.strip_suffix('/').unwrap_or(base), path) {
        (base, "") => base.to_owned(),
        (base, path) => format!("{base}/{path}"),
    }
}
