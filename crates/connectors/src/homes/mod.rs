//! Credential files of command line tools and AI agents in people's home folders.

use crate::contract::{Descriptor, Outbox, Request, SourceError};

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "homes",
    title: "Home folders",
    summary: "Credential files of command line tools and AI agents in people's home folders.",
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
