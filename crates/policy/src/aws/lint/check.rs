//! The rules themselves: what each looks at, and what it says.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::glob::Case;
use crate::json::{Json, below};

use super::super::catalogue::{Action, ActionSet, Catalogue, Key, KeySort, nearest};
use super::super::document::{Document, Problem};
use super::keys::GLOBAL;
use super::overlap::{Arn, covers};
use super::rules::{self, Rule, Severity};
use super::statement::{Condition, Element, Statement, Text, means_everything};
use super::{Lint, MAX_LINTS, PolicyKind};

/// Comparing patterns with patterns takes no more steps than this; what is left is not compared.
const MAX_STEPS: u64 = 10_000_000;

/// Services that do as AWS's reference says where it names no resource for an action. Others look
/// for the right at some ARN all the same: `iam:ListRoles` at `role/*`, `ssmmessages:OpenDataChannel`
/// at a session.
const EXACT_SERVICES: &[&str] = &["ec2", "s3", "sts"];

pub(super) struct Linter {
    catalogue: &'static Catalogue,
    kind: PolicyKind,
    /// Whether the version has policy variables.
    variables: bool,
    steps: u64,
    lints: Vec<Lint>,
    is_cut: bool,
    /// The patterns of the ARNs of resource types, by how the catalogue writes them.
    arns: HashMap<&'static str, Rc<Arn>>,
    /// By condition key in lower case: its type, and the actions that have it.
    keys: HashMap<String, Known>,
}

/// What is known of a condition key.
#[derive(Clone)]
struct Known {
    key: Option<Key>,
    is_global: bool,
    actions: ActionSet,
}

