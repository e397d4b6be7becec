//! Bringing a database to the schema of this version, one transaction per step.

use std::path::Path;

use model::Time;

use crate::engine::{Connection, Value};
use crate::error::OpenError;

/// One step; its number is its place in the list, from 1.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migrations {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sql: include_str!(concat!("../migrations/", $folder, "/", $name, ".sql")),
        }),*]
    };
}

pub(crate) const ESTATE: &[Migration] = migrations!("sqlite": "0001_create_estate", "0002_publish_from_spool", "0003_evaluate_what_changed", "0004_keep_references", "0005_count_alike_findings", "0006_keep_policy_documents");
pub(crate) const AUDIT: &[Migration] = migrations!("sqlite_audit": "0001_create_entry");

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS migration (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
)";

pub(crate) fn schema_of(steps: &[Migration]) -> u32 {
    u32::try_from(steps.len()).unwrap_or(u32::MAX)
}

/// Applies what is missing. Fails when the database knows more steps than this version, or when a
/// step that was applied reads differently now.
pub(crate) fn migrate(
    connection: &Connection,
    steps: &[Migration],
    path: &Path,
    now: Time,
) -> Result<(), OpenError> {
    connection.write("prepare the schema", |c| c.script(LEDGER))?;
    let applied =
        connection.rows("SELECT name, checksum FROM migration ORDER BY number", &[], |row| {
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))
        })?;
    if applied.len() > steps.len() {
        return Err(OpenError::TooNew {
            path: path.to_owned(),
            found: u32::try_from(applied.len()).unwrap_or(u32::MAX),
            known: schema_of(steps),
        });
    }
    for (n, step) in steps.iter().enumerate() {
        let checksum = blake3::hash(step.sql.as_bytes()).to_hex();
        if let Some((name, found)) = applied.get(n) {
            if name != step.name || found != checksum.as_str() {
                return Err(OpenError::Corrupt {
                    path: path.to_owned(),
                    what: format!("step {name} of its schema is not the one this version knows"),
                });
            }
            continue;
        }
        connection.write("bring the schema up to date", |c| {
            c.script(step.sql)?;
            c.run(
                "INSERT INTO migration (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
                &[
                    Value::Int(i64::try_from(n + 1).unwrap_or(i64::MAX)),
                    step.name.into(),
                    Value::Text(&checksum),
                    now.into(),
                ],
            )
            .map(drop)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema_text(connection: &Connection) -> Vec<String> {
        let sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name";
        connection.rows(sql, &[], |row| row.text(0).map(str::to_owned)).unwrap()
    }

    /// Every prefix of the steps is what some version once left behind.
    #[test]
    fn a_migrated_schema_is_a_fresh_one() {
        for steps in [ESTATE, AUDIT] {
            let path = Path::new("memory");
            let fresh = Connection::in_memory().unwrap();
            migrate(&fresh, steps, path, Time::default()).unwrap();
            for n in 0..=steps.len() {
                let old = Connection::in_memory().unwrap();
                migrate(&old, &steps[..n], path, Time::default()).unwrap();
                migrate(&old, steps, path, Time::default()).unwrap();
                assert_eq!(schema_text(&old), schema_text(&fresh), "from {n}");
            }
        }
    }

    #[test]
    fn a_newer_and_an_altered_schema_are_refused() {
        let path = Path::new("memory");
        let database = Connection::in_memory().unwrap();
        migrate(&database, ESTATE, path, Time::default()).unwrap();
        let older = migrate(&database, &[], path, Time::default()).unwrap_err();
        assert!(matches!(older, OpenError::TooNew { known: 0, .. }), "{older}");
        let altered: Vec<_> =
            ESTATE.iter().map(|step| Migration { name: step.name, sql: "SELECT 1" }).collect();
        let refused = migrate(&database, &altered, path, Time::default()).unwrap_err();
        assert!(matches!(refused, OpenError::Corrupt { .. }), "{refused}");
    }
}
