//! The only place that prints: data to standard output, talk to standard error, colour only on a
//! terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, bail};
use app::report::table::{Table, to_csv};
use clap::ValueEnum;
use connectors::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use model::text::{json_shown, lines_shown, shown};
use model::{Finding, Severity};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::commands::Global;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Fine = 0,
    /// Findings at or above `--fail-on`.
    Findings = 1,
    CannotRun = 2,
    /// Coverage is incomplete and `--require-complete` was given.
    Incomplete = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One object, described by `tutela schema`.
    Json,
    /// RFC 4180, cells neutralised for spreadsheets.
    Csv,
    /// SARIF 2.1.0, findings only.
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// What the program notes for whoever runs it, on standard error.
pub(crate) fn log_to_stderr(filter: String) {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Log).with_ansi(false).init();
}

/// Standard error for lines that may quote foreign names.
struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        std::io::stderr().lock().write_all(lines_shown(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// How the program speaks to people: standard error, progress bars, colour.
#[derive(Debug)]
pub(crate) struct Talk {
    quiet: bool,
    color: bool,
    bars: Option<MultiProgress>,
}

impl Talk {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let color = match global.color {
            Color::Auto => std::io::stdout().is_terminal(),
            Color::Always => true,
            Color::Never => false,
        };
        let color = color && !global.no_color;
        let bars = (terminal && !global.quiet).then(MultiProgress::new);
        Self { quiet: global.quiet, color, bars }
    }

    /// A sentence for the person; nothing with `--quiet`.
    pub(crate) fn say(&self, sentence: &str) {
        if self.quiet {
            return;
        }
        match &self.bars {
            Some(bars) => bars.suspend(|| line_to_stderr(sentence)),
            None => line_to_stderr(sentence),
        }
    }

    /// What went wrong, with every cause; printed even with `--quiet`.
    pub(crate) fn complain(&self, error: &anyhow::Error) {
        let mut text = format!("error: {error}");
        for cause in error.chain().skip(1) {
            text.push_str(&format!("\n  because: {cause}"));
        }
        if let Some(hint) =
            error.downcast_ref::<app::Error>().and_then(|error| error.hint.as_deref())
        {
            text.push_str(&format!("\nhint: {hint}"));
        }
        match &self.bars {
            Some(bars) => bars.suspend(|| line_to_stderr(&text)),
            None => line_to_stderr(&text),
        }
    }

    /// A bar for one source; silent when nobody looks.
    pub(crate) fn bar(&self, source: &str) -> Bar {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::no_length());
            bar.set_style(spinner());
            bar.set_prefix(shown(source).into_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Bar(bar)
    }

    pub(crate) fn style(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix:12} {pos} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn line_to_stderr(text: &str) {
    let mut stderr = anstream::stderr().lock();
    // Nobody is left to tell when standard error is closed.
    drop(writeln!(stderr, "{}", lines_shown(text)));
}

#[derive(Debug)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    pub(crate) fn show(&self, progress: &Progress) {
        let Some(bar) = &self.0 else { return };
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.done);
        bar.set_message(shown(&progress.doing).into_owned());
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Prints data. A reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&json_shown(&text))
}

/// The columns of a table: heading and where the value stands in a row.
pub(crate) type Columns = &'static [(&'static str, &'static [&'static str])];

/// The rows of a reply: a list, or an object with `items`.
pub(crate) fn items(reply: &serde_json::Value) -> &[serde_json::Value] {
    reply.get("items").unwrap_or(reply).as_array().map_or(&[], Vec::as_slice)
}

/// Prints rows as a table or as CSV.
pub(crate) fn print_rows(
    items: &[serde_json::Value],
    shown: Columns,
    format: Format,
    talk: &Talk,
) -> anyhow::Result<()> {
    let header: Vec<&'static str> = shown.iter().map(|(heading, _)| *heading).collect();
    let rows: Vec<Vec<String>> =
        items.iter().map(|row| shown.iter().map(|(_, at)| cell_at(row, at)).collect()).collect();
    if format == Format::Csv {
        return print(&to_csv(&Table { header, rows })?);
    }
    print(&columns(&header, &rows, talk))
}

