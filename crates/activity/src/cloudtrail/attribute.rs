//! From a record to who used which permission on what: a pure function.
//!
//! Who it was is said by `caller`. A call that was refused is demand, not use; a call that failed
//! otherwise may be either. A role that is handed to a service is used without a record of its own.

use std::borrow::Cow;

use serde::Serialize;

use super::caller::{Principal, Who, partition, who};
use super::event::Event;
use super::operations::{self, Piece, Plan, Planned, Template};
use super::request::{MAX_VALUE_BYTES, MAX_VALUES, Request};
use crate::json::Scanner;

/// Resources of one action of one call; a call on more is attributed to a pattern.
pub const MAX_RESOURCES: usize = 100;

/// Who used what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributed<'a> {
    pub principal: Principal<'a>,
    /// The access key with which the call was signed.
    pub access_key: Option<Cow<'a, str>>,
    /// The session's name, which is no identity.
    pub session: Option<Cow<'a, str>>,
    /// The service that made the call for the identity, with the identity's permissions.
    pub via: Option<Cow<'a, str>>,
    pub operation: Operation<'a>,
    /// None for what is no call of an API, and for operations that the map does not know.
    pub uses: Vec<Use<'a>>,
    pub outcome: Outcome,
    pub context: Context<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation<'a> {
    /// The service as IAM calls it.
    pub prefix: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Mapped,
    /// A call of an API that the map does not know.
    Unmapped,
    /// Something that happened without a call: a service's own event, a sign-in, an insight.
    NoCall,
}

/// A permission that a call used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use<'a> {
    pub action: Cow<'a, str>,
    /// An ARN, `*` for an action without resources, or a pattern where it was not observed.
    pub resource: Cow<'a, str>,
    pub is_observed: bool,
    /// For `iam:PassRole`: the service that gets the role.
    pub passed_to: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Success,
    /// The permission was refused.
    Denied,
    /// Another error, before or after the permission was looked at.
    Failed,
}

/// What conditions of policies speak about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context<'a> {
    /// An address, or the name of a service.
    pub source: Option<Cow<'a, str>>,
    pub vpc_endpoint: Option<Cow<'a, str>>,
    pub user_agent: Option<Cow<'a, str>>,
    pub region: Option<Cow<'a, str>>,
    pub has_mfa: Option<bool>,
    pub tls_version: Option<Cow<'a, str>>,
    pub is_console: bool,
}

pub fn attribute<'a>(event: &Event<'a>) -> Attributed<'a> {
    let who = who(&event.caller(), event.region.as_deref());
    let Call { operation, uses, outcome } = call(event, who.principal.account.as_deref());
    let Who { principal, access_key, session, via, has_mfa } = who;
    Attributed {
        principal,
        access_key,
        session,
        via,
        operation,
        uses,
        outcome,
        context: Context {
            source: event.source_address.clone(),
            vpc_endpoint: event.vpc_endpoint.clone(),
            user_agent: event.user_agent.clone(),
            region: event.region.clone(),
            has_mfa,
            tls_version: event.tls_version.clone(),
            is_console: event.is_from_console,
        },
    }
}

/// What the rest of the record says, of a caller of this account.
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation<'a>,
    pub(crate) uses: Vec<Use<'a>>,
    pub(crate) outcome: Outcome,
}

pub(crate) fn call<'a>(event: &Event<'a>, account: Option<&str>) -> Call<'a> {
    let prefix = match event.source.clone().unwrap_or_default() {
        Cow::Borrowed(source) => Cow::Borrowed(operations::prefix(source)),
        Cow::Owned(source) => Cow::Owned(operations::prefix(&source).to_owned()),
    };
    let name = event.name.clone().unwrap_or_default();
    let is_call = !is_no_call(event);
    let plan = if is_call { operations::plan(&prefix, &name) } else { None };
    let standing = match plan {
        Some(_) => Standing::Mapped,
        None if is_call => Standing::Unmapped,
        None => Standing::NoCall,
    };
    let uses = plan.map(|plan| uses(event, &prefix, plan, account)).unwrap_or_default();
    Call { operation: Operation { prefix, name, standing }, uses, outcome: outcome(event) }
}

