//! `tutela policy`: what permission documents mean.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::output::{Exit, Talk};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PolicyCommand {
    Decide(DecideArgs),
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

pub(crate) fn run(command: &PolicyCommand, talk: &Talk) -> anyhow::Result<Exit> {
    let PolicyCommand::Decide(args) = command;
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
