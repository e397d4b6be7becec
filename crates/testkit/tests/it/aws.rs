//! The connector `aws` against a stand-in of AWS that speaks its protocols: what was made there is
//! what is read, in every region and account that the settings name.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use connectors::Settings;
use model::Batch;
use serde_json::{Value, json};
use testkit::folder;
use testkit::moto::Moto;

/// Makes something there. The stand-in tells services by the scope of a signature, which it does not
/// check.
struct Making<'a> {
    moto: &'a Moto,
    /// A key that the stand-in does not know is of its own account.
    key: &'a str,
}

impl Making<'_> {
    fn send(&self, service: &str, region: &str, line: &str, heads: &str, body: &str) -> String {
        let address = self.moto.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let key = self.key;
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {service}.{region}.amazonaws.com\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={key}/20261122/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=none\r\n{heads}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let status = reply.split(' ').nth(1).unwrap();
        assert!(status.starts_with('2'), "{line} {body}: {reply}");
        reply
    }

    fn query(&self, service: &str, body: &str) -> String {
        let heads = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send(service, "us-east-1", "POST /", heads, body)
    }

    fn iam(&self, action: &str, members: &[(&str, &str)]) -> String {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in members {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            body.push_str(&format!("&{name}={value}"));
        }
        self.query("iam", &body)
    }

    fn json(&self, service: &str, region: &str, target: &str, body: &Value) -> Value {
        let heads =
            format!("Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {target}\r\n");
        let reply = self.send(service, region, "POST /", &heads, &body.to_string());
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap_or(Value::Null)
    }

    fn rest(&self, service: &str, region: &str, line: &str, body: &Value) {
        let heads = "Content-Type: application/json\r\n";
        self.send(service, region, line, heads, &body.to_string());
    }
}

const OWN: &str = "123456789012";

