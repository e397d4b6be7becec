//! CloudTrail: its records, and what they say of who used which permission.

mod attribute;
mod caller;
pub(crate) mod event;
mod operations;
mod request;

pub use attribute::{
    Attributed, Context, MAX_RESOURCES, Operation, Outcome, Standing, Use, attribute,
};
pub(crate) use attribute::{Call, call};
pub use caller::{Principal, PrincipalKind};
pub(crate) use caller::{Who, who};
pub use event::{Caller, Event, Issuer};
pub(crate) use operations::prefix;
pub use request::{MAX_VALUE_BYTES, MAX_VALUES};
