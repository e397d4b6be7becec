//! The address of a list: which rows, in which order, from where on. The address is the state, and
//! the API and the console read the same words.
//!
//! `filter=field:op:value`, repeatable: the same field and operation again means any of the values;
//! different ones must all hold. `op` is `is`, `is-not`, `contains`, `before`, `after`, `unknown`
//! (whose value is a state, or nothing). `q=` searches names, `sort=field` or `sort=-field`,
//! `after=` continues, `limit=`, `as_of=`. `people=true` is of identities: also people's accounts.

use std::collections::BTreeSet;

use app::Error;
use app::inventory::{People, asked};
use model::Time;
use store::{Cursor, Filter, List, ListQuery, Op, Sort};

/// More parameters than this are refused.
const MAX_PARAMETERS: usize = 200;
/// The same of texts that are looked for within others: each is tried on every row.
const MAX_CONTAINS: usize = 20;
/// The same of fields whose values are counted, and of columns.
const MAX_FIELDS: usize = 50;
/// A text to look for is not longer than this.
const MAX_TEXT_CHARS: usize = 4_000;

/// A list as an address asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) path: String,
    pub(crate) query: ListQuery,
    pub(crate) people: People,
    /// Fields whose counts the API's caller wants.
    pub(crate) facets: Vec<String>,
    /// Columns the reader chose; empty: the usual ones.
    pub(crate) columns: Vec<String>,
    /// How many rows are before this page; only to say so.
    pub(crate) skipped: u64,
}

fn op(name: &str) -> Option<Op> {
    Some(match name {
        "is" => Op::Is,
        "is-not" => Op::IsNot,
        "contains" => Op::Contains,
        "before" => Op::Before,
        "after" => Op::After,
        "unknown" => Op::Unknown,
        _ => return None,
    })
}

pub(crate) const fn op_name(op: Op) -> &'static str {
    match op {
        Op::Is => "is",
        Op::IsNot => "is-not",
        Op::Contains => "contains",
        Op::Before => "before",
        Op::After => "after",
        Op::Unknown => "unknown",
    }
}

/// A moment of an address. A bare date means its end, so that the whole day counts.
pub(crate) fn moment(text: &str) -> Result<Time, Error> {
    let text = text.trim();
    if text.len() == 10 { beginning(&format!("{text}T23:59:59.999999Z")) } else { beginning(text) }
}

/// The moment at which a span begins. A bare date means its beginning.
pub(crate) fn beginning(text: &str) -> Result<Time, Error> {
    text.trim().parse().map_err(|_: model::time::InvalidTime| {
        Error::invalid(
            "invalid-time",
            format!("`{text}` is not a moment such as `2026-11-22T10:00:00Z`"),
        )
    })
}

