//! Lists in memory: one array per field, so that counts, totals, searches and the choice of a
//! page's rows take milliseconds however large the estate is. The rows themselves come from SQL.
//!
//! Columns are of one moment: the last publication when they were built. Whoever asks sees to it
//! that they are not older than what SQL shows. What they cannot answer (conditions on ids and on
//! long texts, which SQL has indexes for) they leave to SQL by answering none.

use std::collections::{BinaryHeap, HashMap};

use hashbrown::HashMap as FastMap;
use memchr::memmem;

use crate::Result;
use crate::check::{Check, check_of};
use crate::count::{facet_field, facet_of, facet_text};
use crate::engine::{Connection, Owned, Row};
use crate::fields::{Field, FieldKind, List};
use crate::packed::{Codes, Numbers};
use crate::position::Position;
use crate::query::{Facet, FacetValue, ListQuery};
use crate::record::{TABLES, Table};
use crate::select::{field_of, limit_of, sort_of};
use crate::sync::SyncId;

/// Separates texts in the search bytes; no UTF-8 text has it.
const BETWEEN: u8 = 0xff;

/// No number.
const NONE: i64 = i64::MIN;

#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) built_at: Option<SyncId>,
    lists: Vec<Rows>,
}

/// One list, in the order of arrival.
#[derive(Debug)]
struct Rows {
    list: List,
    keys: Vec<i64>,
    /// One per field of the list.
    columns: Vec<Column>,
    /// `name` or `name` [`BETWEEN`] `native id` of each row, lower case, each ended by [`BETWEEN`].
    texts: Vec<u8>,
    /// Where each row's text begins.
    starts: Vec<u32>,
    cased: Cased,
}

/// Texts that are not all in lower case, as they are.
#[derive(Debug, Default)]
struct Cased {
    /// The rows that have one, rising.
    rows: Vec<u32>,
    /// Where each one's text begins in `texts`.
    starts: Vec<u32>,
    texts: Vec<u8>,
}

impl Cased {
    fn get(&self, row: usize) -> Option<&[u8]> {
        let n = self.rows.binary_search(&u32::try_from(row).ok()?).ok()?;
        let start = *self.starts.get(n)? as usize;
        let end = self.starts.get(n + 1).map_or(self.texts.len(), |end| *end as usize);
        self.texts.get(start..end)
    }
}

#[derive(Debug)]
struct Column {
    values: Values,
    /// The fact's state, where the field is a fact.
    states: Vec<u8>,
}

#[derive(Debug)]
enum Values {
    /// Left to SQL.
    Absent,
    /// Code 0 is no value; the others are places in `words`, from 1.
    Words {
        codes: Codes,
        words: Vec<Owned>,
        ranks: Vec<u32>,
    },
    Numbers(Numbers),
    /// Where the row's name comes among all names.
    Ranks(Vec<u32>),
}

/// What is collected of a column while rows are read.
enum Building {
    Absent,
    Words { codes: Codes, texts: FastMap<String, u32>, numbers: FastMap<i64, u32>, next: u32 },
    Numbers(Numbers),
    Ranks,
}

/// Which rows fulfil all conditions.
struct Matches(Vec<u64>);

impl Matches {
    fn all(n: usize) -> Self {
        let mut words = vec![u64::MAX; n.div_ceil(64)];
        if let Some(last) = words.last_mut()
            && !n.is_multiple_of(64)
        {
            *last = (1 << (n % 64)) - 1;
        }
        Self(words)
    }

    /// Keeps the rows for which `keep` holds.
    fn keep(&mut self, keep: impl Fn(usize) -> bool) {
        for (n, word) in self.0.iter_mut().enumerate() {
            let mut left = *word;
            while left != 0 {
                let bit = left.trailing_zeros();
                if !keep(n * 64 + bit as usize) {
                    *word &= !(1 << bit);
                }
                left &= left - 1;
            }
        }
    }

    fn only(&mut self, rows: &[usize]) {
        let mut other = vec![0_u64; self.0.len()];
        for &row in rows {
            if let Some(word) = other.get_mut(row / 64) {
                *word |= 1 << (row % 64);
            }
        }
        for (word, other) in self.0.iter_mut().zip(other) {
            *word &= other;
        }
    }

