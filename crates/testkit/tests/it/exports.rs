//! The demo's exports through the real connectors: what was planned is what is read. Expectations
//! are computed from the records of the same plan, never taken from what came out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use connectors::{Descriptor, Settings};
use demo::{Plan, SOURCES};
use model::{Batch, Credential, Identity, Place};
use testkit::folder::{self, NOW};

const IDENTITIES: u64 = 900;

struct Exports {
    folder: tempfile::TempDir,
    plan: Plan,
}

static EXPORTS: LazyLock<Exports> = LazyLock::new(|| {
    let plan = Plan { identities: IDENTITIES, ..Plan::new(NOW) };
    let folder = folder::temporary().unwrap();
    assert!(demo::exports::write(&plan, folder.path()).unwrap() > 100);
    Exports { folder, plan }
});

/// What the sources of one connector state in the plan.
fn planned(connector: &str) -> Batch {
    let mut all = Batch::default();
    for source in SOURCES.iter().filter(|source| source.connector == connector) {
        demo::batches(&EXPORTS.plan, source).for_each(|batch| all.extend(batch));
    }
    all
}

fn read(connector: &Descriptor, below: &str) -> Batch {
    let folder = EXPORTS.folder.path().join(below);
    let settings = Settings::default().with("paths", [folder.display().to_string()]);
    let batch = folder::discover(connector, Path::new("/"), &settings).unwrap();
    let gaps: Vec<_> = batch.coverage.iter().flat_map(|coverage| &coverage.gaps).collect();
    assert!(gaps.is_empty(), "{gaps:#?}");
    batch
}

/// System, instance and native id, by which two sources know that they speak of one thing.
fn identities(batch: &Batch, kinds: &[&str]) -> BTreeSet<(String, String, String)> {
    let name = |it: &Identity| (it.system.to_string(), it.instance.clone(), it.native_id.clone());
    batch.identities.iter().filter(|it| kinds.contains(&it.kind.as_ref())).map(name).collect()
}

fn credentials(batch: &Batch, kind: &str) -> BTreeSet<(String, String)> {
    let name = |it: &Credential| (it.system.to_string(), it.native_id.clone());
    batch.credentials.iter().filter(|it| it.kind == kind).map(name).collect()
}

#[track_caller]
fn check<T: Ord + std::fmt::Debug>(what: &str, planned: &BTreeSet<T>, read: &BTreeSet<T>) {
    assert!(!planned.is_empty(), "nothing was planned of {what}: the plan is too small");
    let missing: Vec<_> = planned.difference(read).take(5).collect();
    let extra: Vec<_> = read.difference(planned).take(5).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{what}: {} planned, {} read; missing {missing:#?}, not planned {extra:#?}",
        planned.len(),
        read.len(),
    );
}

#[test]
fn terraform_states() {
    let (planned, read) =
        (planned("terraform"), read(&connectors::terraform::DESCRIPTOR, "terraform"));
    for kind in ["iam-role", "iam-user"] {
        let declared = Batch {
            identities: read
                .identities
                .iter()
                .filter(|identity| identity.authority != model::Authority::Mentioned)
                .cloned()
                .collect(),
            ..Batch::default()
        };
        check(kind, &identities(&planned, &[kind]), &identities(&declared, &[kind]));
    }
    check("access keys", &credentials(&planned, "access-key"), &credentials(&read, "access-key"));
}

