//! The files of this checkout, without what git ignores.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A file of the tree: its path from the root, with `/`.
#[derive(Debug)]
pub(crate) struct File {
    pub path: String,
    /// None for a file that is not text.
    pub text: Option<String>,
}

impl File {
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether its name ends in one of these.
    pub(crate) fn is(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, end)| extensions.contains(&end))
    }

    /// The path without the folder, when the file lies in it.
    pub(crate) fn below(&self, folder: &str) -> Option<&str> {
        self.path.strip_prefix(folder)?.strip_prefix('/')
    }

    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}

#[derive(Debug)]
pub(crate) struct Tree {
    pub files: Vec<File>,
}

/// The root of the checkout this program was built from.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

impl Tree {
    /// Reads every file, sorted by path.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        let not_git = |entry: &ignore::DirEntry| entry.file_name() != ".git";
        let walk = ignore::WalkBuilder::new(root)
            .hidden(false)
            .parents(false)
            .require_git(false)
            .git_global(false)
            .filter_entry(not_git)
            .build();
        for entry in walk {
            let entry = entry.context("cannot walk the checkout")?;
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let bytes = std::fs::read(entry.path())
                .with_context(|| format!("cannot read `{}`", entry.path().display()))?;
            files.push(File {
                path: path.to_string_lossy().replace('\\', "/"),
                text: String::from_utf8(bytes).ok(),
            });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust sources of crates, without those that only tests read.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| {
            file.is(&["rs"])
                && (file.path.starts_with("crates/") || file.path.starts_with("xtask/"))
                && file.path.contains("/src/")
        })
    }
}

/// Where a connector lies: in `connectors`, or in a crate of its own.
pub(crate) fn connector_folder(id: &str) -> String {
    if connectors::connector(id).is_some() {
        format!("crates/connectors/src/{}", id.replace('-', "_"))
    } else {
        format!("crates/connector-{id}")
    }
}
