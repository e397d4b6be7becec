//! What rules look at, what changed since they last did, and taking in what they found.
//!
//! An evaluation is of everything or of what was touched since the last one: by a publication, by a
//! person's word, or by time alone. The caller reads [`Family`] after family, says what fires, and
//! ends with [`Store::finish_evaluation`], which resolves what no longer does.

use std::collections::{BTreeSet, HashMap};

use model::{
    Credential, CredentialId, Finding, FindingState, Grant, Identity, IdentityId, OwnerLink, Place,
    PlaceId, Time, Trust,
};

use crate::engine::{Connection, Row, Value};
use crate::fields::List;
use crate::finding::{ReconcileSummary, hash_of, json, set_state, write};
use crate::owner::OwnerColumn;
use crate::record::row::{RECORD, record_of};
use crate::record::{Record, TABLES, unreadable};
use crate::reference::{Role, roles};
use crate::writer::IdHash;
use crate::{Result, Store};

/// More identities than this part of all are not looked up one by one: everything is evaluated.
const MOST_TOUCHED: i64 = 8;
/// So few are always looked up.
const FEW_TOUCHED: usize = 1_000;

/// An identity and what belongs to it, each by its leading claim; or, without an identity, what
/// belongs to none that is known.
#[derive(Debug, Clone, Default)]
pub struct Family {
    pub identity: Option<Identity>,
    /// As lists show it now.
    pub owner: Option<OwnerColumn>,
    pub owners: Vec<OwnerLink>,
    pub credentials: Vec<Credential>,
    pub grants: Vec<Grant>,
    /// Those that lead to it.
    pub trusts: Vec<Trust>,
}

/// What an evaluation is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subjects {
    pub identities: BTreeSet<IdentityId>,
    /// Of no identity.
    pub credentials: BTreeSet<CredentialId>,
}

impl Subjects {
    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        match (row.maybe_id(0)?, row.maybe_id(1)?) {
            (Some(identity), _) => {
                self.identities.insert(IdentityId::from_bytes(identity));
            }
            (None, Some(credential)) => {
                self.credentials.insert(CredentialId::from_bytes(credential));
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.identities.len() + self.credentials.len()
    }
}

/// Up to where the last evaluation came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// When it was.
    pub at: Time,
    /// The last publication it saw.
    pub published: Option<Time>,
    /// The version of the rules.
    pub rules: String,
}

/// What has to be evaluated now, and the mark to leave behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    pub mark: Mark,
    /// None: everything.
    pub subjects: Option<Subjects>,
}

/// An evaluation that runs.
#[derive(Debug)]
pub struct Evaluation {
    known: HashMap<[u8; 16], Known, IdHash>,
    summary: ReconcileSummary,
    /// When the one before it was.
    last: Option<Time>,
    now: Time,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    hash: i64,
    is_resolved: bool,
    /// What a person said of it held until a moment that has passed.
    is_over: bool,
    fires: bool,
}

impl Store {
    /// What was touched since the last evaluation. `offsets` are the microseconds from now to the
    /// moments that rules compare an expiry with; none when they compare other times too.
    pub fn stale(&self, rules: &str, offsets: Option<&[i64]>, now: Time) -> Result<Stale> {
        self.read("find what to evaluate", |c| {
            let published =
                c.one("SELECT MAX(finished_at) FROM sync WHERE state = 1", &[], |row| {
                    row.maybe_time(0)
                })?;
            let mark = Mark { at: now, published: published.flatten(), rules: rules.to_owned() };
            let subjects = match (mark_of(c)?, offsets) {
                (Some(last), Some(offsets)) if last.rules == rules && last.at <= now => {
                    touched(c, &last, offsets, now)?
                }
                _ => None,
            };
            Ok(Stale { mark, subjects })
        })
    }

    /// The highest key of a list's rows, from which [`Store::families`] is cut into parts.
    pub fn last_key(&self, list: List) -> Result<i64> {
        let Some(table) = TABLES.iter().find(|table| table.list == list) else { return Ok(0) };
        let sql = format!("SELECT COALESCE(MAX(key), 0) FROM {}", table.name);
        self.read("count rows", |c| Ok(c.one(&sql, &[], |row| row.int(0))?.unwrap_or(0)))
    }

