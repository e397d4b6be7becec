//! `tutela scan`: read folders, and this host with `--host`, and say what is there.

use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use app::report::table::{self, Rows};
use app::report::{self, Report, sarif};
use app::{App, suppress, today};
use clap::ValueEnum;
use connectors::Settings;
use model::{Finding, FindingId, Severity, Time};

use crate::commands::Global;
use crate::output::{self, Exit, Format, Talk, columns, severity_style};
use crate::{clock, config};

/// Show every non-human identity, credential and trust in folders, and on this host.
///
/// Nothing is kept (unless --data names a data folder) and nothing leaves this machine. Exit status: 0 fine, 1 findings at or above
/// --fail-on, 2 could not run, 3 incomplete coverage with --require-complete.
#[derive(Debug, clap::Args)]
#[command(after_long_help = LIMITS)]
pub(crate) struct Args {
    /// Folders and files to read [default: .].
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Also read this host (accounts, services, SSH, TLS) and the home folders on it.
    #[arg(long)]
    host: bool,
    /// Read the host whose file system is mounted here, instead of this one.
    #[arg(long, value_name = "FOLDER", default_value = "/", requires = "host")]
    root: PathBuf,
    /// Leave out files and folders that fit this pattern, in the syntax of .gitignore.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Fail (exit 1) when a finding is at least this bad.
    #[arg(long, value_enum, default_value_t = FailOn::High)]
    fail_on: FailOn,
    /// Fail (exit 3) when something could not be read.
    #[arg(long)]
    require_complete: bool,
    /// Leave out findings named in this TOML file, each with a reason and an optional end.
    #[arg(long, value_name = "FILE")]
    ignore: Option<PathBuf>,
    /// Leave out findings that stand in this baseline.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write a baseline of the findings that are left.
    #[arg(long, value_name = "FILE", requires = "reason")]
    write_baseline: Option<PathBuf>,
    /// Why the findings of --write-baseline are accepted.
    #[arg(long, value_name = "TEXT", requires = "write_baseline")]
    reason: Option<String>,
    /// Until when the baseline of --write-baseline holds, such as 2027-01-31.
    #[arg(long, value_name = "DATE", requires = "write_baseline")]
    expires: Option<Time>,
    /// With --format csv: which rows.
    #[arg(long, value_enum, default_value_t = RowsArg::Identities)]
    rows: RowsArg,
}

const LIMITS: &str = "What a scan never does: follow links out of the folder, run or obey anything it reads, \
    open devices, print a secret's value. Files it does not read (too large, changed while read, \
    not permitted) are listed in `coverage` with the path and the reason.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Info,
    Low,
    Medium,
    High,
    Critical,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowsArg {
    Identities,
    Credentials,
    Places,
    Grants,
    Trusts,
    Owners,
    Findings,
    Coverage,
}

impl RowsArg {
    const fn rows(self) -> Rows {
        match self {
            Self::Identities => Rows::Identities,
            Self::Credentials => Rows::Credentials,
            Self::Places => Rows::Places,
            Self::Grants => Rows::Grants,
            Self::Trusts => Rows::Trusts,
            Self::Owners => Rows::Owners,
            Self::Findings => Rows::Findings,
            Self::Coverage => Rows::Coverage,
        }
    }
}

impl FailOn {
    const fn severity(self) -> Option<Severity> {
        match self {
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
            Self::Never => None,
        }
    }
}

