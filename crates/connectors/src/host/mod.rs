//! Accounts, services, jobs, SSH and TLS of a Linux host, read from its files.
//!
//! Each area is its own scope and its own file: it reads (`read`), then states records from what it
//! read (`normalize`, pure). Nothing is executed and no service is asked, so a mounted image or a
//! backup gives the same records as the live machine. Start with [`read_everything`].

mod accounts;
mod credstore;
mod cron;
mod groups;
mod kerberos;
mod names;
mod reading;
mod secrets;
mod ssh;
mod sshd;
mod sudo;
mod sudoers;
mod systemd;
mod tls;
mod unit_file;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use credentials::pkcs12::Rounds;
use model::{Batch, Fact, Gap, GapReason, Identity, Scope, Value};

use self::names::Names;
use self::reading::{Files, Reader};
use crate::contract::{Descriptor, Outbox, Permission, Request, Setting, SettingKind, SourceError};
use crate::files::Tree;
use crate::outlet;

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "host",
    title: "Linux host",
    summary: "Accounts, services, jobs, sudo rights, SSH, TLS and Kerberos of a Linux host, from its files.",
    settings: &[
        Setting {
            name: "paths",
            kind: SettingKind::Paths,
            default: "",
            help: "More folders or files with certificates and keys, as seen from the machine's root",
        },
        Setting {
            name: "max_files",
            kind: SettingKind::Number,
            default: "100000",
            help: "Stop after this many files and report the rest as not read",
        },
    ],
    permissions: &[
        Permission {
            name: "read system files",
            reads: "/etc/passwd, unit files, cron tables, public keys and certificates",
            grant: "none needed: every account of the host may read them",
        },
        Permission {
            name: "read protected files",
            reads: "/etc/shadow, /etc/sudoers, crontabs, other people's ~/.ssh, private keys, keytabs",
            grant: "setcap cap_dac_read_search+ep \"$(command -v tutela)\", or run as root",
        },
    ],
    kinds: &[],
    discover,
    test,
};

fn discover(request: &Request<'_>, out: Outbox<'_>) -> Result<(), SourceError> {
    let tree = open(request)?;
    let mut batch = read_everything(&tree, request);
    if request.is_cancelled() {
        return Err(SourceError::Cancelled);
    }
    outlet::settle(&mut batch);
    out(batch);
    Ok(())
}

fn test(request: &Request<'_>) -> Result<String, SourceError> {
    let tree = open(request)?;
    let budget = Cell::new(reading::MAX_FILES);
    let files = Files::new(&tree);
    let mut reader = Reader::new(&files, request, &budget, accounts::scope(&request.machine.id));
    let accounts = accounts::read(&mut reader);
    let refused = match reader.coverage.denied {
        0 => "",
        _ => "; some files need root",
    };
    Ok(format!("{} accounts{refused}", accounts.rows.len()))
}

fn open(request: &Request<'_>) -> Result<Tree, SourceError> {
    Tree::open(&request.machine.root).map_err(|gap| {
        SourceError::NotFound(format!("`{}`: {}", gap.locus, gap.detail.unwrap_or_default()))
    })
}

