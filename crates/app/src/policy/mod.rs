//! Questions about permission documents that need no estate.

mod cases;
mod compare;

pub use self::cases::{Cases, MAX_CASE_BYTES, decide_cases};
pub use policy::aws::{Document, Witness};

pub use self::compare::{
    Answer, Difference, DocumentKind, MAX_DOCUMENT_BYTES, MAX_WITNESSES, Relation, compare, differ,
    document,
};
