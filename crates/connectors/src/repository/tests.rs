//! Scenarios: each folder of `fixtures/` is a checkout with a story; the snapshot is what we say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use model::fact::Text;
use model::{
    Authority, Batch, Fact, Fingerprinter, IdentityId, Secret, State, Subject, Time, Value,
};

use crate::contract::{Machine, Request, Settings, SourceError};

/// A machine whose root is a temporary folder, with the scenario's checkout in `/src/shop`.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn empty() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("src/shop")).unwrap();
        Self { root }
    }

    fn of(scenario: &str) -> Self {
        let world = Self::empty();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/repository/fixtures");
        copy(&fixtures.join(scenario), &world.shop());
        world
    }

    fn shop(&self) -> std::path::PathBuf {
        self.root.path().join("src/shop")
    }

    /// Makes the checkout one of `url`, as far as names go.
    fn with_remote(self, url: &str) -> Self {
        let git = self.shop().join(".git");
        std::fs::create_dir_all(git.join("refs/remotes/origin")).unwrap();
        let config = format!("[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {url}\n");
        std::fs::write(git.join("config"), config).unwrap();
        std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(git.join("refs/remotes/origin/HEAD"), "ref: refs/remotes/origin/main\n")
            .unwrap();
        self
    }

    fn scan(&self) -> Batch {
        self.try_scan(&self.shop(), Settings::default()).unwrap()
    }

    fn try_scan(&self, path: &Path, settings: Settings) -> Result<Batch, SourceError> {
        let settings = settings.with("paths", [path.to_str().unwrap()]);
        let machine = Machine {
            id: "machine".into(),
            name: "test".into(),
            root: self.root.path().to_owned(),
        };
        let request = Request {
            settings: &settings,
            machine: &machine,
            now: Time::from_seconds(1_800_000_000),
            fingerprinter: Some(&Fingerprinter::new(Secret::new([7; 32]))),
            progress: &|_| {},
            cancel: &AtomicBool::new(false),
        };
        let mut all = Batch::default();
        super::discover(&request, &mut |batch| all.extend(batch))?;
        Ok(all)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The whole batch as lines that a person can judge.
fn told(batch: &Batch) -> String {
    let names: BTreeMap<IdentityId, String> = batch
        .identities
        .iter()
        .map(|identity| (identity.id, format!("{}:{}", identity.kind, identity.native_id)))
        .collect();
    let name = |id: &IdentityId| names.get(id).cloned().unwrap_or_else(|| format!("DANGLING {id}"));
    let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for identity in &batch.identities {
        let mut line = format!(
            "{} {}/{} {}{}",
            identity.kind,
            identity.system,
            identity.instance,
            identity.native_id,
            said(identity.authority)
        );
        if identity.name != identity.native_id {
            write!(line, " name={}", identity.name).unwrap();
        }
        if let Some(parent) = &identity.parent {
            write!(line, "\n    part of {}", name(parent)).unwrap();
        }
        if !identity.environment.is_unsaid() {
            write!(line, "\n    environment: {}", fact(&identity.environment)).unwrap();
        }
        write!(line, "{}", facts(&identity.facts)).unwrap();
        for (key, value) in &identity.tags {
            write!(line, "\n    tag {key}: {value}").unwrap();
        }
        let lines: Vec<String> = identity
            .evidence
            .iter()
            .map(|evidence| format!("{}:{}", evidence.at, evidence.line.unwrap_or_default()))
            .collect();
        write!(line, "\n    at {}", lines.join(" ")).unwrap();
        sections.entry("1 identities").or_default().push(line);
    }
    for credential in &batch.credentials {
        let mut line = format!(
            "{} {}/{} {}{}",
            credential.kind,
            credential.system,
            credential.instance,
            credential.native_id,
            said(credential.authority)
        );
        if credential.name != credential.native_id {
            write!(line, " name={}", credential.name).unwrap();
        }
        if credential.fingerprint.is_some() {
            line.push_str(" fingerprinted");
        }
        if let Some(identity) = &credential.identity {
            write!(line, "\n    proves {}", name(identity)).unwrap();
        }
        for place in &credential.places {
            let known = batch.places.iter().any(|other| other.id == place.place);
            write!(
                line,
                "\n    in {}:{} {}{}",
                place.path,
                place.line.map(|line| line.to_string()).unwrap_or_default(),
                place.pointer.as_deref().unwrap_or_default(),
                if known { "" } else { " DANGLING" }
            )
            .unwrap();
        }
        write!(line, "{}", facts(&credential.facts)).unwrap();
        for evidence in &credential.evidence {
            write!(line, "\n    at {}:{}", evidence.at, evidence.line.unwrap_or_default()).unwrap();
        }
        sections.entry("2 credentials").or_default().push(line);
    }
    for place in &batch.places {
        let line = format!(
            "{} {}/{} {}{} path={}{}",
            place.kind,
            place.system,
            place.instance,
            place.native_id,
            said(place.authority),
            place.path,
            facts(&place.facts)
        );
        sections.entry("3 places").or_default().push(line);
    }
    for grant in &batch.grants {
        let line = format!(
            "{} {} may {} on {}{}{}",
            grant.kind,
            name(&grant.identity),
            grant.actions.join(", "),
            grant.resources.join(", "),
            grant.via.as_deref().map(|via| format!(" via {via}")).unwrap_or_default(),
            facts(&grant.facts),
        );
        sections.entry("4 grants").or_default().push(line);
    }
    for trust in &batch.trusts {
        let from = match &trust.from {
            Subject::Identity { identity } => name(identity),
            Subject::Federated { issuer, subject, audience } => {
                format!("{issuer} {subject} for {}", audience.as_deref().unwrap_or("-"))
            }
            Subject::Principal { principal } => principal.clone(),
        };
        let mut line = format!("{} {from}\n    -> {}", trust.mechanism, name(&trust.to));
        for condition in &trust.conditions {
            write!(
                line,
                "\n    when {} {} {}",
                condition.key,
                condition.operator,
                condition.values.join(" | ")
            )
            .unwrap();
        }
        let mut rest = trust.facts.clone();
        rest.remove("presented_by");
        write!(line, "{}", facts(&rest)).unwrap();
        for evidence in &trust.evidence {
            write!(line, "\n    at {}:{}", evidence.at, evidence.line.unwrap_or_default()).unwrap();
        }
        sections.entry("5 trusts").or_default().push(line);
    }
    for owner in &batch.owners {
        let line = format!(
            "{} <- {:?} {} by {} {:.2}",
            name(&owner.identity),
            owner.owner.kind,
            owner.owner.name,
            owner.method,
            owner.confidence
        );
        sections.entry("6 owners").or_default().push(line);
    }
    for coverage in &batch.coverage {
        let mut line = format!(
            "{} {} asked {} got {} denied {}{}",
            coverage.scope.kind,
            coverage.scope.name,
            coverage.asked,
            coverage.got,
            coverage.denied,
            if coverage.truncated { " TRUNCATED" } else { "" }
        );
        for gap in &coverage.gaps {
            let detail = gap.detail.as_deref().unwrap_or_default();
            write!(line, "\n    gap {} {} {detail}", gap.locus, gap.reason.name()).unwrap();
        }
        sections.entry("7 coverage").or_default().push(line);
    }
    let mut text = String::new();
    for (title, mut lines) in sections {
        lines.sort();
        write!(text, "{}\n{}\n\n", title.to_uppercase(), lines.join("\n")).unwrap();
    }
    text
}

fn said(authority: Authority) -> &'static str {
    match authority {
        Authority::Mentioned => " (mentioned)",
        Authority::Declared => " (declared)",
        Authority::Record => "",
    }
}

