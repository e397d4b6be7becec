//! A literal reading of the documented rules, slow and short, against the engine, on generated
//! cases whose context is known.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what cannot go on in a test ends it"
)]

use policy::aws::case::{answer, read};
use policy::aws::{Answer, Compiled, Question, decide};
use proptest::prelude::*;
use serde_json::{Value, json};

/// `*` takes nothing, or one character and stays.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => {
            glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..]))
        }
        (Some(b'?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(one), Some(other)) if one == other => glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

fn like(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes())
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(|one| text(one).unwrap()).collect(),
        one => text(one).into_iter().collect(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

struct Reading<'c> {
    case: &'c Value,
}

impl Reading<'_> {
    fn principal(&self) -> &str {
        self.case["request"]["principal"].as_str().unwrap()
    }

    fn resource(&self) -> &str {
        self.case["request"]["resource"].as_str().unwrap()
    }

    fn account(&self) -> &str {
        self.principal().split(':').nth(4).unwrap()
    }

    fn resource_account(&self) -> &str {
        let of_arn = self.resource().split(':').nth(4).filter(|account| !account.is_empty());
        self.case["request"]["resource_account"].as_str().or(of_arn).unwrap_or(self.account())
    }

    /// The ARN of the role of a session.
    fn role(&self) -> Option<String> {
        let rest = self.principal().split_once(":assumed-role/")?.1;
        Some(format!("arn:aws:iam::{}:role/{}", self.account(), rest.split('/').next()?))
    }

    fn key(&self, key: &str) -> Option<Value> {
        let context = self.case["request"]["context"].as_object().unwrap();
        let given = context.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        if let Some((_, value)) = given {
            let is_there = value.as_array().is_none_or(|list| !list.is_empty());
            return is_there.then(|| value.clone());
        }
        let user = self.principal().split_once(":user/").map(|(_, name)| name.to_owned());
        let derived = match key.to_ascii_lowercase().as_str() {
            "aws:principalaccount" => Some(self.account().to_owned()),
            "aws:resourceaccount" => Some(self.resource_account().to_owned()),
            "aws:principalarn" => Some(self.role().unwrap_or(self.principal().to_owned())),
            "aws:username" => user,
            _ => None,
        };
        derived.map(Value::from)
    }

    /// The text with its one variable replaced; none where it has no value.
    fn resolved(&self, pattern: &str) -> Option<String> {
        let Some((before, rest)) = pattern.split_once("${") else {
            return Some(pattern.to_owned());
        };
        let (key, after) = rest.split_once('}')?;
        match self.key(key)? {
            Value::Array(_) => None,
            one => Some(format!("{before}{}{after}", text(&one)?)),
        }
    }

    fn equals(&self, base: &str, pattern: &str, value: &str) -> bool {
        let order = || -> Option<std::cmp::Ordering> {
            value.parse::<i64>().ok()?.partial_cmp(&pattern.parse::<i64>().ok()?)
        };
        match base {
            "StringEquals" => self.resolved(pattern).is_some_and(|pattern| pattern == value),
            "StringEqualsIgnoreCase" => {
                self.resolved(pattern).is_some_and(|pattern| pattern.eq_ignore_ascii_case(value))
            }
            "StringLike" => self.resolved(pattern).is_some_and(|pattern| like(&pattern, value)),
            "NumericEquals" => order().is_some_and(std::cmp::Ordering::is_eq),
            "NumericLessThan" => order().is_some_and(std::cmp::Ordering::is_lt),
            "NumericGreaterThanEquals" => order().is_some_and(std::cmp::Ordering::is_ge),
            "Bool" => pattern.eq_ignore_ascii_case(value),
            "ArnLike" => {
                let (one, other) = (pattern.splitn(6, ':'), value.splitn(6, ':'));
                value.splitn(6, ':').count() == 6
                    && one.zip(other).all(|(pattern, part)| like(pattern, part))
            }
            other => panic!("{other}"),
        }
    }

    fn condition(&self, operator: &str, key: &str, patterns: &[String]) -> bool {
        let held = self.key(key);
        if operator == "Null" {
            return patterns.iter().any(|pattern| (pattern == "true") == held.is_none());
        }
        let (quantifier, rest) = match operator.split_once(':') {
            Some((quantifier, rest)) => (quantifier, rest),
            None => ("", operator),
        };
        let base = rest.strip_suffix("IfExists").unwrap_or(rest);
        let positive = base.replacen("Not", "", 1);
        let is_negated = positive != base;
        let one = |value: &str| {
            patterns.iter().any(|pattern| self.equals(&positive, pattern, value)) != is_negated
        };
        match held {
            None if rest.ends_with("IfExists") => true,
            None if quantifier == "ForAllValues" => true,
            None if quantifier == "ForAnyValue" => false,
            None => is_negated,
            Some(held) => match quantifier {
                "ForAllValues" => texts(&held).iter().all(|value| one(value)),
                "ForAnyValue" => texts(&held).iter().any(|value| one(value)),
                _ => !held.is_array() && one(&text(&held).unwrap()),
            },
        }
    }

    /// How a statement of a resource's policy names the principal: 0 not at all, 1 by its account,
    /// 2 by its role, 3 itself.
    fn level(&self, statement: &Value) -> u8 {
        let named = |value: &Value| -> u8 {
            let list = if value == "*" { vec!["*".to_owned()] } else { texts(&value["AWS"]) };
            let each = list.iter().map(|name| match name.as_str() {
                "*" => 3,
                name if name == self.account() => 1,
                name if name == format!("arn:aws:iam::{}:root", self.account()) => 1,
                name if name == self.principal() => {
                    if name.contains(":role/") {
                        2
                    } else {
                        3
                    }
                }
                name if Some(name.to_owned()) == self.role() => 2,
                _ => 0,
            });
            each.max().unwrap_or(0)
        };
        match (statement.get("Principal"), statement.get("NotPrincipal")) {
            (Some(principal), _) => named(principal),
            (_, Some(principal)) => {
                let is_bound = self.is_there("permission_boundaries");
                let always = statement["Effect"] == "Deny" && is_bound;
                if named(principal) == 0 || always { 3 } else { 0 }
            }
            _ => 3,
        }
    }

    fn is_there(&self, layer: &str) -> bool {
        self.case[layer].as_array().is_some_and(|list| !list.is_empty())
    }

    fn applies(&self, statement: &Value) -> bool {
        let action = self.case["request"]["action"].as_str().unwrap().to_ascii_lowercase();
        let is_action = |all: &Value| {
            texts(all).iter().any(|pattern| like(&pattern.to_ascii_lowercase(), &action))
        };
        let is_resource = |all: &Value| {
            texts(all).iter().any(|pattern| {
                pattern == "*"
                    || self.resolved(pattern).is_some_and(|pattern| {
                        let (one, other) = (pattern.splitn(6, ':'), self.resource().splitn(6, ':'));
                        one.zip(other).all(|(pattern, part)| like(pattern, part))
                    })
            })
        };
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        statement.get("Action").is_none_or(is_action)
            && !statement.get("NotAction").is_some_and(is_action)
            && statement.get("Resource").is_none_or(is_resource)
            && !statement.get("NotResource").is_some_and(is_resource)
            && conditions
                .flat_map(|(operator, keys)| {
                    keys.as_object()
                        .unwrap()
                        .iter()
                        .map(move |(key, values)| (operator, key, values))
                })
                .all(|(operator, key, values)| self.condition(operator, key, &texts(values)))
    }

    fn some(&self, document: &Value, effect: &str, levels: &[u8]) -> bool {
        document["Statement"].as_array().into_iter().flatten().any(|statement| {
            statement["Effect"] == effect
                && levels.contains(&self.level(statement))
                && self.applies(statement)
        })
    }

    fn any(&self, documents: &Value, effect: &str) -> bool {
        documents.as_array().into_iter().flatten().any(|one| self.some(one, effect, &[3]))
    }

    fn decide(&self) -> (&'static str, &'static str) {
        let case = self.case;
        let levels =
            |name: &str| -> Vec<Value> { case[name].as_array().cloned().unwrap_or_default() };
        let scp = levels("service_control_policies");
        let is_limited = case["request"]["principal_is_management_account"] != json!(true);
        let denied = ["identity_policies", "permission_boundaries", "session_policies"]
            .iter()
            .any(|layer| self.any(&case[*layer], "Deny"))
            || self.some(&case["resource_policy"], "Deny", &[1, 2, 3])
            || (is_limited && scp.iter().any(|level| self.any(level, "Deny")));
        if denied {
            return ("deny", "explicit_deny");
        }
        let is_gated = !is_limited || scp.iter().all(|level| self.any(level, "Allow"));
        let limit = |layer: &str| !self.is_there(layer) || self.any(&case[layer], "Allow");
        let limits = limit("permission_boundaries") && limit("session_policies");
        let is_root = self.principal().ends_with(":root");
        let identity = is_root || self.any(&case["identity_policies"], "Allow");
        let named = |levels: &[u8]| self.some(&case["resource_policy"], "Allow", levels);
        let is_key = self.resource().contains(":kms:");
        let granted = if self.account() == self.resource_account() {
            let by_resource = named(&[3]) || (is_root && named(&[1])) || (named(&[2]) && limits);
            by_resource || (identity && limits && (!is_key || named(&[1, 2, 3])))
        } else {
            identity && limits && named(&[1, 2, 3])
        };
        if is_gated && granted { ("allow", "allowed") } else { ("deny", "implicit_deny") }
    }
}

fn pick(all: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(all)
}

const USER: &str = "arn:aws:iam::111122223333:user/ann";
const ROLE: &str = "arn:aws:iam::111122223333:role/worker";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/worker/run";
const ROOT: &str = "arn:aws:iam::111122223333:root";

fn condition() -> impl Strategy<Value = Value> {
    let texts = (
        pick(&[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIfExists",
            "StringNotLikeIfExists",
            "StringEqualsIgnoreCase",
            "ForAllValues:StringEquals",
            "ForAllValues:StringNotLike",
            "ForAnyValue:StringLike",
            "ForAnyValue:StringNotEquals",
            "ForAllValues:StringEqualsIfExists",
        ]),
        pick(&["aws:x", "AWS:Y", "aws:PrincipalAccount", "aws:username"]),
        prop::collection::vec(
            pick(&["a", "A*", "*", "a?", "ann", "${aws:y}", "${aws:username}", "111122223333"]),
            1..3,
        ),
    )
        .prop_map(|(operator, key, values)| json!({ operator: { key: values } }));
    let numbers = (
        pick(&[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericGreaterThanEqualsIfExists",
        ]),
        pick(&["aws:x", "aws:n"]),
        pick(&["1", "2", "-3"]),
    )
        .prop_map(|(operator, key, value)| json!({ operator: { key: value } }));
    let others =
        (pick(&["Bool", "BoolIfExists", "Null"]), pick(&["aws:x", "aws:b"]), any::<bool>())
            .prop_map(|(operator, key, value)| json!({ operator: { key: value } }));
    let arns = (
        pick(&["ArnLike", "ArnNotLike", "ForAnyValue:ArnLike"]),
        pick(&["aws:PrincipalArn", "aws:x"]),
        pick(&["arn:aws:iam::*:user/*", "arn:*:*:*:*:*", "arn:aws:iam::111122223333:role/worker"]),
    )
        .prop_map(|(operator, key, value)| json!({ operator: { key: value } }));
    prop_oneof![3 => texts, 1 => numbers, 1 => others, 1 => arns]
}

fn statement(named: bool) -> impl Strategy<Value = Value> {
    let principal = prop_oneof![
        Just(json!("*")),
        prop::collection::vec(
            pick(&[USER, ROLE, SESSION, ROOT, "111122223333", "444455556666"]),
            1..3
        )
        .prop_map(|all| json!({ "AWS": all })),
    ];
    (
        prop_oneof![3 => Just("Allow"), 1 => Just("Deny")],
        pick(&["Action", "Action", "Action", "NotAction"]),
        prop::collection::vec(pick(&["*", "s3:*", "S3:get?bject", "s3:Put*", "kms:*"]), 1..3),
        pick(&["Resource", "Resource", "Resource", "NotResource"]),
        prop::collection::vec(
            pick(&[
                "*",
                "arn:aws:s3:::box/*",
                "arn:aws:s3:::box/${aws:username}",
                "arn:aws:s3:::b?x/a*",
                "arn:aws:kms:*:*:key/*",
            ]),
            1..3,
        ),
        prop::option::weighted(0.4, condition()),
        pick(&["Principal", "Principal", "Principal", "NotPrincipal"]),
        principal,
    )
        .prop_map(
            move |(effect, action, actions, resource, resources, condition, element, who)| {
                let mut one = json!({ "Effect": effect, action: actions, resource: resources });
                if named {
                    one[element] = who;
                }
                if let Some(condition) = condition {
                    one["Condition"] = condition;
                }
                one
            },
        )
}

fn document(named: bool) -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(named), 1..4)
        .prop_map(|all| json!({ "Version": "2012-10-17", "Statement": all }))
}

