//! What the definitions of all CI systems have in common: a pipeline identity, its jobs, the secrets
//! they name, and the cloud roles they take on with the token the CI system signs for them.

use std::collections::{BTreeMap, BTreeSet};

use model::fact::Text;
use model::{
    Authority, Condition, Credential, Fact, GapReason, Grant, Identity, IdentityId, Place, Subject,
    Trust, kinds,
};

use super::reading::Reading;

/// Secrets by name, with the first line that names each.
pub(super) type Names = BTreeMap<String, u32>;

/// Of one file, this many trusts, uses of secrets and jobs are stated; the rest is a gap. The
/// product of what a file lists may be far larger than the file.
const MAX_TRUSTS: usize = 20_000;
const MAX_SECRETS: usize = 20_000;
pub(super) const MAX_JOBS: usize = 2_000;

/// Says once that a file multiplies to more than is stated.
pub(super) fn too_many(reading: &mut Reading<'_>, detail: String) {
    if !reading.gaps.iter().any(|gap| gap.detail.as_deref() == Some(detail.as_str())) {
        reading.gap(GapReason::TooLarge, detail);
    }
}

/// Names under which long-lived keys of clouds are kept in CI stores.
const CLOUD_KEYS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_CREDENTIALS",
    "AZURE_CLIENT_SECRET",
    "ARM_CLIENT_SECRET",
    "ARM_ACCESS_KEY",
    "GOOGLE_CREDENTIALS",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON",
    "GCP_SA_KEY",
    "GCP_CREDENTIALS",
    "GCP_SERVICE_ACCOUNT_KEY",
    "GCLOUD_SERVICE_KEY",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "DIGITALOCEAN_ACCESS_TOKEN",
];

/// The pipeline that this file defines.
pub(super) fn pipeline(reading: &Reading<'_>, system: &'static str) -> Identity {
    let path = reading.path_in_checkout();
    let native_id = format!("{}:{path}", reading.repository());
    let mut identity = reading.declared(kinds::CI_PIPELINE, system, "", &native_id, 1);
    identity.name = native_id;
    identity
}

/// A job of a pipeline, as an identity of its own.
pub(super) fn job(reading: &Reading<'_>, pipeline: &Identity, name: &str, line: u32) -> Identity {
    let native_id = format!("{}#{name}", pipeline.native_id);
    let mut identity =
        reading.declared(kinds::CI_JOB, pipeline.system.clone(), "", &native_id, line);
    identity.name = format!("{}#{name}", pipeline.name);
    identity.parent = Some(pipeline.id);
    identity
}

/// Secrets that an identity is handed: each a credential without value in the CI system's store,
/// and one grant that says who uses them. `store` tells apart stores with names of their own
/// (a context, a variable group); empty for the repository's.
pub(super) fn secrets(
    reading: &mut Reading<'_>,
    identity: &mut Identity,
    store: &str,
    names: &Names,
) {
    if names.is_empty() {
        return;
    }
    let system = identity.system.clone();
    let scope = reading.folder.scope;
    let holder = match store {
        "" => reading.repository().to_owned(),
        store => format!("{}:{store}", reading.repository()),
    };
    let mut place = Place::new(kinds::PLACE_CI_SECRETS, system.clone(), "", &*holder, scope);
    place.authority = Authority::Mentioned;
    place.loci = reading.loci();
    place.path = format!("{system} secrets of {holder}");
    let mut grant = Grant::new(
        "secret-use",
        system.clone(),
        "",
        format!("{} {store}", identity.native_id),
        scope,
        identity.id,
    );
    grant.authority = Authority::Declared;
    grant.loci = reading.loci();
    grant.actions = vec![String::from("use")];
    let left = MAX_SECRETS.saturating_sub(reading.batch.credentials.len());
    if left < names.len() {
        too_many(reading, format!("more than {MAX_SECRETS} uses of secrets"));
    }
    for (name, line) in names.iter().take(left) {
        let native_id = format!("{holder}:{name}");
        let mut credential =
            Credential::new(kinds::CI_SECRET, system.clone(), "", &*native_id, scope);
        credential.name.clone_from(name);
        credential.authority = Authority::Mentioned;
        credential.loci = reading.loci();
        credential.places.push(place.stored_at(None, Some(name.clone())));
        credential.evidence.push(reading.evidence(*line, "named here"));
        reading.batch.credentials.push(credential);
        grant.resources.push(native_id);
        grant.evidence.push(reading.evidence(*line, "named here"));
    }
    reading.batch.places.push(place);
    reading.batch.grants.push(grant);
    let keys: Vec<String> = names.keys().filter(|name| is_cloud_key(name)).cloned().collect();
    if !keys.is_empty() {
        identity.fact("static_cloud_keys", Fact::known(keys));
    }
}

