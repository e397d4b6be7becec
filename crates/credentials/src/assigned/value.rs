//! What a value says of itself: that it refers to a secret elsewhere, stands in for one, is made of
//! words, or is varied enough to be one.
//!
//! References, placeholders, words, paths, calls and types are not secrets. Which name a value has
//! is not known here.

use model::kinds::{self, CredentialKind};

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
pub(super) fn says_what_it_is(value: &str) -> bool {
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
pub(super) fn is_other_thing(value: &str) -> bool {
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
pub(super) fn is_name_in_code(value: &str) -> bool {
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
