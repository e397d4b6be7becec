//! Self-contained cases for conformance work: one JSON object for each line, and one answer for each.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use crate::json::{Json, below};

use super::context::Context;
use super::decide::{BlockedBy, Deciding, Policies, Reason, Request, Verdict, decide};
use super::document::{Document, Kind, Problem};
use super::formula::Condition;
use super::principal::Principal;

/// The answer to one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// As the case has it; null where it has none or the line could not be read so far.
    pub id: Option<Id>,
    pub decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<BlockedBy>,
    pub reason: &'static str,
    pub deciding: Vec<Deciding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual: Option<Vec<Vec<Condition>>>,
    /// More alternatives than [`MAX_CUBES`](super::MAX_CUBES) were left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub residual_cut: bool,
    /// Why it is invalid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<CaseProblem>,
    /// What was read in the one way that makes sense of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<CaseProblem>,
}

/// What a case calls itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Id {
    Text(String),
    Number(i64),
}

/// What is wrong with a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseProblem {
    /// `identity_policies/0` …; none where it is the case itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Into that document, or into the case (RFC 6901).
    pub pointer: String,
    pub message: String,
}

/// An organisation has fewer levels: its root, five of units, the account.
pub const MAX_LEVELS: usize = 64;

/// AWS makes no longer ARN.
pub const MAX_ARN_BYTES: usize = 2_048;

/// A longer value of a key is refused.
pub const MAX_VALUE_BYTES: usize = 4 << 10;

const FIELDS: &[&str] = &[
    "id",
    "request",
    "identity_policies",
    "permission_boundaries",
    "session_policies",
    "resource_policy",
    "service_control_policies",
    "resource_control_policies",
    "endpoint_policies",
    "unknown_context",
];

/// Answers a line of a file of cases; `line` counts from 1.
pub fn answer(text: &str, line: usize) -> Answer {
    let json: Json = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) => {
            let message = format!("line {line}, column {}: no JSON: {error}", error.column());
            return invalid(None, vec![problem("", message)], Vec::new());
        }
    };
    let id = json.get("id").and_then(|id| match id {
        Json::Text(text) => Some(Id::Text(text.clone())),
        Json::Number(number) => {
            Some(number.parse().map_or_else(|_| Id::Text(number.clone()), Id::Number))
        }
        _ => None,
    });
    let mut reader = Reader::default();
    let read = reader.case(&json);
    let Reader { problems, warnings } = reader;
    let Some((request, policies)) = read else { return invalid(id, problems, warnings) };
    let decision = decide(&request, &policies);
    if !problems.is_empty() && decision.reason != Reason::ExplicitDeny {
        return invalid(id, problems, warnings);
    }
    Answer {
        id,
        decision: match decision.verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Conditional => "conditional",
        },
        blocked_by: decision.blocked_by,
        reason: match decision.reason {
            Reason::Allowed => "allowed",
            Reason::ExplicitDeny => "explicit_deny",
            Reason::ImplicitDeny => "implicit_deny",
            Reason::Conditional => "conditional",
        },
        deciding: decision.deciding,
        residual: (decision.verdict == Verdict::Conditional).then_some(decision.residual),
        residual_cut: decision.is_residual_cut,
        problems,
        warnings,
    }
}

/// The request and the policies of a case that is sound.
pub fn read(text: &str) -> Option<(Request, Policies)> {
    let json: Json = serde_json::from_str(text).ok()?;
    let mut reader = Reader::default();
    let read = reader.case(&json)?;
    reader.problems.is_empty().then_some(read)
}

/// The answer to a line that cannot be read as text.
pub fn refused(message: String) -> Answer {
    invalid(None, vec![problem("", message)], Vec::new())
}

fn invalid(id: Option<Id>, problems: Vec<CaseProblem>, warnings: Vec<CaseProblem>) -> Answer {
    Answer {
        id,
        decision: "invalid",
        blocked_by: None,
        reason: "invalid",
        deciding: Vec::new(),
        residual: None,
        residual_cut: false,
        problems,
        warnings,
    }
}

