//! What identities were seen to do: records of activity, read, attributed and summarised.
//!
//! Pure over readers and values: it opens no file, asks no network, writes no store, reads no clock.
//! [`Reader`] finds records in whatever a person exported, [`cloudtrail::attribute`] says who used
//! which permission, [`Summaries`] adds up, in any order and each event once.

mod area;
pub mod cloudtrail;
mod inflate;
mod json;
mod names;
mod origin;
mod read;
mod rows;
mod seen;
mod summary;
mod view;

pub use inflate::{MAX_CONTENT_BYTES, MAX_RATIO, MAX_WHOLE_BYTES, RATIO_FROM_BYTES};
pub use json::MAX_DEPTH;
pub use names::{MAX_NAMES, Names};
pub use origin::{agent, network};
pub use read::{
    MAX_FIELD_BYTES, MAX_LEVELS, MAX_PROBLEMS, MAX_RECORD_BYTES, MAX_WHOLE_FILE_BYTES, Problem,
    Reader, Reading,
};
pub use rows::MAX_AREAS;
pub use seen::MAX_IDS;
pub use summary::{Added, MAX_BYTES, Summaries};
pub use view::{Identity, Summary, Tally, Trail, Unattributed, Used};
