//! Rules about what is said twice: patterns and statements that others cover.

use std::collections::HashMap;

use crate::glob::Case;
use crate::json::Json;

use super::check::Linter;
use super::overlap::Cover;
use super::rules::{self, Severity};
use super::statement::{Element, Statement};

/// A statement with its patterns made ready to be compared.
struct Ready<'s, 'j> {
    statement: &'s Statement<'j>,
    actions: Vec<Cover<'j>>,
    resources: Vec<Cover<'j>>,
}

impl<'s, 'j> Ready<'s, 'j> {
    fn new(statement: &'s Statement<'j>) -> Self {
        let covers = |element: &Element<'j>, case| {
            element.plain().map(|text| Cover::new(text, case)).collect()
        };
        Self {
            statement,
            actions: covers(&statement.actions, Case::Ignored),
            resources: covers(&statement.resources, Case::Matters),
        }
    }
}

impl Linter {
    pub(super) fn covered(&mut self, statements: &[Statement<'_>]) {
        let all: Vec<Ready<'_, '_>> = statements.iter().map(Ready::new).collect();
        for Ready { statement, actions, resources } in &all {
            self.covered_patterns(&statement.actions, actions, Case::Ignored);
            self.covered_patterns(&statement.resources, resources, Case::Matters);
        }
        self.covered_statements(&all);
    }

    fn covered_patterns(&mut self, element: &Element<'_>, covers: &[Cover<'_>], case: Case) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (n, (one, cover)) in element.texts.iter().zip(covers).enumerate() {
            let key = match case {
                Case::Ignored => one.text.to_ascii_lowercase(),
                Case::Matters => one.text.to_owned(),
            };
            let same = *seen.entry(key).or_insert(n);
            let mut by = (same != n).then_some(same);
            for (m, other) in covers.iter().enumerate().filter(|(_, other)| other.is_pattern()) {
                if by.is_some() || m == n {
                    continue;
                }
                if !self.spend(other.n_steps(cover)) {
                    return;
                }
                // Of two that match the same, the first stays.
                if other.covers(cover) && (m < n || !cover.covers(other)) {
                    by = Some(m);
                }
            }
            let Some(other) = by.and_then(|by| element.texts.get(by)) else { continue };
            let what = if other.text == one.text {
                format!("`{}` stands twice", one.text)
            } else {
                format!("`{}` is in `{}` already", one.text, other.text)
            };
            let fix = "leave it out".to_owned();
            self.say(rules::COVERED_PATTERN, Severity::Info, &one.pointer, what, fix);
        }
    }

    fn covered_statements(&mut self, all: &[Ready<'_, '_>]) {
        for (n, one) in all.iter().enumerate() {
            if !one.statement.allows && !one.statement.denies {
                continue;
            }
            for (m, other) in all.iter().enumerate() {
                if !self.spend(4) {
                    return;
                }
                if n == m || !self.says_all(other, one) {
                    continue;
                }
                // Of two that say the same, the first stays.
                if m > n && self.says_all(one, other) {
                    continue;
                }
                let name = other.statement.get("Sid").and_then(Json::text);
                let name = name.filter(|sid| !sid.is_empty()).unwrap_or(&other.statement.pointer);
                let what = format!("the statement `{name}` says all of this one");
                let fix = "leave it out".to_owned();
                let pointer = &one.statement.pointer;
                self.say(rules::COVERED_STATEMENT, Severity::Info, pointer, what, fix);
                break;
            }
        }
    }

    /// Whether one statement surely says all that another does.
    fn says_all(&mut self, wide: &Ready<'_, '_>, narrow: &Ready<'_, '_>) -> bool {
        let (one, other) = (wide.statement, narrow.statement);
        let same = |name: &str| one.get(name) == other.get(name);
        let is_free = one.get("Condition").is_none();
        if (one.allows, one.denies) != (other.allows, other.denies)
            || !same("Principal")
            || !same("NotPrincipal")
            || !(is_free || same("Condition"))
        {
            return false;
        }
        self.has_all((&one.actions, &wide.actions), (&other.actions, &narrow.actions))
            && self
                .has_all((&one.resources, &wide.resources), (&other.resources, &narrow.resources))
    }

    fn has_all(
        &mut self,
        (one, wide): (&Element<'_>, &[Cover<'_>]),
        (other, narrow): (&Element<'_>, &[Cover<'_>]),
    ) -> bool {
        if one.pointer.is_none() && other.pointer.is_none() {
            return true;
        }
        if one.is_complement != other.is_complement
            || one.pointer.is_some() != other.pointer.is_some()
            || wide.is_empty()
            || narrow.is_empty()
        {
            return false;
        }
        // All but the less is the more.
        let (wide, narrow) = if one.is_complement { (narrow, wide) } else { (wide, narrow) };
        narrow.iter().all(|one| {
            let n_steps = wide.iter().map(|other| other.n_steps(one)).sum();
            self.spend(n_steps) && wide.iter().any(|other| other.covers(one))
        })
    }
}