fn is_no_call(event: &Event<'_>) -> bool {
    let is_other_kind = event.kind.as_deref().is_some_and(|kind| kind != "AwsApiCall");
    is_other_kind || event.category.as_deref() == Some("Insight")
}

/// Error codes that say that a permission was refused, without `Client.`, `Exception`, `Fault` and
/// `Error`.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedForDependency",
    "AllAccessDisabled",
    "Authorization",
    "AuthorizationFailure",
    "AuthFailure",
    "Forbidden",
    "InsufficientPrivileges",
    "KMSAccessDenied",
    "NotAuthorized",
    "OperationNotPermitted",
    "Unauthorized",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
    "UserUnauthorized",
];

fn outcome(event: &Event<'_>) -> Outcome {
    let Some(code) = event.error_code.as_deref() else {
        return if event.has_error_message { Outcome::Failed } else { Outcome::Success };
    };
    let base = code.rsplit('.').next().unwrap_or(code);
    let base = ["Exception", "Fault", "Error"]
        .iter()
        .find_map(|end| base.strip_suffix(end))
        .unwrap_or(base);
    if DENIED.contains(&base) {
        Outcome::Denied
    } else if base == "DryRunOperation" {
        // The permission was there; nothing else was asked.
        Outcome::Success
    } else {
        Outcome::Failed
    }
}

/// What a call may name of the account in which it was made.
struct Here<'a, 'e> {
    partition: &'static str,
    region: &'e str,
    account: &'e str,
    prefix: &'e str,
    request: Request<'a>,
}

fn uses<'a>(
    event: &Event<'a>,
    prefix: &str,
    plan: &'static Plan,
    account: Option<&str>,
) -> Vec<Use<'a>> {
    let here = Here {
        partition: partition(event.region.as_deref()),
        region: event.region.as_deref().unwrap_or_default(),
        account: event.recipient_account.as_deref().or(account).unwrap_or_default(),
        prefix,
        request: Request::new(event.request),
    };
    let mut uses = Vec::with_capacity(1);
    for planned in &plan.uses {
        if let Some((path, is_wanted)) = planned.condition
            && here.request.has(path) != is_wanted
        {
            continue;
        }
        let action = || Cow::Borrowed(planned.action.as_str());
        let used = |resource, is_observed| Use {
            action: action(),
            resource,
            is_observed,
            passed_to: None,
        };
        if !planned.has_resources {
            uses.push(used(Cow::Borrowed("*"), true));
            continue;
        }
        let mut resources = here.rendered(planned);
        if resources.iter().all(|resource| resource.contains('*')) {
            let stated = stated(event.resources, planned);
            if !stated.is_empty() {
                resources = stated;
            }
        }
        if resources.is_empty() || resources.len() > MAX_RESOURCES {
            uses.push(used(Cow::Owned(here.anything(planned)), false));
        } else {
            uses.extend(resources.into_iter().map(|resource| {
                let is_observed = !resource.contains('*');
                used(resource, is_observed)
            }));
        }
    }
    if plan.passes_role {
        here.pass_roles(&mut uses);
    }
    uses
}

