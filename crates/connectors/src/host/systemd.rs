//! systemd units: services as identities, timers as jobs, what they run as and what they are given.
//!
//! Units are put together from their files as systemd does it (systemd.unit(5)): the first folder
//! in the order of precedence has the unit, drop-ins of every folder change it, a link to
//! `/dev/null` masks it. The manager itself is never asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use model::kinds;
use model::{
    Authority, Batch, Evidence, Fact, Gap, GapReason, Grant, Identity, IdentityId, Scope, Subject,
    Trust,
};

use super::accounts::Accounts;
use super::names::{LINUX, Names, addresses};
use super::reading::{File, Reader, name_of};
use super::secrets::{self, Secrets};
use super::unit_file::{self, UnitName, unit_name, words};
use super::{credstore, groups};
use crate::address::public_command;

/// Where units are looked for, most important first (systemd.unit(5), "Unit File Load Path").
const FOLDERS: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Units that the administrator of the host gives to every person's own manager.
const USER_FOLDERS: &[&str] = &["/etc/systemd/user"];

/// More units than this are not put together; the scope is then truncated.
const MAX_UNITS: usize = 50_000;

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

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new(LINUX, machine, "systemd", "systemd units")
}

pub(super) fn read(reader: &mut Reader<'_>, accounts: &Accounts) -> Units {
    let mut units = Units::default();
    units.units.extend(read_manager(reader, FOLDERS.iter().map(PathBuf::from), &Manager::System));
    let folders = USER_FOLDERS.iter().map(PathBuf::from);
    units.units.extend(read_manager(reader, folders, &Manager::EveryPerson));
    let mut homes = BTreeSet::new();
    for account in &accounts.rows {
        let home = Path::new(&account.home);
        if home.is_absolute() && homes.insert(account.home.as_str()) {
            let folder = home.join(".config/systemd/user");
            let only_below = (account.uid != 0).then(|| home.to_owned());
            let manager = Manager::Account { name: account.name.clone(), only_below };
            units.units.extend(read_manager(reader, std::iter::once(folder), &manager));
        }
    }
    let mut paths = BTreeSet::new();
    for unit in &units.units {
        let mut n_refused = 0;
        for path in unit.environment_files() {
            if unit.may_name(&path) {
                paths.insert(path);
            } else {
                n_refused += 1;
            }
        }
        unit.refuse(n_refused, reader);
    }
    for path in paths.into_iter().filter(|path| path.starts_with('/')) {
        if let Some(file) = reader.optional(Path::new(&path)) {
            units.environment.insert(path, file);
        }
    }
    units
}

/// What the folders of one manager hold, before drop-ins are added.
#[derive(Default)]
struct Found {
    units: BTreeMap<String, Unit>,
    aliases: Vec<(String, String)>,
    wants: Vec<(String, String, PathBuf)>,
    /// `<unit>.d` folders, in order of precedence.
    drop_in_folders: BTreeMap<String, Vec<PathBuf>>,
}

fn read_manager(
    reader: &mut Reader<'_>,
    folders: impl Iterator<Item = PathBuf>,
    manager: &Manager,
) -> Vec<Unit> {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for folder in folders {
        // `/lib` is a link to `/usr/lib` on most hosts: one folder, read once.
        if let Some(meta) = reader.meta(&folder)
            && meta.is_folder()
            && seen.insert(meta.inode)
        {
            read_folder(reader, &folder, manager, &mut found);
        }
    }
    for (target, name, _) in &found.wants {
        add_instance(&mut found.units, name, manager);
        if let Some(unit) = found.units.get_mut(name) {
            unit.wanted_by.insert(target.clone());
        }
    }
    for (_, name, link) in &found.wants {
        if let Some(unit) = found.units.get_mut(name)
            && !is_vendor(link)
        {
            unit.wanted_by_link.get_or_insert_with(|| crate::files::shown(link));
        }
        // A template is enabled, as systemctl says it, when one of its instances is.
        let template = unit_name(name).and_then(|name| name.template());
        if let Some(unit) = template.and_then(|template| found.units.get_mut(&template))
            && !is_vendor(link)
        {
            unit.wanted_by_link.get_or_insert_with(|| crate::files::shown(link));
        }
    }
    for (alias, target) in &found.aliases {
        add_instance(&mut found.units, target, manager);
        if let Some(unit) = found.units.get_mut(target) {
            unit.aliases.push(alias.clone());
        }
    }
    let mut cache = BTreeMap::new();
    let Found { units, drop_in_folders, .. } = found;
    let mut units: Vec<Unit> = units.into_values().collect();
    for unit in &mut units {
        if unit.mask.is_none() {
            unit.drop_ins = read_drop_ins(reader, &unit.name, &drop_in_folders, &mut cache);
        }
    }
    units
}

