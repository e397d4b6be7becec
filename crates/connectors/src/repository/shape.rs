//! Which reader a file is for, told by its name and its first look.

use std::path::Path;

use model::{GapReason, kinds};

use super::reading::Reading;
use super::{
    ci_azure, ci_github, ci_gitlab, ci_hosted, ci_jenkins, docker, kubernetes, secrets, variables,
    walk,
};
use crate::yaml::{self, Node};
use crate::{agents, homes, terraform};

/// What a file is, for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing of interest: the common case, decided without copying or decoding anything.
    Nothing,
    /// Text with something that may be a secret, certificate or key in it.
    Telling,
    /// By its name a certificate, key or key store.
    KeyContainer,
    GithubWorkflow,
    GithubAction,
    GitlabCi,
    Jenkinsfile,
    AzurePipelines,
    CircleCi,
    Bitbucket,
    KubernetesManifests,
    Dockerfile,
    Compose,
    Kustomization,
    Dotenv,
    Variables,
    AnsibleVault,
    TerraformState,
    AgentConfig,
    /// A file in which a tool keeps how it signs in.
    ToolCredentials,
}

const KEY_EXTENSIONS: &[&str] = &[
    "p12",
    "pfx",
    "jks",
    "keystore",
    "truststore",
    "der",
    "crt",
    "cer",
    "key",
    "pem",
    "keytab",
    "p8",
    "ppk",
];

pub(super) fn of(path: &Path, bytes: &[u8]) -> Shape {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if KEY_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)) {
        return Shape::KeyContainer;
    }
    if walk::is_binary(bytes) {
        return Shape::Nothing;
    }
    by_name(path, name, extension, bytes)
        .unwrap_or_else(|| if is_telling(bytes) { Shape::Telling } else { Shape::Nothing })
}

fn by_name(path: &Path, name: &str, extension: &str, bytes: &[u8]) -> Option<Shape> {
    if terraform::is_state(name) {
        return Some(Shape::TerraformState);
    }
    if name.starts_with("Dockerfile")
        || name.starts_with("Containerfile")
        || extension == "dockerfile"
    {
        return Some(Shape::Dockerfile);
    }
    if name.starts_with("Jenkinsfile") || extension == "jenkinsfile" {
        return Some(Shape::Jenkinsfile);
    }
    if name == ".env" || name.starts_with(".env.") || extension == "env" || name == ".envrc" {
        return Some(if variables::is_example(name) { Shape::Telling } else { Shape::Dotenv });
    }
    if bytes.starts_with(variables::VAULT_MARK) {
        return Some(Shape::AnsibleVault);
    }
    if path.to_str().is_some_and(homes::is_in_folder) {
        return Some(Shape::ToolCredentials);
    }
    if matches!(extension, "json" | "jsonc" | "toml" | "yml" | "yaml")
        && path.to_str().is_some_and(|path| agents::project_file(path).is_some())
    {
        return Some(Shape::AgentConfig);
    }
    match extension {
        "yml" | "yaml" => of_yaml(path, name, bytes),
        "json" if is_manifest(bytes) => Some(Shape::KubernetesManifests),
        _ => None,
    }
}

fn of_yaml(path: &Path, name: &str, bytes: &[u8]) -> Option<Shape> {
    let above = |n: usize| {
        let part = path.iter().rev().nth(n);
        part.and_then(|part| part.to_str()).unwrap_or_default()
    };
    let (parent, grandparent) = (above(1), above(2));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let says = |key: &[u8]| memchr::memmem::find(bytes, key).is_some();
    if parent == "workflows" && matches!(grandparent, ".github" | ".gitea" | ".forgejo") {
        return Some(Shape::GithubWorkflow);
    }
    if stem == "action" && says(b"runs:") {
        return Some(Shape::GithubAction);
    }
    if stem.ends_with(".gitlab-ci") || parent == ".gitlab" || grandparent == ".gitlab" {
        return Some(Shape::GitlabCi);
    }
    if stem.starts_with("azure-pipelines") || matches!(parent, ".azure-pipelines" | ".azuredevops")
    {
        return Some(Shape::AzurePipelines);
    }
    if parent == ".circleci" {
        return Some(Shape::CircleCi);
    }
    if stem == "bitbucket-pipelines" {
        return Some(Shape::Bitbucket);
    }
    if stem.starts_with("docker-compose") || stem == "compose" || stem.starts_with("compose.") {
        return Some(Shape::Compose);
    }
    if stem == "kustomization" {
        return Some(Shape::Kustomization);
    }
    if is_manifest(bytes) {
        return Some(Shape::KubernetesManifests);
    }
    if says(b"!vault") {
        return Some(Shape::AnsibleVault);
    }
    const OF_VARIABLES: &[&str] =
        &["group_vars", "host_vars", "vars", "defaults", "inventory", "inventories"];
    let is_of_variables = OF_VARIABLES.contains(&parent) || OF_VARIABLES.contains(&grandparent);
    if stem.starts_with("values") || stem.ends_with("values") || is_of_variables {
        return Some(Shape::Variables);
    }
    None
}

