//! Reading the files of one area of the host, with its coverage.
//!
//! An area asks for files by the path seen from inside the machine; what is absent is absent, what
//! is refused becomes a gap, and both are counted here so that no area can forget to.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use model::text::lossless;
use model::{Coverage, Gap, GapReason, Scope};

use super::accounts::Accounts;
use crate::contract::Request;
use crate::files::{Content, Entry, Links, MAX_LINKS, MAX_PARSED_BYTES, Meta, Tree, shown};

/// Default of the setting `max_files`: reading stops here and the area is truncated.
pub(super) const MAX_FILES: u64 = 100_000;

/// A file as it was read: what `normalize` works from.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// As seen from inside the machine, lossless.
    pub path: String,
    pub bytes: Vec<u8>,
    pub meta: Meta,
}

impl File {
    /// The bytes as text; bytes that are not UTF-8 become `\xNN`, so that no two names become one.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(lossless(&self.bytes)),
        }
    }
}

/// Folders that accounts name as their home and in which only root makes links.
const ROOTS_OWN: &[&str] = &[
    "/",
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/games",
    "/usr/sbin",
    "/var",
];

/// The machine's files, and the folders in it where somebody else than root makes the links: there
/// a link leads to nothing outside.
pub(super) struct Files<'a> {
    machine: &'a Tree,
    homes: BTreeSet<PathBuf>,
    /// The home that was opened last: files of one are read one after the other.
    last: RefCell<Option<(PathBuf, Rc<Tree>)>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(machine: &'a Tree) -> Self {
        Self { machine, homes: BTreeSet::new(), last: RefCell::new(None) }
    }

    /// From now on, what lies in a home is looked up in that home alone. Root's own homes are left
    /// out: a link there says no more than what root may read anyway.
    pub(super) fn with_homes(mut self, accounts: &Accounts) -> Self {
        let homes = |is_root: bool| {
            let rows = accounts.rows.iter().filter(move |account| (account.uid == 0) == is_root);
            rows.map(|account| PathBuf::from("/").join(&account.home))
        };
        self.homes = homes(false).collect();
        for home in homes(true) {
            self.homes.remove(&home);
        }
        self.homes.retain(|home| !ROOTS_OWN.iter().any(|folder| home == Path::new(folder)));
        self
    }

    /// The tree in which a path is looked up, and the path in it.
    fn within(&self, path: &Path) -> Result<Option<(Rc<Tree>, PathBuf)>, Gap> {
        let is_in_home = |(home, _): &&(PathBuf, Rc<Tree>)| path.starts_with(home);
        if let Some((home, tree)) = self.last.borrow().as_ref().filter(is_in_home)
            && !self.holds_a_home(home)
        {
            return Ok(Some((Rc::clone(tree), rest(path, home))));
        }
        // A home may lie within another one, whose account then makes the links on the way to it.
        let mut opened: Option<(PathBuf, Tree)> = None;
        let mut homes: Vec<&Path> =
            path.ancestors().filter(|folder| self.homes.contains(*folder)).collect();
        homes.reverse();
        for home in homes {
            let tree = match &opened {
                Some((outer, tree)) => tree.below(&rest(home, outer)),
                None => self.machine.below(home),
            };
            opened = Some((home.to_owned(), tree.map_err(|gap| named(gap, home))?));
        }
        let Some((home, tree)) = opened else { return Ok(None) };
        let tree = Rc::new(tree);
        let found = (Rc::clone(&tree), rest(path, &home));
        *self.last.borrow_mut() = Some((home, tree));
        Ok(Some(found))
    }

    fn holds_a_home(&self, home: &Path) -> bool {
        let after = (Bound::Excluded(home), Bound::Unbounded);
        self.homes.range::<Path, _>(after).next().is_some_and(|next| next.starts_with(home))
    }

    fn look_up<T>(
        &self,
        path: &Path,
        look: impl FnOnce(&Tree, &Path) -> Result<T, Gap>,
    ) -> Result<T, Gap> {
        let looked = match self.within(path)? {
            Some((tree, rest)) => look(&tree, &rest),
            None => look(self.machine, path),
        };
        looked.map_err(|gap| named(gap, path))
    }
}

fn rest(path: &Path, folder: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_owned()
}

/// A gap with the path as seen from inside the machine.
fn named(mut gap: Gap, path: &Path) -> Gap {
    gap.locus = shown(path);
    gap
}

