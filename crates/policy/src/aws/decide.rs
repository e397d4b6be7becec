//! The order of evaluation: explicit denials, then every layer that has to allow, then the grant.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::arn::{self, Name, Resource};
use super::context::Context;
use super::document::{Document, Either, Statement};
use super::formula::{Condition, Formula};
use super::principal::{Level, Principal, Sort};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub principal: Principal,
    /// Organisations do not limit their management account.
    pub is_management_account: bool,
    /// Organisations do not limit service-linked roles.
    pub is_service_linked: bool,
    /// `service:Name`.
    pub action: String,
    /// ARNs, or `*` for an action that has no resource. All of them have to be allowed.
    pub resources: Vec<String>,
    /// Where the resources' ARNs do not say it.
    pub resource_account: Option<String>,
    pub context: Context,
}

/// The policies that apply, by layer. A layer without policies is not there.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    pub identity: Vec<Arc<Document>>,
    pub boundaries: Vec<Arc<Document>>,
    pub session: Vec<Arc<Document>>,
    pub resource: Option<Arc<Document>>,
    /// From the organisation's root to the account; each level has to allow.
    pub service_control: Vec<Vec<Arc<Document>>>,
    pub resource_control: Vec<Vec<Arc<Document>>>,
    pub endpoint: Vec<Arc<Document>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Whatever the keys are that are not known.
    Allow,
    /// Whatever the keys are that are not known.
    Deny,
    /// It depends on them.
    Conditional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Allowed,
    ExplicitDeny,
    ImplicitDeny,
    Conditional,
}

/// The layer that denies, or that does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockedBy {
    Scp,
    Rcp,
    Endpoint,
    Identity,
    Resource,
    Boundary,
    Session,
}

/// A statement that led to the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Deciding {
    /// As cases name it: `identity_policies/0`, `service_control_policies/1/0`, `resource_policy`.
    pub policy: String,
    /// From 0.
    pub statement: usize,
    /// Of the statement in its document (RFC 6901).
    pub pointer: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    pub reason: Reason,
    pub blocked_by: Option<BlockedBy>,
    pub deciding: Vec<Deciding>,
    /// Of a conditional verdict: when it is allowed, as an or of ands.
    pub residual: Vec<Vec<Condition>>,
    /// More alternatives were left out.
    pub is_residual_cut: bool,
}

/// Where a document stands among the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) layer: BlockedBy,
    /// Of an organisation's policies, from its root down; 0 elsewhere.
    pub(super) tier: usize,
    number: usize,
}

/// What one statement says of a request, where it is not nothing.
pub(super) struct Said<'a> {
    pub(super) seat: Seat,
    number: usize,
    pub(super) statement: &'a Statement,
    pub(super) holds: Formula,
    level: Level,
}

/// What is or is not so, or may be.
pub(super) trait Truth: Clone {
    const TRUE: Self;
    fn both(self, other: Self) -> Self;
    fn either(self, other: Self) -> Self;
    fn is_never(&self) -> bool;
}

impl Truth for Formula {
    const TRUE: Self = Self::TRUE;

    fn both(self, other: Self) -> Self {
        self.and(other)
    }

    fn either(self, other: Self) -> Self {
        self.or(other)
    }

    fn is_never(&self) -> bool {
        self.is_false()
    }
}

impl Truth for bool {
    const TRUE: Self = true;

    fn both(self, other: Self) -> Self {
        self && other
    }

    fn either(self, other: Self) -> Self {
        self || other
    }

    fn is_never(&self) -> bool {
        !*self
    }
}

/// Whether some statement of a layer allows; of the resource's policy, by how it names who asks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Allowing<T> {
    pub(super) identity: T,
    pub(super) boundary: T,
    pub(super) session: T,
    pub(super) account: T,
    pub(super) behind: T,
    pub(super) itself: T,
}

