//! The sources Tutela reads: the only code that talks to foreign systems.
//!
//! One folder per source, each with a [`Descriptor`]; adding one is that folder, `pub mod x;` and
//! an entry in [`CONNECTORS`]. A connector reads (`discover`), turns what it read into records
//! without touching the world (`normalize`), and says what it could not read (`Coverage`). It
//! never decides, never writes, never executes or obeys anything it reads, and never fails as a
//! whole because a part was refused.
//!
//! Shared by connectors: [`files`] opens foreign files safely, [`yaml`] loads hostile YAML within
//! limits, [`material`] turns recognised credential material into records, [`agents`] reads the
//! configuration of AI agents and MCP servers, [`aws`] and [`tags`] say what the words of AWS and
//! of tags mean, [`ini`] reads files of sections and [`object`] members of JSON objects,
//! [`outlet`] has the last look at every text of a batch.

pub mod address;
pub mod agents;
pub mod aws;
#[cfg(test)]
mod canary;
mod command_line;
pub mod contract;
pub mod document;
pub mod dossier;
pub mod files;
pub mod glob;
pub mod homes;
pub mod host;
#[cfg(test)]
mod hostile;
pub mod ini;
pub mod material;
pub mod object;
pub mod outlet;
pub mod repository;
pub mod tags;
pub mod terraform;
pub mod yaml;

pub use contract::{
    Descriptor, Machine, Outbox, Permission, Progress, Request, Setting, SettingKind, Settings,
    SourceError,
};

/// Every source of this crate, in the order in which people meet them. `app` adds those that have
/// a crate of their own.
pub const CONNECTORS: &[&Descriptor] =
    &[&host::DESCRIPTOR, &homes::DESCRIPTOR, &repository::DESCRIPTOR, &terraform::DESCRIPTOR];

pub fn connector(id: &str) -> Option<&'static Descriptor> {
    CONNECTORS.iter().copied().find(|connector| connector.id == id)
}