    fn without(&mut self, rows: &[usize]) {
        for &row in rows {
            if let Some(word) = self.0.get_mut(row / 64) {
                *word &= !(1 << (row % 64));
            }
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    fn each(&self, mut visit: impl FnMut(usize)) {
        for (n, word) in self.0.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                visit(n * 64 + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
    }
}

/// A number so that the order of integers is the order of numbers.
fn ordered(number: f64) -> i64 {
    let bits = (if number == 0.0 { 0.0 } else { number }).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

const fn rank_of_number(number: i64) -> u64 {
    number.cast_unsigned() ^ (1 << 63)
}

fn building_of(field: &Field, n_rows: usize) -> Building {
    match field.kind {
        FieldKind::Choice | FieldKind::Truth => Building::Words {
            codes: Codes::with_capacity(n_rows),
            texts: FastMap::new(),
            numbers: FastMap::new(),
            next: 1,
        },
        FieldKind::Time | FieldKind::Number => Building::Numbers(Numbers::with_capacity(n_rows)),
        FieldKind::Text if field.name == "name" => Building::Ranks,
        FieldKind::Text | FieldKind::Id => Building::Absent,
    }
}

impl Building {
    fn take(
        &mut self,
        field: &Field,
        row: &Row<'_>,
        column: usize,
        syncs: &HashMap<i64, i64>,
    ) -> Result<()> {
        match self {
            Self::Absent | Self::Ranks => {}
            Self::Numbers(numbers) => numbers.push(match row.owned(column)? {
                Owned::Int(key) if field.name == "seen_from" => {
                    syncs.get(&key).copied().unwrap_or(NONE)
                }
                Owned::Int(number) if field.kind == FieldKind::Time => number,
                #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
                Owned::Int(number) => ordered(number as f64),
                Owned::Real(number) => ordered(number),
                _ => NONE,
            }),
            Self::Words { codes, texts, numbers, next } => {
                let mut fresh = || {
                    *next += 1;
                    *next - 1
                };
                codes.push(if is_number(field) {
                    match row.maybe_int(column)? {
                        None => 0,
                        Some(number) => *numbers.entry(number).or_insert_with(fresh),
                    }
                } else {
                    match row.maybe_text(column)? {
                        None => 0,
                        Some(text) => match texts.get(text) {
                            Some(code) => *code,
                            None => *texts.entry(text.to_owned()).or_insert(fresh()),
                        },
                    }
                });
            }
        }
        Ok(())
    }

    fn finish(self, field: &Field, ids: &HashMap<(&'static str, i64), [u8; 16]>) -> Values {
        match self {
            Self::Absent => Values::Absent,
            Self::Ranks => Values::Ranks(Vec::new()),
            Self::Numbers(numbers) => Values::Numbers(numbers),
            Self::Words { codes, texts, numbers, next } => {
                let mut words: Vec<(Owned, u32)> = texts
                    .into_iter()
                    .map(|(text, code)| (Owned::Text(text), code))
                    .chain(numbers.into_iter().map(|(number, code)| (Owned::Int(number), code)))
                    .collect();
                words.sort_unstable_by(|(one, _), (other, _)| match (one, other) {
                    (Owned::Text(one), Owned::Text(other)) => one.cmp(other),
                    (Owned::Int(one), Owned::Int(other)) => one.cmp(other),
                    _ => std::cmp::Ordering::Equal,
                });
                let mut by_code = vec![Owned::Null; next as usize];
                let mut ranks = vec![0; next as usize];
                for (rank, (word, code)) in (0..).zip(words) {
                    let word = match word {
                        // Filters and facets name sources and scopes by their ids.
                        Owned::Int(key) => match ids.get(&(field.column, key)) {
                            Some(id) => Owned::Blob(id.to_vec()),
                            None => Owned::Int(key),
                        },
                        word => word,
                    };
                    if let Some(slot) = by_code.get_mut(code as usize) {
                        *slot = word;
                    }
                    if let Some(slot) = ranks.get_mut(code as usize) {
                        *slot = rank;
                    }
                }
                Values::Words { codes, words: by_code, ranks }
            }
        }
    }
}

/// Whether the column of a choice is a number.
fn is_number(field: &Field) -> bool {
    field.kind == FieldKind::Truth
        || matches!(field.column, "r.source_key" | "r.scope_key" | "r.authority")
}

impl Columns {
    /// The columns of all lists.
    pub(crate) fn build(c: &Connection) -> Result<Self> {
        Self::of(c, &TABLES)
    }

    /// Those of one half of the lists, by what they cost: credentials, and all others.
    pub(crate) fn half(c: &Connection, credentials: bool) -> Result<Self> {
        let is_in = |table: &&&Table| (table.list == List::Credentials) == credentials;
        let tables: Vec<&Table> = TABLES.iter().filter(is_in).copied().collect();
        Self::of(c, &tables)
    }

    /// Both halves together; none when they are not of one moment.
    pub(crate) fn join(mut self, other: Self) -> Option<Self> {
        self.lists.extend(other.lists);
        (self.built_at == other.built_at).then_some(self)
    }

    fn of(c: &Connection, tables: &[&Table]) -> Result<Self> {
        let built_at = crate::sync::last_published(c)?;
        let syncs: HashMap<i64, i64> = c
            .rows("SELECT key, finished_at FROM sync WHERE state = 1", &[], |row| {
                Ok((row.int(0)?, row.int(1)?))
            })?
            .into_iter()
            .collect();
        let mut ids = HashMap::new();
        for (column, sql) in [
            ("r.source_key", "SELECT key, id FROM source"),
            ("r.scope_key", "SELECT key, id FROM scope"),
        ] {
            c.visit(sql, &[], |row| {
                ids.insert((column, row.int(0)?), row.id(1)?);
                Ok(true)
            })?;
        }
        let lists = tables
            .iter()
            .map(|table| Rows::build(c, table, &syncs, &ids))
            .collect::<Result<_>>()?;
        Ok(Self { built_at, lists })
    }

    fn rows(&self, list: List) -> Option<&Rows> {
        self.lists.iter().find(|rows| rows.list == list)
    }

    /// The keys of a page's rows, and whether there are more; none when SQL must choose them.
    pub(crate) fn page(&self, list: List, query: &ListQuery) -> Result<Option<(Vec<i64>, bool)>> {
        let Some(rows) = self.rows(list) else { return Ok(None) };
        let Some(matches) = rows.matches(query)? else { return Ok(None) };
        rows.page(query, &matches)
    }

    pub(crate) fn total(&self, list: List, query: &ListQuery) -> Result<Option<u64>> {
        let Some(rows) = self.rows(list) else { return Ok(None) };
        Ok(rows.matches(query)?.map(|matches| matches.count()))
    }

    pub(crate) fn facets(
        &self,
        list: List,
        query: &ListQuery,
        fields: &[&str],
        most: usize,
    ) -> Result<Option<Vec<Facet>>> {
        let Some(rows) = self.rows(list) else { return Ok(None) };
        let Some(matches) = rows.matches(query)? else { return Ok(None) };
        fields.iter().map(|name| rows.facet(name, &matches, most)).collect::<Result<_>>().map(Some)
    }
}

impl Rows {
    fn build(
        c: &Connection,
        table: &Table,
        syncs: &HashMap<i64, i64>,
        ids: &HashMap<(&'static str, i64), [u8; 16]>,
    ) -> Result<Self> {
        let list = table.list;
        let fields = list.fields();
        let (n_rows, text_bytes) = size_of(c, table)?;
        let mut building: Vec<Building> =
            fields.iter().map(|field| building_of(field, n_rows)).collect();
        let mut states: Vec<Vec<u8>> = fields
            .iter()
            .map(|field| Vec::with_capacity(if field.state.is_some() { n_rows } else { 0 }))
            .collect();
        let mut selected = vec!["r.key", "r.name", "r.native_id"];
        for field in fields {
            // A column that is not held is not read either; its place is kept.
            selected.push(match building_of(field, 0) {
                Building::Absent | Building::Ranks => "NULL",
                _ => field.column,
            });
        }
        selected.extend(fields.iter().filter_map(|field| field.state));
        let sql = format!(
            "SELECT {} FROM {} r WHERE r.lead = 1 ORDER BY r.key",
            selected.join(", "),
            table.name
        );
        let mut rows = Self {
            list,
            keys: Vec::with_capacity(n_rows),
            columns: Vec::new(),
            texts: Vec::with_capacity(text_bytes),
            starts: Vec::with_capacity(n_rows),
            cased: Cased::default(),
        };
        c.visit(&sql, &[], |row| {
            rows.keys.push(row.int(0)?);
            rows.push_text(row.text(1)?, row.text(2)?);
            for (n, (field, building)) in fields.iter().zip(&mut building).enumerate() {
                building.take(field, row, n + 3, syncs)?;
            }
            let with_state = fields.iter().zip(&mut states).filter(|(f, _)| f.state.is_some());
            for (n, (_, states)) in with_state.enumerate() {
                states.push(u8::try_from(row.int(fields.len() + 3 + n)?).unwrap_or(3));
            }
            Ok(true)
        })?;
        for ((field, building), states) in fields.iter().zip(building).zip(states) {
            rows.columns.push(Column { values: building.finish(field, ids), states });
        }
        rows.rank_names();
        Ok(rows)
    }

    fn push_text(&mut self, name: &str, native_id: &str) {
        // Past 4 GiB of names the search would be wrong: positions stop, and SQL searches instead.
        let start = self.texts.len();
        self.starts.push(u32::try_from(start).unwrap_or(u32::MAX));
        let mut is_lower = push_lower(&mut self.texts, name);
        if name != native_id {
            self.texts.push(BETWEEN);
            is_lower &= push_lower(&mut self.texts, native_id);
        }
        self.texts.push(BETWEEN);
        if !is_lower {
            let Cased { rows, starts, texts } = &mut self.cased;
            rows.push(u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX));
            starts.push(u32::try_from(texts.len()).unwrap_or(u32::MAX));
            texts.extend_from_slice(name.as_bytes());
            if name != native_id {
                texts.push(BETWEEN);
                texts.extend_from_slice(native_id.as_bytes());
            }
            texts.push(BETWEEN);
        }
    }

    /// A row's name and native id as they are.
    fn text(&self, row: usize) -> (&[u8], &[u8]) {
        let both = self.cased.get(row).unwrap_or_else(|| {
            let start = self.starts.get(row).map_or(0, |start| *start as usize);
            let end = self.starts.get(row + 1).map_or(self.texts.len(), |end| *end as usize);
            self.texts.get(start..end).unwrap_or_default()
        });
        let both = both.strip_suffix(&[BETWEEN]).unwrap_or(both);
        match memchr::memchr(BETWEEN, both).and_then(|at| both.split_at_checked(at)) {
            Some((name, native_id)) => (name, native_id.get(1..).unwrap_or_default()),
            None => (both, both),
        }
    }

    /// The order of names, byte by byte, as the engine has it.
    fn rank_names(&mut self) {
        let column =
            self.columns.iter().position(|column| matches!(column.values, Values::Ranks(_)));
        let Some(column) = column else { return };
        if self.starts.last() == Some(&u32::MAX) {
            if let Some(Column { values, .. }) = self.columns.get_mut(column) {
                *values = Values::Absent;
            }
            return;
        }
        let names: Vec<&[u8]> = (0..self.keys.len()).map(|row| self.text(row).0).collect();
        // Most names differ in their first bytes, which are compared as a number.
        let head = |name: &[u8]| {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(name).for_each(|(byte, of_name)| *byte = *of_name);
            u64::from_be_bytes(bytes)
        };
        let mut order: Vec<(u64, u32)> = names.iter().map(|name| head(name)).zip(0_u32..).collect();
        let name = |row: u32| names.get(row as usize).copied().unwrap_or_default();
        order.sort_unstable_by(|(head, row), (other_head, other)| {
            head.cmp(other_head).then_with(|| name(*row).cmp(name(*other)))
        });
        let mut ranks = vec![0_u32; order.len()];
        let mut rank = 0;
        let mut last: Option<u32> = None;
        for (_, row) in order {
            if last.is_none_or(|last| name(last) != name(row)) {
                rank += 1;
            }
            last = Some(row);
            if let Some(slot) = ranks.get_mut(row as usize) {
                *slot = rank;
            }
        }
        if let Some(Column { values, .. }) = self.columns.get_mut(column) {
            *values = Values::Ranks(ranks);
        }
    }

    /// The row with a key. Keys have few holes: it is near where it would be without any.
    fn row_of(&self, key: i64) -> Option<usize> {
        let first = *self.keys.first()?;
        let guess = usize::try_from(key.checked_sub(first)?).ok()?;
        if self.keys.get(guess) == Some(&key) {
            return Some(guess);
        }
        self.keys.binary_search(&key).ok()
    }

    fn column(&self, field: &Field) -> Option<&Column> {
        let n = self.list.fields().iter().position(|other| other.name == field.name)?;
        self.columns.get(n)
    }

    /// The rows that fulfil a query; none when a condition is not of the columns.
    fn matches(&self, query: &ListQuery) -> Result<Option<Matches>> {
        let mut matches = Matches::all(self.keys.len());
        for filter in &query.filters {
            let field = field_of(self.list, &filter.field)?;
            let check = check_of(field, filter)?;
            if let Check::Contains(texts) = &check
                && matches!(field.name, "name" | "native_id")
            {
                let part = if field.name == "name" { Part::Name } else { Part::NativeId };
                let mut found = Vec::new();
                for text in texts {
                    let Some(rows) = self.find(text, part) else { return Ok(None) };
                    found.extend(rows);
                }
                matches.only(&found);
                continue;
            }
            if let Check::Is { values, .. } | Check::IsNot { values, .. } = &check
                && matches!(field.name, "name" | "native_id")
            {
                let Some(found) = self.having(field, values) else { return Ok(None) };
                if matches!(check, Check::Is { .. }) {
                    matches.only(&found);
                } else {
                    matches.without(&found);
                }
                continue;
            }
            let Some(column) = self.column(field) else { return Ok(None) };
            if !column.keep(&check, &mut matches) {
                return Ok(None);
            }
        }
        if let Some(text) = query.search.as_deref().filter(|text| !text.is_empty()) {
            let Some(found) = self.find(&text.to_lowercase(), Part::Any) else { return Ok(None) };
            matches.only(&found);
        }
        Ok(Some(matches))
    }

    /// The rows whose name or native id is one of the values; none when SQL must say.
    fn having(&self, field: &Field, values: &[Owned]) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        for value in values {
            let Owned::Text(value) = value else { return None };
            let part = if field.name == "name" { Part::Name } else { Part::NativeId };
            let rows = self.find(&value.to_lowercase(), part)?;
            found.extend(rows.into_iter().filter(|row| {
                let (name, native_id) = self.text(*row);
                let text = if field.name == "name" { name } else { native_id };
                text == value.as_bytes()
            }));
        }
        Some(found)
    }

    /// The rows that have a lower-case text in their name or native id.
    fn find(&self, text: &str, part: Part) -> Option<Vec<usize>> {
        if text.is_empty() || self.starts.last() == Some(&u32::MAX) {
            return None;
        }
        let mut found = Vec::new();
        let finder = memmem::Finder::new(text);
        let mut from = 0;
        while let Some(position) =
            self.texts.get(from..).and_then(|texts| finder.find(texts)).map(|at| from + at)
        {
            let row = self.starts.partition_point(|start| *start as usize <= position) - 1;
            let start = self.starts.get(row).map_or(0, |start| *start as usize);
            let end = self.starts.get(row + 1).map_or(self.texts.len(), |start| *start as usize);
            let whole = self.texts.get(start..end).unwrap_or_default();
            let name_end = start + memchr::memchr(BETWEEN, whole).unwrap_or(0);
            // One text stands for both when name and native id are the same.
            let is_one = name_end + 1 == end;
            let is_in_name = position < name_end;
            let fits = match part {
                Part::Any => true,
                Part::Name => is_in_name,
                Part::NativeId => is_one || !is_in_name,
            };
            if fits {
                found.push(row);
            }
            // Of a name that does not count, the native id may; of that one, nothing more.
            from = if !fits && is_in_name { name_end + 1 } else { end };
        }
        Some(found)
    }

    fn facet(&self, name: &str, matches: &Matches, most: usize) -> Result<Facet> {
        let field = facet_field(self.list, name)?;
        let mut values = Vec::new();
        if let Some(Column { values: Values::Words { codes, words, .. }, .. }) = self.column(field)
        {
            let mut counts = vec![0_u64; words.len()];
            matches.each(|row| {
                let code = codes.get(row).unwrap_or(0) as usize;
                if let Some(count) = counts.get_mut(code) {
                    *count += 1;
                }
            });
            values = words
                .iter()
                .zip(counts)
                .filter(|(_, count)| *count > 0)
                .map(|(word, count)| FacetValue {
                    value: facet_text(self.list, field, word),
                    count,
                })
                .collect();
        }
        Ok(facet_of(field, values, most))
    }

    /// A page's rows: the first of the sort order that match, after the cursor.
    fn page(&self, query: &ListQuery, matches: &Matches) -> Result<Option<(Vec<i64>, bool)>> {
        let limit = limit_of(self.list, query);
        let sort = sort_of(self.list, query)?;
        let descending = sort.is_some_and(|(_, descending)| descending);
        let column = match sort {
            None => None,
            Some((field, _)) => match self.column(field) {
                Some(Column { values: Values::Absent, .. }) | None => return Ok(None),
                column => column,
            },
        };
        let place = |row: usize| {
            let Some(column) = column else { return (0, row) };
            let rank = column.rank(row);
            // Rows without a value come last, whichever the direction.
            let rank = rank.map_or(u64::MAX, |rank| if descending { !rank - 1 } else { rank });
            (rank, row)
        };
        let after = match &query.after {
            None => None,
            Some(cursor) => {
                let position = Position::parse(cursor)?;
                match self.row_of(position.key) {
                    Some(row) => Some(place(row)),
                    // The row went since: SQL knows its place by the value in the cursor.
                    None => return Ok(None),
                }
            }
        };
        let mut first: BinaryHeap<(u64, usize)> = BinaryHeap::with_capacity(limit + 2);
        matches.each(|row| {
            let place = place(row);
            if after.is_some_and(|after| place <= after) {
                return;
            }
            if first.len() <= limit {
                first.push(place);
            } else if let Some(mut last) = first.peek_mut()
                && place < *last
            {
                *last = place;
            }
        });
        let mut rows = first.into_sorted_vec();
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let keys = rows.iter().filter_map(|(_, row)| self.keys.get(*row).copied()).collect();
        Ok(Some((keys, is_more)))
    }
}

/// How many rows a table has, and about how many bytes of names: what is read of it needs no more
/// memory than that.
fn size_of(c: &Connection, table: &Table) -> Result<(usize, usize)> {
    const SAMPLE: u64 = 10_000;
    const MAX_TEXT_GUESS: usize = 1 << 30;
    let name = table.name;
    let n_rows = c.one(&format!("SELECT COUNT(*) FROM {name}"), &[], |row| row.count(0))?;
    let n_rows = n_rows.unwrap_or(0);
    // Every so many rows, since those of one source come together.
    let every = (n_rows / SAMPLE).max(1);
    let sql = format!(
        "SELECT COALESCE(AVG(LENGTH(CAST(name AS BLOB)) + LENGTH(CAST(native_id AS BLOB)) + 2), 0.0) \
         FROM (WITH RECURSIVE some(key) AS (SELECT 1 UNION ALL SELECT key + {every} FROM some \
         WHERE key + {every} <= (SELECT COALESCE(MAX(key), 0) FROM {name})) \
         SELECT r.name, r.native_id FROM some CROSS JOIN {name} r ON r.key = some.key)"
    );
    let average = c.one(&sql, &[], |row| row.real(0))?.unwrap_or(0.0);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate of a size in memory"
    )]
    let text_bytes = (n_rows as f64 * average * 1.01) as usize;
    // The sample may be of the longest only.
    Ok((usize::try_from(n_rows).unwrap_or(0), text_bytes.min(MAX_TEXT_GUESS)))
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Any,
    Name,
    NativeId,
}

/// Says whether the text was in lower case.
fn push_lower(into: &mut Vec<u8>, text: &str) -> bool {
    if text.is_ascii() {
        let start = into.len();
        into.extend_from_slice(text.as_bytes());
        if let Some(new) = into.get_mut(start..) {
            new.make_ascii_lowercase();
        }
        return text.bytes().all(|byte| !byte.is_ascii_uppercase());
    }
    let lower = text.to_lowercase();
    into.extend_from_slice(lower.as_bytes());
    lower == text
}

impl Column {
    /// Keeps the rows that fulfil a condition; false when it is not for this column.
    fn keep(&self, check: &Check, matches: &mut Matches) -> bool {
        if let Check::States(wanted) = check {
            if self.states.is_empty() {
                return match &self.values {
                    Values::Words { codes, .. } => {
                        matches.keep(|row| codes.get(row) == Some(0));
                        true
                    }
                    Values::Numbers(numbers) => {
                        matches.keep(|row| numbers.get(row) == Some(NONE));
                        true
                    }
                    Values::Absent | Values::Ranks(_) => false,
                };
            }
            let wanted: Vec<u8> = wanted.iter().filter_map(|n| u8::try_from(*n).ok()).collect();
            matches.keep(|row| self.states.get(row).is_some_and(|state| wanted.contains(state)));
            return true;
        }
        match (&self.values, check) {
            (Values::Words { codes, words, .. }, check) => {
                let Some(fits) = fitting(words, check) else { return false };
                matches.keep(|row| {
                    codes
                        .get(row)
                        .and_then(|code| fits.get(code as usize))
                        .is_some_and(|fits| *fits)
                });
                true
            }
            (Values::Numbers(numbers), check) => {
                let of = |value: &Owned| match value {
                    Owned::Int(number) => *number,
                    Owned::Real(number) => ordered(*number),
                    _ => NONE,
                };
                let number = |row: usize| numbers.get(row).unwrap_or(NONE);
                match check {
                    Check::Before(limit) => {
                        let limit = of(limit);
                        matches.keep(|row| number(row) != NONE && number(row) < limit);
                    }
                    Check::After(limit) => {
                        let limit = of(limit);
                        matches.keep(|row| number(row) != NONE && number(row) >= limit);
                    }
                    Check::Is { values, or_none } => {
                        let values: Vec<i64> = values.iter().map(of).collect();
                        matches.keep(|row| match number(row) {
                            NONE => *or_none,
                            number => values.contains(&number),
                        });
                    }
                    Check::IsNot { values, or_none } => {
                        let values: Vec<i64> = values.iter().map(of).collect();
                        matches.keep(|row| match number(row) {
                            NONE => !*or_none,
                            number => !values.contains(&number),
                        });
                    }
                    _ => return false,
                }
                true
            }
            (Values::Absent | Values::Ranks(_), _) => false,
        }
    }

    /// The row's place in ascending order; none without a value.
    fn rank(&self, row: usize) -> Option<u64> {
        match &self.values {
            Values::Words { codes, ranks, .. } => match codes.get(row)? {
                0 => None,
                code => ranks.get(code as usize).map(|rank| u64::from(*rank)),
            },
            Values::Numbers(numbers) => match numbers.get(row)? {
                NONE => None,
                number => Some(rank_of_number(number)),
            },
            Values::Ranks(ranks) => ranks.get(row).map(|rank| u64::from(*rank)),
            Values::Absent => None,
        }
    }
}

/// Which codes fulfil a condition.
fn fitting(words: &[Owned], check: &Check) -> Option<Vec<bool>> {
    let fits = |value: &Owned| match check {
        Check::Is { values, or_none } => match value {
            Owned::Null => Some(*or_none),
            value => Some(values.contains(value)),
        },
        Check::IsNot { values, or_none } => match value {
            Owned::Null => Some(!*or_none),
            value => Some(!values.contains(value)),
        },
        Check::Contains(texts) => match value {
            Owned::Text(word) => {
                let word = word.to_lowercase();
                Some(texts.iter().any(|text| word.contains(text)))
            }
            _ => Some(false),
        },
        _ => None,
    };
    words.iter().map(fits).collect()
}
