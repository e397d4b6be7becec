//! Figures of speed and size, each beside what the machine itself can do: never a test that fails
//! because the machine was busy.
//!
//! Runs in release mode, in a scratch folder that it removes. `--scale 1` is a million identities
//! and a source tree of 1 GB.

mod estate;
mod figures;
mod machine;
mod program;
mod scan;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use figures::Figures;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 1 is a million identities with three million credentials, and 1 GB of source code.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Only these parts: machine, load (the beginning of estate), estate, scan, program, demo.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where to put what is measured on, instead of the folder for temporary files: another disk.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Keep the folder.
    #[arg(long)]
    keep: bool,
}

impl Args {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }

    /// A number of full scale, at this one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a size that a person asks for, far below 2^52"
    )]
    fn scaled(&self, full: u64) -> u64 {
        (full as f64 * self.scale).max(1.0) as u64
    }
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    if cfg!(debug_assertions) {
        return run_optimised();
    }
    let scratch = args.folder.clone().unwrap_or_else(std::env::temp_dir);
    let scratch = scratch.join(format!("tutela-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("cannot make `{}`", scratch.display()))?;
    let measured = measure(args, &scratch);
    if args.keep {
        eprintln!("kept {}", scratch.display());
    } else {
        std::fs::remove_dir_all(&scratch)?;
    }
    measured?.print();
    Ok(true)
}

fn measure(args: &Args, scratch: &Path) -> Result<Figures> {
    let mut figures = Figures::new(args.scale);
    let limits = machine::measure(scratch)?;
    if args.wants("machine") {
        limits.show(&mut figures);
    }
    if args.wants("load") || args.wants("estate") {
        estate::measure(args, scratch, &limits, &mut figures)?;
    }
    let program = if ["scan", "program", "demo"].iter().any(|part| args.wants(part)) {
        Some(program::build(&crate::tree::root())?)
    } else {
        None
    };
    if let Some(program) = program {
        if args.wants("scan") {
            scan::measure(args, scratch, &program, &mut figures)?;
        }
        if args.wants("program") {
            program::measure(scratch, &program, &mut figures)?;
        }
        if args.wants("demo") {
            program::estate(args, scratch, &program, &mut figures)?;
        }
    }
    Ok(figures)
}

/// The same command, optimised: figures of anything else mean nothing.
fn run_optimised() -> Result<bool> {
    let status = Command::new("cargo")
        .args(["run", "--release", "--locked", "--quiet", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .current_dir(crate::tree::root())
        .status()
        .context("cannot run cargo")?;
    Ok(status.success())
}
