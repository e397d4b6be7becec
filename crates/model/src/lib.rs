//! The vocabulary of Tutela: identities, credentials, grants, trusts, places, owners, policy
//! documents, and what is known about each.
//!
//! Plain data only: no input or output, no clock, no SQL, no HTTP. Every other crate speaks these
//! words. Start with [`Identity`] and [`Fact`]; [`kinds`] is the table of what an identity can be.

pub mod coverage;
pub mod fact;
mod facts;
pub mod finding;
pub mod id;
pub mod kinds;
pub mod purpose;
pub mod record;
pub mod secret;
pub mod text;
pub mod time;

pub use coverage::{Coverage, Gap, GapReason, Scope};
pub use fact::{Fact, State, Value, Window};
pub use facts::Facts;
pub use finding::{Finding, FindingState, Severity};
pub use id::{
    CredentialId, FindingId, GrantId, IdentityId, Native, OwnerLinkId, PartyId, PlaceId, PolicyId,
    ResourceId, ScopeId, SourceId, TrustId,
};
pub use record::{
    Authority, Batch, Condition, Credential, Effect, Evidence, Grant, Identity, OwnerLink, Party,
    PartyKind, Place, PolicyDocument, PolicyKind, StoredAt, Subject, Trust, Usage,
};
pub use secret::{Fingerprint, Fingerprinter, Secret};
pub use time::Time;
