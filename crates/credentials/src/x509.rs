//! X.509 certificates (RFC 5280) in PEM and DER.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER;
use model::Time;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::algorithms::{self, KeyAlgorithm};
use crate::{der, pem};

/// A certificate with more names than this keeps the first ones and says so.
pub const MAX_NAMES: usize = 1_000;
/// A file with more certificates than this (a bundle) is read up to here.
pub const MAX_CERTIFICATES: usize = 10_000;
/// A subject, issuer or name longer than this many bytes is cut here, with `…` for the rest.
pub const MAX_NAME_BYTES: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Hex of SHA-256 over the DER: the native id.
    pub sha256: String,
    /// Hex of SHA-256 over the SubjectPublicKeyInfo: what joins it to its private key.
    pub spki_sha256: String,
    /// RFC 4514 text.
    pub subject: String,
    pub issuer: String,
    /// Hex without separators.
    pub serial: String,
    pub not_before: Time,
    pub not_after: Time,
    /// `dns:…`, `ip:…`, `uri:…` (SPIFFE ids among them), `email:…`.
    pub names: Vec<String>,
    pub names_truncated: bool,
    /// `RSA`, `EC P-256`, `Ed25519` …
    pub algorithm: String,
    pub bits: Option<u32>,
    pub signature_algorithm: String,
    pub is_ca: bool,
    pub self_signed: bool,
    /// Whether its extended key usage names it; without that extension, neither is said.
    pub client_auth: bool,
    pub server_auth: bool,
    /// Weak algorithms and sizes, as sentences; empty when there are none.
    pub weaknesses: Vec<String>,
    /// Line of the PEM header, from 1; none for DER.
    pub line: Option<u32>,
}

/// All certificates in a file's bytes, PEM (among anything else) or one DER; what is not
/// parseable is a `(line, problem)`.
pub fn certificates(bytes: &[u8]) -> (Vec<Certificate>, Vec<(u32, String)>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    if looks_like_der(bytes) {
        match certificate(bytes, None) {
            Ok(certificate) => found.push(certificate),
            Err(problem) => problems.push((1, problem)),
        }
        return (found, problems);
    }
    pem::blocks(bytes, is_certificate_label, &mut problems, &mut |block, problems| {
        if found.len() == MAX_CERTIFICATES {
            let problem =
                format!("more than {MAX_CERTIFICATES} certificates; the rest is not read");
            problems.push((block.line, problem));
            return false;
        }
        let certificate = match block.decode() {
            Ok(decoded) => certificate(&decoded.bytes, Some(block.line)),
            Err(problem) => Err(problem.into()),
        };
        match certificate {
            Ok(certificate) => found.push(certificate),
            Err(problem) => problems.push((block.line, problem)),
        }
        true
    });
    (found, problems)
}

/// Whether the bytes have the outer shape of one DER certificate, complete or cut short: a
/// sequence with a long length, holding a sequence that starts with a version or a serial number.
pub(crate) fn looks_like_der(bytes: &[u8]) -> bool {
    let Some([der::SEQUENCE, 0x82 | 0x83, ..]) = bytes.get(..8) else { return false };
    let header = if bytes.get(1) == Some(&0x82) { 4 } else { 5 };
    let Some([der::SEQUENCE, 0x82, _, _, inner @ ..]) = bytes.get(header..) else { return false };
    // The version, `[0] { INTEGER }`, is five bytes; a version 1 certificate starts with its serial
    // number and the signature algorithm, which a signing request does not have there.
    let mut fields = der::Elements(inner);
    matches!(inner, [der::CONTEXT_0, 3, der::INTEGER, 1, ..])
        || fields.field(der::INTEGER).is_some()
            && matches!(fields.0, [der::SEQUENCE, _, der::OBJECT_IDENTIFIER, ..])
}

/// `TRUSTED CERTIFICATE` is OpenSSL's: a certificate and its own notes on trust behind it.
fn is_certificate_label(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE")
}

/// One certificate; what stands behind it is ignored.
pub(crate) fn certificate(bytes: &[u8], line: Option<u32>) -> Result<Certificate, String> {
    let raw = der::Elements(bytes)
        .peek()
        .ok_or("it ends before the length it states, or is not DER at all")?
        .raw;
    let (_, parsed) = X509Certificate::from_der(raw)
        .map_err(|_| "it is DER, but not an X.509 certificate that can be parsed")?;
    let tbs = &parsed.tbs_certificate;
    let key = key_algorithm(&tbs.subject_pki);
    let signature_oid = parsed.signature_algorithm.algorithm.as_bytes();
    let signature = algorithms::signature(signature_oid, parameters(&parsed));
    let mut certificate = Certificate {
        sha256: HEXLOWER.encode(&Sha256::digest(raw)),
        spki_sha256: HEXLOWER.encode(&Sha256::digest(tbs.subject_pki.raw)),
        subject: distinguished_name(&tbs.subject),
        issuer: distinguished_name(&tbs.issuer),
        serial: serial(parsed.raw_serial()),
        not_before: Time::from_seconds(tbs.validity.not_before.timestamp()),
        not_after: Time::from_seconds(tbs.validity.not_after.timestamp()),
        names: Vec::new(),
        names_truncated: false,
        algorithm: key.name,
        bits: key.bits,
        signature_algorithm: signature.name,
        is_ca: false,
        self_signed: tbs.subject.as_raw() == tbs.issuer.as_raw(),
        client_auth: false,
        server_auth: false,
        weaknesses: key.weakness.into_iter().collect(),
        line,
    };
    let (mut own_key_id, mut issuer_key_id) = (None, None);
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                let room = MAX_NAMES.saturating_sub(certificate.names.len());
                certificate.names_truncated |= names.general_names.len() > room;
                let names = names.general_names.iter().filter_map(general_name).take(room);
                certificate.names.extend(names);
            }
            ParsedExtension::BasicConstraints(constraints) => certificate.is_ca |= constraints.ca,
            ParsedExtension::ExtendedKeyUsage(usage) => {
                certificate.client_auth |= usage.client_auth || usage.any;
                certificate.server_auth |= usage.server_auth || usage.any;
            }
            ParsedExtension::SubjectKeyIdentifier(id) => own_key_id = Some(id.0),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                issuer_key_id = id.key_identifier.as_ref().map(|id| id.0);
            }
            _ => {}
        }
    }
    // A CA that changed its key and kept its name signs its new certificate with the old key.
    if let (Some(own), Some(issuer)) = (own_key_id, issuer_key_id) {
        certificate.self_signed &= own == issuer;
    }
    // Nobody relies on the signature of a root: it is trusted because it is in the list.
    if !(certificate.self_signed && certificate.is_ca) {
        certificate.weaknesses.extend(signature.weakness);
    }
    Ok(certificate)
}

