//! One test binary for what reads across crates.

mod seeds;
