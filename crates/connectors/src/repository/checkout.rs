//! Which repository a file belongs to: its name, its remote, and what git tracks.
//!
//! The few files of `.git` that name things are read here with our own eyes and through the same
//! guarded opening as everything else; nothing in them is obeyed. Objects are `history`'s subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{Authority, Fact, Gap, GapReason, Place, ScopeId, Value, kinds};

use super::history::Tracked;
use crate::files::{Links, Meta, Tree, shown};

/// `.git/config`, `HEAD` and their like are read up to this size.
pub(super) const MAX_GIT_FILE_BYTES: u64 = 1 << 20;
/// An index larger than this is not read; whether its files are tracked is then not collected.
pub(super) const MAX_INDEX_BYTES: u64 = 256 << 20;

/// A checkout, or the asked folder itself where there is none.
#[derive(Debug)]
pub(super) struct Checkout {
    /// `owner/repo` of the remote, else the folder's name.
    pub name: String,
    /// `github.com`; none without a remote.
    pub host: Option<String>,
    /// The branch the remote's HEAD points at, where a clone recorded it.
    pub default_branch: Option<String>,
    pub place: Place,
    /// Relative to the asked folder; empty for the folder itself or a checkout around it.
    pub root: PathBuf,
    /// Where the checkout itself is, as the system knows it.
    pub folder: PathBuf,
    /// Where the asked folder lies within a checkout around it; empty otherwise.
    pub prefix: String,
    pub git: Option<GitFolder>,
    tracked: OnceLock<Option<Tracked>>,
}

/// A `.git` whose names were read.
#[derive(Debug)]
pub(super) struct GitFolder {
    /// The folder that holds index and HEAD.
    pub tree: Arc<Tree>,
    /// The folder that holds objects and refs: the same, but for a worktree.
    pub common: Arc<Tree>,
    /// Where the `.git` lies, as loci name it.
    pub locus: String,
}

impl Checkout {
    /// A path of the asked folder as the checkout names it.
    pub(super) fn within(&self, path: &str) -> String {
        let root = shown(&self.root);
        let inner = path.strip_prefix(root.as_str()).unwrap_or(path);
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        match self.prefix.as_str() {
            "" => inner.to_owned(),
            prefix => format!("{prefix}/{inner}"),
        }
    }

    /// Whether git tracks the file.
    pub(super) fn tracked(&self, path: &str) -> Fact<Value> {
        let Some(git) = &self.git else {
            return Fact::not_observable("not in a git checkout");
        };
        if self.within(path).starts_with(".git/") {
            return Fact::known(false).because("git's own file");
        }
        let tracked = self.tracked.get_or_init(|| Tracked::of(&git.tree));
        match tracked {
            Some(paths) => Fact::known(paths.contains(self.within(path).as_bytes())),
            None => Fact::not_collected("the git index could not be read"),
        }
    }
}

/// The checkouts of one asked folder, found as files need them.
#[derive(Debug)]
pub(super) struct Checkouts<'a> {
    tree: &'a Tree,
    scope: ScopeId,
    machine: String,
    base: String,
    /// The checkout around the asked folder, or the folder itself.
    outer: Arc<Checkout>,
    known: Mutex<BTreeMap<PathBuf, Arc<Checkout>>>,
    gaps: Mutex<Vec<Gap>>,
}

impl<'a> Checkouts<'a> {
    pub(super) fn new(tree: &'a Tree, scope: ScopeId, machine: &str, base: &str) -> Self {
        let mut gaps = Vec::new();
        let outer = around(tree, scope, machine, base, &mut gaps);
        Self {
            tree,
            scope,
            machine: machine.to_owned(),
            base: base.to_owned(),
            outer: Arc::new(outer),
            known: Mutex::new(BTreeMap::new()),
            gaps: Mutex::new(gaps),
        }
    }

    /// The checkout nearest around a file.
    pub(super) fn of_file(&self, path: &Path) -> Arc<Checkout> {
        self.of_folder(path.parent().unwrap_or(Path::new("")))
    }

