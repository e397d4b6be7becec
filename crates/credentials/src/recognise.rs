//! Finds secrets in bytes and classifies values that are known to be secret.
//!
//! One pass over the bytes looks for the keywords of all [`rules`](crate::rules) at once; only
//! where one stands is a rule's pattern tried, anchored there. Where two rules claim the same
//! bytes the more specific one has them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use model::kinds::{self, CredentialKind};
use model::{Fact, Facts, Secret, Time};
use regex::bytes::Regex;

use crate::assigned::name::{kind_of_name, system_of_name};
use crate::assigned::{self, Ends, value};
use crate::derive::{self, Around, SecretPart};
use crate::documented;
use crate::keywords::Keywords;
use crate::rules::{Check, RULES, Rule, Shape, Start};
use crate::{keys, pem};

/// A token longer than this is not found.
pub const MAX_TOKEN: usize = 16 << 10;
/// After so many findings the rest of the bytes is not looked at.
pub const MAX_FOUND: usize = 10_000;

/// A document with a private key in it is longer than this.
const MIN_DOCUMENT: usize = 512;

/// How sure a rule is that these bytes are a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Looks random and has a telling name beside it.
    Likely,
    /// Has the issuer's own prefix and shape.
    Sure,
    /// Has a checksum or structure that was verified.
    Verified,
}

/// A credential in bytes.
#[derive(Debug, Clone)]
pub struct Found {
    /// The rule's id: `aws-access-key`, `github-token`, `assigned-secret` …
    pub rule: &'static str,
    pub title: &'static str,
    pub kind: &'static CredentialKind,
    /// The system of record: `aws`, `github`, `npm` …; `unknown` when it cannot be told.
    pub system: &'static str,
    /// Account, tenant or address, where the bytes say so.
    pub instance: Option<String>,
    /// The public identifier (access key id, JWT id, e-mail of a service account …).
    pub public_id: Option<String>,
    /// The user, account or service it belongs to, where the bytes say so.
    pub account: Option<String>,
    /// The variable, key or option it is assigned to.
    pub name: Option<String>,
    /// Where the secret's own bytes are; where its public part is, when only that is there.
    pub span: Range<usize>,
    /// From 1; 0 from [`classify`], which knows no lines.
    pub line: u32,
    /// Empty when only the public part is there.
    pub secret: Secret<Vec<u8>>,
    pub created_at: Fact<Time>,
    pub expires_at: Fact<Time>,
    pub facts: Facts,
    pub confidence: Confidence,
    /// Whether a person chose it: then no fingerprint is made.
    pub chosen_by_person: bool,
}

/// Whether the bytes hold a credential: a fast scan that never misses what [`find`] finds, and
/// seldom says yes where it finds nothing.
pub fn might_hold(bytes: &[u8]) -> bool {
    let mut any = false;
    candidates(bytes, &mut |_| {
        any = true;
        false
    });
    any
}

/// Calls `sink` for every credential in the bytes, in order of position, none overlapping. False
/// when it stopped at [`MAX_FOUND`].
pub fn find(bytes: &[u8], sink: &mut dyn FnMut(Found)) -> bool {
    let mut all = Vec::new();
    candidates(bytes, &mut |candidate| {
        all.push(candidate);
        all.len() < 2 * MAX_FOUND
    });
    let mut lines = pem::Lines::new(bytes);
    let mut complete = all.len() < 2 * MAX_FOUND;
    for (n, candidate) in without_overlaps(all).into_iter().enumerate() {
        if n == MAX_FOUND {
            complete = false;
            break;
        }
        let line = lines.of(candidate.span.start);
        sink(candidate.found(bytes, line));
    }
    complete
}

