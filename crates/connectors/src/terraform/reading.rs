//! One file being turned into records: what every resource's record has in common (locus,
//! address, authority, tags, environment, owners), and the border at which secret values become
//! fingerprints.

use std::collections::{BTreeMap, BTreeSet};

use credentials::{keys, x509};
use model::fact::Text;
use model::kinds::{self, CredentialKind, IdentityKind};
use model::record::PartyKind;
use model::{
    Authority, Batch, Condition, Credential, Evidence, Fact, Grant, Identity, IdentityId,
    OwnerLink, Party, Subject, Time, Trust,
};
use serde_json::{Map, Value};

use super::index::Index;
use super::resource::Resource;
use crate::address::looks_random;
use crate::address::public_text;
use crate::material::{self, At};
use crate::tags::{addresses, environment, party, tells_owner};

/// A value longer than this is fingerprinted, and not looked into.
const MAX_LOOKED_INTO: usize = 1 << 20;
/// A resource with more secrets than this (a Secret with thousands of keys) is read up to here.
const MAX_SECRETS: usize = 1_000;

/// Grants and trusts of one file take at most this much; the rest is a gap.
pub(super) const MAX_RIGHTS_BYTES: usize = 64 << 20;
/// What a text takes beside its bytes, and a record beside its texts.
const TEXT_BYTES: usize = 40;
const RECORD_BYTES: usize = 500;

/// How sure an owner is whom an e-mail address in a description names, or the module.
const DESCRIPTION: f64 = 0.5;
const MODULE: f64 = 0.45;

