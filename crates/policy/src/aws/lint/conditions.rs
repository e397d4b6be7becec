//! Rules about conditions: whether there are such keys, and whether the operators fit them.

use std::rc::Rc;

use super::super::catalogue::{ActionSet, Key, KeySort, nearest};
use super::super::condition::{Operator, Quantifier, Sort};
use super::PolicyKind;
use super::actions::{meant, mild_unless};
use super::check::Linter;
use super::keys::GLOBAL;
use super::rules::{self, Severity};
use super::statement::{Condition, Statement, Text};

/// What is known of a condition key.
pub(super) struct Known {
    key: Option<Key>,
    is_global: bool,
    /// Those that have it; none are told of a global one.
    actions: ActionSet,
}

impl Linter {
    pub(super) fn conditions(&mut self, statement: &Statement<'_>) {
        if statement.conditions.is_empty() {
            return;
        }
        // The widest, so that a statement about actions that are not known is left alone.
        let Some(set) = self.matching_any(&statement.actions) else { return };
        for condition in &statement.conditions {
            if self.is_full() {
                return;
            }
            let Ok(operator) = Operator::parse(condition.operator) else { continue };
            self.literal_wildcards(condition, operator);
            if condition.key.contains(['*', '?']) {
                continue;
            }
            let Some(known) = self.known(condition.key) else { return };
            match known.key {
                None => self.unknown_key(condition),
                Some(key) => {
                    if !known.is_global {
                        self.foreign_key(statement, &set, condition, &known);
                    }
                    self.operator_mismatch(condition, operator, key);
                    self.set_operator(statement, condition, operator, key);
                }
            }
        }
    }

    /// None where there is no time to look.
    fn known(&mut self, written: &str) -> Option<Rc<Known>> {
        let lower = written.to_ascii_lowercase();
        if let Some(known) = self.keys.get(&lower) {
            return Some(Rc::clone(known));
        }
        // Every service's keys are looked at.
        if !self.spend(self.catalogue.len()) {
            return None;
        }
        let mut actions = self.catalogue.none();
        let global = GLOBAL.iter().find(|key| key.is(written));
        let mut found = global.copied();
        if global.is_none() {
            for service in self.catalogue.services() {
                let theirs: Vec<&Key> = service.keys.iter().filter(|key| key.is(written)).collect();
                if theirs.is_empty() {
                    continue;
                }
                found = found.or(theirs.first().map(|key| **key));
                for id in service.actions() {
                    let Some(action) = self.catalogue.action(id) else { continue };
                    if action.keys().any(|name| theirs.iter().any(|key| key.name == name)) {
                        actions.insert(id);
                    }
                }
            }
        }
        let known = Rc::new(Known { key: found, is_global: global.is_some(), actions });
        self.keys.insert(lower, Rc::clone(&known));
        Some(known)
    }

    fn unknown_key(&mut self, condition: &Condition<'_>) {
        let key = condition.key;
        let (prefix, _) = key.split_once(':').unwrap_or((key, ""));
        // Of an identity provider, which may be called anything.
        if prefix.contains(['.', '$']) || prefix.eq_ignore_ascii_case("saml") {
            return;
        }
        let catalogue = self.catalogue;
        let of_service = catalogue.service(prefix);
        let names = GLOBAL.iter().chain(of_service.into_iter().flat_map(|service| &service.keys));
        let near = nearest(key, names.map(|key| key.name));
        let what = format!("no condition key `{key}` is known");
        let severity = mild_unless(!near.is_empty() || !key.contains(':'));
        self.say(rules::UNKNOWN_KEY, severity, &condition.pointer, what, meant(&near));
    }

    fn foreign_key(
        &mut self,
        statement: &Statement<'_>,
        set: &ActionSet,
        condition: &Condition<'_>,
        known: &Known,
    ) {
        let key = condition.key;
        // Of an identity provider: sessions carry these keys on.
        let is_of_provider = key.split(':').next().is_some_and(|prefix| prefix.contains('.'))
            || key.starts_with("saml:");
        if !statement.actions.is_list() || is_of_provider || self.kind == PolicyKind::Trust {
            return;
        }
        if !self.spend(statement.actions.texts.len()) || !set.is_disjoint(&known.actions) {
            return;
        }
        let knows_all = statement
            .actions
            .plain()
            .all(|text| text.contains(['*', '?']) || self.catalogue.id_of(text).is_some());
        if !knows_all {
            return;
        }
        let of: Vec<String> = known
            .actions
            .iter()
            .filter_map(|id| self.catalogue.action(id))
            .take(3)
            .map(|action| action.full_name())
            .collect();
        let what = format!("none of the statement's actions has the key `{key}`");
        let fix = (!of.is_empty()).then(|| format!("it is a key of `{}`", of.join("`, `")));
        self.say(rules::FOREIGN_KEY, Severity::Info, &condition.pointer, what, fix);
    }

