//! What reviewers would otherwise have to remember, checked.
//!
//! A check is a function from what is in the checkout to its problems, each one line that says
//! where and what; [`CHECKS`] lists them. A new rule of the house is a new function here.

mod dependencies;
mod documents;
mod sources;

use anyhow::Result;

use crate::codegen;
use crate::tally::Tally;
use crate::tree::{self, Tree};
use dependencies::Packages;

/// What a check looks at.
struct Checkout {
    tree: Tree,
    packages: Packages,
}

type Check = fn(&Checkout) -> Vec<String>;

const CHECKS: &[(&str, Check)] = &[
    ("file names say what is inside", sources::names),
    ("every module begins with what it is", sources::heads),
    ("nothing is left for later in a comment", sources::marks),
    ("no rejected snapshot lies around", sources::snapshots),
    ("every crate takes the lints of the workspace", sources::lints),
    ("crates depend only on what their layer may", dependencies::layers),
    ("versions are named once, in the workspace", dependencies::versions),
    ("every dependency is used", dependencies::unused),
    ("licences are permissive", dependencies::licences),
    ("one TLS stack", dependencies::bans),
    ("dependencies come from the registry", dependencies::registries),
    ("ARCHITECTURE.md is short and names every crate", documents::architecture),
    ("decisions are numbered and say their status", documents::decisions),
    ("changelog fragments have a kind", documents::fragments),
    ("every connector says what it reads", documents::connectors),
    ("generated documents are up to date", generated),
];

pub(crate) fn run() -> Result<bool> {
    let root = tree::root();
    let checkout = Checkout { tree: Tree::read(&root)?, packages: Packages::read(&root)? };
    let mut tally = Tally::default();
    for (name, check) in CHECKS {
        tally.note(name, &check(&checkout));
    }
    Ok(tally.finish())
}

fn generated(_: &Checkout) -> Vec<String> {
    match codegen::stale(&tree::root()) {
        Ok(stale) => stale
            .iter()
            .map(|path| format!("{path} is not what the code says: cargo xtask codegen"))
            .collect(),
        Err(error) => vec![format!("{error:#}")],
    }
}
