//! People, how they sign in, and the tokens of their programs.
//!
//! Passwords are kept as Argon2id (RFC 9106); sessions, tokens and links are 256 random bits of
//! which only the BLAKE3 hash is kept, so the database alone lets nobody in.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use model::{Secret, Time};
use serde::Serialize;
use serde_json::json;
pub use store::PersonChange;
use store::{ApiToken, NewApiToken, Person, PersonId, Role, Session, TokenId};
use subtle::ConstantTimeEq;

use crate::App;
use crate::access::{Act, Actor, Via};
use crate::audit::acting;
use crate::error::{Error, Kind, Result};
use crate::machine::random;

pub const LINK_LIFETIME: Duration = Duration::from_mins(15);
/// Of a link that takes a sign-in over to the name browsers are to use.
const HAND_OVER_LIFETIME: Duration = Duration::from_mins(1);
pub const SESSION_LIFETIME: Duration = Duration::from_hours(12);
/// A token lives at most this long.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(366 * 24);
/// Tokens of one person that are good at the same time.
pub const MAX_TOKENS: usize = 100;
/// NIST SP 800-63B-4, §3.1.1: 15 characters where the password is all that is asked.
pub const MIN_PASSWORD_CHARS: usize = 15;
/// Longer ones are refused rather than hashed.
pub const MAX_PASSWORD_BYTES: usize = 1024;
pub const MAX_NAME_CHARS: usize = 100;
/// How often the use of a session or token is noted.
const TOUCH_EVERY: Duration = Duration::from_mins(1);
/// What tokens begin with, so that scanners find them.
pub const TOKEN_PREFIX: &str = "tut_";

/// OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// A person just signed in: what the browser must keep.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub person: Person,
    pub session: Secret<String>,
    pub expires_at: Time,
}

/// A token, shown once.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    pub token: ApiToken,
    pub secret: Secret<String>,
}

/// Who one is.
#[derive(Debug, Clone, Serialize)]
pub struct Me {
    pub name: String,
    pub role: Role,
    pub via: Via,
    /// What the role allows.
    pub may: Vec<Act>,
}

pub fn me(actor: &Actor) -> Me {
    let may = Act::ALL.into_iter().filter(|act| actor.may(*act).is_ok()).collect();
    Me { name: actor.name.clone(), role: actor.role, via: actor.via.clone(), may }
}

/// Whether anybody can sign in yet.
pub fn has_administrator(app: &App) -> Result<bool> {
    let persons = app.store.persons()?;
    Ok(persons
        .iter()
        .any(|person| person.role == Role::Administrator && person.disabled_at.is_none()))
}

/// A one-time link's token. For whoever owns the data folder: makes the first administrator, or
/// signs in the person that is named.
pub fn sign_in_link(
    app: &App,
    actor: &Actor,
    login: Option<&str>,
    now: Time,
) -> Result<Secret<String>> {
    let subject = login.unwrap_or("first administrator");
    acting(app, actor, Act::ManagePeople, subject, json!({ "link": true }), now, || {
        by_person(actor)?;
        let person = match login {
            Some(login) => Some(person(app, login)?.id),
            None if has_administrator(app)? => {
                return Err(has_administrator_already().hint("name the person the link is for"));
            }
            None => None,
        };
        let (secret, hash) = token("")?;
        app.store.add_sign_in_link(&hash, person, now.plus(LINK_LIFETIME), now)?;
        Ok(secret)
    })
}

/// Whether a link can still be used.
pub fn is_link(app: &App, link: &Secret<String>, now: Time) -> Result<bool> {
    Ok(app.store.has_sign_in_link(&hash_token(link), now)?)
}

/// What a new administrator chooses when the first link is used.
#[derive(Debug)]
pub struct FirstAdministrator {
    pub login: String,
    pub name: String,
    pub password: Secret<String>,
}

