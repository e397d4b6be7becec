//! Commands about the program itself: `schema`, `completions`, `man`.

use std::path::PathBuf;

use anyhow::Context;
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
