//! Whether whatever one document allows another allows too; and a request that shows that not.
//!
//! Requests fall into finitely many classes that the two documents cannot tell apart: actions and
//! resources by the patterns they match, values of keys by the conditions they meet. One of each class
//! is looked at, so that finding nothing is a proof, wherever nothing was left out.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde::Serialize;

use crate::cells::{self, Cell, cells};
use crate::glob::{Case, Glob};

use super::arn::{Name, Resource};
use super::catalogue::{Catalogue, Service};
use super::condition::KeyCondition;
use super::context::Context;
use super::decide::{Policies, Request, Verdict, decide};
use super::document::{Document, Either, Statement};
use super::domain::{Domain, STAND_IN, Value, arns, domain};
use super::formula::Formula;
use super::principal::{Named, Principal};

/// A request that one document allows and the other does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// None for policies of a principal: any will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    pub action: String,
    pub resource: String,
    /// Keys that are not here are absent.
    pub context: BTreeMap<String, Vec<String>>,
    /// The statement that allows it, as a JSON pointer (RFC 6901).
    pub allowed_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Implies {
    Yes,
    No(Vec<Witness>),
    /// None was found, and some were not looked at: why.
    Unknown(Vec<String>),
}

/// Formulas that are looked at before the search gives up.
pub const MAX_STEPS: usize = 500_000;

/// To look at so many patterns or statements counts as a step.
const PATTERNS_A_STEP: usize = 16;

/// Does `narrow` allow nothing that `wide` does not? Up to `max` witnesses, one for each statement and
/// pattern of an action.
pub fn implies(narrow: &Document, wide: &Document, max: usize) -> Implies {
    let mut search = Search {
        narrow,
        wide,
        max,
        steps_left: MAX_STEPS,
        cell_steps_left: cells::MAX_STEPS,
        found: Vec::new(),
        reasons: BTreeSet::new(),
        known: BTreeMap::new(),
        of_wide: HashSet::new(),
    };
    if wide.statements.iter().all(|it| it.allows) {
        search.of_wide.extend(wide.statements.iter().map(wording));
    }
    for statement in narrow.statements.iter().filter(|it| it.allows) {
        search.statement(statement);
        if search.found.len() >= max || search.steps_left == 0 {
            break;
        }
    }
    if search.steps_left == 0 {
        search.reasons.insert(format!("more than {MAX_STEPS} combinations"));
    }
    if !search.found.is_empty() {
        Implies::No(search.found)
    } else if search.reasons.is_empty() {
        Implies::Yes
    } else {
        Implies::Unknown(search.reasons.into_iter().collect())
    }
}

struct Search<'a> {
    narrow: &'a Document,
    wide: &'a Document,
    max: usize,
    steps_left: usize,
    /// What is left of [`cells::MAX_STEPS`].
    cell_steps_left: usize,
    found: Vec<Witness>,
    /// Why finding nothing would prove nothing.
    reasons: BTreeSet<String>,
    /// By service, the names of its known actions.
    known: BTreeMap<String, Vec<String>>,
    /// The statements of the other document by their wording, where it denies nothing.
    of_wide: HashSet<String>,
}

/// Statements of both documents that are about one action.
struct Relevant<'a> {
    action: String,
    narrow: Vec<&'a Statement>,
    wide: Vec<&'a Statement>,
    domains: BTreeMap<&'a str, Domain>,
    /// What looking at all of them once takes.
    n_steps: usize,
}

impl<'a> Search<'a> {
    fn statement(&mut self, statement: &'a Statement) {
        // The other document has the same statement, and denies nothing.
        if self.of_wide.contains(&wording(statement)) {
            return;
        }
        let everything = [Glob::new("*", Case::Ignored)];
        let bases = match &statement.actions {
            Either::In(globs) => globs.as_slice(),
            Either::NotIn(_) => &everything,
        };
        for base in bases {
            if self.steps_left == 0 {
                return;
            }
            let (actions, is_all) = self.actions(base);
            if !is_all {
                self.reasons.insert("too many patterns of actions".to_owned());
            }
            for action in actions {
                if !statement.is_about_action(&action) {
                    continue;
                }
                if self.action(statement, action) {
                    break;
                }
                if self.steps_left == 0 {
                    return;
                }
            }
            if self.found.len() >= self.max {
                return;
            }
        }
    }

