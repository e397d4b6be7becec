//! Scenarios: each folder of `fixtures/` is a checkout with a story; the snapshot is what we say.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use model::{
    Authority, Batch, Fact, Fingerprinter, IdentityId, Secret, State, Subject, Time, Value,
};

use super::history::Budget;
use crate::contract::{Machine, Request, Settings, SourceError};
use crate::files::Tree;

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
        std::fs::create_dir_all(git.join("objects")).unwrap();
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

fn facts(facts: &model::Facts) -> String {
    let lines = facts.iter().map(|(key, value)| format!("\n    {key}: {}", fact(value)));
    lines.collect::<Vec<_>>().concat()
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
    let excluding = || {
        let settings = Settings::default().with("exclude", ["tools/ignored/"]);
        world.try_scan(&world.shop(), settings).unwrap()
    };
    let batch = excluding();
    let text = told(&batch);
    assert!(!text.contains("DANGLING"), "a reference dangles:\n{text}");
    assert_eq!(batch, excluding(), "the same input gives the same bytes");
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
    check(
        "deploying_from_gitlab",
        "https://ci:glpat-Zx4Rk9Vn3Tb6Ym8Pc5Hq@gitlab.example.org/shop/app.git",
    );
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
    "kV8rW2pZx6Tn4Lq9",
    "m4Xw8QzT2kLr9VbN6yHs3JfD",
    "Zr6Wn3Kx9Tq2Lm7Vb4Yc8Hd5",
    "Hq2Lw7Zx4Rk9Vn3Tb6Ym8Pc5",
    "Wq8Zt3Kx6Ln2Rv9",
    "Yn5Rk8Wz3Tx7Lq2Vm9",
    "glpat-Zx4Rk9Vn3Tb6Ym8Pc5Hq",
    "AgBynotarealsealedvalue",
];

#[test]
fn no_secret_is_in_any_record() {
    for scenario in ["deploying_from_gitlab", "on_kubernetes", "many_definitions"] {
        let world = World::of(scenario)
            .with_remote("https://ci:glpat-Zx4Rk9Vn3Tb6Ym8Pc5Hq@gitlab.example.org/a/b");
        let json = serde_json::to_string(&world.scan()).unwrap();
        for secret in SECRETS {
            assert!(!json.contains(secret), "{scenario} tells {secret}");
        }
    }
}

