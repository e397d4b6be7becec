//! The calls whose replies are read: by what each is recognised, what it must be allowed, what reads
//! it. `read-only-policy.json` allows exactly these.

use serde_json::{Map, Value};

use crate::index::{self, Index};
use crate::item::Item;
use crate::reading::Reading;
use crate::{credentials, identities, organization, resources, secrets, workloads};

/// A call of AWS's API.
#[derive(Debug)]
pub(crate) struct Call {
    /// As the CLI writes it after `aws`.
    pub(crate) name: &'static str,
    /// The actions that a policy must allow for it.
    pub(crate) permissions: &'static [&'static str],
    /// Whether one folder for each account has it, so that it is missed where it is not.
    pub(crate) is_for_all: bool,
    pub(crate) rows: &'static [Row],
}

/// A part of a reply that is recognised by itself.
#[derive(Debug)]
pub(crate) struct Row {
    /// The list whose elements it reads; none: the reply without its lists.
    pub(crate) member: Option<&'static str>,
    /// The members that tell it from others, and what else does.
    having: &'static [&'static str],
    only: fn(&Map<String, Value>) -> bool,
    /// What it says of others, read before any records are made.
    pub(crate) index: fn(&mut Index, &Item<'_>),
    pub(crate) read: fn(&mut Reading<'_>, &Item<'_>),
}

impl Row {
    pub(crate) fn is(&self, member: Option<&str>, value: &Map<String, Value>) -> bool {
        self.member == member
            && self.having.iter().all(|name| value.contains_key(*name))
            && (self.only)(value)
    }
}

type Read = fn(&mut Reading<'_>, &Item<'_>);
type Learn = fn(&mut Index, &Item<'_>);

const fn list(member: &'static str, having: &'static [&'static str], read: Read) -> Row {
    Row { member: Some(member), having, only: any, index: nothing, read }
}

const fn whole(having: &'static [&'static str], read: Read) -> Row {
    Row { member: None, having, only: any, index: nothing, read }
}

impl Row {
    const fn only(mut self, only: fn(&Map<String, Value>) -> bool) -> Self {
        self.only = only;
        self
    }

    const fn learn(mut self, index: Learn) -> Self {
        self.index = index;
        self
    }
}

fn any(_: &Map<String, Value>) -> bool {
    true
}

/// Whether a member is an object, and not a text.
fn policy_is_object(value: &Map<String, Value>) -> bool {
    value.get("Policy").is_some_and(Value::is_object)
}

fn attributes_have(value: &Map<String, Value>, name: &str) -> bool {
    value.get("Attributes").and_then(Value::as_object).is_some_and(|it| it.contains_key(name))
}

fn nothing(_: &mut Index, _: &Item<'_>) {}

fn read_before(_: &mut Reading<'_>, _: &Item<'_>) {}

/// The name of the member as which a credential report's rows are handed on.
pub(crate) const REPORT: &str = "credential report";
pub(crate) const AUTHORIZATION: &str = "iam get-account-authorization-details";
pub(crate) const CREDENTIAL_REPORT: &str = "iam get-credential-report";

const fn call(
    name: &'static str,
    permissions: &'static [&'static str],
    rows: &'static [Row],
) -> Call {
    Call { name, permissions, is_for_all: true, rows }
}

/// Of an organisation, or of one resource: where there are none, nobody misses it.
const fn where_there_is(
    name: &'static str,
    permissions: &'static [&'static str],
    rows: &'static [Row],
) -> Call {
    Call { name, permissions, is_for_all: false, rows }
}