impl Address {
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            query: ListQuery::default(),
            people: People::LeftOut,
            facets: Vec::new(),
            columns: Vec::new(),
            skipped: 0,
        }
    }

    pub(crate) fn parse(path: &str, raw: Option<&str>) -> Result<Self, Error> {
        let mut address = Self::new(path);
        let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes());
        for (n, (name, value)) in pairs.enumerate() {
            if n >= MAX_PARAMETERS {
                return Err(Error::invalid(
                    "too-many-parameters",
                    format!("more than {MAX_PARAMETERS} parameters"),
                ));
            }
            // A page's mark holds a value of a row, as long as that is.
            if name != "after" && value.chars().count() > MAX_TEXT_CHARS {
                return Err(Error::invalid(
                    "too-long",
                    format!("a parameter of more than {MAX_TEXT_CHARS} characters"),
                ));
            }
            address.take(&name, &value)?;
        }
        let within = address.query.filters.iter().filter(|filter| filter.op == Op::Contains);
        let n_contains: usize = within.map(|filter| filter.values.len()).sum();
        if n_contains > MAX_CONTAINS {
            return Err(Error::invalid(
                "too-many-parameters",
                format!("more than {MAX_CONTAINS} texts to look for"),
            ));
        }
        for fields in [&mut address.facets, &mut address.columns] {
            let mut seen = BTreeSet::new();
            fields.retain(|field| seen.insert(field.clone()));
            if fields.len() > MAX_FIELDS {
                return Err(Error::invalid(
                    "too-many-parameters",
                    format!("more than {MAX_FIELDS} fields"),
                ));
            }
        }
        Ok(address)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let number = |what: &'static str| {
            value.parse::<u64>().map_err(|_| {
                Error::invalid("invalid-number", format!("`{what}` is a number, not `{value}`"))
            })
        };
        match name {
            "filter" => {
                let (field, op, value) = filter_of(value)?;
                self.add_filter(&field, op, &value);
            }
            "q" => {
                let text = value.trim();
                self.query.search = (!text.is_empty()).then(|| text.to_owned());
            }
            "sort" if !value.is_empty() => {
                let (field, descending) =
                    value.strip_prefix('-').map_or((value, false), |field| (field, true));
                self.query.sort = Some(Sort { field: field.to_owned(), descending });
            }
            "after" if !value.is_empty() => self.query.after = Some(Cursor(value.to_owned())),
            "limit" => self.query.limit = usize::try_from(number("limit")?).unwrap_or(usize::MAX),
            "as_of" if !value.is_empty() => self.query.as_of = Some(moment(value)?),
            "people" => {
                self.people = if value == "true" { People::Shown } else { People::LeftOut };
            }
            "facets" => self
                .facets
                .extend(value.split(',').filter(|field| !field.is_empty()).map(str::to_owned)),
            "columns" => self
                .columns
                .extend(value.split(',').filter(|field| !field.is_empty()).map(str::to_owned)),
            "skipped" => self.skipped = number("skipped")?,
            // Names we do not know are other people's marks on a link; they change nothing.
            _ => {}
        }
        Ok(())
    }

    /// What is asked of a list.
    pub(crate) fn asked(&self, list: List) -> ListQuery {
        asked(list, &self.query, self.people)
    }

    fn add_filter(&mut self, field: &str, op: Op, value: &str) {
        let values = (op != Op::Unknown || !value.is_empty()).then(|| value.to_owned());
        let filters = &mut self.query.filters;
        match filters.iter_mut().find(|filter| filter.field == field && filter.op == op) {
            Some(filter) => filter.values.extend(values),
            None => filters.push(Filter {
                field: field.to_owned(),
                op,
                values: values.into_iter().collect(),
            }),
        }
    }

    pub(crate) fn has(&self, field: &str, op: Op, value: &str) -> bool {
        self.query.filters.iter().any(|filter| {
            filter.field == field && filter.op == op && filter.values.iter().any(|one| one == value)
        })
    }

    pub(crate) fn filters_on(&self, field: &str) -> bool {
        self.query.filters.iter().any(|filter| filter.field == field)
    }

    /// From the first page on, since the rows are others.
    fn at_the_start(&self) -> Self {
        let mut address = self.clone();
        address.query.after = None;
        address.skipped = 0;
        address
    }

    #[must_use]
    pub(crate) fn with(&self, field: &str, op: Op, value: &str) -> Self {
        let mut address = self.at_the_start();
        address.add_filter(field, op, value);
        address
    }

    #[must_use]
    pub(crate) fn without(&self, field: &str, op: Op, value: &str) -> Self {
        let mut address = self.at_the_start();
        for filter in &mut address.query.filters {
            if filter.field == field && filter.op == op {
                filter.values.retain(|one| one != value);
            }
        }
        address.query.filters.retain(|filter| {
            !(filter.field == field && filter.op == op && filter.values.is_empty())
        });
        address
    }

    #[must_use]
    pub(crate) fn sorted(&self, field: &str, descending: bool) -> Self {
        let mut address = self.at_the_start();
        address.query.sort = Some(Sort { field: field.to_owned(), descending });
        address
    }

    #[must_use]
    pub(crate) fn with_people(&self, people: People) -> Self {
        let mut address = self.at_the_start();
        address.people = people;
        address
    }

    #[must_use]
    pub(crate) fn unsearched(&self) -> Self {
        let mut address = self.at_the_start();
        address.query.search = None;
        address
    }

    #[must_use]
    pub(crate) fn first_page(&self) -> Self {
        self.at_the_start()
    }

    #[must_use]
    pub(crate) fn next_page(&self, cursor: &Cursor, n_rows: usize) -> Self {
        let mut address = self.clone();
        address.query.after = Some(cursor.clone());
        address.skipped = self.skipped.saturating_add(n_rows as u64);
        address
    }

    #[must_use]
    pub(crate) fn with_usual_columns(&self) -> Self {
        let mut address = self.clone();
        address.columns.clear();
        address
    }

    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        let Self { path: _, query, people, facets: _, columns, skipped } = self;
        let mut pairs = Vec::new();
        let mut put = |name: &str, value: String| pairs.push((name.to_owned(), value));
        for Filter { field, op, values } in &query.filters {
            let op = op_name(*op);
            if values.is_empty() {
                put("filter", format!("{field}:{op}:"));
            }
            for value in values {
                put("filter", format!("{field}:{op}:{value}"));
            }
        }
        if *people == People::Shown {
            put("people", "true".into());
        }
        if let Some(search) = &query.search {
            put("q", search.clone());
        }
        if let Some(Sort { field, descending }) = &query.sort {
            put("sort", if *descending { format!("-{field}") } else { field.clone() });
        }
        if let Some(as_of) = query.as_of {
            put("as_of", as_of.to_string());
        }
        if query.limit > 0 {
            put("limit", query.limit.to_string());
        }
        if !columns.is_empty() {
            put("columns", columns.join(","));
        }
        if let Some(Cursor(after)) = &query.after {
            put("after", after.clone());
            put("skipped", skipped.to_string());
        }
        pairs
    }

    pub(crate) fn href(&self) -> String {
        href(&self.path, &self.pairs())
    }
}

