//! CloudTrail: its records, and what they say of who used which permission.

pub(crate) mod event;

pub use event::{Caller, Event, Issuer};
