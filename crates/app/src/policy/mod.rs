//! Questions about permission documents that need no estate.

mod cases;
mod compare;
mod expand;
mod lint;

pub use self::cases::{Cases, MAX_CASE_BYTES, decide_cases};
pub use policy::aws::{Document, Witness};

pub use self::compare::{
    Answer, Difference, DocumentKind, MAX_DOCUMENT_BYTES, MAX_WITNESSES, Relation, compare, differ,
    document,
};
pub use self::expand::{Expanded, ExpandedAction, MAX_PATTERNS, expand, expand_pattern};
pub use self::lint::{Lint, LintSeverity, Linted, MAX_LINT_BYTES, PolicyKind, lint};
