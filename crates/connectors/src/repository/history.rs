//! What git's own objects tell: which files are tracked, and who wrote them.
//!
//! A `.git` is as foreign as any other file. As with git's `safe.directory`, objects are read only
//! where all of it belongs to the account that scans, or to root: nobody else can then swap a part
//! between our look and the library's, or cut off a pack while it is mapped. Its parts are plain
//! files and folders, none leads elsewhere (`commondir`, alternates), and the library is opened
//! isolated, by handle and with reduced trust, so that no configuration, environment, hook or
//! filter is obeyed. Work has a budget, and a fault in the library costs the history, not the scan.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::path::Path;

use gix::ObjectId;
use gix::odb::pack::Bundle;
use gix::odb::pack::data::Entry;
use gix::odb::pack::data::decode::header::ResolvedBase;
use gix::odb::pack::data::entry::Header;
use model::{Gap, GapReason};
use rustix::fs::FileType;

use super::blame::{Lines, MAX_BLAMED_BYTES, diff_cost};
use super::checkout::{GitFolder, MAX_GIT_FILE_BYTES, MAX_INDEX_BYTES};
use crate::files::{Links, Meta, Tree, shown};

/// Of one checkout, commits are looked at from the newest back to this many.
pub(super) const MAX_COMMITS: usize = 2_000;
/// Of a checkout, the history of at most this many files is read.
pub(super) const MAX_FILES: usize = 1_000;
/// Commits and folders of all checkouts of one scanned folder are decoded up to this size and
/// count; what was seen until then stands, and a gap says so.
const MAX_DECODED_BYTES: u64 = 1 << 30;
const MAX_OBJECTS: u64 = 1_000_000;
/// Deltas between an object and what it is told by; git makes 50, or 250 when asked to.
const MAX_DELTAS: u32 = 250;
/// A byte that a delta copies counts as this part of one that is unpacked.
const COPIED_PER_UNPACKED: u64 = 8;
/// Packs of a repository beyond this are not looked into.
const MAX_PACKS: usize = 1_000;
/// Paths of an index are taken in up to this size, all together.
const MAX_PATH_BYTES: usize = 512 << 20;
/// Parents of one commit beyond this are not followed.
const MAX_PARENTS: usize = 16;
/// A single object that wants more memory than this is not read.
const MAX_OBJECT_BYTES: &str = "gitoxide.objects.allocLimit=67108864";
/// A reference is a line, and a loose object as large as what it holds, packed.
const MAX_REF_BYTES: u64 = 4096;
const MAX_LOOSE_BYTES: u64 = 128 << 20;
/// Objects kept for reuse.
const OBJECT_CACHE_BYTES: usize = 16 << 20;
/// Folders below `.git` nested deeper than this are not git's own.
const MAX_GIT_DEPTH: usize = 16;
/// A name or address longer than this is cut.
const MAX_NAME_CHARS: usize = 200;

/// What may still be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub n_bytes: u64,
    pub n_objects: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { n_bytes: MAX_DECODED_BYTES, n_objects: MAX_OBJECTS }
    }
}

/// The paths of an index, each as a hash: paths that share their beginnings, as they may within an
/// index, are many times as large as it.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    paths: HashSet<u64>,
    hasher: RandomState,
}

impl Tracked {
    /// None when the index cannot be read.
    pub(super) fn of(tree: &Tree) -> Option<Self> {
        let index = tree.read(Path::new("index"), MAX_INDEX_BYTES, Links::Refuse).ok()?;
        Self::parse(&index.bytes)
    }