/// Commits everything with the `git` program; false, and a line that says so, where there is none.
fn commit(world: &World, author: &str, email: &str, message: &str) -> bool {
    let run = |arguments: &[&str]| {
        std::process::Command::new("git")
            .args(["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(world.shop())
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/local/bin")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", author)
            .env("GIT_AUTHOR_EMAIL", email)
            .env("GIT_COMMITTER_NAME", author)
            .env("GIT_COMMITTER_EMAIL", email)
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let done = run(&["init", "-q", "-b", "main"])
        && run(&["add", "-A", "."])
        && run(&["commit", "-q", "-m", message]);
    if !done {
        println!("skipped: the `git` program is not here");
    }
    done
}

#[test]
fn authors_and_tracked_files() {
    let world = World::of("deploying_from_github");
    if !commit(&world, "Ada Example", "ada@example.org", "first") {
        return;
    }
    let workflow = world.shop().join(".github/workflows/nightly.yml");
    let text = std::fs::read_to_string(&workflow).unwrap();
    std::fs::write(&workflow, format!("{text}# changed\n")).unwrap();
    assert!(commit(&world, "Bob Example", "bob@example.org", "second"));
    std::fs::write(world.shop().join(".env"), "API_TOKEN=Hq2Lw7Zx4Rk9Vn3Tb6Ym8Pc5\n").unwrap();
    let batch = world.scan();
    let told = told(&batch);
    let owners: Vec<&str> = told.lines().filter(|line| line.contains("git-")).collect();
    insta::assert_snapshot!(owners.join("\n"));
    let env = batch.places.iter().find(|place| place.path == ".env").unwrap();
    assert_eq!(env.facts["tracked"].value(), Some(&Value::Truth(false)));
}

/// A folder of things that would fool, block or flood a careless reader.
#[test]
fn hostile_folders() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let world = World::empty();
    let shop = world.shop();
    let path = |name: &str| shop.join(name);
    std::fs::create_dir_all(path(".github/workflows")).unwrap();
    std::fs::create_dir_all(path("deep")).unwrap();
    symlink("..", path("deep/loop")).unwrap();
    symlink("/etc/passwd", path("outside")).unwrap();
    symlink("/etc", path("folder-outside")).unwrap();
    let fifo = |name: &str| {
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path(name), kind, rustix::fs::Mode::RUSR, 0).unwrap();
    };
    fifo("pipe");
    fifo("CODEOWNERS");
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9.env");
    std::fs::write(shop.join(odd), "API_TOKEN=Hq2Lw7Zx4Rk9Vn3Tb6Ym8Pc5\n").unwrap();
    let nested = (0..100).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<Vec<_>>().concat();
    std::fs::write(path(".github/workflows/deep.yml"), nested).unwrap();
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let row = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(laughs, "a{n}: &a{n} [{row}]").unwrap();
    }
    std::fs::write(path(".github/workflows/laughs.yml"), laughs).unwrap();
    std::fs::write(path(".github/workflows/broken.yml"), "jobs: [\n").unwrap();
    std::fs::write(path(".github/workflows/bytes.yml"), b"on: push\njobs:\n  a\xff: {}\n").unwrap();
    std::fs::write(path("binary.yaml"), b"apiVersion: v1\nkind: Secret\0").unwrap();
    std::fs::write(path("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    std::fs::File::create(path("sparse")).unwrap().set_len(200 << 20).unwrap();
    // Text first and a hole behind it: searched in pieces.
    std::fs::write(path("text-then-hole"), "x\n".repeat(8 << 10)).unwrap();
    let file = std::fs::File::options().write(true).open(path("text-then-hole")).unwrap();
    file.set_len(64 << 20).unwrap();
    let batch = world.scan();
    let text = told(&batch);
    insta::assert_snapshot!("hostile_folders", text);
}

#[test]
fn secrets_in_a_file_too_large_to_parse() {
    let world = World::empty();
    let secret = ["ghp_", "Zk4RkT9Vn3Tb6Ym8Pc5Hq2Lw7Zx4Rk9Vn3Tb"].concat();
    // One on the border of the first two pieces, where each half alone is nothing.
    let filler = "x".repeat(63) + "\n";
    let before = filler.repeat((4 << 20) / 64 - 1);
    let text = format!("{before}{}token = {secret}\n{}", "y".repeat(40), filler.repeat(300_000));
    assert!(text.len() > 16 << 20);
    std::fs::write(world.shop().join("big.log"), text).unwrap();
    let batch = world.scan();
    let lines: Vec<_> =
        batch.credentials.iter().flat_map(|one| one.places.iter().map(|at| at.line)).collect();
    assert!(lines.len() <= 1, "{lines:?}");
    let json = serde_json::to_string(&batch).unwrap();
    assert!(!json.contains(&secret));
}

#[test]
fn a_git_file_that_names_another_repository_is_refused() {
    let world = World::empty();
    let other = world.root.path().join("other/.git");
    std::fs::create_dir_all(&other).unwrap();
    let config = "[remote \"origin\"]\n\turl = https://github.com/victim/repo\n";
    std::fs::write(other.join("config"), config).unwrap();
    std::fs::write(world.shop().join(".git"), format!("gitdir: {}\n", other.display())).unwrap();
    std::fs::write(world.shop().join("Jenkinsfile"), "node('a') {}").unwrap();
    let batch = world.scan();
    assert_eq!(batch.identities[0].native_id, "shop:Jenkinsfile");
    assert!(batch.coverage[0].gaps[0].detail.as_deref().unwrap().contains("point back"));
}

#[test]
fn hostile_git_folders_cost_the_history_only() {
    let check = |spoil: &dyn Fn(&Path)| {
        let world = World::of("deploying_from_github");
        if !commit(&world, "Ada Example", "ada@example.org", "first") {
            return;
        }
        spoil(&world.shop().join(".git"));
        let batch = world.scan();
        assert!(batch.identities.len() > 5);
        assert!(!batch.coverage[0].gaps.is_empty(), "nothing was said");
    };
    let write =
        |git: &Path, name: &str, bytes: &[u8]| std::fs::write(git.join(name), bytes).unwrap();
    check(&|git| write(git, "objects/info/alternates", b"/etc\n"));
    // git itself, and a library that does as git does, would read everything below it.
    check(&|git| write(git, "commondir", b"/dev"));
    for name in ["HEAD", "config", "packed-refs", "shallow", "refs/heads/main"] {
        check(&|git| {
            let file = std::fs::File::options().create(true).append(true).open(git.join(name));
            file.unwrap().set_len(1 << 40).unwrap();
        });
    }
    check(&|git| write(git, "commondir", b"../trap\n"));
    check(&|git| write(git, "HEAD", &[0xff; 4096]));
    check(&|git| write(git, "refs/heads/main", b"0123456789012345678901234567890123456789\n"));
    check(&|git| {
        std::fs::remove_file(git.join("HEAD")).unwrap();
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, git.join("HEAD"), kind, rustix::fs::Mode::RUSR, 0)
            .unwrap();
    });
    check(&|git| {
        let pack = git.join("objects/pack");
        std::fs::create_dir_all(&pack).unwrap();
        std::fs::write(pack.join("pack-0123456789012345678901234567890123456789.idx"), [0; 64])
            .unwrap();
        std::fs::remove_file(git.join("refs/heads/main")).unwrap();
        std::fs::write(git.join("refs/heads/main"), "ref: refs/heads/main\n").unwrap();
    });
}