/// Classifies one value that its place says is secret (the `password` of a `.netrc`, the
/// `_authToken` of an `.npmrc`), by its own shape first and by its name second. None for
/// placeholders, references (`${VAR}`, `op://…`, `{{ … }}`), and empty values.
///
/// The place vouches for the value, so one that a person chose is taken as it is.
pub fn classify(name: Option<&str>, value: &str) -> Option<Found> {
    let value = value.trim();
    if value::is_reference(value) || value.len() > MAX_TOKEN {
        return None;
    }
    let inner = base64_document(value);
    let mut by_shape = None;
    find(inner.as_deref().unwrap_or(value.as_bytes()), &mut |found| {
        if found.rule != "assigned-secret" {
            by_shape.get_or_insert(found);
        }
    });
    if let Some(mut found) = by_shape {
        found.name = name.map(shown_name).or(found.name);
        found.line = 0;
        if inner.is_some() {
            found.span = 0..value.len();
        }
        return Some(found);
    }
    if value::is_placeholder(value) {
        return None;
    }
    let kind = name.and_then(kind_of_name).unwrap_or(kinds::SECRET);
    let rule = RULES.last()?;
    let mut found = Found {
        rule: rule.id,
        title: "Secret by its place",
        kind,
        system: name.map_or("unknown", system_of_name),
        instance: None,
        public_id: None,
        account: None,
        name: name.map(shown_name),
        span: 0..value.len(),
        line: 0,
        secret: value.as_bytes().to_vec().into(),
        created_at: Fact::default(),
        expires_at: Fact::default(),
        facts: Facts::new(),
        confidence: Confidence::Likely,
        chosen_by_person: value::is_chosen(kind, value),
    };
    say_when_documented(&mut found);
    Some(found)
}

fn say_when_documented(found: &mut Found) {
    if documented::is_documented(found.secret.reveal()) {
        found.facts.insert("documented_example".into(), Fact::known(true));
    }
}

/// A PEM file or JSON document that was put into base64 to fit into one value, as Kubernetes and
/// Terraform do.
fn base64_document(value: &str) -> Option<Vec<u8>> {
    const STARTS: [&str; 3] = ["LS0tLS1CRUdJTi", "ewog", "eyJ0eXBlIj"];
    let is_document = STARTS.iter().any(|start| value.starts_with(start)) && !value.contains('.');
    let packed = || value.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>();
    is_document.then(packed).and_then(|packed| data_encoding::BASE64.decode(&packed).ok())
}

fn shown_name(name: &str) -> String {
    name.chars().take(assigned::MAX_NAME).collect()
}

/// Bytes that a rule claims.
#[derive(Debug, Clone)]
struct Candidate {
    rule: &'static Rule,
    /// What the rule matched.
    token: Range<usize>,
    /// The secret part of it, which may lie elsewhere.
    span: Range<usize>,
    has_secret: bool,
    confidence: Confidence,
    /// Of an assignment.
    name: Option<Range<usize>>,
    kind: Option<&'static CredentialKind>,
}

/// All keywords, and which rule each belongs to.
struct Scanner {
    keywords: Keywords,
    rule_of_keyword: Vec<&'static Rule>,
}

static SCANNER: LazyLock<Option<Scanner>> = LazyLock::new(|| {
    let pairs = RULES.iter().flat_map(|rule| rule.keywords.iter().map(move |it| (*it, rule)));
    let (keywords, rule_of_keyword): (Vec<_>, Vec<_>) = pairs.unzip();
    Some(Scanner { keywords: Keywords::new(keywords)?, rule_of_keyword })
});

/// Patterns, compiled when first needed, in the order of the rules.
static PATTERNS: [OnceLock<Option<Regex>>; 128] = [const { OnceLock::new() }; 128];

