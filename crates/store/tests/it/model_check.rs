//! Random syncs of several sources against a naive reference that keeps every state it ever had.

use std::collections::{BTreeMap, BTreeSet};

use model::{Authority, Batch, Coverage, Fact, Gap, GapReason, Scope, SourceId, Time};
use proptest::prelude::*;
use store::{DiffKind, DiffQuery, List, ListQuery, Store};

use crate::world::{at, identity, scope, source};

/// One sync of one source.
#[derive(Debug, Clone)]
struct Run {
    source: usize,
    /// Thing, scope, authority, and a value that changes.
    stated: BTreeMap<u8, (usize, Authority, bool)>,
    /// Which scopes were read, and the thing that could not be.
    read: BTreeMap<usize, Option<u8>>,
    /// Published, or given up.
    is_published: bool,
}

const SCOPES: [&str; 2] = ["/one", "/two"];
const SOURCES: [&str; 3] = ["a", "b", "c"];

fn name_of(thing: u8) -> String {
    format!("thing-{thing}")
}

fn any_run() -> impl Strategy<Value = Run> {
    let authority = proptest::sample::select(vec![
        Authority::Record,
        Authority::Declared,
        Authority::Mentioned,
    ]);
    (
        0..SOURCES.len(),
        proptest::collection::btree_map(0..6_u8, (0..SCOPES.len(), authority, any::<bool>()), 0..5),
        proptest::collection::btree_map(0..SCOPES.len(), proptest::option::of(0..6_u8), 0..3),
        proptest::bool::weighted(0.9),
    )
        .prop_map(|(source, stated, read, is_published)| Run {
            source,
            stated,
            read,
            is_published,
        })
}

/// What one source claims of one thing.
struct Claim {
    stated: (usize, Authority, bool),
    /// The turn in which it first stood.
    since: usize,
    /// Where it may still stand.
    scopes: BTreeSet<usize>,
}

impl Claim {
    /// Whether every scope that states the thing was read far enough to see that it is gone.
    fn is_gone(&self, thing: u8, run: &Run) -> bool {
        self.scopes
            .iter()
            .all(|scope| run.read.get(scope).is_some_and(|hidden| *hidden != Some(thing)))
    }

    /// Whether a run only mentions what was stated and may still be.
    fn outlasts(&self, thing: u8, run: &Run) -> bool {
        let is_mentioned =
            run.stated.get(&thing).is_some_and(|stated| stated.1 == Authority::Mentioned);
        is_mentioned && self.stated.1 != Authority::Mentioned && !self.is_gone(thing, run)
    }

    /// The scopes that a run did not read to their end.
    fn unread(&self, run: &Run) -> BTreeSet<usize> {
        self.scopes.iter().copied().filter(|scope| run.read.get(scope) != Some(&None)).collect()
    }
}

#[derive(Default)]
struct Reference {
    /// By thing and source.
    claims: BTreeMap<(u8, usize), Claim>,
    /// Things that an authoritative claim once ended for.
    ended: BTreeSet<u8>,
    turn: usize,
}

impl Reference {
    fn apply(&mut self, run: &Run) {
        self.turn += 1;
        if !run.is_published {
            return;
        }
        let own: Vec<u8> = self
            .claims
            .keys()
            .filter(|(_, source)| *source == run.source)
            .map(|(t, _)| *t)
            .collect();
        for thing in own {
            let known = &self.claims[&(thing, run.source)];
            let authority = known.stated.1;
            let is_over = match run.stated.get(&thing) {
                Some(_) if known.outlasts(thing, run) => false,
                // A version that said more than a mention goes into the history when it changes.
                Some(stated) => {
                    let mut scopes = known.unread(run);
                    scopes.insert(stated.0);
                    *stated != known.stated || scopes != known.scopes
                }
                None => known.is_gone(thing, run),
            };
            if is_over && authority != Authority::Mentioned {
                self.ended.insert(thing);
            }
            if is_over && !run.stated.contains_key(&thing) {
                self.claims.remove(&(thing, run.source));
            }
        }
        for (thing, stated) in &run.stated {
            let known = self.claims.get(&(*thing, run.source));
            if known.is_some_and(|known| known.outlasts(*thing, run)) {
                continue;
            }
            let since = known.map_or(self.turn, |known| known.since);
            let mut scopes = known.map_or(BTreeSet::new(), |known| known.unread(run));
            scopes.insert(stated.0);
            let claim = Claim { stated: *stated, since, scopes };
            self.claims.insert((*thing, run.source), claim);
        }
    }