    /// The identities with keys after one and up to another, in their order.
    pub fn families(&self, after: i64, to: i64) -> Result<Vec<Family>> {
        self.read("read identities with what belongs to them", |c| {
            let condition = "r.key > ?1 AND r.key <= ?2 ORDER BY r.key";
            heads(c, condition, &[after.into(), to.into()])?
                .into_iter()
                .map(|head| around(c, head))
                .collect()
        })
    }

    /// These identities; one that is gone has what still names it.
    pub fn families_of(&self, ids: &[IdentityId]) -> Result<Vec<Family>> {
        self.read("read identities with what belongs to them", |c| {
            let mut families = Vec::with_capacity(ids.len());
            for id in ids {
                let known = heads(c, &roles::IDENTITY.names("?1"), &[id.as_bytes().into()])?.pop();
                families.push(match known {
                    Some(head) => around(c, head)?,
                    None => Family { owners: Vec::new(), ..belonging(c, id)? },
                });
            }
            Ok(families)
        })
    }

    /// These credentials, where they belong to no identity.
    pub fn loose_of(&self, ids: &[CredentialId]) -> Result<Family> {
        self.read("read credentials", |c| {
            let mut family = Family::default();
            let condition = format!("{} AND r.identity_id IS NULL", roles::CREDENTIAL.names("?1"));
            for id in ids {
                family.credentials.extend(records(c, &condition, &[id.as_bytes().into()])?);
            }
            Ok(family)
        })
    }

    /// What belongs to no identity that is known, among the rows of a list with keys after one and
    /// up to another.
    pub fn loose(&self, list: List, after: i64, to: i64) -> Result<Family> {
        let loose = format!(
            "r.key > ?1 AND r.key <= ?2 AND NOT EXISTS (SELECT 1 FROM reference f \
             CROSS JOIN identity i ON i.key = f.key WHERE f.mark = mark({}, r.identity_id) \
             AND i.id = r.identity_id AND i.lead = 1) ORDER BY r.key",
            roles::IDENTITY.number
        );
        self.read("read what belongs to no identity", |c| {
            let values = [after.into(), to.into()];
            let mut family = Family::default();
            match list {
                List::Credentials => family.credentials = records(c, &loose, &values)?,
                List::Grants => family.grants = records(c, &loose, &values)?,
                List::Trusts => family.trusts = records(c, &loose, &values)?,
                _ => {}
            }
            Ok(family)
        })
    }

    /// The leading claims about these places; what is not known is left out.
    pub fn places_of(&self, ids: &BTreeSet<PlaceId>) -> Result<Vec<Place>> {
        self.read("read places", |c| {
            let mut places = Vec::with_capacity(ids.len());
            let condition = roles::PLACE.names("?1");
            for id in ids {
                places.extend(records::<Place>(c, &condition, &[id.as_bytes().into()])?);
            }
            Ok(places)
        })
    }

