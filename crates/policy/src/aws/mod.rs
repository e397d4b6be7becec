//! Policies of AWS IAM: documents, conditions, and the order in which layers of policies decide.

pub mod accounts;
mod arn;
pub mod case;
pub mod catalogue;
mod compiled;
mod condition;
mod context;
mod decide;
mod document;
mod domain;
mod effective;
mod explain;
mod formula;
mod implies;
pub mod lint;
mod principal;
mod refine;
mod text;

pub use accounts::{Accounts, Applied, Holder, HolderKind, Levels, Policy};
pub use compiled::{Answer, Compiled, Question};
pub use context::Context;
pub use decide::{BlockedBy, Deciding, Decision, Policies, Reason, Request, Verdict, decide};
pub use document::{
    Document, Kind, MAX_NAME_BYTES, MAX_PROBLEMS, MAX_STATEMENTS, MAX_TEXT_BYTES, Problem,
};
pub use effective::{Effective, Permission, effective, granted, names};
pub use explain::{
    Change, Cited, Edit, Explanation, Failed, Layer, MAX_NEAREST, Near, Says, explain,
};
pub use formula::{Condition, Literal, MAX_CUBES};
pub use implies::{Implies, MAX_STEPS, Witness, implies};
pub use principal::Principal;
pub use refine::{Narrowed, Proof, Refined, Removed, Use, refine};
