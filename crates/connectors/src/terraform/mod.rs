//! Terraform and OpenTofu: what state and plan files declare, and the secrets that stand in them.
//!
//! [`state`] reads the formats and hands on one [`resource`] at a time; each provider's file has a
//! table of the resource types it knows; [`reading`] is where secret values become fingerprints;
//! what no table knows goes through [`sweep`]. The file is read twice: the first pass ([`index`])
//! learns what resources say of each other.

mod aws;
mod azure;
mod databases;
mod forges;
mod generated;
mod google;
mod index;
mod kubernetes;
mod reading;
mod resource;
mod state;
mod sweep;
#[cfg(test)]
mod tests;
mod vault;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use model::kinds::{self, CredentialKind};
use model::purpose::{PURPOSE, purpose_of};
use model::{Batch, Coverage, Fact, Gap, GapReason, Place, Scope};

use self::index::Index;
use self::reading::Reading;
use self::resource::Resource;
use self::state::{MAX_BYTES, Problem, Sink};
use crate::contract::{Descriptor, Outbox, Permission, Request, Setting, SettingKind, SourceError};
use crate::files::{Links, Meta, Tree, shown};
use crate::material::At;
use crate::outlet;

/// Folders nested deeper than this are not looked into.
const MAX_FOLDERS: usize = 32;
/// More files than this in one path are not read.
const MAX_FILES: usize = 10_000;
/// Addresses of one state beyond this are not told apart when they stand twice.
const MAX_ADDRESSES: usize = 1_000_000;
/// Folders that hold other people's things, or nothing to read.
const SKIPPED: &[&str] = &[".git", "node_modules", "target"];

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "terraform",
    title: "Terraform",
    summary: "Identities, rights, trusts and secrets in Terraform and OpenTofu state and plan files.",
    settings: &[Setting {
        name: "paths",
        kind: SettingKind::Paths,
        default: ".",
        help: "State files, plans as JSON, or folders with *.tfstate in them",
    }],
    permissions: &[Permission {
        name: "read the state",
        reads: "the files or folders given as `paths`",
        grant: "terraform state pull > x.tfstate, by somebody who may read the backend",
    }],
    kinds: &[],
    discover,
    test,
};

/// A resource type and what reads it.
type Row = (&'static str, fn(&mut Reading<'_>, &Resource));

const TABLES: &[&[Row]] = &[
    aws::ROWS,
    azure::ROWS,
    google::ROWS,
    kubernetes::ROWS,
    forges::ROWS,
    vault::ROWS,
    databases::ROWS,
    generated::ROWS,
];

/// Whether a file of this name is a state: `*.tfstate`, `*.tfstate.backup`, `errored.tfstate`,
/// `terraform.tfstate.1700000000.backup`.
pub fn is_state(file_name: &str) -> bool {
    file_name.ends_with(".tfstate")
        || file_name.contains(".tfstate.") && file_name.ends_with(".backup")
}

/// The records of one state or plan that another connector met, and what could not be read of it.
///
/// `at.place` is the file itself; it should be of kind `PLACE_STATE`. It is not put in the batch,
/// since the caller knows more of it. The batch is settled and has no coverage.
pub fn read_file(bytes: &[u8], at: At<'_>) -> (Batch, Vec<Gap>) {
    read_twice(&mut |sink| state::read(bytes, sink), at)
}