    /// Reads git's `gitformat-index`, versions 2 to 4, as far as paths go.
    fn parse(bytes: &[u8]) -> Option<Self> {
        /// Times, numbers and the object's id, before the flags.
        const STAT_BYTES: usize = 60;
        let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (version, n_entries) = (number(4)?, number(8)?);
        if !bytes.starts_with(b"DIRC") || !(2..=4).contains(&version) {
            return None;
        }
        let mut tracked = Self::default();
        let mut path = Vec::new();
        let mut left = MAX_PATH_BYTES;
        let mut rest = bytes.get(12..)?;
        for _ in 0..n_entries {
            let is_extended = version > 2 && rest.get(STAT_BYTES)? & 0x40 != 0;
            let head = STAT_BYTES + if is_extended { 4 } else { 2 };
            let mut name = rest.get(head..)?;
            if version == 4 {
                let n_dropped = variable_number(&mut name)?;
                path.truncate(path.len().checked_sub(n_dropped)?);
            } else {
                path.clear();
            }
            let end = memchr::memchr(0, name)?;
            path.extend_from_slice(name.get(..end)?);
            left = left.checked_sub(path.len())?;
            tracked.paths.insert(tracked.hasher.hash_one(path.as_slice()));
            // Before version 4, NULs fill each entry up to a multiple of eight.
            rest = match version {
                4 => name.get(end + 1..)?,
                _ => rest.get((head + end + 8) & !7..)?,
            };
        }
        Some(tracked)
    }

    pub(super) fn contains(&self, path: &[u8]) -> bool {
        self.paths.contains(&self.hasher.hash_one(path))
    }
}

/// A number as packs and indexes write it: seven bits a byte, each further byte one more than it
/// says.
fn variable_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number: usize = 0;
    for n_read in 1..=8 {
        let byte = *bytes.get(n_read - 1)?;
        number = number << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            *bytes = bytes.get(n_read..)?;
            return Some(number);
        }
        number += 1;
    }
    None
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

/// Who wrote each line of a file that stands; a writer is a place in [`Told::people`].
pub(super) type Writers = Vec<Option<u32>>;

/// Who changed each file and wrote its lines, and whether the budget ended before the history did.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub authors: BTreeMap<String, Vec<Author>>,
    pub writers: BTreeMap<String, Writers>,
    /// Address and name.
    pub people: Vec<(String, String)>,
    pub is_cut: bool,
}

/// Who changed each of these files (paths as the checkout names them), most first.
pub(super) fn authors(
    git: &GitFolder,
    paths: &[String],
    budget: &mut Budget,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Told, Gap> {
    sound(git)?;
    let head = git.tree.read(Path::new("HEAD"), MAX_REF_BYTES, Links::Refuse);
    let head = head.map_err(|gap| Gap { locus: format!("{}/{}", git.locus, gap.locus), ..gap })?;
    let head = String::from_utf8_lossy(&head.bytes);
    let failed = |detail: String| Gap::new(git.locus.clone(), GapReason::Malformed).detail(detail);
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| {
        walk(git, head.trim(), paths, budget, is_cancelled)
    }));
    match read {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(problem)) => Err(failed(format!("history: {problem}"))),
        Err(_) => Err(failed(String::from("history: the git objects are not sound"))),
    }
}

