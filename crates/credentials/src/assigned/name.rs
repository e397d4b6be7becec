//! What a name says: which kind of credential its value is, and of which system.
//!
//! A name tells nothing of the value: whether there is a secret behind it is not known here.

use model::kinds::{self, CredentialKind};

use super::MAX_NAME;

/// What a name says its value is; none when it does not tell.
pub(crate) fn kind_of_name(name: &str) -> Option<&'static CredentialKind> {
    let words = words(name);
    let mut words = words.as_slice();
    while let [rest @ .., last] = words {
        let is_tail = TAILS.contains(&last.as_str()) || last.bytes().all(|b| b.is_ascii_digit());
        if !is_tail || rest.is_empty() {
            break;
        }
        words = rest;
    }
    let (last, before) = words.split_last()?;
    let before = before.last().map_or("", String::as_str);
    match last.as_str() {
        "password" | "passwd" | "passwort" | "passphrase" | "passcode" | "pwd" | "pass" | "pw"
        | "dbpassword" | "userpassword" | "rootpassword" => Some(kinds::PASSWORD),
        "secret" if matches!(before, "client" | "consumer" | "app" | "oauth") => {
            Some(kinds::CLIENT_SECRET)
        }
        "secret" | "secretkey" | "privatekey" | "encryptionkey" | "signingkey" => {
            Some(kinds::SECRET)
        }
        "clientsecret" => Some(kinds::CLIENT_SECRET),
        "token" if before == "refresh" => Some(kinds::REFRESH_TOKEN),
        "token" if NO_CREDENTIAL_TOKENS.contains(&before) => None,
        "token" | "authtoken" | "accesstoken" | "apitoken" | "apikey" | "accesskey" | "authkey"
        | "auth" => Some(kinds::API_TOKEN),
        "key" if matches!(before, "api" | "access" | "auth" | "service" | "subscription") => {
            Some(kinds::API_TOKEN)
        }
        "key" if SECRET_KEYS.contains(&before) => Some(kinds::SECRET),
        _ => None,
    }
}

/// Words that may follow the telling one: `PASSWORD_PROD`, `secret_key_base`, `token2`.
const TAILS: &[&str] = &[
    "prod",
    "production",
    "dev",
    "development",
    "staging",
    "stage",
    "qa",
    "uat",
    "base",
    "value",
    "raw",
    "text",
    "plain",
    "plaintext",
    "cleartext",
    "string",
    "v1",
    "v2",
    "v3",
    "old",
    "new",
    "current",
    "primary",
    "secondary",
    "base64",
    "b64",
    "live",
];

/// `max_tokens`, `next_page_token`, a parser's `end_token` … are no credentials.
const NO_CREDENTIAL_TOKENS: &[&str] = &[
    "max",
    "next",
    "page",
    "nextpage",
    "csrf",
    "xsrf",
    "continuation",
    "cancellation",
    "sync",
    "num",
    "total",
    "end",
    "start",
    "eos",
    "bos",
    "pad",
    "unk",
    "mask",
    "stop",
    "special",
    "cursor",
    "sep",
    "cls",
    "begin",
    "open",
    "close",
    "current",
    "prev",
    "previous",
    "last",
    "first",
    "request",
    "idempotency",
    "design",
    "syntax",
    "lex",
    "lexer",
    "parser",
    "client",
];

const SECRET_KEYS: &[&str] = &[
    "secret",
    "private",
    "encryption",
    "signing",
    "master",
    "account",
    "storage",
    "shared",
    "sas",
    "app",
    "application",
    "admin",
    "root",
    "webhook",
    "session",
    "cookie",
    "crypto",
    "hmac",
    "jwt",
    "functions",
    "encrypt",
    "crypt",
    "deploy",
    "license",
    "consumer",
];

/// The words of a name, lower case: at `_ - .` and where case changes.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut chars = name.chars().take(MAX_NAME).peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let starts_word = c.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase()
                    && chars.peek().is_some_and(char::is_ascii_lowercase)));
        if starts_word || !c.is_ascii_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// The system that a name speaks of: `DD_API_KEY`, `twilio_auth_token`.
pub(crate) fn system_of_name(name: &str) -> &'static str {
    let words = words(name);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    SYSTEMS.iter().find(|(word, _)| has(word)).map_or("unknown", |(_, system)| system)
}

const SYSTEMS: &[(&str, &str)] = &[
    ("aws", "aws"),
    ("azure", "azure"),
    ("arm", "azure"),
    ("gcp", "gcp"),
    ("google", "google"),
    ("github", "github"),
    ("gh", "github"),
    ("gitlab", "gitlab"),
    ("bitbucket", "bitbucket"),
    ("datadog", "datadog"),
    ("dd", "datadog"),
    ("twilio", "twilio"),
    ("mailgun", "mailgun"),
    ("sendgrid", "sendgrid"),
    ("slack", "slack"),
    ("discord", "discord"),
    ("telegram", "telegram"),
    ("stripe", "stripe"),
    ("paypal", "paypal"),
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("cloudflare", "cloudflare"),
    ("cf", "cloudflare"),
    ("heroku", "heroku"),
    ("sentry", "sentry"),
    ("vault", "vault"),
    ("consul", "consul"),
    ("nomad", "nomad"),
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("pg", "postgres"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("mongo", "mongodb"),
    ("mongodb", "mongodb"),
    ("redis", "redis"),
    ("rabbitmq", "rabbitmq"),
    ("kafka", "kafka"),
    ("ldap", "ldap"),
    ("smtp", "smtp"),
    ("docker", "docker"),
    ("npm", "npm"),
    ("pypi", "pypi"),
    ("twine", "pypi"),
    ("sonar", "sonarqube"),
    ("sonarqube", "sonarqube"),
    ("jenkins", "jenkins"),
    ("artifactory", "jfrog"),
    ("nexus", "nexus"),
    ("okta", "okta"),
    ("auth0", "auth0"),
    ("grafana", "grafana"),
    ("newrelic", "new-relic"),
    ("fastly", "fastly"),
    ("algolia", "algolia"),
    ("elastic", "elasticsearch"),
    ("elasticsearch", "elasticsearch"),
    ("snowflake", "snowflake"),
    ("databricks", "databricks"),
    ("django", "django"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell() {
        let check = |name: &str, expected: Option<&CredentialKind>| {
            assert_eq!(
                kind_of_name(name).map(|kind| kind.id),
                expected.map(|kind| kind.id),
                "{name}"
            );
        };
        check("DB_PASSWORD", Some(kinds::PASSWORD));
        check("spring.datasource.password", Some(kinds::PASSWORD));
        check("dbPassword", Some(kinds::PASSWORD));
        check("POSTGRES_PASSWORD_PROD", Some(kinds::PASSWORD));
        check("SECRET_KEY_BASE", Some(kinds::SECRET));
        check("clientSecret", Some(kinds::CLIENT_SECRET));
        check("//registry.npmjs.org/:_authToken", Some(kinds::API_TOKEN));
        check("X-Api-Key", Some(kinds::API_TOKEN));
        check("APIKey", Some(kinds::API_TOKEN));
        check("refresh_token", Some(kinds::REFRESH_TOKEN));
        check("password_file", None);
        check("secretName", None);
        check("max_tokens", None);
        check("next_page_token", None);
        check("public_key", None);
        check("primary_key", None);
        check("aws_access_key_id", None);
        check("tokenizer", None);
        check("PasswordHash", None);
    }
}
