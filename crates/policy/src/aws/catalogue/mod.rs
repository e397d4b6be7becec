//! What AWS has: services, their actions, resource types and condition keys.
//!
//! Read once from `actions.txt`, which `cargo xtask catalogue` writes and which stays in the program
//! as it is: names are slices of it. AWS adds actions every week, so a catalogue is never all there
//! is: each service has one [`ActionId`] more, for the actions of it that are not known here, and
//! one stands for the services that are not. Start at [`Catalogue::matching`].

mod nearest;
mod set;

use std::cmp::Ordering;
use std::sync::LazyLock;

use serde::Serialize;

use crate::glob::{Case, Glob, Token};

pub use nearest::{MAX_NEAREST, MAX_NEAREST_BYTES, nearest};
pub use set::ActionSet;

const TEXT: &str = include_str!("actions.txt");

/// The rank of `service:action` in lower case; behind the actions of a service comes the id of those
/// of it that are not known, and last of all the id of services that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(u32);

impl ActionId {
    pub const fn rank(self) -> u32 {
        self.0
    }
}

/// AWS's own classes. Tagging and managing permissions are ways of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLevel {
    List,
    Read,
    Write,
    Tagging,
    PermissionsManagement,
}

impl AccessLevel {
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Tagging => "tagging",
            Self::PermissionsManagement => "permissions-management",
        }
    }
}

/// What a condition key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySort {
    Text,
    Number,
    Bool,
    Date,
    Arn,
    Address,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// As AWS writes it; `${TagKey}` and `<key>` stand for any text.
    pub name: &'static str,
    pub sort: KeySort,
    /// Whether a request may have several values of it.
    pub is_list: bool,
}

impl Key {
    /// Whether a key of a policy is this one. Letters of either case are the same.
    pub fn is(&self, written: &str) -> bool {
        let start = self.fixed_start();
        let is_alike =
            written.get(..start.len()).is_some_and(|written| written.eq_ignore_ascii_case(start));
        // Two services name the tag by a word, three not at all.
        is_alike
            && match self.name.get(start.len()..).unwrap_or_default() {
                "" if !start.ends_with('/') => written.len() == start.len(),
                "" | "tag-key" => written.len() > start.len(),
                _ => holes(self.name).matches(written),
            }
    }
}

impl Key {
    /// What every key that is this one begins with; the whole name where nothing in it stands for
    /// something else.
    fn fixed_start(&self) -> &'static str {
        let named = self.name.strip_suffix("tag-key").filter(|start| start.ends_with('/'));
        let start = named.or_else(|| self.name.split(['$', '<']).next());
        start.unwrap_or(self.name)
    }
}

/// A name in which `${…}` and `<…>` stand for any text of at least one character.
fn holes(name: &str) -> Glob {
    let mut tokens = Vec::new();
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let end = match c {
            '$' if rest.peek() == Some(&'{') => '}',
            '<' => '>',
            c => {
                tokens.push(Token::Char(c));
                continue;
            }
        };
        rest.by_ref().take_while(|c| *c != end).for_each(drop);
        tokens.extend([Token::One, Token::Any]);
    }
    Glob::of(tokens, Case::Ignored)
}

#[derive(Debug)]
pub struct ResourceType {
    pub name: &'static str,
    /// Divided by commas; most have one.
    arns: &'static str,
    set: &'static str,
}

impl ResourceType {
    /// Patterns in which `${…}` stands for a text.
    pub fn arns(&self) -> impl Iterator<Item = &'static str> {
        self.arns.split(',')
    }
}

#[derive(Debug)]
pub struct Service {
    /// What stands before the colon of its actions.
    pub prefix: &'static str,
    /// What AWS calls it.
    pub name: &'static str,
    pub keys: Vec<Key>,
    pub resource_types: Vec<ResourceType>,
    sets: Vec<&'static str>,
    first: u32,
    /// The id of its actions that are not known.
    unknown: u32,
}

