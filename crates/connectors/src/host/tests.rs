//! Fixture hosts and what is stated of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use model::{Batch, Fingerprinter, GapReason, Secret, Time};

use super::DESCRIPTOR;
use crate::contract::{Machine, Request, Settings};

const NOW: Time = Time::from_seconds(1_795_305_600); // 2026-11-22

fn discover(root: &Path, settings: &Settings) -> Batch {
    let machine = Machine { id: "ledger-1-id".into(), name: "ledger-1".into(), root: root.into() };
    let fingerprinter = Fingerprinter::new(Secret::new([7; 32]));
    let request = Request {
        settings,
        machine: &machine,
        now: NOW,
        fingerprinter: Some(&fingerprinter),
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    };
    let mut whole = Batch::default();
    (DESCRIPTOR.discover)(&request, &mut |batch| whole.extend(batch)).unwrap();
    whole
}

fn fixture(scenario: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/host/fixtures");
    folder.join(scenario).join("root")
}

/// The whole result; what a checkout does not keep (owner and mode of files) is left out.
fn check(scenario: &str) {
    let mut batch = discover(&fixture(scenario), &Settings::default());
    let mut again = discover(&fixture(scenario), &Settings::default());
    for batch in [&mut batch, &mut again] {
        for place in &mut batch.places {
            place.facts.retain(|name, _| name == "links");
        }
        for credential in &mut batch.credentials {
            credential.facts.retain(|name, _| name != "exposure" && name != "mode");
        }
    }
    assert_eq!(batch, again, "the same files give the same records");
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "fixtures" }, {
        insta::assert_yaml_snapshot!(format!("{scenario}/records"), batch);
    });
}

#[test]
fn a_contractor_left() {
    check("contractor-left");
}

#[test]
fn an_image_as_it_came() {
    check("distribution-plain");
}

