//! How long the catalogue takes to load, and many policies to be expanded and linted.
//!
//!     cargo run --release -p policy --example catalogue -- policies.jsonl [--lints]
//!
//! Each line of the file is an object with a policy as `document`, and its `name`. With `--lints`
//! it tells them one by one.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use policy::aws::catalogue::{ActionSet, Catalogue};
use policy::aws::lint::{Linted, Severity, lint};
use serde_json::Value;

fn main() {
    let start = Instant::now();
    let catalogue = Catalogue::get();
    println!("load: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    let Some(file) = std::env::args_os().nth(1) else { return };
    let Ok(text) = std::fs::read_to_string(&file) else { return println!("no such file") };
    let policies: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    // Other work on the machine only ever makes it slower.
    let runs = (0..5).map(|_| {
        let start = Instant::now();
        let counts = expand(catalogue, &policies);
        (start.elapsed(), counts)
    });
    let Some((time, (n_patterns, n_actions))) = runs.min() else { return };
    println!(
        "expand: {} policies, {n_patterns} patterns, {n_actions} actions: {:.1} ms",
        policies.len(),
        time.as_secs_f64() * 1e3
    );
    let texts: Vec<String> =
        policies.iter().filter_map(|one| one.get("document")).map(Value::to_string).collect();
    let start = Instant::now();
    let linted: Vec<Linted> = texts.iter().map(|text| lint(text, None)).collect();
    println!("lint: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut counts: BTreeMap<(Severity, &str), (usize, usize)> = BTreeMap::new();
    for (linted, policy) in linted.iter().zip(&policies) {
        let mut rules = BTreeSet::new();
        for one in &linted.lints {
            let (n, n_policies) = counts.entry((one.severity, one.rule)).or_default();
            *n += 1;
            *n_policies += usize::from(rules.insert((one.severity, one.rule)));
            if std::env::args().any(|it| it == "--lints") {
                let name = policy.get("name").and_then(Value::as_str).unwrap_or_default();
                let fix = one.fix.as_deref().unwrap_or_default();
                println!(
                    "{}\t{}\t{name}\t{}\t{}\t{fix}",
                    one.severity.name(),
                    one.rule,
                    one.pointer,
                    one.what
                );
            }
        }
    }
    for ((severity, rule), (n, n_policies)) in counts.iter().rev() {
        println!("{:8} {rule:22} {n:6} in {n_policies} policies", severity.name());
    }
}

/// How many patterns there are, and how many actions in the sets of all statements.
fn expand(catalogue: &Catalogue, policies: &[Value]) -> (usize, usize) {
    let (mut n_patterns, mut n_actions) = (0, 0);
    for policy in policies {
        let statements = policy.pointer("/document/Statement");
        for statement in statements.into_iter().flat_map(list) {
            let patterns = |name: &str| statement.get(name).map(texts);
            let set: Option<ActionSet> = match (patterns("Action"), patterns("NotAction")) {
                (Some(patterns), _) => {
                    n_patterns += patterns.len();
                    Some(catalogue.matching_any(patterns))
                }
                (None, Some(patterns)) => {
                    n_patterns += patterns.len();
                    Some(catalogue.matching_none(patterns))
                }
                (None, None) => None,
            };
            n_actions += set.map_or(0, |set| set.len());
        }
    }
    (n_patterns, n_actions)
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice)
}

fn texts(json: &Value) -> Vec<&str> {
    list(json).iter().filter_map(Value::as_str).collect()
}