fn git(folder: &Path, arguments: &[&str]) -> bool {
    let quiet = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    std::process::Command::new("git")
        .args(quiet)
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn a_worktree_has_the_history_of_its_repository() {
    let world = World::of("deploying_from_github");
    if !commit(&world, "Ada Example", "ada@example.org", "first") {
        return;
    }
    let beside = world.root.path().join("src/beside");
    if !git(&world.shop(), &["worktree", "add", "-q", beside.to_str().unwrap()]) {
        println!("skipped: this git has no worktrees");
        return;
    }
    let batch = world.try_scan(&beside, Settings::default()).unwrap();
    assert!(told(&batch).contains("git-author"), "{}", told(&batch));
    // One whose common folder is another repository's: the names in it are not believed.
    let inner = world.shop().join(".git/worktrees/beside");
    std::fs::write(inner.join("commondir"), "/tmp\n").unwrap();
    let batch = world.try_scan(&beside, Settings::default()).unwrap();
    let gaps = &batch.coverage[0].gaps;
    assert!(gaps[0].detail.as_deref().unwrap().contains("common"), "{gaps:?}");
}

/// As git's own `safe.directory`: what another account put there is not its history.
#[test]
fn a_git_folder_of_another_account() {
    let world = World::of("deploying_from_github");
    if !commit(&world, "Ada Example", "ada@example.org", "first") {
        return;
    }
    let give_away = |path: &Path| std::os::unix::fs::chown(path, Some(1234), None).is_ok();
    if !give_away(&world.shop().join(".git")) {
        println!("skipped: only root may give files away");
        return;
    }
    let batch = world.scan();
    assert!(!told(&batch).contains("git-author"));
    let gap = &batch.coverage[0].gaps[0];
    assert_eq!((gap.locus.as_str(), gap.reason), (".git", model::GapReason::Denied), "{gap:?}");
    assert!(give_away(&world.shop().join(".git/objects")));
    std::os::unix::fs::chown(world.shop().join(".git"), Some(0), None).unwrap();
    let batch = world.scan();
    assert!(!told(&batch).contains("git-author"), "a part of it is another account's");

    // Above what was asked for, where everybody may write.
    let world = World::empty();
    std::fs::write(world.shop().join("Jenkinsfile"), "node('a') {}").unwrap();
    let above = world.root.path().join("src/.git");
    std::fs::create_dir_all(&above).unwrap();
    let config = "[remote \"origin\"]\n\turl = https://github.com/victim/repo\n";
    std::fs::write(above.join("config"), config).unwrap();
    assert_eq!(world.scan().identities[0].native_id, "victim/repo:shop/Jenkinsfile");
    assert!(give_away(&above));
    let batch = world.scan();
    assert_eq!(batch.identities[0].native_id, "shop:Jenkinsfile");
    assert_eq!(batch.coverage[0].gaps[0].reason, model::GapReason::Denied);
}

#[test]
fn a_long_history_is_read_up_to_a_budget() {
    let world = World::of("deploying_from_github");
    if !commit(&world, "Ada Example", "ada@example.org", "first") {
        return;
    }
    let folder = world.shop();
    let tree = Tree::open(&folder).unwrap();
    let scope = model::Scope::new("file", "machine", "folder", "/").id;
    let checkouts = super::checkout::Checkouts::new(&tree, scope, "machine", "/");
    let checkout = checkouts.of_file(Path::new("x"));
    let path = String::from(".github/workflows/deploy.yml");
    let git = checkout.git.as_ref().unwrap();
    let read = |mut budget: Budget| {
        super::history::authors(git, std::slice::from_ref(&path), &mut budget, &|| false).unwrap()
    };
    let whole = read(Budget::default());
    assert!(!whole.is_cut && whole.authors.contains_key(&path));
    for budget in
        [Budget { n_bytes: 10, ..Budget::default() }, Budget { n_objects: 2, ..Budget::default() }]
    {
        let cut = read(budget);
        assert!(cut.is_cut && cut.authors.is_empty());
    }
}

/// What a pack tells by differences costs what it takes to put it together.
#[test]
fn deltas_of_a_pack_are_counted() {
    let world = World::empty();
    let folder = world.shop();
    let mut text: String = (0..2_000).map(|n| format!("line {n} {}\n", n * 7_919)).collect();
    for n in 0..6 {
        text.push_str(&format!("and {n}\n"));
        std::fs::write(folder.join("a.yml"), &text).unwrap();
        if !commit(&world, "Ada Example", "ada@example.org", "more") {
            return;
        }
    }
    let tree = Tree::open(&folder).unwrap();
    let scope = model::Scope::new("file", "machine", "folder", "/").id;
    let left = || {
        let checkouts = super::checkout::Checkouts::new(&tree, scope, "machine", "/");
        let checkout = checkouts.of_file(Path::new("x"));
        let git = checkout.git.as_ref().unwrap();
        let mut budget = Budget::default();
        let path = [String::from("a.yml")];
        let told = super::history::authors(git, &path, &mut budget, &|| false).unwrap();
        assert!(!told.is_cut);
        assert_eq!(told.authors["a.yml"][0].n_changes, 6);
        budget
    };
    let loose = left();
    assert!(git(&folder, &["repack", "-adfq", "--depth=50"]));
    assert!(git(&folder, &["prune-packed"]));
    let packed = left();
    assert!(packed.n_objects < loose.n_objects && packed.n_bytes < loose.n_bytes);
}

/// A fault in what the caller hands in (here: the progress display) must not leave the threads
/// waiting for each other.
#[test]
fn a_fault_on_one_thread_ends_no_scan() {
    let world = World::empty();
    for n in 0..600 {
        std::fs::write(world.shop().join(format!("{n}.txt")), "x").unwrap();
    }
    let settings = Settings::default().with("paths", [world.shop().to_str().unwrap()]);
    let machine = Machine { id: "machine".into(), name: "test".into(), root: "/".into() };
    let request = Request {
        settings: &settings,
        machine: &machine,
        now: Time::from_seconds(1_800_000_000),
        fingerprinter: None,
        progress: &|it| assert!(it.done == 0, "a fault"),
        cancel: &AtomicBool::new(false),
    };
    let mut all = Batch::default();
    super::discover(&request, &mut |batch| all.extend(batch)).unwrap();
    let coverage = &all.coverage[0];
    assert!(coverage.truncated);
    assert!(coverage.gaps.iter().any(|gap| gap.reason == model::GapReason::Failed));
}

/// Definitions in which every part names every other one: each is read in one breath.
#[test]
fn definitions_made_to_multiply() {
    let check = |name: &str, text: &str| {
        let world = World::empty();
        let path = world.shop().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        let batch = world.scan();
        let n_actions: usize = batch.grants.iter().map(|grant| grant.actions.len()).sum();
        assert!(n_actions <= 500_000, "{name}: {n_actions} actions");
        let n_records = batch.n_records();
        assert!(n_records <= 150_000, "{name}: {n_records} records");
        assert!(batch.coverage[0].gaps.iter().any(|it| it.reason == model::GapReason::TooLarge));
    };
    let lines = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();

    // A role of very many actions, bound very many times.
    let verbs = lines(3_000, &|n| format!("v{n}, "));
    let role = "apiVersion: rbac.authorization.k8s.io/v1\n";
    let bindings = lines(1_000, &|n| {
        format!(
            "---\n{role}kind: RoleBinding\nmetadata: {{name: b{n}, namespace: n}}\n\
             roleRef: {{kind: Role, name: r}}\nsubjects: [{{kind: User, name: u{n}}}]\n"
        )
    });
    check(
        "bindings.yaml",
        &format!(
            "{role}kind: Role\nmetadata: {{name: r, namespace: n}}\n\
             rules: [{{apiGroups: [''], resources: [pods], verbs: [{verbs}]}}]\n{bindings}"
        ),
    );

    // Very many jobs, very many variables, every one of which names another one.
    let variables = lines(1_200, &|n| format!("  V{n}: $TOKEN_{n}\n"));
    let jobs = lines(3_000, &|n| format!("j{n}:\n  environment: e{n}\n  script: [x $TOKEN_{n}]\n"));
    check(".gitlab-ci.yml", &format!("variables:\n{variables}{jobs}"));

    // Very many branches, and steps that sign in with the token of each.
    let branches = lines(3_000, &|n| format!("b{n}, "));
    let steps = lines(300, &|n| {
        format!(
            "      - uses: aws-actions/configure-aws-credentials@v4\n        \
             with: {{role-to-assume: 'arn:aws:iam::123456789012:role/r{n}'}}\n"
        )
    });
    check(
        ".github/workflows/a.yml",
        &format!(
            "on: {{push: {{branches: [{branches}]}}}}\npermissions: {{id-token: write}}\n\
             jobs:\n  a:\n    runs-on: x\n    steps:\n{steps}"
        ),
    );
}

/// What one part of a file names is told again by every other part, up to a size.
#[test]
fn definitions_made_to_repeat() {
    let check = |name: &str, text: &str, detail: &str| {
        let world = World::empty();
        let path = world.shop().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        let batch = world.scan();
        let gaps = &batch.coverage[0].gaps;
        let is_told =
            |gap: &model::Gap| gap.detail.as_deref().is_some_and(|it| it.contains(detail));
        assert!(gaps.iter().any(is_told), "{name}: {gaps:?}");
        batch
    };
    let lines = |n: usize, line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();
    let multiplies = "multiplies to more than 33554432 bytes";

    // Jobs that each present every branch.
    let branches = lines(5_000, &|n| format!("b{n}, "));
    let jobs = lines(200, &|n| {
        format!("  j{n}: {{runs-on: x, permissions: {{id-token: write}}, steps: []}}\n")
    });
    let text = format!("on: {{push: {{branches: [{branches}]}}}}\njobs:\n{jobs}");
    let batch = check(".github/workflows/a.yml", &text, multiplies);
    let subjects: Vec<_> =
        batch.identities.iter().filter_map(|it| it.facts.get("oidc_subjects")).collect();
    let n_told = subjects.iter().filter(|fact| fact.value().is_some()).count();
    assert!(n_told > 10 && n_told < 190, "{n_told} of {}", subjects.len());

    // Jobs that each run one long script.
    let jobs = lines(100, &|n| format!("j{n}: {{environment: e{n}, script: x}}\n"));
    let text = format!("default: {{before_script: [{}]}}\n{jobs}", "A".repeat(1 << 20));
    let batch = check(".gitlab-ci.yml", &text, multiplies);
    assert!((30..33).contains(&batch.identities.iter().filter(|it| it.kind == "ci-job").count()));

    // A role for very many names.
    let text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r}}\n\
         rules: [{{apiGroups: [''], resources: [pods], verbs: [{}], resourceNames: [{}]}}]\n",
        lines(200, &|n| format!("v{n}, ")),
        "A".repeat(1 << 20)
    );
    check("role.yaml", &text, multiplies);

    // Owners of very many accounts.
    let accounts = lines(1_000, &|n| {
        format!("---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: a{n}}}\n")
    });
    let world = World::empty();
    std::fs::write(world.shop().join("a.yaml"), accounts).unwrap();
    let owners = lines(201, &|n| format!(" @{n}{}", "a".repeat(300)));
    std::fs::write(world.shop().join("CODEOWNERS"), format!("*{owners}\n")).unwrap();
    let batch = world.scan();
    assert!(batch.owners.len() < 100_000, "{} links", batch.owners.len());
    let details: Vec<&str> =
        batch.coverage[0].gaps.iter().filter_map(|gap| gap.detail.as_deref()).collect();
    assert!(details.iter().any(|detail| detail.contains("bytes of owners")), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("200 owners of one rule")), "{details:?}");
}

