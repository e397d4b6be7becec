//! `tutela scan` as a person or a pipeline runs it.

use std::path::Path;

use serde_json::Value;

use crate::{json, rows, run, said, tutela, write};

/// A team's repository: it deploys with a role anybody's branch can assume, and somebody left a
/// token in it.
fn repository() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, ".github/CODEOWNERS", "* @meridian/payments\n");
    write(
        path,
        ".github/workflows/deploy.yml",
        "name: deploy\non: [push]\npermissions:\n  id-token: write\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    \
         steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n        with:\n          \
         role-to-assume: arn:aws:iam::123456789012:role/deploy\n          aws-region: eu-west-1\n      \
         - run: ./deploy\n        env:\n          API_TOKEN: ${{ secrets.PAYMENTS_API_TOKEN }}\n",
    );
    // In two halves, so that this file itself holds no token.
    let token = ["glpat-", "xK3vQ9mZ2pL7wR4tY8nB"].concat();
    write(path, "config/prod.env", &format!("GITLAB_TOKEN={token}\n"));
    (folder, token)
}

fn scan(folder: &Path, extra: &[&str]) -> std::process::Output {
    let home = tempfile::tempdir().unwrap();
    let mut arguments = vec!["scan", folder.to_str().unwrap()];
    arguments.extend(extra);
    run(home.path(), &arguments)
}

fn validate(report: &Value) {
    let home = tempfile::tempdir().unwrap();
    let schema = json(&run(home.path(), &["schema"]));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_repository_is_told_as_one_object_that_fits_its_schema() {
    let (folder, token) = repository();
    let output = scan(folder.path(), &["--format", "json"]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "a token in a repository is a high finding: {}",
        said(&output)
    );
    let report = json(&output);
    validate(&report);
    assert_eq!(report["schema_version"], "1");
    assert_eq!(report["tool"]["name"], "tutela");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains(&token), "a secret was printed");
    assert!(!text.contains("b3:"), "a scan that keeps nothing prints no fingerprint");

    let kinds: Vec<&str> =
        rows(&report, "identities").iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"ci-pipeline") && kinds.contains(&"iam-role"), "{kinds:?}");
    let federated = rows(&report, "trusts")
        .iter()
        .find(|trust| trust["mechanism"] == "web-identity")
        .expect("a trust");
    assert!(
        federated["from"]["issuer"]
            .as_str()
            .unwrap()
            .contains("token.actions.githubusercontent.com"),
        "{federated}"
    );
    let found = rows(&report, "credentials").iter().find(|credential| {
        credential["places"]
            .as_array()
            .is_some_and(|places| places.iter().any(|place| place["path"] == "config/prod.env"))
    });
    assert_eq!(found.expect("the token")["places"][0]["line"], 1);
    let owners: Vec<&str> =
        rows(&report, "owners").iter().map(|row| row["owner"].as_str().unwrap()).collect();
    assert!(owners.contains(&"@meridian/payments"), "{owners:?}");
    for name in ["identities", "credentials", "places", "grants", "trusts", "findings"] {
        let ids: Vec<&str> =
            rows(&report, name).iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted(), "{name} are sorted by id");
    }
    let known: Vec<&Value> = rows(&report, "identities").iter().map(|row| &row["id"]).collect();
    for credential in rows(&report, "credentials") {
        let identity = &credential["identity"];
        assert!(credential["places"].is_array(), "{credential}");
        if !identity.is_null() {
            assert!(known.contains(&identity), "{credential} names an identity that is not there");
        }
    }
}

#[test]
fn the_same_folder_gives_the_same_report() {
    let (folder, _) = repository();
    let report = |output: std::process::Output| {
        let mut report = json(&output);
        report["generated_at"] = Value::Null;
        let mut text = report.to_string();
        // Facts carry the time they were observed at.
        while let Some(start) = text.find("\"observed_at\":\"") {
            let end = start + 15 + text[start + 15..].find('"').unwrap();
            text.replace_range(start..=end, "");
        }
        text
    };
    let first = report(scan(folder.path(), &["--format", "json"]));
    assert_eq!(first, report(scan(folder.path(), &["--format", "json"])));
}

