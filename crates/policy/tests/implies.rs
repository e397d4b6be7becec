//! Whether one policy allows nothing that another does not.

use std::sync::Arc;

use policy::aws::{
    Context, Document, Implies, Kind, Policies, Principal, Request, Verdict, decide, implies,
};
use policy::json::Json;
use proptest::prelude::*;

fn document(text: &str, kind: Kind) -> Option<Document> {
    let json: Json = serde_json::from_str(&text.replace('\'', "\"")).ok()?;
    Document::read(&json, kind).ok()
}

fn statements(text: &str) -> String {
    format!("{{'Version':'2012-10-17','Statement':[{text}]}}")
}

fn told(verdict: &Implies) -> String {
    match verdict {
        Implies::Yes => "yes".to_owned(),
        Implies::Unknown(reasons) => format!("unknown: {}", reasons.join("; ")),
        Implies::No(witnesses) => {
            let all = witnesses.iter().map(|one| {
                let context: Vec<String> =
                    one.context.iter().map(|(k, v)| format!("{k}={}", v.join("+"))).collect();
                let who = one.principal.as_deref().map(|who| format!("{who} ")).unwrap_or_default();
                format!("{who}{} {} {}", one.action, one.resource, context.join(" "))
                    .trim_end()
                    .to_owned()
            });
            all.collect::<Vec<_>>().join("; ")
        }
    }
}

const ANY: &str = "{'Effect':'Allow','Action':'*','Resource':'*'}";

#[test]
fn one_policy_within_another() {
    let check = |narrow: &str, wide: &str, wanted: &str| {
        let [narrow, wide] =
            [narrow, wide].map(|it| document(&statements(it), Kind::Principal).unwrap());
        assert_eq!(told(&implies(&narrow, &wide, 1)), wanted);
    };
    let get = "{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::data/*'}";
    check(get, get, "yes");
    check(get, ANY, "yes");
    check(ANY, get, "s3:AbortMultipartUpload arn:aws:s3:eu-west-1:111122223333:x");
    check(
        "{'Effect':'Allow','Action':['s3:Get*','s3:PutObject'],'Resource':'arn:aws:s3:::data/*'}",
        "{'Effect':'Allow','Action':['s3:Get*','s3:Put*'],'Resource':'arn:aws:s3:::data/a*'},
         {'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:::d?ta/*'},
         {'Effect':'Deny','Action':'s3:Get*Acl','Resource':'*'}",
        "s3:GetBucketAcl arn:aws:s3:::data/",
    );
    // Two patterns cover what neither covers.
    check(
        "{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::data/?*'}",
        "{'Effect':'Allow','Action':'s3:GetObject','Resource':['arn:aws:s3:::data/a*','arn:aws:s3:::data/b*']},
         {'Effect':'Allow','Action':'s3:*','NotResource':['arn:aws:s3:::data/a?*','arn:aws:s3:::data/b?*']}",
        "yes",
    );
    let with = |condition: &str| {
        format!("{{'Effect':'Allow','Action':'s3:*','Resource':'*','Condition':{{{condition}}}}}")
    };
    let if_team = with("'StringEquals':{'aws:PrincipalTag/team':['a','b']}");
    check(&if_team, &with("'StringLike':{'aws:PrincipalTag/team':'?'}"), "yes");
    check(
        &if_team,
        &with("'StringEquals':{'aws:PrincipalTag/team':'a'}"),
        "s3:AbortMultipartUpload arn:aws:s3:eu-west-1:111122223333:x aws:principaltag/team=b",
    );
    check(&with("'Null':{'aws:x':'true'}"), &with("'StringNotEquals':{'aws:x':'a'}"), "yes");
    check(
        &with("'StringNotEquals':{'aws:x':'a'}"),
        &with("'Null':{'aws:x':'true'}"),
        "s3:AbortMultipartUpload arn:aws:s3:eu-west-1:111122223333:x aws:x=x",
    );
    check(
        &with("'IpAddress':{'aws:SourceIp':['10.1.0.0/16','10.2.0.0/16']}"),
        &with("'IpAddress':{'aws:SourceIp':'10.0.0.0/14'}"),
        "yes",
    );
    check(
        &with("'IpAddress':{'aws:SourceIp':'10.0.0.0/14'}"),
        &with("'IpAddress':{'aws:SourceIp':['10.0.0.0/15','10.2.0.0/16']}"),
        "s3:AbortMultipartUpload arn:aws:s3:eu-west-1:111122223333:x aws:sourceip=10.3.0.0",
    );
    check(
        &with("'NumericLessThan':{'s3:max-keys':'10'}"),
        &with("'NumericLessThanEquals':{'s3:max-keys':'9'}"),
        "s3:AbortMultipartUpload arn:aws:s3:eu-west-1:111122223333:x s3:max-keys=9.5",
    );
    check(
        &with("'DateLessThan':{'aws:CurrentTime':'2026-01-01T00:00:00Z'}"),
        &with("'DateLessThan':{'aws:CurrentTime':'2027-01-01T00:00:00Z'}"),
        "yes",
    );
    check(
        &with("'ForAllValues:StringEquals':{'aws:TagKeys':['a','b']}"),
        &with("'ForAnyValue:StringEquals':{'aws:TagKeys':['a','b']}"),
        "s3:AbortMultipartUpload arn:aws:s3:eu-west-1:111122223333:x",
    );
    check(
        &with("'ForAnyValue:StringEquals':{'aws:TagKeys':['a']}"),
        &with("'ForAnyValue:StringEquals':{'aws:TagKeys':['a','b']}"),
        "yes",
    );
    let own = "{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::home/${aws:username}/*'}";
    check(own, own, "yes");
    check(
        own,
        "{'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:::home/*'}",
        "unknown: `aws:username`: a policy variable",
    );
    check(own, get, "s3:GetObject arn:aws:s3:::home/ada/ aws:username=ada");
}

