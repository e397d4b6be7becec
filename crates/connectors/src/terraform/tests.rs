//! Fixtures are states as Terraform writes them, with invented names; `SECRETS` are all the values
//! in them that must never come out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use model::{Batch, Fingerprinter, Gap, Place, Scope, Secret, Subject, Time, kinds};

use super::*;
use crate::contract::{Machine, Settings};

const SECRETS: &[&str] = &[
    "fake-smtp-output-Zk3vQ8rT1",
    "wJalrXUtnFEMI",
    "fakeSmtpV4password",
    "fake-Random-db-password-9x",
    "$2a$10$",
    "fake_stripe_key",
    "chosen-by-ada",
    "fakedatadogkey",
    "fakeAzureClientSecret",
    "fakeStorageKey",
    "eyJwcml2YXRl",
    "fake-google-key",
    "fake-k8s-data-value",
    "fake_npm_token",
    "fake-gitlab-token",
    "00000000-fake-secr",
    "chosen-pg",
    "fake-v3-secret",
    "fake-v3-token",
    "fake-variable-value",
    "fake-plan-output",
    "fake-nested-marked",
];

fn read(name: &str, bytes: &[u8]) -> (Batch, Vec<Gap>) {
    let scope = Scope::new("terraform", "machine", "state-files", "/srv/infra");
    let native_id = format!("/srv/infra/{name}");
    let mut place = Place::new(kinds::PLACE_STATE, "file", "machine", native_id, scope.id);
    place.path = name.into();
    let fingerprinter = Fingerprinter::new(Secret::new([7; 32]));
    let at = At {
        scope: scope.id,
        place: &place,
        locus: name,
        meta: None,
        machine: "machine",
        fingerprinter: Some(&fingerprinter),
    };
    read_file(bytes, at)
}

/// A batch as a reviewer reads it: one line for each record, sorted by what it says.
fn told(batch: &Batch, gaps: &[Gap]) -> String {
    let name = |id: &model::IdentityId| {
        let identity = batch.identities.iter().find(|identity| identity.id == *id);
        identity.map_or_else(|| id.to_string(), |identity| identity.name.clone())
    };
    let mut lines: Vec<String> = Vec::new();
    for it in &batch.identities {
        let facts: Vec<String> = it
            .facts
            .iter()
            .map(|(key, fact)| match fact.value() {
                Some(value) => format!("{key}={value}"),
                None => format!("{key}=<{}>", fact.state_name()),
            })
            .collect();
        let environment = it.environment.value().map_or("", String::as_str);
        lines.push(format!(
            "identity {} {} {}/{}/{} {:?} {environment} {facts:?}",
            it.name, it.kind, it.system, it.instance, it.native_id, it.authority
        ));
    }
    for it in &batch.credentials {
        let fact = |key: &str| it.facts.get(key).and_then(|it| it.value()).map(ToString::to_string);
        lines.push(format!(
            "credential {} {} {}/{}/{} of {} {} expires {:?} {} {:?} {}",
            it.name,
            it.kind,
            it.system,
            it.instance,
            it.native_id,
            it.identity.as_ref().map_or_else(|| "nobody".into(), name),
            if it.fingerprint.is_some() { "fingerprinted" } else { "no-fingerprint" },
            it.expires_at.value(),
            fact("confidence").unwrap_or_default(),
            it.places.iter().filter_map(|at| at.pointer.clone()).collect::<Vec<_>>(),
            it.enabled.value().map_or("", |enabled| if *enabled { "enabled" } else { "disabled" }),
        ));
    }
    for it in &batch.grants {
        lines.push(format!(
            "grant {} to {}: {:?} {:?} on {:?} via {:?} if {:?} at {:?}",
            it.kind,
            name(&it.identity),
            it.effect,
            it.actions,
            it.resources,
            it.via,
            it.conditions.iter().map(|it| &it.key).collect::<Vec<_>>(),
            it.evidence.iter().filter_map(|it| it.pointer.clone()).collect::<Vec<_>>(),
        ));
    }
    for it in &batch.trusts {
        let from = match &it.from {
            Subject::Identity { identity } => name(identity),
            other => other.to_string(),
        };
        lines.push(format!(
            "trust {} from {from} to {} if {:?}",
            it.mechanism,
            name(&it.to),
            it.conditions.iter().map(|it| &it.key).collect::<Vec<_>>()
        ));
    }
    for it in &batch.owners {
        lines.push(format!(
            "owner {} {} of {} by {} {}",
            it.owner.key,
            if it.owner.kind == model::PartyKind::Person { "(person)" } else { "(team)" },
            name(&it.identity),
            it.method,
            it.confidence
        ));
    }
    for gap in gaps {
        lines.push(format!("gap {} {:?}", gap.reason.name(), gap.detail));
    }
    lines.sort();
    lines.join("\n")
}