pub(crate) fn run(args: &Args, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let now = clock::now();
    let machine = app::machine::machine(&args.root)?;
    let ignores = match &args.ignore {
        Some(path) => suppress::read_ignore_file(&read(path)?)?,
        None => Vec::new(),
    };
    let baseline = args
        .baseline
        .as_deref()
        .map(|path| suppress::read_baseline(&read(path)?).map_err(anyhow::Error::from));
    let baseline = baseline.transpose()?;
    // Before the scan, which may take long.
    let acceptance = args
        .reason
        .as_deref()
        .map(|reason| suppress::Acceptance::new(reason, args.expires, now))
        .transpose()?;
    let settings = vec![("repository", Settings::default().with("exclude", &args.exclude))];
    let scan = app::scan::Scan { paths: paths(args)?, host: args.host, settings };
    let bars = Mutex::new(HashMap::new());
    let progress = |source: &'static str, step: connectors::Progress| {
        if let Ok(mut bars) = bars.lock() {
            bars.entry(source).or_insert_with(|| talk.bar(source)).show(&step);
        }
    };
    let cancel = AtomicBool::new(false);
    // With --data the findings of two scans can be compared, so they share a fingerprint key.
    let app = match &global.data {
        Some(folder) => Some(App::open(std::path::absolute(folder)?, "tutela scan", now)?),
        None => None,
    };
    let fingerprinter = app.as_ref().map(|app| &*app.fingerprinter);
    let stated = app::scan::discover(&scan, &machine, fingerprinter, &progress, &cancel, now);
    if let Ok(bars) = bars.lock() {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "the order in which bars vanish does not show"
        )]
        for bar in bars.values() {
            bar.finish();
        }
    }
    let stated = stated?;
    if let Some(app) = &app {
        app::scan::keep(app, &config::me(), &stated, &clock::now)?;
    }
    let mut report = app::scan::report(stated, now);
    suppress::apply(&mut report, &ignores, baseline.as_ref(), now)?;
    if !report.expired.is_empty() {
        talk.say(&format!(
            "back because the entries that left them out have expired: {} of {} findings; \
             mend them, or accept them anew with another end",
            report.expired.len(),
            report.findings.len()
        ));
    }
    if let (Some(path), Some(acceptance)) = (&args.write_baseline, &acceptance) {
        let baseline = suppress::baseline(&report, acceptance);
        let text = serde_json::to_string_pretty(&baseline)? + "\n";
        replace(path, text.as_bytes())
            .with_context(|| format!("writing the baseline `{}`", path.display()))?;
        talk.say(&format!("wrote {} findings to {}", baseline.findings.len(), path.display()));
    }
    match global.format {
        Format::Json => output::print_json(&report.to_json()?)?,
        Format::Sarif => output::print_json(&sarif::document(&report))?,
        Format::Csv => output::print(&table::to_csv(&report.table(args.rows.rows()))?)?,
        Format::Table => output::print(&overview(&report, talk))?,
    }
    Ok(exit(args, &report))
}

fn exit(args: &Args, report: &Report) -> Exit {
    let fails = args.fail_on.severity().is_some_and(|least| report.worst_finding() >= Some(least));
    if fails {
        Exit::Findings
    } else if args.require_complete && !report.is_complete() {
        Exit::Incomplete
    } else {
        Exit::Fine
    }
}

/// The folders asked for, absolute and without links, so that one folder has one name.
fn paths(args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    let asked = match (args.paths.is_empty(), args.host) {
        (true, true) => Vec::new(),
        (true, false) => vec![PathBuf::from(".")],
        (false, _) => args.paths.clone(),
    };
    let mut paths = Vec::new();
    for path in asked {
        let canonical = std::fs::canonicalize(&path)
            .with_context(|| format!("looking for `{}`", path.display()))?;
        if canonical.to_str().is_none() {
            bail!("the path `{}` is not UTF-8; scan the folder above it", canonical.display());
        }
        if !paths.contains(&canonical) {
            paths.push(canonical);
        }
    }
    Ok(paths)
}

fn read(path: &Path) -> anyhow::Result<String> {
    let meta = std::fs::metadata(path).with_context(|| format!("opening `{}`", path.display()))?;
    if meta.len() > suppress::MAX_BYTES as u64 {
        bail!("`{}` is larger than {} bytes", path.display(), suppress::MAX_BYTES);
    }
    std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))
}

/// Writes beside the file and puts that in its place: whole or not at all, and never through a
/// link, which whoever wrote the folder could have put there.
fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let before = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => Some(meta.permissions()),
        Ok(_) => bail!("it is a link or no file; name the file itself"),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let name = path.file_name().context("it names no file")?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{:016x}", u64::from_le_bytes(app::machine::random()?)));
    let draft = path.with_file_name(draft);
    let mut file = std::fs::File::create_new(&draft)?;
    let write = |file: &mut std::fs::File| {
        if let Some(permissions) = before {
            file.set_permissions(permissions)?;
        }
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    let written = write(&mut file);
    if written.is_err() {
        // What matters is why it was not written.
        drop(std::fs::remove_file(&draft));
    }
    Ok(written?)
}