impl Linter {
    pub(super) fn new(kind: PolicyKind) -> Self {
        Self {
            catalogue: Catalogue::get(),
            kind,
            variables: false,
            steps: 0,
            lints: Vec::new(),
            is_cut: false,
            arns: HashMap::new(),
            keys: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> (Vec<Lint>, bool) {
        (self.lints, self.is_cut)
    }

    fn say(
        &mut self,
        rule: Rule,
        severity: Severity,
        pointer: &str,
        what: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) {
        if self.lints.len() == MAX_LINTS {
            self.is_cut = true;
            return;
        }
        self.lints.push(Lint {
            rule: rule.id,
            severity,
            pointer: pointer.to_owned(),
            line: None,
            column: None,
            what: what.into(),
            why: rule.why,
            fix: fix.into(),
        });
    }

    /// Whether there is time for so many steps more.
    fn spend(&mut self, n_steps: usize) -> bool {
        self.steps = self.steps.saturating_add(u64::try_from(n_steps).unwrap_or(u64::MAX));
        let is_in_time = self.steps <= MAX_STEPS;
        self.is_cut |= !is_in_time;
        is_in_time
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
            for element in [&statement.actions, &statement.resources] {
                self.covered_patterns(element);
            }
        }
        self.covered_statements(statements);
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

    /// Patterns of actions that nothing known matches.
    fn actions(&mut self, statement: &Statement<'_>) {
        for Text { pointer, text } in &statement.actions.texts {
            if self.lints.len() == MAX_LINTS {
                self.is_cut = true;
                return;
            }
            let Some((prefix, name)) = text.split_once(':') else { continue };
            let has_wildcard = |text: &str| text.contains(['*', '?']);
            if has_wildcard(prefix) || prefix.is_empty() || name.is_empty() {
                continue;
            }
            let Some(service) = self.catalogue.service(prefix) else {
                let services = self.catalogue.services().iter().map(|service| service.prefix);
                let near = nearest(prefix, services);
                let what = format!("no service `{prefix}` is known");
                let severity = mild_unless(!near.is_empty());
                self.say(rules::UNKNOWN_SERVICE, severity, pointer, what, meant(&near));
                continue;
            };
            if has_wildcard(name) {
                let set = self.catalogue.matching_surely(text);
                if set.is_empty() {
                    let what = format!("no known action matches `{text}`");
                    let fix = starting_alike(self.catalogue, service.prefix, name);
                    let severity = Severity::Warning;
                    self.say(rules::MATCHES_NOTHING, severity, pointer, what, fix);
                }
            } else if self.catalogue.id_of(text).is_none() {
                let near = self.catalogue.nearest(text);
                let near: Vec<&str> = near.iter().map(String::as_str).collect();
                let what = format!("no action `{text}` is known");
                let severity = mild_unless(!near.is_empty());
                self.say(rules::UNKNOWN_ACTION, severity, pointer, what, meant(&near));
            }
        }
    }

    /// Actions that are never asked for on what the statement names.
    fn resources(&mut self, statement: &Statement<'_>) {
        let Element { texts, .. } = &statement.resources;
        if !statement.resources.is_list() || texts.is_empty() {
            return;
        }
        for Text { pointer, text } in texts {
            let service = text.split(':').nth(2).unwrap_or_default();
            let head = text.splitn(6, ':').take(5).collect::<Vec<_>>().join(":");
            let has_wildcard = service.contains(['*', '?']) && *text != "arn:*" && service != "*";
            let is_dead = text.starts_with("arn:")
                && (has_wildcard
                    || (service == "*" && text.split(':').count() > 3 && !text.ends_with(":*"))
                    || (self.variables && head.contains("${")));
            if is_dead {
                let what = format!("nothing matches `{text}`");
                let fix =
                    "write the service out, and variables only after the fifth colon".to_owned();
                self.say(rules::DEAD_RESOURCE, Severity::Warning, pointer, what, fix);
            }
        }
        if statement.resources.is_everything() || statement.actions.is_complement {
            return;
        }
        let variables = self.variables;
        let patterns: Vec<Arn> = texts.iter().map(|one| Arn::new(one.text, variables)).collect();
        for Text { pointer, text } in &statement.actions.texts {
            if !text.contains(':') {
                continue;
            }
            let set = self.catalogue.matching_surely(text);
            let mut without: Option<Action<'static>> = None;
            let mut elsewhere: Option<Action<'static>> = None;
            let mut fits = set.is_empty();
            for action in set.iter().filter_map(|id| self.catalogue.action(id)) {
                if action.takes_no_resource() {
                    without = without.or(Some(action));
                } else if self.may_be_asked_on(action, &patterns) {
                    fits = true;
                    break;
                } else {
                    elsewhere = elsewhere.or(Some(action));
                }
            }
            if fits {
                continue;
            }
            if let Some(action) = elsewhere {
                let arns: Vec<&str> =
                    action.affected().flat_map(|one| one.resource_type.arns()).take(4).collect();
                let what = format!("`{text}` is never asked for on these resources");
                let fix = format!("its resources are like `{}`", arns.join("`, `"));
                // The reference leaves some resource types out.
                let theirs: Vec<&str> = action
                    .affected()
                    .flat_map(|one| one.resource_type.arns())
                    .filter_map(|arn| arn.split(':').nth(2))
                    .collect();
                let of_service = |one: &Text<'_>| {
                    let service = one.text.split(':').nth(2).unwrap_or_default();
                    theirs.contains(&service) || service.contains(['*', '?'])
                };
                let is_doubtful = !EXACT_SERVICES.contains(&action.service.prefix)
                    && texts.iter().any(of_service);
                let severity = if is_doubtful { Severity::Info } else { Severity::Warning };
                self.say(rules::RESOURCE_NEVER_FITS, severity, pointer, what, fix);
            } else if let Some(action) = without {
                let what = format!("`{text}` is asked for on `*` only, as far as AWS tells");
                let fix = "put it into a statement with \"Resource\": \"*\"".to_owned();
                let is_whole_service = |one: &Text<'_>| one.text.split(':').nth(5) == Some("*");
                let is_doubtful = !EXACT_SERVICES.contains(&action.service.prefix)
                    || texts.iter().any(is_whole_service);
                let severity = if is_doubtful { Severity::Info } else { Severity::Warning };
                self.say(rules::NEEDS_EVERYTHING, severity, pointer, what, fix);
            }
        }
    }

    /// True too where there was no time to find out.
    fn may_be_asked_on(&mut self, action: Action<'static>, patterns: &[Arn]) -> bool {
        for arn in action.affected().flat_map(|one| one.resource_type.arns()) {
            let theirs = self.arns.entry(arn).or_insert_with(|| Rc::new(Arn::new(arn, true)));
            let theirs = Rc::clone(theirs);
            for pattern in patterns {
                if !self.spend(pattern.len() * theirs.len()) || pattern.overlaps(&theirs) {
                    return true;
                }
            }
        }
        false
    }

    fn pass_role(&mut self, statement: &Statement<'_>) {
        const LIMITS: [&str; 2] = ["iam:PassedToService", "iam:AssociatedResourceArn"];
        let is_limited = statement
            .conditions
            .iter()
            .any(|condition| LIMITS.iter().any(|key| key.eq_ignore_ascii_case(condition.key)));
        let is_wide = statement.resources.is_everything() && statement.actions.is_list();
        if !statement.allows || !is_wide || is_limited || self.kind != PolicyKind::Identity {
            return;
        }
        for Text { pointer, text } in &statement.actions.texts {
            // Who may do all of IAM needs no role to be passed.
            let is_meant = text.to_ascii_lowercase().starts_with("iam:p");
            if is_meant && covers(text, "iam:PassRole", Case::Ignored) {
                let fix = "name the roles, or add the condition `iam:PassedToService`".to_owned();
                let what = "any role may be handed to any service";
                self.say(rules::PASS_ROLE_EVERYWHERE, Severity::Warning, pointer, what, fix);
            }
        }
    }

    fn conditions(&mut self, statement: &Statement<'_>) {
        // The widest, so that a statement about actions that are not known is left alone.
        let set = self.catalogue.matching_any(statement.actions.plain());
        for condition in &statement.conditions {
            if self.lints.len() == MAX_LINTS {
                self.is_cut = true;
                return;
            }
            let Some(operator) = Operator::read(condition.operator) else { continue };
            self.literal_wildcards(condition, &operator);
            if condition.key.contains(['*', '?']) {
                continue;
            }
            let known = self.known(condition.key);
            match known.key {
                None => self.unknown_key(condition),
                Some(key) => {
                    if !known.is_global {
                        self.foreign_key(statement, &set, condition, &known);
                    }
                    self.operator_mismatch(condition, &operator, key);
                    self.set_operator(statement, condition, &operator, key);
                }
            }
        }
    }

    fn known(&mut self, written: &str) -> Known {
        let lower = written.to_ascii_lowercase();
        if let Some(known) = self.keys.get(&lower) {
            return known.clone();
        }
        let mut actions = self.catalogue.matching("");
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
        let known = Known { key: found, is_global: global.is_some(), actions };
        self.keys.insert(lower, known.clone());
        known
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

    fn literal_wildcards(&mut self, condition: &Condition<'_>, operator: &Operator) {
        if condition.key.contains(['*', '?']) {
            let what = format!("the key `{}` is no pattern", condition.key);
            let fix = "write a condition for each key".to_owned();
            self.say(rules::LITERAL_WILDCARD, Severity::Warning, &condition.pointer, what, fix);
        }
        if operator.compares != Compares::ExactText {
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

    fn operator_mismatch(&mut self, condition: &Condition<'_>, operator: &Operator, key: Key) {
        use Compares::{Address, Arn, Binary, Bool, Date, ExactText, Null, Number, Pattern};
        let values_are_arns =
            || condition.values.iter().all(|one| one.text.starts_with("arn:") || one.text == "*");
        let severity = match (operator.compares, key.sort) {
            (Null | Binary, _) => return,
            (ExactText | Pattern, KeySort::Text | KeySort::Arn) => return,
            // Texts that are equal are equal truths and numbers; AWS's own linter minds it.
            (ExactText | Pattern, KeySort::Bool) => Severity::Info,
            (Number, KeySort::Number | KeySort::Date) => return,
            (Date, KeySort::Date | KeySort::Number) => return,
            (Bool, KeySort::Bool) => return,
            (Bool, KeySort::Text) => Severity::Info,
            (Arn, KeySort::Arn) => return,
            (Arn, KeySort::Text) if values_are_arns() => return,
            (Address, KeySort::Address) => return,
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
        operator: &Operator,
        key: Key,
    ) {
        let pointer = &condition.pointer;
        if operator.compares == Compares::Null {
            return;
        }
        match operator.set {
            None if key.is_list => {
                let what = format!("`{}` has several values", key.name);
                let fix = "prefix the operator with `ForAnyValue:` or `ForAllValues:`".to_owned();
                self.say(rules::NO_SET_OPERATOR, Severity::Warning, pointer, what, fix);
            }
            Some(SetOperator::ForAll) if statement.allows => {
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

    fn covered_patterns(&mut self, element: &Element<'_>) {
        let is_action =
            element.pointer.as_deref().is_some_and(|pointer| pointer.ends_with("Action"));
        let case = if is_action { Case::Ignored } else { Case::Matters };
        let wide: Vec<(usize, &Text<'_>)> = element
            .texts
            .iter()
            .enumerate()
            .filter(|(_, one)| one.text.contains(['*', '?']))
            .collect();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (n, one) in element.texts.iter().enumerate() {
            let key = if is_action { one.text.to_ascii_lowercase() } else { one.text.to_owned() };
            let same = *seen.entry(key).or_insert(n);
            let mut by = (same != n).then_some(same);
            for (m, other) in &wide {
                if by.is_some() || *m == n {
                    continue;
                }
                if !self.spend(one.text.len() + other.text.len()) {
                    return;
                }
                let is_wider = covers(other.text, one.text, case);
                // Of two that match the same, the first stays.
                if is_wider && (*m < n || !covers(one.text, other.text, case)) {
                    by = Some(*m);
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

    fn covered_statements(&mut self, statements: &[Statement<'_>]) {
        for (n, one) in statements.iter().enumerate() {
            if !one.allows && !one.denies {
                continue;
            }
            for (m, other) in statements.iter().enumerate() {
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
                let name = other.get("Sid").and_then(Json::text).filter(|sid| !sid.is_empty());
                let name = name.map_or_else(|| other.pointer.clone(), str::to_owned);
                let what = format!("the statement `{name}` says all of this one");
                let fix = "leave it out".to_owned();
                self.say(rules::COVERED_STATEMENT, Severity::Info, &one.pointer, what, fix);
                break;
            }
        }
    }

    /// Whether one statement surely says all that another does.
    fn says_all(&mut self, wide: &Statement<'_>, narrow: &Statement<'_>) -> bool {
        let same = |name: &str| wide.get(name) == narrow.get(name);
        let is_free = wide.get("Condition").is_none();
        if (wide.allows, wide.denies) != (narrow.allows, narrow.denies)
            || !same("Principal")
            || !same("NotPrincipal")
            || !(is_free || same("Condition"))
        {
            return false;
        }
        let lists = [
            (&wide.actions, &narrow.actions, Case::Ignored),
            (&wide.resources, &narrow.resources, Case::Matters),
        ];
        for (wide, narrow, case) in lists {
            if wide.is_complement != narrow.is_complement
                || wide.pointer.is_some() != narrow.pointer.is_some()
            {
                return false;
            }
            // All but the less is the more.
            let (wide, narrow) = if wide.is_complement { (narrow, wide) } else { (wide, narrow) };
            for one in &narrow.texts {
                let n_steps: usize =
                    wide.texts.iter().map(|other| one.text.len() + other.text.len()).sum();
                let is_in = |other: &Text<'_>| {
                    (means_everything(other.text)) || covers(other.text, one.text, case)
                };
                if !self.spend(n_steps) || !wide.texts.iter().any(is_in) {
                    return false;
                }
            }
            if narrow.pointer.is_some() && (narrow.texts.is_empty() || wide.texts.is_empty()) {
                return false;
            }
        }
        true
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compares {
    ExactText,
    /// `StringLike`
    Pattern,
    Number,
    Date,
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SetOperator {
    ForAll,
    ForAny,
}

struct Operator {
    compares: Compares,
    is_negated: bool,
    set: Option<SetOperator>,
}

impl Operator {
    /// None for one that there is not, which is told with the document.
    fn read(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let (set, rest) = if let Some(rest) = lower.strip_prefix("forallvalues:") {
            (Some(SetOperator::ForAll), rest)
        } else if let Some(rest) = lower.strip_prefix("foranyvalue:") {
            (Some(SetOperator::ForAny), rest)
        } else {
            (None, lower.as_str())
        };
        let base = rest.strip_suffix("ifexists").unwrap_or(rest);
        let compares = match base {
            "stringlike" | "stringnotlike" => Compares::Pattern,
            "binaryequals" => Compares::Binary,
            "bool" => Compares::Bool,
            "null" => Compares::Null,
            "ipaddress" | "notipaddress" => Compares::Address,
            base if base.starts_with("string") => Compares::ExactText,
            base if base.starts_with("numeric") => Compares::Number,
            base if base.starts_with("date") => Compares::Date,
            base if base.starts_with("arn") => Compares::Arn,
            _ => return None,
        };
        Some(Self { compares, is_negated: base.contains("not"), set })
    }
}

/// What the catalogue does not know may be newer than it, unless it is nearly what it knows.
const fn mild_unless(is_likely: bool) -> Severity {
    if is_likely { Severity::Warning } else { Severity::Info }
}

fn meant(near: &[&str]) -> Option<String> {
    (!near.is_empty()).then(|| format!("`{}`?", near.join("`, `")))
}

/// Known actions that begin as a pattern does, as far as any does.
fn starting_alike(catalogue: &Catalogue, prefix: &str, name: &str) -> Option<String> {
    let start: String = name.chars().take_while(|c| !matches!(c, '*' | '?')).collect();
    let near = catalogue.nearest(&format!("{prefix}:{start}"));
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    meant(&near)
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
