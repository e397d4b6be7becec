//! A smaller policy of a principal: what was used of it, and what cannot be told.
//!
//! Each statement that allows is taken apart into its actions; an action that nobody used goes, one
//! that was used keeps the resources on which it was. What stays is grouped by resources again and
//! written in the words of the original wherever those say the same. Statements that deny stay as they
//! are. The result never allows what the original does not, and allows every use that the original
//! allowed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::glob::{Case, Glob};
use crate::json::Json;

use super::catalogue::{Action, ActionSet, Catalogue, Named};
use super::document::{Document, Kind, Statement};
use super::implies::{Implies, implies};

/// Resources of one action in one statement beyond this many say what the original said.
const MAX_RESOURCES: usize = 20;
/// Patterns are tried in place of names down to this many names each.
const MIN_NAMES: usize = 2;

/// A use that a log shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// `service:Name`.
    pub action: String,
    /// An ARN; a pattern where the log tells an area of resources only.
    pub resource: String,
    /// Whether the log tells the resource.
    pub is_observed: bool,
    /// Of `iam:PassRole`: the service that got the role.
    pub passed_to: Option<String>,
}

/// What a statement no longer allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The statement of the original, as a JSON pointer (RFC 6901).
    pub statement: String,
    pub actions: Vec<String>,
}

/// Actions that are allowed on less than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Narrowed {
    pub statement: String,
    pub actions: Vec<String>,
    pub from: Vec<String>,
    pub to: Vec<String>,
}

/// Whether the result was shown to allow nothing that the original does not, by looking for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    Yes,
    /// No such request was found, and not all kinds of requests were looked at.
    NotWhole,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refined {
    /// None: nothing of it is left to allow, and it denies nothing.
    pub document: Option<serde_json::Value>,
    pub is_changed: bool,
    pub removed: Vec<Removed>,
    pub narrowed: Vec<Narrowed>,
    /// Characters without white space, as AWS counts them.
    pub size_before: usize,
    pub size: usize,
    pub limit: usize,
    /// Whether the size is within the limit.
    pub fits: bool,
    /// Patterns that stand for names to make it fit: they match no known action beside those, and
    /// may match actions that AWS adds, which the original allows too.
    pub patterns: Vec<String>,
    pub never_wider: Proof,
}

/// The resources of a part of a statement: those of the original, or fewer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum On {
    All,
    These(Vec<String>),
}

/// What is said together: actions on the same resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    on: On,
    /// Services of `iam:PassedToService`, where the original does not limit it.
    passed_to: Vec<String>,
}

/// The smaller policy. `keep` are actions that stay whatever was used of them: those of which no log
/// tells, and those that somebody asked to keep. `limit` is how many characters it may have.
///
/// None where the document is none of a principal.
pub fn refine(json: &Json, uses: &[Use], keep: &ActionSet, limit: usize) -> Option<Refined> {
    let document = Document::read(json, Kind::Principal).ok()?;
    let wide = Writer { json, document: &document, uses, keep };
    let mut refined = wide.write(limit, false);
    // Narrower resources are checked by looking for a request that the original denies.
    refined.never_wider = if let Some(proof) = proof(refined.document.as_ref(), &document) {
        proof
    } else {
        refined = wide.write(limit, true);
        proof(refined.document.as_ref(), &document)?
    };
    if !refined.fits {
        // Actions on the resources that the original names take fewer words.
        let shorter = wide.write(limit, true);
        if shorter.size < refined.size
            && let Some(never_wider) = proof(shorter.document.as_ref(), &document)
        {
            refined = Refined { never_wider, ..shorter };
        }
    }
    Some(refined)
}

/// None where a request shows that it is wider.
fn proof(narrow: Option<&serde_json::Value>, wide: &Document) -> Option<Proof> {
    let Some(narrow) = narrow else { return Some(Proof::Yes) };
    let json: Json = serde_json::from_str(&narrow.to_string()).ok()?;
    let narrow = Document::read(&json, Kind::Principal).ok()?;
    match implies(&narrow, wide, 1) {
        Implies::Yes => Some(Proof::Yes),
        Implies::Unknown(_) => Some(Proof::NotWhole),
        Implies::No(_) => None,
    }
}