/// Refuses a git folder whose parts are another account's, could block us or lead elsewhere.
fn sound(git: &GitFolder) -> Result<(), Gap> {
    let is_plain = std::sync::Arc::ptr_eq(&git.tree, &git.common);
    for tree in [&git.tree, &git.common] {
        let within = |gap: Gap| match gap.locus.as_str() {
            "" => Gap { locus: git.locus.clone(), ..gap },
            name => Gap { locus: format!("{}/{name}", git.locus), ..gap },
        };
        ours(Path::new(""), tree.meta(Path::new(""), Links::Refuse).map_err(within)?)
            .map_err(within)?;
        // The library reads these whole; `index` and `packed-refs` grow with the repository.
        for (name, max_bytes) in [
            ("HEAD", MAX_REF_BYTES),
            ("config", MAX_GIT_FILE_BYTES),
            ("packed-refs", MAX_INDEX_BYTES),
            ("shallow", MAX_GIT_FILE_BYTES),
            ("index", MAX_INDEX_BYTES),
            ("commondir", MAX_GIT_FILE_BYTES),
            ("gitdir", MAX_GIT_FILE_BYTES),
        ] {
            let path = Path::new(name);
            match tree.meta(path, Links::Refuse) {
                Ok(meta) if meta.is_file() => {
                    ours(path, meta)
                        .and_then(|()| within_size(path, meta, max_bytes))
                        .map_err(within)?;
                }
                Err(gap) if gap.reason == GapReason::NotFound => {}
                Ok(_) => return Err(within(odd(path))),
                Err(gap) => return Err(within(gap)),
            }
        }
        for (name, max_bytes) in
            [("refs", MAX_REF_BYTES), ("objects", MAX_LOOSE_BYTES), ("info", MAX_GIT_FILE_BYTES)]
        {
            sound_folder(tree, Path::new(name), max_bytes, 0).map_err(within)?;
        }
        let mut elsewhere = vec!["objects/info/alternates", "objects/info/http-alternates"];
        // Only a worktree's own folder has one, and `checkout` has seen that it is the right one.
        if is_plain {
            elsewhere.push("commondir");
        }
        for name in elsewhere {
            if tree.exists(Path::new(name)) {
                let detail = "its objects lie in another repository, which is not followed";
                return Err(within(Gap::new(name, GapReason::Unsupported).detail(detail)));
            }
        }
    }
    Ok(())
}

fn sound_folder(tree: &Tree, path: &Path, max_bytes: u64, depth: usize) -> Result<(), Gap> {
    // Packs are mapped, whatever their size.
    let max_bytes = if path == Path::new("objects/pack") { u64::MAX } else { max_bytes };
    match tree.meta(path, Links::Refuse) {
        Ok(meta) if meta.is_folder() => ours(path, meta)?,
        Ok(_) => return Err(odd(path)),
        Err(gap) if gap.reason == GapReason::NotFound => return Ok(()),
        Err(gap) => return Err(gap),
    }
    let (entries, is_cut) = tree.list_kinds(path)?;
    if is_cut {
        return Err(Gap::new(shown(path), GapReason::TooLarge));
    }
    for (entry, kind) in entries {
        match kind {
            FileType::RegularFile => {
                let meta = tree.meta(&entry.path, Links::Refuse)?;
                ours(&entry.path, meta)?;
                within_size(&entry.path, meta, max_bytes)?;
            }
            FileType::Directory if depth < MAX_GIT_DEPTH => {
                sound_folder(tree, &entry.path, max_bytes, depth + 1)?;
            }
            _ => return Err(odd(&entry.path)),
        }
    }
    Ok(())
}

/// Refuses what another account than ours and root can change.
fn ours(path: &Path, meta: Meta) -> Result<(), Gap> {
    let is_ours = meta.uid == 0 || meta.uid == rustix::process::geteuid().as_raw();
    if is_ours && meta.mode & 0o002 == 0 {
        return Ok(());
    }
    let detail = "history is read only where nobody else could have written it";
    let missing = if is_ours {
        String::from("no write permission for everybody")
    } else {
        format!("being account {}, which it belongs to", meta.uid)
    };
    Err(Gap::new(shown(path), GapReason::Denied).detail(detail).missing(missing))
}

fn within_size(path: &Path, meta: Meta, max_bytes: u64) -> Result<(), Gap> {
    if meta.size <= max_bytes {
        return Ok(());
    }
    let detail = format!("{} bytes; git's own are read up to {max_bytes}", meta.size);
    Err(Gap::new(shown(path), GapReason::TooLarge).detail(detail))
}

fn odd(path: &Path) -> Gap {
    Gap::new(shown(path), GapReason::NotRegular).detail("not a plain file or folder")
}

fn open(git: &GitFolder) -> Result<gix::Repository, gix::Error> {
    let options = gix::open::Options::isolated()
        .with(gix::sec::Trust::Reduced)
        .open_path_as_is(true)
        .strict_config(false)
        .lossy_config(true)
        .config_overrides([MAX_OBJECT_BYTES]);
    let path = git.common.by_handle();
    let mut repository = gix::ThreadSafeRepository::open_opts(path, options)?.to_thread_local();
    repository.object_cache_size(OBJECT_CACHE_BYTES);
    Ok(repository)
}

