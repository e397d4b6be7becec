//! The rows of one array of a [`Report`] as a table of text, and a table as CSV.
//!
//! A cell is one line of text for a person or a spreadsheet; what has no place in a cell is left
//! out. Nothing here decides which array is asked for or where the text goes.

use model::fact::Text;
use model::text::cell;
use model::{Credential, Fact, PartyKind};

use super::{IdentityRow, Report, Sourced};

/// Which rows a CSV holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    Identities,
    Credentials,
    Places,
    Grants,
    Trusts,
    Owners,
    Findings,
    Coverage,
}

/// A header and rows of text: a known value as itself, anything else as its state in angle
/// brackets. The caller quotes cells (see [`to_csv`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// A fact for a table cell.
pub fn fact_cell<T: std::fmt::Display>(fact: &Fact<T>) -> String {
    match fact.value() {
        Some(value) => value.to_string(),
        None => format!("<{}>", fact.state_name()),
    }
}

fn named_fact(facts: &model::Facts, name: &str) -> String {
    facts.get(name).map_or_else(|| "<not_collected>".into(), fact_cell)
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "<not_collected>".into(), |value| value.to_string())
}

fn place_cell(places: &[model::StoredAt]) -> String {
    let cells: Vec<String> = places
        .iter()
        .map(|stored| match stored.line {
            Some(line) => format!("{}:{line}", stored.path),
            None => stored.path.clone(),
        })
        .collect();
    cells.join("; ")
}

impl Report {
    pub fn table(&self, rows: Rows) -> Table {
        match rows {
            Rows::Identities => Table {
                header: vec![
                    "id",
                    "kind",
                    "general_type",
                    "source",
                    "system",
                    "instance",
                    "native_id",
                    "name",
                    "authority",
                    "environment",
                    "enabled",
                    "created_at",
                    "last_used_at",
                    "owner",
                    "orphaned",
                ],
                rows: self.identities.iter().map(|row| self.identity_cells(row)).collect(),
            },
            Rows::Credentials => Table {
                header: vec![
                    "id",
                    "kind",
                    "source",
                    "system",
                    "instance",
                    "native_id",
                    "name",
                    "identity",
                    "places",
                    "fingerprint",
                    "enabled",
                    "created_at",
                    "expires_at",
                    "rotated_at",
                    "last_used_at",
                    "encrypted",
                    "exposure",
                ],
                rows: self.credentials.iter().map(credential_cells).collect(),
            },
            Rows::Places => Table {
                header: vec![
                    "id",
                    "kind",
                    "source",
                    "system",
                    "instance",
                    "native_id",
                    "path",
                    "exposure",
                ],
                rows: self
                    .places
                    .iter()
                    .map(|row| {
                        let place = &row.record;
                        vec![
                            place.id.to_string(),
                            place.kind.to_string(),
                            row.source.to_string(),
                            place.system.to_string(),
                            place.instance.clone(),
                            place.native_id.clone(),
                            place.path.clone(),
                            named_fact(&place.facts, "exposure"),
                        ]
                    })
                    .collect(),
            },
            Rows::Grants => Table {
                header: vec![
                    "id",
                    "kind",
                    "source",
                    "system",
                    "instance",
                    "native_id",
                    "identity",
                    "actions",
                    "resources",
                    "effect",
                    "via",
                ],
                rows: self
                    .grants
                    .iter()
                    .map(|row| {
                        let grant = &row.record;
                        let effect = match grant.effect {
                            model::Effect::Allow => "allow",
                            model::Effect::Deny => "deny",
                        };
                        vec![
                            grant.id.to_string(),
                            grant.kind.to_string(),
                            row.source.to_string(),
                            grant.system.to_string(),
                            grant.instance.clone(),
                            grant.native_id.clone(),
                            grant.identity.to_string(),
                            grant.actions.join("; "),
                            grant.resources.join("; "),
                            effect.into(),
                            grant.via.clone().unwrap_or_else(|| "<known_absent>".into()),
                        ]
                    })
                    .collect(),
            },
            Rows::Trusts => Table {
                header: vec![
                    "id",
                    "kind",
                    "source",
                    "system",
                    "instance",
                    "native_id",
                    "from",
                    "to",
                    "mechanism",
                    "conditions",
                ],
                rows: self
                    .trusts
                    .iter()
                    .map(|row| {
                        let trust = &row.record;
                        let conditions: Vec<String> = trust
                            .conditions
                            .iter()
                            .map(|condition| {
                                format!(
                                    "{} {} {}",
                                    condition.key,
                                    condition.operator,
                                    condition.values.join(",")
                                )
                            })
                            .collect();
                        vec![
                            trust.id.to_string(),
                            row.kind.to_string(),
                            row.source.to_string(),
                            trust.system.to_string(),
                            trust.instance.clone(),
                            trust.native_id.clone(),
                            trust.from.to_string(),
                            trust.to.to_string(),
                            trust.mechanism.to_string(),
                            conditions.join("; "),
                        ]
                    })
                    .collect(),
            },
            Rows::Owners => Table {
                header: vec![
                    "id",
                    "kind",
                    "source",
                    "identity",
                    "owner",
                    "name",
                    "method",
                    "confidence",
                    "leads",
                ],
                rows: self
                    .owners
                    .iter()
                    .map(|row| {
                        let kind = match row.kind {
                            PartyKind::Person => "person",
                            PartyKind::Team => "team",
                            PartyKind::Vendor => "vendor",
                        };
                        vec![
                            row.id.to_string(),
                            kind.into(),
                            row.source.to_string(),
                            row.identity.to_string(),
                            row.owner.clone(),
                            row.name.clone(),
                            row.method.to_string(),
                            format!("{:.2}", row.confidence),
                            row.leads.to_string(),
                        ]
                    })
                    .collect(),
            },
            Rows::Findings => Table {
                header: vec![
                    "id", "rule", "severity", "subject", "identity", "title", "places", "fix",
                ],
                rows: self
                    .findings
                    .iter()
                    .map(|finding| {
                        vec![
                            finding.id.to_string(),
                            finding.rule.to_string(),
                            finding.severity.name().into(),
                            finding.subject.to_string(),
                            optional(finding.identity),
                            finding.title.clone(),
                            place_cell(&finding.places),
                            finding.fix.clone(),
                        ]
                    })
                    .collect(),
            },
            Rows::Coverage => Table {
                header: vec![
                    "id",
                    "kind",
                    "source",
                    "scope",
                    "asked",
                    "got",
                    "denied",
                    "truncated",
                    "reason",
                    "detail",
                    "missing",
                ],
                rows: self
                    .coverage
                    .iter()
                    .map(|row| {
                        let text = |text: &Option<Text>| {
                            text.as_deref().unwrap_or("<known_absent>").to_owned()
                        };
                        vec![
                            row.id.to_string(),
                            row.kind.to_string(),
                            row.source.to_string(),
                            row.scope.clone(),
                            row.asked.to_string(),
                            row.got.to_string(),
                            row.denied.to_string(),
                            row.truncated.to_string(),
                            text(&row.reason),
                            text(&row.detail),
                            text(&row.missing),
                        ]
                    })
                    .collect(),
            },
        }
    }

