//! Rules about actions, and about the resources that they are asked for on.

use std::rc::Rc;

use crate::glob::{Case, Glob};

use super::super::arn::Resource;
use super::super::catalogue::{Action, Catalogue, nearest};
use super::PolicyKind;
use super::check::Linter;
use super::overlap::Arn;
use super::rules::{self, Severity};
use super::statement::{Element, Statement, Text};

/// Services that do as AWS's reference says where it names no resource for an action. Others look
/// for the right at some ARN all the same: `iam:ListRoles` at `role/*`, `ssmmessages:OpenDataChannel`
/// at a session.
const EXACT_SERVICES: &[&str] = &["ec2", "s3", "sts"];

impl Linter {
    /// Patterns of actions that nothing known matches.
    pub(super) fn actions(&mut self, statement: &Statement<'_>) {
        for Text { pointer, text } in &statement.actions.texts {
            if self.is_full() {
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
                if self.matching(text).is_some_and(|set| set.is_empty()) {
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
    pub(super) fn resources(&mut self, statement: &Statement<'_>) {
        let Element { texts, .. } = &statement.resources;
        if !statement.resources.is_list() || texts.is_empty() {
            return;
        }
        for Text { pointer, text } in texts {
            if matches!(Resource::parse(text, self.variables), Ok(Resource::Never)) {
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
            let Some(set) = self.matching(text) else { return };
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

    pub(super) fn pass_role(&mut self, statement: &Statement<'_>) {
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
            if is_meant && Glob::new(text, Case::Ignored).matches("iam:PassRole") {
                let fix = "name the roles, or add the condition `iam:PassedToService`".to_owned();
                let what = "any role may be handed to any service";
                self.say(rules::PASS_ROLE_EVERYWHERE, Severity::Warning, pointer, what, fix);
            }
        }
    }
}

/// What the catalogue does not know may be newer than it, unless it is nearly what it knows.
pub(super) const fn mild_unless(is_likely: bool) -> Severity {
    if is_likely { Severity::Warning } else { Severity::Info }
}

pub(super) fn meant(near: &[&str]) -> Option<String> {
    (!near.is_empty()).then(|| format!("`{}`?", near.join("`, `")))
}

/// Known actions that begin as a pattern does, as far as any does.
fn starting_alike(catalogue: &Catalogue, prefix: &str, name: &str) -> Option<String> {
    let start: String = name.chars().take_while(|c| !matches!(c, '*' | '?')).collect();
    let near = catalogue.nearest(&format!("{prefix}:{start}"));
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    meant(&near)
}
