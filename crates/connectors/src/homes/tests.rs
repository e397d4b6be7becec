//! Homes as they are found on real machines, put into a folder that stands for the machine's root,
//! and everything that a home may hold to fool or flood a reader.

use std::fmt::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use model::{Batch, Fact, Facts, Fingerprinter, Secret, Time};

use crate::contract::{Machine, Request, Settings};

/// Values for the `@{name}` of the fixtures. Each is put together from parts, so that nothing that
/// searches source code for secrets takes the fixtures for real.
fn secrets() -> Vec<(&'static str, String)> {
    // Twenty-six and more letters that look made by a machine, different for each name.
    let random = |name: &str, n: usize| -> String {
        let mut text = String::new();
        let mut seed = name.to_owned();
        while text.len() < n {
            seed = blake3::hash(seed.as_bytes()).to_hex().to_string();
            let bytes = data_encoding::HEXLOWER.decode(seed.as_bytes()).unwrap();
            text.push_str(&BASE64URL_NOPAD.encode(&bytes).replace(['-', '_'], "x"));
        }
        text.truncate(n);
        text
    };
    let hex = |name: &str, n: usize| -> String {
        blake3::hash(name.as_bytes()).to_hex().chars().cycle().take(n).collect()
    };
    let jwt = |claims: &str| {
        let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        format!("{}.{}.{}", encode(r#"{"alg":"RS256"}"#), encode(claims), random(claims, 60))
    };
    let pem = |body: String| {
        format!(
            "-----BEGIN {k}-----\\n{body}\\n-----END {k}-----\\n",
            k = ["PRIVATE", "KEY"].join(" ")
        )
    };
    let mut all: Vec<(&'static str, String)> = vec![
        ("aws_key_id", ["AKIA", "IOSFODNN7EXAMPLE"].concat()),
        ("aws_session_key_id", ["ASIA", "IOSFODNN7EXAMPLE"].concat()),
        ("aws_secret", random("aws", 40)),
        ("gcp_pem", pem(random("gcp", 64))),
        (
            "azure_access",
            jwt(r#"{"iss":"https://sts.windows.net/t/","sub":"ada","exp":1795366800}"#),
        ),
        (
            "kube_token",
            jwt(r#"{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:ci:bot"}"#),
        ),
        ("kube_certificate", KUBE_CERTIFICATE.concat()),
        ("kube_key", KUBE_KEY.concat()),
        ("npm_token", format!("npm_{}", random("npm", 36))),
        ("pypi_token", format!("pypi-AgE{}", random("pypi", 80))),
        ("github_token", format!("ghp_{}", random("github", 36))),
        ("gh_token", format!("gho_{}", random("gh", 36))),
        ("gitlab_token", format!("glpat-{}", random("gitlab", 20))),
        ("gitlab_deploy", format!("gldt-{}", random("gitlab deploy", 20))),
        ("vault_token", format!("hvs.{}", random("vault", 90))),
        ("stripe_key", format!("rk_test_{}", random("stripe", 40))),
        ("do_token", format!("dop_v1_{}", hex("do", 64))),
        ("do_token_2", format!("dop_v1_{}", hex("do 2", 64))),
        ("databricks_token", format!("dapi{}", hex("databricks", 32))),
        ("hf_token", format!("hf_{}", "kQzVbTnRwYpLxMcHgDsJfAeUiOqZrNvBty")),
        ("slack_token", format!("xoxb-{}", random("slack", 50))),
        ("gem_key", format!("rubygems_{}", hex("gem", 48))),
        ("terraform_token", format!("{}.atlasv1.{}", random("tf", 14), random("tf 2", 67))),
        (
            "openai_key",
            format!("sk-proj-{}T3BlbkFJ{}", random("openai", 40), random("openai 2", 40)),
        ),
        ("anthropic_key", format!("sk-ant-api03-{}", random("anthropic", 95))),
    ];
    for name in [
        "aws_session_secret",
        "aws_session_token",
        "process_argument",
        "sso_access",
        "sso_client",
        "sso_refresh",
        "gcloud_public",
        "gcp_refresh",
        "gcp_argument",
        "azure_secret",
        "azure_refresh",
        "kube_password",
        "docker_password",
        "docker_password_2",
        "docker_identity",
        "npm_password",
        "pypi_password",
        "pip_password",
        "heroku_token",
        "netrc_password",
        "netrc_default",
        "pg_password",
        "pg_password_2",
        "mysql_password",
        "terraform_token_2",
        "helm_password",
        "maven_password",
        "gradle_password",
        "gradle_token",
        "cargo_token",
        "cargo_token_2",
        "nuget_password",
        "composer_password",
        "s3_key_id",
        "s3_secret",
        "rclone_pass",
        "rclone_access",
        "rclone_refresh",
        "snowflake_password",
        "mcp_key",
        "mcp_path",
        "mcp_password",
        "mcp_bearer",
        "mcp_argument",
        "claude_access",
        "claude_refresh",
        "codex_refresh",
        "allowed_argument",
    ] {
        all.push((name, random(name, 28)));
    }
    let value = |all: &[(&str, String)], name: &str| {
        all.iter().find(|(other, _)| *other == name).unwrap().1.clone()
    };
    let encoded = [
        ("docker_auth", format!("quill:{}", value(&all, "docker_password"))),
        ("docker_auth_2", format!("robot$deploy:{}", value(&all, "docker_password_2"))),
        ("npm_password_base64", value(&all, "npm_password")),
    ];
    for (name, text) in encoded {
        all.push((name, BASE64.encode(text.as_bytes())));
    }
    all
}

const KUBE_CERTIFICATE: [&str; 9] = [
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJhRENDQVJxZ0F3SUJBZ0lVWDg2VnkwNjA5cnRQYzRrR0pD",
    "N0ttNmNOMUg0d0JRWURLMlZ3TUNzeERqQU0KQmdOVkJBb01CWEYxYVd4c01Sa3dGd1lEVlFRRERCQnJkV0psY201",
    "bGRHVnpMV0ZrYldsdU1CNFhEVEkyTVRFeQpNakF6TXpVeU1Gb1hEVE0yTVRFeE9UQXpNelV5TUZvd0t6RU9NQXdH",
    "QTFVRUNnd0ZjWFZwYkd3eEdUQVhCZ05WCkJBTU1FR3QxWW1WeWJtVjBaWE10WVdSdGFXNHdLakFGQmdNclpYQURJ",
    "UUFWSHNNcUxEc05LN2JETktiRllCcHcKcG83YkVFQjhoTkU3QXRqdU05b1BBcU5RTUU0d0hRWURWUjBPQkJZRUZC",
    "L1dreEdtSkxBV04zV1Z4Q20vU1hFNwpESjFOTUI4R0ExVWRJd1FZTUJhQUZCL1dreEdtSkxBV04zV1Z4Q20vU1hF",
    "N0RKMU5NQXdHQTFVZEV3RUIvd1FDCk1BQXdCUVlESzJWd0EwRUFSWVJLcDlrci9mamorYU5iZFhDZ3h3WVg3Mklw",
    "OHoyaVExa3dkZ1RjNkV3RUwwRk4KWWVhWEI5WWc4eko1SHBSdHpFODNObjc0MER5TnJZVDhvZXRpQWc9PQotLS0t",
    "LUVORCBDRVJUSUZJQ0FURS0tLS0tCg==",
];
/// In two parts, and of a key that was made for this test.
const KUBE_KEY: [&str; 2] = [
    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1DNENBUUF3QlFZREsyVndCQ",
    "0lFSUwzaDlCcENUS1ZjN0xMVXNNRWF3OVlzZFZ2QXp3Qm50TVBCQ0p0b3RWUVIKLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo=",
];

/// A machine made of a fixture.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let passwd = "ada:x:1000:1000:Ada:/home/ada:/bin/bash\n";
        std::fs::write(folder.path().join("etc/passwd"), passwd).unwrap();
        std::fs::create_dir_all(folder.path().join("home/ada")).unwrap();
        Self { folder }
    }

    fn of(scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src/homes/fixtures").join(scenario);
        copy(&fixture, folder.path(), &secrets());
        Self { folder }
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.path().join("home/ada").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn read(&self) -> Batch {
        let machine = Machine {
            id: "machine".into(),
            name: "laptop".into(),
            root: self.folder.path().into(),
        };
        let fingerprinter = Fingerprinter::new(Secret::new([7; 32]));
        let mut batch = Batch::default();
        let request = Request {
            settings: &Settings::default(),
            machine: &machine,
            now: Time::from_seconds(1_795_000_000),
            fingerprinter: Some(&fingerprinter),
            progress: &|_| {},
            cancel: &AtomicBool::new(false),
        };
        super::read::discover(&request, &mut |settled| batch.extend(settled)).unwrap();
        batch
    }
}

fn copy(from: &Path, to: &Path, secrets: &[(&str, String)]) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target, secrets);
            continue;
        }
        let bytes = std::fs::read(entry.path()).unwrap();
        let bytes = match String::from_utf8(bytes) {
            Ok(mut text) => {
                for (name, value) in secrets {
                    text = text.replace(&format!("@{{{name}}}"), value);
                }
                assert!(!text.contains("@{") || target.ends_with("README.md"), "{target:?}");
                text.into_bytes()
            }
            Err(error) => error.into_bytes(),
        };
        std::fs::write(&target, bytes).unwrap();
        let mode = if target.ends_with(".npmrc") { 0o644 } else { 0o600 };
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// No value of any secret of the fixtures, nor its encoding, may be in what is handed on.
fn assert_no_secret(batch: &Batch) {
    let json = serde_json::to_string(batch).unwrap();
    // Public: the certificate, and the ids of AWS keys.
    let public = ["kube_certificate", "aws_key_id", "aws_session_key_id", "s3_key_id"];
    for (name, value) in secrets() {
        if public.contains(&name) {
            continue;
        }
        assert!(!json.contains(&value), "{name} is in the batch");
        for part in value.split("\\n").filter(|part| part.len() > 12 && !part.starts_with("---")) {
            assert!(!json.contains(part), "a part of {name} is in the batch");
        }
        let encoded = BASE64.encode(value.as_bytes());
        assert!(!json.contains(encoded.trim_end_matches('=')), "{name} is in the batch, encoded");
    }
}

/// The batch as a person would read it, one line per record.
fn story(batch: &Batch) -> String {
    let names: std::collections::BTreeMap<String, String> = batch
        .identities
        .iter()
        .map(|identity| (identity.id.to_string(), format!("{} {}", identity.kind, identity.name)))
        .collect();
    let named = |id: &str| names.get(id).cloned().unwrap_or_else(|| format!("DANGLING {id}"));
    let facts = |facts: &Facts| {
        let mut text = String::new();
        for (name, fact) in facts {
            match fact.value() {
                Some(value) => write!(text, " {name}={value}").unwrap(),
                None => write!(text, " {name}=<{}>", fact.state_name()).unwrap(),
            }
        }
        text
    };
    let time = |fact: &Fact<Time>| match fact.value() {
        Some(time) => time.to_string(),
        None => format!("<{}>", fact.state_name()),
    };
    let mut lines = Vec::new();
    for it in &batch.identities {
        let parent =
            it.parent.map_or(String::new(), |id| format!(" of [{}]", named(&id.to_string())));
        lines.push(format!(
            "identity {} {}:{}:{} \"{}\" {}{parent}{}",
            it.kind,
            it.system,
            it.instance,
            it.native_id,
            it.name,
            it.authority.name(),
            facts(&it.facts)
        ));
    }
    for it in &batch.credentials {
        let identity = it.identity.map_or("nobody".into(), |id| named(&id.to_string()));
        let places: Vec<String> = it
            .places
            .iter()
            .map(|place| {
                let line = place.line.map_or(String::new(), |line| format!(":{line}"));
                format!("{}{line} {}", place.path, place.pointer.as_deref().unwrap_or(""))
            })
            .collect();
        let print = if it.fingerprint.is_some() { "print" } else { "no print" };
        let mut shown = it.facts.clone();
        shown.retain(|name, _| !matches!(name, "sha256" | "spki_sha256" | "serial"));
        let native_id = if it.kind == "x509" || it.kind == "private-key" && it.system == "x509" {
            "…"
        } else {
            &it.native_id
        };
        lines.push(format!(
            "credential {} {}:{}:{native_id} \"{}\" of [{identity}] in {} expires {} {print}{}",
            it.kind,
            it.system,
            it.instance,
            it.name,
            places.join(" and "),
            time(&it.expires_at),
            facts(&shown)
        ));
    }
    for it in &batch.trusts {
        let from = match &it.from {
            model::Subject::Identity { identity } => named(&identity.to_string()),
            other => other.to_string(),
        };
        lines.push(format!(
            "trust {} [{from}] -> [{}]{}",
            it.mechanism,
            named(&it.to.to_string()),
            facts(&it.facts)
        ));
    }
    for it in &batch.owners {
        lines.push(format!(
            "owner [{}] {} {} {}",
            named(&it.identity.to_string()),
            it.owner.key,
            it.method,
            it.confidence
        ));
    }
    for it in &batch.places {
        let mode =
            it.facts.get("mode").and_then(Fact::value).map_or(String::new(), ToString::to_string);
        lines.push(format!("place {} {mode}", it.path));
    }
    lines.sort();
    for it in &batch.coverage {
        lines.push(format!(
            "coverage {}: asked {} got {} denied {}",
            it.scope.name, it.asked, it.got, it.denied
        ));
        for gap in &it.gaps {
            lines.push(format!(
                "  gap {} {}: {}",
                gap.locus,
                gap.reason.name(),
                gap.detail.as_deref().unwrap_or("")
            ));
        }
    }
    lines.join("\n") + "\n"
}

fn check(scenario: &str) {
    let world = World::of(scenario);
    let batch = world.read();
    assert_no_secret(&batch);
    assert_eq!(batch, world.read(), "the same input gives the same records");
    let mut again = batch.clone();
    again.settle();
    assert_eq!(batch, again, "what is handed on is settled");
    insta::assert_snapshot!(scenario, story(&batch));
}

#[test]
fn engineer() {
    check("engineer");
}

#[test]
fn agents() {
    check("agents");
}

/// What one file of a home gives: the number of records, and the gap if there is one.
fn outcome(path: &str, bytes: impl AsRef<[u8]>) -> (usize, String) {
    let world = World::empty();
    world.write(path, bytes);
    let batch = world.read();
    let gap = batch.coverage[0].gaps.first();
    let gap = gap.map_or(String::new(), |gap| {
        assert!(gap.locus.starts_with("/home/ada"), "{gap:?}");
        format!("{}: {}", gap.reason.name(), gap.detail.clone().unwrap_or_default())
    });
    (batch.credentials.len(), gap)
}

/// Each identity names all contexts of its user: users times contexts, within limits.
#[test]
fn contexts_made_to_multiply() {
    let mut config =
        String::from("clusters: []\nusers: [{name: u, user: {username: u}}]\ncontexts:\n");
    for n in 0..2_000 {
        let name = format!("{n}{}", "x".repeat(100));
        writeln!(config, "- {{name: {name}, context: {{user: u, cluster: c{n}}}}}").unwrap();
    }
    let world = World::empty();
    world.write(".kube/config", config);
    let batch = world.read();
    let n_users = batch.identities.iter().filter(|it| it.kind == "k8s-user").count();
    assert!((50..500).contains(&n_users), "{n_users}");
    assert_eq!(batch.coverage[0].gaps[0].reason.name(), "too-large");
}

#[test]
fn bad_input_is_a_gap() {
    let check = |path: &str, bytes: &[u8], expected: &str| {
        assert_eq!(outcome(path, bytes), (0, expected.to_owned()), "{path}");
    };
    check(
        ".docker/config.json",
        b"{\"auths\": {\"x\": {\"auth\": \"",
        "malformed: line 1: a string is not closed",
    );
    check(".docker/config.json", b"{\"auths\": {\"x\": ", "malformed: line 1: ends in the middle");
    check(".kube/config", b"clusters: [\nusers: [", "malformed: line 2: not YAML");
    check(".cargo/credentials.toml", b"[registry\n", "malformed: line 1: not TOML");
    check(".m2/settings.xml", b"<settings><servers>", "malformed: line 1: ends in the middle");
    check(".aws/credentials", b"\x7fELF\0\0\0\0", "malformed: binary, not text");
    check(
        ".config/rclone/rclone.conf",
        b"# Encrypted\n\nRCLONE_ENCRYPT_V0:\nabc",
        "encrypted: encrypted with a password",
    );
    check(".azure/msal_token_cache.bin", b"\x01\x02\x03", "encrypted: encrypted with the keyring");
    check(".claude.json", "[".repeat(1 << 20).as_bytes(), "too-deep: nested deeper than 64");
    let mut laughs = String::from("users: &a0 [x, x, x, x, x, x, x, x, x, x]\nclusters:\n");
    for n in 1..12 {
        let row = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(laughs, "a{n}: &a{n} [{row}]").unwrap();
    }
    check(".kube/config", laughs.as_bytes(), "too-large: more than 1000000 values");
}

#[test]
fn a_token_in_place_of_a_user_name_is_a_secret() {
    let secrets = secrets();
    let token = &secrets.iter().find(|(name, _)| *name == "gitlab_token").unwrap().1;
    let check = |path: &str, text: String| {
        let world = World::empty();
        world.write(path, text);
        let batch = world.read();
        assert_no_secret(&batch);
        assert_eq!(batch.credentials.len(), 1, "{path}");
    };
    check(".netrc", format!("machine gitlab.com login {token} password x-oauth-basic"));
    check(".git-credentials", format!("https://{token}:x-oauth-basic@gitlab.com"));
    check(".git-credentials", format!("https://{token}@gitlab.com"));
    check(
        ".config/pip/pip.conf",
        format!("[global]\nindex-url = https://{token}:x@gitlab.com/pypi"),
    );
    check(".docker/config.json", {
        let auth = BASE64.encode(format!("{token}:x-oauth-basic").as_bytes());
        format!("{{\"auths\": {{\"ghcr.io\": {{\"auth\": \"{auth}\"}}}}}}")
    });
}

#[test]
fn a_huge_file_is_not_read() {
    let world = World::empty();
    let path = world.folder.path().join("home/ada/.claude.json");
    std::fs::File::create(path).unwrap().set_len(100 << 20).unwrap();
    let batch = world.read();
    let gap = &batch.coverage[0].gaps[0];
    assert_eq!((gap.locus.as_str(), gap.reason.name()), ("/home/ada/.claude.json", "too-large"));
}

#[test]
fn encodings_and_line_ends_do_not_hide_a_secret() {
    let secrets = secrets();
    let token = &secrets.iter().find(|(name, _)| *name == "gitlab_token").unwrap().1;
    let text = format!("machine gitlab.com\r\nlogin x\r\npassword {token}\r\n");
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let with_mark = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for bytes in [text.as_bytes(), &with_mark, &utf16] {
        assert_eq!(outcome(".netrc", bytes), (1, String::new()));
    }
}

/// Every row is handed documents in which everything has the wrong type.
#[test]
fn wrong_types_are_passed_over() {
    let documents = [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "\"text\"",
        "[[[]]]",
        "[{}, 1, null]",
        "a",
        "a: b",
        "a = 1",
        "[a]\nb = 1",
        r#"{"auths": 1, "credHelpers": [], "users": {"a": 1}, "clusters": "users", "contexts": [1]}"#,
        r#"{"auths": {"": {"auth": 1}, "x": []}, "mcpServers": {"a": 1, "b": {"command": 1, "args": {}, "env": []}}}"#,
        r#"{"mcpServers": {"a": {"command": "", "args": [null, {}], "env": {"A": null}, "url": 5}}, "servers": []}"#,
        r#"{"type": "service_account", "private_key": 1, "client_email": []}"#,
        r#"{"Credentials": {"AccessKeyId": "x"}, "accessToken": {}, "subscriptions": [{"user": 1}]}"#,
        "clusters: 1\nusers: [{name: [], user: {token: {}, client-key-data: '!!', exec: 1}}]",
        "[profile a]\nrole_arn = x\nrole_arn\n[sso-session]\n[profile ]\naws_access_key_id=\n",
        "<a/>",
        "<settings><servers><server/></servers></settings>",
        "a:b:c:d:e\n::::\n",
        "machine\nmachine machine password",
        "https://@\nhttps://:@:\n",
    ];
    let world = World::empty();
    let paths: Vec<String> = super::catalogue::in_home()
        .map(|row| row.path)
        .chain(
            crate::agents::FILES
                .iter()
                .filter(|file| file.base == crate::agents::Base::Home)
                .map(|file| file.path),
        )
        .map(|path| path.replace('*', "x"))
        .collect();
    for document in documents {
        for path in &paths {
            world.write(path, document);
        }
        let batch = world.read();
        assert!(batch.coverage[0].asked > 100, "every file was read");
    }
}

#[test]
fn links_devices_and_other_peoples_homes() {
    let world = World::empty();
    let home = world.folder.path().join("home/ada");
    world.write("dotfiles/netrc", "machine a login b password correct-horse-9Zr4\n");
    symlink("dotfiles/netrc", home.join(".netrc")).unwrap();
    symlink("/home/ada/dotfiles/netrc", home.join("_netrc")).unwrap();
    std::fs::create_dir_all(world.folder.path().join("root")).unwrap();
    std::fs::write(world.folder.path().join("root/.pgpass"), "*:*:*:postgres:secretive-8Kq2\n")
        .unwrap();
    symlink("../../root/.pgpass", home.join(".pgpass")).unwrap();
    symlink(world.folder.path().join("root/.pgpass"), home.join(".my.cnf")).unwrap();
    symlink(".npmrc", home.join(".npmrc")).unwrap();
    std::fs::create_dir(home.join(".vault-token")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        home.join(".zshrc"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let batch = world.read();
    insta::assert_snapshot!(story(&batch));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]
    #[test]
    fn any_bytes_in_any_file(bytes: Vec<u8>) {
        let world = World::empty();
        for row in super::catalogue::in_home() {
            world.write(&row.path.replace('*', "x"), &bytes);
        }
        world.read();
    }
}
