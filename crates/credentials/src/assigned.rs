//! Assignments whose name tells that the value is secret: `NAME=value`, `name: value`,
//! `"name": "value"`, `<name>value</name>`, in settings files and source code.
//!
//! Most such names stand beside something harmless, so the value decides: references,
//! placeholders, words, paths, calls and types are not secrets.

use std::ops::Range;

use model::kinds::{self, CredentialKind};

/// A name longer than this is not looked at.
pub(crate) const MAX_NAME: usize = 96;
/// A value longer than this is no password or token.
pub(crate) const MAX_VALUE: usize = 512;
/// At most this much blank is allowed around the sign between name and value.
const MAX_BLANK: usize = 40;

/// A name, its value, and how sure it is that the value is written out here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    manner: Manner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// In quotes or between tags: this is the value itself.
    Quoted,
    /// Alone to the end of its line, as settings files have it.
    Line,
    /// Within other text: it may be a variable or a type.
    Bare,
}

/// Ends of unquoted runs that were already looked for, so that a file of nothing but names is
/// still read once.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    bare: Range<usize>,
    line: Range<usize>,
    double: Range<usize>,
    single: Range<usize>,
    back: Range<usize>,
}

impl Ends {
    /// The end of what starts at `from`, up to the next byte that `ends` it.
    fn of(slot: &mut Range<usize>, bytes: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
        if !slot.contains(&from) {
            let rest = bytes.get(from..).unwrap_or_default();
            let length = rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len());
            *slot = from..from + length + 1;
        }
        slot.end - 1
    }
}

/// The assignment to the name that `keyword` is a part of, if it is one.
pub(crate) fn assignment(
    bytes: &[u8],
    keyword: Range<usize>,
    ends: &mut Ends,
) -> Option<Assignment> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let back = bytes.get(keyword.start.saturating_sub(MAX_NAME)..keyword.start)?;
    let n_before = back.iter().rev().take_while(is_name).count();
    // Keywords such as `pass=` reach into the sign: the name ends where its characters do.
    let ahead = bytes.get(keyword.start..bytes.len().min(keyword.start + MAX_NAME))?;
    let ahead = match ahead.split_first() {
        Some((b'"', rest)) => rest,
        _ => ahead,
    };
    let quoted_keyword = usize::from(bytes.get(keyword.start) == Some(&b'"'));
    let n_after = ahead.iter().take_while(is_name).count();
    if n_before >= MAX_NAME || n_after + 1 >= MAX_NAME {
        return None;
    }
    let name = keyword.start - n_before * (1 - quoted_keyword) + quoted_keyword
        ..keyword.start + quoted_keyword + n_after;
    let before_name = name.start.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let mut at = Cursor { bytes, at: name.end };
    // `"name"`, `\"name\"`, `['name']`
    at.skip(|byte| byte == b'\\');
    let closed = at.one_of(b"\"'`");
    at.one_of(b"]");
    let n_blank = at.skip(|byte| byte == b' ' || byte == b'\t');
    if n_blank > MAX_BLANK {
        return None;
    }
    let sign = at.next()?;
    let in_tag = before_name == Some(b'<') && sign == b'>';
    match (sign, at.peek()) {
        (b':', Some(b':')) | (b'=', Some(b'=' | b'~')) => return None,
        (b':', Some(b'=')) | (b'=', Some(b'>')) => {
            at.next();
        }
        (b':' | b'=', _) => {}
        _ if in_tag => {}
        _ => return None,
    }
    let n_blank_after = at.skip(|byte| byte == b' ' || byte == b'\t');
    if n_blank_after > MAX_BLANK {
        return None;
    }
    if in_tag {
        let end = Ends::of(&mut ends.bare, bytes, at.at, ends_bare);
        let value = at.at..end;
        return (bytes.get(end) == Some(&b'<')).then_some(Assignment {
            name,
            value,
            manner: Manner::Quoted,
        });
    }
    // `b"…"`, `r'…'`, `@"…"`
    if matches!(at.peek(), Some(b'b' | b'r' | b'u' | b'@'))
        && matches!(bytes.get(at.at + 1), Some(b'"' | b'\''))
    {
        at.next();
    }
    let escaped = at.skip(|byte| byte == b'\\') > 0;
    if let Some(quote) = at.one_of(b"\"'`") {
        let slot = match quote {
            b'"' => &mut ends.double,
            b'\'' => &mut ends.single,
            _ => &mut ends.back,
        };
        let end = Ends::of(slot, bytes, at.at, |byte| byte == quote || byte == b'\n');
        if bytes.get(end) != Some(&quote) {
            return None;
        }
        let mut value = at.at..end;
        if escaped && bytes.get(end.wrapping_sub(1)) == Some(&b'\\') && end > at.at {
            value.end -= 1;
        }
        return Some(Assignment { name, value, manner: Manner::Quoted });
    }
    // In a settings file the value reaches to the blank, whatever signs a password has in it.
    // `name = value2` may be code; without blanks, or with a colon, it is a setting.
    let starts_line = line_starts_with(bytes, name.start) && closed.is_none();
    let is_setting = sign == b':' || n_blank + n_blank_after == 0;
    let end = Ends::of(&mut ends.line, bytes, at.at, |byte| byte.is_ascii_whitespace());
    let alone = matches!(rest_of_line(bytes, end), [] | [b'#', ..]);
    let last = end.checked_sub(1).and_then(|last| bytes.get(last));
    if starts_line && is_setting && alone && !matches!(last, Some(b',' | b';' | b'"' | b'\'')) {
        return Some(Assignment { name, value: at.at..end, manner: Manner::Line });
    }
    let end = Ends::of(&mut ends.bare, bytes, at.at, ends_bare);
    // `password = sha256_of(text)` calls, and `const PASSWORD: Type2 = value` names a type.
    if bytes.get(end) == Some(&b'(') || rest_of_line(bytes, end).starts_with(b"=") {
        return None;
    }
    Some(Assignment { name, value: at.at..end, manner: Manner::Bare })
}