fn check(name: &str, bytes: &str) {
    let (batch, gaps) = read(name, bytes.as_bytes());
    let json = serde_json::to_string(&(&batch, &gaps)).unwrap();
    for secret in SECRETS {
        assert!(!json.contains(secret), "{name}: `{secret}` came out");
    }
    let ids: Vec<_> = batch.identities.iter().map(|identity| identity.id).collect();
    let known = |id: &model::IdentityId| ids.binary_search(id).is_ok();
    assert!(batch.credentials.iter().filter_map(|it| it.identity.as_ref()).all(known));
    assert!(batch.grants.iter().all(|it| known(&it.identity)));
    assert!(batch.trusts.iter().all(|it| known(&it.to)));
    assert!(batch.owners.iter().all(|it| known(&it.identity)));
    assert_eq!(json, serde_json::to_string(&read(name, bytes.as_bytes())).unwrap());
    insta::assert_snapshot!(name.replace('.', "-"), told(&batch, &gaps));
}

/// What one list says is stated for each who has it: within limits.
#[test]
fn lists_made_to_multiply() {
    let instance = |kind: &str, attributes: serde_json::Value| {
        serde_json::json!({"mode": "managed", "type": kind, "name": kind,
            "instances": [{"attributes": attributes}]})
    };
    let long: Vec<String> = (0..60).map(|n| format!("{n}{}", "a".repeat(20_000))).collect();
    let many: Vec<String> = (0..200).map(|n| format!("u{n}")).collect();
    let policy = serde_json::json!({"Statement": [{"Effect": "Allow", "Action": long}]});
    let policy = policy.to_string();
    let subjects: Vec<_> = many
        .iter()
        .map(|name| serde_json::json!({"kind": "ServiceAccount", "name": name}))
        .collect();
    let metadata = serde_json::json!([{"name": "x"}]);
    let check = |resources: &[serde_json::Value]| {
        let state = serde_json::json!({"version": 4, "resources": resources}).to_string();
        let (batch, gaps) = read("many.tfstate", state.as_bytes());
        assert!((10..100).contains(&batch.grants.len()), "{}", batch.grants.len());
        let n_bytes: usize = batch.grants.iter().flat_map(|it| &it.actions).map(String::len).sum();
        assert!(n_bytes <= reading::MAX_RIGHTS_BYTES);
        assert_eq!(gaps.len(), 1);
        assert_eq!((gaps[0].reason, gaps[0].locus.as_str()), (GapReason::TooLarge, "many.tfstate"));
    };
    // The document is short enough to be looked into.
    let short: Vec<String> = long.iter().take(40).cloned().collect();
    let policy = policy
        .replace(&serde_json::to_string(&long).unwrap(), &serde_json::to_string(&short).unwrap());
    let attached = serde_json::json!({"policy_arn": "arn:aws:iam::1:policy/p", "users": many});
    check(&[
        instance(
            "aws_iam_policy",
            serde_json::json!({"arn": "arn:aws:iam::1:policy/p", "policy": policy}),
        ),
        instance("aws_iam_policy_attachment", attached),
    ]);
    check(&[
        instance(
            "kubernetes_cluster_role",
            serde_json::json!({"metadata": metadata,
            "rule": [{"verbs": long, "resources": ["pods"], "api_groups": [""]}]}),
        ),
        instance(
            "kubernetes_cluster_role_binding",
            serde_json::json!({"metadata": metadata,
            "role_ref": [{"kind": "ClusterRole", "name": "x"}], "subject": subjects}),
        ),
    ]);
}

/// A name stands before each element of its list.
#[test]
fn a_long_name_of_a_long_list() {
    let name = format!("{}_password", "a".repeat(1 << 20));
    let list = vec![serde_json::json!("Fake-Blue-1"); 100_000];
    let attributes: serde_json::Map<_, _> = [(name, serde_json::json!(list))].into_iter().collect();
    let state = serde_json::json!({"version": 4, "resources": [{"mode": "managed",
        "type": "x", "name": "x", "instances": [{"attributes": attributes}]}]});
    let (_, gaps) = read("long.tfstate", state.to_string().as_bytes());
    assert_eq!(gaps.len(), 0);
}

