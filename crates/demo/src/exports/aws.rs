//! What the AWS command line prints for an account.

use std::fmt::Write as _;
use std::io;

use model::{Identity, Time};
use serde_json::{Value, json};

use super::{Estate, Folder, chance, policy, trust_policy};
use crate::plan::Plan;

const REPORT_HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
    password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
    access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
    access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
    cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// AWS allows two; an estate with more credentials for each identity has more in its records.
const MAX_KEYS: usize = 2;

pub(super) fn write(plan: &Plan, aws: &Estate, folder: &mut Folder) -> io::Result<()> {
    let kinds = ["iam-role", "iam-user", "function"];
    for (account, identities) in aws.by(&kinds, |identity| &identity.instance) {
        let of =
            |kind: &'static str| identities.iter().filter(move |identity| identity.kind == kind);
        let users: Vec<Value> = of("iam-user").map(|user| user_detail(plan, aws, user)).collect();
        let roles: Vec<Value> = of("iam-role").map(|role| role_detail(plan, aws, role)).collect();
        folder.json(
            &format!("aws/{account}/account-authorization-details.json"),
            &json!({
                "UserDetailList": users,
                "GroupDetailList": [],
                "RoleDetailList": roles,
                "Policies": [],
                "IsTruncated": false,
            }),
        )?;
        let mut report = format!("{REPORT_HEADER}\n");
        let mut keys = Vec::new();
        for user in of("iam-user") {
            report_line(aws, user, &mut report);
            keys.extend(aws.credentials(user).take(MAX_KEYS).map(|key| {
                json!({
                    "UserName": user.name,
                    "AccessKeyId": key.native_id,
                    "Status": if key.enabled.value() == Some(&false) { "Inactive" } else { "Active" },
                    "CreateDate": date(key.created_at.value()),
                })
            }));
        }
        folder.file(&format!("aws/{account}/credential-report.csv"), &report)?;
        folder.json(
            &format!("aws/{account}/access-keys.json"),
            &json!({ "AccessKeyMetadata": keys }),
        )?;
        let functions: Vec<Value> =
            of("function").map(|function| function_detail(aws, function)).collect();
        folder
            .json(&format!("aws/{account}/functions.json"), &json!({ "Functions": functions }))?;
    }
    Ok(())
}

fn date(time: Option<&Time>) -> Value {
    time.map_or(Value::Null, |time| json!(time.to_string()))
}

fn tags(identity: &Identity) -> Vec<Value> {
    identity.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// `AROA…`, `AIDA…`: AWS's own ids of roles and users.
fn unique_id(plan: &Plan, prefix: &str, identity: &Identity) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    format!("{prefix}{}", chance(plan, &identity.native_id).text(letters, 17))
}

fn policies(aws: &Estate, identity: &Identity) -> Vec<Value> {
    (aws.grants(identity))
        .enumerate()
        .map(|(n, grant)| {
            let name = grant.via.as_deref().unwrap_or("policy");
            json!({ "PolicyName": format!("{name}-{n}"), "PolicyDocument": policy(&[grant]) })
        })
        .collect()
}

fn user_detail(plan: &Plan, aws: &Estate, user: &Identity) -> Value {
    json!({
        "Path": "/",
        "UserName": user.name,
        "UserId": unique_id(plan, "AIDA", user),
        "Arn": user.native_id,
        "CreateDate": date(user.created_at.value()),
        "UserPolicyList": policies(aws, user),
        "GroupList": [],
        "AttachedManagedPolicies": [],
        "Tags": tags(user),
    })
}

fn role_detail(plan: &Plan, aws: &Estate, role: &Identity) -> Value {
    let last_used = match role.last_used_at.value() {
        Some(time) => json!({ "LastUsedDate": time.to_string(), "Region": "eu-west-1" }),
        None => json!({}),
    };
    json!({
        "Path": "/",
        "RoleName": role.name,
        "RoleId": unique_id(plan, "AROA", role),
        "Arn": role.native_id,
        "CreateDate": date(role.created_at.value()),
        "AssumeRolePolicyDocument": trust_policy(aws, role),
        "InstanceProfileList": [],
        "RolePolicyList": policies(aws, role),
        "AttachedManagedPolicies": [],
        "Tags": tags(role),
        "RoleLastUsed": last_used,
    })
}

fn function_detail(aws: &Estate, function: &Identity) -> Value {
    let runtime = function.facts.get("runtime").and_then(|runtime| runtime.value());
    json!({
        "FunctionName": function.name,
        "FunctionArn": function.native_id,
        "Runtime": runtime.map(ToString::to_string),
        "Role": aws.runs_as(function).map(|role| &role.native_id),
        "LastModified": date(function.created_at.value()),
    })
}

fn report_line(aws: &Estate, user: &Identity, report: &mut String) {
    let created = date(user.created_at.value());
    let created = created.as_str().unwrap_or("N/A");
    let mut line = format!("{},{},{created},false,N/A,N/A,N/A,false", user.name, user.native_id);
    let mut keys = aws.credentials(user);
    for _ in 0..MAX_KEYS {
        let Some(key) = keys.next() else {
            line.push_str(",false,N/A,N/A,N/A,N/A");
            continue;
        };
        let active = key.enabled.value() != Some(&false);
        let rotated = key.created_at.value().map_or_else(|| "N/A".to_owned(), Time::to_string);
        let used = match key.last_used_at.value() {
            Some(time) => format!("{time},eu-west-1,s3"),
            None => "N/A,N/A,N/A".to_owned(),
        };
        // Writing to a string cannot fail.
        write!(line, ",{active},{rotated},{used}").unwrap_or_default();
    }
    line.push_str(",false,N/A,false,N/A\n");
    report.push_str(&line);
}
