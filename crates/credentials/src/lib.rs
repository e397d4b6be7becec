//! What credential material looks like: detect it in bytes, classify it, derive account, owner and
//! expiry offline.
//!
//! Pure over byte slices: no files, no network, no clock. Nothing here prints or keeps a secret;
//! a [`Found`] holds it as `Secret` until the caller has made a fingerprint of it.
//!
//! This first recogniser serves the files that the connectors read; the rules of
//! [`recognise`] are the seam where the full detection engine takes over.

mod algorithms;
mod assigned;
mod der;
mod derive;
mod documented;
pub mod keys;
pub mod keytab;
mod keywords;
mod password_encryption;
mod pem;
pub mod pkcs12;
pub mod recognise;
mod rules;
pub mod ssh;
pub mod x509;

pub use recognise::{Confidence, Found, classify, find, might_hold};
