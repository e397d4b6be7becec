//! One run of one source, from its first batch to the moment readers see it.

use std::collections::{BTreeMap, HashMap};

use model::{Authority, Batch, Coverage, Gap, GapReason, ScopeId, SourceId, Time};

use crate::engine::Value;
use crate::error::Error;
use crate::fields::List;
use crate::flat::HashKey;
use crate::record::row::{body_of, hash, record_of_key, stated};
use crate::record::{N_TABLES, OwnedHead, Record, TABLES, Table, authority_of, unreadable};
use crate::spool::{self, Offset, Spool};
use crate::sync::{SyncId, note_failure};
use crate::{Result, Store};

/// Takes in what a source states. Nothing of it is visible before [`SyncWriter::publish`];
/// dropping it leaves nothing behind.
#[derive(Debug)]
pub struct SyncWriter {
    pub(crate) store: Store,
    pub(crate) id: SyncId,
    pub(crate) source: SourceId,
    pub(crate) source_key: i64,
    pub(crate) hash_key: HashKey,
    /// What the source claimed until now and states now, per kind of record; read from the store
    /// when the first batch comes, since many syncs may have begun and wait for their turn.
    pub(crate) claims: [Claims; N_TABLES],
    has_read_claims: bool,
    /// What it states that is new or differs.
    pub(crate) spool: Spool,
    /// Where in the spool the last version is of what differs, per kind of record.
    pub(crate) differing: [HashMap<[u8; 16], Offset, IdHash>; N_TABLES],
    pub(crate) coverage: BTreeMap<ScopeId, Coverage>,
    pub(crate) refused: BTreeMap<ScopeId, Refused>,
    /// Whether every claim ends that is not stated, whatever the coverage: the source is removed.
    pub(crate) ends_all: bool,
    pub(crate) has_ended: bool,
}

/// What is not taken in, and why.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// At most [`MAX_GAPS`](model::coverage::MAX_GAPS).
    pub(crate) gaps: Vec<Gap>,
    pub(crate) n_more: u64,
}

/// The claims of one source, of one kind of record.
pub(crate) type Claims = HashMap<[u8; 16], Held, IdHash>;

