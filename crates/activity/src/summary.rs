//! What identities did, summed up: first, last and how often, whatever order the events came in and
//! however often each came.
//!
//! An event counts in one row, and its id remembers which: so summaries of any parts of the events,
//! overlapping or not, merge to what all events together would have given. Everything else that a row
//! holds (first, last, sets) does not change when an event comes again.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use model::Time;

use crate::cloudtrail::{Call, Event, Outcome, PrincipalKind, Standing, Who, call, prefix, who};
use crate::names::{Interned, NAME_BYTES, Names, remembered};
use crate::origin::{agent, network};
use crate::rows::{Group, Rows, Use, coarser_uses, earlier, write_uses};
use crate::seen::{Id, MAX_IDS, NOT_COUNTED};
use crate::view::{Identity, Summary, Trail, Unattributed, Used};

/// Identities, operations, areas and where calls came from take about so much; events that come then
/// are left out and counted. Told apart are a million areas in less than one GB.
pub const MAX_BYTES: usize = 4 << 30;
/// Callers that are remembered as they stand in records.
const MAX_CALLERS: usize = 1 << 14;

/// Who called, by number.
#[derive(Debug, Clone, Copy)]
struct By {
    identity: u32,
    credential: u32,
    via: u32,
    account: u32,
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

/// Puts in a name; how many bytes it takes where it is new.
fn put(names: &mut BTreeSet<Box<str>>, name: &str) -> usize {
    if names.contains(name) {
        return 0;
    }
    names.insert(name.into());
    NAME_BYTES + name.len()
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    New,
    /// It came before.
    Known,
    Unwanted,
    /// There was no room for anything more: see [`MAX_BYTES`].
    LeftOut,
}

/// Takes events one by one, and other summaries.
#[derive(Debug, Clone)]
pub struct Summaries {
    /// In which row each event was counted.
    seen: HashMap<Id, u32>,
    max_ids: usize,
    n_forgotten: u64,
    max_bytes: usize,
    n_left_out: u64,
    names: Interned,
    groups: HashMap<Key, Group>,
    rows: Rows,
    identities: BTreeMap<u32, Known>,
    copies: HashMap<Id, Copied>,
    /// By account and region.
    spans: BTreeMap<Box<str>, BTreeMap<Box<str>, Span>>,
    callers: HashMap<Box<str>, (Box<str>, By)>,
    agents: HashMap<String, Box<str>>,
    networks: HashMap<String, Box<str>>,
    scratch: String,
}

impl Default for Summaries {
    fn default() -> Self {
        Self::within(MAX_IDS, MAX_BYTES)
    }
}

impl Summaries {
    /// With limits of its own in place of [`MAX_IDS`] and [`MAX_BYTES`].
    pub fn within(max_ids: usize, max_bytes: usize) -> Self {
        Self {
            seen: HashMap::new(),
            max_ids,
            n_forgotten: 0,
            max_bytes,
            n_left_out: 0,
            names: Interned::default(),
            groups: HashMap::new(),
            rows: Rows::default(),
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
        (self.seen.allocation_size(), self.seen.len())
    }

    /// Takes in an event; false when it was known.
    pub fn add(&mut self, event: &Event<'_>) -> bool {
        self.add_of(event, |_| true) == Added::New
    }

    /// Takes in an event of an identity that is wanted, by its key. Whose it is does not matter for
    /// what its trail was seen to hold.
    pub fn add_of(&mut self, event: &Event<'_>, is_wanted: impl FnOnce(&str) -> bool) -> Added {
        let id = match &event.id {
            Some(id) => Id::of(id),
            // Nothing else tells a copy from another event.
            None => Id::hashed(event.raw.as_bytes()),
        };
        if self.seen.contains_key(&id) {
            return Added::Known;
        }
        if self.names.n_bytes + self.rows.n_bytes > self.max_bytes {
            self.n_left_out += 1;
            return Added::LeftOut;
        }
        self.saw(event);
        let by = self.by(event);
        if !is_wanted(self.names.text(by.identity)) {
            return Added::Unwanted;
        }
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
        write_uses(&mut self.scratch, &uses, group.level());
        let row = self.rows.row_in(group, &self.scratch);
        self.touch(row, event);
        if self.seen.len() >= self.max_ids {
            self.n_forgotten += 1;
            if let Some(row) = self.rows.get_mut(row) {
                row.n_forgotten += 1;
            }
            return Added::New;
        }
        self.count(id, row);
        if let Some(shared) = &event.shared_id {
            self.copy(Id::of(shared), Copied { is_callers, id });
        }
        Added::New
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
        let Who { principal, access_key, session, via, .. } = who(&event.caller(), region);
        // A session's key lasts hours: it is no credential that anybody rotates.
        let credential = access_key.as_deref().filter(|key| !key.starts_with("ASIA"));
        let account = principal.account.as_deref().unwrap_or_default();
        let by = By {
            identity: self.names.number(&principal.key),
            credential: self.names.number(credential.unwrap_or_default()),
            via: self.names.number(via.as_deref().unwrap_or_default()),
            account: self.names.number(account),
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
            self.names.n_bytes += known.federated.add(federated);
        }
        if let Some(session) = session {
            self.names.n_bytes += known.sessions.add(&session);
        }
        if self.callers.len() == MAX_CALLERS {
            self.callers.clear();
        }
        self.callers.insert(event.caller.into(), (start.into(), by));
        by
    }

    fn count(&mut self, id: Id, row: u32) {
        self.seen.insert(id, row);
        if let Some(row) = self.rows.get_mut(row) {
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
        let Some(row) = self.seen.get_mut(&id) else { return };
        let row = std::mem::replace(row, NOT_COUNTED);
        let row = self.rows.settled(row);
        if let Some(row) = self.rows.get_mut(row) {
            row.n = row.n.saturating_sub(1);
        }
    }

    fn touch(&mut self, row: u32, event: &Event<'_>) {
        let Some(row) = self.rows.get_mut(row) else { return };
        row.first = earlier(row.first, event.time);
        row.last = row.last.max(event.time);
        let mut n_bytes = 0;
        if let Some(source) = &event.source_address {
            n_bytes += row.networks.add(remembered(&mut self.networks, source, network));
        }
        if let Some(user_agent) = &event.user_agent {
            n_bytes += row.agents.add(remembered(&mut self.agents, user_agent, agent));
        }
        if let Some(region) = &event.region {
            n_bytes += row.regions.add(region);
        }
        if let Some(endpoint) = &event.vpc_endpoint {
            n_bytes += row.vpc_endpoints.add(endpoint);
        }
        self.rows.n_bytes += n_bytes;
    }

    /// Takes in what an event tells of its trail.
    fn saw(&mut self, event: &Event<'_>) {
        let account = event.recipient_account.as_deref().unwrap_or_default();
        let region = event.region.as_deref().unwrap_or_default();
        let known = self.spans.get_mut(account).and_then(|regions| regions.get_mut(region));
        let span = if let Some(span) = known {
            span
        } else {
            self.names.n_bytes += size_of::<Span>() + account.len() + region.len();
            let regions = self.spans.entry(account.into()).or_default();
            regions.entry(region.into()).or_default()
        };
        span.first = earlier(span.first, event.time);
        span.last = span.last.max(event.time);
        let category = event.category.as_deref().unwrap_or_default();
        self.names.n_bytes += put(&mut span.categories, category);
        if category == "Data" {
            let service = prefix(event.source.as_deref().unwrap_or_default());
            self.names.n_bytes += put(&mut span.data_services, service);
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
            self.rows.raise_to(group, theirs.level());
            for (uses, from) in theirs.sorted() {
                let uses = coarser_uses(uses, theirs.level(), group.level());
                let to = self.rows.row_in(group, &uses);
                if let (Some(to), Some(from)) = (self.rows.get_mut(to), other.rows.get(from)) {
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
        for (account, regions) in &other.spans {
            let spans = self.spans.entry(account.clone()).or_default();
            for (region, theirs) in regions {
                let span = spans.entry(region.clone()).or_default();
                span.first = earlier(span.first, theirs.first);
                span.last = span.last.max(theirs.last);
                span.categories.extend(theirs.categories.iter().cloned());
                span.data_services.extend(theirs.data_services.iter().cloned());
            }
        }
        self.n_forgotten += other.n_forgotten;
        self.n_left_out += other.n_left_out;
        // In no order: each id is counted for itself.
        for (id, row) in &other.seen {
            if self.seen.contains_key(id) {
                continue;
            }
            let settled = other.rows.settled(*row);
            match moved.get(settled as usize) {
                // Its area may have grown by a row that came after it.
                Some(row) if *row != NOT_COUNTED => self.count(*id, self.rows.settled(*row)),
                _ => {
                    self.seen.insert(*id, NOT_COUNTED);
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
                let Some(row) = self.rows.get(row) else { continue };
                let n = row.n + row.n_forgotten;
                if n == 0 {
                    continue;
                }
                n_events += n;
                let identity = self.names.text(key.identity);
                let operation = self.names.text(key.operation);
                if let Some(known) = self.identities.get(&key.identity) {
                    let identity = identities.entry(identity).or_insert_with(|| Identity {
                        key: identity.to_owned(),
                        kind: known.kind,
                        account: known.account.to_string(),
                        n_events: 0,
                        first: None,
                        last: None,
                        federated: known.federated.clone(),
                        sessions: known.sessions.clone(),
                        uses: Vec::new(),
                    });
                    identity.n_events += n;
                    identity.first = earlier(identity.first, row.first);
                    identity.last = identity.last.max(row.last);
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
                    used.take(row);
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
        let texts = |names: &BTreeSet<Box<str>>| names.iter().map(ToString::to_string).collect();
        let trails = self.spans.iter().flat_map(|(account, regions)| {
            regions.iter().map(|(region, span)| Trail {
                account: account.to_string(),
                region: region.to_string(),
                first: span.first,
                last: span.last,
                categories: texts(&span.categories),
                data_services: texts(&span.data_services),
            })
        });
        Summary {
            n_events,
            n_forgotten: self.n_forgotten,
            n_left_out: self.n_left_out,
            trails: trails.collect(),
            identities: identities.into_values().collect(),
            unmapped: unmapped.into_iter().map(|(_, other)| other).collect(),
            no_calls: no_calls.into_iter().map(|(_, other)| other).collect(),
        }
    }
}
