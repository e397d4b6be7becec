//! Reading the files of one area of the host, with its coverage.
//!
//! An area asks for files by the path seen from inside the machine; what is absent is absent, what
//! is refused becomes a gap, and both are counted here so that no area can forget to.

use std::borrow::Cow;
use std::cell::Cell;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use model::text::lossless;
use model::{Coverage, Gap, GapReason, Scope};

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

/// Reads for one scope.
pub(super) struct Reader<'a> {
    pub tree: &'a Tree,
    pub request: &'a Request<'a>,
    /// Files that may still be read, over all scopes.
    budget: &'a Cell<u64>,
    pub coverage: Coverage,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        tree: &'a Tree,
        request: &'a Request<'a>,
        budget: &'a Cell<u64>,
        scope: Scope,
    ) -> Self {
        request.report(scope.name.clone(), 0, None);
        Self { tree, request, budget, coverage: Coverage::new(scope) }
    }

    /// A file that may well not be there: then there is no gap.
    pub(super) fn optional(&mut self, path: &Path) -> Option<File> {
        self.read(path, MAX_PARSED_BYTES, true)
    }

    /// A file that something names or that every host has.
    pub(super) fn required(&mut self, path: &Path) -> Option<File> {
        self.read(path, MAX_PARSED_BYTES, false)
    }

    fn read(&mut self, path: &Path, cap: u64, may_be_absent: bool) -> Option<File> {
        if !self.spend() {
            return None;
        }
        match self.tree.read(path, cap, Links::WithinTree) {
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
        match self.tree.list(path, Links::WithinTree) {
            Ok((entries, truncated)) => {
                self.coverage.read();
                self.coverage.truncated |= truncated;
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
        match self.tree.meta(path, Links::WithinTree) {
            Ok(meta) => Some(meta),
            Err(gap) if gap.reason == GapReason::NotFound => None,
            Err(gap) => {
                self.coverage.miss(gap);
                None
            }
        }
    }

    /// Records that a line of a file that was read is not understood. The message never quotes it.
    pub(super) fn malformed(&mut self, path: &str, line: u32, problem: &str) {
        let detail = format!("line {line}: {problem}");
        self.coverage.miss(Gap::new(path, GapReason::Malformed).detail(detail));
    }

    /// The path with every link in it resolved as seen from inside the machine.
    pub(super) fn canonical(&self, path: &Path) -> Option<PathBuf> {
        canonical(self.tree, path)
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
