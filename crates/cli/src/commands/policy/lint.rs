//! `tutela policy lint` and `tutela policy expand`: what the catalogue of AWS says of a policy.

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use app::policy::{Expanded, LintSeverity, Linted, PolicyKind};
use model::text::shown;
use serde::Serialize;

use crate::output::{self, Exit, Format, Talk};

/// What is wrong or odd about policies, with lines, reasons and remedies.
///
/// Errors are what AWS refuses, warnings what likely does not mean what was wanted or gives away
/// more than is wise, infos what could be plainer or what the catalogue does not know. Exits with 1
/// where there are errors or warnings, with 2 where a file cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct LintArgs {
    /// Policy documents in JSON; `-` for standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What they are attached to; guessed where it is not said.
    #[arg(long, value_enum)]
    kind: Option<Attached>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Attached {
    Identity,
    Resource,
    Trust,
    /// A service control policy.
    Scp,
    /// A resource control policy.
    Rcp,
    Boundary,
}

/// Which actions the patterns of a policy mean, with their access levels.
#[derive(Debug, clap::Args)]
pub(crate) struct ExpandArgs {
    /// A policy document in JSON; `-` for standard input.
    #[arg(value_name = "FILE", required_unless_present = "action")]
    file: Option<PathBuf>,
    /// A pattern such as `s3:Get*`, instead of a document.
    #[arg(long, value_name = "PATTERN", conflicts_with = "file")]
    action: Vec<String>,
}

#[derive(Serialize)]
struct OfFile {
    file: String,
    #[serde(flatten)]
    linted: Linted,
}

pub(crate) fn lint(args: &LintArgs, format: Format, talk: &Talk) -> anyhow::Result<Exit> {
    let kind = args.kind.map(|kind| match kind {
        Attached::Identity => PolicyKind::Identity,
        Attached::Resource => PolicyKind::Resource,
        Attached::Trust => PolicyKind::Trust,
        Attached::Scp => PolicyKind::Scp,
        Attached::Rcp => PolicyKind::Rcp,
        Attached::Boundary => PolicyKind::Boundary,
    });
    if args.files.iter().filter(|file| file.as_os_str() == "-").count() > 1 {
        bail!("only one policy can come from standard input");
    }
    let mut all = Vec::new();
    for file in &args.files {
        let linted = app::policy::lint(&super::text(file)?, kind);
        all.push(OfFile { file: file.display().to_string(), linted });
    }
    let n = |severity| all.iter().map(|one| one.linted.n(severity)).sum::<usize>();
    let (n_errors, n_warnings) = (n(LintSeverity::Error), n(LintSeverity::Warning));
    if format == Format::Json {
        output::print_json(&serde_json::json!({ "policies": all }))?;
    } else {
        output::print(&all.iter().map(|one| lines(one, talk)).collect::<String>())?;
    }
    talk.say(&format!(
        "{} policies: {n_errors} errors, {n_warnings} warnings, {} infos",
        all.len(),
        n(LintSeverity::Info)
    ));
    Ok(if n_errors + n_warnings > 0 { Exit::Findings } else { Exit::Fine })
}

fn lines(of: &OfFile, talk: &Talk) -> String {
    let mut text = String::new();
    for one in &of.linted.lints {
        let color = match one.severity {
            LintSeverity::Error => AnsiColor::Red,
            LintSeverity::Warning => AnsiColor::Yellow,
            LintSeverity::Info => AnsiColor::BrightBlack,
        };
        let style = Style::new().fg_color(Some(color.into())).bold();
        let severity = talk.style(style, one.severity.name());
        let place = match (one.line, one.column) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            _ => String::new(),
        };
        text += &format!(
            "{}{place}: {severity}: {} ({})\n    why: {}\n",
            shown(&of.file),
            shown(&one.what),
            one.rule,
            one.why
        );
        text.extend(one.fix.iter().map(|fix| format!("    fix: {}\n", shown(fix))));
    }
    if of.linted.is_cut {
        text += &format!("{}: there may be more: not everything was compared\n", shown(&of.file));
    }
    text
}

pub(crate) fn expand(args: &ExpandArgs, format: Format) -> anyhow::Result<Exit> {
    let all: Vec<Expanded> = match &args.file {
        Some(file) => app::policy::expand(&file.display().to_string(), &super::text(file)?)?,
        None => args.action.iter().map(|pattern| app::policy::expand_pattern(pattern)).collect(),
    };
    if format == Format::Json {
        output::print_json(&serde_json::json!({ "patterns": all }))?;
        return Ok(Exit::Fine);
    }
    let mut text = String::new();
    for one in &all {
        let effect = one.effect.as_deref().map(|effect| format!("{} ", shown(effect)));
        let not = if one.is_complement { "all but " } else { "" };
        let patterns = one.patterns.join(", ");
        let effect = effect.unwrap_or_default();
        text += &format!("{effect}{not}{}: {} actions\n", shown(&patterns), one.actions.len());
        for action in &one.actions {
            text += &format!("  {:22} {}\n", action.level, action.action);
        }
        match one.may_mean_more_of.as_slice() {
            [] => {}
            [.., "*"] => text += "  and what services have that are not known\n",
            [service] => text += &format!("  and actions of {service} that are not known\n"),
            services => {
                text +=
                    &format!("  and actions of {} services that are not known\n", services.len());
            }
        }
    }
    output::print(&text)?;
    Ok(Exit::Fine)
}
