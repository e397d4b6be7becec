//! Checkouts: pipelines, owners, and what somebody should not have checked in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use model::{Credential, Identity, PartyKind, Place, PlaceId};

use super::{BASE32, BASE64, DIGITS, Estate, Folder, HEX, LETTERS, chance};
use crate::chance::Chance;
use crate::plan::Plan;

pub(super) fn write(plan: &Plan, code: &Estate, folder: &mut Folder) -> io::Result<()> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for link in &code.all.owners {
        if let (PartyKind::Team, Some(evidence)) = (link.owner.kind, link.evidence.first()) {
            owners.entry(&evidence.at).or_insert(&link.owner.key);
        }
    }
    for repository in code.all.places.iter().filter(|place| place.kind == "repository") {
        let name = &repository.native_id;
        let root = format!("repositories/{name}");
        let remote = format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n[remote \"origin\"]\n\turl = https://github.com/{name}.git\n"
        );
        folder.file(&format!("{root}/.git/HEAD"), "ref: refs/heads/main\n")?;
        folder.file(&format!("{root}/.git/config"), &remote)?;
        folder.file(&format!("{root}/.git/objects/.keep"), "")?;
        folder.file(&format!("{root}/.git/refs/heads/.keep"), "")?;
        if let Some(owner) = owners.get(name.as_str()) {
            folder.file(&format!("{root}/.github/CODEOWNERS"), &format!("* {owner}\n"))?;
        }
    }
    for pipeline in code.all.identities.iter().filter(|identity| identity.kind == "ci-pipeline") {
        if let Some((repository, path)) = pipeline.native_id.split_once(':') {
            let text = if pipeline.system == "github" {
                workflow(code, pipeline)
            } else {
                gitlab(code, pipeline)
            };
            folder.file(&format!("repositories/{repository}/{path}"), &text)?;
        }
    }
    checked_in(plan, code, folder)
}

fn secrets<'a>(code: &'a Estate, pipeline: &'a Identity) -> impl Iterator<Item = &'a str> {
    // The name in the store of secrets is what follows the repository.
    code.credentials(pipeline).filter_map(|secret| Some(secret.native_id.split_once(':')?.1))
}

fn workflow(code: &Estate, pipeline: &Identity) -> String {
    let mut text = String::from("name: pipeline\non:\n  push:\n    branches: [main]\n");
    text.push_str("permissions:\n");
    match code.grants(pipeline).next() {
        Some(grant) if grant.actions.first().is_some_and(|action| action == "write-all") => {
            text = text.replace("permissions:\n", "permissions: write-all\n");
        }
        Some(grant) => {
            for action in &grant.actions {
                writeln!(text, "  {action}").unwrap_or_default();
            }
        }
        None => text.push_str("  contents: read\n"),
    }
    text.push_str(
        "jobs:\n  run:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v5\n",
    );
    let mut roles = (code.all.trusts.iter())
        .filter(|trust| trust.mechanism == "web-identity" && trust.native_id == pipeline.native_id);
    let shows = roles.next().and_then(|trust| trust.evidence.first()?.shows.as_deref());
    if let Some(role) = shows.and_then(|shows| shows.strip_prefix("assumes ")) {
        let step = "      - uses: aws-actions/configure-aws-credentials@v4\n        with:\n          aws-region: eu-west-1\n";
        writeln!(text, "{step}          role-to-assume: {role}").unwrap_or_default();
    }
    text.push_str("      - run: make deploy\n");
    let mut names = secrets(code, pipeline).peekable();
    if names.peek().is_some() {
        text.push_str("        env:\n");
        for name in names {
            writeln!(text, "          {name}: ${{{{ secrets.{name} }}}}").unwrap_or_default();
        }
    }
    text
}

fn gitlab(code: &Estate, pipeline: &Identity) -> String {
    let mut text = String::from("deploy:\n  image: alpine:3.20\n  script:\n    - make deploy\n");
    for name in secrets(code, pipeline) {
        writeln!(text, "    - ./login \"${name}\"").unwrap_or_default();
    }
    text
}