impl Service {
    /// Its actions that are not known, all at once.
    pub const fn unknown(&self) -> ActionId {
        ActionId(self.unknown)
    }

    pub fn actions(&self) -> impl Iterator<Item = ActionId> {
        (self.first..self.unknown).map(ActionId)
    }

    /// Of its action at a place in its list.
    fn id(&self, at: usize) -> ActionId {
        ActionId(self.first + u32::try_from(at).unwrap_or_default())
    }

    fn keys_of(&self, set: &str) -> impl Iterator<Item = &'static str> {
        let number: Option<usize> = set.parse().ok();
        let set = number.and_then(|number| self.sets.get(number).copied());
        set.into_iter().flat_map(|set| set.split(','))
    }

    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|one| one.name == name)
    }
}

/// A known action.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    pub id: ActionId,
    pub service: &'a Service,
    pub name: &'static str,
    pub level: AccessLevel,
    types: &'static str,
    set: &'static str,
    dependents: &'static str,
}

/// A resource type of an action.
#[derive(Debug, Clone, Copy)]
pub struct Affected<'a> {
    pub resource_type: &'a ResourceType,
    /// Whether every request has one, and has to be allowed on it.
    pub is_needed: bool,
    set: &'static str,
}

impl<'a> Action<'a> {
    /// None where it takes `*` only.
    pub fn affected(&self) -> impl Iterator<Item = Affected<'a>> + use<'a> {
        let Self { service, types, .. } = *self;
        types.split(',').filter_map(move |written| {
            let (name, set) = written.split_once('=').unwrap_or((written, ""));
            let (name, is_needed) = match name.strip_suffix('!') {
                Some(name) => (name, true),
                None => (name, false),
            };
            let resource_type = service.resource_type(name)?;
            Some(Affected { resource_type, is_needed, set })
        })
    }

    /// Whether no resource but `*` can be named for it.
    pub const fn takes_no_resource(&self) -> bool {
        self.types.is_empty()
    }

    /// The condition keys of its own, without those of its resources.
    pub fn own_keys(&self) -> impl Iterator<Item = &'static str> + use<'a> {
        self.service.keys_of(self.set)
    }

    /// Every condition key that a request for it may have, global ones left out.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + use<'a> {
        let service = self.service;
        let of_resources = self.affected().flat_map(move |one| {
            service.keys_of(one.set).chain(service.keys_of(one.resource_type.set))
        });
        self.own_keys().chain(of_resources)
    }

    /// What else is asked for by the way, as `service:Name`.
    pub fn dependents(&self) -> impl Iterator<Item = &'static str> {
        self.dependents.split(',').filter(|name| !name.is_empty())
    }

    /// `service:Name`.
    pub fn full_name(&self) -> String {
        format!("{}:{}", self.service.prefix, self.name)
    }
}

/// What stands behind an id.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    Action(Action<'a>),
    /// The actions of a service that are not known.
    UnknownOf(&'a Service),
    /// The actions of services that are not known.
    Unknown,
}

#[derive(Debug)]
pub struct Catalogue {
    /// In the order of their prefix and a colon.
    services: Vec<Service>,
    /// By id: the name, and the rest of the line. Empty for what is not known.
    lines: Vec<(&'static str, &'static str)>,
}

/// How to take a pattern that also means actions that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The unknown actions of a service are in it if it can match one of them.
    Widest,
    /// The unknown actions of a service are in it if it matches all that there can be.
    Narrowest,
}

