//! What identities were seen to do: records of activity, read, attributed and summarised.
//!
//! Pure over readers and values: it opens no file, asks no network, writes no store, reads no clock.
//! [`Reader`] finds records in whatever a person exported.

pub mod cloudtrail;
mod inflate;
mod json;
mod read;

pub use inflate::{MAX_CONTENT_BYTES, MAX_RATIO, MAX_WHOLE_BYTES, RATIO_FROM_BYTES};
pub use json::MAX_DEPTH;
pub use read::{
    MAX_LEVELS, MAX_PROBLEMS, MAX_RECORD_BYTES, MAX_WHOLE_FILE_BYTES, Problem, Reader, Reading,
};