/// The commit that `HEAD` names; none in a repository without one.
fn commit_of(head: &str, repository: &gix::Repository) -> Result<Option<ObjectId>, gix::Error> {
    match head.strip_prefix("ref:").map(str::trim) {
        Some(name) => match repository.try_find_reference(name)? {
            Some(mut reference) => Ok(Some(reference.peel_to_id()?.detach())),
            None => Ok(None),
        },
        None => Ok(Some(ObjectId::from_hex(head.as_bytes()).map_err(gix::Error::from_error)?)),
    }
}

/// Files whose changes are looked for, as folders within folders.
#[derive(Debug, Default)]
struct Wanted<'a> {
    file: Option<&'a String>,
    below: BTreeMap<&'a [u8], Self>,
}

impl<'a> Wanted<'a> {
    fn of(paths: &'a [String]) -> Self {
        let mut all = Self::default();
        for path in paths.iter().take(MAX_FILES) {
            let mut node = &mut all;
            for name in path.split('/') {
                node = node.below.entry(name.as_bytes()).or_default();
            }
            node.file = Some(path);
        }
        all
    }
}

/// What is kept of a commit.
struct Commit {
    tree: ObjectId,
    parents: Vec<ObjectId>,
    name: String,
    email: String,
}

/// A file, its version, and the one before.
type Change<'a> = (&'a String, ObjectId, Option<ObjectId>);

impl Commit {
    /// A bot that keeps dependencies fresh answers for nothing.
    fn is_of_bot(&self) -> bool {
        self.name.ends_with("[bot]") || self.email.contains("[bot]@")
    }
}

/// The packs, to tell what an object costs before it is put together: a small one may be the end of
/// very many deltas between large ones.
struct Packs {
    all: Vec<Bundle>,
    inflate: gix::zlib::Inflate,
}

impl Packs {
    fn of(git: &GitFolder) -> Self {
        let folder = Path::new("objects/pack");
        let entries = git.common.list_kinds(folder).map(|(entries, _)| entries).unwrap_or_default();
        let paths = entries.into_iter().map(|(entry, _)| git.common.by_handle().join(entry.path));
        let indexes = paths.filter(|path| path.extension().is_some_and(|it| it == "idx"));
        let packs = indexes.take(MAX_PACKS);
        let all = packs.filter_map(|path| Bundle::at(path, gix::hash::Kind::Sha1).ok()).collect();
        Self { all, inflate: gix::zlib::Inflate::default() }
    }

    /// None of an object that no pack has, or at the end of too many deltas.
    fn cost(&mut self, id: ObjectId) -> Option<u64> {
        let Self { all, inflate } = self;
        let mut most = None;
        for pack in all {
            if let Some(entry) = entry_of(pack, &id) {
                most = most.max(Some(chain_cost(pack, entry, inflate)?));
            }
        }
        most
    }
}

fn entry_of(pack: &Bundle, id: &gix::oid) -> Option<Entry> {
    let offset = pack.index.pack_offset_at_index(pack.index.lookup(id)?);
    pack.pack.entry(offset).ok()
}

fn chain_cost(pack: &Bundle, mut entry: Entry, inflate: &mut gix::zlib::Inflate) -> Option<u64> {
    let base = |id: &gix::oid| Ok(entry_of(pack, id).map(ResolvedBase::InPack));
    let mut n_bytes: u64 = 0;
    for _ in 0..=MAX_DELTAS {
        let size = pack.pack.decode_header(entry.clone(), inflate, &base).ok()?.object_size;
        let copied = size / COPIED_PER_UNPACKED;
        n_bytes = n_bytes.saturating_add(entry.decompressed_size).saturating_add(copied);
        entry = match entry.header {
            Header::OfsDelta { base_distance } => {
                pack.pack.entry(entry.checked_base_pack_offset(base_distance)?).ok()?
            }
            Header::RefDelta { base_id } => entry_of(pack, &base_id)?,
            _ => return Some(n_bytes),
        };
    }
    None
}

