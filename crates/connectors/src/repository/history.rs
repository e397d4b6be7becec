//! What git's own objects tell: which files are tracked, and who wrote them.
//!
//! A `.git` is as foreign as any other file. Only what git needs for objects is looked at, and only
//! where it is made of plain files and folders; the library is opened isolated and with reduced
//! trust, so that no configuration, environment, hook, filter or alternate is obeyed, and nothing
//! is ever run. Work is capped by counts, and a fault in the library costs the history, not the scan.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use model::{Gap, GapReason};
use rustix::fs::FileType;

use super::checkout::{GitFolder, MAX_INDEX_BYTES};
use crate::files::{Links, Tree};

/// Commits are looked at from the newest back to this many.
pub(super) const MAX_COMMITS: usize = 2_000;
/// Of a checkout, the history of at most this many files is read.
pub(super) const MAX_FILES: usize = 1_000;
/// A single object that wants more memory than this is not read.
const MAX_OBJECT_BYTES: &str = "gitoxide.objects.allocLimit=67108864";
/// Objects kept for reuse.
const OBJECT_CACHE_BYTES: usize = 16 << 20;
/// Folders below `.git` nested deeper than this are not git's own.
const MAX_GIT_DEPTH: usize = 16;
/// A name or address longer than this is cut.
const MAX_NAME_CHARS: usize = 200;

/// The paths of the index; none when it cannot be read.
pub(super) fn tracked_paths(git: &Path) -> Option<HashSet<Vec<u8>>> {
    let tree = Tree::open(git).ok()?;
    // Read, not mapped: a file that is cut off while it is mapped would end the process.
    let index = tree.read(Path::new("index"), MAX_INDEX_BYTES, Links::Refuse).ok()?;
    let options = gix::index::decode::Options {
        thread_limit: Some(1),
        alloc_limit_bytes: usize::try_from(2 * MAX_INDEX_BYTES).ok(),
        ..gix::index::decode::Options::default()
    };
    let decoded = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let time = filetime::FileTime::zero();
        gix::index::State::from_bytes(&index.bytes, time, gix::hash::Kind::Sha1, options)
    }));
    let (state, _) = decoded.ok()?.ok()?;
    Some(state.entries().iter().map(|entry| entry.path(&state).to_vec()).collect())
}

/// One person's part in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Author {
    pub name: String,
    pub email: String,
    pub n_changes: u32,
    /// Share of the changes that were looked at, newer ones weighing more: 0 to 1.
    pub share: f64,
}

/// Who changed each of these files (paths as the checkout names them), most first.
pub(super) fn authors(
    git: &GitFolder,
    paths: &[String],
    is_cancelled: &dyn Fn() -> bool,
) -> Result<BTreeMap<String, Vec<Author>>, Gap> {
    sound(git)?;
    let failed = |detail: String| Gap::new(git.locus.clone(), GapReason::Malformed).detail(detail);
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| walk(git, paths, is_cancelled)));
    match read {
        Ok(Ok(authors)) => Ok(authors),
        Ok(Err(problem)) => Err(failed(format!("history: {problem}"))),
        Err(_) => Err(failed(String::from("history: the git objects are not sound"))),
    }
}

/// Refuses a git folder whose parts could block us or lead elsewhere.
fn sound(git: &GitFolder) -> Result<(), Gap> {
    let within = |gap: Gap| Gap { locus: format!("{}/{}", git.locus, gap.locus), ..gap };
    for folder in [&git.path, &git.common] {
        let tree = Tree::open(folder).map_err(within)?;
        for name in ["HEAD", "config", "packed-refs", "shallow", "index", "commondir", "gitdir"] {
            match tree.meta(Path::new(name), Links::Refuse) {
                Ok(meta) if meta.is_file() => {}
                Err(gap) if gap.reason == GapReason::NotFound => {}
                Ok(_) => return Err(within(odd(Path::new(name)))),
                Err(gap) => return Err(within(gap)),
            }
        }
        for name in ["refs", "objects", "info"] {
            sound_folder(&tree, Path::new(name), 0).map_err(within)?;
        }
        for name in ["objects/info/alternates", "objects/info/http-alternates"] {
            if tree.exists(Path::new(name)) {
                let detail = "its objects lie in another repository, which is not followed";
                return Err(within(Gap::new(name, GapReason::Unsupported).detail(detail)));
            }
        }
    }
    Ok(())
}

fn sound_folder(tree: &Tree, path: &Path, depth: usize) -> Result<(), Gap> {
    let entries = match tree.list_kinds(path) {
        Ok((entries, false)) => entries,
        Ok((_, true)) => {
            return Err(Gap::new(crate::files::shown(path), GapReason::TooLarge));
        }
        Err(gap) if gap.reason == GapReason::NotFound => return Ok(()),
        Err(gap) => return Err(gap),
    };
    for (entry, kind) in entries {
        match kind {
            FileType::RegularFile => {}
            FileType::Directory if depth < MAX_GIT_DEPTH => {
                sound_folder(tree, &entry.path, depth + 1)?;
            }
            _ => return Err(odd(&entry.path)),
        }
    }
    Ok(())
}

