//! Which actions of IAM an operation uses, and on which resources: the map, and how it is read.
//!
//! `operations.txt` is made from published packages (see `NOTICE.md`); `corrections.txt` is written
//! by hand and wins: it holds what CloudTrail calls by another name than the API, and calls that
//! need several actions.

use std::sync::{LazyLock, OnceLock};

use hashbrown::HashMap;

const MAP: &str = include_str!("operations.txt");
const CORRECTIONS: &str = include_str!("corrections.txt");

/// What an operation uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) uses: Vec<Planned>,
    /// Whether it hands a role to the service, which needs `iam:PassRole` and is never logged.
    pub(crate) passes_role: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) action: String,
    /// A parameter that must be there, or must not.
    pub(crate) condition: Option<(&'static str, bool)>,
    pub(crate) resources: Vec<Template>,
    /// Types of resource that could not be put into a template do not make it one without resources.
    pub(crate) has_resources: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// A parameter that is the ARN itself.
    Arn(&'static str),
    /// What comes after the partition.
    Pattern(Vec<Piece>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(&'static str),
    Region,
    Account,
    Parameter(&'static str),
    /// What no parameter says.
    Any,
}

#[derive(Debug, Default)]
struct Service {
    prefix: &'static str,
    types: HashMap<&'static str, &'static str>,
    operations: HashMap<&'static str, Entry>,
}

#[derive(Debug)]
struct Entry {
    line: &'static str,
    plan: OnceLock<Plan>,
}

static SERVICES: LazyLock<HashMap<&'static str, Service>> = LazyLock::new(|| {
    let mut services: HashMap<&'static str, Service> = HashMap::new();
    let mut prefix = "";
    for line in MAP.lines().chain(CORRECTIONS.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            prefix = name;
            continue;
        }
        let service =
            services.entry(prefix).or_insert_with(|| Service { prefix, ..Service::default() });
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        match name.strip_prefix('@') {
            Some(name) => {
                service.types.insert(name, rest);
            }
            None => {
                service.operations.insert(name, Entry { line: rest, plan: OnceLock::new() });
            }
        }
    }
    services
});

/// The plan for an operation under the name that CloudTrail gives it.
pub(crate) fn plan(prefix: &str, name: &str) -> Option<&'static Plan> {
    let service = SERVICES.get(prefix)?;
    let (name, entry) = (service.operations.get_key_value(name))
        .or_else(|| service.operations.get_key_value(unversioned(name)))?;
    Some(entry.plan.get_or_init(|| read(service, name, entry.line)))
}

/// `ListFunctions20150331` → `ListFunctions`, `GetFunction20150331v2`, `CreateDistribution2020_05_31`.
fn unversioned(name: &str) -> &str {
    let rest = match name.rsplit_once('v') {
        Some((rest, version))
            if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) =>
        {
            rest
        }
        _ => name,
    };
    let is_date = |c: char| c.is_ascii_digit() || c == '_';
    let plain = rest.trim_end_matches(is_date);
    let n_digits = rest.len() - plain.len();
    if matches!(n_digits, 8 | 10) && !plain.is_empty() { plain } else { name }
}

fn read(service: &Service, operation: &'static str, line: &'static str) -> Plan {
    let mut plan = Plan::default();
    let (variables, uses): (Vec<&str>, Vec<&str>) =
        line.split_whitespace().partition(|word| word.contains('=') && !word.starts_with('='));
    let variables: Vec<(&str, &str)> =
        variables.into_iter().filter_map(|word| word.split_once('=')).collect();
    for word in uses {
        if word == "+pass" {
            plan.passes_role = true;
            continue;
        }
        plan.uses.push(planned(service, operation, word, &variables));
    }
    if plan.uses.is_empty() {
        plan.uses.push(planned(service, operation, "=", &variables));
    }
    plan
}

fn planned(
    service: &Service,
    operation: &'static str,
    word: &'static str,
    variables: &[(&'static str, &'static str)],
) -> Planned {
    let (word, condition) = match word.split_once('?') {
        Some((word, path)) => {
            let is_wanted = !path.starts_with('!');
            (word, Some((path.trim_start_matches('!'), is_wanted)))
        }
        None => (word, None),
    };
    let (name, types) = word.split_once('/').unwrap_or((word, ""));
    let action = match name {
        "" | "=" => format!("{}:{operation}", service.prefix),
        name if name.contains(':') => name.to_owned(),
        name => format!("{}:{name}", service.prefix),
    };
    let template = |name: &'static str| {
        if let Some(path) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            return Some(Template::Arn(path));
        }
        service.types.get(name).map(|pattern| Template::Pattern(pieces(pattern, variables)))
    };
    let types: Vec<&'static str> = types.split(',').filter(|name| !name.is_empty()).collect();
    Planned {
        action,
        condition,
        has_resources: !types.is_empty(),
        resources: types.into_iter().filter_map(template).collect(),
    }
}

