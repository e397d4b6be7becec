//! Private keys: PKCS#1, PKCS#8 (RFC 5958), SEC1 (RFC 5915), OpenSSH, in PEM or DER, and PuTTY's.
//!
//! Only the public half is worked out, and nothing is decrypted: a key's halves are stored side by
//! side in every format but bare curve keys. Of those, the public half of Ed25519 is computed.

use data_encoding::{BASE64, HEXLOWER};
use model::Secret;
use sha2::{Digest, Sha256};

use crate::algorithms::{self, KeyAlgorithm};
use crate::ssh::{self, Wire};
use crate::{der, pem};

/// A file with more private keys than this is read up to here.
pub const MAX_KEYS: usize = 10_000;

#[derive(Debug, Clone)]
pub struct PrivateKey {
    /// `pkcs1`, `pkcs8`, `sec1`, `openssh`, `putty`, `dsa`.
    pub format: &'static str,
    /// `RSA`, `EC P-256`, `Ed25519` …; none when encrypted and not stated outside.
    pub algorithm: Option<String>,
    pub bits: Option<u32>,
    pub encrypted: bool,
    /// Hex of SHA-256 over the matching SubjectPublicKeyInfo, where the public half is known.
    pub spki_sha256: Option<String>,
    /// `SHA256:…` as OpenSSH prints it, where the public half is known.
    pub ssh_fingerprint: Option<String>,
    pub comment: Option<String>,
    /// Weak algorithms and sizes, as sentences; empty when there are none.
    pub weaknesses: Vec<String>,
    pub line: Option<u32>,
    /// The key's own bytes, for the fingerprint only.
    pub material: Secret<Vec<u8>>,
}

/// All private keys in a file's bytes; what looks like one and is not parseable is a problem.
pub fn private_keys(bytes: &[u8]) -> (Vec<PrivateKey>, Vec<(u32, String)>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    if bytes.first() == Some(&der::SEQUENCE)
        && bytes.get(1).is_some_and(|length| length & 0x80 != 0)
        || is_short_der(bytes)
    {
        found.extend(key_of_der(bytes, None));
        return (found, problems);
    }
    if bytes.starts_with(b"PuTTY-User-Key-File-") {
        match putty(bytes) {
            Some(key) => found.push(key),
            None => problems.push((1, "a PuTTY key file that cannot be parsed".into())),
        }
        return (found, problems);
    }
    pem::blocks(bytes, is_private_key_label, &mut problems, &mut |block, problems| {
        if found.len() == MAX_KEYS {
            let problem = format!("more than {MAX_KEYS} private keys; the rest is not read");
            problems.push((block.line, problem));
            return false;
        }
        match key_of_block(&block) {
            Ok(key) => found.push(key),
            Err(problem) => problems.push((block.line, problem.into())),
        }
        true
    });
    (found, problems)
}

pub(crate) fn is_private_key_label(label: &str) -> bool {
    label.ends_with("PRIVATE KEY")
}

/// A bare curve key in PKCS#8 is shorter than 128 bytes: its length is one byte, which text could
/// start with as well, so it must be the whole file.
fn is_short_der(bytes: &[u8]) -> bool {
    matches!(bytes, [der::SEQUENCE, length, rest @ ..] if usize::from(*length) == rest.len())
}

