//! A module of a version 3 state as resources. That version writes every attribute as one flat
//! text, which is made the tree that later versions write.
//!
//! Early states of version 4 keep resources that no provider has read since in the same flat form.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Sink;
use crate::terraform::resource::Resource;

/// Flat attributes with more parts than this in their name are left out.
const MAX_PARTS: usize = 32;
/// A list with more elements than this is read up to here.
const MAX_ELEMENTS: usize = 100_000;

pub(super) fn resources(module: Value, sink: Sink<'_>) -> Option<()> {
    let Value::Object(mut module) = module else { return None };
    let path: Vec<String> = match module.get("path") {
        Some(Value::Array(path)) => {
            path.iter().skip(1).filter_map(Value::as_str).map(String::from).collect()
        }
        _ => Vec::new(),
    };
    let prefix: Vec<String> = path.iter().map(|name| format!("module.{name}")).collect();
    let Some(Value::Object(resources)) = module.remove("resources") else { return Some(()) };
    for (key, resource) in resources {
        let Value::Object(mut resource) = resource else { continue };
        let Some(kind) = resource.get("type").and_then(Value::as_str).map(String::from) else {
            continue;
        };
        let Some(Value::Object(mut primary)) = resource.remove("primary") else { continue };
        let Some(Value::Object(mut flat)) = primary.remove("attributes") else { continue };
        if let Some(id) = primary.remove("id") {
            flat.entry("id").or_insert(id);
        }
        let address = prefix.iter().map(String::as_str).chain([key.as_str()]);
        sink(Resource {
            address: address.collect::<Vec<_>>().join("."),
            modules: path.clone(),
            managed: !key.starts_with("data."),
            kind,
            attributes: unflatten(flat),
            sensitive: BTreeSet::new(),
        });
    }
    Some(())
}

/// The flat attributes of version 3 as a tree: `tags.%`, `tags.Name`, `rule.#`, `rule.123.port`.
pub(super) fn unflatten(flat: Map<String, Value>) -> Map<String, Value> {
    let lists: BTreeSet<String> =
        flat.keys().filter_map(|key| key.strip_suffix(".#").map(String::from)).collect();
    let mut tree = Map::new();
    for (key, value) in flat {
        let parts: Vec<&str> = key.split('.').collect();
        let Some((last, path)) = parts.split_last() else { continue };
        if matches!(*last, "#" | "%") || parts.len() > MAX_PARTS {
            continue;
        }
        if let Some(at) = below(&mut tree, path) {
            at.insert((*last).to_owned(), value);
        }
    }
    // Inner lists first: an outer one that is a list already has no keys to go by.
    for list in lists.iter().rev() {
        make_list(&mut tree, list);
    }
    tree
}

/// The object at a path, made where it is missing; none when something else stands in the way (a
/// tag may be called `a`, and another `a.b`).
fn below<'t>(
    tree: &'t mut Map<String, Value>,
    path: &[&str],
) -> Option<&'t mut Map<String, Value>> {
    path.iter().try_fold(tree, |at, part| {
        at.entry((*part).to_owned()).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
    })
}

/// Turns the object at a dotted path into the list of its values, in the order of their keys.
fn make_list(tree: &mut Map<String, Value>, path: &str) {
    let mut parts = path.split('.').peekable();
    let mut at = tree;
    while let Some(part) = parts.next() {
        let Some(next) = at.get_mut(part) else { return };
        if parts.peek().is_some() {
            match next {
                Value::Object(map) => at = map,
                _ => return,
            }
            continue;
        }
        if let Value::Object(map) = next {
            let elements = std::mem::take(map).into_iter().take(MAX_ELEMENTS);
            let mut elements: Vec<(String, Value)> = elements.collect();
            elements.sort_by_key(|(key, _)| (key.parse::<u64>().unwrap_or(u64::MAX), key.clone()));
            *next = Value::Array(elements.into_iter().map(|(_, value)| value).collect());
        }
        return;
    }
}