fn read_folder(reader: &mut Reader<'_>, folder: &Path, manager: &Manager, found: &mut Found) {
    for entry in reader.list(folder) {
        let name = name_of(&entry);
        if let Some(unit) = name.strip_suffix(".d") {
            found.drop_in_folders.entry(unit.to_owned()).or_default().push(entry.path);
            continue;
        }
        let target = [".wants", ".requires", ".upholds"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix).filter(|target| !target.is_empty()));
        if let Some(target) = target {
            for link in reader.list(&entry.path) {
                found.wants.push((target.to_owned(), name_of(&link), link.path));
            }
            continue;
        }
        let is_read = unit_name(&name)
            .is_some_and(|unit| ["service", "timer", "socket", "path"].contains(&unit.unit_type));
        if !is_read || found.units.contains_key(&name) {
            continue;
        }
        if found.units.len() == MAX_UNITS {
            reader.coverage.truncated = true;
            return;
        }
        read_unit(reader, &entry.path, name, manager, found);
    }
}

fn read_unit(
    reader: &mut Reader<'_>,
    path: &Path,
    name: String,
    manager: &Manager,
    found: &mut Found,
) {
    let mut unit = Unit::new(&name, manager);
    if let Some(target) = reader.read_link(path) {
        if target == Path::new("/dev/null") {
            unit.mask = Some(crate::files::shown(path));
            found.units.insert(name, unit);
            return;
        }
        let target = target.file_name().map(|target| target.to_string_lossy().into_owned());
        if let Some(target) = target.filter(|target| *target != name)
            && unit_file::is_unit_name(&target)
        {
            found.aliases.push((name, target));
            return;
        }
    }
    let Some(file) = reader.optional(path) else { return };
    if file.bytes.iter().all(u8::is_ascii_whitespace) {
        unit.mask = Some(file.path);
    } else {
        unit.file = Some(Rc::new(parse(reader, file)));
    }
    found.units.insert(name, unit);
}

fn parse(reader: &mut Reader<'_>, file: File) -> Parsed {
    let (unit, problems) = unit_file::parse(&file.text());
    if let Some(line) = problems.first() {
        reader.malformed(&file.path, *line, "neither section, assignment nor comment");
    }
    Parsed { file, unit }
}

/// An instance that is only named by a link comes from its template.
fn add_instance(units: &mut BTreeMap<String, Unit>, name: &str, manager: &Manager) {
    if units.contains_key(name) {
        return;
    }
    let template = unit_name(name).and_then(|name| name.template());
    let Some(template) = template.and_then(|template| units.get(&template)) else { return };
    let mut unit = Unit::new(name, manager);
    unit.file.clone_from(&template.file);
    unit.mask.clone_from(&template.mask);
    units.insert(name.to_owned(), unit);
}

/// The drop-ins of a unit, in the order in which they apply.
fn read_drop_ins(
    reader: &mut Reader<'_>,
    name: &str,
    folders: &BTreeMap<String, Vec<PathBuf>>,
    cache: &mut BTreeMap<PathBuf, Option<Rc<Parsed>>>,
) -> Vec<Rc<Parsed>> {
    let mut chosen: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for folder in drop_in_names(name).iter().filter_map(|name| folders.get(name)).flatten() {
        for entry in reader.list(folder) {
            if Path::new(&entry.name).extension().is_some_and(|end| end == "conf") {
                chosen.entry(entry.name).or_insert(entry.path);
            }
        }
    }
    let mut drop_ins = Vec::new();
    for path in chosen.into_values() {
        if !cache.contains_key(&path) {
            // A drop-in linked to /dev/null is masked: it hides the ones of its name below it.
            let is_mask =
                reader.read_link(&path).is_some_and(|target| target == Path::new("/dev/null"));
            let file = if is_mask { None } else { reader.optional(&path) };
            let parsed = file.map(|file| Rc::new(parse(reader, file)));
            cache.insert(path.clone(), parsed);
        }
        drop_ins.extend(cache.get(&path).cloned().flatten());
    }
    drop_ins
}