struct Writer<'a> {
    json: &'a Json,
    document: &'a Document,
    uses: &'a [Use],
    keep: &'a ActionSet,
}

impl Writer<'_> {
    fn write(&self, limit: usize, only_own_words: bool) -> Refined {
        let statements = self.json.get("Statement").map_or(&[][..], Json::each);
        let before = plain(self.json);
        let size_before = before.to_string().len();
        let mut removed = Vec::new();
        let mut narrowed = Vec::new();
        let mut written: Vec<Written<'_>> = Vec::new();
        for (statement, read) in statements.iter().zip(&self.document.statements) {
            if !read.allows {
                written.push(Written::as_it_was(statement));
                continue;
            }
            let (gone, parts) = self.parts(statement, read, only_own_words);
            let is_same = gone.is_empty() && parts.keys().all(is_all);
            if is_same {
                written.push(Written::as_it_was(statement));
                continue;
            }
            if !gone.is_empty() {
                removed.push(Removed { statement: read.pointer.clone(), actions: gone });
            }
            let from = texts(statement.get("Resource"));
            for (part, actions) in parts {
                if let On::These(to) = &part.on
                    && *to != from
                {
                    narrowed.push(Narrowed {
                        statement: read.pointer.clone(),
                        actions: actions.iter().cloned().collect(),
                        from: from.clone(),
                        to: to.clone(),
                    });
                }
                written.push(Written {
                    original: statement,
                    part: Some((part, actions)),
                    patterns: Vec::new(),
                });
            }
        }
        let told = |written: &[Written<'_>]| -> Option<serde_json::Value> {
            (!written.is_empty()).then(|| document(self.json, written))
        };
        let size_of = |told: &Option<serde_json::Value>| {
            told.as_ref().map_or(0, |told| told.to_string().len())
        };
        let mut after = told(&written);
        if size_of(&after) > limit {
            written.iter_mut().for_each(Written::shorten);
            after = told(&written);
        }
        let size = size_of(&after);
        Refined {
            is_changed: after.as_ref() != Some(&before),
            document: after,
            removed,
            narrowed,
            size_before,
            size,
            limit,
            fits: size <= limit,
            patterns: written.into_iter().flat_map(|one| one.patterns).collect(),
            never_wider: Proof::NotWhole,
        }
    }

    /// What goes of a statement, and what stays.
    fn parts(
        &self,
        statement: &Json,
        read: &Statement,
        only_own_words: bool,
    ) -> (Vec<String>, BTreeMap<Part, BTreeSet<String>>) {
        let catalogue = Catalogue::get();
        let resources = texts(statement.get("Resource"));
        let mut gone = Vec::new();
        let mut parts: BTreeMap<Part, BTreeSet<String>> = BTreeMap::new();
        let mut put = |part: Part, action: &str| {
            parts.entry(part).or_default().insert(action.to_owned());
        };
        let mut by_action: BTreeMap<String, Vec<&Use>> = BTreeMap::new();
        for one in self.uses {
            by_action.entry(one.action.to_ascii_lowercase()).or_default().push(one);
        }
        let is_limited_in_passing =
            keys_of(statement).any(|key| key.eq_ignore_ascii_case("iam:PassedToService"));
        for id in all_of(statement).iter() {
            // What AWS adds later, and what it has beside the catalogue, goes: nobody used it.
            let Some(Named::Action(action)) = catalogue.named(id) else { continue };
            let name = action.full_name();
            let uses = by_action.remove(&name.to_ascii_lowercase()).unwrap_or_default();
            if self.keep.contains(id) {
                put(Part { on: On::All, passed_to: Vec::new() }, &name);
                continue;
            }
            match on(&uses, &resources, Some(action), only_own_words) {
                Some(on) => put(
                    Part { on, passed_to: passed_to(&uses, &name, is_limited_in_passing) },
                    &name,
                ),
                None => gone.push(name),
            }
        }
        // Uses of actions that the catalogue does not know.
        for (name, uses) in by_action {
            if catalogue.id_of(&name).is_none()
                && read.is_about_action(&name)
                && let Some(on) = on(&uses, &resources, None, only_own_words)
                && let Some(first) = uses.first()
            {
                put(Part { on, passed_to: Vec::new() }, &first.action);
            }
        }
        (gone, parts)
    }
}

