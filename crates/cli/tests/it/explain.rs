//! `tutela explain` and `… show`, as a person reads them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::{json, rows, run, said, write};

struct World {
    home: tempfile::TempDir,
}

impl World {
    /// A team's repository: its workflow deploys with a role from any branch, and a registry's
    /// password lies in it.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let shop = home.path().join("shop");
        write(&shop, ".github/CODEOWNERS", "* @meridian/payments\n");
        write(
            &shop,
            ".github/workflows/deploy.yml",
            "name: deploy\non: [push]\npermissions:\n  id-token: write\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    \
             steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n        with:\n          \
             role-to-assume: arn:aws:iam::123456789012:role/deploy\n          aws-region: eu-west-1\n",
        );
        // In two halves, so that this file itself holds no token.
        let token = ["glpat-", "xK3vQ9mZ2pL7wR4tY8nB"].concat();
        write(&shop, "config/prod.env", &format!("GITLAB_TOKEN={token}\n"));
        for path in [".github/CODEOWNERS", ".github/workflows/deploy.yml", "config/prod.env"] {
            let mode = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(shop.join(path), mode).unwrap();
        }
        let world = Self { home };
        let kept = world.run(&["scan", "--fail-on", "never", shop.to_str().unwrap()]);
        assert!(kept.status.success(), "{}", said(&kept));
        world
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let data = self.home.path().join("data");
        let mut all = vec!["--data", data.to_str().unwrap()];
        all.extend(arguments);
        run(self.home.path(), &all)
    }

    /// The id of the only row of a list that fits.
    fn id(&self, list: &str, filter: &str) -> String {
        let found = json(&self.run(&[list, "list", "--filter", filter, "--format", "json"]));
        let [row] = rows(&found, "items") else { panic!("not one: {found:#}") };
        let record = row.get("record").or_else(|| row.get("finding")).unwrap();
        record["id"].as_str().unwrap().to_owned()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("xK3vQ9mZ"), "a secret was printed");
        text
    }
}

fn check(name: &str, home: &Path, text: &str) {
    let home = home.canonicalize().unwrap();
    let text = text.replace(home.to_str().unwrap(), "HOME");
    insta::with_settings!({
        filters => vec![
            // Times and ids are as wide as ever, so that columns stay where they are.
            (r"20\d\d-\d\d-\d\d( \d\d:\d\d)?", "[TIME]"),
            (r"(idn|crd|plc|grt|tru|fnd)_[a-z2-7]{26}", "${1}_ID"),
            (r"\b[0-9a-f]{32}\b", "[MACHINE]"),
        ],
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn each_sort_of_thing_is_a_page() {
    let world = World::new();
    for (name, list, filter) in [
        ("role", "identities", "kind:iam-role"),
        ("pipeline", "identities", "kind:ci-pipeline"),
        ("token", "credentials", "name:GITLAB_TOKEN"),
        ("file", "places", "name:contains:prod.env"),
        ("trust", "trusts", "from:contains:refs/tags"),
        ("finding", "findings", "rule:plaintext-secret"),
    ] {
        let id = world.id(list, filter);
        let explained = world.text(&["explain", &id]);
        check(name, world.home.path(), &explained);
        assert_eq!(world.text(&[list, "show", &id]), explained, "one thing, one page");
        let reply: Value = json(&world.run(&["explain", &id, "--format", "json"]));
        assert!(reply["is"].is_string(), "the reply of the API as it is");
    }
}

#[test]
fn a_thing_of_another_list_is_not_shown_as_one_of_this() {
    let world = World::new();
    let id = world.id("credentials", "name:GITLAB_TOKEN");
    let refused = world.run(&["identities", "show", &id]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("is a credential"), "{}", said(&refused));
}