    /// Actions within a pattern that the documents tell apart.
    fn actions(&mut self, base: &Glob) -> (Vec<String>, bool) {
        let all = self.narrow.statements.iter().chain(&self.wide.statements);
        let globs = all.flat_map(|statement| {
            let (Either::In(globs) | Either::NotIn(globs)) = &statement.actions;
            globs
        });
        let of_all: Vec<(Glob, Glob)> = globs.map(halves).collect();
        self.steps_left = self.steps_left.saturating_sub(of_all.len() / PATTERNS_A_STEP);
        let (service, name) = halves(base);
        let services: Vec<&Glob> = of_all.iter().map(|(service, _)| service).collect();
        let names: Vec<&Glob> = of_all.iter().map(|(_, name)| name).collect();
        let of_service =
            cells(&service, &services, Some(':'), true, &["s3", "ec2"], &mut self.cell_steps_left);
        let mut is_all = of_service.is_all;
        let mut actions = Vec::new();
        let mut seen = BTreeSet::new();
        for cell in of_service.found {
            // Patterns of other services match no name here.
            let here: Vec<usize> = (0..of_all.len()).filter(|n| is(&cell.matched, *n)).collect();
            let globs: Vec<&Glob> = here.iter().filter_map(|n| names.get(*n).copied()).collect();
            // An action that AWS knows shows more than one that it may get.
            let known = self.known.entry(cell.text.clone()).or_insert_with(|| known(&cell.text));
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let of_name = cells(&name, &globs, Some(':'), true, &known, &mut self.cell_steps_left);
            is_all &= of_name.is_all;
            for Cell { text, matched } in of_name.found {
                let patterns: Vec<usize> = here
                    .iter()
                    .zip(&matched)
                    .filter(|(_, is_in)| **is_in)
                    .map(|(n, _)| *n)
                    .collect();
                if seen.insert(patterns) {
                    actions.push(format!("{}:{text}", cell.text));
                }
            }
        }
        (actions, is_all)
    }

