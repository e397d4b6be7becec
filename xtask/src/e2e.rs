//! Runs the console's browser tests: builds the program, installs the pinned Playwright, and hands
//! both to it.
//!
//! The tests find the program in `TUTELA_BIN` and the browser in `CHROMIUM`; they start the one on
//! a port of its own choosing with a data folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::tally::Tally;

const FOLDER: &str = "crates/server/console/e2e";

/// The names Chromium goes by.
const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Handed to Playwright: a file, `--grep …`, `--headed`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    playwright: Vec<String>,
}

/// What Playwright's JSON report says of a run.
#[derive(Deserialize)]
struct Report {
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    expected: u64,
    unexpected: u64,
    /// Failed and then passed: counted as failed, since a test that sometimes fails is a bug.
    flaky: u64,
    skipped: u64,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let root = crate::tree::root();
    let folder = root.join(FOLDER);
    ensure!(folder.join("package.json").exists(), "`{FOLDER}` holds no tests");
    let program = build(&root)?;
    install(&folder)?;
    let browser = browser();
    if browser.is_none() {
        succeed(
            Command::new("npx").args(["playwright", "install", "chromium"]).current_dir(&folder),
        )?;
    }
    let report = folder.join("test-results").join("report.json");
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let mut playwright = Command::new("npx");
    playwright
        .args(["playwright", "test", "--reporter=list,json"])
        .args(&args.playwright)
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", &report)
        .env("TUTELA_BIN", program)
        .current_dir(&folder);
    if let Some(browser) = browser {
        playwright.env("CHROMIUM", browser);
    }
    let status = playwright.status().context("cannot run `npx`")?;
    let mut tally = Tally::default();
    match std::fs::read(&report) {
        Ok(json) => {
            let stats = serde_json::from_slice::<Report>(&json)
                .with_context(|| format!("cannot read `{}`", report.display()))?
                .stats;
            tally.passed = stats.expected;
            tally.failed = stats.unexpected + stats.flaky;
            tally.skipped = stats.skipped;
        }
        Err(error) => eprintln!("Playwright left no report: {error}"),
    }
    if !status.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally.finish())
}

/// The console over a made-up estate, as the tests use it: not optimised, with assertions.
fn build(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args([
            "build",
            "--locked",
            "--package",
            "server",
            "--example",
            "e2e",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "building the server under test failed");
    // Each line is a message; one of them names the file that was built.
    let executable = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|stem| stem == "e2e"));
    executable.context("cargo did not say where it put the server under test")
}

/// Installs what package-lock.json pins, when that is not what is installed.
fn install(folder: &Path) -> Result<()> {
    let locked = folder.join("package-lock.json");
    ensure!(locked.exists(), "`{}` is missing: the tests' tools are not pinned", locked.display());
    // npm writes what it installed here, with the same time or a later one.
    let installed = folder.join("node_modules").join(".package-lock.json");
    let changed = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    if changed(&installed).is_some_and(|at| Some(at) >= changed(&locked)) {
        return Ok(());
    }
    succeed(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
}

#[expect(clippy::disallowed_methods, reason = "a chore reads its own environment")]
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    BROWSERS.iter().find_map(|name| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    })
}

fn succeed(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    let status = command.status().with_context(|| format!("cannot run {what}"))?;
    if !status.success() {
        bail!("{what} failed");
    }
    Ok(())
}