/// Objects, each counted before it is used.
struct Objects<'a> {
    repository: &'a gix::Repository,
    packs: Packs,
    budget: &'a mut Budget,
    is_cancelled: &'a dyn Fn() -> bool,
    is_cut: bool,
}

impl Objects<'_> {
    fn read(&mut self, id: ObjectId, kind: gix::object::Kind) -> Option<gix::Object<'_>> {
        if self.is_cut || (self.is_cancelled)() {
            return None;
        }
        let (n_bytes, n_deltas) = match self.repository.find_header(id).ok()? {
            gix::odb::find::Header::Loose { size, .. } => (Some(size), 0),
            gix::odb::find::Header::Packed(told) => {
                let n_bytes = match told.num_deltas {
                    0 => Some(told.object_size),
                    1..=MAX_DELTAS => self.packs.cost(id),
                    _ => None,
                };
                (n_bytes, u64::from(told.num_deltas))
            }
        };
        // What cannot be told beforehand could be anything.
        if !self.charge(n_bytes.unwrap_or(u64::MAX), 1 + n_deltas) {
            return None;
        }
        let object = self.repository.find_object(id).ok()?;
        (object.kind == kind).then_some(object)
    }

    /// Takes work from the budget; whether there was enough.
    fn charge(&mut self, n_bytes: u64, n_objects: u64) -> bool {
        let left = self.budget.n_bytes.checked_sub(n_bytes);
        let Some((n_bytes, n_objects)) = left.zip(self.budget.n_objects.checked_sub(n_objects))
        else {
            self.is_cut = true;
            return false;
        };
        *self.budget = Budget { n_bytes, n_objects };
        true
    }

    /// A commit and its time; none where a shallow clone ends.
    fn commit(&mut self, id: ObjectId) -> Option<(i64, Commit)> {
        let object = self.read(id, gix::object::Kind::Commit)?;
        let commit = gix::objs::CommitRef::from_bytes(&object.data, id.kind()).ok()?;
        let author = commit.author().ok()?;
        let commit_time = commit.committer().ok()?.time().ok()?.seconds;
        let kept = Commit {
            tree: commit.tree(),
            parents: commit.parents().take(MAX_PARENTS).collect(),
            name: cut(&author.name.to_string()),
            email: address(&cut(&author.email.to_string()).to_lowercase()),
        };
        Some((commit_time, kept))
    }

    /// A version of a file; none of one that is too long to be followed.
    fn blob(&mut self, id: ObjectId) -> Option<Vec<u8>> {
        let object = self.read(id, gix::object::Kind::Blob)?;
        (object.data.len() <= MAX_BLAMED_BYTES).then(|| object.data.clone())
    }

    /// The wanted entries of a folder.
    fn entries<'w>(
        &mut self,
        tree: Option<ObjectId>,
        wanted: &Wanted<'w>,
    ) -> BTreeMap<&'w [u8], ObjectId> {
        let object = tree.and_then(|id| self.read(id, gix::object::Kind::Tree));
        let Some(object) = object else { return BTreeMap::new() };
        let entries = gix::objs::TreeRefIter::from_bytes(&object.data, object.id.kind());
        let entries = entries.filter_map(Result::ok).filter_map(|entry| {
            let name: &[u8] = entry.filename;
            let (name, _) = wanted.below.get_key_value(name)?;
            Some((*name, entry.oid.to_owned()))
        });
        entries.collect()
    }

    /// The version of a file in a folder.
    fn version(&mut self, tree: ObjectId, path: &String) -> Option<ObjectId> {
        let wanted = Wanted::of(std::slice::from_ref(path));
        let mut found = Vec::new();
        self.changed(tree, None, &wanted, &mut found);
        found.first().map(|(_, id, _)| *id)
    }

    /// Which of the wanted files are another in `now` than in `before`, with both versions.
    fn changed<'w>(
        &mut self,
        now: ObjectId,
        before: Option<ObjectId>,
        wanted: &Wanted<'w>,
        changed: &mut Vec<Change<'w>>,
    ) {
        if Some(now) == before {
            return;
        }
        let now = self.entries(Some(now), wanted);
        let before = self.entries(before, wanted);
        for (name, id) in now {
            let earlier = before.get(name).copied();
            if earlier == Some(id) {
                continue;
            }
            let Some(node) = wanted.below.get(name) else { continue };
            changed.extend(node.file.map(|file| (file, id, earlier)));
            if !node.below.is_empty() {
                self.changed(id, earlier, node, changed);
            }
        }
    }
}

