//! Data folders: held, newer, damaged, full, read-only, copied and put back.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use model::{Batch, Time};
use store::{AuditEntry, AuditPhase, Error, OpenError, Store};

use crate::world::{at, complete, identity, names, scope, source, sync};

fn one(name: &str) -> Batch {
    let etc = scope("/etc");
    Batch {
        identities: vec![identity(name, etc.id)],
        coverage: vec![complete(&etc)],
        ..Batch::default()
    }
}

fn entry() -> AuditEntry {
    AuditEntry {
        at: at(1),
        actor: "ada".into(),
        act: "source.add".into(),
        subject: "here".into(),
        phase: AuditPhase::Before,
        detail: serde_json::json!({ "connector": "host" }),
    }
}

#[test]
fn a_held_folder_names_its_holder_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Store::open(&data, "tutela up", at(0)).unwrap();
    let Err(OpenError::Held { holder, .. }) = Store::open(&data, "tutela scan", at(1)) else {
        panic!("opened twice")
    };
    let expected =
        format!("`tutela up`, process {}, since 1970-01-01T00:00:00Z", std::process::id());
    assert_eq!(holder, expected);
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in data.read_dir().unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
    drop(first);
    Store::open(&data, "tutela scan", at(2)).unwrap();
}

#[test]
fn what_was_kept_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "tests", at(0)).unwrap();
    let here = source(&store, "here");
    sync(&store, here, one("a"), at(1));
    store.append_audit(&entry()).unwrap();
    drop(store);
    let store = Store::open(folder.path(), "tests", at(2)).unwrap();
    assert_eq!(names(&store, None), ["a"]);
    assert_eq!(store.audit(None, 10).unwrap()[0].entry, entry());
    assert_eq!(sync(&store, here, one("a"), at(3)).identities.unchanged, 1);
}

#[test]
fn a_damaged_database_is_refused_in_words() {
    for (name, bytes) in [("estate.db", "not a database"), ("audit.db", "nor is this one, by far")]
    {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes.repeat(100)).unwrap();
        let error = Store::open(folder.path(), "tests", at(0)).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains("tutela restore"), "{error}");
    }
}

#[test]
fn a_full_disk_fails_the_sync_and_keeps_what_stood() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), "tests", at(0)).unwrap();
    let here = source(&store, "here");
    sync(&store, here, one("a"), at(1));
    let etc = scope("/etc");
    let many = Batch {
        identities: (0..2_000).map(|n| identity(&format!("new-{n}"), etc.id)).collect(),
        ..Batch::default()
    };
    store.limit_pages(2).unwrap();
    let mut writer = store.begin_sync(here, at(2)).unwrap();
    writer.put(&many).unwrap();
    let error = writer.publish(at(2)).unwrap_err();
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert_eq!(names(&store, None), ["a"]);
    store.limit_pages(100_000).unwrap();
    assert_eq!(sync(&store, here, many, at(3)).identities.added, 2_000);
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&file.join("data"), "tests", at(0)).unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
}

#[test]
fn a_backup_is_checked_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let store = Store::open(&data, "tests", at(0)).unwrap();
    let here = source(&store, "here");
    sync(&store, here, one("a"), at(1));
    store.append_audit(&entry()).unwrap();
    let manifest = store.backup(&copy, at(2)).unwrap();
    assert!(matches!(store.backup(&copy, at(2)), Err(Error::File { .. })), "never over another");
    sync(&store, here, one("b"), at(3));
    assert!(Store::restore(&copy, &data, "tests", at(4)).is_err(), "the folder is in use");

    let fresh = folder.path().join("fresh");
    assert_eq!(Store::restore(&copy, &fresh, "tests", at(4)).unwrap(), manifest);
    let restored = Store::open(&fresh, "tests", at(5)).unwrap();
    assert_eq!(names(&restored, None), ["a"]);
    assert_eq!(restored.audit(None, 10).unwrap().len(), 1);
    drop(restored);
    assert!(Store::restore(&copy, &fresh, "tests", at(6)).is_err(), "the folder holds something");

    let path = copy.join("estate.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let other = folder.path().join("other");
    let error = Store::restore(&copy, &other, "tests", at(7)).unwrap_err();
    assert!(error.to_string().contains("manifest"), "{error}");
}

/// A folder of another user, or the root folder where this test may not make one.
fn foreign(folder: &Path) -> PathBuf {
    if !rustix::process::geteuid().is_root() {
        return PathBuf::from("/");
    }
    let other = folder.join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::set_permissions(&other, Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&other, Some(65534), Some(65534)).unwrap();
    other
}

#[test]
fn a_folder_of_another_user_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let other = foreign(folder.path());
    let error = Store::open(&other, "tests", at(0)).unwrap_err();
    assert!(matches!(error, OpenError::ForeignOwner { .. }), "{error:?}");
    assert!(error.to_string().contains("run it as that user"), "{error}");
    let store = Store::in_memory(at(0)).unwrap();
    let error = store.backup(&other, at(0)).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
}

#[test]
fn a_folder_that_others_can_change_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, Permissions::from_mode(0o775)).unwrap();
    let error = Store::open(&data, "tests", at(0)).unwrap_err();
    assert!(error.to_string().contains("chmod go-w"), "{error}");
    Store::in_memory(at(0)).unwrap().backup(&data, at(0)).unwrap_err();
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o775);
    assert_eq!(data.read_dir().unwrap().count(), 0);
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    Store::open(&data, "tests", at(0)).unwrap();
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o755, "not ours to set");
}

#[test]
fn a_file_of_the_data_folder_is_no_link() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("victim"), "keep").unwrap();
    let data = folder.path().join("data");
    Store::open(&data, "tests", at(0)).unwrap();
    for name in ["lock", "estate.db"] {
        std::fs::remove_file(data.join(name)).unwrap();
        std::os::unix::fs::symlink(folder.path().join("victim"), data.join(name)).unwrap();
        Store::open(&data, "tests", at(0)).unwrap_err();
        std::fs::remove_file(data.join(name)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("victim")).unwrap(), "keep");
}

#[test]
fn a_backup_that_others_can_write_is_not_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    Store::in_memory(at(0)).unwrap().backup(&copy, at(1)).unwrap();
    let restore = |n: u32| {
        Store::restore(&copy, &folder.path().join(n.to_string()), "tests", at(2)).map(drop)
    };
    restore(0).unwrap();
    for (n, path) in (1..).zip([copy.clone(), copy.join("estate.db"), copy.join("manifest.json")]) {
        let mode = path.metadata().unwrap().permissions();
        std::fs::set_permissions(&path, Permissions::from_mode(0o722)).unwrap();
        let error = restore(n).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{error}");
        std::fs::set_permissions(&path, mode).unwrap();
    }
    restore(4).unwrap();
}

#[test]
fn a_store_in_memory_can_be_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory(Time::default()).unwrap();
    source(&store, "here");
    store.backup(&folder.path().join("copy"), at(1)).unwrap();
}
