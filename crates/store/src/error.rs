//! Why the store could not do something, in words that say what to do about it.

use std::path::PathBuf;

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the data folder {} is in use by {holder}; stop it, or let it do the work through its socket",
        folder.display()
    )]
    Held { folder: PathBuf, holder: String },
    #[error(
        "{} was written by a newer version of Tutela (schema {found}, this one knows {known}); \
         install that version or restore a backup made by this one",
        path.display()
    )]
    TooNew { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{} is not a sound database ({what}); move it away and restore a backup with `tutela restore`",
        path.display()
    )]
    Corrupt { path: PathBuf, what: String },
    #[error(
        "{} belongs to the user with the id {owner}, and this process runs as {user}; run it as that \
         user, or name a folder of your own with `--data`",
        path.display()
    )]
    ForeignOwner { path: PathBuf, owner: u32, user: u32 },
    #[error(
        "others can change what is in {} (its mode is {mode:04o}); if it is meant for Tutela, run \
         `chmod go-w` on it, else name another",
        path.display()
    )]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("cannot use the data folder {}: {doing}; check who owns it, its mode and free space", path.display())]
    Folder {
        path: PathBuf,
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] Error),
}

/// Why a question or a change was not done. The caller branches on these.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{doing}: the disk of the data folder is full; free some space and try again")]
    Full { doing: &'static str },
    #[error("{doing}: the data folder is read-only; check its owner and mode")]
    ReadOnly { doing: &'static str },
    #[error("{doing}: the database is damaged ({what}); stop Tutela and restore a backup")]
    Corrupt { doing: &'static str, what: String },
    #[error(
        "{doing}: the question needs more than it may; add a filter, or ask of now instead of the past"
    )]
    TooLong { doing: &'static str },
    #[error("{list} have no field `{field}`; fields are {valid}")]
    UnknownField { list: &'static str, field: String, valid: String },
    #[error("`{value}` does not fit the field `{field}`: {expected}")]
    BadValue { field: String, value: String, expected: &'static str },
    #[error("the page marker is not one of this list; start again from the first page")]
    BadCursor,
    #[error("no {what} with the id {id}")]
    NotFound { what: &'static str, id: String },
    #[error("there is already a {what} named `{name}`")]
    Exists { what: &'static str, name: String },
    #[error("the {what} was changed by somebody else meanwhile; look again, then repeat")]
    Changed { what: &'static str },
    #[error("the last administrator cannot be disabled or given another role")]
    LastAdministrator,
    #[error("{doing}: cannot use {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{doing}")]
    Database {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
