//! The store with a large estate: loading, syncing again, and answering.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use demo::{Churn, Plan};
use model::{CredentialId, IdentityId, Time};
use store::{Counts, Filter, List, ListQuery, Op, Sort, Store};

use super::Args;
use super::figures::{Figures, bytes, percentiles, rate, span};
use super::machine::{Limits, Processor, forget_peak, memory, timed};

pub(crate) const FULL_IDENTITIES: u64 = 1_000_000;
pub(crate) const CREDENTIALS_PER: f64 = 3.0;

/// How often each question is asked.
const N_RUNS: usize = 200;

/// Ids of every so many things are kept to ask for details.
const KEPT_EVERY: usize = 997;

/// A moment of the benchmark's own: figures do not depend on the day.
const NOW: Time = Time::from_seconds(1_795_000_000);

fn hours(n: u64) -> Time {
    NOW.plus(Duration::from_secs(3_600 * n))
}

/// What is asked for later.
#[derive(Default)]
struct Made {
    n_records: u64,
    identities: Vec<IdentityId>,
    credentials: Vec<CredentialId>,
}

struct Synced {
    n_changed: u64,
    time: Duration,
}

pub(crate) fn measure(
    args: &Args,
    scratch: &Path,
    limits: &Limits,
    figures: &mut Figures,
) -> Result<()> {
    let plan = Plan {
        identities: args.scaled(FULL_IDENTITIES),
        credentials_per: CREDENTIALS_PER,
        ..Plan::new(NOW)
    };
    let made = generation(&plan, figures);
    let folder = scratch.join("data");
    let store = Store::open(&folder, "benchmark", NOW).context("cannot open a data folder")?;
    forget_peak();
    let processor = Processor::now();
    let first = sync(&store, &plan, hours(1))?;
    let (built, build_time) = timed(|| store.build_columns());
    built?;
    let what =
        format!("first load: {} identities, {} credentials", plan.identities, plan.credentials());
    let floor = format!("{} for bare rows", span(limits.insert_floor(made.n_records)));
    figures.add(&what, &span(first.time + build_time), "120 s", &floor);
    figures.add("  on all cores", "", "", &processor.since());
    let speed = rate(made.n_records, first.time, " records");
    figures.add("  records of all kinds", &speed, "", &limits.insert_rate());
    figures.add("  of which columns in memory", &span(build_time), "10 s", "");
    let (peak, now) = memory();
    figures.add("  memory, peak", &bytes(peak), "1.5 GB", "");
    figures.add("  memory, at rest", &bytes(now), "1.5 GB", "");
    figures.add("  data folder", &bytes(size(&folder)?), "", "");
    let mut after = |what: &str, plan: &Plan, at: Time, wanted: &str| -> Result<()> {
        forget_peak();
        let processor = Processor::now();
        let synced = sync(&store, plan, at)?;
        let changed = format!("{} records changed", synced.n_changed);
        figures.add(what, &span(synced.time), wanted, &changed);
        figures.add("  on all cores", "", "", &processor.since());
        figures.add("  memory, peak", &bytes(memory().0), "1.5 GB", "");
        Ok(())
    };
    after("second sync, nothing changed", &plan, hours(2), "15 s")?;
    if !args.wants("estate") {
        return Ok(());
    }
    let churned = Plan { churn: Churn { fraction: 0.01, round: 1 }, ..plan.clone() };
    after("third sync, one in a hundred changed", &churned, hours(3), "")?;
    forget_peak();
    let (built, build_time) = timed(|| store.build_columns());
    built?;
    figures.add("  columns in memory again", &span(build_time), "10 s", "");
    figures.add("  memory, peak", &bytes(memory().0), "1.5 GB", "");
    forget_peak();
    questions(&store, &made, figures)?;
    figures.add("memory, peak while answering", &bytes(memory().0), "1.5 GB", "");
    drop(store);
    let (opened, open_time) = timed(|| Store::open(&folder, "benchmark", hours(5)));
    let store = opened?;
    figures.add("opening the data folder", &span(open_time), "", "");
    let (built, build_time) = timed(|| store.build_columns());
    built?;
    figures.add("  columns after start", &span(build_time), "10 s", "");
    Ok(())
}

/// How much of the time of a load is the generator's own.
fn generation(plan: &Plan, figures: &mut Figures) -> Made {
    let (made, time) = timed(|| {
        let mut made = Made::default();
        for batch in demo::records(plan) {
            made.n_records += batch.n_records() as u64;
            let identities = batch.identities.iter().step_by(KEPT_EVERY);
            made.identities.extend(identities.map(|record| record.id));
            let credentials = batch.credentials.iter().step_by(KEPT_EVERY);
            made.credentials.extend(credentials.map(|record| record.id));
        }
        made
    });
    let speed = rate(made.n_records, time, " records");
    figures.add("making the records, one core", &speed, "", &span(time));
    made
}

fn sync(store: &Store, plan: &Plan, at: Time) -> Result<Synced> {
    let (summaries, time) = timed(|| app::demo::fill(store, plan, &|_| {}, &|| at));
    let changed = |counts: Counts| counts.added + counts.changed + counts.gone;
    let mut n_changed = 0;
    for (_, summary) in summaries? {
        n_changed += changed(summary.identities) + changed(summary.credentials);
        n_changed += changed(summary.grants) + changed(summary.trusts);
        n_changed += changed(summary.places) + changed(summary.owners);
    }
    Ok(Synced { n_changed, time })
}

fn sorted(field: &str, descending: bool) -> ListQuery {
    ListQuery { sort: Some(Sort { field: field.into(), descending }), ..ListQuery::default() }
}

fn filtered(filters: &[(&str, Op, &[&str])]) -> ListQuery {
    let filters =
        filters.iter().map(|(field, op, values)| Filter::new(field, *op, values)).collect();
    ListQuery { filters, ..ListQuery::default() }
}

