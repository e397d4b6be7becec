//! What tests of more than one crate share; no part of the program.
//!
//! [`parsers`] is the table of everything that reads foreign bytes, as one function for each, which
//! fuzzing calls with made-up bytes and a test with the seeds. [`moto`] is a stand-in of AWS. [`folder`] puts files into a folder
//! that stands for a machine's root and reads it with a real connector.

pub mod folder;
pub mod moto;
pub mod parsers;
