//! Commands about the program itself: `schema`, `completions`, `man`, and the hidden `reference`,
//! from which `docs/reference/` is made.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Arg, ValueEnum};
use clap_complete::Shell;

use crate::output::{self, Exit};

/// Print the JSON Schema of `--format json`.
#[derive(Debug, clap::Args)]
pub(crate) struct SchemaArgs {}

pub(crate) fn schema(_: &SchemaArgs) -> anyhow::Result<Exit> {
    output::print_json(&app::report::schema())?;
    Ok(Exit::Fine)
}

/// Print a shell's completions.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

pub(crate) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "tutela", &mut text);
    output::print(&String::from_utf8(text)?)?;
    Ok(Exit::Fine)
}

/// Print the manual page, or write one per command into a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Write `tutela.1`, `tutela-scan.1` … into this folder.
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

pub(crate) fn man(args: &ManArgs, command: clap::Command) -> anyhow::Result<Exit> {
    if let Some(folder) = &args.to {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("creating `{}`", folder.display()))?;
        clap_mangen::generate_to(command, folder)
            .with_context(|| format!("writing manual pages to `{}`", folder.display()))?;
    } else {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text)?;
        output::print(&String::from_utf8(text)?)?;
    }
    Ok(Exit::Fine)
}

/// Print a part of the reference, for `cargo xtask codegen`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReferenceArgs {
    #[arg(value_enum)]
    part: Part,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    /// Every command and flag, as Markdown.
    Commands,
    /// The OpenAPI document of the API.
    Api,
}

pub(crate) fn reference(args: &ReferenceArgs, mut command: clap::Command) -> anyhow::Result<Exit> {
    match args.part {
        Part::Api => output::print_json(server::openapi_document())?,
        Part::Commands => {
            command.build();
            let mut text = String::new();
            describe(&command, &mut text);
            output::print(&text)?;
        }
    }
    Ok(Exit::Fine)
}

/// A command, its arguments and the commands below it.
fn describe(command: &clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string);
    let is_top = !name.contains(' ');
    text.push_str(&format!("\n## `{name}`\n\n{}\n", about.unwrap_or_default()));
    let usage = command.clone().render_usage().to_string();
    text.push_str(&format!("\n    {}\n\n", usage.trim_start_matches("Usage: ").trim()));
    let is_own = |arg: &&Arg| {
        let is_built_in = matches!(arg.get_id().as_str(), "help" | "version");
        !arg.is_hide_set() && !is_built_in && (is_top || !arg.is_global_set())
    };
    let arguments: Vec<&Arg> = command.get_arguments().filter(is_own).collect();
    if !arguments.is_empty() {
        text.push_str("| argument | |\n|---|---|\n");
    }
    for argument in arguments {
        text.push_str(&format!("| `{}` | {} |\n", written(argument), meaning(argument)));
    }
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            describe(below, text);
        }
    }
}

/// As it is typed: `-q, --quiet`, `--format <FORMAT>`, `[PATH]...`.
fn written(argument: &Arg) -> String {
    if argument.is_positional() {
        return argument.to_string();
    }
    let flags = [
        argument.get_short().map(|short| format!("-{short}")),
        argument.get_long().map(|long| format!("--{long}")),
    ];
    let flags = flags.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !argument.get_action().takes_values() {
        return flags;
    }
    let fallback = argument.get_id().as_str().to_uppercase();
    let value = argument.get_value_names().and_then(<[_]>::first);
    format!("{flags} <{}>", value.map_or(fallback, ToString::to_string))
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string);
    let mut parts = vec![help.unwrap_or_default().trim().trim_end_matches('.').to_owned()];
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        parts.push(format!("One of {}", values.join(", ")));
    }
    let defaults = argument.get_default_values();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let shown = defaults.iter().map(|it| format!("`{}`", it.to_string_lossy()));
        parts.push(format!("Default: {}", shown.collect::<Vec<_>>().join(" ")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(". ").replace('|', "\\|").replace('\n', " ")
}
