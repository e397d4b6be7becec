//! A list as a page: chips, facets, columns, rows and where in the whole they are.

use app::inventory::{People, leaves_out_people};
use model::Time;
use model::text::shown;
use store::{Facet, List, ListQuery, Op, Page, Sort};

use super::parts::{Empty, Markup, Says, grouped, kind_title};
use crate::address::{Address, op_name};

/// A column of a list: a field, how it is headed, and how a row shows it.
pub(crate) struct Column<R> {
    /// The field of the list that it shows and sorts by.
    pub(crate) field: &'static str,
    pub(crate) title: &'static str,
    /// Shown when the reader chose no columns.
    pub(crate) usual: bool,
    /// One of the three that a narrow screen shows.
    pub(crate) matters: bool,
    pub(crate) class: &'static str,
    pub(crate) cell: fn(&R, &mut Cells<'_>) -> Markup,
}

/// What cells are made with.
pub(crate) struct Cells<'a> {
    pub(crate) says: &'a mut Says,
    pub(crate) now: Time,
    /// Carried to the pages that rows lead to.
    pub(crate) as_of: Option<Time>,
    /// Names of what rows only refer to by id.
    pub(crate) names: &'a dyn Fn(&str) -> Option<String>,
}

impl Cells<'_> {
    /// The address of a thing's page, at the moment that the list is looked at.
    pub(crate) fn href(&self, list: &str, id: &dyn std::fmt::Display) -> String {
        let pairs: Vec<_> =
            self.as_of.map(|time| ("as_of".to_owned(), time.to_string())).into_iter().collect();
        crate::address::href(&format!("/{list}/{id}"), &pairs)
    }
}

/// A named set of filters.
pub(crate) struct View {
    pub(crate) title: &'static str,
    /// The query part of the address.
    pub(crate) query: String,
}

/// A list of the console: what it is called, its columns, views and facets.
pub(crate) struct Sheet<R: 'static> {
    pub(crate) list: List,
    pub(crate) path: &'static str,
    pub(crate) columns: &'static [Column<R>],
    pub(crate) views: fn(Time) -> Vec<View>,
    pub(crate) facets: &'static [&'static str],
    /// Sorted so when the address says nothing; by arrival when none.
    pub(crate) usual_sort: Option<(&'static str, bool)>,
    pub(crate) name: fn(&R) -> (String, String),
    /// What the free text is looked for in.
    pub(crate) searched: &'static str,
    /// What would be here, and the command that fills it.
    pub(crate) nothing: (&'static str, &'static str, &'static str),
    /// Whether rows can be chosen to claim their owner.
    pub(crate) claims: bool,
}

pub(crate) struct ChipView {
    pub(crate) title: String,
    pub(crate) href: String,
}

pub(crate) struct ViewLink {
    pub(crate) title: &'static str,
    pub(crate) href: String,
    pub(crate) here: bool,
}

pub(crate) struct FacetView {
    pub(crate) field: String,
    pub(crate) title: String,
    pub(crate) active: bool,
    pub(crate) counting: bool,
    pub(crate) values: Vec<FacetOption>,
    pub(crate) n_others: u64,
}

pub(crate) struct FacetOption {
    pub(crate) title: String,
    pub(crate) count: String,
    pub(crate) href: String,
    pub(crate) here: bool,
}

pub(crate) struct ColumnView {
    pub(crate) title: &'static str,
    pub(crate) sort_href: String,
    pub(crate) sorted: &'static str,
    pub(crate) class: &'static str,
}

pub(crate) struct ColumnChoice {
    pub(crate) field: &'static str,
    pub(crate) title: &'static str,
    pub(crate) shown: bool,
    pub(crate) lead: bool,
}

pub(crate) struct CellView {
    pub(crate) class: String,
    pub(crate) label: &'static str,
    pub(crate) value: Markup,
}

pub(crate) struct RowView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) cells: Vec<CellView>,
}

/// All that the template of a list is handed.
pub(crate) struct ListView {
    pub(crate) path: &'static str,
    /// The address of this very page, to fetch it anew.
    pub(crate) here: String,
    pub(crate) search: String,
    pub(crate) searched: &'static str,
    pub(crate) kept_for_search: Vec<(String, String)>,
    pub(crate) kept_for_columns: Vec<(String, String)>,
    pub(crate) views: Vec<ViewLink>,
    pub(crate) chips: Vec<ChipView>,
    /// Whether the reader chose what the chips say.
    pub(crate) may_clear: bool,
    pub(crate) facets: Vec<FacetView>,
    pub(crate) all_columns: Vec<ColumnChoice>,
    pub(crate) columns: Vec<ColumnView>,
    pub(crate) rows: Vec<RowView>,
    pub(crate) claim: bool,
    pub(crate) position: String,
    pub(crate) first_href: Option<String>,
    pub(crate) next_href: Option<String>,
    pub(crate) export_csv: String,
    pub(crate) export_json: String,
    pub(crate) empty: Option<Empty>,
    pub(crate) says: Markup,
}

