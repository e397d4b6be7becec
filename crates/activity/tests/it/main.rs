//! The crate from outside.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "what cannot go on in a test ends it"
)]

mod attribute;
mod read;
mod summary;
