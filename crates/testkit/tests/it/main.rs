//! One test binary for what reads across crates.

#![expect(clippy::unwrap_used, reason = "functions of tests, outside the test functions")]

mod aws;
mod exports;
mod seeds;
