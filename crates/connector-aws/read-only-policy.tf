# The policy that the collector needs: it reads, and changes nothing.
resource "aws_iam_policy" "tutela" {
  name = "tutela-read-only"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "TutelaReads"
      Effect = "Allow"
      Action = [
        "acm:DescribeCertificate",
        "bedrock:GetAgent",
        "codebuild:BatchGetProjects",
        "ec2:DescribeInstances",
        "ecr:GetRepositoryPolicy",
        "ecs:DescribeTaskDefinition",
        "eks:DescribeAccessEntry",
        "eks:DescribePodIdentityAssociation",
        "iam:GenerateCredentialReport",
        "iam:GenerateServiceLastAccessedDetails",
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetCredentialReport",
        "iam:GetOpenIDConnectProvider",
        "iam:GetServiceLastAccessedDetails",
        "iam:ListAccessKeys",
        "iam:ListMFADevices",
        "iam:ListOpenIDConnectProviders",
        "iam:ListSAMLProviders",
        "iam:ListSSHPublicKeys",
        "iam:ListServerCertificates",
        "iam:ListServiceSpecificCredentials",
        "iam:ListSigningCertificates",
        "kms:GetKeyPolicy",
        "lambda:GetPolicy",
        "lambda:ListFunctions",
        "organizations:DescribePolicy",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListChildren",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListParents",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTargetsForPolicy",
        "rolesanywhere:ListProfiles",
        "s3:GetBucketPolicy",
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:ListSecrets",
        "sns:GetTopicAttributes",
        "sqs:GetQueueAttributes",
        "ssm:DescribeParameters",
        "sts:GetCallerIdentity",
      ]
      Resource = "*"
    }]
  })
}
