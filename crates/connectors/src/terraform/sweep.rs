//! Secrets of resource types that no table knows: what the provider or the configuration marks as
//! sensitive, and what is named like a secret.

use model::Fact;
use serde_json::Value;

use super::reading::Reading;
use super::resource::Resource;
use crate::dossier::tells_secret;

/// Attributes are looked into this deep.
const MAX_DEPTH: usize = 6;

/// Where in a resource a value stands.
struct Spot {
    /// With the numbers of list elements: what people are shown.
    path: String,
    /// Without them: how marks name it.
    mark: String,
    /// The last name on the way.
    name: String,
    is_marked: bool,
    depth: usize,
}

impl Spot {
    fn element(&self, n: usize) -> Self {
        let path = format!("{}.{n}", self.path);
        let (mark, name) = (self.mark.clone(), self.name.clone());
        Self { path, mark, name, is_marked: self.is_marked, depth: self.depth + 1 }
    }

    fn member(&self, resource: &Resource, key: &str) -> Self {
        let mark = format!("{}.{key}", self.mark);
        let is_marked = self.is_marked || resource.sensitive.contains(&mark);
        let path = format!("{}.{key}", self.path);
        Self { path, mark, name: key.into(), is_marked, depth: self.depth + 1 }
    }
}

/// States every secret of the resource that its own reader did not deal with.
pub(super) fn sweep(reading: &mut Reading<'_>, resource: &Resource) {
    for (name, value) in &resource.attributes {
        if reading.dealt_with.contains(name.as_str()) {
            continue;
        }
        let is_marked = resource.sensitive.contains(name);
        let (path, mark, name) = (name.clone(), name.clone(), name.clone());
        look(reading, resource, &Spot { path, mark, name, is_marked, depth: 0 }, value);
    }
}

fn look(reading: &mut Reading<'_>, resource: &Resource, spot: &Spot, value: &Value) {
    if spot.depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::String(text) if spot.is_marked || is_likely(&spot.name, text) => {
            let is_taken_apart = reading.containers(resource, &spot.path, text);
            if !is_taken_apart {
                let kind = super::kind_of_name(&spot.name);
                reading.secret(resource, kind, &spot.path, text, None, |credential| {
                    if spot.is_marked {
                        credential.fact("confidence", Fact::known("sure"));
                    }
                });
            }
        }
        Value::Array(list) => {
            for (n, element) in list.iter().enumerate() {
                look(reading, resource, &spot.element(n), element);
            }
        }
        Value::Object(map) => {
            for (key, element) in map {
                look(reading, resource, &spot.member(resource, key), element);
            }
        }
        _ => {}
    }
}

/// Every text of a resource that its name or a mark says is secret.
pub(super) fn secret_texts(resource: &Resource, visit: &mut dyn FnMut(&str)) {
    for (name, value) in &resource.attributes {
        let is_marked = resource.sensitive.contains(name);
        let (path, mark, name) = (String::new(), name.clone(), name.clone());
        visit_secrets(resource, &Spot { path, mark, name, is_marked, depth: 0 }, value, visit);
    }
}

fn visit_secrets(resource: &Resource, spot: &Spot, value: &Value, visit: &mut dyn FnMut(&str)) {
    /// Shorter ones are words that keys have too.
    const MIN_BYTES: usize = 4;
    if spot.depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::String(text) => {
            let is_secret = spot.is_marked || tells_secret(&spot.name) && !is_derived(&spot.name);
            if is_secret && text.len() >= MIN_BYTES {
                visit(text);
            }
        }
        Value::Array(list) => {
            for it in list {
                visit_secrets(resource, &spot.element(0), it, visit);
            }
        }
        Value::Object(map) => {
            for (key, it) in map {
                visit_secrets(resource, &spot.member(resource, key), it, visit);
            }
        }
        _ => {}
    }
}

fn is_likely(name: &str, text: &str) -> bool {
    tells_secret(name) && !is_derived(name) && is_possible(text)
}

/// Hashes and ciphertext of secrets, versions, and switches about them.
fn is_derived(name: &str) -> bool {
    let name = name.to_lowercase();
    ["hash", "encrypted", "version", "fingerprint", "public", "_wo", "rotation", "polic", "arn"]
        .iter()
        .any(|part| name.contains(part))
}

/// Names tell little: a switch, a number or one short word is no secret.
fn is_possible(text: &str) -> bool {
    text.len() >= 6
        && !matches!(text, "true" | "false" | "enabled" | "disabled" | "required" | "optional")
        && !text.starts_with("arn:")
        && !text.starts_with("projects/")
        && !text.starts_with("/subscriptions/")
}
