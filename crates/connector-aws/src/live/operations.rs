//! The operations that are called, as data: with what protocol, for whom, and which members of the
//! replies the readers need. A row of [`crate::calls`] reads what each replies.
//!
//! Names, members and paths are those of the services' API models.

use serde_json::Value;

use crate::calls::{AUTHORIZATION, CREDENTIAL_REPORT};

/// A service: where it is and how it is spoken to.
#[derive(Debug)]
pub(crate) struct Service {
    /// As the CLI names it, and as the lanes of a collection are told apart.
    pub(crate) name: &'static str,
    /// The name its requests are signed for.
    pub(crate) signs_as: &'static str,
    /// The beginning of its host: `api.ecr` of `api.ecr.eu-west-1.amazonaws.com`.
    pub(crate) host: &'static str,
    pub(crate) protocol: Protocol,
    /// None: each region has one of its own. Otherwise the region of each partition whose endpoint
    /// answers for all.
    pub(crate) central: Option<fn(&str) -> &'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A form with `Action`, answered in XML; with the version of the API.
    Query(&'static str),
    /// The same with lists that are called `item`, and members that begin small.
    Ec2(&'static str),
    /// JSON posted to `/`; with the prefix of its target, and the version of the protocol.
    Json(&'static str, &'static str),
    /// JSON, or nothing, to a path.
    Rest,
    /// XML to a path; the policy of a bucket is JSON.
    S3,
}

/// What is called.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) service: &'static Service,
    /// As a row of [`crate::calls::CALLS`] is named; of an operation whose replies only say what to
    /// ask next, as the CLI names it.
    pub(crate) call: &'static str,
    /// What a policy must allow for it.
    pub(crate) permission: &'static str,
    /// The name of the API: `ListUsers`, or the method and path with parameters in braces.
    pub(crate) action: &'static str,
    /// Members of the request that are always the same.
    pub(crate) fixed: &'static [(&'static str, Fixed)],
    /// Whether it is asked once, or for each value of another's reply.
    pub(crate) asked: Asked,
    /// Members of the request that carry what it is asked for. Others of it are only kept beside the
    /// reply.
    pub(crate) sends: &'static [&'static str],
    pub(crate) page: Option<Page>,
    /// Codes of errors that say that there is nothing: a bucket without a policy.
    pub(crate) nothing: &'static [&'static str],
    /// The members of an element, or of the reply's object, that are read; none: all. What else a
    /// function or a task definition has, its environment above all, is dropped unread.
    pub(crate) keeps: &'static [&'static str],
    /// Whether a reply says that it is not ready yet.
    pub(crate) is_pending: fn(&Value) -> bool,
    pub(crate) pending: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Fixed {
    Text(&'static str),
    Number(u32),
    /// A list of one text.
    One(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Once,
    /// For each value at these members of the replies of an earlier operation, as this parameter. A
    /// member of a list stands for those of all its elements; `*` is the element itself.
    Each {
        of: &'static str,
        at: &'static [&'static str],
        parameter: &'static str,
    },
    /// The same with as many values in one request as are taken.
    Batch {
        of: &'static str,
        at: &'static [&'static str],
        parameter: &'static str,
        size: usize,
    },
}

/// How a next page is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) asks: &'static str,
    pub(crate) told: &'static str,
}

const fn everywhere(_: &str) -> &'static str {
    "us-east-1"
}

fn of_iam(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        other => everywhere(other),
    }
}

fn of_organizations(partition: &str) -> &'static str {
    if partition == "aws-cn" { "cn-northwest-1" } else { of_iam(partition) }
}

const fn regional(name: &'static str, protocol: Protocol) -> Service {
    Service { name, signs_as: name, host: name, protocol, central: None }
}

pub(crate) static STS: Service = regional("sts", Protocol::Query("2011-06-15"));
pub(crate) static IAM: Service =
    Service { central: Some(of_iam), ..regional("iam", Protocol::Query("2010-05-08")) };
