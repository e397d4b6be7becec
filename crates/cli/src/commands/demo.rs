//! `tutela demo`: a believable estate from a seed, in the data folder or as provider exports.

use std::path::PathBuf;

use anyhow::{Context, bail};
use app::App;
use clap::ValueEnum;
use connectors::Progress;
use demo::Plan;

use crate::commands::Global;
use crate::output::{self, Exit, Talk};
use crate::{clock, config};

/// Make a believable estate from a seed, to look at or to measure with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Identities that are not people.
    #[arg(long, default_value_t = demo::DEFAULT_IDENTITIES)]
    identities: u64,
    /// Credentials for each identity, on average.
    #[arg(long, default_value_t = demo::DEFAULT_CREDENTIALS_PER)]
    credentials_per: f64,
    /// The same seed gives the same estate.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// records: into a data folder (--data, else tutela-demo beside the real one). exports: provider exports into --to.
    #[arg(long = "as", value_enum, default_value_t = As::Records)]
    shape: As,
    /// With --as exports: the folder to write, which must be empty or new.
    #[arg(long, value_name = "FOLDER", required_if_eq("shape", "exports"))]
    to: Option<PathBuf>,
    /// The moment ages are counted from [default: now].
    #[arg(long, value_name = "TIME")]
    now: Option<model::Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    Records,
    Exports,
}

pub(crate) fn run(args: &Args, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let mut plan = Plan::new(args.now.unwrap_or_else(clock::now));
    plan.identities = args.identities;
    plan.credentials_per = args.credentials_per;
    plan.seed = args.seed;
    match args.shape {
        As::Records => records(&plan, global, talk),
        As::Exports => exports(&plan, args.to.as_deref(), talk),
    }
}

fn records(plan: &Plan, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    // Never into somebody's real data folder unless it is named.
    let folder = match &global.data {
        Some(folder) => config::data_folder(Some(folder), &config::Config::default())?,
        None => config::demo_folder(),
    };
    let app = App::open(folder.clone(), "tutela demo", clock::now())
        .with_context(|| format!("opening the data folder `{}`", folder.display()))?;
    if let Some(own) = app::demo::foreign(&app)? {
        bail!(
            "the data folder `{}` holds a source of yours (`{own}`), which the demo would mix with; \
             name another one with --data, or none for the demo's own",
            folder.display()
        );
    }
    let bar = talk.bar("demo");
    let progress = |n_records: u64| {
        bar.show(&Progress {
            doing: "records of all sources".into(),
            done: n_records,
            total: None,
        });
    };
    let summaries = app::demo::load(&app, &config::me(), plan, &progress, &clock::now)?;
    bar.finish();
    for (source, summary) in &summaries {
        talk.say(&format!(
            "{source}: {} identities, {} credentials",
            summary.identities.added + summary.identities.changed + summary.identities.unchanged,
            summary.credentials.added + summary.credentials.changed + summary.credentials.unchanged,
        ));
    }
    talk.say(&format!("look at it: tutela up --no-sources --data {}", folder.display()));
    Ok(Exit::Fine)
}

fn exports(plan: &Plan, to: Option<&std::path::Path>, talk: &Talk) -> anyhow::Result<Exit> {
    let Some(to) = to else { bail!("name the folder to write: --to FOLDER") };
    if to.exists() && std::fs::read_dir(to)?.next().is_some() {
        bail!("`{}` is not empty", to.display());
    }
    let written = demo::exports::write(plan, to)
        .with_context(|| format!("writing exports to `{}`", to.display()))?;
    talk.say(&format!("wrote {written} files to {}", to.display()));
    output::print(&format!("{}\n", to.display()))?;
    Ok(Exit::Fine)
}
