//! Chores of this repository: `cargo xtask`.
//!
//! Nothing here is needed to build or run Tutela. Each chore is a module with `Args` where it has
//! any, and `run`. Chores that count print a last line `N passed, N failed, N skipped`, which
//! `./test` adds up.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a person at a terminal; the output discipline of `cli` is not needed"
)]

mod bench;
mod catalogue;
mod codegen;
mod e2e;
mod fuzz;
mod operations;
mod tally;
mod tidy;
mod tree;

use std::process::ExitCode;

use clap::Parser;

/// The one of the program: what is measured here is measured as it runs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Chores of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Chore {
    /// Check names, layers, licences, lints, records and generated documents.
    Tidy,
    /// Write the catalogue of AWS's actions from unpacked packages.
    Catalogue(catalogue::Args),
    /// Write the documents in docs/reference/ that are made from code.
    Codegen(codegen::Args),
    /// Run the browser tests of the console.
    E2e(e2e::Args),
    /// Measure speed and size, each beside what the machine can do.
    Bench(bench::Args),
    /// Run every fuzz target for a while.
    Fuzz(fuzz::Args),
    /// Write the map from AWS's operations to actions from unpacked packages.
    Operations(operations::Args),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Tidy => tidy::run(),
        Chore::Catalogue(args) => catalogue::run(&args),
        Chore::Codegen(args) => codegen::run(&args),
        Chore::E2e(args) => e2e::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Operations(args) => operations::run(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
