//! Which rows name an id: their own, the identity they belong to, the places they lie in.
//!
//! One index for all of it, a table of integers: a mark of the role and the id, and the key of the
//! row. A publication adds to it in the order of the marks, which costs a fraction of what an index
//! of ids costs that are written as they come: ids are random, so each would touch another page.
//!
//! A mark holds 56 bits of an id, so whoever looks something up compares the id itself as well.

use crate::Result;
use crate::engine::{Connection, Statement, Value};
use crate::record::Table;

/// How a row names an id. The number is part of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) number: u8,
    /// Of the row; none where ids are not in a column of their own.
    pub(crate) column: &'static str,
}

const fn role(number: u8, column: &'static str) -> Role {
    Role { number, column }
}

pub(crate) mod roles {
    use super::{Role, role};

    pub(crate) const IDENTITY: Role = role(0, "id");
    pub(crate) const PARENT: Role = role(1, "parent_id");
    pub(crate) const CREDENTIAL: Role = role(2, "id");
    pub(crate) const OF_CREDENTIAL: Role = role(3, "identity_id");
    pub(crate) const FINGERPRINT: Role = role(4, "fingerprint");
    /// Of a credential, in a place.
    pub(crate) const LIES_IN: Role = role(5, "");
    pub(crate) const PLACE: Role = role(6, "id");
    pub(crate) const CONTAINER: Role = role(7, "container_id");
    pub(crate) const GRANT: Role = role(8, "id");
    pub(crate) const OF_GRANT: Role = role(9, "identity_id");
    pub(crate) const TRUST: Role = role(10, "id");
    pub(crate) const TO: Role = role(11, "identity_id");
    pub(crate) const FROM: Role = role(12, "from_id");
    pub(crate) const OWNER_LINK: Role = role(13, "id");
    pub(crate) const OF_OWNER_LINK: Role = role(14, "identity_id");
    pub(crate) const POLICY: Role = role(15, "id");
    pub(crate) const HOLDER: Role = role(16, "holder_id");
}

impl Role {
    /// The condition on a row `r` that it names the id that an expression gives; without a column
    /// to compare, now and then one row too many fulfils it.
    pub(crate) fn names(self, id: &str) -> String {
        let keys = format!(
            "r.key IN (SELECT key FROM reference WHERE mark = mark({}, {id}))",
            self.number
        );
        if self.column.is_empty() { keys } else { format!("{keys} AND r.{} = {id}", self.column) }
    }
}

/// The first bytes of an id and the role.
pub(crate) fn mark(role: u8, id: &[u8]) -> i64 {
    let mut bytes = [0; 8];
    for (byte, of_id) in bytes.iter_mut().zip(id) {
        *byte = *of_id;
    }
    bytes[7] = role;
    i64::from_be_bytes(bytes)
}

/// The marks of a row: of what its columns name, and of the places it lies in.
pub(crate) fn marks<'a>(
    table: &'static Table,
    stated: &'a [Value<'a>],
    places: impl IntoIterator<Item = &'a [u8; 16]> + 'a,
) -> impl Iterator<Item = i64> + 'a {
    let of_columns = table.named().iter().filter_map(|&(role, at)| match stated.get(at) {
        Some(Value::Blob(id)) => Some(mark(role, id)),
        _ => None,
    });
    let of_places = places.into_iter().map(|place| mark(roles::LIES_IN.number, place));
    of_columns.chain(of_places)
}

const INSERT: &str = "INSERT INTO reference (mark, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING";

/// References that wait until there are enough of them to be worth sorting.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Vec<(i64, i64)>);

/// So many are written at once, at most; 16 bytes each.
const MAX_WAITING: usize = 4_000_000;

impl Waiting {
    pub(crate) fn add(
        &mut self,
        c: &Connection,
        marks: impl IntoIterator<Item = i64>,
        key: i64,
    ) -> Result<()> {
        self.0.extend(marks.into_iter().map(|mark| (mark, key)));
        if self.0.len() >= MAX_WAITING { self.write(c) } else { Ok(()) }
    }

    /// Writes what waits, in order.
    pub(crate) fn write(&mut self, c: &Connection) -> Result<()> {
        self.0.sort_unstable();
        let mut insert = c.statement(INSERT)?;
        for (mark, key) in self.0.drain(..) {
            insert.run(&[mark.into(), key.into()])?;
        }
        Ok(())
    }
}

/// Takes the references of a row away that it no longer has, and adds those it has now.
pub(crate) fn replace(
    c: &Connection,
    key: i64,
    before: impl IntoIterator<Item = i64>,
    now: impl IntoIterator<Item = i64>,
) -> Result<()> {
    let before: std::collections::BTreeSet<i64> = before.into_iter().collect();
    let now: std::collections::BTreeSet<i64> = now.into_iter().collect();
    let each = |mut statement: Statement<'_>, marks: Vec<&i64>| {
        marks.into_iter().try_for_each(|&mark| statement.run(&[mark.into(), key.into()]).map(drop))
    };
    each(
        c.statement("DELETE FROM reference WHERE mark = ?1 AND key = ?2")?,
        before.difference(&now).collect(),
    )?;
    each(c.statement(INSERT)?, now.difference(&before).collect())
}