/// Every call, in the order in which they are best made.
pub(crate) const CALLS: &[Call] = &[
    call(
        AUTHORIZATION,
        &["iam:GetAccountAuthorizationDetails"],
        &[
            list("UserDetailList", &["Arn", "UserName"], identities::user).learn(index::user),
            list("RoleDetailList", &["Arn", "RoleName"], identities::role).learn(index::role),
            list("GroupDetailList", &["Arn", "GroupName"], identities::group).learn(index::group),
            list("Policies", &["Arn", "PolicyVersionList"], identities::managed_policy)
                .learn(index::policy),
        ],
    ),
    call(
        CREDENTIAL_REPORT,
        &["iam:GenerateCredentialReport", "iam:GetCredentialReport"],
        &[list(REPORT, &["user", "arn", "password_enabled"], credentials::report_row)
            .learn(index::reported)],
    ),
    call(
        "iam list-access-keys",
        &["iam:ListAccessKeys"],
        &[list("AccessKeyMetadata", &["AccessKeyId"], credentials::access_key)
            .learn(index::access_key)],
    ),
    call(
        "iam get-access-key-last-used",
        &["iam:GetAccessKeyLastUsed"],
        &[whole(&["AccessKeyLastUsed"], credentials::access_key_last_used)],
    ),
    where_there_is(
        "iam get-service-last-accessed-details",
        &["iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails"],
        &[list("ServicesLastAccessed", &["ServiceNamespace"], identities::service_used)
            .learn(index::service_used)],
    ),
    call(
        "iam list-service-specific-credentials",
        &["iam:ListServiceSpecificCredentials"],
        &[list(
            "ServiceSpecificCredentials",
            &["ServiceSpecificCredentialId"],
            credentials::service_specific,
        )],
    ),
    call(
        "iam list-signing-certificates",
        &["iam:ListSigningCertificates"],
        &[list("Certificates", &["CertificateId", "UserName"], credentials::signing_certificate)],
    ),
    call(
        "iam list-ssh-public-keys",
        &["iam:ListSSHPublicKeys"],
        &[list("SSHPublicKeys", &["SSHPublicKeyId"], credentials::ssh_public_key)],
    ),
    call(
        "iam list-mfa-devices",
        &["iam:ListMFADevices"],
        &[list("MFADevices", &["SerialNumber", "UserName"], credentials::mfa_device)],
    ),
    call(
        "iam list-server-certificates",
        &["iam:ListServerCertificates"],
        &[list("ServerCertificateMetadataList", &["Arn"], credentials::server_certificate)],
    ),
    call(
        "iam list-open-id-connect-providers",
        &["iam:ListOpenIDConnectProviders"],
        &[list("OpenIDConnectProviderList", &["Arn"], credentials::oidc_provider_named)],
    ),
    call(
        "iam get-open-id-connect-provider",
        &["iam:GetOpenIDConnectProvider"],
        &[whole(&["Url", "ClientIDList"], credentials::oidc_provider)],
    ),
    call(
        "iam list-saml-providers",
        &["iam:ListSAMLProviders"],
        &[list("SAMLProviderList", &["Arn"], credentials::saml_provider)],
    ),
    where_there_is(
        "organizations list-roots",
        &["organizations:ListRoots"],
        &[list("Roots", &["Id", "Arn"], read_before)],
    ),
    where_there_is(
        "organizations list-organizational-units-for-parent",
        &["organizations:ListOrganizationalUnitsForParent"],
        &[list("OrganizationalUnits", &["Id", "Arn"], read_before).learn(index::unit)],
    ),
    where_there_is(
        "organizations list-accounts-for-parent",
        &["organizations:ListAccountsForParent", "organizations:ListAccounts"],
        &[list("Accounts", &["Id", "Arn", "JoinedMethod"], organization::account)
            .learn(index::unit)],
    ),
    where_there_is(
        "organizations list-parents",
        &["organizations:ListParents"],
        &[list("Parents", &["Id", "Type"], read_before).learn(index::parent)],
    ),
    where_there_is(
        "organizations list-children",
        &["organizations:ListChildren"],
        &[list("Children", &["Id", "Type"], read_before).learn(index::unit)],
    ),
    where_there_is(
        "organizations list-targets-for-policy",
        &["organizations:ListTargetsForPolicy"],
        &[list("Targets", &["TargetId", "Type"], read_before).learn(index::target)],
    ),
    where_there_is(
        "organizations list-policies",
        &["organizations:ListPolicies"],
        &[list("Policies", &["Id", "Arn", "AwsManaged"], organization::policy_named)],
    ),
    where_there_is(
        "organizations describe-policy",
        &["organizations:DescribePolicy"],
        &[whole(&["Policy"], organization::policy).only(policy_is_object)],
    ),
    // Only the policy of a key has a name, only that of a function a revision.
    where_there_is(
        "kms get-key-policy",
        &["kms:GetKeyPolicy"],
        &[whole(&["Policy", "PolicyName"], resources::of_key)],
    ),
    where_there_is(
        "lambda get-policy",
        &["lambda:GetPolicy"],
        &[whole(&["Policy", "RevisionId"], resources::of_function)],
    ),
    where_there_is(
        "s3api get-bucket-policy",
        &["s3:GetBucketPolicy"],
        &[whole(&["Policy"], resources::of_bucket)],
    ),
    where_there_is(
        "sqs get-queue-attributes",
        &["sqs:GetQueueAttributes"],
        &[whole(&["Attributes"], resources::of_queue)
            .only(|value| attributes_have(value, "QueueArn"))],
    ),
    where_there_is(
        "sns get-topic-attributes",
        &["sns:GetTopicAttributes"],
        &[whole(&["Attributes"], resources::of_topic)
            .only(|value| attributes_have(value, "TopicArn"))],
    ),
    where_there_is(
        "secretsmanager get-resource-policy",
        &["secretsmanager:GetResourcePolicy"],
        &[whole(&["ARN", "ResourcePolicy"], resources::of_secret)],
    ),
    where_there_is(
        "ecr get-repository-policy",
        &["ecr:GetRepositoryPolicy"],
        &[whole(&["repositoryName", "policyText"], resources::of_repository)],
    ),
    call(
        "lambda list-functions",
        &["lambda:ListFunctions"],
        &[list("Functions", &["FunctionArn", "Role"], workloads::function)],
    ),
    call(
        "ec2 describe-instances",
        &["ec2:DescribeInstances"],
        &[list("Reservations", &["Instances"], workloads::reservation)],
    ),
    where_there_is(
        "eks describe-pod-identity-association",
        &["eks:DescribePodIdentityAssociation"],
        &[whole(&["association"], workloads::pod_identity)],
    ),
    where_there_is(
        "eks describe-access-entry",
        &["eks:DescribeAccessEntry"],
        &[whole(&["accessEntry"], workloads::access_entry)],
    ),
    where_there_is(
        "ecs describe-task-definition",
        &["ecs:DescribeTaskDefinition"],
        &[whole(&["taskDefinition"], workloads::task_definition)],
    ),
    where_there_is(
        "codebuild batch-get-projects",
        &["codebuild:BatchGetProjects"],
        &[list("projects", &["arn", "serviceRole"], workloads::build_project)],
    ),
    call(
        "secretsmanager list-secrets",
        &["secretsmanager:ListSecrets"],
        &[list("SecretList", &["ARN", "Name"], secrets::managed_secret)],
    ),
    call(
        "ssm describe-parameters",
        &["ssm:DescribeParameters"],
        &[list("Parameters", &["Name", "Type"], secrets::parameter)],
    ),
    where_there_is(
        "acm describe-certificate",
        &["acm:DescribeCertificate"],
        &[whole(&["Certificate"], secrets::certificate)],
    ),
    where_there_is(
        "rolesanywhere list-profiles",
        &["rolesanywhere:ListProfiles"],
        &[list("profiles", &["profileArn", "roleArns"], workloads::roles_anywhere_profile)],
    ),
    where_there_is(
        "bedrock-agent get-agent",
        &["bedrock:GetAgent"],
        &[whole(&["agent"], workloads::agent)],
    ),
    where_there_is(
        "sts get-caller-identity",
        &["sts:GetCallerIdentity"],
        &[whole(&["UserId", "Account", "Arn"], read_before)],
    ),
];

/// The call of a member's values, with the part that reads them: the one that `stated` names, else
/// that which they look like.
pub(crate) fn recognised(
    stated: Option<&str>,
    member: Option<&str>,
    value: &Map<String, Value>,
) -> Option<(&'static Call, &'static Row)> {
    if let Some(call) = stated.and_then(named) {
        return call.rows.iter().find(|row| row.member == member).map(|row| (call, row));
    }
    let mut rows = CALLS.iter().flat_map(|call| call.rows.iter().map(move |row| (call, row)));
    rows.find(|(_, row)| row.is(member, value))
}

/// The call of a name.
pub(crate) fn named(name: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.name == name)
}

/// The call whose reply has a list of this name, where there is only one such.
pub(crate) fn of_list(member: &str) -> Option<&'static Call> {
    let mut calls =
        CALLS.iter().filter(|call| call.rows.iter().any(|row| row.member == Some(member)));
    let found = calls.next()?;
    calls.next().is_none().then_some(found)
}
