//! Why something was not done: a kind to branch on, a stable code, a message for people.

use std::fmt;

/// What sort of failure it is; `server` maps it to an HTTP status, `cli` to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is wrong; saying it differently helps.
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    /// It contradicts what is there now.
    Conflict,
    TooLarge,
    /// Not now; later may work.
    Unavailable,
    /// Our fault.
    Internal,
}

#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// Stable, such as `unknown-field`; the last part of the problem's type address.
    pub code: &'static str,
    /// What was tried, on what.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// For the log only.
    pub cause: Option<anyhow::Error>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), hint: None, cause: None }
    }

    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, message)
    }

    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, "not-found", format!("there is no {what} `{id}`"))
    }

    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let cause = cause.into();
        let mut error = Self::new(Kind::Internal, "internal", "something went wrong inside Tutela");
        error.hint = Some("the server's log has the details".into());
        error.cause = Some(cause);
        error
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause.as_ref() as &(dyn std::error::Error + 'static))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        use store::Error as Cause;
        let message = error.to_string();
        let (kind, code) = match &error {
            Cause::UnknownField { .. } => (Kind::Invalid, "unknown-field"),
            Cause::BadValue { .. } => (Kind::Invalid, "bad-value"),
            Cause::BadCursor => (Kind::Invalid, "bad-cursor"),
            Cause::TooLong { .. } => (Kind::Invalid, "too-long"),
            Cause::NotFound { .. } => (Kind::NotFound, "not-found"),
            Cause::Exists { .. } => (Kind::Conflict, "exists"),
            Cause::Changed { .. } => (Kind::Conflict, "changed-meanwhile"),
            Cause::LastAdministrator => (Kind::Conflict, "last-administrator"),
            Cause::Full { .. } => (Kind::Unavailable, "disk-full"),
            Cause::ReadOnly { .. } => (Kind::Unavailable, "read-only"),
            Cause::Corrupt { .. } => (Kind::Internal, "database-damaged"),
            Cause::File { .. } => (Kind::Unavailable, "file"),
            Cause::Database { .. } => (Kind::Internal, "database"),
        };
        // What the system says of a file helps whoever named it.
        let hint = match &error {
            Cause::File { source, .. } => Some(source.to_string()),
            _ => None,
        };
        Self { kind, code, message, hint, cause: Some(error.into()) }
    }
}