    /// Whether a witness was found.
    fn action(&mut self, statement: &'a Statement, action: String) -> bool {
        let n_statements = self.narrow.statements.len() + self.wide.statements.len();
        self.steps_left = self.steps_left.saturating_sub(n_statements / PATTERNS_A_STEP);
        let about = |document: &'a Document| {
            document.statements.iter().filter(|it| it.is_about_action(&action)).collect()
        };
        let (narrow, wide): (Vec<&Statement>, Vec<&Statement>) =
            (about(self.narrow), about(self.wide));
        let n_patterns: usize = narrow.iter().chain(&wide).map(|it| n_patterns(it)).sum();
        let n_steps = 1 + n_patterns / PATTERNS_A_STEP;
        let mut relevant = Relevant { action, narrow, wide, domains: BTreeMap::new(), n_steps };
        relevant.domains = self.domains(&relevant);
        let any = [Resource::Any];
        let bases = match &statement.resources {
            Some(Either::In(all)) => all.as_slice(),
            _ => &any,
        };
        for base in bases {
            let (resources, is_all) = resources(base, &relevant, &mut self.cell_steps_left);
            if !is_all {
                self.reasons.insert("too many patterns of resources".to_owned());
            }
            for resource in resources {
                for who in principals(statement, &relevant) {
                    if let Some(witness) =
                        self.contexts(statement, &relevant, &resource, who.as_ref())
                    {
                        self.found.push(witness);
                        return true;
                    }
                    if self.steps_left == 0 {
                        return false;
                    }
                }
            }
        }
        false
    }

    fn domains(&mut self, relevant: &Relevant<'a>) -> BTreeMap<&'a str, Domain> {
        let mut conditions: BTreeMap<&str, Vec<&KeyCondition>> = BTreeMap::new();
        let mut variables: BTreeSet<&str> = BTreeSet::new();
        for statement in relevant.narrow.iter().chain(&relevant.wide) {
            for condition in &statement.conditions {
                conditions.entry(condition.key()).or_default().push(condition);
                for template in condition.compared().texts {
                    variables.extend(template.variables());
                }
                for templates in condition.compared().arns {
                    variables.extend(templates.iter().flat_map(super::text::Template::variables));
                }
            }
            if let Some(Either::In(all) | Either::NotIn(all)) = &statement.resources {
                for resource in all {
                    if let Resource::Arn(pattern) = resource {
                        variables.extend(pattern.tail.variables());
                    }
                }
            }
        }
        for variable in &variables {
            conditions.entry(variable).or_default();
        }
        let mut domains = BTreeMap::new();
        for (key, conditions) in conditions {
            let domain = domain(&conditions, variables.contains(key), &mut self.cell_steps_left);
            if !domain.is_all {
                let what = if variables.contains(key) {
                    "a policy variable"
                } else {
                    "too many values to tell apart"
                };
                self.reasons.insert(format!("`{key}`: {what}"));
            }
            domains.insert(key, domain);
        }
        domains
    }

    fn contexts(
        &mut self,
        statement: &Statement,
        relevant: &Relevant<'a>,
        resource: &str,
        who: Option<&Principal>,
    ) -> Option<Witness> {
        let mut chosen = Vec::new();
        if !self.context(relevant, resource, who, &Context::open(), &mut chosen) {
            return None;
        }
        let said: BTreeMap<&str, Value> = chosen.into_iter().collect();
        let mut context = Context::default();
        for key in relevant.domains.keys() {
            said.get(key).unwrap_or(&Value::Absent).put(key, &mut context);
        }
        let witness = Witness {
            principal: who.map(|who| who.name.clone()),
            action: relevant.action.clone(),
            resource: resource.to_owned(),
            context: said
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.texts()))
                .filter(|(_, texts)| !texts.is_empty())
                .collect(),
            allowed_by: statement.pointer.clone(),
        };
        if self.really(&witness, who, context) {
            return Some(witness);
        }
        self.reasons.insert("a request that was found does not decide so as a whole".to_owned());
        None
    }

    /// Chooses values of keys until nothing is unknown that matters.
    fn context(
        &mut self,
        relevant: &Relevant<'a>,
        resource: &str,
        who: Option<&Principal>,
        context: &Context,
        chosen: &mut Vec<(&'a str, Value)>,
    ) -> bool {
        self.steps_left = self.steps_left.saturating_sub(relevant.n_steps);
        if self.steps_left == 0 {
            return false;
        }
        let narrow = allowed(&relevant.narrow, resource, who, context);
        if narrow.is_false() {
            return false;
        }
        let found = narrow.and(allowed(&relevant.wide, resource, who, context).not());
        let Some(key) = found.some_key() else { return found.is_true() };
        let Some((key, domain)) = relevant.domains.get_key_value(key) else { return false };
        for value in &domain.values {
            let mut next = context.clone();
            value.put(key, &mut next);
            chosen.push((key, value.clone()));
            if self.context(relevant, resource, who, &next, chosen) {
                return true;
            }
            chosen.pop();
        }
        false
    }

    /// Whether the whole order of evaluation says so too.
    fn really(&self, witness: &Witness, who: Option<&Principal>, context: Context) -> bool {
        let principal = who.cloned().unwrap_or_else(|| stranger("111122223333"));
        let request = Request {
            principal,
            is_management_account: false,
            is_service_linked: false,
            action: witness.action.clone(),
            resources: vec![witness.resource.clone()],
            resource_account: who.map(|_| "000000000000".to_owned()),
            context,
        };
        let allows = |document: &Document| {
            let document = Arc::new(document.clone());
            let policies = if who.is_some() {
                let identity = vec![Arc::new(Document::everything())];
                Policies { identity, resource: Some(document), ..Policies::default() }
            } else {
                Policies { identity: vec![document], ..Policies::default() }
            };
            decide(&request, &policies).verdict == Verdict::Allow
        };
        allows(self.narrow) && !allows(self.wide)
    }
}

/// One of each sort that the documents tell apart; none where they name no principals.
fn principals(statement: &Statement, relevant: &Relevant<'_>) -> Vec<Option<Principal>> {
    if statement.principals.is_none() {
        return vec![None];
    }
    let mut all = Vec::new();
    let mut push = |who: Principal| {
        if !all.contains(&Some(who.clone())) {
            all.push(Some(who));
        }
    };
    for statement in relevant.narrow.iter().chain(&relevant.wide) {
        let Some(Either::In(named) | Either::NotIn(named)) = &statement.principals else {
            continue;
        };
        for one in named {
            match one {
                Named::Account(account) => {
                    push(stranger(account));
                    push(root(account));
                }
                Named::Arn(arn) => _ = Principal::of_arn(arn).map(&mut push),
                Named::Service(name) => push(Principal::service(name)),
                Named::Federated(name) => push(Principal::federated(name)),
                Named::Everyone | Named::Canonical | Named::Gone => {}
            }
        }
    }
    push(stranger("999988887777"));
    push(Principal::service("witness.amazonaws.com"));
    push(Principal::ANONYMOUS);
    all
}

fn stranger(account: &str) -> Principal {
    of_account(account, "role/witness")
}

fn root(account: &str) -> Principal {
    of_account(account, "root")
}