/// `a-b@1.service` has drop-ins for itself, its template, its dash-truncated prefixes, its type.
fn drop_in_names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    let Some(unit) = unit_name(name) else { return names };
    names.extend(unit.template());
    let mut prefix = unit.prefix;
    while let Some((shorter, _)) = prefix.trim_end_matches('-').rsplit_once('-') {
        names.push(format!("{shorter}-.{}", unit.unit_type));
        prefix = shorter;
    }
    names.push(unit.unit_type.to_owned());
    names
}

fn is_vendor(path: &Path) -> bool {
    path.starts_with("/usr/lib") || path.starts_with("/lib")
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
            timer(unit, &known, names, &mut batch);
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

struct Service<'a> {
    unit: &'a Unit,
    name: UnitName<'a>,
    accounts: &'a Accounts,
    names: Names<'a>,
    activators: &'a BTreeMap<(Manager, String), Vec<&'a Unit>>,
    known: &'a BTreeSet<(&'a Manager, &'a str)>,
}

impl<'a> Service<'a> {
    fn state(&self, units: &'a Units, secrets: &mut Secrets<'a>, batch: &mut Batch) {
        let Self { unit, names, .. } = *self;
        let mut identity = unit_identity(unit, kinds::SYSTEMD_SERVICE, names);
        self.state_enabled(&mut identity);
        if self.name.is_template() {
            identity.fact("template", Fact::known(true));
        }
        if let Some(template) = self.name.template()
            && unit.manager == Manager::System
        {
            let id = Identity::id_of(kinds::SYSTEMD_SERVICE, LINUX, names.machine, &template);
            if self.known.contains(&(&Manager::System, template.as_str())) {
                identity.parent = Some(id);
            }
        }
        if unit.mask.is_none() {
            self.state_run(&mut identity, secrets, batch);
            self.state_environment(units, &mut identity, secrets);
            owners(unit, identity.id, names, batch);
        }
        batch.identities.push(identity);
    }

    /// Whether it is started: by a target, by something that activates it, by a name on the bus.
    fn state_enabled(&self, identity: &mut Identity) {
        let unit = self.unit;
        let key = (unit.manager.clone(), unit.name.clone());
        let activators = self.activators.get(&key).map(Vec::as_slice).unwrap_or_default();
        let active = activators.iter().find(|unit| !unit.wanted_by.is_empty());
        let has_install = unit.files().any(|parsed| {
            parsed.unit.entries.iter().any(|entry| {
                entry.section == "Install" && ["WantedBy", "RequiredBy"].contains(&&*entry.key)
            })
        });
        let state = match () {
            () if unit.mask.is_some() => "masked",
            () if unit.wanted_by_link.is_some() => "enabled",
            () if !unit.wanted_by.is_empty() => "static",
            () if has_install => "disabled",
            () => "static",
        };
        identity.fact("unit_state", Fact::known(state));
        identity.enabled = match state {
            "masked" => Fact::known(false),
            _ if !unit.wanted_by.is_empty() => Fact::known(true),
            _ if self.name.is_template() => {
                Fact::not_observable("a template: only its instances are started")
            }
            _ if active.is_some() => Fact::known(true),
            "disabled" if activators.is_empty() && unit.last("Service", "BusName").is_none() => {
                Fact::known(false).because("no target, timer, socket or path starts it")
            }
            _ => Fact::not_observable("started by other units, by the bus or by hand"),
        };
        let activated_by: Vec<String> = activators.iter().map(|unit| unit.name.clone()).collect();
        list_fact(identity, "activated_by", activated_by);
        list_fact(identity, "wanted_by", unit.wanted_by.iter().cloned().collect());
    }

