//! The lock of a data folder: one process holds it, and it says which.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use model::Time;
use rustix::fs::{FlockOperation, OFlags};

use crate::error::OpenError;

const LOCK_FILE: &str = "lock";

/// At most this much of a lock file is shown as its holder.
const MAX_HOLDER_BYTES: u64 = 400;

/// Held as long as this lives; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the folder where it is missing, for its owner only. One that is there already is taken when
/// nobody else can change what is in it; its mode is not ours to set.
pub(crate) fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let fail = |doing| {
        let folder = folder.to_owned();
        move |source| OpenError::Folder { path: folder, doing, source }
    };
    let mut private = DirBuilder::new();
    private.mode(0o700);
    if let Some(above) = folder.parent() {
        private.recursive(true).create(above).map_err(fail("it cannot be made"))?;
    }
    match private.recursive(false).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(fail("it cannot be made")(error)),
        Ok(()) => {}
    }
    let meta = folder.metadata().map_err(fail("it cannot be looked at"))?;
    if !meta.is_dir() {
        return Err(fail("it is not a folder")(ErrorKind::NotADirectory.into()));
    }
    owned(folder, &meta)?;
    unshared(folder, &meta)
}

/// What others can write they can put links and databases into. That they see names is no harm:
/// every file is for its owner only.
fn unshared(path: &Path, meta: &Metadata) -> Result<(), OpenError> {
    if meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(OpenError::OpenToOthers { path: path.to_owned(), mode: meta.mode() & 0o7777 })
}

/// Only what belongs to the user of this process is used: whoever else owns a folder or a file can
/// change it at any time.
fn owned(path: &Path, meta: &Metadata) -> Result<(), OpenError> {
    let user = rustix::process::geteuid().as_raw();
    if meta.uid() == user {
        return Ok(());
    }
    Err(OpenError::ForeignOwner { path: path.to_owned(), owner: meta.uid(), user })
}

/// Makes a file of the data folder with mode 0600 before anything else opens it.
pub(crate) fn make_file(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    open(path, options.read(true).write(true).create(true).truncate(false))
}

/// The same for a file that must not be there yet.
pub(crate) fn make_new_file(path: &Path) -> Result<File, OpenError> {
    open(path, OpenOptions::new().read(true).write(true).create_new(true))
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<File, OpenError> {
    let fail = |source| OpenError::Folder {
        path: path.to_owned(),
        doing: "the file cannot be opened for writing",
        source,
    };
    let file = options.mode(0o600).custom_flags(no_link()).open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        return Err(fail(std::io::Error::other("it is not a regular file")));
    }
    owned(path, &meta)?;
    if meta.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(fail)?;
    }
    Ok(file)
}

/// Opens a file of a backup. It becomes what people and sources are, so nobody but the user of this
/// process and root may have been able to write it.
pub(crate) fn open_trusted(path: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::Folder {
        path: path.to_owned(),
        doing: "the backup's file cannot be read",
        source,
    };
    let file = OpenOptions::new().read(true).custom_flags(no_link()).open(path).map_err(fail)?;
    let meta = file.metadata().map_err(fail)?;
    if !meta.is_file() {
        return Err(fail(std::io::Error::other("it is not a regular file")));
    }
    trusted(path, &meta)?;
    Ok(file)
}

pub(crate) fn trusted(path: &Path, meta: &Metadata) -> Result<(), OpenError> {
    if meta.uid() != 0 {
        owned(path, meta)?;
    }
    unshared(path, meta)
}

/// A link is not followed, and a pipe is not waited for.
const fn no_link() -> i32 {
    OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed()
}

pub(crate) fn take(folder: &Path, holder: &str, now: Time) -> Result<Lock, OpenError> {
    let mut file = make_file(&folder.join(LOCK_FILE))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut text = Vec::new();
            let read = (&mut file).take(MAX_HOLDER_BYTES).read_to_end(&mut text);
            let holder = match read {
                Ok(1..) => model::text::shown(String::from_utf8_lossy(&text).trim()).into_owned(),
                _ => "another process".into(),
            };
            return Err(OpenError::Held { folder: folder.to_owned(), holder });
        }
        Err(errno) => {
            return Err(OpenError::Folder {
                path: folder.to_owned(),
                doing: "it cannot be locked",
                source: errno.into(),
            });
        }
    }
    let note = format!("`{holder}`, process {}, since {now}\n", std::process::id());
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(note.as_bytes())
    };
    write(&mut file).map_err(|source| OpenError::Folder {
        path: folder.to_owned(),
        doing: "the lock file cannot be written",
        source,
    })?;
    Ok(Lock { _file: file })
}
