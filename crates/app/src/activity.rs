//! Records of activity in files, summed up without an estate.
//!
//! Opens what is named and hands it to the crate `activity`, which reads, attributes and adds up.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use activity::{Added, Problem, Reader, Reading, Summaries, Summary};
pub use activity::{Identity, Unattributed};
use anyhow::Context;
use connectors::Progress;
use connectors::files::{Links, Tree, shown};
use model::{Gap, GapReason, Time};
use serde::Serialize;

/// Problems that are told of all files together; the rest are counted.
pub const MAX_PROBLEMS: usize = 1_000;
/// Folders within each other.
const MAX_DEPTH: usize = 32;
/// Files of a folder are read when their names end so.
const ENDINGS: &[&str] =
    &[".json", ".json.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".gz"];
/// CloudTrail keeps hashes of its files there, and no events.
const DIGESTS: &str = "CloudTrail-Digest";

/// Which events count.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The whole key of an identity, or its last name.
    pub principal: Option<String>,
    pub since: Option<Time>,
    /// Not included.
    pub until: Option<Time>,
}

/// What the files came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Summarized {
    #[serde(flatten)]
    pub summary: Summary,
    pub n_files: u64,
    /// In folders, by their names no records.
    pub n_other_files: u64,
    pub n_records: u64,
    /// Came again, and count once.
    pub n_duplicates: u64,
    pub problems: Vec<Told>,
    pub n_more_problems: u64,
}

impl Summarized {
    /// Whether every record was read, and counts once.
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.summary.is_complete()
    }
}

/// A problem and the file that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    pub at: String,
    #[serde(flatten)]
    pub problem: Problem,
}

/// Sums up files, folders, and with `-` what `input` gives.
pub fn summarize(
    paths: &[PathBuf],
    mut input: impl Read,
    wanted: &Wanted,
    mut progress: impl FnMut(&Progress),
) -> anyhow::Result<Summarized> {
    let mut work = Work {
        reader: Reader::default(),
        summaries: Summaries::default(),
        wanted,
        told: Summarized::default(),
        progress: &mut progress,
    };
    for path in paths {
        if path == Path::new("-") {
            work.file("-", &mut input);
        } else if path.is_dir() {
            let tree = Tree::open(path).map_err(|gap| cannot_open(path, &gap))?;
            work.folder(&tree, Path::new(""), 0);
        } else {
            let file =
                File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
            work.file(&shown(path), file);
        }
    }
    let Work { summaries, mut told, .. } = work;
    told.summary = summaries.view();
    Ok(told)
}

fn cannot_open(path: &Path, gap: &Gap) -> anyhow::Error {
    let detail = gap.detail.as_deref().unwrap_or_else(|| gap.reason.name());
    anyhow::anyhow!("cannot open the folder `{}`: {detail}", path.display())
}

struct Work<'a> {
    reader: Reader,
    summaries: Summaries,
    wanted: &'a Wanted,
    told: Summarized,
    progress: &'a mut dyn FnMut(&Progress),
}

