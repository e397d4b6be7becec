//! Pipelines, manifests and secrets in a folder or git checkout.
//!
//! `walk` opens every file once, `shape` says which reader it is for, each reader adds records to
//! its `Reading`, `checkout` and `history` say which repository it belongs to, and `owners` who
//! answers for it. Nothing read here is ever executed or obeyed. Start with [`discover`].

mod blame;
mod checkout;
mod ci;
mod ci_azure;
mod ci_github;
mod ci_gitlab;
mod ci_hosted;
mod ci_jenkins;
mod cloud;
mod docker;
mod history;
mod kubernetes;
mod owners;
mod reading;
mod secrets;
mod shape;
mod variables;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use credentials::pkcs12::Rounds;
use model::{Batch, Coverage, Gap, Scope};

use self::checkout::{Checkout, Checkouts};
use self::reading::{File, Folder, Reading};
use self::walk::{Options, Walk};
use crate::contract::{Descriptor, Outbox, Permission, Request, Setting, SettingKind, SourceError};
use crate::files::{Links, Tree, shown};
use crate::{material, outlet};

pub use self::walk::{MAX_FILE_BYTES, MAX_FOLDER_DEPTH, VENDORED};

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "repository",
    title: "Repository or folder",
    summary: "Pipelines, manifests, secrets and keys in folders and git checkouts.",
    settings: &[
        Setting {
            name: "paths",
            kind: SettingKind::Paths,
            default: "",
            help: "Folders or single files to read.",
        },
        Setting {
            name: "exclude",
            kind: SettingKind::List,
            default: "",
            help: "Files and folders to leave out, as patterns in the syntax of .gitignore. No file of a scanned folder can say so itself.",
        },
        Setting {
            name: "include_vendored",
            kind: SettingKind::Truth,
            default: "false",
            help: "Also read folders of other people's code and build output (node_modules, vendor, target …; the README lists them).",
        },
        Setting {
            name: "max_file_bytes",
            kind: SettingKind::Number,
            default: "1073741824",
            help: "Files larger than this are not searched and are reported as a gap.",
        },
        Setting {
            name: "history",
            kind: SettingKind::Truth,
            default: "true",
            help: "Read git history for evidence of who owns a definition.",
        },
    ],
    permissions: &[Permission {
        name: "read files",
        reads: "every file below the given paths, and the `.git` of the checkouts they are in",
        grant: "run as a user who may read them: setfacl -R -m u:tutela:rX PATH",
    }],
    kinds: &[],
    discover,
    test,
};

/// One asked path, resolved.
struct Asked {
    /// The folder that is opened: the path itself, or the parent of a single file.
    folder: PathBuf,
    file: Option<PathBuf>,
    /// As seen from inside the machine.
    name: String,
    base: String,
}

fn discover(request: &Request<'_>, out: Outbox<'_>) -> Result<(), SourceError> {
    let options = Options {
        include_vendored: request.settings.truth("include_vendored").unwrap_or(false),
        max_file_bytes: request.settings.number("max_file_bytes").unwrap_or(MAX_FILE_BYTES),
        exclude: walk::exclusions(request.settings.list("exclude")).map_err(|problem| {
            SourceError::Protocol(format!("the setting `exclude`: {problem}"))
        })?,
    };
    let paths = request.settings.list("paths");
    let mut problems = Vec::new();
    for path in paths {
        if request.is_cancelled() {
            return Err(SourceError::Cancelled);
        }
        match resolve(request, Path::new(path)) {
            Ok(asked) => out(read(request, &asked, &options)),
            Err(gap) => {
                let scope = Scope::new("file", &request.machine.id, "folder", path.as_str());
                let mut coverage = Coverage::new(scope);
                coverage.truncated = true;
                coverage.miss(gap.clone());
                problems.push(gap);
                out(Batch { coverage: vec![coverage], ..Batch::default() });
            }
        }
    }
    match problems.first() {
        Some(gap) if problems.len() == paths.len() => Err(unreadable(gap)),
        _ => Ok(()),
    }
}

fn test(request: &Request<'_>) -> Result<String, SourceError> {
    let paths = request.settings.list("paths");
    let mut n_entries = 0;
    for path in paths {
        let asked = resolve(request, Path::new(path)).map_err(|gap| unreadable(&gap))?;
        let tree = Tree::open(&asked.folder).map_err(|gap| unreadable(&gap))?;
        let listed = tree.list(Path::new(""), Links::Refuse).map_err(|gap| unreadable(&gap))?;
        n_entries += listed.0.len();
    }
    Ok(format!("{} paths with {n_entries} entries", paths.len()))
}