pub(crate) static ORGANIZATIONS: Service = Service {
    central: Some(of_organizations),
    ..regional("organizations", Protocol::Json("AWSOrganizationsV20161128", "1.1"))
};
pub(crate) static EC2: Service = regional("ec2", Protocol::Ec2("2016-11-15"));
static S3: Service = regional("s3", Protocol::S3);
static KMS: Service = regional("kms", Protocol::Json("TrentService", "1.1"));
static LAMBDA: Service = regional("lambda", Protocol::Rest);
static SQS: Service = regional("sqs", Protocol::Json("AmazonSQS", "1.0"));
static SNS: Service = regional("sns", Protocol::Query("2010-03-31"));
static SECRETS: Service = regional("secretsmanager", Protocol::Json("secretsmanager", "1.1"));
static ECR: Service = Service {
    host: "api.ecr",
    ..regional("ecr", Protocol::Json("AmazonEC2ContainerRegistry_V20150921", "1.1"))
};
static EKS: Service = regional("eks", Protocol::Rest);
static ECS: Service = regional("ecs", Protocol::Json("AmazonEC2ContainerServiceV20141113", "1.1"));
static CODEBUILD: Service = regional("codebuild", Protocol::Json("CodeBuild_20161006", "1.1"));
static SSM: Service = regional("ssm", Protocol::Json("AmazonSSM", "1.1"));
static ACM: Service = regional("acm", Protocol::Json("CertificateManager", "1.1"));
static ROLES_ANYWHERE: Service = regional("rolesanywhere", Protocol::Rest);
static BEDROCK_AGENT: Service =
    Service { signs_as: "bedrock", ..regional("bedrock-agent", Protocol::Rest) };

const fn never(_: &Value) -> bool {
    false
}

fn is_in_progress(reply: &Value) -> bool {
    reply.get("JobStatus").and_then(Value::as_str) == Some("IN_PROGRESS")
}

/// An account that is in no organisation, or of one that has none of the kind turned on.
const NO_ORGANIZATION: &[&str] = &["AWSOrganizationsNotInUseException"];

const fn operation(
    service: &'static Service,
    call: &'static str,
    permission: &'static str,
    action: &'static str,
) -> Operation {
    Operation {
        service,
        call,
        permission,
        action,
        fixed: &[],
        asked: Asked::Once,
        sends: &[],
        page: None,
        nothing: &[],
        keeps: &[],
        is_pending: never,
        pending: &[],
    }
}

impl Operation {
    const fn fixed(mut self, fixed: &'static [(&'static str, Fixed)]) -> Self {
        self.fixed = fixed;
        self
    }

    const fn each(
        mut self,
        of: &'static str,
        at: &'static [&'static str],
        parameter: &'static str,
    ) -> Self {
        self.asked = Asked::Each { of, at, parameter };
        self
    }

    const fn batch(
        mut self,
        of: &'static str,
        at: &'static [&'static str],
        parameter: &'static str,
        size: usize,
    ) -> Self {
        self.asked = Asked::Batch { of, at, parameter, size };
        self
    }

    const fn sends(mut self, sends: &'static [&'static str]) -> Self {
        self.sends = sends;
        self
    }

    const fn paged(mut self, asks: &'static str, told: &'static str) -> Self {
        self.page = Some(Page { asks, told });
        self
    }

    const fn nothing(mut self, codes: &'static [&'static str]) -> Self {
        self.nothing = codes;
        self
    }

    const fn keeps(mut self, members: &'static [&'static str]) -> Self {
        self.keeps = members;
        self
    }

    const fn pending(
        mut self,
        is_pending: fn(&Value) -> bool,
        codes: &'static [&'static str],
    ) -> Self {
        self.is_pending = is_pending;
        self.pending = codes;
        self
    }

    /// Of IAM, for each user that the account's details state.
    const fn of_users(self) -> Self {
        self.each(AUTHORIZATION, &["UserDetailList", "UserName"], "UserName")
            .sends(&["UserName"])
            .paged("Marker", "Marker")
            .nothing(&["NoSuchEntity"])
    }
}

