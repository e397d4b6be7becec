//! AWS: identities, credentials, rights and trusts, read from saved replies of its API.
//!
//! [`saved`] finds the replies in files and says of which account each is; [`json`] takes them apart
//! without holding them; [`calls`] is the table of what is known, each row with the function that
//! makes records of it; [`index`] is what replies say of each other; [`reading`] is what every
//! record has in common. The README says which calls there are and what they must be allowed.

mod calls;
mod credentials;
mod identities;
mod index;
mod item;
mod json;
mod organization;
mod reading;
mod resources;
mod saved;
mod secrets;
#[cfg(test)]
mod tests;
mod workloads;

use std::path::Path;

use connectors::{Descriptor, Outbox, Permission, Request, Setting, SettingKind, SourceError};
use model::Batch;

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "aws",
    title: "AWS",
    summary: "Users, roles, their credentials, policies and trusts, and what runs as them, from saved replies of AWS's API.",
    settings: &[Setting {
        name: "path",
        kind: SettingKind::Path,
        default: "",
        help: "A file or folder of saved replies of `aws …`, and credential reports; see the README",
    }],
    permissions: &[Permission {
        name: "read IAM",
        reads: "what the calls of the README reply; the collector needs no more than `read-only-policy.json`",
        grant: "aws iam create-policy --policy-name tutela --policy-document file://read-only-policy.json",
    }],
    kinds: &[],
    discover,
    test,
};

fn discover(request: &Request<'_>, out: Outbox<'_>) -> Result<(), SourceError> {
    out(saved::discover(request, path(request)?)?);
    Ok(())
}

fn test(request: &Request<'_>) -> Result<String, SourceError> {
    saved::test(request, path(request)?)
}

fn path<'a>(request: &'a Request<'_>) -> Result<&'a Path, SourceError> {
    request.path("path").ok_or_else(|| SourceError::NotFound("no `path` is given".into()))
}

/// The records of one file's bytes, without coverage of its account: for fuzzing.
#[doc(hidden)]
pub fn read_any(name: &str, bytes: &[u8]) -> Batch {
    saved::read_any(name, bytes)
}
