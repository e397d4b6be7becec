//! Policies that are asked often: for every action, the statements that are about it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::glob::Glob;

use super::catalogue::{ActionId, ActionSet, Catalogue};
use super::decide::{
    Allowing, Asked, BlockedBy, Decision, Policies, Reason, Request, Seat, Verdict, decide,
};
use super::document::{Document, Either, Statement};
use super::formula::Formula;
use super::principal::Level;

/// Policies with an index by action. Answers as [`decide`] does.
#[derive(Debug, Clone)]
pub struct Compiled {
    policies: Policies,
    documents: Vec<Arc<Document>>,
    /// The first action of each run of actions that the same statements are about.
    starts: Vec<u32>,
    /// Where the entries of each run begin, and where the last ends.
    firsts: Vec<usize>,
    entries: Vec<Entry>,
}

/// Of patterns for many services, of which each is held against every action, so many are indexed.
const MAX_WIDE_PATTERNS: usize = 2_000;

/// So many beginnings and ends of runs of actions are indexed: 48 MB.
const MAX_TURNS: usize = 1_000_000;

/// So many statements are indexed, each with every run of actions that it is about: 20 MB.
const MAX_ENTRIES: usize = 500_000;

/// A statement that is about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) seat: Seat,
    document: usize,
    pub(super) statement: usize,
}

/// A request, with what does not depend on policies found out once; on its first resource.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    asked: Asked<'a>,
    id: ActionId,
    is_known: bool,
    is_bound: [bool; 7],
}

/// A verdict without the statements that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    pub reason: Reason,
}

impl<'a> Question<'a> {
    pub fn new(request: &'a Request) -> Self {
        let asked = Asked::new(request, request.resources.first().map_or("*", String::as_str));
        let catalogue = Catalogue::get();
        let known = catalogue.id_of(&request.action);
        let layers = [
            BlockedBy::Scp,
            BlockedBy::Rcp,
            BlockedBy::Endpoint,
            BlockedBy::Identity,
            BlockedBy::Resource,
            BlockedBy::Boundary,
            BlockedBy::Session,
        ];
        let is_bound = layers.map(|layer| asked.is_bound_by(layer));
        let id = known.unwrap_or_else(|| catalogue.id_or_unknown(&request.action));
        Self { asked, id, is_known: known.is_some(), is_bound }
    }
}

/// The actions a statement may be about.
fn actions_of(statement: &Statement) -> ActionSet {
    let catalogue = Catalogue::get();
    match &statement.actions {
        Either::In(globs) => catalogue.matching_any(globs.iter().map(Glob::written)),
        Either::NotIn(globs) => catalogue.matching_none(globs.iter().map(Glob::written)),
    }
}

impl Compiled {
    /// None where the policies tell so many actions apart that the index would not fit: no account has
    /// such ones, whose policies have a few thousand characters each.
    pub fn new(policies: Policies) -> Option<Self> {
        let is_wide = |glob: &&Glob| {
            let service = glob.written().split(':').next().unwrap_or_default();
            service.contains(['*', '?']) && !glob.is_any()
        };
        let statements = policies.documents().flat_map(|(_, document)| &document.statements);
        let globs = statements.flat_map(|one| {
            let (Either::In(globs) | Either::NotIn(globs)) = &one.actions;
            globs
        });
        if globs.filter(is_wide).count() > MAX_WIDE_PATTERNS {
            return None;
        }
        let mut documents = Vec::new();
        // At each action, the statements that begin or end to be about it.
        let mut turns: Vec<(u32, bool, Entry)> = Vec::new();
        for (seat, document) in policies.documents() {
            for (statement, one) in document.statements.iter().enumerate() {
                let entry = Entry { seat, document: documents.len(), statement };
                for range in actions_of(one).ranges() {
                    turns.push((range.start, true, entry));
                    turns.push((range.end, false, entry));
                }
                if turns.len() > MAX_TURNS {
                    return None;
                }
            }
            documents.push(Arc::clone(document));
        }
        turns.sort_by_key(|(at, ..)| *at);
        let mut compiled =
            Self { policies, documents, starts: Vec::new(), firsts: vec![0], entries: Vec::new() };
        // What denies comes first: it ends the search.
        let mut open: BTreeMap<(bool, usize, usize), Entry> = BTreeMap::new();
        let mut turns = turns.into_iter().peekable();
        while let Some((at, begins, entry)) = turns.next() {
            let key = (compiled.is_allowing(entry), entry.document, entry.statement);
            if begins {
                open.insert(key, entry);
            } else {
                open.remove(&key);
            }
            if turns.peek().is_none_or(|(next, ..)| *next != at) {
                compiled.starts.push(at);
                compiled.entries.extend(open.values());
                compiled.firsts.push(compiled.entries.len());
            }
            if compiled.entries.len() > MAX_ENTRIES {
                return None;
            }
        }
        Some(compiled)
    }

    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    fn is_allowing(&self, entry: Entry) -> bool {
        self.statement(entry).is_some_and(|statement| statement.allows)
    }

