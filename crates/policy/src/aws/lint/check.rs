//! Goes through a policy and gathers what the rules say: of the document as a whole here, of actions,
//! conditions and what is said twice beside.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::json::{Json, below};

use super::super::catalogue::{ActionSet, Catalogue};
use super::super::document::{Document, Problem, cut};
use super::conditions::Known;
use super::overlap::Arn;
use super::rules::{self, Rule, Severity};
use super::statement::{Element, Statement, Text};
use super::{Lint, MAX_LINTS, PolicyKind};

/// Comparing patterns with patterns takes no more steps than this; what is left is not compared.
const MAX_STEPS: usize = 10_000_000;

pub(super) struct Linter {
    pub(super) catalogue: &'static Catalogue,
    pub(super) kind: PolicyKind,
    /// Whether the version has policy variables.
    pub(super) variables: bool,
    steps_left: usize,
    lints: Vec<Lint>,
    is_cut: bool,
    /// The patterns of the ARNs of resource types, by how the catalogue writes them.
    pub(super) arns: HashMap<&'static str, Rc<Arn>>,
    /// By condition key in lower case.
    pub(super) keys: HashMap<String, Rc<Known>>,
}

impl Linter {
    pub(super) fn new(kind: PolicyKind) -> Self {
        Self {
            catalogue: Catalogue::get(),
            kind,
            variables: false,
            steps_left: MAX_STEPS,
            lints: Vec::new(),
            is_cut: false,
            arns: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> (Vec<Lint>, bool) {
        (self.lints, self.is_cut)
    }

    pub(super) fn say(
        &mut self,
        rule: Rule,
        severity: Severity,
        pointer: &str,
        what: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) {
        if self.is_full() {
            return;
        }
        self.lints.push(Lint {
            rule: rule.id,
            severity,
            pointer: pointer.to_owned(),
            line: None,
            column: None,
            what: cut(what.into()),
            why: rule.why,
            fix: fix.into().map(cut),
        });
    }

    /// Whether nothing more is told.
    pub(super) fn is_full(&mut self) -> bool {
        let is_full = self.lints.len() == MAX_LINTS;
        self.is_cut |= is_full;
        is_full
    }

    /// Whether there is time for so many steps more.
    pub(super) fn spend(&mut self, n_steps: usize) -> bool {
        let left = self.steps_left.checked_sub(n_steps);
        self.steps_left = left.unwrap_or_default();
        self.is_cut |= left.is_none();
        left.is_some()
    }

    /// The known actions that a pattern matches; none where there is no time to look.
    pub(super) fn matching(&mut self, pattern: &str) -> Option<ActionSet> {
        let n_steps = self.n_steps_of(pattern);
        self.spend(n_steps).then(|| self.catalogue.matching_surely(pattern))
    }

    /// All that the patterns may mean; none where there is no time to look.
    pub(super) fn matching_any(&mut self, element: &Element<'_>) -> Option<ActionSet> {
        let n_steps = element.plain().map(|pattern| self.n_steps_of(pattern)).sum();
        self.spend(n_steps).then(|| self.catalogue.matching_any(element.plain()))
    }

    /// Of a pattern for many services, every name is looked at.
    fn n_steps_of(&self, pattern: &str) -> usize {
        let service = pattern.split_once(':').map_or(pattern, |(service, _)| service);
        if service.contains(['*', '?']) { self.catalogue.len() } else { pattern.len() }
    }

    pub(super) fn document(&mut self, json: &Json, read: Result<Document, Vec<Problem>>) {
        let (problems, severity) = match read {
            Ok(document) => (document.warnings, Severity::Warning),
            Err(problems) => (problems, Severity::Error),
        };
        for Problem { pointer, message } in problems {
            self.say(rules::INVALID, severity, &pointer, message, None);
        }
        let version = json.get("Version").and_then(Json::text);
        self.variables = version == Some("2012-10-17");
        if json.get("Version").is_none() && matches!(json, Json::Map(_)) {
            let fix = "add \"Version\": \"2012-10-17\"".to_owned();
            self.say(rules::NO_VERSION, Severity::Info, "", "the policy has no version", fix);
        }
    }

    /// AWS does not count white space, save in service control policies that are not written in its
    /// console; here it never counts.
    pub(super) fn size(&mut self, text: &str) {
        let n = n_characters(text);
        let too_long = |most: usize, of: &str| format!("{n} characters; {of} has at most {most}");
        let (severity, what) = match self.kind {
            PolicyKind::Identity if n > 10_240 => {
                (Severity::Error, too_long(10_240, "a role's inline policy, the longest of all,"))
            }
            PolicyKind::Identity if n > 6_144 => {
                (Severity::Warning, too_long(6_144, "a managed policy"))
            }
            PolicyKind::Identity if n > 5_120 => {
                (Severity::Info, too_long(5_120, "an inline policy of a group"))
            }
            PolicyKind::Identity if n > 2_048 => {
                (Severity::Info, too_long(2_048, "an inline policy of a user"))
            }
            PolicyKind::Boundary if n > 6_144 => {
                (Severity::Error, too_long(6_144, "a managed policy, which a boundary is,"))
            }
            PolicyKind::Trust if n > 4_096 => {
                (Severity::Error, too_long(4_096, "a role's trust policy with the quota raised"))
            }
            PolicyKind::Trust if n > 2_048 => {
                (Severity::Warning, too_long(2_048, "a role's trust policy"))
            }
            PolicyKind::Scp if n > 5_120 => {
                (Severity::Error, too_long(5_120, "a service control policy"))
            }
            PolicyKind::Rcp if n > 5_120 => {
                (Severity::Error, too_long(5_120, "a resource control policy"))
            }
            _ => return,
        };
        let fix = "divide it, or put several actions into one pattern".to_owned();
        self.say(rules::TOO_LONG, severity, "", what, fix);
    }

    pub(super) fn statements(&mut self, json: &Json, statements: &[Statement<'_>]) {
        self.sids(statements);
        for statement in statements {
            self.complements(statement);
            self.principals(statement);
            self.actions(statement);
            self.resources(statement);
            self.pass_role(statement);
            self.conditions(statement);
            self.literal_variables(json, statement);
        }
        self.covered(statements);
    }

    fn sids(&mut self, statements: &[Statement<'_>]) {
        let mut seen = HashSet::new();
        for statement in statements {
            let Some(sid) = statement.get("Sid").and_then(Json::text) else { continue };
            let pointer = below(&statement.pointer, "Sid");
            if !sid.is_empty() && !seen.insert(sid) {
                let what = format!("`{sid}` is the id of another statement too");
                let fix = "give each statement an id of its own".to_owned();
                self.say(rules::DUPLICATE_SID, Severity::Error, &pointer, what, fix);
            }
            let is_plain = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !is_plain && matches!(self.kind, PolicyKind::Identity | PolicyKind::Boundary) {
                let plain: String = sid.chars().filter(char::is_ascii_alphanumeric).collect();
                let what = format!("`{sid}` has other characters than letters and digits");
                let fix = format!("`{plain}`");
                self.say(rules::SID_CHARACTERS, Severity::Error, &pointer, what, fix);
            }
        }
    }

    fn complements(&mut self, statement: &Statement<'_>) {
        if !statement.allows {
            return;
        }
        if let (true, Some(pointer)) = (statement.actions.is_complement, &statement.actions.pointer)
        {
            let fix = "list the actions, or deny these in a statement of their own".to_owned();
            let what = "`NotAction` in a statement that allows";
            self.say(rules::ALLOW_NOT_ACTION, Severity::Warning, pointer, what, fix);
        }
        let resources = &statement.resources;
        if let (true, Some(pointer)) = (resources.is_complement, &resources.pointer) {
            let fix = "list the resources, or deny these in a statement of their own".to_owned();
            let what = "`NotResource` in a statement that allows";
            self.say(rules::ALLOW_NOT_RESOURCE, Severity::Warning, pointer, what, fix);
        }
    }

    fn principals(&mut self, statement: &Statement<'_>) {
        let pointer = below(&statement.pointer, "Principal");
        if self.kind == PolicyKind::Rcp {
            let fix = "\"Effect\": \"Deny\" and \"Principal\": \"*\"".to_owned();
            if statement.allows {
                let pointer = below(&statement.pointer, "Effect");
                let what = "a resource control policy that allows";
                self.say(rules::ONLY_DENIES, Severity::Error, &pointer, what, fix);
            } else if statement.names_principals()
                && statement.get("Principal").and_then(Json::text) != Some("*")
            {
                let what = "a resource control policy that names principals";
                self.say(rules::ONLY_DENIES, Severity::Error, &statement.pointer, what, fix);
            }
            return;
        }
        if !statement.allows || !statement.means_everybody() || !statement.conditions.is_empty() {
            return;
        }
        let (severity, what) = match self.kind {
            PolicyKind::Trust => (Severity::Error, "anybody may take this role"),
            _ => (Severity::Warning, "the statement allows everybody, without a condition"),
        };
        let fix = "name the principals, or add a condition such as `aws:PrincipalOrgID`".to_owned();
        self.say(rules::PUBLIC_PRINCIPAL, severity, &pointer, what, fix);
    }

    fn literal_variables(&mut self, json: &Json, statement: &Statement<'_>) {
        if self.variables || !matches!(json, Json::Map(_)) {
            return;
        }
        let values = statement.conditions.iter().flat_map(|condition| &condition.values);
        for Text { pointer, text } in statement.resources.texts.iter().chain(values) {
            if text.contains("${") {
                let what = format!("`{text}` is taken as it stands");
                let fix = "\"Version\": \"2012-10-17\"".to_owned();
                self.say(rules::LITERAL_VARIABLE, Severity::Warning, pointer, what, fix);
            }
        }
    }
}

/// Characters outside of texts that are no white space, and all inside of them.
fn n_characters(text: &str) -> usize {
    let (mut n, mut is_inside, mut is_escaped) = (0, false, false);
    for c in text.chars() {
        if !is_inside && c.is_ascii_whitespace() {
            continue;
        }
        n += 1;
        match c {
            '"' if !is_escaped => is_inside = !is_inside,
            _ => {}
        }
        is_escaped = is_inside && c == '\\' && !is_escaped;
    }
    n
}