fn unreadable(gap: &Gap) -> SourceError {
    match &gap.missing {
        Some(missing) => SourceError::Forbidden { missing: format!("{missing} on {}", gap.locus) },
        None => SourceError::NotFound(gap.locus.clone()),
    }
}

/// The folder or file a person named: links in the name itself are followed, since they chose it.
fn resolve(request: &Request<'_>, path: &Path) -> Result<Asked, Gap> {
    let failed = |error: &std::io::Error| {
        let reason = match error.kind() {
            std::io::ErrorKind::PermissionDenied => model::GapReason::Denied,
            std::io::ErrorKind::NotFound => model::GapReason::NotFound,
            _ => model::GapReason::Failed,
        };
        let gap = Gap::new(shown(path), reason).detail(error.to_string());
        match reason {
            model::GapReason::Denied => gap.missing("read permission"),
            _ => gap,
        }
    };
    let real = path.canonicalize().map_err(|error| failed(&error))?;
    let is_folder = real.metadata().map_err(|error| failed(&error))?.is_dir();
    let (folder, file) = match (is_folder, real.parent(), real.file_name()) {
        (false, Some(parent), Some(name)) => (parent.to_owned(), Some(PathBuf::from(name))),
        _ => (real.clone(), None),
    };
    let root = request.machine.root.canonicalize().unwrap_or_else(|_| PathBuf::from("/"));
    let inside = |path: &Path| match path.strip_prefix(&root) {
        Ok(relative) => shown(&Path::new("/").join(relative)),
        Err(_) => shown(path),
    };
    Ok(Asked { name: inside(&real), base: inside(&folder), folder, file })
}

fn read(request: &Request<'_>, asked: &Asked, options: &Options) -> Batch {
    let scope = Scope::new("file", &request.machine.id, "folder", asked.name.as_str());
    let mut coverage = Coverage::new(scope.clone());
    let tree = match Tree::open(&asked.folder) {
        Ok(tree) => tree,
        Err(gap) => {
            coverage.truncated = true;
            coverage.miss(gap);
            return Batch { coverage: vec![coverage], ..Batch::default() };
        }
    };
    request.report(asked.name.as_str(), 0, None);
    let machine = request.machine.id.as_str();
    let folder = Folder {
        scope: scope.id,
        base: asked.base.clone(),
        machine,
        fingerprinter: request.fingerprinter,
        rounds: Rounds::default(),
    };
    let checkouts = Checkouts::new(&tree, scope.id, machine, &asked.base);
    let walk = Walk::new(&tree, request, &folder, &checkouts, options);
    let walked = match &asked.file {
        Some(file) => walk.file(file.clone()),
        None => walk.folder(),
    };
    tracing::debug!(scope = asked.name, files = walked.n_read, bytes = walked.n_bytes, "walked");
    let mut batch = walked.batch;
    let too_many_actions = kubernetes::bind(scope.id, &walked.parts, &mut batch);
    coverage.truncated = walked.truncated;
    coverage.asked = walked.n_read;
    coverage.got = walked.n_read;
    coverage.asked += walked.n_more_gaps;
    coverage.n_more_gaps = walked.n_more_gaps;
    material::match_keys(&mut batch.credentials);
    let (all, mut gaps) = checkouts.finish();
    for checkout in &all {
        batch.extend(remote_secrets(&folder, checkout));
    }
    let with_history = request.settings.truth("history").unwrap_or(true);
    gaps.extend(owners::assign(request, scope.id, &all, with_history, &mut batch));
    for gap in walked.gaps.into_iter().chain(gaps).chain(too_many_actions) {
        coverage.miss(gap);
    }
    for checkout in all {
        if batch.places.iter().any(|place| place.container == Some(checkout.place.id))
            || checkout.git.is_some()
        {
            batch.places.push(checkout.place.clone());
        }
    }
    batch.coverage.push(coverage);
    outlet::settle(&mut batch);
    batch
}

/// A remote's address with a token in it, in the checkout's own configuration.
fn remote_secrets(folder: &Folder<'_>, checkout: &Arc<Checkout>) -> Batch {
    let Some(git) = checkout.git.as_ref().filter(|_| checkout.prefix.is_empty()) else {
        return Batch::default();
    };
    let read = git.common.read(Path::new("config"), checkout::MAX_GIT_FILE_BYTES, Links::Refuse);
    let Ok(content) = read else { return Batch::default() };
    let name = format!("{}/config", git.locus);
    let file = File {
        path: Path::new(&name),
        shown: &name,
        bytes: &content.bytes,
        meta: content.meta,
        checkout: Arc::clone(checkout),
    };
    let mut reading = Reading::new(folder, &file);
    secrets::swept(&mut reading, secrets::sweep(&content.bytes, 0, content.bytes.len()));
    reading.finish().0
}