/// What `app` answered to a list.
pub(crate) struct Answer<R> {
    pub(crate) page: Page<R>,
    /// None while the columns are being counted.
    pub(crate) total: Option<u64>,
    pub(crate) facets: Option<Vec<Facet>>,
}

/// The query with the sheet's own order where the address asks for none.
pub(crate) fn query_of<R>(sheet: &Sheet<R>, address: &Address) -> ListQuery {
    let mut query = address.asked(sheet.list);
    if query.sort.is_none() {
        query.sort = sheet
            .usual_sort
            .map(|(field, descending)| Sort { field: field.to_owned(), descending });
    }
    query
}

pub(crate) fn view<R>(
    sheet: &Sheet<R>,
    address: &Address,
    answer: &Answer<R>,
    may_claim: bool,
    now: Time,
    names: &dyn Fn(&str) -> Option<String>,
) -> ListView {
    let is_shown = |n: usize, column: &Column<R>| {
        n == 0
            || if address.columns.is_empty() {
                column.usual
            } else {
                address.columns.iter().any(|field| field == column.field)
            }
    };
    let columns: Vec<&Column<R>> = sheet
        .columns
        .iter()
        .enumerate()
        .filter(|&(n, column)| is_shown(n, column))
        .map(|(_, column)| column)
        .collect();
    let mut says = Says::default();
    let mut cells = Cells { says: &mut says, now, as_of: address.query.as_of, names };
    let rows: Vec<RowView> = answer
        .page
        .rows
        .iter()
        .map(|row| {
            let (id, name) = (sheet.name)(row);
            let cells = columns
                .iter()
                .enumerate()
                .map(|(n, column)| CellView {
                    class: cell_class(column, n == 0),
                    label: column.title,
                    value: (column.cell)(row, &mut cells),
                })
                .collect();
            RowView { id, name: shown(&name).into_owned(), cells }
        })
        .collect();
    let sorted = query_of(sheet, address).sort;
    let claim = sheet.claims && may_claim && address.query.as_of.is_none();
    let export = |format: &str| {
        let mut pairs = address.first_page().with_usual_columns().pairs();
        pairs.push(("format".into(), format.into()));
        crate::address::href(&format!("/api/v1/export/{}", sheet.list.name()), &pairs)
    };
    ListView {
        path: sheet.path,
        here: address.href(),
        search: address.query.search.clone().unwrap_or_default(),
        searched: sheet.searched,
        kept_for_search: address.unsearched().pairs(),
        kept_for_columns: address.with_usual_columns().pairs(),
        views: views(sheet, address, now),
        chips: chips(sheet.list, address, names),
        may_clear: is_narrowed(address),
        facets: facets(sheet, address, answer.facets.as_deref(), names),
        all_columns: sheet
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| ColumnChoice {
                field: column.field,
                title: column.title,
                shown: is_shown(n, column),
                lead: n == 0,
            })
            .collect(),
        columns: columns
            .iter()
            .map(|column| header(sheet.list, column, address, sorted.as_ref()))
            .collect(),
        claim,
        position: position(address, rows.len(), answer.total),
        first_href: address.query.after.is_some().then(|| address.first_page().href()),
        next_href: answer
            .page
            .next
            .as_ref()
            .map(|cursor| address.next_page(cursor, rows.len()).href()),
        export_csv: export("csv"),
        export_json: export("json"),
        empty: rows.is_empty().then(|| empty(sheet, address)),
        rows,
        says: says.popovers(),
    }
}

fn cell_class<R>(column: &Column<R>, lead: bool) -> String {
    let mut class = column.class.to_owned();
    for (holds, word) in [(lead, "lead"), (column.matters || lead, "matters")] {
        if holds {
            if !class.is_empty() {
                class.push(' ');
            }
            class.push_str(word);
        }
    }
    class
}

fn header<R>(
    list: List,
    column: &Column<R>,
    address: &Address,
    sorted: Option<&Sort>,
) -> ColumnView {
    let sortable = list.field(column.field).is_some_and(|field| field.sortable);
    let now = sorted.filter(|sort| sort.field == column.field).map(|sort| sort.descending);
    ColumnView {
        title: column.title,
        sort_href: if sortable {
            address.sorted(column.field, now == Some(false)).href()
        } else {
            String::new()
        },
        sorted: match now {
            Some(true) => "descending",
            Some(false) => "ascending",
            None => "",
        },
        class: column.class,
    }
}

fn views<R>(sheet: &Sheet<R>, address: &Address, now: Time) -> Vec<ViewLink> {
    let here = address.first_page().with_usual_columns();
    (sheet.views)(now)
        .into_iter()
        .map(|view| {
            let href = if view.query.is_empty() {
                sheet.path.to_owned()
            } else {
                format!("{}?{}", sheet.path, view.query)
            };
            let asked = Address::parse(sheet.path, Some(&view.query)).ok();
            let is_here = asked.is_some_and(|asked| {
                asked.query.filters == here.query.filters
                    && asked.query.search == here.query.search
                    && asked.people == here.people
            });
            ViewLink { title: view.title, href, here: is_here }
        })
        .collect()
}

