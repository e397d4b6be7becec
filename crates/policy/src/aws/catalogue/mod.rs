//! What AWS has: services, their actions, resource types and condition keys.
//!
//! Read once from `actions.txt`, which `cargo xtask catalogue` writes and which stays in the program
//! as it is: names are slices of it. AWS adds actions every week, so a catalogue is never all there
//! is: each service has one [`ActionId`] more, for the actions of it that are not known here, and
//! one stands for the services that are not. Start at [`Catalogue::matching`].

mod nearest;
mod patterns;
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
