//! What a credential's own bytes, and those around them, prove and tell: checksums, structures,
//! account, owner, times. All offline.

use std::ops::Range;
use std::sync::LazyLock;

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};
use model::fact::Text;
use model::{Fact, Time, Value, kinds};
use regex::bytes::Regex;

use crate::assigned::value;
use crate::recognise::Found;
use crate::{documented, keys, pem};

/// The other half of a credential is looked for this far around the first.
const NEAR: usize = 400;
/// A service account document is not longer than this.
const MAX_DOCUMENT: usize = 8 << 10;

/// Bytes with the place of a token and of its secret part in them.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) token: Range<usize>,
}

/// Where a token's secret part is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretPart {
    At(Range<usize>),
    /// It is not written here: only the public part was found.
    Absent,
    /// The bytes around show that this is no such token.
    NotThis,
}

pub(crate) type FindSecret = fn(&[u8], &Range<usize>) -> SecretPart;

impl<'a> Around<'a> {
    fn token(&self) -> &'a [u8] {
        self.bytes.get(self.token.clone()).unwrap_or_default()
    }

    fn near(&self, distance: usize) -> &'a [u8] {
        window(self.bytes, &self.token, distance).0
    }
}

/// The bytes around a range, and where they start.
fn window<'a>(bytes: &'a [u8], range: &Range<usize>, distance: usize) -> (&'a [u8], usize) {
    let start = range.start.saturating_sub(distance);
    let end = bytes.len().min(range.end.saturating_add(distance));
    (bytes.get(start..end).unwrap_or_default(), start)
}