#[test]
fn exit_codes() {
    let check = |extra: &[&str], expected: i32| {
        let (folder, _) = repository();
        let output = scan(folder.path(), extra);
        assert_eq!(output.status.code(), Some(expected), "{extra:?}: {}", said(&output));
    };
    check(&[], 1);
    check(&["--fail-on", "never"], 0);
    check(&["--fail-on", "never", "--require-complete"], 0);
    check(&["--baseline", "/nowhere"], 2);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(scan(empty.path(), &["--require-complete"]).status.code(), Some(0));
    assert_eq!(scan(&empty.path().join("nowhere"), &[]).status.code(), Some(2));
    write(empty.path(), "terraform.tfstate", "{ \"version\": 4, \"resources\": [");
    assert_eq!(
        scan(empty.path(), &["--require-complete"]).status.code(),
        Some(3),
        "a truncated state is a gap"
    );
}

#[test]
fn a_baseline_leaves_out_what_is_known_and_nothing_new() {
    let (folder, _) = repository();
    let baseline = folder.path().parent().unwrap().join(format!("{}.baseline", std::process::id()));
    let baseline = baseline.to_str().unwrap();
    let written =
        scan(folder.path(), &["--write-baseline", baseline, "--reason", "known since spring"]);
    assert!(said(&written).contains("wrote"), "{}", said(&written));
    let again = scan(folder.path(), &["--baseline", baseline, "--format", "json"]);
    assert_eq!(again.status.code(), Some(0), "{}", said(&again));
    let report = json(&again);
    assert!(rows(&report, "findings").is_empty());
    assert_eq!(rows(&report, "suppressed")[0]["reason"], "known since spring");
    let another = ["glpat-", "aB7cD2eF9gH4jK6mN8pQ"].concat();
    write(folder.path(), "config/test.env", &format!("GITLAB_TOKEN={another}\n"));
    assert_eq!(
        scan(folder.path(), &["--baseline", baseline]).status.code(),
        Some(1),
        "a new finding"
    );
    std::fs::remove_file(baseline).unwrap();
}

#[test]
fn a_baseline_that_has_ended_is_not_written_and_one_that_ends_is_told() {
    let (folder, _) = repository();
    let home = tempfile::tempdir().unwrap();
    let baseline = home.path().join("baseline.json");
    let path = baseline.to_str().unwrap();
    let refused = |extra: &[&str], says: &str| {
        let output = scan(folder.path(), extra);
        assert_eq!(output.status.code(), Some(2), "{extra:?}: {}", said(&output));
        assert!(said(&output).contains(says), "{}", said(&output));
        assert!(!baseline.exists());
    };
    let write = ["--write-baseline", path, "--reason", "known since spring", "--expires"];
    refused(&[&write[..], &["2001-01-01"]].concat(), "leave out --expires");
    refused(&["--expires", "2999-01-01"], "--write-baseline");
    scan(folder.path(), &[&write[..], &["2999-01-01"]].concat());
    let read = ["--baseline", path];
    assert_eq!(scan(folder.path(), &read).status.code(), Some(0));

    let text = std::fs::read_to_string(&baseline).unwrap();
    std::fs::write(&baseline, text.replace("2999-01-01", "2001-01-01")).unwrap();
    let table = scan(folder.path(), &read);
    assert_eq!(table.status.code(), Some(1), "the findings are back: {}", said(&table));
    assert!(said(&table).contains("have expired"), "{}", said(&table));
    let shown = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        shown.contains("left out by the baseline until 2001-01-01: known since spring"),
        "{shown}"
    );
    let report = json(&scan(folder.path(), &[&read[..], &["--format", "json"]].concat()));
    validate(&report);
    assert!(rows(&report, "suppressed").is_empty());
    let expired = rows(&report, "expired");
    assert_eq!(expired.len(), rows(&report, "findings").len());
    assert_eq!(expired[0]["by"], "baseline");
    assert_eq!(expired[0]["reason"], "known since spring");
    assert_eq!(expired[0]["expires"], "2001-01-01T00:00:00Z");
    let sarif = json(&scan(folder.path(), &[&read[..], &["--format", "sarif"]].concat()));
    let notes = sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notes.contains("expired; left out by the baseline until 2001-01-01"), "{notes}");
}

