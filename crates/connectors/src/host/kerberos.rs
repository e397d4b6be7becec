//! Kerberos keytabs: keys of services that open their tickets without a password.

use std::path::Path;

use credentials::keytab;
use model::{Batch, Fact, Gap, GapReason, Scope};

use super::names::Names;
use super::reading::{File, Reader, name_of};
use crate::files::Meta;
use crate::material;

/// Folders whose `*.keytab` files are read; folders within them are not.
const FOLDERS: &[&str] = &[
    "/etc",
    "/etc/security/keytabs",
    "/etc/krb5",
    "/etc/krb5kdc",
    "/etc/apache2",
    "/etc/httpd",
    "/etc/httpd/conf",
    "/etc/nginx",
    "/etc/dovecot",
    "/etc/postgresql",
    "/etc/samba",
    "/etc/squid",
    "/etc/sssd",
    "/var/kerberos/krb5",
    "/var/lib/krb5kdc",
    "/var/lib/ipa/gssproxy",
    "/var/lib/sss/keytabs",
    "/var/lib/samba/private",
    "/var/lib/gssproxy/clients",
];
/// Each folder right below this is looked into as well.
const STATE: &str = "/var/lib";

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new("kerberos", machine, "kerberos", "Kerberos keytabs")
}

pub(super) fn read(reader: &mut Reader<'_>) -> Vec<File> {
    let mut folders: Vec<_> = FOLDERS.iter().map(|path| Path::new(path).to_owned()).collect();
    for entry in reader.list(Path::new(STATE)) {
        let is_folder = reader.meta(&entry.path).is_some_and(Meta::is_folder);
        if is_folder && !folders.contains(&entry.path) {
            folders.push(entry.path);
        }
    }
    let mut files = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for folder in folders {
        for entry in reader.list(&folder) {
            let name = name_of(&entry);
            let is_keytab = Path::new(&name).extension().is_some_and(|end| end == "keytab");
            if is_keytab
                && let Some(meta) = reader.meta(&entry.path)
                && meta.is_file()
                && seen.insert(meta.inode)
            {
                files.extend(reader.required(&entry.path));
            }
        }
    }
    files
}

pub(super) fn normalize(files: &[File], names: Names<'_>) -> (Batch, Vec<Gap>) {
    let mut batch = Batch::default();
    let mut gaps = Vec::new();
    for file in files {
        let place = names.place(&file.path, Some(file.meta));
        let at = names.at(&place, &file.path, Some(file.meta));
        match keytab::read(&file.bytes) {
            Ok(entries) => {
                for entry in &entries {
                    let (mut credential, identity) = material::keytab_entry(entry, at);
                    if file.path == "/etc/krb5.keytab" {
                        credential.fact("host_keytab", Fact::known(true));
                    }
                    batch.credentials.push(credential);
                    batch.identities.push(identity);
                }
                batch.places.push(place);
            }
            Err(problem) => gaps.push(Gap::new(&file.path, GapReason::Malformed).detail(problem)),
        }
    }
    (batch, gaps)
}
