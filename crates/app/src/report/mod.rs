//! What a scan says, as one object that is published: `tutela schema` prints its JSON Schema, and a
//! change of it is a change of [`SCHEMA_VERSION`].
//!
//! Arrays are sorted by id. How the object is written in other formats is not known here: [`table`]
//! makes rows of it, and [`sarif`] what code hosts read.

pub mod sarif;
pub mod table;

use std::collections::{BTreeMap, HashMap};

use assess::owners::Ranked;
use model::fact::Text;
use model::kinds::{General, identity_kind};
use model::{
    Authority, Batch, Coverage, Credential, Evidence, Fact, Finding, FindingId, Gap, GapReason,
    Grant, Identity, IdentityId, OwnerLink, OwnerLinkId, PartyKind, Place, ScopeId, Severity, Time,
    Trust,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub const SCHEMA_VERSION: &str = "1";

/// Everything that was seen, what it means, and what was not seen.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    pub schema_version: Text,
    pub tool: Tool,
    pub generated_at: Time,
    pub identities: Vec<IdentityRow>,
    pub credentials: Vec<Sourced<Credential>>,
    pub places: Vec<Sourced<Place>>,
    pub grants: Vec<Sourced<Grant>>,
    pub trusts: Vec<TrustRow>,
    pub owners: Vec<OwnerRow>,
    pub findings: Vec<Finding>,
    /// Findings left out by the ignore file or the baseline.
    pub suppressed: Vec<Suppressed>,
    /// Findings that are back because what left them out has expired.
    pub expired: Vec<Expired>,
    pub coverage: Vec<CoverageRow>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    pub name: Text,
    pub version: Text,
}

/// A record with the connector that states it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Sourced<R> {
    #[serde(flatten)]
    pub record: R,
    pub source: Text,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IdentityRow {
    #[serde(flatten)]
    pub record: Identity,
    pub source: Text,
    /// The general type: `service-account`, `api-key`, `pipeline` …; `person` for an account of a
    /// person, listed because something else here hangs on it.
    pub general_type: Text,
    /// Whether no owner reaches the threshold.
    pub orphaned: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TrustRow {
    #[serde(flatten)]
    pub record: Trust,
    pub kind: Text,
    pub source: Text,
}

/// One candidate for the ownership of one identity; the first of an identity by rank leads.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OwnerRow {
    pub id: OwnerLinkId,
    pub identity: IdentityId,
    /// The handle or address: `@org/team`, `ada@example.org`.
    pub owner: String,
    pub name: String,
    pub kind: PartyKind,
    pub method: Text,
    pub confidence: f64,
    pub active: Fact<bool>,
    /// Whether this candidate is the owner.
    pub leads: bool,
    pub source: Text,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

/// A scope that was read, or a gap in one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CoverageRow {
    pub id: ScopeId,
    /// The sort of scope, or `gap`.
    pub kind: Text,
    pub source: Text,
    /// The scope's name; for a gap, the path or call that was not read.
    pub scope: String,
    pub asked: u64,
    pub got: u64,
    pub denied: u64,
    pub truncated: bool,
    /// Null for a scope that was read completely.
    pub reason: Option<Text>,
    pub detail: Option<Text>,
    /// The permission that would close the gap.
    pub missing: Option<Text>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Suppressed {
    #[serde(flatten)]
    pub finding: Finding,
    /// `ignore` or `baseline`.
    pub by: Text,
    pub reason: String,
    pub expires: Option<Time>,
}

/// An entry of the ignore file or the baseline that no longer holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Expired {
    pub finding: FindingId,
    /// `ignore` or `baseline`.
    pub by: Text,
    pub reason: String,
    pub expires: Time,
}

impl Expired {
    /// What left the finding out, and why: to be shown with the finding.
    pub fn sentence(&self) -> String {
        let file = if self.by == "baseline" { "the baseline" } else { "the ignore file" };
        format!("left out by {file} until {}: {}", self.expires.date(), self.reason)
    }
}

impl IdentityRow {
    pub fn new(record: Identity, source: Text, orphaned: bool) -> Self {
        let general = identity_kind(&record.kind).map_or(General::Unknown, |kind| kind.general);
        Self { record, source, general_type: general.id().into(), orphaned }
    }
}

impl OwnerRow {
    pub fn new(link: OwnerLink, leads: bool, source: Text) -> Self {
        Self {
            id: link.id,
            identity: link.identity,
            owner: link.owner.key,
            name: link.owner.name,
            kind: link.owner.kind,
            method: link.method,
            confidence: link.confidence,
            active: link.active,
            leads,
            source,
            evidence: link.evidence,
        }
    }
}

