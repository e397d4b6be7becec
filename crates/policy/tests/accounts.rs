//! Questions about whole accounts: what applies, why, and what would change it.

use std::collections::BTreeMap;

use policy::aws::{
    Accounts, Explanation, Holder, HolderKind, Kind, Levels, Policy, Principal, Request, decide,
    explain,
};

const ACCOUNT: &str = "111111111111";

fn arn(of: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{of}")
}

fn policy(accounts: &mut Accounts, id: &str, text: &str) {
    let text = text.replace('\'', "\"");
    let policy = Policy::read(id, id, &text, Kind::Principal);
    assert_eq!(policy.problems, [], "{id}");
    accounts.add_policy(policy);
}

fn holder(kind: HolderKind, of: &str, policies: &[&str]) -> Holder {
    Holder {
        arn: arn(of),
        kind,
        policies: policies.iter().map(|id| (*id).to_owned()).collect(),
        groups: Vec::new(),
        boundary: None,
        tags: Some(BTreeMap::new()),
        unread: Vec::new(),
    }
}

fn accounts() -> Accounts {
    let mut accounts = Accounts::default();
    policy(
        &mut accounts,
        "read",
        "{'Version':'2012-10-17','Statement':[
            {'Sid':'Own','Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::data/${aws:username}/*'},
            {'Effect':'Allow','Action':['s3:Get*','s3:List*'],'Resource':'arn:aws:s3:::public/*'},
            {'Effect':'Allow','Action':'ec2:StopInstances','Resource':'*',
             'Condition':{'StringEquals':{'aws:PrincipalTag/team':'web'},'Bool':{'aws:MultiFactorAuthPresent':'true'}}},
            {'Sid':'Never','Effect':'Deny','Action':'s3:*','Resource':'arn:aws:s3:::public/secret/*'}]}",
    );
    policy(
        &mut accounts,
        "limit",
        "{'Version':'2012-10-17','Statement':{'Effect':'Allow','NotAction':'iam:*','Resource':'*'}}",
    );
    policy(
        &mut accounts,
        "everything",
        "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'*'}}",
    );
    policy(
        &mut accounts,
        "europe",
        "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'*'},
            {'Effect':'Deny','NotAction':'iam:*','Resource':'*',
             'Condition':{'StringNotEquals':{'aws:RequestedRegion':['eu-west-1']}}}]}",
    );
    let trust = "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Principal':{'AWS':'111111111111'},'Action':'sts:AssumeRole'}}";
    let trust = Policy::read("trust", "trust", &trust.replace('\'', "\""), Kind::Trust);
    assert_eq!(trust.problems, []);
    accounts.add_resource_policy(&arn("role/deploy"), trust);
    let mut ada = holder(HolderKind::User, "user/ada", &["read"]);
    ada.groups.push(arn("group/staff"));
    let mut bob = holder(HolderKind::User, "user/path/bob", &["everything"]);
    bob.boundary = Some("limit".to_owned());
    bob.tags = Some(BTreeMap::from([("team".to_owned(), "web".to_owned())]));
    let mut eve = holder(HolderKind::User, "user/eve", &[]);
    eve.policies.push("arn:aws:iam::aws:policy/Unread".to_owned());
    accounts.add_holder(ada);
    accounts.add_holder(bob);
    accounts.add_holder(eve);
    accounts.add_holder(holder(HolderKind::Group, "group/staff", &["limit"]));
    accounts.add_holder(holder(HolderKind::Role, "role/deploy", &["read"]));
    accounts
}

fn ask(
    accounts: &Accounts,
    principal: Principal,
    action: &str,
    resource: &str,
) -> (String, Explanation) {
    let request = Request {
        context: accounts.context(&principal),
        principal,
        is_management_account: false,
        is_service_linked: false,
        action: action.to_owned(),
        resources: vec![resource.to_owned()],
        resource_account: None,
    };
    let applied = accounts.applied(&request);
    let decision = decide(&request, &applied.policies);
    let residual: Vec<String> = decision
        .residual
        .iter()
        .map(|cube| {
            let told = |one: &policy::aws::Condition| {
                let sign = if one.negated { "!" } else { "" };
                format!("{sign}{} {}={}", one.operator, one.key, one.values.join(","))
            };
            cube.iter().map(told).collect::<Vec<_>>().join(" & ")
        })
        .collect();
    let verdict = format!("{:?} {}", decision.verdict, residual.join(" | "));
    (verdict, explain(&request, &applied, &decision))
}

#[test]
fn what_applies_and_why() {
    let mut accounts = accounts();
    let all = |accounts: &Accounts| {
        let check = |who: &str, action: &str, resource: &str| {
            let (verdict, explanation) =
                ask(accounts, Principal::of_arn(&arn(who)).unwrap(), action, resource);
            let explanation = serde_json::to_string_pretty(&explanation).unwrap();
            format!("{who} {action} {resource}\n{verdict}\n{explanation}\n")
        };
        [
            check("user/ada", "s3:GetObject", "arn:aws:s3:::public/secret/a"),
            check(
                "user/ada",
                "ec2:StopInstances",
                "arn:aws:ec2:eu-west-1:111111111111:instance/i-1",
            ),
            check("user/path/bob", "iam:CreateUser", &arn("user/new")),
            check("user/path/bob", "sts:AssumeRole", &arn("role/deploy")),
            check("user/eve", "sqs:SendMessage", "arn:aws:sqs:eu-west-1:111111111111:jobs"),
            check("user/nobody", "sqs:SendMessage", "arn:aws:sqs:eu-west-1:111111111111:jobs"),
            check("role/deploy", "s3:GetObject", "arn:aws:s3:::data/ada/x"),
            check("role/deploy", "s3:GetObject", "arn:aws:s3:::other/x"),
            check("user/ada", "kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:key/1"),
        ]
        .join("\n")
    };
    insta::assert_snapshot!("without_an_organisation", all(&accounts));
    accounts.set_levels(
        ACCOUNT,
        Levels {
            service_control: vec![vec!["everything".to_owned()], vec!["europe".to_owned()]],
            ..Levels::default()
        },
    );
    let ada = Principal::of_arn(&arn("user/ada")).unwrap();
    let (verdict, explanation) = ask(&accounts, ada, "s3:GetObject", "arn:aws:s3:::public/a");
    insta::assert_snapshot!(
        "within_an_organisation",
        format!("{verdict}\n{}", serde_json::to_string_pretty(&explanation).unwrap())
    );
}

/// Names of operators and keys may be written in either case.
#[test]
fn what_failed_is_found_in_the_document() {
    let mut accounts = Accounts::default();
    policy(
        &mut accounts,
        "team",
        "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'sqs:*','Resource':'*',
            'Condition':{'stringEquals':{'aws:PrincipalTag/Team':'web'}}}}",
    );
    accounts.add_holder(holder(HolderKind::User, "user/ada", &["team"]));
    let ada = Principal::of_arn(&arn("user/ada")).unwrap();
    let (verdict, explanation) = ask(&accounts, ada, "sqs:ListQueues", "*");
    assert_eq!(verdict, "Deny ");
    let failed = &explanation.nearest[0].failed[0];
    assert_eq!(failed.pointer, "/Statement/Condition/stringEquals/aws:PrincipalTag~1Team");
    assert!(accounts.policy("team").unwrap().at(&failed.pointer).is_some());
}
