//! What identities did, summed up: first, last and how often, whatever order the events came in and
//! however often each came.
//!
//! An event counts in one row, and its id remembers which: so summaries of any parts of the events,
//! overlapping or not, merge to what all events together would have given. Everything else that a row
//! holds (first, last, sets) does not change when an event comes again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use model::Time;

use crate::area::{LEVELS, area, write_area};
use crate::cloudtrail::{
    Call, Event, Outcome, PrincipalKind, Standing, Use as Permission, Who, call, who,
};
use crate::origin::{agent, network};
use crate::seen::{Id, MAX_IDS, NOT_COUNTED, Seen};
use crate::view::{Identity, Summary, Tally, Trail, Unattributed, Used};

/// Lists of resources that one operation of one identity is told apart by. Beyond it all of them are
/// told by coarser areas.
pub const MAX_AREAS: usize = 64;
/// Networks, agents, regions of a row; sessions and subjects of an identity. The first in order are
/// kept, whatever came first.
pub const MAX_NAMES: usize = 16;
/// User agents whose family is remembered, and addresses whose network is.
const MAX_REMEMBERED: usize = 1 << 14;
/// Callers that are remembered as they stand in records.
const MAX_CALLERS: usize = 1 << 14;

/// Names of which the first in order are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub(crate) list: Vec<Box<str>>,
    /// Whether there were more.
    pub(crate) more: bool,
}

impl Names {
    fn add(&mut self, name: &str) {
        // Most often the only one.
        if self.list.first().is_some_and(|first| **first == *name) {
            return;
        }
        let Err(at) = self.list.binary_search_by(|known| (**known).cmp(name)) else { return };
        if at == MAX_NAMES {
            self.more = true;
            return;
        }
        self.list.insert(at, name.into());
        if self.list.len() > MAX_NAMES {
            self.list.truncate(MAX_NAMES);
            self.more = true;
        }
    }

    fn absorb(&mut self, other: &Self) {
        other.list.iter().for_each(|name| self.add(name));
        self.more |= other.more;
    }
}

/// What a text comes to, remembered.
fn remembered<'m>(
    known: &'m mut HashMap<String, Box<str>>,
    text: &str,
    made: impl Fn(&str) -> Cow<'_, str>,
) -> &'m str {
    if known.len() == MAX_REMEMBERED && !known.contains_key(text) {
        known.clear();
    }
    known.entry_ref(text).or_insert_with(|| made(text).into())
}

/// What is counted together.
#[derive(Debug, Clone, Default)]
struct Row {
    n: u64,
    /// Counted without an id.
    n_forgotten: u64,
    first: Option<Time>,
    last: Option<Time>,
    networks: Names,
    agents: Names,
    regions: Names,
    vpc_endpoints: Names,
    has_mfa: bool,
    lacks_mfa: bool,
    /// Where its events are counted since its area grew.
    moved_to: Option<u32>,
}

impl Row {
    fn absorb(&mut self, other: &Self) {
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.networks.absorb(&other.networks);
        self.agents.absorb(&other.agents);
        self.regions.absorb(&other.regions);
        self.vpc_endpoints.absorb(&other.vpc_endpoints);
        self.has_mfa |= other.has_mfa;
        self.lacks_mfa |= other.lacks_mfa;
    }
}

fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Who called, by number.
#[derive(Debug, Clone, Copy)]
struct By {
    identity: u32,
    credential: u32,
    via: u32,
    account: u32,
    has_mfa: Option<bool>,
}

/// What one identity did with one operation, with one credential and one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    identity: u32,
    credential: u32,
    via: u32,
    operation: u32,
    standing: Standing,
    outcome: Outcome,
}

#[derive(Debug, Clone, Default)]
struct Group {
    level: u8,
    /// By what was used: see [`write_uses`].
    rows: HashMap<Box<str>, u32>,
}

impl Group {
    fn sorted(&self) -> Vec<(&str, u32)> {
        let mut rows: Vec<(&str, u32)> =
            self.rows.iter().map(|(uses, row)| (&**uses, *row)).collect();
        rows.sort_unstable();
        rows
    }
}

#[derive(Debug, Clone)]
struct Known {
    kind: PrincipalKind,
    account: Box<str>,
    federated: Names,
    sessions: Names,
}

/// The copy of a call of which there are several: one in each account it touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Copied {
    /// The caller's own trail says most of who it was.
    is_callers: bool,
    id: Id,
}