/// Whether a variable of this name holds a long-lived key of a cloud.
pub(super) fn is_cloud_key(name: &str) -> bool {
    CLOUD_KEYS.iter().any(|key| name.eq_ignore_ascii_case(key))
}

/// Whether a variable's name says that its value is secret.
pub(super) fn is_telling_name(name: &str) -> bool {
    const TELLING: &[&str] = &[
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIAL",
        "API_KEY",
        "APIKEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "SSH_KEY",
        "SIGNING_KEY",
        "DEPLOY_KEY",
        "SERVICE_KEY",
        "SA_KEY",
        "KUBECONFIG",
        "AUTH_JSON",
        "_PAT",
        "WEBHOOK",
        "DSN",
        "CONNECTION_STRING",
        "_PASS",
        "_PWD",
    ];
    let upper = name.to_ascii_uppercase();
    TELLING.iter().any(|word| upper.contains(word)) || is_cloud_key(name)
}

/// The tokens that a job presents to whoever trusts its CI system.
#[derive(Debug, Clone)]
pub(super) struct Federation {
    pub issuer: String,
    pub subjects: Vec<Presented>,
}

/// One form that the subject of a job's token takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Presented {
    pub subject: String,
    /// What makes it so, as `key` and value: `event` `push`, `environment` `production`.
    pub when: BTreeSet<(&'static str, String)>,
    /// Why the subject may be another, when it may.
    pub inexact: Option<Text>,
}

impl Presented {
    pub(super) fn new(subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), when: BTreeSet::new(), inexact: None }
    }

    #[must_use]
    pub(super) fn when(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.when.insert((key, value.into()));
        self
    }

    #[must_use]
    pub(super) fn inexact(mut self, reason: impl Into<Text>) -> Self {
        self.inexact = Some(reason.into());
        self
    }

    /// Bytes of a trust in it.
    pub(super) fn cost(&self) -> usize {
        let when: usize =
            self.when.iter().map(|(_, value)| value.len() + size_of::<String>()).sum();
        size_of::<Trust>() + self.subject.len() + when
    }

    /// Whether code on any branch gets such a token.
    fn is_open(&self) -> bool {
        self.subject.ends_with(":*") && !self.subject.contains("environment:")
            || self.subject.ends_with("refs/heads/*")
            || self.subject.contains(":ref_type:branch:ref:*")
    }
}

/// One subject per form, with everything that leads to it.
pub(super) fn merge(all: Vec<Presented>) -> Vec<Presented> {
    let mut merged: BTreeMap<String, Presented> = BTreeMap::new();
    for presented in all {
        match merged.get_mut(&presented.subject) {
            Some(same) => {
                same.when.extend(presented.when);
                same.inexact = same.inexact.take().or(presented.inexact);
            }
            None => {
                merged.insert(presented.subject.clone(), presented);
            }
        }
    }
    merged.into_values().collect()
}