fn pattern(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

fn say(found: &mut Found, name: &'static str, value: impl Into<Value>) {
    found.facts.insert(Text::Borrowed(name), Fact::known(value));
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}

fn group(pattern: Option<&Regex>, bytes: &[u8]) -> Option<String> {
    text(pattern?.captures(bytes)?.get(1)?.as_bytes())
}

/// A Square access token has no prefix of its own: `EAAA` and letters is also how a line of base64
/// begins when its bytes are mostly zero. So its issuer must be named near by, and it must not be
/// one of many lines.
pub(crate) fn square_secret(bytes: &[u8], token: &Range<usize>) -> SecretPart {
    let near = bytes.get(token.start.saturating_sub(NEAR)..bytes.len().min(token.end + NEAR));
    let names_it = near
        .is_some_and(|near| memchr::memmem::find(&near.to_ascii_lowercase(), b"square").is_some());
    if !names_it || is_wrapped_line(bytes, token) {
        SecretPart::NotThis
    } else {
        SecretPart::At(token.clone())
    }
}

/// Whether the line before or after is as long a run of base64 as this one.
fn is_wrapped_line(bytes: &[u8], token: &Range<usize>) -> bool {
    let is_run = |line: &[u8]| {
        let line = line.trim_ascii();
        let longest = line.split(|byte| !is_base64(*byte)).map(<[u8]>::len).max();
        longest.is_some_and(|longest| longest >= token.len().min(40))
    };
    let before = bytes.get(token.start.saturating_sub(NEAR)..token.start).unwrap_or_default();
    let after = bytes.get(token.end..bytes.len().min(token.end + NEAR)).unwrap_or_default();
    let line_before = before.rsplit(|byte| *byte == b'\n').nth(1);
    let line_after = after.split(|byte| *byte == b'\n').nth(1);
    [line_before, line_after].into_iter().flatten().any(is_run)
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

// AWS

/// The secret key of an access key id: the forty characters that stand under a name with `secret`
/// in it, or behind a comma as in the console's CSV, behind the id or, failing that, before it.
pub(crate) fn aws_secret(bytes: &[u8], token: &Range<usize>) -> SecretPart {
    static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        pattern(
            r#"(?i)secret[a-z0-9_.-]{0,30}[\\"'`\]]{0,4}[ \t]{0,20}[:=,>]{1,2}[ \t]{0,20}[\\"'`]{0,4}([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#,
        )
    });
    static COMMA: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern(r#"^["']?[,:;\t]["']?([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)"#));
    let (Some(named), Some(comma)) = (&*NAMED, &*COMMA) else { return SecretPart::Absent };
    let ahead = bytes.get(token.end..bytes.len().min(token.end + NEAR)).unwrap_or_default();
    // Another id starts another pair.
    let next_id = [b"AKIA", b"ASIA"].iter().filter_map(|id| memchr::memmem::find(ahead, *id)).min();
    let ahead = ahead.get(..next_id.unwrap_or(ahead.len())).unwrap_or_default();
    let found = |pattern: &Regex, bytes: &[u8], offset: usize| {
        let secret = pattern.captures(bytes)?.get(1)?;
        is_aws_secret(secret.as_bytes()).then(|| offset + secret.start()..offset + secret.end())
    };
    let before_at = token.start.saturating_sub(NEAR);
    let before = bytes.get(before_at..token.start).unwrap_or_default();
    let last_id =
        [b"AKIA", b"ASIA"].iter().filter_map(|id| memchr::memmem::rfind(before, *id)).max();
    let skipped = last_id.map_or(0, |at| at + 20);
    let before = before.get(skipped..).unwrap_or_default();
    found(comma, ahead, token.end)
        .or_else(|| found(named, ahead, token.end))
        // Before an id that has another before it, the secret is that one's.
        .or_else(
            || if last_id.is_none() { found(named, before, before_at + skipped) } else { None },
        )
        .map_or(SecretPart::Absent, SecretPart::At)
}

fn is_aws_secret(secret: &[u8]) -> bool {
    documented::is_documented(secret)
        || value::n_distinct(secret) >= 14 && !value::has_long_run(secret)
}

pub(crate) fn aws_access_key(found: &mut Found, around: &Around<'_>) {
    let id = around.token();
    found.public_id = text(id);
    if id.starts_with(b"ASIA") {
        found.kind = kinds::SESSION_KEY;
        found.title = "Temporary AWS key";
    }
    let has_secret = !found.secret.reveal().is_empty();
    say(found, "secret_found", has_secret);
    if id.ends_with(b"EXAMPLE") {
        say(found, "documented_example", true);
        return;
    }
    found.instance = aws_account(id);
}

/// The account in an access key id: the characters after the prefix are base32, and the account is
/// bits 1 to 40 of the first six bytes. Ids made before 2019 do not have it: their first bit is 0.
pub(crate) fn aws_account(id: &[u8]) -> Option<String> {
    let bytes = BASE32_NOPAD.decode(id.get(4..20)?).ok()?;
    let first_six: [u8; 6] = bytes.get(..6)?.try_into().ok()?;
    let mut number = [0; 8];
    number.get_mut(2..)?.copy_from_slice(&first_six);
    let number = u64::from_be_bytes(number);
    if number >> 47 == 0 {
        return None;
    }
    let account = (number & 0x7fff_ffff_ff80) >> 7;
    (account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

// Google

/// The private key in the document that names `private_key_id`.
pub(crate) fn gcp_private_key(bytes: &[u8], token: &Range<usize>) -> SecretPart {
    static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        pattern(
            r#"\\*"private_key\\*"\s*:\s*\\*"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/=\\ \n\r]{64,}-----END [A-Z ]{0,20}PRIVATE KEY-----[\\nr]*)\\*""#,
        )
    });
    let (document, start) = document_around(bytes, token);
    let key = KEY.as_ref().and_then(|pattern| pattern.captures(document)).and_then(|it| it.get(1));
    let is_account = memchr::memmem::find(document, b"client_email").is_some();
    match key {
        Some(key) if is_account => SecretPart::At(start + key.start()..start + key.end()),
        _ => SecretPart::NotThis,
    }
}

/// The braces around a place, as far as a document may reach.
fn document_around<'a>(bytes: &'a [u8], token: &Range<usize>) -> (&'a [u8], usize) {
    let (near, start) = window(bytes, token, MAX_DOCUMENT);
    let at = token.start - start;
    let open = near.get(..at).and_then(|before| memchr::memrchr(b'{', before)).unwrap_or(0);
    let close = near.get(at..).and_then(|after| memchr::memchr(b'}', after)).map(|n| at + n + 1);
    (near.get(open..close.unwrap_or(near.len())).unwrap_or_default(), start + open)
}