impl Catalogue {
    pub fn get() -> &'static Self {
        static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(TEXT));
        &CATALOGUE
    }

    fn read(text: &'static str) -> Self {
        let mut services: Vec<Service> = Vec::with_capacity(512);
        let mut lines = Vec::with_capacity(24_000);
        for line in text.lines() {
            let Some((sort, rest)) = line.split_once('\t') else { continue };
            let (name, rest) = rest.split_once('\t').unwrap_or((rest, ""));
            let next = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            let Some(service) = services.last_mut().filter(|_| sort != "S") else {
                if !services.is_empty() {
                    lines.push(("", ""));
                }
                let first = u32::try_from(lines.len()).unwrap_or(u32::MAX);
                services.push(Service {
                    prefix: name,
                    name: rest,
                    keys: Vec::new(),
                    resource_types: Vec::new(),
                    sets: Vec::new(),
                    first,
                    unknown: first,
                });
                continue;
            };
            match sort {
                "A" => {
                    lines.push((name, rest));
                    service.unknown = next + 1;
                }
                "R" => {
                    let (arns, set) = rest.split_once('\t').unwrap_or((rest, ""));
                    service.resource_types.push(ResourceType { name, arns, set });
                }
                "C" => service.sets.push(rest),
                "K" => service.keys.extend(key(name, rest)),
                _ => {}
            }
        }
        lines.push(("", ""));
        lines.push(("", ""));
        Self { services, lines }
    }

    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// By what stands before the colon, in either case.
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        let key = |service: &Service| compare_prefixes(service.prefix, prefix);
        let at = self.services.binary_search_by(key).ok()?;
        self.services.get(at)
    }

    /// How many ids there are, with those of what is not known.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The actions of services that are not known, all at once.
    pub fn unknown(&self) -> ActionId {
        ActionId(u32::try_from(self.lines.len().saturating_sub(1)).unwrap_or(u32::MAX))
    }

    /// None for an id of another catalogue.
    pub fn named(&self, id: ActionId) -> Option<Named<'_>> {
        if id == self.unknown() {
            return Some(Named::Unknown);
        }
        let after = self.services.partition_point(|service| service.first <= id.0);
        let service = self.services.get(after.checked_sub(1)?)?;
        if id.0 == service.unknown {
            return Some(Named::UnknownOf(service));
        }
        let (name, rest) = *self.lines.get(usize::try_from(id.0).ok()?)?;
        let mut fields = rest.split('\t');
        let mut field = || fields.next().unwrap_or_default();
        let level = match field() {
            "L" => AccessLevel::List,
            "R" => AccessLevel::Read,
            "T" => AccessLevel::Tagging,
            "P" => AccessLevel::PermissionsManagement,
            _ => AccessLevel::Write,
        };
        let (types, set, dependents) = (field(), field(), field());
        Some(Named::Action(Action { id, service, name, level, types, set, dependents }))
    }

    /// None where the id stands for what is not known.
    pub fn action(&self, id: ActionId) -> Option<Action<'_>> {
        match self.named(id)? {
            Named::Action(action) => Some(action),
            Named::UnknownOf(_) | Named::Unknown => None,
        }
    }

    /// Of `service:Name`, in either case. None where it is not known.
    pub fn id_of(&self, action: &str) -> Option<ActionId> {
        let (service, name) = action.split_once(':')?;
        let service = self.service(service)?;
        self.find(service, name)
    }

    /// Of `service:Name`, in either case; what is not known has the id of what is not known.
    pub fn id_or_unknown(&self, action: &str) -> ActionId {
        let service = action.split_once(':').and_then(|(service, _)| self.service(service));
        match service {
            Some(service) => self.id_of(action).unwrap_or(service.unknown()),
            None => self.unknown(),
        }
    }

    fn find(&self, service: &Service, name: &str) -> Option<ActionId> {
        let lines = self.lines_of(service);
        // The shortest of those that start so comes first.
        let at = lines.partition_point(|(known, _)| compare_start(known, name).is_lt());
        let (known, _) = lines.get(at)?;
        known.eq_ignore_ascii_case(name).then(|| service.id(at))
    }

    /// The known actions of a service whose names start so, in either case.
    fn starting(&self, service: &Service, start: &str) -> std::ops::Range<u32> {
        let lines = self.lines_of(service);
        let from = lines.partition_point(|(name, _)| compare_start(name, start).is_lt());
        let behind = lines.get(from..).unwrap_or_default();
        let n = behind.partition_point(|(name, _)| compare_start(name, start).is_le());
        service.id(from).0..service.id(from + n).0
    }

    fn lines_of(&self, service: &Service) -> &[(&'static str, &'static str)] {
        let range = usize::try_from(service.first).unwrap_or(usize::MAX)
            ..usize::try_from(service.unknown).unwrap_or(usize::MAX);
        self.lines.get(range).unwrap_or_default()
    }

    /// No id.
    pub fn none(&self) -> ActionSet {
        ActionSet::empty(self.len())
    }

    /// Every id.
    pub fn all(&self) -> ActionSet {
        let mut all = ActionSet::empty(self.len());
        all.insert_range(0..self.unknown().0 + 1);
        all
    }

    /// What a pattern of an `Action` element can mean: the known actions that it matches, and the id
    /// of a service's unknown actions wherever it could match one of them. So it is never smaller
    /// than what AWS takes the pattern for.
    ///
    /// To say that all of A is in B, take A as widest and B as narrowest; for what is in A and not in
    /// B, the same. Both at their widest, `s3:Get*` and `s3:Put*` seem to share unknown actions; both
    /// at their narrowest, `s3:Get*` seems to be no more than the list of today.
    pub fn matching(&self, pattern: &str) -> ActionSet {
        self.matched(pattern, Reach::Widest)
    }

    /// The known actions that a pattern matches, and the id of a service's unknown actions only where
    /// it matches whatever may come: `*`, `s3:*`. So it is never larger than what AWS takes it for.
    pub fn matching_surely(&self, pattern: &str) -> ActionSet {
        self.matched(pattern, Reach::Narrowest)
    }

    fn matched(&self, pattern: &str, reach: Reach) -> ActionSet {
        let mut set = ActionSet::empty(self.len());
        self.add_matching(pattern, reach, &mut set);
        set
    }

    /// What the patterns of one element mean together, as [`Catalogue::matching`].
    pub fn matching_any<'p>(&self, patterns: impl IntoIterator<Item = &'p str>) -> ActionSet {
        let mut set = ActionSet::empty(self.len());
        for pattern in patterns {
            self.add_matching(pattern, Reach::Widest, &mut set);
        }
        set
    }

    /// What `NotAction` with these patterns means, at its widest: all but what they surely match.
    pub fn matching_none<'p>(&self, patterns: impl IntoIterator<Item = &'p str>) -> ActionSet {
        let mut set = ActionSet::empty(self.len());
        for pattern in patterns {
            self.add_matching(pattern, Reach::Narrowest, &mut set);
        }
        self.all().difference(&set)
    }

    fn add_matching(&self, pattern: &str, reach: Reach, set: &mut ActionSet) {
        let literal = pattern.split_once(':').filter(|(prefix, _)| !prefix.contains(['*', '?']));
        if let Some((prefix, name)) = literal {
            match self.service(prefix) {
                Some(service) => self.add_of_literal_service(service, name, reach, set),
                None if reach == Reach::Widest && Rest::new(name).is_possible => {
                    set.insert(self.unknown());
                }
                None => {}
            }
            return;
        }
        let pattern: Vec<Token> = tokens(pattern).collect();
        if !pattern.iter().any(|token| matches!(token, Token::Any | Token::One)) {
            return;
        }
        for service in &self.services {
            for rest in rests(&pattern, service.prefix) {
                self.add_of_service(service, &Rest::of(rest), reach, set);
            }
        }
        if reach == Reach::Widest || means_every_action(&pattern) {
            set.insert(self.unknown());
        }
    }

    /// Nearly all patterns are a name or the beginning of one: neither takes more than a search.
    fn add_of_literal_service(
        &self,
        service: &Service,
        name: &str,
        reach: Reach,
        set: &mut ActionSet,
    ) {
        let start = name.strip_suffix('*');
        if start.unwrap_or(name).contains(['*', '?']) {
            return self.add_of_service(service, &Rest::new(name), reach, set);
        }
        let may_be_unknown = match start {
            Some(start) => {
                set.insert_range(self.starting(service, start));
                start.is_empty() || (reach == Reach::Widest && start.chars().all(is_of_names))
            }
            None => match self.find(service, name) {
                Some(id) => {
                    set.insert(id);
                    false
                }
                None => reach == Reach::Widest && !name.is_empty() && name.chars().all(is_of_names),
            },
        };
        if may_be_unknown {
            set.insert(service.unknown());
        }
    }

    /// `rest` is what of a pattern is left for the names of a service.
    fn add_of_service(&self, service: &Service, rest: &Rest, reach: Reach, set: &mut ActionSet) {
        if rest.glob.is_none() {
            match self.find(service, &rest.start) {
                Some(id) => set.insert(id),
                None if reach == Reach::Widest && rest.is_possible => {
                    set.insert(service.unknown());
                }
                None => {}
            }
            return;
        }
        let ids = self.starting(service, &rest.start);
        match &rest.glob {
            Some(glob) if !rest.is_prefix => {
                for id in ids {
                    let line = usize::try_from(id).ok().and_then(|at| self.lines.get(at));
                    if line.is_some_and(|(name, _)| glob.matches(name)) {
                        set.insert(ActionId(id));
                    }
                }
            }
            _ => set.insert_range(ids),
        }
        if rest.is_whole || (reach == Reach::Widest && rest.is_possible) {
            set.insert(service.unknown());
        }
    }

    /// Known actions whose names are like this one, the likest first; at most [`MAX_NEAREST`].
    pub fn nearest(&self, action: &str) -> Vec<String> {
        let Some((prefix, name)) = action.split_once(':') else { return Vec::new() };
        let Some(service) = self.service(prefix) else {
            // The same name in services whose prefixes are alike.
            let prefixes = self.services.iter().map(|service| service.prefix);
            let mut found = Vec::new();
            for near in nearest(prefix, prefixes) {
                let service = self.service(near);
                let id = service.and_then(|service| self.find(service, name));
                found.extend(id.and_then(|id| self.action(id)).map(|action| action.full_name()));
            }
            return found;
        };
        let ids = service.actions().filter_map(|id| usize::try_from(id.0).ok());
        let names = ids.filter_map(|at| self.lines.get(at)).map(|(name, _)| *name);
        let near = nearest(name, names).into_iter();
        near.map(|name| format!("{}:{name}", service.prefix)).collect()
    }
}