#[test]
fn no_secret_is_in_a_record() {
    let batch = discover(&fixture("contractor-left"), &Settings::default());
    let json = serde_json::to_string(&batch).unwrap();
    for secret in ["Kj4mQ9", "Wn8sTf3", "Bq7xNc2", "plainly-fake", "notahash", "--token"] {
        assert!(!json.contains(secret), "{secret}");
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn gaps(batch: &Batch) -> Vec<String> {
    let gaps = batch.coverage.iter().flat_map(|coverage| &coverage.gaps);
    let mut gaps: Vec<_> = gaps.map(|gap| format!("{} {}", gap.locus, gap.reason.name())).collect();
    gaps.sort();
    gaps
}

/// FIFOs, loops of links, folders in place of files, includes of themselves, huge files.
#[test]
fn what_cannot_be_read_is_a_gap_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbroken\n");
    write(root, "etc/group/is-a-folder", "");
    write(root, "etc/sudoers", "root ALL=(ALL) ALL\n#include sudoers\n@include /etc/missing\n");
    write(root, "etc/cron.d/nonsense", "\u{0}\u{1}\u{2}\n");
    write(
        root,
        "etc/ssl/broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    write(root, "etc/krb5.keytab", "not a keytab");
    write(root, "root/.ssh/authorized_keys", "ssh-ed25519 AAAA\n");
    std::os::unix::fs::symlink("loop", root.join("etc/ssl/loop")).unwrap();
    std::os::unix::fs::symlink("/etc/ssl", root.join("etc/ssl/round")).unwrap();
    std::os::unix::fs::symlink("crontab", root.join("etc/crontab")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    for path in ["etc/shadow", "etc/ssl/fifo.pem"] {
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, root.join(path), fifo, mode, 0).unwrap();
    }
    let huge = std::fs::File::create(root.join("etc/ssl/huge.pem")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let huge = std::fs::File::create(root.join("etc/ssl/huge.crt")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let batch = discover(root, &Settings::default().with("paths", ["/nowhere"]));
    insta::assert_snapshot!(gaps(&batch).join("\n"), @r"
    /etc/cron.d/nonsense malformed
    /etc/crontab not-regular
    /etc/group not-regular
    /etc/krb5.keytab malformed
    /etc/missing not-found
    /etc/passwd malformed
    /etc/shadow not-regular
    /etc/ssl/broken.pem malformed
    /etc/ssl/fifo.pem not-regular
    /etc/ssl/huge.crt too-large
    /etc/ssl/huge.pem too-large
    /etc/ssl/loop not-regular
    /etc/sudoers too-deep
    /nowhere not-found
    /root/.ssh/authorized_keys malformed
    ");
    assert!(batch.identities.iter().any(|identity| identity.native_id == "root"));
}

#[test]
fn a_file_that_is_refused_is_denied_and_not_absent() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "etc/passwd", "ada:x:1000:1000::/home/ada:/bin/bash\n");
    write(root, "etc/group", "");
    write(root, "etc/shadow", "ada:!:1::::::\n");
    let refused = std::fs::Permissions::from_mode(0o0);
    std::fs::set_permissions(root.join("etc/shadow"), refused).unwrap();
    if std::fs::read(root.join("etc/shadow")).is_ok() {
        println!("skipped: this account (root?) may read what nobody may");
        return;
    }
    let batch = discover(root, &Settings::default());
    let ada = batch.identities.iter().find(|identity| identity.native_id == "ada").unwrap();
    assert_eq!(ada.enabled.state_name(), "denied");
    assert_eq!(ada.facts["password"].state_name(), "denied");
    let coverage = batch.coverage.iter().find(|coverage| coverage.denied > 0).unwrap();
    assert_eq!(coverage.gaps[0].reason, GapReason::Denied);
}

/// `~ada/.ssh/x` → root's key: what ada could not read is not read in her name.
#[test]
fn links_and_units_of_a_person_lead_to_nothing_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let real = |path: &str| std::fs::read_to_string(fixture("contractor-left").join(path)).unwrap();
    write(
        root,
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n\
         ben:x:1001:1001::/home/ada/ben:/bin/sh\ncy:x:1002:1002::/tmp/cy:/bin/sh\n",
    );
    write(root, "etc/group", "");
    write(root, "root/.ssh/id_root", &real("home/deploy/.ssh/id_ed25519"));
    write(root, "root/secret.env", "ROOTS_VARIABLE=1\n");
    write(root, "root/cert.pem", &real("etc/ssl/certs/ledger.pem"));
    write(root, "home/ada/dotfiles/known_hosts", "host ssh-ed25519 AAAA\n");
    write(root, "home/ada/own.env", "OWN_VARIABLE=1\n");
    write(root, "home/ada/.ssh/config", "");
    write(
        root,
        "home/ada/.config/systemd/user/job.service",
        "[Service]\nExecStart=/bin/true\nEnvironmentFile=/home/ada/own.env\n\
         EnvironmentFile=/root/secret.env\nEnvironmentFile=/home/ada/../../root/secret.env\n\
         LoadCredential=key:/root/secret.env\nLoadCredential=log:/proc/kmsg\n",
    );
    let link = |target: &str, path: &str| {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, root.join(path)).unwrap();
    };
    link("/root/.ssh/id_root", "home/ada/.ssh/absolute");
    link("../../../root/.ssh/id_root", "home/ada/.ssh/relative");
    link("/proc/kmsg", "home/ada/.ssh/log");
    link("/home/ada/dotfiles/known_hosts", "home/ada/.ssh/known_hosts");
    link("/root/secret.env", "home/ada/.config/systemd/user/stolen.service");
    // A home within a home, and one where everybody may write.
    link("/root", "home/ada/ben");
    write(root, "etc/systemd/system/app.service", "[Service]\nEnvironmentFile=/home/ada/app.env\n");
    link("/root/secret.env", "home/ada/app.env");
    link("/root/cert.pem", "home/ada/ssl/stolen.pem");
    let settings = Settings::default().with("paths", ["/home/ada/ssl"]);
    let batch = discover(root, &settings);
    let json = serde_json::to_string(&batch).unwrap();
    assert!(!json.contains("ROOTS_VARIABLE"), "{json}");
    assert!(json.contains("OWN_VARIABLE"), "what is hers is read");
    let material = batch.credentials.iter().filter(|it| it.kind != "secret-reference");
    let loci: Vec<_> = material.flat_map(|it| &it.loci).collect();
    assert!(loci.iter().all(|locus| !locus.starts_with("/home/ada")), "{loci:?}");
    let ada = batch.identities.iter().find(|it| it.native_id == "ada").unwrap();
    assert!(ada.facts.contains_key("ssh_known_hosts"), "a link within the home is followed");
    insta::assert_snapshot!(gaps(&batch).join("\n"), @r"
    /home/ada/.config/systemd/user/job.service not-regular
    /home/ada/.config/systemd/user/job.service not-regular
    /home/ada/.config/systemd/user/stolen.service not-regular
    /home/ada/.ssh/absolute not-regular
    /home/ada/.ssh/log not-regular
    /home/ada/.ssh/relative not-regular
    /home/ada/app.env not-regular
    /home/ada/ben not-regular
    /home/ada/ben not-regular
    /home/ada/ben not-regular
    /home/ada/ben not-regular
    /home/ada/ssl/stolen.pem not-regular
    ");
}

/// Aliases of aliases, each named ten times by the one before.
#[test]
fn host_aliases_made_to_multiply() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "etc/passwd", "ada:x:1000:1000::/home/ada:/bin/sh\n");
    let mut sudoers = String::from("Host_Alias H30 = ALL\n");
    for n in 0..30 {
        let inner = vec![format!("H{}", n + 1); 10].join(", ");
        sudoers += &format!("Host_Alias H{n} = {inner}\n");
    }
    sudoers += "ada H0 = /bin/a\nada H20 = /bin/b\n";
    write(root, "etc/sudoers", &sudoers);
    let batch = discover(root, &Settings::default());
    let grants: Vec<_> = batch.grants.iter().filter(|grant| grant.kind == "sudo").collect();
    let actions: Vec<_> = grants.iter().flat_map(|grant| &grant.actions).collect();
    assert_eq!(actions, ["/bin/a", "/bin/b"], "what is nested too deep may still mean this host");
}