fn problem(pointer: &str, message: impl Into<String>) -> CaseProblem {
    CaseProblem { policy: None, pointer: pointer.to_owned(), message: message.into() }
}

#[derive(Default)]
struct Reader {
    problems: Vec<CaseProblem>,
    warnings: Vec<CaseProblem>,
}

impl Reader {
    fn wrong(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(problem(pointer, message));
    }

    /// None where the request itself cannot be read; a document that cannot is a problem only.
    fn case(&mut self, json: &Json) -> Option<(Request, Policies)> {
        let Json::Map(members) = json else {
            self.wrong("", format!("a case is an object, here is {}", json.sort()));
            return None;
        };
        let mut seen = HashSet::new();
        for (name, _) in members {
            if !seen.insert(name) {
                self.wrong(&below("", name), format!("`{name}` stands twice"));
                return None;
            }
            if !FIELDS.contains(&name.as_str()) {
                let message = format!("`{name}` says nothing to a case");
                self.warnings.push(problem(&below("", name), message));
            }
        }
        let request = self.request(json)?;
        let is_trust = request.resources.iter().all(|one| one.contains(":role/"))
            && request.action.to_ascii_lowercase().starts_with("sts:");
        let of_resource = if is_trust { Kind::Trust } else { Kind::Resource };
        let policies = Policies {
            identity: self.list(json, "identity_policies", Kind::Principal),
            boundaries: self.list(json, "permission_boundaries", Kind::Principal),
            session: self.list(json, "session_policies", Kind::Principal),
            resource: match json.get("resource_policy") {
                None | Some(Json::Null) => None,
                Some(document) => self.document(document, "resource_policy", of_resource),
            },
            service_control: self.levels(json, "service_control_policies", Kind::Principal),
            resource_control: self.levels(json, "resource_control_policies", Kind::Resource),
            endpoint: self.list(json, "endpoint_policies", Kind::Resource),
        };
        Some((request, policies))
    }

    fn document(&mut self, json: &Json, policy: &str, kind: Kind) -> Option<Arc<Document>> {
        let told = |one: Problem| CaseProblem {
            policy: Some(policy.to_owned()),
            pointer: one.pointer,
            message: one.message,
        };
        match Document::read(json, kind) {
            Ok(document) => {
                self.warnings.extend(document.warnings.iter().cloned().map(told));
                Some(Arc::new(document))
            }
            Err(problems) => {
                self.problems.extend(problems.into_iter().map(told));
                None
            }
        }
    }