/// What a trail was seen to hold.
#[derive(Debug, Clone, Default)]
struct Span {
    first: Option<Time>,
    last: Option<Time>,
    categories: BTreeSet<Box<str>>,
    data_services: BTreeSet<Box<str>>,
}

/// Strings by number; 0 is none.
#[derive(Debug, Clone, Default)]
struct Interned {
    numbers: HashMap<Box<str>, u32>,
    list: Vec<Box<str>>,
}

impl Interned {
    fn number(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.list.push(text.into());
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.into(), number);
        number
    }

    fn text(&self, number: u32) -> &str {
        let at = (number as usize).checked_sub(1);
        at.and_then(|at| self.list.get(at)).map_or("", |text| text)
    }
}

/// Takes events one by one, and other summaries.
#[derive(Debug, Clone)]
pub struct Summaries {
    seen: Seen,
    max_ids: usize,
    n_forgotten: u64,
    names: Interned,
    groups: HashMap<Key, Group>,
    rows: Vec<Row>,
    identities: BTreeMap<u32, Known>,
    copies: HashMap<Id, Copied>,
    spans: BTreeMap<(Box<str>, Box<str>), Span>,
    callers: HashMap<Box<str>, (Box<str>, By)>,
    agents: HashMap<String, Box<str>>,
    networks: HashMap<String, Box<str>>,
    scratch: String,
}

impl Default for Summaries {
    fn default() -> Self {
        Self::with_max_ids(MAX_IDS)
    }
}

impl Summaries {
    /// With a limit of its own on the ids that it remembers.
    pub fn with_max_ids(max_ids: usize) -> Self {
        Self {
            seen: Seen::default(),
            max_ids,
            n_forgotten: 0,
            names: Interned::default(),
            groups: HashMap::new(),
            rows: Vec::new(),
            identities: BTreeMap::new(),
            copies: HashMap::new(),
            spans: BTreeMap::new(),
            callers: HashMap::new(),
            agents: HashMap::new(),
            networks: HashMap::new(),
            scratch: String::new(),
        }
    }

    /// Bytes of the table of ids, and how many there are.
    pub fn n_id_bytes(&self) -> (usize, usize) {
        (self.seen.n_bytes(), self.seen.rows.len())
    }

    /// Takes in an event; false when it was known.
    pub fn add(&mut self, event: &Event<'_>) -> bool {
        self.add_where(event, |_| true)
    }

