//! A policy document, read strictly: what is not understood is a [`Problem`] with its place, never
//! left out of the decision.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::collections::HashSet;

use serde::Serialize;

use crate::glob::{Case, Glob};
use crate::json::{Json, below};

use super::arn::Resource;
use super::condition::{KeyCondition, Operator};
use super::principal::Named;

/// What a document is attached to, which decides what it must and must not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To a principal: its own policies, its boundary, its session's, an organisation's for its
    /// account (service control policies).
    Principal,
    /// To a resource, or to an endpoint: says whom it is about.
    Resource,
    /// To a role: says who may take it, and names no resource.
    Trust,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where, as a JSON pointer (RFC 6901) into the document.
    pub pointer: String,
    pub message: String,
}

#[derive(Debug, Clone)]
pub struct Document {
    pub(super) statements: Vec<Statement>,
    /// What stands in it that AWS would not take, and that has one meaning nevertheless.
    pub(super) warnings: Vec<Problem>,
}

#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) pointer: String,
    pub(super) allows: bool,
    pub(super) actions: Either<Vec<Glob>>,
    /// None in a trust policy.
    pub(super) resources: Option<Either<Vec<Resource>>>,
    /// None in a policy of a principal.
    pub(super) principals: Option<Either<Vec<Named>>>,
    pub(super) conditions: Vec<KeyCondition>,
}

impl Statement {
    pub(super) fn is_about_action(&self, action: &str) -> bool {
        let (Either::In(globs) | Either::NotIn(globs)) = &self.actions;
        let is_in = globs.iter().any(|glob| glob.matches(action));
        is_in == matches!(self.actions, Either::In(_))
    }
}

/// An element, or its complement (`NotAction` …).
#[derive(Debug, Clone)]
pub(super) enum Either<T> {
    In(T),
    NotIn(T),
}

/// Larger documents are refused; the largest that AWS takes has 20 KiB (a bucket's policy).
pub const MAX_STATEMENTS: usize = 100_000;

/// A longer text is refused: to compare it takes time that grows with both lengths. The largest
/// policy that AWS takes is not much longer.
pub const MAX_TEXT_BYTES: usize = 16 << 10;

/// A member with a longer name is refused: its name stands in the pointer of all that is below it.
/// The longest that AWS takes is the key of a tag.
pub const MAX_NAME_BYTES: usize = 1 << 10;

/// Of one document, so many problems are told, and one that says that there are more.
pub const MAX_PROBLEMS: usize = 1_000;

/// A message that quotes more is cut.
const MAX_MESSAGE_CHARACTERS: usize = 500;

struct Reader {
    kind: Kind,
    /// Only version 2012-10-17 has policy variables.
    variables: bool,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Document {
    pub fn read(json: &Json, kind: Kind) -> Result<Self, Vec<Problem>> {
        let mut reader =
            Reader { kind, variables: false, problems: Vec::new(), warnings: Vec::new() };
        let statements = reader.document(json);
        if reader.problems.is_empty() {
            Ok(Self { statements, warnings: reader.warnings })
        } else {
            Err(reader.problems)
        }
    }
}

impl Document {
    /// Allows everything that a principal may be allowed.
    pub(super) fn everything() -> Self {
        let statement = Statement {
            pointer: String::new(),
            allows: true,
            actions: Either::In(vec![Glob::new("*", Case::Ignored)]),
            resources: Some(Either::In(vec![Resource::Any])),
            principals: None,
            conditions: Vec::new(),
        };
        Self { statements: vec![statement], warnings: Vec::new() }
    }

    /// A document of which nothing is known but that it is there: it may allow and deny anything.
    pub(super) fn not_read(key: &str, kind: Kind) -> Self {
        let statement = |allows: bool| {
            let key = format!("{key}/{}", if allows { "allows" } else { "denies" });
            Statement {
                pointer: String::new(),
                allows,
                actions: Either::In(vec![Glob::new("*", Case::Ignored)]),
                resources: (kind != Kind::Trust).then(|| Either::In(vec![Resource::Any])),
                principals: (kind != Kind::Principal).then(|| Either::In(vec![Named::Everyone])),
                conditions: vec![KeyCondition::never_known(&key)],
            }
        };
        Self { statements: vec![statement(true), statement(false)], warnings: Vec::new() }
    }
}

impl Reader {
    fn wrong(&mut self, pointer: &str, message: impl Into<String>) {
        let (pointer, message) = match self.problems.len() {
            n if n < MAX_PROBLEMS => (pointer, cut(message.into())),
            MAX_PROBLEMS => ("", format!("more than {MAX_PROBLEMS} problems")),
            _ => return,
        };
        self.problems.push(Problem { pointer: pointer.to_owned(), message });
    }