pub(crate) fn gcp_service_account(found: &mut Found, around: &Around<'_>) {
    static EMAIL: LazyLock<Option<Regex>> = LazyLock::new(|| field("client_email"));
    static KEY_ID: LazyLock<Option<Regex>> = LazyLock::new(|| field("private_key_id"));
    static PROJECT: LazyLock<Option<Regex>> = LazyLock::new(|| field("project_id"));
    fn field(name: &str) -> Option<Regex> {
        pattern(&format!(r#"\\*"{name}\\*"\s*:\s*\\*"([A-Za-z0-9@._:-]{{1,200}})\\*""#))
    }
    let (document, _) = document_around(around.bytes, &around.token);
    found.public_id = group(EMAIL.as_ref().and(KEY_ID.as_ref()), document);
    found.account = group(EMAIL.as_ref(), document);
    let of_email = |email: &str| {
        let (_, host) = email.split_once('@')?;
        host.strip_suffix(".iam.gserviceaccount.com").map(Into::into)
    };
    found.instance =
        group(PROJECT.as_ref(), document).or_else(|| found.account.as_deref().and_then(of_email));
    found.name = Some("private_key".into());
    if let Some(account) = found.account.clone() {
        say(found, "client_email", account);
    }
    found.expires_at = Fact::not_observable("the key file does not say when it expires");
}

// Azure

pub(crate) fn azure_storage(found: &mut Found, around: &Around<'_>) {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern("AccountName=([a-z0-9]{3,24})"));
    if let Some(account) = group(NAME.as_ref(), around.near(NEAR)) {
        say(found, "storage_account", account.as_str());
        found.instance = Some(format!("{account}.core.windows.net"));
    }
}

pub(crate) fn azure_bus(found: &mut Found, around: &Around<'_>) {
    static HOST: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern("(?:Endpoint=sb://|HostName=)([A-Za-z0-9.-]{3,200})"));
    static POLICY: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern("SharedAccessKeyName=([A-Za-z0-9_.-]{1,100})"));
    let near = around.near(NEAR);
    found.instance = group(HOST.as_ref(), near);
    if let Some(policy) = group(POLICY.as_ref(), near) {
        say(found, "policy", policy);
    }
}

/// A signature counts only with its version and expiry beside it.
pub(crate) fn azure_sas_signature(bytes: &[u8], token: &Range<usize>) -> SecretPart {
    let (near, _) = window(bytes, token, NEAR);
    let has = |what: &[u8]| memchr::memmem::find(near, what).is_some();
    match bytes.get(token.clone()).and_then(|token| token.strip_prefix(b"sig=")) {
        Some(signature) if has(b"se=") && (has(b"sv=") || has(b"SharedAccessSignature")) => {
            SecretPart::At(token.end - signature.len()..token.end)
        }
        _ => SecretPart::NotThis,
    }
}

pub(crate) fn azure_sas(found: &mut Found, around: &Around<'_>) {
    static EXPIRY: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern("[?&; ]se=([0-9TZ%A-Fa-f:-]{10,40})"));
    static RIGHTS: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern("[?&]sp=([a-z]{1,12})(?:&|$|[^a-z])"));
    static HOST: LazyLock<Option<Regex>> =
        LazyLock::new(|| pattern(r"https://([a-z0-9-]{3,63}\.[a-z]{2,20}\.core\.windows\.net)"));
    let near = around.near(NEAR);
    if let Some(expiry) = group(EXPIRY.as_ref(), near) {
        let expiry = expiry.replace("%3A", ":").replace("%3a", ":");
        let time = match expiry.parse::<i64>() {
            Ok(seconds) => Some(Time::from_seconds(seconds)),
            Err(_) => expiry.parse().ok(),
        };
        if let Some(time) = time {
            found.expires_at = Fact::known(time);
        }
    }
    if let Some(rights) = group(RIGHTS.as_ref(), near) {
        say(found, "permissions", rights);
    }
    found.instance = group(HOST.as_ref(), near);
}

