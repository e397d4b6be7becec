//! Policies that are part of resources: buckets, keys, functions, queues, topics, secrets,
//! repositories. Which resource it is, few replies say themselves; the README tells how the others
//! are given it.

use model::{GapReason, PolicyKind};
use serde_json::Value;

use crate::item::{Item, text};
use crate::reading::Reading;

/// A parameter of the call that is an ARN, whatever its name.
fn stated_arn<'a>(item: &Item<'a>) -> Option<&'a str> {
    let mut stated = item.parameters.values().filter_map(Value::as_str);
    stated.find(|value| value.starts_with("arn:"))
}

/// The policy that a reply has, of the resource with an ARN; a gap without one.
fn policy(reading: &mut Reading<'_>, item: &Item<'_>, arn: Option<String>, parameter: &str) {
    let Some(value) = item.value.get("Policy") else { return };
    if let Some(arn) = arn {
        return keep(reading, item, &arn, value);
    }
    let detail = format!(
        "which resource the policy is part of is not told: wrap the reply in \
         {{\"Call\": {{\"{parameter}\": …}}, \"Output\": …}}, or see the README for names of files"
    );
    reading.miss(GapReason::Unsupported, &detail);
}

pub(crate) fn of_bucket(reading: &mut Reading<'_>, item: &Item<'_>) {
    let named = item.stated_parameter("Bucket").or(is_bucket(item.stem).then_some(item.stem));
    let arn = stated_arn(item).map(String::from);
    let arn = arn.or_else(|| named.map(|bucket| format!("arn:aws:s3:::{bucket}")));
    policy(reading, item, arn, "Bucket");
}

/// Keys are named by an ARN, or by an id in a region.
pub(crate) fn of_key(reading: &mut Reading<'_>, item: &Item<'_>) {
    let made = item.stated_parameter("KeyId").zip(item.stated_parameter("Region"));
    let made = made.map(|(id, region)| format!("arn:aws:kms:{region}:{}:key/{id}", item.account));
    policy(reading, item, stated_arn(item).map(String::from).or(made), "KeyId");
}

/// Each statement of a function's policy names the function.
pub(crate) fn of_function(reading: &mut Reading<'_>, item: &Item<'_>) {
    let arn = item.text("Policy").and_then(resource_of_statements);
    policy(reading, item, stated_arn(item).map(String::from).or(arn), "FunctionName");
}

fn resource_of_statements(document: &str) -> Option<String> {
    let statements = connectors::aws::statements(document);
    let arn = statements.iter().flat_map(|statement| &statement.resources).next()?;
    // `arn:aws:lambda:eu-west-1:123456789012:function:name`, and perhaps `:version`.
    let parts: Vec<&str> = arn.split(':').take(7).collect();
    (parts.len() == 7 && parts.get(5) == Some(&"function")).then(|| parts.join(":"))
}

/// Names of buckets have no capital letters: a file called after its call is not taken for one.
fn is_bucket(name: &str) -> bool {
    let is_named_after_call = name.contains("policy") || name == "output";
    (3..=63).contains(&name.len())
        && !is_named_after_call
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
}

fn keep(reading: &mut Reading<'_>, item: &Item<'_>, arn: &str, value: &Value) {
    let native_id = format!("{arn}#policy");
    let name = format!("policy of {}", arn.rsplit(':').next().unwrap_or(arn));
    reading.policy(item, PolicyKind::ResourcePolicy, [&native_id, &name], value, |policy| {
        policy.resource = Some(arn.into());
    });
}

pub(crate) fn of_queue(reading: &mut Reading<'_>, item: &Item<'_>) {
    attributes(reading, item, "QueueArn");
}

pub(crate) fn of_topic(reading: &mut Reading<'_>, item: &Item<'_>) {
    attributes(reading, item, "TopicArn");
}

fn attributes(reading: &mut Reading<'_>, item: &Item<'_>, key: &str) {
    let Some(attributes) = item.object("Attributes") else { return };
    if let (Some(arn), Some(value)) = (text(attributes, key), attributes.get("Policy")) {
        keep(reading, item, arn, value);
    }
}

pub(crate) fn of_secret(reading: &mut Reading<'_>, item: &Item<'_>) {
    if let (Some(arn), Some(value)) = (item.text("ARN"), item.value.get("ResourcePolicy")) {
        keep(reading, item, arn, value);
    }
}

pub(crate) fn of_repository(reading: &mut Reading<'_>, item: &Item<'_>) {
    let (Some(name), Some(value)) = (item.text("repositoryName"), item.value.get("policyText"))
    else {
        return;
    };
    let Some(region) = item.stated_parameter("Region") else {
        let detail = format!(
            "the region of the repository `{name}` is not told: wrap the reply in \
             {{\"Call\": {{\"Region\": …}}, \"Output\": …}}"
        );
        return reading.miss(GapReason::Unsupported, &detail);
    };
    let registry = item.text("registryId").unwrap_or(item.account);
    let arn = format!("arn:aws:ecr:{region}:{registry}:repository/{name}");
    keep(reading, item, &arn, value);
}