    /// The members of an object, each once and each known; of `known` ones any where that is empty.
    fn members<'j>(
        &mut self,
        json: &'j Json,
        pointer: &str,
        what: &str,
        known: &[&str],
    ) -> Vec<(&'j str, &'j Json)> {
        let Json::Map(members) = json else {
            self.wrong(pointer, format!("{what} is an object, here is {}", json.sort()));
            return Vec::new();
        };
        let mut sound: Vec<(&str, &Json)> = Vec::with_capacity(members.len());
        let mut seen = HashSet::new();
        for (name, json) in members {
            // Nearly all objects have a handful of members.
            let is_second = if members.len() < 16 {
                sound.iter().any(|(known, _)| known == name)
            } else {
                !seen.insert(name)
            };
            if name.len() > MAX_NAME_BYTES {
                self.wrong(pointer, format!("a name of more than {MAX_NAME_BYTES} bytes"));
            } else if is_second {
                self.wrong(&below(pointer, name), format!("`{name}` stands twice"));
            } else if !known.is_empty() && !known.contains(&name.as_str()) {
                self.wrong(&below(pointer, name), format!("{what} has no element `{name}`"));
            } else {
                sound.push((name, json));
            }
        }
        sound
    }

    fn document(&mut self, json: &Json) -> Vec<Statement> {
        self.members(json, "", "a policy", &["Version", "Id", "Statement"]);
        match json.get("Version") {
            None => {}
            Some(Json::Text(version)) if version == "2012-10-17" => self.variables = true,
            Some(Json::Text(version)) if version == "2008-10-17" => {}
            Some(_) => {
                self.wrong("/Version", "the versions are `2012-10-17` and `2008-10-17`");
            }
        }
        if json.get("Id").is_some_and(|id| id.text().is_none()) {
            self.wrong("/Id", "an id is a text");
        }
        match json.get("Statement") {
            None => {
                if matches!(json, Json::Map(_)) {
                    self.wrong("", "a policy has a `Statement`");
                }
                Vec::new()
            }
            Some(Json::List(list)) if list.len() > MAX_STATEMENTS => {
                self.wrong("/Statement", format!("more than {MAX_STATEMENTS} statements"));
                Vec::new()
            }
            Some(Json::List(list)) => {
                let each = list.iter().enumerate();
                each.filter_map(|(n, one)| self.statement(one, &format!("/Statement/{n}")))
                    .collect()
            }
            Some(one) => self.statement(one, "/Statement").into_iter().collect(),
        }
    }