/// Names on lines of their own within one long scalar, each looked for from its start.
#[test]
fn lines_of_names_in_a_long_scalar() {
    let world = World::empty();
    let path = world.shop().join(".github/workflows/a.yml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let script: String =
        (0..15_000).map(|n| format!("          x ${{{{ secrets.S{n} }}}}\n")).collect();
    let text = format!("on: push\njobs:\n  a:\n    steps:\n      - run: |\n{script}");
    std::fs::write(path, text).unwrap();
    let batch = world.scan();
    let line = |name: &str| {
        let one = batch.credentials.iter().find(|it| it.name == name).unwrap();
        one.evidence[0].line.unwrap()
    };
    assert_eq!((line("S0"), line("S9"), line("S10")), (6, 15, 16));
}

#[test]
fn secrets_that_kustomize_makes() {
    let world = World::empty();
    let text = "resources: [app.yaml]\nnamespace: shop\nsecretGenerator:\n\
        - name: db\n  literals:\n  - DB_PASSWORD=correct-horse-9Zr4\n  - user=ada\n\
        - name: files\n  files: [tls.key]\n- 7\n";
    std::fs::write(world.shop().join("kustomization.yaml"), text).unwrap();
    let batch = world.scan();
    let secret = batch.credentials.iter().find(|it| it.name == "DB_PASSWORD").unwrap();
    assert_eq!(secret.places[0].line, Some(6));
    let of = secret.facts["kubernetes_secret"].value();
    assert_eq!(of, Some(&Value::Text("shop/Secret/db".into())));
    assert!(!serde_json::to_string(&batch).unwrap().contains("correct-horse"));
}

#[test]
fn what_is_not_there_is_said() {
    let world = World::empty();
    let error = world.try_scan(&world.shop().join("nothing"), Settings::default()).unwrap_err();
    assert!(matches!(error, SourceError::NotFound(_)), "{error}");
}

#[test]
fn an_aws_key_is_one_credential_however_it_is_written() {
    let secret = "XMleF+cwUdohx3in8GkoIGbPKG1LQDqmVEBZZmni";
    let id = |n: u32| format!("{}{}TDE4{n}", "AKIA3ZNW", "ESAL2UV");
    let manifest = |id: &str| {
        let encoded = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: backup\ndata:\n  AWS_ACCESS_KEY_ID: {}\n  AWS_SECRET_ACCESS_KEY: {}\n",
            encoded(id),
            encoded(secret),
        )
    };
    let check = |path: &str, text: &str, id: &str| {
        let world = World::empty();
        std::fs::write(world.shop().join(path), text).unwrap();
        let batch = world.scan();
        let told: Vec<_> = batch
            .credentials
            .iter()
            .map(|credential| {
                let has_secret = credential.facts.get("secret_found").and_then(Fact::value);
                (credential.native_id.as_str(), has_secret == Some(&Value::Truth(true)))
            })
            .collect();
        assert_eq!(told, [(id, true)], "{path}");
        assert!(batch.credentials[0].fingerprint.is_some(), "{path}");
        assert_eq!(batch.identities.len(), 1, "{path}");
    };
    let (one, two) = (id(2), id(3));
    check(".env", &format!("AWS_ACCESS_KEY_ID={one}\nAWS_SECRET_ACCESS_KEY={secret}\n"), &one);
    let values = format!("aws:\n  access_key_id: {two}\n  aws_secret_access_key: {secret}\n");
    check("values.yaml", &values, &two);
    check("secret.yaml", &manifest(&one), &one);
}

