//! Why a verdict is what it is: the layers it passed, the statements that decided, how near the
//! others came, and the smallest change that would turn it round.

use std::collections::HashSet;

use serde::Serialize;

use crate::json::{Json, below};

use super::accounts::Applied;
use super::context::Held;
use super::decide::{Asked, BlockedBy, Deciding, Decision, Request, Said, Seat, Verdict, decide};
use super::document::{Document, Either, Statement};

/// What one layer of policies says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// No policy of this layer is there, or it does not bind who asks.
    Absent,
    Allows,
    /// It depends on what is not known.
    MayAllow,
    /// It is there and no statement of it allows the request.
    Silent,
    Denies,
    MayDeny,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub layer: BlockedBy,
    /// Of an organisation's policies, from its root down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<usize>,
    pub says: Says,
    pub statements: Vec<Cited>,
}

/// A statement, by the names that people and APIs know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cited {
    /// ARN, or that of the holder and the policy's name.
    pub policy: String,
    pub name: String,
    /// From 0.
    pub statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Into the policy's document (RFC 6901).
    pub pointer: String,
    pub effect: &'static str,
}

/// A statement that would allow the request but for what it asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Near {
    #[serde(flatten)]
    pub cited: Cited,
    pub layer: BlockedBy,
    pub failed: Vec<Failed>,
}

/// An element of a statement that the request does not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// `Resource`, `Principal`, or `StringEquals aws:PrincipalTag/team`.
    pub element: String,
    /// Into the policy's document.
    pub pointer: String,
    pub required: Vec<String>,
    /// None: the request has no such key.
    pub actual: Option<Vec<String>>,
}

/// One way to turn a verdict round, as edits that are all needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub edits: Vec<Edit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "edit", rename_all = "kebab-case")]
pub enum Edit {
    /// A key of the request has this value.
    SetContext { key: String, values: Vec<String> },
    /// A statement no longer meets the request: it goes, or excepts it.
    Except { statement: Cited },
    /// A layer says more: in one of its policies, or in a new one.
    Add {
        layer: BlockedBy,
        level: Option<usize>,
        effect: &'static str,
        action: String,
        resource: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub layers: Vec<Layer>,
    pub deciding: Vec<Cited>,
    /// Of a denial: what came nearest in the layers that lack a statement.
    pub nearest: Vec<Near>,
    /// The smallest change first; empty where only a document nobody read could turn it round.
    pub changes: Vec<Change>,
    pub assumed: Vec<String>,
}

/// Of statements that come near, so many are told.
pub const MAX_NEAREST: usize = 5;

/// Explains the decision of a request on its first resource.
pub fn explain(request: &Request, applied: &Applied, decision: &Decision) -> Explanation {
    let resource = request.resources.first().map_or("*", String::as_str);
    let asked = Asked::new(request, resource);
    let said = asked.all(&applied.policies);
    let layers = layers(&asked, applied, &said);
    let denials: HashSet<Deciding> =
        said.iter().filter(|it| !it.statement.allows).map(Said::deciding).collect();
    let cite = |one: &Deciding| {
        applied.cited(&one.policy, one.statement, &one.pointer, !denials.contains(one))
    };
    let deciding = decision.deciding.iter().map(cite).collect();
    let (nearest, changes) = match decision.verdict {
        Verdict::Deny => {
            let nearest = nearest(&asked, applied, &layers);
            let changes = to_allow(&asked, applied, &said, &layers, &nearest);
            (nearest, changes)
        }
        Verdict::Allow => (Vec::new(), vec![to_deny(&asked, applied, &said)]),
        Verdict::Conditional => (Vec::new(), Vec::new()),
    };
    Explanation { layers, deciding, nearest, changes, assumed: applied.assumed.clone() }
}

impl Applied {
    fn cite(&self, said: &Said<'_>) -> Cited {
        let Deciding { policy, statement, pointer } = said.deciding();
        self.cited(&policy, statement, &pointer, said.statement.allows)
    }

    pub(super) fn cited(
        &self,
        policy: &str,
        statement: usize,
        pointer: &str,
        allows: bool,
    ) -> Cited {
        let known = self.named.get(policy);
        let sid = known.and_then(|policy| policy.at(&below(pointer, "Sid"))).and_then(Json::text);
        Cited {
            policy: known.map_or(policy, |policy| &policy.native_id).to_owned(),
            name: known.map_or(policy, |policy| &policy.name).to_owned(),
            statement,
            sid: sid.map(str::to_owned),
            pointer: pointer.to_owned(),
            effect: if allows { "Allow" } else { "Deny" },
        }
    }