#[test]
fn an_ignore_entry_ends_when_it_expires() {
    let (folder, _) = repository();
    let home = tempfile::tempdir().unwrap();
    let check = |expires: &str, expected: i32| {
        write(
            home.path(),
            "ignore.toml",
            &format!(
                "[[ignore]]\npath = \"config/**\"\nreason = \"rotated weekly\"\nexpires = \"{expires}\"\n\n[[ignore]]\nrule = \"ci-trust-any-branch\"\nreason = \"a test account\"\n"
            ),
        );
        let ignore = home.path().join("ignore.toml");
        let output = scan(folder.path(), &["--ignore", ignore.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(expected), "{}", said(&output));
    };
    check("2999-01-01", 0);
    check("2001-01-01", 1);
    write(folder.path(), ".tutelaignore", "*\n");
    assert_eq!(
        scan(folder.path(), &[]).status.code(),
        Some(1),
        "what is scanned cannot hide itself"
    );
}

#[test]
fn findings_that_are_alike_are_told_together() {
    let (folder, _) = repository();
    let tokens: String = (0..7)
        .map(|n| format!("TOKEN_{n}={}{n}\n", ["glpat-", "xK3vQ9mZ2pL7wR4tY8n"].concat()))
        .collect();
    write(folder.path(), "config/staging.env", &tokens);
    let output = scan(folder.path(), &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("high"))
        .take_while(|line| line.starts_with("high") || line.starts_with("         "))
        .filter(|line| !line.contains("fix:") && !line.starts_with("              "))
        .collect();
    assert_eq!(
        told,
        [
            "high     8 of: Secret in plain text in a repository or state (plaintext-secret)",
            "         - The secret GITLAB_TOKEN stands in plain text in config/prod.env",
            "         - The secret TOKEN_0 stands in plain text in config/staging.env",
            "         - The secret TOKEN_1 stands in plain text in config/staging.env",
            "         - The secret TOKEN_2 stands in plain text in config/staging.env",
            "         - The secret TOKEN_3 stands in plain text in config/staging.env",
            "         and 3 more: --format csv --rows findings lists them",
        ],
        "{text}"
    );
}

#[test]
fn sarif_and_csv() {
    let (folder, token) = repository();
    let sarif = scan(folder.path(), &["--format", "sarif"]);
    let text = String::from_utf8_lossy(&sarif.stdout).into_owned();
    assert!(!text.contains(&token));
    let sarif = json(&sarif);
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|result| {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "config/prod.env"
    }));
    for list in [
        "identities",
        "credentials",
        "places",
        "grants",
        "trusts",
        "owners",
        "findings",
        "coverage",
    ] {
        let output = scan(folder.path(), &["--format", "csv", "--rows", list]);
        let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
        let n_columns = reader.headers().unwrap().len();
        assert!(reader.records().all(|record| record.unwrap().len() == n_columns), "{list}");
    }
}

#[test]
fn a_hostile_name_reaches_no_terminal_and_no_spreadsheet() {
    let (folder, _) = repository();
    let token = ["glpat-", "zZ7cD2eF9gH4jK6mN8pQ"].concat();
    write(folder.path(), "=cmd|' \u{1b}[2J.env", &format!("GITLAB_TOKEN={token}\n"));
    let table = scan(folder.path(), &[]);
    assert!(!table.stdout.contains(&0x1b), "a control character reached the terminal");
    let csv = scan(folder.path(), &["--format", "csv", "--rows", "places"]);
    let mut reader = csv::Reader::from_reader(csv.stdout.as_slice());
    for record in reader.records() {
        for cell in &record.unwrap() {
            assert!(!cell.starts_with('='), "a formula in a cell: {cell}");
        }
    }
}

#[test]
fn a_baseline_is_not_written_through_a_link() {
    let home = tempfile::tempdir().unwrap();
    let token = ["glpat-", "xK3vQ9mZ2pL7wR4tY8nB"].concat();
    write(home.path(), "repository/prod.env", &format!("GITLAB_TOKEN={token}\n"));
    let (victim, link) = (home.path().join("victim"), home.path().join("repository/baseline.json"));
    std::fs::write(&victim, "keep").unwrap();
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    let repository = home.path().join("repository");
    let scan = || {
        let arguments = ["scan", "--reason", "known", "--fail-on", "never", "--write-baseline"];
        let mut command = tutela(home.path());
        command.args(arguments).arg(&link).arg(&repository).output().unwrap()
    };
    let refused = scan();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("link"), "{}", said(&refused));
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "keep");
    std::fs::remove_file(&link).unwrap();
    for _ in 0..2 {
        let written = scan();
        assert!(written.status.success(), "{}", said(&written));
        assert!(std::fs::read_to_string(&link).unwrap().contains("known"));
    }
    assert_eq!(repository.read_dir().unwrap().count(), 2, "no draft is left");
}
