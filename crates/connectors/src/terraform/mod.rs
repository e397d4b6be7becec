//! Terraform state and plan files.

use model::{Batch, Gap};

use crate::contract::{Descriptor, Outbox, Request, SourceError};
use crate::material::At;

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

/// Whether a file of this name is a state or a saved plan in JSON: `*.tfstate`,
/// `*.tfstate.backup`, and `errored.tfstate`.
pub fn is_state(file_name: &str) -> bool {
    file_name.ends_with(".tfstate") || file_name.ends_with(".tfstate.backup")
}

/// The records of one state or plan that another connector met, and what could not be read of it.
///
/// `at.place` is the file itself; it should be of kind `PLACE_STATE`. It is not put in the batch,
/// since the caller knows more of it. The batch is settled and has no coverage.
pub fn read_file(_bytes: &[u8], _at: At<'_>) -> (Batch, Vec<Gap>) {
    (Batch::default(), Vec::new())
}
