//! An organisation: its accounts with the way from the root to each, and the policies that limit
//! what its accounts may do.

use connectors::aws::last_part;
use model::{Fact, GapReason, PolicyKind, kinds};

use crate::item::{Item, text};
use crate::reading::Reading;

pub(crate) fn account(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(id) = item.text("Id") else { return };
    let way = reading.index.way_to(id);
    reading.identity(item, kinds::CLOUD_ACCOUNT, id, id, |identity| {
        identity.name = match item.text("Name") {
            Some(name) => format!("{name} ({id})"),
            None => format!("AWS account {id}"),
        };
        identity.created_at = item.moment("JoinedTimestamp");
        let status = item.text("Status").or_else(|| item.text("State"));
        identity.enabled =
            status.map_or_else(Fact::default, |status| Fact::known(status == "ACTIVE"));
        identity.fact("management_account", Fact::known(item.account));
        let way = if way.is_empty() {
            let reason = "the way from the root to the account is not among the replies";
            Fact::not_collected(reason)
        } else {
            Fact::known(way)
        };
        identity.fact("organization_path", way);
    });
}

/// A policy that a list names: its document is in another reply.
pub(crate) fn policy_named(_: &mut Reading<'_>, _: &Item<'_>) {}

/// A policy with its document.
pub(crate) fn policy(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(policy) = item.object("Policy") else { return };
    let summary = policy.get("PolicySummary").and_then(|it| it.as_object());
    let (Some(summary), Some(content)) = (summary, policy.get("Content")) else {
        let detail = "a policy without summary or content; `aws iam get-policy` is not read, since \
                      `get-account-authorization-details` has the documents";
        return reading.miss(GapReason::Unsupported, detail);
    };
    let Some(arn) = text(summary, "Arn") else { return };
    let kind = match text(summary, "Type") {
        Some("SERVICE_CONTROL_POLICY") => PolicyKind::ServiceControlPolicy,
        Some("RESOURCE_CONTROL_POLICY") => PolicyKind::ResourceControlPolicy,
        other => {
            let detail = format!("a policy of the type `{}`", other.unwrap_or_default());
            return reading.miss(GapReason::Unsupported, &detail);
        }
    };
    let id = text(summary, "Id").unwrap_or(last_part(arn));
    let name = text(summary, "Name").unwrap_or(id);
    let index = reading.index;
    reading.policy(item, kind, [arn, name], content, |policy| {
        if let Some(targets) = index.targets.get(id) {
            policy.targets = targets.iter().cloned().collect();
        } else {
            let reason = "what it is attached to is not among the replies";
            policy.facts.insert("targets".into(), Fact::not_collected(reason));
        }
        let made_by_aws = summary.get("AwsManaged").and_then(serde_json::Value::as_bool);
        if let Some(made_by_aws) = made_by_aws {
            policy.facts.insert("made_by_aws".into(), Fact::known(made_by_aws));
        }
    });
}