/// `for_each = toset(var.passwords)`: the key of an instance is the password itself.
#[test]
fn keys_that_are_secrets() {
    let instance = |key: &str, attributes: &str| {
        let key = serde_json::to_string(key).unwrap();
        format!(r#"{{"index_key": {key}, "attributes": {{{attributes}}}}}"#)
    };
    let resource = |module: &str, kind: &str, instances: &[String]| {
        format!(
            r#"{{"module": {}, "mode": "managed", "type": "{kind}", "name": "n", "instances": [{}]}}"#,
            serde_json::to_string(module).unwrap(),
            instances.join(",")
        )
    };
    let resources = [
        resource(
            "module.m",
            "postgresql_role",
            &[
                instance("Fake-Blue-1", r#""name": "a", "password": "Fake-Blue-1""#),
                instance("Fake \"Blue] 2", r#""name": "b", "password": "Fake \"Blue] 2""#),
                instance("plain", r#""name": "c", "password": "Fake-Blue-3""#),
            ],
        ),
        resource(
            "module.n[\"Fake-Blue-3\"]",
            "aws_iam_user",
            &[instance("Fake-Blue-1", r#""name": "u", "arn": "arn:aws:iam::111122223333:user/u""#)],
        ),
    ];
    let state = format!(r#"{{"version": 4, "resources": [{}]}}"#, resources.join(","));
    let (batch, gaps) = read("keys.tfstate", state.as_bytes());
    let json = serde_json::to_string(&(&batch, &gaps)).unwrap();
    assert!(!json.contains("Blue"), "{json}");
    assert_eq!(batch.credentials.len(), 3);
    let addresses: BTreeSet<_> =
        batch.identities.iter().filter_map(|it| text_fact(it, "terraform_address")).collect();
    let addresses: Vec<_> = addresses.into_iter().collect();
    assert_eq!(
        addresses,
        [
            "module.m.postgresql_role.n[\"plain\"]",
            "module.m.postgresql_role.n[\"…\"]",
            "module.m.postgresql_role.n[\"…\"] (2)",
            "module.n[\"…\"].aws_iam_user.n[\"…\"]",
        ]
    );
}

fn text_fact(identity: &model::Identity, name: &str) -> Option<String> {
    match identity.facts.get(name)?.value()? {
        model::Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn a_payment_team_on_aws() {
    check("payments-aws.tfstate", include_str!("fixtures/payments-aws.tfstate"));
}

#[test]
fn a_platform_with_everything() {
    check("platform-mixed.tfstate", include_str!("fixtures/platform-mixed.tfstate"));
}

#[test]
fn a_state_of_2019() {
    check("old-version-3.tfstate", include_str!("fixtures/old-version-3.tfstate"));
}

#[test]
fn a_plan() {
    check("plan.tfstate", include_str!("fixtures/plan.tfstate"));
}

/// The same key in a state and in a file of credentials is one credential.
#[test]
fn a_key_is_the_same_wherever_it_is_met() {
    let key = ["AKIA", "SP2TPHJSQH3FJRUX"].concat();
    for secret in ["", r#", "secret": "Kx8Qw2Zr5Tn7Lm4Vb9Yc3Hd6Jf1Gs0PaQeUi""#] {
        let state = format!(
            r#"{{"version": 4, "resources": [{{"type": "aws_iam_access_key", "name": "k",
            "instances": [{{"attributes": {{"id": "{key}", "user": "u"{secret}}}}}]}}]}}"#
        );
        let (batch, _) = read("x.tfstate", state.as_bytes());
        let found = credentials::classify(None, &key).unwrap();
        let instance = found.instance.unwrap();
        let expected = model::Credential::new(
            kinds::ACCESS_KEY,
            "aws",
            instance.as_str(),
            key.as_str(),
            batch.credentials[0].scope,
        );
        assert_eq!((instance.as_str(), batch.credentials[0].id), ("171436882533", expected.id));
    }
}

#[test]
fn a_plan_of_an_account_that_nothing_names() {
    let plan = r#"{"format_version": "1.2", "planned_values": {"root_module": {"resources": [
        {"address": "aws_iam_role.r", "mode": "managed", "type": "aws_iam_role", "name": "r", "values": {"name": "deploy"}},
        {"address": "aws_iam_user.u", "mode": "managed", "type": "aws_iam_user", "name": "u", "values": {"name": "bot"}},
        {"address": "aws_iam_role_policy.p", "mode": "managed", "type": "aws_iam_role_policy", "name": "p",
         "values": {"role": "deploy", "policy": "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}"}}]}}}"#;
    let (batch, gaps) = read("plan.json", plan.as_bytes());
    let ids: BTreeSet<_> = batch.identities.iter().map(|it| it.native_id.as_str()).collect();
    let expected =
        ["machine:/srv/infra/plan.json#role/deploy", "machine:/srv/infra/plan.json#user/bot"];
    assert_eq!(ids, BTreeSet::from(expected), "no ARN is made up: {}", told(&batch, &gaps));
    assert!(batch.identities.iter().all(|it| it.facts["arn"].state_name() == "not_collected"));
    let role = batch.identities.iter().find(|it| it.name == "deploy").unwrap();
    assert_eq!(batch.grants[0].identity, role.id, "the grant is the role's");
}

