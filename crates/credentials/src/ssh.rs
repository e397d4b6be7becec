//! OpenSSH public keys, certificates, `authorized_keys` and `known_hosts` lines.

use data_encoding::{BASE64, BASE64_NOPAD};
use model::Time;
use sha2::{Digest, Sha256};

use crate::algorithms::{self, KeyAlgorithm};
use crate::der;

/// A key blob larger than this is not one (RSA of 16384 bits is 2 KiB).
pub const MAX_BLOB_BYTES: usize = 64 << 10;
/// A file with more lines of keys than this is read up to here.
pub const MAX_KEYS: usize = 100_000;
/// A certificate with more principals, options or extensions than this is refused.
pub const MAX_NAMES: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256`, `sk-…`.
    pub algorithm: String,
    pub bits: Option<u32>,
    /// `SHA256:…` as OpenSSH prints it: the native id. Of a certificate, that of the key in it.
    pub fingerprint: String,
    pub comment: String,
    pub certificate: Option<Certificate>,
    pub weaknesses: Vec<String>,
}

/// An OpenSSH certificate (PROTOCOL.certkeys).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub is_host: bool,
    pub key_id: String,
    pub serial: u64,
    pub principals: Vec<String>,
    pub valid_after: Option<Time>,
    /// None: for ever.
    pub valid_before: Option<Time>,
    pub ca_fingerprint: String,
    pub critical_options: Vec<(String, String)>,
    pub extensions: Vec<String>,
}

/// One line of `authorized_keys` (sshd(8)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedKey {
    pub line: u32,
    pub key: PublicKey,
    /// Options in file order, names lower case: `("from", Some("10.0.0.0/8"))`, `("restrict", None)`.
    pub options: Vec<(String, Option<String>)>,
}

/// The keys of an `authorized_keys` file, and what lines were not understood.
pub fn authorized_keys(text: &str) -> (Vec<AuthorizedKey>, Vec<(u32, String)>) {
    let (mut keys, mut problems) = (Vec::new(), Vec::new());
    for (line, text) in content_lines(text) {
        if keys.len() == MAX_KEYS {
            problems.push((line, format!("more than {MAX_KEYS} keys; the rest is not read")));
            break;
        }
        // A line starts with the key's type, or with options and then the type.
        let (options, key) = match public_key(text) {
            Ok(key) => (Ok(Vec::new()), Ok(key)),
            Err(problem) => match split_options(text) {
                Some((options, rest)) if !is_algorithm(first_word(text)) => {
                    (parse_options(options), public_key(rest))
                }
                _ => (Ok(Vec::new()), Err(problem)),
            },
        };
        match (options, key) {
            (Ok(options), Ok(key)) => keys.push(AuthorizedKey { line, key, options }),
            (Err(problem), _) | (_, Err(problem)) => problems.push((line, problem)),
        }
    }
    (keys, problems)
}

/// One public key line, as in `id_ed25519.pub` or `ssh_host_rsa_key.pub`, or an OpenSSH
/// certificate line as in `…-cert.pub`.
pub fn public_key(text: &str) -> Result<PublicKey, String> {
    let text = text.trim();
    let (algorithm, rest) = split_word(text);
    if !is_algorithm(algorithm) {
        return Err("it does not start with the name of a key type".into());
    }
    let (blob, comment) = split_word(rest);
    if blob.len() > MAX_BLOB_BYTES {
        return Err(format!("the key is longer than {MAX_BLOB_BYTES} characters"));
    }
    let padded = BASE64.decode(blob.as_bytes());
    let blob = padded
        .or_else(|_| BASE64_NOPAD.decode(blob.as_bytes()))
        .map_err(|_| "the key is not base64")?;
    let comment = comment.lines().next().unwrap_or_default().trim();
    let mut key = key_of_blob(&blob)?;
    if key.algorithm != algorithm {
        return Err("the key is of another type than its line says".into());
    }
    key.comment = comment.chars().take(512).collect();
    Ok(key)
}

/// One line of `known_hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHost {
    pub line: u32,
    /// `cert-authority` or `revoked`.
    pub marker: Option<String>,
    /// As written; `|1|…` when hashed.
    pub hosts: Vec<String>,
    pub key: PublicKey,
}