fn case() -> impl Strategy<Value = Value> {
    let value = || {
        prop_oneof![
            pick(&["a", "ab", "1", "2", "true", "ann"]).prop_map(Value::from),
            prop::collection::vec(pick(&["a", "ab", "2"]), 0..3).prop_map(|all| json!(all)),
        ]
    };
    let request = (
        pick(&[USER, ROLE, SESSION, ROOT]),
        pick(&["s3:GetObject", "s3:PutObject", "kms:Decrypt", "s3:GetNothing", "new:Put"]),
        pick(&[
            "arn:aws:s3:::box/ann",
            "arn:aws:s3:::box/ab",
            "arn:aws:kms:eu-west-1:111122223333:key/1",
            "arn:aws:kms:eu-west-1:444455556666:key/1",
        ]),
        prop::option::weighted(0.2, pick(&["111122223333", "444455556666"])),
        prop::option::of(value()),
        prop::option::of(value()),
        any::<(bool, bool)>(),
    )
        .prop_map(|(principal, action, resource, account, x, y, (manages, n))| {
            let mut context = json!({});
            for (key, value) in [("aws:x", x), ("aws:y", y)] {
                if let Some(value) = value {
                    context[key] = value;
                }
            }
            if n {
                context["aws:N"] = json!(1);
                context["aws:b"] = json!(true);
            }
            let mut request =
                json!({ "principal": principal, "action": action, "resource": resource });
            request["context"] = context;
            request["principal_is_management_account"] = json!(manages);
            if let Some(account) = account {
                request["resource_account"] = json!(account);
            }
            request
        });
    (
        request,
        prop::collection::vec(document(false), 0..3),
        prop::collection::vec(document(false), 0..2),
        prop::collection::vec(document(false), 0..2),
        prop::option::of(document(true)),
        prop::collection::vec(prop::collection::vec(document(false), 0..3), 0..3),
    )
        .prop_map(|(request, identity, boundaries, session, resource, scp)| {
            let mut case = json!({ "id": "x", "request": request, "identity_policies": identity });
            case["permission_boundaries"] = json!(boundaries);
            case["session_policies"] = json!(session);
            case["service_control_policies"] = json!(scp);
            if let Some(document) = resource {
                case["resource_policy"] = document;
            }
            case
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_engine_agrees_with_a_literal_reading(case in case()) {
        let wanted = Reading { case: &case }.decide();
        let found = answer(&case.to_string(), 1);
        prop_assert_eq!((found.decision, found.reason), wanted, "{}: {:?}", case, found);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_index_by_action_changes_no_answer(case in case()) {
        let (request, policies) = read(&case.to_string()).unwrap();
        let decision = decide(&request, &policies);
        let compiled = Compiled::new(policies).unwrap().answer(&Question::new(&request));
        prop_assert_eq!(compiled, Answer { verdict: decision.verdict, reason: decision.reason });
    }
}