pub(crate) const WHO: Operation =
    operation(&STS, "sts get-caller-identity", "sts:GetCallerIdentity", "GetCallerIdentity");

pub(crate) const REGIONS: Operation =
    operation(&EC2, "ec2 describe-regions", "ec2:DescribeRegions", "DescribeRegions");

/// What is asked of an organisation, where the collector may; [`UNITS`] and [`ACCOUNTS_OF_UNIT`] are
/// asked for each of its roots and units.
pub(crate) const OF_ORGANIZATION: &[Operation] = &[
    operation(&ORGANIZATIONS, "organizations list-roots", "organizations:ListRoots", "ListRoots")
        .paged("NextToken", "NextToken")
        .nothing(NO_ORGANIZATION),
    operation(
        &ORGANIZATIONS,
        "organizations list-policies",
        "organizations:ListPolicies",
        "ListPolicies",
    )
    .fixed(&[("Filter", Fixed::Text("SERVICE_CONTROL_POLICY"))])
    .paged("NextToken", "NextToken")
    .nothing(NO_ORGANIZATION),
    operation(
        &ORGANIZATIONS,
        "organizations list-policies",
        "organizations:ListPolicies",
        "ListPolicies",
    )
    .fixed(&[("Filter", Fixed::Text("RESOURCE_CONTROL_POLICY"))])
    .paged("NextToken", "NextToken")
    .nothing(NO_ORGANIZATION),
    operation(
        &ORGANIZATIONS,
        "organizations describe-policy",
        "organizations:DescribePolicy",
        "DescribePolicy",
    )
    .each("organizations list-policies", &["Policies", "Id"], "PolicyId")
    .sends(&["PolicyId"]),
    operation(
        &ORGANIZATIONS,
        "organizations list-targets-for-policy",
        "organizations:ListTargetsForPolicy",
        "ListTargetsForPolicy",
    )
    .each("organizations list-policies", &["Policies", "Id"], "PolicyId")
    .sends(&["PolicyId"])
    .paged("NextToken", "NextToken"),
];

/// Asked for a root or unit, and again for the units that it replies with.
pub(crate) const UNITS: Operation = operation(
    &ORGANIZATIONS,
    "organizations list-organizational-units-for-parent",
    "organizations:ListOrganizationalUnitsForParent",
    "ListOrganizationalUnitsForParent",
)
.sends(&["ParentId"])
.paged("NextToken", "NextToken");

/// Asked for a root and every unit.
pub(crate) const ACCOUNTS_OF_UNIT: Operation = operation(
    &ORGANIZATIONS,
    "organizations list-accounts-for-parent",
    "organizations:ListAccountsForParent",
    "ListAccountsForParent",
)
.sends(&["ParentId"])
.paged("NextToken", "NextToken");