    pub(super) fn statement(&self, entry: Entry) -> Option<&Statement> {
        self.documents.get(entry.document)?.statements.get(entry.statement)
    }

    fn entries_of(&self, id: ActionId) -> &[Entry] {
        let run = self.starts.partition_point(|start| *start <= id.rank());
        let Some(run) = run.checked_sub(1) else { return &[] };
        self.entries_of_run(run)
    }

    fn entries_of_run(&self, run: usize) -> &[Entry] {
        let ends = self.firsts.get(run).copied().zip(self.firsts.get(run + 1).copied());
        ends.and_then(|(first, last)| self.entries.get(first..last)).unwrap_or_default()
    }

    /// The verdict on a question.
    pub fn answer(&self, question: &Question<'_>) -> Answer {
        self.answer_certain(question).unwrap_or_else(|| {
            let request = question.asked.request;
            let Decision { verdict, reason, .. } = match request.resources.as_slice() {
                [] | [_] => decide(request, &self.policies),
                [first, ..] => {
                    let one = Request { resources: vec![first.clone()], ..request.clone() };
                    decide(&one, &self.policies)
                }
            };
            Answer { verdict, reason }
        })
    }

    /// None where something that is not known may matter.
    fn answer_certain(&self, question: &Question<'_>) -> Option<Answer> {
        let Question { asked, id, is_known, is_bound } = question;
        if asked.request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
            return Some(Answer { verdict: Verdict::Allow, reason: Reason::Allowed });
        }
        let has_boundary = !self.policies.boundaries.is_empty();
        let mut by = Allowing::<bool>::default();
        let [mut service_control, mut resource_control] = [0_u64; 2];
        let mut endpoint = self.policies.endpoint.is_empty();
        for entry in self.entries_of(*id) {
            let layer = entry.seat.layer;
            if is_bound.get(layer as usize) != Some(&true) {
                continue;
            }
            let statement = self.statement(*entry)?;
            if !is_known && !statement.is_about_action(&asked.request.action) {
                continue;
            }
            let Some((holds, level)) = asked.holds(statement, has_boundary) else { continue };
            match holds {
                Formula::Is(true) => {}
                Formula::Is(false) => continue,
                _ => return None,
            }
            if !statement.allows {
                return Some(Answer { verdict: Verdict::Deny, reason: Reason::ExplicitDeny });
            }
            let tier = 1_u64.checked_shl(u32::try_from(entry.seat.tier).ok()?)?;
            match (layer, level) {
                (BlockedBy::Scp, _) => service_control |= tier,
                (BlockedBy::Rcp, _) => resource_control |= tier,
                (BlockedBy::Endpoint, _) => endpoint = true,
                (BlockedBy::Identity, _) => by.identity = true,
                (BlockedBy::Boundary, _) => by.boundary = true,
                (BlockedBy::Session, _) => by.session = true,
                (BlockedBy::Resource, Level::Account) => by.account = true,
                (BlockedBy::Resource, Level::Behind) => by.behind = true,
                (BlockedBy::Resource, Level::Itself) => by.itself = true,
            }
        }
        let all = |levels: usize, allowed: u64, layer: BlockedBy| {
            let is_bound = is_bound.get(layer as usize) == Some(&true);
            let wanted = u32::try_from(levels).ok().and_then(|n| 1_u64.checked_shl(n));
            !is_bound || wanted.map_or(levels == 64, |end| allowed == end - 1)
        };
        let Policies { service_control: tiers, resource_control: of_resource, .. } = &self.policies;
        let is_allowed = endpoint
            && all(tiers.len(), service_control, BlockedBy::Scp)
            && all(of_resource.len(), resource_control, BlockedBy::Rcp)
            && asked.grant(&self.policies, by).0;
        Some(if is_allowed {
            Answer { verdict: Verdict::Allow, reason: Reason::Allowed }
        } else {
            Answer { verdict: Verdict::Deny, reason: Reason::ImplicitDeny }
        })
    }

    /// Actions by the statements that are about them; those that none is about are left out.
    pub(super) fn classes(&self) -> Vec<(ActionSet, &[Entry])> {
        let catalogue = Catalogue::get();
        let mut numbers: HashMap<Vec<(usize, usize)>, usize> = HashMap::new();
        let mut classes: Vec<(ActionSet, &[Entry])> = Vec::new();
        let ends = self.starts.iter().skip(1).copied().chain([u32::MAX]);
        for ((run, start), end) in self.starts.iter().enumerate().zip(ends) {
            let entries = self.entries_of_run(run);
            if entries.is_empty() {
                continue;
            }
            let key: Vec<_> = entries.iter().map(|it| (it.document, it.statement)).collect();
            let number = *numbers.entry(key).or_insert_with(|| {
                classes.push((catalogue.none(), entries));
                classes.len() - 1
            });
            if let Some((set, _)) = classes.get_mut(number) {
                set.insert_range(*start..end.min(catalogue.unknown().rank() + 1));
            }
        }
        classes
    }
}
