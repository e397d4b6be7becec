//! Kill -9 in the middle of a sync: the previous state stands, the next sync repairs.
//!
//! The test starts itself as a child process, which syncs step by step, each when it is told to
//! on its standard input, and says on its standard output what it did. It is killed between and
//! during steps.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use model::Batch;
use store::{Store, SyncState};

use crate::world::{at, complete, identity, names, scope, source, sync};

/// The name of the test that is the child, and the file by which it knows that it is one.
const CHILD: &str = "crash::the_child_that_is_killed";
const HANDSHAKE: &str = "child-folder";

const PARTS: i64 = 4;
/// In each part: enough for a step to take some time.
const RECORDS: u64 = 1_000;

fn batch(part: i64) -> Batch {
    let etc = scope("/etc");
    let mut batch = Batch {
        identities: (0..RECORDS).map(|n| identity(&format!("new-{part}-{n}"), etc.id)).collect(),
        coverage: vec![complete(&etc)],
        ..Batch::default()
    };
    if part == 0 {
        let mut changed = identity("stays", etc.id);
        changed.name = "changed".into();
        batch.identities.push(changed);
    }
    batch.settle();
    batch
}

/// Does nothing unless it was started by the test below, in a folder that says so.
#[test]
fn the_child_that_is_killed() {
    let Ok(folder) = std::fs::read_to_string(HANDSHAKE) else { return };
    let store = Store::open(Path::new(&folder), "child", at(2)).unwrap();
    let here = store.sources().unwrap()[0].id;
    let mut lines = std::io::stdin().lines();
    let mut step = |word: &str| {
        // The test harness takes what is printed; the pipe is spoken to past it.
        let mut out = std::io::stderr();
        writeln!(out, "step {word}").unwrap();
        out.flush().unwrap();
        lines.next().unwrap().unwrap();
    };
    step("opened");
    let mut writer = store.begin_sync(here, at(2)).unwrap();
    step("begun");
    for part in 0..PARTS {
        writer.put(&batch(part)).unwrap();
        step("put");
    }
    writer.publish(at(3)).unwrap();
    step("published");
}

/// Kills the child after so many steps; with `during`, while it does the one after.
fn check(steps: i64, during: bool) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = Store::open(&data, "tests", at(0)).unwrap();
    let here = source(&store, "here");
    let etc = scope("/etc");
    let first = Batch {
        identities: vec![identity("stays", etc.id), identity("goes", etc.id)],
        coverage: vec![complete(&etc)],
        ..Batch::default()
    };
    sync(&store, here, first, at(1));
    drop(store);
    std::fs::write(folder.path().join(HANDSHAKE), data.to_str().unwrap()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, "--exact", "--nocapture", "--test-threads=1"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stderr.take().unwrap());
    for _ in 0..steps {
        let mut line = String::new();
        while !line.starts_with("step ") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended early");
        }
        writeln!(input).unwrap();
    }
    if !during {
        let mut line = String::new();
        while !line.starts_with("step ") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended early");
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let store = Store::open(&data, "tests", at(4)).unwrap();
    let stood = ["goes", "stays"];
    let shown = names(&store, None);
    let is_published = shown != stood;
    if is_published {
        assert_eq!(shown.len(), 1000, "all of it, by pages of a thousand");
        assert!(steps >= PARTS + 2, "published after {steps} steps");
    } else {
        assert!(during || steps < PARTS + 2, "not published after {steps} steps");
    }
    assert!(store.syncs_state().iter().all(|state| *state != SyncState::Running));
    let mut writer = store.begin_sync(here, at(5)).unwrap();
    for part in 0..PARTS {
        writer.put(&batch(part)).unwrap();
    }
    let counts = writer.publish(at(5)).unwrap().identities;
    let n_new = u64::try_from(PARTS).unwrap() * RECORDS;
    if is_published {
        assert_eq!((counts.added, counts.unchanged), (0, n_new + 1));
    } else {
        assert_eq!((counts.added, counts.changed, counts.gone), (n_new, 1, 1));
    }
    assert_eq!(names(&store, Some(at(1))), stood);
}

trait SyncsState {
    fn syncs_state(&self) -> Vec<SyncState>;
}

impl SyncsState for Store {
    fn syncs_state(&self) -> Vec<SyncState> {
        let syncs = self.list_syncs(&store::ListQuery::default()).unwrap().rows;
        syncs.into_iter().map(|sync| sync.state).collect()
    }
}

#[test]
fn a_killed_sync_leaves_what_stood() {
    for steps in 0..PARTS + 3 {
        check(steps, false);
        if steps > 0 && steps < PARTS + 3 {
            check(steps, true);
        }
    }
}
