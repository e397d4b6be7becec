//! What a principal's policies come to: for every action, on what it is allowed and what limits that.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::json::{Json, below};

use super::accounts::Applied;
use super::arn::Resource;
use super::catalogue::{ActionSet, Catalogue, Named};
use super::compiled::{Compiled, Entry};
use super::decide::{BlockedBy, Verdict};
use super::document::{Either, Statement};
use super::explain::Cited;

/// Actions for which the same statements count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// Allow: on every resource told here, whatever the request's context. Else it depends on
    /// conditions, or on which resource it is.
    pub verdict: Verdict,
    /// `service:Name`; `service:*` where it is all of a service's, with those that are to come.
    pub actions: Vec<String>,
    pub n_actions: usize,
    /// How many of the known ones are of each access level.
    pub levels: BTreeMap<&'static str, usize>,
    pub resources: Vec<String>,
    /// The other way round: on all but these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_resources: Vec<String>,
    /// `operator key: values`, of the statements that allow and of those that limit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    pub allowed_by: Vec<Cited>,
    /// Statements of boundaries, sessions and the organisation that it passes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limited_by: Vec<Cited>,
    /// Statements that deny it on some resources or under some conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_by: Vec<Cited>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// In the order of their first actions.
    pub permissions: Vec<Permission>,
    pub n_actions: usize,
    pub assumed: Vec<String>,
}

/// What the principal's own policies allow within what limits them; what policies of resources allow
/// beyond that is not in it. None where the policies are too wide to be indexed ([`Compiled::new`]).
pub fn effective(applied: &Applied) -> Option<Effective> {
    let compiled = Compiled::new(applied.policies.clone())?;
    let mut all =
        Effective { permissions: Vec::new(), n_actions: 0, assumed: applied.assumed.clone() };
    for (actions, entries) in compiled.classes() {
        if let Some(permission) = permission(applied, &compiled, &actions, entries) {
            all.n_actions += permission.n_actions;
            all.permissions.push(permission);
        }
    }
    Some(all)
}

/// Every action that some statement of the principal's own may allow, and nothing surely takes away;
/// none as [`effective`].
pub fn granted(applied: &Applied) -> Option<ActionSet> {
    let compiled = Compiled::new(applied.policies.clone())?;
    let mut all = Catalogue::get().none();
    for (actions, entries) in compiled.classes() {
        if sorted(applied, &compiled, entries).is_some() {
            all.insert_all(&actions);
        }
    }
    Some(all)
}

#[derive(Default)]
struct Sorted<'a> {
    allowing: Vec<(Entry, &'a Statement)>,
    limiting: Vec<(Entry, &'a Statement)>,
    denying: Vec<(Entry, &'a Statement)>,
}

/// None where no resource and no context is left on which it could be allowed.
fn sorted<'a>(applied: &Applied, compiled: &'a Compiled, entries: &[Entry]) -> Option<Sorted<'a>> {
    let policies = &applied.policies;
    let mut all = Sorted::default();
    let mut tiers = vec![false; policies.service_control.len()];
    let [mut is_in_boundary, mut is_in_session] = [false; 2];
    for entry in entries {
        let Some(statement) = compiled.statement(*entry) else { continue };
        let one = (*entry, statement);
        match entry.seat.layer {
            BlockedBy::Resource | BlockedBy::Rcp | BlockedBy::Endpoint => {}
            _ if !statement.allows => {
                if is_everywhere(statement) {
                    return None;
                }
                all.denying.push(one);
            }
            BlockedBy::Identity => all.allowing.push(one),
            BlockedBy::Boundary => {
                is_in_boundary = true;
                all.limiting.push(one);
            }
            BlockedBy::Session => {
                is_in_session = true;
                all.limiting.push(one);
            }
            BlockedBy::Scp => {
                if let Some(tier) = tiers.get_mut(entry.seat.tier) {
                    *tier = true;
                }
                all.limiting.push(one);
            }
        }
    }
    let is_possible = !all.allowing.is_empty()
        && (is_in_boundary || policies.boundaries.is_empty())
        && (is_in_session || policies.session.is_empty())
        && tiers.iter().all(|tier| *tier);
    is_possible.then_some(all)
}

