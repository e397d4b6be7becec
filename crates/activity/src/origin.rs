//! Where a call came from and with what: addresses as networks, user agents as families.

use std::borrow::Cow;
use std::net::IpAddr;

/// Longer names of services and agents are cut.
const MAX_NAME_CHARS: usize = 64;

/// `203.0.113.0/24`, `2001:db8:1::/48`, or the name of a service.
pub fn network(source: &str) -> Cow<'_, str> {
    match source.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            Cow::Owned(format!("{a}.{b}.{c}.0/24"))
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            let prefix = std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
            Cow::Owned(format!("{prefix}/48"))
        }
        Err(_) => cut(source),
    }
}

/// What a user agent says of itself, without versions, in the order of what says most.
const FAMILIES: &[(&str, &str)] = &[
    ("Terraform/", "terraform"),
    ("OpenTofu/", "opentofu"),
    ("Pulumi/", "pulumi"),
    ("aws-cdk", "aws-cdk"),
    ("Ansible", "ansible"),
    ("eksctl", "eksctl"),
    ("kubernetes", "kubernetes"),
    ("karpenter", "karpenter"),
    ("aws-cli/", "aws-cli"),
    ("amazon-ssm-agent", "ssm-agent"),
    ("Boto3/", "boto3"),
    ("Botocore/", "botocore"),
    ("aws-sdk-go", "aws-sdk-go"),
    ("aws-sdk-java", "aws-sdk-java"),
    ("aws-sdk-js", "aws-sdk-js"),
    ("aws-sdk-nodejs", "aws-sdk-js"),
    ("aws-sdk-rust", "aws-sdk-rust"),
    ("aws-sdk-ruby", "aws-sdk-ruby"),
    ("aws-sdk-php", "aws-sdk-php"),
    ("aws-sdk-dotnet", "aws-sdk-dotnet"),
    ("aws-sdk-net", "aws-sdk-dotnet"),
    ("aws-sdk-cpp", "aws-sdk-cpp"),
    ("AWSPowerShell", "powershell"),
    ("S3Console", "console"),
    ("console.amazonaws.com", "console"),
    ("signin.amazonaws.com", "console"),
    ("Coral/", "aws-internal"),
    ("AWS Internal", "aws-internal"),
    ("Mozilla/", "browser"),
];

/// The family of a user agent: `terraform`, `aws-cli`, the name of a service, else its first word.
pub fn agent(user_agent: &str) -> Cow<'_, str> {
    let known = FAMILIES
        .iter()
        .find(|(mark, _)| memchr::memmem::find(user_agent.as_bytes(), mark.as_bytes()).is_some());
    if let Some((_, family)) = known {
        return Cow::Borrowed(family);
    }
    let word = user_agent.trim_start_matches('[').split(['/', ' ', ']']).next().unwrap_or_default();
    cut(word)
}

fn cut(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(MAX_NAME_CHARS) {
        Some((end, _)) => Cow::Borrowed(name.get(..end).unwrap_or_default()),
        None => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_networks_and_agents_families() {
        for (source, expected) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("cloudformation.amazonaws.com", "cloudformation.amazonaws.com"),
            ("AWS Internal", "AWS Internal"),
        ] {
            assert_eq!(network(source), expected);
        }
        for (user_agent, expected) in [
            (
                "APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io) aws-sdk-go/1.44",
                "terraform",
            ),
            ("[aws-cli/2.31.0 Python/3.12]", "aws-cli"),
            ("Mozilla/5.0 (X11)", "browser"),
            ("secretsmanager.amazonaws.com", "secretsmanager.amazonaws.com"),
            ("rclone/v1.60", "rclone"),
            ("", ""),
        ] {
            assert_eq!(agent(user_agent), expected);
        }
    }
}
