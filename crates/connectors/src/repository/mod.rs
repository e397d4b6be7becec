//! Pipelines, manifests and secrets in a folder or git checkout.

use crate::contract::{Descriptor, Outbox, Request, SourceError};

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "repository",
    title: "Repository or folder",
    summary: "Pipelines, manifests and secrets in a folder or git checkout.",
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
