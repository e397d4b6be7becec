//! `tutela activity`: what identities were seen to do.

use std::path::PathBuf;

use app::activity::{Summarized, Wanted, summarize};
use model::Time;
use serde_json::Value;

use super::Global;
use crate::output::{self, Columns, Exit, Format, Talk};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ActivityCommand {
    Summarize(SummarizeArgs),
}

/// Sum up CloudTrail: which identity used which permission on what, first, last and how often.
///
/// Reads trails, exports of `lookup-events` and CloudTrail Lake, envelopes of EventBridge and
/// CloudWatch Logs, one document or one for each line, gzip or not. Each event counts once, in
/// whatever order and however often it comes. Refused calls are told apart from use. What could not
/// be read, and calls whose actions are not known, are told at the end. Nothing is kept. Exit
/// status: 0 fine, 2 could not run, 3 something could not be read and --require-complete.
#[derive(Debug, clap::Args)]
pub(crate) struct SummarizeArgs {
    /// Files and folders; `-` for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only what this identity did: its ARN, or the last name in it.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Only events from this time on: a date, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<Time>,
    /// Only events before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Time>,
    /// Fail (exit 3) when something could not be read.
    #[arg(long)]
    require_complete: bool,
}

pub(crate) fn run(command: &ActivityCommand, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let ActivityCommand::Summarize(args) = command;
    let wanted = Wanted { principal: args.principal.clone(), since: args.since, until: args.until };
    let bar = talk.bar("activity");
    let summarized =
        summarize(&args.paths, std::io::stdin().lock(), &wanted, |progress| bar.show(progress));
    bar.finish();
    let summarized = summarized?;
    if global.format == Format::Json {
        output::print_json(&summarized)?;
    } else {
        let (rows, shown) = rows(&summarized, args.principal.is_some())?;
        output::print_rows(&rows, shown, global.format, talk)?;
    }
    say_the_rest(&summarized, talk);
    let is_complete = summarized.problems.is_empty() && summarized.summary.n_forgotten == 0;
    Ok(if args.require_complete && !is_complete { Exit::Incomplete } else { Exit::Fine })
}

const IDENTITIES: Columns = &[
    ("IDENTITY", &["key"]),
    ("KIND", &["kind"]),
    ("EVENTS", &["n_events"]),
    ("USES", &["n_uses"]),
    ("DENIED", &["n_denied"]),
    ("FIRST", &["first"]),
    ("LAST", &["last"]),
];

const USES: Columns = &[
    ("IDENTITY", &["identity"]),
    ("ACTION", &["action"]),
    ("RESOURCE", &["resource"]),
    ("USED", &["success", "n"]),
    ("DENIED", &["denied", "n"]),
    ("FAILED", &["failed", "n"]),
    ("LAST", &["success", "last"]),
    ("BY", &["via"]),
];

/// A row for each identity, or of one identity a row for each use.
fn rows(summarized: &Summarized, has_uses: bool) -> anyhow::Result<(Vec<Value>, Columns)> {
    let with = |mut row: Value, more: &[(&str, Value)]| {
        if let Some(row) = row.as_object_mut() {
            row.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        row
    };
    let mut rows = Vec::new();
    for identity in &summarized.summary.identities {
        if has_uses {
            for used in &identity.uses {
                let more = [("identity", identity.key.clone().into())];
                rows.push(with(serde_json::to_value(used)?, &more));
            }
        } else {
            let n_uses = identity.uses.iter().filter(|used| used.success.n > 0).count();
            let n_denied = identity.uses.iter().filter(|used| used.denied.n > 0).count();
            let more = [("n_uses", n_uses.into()), ("n_denied", n_denied.into())];
            rows.push(with(serde_json::to_value(identity)?, &more));
        }
    }
    Ok((rows, if has_uses { USES } else { IDENTITIES }))
}

/// What the rows do not say.
fn say_the_rest(summarized: &Summarized, talk: &Talk) {
    let Summarized { summary, n_files, n_records, n_duplicates, problems, n_more_problems, .. } =
        summarized;
    talk.say(&format!(
        "{} events of {n_records} records in {n_files} files; {n_duplicates} came again",
        summary.n_events
    ));
    for trail in &summary.trails {
        let time = |time: Option<Time>| time.map_or("?".to_owned(), |time| time.to_string());
        let data = match trail.data_services.join(", ") {
            services if services.is_empty() => "no data events".to_owned(),
            services => format!("data events of {services}"),
        };
        talk.say(&format!(
            "account {} in {}: from {} to {}, {data}",
            trail.account,
            trail.region,
            time(trail.first),
            time(trail.last)
        ));
    }
    let counted = |heading: &str, list: &[app::activity::Unattributed]| {
        if !list.is_empty() {
            let names: Vec<String> =
                list.iter().map(|one| format!("{} {}", one.operation, one.tally.n)).collect();
            talk.say(&format!("{heading}: {}", names.join(", ")));
        }
    };
    counted("calls whose actions are not known", &summary.unmapped);
    counted("events that are no calls", &summary.no_calls);
    if summary.n_forgotten > 0 {
        talk.say(&format!(
            "{} events beyond the limit of ids that are remembered: some may count twice",
            summary.n_forgotten
        ));
    }
    for told in problems {
        let problem = &told.problem;
        talk.say(&format!("{} at byte {}: {}", told.at, problem.byte, problem.detail));
    }
    if *n_more_problems > 0 {
        talk.say(&format!("and {n_more_problems} problems more"));
    }
}
