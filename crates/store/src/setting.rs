//! Settings of the installation: a name and JSON.

use crate::{Result, Store};

impl Store {
    /// The JSON text of a setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        self.read("read a setting", |c| {
            c.one("SELECT json FROM setting WHERE name = ?1", &[name.into()], |row| {
                row.text(0).map(str::to_owned)
            })
        })
    }

    pub fn set_setting(&self, name: &str, json: &str) -> Result<()> {
        self.write("write a setting", |c| {
            c.run(
                "INSERT INTO setting (name, json) VALUES (?1, ?2) \
                 ON CONFLICT (name) DO UPDATE SET json = excluded.json",
                &[name.into(), json.into()],
            )
            .map(drop)
        })
    }

    pub fn remove_setting(&self, name: &str) -> Result<()> {
        self.write("remove a setting", |c| {
            c.run("DELETE FROM setting WHERE name = ?1", &[name.into()]).map(drop)
        })
    }
}