/// Reads for one scope.
pub(super) struct Reader<'a> {
    files: &'a Files<'a>,
    pub request: &'a Request<'a>,
    /// Files that may still be read, over all scopes.
    budget: &'a Cell<u64>,
    pub coverage: Coverage,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        files: &'a Files<'a>,
        request: &'a Request<'a>,
        budget: &'a Cell<u64>,
        scope: Scope,
    ) -> Self {
        request.report(scope.name.clone(), 0, None);
        Self { files, request, budget, coverage: Coverage::new(scope) }
    }

    /// A file that may well not be there: then there is no gap.
    pub(super) fn optional(&mut self, path: &Path) -> Option<File> {
        self.read(path, MAX_PARSED_BYTES, true)
    }

    /// The same for a kind of file that is never longer than `cap`.
    pub(super) fn optional_within(&mut self, path: &Path, cap: u64) -> Option<File> {
        self.read(path, cap, true)
    }

    /// A file that something names or that every host has.
    pub(super) fn required(&mut self, path: &Path) -> Option<File> {
        self.read(path, MAX_PARSED_BYTES, false)
    }

    fn read(&mut self, path: &Path, cap: u64, may_be_absent: bool) -> Option<File> {
        if !self.spend() {
            return None;
        }
        match self.files.look_up(path, |tree, path| tree.read(path, cap, Links::WithinTree)) {
            Ok(Content { bytes, meta }) => {
                self.coverage.read();
                Some(File { path: shown(path), bytes, meta })
            }
            Err(gap) if may_be_absent && gap.reason == GapReason::NotFound => None,
            Err(gap) => {
                self.coverage.miss(gap);
                None
            }
        }
    }

    /// The entries of a folder; an absent folder has none.
    pub(super) fn list(&mut self, path: &Path) -> Vec<Entry> {
        match self.files.look_up(path, |tree, path| tree.list(path, Links::WithinTree)) {
            Ok((mut entries, truncated)) => {
                self.coverage.read();
                self.coverage.truncated |= truncated;
                for entry in &mut entries {
                    entry.path = path.join(&entry.name);
                }
                entries
            }
            Err(gap) if gap.reason == GapReason::NotFound => Vec::new(),
            Err(gap) => {
                self.coverage.miss(gap);
                Vec::new()
            }
        }
    }

    /// What a path says of itself, links followed; refusals become gaps.
    pub(super) fn meta(&mut self, path: &Path) -> Option<Meta> {
        match self.files.look_up(path, |tree, path| tree.meta(path, Links::WithinTree)) {
            Ok(meta) => Some(meta),
            Err(gap) if gap.reason == GapReason::NotFound => None,
            Err(gap) => {
                self.coverage.miss(gap);
                None
            }
        }
    }

    /// Whether an entry of a folder is a file to read. A folder is not; anything else is a gap,
    /// since reading a FIFO, socket or device would be asking whatever is at its other end.
    pub(super) fn is_file(&mut self, path: &Path) -> bool {
        let Some(meta) = self.meta(path) else { return false };
        if !meta.is_file() && !meta.is_folder() {
            let gap = Gap::new(shown(path), GapReason::NotRegular);
            self.coverage.miss(gap.detail("a device, FIFO or socket"));
        }
        meta.is_file()
    }

    /// Records that a line of a file that was read is not understood. The message never quotes it.
    pub(super) fn malformed(&mut self, path: &str, line: u32, problem: &str) {
        let detail = format!("line {line}: {problem}");
        self.coverage.miss(Gap::new(path, GapReason::Malformed).detail(detail));
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        self.files.look_up(path, |tree, path| tree.meta(path, Links::WithinTree)).is_ok()
    }

    /// Where a link points, as written.
    pub(super) fn read_link(&self, path: &Path) -> Option<PathBuf> {
        self.files.look_up(path, Tree::read_link).ok()
    }

    /// The path with every link in it resolved as seen from inside the machine.
    pub(super) fn canonical(&self, path: &Path) -> Option<PathBuf> {
        match self.files.within(path).ok()? {
            // What a link within a home leads to is looked up there again: see [`Files`].
            Some(_) => Some(path.to_owned()),
            None => canonical(self.files.machine, path),
        }
    }

    /// Takes one file from the budget; false, and the scope is truncated, when there is none left
    /// or the caller wants no more.
    fn spend(&mut self) -> bool {
        let left = self.budget.get();
        if left == 0 || self.request.is_cancelled() {
            self.coverage.truncated = true;
            return false;
        }
        self.budget.set(left - 1);
        true
    }
}

fn canonical(tree: &Tree, path: &Path) -> Option<PathBuf> {
    let mut todo: Vec<std::ffi::OsString> = parts(path);
    let mut done = PathBuf::from("/");
    let mut n_links = 0;
    todo.reverse();
    while let Some(name) = todo.pop() {
        if name == ".." {
            done.pop();
            continue;
        }
        let here = done.join(&name);
        match tree.read_link(&here) {
            Ok(target) => {
                n_links += 1;
                if n_links > MAX_LINKS {
                    return None;
                }
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                todo.extend(parts(&target).into_iter().rev());
            }
            Err(_) => done = here,
        }
    }
    Some(done)
}

fn parts(path: &Path) -> Vec<std::ffi::OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

/// The file name of an entry as text.
pub(super) fn name_of(entry: &Entry) -> String {
    lossless(entry.name.as_bytes())
}
