//! The commands, one module each.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::output::{Color, Exit, Format, Talk};

mod about;
mod activity;
mod demo;
mod explain;
mod lists;
mod manage;
mod permissions;
mod policy;
mod scan;
mod up;

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
    /// Ask the Tutela at this address instead of the one on this machine.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The file with the API token for --server; else $TUTELA_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
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
    Up(up::Args),
    Scan(scan::Args),
    /// Identities that are not people.
    #[command(subcommand)]
    Identities(lists::ListCommand),
    /// What proves identities.
    #[command(subcommand)]
    Credentials(lists::ListCommand),
    /// Where credentials lie.
    #[command(subcommand)]
    Places(lists::ListCommand),
    /// What identities may do.
    #[command(subcommand)]
    Grants(lists::ListCommand),
    /// Who can become an identity.
    #[command(subcommand)]
    Trusts(lists::ListCommand),
    /// Policy documents, as their system states them.
    #[command(subcommand)]
    Policies(lists::ListCommand),
    /// Who owns identities.
    #[command(subcommand)]
    Owners(manage::OwnersCommand),
    /// What is wrong, and the fix.
    #[command(subcommand)]
    Findings(manage::FindingsCommand),
    /// What is read, how often, and how that went.
    #[command(subcommand)]
    Source(manage::SourceCommand),
    Coverage(lists::CoverageArgs),
    Diff(lists::DiffArgs),
    Explain(explain::ExplainArgs),
    Can(permissions::CanArgs),
    WhoCan(permissions::WhoCanArgs),
    Effective(permissions::EffectiveArgs),
    Unused(permissions::UnusedArgs),
    Refine(permissions::RefineArgs),
    /// What identities were seen to do.
    #[command(subcommand)]
    Activity(activity::ActivityCommand),
    /// What permission documents mean.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Who may sign in.
    #[command(subcommand)]
    People(manage::PeopleCommand),
    /// API tokens.
    #[command(subcommand)]
    Token(manage::TokenCommand),
    Audit(lists::AuditArgs),
    Doctor(manage::DoctorArgs),
    Backup(manage::BackupArgs),
    Restore(manage::RestoreArgs),
    Demo(demo::Args),
    Schema(about::SchemaArgs),
    Completions(about::CompletionsArgs),
    Man(about::ManArgs),
    #[command(hide = true)]
    Reference(about::ReferenceArgs),
}

pub(crate) fn run(arguments: Arguments, talk: &Talk) -> anyhow::Result<Exit> {
    let Arguments { global, command } = arguments;
    if global.format == Format::Sarif && !matches!(command, Command::Scan(_)) {
        bail!("SARIF is for findings of `tutela scan` only; use `--format json` or `csv`");
    }
    match command {
        Command::Up(args) => up::run(&args, &global, talk),
        Command::Scan(args) => scan::run(&args, &global, talk),
        Command::Identities(command) => {
            lists::run(["identities", "identity"], &command, &global, talk)
        }
        Command::Credentials(command) => {
            lists::run(["credentials", "credential"], &command, &global, talk)
        }
        Command::Places(command) => lists::run(["places", "place"], &command, &global, talk),
        Command::Grants(command) => lists::run(["grants", "grant"], &command, &global, talk),
        Command::Trusts(command) => lists::run(["trusts", "trust"], &command, &global, talk),
        Command::Policies(command) => {
            lists::run(["policies", "policy document"], &command, &global, talk)
        }
        Command::Owners(command) => manage::owners(&command, &global, talk),
        Command::Findings(command) => manage::findings(&command, &global, talk),
        Command::Source(command) => manage::source(&command, &global, talk),
        Command::Coverage(args) => lists::coverage(&args, &global, talk),
        Command::Diff(args) => lists::diff(&args, &global, talk),
        Command::Explain(args) => explain::explain(&args, &global, talk),
        Command::Can(args) => permissions::can(&args, &global),
        Command::WhoCan(args) => permissions::who_can(&args, &global),
        Command::Unused(args) => permissions::unused(&args, &global, talk),
        Command::Refine(args) => permissions::refine(&args, &global, talk),
        Command::Effective(args) => permissions::effective(&args, &global),
        Command::Activity(command) => activity::run(&command, &global, talk),
        Command::Policy(command) => policy::run(&command, global.format, talk),
        Command::People(command) => manage::people(&command, &global, talk),
        Command::Token(command) => manage::token(&command, &global, talk),
        Command::Audit(args) => lists::audit(&args, &global, talk),
        Command::Doctor(args) => manage::doctor(&args, &global, talk),
        Command::Backup(args) => manage::backup(&args, &global, talk),
        Command::Restore(args) => manage::restore(&args, &global, talk),
        Command::Demo(args) => demo::run(&args, &global, talk),
        Command::Schema(args) => about::schema(&args),
        Command::Completions(args) => about::completions(&args, Arguments::command()),
        Command::Man(args) => about::man(&args, Arguments::command()),
        Command::Reference(args) => about::reference(&args, Arguments::command()),
    }
}
