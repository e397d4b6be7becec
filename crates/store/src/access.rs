//! People, their sessions, tokens and sign-in links. Only hashes of secrets are kept.

use model::Time;
use serde::{Deserialize, Serialize};

use crate::engine::{Connection, Row};
use crate::error::Error;
use crate::{Result, Store};

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

/// What is to change of a person; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub disabled: Option<bool>,
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

/// Sessions of one person at a time.
pub const MAX_SESSIONS: i64 = 50;

const PERSONS: &str = "SELECT key, login, name, role, password_hash, created_at, disabled_at \
    FROM person p";
const SESSIONS: &str = "SELECT hash, person_key, created_at, expires_at, last_used_at, agent \
    FROM session";
const TOKENS: &str = "SELECT key, person_key, name, prefix, role, created_at, expires_at, \
    last_used_at, revoked_at FROM api_token";

fn role_of(text: &str) -> Result<Role> {
    text.parse().map_err(|what| Error::Corrupt { doing: "read a role", what })
}

fn person_of(row: &Row<'_>) -> Result<Person> {
    Ok(Person {
        id: PersonId(row.int(0)?),
        login: row.text(1)?.into(),
        name: row.text(2)?.into(),
        role: role_of(row.text(3)?)?,
        password_hash: row.maybe_text(4)?.map(str::to_owned),
        created_at: row.time(5)?,
        disabled_at: row.maybe_time(6)?,
    })
}

fn session_of(row: &Row<'_>) -> Result<Session> {
    Ok(Session {
        hash: row.hash(0)?,
        person: PersonId(row.int(1)?),
        created_at: row.time(2)?,
        expires_at: row.time(3)?,
        last_used_at: row.time(4)?,
        agent: row.text(5)?.into(),
    })
}

fn token_of(row: &Row<'_>) -> Result<ApiToken> {
    Ok(ApiToken {
        id: TokenId(row.int(0)?),
        person: PersonId(row.int(1)?),
        name: row.text(2)?.into(),
        prefix: row.text(3)?.into(),
        role: role_of(row.text(4)?)?,
        created_at: row.time(5)?,
        expires_at: row.time(6)?,
        last_used_at: row.maybe_time(7)?,
        revoked_at: row.maybe_time(8)?,
    })
}

/// Administrators that are not disabled.
fn administrators(c: &Connection) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM person WHERE role = 'administrator' AND disabled_at IS NULL";
    Ok(c.one(sql, &[], |row| row.int(0))?.unwrap_or(0))
}

fn person_with(c: &Connection, id: PersonId) -> Result<Option<Person>> {
    c.one(&format!("{PERSONS} WHERE key = ?1"), &[id.0.into()], person_of)
}

fn able_person(c: &Connection, id: PersonId) -> Result<Option<Person>> {
    Ok(person_with(c, id)?.filter(|person| person.disabled_at.is_none()))
}

fn insert_person(
    c: &Connection,
    login: &str,
    name: &str,
    role: Role,
    password_hash: Option<&str>,
    now: Time,
) -> Result<Person> {
    let added = c.run(
        "INSERT INTO person (login, name, role, password_hash, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (login) DO NOTHING",
        &[login.into(), name.into(), role.name().into(), password_hash.into(), now.into()],
    )?;
    if added == 0 {
        return Err(Error::Exists { what: "person", name: login.into() });
    }
    let found = c.one(&format!("{PERSONS} WHERE login = ?1"), &[login.into()], person_of)?;
    found.ok_or_else(|| Error::NotFound { what: "person", id: login.into() })
}

/// Ends what lets a person in by what they showed before.
fn end_access(c: &Connection, id: PersonId) -> Result<()> {
    c.run("DELETE FROM session WHERE person_key = ?1", &[id.0.into()])?;
    c.run("DELETE FROM sign_in_link WHERE person_key = ?1", &[id.0.into()])?;
    Ok(())
}