impl Seat {
    /// As [`Deciding`] names it.
    pub(super) fn name(self) -> String {
        let Self { layer, tier, number } = self;
        match layer {
            BlockedBy::Scp => format!("service_control_policies/{tier}/{number}"),
            BlockedBy::Rcp => format!("resource_control_policies/{tier}/{number}"),
            BlockedBy::Endpoint => format!("endpoint_policies/{number}"),
            BlockedBy::Identity => format!("identity_policies/{number}"),
            BlockedBy::Boundary => format!("permission_boundaries/{number}"),
            BlockedBy::Session => format!("session_policies/{number}"),
            BlockedBy::Resource => "resource_policy".to_owned(),
        }
    }
}

fn levels(
    layer: BlockedBy,
    levels: &[Vec<Arc<Document>>],
) -> impl Iterator<Item = (Seat, &Arc<Document>)> {
    levels.iter().enumerate().flat_map(move |(tier, all)| of_tier(layer, tier, all))
}

fn of_tier(
    layer: BlockedBy,
    tier: usize,
    all: &[Arc<Document>],
) -> impl Iterator<Item = (Seat, &Arc<Document>)> {
    let seat = move |number| Seat { layer, tier, number };
    all.iter().enumerate().map(move |(n, document)| (seat(n), document))
}

impl Policies {
    /// Every document, in the order in which they are told.
    pub(super) fn documents(&self) -> impl Iterator<Item = (Seat, &Arc<Document>)> {
        levels(BlockedBy::Scp, &self.service_control)
            .chain(levels(BlockedBy::Rcp, &self.resource_control))
            .chain(of_tier(BlockedBy::Endpoint, 0, &self.endpoint))
            .chain(of_tier(BlockedBy::Identity, 0, &self.identity))
            .chain(of_tier(BlockedBy::Boundary, 0, &self.boundaries))
            .chain(of_tier(BlockedBy::Session, 0, &self.session))
            .chain(of_tier(BlockedBy::Resource, 0, self.resource.as_slice()))
    }
}

/// Services whose resources resource control policies limit; a list of AWS's, as of September 2026.
const RESOURCE_CONTROLLED: &[&str] = &[
    "aoss",
    "appconfig",
    "appstream",
    "autoscaling",
    "autoscaling-plans",
    "budgets",
    "clouddirectory",
    "cloudfront",
    "cloudsearch",
    "cloudtrail-data",
    "codeartifact",
    "codebuild",
    "codecommit",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "comprehend",
    "comprehendmedical",
    "compute-optimizer",
    "cost-optimization-hub",
    "dax",
    "dsql",
    "dynamodb",
    "ecr",
    "ecr-public",
    "events",
    "firehose",
    "fis",
    "fms",
    "gamelift",
    "health",
    "inspector-scan",
    "kendra",
    "kinesisvideo",
    "kms",
    "logs",
    "memorydb",
    "networkmonitor",
    "notifications",
    "opensearch",
    "pca-connector-ad",
    "personalize",
    "polly",
    "pricing",
    "resource-groups",
    "rolesanywhere",
    "s3",
    "secretsmanager",
    "servicediscovery",
    "signin",
    "sqs",
    "sts",
    "support",
    "swf",
    "textract",
    "timestream-influxdb",
    "transcribe",
    "transfer",
    "translate",
    "wafv2",
    "workspaces",
    "xray",
];

/// Decides a request on all its resources.
pub fn decide(request: &Request, policies: &Policies) -> Decision {
    let resources = request.resources.iter();
    let mut decisions: Vec<(Formula, Decision)> =
        resources.map(|resource| decide_one(request, resource, policies)).collect();
    // Denied on one is denied; then it depends on all that are conditional.
    if let Some(at) = decisions.iter().position(|(_, one)| one.verdict == Verdict::Deny) {
        return decisions.swap_remove(at).1;
    }
    let all = Formula::all(decisions.iter().map(|(formula, _)| formula.clone())).settled();
    let mut seen = HashSet::new();
    let mut deciding: Vec<Deciding> =
        decisions.into_iter().flat_map(|(_, decision)| decision.deciding).collect();
    deciding.retain(|one| seen.insert(one.clone()));
    conclude(&all, deciding, None)
}

