//! What permission documents mean: verdicts about requests, each with the statements that led to it.
//!
//! Pure: no files, no clock, no network; time comes in a request's context. What is not known about a
//! request stays not known up to the verdict ([`aws::Verdict::Conditional`]). Start at
//! [`aws::decide`], which reads like the vendor's own description of the order of evaluation.

pub mod aws;
pub mod cells;
pub mod glob;
pub mod json;
