//! Questions about an account out of records.

use model::{Authority, Fact, Identity, PolicyDocument, PolicyKind, Scope, kinds};

use super::{Act, Ask, accounts_of, can, effective, refinement, unused, who_can};
use crate::activity::{Wanted, summarize};

const ACCOUNT: &str = "111122223333";

fn identity(kind: &'static kinds::IdentityKind, arn: &str) -> Identity {
    let scope = Scope::new("aws", ACCOUNT, "account", ACCOUNT);
    let mut identity = Identity::new(kind, "aws", ACCOUNT, arn, scope.id);
    identity.fact("attached_policies", Fact::absent());
    identity.fact("inline_policies", Fact::absent());
    identity.fact("policies_of_groups", Fact::absent());
    identity.fact("permissions_boundary", Fact::absent());
    identity
}

fn policy(kind: PolicyKind, native_id: &str, document: &str) -> PolicyDocument {
    let scope = Scope::new("aws", ACCOUNT, "account", ACCOUNT);
    let document = document.replace('\'', "\"");
    PolicyDocument::new(kind, "aws", ACCOUNT, native_id, scope.id, document)
}

#[test]
fn records_are_asked() {
    let arn = |of: &str| format!("arn:aws:iam::{ACCOUNT}:{of}");
    let mut ada = identity(kinds::IAM_USER, &arn("user/ada"));
    ada.fact("inline_policies", Fact::known(vec!["own".to_owned()]));
    ada.fact("policies_of_groups", Fact::known(vec![arn("group/staff#inline/look")]));
    let mut bob = identity(kinds::IAM_USER, &arn("user/bob"));
    bob.fact("attached_policies", Fact::known(vec![arn("policy/all")]));
    bob.fact("permissions_boundary", Fact::known(arn("policy/edge")));
    let mut eve = identity(kinds::IAM_USER, &arn("user/eve"));
    eve.fact("policies_of_groups", Fact::not_collected("not among the replies"));
    let mut elsewhere = identity(kinds::IAM_ROLE, "arn:aws:iam::999999999999:role/far");
    elsewhere.authority = Authority::Mentioned;
    let mut account = identity(kinds::CLOUD_ACCOUNT, ACCOUNT);
    account.fact("organization_path", Fact::known(vec!["r-1".to_owned(), ACCOUNT.to_owned()]));
    account.fact("management_account", Fact::known("000000000000"));
    let any = "{'Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}";
    let mut limit = policy(PolicyKind::ServiceControlPolicy, "p-1", any);
    limit.targets = vec!["r-1".to_owned(), ACCOUNT.to_owned()];
    let mut europe = policy(
        PolicyKind::ServiceControlPolicy,
        "p-2",
        "{'Statement':{'Effect':'Deny','Action':'ec2:*','Resource':'*'}}",
    );
    europe.targets = vec![ACCOUNT.to_owned()];
    let policies = [
        limit,
        europe,
        policy(PolicyKind::ManagedPolicy, &arn("policy/all"), any),
        policy(
            PolicyKind::ManagedPolicy,
            &arn("policy/edge"),
            "{'Statement':{'Effect':'Allow','Action':['sqs:*','ec2:*'],'Resource':'*'}}",
        ),
        policy(
            PolicyKind::InlinePolicy,
            &arn("user/ada#inline/own"),
            "{'Statement':{'Effect':'Allow','Action':'sqs:Send*','Resource':'*'}}",
        ),
        policy(
            PolicyKind::InlinePolicy,
            &arn("group/staff#inline/look"),
            "{'Statement':{'Effect':'Allow','Action':'sqs:Get*','Resource':'*'}}",
        ),
    ];
    let accounts = accounts_of(&[ada, bob, eve, elsewhere, account], &policies);
    let jobs = "arn:aws:sqs:eu-west-1:111122223333:jobs";
    let check = |principal: &str, action: &str, resource: &str, wanted: &str| {
        let ask = Ask {
            principal: principal.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            ..Ask::default()
        };
        let answer = match can(&accounts, &ask) {
            Ok(answer) => {
                let by = answer.blocked_by.map(|by| format!(" {by:?}")).unwrap_or_default();
                format!("{:?}{by}", answer.decision)
            }
            Err(error) => error.message,
        };
        assert_eq!(answer, wanted, "{principal} {action} {resource}");
    };
    check("ada", "sqs:SendMessage", jobs, "Allow");
    check("ada", "sqs:GetQueueUrl", jobs, "Allow");
    check("ada", "sqs:DeleteQueue", jobs, "Deny Identity");
    check("bob", "sqs:DeleteQueue", jobs, "Allow");
    check("bob", "s3:GetObject", "arn:aws:s3:::a/b", "Deny Boundary");
    check("bob", "ec2:RunInstances", "*", "Deny Scp");
    check("eve", "sqs:SendMessage", jobs, "Conditional");
    check("nobody", "sqs:SendMessage", jobs, "there is no AWS principal `nobody`");
    check("ada", "sqs", jobs, "`sqs` is no action: `service:Name`");
    check("ada", "sqs:SendMessage", "jobs", "`jobs` is neither an ARN nor `*`");

    let ask = Ask { action: "sqs:DeleteQueue".into(), resource: jobs.into(), ..Ask::default() };
    let who = who_can(&accounts, &ask).unwrap();
    let told: Vec<String> =
        who.principals.iter().map(|row| format!("{} {:?}", row.principal, row.decision)).collect();
    assert_eq!(told, [arn("user/bob Allow"), arn("user/eve Conditional")]);
    assert_eq!(who.n_asked, 3);

    let effective = effective(&accounts, "bob").unwrap().effective;
    let told: Vec<String> = effective
        .permissions
        .iter()
        .map(|it| format!("{:?} {}", it.verdict, it.actions.join(" ")))
        .collect();
    assert_eq!(told, ["Allow sqs:*"]);
}

