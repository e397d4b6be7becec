//! Commands that show lists and what is in them: `identities`, `credentials`, `places`, `grants`,
//! `trusts`, `policies`, `findings`, `coverage`, `diff`, `audit`.

use app::inventory::names_people;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, path};
use crate::commands::{Global, explain};
use crate::output::{self, Columns, Exit, Format, Talk, columns};

/// Which rows, in which order.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filters {
    /// Keep rows whose field fits: field:value, or field:op:value with op one of is, is-not,
    /// contains, before, after, unknown; several values by commas; may be given several times.
    #[arg(long, short, value_name = "FILTER")]
    filter: Vec<String>,
    /// Keep rows whose name or native id contains this.
    #[arg(long, short, value_name = "TEXT")]
    search: Option<String>,
    /// Sort by this field; -field for descending.
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    sort: Option<String>,
    /// As it was seen at this moment, such as 2026-11-22 (its end) or 2026-11-22T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Of identities: also the accounts of people, which are left out else.
    #[arg(long)]
    people: bool,
}

/// A part of a list.
#[derive(Debug, Clone, Args)]
pub(crate) struct Query {
    #[command(flatten)]
    filters: Filters,
    /// Rows at most.
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    limit: usize,
    /// Counts per value of these fields, separated by commas.
    #[arg(long, value_name = "FIELDS")]
    facets: Option<String>,
}

impl Query {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let facets = self.facets.iter().map(|facets| ("facets", facets.clone()));
        self.filters.pairs().into_iter().chain(facets).collect()
    }
}

impl Filters {
    /// Whether a list of identities has no people's accounts: what the server decides too.
    fn leave_out_people(&self) -> bool {
        let names_people = |filter: &String| {
            filter.split_once(":is:").is_some_and(|(field, value)| names_people(field, value))
        };
        !self.people && !self.filter.iter().any(names_people)
    }

    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<(&'static str, String)> =
            self.filter.iter().map(|filter| ("filter", full(filter))).collect();
        let mut optional = |name: &'static str, value: &Option<String>| {
            if let Some(value) = value {
                pairs.push((name, value.clone()));
            }
        };
        optional("q", &self.search);
        optional("sort", &self.sort);
        optional("as_of", &self.as_of);
        if self.people {
            pairs.push(("people", "true".into()));
        }
        pairs
    }
}

