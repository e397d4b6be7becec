//! What is counted together: the rows of one operation of one identity, told apart by what was used
//! until that is too much, and by coarser areas then.

use hashbrown::HashMap;
use model::Time;

use crate::area::{LEVELS, write_area};
use crate::cloudtrail::Use as Permission;
use crate::names::{NAME_BYTES, Names};
use crate::seen::NOT_COUNTED;
use crate::view::Used;

/// Lists of resources that one operation of one identity is told apart by. Beyond it all of them are
/// told by coarser areas.
pub const MAX_AREAS: usize = 64;

/// What is counted together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) n: u64,
    /// Counted without an id.
    pub(crate) n_forgotten: u64,
    pub(crate) first: Option<Time>,
    pub(crate) last: Option<Time>,
    pub(crate) networks: Names,
    pub(crate) agents: Names,
    pub(crate) regions: Names,
    pub(crate) vpc_endpoints: Names,
    /// Where its events are counted since its area grew.
    moved_to: Option<u32>,
}

impl Row {
    /// Takes in all but what is counted.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.networks.absorb(&other.networks);
        self.agents.absorb(&other.agents);
        self.regions.absorb(&other.regions);
        self.vpc_endpoints.absorb(&other.vpc_endpoints);
    }
}

pub(crate) fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    level: u8,
    /// By what was used: see [`write_uses`].
    rows: HashMap<Box<str>, u32>,
}

impl Group {
    pub(crate) fn level(&self) -> u8 {
        self.level
    }

    pub(crate) fn sorted(&self) -> Vec<(&str, u32)> {
        let mut rows: Vec<(&str, u32)> =
            self.rows.iter().map(|(uses, row)| (&**uses, *row)).collect();
        rows.sort_unstable();
        rows
    }
}

/// Rows by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    list: Vec<Row>,
    /// What they took when they were made, about.
    pub(crate) n_bytes: usize,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn get(&self, row: u32) -> Option<&Row> {
        self.list.get(row as usize)
    }

    pub(crate) fn get_mut(&mut self, row: u32) -> Option<&mut Row> {
        self.list.get_mut(row as usize)
    }

    /// Where a row's events are counted by now.
    pub(crate) fn settled(&self, mut row: u32) -> u32 {
        while let Some(next) = self.get(row).and_then(|row| row.moved_to) {
            row = next;
        }
        row
    }

    /// The row of a group for what was used, at the group's level.
    pub(crate) fn row_in(&mut self, group: &mut Group, uses: &str) -> u32 {
        if let Some(row) = group.rows.get(uses) {
            return *row;
        }
        let row = u32::try_from(self.list.len()).unwrap_or(NOT_COUNTED - 1);
        self.list.push(Row::default());
        // The group may be new too.
        self.n_bytes += size_of::<Row>() + 2 * size_of::<Group>() + NAME_BYTES + uses.len();
        group.rows.insert(uses.into(), row);
        let mut key = uses.to_owned();
        while group.rows.len() > MAX_AREAS && group.level + 1 < LEVELS {
            let from = group.level;
            self.raise(group);
            key = coarser_uses(&key, from, group.level);
        }
        group.rows.get(&*key).copied().unwrap_or(row)
    }

    /// Tells a group by areas at least as coarse as those of a level.
    pub(crate) fn raise_to(&mut self, group: &mut Group, level: u8) {
        while group.level < level {
            self.raise(group);
        }
    }

    fn raise(&mut self, group: &mut Group) {
        let from = group.level;
        group.level += 1;
        let mut finer: Vec<(Box<str>, u32)> = group.rows.drain().collect();
        finer.sort_unstable();
        for (uses, row) in finer {
            let uses = coarser_uses(&uses, from, group.level);
            let Some(into) = group.rows.get(&*uses) else {
                group.rows.insert(uses.into(), row);
                continue;
            };
            let Some(finer) = self.get_mut(row) else { continue };
            let moved = std::mem::take(finer);
            finer.moved_to = Some(*into);
            if let Some(into) = self.get_mut(*into) {
                into.absorb(&moved);
                into.n += moved.n;
                into.n_forgotten += moved.n_forgotten;
            }
        }
    }
}

/// A line for each use: action, resource, whether it was observed, what a role was handed to. What a
/// call used of one area, it used once.
pub(crate) fn write_uses(text: &mut String, uses: &[Permission<'_>], level: u8) {
    for used in uses {
        let resource: &str = &used.resource;
        let passed_to = used.passed_to.as_deref().unwrap_or_default();
        let is_clean = !resource.contains(['\n', '\t']) && !passed_to.contains(['\n', '\t']);
        let from = text.len();
        text.push_str(&used.action);
        text.push('\t');
        if is_clean {
            write_area(text, resource, level);
        } else {
            // Names with line feeds exist: S3 allows them in keys.
            write_area(text, &resource.replace(['\n', '\t'], "?"), level);
        }
        text.push_str(if used.is_observed { "\t" } else { "\t-" });
        text.push('\t');
        if is_clean {
            text.push_str(passed_to);
        }
        text.push('\n');
        end_line(text, from);
    }
}

/// Takes away a line that was written before.
fn end_line(text: &mut String, from: usize) {
    let (before, line) = text.split_at_checked(from).unwrap_or_default();
    if before.split_inclusive('\n').any(|known| known == line) {
        text.truncate(from);
    }
}

/// The same of coarser areas.
pub(crate) fn coarser_uses(uses: &str, from: u8, to: u8) -> String {
    if from == to {
        return uses.to_owned();
    }
    let mut text = String::with_capacity(uses.len());
    for line in uses.lines() {
        let mut fields = line.splitn(3, '\t');
        let mut field = || fields.next().unwrap_or_default();
        let (action, resource, rest) = (field(), field(), field());
        let from = text.len();
        text.push_str(action);
        text.push('\t');
        write_area(&mut text, resource, to);
        text.push('\t');
        text.push_str(rest);
        text.push('\n');
        end_line(&mut text, from);
    }
    text
}

/// What a line of uses says, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) credential: &'a str,
    pub(crate) via: &'a str,
    pub(crate) passed_to: &'a str,
    pub(crate) is_guessed: bool,
}

impl<'a> Use<'a> {
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(4, '\t');
        let (action, resource) = (fields.next()?, fields.next()?);
        let is_guessed = fields.next()? == "-";
        let passed_to = fields.next()?;
        Some(Self { action, resource, credential: "", via: "", passed_to, is_guessed })
    }

    pub(crate) fn write(&self, used: &mut Used) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.action.clone_into(&mut used.action);
        self.resource.clone_into(&mut used.resource);
        used.is_observed = !self.is_guessed;
        used.credential = some(self.credential);
        used.via = some(self.via);
        used.passed_to = some(self.passed_to);
    }
}
