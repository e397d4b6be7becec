//! No secret is in anything that a connector says, whichever spot of whichever format holds it.
//!
//! `canary.md` has the files; a format or field that is new here gets a line there.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use model::{Batch, Fingerprinter, Secret, Time};

use crate::contract::{Machine, Progress, Request, Settings};

const CHOSEN: &str = "Zq7canaryKx";
const MADE: &str = "Zq7canaryKx9f86d081884c7d65";

/// The files of `canary.md`: every format that a connector reads, with what stands in it.
pub(crate) fn files() -> Vec<(String, String)> {
    let text = include_str!("canary.md").replace("@{c}", CHOSEN).replace("@{r}", MADE);
    let files = text.split("\n## ").skip(1).map(|file| file.split_once('\n').unwrap());
    files.map(|(path, text)| (path.to_owned(), text.to_owned())).collect()
}

/// What every connector says of the files below `root`, and what its test says.
pub(crate) fn read_all(
    root: &Path,
    progress: &(dyn Fn(Progress) + Sync),
) -> Vec<(&'static str, Batch, String)> {
    let machine = Machine { id: "machine".into(), name: "here".into(), root: root.to_owned() };
    let folders = [root.join("src/shop"), root.join("src/infra")];
    let folders = folders.map(|folder| folder.to_str().unwrap().to_owned());
    let mut all = Vec::new();
    for connector in crate::CONNECTORS {
        let settings = match connector.id {
            "repository" | "terraform" => Settings::default().with("paths", folders.clone()),
            _ => Settings::default(),
        };
        let request = Request {
            settings: &settings,
            machine: &machine,
            now: Time::from_seconds(1_795_305_600),
            fingerprinter: Some(&Fingerprinter::new(Secret::new([7; 32]))),
            progress,
            cancel: &AtomicBool::new(false),
        };
        let mut whole = Batch::default();
        (connector.discover)(&request, &mut |batch| whole.extend(batch)).unwrap();
        all.push((connector.id, whole, (connector.test)(&request).unwrap()));
    }
    all
}

/// Texts of a JSON value that hold the secret, with where they stand.
fn leaks(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    let secret = CHOSEN.to_lowercase();
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                if key.to_lowercase().contains(&secret) {
                    found.push(format!("{at} key {key}"));
                }
                leaks(value, &format!("{at}/{key}"), found);
            }
        }
        serde_json::Value::Array(list) => {
            for value in list {
                let kind = value.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default();
                leaks(value, &format!("{at}/{kind}"), found);
            }
        }
        serde_json::Value::String(text) if text.to_lowercase().contains(&secret) => {
            found.push(format!("{at}: {text}"));
        }
        _ => {}
    }
}

#[test]
fn nothing_that_is_said_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let files = files();
    assert!(files.len() > 70, "{} files", files.len());
    for (path, text) in &files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let progress = Mutex::new(Vec::new());
    let mut found = Vec::new();
    for (connector, batch, said) in read_all(root, &|it| progress.lock().unwrap().push(it)) {
        assert!(batch.n_records() > 5, "{connector} read something");
        leaks(&serde_json::to_value(&batch).unwrap(), connector, &mut found);
        leaks(&serde_json::Value::String(said), "test", &mut found);
    }
    leaks(&serde_json::to_value(&*progress.lock().unwrap()).unwrap(), "progress", &mut found);
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{} texts:\n{}", found.len(), found.join("\n"));
}
