//! The order of evaluation: explicit denials, then every layer that has to allow, then the grant.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::sync::Arc;

use serde::Serialize;

use super::arn::{self, Resource};
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// What one statement says of a request, where it is not nothing.
pub(super) struct Said<'a> {
    pub(super) layer: BlockedBy,
    /// Of an organisation's policies, from its root down; 0 elsewhere.
    pub(super) tier: usize,
    policy: String,
    number: usize,
    pub(super) statement: &'a Statement,
    pub(super) holds: Formula,
    level: Level,
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
    let mut deciding: Vec<Deciding> = Vec::new();
    for one in decisions.into_iter().flat_map(|(_, decision)| decision.deciding) {
        if !deciding.contains(&one) {
            deciding.push(one);
        }
    }
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
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) resource: &'a str,
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
            ..conclude(&Formula::FALSE, deciding, Some(first.layer))
        };
        return (Formula::FALSE, decision);
    }
    let not_denied = Formula::all(said.iter().filter(denied).map(|one| one.holds.clone().not()));
    let gates = asked.gates(policies, &said);
    let (grant, lacking) = asked.grant(policies, &said);
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
            policy: self.policy.clone(),
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
        Self { request, resource, context, account }
    }

    /// Whether the resource's own policy has to name the principal or its account, even within one
    /// account: roles (to be taken) and keys.
    fn needs_own_policy(&self) -> bool {
        let Some([_, _, service, _, _, resource]) = arn::parts(self.resource) else { return false };
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

    /// Every statement of every layer that applies, as far as it may hold.
    pub(super) fn all<'p>(&self, policies: &'p Policies) -> Vec<Said<'p>> {
        let mut said = Vec::new();
        let mut read = |layer, tier, policy: String, document: &'p Document| {
            for (number, statement) in document.statements.iter().enumerate() {
                let Some((holds, level)) = self.holds(statement, policies) else { continue };
                if !holds.is_false() {
                    let policy = policy.clone();
                    said.push(Said { layer, tier, policy, number, statement, holds, level });
                }
            }
        };
        if self.is_limited_by_organisation() {
            for (tier, documents) in policies.service_control.iter().enumerate() {
                for (n, document) in documents.iter().enumerate() {
                    read(
                        BlockedBy::Scp,
                        tier,
                        format!("service_control_policies/{tier}/{n}"),
                        document,
                    );
                }
            }
        }
        if self.is_limited_by_resource_control() {
            for (tier, documents) in policies.resource_control.iter().enumerate() {
                for (n, document) in documents.iter().enumerate() {
                    read(
                        BlockedBy::Rcp,
                        tier,
                        format!("resource_control_policies/{tier}/{n}"),
                        document,
                    );
                }
            }
        }
        for (n, document) in policies.endpoint.iter().enumerate() {
            read(BlockedBy::Endpoint, 0, format!("endpoint_policies/{n}"), document);
        }
        if self.request.principal.is_of_account() {
            for (n, document) in policies.identity.iter().enumerate() {
                read(BlockedBy::Identity, 0, format!("identity_policies/{n}"), document);
            }
            for (n, document) in policies.boundaries.iter().enumerate() {
                read(BlockedBy::Boundary, 0, format!("permission_boundaries/{n}"), document);
            }
            for (n, document) in policies.session.iter().enumerate() {
                read(BlockedBy::Session, 0, format!("session_policies/{n}"), document);
            }
        }
        if let Some(document) = &policies.resource {
            read(BlockedBy::Resource, 0, "resource_policy".to_owned(), document);
        }
        said
    }

    /// Whether a statement is about the request; none where it is about another principal.
    fn holds(&self, statement: &Statement, policies: &Policies) -> Option<(Formula, Level)> {
        let who = &self.request.principal;
        let level = match &statement.principals {
            None => Level::Itself,
            Some(Either::In(named)) => named.iter().filter_map(|one| one.level(who)).max()?,
            Some(Either::NotIn(named)) => {
                let is_named = named.iter().any(|one| one.level(who).is_some());
                // AWS's own warning: such a denial always meets principals with a boundary.
                let has_boundary =
                    !statement.allows && who.is_of_account() && !policies.boundaries.is_empty();
                if is_named && !has_boundary {
                    return None;
                }
                Level::Itself
            }
        };
        if !statement.is_about_action(&self.request.action) {
            return None;
        }
        let resource = self.is_about_resource(statement);
        let conditions = statement.conditions.iter().map(|one| one.holds(&self.context));
        Some((Formula::all(std::iter::once(resource).chain(conditions)), level))
    }

    pub(super) fn is_about_resource(&self, statement: &Statement) -> Formula {
        let any = |all: &[Resource]| {
            Formula::any(all.iter().map(|one| one.matches(self.resource, &self.context)))
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
                let is_of_it = |one: &Said<'_>| one.layer == BlockedBy::Scp && one.tier == tier;
                gates.push((BlockedBy::Scp, allowed_by(said, is_of_it)));
            }
        }
        if self.is_limited_by_resource_control() {
            for tier in 0..policies.resource_control.len() {
                let is_of_it = |one: &Said<'_>| one.layer == BlockedBy::Rcp && one.tier == tier;
                gates.push((BlockedBy::Rcp, allowed_by(said, is_of_it)));
            }
        }
        if !policies.endpoint.is_empty() {
            let allowed = allowed_by(said, |one| one.layer == BlockedBy::Endpoint);
            gates.push((BlockedBy::Endpoint, allowed));
        }
        gates
    }

    /// Whether the principal's or the resource's policies grant it, and the layer that lacks where
    /// they do not.
    pub(super) fn grant(&self, policies: &Policies, said: &[Said<'_>]) -> (Formula, BlockedBy) {
        let of_resource = |wanted: &dyn Fn(Level) -> bool| {
            allowed_by(said, |one| one.layer == BlockedBy::Resource && wanted(one.level))
        };
        let who = &self.request.principal;
        if !who.is_of_account() {
            return (of_resource(&|_| true), BlockedBy::Resource);
        }
        let layer = |layer, is_there: bool| {
            if is_there { allowed_by(said, |one| one.layer == layer) } else { Formula::TRUE }
        };
        let boundary = layer(BlockedBy::Boundary, !policies.boundaries.is_empty());
        let session = layer(BlockedBy::Session, !policies.session.is_empty());
        let identity = match who.sort {
            // Its account's own user: nothing limits it but its organisation.
            Sort::Root => Formula::TRUE,
            _ => layer(BlockedBy::Identity, true),
        };
        let limits = boundary.clone().and(session.clone());
        let own = identity.clone().and(limits.clone());
        let lacking_own = || {
            if identity.is_false() {
                BlockedBy::Identity
            } else if boundary.is_false() {
                BlockedBy::Boundary
            } else if session.is_false() {
                BlockedBy::Session
            } else {
                BlockedBy::Identity
            }
        };
        let named = of_resource(&|_| true);
        if !self.is_same_account() {
            let lacking = if own.is_false() { lacking_own() } else { BlockedBy::Resource };
            return (own.and(named), lacking);
        }
        let itself = of_resource(&|level| level == Level::Itself);
        let behind = of_resource(&|level| level == Level::Behind);
        let granted = itself.or(behind.clone().and(limits));
        if self.needs_own_policy() {
            let lacking = if named.is_false() {
                BlockedBy::Resource
            } else if behind.is_false() {
                lacking_own()
            } else if boundary.is_false() {
                BlockedBy::Boundary
            } else {
                BlockedBy::Session
            };
            return (granted.or(named.and(own)), lacking);
        }
        let lacking = if identity.is_false() && behind.is_false() {
            BlockedBy::Identity
        } else if boundary.is_false() {
            BlockedBy::Boundary
        } else if session.is_false() {
            BlockedBy::Session
        } else {
            BlockedBy::Identity
        };
        (granted.or(own), lacking)
    }
}

fn allowed_by(said: &[Said<'_>], wanted: impl Fn(&Said<'_>) -> bool) -> Formula {
    let allowing = said.iter().filter(|one| one.statement.allows && wanted(one));
    Formula::any(allowing.map(|one| one.holds.clone()))
}
