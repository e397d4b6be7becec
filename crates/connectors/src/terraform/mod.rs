//! Terraform state and plan files.

use crate::contract::{Descriptor, Outbox, Request, SourceError};

pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "terraform",
    title: "Terraform",
    summary: "Terraform state and plan files.",
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