fn conclude(allowed: &Formula, deciding: Vec<Deciding>, blocked_by: Option<BlockedBy>) -> Decision {
    let (verdict, reason) = match allowed {
        Formula::Is(true) => (Verdict::Allow, Reason::Allowed),
        Formula::Is(false) => (Verdict::Deny, Reason::ImplicitDeny),
        _ => (Verdict::Conditional, Reason::Conditional),
    };
    let mut decision = Decision {
        verdict,
        reason,
        blocked_by,
        deciding,
        residual: Vec::new(),
        is_residual_cut: false,
    };
    if verdict == Verdict::Conditional {
        let residual = allowed.residual();
        (decision.residual, decision.is_residual_cut) = (residual.cubes, residual.is_cut);
    }
    decision
}

/// What is known of one request on one resource.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) resource: Name<'a>,
    pub(super) context: Context,
    account: Option<String>,
}

fn decide_one(request: &Request, resource: &str, policies: &Policies) -> (Formula, Decision) {
    // Needs no permission, and no policy can take it away.
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        return (Formula::TRUE, conclude(&Formula::TRUE, Vec::new(), None));
    }
    let asked = Asked::new(request, resource);
    let said = asked.all(policies);
    let denied = |one: &&Said<'_>| !one.statement.allows;
    let certain: Vec<&Said<'_>> =
        said.iter().filter(denied).filter(|one| one.holds.is_true()).collect();
    if let Some(first) = certain.first() {
        let deciding = certain.iter().map(|one| one.deciding()).collect();
        let decision = Decision {
            reason: Reason::ExplicitDeny,
            ..conclude(&Formula::FALSE, deciding, Some(first.seat.layer))
        };
        return (Formula::FALSE, decision);
    }
    let not_denied = Formula::all(said.iter().filter(denied).map(|one| one.holds.clone().not()));
    let gates = asked.gates(policies, &said);
    let (grant, lacking) = asked.grant(policies, Asked::allowing(&said));
    let blocked = gates.iter().find(|(_, gate)| gate.is_false()).map(|(layer, _)| *layer);
    let gate = Formula::all(gates.into_iter().map(|(_, gate)| gate));
    let allowed = Formula::all([not_denied, gate, grant]).settled();
    // What may or does hold in favour, and what may hold against.
    let deciding = match allowed {
        Formula::Is(false) => Vec::new(),
        Formula::Is(true) => {
            let holds = |one: &&Said<'_>| one.statement.allows && one.holds.is_true();
            let all: Vec<_> = said.iter().filter(holds).map(Said::deciding).collect();
            if all.is_empty() { said.iter().map(Said::deciding).collect() } else { all }
        }
        _ => said.iter().map(Said::deciding).collect(),
    };
    let blocked_by = allowed.is_false().then(|| blocked.unwrap_or(lacking));
    let decision = conclude(&allowed, deciding, blocked_by);
    (allowed, decision)
}

impl Said<'_> {
    pub(super) fn deciding(&self) -> Deciding {
        Deciding {
            policy: self.seat.name(),
            statement: self.number,
            pointer: self.statement.pointer.clone(),
        }
    }
}

impl<'a> Asked<'a> {
    pub(super) fn new(request: &'a Request, resource: &'a str) -> Self {
        let who = &request.principal;
        let of_arn = arn::account(resource).map(str::to_owned);
        let account = request.resource_account.clone().or(of_arn).or_else(|| who.account.clone());
        let mut context = request.context.clone();
        context.derive("aws:PrincipalArn", who.arn());
        context.derive("aws:PrincipalAccount", who.account.clone());
        context.derive("aws:PrincipalType", who.type_name().map(str::to_owned));
        context.derive("aws:username", who.user_name());
        context.derive("aws:ResourceAccount", account.clone());
        Self { request, resource: Name::new(resource), context, account }
    }