/// On every resource, under no condition.
fn is_everywhere(statement: &Statement) -> bool {
    let is_any = match &statement.resources {
        Some(Either::In(all)) => all.iter().any(|one| matches!(one, Resource::Any)),
        Some(Either::NotIn(_)) => false,
        None => true,
    };
    is_any && statement.conditions.is_empty()
}

fn permission(
    applied: &Applied,
    compiled: &Compiled,
    actions: &ActionSet,
    entries: &[Entry],
) -> Option<Permission> {
    let Sorted { allowing, limiting, denying } = sorted(applied, compiled, entries)?;
    let mut told = Told::default();
    for (entry, statement) in &allowing {
        told.resources(applied, *entry, statement);
    }
    for (entry, statement) in allowing.iter().chain(&limiting) {
        told.conditions(applied, *entry, statement);
    }
    // Each layer allows it somewhere; surely so where what limits does so everywhere.
    let of_layer = |one: &(Entry, &Statement)| (one.0.seat.layer, one.0.seat.tier);
    let is_unlimited = limiting.iter().all(|one| {
        limiting.iter().any(|other| of_layer(other) == of_layer(one) && is_everywhere(other.1))
    });
    let is_free = allowing.iter().all(|(_, statement)| {
        statement.conditions.is_empty() && !matches!(statement.resources, Some(Either::NotIn(_)))
    });
    let is_sure = denying.is_empty() && is_unlimited && is_free;
    let cited = |all: &[(Entry, &Statement)]| {
        let cite = |(entry, statement): &(Entry, &Statement)| {
            let name = entry.seat.name();
            applied.cited(&name, entry.statement, &statement.pointer, statement.allows)
        };
        all.iter().map(cite).collect()
    };
    let (names, levels) = names(actions);
    Some(Permission {
        verdict: if is_sure { Verdict::Allow } else { Verdict::Conditional },
        n_actions: levels.values().sum(),
        actions: names,
        levels,
        resources: sorted_texts(told.resources),
        not_resources: sorted_texts(told.not_resources),
        conditions: sorted_texts(told.conditions),
        allowed_by: cited(&allowing),
        limited_by: cited(&limiting),
        denied_by: cited(&denying),
    })
}

fn sorted_texts(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

#[derive(Default)]
struct Told {
    resources: Vec<String>,
    not_resources: Vec<String>,
    conditions: Vec<String>,
}

impl Told {
    fn resources(&mut self, applied: &Applied, entry: Entry, statement: &Statement) {
        let Some(policy) = applied.named.get(&entry.seat.name()) else { return };
        for (element, into) in
            [("Resource", &mut self.resources), ("NotResource", &mut self.not_resources)]
        {
            let found = policy.at(&below(&statement.pointer, element));
            let texts = found.map_or(&[][..], Json::each).iter().filter_map(Json::text);
            into.extend(texts.map(str::to_owned));
        }
    }

    fn conditions(&mut self, applied: &Applied, entry: Entry, statement: &Statement) {
        if statement.pointer.is_empty() {
            let name = entry.seat.name();
            let policy = applied.named.get(&name).map_or(&name, |policy| &policy.native_id);
            self.conditions.push(format!("what `{policy}` says, which was not read"));
            return;
        }
        for condition in &statement.conditions {
            let (operator, key) = condition.told();
            self.conditions.push(format!("{operator} {key}: {}", condition.written().join(", ")));
        }
    }
}

/// Names of the actions of a set, and how many of the known ones are of each access level.
pub fn names(actions: &ActionSet) -> (Vec<String>, BTreeMap<&'static str, usize>) {
    let catalogue = Catalogue::get();
    let mut levels: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut names = Vec::new();
    for service in catalogue.services() {
        let held: Vec<_> = service.actions().filter(|id| actions.contains(*id)).collect();
        let is_whole =
            held.len() == service.actions().count() && actions.contains(service.unknown());
        for id in &held {
            let Some(Named::Action(action)) = catalogue.named(*id) else { continue };
            *levels.entry(action.level.name()).or_default() += 1;
            if !is_whole {
                names.push(action.full_name());
            }
        }
        if is_whole {
            names.push(format!("{}:*", service.prefix));
        }
    }
    if *actions == catalogue.all() {
        names = vec!["*".to_owned()];
    }
    (names, levels)
}
