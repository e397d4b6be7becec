//! May it? Who may? What may it?

use std::collections::{BTreeMap, BTreeSet};

use policy::aws::{
    Accounts, Applied, BlockedBy, Condition, Effective, Explanation, Holder, Principal, Reason,
    Request, Verdict, decide, explain,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};

/// Of principals that may, so many are told.
pub const MAX_WHO_CAN: usize = 10_000;

/// A longer text of a question is refused.
const MAX_TEXT_BYTES: usize = 4 << 10;

/// Of a question, so many values of keys of its context are taken, and keys without one.
const MAX_VALUES: usize = 200;

/// One request, and what is known of its context: what is not told is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// An ARN, or the name of a user or role.
    #[serde(default)]
    pub principal: String,
    /// `service:Name`.
    pub action: String,
    /// An ARN; `*` for an action that has no resource.
    pub resource: String,
    /// Keys with their values; several for a key that may have several.
    #[serde(default)]
    pub context: BTreeMap<String, Vec<String>>,
    /// Keys that the request does not have.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Of a resource whose ARN does not say it, such as a bucket.
    #[serde(default)]
    pub resource_account: Option<String>,
}

impl Ask {
    /// Takes `key=value` into the context; the same key again is one more value.
    pub fn know(&mut self, pair: &str) -> Result<()> {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty())
        else {
            let message = format!("`{pair}` is no key of a context: `key=value`");
            return Err(Error::invalid("context", message));
        };
        self.context.entry(key.trim().to_owned()).or_default().push(value.trim().to_owned());
        Ok(())
    }
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Can {
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub decision: Verdict,
    pub reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<BlockedBy>,
    /// Of a conditional answer: when it is allowed, as an or of ands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<Vec<Condition>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub residual_cut: bool,
    #[serde(flatten)]
    pub explanation: Explanation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhoCanRow {
    pub principal: String,
    pub decision: Verdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub residual: Vec<Vec<Condition>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhoCan {
    pub action: String,
    pub resource: String,
    /// Those that may come first, then those that may under conditions; each in order.
    pub principals: Vec<WhoCanRow>,
    /// How many were asked about.
    pub n_asked: usize,
    /// More than [`MAX_WHO_CAN`] may; the rest is not here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    pub assumed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveOf {
    pub principal: String,
    #[serde(flatten)]
    pub effective: Effective,
}

/// Whether a principal may do something.
pub fn can(accounts: &Accounts, ask: &Ask) -> Result<Can> {
    let principal = principal(accounts, &ask.principal)?;
    let request = request(accounts, principal, ask)?;
    let applied = accounts.applied(&request);
    let decision = decide(&request, &applied.policies);
    let explanation = explain(&request, &applied, &decision);
    Ok(Can {
        principal: request.principal.name().to_owned(),
        action: request.action,
        resource: ask.resource.clone(),
        decision: decision.verdict,
        reason: decision.reason,
        blocked_by: decision.blocked_by,
        residual: decision.residual,
        residual_cut: decision.is_residual_cut,
        explanation,
    })
}

/// Which users and roles may do something; `principal` of the question is not looked at.
pub fn who_can(accounts: &Accounts, ask: &Ask) -> Result<WhoCan> {
    let mut found = WhoCan {
        action: ask.action.clone(),
        resource: ask.resource.clone(),
        principals: Vec::new(),
        n_asked: 0,
        is_cut: false,
        assumed: Vec::new(),
    };
    let mut assumed = BTreeSet::new();
    for holder in accounts.principals() {
        let principal =
            Principal::of_arn(&holder.arn).map_err(|it| Error::invalid("principal", it))?;
        let request = request(accounts, principal, ask)?;
        let applied = accounts.applied(&request);
        let decision = decide(&request, &applied.policies);
        found.n_asked += 1;
        assumed.extend(applied.assumed);
        if decision.verdict == Verdict::Deny {
            continue;
        }
        if found.principals.len() == MAX_WHO_CAN {
            found.is_cut = true;
            continue;
        }
        found.principals.push(WhoCanRow {
            principal: holder.arn.clone(),
            decision: decision.verdict,
            residual: decision.residual,
        });
    }
    found.assumed = assumed.into_iter().collect();
    found.principals.sort_by_key(|row| row.decision != Verdict::Allow);
    Ok(found)
}

/// What a principal's own policies allow, within what limits them.
pub fn effective(accounts: &Accounts, principal: &str) -> Result<EffectiveOf> {
    let (principal, applied) = applied_to(accounts, principal)?;
    let effective = policy::aws::effective(&applied).ok_or_else(|| too_wide(&principal))?;
    Ok(EffectiveOf { principal, effective })
}

/// Its policies have far more patterns and statements than AWS takes.
pub(super) fn too_wide(principal: &str) -> Error {
    let message = format!("the policies of `{principal}` tell too many actions apart");
    Error::new(Kind::Unavailable, "too-wide-policies", message)
        .hint("ask about one action at a time, with `can`")
}

/// A user or role that was read, and the policies that apply to it whatever it asks for.
pub(super) fn applied_to(accounts: &Accounts, principal: &str) -> Result<(String, Applied)> {
    let holder = holder(accounts, principal)?;
    let who = Principal::of_arn(&holder.arn).map_err(|it| Error::invalid("principal", it))?;
    let ask = Ask { action: "any:Any".to_owned(), resource: "*".to_owned(), ..Ask::default() };
    let applied = accounts.applied(&request(accounts, who, &ask)?);
    Ok((holder.arn.clone(), applied))
}

/// A condition of a residual, for people; what a document that was not read may say is one too.
pub fn condition_told(one: &Condition) -> String {
    if let Some(unread) = one.key.strip_prefix("document:") {
        let (what, says) = unread.rsplit_once('/').unwrap_or((unread, "allows"));
        let says = match (says, one.negated) {
            ("denies", true) => "does not deny it",
            ("denies", false) => "denies it",
            (_, true) => "does not allow it",
            (_, false) => "allows it",
        };
        return format!("`{what}`, which was not read, {says}");
    }
    let not = if one.negated { "not " } else { "" };
    format!("{not}{} {} {}", one.operator, one.key, one.values.join(", "))
}

/// A session's ARN is a principal too, and so is one of an account that was not read.
fn principal(accounts: &Accounts, text: &str) -> Result<Principal> {
    if text.starts_with("arn:") {
        return Principal::of_arn(text).map_err(|it| Error::invalid("principal", it));
    }
    let holder = holder(accounts, text)?;
    Principal::of_arn(&holder.arn).map_err(|it| Error::invalid("principal", it))
}

fn holder<'a>(accounts: &'a Accounts, text: &str) -> Result<&'a Holder> {
    match accounts.named(text).as_slice() {
        [one] => Ok(one),
        [] if accounts.is_empty() => Err(Error::not_found("AWS principal", text).hint(
            "no AWS account was read: add a source `aws`, or name saved output with `--from`",
        )),
        [] => Err(Error::not_found("AWS principal", text)
            .hint("name its ARN, or a user or role of an account that was read")),
        several => {
            let arns: Vec<&str> = several.iter().take(5).map(|it| it.arn.as_str()).collect();
            let message = format!("`{text}` is the name of {} principals", several.len());
            Err(Error::invalid("principal", message).hint(format!("name one: {}", arns.join(", "))))
        }
    }
}