    /// The documents of a layer with their names.
    fn of_layer(&self, layer: &Layer) -> impl Iterator<Item = (String, &Document)> {
        let Layer { layer, level, .. } = *layer;
        let is_of_it =
            move |seat: &Seat| seat.layer == layer && level.is_none_or(|level| seat.tier == level);
        let all = self.policies.documents().filter(move |(seat, _)| is_of_it(seat));
        all.map(|(seat, document)| (seat.name(), &**document))
    }
}

fn layers(asked: &Asked<'_>, applied: &Applied, said: &[Said<'_>]) -> Vec<Layer> {
    let policies = &applied.policies;
    let one = |layer: BlockedBy, level: Option<usize>, is_there: bool| {
        let of_it = || {
            said.iter()
                .filter(|it| it.seat.layer == layer && level.is_none_or(|n| it.seat.tier == n))
        };
        let certain =
            |allows| of_it().any(|it| it.statement.allows == allows && it.holds.is_true());
        let possible = |allows| of_it().any(|it| it.statement.allows == allows);
        let says = match () {
            () if certain(false) => Says::Denies,
            () if possible(false) => Says::MayDeny,
            () if certain(true) => Says::Allows,
            () if possible(true) => Says::MayAllow,
            () if is_there => Says::Silent,
            () => Says::Absent,
        };
        let statements = of_it().map(|it| applied.cite(it)).collect();
        Layer { layer, level, says, statements }
    };
    let mut layers = Vec::new();
    let limited = asked.is_limited_by_organisation();
    for tier in 0..policies.service_control.len() {
        layers.push(one(BlockedBy::Scp, Some(tier), limited));
    }
    for tier in 0..policies.resource_control.len() {
        layers.push(one(BlockedBy::Rcp, Some(tier), asked.is_limited_by_resource_control()));
    }
    layers.push(one(BlockedBy::Endpoint, None, !policies.endpoint.is_empty()));
    let has_own = asked.request.principal.is_of_account();
    layers.push(one(BlockedBy::Identity, None, has_own));
    layers.push(one(BlockedBy::Boundary, None, has_own && !policies.boundaries.is_empty()));
    layers.push(one(BlockedBy::Session, None, has_own && !policies.session.is_empty()));
    layers.push(one(BlockedBy::Resource, None, policies.resource.is_some()));
    layers
}

/// The statements of silent layers that the request fails by the fewest elements.
fn nearest(asked: &Asked<'_>, applied: &Applied, layers: &[Layer]) -> Vec<Near> {
    let mut all = Vec::new();
    for silent in layers.iter().filter(|layer| layer.says == Says::Silent) {
        for (name, document) in applied.of_layer(silent) {
            for (number, statement) in document.statements.iter().enumerate() {
                if !statement.allows || !statement.is_about_action(&asked.request.action) {
                    continue;
                }
                let cited = applied.cited(&name, number, &statement.pointer, true);
                let failed = failed(asked, applied, &name, statement);
                if !failed.is_empty() {
                    all.push(Near { cited, layer: silent.layer, failed });
                }
            }
        }
    }
    all.sort_by_key(|near| near.failed.len());
    all.truncate(MAX_NEAREST);
    all
}

fn failed(
    asked: &Asked<'_>,
    applied: &Applied,
    policy: &str,
    statement: &Statement,
) -> Vec<Failed> {
    let known = applied.named.get(policy);
    let at = |pointer: &str| known.and_then(|policy| policy.at(pointer));
    let texts = |pointer: &str| {
        let each = at(pointer).map_or(&[][..], Json::each).iter();
        each.filter_map(Json::text).map(str::to_owned).collect()
    };
    // Names of operators and keys may be written in either case.
    let member = |pointer: &str, name: &str| {
        let members = at(pointer).map_or(&[][..], Json::members).iter();
        let mut written = members.map(|(written, _)| written.as_str());
        let written = written.find(|written| written.eq_ignore_ascii_case(name));
        below(pointer, written.unwrap_or(name))
    };
    let mut all = Vec::new();
    let mut element = |name: &str, is_complement: bool, actual: &str| {
        let element = format!("{}{name}", if is_complement { "Not" } else { "" });
        let pointer = below(&statement.pointer, &element);
        let actual = Some(vec![actual.to_owned()]);
        all.push(Failed { required: texts(&pointer), element, pointer, actual });
    };
    if let Some(principals) = &statement.principals {
        let is_complement = matches!(principals, Either::NotIn(_));
        let (Either::In(named) | Either::NotIn(named)) = principals;
        let is_named = named.iter().any(|one| one.level(&asked.request.principal).is_some());
        if is_named == is_complement {
            element("Principal", is_complement, &asked.request.principal.name);
        }
    }
    if asked.is_about_resource(statement).is_false() {
        let is_complement = matches!(statement.resources, Some(Either::NotIn(_)));
        element("Resource", is_complement, asked.resource.whole);
    }
    for condition in &statement.conditions {
        if !condition.holds(&asked.context).is_false() {
            continue;
        }
        let (operator, key) = condition.told();
        let pointer = member(&below(&statement.pointer, "Condition"), &operator);
        let pointer = member(&pointer, key);
        let actual = match asked.context.get(key) {
            Held::Unknown | Held::Absent => None,
            Held::One(value) => Some(vec![value.to_owned()]),
            Held::Many(values) => Some(values.to_vec()),
        };
        let required = condition.written().to_vec();
        all.push(Failed { element: format!("{operator} {key}"), pointer, required, actual });
    }
    all
}

