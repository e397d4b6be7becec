//! `tutela doctor`: is everything as it should be, and if not, what to do.

use std::os::unix::fs::MetadataExt;

use model::Time;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::access::{Act, Actor};
use crate::error::Result;
use crate::inventory::coverage_summary;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Fine,
    Note,
    Wrong,
}

#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Check {
    pub health: Health,
    /// What was looked at.
    pub subject: String,
    pub says: String,
    /// What to do; empty when fine.
    pub fix: String,
}

pub fn diagnose(app: &App, actor: &Actor, now: Time) -> Result<Vec<Check>> {
    actor.may(Act::Look)?;
    let mut checks = vec![folder(app), space(app)];
    let coverage = coverage_summary(app)?;
    checks.push(if coverage.n_gaps == 0 {
        fine(
            "coverage",
            format!(
                "{} of {} scopes read completely",
                coverage.n_complete_scopes, coverage.n_scopes
            ),
        )
    } else {
        note(
            "coverage",
            format!(
                "{} of {} scopes not read completely, gaps: {}",
                coverage.n_scopes - coverage.n_complete_scopes,
                coverage.n_scopes,
                coverage.n_gaps
            ),
            "see `tutela coverage` for each and the permission that would close it",
        )
    });
    for source in app.store.sources()? {
        let subject = format!("source {}", source.name);
        checks.push(match (&source.last_sync, source.last_committed_at) {
            (Some(sync), _) if sync.error.is_some() => Check {
                health: Health::Wrong,
                subject,
                says: sync.error.clone().unwrap_or_default(),
                fix: format!("run `tutela source test {}`", source.id),
            },
            (_, None) => note(
                &subject,
                "never read".into(),
                &format!("run `tutela source sync {}`", source.id),
            ),
            (_, Some(last)) => {
                fine(&subject, format!("read {} minutes ago", now.since(last).as_secs() / 60))
            }
        });
    }
    checks.push(if app.store.columns_ready() {
        fine("counts", "facets, totals and search are ready".into())
    } else {
        note("counts", "being counted".into(), "wait a few seconds")
    });
    Ok(checks)
}

fn folder(app: &App) -> Check {
    let subject = format!("data folder {}", app.folder.display());
    match std::fs::metadata(&app.folder) {
        Ok(meta) if meta.mode() & 0o077 != 0 => Check {
            health: Health::Wrong,
            subject,
            says: format!("others may enter it (mode {:04o})", meta.mode() & 0o7777),
            fix: format!("chmod 700 '{}'", app.folder.display()),
        },
        Ok(_) => fine(&subject, "only its owner may enter it".into()),
        Err(error) => Check {
            health: Health::Wrong,
            subject,
            says: error.to_string(),
            fix: "check the disk".into(),
        },
    }
}

fn space(app: &App) -> Check {
    const LOW_BYTES: u64 = 1 << 30;
    match rustix::fs::statvfs(&*app.folder) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let says = format!("{} MiB free", free >> 20);
            if free < LOW_BYTES {
                note("disk", says, "free some space: a sync that finds the disk full is discarded")
            } else {
                fine("disk", says)
            }
        }
        Err(error) => note("disk", error.to_string(), "check the disk"),
    }
}

fn fine(subject: &str, says: String) -> Check {
    Check { health: Health::Fine, subject: subject.into(), says, fix: String::new() }
}

fn note(subject: &str, says: String, fix: &str) -> Check {
    Check { health: Health::Note, subject: subject.into(), says, fix: fix.into() }
}
