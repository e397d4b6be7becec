//! Accounts, services, jobs, SSH and TLS of a Linux host, read from its files.
//!
//! Each area is its own scope and its own file: it reads (`read`), then states records from what it
//! read (`normalize`, pure). Nothing is executed and no service is asked, so a mounted image or a
//! backup gives the same records as the live machine. Start with [`read_everything`].

mod accounts;
mod credstore;
mod cron;
mod groups;
mod names;
mod reading;
mod secrets;
mod sudo;
mod sudoers;
mod systemd;
mod unit_file;

use std::cell::Cell;

use model::{Batch, Scope};

use self::names::Names;
use self::reading::Reader;
use crate::contract::{Descriptor, Outbox, Permission, Request, Setting, SettingKind, SourceError};
use crate::files::Tree;

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "host",
    title: "Linux host",
    summary: "Accounts, services, jobs, sudo rights, SSH, TLS and Kerberos of a Linux host, from its files.",
    settings: &[
        Setting {
            name: "paths",
            kind: SettingKind::List,
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
    batch.settle();
    out(batch);
    Ok(())
}

fn test(request: &Request<'_>) -> Result<String, SourceError> {
    let tree = open(request)?;
    let budget = Cell::new(reading::MAX_FILES);
    let mut reader = Reader::new(&tree, request, &budget, accounts::scope(&request.machine.id));
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
    let reader = |scope: Scope| Reader::new(tree, request, &budget, scope);
    let names = |scope: &Scope| Names {
        machine,
        scope: scope.id,
        now: request.now,
        fingerprinter: request.fingerprinter,
    };
    let mut batch = Batch::default();

    let mut accounts_reader = reader(accounts::scope(machine));
    let accounts = accounts::read(&mut accounts_reader);
    let keys = accounts::KeysByAccount::new();
    let scope = &accounts_reader.coverage.scope;
    batch.extend(accounts::normalize(&accounts, &keys, names(scope)));
    batch.coverage.push(accounts_reader.coverage);

    let mut units_reader = reader(systemd::scope(machine));
    let units = systemd::read(&mut units_reader, &accounts);
    batch.extend(systemd::normalize(&units, &accounts, names(&units_reader.coverage.scope)));
    batch.coverage.push(units_reader.coverage);

    let mut stores_reader = reader(credstore::scope(machine));
    let stores = credstore::read(&mut stores_reader, &units);
    batch.extend(credstore::normalize(&stores, &units, names(&stores_reader.coverage.scope)));
    batch.coverage.push(stores_reader.coverage);

    let mut cron_reader = reader(cron::scope(machine));
    let jobs = cron::read(&mut cron_reader);
    batch.extend(cron::normalize(&jobs, &accounts, names(&cron_reader.coverage.scope)));
    batch.coverage.push(cron_reader.coverage);

    let mut sudo_reader = reader(sudo::scope(machine));
    let policy = sudo::read(&mut sudo_reader);
    let sudo_names = names(&sudo_reader.coverage.scope);
    let (rights, gaps, is_truncated) = sudo::normalize(&policy, &accounts, sudo_names);
    for gap in gaps {
        sudo_reader.coverage.miss(gap);
    }
    sudo_reader.coverage.truncated |= is_truncated;
    batch.extend(rights);
    batch.coverage.push(sudo_reader.coverage);
    batch
}