    /// Whether the resource's own policy has to name the principal or its account, even within one
    /// account: roles (to be taken) and keys.
    fn needs_own_policy(&self) -> bool {
        let Some([_, _, service, _, _, resource]) = self.resource.parts else { return false };
        match service {
            "kms" => resource.starts_with("key/") || resource.starts_with("alias/"),
            "iam" => resource.starts_with("role/") && self.is_of_service("sts"),
            _ => false,
        }
    }

    fn is_of_service(&self, service: &str) -> bool {
        self.request.action.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case(service))
    }

    pub(super) fn is_same_account(&self) -> bool {
        self.request.principal.account == self.account
    }

    pub(super) fn is_limited_by_organisation(&self) -> bool {
        let request = self.request;
        request.principal.is_of_account()
            && !request.is_management_account
            && !self.is_service_linked()
    }

    fn is_service_linked(&self) -> bool {
        self.request.is_service_linked || self.request.principal.is_service_linked()
    }

    pub(super) fn is_limited_by_resource_control(&self) -> bool {
        let is_of_management = self.request.is_management_account && self.is_same_account();
        RESOURCE_CONTROLLED.iter().any(|service| self.is_of_service(service))
            && !self.is_service_linked()
            && !is_of_management
    }

    /// Whether policies of a layer apply to who asks.
    pub(super) fn is_bound_by(&self, layer: BlockedBy) -> bool {
        match layer {
            BlockedBy::Scp => self.is_limited_by_organisation(),
            BlockedBy::Rcp => self.is_limited_by_resource_control(),
            BlockedBy::Identity | BlockedBy::Boundary | BlockedBy::Session => {
                self.request.principal.is_of_account()
            }
            BlockedBy::Endpoint | BlockedBy::Resource => true,
        }
    }

    /// Every statement of every layer that applies, as far as it may hold.
    pub(super) fn all<'p>(&self, policies: &'p Policies) -> Vec<Said<'p>> {
        let mut said = Vec::new();
        let has_boundary = !policies.boundaries.is_empty();
        for (seat, document) in policies.documents() {
            if !self.is_bound_by(seat.layer) {
                continue;
            }
            for (number, statement) in document.statements.iter().enumerate() {
                if !statement.is_about_action(&self.request.action) {
                    continue;
                }
                let Some((holds, level)) = self.holds(statement, has_boundary) else { continue };
                if !holds.is_false() {
                    said.push(Said { seat, number, statement, holds, level });
                }
            }
        }
        said
    }

    /// Whether a statement that is about the action holds; none where it is about another principal.
    pub(super) fn holds(
        &self,
        statement: &Statement,
        has_boundary: bool,
    ) -> Option<(Formula, Level)> {
        let who = &self.request.principal;
        let level = match &statement.principals {
            None => Level::Itself,
            Some(Either::In(named)) => named.iter().filter_map(|one| one.level(who)).max()?,
            Some(Either::NotIn(named)) => {
                let is_named = named.iter().any(|one| one.level(who).is_some());
                // AWS's own warning: such a denial always meets principals with a boundary.
                let always = !statement.allows && who.is_of_account() && has_boundary;
                if is_named && !always {
                    return None;
                }
                Level::Itself
            }
        };
        let resource = self.is_about_resource(statement);
        if resource.is_false() {
            return Some((resource, level));
        }
        let conditions = statement.conditions.iter().map(|one| one.holds(&self.context));
        Some((Formula::all(std::iter::once(resource).chain(conditions)), level))
    }

    pub(super) fn is_about_resource(&self, statement: &Statement) -> Formula {
        let any = |all: &[Resource]| {
            Formula::any(all.iter().map(|one| one.matches(&self.resource, &self.context)))
        };
        match &statement.resources {
            None => Formula::TRUE,
            Some(Either::In(all)) => any(all),
            Some(Either::NotIn(all)) => any(all).not(),
        }
    }

    /// The layers that have to allow whatever grants.
    pub(super) fn gates(
        &self,
        policies: &Policies,
        said: &[Said<'_>],
    ) -> Vec<(BlockedBy, Formula)> {
        let mut gates = Vec::new();
        if self.is_limited_by_organisation() {
            for tier in 0..policies.service_control.len() {
                let is_of_it =
                    |one: &Said<'_>| one.seat.layer == BlockedBy::Scp && one.seat.tier == tier;
                gates.push((BlockedBy::Scp, allowed_by(said, is_of_it)));
            }
        }
        if self.is_limited_by_resource_control() {
            for tier in 0..policies.resource_control.len() {
                let is_of_it =
                    |one: &Said<'_>| one.seat.layer == BlockedBy::Rcp && one.seat.tier == tier;
                gates.push((BlockedBy::Rcp, allowed_by(said, is_of_it)));
            }
        }
        if !policies.endpoint.is_empty() {
            let allowed = allowed_by(said, |one| one.seat.layer == BlockedBy::Endpoint);
            gates.push((BlockedBy::Endpoint, allowed));
        }
        gates
    }

    /// What the statements that allow say, by layer.
    pub(super) fn allowing(said: &[Said<'_>]) -> Allowing<Formula> {
        let layer = |layer| allowed_by(said, |one| one.seat.layer == layer);
        let of_resource = |level| {
            allowed_by(said, |one| one.seat.layer == BlockedBy::Resource && one.level == level)
        };
        Allowing {
            identity: layer(BlockedBy::Identity),
            boundary: layer(BlockedBy::Boundary),
            session: layer(BlockedBy::Session),
            account: of_resource(Level::Account),
            behind: of_resource(Level::Behind),
            itself: of_resource(Level::Itself),
        }
    }

    /// Whether the principal's or the resource's policies grant it, and the layer that lacks where
    /// they do not.
    pub(super) fn grant<T: Truth>(&self, policies: &Policies, by: Allowing<T>) -> (T, BlockedBy) {
        let Allowing { identity, boundary, session, account, behind, itself } = by;
        let who = &self.request.principal;
        let named = account.either(behind.clone()).either(itself.clone());
        if !who.is_of_account() {
            return (named, BlockedBy::Resource);
        }
        let boundary = if policies.boundaries.is_empty() { T::TRUE } else { boundary };
        let session = if policies.session.is_empty() { T::TRUE } else { session };
        let identity = match who.sort {
            // Its account's own user: nothing limits it but its organisation.
            Sort::Root => T::TRUE,
            _ => identity,
        };
        let lacking = |has_grant: bool| {
            if has_grant && identity.is_never() {
                BlockedBy::Identity
            } else if boundary.is_never() {
                BlockedBy::Boundary
            } else if session.is_never() {
                BlockedBy::Session
            } else {
                BlockedBy::Identity
            }
        };
        let limits = boundary.clone().both(session.clone());
        let own = identity.clone().both(limits.clone());
        if !self.is_same_account() {
            let lacking = if own.is_never() { lacking(true) } else { BlockedBy::Resource };
            return (own.both(named), lacking);
        }
        let granted = itself.either(behind.clone().both(limits));
        if self.needs_own_policy() {
            let lacking = if named.is_never() {
                BlockedBy::Resource
            } else if behind.is_never() {
                lacking(true)
            } else if boundary.is_never() {
                BlockedBy::Boundary
            } else {
                BlockedBy::Session
            };
            return (granted.either(named.both(own)), lacking);
        }
        let lacking = lacking(behind.is_never());
        (granted.either(own), lacking)
    }
}

fn allowed_by(said: &[Said<'_>], wanted: impl Fn(&Said<'_>) -> bool) -> Formula {
    let allowing = said.iter().filter(|one| one.statement.allows && wanted(one));
    Formula::any(allowing.map(|one| one.holds.clone()))
}