#[test]
fn more_credentials_than_a_file_holds_are_a_gap() {
    let n = super::secrets::MAX_FOUND + 5;
    let lines = (0..n).map(|n| format!("P{n}_PASSWORD=Xr{n}qwTz7LmVb\n"));
    let world = World::empty();
    std::fs::write(world.shop().join(".env"), lines.collect::<String>()).unwrap();
    let batch = world.scan();
    assert_eq!(batch.credentials.len(), super::secrets::MAX_FOUND);
    let gaps: Vec<_> = batch.coverage.iter().flat_map(|one| &one.gaps).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].detail.as_deref(), Some("more than 10000 credentials"));
}

#[test]
fn very_many_keys_of_one_file_are_joined() {
    const N: usize = 4_000;
    // Odd factors keep all of them apart.
    let letters = |n: usize| -> String {
        let mixed = u32::try_from(n).unwrap().wrapping_mul(0x9e37_79b1);
        (0..8).map(|place| char::from(b'A' + (mixed >> (4 * place) & 15) as u8)).collect()
    };
    let ids = (0..N).map(|n| format!("K{n}_ID={}{}\n", "AKIA3ZNWTDE4", letters(n)));
    let secrets =
        (0..N).map(|n| format!("K{n}_SECRET_KEY=XMleF+cwUdohx3in8GkoIGbPKG1LQDqm{}\n", letters(n)));
    let world = World::empty();
    std::fs::write(world.shop().join(".env"), ids.chain(secrets).collect::<String>()).unwrap();
    let batch = world.scan();
    let keys: Vec<_> =
        batch.credentials.iter().filter(|it| it.kind == model::kinds::ACCESS_KEY.id).collect();
    // Chance makes a few look like words.
    assert!(keys.len() >= N - 5, "{}", keys.len());
    for key in keys {
        let says = key.facts.get("secret_found").and_then(Fact::value);
        assert_eq!(says, Some(&Value::Truth(true)), "{}", key.native_id);
    }
}