fn ends_bare(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`,;<>(){}[]&|".contains(&byte)
}

/// The rest of a line without blanks at its start, at most a few bytes of it.
fn rest_of_line(bytes: &[u8], from: usize) -> &[u8] {
    let rest = bytes.get(from..bytes.len().min(from + MAX_BLANK)).unwrap_or_default();
    let rest = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    rest.trim_ascii()
}

/// Whether nothing but blanks, `-` or `export` stands before the name on its line.
fn line_starts_with(bytes: &[u8], name: usize) -> bool {
    let before = bytes.get(name.saturating_sub(MAX_BLANK)..name).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let whole = line.len() < before.len() || name <= MAX_BLANK;
    let words = line.trim_ascii();
    whole && matches!(words, b"" | b"-" | b"export" | b"ENV" | b"ARG" | b"set" | b"//")
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| wanted.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let n = rest.iter().take(MAX_BLANK + 1).take_while(|byte| wanted(**byte)).count();
        self.at += n;
        n
    }
}

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

impl Assignment {
    /// The kind of secret it assigns; none when the name does not tell or the value is not one.
    pub(crate) fn judge(&self, bytes: &[u8]) -> Option<&'static CredentialKind> {
        let length = self.value.len();
        if !(6..=MAX_VALUE).contains(&length) {
            return None;
        }
        let value = bytes.get(self.value.clone())?;
        if !value.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let name = std::str::from_utf8(bytes.get(self.name.clone())?).ok()?;
        let kind = kind_of_name(name)?;
        let value = std::str::from_utf8(value).ok()?;
        let is_secret = (self.manner != Manner::Bare || !is_name_in_code(value))
            && !is_reference(value)
            && !is_placeholder(value)
            && !says_what_it_is(value)
            && !is_other_thing(value)
            && self.is_strong_enough(kind, value);
        is_secret.then_some(kind)
    }

    fn is_strong_enough(&self, kind: &CredentialKind, value: &str) -> bool {
        let digits = value.bytes().any(|b| b.is_ascii_digit());
        let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
        let is_code = value.bytes().any(|b| b"(){}[]<>\\`|".contains(&b));
        if kind == kinds::PASSWORD {
            let odd = value.bytes().any(|b| b"!@#$%^&*+=?~".contains(&b));
            let strong = !is_words(value) && (odd || digits && letters);
            return match self.manner {
                Manner::Quoted => strong && !(is_code && value.contains(['(', '{', '<'])),
                Manner::Line => strong && !is_code,
                Manner::Bare => strong && !is_code && digits && letters && looks_random(value, 12),
            };
        }
        let plain =
            value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_.~:!@#$%^&*-".contains(&b));
        let least = if self.manner == Manner::Bare { 20 } else { 16 };
        plain && digits && letters && !is_words(value) && looks_random(value, least)
    }
}

