//! The end of a sync: everything it stated becomes visible in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::{
    Authority, Coverage, Credential, Grant, Identity, OwnerLink, Place, PolicyDocument, ScopeId,
    StoredAt, Time, Trust,
};

use crate::Result;
use crate::engine::{Connection, Value};
use crate::error::Error;
use crate::record::row::{self, Version, body_of, marks_of, record_of_key, row_values, stated};
use crate::record::{Hidden, N_TABLES, Record, TABLES, Table};
use crate::reference::{self, Waiting, mark, marks};
use crate::spool::{Offset, Spool};
use crate::sync::{Counts, SyncSummary};
use crate::writer::{Claims, Held, Seen, Spooled, SyncWriter, offset_of, stated_at};

/// Coverage of this many syncs of a source is kept; of older ones only counts are.
const KEPT_COVERAGE: i64 = 100;

/// After so many new rows the engine looks anew at what it chooses indexes by.
const LARGE: u64 = 20_000;

/// What one publication knows while it runs.
struct Publication<'a> {
    c: &'a Connection,
    writer: &'a SyncWriter,
    spool: Spool,
    at: Time,
    scope_keys: HashMap<ScopeId, i64>,
    coverage: &'a BTreeMap<ScopeId, Coverage>,
    /// No other source ever stated anything, so no claim can meet another one.
    is_alone: bool,
    /// Places that this source claimed, did not state in this sync, and that a gap may hide.
    hidden_places: HashSet<[u8; 16]>,
    /// Things that may have another claim lead them now, per kind of record.
    contested: [BTreeSet<[u8; 16]>; N_TABLES],
}

impl SyncWriter {
    /// Makes all that was put visible at once, and ends the claims of this source that complete
    /// scopes no longer hold.
    pub fn publish(mut self, now: Time) -> Result<SyncSummary> {
        self.read_claims()?;
        let store = self.store.clone();
        let mut coverage = std::mem::take(&mut self.coverage);
        for (scope, refused) in std::mem::take(&mut self.refused) {
            let Some(coverage) = coverage.get_mut(&scope) else {
                let n = refused.gaps.len() as u64 + refused.n_more;
                tracing::warn!(%scope, n, "records with overlong names, of a scope that says nothing of what it read");
                continue;
            };
            for gap in refused.gaps {
                coverage.miss(gap);
            }
            coverage.asked += refused.n_more;
            coverage.n_more_gaps += refused.n_more;
        }
        let spool = std::mem::take(&mut self.spool);
        let published = store.write("publish a sync", |c| {
            let mut publication = Publication {
                c,
                writer: &self,
                spool,
                at: moment(c, now)?,
                scope_keys: HashMap::new(),
                coverage: &coverage,
                is_alone: is_alone(c, self.source_key)?,
                hidden_places: HashSet::new(),
                contested: Default::default(),
            };
            // Places first: a credential keeps those that are only hidden.
            let places = publication.settle::<Place>(2)?;
            let mut summary = SyncSummary {
                identities: publication.settle::<Identity>(0)?,
                credentials: publication.settle::<Credential>(1)?,
                places,
                grants: publication.settle::<Grant>(3)?,
                trusts: publication.settle::<Trust>(4)?,
                owners: publication.settle::<OwnerLink>(5)?,
                policies: publication.settle::<PolicyDocument>(6)?,
                gaps: 0,
            };
            let is_large = publication.insert_new()? >= LARGE;
            publication.settle_leads()?;
            for coverage in coverage.values() {
                summary.gaps += coverage.gaps.len() as u64 + coverage.n_more_gaps;
            }
            publication.write_coverage()?;
            let json = serde_json::to_string(&summary).map_err(|error| Error::Database {
                doing: "publish a sync",
                source: Box::new(error),
            })?;
            if self.ends_all {
                c.run(
                    "UPDATE source SET removed_at = ?2, settings = '{}' WHERE key = ?1",
                    &[self.source_key.into(), now.into()],
                )?;
            }
            c.run(
                "UPDATE sync SET state = 1, finished_at = ?2, summary = ?3 WHERE key = ?1",
                &[self.id.0.into(), publication.at.into(), json.as_str().into()],
            )?;
            Ok((summary, is_large))
        });
        // What is published stays so: to fail here only makes it slower.
        if matches!(published, Ok((_, true)))
            && let Err(error) = store.with_writer(Connection::optimize)
        {
            tracing::warn!(%error, "after a large publication");
        }
        // On a failure the writer is dropped, which notes it.
        let (summary, _) = published?;
        self.has_ended = true;
        store.end_running(self.source_key);
        Ok(summary)
    }
}

