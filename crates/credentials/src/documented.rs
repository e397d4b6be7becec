//! Values that standards and vendors print in their documentation. They open nothing, and half of
//! all source trees quote one of them.
//!
//! A value is listed here when it stands in a published text; what merely looks made up is the
//! business of `assigned::value`.

/// Whether a value is one of them, as a whole.
pub(crate) fn is_documented(secret: &[u8]) -> bool {
    VALUES.iter().any(|value| value.as_bytes() == secret)
}

/// Sorted by where they stand.
const VALUES: &[&str] = &[
    // AWS General Reference.
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    // Azurite and the storage emulator: every installation has this key.
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    // RFC 5849 (OAuth 1.0).
    "dpf43f3p2l4k3l03",
    "kd94hf93k423kf44",
    "hh5s93j4hdidpola",
    "hdhd0244k9j7ao03",
    "nnch734d00sl2jdk",
    "pfkkdhi9sl3r4s00",
    "9djdj82h48djs9d2",
    "j49sk3j29djd",
    "kkk9d7dh3k39sjv7",
    "dh893hdasih9",
    "ja893SD9",
    // OAuth Core 1.0a, §9 and its test cases; quoted in libraries of OAuth.
    "0685bd9184jfhq22",
    "ad180jjd733klru7",
    // RFC 6749 and RFC 6750 (OAuth 2.0).
    "gX1fBat3bV",
    "7Fjfp0ZBr1KtDRbnfVdmIw",
    "2YotnFZFEjr1zCsicMWpAA",
    "tGzv3JOkF0XG5Qx2TlKWIA",
    "SplxlOBeZQQYbYS6WxSbIA",
    "mF_9.B5f-4.1JqM",
    "vF9dft4qmT",
    // RFC 6455 and RFC 7617.
    "dGhlIHNhbXBsZSBub25jZQ==",
    "open sesame",
    // RFC 6238: the key of its test vectors, in base32.
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    // Google's description of otpauth: addresses.
    "JBSWY3DPEHPK3PXP",
    // OpenID Connect Core 1.0.
    "SlAV32hkKG",
    "8xLOxBtZp8",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_value_counts() {
        assert!(is_documented(b"2YotnFZFEjr1zCsicMWpAA"));
        assert!(!is_documented(b"2YotnFZFEjr1zCsicMWpAA2"));
        assert!(!is_documented(b""));
        let once: std::collections::BTreeSet<_> = VALUES.iter().collect();
        assert_eq!(once.len(), VALUES.len());
    }
}