pub fn known_hosts(text: &str) -> (Vec<KnownHost>, Vec<(u32, String)>) {
    let (mut hosts, mut problems) = (Vec::new(), Vec::new());
    for (line, text) in content_lines(text) {
        if hosts.len() == MAX_KEYS {
            problems.push((line, format!("more than {MAX_KEYS} keys; the rest is not read")));
            break;
        }
        let (marker, rest) = match text.strip_prefix('@') {
            Some(marked) => {
                let (marker, rest) = split_word(marked);
                (Some(marker.to_owned()), rest)
            }
            None => (None, text),
        };
        let (names, key) = split_word(rest);
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if is_number(first_word(key)) {
            problems.push((line, "a key of SSH protocol 1, which nothing uses any more".into()));
            continue;
        }
        match public_key(key) {
            Ok(key) => {
                let names = names.split(',').filter(|name| !name.is_empty());
                let names = names.take(MAX_NAMES).map(Into::into).collect();
                hosts.push(KnownHost { line, marker, hosts: names, key });
            }
            Err(problem) => problems.push((line, problem)),
        }
    }
    (hosts, problems)
}

/// `SHA256:…` of a key blob, as OpenSSH prints it.
pub(crate) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(blob)))
}

/// Reads the wire form (RFC 4253 §6.6, RFC 5656, RFC 8709, PROTOCOL.u2f, PROTOCOL.certkeys).
pub(crate) fn key_of_blob(blob: &[u8]) -> Result<PublicKey, String> {
    let short = || String::from("the key ends before its parts do");
    let mut wire = Wire(blob);
    let algorithm = wire.text().ok_or_else(short)?;
    let Some(plain) = algorithm.strip_suffix("-cert-v01@openssh.com") else {
        let key = plain_key(algorithm, &mut wire).ok_or_else(short)?;
        return Ok(PublicKey {
            algorithm: algorithm.into(),
            bits: key.bits,
            fingerprint: fingerprint(blob),
            comment: String::new(),
            certificate: None,
            weaknesses: key.weakness.into_iter().collect(),
        });
    };
    // Security keys keep the domain in the name: `sk-ssh-ed25519-cert-v01@openssh.com`.
    let plain =
        if plain.starts_with("sk-") { format!("{plain}@openssh.com") } else { plain.to_owned() };
    wire.string().ok_or_else(short)?; // the nonce
    let before = wire.0;
    let key = plain_key(&plain, &mut wire).ok_or_else(short)?;
    let parts = before.get(..before.len() - wire.0.len()).unwrap_or_default();
    let mut plain_blob = Vec::with_capacity(parts.len() + plain.len() + 4);
    put_string(&mut plain_blob, plain.as_bytes());
    plain_blob.extend_from_slice(parts);
    let certificate = certificate(&mut wire).ok_or_else(short)?;
    Ok(PublicKey {
        algorithm: algorithm.into(),
        bits: key.bits,
        fingerprint: fingerprint(&plain_blob),
        comment: String::new(),
        certificate: Some(certificate),
        weaknesses: key.weakness.into_iter().collect(),
    })
}

fn plain_key(algorithm: &str, wire: &mut Wire<'_>) -> Option<KeyAlgorithm> {
    Some(match algorithm {
        "ssh-rsa" => {
            wire.string()?;
            algorithms::rsa(Some(der::bit_length(der::unsigned(wire.string()?)?)))
        }
        "ssh-dss" => {
            let prime = der::unsigned(wire.string()?)?;
            (0..3).try_for_each(|_| wire.string().map(|_| ()))?;
            algorithms::dsa(Some(der::bit_length(prime)))
        }
        "ssh-ed25519" => {
            wire.string().filter(|key| key.len() == 32)?;
            algorithms::plain("Ed25519", Some(256))
        }
        "sk-ssh-ed25519@openssh.com" => {
            wire.string().filter(|key| key.len() == 32)?;
            wire.string()?;
            algorithms::plain("Ed25519", Some(256))
        }
        _ if algorithm.starts_with("ecdsa-sha2-") || algorithm.starts_with("sk-ecdsa-sha2-") => {
            let curve = wire.string()?;
            wire.string()?;
            if algorithm.starts_with("sk-") {
                wire.string()?;
            }
            algorithms::ec(Some(algorithms::curve_of_ssh(curve)?))
        }
        // A type we do not know has its blob's fingerprint all the same.
        _ => {
            wire.0 = &[];
            algorithms::plain(algorithm, None)
        }
    })
}

