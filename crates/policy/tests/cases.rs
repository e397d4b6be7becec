//! Every case of `cases.jsonl` is answered as it says, and answers about unknown keys agree with
//! what comes of every value that those keys may have.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what cannot go on in a test ends it"
)]

use policy::aws::case::{Answer, answer};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn told(answer: &Answer) -> Value {
    serde_json::to_value(answer).unwrap()
}

#[test]
fn cases_are_answered_as_documented() {
    let mut wrong = Vec::new();
    for (n, line) in include_str!("cases.jsonl").lines().enumerate() {
        let mut case: Map<String, Value> = serde_json::from_str(line).unwrap();
        let expected = case.shift_remove("expect").unwrap();
        let case = Value::Object(case).to_string();
        let answer = told(&answer(&case, n + 1));
        let deciding: Vec<String> = answer["deciding"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{}#{}", one["policy"].as_str().unwrap(), one["statement"]))
            .collect();
        for (field, wanted) in expected.as_object().unwrap() {
            let found = if field == "deciding" { json!(deciding) } else { answer[field].clone() };
            if found != *wanted {
                wrong.push(format!("{}: {field}: {wanted} was wanted: {answer}", answer["id"]));
            }
        }
        if expected["decision"] == "deny" && expected.get("blocked_by").is_none() {
            wrong.push(format!("{}: a denial says what blocks it", answer["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_lines_are_answered() {
    let long_resource = format!(
        r#"{{"request":{{"principal":"anonymous","action":"s3:A","resource":"{}"}}}}"#,
        "a".repeat(3_000)
    );
    for line in [
        "",
        "{",
        "[]",
        "null",
        r#"{"id":"x"}"#,
        r#"{"id":"x","request":{}}"#,
        r#"{"id":"x","request":{"principal":"ann","action":"s3:Get","resource":"*"}}"#,
        r#"{"id":"x","request":{"principal":"anonymous","action":"s3:*","resource":"*"}}"#,
        r#"{"id":"x","request":{"principal":"anonymous","action":"s3:A"}}"#,
        r#"{"id":"x","id":"y","request":{"principal":"anonymous","action":"s3:A","resource":"*"}}"#,
        r#"{"request":{"principal":"anonymous","action":"s3:A","resource":"*","context":{"a":{}}}}"#,
        &"[".repeat(10_000),
        &long_resource,
    ] {
        let answer = answer(line, 7);
        assert_eq!(answer.decision, "invalid", "{line}");
        assert!(!answer.problems.is_empty(), "{line}");
    }
}

#[test]
fn problems_have_places() {
    let case = json!({
        "id": 1,
        "request": { "principal": "anonymous", "action": "s3:A", "resource": "*" },
        "resource_policy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "allow",
                    "Principal": { "AWS": ["*", "arn:aws:iam::111122223333:user/*"], "Robot": "x" },
                    "Action": ["s3:Get", "Get"],
                    "Resource": [],
                    "Condition": { "StringLikes": { "a/b": ["x"] }, "Bool": { "c": "maybe" } },
                },
            ],
            "Comment": "",
        },
    });
    insta::assert_json_snapshot!(answer(&case.to_string(), 1));
    let twice = r#"{"id":2,"request":{"principal":"anonymous","action":"s3:A","resource":"*"},
        "identity_policies":[{"Statement":[],"Statement":[]}]}"#;
    insta::assert_json_snapshot!("twice", answer(twice, 1));
}

const KEYS: [&str; 3] = ["aws:x", "aws:y", "aws:z"];
const VALUES: [&str; 3] = ["a", "b", "ab"];

fn condition() -> impl Strategy<Value = Value> {
    let operators = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIfExists",
        "StringNotEqualsIfExists",
        "StringLikeIfExists",
        "StringNotLikeIfExists",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringNotEquals",
        "ForAnyValue:StringLike",
        "ForAllValues:StringNotLike",
        "Null",
    ]);
    let values = prop::collection::vec(
        prop::sample::select(vec!["a", "b", "a*", "*", "${aws:y}", "${aws:z, 'b'}"]),
        1..3,
    );
    (operators, prop::sample::select(KEYS.to_vec()), values).prop_map(|(operator, key, values)| {
        let values = if operator == "Null" { json!(values[0] == "a") } else { json!(values) };
        json!({ operator: { key: values } })
    })
}

