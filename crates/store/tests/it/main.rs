//! The conformance suite of the store: every engine passes the same tests.

mod access;
mod crash;
mod engines;
mod lists;
mod model_check;
mod opening;
mod syncs;
mod world;
