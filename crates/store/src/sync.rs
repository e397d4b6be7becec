//! One run of one source, from its first batch to the moment readers see it.

use std::collections::{BTreeMap, HashMap};

use model::{Authority, Batch, Coverage, ScopeId, SourceId, Time};
use serde::{Deserialize, Serialize};

use crate::engine::{Connection, Row, Value};
use crate::error::Error;
use crate::fields::List;
use crate::query::{ListQuery, Page};
use crate::record::{
    CREDENTIAL, Kept, N_TABLES, OwnedHead, Record, TABLES, authority_of, hash_of, unreadable,
};
use crate::{Result, Store};

/// A sync, in the order in which they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SyncId(pub i64);

impl std::fmt::Display for SyncId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncState {
    Running,
    /// Published: readers see it.
    Committed,
    Failed,
}

/// One run of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sync {
    pub id: SyncId,
    pub source: SourceId,
    pub source_name: String,
    pub state: SyncState,
    pub started_at: Time,
    pub finished_at: Option<Time>,
    /// None until it is published.
    pub summary: Option<SyncSummary>,
    pub error: Option<String>,
}

/// What a sync did to the claims of its source, per kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncSummary {
    pub identities: Counts,
    pub credentials: Counts,
    pub places: Counts,
    pub grants: Counts,
    pub trusts: Counts,
    pub owners: Counts,
    /// Things that were not read, over all scopes.
    pub gaps: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    pub added: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub gone: u64,
    /// Not seen in this sync and kept, since a gap may hide them.
    pub kept: u64,
}

/// At most this many records are written in one transaction of a running sync.
const RECORDS_PER_WRITE: usize = 50_000;

/// Takes in what a source states. Nothing of it is visible before [`SyncWriter::publish`];
/// dropping it leaves nothing behind.
#[derive(Debug)]
pub struct SyncWriter {
    pub(crate) store: Store,
    pub(crate) id: SyncId,
    pub(crate) source: SourceId,
    pub(crate) source_key: i64,
    /// What the source claimed until now, per kind of record.
    pub(crate) claims: [Claims; N_TABLES],
    pub(crate) scopes: HashMap<ScopeId, i64>,
    pub(crate) coverage: BTreeMap<ScopeId, Coverage>,
    /// No other source ever stated anything, so no claim can meet another one.
    pub(crate) is_alone: bool,
    /// Whether indexes were put aside for a first load.
    pub(crate) is_first_load: bool,
    /// Whether every claim ends that is not stated, whatever the coverage: the source is removed.
    pub(crate) ends_all: bool,
    pub(crate) has_ended: bool,
}

/// The claims of one source, of one kind of record.
pub(crate) type Claims = HashMap<[u8; 16], Held, IdHash>;

/// A claim as it stood when the sync began, or as this sync made it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) key: i64,
    pub(crate) hash: i64,
    pub(crate) scope_key: i32,
    pub(crate) seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Not stated in this sync (yet).
    No,
    Same,
    /// What it states now waits in `pending`.
    Differs,
    /// Stated for the first time.
    New,
}

/// Ids are hashes already: their first bytes will do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IdHash;

#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl std::hash::BuildHasher for IdHash {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher(0)
    }
}

impl std::hash::Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length that comes before the bytes of an array says nothing.
    fn write_usize(&mut self, _: usize) {}
}

/// A record made ready outside the lock.
struct Encoded {
    hash: i64,
    body: std::ops::Range<usize>,
}

impl SyncWriter {
    pub fn id(&self) -> SyncId {
        self.id
    }

    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Takes in one settled batch. Each record is in one batch of a sync only.
    pub fn put(&mut self, batch: &Batch) -> Result<()> {
        self.put_all(0, &batch.identities)?;
        self.put_all(1, &batch.credentials)?;
        self.put_all(2, &batch.places)?;
        self.put_all(3, &batch.grants)?;
        self.put_all(4, &batch.trusts)?;
        self.put_all(5, &batch.owners)?;
        for coverage in &batch.coverage {
            match self.coverage.get_mut(&coverage.scope.id) {
                Some(known) => add_coverage(known, coverage),
                None => {
                    self.coverage.insert(coverage.scope.id, coverage.clone());
                }
            }
        }
        Ok(())
    }

