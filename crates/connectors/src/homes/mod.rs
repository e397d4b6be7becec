//! Credential files of command line tools and AI agents in people's home folders.
//!
//! [`catalogue`] is the table of known files: a row is a path and how to read it, and adding a
//! tool is adding a row. [`discover`](read) opens what exists below each home and nothing else;
//! the parsers are pure: a file's bytes in, a [`Dossier`](crate::dossier::Dossier) out. What a file
//! names (a helper, an executable, a server) is never run, and other files it names are not
//! followed.

mod aws;
mod azure;
mod builds;
mod catalogue;
mod databases;
mod files;
mod gcp;
mod keys;
mod kubernetes;
mod logins;
mod netrc;
mod packages;
mod people;
mod read;
mod registries;
mod shells;

#[cfg(test)]
mod tests;

pub(crate) use self::read::{is_in_folder, read_in_folder};
use crate::contract::{Descriptor, Permission, Setting, SettingKind};

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "homes",
    title: "Home folders",
    summary: "Credential files of command line tools and AI agents in people's home folders.",
    settings: &[Setting {
        name: "homes",
        kind: SettingKind::Paths,
        default: "",
        help: "Folders to read instead of the homes of /etc/passwd and the folders of /home.",
    }],
    permissions: &[Permission {
        name: "read the homes",
        reads: "the credential files of other people's accounts; without it, only one's own home",
        grant: "run as root, or: sudo setcap cap_dac_read_search+ep $(command -v tutela)",
    }],
    kinds: &[],
    discover: read::discover,
    test: read::test,
};
