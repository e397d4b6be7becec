//! A request as its service's protocol wants it; not signed yet.

use serde_json::{Map, Value};

use crate::live::operations::{Fixed, Operation, Protocol, Service};

/// What is asked for: parameters by name.
pub(crate) type Parameters = Map<String, Value>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) heads: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// The partition of a region: which part of AWS, each with accounts and hosts of its own.
pub(crate) fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

fn suffix_of(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

/// Whether it is written as a region is: what goes into the name of a host is nothing else.
pub(crate) fn is_region(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    text.len() <= 40 && text.split('-').count() >= 3 && text.split('-').all(is_part)
}

/// Where a service answers for a region, and the region its requests are signed for.
pub(crate) fn place_of(service: &Service, region: &str) -> (String, String) {
    let partition = partition_of(region);
    let suffix = suffix_of(partition);
    match service.central {
        None => (format!("https://{}.{region}.{suffix}", service.host), region.to_owned()),
        Some(central) => {
            let region = central(partition);
            // IAM's own host of the first partition, and of China, has no region in it.
            let host = match (service.name, partition) {
                ("iam", "aws") => format!("https://iam.{suffix}"),
                ("iam", "aws-us-gov") => format!("https://iam.us-gov.{suffix}"),
                _ => format!("https://{}.{region}.{suffix}", service.host),
            };
            (host, region.to_owned())
        }
    }
}

/// The request of an operation for some parameters, at a host.
pub(crate) fn plain(
    operation: &Operation,
    host: &str,
    parameters: &Parameters,
    page: Option<&str>,
) -> Plain {
    let mut sent: Vec<(&str, Value)> = Vec::new();
    for (name, value) in operation.fixed {
        let value = match value {
            Fixed::Text(text) => Value::from(*text),
            Fixed::Number(number) => Value::from(*number),
            Fixed::One(text) => Value::from(vec![*text]),
        };
        sent.push((name, value));
    }
    for name in operation.sends {
        if let Some(value) = parameters.get(*name) {
            sent.push((name, value.clone()));
        }
    }
    if let Some((way, page)) = operation.page.zip(page) {
        sent.push((way.asks, page.into()));
    }
    match operation.service.protocol {
        Protocol::Query(version) | Protocol::Ec2(version) => Plain {
            method: "POST",
            url: format!("{host}/"),
            heads: vec![("content-type", "application/x-www-form-urlencoded".into())],
            body: form(operation.action, version, &sent),
        },
        Protocol::Json(target, version) => Plain {
            method: "POST",
            url: format!("{host}/"),
            heads: vec![
                ("content-type", format!("application/x-amz-json-{version}")),
                ("x-amz-target", format!("{target}.{}", operation.action)),
            ],
            body: object(sent),
        },
        Protocol::Rest | Protocol::S3 => {
            let (method, path) = operation.action.split_once(' ').unwrap_or(("GET", "/"));
            let path = filled(path, parameters);
            if method == "POST" {
                return Plain {
                    method: "POST",
                    url: format!("{host}{path}"),
                    heads: vec![("content-type", "application/json".into())],
                    body: object(sent),
                };
            }
            let query: Vec<String> = sent
                .iter()
                .map(|(name, value)| format!("{name}={}", encoded(&text(value))))
                .collect();
            let mark = match (query.is_empty(), path.contains('?')) {
                (true, _) => "",
                (false, true) => "&",
                (false, false) => "?",
            };
            Plain {
                method: "GET",
                url: format!("{host}{path}{mark}{}", query.join("&")),
                heads: Vec::new(),
                body: String::new(),
            }
        }
    }
}

fn object(sent: Vec<(&str, Value)>) -> String {
    let members = sent.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect()).to_string()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn form(action: &str, version: &str, sent: &[(&str, Value)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", version);
    for (name, value) in sent {
        form.append_pair(name, &text(value));
    }
    form.finish()
}

/// A path with its parameters put in. What a name holds cannot lead to another path.
fn filled(path: &str, parameters: &Parameters) -> String {
    let mut parts = path.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        filled.push_str(&encoded(&parameters.get(name).map(text).unwrap_or_default()));
        filled.push_str(rest);
    }
    filled
}

/// Everything but letters, digits, `-`, `_`, `.` and `~` as `%XX` (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    // `.` and `..` would be steps of a path.
    if text.bytes().all(|byte| byte == b'.') {
        return text.replace('.', "%2E");
    }
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::operations::{IAM, OF_ACCOUNT, ORGANIZATIONS, STS};

    fn of(call: &str) -> &'static Operation {
        OF_ACCOUNT.iter().find(|it| it.call == call).unwrap()
    }

    #[test]
    fn requests_are_as_their_protocols_want_them() {
        let check = |call: &str, parameters: Value, page: Option<&str>, expected: &str| {
            let Value::Object(parameters) = parameters else { unreachable!() };
            let it = plain(of(call), "https://h", &parameters, page);
            let heads: Vec<String> =
                it.heads.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            assert_eq!(format!("{} {} {heads:?} {}", it.method, it.url, it.body), expected);
        };
        check(
            "iam list-access-keys",
            json!({"UserName": "a+b&c", "Region": "us-east-1"}),
            Some("m"),
            "POST https://h/ [\"content-type: application/x-www-form-urlencoded\"] \
             Action=ListAccessKeys&Version=2010-05-08&UserName=a%2Bb%26c&Marker=m",
        );
        check(
            "sqs get-queue-attributes",
            json!({"QueueUrl": "https://q"}),
            None,
            "POST https://h/ [\"content-type: application/x-amz-json-1.0\", \"x-amz-target: \
             AmazonSQS.GetQueueAttributes\"] {\"AttributeNames\":[\"All\"],\"QueueUrl\":\"https://q\"}",
        );
        check(
            "eks describe-access-entry",
            json!({"clusterName": "..", "principalArn": "arn:aws:iam::1:role/a/b?c"}),
            None,
            "GET https://h/clusters/%2E%2E/access-entries/arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2Fb%3Fc [] ",
        );
        check(
            "eks list-clusters",
            json!({}),
            Some("a b"),
            "GET https://h/clusters?nextToken=a%20b [] ",
        );
        check(
            "s3api get-bucket-policy",
            json!({"Bucket": "b"}),
            None,
            "GET https://h/b?policy [] ",
        );
        check(
            "bedrock-agent list-agents",
            json!({}),
            None,
            "POST https://h/agents/ [\"content-type: application/json\"] {}",
        );
    }

    #[test]
    fn services_are_where_their_partition_has_them() {
        let check = |service, region: &str, host: &str, signed: &str| {
            assert_eq!(place_of(service, region), (host.to_owned(), signed.to_owned()));
        };
        check(&STS, "eu-west-1", "https://sts.eu-west-1.amazonaws.com", "eu-west-1");
        check(&IAM, "eu-west-1", "https://iam.amazonaws.com", "us-east-1");
        check(&IAM, "us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1");
        check(&IAM, "cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1");
        check(
            &ORGANIZATIONS,
            "cn-north-1",
            "https://organizations.cn-northwest-1.amazonaws.com.cn",
            "cn-northwest-1",
        );
        let ecr = of("ecr describe-repositories").service;
        check(ecr, "eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com", "eu-west-1");
    }

    #[test]
    fn a_region_is_no_other_host() {
        for region in ["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-5"] {
            assert!(is_region(region), "{region}");
        }
        for other in
            ["", "eu", "eu-west-1.example.com/", "eu-west-1#", "eu--1", "EU-west-1", "a-b/-c"]
        {
            assert!(!is_region(other), "{other}");
        }
    }
}
