//! Writes the documents in `docs/reference/` that are made from code, or says which are stale.
//!
//! A document is a row of [`DOCUMENTS`]: its path and the function that makes its text.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use connectors::{Descriptor, SettingKind};
use model::kinds::{CREDENTIAL_KINDS, General, IDENTITY_KINDS, PLACE_KINDS};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a document is not what the code says.
    #[arg(long)]
    check: bool,
}

/// What makes a document.
enum Make {
    Here(fn() -> Result<String>),
    /// The program tells it: its arguments, and what stands before its answer.
    Told(&'static [&'static str], &'static str),
}

const DOCUMENTS: &[(&str, Make)] = &[
    ("docs/reference/cli.md", Make::Told(&["reference", "commands"], COMMANDS_HEAD)),
    ("docs/reference/configuration.md", Make::Here(configuration)),
    ("docs/reference/connectors.md", Make::Here(|| Ok(connectors_reference()))),
    ("docs/reference/kinds.md", Make::Here(|| Ok(kinds()))),
    ("docs/reference/openapi.json", Make::Told(&["reference", "api"], "")),
    ("docs/reference/report.schema.json", Make::Told(&["schema"], "")),
    ("docs/reference/rules.md", Make::Here(|| Ok(assess::reference()))),
];

const COMMANDS_HEAD: &str = "\
# Commands

<!-- Made from the program's own description of itself by `cargo xtask codegen`. -->

Data goes to standard output, talk to standard error; `--format json` is there for every command that shows data.
Exit status: 0 fine, 1 findings at or above `--fail-on`, 2 could not run, 3 incomplete coverage with `--require-complete`.
What stands under `tutela` itself may be given to every command.
";

impl Make {
    fn make(&self, root: &Path) -> Result<String> {
        match self {
            Self::Here(make) => make(),
            Self::Told(arguments, head) => {
                let output = Command::new("cargo")
                    .args(["run", "--quiet", "--package", "cli", "--"])
                    .args(*arguments)
                    .env_remove("RUST_LOG")
                    .current_dir(root)
                    .stderr(Stdio::inherit())
                    .output()
                    .context("cannot run cargo")?;
                let told = arguments.join(" ");
                ensure!(output.status.success(), "`tutela {told}` failed");
                Ok(format!("{head}{}", String::from_utf8(output.stdout)?))
            }
        }
    }
}

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
        if written != make.make(root)? {
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
    std::fs::write(&file, make.make(root)?).with_context(|| format!("cannot write `{path}`"))
}

/// Every kind of identity, credential and place, in the order of the tables they stand in.
fn kinds() -> String {
    let mut text = String::from(
        "# Kinds\n\n\
         <!-- Made from `crates/model/src/kinds.rs` and the connectors by `cargo xtask codegen`. -->\n\n\
         What `kind` can be. A list filters by it (`--filter kind:iam-role`), and so does a rule.\n\n\
         ## Identities\n\n| kind | title | sort | sort for people |\n|---|---|---|---|\n",
    );
    let of_connectors = app::sources::descriptors().flat_map(|connector| connector.kinds);
    for kind in IDENTITY_KINDS.iter().chain(of_connectors) {
        let (id, sort) = (kind.general.id(), kind.general.title());
        line(&mut text, &format!("| `{}` | {} | `{id}` | {sort} |", kind.id, cell(kind.title)));
    }
    let person = General::Person.id();
    line(
        &mut text,
        &format!(
            "\nWhat is of the sort `{person}` is no non-human identity; it is there for what hangs on it."
        ),
    );
    text.push_str("\n## Credentials\n\nWho holds the bytes of a *secret* kind can act as its identity.\n\n| kind | title | secret |\n|---|---|---|\n");
    for kind in CREDENTIAL_KINDS {
        let secret = if kind.secret { "yes" } else { "no" };
        line(&mut text, &format!("| `{}` | {} | {secret} |", kind.id, cell(kind.title)));
    }
    text.push_str("\n## Places\n\n| kind | title |\n|---|---|\n");
    for kind in PLACE_KINDS {
        line(&mut text, &format!("| `{}` | {} |", kind.id, cell(kind.title)));
    }
    text
}

/// The commented configuration file as a table: the comment above a key is its meaning.
fn configuration() -> Result<String> {
    let file = crate::tree::root().join("packaging/tutela.toml");
    let written = std::fs::read_to_string(&file).context("cannot read packaging/tutela.toml")?;
    let mut text = String::from(CONFIGURATION_HEAD);
    let mut comment: Vec<&str> = Vec::new();
    for written in written.lines() {
        let said = written.trim_start_matches('#').trim();
        match said.split_once(" = ") {
            Some((key, value)) if !key.contains(' ') => {
                let meaning = cell(&comment.join(" "));
                line(&mut text, &format!("| `{key}` | `{value}` | {meaning} |"));
                comment.clear();
            }
            _ if said.is_empty() => comment.clear(),
            _ => comment.push(said),
        }
    }
    text.push_str(ENVIRONMENT);
    Ok(text)
}

const CONFIGURATION_HEAD: &str = "\
# Configuration

<!-- Made from `packaging/tutela.toml` by `cargo xtask codegen`. -->

Tutela needs none.
A file is TOML, named with `--config`, else `$XDG_CONFIG_HOME/tutela/tutela.toml`; `packaging/tutela.toml` is one with every key, commented out.
It must belong to root or to who runs Tutela, and be writable by its owner only.
Flags win over the file.

| key | default or example | |
|---|---|---|
";

const ENVIRONMENT: &str = "
## Environment

| variable | |
|---|---|
| `TUTELA_TOKEN` | The API token for `--server`, where no `--token-file` is given. |
| `TUTELA_LOG` | What is noted on standard error: `info`, `store=debug`; `warn` without it. |
| `XDG_DATA_HOME`, `XDG_CONFIG_HOME` | Where the data folder and the configuration file are looked for. |
| `NO_COLOR` | No colour, also on a terminal. |
";

fn connectors_reference() -> String {
    let mut text = String::from(
        "# Connectors\n\n\
         <!-- Made from the connectors' descriptors by `cargo xtask codegen`. -->\n\n\
         A source is a connector with settings. Each reads and never writes; what it cannot read is a \
         gap with a path and a reason.\n",
    );
    for connector in app::sources::descriptors() {
        describe(connector, &mut text);
    }
    text
}

fn describe(connector: &Descriptor, text: &mut String) {
    let Descriptor { id, title, summary, settings, permissions, kinds, .. } = connector;
    line(text, &format!("\n## `{id}`: {title}\n\n{summary}\n"));
    line(
        text,
        &format!(
            "[What it reads in detail](../../{}/README.md)\n",
            crate::tree::connector_folder(id)
        ),
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