    /// Begins an evaluation of these subjects, or of everything.
    pub fn begin_evaluation(&self, subjects: Option<&Subjects>, now: Time) -> Result<Evaluation> {
        self.read("read the findings", |c| {
            const ROWS: &str = "SELECT id, hash, state, until FROM finding";
            let mut known = HashMap::default();
            let mut take = |row: &Row<'_>| {
                let one = Known {
                    hash: row.int(1)?,
                    is_resolved: row.text(2)? == "resolved",
                    is_over: row.maybe_time(3)?.is_some_and(|until| until <= now),
                    fires: false,
                };
                known.insert(row.id(0)?, one);
                Ok(true)
            };
            match subjects {
                None => c.visit(ROWS, &[], &mut take)?,
                Some(subjects) => {
                    let of_identity = format!("{ROWS} WHERE identity_id = ?1");
                    for id in &subjects.identities {
                        c.visit(&of_identity, &[id.as_bytes().into()], &mut take)?;
                    }
                    let of_subject = format!("{ROWS} WHERE subject_id = ?1");
                    for id in &subjects.credentials {
                        c.visit(&of_subject, &[id.as_bytes().into()], &mut take)?;
                    }
                }
            }
            let last = mark_of(c)?.map(|mark| mark.at);
            Ok(Evaluation { known, summary: ReconcileSummary::default(), last, now })
        })
    }

    /// Takes in what fires: it opens, stays or reopens; what people said stays until its date.
    pub fn put_findings(&self, evaluation: &mut Evaluation, findings: &[Finding]) -> Result<()> {
        if findings.is_empty() {
            return Ok(());
        }
        self.write("take in findings", |c| {
            findings.iter().try_for_each(|finding| evaluation.take(c, finding))
        })
    }

    /// Resolves the findings of the evaluation's subjects that no longer fire, and leaves the mark
    /// from which the next one goes on.
    pub fn finish_evaluation(
        &self,
        evaluation: Evaluation,
        mark: Option<&Mark>,
    ) -> Result<ReconcileSummary> {
        let Evaluation { known, mut summary, last, now } = evaluation;
        let mut silent: Vec<[u8; 16]> = known
            .into_iter()
            .filter(|(_, known)| !known.fires && !known.is_resolved)
            .map(|(id, _)| id)
            .collect();
        silent.sort_unstable();
        self.write("resolve findings", |c| {
            for id in &silent {
                set_state(c, id, &FindingState::Resolved { at: now })?;
                if let Some(last) = last {
                    c.run(
                        "UPDATE finding SET last_seen = MAX(last_seen, ?2) WHERE id = ?1",
                        &[id.into(), last.into()],
                    )?;
                }
                summary.resolved += 1;
            }
            if let Some(mark) = mark {
                c.run(
                    "INSERT OR REPLACE INTO evaluation (one, at, published, rules) \
                     VALUES (1, ?1, ?2, ?3)",
                    &[mark.at.into(), mark.published.into(), mark.rules.as_str().into()],
                )?;
            }
            Ok(summary)
        })
    }
}

impl Evaluation {
    fn take(&mut self, c: &Connection, finding: &Finding) -> Result<()> {
        let body = json(finding)?;
        let hash = hash_of(&body);
        let id = finding.id.as_bytes();
        let Some(known) = self.known.get_mut(id) else {
            write(c, finding, &body, hash, self.now)?;
            let known = Known { hash, is_resolved: false, is_over: false, fires: true };
            self.known.insert(*id, known);
            self.summary.opened += 1;
            return Ok(());
        };
        if known.hash != hash {
            write(c, finding, &body, hash, self.now)?;
            known.hash = hash;
        }
        if known.fires {
            return Ok(());
        }
        known.fires = true;
        if known.is_resolved {
            self.summary.reopened += 1;
            set_state(c, id, &FindingState::Open)?;
            c.run(
                "UPDATE finding SET opened_at = ?2, n_reopened = n_reopened + 1 WHERE id = ?1",
                &[id.into(), self.now.into()],
            )?;
        } else {
            self.summary.kept += 1;
            if known.is_over {
                set_state(c, id, &FindingState::Open)?;
            }
        }
        Ok(())
    }
}

fn mark_of(c: &Connection) -> Result<Option<Mark>> {
    c.one("SELECT at, published, rules FROM evaluation", &[], |row| {
        let (at, published) = (row.time(0)?, row.maybe_time(1)?);
        Ok(Mark { at, published, rules: row.text(2)?.into() })
    })
}