/// Uses a link up and signs in. The link of an empty installation needs `first`.
pub fn use_link(
    app: &App,
    link: &Secret<String>,
    first: Option<&FirstAdministrator>,
    agent: &str,
    now: Time,
) -> Result<SignedIn> {
    let actor =
        Actor { name: "sign-in link".into(), role: Role::Administrator, via: Via::Schedule };
    let refused = || {
        Error::new(
            Kind::Unauthenticated,
            "link-not-valid",
            "the sign-in link is not valid any more",
        )
        .hint("make a new one with `tutela people link`")
    };
    let hash = hash_token(link);
    let first = if is_link(app, link, now)? {
        // Before the link is used up, so that a mistyped password does not cost the link; and only
        // for a link, so that a stranger cannot make us hash passwords.
        first.map(FirstAdministrator::checked).transpose()?
    } else {
        None
    };
    acting(app, &actor, Act::ManagePeople, "sign-in link", json!({}), now, || {
        let used = app.store.use_sign_in_link(&hash, now)?.ok_or_else(refused)?;
        let person = match (used.person, first) {
            (Some(id), _) => active(app.store.person(id)?)?,
            (None, Some((first, password_hash))) => app
                .store
                .add_first_administrator(&first.login, &first.name, &password_hash, now)?
                .ok_or_else(has_administrator_already)?,
            (None, None) => {
                return Err(Error::invalid(
                    "first-administrator",
                    "choose a login and a password for the first administrator",
                ));
            }
        };
        start_session(app, person, None, agent, now)?.ok_or_else(refused)
    })
}

fn has_administrator_already() -> Error {
    Error::new(Kind::Conflict, "has-administrator", "there is an administrator already")
}

impl FirstAdministrator {
    /// Itself with the hash of the password, when all of it can be taken.
    fn checked(&self) -> Result<(&Self, String)> {
        login(&self.login)?;
        name(&self.name)?;
        Ok((self, hash_password(&self.password)?))
    }
}

/// Signs in by password. The same time and the same words whether the person exists or not.
pub fn sign_in(
    app: &App,
    login: &str,
    password: &Secret<String>,
    agent: &str,
    now: Time,
) -> Result<SignedIn> {
    let refused = || {
        Error::new(Kind::Unauthenticated, "wrong-password", "the login or the password is wrong")
    };
    let person = app.store.person_by_login(login)?;
    let hash = person.as_ref().and_then(|person| person.password_hash.as_deref());
    let right = check_password(password, hash)?;
    let known = person.as_ref().map(|person| person.login.clone());
    let person = person.filter(|person| right && person.disabled_at.is_none());
    // What was typed may be a password in the wrong field, or the name of somebody else.
    let actor = Actor {
        name: person.as_ref().map_or_else(|| "nobody".into(), |person| person.login.clone()),
        role: Role::Viewer,
        via: Via::Session { person: person.as_ref().map_or(0, |person| person.id.0) },
    };
    let detail = json!({ "login": known.as_deref().unwrap_or("of nobody") });
    acting(app, &actor, Act::ManageSelf, "sign in", detail, now, || {
        let person = person.ok_or_else(refused)?;
        let shown = person.password_hash.clone();
        start_session(app, person, shown.as_deref(), agent, now)?.ok_or_else(refused)
    })
}

/// None when the person was disabled, or their password changed, since it was looked at.
fn start_session(
    app: &App,
    person: Person,
    shown: Option<&str>,
    agent: &str,
    now: Time,
) -> Result<Option<SignedIn>> {
    let (secret, hash) = token("")?;
    let expires_at = now.plus(SESSION_LIFETIME);
    let session = Session {
        hash,
        person: person.id,
        created_at: now,
        expires_at,
        last_used_at: now,
        agent: agent.chars().take(MAX_NAME_CHARS).collect(),
    };
    let begun = app.store.add_session(&session, shown)?;
    Ok(begun.then_some(SignedIn { person, session: secret, expires_at }))
}

/// Ends a session that just began and gives a link that begins it at another name of this server.
pub fn hand_over(app: &App, signed_in: &SignedIn, now: Time) -> Result<Secret<String>> {
    let person = &signed_in.person;
    let actor = Actor {
        name: person.login.clone(),
        role: person.role,
        via: Via::Session { person: person.id.0 },
    };
    acting(app, &actor, Act::ManageSelf, "hand over", json!({ "link": true }), now, || {
        sign_out(app, &signed_in.session)?;
        let (secret, hash) = token("")?;
        let until = now.plus(HAND_OVER_LIFETIME);
        app.store.add_sign_in_link(&hash, Some(person.id), until, now)?;
        Ok(secret)
    })
}

/// Ends what began before: while nobody served, another program may have been in our place.
pub fn end_all_sessions(app: &App) -> Result<()> {
    Ok(app.store.end_all_sessions()?)
}

/// The name browsers on this machine use for this installation: 128 random bits below `localhost`,
/// which leads to this machine (RFC 6761, §6.3). Made once.
///
/// Cookies know no port, so those of `127.0.0.1` go to every program of the machine that a browser
/// is sent to. Those of a name that nobody else knows do not.
pub fn browser_name(app: &App) -> Result<String> {
    if let Some(known) = app.store.setting(BROWSER_NAME)? {
        return serde_json::from_str(&known).map_err(Error::internal);
    }
    let bytes: [u8; 16] = random().map_err(Error::internal)?;
    let label = data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
    let name = format!("{label}.localhost");
    app.store.set_setting(BROWSER_NAME, &json!(name).to_string())?;
    Ok(name)
}

