//! Fixtures are replies as the CLI prints them, with invented names.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use connectors::{Machine, Settings};
use model::{GapReason, Subject, Time};

use super::*;
use crate::calls::CALLS;

fn with_request<T>(path: &Path, act: impl FnOnce(&Request<'_>) -> T) -> T {
    let machine =
        Machine { id: "machine".into(), name: "machine".into(), root: Path::new("/").into() };
    let settings = Settings::default().with("path", [path.to_string_lossy()]);
    act(&Request {
        settings: &settings,
        machine: &machine,
        now: Time::from_seconds(1_795_305_600),
        fingerprinter: None,
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    })
}

fn read(path: &Path) -> Batch {
    let mut batch = Batch::default();
    with_request(path, |request| discover(request, &mut |one| batch.extend(one))).unwrap();
    batch
}

/// A batch as a reviewer reads it: one line for each record, sorted by what it says.
fn told(batch: &Batch) -> String {
    let name = |id: &model::IdentityId| {
        let identity = batch.identities.iter().find(|identity| identity.id == *id);
        identity.map_or_else(|| id.to_string(), |identity| identity.name.clone())
    };
    let facts = |facts: &model::Facts| -> Vec<String> {
        let told = facts.iter().map(|(key, fact)| match fact.value() {
            Some(value) => format!("{key}={value}"),
            None => format!("{key}=<{}>", fact.state_name()),
        });
        told.collect()
    };
    let time = |fact: &model::Fact<Time>| match fact.value() {
        Some(time) => time.to_string(),
        None => format!("<{}>", fact.state_name()),
    };
    let mut lines: Vec<String> = Vec::new();
    for it in &batch.identities {
        lines.push(format!(
            "identity {} {} {}/{}/{} {} made {} used {} {} {}",
            it.name,
            it.kind,
            it.system,
            it.instance,
            it.native_id,
            it.authority.name(),
            time(&it.created_at),
            time(&it.last_used_at),
            it.environment.value().map_or("", String::as_str),
            facts(&it.facts).join(" "),
        ));
    }
    for it in &batch.credentials {
        lines.push(format!(
            "credential {} {} {}/{}/{} of {} made {} used {} rotated {} expires {} enabled {:?} {}",
            it.name,
            it.kind,
            it.system,
            it.instance,
            it.native_id,
            it.identity.as_ref().map_or_else(|| "nobody".into(), name),
            time(&it.created_at),
            time(&it.last_used_at),
            time(&it.rotated_at),
            time(&it.expires_at),
            it.enabled.value(),
            facts(&it.facts).join(" "),
        ));
    }
    for it in &batch.grants {
        lines.push(format!(
            "grant to {} {}: {:?} {:?} on {:?} via {} if {:?} {}",
            name(&it.identity),
            it.native_id,
            it.effect,
            it.actions,
            it.resources,
            it.via.as_deref().unwrap_or_default(),
            it.conditions.iter().map(|it| &it.key).collect::<Vec<_>>(),
            facts(&it.facts)
                .into_iter()
                .filter(|fact| !fact.starts_with("policy_document"))
                .collect::<Vec<_>>()
                .join(" "),
        ));
    }
    for it in &batch.trusts {
        let from = match &it.from {
            Subject::Identity { identity } => name(identity),
            other => other.to_string(),
        };
        lines.push(format!(
            "trust {} {}/{} from {from} to {} if {:?} {}",
            it.mechanism,
            it.instance,
            it.native_id,
            name(&it.to),
            it.conditions.iter().map(|it| &it.key).collect::<Vec<_>>(),
            facts(&it.facts).join(" "),
        ));
    }
    for it in &batch.owners {
        lines.push(format!("owner {} of {} {}", it.owner.key, name(&it.identity), it.confidence));
    }
    for it in &batch.policies {
        lines.push(format!(
            "policy {} {} {}/{} {} of {} {:?} {:?} {}: {}",
            it.name,
            it.kind.name(),
            it.instance,
            it.native_id,
            it.version.as_deref().unwrap_or_default(),
            it.holder.as_ref().map_or_else(|| "nobody".into(), name),
            it.resource,
            it.targets,
            facts(&it.facts).join(" "),
            it.document,
        ));
    }
    for it in &batch.coverage {
        lines.push(format!("coverage {} {} {}/{}", it.scope.kind, it.scope.name, it.got, it.asked));
        for gap in &it.gaps {
            let detail = gap.detail.as_deref().unwrap_or_default();
            lines.push(format!(
                "gap {} {}: {} {} {detail}",
                it.scope.kind,
                it.scope.name,
                gap.locus,
                gap.reason.name()
            ));
        }
    }
    lines.sort();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fixtures");
    lines.join("\n").replace(&here.to_string_lossy().into_owned(), "…")
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fixtures").join(name)
}

#[test]
fn a_shop() {
    let batch = read(&fixture("shop"));
    insta::assert_snapshot!(told(&batch));
    assert!(!serde_json::to_string(&batch).unwrap().contains("fake-never-kept"));
}

fn gaps(batch: &Batch) -> Vec<(String, String, GapReason)> {
    let gaps = batch.coverage.iter().flat_map(|coverage| {
        let kind = coverage.scope.kind.to_string();
        coverage.gaps.iter().map(move |gap| (kind.clone(), gap.locus.clone(), gap.reason))
    });
    gaps.filter(|(kind, ..)| kind != "calls").collect()
}

/// A folder of files with these contents.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

const ROLE: &str = r#"{"RoleDetailList": [{"RoleName": "a", "Arn": "arn:aws:iam::111122223333:role/a",
    "AssumeRolePolicyDocument": {"Statement": []}, "RolePolicyList": []}]}"#;