    /// Takes in an event if it is wanted; false when it was known or is not.
    pub fn add_where(
        &mut self,
        event: &Event<'_>,
        is_wanted: impl FnOnce(&Event<'_>) -> bool,
    ) -> bool {
        let id = match &event.id {
            Some(id) => Id::of(id),
            // Nothing else tells a copy from another event.
            None => Id::hashed(event.raw.as_bytes()),
        };
        if self.seen.rows.contains_key(&id) || !is_wanted(event) {
            return false;
        }
        let by = self.by(event);
        let account = self.names.text(by.account);
        let Call { operation, uses, outcome } = call(event, Some(account));
        let is_callers = !account.is_empty() && event.recipient_account.as_deref() == Some(account);
        self.scratch.clear();
        self.scratch.push_str(&operation.prefix);
        self.scratch.push(':');
        self.scratch.push_str(&operation.name);
        let key = Key {
            identity: by.identity,
            credential: by.credential,
            via: by.via,
            operation: self.names.number(&self.scratch),
            standing: operation.standing,
            outcome,
        };
        let group = self.groups.entry(key).or_default();
        self.scratch.clear();
        write_uses(&mut self.scratch, &uses, group.level);
        let row = row_in(group, &mut self.rows, &self.scratch);
        self.touch(row, event, by.has_mfa);
        self.saw(event, &operation.prefix);
        if self.seen.rows.len() >= self.max_ids {
            self.n_forgotten += 1;
            if let Some(row) = self.rows.get_mut(row as usize) {
                row.n_forgotten += 1;
            }
            return true;
        }
        self.count(id, row);
        if let Some(shared) = &event.shared_id {
            self.copy(Id::of(shared), Copied { is_callers, id });
        }
        true
    }

    /// Who called: looked up where the same was read before, which is most often.
    fn by(&mut self, event: &Event<'_>) -> By {
        let region = event.region.as_deref();
        let start = region.unwrap_or_default().get(..3).unwrap_or_default();
        if let Some((region, by)) = self.callers.get(event.caller)
            && **region == *start
        {
            return *by;
        }
        let Who { principal, access_key, session, via, has_mfa } = who(&event.caller(), region);
        // A session's key lasts hours: it is no credential that anybody rotates.
        let credential = access_key.as_deref().filter(|key| !key.starts_with("ASIA"));
        let account = principal.account.as_deref().unwrap_or_default();
        let by = By {
            identity: self.names.number(&principal.key),
            credential: self.names.number(credential.unwrap_or_default()),
            via: self.names.number(via.as_deref().unwrap_or_default()),
            account: self.names.number(account),
            has_mfa,
        };
        let known = self.identities.entry(by.identity).or_insert_with(|| Known {
            kind: principal.kind,
            account: account.into(),
            federated: Names::default(),
            sessions: Names::default(),
        });
        known.kind = known.kind.min(principal.kind);
        if *account > *known.account {
            known.account = account.into();
        }
        if let Some(federated) = &principal.federated {
            known.federated.add(federated);
        }
        if let Some(session) = session {
            known.sessions.add(&session);
        }
        if self.callers.len() == MAX_CALLERS {
            self.callers.clear();
        }
        self.callers.insert(event.caller.into(), (start.into(), by));
        by
    }

    fn count(&mut self, id: Id, row: u32) {
        self.seen.rows.insert(id, row);
        if let Some(row) = self.rows.get_mut(row as usize) {
            row.n += 1;
        }
    }

    /// Of copies of one call, one counts: the caller's own, else that with the smallest id.
    fn copy(&mut self, shared: Id, copy: Copied) {
        let is_better = |one: &Copied, other: &Copied| {
            (one.is_callers, std::cmp::Reverse(one.id))
                > (other.is_callers, std::cmp::Reverse(other.id))
        };
        let loser = match self.copies.get(&shared) {
            None => None,
            Some(known) if known.id == copy.id => return,
            Some(known) if is_better(known, &copy) => {
                self.uncount(copy.id);
                return;
            }
            Some(known) => Some(known.id),
        };
        self.copies.insert(shared, copy);
        if let Some(loser) = loser {
            self.uncount(loser);
        }
    }

    fn uncount(&mut self, id: Id) {
        let Some(row) = self.seen.rows.get_mut(&id) else { return };
        let row = std::mem::replace(row, NOT_COUNTED);
        let row = self.settled(row);
        if let Some(row) = self.rows.get_mut(row as usize) {
            row.n = row.n.saturating_sub(1);
        }
    }

    /// Where a row's events are counted by now.
    fn settled(&self, mut row: u32) -> u32 {
        while let Some(next) = self.rows.get(row as usize).and_then(|row| row.moved_to) {
            row = next;
        }
        row
    }

    fn touch(&mut self, row: u32, event: &Event<'_>, has_mfa: Option<bool>) {
        let Some(row) = self.rows.get_mut(row as usize) else { return };
        row.first = earlier(row.first, event.time);
        row.last = row.last.max(event.time);
        if let Some(source) = &event.source_address {
            row.networks.add(remembered(&mut self.networks, source, network));
        }
        if let Some(user_agent) = &event.user_agent {
            row.agents.add(remembered(&mut self.agents, user_agent, agent));
        }
        if let Some(region) = &event.region {
            row.regions.add(region);
        }
        if let Some(endpoint) = &event.vpc_endpoint {
            row.vpc_endpoints.add(endpoint);
        }
        row.has_mfa |= has_mfa == Some(true);
        row.lacks_mfa |= has_mfa == Some(false);
    }

    fn saw(&mut self, event: &Event<'_>, prefix: &str) {
        let account = event.recipient_account.as_deref().unwrap_or_default();
        let region = event.region.as_deref().unwrap_or_default();
        let span = match self.spans.iter_mut().find(|((a, r), _)| **a == *account && **r == *region)
        {
            Some((_, span)) => span,
            None => self.spans.entry((account.into(), region.into())).or_default(),
        };
        span.first = earlier(span.first, event.time);
        span.last = span.last.max(event.time);
        let category = event.category.as_deref().unwrap_or_default();
        if !span.categories.contains(category) {
            span.categories.insert(category.into());
        }
        if category == "Data" && !span.data_services.contains(prefix) {
            span.data_services.insert(prefix.into());
        }
    }

    /// Takes in another summary, whatever events both have seen.
    pub fn merge(&mut self, other: &Self) {
        let translated = |names: &mut Interned, number: u32| names.number(other.names.text(number));
        let mut moved: Vec<u32> = vec![NOT_COUNTED; other.rows.len()];
        let mut keys: Vec<&Key> = other.groups.keys().collect();
        keys.sort_unstable();
        for key in keys {
            let Some(theirs) = other.groups.get(key) else { continue };
            let key = Key {
                identity: translated(&mut self.names, key.identity),
                credential: translated(&mut self.names, key.credential),
                via: translated(&mut self.names, key.via),
                operation: translated(&mut self.names, key.operation),
                ..*key
            };
            let group = self.groups.entry(key).or_default();
            while group.level < theirs.level {
                raise(group, &mut self.rows);
            }
            for (uses, from) in theirs.sorted() {
                let uses = coarser_uses(uses, theirs.level, group.level);
                let to = row_in(group, &mut self.rows, &uses);
                if let (Some(to), Some(from)) =
                    (self.rows.get_mut(to as usize), other.rows.get(from as usize))
                {
                    to.absorb(from);
                    to.n_forgotten += from.n_forgotten;
                }
                if let Some(place) = moved.get_mut(from as usize) {
                    *place = to;
                }
            }
        }
        for (number, theirs) in &other.identities {
            let number = translated(&mut self.names, *number);
            let known = self.identities.entry(number).or_insert_with(|| theirs.clone());
            known.kind = known.kind.min(theirs.kind);
            if theirs.account > known.account {
                known.account.clone_from(&theirs.account);
            }
            known.federated.absorb(&theirs.federated);
            known.sessions.absorb(&theirs.sessions);
        }
        for (place, theirs) in &other.spans {
            let span = self.spans.entry(place.clone()).or_default();
            span.first = earlier(span.first, theirs.first);
            span.last = span.last.max(theirs.last);
            span.categories.extend(theirs.categories.iter().cloned());
            span.data_services.extend(theirs.data_services.iter().cloned());
        }
        self.n_forgotten += other.n_forgotten;
        // In no order: each id is counted for itself.
        for (id, row) in &other.seen.rows {
            if self.seen.rows.contains_key(id) {
                continue;
            }
            let settled = other.settled(*row);
            match moved.get(settled as usize) {
                Some(row) if *row != NOT_COUNTED => self.count(*id, *row),
                _ => {
                    self.seen.rows.insert(*id, NOT_COUNTED);
                }
            }
        }
        // In no order: each call is settled for itself.
        for (shared, copy) in &other.copies {
            self.copy(*shared, *copy);
        }
    }

    /// What it came to, in order.
    pub fn view(&self) -> Summary {
        let mut identities: BTreeMap<&str, Identity> = BTreeMap::new();
        let mut used: BTreeMap<(&str, Use<'_>), Used> = BTreeMap::new();
        let mut others: BTreeMap<(Standing, &str), Unattributed> = BTreeMap::new();
        let mut n_events = 0;
        let mut keys: Vec<(&Key, &Group)> = self.groups.iter().collect();
        keys.sort_unstable_by_key(|(key, _)| **key);
        for (key, group) in keys {
            for (uses, row) in group.sorted() {
                let Some(row) = self.rows.get(row as usize) else { continue };
                let n = row.n + row.n_forgotten;
                if n == 0 {
                    continue;
                }
                n_events += n;
                let identity = self.names.text(key.identity);
                let operation = self.names.text(key.operation);
                if let Some(known) = self.identities.get(&key.identity) {
                    let identity = identities.entry(identity).or_insert_with(|| {
                        Identity::new(
                            identity,
                            known.kind,
                            &known.account,
                            &known.federated,
                            &known.sessions,
                        )
                    });
                    identity.seen(n, row.first, row.last);
                }
                if key.standing != Standing::Mapped {
                    let other = others.entry((key.standing, operation)).or_default();
                    other.tally.add(n, row.first, row.last);
                }
                for one in uses.lines().filter_map(Use::read) {
                    let one = Use {
                        credential: self.names.text(key.credential),
                        via: self.names.text(key.via),
                        ..one
                    };
                    let used = used.entry((identity, one)).or_default();
                    let tally = match key.outcome {
                        Outcome::Success => &mut used.success,
                        Outcome::Denied => &mut used.denied,
                        Outcome::Failed => &mut used.failed,
                    };
                    tally.add(n, row.first, row.last);
                    used.take(row.context());
                }
            }
        }
        for ((identity, one), mut used) in used {
            one.write(&mut used);
            if let Some(identity) = identities.get_mut(identity) {
                identity.uses.push(used);
            }
        }
        let others = others.into_iter().map(|((standing, operation), mut other)| {
            operation.clone_into(&mut other.operation);
            (standing, other)
        });
        let (unmapped, no_calls): (Vec<_>, Vec<_>) =
            others.partition(|(standing, _)| *standing == Standing::Unmapped);
        Summary {
            n_events,
            n_forgotten: self.n_forgotten,
            trails: self
                .spans
                .iter()
                .map(|((account, region), span)| Trail {
                    account: account.to_string(),
                    region: region.to_string(),
                    first: span.first,
                    last: span.last,
                    categories: span.categories.iter().map(ToString::to_string).collect(),
                    data_services: span.data_services.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            identities: identities.into_values().collect(),
            unmapped: unmapped.into_iter().map(|(_, other)| other).collect(),
            no_calls: no_calls.into_iter().map(|(_, other)| other).collect(),
        }
    }
}

impl Row {
    fn context(&self) -> [&Names; 4] {
        [&self.networks, &self.agents, &self.regions, &self.vpc_endpoints]
    }
}

/// A line for each use: action, resource, whether it was observed, what a role was handed to.
fn write_uses(text: &mut String, uses: &[Permission<'_>], level: u8) {
    for used in uses {
        let resource: &str = &used.resource;
        let passed_to = used.passed_to.as_deref().unwrap_or_default();
        let is_clean = !resource.contains(['\n', '\t']) && !passed_to.contains(['\n', '\t']);
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
    }
}

/// The same of coarser areas.
fn coarser_uses(uses: &str, from: u8, to: u8) -> String {
    if from == to {
        return uses.to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    for line in uses.lines() {
        let mut fields = line.splitn(3, '\t');
        let (action, resource, rest) = (fields.next(), fields.next(), fields.next());
        let resource = area(resource.unwrap_or_default(), to);
        lines.push(format!(
            "{}\t{resource}\t{}\n",
            action.unwrap_or_default(),
            rest.unwrap_or_default()
        ));
    }
    lines.concat()
}

fn row_in(group: &mut Group, rows: &mut Vec<Row>, uses: &str) -> u32 {
    if let Some(row) = group.rows.get(uses) {
        return *row;
    }
    let row = u32::try_from(rows.len()).unwrap_or(NOT_COUNTED - 1);
    rows.push(Row::default());
    group.rows.insert(uses.into(), row);
    let mut key = uses.to_owned();
    while group.rows.len() > MAX_AREAS && group.level + 1 < LEVELS {
        let from = group.level;
        raise(group, rows);
        key = coarser_uses(&key, from, group.level);
    }
    group.rows.get(&*key).copied().unwrap_or(row)
}

/// Tells a group by coarser areas.
fn raise(group: &mut Group, rows: &mut [Row]) {
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
        let Some(moved) = rows.get_mut(row as usize).map(std::mem::take) else { continue };
        if let Some(row) = rows.get_mut(row as usize) {
            row.moved_to = Some(*into);
        }
        if let Some(into) = rows.get_mut(*into as usize) {
            into.absorb(&moved);
            into.n += moved.n;
            into.n_forgotten += moved.n_forgotten;
        }
    }
}

/// What a line of uses says, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Use<'a> {
    action: &'a str,
    resource: &'a str,
    credential: &'a str,
    via: &'a str,
    passed_to: &'a str,
    is_guessed: bool,
}

impl<'a> Use<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(4, '\t');
        let (action, resource) = (fields.next()?, fields.next()?);
        let is_guessed = fields.next()? == "-";
        let passed_to = fields.next()?;
        Some(Self { action, resource, credential: "", via: "", passed_to, is_guessed })
    }

    fn write(&self, used: &mut Used) {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        self.action.clone_into(&mut used.action);
        self.resource.clone_into(&mut used.resource);
        used.is_observed = !self.is_guessed;
        used.credential = some(self.credential);
        used.via = some(self.via);
        used.passed_to = some(self.passed_to);
    }
}

impl Used {
    fn take(&mut self, [networks, agents, regions, vpc_endpoints]: [&Names; 4]) {
        self.networks.absorb(networks);
        self.agents.absorb(agents);
        self.regions.absorb(regions);
        self.vpc_endpoints.absorb(vpc_endpoints);
    }
}

impl Tally {
    fn add(&mut self, n: u64, first: Option<Time>, last: Option<Time>) {
        self.n += n;
        self.first = earlier(self.first, first);
        self.last = self.last.max(last);
    }
}