fn questions(store: &Store, made: &Made, figures: &mut Figures) -> Result<()> {
    let one_of = |filters: &[(&str, Op, &[&str])], sort: &str, descending| ListQuery {
        sort: sorted(sort, descending).sort,
        ..filtered(filters)
    };
    let expiring = ("expires_at", Op::Before, &["2026-12-20T00:00:00Z"][..]);
    let identities: [(&str, ListQuery); 6] = [
        ("identities as they came", ListQuery::default()),
        ("identities by name", sorted("name", false)),
        ("identities, last used first", sorted("last_used_at", true)),
        (
            "roles of production by age",
            one_of(
                &[("kind", Op::Is, &["iam-role"]), ("environment", Op::Is, &["prod"])],
                "created_at",
                false,
            ),
        ),
        (
            "switched off or never used, by name",
            one_of(&[("last_used_at", Op::Unknown, &["known_absent"])], "name", false),
        ),
        (
            "name has `invoice-export`",
            ListQuery { search: Some("invoice-export".into()), ..ListQuery::default() },
        ),
    ];
    for (what, query) in &identities {
        ask(figures, &format!("rows: {what}"), "60 ms", N_RUNS, |_| {
            store.list_identities(query).map(|page| page.rows.len())
        })?;
    }
    let credentials: [(&str, ListQuery); 2] = [
        ("credentials that expire soon, by expiry", one_of(&[expiring], "expires_at", false)),
        ("tokens by last use", one_of(&[("kind", Op::Is, &["api-token"])], "last_used_at", true)),
    ];
    for (what, query) in &credentials {
        ask(figures, &format!("rows: {what}"), "60 ms", N_RUNS, |_| {
            store.list_credentials(query).map(|page| page.rows.len())
        })?;
    }
    let deep = deep_page(store, &sorted("name", false))?;
    ask(figures, "rows: the hundredth page by name", "60 ms", N_RUNS, |_| {
        store.list_identities(&deep).map(|page| page.rows.len())
    })?;
    let production = filtered(&[("environment", Op::Is, &["prod"])]);
    let fields = ["kind", "system", "environment", "enabled", "source"];
    ask(figures, "facets: five fields of production", "60 ms", N_RUNS, |_| {
        store
            .facets(List::Identities, &production, &fields, 20)
            .map(|facets| facets.map_or(0, |f| f.len()))
    })?;
    ask(figures, "total of production", "60 ms", N_RUNS, |_| {
        store.total(List::Identities, &production).map(|total| usize::from(total.is_some()))
    })?;
    let words = ["ledger", "invoice-exp", "zzz", "payments-prod", "svc-", "nobody-has-this"];
    ask(figures, "name search", "60 ms", N_RUNS, |run| {
        let word = words.get(run % words.len()).copied().unwrap_or_default();
        store.search(word, 20).map(|hits| hits.len().max(1))
    })?;
    let identity =
        |run: usize| made.identities.get(run * 31 % made.identities.len().max(1)).copied();
    ask(figures, "identity page", "20 ms", N_RUNS, |run| match identity(run) {
        Some(id) => store.identity(id, None).map(|detail| usize::from(detail.is_some())),
        None => Ok(0),
    })?;
    ask(figures, "identity page as of an hour after the first load", "1 s", N_RUNS, |run| {
        match identity(run) {
            Some(id) => {
                store.identity(id, Some(hours(2))).map(|detail| usize::from(detail.is_some()))
            }
            None => Ok(0),
        }
    })?;
    let credential =
        |run: usize| made.credentials.get(run * 31 % made.credentials.len().max(1)).copied();
    ask(figures, "credential page", "20 ms", N_RUNS, |run| match credential(run) {
        Some(id) => store.credential(id, None).map(|detail| usize::from(detail.is_some())),
        None => Ok(0),
    })?;
    let (_, by_name) = identities.get(1).cloned().unwrap_or_default();
    let as_of = ListQuery { as_of: Some(hours(2)), ..by_name };
    ask(figures, "rows as of an hour after the first load, by name", "1 s", N_RUNS / 10, |_| {
        store.list_identities(&as_of).map(|page| page.rows.len())
    })?;
    ask(figures, "how much differs between two moments", "", 3, |_| {
        store.diff_summary(hours(2), hours(4)).map(|lists| lists.len())
    })
}

/// The query for a page that people only reach by holding the key down.
fn deep_page(store: &Store, query: &ListQuery) -> Result<ListQuery> {
    let mut query = query.clone();
    for _ in 0..99 {
        match store.list_identities(&query)?.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    Ok(query)
}

/// Asks a question many times; what it answers with is a count, which is 0 when nothing was found.
fn ask(
    figures: &mut Figures,
    what: &str,
    wanted: &str,
    n_runs: usize,
    question: impl Fn(usize) -> store::Result<usize>,
) -> Result<()> {
    let mut times = Vec::with_capacity(n_runs);
    let mut n_empty = 0;
    for run in 0..n_runs {
        let (answer, time) = timed(|| question(run));
        n_empty += usize::from(answer.with_context(|| what.to_owned())? == 0);
        times.push(time);
    }
    let (half, most) = percentiles(times);
    let figure = format!("p50 {}, p99 {}", span(half), span(most));
    let empty = if n_empty == 0 { String::new() } else { format!("{n_empty} of {n_runs} empty") };
    figures.add(
        what,
        &figure,
        &if wanted.is_empty() { String::new() } else { format!("p99 {wanted}") },
        &empty,
    );
    Ok(())
}

fn size(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder)? {
        let meta = entry?.metadata()?;
        if meta.is_file() {
            size += meta.len();
        }
    }
    Ok(size)
}