#[test]
fn what_is_broken_is_a_gap_and_hides_what_it_held() {
    let shop = std::fs::read(fixture("shop/111122223333/iam.json")).unwrap();
    let check = |bytes: &[u8], reason: GapReason| {
        let folder = folder(&[("bad.json", bytes), ("good.json", ROLE.as_bytes())]);
        let batch = read(folder.path());
        let gaps = gaps(&batch);
        let told = |kind: &str| {
            gaps.iter().any(|(of, locus, why)| of == kind && locus == "bad.json" && *why == reason)
        };
        assert!(told("saved-output"), "{gaps:?}");
        assert!(told("iam get-account-authorization-details"), "{gaps:?}");
        assert!(batch.identities.iter().any(|identity| identity.name == "a"));
        batch
    };
    for sixteenth in 1..16 {
        check(&shop[..shop.len() * sixteenth / 16], GapReason::Malformed);
    }
    let half = check(&shop[..shop.len() / 2], GapReason::Malformed);
    assert!(half.identities.iter().any(|it| it.name == "ada"), "what stands before the end counts");
    check(b"{\"UserDetailList\": [{\"Arn\": \"\xff\"}]}", GapReason::Malformed);
    check(b"{\"UserDetailList\": {}} {", GapReason::Malformed);
    check(b"{\"a\": 1, \"a\": 2}", GapReason::Malformed);
    check(&b"{\"a\":".repeat(5_000), GapReason::TooDeep);
    check(b"\xff\xfe{\0}\0", GapReason::Unsupported);
    check(b"user,arn,user_creation_time\na,b\n", GapReason::Malformed);
}

#[test]
fn what_is_no_reply_is_told() {
    let check = |bytes: &[u8]| {
        let folder = folder(&[("odd.json", bytes), ("good.json", ROLE.as_bytes())]);
        let expected = ("saved-output".to_owned(), "odd.json".to_owned(), GapReason::Unsupported);
        assert_eq!(gaps(&read(folder.path())), [expected]);
    };
    check(b"");
    check(b"  \n");
    check(b"[]");
    check(b"{}");
    check(b"{\"Policies\": []}");
    check(b"a,b\n1,2\n");
    check(b"\0\0\0");
    assert!(matches!(
        with_request(Path::new("/nowhere/at/all"), |request| discover(request, &mut |_| {})),
        Err(SourceError::NotFound(_))
    ));
}

