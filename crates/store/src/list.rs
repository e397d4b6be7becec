//! Lists, facets, totals and search: from SQL, and from the columns once they are built.

use std::sync::{Arc, PoisonError};

use model::{Credential, Grant, Identity, OwnerLink, Place, PolicyDocument, Trust};

use crate::columns::Columns;
use crate::count;
use crate::detail::ThingId;
use crate::engine::Connection;
use crate::error::Error;
use crate::fields::List;
use crate::query::{Facet, Hit, LiesIn, ListQuery, Page, Row};
use crate::record::Record;
use crate::select::{self, rows_of_keys};
use crate::{Result, Store};

/// At most this many finds of one search.
const MAX_HITS: usize = 200;

impl Store {
    pub fn list_identities(&self, query: &ListQuery) -> Result<Page<Row<Identity>>> {
        self.list(query)
    }

    pub fn list_credentials(&self, query: &ListQuery) -> Result<Page<Row<Credential>>> {
        self.list(query)
    }

    pub fn list_places(&self, query: &ListQuery) -> Result<Page<Row<Place>>> {
        self.list(query)
    }

    pub fn list_grants(&self, query: &ListQuery) -> Result<Page<Row<Grant>>> {
        self.list(query)
    }

    pub fn list_trusts(&self, query: &ListQuery) -> Result<Page<Row<Trust>>> {
        self.list(query)
    }

    pub fn list_owners(&self, query: &ListQuery) -> Result<Page<Row<OwnerLink>>> {
        self.list(query)
    }

    pub fn list_policies(&self, query: &ListQuery) -> Result<Page<Row<PolicyDocument>>> {
        self.list(query)
    }

    fn list<R: Record>(&self, query: &ListQuery) -> Result<Page<Row<R>>> {
        if query.as_of.is_none()
            && let Some(columns) = self.current_columns()
            && let Some(found) = columns.page(R::TABLE.list, query)?
        {
            let (keys, is_more) = found;
            return self.ask("read a list", |c| {
                let rows = rows_of_keys(c, &keys)?;
                let next = match keys.last().filter(|_| is_more) {
                    Some(key) => Some(select::cursor_at(c, R::TABLE, query, *key)?),
                    None => None,
                };
                Ok(Page { rows, next })
            });
        }
        self.ask("read a list", |c| select::page(c, query))
    }

    /// The columns of what is published now; none while they are being built anew.
    fn current_columns(&self) -> Option<Arc<Columns>> {
        let columns = self.columns().read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let last = self.last_published().ok()?;
        (columns.built_at == last).then_some(columns)
    }

    /// How many rows the query has in all pages; none while the columns are being built.
    pub fn total(&self, list: List, query: &ListQuery) -> Result<Option<u64>> {
        if let Some(total) = count::small_total(self, list, query)? {
            return Ok(Some(total));
        }
        match self.current_columns() {
            Some(columns) if query.as_of.is_none() => match columns.total(list, query)? {
                Some(total) => Ok(Some(total)),
                // A condition that only SQL knows has an index.
                None => count::total(self, list, query).map(Some),
            },
            _ => Ok(None),
        }
    }

    /// Counts per value of each field under the query's filters and search; none while the columns
    /// are being built. At most `most` values of a field are listed.
    pub fn facets(
        &self,
        list: List,
        query: &ListQuery,
        fields: &[&str],
        most: usize,
    ) -> Result<Option<Vec<Facet>>> {
        if let Some(facets) = count::small_facets(self, list, query, fields, most)? {
            return Ok(Some(facets));
        }
        match self.current_columns() {
            Some(columns) if query.as_of.is_none() => {
                match columns.facets(list, query, fields, most)? {
                    Some(facets) => Ok(Some(facets)),
                    None => count::facets(self, list, query, fields, most).map(Some),
                }
            }
            _ => Ok(None),
        }
    }

    /// Things whose name or native id has `text` in it, or whose id it is: identities first.
    pub fn search(&self, text: &str, limit: usize) -> Result<Vec<Hit>> {
        let limit = limit.clamp(1, MAX_HITS);
        let mut hits = Vec::new();
        if let Ok(thing) = text.parse::<ThingId>() {
            return self.read("look up an id", |c| {
                hits.extend(match thing {
                    ThingId::Identity(_) => hit::<Identity>(c, thing)?,
                    ThingId::Credential(_) => hit::<Credential>(c, thing)?,
                    ThingId::Place(_) => hit::<Place>(c, thing)?,
                    ThingId::Grant(_) => hit::<Grant>(c, thing)?,
                    ThingId::Trust(_) => hit::<Trust>(c, thing)?,
                    ThingId::Owner(_) => hit::<OwnerLink>(c, thing)?,
                    ThingId::Policy(_) => hit::<PolicyDocument>(c, thing)?,
                });
                Ok(hits)
            });
        }
        let query =
            |left| ListQuery { search: Some(text.into()), limit: left, ..ListQuery::default() };
        if text.is_empty() {
            return Ok(hits);
        }
        hits.extend(self.list::<Identity>(&query(limit))?.rows.iter().map(hit_of));
        if hits.len() < limit {
            let query = query(limit - hits.len());
            hits.extend(self.list::<Credential>(&query)?.rows.iter().map(hit_of));
        }
        if hits.len() < limit {
            let query = query(limit - hits.len());
            hits.extend(self.list::<Place>(&query)?.rows.iter().map(hit_of));
        }
        Ok(hits)
    }

    /// Builds the in-memory columns from what is published now and puts them in place of the old
    /// ones. Takes seconds on a large estate: run it on a thread of its own after start, after every
    /// published sync and after [`Store::set_owners`].
    pub fn build_columns(&self) -> Result<()> {
        const DOING: &str = "build the columns";
        // Those of before a publication answer nothing any more: there need not be two at a time.
        let last = self.last_published()?;
        let is_old = |columns: &mut Arc<Columns>| columns.built_at != last;
        let old = self.columns().write().unwrap_or_else(PoisonError::into_inner).take_if(is_old);
        drop(old);
        let half = |credentials| self.read(DOING, |c| Columns::half(c, credentials));
        let (credentials, others) = std::thread::scope(|scope| {
            let credentials = scope.spawn(|| half(true));
            let others = half(false);
            (credentials.join(), others)
        });
        let joined = match (credentials, others) {
            (Ok(credentials), others) => credentials?.join(others?),
            (Err(_), _) => None,
        };
        // Something was published between the two: then one after the other, in one view.
        let columns = match joined {
            Some(columns) => columns,
            None => self.read(DOING, Columns::build)?,
        };
        let mut slot = self.columns().write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::new(columns));
        Ok(())
    }

    /// Whether facets, totals and search answer from columns of what is published now.
    pub fn columns_ready(&self) -> bool {
        self.current_columns().is_some()
    }
}

fn hit_of<R: Record>(row: &Row<R>) -> Hit {
    let record = &row.record;
    let head = record.head();
    Hit {
        list: R::TABLE.list,
        id: record.thing().to_string(),
        kind: head.kind.into(),
        name: record.kept().name(&head).into(),
        lies_in: (R::TABLE.list == List::Credentials).then(|| LiesIn {
            first: record.places().first().cloned(),
            n_places: record.places().len(),
        }),
    }
}

fn hit<R: Record>(c: &Connection, thing: ThingId) -> Result<Option<Hit>, Error> {
    Ok(select::leading::<R>(c, None, R::TABLE.own, thing.bytes(), 1)?.first().map(hit_of))
}
