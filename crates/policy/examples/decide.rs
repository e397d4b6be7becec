//! How many requests are decided in a second, beside the crate `iam-rs` on the same ones.
//!
//! `cargo run --release -p policy --example decide [MANAGED.json]`; the file is an object of AWS's
//! managed policies, `{name: document}`. Without it policies of their kind are made.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and prints it"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::aws::catalogue::Catalogue;
use policy::aws::{
    Compiled, Context, Document, Kind, Policies, Principal, Question, Request, Verdict, decide,
};
use policy::json::Json;
use serde_json::{Value, json};

/// Of verdicts that differ.
const MAX_TOLD: usize = 10;

const WHO: &str = "arn:aws:iam::111122223333:user/ada";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let managed: BTreeMap<String, Value> = match std::env::args().nth(1) {
        Some(path) => serde_json::from_str(&std::fs::read_to_string(path)?)?,
        None => made(),
    };
    let texts: Vec<String> = managed.values().map(Value::to_string).collect();
    let n_bytes: usize = texts.iter().map(String::len).sum();
    println!("{} managed policies, {} kB", texts.len(), n_bytes / 1000);
    let begun = Instant::now();
    _ = Catalogue::get();
    println!("catalogue read               {:>12.1?}", begun.elapsed());
    let (documents, took) =
        timed(|| texts.iter().map(|text| document(text)).collect::<Result<Vec<_>, _>>());
    let documents = documents?;
    println!("all parsed                   {took:>12.1?}");
    let ((), took) = timed(|| {
        for one in &documents {
            black_box(Compiled::new(of(vec![Arc::clone(one)])));
        }
    });
    println!("all compiled, parsed before  {took:>12.1?}");

    let mut by_size: Vec<usize> = (0..texts.len()).collect();
    by_size.sort_by_key(|n| std::cmp::Reverse(texts.get(*n).map_or(0, String::len)));
    let large: Vec<usize> = by_size.into_iter().take(10).collect();
    let small = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:111122223333:jobs-*",
         "Condition": {"StringEquals": {"aws:PrincipalTag/team": "web"}}},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::data/secret/*"},
    ]})
    .to_string();
    let requests = requests()?;
    println!(
        "\n{:28}{:>14}{:>14}{:>10}{:>16}",
        "requests a second", "compiled", "decide", "iam-rs", "ratio to iam-rs"
    );
    for (name, chosen) in [
        ("small policy", vec![small.as_str()]),
        (
            "ten large managed policies",
            large.iter().filter_map(|n| texts.get(*n)).map(String::as_str).collect(),
        ),
    ] {
        compare(name, &chosen, &requests)?;
    }
    Ok(())
}

fn compare(
    name: &str,
    texts: &[&str],
    requests: &[Request],
) -> Result<(), Box<dyn std::error::Error>> {
    let documents = texts.iter().map(|text| document(text)).collect::<Result<Vec<_>, _>>()?;
    let policies = of(documents);
    let compiled = Compiled::new(policies.clone()).ok_or("too wide")?;
    let questions: Vec<Question<'_>> = requests.iter().map(Question::new).collect();
    let theirs: Vec<iam_rs::IAMPolicy> =
        texts.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>()?;
    let evaluator = iam_rs::PolicyEvaluator::with_policies(theirs);
    let their_requests = requests.iter().map(theirs_of).collect::<Result<Vec<_>, _>>()?;
    let mut n_other = 0;
    for ((request, question), their) in requests.iter().zip(&questions).zip(&their_requests) {
        let answer = compiled.answer(question);
        let decision = decide(request, &policies);
        assert_eq!((answer.verdict, answer.reason), (decision.verdict, decision.reason));
        let allows = evaluator.evaluate(their)?.decision == iam_rs::Decision::Allow;
        if allows != (answer.verdict == Verdict::Allow) {
            n_other += 1;
            if n_other <= MAX_TOLD {
                println!(
                    "  {} on {:?}: {:?} here",
                    request.action, request.resources, answer.verdict
                );
            }
        }
    }
    let ours = rate(requests.len(), || {
        for question in &questions {
            black_box(compiled.answer(black_box(question)));
        }
    });
    let slow = rate(requests.len(), || {
        for request in requests {
            black_box(decide(black_box(request), &policies));
        }
    });
    let peer = rate(requests.len(), || {
        for request in &their_requests {
            _ = black_box(evaluator.evaluate(black_box(request)));
        }
    });
    println!("{name:28}{ours:>14.0}{slow:>14.0}{peer:>10.0}{:>15.0}x", ours / peer);
    println!("  verdicts alike: {} of {}", requests.len() - n_other, requests.len());
    Ok(())
}

fn theirs_of(request: &Request) -> Result<iam_rs::IAMRequest, Box<dyn std::error::Error>> {
    let who = iam_rs::Principal::Aws(iam_rs::PrincipalId::String(WHO.to_owned()));
    let resource = request.resources.first().map_or("*", String::as_str);
    let resource = iam_rs::Arn::parse(resource)?;
    // What follows from the request has to be told.
    let mut context = iam_rs::Context::new();
    for (key, value) in [
        ("aws:PrincipalArn", WHO),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:ResourceAccount", "111122223333"),
        ("aws:PrincipalType", "User"),
        ("aws:username", "ada"),
    ] {
        context.insert(key.to_owned(), iam_rs::ContextValue::String(value.to_owned()));
    }
    Ok(iam_rs::IAMRequest::new_with_context(who, request.action.clone(), resource, context))
}

fn document(text: &str) -> Result<Arc<Document>, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Document::read(&json, Kind::Principal).map(Arc::new).map_err(|problems| format!("{problems:?}"))
}

fn of(identity: Vec<Arc<Document>>) -> Policies {
    Policies { identity, ..Policies::default() }
}

/// Actions of many services on resources of theirs.
fn requests() -> Result<Vec<Request>, String> {
    let catalogue = Catalogue::get();
    let mut requests = Vec::new();
    let who = Principal::of_arn(WHO)?;
    let resources = [
        "arn:aws:s3:::data/reports/2026/11/22/part-00001.parquet",
        "arn:aws:s3:::data/secret/key",
        "arn:aws:sqs:eu-west-1:111122223333:jobs-nightly",
        "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0",
    ];
    let of_all = catalogue.services().iter().flat_map(|service| service.actions().take(400));
    let known = of_all.filter_map(|id| catalogue.action(id)).step_by(29);
    for (n, action) in known.enumerate() {
        requests.push((action.full_name(), n));
    }
    let often = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage"];
    let often = often.iter().cycle().take(requests.len());
    requests
        .extend(often.enumerate().map(|(n, action)| ((*action).to_owned(), n)).collect::<Vec<_>>());
    Ok(requests
        .into_iter()
        .map(|(action, n)| Request {
            principal: who.clone(),
            is_management_account: false,
            is_service_linked: false,
            action,
            resources: resources
                .iter()
                .cycle()
                .skip(n % resources.len())
                .take(1)
                .map(|it| (*it).to_owned())
                .collect(),
            resource_account: Some("111122223333".to_owned()),
            context: Context::default(),
        })
        .collect())
}

/// Policies of the kind that AWS manages: many services, starts of names, few conditions.
fn made() -> BTreeMap<String, Value> {
    let services = Catalogue::get().services();
    let policy = |n: usize| {
        let chosen =
            services.iter().skip(n * 7 % services.len()).step_by(1 + n % 5).take(120 - n % 100);
        let mut actions = Vec::new();
        for (m, service) in chosen.enumerate() {
            let prefix = service.prefix;
            actions.extend(["Get*", "List*", "Describe*"].map(|it| format!("{prefix}:{it}")));
            if m % 3 == 0 {
                actions.push(format!("{prefix}:*Tags"));
            }
        }
        let statements = [
            json!({"Effect": "Allow", "Action": actions, "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
                   "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}),
            json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
                   "Resource": ["arn:aws:s3:::aws-data/*", "arn:aws:s3:::*logs*/*"]}),
        ];
        (format!("policy-{n}"), json!({"Version": "2012-10-17", "Statement": statements}))
    };
    (0..1_582).map(policy).collect()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

/// The best of five runs of at least a fifth of a second each.
fn rate(n: usize, mut work: impl FnMut()) -> f64 {
    let mut best: f64 = 0.0;
    for _ in 0..5 {
        let begun = Instant::now();
        let mut n_rounds = 0_u32;
        while begun.elapsed() < Duration::from_millis(200) {
            work();
            n_rounds += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand requests")]
        let done = f64::from(n_rounds) * n as f64;
        best = best.max(done / begun.elapsed().as_secs_f64());
    }
    best
}