#[test]
fn hosts() {
    let planned = planned("host");
    let machines = identities(&planned, &["host"]);
    let mut n_accounts = 0;
    for machine in planned.identities.iter().filter(|identity| identity.kind == "host") {
        let root = EXPORTS.folder.path().join("hosts").join(&machine.name);
        let read = folder::discover_on(
            &machine.native_id,
            &connectors::host::DESCRIPTOR,
            &root,
            &Settings::default(),
        )
        .unwrap();
        let here: BTreeSet<_> = identities(&planned, &["service-account"])
            .into_iter()
            .filter(|(_, instance, _)| *instance == machine.native_id)
            .collect();
        n_accounts += here.len();
        // Every Linux has these.
        let mut accounts = identities(&read, &["service-account", "system-account"]);
        accounts.retain(|(_, _, name)| {
            !["root", "daemon", "www-data", "nobody"].contains(&name.as_str())
        });
        if !here.is_empty() || !accounts.is_empty() {
            check(&machine.name, &here, &accounts);
        }
        let units = identities(&read, &["systemd-service"]);
        assert_eq!(units.len(), here.len(), "one unit for each account of {}", machine.name);
        let of_here = |instance: &str| *instance == machine.native_id;
        let sudo: BTreeSet<_> = planned
            .grants
            .iter()
            .filter(|grant| of_here(&grant.instance) && grant.kind == "sudo")
            .map(|grant| grant.identity)
            .collect();
        // The id of an account is the same for both, so its rights can be compared by it.
        let read_sudo: BTreeSet<_> = read
            .grants
            .iter()
            .filter(|grant| grant.kind == "sudo" && here_has(&read, grant.identity, &here))
            .map(|grant| grant.identity)
            .collect();
        assert_eq!(sudo, read_sudo, "who may use sudo on {}", machine.name);
    }
    assert!(machines.len() > 3 && n_accounts > 10, "the plan is too small");
}

fn here_has(
    read: &Batch,
    id: model::IdentityId,
    here: &BTreeSet<(String, String, String)>,
) -> bool {
    read.identities.iter().any(|identity| {
        identity.id == id && here.iter().any(|(_, _, name)| *name == identity.native_id)
    })
}

#[test]
fn repositories() {
    let planned = planned("repository");
    let read = read(&connectors::repository::DESCRIPTOR, "repositories");
    let names = |batch: &Batch| -> BTreeSet<String> {
        identities(batch, &["ci-pipeline"]).into_iter().map(|(_, _, name)| name).collect()
    };
    check("pipelines", &names(&planned), &names(&read));
    let named = |batch: &Batch| -> BTreeSet<String> {
        credentials(batch, "ci-secret").into_iter().map(|(_, name)| name).collect()
    };
    check("names of secrets", &named(&planned), &named(&read));
    check("secrets in files", &planned_in_files(&planned), &read_in_files(&read));
}

/// How many credentials lie in each file of a checkout.
fn planned_in_files(planned: &Batch) -> BTreeSet<(String, usize)> {
    let repositories: BTreeMap<_, _> =
        planned.places.iter().map(|place| (place.id, &place.native_id)).collect();
    let path = |place: &Place| {
        let path = place.path.trim_start_matches("./");
        Some(format!("{}/{path}", repositories.get(&place.container?)?))
    };
    in_files(planned, path)
}

fn read_in_files(read: &Batch) -> BTreeSet<(String, usize)> {
    in_files(read, |place| Some(place.path.clone()))
}

fn in_files(batch: &Batch, path: impl Fn(&Place) -> Option<String>) -> BTreeSet<(String, usize)> {
    let files: BTreeMap<_, _> = batch
        .places
        .iter()
        .filter(|place| place.kind == "file")
        .filter_map(|place| Some((place.id, path(place)?)))
        .collect();
    let mut counts: BTreeMap<&String, usize> = files.values().map(|path| (path, 0)).collect();
    for credential in &batch.credentials {
        let places: BTreeSet<_> = credential.places.iter().map(|stored| stored.place).collect();
        for path in places.iter().filter_map(|place| files.get(place)) {
            *counts.entry(path).or_default() += 1;
        }
    }
    counts.into_iter().map(|(path, n)| (path.clone(), n)).collect()
}

#[test]
fn kubernetes_lists() {
    let planned = planned("kubernetes");
    let read = read(&connectors::repository::DESCRIPTOR, "kubernetes");
    let names = |batch: &Batch| -> BTreeSet<String> {
        let accounts = identities(batch, &["k8s-service-account"]).into_iter();
        accounts.map(|(_, _, name)| name).collect()
    };
    check("service accounts", &names(&planned), &names(&read));
}