/// The lines of files, and who wrote them.
struct Blame<'a> {
    lines: BTreeMap<&'a String, Lines>,
    numbers: BTreeMap<String, u32>,
    people: Vec<(String, String)>,
}

impl<'a> Blame<'a> {
    /// Begins with the files as they stand in a commit.
    fn of(objects: &mut Objects<'_>, tree: ObjectId, wanted: &Wanted<'a>) -> Self {
        let mut files = Vec::new();
        objects.changed(tree, None, wanted, &mut files);
        let mut lines = BTreeMap::new();
        for (file, id, _) in files {
            if let Some(text) = objects.blob(id) {
                lines.insert(file, Lines::of(id, &text));
            }
        }
        Self { lines, numbers: BTreeMap::new(), people: Vec::new() }
    }

    /// A commit made this version of a file; see [`Lines::step`].
    fn step(
        &mut self,
        objects: &mut Objects<'_>,
        file: &String,
        now: ObjectId,
        parents: &[ObjectId],
        commit: &Commit,
    ) {
        let Some(lines) = self.lines.get_mut(file).filter(|lines| lines.follows(now)) else {
            return;
        };
        let Some(text) = objects.blob(now) else { return };
        let before: Option<Vec<(ObjectId, Vec<u8>)>> =
            parents.iter().map(|id| Some((*id, objects.blob(*id)?))).collect();
        // A version that cannot be read tells nothing of who wrote what.
        let Some(before) = before else { return };
        let n_bytes = before.iter().map(|(_, before)| diff_cost(before, &text)).sum();
        if !objects.charge(n_bytes, 0) {
            return;
        }
        let writer = (!commit.is_of_bot()).then(|| {
            *self.numbers.entry(commit.email.clone()).or_insert_with(|| {
                self.people.push((commit.email.clone(), commit.name.clone()));
                u32::try_from(self.people.len() - 1).unwrap_or(u32::MAX)
            })
        });
        lines.step((now, &text), &before, writer);
    }
}