fn kinds_of(batch: &Batch) -> Vec<&str> {
    batch.identities.iter().map(|identity| identity.kind.as_ref()).collect()
}

#[test]
fn a_key_that_vendors_print_is_nobodys() {
    let world = World::empty();
    let id = ["AKIAIOSFODNN7", "EXAMPLE"].concat();
    let text = format!("const one = {{ AccessKeyId: '{id}' }};\nexpect('{id}');\n");
    std::fs::write(world.shop().join("client.ts"), text).unwrap();
    let batch = world.scan();
    assert_eq!(batch.credentials.len(), 1);
    assert_eq!(batch.credentials[0].identity, None);
    assert_eq!(kinds_of(&batch), [""; 0]);
}

#[test]
fn a_key_under_two_names_has_one_identity() {
    let world = World::empty();
    // Made before ids held the account: whose it is, only its bearer shows.
    let id = ["AKIAI44QH2DHB", "Q7Z3XWT"].concat();
    let text = format!("const one = {{ AccessKeyId: '{id}' }};\naws_access_key_id = {id}\n");
    std::fs::write(world.shop().join("client.ts"), text).unwrap();
    let batch = world.scan();
    assert_eq!((batch.credentials.len(), kinds_of(&batch)), (1, vec!["api-client"]));
}

