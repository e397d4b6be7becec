//! Checks of the dependency graph, as `cargo metadata` states it.
//!
//! What is allowed stands in `deny.toml`, which `cargo deny` reads too; a contributor needs only
//! cargo for this check.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Checkout;

/// What a crate may never depend on, directly: the reason it is a crate of its own.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("model", &["tokio", "rusqlite", "axum", "reqwest", "tracing", "rustix", OURS]),
    ("credentials", &["tokio", "rusqlite", "axum", "reqwest", "rustix", "ignore", OURS]),
    ("policy", &["tokio", "rusqlite", "axum", "reqwest", "rustix", "model", OURS]),
    ("activity", &["tokio", "rusqlite", "axum", "reqwest", "rustix", OURS]),
    ("assess", &["tokio", "rusqlite", "axum", "reqwest", "rustix", OURS]),
    ("connectors", &["rusqlite", "axum", "store", "assess", "app", "server", "cli"]),
    ("connector-aws", &["rusqlite", "axum", "store", "assess", "app", "server", "cli"]),
    ("store", &["axum", "reqwest", "connectors", "credentials", "assess", "app", "server", "cli"]),
    ("app", &["rusqlite", "axum", "clap", "server", "cli"]),
    // The plain types of `store` and `connectors` are what `app` answers with.
    ("server", &["rusqlite", "clap", "assess", "cli"]),
    // `axum`: the router is called in process when nobody serves the folder.
    ("cli", &["rusqlite", "store"]),
    (
        "demo",
        &["tokio", "rusqlite", "axum", "reqwest", "getrandom", "store", "app", "server", "cli"],
    ),
];

/// Stands for every crate of the workspace but `model`.
const OURS: &str = "<ours>";

/// Every crate that may use the only SQL there is.
const SQL: &[&str] = &["store", "xtask"];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) struct Packages {
    by_id: BTreeMap<String, Package>,
    members: BTreeSet<String>,
    /// Everything that is built for Linux, reached from the members.
    reached: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    id: String,
    license: Option<String>,
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    optional: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Packages {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let output = Command::new("cargo")
            .args([
                "metadata",
                "--format-version",
                "1",
                "--locked",
                "--filter-platform",
                "x86_64-unknown-linux-gnu",
            ])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(root)
            .output()
            .context("cannot run `cargo metadata`")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cannot read `cargo metadata`")?;
        let members: BTreeSet<String> = metadata.workspace_members.into_iter().collect();
        let edges: BTreeMap<String, Vec<String>> =
            metadata.resolve.nodes.into_iter().map(|node| (node.id, node.dependencies)).collect();
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<String> = members.iter().cloned().collect();
        while let Some(id) = waiting.pop() {
            waiting.extend(edges.get(&id).into_iter().flatten().cloned());
            if !reached.insert(id.clone()) {
                waiting.retain(|next| !reached.contains(next));
            }
        }
        let by_id = metadata.packages.into_iter().map(|p| (p.id.clone(), p)).collect();
        Ok(Self { by_id, members, reached })
    }

    /// Names of the crates of the workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        self.workspace().map(|package| package.name.as_str())
    }

    fn workspace(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().filter_map(|id| self.by_id.get(id))
    }

    /// Other people's crates that are built into something of ours.
    fn foreign(&self) -> impl Iterator<Item = &Package> {
        (self.reached.iter())
            .filter_map(|id| self.by_id.get(id))
            .filter(|package| package.source.is_some())
    }
}

pub(super) fn layers(checkout: &Checkout) -> Vec<String> {
    let ours: BTreeSet<&str> = checkout.packages.members().collect();
    let mut problems = Vec::new();
    for package in checkout.packages.workspace() {
        let forbidden = FORBIDDEN.iter().find(|(name, _)| *name == package.name);
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let for_tests = dependency.kind.as_deref() == Some("dev");
            let is_ours = ours.contains(name) && name != "model";
            let is_forbidden = forbidden.is_some_and(|(_, names)| {
                names.contains(&name) || (is_ours && names.contains(&OURS))
            });
            let is_sql = name == "rusqlite" && !SQL.contains(&package.name.as_str());
            if (is_forbidden || is_sql) && !for_tests {
                problems.push(format!("`{}` must not depend on `{name}`", package.name));
            }
        }
    }
    problems
}

/// A member names dependencies and says `workspace = true`; the version stands in one place.
pub(super) fn versions(checkout: &Checkout) -> Vec<String> {
    let mut problems = Vec::new();
    for name in checkout.packages.members() {
        let Some(file) = (checkout.tree.file(&format!("crates/{name}/Cargo.toml")))
            .or_else(|| checkout.tree.file(&format!("{name}/Cargo.toml")))
        else {
            continue;
        };
        let manifest: toml::Table = file.text().parse().unwrap_or_default();
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (dependency, value) in table {
                if value.get("workspace") != Some(&toml::Value::Boolean(true)) {
                    problems
                        .push(format!("{}: `{dependency}` without `workspace = true`", file.path));
                }
            }
        }
    }
    problems
}

