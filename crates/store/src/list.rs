//! Lists, facets, totals and search: from SQL, and from the columns once they are built.

use std::ops::ControlFlow;

use model::{Credential, Grant, Identity, OwnerLink, Place, Trust};

use crate::fields::List;
use crate::query::{Facet, Hit, ListQuery, Page, Row};
use crate::{Result, Store, stub};

/// Takes rows one by one; a break ends the reading.
pub type Visit<'a, T> = &'a mut dyn FnMut(T) -> ControlFlow<()>;

impl Store {
    pub fn list_identities(&self, query: &ListQuery) -> Result<Page<Row<Identity>>> {
        stub()
    }
    pub fn list_credentials(&self, query: &ListQuery) -> Result<Page<Row<Credential>>> {
        stub()
    }
    pub fn list_places(&self, query: &ListQuery) -> Result<Page<Row<Place>>> {
        stub()
    }
    pub fn list_grants(&self, query: &ListQuery) -> Result<Page<Row<Grant>>> {
        stub()
    }
    pub fn list_trusts(&self, query: &ListQuery) -> Result<Page<Row<Trust>>> {
        stub()
    }
    pub fn list_owners(&self, query: &ListQuery) -> Result<Page<Row<OwnerLink>>> {
        stub()
    }

    /// Hands every identity to `visit`, in the order of arrival, without holding them all; a break
    /// ends it. For evaluation, owner inference and export.
    pub fn each_identity(&self, visit: Visit<'_, Row<Identity>>) -> Result<()> {
        stub()
    }
    pub fn each_credential(&self, visit: Visit<'_, Row<Credential>>) -> Result<()> {
        stub()
    }
    pub fn each_place(&self, visit: Visit<'_, Row<Place>>) -> Result<()> {
        stub()
    }
    pub fn each_grant(&self, visit: Visit<'_, Row<Grant>>) -> Result<()> {
        stub()
    }
    pub fn each_trust(&self, visit: Visit<'_, Row<Trust>>) -> Result<()> {
        stub()
    }
    pub fn each_owner(&self, visit: Visit<'_, Row<OwnerLink>>) -> Result<()> {
        stub()
    }

    /// How many rows the query has in all pages; none while the columns are being built.
    pub fn total(&self, list: List, query: &ListQuery) -> Result<Option<u64>> {
        stub()
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
        stub()
    }
    /// Things whose name or native id has `text` in it, or whose id it is: identities first.
    pub fn search(&self, text: &str, limit: usize) -> Result<Vec<Hit>> {
        stub()
    }
    /// Builds the in-memory columns from what is published now and puts them in place of the old
    /// ones. Takes seconds on a large estate: run it on a thread of its own after start and after
    /// every published sync.
    pub fn build_columns(&self) -> Result<()> {
        stub()
    }
    pub fn columns_ready(&self) -> bool {
        false
    }
}
