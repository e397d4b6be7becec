//! What a source was asked for, what it gave, and what it could not or would not give.
//!
//! A conclusion is only as good as the coverage under it, so this travels with every answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fact::{Text, Window};
use crate::id::{Native, ScopeId};

/// At most this many gaps are listed for one scope; the rest are counted in [`Coverage::n_more_gaps`].
pub const MAX_GAPS: usize = 10_000;

/// Something a source reads as a whole: a host's accounts, a repository, a cloud account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    pub id: ScopeId,
    /// The connector's word for the sort of scope: `accounts`, `ssh`, `folder`.
    pub kind: Text,
    /// Path, account number, cluster address … for a person to recognise it by.
    pub name: String,
}

impl Scope {
    pub fn new(
        system: &str,
        instance: &str,
        kind: impl Into<Text>,
        name: impl Into<String>,
    ) -> Self {
        let (kind, name) = (kind.into(), name.into());
        let id = ScopeId::of(Native::new(system, instance, &kind, &name));
        Self { id, kind, name }
    }
}

/// What was read of one scope in one sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    pub scope: Scope,
    /// Objects (files, calls, entries) the source set out to read.
    pub asked: u64,
    pub got: u64,
    pub denied: u64,
    /// Whether reading stopped at a cap before the end: then nothing of this scope is tombstoned.
    pub truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub window: Option<Window>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub gaps: Vec<Gap>,
    #[serde(default)]
    pub n_more_gaps: u64,
}

/// One thing that was not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The path, call or name that was asked for. Records read from here or below are kept.
    pub locus: String,
    pub reason: GapReason,
    /// For a person: what happened, in the words of the system where it has any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<Text>,
    /// The permission that would close the gap.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missing: Option<Text>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// Permission was refused.
    Denied,
    /// It was named somewhere and is not there.
    NotFound,
    /// A cap on size, count, depth or expansion was reached.
    TooLarge,
    TooDeep,
    /// It was read and does not parse as what it claims to be.
    Malformed,
    /// A device, FIFO, socket or a link that leads out of the scope.
    NotRegular,
    /// It changed while it was read.
    Changed,
    /// It is encrypted and no key was given.
    Encrypted,
    TimedOut,
    Unreachable,
    RateLimited,
    /// A format or version that this connector does not read.
    Unsupported,
    /// An input or output error of the system below.
    Failed,
}

impl GapReason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::Malformed => "malformed",
            Self::NotRegular => "not-regular",
            Self::Changed => "changed",
            Self::Encrypted => "encrypted",
            Self::TimedOut => "timed-out",
            Self::Unreachable => "unreachable",
            Self::RateLimited => "rate-limited",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }
}

impl Gap {
    pub fn new(locus: impl Into<String>, reason: GapReason) -> Self {
        Self { locus: locus.into(), reason, detail: None, missing: None }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<Text>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn missing(mut self, permission: impl Into<Text>) -> Self {
        self.missing = Some(permission.into());
        self
    }

    /// Whether what was read from `locus` lies in this gap: the same path or one below it.
    pub fn holds(&self, locus: &str) -> bool {
        match locus.strip_prefix(self.locus.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/') || self.locus.ends_with('/'),
            None => false,
        }
    }
}

impl Coverage {
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            asked: 0,
            got: 0,
            denied: 0,
            truncated: false,
            window: None,
            gaps: Vec::new(),
            n_more_gaps: 0,
        }
    }

    /// Counts one object as read.
    pub fn read(&mut self) {
        self.asked += 1;
        self.got += 1;
    }

    /// Counts one object as not read, and says why.
    pub fn miss(&mut self, gap: Gap) {
        self.asked += 1;
        self.denied += u64::from(gap.reason == GapReason::Denied);
        if self.gaps.len() < MAX_GAPS {
            self.gaps.push(gap);
        } else {
            self.n_more_gaps += 1;
        }
    }

    /// Whether everything that was asked for was read.
    pub fn is_complete(&self) -> bool {
        self.gaps.is_empty() && self.n_more_gaps == 0 && !self.truncated
    }

    /// Whether a record of this scope, last read from `loci`, is gone when a sync did not see it:
    /// the scope was read to its end, and no gap hides any place the record was read from.
    ///
    /// More gaps than are listed hide everything.
    pub fn would_have_seen<'a>(&self, loci: impl IntoIterator<Item = &'a str>) -> bool {
        if self.truncated || self.n_more_gaps > 0 {
            return false;
        }
        self.gaps.is_empty() || {
            let mut loci = loci.into_iter().peekable();
            loci.peek().is_some() && loci.all(|locus| !self.gaps.iter().any(|gap| gap.holds(locus)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_holds_what_lies_below_it_and_no_sibling() {
        let check = |gap: &str, locus: &str, expected: bool| {
            assert_eq!(Gap::new(gap, GapReason::Denied).holds(locus), expected, "{gap} {locus}");
        };
        check("/home/a", "/home/a", true);
        check("/home/a", "/home/a/.ssh", true);
        check("/home/a", "/home/ab", false);
        check("/", "/home/a", true);
        check("/home/a/.ssh", "/home/a", false);
    }

    #[test]
    fn only_what_would_have_been_seen_is_gone() {
        let mut coverage = Coverage::new(Scope::new("file", "", "folder", "/"));
        assert!(coverage.would_have_seen([]));
        coverage.miss(Gap::new("/a", GapReason::Denied));
        assert!(!coverage.would_have_seen([]), "where it was read from is not known");
        assert!(!coverage.would_have_seen(["/a/x"]));
        assert!(!coverage.would_have_seen(["/b", "/a/x"]), "it may still be in one of its places");
        assert!(coverage.would_have_seen(["/b"]));
        coverage.truncated = true;
        assert!(!coverage.would_have_seen(["/b"]));
    }
}
