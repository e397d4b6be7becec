//! `explain ID` and `… show ID`: one thing as a page for a person who has to act on it now.
//!
//! The page is made of the API's reply, and of names that are asked for by the ids in it, and
//! nothing else; `--format json` prints the reply as it is. What stands on the page is decided in
//! [`page`], what a reply looks like in [`reply`].

mod page;
mod reply;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use clap::Args;
use model::{Identity, IdentityId};
use serde_json::Value;

use crate::api::{Api, path};
use crate::commands::Global;
use crate::output::{self, Exit, Format, Talk};

/// Explain an identity, credential, grant, trust, place or finding by its id: what it is, who says
/// so, what to do.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    id: String,
    /// As it was seen at this moment.
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

pub(crate) fn explain(args: &ExplainArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    tell(&Api::ask(global)?, &args.id, args.as_of.as_deref(), global.format, talk)?;
    Ok(Exit::Fine)
}

/// Whatever an id stands for.
pub(crate) fn tell(
    api: &Api,
    id: &str,
    as_of: Option<&str>,
    format: Format,
    talk: &Talk,
) -> anyhow::Result<()> {
    let reply = ask(api, &["explain", id], as_of)?;
    match format {
        Format::Json | Format::Csv => output::print_value(&reply, format),
        Format::Table | Format::Sarif => output::print(&text(api, reply, talk)?),
    }
}

/// The same for a thing of one list: its name, and the word for one of it.
pub(crate) fn show(
    api: &Api,
    [list, one]: [&str; 2],
    id: &str,
    as_of: Option<&str>,
    format: Format,
    talk: &Talk,
) -> anyhow::Result<()> {
    if matches!(format, Format::Json | Format::Csv) {
        return output::print_value(&ask(api, &[list, id], as_of)?, format);
    }
    let reply = ask(api, &["explain", id], as_of)?;
    let is = reply.get("is").and_then(Value::as_str).unwrap_or_default();
    if is != one {
        bail!("`{id}` is a {is}; `tutela explain` shows whatever an id stands for");
    }
    output::print(&text(api, reply, talk)?)
}

fn ask(api: &Api, parts: &[&str], as_of: Option<&str>) -> anyhow::Result<Value> {
    let query: Vec<_> = as_of.iter().map(|as_of| ("as_of", (*as_of).to_owned())).collect();
    api.get(&path(parts, &query))
}

fn text(api: &Api, reply: Value, talk: &Talk) -> anyhow::Result<String> {
    let names = names(api, &reply)?;
    let explained = serde_json::from_value(reply)
        .context("reading the explanation: is the server another version?")?;
    page::of(explained, names, talk)
}

/// Names of the identities that the reply refers to by id.
type Names = BTreeMap<IdentityId, String>;

/// One question for all of them. What is gone has no name; its id says it.
fn names(api: &Api, reply: &Value) -> anyhow::Result<Names> {
    /// Of a page; the other ids stand for themselves.
    const MAX_NAMED: usize = 150;
    let mut ids = BTreeSet::new();
    collect_ids(reply, &mut ids);
    if ids.is_empty() {
        return Ok(Names::new());
    }
    let mut query: Vec<(&str, String)> =
        ids.iter().take(MAX_NAMED).map(|id| ("filter", format!("id:is:{id}"))).collect();
    query.push(("limit", MAX_NAMED.to_string()));
    let named = api.get(&path(&["identities"], &query))?;
    let rows: Vec<Value> = output::items(&named).to_vec();
    let name = |row: Value| {
        let record: Identity = serde_json::from_value(row.get("record")?.clone()).ok()?;
        Some((record.id, record.name))
    };
    Ok(rows.into_iter().filter_map(name).collect())
}

fn collect_ids(value: &Value, ids: &mut BTreeSet<IdentityId>) {
    match value {
        Value::String(text) => ids.extend(text.parse::<IdentityId>()),
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(fields) => fields.values().for_each(|field| collect_ids(field, ids)),
        _ => {}
    }
}