fn of_account(account: &str, path: &str) -> Principal {
    let arn = format!("arn:aws:iam::{account}:{path}");
    Principal::of_arn(&arn).unwrap_or(Principal::ANONYMOUS)
}

fn allowed(
    statements: &[&Statement],
    resource: &str,
    who: Option<&Principal>,
    context: &Context,
) -> Formula {
    let name = Name::new(resource);
    let holding = |allows: bool| {
        let holds = statements.iter().filter(|it| it.allows == allows).map(|statement| {
            let is_named = match (&statement.principals, who) {
                (Some(Either::In(named)), Some(who)) => {
                    named.iter().any(|it| it.level(who).is_some())
                }
                (Some(Either::NotIn(named)), Some(who)) => {
                    !named.iter().any(|it| it.level(who).is_some())
                }
                _ => true,
            };
            let of_resource =
                |all: &[Resource]| Formula::any(all.iter().map(|it| it.matches(&name, context)));
            let resource = match &statement.resources {
                None => Formula::TRUE,
                Some(Either::In(all)) => of_resource(all),
                Some(Either::NotIn(all)) => of_resource(all).not(),
            };
            let conditions = statement.conditions.iter().map(|it| it.holds(context));
            Formula::all([is_named.into(), resource].into_iter().chain(conditions))
        });
        Formula::any(holds)
    };
    holding(false).not().and(holding(true))
}

/// Of a statement besides its actions.
fn n_patterns(statement: &Statement) -> usize {
    let n_resources = match &statement.resources {
        Some(Either::In(all) | Either::NotIn(all)) => all.len(),
        None => 0,
    };
    let n_principals = match &statement.principals {
        Some(Either::In(all) | Either::NotIn(all)) => all.len(),
        None => 0,
    };
    let values = statement.conditions.iter().map(|it| it.written().len());
    1 + n_resources + n_principals + values.sum::<usize>()
}

/// A statement without its place in the document.
fn wording(statement: &Statement) -> String {
    format!("{:?}", Statement { pointer: String::new(), ..statement.clone() })
}

fn known(service: &str) -> Vec<String> {
    let catalogue = Catalogue::get();
    let ids = catalogue.service(service).into_iter().flat_map(Service::actions);
    let names = ids.filter_map(|id| catalogue.action(id)).map(|action| action.full_name());
    names.filter_map(|name| Some(name.split_once(':')?.1.to_owned())).collect()
}

/// The parts of a pattern of an action before and behind the colon; `*` means both.
fn halves(glob: &Glob) -> (Glob, Glob) {
    let (service, name) = glob.written().split_once(':').unwrap_or(("*", "*"));
    (Glob::new(service, Case::Ignored), Glob::new(name, Case::Ignored))
}

fn is(matched: &[bool], n: usize) -> bool {
    matched.get(n) == Some(&true)
}

/// Resources within a pattern that the statements tell apart.
fn resources(
    base: &Resource,
    relevant: &Relevant<'_>,
    steps_left: &mut usize,
) -> (Vec<String>, bool) {
    let mut others: Vec<&Resource> = Vec::new();
    for statement in relevant.narrow.iter().chain(&relevant.wide) {
        if let Some(Either::In(all) | Either::NotIn(all)) = &statement.resources {
            others.extend(all);
        }
    }
    let service = relevant.action.split(':').next().unwrap_or_default();
    let parts = |resource: &Resource| -> Option<[Glob; 6]> {
        let any = || Glob::new("*", Case::Ignored);
        let arn = Glob::new("arn", Case::Matters);
        match resource {
            Resource::Any => Some([arn, any(), any(), any(), any(), any()]),
            Resource::Never => None,
            Resource::Arn(pattern) => {
                let [partition, service, region, account] = pattern.head.clone();
                let tail = pattern.tail.filled(STAND_IN);
                Some([arn, partition, service, region, account, tail])
            }
        }
    };
    let Some(of_base) = parts(base) else { return (Vec::new(), true) };
    let of_others: Vec<Option<[Glob; 6]>> = others.iter().map(|it| parts(it)).collect();
    let preferred = ["arn", "aws", service, "eu-west-1", "111122223333", "x"];
    // Some ARNs leave out region and account.
    let is_filled = [true, true, true, false, false, true];
    let (mut texts, is_all) = arns(&of_base, &of_others, preferred, is_filled, steps_left);
    if matches!(base, Resource::Any) {
        texts.push("*".to_owned());
    }
    (texts, is_all)
}