    fn literal_wildcards(&mut self, condition: &Condition<'_>, operator: Operator) {
        if condition.key.contains(['*', '?']) {
            let what = format!("the key `{}` is no pattern", condition.key);
            let fix = "write a condition for each key".to_owned();
            self.say(rules::LITERAL_WILDCARD, Severity::Warning, &condition.pointer, what, fix);
        }
        if !matches!(operator.sort, Sort::Text { wildcards: false, .. }) {
            return;
        }
        for Text { pointer, text } in &condition.values {
            let bare = text.replace("${*}", "");
            if bare.contains('*') {
                let like = if operator.is_negated { "StringNotLike" } else { "StringLike" };
                let what =
                    format!("`{}` compares `*` in `{text}` as it stands", condition.operator);
                let fix = format!("`{like}` takes wildcards");
                self.say(rules::LITERAL_WILDCARD, Severity::Warning, pointer, what, fix);
            }
        }
    }

    fn operator_mismatch(&mut self, condition: &Condition<'_>, operator: Operator, key: Key) {
        let values_are_arns =
            || condition.values.iter().all(|one| one.text.starts_with("arn:") || one.text == "*");
        let severity = match (operator.sort, key.sort) {
            (Sort::Null | Sort::Binary, _) => return,
            (Sort::Text { .. }, KeySort::Text | KeySort::Arn) => return,
            // Texts that are equal are equal truths and numbers; AWS's own linter minds it.
            (Sort::Text { .. }, KeySort::Bool) => Severity::Info,
            (Sort::Number(_) | Sort::Date(_), KeySort::Number | KeySort::Date) => return,
            (Sort::Bool, KeySort::Bool) => return,
            (Sort::Bool, KeySort::Text) => Severity::Info,
            (Sort::Arn, KeySort::Arn) => return,
            (Sort::Arn, KeySort::Text) if values_are_arns() => return,
            (Sort::Ip, KeySort::Address) => return,
            _ => Severity::Warning,
        };
        let (holds, wanted) = match key.sort {
            KeySort::Text => ("a text", "StringEquals` or `StringLike"),
            KeySort::Number => ("a number", "NumericEquals"),
            KeySort::Bool => ("true or false", "Bool"),
            KeySort::Date => ("a date", "DateGreaterThan` or `DateLessThan"),
            KeySort::Arn => ("an ARN", "ArnLike"),
            KeySort::Address => ("an address", "IpAddress"),
        };
        let what = format!(
            "`{}` holds {holds}, which `{}` does not compare",
            key.name, condition.operator
        );
        let fix = format!("`{wanted}`");
        self.say(rules::OPERATOR_MISMATCH, severity, &condition.pointer, what, fix);
    }

    fn set_operator(
        &mut self,
        statement: &Statement<'_>,
        condition: &Condition<'_>,
        operator: Operator,
        key: Key,
    ) {
        let pointer = &condition.pointer;
        if operator.sort == Sort::Null {
            return;
        }
        match operator.quantifier {
            None if key.is_list => {
                let what = format!("`{}` has several values", key.name);
                let fix = "prefix the operator with `ForAnyValue:` or `ForAllValues:`".to_owned();
                self.say(rules::NO_SET_OPERATOR, Severity::Warning, pointer, what, fix);
            }
            Some(Quantifier::ForAllValues) if statement.allows => {
                let is_present = |one: &Condition<'_>| {
                    one.operator.eq_ignore_ascii_case("Null")
                        && one.key.eq_ignore_ascii_case(condition.key)
                };
                if statement.conditions.iter().any(is_present) {
                    return;
                }
                let fix = format!("add {{\"Null\": {{\"{}\": \"false\"}}}}", condition.key);
                if key.is_list {
                    let what = format!("a request without `{}` is allowed too", key.name);
                    // A service's own key says what is asked for: what is not asked for does no
                    // harm. A global one says where a request comes from.
                    let is_of_request = !key.name.starts_with("aws:") || key.name == "aws:TagKeys";
                    let severity = if is_of_request { Severity::Info } else { Severity::Warning };
                    self.say(rules::ALLOWS_ABSENT, severity, pointer, what, fix);
                } else {
                    let what = format!(
                        "`{}` has one value; a request without it is allowed too",
                        key.name
                    );
                    let fix = "leave `ForAllValues:` out".to_owned();
                    self.say(rules::NEEDLESS_SET_OPERATOR, Severity::Warning, pointer, what, fix);
                }
            }
            Some(_) if !key.is_list => {
                let what = format!("`{}` has one value", key.name);
                let fix = "leave the prefix of the operator out".to_owned();
                self.say(rules::NEEDLESS_SET_OPERATOR, Severity::Info, pointer, what, fix);
            }
            _ => {}
        }
    }
}
