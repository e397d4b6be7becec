//! What resources of one state say of each other: a key names its user, an attachment its policy,
//! a federated credential its application. Gathered in a first pass over the file.

use std::collections::{BTreeMap, BTreeSet};

use super::resource::Resource;
use crate::aws::{Statement, account_of, last_part, statements};

/// Policy documents beyond this many are not kept; grants then name the policy only.
const MAX_POLICIES: usize = 50_000;

/// Secret values beyond this many are not recognised where they stand a second time.
const MAX_SECRETS: usize = 1_000_000;

#[derive(Debug, Default)]
pub(super) struct Index {
    /// ARNs of IAM users and roles by name.
    pub users: BTreeMap<String, String>,
    pub roles: BTreeMap<String, String>,
    /// Members of groups, and the role of an instance profile by name and ARN.
    pub members: BTreeMap<String, BTreeSet<String>>,
    pub profiles: BTreeMap<String, String>,
    /// Statements of managed policies by ARN.
    pub policies: BTreeMap<String, Vec<Statement>>,
    /// Client ids of Entra applications and service principals by object id.
    pub clients: BTreeMap<String, String>,
    /// Client ids of managed identities by resource id.
    pub managed_identities: BTreeMap<String, String>,
    /// Issuers of Google's workload identity pools by pool name.
    pub issuers: BTreeMap<String, String>,
    /// Verbs and resources of Kubernetes roles by `namespace/name`, of cluster roles by `/name`.
    roles_of_clusters: BTreeMap<String, (Vec<String>, Vec<String>)>,
    aws_accounts: BTreeSet<String>,
    tenants: BTreeSet<String>,
    /// Hashes of the values that `random_password` and its like made.
    generated: BTreeSet<[u8; 32]>,
    /// Hashes of the values that are secret by their name or mark.
    secrets: BTreeSet<[u8; 32]>,
}

impl Index {
    pub(super) fn add(&mut self, resource: &Resource) {
        super::sweep::secret_texts(resource, &mut |text| {
            if self.secrets.len() < MAX_SECRETS {
                self.secrets.insert(*blake3::hash(text.as_bytes()).as_bytes());
            }
        });
        let text = |key: &str| resource.text(key);
        if let Some(account) = text("arn").and_then(account_of) {
            self.aws_accounts.insert(account.to_owned());
        }
        let pair = |one: &str, other: &str| Some((text(one)?.to_owned(), text(other)?.to_owned()));
        match resource.kind.as_str() {
            "aws_iam_user" => self.users.extend(pair("name", "arn")),
            "aws_iam_role" => self.roles.extend(pair("name", "arn")),
            "aws_caller_identity" => {
                self.aws_accounts.extend(text("account_id").map(String::from));
            }
            "aws_iam_instance_profile" => {
                self.profiles.extend(pair("arn", "role"));
                self.profiles.extend(pair("name", "role"));
            }
            "aws_iam_policy" => {
                if let (Some(arn), Some(policy)) = (text("arn"), text("policy"))
                    && self.policies.len() < MAX_POLICIES
                {
                    self.policies.insert(arn.to_owned(), statements(policy));
                }
            }
            "aws_iam_user_group_membership" => {
                if let Some(user) = text("user") {
                    for group in resource.texts("groups") {
                        self.members.entry(group.into()).or_default().insert(user.into());
                    }
                }
            }
            "aws_iam_group_membership" => {
                if let Some(group) = text("group") {
                    let users = resource.texts("users").into_iter().map(String::from);
                    self.members.entry(group.into()).or_default().extend(users);
                }
            }
            "azuread_application"
            | "azuread_application_registration"
            | "azuread_service_principal" => {
                let client = text("client_id").or_else(|| text("application_id"));
                if let (Some(object), Some(client)) =
                    (text("object_id").or_else(|| text("id")), client)
                {
                    self.clients.insert(last_part(object).to_owned(), client.to_owned());
                }
                self.tenants.extend(text("application_tenant_id").map(String::from));
            }
            "azuread_client_config" | "azurerm_client_config" => {
                self.tenants.extend(text("tenant_id").map(String::from));
            }
            "azurerm_user_assigned_identity" => {
                self.managed_identities.extend(
                    pair("id", "client_id").map(|(id, client)| (id.to_lowercase(), client)),
                );
                self.clients.extend(pair("principal_id", "client_id"));
                self.tenants.extend(text("tenant_id").map(String::from));
            }
            "google_iam_workload_identity_pool_provider" => {
                let issuer = resource
                    .blocks("oidc")
                    .into_iter()
                    .find_map(|oidc| super::resource::text(oidc, "issuer_uri").map(String::from));
                if let (Some(pool), Some(issuer)) = (text("workload_identity_pool_id"), issuer) {
                    self.issuers.insert(pool.to_owned(), issuer);
                }
            }
            kind if kind.starts_with("kubernetes_role")
                || kind.starts_with("kubernetes_cluster_role") =>
            {
                if !kind.contains("binding")
                    && let Some(key) = super::kubernetes::role_key(resource)
                {
                    self.roles_of_clusters.insert(key, super::kubernetes::rules_of(resource));
                }
            }
            "random_password" => {
                self.generated
                    .extend(text("result").map(|it| *blake3::hash(it.as_bytes()).as_bytes()));
            }
            _ => {}
        }
    }

    /// Verbs and resources of the role that a binding in `namespace` names.
    pub(super) fn kubernetes_rules(
        &self,
        sort: &str,
        namespace: &str,
        role: &str,
    ) -> Option<&(Vec<String>, Vec<String>)> {
        let namespace = if sort == "Role" { namespace } else { "" };
        self.roles_of_clusters.get(&format!("{namespace}/{role}"))
    }

    /// The account of everything here whose own account is not stated, when there is only one.
    pub(super) fn aws_account(&self) -> &str {
        only(&self.aws_accounts)
    }

    pub(super) fn tenant(&self) -> &str {
        only(&self.tenants)
    }

    /// An address without keys that are the value of a secret: `for_each` over passwords.
    pub(super) fn public_address(&self, address: &str) -> Option<String> {
        let mut public = String::new();
        let mut rest = address;
        let mut is_masked = false;
        while let Some((before, key)) = rest.split_once("[\"") {
            // The text of a key is JSON: a quote within it has a backslash before.
            let mut keys = serde_json::Deserializer::from_str(rest.get(before.len() + 1..)?)
                .into_iter::<String>();
            public.push_str(before);
            public.push_str("[\"");
            let Some(Ok(text)) = keys.next() else {
                rest = key;
                continue;
            };
            rest = rest.get(before.len() + 1 + keys.byte_offset()..)?;
            if self.is_secret(&text) {
                is_masked = true;
                public.push_str("…\"");
            } else {
                let quoted = serde_json::to_string(&text).ok()?;
                public.push_str(quoted.get(1..)?);
            }
        }
        public.push_str(rest);
        is_masked.then_some(public)
    }

    fn is_secret(&self, value: &str) -> bool {
        let hash = blake3::hash(value.as_bytes());
        self.secrets.contains(hash.as_bytes()) || self.generated.contains(hash.as_bytes())
    }

    /// Whether a generator of this state made the value, so that no person chose it.
    pub(super) fn was_generated(&self, value: &str) -> bool {
        self.generated.contains(blake3::hash(value.as_bytes()).as_bytes())
    }
}

fn only(names: &BTreeSet<String>) -> &str {
    match names.first() {
        Some(name) if names.len() == 1 => name,
        _ => "",
    }
}