/// What would allow a request that is denied, the fewest edits first.
fn to_allow(
    asked: &Asked<'_>,
    applied: &Applied,
    said: &[Said<'_>],
    layers: &[Layer],
    nearest: &[Near],
) -> Vec<Change> {
    let mut edits: Vec<Edit> = said
        .iter()
        .filter(|it| !it.statement.allows && it.holds.is_true())
        .map(|it| Edit::Except { statement: applied.cite(it) })
        .collect();
    let gates = asked.gates(&applied.policies, said);
    let mut tier = 0;
    let mut last = None;
    for (layer, gate) in gates {
        tier = if last == Some(layer) { tier + 1 } else { 0 };
        last = Some(layer);
        if gate.is_false() {
            let level = matches!(layer, BlockedBy::Scp | BlockedBy::Rcp).then_some(tier);
            edits.push(asked.add(layer, level, "Allow"));
        }
    }
    let (grant, lacking) = asked.grant(&applied.policies, Asked::allowing(said));
    if grant.is_false() {
        let silent = |layer| {
            layers
                .iter()
                .any(|it| it.layer == layer && matches!(it.says, Says::Silent | Says::Denies))
        };
        edits.push(asked.add(lacking, None, "Allow"));
        // Who is named by its account or role only is bound by more than one layer.
        let own = [BlockedBy::Identity, BlockedBy::Boundary, BlockedBy::Session];
        for layer in own.into_iter().filter(|layer| *layer != lacking && silent(*layer)) {
            let has_none = !said.iter().any(|it| it.seat.layer == layer && it.statement.allows);
            if has_none {
                edits.push(asked.add(layer, None, "Allow"));
            }
        }
        if !asked.is_same_account() && lacking != BlockedBy::Resource {
            let has_none =
                !said.iter().any(|it| it.seat.layer == BlockedBy::Resource && it.statement.allows);
            if has_none {
                edits.push(asked.add(BlockedBy::Resource, None, "Allow"));
            }
        }
    }
    let mut changes = Vec::new();
    for near in nearest {
        changes.extend(asked.by_context(applied, near));
    }
    if !edits.is_empty() {
        changes.push(Change { edits });
    }
    changes.sort_by_key(|change| change.edits.len());
    changes.dedup();
    changes
}

/// A denial beats whatever allows.
fn to_deny(asked: &Asked<'_>, applied: &Applied, said: &[Said<'_>]) -> Change {
    let allowing: Vec<&Said<'_>> = said.iter().filter(|it| it.statement.allows).collect();
    let layer = match allowing.as_slice() {
        [only] => {
            return Change { edits: vec![Edit::Except { statement: applied.cite(only) }] };
        }
        _ if asked.request.principal.is_of_account() => BlockedBy::Identity,
        _ => BlockedBy::Resource,
    };
    Change { edits: vec![asked.add(layer, None, "Deny")] }
}

impl Asked<'_> {
    fn add(&self, layer: BlockedBy, level: Option<usize>, effect: &'static str) -> Edit {
        let (action, resource) = (self.request.action.clone(), self.resource.whole.to_owned());
        Edit::Add { layer, level, effect, action, resource }
    }

    /// Where only conditions fail: values of their keys that do allow the request, tried.
    fn by_context(&self, applied: &Applied, near: &Near) -> Option<Change> {
        let mut request = self.request.clone();
        let mut edits = Vec::new();
        for failed in &near.failed {
            let (operator, key) = failed.element.split_once(' ')?;
            let lower = operator.to_ascii_lowercase();
            if lower.contains("not") || lower.starts_with("null") {
                return None;
            }
            let value = failed.required.first()?.clone();
            // A pattern is met by its own text, `*` and `?` being characters too.
            if lower.starts_with("for") {
                request.context.set_all(key, vec![value.clone()]);
            } else {
                request.context.set(key, value.clone());
            }
            edits.push(Edit::SetContext { key: key.to_owned(), values: vec![value] });
        }
        let allows = decide(&request, &applied.policies).verdict == Verdict::Allow;
        (allows && !edits.is_empty()).then_some(Change { edits })
    }
}
