//! Credentials that systemd hands to services (systemd.exec(5), "Credentials"): the stores, and
//! what units load from files or set in their own text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::kinds;
use model::{Batch, Credential, Evidence, Fact, Identity, Scope};

use super::names::{LINUX, Names};
use super::reading::{File, Reader};
use super::secrets;
use super::systemd::{Assigned, Unit, Units};
use super::unit_file::{unescaped, unit_name};
use crate::files::Meta;
use crate::material;

/// The stores, most important first, and whether what they hold is encrypted.
const STORES: &[(&str, bool)] = &[
    ("/etc/credstore", false),
    ("/run/credstore", false),
    ("/usr/local/lib/credstore", false),
    ("/usr/lib/credstore", false),
    ("/etc/credstore.encrypted", true),
    ("/run/credstore.encrypted", true),
    ("/usr/local/lib/credstore.encrypted", true),
    ("/usr/lib/credstore.encrypted", true),
];

/// A file that a store holds or a unit loads.
#[derive(Debug)]
struct Stored {
    file: Option<File>,
    meta: Option<Meta>,
    path: String,
    is_encrypted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Stores {
    stored: Vec<Stored>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// From an absolute path, or by name from the stores.
    Load { is_encrypted: bool },
    /// The value stands in the unit.
    Set { is_encrypted: bool },
    /// By a pattern of names from the stores.
    Import,
}

/// One assignment of a unit that gives it a credential.
#[derive(Debug)]
pub(super) struct Use<'a> {
    pub id: String,
    how: How,
    /// Path, value or pattern; a value is secret.
    argument: String,
    assigned: Assigned<'a>,
}

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new(LINUX, machine, "systemd-creds", "systemd credentials")
}

/// What a unit is given.
pub(super) fn uses_of(unit: &Unit) -> Vec<Use<'_>> {
    const KEYS: &[(&str, How)] = &[
        ("LoadCredential", How::Load { is_encrypted: false }),
        ("LoadCredentialEncrypted", How::Load { is_encrypted: true }),
        ("SetCredential", How::Set { is_encrypted: false }),
        ("SetCredentialEncrypted", How::Set { is_encrypted: true }),
        ("ImportCredential", How::Import),
    ];
    let Some(name) = unit_name(&unit.name) else { return Vec::new() };
    let mut uses = Vec::new();
    for (key, how) in KEYS {
        for assigned in unit.list("Service", key) {
            let (id, argument) =
                assigned.value.split_once(':').unwrap_or((assigned.value, assigned.value));
            // A value is not expanded here: what is in it is not ours to interpret.
            let argument = match how {
                How::Set { .. } => unescaped(argument),
                How::Load { .. } => name.expand(argument).unwrap_or_else(|| argument.to_owned()),
                How::Import => id.to_owned(),
            };
            let id = name.expand(id).unwrap_or_else(|| id.to_owned());
            uses.push(Use { id, how: *how, argument, assigned });
        }
    }
    uses
}

pub(super) fn read(reader: &mut Reader<'_>, units: &Units) -> Stores {
    let mut stores = Stores::default();
    for (folder, is_encrypted) in STORES {
        for entry in reader.list(Path::new(folder)) {
            let is_file = reader.is_file(&entry.path);
            if is_file && let Some(file) = reader.required(&entry.path) {
                stores.push(file, *is_encrypted);
            }
        }
    }
    let mut paths = BTreeMap::new();
    for unit in &units.units {
        let mut n_refused = 0;
        for used in uses_of(unit) {
            match used.how {
                How::Load { is_encrypted } if used.argument.starts_with('/') => {
                    if unit.may_name(&used.argument) {
                        paths.insert(used.argument, is_encrypted);
                    } else {
                        n_refused += 1;
                    }
                }
                _ => {}
            }
        }
        unit.refuse(n_refused, reader);
    }
    for (path, is_encrypted) in paths {
        let Some(meta) = reader.meta(Path::new(&path)) else { continue };
        if meta.is_file() {
            if let Some(file) = reader.required(Path::new(&path)) {
                stores.push(file, is_encrypted);
            } else {
                stores.stored.push(Stored { file: None, meta: Some(meta), path, is_encrypted });
            }
        }
    }
    stores
}

impl Stores {
    fn push(&mut self, file: File, is_encrypted: bool) {
        let (meta, path) = (Some(file.meta), file.path.clone());
        self.stored.push(Stored { file: Some(file), meta, path, is_encrypted });
    }
}

pub(super) fn normalize(stores: &Stores, units: &Units, names: Names<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut users: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for unit in &units.units {
        for used in uses_of(unit) {
            if let How::Set { is_encrypted } = used.how {
                set_in_unit(unit, &used, is_encrypted, names, &mut batch);
                continue;
            }
            let mut is_found = false;
            for stored in &stores.stored {
                if used.means(stored) && unit.may_name(&stored.path) {
                    users.entry(&stored.path).or_default().insert(unit.native_id());
                    is_found = true;
                }
            }
            // A bare name that no store holds is an offer (systemd.exec(5)): the vendor's units
            // make many that nobody takes up.
            if !is_found && used.argument.starts_with('/') {
                referred_to(unit, &used, names, &mut batch);
            }
        }
    }
    let mut seen = BTreeSet::new();
    for stored in &stores.stored {
        if seen.insert(stored.path.as_str()) {
            let units = users.get(stored.path.as_str()).cloned().unwrap_or_default();
            stored.state(&units, names, &mut batch);
        }
    }
    batch
}