#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub at: At<'a>,
    pub index: &'a Index,
    /// The workspace, when the path of the file tells it.
    pub workspace: Option<String>,
    pub batch: Batch,
    /// Attributes of the resource at hand that its own reader dealt with.
    pub dealt_with: BTreeSet<&'static str>,
    /// The identity that secrets of the resource at hand prove, where nothing closer is known.
    pub subject: Option<IdentityId>,
    n_secrets: usize,
    /// What [`MAX_RIGHTS_BYTES`] left out.
    pub n_left_out: u64,
    n_rights_bytes: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn new(at: At<'a>, index: &'a Index, workspace: Option<String>) -> Self {
        Self {
            at,
            index,
            workspace,
            batch: Batch::default(),
            dealt_with: BTreeSet::new(),
            subject: None,
            n_secrets: 0,
            n_left_out: 0,
            n_rights_bytes: 0,
        }
    }

    pub(super) fn begin(&mut self) {
        self.dealt_with.clear();
        self.subject = None;
        self.n_secrets = 0;
    }

    /// Takes the room of a grant or trust with these texts; without any left, it is not stated, and
    /// the file has a gap. Policies multiply what one list says by all who have it.
    pub(super) fn has_room_for<'t>(&mut self, texts: impl IntoIterator<Item = &'t String>) -> bool {
        if self.n_rights_bytes <= MAX_RIGHTS_BYTES {
            let n_bytes: usize = texts.into_iter().map(|text| TEXT_BYTES + text.len()).sum();
            self.n_rights_bytes += RECORD_BYTES + n_bytes;
        }
        let has_room = self.n_rights_bytes <= MAX_RIGHTS_BYTES;
        self.n_left_out += u64::from(!has_room);
        has_room
    }

    pub(super) fn evidence(&self, resource: &Resource, pointer: &str) -> Evidence {
        let evidence = Evidence::at(&self.at.place.path);
        if pointer.is_empty() {
            evidence.pointer(&resource.address)
        } else {
            evidence.pointer(format!("{}.{pointer}", resource.address))
        }
    }

    fn authority(resource: &Resource) -> Authority {
        if resource.managed { Authority::Declared } else { Authority::Mentioned }
    }

    /// An identity that this resource makes, with owners, tags and environment; it is the subject
    /// of the resource's secrets from here on.
    pub(super) fn identity(
        &mut self,
        resource: &Resource,
        kind: &'static IdentityKind,
        system: &'static str,
        instance: &str,
        native_id: &str,
        fill: impl FnOnce(&mut Identity),
    ) -> IdentityId {
        let (instance, native_id) = (public_text(instance), public_text(native_id));
        let mut identity = Identity::new(kind, system, instance, native_id, self.at.scope);
        identity.authority = Self::authority(resource);
        identity.loci.push(self.at.locus.into());
        identity.evidence.push(self.evidence(resource, "").shows("the resource that makes it"));
        identity.fact("terraform_address", Fact::known(resource.address.as_str()));
        if let Some(module) = resource.modules.first() {
            identity.fact("terraform_module", Fact::known(module.as_str()));
        }
        identity.tags = tags(resource);
        identity.environment = self.environment(&identity.tags);
        fill(&mut identity);
        let id = identity.id;
        self.owners(resource, id, &identity.tags);
        self.batch.identities.push(identity);
        self.subject = Some(id);
        id
    }

    /// An identity that is named here and made elsewhere.
    pub(super) fn mention(
        &mut self,
        resource: &Resource,
        kind: &'static IdentityKind,
        system: &'static str,
        instance: &str,
        native_id: &str,
        name: &str,
    ) -> IdentityId {
        let (instance, native_id) = (public_text(instance), public_text(native_id));
        let mut identity = Identity::new(kind, system, instance, native_id, self.at.scope);
        identity.authority = Authority::Mentioned;
        if !name.is_empty() {
            identity.name = name.into();
        }
        identity.loci.push(self.at.locus.into());
        identity.evidence.push(self.evidence(resource, "").shows("named here"));
        let id = identity.id;
        self.batch.identities.push(identity);
        id
    }

    fn environment(&self, tags: &BTreeMap<String, String>) -> Fact<String> {
        let keys = ["environment", "env", "stage"];
        let tagged = tags
            .iter()
            .find(|(key, value)| keys.contains(&key.to_lowercase().as_str()) && !value.is_empty());
        match (tagged, &self.workspace) {
            (Some((_, value)), _) => Fact::known(environment(value)).because("a tag says so"),
            (None, Some(workspace)) => {
                Fact::known(environment(workspace)).because("the Terraform workspace")
            }
            (None, None) => Fact::default(),
        }
    }

    fn owners(&mut self, resource: &Resource, of: IdentityId, tags: &BTreeMap<String, String>) {
        for (key, value) in tags {
            let Some(confidence) = tells_owner(key) else { continue };
            let Some(party) = party(value) else { continue };
            let pointer = format!("tags.{key}");
            self.owner(resource, of, party, "tag", confidence, &pointer);
        }
        if let Some(description) = resource.text("description") {
            for party in addresses(description) {
                self.owner(resource, of, party, "description", DESCRIPTION, "description");
            }
        }
        if let Some(module) = resource.modules.iter().find(|module| !is_generic(module)) {
            let party = Party::new(PartyKind::Team, module, module.as_str());
            self.owner(resource, of, party, "terraform-module", MODULE, "");
        }
    }

    fn owner(
        &mut self,
        resource: &Resource,
        of: IdentityId,
        party: Party,
        method: &'static str,
        confidence: f64,
        pointer: &str,
    ) {
        let mut link = OwnerLink::new(of, party, method, confidence, self.at.scope);
        link.loci.push(self.at.locus.into());
        link.evidence.push(self.evidence(resource, pointer));
        self.batch.owners.push(link);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a record, in the order of the record"
    )]
    pub(super) fn grant(
        &mut self,
        resource: &Resource,
        kind: &'static str,
        system: &'static str,
        instance: &str,
        native_id: &str,
        to: IdentityId,
        fill: impl FnOnce(&mut Grant),
    ) {
        let mut grant = Grant::new(kind, system, instance, native_id, self.at.scope, to);
        grant.authority = Self::authority(resource);
        grant.loci.push(self.at.locus.into());
        fill(&mut grant);
        if grant.evidence.is_empty() {
            grant.evidence.push(self.evidence(resource, ""));
        }
        self.batch.grants.push(grant);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a record, in the order of the record"
    )]
    pub(super) fn trust(
        &mut self,
        resource: &Resource,
        mechanism: &'static str,
        system: &'static str,
        instance: &str,
        native_id: &str,
        from: Subject,
        to: IdentityId,
        conditions: Vec<Condition>,
        pointer: &str,
    ) {
        let scope = self.at.scope;
        let mut trust = Trust::new(mechanism, system, instance, native_id, scope, from, to);
        trust.authority = Self::authority(resource);
        trust.loci.push(self.at.locus.into());
        trust.conditions = conditions;
        trust.evidence.push(self.evidence(resource, pointer));
        self.batch.trusts.push(trust);
    }

    /// A credential that is not in the state, or whose public identifier is known.
    pub(super) fn credential(
        &mut self,
        resource: &Resource,
        kind: &'static CredentialKind,
        system: impl Into<Text>,
        instance: &str,
        native_id: &str,
        fill: impl FnOnce(&mut Credential),
    ) {
        let mut credential = Credential::new(kind, system, instance, native_id, self.at.scope);
        credential.authority = Self::authority(resource);
        credential.loci.push(self.at.locus.into());
        credential.identity = self.subject;
        credential.evidence.push(self.evidence(resource, ""));
        credential.fact("terraform_address", Fact::known(resource.address.as_str()));
        fill(&mut credential);
        self.batch.credentials.push(credential);
    }

    /// A secret value that stands in the state under `attribute`. Its public identifier, when it
    /// has one, is `known_as`: system, instance, native id.
    ///
    /// Only a fingerprint of the value leaves here; of passwords that a person may have chosen,
    /// not even that.
    pub(super) fn secret(
        &mut self,
        resource: &Resource,
        kind: &'static CredentialKind,
        attribute: &str,
        value: &str,
        known_as: Option<(&'static str, &str, &str)>,
        fill: impl FnOnce(&mut Credential),
    ) {
        if is_no_secret(value) || self.n_secrets >= MAX_SECRETS {
            return;
        }
        self.n_secrets += 1;
        let is_made = self.index.was_generated(value) || looks_random(value);
        let fingerprint = if kind != kinds::PASSWORD || is_made {
            self.at.fingerprinter.map(|it| it.of(value.as_bytes()))
        } else {
            None
        };
        let place = self.at.place;
        let pointer = format!("{}.{attribute}", resource.address);
        let here = format!("{}#{pointer}", place.native_id);
        let (system, instance, native_id) =
            known_as.unwrap_or((system_of(resource), self.at.machine, &here));
        let shows = "its value stands here in plain text";
        let evidence = self.evidence(resource, attribute).shows(shows);
        let exposure = self.at.meta;
        let is_marked = resource.sensitive.contains(attribute);
        self.credential(resource, kind, system, instance, native_id, |credential| {
            credential.name.clone_from(&pointer);
            credential.fingerprint = fingerprint;
            credential.places.push(place.stored_at(None, Some(pointer.clone())));
            credential.evidence = vec![evidence];
            credential.fact("confidence", Fact::known(if is_marked { "sure" } else { "likely" }));
            if let Some(meta) = exposure {
                credential.fact("exposure", meta.exposure_fact());
            }
            if kind == kinds::PASSWORD && !is_made {
                credential.fact("chosen_by_person", Fact::known(true));
            }
            fill(credential);
        });
    }

    /// Certificates and private keys that stand in an attribute; whether there were any.
    pub(super) fn containers(&mut self, resource: &Resource, attribute: &str, value: &str) -> bool {
        if !value.contains("-----BEGIN ") || value.len() > MAX_LOOKED_INTO {
            return false;
        }
        let (certificates, _) = x509::certificates(value.as_bytes());
        let (private_keys, _) = keys::private_keys(value.as_bytes());
        let pointer = format!("{}.{attribute}", resource.address);
        let mut records = Vec::new();
        for parsed in &certificates {
            let (credential, identity) = material::certificate(parsed, self.at);
            if let Some(mut identity) = identity {
                identity.authority = Authority::Declared;
                let tags = tags(resource);
                self.owners(resource, identity.id, &tags);
                self.batch.identities.push(identity);
            }
            records.push(credential);
        }
        for parsed in &private_keys {
            let mut credential = material::private_key(parsed, self.at);
            // Keys without a public half are named after their place, which holds many here.
            if parsed.spki_sha256.is_none() && parsed.ssh_fingerprint.is_none() {
                let here = format!("{}:{}#{pointer}", self.at.machine, self.at.place.native_id);
                let kind = if credential.kind == kinds::SSH_KEY.id {
                    kinds::SSH_KEY
                } else {
                    kinds::PRIVATE_KEY
                };
                credential.id = Credential::id_of(kind, &credential.system, "", &here);
                credential.native_id = here;
            }
            let algorithm = parsed.algorithm.as_deref().unwrap_or("private");
            credential.name = format!("{algorithm} key of {}", resource.address);
            credential.identity = self.subject;
            records.push(credential);
        }
        let found = !records.is_empty();
        for mut credential in records {
            credential.authority = Self::authority(resource);
            // Lines of the attribute's text are no lines of the file.
            for stored_at in &mut credential.places {
                stored_at.line = None;
                stored_at.pointer = Some(pointer.clone());
            }
            credential.evidence = vec![self.evidence(resource, attribute)];
            credential.fact("terraform_address", Fact::known(resource.address.as_str()));
            self.batch.credentials.push(credential);
        }
        found
    }
}