/// What of a pattern stands behind the colon.
struct Rest {
    /// What every match begins with.
    start: String,
    /// None where nothing but `start` itself matches.
    glob: Option<Glob>,
    /// Whether it is `start` and one `*`.
    is_prefix: bool,
    /// Whether it matches whatever an action may be called.
    is_whole: bool,
    /// Whether it matches anything that an action may be called.
    is_possible: bool,
}

impl Rest {
    fn new(pattern: &str) -> Self {
        let tokens: Vec<Token> = tokens(pattern).collect();
        Self::of(&tokens)
    }

    fn of(tokens: &[Token]) -> Self {
        let start: String = tokens.iter().map_while(|token| char_of(*token)).collect();
        let behind = tokens.get(start.chars().count()..).unwrap_or_default();
        let glob = (!behind.is_empty()).then(|| Glob::of(tokens.iter().copied(), Case::Ignored));
        let is_prefix = !behind.is_empty() && behind.iter().all(|token| *token == Token::Any);
        let is_possible = !tokens.is_empty()
            && tokens.iter().all(|token| char_of(*token).is_none_or(is_of_names));
        Self { start, glob, is_prefix, is_whole: takes_any_text(tokens, 1), is_possible }
    }
}

fn tokens(pattern: &str) -> impl Iterator<Item = Token> {
    pattern.chars().map(|c| match c {
        '*' => Token::Any,
        '?' => Token::One,
        c => Token::Char(c),
    })
}