/// A person's own units are read, and never a heap of bytes that calls itself one.
#[test]
fn units_that_are_no_units() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "etc/passwd", "ada:x:1000:1000::/home/ada:/bin/sh\n");
    write(root, "etc/group", "ada:x:1000:\n");
    let units = "home/ada/.config/systemd/user";
    write(root, &format!("{units}/big.service"), "");
    let big = root.join(units).join("big.service");
    std::fs::File::options().write(true).open(big).unwrap().set_len(16 << 20).unwrap();
    let comments = "#\n".repeat(450_000);
    write(root, &format!("{units}/own.service"), "[Service]\nExecStart=/bin/a\n");
    write(root, &format!("{units}/noise.service"), &comments);
    let batch = discover(root, &Settings::default());
    assert!(batch.identities.iter().any(|it| it.native_id == "user/ada/own.service"));
    assert!(!batch.identities.iter().any(|it| it.native_id == "user/ada/noise.service"));
    assert_eq!(
        gaps(&batch),
        [
            "/home/ada/.config/systemd/user/big.service too-large",
            "/home/ada/.config/systemd/user/noise.service too-large",
        ]
    );
}

/// What is no key is let go at once, and a file that every account names is read once.
#[test]
fn homes_full_of_other_things() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let real = |path: &str| std::fs::read_to_string(fixture("contractor-left").join(path)).unwrap();
    let accounts: String =
        (1000..1200).map(|n| format!("u{n}:x:{n}:{n}::/home/u{n}:/bin/sh\n")).collect();
    write(root, "etc/passwd", &accounts);
    write(root, "etc/ssh/sshd_config", "AuthorizedKeysFile /etc/ssh/keys\n");
    write(root, "etc/ssh/keys", &real("home/cyra/.ssh/authorized_keys"));
    for n in 0..20 {
        write(root, &format!("home/u1000/.ssh/log{n}"), &"x\n".repeat(1 << 20));
    }
    write(root, "home/u1000/.ssh/id_ed25519", &real("home/deploy/.ssh/id_ed25519"));
    let tree = crate::files::Tree::open(root).unwrap();
    let machine = Machine { id: "m".into(), name: "m".into(), root: root.into() };
    let settings = Settings::default();
    let request = Request {
        settings: &settings,
        machine: &machine,
        now: NOW,
        fingerprinter: None,
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    };
    let budget = std::cell::Cell::new(1_000);
    let files = super::Files::new(&tree);
    let mut reader = super::Reader::new(&files, &request, &budget, super::ssh::scope("m"));
    let accounts = super::accounts::read(&mut reader);
    let before = budget.get();
    let ssh = super::ssh::read(&mut reader, &accounts);
    assert!(before - budget.get() < 40, "{} files were read", before - budget.get());
    assert_eq!(ssh.keys_by_account.len(), 200);
    assert_eq!(format!("{ssh:?}").matches("KeyFile {").count(), 1);
    assert!(format!("{ssh:?}").len() < 1 << 20, "contents are kept");
}

/// A password that a person chose looks like nothing; its variable says what it is.
#[test]
fn variables_that_say_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    write(
        root,
        "etc/systemd/system/app.service",
        "[Service]\nExecStart=/bin/app\nEnvironment=DB_PASSWORD=correct-horse PORT=80\n\
         Environment=TOKEN_FILE=/etc/token SMTP_PASSWORD=$OTHER\nEnvironmentFile=/etc/app.env\n",
    );
    write(root, "etc/app.env", "# comment\nexport ADMIN_PASSWORD=\"battery-staple\"\nLEVEL=info\n");
    let batch = discover(root, &Settings::default());
    let found: Vec<String> = batch
        .credentials
        .iter()
        .map(|it| format!("{} {} {:?}", it.name, it.places[0].path, it.places[0].line))
        .collect();
    assert_eq!(
        found,
        [
            "ADMIN_PASSWORD /etc/app.env Some(2)",
            "DB_PASSWORD /etc/systemd/system/app.service Some(3)"
        ]
    );
    let json = serde_json::to_string(&batch).unwrap();
    assert!(!json.contains("correct-horse") && !json.contains("battery-staple"));
    assert!(batch.credentials.iter().all(|it| it.fingerprint.is_none()), "people chose them");
}

#[test]
fn max_files_truncates_and_says_so() {
    let settings = Settings::default().with("max_files", ["3"]);
    let batch = discover(&fixture("contractor-left"), &settings);
    assert!(batch.coverage.iter().any(|coverage| coverage.truncated));
}

#[test]
fn jobs_that_nothing_runs_are_off() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    write(root, "etc/crontab", "0 3 * * * root /usr/local/bin/backup\n");
    let is_on = || {
        let batch = discover(root, &Settings::default());
        let mut jobs = batch.identities.iter().filter(|it| it.kind == "scheduled-job");
        jobs.next().and_then(|job| job.enabled.value().copied())
    };
    assert_eq!(is_on(), Some(false));
    write(root, "usr/sbin/cron", "");
    assert_eq!(is_on(), Some(true));
}