impl Work<'_> {
    fn folder(&mut self, tree: &Tree, path: &Path, depth: usize) {
        let at = || shown(&tree.path.join(path));
        if depth > MAX_DEPTH {
            let detail = format!("more than {MAX_DEPTH} folders in each other");
            return self.problem(at(), Problem { reason: GapReason::TooDeep, byte: 0, detail });
        }
        let (entries, is_truncated) = match tree.list(path, Links::Refuse) {
            Ok(listed) => listed,
            Err(gap) => return self.gap(at(), gap),
        };
        if is_truncated {
            let detail = "more entries than are read of one folder".into();
            self.problem(at(), Problem { reason: GapReason::TooLarge, byte: 0, detail });
        }
        for entry in entries {
            let at = || shown(&tree.path.join(&entry.path));
            match tree.meta(&entry.path, Links::Refuse) {
                Ok(meta) if meta.is_folder() && entry.name == DIGESTS => {}
                Ok(meta) if meta.is_folder() => self.folder(tree, &entry.path, depth + 1),
                Ok(meta) if meta.is_file() && is_of_records(&entry.path) => {
                    match tree.open_file(&entry.path, Links::Refuse) {
                        Ok((file, _)) => self.file(&at(), file),
                        Err(gap) => self.gap(at(), gap),
                    }
                }
                Ok(_) => self.told.n_other_files += 1,
                Err(gap) => self.gap(at(), gap),
            }
        }
    }

    fn file(&mut self, at: &str, file: impl Read) {
        (self.progress)(&Progress { doing: at.to_owned(), done: self.told.n_files, total: None });
        let Self { reader, summaries, wanted, told, .. } = self;
        let reading = reader.read(file, &mut |event| {
            let is_early =
                wanted.since.is_some_and(|since| event.time.is_none_or(|time| time < since));
            let is_late =
                wanted.until.is_some_and(|until| event.time.is_none_or(|time| time >= until));
            if is_early || is_late {
                return;
            }
            let added = summaries.add_of(event, |key| {
                wanted.principal.as_deref().is_none_or(|name| is_called(key, name))
            });
            told.n_duplicates += u64::from(added == Added::Known);
        });
        let Reading { n_records, problems, n_more_problems, .. } = reading;
        self.told.n_files += 1;
        self.told.n_records += n_records;
        self.told.n_more_problems += n_more_problems;
        for problem in problems {
            self.problem(at.to_owned(), problem);
        }
    }

    fn gap(&mut self, at: String, gap: Gap) {
        let detail = gap.detail.map(|detail| detail.to_string()).unwrap_or_default();
        self.problem(at, Problem { reason: gap.reason, byte: 0, detail });
    }

    fn problem(&mut self, at: String, problem: Problem) {
        if self.told.problems.len() == MAX_PROBLEMS {
            self.told.n_more_problems += 1;
        } else {
            self.told.problems.push(Told { at, problem });
        }
    }
}

fn is_of_records(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// `arn:aws:iam::111122223333:role/apps/deploy`, or `deploy`.
fn is_called(key: &str, name: &str) -> bool {
    key == name || key.rsplit('/').next() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u32, user: &str, time: &str) -> String {
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/{user}"}},"eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","eventID":"{id}"}}"#
        )
    }

    #[test]
    fn files_folders_and_standard_input() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let one = record(1, "ci", "2026-11-22T10:00:00Z");
        write("a/b/one.json", &format!(r#"{{"Records":[{one}]}}"#));
        write(
            "a/two.jsonl",
            &format!("{one}\n{}\nbroken\n", record(2, "ada", "2026-11-23T10:00:00Z")),
        );
        write("a/readme.txt", "no records");
        write("a/CloudTrail-Digest/d.json", "{}");
        std::os::unix::fs::symlink("/etc", folder.path().join("a/link")).unwrap();
        let input = record(3, "ci", "2026-11-24T10:00:00Z");
        let told = |wanted: &Wanted| {
            let paths = [folder.path().to_owned(), PathBuf::from("-")];
            let told = summarize(&paths, input.as_bytes(), wanted, |_| {}).unwrap();
            assert_eq!(
                (told.n_files, told.n_other_files, told.n_records, told.n_duplicates.min(1)),
                (3, 1, 4, 1)
            );
            let problems: Vec<&str> =
                told.problems.iter().map(|told| &*told.problem.detail).collect();
            assert_eq!(problems.len(), 2, "{problems:?}");
            let identities = told.summary.identities.iter();
            identities
                .map(|identity| format!("{} {}", identity.key, identity.n_events))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let all = "arn:aws:iam::111122223333:user/ada 1, arn:aws:iam::111122223333:user/ci 2";
        assert_eq!(told(&Wanted::default()), all);
        let principal = Some("ci".to_owned());
        assert_eq!(
            told(&Wanted { principal, ..Wanted::default() }),
            "arn:aws:iam::111122223333:user/ci 2"
        );
        let missing = summarize(
            &[folder.path().join("nothing")],
            input.as_bytes(),
            &Wanted::default(),
            |_| {},
        );
        assert!(missing.unwrap_err().to_string().starts_with("cannot open `"));
        let wanted = Wanted {
            since: Some("2026-11-22T12:00:00Z".parse().unwrap()),
            until: Some("2026-11-24".parse().unwrap()),
            ..Wanted::default()
        };
        let one =
            summarize(&[folder.path().to_owned()], input.as_bytes(), &wanted, |_| {}).unwrap();
        assert_eq!(one.summary.n_events, 1);
    }
}
