//! One function per thing a person can do: authorise, call the pure crates, write store and audit.
//!
//! The seam under command line, API and console, which translate and decide nothing. Every
//! function takes the [`App`], who acts ([`Actor`]) and, where time matters, `now`. Start with
//! [`inventory`] for what can be asked, [`sync`] for how data comes in, [`scan`] for the one-shot.

pub mod error;
pub mod machine;
pub mod report;
pub mod scan;
pub mod suppress;

pub use error::{Error, Kind};
