//! A temporary folder as a machine's root, and connectors that read it.

use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

use connectors::{Descriptor, Machine, Request, Settings, SourceError};
use model::{Batch, Fingerprinter, Secret, Time};

/// 2026-11-22, when every test of this crate happens.
pub const NOW: Time = Time::from_seconds(1_795_305_600);

/// Deeper than this, or with longer names, a made-up path is not put into a folder.
const MAX_COMPONENTS: usize = 8;
const MAX_COMPONENT_BYTES: usize = 100;

/// A folder that is gone with this value; in memory where the machine has such a place.
pub fn temporary() -> std::io::Result<tempfile::TempDir> {
    let in_memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("tutela-test-");
    if in_memory.is_dir() { builder.tempdir_in(in_memory) } else { builder.tempdir() }
}

/// Everything a connector says of a machine with this root.
pub fn discover(
    connector: &Descriptor,
    root: &Path,
    settings: &Settings,
) -> Result<Batch, SourceError> {
    discover_on("machine", connector, root, settings)
}

/// The same of the machine with this id.
pub fn discover_on(
    machine: &str,
    connector: &Descriptor,
    root: &Path,
    settings: &Settings,
) -> Result<Batch, SourceError> {
    let machine = Machine { id: machine.into(), name: "test".into(), root: root.into() };
    let fingerprinter = Fingerprinter::new(Secret::new([7; 32]));
    let request = Request {
        settings,
        machine: &machine,
        now: NOW,
        fingerprinter: Some(&fingerprinter),
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    };
    let mut whole = Batch::default();
    (connector.discover)(&request, &mut |batch| whole.extend(batch))?;
    whole.settle();
    Ok(whole)
}

/// The path of an input, when it is one that can be put into a folder.
pub fn relative(path: &[u8]) -> Option<PathBuf> {
    let path = Path::new(std::str::from_utf8(path).ok()?);
    let is_name = |part: Component<'_>| match part {
        Component::Normal(name) => {
            name.len() <= MAX_COMPONENT_BYTES && !name.as_encoded_bytes().contains(&0)
        }
        _ => false,
    };
    let n_components = path.components().count();
    let fits = (1..=MAX_COMPONENTS).contains(&n_components) && path.components().all(is_name);
    fits.then(|| path.into())
}

/// Writes a file and the folders above it.
pub fn write(root: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}

/// Every file below a folder with its path from there, sorted.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(path),
                Ok(kind) if kind.is_file() => {
                    let below = path.strip_prefix(folder).unwrap_or(&path).to_owned();
                    files.extend(std::fs::read(&path).ok().map(|bytes| (below, bytes)));
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}