/// How a value of a field reads: the title of a kind, the name of a source, `none` for no value.
fn value_title(field: &str, value: &str, names: &dyn Fn(&str) -> Option<String>) -> String {
    match field {
        _ if value.is_empty() => "none".into(),
        "kind" => kind_title(value),
        _ => match (names(value), value) {
            (Some(name), _) => shown(&name).into_owned(),
            (None, "true") => "yes".into(),
            (None, "false") => "no".into(),
            _ => shown(value).into_owned(),
        },
    }
}

fn chips(list: List, address: &Address, names: &dyn Fn(&str) -> Option<String>) -> Vec<ChipView> {
    let mut chips = Vec::new();
    if leaves_out_people(list, &address.query, address.people) {
        let href = address.with_people(People::Shown).href();
        chips.push(ChipView { title: "Without people's accounts".into(), href });
    }
    if list == List::Identities && address.people == People::Shown {
        let href = address.with_people(People::LeftOut).href();
        chips.push(ChipView { title: "With people's accounts".into(), href });
    }
    for filter in &address.query.filters {
        let title = list.field(&filter.field).map_or(filter.field.as_str(), |field| field.title);
        let values: Vec<&str> = if filter.values.is_empty() {
            vec![""]
        } else {
            filter.values.iter().map(String::as_str).collect()
        };
        for value in values {
            let words = match filter.op {
                Op::Unknown if value.is_empty() => "not known".into(),
                Op::Unknown => value.replace('_', " "),
                op => {
                    let value = value_title(&filter.field, value, names);
                    match op {
                        Op::Is => value,
                        op => format!("{} {}", op_name(op).replace('-', " "), date_or(&value)),
                    }
                }
            };
            let without = address.without(&filter.field, filter.op, value);
            chips.push(ChipView { title: format!("{title}: {words}"), href: without.href() });
        }
    }
    if let Some(search) = &address.query.search {
        chips.push(ChipView {
            title: format!("Search: {}", shown(search)),
            href: address.unsearched().href(),
        });
    }
    chips
}

/// A moment as its date, anything else as it is.
fn date_or(value: &str) -> String {
    match value.parse::<Time>() {
        Ok(time) => time.date(),
        Err(_) => value.to_owned(),
    }
}

fn facets<R>(
    sheet: &Sheet<R>,
    address: &Address,
    counted: Option<&[Facet]>,
    names: &dyn Fn(&str) -> Option<String>,
) -> Vec<FacetView> {
    sheet
        .facets
        .iter()
        .map(|&field| {
            let facet = counted.and_then(|facets| facets.iter().find(|facet| facet.field == field));
            let values = facet.map_or_else(Vec::new, |facet| {
                facet
                    .values
                    .iter()
                    .map(|value| {
                        let here = address.has(field, Op::Is, &value.value);
                        let target = if here {
                            address.without(field, Op::Is, &value.value)
                        } else {
                            address.with(field, Op::Is, &value.value)
                        };
                        FacetOption {
                            title: value_title(field, &value.value, names),
                            count: grouped(value.count),
                            href: target.href(),
                            here,
                        }
                    })
                    .collect()
            });
            FacetView {
                field: field.to_owned(),
                title: sheet.list.field(field).map_or(field, |field| field.title).to_owned(),
                active: address.filters_on(field),
                counting: counted.is_none(),
                values,
                n_others: facet.map_or(0, |facet| facet.n_others),
            }
        })
        .collect()
}

/// `51 to 100 of 12,345`.
fn position(address: &Address, n_rows: usize, total: Option<u64>) -> String {
    let first = address.skipped + 1;
    let last = address.skipped + n_rows as u64;
    let rows = if first == last {
        grouped(first)
    } else {
        format!("{} to {}", grouped(first), grouped(last))
    };
    match total {
        Some(total) => format!("{rows} of {}", grouped(total.max(last))),
        None if address.query.as_of.is_some() => rows,
        None => format!("{rows}, counting the rest"),
    }
}

fn is_narrowed(address: &Address) -> bool {
    !address.query.filters.is_empty()
        || address.query.search.is_some()
        || address.people == People::Shown
}

fn empty<R>(sheet: &Sheet<R>, address: &Address) -> Empty {
    let (title, what, command) = sheet.nothing;
    if is_narrowed(address) || address.query.after.is_some() {
        return Empty {
            title: "Nothing matches".into(),
            what: format!("No {} fit all of these filters.", sheet.list.name()),
            command: "",
            link: Some((sheet.path.to_owned(), "Clear the filters")),
        };
    }
    Empty { title: title.into(), what: what.into(), command, link: None }
}