/// Whether a value cannot be a secret: nothing, or a mark for something else.
pub(super) fn is_no_secret(value: &str) -> bool {
    let value = value.trim();
    value.is_empty()
        || value.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '-' | '_'))
        || value.starts_with('(') && value.ends_with(')')
        || value.starts_with("${") && value.ends_with('}')
        || crate::dossier::reference(value).is_some()
}

/// The system of a resource by the name of its provider.
pub(super) fn system_of(resource: &Resource) -> &'static str {
    let provider = resource.kind.split('_').next().unwrap_or_default();
    match provider {
        "aws" => "aws",
        "azurerm" | "azuread" | "azapi" => "azure",
        "google" => "gcp",
        "kubernetes" | "kubectl" | "helm" => "kubernetes",
        "github" => "github",
        "gitlab" => "gitlab",
        "vault" => "vault",
        "postgresql" => "postgres",
        "mysql" => "mysql",
        "cloudflare" => "cloudflare",
        "datadog" => "datadog",
        "digitalocean" => "digitalocean",
        "okta" => "okta",
        "auth0" => "auth0",
        "mongodbatlas" => "mongodb-atlas",
        "snowflake" => "snowflake",
        "grafana" => "grafana",
        "pagerduty" => "pagerduty",
        _ => "terraform",
    }
}

