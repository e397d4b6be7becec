//! Statements as they stand, whatever is wrong with them.

use crate::json::{Json, below};

use super::super::document::{MAX_NAME_BYTES, MAX_TEXT_BYTES};
use super::PolicyKind;

/// A text of the policy and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Text<'j> {
    pub(super) pointer: String,
    pub(super) text: &'j str,
}

/// An element, or its complement.
#[derive(Debug, Default)]
pub(super) struct Element<'j> {
    pub(super) is_complement: bool,
    /// Where the element itself stands; none where it is not there.
    pub(super) pointer: Option<String>,
    pub(super) texts: Vec<Text<'j>>,
}

impl<'j> Element<'j> {
    pub(super) fn plain(&self) -> impl Iterator<Item = &'j str> {
        self.texts.iter().map(|one| one.text)
    }

    /// Whether it is there and not a complement.
    pub(super) const fn is_list(&self) -> bool {
        self.pointer.is_some() && !self.is_complement
    }

    /// Whether everything is meant.
    pub(super) fn is_everything(&self) -> bool {
        self.is_list() && self.plain().any(means_everything)
    }
}

/// Whether it is `*`, however often it stands there.
pub(super) fn means_everything(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'*')
}

#[derive(Debug)]
pub(super) struct Condition<'j> {
    pub(super) pointer: String,
    pub(super) operator: &'j str,
    pub(super) key: &'j str,
    pub(super) values: Vec<Text<'j>>,
}

#[derive(Debug)]
pub(super) struct Statement<'j> {
    pub(super) pointer: String,
    pub(super) json: &'j Json,
    pub(super) allows: bool,
    pub(super) denies: bool,
    pub(super) actions: Element<'j>,
    pub(super) resources: Element<'j>,
    pub(super) conditions: Vec<Condition<'j>>,
}

impl<'j> Statement<'j> {
    pub(super) fn get(&self, name: &str) -> Option<&'j Json> {
        self.json.get(name)
    }

    pub(super) fn names_principals(&self) -> bool {
        self.get("Principal").is_some() || self.get("NotPrincipal").is_some()
    }

    /// Everybody, with a condition or without.
    pub(super) fn means_everybody(&self) -> bool {
        let is_star = |json: &Json| json.each().iter().any(|one| one.text() == Some("*"));
        let principal = self.get("Principal");
        principal.is_some_and(|json| is_star(json) || json.get("AWS").is_some_and(is_star))
    }
}

pub(super) fn statements(json: &Json) -> Vec<Statement<'_>> {
    let Some(all) = json.get("Statement") else { return Vec::new() };
    let each = all.each().iter().enumerate();
    let pointer = |n: usize| match all {
        Json::List(_) => format!("/Statement/{n}"),
        _ => "/Statement".to_owned(),
    };
    each.filter_map(|(n, one)| statement(one, pointer(n))).collect()
}

pub(super) fn guess(statements: &[Statement<'_>]) -> PolicyKind {
    if !statements.iter().any(Statement::names_principals) {
        return PolicyKind::Identity;
    }
    let is_trust = statements.iter().all(|statement| {
        let is_about_roles =
            |action: &str| action.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sts:"));
        statement.resources.pointer.is_none() && statement.actions.plain().all(is_about_roles)
    });
    if is_trust { PolicyKind::Trust } else { PolicyKind::Resource }
}

fn statement(json: &Json, pointer: String) -> Option<Statement<'_>> {
    if !matches!(json, Json::Map(_)) {
        return None;
    }
    let effect = json.get("Effect").and_then(Json::text);
    Some(Statement {
        allows: effect == Some("Allow"),
        denies: effect == Some("Deny"),
        actions: element(json, &pointer, "Action"),
        resources: element(json, &pointer, "Resource"),
        conditions: conditions(json, &pointer),
        json,
        pointer,
    })
}

fn element<'j>(json: &'j Json, pointer: &str, name: &str) -> Element<'j> {
    let not = format!("Not{name}");
    let (is_complement, name) =
        if json.get(name).is_some() { (false, name) } else { (true, not.as_str()) };
    let Some(found) = json.get(name) else { return Element::default() };
    let pointer = below(pointer, name);
    Element { is_complement, texts: texts(found, &pointer), pointer: Some(pointer) }
}

/// Longer ones are refused, which is told with the document.
fn texts<'j>(json: &'j Json, pointer: &str) -> Vec<Text<'j>> {
    let each = json.each().iter().map(Json::text).enumerate();
    let short = each.filter_map(|(n, one)| Some((n, one.filter(|it| it.len() <= MAX_TEXT_BYTES)?)));
    let text = |(n, text): (usize, &'j str)| {
        let is_listed = matches!(json, Json::List(_));
        let pointer = if is_listed { below(pointer, &n.to_string()) } else { pointer.to_owned() };
        Text { pointer, text }
    };
    short.map(text).collect()
}

fn conditions<'j>(json: &'j Json, pointer: &str) -> Vec<Condition<'j>> {
    let pointer = below(pointer, "Condition");
    let mut all = Vec::new();
    let is_short = |(name, _): &&(String, Json)| name.len() <= MAX_NAME_BYTES;
    let operators = json.get("Condition").map_or(&[][..], Json::members);
    for (operator, keys) in operators.iter().filter(is_short) {
        let pointer = below(&pointer, operator);
        for (key, values) in keys.members().iter().filter(is_short) {
            let pointer = below(&pointer, key);
            let values = texts(values, &pointer);
            all.push(Condition { pointer, operator, key, values });
        }
    }
    all
}