/// Whether the sources of a crate speak of what its manifest asks for.
pub(super) fn unused(checkout: &Checkout) -> Vec<String> {
    let mut problems = Vec::new();
    for package in checkout.packages.workspace() {
        let folders = [format!("crates/{}", package.name), package.name.clone()];
        let sources: Vec<&str> = (checkout.tree.files.iter())
            .filter(|file| file.is(&["rs"]))
            .filter(|file| folders.iter().any(|folder| file.below(folder).is_some()))
            .map(crate::tree::File::text)
            .collect();
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.optional) {
            let name = dependency.name.replace('-', "_");
            let speaks = |text: &&str| {
                text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
            };
            if !sources.iter().any(speaks) {
                problems.push(format!("`{}` does not use `{}`", package.name, dependency.name));
            }
        }
    }
    problems
}

pub(super) fn licences(checkout: &Checkout) -> Vec<String> {
    let deny = deny_file(checkout);
    let allowed: BTreeSet<&str> = (deny.get("licenses"))
        .and_then(|licences| licences.get("allow")?.as_array())
        .map(|allow| allow.iter().filter_map(toml::Value::as_str).collect())
        .unwrap_or_default();
    (checkout.packages.foreign())
        .filter(|package| {
            !package.license.as_deref().is_some_and(|text| is_allowed(text, &allowed))
        })
        .map(|package| {
            let licence = package.license.as_deref().unwrap_or("no licence");
            format!("`{} {}`: {licence}", package.name, package.version)
        })
        .collect()
}

pub(super) fn bans(checkout: &Checkout) -> Vec<String> {
    let deny = deny_file(checkout);
    let banned: Vec<(&str, Option<&str>)> = (deny.get("bans"))
        .and_then(|bans| bans.get("deny")?.as_array())
        .map(|entries| {
            let names = entries.iter().filter_map(|entry| entry.get("crate")?.as_str());
            names
                .map(|name| name.split_once(":<").map_or((name, None), |(n, v)| (n, Some(v))))
                .collect()
        })
        .unwrap_or_default();
    if banned.is_empty() {
        return vec!["deny.toml bans nothing".into()];
    }
    let mut problems = Vec::new();
    for package in checkout.packages.foreign() {
        let is_banned = banned.iter().any(|(name, below)| {
            package.name == *name
                && below.is_none_or(|below| version(&package.version) < version(below))
        });
        if is_banned && is_built(&package.name, &package.version) {
            problems.push(format!("`{} {}` is banned by deny.toml", package.name, package.version));
        }
    }
    problems
}

pub(super) fn registries(checkout: &Checkout) -> Vec<String> {
    (checkout.packages.foreign())
        .filter(|package| package.source.as_deref() != Some(REGISTRY))
        .map(|package| {
            let source = package.source.as_deref().unwrap_or_default();
            format!("`{} {}` comes from {source}", package.name, package.version)
        })
        .collect()
}

fn deny_file(checkout: &Checkout) -> toml::Table {
    let text = checkout.tree.file("deny.toml").map(crate::tree::File::text).unwrap_or_default();
    text.parse().unwrap_or_default()
}

fn version(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// Whether an SPDX expression can be met with the allowed licences: any side of `OR`, all sides of
/// `AND`. The old `/` means `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace(" WITH ", "+WITH+").replace('/', " OR ");
    let spaced = spaced.replace('(', " ( ").replace(')', " ) ");
    let mut words: VecDeque<&str> = spaced.split_whitespace().collect();
    any_side(&mut words, allowed) && words.is_empty()
}

fn any_side(words: &mut VecDeque<&str>, allowed: &BTreeSet<&str>) -> bool {
    let mut met = all_sides(words, allowed);
    while words.front() == Some(&"OR") {
        words.pop_front();
        met |= all_sides(words, allowed);
    }
    met
}

fn all_sides(words: &mut VecDeque<&str>, allowed: &BTreeSet<&str>) -> bool {
    let mut met = one_side(words, allowed);
    while words.front() == Some(&"AND") {
        words.pop_front();
        met &= one_side(words, allowed);
    }
    met
}

fn one_side(words: &mut VecDeque<&str>, allowed: &BTreeSet<&str>) -> bool {
    match words.pop_front() {
        Some("(") => {
            let met = any_side(words, allowed);
            words.pop_front() == Some(")") && met
        }
        Some(licence) => allowed.contains(licence.replace("+WITH+", " WITH ").as_str()),
        None => false,
    }
}

/// Whether a crate is compiled at all: `cargo metadata` also names optional dependencies whose
/// feature is off. What cannot be told counts as compiled.
fn is_built(name: &str, version: &str) -> bool {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--quiet",
            "-e",
            "normal,build",
            "--prefix",
            "none",
        ])
        .args(["-i", &format!("{name}@{version}")])
        .output();
    !output.is_ok_and(|output| output.status.success() && output.stdout.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_expression_is_met_by_any_side_of_or_and_all_sides_of_and() {
        let allowed =
            BTreeSet::from(["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"]);
        let check = |expression: &str, expected: bool| {
            assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
        };
        check("MIT", true);
        check("MIT/Unheard-Of", true);
        check("GPL-3.0-only", false);
        check("GPL-3.0-only OR MIT", true);
        check("GPL-3.0-only AND MIT", false);
        check("ISC AND (GPL-2.0-only OR Apache-2.0)", true);
        check("(MIT OR Apache-2.0) AND Unheard-Of", false);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("Apache-2.0 WITH Unheard-Of", false);
        check("MIT )", false);
        check("(MIT", false);
        check("", false);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("0.9.1") < version("0.23"));
        assert!(version("0.23.5") > version("0.23"));
    }
}