fn is_all(part: &Part) -> bool {
    part.on == On::All && part.passed_to.is_empty()
}

/// Every action that a statement may be about.
fn all_of(statement: &Json) -> ActionSet {
    let catalogue = Catalogue::get();
    let patterns = |name: &str| {
        let element = statement.get(name);
        element.map(|it| it.each().iter().filter_map(Json::text).collect::<Vec<&str>>())
    };
    match (patterns("Action"), patterns("NotAction")) {
        (Some(patterns), _) => catalogue.matching_any(patterns),
        (None, Some(patterns)) => catalogue.matching_none(patterns),
        (None, None) => catalogue.none(),
    }
}

fn texts(element: Option<&Json>) -> Vec<String> {
    let texts = element.map_or(&[][..], Json::each).iter().filter_map(Json::text);
    texts.map(String::from).collect()
}

/// The keys of all conditions.
fn keys_of(statement: &Json) -> impl Iterator<Item = &str> {
    let operators = statement.get("Condition").map_or(&[][..], Json::members);
    operators.iter().flat_map(|(_, keys)| keys.members()).map(|(key, _)| key.as_str())
}

/// The services to which roles were passed, where the log tells them all.
fn passed_to(uses: &[&Use], action: &str, is_limited: bool) -> Vec<String> {
    if action != "iam:PassRole" || is_limited {
        return Vec::new();
    }
    let services: Option<BTreeSet<String>> = uses.iter().map(|one| one.passed_to.clone()).collect();
    services.unwrap_or_default().into_iter().collect()
}

/// On which of a statement's resources an action was used; none where it was not, by this statement.
/// Without resources (the statement says `NotResource`), on what it says.
fn on(
    uses: &[&Use],
    resources: &[String],
    action: Option<Action<'_>>,
    only_own_words: bool,
) -> Option<On> {
    if uses.is_empty() {
        return None;
    }
    if resources.is_empty() {
        return Some(On::All);
    }
    let mut on: BTreeSet<String> = BTreeSet::new();
    for one in uses {
        // The pattern that says most of those that surely match; where none does, and of a use that
        // the log places in an area, every pattern that may be about it.
        let mut hits: Vec<&String> =
            resources.iter().filter(|pattern| may_match(pattern, one)).collect();
        if one.is_observed && !one.resource.contains(['*', '?']) {
            let is_sure = |pattern: &&String| !pattern.contains("${");
            if hits.iter().any(is_sure) {
                hits.retain(is_sure);
            }
            let n_sure = hits.iter().filter(|pattern| is_sure(pattern)).count();
            hits.sort_by_key(|pattern| pattern.chars().filter(|c| !"*?".contains(*c)).count());
            hits.drain(..n_sure.saturating_sub(1));
        }
        for pattern in hits {
            let narrow = action.filter(|_| !only_own_words).and_then(|action| {
                let arn = general(action, one)?;
                is_within(&arn, pattern).then_some(arn)
            });
            on.insert(narrow.unwrap_or_else(|| pattern.clone()));
        }
    }
    if on.is_empty() {
        return None;
    }
    // One pattern that holds another says it for both.
    let all: Vec<String> = on.iter().cloned().collect();
    on.retain(|arn| !all.iter().any(|other| other != arn && is_within(arn, other)));
    let own = || resources.iter().filter(|pattern| uses.iter().any(|one| may_match(pattern, one)));
    let mut on: Vec<String> = on.into_iter().collect();
    if on.len() > MAX_RESOURCES {
        on = own().cloned().collect();
    }
    let as_before: BTreeSet<&String> = resources.iter().collect();
    Some(if on.iter().collect::<BTreeSet<_>>() == as_before { On::All } else { On::These(on) })
}