/// However large two policies are, an answer comes.
#[test]
fn large_policies_have_an_end() {
    let many = |from: usize| {
        let statement = |n: usize| {
            format!(
                "{{'Effect':'Allow','Action':'s{n}:*a{n}*','Resource':'arn:aws:s{n}:*:*:*{n}*'}}"
            )
        };
        let all: Vec<String> = (from..from + 3_000).map(statement).collect();
        document(&statements(&all.join(",")), Kind::Principal).unwrap()
    };
    let tangle = |c: char| {
        let statement = |n: usize| {
            let pattern = format!("*{}*", c.to_string().repeat(n % 40 + 1));
            format!(
                "{{'Effect':'Allow','Action':'s:{pattern}','Resource':'arn:aws:s:::{pattern}'}}"
            )
        };
        let all: Vec<String> = (0..200).map(statement).collect();
        document(&statements(&all.join(",")), Kind::Principal).unwrap()
    };
    assert!(matches!(implies(&many(0), &many(1), 1), Implies::No(_)));
    assert!(!matches!(implies(&many(0), &many(0), 1), Implies::No(_)));
    assert!(matches!(implies(&tangle('a'), &tangle('b'), 1), Implies::No(_)));
}

#[test]
fn policies_of_resources() {
    let check = |narrow: &str, wide: &str, wanted: &str| {
        let [narrow, wide] = [narrow, wide].map(|it| {
            let text = format!("{{'Effect':'Allow','Action':'sts:AssumeRole',{it}}}");
            document(&statements(&text), Kind::Trust).unwrap()
        });
        assert_eq!(told(&implies(&narrow, &wide, 1)), wanted);
    };
    let role = "'Principal':{'AWS':'arn:aws:iam::111111111111:role/a'}";
    let account = "'Principal':{'AWS':'111111111111'}";
    check(role, account, "yes");
    check(
        account,
        role,
        "arn:aws:iam::111111111111:role/witness sts:AssumeRole arn:aws:sts:eu-west-1:111122223333:x",
    );
    check(role, "'Principal':'*'", "yes");
    check(
        "'Principal':{'Service':'ec2.amazonaws.com'}",
        account,
        "ec2.amazonaws.com sts:AssumeRole arn:aws:sts:eu-west-1:111122223333:x",
    );
}