/// Columns aligned by width on the screen, the last one free; foreign names made safe.
pub(crate) fn columns(header: &[&str], rows: &[Vec<String>], talk: &Talk) -> String {
    columns_of(header, rows, 60, talk)
}

/// The same with cells of at most so many characters.
pub(crate) fn columns_of(
    header: &[&str],
    rows: &[Vec<String>],
    max_width: usize,
    talk: &Talk,
) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| shorten(&shown(cell), max_width)).collect())
        .collect();
    let width = |n: usize| {
        let header = header.get(n).map_or(0, |name| name.width());
        let widest = cells.iter().filter_map(|row| row.get(n)).map(|cell| cell.width()).max();
        header.max(widest.unwrap_or(0))
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        line.trim_end().to_owned()
    };
    let mut text = talk.style(Style::new().bold(), &line(&mut header.iter().copied()));
    text.push('\n');
    for row in &cells {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
        text.push('\n');
    }
    text
}

/// Cut in the middle, where names differ least.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    let n_chars = text.chars().count();
    if n_chars <= max {
        return text.to_owned();
    }
    let head = max / 2;
    let tail = max - head - 1;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(n_chars - tail).collect();
    format!("{start}…{end}")
}

pub(crate) fn severity_style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Critical => AnsiColor::Magenta,
        Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Blue,
        Severity::Info => AnsiColor::BrightBlack,
    };
    Style::new().fg_color(Some(color.into())).bold()
}

/// A finding with its fix; `state` follows its title.
pub(crate) fn finding_lines(finding: &Finding, state: &str, talk: &Talk) -> String {
    let severity = format!("{:8}", finding.severity.name());
    let severity = talk.style(severity_style(finding.severity), &severity);
    let title = format!("{} ({}){state}", finding.title, finding.rule);
    let mut text = format!("{severity} {}\n", shown(&title));
    text.push_str(&fix_lines(finding));
    text
}

pub(crate) fn fix_lines(finding: &Finding) -> String {
    let mut text = String::new();
    for (n, line) in finding.fix.lines().enumerate() {
        let head = if n == 0 { "fix: " } else { "     " };
        text.push_str(&format!("         {head}{}\n", shown(line)));
    }
    text
}

/// Prints lines of JSON or CSV as they arrive; on a terminal made safe, line by line.
#[derive(Debug)]
pub(crate) struct Stream {
    format: Format,
    terminal: bool,
    /// The beginning of a line whose end has not arrived.
    waiting: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, terminal: std::io::stdout().is_terminal(), waiting: Vec::new() }
    }

    pub(crate) fn print(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        if !self.terminal {
            return print_bytes(piece);
        }
        self.waiting.extend_from_slice(piece);
        let n_whole = self.waiting.iter().rposition(|byte| *byte == b'\n').map_or(0, |n| n + 1);
        let rest = self.waiting.split_off(n_whole);
        let lines = std::mem::replace(&mut self.waiting, rest);
        self.print_safely(&lines)
    }

    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let rest = std::mem::take(&mut self.waiting);
        self.print_safely(&rest)
    }

    fn print_safely(&self, lines: &[u8]) -> anyhow::Result<()> {
        print_bytes(safe(&String::from_utf8_lossy(lines), self.format).as_bytes())
    }
}

fn safe(text: &str, format: Format) -> std::borrow::Cow<'_, str> {
    if format == Format::Csv { lines_shown(text) } else { json_shown(text) }
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

