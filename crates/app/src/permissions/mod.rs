//! What identities may do: the same questions about an estate and about saved output of a source.

mod accounts;
mod questions;

pub use self::accounts::{accounts_of, in_store, saved};
pub use self::questions::{
    Ask, Can, EffectiveOf, MAX_WHO_CAN, WhoCan, WhoCanRow, can, effective, who_can,
};
