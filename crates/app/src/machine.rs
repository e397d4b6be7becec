//! Which machine this is, and the files of the data folder that only its owner may read.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use connectors::Machine;
use connectors::files::{Links, Tree};
use model::{Fingerprinter, Secret};
use rustix::fs::{FileType, Mode, OFlags};

const MAX_ID_FILE_BYTES: u64 = 4096;

/// The machine mounted at `root`.
///
/// Its id is BLAKE3 over `/etc/machine-id`, since machine-id(5) asks that the id itself not be
/// shown; without that file it is BLAKE3 over the host name.
pub fn machine(root: &Path) -> anyhow::Result<Machine> {
    let tree = Tree::open(root)
        .map_err(|gap| anyhow::anyhow!("{}", gap.detail.unwrap_or_default()))
        .with_context(|| format!("opening the machine's root folder `{}`", root.display()))?;
    let read = |path: &str| -> Option<String> {
        let content = tree.read(Path::new(path), MAX_ID_FILE_BYTES, Links::WithinTree).ok()?;
        let text = String::from_utf8(content.bytes).ok()?;
        let text = text.trim();
        (!text.is_empty() && text != "uninitialized").then(|| text.to_owned())
    };
    let name = read("etc/hostname").unwrap_or_else(|| {
        if root == Path::new("/") {
            rustix::system::uname().nodename().to_string_lossy().into_owned()
        } else {
            root.display().to_string()
        }
    });
    let stated = read("etc/machine-id").or_else(|| read("var/lib/dbus/machine-id"));
    let seed = stated.unwrap_or_else(|| format!("host name {name}"));
    let mut id = [0; 16];
    blake3::Hasher::new_derive_key("tutela machine id")
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut id);
    Ok(Machine { id: data_encoding::HEXLOWER.encode(&id), name, root: root.to_owned() })
}

/// The fingerprint key of an installation: 32 random bytes in `fingerprint.key`, made once, 0600.
pub fn fingerprinter(folder: &Path) -> anyhow::Result<Fingerprinter> {
    let path = folder.join("fingerprint.key");
    let key = match open_key(&path) {
        Ok(file) => read_key(file, &path)?,
        Err(rustix::io::Errno::NOENT) => make_key(&path)?,
        Err(error) => return Err(error).with_context(|| format!("opening `{}`", path.display())),
    };
    Ok(Fingerprinter::new(key))
}

/// Without following a link and without waiting for a pipe.
fn open_key(path: &Path) -> rustix::io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map(std::fs::File::from)
}

/// A key that is never written: fingerprints of it compare within one run only.
pub fn random_fingerprinter() -> anyhow::Result<Fingerprinter> {
    Ok(Fingerprinter::new(Secret::new(random()?)))
}

fn read_key(mut file: std::fs::File, path: &Path) -> anyhow::Result<Secret<[u8; 32]>> {
    let stat = rustix::fs::fstat(&file)?;
    let user = rustix::process::geteuid().as_raw();
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_uid != user {
        bail!(
            "`{}` is not a file of the user with the id {user}, as which this process runs; restore it from a backup",
            path.display()
        );
    }
    if stat.st_mode & 0o077 != 0 {
        bail!(
            "`{}` can be read by others; run `chmod 600` on it, and consider its fingerprints guessable until then",
            path.display()
        );
    }
    let mut key = [0; 32];
    file.read_exact(&mut key).with_context(|| {
        format!("`{}` is not a 32-byte key; restore it from a backup", path.display())
    })?;
    Ok(Secret::new(key))
}

/// Written beside and linked into place, so that a crash leaves either no key or a whole one, and
/// two processes never make two keys.
fn make_key(path: &Path) -> anyhow::Result<Secret<[u8; 32]>> {
    let key: [u8; 32] = random()?;
    let suffix = data_encoding::HEXLOWER.encode(&random::<8>()?);
    let draft: PathBuf = path.with_extension(format!("key.{suffix}"));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(&draft, flags, Mode::RUSR | Mode::WUSR)
        .with_context(|| format!("creating `{}`", draft.display()))?;
    let mut file = std::fs::File::from(file);
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(Secret::new(key)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            read_key(open_key(path)?, path)
        }
        Err(error) => Err(error).with_context(|| format!("putting `{}` in place", path.display())),
    }
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the operating system gave no random bytes: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_machine_id_is_not_shown() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n")
            .unwrap();
        std::fs::write(root.path().join("etc/hostname"), "web-1\n").unwrap();
        let machine = machine(root.path()).unwrap();
        assert_eq!(machine.name, "web-1");
        insta::assert_snapshot!(machine.id, @"84df546c16b7912ee384424ac82a8cd6");
    }

    #[test]
    fn a_fingerprint_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = fingerprinter(folder.path()).unwrap().of(b"secret");
        assert_eq!(fingerprinter(folder.path()).unwrap().of(b"secret"), first);
        let key = folder.path().join("fingerprint.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(fingerprinter(folder.path()).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_fingerprint_key_is_a_file_of_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let (key, elsewhere) = (folder.path().join("fingerprint.key"), folder.path().join("else"));
        std::fs::write(&elsewhere, [7; 32]).unwrap();
        std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &key).unwrap();
        fingerprinter(folder.path()).unwrap_err();
        std::fs::remove_file(&key).unwrap();
        std::fs::create_dir(&key).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o700)).unwrap();
        let refused = fingerprinter(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("is not a file of"), "{refused}");
    }
}