    fn of_folder(&self, folder: &Path) -> Arc<Checkout> {
        if folder.as_os_str().is_empty() {
            return Arc::clone(&self.outer);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(folder).cloned();
        if let Some(checkout) = known {
            return checkout;
        }
        let here = if self.tree.meta(&folder.join(".git"), Links::Refuse).is_ok() {
            let mut gaps = Vec::new();
            let native = super::reading::join(&self.base, &shown(folder));
            let checkout = open(self.tree, folder, &native, self.scope, &self.machine, &mut gaps);
            self.gaps.lock().unwrap_or_else(PoisonError::into_inner).extend(gaps);
            Arc::new(checkout)
        } else {
            self.of_folder(folder.parent().unwrap_or(Path::new("")))
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(folder.to_owned()).or_insert(here))
    }

    /// Every checkout that a file was in, and what could not be read of them.
    pub(super) fn finish(self) -> (Vec<Arc<Checkout>>, Vec<Gap>) {
        let known = self.known.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all = vec![self.outer];
        for checkout in known.into_values() {
            if !all.iter().any(|other| Arc::ptr_eq(other, &checkout)) {
                all.push(checkout);
            }
        }
        let mut gaps = self.gaps.into_inner().unwrap_or_else(PoisonError::into_inner);
        gaps.sort();
        gaps.dedup();
        (all, gaps)
    }
}

/// The checkout the asked folder is, or lies in.
fn around(tree: &Tree, scope: ScopeId, machine: &str, base: &str, gaps: &mut Vec<Gap>) -> Checkout {
    if tree.meta(Path::new(".git"), Links::Refuse).is_ok() {
        return open(tree, Path::new(""), base, scope, machine, gaps);
    }
    let mut folder = tree.path.clone();
    let mut prefix = Vec::new();
    let mut native = PathBuf::from(base);
    while let Some(name) = folder.file_name().map(ToOwned::to_owned) {
        prefix.push(shown(Path::new(&name)));
        let has_parent = folder.pop() && native.pop();
        if !has_parent {
            break;
        }
        let Ok(above) = Tree::open(&folder) else { break };
        if let Ok(found) = above.meta(Path::new(".git"), Links::Refuse) {
            // Where everybody may write, anybody may put a `.git` above other people's folders.
            let asked = tree.meta(Path::new(""), Links::Refuse).map_or(0, |meta| meta.uid);
            let us = rustix::process::geteuid().as_raw();
            if ![0, us, asked].contains(&found.uid) {
                let detail = "a checkout around this folder, of another account than its own";
                let locus = "../".repeat(prefix.len()) + ".git";
                gaps.push(Gap::new(locus, GapReason::Denied).detail(detail));
                break;
            }
            let native = shown(&native);
            let mut checkout = open(&above, Path::new(""), &native, scope, machine, gaps);
            prefix.reverse();
            checkout.prefix = prefix.join("/");
            return checkout;
        }
    }
    let mut checkout = plain(base, scope, machine);
    checkout.folder.clone_from(&tree.path);
    checkout
}

/// A folder without git.
fn plain(native: &str, scope: ScopeId, machine: &str) -> Checkout {
    let name = native.rsplit('/').find(|part| !part.is_empty()).unwrap_or("/").to_owned();
    let mut place = Place::new(kinds::PLACE_FOLDER, "file", machine, native, scope);
    place.path.clone_from(&name);
    place.loci = vec![String::from(".")];
    Checkout {
        name,
        host: None,
        default_branch: None,
        place,
        root: PathBuf::new(),
        folder: PathBuf::new(),
        prefix: String::new(),
        git: None,
        tracked: OnceLock::new(),
    }
}

fn open(
    tree: &Tree,
    root: &Path,
    native: &str,
    scope: ScopeId,
    machine: &str,
    gaps: &mut Vec<Gap>,
) -> Checkout {
    let mut checkout = plain(native, scope, machine);
    root.clone_into(&mut checkout.root);
    checkout.folder = tree.path.join(root);
    let dot_git = root.join(".git");
    let locus = shown(&dot_git);
    let is_folder = tree.meta(&dot_git, Links::Refuse).is_ok_and(Meta::is_folder);
    // A folder of its own tree: `config` and `HEAD` are then looked up below it and nowhere else.
    let opened = if is_folder {
        tree.below(&dot_git).map(Arc::new).map(|git| (Arc::clone(&git), git))
    } else {
        linked(tree, &dot_git)
    };
    let (git, common) = match opened {
        Ok(opened) => opened,
        Err(gap) => {
            gaps.push(gap);
            return checkout;
        }
    };
    match common.read(Path::new("config"), MAX_GIT_FILE_BYTES, Links::Refuse) {
        Ok(config) => {
            if let Some(remote) = remote_url(&config.bytes).and_then(|url| Remote::parse(&url)) {
                checkout.name = remote.path;
                checkout.host = Some(remote.host);
            }
        }
        Err(gap) => gaps.push(Gap { locus: format!("{locus}/{}", gap.locus), ..gap }),
    }
    checkout.default_branch = default_branch(&common);
    checkout.place =
        Place::new(kinds::PLACE_REPOSITORY, "git", "", &*native_name(&checkout, native), scope);
    checkout.place.path.clone_from(&checkout.name);
    checkout.place.authority = Authority::Declared;
    checkout.place.loci = vec![locus.clone()];
    checkout.git = Some(GitFolder { tree: git, common, locus });
    checkout
}

/// `github.com/owner/repo`, or the path where there is no remote.
fn native_name(checkout: &Checkout, native: &str) -> String {
    match &checkout.host {
        Some(host) => format!("{host}/{}", checkout.name),
        None => native.to_owned(),
    }
}

/// A `.git` file of a worktree or submodule. It is followed only where the folder it names points
/// back to it, since anyone can write a file that names another repository's folder.
fn linked(tree: &Tree, dot_git: &Path) -> Result<(Arc<Tree>, Arc<Tree>), Gap> {
    let refuse =
        |detail: &'static str| Gap::new(shown(dot_git), GapReason::NotRegular).detail(detail);
    let file = tree.read(dot_git, MAX_GIT_FILE_BYTES, Links::Refuse)?;
    let text = String::from_utf8(file.bytes).map_err(|_| refuse("names no git folder"))?;
    let target = text
        .lines()
        .find_map(|line| line.strip_prefix("gitdir:"))
        .map(str::trim)
        .ok_or_else(|| refuse("names no git folder"))?;
    let holder = tree.path.join(dot_git.parent().unwrap_or(Path::new("")));
    let folder = holder
        .join(target)
        .canonicalize()
        .map_err(|_| refuse("the git folder it names is not there"))?;
    let back = Tree::open(&folder)?;
    let read = |name: &str| {
        back.read(Path::new(name), MAX_GIT_FILE_BYTES, Links::Refuse)
            .ok()
            .and_then(|content| String::from_utf8(content.bytes).ok())
            .map(|text| text.trim().to_owned())
    };
    let own = tree.path.join(dot_git).canonicalize().ok();
    let points_back = match read("gitdir") {
        Some(named) => folder.join(named).canonicalize().ok() == own,
        None => read("config")
            .and_then(|config| config_value(&config, "core", None, "worktree"))
            .is_some_and(|worktree| {
                folder.join(worktree).canonicalize().ok() == holder.canonicalize().ok()
            }),
    };
    if !points_back {
        return Err(refuse("names a git folder that does not point back to it"));
    }
    let Some(named) = read("commondir") else {
        let back = Arc::new(back);
        return Ok((Arc::clone(&back), back));
    };
    // `<common>/worktrees/<name>`, as git makes it: no other repository's folder will do.
    let common = folder.parent().filter(|folder| folder.ends_with("worktrees"));
    let common = common.and_then(Path::parent);
    let common = common
        .filter(|common| folder.join(named).canonicalize().is_ok_and(|named| named == *common))
        .ok_or_else(|| refuse("its common git folder is not the one it lies in"))?;
    let common = Tree::open(common)?;
    let listed = Path::new("worktrees").join(folder.file_name().unwrap_or_default());
    let inode = |tree: &Tree, path: &Path| tree.meta(path, Links::Refuse).map(|meta| meta.inode);
    if inode(&common, &listed)? != inode(&back, Path::new(""))? {
        return Err(refuse("its common git folder is not the one it lies in"));
    }
    Ok((Arc::new(back), Arc::new(common)))
}

fn default_branch(git: &Tree) -> Option<String> {
    let head = git.read(Path::new("refs/remotes/origin/HEAD"), 4096, Links::Refuse).ok()?;
    let text = String::from_utf8(head.bytes).ok()?;
    let branch = text.trim().strip_prefix("ref: refs/remotes/origin/")?;
    (!branch.is_empty()).then(|| branch.to_owned())
}

/// The address of `origin`, else of the first remote.
fn remote_url(config: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(config);
    config_value(&text, "remote", Some("origin"), "url")
        .or_else(|| config_value(&text, "remote", None, "url"))
}

/// One value of a git configuration text. Includes are not followed.
fn config_value(text: &str, section: &str, subsection: Option<&str>, key: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or(header);
            let (name, sub) = match header.split_once(char::is_whitespace) {
                Some((name, sub)) => (name, Some(sub.trim().trim_matches('"'))),
                None => (header, None),
            };
            inside =
                name.eq_ignore_ascii_case(section) && (subsection.is_none() || sub == subsection);
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        if inside && name.trim().eq_ignore_ascii_case(key) {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

/// A path longer than this names no repository; each record of a checkout repeats it.
const MAX_REMOTE_BYTES: usize = 1024;

/// A remote's host and path, without user, password, port and `.git`.
#[derive(Debug, PartialEq, Eq)]
struct Remote {
    host: String,
    path: String,
}

impl Remote {
    fn parse(url: &str) -> Option<Self> {
        let rest = match url.split_once("://") {
            Some(("file", _)) => return None,
            Some((_, rest)) => rest.split_once('/').map(|(host, path)| (host, path.to_owned()))?,
            // `git@host:owner/repo`; a path on this machine has no colon before its first slash.
            None => match url.split_once(':') {
                Some((host, path)) if !host.contains('/') => (host, path.to_owned()),
                _ => return None,
            },
        };
        let (authority, path) = rest;
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
        // `user:token@host/path` without a scheme, or a password with a slash in it.
        let may_hold_login = path.contains('@');
        let is_named = !host.is_empty() && !path.is_empty() && !may_hold_login;
        let is_short = host.len() + path.len() <= MAX_REMOTE_BYTES;
        (is_named && is_short).then(|| Self { host, path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_named_without_their_secrets() {
        let check = |url: &str, expected: Option<(&str, &str)>| {
            let remote = Remote::parse(url);
            let seen = remote.as_ref().map(|remote| (remote.host.as_str(), remote.path.as_str()));
            assert_eq!(seen, expected, "{url}");
        };
        check("https://github.com/acme/shop.git", Some(("github.com", "acme/shop")));
        check(
            "https://bot:not-a-real-secret@GitHub.com:443/acme/shop/",
            Some(("github.com", "acme/shop")),
        );
        check(
            "git@gitlab.example.org:group/sub/app.git",
            Some(("gitlab.example.org", "group/sub/app")),
        );
        check("ssh://git@host:22/acme/shop.git", Some(("host", "acme/shop")));
        check("oauth2:not-a-real-secret@gitlab.com/org/repo.git", None);
        check("not-a-real-secret:x-oauth-basic@github.com/acme/shop", None);
        check("https://bot:not-a/real-secret@github.com/acme/shop", None);
        check(&format!("https://github.com/{}", "a".repeat(MAX_REMOTE_BYTES)), None);
        check("/srv/git/shop.git", None);
        check("file:///srv/git/shop.git", None);
        check("", None);
    }

    #[test]
    fn configuration_values() {
        let text = "[core]\n\tbare = false\n[remote \"up\"]\n url = a\n[remote \"origin\"]\n\turl = b\n[branch \"x\"]\n url = c\n";
        assert_eq!(remote_url(text.as_bytes()).as_deref(), Some("b"));
        assert_eq!(config_value(text, "remote", None, "url").as_deref(), Some("a"));
        assert_eq!(config_value(text, "core", None, "worktree"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_config_or_not(bytes: Vec<u8>) {
            remote_url(&bytes).and_then(|url| Remote::parse(&url));
        }
    }
}
