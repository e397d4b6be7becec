//! Kubernetes manifests: service accounts and the cloud roles they may take on, workloads and the
//! accounts they run as, secrets, roles and bindings.
//!
//! A binding and the role it names often stand in different files, so both are kept aside as
//! [`Parts`] and joined by [`bind`] when the whole folder was read.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use model::purpose::purpose_of;
use model::{
    Authority, Batch, Credential, Evidence, Fact, Gap, GapReason, Grant, Identity, IdentityId,
    OwnerLink, Party, PartyKind, Place, ScopeId, kinds,
};

use super::ci;
use super::cloud;
use super::reading::Reading;
use crate::yaml::{MAX_DEPTH, Node};

/// A decoded value of a Secret larger than this is not looked into; Kubernetes itself refuses more.
const MAX_SECRET_BYTES: usize = 2 << 20;

/// Roles and bindings on their way to grants.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub roles: Vec<Role>,
    pub bindings: Vec<Binding>,
}

#[derive(Debug, Clone)]
pub(super) struct Role {
    kind: &'static str,
    instance: String,
    namespace: String,
    name: String,
    /// `verb resource` lines.
    actions: Vec<String>,
    /// Whether it allows more than is told.
    is_cut: bool,
    locus: String,
}

#[derive(Debug, Clone)]
pub(super) struct Binding {
    name: String,
    instance: String,
    /// Empty for a cluster role binding.
    namespace: String,
    role_kind: &'static str,
    role: String,
    subjects: Vec<IdentityId>,
    locus: String,
    line: u32,
}

pub(super) fn manifest(reading: &mut Reading<'_>, document: &Node) {
    object(reading, document, MAX_DEPTH);
}

fn object(reading: &mut Reading<'_>, document: &Node, depth: usize) {
    let (Some(version), Some(kind)) = (stated(document, "apiVersion"), stated(document, "kind"))
    else {
        return;
    };
    if kind == "List" || kind.ends_with("List") && document.get("items").is_some() {
        let Some(depth) = depth.checked_sub(8) else { return };
        for item in document.get("items").map(Node::items).unwrap_or_default() {
            object(reading, item, depth);
        }
        return;
    }
    let Some(name) = document.at(&["metadata", "name"]).and_then(Node::stated) else { return };
    let namespace = document.at(&["metadata", "namespace"]).and_then(Node::stated);
    let instance = instance(reading);
    let namespace = namespace.unwrap_or("default");
    let this = Object { document, kind, name, namespace, instance: &instance };
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match (group, kind) {
        ("", "ServiceAccount") => this.service_account(reading),
        ("", "Secret") => this.secret(reading),
        ("rbac.authorization.k8s.io", "Role") => this.role(reading, "Role"),
        ("rbac.authorization.k8s.io", "ClusterRole") => this.role(reading, "ClusterRole"),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            this.binding(reading);
        }
        ("bitnami.com", "SealedSecret") => this.sealed(reading),
        ("external-secrets.io", "ExternalSecret" | "ClusterExternalSecret") => {
            this.external(reading);
        }
        _ => {
            if let Some(pod) = this.pod() {
                this.workload(reading, pod);
            }
        }
    }
}

/// Manifests of a guide or a test make things of their own, which are not those of the next guide
/// and not those that run: each folder of them is an instance of its own.
fn instance(reading: &Reading<'_>) -> String {
    let path = reading.path_in_checkout();
    match purpose_of(&path).value() {
        Some(_) => format!(
            "{}:{}",
            reading.repository(),
            path.rsplit_once('/').map_or("", |(folder, _)| folder)
        ),
        None => String::new(),
    }
}

fn stated<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::stated)
}

struct Object<'a> {
    document: &'a Node,
    kind: &'a str,
    name: &'a str,
    namespace: &'a str,
    instance: &'a str,
}