// GitHub, npm, GitLab, Vault, Telegram

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// GitHub's and npm's: the last six characters are the CRC-32 of the thirty before them.
pub(crate) fn base62_checksum(token: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'_', token) else { return false };
    let Some((body, checksum)) = token.get(at + 1..).and_then(|rest| rest.split_at_checked(30))
    else {
        return false;
    };
    let mut number: u64 = 0;
    for byte in checksum {
        let Some(digit) = BASE62.iter().position(|symbol| symbol == byte) else { return false };
        number = number * 62 + digit as u64;
    }
    checksum.len() == 6 && number == u64::from(crc32(body))
}

/// CRC-32 of IEEE 802.3, a bit at a time: the input is thirty bytes.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0xedb8_8320 }
        })
    })
}

pub(crate) fn github(found: &mut Found, around: &Around<'_>) {
    let (kind, title) = match around.token().get(..4) {
        Some(b"ghp_") => (kinds::PERSONAL_ACCESS_TOKEN, "GitHub personal access token"),
        Some(b"gho_") => (kinds::OAUTH_TOKEN, "GitHub OAuth token"),
        Some(b"ghu_") => (kinds::OAUTH_TOKEN, "GitHub App user token"),
        Some(b"ghr_") => (kinds::REFRESH_TOKEN, "GitHub App refresh token"),
        _ => (kinds::API_TOKEN, "GitHub App installation token"),
    };
    (found.kind, found.title) = (kind, title);
}

pub(crate) fn gitlab(found: &mut Found, around: &Around<'_>) {
    let token = around.token();
    let (kind, title) = match token.split(|byte| *byte == b'-').next() {
        Some(b"glpat") => (kinds::PERSONAL_ACCESS_TOKEN, "GitLab access token"),
        Some(b"gldt") => (kinds::API_TOKEN, "GitLab deploy token"),
        Some(b"glrt" | b"glrtr") => (kinds::API_TOKEN, "GitLab runner token"),
        Some(b"glcbt") => (kinds::API_TOKEN, "GitLab CI job token"),
        Some(b"glptt") => (kinds::API_TOKEN, "GitLab pipeline trigger token"),
        Some(b"glsoat") => (kinds::API_TOKEN, "GitLab SCIM token"),
        Some(b"glagent") => (kinds::API_TOKEN, "GitLab agent token"),
        Some(b"gloas") => (kinds::CLIENT_SECRET, "GitLab OAuth application secret"),
        _ => return,
    };
    (found.kind, found.title) = (kind, title);
}

pub(crate) fn vault(found: &mut Found, around: &Around<'_>) {
    let kind = match around.token().get(..4) {
        Some(b"hvb.") => "batch",
        Some(b"hvr.") => "recovery",
        _ => "service",
    };
    say(found, "token_type", kind);
}

pub(crate) fn telegram(found: &mut Found, around: &Around<'_>) {
    let id = around.token().split(|byte| *byte == b':').next().and_then(text);
    found.public_id.clone_from(&id);
    if let Some(id) = id {
        say(found, "bot_id", id);
    }
}

// JSON Web Tokens

pub(crate) fn is_jwt(token: &[u8]) -> bool {
    jwt_parts(token).is_some_and(|(header, _)| header.get("alg").is_some())
}

type Object = serde_json::Map<String, serde_json::Value>;

fn jwt_parts(token: &[u8]) -> Option<(Object, Object)> {
    let mut parts = token.split(|byte| *byte == b'.');
    let mut object = || {
        let bytes = BASE64URL_NOPAD.decode(parts.next()?).ok()?;
        serde_json::from_slice::<Object>(&bytes).ok()
    };
    Some((object()?, object()?))
}