/// Identities and credentials that something happened to; none when those are too many.
fn touched(c: &Connection, last: &Mark, offsets: &[i64], now: Time) -> Result<Option<Subjects>> {
    const SYNCS: &str = "sync_key IN (SELECT key FROM sync WHERE state = 1 AND finished_at > ?1)";
    let since = [last.published.unwrap_or(Time::MIN).into()];
    let mut asked: Vec<(String, Vec<Value<'_>>)> = Vec::new();
    for (columns, table) in [
        ("id, NULL", "identity"),
        ("identity_id, id", "credential"),
        ("identity_id, NULL", "grants"),
        ("identity_id, NULL", "trust"),
        ("identity_id, NULL", "owner_link"),
    ] {
        asked.push((format!("SELECT {columns} FROM {table} WHERE {SYNCS}"), since.to_vec()));
        asked.push((
            format!("SELECT {columns} FROM {table}_history WHERE seen_to > ?1"),
            since.to_vec(),
        ));
    }
    for places in [
        format!("SELECT id FROM place WHERE {SYNCS}"),
        "SELECT id FROM place_history WHERE seen_to > ?1".to_owned(),
    ] {
        let sql = format!(
            "SELECT r.identity_id, r.id FROM ({places}) p \
             CROSS JOIN reference f ON f.mark = mark({}, p.id) \
             CROSS JOIN credential r ON r.key = f.key",
            roles::LIES_IN.number
        );
        asked.push((sql, since.to_vec()));
    }
    for offset in offsets {
        let moment = |time: Time| Value::Int(time.micros().saturating_add(*offset));
        asked.push((
            "SELECT identity_id, id FROM credential WHERE expires_at >= ?1 AND expires_at <= ?2"
                .into(),
            vec![moment(last.at), moment(now)],
        ));
    }
    asked.push((
        "SELECT identity_id, subject_id FROM finding WHERE until <= ?1".into(),
        vec![now.into()],
    ));
    let n_identities =
        c.one("SELECT COALESCE(MAX(key), 0) FROM identity", &[], |row| row.int(0))?.unwrap_or(0);
    let most = usize::try_from(n_identities / MOST_TOUCHED).unwrap_or(0).max(FEW_TOUCHED);
    let mut subjects = Subjects::default();
    for (sql, values) in &asked {
        c.visit(sql, values, |row| {
            subjects.add(row)?;
            Ok(subjects.len() <= most)
        })?;
        if subjects.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(subjects))
}

/// An identity and the owner that lists show.
type Head = (Identity, Option<OwnerColumn>);

fn heads(c: &Connection, condition: &str, values: &[Value<'_>]) -> Result<Vec<Head>> {
    let mut heads = Vec::new();
    read::<Identity>(c, "r.owner", condition, values, |identity, row| {
        let owner = match row.maybe_text(9)? {
            Some(json) => Some(
                serde_json::from_str(json).map_err(|error| unreadable("read an owner", &error))?,
            ),
            None => None,
        };
        heads.push((identity, owner));
        Ok(())
    })?;
    Ok(heads)
}

fn around(c: &Connection, (identity, owner): Head) -> Result<Family> {
    let family = belonging(c, &identity.id)?;
    Ok(Family { identity: Some(identity), owner, ..family })
}

fn belonging(c: &Connection, id: &IdentityId) -> Result<Family> {
    let id = [Value::from(id.as_bytes())];
    let of = |role: Role| format!("{} ORDER BY r.key", role.names("?1"));
    Ok(Family {
        owners: records(c, &of(roles::OF_OWNER_LINK), &id)?,
        credentials: records(c, &of(roles::OF_CREDENTIAL), &id)?,
        grants: records(c, &of(roles::OF_GRANT), &id)?,
        trusts: records(c, &of(roles::TO), &id)?,
        ..Family::default()
    })
}

fn records<R: Record>(c: &Connection, condition: &str, values: &[Value<'_>]) -> Result<Vec<R>> {
    let mut records = Vec::new();
    read(c, "NULL", condition, values, |record, _| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// Leading claims, facts as the source stated them; `more` is the tenth column.
fn read<R: Record>(
    c: &Connection,
    more: &str,
    condition: &str,
    values: &[Value<'_>],
    mut take: impl FnMut(R, &Row<'_>) -> Result<()>,
) -> Result<()> {
    // A cross join is done in the order in which it is written.
    let sql = format!(
        "SELECT {RECORD}, {more} FROM {} r CROSS JOIN scope sc ON sc.key = r.scope_key \
         WHERE r.lead = 1 AND {condition}",
        R::TABLE.name
    );
    c.visit(&sql, values, |row| {
        take(record_of(row)?, row)?;
        Ok(true)
    })
}
