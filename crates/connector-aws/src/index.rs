//! What replies say of each other: a user is in groups, a group has policies, an instance has a
//! profile, a policy has targets. Gathered before any record is made.

use std::collections::{BTreeMap, BTreeSet};

use connectors::aws::{last_part, statements};
use model::{Condition, Effect, Time};

use crate::item::{Item, document, text};

/// What a policy allows or denies, put together: one for each effect, and for lists of exceptions.
#[derive(Debug, Clone)]
pub(crate) struct Rights {
    pub(crate) effect: Effect,
    /// Whether the actions, and the resources, are those that it does not speak of.
    pub(crate) not_actions: bool,
    pub(crate) not_resources: bool,
    pub(crate) actions: BTreeSet<String>,
    pub(crate) resources: BTreeSet<String>,
    /// Of the only statement; of several, they are in the document.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) n_statements: u32,
    pub(crate) n_conditional: u32,
    /// The first statement.
    pub(crate) number: usize,
}

/// A policy and what its document says; none where the document was not read.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) native_id: String,
    pub(crate) name: String,
    /// Of an inline policy; of a managed one, look it up.
    pub(crate) rights: Option<Vec<Rights>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) arn: String,
    pub(crate) policies: Vec<Named>,
}

/// Names are kept with the account they are of.
type InAccount<T> = BTreeMap<(String, String), T>;

#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) groups: InAccount<Group>,
    /// By ARN; AWS's own are at different versions in different accounts.
    pub(crate) policies: InAccount<Vec<Rights>>,
    /// The roles of an instance profile, by its ARN.
    pub(crate) profiles: BTreeMap<String, Vec<String>>,
    /// ARNs of users, by name: a path is part of the ARN and not of the name.
    pub(crate) users: InAccount<String>,
    /// Access keys of a user, by name and the second when they were made; none where several were.
    pub(crate) keys: InAccount<BTreeMap<Option<i64>, Option<String>>>,
    /// The parent of an account or unit of an organisation.
    pub(crate) parents: BTreeMap<String, String>,
    /// What an organisation's policy is attached to.
    pub(crate) targets: BTreeMap<String, BTreeSet<String>>,
    /// By the ARN of a user or role: the services that it may use, and when each was used last.
    pub(crate) used: BTreeMap<String, BTreeMap<String, Option<Time>>>,
    /// The calls of which there are replies, for each account.
    pub(crate) seen: BTreeMap<String, BTreeSet<&'static str>>,
}

impl Index {
    pub(crate) fn has(&self, account: &str, call: &str) -> bool {
        self.seen.get(account).is_some_and(|calls| calls.contains(call))
    }

    /// The root, the units below it and the unit an account is in; empty when the way is not known.
    pub(crate) fn way_to(&self, account: &str) -> Vec<String> {
        const MAX_LEVELS: usize = 16;
        let mut way = Vec::new();
        let mut at = account;
        while let Some(parent) = self.parents.get(at) {
            if way.len() >= MAX_LEVELS || way.contains(parent) {
                return Vec::new();
            }
            way.push(parent.clone());
            at = parent;
        }
        if !way.last().is_some_and(|top| top.starts_with("r-")) {
            return Vec::new();
        }
        way.reverse();
        way
    }
}

fn of(item: &Item<'_>, name: &str) -> (String, String) {
    (item.account.to_owned(), name.to_owned())
}

/// What a document says, put together; `None` when it is no policy document.
pub(crate) fn rights_of(document: &str) -> Option<Vec<Rights>> {
    let statements = statements(document);
    if statements.is_empty() {
        return None;
    }
    let mut all: Vec<Rights> = Vec::new();
    for statement in statements {
        let not_actions = statement.inverted.contains(&"NotAction");
        let not_resources = statement.inverted.contains(&"NotResource");
        let is_alike = |rights: &&mut Rights| {
            rights.effect == statement.effect
                && rights.not_actions == not_actions
                && rights.not_resources == not_resources
        };
        // Exceptions of two statements are no exceptions of both.
        let known = if not_actions || not_resources { None } else { all.iter_mut().find(is_alike) };
        let is_conditional = u32::from(!statement.conditions.is_empty());
        if let Some(rights) = known {
            rights.actions.extend(statement.actions);
            rights.resources.extend(statement.resources);
            rights.conditions.clear();
            rights.n_statements += 1;
            rights.n_conditional += is_conditional;
        } else {
            all.push(Rights {
                effect: statement.effect,
                not_actions,
                not_resources,
                actions: statement.actions.into_iter().collect(),
                resources: statement.resources.into_iter().collect(),
                conditions: statement.conditions,
                n_statements: 1,
                n_conditional: is_conditional,
                number: statement.number,
            });
        }
    }
    Some(all)
}

