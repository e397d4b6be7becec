//! What a service states: when it is started, what it runs and as whom, with which rights and
//! variables.
//!
//! Pure: its files were read before. Values of variables only pass through the recogniser.

use std::collections::{BTreeMap, BTreeSet};

use model::kinds;
use model::{Authority, Batch, Evidence, Fact, Grant, Identity};

use super::claims::{list_fact, owners, unit_identity};
use super::{Manager, Unit, Units};
use crate::host::accounts::Accounts;
use crate::host::names::{LINUX, Names};
use crate::host::secrets::{self, Secrets};
use crate::host::unit_file::{UnitName, words};
use crate::host::{credstore, groups};

pub(super) struct Service<'a> {
    pub(super) unit: &'a Unit,
    pub(super) name: UnitName<'a>,
    pub(super) accounts: &'a Accounts,
    pub(super) names: Names<'a>,
    pub(super) activators: &'a BTreeMap<(Manager, String), Vec<&'a Unit>>,
    pub(super) known: &'a BTreeSet<(&'a Manager, &'a str)>,
}

impl<'a> Service<'a> {
    pub(super) fn state(&self, units: &'a Units, secrets: &mut Secrets<'a>, batch: &mut Batch) {
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
