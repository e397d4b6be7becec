//! Runs every fuzz target for a while, with cargo-fuzz and a nightly compiler where both are there.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::tally::Tally;

/// More memory than this for one input is a bug of the parser.
const MAX_MEMORY_MIB: u32 = 2048;

/// An input that takes longer hangs.
const MAX_INPUT_SECONDS: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only targets whose name contains this.
    #[arg(default_value = "")]
    filter: String,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let root = crate::tree::root();
    let folder = root.join("fuzz");
    ensure!(folder.join("Cargo.toml").exists(), "there are no fuzz targets");
    let mut tally = Tally::default();
    let targets = targets(&folder)?;
    if !answers(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        println!("skipped: cargo-fuzz or a nightly compiler is missing: cargo install cargo-fuzz");
        tally.skipped = targets.len() as u64;
        return Ok(tally.finish());
    }
    for target in targets.iter().filter(|target| target.contains(&args.filter)) {
        let status = Command::new("cargo")
            .args(["+nightly", "fuzz", "run", target, "--"])
            .arg(format!("-max_total_time={}", args.seconds))
            .arg(format!("-rss_limit_mb={MAX_MEMORY_MIB}"))
            .arg(format!("-timeout={MAX_INPUT_SECONDS}"))
            .current_dir(&root)
            .status()
            .context("cannot run cargo")?;
        let problem = format!("an input is in fuzz/artifacts/{target}/");
        let problems = if status.success() { vec![] } else { vec![problem] };
        tally.note(target, &problems);
    }
    Ok(tally.finish())
}

/// One file is one target.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(folder.join("fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            targets.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    targets.sort();
    Ok(targets)
}

fn answers(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
