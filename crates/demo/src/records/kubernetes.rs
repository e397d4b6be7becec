//! Clusters: service accounts, the containers that run as them, and certificates in Secrets.

use model::kinds;
use model::{Batch, Evidence, Fact, Grant, Identity, IdentityId, Place, Subject, Trust};

use super::{One, certificate, group_number, name, neighbour, nth};
use crate::chance::Chance;
use crate::plan::Part;
use crate::world::{Area, DOMAIN, World, mark, service, sort, team_name};

const ROLES: [(&str, &[&str], &[&str]); 8] = [
    ("view", &["get", "list", "watch"], &["pods", "services", "configmaps"]),
    (
        "edit",
        &["get", "list", "create", "update", "delete"],
        &["pods", "deployments", "configmaps"],
    ),
    ("leader-election", &["get", "create", "update"], &["leases"]),
    ("config-reader", &["get"], &["configmaps"]),
    ("secret-reader", &["get", "list"], &["secrets"]),
    ("event-writer", &["create", "patch"], &["events"]),
    ("pod-creator", &["create"], &["pods"]),
    ("cluster-admin", &["*"], &["*"]),
];

/// Namespace and name of a service account.
fn account_name(world: &World, part: Part, number: u64) -> (String, String) {
    let group = group_number(part, kinds::K8S_SERVICE_ACCOUNT);
    let mut chance = world.chance(sort::NAME + 64, group, number);
    let namespace = team_name(world.teams.draw(&mut chance));
    (namespace, name(world, group, number))
}

/// A service account of a cluster.
pub(super) fn account_of(
    world: &World,
    part: Part,
    cluster: u64,
    chance: &mut Chance,
) -> Option<(IdentityId, String, String)> {
    let group = group_number(part, kinds::K8S_SERVICE_ACCOUNT);
    let (number, area) = neighbour(world, part, group, cluster, chance)?;
    let (namespace, name) = account_name(world, part, number);
    let native_id = format!("{namespace}/{name}");
    let id = Identity::id_of(kinds::K8S_SERVICE_ACCOUNT, "kubernetes", &area.instance, &native_id);
    Some((id, native_id, namespace))
}

pub(super) fn make(one: &mut One<'_>, batch: &mut Batch) {
    if one.group.kind == kinds::K8S_SERVICE_ACCOUNT {
        account(one, batch);
    } else if one.group.kind == kinds::CONTAINER {
        container(one, batch);
    } else {
        subject(one, batch);
    }
}

fn account(one: &mut One<'_>, batch: &mut Batch) {
    let cluster = one.area.instance.clone();
    let (namespace, name) = account_name(one.world, one.group.part, one.number);
    let native_id = format!("{namespace}/{name}");
    let mut identity = one.identity(kinds::K8S_SERVICE_ACCOUNT, "kubernetes", &cluster, native_id);
    identity.name = name;
    identity.fact("namespace", Fact::known(namespace.as_str()));
    identity.fact("automounts_token", Fact::known(one.chance.permille(700)));
    if one.chance.permille(600) {
        identity.tags.insert("app.kubernetes.io/part-of".into(), namespace.clone());
    }
    one.owners(&identity, "label", batch);
    for k in 0..one.chance.below(3) {
        // The last, which allows everything, is rare.
        let n_roles = if one.chance.permille(30) { 8 } else { 7 };
        let draw = one.chance.below(n_roles);
        let Some((role, actions, resources)) =
            usize::try_from(draw).ok().and_then(|draw| ROLES.get(draw))
        else {
            continue;
        };
        let binding = format!("{namespace}/{role}-{k}");
        let mut grant = Grant::new(
            "role-binding",
            "kubernetes",
            cluster.as_str(),
            &binding,
            one.scope(),
            identity.id,
        );
        grant.actions = actions.iter().map(|&action| action.to_owned()).collect();
        grant.resources = resources.iter().map(|&resource| resource.to_owned()).collect();
        grant.via = Some((*role).to_owned());
        grant.evidence.push(Evidence::at(format!("rolebindings/{binding}")).pointer("/subjects/0"));
        batch.grants.push(grant);
    }
    for n in 0..one.n_credentials {
        let native_id = nth(&identity.native_id, n);
        let mut credential =
            one.credential(kinds::K8S_TOKEN, "kubernetes", &cluster, native_id, identity.id);
        credential.name = format!("{}-token-{}", identity.name, mark(n));
        credential.expires_at = Fact::absent();
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

fn container(one: &mut One<'_>, batch: &mut Batch) {
    let cluster = one.area.instance.clone();
    let account = account_of(one.world, one.group.part, one.area_number, &mut one.chance);
    let namespace = account.as_ref().map_or("default", |(_, _, namespace)| namespace).to_owned();
    let name = name(one.world, one.group_number, one.number);
    let native_id = format!("{namespace}/{name}");
    let mut identity = one.identity(kinds::CONTAINER, "kubernetes", &cluster, native_id);
    identity.fact("image", Fact::known(format!("registry.{DOMAIN}/{namespace}/{name}")));
    identity.fact("namespace", Fact::known(namespace.as_str()));
    identity.name = name;
    identity.enabled = Fact::known(true);
    one.owners(&identity, "label", batch);
    if let Some((account, native_id, _)) = account {
        let from = Subject::Identity { identity: identity.id };
        let mut trust = Trust::new(
            "runs-as",
            "kubernetes",
            cluster.as_str(),
            &identity.native_id,
            one.scope(),
            from,
            account,
        );
        trust.evidence.push(
            Evidence::at(format!("pods/{}", identity.native_id))
                .pointer("/spec/serviceAccountName")
                .shows(native_id),
        );
        batch.trusts.push(trust);
    }
    for n in 0..one.n_credentials {
        let kind = one.chance.permille(400);
        let kind = if kind { kinds::CONNECTION_STRING } else { kinds::SECRET };
        let native_id = nth(&identity.native_id, n);
        let mut credential = one.credential(kind, "kubernetes", &cluster, native_id, identity.id);
        credential.name =
            one.chance.pick(&["DATABASE_URL", "REDIS_URL", "API_KEY", "SMTP_PASSWORD"]).into();
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

fn subject(one: &mut One<'_>, batch: &mut Batch) {
    let name =
        format!("{}.{}.{DOMAIN}", name(one.world, one.group_number, one.number), one.area.name);
    let native_id = format!("CN=Meridian Issuing CA 3,O=Meridian|CN={name}");
    let mut identity = one.identity(kinds::TLS_SUBJECT, "x509", "", native_id);
    identity.name.clone_from(&name);
    identity.enabled = Fact::default();
    identity.last_used_at =
        Fact::not_observable("a certificate does not say when it was presented");
    one.owners(&identity, "label", batch);
    for n in 0..one.n_credentials {
        certificate(one, &identity, &name, n, batch);
    }
    batch.identities.push(identity);
}

pub(super) fn place(area: &Area, group: usize, number: u64, chance: &mut Chance) -> Place {
    let name = format!("{}/{}-{group}{}", team_name(area.team), service(chance), mark(number));
    let mut place = Place::new(
        kinds::PLACE_KUBERNETES_SECRET,
        "kubernetes",
        area.instance.as_str(),
        name,
        area.scope_id(),
    );
    place.fact("exposure", Fact::known(if chance.permille(80) { "group" } else { "owner" }));
    place
}