/// The identity takes on `role` by its federated token: a trust for each subject it presents.
pub(super) fn assumes(
    reading: &mut Reading<'_>,
    identity: &Identity,
    federation: &Federation,
    audience: Option<&str>,
    role: IdentityId,
    line: u32,
) {
    let left = MAX_TRUSTS.saturating_sub(reading.batch.trusts.len());
    if left < federation.subjects.len() {
        too_many(reading, format!("more than {MAX_TRUSTS} trusts"));
    }
    let shared = federation.issuer.len() + identity.native_id.len() + audience.map_or(0, str::len);
    for presented in federation.subjects.iter().take(left) {
        if !reading.may_repeat(shared + presented.cost()) {
            break;
        }
        let from = Subject::Federated {
            issuer: federation.issuer.clone(),
            subject: presented.subject.clone(),
            audience: audience.map(ToOwned::to_owned),
        };
        let mut trust = trust(reading, "web-identity", identity, from, role, line);
        let mut conditions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, value) in &presented.when {
            conditions.entry(key).or_default().push(value.clone());
        }
        for (key, values) in conditions {
            let operator = if key == "if" { "is" } else { "equals" }.into();
            trust.conditions.push(Condition { key: key.to_owned(), operator, values });
        }
        trust.facts.insert("any_branch".into(), Fact::known(presented.is_open()));
        let exact = Fact::known(presented.inexact.is_none());
        trust.facts.insert(
            "subject_exact".into(),
            match &presented.inexact {
                Some(reason) => exact.because(reason.clone()),
                None => exact,
            },
        );
        reading.batch.trusts.push(trust);
    }
}

/// The identity takes on `role` in a way other than a federated token.
pub(super) fn uses(
    reading: &mut Reading<'_>,
    mechanism: &'static str,
    identity: &Identity,
    role: IdentityId,
    line: u32,
) {
    let from = Subject::Identity { identity: identity.id };
    let trust = trust(reading, mechanism, identity, from, role, line);
    reading.batch.trusts.push(trust);
}

pub(super) fn trust(
    reading: &Reading<'_>,
    mechanism: &'static str,
    identity: &Identity,
    from: Subject,
    to: IdentityId,
    line: u32,
) -> Trust {
    let mut trust = Trust::new(
        mechanism,
        identity.system.clone(),
        "",
        identity.native_id.clone(),
        reading.folder.scope,
        from,
        to,
    );
    trust.authority = Authority::Declared;
    trust.loci = reading.loci();
    trust.evidence.push(reading.evidence(line, "asked for here"));
    trust.facts.insert("presented_by".into(), Fact::known(identity.id.to_string()));
    trust
}

/// States the subjects of a job's tokens, as each of very many jobs may; whether it could.
pub(super) fn tell_subjects(
    reading: &mut Reading<'_>,
    identity: &mut Identity,
    federation: &Federation,
) -> bool {
    let subjects = federation.subjects.iter().map(|presented| presented.subject.clone());
    let n_bytes = federation.subjects.iter().map(|one| one.subject.len() + size_of::<String>());
    let is_told = reading.may_repeat(n_bytes.sum());
    let fact = if is_told {
        Fact::known(subjects.collect::<Vec<_>>())
    } else {
        Fact::not_collected("more subjects than are told of one file")
    };
    identity.fact("oidc_subjects", fact);
    is_told
}

/// Text that variables were filled into may grow to this size; what would exceed it stays a name.
pub(super) const MAX_FILLED_BYTES: usize = 2_048;

/// `$NAME` and `${NAME}` in a shell text, `%NAME%` not.
pub(super) fn shell_variables(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for part in text.split('$').skip(1) {
        let part = part.strip_prefix('{').unwrap_or(part);
        let name: String =
            part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(256).collect();
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            names.insert(name);
        }
    }
    names
}

/// Takes in names, keeping the first line of each.
pub(super) fn note(names: &mut Names, name: impl Into<String>, line: u32) {
    let noted = names.entry(name.into()).or_insert(line);
    *noted = line.min(*noted);
}
