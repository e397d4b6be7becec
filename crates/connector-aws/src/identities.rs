//! Users, roles, groups and managed policies, as one call states them all.

use std::collections::{BTreeMap, BTreeSet};

use connectors::aws::{last_part, mechanism_of, statements, subjects};
use model::{
    Effect, Fact, Identity, IdentityId, PolicyDocument, PolicyKind, Subject, Time, Value, kinds,
};

use crate::calls::CREDENTIAL_REPORT;
use crate::index::{Named, default_version, policies_of};
use crate::item::{Item, text, time_of};
use crate::reading::Reading;

/// The path of roles that a service makes for itself, and of those of the access portal.
const SERVICE_LINKED: &str = "/aws-service-role/";
const ACCESS_PORTAL: &str = "/aws-reserved/sso.amazonaws.com/";

pub(crate) fn user(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(arn), Some(name)) = (item.text("Arn"), item.text("UserName")) else {
        return reading.nameless(item);
    };
    let (inline, attached) = policies_of(item, arn, "UserPolicyList");
    let index = reading.index;
    let mut groups = Vec::new();
    let mut through_groups: Vec<(&str, &[Named])> = Vec::new();
    let mut is_group_unknown = false;
    for group in BTreeSet::from_iter(item.texts("GroupList")) {
        if let Some(known) = index.groups.get(&(item.account.to_owned(), group.to_owned())) {
            groups.push(known.arn.clone());
            through_groups.push((group, &known.policies));
        } else {
            is_group_unknown = true;
            groups.push(format!("arn:aws:iam::{}:group/{group}", item.account));
        }
    }
    let used = index.used.get(arn);
    let has_report = index.has(item.account, CREDENTIAL_REPORT);
    let id = reading.identity(item, kinds::IAM_USER, item.account, arn, |identity| {
        common(identity, item, name, &inline, &attached, used);
        identity.fact("groups", listed(groups));
        let of_groups = through_groups.iter().flat_map(|(_, policies)| *policies);
        let of_groups: Vec<String> = of_groups.map(|policy| policy.native_id.clone()).collect();
        let mut of_groups = listed(of_groups);
        if is_group_unknown {
            let reason = "not every group of the user is among the replies";
            of_groups = Fact::not_collected(reason);
        }
        identity.fact("policies_of_groups", of_groups);
        if !has_report {
            let reason = "the credential report, which says so, is not among the replies";
            identity.last_used_at = Fact::not_collected(reason);
            identity.fact("console_password", Fact::not_collected(reason));
            identity.fact("mfa_active", Fact::not_collected(reason));
        }
    });
    reading.tagged(item, id, item.value.get("Tags"));
    inline_policies(reading, item, arn, "UserPolicyList", |policy| policy.holder = Some(id));
    reading.grants(item, id, None, &inline);
    reading.grants(item, id, None, &attached);
    for (group, policies) in through_groups {
        reading.grants(item, id, Some(group), policies);
    }
}

pub(crate) fn role(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(arn), Some(name)) = (item.text("Arn"), item.text("RoleName")) else {
        return reading.nameless(item);
    };
    let (inline, attached) = policies_of(item, arn, "RolePolicyList");
    let profiles = item.blocks("InstanceProfileList");
    let profiles: Vec<&str> = profiles.into_iter().filter_map(|it| text(it, "Arn")).collect();
    let index = reading.index;
    let used = index.used.get(arn);
    let id = reading.identity(item, kinds::IAM_ROLE, item.account, arn, |identity| {
        common(identity, item, name, &inline, &attached, used);
        if let Some(used) = item.object("RoleLastUsed") {
            let at = used.get("LastUsedDate").and_then(time_of);
            identity.last_used_at = Fact::stated(at);
            if at.is_none() {
                let reason = "not used in the 400 days that AWS looks back on";
                identity.last_used_at = Fact::absent().because(reason);
            }
            if let Some(region) = text(used, "Region") {
                identity.fact("last_used_region", Fact::known(region));
            }
        }
        if let Some(description) = item.text("Description") {
            identity.fact("description", Fact::known(description));
        }
        if let Some(seconds) =
            item.value.get("MaxSessionDuration").and_then(serde_json::Value::as_i64)
        {
            identity.fact("max_session_s", Fact::known(seconds));
        }
        let path = item.text("Path").unwrap_or_default();
        identity.fact("service_linked", Fact::known(path.starts_with(SERVICE_LINKED)));
        if path.starts_with(ACCESS_PORTAL) {
            identity.fact("permission_set_role", Fact::known(true));
        }
        identity.fact("instance_profiles", listed(profiles.iter().map(|it| (*it).to_owned())));
    });
    reading.tagged(item, id, item.value.get("Tags"));
    inline_policies(reading, item, arn, "RolePolicyList", |policy| policy.holder = Some(id));
    reading.grants(item, id, None, &inline);
    reading.grants(item, id, None, &attached);
    for profile in profiles {
        let from = Subject::Principal { principal: profile.to_owned() };
        reading.trust(item, "instance-profile", profile, from, id, |_| {});
    }
    if let Some(value) = item.value.get("AssumeRolePolicyDocument") {
        let native_id = format!("{arn}#trust");
        let title = format!("trust policy of {name}");
        let kind = PolicyKind::TrustPolicy;
        let document = reading.policy(item, kind, [&native_id, &title], value, |policy| {
            policy.holder = Some(id);
        });
        trusts(reading, item, arn, id, &document.unwrap_or_default());
    }
}

