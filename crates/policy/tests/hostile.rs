//! Policies that were made to take long or to fill the memory: an answer comes, and is no longer than
//! what was asked about deserves.

use std::sync::Arc;

use policy::aws::lint::{MAX_LINT_BYTES, MAX_LINTS, lint};
use policy::aws::{
    Compiled, Document, Implies, Kind, MAX_PROBLEMS, Policies, Problem, catalogue::Catalogue,
    implies,
};
use policy::json::Json;
use serde_json::{Value, json};

fn document(json: &Value) -> Result<Document, Vec<Problem>> {
    let wrong = |error: serde_json::Error| {
        vec![Problem { pointer: String::new(), message: error.to_string() }]
    };
    let json: Json = serde_json::from_str(&json.to_string()).map_err(wrong)?;
    Document::read(&json, Kind::Principal)
}

fn many(n: usize, one: impl Fn(usize) -> String) -> Vec<String> {
    (0..n).map(one).collect()
}

fn statement(actions: &Value, condition: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition } })
}

/// Each key below an operator of a hundred thousand letters is not one more problem that quotes it.
#[test]
fn problems_quote_little() {
    let keys: serde_json::Map<_, _> =
        many(10_000, |n| format!("k{n}")).into_iter().map(|key| (key, json!("x"))).collect();
    let check = |json: &Value| {
        let problems = document(json).unwrap_err();
        assert!(problems.len() <= MAX_PROBLEMS + 1);
        let n_bytes: usize = problems.iter().map(|it| it.pointer.len() + it.message.len()).sum();
        assert!(n_bytes < json.to_string().len() + (MAX_PROBLEMS << 10), "{n_bytes}");
    };
    check(&statement(&json!("s3:*"), &json!({ "x".repeat(100_000): keys })));
    check(&statement(&json!("s3:*"), &json!({ "StringLikes": keys })));
    check(&statement(&json!(vec![1; 100_000]), &json!({})));
    check(&statement(&json!(many(10_000, |_| "a".repeat(1_000))), &json!({})));
}

#[test]
fn lints_come_in_time_and_quote_little() {
    let stars = |n: usize| "*a".repeat(n / 2);
    let keys: serde_json::Map<_, _> = many(9_000, |n| format!("ec2:ResourceTag/{n}"))
        .into_iter()
        .map(|key| (key, json!("x")))
        .collect();
    let texts = [
        // Pointers that are longer than the text, all together.
        json!({ "x".repeat(100_000): vec![0; 60_000], "Statement": [] }),
        statement(&json!("*".repeat(200_000)), &json!({})),
        statement(&json!(stars(200_000)), &json!({})),
        statement(
            &json!([
                stars(16_000) + "b",
                "a".repeat(16_000),
                stars(15_000) + "b",
                "a".repeat(15_000),
                stars(14_000) + "b",
                "a".repeat(14_000)
            ]),
            &json!({}),
        ),
        statement(&json!(many(15_000, |n| format!("*:*{n}*"))), &json!({})),
        statement(&json!("s3:*"), &json!({ "StringEquals": keys })),
        statement(
            &json!("s3:*"),
            &json!({ "StringEquals": {
            "x".repeat(100_000): many(15_000, |_| "*".to_owned()) } }),
        ),
        statement(
            &json!(
                [many(1, |_| "*".repeat(100_000)), many(15_000, |n| format!("s3:{n}"))].concat()
            ),
            &json!({}),
        ),
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": "${".repeat(100_000) } }),
    ];
    for json in texts {
        let text = json.to_string();
        assert!(text.len() <= MAX_LINT_BYTES, "{}", text.len());
        let linted = lint(&text, None);
        assert!(linted.lints.len() <= MAX_LINTS);
        let told = serde_json::to_string(&linted).unwrap();
        assert!(told.len() < text.len() + 1_500 * MAX_LINTS, "{} of {}", told.len(), text.len());
    }
}

#[test]
fn long_patterns_mean_what_is_not_known() {
    let catalogue = Catalogue::get();
    let long = "?*a".repeat(50_000);
    assert!(catalogue.matching(&long).contains(catalogue.unknown()));
    assert!(catalogue.matching_surely(&long).is_empty());
    assert_eq!(catalogue.matching(&"*".repeat(50_000)), catalogue.all());
}

#[test]
fn comparisons_end() {
    let letters = || ('a'..='h').map(|c| format!("*{c}*"));
    let arns: Vec<String> = letters().map(|it| format!("arn:{it}:{it}:{it}:{it}:{it}")).collect();
    let conditions = [
        json!({ "ForAnyValue:StringLike": { "aws:TagKeys": letters().collect::<Vec<_>>() } }),
        json!({ "ArnLike": { "aws:SourceArn": arns } }),
        json!({ "StringLike": { "aws:UserAgent": many(20, |n| {
            char::from_u32(0x4e00 + u32::try_from(n).unwrap()).unwrap().to_string().repeat(100)
        }) } }),
    ];
    for condition in conditions {
        let [narrow, wide] = ["s3:Get*", "s3:*Object"]
            .map(|action| document(&statement(&json!(action), &condition)).unwrap());
        assert_ne!(implies(&narrow, &wide, 1), Implies::Yes, "{condition}");
    }
}

#[test]
fn what_is_too_wide_is_not_indexed() {
    let policies = |n: usize| {
        let statements: Vec<Value> = many(n, |n| format!("*:*{}*", n % 10))
            .iter()
            .map(|action| json!({ "Effect": "Allow", "Action": action, "Resource": "*" }))
            .collect();
        let identity = vec![Arc::new(document(&json!({ "Statement": statements })).unwrap())];
        Policies { identity, ..Policies::default() }
    };
    assert!(Compiled::new(policies(10)).is_some());
    assert!(Compiled::new(policies(10_000)).is_none());
}