/// Tags and labels, wherever providers put them. Only texts.
fn tags(resource: &Resource) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let mut take = |map: Option<&Map<String, Value>>| {
        for (key, value) in map.into_iter().flatten() {
            if let Value::String(value) = value {
                tags.insert(key.clone(), value.clone());
            }
        }
    };
    let map = |key: &str| resource.attributes.get(key).and_then(Value::as_object);
    for key in ["tags_all", "tags", "effective_labels", "labels", "user_labels"] {
        take(map(key));
    }
    for metadata in resource.blocks("metadata") {
        take(metadata.get("labels").and_then(Value::as_object));
        // Annotations hold whole configurations; only those that name somebody are tags.
        let annotations = metadata.get("annotations").and_then(Value::as_object);
        let named = annotations.into_iter().flatten().filter(|(key, _)| tells_owner(key).is_some());
        let named: Map<String, Value> =
            named.map(|(key, value)| (key.clone(), value.clone())).collect();
        take(Some(&named));
    }
    tags
}

/// Modules that say what a thing is, not whose it is.
fn is_generic(module: &str) -> bool {
    const WORDS: &[&str] = &[
        "iam",
        "role",
        "roles",
        "policy",
        "policies",
        "user",
        "users",
        "vpc",
        "network",
        "networking",
        "eks",
        "gke",
        "aks",
        "ecs",
        "rds",
        "s3",
        "kms",
        "lambda",
        "ec2",
        "db",
        "database",
        "this",
        "main",
        "root",
        "base",
        "core",
        "common",
        "shared",
        "global",
        "default",
        "cluster",
        "service",
        "services",
        "app",
        "apps",
        "infra",
        "infrastructure",
        "secrets",
        "secret",
        "security",
        "state",
        "backend",
        "bootstrap",
        "account",
        "accounts",
        "project",
        "projects",
        "dev",
        "staging",
        "stage",
        "prod",
        "production",
        "test",
        "module",
        "resources",
        "oidc",
        "irsa",
        "github",
        "gitlab",
        "vault",
        "kubernetes",
        "k8s",
        "label",
        "labels",
    ];
    let lower = module.to_lowercase();
    lower.split(['-', '_']).all(|word| {
        WORDS.contains(&word) || word.is_empty() || word.bytes().all(|byte| byte.is_ascii_digit())
    })
}

pub(super) fn time(value: Option<&str>) -> Fact<Time> {
    let time = value.and_then(|text| text.parse::<Time>().ok());
    time.map_or_else(Fact::default, Fact::known)
}

pub(super) fn expiry(value: Option<&str>) -> Fact<Time> {
    match value {
        None => Fact::absent().because("the resource states no end"),
        some => time(some),
    }
}