fn login_of(text: &str) -> String {
    text.trim().to_lowercase()
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
        let login = login_of(login);
        self.write("add a person", |c| insert_person(c, &login, name, role, password_hash, now))
    }

    /// The same for the first administrator; none when there is an administrator already.
    pub fn add_first_administrator(
        &self,
        login: &str,
        name: &str,
        password_hash: &str,
        now: Time,
    ) -> Result<Option<Person>> {
        let login = login_of(login);
        self.write("add the first administrator", |c| {
            if administrators(c)? > 0 {
                return Ok(None);
            }
            let (role, hash) = (Role::Administrator, Some(password_hash));
            insert_person(c, &login, name, role, hash, now).map(Some)
        })
    }

    pub fn persons(&self) -> Result<Vec<Person>> {
        self.read("read the people", |c| {
            c.rows(&format!("{PERSONS} ORDER BY login"), &[], person_of)
        })
    }

    pub fn person(&self, id: PersonId) -> Result<Option<Person>> {
        self.read("look up a person", |c| person_with(c, id))
    }

    pub fn person_by_login(&self, login: &str) -> Result<Option<Person>> {
        let login = login_of(login);
        self.read("look up a person", |c| {
            c.one(&format!("{PERSONS} WHERE login = ?1"), &[login.as_str().into()], person_of)
        })
    }

    /// Changes what `change` names and nothing else, so that two changes at the same time are both
    /// kept. Disabling ends the person's sessions, tokens and links. The last administrator that is
    /// not disabled stays one ([`Error::LastAdministrator`]).
    pub fn change_person(&self, id: PersonId, change: &PersonChange, now: Time) -> Result<Person> {
        self.write("change a person", |c| {
            let before = administrators(c)?;
            c.run(
                "UPDATE person SET name = COALESCE(?2, name), role = COALESCE(?3, role), \
                 disabled_at = CASE ?4 WHEN 1 THEN COALESCE(disabled_at, ?5) WHEN 0 THEN NULL \
                 ELSE disabled_at END WHERE key = ?1",
                &[
                    id.0.into(),
                    change.name.as_deref().into(),
                    change.role.map(Role::name).into(),
                    change.disabled.into(),
                    now.into(),
                ],
            )?;
            if before > 0 && administrators(c)? == 0 {
                return Err(Error::LastAdministrator);
            }
            if change.disabled == Some(true) {
                end_access(c, id)?;
                c.run(
                    "UPDATE api_token SET revoked_at = ?2 WHERE person_key = ?1 AND revoked_at IS NULL",
                    &[id.0.into(), now.into()],
                )?;
            }
            person_with(c, id)?
                .ok_or_else(|| Error::NotFound { what: "person", id: id.0.to_string() })
        })
    }

    /// Sets the hash of a person's password, if what is there is still `replaces`, and ends their
    /// sessions and links. Refused with [`Error::Changed`] when somebody else was faster.
    pub fn set_password_hash(
        &self,
        id: PersonId,
        replaces: Option<&str>,
        hash: &str,
    ) -> Result<()> {
        self.write("set a password", |c| {
            let changed = c.run(
                "UPDATE person SET password_hash = ?3 WHERE key = ?1 AND password_hash IS ?2",
                &[id.0.into(), replaces.into(), hash.into()],
            )?;
            if changed == 0 {
                return Err(Error::Changed { what: "password" });
            }
            end_access(c, id)
        })
    }

    /// Begins a session of a person who is not disabled and whose password is still the one that
    /// was shown; says whether it did. A session that began by a link shows no password. Beyond
    /// [`MAX_SESSIONS`] the oldest ends.
    pub fn add_session(&self, session: &Session, shown: Option<&str>) -> Result<bool> {
        self.write("begin a session", |c| {
            c.run("DELETE FROM session WHERE expires_at <= ?1", &[session.created_at.into()])?;
            let begun = c.run(
                "INSERT INTO session (hash, person_key, created_at, expires_at, last_used_at, agent) \
                 SELECT ?1, key, ?3, ?4, ?5, ?6 FROM person \
                 WHERE key = ?2 AND disabled_at IS NULL AND (?7 IS NULL OR password_hash = ?7)",
                &[
                    (&session.hash).into(),
                    session.person.0.into(),
                    session.created_at.into(),
                    session.expires_at.into(),
                    session.last_used_at.into(),
                    session.agent.as_str().into(),
                    shown.into(),
                ],
            )?;
            c.run(
                "DELETE FROM session WHERE person_key = ?1 AND hash NOT IN (SELECT hash FROM session \
                 WHERE person_key = ?1 ORDER BY created_at DESC, hash = ?2 DESC LIMIT ?3)",
                &[session.person.0.into(), (&session.hash).into(), MAX_SESSIONS.into()],
            )?;
            Ok(begun > 0)
        })
    }

    /// The session with this hash and its person, when neither has ended.
    pub fn session(&self, hash: &[u8; 32], now: Time) -> Result<Option<(Session, Person)>> {
        self.read("look up a session", |c| {
            let session = c.one(
                &format!("{SESSIONS} WHERE hash = ?1 AND expires_at > ?2"),
                &[hash.into(), now.into()],
                session_of,
            )?;
            let Some(session) = session else { return Ok(None) };
            Ok(able_person(c, session.person)?.map(|person| (session, person)))
        })
    }

    /// Notes that it was used. Call it at most once a minute per session.
    pub fn touch_session(&self, hash: &[u8; 32], now: Time) -> Result<()> {
        self.write("note the use of a session", |c| {
            c.run(
                "UPDATE session SET last_used_at = ?2 WHERE hash = ?1",
                &[hash.into(), now.into()],
            )
            .map(drop)
        })
    }

    pub fn sessions(&self, person: PersonId, now: Time) -> Result<Vec<Session>> {
        self.read("read the sessions of a person", |c| {
            c.rows(
                &format!(
                    "{SESSIONS} WHERE person_key = ?1 AND expires_at > ?2 \
                     ORDER BY created_at DESC, hash"
                ),
                &[person.0.into(), now.into()],
                session_of,
            )
        })
    }

    pub fn end_session(&self, hash: &[u8; 32]) -> Result<()> {
        self.write("end a session", |c| {
            c.run("DELETE FROM session WHERE hash = ?1", &[hash.into()]).map(drop)
        })
    }

    pub fn end_all_sessions(&self) -> Result<()> {
        self.write("end all sessions", |c| c.run("DELETE FROM session", &[]).map(drop))
    }

    pub fn add_token(&self, token: &NewApiToken, now: Time) -> Result<ApiToken> {
        self.write("add a token", |c| {
            let id = c.insert(
                "INSERT INTO api_token (person_key, name, prefix, hash, role, created_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                &[
                    token.person.0.into(),
                    token.name.as_str().into(),
                    token.prefix.as_str().into(),
                    (&token.hash).into(),
                    token.role.name().into(),
                    now.into(),
                    token.expires_at.into(),
                ],
            )?;
            Ok(ApiToken {
                id: TokenId(id),
                person: token.person,
                name: token.name.clone(),
                prefix: token.prefix.clone(),
                role: token.role,
                created_at: now,
                expires_at: token.expires_at,
                last_used_at: None,
                revoked_at: None,
            })
        })
    }

    /// The token with this hash and its person, when neither has ended.
    pub fn token(&self, hash: &[u8; 32], now: Time) -> Result<Option<(ApiToken, Person)>> {
        self.read("look up a token", |c| {
            let token = c.one(
                &format!("{TOKENS} WHERE hash = ?1 AND expires_at > ?2 AND revoked_at IS NULL"),
                &[hash.into(), now.into()],
                token_of,
            )?;
            let Some(token) = token else { return Ok(None) };
            Ok(able_person(c, token.person)?.map(|person| (token, person)))
        })
    }

    pub fn touch_token(&self, id: TokenId, now: Time) -> Result<()> {
        self.write("note the use of a token", |c| {
            c.run(
                "UPDATE api_token SET last_used_at = ?2 WHERE key = ?1",
                &[id.0.into(), now.into()],
            )
            .map(drop)
        })
    }

    /// Of one person, or of all.
    pub fn tokens(&self, person: Option<PersonId>) -> Result<Vec<ApiToken>> {
        self.read("read the tokens", |c| {
            c.rows(
                &format!("{TOKENS} WHERE ?1 IS NULL OR person_key = ?1 ORDER BY key"),
                &[person.map(|person| person.0).into()],
                token_of,
            )
        })
    }

    pub fn revoke_token(&self, id: TokenId, now: Time) -> Result<()> {
        let found = self.write("revoke a token", |c| {
            c.run(
                "UPDATE api_token SET revoked_at = COALESCE(revoked_at, ?2) WHERE key = ?1",
                &[id.0.into(), now.into()],
            )
        })?;
        if found == 0 {
            return Err(Error::NotFound { what: "token", id: id.0.to_string() });
        }
        Ok(())
    }

    /// Keeps the hash of a one-time link for a person, or for the first administrator when none.
    pub fn add_sign_in_link(
        &self,
        hash: &[u8; 32],
        person: Option<PersonId>,
        expires_at: Time,
        now: Time,
    ) -> Result<()> {
        self.write("make a sign-in link", |c| {
            c.run("DELETE FROM sign_in_link WHERE expires_at <= ?1", &[now.into()])?;
            c.run(
                "INSERT INTO sign_in_link (hash, person_key, created_at, expires_at) \
                 VALUES (?1, ?2, ?3, ?4)",
                &[hash.into(), person.map(|person| person.0).into(), now.into(), expires_at.into()],
            )
            .map(drop)
        })
    }

    /// Whether a link can still be used.
    pub fn has_sign_in_link(&self, hash: &[u8; 32], now: Time) -> Result<bool> {
        self.read("look up a sign-in link", |c| {
            let found = c.one(
                "SELECT 1 FROM sign_in_link WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?2",
                &[hash.into(), now.into()],
                |_| Ok(()),
            )?;
            Ok(found.is_some())
        })
    }

    /// Uses a link up: gives whom it is for, once, before it expires.
    pub fn use_sign_in_link(&self, hash: &[u8; 32], now: Time) -> Result<Option<SignInLink>> {
        self.write("use a sign-in link", |c| {
            let used = c.run(
                "UPDATE sign_in_link SET used_at = ?2 \
                 WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?2",
                &[hash.into(), now.into()],
            )?;
            if used == 0 {
                return Ok(None);
            }
            c.one("SELECT person_key FROM sign_in_link WHERE hash = ?1", &[hash.into()], |row| {
                Ok(SignInLink { person: row.maybe_int(0)?.map(PersonId) })
            })
        })
    }
}

/// A one-time link that was just used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInLink {
    /// None: it makes the first administrator.
    pub person: Option<PersonId>,
}
