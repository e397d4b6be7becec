//! What one element of a state or plan says, as resources: an instance of version 4, a resource as
//! shown, the outputs.
//!
//! Pure: an element is in memory as a whole before it comes here. How it was read is not known.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Sink, version3};
use crate::address::public_text;
use crate::terraform::resource::Resource;

/// What a resource of version 4 is, beside its instances.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) module: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

pub(super) fn of_version_4(head: &Head, instance: Value, sink: Sink<'_>) -> Option<()> {
    let Value::Object(mut instance) = instance else { return None };
    let (kind, name) = (head.kind.clone()?, head.name.as_deref()?);
    let module = head.module.as_deref().unwrap_or_default();
    let managed = head.mode.as_deref() != Some("data");
    let attributes = match (instance.remove("attributes"), instance.remove("attributes_flat")) {
        (Some(Value::Object(attributes)), _) => attributes,
        (_, Some(Value::Object(flat))) => version3::unflatten(flat),
        _ => return None,
    };
    let key = match instance.get("index_key") {
        Some(Value::String(key)) => format!("[{}]", Value::from(key.as_str())),
        Some(Value::Number(key)) => format!("[{key}]"),
        _ => String::new(),
    };
    let deposed = match instance.get("deposed") {
        Some(Value::String(key)) if !key.is_empty() => format!(" (deposed {key})"),
        _ => String::new(),
    };
    let base = address(module, managed, &kind, name);
    sink(Resource {
        address: public_text(&format!("{base}{key}{deposed}")).into_owned(),
        modules: modules(module),
        managed,
        kind,
        attributes,
        sensitive: marked_paths(instance.get("sensitive_attributes")),
    });
    Some(())
}

pub(super) fn shown(element: Value, sink: Sink<'_>) -> Option<()> {
    let Value::Object(mut element) = element else { return None };
    let text = |key: &str| element.get(key).and_then(Value::as_str).map(String::from);
    let (kind, name) = (text("type")?, text("name")?);
    let managed = text("mode").as_deref() != Some("data");
    let address = text("address").unwrap_or_else(|| address("", managed, &kind, &name));
    let mut sensitive = BTreeSet::new();
    if let Some(marks) = element.get("sensitive_values") {
        marked_leaves(marks, "", &mut sensitive);
    }
    let Some(Value::Object(attributes)) = element.remove("values") else { return Some(()) };
    let modules = modules(&address);
    sink(Resource { address, modules, managed, kind, attributes, sensitive });
    Some(())
}

/// Outputs that are marked sensitive.
pub(super) fn outputs(outputs: &Value, sink: Sink<'_>) {
    let Value::Object(outputs) = outputs else { return };
    for (name, output) in outputs {
        if output.get("sensitive") != Some(&Value::Bool(true)) {
            continue;
        }
        let Some(value) = output.get("value") else { continue };
        sink(Resource {
            address: format!("output.{name}"),
            managed: true,
            kind: "output".into(),
            attributes: Map::from_iter([(name.clone(), value.clone())]),
            sensitive: BTreeSet::from([name.clone()]),
            ..Resource::default()
        });
    }
}

fn address(module: &str, managed: bool, kind: &str, name: &str) -> String {
    let data = if managed { "" } else { "data." };
    let dot = if module.is_empty() { "" } else { "." };
    format!("{module}{dot}{data}{kind}.{name}")
}

/// The modules of an address: `module.a["x.y"].module.b.aws_x.name` → `a`, `b`.
fn modules(address: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let (name, mut tail) = after.split_at(end);
        names.push(name.to_owned());
        if tail.starts_with('[') {
            let end = tail.find("].").map_or(tail.len(), |at| at + 1);
            tail = tail.split_at(end).1;
        }
        rest = tail.strip_prefix('.').unwrap_or_default();
    }
    names
}

/// `[[{"type": "get_attr", "value": "password"}], …]` → `password`; indexes are left out.
fn marked_paths(marks: Option<&Value>) -> BTreeSet<String> {
    let Some(Value::Array(paths)) = marks else { return BTreeSet::new() };
    let name_of = |step: &Value| {
        let is_name = step.get("type").and_then(Value::as_str) == Some("get_attr");
        step.get("value").and_then(Value::as_str).filter(|_| is_name).map(String::from)
    };
    let dotted = |path: &Value| match path {
        Value::Array(steps) => {
            let names: Vec<String> = steps.iter().filter_map(name_of).collect();
            (!names.is_empty()).then(|| names.join("."))
        }
        Value::String(name) => Some(name.clone()),
        _ => None,
    };
    paths.iter().filter_map(dotted).collect()
}

/// `{"password": true, "block": [{"key": true}]}` → `password`, `block.key`.
fn marked_leaves(marks: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match marks {
        Value::Bool(true) => {
            found.insert(prefix.into());
        }
        Value::Object(map) => {
            for (key, value) in map {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                marked_leaves(value, &name, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| marked_leaves(value, prefix, found)),
        _ => {}
    }
}
