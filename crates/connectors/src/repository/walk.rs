//! Walks a folder with several threads and hands every regular file to the readers.
//!
//! Links are never followed, `.git` is never entered, and no file of the folder says what is left
//! out: what is scanned must not hide itself, and the `.env` that git does not track is what matters. Work is a shared
//! stack of folders and handfuls of files; what each file gave is put in order of path at the end,
//! so the result does not depend on the threads.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use model::coverage::MAX_GAPS;
use model::{Batch, Gap, GapReason};
use rustix::fs::FileType;

use super::checkout::Checkouts;
use super::kubernetes::Parts;
use super::reading::{self, Folder, Reading};
use super::secrets;
use super::shape::{self, Shape};
use crate::contract::Request;
use crate::files::{Entry, Links, MAX_PARSED_BYTES, Meta, Tree, shown};

/// Folders nested deeper than this are a gap.
pub const MAX_FOLDER_DEPTH: usize = 128;
/// Files larger than [`MAX_PARSED_BYTES`] are searched for secrets in pieces of this size.
const PIECE_BYTES: usize = 4 << 20;
/// Pieces overlap by this much, so that a secret on a border lies whole in one of them.
const OVERLAP_BYTES: usize = 64 << 10;
/// Files larger than this are a gap, unless the setting `max_file_bytes` says otherwise.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// A file with a NUL in its first bytes is binary.
const SNIFFED_BYTES: usize = 8 << 10;
/// Files of one folder are shared out in handfuls of this size.
const HANDFUL: usize = 64;
/// More threads than this wait for the disk, not for each other.
const MAX_THREADS: usize = 16;
/// What a gap says of a fault of ours.
const FAULT: &str = "a fault in Tutela; please report it";
/// How often progress is reported, in files.
const REPORT_EVERY: u64 = 256;

/// Folders of other people's code and of build output: not entered unless `include_vendored`.
pub const VENDORED: &[&str] = &[
    "node_modules",
    "bower_components",
    "jspm_packages",
    ".yarn",
    ".pnpm-store",
    "vendor",
    "third_party",
    "target",
    ".venv",
    "venv",
    "site-packages",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".gradle",
    ".m2",
    ".cargo",
    ".rustup",
    ".terraform",
    ".next",
    ".nuxt",
    ".svn",
    ".hg",
];

#[derive(Debug)]
pub(super) struct Options {
    pub include_vendored: bool,
    pub max_file_bytes: u64,
    /// What whoever asked for the scan wants left out.
    pub exclude: Gitignore,
}

/// Patterns in the syntax of `.gitignore`, relative to the folder that is scanned.
pub(super) fn exclusions(patterns: &[String]) -> Result<Gitignore, String> {
    let mut builder = GitignoreBuilder::new("/");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| format!("`{pattern}`: {error}"))?;
    }
    builder.build().map_err(|error| error.to_string())
}

/// What a walk gave.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub batch: Batch,
    pub gaps: Vec<Gap>,
    pub n_more_gaps: u64,
    pub n_read: u64,
    pub truncated: bool,
    pub parts: Parts,
    pub n_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub tree: &'a Tree,
    pub request: &'a Request<'a>,
    pub folder: &'a Folder<'a>,
    pub checkouts: &'a Checkouts<'a>,
    pub options: &'a Options,
    n_files: AtomicU64,
    n_bytes: AtomicU64,
    work: Mutex<Work>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    stack: Vec<Task>,
    n_busy: usize,
}

#[derive(Debug)]
enum Task {
    Folder { path: PathBuf, depth: usize },
    Files(Vec<PathBuf>),
}

impl Task {
    /// The folder whose records a fault would cost.
    fn locus(&self) -> String {
        match self {
            Self::Folder { path, .. } => shown(path),
            Self::Files(files) => {
                files.first().and_then(|path| path.parent()).map_or_else(String::new, shown)
            }
        }
    }
}

/// One thread's own: its buffer and what it gathered.
#[derive(Debug, Default)]
struct Worker {
    buffer: Vec<u8>,
    read: Vec<(String, Batch, Parts)>,
    gaps: Vec<Gap>,
    /// Beyond [`MAX_GAPS`] gaps are only counted.
    n_more_gaps: u64,
    n_read: u64,
    truncated: bool,
}

impl Worker {
    fn miss(&mut self, gap: Gap) {
        if self.gaps.len() < MAX_GAPS {
            self.gaps.push(gap);
        } else {
            self.n_more_gaps += 1;
        }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        tree: &'a Tree,
        request: &'a Request<'a>,
        folder: &'a Folder<'a>,
        checkouts: &'a Checkouts<'a>,
        options: &'a Options,
    ) -> Self {
        Self {
            tree,
            request,
            folder,
            checkouts,
            options,
            n_files: AtomicU64::new(0),
            n_bytes: AtomicU64::new(0),
            work: Mutex::default(),
            more: Condvar::new(),
        }
    }

    /// Reads the whole folder.
    pub(super) fn folder(self) -> Walked {
        self.run(Task::Folder { path: PathBuf::new(), depth: 0 })
    }

