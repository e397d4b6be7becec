//! systemd units: services as identities, timers as jobs, what they run as and what they are given.
//!
//! Here is what a unit is once it is put together, and how its assignments are asked for.
//! [`folders`] puts units together from their files; [`claims`] is what every unit states, and
//! [`service`] what a service does. The manager itself is never asked.

mod claims;
mod folders;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use model::{Batch, Gap, GapReason, Scope};

use self::folders::{FOLDERS, USER_FOLDERS, read_manager};
use self::service::Service;
use super::accounts::Accounts;
use super::names::{LINUX, Names};
use super::reading::{File, Reader};
use super::secrets::Secrets;
use super::unit_file::{self, unit_name};

/// A unit put together from its files.
#[derive(Debug)]
pub(super) struct Unit {
    pub name: String,
    /// Whose manager runs it; none for the system's.
    manager: Manager,
    /// The file it comes from; none when masked.
    pub file: Option<Rc<Parsed>>,
    drop_ins: Vec<Rc<Parsed>>,
    mask: Option<String>,
    aliases: Vec<String>,
    /// Targets that pull it in, and whether an administrator's link (in `/etc` or `/run`) says so.
    wanted_by: BTreeSet<String>,
    wanted_by_link: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Manager {
    System,
    /// Every person's own manager.
    EveryPerson,
    Account {
        name: String,
        /// What its units name is read only below this folder, the account's home: elsewhere we
        /// may read what the account may not. None for root.
        only_below: Option<PathBuf>,
    },
}

#[derive(Debug)]
pub(super) struct Parsed {
    /// Without its bytes.
    pub file: File,
    unit: unit_file::UnitFile,
}

/// An assignment with the file it stands in.
#[derive(Debug, Clone)]
pub(super) struct Assigned<'a> {
    pub value: &'a str,
    pub line: u32,
    pub file: &'a File,
}

#[derive(Debug, Default)]
pub(super) struct Units {
    pub units: Vec<Unit>,
    /// Files that `EnvironmentFile=` names, by path.
    environment: BTreeMap<String, File>,
}

/// A longer unit, drop-in or file of variables is not read: systemd takes no longer line.
const MAX_UNIT_BYTES: u64 = 1 << 20;
/// What is kept of the units of one account, and of the host itself: what does not fit is a gap.
const MAX_ACCOUNT_BYTES: usize = 32 << 20;
/// The same for all accounts together.
const MAX_ACCOUNTS_BYTES: usize = 256 << 20;
/// What an assignment or comment takes beside its text.
const ENTRY_BYTES: usize = 160;

/// How much of the units may still be kept.
#[derive(Debug, Default)]
struct Room {
    by_manager: BTreeMap<Manager, usize>,
    of_accounts: usize,
}

impl Room {
    fn take(&mut self, manager: &Manager, n_bytes: usize) -> bool {
        let of_manager = self.by_manager.entry(manager.clone()).or_default();
        let is_account = matches!(manager, Manager::Account { .. });
        let n_accounts = if is_account { n_bytes } else { 0 };
        let has_room = *of_manager + n_bytes <= MAX_ACCOUNT_BYTES
            && self.of_accounts + n_accounts <= MAX_ACCOUNTS_BYTES;
        if has_room {
            *of_manager += n_bytes;
            self.of_accounts += n_accounts;
        }
        has_room
    }

    /// Takes room for a file that was read; without any, that is a gap.
    fn keep(
        &mut self,
        manager: &Manager,
        path: &str,
        n_bytes: usize,
        reader: &mut Reader<'_>,
    ) -> bool {
        let has_room = self.take(manager, n_bytes);
        if !has_room {
            let detail = format!(
                "the units of one account are kept up to {} MiB, of all together up to {} MiB",
                MAX_ACCOUNT_BYTES >> 20,
                MAX_ACCOUNTS_BYTES >> 20
            );
            reader.coverage.miss(Gap::new(path, GapReason::TooLarge).detail(detail));
            reader.coverage.truncated = true;
        }
        has_room
    }
}

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new(LINUX, machine, "systemd", "systemd units")
}

pub(super) fn read(reader: &mut Reader<'_>, accounts: &Accounts) -> Units {
    let mut units = Units::default();
    let mut room = Room::default();
    let folders = FOLDERS.iter().map(PathBuf::from);
    units.units.extend(read_manager(reader, folders, &Manager::System, &mut room));
    let folders = USER_FOLDERS.iter().map(PathBuf::from);
    units.units.extend(read_manager(reader, folders, &Manager::EveryPerson, &mut room));
    let mut homes = BTreeSet::new();
    for account in &accounts.rows {
        let home = Path::new(&account.home);
        if home.is_absolute() && homes.insert(account.home.as_str()) {
            let folder = home.join(".config/systemd/user");
            let only_below = (account.uid != 0).then(|| home.to_owned());
            let manager = Manager::Account { name: account.name.clone(), only_below };
            let folder = std::iter::once(folder);
            units.units.extend(read_manager(reader, folder, &manager, &mut room));
        }
    }
    let mut paths = BTreeMap::new();
    for unit in &units.units {
        let mut n_refused = 0;
        for path in unit.environment_files() {
            if unit.may_name(&path) {
                paths.entry(path).or_insert(&unit.manager);
            } else {
                n_refused += 1;
            }
        }
        unit.refuse(n_refused, reader);
    }
    for (path, manager) in paths.into_iter().filter(|(path, _)| path.starts_with('/')) {
        if let Some(file) = reader.optional_within(Path::new(&path), MAX_UNIT_BYTES)
            && room.keep(manager, &file.path, file.bytes.len(), reader)
        {
            units.environment.insert(path, file);
        }
    }
    units
}