impl<'a> Object<'a> {
    fn native_id(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn annotation(&self, key: &str) -> Option<(&'a str, u32)> {
        let node = self.document.at(&["metadata", "annotations"])?.get(key)?;
        Some((node.stated()?, node.line))
    }

    fn service_account(&self, reading: &mut Reading<'_>) {
        let line = self.document.line;
        let mut identity = reading.declared(
            kinds::K8S_SERVICE_ACCOUNT,
            "kubernetes",
            self.instance,
            &self.native_id(),
            line,
        );
        if let Some(automount) =
            self.document.get("automountServiceAccountToken").and_then(Node::truth)
        {
            identity.fact("automount_token", Fact::known(automount));
        }
        let pull = names_of(self.document.get("imagePullSecrets"), "name");
        self.references(
            reading,
            &identity,
            pull.iter().map(|(name, line)| (name.as_str(), None, *line)),
        );
        if let Some((role, line)) = self.annotation("eks.amazonaws.com/role-arn") {
            let role = cloud::aws_role(reading, role, line);
            ci::uses(reading, "web-identity", &identity, role, line);
        }
        if let Some((account, line)) = self.annotation("iam.gke.io/gcp-service-account") {
            let account = cloud::gcp_service_account(reading, account, line);
            ci::uses(reading, "web-identity", &identity, account, line);
        }
        if let Some((client, line)) = self.annotation("azure.workload.identity/client-id") {
            let tenant =
                self.annotation("azure.workload.identity/tenant-id").map(|(tenant, _)| tenant);
            let client = cloud::azure_client(reading, client, tenant, line);
            ci::uses(reading, "web-identity", &identity, client, line);
        }
        self.owned(reading, &identity);
        reading.batch.identities.push(identity);
    }

    /// Labels and annotations that name a team or person.
    fn owned(&self, reading: &mut Reading<'_>, identity: &Identity) {
        for block in ["labels", "annotations"] {
            let Some(pairs) = self.document.at(&["metadata", block]) else { continue };
            for (key, value) in pairs.pairs() {
                let word = key.rsplit(['/', '.']).next().unwrap_or(key);
                let kind = match word {
                    "team" | "squad" | "owner-team" => PartyKind::Team,
                    "owner" | "maintainer" | "contact" | "owned-by" => PartyKind::Person,
                    _ => continue,
                };
                let Some(owner) = value.stated().filter(|text| !cloud::has_expression(text)) else {
                    continue;
                };
                let mut link = OwnerLink::new(
                    identity.id,
                    Party::new(kind, owner, owner),
                    "label",
                    0.7,
                    reading.folder.scope,
                );
                link.loci = reading.loci();
                link.evidence.push(reading.evidence(value.line, format!("{block} {key}")));
                reading.batch.owners.push(link);
            }
        }
    }

    fn role(&self, reading: &mut Reading<'_>, kind: &'static str) {
        let namespace = if kind == "Role" { self.namespace } else { "" };
        let mut actions = Vec::new();
        let mut is_cut = false;
        for rule in self.document.get("rules").map(Node::items).unwrap_or_default() {
            is_cut |= !tell_actions(reading, rule, &mut actions);
        }
        if self.document.get("aggregationRule").is_some() {
            actions.push(String::from("(what other cluster roles aggregate into it)"));
        }
        reading.parts.roles.push(Role {
            kind,
            instance: self.instance.to_owned(),
            namespace: namespace.to_owned(),
            name: self.name.to_owned(),
            actions,
            is_cut,
            locus: reading.file.shown.to_owned(),
        });
    }

    fn binding(&self, reading: &mut Reading<'_>) {
        let Some(role) = self.document.at(&["roleRef", "name"]).and_then(Node::stated) else {
            return;
        };
        let role_kind = match self.document.at(&["roleRef", "kind"]).and_then(Node::stated) {
            Some("Role") => "Role",
            _ => "ClusterRole",
        };
        let mut subjects = Vec::new();
        for subject in self.document.get("subjects").map(Node::items).unwrap_or_default() {
            let Some(name) = stated(subject, "name") else { continue };
            let id = match stated(subject, "kind") {
                Some("ServiceAccount") => {
                    let namespace = stated(subject, "namespace").unwrap_or(self.namespace);
                    let native_id = format!("{namespace}/{name}");
                    reading.mention(
                        kinds::K8S_SERVICE_ACCOUNT,
                        "kubernetes",
                        self.instance,
                        &native_id,
                        subject.line,
                    )
                }
                Some("Group") => {
                    let native_id = format!("group:{name}");
                    reading.mention(
                        kinds::K8S_USER,
                        "kubernetes",
                        self.instance,
                        &native_id,
                        subject.line,
                    )
                }
                _ => match name
                    .strip_prefix("system:serviceaccount:")
                    .and_then(|rest| rest.split_once(':'))
                {
                    Some((namespace, name)) => {
                        let native_id = format!("{namespace}/{name}");
                        reading.mention(
                            kinds::K8S_SERVICE_ACCOUNT,
                            "kubernetes",
                            self.instance,
                            &native_id,
                            subject.line,
                        )
                    }
                    None => reading.mention(
                        kinds::K8S_USER,
                        "kubernetes",
                        self.instance,
                        name,
                        subject.line,
                    ),
                },
            };
            subjects.push(id);
        }
        let namespace = if self.kind == "RoleBinding" { self.namespace } else { "" };
        reading.parts.bindings.push(Binding {
            name: self.name.to_owned(),
            instance: self.instance.to_owned(),
            namespace: namespace.to_owned(),
            role_kind,
            role: role.to_owned(),
            subjects,
            locus: reading.file.shown.to_owned(),
            line: self.document.line,
        });
    }

    /// Values that lie in the manifest: encoded is not encrypted.
    fn secret(&self, reading: &mut Reading<'_>) {
        let kind = stated(self.document, "type").unwrap_or("Opaque");
        for (block, is_encoded) in [("data", true), ("stringData", false)] {
            let Some(values) = self.document.get(block) else { continue };
            for (key, node) in values.pairs() {
                let Some(text) = node.stated().filter(|text| text.len() <= 2 * MAX_SECRET_BYTES)
                else {
                    continue;
                };
                let decoded = if is_encoded {
                    let compact: String = text.split_whitespace().collect();
                    BASE64.decode(compact.as_bytes()).ok()
                } else {
                    Some(text.as_bytes().to_vec())
                };
                let Some(value) = decoded else { continue };
                super::secrets::value(
                    reading,
                    &super::secrets::Held {
                        name: key,
                        value: &value,
                        line: node.line,
                        pointer: &format!("{}/{block}/{key}", self.native_id()),
                        says: &[("kubernetes_secret", &self.native_id()), ("secret_type", kind)],
                    },
                );
            }
        }
    }

    fn sealed(&self, reading: &mut Reading<'_>) {
        let values = self.document.at(&["spec", "encryptedData"]);
        for (key, node) in values.map(|node| node.pairs().collect::<Vec<_>>()).unwrap_or_default() {
            super::secrets::encrypted(
                reading,
                "sealed-secrets",
                &format!("{}#{key}", self.native_id()),
                node.line,
            );
        }
    }

    fn external(&self, reading: &mut Reading<'_>) {
        let store = self.document.at(&["spec", "secretStoreRef", "name"]).and_then(Node::stated);
        let listed = self.document.at(&["spec", "data"]).map(Node::items).unwrap_or_default();
        let extracted =
            self.document.at(&["spec", "dataFrom"]).map(Node::items).unwrap_or_default();
        let keys = listed
            .iter()
            .filter_map(|item| item.at(&["remoteRef", "key"]))
            .chain(extracted.iter().filter_map(|item| item.at(&["extract", "key"])));
        for node in keys {
            let Some(key) = node.stated().map(crate::address::public_text) else { continue };
            let scope = reading.folder.scope;
            let native_id = format!("{}:{key}", store.unwrap_or_default());
            let mut place =
                Place::new(kinds::PLACE_SECRET_MANAGER, "external-secrets", "", &*native_id, scope);
            place.authority = Authority::Mentioned;
            place.loci = reading.loci();
            place.path = key.to_string();
            let mut credential = Credential::new(
                kinds::SECRET_REFERENCE,
                "external-secrets",
                "",
                &*native_id,
                scope,
            );
            credential.authority = Authority::Mentioned;
            credential.name = key.into_owned();
            credential.loci = reading.loci();
            credential.places.push(place.stored_at(None, None));
            credential.evidence.push(reading.evidence(node.line, "named here"));
            reading.batch.places.push(place);
            reading.batch.credentials.push(credential);
        }
    }

    /// The pod template of a workload, whatever its kind.
    fn pod(&self) -> Option<&'a Node> {
        let spec = self.document.get("spec")?;
        match self.kind {
            "Pod" => Some(spec),
            "CronJob" => spec.at(&["jobTemplate", "spec", "template", "spec"]),
            _ => spec.at(&["template", "spec"]).filter(|pod| pod.get("containers").is_some()),
        }
    }