pub(super) fn request(accounts: &Accounts, principal: Principal, ask: &Ask) -> Result<Request> {
    let Ask { action, resource, context, absent, resource_account, .. } = ask;
    let is_action = action.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty() && !name.is_empty() && !name.contains([':', '*', '?', ' '])
    });
    if !is_action {
        return Err(Error::invalid("action", format!("`{action}` is no action: `service:Name`")));
    }
    let is_resource =
        resource == "*" || resource.starts_with("arn:") && resource.split(':').count() >= 6;
    if !is_resource {
        let message = format!("`{resource}` is neither an ARN nor `*`");
        return Err(Error::invalid("resource", message));
    }
    let values = context.iter().flat_map(|(key, values)| values.iter().chain([key]));
    let who = [&ask.principal, action, resource];
    let mut texts = values.chain(absent).chain(resource_account).chain(who);
    if texts.any(|text| text.len() > MAX_TEXT_BYTES) {
        let message = format!("a text of more than {MAX_TEXT_BYTES} bytes");
        return Err(Error::invalid("question", message));
    }
    let n_values: usize = context.values().map(|values| values.len().max(1)).sum();
    if n_values + absent.len() > MAX_VALUES {
        return Err(Error::invalid("context", format!("more than {MAX_VALUES} keys and values")));
    }
    let mut known = accounts.context(&principal);
    for (key, values) in context {
        match values.as_slice() {
            [one] => known.set(key, one.as_str()),
            several => known.set_all(key, several.to_vec()),
        }
    }
    for key in absent {
        known.set_absent(key);
    }
    let is_management_account = accounts.is_management_account(&principal);
    Ok(Request {
        principal,
        is_management_account,
        is_service_linked: false,
        action: action.clone(),
        resources: vec![resource.clone()],
        resource_account: resource_account.clone(),
        context: known,
    })
}