fn statement(principal: bool) -> impl Strategy<Value = Value> {
    let resources = vec!["*", "arn:aws:s3:::box/a", "arn:aws:s3:::box/${aws:x}", "arn:aws:s3:::no"];
    (
        prop::sample::select(vec!["Allow", "Allow", "Deny"]),
        prop::sample::select(vec!["*", "s3:Get*", "s3:Put*"]),
        prop::sample::select(resources),
        prop::option::of(condition()),
    )
        .prop_map(move |(effect, action, resource, condition)| {
            let mut statement = json!({ "Effect": effect, "Action": action, "Resource": resource });
            if principal {
                statement["Principal"] = json!("*");
            }
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        })
}

fn document(principal: bool) -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(principal), 1..4)
        .prop_map(|all| json!({ "Version": "2012-10-17", "Statement": all }))
}

fn case() -> impl Strategy<Value = Value> {
    let user = "arn:aws:iam::111122223333:user/ann";
    (
        prop::collection::vec(document(false), 0..3),
        prop::collection::vec(document(false), 0..2),
        prop::option::of(document(true)),
        prop::option::of(document(false)),
    )
        .prop_map(move |(identity, boundaries, resource, scp)| {
            let request =
                json!({ "principal": user, "action": "s3:GetObject", "resource": "arn:aws:s3:::box/a" });
            let mut case = json!({ "id": "x", "request": request, "identity_policies": identity });
            case["permission_boundaries"] = json!(boundaries);
            if let Some(document) = resource {
                case["resource_policy"] = document;
            }
            if let Some(document) = scp {
                case["service_control_policies"] = json!([[document]]);
            }
            case
        })
}

/// What a key may turn out to be.
fn ways() -> Vec<Value> {
    let one = VALUES.iter().map(|value| json!(value));
    std::iter::once(Value::Null).chain(one).collect()
}

/// Whether a residual holds, by deciding a policy that allows under one of its conditions alone.
fn holds(condition: &Value, context: &Value) -> bool {
    if condition["operator"] == "Variable" {
        let key = condition["key"].as_str().unwrap();
        let pattern = condition["values"][0].as_str().unwrap();
        let value = context.get(key).and_then(Value::as_str);
        let default = pattern.split_once('\'').map(|(_, rest)| rest.trim_end_matches("'}"));
        let text = condition["values"][1].as_str().unwrap();
        return value.or(default).is_some_and(|value| {
            pattern.split_once("${").is_some_and(|(before, _)| format!("{before}{value}") == text)
        });
    }
    let operator = condition["operator"].as_str().unwrap();
    let key = condition["key"].as_str().unwrap();
    let statement = json!({
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": { operator: { key: condition["values"] } },
    });
    let case = json!({
        "request": {
            "principal": "arn:aws:iam::111122223333:user/ann",
            "action": "s3:GetObject",
            "resource": "arn:aws:s3:::box/a",
            "context": context,
        },
        "identity_policies": [{ "Version": "2012-10-17", "Statement": statement }],
    });
    answer(&case.to_string(), 1).decision == "allow"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Allowed and denied hold for every value; a residual says for which it is allowed.
    #[test]
    fn unknown_keys_are_answered_soundly(mut case in case()) {
        case["unknown_context"] = json!(KEYS);
        let unknown = told(&answer(&case.to_string(), 1));
        prop_assert_ne!(&unknown["decision"], "invalid");
        case["unknown_context"] = json!([]);
        for (x, y, z) in every_way(&ways()) {
            let mut context = Map::new();
            for (key, value) in KEYS.iter().zip([&x, &y, &z]) {
                if !value.is_null() {
                    context.insert((*key).to_owned(), value.clone());
                }
            }
            let context = Value::Object(context);
            case["request"]["context"] = context.clone();
            let known = told(&answer(&case.to_string(), 1));
            prop_assert_ne!(&known["decision"], "conditional");
            let wanted = match unknown["decision"].as_str() {
                Some("conditional") => {
                    let is_allowed = unknown["residual"].as_array().unwrap().iter().any(|cube| {
                        cube.as_array().unwrap().iter().all(|one| {
                            holds(one, &context) != (one["negated"] == json!(true))
                        })
                    });
                    if is_allowed { "allow" } else { "deny" }
                }
                other => other.unwrap(),
            };
            prop_assert_eq!(&known["decision"], wanted, "{} in {}: {}", case, context, unknown);
        }
    }
}

/// Every way of three keys.
fn every_way(ways: &[Value]) -> Vec<(Value, Value, Value)> {
    let mut all = Vec::new();
    for x in ways {
        for y in ways {
            for z in ways {
                all.push((x.clone(), y.clone(), z.clone()));
            }
        }
    }
    all
}