fn compiled(rule: &'static Rule, pattern: &str) -> Option<&'static Regex> {
    let index = RULES.iter().position(|it| std::ptr::eq(it, rule))?;
    let compile = || Regex::new(&format!("^(?:{pattern})")).ok();
    PATTERNS.get(index)?.get_or_init(compile).as_ref()
}

/// Calls `sink` for all that any rule claims, until it says no.
fn candidates(bytes: &[u8], sink: &mut dyn FnMut(Candidate) -> bool) {
    let Some(scanner) = &*SCANNER else { return };
    let mut ends = Ends::default();
    let mut keys_read = false;
    let mut name_read = 0;
    let mut document_read = 0;
    scanner.keywords.find(bytes, |keyword, span| {
        let Some(rule) = scanner.rule_of_keyword.get(keyword).copied() else { return true };
        match rule.shape {
            // A document is looked at as a whole, so it is not looked at again a few bytes on.
            Shape::Token { .. } if rule.is_document() && span.start < document_read => true,
            Shape::Token { start, pattern } => {
                if rule.is_document() {
                    document_read = span.start + MIN_DOCUMENT;
                }
                token_at(bytes, rule, span, start, pattern).is_none_or(&mut *sink)
            }
            Shape::Url => address_at(bytes, rule, span.start).is_none_or(&mut *sink),
            Shape::PrivateKey if keys_read => true,
            Shape::PrivateKey => {
                keys_read = true;
                private_keys(bytes, rule, sink)
            }
            // Several keywords may stand in one name; it is looked at once.
            Shape::Assigned if span.start < name_read => true,
            Shape::Assigned => match assigned::assignment(bytes, span, &mut ends) {
                None => true,
                Some(assignment) => {
                    name_read = assignment.name.end;
                    match assignment.judge(bytes) {
                        None => true,
                        Some(kind) => sink(Candidate {
                            rule,
                            token: assignment.value.clone(),
                            span: assignment.value,
                            has_secret: true,
                            confidence: Confidence::Likely,
                            name: Some(assignment.name),
                            kind: Some(kind),
                        }),
                    }
                }
            },
        }
    });
}

fn token_at(
    bytes: &[u8],
    rule: &'static Rule,
    keyword: Range<usize>,
    start: Start,
    pattern: &str,
) -> Option<Candidate> {
    let start = match start {
        Start::AtKeyword => keyword.start,
        Start::Before(n) => keyword.start.checked_sub(n)?,
        Start::OfRun(n) => {
            let before = bytes.get(keyword.start.saturating_sub(n)..keyword.start)?;
            keyword.start - before.iter().rev().take_while(|byte| is_token_byte(**byte)).count()
        }
    };
    // A pattern that starts with a sign starts wherever the sign does.
    let is_sign = !bytes.get(start).is_some_and(u8::is_ascii_alphanumeric);
    if !is_sign && !starts_token(bytes, start) {
        return None;
    }
    let window = bytes.get(start..bytes.len().min(start + MAX_TOKEN))?;
    let captures = compiled(rule, pattern)?.captures(window)?;
    let whole = captures.get(0)?;
    let secret = captures.get(1).unwrap_or(whole);
    let token = start + secret.start()..start + secret.end();
    if window.get(whole.end()).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_') {
        return None;
    }
    let secret_bytes = secret.as_bytes();
    let confidence = match rule.check {
        Check::Shape => {
            if !rule.is_document() && !looks_made(secret_bytes) {
                return None;
            }
            Confidence::Sure
        }
        Check::Checksum(is_right) => {
            if is_right(secret_bytes) {
                Confidence::Verified
            } else if looks_made(secret_bytes) {
                Confidence::Likely
            } else {
                return None;
            }
        }
        Check::Structure(is_right) => {
            if !is_right(secret_bytes) {
                return None;
            }
            Confidence::Verified
        }
    };
    let mut candidate = Candidate {
        rule,
        span: token.clone(),
        token,
        has_secret: true,
        confidence,
        name: None,
        kind: None,
    };
    if let Some(secret) = rule.secret {
        candidate.token = start + whole.start()..start + whole.end();
        match secret(bytes, &candidate.token) {
            SecretPart::At(span) => candidate.span = span,
            SecretPart::Absent => candidate.has_secret = false,
            SecretPart::NotThis => return None,
        }
    }
    Some(candidate)
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether a token can start here: not within a word or a base64 text, unless the letter before
/// belongs to an escape (`\n`).
fn starts_token(bytes: &[u8], start: usize) -> bool {
    let mut before = bytes.get(..start).unwrap_or_default().iter().rev();
    match (before.next(), before.next()) {
        (Some(b'n' | b'r' | b't'), Some(b'\\')) => true,
        (Some(byte), _) => !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'+'),
        (None, _) => true,
    }
}

/// Whether a token was made by a machine rather than typed as a stand-in.
fn looks_made(token: &[u8]) -> bool {
    // An AWS example key says so itself, and is reported as an example.
    if token.len() == 20 && token.ends_with(b"EXAMPLE") {
        return true;
    }
    let lower = token.to_ascii_lowercase();
    let says_so = ["example", "xxxx", "your_", "your-", "placeholder", "redacted", "changeme"];
    value::n_distinct(token) >= token.len().min(28) / 3
        && !value::has_long_run(token)
        && !says_so.iter().any(|part| memchr::memmem::find(&lower, part.as_bytes()).is_some())
}

fn address_at(bytes: &[u8], rule: &'static Rule, colon: usize) -> Option<Candidate> {
    let address = derive::address_at(bytes, colon)?;
    Some(Candidate {
        rule,
        token: address.whole,
        span: address.password,
        has_secret: true,
        confidence: Confidence::Sure,
        name: None,
        kind: None,
    })
}