/// An organisation may have no service control policies, and resource control policies all the same.
#[test]
fn resource_control_stands_alone() {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ada");
    let mut ada = identity(kinds::IAM_USER, &arn);
    ada.fact("inline_policies", Fact::known(vec!["own".to_owned()]));
    let mut account = identity(kinds::CLOUD_ACCOUNT, ACCOUNT);
    account.fact("organization_path", Fact::known(vec!["r-1".to_owned(), ACCOUNT.to_owned()]));
    account.fact("management_account", Fact::known("000000000000"));
    let mut limit = policy(
        PolicyKind::ResourceControlPolicy,
        "p-1",
        "{'Statement':[{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'},
            {'Effect':'Deny','Principal':'*','Action':'sqs:DeleteQueue','Resource':'*'}]}",
    );
    limit.targets = vec!["r-1".to_owned(), ACCOUNT.to_owned()];
    let own = policy(
        PolicyKind::InlinePolicy,
        &format!("{arn}#inline/own"),
        "{'Statement':{'Effect':'Allow','Action':'sqs:*','Resource':'*'}}",
    );
    let accounts = accounts_of(&[ada, account], &[limit, own]);
    let check = |action: &str, wanted: &str| {
        let ask = Ask {
            principal: "ada".to_owned(),
            action: action.to_owned(),
            resource: format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs"),
            ..Ask::default()
        };
        let answer = can(&accounts, &ask).unwrap();
        let by = answer.blocked_by.map(|by| format!(" {by:?}")).unwrap_or_default();
        assert_eq!(format!("{:?}{by}", answer.decision), wanted, "{action}");
        let assumed = &answer.explanation.assumed;
        assert!(assumed.iter().any(|it| it.contains("no service control policy")), "{assumed:?}");
    };
    check("sqs:SendMessage", "Allow");
    check("sqs:DeleteQueue", "Deny Rcp");
}