/// The character, where it stands for itself.
const fn char_of(token: Token) -> Option<char> {
    match token {
        Token::Char(c) => Some(c),
        Token::One | Token::Any => None,
    }
}

/// Whether every text of at least so many characters matches.
fn takes_any_text(tokens: &[Token], n_least: usize) -> bool {
    tokens.contains(&Token::Any)
        && tokens.iter().all(|token| matches!(token, Token::Any | Token::One))
        && tokens.iter().filter(|token| **token == Token::One).count() <= n_least
}

/// Whether it is a pattern like `*` or `*:*`.
fn means_every_action(pattern: &[Token]) -> bool {
    let mut halves = pattern.splitn(2, |token| *token == Token::Char(':'));
    match (halves.next(), halves.next()) {
        (Some(service), Some(name)) => takes_any_text(service, 1) && takes_any_text(name, 1),
        // The shortest action has three characters.
        _ => takes_any_text(pattern, 3),
    }
}

/// Whether AWS may one day call an action by this character.
const fn is_of_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// What may be left of a pattern for the name, after a service's prefix and the colon.
fn rests<'t>(pattern: &'t [Token], prefix: &str) -> Vec<&'t [Token]> {
    let mut starts = vec![0];
    for wanted in prefix.chars().chain([':']) {
        let mut next = Vec::new();
        let mut add = |at: usize| {
            if !next.contains(&at) {
                next.push(at);
            }
        };
        for start in starts {
            // A `*` may end before any token, or take one character more and stay.
            let mut at = start;
            while let Some(Token::Any) = pattern.get(at) {
                add(at);
                at += 1;
            }
            match pattern.get(at) {
                Some(Token::One) => add(at + 1),
                Some(Token::Char(c)) if c.eq_ignore_ascii_case(&wanted) => add(at + 1),
                _ => {}
            }
        }
        starts = next;
    }
    starts.into_iter().filter_map(|start| pattern.get(start..)).collect()
}

