//! Exactly the rows of a list, all pages of it, as JSON lines or CSV.

use model::fact::Text;
use model::text::cell;
use serde::Serialize;
use serde_json::Value;
use store::{List, ListQuery, query::MAX_PAGE_ROWS};

use crate::App;
use crate::access::{Act, Actor};
use crate::error::{Error, Result};
use crate::inventory;

/// Rows of one export; more are cut, and the last line says so.
pub const MAX_ROWS: usize = 5_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One JSON object a line.
    Json,
    Csv,
}

/// Hands out the export page by page as text; `out` says whether it wants more.
pub fn export(
    app: &App,
    actor: &Actor,
    list: List,
    query: &ListQuery,
    format: ExportFormat,
    out: &mut dyn FnMut(String) -> bool,
) -> Result<()> {
    actor.may(Act::ExportData)?;
    let mut query = ListQuery { limit: MAX_PAGE_ROWS, ..query.clone() };
    let columns: Vec<&'static str> = list.fields().iter().map(|field| field.name).collect();
    if format == ExportFormat::Csv && !out(csv_line(columns.iter().map(|name| Text::from(*name)))?)
    {
        return Ok(());
    }
    let mut n_rows = 0;
    loop {
        let (rows, next) = page(app, actor, list, &query)?;
        n_rows += rows.len();
        let mut text = String::new();
        for row in &rows {
            match format {
                ExportFormat::Json => {
                    text.push_str(&row.to_string());
                    text.push('\n');
                }
                ExportFormat::Csv => {
                    text.push_str(&csv_line(columns.iter().map(|name| value_of(row, name)))?);
                }
            }
        }
        if !out(text) || n_rows >= MAX_ROWS {
            return Ok(());
        }
        match next {
            Some(next) => query.after = Some(next),
            None => return Ok(()),
        }
    }
}

type Rows = (Vec<Value>, Option<store::Cursor>);

fn page(app: &App, actor: &Actor, list: List, query: &ListQuery) -> Result<Rows> {
    fn rows<R: Serialize>(listing: inventory::Listing<R>) -> Result<Rows> {
        let rows = listing.items.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok((rows.map_err(Error::internal)?, listing.next))
    }
    match list {
        List::Identities => rows(inventory::identities(app, actor, query, &[])?),
        List::Credentials => rows(inventory::credentials(app, actor, query, &[])?),
        List::Places => rows(inventory::places(app, actor, query, &[])?),
        List::Grants => rows(inventory::grants(app, actor, query, &[])?),
        List::Trusts => rows(inventory::trusts(app, actor, query, &[])?),
        List::Owners => rows(inventory::owner_links(app, actor, query, &[])?),
        List::Policies => rows(inventory::policies(app, actor, query, &[])?),
        List::Findings => rows(inventory::findings(app, actor, query, &[])?),
        List::Syncs => rows(inventory::syncs(app, actor, query, &[])?),
        List::Gaps => rows(inventory::gaps(app, actor, query, &[])?),
    }
}

/// A field of a row for a cell: the value, or the state in angle brackets.
fn value_of(row: &Value, name: &str) -> Text {
    let found = [row.get("record"), row.get("finding"), row.get("gap"), Some(row)]
        .into_iter()
        .flatten()
        .find_map(|part| part.get(name))
        .or_else(|| row.get("record")?.get("facts")?.get(name));
    match found {
        Some(Value::Object(fact)) if fact.contains_key("state") => match fact.get("value") {
            Some(value) => plain(value),
            None => format!("<{}>", fact.get("state").and_then(Value::as_str).unwrap_or_default())
                .into(),
        },
        Some(Value::Object(owner)) if owner.contains_key("party") => {
            owner.get("party").and_then(|party| party.get("key")).map(plain).unwrap_or_default()
        }
        Some(Value::Null) => "<known_absent>".into(),
        Some(value) => plain(value),
        None => "<not_collected>".into(),
    }
}

fn plain(value: &Value) -> Text {
    match value {
        Value::String(text) => text.clone().into(),
        Value::Array(items) => {
            let items: Vec<Text> = items.iter().map(plain).collect();
            items.join("; ").into()
        }
        other => other.to_string().into(),
    }
}

fn csv_line(cells: impl Iterator<Item = Text>) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cells: Vec<String> = cells.map(|text| cell(&text).into_owned()).collect();
    writer.write_record(&cells).map_err(Error::internal)?;
    let bytes = writer.into_inner().map_err(|error| Error::internal(error.into_error()))?;
    String::from_utf8(bytes).map_err(Error::internal)
}
