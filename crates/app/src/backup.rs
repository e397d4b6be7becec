//! Copies of the data folder, made on this machine and put back on it.

use std::path::Path;

use model::Time;
use serde_json::json;
use store::{Manifest, Store};

use crate::App;
use crate::access::{Act, Actor, Via};
use crate::audit::acting;
use crate::error::{Error, Kind, Result};

/// Copies everything but the fingerprint key into a new folder, while Tutela runs.
///
/// The key stays behind: a backup then holds no way to test a guess of a secret. Only whoever owns
/// the data folder may say where a backup goes.
pub fn backup(app: &App, actor: &Actor, to: &Path, now: Time) -> Result<Manifest> {
    let subject = to.display().to_string();
    acting(app, actor, Act::Backup, &subject, json!({}), now, || {
        if !matches!(actor.via, Via::Local { .. } | Via::Schedule) {
            return Err(Error::new(
                Kind::Forbidden,
                "local-only",
                "a backup is made on the machine itself",
            )
            .hint("run `tutela backup FOLDER` there"));
        }
        if !to.is_absolute() {
            return Err(Error::invalid("path", format!("`{subject}` is not an absolute path")));
        }
        Ok(app.store.backup(to, now)?)
    })
}

/// Puts a backup into a data folder that holds nothing.
pub fn restore(from: &Path, folder: &Path, now: Time) -> anyhow::Result<Manifest> {
    Ok(Store::restore(from, folder, "tutela restore", now)?)
}
