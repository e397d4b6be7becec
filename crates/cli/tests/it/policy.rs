//! `tutela policy lint` and `expand`, as a person and as a program reads them.

use crate::{json, rows, run, said, write};

const ODD: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Action": ["s3:GetObjct", "s3:PutObject"],
    "Resource": "arn:aws:s3:::reports"
  }
}
"#;

const FINE: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:*:*:orders"},
  {"Effect":"Deny","NotAction":"s3:*","Resource":"*"}]}"#;

#[test]
fn policies_are_linted() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "odd.json", ODD);
    write(home.path(), "fine.json", FINE);
    let output = run(home.path(), &["policy", "lint", "odd.json", "fine.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
    assert!(
        said(&output).contains("2 policies: 0 errors, 2 warnings, 0 infos"),
        "{}",
        said(&output)
    );

    let output = run(home.path(), &["policy", "lint", "--format", "json", "odd.json"]);
    let report = json(&output);
    let policy = &rows(&report, "policies")[0];
    assert_eq!(
        (policy["file"].as_str(), policy["kind"].as_str()),
        (Some("odd.json"), Some("identity"))
    );
    let lint = &rows(policy, "lints")[0];
    assert_eq!((lint["line"].as_u64(), lint["column"].as_u64()), (Some(5), Some(16)));

    let output = run(home.path(), &["policy", "lint", "fine.json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{}", said(&output));
    let output = run(home.path(), &["policy", "lint", "--kind", "trust", "fine.json"]);
    assert_eq!(output.status.code(), Some(1));
    let output = run(home.path(), &["policy", "lint", "missing.json"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn patterns_are_expanded() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), "fine.json", FINE);
    let output = run(
        home.path(),
        &["policy", "expand", "--action", "sts:Get?aller*", "--action", "s3:getobject"],
    );
    assert!(output.status.success(), "{}", said(&output));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
    let report = json(&run(home.path(), &["policy", "expand", "--format", "json", "fine.json"]));
    let patterns = rows(&report, "patterns");
    assert_eq!(patterns[0]["actions"][0]["action"], "sqs:SendMessage");
    assert_eq!(patterns[1]["is_complement"], true);
    assert!(rows(&patterns[1], "actions").len() > 20_000);
}