    fn identity_cells(&self, row: &IdentityRow) -> Vec<String> {
        let identity = &row.record;
        let owner = self.owners.iter().find(|owner| owner.leads && owner.identity == identity.id);
        vec![
            identity.id.to_string(),
            identity.kind.to_string(),
            row.general_type.to_string(),
            row.source.to_string(),
            identity.system.to_string(),
            identity.instance.clone(),
            identity.native_id.clone(),
            identity.name.clone(),
            identity.authority.name().into(),
            fact_cell(&identity.environment),
            fact_cell(&identity.enabled),
            fact_cell(&identity.created_at),
            fact_cell(&identity.last_used_at),
            owner.map_or_else(|| "<known_absent>".into(), |owner| owner.owner.clone()),
            row.orphaned.to_string(),
        ]
    }
}

fn credential_cells(row: &Sourced<Credential>) -> Vec<String> {
    let credential = &row.record;
    vec![
        credential.id.to_string(),
        credential.kind.to_string(),
        row.source.to_string(),
        credential.system.to_string(),
        credential.instance.clone(),
        credential.native_id.clone(),
        credential.name.clone(),
        optional(credential.identity),
        place_cell(&credential.places),
        optional(credential.fingerprint),
        fact_cell(&credential.enabled),
        fact_cell(&credential.created_at),
        fact_cell(&credential.expires_at),
        fact_cell(&credential.rotated_at),
        fact_cell(&credential.last_used_at),
        named_fact(&credential.facts, "encrypted"),
        named_fact(&credential.facts, "exposure"),
    ]
}

/// RFC 4180 text with every foreign cell neutralised.
pub fn to_csv(table: &Table) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&table.header)?;
    for row in &table.rows {
        writer.write_record(row.iter().map(|text| cell(text).into_owned()))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