/// Whether a pattern of the statement may be about what was used.
fn may_match(pattern: &str, used: &Use) -> bool {
    // What a variable stands for the log does not tell.
    if pattern == "*" || pattern.contains("${") {
        return true;
    }
    let is_area = !used.is_observed || used.resource.contains(['*', '?']);
    Glob::new(pattern, Case::Matters).matches(&used.resource)
        || (is_area
            && (used.resource == "*" || Glob::new(&used.resource, Case::Matters).matches(pattern)))
}

/// The ARN of a use with what is below the resource itself left open: a bucket's object is any object
/// of the bucket. None where the log does not tell the resource, or it is none of the action's.
fn general(action: Action<'_>, used: &Use) -> Option<String> {
    if !used.is_observed || used.resource.contains(['*', '?', '$']) {
        return None;
    }
    let templates = action.affected().flat_map(|one| one.resource_type.arns());
    let mut fitting: Vec<String> = templates.filter_map(|it| fitted(it, &used.resource)).collect();
    // The widest of those that fit.
    fitting.sort_by_key(String::len);
    fitting.into_iter().next()
}

/// An ARN in the form of a template: with two or more names of its own, the last is left open.
fn fitted(template: &str, arn: &str) -> Option<String> {
    let template: Vec<&str> = template.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ([_, _, service, _, _, form], [_, _, of, _, _, name]) =
        (template.as_slice(), parts.as_slice())
    else {
        return None;
    };
    if service != of {
        return None;
    }
    let mut rest = *name;
    let mut pieces = form.split("${");
    rest = rest.strip_prefix(pieces.next()?)?;
    let mut holes = pieces.map(|piece| piece.split_once('}').map(|(_, after)| after)).peekable();
    let mut n_holes = 0;
    let mut last_begins = 0;
    while let Some(after) = holes.next() {
        let after = after?;
        n_holes += 1;
        last_begins = name.len() - rest.len();
        if holes.peek().is_none() {
            // The last name is the rest, up to what the template ends with.
            rest.strip_suffix(after).filter(|value| !value.is_empty())?;
            let open = || format!("{}*{after}", name.get(..last_begins).unwrap_or_default());
            let name = if n_holes > 1 { open() } else { (*name).to_owned() };
            let head: Vec<&str> = parts.iter().take(5).copied().collect();
            return Some(format!("{}:{name}", head.join(":")));
        }
        if after.is_empty() {
            return None;
        }
        let at = rest.find(after).filter(|at| *at > 0)?;
        rest = rest.get(at + after.len()..)?;
    }
    (n_holes == 0 && last_begins == 0 && rest.is_empty()).then(|| arn.to_owned())
}

/// Whether all that one pattern matches another does; false where that is not plain.
fn is_within(narrow: &str, wide: &str) -> bool {
    if narrow == wide || wide == "*" {
        return true;
    }
    if wide.contains("${") {
        return false;
    }
    let Some((start, end)) = narrow.split_once('*') else {
        return !narrow.contains('?') && Glob::new(wide, Case::Matters).matches(narrow);
    };
    // Of a pattern with one `*`: a wide one that begins so and ends with its only `*`.
    let Some(beginning) = wide.strip_suffix('*') else { return false };
    !end.contains('*')
        && !narrow.contains('?')
        && !beginning.contains(['*', '?'])
        && start.starts_with(beginning)
}

/// A statement of the result: one of the original, or a part of one.
struct Written<'a> {
    original: &'a Json,
    part: Option<(Part, BTreeSet<String>)>,
    /// In place of names.
    patterns: Vec<String>,
}

