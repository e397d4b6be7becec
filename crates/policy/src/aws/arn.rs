//! Patterns of the `Resource` element.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>

use crate::glob::{Case, Glob};

use super::context::Context;
use super::formula::Formula;
use super::text::{Manner, Template};

/// The six parts of an ARN; the last keeps its colons.
pub(super) fn parts(arn: &str) -> Option<[&str; 6]> {
    let mut parts = arn.splitn(6, ':');
    let six =
        [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    (six[0] == "arn").then_some(six)
}

/// The account an ARN names.
pub(super) fn account(arn: &str) -> Option<&str> {
    let [.., account, _] = parts(arn)?;
    (!account.is_empty()).then_some(account)
}

/// The resource of a request: an ARN, or `*` for an action that has none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) whole: &'a str,
    pub(super) parts: Option<[&'a str; 6]>,
}

impl<'a> Name<'a> {
    pub(super) fn new(whole: &'a str) -> Self {
        Self { whole, parts: parts(whole) }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Resource {
    /// `*`
    Any,
    Arn(Box<Pattern>),
    /// A form that no request's resource has: a wildcard for the service, a variable before the
    /// fifth colon.
    Never,
}

/// The parts of an ARN with wildcards.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Partition, service, region and account.
    pub(super) head: [Glob; 4],
    /// What comes after the fifth colon.
    pub(super) tail: Template,
}

impl Resource {
    pub(super) fn parse(text: &str, variables: bool) -> Result<Self, String> {
        if !text.is_empty() && text.chars().all(|c| c == '*') {
            return Ok(Self::Any);
        }
        let mut parts = split_outside_variables(text);
        if parts.first().is_none_or(|first| *first != "arn") {
            return Err(format!("`{text}` is neither an ARN nor `*`"));
        }
        // `arn:aws:s3:*` stands for everything that goes on so.
        if parts.len() < 6 && parts.last().is_some_and(|last| last.ends_with('*')) {
            parts.resize(6, "*");
        }
        let [_, partition, service, region, account, tail] = parts[..] else {
            return Err(format!("`{text}` has fewer than the six parts of an ARN"));
        };
        let head = [partition, service, region, account];
        if service.contains(['*', '?']) && service != "*"
            || (service == "*" && tail != "*")
            || (variables && head.iter().any(|part| part.contains("${")))
        {
            return Ok(Self::Never);
        }
        let manner = Manner { wildcards: true, case: Case::Matters, variables };
        Ok(Self::Arn(Box::new(Pattern {
            head: head.map(|part| Glob::new(part, Case::Ignored)),
            tail: Template::new(tail, manner),
        })))
    }

    pub(super) fn matches(&self, resource: &Name<'_>, context: &Context) -> Formula {
        match self {
            Self::Any => Formula::TRUE,
            Self::Never => Formula::FALSE,
            Self::Arn(pattern) => {
                let Pattern { head, tail } = &**pattern;
                let Some([_, parts @ .., last]) = resource.parts else { return Formula::FALSE };
                if head.iter().zip(parts).all(|(glob, part)| glob.matches(part)) {
                    tail.matches(last, context)
                } else {
                    Formula::FALSE
                }
            }
        }
    }
}

/// The parts between at most five colons, those inside of `${…}` not counted.
pub(super) fn split_outside_variables(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut is_inside = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => is_inside = true,
            '}' => is_inside = false,
            ':' if !is_inside && parts.len() < 5 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    parts.extend(text.get(start..));
    parts
}
