//! Writes the documents in `docs/reference/` that are made from code, or says which are stale.
//!
//! A document is a row of [`DOCUMENTS`]: its path and the function that makes its text.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use connectors::{Descriptor, SettingKind};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a document is not what the code says.
    #[arg(long)]
    check: bool,
}

type Make = fn() -> String;

const DOCUMENTS: &[(&str, Make)] = &[
    ("docs/reference/connectors.md", connectors_reference),
    ("docs/reference/rules.md", assess::reference),
];

pub(crate) fn run(args: &Args) -> Result<bool> {
    let root = crate::tree::root();
    let stale = stale(&root)?;
    for path in &stale {
        if args.check {
            eprintln!("{path} is not what the code says: cargo xtask codegen");
        } else {
            write(&root, path)?;
            eprintln!("wrote {path}");
        }
    }
    Ok(stale.is_empty() || !args.check)
}

/// The documents that are not what the code says.
pub(crate) fn stale(root: &Path) -> Result<Vec<&'static str>> {
    let mut stale = Vec::new();
    for (path, make) in DOCUMENTS {
        let written = match std::fs::read_to_string(root.join(path)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{path}`")),
        };
        if written != make() {
            stale.push(*path);
        }
    }
    Ok(stale)
}

fn write(root: &Path, path: &str) -> Result<()> {
    let Some((_, make)) = DOCUMENTS.iter().find(|(document, _)| *document == path) else {
        return Ok(());
    };
    let file = root.join(path);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&file, make()).with_context(|| format!("cannot write `{path}`"))
}

fn connectors_reference() -> String {
    let mut text = String::from(
        "# Connectors\n\n\
         <!-- Made from the connectors' descriptors by `cargo xtask codegen`. -->\n\n\
         A source is a connector with settings. Each reads and never writes; what it cannot read is a \
         gap with a path and a reason.\n",
    );
    for connector in connectors::CONNECTORS {
        describe(connector, &mut text);
    }
    text
}

fn describe(connector: &Descriptor, text: &mut String) {
    let Descriptor { id, title, summary, settings, permissions, kinds, .. } = connector;
    let folder = id.replace('-', "_");
    line(text, &format!("\n## `{id}`: {title}\n\n{summary}\n"));
    line(
        text,
        &format!("[What it reads in detail](../../crates/connectors/src/{folder}/README.md)\n"),
    );
    if settings.is_empty() {
        line(text, "It has no settings.\n");
    } else {
        line(text, "| setting | value | default | |\n|---|---|---|---|");
        for setting in *settings {
            let default = if setting.default.is_empty() {
                String::new()
            } else {
                format!("`{}`", setting.default)
            };
            let kind = match setting.kind {
                SettingKind::Text => "text",
                SettingKind::Path => "path",
                SettingKind::Paths => "paths",
                SettingKind::List => "list",
                SettingKind::Truth => "`true` or `false`",
                SettingKind::Number => "number",
            };
            let help = cell(setting.help);
            line(text, &format!("| `{}` | {kind} | {default} | {help} |", setting.name));
        }
        line(text, "");
    }
    if !permissions.is_empty() {
        line(text, "| permission | lets it read | how to grant it |\n|---|---|---|");
        for permission in *permissions {
            let (name, reads) = (cell(permission.name), cell(permission.reads));
            line(text, &format!("| {name} | {reads} | `{}` |", cell(permission.grant)));
        }
        line(text, "");
    }
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.id)).collect();
        line(text, &format!("Kinds only this connector has: {}.", kinds.join(", ")));
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").unwrap_or_default();
}

/// Text that does not break out of a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