    /// What it runs, as whom, with which rights.
    fn state_run(&self, identity: &mut Identity, secrets: &mut Secrets<'a>, batch: &mut Batch) {
        let Self { unit, names, accounts, .. } = *self;
        let mut programs: Vec<String> = Vec::new();
        let mut with_full_rights = false;
        for key in [
            "ExecCondition",
            "ExecStartPre",
            "ExecStart",
            "ExecStartPost",
            "ExecReload",
            "ExecStop",
            "ExecStopPost",
        ] {
            for command in unit.list("Service", key) {
                let bare = command.value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
                // `+` runs with full rights; so does `!`, but `!!` only where the kernel is too old for
                // ambient capabilities (systemd.service(5)).
                let marks = command.value.strip_suffix(bare).unwrap_or_default();
                with_full_rights |= marks.contains('+') || marks.matches('!').count() == 1;
                let program = words(bare).first().and_then(|word| secrets::program(word));
                let program = program.unwrap_or_else(|| "(not a plain path)".into());
                if !programs.contains(&program) {
                    programs.push(program);
                }
                secrets.look(bare.as_bytes(), command.file, command.line, &unit.native_id());
            }
        }
        list_fact(identity, "programs", programs);

        let user = unit.last("Service", "User");
        let is_dynamic = unit.is_true("DynamicUser");
        let written = user.as_ref().map_or("root", |user| user.value);
        let expanded = self.name.expand(written);
        let account = match (&unit.manager, is_dynamic && user.is_none()) {
            (Manager::Account { name, .. }, _) => Some(name.clone()),
            (Manager::EveryPerson, _) => None,
            (Manager::System, true) => dynamic_name(&self.name),
            (Manager::System, false) => expanded,
        };
        identity.fact("dynamic_user", Fact::known(is_dynamic));
        let evidence = if let Some(user) = &user {
            Evidence::at(&user.file.path).line(user.line).shows("User=")
        } else {
            let path = unit.file.as_ref().map(|parsed| parsed.file.path.as_str());
            Evidence::at(path.unwrap_or_default()).shows("no User=")
        };
        match &account {
            Some(account) => {
                let known = accounts.resolve(account);
                let account = known.map_or(account.as_str(), |known| known.name.as_str());
                identity.fact("runs_as", Fact::known(account));
                if known.is_none() {
                    batch.identities.push(self.unknown_account(account, is_dynamic, &evidence.at));
                }
                let mut trust = names.runs_as(identity.id, account, evidence);
                trust.facts.insert("stated".into(), Fact::known(user.is_some()));
                batch.trusts.push(trust);
            }
            None if unit.manager == Manager::EveryPerson => {
                identity.fact("runs_as", Fact::not_observable("every person who signs in"));
            }
            None => {
                let reason = "it depends on the instance or on the running system";
                identity.fact("runs_as", Fact::not_observable(reason));
            }
        }
        if with_full_rights && user.is_some() && unit.manager == Manager::System {
            identity.fact("some_commands_as_root", Fact::known(true));
            if let Some(parsed) = &unit.file {
                let evidence = Evidence::at(&parsed.file.path).shows("a command marked `+` or `!`");
                batch.trusts.push(names.runs_as(identity.id, "root", evidence));
            }
        }
        self.state_rights(identity, batch);
    }

    fn unknown_account(&self, account: &str, is_dynamic: bool, path: &str) -> Identity {
        if !is_dynamic {
            return self.names.mentioned_account(kinds::SERVICE_ACCOUNT, account, path);
        }
        let mut identity = self.names.identity(kinds::SERVICE_ACCOUNT, account, path);
        identity.authority = Authority::Declared;
        identity.fact("dynamic", Fact::known(true));
        identity.fact("human_likelihood", Fact::known(0_i64));
        let reason = "systemd makes it while its service runs";
        identity.fact("human_reasons", Fact::known(vec![reason.to_owned()]));
        identity
    }

    fn state_rights(&self, identity: &mut Identity, batch: &mut Batch) {
        let Self { unit, names, .. } = *self;
        if let Some(group) = unit.last("Service", "Group").and_then(|g| self.name.expand(g.value)) {
            identity.fact("group", Fact::known(group));
        }
        for assigned in unit.list("Service", "SupplementaryGroups") {
            for group in words(assigned.value).iter().filter_map(|word| self.name.expand(word)) {
                let evidence = Evidence::at(&assigned.file.path)
                    .line(assigned.line)
                    .shows("SupplementaryGroups=");
                let id = identity.id;
                batch.grants.push(groups::membership(&group, id, "unit", evidence, names));
            }
        }
        let mut ambient: Vec<String> = Vec::new();
        let mut grant =
            Grant::new("capability", LINUX, names.machine, "ambient", names.scope, identity.id);
        for assigned in unit.list("Service", "AmbientCapabilities") {
            let inverted = assigned.value.starts_with('~');
            ambient.extend(words(assigned.value.trim_start_matches('~')));
            grant.evidence.push(
                Evidence::at(&assigned.file.path).line(assigned.line).shows("AmbientCapabilities="),
            );
            grant.loci.push(assigned.file.path.clone());
            if inverted {
                grant.facts.insert("all_but_these".into(), Fact::known(true));
            }
        }
        if !ambient.is_empty() {
            grant.actions = ambient;
            grant.resources.push(names.machine.to_owned());
            batch.grants.push(grant);
        }
        let bounding = unit.list("Service", "CapabilityBoundingSet");
        let bounding: Vec<String> =
            bounding.iter().flat_map(|assigned| words(assigned.value)).collect();
        list_fact(identity, "capability_bounding_set", bounding);
        for key in ["NoNewPrivileges", "PrivateUsers"] {
            let fact = if key == "PrivateUsers" { "private_users" } else { "no_new_privileges" };
            if unit.last("Service", key).is_some() {
                identity.fact(fact, Fact::known(unit.is_true(key)));
            }
        }
        let ids = credstore::uses_of(unit).into_iter().map(|used| used.id).collect();
        list_fact(identity, "credentials", ids);
    }