    fn put_all<R: Record + std::marker::Sync>(
        &mut self,
        table: usize,
        records: &[R],
    ) -> Result<()> {
        for part in records.chunks(RECORDS_PER_WRITE) {
            let (bodies, encoded) = encode_all(part)?;
            // The claims are lent out for the time of the transaction.
            let Some(slot) = self.claims.get_mut(table) else { continue };
            let mut claims = std::mem::take(slot);
            let store = self.store.clone();
            let done = store.write("take in what a source states", |c| {
                let is_alone = self.is_alone && store.n_running() == 1;
                for (record, encoded) in part.iter().zip(&encoded) {
                    let body = bodies.get(encoded.body.clone()).unwrap_or_default();
                    self.put_one(c, table, &mut claims, record, encoded.hash, body, is_alone)?;
                }
                Ok(())
            });
            if let Some(slot) = self.claims.get_mut(table) {
                *slot = claims;
            }
            done?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one record and the sync around it")]
    fn put_one<R: Record>(
        &mut self,
        c: &Connection,
        table: usize,
        claims: &mut Claims,
        record: &R,
        hash: i64,
        body: &str,
        is_alone: bool,
    ) -> Result<()> {
        match claims.get_mut(record.id()) {
            None => {
                let lead = self.lead_of_new(c, table, record, is_alone)?;
                let scope_key = self.scope_key(c, record.scope())?;
                let version =
                    Version { source_key: self.source_key, scope_key, sync: self.id, lead };
                let key = insert(c, record, hash, body, version)?;
                link_places(c, record, key)?;
                let scope_key = i32::try_from(scope_key).unwrap_or(i32::MAX);
                claims.insert(*record.id(), Held { key, hash, scope_key, seen: Seen::New });
            }
            Some(held) if held.seen == Seen::No => {
                if held.hash == hash {
                    held.seen = Seen::Same;
                } else {
                    held.seen = Seen::Differs;
                    put_pending(c, self.id, table, record)?;
                }
            }
            Some(held) => self.put_again(c, table, held, record)?,
        }
        Ok(())
    }

    /// A record that was in an earlier batch of this sync already: one claim is made of the two.
    fn put_again<R: Record>(
        &mut self,
        c: &Connection,
        table: usize,
        held: &mut Held,
        record: &R,
    ) -> Result<()> {
        let earlier: Option<R> = match held.seen {
            Seen::Differs => pending_one(c, self.id, table, record.id())?,
            _ => record_of_key(c, held.key)?,
        };
        let both = earlier.into_iter().chain([record.clone()]).collect();
        let Some(merged) = R::absorb_all(both) else { return Ok(()) };
        let (body, hash) = encode(&merged)?;
        if held.seen == Seen::New {
            if hash != held.hash {
                let scope_key = self.scope_key(c, merged.scope())?;
                let lead = lead_of_key::<R>(c, held.key)?;
                let version =
                    Version { source_key: self.source_key, scope_key, sync: self.id, lead };
                update(c, &merged, hash, &body, version, held.key)?;
                link_places(c, &merged, held.key)?;
                held.hash = hash;
            }
        } else {
            held.seen = Seen::Differs;
            put_pending(c, self.id, table, &merged)?;
        }
        Ok(())
    }

    /// Whether a claim about a thing leads that this source has not claimed before.
    fn lead_of_new<R: Record>(
        &self,
        c: &Connection,
        table: usize,
        record: &R,
        is_alone: bool,
    ) -> Result<bool> {
        if !is_alone {
            let name = R::TABLE.name;
            let is_claimed = c
                .one(
                    &format!("SELECT 1 FROM {name} WHERE id = ?1"),
                    &[record.id().into()],
                    |row| row.int(0),
                )?
                .is_some();
            if is_claimed {
                self.store.contest(table, *record.id());
                return Ok(false);
            }
        }
        Ok(record.authority() != Authority::Mentioned || !was_there::<R>(c, record.id())?)
    }

    pub(crate) fn scope_key(&mut self, c: &Connection, scope: ScopeId) -> Result<i64> {
        if let Some(&key) = self.scopes.get(&scope) {
            return Ok(key);
        }
        let values = [self.source_key.into(), scope.as_bytes().into()];
        c.run(
            "INSERT INTO scope (source_key, id, kind, name) VALUES (?1, ?2, '', '') \
             ON CONFLICT (source_key, id) DO NOTHING",
            &values,
        )?;
        let key = c
            .one("SELECT key FROM scope WHERE source_key = ?1 AND id = ?2", &values, |row| {
                row.int(0)
            })?
            .unwrap_or_default();
        self.scopes.insert(scope, key);
        Ok(key)
    }

    /// Removes all that was put and notes why.
    pub fn fail(mut self, reason: &str, now: Time) -> Result<()> {
        self.abandon(reason, now)
    }

    fn abandon(&mut self, reason: &str, now: Time) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        self.has_ended = true;
        let done = self.store.write("remove what a failed sync stated", |c| {
            remove_unpublished(c, self.id, reason, now)?;
            restore_indexes(c)
        });
        self.store.end_running(self.source_key);
        done
    }
}

impl Drop for SyncWriter {
    fn drop(&mut self) {
        if !self.has_ended {
            let started = self.store.read("look up a sync", |c| {
                c.one("SELECT started_at FROM sync WHERE key = ?1", &[self.id.0.into()], |row| {
                    row.time(0)
                })
            });
            let now = started.ok().flatten().unwrap_or_default();
            if let Err(error) = self.abandon("it ended before it was published", now) {
                tracing::warn!(sync = self.id.0, %error, "left to the next start to clean up");
            }
        }
    }
}

fn add_coverage(known: &mut Coverage, more: &Coverage) {
    known.asked += more.asked;
    known.got += more.got;
    known.denied += more.denied;
    known.truncated |= more.truncated;
    known.n_more_gaps += more.n_more_gaps;
    for gap in &more.gaps {
        if known.gaps.len() < model::coverage::MAX_GAPS {
            known.gaps.push(gap.clone());
        } else {
            known.n_more_gaps += 1;
        }
    }
}

/// Whether an authoritative claim about the thing once stood: a mention does not bring it back.
pub(crate) fn was_there<R: Record>(c: &Connection, id: &[u8; 16]) -> Result<bool> {
    let history = R::TABLE.history;
    let found = c.one(
        &format!("SELECT 1 FROM {history} WHERE id = ?1 AND authority > 0 LIMIT 1"),
        &[id.into()],
        |row| row.int(0),
    )?;
    Ok(found.is_some())
}

fn encode_all<R: Record + std::marker::Sync>(records: &[R]) -> Result<(String, Vec<Encoded>)> {
    let mut bodies = Vec::with_capacity(records.len() * 256);
    let mut encoded = Vec::with_capacity(records.len());
    for record in records {
        let start = bodies.len();
        record.body(&mut bodies).map_err(|error| unwritable(&error))?;
        let kept = record.kept();
        let name = kept.name(&record.head()).to_owned();
        let body = start..bodies.len();
        let hash = hash_of(record, &name, bodies.get(body.clone()).unwrap_or_default());
        encoded.push(Encoded { hash, body });
    }
    Ok((into_text(bodies)?, encoded))
}

pub(crate) fn encode<R: Record>(record: &R) -> Result<(String, i64)> {
    let mut body = Vec::new();
    record.body(&mut body).map_err(|error| unwritable(&error))?;
    let kept = record.kept();
    let hash = hash_of(record, kept.name(&record.head()), &body);
    Ok((into_text(body)?, hash))
}

fn into_text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| Error::Database {
        doing: "write a record as JSON",
        source: Box::new(error),
    })
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::Database { doing: "write a record as JSON", source: error.to_string().into() }
}