fn pieces(pattern: &'static str, variables: &[(&'static str, &'static str)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some((text, after)) = rest.split_once('{') {
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        pieces.push(match name {
            "R" => Piece::Region,
            "A" => Piece::Account,
            name => {
                let is_any = |(variable, names): &&(&str, &str)| {
                    *variable == "*" && names.split(',').any(|any| any == name)
                };
                let stated = variables.iter().find(|(variable, _)| *variable == name);
                match stated {
                    Some((_, path)) => Piece::Parameter(path),
                    None if variables.iter().any(|pair| is_any(&pair)) => Piece::Any,
                    None => Piece::Parameter(name),
                }
            }
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// What IAM calls the service of an `eventSource`.
pub(crate) fn prefix(event_source: &str) -> &str {
    let host = event_source.split(".amazonaws.").next().unwrap_or(event_source);
    let host = host.strip_suffix(".aws.internal").unwrap_or(host);
    PREFIXES.iter().find(|(source, _)| *source == host).map_or(host, |(_, prefix)| prefix)
}

/// Where the name in `eventSource` is not the prefix of the service's actions.
const PREFIXES: &[(&str, &str)] = &[
    ("api.elastic-inference", "elastic-inference"),
    ("api.sagemaker", "sagemaker"),
    ("appstream2", "appstream"),
    ("catalog.marketplace", "aws-marketplace"),
    ("cloudcontrolapi", "cloudformation"),
    ("data.iot", "iot"),
    ("discovery-marketplace", "aws-marketplace"),
    ("email", "ses"),
    ("entitlement.marketplace", "aws-marketplace"),
    ("ingest.timestream", "timestream"),
    ("iotdata", "iot"),
    ("memory-db", "memorydb"),
    ("metering.marketplace", "aws-marketplace"),
    ("models.lex", "lex"),
    ("models-v2-lex", "lex"),
    ("monitoring", "cloudwatch"),
    ("opensearch", "es"),
    ("participant.connect", "connect"),
    ("pinpoint", "mobiletargeting"),
    ("query.timestream", "timestream"),
    ("runtime.lex", "lex"),
    ("runtime-v2-lex", "lex"),
    ("runtime.sagemaker", "sagemaker"),
    ("servicecatalog-appregistry", "servicecatalog"),
    ("streams.dynamodb", "dynamodb"),
    ("tagging", "tag"),
    ("transcribestreaming", "transcribe"),
];

/// The service principal that a role is handed to, where it is not that of the service's own name.
pub(crate) fn passed_to(prefix: &str) -> String {
    let host = match prefix {
        "ecs" => "ecs-tasks",
        "cloudwatch" => "monitoring",
        "mobiletargeting" => "pinpoint",
        // An instance profile is what instances of EC2 take their role from.
        "iam" | "autoscaling" => "ec2",
        other => other,
    };
    format!("{host}.amazonaws.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_end_a_name() {
        for (name, expected) in [
            ("ListFunctions20150331", "ListFunctions"),
            ("GetFunction20150331v2", "GetFunction"),
            ("CreateDistribution2020_05_31", "CreateDistribution"),
            ("GetObject", "GetObject"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("20150331", "20150331"),
            ("v2", "v2"),
        ] {
            assert_eq!(unversioned(name), expected);
        }
    }

    #[test]
    fn every_line_is_understood() {
        let mut n = 0;
        for service in SERVICES.values() {
            for name in service.operations.keys() {
                let plan = plan(service.prefix, name).unwrap();
                assert!(!plan.uses.is_empty(), "{name}");
                for planned in &plan.uses {
                    let action = planned.action.split_once(':').unwrap();
                    assert!(!action.0.is_empty() && !action.1.is_empty(), "{name}: {planned:?}");
                    assert!(!action.1.contains(['/', '=', '{', '?', '+']), "{name}: {planned:?}");
                }
                n += 1;
            }
        }
        assert!(n > 20_000, "{n}");
    }

    /// The classes of names that differ.
    #[test]
    fn operations_use_actions() {
        let check = |source: &str, name: &str, expected: &str| {
            let prefix = prefix(source);
            let plan = plan(prefix, name).unwrap_or_else(|| unreachable!("{prefix} {name}"));
            let told: Vec<String> = (plan.uses.iter())
                .map(|planned| match planned.condition {
                    Some((path, true)) => format!("{} with {path}", planned.action),
                    Some((path, false)) => format!("{} without {path}", planned.action),
                    None => planned.action.clone(),
                })
                .chain(plan.passes_role.then(|| "iam:PassRole".to_owned()))
                .collect();
            assert_eq!(told.join(", "), expected, "{name}");
        };
        check(
            "s3.amazonaws.com",
            "GetObject",
            "s3:GetObject without versionId, s3:GetObjectVersion with versionId",
        );
        check(
            "s3.amazonaws.com",
            "HeadObject",
            "s3:GetObject without versionId, s3:GetObjectVersion with versionId",
        );
        check("s3.amazonaws.com", "ListBuckets", "s3:ListAllMyBuckets");
        check("s3.amazonaws.com", "ListObjects", "s3:ListBucket");
        check("s3.amazonaws.com", "GetBucketLifecycle", "s3:GetLifecycleConfiguration");
        check("s3.amazonaws.com", "GetBucketPolicy", "s3:GetBucketPolicy");
        check("kms.amazonaws.com", "ReEncrypt", "kms:ReEncryptFrom, kms:ReEncryptTo");
        check("lambda.amazonaws.com", "Invoke", "lambda:InvokeFunction");
        check(
            "lambda.amazonaws.com",
            "CreateFunction20150331",
            "lambda:CreateFunction, iam:PassRole",
        );
        check("ec2.amazonaws.com", "RunInstances", "ec2:RunInstances, iam:PassRole");
        check("monitoring.amazonaws.com", "PutMetricAlarm", "cloudwatch:PutMetricAlarm");
        check(
            "sts.amazonaws.com.cn",
            "AssumeRole",
            "sts:AssumeRole, sts:TagSession with tags, sts:SetSourceIdentity with sourceIdentity",
        );
    }
}