pub(crate) fn jwt(found: &mut Found, around: &Around<'_>) {
    let Some((header, claims)) = jwt_parts(around.token()) else { return };
    let stated = |object: &Object, name: &str| {
        let text = object.get(name)?.as_str()?;
        Some(text.chars().take(512).collect::<String>())
    };
    let time = |name: &str| {
        let number = claims.get(name)?;
        let seconds = number.as_i64().or_else(|| {
            #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
            number.as_f64().map(|seconds| seconds as i64)
        })?;
        Some(Time::from_seconds(seconds))
    };
    found.expires_at = Fact::stated(time("exp"));
    if let Some(issued) = time("iat") {
        found.created_at = Fact::known(issued);
    }
    for (name, object) in [
        ("iss", &claims),
        ("sub", &claims),
        ("jti", &claims),
        ("azp", &claims),
        ("alg", &header),
        ("kid", &header),
    ] {
        if let Some(value) = stated(object, name) {
            found.facts.insert(Text::Borrowed(name), Fact::known(value));
        }
    }
    match claims.get("aud") {
        Some(serde_json::Value::String(audience)) => say(found, "aud", audience.as_str()),
        Some(serde_json::Value::Array(list)) => {
            let list = list.iter().filter_map(|it| it.as_str()).take(20).map(Into::into);
            say(found, "aud", list.collect::<Vec<String>>());
        }
        _ => {}
    }
    let subject = stated(&claims, "sub");
    // jwt.io fills its editor with the first; RFC 7519 and PyJWT print the others.
    let is_example = subject.as_deref() == Some("1234567890") && claims.contains_key("name")
        || claims.contains_key("http://example.com/is_root")
        || claims.len() == 1 && claims.get("some").is_some_and(|it| it == "payload");
    if is_example {
        say(found, "documented_example", true);
    }
    if let Some(account) = kubernetes_account(&claims, subject.as_deref()) {
        found.kind = kinds::K8S_TOKEN;
        found.title = "Kubernetes service account token";
        found.system = "kubernetes";
        found.rule = "kubernetes-token";
        found.account = Some(account);
        // The issuer that every cluster has by default tells no cluster.
        found.instance = stated(&claims, "iss").filter(|issuer| {
            !issuer.starts_with("kubernetes/") && !issuer.contains("//kubernetes.default")
        });
        return;
    }
    found.instance = stated(&claims, "iss");
    if found.instance.is_some() && !is_example {
        found.system = "oidc";
        found.account = subject;
        found.public_id = stated(&claims, "jti");
    }
}

/// `namespace/name`, from either generation of claims.
fn kubernetes_account(claims: &Object, subject: Option<&str>) -> Option<String> {
    if let Some(rest) = subject.and_then(|it| it.strip_prefix("system:serviceaccount:")) {
        let (namespace, name) = rest.split_once(':')?;
        return Some(format!("{namespace}/{name}"));
    }
    let bound = claims.get("kubernetes.io")?.as_object()?;
    let namespace = bound.get("namespace")?.as_str()?;
    let name = bound.get("serviceaccount")?.as_object()?.get("name")?.as_str()?;
    Some(format!("{namespace}/{name}"))
}

// private keys

pub(crate) fn is_private_key(block: &[u8]) -> bool {
    !keys::private_keys(block).0.is_empty()
}

pub(crate) fn private_key(found: &mut Found, around: &Around<'_>) {
    let mut keys = Vec::new();
    pem::blocks(around.token(), keys::is_private_key_label, &mut Vec::new(), &mut |block, _| {
        keys.extend(keys::key_of_block(&block));
        false
    });
    let Some(key) = keys.pop() else { return };
    if matches!(key.format, "openssh") {
        found.kind = kinds::SSH_KEY;
        found.system = "ssh";
        found.title = "SSH private key";
        found.public_id.clone_from(&key.ssh_fingerprint);
    } else {
        found.public_id = key.spki_sha256.as_ref().map(|spki| format!("spki:{spki}"));
    }
    say(found, "format", key.format);
    say(found, "encrypted", key.encrypted);
    if let Some(algorithm) = key.algorithm {
        say(found, "algorithm", algorithm);
    }
    if let Some(bits) = key.bits {
        say(found, "bits", bits);
    }
    if let Some(spki) = key.spki_sha256 {
        say(found, "spki_sha256", spki);
    }
    if let Some(fingerprint) = key.ssh_fingerprint {
        say(found, "fingerprint_sha256", fingerprint);
    }
    found.expires_at = Fact::absent();
    // The same key in a file of its own and within a settings file has the same fingerprint.
    found.secret = key.material;
}

