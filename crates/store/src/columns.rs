//! Lists in memory.

use crate::Result;
use crate::engine::Connection;
use crate::fields::List;
use crate::query::{Cursor, Facet, ListQuery};
use crate::sync::SyncId;

#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) built_at: Option<SyncId>,
}

impl Columns {
    pub(crate) fn build(c: &Connection) -> Result<Self> {
        let built_at = crate::sync::last_published(c)?;
        Ok(Self { built_at })
    }

    pub(crate) fn page(
        &self,
        _: List,
        _: &ListQuery,
    ) -> Result<Option<(Vec<i64>, Option<Cursor>)>> {
        Ok(None)
    }

    pub(crate) fn total(&self, _: List, _: &ListQuery) -> Result<Option<u64>> {
        Ok(None)
    }

    pub(crate) fn facets(
        &self,
        _: List,
        _: &ListQuery,
        _: &[&str],
        _: usize,
    ) -> Result<Option<Vec<Facet>>> {
        Ok(None)
    }
}
