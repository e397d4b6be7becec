//! What identities may do: the same questions about an estate and about saved output of a source.

mod accounts;
mod questions;
mod refine;
#[cfg(test)]
mod tests;
mod unused;

pub use policy::aws::{Accounts, BlockedBy, Cited, Condition, Edit, Failed, Proof, Says, Verdict};

pub(crate) use self::accounts::KnownAccounts;
pub use self::accounts::{MAX_HOLDERS, accounts_of, in_store, saved};
pub use self::questions::{
    Ask, Can, EffectiveOf, MAX_WHO_CAN, WhoCan, WhoCanRow, can, condition_told, effective, who_can,
};
pub use self::refine::{Act, Changed, Refinement, Replay, SmallerPolicy, refinement};
pub use self::unused::{LONG_WINDOW_DAYS, Unused, unused};
