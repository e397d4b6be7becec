//! A believable estate of any size, made from a seed.
//!
//! [`batches`] states it source by source as records, for benchmarks and for `tutela demo`;
//! [`exports`] writes it as the files that providers export, so that the connectors read it. The
//! same [`Plan`] gives the same bytes on every machine: no clock, no randomness, no floating point
//! that platforms round differently. Secrets are shapes made from the seed and open nothing.
//!
//! Start with [`Plan`] and, for what the estate is made of, with its mix.

mod chance;
pub mod exports;
mod plan;
mod records;
mod world;

pub use plan::{Churn, DEFAULT_CREDENTIALS_PER, DEFAULT_IDENTITIES, Plan, SOURCES, Source};
pub use records::{batches, records};