/// Every scope that states a thing.
fn scopes_of<R: Record>(record: &R) -> impl Iterator<Item = ScopeId> {
    std::iter::once(record.scope()).chain(record.also_in().iter().copied())
}

fn is_alone(c: &Connection, source_key: i64) -> Result<bool> {
    let other = c.one(
        "SELECT 1 FROM sync WHERE source_key <> ?1 AND state = 1 LIMIT 1",
        &[source_key.into()],
        |row| row.int(0),
    )?;
    Ok(other.is_none())
}

/// The moment of a publication: later than every one before, whatever the clock says.
fn moment(c: &Connection, now: Time) -> Result<Time> {
    let last =
        c.one("SELECT MAX(finished_at) FROM sync WHERE state = 1", &[], |row| row.maybe_time(0))?;
    Ok(match last.flatten() {
        Some(last) if last >= now => Time::from_micros(last.micros() + 1),
        _ => now,
    })
}

impl Publication<'_> {
    /// Inserts what the source states for the first time, and counts it.
    fn insert_new(&mut self) -> Result<u64> {
        if !self.is_alone {
            for (n, table) in TABLES.into_iter().enumerate() {
                self.find_contested(n, table)?;
            }
        }
        let c = self.c;
        let mut inserts = Vec::with_capacity(N_TABLES);
        for table in TABLES {
            inserts.push(c.statement(&table.texts().insert)?);
        }
        let mut references = Waiting::default();
        let mut n_inserted = 0;
        let mut spool = std::mem::take(&mut self.spool);
        spool.each(|offset, table, entry| {
            let table = usize::from(table);
            let (Some(insert), Some(kind)) = (inserts.get_mut(table), TABLES.get(table)) else {
                return Ok(());
            };
            let spooled = Spooled::read(entry)?;
            let Some(version) = self.version_of_new(offset, table, &spooled)? else {
                return Ok(());
            };
            let key = insert.insert(&row_values(&spooled.stated, version))?;
            n_inserted += 1;
            references.add(c, marks(kind, &spooled.stated, spooled.places), key)
        })?;
        references.write(c)?;
        Ok(n_inserted)
    }

    /// The version as which an entry of the spool is inserted, if it is the last word on a new
    /// thing.
    fn version_of_new(
        &mut self,
        offset: Offset,
        table: usize,
        spooled: &Spooled<'_>,
    ) -> Result<Option<Version>> {
        let id = spooled.id()?;
        match self.claims(table)?.get(&id) {
            Some(held) if held.seen == Seen::New && offset_of(held.key) == offset => {}
            // A change, or a version that a later batch of the sync added to.
            _ => return Ok(None),
        }
        let Some(&kind) = TABLES.get(table) else { return Ok(None) };
        let is_contested = self.contested.get(table).is_some_and(|ids| ids.contains(&id));
        let lead = !is_contested
            && (spooled.authority() != Authority::Mentioned || !self.was_there(kind, &id)?);
        Ok(Some(Version {
            source_key: self.writer.source_key,
            scope_key: self.scope_key(spooled.scope)?,
            sync: self.writer.id,
            lead,
        }))
    }

    /// The new things that other sources claim already.
    fn find_contested(&mut self, n: usize, table: &Table) -> Result<()> {
        let claims = self.writer.claims.get(n).into_iter().flatten();
        let mut new: Vec<[u8; 16]> =
            claims.filter(|(_, held)| held.seen == Seen::New).map(|(id, _)| *id).collect();
        // In the order of their marks.
        new.sort_unstable();
        // A cross join is done in the order in which it is written.
        let sql = format!(
            "SELECT 1 FROM reference f CROSS JOIN {} r ON r.key = f.key \
             WHERE f.mark = ?1 AND r.id = ?2",
            table.name
        );
        let mut known = self.c.statement(&sql)?;
        if let Some(contested) = self.contested.get_mut(n) {
            for id in new {
                if known.finds(&[mark(table.own.number, &id).into(), (&id).into()])? {
                    contested.insert(id);
                }
            }
        }
        Ok(())
    }

    /// Whether an authoritative claim about the thing once stood: a mention does not bring it back.
    fn was_there(&self, table: &Table, id: &[u8; 16]) -> Result<bool> {
        let sql =
            format!("SELECT 1 FROM {} WHERE id = ?1 AND authority > 0 LIMIT 1", table.history);
        Ok(self.c.one(&sql, &[id.into()], |row| row.int(0))?.is_some())
    }

    fn claims(&self, table: usize) -> Result<&Claims> {
        self.writer
            .claims
            .get(table)
            .ok_or(Error::NotFound { what: "kind of record", id: String::new() })
    }

    /// Applies what was stated of one kind of record and ends what is gone.
    fn settle<R: Record>(&mut self, table: usize) -> Result<Counts> {
        let mut counts = Counts::default();
        let mut unseen = Vec::new();
        let mut differing = Vec::new();
        {
            let claims = self.claims(table)?;
            #[expect(clippy::iter_over_hash_type, reason = "what is acted on is sorted below")]
            for (id, held) in claims {
                match held.seen {
                    Seen::No => unseen.push((*id, *held)),
                    Seen::Same => counts.unchanged += 1,
                    Seen::New => counts.added += 1,
                    Seen::Differs => differing.push((*id, *held)),
                }
            }
        }
        unseen.sort_unstable_by_key(|(_, held)| held.key);
        differing.sort_unstable_by_key(|(_, held)| held.key);
        for (id, held) in unseen {
            if self.is_gone::<R>(held)? {
                self.end::<R>(table, id, held.key)?;
                counts.gone += 1;
            } else {
                counts.kept += 1;
                if table == 2 {
                    self.hidden_places.insert(id);
                }
            }
        }
        for (id, held) in differing {
            if self.change::<R>(table, id, held)? {
                counts.changed += 1;
            } else {
                counts.unchanged += 1;
            }
        }
        Ok(counts)
    }

    /// Whether a claim that was not stated would have been, had the thing still been there.
    fn is_gone<R: Record>(&self, held: Held) -> Result<bool> {
        if self.writer.ends_all {
            return Ok(true);
        }
        let record: Option<R> = record_of_key(self.c, held.key)?;
        let Some(record) = record else { return Ok(true) };
        Ok(scopes_of(&record).all(|scope| {
            self.coverage_of(scope).is_some_and(|coverage| {
                coverage.would_have_seen(record.loci().iter().map(String::as_str))
            })
        }))
    }

    /// Moves a claim into the history.
    fn end<R: Record>(&mut self, table: usize, id: [u8; 16], key: i64) -> Result<()> {
        let record: Option<R> = record_of_key(self.c, key)?;
        let marks = record.as_ref().map_or(Vec::new(), marks_of);
        self.c.run(&R::TABLE.texts().close, &[key.into(), self.at.into()])?;
        self.c.run(&R::TABLE.texts().delete, &[key.into()])?;
        reference::replace(self.c, key, marks, [])?;
        self.contest(table, id);
        Ok(())
    }

    fn contest(&mut self, table: usize, id: [u8; 16]) {
        if !self.is_alone {
            self.contest_always(table, id);
        }
    }

    fn contest_always(&mut self, table: usize, id: [u8; 16]) {
        if let Some(contested) = self.contested.get_mut(table) {
            contested.insert(id);
        }
    }

    /// Puts a new version in place of the one that stood; says whether there is a difference.
    fn change<R: Record>(&mut self, table: usize, id: [u8; 16], held: Held) -> Result<bool> {
        let offset = self.writer.differing.get(table).and_then(|differing| differing.get(&id));
        let old: Option<R> = record_of_key(self.c, held.key)?;
        let (Some(&offset), Some(old)) = (offset, old) else { return Ok(false) };
        let mut record: R = stated_at(&mut self.spool, offset)?;
        // A mention says nothing of where the thing was stated, if that was not read to its end.
        let is_mention = record.authority() == Authority::Mentioned;
        if is_mention && old.authority() > Authority::Mentioned && !self.is_gone::<R>(held)? {
            return Ok(false);
        }
        let coverages: Vec<Option<&Coverage>> = scopes_of(&old)
            .chain(scopes_of(&record))
            .map(|scope| self.coverage_of(scope))
            .collect();
        let hides = |locus: &str| {
            coverages.iter().any(|coverage| match coverage {
                None => true,
                Some(coverage) => {
                    coverage.truncated
                        || coverage.n_more_gaps > 0
                        || coverage.gaps.iter().any(|gap| gap.holds(locus))
                }
            })
        };
        let places = self.claims(2)?;
        let place = |stored: &StoredAt| match places.get(stored.place.as_bytes()) {
            Some(Held { seen: Seen::No, .. }) => {
                self.hidden_places.contains(stored.place.as_bytes())
            }
            _ => hides(&stored.path),
        };
        record.keep_hidden(&old, &Hidden { place: &place, locus: &hides });
        for scope in scopes_of(&old) {
            let is_known = scopes_of(&record).any(|known| known == scope);
            if !is_known && !self.coverage_of(scope).is_some_and(Coverage::is_complete) {
                record.keep_scope(scope);
            }
        }
        let hash = row::hash(self.writer.hash_key, &record, &mut Vec::new())?;
        if hash == held.hash {
            return Ok(false);
        }
        if hash == row::hash(self.writer.hash_key, &old, &mut Vec::new())? {
            // The same, hashed by a version of before.
            let sql = format!("UPDATE {} SET hash = ?2 WHERE key = ?1", R::TABLE.name);
            self.c.run(&sql, &[held.key.into(), hash.into()])?;
            return Ok(false);
        }
        let body = body_of(&record)?;
        let lead = self.c.one(
            &format!("SELECT lead FROM {} WHERE key = ?1", R::TABLE.name),
            &[held.key.into()],
            |row| row.truth(0),
        )?;
        let scope_key = self.scope_key(record.scope())?;
        self.c.run(&R::TABLE.texts().close, &[held.key.into(), self.at.into()])?;
        let version = Version {
            source_key: self.writer.source_key,
            scope_key,
            sync: self.writer.id,
            lead: lead.unwrap_or(false),
        };
        let kept = record.kept();
        let mut values = row_values(&stated(&record, &kept, hash, &body), version);
        values.push(held.key.into());
        self.c.run(&R::TABLE.texts().update, &values)?;
        reference::replace(self.c, held.key, marks_of(&old), marks_of(&record))?;
        if old.authority() != record.authority() {
            self.contest_always(table, id);
        }
        Ok(true)
    }

    fn coverage_of(&self, scope: ScopeId) -> Option<&Coverage> {
        self.coverage.get(&scope)
    }

    fn scope_key(&mut self, scope: ScopeId) -> Result<i64> {
        if let Some(&key) = self.scope_keys.get(&scope) {
            return Ok(key);
        }
        let values = [self.writer.source_key.into(), scope.as_bytes().into()];
        self.c.run(
            "INSERT INTO scope (source_key, id, kind, name) VALUES (?1, ?2, '', '') \
             ON CONFLICT (source_key, id) DO NOTHING",
            &values,
        )?;
        let key = self.c.one(
            "SELECT key FROM scope WHERE source_key = ?1 AND id = ?2",
            &values,
            |row| row.int(0),
        )?;
        let key = key.unwrap_or_default();
        self.scope_keys.insert(scope, key);
        Ok(key)
    }

    fn settle_leads(&self) -> Result<()> {
        for (contested, table) in self.contested.iter().zip(TABLES) {
            for id in contested {
                self.settle_lead(table, id)?;
            }
        }
        Ok(())
    }

    /// Chooses the claim that leads among those published: the greatest authority, then the one
    /// that has stood longest. A mention leads only what no source ever stated.
    fn settle_lead(&self, table: &Table, id: &[u8; 16]) -> Result<()> {
        let name = table.name;
        let sync = Value::Int(self.writer.id.0);
        let rows = self.c.rows(
            &format!(
                "SELECT key, authority, lead, sync_key FROM {name} r WHERE {} \
                 ORDER BY authority DESC, key",
                table.own.names("?1")
            ),
            &[id.into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.truth(2)?, row.int(3)?)),
        )?;
        let Some(&(first, authority, ..)) = rows.first() else { return Ok(()) };
        let leader = (authority > 0 || !self.was_there(table, id)?).then_some(first);
        for (key, _, leads, sync_key) in rows {
            let should_lead = leader == Some(key);
            if leads == should_lead {
                continue;
            }
            if sync_key != self.writer.id.0 {
                self.c.run(&table.texts().close, &[key.into(), self.at.into()])?;
            }
            self.c.run(
                &format!("UPDATE {name} SET lead = ?2, sync_key = ?3 WHERE key = ?1"),
                &[key.into(), should_lead.into(), sync],
            )?;
        }
        Ok(())
    }

    fn write_coverage(&mut self) -> Result<()> {
        for (&scope, coverage) in self.coverage {
            let key = Value::Int(self.scope_key(scope)?);
            let sync = Value::Int(self.writer.id.0);
            let mut rest = coverage.clone();
            let gaps = std::mem::take(&mut rest.gaps);
            let body = serde_json::to_string(&rest).map_err(|error| Error::Database {
                doing: "publish a sync",
                source: Box::new(error),
            })?;
            self.c.run(
                "INSERT INTO coverage (sync_key, scope_key, body) VALUES (?1, ?2, ?3)",
                &[sync, key, body.as_str().into()],
            )?;
            for gap in &gaps {
                self.c.run(
                    "INSERT INTO gap (sync_key, source_key, scope_key, locus, reason, detail, missing) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    &[
                        sync,
                        self.writer.source_key.into(),
                        key,
                        gap.locus.as_str().into(),
                        gap.reason.name().into(),
                        gap.detail.as_deref().into(),
                        gap.missing.as_deref().into(),
                    ],
                )?;
            }
            let complete = coverage.is_complete().then_some(self.at);
            self.c.run(
                "UPDATE scope SET kind = ?2, name = ?3, last_sync_key = ?4, \
                 last_complete_at = COALESCE(?5, last_complete_at) WHERE key = ?1",
                &[
                    key,
                    Value::Text(&coverage.scope.kind),
                    coverage.scope.name.as_str().into(),
                    sync,
                    complete.into(),
                ],
            )?;
        }
        self.forget_old_coverage()
    }

    /// Removes coverage of syncs long past, except where it is the last word on a scope.
    fn forget_old_coverage(&self) -> Result<()> {
        let last = self.c.one(
            "SELECT key FROM sync WHERE source_key = ?1 AND state = 1 \
             ORDER BY key DESC LIMIT 1 OFFSET ?2",
            &[self.writer.source_key.into(), KEPT_COVERAGE.into()],
            |row| row.int(0),
        )?;
        let Some(last) = last else { return Ok(()) };
        for table in ["gap", "coverage"] {
            self.c.run(
                &format!(
                    "DELETE FROM {table} WHERE sync_key <= ?1 AND sync_key IN \
                     (SELECT key FROM sync WHERE source_key = ?2) AND NOT EXISTS \
                     (SELECT 1 FROM scope WHERE scope.key = {table}.scope_key \
                      AND scope.last_sync_key = {table}.sync_key)"
                ),
                &[last.into(), self.writer.source_key.into()],
            )?;
        }
        Ok(())
    }
}