/// Whose version a row is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version {
    pub(crate) source_key: i64,
    pub(crate) scope_key: i64,
    pub(crate) sync: SyncId,
    pub(crate) lead: bool,
}

fn values_of<'a, R: Record>(
    record: &'a R,
    kept: &'a Kept,
    hash: i64,
    body: &'a str,
    version: Version,
) -> Vec<Value<'a>> {
    let head = record.head();
    let mut values = Vec::with_capacity(R::TABLE.n_columns() + 1);
    values.extend([
        Value::from(record.id()),
        version.source_key.into(),
        version.scope_key.into(),
        version.sync.0.into(),
        version.lead.into(),
        Value::Int(record.authority() as i64),
        hash.into(),
        record.changed_at().into(),
        head.kind.into(),
        head.system.into(),
        head.instance.into(),
        head.native_id.into(),
        kept.name(&head).into(),
    ]);
    record.extra(kept, &mut values);
    values.push(body.into());
    values
}

fn insert<R: Record>(
    c: &Connection,
    record: &R,
    hash: i64,
    body: &str,
    version: Version,
) -> Result<i64> {
    let kept = record.kept();
    c.insert(R::TABLE.texts().insert.as_str(), &values_of(record, &kept, hash, body, version))
}

pub(crate) fn update<R: Record>(
    c: &Connection,
    record: &R,
    hash: i64,
    body: &str,
    version: Version,
    key: i64,
) -> Result<()> {
    let kept = record.kept();
    let mut values = values_of(record, &kept, hash, body, version);
    values.push(key.into());
    c.run(R::TABLE.texts().update.as_str(), &values).map(drop)
}