fn walk(
    git: &GitFolder,
    head: &str,
    paths: &[String],
    budget: &mut Budget,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Told, gix::Error> {
    let repository = open(git)?;
    let Some(head) = commit_of(head, &repository)? else { return Ok(Told::default()) };
    let wanted = Wanted::of(paths);
    let mut objects = Objects {
        repository: &repository,
        packs: Packs::of(git),
        budget,
        is_cancelled,
        is_cut: false,
    };
    let mut tally: BTreeMap<String, BTreeMap<String, (String, u32, f64)>> = BTreeMap::new();
    // Newest first, as their committers' clocks say.
    let mut queue: BinaryHeap<(i64, ObjectId)> = BinaryHeap::new();
    let mut commits: BTreeMap<ObjectId, Commit> = BTreeMap::new();
    let mut seen = BTreeSet::from([head]);
    let mut blame = None;
    if let Some((time, commit)) = objects.commit(head) {
        blame = Some(Blame::of(&mut objects, commit.tree, &wanted));
        queue.push((time, head));
        commits.insert(head, commit);
    } else if !objects.is_cut && !is_cancelled() {
        return Err(gix::Error::from_error(std::io::Error::other("HEAD is no commit")));
    }
    let mut trees: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
    for n in 0..MAX_COMMITS {
        let Some((_, id)) = queue.pop() else { break };
        let Some(commit) = commits.remove(&id) else { continue };
        for parent in &commit.parents {
            if seen.insert(*parent)
                && let Some((time, commit)) = objects.commit(*parent)
            {
                trees.insert(*parent, commit.tree);
                queue.push((time, *parent));
                commits.insert(*parent, commit);
            }
        }
        let before: Option<Vec<ObjectId>> =
            commit.parents.iter().map(|parent| trees.get(parent).copied()).collect();
        // A shallow clone ends here: what changed cannot be told.
        let Some(before) = before else { continue };
        let mut changed = Vec::new();
        objects.changed(commit.tree, before.first().copied(), &wanted, &mut changed);
        for (file, now, earlier) in &changed {
            let mut versions: Vec<ObjectId> = earlier.iter().copied().collect();
            for tree in before.iter().skip(1) {
                versions.extend(objects.version(*tree, file));
            }
            // What a merge has from one of its sides goes on there.
            if let Some(blame) = blame.as_mut().filter(|_| !versions.contains(now)) {
                blame.step(&mut objects, file, *now, &versions, &commit);
            }
        }
        if objects.is_cut || is_cancelled() {
            break;
        }
        if before.len() > 1 || commit.is_of_bot() {
            continue;
        }
        // Half the weight for every quarter of the commits that are looked at.
        let age = f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let weight = 0.5_f64.powf(age / 500.0);
        for (path, ..) in changed {
            let by = tally.entry(path.clone()).or_default();
            let part =
                by.entry(commit.email.clone()).or_insert_with(|| (commit.name.clone(), 0, 0.0));
            part.1 += 1;
            part.2 += weight;
        }
    }
    let authors = tally.into_iter().map(|(path, by)| (path, ranked(by))).collect();
    let is_cut = objects.is_cut;
    let Some(Blame { lines, people, .. }) = blame else {
        return Ok(Told { authors, is_cut, ..Told::default() });
    };
    let writers = lines.into_iter().map(|(path, lines)| (path.clone(), lines.into_writers()));
    Ok(Told { authors, writers: writers.collect(), people, is_cut })
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

/// GitHub's private addresses name an account, as files of owners do: `@login`.
fn address(email: &str) -> String {
    match email.strip_suffix("@users.noreply.github.com") {
        Some(login) => format!("@{}", login.split_once('+').map_or(login, |(_, login)| login)),
        None => email.to_owned(),
    }
}

fn cut(text: &str) -> String {
    text.trim().chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index of version 4 whose paths each repeat the one before.
    fn index(long: usize, n_entries: u32) -> Vec<u8> {
        let mut bytes =
            [b"DIRC".as_slice(), &4_u32.to_be_bytes(), &n_entries.to_be_bytes()].concat();
        for n in 0..n_entries {
            bytes.extend([0; 63]);
            bytes.extend(std::iter::repeat_n(b'a', if n == 0 { long } else { 1 }));
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn paths_of_an_index() {
        let tracked = Tracked::parse(&index(3, 2)).unwrap();
        assert!(tracked.contains(b"aaa") && tracked.contains(b"aaaa") && !tracked.contains(b"aa"));
        assert!(Tracked::parse(&index(1 << 20, 600)).is_none());
        assert!(Tracked::parse(&index(3, 2)[..100]).is_none());
        assert!(Tracked::parse(b"DIRC").is_none());
        for (bytes, expected) in [(&[5][..], 5), (&[0x80, 0], 128), (&[0x81, 0x7f], 383)] {
            assert_eq!(variable_number(&mut &*bytes), Some(expected));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_index_or_not(bytes: Vec<u8>, version in 2_u8..5) {
            let head = [b"DIRC\0\0\0".as_slice(), &[version, 0, 0, 0, 9]].concat();
            drop(Tracked::parse(&[head, bytes].concat()));
        }
    }
}