/// Any JSON: as it is with `--format json`, else as an indented outline.
pub(crate) fn print_value(value: &serde_json::Value, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => return print_json(value),
        Format::Csv => bail!("this is no list, and CSV has rows only; `--format json` has it all"),
        Format::Table | Format::Sarif => {}
    }
    let mut text = String::new();
    outline(value, 0, &mut text);
    print(&text)
}

fn outline(value: &serde_json::Value, depth: usize, text: &mut String) {
    use serde_json::Value;
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                if let Some(cell) = scalar(value) {
                    text.push_str(&format!("{indent}{}: ", shown(name)));
                    paragraphs(&cell, depth, text);
                } else {
                    text.push_str(&format!("{indent}{}:\n", shown(name)));
                    outline(value, depth + 1, text);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Some(cell) = scalar(item) {
                    text.push_str(&format!("{indent}- "));
                    paragraphs(&cell, depth, text);
                } else {
                    text.push_str(&format!("{indent}-\n"));
                    outline(item, depth + 1, text);
                }
            }
        }
        other => text.push_str(&format!("{indent}{}\n", shown(&plain(other)))),
    }
}

/// A text of several lines stands below its name.
fn paragraphs(cell: &str, depth: usize, text: &mut String) {
    if !cell.contains('\n') {
        text.push_str(&format!("{}\n", shown(cell)));
        return;
    }
    text.push('\n');
    let indent = "  ".repeat(depth + 1);
    for line in cell.lines() {
        text.push_str(format!("{indent}{}", shown(line)).trim_end());
        text.push('\n');
    }
}

/// What fits on one line: plain values, facts, empty lists.
fn scalar(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match value {
        Value::Object(fact) if fact.contains_key("observed_at") && fact.contains_key("state") => {
            Some(fact_text(fact))
        }
        Value::Object(object) if object.is_empty() => Some("none".into()),
        Value::Array(items) if items.is_empty() => Some("none".into()),
        Value::Object(_) | Value::Array(_) => None,
        other => Some(plain(other)),
    }
}

/// `value  (source, time)` or `<state>  (reason)`.
fn fact_text(fact: &serde_json::Map<String, serde_json::Value>) -> String {
    let text = |name: &str| fact.get(name).map(plain).unwrap_or_default();
    let value = match fact.get("value") {
        Some(value) => plain(value),
        None => format!("<{}>", text("state")),
    };
    let reason =
        fact.get("reason").map(|reason| format!(": {}", plain(reason))).unwrap_or_default();
    format!("{value}  ({} at {}{reason})", text("source"), text("observed_at"))
}

fn plain(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "none".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// A value of a JSON row for a table: a fact's value, or its state in angle brackets.
pub(crate) fn cell_at(row: &serde_json::Value, at: &[&str]) -> String {
    use serde_json::Value;
    let mut value = row;
    for step in at {
        let next = match value {
            Value::Array(items) => step.parse::<usize>().ok().and_then(|n| items.get(n)),
            other => other.get(step),
        };
        match next {
            Some(next) => value = next,
            None => return "-".into(),
        }
    }
    match value {
        Value::Object(fact) if fact.contains_key("state") => match fact.get("value") {
            Some(value) => plain(value),
            None => format!("<{}>", fact.get("state").map(plain).unwrap_or_default()),
        },
        Value::Object(subject) => subject.values().map(plain).collect::<Vec<_>>().join(" "),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_arrives_in_pieces_is_made_safe_as_one() {
        let mut stream = Stream { format: Format::Json, terminal: true, waiting: Vec::new() };
        let (one, two) = "{\"a\":\"\u{9b}\"}\n".as_bytes().split_at(7);
        stream.print(one).unwrap();
        assert_eq!(stream.waiting, one, "half a character is not printed");
        stream.print(two).unwrap();
        assert!(stream.waiting.is_empty());
        assert_eq!(safe("a\u{9b}", Format::Csv), "a\\u{9b}");
        assert_eq!(safe("a\u{9b}", Format::Json), "a\\u009b");
    }
}