#[test]
fn a_key_has_the_identity_of_the_certificate_in_the_file_beside_it() {
    let world = World::empty();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../credentials/tests/it/fixtures");
    let read = |name: &str| std::fs::read_to_string(fixtures.join(name)).unwrap();
    std::fs::write(world.shop().join("server.crt"), read("ed25519.crt")).unwrap();
    let key = read("ed25519-pkcs8.key").replace("@@", "-----");
    std::fs::write(world.shop().join("server.key"), key).unwrap();
    let batch = world.scan();
    let users: Vec<_> = batch.credentials.iter().map(|it| it.identity).collect();
    assert_eq!(users, [Some(batch.identities[0].id); 2]);
}

#[test]
fn the_action_that_logs_in_may_be_a_fork_or_our_own() {
    let world = World::empty().with_remote("https://github.com/example/login.git");
    let folder = world.shop().join(".github/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "on: {push: {branches: [main]}}\npermissions: {id-token: write}\njobs:\n  try:\n\
        \x20   runs-on: ubuntu-latest\n    steps:\n      - uses: ./\n        with:\n\
        \x20         role-to-assume: arn:aws:iam::111122223333:role/try\n\
        \x20     - run: echo ${{ secrets.ACTIONS_STEP_DEBUG }}\n";
    std::fs::write(folder.join("try.yml"), text).unwrap();
    let batch = world.scan();
    let mut kinds = kinds_of(&batch);
    kinds.sort_unstable();
    assert_eq!(kinds, ["ci-pipeline", "iam-role"]);
    let Subject::Federated { subject, .. } = &batch.trusts[0].from else { panic!() };
    assert_eq!(subject, "repo:example/login:ref:refs/heads/main");
    assert_eq!(batch.credentials, [], "a switch for log lines is no secret");
}

#[test]
fn guides_and_tests_speak_of_clusters_of_their_own() {
    let world = World::empty().with_remote("https://github.com/example/shop.git");
    let manifest = |verb: &str| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: web}}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: web}}\n\
             rules: [{{apiGroups: [''], resources: [pods], verbs: [{verb}]}}]\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{name: web}}\n\
             roleRef: {{kind: ClusterRole, name: web}}\n\
             subjects: [{{kind: ServiceAccount, name: web, namespace: default}}]\n"
        )
    };
    for (folder, verb) in [("deploy", "get"), ("docs/one", "list"), ("docs/two", "watch")] {
        let folder = world.shop().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("web.yaml"), manifest(verb)).unwrap();
    }
    let batch = world.scan();
    let mut told: Vec<_> = batch
        .grants
        .iter()
        .map(|grant| (grant.instance.as_str(), grant.actions.join(", ")))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("", "get pods".into()),
            ("example/shop:docs/one", "list pods".into()),
            ("example/shop:docs/two", "watch pods".to_string()),
        ]
    );
    assert_eq!(batch.identities.len(), 3);
}

