//! CloudTrail: its records, and what they say of who used which permission.

mod attribute;
pub(crate) mod event;
mod operations;
mod request;

pub use attribute::{
    Attributed, Context, MAX_RESOURCES, Operation, Outcome, Principal, PrincipalKind, Standing,
    Use, attribute,
};
pub(crate) use attribute::{Call, Who, call, who};
pub use event::{Caller, Event, Issuer};
pub(crate) use operations::prefix;
pub use request::{MAX_VALUE_BYTES, MAX_VALUES};
