//! Condition keys that AWS has for every service.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>

use super::super::catalogue::{Key, KeySort};

const fn one(name: &'static str, sort: KeySort) -> Key {
    Key { name, sort, is_list: false }
}

const fn several(name: &'static str) -> Key {
    Key { name, sort: KeySort::Text, is_list: true }
}

pub(super) const GLOBAL: &[Key] = &[
    one("aws:AssumedRoot", KeySort::Text),
    several("aws:CalledVia"),
    one("aws:CalledViaFirst", KeySort::Text),
    one("aws:CalledViaLast", KeySort::Text),
    several("aws:CalledViaAWSMCP"),
    one("aws:ChatbotSourceArn", KeySort::Arn),
    one("aws:CurrentTime", KeySort::Date),
    one("aws:Ec2InstanceSourcePrivateIPv4", KeySort::Address),
    one("aws:Ec2InstanceSourceVpc", KeySort::Text),
    one("aws:EpochTime", KeySort::Date),
    one("aws:FederatedProvider", KeySort::Text),
    one("aws:IsMcpServiceAction", KeySort::Bool),
    one("aws:MultiFactorAuthAge", KeySort::Number),
    one("aws:MultiFactorAuthPresent", KeySort::Bool),
    one("aws:PrincipalAccount", KeySort::Text),
    one("aws:PrincipalArn", KeySort::Arn),
    one("aws:PrincipalIsAWSService", KeySort::Bool),
    one("aws:PrincipalOrgID", KeySort::Text),
    one("aws:PrincipalOrgMasterAccountId", KeySort::Text),
    several("aws:PrincipalOrgPaths"),
    one("aws:PrincipalServiceName", KeySort::Text),
    several("aws:PrincipalServiceNamesList"),
    one("aws:PrincipalTag/${TagKey}", KeySort::Text),
    one("aws:PrincipalType", KeySort::Text),
    one("aws:Referer", KeySort::Text),
    one("aws:RequestTag/${TagKey}", KeySort::Text),
    one("aws:RequestedRegion", KeySort::Text),
    one("aws:ResourceAccount", KeySort::Text),
    one("aws:ResourceOrgID", KeySort::Text),
    several("aws:ResourceOrgPaths"),
    one("aws:ResourceTag/${TagKey}", KeySort::Text),
    one("aws:SecureTransport", KeySort::Bool),
    one("aws:SignInSessionArn", KeySort::Arn),
    one("aws:SourceAccount", KeySort::Text),
    one("aws:SourceArn", KeySort::Arn),
    one("aws:SourceIdentity", KeySort::Text),
    one("aws:SourceIp", KeySort::Address),
    one("aws:SourceOrgID", KeySort::Text),
    several("aws:SourceOrgPaths"),
    one("aws:SourceVpc", KeySort::Text),
    one("aws:SourceVpcArn", KeySort::Arn),
    one("aws:SourceVpce", KeySort::Text),
    several("aws:TagKeys"),
    one("aws:TokenIssueTime", KeySort::Date),
    one("aws:UserAgent", KeySort::Text),
    one("aws:ViaAWSMCPService", KeySort::Bool),
    one("aws:ViaAWSService", KeySort::Bool),
    one("aws:VpcSourceIp", KeySort::Address),
    one("aws:VpceAccount", KeySort::Text),
    one("aws:VpceOrgID", KeySort::Text),
    several("aws:VpceOrgPaths"),
    one("aws:userid", KeySort::Text),
    one("aws:username", KeySort::Text),
    // Of the credentials that a service hands out: they are there for every service's actions.
    one("ec2:RoleDelivery", KeySort::Text),
    one("ec2:SourceInstanceARN", KeySort::Arn),
    one("glue:CredentialIssuingService", KeySort::Text),
    one("glue:RoleAssumedBy", KeySort::Text),
    one("identitystore:UserId", KeySort::Text),
    one("lambda:SourceFunctionArn", KeySort::Arn),
    one("ssm:SourceInstanceARN", KeySort::Arn),
];