const BROWSER_NAME: &str = "browser-name";

/// The one who holds a session.
pub fn by_session(app: &App, session: &Secret<String>, now: Time) -> Result<Actor> {
    let hash = hash_token(session);
    let (session, person) = app.store.session(&hash, now)?.ok_or_else(not_signed_in)?;
    if now.since(session.last_used_at) >= TOUCH_EVERY {
        app.store.touch_session(&hash, now)?;
    }
    Ok(Actor { name: person.login, role: person.role, via: Via::Session { person: person.id.0 } })
}

/// The one who holds an API token: never more than its person may.
pub fn by_token(app: &App, token: &Secret<String>, now: Time) -> Result<Actor> {
    let (token, person) = app.store.token(&hash_token(token), now)?.ok_or_else(not_signed_in)?;
    if token.last_used_at.is_none_or(|last| now.since(last) >= TOUCH_EVERY) {
        app.store.touch_token(token.id, now)?;
    }
    let role = token.role.min(person.role);
    Ok(Actor { name: person.login, role, via: Via::Token { id: token.id.0, person: person.id.0 } })
}

fn not_signed_in() -> Error {
    Error::new(Kind::Unauthenticated, "not-signed-in", "the session or token is not valid")
        .hint("sign in, or make a token in Settings or with `tutela token create`")
}

pub fn sign_out(app: &App, session: &Secret<String>) -> Result<()> {
    Ok(app.store.end_session(&hash_token(session))?)
}

/// A session as its person sees it.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRow {
    /// The first characters of the hash; ends the session.
    pub id: String,
    pub login: String,
    pub created_at: Time,
    pub expires_at: Time,
    pub last_used_at: Time,
    pub agent: String,
}

/// One's own sessions; an administrator sees everybody's.
pub fn sessions(app: &App, actor: &Actor, now: Time) -> Result<Vec<SessionRow>> {
    actor.may(Act::ManageSelf)?;
    let everybody = actor.may(Act::ManagePeople).is_ok();
    let mut rows = Vec::new();
    for person in app.store.persons()? {
        if everybody || actor.person() == Some(person.id) {
            let sessions = app.store.sessions(person.id, now)?;
            rows.extend(sessions.into_iter().map(|session| session_row(&session, &person)));
        }
    }
    Ok(rows)
}

fn session_row(session: &Session, person: &Person) -> SessionRow {
    SessionRow {
        id: session_id(session),
        login: person.login.clone(),
        created_at: session.created_at,
        expires_at: session.expires_at,
        last_used_at: session.last_used_at,
        agent: session.agent.clone(),
    }
}

fn session_id(session: &Session) -> String {
    data_encoding::HEXLOWER.encode(&session.hash).chars().take(16).collect()
}

/// Ends one session by its id.
pub fn end_session(app: &App, actor: &Actor, id: &str, now: Time) -> Result<()> {
    acting(app, actor, Act::ManageSelf, id, json!({ "end": "session" }), now, || {
        by_person(actor)?;
        let everybody = actor.may(Act::ManagePeople).is_ok();
        for person in app.store.persons()? {
            if !everybody && actor.person() != Some(person.id) {
                continue;
            }
            for session in app.store.sessions(person.id, now)? {
                if session_id(&session) == id {
                    return Ok(app.store.end_session(&session.hash)?);
                }
            }
        }
        Err(Error::not_found("session", id))
    })
}

pub fn list(app: &App, actor: &Actor) -> Result<Vec<Person>> {
    actor.may(Act::ManagePeople)?;
    Ok(app.store.persons()?)
}

/// Adds a person; without a password they sign in by a link first.
pub fn add(
    app: &App,
    actor: &Actor,
    login_name: &str,
    full_name: &str,
    role: Role,
    password: Option<&Secret<String>>,
    now: Time,
) -> Result<Person> {
    acting(app, actor, Act::ManagePeople, login_name, json!({ "add": role.name() }), now, || {
        if password.is_some() {
            by_person(actor)?;
        }
        login(login_name)?;
        name(full_name)?;
        let hash = password.map(hash_password).transpose()?;
        Ok(app.store.add_person(login_name, full_name, role, hash.as_deref(), now)?)
    })
}