impl<'a> Written<'a> {
    const fn as_it_was(original: &'a Json) -> Self {
        Self { original, part: None, patterns: Vec::new() }
    }

    /// The actions, in the original's words where they mean no more than what stays.
    fn actions(&self, names: &BTreeSet<String>) -> Vec<String> {
        let catalogue = Catalogue::get();
        let mut left = names.clone();
        let own = texts(self.original.get("Action"));
        let mut written: Vec<String> = Vec::new();
        for pattern in own.into_iter().chain(self.patterns.iter().cloned()) {
            let meant = catalogue.matching(&pattern);
            let known: Vec<String> = meant
                .iter()
                .filter_map(|id| catalogue.action(id))
                .map(|action| action.full_name())
                .collect();
            let is_kept = !known.is_empty() && known.iter().all(|name| names.contains(name));
            if is_kept && known.iter().any(|name| left.contains(name)) {
                for name in known {
                    left.remove(&name);
                }
                written.push(pattern);
            }
        }
        written.extend(left);
        written.sort();
        written
    }

    /// Writes names as patterns that match no other known action and that the original allows whole.
    fn shorten(&mut self) {
        let Some((_, names)) = &self.part else { return };
        let catalogue = Catalogue::get();
        let all = all_of(self.original);
        let mut starts: BTreeSet<String> = BTreeSet::new();
        for name in names {
            let Some((service, action)) = name.split_once(':') else { continue };
            let humps = action.char_indices().filter(|(at, c)| *at > 0 && c.is_ascii_uppercase());
            let ends = humps.map(|(at, _)| at);
            starts.extend(ends.filter_map(|at| Some(format!("{service}:{}*", action.get(..at)?))));
        }
        let mut starts: Vec<String> = starts.into_iter().collect();
        starts.sort_by_key(String::len);
        let mut covered: BTreeSet<String> = BTreeSet::new();
        let mut patterns = Vec::new();
        for pattern in starts {
            let meant = catalogue.matching(&pattern);
            let known: Vec<String> = meant
                .iter()
                .filter_map(|id| catalogue.action(id))
                .map(|action| action.full_name())
                .collect();
            let is_new = known.iter().filter(|name| !covered.contains(*name)).count() >= MIN_NAMES;
            if is_new && meant.is_subset(&all) && known.iter().all(|name| names.contains(name)) {
                covered.extend(known);
                patterns.push(pattern);
            }
        }
        self.patterns = patterns;
    }

    fn json(&self, sid: &mut BTreeMap<String, usize>) -> serde_json::Value {
        let Some((part, names)) = &self.part else { return plain(self.original) };
        let mut members = serde_json::Map::new();
        for (name, value) in self.original.members() {
            match name.as_str() {
                "Sid" => {
                    let first = value.text().unwrap_or_default().to_owned();
                    let n = sid.entry(first.clone()).or_default();
                    *n += 1;
                    let own = if *n == 1 { first } else { format!("{first}{n}") };
                    members.insert("Sid".into(), own.into());
                }
                "Action" | "NotAction" => {
                    members.insert("Action".into(), self.actions(names).into());
                }
                "Resource" => {
                    let value = match &part.on {
                        On::All => plain(value),
                        On::These(these) => these.clone().into(),
                    };
                    members.insert("Resource".into(), value);
                }
                _ => {
                    members.insert(name.clone(), plain(value));
                }
            }
        }
        if !part.passed_to.is_empty() {
            let key = serde_json::json!({"iam:PassedToService": part.passed_to});
            let condition = members.entry("Condition").or_insert_with(|| serde_json::json!({}));
            let equal = condition.as_object_mut().map(|it| it.entry("StringEquals"));
            if let Some(equal) = equal
                && let (Some(equal), serde_json::Value::Object(key)) =
                    (equal.or_insert_with(|| serde_json::json!({})).as_object_mut(), key)
            {
                equal.extend(key);
            }
        }
        serde_json::Value::Object(members)
    }
}