/// Reads every area, then states everything in one batch: areas speak of each other's things.
fn read_everything(tree: &Tree, request: &Request<'_>) -> Batch {
    let machine = request.machine.id.as_str();
    let budget = Cell::new(request.settings.number("max_files").unwrap_or(reading::MAX_FILES));
    let rounds = Rounds::default();
    let names = |reader: &Reader<'_>| Names {
        machine,
        scope: reader.coverage.scope.id,
        now: request.now,
        fingerprinter: request.fingerprinter,
        rounds: &rounds,
    };
    let mut batch = Batch::default();

    // Accounts are read first and stated after SSH is read: a key that signs in to an account is a
    // reason to think that a person uses it.
    let roots = Files::new(tree);
    let mut accounts_reader = Reader::new(&roots, request, &budget, accounts::scope(machine));
    let accounts = accounts::read(&mut accounts_reader);
    let files = Files::new(tree).with_homes(&accounts);
    let reader = |scope: Scope| Reader::new(&files, request, &budget, scope);
    let mut ssh_reader = reader(ssh::scope(machine));
    let ssh = ssh::read(&mut ssh_reader, &accounts);
    batch.extend(accounts::normalize(&accounts, &ssh.keys_by_account, names(&accounts_reader)));
    let accounts_names = names(&accounts_reader);
    batch.identities.push(host(&mut accounts_reader, accounts_names));
    finish(&mut batch, accounts_reader, Batch::default(), Vec::new());
    let (of_ssh, gaps) = ssh::normalize(&ssh, &accounts, names(&ssh_reader));
    finish(&mut batch, ssh_reader, of_ssh, gaps);

    let mut units_reader = reader(systemd::scope(machine));
    let units = systemd::read(&mut units_reader, &accounts);
    let of_units = systemd::normalize(&units, &accounts, names(&units_reader));
    finish(&mut batch, units_reader, of_units, Vec::new());

    let mut cron_reader = reader(cron::scope(machine));
    let jobs = cron::read(&mut cron_reader);
    let of_cron = cron::normalize(&jobs, &accounts, names(&cron_reader));
    finish(&mut batch, cron_reader, of_cron, Vec::new());

    let mut sudo_reader = reader(sudo::scope(machine));
    let policy = sudo::read(&mut sudo_reader);
    let (of_sudo, gaps, is_truncated) = sudo::normalize(&policy, &accounts, names(&sudo_reader));
    sudo_reader.coverage.truncated |= is_truncated;
    finish(&mut batch, sudo_reader, of_sudo, gaps);

    let mut kerberos_reader = reader(kerberos::scope(machine));
    let keytabs = kerberos::read(&mut kerberos_reader);
    let (of_kerberos, gaps) = kerberos::normalize(&keytabs, names(&kerberos_reader));
    finish(&mut batch, kerberos_reader, of_kerberos, gaps);

    let mut tls_reader = reader(tls::scope(machine));
    let folders = tls::folders(&mut tls_reader);
    let found = tls::read(&mut tls_reader, folders);
    let (of_tls, gaps) = tls::normalize(&found, names(&tls_reader));
    finish(&mut batch, tls_reader, of_tls, gaps);
    for path in request.settings.list("paths") {
        let mut path_reader = reader(tls::scope_of_path(machine, path));
        if !path_reader.exists(Path::new(path)) {
            path_reader.coverage.miss(Gap::new(path, GapReason::NotFound));
        }
        let found = tls::read(&mut path_reader, vec![PathBuf::from(path)]);
        let (of_path, gaps) = tls::normalize(&found, names(&path_reader));
        finish(&mut batch, path_reader, of_path, gaps);
    }

    // After the certificates and keys, whose own area leads where a service is handed one.
    let mut stores_reader = reader(credstore::scope(machine));
    let stores = credstore::read(&mut stores_reader, &units);
    let of_stores = credstore::normalize(&stores, &units, names(&stores_reader));
    finish(&mut batch, stores_reader, of_stores, Vec::new());
    batch
}

/// Adds what an area stated, and what it could not read.
fn finish(batch: &mut Batch, mut reader: Reader<'_>, of_area: Batch, gaps: Vec<Gap>) {
    for gap in gaps {
        reader.coverage.miss(gap);
    }
    batch.extend(of_area);
    batch.coverage.push(reader.coverage);
}

/// The machine itself.
fn host(reader: &mut Reader<'_>, names: Names<'_>) -> Identity {
    let mut release = reader.optional(Path::new("/etc/os-release"));
    if release.is_none() {
        release = reader.optional(Path::new("/usr/lib/os-release"));
    }
    let mut host = names.host();
    reader.request.machine.name.clone_into(&mut host.name);
    host.enabled = Fact::known(true);
    let title = release.as_ref().and_then(|file| {
        let text = file.text();
        let title = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(title.trim_matches('"').to_owned())
    });
    if let Some(file) = release {
        host.loci.push(file.path);
    }
    host.fact("operating_system", Fact::stated(title.map(Value::from)));
    host
}