// addresses and headers

/// `scheme://user:password@host`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) whole: Range<usize>,
    pub(crate) password: Range<usize>,
    user: Range<usize>,
    host: Range<usize>,
    system: &'static str,
}

/// A user name, password or host longer than this is not one.
const MAX_PART: usize = 256;

const SCHEMES: &[(&[u8], &str)] = &[
    (b"postgres", "postgres"),
    (b"postgresql", "postgres"),
    (b"mysql", "mysql"),
    (b"mysql2", "mysql"),
    (b"mariadb", "mysql"),
    (b"mongodb", "mongodb"),
    (b"redis", "redis"),
    (b"rediss", "redis"),
    (b"valkey", "redis"),
    (b"amqp", "rabbitmq"),
    (b"amqps", "rabbitmq"),
    (b"mssql", "mssql"),
    (b"sqlserver", "mssql"),
    (b"oracle", "oracle"),
    (b"http", "http"),
    (b"https", "http"),
    (b"git", "git"),
    (b"ftp", "ftp"),
    (b"ftps", "ftp"),
    (b"sftp", "ssh"),
    (b"ssh", "ssh"),
    (b"smtp", "smtp"),
    (b"smtps", "smtp"),
    (b"imap", "imap"),
    (b"imaps", "imap"),
    (b"ldap", "ldap"),
    (b"ldaps", "ldap"),
    (b"nats", "nats"),
    (b"tls", "nats"),
    (b"clickhouse", "clickhouse"),
    (b"couchdb", "couchdb"),
    (b"neo4j", "neo4j"),
    (b"bolt", "neo4j"),
    (b"snowflake", "snowflake"),
    (b"mqtt", "mqtt"),
    (b"mqtts", "mqtt"),
    (b"ws", "http"),
    (b"wss", "http"),
    (b"socks5", "proxy"),
    (b"cockroachdb", "postgres"),
    (b"elasticsearch", "elasticsearch"),
    (b"db2", "db2"),
    (b"memcached", "memcached"),
];

/// The address around a `://`, when it has a password written out in it.
pub(crate) fn address_at(bytes: &[u8], colon: usize) -> Option<Address> {
    let before = bytes.get(colon.saturating_sub(24)..colon)?;
    let is_scheme = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let n_scheme = before.iter().rev().take_while(is_scheme).count();
    let scheme = before.get(before.len() - n_scheme..)?;
    // `postgresql+asyncpg`, `mongodb+srv`, `git+https`
    let mut system = None;
    for part in scheme.split(|byte| *byte == b'+') {
        system = system.or_else(|| SCHEMES.iter().find(|(name, _)| *name == part));
    }
    let system = system?.1;
    let start = colon + 3;
    let ahead = bytes.get(start..bytes.len().min(start + 3 * MAX_PART))?;
    // User and password end at what cannot stand in them unescaped.
    let ends = |b: &u8| b.is_ascii_whitespace() || b"/\"'`<>\\,;(){}|".contains(b) || !b.is_ascii();
    let authority = ahead.get(..ahead.iter().position(ends).unwrap_or(ahead.len()))?;
    let at = memchr::memrchr(b'@', authority)?;
    let (user_info, host) = (authority.get(..at)?, authority.get(at + 1..)?);
    let separator = memchr::memchr(b':', user_info)?;
    let host_length = host
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || b".-_:[]".contains(b)))
        .unwrap_or(host.len());
    let user = start..start + separator;
    let password = start + separator + 1..start + at;
    let host = start + at + 1..start + at + 1 + host_length;
    let fits = password.len() <= MAX_PART && user.len() <= MAX_PART && host.len() <= MAX_PART;
    if !fits || password.len() < 3 || host.is_empty() {
        return None;
    }
    let value = std::str::from_utf8(bytes.get(password.clone())?).ok()?;
    let host_name = bytes.get(host.clone())?;
    let is_template = value::is_reference(value)
        || value.starts_with(['$', '%', '*', ':', '{', '[']) && !value.contains("%2")
        || value::is_placeholder(value)
        || is_stock_password(value)
        || is_example_host(host_name)
        || memchr::memchr(b'$', host_name).is_some();
    (!is_template).then_some(Address {
        whole: colon - n_scheme..host.end,
        password,
        user,
        host,
        system,
    })
}

