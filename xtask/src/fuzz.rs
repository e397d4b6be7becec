//! Runs every fuzz target for a while, with cargo-fuzz and a nightly compiler where both are there,
//! and prints what each did as a table.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use testkit::parsers::{PARSERS, Parser};

use crate::tally::Tally;

/// More memory than this for the whole process is a bug of the parser. The sanitizer keeps freed
/// memory for a while, so this is far above what a parser holds at once.
const MAX_MEMORY_MIB: u32 = 2048;

/// One allocation larger than this, of an input of at most [`MAX_INPUT_BYTES`], is a bug.
const MAX_ALLOCATION_MIB: u32 = 256;

/// An input that takes longer hangs.
const MAX_INPUT_SECONDS: u32 = 10;

/// Longer inputs are not made.
const MAX_INPUT_BYTES: u32 = 64 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only targets whose name contains this.
    #[arg(default_value = "")]
    filter: String,
}

/// What libFuzzer said of a run; none where it did not get that far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    n_runs: Option<u64>,
    per_second: Option<u64>,
    peak_mib: Option<u64>,
    /// Edges of the program that some input reached.
    coverage: Option<u64>,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let root = crate::tree::root();
    let mut tally = Tally::default();
    let chosen = PARSERS.iter().filter(|parser| parser.name.contains(&args.filter));
    let chosen: Vec<&Parser> = chosen.collect();
    if !answers(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        println!("skipped: cargo-fuzz or a nightly compiler is missing: cargo install cargo-fuzz");
        tally.skipped = chosen.len() as u64;
        return Ok(tally.finish());
    }
    // The versions that the program is built with.
    std::fs::copy(root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"))?;
    let mut rows = Vec::new();
    for parser in chosen {
        eprintln!("{}: {}", parser.name, parser.reads);
        let (figures, is_well) = fuzz(&root, parser, args.seconds)?;
        let artifacts = format!("an input is in fuzz/artifacts/{}/", parser.name);
        tally.note(parser.name, &if is_well { vec![] } else { vec![artifacts] });
        rows.push(row(parser.name, &figures, is_well));
    }
    println!("\n| target | inputs | per second | peak memory | edges reached | result |");
    println!("|---|---:|---:|---:|---:|---|");
    println!("{}\n", rows.join("\n"));
    Ok(tally.finish())
}

fn fuzz(root: &Path, parser: &Parser, seconds: u64) -> Result<(Figures, bool)> {
    let corpus = root.join("fuzz/corpus").join(parser.name);
    std::fs::create_dir_all(&corpus)?;
    for (n, (_, seed)) in parser.seeds(root).iter().enumerate() {
        std::fs::write(corpus.join(format!("seed-{n}")), seed)?;
    }
    let output = Command::new("cargo")
        .args(["+nightly", "fuzz", "run", parser.name])
        .arg(&corpus)
        .args(["--", "-print_final_stats=1", "-use_value_profile=0"])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MAX_MEMORY_MIB}"))
        .arg(format!("-malloc_limit_mb={MAX_ALLOCATION_MIB}"))
        .arg(format!("-timeout={MAX_INPUT_SECONDS}"))
        .arg(format!("-max_len={MAX_INPUT_BYTES}"))
        .current_dir(root)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let tail: Vec<&str> = said.lines().rev().take(40).collect();
        eprintln!("{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    let figures = figures(&said);
    ensure!(figures.n_runs.is_some() || !output.status.success(), "libFuzzer gave no figures");
    Ok((figures, output.status.success()))
}

fn figures(said: &str) -> Figures {
    let stated = |name: &str| {
        said.lines()
            .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.split(": ").last())
            .and_then(|number| number.trim().parse().ok())
    };
    let words = said.lines().rev().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let coverage = words.into_iter().find_map(|words| {
        let at = words.iter().position(|word| *word == "cov:")?;
        words.get(at + 1)?.parse().ok()
    });
    Figures {
        n_runs: stated("number_of_executed_units"),
        per_second: stated("average_exec_per_sec"),
        peak_mib: stated("peak_rss_mb"),
        coverage,
    }
}

fn row(name: &str, figures: &Figures, is_well: bool) -> String {
    let shown = |number: Option<u64>| number.map_or_else(|| "?".into(), |it| it.to_string());
    format!(
        "| `{name}` | {} | {} | {} MiB | {} | {} |",
        shown(figures.n_runs),
        shown(figures.per_second),
        shown(figures.peak_mib),
        shown(figures.coverage),
        if is_well { "nothing" } else { "FOUND" },
    )
}

fn answers(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says() {
        let said = "\
#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb
#4096\tpulse  cov: 312 ft: 900 corp: 50/1Kb lim: 43 exec/s: 2048 rss: 60Mb
Done 8192 runs in 2 second(s)
stat::number_of_executed_units: 8192
stat::average_exec_per_sec:     4096
stat::new_units_added:          49
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              61
";
        let expected = Figures {
            n_runs: Some(8192),
            per_second: Some(4096),
            peak_mib: Some(61),
            coverage: Some(312),
        };
        assert_eq!(figures(said), expected);
        assert_eq!(figures("cannot build"), Figures::default());
    }
}
