//! Names, sizes and weaknesses of key and signature algorithms, by object identifier.
//!
//! What counts as weak: RSA and DSA below 2048 bits, any DSA, curves below 224 bits (NIST SP
//! 800-57), signatures over MD2, MD4, MD5 or SHA-1.

use crate::der;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAlgorithm {
    /// `RSA`, `EC P-256`, `Ed25519` …; the dotted identifier when it is not known here.
    pub(crate) name: String,
    pub(crate) bits: Option<u32>,
    pub(crate) weakness: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureAlgorithm {
    pub(crate) name: String,
    pub(crate) weakness: Option<String>,
}

/// Contents of object identifiers.
pub(crate) const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
pub(crate) const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(crate) const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// Curves: identifier, name, bits.
const CURVES: &[(&[u8], &str, u32)] = &[
    (P256, "P-256", 256),
    (P384, "P-384", 384),
    (P521, "P-521", 521),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01], "P-192", 192),
    (&[0x2b, 0x81, 0x04, 0x00, 0x21], "P-224", 224),
    (&[0x2b, 0x81, 0x04, 0x00, 0x06], "secp112r1", 112),
    (&[0x2b, 0x81, 0x04, 0x00, 0x1c], "secp128r1", 128),
    (&[0x2b, 0x81, 0x04, 0x00, 0x08], "secp160r1", 160),
    (&[0x2b, 0x81, 0x04, 0x00, 0x09], "secp160k1", 160),
    (&[0x2b, 0x81, 0x04, 0x00, 0x1f], "secp192k1", 192),
    (&[0x2b, 0x81, 0x04, 0x00, 0x20], "secp224k1", 224),
    (&[0x2b, 0x81, 0x04, 0x00, 0x0a], "secp256k1", 256),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], "brainpoolP256r1", 256),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b], "brainpoolP384r1", 384),
    (&[0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d], "brainpoolP512r1", 512),
    (&[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d], "SM2", 256),
];

/// Algorithms whose identifier alone says everything: identifier, name, bits.
const PLAIN: &[(&[u8], &str, Option<u32>)] = &[
    (ED25519, "Ed25519", Some(256)),
    (&[0x2b, 0x65, 0x71], "Ed448", Some(456)),
    (&[0x2b, 0x65, 0x6e], "X25519", Some(256)),
    (&[0x2b, 0x65, 0x6f], "X448", Some(448)),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11], "ML-DSA-44", None),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12], "ML-DSA-65", None),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13], "ML-DSA-87", None),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3e, 0x02, 0x01], "DH", None),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01], "DH", None),
];

/// Signature algorithms: identifier, name, whether its hash is broken.
const SIGNATURES: &[(&[u8], &str, bool)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02], "MD2 with RSA", true),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x03], "MD4 with RSA", true),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "MD5 with RSA", true),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], "SHA-1 with RSA", true),
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1d], "SHA-1 with RSA", true),
    (&[0x2b, 0x0e, 0x03, 0x02, 0x03], "MD5 with RSA", true),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e], "SHA-224 with RSA", false),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], "SHA-256 with RSA", false),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], "SHA-384 with RSA", false),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], "SHA-512 with RSA", false),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], "SHA-1 with DSA", true),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x01], "SHA-224 with DSA", false),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x02], "SHA-256 with DSA", false),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "SHA-1 with ECDSA", true),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01], "SHA-224 with ECDSA", false),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], "SHA-256 with ECDSA", false),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], "SHA-384 with ECDSA", false),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], "SHA-512 with ECDSA", false),
];

/// Hashes that RSA-PSS may name in its parameters.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const PSS_HASHES: &[(&[u8], &str)] = &[
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], "SHA-256 with RSA-PSS"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], "SHA-384 with RSA-PSS"),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], "SHA-512 with RSA-PSS"),
];

/// A public key as a SubjectPublicKeyInfo holds it. `named_curve` is the identifier in its
/// parameters, if that is what they are; `parameters` their contents.
pub(crate) fn public_key(
    oid: &[u8],
    named_curve: Option<&[u8]>,
    parameters: &[u8],
    key: &[u8],
) -> KeyAlgorithm {
    if oid == RSA || oid == RSA_PSS {
        let modulus = der::sequence(key).and_then(|mut fields| fields.field(der::INTEGER));
        return rsa(modulus.and_then(der::unsigned).map(der::bit_length));
    }
    if oid == EC {
        return ec(named_curve);
    }
    if oid == DSA {
        let prime = der::Elements(parameters).field(der::INTEGER);
        return dsa(prime.and_then(der::unsigned).map(der::bit_length));
    }
    match PLAIN.iter().find(|(id, ..)| *id == oid) {
        Some((_, name, bits)) => plain(name, *bits),
        None => KeyAlgorithm { name: dotted(oid), bits: None, weakness: None },
    }
}

