//! Foreign files, opened so that nothing scanned can fool, block or flood us.
//!
//! A [`Tree`] is a folder opened once; paths are looked up beneath it. No link is followed unless
//! asked, and then only as seen from inside the tree (a link to `/etc/x` means `<tree>/etc/x`), and
//! only where root made the link or its maker owns what it leads to: else an account could have a
//! file read in its name that it may not read itself.
//! Files are opened without blocking, checked to be regular *after* opening, read up to a cap, and
//! checked again for change.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use model::text::lossless;
use model::{Fact, Gap, GapReason, Time, Value};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, RawMode, ResolveFlags, Stat};
use rustix::io::Errno;

/// Files that are parsed as a whole (configuration, keys, manifests) are read up to this size.
pub const MAX_PARSED_BYTES: u64 = 16 << 20;
/// A folder with more entries than this is read up to here and reported as truncated.
pub const MAX_ENTRIES: usize = 200_000;
/// Links are followed this many times.
pub const MAX_LINKS: usize = 16;

/// A folder, opened once.
#[derive(Debug)]
pub struct Tree {
    folder: OwnedFd,
    /// Where the tree is, as the caller named it.
    pub path: PathBuf,
    /// Where it lies as links in it see it: one to `/home/ada/x` stays within the tree of
    /// `/home/ada`.
    seen_as: PathBuf,
}

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    pub kind: FileType,
    pub size: u64,
    /// Permission bits, such as `0o600`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub modified_at: Time,
    pub inode: (u64, u64),
}

/// A file's bytes and what it said of itself when it was opened.
#[derive(Debug, Clone)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub meta: Meta,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: std::ffi::OsString,
    pub path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    Refuse,
    /// Resolved as if the tree were `/`.
    WithinTree,
}

