//! Questions about permission documents that need no estate.

mod cases;
mod compare;
mod expand;

pub use self::cases::{Cases, MAX_CASE_BYTES, decide_cases};
pub use policy::aws::lint::{
    Lint, Linted, MAX_LINT_BYTES, PolicyKind, Severity as LintSeverity, lint,
};
pub use policy::aws::{Document, Witness};

pub use self::compare::{
    Answer, Difference, DocumentKind, MAX_DOCUMENT_BYTES, MAX_WITNESSES, Relation, compare, differ,
    document,
};
pub use self::expand::{
    Expanded, ExpandedAction, MAX_ACTIONS, MAX_PATTERNS, expand, expand_pattern,
};