fn is_manifest(bytes: &[u8]) -> bool {
    let says = |key: &[u8]| memchr::memmem::find(bytes, key).is_some();
    says(b"apiVersion") && says(b"kind")
}

fn is_telling(bytes: &[u8]) -> bool {
    credentials::might_hold(bytes) || memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}

/// Reads a file as what it is. Whatever it is, its text is also searched for secrets.
pub(super) fn read(shape: Shape, reading: &mut Reading<'_>) {
    match shape {
        Shape::Nothing => return,
        Shape::Telling => {}
        Shape::KeyContainer => secrets::containers(reading),
        Shape::GithubWorkflow => documents(reading, ci_github::workflow),
        Shape::GithubAction => documents(reading, ci_github::action),
        Shape::GitlabCi => documents(reading, ci_gitlab::pipeline),
        Shape::Jenkinsfile => ci_jenkins::jenkinsfile(reading),
        Shape::AzurePipelines => documents(reading, ci_azure::pipeline),
        Shape::CircleCi => documents(reading, ci_hosted::circleci),
        Shape::Bitbucket => documents(reading, ci_hosted::bitbucket),
        Shape::KubernetesManifests => documents(reading, kubernetes::manifest),
        Shape::Dockerfile => docker::dockerfile(reading),
        Shape::Compose => documents(reading, docker::compose),
        Shape::Kustomization => documents(reading, kubernetes::kustomization),
        Shape::Dotenv => variables::dotenv(reading),
        Shape::Variables => documents(reading, variables::values),
        Shape::AnsibleVault => variables::vault(reading),
        // These readers state what is secret in the file themselves.
        Shape::TerraformState => {
            reading.handed_on(kinds::PLACE_STATE, terraform::read_file);
            return;
        }
        Shape::AgentConfig => {
            if let Some(file) = reading.file.path.to_str().and_then(agents::project_file) {
                reading.handed_on(kinds::PLACE_FILE, |bytes, at| agents::read(file, bytes, at));
                return;
            }
        }
        Shape::ToolCredentials => {
            if let Some(path) = reading.file.path.to_str() {
                reading.handed_on(kinds::PLACE_FILE, |bytes, at| {
                    homes::read_in_folder(path, bytes, at)
                });
                return;
            }
        }
    }
    let bytes = reading.file.bytes;
    if walk::is_binary(bytes) {
        return;
    }
    if shape != Shape::KeyContainer && memchr::memmem::find(bytes, b"-----BEGIN ").is_some() {
        // Source code quotes headers and broken keys; only a file that is one owes us a whole one.
        let n_gaps = reading.gaps.len();
        secrets::containers(reading);
        reading.gaps.truncate(n_gaps);
    }
    if credentials::might_hold(bytes) {
        let mut found = secrets::sweep(bytes, 0, bytes.len());
        secrets::without_keys_known(reading, &mut found);
        secrets::swept(reading, found);
    }
}

/// Reads each YAML document; what stood before a syntax error still counts.
fn documents(reading: &mut Reading<'_>, read: fn(&mut Reading<'_>, &Node)) {
    let text = reading.text();
    let (documents, problem) = yaml::load(&text);
    for document in &documents {
        read(reading, document);
    }
    if let Some(problem) = problem {
        // A Helm or Jinja template is not YAML and does not claim to be.
        let is_template = memchr::memmem::find(reading.file.bytes, b"{{").is_some();
        let is_workflow = memchr::memmem::find(reading.file.bytes, b"${{").is_some();
        if problem.reason() == GapReason::Malformed && is_template && !is_workflow {
            return;
        }
        reading.gap(problem.reason(), problem.to_string());
    }
}