    fn workload(&self, reading: &mut Reading<'_>, pod: &Node) {
        let native_id = format!("{}/{}/{}", self.namespace, self.kind, self.name);
        let line = self.document.line;
        let mut identity =
            reading.declared(kinds::WORKLOAD, "kubernetes", self.instance, &native_id, line);
        if let Some(schedule) = self.document.at(&["spec", "schedule"]).and_then(Node::stated) {
            identity.fact("schedule", Fact::known(schedule));
        }
        for (key, fact) in [("hostNetwork", "host_network"), ("hostPID", "host_pid")] {
            if pod.get(key).and_then(Node::truth) == Some(true) {
                identity.fact(fact, Fact::known(true));
            }
        }
        let automount = pod.get("automountServiceAccountToken").and_then(Node::truth);
        if let Some(automount) = automount {
            identity.fact("automount_token", Fact::known(automount));
        }
        let account = pod.get("serviceAccountName").or_else(|| pod.get("serviceAccount"));
        let account_line = account.map_or(line, |node| node.line);
        let account = account.and_then(Node::stated).unwrap_or("default");
        let account = format!("{}/{account}", self.namespace);
        let account = reading.mention(
            kinds::K8S_SERVICE_ACCOUNT,
            "kubernetes",
            self.instance,
            &account,
            account_line,
        );
        ci::uses(reading, "runs-as", &identity, account, account_line);

        let mut images = Vec::new();
        let mut privileged = false;
        let mut named: Vec<(String, Option<String>, u32)> = Vec::new();
        for group in ["initContainers", "containers", "ephemeralContainers"] {
            for container in pod.get(group).map(Node::items).unwrap_or_default() {
                images.extend(stated(container, "image").map(ToOwned::to_owned));
                privileged |=
                    container.at(&["securityContext", "privileged"]).and_then(Node::truth)
                        == Some(true);
                for variable in container.get("env").map(Node::items).unwrap_or_default() {
                    let Some(source) = variable.at(&["valueFrom", "secretKeyRef"]) else {
                        continue;
                    };
                    if let Some(name) = stated(source, "name") {
                        let key = stated(source, "key").map(ToOwned::to_owned);
                        named.push((name.to_owned(), key, source.line));
                    }
                }
                for from in container.get("envFrom").map(Node::items).unwrap_or_default() {
                    if let Some(name) = from.at(&["secretRef", "name"]).and_then(Node::stated) {
                        named.push((name.to_owned(), None, from.line));
                    }
                }
            }
        }
        let mut audiences = Vec::new();
        for volume in pod.get("volumes").map(Node::items).unwrap_or_default() {
            if let Some(name) = volume.at(&["secret", "secretName"]).and_then(Node::stated) {
                named.push((name.to_owned(), None, volume.line));
            }
            for source in volume.at(&["projected", "sources"]).map(Node::items).unwrap_or_default()
            {
                if let Some(token) = source.get("serviceAccountToken") {
                    audiences.push(stated(token, "audience").unwrap_or("(API server)").to_owned());
                }
                if let Some(name) = source.at(&["secret", "name"]).and_then(Node::stated) {
                    named.push((name.to_owned(), None, source.line));
                }
            }
        }
        named.extend(
            names_of(pod.get("imagePullSecrets"), "name")
                .into_iter()
                .map(|(name, line)| (name, None, line)),
        );
        if !images.is_empty() {
            images.sort();
            images.dedup();
            identity.fact("images", Fact::known(images));
        }
        if privileged {
            identity.fact("privileged", Fact::known(true));
        }
        if !audiences.is_empty() {
            identity.fact("projected_audiences", Fact::known(audiences));
        }
        self.references(
            reading,
            &identity,
            named.iter().map(|(name, key, line)| (name.as_str(), key.as_deref(), *line)),
        );
        self.owned(reading, &identity);
        reading.batch.identities.push(identity);
    }

