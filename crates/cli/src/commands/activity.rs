//! `tutela activity`: what identities were seen to do.

use std::path::PathBuf;

use app::activity::{Identity, Summarized, Unattributed, Wanted, summarize};
use model::Time;
use model::text::shown;
use serde_json::{Value, json};

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
        let (rows, columns) = rows(&summarized, args.principal.is_some())?;
        output::print_rows(&rows, columns, global.format, talk)?;
    }
    say_the_rest(&summarized, talk);
    let is_lacking = args.require_complete && !summarized.is_complete();
    Ok(if is_lacking { Exit::Incomplete } else { Exit::Fine })
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
    let identities = &summarized.summary.identities;
    if has_uses {
        let mut rows = Vec::new();
        for identity in identities {
            for used in &identity.uses {
                let mut row = serde_json::to_value(used)?;
                if let Some(row) = row.as_object_mut() {
                    row.insert("identity".into(), identity.key.clone().into());
                }
                rows.push(row);
            }
        }
        return Ok((rows, USES));
    }
    let row = |identity: &Identity| {
        let times = [("first", identity.first), ("last", identity.last)];
        let mut row = json!({
            "key": identity.key,
            "kind": identity.kind,
            "n_events": identity.n_events,
            "n_uses": identity.uses.iter().filter(|used| used.success.n > 0).count(),
            "n_denied": identity.uses.iter().filter(|used| used.denied.n > 0).count(),
        });
        // A moment that no event has is no member.
        if let Some(row) = row.as_object_mut() {
            row.extend(
                times
                    .map(|(name, time)| Some((name.to_owned(), json!(time?))))
                    .into_iter()
                    .flatten(),
            );
        }
        row
    };
    Ok((identities.iter().map(row).collect(), IDENTITIES))
}

/// Of trails, and of names of operations, so many are said; `--format json` has all.
const MAX_SAID: usize = 100;

/// What the rows do not say.
fn say_the_rest(summarized: &Summarized, talk: &Talk) {
    let Summarized { summary, n_files, n_records, n_duplicates, problems, n_more_problems, .. } =
        summarized;
    talk.say(&format!(
        "{} events of {n_records} records in {n_files} files; {n_duplicates} came again",
        summary.n_events
    ));
    for trail in summary.trails.iter().take(MAX_SAID) {
        let time = |time: Option<Time>| time.map_or("?".to_owned(), |time| time.to_string());
        let services: Vec<_> =
            trail.data_services.iter().take(MAX_SAID).map(|it| shown(it)).collect();
        let data = match services.join(", ") {
            services if services.is_empty() => "no data events".to_owned(),
            services => format!("data events of {services}"),
        };
        talk.say(&format!(
            "account {} in {}: from {} to {}, {data}",
            shown(&trail.account),
            shown(&trail.region),
            time(trail.first),
            time(trail.last)
        ));
    }
    let counted = |heading: &str, list: &[Unattributed]| {
        if !list.is_empty() {
            let one = |one: &Unattributed| format!("{} {}", shown(&one.operation), one.tally.n);
            let names: Vec<String> = list.iter().take(MAX_SAID).map(one).collect();
            let more = match list.len() - names.len() {
                0 => String::new(),
                n => format!(", and {n} names more"),
            };
            talk.say(&format!("{heading}: {}{more}", names.join(", ")));
        }
    };
    if summary.trails.len() > MAX_SAID {
        talk.say(&format!("and {} accounts and regions more", summary.trails.len() - MAX_SAID));
    }
    counted("calls whose actions are not known", &summary.unmapped);
    counted("events that are no calls", &summary.no_calls);
    if summary.n_forgotten > 0 {
        talk.say(&format!(
            "{} events beyond the limit of ids that are remembered: some may count twice",
            summary.n_forgotten
        ));
    }
    if summary.n_left_out > 0 {
        talk.say(&format!(
            "{} events left out: more is told apart already than memory is given to",
            summary.n_left_out
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
