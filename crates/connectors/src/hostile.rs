//! Every format in every form that a careless writer, a full disk or an enemy gives it: no reader
//! crashes, hangs or floods, and what could not be read is a gap with its path.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use model::Gap;
use rustix::fs::{CWD, FileType, Mode};

use crate::canary;

/// Puts every file of the corpus below a new root by `put`, reads everything, and gives the gaps.
fn gaps_of(put: &dyn Fn(&Path, &[u8])) -> Vec<Gap> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in canary::files() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        put(&path, text.as_bytes());
    }
    let read = canary::read_all(folder.path(), &|_| {});
    let batches = read.into_iter().map(|(_, batch, _)| batch);
    batches.flat_map(|batch| batch.coverage).flat_map(|coverage| coverage.gaps).collect()
}

#[test]
fn contents_that_are_not_what_their_name_says() {
    let check = |spoil: &dyn Fn(&[u8]) -> Vec<u8>| {
        let gaps = gaps_of(&|path, bytes| std::fs::write(path, spoil(bytes)).unwrap());
        for gap in gaps {
            assert!(!gap.locus.is_empty() && gap.detail.is_some(), "{gap:?}");
            assert_ne!(gap.detail.as_deref(), Some("a fault in Tutela; please report it"));
        }
    };
    check(&|_| Vec::new());
    for sixteenth in 1..16 {
        check(&|bytes| bytes[..bytes.len() * sixteenth / 16].to_vec());
    }
    let with = |before: &[u8], what: &[u8], after: &[u8]| [before, what, after].concat();
    let long = "x".repeat(512 << 10);
    check(&|bytes| with(bytes, long.as_bytes(), b""));
    check(&|bytes| with(long.as_bytes(), bytes, b""));
    for part in ["[", "{\"a\":", "- ", "<a>", "(", "{{", "-----BEGIN "] {
        check(&|_| part.repeat(20_000).into_bytes());
        check(&|bytes| with(bytes, part.repeat(2_000).as_bytes(), b""));
    }
    let middle = |bytes: &[u8], what: &[u8]| {
        let (one, other) = bytes.split_at(bytes.len() / 2);
        with(one, what, other)
    };
    check(&|bytes| middle(bytes, b"\xff\xfe\xc3\x28"));
    check(&|bytes| middle(bytes, b"\0\0\0"));
    check(&|bytes| bytes.iter().flat_map(|byte| [*byte, 0]).collect());
    check(&|bytes| bytes.iter().map(|byte| byte ^ 0x80).collect());
    check(&|bytes| with(b"\xef\xbb\xbf", bytes, b""));
    check(&|bytes| bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]));
    check(&|bytes| bytes.repeat(10));
}

/// Without these nothing asks for the others: accounts, a unit and a pipeline.
const KEPT: &[&str] =
    &["etc/passwd", "system/app.service", "shop/.gitlab-ci.yml", "ssh/sshd_config"];

/// Files of the corpus that no gap tells of, by what was put in their place.
fn untold(put: &dyn Fn(&Path)) -> Vec<String> {
    let gaps = gaps_of(&|path, bytes| {
        if KEPT.iter().any(|kept| path.ends_with(kept)) {
            std::fs::write(path, bytes).unwrap();
        } else {
            put(path);
        }
    });
    let loci: BTreeSet<&str> = gaps.iter().map(|gap| gap.locus.trim_start_matches('/')).collect();
    let is_told = |path: &str| {
        let within = ["src/shop/", "src/infra/"].iter().find_map(|base| path.strip_prefix(base));
        loci.contains(path) || within.is_some_and(|path| loci.contains(path))
    };
    let files = canary::files().into_iter().map(|(path, _)| path);
    let files = files.filter(|path| !KEPT.iter().any(|kept| Path::new(path).ends_with(kept)));
    files.filter(|path| !is_told(path)).collect()
}

#[test]
fn things_that_are_no_files() {
    let make = |kind: FileType, path: &Path, device: u64| {
        rustix::fs::mknodat(CWD, path, kind, Mode::RUSR | Mode::WUSR, device)
    };
    let fifo = |path: &Path| make(FileType::Fifo, path, 0).unwrap();
    assert_eq!(untold(&fifo), [""; 0]);
    let socket = |path: &Path| make(FileType::Socket, path, 0).unwrap();
    assert_eq!(untold(&socket), untold(&fifo));
    let folder = tempfile::tempdir().unwrap();
    if make(FileType::CharacterDevice, &folder.path().join("zero"), rustix::fs::makedev(1, 5))
        .is_ok()
    {
        let zero = |path: &Path| {
            make(FileType::CharacterDevice, path, rustix::fs::makedev(1, 5)).unwrap();
        };
        assert_eq!(untold(&zero), untold(&fifo));
    } else {
        println!("skipped: only root may make devices");
    }
    let endless = |path: &Path| {
        std::os::unix::fs::symlink(path.file_name().unwrap(), path).unwrap();
    };
    // A checkout's links are not followed at all, and not a gap.
    let untold_links = untold(&endless);
    let elsewhere: Vec<_> =
        untold_links.iter().filter(|path| !path.starts_with("src/shop/")).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    untold(&|path| std::fs::create_dir_all(path).unwrap());
    let huge = |path: &Path| {
        let file = std::fs::File::create(path).unwrap();
        file.set_len(1 << 40).unwrap();
    };
    assert_eq!(untold(&huge), [""; 0]);
}

#[test]
fn what_nobody_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let refuse = |path: &Path| {
        std::fs::write(path, "x").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o0)).unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    refuse(&folder.path().join("x"));
    if std::fs::read(folder.path().join("x")).is_ok() {
        println!("skipped: this account (root?) may read what nobody may");
        return;
    }
    assert_eq!(untold(&refuse), [""; 0]);
}

/// Files that become longer and shorter all the time they are read.
#[test]
fn files_that_do_not_hold_still() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (path, text) in canary::files() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text.repeat(20)).unwrap();
        files.push((std::fs::File::options().write(true).open(path).unwrap(), text.len() as u64));
    }
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_u64;
            while !is_done.load(Ordering::Relaxed) {
                for (file, len) in &files {
                    n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    file.set_len((n >> 33) % (len * 40)).unwrap();
                }
            }
        });
        for _ in 0..5 {
            canary::read_all(folder.path(), &|_| {});
        }
        is_done.store(true, Ordering::Relaxed);
    });
}
