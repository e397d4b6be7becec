//! Copies of the data folder: made while it is in use, checked, and put back.

use std::fs::File;
use std::io;
use std::path::Path;

use model::Time;
use serde::{Deserialize, Serialize};

use crate::engine::{Connection, Use, lock};
use crate::error::Error;
use crate::lock::{make_folder, make_new_file, open_trusted, take, trusted};
use crate::{AUDIT_FILE, ESTATE_FILE, OpenError, Result, Store, migrate};

const MANIFEST_FILE: &str = "manifest.json";

/// A manifest is a few hundred bytes; what is larger is not one.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// What is in a backup folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub made_at: Time,
    pub schema: u32,
    pub files: Vec<ManifestFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub name: String,
    pub bytes: u64,
    /// BLAKE3, hexadecimal.
    pub blake3: String,
}

fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { doing, path, source }
}

fn describe(folder: &Path, name: &str) -> Result<ManifestFile> {
    let path = folder.join(name);
    let read = || {
        let mut hasher = blake3::Hasher::new();
        let mut file = File::open(&path)?;
        let bytes = io::copy(&mut file, &mut hasher)?;
        Ok((bytes, hasher.finalize().to_hex().to_string()))
    };
    let (bytes, blake3) = read().map_err(file_error("read back a backup", &path))?;
    Ok(ManifestFile { name: name.into(), bytes, blake3 })
}

impl Store {
    /// Copies everything into a new folder while the store is in use, and checks the copy. Keys
    /// that lie outside the databases are not part of it.
    pub fn backup(&self, to: &Path, now: Time) -> Result<Manifest> {
        const DOING: &str = "make a backup";
        let other = |error| match error {
            OpenError::Store(error) => error,
            OpenError::Folder { path, source, .. } => Error::File { doing: DOING, path, source },
            OpenError::ForeignOwner { ref path, .. } | OpenError::OpenToOthers { ref path, .. } => {
                let path = path.clone();
                Error::File { doing: DOING, path, source: io::Error::other(error) }
            }
            error => Error::Database { doing: DOING, source: Box::new(error) },
        };
        if to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            let source = io::Error::new(io::ErrorKind::AlreadyExists, "the folder is not empty");
            return Err(Error::File { doing: DOING, path: to.to_owned(), source });
        }
        make_folder(to).map_err(other)?;
        // Made first and by us, so that the copy is never open to others.
        for name in [ESTATE_FILE, AUDIT_FILE] {
            drop(make_new_file(&to.join(name)).map_err(other)?);
        }
        let estate = to.join(ESTATE_FILE);
        match self.folder() {
            Some(folder) => {
                Connection::open(&folder.join(ESTATE_FILE), Use::Read)?.copy_to(&estate)?;
            }
            None => self.with_writer(|writer| writer.copy_to(&estate))?,
        }
        lock(self.audit_log()).copy_to(&to.join(AUDIT_FILE))?;
        let mut files = Vec::new();
        for name in [ESTATE_FILE, AUDIT_FILE] {
            let path = to.join(name);
            if let Some(what) = Connection::open(&path, Use::Read)?.unsound(false)? {
                return Err(Error::Corrupt { doing: DOING, what });
            }
            files.push(describe(to, name)?);
        }
        let manifest =
            Manifest { made_at: now, schema: migrate::schema_of(migrate::ESTATE), files };
        let path = to.join(MANIFEST_FILE);
        let file = make_new_file(&path).map_err(other)?;
        serde_json::to_writer_pretty(&file, &manifest)
            .map_err(io::Error::from)
            .and_then(|()| file.sync_all())
            .map_err(file_error(DOING, &path))?;
        Ok(manifest)
    }

    /// Puts a backup into a data folder that holds nothing and that nobody uses.
    pub fn restore(
        from: &Path,
        folder: &Path,
        holder: &str,
        now: Time,
    ) -> Result<Manifest, OpenError> {
        let fail = |path: &Path, doing| {
            let path = path.to_owned();
            move |source| OpenError::Folder { path, doing, source }
        };
        let corrupt =
            |path: &Path, what: String| OpenError::Corrupt { path: path.to_owned(), what };
        let meta = from.metadata().map_err(fail(from, "the backup cannot be read"))?;
        trusted(from, &meta)?;
        let manifest_path = from.join(MANIFEST_FILE);
        let manifest = open_trusted(&manifest_path)?;
        let manifest: Manifest =
            serde_json::from_reader(io::Read::take(manifest, MAX_MANIFEST_BYTES))
                .map_err(|error| corrupt(&manifest_path, error.to_string()))?;
        let known = migrate::schema_of(migrate::ESTATE);
        if manifest.schema > known {
            return Err(OpenError::TooNew { path: manifest_path, found: manifest.schema, known });
        }
        let names = [ESTATE_FILE, AUDIT_FILE];
        for name in names {
            drop(open_trusted(&from.join(name))?);
            let found = describe(from, name)?;
            if !manifest.files.contains(&found) {
                let what = format!("{name} is not the file that its manifest describes");
                return Err(corrupt(&from.join(name), what));
            }
        }
        make_folder(folder)?;
        let _held = take(folder, holder, now)?;
        if names.iter().any(|name| folder.join(name).exists()) {
            let source = io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it holds a database already; move it away first",
            );
            return Err(fail(folder, "a backup cannot be put into it")(source));
        }
        for name in names {
            let (from, to) = (from.join(name), folder.join(name));
            let mut source = open_trusted(&from)?;
            let mut target = make_new_file(&to)?;
            io::copy(&mut source, &mut target)
                .and_then(|_| target.sync_all())
                .map_err(fail(&to, "the backup cannot be copied into it"))?;
            if let Some(what) = Connection::open(&to, Use::Read)?.unsound(true)? {
                return Err(corrupt(&to, what));
            }
        }
        Ok(manifest)
    }
}
