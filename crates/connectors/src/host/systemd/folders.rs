//! Units put together from the files in the folders of one manager, as systemd does it
//! (systemd.unit(5)): the first folder in the order of precedence has the unit, drop-ins of every
//! folder change it, a link to `/dev/null` masks it.
//!
//! What an assignment means is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{ENTRY_BYTES, MAX_UNIT_BYTES, Manager, Parsed, Room, Unit, is_vendor};
use crate::host::reading::{File, Reader, name_of};
use crate::host::unit_file::{self, unit_name};

/// Where units are looked for, most important first (systemd.unit(5), "Unit File Load Path").
pub(super) const FOLDERS: &[&str] = &[
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
pub(super) const USER_FOLDERS: &[&str] = &["/etc/systemd/user"];

/// More units than this are not put together; the scope is then truncated.
const MAX_UNITS: usize = 50_000;

/// What the folders of one manager hold, before drop-ins are added.
#[derive(Default)]
struct Found {
    units: BTreeMap<String, Unit>,
    aliases: Vec<(String, String)>,
    wants: Vec<(String, String, PathBuf)>,
    /// `<unit>.d` folders, in order of precedence.
    drop_in_folders: BTreeMap<String, Vec<PathBuf>>,
}

pub(super) fn read_manager(
    reader: &mut Reader<'_>,
    folders: impl Iterator<Item = PathBuf>,
    manager: &Manager,
    room: &mut Room,
) -> Vec<Unit> {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for folder in folders {
        // `/lib` is a link to `/usr/lib` on most hosts: one folder, read once.
        if let Some(meta) = reader.meta(&folder)
            && meta.is_folder()
            && seen.insert(meta.inode)
        {
            read_folder(reader, &folder, manager, room, &mut found);
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
    let mut keep = |reader: &mut Reader<'_>, file| parse(reader, file, manager, room);
    let Found { units, drop_in_folders, .. } = found;
    let mut units: Vec<Unit> = units.into_values().collect();
    for unit in &mut units {
        if unit.mask.is_none() {
            unit.drop_ins =
                read_drop_ins(reader, &unit.name, &drop_in_folders, &mut cache, &mut keep);
        }
    }
    units
}

fn read_folder(
    reader: &mut Reader<'_>,
    folder: &Path,
    manager: &Manager,
    room: &mut Room,
    found: &mut Found,
) {
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
        read_unit(reader, &entry.path, name, manager, room, found);
    }
}

fn read_unit(
    reader: &mut Reader<'_>,
    path: &Path,
    name: String,
    manager: &Manager,
    room: &mut Room,
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
    let Some(file) = reader.optional_within(path, MAX_UNIT_BYTES) else { return };
    if file.bytes.iter().all(u8::is_ascii_whitespace) {
        unit.mask = Some(file.path);
    } else {
        let Some(parsed) = parse(reader, file, manager, room) else { return };
        unit.file = Some(parsed);
    }
    found.units.insert(name, unit);
}

/// None when there is no room left for it. The bytes are not kept: nobody asks for them again.
fn parse(
    reader: &mut Reader<'_>,
    mut file: File,
    manager: &Manager,
    room: &mut Room,
) -> Option<Rc<Parsed>> {
    let (unit, problems) = unit_file::parse(&file.text());
    if let Some(line) = problems.first() {
        reader.malformed(&file.path, *line, "neither section, assignment nor comment");
    }
    let n_entries = unit.entries.len() + unit.comments.len();
    let n_bytes = file.bytes.len() + n_entries * ENTRY_BYTES;
    file.bytes = Vec::new();
    room.keep(manager, &file.path, n_bytes, reader).then(|| Rc::new(Parsed { file, unit }))
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
    keep: &mut dyn FnMut(&mut Reader<'_>, File) -> Option<Rc<Parsed>>,
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
            let file = if is_mask { None } else { reader.optional_within(&path, MAX_UNIT_BYTES) };
            let parsed = file.and_then(|file| keep(reader, file));
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