    /// Names of variables; their values only pass through the recogniser.
    fn state_environment(
        &self,
        units: &'a Units,
        identity: &mut Identity,
        secrets: &mut Secrets<'a>,
    ) {
        let unit = self.unit;
        let mut variables = BTreeSet::new();
        for assigned in unit.list("Service", "Environment") {
            for word in words(assigned.value) {
                if let Some((name, value)) = word.split_once('=') {
                    variables.insert(name.to_owned());
                    let (file, line, holder) = (assigned.file, assigned.line, unit.native_id());
                    secrets.look(word.as_bytes(), file, line, &holder);
                    secrets.look_at_variable((name, value), file, line, &holder);
                }
            }
        }
        for assigned in unit.list("Service", "PassEnvironment") {
            variables.extend(words(assigned.value));
        }
        let mut paths = Vec::new();
        for path in unit.environment_files() {
            if let Some(file) = units.environment.get(&path).filter(|_| unit.may_name(&path)) {
                let holder = unit.native_id();
                secrets.look(&file.bytes, file, 1, &holder);
                for (line, name, value) in variables_of(&file.text()) {
                    secrets.look_at_variable((name, value), file, line, &holder);
                    variables.insert(name.to_owned());
                }
            }
            paths.push(path);
        }
        list_fact(identity, "environment_names", variables.into_iter().collect());
        list_fact(identity, "environment_files", paths);
    }
}

/// At most this many variables are looked at in one file.
const MAX_VARIABLES: usize = 500;

/// Line, name and value of each variable of an environment file.
fn variables_of(text: &str) -> Vec<(u32, &str, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.starts_with(['#', ';']));
    let variables = lines.filter_map(|(number, line)| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim();
        Some((number, name.strip_prefix("export ").unwrap_or(name).trim(), value))
    });
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 128
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    variables.filter(|(_, name, _)| is_name(name)).take(MAX_VARIABLES).collect()
}

/// The name that systemd gives to a dynamic account without `User=`: the unit's, where it can be
/// an account's name; else it is a hash that only the running system shows.
fn dynamic_name(name: &UnitName<'_>) -> Option<String> {
    let prefix = name.prefix;
    let is_valid = prefix.len() <= 31
        && prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    is_valid.then(|| prefix.to_owned())
}

fn list_fact(identity: &mut Identity, name: &'static str, list: Vec<String>) {
    if !list.is_empty() {
        identity.fact(name, Fact::known(list));
    }
}

/// What every unit states, service or timer.
fn unit_identity(unit: &Unit, kind: &'static kinds::IdentityKind, names: Names<'_>) -> Identity {
    let locus = match (&unit.file, &unit.mask) {
        (Some(parsed), _) => parsed.file.path.clone(),
        (None, Some(mask)) => mask.clone(),
        (None, None) => String::new(),
    };
    let mut identity = names.identity(kind, &unit.native_id(), &locus);
    identity.loci.extend(unit.drop_ins.iter().map(|parsed| parsed.file.path.clone()));
    identity.loci.extend(unit.wanted_by_link.clone());
    identity.evidence.push(Evidence::at(locus.clone()));
    identity.fact("unit_file", Fact::known(locus.as_str()));
    identity.fact("from_vendor", Fact::known(is_vendor(Path::new(&locus))));
    let manager = match &unit.manager {
        Manager::System => "system".to_owned(),
        Manager::EveryPerson => "every person".to_owned(),
        Manager::Account { name, .. } => name.clone(),
    };
    identity.fact("manager", Fact::known(manager));
    if let Some(description) = unit.last("Unit", "Description")
        && !secrets::are_in(description.value)
    {
        identity.fact("description", Fact::known(public_command(description.value)));
    }
    let drop_ins = unit.drop_ins.iter().map(|parsed| parsed.file.path.clone()).collect();
    list_fact(&mut identity, "drop_ins", drop_ins);
    let mut aliases = unit.aliases.clone();
    aliases.sort();
    aliases.dedup();
    list_fact(&mut identity, "aliases", aliases);
    identity.created_at = Fact::not_observable("systemd does not record when a unit was made");
    identity.last_used_at = Fact::not_collected("the journal is not read by this source");
    identity
}