impl Tree {
    /// Opens the folder itself; its own path may contain links, since the caller named it.
    pub fn open(path: &Path) -> Result<Self, Gap> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(folder) => Ok(Self { folder, path: path.to_owned(), seen_as: PathBuf::from("/") }),
            Err(error) => Err(gap(path, error)),
        }
    }

    /// The same folder as links in it know it.
    #[must_use]
    pub fn seen_as(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.seen_as);
        self
    }

    /// Reads a regular file, at most `cap` bytes; a larger one is a gap.
    pub fn read(&self, path: &Path, cap: u64, links: Links) -> Result<Content, Gap> {
        let (mut file, meta) = self.open_file(path, links)?;
        if meta.size > cap {
            let detail = format!("{} bytes; files of this sort are read up to {cap}", meta.size);
            return Err(Gap::new(shown(path), GapReason::TooLarge).detail(detail));
        }
        let mut bytes =
            Vec::with_capacity(usize::try_from(meta.size).unwrap_or(0).saturating_add(1));
        // Files of /proc and growing logs say a size that is not theirs: read one byte past the cap.
        let read = file.by_ref().take(cap.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| failed(path, &error))?;
        if bytes.len() as u64 > cap {
            return Err(
                Gap::new(shown(path), GapReason::TooLarge).detail(format!("more than {cap} bytes"))
            );
        }
        let after = rustix::fs::fstat(&file)
            .map_err(|error| gap(path, error))
            .map(|stat| meta_of(&stat))?;
        if after != meta {
            return Err(
                Gap::new(shown(path), GapReason::Changed).detail("changed while it was read")
            );
        }
        Ok(Content { bytes, meta })
    }

    /// Opens a regular file for reading in pieces.
    pub fn open_file(&self, path: &Path, links: Links) -> Result<(File, Meta), Gap> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.resolve(path, flags, links)?;
        let meta = rustix::fs::fstat(&file)
            .map_err(|error| gap(path, error))
            .map(|stat| meta_of(&stat))?;
        match meta.kind {
            FileType::RegularFile => Ok((File::from(file), meta)),
            kind => Err(Gap::new(shown(path), GapReason::NotRegular).detail(kind_name(kind))),
        }
    }

    /// What a path says of itself, without opening it for reading.
    pub fn meta(&self, path: &Path, links: Links) -> Result<Meta, Gap> {
        let file = self.resolve(path, OFlags::PATH, links)?;
        rustix::fs::fstat(&file).map_err(|error| gap(path, error)).map(|stat| meta_of(&stat))
    }

    /// A folder beneath, as a tree of its own: nothing looked up in it leads above it. Links on the
    /// way to it are followed as seen from inside this tree.
    pub fn below(&self, path: &Path) -> Result<Self, Gap> {
        // Not opened for listing: what may only be passed through still has files below it.
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let folder = self.resolve(path, flags, Links::WithinTree)?;
        let relative = inside(path).ok_or_else(|| outside(path))?;
        let (path, seen_as) = (self.path.join(&relative), self.seen_as.join(&relative));
        Ok(Self { folder, path, seen_as })
    }

    /// A path to the folder that holds whatever is renamed: for libraries that want a path.
    pub fn by_handle(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd()))
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.meta(path, Links::WithinTree).is_ok()
    }

    /// The entries of a folder, sorted by name; `true` when there were more than [`MAX_ENTRIES`].
    pub fn list(&self, path: &Path, links: Links) -> Result<(Vec<Entry>, bool), Gap> {
        let folder =
            self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK, links)?;
        let entries = rustix::fs::Dir::read_from(&folder).map_err(|error| gap(path, error))?;
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| gap(path, error))?;
            let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            if found.len() == MAX_ENTRIES {
                found.sort();
                return Ok((found, true));
            }
            found.push(Entry { name: name.to_owned(), path: path.join(name) });
        }
        found.sort();
        Ok((found, false))
    }

    /// The entries of a folder with what the folder itself says they are (`Unknown` where the file
    /// system does not say), sorted by name; `true` when there were more than [`MAX_ENTRIES`].
    pub fn list_kinds(&self, path: &Path) -> Result<(Vec<(Entry, FileType)>, bool), Gap> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK;
        let folder = self.resolve(path, flags, Links::Refuse)?;
        let entries = rustix::fs::Dir::read_from(&folder).map_err(|error| gap(path, error))?;
        let mut found = Vec::new();
        let mut truncated = false;
        for entry in entries {
            let entry = entry.map_err(|error| gap(path, error))?;
            let name = std::ffi::OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            truncated = found.len() == MAX_ENTRIES;
            if truncated {
                break;
            }
            let listed = Entry { name: name.to_owned(), path: path.join(name) };
            found.push((listed, entry.file_type()));
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok((found, truncated))
    }

    /// Where a link points, as written.
    pub fn read_link(&self, path: &Path) -> Result<PathBuf, Gap> {
        let relative = inside(path).ok_or_else(|| outside(path))?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        let name = relative.file_name().ok_or_else(|| outside(path))?;
        let folder = self.resolve(parent, OFlags::PATH | OFlags::DIRECTORY, Links::Refuse)?;
        let target =
            rustix::fs::readlinkat(&folder, name, Vec::new()).map_err(|error| gap(path, error))?;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(target.to_bytes())))
    }

    fn resolve(&self, path: &Path, flags: OFlags, links: Links) -> Result<OwnedFd, Gap> {
        let relative = inside(path).ok_or_else(|| outside(path))?;
        let relative = if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative };
        let flags = flags | OFlags::CLOEXEC;
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        // A rename elsewhere makes the kernel say EAGAIN for a safe path; it asks to be asked again.
        for _ in 0..8 {
            match rustix::fs::openat2(&self.folder, &relative, flags, Mode::empty(), how) {
                Ok(file) => return Ok(file),
                Err(Errno::AGAIN) => {}
                Err(Errno::NOSYS | Errno::PERM) => {
                    return self.resolve_by_steps(path, &relative, flags, links);
                }
                Err(Errno::LOOP) if links == Links::WithinTree => {
                    return self.resolve_by_steps(path, &relative, flags, links);
                }
                Err(Errno::LOOP) => {
                    return Err(Gap::new(shown(path), GapReason::NotRegular).detail("a link"));
                }
                Err(error) => return Err(gap(path, error)),
            }
        }
        Err(Gap::new(shown(path), GapReason::Changed).detail("renamed while it was opened"))
    }

    /// One component at a time: for links, each of which is looked at before it is followed, and
    /// for kernels and sandboxes without `openat2`.
    fn resolve_by_steps(
        &self,
        path: &Path,
        relative: &Path,
        flags: OFlags,
        links: Links,
    ) -> Result<OwnedFd, Gap> {
        let mut todo: Vec<std::ffi::OsString> = components(relative);
        let mut done: Vec<OwnedFd> = Vec::new();
        // Who made the links on the way, root apart.
        let mut makers: Vec<u32> = Vec::new();
        let mut n_links = 0;
        let refused = |error: Errno, n_links: usize| {
            if error == Errno::NOENT && n_links > 0 && self.seen_as != Path::new("/") {
                return link_gap(path, "a link that leads out of the home, or nowhere");
            }
            gap(path, error)
        };
        todo.reverse();
        while let Some(name) = todo.pop() {
            if name == ".." {
                done.pop();
                continue;
            }
            let here = done.last().map_or(self.folder.as_fd(), AsFd::as_fd);
            let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::openat(here, &name, step, Mode::empty())
                .map_err(|error| refused(error, n_links))?;
            let stat = rustix::fs::fstat(&file).map_err(|error| gap(path, error))?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
                if todo.is_empty() && !flags.contains(OFlags::PATH) {
                    // Opened by name again, still without following: a link put there since is refused.
                    let flags = flags | OFlags::NOFOLLOW;
                    let file = rustix::fs::openat(here, &name, flags, Mode::empty())
                        .map_err(|error| gap(path, error))?;
                    return made_by_owner(path, file, &makers);
                }
                done.push(file);
                continue;
            }
            if links == Links::Refuse {
                return Err(link_gap(path, "a link"));
            }
            n_links += 1;
            if n_links > MAX_LINKS {
                return Err(link_gap(path, "a loop of links"));
            }
            if stat.st_uid != 0 {
                makers.push(stat.st_uid);
            }
            // Of the very link that was looked at, whatever bears its name by now.
            let target =
                rustix::fs::readlinkat(&file, "", Vec::new()).map_err(|error| gap(path, error))?;
            let target = PathBuf::from(std::ffi::OsStr::from_bytes(target.to_bytes()));
            if target.is_absolute() {
                done.clear();
            }
            let target = target.strip_prefix(&self.seen_as).unwrap_or(&target);
            todo.extend(components(target).into_iter().rev());
        }
        let file = match done.pop() {
            Some(file) if flags.contains(OFlags::PATH) => file,
            last => {
                let last = last.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd);
                rustix::fs::openat(last, ".", flags, Mode::empty())
                    .map_err(|error| gap(path, error))?
            }
        };
        made_by_owner(path, file, &makers)
    }
}