pub fn change(
    app: &App,
    actor: &Actor,
    login: &str,
    change: &PersonChange,
    now: Time,
) -> Result<Person> {
    let detail = json!({
        "name": change.name, "role": change.role.map(Role::name), "disabled": change.disabled,
    });
    acting(app, actor, Act::ManagePeople, login, detail, now, || {
        if let Some(new) = &change.name {
            name(new)?;
        }
        Ok(app.store.change_person(person(app, login)?.id, change, now)?)
    })
}

/// Whether the login is one's own: then a change of its password asks for the current one.
pub fn is_own(app: &App, actor: &Actor, login: &str) -> Result<bool> {
    let own = actor.person();
    Ok(own.is_some() && own == app.store.person_by_login(login)?.map(|person| person.id))
}

/// Sets one's own password (`current` is asked for), or, as administrator, anybody's. Ends the
/// person's sessions and links.
pub fn set_password(
    app: &App,
    actor: &Actor,
    login: &str,
    current: Option<&Secret<String>>,
    new: &Secret<String>,
    now: Time,
) -> Result<()> {
    let person = person(app, login)?;
    let own = actor.person() == Some(person.id);
    let act = if own { Act::ManageSelf } else { Act::ManagePeople };
    acting(app, actor, act, login, json!({ "set": "password" }), now, || {
        by_person(actor)?;
        let replaces = person.password_hash.as_deref();
        if let (true, Some(hash)) = (own, replaces) {
            let right = current.map_or(Ok(false), |current| check_password(current, Some(hash)))?;
            if !right {
                return Err(Error::new(
                    Kind::Forbidden,
                    "wrong-password",
                    "the current password is wrong",
                ));
            }
        }
        Ok(app.store.set_password_hash(person.id, replaces, &hash_password(new)?)?)
    })
}

/// A new API token for oneself, of one's own role or a lower one.
pub fn create_token(
    app: &App,
    actor: &Actor,
    token_name: &str,
    role: Role,
    lifetime: Duration,
    now: Time,
) -> Result<IssuedToken> {
    let detail =
        json!({ "create": "token", "role": role.name(), "lifetime_s": lifetime.as_secs() });
    acting(app, actor, Act::ManageSelf, token_name, detail, now, || {
        by_person(actor)?;
        name(token_name)?;
        if role > actor.role {
            return Err(Error::new(
                Kind::Forbidden,
                "role-too-low",
                "a token cannot do more than its person",
            ));
        }
        if lifetime.is_zero() || lifetime > MAX_TOKEN_LIFETIME {
            return Err(Error::invalid("lifetime", "a token lives between a second and 366 days"));
        }
        let person = match actor.person() {
            Some(id) => id,
            None => first_administrator(app)?,
        };
        let held = app.store.tokens(Some(person))?;
        let live = held.iter().filter(|held| held.revoked_at.is_none() && held.expires_at > now);
        if live.count() >= MAX_TOKENS {
            return Err(Error::new(
                Kind::Conflict,
                "too-many-tokens",
                format!("a person has at most {MAX_TOKENS} tokens at a time"),
            )
            .hint("revoke one that is not used any more"));
        }
        let (secret, hash) = token(TOKEN_PREFIX)?;
        let prefix = secret.reveal().chars().take(TOKEN_PREFIX.len() + 6).collect();
        let expires_at = now.plus(lifetime);
        let new = NewApiToken { person, name: token_name.into(), prefix, hash, role, expires_at };
        Ok(IssuedToken { token: app.store.add_token(&new, now)?, secret })
    })
}

fn first_administrator(app: &App) -> Result<PersonId> {
    let persons = app.store.persons()?;
    let first = persons
        .iter()
        .find(|person| person.role == Role::Administrator && person.disabled_at.is_none());
    first.map(|person| person.id).ok_or_else(|| {
        Error::new(Kind::Conflict, "no-administrator", "nobody is an administrator yet")
            .hint("use the sign-in link that `tutela up` prints")
    })
}

/// One's own tokens; an administrator sees everybody's.
pub fn tokens(app: &App, actor: &Actor) -> Result<Vec<ApiToken>> {
    actor.may(Act::ManageSelf)?;
    let everybody = actor.may(Act::ManagePeople).is_ok();
    match actor.person() {
        Some(person) if !everybody => Ok(app.store.tokens(Some(person))?),
        _ => Ok(app.store.tokens(None)?),
    }
}

