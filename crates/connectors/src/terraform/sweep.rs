//! Secrets of resource types that no table knows: what the provider or the configuration marks as
//! sensitive, and what is named like a secret.

use model::Fact;
use serde_json::Value;

use super::reading::Reading;
use super::resource::Resource;
use crate::dossier::tells_secret;

/// Attributes are looked into this deep.
const MAX_DEPTH: usize = 6;

/// Of a longer name, so much is looked at.
const MAX_NAME_BYTES: usize = 1_024;

/// Where in a resource a text stands.
struct Spot<'a> {
    /// With the numbers of list elements: what people are shown.
    path: &'a str,
    /// The last name on the way.
    name: &'a str,
    is_marked: bool,
}

/// States every secret of the resource that its own reader did not deal with.
pub(super) fn sweep(reading: &mut Reading<'_>, resource: &Resource) {
    for (name, value) in &resource.attributes {
        if reading.dealt_with.contains(name.as_str()) {
            continue;
        }
        Walk::of(resource, name, value, &mut |spot, text| {
            if !spot.is_marked && !is_likely(spot.name, text) {
                return;
            }
            let is_taken_apart = reading.containers(resource, spot.path, text);
            if !is_taken_apart {
                let kind = super::kind_of_name(spot.name);
                reading.secret(resource, kind, spot.path, text, None, |credential| {
                    if spot.is_marked {
                        credential.fact("confidence", Fact::known("sure"));
                    }
                });
            }
        });
    }
}

/// Every text of a resource that its name or a mark says is secret.
pub(super) fn secret_texts(resource: &Resource, visit: &mut dyn FnMut(&str)) {
    /// Shorter ones are words that keys have too.
    const MIN_BYTES: usize = 4;
    for (name, value) in &resource.attributes {
        Walk::of(resource, name, value, &mut |spot, text| {
            let is_secret = spot.is_marked || tells_secret(spot.name) && !is_derived(spot.name);
            if is_secret && text.len() >= MIN_BYTES {
                visit(text);
            }
        });
    }
}

/// Goes through the texts of an attribute.
struct Walk<'a> {
    resource: &'a Resource,
    path: String,
    /// The same without the numbers of list elements: how marks name it.
    mark: String,
    visit: &'a mut dyn FnMut(&Spot<'_>, &str),
}

impl<'a> Walk<'a> {
    fn of(
        resource: &'a Resource,
        name: &str,
        value: &Value,
        visit: &'a mut dyn FnMut(&Spot<'_>, &str),
    ) {
        let mut walk = Self { resource, path: String::new(), mark: String::new(), visit };
        walk.member(name, false, 0, value);
    }

    /// Names are as long as a file makes them, and stand before each of many elements.
    fn member(&mut self, name: &str, is_marked: bool, depth: usize, value: &Value) {
        let name = name.get(..name.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default();
        let (path, mark) = (self.path.len(), self.mark.len());
        for way in [&mut self.path, &mut self.mark] {
            if !way.is_empty() {
                way.push('.');
            }
            way.push_str(name);
        }
        let is_marked = is_marked || self.resource.sensitive.contains(&self.mark);
        self.look(name, is_marked, depth, value);
        self.path.truncate(path);
        self.mark.truncate(mark);
    }

    fn look(&mut self, name: &str, is_marked: bool, depth: usize, value: &Value) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::String(text) => {
                (self.visit)(&Spot { path: &self.path, name, is_marked }, text);
            }
            Value::Array(list) => {
                let path = self.path.len();
                for (n, element) in list.iter().enumerate() {
                    self.path.push_str(&format!(".{n}"));
                    self.look(name, is_marked, depth + 1, element);
                    self.path.truncate(path);
                }
            }
            Value::Object(map) => {
                for (key, element) in map {
                    self.member(key, is_marked, depth + 1, element);
                }
            }
            _ => {}
        }
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
