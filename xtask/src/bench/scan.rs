//! A source tree that holds nothing, read by the program and by the tools people compare with.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Args;
use super::figures::{Figures, rate};
use super::machine::timed;

const FULL_BYTES: u64 = 1_000_000_000;
/// The size of an ordinary source file, between a header and a generated table.
const FILE_BYTES: [usize; 6] = [1_200, 4_000, 8_000, 14_000, 30_000, 120_000];
const FILES_IN_A_FOLDER: u64 = 40;
const N_RUNS: usize = 3;

const NAMES: [&str; 24] = [
    "order",
    "index",
    "buffer",
    "parse",
    "offset",
    "result",
    "width",
    "handle",
    "cursor",
    "segment",
    "record",
    "select",
    "merge",
    "route",
    "render",
    "token_count",
    "key_space",
    "session",
    "cache",
    "window",
    "version",
    "counter",
    "layout",
    "stream",
];

pub(crate) fn measure(
    args: &Args,
    scratch: &Path,
    program: &Path,
    figures: &mut Figures,
) -> Result<()> {
    let folder = scratch.join("tree");
    let size = write(&folder, args.scaled(FULL_BYTES))?;
    let files = files(&folder)?;
    let n_files = files.len();
    read_all(&files)?;
    let read = rate(size, best(|| read_all(&files))?, "B");
    let mut scan = Command::new(program);
    scan.args(["scan", "--format", "json"]).arg(&folder);
    let time = best(|| quiet(&mut scan))?;
    figures.add(
        &format!("scan of {} MB in {n_files} files that hold nothing", size / 1_000_000),
        &rate(size, time, "B"),
        "400 MB/s",
        &format!("{read} to read them, on one core"),
    );
    for (what, command) in peers(&folder) {
        let Some(mut command) = command else { continue };
        // grep's exit code says that it found nothing.
        let time = best(|| {
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .map(|_| ())
                .map_err(Into::into)
        })?;
        figures.add(&format!("  {what}"), &rate(size, time, "B"), "", "");
    }
    Ok(())
}

fn peers(folder: &Path) -> [(&'static str, Option<Command>); 2] {
    let command = |program: &str, arguments: &[&str]| {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
        found.then(|| {
            let mut command = Command::new(program);
            command.args(arguments).arg(folder);
            command
        })
    };
    let keys = "(AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}";
    [
        ("grep for two sorts of key, for comparison", command("grep", &["-r", "-E", keys])),
        ("ripgrep for the same", command("rg", &["--no-ignore", keys])),
    ]
}

fn best(mut work: impl FnMut() -> Result<()>) -> Result<std::time::Duration> {
    let mut best = None;
    for _ in 0..N_RUNS {
        let (done, time) = timed(&mut work);
        done?;
        best = Some(best.map_or(time, |best: std::time::Duration| best.min(time)));
    }
    Ok(best.unwrap_or_default())
}

fn quiet(command: &mut Command) -> Result<()> {
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {said}");
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

fn read_all(files: &[PathBuf]) -> Result<()> {
    for file in files {
        std::hint::black_box(std::fs::read(file)?);
    }
    Ok(())
}

/// Writes source code that was never anybody's.
fn write(folder: &Path, size: u64) -> Result<u64> {
    let mut written = 0;
    let mut state = 1_u64;
    let mut n_files = 0_u64;
    let mut draw = |n: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % n
    };
    while written < size {
        let wanted = FILE_BYTES.get(draw(FILE_BYTES.len())).copied().unwrap_or(4_000);
        let mut text = String::with_capacity(wanted + 100);
        while text.len() < wanted {
            let mut name = || NAMES.get(draw(NAMES.len())).copied().unwrap_or("order");
            let (a, b, c) = (name(), name(), name());
            // Writing to a string cannot fail.
            match text.len() % 5 {
                0 => writeln!(text, "    // The {a} of a {b} is what the {c} was before it."),
                1 => writeln!(text, "    let {a} = {b}.{c}(&{a}_{b}, {});", text.len()),
                2 => writeln!(text, "    if {a} < {b} {{ return {c}({a}, \"{b} {c}\"); }}"),
                3 => writeln!(text, "    self.{a}.{b}.push({c}[{}]);", text.len() % 97),
                _ => writeln!(text, "fn {a}_{b}({c}: &{b}) -> Option<{a}> {{"),
            }
            .unwrap_or_default();
        }
        let part =
            folder.join(format!("part{}/module{}", n_files / 1_600, n_files / FILES_IN_A_FOLDER));
        std::fs::create_dir_all(&part)?;
        let ending = ["rs", "go", "py", "ts", "java", "c"].get(draw(6)).copied().unwrap_or("rs");
        std::fs::write(part.join(format!("file{n_files}.{ending}")), &text)
            .context("cannot write the tree")?;
        written += text.len() as u64;
        n_files += 1;
    }
    Ok(written)
}