/// What is asked of every account, in this order within a service. An operation comes after the one
/// whose replies say what to ask.
pub(crate) const OF_ACCOUNT: &[Operation] = &[
    operation(
        &IAM,
        AUTHORIZATION,
        "iam:GetAccountAuthorizationDetails",
        "GetAccountAuthorizationDetails",
    )
    .fixed(&[("MaxItems", Fixed::Number(500))])
    .paged("Marker", "Marker"),
    operation(
        &IAM,
        "iam generate-credential-report",
        "iam:GenerateCredentialReport",
        "GenerateCredentialReport",
    ),
    operation(&IAM, CREDENTIAL_REPORT, "iam:GetCredentialReport", "GetCredentialReport").pending(
        never,
        &["ReportInProgress", "ReportNotPresent", "CredentialReportNotReadyException"],
    ),
    operation(&IAM, "iam list-access-keys", "iam:ListAccessKeys", "ListAccessKeys").of_users(),
    operation(
        &IAM,
        "iam get-access-key-last-used",
        "iam:GetAccessKeyLastUsed",
        "GetAccessKeyLastUsed",
    )
    .each("iam list-access-keys", &["AccessKeyMetadata", "AccessKeyId"], "AccessKeyId")
    .sends(&["AccessKeyId"])
    // A key that was deleted a moment ago is one the caller may not know of.
    .nothing(&["NoSuchEntity"]),
    operation(
        &IAM,
        "iam list-service-specific-credentials",
        "iam:ListServiceSpecificCredentials",
        "ListServiceSpecificCredentials",
    )
    .of_users(),
    operation(
        &IAM,
        "iam list-signing-certificates",
        "iam:ListSigningCertificates",
        "ListSigningCertificates",
    )
    .of_users()
    .keeps(&["CertificateId", "UserName", "UploadDate", "Status"]),
    operation(&IAM, "iam list-ssh-public-keys", "iam:ListSSHPublicKeys", "ListSSHPublicKeys")
        .of_users(),
    operation(&IAM, "iam list-mfa-devices", "iam:ListMFADevices", "ListMFADevices").of_users(),
    operation(
        &IAM,
        "iam list-server-certificates",
        "iam:ListServerCertificates",
        "ListServerCertificates",
    )
    .paged("Marker", "Marker"),
    operation(
        &IAM,
        "iam list-open-id-connect-providers",
        "iam:ListOpenIDConnectProviders",
        "ListOpenIDConnectProviders",
    ),
    operation(
        &IAM,
        "iam get-open-id-connect-provider",
        "iam:GetOpenIDConnectProvider",
        "GetOpenIDConnectProvider",
    )
    .each(
        "iam list-open-id-connect-providers",
        &["OpenIDConnectProviderList", "Arn"],
        "OpenIDConnectProviderArn",
    )
    .sends(&["OpenIDConnectProviderArn"])
    .nothing(&["NoSuchEntity"]),
    operation(&IAM, "iam list-saml-providers", "iam:ListSAMLProviders", "ListSAMLProviders"),
    operation(&S3, "s3api list-buckets", "s3:ListAllMyBuckets", "GET /")
        .fixed(&[("max-buckets", Fixed::Number(1_000))])
        .paged("continuation-token", "ContinuationToken"),
    operation(&S3, "s3api get-bucket-policy", "s3:GetBucketPolicy", "GET /{Bucket}?policy")
        .each("s3api list-buckets", &["Buckets", "Name"], "Bucket")
        .nothing(&["NoSuchBucketPolicy", "NoSuchBucket"]),
    operation(&KMS, "kms list-keys", "kms:ListKeys", "ListKeys").paged("Marker", "NextMarker"),
    operation(&KMS, "kms get-key-policy", "kms:GetKeyPolicy", "GetKeyPolicy")
        .fixed(&[("PolicyName", Fixed::Text("default"))])
        .each("kms list-keys", &["Keys", "KeyArn"], "KeyId")
        .sends(&["KeyId"])
        .nothing(&["NotFoundException"]),
    operation(
        &LAMBDA,
        "lambda list-functions",
        "lambda:ListFunctions",
        "GET /2015-03-31/functions/",
    )
    .paged("Marker", "NextMarker")
    .keeps(&["FunctionArn", "FunctionName", "Role", "LastModified", "Runtime"]),
    operation(
        &LAMBDA,
        "lambda get-policy",
        "lambda:GetPolicy",
        "GET /2015-03-31/functions/{FunctionName}/policy",
    )
    .each("lambda list-functions", &["Functions", "FunctionArn"], "FunctionName")
    .nothing(&["ResourceNotFoundException"]),
    operation(&EC2, "ec2 describe-instances", "ec2:DescribeInstances", "DescribeInstances")
        .fixed(&[("MaxResults", Fixed::Number(1_000))])
        .paged("NextToken", "NextToken"),
    operation(&SQS, "sqs list-queues", "sqs:ListQueues", "ListQueues")
        .fixed(&[("MaxResults", Fixed::Number(1_000))])
        .paged("NextToken", "NextToken"),
    operation(&SQS, "sqs get-queue-attributes", "sqs:GetQueueAttributes", "GetQueueAttributes")
        .fixed(&[("AttributeNames", Fixed::One("All"))])
        .each("sqs list-queues", &["QueueUrls", "*"], "QueueUrl")
        .sends(&["QueueUrl"])
        .nothing(&["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"]),
    operation(&SNS, "sns list-topics", "sns:ListTopics", "ListTopics")
        .paged("NextToken", "NextToken"),
    operation(&SNS, "sns get-topic-attributes", "sns:GetTopicAttributes", "GetTopicAttributes")
        .each("sns list-topics", &["Topics", "TopicArn"], "TopicArn")
        .sends(&["TopicArn"])
        .nothing(&["NotFound"]),
    operation(&SECRETS, "secretsmanager list-secrets", "secretsmanager:ListSecrets", "ListSecrets")
        .fixed(&[("MaxResults", Fixed::Number(100))])
        .paged("NextToken", "NextToken"),
    operation(
        &SECRETS,
        "secretsmanager get-resource-policy",
        "secretsmanager:GetResourcePolicy",
        "GetResourcePolicy",
    )
    .each("secretsmanager list-secrets", &["SecretList", "ARN"], "SecretId")
    .sends(&["SecretId"])
    .nothing(&["ResourceNotFoundException"]),
    operation(
        &ECR,
        "ecr describe-repositories",
        "ecr:DescribeRepositories",
        "DescribeRepositories",
    )
    .paged("nextToken", "nextToken"),
    operation(&ECR, "ecr get-repository-policy", "ecr:GetRepositoryPolicy", "GetRepositoryPolicy")
        .each("ecr describe-repositories", &["repositories", "repositoryName"], "repositoryName")
        .sends(&["repositoryName"])
        .nothing(&["RepositoryPolicyNotFoundException", "RepositoryNotFoundException"]),
    operation(&EKS, "eks list-clusters", "eks:ListClusters", "GET /clusters")
        .paged("nextToken", "nextToken"),
    operation(
        &EKS,
        "eks list-pod-identity-associations",
        "eks:ListPodIdentityAssociations",
        "GET /clusters/{clusterName}/pod-identity-associations",
    )
    .each("eks list-clusters", &["clusters", "*"], "clusterName")
    .paged("nextToken", "nextToken")
    .nothing(&["ResourceNotFoundException"]),
    operation(
        &EKS,
        "eks describe-pod-identity-association",
        "eks:DescribePodIdentityAssociation",
        "GET /clusters/{clusterName}/pod-identity-associations/{associationId}",
    )
    .each("eks list-pod-identity-associations", &["associations", "associationId"], "associationId")
    .nothing(&["ResourceNotFoundException"]),
    operation(
        &EKS,
        "eks list-access-entries",
        "eks:ListAccessEntries",
        "GET /clusters/{clusterName}/access-entries",
    )
    .each("eks list-clusters", &["clusters", "*"], "clusterName")
    .paged("nextToken", "nextToken")
    // A cluster that knows its users by its own map only has none.
    .nothing(&["ResourceNotFoundException", "InvalidRequestException"]),
    operation(
        &EKS,
        "eks describe-access-entry",
        "eks:DescribeAccessEntry",
        "GET /clusters/{clusterName}/access-entries/{principalArn}",
    )
    .each("eks list-access-entries", &["accessEntries", "*"], "principalArn")
    .nothing(&["ResourceNotFoundException"]),
    operation(
        &ECS,
        "ecs list-task-definition-families",
        "ecs:ListTaskDefinitionFamilies",
        "ListTaskDefinitionFamilies",
    )
    .fixed(&[("status", Fixed::Text("ACTIVE"))])
    .paged("nextToken", "nextToken"),
    operation(
        &ECS,
        "ecs describe-task-definition",
        "ecs:DescribeTaskDefinition",
        "DescribeTaskDefinition",
    )
    .fixed(&[("include", Fixed::One("TAGS"))])
    .each("ecs list-task-definition-families", &["families", "*"], "taskDefinition")
    .sends(&["taskDefinition"])
    .nothing(&["ClientException"])
    .keeps(&[
        "taskDefinitionArn",
        "family",
        "status",
        "taskRoleArn",
        "executionRoleArn",
        "tags",
    ]),
    operation(&CODEBUILD, "codebuild list-projects", "codebuild:ListProjects", "ListProjects")
        .paged("nextToken", "nextToken"),
    operation(
        &CODEBUILD,
        "codebuild batch-get-projects",
        "codebuild:BatchGetProjects",
        "BatchGetProjects",
    )
    .batch("codebuild list-projects", &["projects", "*"], "names", 100)
    .sends(&["names"])
    .keeps(&["arn", "name", "serviceRole", "created", "tags"]),
    operation(&SSM, "ssm describe-parameters", "ssm:DescribeParameters", "DescribeParameters")
        .fixed(&[("MaxResults", Fixed::Number(50))])
        .paged("NextToken", "NextToken"),
    operation(&ACM, "acm list-certificates", "acm:ListCertificates", "ListCertificates")
        .paged("NextToken", "NextToken"),
    operation(&ACM, "acm describe-certificate", "acm:DescribeCertificate", "DescribeCertificate")
        .each(
            "acm list-certificates",
            &["CertificateSummaryList", "CertificateArn"],
            "CertificateArn",
        )
        .sends(&["CertificateArn"])
        .nothing(&["ResourceNotFoundException"]),
    operation(
        &ROLES_ANYWHERE,
        "rolesanywhere list-profiles",
        "rolesanywhere:ListProfiles",
        "GET /profiles",
    )
    .paged("nextToken", "nextToken"),
    operation(&BEDROCK_AGENT, "bedrock-agent list-agents", "bedrock:ListAgents", "POST /agents/")
        .paged("nextToken", "nextToken"),
    operation(
        &BEDROCK_AGENT,
        "bedrock-agent get-agent",
        "bedrock:GetAgent",
        "GET /agents/{agentId}/",
    )
    .each("bedrock-agent list-agents", &["agentSummaries", "agentId"], "agentId")
    .nothing(&["ResourceNotFoundException"])
    .keeps(&[
        "agentArn",
        "agentName",
        "agentResourceRoleArn",
        "createdAt",
        "updatedAt",
        "foundationModel",
    ]),
];