/// One row for the scope and one for each of its gaps.
pub fn coverage_rows(coverage: Coverage, source: &Text) -> Vec<CoverageRow> {
    let reason: Option<Text> = if coverage.truncated {
        Some("stopped at a cap before the end".into())
    } else if coverage.is_complete() {
        None
    } else {
        Some("some of it was not read; see its gaps".into())
    };
    let mut rows = vec![CoverageRow {
        id: coverage.scope.id,
        kind: coverage.scope.kind.clone(),
        source: source.clone(),
        scope: coverage.scope.name.clone(),
        asked: coverage.asked,
        got: coverage.got,
        denied: coverage.denied,
        truncated: coverage.truncated,
        reason,
        detail: (coverage.n_more_gaps > 0).then(|| {
            format!("{} more gaps are counted but not listed", coverage.n_more_gaps).into()
        }),
        missing: None,
    }];
    rows.extend(coverage.gaps.into_iter().map(|gap| gap_row(coverage.scope.id, source, gap)));
    rows
}

fn gap_row(scope: ScopeId, source: &Text, gap: Gap) -> CoverageRow {
    CoverageRow {
        id: scope,
        kind: "gap".into(),
        source: source.clone(),
        scope: gap.locus,
        asked: 1,
        got: 0,
        denied: u64::from(gap.reason == GapReason::Denied),
        truncated: false,
        reason: Some(gap.reason.name().into()),
        detail: gap.detail,
        missing: gap.missing,
    }
}

impl Report {
    /// The report of what the connectors stated, each batch with the connector's id.
    ///
    /// Where two connectors speak of one thing, the claim with the greater authority leads, and
    /// every fact keeps the name of the connector that stated it.
    pub fn new(batches: Vec<(Text, Batch)>, now: Time) -> Self {
        let mut coverage = Vec::new();
        let mut all = Batch::default();
        let mut sources = Sources::default();
        for (source, mut batch) in batches {
            for scope in std::mem::take(&mut batch.coverage) {
                coverage.extend(coverage_rows(scope, &source));
            }
            settle_facts(&mut batch, &source, now);
            sources.note(&batch, &source);
            all.extend(batch);
        }
        all.settle();
        let ranked = rank_all(&all.owners);
        let findings = assess::evaluate(&all, now).findings;
        // No source of a scan states policy documents.
        let Batch {
            identities,
            credentials,
            places,
            grants,
            trusts,
            owners,
            policies: _,
            coverage: _,
        } = all;
        let mut report = Self {
            schema_version: SCHEMA_VERSION.into(),
            tool: Tool { name: "tutela".into(), version: env!("CARGO_PKG_VERSION").into() },
            generated_at: now,
            identities: identities
                .into_iter()
                .map(|record| {
                    let source = sources.of(record.id.as_bytes());
                    let orphaned = ranked.get(&record.id).is_none_or(Ranked::orphaned);
                    IdentityRow::new(record, source, orphaned)
                })
                .collect(),
            credentials: sources.name(credentials, |record| record.id.as_bytes()),
            places: sources.name(places, |record| record.id.as_bytes()),
            grants: sources.name(grants, |record| record.id.as_bytes()),
            trusts: trusts
                .into_iter()
                .map(|record| TrustRow {
                    source: sources.of(record.id.as_bytes()),
                    kind: record.mechanism.clone(),
                    record,
                })
                .collect(),
            owners: owners
                .into_iter()
                .map(|link| {
                    let leads = ranked
                        .get(&link.identity)
                        .and_then(|ranked| ranked.owner())
                        .is_some_and(|owner| owner.owner.key == link.owner.key);
                    let source = sources.of(link.id.as_bytes());
                    OwnerRow::new(link, leads, source)
                })
                .collect(),
            findings,
            suppressed: Vec::new(),
            expired: Vec::new(),
            coverage,
        };
        report.sort();
        report
    }

    /// By id as text, which is not the order of the bytes behind it.
    fn sort(&mut self) {
        self.identities.sort_by_cached_key(|row| row.record.id.to_string());
        self.credentials.sort_by_cached_key(|row| row.record.id.to_string());
        self.places.sort_by_cached_key(|row| row.record.id.to_string());
        self.grants.sort_by_cached_key(|row| row.record.id.to_string());
        self.trusts.sort_by_cached_key(|row| row.record.id.to_string());
        self.owners.sort_by_cached_key(|row| row.id.to_string());
        self.findings.sort_by_cached_key(|finding| finding.id.to_string());
        // Stable: a scope stays before its gaps.
        self.coverage.sort_by_cached_key(|row| row.id.to_string());
    }