pub fn revoke_token(app: &App, actor: &Actor, id: TokenId, now: Time) -> Result<()> {
    let subject = id.0.to_string();
    acting(app, actor, Act::ManageSelf, &subject, json!({ "revoke": "token" }), now, || {
        if !matches!(actor.via, Via::Token { id: own, .. } if own == id.0) {
            by_person(actor)?;
        }
        if !tokens(app, actor)?.iter().any(|token| token.id == id) {
            return Err(Error::not_found("token", &subject));
        }
        Ok(app.store.revoke_token(id, now)?)
    })
}

/// A token must not make its holder more than the token: no passwords, links and further tokens by
/// it, and no end to what others hold.
fn by_person(actor: &Actor) -> Result<()> {
    match actor.via {
        Via::Token { .. } => Err(Error::new(
            Kind::Forbidden,
            "not-by-token",
            "passwords, sign-in links, sessions and tokens are for a person, not for a token",
        )
        .hint("sign in, or run the command on the machine itself")),
        _ => Ok(()),
    }
}

fn person(app: &App, login: &str) -> Result<Person> {
    app.store.person_by_login(login)?.ok_or_else(|| Error::not_found("person", login))
}

fn active(person: Option<Person>) -> Result<Person> {
    person.filter(|person| person.disabled_at.is_none()).ok_or_else(not_signed_in)
}

fn login(login: &str) -> Result<()> {
    let fits = (1..=MAX_NAME_CHARS).contains(&login.chars().count())
        && login.chars().all(|c| c.is_ascii_alphanumeric() || "._-@+".contains(c));
    if fits {
        return Ok(());
    }
    Err(Error::invalid("login", "a login is 1 to 100 ASCII letters, digits and `._-@+`"))
}

fn name(name: &str) -> Result<()> {
    let n_chars = name.chars().count();
    if (1..=MAX_NAME_CHARS).contains(&n_chars) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid("name", "a name is 1 to 100 characters without control characters"))
}

/// 256 random bits as text, and their hash.
fn token(prefix: &str) -> Result<(Secret<String>, [u8; 32])> {
    let bytes: [u8; 32] = random().map_err(Error::internal)?;
    let secret = Secret::new(format!("{prefix}{}", BASE64URL_NOPAD.encode(&bytes)));
    let hash = hash_token(&secret);
    Ok((secret, hash))
}

fn hash_token(token: &Secret<String>) -> [u8; 32] {
    blake3::derive_key("tutela token", token.reveal().as_bytes())
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|error| {
        Error::internal(anyhow::anyhow!("password hashing parameters: {error}"))
    })?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// `$argon2id$v=19$m=…,t=…,p=1$salt$hash`, the reference encoding.
fn hash_password(password: &Secret<String>) -> Result<String> {
    let text = password.reveal();
    if text.chars().count() < MIN_PASSWORD_CHARS || text.len() > MAX_PASSWORD_BYTES {
        return Err(Error::invalid(
            "password",
            format!(
                "a password has {MIN_PASSWORD_CHARS} characters or more, and at most {MAX_PASSWORD_BYTES} bytes"
            ),
        ));
    }
    let salt: [u8; 16] = random().map_err(Error::internal)?;
    let hash = derive(password, &salt)?;
    let (salt, hash) = (BASE64_NOPAD.encode(&salt), BASE64_NOPAD.encode(&hash));
    Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${salt}${hash}"))
}

fn derive(password: &Secret<String>, salt: &[u8]) -> Result<[u8; 32]> {
    let mut hash = [0; 32];
    argon2()?
        .hash_password_into(password.reveal().as_bytes(), salt, &mut hash)
        .map_err(|error| Error::internal(anyhow::anyhow!("hashing a password: {error}")))?;
    Ok(hash)
}

/// Takes as long for no hash as for a wrong password.
fn check_password(password: &Secret<String>, hash: Option<&str>) -> Result<bool> {
    if password.reveal().len() > MAX_PASSWORD_BYTES {
        return Ok(false);
    }
    let parsed = hash.and_then(|hash| {
        let prefix = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$");
        let (salt, hash) = hash.strip_prefix(&prefix)?.split_once('$')?;
        let salt = BASE64_NOPAD.decode(salt.as_bytes()).ok()?;
        let hash = BASE64_NOPAD
            .decode(hash.as_bytes())
            .or_else(|_| BASE64.decode(hash.as_bytes()))
            .ok()?;
        Some((salt, hash))
    });
    let Some((salt, hash)) = parsed else {
        derive(password, &[0; 16])?;
        return Ok(false);
    };
    Ok(derive(password, &salt)?.ct_eq(&hash).into())
}