fn document(original: &Json, written: &[Written<'_>]) -> serde_json::Value {
    if written.iter().all(|one| one.part.is_none()) && written.len() == n_statements(original) {
        return plain(original);
    }
    let mut sids = BTreeMap::new();
    let statements: Vec<serde_json::Value> =
        written.iter().map(|one| one.json(&mut sids)).collect();
    let members = original.members().iter().map(|(name, value)| {
        let value = if name == "Statement" { statements.clone().into() } else { plain(value) };
        (name.clone(), value)
    });
    serde_json::Value::Object(members.collect())
}

fn n_statements(document: &Json) -> usize {
    document.get("Statement").map_or(0, |statements| statements.each().len())
}

/// The same as the usual tree; a valid document names nothing twice.
fn plain(json: &Json) -> serde_json::Value {
    serde_json::to_value(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(action: &str, resource: &str) -> Use {
        Use {
            action: action.into(),
            resource: resource.into(),
            is_observed: resource != "*",
            passed_to: action.eq("iam:PassRole").then(|| "lambda.amazonaws.com".into()),
        }
    }

    fn check(policy: &str, uses: &[Use], keep: &str, limit: usize, expected: &str) -> Refined {
        let json: Json = serde_json::from_str(policy).unwrap();
        let keep = Catalogue::get().matching_any(keep.split(',').filter(|it| !it.is_empty()));
        let refined = refine(&json, uses, &keep, limit).unwrap();
        let told = refined.document.as_ref().map(|document| document["Statement"].clone());
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(told.unwrap_or_default(), expected, "{refined:#?}");
        refined
    }

    const ANY: &str = r#"{"Version": "2012-10-17", "Statement": {"Sid": "All", "Effect": "Allow",
        "Action": ["s3:Get*", "sqs:*", "iam:PassRole"], "Resource": "*"}}"#;

    #[test]
    fn what_was_used_stays_on_what_it_was_used_on() {
        let uses = [
            used("s3:GetObject", "arn:aws:s3:::shop/a/b.txt"),
            used("s3:GetObject", "arn:aws:s3:::shop/c.txt"),
            used("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:orders"),
            used("sqs:ListQueues", "*"),
            used("iam:PassRole", "arn:aws:iam::111122223333:role/ci/fn"),
        ];
        let refined = check(
            ANY,
            &uses,
            "",
            6_144,
            r#"[
                {"Sid": "All", "Effect": "Allow", "Action": ["sqs:ListQueues"], "Resource": "*"},
                {"Sid": "All2", "Effect": "Allow", "Action": ["iam:PassRole"],
                 "Resource": ["arn:aws:iam::111122223333:role/ci/fn"],
                 "Condition": {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}}},
                {"Sid": "All3", "Effect": "Allow", "Action": ["s3:GetObject"],
                 "Resource": ["arn:aws:s3:::shop/*"]},
                {"Sid": "All4", "Effect": "Allow", "Action": ["sqs:SendMessage"],
                 "Resource": ["arn:aws:sqs:eu-west-1:111122223333:orders"]}
            ]"#,
        );
        assert_eq!(refined.never_wider, Proof::Yes);
        assert_eq!((refined.removed.len(), refined.narrowed.len()), (1, 3));
        assert!(refined.fits && refined.is_changed);
    }

    #[test]
    fn words_of_the_original_stay_where_they_say_the_same() {
        let policy = r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sqs:*"], "Resource": "arn:aws:sqs:*:*:a"},
            {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::secret/*"},
            {"Effect": "Allow", "NotAction": ["iam:*", "sqs:*"], "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"],
             "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}]}"#;
        let refined = check(
            policy,
            &[used("s3:GetObject", "arn:aws:s3:::c/x")],
            "sqs:*",
            6_144,
            r#"[
                {"Effect": "Allow", "Action": ["sqs:*"], "Resource": "arn:aws:sqs:*:*:a"},
                {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::secret/*"},
                {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::c/*"],
                 "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
                {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}
            ]"#,
        );
        assert_eq!(refined.removed.len(), 1);
        // What a variable stands for is not known: the other pattern is the one that surely matches.
        check(
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*",
                "Resource": ["arn:aws:sqs:*:*:${aws:username}", "*"]}}"#,
            &[used("sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:q")],
            "",
            6_144,
            r#"[{"Effect": "Allow", "Action": ["sqs:SendMessage"],
                "Resource": ["arn:aws:sqs:eu-west-1:1:q"]}]"#,
        );
        let nothing = check(ANY, &[], "", 6_144, "null");
        assert_eq!((nothing.document, nothing.size), (None, 0));
        let same = check(
            ANY,
            &[],
            "*",
            6_144,
            r#"{"Sid": "All", "Effect": "Allow", "Action": ["s3:Get*", "sqs:*", "iam:PassRole"],
                "Resource": "*"}"#,
        );
        assert!(!same.is_changed);
    }

    #[test]
    fn names_become_patterns_only_where_it_would_not_fit() {
        let policy = r#"{"Version": "2012-10-17", "Statement":
            {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}"#;
        let long = check_size(policy, "ec2:Describe*", 20_000);
        assert!(long.patterns.is_empty() && long.fits && long.size > 2_000, "{}", long.size);
        let short = check_size(policy, "ec2:Describe*", 2_048);
        assert_eq!(short.patterns, ["ec2:Describe*"]);
        assert!(short.fits && short.size < 200, "{}", short.size);
        assert_eq!(short.never_wider, Proof::Yes);
    }

    fn check_size(policy: &str, keep: &str, limit: usize) -> Refined {
        let json: Json = serde_json::from_str(policy).unwrap();
        refine(&json, &[], &Catalogue::get().matching(keep), limit).unwrap()
    }

    #[test]
    fn resources_are_named_only_where_there_is_room() {
        let json: Json = serde_json::from_str(ANY).unwrap();
        let uses: Vec<Use> = (0..15)
            .map(|n| used("sqs:SendMessage", &format!("arn:aws:sqs:eu-west-1:111122223333:q{n}")))
            .collect();
        let none = Catalogue::get().none();
        let size = |limit| {
            let refined = refine(&json, &uses, &none, limit).unwrap();
            (refined.fits, refined.narrowed.len())
        };
        assert_eq!(size(6_144), (true, 1));
        assert_eq!(size(500), (true, 0));
        assert_eq!(size(50), (false, 0));
    }

    #[test]
    fn arns_take_the_form_of_their_type() {
        let check = |template: &str, arn: &str, expected: Option<&str>| {
            assert_eq!(fitted(template, arn).as_deref(), expected, "{template} {arn}");
        };
        let bucket = "arn:${Partition}:s3:::${BucketName}";
        let object = "arn:${Partition}:s3:::${BucketName}/${ObjectName}";
        check(bucket, "arn:aws:s3:::shop", Some("arn:aws:s3:::shop"));
        check(object, "arn:aws:s3:::shop", None);
        check(object, "arn:aws:s3:::shop/a/b", Some("arn:aws:s3:::shop/*"));
        check(
            "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
            "arn:aws:iam::1:role/a/b",
            Some("arn:aws:iam::1:role/a/b"),
        );
        check(
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/index/${IndexName}",
            "arn:aws:dynamodb:eu-west-1:1:table/t/index/i",
            Some("arn:aws:dynamodb:eu-west-1:1:table/t/index/*"),
        );
        check(bucket, "arn:aws:sqs:::shop", None);
        check(bucket, "shop", None);
    }

    const PATTERNS: &[&str] =
        &["*", "s3:*", "s3:Get*", "s3:GetObject", "sqs:*", "sqs:Send*", "iam:PassRole"];
    const RESOURCES: &[&str] = &[
        "*",
        "arn:aws:s3:::shop/*",
        "arn:aws:s3:::shop",
        "arn:aws:s3:::*",
        "arn:aws:sqs:*:*:orders",
        "arn:aws:iam::111122223333:role/${aws:username}",
    ];
    const USED: &[(&str, &str)] = &[
        ("s3:GetObject", "arn:aws:s3:::shop/a/b"),
        ("s3:GetObject", "arn:aws:s3:::other/a"),
        ("s3:ListBucket", "arn:aws:s3:::shop"),
        ("s3:NotYetKnown", "arn:aws:s3:::shop"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:orders"),
        ("sqs:ListQueues", "*"),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/ada"),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/fn"),
    ];

    /// Effect, places of actions, whether they are exceptions, places of resources.
    fn documents() -> impl proptest::strategy::Strategy<Value = Json> {
        use proptest::prelude::*;
        let some = |n: usize| proptest::collection::vec(0..n, 1..3);
        let statement = (0..4_u8, some(PATTERNS.len()), 0..5_u8, some(RESOURCES.len()), 0..3_u8);
        proptest::collection::vec(statement, 1..4).prop_map(|statements| {
            let statements =
                statements.into_iter().map(|(effect, actions, not, resources, key)| {
                    let of = |all: &[&str], at: Vec<usize>| -> Vec<String> {
                        at.into_iter().map(|at| all[at].to_owned()).collect()
                    };
                    let action = if not == 0 { "NotAction" } else { "Action" };
                    let resource = if not == 1 { "NotResource" } else { "Resource" };
                    let mut one = serde_json::json!({
                        "Effect": if effect == 0 { "Deny" } else { "Allow" },
                        action: of(PATTERNS, actions),
                        resource: of(RESOURCES, resources),
                    });
                    if key == 0 {
                        one["Condition"] =
                            serde_json::json!({"Bool": {"aws:SecureTransport": "true"}});
                    }
                    one
                });
            let statements: Vec<_> = statements.collect();
            let document = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
            serde_json::from_value(document).unwrap()
        })
    }

    fn verdict(json: &Json, one: &Use) -> super::super::Verdict {
        use super::super::{Context, Policies, Principal, Request, decide};
        let document = Document::read(json, Kind::Principal).unwrap();
        let mut context = Context::open();
        context.set("aws:username", "ada");
        if let Some(service) = &one.passed_to {
            context.set("iam:PassedToService", service.clone());
        }
        let request = Request {
            principal: Principal::of_arn("arn:aws:iam::111122223333:user/ada").unwrap(),
            is_management_account: false,
            is_service_linked: false,
            action: one.action.clone(),
            resources: vec![one.resource.clone()],
            resource_account: Some("111122223333".into()),
            context,
        };
        let identity = vec![std::sync::Arc::new(document)];
        decide(&request, &Policies { identity, ..Policies::default() }).verdict
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        /// What was used is decided as before; nothing is allowed that was not.
        #[test]
        fn smaller_and_large_enough(
            json in documents(),
            at in proptest::collection::btree_set(0..USED.len(), 0..5),
            keep in 0..PATTERNS.len(),
            limit in 100..2_000_usize,
        ) {
            let uses: Vec<Use> = at.iter().map(|at| used(USED[*at].0, USED[*at].1)).collect();
            let keep = if keep == 0 { Catalogue::get().none() } else {
                Catalogue::get().matching_surely(PATTERNS[keep])
            };
            let refined = refine(&json, &uses, &keep, limit).unwrap();
            let none = serde_json::json!({"Version": "2012-10-17", "Statement": []});
            let after: Json = serde_json::from_value(refined.document.unwrap_or(none)).unwrap();
            for (action, resource) in USED {
                let one = used(action, resource);
                let (before, after) = (verdict(&json, &one), verdict(&after, &one));
                if uses.contains(&one) {
                    proptest::prop_assert_eq!(before, after, "{:?}", one);
                }
                use super::super::Verdict::{Allow, Deny};
                let is_wider = (before == Deny && after != Deny) || (before != Allow && after == Allow);
                proptest::prop_assert!(!is_wider, "{:?} {:?} {:?}", one, before, after);
            }
        }
    }
}