fn odd(path: &Path) -> Gap {
    Gap::new(crate::files::shown(path), GapReason::NotRegular).detail("not a plain file or folder")
}

fn open(path: &Path) -> Result<gix::Repository, gix::Error> {
    let options = gix::open::Options::isolated()
        .with(gix::sec::Trust::Reduced)
        .open_path_as_is(true)
        .strict_config(false)
        .lossy_config(true)
        .config_overrides([MAX_OBJECT_BYTES]);
    let mut repository = gix::ThreadSafeRepository::open_opts(path, options)?.to_thread_local();
    repository.object_cache_size(OBJECT_CACHE_BYTES);
    Ok(repository)
}

fn walk(
    git: &GitFolder,
    paths: &[String],
    is_cancelled: &dyn Fn() -> bool,
) -> Result<BTreeMap<String, Vec<Author>>, gix::Error> {
    use gix::revision::walk::Sorting;
    use gix::traverse::commit::simple::CommitTimeOrder;

    let repository = open(&git.path)?;
    let mut folders: BTreeMap<PathBuf, Vec<&String>> = BTreeMap::new();
    for path in paths.iter().take(MAX_FILES) {
        let folder = Path::new(path).parent().unwrap_or(Path::new("")).to_owned();
        folders.entry(folder).or_default().push(path);
    }
    if repository.head()?.is_unborn() {
        return Ok(BTreeMap::new());
    }
    let head = repository.head_id()?;
    let commits = repository
        .rev_walk([head])
        .sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst))
        .use_commit_graph(false)
        .all()?;
    let mut tally: BTreeMap<String, BTreeMap<String, (String, u32, f64)>> = BTreeMap::new();
    for (n, info) in commits.take(MAX_COMMITS).enumerate() {
        if is_cancelled() {
            break;
        }
        // A shallow clone ends where its objects end; what was seen up to there stands.
        let Ok(info) = info else { break };
        if info.parent_ids.len() > 1 {
            continue;
        }
        let Ok(commit) = info.object() else { break };
        let Ok(tree) = commit.tree() else { break };
        let parent = match info.parent_ids.first() {
            None => None,
            Some(id) => match repository.find_commit(*id).ok().and_then(|one| one.tree().ok()) {
                Some(tree) => Some(tree),
                None => break,
            },
        };
        let changed = changed(&folders, &tree, parent.as_ref());
        if changed.is_empty() {
            continue;
        }
        let Ok(author) = commit.author() else { continue };
        let name = cut(&author.name.to_string());
        let email = cut(&author.email.to_string()).to_lowercase();
        // A bot that keeps dependencies fresh answers for nothing.
        if name.ends_with("[bot]") || email.contains("[bot]@") {
            continue;
        }
        // Half the weight for every quarter of the commits that are looked at.
        let age = f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let weight = 0.5_f64.powf(age / 500.0);
        for path in changed {
            let by = tally.entry(path.clone()).or_default();
            let part = by.entry(email.clone()).or_insert_with(|| (name.clone(), 0, 0.0));
            part.1 += 1;
            part.2 += weight;
        }
    }
    Ok(tally.into_iter().map(|(path, by)| (path, ranked(by))).collect())
}

fn ranked(by: BTreeMap<String, (String, u32, f64)>) -> Vec<Author> {
    let total: f64 = by.values().map(|part| part.2).sum();
    let mut authors: Vec<Author> = by
        .into_iter()
        .map(|(email, (name, n_changes, weight))| Author {
            name,
            email,
            n_changes,
            share: if total > 0.0 { weight / total } else { 0.0 },
        })
        .collect();
    authors.sort_by(|one, other| {
        other.share.total_cmp(&one.share).then_with(|| one.email.cmp(&other.email))
    });
    authors
}

/// Which of the files differ between a commit and its parent.
fn changed<'a>(
    folders: &BTreeMap<PathBuf, Vec<&'a String>>,
    tree: &gix::Tree<'_>,
    parent: Option<&gix::Tree<'_>>,
) -> Vec<&'a String> {
    if parent.is_some_and(|parent| parent.id == tree.id) {
        return Vec::new();
    }
    let id = |tree: Option<&gix::Tree<'_>>, path: &Path| {
        let entry = tree?.lookup_entry_by_path(path).ok()??;
        Some(entry.object_id())
    };
    let mut changed = Vec::new();
    for (folder, files) in folders {
        let is_root = folder.as_os_str().is_empty();
        if !is_root && id(Some(tree), folder) == id(parent, folder) {
            continue;
        }
        for file in files {
            let now = id(Some(tree), Path::new(file));
            if now.is_some() && now != id(parent, Path::new(file)) {
                changed.push(*file);
            }
        }
    }
    changed
}

fn cut(text: &str) -> String {
    text.trim().chars().take(MAX_NAME_CHARS).collect()
}