/// One file for each place in a repository, with the credentials that lie in it.
fn checked_in(plan: &Plan, code: &Estate, folder: &mut Folder) -> io::Result<()> {
    let mut files: BTreeMap<PlaceId, Vec<&Credential>> = BTreeMap::new();
    for credential in &code.all.credentials {
        for stored in &credential.places {
            files.entry(stored.place).or_default().push(credential);
        }
    }
    let repositories: BTreeMap<PlaceId, &Place> = code
        .all
        .places
        .iter()
        .filter(|place| place.kind == "repository")
        .map(|p| (p.id, p))
        .collect();
    for place in code.all.places.iter().filter(|place| place.kind == "file") {
        let Some(repository) = place.container.and_then(|id| repositories.get(&id)) else {
            continue;
        };
        let credentials = files.get(&place.id).map_or(&[][..], Vec::as_slice);
        let file_name = place.path.rsplit('/').next().unwrap_or_default();
        let mut text = String::new();
        for (n, credential) in credentials.iter().enumerate() {
            for (name, value) in variables(plan, credential) {
                let name = if n == 0 { name } else { format!("{name}_{n}") };
                let line = match file_name {
                    ".env" => format!("{name}={value}\n"),
                    "settings.py" => format!("{name} = \"{value}\"\n"),
                    "notes.md" => format!("- {name}: `{value}`\n"),
                    _ => format!("{}: \"{value}\"\n", name.to_lowercase()),
                };
                text.push_str(&line);
            }
        }
        folder.file(&format!("repositories/{}/{}", repository.native_id, place.path), &text)?;
    }
    Ok(())
}

/// A credential as the variables people write it in: an AWS key is two of them.
fn variables(plan: &Plan, credential: &Credential) -> Vec<(String, String)> {
    let mut chance = match credential.fingerprint {
        // Equal fingerprints are equal secrets.
        Some(fingerprint) => chance(plan, &fingerprint.to_string()),
        None => chance(plan, &credential.native_id),
    };
    let value = value(credential, &mut chance);
    let name = match credential.kind.as_ref() {
        "access-key" => {
            let id = format!("{}{}", "AK", "IA") + &chance.text(BASE32, 16);
            return vec![("AWS_ACCESS_KEY_ID".into(), id), ("AWS_SECRET_ACCESS_KEY".into(), value)];
        }
        // Accounts of registries, bots and apps have a name of their own, which says nothing of
        // what it is that stands beside it.
        _ if credential.name == credential.native_id => {
            let what = if credential.kind == "client-secret" { "CLIENT_SECRET" } else { "TOKEN" };
            format!("{}_{what}", credential.system.to_uppercase())
        }
        _ => credential.name.clone(),
    };
    vec![(name, value)]
}

/// A value of the right shape, made from the seed. Prefixes are in two halves, for whoever scans
/// this source.
fn value(credential: &Credential, chance: &mut Chance) -> String {
    let mut text = |alphabet: &[u8], n| chance.text(alphabet, n);
    match (credential.system.as_ref(), credential.kind.as_ref()) {
        ("github", "client-secret") => text(HEX, 40),
        ("github", _) => format!("{}{}_{}", "gh", "p", text(LETTERS, 36)),
        ("gitlab", _) => format!("{}{}-{}", "gl", "pat", text(LETTERS, 20)),
        ("slack", "webhook-url") => {
            let (team, bot) = (text(LETTERS, 8).to_uppercase(), text(LETTERS, 10).to_uppercase());
            format!("https://hooks.slack.com/{}/T{team}/B{bot}/{}", "services", text(LETTERS, 24))
        }
        ("slack", _) => {
            let (team, bot) = (text(DIGITS, 11), text(DIGITS, 13));
            format!("{}{}-{team}-{bot}-{}", "xo", "xb", text(LETTERS, 24))
        }
        ("stripe", _) => format!("{}{}_live_{}", "s", "k", text(LETTERS, 24)),
        ("sendgrid", _) => format!("{}{}.{}.{}", "S", "G", text(LETTERS, 22), text(LETTERS, 43)),
        ("npm", _) => format!("{}{}_{}", "np", "m", text(LETTERS, 36)),
        ("vault", _) => format!("{}{}.{}", "hv", "s", text(LETTERS, 90)),
        ("google", _) => format!("{}{}-{}", "GOC", "SPX", text(LETTERS, 28)),
        ("aws", _) => text(BASE64, 40),
        // Not under `.example`, where nobody can have a server: no value for such a host is a secret.
        ("postgres", _) => {
            format!("postgres://app:{}@db.meridian.internal:5432/app", text(LETTERS, 20))
        }
        _ => text(LETTERS, 32),
    }
}