fn facts(facts: &BTreeMap<Text, Fact<Value>>) -> String {
    facts.iter().map(|(key, value)| format!("\n    {key}: {}", fact(value))).collect()
}

fn fact<T: std::fmt::Display>(fact: &Fact<T>) -> String {
    let text = match &fact.state {
        State::Known(value) => value.to_string(),
        other => format!("<{}>", other.name()),
    };
    fact.reason().map_or(text.clone(), |reason| format!("{text} ({reason})"))
}

fn check(scenario: &str, remote: &str) {
    let world = World::of(scenario).with_remote(remote);
    let batch = world.scan();
    let text = told(&batch);
    assert!(!text.contains("DANGLING"), "a reference dangles:\n{text}");
    assert_eq!(batch, world.scan(), "the same input gives the same bytes");
    insta::with_settings!({ snapshot_path => "fixtures/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(scenario, text);
    });
}

#[test]
fn deploying_from_github() {
    check("deploying_from_github", "git@github.com:acme/shop.git");
}

#[test]
fn deploying_from_gitlab() {
    check("deploying_from_gitlab", "https://ci:glpat-not-real@gitlab.example.org/shop/app.git");
}

#[test]
fn on_kubernetes() {
    check("on_kubernetes", "https://github.com/acme/shop");
}

#[test]
fn many_definitions() {
    check("many_definitions", "https://github.com/acme/shop");
}

/// Values of the fixtures that must never leave the connector.
const SECRETS: &[&str] = &[
    "Tr0ub4dor-not-real-9xK2",
    "VHIwdWI0ZG9yLW5vdC1yZWFsLTl4SzI=",
    "q7Zk2mXw9TfL4cRb8YhN3vPd6sGj",
    "kV8rW2pZ-not-a-real-one",
    "m4Xw8QzT2kLr9VbN6yHs3JfD",
    "Zr6Wn3Kx9Tq2Lm7Vb4Yc8Hd5",
    "Hq2Lw7Zx4Rk9Vn3Tb6Ym8Pc5",
    "Wq8Zt3Kx6Ln2Rv9",
    "Yn5Rk8Wz3Tx7Lq2Vm9",
    "glpat-not-real",
    "AgBynotarealsealedvalue",
];

#[test]
fn no_secret_is_in_any_record() {
    for scenario in ["deploying_from_gitlab", "on_kubernetes", "many_definitions"] {
        let world =
            World::of(scenario).with_remote("https://ci:glpat-not-real@gitlab.example.org/a/b");
        let json = serde_json::to_string(&world.scan()).unwrap();
        for secret in SECRETS {
            assert!(!json.contains(secret), "{scenario} tells {secret}");
        }
    }
}