impl Unit {
    fn new(name: &str, manager: &Manager) -> Self {
        Self {
            name: name.to_owned(),
            manager: manager.clone(),
            file: None,
            drop_ins: Vec::new(),
            mask: None,
            aliases: Vec::new(),
            wanted_by: BTreeSet::new(),
            wanted_by_link: None,
        }
    }

    fn is(&self, unit_type: &str) -> bool {
        unit_name(&self.name).is_some_and(|name| name.unit_type == unit_type)
    }

    fn files(&self) -> impl Iterator<Item = &Parsed> {
        self.file.iter().chain(&self.drop_ins).map(Rc::as_ref)
    }

    /// The native id: people's own units are kept apart from the system's.
    pub(super) fn native_id(&self) -> String {
        match &self.manager {
            Manager::System => self.name.clone(),
            Manager::EveryPerson => format!("user/{}", self.name),
            Manager::Account { name, .. } => format!("user/{name}/{}", self.name),
        }
    }

    /// Whether what the unit names may be read for it: see [`Manager::Account`].
    pub(super) fn may_name(&self, path: &str) -> bool {
        match &self.manager {
            Manager::Account { only_below: Some(home), .. } => {
                let path = Path::new(path);
                path.starts_with(home) && !path.components().any(|it| it == Component::ParentDir)
            }
            _ => true,
        }
    }

    /// Tells that files which the unit names are not read for it.
    pub(super) fn refuse(&self, n_files: usize, reader: &mut Reader<'_>) {
        if let Some(parsed) = self.file.as_ref().filter(|_| n_files > 0) {
            let gap = Gap::new(&parsed.file.path, GapReason::NotRegular);
            let why = "outside the home of its account; those are not read in its name";
            reader.coverage.miss(gap.detail(format!("names {n_files} files {why}")));
        }
    }

    /// The paths that `EnvironmentFile=` names.
    fn environment_files(&self) -> Vec<String> {
        let Some(name) = unit_name(&self.name) else { return Vec::new() };
        let named = self.list("Service", "EnvironmentFile");
        let paths = named.iter().filter_map(|assigned| name.expand(assigned.value));
        paths.map(|path| path.trim_start_matches('-').to_owned()).collect()
    }

    /// Every assignment of a list, an empty one emptying it.
    pub(super) fn list(&self, section: &str, key: &str) -> Vec<Assigned<'_>> {
        let mut list = Vec::new();
        for parsed in self.files() {
            for entry in &parsed.unit.entries {
                if entry.section != section || entry.key != key {
                    continue;
                }
                if entry.value.is_empty() {
                    list.clear();
                } else {
                    let (value, line) = (entry.value.as_str(), entry.line);
                    list.push(Assigned { value, line, file: &parsed.file });
                }
            }
        }
        list
    }

    fn last(&self, section: &str, key: &str) -> Option<Assigned<'_>> {
        self.list(section, key).pop()
    }

    fn is_true(&self, key: &str) -> bool {
        self.last("Service", key)
            .is_some_and(|assigned| ["yes", "true", "on", "1"].contains(&assigned.value))
    }
}

pub(super) fn normalize(units: &Units, accounts: &Accounts, names: Names<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut secrets = Secrets::default();
    let activators = activators(units);
    let known: BTreeSet<(&Manager, &str)> =
        units.units.iter().map(|unit| (&unit.manager, unit.name.as_str())).collect();
    for unit in &units.units {
        let Some(name) = unit_name(&unit.name) else { continue };
        if unit.is("service") {
            let service =
                Service { unit, name, accounts, names, activators: &activators, known: &known };
            service.state(units, &mut secrets, &mut batch);
        } else if unit.is("timer") {
            claims::timer(unit, &known, names, &mut batch);
        }
    }
    secrets.state(names, &mut batch);
    batch
}

/// Which sockets, timers and paths start which service of the system's manager.
fn activators(units: &Units) -> BTreeMap<(Manager, String), Vec<&Unit>> {
    let mut activators: BTreeMap<_, Vec<&Unit>> = BTreeMap::new();
    for unit in units.units.iter().filter(|unit| unit.mask.is_none()) {
        if let Some(target) = activated(unit) {
            activators.entry((unit.manager.clone(), target)).or_default().push(unit);
        }
    }
    activators
}

/// The service that a socket, timer or path starts.
fn activated(unit: &Unit) -> Option<String> {
    let name = unit_name(&unit.name)?;
    let (section, key) = match name.unit_type {
        "socket" => ("Socket", "Service"),
        "timer" => ("Timer", "Unit"),
        "path" => ("Path", "Unit"),
        _ => return None,
    };
    match unit.last(section, key) {
        Some(assigned) => name.expand(assigned.value),
        None => Some(format!("{}.service", unit.name.rsplit_once('.')?.0)),
    }
}

fn is_vendor(path: &Path) -> bool {
    path.starts_with("/usr/lib") || path.starts_with("/lib")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_does_not_take_the_room_of_another() {
        let mut room = Room::default();
        let account = |n: usize| Manager::Account { name: n.to_string(), only_below: None };
        assert!(room.take(&account(1), MAX_ACCOUNT_BYTES));
        assert!(!room.take(&account(1), 1));
        assert!(room.take(&account(2), 1) && room.take(&Manager::System, MAX_ACCOUNT_BYTES));
        let n_full = (3..100).filter(|n| room.take(&account(*n), MAX_ACCOUNT_BYTES)).count();
        assert_eq!(n_full, MAX_ACCOUNTS_BYTES / MAX_ACCOUNT_BYTES - 2);
        assert!(room.take(&Manager::EveryPerson, 1));
    }
}
