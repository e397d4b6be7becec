//! From `userIdentity` to the identity that policies are attached to: the role, never its session; the
//! user, whatever key it used.

use std::borrow::Cow;

use serde::Serialize;

use super::event::Caller;

/// What policies are attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal<'a> {
    pub kind: PrincipalKind,
    /// An ARN for roles, users and root; the name of a service; the number of an account; provider
    /// and subject of a federated identity.
    pub key: Cow<'a, str>,
    pub account: Option<Cow<'a, str>>,
    /// Provider and subject with which the session of a role began.
    pub federated: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    Role,
    User,
    Root,
    Service,
    /// Somebody of another account, whose own trail says who.
    Account,
    Federated,
    IdentityCenter,
    Anonymous,
    Unknown,
}

/// What `userIdentity` says.
pub(crate) struct Who<'a> {
    pub(crate) principal: Principal<'a>,
    pub(crate) access_key: Option<Cow<'a, str>>,
    pub(crate) session: Option<Cow<'a, str>>,
    pub(crate) via: Option<Cow<'a, str>>,
    pub(crate) has_mfa: Option<bool>,
}

pub(crate) fn who<'a>(caller: &Caller<'a>, region: Option<&str>) -> Who<'a> {
    let principal = principal(caller, region);
    let via = match (&caller.invoked_by, principal.kind) {
        (Some(service), kind) if kind != PrincipalKind::Service => Some(service.clone()),
        _ => None,
    };
    Who {
        session: session(caller, principal.kind),
        principal,
        access_key: caller.access_key.clone(),
        via,
        has_mfa: caller.has_mfa,
    }
}

fn principal<'a>(caller: &Caller<'a>, region: Option<&str>) -> Principal<'a> {
    let account = caller.account.clone().or_else(|| caller.issuer.account.clone());
    let of = |kind, key: Cow<'a, str>| Principal {
        kind,
        key,
        account: account.clone(),
        federated: None,
    };
    let by_id = || {
        let key = caller.arn.clone().or_else(|| caller.principal_id.clone());
        key.or_else(|| caller.account.clone()).unwrap_or(Cow::Borrowed("unknown"))
    };
    let partition = partition(region);
    match caller.kind.as_deref().unwrap_or_default() {
        "Root" => {
            let key = match &account {
                Some(account) => Cow::Owned(format!("arn:{partition}:iam::{account}:root")),
                None => by_id(),
            };
            of(PrincipalKind::Root, key)
        }
        "IAMUser" => {
            let named = || {
                let (account, name) = (account.as_ref()?, caller.user_name.as_ref()?);
                Some(Cow::Owned(format!("arn:{partition}:iam::{account}:user/{name}")))
            };
            of(PrincipalKind::User, caller.arn.clone().or_else(named).unwrap_or_else(by_id))
        }
        "AssumedRole" => {
            let mut principal = of(PrincipalKind::Role, role(caller).unwrap_or_else(by_id));
            principal.federated = federated(caller);
            principal
        }
        "Role" => of(PrincipalKind::Role, by_id()),
        // GetFederationToken: the permissions are those of the user that asked for it.
        "FederatedUser" => match (&caller.issuer.arn, caller.issuer.kind.as_deref()) {
            (Some(arn), Some("Root")) => of(PrincipalKind::Root, arn.clone()),
            (Some(arn), _) => of(PrincipalKind::User, arn.clone()),
            (None, _) => of(PrincipalKind::Federated, by_id()),
        },
        "SAMLUser" | "WebIdentityUser" => {
            let provider = caller.identity_provider.as_deref().unwrap_or("unknown");
            let subject =
                caller.user_name.as_deref().or(caller.principal_id.as_deref()).unwrap_or("unknown");
            of(PrincipalKind::Federated, Cow::Owned(format!("{provider} {subject}")))
        }
        "IdentityCenterUser" => {
            of(PrincipalKind::IdentityCenter, caller.on_behalf_of.clone().unwrap_or_else(by_id))
        }
        "AWSAccount" => match caller.account.as_deref() {
            Some("ANONYMOUS_PRINCIPAL" | "anonymous") => {
                of(PrincipalKind::Anonymous, Cow::Borrowed("anonymous"))
            }
            Some(_) => of(PrincipalKind::Account, caller.account.clone().unwrap_or_default()),
            None => of(PrincipalKind::Account, by_id()),
        },
        "AWSService" => of(PrincipalKind::Service, caller.invoked_by.clone().unwrap_or_else(by_id)),
        _ => match &caller.invoked_by {
            Some(service) if caller.arn.is_none() => of(PrincipalKind::Service, service.clone()),
            _ if caller.principal_id.as_deref() == Some("Anonymous") => {
                of(PrincipalKind::Anonymous, Cow::Borrowed("anonymous"))
            }
            _ => of(PrincipalKind::Unknown, by_id()),
        },
    }
}

/// The role of a session: its issuer, else what the session's own ARN says, which has no path.
fn role<'a>(caller: &Caller<'a>) -> Option<Cow<'a, str>> {
    if let Some(arn) = &caller.issuer.arn {
        return Some(arn.clone());
    }
    let arn = caller.arn.as_deref()?;
    let (head, tail) = arn.split_once(":assumed-role/")?;
    let (partition, account) = head.strip_prefix("arn:")?.split_once(":sts::")?;
    let role = tail.split('/').next()?;
    Some(Cow::Owned(format!("arn:{partition}:iam::{account}:role/{role}")))
}

fn federated(caller: &Caller<'_>) -> Option<String> {
    let provider = caller.federated_provider.as_deref().filter(|provider| !provider.is_empty())?;
    Some(match caller.federated_subject.as_deref() {
        Some(subject) => format!("{provider} {subject}"),
        None => provider.to_owned(),
    })
}

fn session<'a>(caller: &Caller<'a>, kind: PrincipalKind) -> Option<Cow<'a, str>> {
    let tail = |text: &Cow<'a, str>, separator: char| match text {
        Cow::Borrowed(text) => text.rsplit_once(separator).map(|(_, name)| Cow::Borrowed(name)),
        Cow::Owned(text) => {
            text.rsplit_once(separator).map(|(_, name)| Cow::Owned(name.to_owned()))
        }
    };
    match kind {
        PrincipalKind::Role => caller.arn.as_ref().and_then(|arn| tail(arn, '/')),
        PrincipalKind::Account => caller.principal_id.clone(),
        PrincipalKind::User if caller.kind.as_deref() == Some("FederatedUser") => {
            caller.arn.as_ref().and_then(|arn| tail(arn, '/'))
        }
        _ => None,
    }
}

/// The partition of a region; where it is not said, that of most.
pub(super) fn partition(region: Option<&str>) -> &'static str {
    let region = region.unwrap_or_default();
    let starts = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    starts
        .iter()
        .find(|(start, _)| region.starts_with(start))
        .map_or("aws", |(_, partition)| partition)
}