    fn statement(&mut self, json: &Json, pointer: &str) -> Option<Statement> {
        const ELEMENTS: &[&str] = &[
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        self.members(json, pointer, "a statement", ELEMENTS);
        if !matches!(json, Json::Map(_)) {
            return None;
        }
        if json.get("Sid").is_some_and(|sid| sid.text().is_none()) {
            self.wrong(&below(pointer, "Sid"), "an id of a statement is a text");
        }
        let allows = match json.get("Effect").map(Json::text) {
            Some(Some("Allow")) => Some(true),
            Some(Some("Deny")) => Some(false),
            Some(_) => {
                self.wrong(&below(pointer, "Effect"), "an effect is `Allow` or `Deny`");
                None
            }
            None => {
                self.wrong(pointer, "a statement has an `Effect`");
                None
            }
        };
        let actions = self.either(json, pointer, "Action", true, |reader, json, pointer| {
            reader.texts(json, pointer, action)
        });
        let variables = self.variables;
        let needs_resource = self.kind != Kind::Trust;
        let resources =
            self.either(json, pointer, "Resource", needs_resource, |reader, json, pointer| {
                reader.texts(json, pointer, |text| Resource::parse(text, variables))
            });
        if self.kind == Kind::Trust && resources.is_some() {
            self.wrong(pointer, "a trust policy names no resource: it lies at the role");
        }
        let needs_principal = self.kind != Kind::Principal;
        let principals = self.either(json, pointer, "Principal", needs_principal, Self::principals);
        if self.kind == Kind::Principal && principals.is_some() {
            self.wrong(pointer, "a policy of a principal names none: it is about whom it lies at");
        }
        let conditions = match json.get("Condition") {
            Some(json) => self.conditions(json, &below(pointer, "Condition")),
            None => Vec::new(),
        };
        Some(Statement {
            pointer: pointer.to_owned(),
            allows: allows?,
            actions: actions?,
            resources,
            principals,
            conditions,
        })
    }

    /// An element or its complement; both are one too many.
    fn either<T>(
        &mut self,
        json: &Json,
        pointer: &str,
        name: &str,
        is_needed: bool,
        read: impl Fn(&mut Self, &Json, &str) -> T,
    ) -> Option<Either<T>> {
        let not = format!("Not{name}");
        match (json.get(name), json.get(&not)) {
            (Some(_), Some(_)) => {
                self.wrong(pointer, format!("a statement has `{name}` or `{not}`, not both"));
                None
            }
            (Some(json), None) => Some(Either::In(read(self, json, &below(pointer, name)))),
            (None, Some(json)) => Some(Either::NotIn(read(self, json, &below(pointer, &not)))),
            (None, None) => {
                if is_needed {
                    self.wrong(pointer, format!("a statement has `{name}` or `{not}`"));
                }
                None
            }
        }
    }

    /// A text or a list of at least one.
    fn texts<T>(
        &mut self,
        json: &Json,
        pointer: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        if matches!(json, Json::List(list) if list.is_empty()) {
            self.wrong(pointer, "an empty list");
        }
        let mut all = Vec::with_capacity(json.each().len());
        for (n, one) in json.each().iter().enumerate() {
            let read = match one {
                Json::Text(text) if text.len() > MAX_TEXT_BYTES => {
                    Err(format!("a text of more than {MAX_TEXT_BYTES} bytes"))
                }
                Json::Text(text) => read(text),
                other => Err(format!("a text, here is {}", other.sort())),
            };
            match (read, json) {
                (Ok(read), _) => all.push(read),
                (Err(message), Json::List(_)) => {
                    self.wrong(&below(pointer, &n.to_string()), message);
                }
                (Err(message), _) => self.wrong(pointer, message),
            }
        }
        all
    }

    fn principals(&mut self, json: &Json, pointer: &str) -> Vec<Named> {
        match json {
            Json::Text(text) if text == "*" => vec![Named::Everyone],
            Json::Text(text) => match Named::of_aws(text) {
                Ok(named) => {
                    let message = format!("`{text}` is read as {{\"AWS\": \"{text}\"}}");
                    self.warnings.push(Problem { pointer: pointer.to_owned(), message });
                    vec![named]
                }
                Err(message) => {
                    self.wrong(pointer, message);
                    Vec::new()
                }
            },
            json => {
                const SORTS: &[&str] = &["AWS", "Service", "Federated", "CanonicalUser"];
                if matches!(json, Json::Map(members) if members.is_empty()) {
                    self.wrong(pointer, "names no principal");
                }
                let mut all = Vec::new();
                for (sort, json) in self.members(json, pointer, "a principal", SORTS) {
                    let pointer = below(pointer, sort);
                    all.extend(self.texts(json, &pointer, |text| match sort {
                        "AWS" => Named::of_aws(text),
                        "Service" => Ok(Named::Service(text.to_owned())),
                        "Federated" => Ok(Named::Federated(text.to_owned())),
                        _ => Ok(Named::Canonical),
                    }));
                }
                all
            }
        }
    }

    fn conditions(&mut self, json: &Json, pointer: &str) -> Vec<KeyCondition> {
        let mut all = Vec::new();
        for (operator, keys) in self.members(json, pointer, "a condition", &[]) {
            let pointer = below(pointer, operator);
            let read = Operator::parse(operator);
            for (key, values) in self.members(keys, &pointer, "an operator", &[]) {
                let pointer = below(&pointer, key);
                let operator = match &read {
                    Ok(operator) => *operator,
                    // Once is enough, however many keys stand below it.
                    Err(message) => {
                        self.wrong(&pointer, message);
                        break;
                    }
                };
                let mut texts = Vec::with_capacity(values.each().len());
                for value in values.each() {
                    match value {
                        Json::Text(text) if text.len() > MAX_TEXT_BYTES => {
                            let message = format!("a text of more than {MAX_TEXT_BYTES} bytes");
                            self.wrong(&pointer, message);
                        }
                        Json::Text(text) | Json::Number(text) => texts.push(text.clone()),
                        Json::Bool(value) => texts.push(value.to_string()),
                        other => {
                            let message = format!("a value of a condition is no {}", other.sort());
                            self.wrong(&pointer, message);
                        }
                    }
                }
                match KeyCondition::parse(operator, key, texts, self.variables) {
                    Ok(condition) => all.push(condition),
                    Err(message) => self.wrong(&pointer, message),
                }
            }
        }
        all
    }
}

/// As much of a message as is told.
pub(super) fn cut(mut message: String) -> String {
    if let Some((at, _)) = message.char_indices().nth(MAX_MESSAGE_CHARACTERS) {
        message.truncate(at);
        message.push('…');
    }
    message
}

/// `service:Name` with wildcards, or `*`.
fn action(text: &str) -> Result<Glob, String> {
    let is_whole = text == "*"
        || text.split_once(':').is_some_and(|(service, name)| {
            !service.is_empty() && !name.is_empty() && !name.contains(':')
        });
    if is_whole && !text.contains(char::is_whitespace) {
        Ok(Glob::new(text, Case::Ignored))
    } else {
        Err(format!("`{text}` is no action: `service:Name`, or `*`"))
    }
}