/// Reads a state to see what its resources say of each other, and again to state them.
fn read_twice(
    pass: &mut dyn FnMut(Sink<'_>) -> Result<state::Header, Problem>,
    at: At<'_>,
) -> (Batch, Vec<Gap>) {
    let gap = |problem: Problem| Gap::new(at.locus, problem.reason).detail(problem.detail);
    let mut index = Index::default();
    let first = pass(&mut |resource| index.add(&resource));
    let mut gaps = Vec::new();
    match first {
        Ok(header) => {
            if header.n_malformed > 0 {
                let detail = format!("{} elements that are no resources", header.n_malformed);
                gaps.push(Gap::new(at.locus, GapReason::Malformed).detail(detail));
            }
            if header.n_cut > 0 {
                let detail = format!("{} instances too large to read whole", header.n_cut);
                gaps.push(Gap::new(at.locus, GapReason::TooLarge).detail(detail));
            }
        }
        Err(problem) => {
            gaps.push(gap(problem.clone()));
            if matches!(problem.reason, GapReason::Encrypted | GapReason::Unsupported) {
                return (Batch::default(), gaps);
            }
        }
    }
    // A truncated file still gives what stands before its end.
    let mut reading = Reading::new(at, &index, workspace_of(&at.place.native_id));
    // A state put together by hand may have one address twice: two values are then two secrets.
    let mut addresses: BTreeMap<u64, u32> = BTreeMap::new();
    let second = pass(&mut |mut resource| {
        if let Some(public) = index.public_address(&resource.address) {
            resource.address = public;
        }
        let hash = blake3::hash(resource.address.as_bytes());
        let hash = hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        if addresses.len() < MAX_ADDRESSES || addresses.contains_key(&hash) {
            let nth = addresses.entry(hash).or_default();
            *nth += 1;
            if *nth > 1 {
                resource.address = format!("{} ({nth})", resource.address);
            }
        }
        read_resource(&mut reading, &resource);
    });
    if second.is_err() && gaps.is_empty() {
        gaps.extend(second.err().map(gap));
    }
    if reading.n_left_out > 0 {
        let most = reading::MAX_RIGHTS_BYTES >> 20;
        let detail = format!(
            "rights and trusts are stated up to {most} MiB; {} lists of them are left out",
            reading.n_left_out
        );
        gaps.push(Gap::new(at.locus, GapReason::TooLarge).detail(detail));
    }
    let mut batch = reading.batch;
    batch.settle();
    (batch, gaps)
}

fn read_resource(reading: &mut Reading<'_>, resource: &Resource) {
    reading.begin();
    let row = TABLES.iter().copied().flatten().find(|(kind, _)| *kind == resource.kind);
    match row {
        Some((_, read)) => read(reading, resource),
        None if google::is_binding(&resource.kind) => google::role_members(reading, resource),
        None if google::is_policy(&resource.kind) => google::policy(reading, resource),
        None => {}
    }
    sweep::sweep(reading, resource);
}

/// What a secret is by its name, when nothing else says.
fn kind_of_name(name: &str) -> &'static CredentialKind {
    let name = name.to_lowercase();
    let has = |part: &str| name.contains(part);
    if has("password") || has("passwd") || has("pwd") {
        kinds::PASSWORD
    } else if has("private_key") || has("privatekey") {
        kinds::PRIVATE_KEY
    } else if has("client_secret") {
        kinds::CLIENT_SECRET
    } else if has("connection_string") || has("connection_url") || has("dsn") {
        kinds::CONNECTION_STRING
    } else if has("webhook") {
        kinds::WEBHOOK_URL
    } else if has("refresh_token") {
        kinds::REFRESH_TOKEN
    } else if has("token") || has("api_key") || has("apikey") {
        kinds::API_TOKEN
    } else {
        kinds::SECRET
    }
}

/// `prod` of `terraform.tfstate.d/prod/terraform.tfstate`.
fn workspace_of(path: &str) -> Option<String> {
    let mut parts = path.split('/').rev().skip(1);
    let name = parts.next()?;
    (parts.next() == Some("terraform.tfstate.d")).then(|| name.to_owned())
}

fn discover(request: &Request<'_>, out: Outbox<'_>) -> Result<(), SourceError> {
    let paths = paths(request);
    let mut all = Batch::default();
    let mut n_opened = 0;
    for (n, path) in paths.iter().enumerate() {
        request.report(shown(path), n as u64, Some(paths.len() as u64));
        let scope = Scope::new("terraform", &request.machine.id, "state-files", shown(path));
        let mut coverage = Coverage::new(scope);
        if let Some(asked) = Asked::open(path, &mut coverage) {
            n_opened += 1;
            for file in asked.states(&mut coverage) {
                if request.is_cancelled() {
                    return Err(SourceError::Cancelled);
                }
                all.extend(asked.read(request, &file, &mut coverage));
            }
        }
        all.coverage.push(coverage);
    }
    if n_opened == 0 {
        let names: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        return Err(SourceError::NotFound(names.join(", ")));
    }
    // One claim for one thing, though several states (and their backups) speak of it.
    outlet::settle(&mut all);
    out(all);
    Ok(())
}

fn test(request: &Request<'_>) -> Result<String, SourceError> {
    let (mut n_states, mut n_opened) = (0, 0);
    for path in paths(request) {
        let mut coverage = Coverage::new(Scope::new("terraform", "", "state-files", shown(&path)));
        if let Some(asked) = Asked::open(&path, &mut coverage) {
            n_opened += 1;
            n_states += asked.states(&mut coverage).len();
        }
    }
    if n_opened == 0 {
        return Err(SourceError::NotFound("none of the paths can be opened".into()));
    }
    Ok(format!("{n_states} state files"))
}

fn paths(request: &Request<'_>) -> Vec<PathBuf> {
    match request.settings.list("paths") {
        [] => vec![PathBuf::from(".")],
        paths => paths.iter().map(PathBuf::from).collect(),
    }
}

/// A file that ends when the caller wants no more of it.
struct Heeding<'a, R> {
    file: R,
    request: &'a Request<'a>,
}

