//! Who owns an identity: candidates out of all evidence, best first.
//!
//! Evidence is an [`OwnerLink`]: a party, a method and how sure the method is. Links of different
//! methods that speak for one party support each other; links of one method do not (a tag read
//! twice is one tag), nor do two readings of one record (the authors of a file and of its lines). A
//! human claim wins over all of it. A party known to be gone is kept in the list, so that people see
//! who it was, and never is the owner.

use std::collections::{BTreeMap, BTreeSet};

use model::fact::Text;
use model::{OwnerLink, Party};

/// An owner needs at least this much confidence; below it the identity is orphaned.
pub const THRESHOLD: f64 = 0.5;
/// Inference never is surer than this, however many methods agree.
pub const MAX_INFERRED: f64 = 0.98;
/// The method of a claim that a person made.
pub const CLAIM: &str = "claim";

/// One party with all that speaks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub owner: Party,
    /// 0 to 1; 1 for a claim.
    pub confidence: f64,
    /// Sorted, each once.
    pub methods: Vec<Text>,
    /// Whether a person claimed the identity for this party.
    pub claimed: bool,
    /// False when a directory says that the party is gone.
    pub active: bool,
    /// Which of the given links speak for it, best first.
    pub links: Vec<usize>,
}

/// The candidates of one identity, best first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranked {
    pub candidates: Vec<Candidate>,
}

impl Ranked {
    /// The best candidate that is active and reaches the threshold.
    pub fn owner(&self) -> Option<&Candidate> {
        let eligible =
            |candidate: &&Candidate| candidate.active && candidate.confidence >= THRESHOLD;
        self.candidates.iter().find(eligible)
    }

    pub fn orphaned(&self) -> bool {
        self.owner().is_none()
    }
}

/// Ranks the links of one identity. The result does not depend on their order.
pub fn rank(links: &[&OwnerLink]) -> Ranked {
    let mut parties: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (n, link) in links.iter().enumerate() {
        parties.entry(&link.owner.key).or_default().push(n);
    }
    let mut candidates: Vec<Candidate> =
        parties.into_values().filter_map(|of_party| candidate(links, of_party)).collect();
    candidates.sort_by(|one, other| {
        (other.active, other.claimed)
            .cmp(&(one.active, one.claimed))
            .then(other.confidence.total_cmp(&one.confidence))
            .then_with(|| one.owner.cmp(&other.owner))
    });
    Ranked { candidates }
}

fn candidate(links: &[&OwnerLink], mut of_party: Vec<usize>) -> Option<Candidate> {
    let sureness = |n: usize| links.get(n).map_or(0.0, |link| sane(link.confidence));
    let method = |n: usize| links.get(n).map(|link| link.method.as_ref());
    of_party.sort_by(|&one, &other| {
        sureness(other)
            .total_cmp(&sureness(one))
            .then_with(|| method(one).cmp(&method(other)))
            .then_with(|| {
                links.get(one).map(|link| link.id).cmp(&links.get(other).map(|link| link.id))
            })
    });
    let mut methods: BTreeSet<&Text> = BTreeSet::new();
    let mut by_record: BTreeMap<&str, f64> = BTreeMap::new();
    let mut active = true;
    for link in of_party.iter().filter_map(|&n| links.get(n)) {
        methods.insert(&link.method);
        let best = by_record.entry(record_behind(&link.method)).or_insert(0.0);
        *best = best.max(sane(link.confidence));
        active &= link.active.value() != Some(&false);
    }
    let claimed = methods.contains(&Text::Borrowed(CLAIM));
    // Independent records are each wrong with probability 1 - confidence.
    let doubt: f64 = by_record.values().map(|confidence| 1.0 - confidence).product();
    let confidence = if claimed { 1.0 } else { (1.0 - doubt).min(MAX_INFERRED) };
    let owner = of_party.first().and_then(|&n| links.get(n))?.owner.clone();
    let methods = methods.into_iter().cloned().collect();
    Some(Candidate { owner, confidence, methods, claimed, active, links: of_party })
}

/// The record that a method reads: two readings of one do not support each other.
fn record_behind(method: &str) -> &str {
    match method {
        "git-author" | "git-blame" => "git",
        method => method,
    }
}

/// A confidence from elsewhere, between 0 and 1; what is not a number says nothing.
fn sane(confidence: f64) -> f64 {
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use model::record::PartyKind;
    use model::{Fact, IdentityId, Native, Scope};

    use super::*;

    fn link(key: &str, method: &'static str, confidence: f64) -> OwnerLink {
        let identity = IdentityId::of(Native::new("aws", "", "principal", "role"));
        let scope = Scope::new("file", "", "folder", "/srv").id;
        OwnerLink::new(identity, Party::new(PartyKind::Team, key, key), method, confidence, scope)
    }

    fn check(links: &[OwnerLink], expected: &str) {
        let told = |ranked: &Ranked| {
            let candidates = ranked.candidates.iter().map(|candidate| {
                let gone = if candidate.active { "" } else { " gone" };
                let methods = candidate.methods.join("+");
                format!("{} {:.3} {methods}{gone}", candidate.owner.key, candidate.confidence)
            });
            let owner = ranked.owner().map_or("orphaned", |owner| owner.owner.key.as_str());
            format!("{owner}: {}", candidates.collect::<Vec<_>>().join(", "))
        };
        let forwards: Vec<&OwnerLink> = links.iter().collect();
        let backwards: Vec<&OwnerLink> = links.iter().rev().collect();
        assert_eq!(told(&rank(&forwards)), expected);
        assert_eq!(told(&rank(&backwards)), expected, "the order of links must not matter");
    }

    #[test]
    fn evidence_is_weighed() {
        check(&[], "orphaned: ");
        check(&[link("pay", "tag", 0.8)], "pay: pay 0.800 tag");
        check(&[link("pay", "terraform-module", 0.45)], "orphaned: pay 0.450 terraform-module");
        check(
            &[link("pay", "terraform-module", 0.45), link("pay", "codeowners", 0.45)],
            "pay: pay 0.698 codeowners+terraform-module",
        );
        check(&[link("pay", "tag", 0.4), link("pay", "tag", 0.3)], "orphaned: pay 0.400 tag");
        check(
            &[link("pay", "tag", 0.97), link("pay", "codeowners", 0.97)],
            "pay: pay 0.980 codeowners+tag",
        );
        check(
            &[link("ops", "tag", 0.95), link("pay", CLAIM, 0.1)],
            "pay: pay 1.000 claim, ops 0.950 tag",
        );
        check(
            &[link("ada", "git-author", 0.3), link("ada", "git-blame", 0.45)],
            "orphaned: ada 0.450 git-author+git-blame",
        );
        check(&[link("b", "tag", 0.6), link("a", "tag", 0.6)], "a: a 0.600 tag, b 0.600 tag");
        check(&[link("a", "tag", f64::NAN)], "orphaned: a 0.000 tag");
        check(&[link("a", "tag", f64::INFINITY)], "a: a 0.980 tag");
    }

    #[test]
    fn who_is_gone_does_not_count() {
        let mut gone = link("ada", CLAIM, 1.0);
        gone.active = Fact::known(false);
        check(std::slice::from_ref(&gone), "orphaned: ada 1.000 claim gone");
        check(&[gone, link("pay", "tag", 0.6)], "pay: pay 0.600 tag, ada 1.000 claim gone");
    }
}
