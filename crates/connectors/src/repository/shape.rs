//! Which reader a file is for, told by its name and its first look.

use std::path::Path;

use model::GapReason;

use super::reading::Reading;
use super::{ci_github, ci_gitlab, kubernetes, secrets, walk};
use crate::yaml::{self, Node};

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
    KubernetesManifests,
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
    if !matches!(extension, "yml" | "yaml" | "json") {
        return None;
    }
    let folder =
        |n: usize| path.iter().rev().nth(n).and_then(|part| part.to_str()).unwrap_or_default();
    if folder(1) == "workflows" && matches!(folder(2), ".github" | ".gitea" | ".forgejo") {
        return Some(Shape::GithubWorkflow);
    }
    if matches!(name, "action.yml" | "action.yaml")
        && memchr::memmem::find(bytes, b"runs:").is_some()
    {
        return Some(Shape::GithubAction);
    }
    if name.ends_with(".gitlab-ci.yml")
        || name.ends_with(".gitlab-ci.yaml")
        || (folder(1) == ".gitlab" || folder(2) == ".gitlab") && extension != "json"
    {
        return Some(Shape::GitlabCi);
    }
    let says = |key: &[u8]| memchr::memmem::find(bytes, key).is_some();
    if says(b"apiVersion") && says(b"kind") {
        return Some(Shape::KubernetesManifests);
    }
    None
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
        Shape::KubernetesManifests => documents(reading, kubernetes::manifest),
    }
    let bytes = reading.file.bytes;
    if walk::is_binary(bytes) {
        return;
    }
    if shape != Shape::KeyContainer && memchr::memmem::find(bytes, b"-----BEGIN ").is_some() {
        secrets::containers(reading);
    }
    if credentials::might_hold(bytes) {
        secrets::search(reading, 0, bytes.len());
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
        let is_template = memchr::memmem::find(reading.file.bytes, b"{{").is_some();
        if problem.reason() == GapReason::Malformed && is_template && !in_workflows(reading) {
            // A Helm or Jinja template is not YAML and does not claim to be.
            return;
        }
        reading.gap(problem.reason(), problem.to_string());
    }
}

fn in_workflows(reading: &Reading<'_>) -> bool {
    reading.file.path.iter().any(|part| part == "workflows" || part == ".gitlab")
}