/// The uses of services by each user and role, a job of AWS's for each: asked for after all of IAM,
/// and only where the settings want it.
pub(crate) const LAST_ACCESSED: &[Operation] = &[
    operation(
        &IAM,
        "iam generate-service-last-accessed-details",
        "iam:GenerateServiceLastAccessedDetails",
        "GenerateServiceLastAccessedDetails",
    )
    .each(AUTHORIZATION, &["UserDetailList", "Arn"], "Arn")
    .sends(&["Arn"])
    .nothing(&["NoSuchEntity"]),
    operation(
        &IAM,
        "iam generate-service-last-accessed-details",
        "iam:GenerateServiceLastAccessedDetails",
        "GenerateServiceLastAccessedDetails",
    )
    .each(AUTHORIZATION, &["RoleDetailList", "Arn"], "Arn")
    .sends(&["Arn"])
    .nothing(&["NoSuchEntity"]),
    operation(
        &IAM,
        "iam get-service-last-accessed-details",
        "iam:GetServiceLastAccessedDetails",
        "GetServiceLastAccessedDetails",
    )
    .each("iam generate-service-last-accessed-details", &["JobId"], "JobId")
    .sends(&["JobId"])
    .pending(is_in_progress, &[])
    .paged("Marker", "Marker")
    .nothing(&["NoSuchEntity"]),
];

/// Every operation there is: nothing else is ever asked.
#[cfg(test)]
pub(crate) fn every() -> impl Iterator<Item = &'static Operation> {
    let lists = [OF_ORGANIZATION, OF_ACCOUNT, LAST_ACCESSED].into_iter().flatten();
    [&WHO, &REGIONS, &UNITS, &ACCOUNTS_OF_UNIT].into_iter().chain(lists)
}