/// `field:op:value`; the value may hold anything.
fn filter_of(text: &str) -> Result<(String, Op, String), Error> {
    let wrong = || {
        Error::invalid("invalid-filter", format!("`{text}` is not a filter of the form `field:op:value`"))
            .hint("operations are is, is-not, contains, before, after and unknown; example: `kind:is:iam-role`")
    };
    let mut parts = text.splitn(3, ':');
    let field = parts.next().filter(|field| !field.is_empty()).ok_or_else(wrong)?;
    let op = parts.next().and_then(op).ok_or_else(wrong)?;
    let value = parts.next().unwrap_or_default();
    if value.is_empty() && op != Op::Unknown && op != Op::Is && op != Op::IsNot {
        return Err(wrong());
    }
    Ok((field.to_owned(), op, value.to_owned()))
}

/// The address of the rows of a list that match.
pub(crate) fn list_href(path: &str, filters: &[Filter]) -> String {
    let mut address = Address::new(path);
    address.query.filters = filters.to_vec();
    address.href()
}

pub(crate) fn href(path: &str, pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

/// The lists that have an address of their own in the API.
pub(crate) fn list_of(name: &str) -> Result<List, Error> {
    List::ALL.into_iter().find(|list| list.name() == name).ok_or_else(|| {
        let names: Vec<&str> = List::ALL.iter().map(|list| list.name()).collect();
        Error::not_found("list", name).hint(format!("lists are {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_itself() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(Address::parse("/identities", Some(raw)).unwrap().href(), expected, "{raw}");
        };
        check("", "/identities");
        check("q=+", "/identities");
        check(
            "filter=kind:is:iam-role&filter=kind:is:iam-user&utm=x",
            "/identities?filter=kind%3Ais%3Aiam-role&filter=kind%3Ais%3Aiam-user",
        );
        check(
            "filter=native_id:contains:arn:aws:iam::1:role/x",
            "/identities?filter=native_id%3Acontains%3Aarn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx",
        );
        check(
            "filter=last_used_at:unknown:&sort=-created_at",
            "/identities?filter=last_used_at%3Aunknown%3A&sort=-created_at",
        );
        check("after=abc&skipped=50", "/identities?after=abc&skipped=50");
        check("people=true&q=ada", "/identities?people=true&q=ada");
        check("people=", "/identities");
    }

    #[test]
    fn what_is_not_a_filter_is_refused() {
        for raw in
            ["filter=kind", "filter=:is:x", "filter=kind:like:x", "limit=many", "as_of=tomorrow"]
        {
            let error = Address::parse("/identities", Some(raw)).unwrap_err();
            assert_eq!(error.kind, app::Kind::Invalid, "{raw}");
        }
        let many = "filter=kind:is:x&".repeat(MAX_PARAMETERS + 1);
        assert!(Address::parse("/identities", Some(&many)).is_err());
        let long = format!("q={}", "x".repeat(MAX_TEXT_CHARS + 1));
        assert!(Address::parse("/identities", Some(&long)).is_err());
        let contains = |n: usize| "filter=name:contains:x&".repeat(n);
        assert!(Address::parse("/identities", Some(&contains(MAX_CONTAINS))).is_ok());
        assert!(Address::parse("/identities", Some(&contains(MAX_CONTAINS + 1))).is_err());
        let facets = "facets=kind,kind&".repeat(100);
        assert_eq!(Address::parse("/identities", Some(&facets)).unwrap().facets, ["kind"]);
        let facets: String = (0..=MAX_FIELDS).map(|n| format!("facets=f{n}&")).collect();
        assert!(Address::parse("/identities", Some(&facets)).is_err());
    }

    #[test]
    fn a_filter_goes_as_it_came() {
        let address = Address::parse("/identities", Some("after=x&skipped=50")).unwrap();
        let filtered = address.with("kind", Op::Is, "iam-role");
        assert_eq!(filtered.href(), "/identities?filter=kind%3Ais%3Aiam-role");
        assert!(filtered.has("kind", Op::Is, "iam-role"));
        assert_eq!(filtered.without("kind", Op::Is, "iam-role").href(), "/identities");
    }
}