pub(crate) fn plain(name: &str, bits: Option<u32>) -> KeyAlgorithm {
    KeyAlgorithm { name: name.into(), bits, weakness: None }
}

pub(crate) fn rsa(bits: Option<u32>) -> KeyAlgorithm {
    let weakness = bits.filter(|bits| *bits < 2048).map(|bits| format!("RSA key of {bits} bits"));
    KeyAlgorithm { name: "RSA".into(), bits, weakness }
}

pub(crate) fn dsa(bits: Option<u32>) -> KeyAlgorithm {
    KeyAlgorithm { name: "DSA".into(), bits, weakness: Some("DSA key".into()) }
}

pub(crate) fn ec(named_curve: Option<&[u8]>) -> KeyAlgorithm {
    let Some(oid) = named_curve else {
        return KeyAlgorithm {
            name: "EC".into(),
            bits: None,
            weakness: Some("EC key on a curve of its own making".into()),
        };
    };
    match CURVES.iter().find(|(id, ..)| *id == oid) {
        Some((_, name, bits)) => KeyAlgorithm {
            name: format!("EC {name}"),
            bits: Some(*bits),
            weakness: (*bits < 224).then(|| format!("EC key of {bits} bits")),
        },
        None => KeyAlgorithm { name: format!("EC {}", dotted(oid)), bits: None, weakness: None },
    }
}

pub(crate) fn signature(oid: &[u8], parameters: &[u8]) -> SignatureAlgorithm {
    let (name, broken) = if oid == RSA_PSS {
        // SHA-1 is the default of RFC 4055, so a missing hash says SHA-1.
        let hash = der::Elements(parameters)
            .field(der::CONTEXT_0)
            .and_then(der::sequence)
            .and_then(|mut fields| fields.field(der::OBJECT_IDENTIFIER))
            .unwrap_or(SHA1);
        match PSS_HASHES.iter().find(|(id, _)| *id == hash) {
            Some((_, name)) => ((*name).into(), false),
            None if hash == SHA1 => ("SHA-1 with RSA-PSS".into(), true),
            None => ("RSA-PSS".into(), false),
        }
    } else if let Some((_, name, broken)) = SIGNATURES.iter().find(|(id, ..)| *id == oid) {
        ((*name).into(), *broken)
    } else if let Some((_, name, _)) = PLAIN.iter().find(|(id, ..)| *id == oid) {
        ((*name).into(), false)
    } else {
        (dotted(oid), false)
    };
    let weakness = broken.then(|| format!("signed by {name}"));
    SignatureAlgorithm { name, weakness }
}

/// Short names of RFC 4514 and those that OpenSSL prints.
pub(crate) fn attribute(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 4] => "SN",
        [0x55, 0x04, 5] => "serialNumber",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "street",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        [0x55, 0x04, 12] => "title",
        [0x55, 0x04, 15] => "businessCategory",
        [0x55, 0x04, 17] => "postalCode",
        [0x55, 0x04, 42] => "GN",
        [0x55, 0x04, 46] => "dnQualifier",
        [0x55, 0x04, 97] => "organizationIdentifier",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        _ => return None,
    })
}

/// `1.2.840.113549`, of an identifier's contents; longer ones than any real one are cut.
pub(crate) fn dotted(oid: &[u8]) -> String {
    let mut text = String::new();
    let mut arc: u64 = 0;
    for byte in oid.iter().take(64) {
        arc = (arc << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (arc / 40).min(2);
            text = format!("{first}.{}", arc - 40 * first);
        } else {
            text.push('.');
            text.push_str(&arc.to_string());
        }
        arc = 0;
    }
    text
}

/// The name of a curve as SSH writes it, for the curves SSH has.
pub(crate) fn ssh_curve(oid: &[u8]) -> Option<&'static str> {
    match oid {
        P256 => Some("nistp256"),
        P384 => Some("nistp384"),
        P521 => Some("nistp521"),
        _ => None,
    }
}

/// The identifier of a curve that SSH names.
pub(crate) fn curve_of_ssh(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"nistp256" => Some(P256),
        b"nistp384" => Some(P384),
        b"nistp521" => Some(P521),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_in_dots() {
        assert_eq!(dotted(RSA), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(ED25519), "1.3.101.112");
        assert_eq!(dotted(&[0x88, 0x37, 0x03]), "2.999.3");
        assert_eq!(dotted(&[0xff; 100]), "");
    }
}