pub(crate) fn key_of_block(block: &pem::Block<'_>) -> Result<PrivateKey, &'static str> {
    let decoded = block.decode()?;
    let line = Some(block.line);
    if decoded.encrypted {
        let (format, algorithm) = match block.label {
            "RSA PRIVATE KEY" => ("pkcs1", Some("RSA")),
            "EC PRIVATE KEY" => ("sec1", Some("EC")),
            "DSA PRIVATE KEY" => ("dsa", Some("DSA")),
            _ => ("pkcs8", None),
        };
        let algorithm = algorithm.map(|name| algorithms::plain(name, None));
        return Ok(key(format, true, algorithm, None, decoded.bytes, line));
    }
    if block.label == "OPENSSH PRIVATE KEY" {
        return openssh(&decoded.bytes, line).ok_or("an OpenSSH key that cannot be parsed");
    }
    key_of_der(&decoded.bytes, line).ok_or("its bytes are not a private key that can be parsed")
}

/// Tells PKCS#8, PKCS#1, SEC1 and DSA apart by their shape, as labels are sometimes wrong.
pub(crate) fn key_of_der(bytes: &[u8], line: Option<u32>) -> Option<PrivateKey> {
    let fields = der::sequence(bytes)?;
    if let Some(algorithm) = encrypted_pkcs8(fields) {
        return Some(key("pkcs8", true, algorithm, None, bytes.to_vec(), line));
    }
    let (format, public) = match fields {
        _ if pkcs8_fields(fields).is_some() => ("pkcs8", pkcs8(fields)?),
        _ if sec1_fields(fields).is_some() => ("sec1", sec1(fields, None)?),
        _ => pkcs1(fields).map(|it| ("pkcs1", it)).or_else(|| dsa(fields).map(|it| ("dsa", it)))?,
    };
    let Public { algorithm, halves } = public;
    Some(key(format, false, Some(algorithm), halves, bytes.to_vec(), line))
}

fn key(
    format: &'static str,
    encrypted: bool,
    algorithm: Option<KeyAlgorithm>,
    halves: Option<Halves>,
    material: Vec<u8>,
    line: Option<u32>,
) -> PrivateKey {
    let bits = algorithm.as_ref().and_then(|algorithm| algorithm.bits);
    let weaknesses = algorithm.iter().filter_map(|it| it.weakness.clone()).collect();
    PrivateKey {
        format,
        algorithm: algorithm.map(|algorithm| algorithm.name),
        bits,
        encrypted,
        spki_sha256: halves.as_ref().map(|it| HEXLOWER.encode(&Sha256::digest(&it.spki))),
        ssh_fingerprint: halves.and_then(|it| it.ssh).map(|blob| ssh::fingerprint(&blob)),
        comment: None,
        weaknesses,
        line,
        material: Secret::new(material),
    }
}

/// What a private key says of its public half.
struct Public {
    algorithm: KeyAlgorithm,
    halves: Option<Halves>,
}

/// The public half in the two forms by which it is known elsewhere.
struct Halves {
    /// SubjectPublicKeyInfo, DER.
    spki: Vec<u8>,
    /// The blob of an SSH key line; none for algorithms SSH has not.
    ssh: Option<Vec<u8>>,
}

/// Version, algorithm identifier, key bytes, what follows (RFC 5958).
fn pkcs8_fields(
    mut fields: der::Elements<'_>,
) -> Option<(der::Elements<'_>, &[u8], der::Elements<'_>)> {
    fields.field(der::INTEGER).filter(|version| matches!(version, [0 | 1]))?;
    let algorithm = fields.field(der::SEQUENCE).map(der::Elements)?;
    algorithm.peek().filter(|first| first.tag == der::OBJECT_IDENTIFIER)?;
    let key = fields.field(der::OCTET_STRING)?;
    Some((algorithm, key, fields))
}

fn pkcs8(fields: der::Elements<'_>) -> Option<Public> {
    let (mut algorithm, private, mut rest) = pkcs8_fields(fields)?;
    let oid = algorithm.field(der::OBJECT_IDENTIFIER)?;
    // `[1] BIT STRING`, implicit: the public half, in version 2.
    let public = std::iter::from_fn(|| rest.element())
        .filter(|field| field.tag == 0x81)
        .find_map(|field| der::whole_bytes(field.contents));
    match oid {
        algorithms::RSA => pkcs1(der::sequence(private)?),
        algorithms::EC => sec1(der::sequence(private)?, algorithm.field(der::OBJECT_IDENTIFIER))
            .map(|mut key| {
                if let (None, Some(point)) = (&key.halves, public) {
                    key.halves = ec_halves(sec1_curve(fields).as_deref(), point);
                }
                key
            }),
        algorithms::ED25519 => {
            let halves = match public {
                Some(public) => Some(ed25519_halves(public)),
                None => ed25519_public(private).map(|public| ed25519_halves(&public)),
            };
            Some(Public { algorithm: algorithms::plain("Ed25519", Some(256)), halves })
        }
        algorithms::DSA => {
            // The public number is not stored here, only the domain and the private one.
            let prime = der::Elements(algorithm.field(der::SEQUENCE)?).field(der::INTEGER)?;
            let bits = der::unsigned(prime).map(der::bit_length);
            Some(Public { algorithm: algorithms::dsa(bits), halves: None })
        }
        _ => {
            let algorithm = algorithms::public_key(oid, None, &[], &[]);
            Some(Public { algorithm, halves: None })
        }
    }
}

/// The named curve of a PKCS#8 EC key.
fn sec1_curve(fields: der::Elements<'_>) -> Option<Vec<u8>> {
    let (mut algorithm, ..) = pkcs8_fields(fields)?;
    algorithm.field(der::OBJECT_IDENTIFIER)?;
    algorithm.field(der::OBJECT_IDENTIFIER).map(<[u8]>::to_vec)
}

/// The algorithm of an EncryptedPrivateKeyInfo is that of its encryption: of the key, nothing.
#[expect(
    clippy::option_option,
    reason = "the outer says what it is, the inner what is known of it"
)]
fn encrypted_pkcs8(mut fields: der::Elements<'_>) -> Option<Option<KeyAlgorithm>> {
    let algorithm = fields.field(der::SEQUENCE).map(der::Elements)?;
    algorithm.peek().filter(|first| first.tag == der::OBJECT_IDENTIFIER)?;
    fields.field(der::OCTET_STRING)?;
    fields.0.is_empty().then_some(None)
}

