//! What runs as a role: functions, machines, tasks, builds, pods, agents.

use connectors::aws::{account_of, last_part};
use model::kinds::IdentityKind;
use model::{Condition, Fact, Subject, kinds};
use serde_json::{Map, Value};

use crate::item::{Item, text};
use crate::reading::Reading;

/// A workload and the role it runs as.
fn workload(
    reading: &mut Reading<'_>,
    item: &Item<'_>,
    kind: &'static IdentityKind,
    [arn, name]: [&str; 2],
    roles: &[&str],
    tags: Option<&Value>,
    fill: impl FnOnce(&mut model::Identity),
) {
    let account = account_of(arn).unwrap_or(item.account);
    let identity = reading.identity(item, kind, account, arn, |identity| {
        name.clone_into(&mut identity.name);
        fill(identity);
    });
    reading.tagged(item, identity, tags);
    for role in roles {
        if !reading.has_room() {
            return;
        }
        let Some(to) = reading.principal(item, role) else { continue };
        reading.trust(item, "runs-as", arn, Subject::Identity { identity }, to, |_| {});
    }
}

pub(crate) fn function(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(arn), Some(role)) = (item.text("FunctionArn"), item.text("Role")) else { return };
    let name = item.text("FunctionName").unwrap_or(last_part(arn));
    workload(reading, item, kinds::FUNCTION, [arn, name], &[role], None, |identity| {
        identity.changed_at = item.time("LastModified");
        if let Some(runtime) = item.text("Runtime") {
            identity.fact("runtime", Fact::known(runtime));
        }
    });
}

/// Machines that were started together.
pub(crate) fn reservation(reading: &mut Reading<'_>, item: &Item<'_>) {
    let account = item.text("OwnerId").unwrap_or(item.account);
    for instance in item.blocks("Instances") {
        if !reading.has_room() {
            return;
        }
        let item = item.within(instance);
        let (Some(id), Some(profile)) = (item.text("InstanceId"), profile_of(instance)) else {
            continue;
        };
        let zone = item.object("Placement").and_then(|it| text(it, "AvailabilityZone"));
        let region =
            zone.map_or("", |zone| zone.trim_end_matches(|c: char| c.is_ascii_lowercase()));
        let arn = format!("arn:aws:ec2:{region}:{account}:instance/{id}");
        let index = reading.index;
        let known = index.profiles.get(profile).map(Vec::as_slice).unwrap_or_default();
        let roles: Vec<&str> = known.iter().map(String::as_str).collect();
        let tags = instance.get("Tags");
        let name = crate::item::tags(tags).into_iter().find(|(key, _)| *key == "Name");
        let name = name.map_or(id, |(_, name)| name);
        workload(reading, &item, kinds::WORKLOAD, [&arn, name], &roles, tags, |identity| {
            identity.created_at = item.moment("LaunchTime");
            identity.fact("instance_profile", Fact::known(profile));
            let state = item.object("State").and_then(|state| text(state, "Name"));
            identity.enabled =
                state.map_or_else(Fact::default, |state| Fact::known(state == "running"));
        });
    }
}

fn profile_of(instance: &Map<String, Value>) -> Option<&str> {
    text(instance.get("IamInstanceProfile")?.as_object()?, "Arn")
}

/// A service account of Kubernetes that is given a role.
pub(crate) fn pod_identity(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(association) = item.object("association") else { return };
    let of = |key| text(association, key);
    let (Some(role), Some(namespace), Some(name)) =
        (of("roleArn"), of("namespace"), of("serviceAccount"))
    else {
        return;
    };
    let native_id = format!("{namespace}/{name}");
    let identity = reading.mention(
        item,
        kinds::K8S_SERVICE_ACCOUNT,
        ["kubernetes", "", &native_id, &native_id],
    );
    let Some(to) = reading.principal(item, role) else { return };
    let id = of("associationId").or_else(|| of("associationArn")).unwrap_or(&native_id);
    let from = Subject::Identity { identity };
    reading.trust(item, "pod-identity", id, from, to, |trust| {
        if let Some(cluster) = of("clusterName") {
            let values = vec![cluster.to_owned()];
            let (key, operator) = ("cluster".into(), "equals".into());
            trust.conditions.push(Condition { key, operator, values });
        }
    });
}

/// A role or user that is known to a cluster, and the groups it has there.
pub(crate) fn access_entry(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(entry) = item.object("accessEntry") else { return };
    let (Some(arn), Some(cluster)) = (text(entry, "principalArn"), text(entry, "clusterName"))
    else {
        return;
    };
    let Some(principal) = reading.principal(item, arn) else { return };
    let native_id = text(entry, "accessEntryArn").unwrap_or(arn);
    let name = text(entry, "username").unwrap_or(arn);
    let identity = reading.mention(item, kinds::K8S_USER, ["kubernetes", "", name, name]);
    let from = Subject::Identity { identity: principal };
    reading.trust(item, "access-entry", native_id, from, identity, |trust| {
        let groups = crate::item::texts(entry, "kubernetesGroups");
        if !groups.is_empty() {
            let groups: Vec<String> = groups.into_iter().map(String::from).collect();
            trust.facts.insert("kubernetes_groups".into(), Fact::known(groups));
        }
        trust.facts.insert("cluster".into(), Fact::known(cluster));
    });
}

pub(crate) fn task_definition(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(definition) = item.object("taskDefinition") else { return };
    let Some(arn) = text(definition, "taskDefinitionArn") else { return };
    let roles = ["taskRoleArn", "executionRoleArn"].into_iter();
    let roles: Vec<&str> = roles.filter_map(|key| text(definition, key)).collect();
    let name = text(definition, "family").unwrap_or(last_part(arn));
    workload(reading, item, kinds::WORKLOAD, [arn, name], &roles, item.value.get("tags"), |it| {
        it.enabled = match text(definition, "status") {
            Some(status) => Fact::known(status == "ACTIVE"),
            None => Fact::default(),
        };
    });
}

pub(crate) fn build_project(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(arn), Some(role)) = (item.text("arn"), item.text("serviceRole")) else { return };
    let name = item.text("name").unwrap_or(last_part(arn));
    let tags = item.value.get("tags");
    workload(reading, item, kinds::WORKLOAD, [arn, name], &[role], tags, |identity| {
        identity.created_at = item.moment("created");
    });
}

pub(crate) fn roles_anywhere_profile(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(arn) = item.text("profileArn") else { return };
    for role in item.texts("roleArns") {
        let Some(to) = reading.principal(item, role) else { continue };
        let from = Subject::Principal { principal: arn.into() };
        reading.trust(item, "roles-anywhere", arn, from, to, |trust| {
            if let Some(enabled) = item.truth("enabled") {
                trust.facts.insert("enabled".into(), Fact::known(enabled));
            }
        });
    }
}

pub(crate) fn agent(reading: &mut Reading<'_>, item: &Item<'_>) {
    let Some(agent) = item.object("agent") else { return };
    let Some(arn) = text(agent, "agentArn") else { return };
    let role = text(agent, "agentResourceRoleArn");
    let name = text(agent, "agentName").unwrap_or(last_part(arn));
    let item_of_agent = item.within(agent);
    workload(reading, item, kinds::AI_AGENT, [arn, name], role.as_slice(), None, |identity| {
        identity.created_at = item_of_agent.moment("createdAt");
        identity.changed_at = item_of_agent.time("updatedAt");
        if let Some(model) = text(agent, "foundationModel") {
            identity.fact("model", Fact::known(model));
        }
    });
}