/// A pointer to a secret that lies elsewhere, or one that is encrypted or hashed.
pub(crate) fn is_reference(value: &str) -> bool {
    let starts = [
        "${",
        "$(",
        "{{",
        "<%",
        "%(",
        "#{",
        "@{",
        "op://",
        "vault:",
        "vault://",
        "ref+",
        "arn:",
        "!",
        "env:",
        "ENC[",
        "ENC(",
        "enc:",
        "env.",
        "env(",
        "file:",
        "ssm:",
        "sm://",
        "gcpsm://",
        "awssm://",
        "akv://",
        "azurekv",
        "keyring:",
        "secret://",
        "secrets.",
        "secretref:",
        "aws:",
        "@Microsoft.KeyVault",
        "projects/",
        "var.",
        "local.",
        "data.",
        "module.",
        "process.env",
        "os.environ",
        "System.",
        "{SSHA",
        "{SHA",
        "{CRYPT",
        "{PBKDF2",
        "{ARGON2",
        "{bcrypt",
        "{noop",
        "AQICAHh",
        "pbkdf2",
        "argon2",
        "scrypt",
        "bcrypt",
        "SCRAM-SHA-256$",
        "@/",
        "file-",
        "%env(",
        "doppler://",
        "infisical://",
        "bws://",
        "keychain:",
        "pass:",
    ];
    if starts.iter().any(|start| value.starts_with(start)) {
        return true;
    }
    let bytes = value.as_bytes();
    match bytes {
        // `$VAR`, `$1$salt$hash`
        [b'$', rest @ ..] => rest.first().is_some_and(|b| {
            let is_name = rest.iter().all(|b| b.is_ascii_alphanumeric() || b"_.:".contains(b));
            is_name
                || *b == b'{'
                || (b.is_ascii_digit() && rest.contains(&b'$'))
                || rest.starts_with(b"2b$")
                || rest.starts_with(b"2a$")
                || rest.starts_with(b"argon2")
                || rest.starts_with(b"pbkdf2")
                || rest.starts_with(b"scrypt")
        }),
        // `%VAR%`, `<your key>`, `[key]`, `__KEY__`
        [b'%', .., b'%']
        | [b'<', .., b'>']
        | [b'[', .., b']']
        | [b'_', b'_', .., b'_', b'_']
        | [b'{', .., b'}']
        | [b'@', .., b'@'] => true,
        _ => value.contains("${") || value.contains("{{") || value.contains("$("),
    }
}

/// What stands in a template where a secret shall go.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let parts = [
        "example",
        "changeme",
        "change_me",
        "change-me",
        "changeit",
        "change_this",
        "change-this",
        "placeholder",
        "your_",
        "your-",
        "yourpass",
        "yoursecret",
        "yourtoken",
        "yourkey",
        "xxxx",
        "****",
        "....",
        "____",
        "----",
        "dummy",
        "redacted",
        "replace",
        "insert",
        "not-a-real",
        "notarealkey",
        "notreal",
        "fixme",
        "fill_me",
        "fill-me",
        "to-be-",
        "tbd",
        "put_your",
        "my_api_key",
        "goes_here",
        "goes-here",
        "goeshere",
        "undefined",
        "deadbeef",
    ];
    if parts.iter().any(|part| lower.contains(part)) {
        return true;
    }
    if matches!(
        lower.as_str(),
        "" | "null"
            | "none"
            | "nil"
            | "true"
            | "false"
            // Switches: `MYSQL_ALLOW_EMPTY_PASSWORD=1`, `RANDOM_ROOT_PASSWORD: yes`.
            | "yes"
            | "no"
            | "on"
            | "off"
            | "0"
            | "1"
            | "n/a"
            | "na"
            | "empty"
            | "todo"
            | "unset"
            | "disabled"
            | "enabled"
            | "default"
            | "required"
            | "optional"
            | "*"
            | "?"
            | "-"
            | "~"
    ) {
        return true;
    }
    // `aaaaaaaa`, `000000`, `........`
    n_distinct(value.as_bytes()) <= 2 && value.len() > 3
}

/// Whether a value names itself (`my-secret-token-1`), as in tests and documentation.
fn says_what_it_is(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let parts = [
        "secret", "passw", "token", "apikey", "api_key", "api-key", "fake", "sample", "mock",
        "foo", "bar", "test", "qwerty", "abcdef", "123456", "654321", "987654", "hunter2",
        "letmein", "admin", "s3cr3t", "p@ss", "pa$$", "p4ss", "local", "string", "value",
        "username", "correct_", "wrong_",
    ];
    // In a long random value three letters come together by chance.
    let least = if value.len() > 24 { 5 } else { 3 };
    parts.iter().any(|part| part.len() >= least && lower.contains(part))
}