/// What tools keep in a home lies in checkouts too, copied for a container or by mistake.
#[test]
fn credential_files_of_tools() {
    let check = |path: &str, text: &str, expected: &[&str]| {
        let world = World::empty();
        let file = world.shop().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        let batch = world.scan();
        let name = |id: Option<IdentityId>| {
            let identity = batch.identities.iter().find(|it| Some(it.id) == id);
            identity.map_or_else(String::new, |it| format!(" of {} {}", it.kind, it.name))
        };
        let told: Vec<String> = batch
            .credentials
            .iter()
            .map(|it| {
                let stored = &it.places[0];
                assert_eq!(stored.path, path);
                format!("{}:{}{}", it.kind, stored.line.unwrap(), name(it.identity))
            })
            .collect();
        assert_eq!(told, expected, "{path}: {:#?}", batch.credentials);
        // Whose secret lies elsewhere is somebody; whose secret is a placeholder is nobody.
        let is_elsewhere = |it: &model::Identity| {
            ["secret_reference", "credential_store"]
                .iter()
                .any(|fact| it.facts.get(fact).and_then(Fact::value).is_some())
        };
        let proved = batch.identities.iter().filter(|it| !is_elsewhere(it)).count();
        assert!(proved <= expected.len(), "{path}: {:#?}", batch.identities);
        assert!(!serde_json::to_string(&batch).unwrap().contains("Zr6Wn3Kx9"), "{path}");
    };
    // In halves, so that this file holds no token.
    let token = ["npm_", "Zr6Wn3Kx9Tq2Lm7Vb4Yc8Hd5Jf1Ps0RgQw2e"].concat();
    let pair = data_encoding::BASE64.encode(b"robot:Zr6Wn3Kx9Tq2Lm7Vb4Yc8Hd5");
    let docker = format!(
        "{{\n  \"auths\": {{\n    \"registry.example.org\": {{ \"auth\": \"{pair}\" }}\n  }}\n}}\n"
    );
    let registry = "registry-account robot at registry.example.org";
    check(".docker/config.json", &docker, &[&format!("password:3 of {registry}")]);
    check("build/.docker/config.json", &docker, &[&format!("password:3 of {registry}")]);
    check("build/.dockerconfigjson", &docker, &[&format!("password:3 of {registry}")]);
    check(
        ".docker/config.json",
        "{ \"credsStore\": \"desktop\", \"auths\": { \"https://index.docker.io/v1/\": {} } }",
        &[],
    );
    check(
        "web/.npmrc",
        &format!("registry=https://npm.example.org/\n//npm.example.org/:_authToken={token}\n"),
        &["api-token:2 of registry-account npm client of npm.example.org"],
    );
    check("web/.npmrc", "//npm.example.org/:_authToken=${NPM_TOKEN}\nsave-exact=true\n", &[]);
    check(
        ".pypirc",
        "[distutils]\nindex-servers = here\n\n[here]\nrepository = https://pypi.example.org/simple\nusername = robot\npassword = Zr6Wn3Kx9Tq2Lm7V\n",
        &["password:7 of registry-account robot at pypi.example.org"],
    );
    check(".pypirc", "[pypi]\nusername = __token__\npassword = <your token>\n", &[]);
    check(
        "docker/pip.conf",
        "[global]\nindex-url = https://robot:Zr6Wn3Kx9Tq2Lm7V@pypi.example.org/simple\n",
        &["password:2 of registry-account robot at pypi.example.org"],
    );
    check("docker/pip.conf", "[global]\nindex-url = https://pypi.example.org/simple\n", &[]);
    check(
        ".netrc",
        "machine git.example.org login robot password Zr6Wn3Kx9Tq2Lm7V\n",
        &["password:1 of service-login robot at git.example.org"],
    );
    check(".netrc", "machine git.example.org login robot password your-password-here\n", &[]);
    check(
        ".git-credentials",
        "https://robot:Zr6Wn3Kx9Tq2Lm7V@git.example.org\n",
        &["password:1 of service-login robot at git.example.org"],
    );
    check(
        "db/.pgpass",
        "# host:port:database:user:password\ndb.example.org:5432:shop:robot:Zr6Wn3Kx9Tq2Lm7V\n",
        &["password:2 of db-role robot at db.example.org"],
    );
    check("db/.pgpass", "db.example.org:5432:shop:robot:changeme\n", &[]);
    check(
        "db/.my.cnf",
        "[client]\nhost = db.example.org\nuser = robot\npassword = Zr6Wn3Kx9Tq2Lm7V\n",
        &["password:4 of db-role robot at db.example.org"],
    );
    check("db/.my.cnf", "[mysqld]\nmax_connections = 10\n", &[]);
    let adc = |secret: &str| {
        format!(
            "{{\n  \"client_id\": \"764086051850-6qr4p6gpi6hn506pt8ejuq83di341hur.apps.googleusercontent.com\",\n  \"client_secret\": \"d-FL95Q19q7MQmFpd7hHD0Ty\",\n  \"refresh_token\": \"{secret}\",\n  \"type\": \"authorized_user\"\n}}\n"
        )
    };
    check(
        "deploy/application_default_credentials.json",
        &adc(&["1//0g", "Zr6Wn3Kx9Tq2Lm7Vb4Yc8Hd5Jf1Ps0RgQw2eTt5u"].concat()),
        &["refresh-token:4 of api-client user signed in with gcloud"],
    );
    check("deploy/application_default_credentials.json", &adc("<refresh token>"), &[]);
    check("deploy/application_default_credentials.json", "{}", &[]);
    // By its name only another tool's file of the same name.
    check("web/.docker/daemon.json", "{ \"debug\": true }", &[]);
}