fn condition() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec![
        "StringEquals",
        "StringLike",
        "StringNotEquals",
        "StringEqualsIfExists",
        "StringNotLikeIfExists",
    ]);
    let value = prop::sample::select(vec!["a", "b", "a*", "?"]);
    let key = prop::sample::select(vec!["aws:p", "aws:q"]);
    prop_oneof![
        2 => Just(String::new()),
        1 => (operator, key.clone(), value).prop_map(|(operator, key, value)| {
            format!(",'Condition':{{'{operator}':{{'{key}':'{value}'}}}}")
        }),
        1 => (key, any::<bool>()).prop_map(|(key, is)| {
            format!(",'Condition':{{'Null':{{'{key}':'{is}'}}}}")
        }),
    ]
}

fn any_document() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec!["*", "s:*", "s:A", "s:A*", "t:*", "s:?B"]);
    let resource = prop::sample::select(vec![
        "*",
        "arn:aws:s:::a*",
        "arn:aws:s:::ab",
        "arn:*:s:::*b",
        "arn:aws:t:::a",
    ]);
    let statement = (any::<bool>(), any::<bool>(), any::<bool>(), action, resource, condition());
    let statement = statement.prop_map(|(allows, not_action, not_resource, action, resource, condition)| {
        let effect = if allows { "Allow" } else { "Deny" };
        let not = |is: bool| if is { "Not" } else { "" };
        let (not_action, not_resource) = (not(not_action && !allows), not(not_resource && resource != "*"));
        format!("{{'Effect':'{effect}','{not_action}Action':'{action}','{not_resource}Resource':'{resource}'{condition}}}")
    });
    prop::collection::vec(statement, 1..4).prop_map(|all| statements(&all.join(",")))
}

/// Every request over a few actions, resources and values.
fn requests(who: &Principal) -> Vec<Request> {
    let mut all = Vec::new();
    let values = [None, Some("a"), Some("b"), Some("ab"), Some("")];
    for action in ["s:A", "s:AB", "s:XB", "t:A", "u:Q"] {
        for resource in [
            "arn:aws:s:::a",
            "arn:aws:s:::ab",
            "arn:aws-cn:s:::b",
            "arn:aws:t:::a",
            "*",
            "arn:aws:u:::c",
        ] {
            for p in values {
                for q in values {
                    let mut context = Context::default();
                    for (key, value) in [("aws:p", p), ("aws:q", q)] {
                        if let Some(value) = value {
                            context.set(key, value);
                        }
                    }
                    all.push(Request {
                        principal: who.clone(),
                        is_management_account: false,
                        is_service_linked: false,
                        action: action.to_owned(),
                        resources: vec![resource.to_owned()],
                        resource_account: None,
                        context,
                    });
                }
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_request_of_many_says_otherwise(narrow in any_document(), wide in any_document()) {
        let [one, other] = [&narrow, &wide].map(|it| Arc::new(document(it, Kind::Principal).unwrap()));
        let allows = |document: &Arc<Document>, request: &Request| {
            let policies = Policies { identity: vec![Arc::clone(document)], ..Policies::default() };
            decide(request, &policies).verdict == Verdict::Allow
        };
        let who = Principal::of_arn("arn:aws:iam::111111111111:user/a").unwrap();
        let exception = requests(&who).into_iter().find(|it| allows(&one, it) && !allows(&other, it));
        match (implies(&one, &other, 1), exception) {
            (Implies::Yes, Some(request)) => prop_assert!(false, "{request:?}"),
            (Implies::Unknown(reasons), _) => prop_assert!(false, "{reasons:?}"),
            _ => {}
        }
        prop_assert_eq!(implies(&one, &one, 1), Implies::Yes);
    }
}
