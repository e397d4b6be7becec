//! Accounts, services, jobs, SSH and TLS of a Linux host.

use model::Batch;

use crate::contract::{Descriptor, Request, SourceError};

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

fn discover(_request: &Request<'_>, _out: &mut dyn FnMut(Batch)) -> Result<(), SourceError> {
    Ok(())
}

fn test(_request: &Request<'_>) -> Result<String, SourceError> {
    Ok(String::new())
}
