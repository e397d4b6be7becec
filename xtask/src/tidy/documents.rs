//! Checks of what is written for people.

use super::Checkout;

/// Longer, and nobody reads it.
const MAX_ARCHITECTURE_LINES: usize = 200;

const FRAGMENT_KINDS: [&str; 5] = ["added", "changed", "fixed", "removed", "security"];

pub(super) fn architecture(checkout: &Checkout) -> Vec<String> {
    let Some(file) = checkout.tree.file("ARCHITECTURE.md") else {
        return vec!["ARCHITECTURE.md is missing".into()];
    };
    let mut problems = Vec::new();
    let n_lines = file.text().lines().count();
    if n_lines > MAX_ARCHITECTURE_LINES {
        problems.push(format!("{n_lines} lines; at most {MAX_ARCHITECTURE_LINES}"));
    }
    for name in checkout.packages.members() {
        if !file.text().contains(&format!("`crates/{name}`"))
            && !file.text().contains(&format!("`{name}`"))
        {
            problems.push(format!("does not say what `{name}` is"));
        }
    }
    problems
}

pub(super) fn decisions(checkout: &Checkout) -> Vec<String> {
    let mut problems = Vec::new();
    let records = checkout.tree.files.iter().filter_map(|file| {
        let name = file.below("docs/adr")?;
        Some((file, name))
    });
    for (expected, (file, name)) in records.enumerate() {
        let number = format!("{expected:04}");
        if !name.starts_with(&format!("{number}-")) {
            problems.push(format!("{}: the next number is {number}", file.path));
        }
        let is_template = expected == 0;
        if !is_template && !file.text().starts_with(&format!("# {number}. ")) {
            problems.push(format!("{}: begin with `# {number}. `", file.path));
        }
        if !file.text().contains("Status: ") {
            problems.push(format!("{}: say `Status: `", file.path));
        }
    }
    problems
}

pub(super) fn fragments(checkout: &Checkout) -> Vec<String> {
    (checkout.tree.files.iter())
        .filter_map(|file| file.below("changelog.d"))
        .filter(|name| *name != "README.md")
        .filter(|name| {
            let kind = name.strip_suffix(".md").and_then(|name| name.rsplit_once('.'));
            !kind.is_some_and(|(_, kind)| FRAGMENT_KINDS.contains(&kind))
        })
        .map(|name| format!("changelog.d/{name}: name it `<what>.<kind>.md`, see README.md there"))
        .collect()
}

pub(super) fn connectors(checkout: &Checkout) -> Vec<String> {
    let mut problems = Vec::new();
    for connector in app::sources::descriptors() {
        let folder = crate::tree::connector_folder(connector.id);
        if checkout.tree.file(&format!("{folder}/README.md")).is_none() {
            problems.push(format!("{folder}/README.md is missing"));
        }
        if connector.permissions.is_empty() {
            problems.push(format!("`{}` does not say which permissions it needs", connector.id));
        }
        if !connector.summary.ends_with('.') {
            problems.push(format!("the summary of `{}` is not a sentence", connector.id));
        }
    }
    problems
}
