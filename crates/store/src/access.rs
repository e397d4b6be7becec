//! People, their sessions, tokens and sign-in links. Only hashes of secrets are kept.

use crate::stub;
use crate::{Result, Store};
use model::Time;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub i64);

/// What a person or token may do; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Viewer,
    Operator,
    Approver,
    Administrator,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Administrator];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
            format!("`{text}` is not one of viewer, operator, approver, administrator")
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub id: PersonId,
    /// What they sign in with: lower case, unique.
    pub login: String,
    pub name: String,
    pub role: Role,
    /// Text of an Argon2id hash; none: signs in by link only.
    #[serde(skip)]
    pub password_hash: Option<String>,
    pub created_at: Time,
    pub disabled_at: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Of the token; the token itself is only in the browser.
    #[serde(skip)]
    pub hash: [u8; 32],
    pub person: PersonId,
    pub created_at: Time,
    pub expires_at: Time,
    pub last_used_at: Time,
    /// For the list of one's own sessions: the browser's own words.
    pub agent: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    pub id: TokenId,
    pub person: PersonId,
    pub name: String,
    /// The first characters, to recognise it by.
    pub prefix: String,
    pub role: Role,
    pub created_at: Time,
    pub expires_at: Time,
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    pub person: PersonId,
    pub name: String,
    pub prefix: String,
    pub hash: [u8; 32],
    pub role: Role,
    pub expires_at: Time,
}

impl Store {
    /// [`Error::Exists`] when the login is taken (logins are compared in lower case).
    pub fn add_person(
        &self,
        login: &str,
        name: &str,
        role: Role,
        password_hash: Option<&str>,
        now: Time,
    ) -> Result<Person> {
        stub()
    }
    pub fn persons(&self) -> Result<Vec<Person>> {
        stub()
    }
    pub fn person(&self, id: PersonId) -> Result<Option<Person>> {
        stub()
    }
    pub fn person_by_login(&self, login: &str) -> Result<Option<Person>> {
        stub()
    }
    /// Sets name, role, password hash and `disabled_at` to those given. Disabling ends the
    /// person's sessions, tokens and links. The last administrator that is not disabled stays one
    /// ([`Error::LastAdministrator`]).
    pub fn update_person(&self, person: &Person, now: Time) -> Result<()> {
        stub()
    }

    pub fn add_session(&self, session: &Session) -> Result<()> {
        stub()
    }
    /// The session with this hash and its person, when neither has ended.
    pub fn session(&self, hash: &[u8; 32], now: Time) -> Result<Option<(Session, Person)>> {
        stub()
    }
    /// Notes that it was used. Call it at most once a minute per session.
    pub fn touch_session(&self, hash: &[u8; 32], now: Time) -> Result<()> {
        stub()
    }
    pub fn sessions(&self, person: PersonId, now: Time) -> Result<Vec<Session>> {
        stub()
    }
    pub fn end_session(&self, hash: &[u8; 32]) -> Result<()> {
        stub()
    }
    pub fn end_sessions(&self, person: PersonId) -> Result<u64> {
        stub()
    }

    pub fn add_token(&self, token: &NewApiToken, now: Time) -> Result<ApiToken> {
        stub()
    }
    /// The token with this hash and its person, when neither has ended.
    pub fn token(&self, hash: &[u8; 32], now: Time) -> Result<Option<(ApiToken, Person)>> {
        stub()
    }
    pub fn touch_token(&self, id: TokenId, now: Time) -> Result<()> {
        stub()
    }
    /// Of one person, or of all.
    pub fn tokens(&self, person: Option<PersonId>) -> Result<Vec<ApiToken>> {
        stub()
    }
    pub fn revoke_token(&self, id: TokenId, now: Time) -> Result<()> {
        stub()
    }

    /// Keeps the hash of a one-time link for a person, or for the first administrator when none.
    pub fn add_sign_in_link(
        &self,
        hash: &[u8; 32],
        person: Option<PersonId>,
        expires_at: Time,
        now: Time,
    ) -> Result<()> {
        stub()
    }
    /// Uses a link up: gives whom it is for, once, before it expires.
    pub fn use_sign_in_link(&self, hash: &[u8; 32], now: Time) -> Result<Option<SignInLink>> {
        stub()
    }
}

/// A one-time link that was just used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInLink {
    /// None: it makes the first administrator.
    pub person: Option<PersonId>,
}