/// Writes down where a credential lies, in place of what was known of that.
pub(crate) fn link_places<R: Record>(c: &Connection, record: &R, key: i64) -> Result<()> {
    for place in record.places() {
        c.run(
            "INSERT INTO credential_place (credential_key, place_id) VALUES (?1, ?2) \
             ON CONFLICT DO NOTHING",
            &[key.into(), place.place.as_bytes().into()],
        )?;
    }
    Ok(())
}

fn put_pending<R: Record>(c: &Connection, sync: SyncId, table: usize, record: &R) -> Result<()> {
    let body = serde_json::to_string(record).map_err(|error| unwritable(&error))?;
    c.run(
        "INSERT INTO pending (sync_key, record, id, body) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (sync_key, record, id) DO UPDATE SET body = excluded.body",
        &[sync.0.into(), number(table), record.id().into(), body.as_str().into()],
    )
    .map(drop)
}

pub(crate) fn number(table: usize) -> Value<'static> {
    Value::Int(i64::try_from(table).unwrap_or(i64::MAX))
}

pub(crate) fn pending_one<R: Record>(
    c: &Connection,
    sync: SyncId,
    table: usize,
    id: &[u8; 16],
) -> Result<Option<R>> {
    c.one(
        "SELECT body FROM pending WHERE sync_key = ?1 AND record = ?2 AND id = ?3",
        &[sync.0.into(), number(table), id.into()],
        |row| serde_json::from_str(row.text(0)?).map_err(|error| unreadable(c.doing(), &error)),
    )
}

/// The record of a row, facts unsettled: as the source stated it.
pub(crate) fn record_of_key<R: Record>(c: &Connection, key: i64) -> Result<Option<R>> {
    c.one(
        &format!(
            "SELECT r.id, sc.id, r.authority, r.kind, r.system, r.instance, r.native_id, r.name, \
             r.body FROM {} r JOIN scope sc ON sc.key = r.scope_key WHERE r.key = ?1",
            R::TABLE.name
        ),
        &[key.into()],
        |row| {
            let head = OwnedHead {
                id: row.id(0)?,
                scope: ScopeId::from_bytes(row.id(1)?),
                authority: authority_of(row.int(2)?),
                kind: row.text(3)?.into(),
                system: row.text(4)?.into(),
                instance: row.text(5)?.into(),
                native_id: row.text(6)?.into(),
                name: row.text(7)?.into(),
            };
            R::restore(head, row.text(8)?).map_err(|error| unreadable(c.doing(), &error))
        },
    )
}

fn lead_of_key<R: Record>(c: &Connection, key: i64) -> Result<bool> {
    let sql = format!("SELECT lead FROM {} WHERE key = ?1", R::TABLE.name);
    Ok(c.one(&sql, &[key.into()], |row| row.truth(0))?.unwrap_or(false))
}

