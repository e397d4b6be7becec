//! The lock of a data folder: one process holds it, and it says which.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use model::Time;
use rustix::fs::FlockOperation;

use crate::error::OpenError;

const LOCK_FILE: &str = "lock";

/// At most this much of a lock file is shown as its holder.
const MAX_HOLDER_BYTES: u64 = 400;

/// Held as long as this lives; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the folder where it is missing, readable by its owner only.
pub(crate) fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let fail = |doing| {
        let folder = folder.to_owned();
        move |source| OpenError::Folder { path: folder, doing, source }
    };
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(fail("it cannot be made"))?;
    }
    let mode = folder.metadata().map_err(fail("it cannot be looked at"))?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(fail("it is open to others and its mode cannot be set to 0700"))?;
    }
    Ok(())
}

/// Makes a file of the data folder with mode 0600 before anything else opens it.
pub(crate) fn make_file(path: &Path) -> Result<File, OpenError> {
    let fail = |source| OpenError::Folder {
        path: path.to_owned(),
        doing: "the file cannot be opened for writing",
        source,
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(fail)?;
    if file.metadata().map_err(fail)?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(fail)?;
    }
    Ok(file)
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