#[test]
fn what_was_not_used() {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ada");
    let mut ada = identity(kinds::IAM_USER, &arn);
    ada.fact("inline_policies", Fact::known(vec!["own".to_owned()]));
    let actions = "['sqs:SendMessage','sqs:CreateQueue','sqs:DeleteQueue','sqs:ListQueues']";
    let document =
        format!("{{'Statement':{{'Effect':'Allow','Action':{actions},'Resource':'*'}}}}");
    let own = policy(PolicyKind::InlinePolicy, &format!("{arn}#inline/own"), &document);
    let accounts = accounts_of(&[ada], &[own]);
    let record = |id: u32, name: &str, error: &str, day: u32| {
        format!(
            r#"{{"eventID":"{id:08}-0000-4000-8000-000000000000","eventTime":"2026-01-{day:02}T00:00:00Z",
            "eventSource":"sqs.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1",
            "eventCategory":"Management","recipientAccountId":"{ACCOUNT}"{error},
            "userIdentity":{{"type":"IAMUser","arn":"{arn}","accountId":"{ACCOUNT}","userName":"ada"}}}}"#
        )
        .replace('\n', " ")
    };
    let log = [
        record(1, "CreateQueue", "", 1),
        record(2, "CreateQueue", "", 3),
        record(2, "CreateQueue", "", 3),
        record(3, "DeleteQueue", r#","errorCode":"AccessDenied""#, 4),
        record(4, "PurgeQueue", "", 5),
    ]
    .join("\n");
    let summed = summarize(&["-".into()], log.as_bytes(), &Wanted::default(), |_| ()).unwrap();
    let told = unused(&accounts, "ada", &summed).unwrap();
    let grants: Vec<String> = told
        .grants
        .iter()
        .map(|it| format!("{} {:?} {}/{}", it.action, it.state, it.n_uses, it.n_denied))
        .collect();
    assert_eq!(
        grants,
        [
            "sqs:CreateQueue Used 2/0",
            "sqs:DeleteQueue Unused 0/1",
            "sqs:ListQueues Unused 0/0",
            "sqs:SendMessage NotObservable 0/0",
        ]
    );
    let smaller = refinement(&accounts, "ada", &summed, &["sqs:List*".to_owned()]).unwrap();
    let [one] = smaller.policies.as_slice() else { panic!("{smaller:#?}") };
    let refined = one.refined.as_ref().unwrap();
    assert_eq!(one.act, Act::Replace);
    assert_eq!(
        refined.document.as_ref().unwrap()["Statement"],
        serde_json::json!([{"Effect": "Allow", "Resource": "*",
            "Action": ["sqs:CreateQueue", "sqs:ListQueues", "sqs:SendMessage"]}])
    );
    assert_eq!(smaller.kept, ["sqs:ListQueues"]);
    assert_eq!(smaller.kept_not_observable, ["sqs:SendMessage"]);
    // The purge was allowed by nothing that was read, before and after.
    let replay = smaller.replay;
    assert_eq!((replay.n_uses, replay.n_same, replay.n_denied_before), (2, 2, 1));
    let wrong = refinement(&accounts, "ada", &summed, &["List".to_owned()]).unwrap_err();
    assert_eq!(wrong.message, "`List` is no pattern of actions: `service:Name*`");
    assert_eq!(told.used_beyond, ["sqs:purgequeue"]);
    assert_eq!((told.evidence.days, told.evidence.confidence), (4, "low"));
}

/// What would leave no record, or left one that does not tell, is not called unused.
#[test]
fn what_cannot_be_told() {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/ada");
    let mut ada = identity(kinds::IAM_USER, &arn);
    ada.fact("inline_policies", Fact::known(vec!["own".to_owned()]));
    let actions = "['s3:GetBucketPolicy','s3:ListAllMyBuckets','s3:ListBucket']";
    let document =
        format!("{{'Statement':{{'Effect':'Allow','Action':{actions},'Resource':'*'}}}}");
    let own = policy(PolicyKind::InlinePolicy, &format!("{arn}#inline/own"), &document);
    let accounts = accounts_of(&[ada], &[own]);
    let record = format!(
        r#"{{"eventTime":"2026-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetBucketPolicy","errorCode":"NoSuchBucketPolicy","userIdentity":{{"type":"IAMUser","arn":"{arn}"}}}}"#
    );
    let log = format!("{record}\n{{broken\n");
    let summed = summarize(&["-".into()], log.as_bytes(), &Wanted::default(), |_| ()).unwrap();
    let told = unused(&accounts, "ada", &summed).unwrap();
    let states: Vec<String> =
        told.grants.iter().map(|it| format!("{} {:?}", it.action, it.state)).collect();
    assert_eq!(
        states,
        [
            "s3:GetBucketPolicy NotObservable",
            "s3:ListAllMyBuckets Unused",
            "s3:ListBucket NotObservable",
        ]
    );
    assert!(told.evidence.limits.contains(&"some records could not be read or taken in".into()));
}