impl<R: Read> Read for Heeding<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.request.is_cancelled() {
            return Err(std::io::Error::other("cancelled"));
        }
        self.file.read(buffer)
    }
}

/// One path that was asked for: a folder, or the folder of the one file.
struct Asked {
    tree: Tree,
    only: Option<PathBuf>,
}

impl Asked {
    /// None when it cannot be opened; the coverage then says why.
    fn open(path: &Path, coverage: &mut Coverage) -> Option<Self> {
        let gap = match Tree::open(path) {
            Ok(tree) => return Some(Self { tree, only: None }),
            Err(gap) => gap,
        };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if let (Some(name), Ok(tree)) = (path.file_name(), Tree::open(parent))
            && tree.meta(Path::new(name), Links::Refuse).is_ok_and(Meta::is_file)
        {
            return Some(Self { tree, only: Some(PathBuf::from(name)) });
        }
        coverage.miss(gap);
        None
    }

    /// The state files in it, in order.
    fn states(&self, coverage: &mut Coverage) -> Vec<PathBuf> {
        if let Some(only) = &self.only {
            return vec![only.clone()];
        }
        let mut found = Vec::new();
        let mut folders = vec![(PathBuf::new(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let (entries, more) = match self.tree.list(&folder, Links::Refuse) {
                Ok(listed) => listed,
                Err(gap) => {
                    coverage.miss(gap);
                    continue;
                }
            };
            coverage.truncated |= more;
            for entry in entries {
                let name = entry.name.to_string_lossy();
                let meta = self.tree.meta(&entry.path, Links::Refuse);
                let is_folder = meta.is_ok_and(Meta::is_folder);
                if is_folder && !SKIPPED.contains(&name.as_ref()) {
                    if depth < MAX_FOLDERS {
                        folders.push((entry.path, depth + 1));
                    } else {
                        coverage.miss(Gap::new(shown(&entry.path), GapReason::TooDeep));
                    }
                } else if is_state(&name) && !is_folder {
                    // Links and devices too: reading them says why they are not read.
                    if found.len() == MAX_FILES {
                        coverage.truncated = true;
                        return found;
                    }
                    found.push(entry.path);
                }
            }
        }
        found.sort();
        found
    }

    fn open_state(&self, file: &Path) -> Result<(File, Meta), Gap> {
        let (opened, meta) = self.tree.open_file(file, Links::Refuse)?;
        if meta.size > MAX_BYTES {
            let detail = format!("{} bytes; states are read up to {MAX_BYTES}", meta.size);
            return Err(Gap::new(shown(file), GapReason::TooLarge).detail(detail));
        }
        Ok((opened, meta))
    }

    fn read(&self, request: &Request<'_>, file: &Path, coverage: &mut Coverage) -> Batch {
        let (opened, meta) = match self.open_state(file) {
            Ok(opened) => opened,
            Err(gap) => {
                coverage.miss(gap);
                return Batch::default();
            }
        };
        let machine = request.machine.id.as_str();
        let absolute = self.tree.path.join(file);
        let from_root = absolute.strip_prefix(&request.machine.root).unwrap_or(&absolute);
        let native_id = shown(&Path::new("/").join(from_root));
        let locus = shown(file);
        let scope = coverage.scope.id;
        let mut place = Place::new(kinds::PLACE_STATE, "file", machine, native_id, scope);
        place.path.clone_from(&locus);
        place.loci.push(locus.clone());
        place.fact("mode", meta.mode_fact());
        place.fact("owner", Fact::known(meta.uid));
        place.fact("exposure", meta.exposure_fact());
        place.fact(PURPOSE, purpose_of(&locus));
        let at = At {
            scope,
            place: &place,
            locus: &locus,
            meta: Some(meta),
            machine,
            fingerprinter: request.fingerprinter,
        };
        let mut pass = |sink: Sink<'_>| {
            let mut file = &opened;
            file.seek(SeekFrom::Start(0)).map_err(|error| Problem {
                reason: GapReason::Failed,
                detail: error.kind().to_string(),
            })?;
            // One byte more than there was: what grows meanwhile is no longer JSON, or is told below.
            let bytes = Heeding { file: file.take(meta.size.saturating_add(1)), request };
            state::read_from(BufReader::with_capacity(64 << 10, bytes), sink)
        };
        let (mut batch, mut gaps) = read_twice(&mut pass, at);
        if Meta::of(&opened).ok() != Some(meta) {
            batch = Batch::default();
            gaps = vec![Gap::new(&locus, GapReason::Changed).detail("changed while it was read")];
        }
        if gaps.is_empty() {
            coverage.read();
        }
        for gap in gaps {
            coverage.miss(gap);
        }
        batch.places.push(place);
        batch
    }
}