    /// Reads one file of it.
    pub(super) fn file(self, path: PathBuf) -> Walked {
        self.run(Task::Files(vec![path]))
    }

    fn run(self, first: Task) -> Walked {
        self.lock().stack.push(first);
        let n_threads =
            std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, MAX_THREADS));
        let workers: Vec<Worker> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(|| self.work())).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let mut walked = Walked {
            truncated: self.request.is_cancelled() || workers.len() < n_threads,
            n_bytes: self.n_bytes.load(Ordering::Relaxed),
            ..Walked::default()
        };
        let mut read = Vec::new();
        for worker in workers {
            read.extend(worker.read);
            walked.gaps.extend(worker.gaps);
            walked.n_more_gaps += worker.n_more_gaps;
            walked.n_read += worker.n_read;
            walked.truncated |= worker.truncated;
        }
        read.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        for (_, batch, parts) in read {
            walked.batch.extend(batch);
            walked.parts.roles.extend(parts.roles);
            walked.parts.bindings.extend(parts.bindings);
        }
        walked.gaps.sort();
        walked
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> Worker {
        let mut worker = Worker::default();
        while let Some(task) = self.next() {
            let locus = task.locus();
            // Whatever goes wrong, the others must hear that this one is done.
            let done =
                std::panic::catch_unwind(AssertUnwindSafe(|| self.perform(task, &mut worker)));
            let found = done.unwrap_or_else(|_| {
                worker.truncated = true;
                worker.miss(Gap::new(locus, GapReason::Failed).detail(FAULT));
                Vec::new()
            });
            self.done(found);
        }
        worker
    }

    fn perform(&self, task: Task, worker: &mut Worker) -> Vec<Task> {
        match task {
            Task::Folder { path, depth } => self.list(&path, depth, worker),
            Task::Files(files) => {
                for path in files {
                    if self.request.is_cancelled() {
                        break;
                    }
                    self.read_guarded(&path, worker);
                }
                Vec::new()
            }
        }
    }

    fn next(&self) -> Option<Task> {
        let mut work = self.lock();
        loop {
            if self.request.is_cancelled() {
                return None;
            }
            if let Some(task) = work.stack.pop() {
                work.n_busy += 1;
                return Some(task);
            }
            if work.n_busy == 0 {
                return None;
            }
            work = self.more.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, found: Vec<Task>) {
        let mut work = self.lock();
        work.stack.extend(found);
        work.n_busy -= 1;
        self.more.notify_all();
    }

    fn list(&self, path: &Path, depth: usize, worker: &mut Worker) -> Vec<Task> {
        if depth > MAX_FOLDER_DEPTH {
            let detail = format!("folders are entered {MAX_FOLDER_DEPTH} deep");
            worker.miss(Gap::new(shown(path), GapReason::TooDeep).detail(detail));
            return Vec::new();
        }
        let (entries, truncated) = match self.tree.list_kinds(path) {
            Ok(listed) => listed,
            Err(gap) => {
                worker.truncated |= path.as_os_str().is_empty();
                worker.miss(gap);
                return Vec::new();
            }
        };
        worker.truncated |= truncated;
        let mut tasks = Vec::new();
        let mut files = Vec::new();
        for (entry, kind) in entries {
            let kind = match kind {
                FileType::Unknown => match self.tree.meta(&entry.path, Links::Refuse) {
                    Ok(meta) => meta.kind,
                    Err(gap) => {
                        worker.miss(gap);
                        continue;
                    }
                },
                kind => kind,
            };
            let is_folder = kind == FileType::Directory;
            if self.options.exclude.matched_path_or_any_parents(&entry.path, is_folder).is_ignore()
            {
                continue;
            }
            match kind {
                FileType::Directory => {
                    if self.is_entered(&entry) {
                        tasks.push(Task::Folder { path: entry.path, depth: depth + 1 });
                    }
                }
                FileType::RegularFile => {
                    // A worktree's or submodule's `.git` is a file; `checkout` reads it.
                    if entry.name != ".git" {
                        files.push(entry.path);
                    }
                }
                FileType::Symlink => {}
                _ => worker.miss(
                    Gap::new(shown(&entry.path), GapReason::NotRegular)
                        .detail("a device, FIFO or socket"),
                ),
            }
        }
        // The stack gives back last things first: files before the folders below them.
        tasks.extend(files.chunks(HANDFUL).map(|files| Task::Files(files.to_vec())));
        tasks
    }

    fn is_entered(&self, entry: &Entry) -> bool {
        let vendored = || VENDORED.iter().any(|name| entry.name == *name);
        entry.name != ".git" && (self.options.include_vendored || !vendored())
    }

    /// A fault in a reader costs the one file and says so; it never ends the walk.
    fn read_guarded(&self, path: &Path, worker: &mut Worker) {
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| self.read(path, worker)));
        match read {
            Ok(Ok(())) => worker.n_read += 1,
            Ok(Err(gap)) => worker.miss(gap),
            Err(_) => worker.miss(Gap::new(shown(path), GapReason::Failed).detail(FAULT)),
        }
        let n_files = self.n_files.fetch_add(1, Ordering::Relaxed) + 1;
        if n_files.is_multiple_of(REPORT_EVERY) {
            self.request.report(reading::join(&self.folder.base, &shown(path)), n_files, None);
        }
    }

    fn read(&self, path: &Path, worker: &mut Worker) -> Result<(), Gap> {
        let (mut file, meta) = self.tree.open_file(path, Links::Refuse)?;
        if meta.size > self.options.max_file_bytes {
            let detail = format!(
                "{} bytes; files are searched up to {}",
                meta.size, self.options.max_file_bytes
            );
            return Err(Gap::new(shown(path), GapReason::TooLarge).detail(detail));
        }
        self.n_bytes.fetch_add(meta.size, Ordering::Relaxed);
        if meta.size > MAX_PARSED_BYTES {
            return self.read_in_pieces(path, &mut file, meta, worker);
        }
        let size = usize::try_from(meta.size).unwrap_or(0);
        let mut buffer = std::mem::take(&mut worker.buffer);
        let filled = fill(&mut file, &mut buffer, size);
        let bytes = filled.map(|n| buffer.get(..n).unwrap_or_default());
        let result = match bytes {
            Ok(bytes) => {
                self.interpret(path, bytes, meta, worker);
                if bytes.len() == size {
                    Ok(())
                } else {
                    let detail = "became shorter while it was read";
                    Err(Gap::new(shown(path), GapReason::Changed).detail(detail))
                }
            }
            Err(error) => Err(Gap::new(shown(path), GapReason::Failed).detail(error.to_string())),
        };
        worker.buffer = buffer;
        result
    }

    fn interpret(&self, path: &Path, bytes: &[u8], meta: Meta, worker: &mut Worker) {
        let shape = shape::of(path, bytes);
        if shape == Shape::Nothing {
            return;
        }
        let shown = shown(path);
        let checkout = self.checkouts.of_file(path);
        let file = reading::File { path, shown: &shown, bytes, meta, checkout };
        let mut reading = Reading::new(self.folder, &file);
        shape::read(shape, &mut reading);
        let (batch, gaps, parts) = reading.finish();
        for gap in gaps {
            worker.miss(gap);
        }
        if batch.n_records() > 0 || !parts.roles.is_empty() || !parts.bindings.is_empty() {
            worker.read.push((shown, batch, parts));
        }
    }

    /// A file that is too large to be a definition is searched for secrets only.
    fn read_in_pieces(
        &self,
        path: &Path,
        file: &mut File,
        meta: Meta,
        worker: &mut Worker,
    ) -> Result<(), Gap> {
        let failed = |error: std::io::Error| {
            Gap::new(shown(path), GapReason::Failed).detail(error.to_string())
        };
        let mut buffer = std::mem::take(&mut worker.buffer);
        let mut start: u64 = 0;
        let mut line: u32 = 0;
        let mut found = Vec::new();
        let result = loop {
            if self.request.is_cancelled() {
                break Ok(());
            }
            let n = match fill(file, &mut buffer, PIECE_BYTES) {
                Ok(n) => n,
                Err(error) => break Err(failed(error)),
            };
            let bytes = buffer.get(..n).unwrap_or_default();
            if start == 0 && is_binary(bytes) {
                break Ok(());
            }
            let is_last = n < PIECE_BYTES;
            let kept = if is_last { n } else { n - OVERLAP_BYTES };
            if credentials::might_hold(bytes) {
                found.extend(secrets::sweep(bytes, line, kept));
            }
            if is_last {
                break Ok(());
            }
            let newlines =
                memchr::memchr_iter(b'\n', bytes.get(..kept).unwrap_or_default()).count();
            line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
            start += kept as u64;
            if let Err(error) = file.seek(SeekFrom::Start(start)) {
                break Err(failed(error));
            }
        };
        worker.buffer = buffer;
        if !found.is_empty() {
            let checkout = self.checkouts.of_file(path);
            let name = shown(path);
            let file = reading::File { path, shown: &name, bytes: &[], meta, checkout };
            let mut reading = Reading::new(self.folder, &file);
            secrets::swept(&mut reading, found);
            let (batch, gaps, parts) = reading.finish();
            for gap in gaps {
                worker.miss(gap);
            }
            worker.read.push((name, batch, parts));
        }
        result
    }
}

/// Whether the bytes are not text.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let head = bytes.get(..SNIFFED_BYTES).unwrap_or(bytes);
    memchr::memchr(0, head).is_some()
}

/// Reads up to `wanted` bytes to the front of a buffer that is used again and again.
fn fill(file: &mut File, buffer: &mut Vec<u8>, wanted: usize) -> std::io::Result<usize> {
    if buffer.len() < wanted {
        buffer.resize(wanted, 0);
    }
    let mut n = 0;
    while n < wanted {
        let Some(rest) = buffer.get_mut(n..wanted) else { break };
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => n += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}