impl<'a> Here<'a, '_> {
    /// Resources by the templates of an action.
    fn rendered(&self, planned: &Planned) -> Vec<Cow<'a, str>> {
        let mut arns: Vec<Cow<'a, str>> = Vec::new();
        for template in &planned.resources {
            match template {
                Template::Arn(path) => {
                    for value in self.request.values(path, false) {
                        if value.starts_with("arn:") {
                            push(&mut arns, value);
                        } else if *path == "x-amz-copy-source" {
                            let source = value.trim_start_matches('/');
                            let source = source.split("?versionId=").next().unwrap_or(source);
                            push(
                                &mut arns,
                                Cow::Owned(format!("arn:{}:s3:::{source}", self.partition)),
                            );
                        }
                    }
                }
                Template::Pattern(pieces) => self.pattern(pieces, &mut arns),
            }
            if arns.len() > MAX_RESOURCES {
                break;
            }
        }
        arns
    }

    /// One pattern with all values of its parameters.
    fn pattern(&self, pieces: &[Piece], arns: &mut Vec<Cow<'a, str>>) {
        let is_given = |piece: &Piece| match piece {
            Piece::Parameter(path) => self.prefix == "ec2" || self.request.has(path),
            _ => true,
        };
        if !pieces.iter().all(is_given) {
            return;
        }
        let mut found = vec![format!("arn:{}:", self.partition)];
        let searches = self.prefix == "ec2";
        for piece in pieces {
            match piece {
                Piece::Text(text) => found.iter_mut().for_each(|arn| arn.push_str(text)),
                Piece::Region => found.iter_mut().for_each(|arn| arn.push_str(self.region)),
                Piece::Any => found.iter_mut().for_each(|arn| arn.push('*')),
                Piece::Account => found.iter_mut().for_each(|arn| arn.push_str(self.account)),
                Piece::Parameter(path) => {
                    let values = self.request.values(path, searches);
                    if values.is_empty() || values.len() > MAX_VALUES {
                        return;
                    }
                    let mut next = Vec::with_capacity(found.len() * values.len());
                    for value in values {
                        if value.starts_with("arn:") {
                            // What the parameter names is the resource, or a part of it.
                            push(arns, value);
                            continue;
                        }
                        if self.prefix == "kms" && value.starts_with("alias/") {
                            continue;
                        }
                        for arn in &found {
                            let value = if arn.ends_with('/') {
                                value.trim_start_matches('/')
                            } else {
                                &value
                            };
                            // Secrets have six characters of chance behind their names.
                            let tail = if self.prefix == "secretsmanager" { "-??????" } else { "" };
                            next.push(format!("{arn}{value}{tail}"));
                        }
                        if next.len() > MAX_RESOURCES {
                            break;
                        }
                    }
                    found = next;
                    if found.is_empty() {
                        return;
                    }
                }
            }
        }
        for arn in found {
            push(arns, Cow::Owned(arn));
        }
    }

    /// Any resource of the action's service in this account.
    fn anything(&self, planned: &Planned) -> String {
        let service = planned.action.split(':').next().unwrap_or(self.prefix);
        let (region, account) = match service {
            "iam" | "sts" | "organizations" | "cloudfront" | "route53" => ("", self.account),
            "s3" => ("", ""),
            _ => (self.region, self.account),
        };
        format!("arn:{}:{service}:{region}:{account}:*", self.partition)
    }

    /// Handing over a role is checked and never logged.
    fn pass_roles(&self, uses: &mut Vec<Use<'a>>) {
        let passed = |resource, is_observed| Use {
            action: Cow::Borrowed("iam:PassRole"),
            resource,
            is_observed,
            passed_to: Some(operations::passed_to(self.prefix)),
        };
        let mut is_given = false;
        for role in self.request.roles() {
            is_given = true;
            uses.push(passed(Cow::Borrowed(role), true));
        }
        if is_given {
            return;
        }
        let role = |name: &str| format!("arn:{}:iam::{}:role/{name}", self.partition, self.account);
        for name in self.request.role_names() {
            is_given = true;
            uses.push(passed(Cow::Owned(role(&name)), true));
        }
        if !is_given && self.request.has("iamInstanceProfile") {
            // The role in an instance profile is not said.
            uses.push(passed(Cow::Owned(role("*")), false));
        }
    }
}

fn push<'a>(arns: &mut Vec<Cow<'a, str>>, arn: Cow<'a, str>) {
    if !arns.contains(&arn) {
        arns.push(arn);
    }
}

/// ARNs that the record itself lists, of the action's service.
fn stated<'a>(resources: &'a str, planned: &Planned) -> Vec<Cow<'a, str>> {
    let mut arns = Vec::new();
    if !resources.starts_with('[') {
        return arns;
    }
    let service = planned.action.split(':').next().unwrap_or_default();
    let service = if service == "sts" { "iam" } else { service };
    _ = Scanner::new(resources).array(|scanner| {
        if scanner.peek()? != b'{' {
            return scanner.skip();
        }
        scanner.object(|scanner, key| {
            if key.get().eq_ignore_ascii_case("ARN") {
                let arn = scanner.text()?.unwrap_or_default();
                let of = arn.split(':').nth(2);
                let is_wanted = of == Some(service) && arn.len() <= MAX_VALUE_BYTES;
                if is_wanted && arns.len() <= MAX_RESOURCES {
                    push(&mut arns, arn);
                }
            } else {
                scanner.skip()?;
            }
            Ok(true)
        })?;
        Ok(())
    });
    arns
}
