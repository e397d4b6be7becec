//! AWS: identities, credentials, rights and trusts, from saved replies of its API or from AWS itself.
//!
//! [`live`] asks AWS and keeps what it replies as if it had been saved. [`saved`] finds the replies in files and says of which account each is; [`json`] takes them apart
//! without holding them; [`calls`] is the table of what is known, each row with the function that
//! makes records of it; [`index`] is what replies say of each other; [`reading`] is what every
//! record has in common. The README says which calls there are and what they must be allowed.

mod calls;
mod credentials;
mod identities;
mod index;
mod item;
mod json;
mod live;
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

use crate::live::settings;

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "aws",
    title: "AWS",
    summary: "Users, roles, their credentials, policies and trusts, and what runs as them: from AWS's API, or from saved replies of it.",
    settings: &[
        settings::SIGN_IN,
        settings::KEYS_FILE,
        settings::PROFILE,
        settings::TOKEN_FILE,
        settings::ROLE,
        settings::REGION,
        settings::REGIONS,
        settings::ACCOUNTS,
        settings::ACCOUNT_ROLE,
        settings::EXTERNAL_ID,
        settings::LAST_ACCESSED,
        settings::ENDPOINT,
        Setting {
            name: "path",
            kind: SettingKind::Path,
            default: "",
            help: "Instead of asking AWS: a file or folder of saved replies of `aws …`, and credential reports; see the README",
        },
    ],
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
    out(match path(request)? {
        Some(path) => saved::discover(request, path)?,
        None => saved::discover_live(request, live::collect(request)?)?,
    });
    Ok(())
}

fn test(request: &Request<'_>) -> Result<String, SourceError> {
    match path(request)? {
        Some(path) => saved::test(request, path),
        None => live::test(request),
    }
}

/// The path of saved replies; none where AWS itself is to be asked.
fn path<'a>(request: &'a Request<'_>) -> Result<Option<&'a Path>, SourceError> {
    match (request.path("path"), live::is_wanted(request.settings)) {
        (Some(path), false) => Ok(Some(path)),
        (None, true) => Ok(None),
        (Some(_), true) => Err(SourceError::NotFound(
            "`path` reads saved replies and `sign_in` asks AWS: give one of them".into(),
        )),
        (None, false) => Err(SourceError::NotFound(
            "neither `path`, to read saved replies, nor `sign_in`, to ask AWS, is given".into(),
        )),
    }
}

/// The records of one file's bytes, without coverage of its account, and the bytes as replies in each
/// protocol: for fuzzing.
#[doc(hidden)]
pub fn read_any(name: &str, bytes: &[u8]) -> Batch {
    live::read_any(bytes);
    saved::read_any(name, bytes)
}