    /// The published object: every row has the fields that its array is read for, empty or not.
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        const ALWAYS: [(&str, &[&str]); 5] = [
            ("credentials", &["places", "evidence"]),
            ("grants", &["conditions", "evidence"]),
            ("trusts", &["conditions", "evidence"]),
            ("owners", &["evidence"]),
            ("findings", &["places", "evidence"]),
        ];
        let mut report = serde_json::to_value(self)?;
        for (array, fields) in ALWAYS {
            let rows = report.get_mut(array).and_then(serde_json::Value::as_array_mut);
            for row in rows.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
                for field in fields {
                    row.entry(*field).or_insert_with(|| json!([]));
                }
                if array == "credentials" {
                    row.entry("identity").or_insert(serde_json::Value::Null);
                }
            }
        }
        Ok(report)
    }

    /// The findings, those of one rule and severity together: worst first, then the most.
    pub fn alike(&self) -> Vec<Vec<&Finding>> {
        let mut groups: BTreeMap<(Severity, &str), Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            groups.entry((finding.severity, &finding.rule)).or_default().push(finding);
        }
        let mut groups: Vec<((Severity, &str), Vec<&Finding>)> = groups.into_iter().collect();
        groups.sort_by(|((one, _), some), ((other, _), more)| {
            other.cmp(one).then(more.len().cmp(&some.len()))
        });
        for (_, group) in &mut groups {
            group.sort_by(|one, other| one.title.cmp(&other.title));
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Whether everything that was asked for was read.
    pub fn is_complete(&self) -> bool {
        self.coverage.iter().all(|row| row.reason.is_none())
    }

    pub fn worst_finding(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// What a rule is about; its id where the rule is no more.
pub fn rule_title(id: &str) -> &str {
    assess::rule(id).map_or(id, |rule| &rule.title)
}

/// The candidates of every identity that has any.
pub fn rank_all(links: &[OwnerLink]) -> HashMap<IdentityId, Ranked> {
    let mut of_identity: HashMap<IdentityId, Vec<&OwnerLink>> = HashMap::new();
    for link in links {
        of_identity.entry(link.identity).or_default().push(link);
    }
    of_identity.into_iter().map(|(id, links)| (id, assess::owners::rank(&links))).collect()
}

#[derive(Default)]
struct Sources(HashMap<[u8; 16], (Authority, Text)>);

impl Sources {
    fn note(&mut self, batch: &Batch, source: &Text) {
        let mut note = |id: &[u8; 16], authority: Authority| {
            let entry = self.0.entry(*id).or_insert_with(|| (authority, source.clone()));
            if authority > entry.0 {
                *entry = (authority, source.clone());
            }
        };
        batch.identities.iter().for_each(|record| note(record.id.as_bytes(), record.authority));
        batch.credentials.iter().for_each(|record| note(record.id.as_bytes(), record.authority));
        batch.places.iter().for_each(|record| note(record.id.as_bytes(), record.authority));
        batch.grants.iter().for_each(|record| note(record.id.as_bytes(), record.authority));
        batch.trusts.iter().for_each(|record| note(record.id.as_bytes(), record.authority));
        batch.owners.iter().for_each(|record| note(record.id.as_bytes(), Authority::Record));
    }

    fn of(&self, id: &[u8; 16]) -> Text {
        self.0.get(id).map(|(_, source)| source.clone()).unwrap_or_default()
    }

    fn name<R>(&self, records: Vec<R>, id: impl Fn(&R) -> &[u8; 16]) -> Vec<Sourced<R>> {
        records.into_iter().map(|record| Sourced { source: self.of(id(&record)), record }).collect()
    }
}

fn settle_facts(batch: &mut Batch, source: &Text, now: Time) {
    batch.identities.iter_mut().for_each(|record| record.settle_facts(source, now));
    batch.credentials.iter_mut().for_each(|record| record.settle_facts(source, now));
    batch.places.iter_mut().for_each(|record| record.settle_facts(source, now));
    batch.grants.iter_mut().for_each(|record| record.settle_facts(source, now));
    batch.trusts.iter_mut().for_each(|record| record.settle_facts(source, now));
    batch.owners.iter_mut().for_each(|record| record.settle_facts(source, now));
}

/// The JSON Schema (2020-12) of [`Report`].
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), json!("Tutela scan report"));
        object.insert("$id".into(), json!("urn:tutela:schema:report:1"));
    }
    schema
}