/// What links led to, if each was made by root or by the owner of the thing.
fn made_by_owner(path: &Path, file: OwnedFd, makers: &[u32]) -> Result<OwnedFd, Gap> {
    if makers.is_empty() {
        return Ok(file);
    }
    let stat = rustix::fs::fstat(&file).map_err(|error| gap(path, error))?;
    if makers.iter().all(|maker| *maker == stat.st_uid) {
        Ok(file)
    } else {
        Err(link_gap(path, "a link to what its maker does not own"))
    }
}

fn link_gap(path: &Path, detail: &'static str) -> Gap {
    Gap::new(shown(path), GapReason::NotRegular).detail(detail)
}

impl Meta {
    /// What an opened file says of itself by now.
    pub fn of(file: &File) -> std::io::Result<Self> {
        rustix::fs::fstat(file).map(|stat| meta_of(&stat)).map_err(std::io::Error::from)
    }

    pub fn is_folder(self) -> bool {
        self.kind == FileType::Directory
    }

    pub fn is_file(self) -> bool {
        self.kind == FileType::RegularFile
    }

    pub fn is_link(self) -> bool {
        self.kind == FileType::Symlink
    }

    /// Who may read it by its own mode: `everyone`, `group` or `owner`. Folders above it may be
    /// stricter; a finding that depends on it says so.
    pub fn exposure(self) -> &'static str {
        if self.mode & 0o004 != 0 {
            "everyone"
        } else if self.mode & 0o040 != 0 {
            "group"
        } else {
            "owner"
        }
    }

    pub fn exposure_fact(self) -> Fact<Value> {
        Fact::known(self.exposure())
    }

    pub fn mode_fact(self) -> Fact<Value> {
        Fact::known(format!("{:04o}", self.mode))
    }
}