/// What the API says of users and roles alike.
fn common(
    identity: &mut Identity,
    item: &Item<'_>,
    name: &str,
    inline: &[Named],
    attached: &[Named],
    used: Option<&BTreeMap<String, Option<Time>>>,
) {
    name.clone_into(&mut identity.name);
    identity.created_at = item.moment("CreateDate");
    for (fact, keys) in [("unique_id", ["UserId", "RoleId"]), ("path", ["Path", "Path"])] {
        if let Some(value) = keys.into_iter().find_map(|key| item.text(key)) {
            identity.fact(fact, Fact::known(value));
        }
    }
    identity.fact("inline_policies", listed(inline.iter().map(|it| it.name.clone())));
    identity.fact("attached_policies", listed(attached.iter().map(|it| it.native_id.clone())));
    let boundary = item.object("PermissionsBoundary");
    let boundary = boundary.and_then(|it| text(it, "PermissionsBoundaryArn"));
    identity.fact("permissions_boundary", Fact::stated(boundary.map(Value::from)));
    if let Some(services) = used {
        // `s3 2026-11-20`: a day is as exact as AWS tells it.
        let used = services.iter().filter_map(|(service, at)| Some((service, (*at)?)));
        identity.fact(
            "services_used",
            listed(used.map(|(service, at)| format!("{service} {}", at.date()))),
        );
        let unused = services.iter().filter(|(_, at)| at.is_none());
        identity.fact("services_unused", listed(unused.map(|(service, _)| service.clone())));
    }
}

/// Read before; whose services they are must have been said.
pub(crate) fn service_used(reading: &mut Reading<'_>, item: &Item<'_>) {
    if item.stated_parameter("Arn").is_none() && item.pointer.ends_with("/0") {
        let detail = "whose services these are is not told: wrap the reply in \
                      {\"Call\": {\"Arn\": …}, \"Output\": …}";
        reading.miss(model::GapReason::Unsupported, detail);
    }
}

/// A list that the reply states; known to be empty where it is.
pub(crate) fn listed(names: impl IntoIterator<Item = String>) -> Fact<Value> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names.dedup();
    if names.is_empty() { Fact::absent() } else { Fact::known(names) }
}

/// The documents that are part of a user, role or group.
fn inline_policies(
    reading: &mut Reading<'_>,
    item: &Item<'_>,
    arn: &str,
    list: &str,
    fill: impl Fn(&mut PolicyDocument),
) {
    for policy in item.blocks(list) {
        let (Some(name), Some(value)) = (text(policy, "PolicyName"), policy.get("PolicyDocument"))
        else {
            continue;
        };
        let native_id = format!("{arn}#inline/{name}");
        reading.policy(item, PolicyKind::InlinePolicy, [&native_id, name], value, &fill);
    }
}

/// Who may become a role, by its trust policy.
fn trusts(reading: &mut Reading<'_>, item: &Item<'_>, arn: &str, role: IdentityId, document: &str) {
    for statement in statements(document) {
        if statement.effect == Effect::Deny || statement.inverted.contains(&"NotPrincipal") {
            continue;
        }
        for (sort, principal) in &statement.principals {
            let mechanism = mechanism_of(&statement, sort, principal);
            let mut named = |sort: &str, arn: &str| {
                let kind = if sort == "user" { kinds::IAM_USER } else { kinds::IAM_ROLE };
                let account = connectors::aws::account_of(arn).unwrap_or_default();
                reading.mention(item, kind, ["aws", account, arn, last_part(arn)])
            };
            for from in subjects(&statement, sort, principal, &mut named) {
                if !reading.has_room() {
                    return;
                }
                reading.trust(item, mechanism, arn, from, role, |trust| {
                    trust.conditions.clone_from(&statement.conditions);
                });
            }
        }
    }
}

/// A group is no principal: its documents are kept, and what they allow is granted to its members.
pub(crate) fn group(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(arn) = item.text("Arn") else { return reading.nameless(item) };
    let group = item.text("GroupName").unwrap_or(arn);
    inline_policies(reading, item, arn, "GroupPolicyList", |policy| {
        policy.facts.insert("group".into(), Fact::known(group));
    });
}

pub(crate) fn managed_policy(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(arn) = item.text("Arn") else { return reading.nameless(item) };
    let name = item.text("PolicyName").unwrap_or(last_part(arn));
    let (version, document) = default_version(item);
    let Some(document) = document else {
        let detail = format!("the reply has no document of the version of `{name}` that counts");
        return reading.miss(model::GapReason::Malformed, &detail);
    };
    reading.policy(
        item,
        PolicyKind::ManagedPolicy,
        [arn, name],
        &serde_json::Value::String(document),
        |policy| {
            policy.version = version;
            policy.changed_at = item.time("UpdateDate");
            let is_vendors = connectors::aws::account_of(arn).is_none();
            policy.facts.insert("made_by_aws".into(), Fact::known(is_vendors));
            if let Some(n) = item.value.get("AttachmentCount").and_then(serde_json::Value::as_i64) {
                policy.facts.insert("n_attachments".into(), Fact::known(n));
            }
        },
    );
}