/// `field:value` means `field:is:value`.
fn full(filter: &str) -> String {
    const OPS: [&str; 6] = ["is", "is-not", "contains", "before", "after", "unknown"];
    match filter.split_once(':') {
        Some((field, rest)) => {
            let op = rest.split(':').next().unwrap_or_default();
            if OPS.contains(&op) { filter.to_owned() } else { format!("{field}:is:{rest}") }
        }
        None => filter.to_owned(),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ListCommand {
    /// Show rows.
    List(Query),
    /// Show one with all that is known about it.
    Show {
        /// Its id, such as idn_….
        id: String,
        /// As it was seen at this moment.
        #[arg(long, value_name = "TIME")]
        as_of: Option<String>,
    },
    /// Print every row that fits, as JSON lines or CSV (--format csv).
    Export(Filters),
    /// Show every change that was seen, newest first.
    Timeline {
        /// Its id.
        id: String,
    },
}

const IDENTITIES: Columns = &[
    ("ID", &["record", "id"]),
    ("KIND", &["record", "kind"]),
    ("NAME", &["record", "name"]),
    ("INSTANCE", &["record", "instance"]),
    ("OWNER", &["owner", "party", "key"]),
    ("LAST USED", &["record", "last_used_at"]),
    ("SOURCE", &["connector"]),
];
const CREDENTIALS: Columns = &[
    ("ID", &["record", "id"]),
    ("KIND", &["record", "kind"]),
    ("NAME", &["record", "name"]),
    ("EXPIRES", &["record", "expires_at"]),
    ("PLACE", &["record", "places", "0", "path"]),
    ("SOURCE", &["connector"]),
];
const PLACES: Columns = &[
    ("ID", &["record", "id"]),
    ("KIND", &["record", "kind"]),
    ("PATH", &["record", "path"]),
    ("READABLE BY", &["record", "facts", "exposure"]),
    ("SOURCE", &["connector"]),
];
const GRANTS: Columns = &[
    ("ID", &["record", "id"]),
    ("KIND", &["record", "kind"]),
    ("IDENTITY", &["record", "identity"]),
    ("EFFECT", &["record", "effect"]),
    ("ACTIONS", &["record", "actions"]),
    ("RESOURCES", &["record", "resources"]),
];
const TRUSTS: Columns = &[
    ("ID", &["record", "id"]),
    ("MECHANISM", &["record", "mechanism"]),
    ("FROM", &["record", "from"]),
    ("TO", &["record", "to"]),
    ("SOURCE", &["connector"]),
];
const POLICIES: Columns = &[
    ("ID", &["record", "id"]),
    ("KIND", &["record", "kind"]),
    ("NAME", &["record", "name"]),
    ("INSTANCE", &["record", "instance"]),
    ("VERSION", &["record", "version"]),
    ("PART OF", &["record", "holder"]),
    ("SOURCE", &["connector"]),
];
const FINDINGS: Columns = &[
    ("ID", &["finding", "id"]),
    ("SEVERITY", &["finding", "severity"]),
    ("RULE", &["finding", "rule"]),
    ("STATE", &["state", "state"]),
    ("TITLE", &["finding", "title"]),
];
const OWNERS: Columns = &[
    ("IDENTITY", &["record", "identity"]),
    ("OWNER", &["record", "owner", "key"]),
    ("METHOD", &["record", "method"]),
    ("CONFIDENCE", &["record", "confidence"]),
    ("SOURCE", &["connector"]),
];
const GAPS: Columns = &[
    ("SOURCE", &["source_name"]),
    ("SCOPE", &["scope_name"]),
    ("NOT READ", &["gap", "locus"]),
    ("REASON", &["gap", "reason"]),
    ("DETAIL", &["gap", "detail"]),
    ("MISSING", &["gap", "missing"]),
];
const SYNCS: Columns = &[
    ("SYNC", &["id"]),
    ("SOURCE", &["source_name"]),
    ("STATE", &["state"]),
    ("STARTED", &["started_at"]),
    ("FINISHED", &["finished_at"]),
    ("ERROR", &["error"]),
];

fn columns_of(list: &str) -> Columns {
    match list {
        "identities" => IDENTITIES,
        "credentials" => CREDENTIALS,
        "places" => PLACES,
        "grants" => GRANTS,
        "trusts" => TRUSTS,
        "findings" => FINDINGS,
        "owners" => OWNERS,
        "policies" => POLICIES,
        "gaps" => GAPS,
        _ => SYNCS,
    }
}

/// A command on one list: the list's name, and the word for one of it.
pub(crate) fn run(
    [list, one]: [&'static str; 2],
    command: &ListCommand,
    global: &Global,
    talk: &Talk,
) -> anyhow::Result<Exit> {
    let api = Api::ask(global)?;
    match command {
        ListCommand::List(query) => show_list(&api, list, query, global, talk)?,
        ListCommand::Show { id, as_of } => {
            explain::show(&api, [list, one], id, as_of.as_deref(), global.format, talk)?;
        }
        ListCommand::Export(filters) => {
            let mut pairs = filters.pairs();
            let format = if global.format == Format::Csv { "csv" } else { "json" };
            pairs.push(("format", format.into()));
            let mut stream = output::Stream::new(global.format);
            api.stream(&Method::GET, &path(&["export", list], &pairs), None, &mut |piece| {
                stream.print(piece)
            })?;
            stream.end()?;
        }
        ListCommand::Timeline { id } => {
            output::print_value(&api.get(&path(&[list, id, "timeline"], &[]))?, global.format)?;
        }
    }
    Ok(Exit::Fine)
}

/// Pages through until the limit is reached or the list ends.
pub(crate) fn show_list(
    api: &Api,
    list: &str,
    query: &Query,
    global: &Global,
    talk: &Talk,
) -> anyhow::Result<()> {
    const PAGE: usize = 500;
    let mut items: Vec<Value> = Vec::new();
    let mut after: Option<String> = None;
    let mut whole = json!({});
    while items.len() < query.limit {
        let mut pairs = query.pairs();
        pairs.push(("limit", PAGE.min(query.limit - items.len()).to_string()));
        if list == "findings" && query.filters.sort.is_none() {
            pairs.push(("sort", "-severity".into()));
        }
        if let Some(after) = &after {
            pairs.push(("after", after.clone()));
        }
        let mut page = api.get(&path(&[list], &pairs))?;
        if let Some(Value::Array(rows)) = page.get_mut("items").map(Value::take) {
            items.extend(rows);
        }
        after = page.get("next").and_then(Value::as_str).map(str::to_owned);
        whole = page;
        if after.is_none() {
            break;
        }
    }
    if global.format == Format::Json {
        if let Some(object) = whole.as_object_mut() {
            object.insert("items".into(), Value::Array(items));
        }
        return output::print_json(&whole);
    }
    output::print_rows(&items, columns_of(list), global.format, talk)?;
    if global.format == Format::Csv {
        return Ok(());
    }
    if let Some(Value::Array(facets)) = whole.get("facets") {
        for facet in facets {
            let rows: Vec<Vec<String>> = facet
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|value| {
                    vec![output::cell_at(value, &["value"]), output::cell_at(value, &["count"])]
                })
                .collect();
            let heading = output::cell_at(facet, &["field"]);
            output::print(&format!("\n{}", columns(&[&heading, "count"], &rows, talk)))?;
        }
    }
    let total = match whole.get("total").and_then(Value::as_u64) {
        Some(total) => total.to_string(),
        None => "counting".into(),
    };
    let left_out = if list == "identities" && query.filters.leave_out_people() {
        " (people's accounts are left out; --people shows them)"
    } else {
        ""
    };
    talk.say(&format!("{} of {total}{left_out}", items.len()));
    if let Some(coverage) = whole.get("coverage") {
        let gaps = output::cell_at(coverage, &["n_gaps"]);
        if gaps != "0" {
            talk.say(&format!("{gaps} things were not read; see `tutela coverage`"));
        }
    }
    Ok(())
}

/// Show what was read of each source, and what was not.
#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    #[command(flatten)]
    query: Query,
}

pub(crate) fn coverage(args: &CoverageArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let api = Api::ask(global)?;
    let coverage = api.get(&path(&["coverage"], &[]))?;
    if global.format == Format::Json {
        output::print_json(&coverage)?;
        return Ok(Exit::Fine);
    }
    const SCOPES: Columns = &[
        ("SOURCE", &["source_name"]),
        ("KIND", &["coverage", "scope", "kind"]),
        ("SCOPE", &["coverage", "scope", "name"]),
        ("ASKED", &["coverage", "asked"]),
        ("GOT", &["coverage", "got"]),
        ("DENIED", &["coverage", "denied"]),
        ("LAST COMPLETE", &["last_complete_at"]),
    ];
    let scopes = coverage.get("scopes").map_or(&[][..], output::items);
    output::print_rows(scopes, SCOPES, global.format, talk)?;
    if global.format == Format::Csv {
        return Ok(Exit::Fine);
    }
    output::print("\n")?;
    show_list(&api, "gaps", &args.query, global, talk)?;
    Ok(Exit::Fine)
}

/// Show what differs between two moments.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The earlier moment, such as 2026-11-01 (a date is its beginning).
    #[arg(long)]
    from: String,
    /// The later moment (a date is its end) [default: now].
    #[arg(long)]
    to: Option<String>,
    /// Identities, credentials, places, grants, trusts, owners or policies.
    #[arg(long, default_value = "identities")]
    list: String,
    /// Rows at most.
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

pub(crate) fn diff(args: &DiffArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let api = Api::ask(global)?;
    let to = args.to.clone().unwrap_or_else(|| crate::clock::now().to_string());
    let query = [
        ("from", args.from.clone()),
        ("to", to),
        ("list", args.list.clone()),
        ("limit", args.limit.to_string()),
    ];
    let diff = api.get(&path(&["diff"], &query))?;
    if global.format == Format::Json {
        output::print_json(&diff)?;
        return Ok(Exit::Fine);
    }
    const ROWS: Columns =
        &[("DIFF", &["diff"]), ("KIND", &["kind"]), ("NAME", &["name"]), ("ID", &["id"])];
    let rows = diff.get("page").and_then(|page| page.get("rows")).map_or(&[][..], output::items);
    output::print_rows(rows, ROWS, global.format, talk)?;
    for list in diff.get("summary").map_or(&[][..], output::items) {
        let count = |name| output::cell_at(list, &[name]);
        talk.say(&format!(
            "{}: {} added, {} changed, {} gone",
            count("list"),
            count("added"),
            count("changed"),
            count("gone")
        ));
    }
    Ok(Exit::Fine)
}

/// Show who did what, newest first.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

pub(crate) fn audit(args: &AuditArgs, global: &Global, talk: &Talk) -> anyhow::Result<Exit> {
    let api = Api::ask(global)?;
    let entries = api.get(&path(&["audit"], &[("limit", args.limit.to_string())]))?;
    if global.format == Format::Json {
        output::print_json(&entries)?;
        return Ok(Exit::Fine);
    }
    const ROWS: Columns = &[
        ("NUMBER", &["number"]),
        ("AT", &["at"]),
        ("ACTOR", &["actor"]),
        ("ACT", &["act"]),
        ("PHASE", &["phase"]),
        ("SUBJECT", &["subject"]),
    ];
    output::print_rows(output::items(&entries), ROWS, global.format, talk)?;
    Ok(Exit::Fine)
}