/// A claim as it stood when the sync began, or as this sync states it. Packed: there are millions.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed)]
pub(crate) struct Held {
    /// Of its row; the place in the spool of what is new.
    pub(crate) key: i64,
    pub(crate) hash: i64,
    pub(crate) seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Not stated in this sync (yet).
    No,
    Same,
    /// What it states now is in the spool.
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

impl SyncWriter {
    pub fn id(&self) -> SyncId {
        self.id
    }

    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Takes in one settled batch.
    pub fn put(&mut self, batch: &Batch) -> Result<()> {
        self.read_claims()?;
        let [identities, credentials, places, grants, trusts, owners, policies] =
            hashes_of(self.hash_key, batch)?;
        self.put_all(0, &batch.identities, &identities)?;
        self.put_all(1, &batch.credentials, &credentials)?;
        self.put_all(2, &batch.places, &places)?;
        self.put_all(3, &batch.grants, &grants)?;
        self.put_all(4, &batch.trusts, &trusts)?;
        self.put_all(5, &batch.owners, &owners)?;
        self.put_all(6, &batch.policies, &policies)?;
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

    fn put_all<R: Record>(&mut self, table: usize, records: &[R], hashes: &[i64]) -> Result<()> {
        let Self { claims, differing, spool, hash_key, refused, .. } = self;
        let (Some(claims), Some(differing)) = (claims.get_mut(table), differing.get_mut(table))
        else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        for (record, &hash) in records.iter().zip(hashes) {
            if let Some(gap) = too_long(record) {
                let refused = refused.entry(record.scope()).or_default();
                if refused.gaps.len() < model::coverage::MAX_GAPS {
                    refused.gaps.push(gap);
                } else {
                    refused.n_more += 1;
                }
                continue;
            }
            let Some(held) = claims.get_mut(record.id()) else {
                let key = key_of(spool_one(spool, table, record, hash)?);
                let held = Held { key, hash, seen: Seen::New };
                claims.insert(*record.id(), held);
                continue;
            };
            if held.seen == Seen::No {
                held.seen = if held.hash == hash { Seen::Same } else { Seen::Differs };
                if held.seen == Seen::Differs {
                    let offset = spool_one(spool, table, record, hash)?;
                    differing.insert(*record.id(), offset);
                }
                continue;
            }
            // It was in an earlier batch of this sync already: one claim is made of the two.
            let earlier: Option<R> = match held.seen {
                Seen::Same => {
                    let key = held.key;
                    self.store.read("read what a source stated", |c| record_of_key(c, key))?
                }
                Seen::New => Some(stated_at(spool, offset_of(held.key))?),
                _ => match differing.get(record.id()) {
                    Some(&offset) => Some(stated_at(spool, offset)?),
                    None => None,
                },
            };
            let both = earlier.into_iter().chain([record.clone()]).collect();
            let Some(merged) = R::absorb_all(both) else { continue };
            let hash = self::hash(*hash_key, &merged, &mut bytes)?;
            if held.seen != Seen::New {
                held.seen = Seen::Differs;
                differing.insert(*record.id(), spool_one(spool, table, &merged, hash)?);
            } else if hash != held.hash {
                held.key = key_of(spool_one(spool, table, &merged, hash)?);
                held.hash = hash;
            }
        }
        Ok(())
    }

    /// Whether nothing stated until now is new or differs.
    pub fn has_nothing_new(&self) -> bool {
        self.spool.is_empty()
    }

    pub(crate) fn read_claims(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.has_read_claims, true) {
            return Ok(());
        }
        let Self { store, source_key, claims, .. } = self;
        // One thread for the credentials, one for all others.
        let (credentials, others): (Vec<_>, Vec<_>) =
            TABLES.into_iter().zip(claims).partition(|(table, _)| table.list == List::Credentials);
        let read = |part: Vec<(&Table, &mut Claims)>| {
            part.into_iter()
                .try_for_each(|(table, claims)| store.read_claims_of(table, *source_key, claims))
        };
        std::thread::scope(|scope| {
            let credentials = scope.spawn(|| read(credentials));
            read(others)?;
            match credentials.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
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
        let done = self
            .store
            .write("note that a sync failed", |c| note_failure(c, Some(self.id), reason, now));
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

/// Names and ids longer than this many bytes are not taken in: no system makes them, and every list
/// would carry them along. (An ARN has 2,048 at most, a distinguished name some hundred.)
pub const MAX_NAME_BYTES: usize = 8_192;

/// The gap that a record with an overlong name leaves.
fn too_long<R: Record>(record: &R) -> Option<Gap> {
    let head = record.head();
    let longest = head.name.len().max(head.native_id.len()).max(head.instance.len());
    if longest <= MAX_NAME_BYTES {
        return None;
    }
    let begins: String = head.native_id.chars().take(100).collect();
    let locus = record.loci().first().cloned().unwrap_or_else(|| begins.clone());
    let detail = format!(
        "a name or id of {longest} bytes, which begins `{begins}`; at most {MAX_NAME_BYTES} are taken in"
    );
    Some(Gap::new(locus, GapReason::TooLarge).detail(detail))
}

/// Batches of fewer records are hashed by one thread.
const LARGE_BATCH: usize = 1_000;

/// More threads than this would wait for the one that compares.
const MAX_THREADS: usize = 4;

/// The hashes of a batch's records, per kind.
fn hashes_of(key: HashKey, batch: &Batch) -> Result<[Vec<i64>; N_TABLES]> {
    let n_threads = match std::thread::available_parallelism() {
        Ok(n) if batch.n_records() >= LARGE_BATCH => n.get().min(MAX_THREADS),
        _ => 1,
    };
    let mut parts = std::thread::scope(|scope| {
        let rest: Vec<_> = (1..n_threads)
            .map(|n| scope.spawn(move || hash_part(key, batch, n, n_threads)))
            .collect();
        let first = hash_part(key, batch, 0, n_threads);
        let rest = rest.into_iter().map(|part| match part.join() {
            Ok(hashes) => hashes,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(first).chain(rest).collect::<Result<Vec<_>>>()
    })?
    .into_iter();
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        for (all, part) in all.iter_mut().zip(part) {
            all.extend(part);
        }
    }
    Ok(all)
}

/// The hashes of the nth of so many parts of each kind of record.
fn hash_part(key: HashKey, batch: &Batch, n: usize, of: usize) -> Result<[Vec<i64>; N_TABLES]> {
    fn some<R: Record>(key: HashKey, records: &[R], n: usize, of: usize) -> Result<Vec<i64>> {
        let part = records.len() * n / of..records.len() * (n + 1) / of;
        let mut bytes = Vec::new();
        let records = records.get(part).unwrap_or_default();
        records.iter().map(|record| hash(key, record, &mut bytes)).collect()
    }
    Ok([
        some(key, &batch.identities, n, of)?,
        some(key, &batch.credentials, n, of)?,
        some(key, &batch.places, n, of)?,
        some(key, &batch.grants, n, of)?,
        some(key, &batch.trusts, n, of)?,
        some(key, &batch.owners, n, of)?,
        some(key, &batch.policies, n, of)?,
    ])
}

/// Offsets are keys of what has no row yet.
fn key_of(offset: Offset) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

pub(crate) fn offset_of(key: i64) -> Offset {
    Offset::try_from(key).unwrap_or(Offset::MAX)
}

/// Appends a record to the spool: its scope, the places it lies in, then what a claim states.
fn spool_one<R: Record>(spool: &mut Spool, table: usize, record: &R, hash: i64) -> Result<Offset> {
    let body = body_of(record)?;
    let kept = record.kept();
    let scope = record.scope();
    let places: Vec<u8> =
        record.places().iter().flat_map(|stored| *stored.place.as_bytes()).collect();
    let front = [Value::from(scope.as_bytes()), Value::Blob(&places)];
    let stated = stated(record, &kept, hash, &body);
    spool.push(u8::try_from(table).unwrap_or(u8::MAX), front.into_iter().chain(stated))
}

/// A record as [`spool_one`] wrote it.
pub(crate) struct Spooled<'a> {
    pub(crate) scope: ScopeId,
    pub(crate) places: &'a [[u8; 16]],
    pub(crate) stated: Vec<Value<'a>>,
}

impl<'a> Spooled<'a> {
    pub(crate) fn read(entry: &'a [u8]) -> Result<Self> {
        let mut stated = spool::values(entry)?;
        let mut front = stated.drain(..2.min(stated.len()));
        let (Some(Value::Blob(scope)), Some(Value::Blob(places))) = (front.next(), front.next())
        else {
            return Err(spool::odd());
        };
        drop(front);
        let scope = ScopeId::from_bytes(scope.try_into().map_err(|_| spool::odd())?);
        let (places, []) = places.as_chunks() else { return Err(spool::odd()) };
        Ok(Self { scope, places, stated })
    }

    pub(crate) fn id(&self) -> Result<[u8; 16]> {
        match self.stated.first() {
            Some(Value::Blob(id)) => (*id).try_into().map_err(|_| spool::odd()),
            _ => Err(spool::odd()),
        }
    }

    pub(crate) fn authority(&self) -> Authority {
        match self.stated.get(1) {
            Some(Value::Int(number)) => authority_of(*number),
            _ => Authority::Mentioned,
        }
    }

    fn record<R: Record>(&self) -> Result<R> {
        let text = |n: usize| match self.stated.get(n) {
            Some(Value::Text(text)) => Ok((*text).to_owned()),
            _ => Err(spool::odd()),
        };
        let head = OwnedHead {
            id: self.id()?,
            scope: self.scope,
            authority: self.authority(),
            kind: text(4)?,
            system: text(5)?,
            instance: text(6)?,
            native_id: text(7)?,
            name: text(8)?,
        };
        match self.stated.last() {
            Some(Value::Text(body)) => R::restore(head, body)
                .map_err(|error| unreadable("read what a source stated", &error)),
            _ => Err(spool::odd()),
        }
    }
}

pub(crate) fn stated_at<R: Record>(spool: &mut Spool, offset: Offset) -> Result<R> {
    Spooled::read(&spool.entry(offset)?)?.record()
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
        let (id, spool) = self.write("begin a sync", |c| {
            let id = c.insert(
                "INSERT INTO sync (source_key, state, started_at) VALUES (?1, 0, ?2)",
                &[source_key.into(), now.into()],
            )?;
            Ok((SyncId(id), Spool::new(self.folder())?))
        })?;
        Ok(SyncWriter {
            store: self.clone(),
            id,
            source,
            source_key,
            hash_key: self.hash_key(),
            claims: Default::default(),
            has_read_claims: false,
            spool,
            differing: Default::default(),
            coverage: BTreeMap::new(),
            refused: BTreeMap::new(),
            ends_all: false,
            has_ended: false,
        })
    }

    fn read_claims_of(&self, table: &Table, source_key: i64, claims: &mut Claims) -> Result<()> {
        self.read("read what the source claimed until now", |c| {
            let name = table.name;
            let range = c.one(
                &format!("SELECT COUNT(*), MIN(key), MAX(key) FROM {name} WHERE source_key = ?1"),
                &[source_key.into()],
                |row| Ok((row.int(0)?, row.maybe_int(1)?, row.maybe_int(2)?)),
            )?;
            let Some((n, Some(first), Some(last))) = range else { return Ok(()) };
            claims.reserve(usize::try_from(n).unwrap_or(0));
            // To read rows that lie side by side is faster than to look each up; `+` keeps the
            // index out of it.
            let no_index = if last - first < 2 * n { "+" } else { "" };
            c.visit(
                &format!(
                    "SELECT id, key, hash FROM {name} \
                     WHERE key BETWEEN ?2 AND ?3 AND {no_index}source_key = ?1"
                ),
                &[source_key.into(), first.into(), last.into()],
                |row| {
                    let held = Held { key: row.int(1)?, hash: row.int(2)?, seen: Seen::No };
                    claims.insert(row.id(0)?, held);
                    Ok(true)
                },
            )
        })
    }
}