/// `version 0, n, e, d, p, q, …` (RFC 8017 §A.1.2).
fn pkcs1(mut fields: der::Elements<'_>) -> Option<Public> {
    fields.field(der::INTEGER).filter(|version| matches!(version, [0 | 1]))?;
    let modulus = der::unsigned(fields.field(der::INTEGER)?)?;
    let exponent = der::unsigned(fields.field(der::INTEGER)?)?;
    // A DSA key has six numbers, an RSA key nine.
    (0..6).try_for_each(|_| fields.field(der::INTEGER).map(|_| ()))?;
    let algorithm = algorithms::rsa(Some(der::bit_length(modulus)));
    Some(Public { algorithm, halves: Some(rsa_halves(modulus, exponent)) })
}

/// `version 0, p, q, g, y, x`: OpenSSL's form.
fn dsa(mut fields: der::Elements<'_>) -> Option<Public> {
    fields.field(der::INTEGER).filter(|version| *version == [0])?;
    let mut number = || der::unsigned(fields.field(der::INTEGER)?);
    let (p, q, g, y) = (number()?, number()?, number()?, number()?);
    number()?;
    let algorithm = algorithms::dsa(Some(der::bit_length(p)));
    fields.0.is_empty().then(|| Public { algorithm, halves: Some(dsa_halves(p, q, g, y)) })
}

