use super::*;
use model::Time;

/// The paths and contents of everything that is written, in one text.
fn written(plan: &Plan) -> (u64, String) {
    let folder = tempfile::tempdir().unwrap();
    let n = write(plan, folder.path()).unwrap();
    let mut text = String::new();
    let mut waiting = vec![folder.path().to_owned()];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { waiting.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    assert_eq!(files.len() as u64, n);
    for file in files {
        let path = file.strip_prefix(folder.path()).unwrap().display().to_string();
        text.push_str(&format!("=== {path}\n{}", std::fs::read_to_string(&file).unwrap()));
    }
    (n, text)
}

fn plan(identities: u64) -> Plan {
    Plan { identities, ..Plan::new(Time::from_seconds(1_795_000_000)) }
}

#[test]
fn a_small_estate_in_full() {
    let (_, text) = written(&plan(40));
    insta::assert_snapshot!(text);
}

#[test]
fn the_same_plan_gives_the_same_files() {
    assert_eq!(written(&plan(1_000)), written(&plan(1_000)));
}

#[test]
fn base64_is_the_usual_one() {
    assert_eq!(base64(b"M"), "TQ==");
    assert_eq!(base64(b"Ma"), "TWE=");
    assert_eq!(base64(b"Man"), "TWFu");
}