#[test]
fn one_element_that_is_wrong_leaves_the_others() {
    let text = r#"{"UserDetailList": [
        {"UserName": "twice", "UserName": "b", "Arn": "arn:aws:iam::111122223333:user/twice"},
        {"UserName": 7, "Arn": []},
        {"UserName": "sound", "Arn": "arn:aws:iam::111122223333:user/sound", "GroupList": 7,
         "UserPolicyList": [{"PolicyName": "odd", "PolicyDocument": 7}],
         "CreateDate": "yesterday", "Tags": [7, {"Key": 1}]}
    ]}"#;
    let folder = folder(&[("iam.json", text.as_bytes())]);
    let batch = read(folder.path());
    assert_eq!(batch.identities.len(), 1);
    insta::assert_snapshot!(
        told(&batch).lines().filter(|it| it.starts_with("gap iam")).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn sizes_have_limits() {
    let folder = folder(&[("good.json", ROLE.as_bytes())]);
    let large = std::fs::File::create(folder.path().join("large.json")).unwrap();
    large.set_len(300 << 20).unwrap();
    let large = |reason: &GapReason| *reason == GapReason::TooLarge;
    let batch = read(folder.path());
    assert!(gaps(&batch).iter().all(|(_, locus, reason)| locus == "large.json" && large(reason)));
    assert_eq!(batch.identities.len(), 1);
    let document = "x".repeat(model::record::policy::MAX_DOCUMENT_BYTES + 1);
    let role = ROLE.replace(r#"{"Statement": []}"#, &format!("\"{document}\""));
    std::fs::write(folder.path().join("large.json"), role).unwrap();
    let batch = read(folder.path());
    assert!(gaps(&batch).iter().any(|(kind, _, reason)| kind.starts_with("iam") && large(reason)));
}

/// What one list says of all that belong to it multiplies; so does what is told of every account.
#[test]
fn what_multiplies_has_an_end() {
    let check = |text: &str| {
        let batch = read(folder(&[("iam.json", text.as_bytes())]).path());
        assert!(batch.n_records() < 20_000, "{}", batch.n_records());
        let is_iam = |coverage: &&model::Coverage| coverage.scope.kind.starts_with("iam");
        assert!(batch.coverage.iter().filter(is_iam).all(|coverage| coverage.truncated));
        assert!(gaps(&batch).iter().any(|gap| gap.2 == GapReason::TooLarge));
    };
    let many =
        |n: usize, one: &dyn Fn(usize) -> String| (0..n).map(one).collect::<Vec<_>>().join(",");
    let arn = |what: &str| format!("\"Arn\": \"arn:aws:iam::111122223333:{what}\"");
    let users = |n| {
        many(n, &|n| {
            let arn = arn(&format!("user/{n}"));
            format!(r#"{{"UserName": "u", {arn}, "GroupList": ["g", "g"]}}"#)
        })
    };
    let group = |policies: &str| {
        format!(r#""GroupDetailList": [{{"GroupName": "g", {}, {policies}}}]"#, arn("group/g"))
    };
    let attached = many(5_000, &|n| format!(r#"{{"PolicyArn": "arn:p/{n}"}}"#));
    let attached = group(&format!("\"AttachedManagedPolicies\": [{attached}]"));
    check(&format!(r#"{{"UserDetailList": [{}], {attached}}}"#, users(5_000)));
    let condition = many(10_000, &|n| format!("\"{n}\""));
    let document =
        format!(r#"{{"Statement": {{"Condition": {{"StringEquals": {{"a": [{condition}]}}}}}}}}"#);
    let inline = format!(r#"[{{"PolicyName": "p", "PolicyDocument": {document}}}]"#);
    let inline = group(&format!("\"GroupPolicyList\": {inline}"));
    check(&format!(r#"{{"UserDetailList": [{}], {inline}}}"#, users(5_000)));
    let role = |n: usize| {
        let (role, profile) = (arn(&format!("role/{n}")), arn("instance-profile/p"));
        format!(r#"{{"RoleName": "r", {role}, "InstanceProfileList": [{{{profile}}}]}}"#)
    };
    let profile = arn("instance-profile/p");
    let machine = |n| format!(r#"{{"InstanceId": "{n}", "IamInstanceProfile": {{{profile}}}}}"#);
    let (roles, machines) = (many(3_000, &role), many(3_000, &machine));
    check(&format!(
        r#"{{"RoleDetailList": [{roles}]}} {{"Reservations": [{{"OwnerId": "111122223333", "Instances": [{machines}]}}]}}"#
    ));
}

#[test]
fn a_missing_last_page_hides_what_it_may_hold() {
    let page = ROLE.replacen('{', r#"{"IsTruncated": true, "Marker": "x", "#, 1);
    let truncated = |files: &[(&str, &[u8])]| {
        let batch = read(folder(files).path());
        let of = |it: &&model::Coverage| it.scope.kind == calls::AUTHORIZATION;
        batch.coverage.iter().find(of).unwrap().truncated
    };
    assert!(truncated(&[("1.json", page.as_bytes())]));
    assert!(!truncated(&[("1.json", page.as_bytes()), ("2.json", ROLE.as_bytes())]));
}

#[test]
fn an_account_that_nothing_tells_is_a_gap() {
    let keys =
        br#"{"AccessKeyMetadata": [{"UserName": "a", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}]}"#;
    let other = ROLE.replace("111122223333", "444455556666");
    let alone = read(folder(&[("keys.json", keys)]).path());
    assert!(alone.credentials.is_empty());
    assert_eq!(gaps(&alone)[0].2, GapReason::Unsupported);
    let files: &[(&str, &[u8])] = &[
        ("1/keys.json", keys),
        ("1/role.json", ROLE.as_bytes()),
        ("2/role.json", other.as_bytes()),
    ];
    let apart = read(folder(files).path());
    assert_eq!(apart.credentials.len(), 1);
    assert_eq!(apart.credentials[0].identity, None, "its ARN may have a path");
    let together = read(folder(&[("keys.json", keys), files[1], files[2]]).path());
    assert!(together.credentials.is_empty());
}

/// Every form of the same reply makes the same records.
#[test]
fn forms_of_a_reply() {
    let csv = std::fs::read(fixture("shop/111122223333/report.csv")).unwrap();
    let encoded = data_encoding::BASE64.encode(&csv);
    let wrapped = format!(
        r#"{{"Call": {{}}, "Output": {{"Content": "{encoded}", "ReportFormat": "text/csv"}}}}"#
    );
    let plain = read(folder(&[("report", &csv)]).path());
    let other = read(folder(&[("report", wrapped.as_bytes())]).path());
    assert_eq!(plain.credentials.len(), 5);
    assert_eq!(plain.credentials, other.credentials);
    assert_eq!(plain.identities, other.identities);
}

/// What the collector must be allowed is exactly what the calls need, in both forms.
#[test]
fn the_ready_policy_names_the_calls() {
    let read = CALLS.iter().flat_map(|call| call.permissions.iter().copied());
    // Nothing is ever asked but what stands in this table.
    let asked = live::operations::every().map(|operation| operation.permission);
    let mut needed: Vec<&str> = read.chain(asked).collect();
    needed.sort_unstable();
    needed.dedup();
    let policy: serde_json::Value =
        serde_json::from_str(include_str!("../read-only-policy.json")).unwrap();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    let actions: Vec<&str> = actions.iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(actions, needed);
    let terraform = include_str!("../read-only-policy.tf");
    let quoted = terraform.split('"').filter(|part| part.contains(':') && !part.contains('\n'));
    assert_eq!(quoted.collect::<Vec<_>>(), needed);
    let readme = include_str!("../README.md");
    for call in CALLS {
        let operation = call.name.split(' ').nth(1).unwrap();
        assert!(readme.contains(operation), "the README does not name `{}`", call.name);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_change_of_a_reply_is_read_or_refused(at in 0_usize..9_000, byte: u8) {
        let mut bytes = std::fs::read(fixture("shop/111122223333/iam.json")).unwrap();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        drop(read_any("iam.json", &bytes));
    }
}

/// Replies of two accounts in one file: what AWS makes is stated for both.
#[test]
fn a_file_of_two_accounts() {
    let role = |account: &str| {
        format!(
            r#"{{"RoleName": "a", "Arn": "arn:aws:iam::{account}:role/a", "AttachedManagedPolicies":
            [{{"PolicyName": "Read", "PolicyArn": "arn:aws:iam::aws:policy/Read"}}]}}"#
        )
    };
    let text = format!(
        r#"{{"RoleDetailList": [{}, {}], "Policies": [{{"PolicyName": "Read",
        "Arn": "arn:aws:iam::aws:policy/Read", "PolicyVersionList": [{{"IsDefaultVersion": true,
        "Document": {{"Statement": [{{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}]}}}}]}}]}}"#,
        role("111122223333"),
        role("444455556666")
    );
    let batch = read(folder(&[("iam.json", text.as_bytes())]).path());
    assert_eq!(gaps(&batch), []);
    let of: Vec<&str> = batch.policies.iter().map(|policy| policy.instance.as_str()).collect();
    assert_eq!((of.len(), of.contains(&"111122223333")), (2, true));
    assert!(batch.grants.iter().all(|grant| grant.actions == ["s3:Get*"]));
    for role in &batch.identities {
        let applying = role.applying_policies();
        assert!(batch.policies.iter().any(|policy| [policy.id] == applying.as_slice()));
    }
}
