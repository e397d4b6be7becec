//! The commands, one module each.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::output::{Color, Exit, Format, Talk};

mod about;
mod scan;

/// See, assess and guard every identity that is not a person.
#[derive(Debug, Parser)]
#[command(name = "tutela", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// How to print data.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// The data folder [default: $XDG_DATA_HOME/tutela].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file [default: $XDG_CONFIG_HOME/tutela/tutela.toml].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say nothing but errors on standard error.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    #[arg(long, global = true, hide = true, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(scan::Args),
    Schema(about::SchemaArgs),
    Completions(about::CompletionsArgs),
    Man(about::ManArgs),
}

pub(crate) fn run(arguments: Arguments, talk: &Talk) -> anyhow::Result<Exit> {
    let Arguments { global, command } = arguments;
    match command {
        Command::Scan(args) => scan::run(&args, &global, talk),
        Command::Schema(args) => about::schema(&args),
        Command::Completions(args) => about::completions(&args, Arguments::command()),
        Command::Man(args) => about::man(&args, Arguments::command()),
    }
}
