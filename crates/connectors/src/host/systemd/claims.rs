//! What a unit of any type states: its identity, and who looks after it; and the job that a timer
//! is.
//!
//! Pure, and blind to what a service runs.

use std::collections::BTreeSet;
use std::path::Path;

use model::kinds;
use model::{Batch, Evidence, Fact, Identity, IdentityId, Subject, Trust};

use super::{Manager, Unit, activated, is_vendor};
use crate::address::public_command;
use crate::host::names::{LINUX, Names, addresses};
use crate::host::secrets;
use crate::host::unit_file::unit_name;

/// What every unit states, service or timer.
pub(super) fn unit_identity(
    unit: &Unit,
    kind: &'static kinds::IdentityKind,
    names: Names<'_>,
) -> Identity {
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

pub(super) fn timer(
    unit: &Unit,
    known: &BTreeSet<(&Manager, &str)>,
    names: Names<'_>,
    batch: &mut Batch,
) {
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
pub(super) fn owners(unit: &Unit, identity: IdentityId, names: Names<'_>, batch: &mut Batch) {
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

pub(super) fn list_fact(identity: &mut Identity, name: &'static str, list: Vec<String>) {
    if !list.is_empty() {
        identity.fact(name, Fact::known(list));
    }
}