/// Findings of one rule and severity: each with its fix, or, where they are many, their number, the
/// first of them and what mends that one.
fn alike(
    group: &[&Finding],
    expired: &HashMap<FindingId, &report::Expired>,
    talk: &Talk,
) -> String {
    const MAX_NAMED: usize = 5;
    let Some(first) = group.first() else { return String::new() };
    let back = |finding: &Finding| {
        expired.get(&finding.id).map_or_else(String::new, |row| {
            format!("         back: {}\n", model::text::shown(&row.sentence()))
        })
    };
    if group.len() <= today::MAX_ONE_BY_ONE {
        let one = |finding: &&Finding| output::finding_lines(finding, "", talk) + &back(finding);
        return group.iter().map(one).collect();
    }
    let severity = format!("{:8}", first.severity.name());
    let mut text = format!(
        "{} {} of: {} ({})\n",
        talk.style(severity_style(first.severity), &severity),
        group.len(),
        report::rule_title(&first.rule),
        first.rule
    );
    for (n, finding) in group.iter().enumerate().take(MAX_NAMED) {
        text.push_str(&format!("         - {}\n", model::text::shown(&finding.title)));
        if n == 0 {
            text.push_str(&output::fix_lines(finding));
        }
        text.push_str(&back(finding));
    }
    if group.len() > MAX_NAMED {
        let n_more = group.len() - MAX_NAMED;
        text.push_str(&format!(
            "         and {n_more} more: --format csv --rows findings lists them\n"
        ));
    }
    text
}

/// What a person wants to see first: what is here, what is wrong, what was not seen.
fn overview(report: &Report, talk: &Talk) -> String {
    let mut text = String::new();
    let bold = anstyle::Style::new().bold();
    let heading = |text: &mut String, title: &str| {
        text.push_str(&format!("\n{}\n", talk.style(bold, title)));
    };
    let nhis: Vec<_> =
        report.identities.iter().filter(|row| row.general_type != "person").collect();
    heading(
        &mut text,
        &format!("{} non-human identities, {} credentials", nhis.len(), report.credentials.len()),
    );
    let mut kinds: Vec<(&str, usize, usize)> = Vec::new();
    for row in &nhis {
        match kinds.iter_mut().find(|(kind, _, _)| *kind == row.record.kind) {
            Some((_, n, orphaned)) => {
                *n += 1;
                *orphaned += usize::from(row.orphaned);
            }
            None => kinds.push((&row.record.kind, 1, usize::from(row.orphaned))),
        }
    }
    kinds.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let rows: Vec<Vec<String>> = kinds
        .iter()
        .map(|(kind, n, orphaned)| vec![(*kind).to_owned(), n.to_string(), orphaned.to_string()])
        .collect();
    text.push_str(&columns(&["kind", "identities", "without owner"], &rows, talk));

    if !report.credentials.is_empty() {
        heading(&mut text, "Credentials");
        let rows: Vec<Vec<String>> = report
            .credentials
            .iter()
            .map(|row| {
                let place =
                    row.record.places.first().map_or_else(String::new, |stored| {
                        match stored.line {
                            Some(line) => format!("{}:{line}", stored.path),
                            None => stored.path.clone(),
                        }
                    });
                vec![
                    row.record.kind.to_string(),
                    row.record.name.clone(),
                    table::fact_cell(&row.record.expires_at),
                    place,
                ]
            })
            .collect();
        text.push_str(&columns(&["kind", "name", "expires", "place"], &rows, talk));
    }

    heading(&mut text, &format!("{} findings", report.findings.len()));
    let expired: HashMap<_, _> = report.expired.iter().map(|row| (row.finding, row)).collect();
    for group in report.alike() {
        text.push_str(&alike(&group, &expired, talk));
    }
    if !report.suppressed.is_empty() {
        text.push_str(&format!(
            "{} more are left out by the ignore file or baseline\n",
            report.suppressed.len()
        ));
    }

    let gaps: Vec<_> = report.coverage.iter().filter(|row| row.kind == "gap").collect();
    let asked: u64 =
        report.coverage.iter().filter(|row| row.kind != "gap").map(|row| row.asked).sum();
    let got: u64 = report.coverage.iter().filter(|row| row.kind != "gap").map(|row| row.got).sum();
    heading(&mut text, &format!("Read {got} of {asked}; {} not read", gaps.len()));
    const MAX_GAPS: usize = 20;
    for gap in gaps.iter().take(MAX_GAPS) {
        let reason = gap.reason.as_deref().unwrap_or_default();
        text.push_str(&format!("{reason:12} {}\n", model::text::shown(&gap.scope)));
    }
    if gaps.len() > MAX_GAPS {
        text.push_str(&format!("and {} more; see `--format json`\n", gaps.len() - MAX_GAPS));
    }
    text.trim_start().to_owned()
}
