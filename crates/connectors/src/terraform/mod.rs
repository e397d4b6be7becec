//! Terraform state and plan files.

use model::Batch;

use crate::contract::{Descriptor, Request, SourceError};

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

fn discover(_request: &Request<'_>, _out: &mut dyn FnMut(Batch)) -> Result<(), SourceError> {
    Ok(())
}

fn test(_request: &Request<'_>) -> Result<String, SourceError> {
    Ok(String::new())
}
