//! Accounts, services, jobs, SSH and TLS of a Linux host.

use crate::contract::{Descriptor, Outbox, Request, SourceError};

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "host",
    title: "Linux host",
    summary: "Accounts, services, jobs, SSH and TLS of a Linux host.",
    settings: &[],
    permissions: &[],
    kinds: &[],
    discover,
    test,
};

fn discover(_request: &Request<'_>, _out: Outbox<'_>) -> Result<(), SourceError> {
    Ok(())
}

fn test(_request: &Request<'_>) -> Result<String, SourceError> {
    Ok(String::new())
}
