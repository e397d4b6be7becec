//! Copies of the data folder: made while it is in use, checked, and put back.

use crate::stub;
use crate::{OpenError, Result, Store};
use model::Time;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What is in a backup folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub made_at: Time,
    pub schema: u32,
    pub files: Vec<ManifestFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub name: String,
    pub bytes: u64,
    /// BLAKE3, hexadecimal.
    pub blake3: String,
}

impl Store {
    /// Copies everything into a new folder while the store is in use.
    pub fn backup(&self, to: &Path, now: Time) -> Result<Manifest> {
        stub()
    }
    /// Puts a backup into a data folder that holds nothing and that nobody uses.
    pub fn restore(
        from: &Path,
        folder: &Path,
        holder: &str,
        now: Time,
    ) -> Result<Manifest, OpenError> {
        stub()
    }
}
