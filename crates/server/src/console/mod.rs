//! The console's pages: view structs made from what `app` answers, rendered by Askama.
//!
//! A page never asks the store and decides nothing. Start with [`ask`] for what a page is asked
//! with, [`frame`] for what is around every page, [`parts`] for the pieces that rows and details
//! are made of, [`list`] for tables.

pub(crate) mod ask;
pub(crate) mod credential;
pub(crate) mod detail;
pub(crate) mod findings;
pub(crate) mod frame;
pub(crate) mod identity;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod pages;
pub(crate) mod parts;
pub(crate) mod permissions;
pub(crate) mod place;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod sheets;
pub(crate) mod sign_in;
pub(crate) mod sources;
pub(crate) mod today;
pub(crate) mod wrong;
