//! Findings that people decided not to see for now: the ignore file and the baseline, each entry
//! with a reason and, where wanted, an end.
//!
//! Both are named by whoever runs the scan, never picked up from what is scanned: a file in a
//! scanned folder must not be able to hide findings about that folder.

use std::collections::HashMap;

use globset::{Glob, GlobMatcher};
use model::{Finding, Time};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::report::{Expired, Report, Suppressed};

/// An ignore file or baseline larger than this is refused.
pub const MAX_BYTES: usize = 16 << 20;

/// An ignore file, as TOML:
///
/// ```toml
/// [[ignore]]
/// rule = "plaintext-secret"          # optional: any rule
/// path = "tests/**"                  # optional: any place; a glob over the shown path
/// reason = "test vectors, not secrets"
/// expires = "2027-01-01"             # optional
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnoreFile {
    #[serde(default)]
    pub ignore: Vec<Ignore>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignore {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A finding's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// A baseline, as JSON: the findings that were there when it was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    pub version: u32,
    pub written_at: Time,
    pub findings: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// See [`key`].
    pub key: String,
    pub rule: String,
    /// For people who read the file.
    pub title: String,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<Time>,
}

/// What a finding is known by in a baseline: rule, places as shown and their pointers, without
/// lines or machine, so that the file means the same on another machine and after a line moved.
/// A finding without a place is known by its title.
pub fn key(finding: &Finding) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    part(&finding.rule);
    for stored in &finding.places {
        part(&stored.path);
        part(stored.pointer.as_deref().unwrap_or_default());
    }
    if finding.places.is_empty() {
        part(&finding.title);
    }
    let mut bytes = [0; 10];
    hasher.finalize_xof().fill(&mut bytes);
    data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}

pub fn read_ignore_file(text: &str) -> Result<Vec<Ignore>> {
    too_large(text.len())?;
    let file: IgnoreFile = toml::from_str(text).map_err(|error| {
        Error::invalid("ignore-file", format!("the ignore file does not parse: {error}"))
    })?;
    for entry in &file.ignore {
        reasoned(&entry.reason)?;
        if entry.rule.is_none() && entry.path.is_none() && entry.id.is_none() {
            return Err(Error::invalid(
                "ignore-file",
                "an entry of the ignore file names neither rule, path nor id: it would hide everything",
            ));
        }
    }
    Ok(file.ignore)
}

pub fn read_baseline(text: &str) -> Result<Baseline> {
    too_large(text.len())?;
    let baseline: Baseline = serde_json::from_str(text).map_err(|error| {
        Error::invalid("baseline", format!("the baseline does not parse: {error}"))
    })?;
    if baseline.version != 1 {
        return Err(Error::invalid(
            "baseline",
            format!("the baseline has version {}; this program reads version 1", baseline.version),
        ));
    }
    baseline.findings.iter().try_for_each(|known| reasoned(&known.reason))?;
    Ok(baseline)
}

/// Why the findings of a baseline are accepted, and until when.
#[derive(Debug, Clone)]
pub struct Acceptance {
    reason: String,
    expires: Option<Time>,
}

impl Acceptance {
    /// An end that has passed is refused: the baseline would leave out nothing.
    pub fn new(reason: &str, expires: Option<Time>, now: Time) -> Result<Self> {
        reasoned(reason)?;
        if let Some(past) = expires.filter(|expires| !holds(Some(*expires), now)) {
            let message =
                format!("a baseline that ends on {} would leave out nothing", past.date());
            return Err(Error::invalid("expired", message)
                .hint("name a date after today, or leave out --expires for one without an end"));
        }
        Ok(Self { reason: reason.into(), expires })
    }
}

/// A baseline of all open findings of a report.
pub fn baseline(report: &Report, acceptance: &Acceptance) -> Baseline {
    let mut findings: Vec<Known> = report
        .findings
        .iter()
        .map(|finding| Known {
            key: key(finding),
            rule: finding.rule.to_string(),
            title: finding.title.clone(),
            reason: acceptance.reason.clone(),
            expires: acceptance.expires,
        })
        .collect();
    findings.sort_by(|one, other| (&one.rule, &one.key).cmp(&(&other.rule, &other.key)));
    findings.dedup_by(|one, other| one.key == other.key);
    Baseline { version: 1, written_at: report.generated_at, findings }
}

/// Moves what the ignore file or the baseline knows from `findings` to `suppressed`. What only an
/// expired entry knows stays a finding and is named in `expired`, so that nobody wonders why it is
/// back.
pub fn apply(
    report: &mut Report,
    ignores: &[Ignore],
    baseline: Option<&Baseline>,
    now: Time,
) -> Result<()> {
    let matchers = ignores.iter().map(Matcher::new).collect::<Result<Vec<Matcher<'_>>>>()?;
    let mut known: HashMap<&str, Vec<&Known>> = HashMap::new();
    for entry in baseline.iter().flat_map(|baseline| &baseline.findings) {
        known.entry(&entry.key).or_default().push(entry);
    }
    for finding in std::mem::take(&mut report.findings) {
        let ignored = matchers
            .iter()
            .filter(|matcher| matcher.matches(&finding))
            .map(|matcher| ("ignore", &matcher.entry.reason, matcher.entry.expires));
        let key = key(&finding);
        let accepted = known
            .get(key.as_str())
            .into_iter()
            .flatten()
            .map(|known| ("baseline", &known.reason, known.expires));
        let entries: Vec<_> = ignored.chain(accepted).collect();
        if let Some(&(by, reason, expires)) = entries.iter().find(|entry| holds(entry.2, now)) {
            let (by, reason) = (by.into(), reason.clone());
            report.suppressed.push(Suppressed { finding, by, reason, expires });
            continue;
        }
        // The one that held longest.
        let last = entries.iter().filter_map(|&(by, reason, expires)| Some((expires?, by, reason)));
        if let Some((expires, by, reason)) = last.max_by_key(|(expires, ..)| *expires) {
            let (by, reason) = (by.into(), reason.clone());
            report.expired.push(Expired { finding: finding.id, by, reason, expires });
        }
        report.findings.push(finding);
    }
    Ok(())
}

struct Matcher<'a> {
    entry: &'a Ignore,
    path: Option<GlobMatcher>,
}

impl<'a> Matcher<'a> {
    fn new(entry: &'a Ignore) -> Result<Self> {
        let path = entry.path.as_deref().map(Glob::new).transpose().map_err(|error| {
            Error::invalid(
                "ignore-file",
                format!("a path of the ignore file is not a glob: {error}"),
            )
        })?;
        Ok(Self { entry, path: path.map(|glob| glob.compile_matcher()) })
    }

    /// Every place must match: a secret that also lies elsewhere is still a finding.
    fn matches(&self, finding: &Finding) -> bool {
        let id = self.entry.id.as_ref().is_none_or(|id| *id == finding.id.to_string());
        let rule = self.entry.rule.as_ref().is_none_or(|rule| *rule == finding.rule);
        let path = self.path.as_ref().is_none_or(|glob| {
            !finding.places.is_empty()
                && finding.places.iter().all(|stored| glob.is_match(&stored.path))
        });
        id && rule && path
    }
}

fn holds(expires: Option<Time>, now: Time) -> bool {
    expires.is_none_or(|expires| now < expires)
}

fn reasoned(reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(Error::invalid("no-reason", "every suppressed finding needs a reason"));
    }
    Ok(())
}

fn too_large(len: usize) -> Result<()> {
    if len > MAX_BYTES {
        return Err(Error::invalid("too-large", format!("larger than {MAX_BYTES} bytes")));
    }
    Ok(())
}
