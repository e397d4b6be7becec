//! Checks of source files, one at a time.

use super::Checkout;

/// Names that say nothing: a file is named after its subject.
const NAMELESS: [&str; 5] = ["utils", "helpers", "common", "misc", "manager"];

pub(super) fn names(checkout: &Checkout) -> Vec<String> {
    let nameless = |part: &str| {
        let stem = part.split('.').next().unwrap_or_default();
        let singular = |name: &str| name.trim_end_matches('s').to_owned();
        NAMELESS.iter().any(|name| singular(name) == singular(stem))
    };
    let ours = |path: &str| !path.contains("/vendor/") && !path.contains("/fixtures/");
    (checkout.tree.files.iter())
        .filter(|file| ours(&file.path) && file.path.split('/').any(nameless))
        .map(|file| format!("{}: a name that says nothing; what is its subject?", file.path))
        .collect()
}

pub(super) fn heads(checkout: &Checkout) -> Vec<String> {
    (checkout.tree.sources())
        .filter(|file| file.name() != "tests.rs" && !file.path.contains("/tests/"))
        .filter(|file| !file.text().starts_with("//! ") || file.text().starts_with("//! ("))
        .map(|file| format!("{}: begins without `//!` and what this is", file.path))
        .collect()
}

pub(super) fn marks(checkout: &Checkout) -> Vec<String> {
    // Put together here, so that this file passes its own check.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    let is_word = |line: &str, mark: &str| {
        line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == mark)
    };
    let mut problems = Vec::new();
    for file in &checkout.tree.files {
        let ours = file.is(&["rs", "sh", "sql", "css", "js"]);
        if !ours || file.path.contains("/vendor/") || file.path.contains("/fixtures/") {
            continue;
        }
        for (n, line) in file.text().lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| is_word(line, mark)) {
                problems.push(format!("{}:{}: {mark}: do it, or open an issue", file.path, n + 1));
            }
        }
    }
    problems
}

pub(super) fn snapshots(checkout: &Checkout) -> Vec<String> {
    // They are ignored by git and so not in the tree; what is in it was added by force.
    (checkout.tree.files.iter())
        .filter(|file| file.path.ends_with(".snap.new") || file.name() == ".pending-snap")
        .map(|file| format!("{}: review it with `cargo insta review`", file.path))
        .collect()
}

pub(super) fn lints(checkout: &Checkout) -> Vec<String> {
    let manifests = checkout.tree.files.iter().filter(|file| {
        file.name() == "Cargo.toml"
            && file.path != "Cargo.toml"
            && !file.path.contains("/fixtures/")
    });
    manifests
        .filter(|file| {
            let manifest: toml::Table = file.text().parse().unwrap_or_default();
            // A fuzz crate is a workspace of its own, for it needs another compiler.
            let own_workspace = manifest.contains_key("workspace");
            let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace"))
                == Some(&toml::Value::Boolean(true));
            !own_workspace && !inherits
        })
        .map(|file| format!("{}: add `[lints] workspace = true`", file.path))
        .collect()
}
