//! What AWS's own words mean, for whoever meets them: ARNs, policy documents as far as records show
//! them, and who becomes a role. What a document allows exactly is not known here.

use model::{Condition, Effect, IdentityId, Subject};
use serde_json::{Map, Value};

use crate::object::{blocks, text, texts};

/// Documents longer than this are not looked into.
const MAX_LOOKED_INTO: usize = 1 << 20;

/// The six parts of an ARN; the last keeps its colons.
pub fn parts(arn: &str) -> Option<[&str; 6]> {
    let mut parts = arn.splitn(6, ':');
    let mut part = || parts.next();
    let all = [part()?, part()?, part()?, part()?, part()?, part()?];
    (all[0] == "arn").then_some(all)
}

/// `123456789012` of `arn:aws:iam::123456789012:role/x`.
pub fn account_of(arn: &str) -> Option<&str> {
    let [_, _, _, _, account, _] = parts(arn)?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then_some(account)
}

/// `x` of `/applications/x` and of `x`.
pub fn last_part(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The account that an access key id names by its letters, as the recogniser tells it of the key
/// alone: it is the instance of the key, whoever meets it. Empty where they name none.
pub fn account_of_key(key_id: &str) -> String {
    credentials::classify(None, key_id).and_then(|found| found.instance).unwrap_or_default()
}

/// How somebody becomes a role by a statement of its trust policy.
pub fn mechanism_of(statement: &Statement, sort: &str, principal: &str) -> &'static str {
    if sort == "Federated" {
        if principal.contains(":saml-provider/") { "saml" } else { "web-identity" }
    } else if principal == "rolesanywhere.amazonaws.com" {
        "roles-anywhere"
    } else if principal == "pods.eks.amazonaws.com" {
        "pod-identity"
    } else if sort == "Service" && statement.assumes_role {
        "service"
    } else {
        "assume-role"
    }
}

/// Who becomes a role by one principal of its trust policy. `named` makes the record of a user or
/// role of which an ARN is given.
pub fn subjects(
    statement: &Statement,
    sort: &str,
    principal: &str,
    named: &mut dyn FnMut(&str, &str) -> IdentityId,
) -> Vec<Subject> {
    let plain = || vec![Subject::Principal { principal: principal.to_owned() }];
    match sort {
        "Federated" => {
            let provider = principal.split_once(":oidc-provider/").map(|(_, issuer)| issuer);
            let is_issuer = !principal.contains(':') && principal.contains('.');
            match provider.or(is_issuer.then_some(principal)) {
                Some(issuer) => federated(issuer, &statement.conditions),
                None => plain(),
            }
        }
        "AWS" => {
            let resource = parts(principal).map_or("", |[.., resource]| resource);
            let sort = resource.split('/').next().unwrap_or_default();
            if account_of(principal).is_some()
                && matches!(sort, "role" | "user")
                && !principal.contains('*')
            {
                vec![Subject::Identity { identity: named(sort, principal) }]
            } else {
                plain()
            }
        }
        _ => plain(),
    }
}

/// The subjects that conditions on `<issuer>:sub` let in: every one where there is none.
fn federated(issuer: &str, conditions: &[Condition]) -> Vec<Subject> {
    let values = |claim: &str| -> Vec<String> {
        let key = format!("{issuer}:{claim}");
        conditions
            .iter()
            .filter(|condition| condition.key.eq_ignore_ascii_case(&key))
            .filter(|condition| {
                let operator = condition.operator.as_ref();
                // `ForAnyValue:StringLike`, `StringEqualsIfExists` … but not `StringNotLike`.
                operator.contains("String") && !operator.contains("Not")
            })
            .flat_map(|condition| condition.values.clone())
            .collect()
    };
    let mut subjects = values("sub");
    if subjects.is_empty() {
        subjects.push("*".into());
    }
    let audience = values("aud").into_iter().next();
    let issuer = format!("https://{}", issuer.trim_start_matches("https://"));
    let subject = |subject| Subject::Federated {
        issuer: issuer.clone(),
        subject,
        audience: audience.clone(),
    };
    subjects.into_iter().map(subject).collect()
}

/// The statements of a policy document of AWS's language, as far as a record shows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub effect: Effect,
    pub actions: Vec<String>,
    /// Whether `sts:AssumeRole` is among the actions, looked for once: principals are as many.
    pub assumes_role: bool,
    pub resources: Vec<String>,
    pub principals: Vec<(String, String)>,
    pub conditions: Vec<Condition>,
    /// `NotAction`, `NotResource`, `NotPrincipal`: the lists are exceptions.
    pub inverted: Vec<&'static str>,
    pub number: usize,
}

/// Reads a policy document; nothing for what is none.
pub fn statements(document: &str) -> Vec<Statement> {
    if document.len() > MAX_LOOKED_INTO {
        return Vec::new();
    }
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(document) else {
        return Vec::new();
    };
    let statement = |(n, map): (usize, &Map<String, Value>)| {
        let mut inverted = Vec::new();
        let mut list = |plain: &str, not: &'static str| {
            if map.contains_key(not) {
                inverted.push(not);
            }
            let key = if map.contains_key(not) { not } else { plain };
            texts(map, key).into_iter().map(String::from).collect::<Vec<_>>()
        };
        let actions = list("Action", "NotAction");
        let resources = list("Resource", "NotResource");
        if map.contains_key("NotPrincipal") {
            inverted.push("NotPrincipal");
        }
        let principals = match map.get("Principal").or_else(|| map.get("NotPrincipal")) {
            Some(Value::String(all)) => vec![(String::from("AWS"), all.clone())],
            Some(Value::Object(by_type)) => by_type
                .keys()
                .flat_map(|kind| {
                    let names = texts(by_type, kind);
                    names.into_iter().map(|name| (kind.clone(), name.to_owned()))
                })
                .collect(),
            _ => Vec::new(),
        };
        Statement {
            effect: if text(map, "Effect") == Some("Deny") { Effect::Deny } else { Effect::Allow },
            assumes_role: actions.iter().any(|it| it.eq_ignore_ascii_case("sts:AssumeRole")),
            actions,
            resources,
            principals,
            conditions: conditions(map.get("Condition")),
            inverted,
            number: n,
        }
    };
    blocks(&document, "Statement").into_iter().enumerate().map(statement).collect()
}

fn conditions(condition: Option<&Value>) -> Vec<Condition> {
    let Some(Value::Object(operators)) = condition else { return Vec::new() };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { continue };
        for (key, value) in keys {
            let values = match value {
                Value::Bool(truth) => vec![truth.to_string()],
                Value::Number(number) => vec![number.to_string()],
                _ => texts(keys, key).into_iter().map(String::from).collect(),
            };
            let operator = operator.clone().into();
            conditions.push(Condition { key: key.clone(), operator, values });
        }
    }
    conditions.sort();
    conditions
}
