//! Figures for the store on this machine: first load, second sync, columns, pages, details.
//!
//! `cargo run --release -p store --example bench -- <identities> <folder>`

#![expect(clippy::print_stdout, reason = "figures for a person")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use model::kinds;
use model::{Batch, Coverage, Credential, Fact, Identity, Place, Scope, Time};
use store::{Filter, List, ListQuery, NewSource, Op, Sort, Store};

const IDENTITIES_PER_BATCH: usize = 10_000;
const CREDENTIALS_EACH: usize = 3;
const PLACES_PER_IDENTITY: f64 = 0.3;
const KINDS: [&str; 6] = ["svc", "deploy", "backup", "etl", "api", "bot"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let n: usize = arguments.next().as_deref().unwrap_or("100000").parse()?;
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "/tmp/store-bench".into()));
    let store = Store::open(&folder, "bench", Time::from_seconds(1))?;
    let new = NewSource {
        connector: "demo".into(),
        name: "demo".into(),
        settings: "{}".into(),
        every_s: None,
    };
    let source = store.add_source(&new, Time::from_seconds(1))?.id;
    for (turn, what) in ["first load", "unchanged second sync"].into_iter().enumerate() {
        let start = stopwatch();
        let now = Time::from_seconds(10 + i64::try_from(turn)?);
        let mut writer = store.begin_sync(source, now)?;
        say(what, "begun", start.elapsed());
        let scope = Scope::new("demo", "", "account", "demo");
        let mut making = Duration::ZERO;
        for part in 0..n.div_ceil(IDENTITIES_PER_BATCH) {
            let began = stopwatch();
            let from = part * IDENTITIES_PER_BATCH;
            let mut batch = make(from..(from + IDENTITIES_PER_BATCH).min(n), n, &scope);
            if part == 0 {
                batch.coverage.push(Coverage::new(scope.clone()));
            }
            batch.settle();
            making += began.elapsed();
            writer.put(&batch)?;
        }
        say(what, "put (without making the records)", start.elapsed().saturating_sub(making));
        let began = stopwatch();
        let summary = writer.publish(now)?;
        say(what, "published in", began.elapsed());
        say(what, "in all, without making", start.elapsed().saturating_sub(making));
        println!("{:?} {:?}", summary.identities, summary.credentials);
        println!("resident: {}", resident());
    }
    let start = stopwatch();
    store.build_columns()?;
    say("columns", "ready after", start.elapsed());
    println!("resident: {}", resident());
    ask(&store, n)?;
    Ok(())
}

fn ask(store: &Store, n: usize) -> Result<(), Box<dyn std::error::Error>> {
    let list = |field: &str, descending| ListQuery {
        sort: Some(Sort { field: field.into(), descending }),
        ..ListQuery::default()
    };
    let mut queries = vec![ListQuery::default()];
    for field in ["name", "last_used_at", "created_at", "kind"] {
        for descending in [false, true] {
            queries.push(list(field, descending));
            let filter = Filter::new("kind", Op::Is, &["service-account"]);
            queries.push(ListQuery { filters: vec![filter], ..list(field, descending) });
            queries.push(ListQuery { search: Some("backup-77".into()), ..list(field, descending) });
        }
    }
    let mut times = Vec::new();
    let mut counts = Vec::new();
    for _ in 0..5 {
        for query in &queries {
            let start = stopwatch();
            let page = store.list_credentials(query)?;
            times.push(start.elapsed());
            let start = stopwatch();
            let second = ListQuery { after: page.next, ..query.clone() };
            store.list_credentials(&second)?;
            times.push(start.elapsed());
            let start = stopwatch();
            store.total(List::Credentials, query)?;
            store.facets(List::Credentials, query, &["kind", "system", "enabled"], 10)?;
            counts.push(start.elapsed());
        }
    }
    percentiles("pages of credentials", times);
    percentiles("totals and three facets", counts);
    let mut times = Vec::new();
    for row in 0..200 {
        let name = name_of(row * n / 200);
        let id = Identity::id_of(kinds::SERVICE_ACCOUNT, "demo", "", &name);
        let start = stopwatch();
        store.identity(id, None)?;
        times.push(start.elapsed());
    }
    percentiles("details of identities", times);
    let mut times = Vec::new();
    for query in [ListQuery::default(), list("name", false), list("last_used_at", true)] {
        let query = ListQuery { as_of: Some(Time::from_seconds(10)), ..query };
        let start = stopwatch();
        store.list_identities(&query)?;
        times.push(start.elapsed());
    }
    percentiles("as-of pages", times);
    let start = stopwatch();
    let hits = store.search("backup-7777", 20)?;
    say("search", &format!("{} hits", hits.len()), start.elapsed());
    Ok(())
}

fn name_of(n: usize) -> String {
    let kind = KINDS.get(n % KINDS.len()).copied().unwrap_or_default();
    format!("{kind}-{n}-prod")
}

fn make(rows: std::ops::Range<usize>, n: usize, scope: &Scope) -> Batch {
    let mut batch = Batch::default();
    #[expect(clippy::cast_precision_loss, reason = "a share of a million")]
    #[expect(clippy::cast_possible_truncation, reason = "it is below a million")]
    #[expect(clippy::cast_sign_loss, reason = "both factors are positive")]
    let n_places = ((n as f64 * PLACES_PER_IDENTITY) as usize).max(1);
    for row in rows {
        let time = |spread: usize| {
            Time::from_seconds(1_600_000_000 + i64::try_from(row * 7919 % spread).unwrap_or(0))
        };
        let mut identity =
            Identity::new(kinds::SERVICE_ACCOUNT, "demo", "", name_of(row), scope.id);
        identity.enabled = Fact::known(row % 5 != 0);
        identity.created_at = Fact::known(time(90_000_000));
        identity.last_used_at = Fact::known(time(70_000_000));
        identity.fact("description", Fact::known(format!("made for team {}", row % 300)));
        identity.tags.insert("team".into(), format!("team-{}", row % 300));
        for number in 0..CREDENTIALS_EACH {
            let name = format!("{}-key-{number}", identity.name);
            let mut credential = Credential::new(kinds::ACCESS_KEY, "demo", "", name, scope.id);
            credential.identity = Some(identity.id);
            credential.created_at = Fact::known(time(80_000_000 + number));
            credential.last_used_at = Fact::known(time(60_000_000 + number));
            credential.expires_at = Fact::absent();
            let n_place = (row * CREDENTIALS_EACH + number) % n_places;
            let place = place(n_place, scope);
            credential.places.push(place.stored_at(None, None));
            credential.loci.push(place.path.clone());
            if row < n_places && number == 0 {
                batch.places.push(self::place(row, scope));
            }
            batch.credentials.push(credential);
        }
        batch.identities.push(identity);
    }
    batch
}

fn place(n: usize, scope: &Scope) -> Place {
    let path = format!("/srv/app-{}/config/{n}.toml", n % 1000);
    Place::new(kinds::PLACE_FILE, "file", "machine", path, scope.id)
}

fn percentiles(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let of = |share: usize| times.get((times.len() - 1) * share / 100).copied().unwrap_or_default();
    println!("{what}: p50 {:?}, p99 {:?}, of {}", of(50), of(99), times.len());
}

fn say(what: &str, word: &str, time: Duration) {
    println!("{what}: {word} {:.2} s", time.as_secs_f64());
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines =
        status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.collect::<Vec<_>>().join(", ").replace('\t', " ")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
fn stopwatch() -> Instant {
    Instant::now()
}