/// Paths, addresses, digests, versions, identifiers, e-mail addresses, dates.
fn is_other_thing(value: &str) -> bool {
    let bytes = value.as_bytes();
    let digest = ["sha1", "sha2", "sha3", "sha5", "md5", "sha256:", "blake", "h1:"];
    let is_digest = digest.iter().any(|start| value.starts_with(start));
    if is_digest || value.contains("://") || is_percent_encoded(value) {
        return true;
    }
    let is_path_byte = |b: &u8| b.is_ascii_alphanumeric() || b"/._-~+@:".contains(b);
    let n_slashes = value.matches('/').count();
    let rooted = ["/", "./", "../", "~/"].iter().any(|start| value.starts_with(start));
    if bytes.iter().all(is_path_byte)
        && (rooted && !looks_random(value, 32) || n_slashes >= 2 && is_words(value))
    {
        return true;
    }
    // `user.password2`, `v1.Secret`, `config::token1`
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && part.len() <= 24
    };
    let mut parts = value.split(['.', ':']);
    if value.contains(['.', ':']) && parts.all(|part| part.is_empty() || is_identifier(part)) {
        return true;
    }
    // An e-mail address or a host.
    if let Some((user, host)) = value.split_once('@') {
        let is_host = host.contains('.')
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
        if is_host && !user.is_empty() && !user.contains(':') {
            return true;
        }
    }
    bytes.iter().all(|b| b.is_ascii_digit() || b".,:-+/T Z".contains(b))
}

/// A function or variable (`x25519_generate_key`): two parts of it are words.
fn is_name_in_code(value: &str) -> bool {
    let is_word = |part: &&str| part.len() >= 3 && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_name = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name && value.split('_').filter(is_word).count() >= 2
}

/// Whether most of a value is percent escapes, as in tests of addresses.
fn is_percent_encoded(value: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = value.as_bytes();
    let is_escape = |at: &usize| {
        bytes.get(*at) == Some(&b'%') && is_hex(bytes.get(at + 1)) && is_hex(bytes.get(at + 2))
    };
    let n_escapes = (0..bytes.len()).filter(is_escape).count();
    n_escapes >= 2 && n_escapes * 6 > bytes.len()
}

/// Words, with or without a number behind them: `my-service`, `production2`, `SomeClassName`.
pub(crate) fn is_words(value: &str) -> bool {
    value.split(['-', '_', '.', ':', '/', ' ']).all(|part| {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let n_digits = part.len() - letters.len();
        let mut capitals = 0;
        let mut before_is_capital = true;
        for b in letters.bytes() {
            if !b.is_ascii_alphabetic() {
                return false;
            }
            capitals += usize::from(b.is_ascii_uppercase() && !before_is_capital);
            before_is_capital = b.is_ascii_uppercase();
        }
        // Random letters change case all the time, words at their starts.
        n_digits <= 4 && capitals * 4 <= letters.len().max(4)
    })
}

/// Whether a value is long and varied enough to be made by a machine.
pub(crate) fn looks_random(value: &str, least: usize) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < least {
        return false;
    }
    let distinct = n_distinct(bytes);
    // Hex has sixteen different characters, of which a short value shows about ten.
    let wanted = match bytes.len() {
        0..16 => 7,
        16..24 => 8,
        _ => 10,
    };
    distinct >= wanted && entropy(bytes) >= 2.8 && !has_long_run(bytes)
}

/// Four equal bytes or eight ascending ones in a row: typed, not made.
pub(crate) fn has_long_run(bytes: &[u8]) -> bool {
    let (mut equal, mut ascending) = (1, 1);
    for (a, b) in bytes.iter().zip(bytes.iter().skip(1)) {
        equal = if a == b { equal + 1 } else { 1 };
        ascending = if a.checked_add(1) == Some(*b) { ascending + 1 } else { 1 };
        if equal >= 5 || ascending >= 8 {
            return true;
        }
    }
    false
}

pub(crate) fn n_distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in bytes {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}

/// Shannon entropy in bits per byte.
pub(crate) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// Whether a person is likely to have chosen a value: short, or made of words. Such values can be
/// guessed, so no fingerprint of them is kept.
pub(crate) fn is_chosen(kind: &CredentialKind, value: &str) -> bool {
    let random = looks_random(value, 12) && !is_words(value) && !says_what_it_is(value);
    if kind == kinds::PASSWORD || kind == kinds::CONNECTION_STRING {
        return !random || value.len() < 16 || entropy(value.as_bytes()) < 3.2;
    }
    !random
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