/// Two states put together by hand, or a bad merge.
#[test]
fn an_address_that_stands_twice() {
    let resource = |value: &str| {
        format!(
            r#"{{"type": "random_password", "name": "p", "instances": [{{"attributes": {{"result": "{value}"}}}}]}}"#
        )
    };
    let (one, other) = (resource("Kx8Qw2Zr5Tn7Lm4Vb9Yc3Hd6"), resource("Jf1Gs0PaQeUiRt5Wy7Zx3Cv9"));
    let state = format!(r#"{{"version": 4, "resources": [{one}, {other}, {one}]}}"#);
    let (batch, gaps) = read("x.tfstate", state.as_bytes());
    let fingerprints: Vec<_> = batch.credentials.iter().map(|it| &it.fingerprint).collect();
    let ids: BTreeSet<_> = batch.credentials.iter().map(|it| it.id).collect();
    assert_eq!((fingerprints.len(), ids.len()), (3, 3), "{}", told(&batch, &gaps));
    let different: BTreeSet<_> = fingerprints.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(different.len(), 2);
}

#[test]
fn what_is_no_state_is_a_gap() {
    let check = |text: &str, expected: &str| {
        let (batch, gaps) = read("x.tfstate", text.as_bytes());
        let told = gaps.first().map_or_else(String::new, |gap| {
            format!("{}: {}", gap.reason.name(), gap.detail.as_deref().unwrap_or_default())
        });
        assert_eq!(told, expected, "{}", text.chars().take(60).collect::<String>());
        assert!(batch.identities.is_empty());
    };
    check("", "malformed: empty: no state was ever written, or the write failed");
    check("{}", "unsupported: JSON, but neither a state nor a plan in JSON form");
    check("[]", "malformed: line 1, column 0: is not of the form a state has");
    check("\"fake-secret\"", "malformed: line 1, column 13: is not of the form a state has");
    check(r#"{"version": 2, "modules": []}"#, "unsupported: state version 2; 3 and 4 are read");
    check(r#"{"version": 5, "resources": []}"#, "unsupported: state version 5; 3 and 4 are read");
    check(r#"{"version": 4, "resources": [], "outputs": {}}"#, "");
    check(r#"{"version": 4, "resources": [{"#, "malformed: line 1, column 30: ends in the middle");
    check(r#"{"version": 4, "resources": [NaN]}"#, "malformed: line 1, column 30: is not JSON");
    check(
        r#"{"version": 4, "resources": [1, "x", null, {}, {"type": 1, "name": []}]}"#,
        "malformed: 5 elements that are no resources",
    );
    check(
        r#"{"version": 4, "resources": {"a": 1}}"#,
        "malformed: 1 elements that are no resources",
    );
    check(
        r#"{"serial": 1, "lineage": "x", "encrypted_data": "AAAA", "encryption_version": "v0"}"#,
        "encrypted: an OpenTofu state that is encrypted",
    );
    let deep = format!(
        r#"{{"version": 4, "resources": [{{"type": "a", "name": "b", "instances": [{{"attributes": {{"x": {}1{}}}}}]}}]}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    check(&deep, "too-deep: nested deeper than 128");
    check(
        &format!("{{\"version\": 4, \"x\": {}", "[".repeat(10_000)),
        "malformed: line 1, column 10020: ends in the middle",
    );
}

#[test]
fn a_truncated_state_gives_what_stands_before_its_end() {
    let text = include_str!("fixtures/payments-aws.tfstate");
    for cut in (0..text.len()).step_by(97) {
        let Some(start) = text.get(..cut) else { continue };
        let (batch, gaps) = read("x.tfstate", start.as_bytes());
        assert!(!gaps.is_empty());
        let json = serde_json::to_string(&(&batch, &gaps)).unwrap();
        assert!(!SECRETS.iter().any(|secret| json.contains(secret)));
    }
    let most = text.get(..text.len() * 3 / 4).unwrap();
    let (batch, _) = read("x.tfstate", most.as_bytes());
    assert!(batch.identities.iter().any(|identity| identity.name == "payments-worker"));
}

#[test]
fn a_folder_is_walked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let write = |name: &str, text: &str| {
        let file = path.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("terraform.tfstate", include_str!("fixtures/payments-aws.tfstate"));
    write("terraform.tfstate.backup", include_str!("fixtures/payments-aws.tfstate"));
    write(
        "terraform.tfstate.d/prod/terraform.tfstate",
        include_str!("fixtures/old-version-3.tfstate"),
    );
    write("broken.tfstate", "{");
    write("main.tf", "not a state");
    std::os::unix::fs::symlink("terraform.tfstate", path.join("link.tfstate")).unwrap();
    let machine = Machine { id: "machine".into(), name: "m".into(), root: PathBuf::from("/") };
    let settings = Settings::default().with("paths", [path.to_str().unwrap(), "/does/not/exist"]);
    let request = Request {
        settings: &settings,
        machine: &machine,
        now: Time::from_seconds(1_700_000_000),
        fingerprinter: None,
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    };
    let mut batches = Vec::new();
    discover(&request, &mut |batch| batches.push(batch)).unwrap();
    assert_eq!(test(&request).unwrap(), "5 state files");
    let batch = &batches[0];
    assert_eq!(batches.len(), 1);
    let gaps: Vec<String> = batch
        .coverage
        .iter()
        .flat_map(|coverage| &coverage.gaps)
        .map(|gap| format!("{} {}", gap.reason.name(), gap.locus.rsplit('/').next().unwrap()))
        .collect();
    let mut gaps = gaps;
    gaps.sort();
    assert_eq!(gaps, ["malformed broken.tfstate", "not-found exist", "not-regular link.tfstate"]);
    let key = batch.credentials.iter().find(|it| it.native_id == "AKIAIOSFODNN7EXAMPLE").unwrap();
    assert_eq!(key.places.len(), 2, "the backup holds it too");
    assert!(key.fingerprint.is_none(), "no key, no fingerprint");
    let old = batch.identities.iter().find(|it| it.name == "export").unwrap();
    assert_eq!(old.environment.value().map(String::as_str), Some("prod"), "the workspace");
    let nowhere = Settings::default().with("paths", ["/does/not/exist"]);
    let request = Request { settings: &nowhere, ..request };
    assert!(discover(&request, &mut |_| {}).is_err());
}

fn value() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    let names = prop_oneof![
        "[a-z_]{1,12}",
        proptest::sample::select(vec![
            "name",
            "arn",
            "id",
            "policy",
            "assume_role_policy",
            "metadata",
            "data",
            "email",
            "member",
            "role",
            "password",
            "secret",
            "value",
            "tags",
            "subject",
            "rule",
            "0",
            "#",
        ])
        .prop_map(String::from),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        Just("arn:aws:iam::111122223333:role/x".into()),
        Just("{\"Statement\":[{\"Principal\":{\"AWS\":\"*\"}}]}".into()),
        Just("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----".into()),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        read("x.tfstate", &bytes);
    }

    #[test]
    fn any_value_where_attributes_stand(value in value(), row in 0_usize..200) {
        let rows: Vec<&Row> = TABLES.iter().copied().flatten().collect();
        let kind = rows[row % rows.len()].0;
        let four = serde_json::json!({"version": 4, "resources": [
            {"mode": "managed", "type": kind, "name": "n", "module": value, "instances": [
                {"attributes": value, "sensitive_attributes": value, "index_key": value},
                {"attributes_flat": value},
            ]},
            value,
        ], "outputs": value});
        read("x.tfstate", four.to_string().as_bytes());
        let three = serde_json::json!({"version": 3, "modules": [
            {"path": value, "resources": {"a.b": {"type": kind, "primary": {"attributes": value}}}},
            value,
        ]});
        read("x.tfstate", three.to_string().as_bytes());
        let plan = serde_json::json!({"format_version": "1.0", "planned_values": {"root_module": {
            "resources": [{"type": kind, "name": "n", "address": "module.", "values": value, "sensitive_values": value}],
            "child_modules": [value],
        }}, "prior_state": value});
        read("x.tfstate", plan.to_string().as_bytes());
    }
}