impl Use<'_> {
    fn means(&self, stored: &Stored) -> bool {
        let name = stored.path.rsplit('/').next().unwrap_or_default();
        match self.how {
            How::Load { .. } if self.argument.starts_with('/') => self.argument == stored.path,
            How::Load { is_encrypted } => {
                self.argument == name && (!stored.is_encrypted || is_encrypted)
            }
            How::Import => match self.argument.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == self.argument,
            },
            How::Set { .. } => false,
        }
    }
}

impl Stored {
    fn state(&self, units: &BTreeSet<String>, names: Names<'_>, batch: &mut Batch) {
        if self.state_recognised(units, names, batch) {
            return;
        }
        let kind = if self.is_encrypted { kinds::ENCRYPTED_CREDENTIAL } else { kinds::SECRET };
        let mut credential =
            Credential::new(kind, "systemd", names.machine, &self.path, names.scope);
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.clone_into(&mut credential.name);
        credential.loci.push(self.path.clone());
        let place = names.place(&self.path, self.meta);
        credential.places.push(place.stored_at(None, None));
        credential.fact("encrypted", Fact::known(self.is_encrypted));
        if let Some(meta) = self.meta {
            credential.fact("exposure", meta.exposure_fact());
        }
        match (&self.file, names.fingerprinter) {
            (Some(file), Some(fingerprinter)) if !self.is_encrypted => {
                credential.fingerprint = Some(fingerprinter.of(file.bytes.trim_ascii()));
            }
            _ => {}
        }
        if let Some(unit) = units.first() {
            let id = Identity::id_of(kinds::SYSTEMD_SERVICE, LINUX, names.machine, unit);
            credential.identity = Some(id);
        }
        credential.fact("used_by", secrets::used_by(units));
        unsaid_times(&mut credential);
        batch.credentials.push(credential);
        batch.places.push(place);
    }
}

impl Stored {
    /// A certificate or key that is handed to a service is the same one as where it lies.
    fn state_recognised(
        &self,
        units: &BTreeSet<String>,
        names: Names<'_>,
        batch: &mut Batch,
    ) -> bool {
        let Some(file) = self.file.as_ref().filter(|_| !self.is_encrypted) else { return false };
        let place = names.place(&file.path, Some(file.meta));
        let at = names.at(&place, &file.path, Some(file.meta));
        let (mut recognised, _) = material::containers(&file.bytes, at, names.rounds);
        if recognised.credentials.is_empty() {
            return false;
        }
        for credential in &mut recognised.credentials {
            credential.fact("used_by", secrets::used_by(units));
        }
        batch.extend(recognised);
        true
    }
}

/// A credential whose value stands in the unit itself, where everyone may read it.
fn set_in_unit(
    unit: &Unit,
    used: &Use<'_>,
    is_encrypted: bool,
    names: Names<'_>,
    batch: &mut Batch,
) {
    let kind = if is_encrypted { kinds::ENCRYPTED_CREDENTIAL } else { kinds::SECRET };
    let file = used.assigned.file;
    let native_id = format!("{}#{}", file.path, used.id);
    let mut credential = Credential::new(kind, "systemd", names.machine, native_id, names.scope);
    credential.name.clone_from(&used.id);
    credential.loci.push(file.path.clone());
    let place = names.place(&file.path, Some(file.meta));
    let pointer = if is_encrypted { "SetCredentialEncrypted" } else { "SetCredential" };
    credential
        .places
        .push(place.stored_at(Some(used.assigned.line), Some(format!("{pointer}={}", used.id))));
    credential.fact("encrypted", Fact::known(is_encrypted));
    credential.fact("exposure", file.meta.exposure_fact());
    if let Some(fingerprinter) = names.fingerprinter.filter(|_| !is_encrypted) {
        credential.fingerprint = Some(fingerprinter.of(used.argument.trim().as_bytes()));
    }
    credential.identity = Some(service_id(unit, names));
    credential.fact("used_by", Fact::known(vec![unit.native_id()]));
    unsaid_times(&mut credential);
    batch.credentials.push(credential);
    batch.places.push(place);
}

/// A credential that a unit loads and that was not found here: a socket, a file that comes later.
fn referred_to(unit: &Unit, used: &Use<'_>, names: Names<'_>, batch: &mut Batch) {
    let native_id = format!("{}#{}", unit.native_id(), used.id);
    let kind = kinds::SECRET_REFERENCE;
    let mut credential = Credential::new(kind, "systemd", names.machine, native_id, names.scope);
    credential.name.clone_from(&used.id);
    let file = used.assigned.file;
    credential.loci.push(file.path.clone());
    credential.fact("refers_to", Fact::known(used.argument.as_str()));
    credential.fact("used_by", Fact::known(vec![unit.native_id()]));
    credential.identity = Some(service_id(unit, names));
    credential.evidence.push(Evidence::at(&file.path).line(used.assigned.line));
    let place = names.place(&file.path, Some(file.meta));
    credential.places.push(place.stored_at(Some(used.assigned.line), None));
    unsaid_times(&mut credential);
    batch.credentials.push(credential);
    batch.places.push(place);
}

fn service_id(unit: &Unit, names: Names<'_>) -> model::IdentityId {
    Identity::id_of(kinds::SYSTEMD_SERVICE, LINUX, names.machine, &unit.native_id())
}

fn unsaid_times(credential: &mut Credential) {
    let why = "a systemd credential is plain bytes to the host";
    credential.created_at = Fact::not_observable(why);
    credential.expires_at = Fact::not_observable(why);
    credential.last_used_at = Fact::not_observable(why);
}
