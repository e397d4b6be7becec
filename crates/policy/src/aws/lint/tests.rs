//! Every rule fires where its examples say so, and is silent where they say that.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A policy of an example: as it stands, or made of its statements.
fn policy(example: &Value) -> String {
    let whole = example.get("Statement").is_some();
    let json = if whole {
        example.clone()
    } else {
        json!({ "Version": "2012-10-17", "Statement": example })
    };
    serde_json::to_string_pretty(&json).unwrap()
}

#[test]
fn rules_fire_and_are_silent_as_their_examples_say() {
    let mut told: BTreeMap<&str, (bool, bool)> =
        RULES.iter().map(|rule| (rule.id, (false, false))).collect();
    let mut wrong = Vec::new();
    for line in include_str!("examples.jsonl").lines() {
        let example: Value = serde_json::from_str(line).unwrap();
        let rule = example["rule"].as_str().unwrap();
        let kind = example["kind"].as_str().map(|name| PolicyKind::of_name(name).unwrap());
        let severity = example["severity"].as_str();
        let of_rule = |text: &str| -> Vec<Lint> {
            let lints = lint(text, kind).lints.into_iter();
            lints.filter(|one| one.rule == rule).collect()
        };
        let told = told.get_mut(rule).unwrap_or_else(|| panic!("no rule `{rule}`"));
        if example["fires"] != json!([]) {
            let mut text = policy(&example["fires"]);
            if let Some(n) = example["long"].as_u64() {
                let id = format!("\"Id\": \"{}\",", "x".repeat(n.try_into().unwrap()));
                text = text.replacen('{', &format!("{{{id}"), 1);
            }
            let found = of_rule(&text);
            let fires = !found.is_empty()
                && found.iter().all(|one| severity.is_none_or(|name| name == one.severity.name()))
                && found.iter().all(|one| one.line.is_some() && !one.what.is_empty());
            if !fires {
                wrong.push(format!("does not fire: {line}: {found:?}"));
            }
            told.0 = true;
        }
        let found = of_rule(&policy(&example["silent"]));
        if !found.is_empty() {
            wrong.push(format!("is not silent: {line}: {found:?}"));
        }
        told.1 = true;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let without: Vec<_> = told.iter().filter(|(_, told)| **told != (true, true)).collect();
    assert!(without.is_empty(), "no examples for {without:?}");
}

#[test]
fn what_is_said_has_a_place() {
    let text = r#"{
  "Statement": [
    {
      "Sid": "read it",
      "Effect": "Allow",
      "Action": ["s3:GetObjct", "s3:GetObject", "s3:Get*"],
      "Resource": "arn:aws:s3:::home-${aws:username}"
    },
    {
      "Effect": "Allow",
      "NotAction": "iam:*",
      "Resource": "*",
      "Condition": {
        "StringEquals": { "aws:SourceIp": "203.0.113.0/24" },
        "ForAllValues:StringLike": { "aws:PrincipalOrgPaths": "o-example/*" }
      }
    }
  ]
}"#;
    let told = |text: &str, kind| {
        let linted = lint(text, kind);
        let lines = linted.lints.iter().map(|one| {
            let place = match (one.line, one.column) {
                (Some(line), Some(column)) => format!("{line}:{column}"),
                _ => "-".to_owned(),
            };
            let fix = one.fix.as_deref().unwrap_or("-");
            let severity = one.severity.name();
            format!("{place} {severity} {} {} | {} | {fix}", one.rule, one.pointer, one.what)
        });
        format!("{}\n{}", linted.kind.name(), lines.collect::<Vec<_>>().join("\n"))
    };
    insta::assert_snapshot!(told(text, None));
    insta::assert_snapshot!(told("{\n  \"Version\": ", None), @"
    identity
    2:13 error invalid  | no JSON: EOF while parsing a value at line 2 column 13 | -
    ");
    insta::assert_snapshot!(told("[1]", Some(PolicyKind::Trust)), @"
    trust
    1:1 error invalid  | a policy is an object, here is a list | -
    ");
}

#[test]
fn kinds_are_guessed() {
    for (statement, wanted) in [
        (json!({ "Action": "s3:*", "Resource": "*" }), PolicyKind::Identity),
        (json!({ "Principal": "*", "Action": "s3:*", "Resource": "*" }), PolicyKind::Resource),
        (
            json!({ "Principal": "*", "Action": ["sts:AssumeRole", "STS:TagSession"] }),
            PolicyKind::Trust,
        ),
        (json!({ "NotPrincipal": {}, "Action": "sns:Publish" }), PolicyKind::Resource),
        (json!(3), PolicyKind::Identity),
    ] {
        assert_eq!(lint(&policy(&statement), None).kind, wanted, "{statement}");
    }
}

/// However many patterns there are, an answer comes.
#[test]
fn hostile_policies_have_an_end() {
    let many = |text: &str, n: usize| -> Vec<String> {
        (0..n).map(|n| text.replace('#', &n.to_string())).collect()
    };
    let texts = [
        json!({ "Statement": [{ "Effect": "Allow", "Action": many("s3:*#*", 6_000),
            "Resource": many("arn:aws:s3:::*a*#*", 4_000) }] }),
        json!({ "Statement": many("#", 6_000).iter().map(|n| json!({
            "Effect": "Allow", "Sid": n })).collect::<Vec<_>>() }),
        json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": { "StringEquals": many("ec2:Nosuch#", 6_000).iter()
                .map(|key| (key.clone(), json!("*"))).collect::<serde_json::Map<_, _>>() } } }),
    ];
    for json in texts {
        let text = json.to_string();
        assert!(text.len() <= MAX_LINT_BYTES, "{}", text.len());
        let linted = lint(&text, None);
        assert!(linted.lints.len() <= MAX_LINTS && !linted.lints.is_empty());
    }
    let long = format!("{{\"Id\":\"{}\"}}", "a".repeat(MAX_LINT_BYTES));
    assert_eq!(lint(&long, None).lints[0].rule, "invalid");
    assert_eq!(lint(&"[".repeat(10_000), None).lints.len(), 1);
}

proptest! {
    #[test]
    fn every_place_is_in_the_text(
        action in "[s3ec2:*?GetOPu]{0,12}",
        resource in "(arn:aws:s3:::)?[a*?${}:/]{0,8}",
        key in "(aws:|s3:)?[a-zA-Z*/]{0,8}",
        operator in "(ForAllValues:)?(String|Arn|Bool|Numeric)(Equals|Like)?(IfExists)?",
    ) {
        let text = policy(&json!([
            { "Sid": action, "Effect": "Allow", "Action": [&action, "s3:*"], "Resource": [&resource],
              "Condition": { &operator: { &key: &resource } } },
            { "Effect": "Allow", "NotAction": &action, "Resource": "*" },
        ]));
        let whole: Value = serde_json::from_str(&text).unwrap();
        for one in lint(&text, None).lints {
            prop_assert!(whole.pointer(&one.pointer).is_some(), "{:?}", one);
            let (line, column) = (one.line.unwrap(), one.column.unwrap());
            prop_assert!(text.lines().nth(line - 1).is_some_and(|line| line.chars().count() >= column));
        }
    }
}