/// A path as records, gaps and people see it.
pub fn shown(path: &Path) -> String {
    lossless(path.as_os_str().as_bytes())
}

fn meta_of(stat: &Stat) -> Meta {
    Meta {
        kind: FileType::from_raw_mode(stat.st_mode as RawMode),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified_at: Time::from_micros(
            stat.st_mtime
                .saturating_mul(1_000_000)
                .saturating_add(i64::try_from(stat.st_mtime_nsec).unwrap_or(0) / 1_000),
        ),
        inode: (stat.st_dev, stat.st_ino),
    }
}

/// The path relative to the tree; none when it leads out of it.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut relative = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => relative.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir => {
                if !relative.pop() {
                    return None;
                }
            }
            Component::Prefix(_) => return None,
        }
    }
    Some(relative)
}

fn components(path: &Path) -> Vec<std::ffi::OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

fn outside(path: &Path) -> Gap {
    Gap::new(shown(path), GapReason::NotRegular).detail("leads out of what was asked for")
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        _ => "not a regular file",
    }
}

fn gap(path: &Path, error: Errno) -> Gap {
    let reason = match error {
        Errno::ACCESS | Errno::PERM => GapReason::Denied,
        Errno::NOENT | Errno::NOTDIR => GapReason::NotFound,
        Errno::LOOP | Errno::NXIO | Errno::XDEV | Errno::ISDIR => GapReason::NotRegular,
        _ => GapReason::Failed,
    };
    let gap = Gap::new(shown(path), reason).detail(std::io::Error::from(error).to_string());
    if reason == GapReason::Denied {
        gap.missing("read permission (run as root, or as the file's owner)")
    } else {
        gap
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Gap {
    match error.raw_os_error() {
        Some(code) => gap(path, Errno::from_raw_os_error(code)),
        None => Gap::new(shown(path), GapReason::Failed).detail(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::create_dir(path.join("etc")).unwrap();
        std::fs::write(path.join("etc/a"), "inside").unwrap();
        symlink("/etc/a", path.join("absolute")).unwrap();
        symlink("../../../../../../etc/passwd", path.join("escape")).unwrap();
        symlink("loop", path.join("loop")).unwrap();
        symlink("etc", path.join("linked")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path.join("fifo"), FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        let tree = Tree::open(path).unwrap();
        (folder, tree)
    }

    fn outcome(result: Result<Content, Gap>) -> String {
        match result {
            Ok(content) => String::from_utf8(content.bytes).unwrap(),
            Err(gap) => format!("{}: {}", gap.reason.name(), gap.detail.unwrap_or_default()),
        }
    }

    #[test]
    fn links_devices_and_sizes() {
        let (_folder, tree) = tree();
        let check = |path: &str, links: Links, expected: &str| {
            assert_eq!(
                outcome(tree.read(Path::new(path), 10, links)),
                expected,
                "{path} {links:?}"
            );
        };
        check("etc/a", Links::Refuse, "inside");
        check("/etc/a", Links::Refuse, "inside");
        check("etc/../etc/a", Links::Refuse, "inside");
        check("absolute", Links::Refuse, "not-regular: a link");
        check("absolute", Links::WithinTree, "inside");
        check("linked/a", Links::Refuse, "not-regular: a link");
        check("linked/a", Links::WithinTree, "inside");
        check("../x", Links::Refuse, "not-regular: leads out of what was asked for");
        check("fifo", Links::Refuse, "not-regular: a FIFO");
        check("etc", Links::Refuse, "not-regular: a folder");
        check("nothing", Links::Refuse, "not-found: No such file or directory (os error 2)");
        assert!(
            outcome(tree.read(Path::new("escape"), 10, Links::WithinTree)).starts_with("not-found")
        );
        assert!(
            outcome(tree.read(Path::new("loop"), 10, Links::WithinTree)).starts_with("not-regular")
        );
        assert!(outcome(tree.read(Path::new("etc/a"), 3, Links::Refuse)).starts_with("too-large"));
    }

    /// SymLinksIfOwnerMatch, as web servers call it.
    #[test]
    fn a_link_is_followed_for_root_and_for_whoever_owns_what_it_leads_to() {
        let (folder, tree) = tree();
        let own = |path: &str, uid: u32| {
            let path = folder.path().join(path);
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            let uid = Some(rustix::fs::Uid::from_raw(uid));
            rustix::fs::chownat(rustix::fs::CWD, &path, uid, None, flags)
        };
        if own("absolute", 1000).is_err() {
            println!("skipped: only root may give files away");
            return;
        }
        let check = |maker: u32, owner: u32, expected: &str| {
            own("absolute", maker).unwrap();
            own("linked", maker).unwrap();
            own("etc/a", owner).unwrap();
            for path in ["absolute", "linked/a"] {
                let read = outcome(tree.read(Path::new(path), 10, Links::WithinTree));
                assert_eq!(read, expected, "{path} by {maker} to {owner}");
            }
        };
        let refused = "not-regular: a link to what its maker does not own";
        check(0, 0, "inside");
        check(0, 1000, "inside");
        check(1000, 1000, "inside");
        check(1000, 0, refused);
        check(1000, 1001, refused);
    }

    #[test]
    fn a_home_knows_its_own_path() {
        let (folder, tree) = tree();
        symlink("/etc/a", folder.path().join("etc/b")).unwrap();
        symlink("/a", folder.path().join("etc/c")).unwrap();
        symlink("../absolute", folder.path().join("etc/d")).unwrap();
        let home = tree.below(Path::new("/etc")).unwrap();
        let check = |path: &str, expected: &str| {
            let read = outcome(home.read(Path::new(path), 10, Links::WithinTree));
            assert_eq!(read, expected, "{path}");
        };
        check("b", "inside");
        check("c", "inside");
        check("d", "not-regular: a link that leads out of the home, or nowhere");
        check("nothing", "not-found: No such file or directory (os error 2)");
    }

    #[test]
    fn the_way_without_openat2_agrees() {
        let (_folder, tree) = tree();
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        for path in ["etc/a", "absolute", "escape", "loop", "linked/a", "nothing", "etc", "."] {
            for links in [Links::Refuse, Links::WithinTree] {
                let read = |file: Result<OwnedFd, Gap>| {
                    file.map(|file| rustix::fs::fstat(&file).unwrap().st_ino)
                        .map_err(|gap| gap.reason)
                };
                let path = Path::new(path);
                let relative = inside(path).unwrap();
                let by_steps = read(tree.resolve_by_steps(path, &relative, flags, links));
                assert_eq!(by_steps, read(tree.resolve(path, flags, links)), "{path:?} {links:?}");
            }
        }
    }

    #[test]
    fn a_folder_is_listed_in_order() {
        let (_folder, tree) = tree();
        let (entries, truncated) = tree.list(Path::new(""), Links::Refuse).unwrap();
        let names: Vec<_> = entries.iter().map(|entry| entry.name.to_str().unwrap()).collect();
        assert_eq!(names, ["absolute", "escape", "etc", "fifo", "linked", "loop"]);
        assert!(!truncated);
    }
}