    /// Secrets of the cluster that an identity is given by name.
    fn references<'b>(
        &self,
        reading: &mut Reading<'_>,
        identity: &Identity,
        names: impl Iterator<Item = (&'b str, Option<&'b str>, u32)>,
    ) {
        let scope = reading.folder.scope;
        let mut grant = Grant::new(
            "secret-use",
            "kubernetes",
            self.instance,
            identity.native_id.clone(),
            scope,
            identity.id,
        );
        grant.authority = Authority::Declared;
        grant.loci = reading.loci();
        grant.actions = vec![String::from("use")];
        for (name, key, line) in names {
            let secret = format!("{}/{name}", self.namespace);
            let native_id = match key {
                Some(key) => format!("{secret}#{key}"),
                None => secret.clone(),
            };
            let mut place = Place::new(
                kinds::PLACE_KUBERNETES_SECRET,
                "kubernetes",
                self.instance,
                &*secret,
                scope,
            );
            place.authority = Authority::Mentioned;
            place.loci = reading.loci();
            let mut credential = Credential::new(
                kinds::SECRET_REFERENCE,
                "kubernetes",
                self.instance,
                &*native_id,
                scope,
            );
            credential.authority = Authority::Mentioned;
            credential.loci = reading.loci();
            credential.places.push(place.stored_at(None, key.map(ToOwned::to_owned)));
            credential.evidence.push(reading.evidence(line, "named here"));
            grant.resources.push(native_id);
            grant.evidence.push(reading.evidence(line, "named here"));
            reading.batch.places.push(place);
            reading.batch.credentials.push(credential);
        }
        if !grant.resources.is_empty() {
            grant.resources.sort();
            grant.resources.dedup();
            reading.batch.grants.push(grant);
        }
    }
}

