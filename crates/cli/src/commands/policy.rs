//! `tutela policy`: what permission documents mean.

mod lint;

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use app::policy::{Document, DocumentKind, Relation, Witness};
use model::text::shown;

use crate::output::{self, Exit, Format, Talk};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PolicyCommand {
    Decide(DecideArgs),
    Implies(ImpliesArgs),
    Diff(DiffArgs),
    Lint(lint::LintArgs),
    Expand(lint::ExpandArgs),
}

/// Decide self-contained cases: one JSON object for each line, one answer for each, in their order.
///
/// A case names the request (principal, action, resource, context), the policies of every layer that
/// applies (identity, boundary, session, resource, service and resource control, endpoint), and the
/// keys of the context that are not known. The answer says allow, deny or conditional (with the
/// conditions that remain), which statements decided, and which layer blocks.
#[derive(Debug, clap::Args)]
pub(crate) struct DecideArgs {
    /// The file of cases; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
}

/// Does the second policy allow everything that the first allows?
///
/// Answers yes, or no with a request that the first allows and the second does not, or unknown with
/// the reason. Exits with 0, 1 and 3; with 2 where a policy cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct ImpliesArgs {
    #[command(flatten)]
    two: Two,
}

/// What does each of two policies allow that the other does not?
///
/// One request is told for each statement and pattern of an action that goes further. Exits with 0
/// where they allow the same, with 1 where not, with 3 where that is unknown.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    two: Two,
}

#[derive(Debug, clap::Args)]
struct Two {
    /// A policy document in JSON.
    first: PathBuf,
    /// Another; one of both may be `-`, standard input.
    second: PathBuf,
    /// What they are attached to; without it the document tells: one that names principals lies at
    /// a resource, or at a role where it names no resource.
    #[arg(long, value_enum)]
    kind: Option<PolicyKind>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum PolicyKind {
    Identity,
    Resource,
    Trust,
}

impl Two {
    fn read(&self) -> anyhow::Result<(Document, Document)> {
        if self.first == Path::new("-") && self.second == Path::new("-") {
            bail!("both policies cannot come from standard input: name a file for one");
        }
        let kind = self.kind.map(|kind| match kind {
            PolicyKind::Identity => DocumentKind::Identity,
            PolicyKind::Resource => DocumentKind::Resource,
            PolicyKind::Trust => DocumentKind::Trust,
        });
        let document = |path: &Path| -> anyhow::Result<Document> {
            let name = path.display().to_string();
            Ok(app::policy::document(&name, &text(path)?, kind)?)
        };
        Ok((document(&self.first)?, document(&self.second)?))
    }
}

/// A file, or standard input, up to what a policy may have.
fn text(path: &Path) -> anyhow::Result<String> {
    let limit = u64::try_from(app::policy::MAX_DOCUMENT_BYTES)?.saturating_add(1);
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the policy `{}`", path.display()))?;
    Ok(text)
}

fn implies(args: &ImpliesArgs, format: Format) -> anyhow::Result<Exit> {
    let (first, second) = args.two.read()?;
    let answer = app::policy::compare(&first, &second);
    if format == Format::Json {
        output::print_json(&answer)?;
    } else {
        let mut text = format!("{}\n", answer.implies);
        text.extend(answer.counter_example.iter().map(told));
        text.extend(answer.reasons.iter().map(|reason| because(reason)));
        output::print(&text)?;
    }
    Ok(match answer.implies {
        "yes" => Exit::Fine,
        "no" => Exit::Findings,
        _ => Exit::Incomplete,
    })
}

fn diff(args: &DiffArgs, format: Format) -> anyhow::Result<Exit> {
    let (first, second) = args.two.read()?;
    let difference = app::policy::differ(&first, &second);
    if format == Format::Json {
        output::print_json(&difference)?;
    } else {
        let one = shown(&args.two.first.display().to_string()).into_owned();
        let other = shown(&args.two.second.display().to_string()).into_owned();
        let mut text = match difference.relation {
            Relation::Equal => format!("{one} and {other} allow the same\n"),
            Relation::Narrower => format!("{one} allows less than {other}\n"),
            Relation::Wider => format!("{one} allows more than {other}\n"),
            Relation::Different => {
                format!("{one} and {other} each allow what the other does not\n")
            }
            Relation::Unknown => "unknown\n".to_owned(),
        };
        for (name, witnesses) in [(one, &difference.only_first), (other, &difference.only_second)] {
            if !witnesses.is_empty() {
                text += &format!("only {name} allows\n");
                text.extend(witnesses.iter().map(told));
            }
        }
        text.extend(difference.reasons.iter().map(|reason| because(reason)));
        output::print(&text)?;
    }
    Ok(match difference.relation {
        Relation::Equal => Exit::Fine,
        Relation::Unknown => Exit::Incomplete,
        _ => Exit::Findings,
    })
}

fn because(reason: &str) -> String {
    format!("  because of {}\n", shown(reason))
}

fn told(witness: &Witness) -> String {
    let who =
        witness.principal.as_deref().map(|who| format!("{}: ", shown(who))).unwrap_or_default();
    let mut text = format!("  {who}{} on {}\n", shown(&witness.action), shown(&witness.resource));
    for (key, values) in &witness.context {
        text += &format!("    with {} = {}\n", shown(key), shown(&values.join(", ")));
    }
    text + &format!("    allowed by {}\n", shown(&witness.allowed_by))
}

pub(crate) fn run(command: &PolicyCommand, format: Format, talk: &Talk) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Decide(args) => decide(args, talk),
        PolicyCommand::Implies(args) => implies(args, format),
        PolicyCommand::Diff(args) => diff(args, format),
        PolicyCommand::Lint(args) => lint::lint(args, format, talk),
        PolicyCommand::Expand(args) => lint::expand(args, format),
    }
}

fn decide(args: &DecideArgs, talk: &Talk) -> anyhow::Result<Exit> {
    let output = BufWriter::new(std::io::stdout().lock());
    let decided = if args.cases == Path::new("-") {
        app::policy::decide_cases(std::io::stdin().lock(), output)
    } else {
        let file = File::open(&args.cases)
            .with_context(|| format!("cannot open the cases `{}`", args.cases.display()))?;
        app::policy::decide_cases(BufReader::with_capacity(1 << 16, file), output)
    };
    match decided {
        Ok(cases) => {
            talk.say(&format!("{} cases, of which {} invalid", cases.n, cases.n_invalid));
            Ok(Exit::Fine)
        }
        // Whoever read the answers has had enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Fine),
        Err(error) => {
            Err(error).with_context(|| format!("deciding the cases of `{}`", args.cases.display()))
        }
    }
}