/// What documentation writes where a password goes.
fn is_stock_password(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "password"
            | "passwd"
            | "pass"
            | "pwd"
            | "secret"
            | "opensesame"
            | "proxypass"
            | "xyzzy"
            | "open sesame"
            | "user"
            | "pw"
            | "token"
            | "port"
            | "foo"
            | "bar"
            | "baz"
            | "test"
            | "mypassword"
            | "my-password"
            | "userpassword"
            | "yourpassword"
            | "password123"
            | "pass123"
            | "abc"
            | "123"
            | "p4ssw0rd"
            | "p@ssw0rd"
            | "pa55word"
            | "api_key"
            | "apikey"
            | "key"
            | "hunter2"
            | "somepassword"
            | "s3cr3t"
            | "mysecretpassword"
    )
}

/// Names reserved for documentation and tests (RFC 2606, RFC 6761).
fn is_example_host(host: &[u8]) -> bool {
    let host = host.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
    let ends = ["example.com", "example.org", "example.net", ".example", ".test", ".invalid"];
    ends.iter().any(|end| host.ends_with(end.as_bytes()))
        || matches!(host.as_slice(), b"host" | b"hostname" | b"server" | b"domain.com" | b"myhost")
}

pub(crate) fn address(found: &mut Found, around: &Around<'_>) {
    let token = around.token();
    let Some(colon) = memchr::memmem::find(token, b"://") else { return };
    let Some(address) = address_at(token, colon) else { return };
    let part = |range: &Range<usize>| token.get(range.clone()).and_then(text);
    found.system = address.system;
    // In an address, `:` may be the port's; the host alone is the server.
    found.instance = part(&address.host);
    found.account = part(&address.user).filter(|user| !user.is_empty() && !stands_for_secret(user));
    if let Some(scheme) = token.get(..colon).and_then(text) {
        say(found, "scheme", scheme);
    }
}

/// Git hosts take a token in place of the user name (`https://TOKEN:x-oauth-basic@…`): what looks
/// like one is never shown as an account.
fn stands_for_secret(user: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "hvs.", "sk-"];
    PREFIXES.iter().any(|prefix| user.starts_with(prefix))
        || (user.len() >= 20 && value::looks_random(user, 20) && !user.contains('@'))
        || (user.len() >= 32 && user.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(crate) fn is_basic(token: &[u8]) -> bool {
    basic_parts(token).is_some_and(|(_, password)| {
        !value::is_placeholder(&password) && !is_stock_password(&password)
    })
}

fn basic_parts(base64: &[u8]) -> Option<(String, String)> {
    let decoded = String::from_utf8(BASE64.decode(base64).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    let printable = decoded.chars().all(|c| !c.is_control());
    (printable && password.len() >= 4).then(|| (user.into(), password.into()))
}

pub(crate) fn basic(found: &mut Found, _around: &Around<'_>) {
    let Some((user, password)) = basic_parts(found.secret.reveal()) else { return };
    if stands_for_secret(&user) {
        found.secret = user.into_bytes().into();
        return;
    }
    found.account = Some(user).filter(|user| !user.is_empty());
    found.secret = password.into_bytes().into();
}

/// A bearer token that is no variable, no word and no JWT (those have their own rule).
pub(crate) fn is_opaque_token(token: &[u8]) -> bool {
    std::str::from_utf8(token).is_ok_and(|token| {
        value::looks_random(token, 20)
            && token.bytes().any(|b| b.is_ascii_digit())
            && !value::is_words(token)
            && !value::is_placeholder(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_in_the_key_id() {
        let check = |id: &str, expected: Option<&str>| {
            assert_eq!(aws_account(id.as_bytes()).as_deref(), expected, "{id}");
        };
        check("AKIASP2TPHJSQH3FJRUX", Some("171436882533"));
        check("AKIAIOSFODNN7EXAMPLE", None);
        check("AKIA", None);
    }

    #[test]
    fn crc_of_the_standard_check_string() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