    fn elements<'j>(&mut self, json: Option<&'j Json>, pointer: &str) -> &'j [Json] {
        match json {
            None | Some(Json::Null) => &[],
            Some(Json::List(list)) => list,
            Some(other) => {
                self.wrong(pointer, format!("a list, here is {}", other.sort()));
                &[]
            }
        }
    }

    fn list(&mut self, json: &Json, name: &str, kind: Kind) -> Vec<Arc<Document>> {
        let list = self.elements(json.get(name), &below("", name)).iter().enumerate();
        list.filter_map(|(n, one)| self.document(one, &format!("{name}/{n}"), kind)).collect()
    }

    fn levels(&mut self, json: &Json, name: &str, kind: Kind) -> Vec<Vec<Arc<Document>>> {
        let levels = self.elements(json.get(name), &below("", name));
        if levels.len() > MAX_LEVELS {
            self.wrong(&below("", name), format!("more than {MAX_LEVELS} levels"));
            return Vec::new();
        }
        let mut all = Vec::with_capacity(levels.len());
        for (level, documents) in levels.iter().enumerate() {
            let pointer = format!("/{name}/{level}");
            let documents = self.elements(Some(documents), &pointer).iter().enumerate();
            let read = documents
                .filter_map(|(n, one)| self.document(one, &format!("{name}/{level}/{n}"), kind));
            all.push(read.collect());
        }
        all
    }

    fn request(&mut self, case: &Json) -> Option<Request> {
        let Some(json @ Json::Map(_)) = case.get("request") else {
            self.wrong("/request", "a case has a request, an object");
            return None;
        };
        let mut principal = self.principal(json.get("principal").unwrap_or(&Json::Null))?;
        if let Some(account) = json.get("principal_account").and_then(Json::text) {
            principal.account = Some(account.to_owned());
        }
        let Some(action) = json.get("action").and_then(Json::text) else {
            self.wrong("/request/action", "an action is a text: `service:Name`");
            return None;
        };
        if !action.contains(':') || action.contains(['*', '?']) {
            self.wrong("/request/action", format!("`{action}` is no action: `service:Name`"));
            return None;
        }
        let resources = match (json.get("resource"), json.get("resources")) {
            (Some(Json::Text(one)), None) => vec![one.clone()],
            (None, Some(Json::List(list))) if !list.is_empty() => {
                let texts: Option<Vec<String>> =
                    list.iter().map(|one| one.text().map(str::to_owned)).collect();
                let Some(texts) = texts else {
                    self.wrong("/request/resources", "resources are texts");
                    return None;
                };
                texts
            }
            _ => {
                self.wrong("/request", "a request has a `resource` or `resources`, at least one");
                return None;
            }
        };
        if resources.iter().any(|one| one.len() > MAX_ARN_BYTES) {
            self.wrong("/request", format!("a resource of more than {MAX_ARN_BYTES} bytes"));
            return None;
        }
        let is = |name: &str| json.get(name) == Some(&Json::Bool(true));
        Some(Request {
            principal,
            is_management_account: is("principal_is_management_account"),
            is_service_linked: is("service_linked_role"),
            action: action.to_owned(),
            resources,
            resource_account: json.get("resource_account").and_then(Json::text).map(str::to_owned),
            context: self.context(json.get("context"), case.get("unknown_context"))?,
        })
    }

    fn principal(&mut self, json: &Json) -> Option<Principal> {
        let read = match json {
            Json::Text(text) if text == "anonymous" => Ok(Principal::ANONYMOUS),
            Json::Text(text) => Principal::of_arn(text),
            json => match (json.get("service"), json.get("federated")) {
                (Some(Json::Text(name)), None) => Ok(Principal::service(name)),
                (None, Some(Json::Text(name))) => Ok(Principal::federated(name)),
                _ => Err("an ARN, `anonymous`, {\"service\": …} or {\"federated\": …}".to_owned()),
            },
        };
        match read {
            Ok(principal) => Some(principal),
            Err(message) => {
                self.wrong("/request/principal", message);
                None
            }
        }
    }

    fn context(&mut self, json: Option<&Json>, unknown: Option<&Json>) -> Option<Context> {
        let mut context = Context::default();
        let members = match json {
            None | Some(Json::Null) => &[][..],
            Some(Json::Map(members)) => members,
            Some(other) => {
                self.wrong("/request/context", format!("an object, here is {}", other.sort()));
                return None;
            }
        };
        for (key, value) in members {
            let pointer = below("/request/context", key);
            if value.each().iter().filter_map(Json::text).any(|text| text.len() > MAX_VALUE_BYTES) {
                self.wrong(&pointer, format!("a value of more than {MAX_VALUE_BYTES} bytes"));
                return None;
            }
            match value {
                Json::Null => {}
                Json::List(list) => {
                    let values: Option<Vec<String>> = list.iter().map(scalar).collect();
                    let Some(values) = values else {
                        self.wrong(&pointer, "the values of a key are texts");
                        return None;
                    };
                    context.set_all(key, values);
                }
                value => {
                    let Some(value) = scalar(value) else {
                        self.wrong(&pointer, format!("a text, here is {}", value.sort()));
                        return None;
                    };
                    context.set(key, value);
                }
            }
        }
        for key in self.elements(unknown, "/unknown_context") {
            match key {
                Json::Text(key) => context.set_unknown(key),
                other => {
                    self.wrong("/unknown_context", format!("a text, here is {}", other.sort()));
                    return None;
                }
            }
        }
        Some(context)
    }
}

fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::Text(text) | Json::Number(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
