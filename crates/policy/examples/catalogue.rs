//! How long the catalogue takes to load, and the patterns of many policies to be expanded.
//!
//!     cargo run --release -p policy --example catalogue -- policies.jsonl
//!
//! Each line of the file is an object with a policy as `document`.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measuring program")]

use std::time::Instant;

use policy::aws::catalogue::{ActionSet, Catalogue};
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