fn document(action: &str, more: &Value) -> String {
    let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": "*"});
    statement.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn trust() -> String {
    let statement = json!({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// A shop: of each sort of thing one at least.
fn build(make: &Making<'_>) {
    make.iam("CreateUser", &[("UserName", "deploy"), ("Path", "/ci/")]);
    make.iam("CreateAccessKey", &[("UserName", "deploy")]);
    for number in 0..3 {
        make.iam("CreateUser", &[("UserName", &format!("person-{number}"))]);
    }
    make.iam(
        "CreatePolicy",
        &[("PolicyName", "read"), ("PolicyDocument", &document("s3:GetObject", &json!({})))],
    );
    let read = format!("arn:aws:iam::{OWN}:policy/read");
    make.iam("AttachUserPolicy", &[("UserName", "deploy"), ("PolicyArn", &read)]);
    make.iam("CreateRole", &[("RoleName", "fn"), ("AssumeRolePolicyDocument", &trust())]);
    let logs = document("logs:PutLogEvents", &json!({}));
    make.iam(
        "PutRolePolicy",
        &[("RoleName", "fn"), ("PolicyName", "logs"), ("PolicyDocument", &logs)],
    );
    make.iam("CreateInstanceProfile", &[("InstanceProfileName", "web")]);
    make.iam("AddRoleToInstanceProfile", &[("InstanceProfileName", "web"), ("RoleName", "fn")]);
    make.iam(
        "CreateOpenIDConnectProvider",
        &[
            ("Url", "https://token.actions.githubusercontent.com"),
            ("ClientIDList.member.1", "sts.amazonaws.com"),
            ("ThumbprintList.member.1", "6938fd4d98bab03faadb97b34396831e3780aea1"),
        ],
    );

    make.send("s3", "us-east-1", "PUT /shop", "", "");
    make.send("s3", "us-east-1", "PUT /plain", "", "");
    let open =
        document("s3:GetObject", &json!({"Principal": "*", "Resource": "arn:aws:s3:::shop/*"}));
    make.send("s3", "us-east-1", "PUT /shop?policy", "", &open);

    let role = format!("arn:aws:iam::{OWN}:role/fn");
    for region in ["us-east-1", "eu-west-1"] {
        make.json("kms", region, "TrentService.CreateKey", &json!({}));
        // The least zip archive: an empty one.
        let zip = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==";
        make.rest(
            "lambda",
            region,
            "POST /2015-03-31/functions",
            &json!({"FunctionName": "resize", "Runtime": "python3.12", "Role": role,
                "Handler": "a.b", "Code": {"ZipFile": zip},
                "Environment": {"Variables": {"TOKEN": "never-to-be-read"}}}),
        );
    }
    make.rest(
        "lambda",
        "us-east-1",
        "POST /2015-03-31/functions/resize/policy",
        &json!({"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}),
    );
    let anyone = document("*", &json!({"Principal": "*"}));
    make.json(
        "sqs",
        "us-east-1",
        "AmazonSQS.CreateQueue",
        &json!({"QueueName": "orders", "Attributes": {"Policy": anyone}}),
    );
    make.query("sns", "Action=CreateTopic&Version=2010-03-31&Name=alerts");
    make.json(
        "secretsmanager",
        "us-east-1",
        "secretsmanager.CreateSecret",
        &json!({"Name": "db", "SecretString": "never-to-be-read", "ClientRequestToken": "0".repeat(32)}),
    );
    make.json(
        "ecr",
        "us-east-1",
        "AmazonEC2ContainerRegistry_V20150921.CreateRepository",
        &json!({"repositoryName": "app/web"}),
    );
    make.json(
        "ecr",
        "us-east-1",
        "AmazonEC2ContainerRegistry_V20150921.SetRepositoryPolicy",
        &json!({"repositoryName": "app/web", "policyText": anyone}),
    );
    make.query(
        "ec2",
        "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&MinCount=1&MaxCount=1\
         &IamInstanceProfile.Name=web",
    );
    make.json(
        "ecs",
        "us-east-1",
        "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition",
        &json!({"family": "worker", "taskRoleArn": role, "containerDefinitions": [
            {"name": "w", "image": "i", "memory": 128,
             "environment": [{"name": "T", "value": "never-to-be-read"}]}]}),
    );
    make.json(
        "codebuild",
        "us-east-1",
        "CodeBuild_20161006.CreateProject",
        &json!({"name": "build", "source": {"type": "S3", "location": "shop/x"},
            "artifacts": {"type": "NO_ARTIFACTS"}, "serviceRole": role,
            "environment": {"type": "LINUX_CONTAINER", "image": "i",
                "computeType": "BUILD_GENERAL1_SMALL"}}),
    );
    make.json(
        "ssm",
        "us-east-1",
        "AmazonSSM.PutParameter",
        &json!({"Name": "/db/password", "Value": "never-to-be-read", "Type": "SecureString"}),
    );
    make.json(
        "acm",
        "us-east-1",
        "CertificateManager.RequestCertificate",
        &json!({"DomainName": "example.com"}),
    );
    make.rest(
        "bedrock",
        "us-east-1",
        "PUT /agents/",
        &json!({"agentName": "helper", "agentResourceRoleArn": role}),
    );
}

fn settings(moto: &Moto, folder: &Path) -> Settings {
    let keys = folder.join("keys");
    std::fs::write(
        &keys,
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = plainly-fake\n",
    )
    .unwrap();
    Settings::default()
        .with("sign_in", ["keys"])
        .with("keys_file", [keys.display().to_string()])
        .with("endpoint", [moto.endpoint.clone()])
}

fn read(settings: &Settings) -> Batch {
    folder::discover(&connector_aws::DESCRIPTOR, Path::new("/"), settings).unwrap()
}

/// What was not read, a line each.
fn gaps(batch: &Batch) -> Vec<String> {
    let gaps = batch.coverage.iter().flat_map(|coverage| &coverage.gaps);
    let mut lines: Vec<String> = gaps
        .map(|gap| {
            let detail = gap.detail.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {}: {detail}", gap.locus, gap.reason.name())
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// A snapshot without what the stand-in makes up anew each time.
fn shown(name: &str, lines: &[String]) {
    let made_up = [
        ("AKIA[A-Z0-9]{16}", "AKIA…"),
        ("[0-9a-f]{8}-[0-9a-f-]{27}", "UUID"),
        ("i-[0-9a-f]{17}", "i-…"),
        ("helper[0-9a-z]{8}", "helper…"),
        ("p-[0-9a-z]{8}", "p-…"),
        ("o-[0-9a-z]{10}", "o-…"),
        ("r-[0-9a-z]{4}", "r-…"),
        ("ou-[0-9a-z]{4}-[0-9a-z]{8}", "ou-…"),
    ];
    insta::with_settings!({filters => made_up, sort_maps => true}, {
        insta::assert_snapshot!(name, lines.join("\n"));
    });
}

#[test]
fn an_account_is_read_as_it_was_made() {
    let Some(moto) = Moto::or_skipped("an_account_is_read_as_it_was_made") else { return };
    build(&Making { moto: &moto, key: OWN });
    let folder = folder::temporary().unwrap();
    let settings = settings(&moto, folder.path())
        .with("regions", ["us-east-1", "eu-west-1"])
        .with("last_accessed", ["false"]);
    let batch = read(&settings);
    shown("an_account_gaps", &gaps(&batch));
    let mut told: Vec<String> = Vec::new();
    told.extend(batch.identities.iter().map(|it| format!("{} {}", it.kind, it.name)));
    told.extend(batch.credentials.iter().map(|it| format!("{} {}", it.kind, it.name)));
    told.extend(batch.trusts.iter().map(|it| format!("trust {} {}", it.mechanism, it.native_id)));
    told.extend(batch.grants.iter().map(|it| format!("grant {:?}", it.actions)));
    told.extend(batch.policies.iter().map(|it| format!("policy {}", it.native_id)));
    told.sort();
    shown("an_account", &told);
    let whole = serde_json::to_string(&batch.identities).unwrap()
        + &serde_json::to_string(&batch.credentials).unwrap()
        + &serde_json::to_string(&batch.coverage).unwrap();
    assert!(!whole.contains("never-to-be-read") && !whole.contains("plainly-fake"));
    // A second look changes nothing.
    let again = read(&settings);
    assert_eq!(batch.identities, again.identities);
    assert_eq!(batch.policies, again.policies);
}

/// Two accounts of an organisation, the other one gone into by a role.
#[test]
fn an_organisation_is_read_through_a_role() {
    let Some(moto) = Moto::or_skipped("an_organisation_is_read_through_a_role") else { return };
    let own = Making { moto: &moto, key: OWN };
    let organizations = |action: &str, body: Value| {
        let target = format!("AWSOrganizationsV20161128.{action}");
        own.json("organizations", "us-east-1", &target, &body)
    };
    let text = |value: &Value, at: &str| value.pointer(at).unwrap().as_str().unwrap().to_owned();
    organizations("CreateOrganization", json!({"FeatureSet": "ALL"}));
    let root = text(&organizations("ListRoots", json!({})), "/Roots/0/Id");
    let unit = |parent: &str, name: &str| {
        let body = json!({"ParentId": parent, "Name": name});
        text(&organizations("CreateOrganizationalUnit", body), "/OrganizationalUnit/Id")
    };
    let inner = unit(&unit(&root, "production"), "shops");
    let body = json!({"Email": "shop@example.com", "AccountName": "shop"});
    let shop = text(&organizations("CreateAccount", body), "/CreateAccountStatus/AccountId");
    organizations(
        "MoveAccount",
        json!({"AccountId": shop, "SourceParentId": root, "DestinationParentId": inner}),
    );
    let deny = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]});
    let body = json!({"Name": "no-iam", "Description": "", "Type": "SERVICE_CONTROL_POLICY",
        "Content": deny.to_string()});
    let policy = text(&organizations("CreatePolicy", body), "/Policy/PolicySummary/Id");
    organizations("AttachPolicy", json!({"PolicyId": policy, "TargetId": inner}));
    let role = format!("arn:aws:iam::{shop}:role/tutela");
    let reply = own.query(
        "sts",
        &format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=making"),
    );
    let key = reply.split(['<', '>']).skip_while(|part| *part != "AccessKeyId").nth(1).unwrap();
    Making { moto: &moto, key }.iam("CreateUser", &[("UserName", "till"), ("Path", "/shop/")]);

    let folder = folder::temporary().unwrap();
    let batch = read(
        &settings(&moto, folder.path())
            .with("regions", ["us-east-1"])
            .with("accounts", ["organization"])
            .with("last_accessed", ["false"]),
    );
    let till = batch.identities.iter().find(|it| it.name == "till").unwrap();
    assert_eq!(till.instance, shop);
    let account = batch.identities.iter().find(|it| it.native_id == shop).unwrap();
    let way = account.facts.get("organization_path").and_then(|fact| fact.value()).unwrap();
    assert_eq!(way.to_string().split(',').count(), 3, "{way}");
    let policy = batch.policies.iter().find(|it| it.name == "no-iam").unwrap();
    assert_eq!(policy.targets, [inner]);
}