/// Removes what a sync inserted, and its pending changes.
pub(crate) fn remove_unpublished(
    c: &Connection,
    sync: SyncId,
    reason: &str,
    now: Time,
) -> Result<()> {
    let first = c.one(
        "SELECT first_keys FROM sync WHERE key = ?1 AND state = 0",
        &[sync.0.into()],
        |row| {
            serde_json::from_str::<Vec<i64>>(row.text(0)?)
                .map_err(|error| unreadable(c.doing(), &error))
        },
    )?;
    let Some(first) = first else { return Ok(()) };
    for (table, &after) in TABLES.iter().zip(&first) {
        if table.name == CREDENTIAL.name {
            c.run(
                "DELETE FROM credential_place WHERE credential_key > ?1 AND credential_key IN \
                 (SELECT key FROM credential WHERE key > ?1 AND sync_key = ?2)",
                &[after.into(), sync.0.into()],
            )?;
        }
        c.run(
            &format!("DELETE FROM {} WHERE key > ?1 AND sync_key = ?2", table.name),
            &[after.into(), sync.0.into()],
        )?;
    }
    c.run("DELETE FROM pending WHERE sync_key = ?1", &[sync.0.into()])?;
    let reason: String = reason.chars().take(MAX_ERROR_CHARS).collect();
    c.run(
        "UPDATE sync SET state = 2, error = ?2, finished_at = MAX(started_at, ?3) WHERE key = ?1",
        &[sync.0.into(), reason.as_str().into(), now.into()],
    )?;
    Ok(())
}

/// Longer reasons for failure are cut.
const MAX_ERROR_CHARS: usize = 2_000;

/// Puts the indexes of empty tables aside: building them at the end is several times faster.
fn put_indexes_aside(c: &Connection) -> Result<bool> {
    let mut any = false;
    for table in TABLES {
        let is_empty = c
            .one(&format!("SELECT 1 FROM {} LIMIT 1", table.name), &[], |row| row.int(0))?
            .is_none();
        if !is_empty {
            continue;
        }
        let mut names = vec![table.name];
        if table.name == CREDENTIAL.name {
            names.push("credential_place");
        }
        for name in names {
            let indexes = c.rows(
                "SELECT name, sql FROM sqlite_master \
                 WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL \
                 AND sql NOT LIKE 'CREATE UNIQUE%'",
                &[name.into()],
                |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
            )?;
            for (index, sql) in indexes {
                c.run(
                    "INSERT INTO dropped_index (name, sql) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    &[index.as_str().into(), sql.as_str().into()],
                )?;
                c.script(&format!("DROP INDEX {index}"))?;
                any = true;
            }
        }
    }
    Ok(any)
}

/// Builds what [`put_indexes_aside`] put aside.
pub(crate) fn restore_indexes(c: &Connection) -> Result<()> {
    let indexes = c.rows("SELECT sql FROM dropped_index ORDER BY name", &[], |row| {
        row.text(0).map(str::to_owned)
    })?;
    for sql in &indexes {
        c.script(sql)?;
    }
    if !indexes.is_empty() {
        c.run("DELETE FROM dropped_index", &[])?;
    }
    Ok(())
}

impl Store {
    /// Begins a sync of a source; several sources may sync at once, one source only once
    /// ([`Error::Exists`]).
    pub fn begin_sync(&self, source: SourceId, now: Time) -> Result<SyncWriter> {
        const DOING: &str = "begin a sync";
        let found = self.read(DOING, |c| {
            c.one(
                "SELECT key, name FROM source WHERE id = ?1 AND removed_at IS NULL",
                &[source.as_bytes().into()],
                |row| Ok((row.int(0)?, row.text(1)?.to_owned())),
            )
        })?;
        let Some((source_key, name)) = found else {
            return Err(Error::NotFound { what: "source", id: source.to_string() });
        };
        if !self.begin_running(source_key) {
            return Err(Error::Exists { what: "running sync of the source", name });
        }
        let begun = self.begin_sync_of(source, source_key, now);
        if begun.is_err() {
            self.end_running(source_key);
        }
        begun
    }