fn private_keys(
    bytes: &[u8],
    rule: &'static Rule,
    sink: &mut dyn FnMut(Candidate) -> bool,
) -> bool {
    let mut go_on = true;
    pem::blocks(bytes, keys::is_private_key_label, &mut Vec::new(), &mut |block, _| {
        if keys::key_of_block(&block).is_ok() {
            go_on = sink(Candidate {
                rule,
                token: block.span.clone(),
                span: block.span,
                has_secret: true,
                confidence: Confidence::Verified,
                name: None,
                kind: None,
            });
        }
        go_on
    });
    go_on
}

/// Gives contested bytes to the more specific rule, then to the surer and the longer claim.
fn without_overlaps(mut all: Vec<Candidate>) -> Vec<Candidate> {
    all.sort_by_key(|it| {
        let length = it.token.len();
        (std::cmp::Reverse((it.rule.rank, it.confidence, length)), it.span.start)
    });
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let is_free = |taken: &BTreeMap<usize, usize>, range: &Range<usize>| {
        taken.range(..range.end).next_back().is_none_or(|(_, end)| *end <= range.start)
    };
    all.retain(|candidate| {
        let free = is_free(&taken, &candidate.span) && is_free(&taken, &candidate.token);
        if free {
            taken.insert(candidate.span.start, candidate.span.end);
            // A secret away from its public part keeps that too; one within it is inside already.
            if candidate.token.start >= candidate.span.end
                || candidate.token.end <= candidate.span.start
            {
                taken.insert(candidate.token.start, candidate.token.end);
            }
        }
        free
    });
    all.sort_by_key(|it| it.span.start);
    all
}

impl Candidate {
    fn found(self, bytes: &[u8], line: u32) -> Found {
        let secret = bytes.get(self.span.clone()).unwrap_or_default();
        let name = match &self.name {
            Some(name) => {
                bytes.get(name.clone()).map(|it| String::from_utf8_lossy(it).into_owned())
            }
            None => name_before(bytes, self.token.start),
        };
        let kind = self.kind.unwrap_or(self.rule.kind);
        let mut found = Found {
            rule: self.rule.id,
            title: self.rule.title,
            kind,
            system: match (self.rule.shape, &name) {
                (Shape::Assigned, Some(name)) => system_of_name(name),
                _ => self.rule.system,
            },
            instance: None,
            public_id: None,
            account: None,
            name,
            span: self.span,
            line,
            secret: if self.has_secret { secret.to_vec().into() } else { Vec::new().into() },
            created_at: Fact::default(),
            expires_at: Fact::default(),
            facts: Facts::new(),
            confidence: self.confidence,
            chosen_by_person: false,
        };
        if let Some(derive) = self.rule.derive {
            derive(&mut found, &Around { bytes, token: self.token });
        }
        let by_person = [kinds::PASSWORD, kinds::CONNECTION_STRING].contains(&found.kind)
            || matches!(self.rule.shape, Shape::Assigned);
        if by_person {
            let value = String::from_utf8_lossy(found.secret.reveal()).into_owned();
            found.chosen_by_person = value::is_chosen(found.kind, &value);
        }
        say_when_documented(&mut found);
        found
    }
}

/// The name that a token is assigned to, if it is.
fn name_before(bytes: &[u8], token: usize) -> Option<String> {
    let before = bytes.get(token.saturating_sub(2 * assigned::MAX_NAME)..token)?;
    let line = before.rsplit(|byte| *byte == b'\n').next()?;
    let trim = |text: &[u8], set: &[u8]| {
        let n = text.iter().rev().take_while(|byte| set.contains(byte)).count();
        text.len() - n
    };
    let line = line.get(..trim(line, b"\"'`\\ \t"))?;
    let line = line.strip_suffix(b"Bearer").map_or(line, |it| it.trim_ascii_end());
    let line = line.get(..trim(line, b"\"'`\\ \t"))?;
    let end = trim(line, b"=:>");
    if end == line.len() {
        return None;
    }
    let line = line.get(..end)?;
    let line = line.get(..trim(line, b"\"'`\\ \t]"))?;
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let n_name = line.iter().rev().take_while(is_name).count();
    let name = std::str::from_utf8(line.get(line.len() - n_name..)?).ok()?;
    (!name.is_empty() && n_name <= assigned::MAX_NAME).then(|| name.into())
}