/// The policies of an identity or group: those that are part of it, and those attached to it.
pub(crate) fn policies_of(item: &Item<'_>, arn: &str, inline: &str) -> (Vec<Named>, Vec<Named>) {
    let inline = item.blocks(inline).into_iter().filter_map(|policy| {
        let name = text(policy, "PolicyName")?;
        let document = policy.get("PolicyDocument").and_then(document);
        Some(Named {
            native_id: format!("{arn}#inline/{name}"),
            name: name.into(),
            rights: document.as_deref().and_then(rights_of),
        })
    });
    let attached = item.blocks("AttachedManagedPolicies").into_iter().filter_map(|policy| {
        let arn = text(policy, "PolicyArn")?;
        let name = text(policy, "PolicyName").unwrap_or(last_part(arn));
        Some(Named { native_id: arn.into(), name: name.into(), rights: None })
    });
    (inline.collect(), attached.collect())
}

pub(crate) fn group(index: &mut Index, item: &Item<'_>) {
    let (Some(arn), Some(name)) = (item.text("Arn"), item.text("GroupName")) else { return };
    let (inline, attached) = policies_of(item, arn, "GroupPolicyList");
    let policies = inline.into_iter().chain(attached).collect();
    index.groups.insert(of(item, name), Group { arn: arn.into(), policies });
}

pub(crate) fn user(index: &mut Index, item: &Item<'_>) {
    if let (Some(arn), Some(name)) = (item.text("Arn"), item.text("UserName")) {
        index.users.insert(of(item, name), arn.into());
    }
}

/// A row of the credential report.
pub(crate) fn reported(index: &mut Index, item: &Item<'_>) {
    if let (Some(arn), Some(name)) = (item.text("arn"), item.text("user")) {
        index.users.insert(of(item, name), arn.into());
    }
}

pub(crate) fn role(index: &mut Index, item: &Item<'_>) {
    let Some(arn) = item.text("Arn") else { return };
    for profile in item.blocks("InstanceProfileList") {
        if let Some(profile) = text(profile, "Arn") {
            index.profiles.entry(profile.into()).or_default().push(arn.into());
        }
    }
}

/// The version of a managed policy that counts, with its document.
pub(crate) fn default_version(item: &Item<'_>) -> (Option<String>, Option<String>) {
    let versions = item.blocks("PolicyVersionList");
    let is_default = |version: &&&serde_json::Map<String, serde_json::Value>| {
        version.get("IsDefaultVersion").and_then(serde_json::Value::as_bool) == Some(true)
            || item.text("DefaultVersionId").is_some()
                && text(version, "VersionId") == item.text("DefaultVersionId")
    };
    let version = versions.iter().find(is_default);
    let id = version.and_then(|version| text(version, "VersionId"));
    let document = version.and_then(|version| document(version.get("Document")?));
    (id.or_else(|| item.text("DefaultVersionId")).map(String::from), document)
}

pub(crate) fn policy(index: &mut Index, item: &Item<'_>) {
    let (Some(arn), (_, Some(document))) = (item.text("Arn"), default_version(item)) else {
        return;
    };
    if let Some(rights) = rights_of(&document) {
        index.policies.insert(of(item, arn), rights);
    }
}

pub(crate) fn access_key(index: &mut Index, item: &Item<'_>) {
    if let (Some(user), Some(key)) = (item.text("UserName"), item.text("AccessKeyId")) {
        let made = item.time("CreateDate").map(Time::seconds);
        let keys = index.keys.entry(of(item, user)).or_default();
        let known = keys.entry(made).or_insert_with(|| Some(key.into()));
        if known.as_deref() != Some(key) {
            *known = None;
        }
    }
}

/// A service that a user or role may use; whose, only the call says.
pub(crate) fn service_used(index: &mut Index, item: &Item<'_>) {
    if let (Some(of), Some(service)) = (item.stated_parameter("Arn"), item.text("ServiceNamespace"))
    {
        let services = index.used.entry(of.into()).or_default();
        services.insert(service.into(), item.time("LastAuthenticated"));
    }
}

/// A unit or account, listed for the parent that the call names.
pub(crate) fn unit(index: &mut Index, item: &Item<'_>) {
    let parent = item.parameter("ParentId");
    let is_parent = parent.starts_with("r-") || parent.starts_with("ou-");
    if let (Some(id), true) = (item.text("Id"), is_parent) {
        index.parents.insert(id.into(), parent.into());
    }
}

/// The parent of the unit or account that the call names.
pub(crate) fn parent(index: &mut Index, item: &Item<'_>) {
    let child = item.parameter("ChildId");
    let is_child = child.starts_with("ou-") || child.bytes().all(|byte| byte.is_ascii_digit());
    if let (Some(parent), true) = (item.text("Id"), is_child) {
        index.parents.insert(child.into(), parent.into());
    }
}

pub(crate) fn target(index: &mut Index, item: &Item<'_>) {
    if let (Some(target), policy) = (item.text("TargetId"), item.parameter("PolicyId"))
        && policy.starts_with("p-")
    {
        index.targets.entry(policy.into()).or_default().insert(target.into());
    }
}