fn sec1_fields(mut fields: der::Elements<'_>) -> Option<der::Elements<'_>> {
    fields.field(der::INTEGER).filter(|version| *version == [1])?;
    fields.field(der::OCTET_STRING)?;
    Some(fields)
}

/// `version 1, private number, [0] curve?, [1] public point?` (RFC 5915).
fn sec1(fields: der::Elements<'_>, curve_outside: Option<&[u8]>) -> Option<Public> {
    let mut fields = sec1_fields(fields)?;
    let parameters = fields.field(der::CONTEXT_0);
    let curve_inside =
        parameters.and_then(|bytes| der::Elements(bytes).field(der::OBJECT_IDENTIFIER));
    let curve = curve_outside.or(curve_inside);
    let point = fields
        .field(der::CONTEXT_1)
        .and_then(|bytes| der::Elements(bytes).field(der::BIT_STRING))
        .and_then(der::whole_bytes);
    let halves = point.and_then(|point| ec_halves(curve, point));
    Some(Public { algorithm: algorithms::ec(curve), halves })
}

fn spki(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    let algorithm = der::encode(der::SEQUENCE, algorithm);
    let bits = der::encode(der::BIT_STRING, &[&[0], key]);
    der::encode(der::SEQUENCE, &[&algorithm, &bits])
}

fn oid(contents: &[u8]) -> Vec<u8> {
    der::encode(der::OBJECT_IDENTIFIER, &[contents])
}

fn rsa_halves(modulus: &[u8], exponent: &[u8]) -> Halves {
    let numbers = [der::encode_unsigned(modulus), der::encode_unsigned(exponent)];
    let key = der::encode(der::SEQUENCE, &[&numbers[0], &numbers[1]]);
    let spki = spki(&[&oid(algorithms::RSA), &[0x05, 0x00]], &key);
    Halves { spki, ssh: Some(ssh_blob("ssh-rsa", &[exponent, modulus])) }
}

fn dsa_halves(p: &[u8], q: &[u8], g: &[u8], y: &[u8]) -> Halves {
    let [p_der, q_der, g_der] = [p, q, g].map(der::encode_unsigned);
    let domain = der::encode(der::SEQUENCE, &[&p_der, &q_der, &g_der]);
    let spki = spki(&[&oid(algorithms::DSA), &domain], &der::encode_unsigned(y));
    Halves { spki, ssh: Some(ssh_blob("ssh-dss", &[p, q, g, y])) }
}

fn ec_halves(curve: Option<&[u8]>, point: &[u8]) -> Option<Halves> {
    let curve = curve?;
    let spki = spki(&[&oid(algorithms::EC), &oid(curve)], point);
    let ssh = algorithms::ssh_curve(curve).map(|name| {
        let mut blob = Vec::new();
        ssh::put_string(&mut blob, format!("ecdsa-sha2-{name}").as_bytes());
        ssh::put_string(&mut blob, name.as_bytes());
        ssh::put_string(&mut blob, point);
        blob
    });
    Some(Halves { spki, ssh })
}

/// The public half, from the seed that is the private one (RFC 8410 §7: an OCTET STRING within).
fn ed25519_public(private: &[u8]) -> Option<Vec<u8>> {
    let seed = der::Elements(private).field(der::OCTET_STRING)?;
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    Some(aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().to_vec())
}

fn ed25519_halves(public: &[u8]) -> Halves {
    let mut blob = Vec::new();
    ssh::put_string(&mut blob, b"ssh-ed25519");
    ssh::put_string(&mut blob, public);
    Halves { spki: spki(&[&oid(algorithms::ED25519)], public), ssh: Some(blob) }
}

/// A type and positive numbers, as SSH writes them.
fn ssh_blob(algorithm: &str, numbers: &[&[u8]]) -> Vec<u8> {
    let mut blob = Vec::new();
    ssh::put_string(&mut blob, algorithm.as_bytes());
    for number in numbers {
        match number.first() {
            Some(first) if first & 0x80 != 0 => {
                ssh::put_string(&mut blob, &[&[0], *number].concat());
            }
            _ => ssh::put_string(&mut blob, number),
        }
    }
    blob
}

/// OpenSSH's own format (PROTOCOL.key): the public half stands outside the encryption.
fn openssh(bytes: &[u8], line: Option<u32>) -> Option<PrivateKey> {
    let mut wire = Wire(bytes.strip_prefix(b"openssh-key-v1\0")?);
    let cipher = wire.string()?;
    wire.string()?; // key derivation
    wire.string()?; // and its options
    if wire.number()? != 1 {
        return None; // the format allows more, no tool writes more
    }
    let blob = wire.string()?;
    let private = wire.string()?;
    let encrypted = cipher != b"none";
    let mut key = key_of_public_blob("openssh", blob, encrypted, bytes, line)?;
    if !encrypted {
        key.comment = openssh_comment(private);
    }
    Some(key)
}

fn key_of_public_blob(
    format: &'static str,
    blob: &[u8],
    encrypted: bool,
    material: &[u8],
    line: Option<u32>,
) -> Option<PrivateKey> {
    let public = ssh::key_of_blob(blob).ok()?;
    Some(PrivateKey {
        format,
        algorithm: Some(name_of_ssh(blob, &public.algorithm)),
        bits: public.bits,
        encrypted,
        spki_sha256: spki_of_blob(blob).map(|spki| HEXLOWER.encode(&Sha256::digest(&spki))),
        ssh_fingerprint: Some(public.fingerprint),
        comment: None,
        weaknesses: public.weaknesses,
        line,
        material: Secret::new(material.to_vec()),
    })
}

fn name_of_ssh(blob: &[u8], algorithm: &str) -> String {
    let mut wire = Wire(blob);
    wire.string();
    match algorithm {
        "ssh-rsa" => "RSA".into(),
        "ssh-dss" => "DSA".into(),
        "ssh-ed25519" => "Ed25519".into(),
        _ if algorithm.starts_with("ecdsa-sha2-") => {
            algorithms::ec(wire.string().and_then(algorithms::curve_of_ssh)).name
        }
        _ => algorithm.into(),
    }
}

fn spki_of_blob(blob: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Wire(blob);
    let algorithm = wire.text()?;
    let halves = match algorithm {
        "ssh-rsa" => {
            let exponent = der::unsigned(wire.string()?)?;
            rsa_halves(der::unsigned(wire.string()?)?, exponent)
        }
        "ssh-dss" => {
            let mut number = || der::unsigned(wire.string()?);
            dsa_halves(number()?, number()?, number()?, number()?)
        }
        "ssh-ed25519" => ed25519_halves(wire.string()?),
        _ if algorithm.starts_with("ecdsa-sha2-") => {
            let curve = algorithms::curve_of_ssh(wire.string()?);
            ec_halves(curve, wire.string()?)?
        }
        _ => return None,
    };
    Some(halves.spki)
}

/// The comment behind the numbers of an unencrypted key.
fn openssh_comment(private: &[u8]) -> Option<String> {
    let mut wire = Wire(private);
    (wire.number()? == wire.number()?).then_some(())?;
    let algorithm = wire.text()?;
    let n_strings = match algorithm {
        "ssh-rsa" => 6,
        "ssh-dss" => 5,
        "ssh-ed25519" => 2,
        _ if algorithm.starts_with("ecdsa-sha2-") => 3,
        _ => return None,
    };
    (0..n_strings).try_for_each(|_| wire.string().map(|_| ()))?;
    let comment = wire.text()?;
    (!comment.is_empty()).then(|| comment.chars().take(512).collect())
}

/// PuTTY's format: header lines, the public half in base64, the private half.
fn putty(bytes: &[u8]) -> Option<PrivateKey> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines().map(str::trim_end);
    lines.next()?.split_once(": ")?;
    let (mut encryption, mut comment, mut blob) = (None, None, None);
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name {
            "Encryption" => encryption = Some(value),
            "Comment" => comment = Some(value),
            "Public-Lines" => {
                let n_lines = value.parse::<usize>().ok()?;
                let base64: String = lines.by_ref().take(n_lines).collect();
                blob = Some(BASE64.decode(base64.as_bytes()).ok()?);
            }
            _ => {}
        }
    }
    let mut key = key_of_public_blob("putty", &blob?, encryption? != "none", bytes, Some(1))?;
    key.comment = comment.filter(|it| !it.is_empty()).map(|it| it.chars().take(512).collect());
    Some(key)
}