    fn begin_sync_of(&self, source: SourceId, source_key: i64, now: Time) -> Result<SyncWriter> {
        let n_running = self.n_running();
        let (id, is_alone, is_first_load) = self.write("begin a sync", |c| {
            let mut first_keys = Vec::with_capacity(N_TABLES);
            for table in TABLES {
                let sql = format!("SELECT COALESCE(MAX(key), 0) FROM {}", table.name);
                first_keys.push(c.one(&sql, &[], |row| row.int(0))?.unwrap_or(0));
            }
            let first_keys =
                serde_json::to_string(&first_keys).map_err(|error| unwritable(&error))?;
            let id = c.insert(
                "INSERT INTO sync (source_key, state, started_at, first_keys) VALUES (?1, 0, ?2, ?3)",
                &[source_key.into(), now.into(), first_keys.as_str().into()],
            )?;
            let others = c.one(
                "SELECT 1 FROM sync WHERE source_key <> ?1 AND state IN (0, 1) LIMIT 1",
                &[source_key.into()],
                |row| row.int(0),
            )?;
            let is_first_load = n_running == 1 && put_indexes_aside(c)?;
            Ok((SyncId(id), others.is_none(), is_first_load))
        })?;
        let mut writer = SyncWriter {
            store: self.clone(),
            id,
            source,
            source_key,
            claims: Default::default(),
            scopes: HashMap::new(),
            coverage: BTreeMap::new(),
            is_alone,
            is_first_load,
            ends_all: false,
            has_ended: false,
        };
        self.read("read what the source claimed until now", |c| {
            for (table, claims) in TABLES.iter().zip(&mut writer.claims) {
                c.visit(
                    &format!(
                        "SELECT id, key, hash, scope_key FROM {} WHERE source_key = ?1",
                        table.name
                    ),
                    &[source_key.into()],
                    |row| {
                        let held = Held {
                            key: row.int(1)?,
                            hash: row.int(2)?,
                            scope_key: i32::try_from(row.int(3)?).unwrap_or(i32::MAX),
                            seen: Seen::No,
                        };
                        claims.insert(row.id(0)?, held);
                        Ok(true)
                    },
                )?;
            }
            Ok(())
        })?;
        Ok(writer)
    }

    pub fn sync(&self, id: SyncId) -> Result<Option<Sync>> {
        self.read("look up a sync", |c| {
            c.one(&format!("{SYNC_ROWS} WHERE r.key = ?1"), &[id.0.into()], sync_of)
        })
    }

    /// The last published sync of all; columns and caches compare with it.
    pub fn last_published(&self) -> Result<Option<SyncId>> {
        self.read("look up the last sync", last_published)
    }

    /// Syncs, newest first unless sorted otherwise.
    pub fn list_syncs(&self, query: &ListQuery) -> Result<Page<Sync>> {
        crate::select::plain_page(
            self,
            List::Syncs,
            query,
            &format!("{SYNC_ROWS} WHERE TRUE"),
            true,
            sync_of,
        )
    }
}

pub(crate) fn last_published(c: &Connection) -> Result<Option<SyncId>> {
    c.one(
        "SELECT key FROM sync WHERE state = 1 ORDER BY finished_at DESC, key DESC LIMIT 1",
        &[],
        |row| row.int(0).map(SyncId),
    )
}

pub(crate) const SYNC_ROWS: &str = "SELECT r.key, so.id, so.name, r.state, r.started_at, \
    r.finished_at, r.summary, r.error FROM sync r JOIN source so ON so.key = r.source_key";

pub(crate) fn sync_of(row: &Row<'_>) -> Result<Sync> {
    let summary = match row.maybe_text(6)? {
        Some(json) => {
            Some(serde_json::from_str(json).map_err(|error| unreadable("read a sync", &error))?)
        }
        None => None,
    };
    Ok(Sync {
        id: SyncId(row.int(0)?),
        source: SourceId::from_bytes(row.id(1)?),
        source_name: row.text(2)?.into(),
        state: match row.int(3)? {
            0 => SyncState::Running,
            1 => SyncState::Committed,
            _ => SyncState::Failed,
        },
        started_at: row.time(4)?,
        finished_at: row.maybe_time(5)?,
        summary,
        error: row.maybe_text(7)?.map(str::to_owned),
    })
}
