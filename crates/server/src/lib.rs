//! HTTP for Tutela: the JSON API, sign-in, live events, metrics and the web console.
//!
//! Translates and decides nothing: every handler calls one function of `app`. The table of
//! endpoints is in [`routes`]; what is asked of every request in [`browser`] and [`session`]; the
//! pages in [`console`]. Start with [`listen::serve`], or [`router::router`] for calls inside the
//! process.

mod address;
mod api;
mod assets;
pub mod browser;
mod console;
mod events;
pub mod listen;
mod metrics;
mod openapi;
mod problem;
pub mod router;
mod routes;
pub mod server;
mod session;
pub mod throttle;
pub mod turns;
pub mod wire;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;

/// The OpenAPI 3.1 document of the API.
pub fn openapi_document() -> &'static serde_json::Value {
    openapi::document()
}