fn names_of(node: Option<&Node>, key: &str) -> Vec<(String, u32)> {
    let items = node.map(Node::items).unwrap_or_default();
    items.iter().filter_map(|item| Some((stated(item, key)?.to_owned(), item.line))).collect()
}

/// Secrets that kustomize makes of values in its own file. Files that it names (`files`, `envs`) are
/// read for themselves.
pub(super) fn kustomization(reading: &mut Reading<'_>, document: &Node) {
    let generators = document.get("secretGenerator").map(Node::items).unwrap_or_default();
    for generator in generators {
        let name = stated(generator, "name").unwrap_or("secret");
        let kind = stated(generator, "type").unwrap_or("Opaque");
        let namespace = stated(generator, "namespace").or_else(|| stated(document, "namespace"));
        let secret = format!("{}/Secret/{name}", namespace.unwrap_or("default"));
        for literal in generator.get("literals").map(Node::items).unwrap_or_default() {
            let Some((key, value)) = literal.stated().and_then(|text| text.split_once('=')) else {
                continue;
            };
            super::secrets::value(
                reading,
                &super::secrets::Held {
                    name: key,
                    value: value.trim_matches(['"', '\'']).as_bytes(),
                    line: literal.line,
                    pointer: &format!("{secret}/literals/{key}"),
                    says: &[("kubernetes_secret", &secret), ("secret_type", kind)],
                },
            );
        }
    }
}

/// Actions of one rule that are told; a rule that multiplies to more is made to flood.
const MAX_ACTIONS: usize = 5_000;

/// Adds a rule as `verb group/resource[name]` lines; whether that was all of it.
fn tell_actions(reading: &mut Reading<'_>, rule: &Node, actions: &mut Vec<String>) -> bool {
    let list = |key: &str| {
        let items = rule.get(key).map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| item.text()).collect::<Vec<_>>()
    };
    let (verbs, groups, names) = (list("verbs"), list("apiGroups"), list("resourceNames"));
    let (urls, resources) = (list("nonResourceURLs"), list("resources"));
    let only = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let of_groups =
        resources.iter().flat_map(|name| groups.iter().map(move |group| (*name, *group)));
    let targets = urls.iter().map(|url| (*url, "")).chain(of_groups);
    let mut n_actions = 0;
    for ((target, group), verb) in targets.flat_map(|it| verbs.iter().map(move |verb| (it, verb))) {
        n_actions += 1;
        if n_actions > MAX_ACTIONS {
            ci::too_many(reading, format!("more than {MAX_ACTIONS} actions of one rule"));
            return false;
        }
        let n_bytes = verb.len() + target.len() + group.len() + only.len() + size_of::<String>();
        if !reading.may_repeat(n_bytes) {
            return false;
        }
        let dot = if group.is_empty() { "" } else { "." };
        actions.push(format!("{verb} {target}{dot}{group}{only}"));
    }
    true
}

/// Actions of all bindings of a folder are told up to this size; the grants of the rest say so.
const MAX_BOUND_BYTES: usize = 16 << 20;

/// What a role of some name allows, as far as it was read.
#[derive(Default)]
struct Bound {
    actions: Vec<String>,
    loci: Vec<String>,
    is_cut: bool,
    /// Of one grant of it.
    n_bytes: usize,
}