fn parameters<'a>(certificate: &'a X509Certificate<'_>) -> &'a [u8] {
    certificate.signature_algorithm.parameters.as_ref().map_or(&[], |any| any.data)
}

fn key_algorithm(key: &SubjectPublicKeyInfo<'_>) -> KeyAlgorithm {
    let parameters = key.algorithm.parameters.as_ref();
    let named_curve = parameters.filter(|any| any.tag().0 == 6).map(|any| any.data);
    algorithms::public_key(
        key.algorithm.algorithm.as_bytes(),
        named_curve,
        parameters.map_or(&[], |any| any.data),
        &key.subject_public_key.data,
    )
}

/// As numbers are written: without the zero that only keeps it positive.
fn serial(bytes: &[u8]) -> String {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => HEXLOWER.encode(rest),
        _ => HEXLOWER.encode(bytes),
    }
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("dns:{}", clean(&name.to_ascii_lowercase()))),
        GeneralName::RFC822Name(address) => Some(format!("email:{}", clean(address))),
        GeneralName::URI(uri) => Some(format!("uri:{}", clean(uri))),
        GeneralName::IPAddress(bytes) => {
            if let Ok(octets) = <[u8; 4]>::try_from(*bytes) {
                Some(format!("ip:{}", Ipv4Addr::from(octets)))
            } else if let Ok(octets) = <[u8; 16]>::try_from(*bytes) {
                Some(format!("ip:{}", Ipv6Addr::from(octets)))
            } else {
                None
            }
        }
        GeneralName::DirectoryName(name) => Some(format!("name:{}", distinguished_name(name))),
        _ => None,
    }
}

/// A name for a list: cut at its cap.
fn clean(name: &str) -> String {
    let mut cut = String::with_capacity(name.len().min(MAX_NAME_BYTES));
    for c in name.chars() {
        if cut.len() >= MAX_NAME_BYTES {
            cut.push('…');
            break;
        }
        cut.push(c);
    }
    cut
}

/// RFC 4514: the last relative name first, `+` within one, special characters escaped.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    let names: Vec<_> = name.iter_rdn().collect();
    for (n, relative) in names.iter().rev().enumerate() {
        if n > 0 {
            text.push(',');
        }
        for (m, attribute) in relative.iter().enumerate() {
            if m > 0 {
                text.push('+');
            }
            if text.len() >= MAX_NAME_BYTES {
                text.push('…');
                return text;
            }
            let oid = attribute.attr_type();
            match algorithms::attribute(oid.as_bytes()) {
                Some(short) => text.push_str(short),
                None => text.push_str(&oid.to_id_string()),
            }
            text.push('=');
            push_value(&mut text, attribute.attr_value().tag().0, attribute.as_slice());
        }
    }
    text
}

fn push_value(text: &mut String, tag: u32, value: &[u8]) {
    // BMPString is UTF-16, TeletexString in practice Latin-1; the others are ASCII or UTF-8.
    let decoded: String = match (tag, std::str::from_utf8(value)) {
        (30, _) => {
            let units = value.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
            char::decode_utf16(units.map(u16::from_be_bytes))
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .take(MAX_NAME_BYTES)
                .collect()
        }
        (_, Ok(value)) => value.chars().take(MAX_NAME_BYTES).collect(),
        (_, Err(_)) => value.iter().take(MAX_NAME_BYTES).map(|byte| char::from(*byte)).collect(),
    };
    let n_chars = decoded.chars().count();
    for (n, c) in decoded.chars().enumerate() {
        let at_edge = n == 0 || n + 1 == n_chars;
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', c]),
            '#' if n == 0 => text.push_str("\\#"),
            ' ' if at_edge => text.push_str("\\ "),
            c if c.is_control() => {
                let mut octets = [0; 4];
                for octet in c.encode_utf8(&mut octets).bytes() {
                    write!(text, "\\{octet:02x}").unwrap_or_default();
                }
            }
            c => text.push(c),
        }
    }
}
