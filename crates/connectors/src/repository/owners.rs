//! Who answers for what a folder defines.

use std::sync::Arc;

use model::{Batch, Gap, ScopeId};

use super::checkout::Checkout;
use crate::contract::Request;
use crate::files::Tree;

pub(super) fn assign(
    _request: &Request<'_>,
    _tree: &Tree,
    _scope: ScopeId,
    _checkouts: &[Arc<Checkout>],
    _with_history: bool,
    _batch: &mut Batch,
) -> Vec<Gap> {
    Vec::new()
}
