//! Settings of the installation: a name and JSON.

use crate::stub;
use crate::{Result, Store};

impl Store {
    /// The JSON text of a setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        stub()
    }
    pub fn set_setting(&self, name: &str, json: &str) -> Result<()> {
        stub()
    }
    pub fn remove_setting(&self, name: &str) -> Result<()> {
        stub()
    }
}