/// Instance, kind, namespace and name of a role.
type RoleName<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Where a binding looks for its role, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Around<'a> {
    File(&'a str),
    Folder(&'a str),
    Anywhere,
}

impl<'a> Around<'a> {
    fn of(locus: &'a str) -> [Self; 3] {
        let folder = locus.rsplit_once('/').map_or("", |(folder, _)| folder);
        [Self::File(locus), Self::Folder(folder), Self::Anywhere]
    }
}

/// Joins bindings with the roles they name, wherever in the folder those stand. The gap tells that
/// more was bound than is told.
pub(super) fn bind(scope: ScopeId, parts: &Parts, batch: &mut Batch) -> Option<Gap> {
    let mut roles: BTreeMap<(RoleName<'_>, Around<'_>), Vec<&Role>> = BTreeMap::new();
    for role in &parts.roles {
        let name = (role.instance.as_str(), role.kind, role.namespace.as_str(), role.name.as_str());
        for around in Around::of(&role.locus) {
            roles.entry((name, around)).or_default().push(role);
        }
    }
    // Very many bindings may name one role.
    let mut known: BTreeMap<(RoleName<'_>, Around<'_>), Bound> = BTreeMap::new();
    let mut left = MAX_BOUND_BYTES;
    let mut gap = None;
    for binding in &parts.bindings {
        let namespace = if binding.role_kind == "Role" { binding.namespace.as_str() } else { "" };
        let name = (binding.instance.as_str(), binding.role_kind, namespace, binding.role.as_str());
        let around = Around::of(&binding.locus).map(|around| (name, around));
        let role = around.into_iter().find(|role| roles.contains_key(role));
        let role = role.unwrap_or((name, Around::Anywhere));
        let bound =
            known.entry(role).or_insert_with(|| bound(roles.get(&role), &binding.role, &mut left));
        let place = match binding.namespace.as_str() {
            "" => String::from("cluster"),
            namespace => format!("namespace:{namespace}"),
        };
        for subject in &binding.subjects {
            let native_id = format!("{}/{}", binding.namespace, binding.name);
            let mut grant = Grant::new(
                "role-binding",
                "kubernetes",
                &*binding.instance,
                native_id,
                scope,
                *subject,
            );
            grant.authority = Authority::Declared;
            grant.loci = vec![binding.locus.clone()];
            grant.via = Some(format!("{} {}", binding.role_kind, binding.role));
            grant.resources = vec![place.clone()];
            let is_told = bound.n_bytes <= left;
            if is_told {
                left -= bound.n_bytes;
                grant.actions.clone_from(&bound.actions);
                grant.loci.extend(bound.loci.iter().cloned());
                grant.loci.sort();
                grant.loci.dedup();
            }
            if bound.is_cut || !is_told {
                let reason = "more rules are bound here than are told of one folder";
                grant.facts.insert("rules".into(), Fact::not_collected(reason));
                gap.get_or_insert_with(|| {
                    let detail = format!("more than {MAX_BOUND_BYTES} bytes of actions are bound");
                    Gap::new(&binding.locus, GapReason::TooLarge).detail(detail)
                });
            } else if bound.actions.is_empty() {
                let reason = "the role is not defined in what was read";
                grant.facts.insert("rules".into(), Fact::not_collected(reason));
            }
            let evidence =
                Evidence::at(binding.locus.clone()).line(binding.line).shows("bound here");
            grant.evidence.push(evidence);
            batch.grants.push(grant);
        }
    }
    gap
}

/// What roles of one name allow together.
fn bound(roles: Option<&Vec<&Role>>, name: &str, left: &mut usize) -> Bound {
    let roles = roles.map(Vec::as_slice).unwrap_or_default();
    let cost = |text: &String| text.len() + size_of::<String>();
    let texts = roles.iter().flat_map(|role| role.actions.iter().chain([&role.locus]));
    let n_bytes: usize = texts.map(cost).sum();
    if n_bytes > *left {
        return Bound { is_cut: true, ..Bound::default() };
    }
    *left -= n_bytes;
    let mut actions: Vec<String> =
        roles.iter().flat_map(|role| role.actions.iter().cloned()).collect();
    if roles.is_empty() && name == "cluster-admin" {
        actions.push(String::from("* *"));
    }
    actions.sort();
    actions.dedup();
    let mut loci: Vec<String> = roles.iter().map(|role| role.locus.clone()).collect();
    loci.sort();
    loci.dedup();
    Bound { actions, loci, is_cut: roles.iter().any(|role| role.is_cut), n_bytes }
}