    /// What lists show: the leading claim's source and value.
    fn shown(&self) -> BTreeMap<String, (String, bool)> {
        let mut shown = BTreeMap::new();
        for thing in 0..6 {
            let mut claims: Vec<_> =
                self.claims.iter().filter(|((other, _), _)| *other == thing).collect();
            claims.sort_by_key(|(_, claim)| (std::cmp::Reverse(claim.stated.1), claim.since));
            let Some(((_, source), Claim { stated: (_, authority, value), .. })) = claims.first()
            else {
                continue;
            };
            if *authority == Authority::Mentioned && self.ended.contains(&thing) {
                continue;
            }
            shown.insert(name_of(thing), (SOURCES[*source].to_owned(), *value));
        }
        shown
    }
}

fn batch_of(run: &Run, scopes: &[Scope]) -> Batch {
    let mut batch = Batch::default();
    for (thing, (scope, authority, value)) in &run.stated {
        let mut record = identity(&name_of(*thing), scopes[*scope].id);
        record.authority = *authority;
        record.enabled = Fact::known(*value);
        batch.identities.push(record);
    }
    for (scope, hidden) in &run.read {
        let mut coverage = Coverage::new(scopes[*scope].clone());
        if let Some(thing) = hidden {
            coverage.miss(Gap::new(format!("/etc/{}", name_of(*thing)), GapReason::Denied));
        }
        batch.coverage.push(coverage);
    }
    batch.settle();
    batch
}

fn shown(store: &Store, as_of: Option<Time>) -> BTreeMap<String, (String, bool)> {
    let query = ListQuery { as_of, limit: 100, ..ListQuery::default() };
    let rows = store.list_identities(&query).unwrap().rows;
    let n = rows.len();
    let shown: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| {
            let value = *row.record.enabled.value().unwrap();
            (row.record.name, (row.source_name, value))
        })
        .collect();
    assert_eq!(shown.len(), n, "one row per thing");
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lists_as_of_and_diff_are_those_of_the_reference(
        runs in proptest::collection::vec(any_run(), 1..14)
    ) {
        let store = Store::in_memory(Time::default()).unwrap();
        let sources: Vec<SourceId> = SOURCES.iter().map(|name| source(&store, name)).collect();
        let scopes = SCOPES.map(scope);
        let mut reference = Reference::default();
        let mut states = vec![(at(0), BTreeMap::new())];
        for (n, run) in runs.iter().enumerate() {
            let now = at(10 + i64::try_from(n).unwrap());
            let mut writer = store.begin_sync(sources[run.source], now).unwrap();
            writer.put(&batch_of(run, &scopes)).unwrap();
            if run.is_published {
                writer.publish(now).unwrap();
            } else {
                writer.fail("given up", now).unwrap();
            }
            reference.apply(run);
            states.push((now, reference.shown()));
            prop_assert_eq!(shown(&store, None), reference.shown(), "after run {}", n);
        }
        for (moment, state) in &states {
            prop_assert_eq!(&shown(&store, Some(*moment)), state, "as of {}", moment);
        }
        for (from, before) in states.iter().step_by(3) {
            for (to, after) in states.iter().filter(|(to, _)| to > from).step_by(2) {
                let query = DiffQuery {
                    from: *from,
                    to: *to,
                    list: List::Identities,
                    kind: None,
                    after: None,
                    limit: 100,
                };
                let rows = store.diff(&query).unwrap().rows;
                let named = |kind| {
                    let mut names: Vec<_> =
                        rows.iter().filter(|row| row.diff == kind).map(|row| row.name.clone()).collect();
                    names.sort();
                    names
                };
                let missing = |from: &BTreeMap<String, _>, to: &BTreeMap<String, (String, bool)>| {
                    from.keys().filter(|name| !to.contains_key(*name)).cloned().collect::<Vec<_>>()
                };
                prop_assert_eq!(named(DiffKind::Added), missing(after, before));
                prop_assert_eq!(named(DiffKind::Gone), missing(before, after));
                let summary = &store.diff_summary(*from, *to).unwrap()[0];
                prop_assert_eq!(summary.changed, named(DiffKind::Changed).len() as u64);
                for (name, (_, value)) in before {
                    if after.get(name).is_some_and(|(_, later)| later != value) {
                        prop_assert!(named(DiffKind::Changed).contains(name));
                    }
                }
            }
        }
    }
}