fn certificate(wire: &mut Wire<'_>) -> Option<Certificate> {
    let serial = wire.number64()?;
    let kind = wire.number()?;
    let key_id = lossy(wire.string()?);
    let mut principals = Vec::new();
    let mut list = Wire(wire.string()?);
    while !list.0.is_empty() {
        if principals.len() == MAX_NAMES {
            return None;
        }
        principals.push(lossy(list.string()?));
    }
    let (after, before) = (wire.number64()?, wire.number64()?);
    let critical_options = options(wire.string()?)?;
    let extensions = options(wire.string()?)?.into_iter().map(|(name, _)| name).collect();
    wire.string()?; // reserved
    let ca_fingerprint = fingerprint(wire.string()?);
    wire.string()?; // the signature
    let time = |seconds: u64| Time::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    Some(Certificate {
        is_host: kind == 2,
        key_id,
        serial,
        principals,
        valid_after: (after != 0).then(|| time(after)),
        valid_before: (before != u64::MAX).then(|| time(before)),
        ca_fingerprint,
        critical_options,
        extensions,
    })
}

/// Pairs of a name and a string that holds the value.
fn options(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let (mut list, mut options) = (Wire(bytes), Vec::new());
    while !list.0.is_empty() {
        if options.len() == MAX_NAMES {
            return None;
        }
        let (name, data) = (lossy(list.string()?), list.string()?);
        options.push((name, lossy(Wire(data).string().unwrap_or_default())));
    }
    Some(options)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Length-prefixed values, none copied, none trusted for its length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'a>(pub(crate) &'a [u8]);

impl<'a> Wire<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn number64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.string()?).ok()
    }
}

pub(crate) fn put_string(wire: &mut Vec<u8>, bytes: &[u8]) {
    wire.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    wire.extend_from_slice(bytes);
}

/// Lines that say something, with their numbers from 1.
fn content_lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    text.lines()
        .zip(1..)
        .map(|(text, line)| (line, text.trim()))
        .filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
}

fn is_algorithm(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-", "rsa-sha2-", "webauthn-sk-"].iter().any(|it| word.starts_with(it))
        && !word.contains(['=', ',', '"'])
}

fn first_word(text: &str) -> &str {
    split_word(text).0
}

fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// The options and what follows the blank after them; blanks within quotes do not end options.
fn split_options(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            b'"' if !escaped => quoted = !quoted,
            b' ' | b'\t' if !quoted => {
                return Some((text.get(..at)?, text.get(at..)?.trim_start()));
            }
            _ => {}
        }
        escaped = false;
    }
    None
}

/// `name`, `name="value with \" in it"`, separated by commas.
fn parse_options(text: &str) -> Result<Vec<(String, Option<String>)>, String> {
    let mut options = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err("neither a key nor options stand at its start".into());
        }
        let name = name.to_ascii_lowercase();
        let Some(after) = after.strip_prefix("=") else {
            options.push((name, None));
            rest = after.strip_prefix(',').unwrap_or_default();
            continue;
        };
        let Some(quoted) = after.strip_prefix('"') else {
            return Err(format!("option `{}` has a value without quotes", shorten(&name)));
        };
        let (mut value, mut escaped, mut end) = (String::new(), false, None);
        for (at, c) in quoted.char_indices() {
            match c {
                '"' if escaped => {
                    value.pop();
                    value.push('"');
                }
                '"' => {
                    end = Some(at);
                    break;
                }
                c => value.push(c),
            }
            escaped = c == '\\' && !escaped;
        }
        let Some(end) = end else {
            return Err(format!("option `{}` has a quote that does not end", shorten(&name)));
        };
        options.push((name, Some(value)));
        let after = quoted.get(end + 1..).unwrap_or_default();
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => rest = "",
            None => return Err("something stands between an option and the next comma".into()),
        }
    }
    Ok(options)
}

fn shorten(name: &str) -> String {
    name.chars().take(40).collect()
}