fn timer(unit: &Unit, known: &BTreeSet<(&Manager, &str)>, names: Names<'_>, batch: &mut Batch) {
    let mut identity = unit_identity(unit, kinds::SCHEDULED_JOB, names);
    identity.fact("scheduler", Fact::known("systemd timer"));
    let is_wanted = !unit.wanted_by.is_empty();
    let is_template = unit_name(&unit.name).is_some_and(|name| name.is_template());
    identity.enabled = match (unit.mask.is_some(), is_wanted) {
        (true, _) => Fact::known(false).because("masked"),
        (false, true) => Fact::known(true),
        (false, false) if is_template => {
            Fact::not_observable("a template: only its instances are started")
        }
        (false, false) => Fact::known(false).because("no target starts it"),
    };
    let mut schedule = Vec::new();
    for key in [
        "OnCalendar",
        "OnActiveSec",
        "OnBootSec",
        "OnStartupSec",
        "OnUnitActiveSec",
        "OnUnitInactiveSec",
    ] {
        schedule.extend(
            unit.list("Timer", key).iter().map(|assigned| format!("{key}={}", assigned.value)),
        );
    }
    list_fact(&mut identity, "schedule", schedule);
    let target = activated(unit).filter(|_| unit.mask.is_none());
    if let Some(target) = target {
        identity.fact("starts", Fact::known(target.as_str()));
        if known.contains(&(&unit.manager, target.as_str())) {
            let service = Unit::new(&target, &unit.manager).native_id();
            let to = Identity::id_of(kinds::SYSTEMD_SERVICE, LINUX, names.machine, &service);
            let from = Subject::Identity { identity: identity.id };
            let mut trust =
                Trust::new("starts", LINUX, names.machine, &target, names.scope, from, to);
            trust.loci.clone_from(&identity.loci);
            trust.evidence.clone_from(&identity.evidence);
            batch.trusts.push(trust);
        }
    }
    owners(unit, identity.id, names, batch);
    batch.identities.push(identity);
}

/// Who looks after a unit, as its files say: `X-Owner=` and the like, `Documentation=mailto:`,
/// comments. Comments of packaged files name their authors, who do not own what runs here.
fn owners(unit: &Unit, identity: IdentityId, names: Names<'_>, batch: &mut Batch) {
    const OWNER_KEYS: &[&str] =
        &["X-Owner", "X-Maintainer", "X-Contact", "X-Team", "X-Responsible", "X-Support"];
    for parsed in unit.files() {
        let path = &parsed.file.path;
        for entry in &parsed.unit.entries {
            let confidence = match entry.key.as_str() {
                key if OWNER_KEYS.contains(&key) => 0.8,
                "Documentation" if entry.value.contains("mailto:") => 0.6,
                "Description" => 0.5,
                _ => continue,
            };
            let evidence = Evidence::at(path).line(entry.line).pointer(entry.key.as_str());
            let found = addresses(&entry.value);
            let is_name = found.is_empty() && OWNER_KEYS.contains(&entry.key.as_str());
            if is_name && !entry.value.is_empty() && !secrets::are_in(&entry.value) {
                let mut link =
                    names.owner(identity, &entry.value, "unit-file", confidence, evidence.clone());
                if entry.key == "X-Team" {
                    link.owner.kind = model::PartyKind::Team;
                }
                batch.owners.push(link);
            }
            for address in found {
                let evidence = evidence.clone();
                batch.owners.push(names.owner(
                    identity,
                    &address,
                    "unit-file",
                    confidence,
                    evidence,
                ));
            }
        }
        if is_vendor(Path::new(path)) {
            continue;
        }
        for (line, comment) in &parsed.unit.comments {
            for address in addresses(comment) {
                let evidence = Evidence::at(path).line(*line).shows("a comment");
                batch.owners.push(names.owner(identity, &address, "unit-file", 0.4, evidence));
            }
        }
    }
}
