//! What is asked about a policy that is sent along, not about the estate.

use app::policy::PolicyKind;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::problem::Reply;
use crate::server::Server;
use crate::wire::{Json, json};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct LintBody {
    /// The text of the document: places are told in it.
    policy: String,
    /// Guessed where it is left out.
    #[serde(default)]
    kind: Option<PolicyKind>,
}

pub(crate) async fn lint(State(server): State<Server>, Json(body): Json<LintBody>) -> Reply {
    json(&server.ask(move |_| Ok(app::policy::lint(&body.policy, body.kind))).await?)
}
