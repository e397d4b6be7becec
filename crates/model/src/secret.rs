//! Secret values in memory, and the keyed fingerprint that is all we ever keep of them.

use std::fmt;

use data_encoding::BASE32_NOPAD_NOCASE;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret in memory: prints `[redacted]`, is wiped when dropped, and has no serialised form.
///
/// [`Secret::reveal`] is the one way to the value; search for it to see every use.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Never print, log, store or send what this returns.
    pub const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// Keyed BLAKE3-128 of a secret: equal secrets have equal fingerprints in one installation, and
/// nobody without the installation's key can test a guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b3:{}", BASE32_NOPAD_NOCASE.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    /// As text, or as its bytes where nobody reads them (to hash it).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.strip_prefix("b3:")
            .and_then(|body| BASE32_NOPAD_NOCASE.decode(body.as_bytes()).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| de::Error::custom("not a fingerprint of the form `b3:` and base32"))
    }
}

impl schemars::JsonSchema for Fingerprint {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fingerprint".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^b3:[a-z2-7]{26}$" })
    }
}

/// Makes fingerprints with one installation's key.
#[derive(Clone)]
pub struct Fingerprinter {
    key: Secret<[u8; 32]>,
}

impl Fingerprinter {
    pub const fn new(key: Secret<[u8; 32]>) -> Self {
        Self { key }
    }

    /// The fingerprint of a secret of any length.
    pub fn of(&self, secret: &[u8]) -> Fingerprint {
        let mut fingerprint = [0; 16];
        let mut hasher = blake3::Hasher::new_keyed(self.key.reveal());
        hasher.update(secret);
        hasher.finalize_xof().fill(&mut fingerprint);
        Fingerprint(fingerprint)
    }
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprinter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_redacted() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "[redacted] [redacted] Some([redacted])"
        );
        assert_eq!(format!("{:?}", Fingerprinter::new(Secret::new([7; 32]))), "Fingerprinter");
    }

    #[test]
    fn fingerprints_depend_on_key_and_secret() {
        let print = |key: u8, secret: &str| {
            Fingerprinter::new(Secret::new([key; 32])).of(secret.as_bytes())
        };
        assert_eq!(print(1, "a"), print(1, "a"));
        assert_ne!(print(1, "a"), print(2, "a"));
        assert_ne!(print(1, "a"), print(1, "b"));
    }

    proptest::proptest! {
        #[test]
        fn text_form_round_trips(bytes: [u8; 16]) {
            let fingerprint = Fingerprint::from_bytes(bytes);
            let json = serde_json::to_string(&fingerprint).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), fingerprint);
        }
    }
}
