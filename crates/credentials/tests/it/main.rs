//! What is read of whole files, as one table: a file made by OpenSSL or OpenSSH goes into
//! `fixtures/`, what was understood of it stands in the snapshot.
//!
//! Private keys there are made for these tests and have `@@` for `-----`, so that no scanner takes
//! them for real ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says what went wrong by panicking"
)]

mod recognise;
mod ssh;

use std::path::Path;

use credentials::{keys, pkcs12, ssh as ssh_files, x509};

fn fixtures(ending: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.ends_with(ending))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|(name, path)| {
            let bytes = std::fs::read(path).unwrap();
            let bytes = match String::from_utf8(bytes) {
                Ok(text) => text.replace("@@", "-----").into_bytes(),
                Err(binary) => binary.into_bytes(),
            };
            (name, bytes)
        })
        .collect()
}

#[test]
fn certificates() {
    let read: Vec<_> = fixtures("")
        .into_iter()
        .map(|(name, bytes)| (name, x509::certificates(&bytes)))
        .filter(|(_, (found, problems))| !found.is_empty() || !problems.is_empty())
        .collect();
    insta::assert_debug_snapshot!(read);
}

#[test]
fn private_keys() {
    let read: Vec<_> = fixtures("")
        .into_iter()
        .map(|(name, bytes)| (name, keys::private_keys(&bytes)))
        .filter(|(_, (found, problems))| !found.is_empty() || !problems.is_empty())
        .collect();
    insta::assert_debug_snapshot!(read);
}

#[test]
fn ssh_public_keys() {
    let read: Vec<_> = fixtures(".pub")
        .into_iter()
        .map(|(name, bytes)| (name, ssh_files::public_key(std::str::from_utf8(&bytes).unwrap())))
        .collect();
    insta::assert_debug_snapshot!(read);
}

#[test]
fn key_stores() {
    let shown = |bytes: &[u8]| {
        let store = pkcs12::read(bytes, &pkcs12::Rounds::default())?;
        let certificates: Vec<_> = store.certificates.iter().map(|it| it.subject.clone()).collect();
        let spki = store.certificates.first().map(|it| it.spki_sha256.clone());
        let keys: Vec<_> = store
            .keys
            .iter()
            .map(|it| {
                let meets = it.spki_sha256.is_some() && it.spki_sha256 == spki;
                format!("{} {:?} encrypted {} meets {meets}", it.format, it.algorithm, it.encrypted)
            })
            .collect();
        Ok((store.format, store.encrypted, store.aliases, certificates, keys))
    };
    let read: Vec<Result<_, String>> = ["p12", "jks"]
        .into_iter()
        .flat_map(fixtures)
        .map(|(name, bytes)| shown(&bytes).map(|it| (name, it)))
        .collect();
    insta::assert_debug_snapshot!(read);
}

#[test]
fn every_cut_of_a_store_is_refused_or_read_in_part() {
    for (_, bytes) in ["clear.p12", "key.jks"].into_iter().flat_map(fixtures) {
        for n in 0..bytes.len() {
            let cut = pkcs12::read(&bytes[..n], &pkcs12::Rounds::default());
            assert!(cut.is_err(), "{n}");
        }
    }
}

/// However many stores there are, the work of opening them has an end, and is said to have.
#[test]
fn stores_share_the_rounds_of_their_source() {
    let store = fixtures("empty-password.p12").remove(0).1;
    let rounds = pkcs12::Rounds::new(10_000);
    let read: Vec<_> = (0..4).map(|_| pkcs12::read(&store, &rounds).unwrap()).collect();
    let costly: Vec<_> = read.iter().map(|it| it.is_too_costly).collect();
    assert_eq!(costly, [false, false, true, true]);
    assert!(read.iter().all(|it| it.is_too_costly == it.certificates.is_empty()));
    let alone = fixtures("many-rounds.p12").remove(0).1;
    assert!(pkcs12::read(&alone, &pkcs12::Rounds::default()).unwrap().is_too_costly);
}

#[test]
fn a_key_and_its_certificate_meet() {
    let check = |certificate: &str, key: &str| {
        let bytes = |name: &str| fixtures(name).remove(0).1;
        let certificate = x509::certificates(&bytes(certificate)).0.remove(0);
        let key = keys::private_keys(&bytes(key)).0.remove(0);
        assert_eq!(key.spki_sha256, Some(certificate.spki_sha256));
    };
    check("rsa.crt", "rsa-pkcs1.key");
    check("ec.crt", "ec-sec1.key");
    check("weak.crt", "weak.key");
}