/// The order of `prefix:`, in either case.
fn compare_prefixes(one: &str, other: &str) -> Ordering {
    first_difference(one, other).unwrap_or_else(|| {
        let at = one.len().min(other.len());
        let next = |text: &str| text.as_bytes().get(at).copied().unwrap_or(b':');
        next(one).cmp(&next(other))
    })
}

/// The order of the beginning of a name and a text, in either case; equal where it starts so.
fn compare_start(name: &str, start: &str) -> Ordering {
    let at_end = if name.len() < start.len() { Ordering::Less } else { Ordering::Equal };
    first_difference(name, start).unwrap_or(at_end)
}

/// In either case; none where the shorter is the beginning of the longer.
fn first_difference(one: &str, other: &str) -> Option<Ordering> {
    let pairs = one.as_bytes().iter().zip(other.as_bytes());
    let orders = pairs.map(|(a, b)| a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()));
    orders.into_iter().find(|order| order.is_ne())
}

fn key(name: &'static str, sort: &str) -> Option<Key> {
    let (sort, is_list) = match sort {
        "S" => (KeySort::Text, false),
        "SS" => (KeySort::Text, true),
        "N" => (KeySort::Number, false),
        "B" => (KeySort::Bool, false),
        "BB" => (KeySort::Bool, true),
        "D" => (KeySort::Date, false),
        "A" => (KeySort::Arn, false),
        "AA" => (KeySort::Arn, true),
        "I" => (KeySort::Address, false),
        _ => return None,
    };
    Some(Key { name, sort, is_list })
}

#[cfg(test)]
mod tests;
