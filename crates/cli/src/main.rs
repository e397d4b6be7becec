//! The binary `tutela`: each command is a module with `Args` and `run`.
//!
//! Commands that ask or change something speak the HTTP API ([`api`]): to the running server
//! through its socket, to another one with `--server`, or in process when nobody serves the data
//! folder. Only `scan`, `up`, `demo` and the commands about the program itself do not.

use std::process::ExitCode;

use clap::Parser;

mod api;
mod clock;
mod commands;
mod config;
mod output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    let talk = output::Talk::new(&arguments.global);
    output::log_to_stderr(config::log_filter());
    match commands::run(arguments, &talk) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            talk.complain(&error);
            ExitCode::from(output::Exit::CannotRun as u8)
        }
    }
}
