//! Stable ids: the same thing gets the same id from every source, on every machine, for ever.
//!
//! An id is `<prefix>_` and the base32 of BLAKE3-128 over (system, instance, kind class, native
//! id). *System* is the system of record, never the connector that saw the thing.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD_NOCASE;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Where a thing lives, in the words of the system that is the record for it.
///
/// `system` is `aws`, `linux`, `x509` …; `instance` is the account, cluster UID, machine id, tenant
/// or server address (empty when the system has only one, such as `x509`); `class` separates
/// native ids that may be equal though the things differ; `native_id` is kept verbatim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Native<'a> {
    pub system: &'a str,
    pub instance: &'a str,
    pub class: &'a str,
    pub native_id: &'a str,
}

impl<'a> Native<'a> {
    pub fn new(system: &'a str, instance: &'a str, class: &'a str, native_id: &'a str) -> Self {
        Self { system, instance, class, native_id }
    }

    /// BLAKE3-128 over the four parts, each preceded by its length, so that no two different
    /// tuples have the same bytes.
    fn digest(self) -> [u8; 16] {
        let parts = [self.system, self.instance, self.class, self.native_id];
        let n_bytes: usize = parts.iter().map(|part| 8 + part.len()).sum();
        // Hashed at once: to begin and end a hasher takes longer than so few bytes do.
        let mut bytes = Vec::with_capacity(n_bytes);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let mut id = [0; 16];
        for (place, byte) in id.iter_mut().zip(blake3::hash(&bytes).as_bytes()) {
            *place = *byte;
        }
        id
    }
}

/// Why a text is not an id of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_` and 26 base32 characters")]
pub struct InvalidId {
    pub text: String,
    pub prefix: &'static str,
}

fn parse(text: &str, prefix: &'static str) -> Result<[u8; 16], InvalidId> {
    let invalid = || InvalidId { text: text.chars().take(80).collect(), prefix };
    let body = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|body| body.len() == 26)
        .ok_or_else(invalid)?;
    let bytes = BASE32_NOPAD_NOCASE.decode(body.as_bytes()).map_err(|_| invalid())?;
    bytes.try_into().map_err(|_| invalid())
}

/// The prefix, `_` and 26 letters and digits.
const TEXT_BYTES: usize = 3 + 1 + 26;

/// An id as text, in a buffer.
fn text<'a>(prefix: &str, id: &[u8; 16], buffer: &'a mut [u8; TEXT_BYTES]) -> &'a str {
    let (front, letters) = buffer.split_at_mut(4);
    front.copy_from_slice(&[b'_'; 4]);
    for (place, byte) in front.iter_mut().zip(prefix.bytes()) {
        *place = byte;
    }
    BASE32_NOPAD_NOCASE.encode_mut(id, letters);
    letters.make_ascii_lowercase();
    std::str::from_utf8(buffer).unwrap_or_default()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn of(native: Native<'_>) -> Self {
                Self(native.digest())
            }

            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; TEXT_BYTES];
                f.write_str(text($prefix, &self.0, &mut buffer))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            /// As text, or as its bytes where nobody reads them (to hash it).
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if !serializer.is_human_readable() {
                    return serializer.serialize_bytes(&self.0);
                }
                let mut buffer = [0; TEXT_BYTES];
                serializer.serialize_str(text($prefix, &self.0, &mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[a-z2-7]{26}$"),
                })
            }
        }
    )*};
}

ids! {
    /// A principal that is not a person.
    IdentityId = "idn";
    /// What proves an identity.
    CredentialId = "crd";
    /// Where a credential was found or is used from.
    PlaceId = "plc";
    /// Identity → actions on resources.
    GrantId = "grt";
    /// Who can become an identity, how, under which conditions.
    TrustId = "tru";
    /// A thing a grant speaks about.
    ResourceId = "res";
    /// A policy document.
    PolicyId = "pol";
    /// An organisation, account, cluster, host, repository or folder that a source reads.
    ScopeId = "scp";
    /// One candidate for the ownership of one identity.
    OwnerLinkId = "own";
    /// A person or a team.
    PartyId = "pty";
    /// Rule × subject.
    FindingId = "fnd";
    /// A configured connector.
    SourceId = "src";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_pinned() {
        // A change of this text orphans every stored row of every user.
        let id = IdentityId::of(Native::new("linux", "machine", "account", "backup"));
        insta::assert_snapshot!(id, @"idn_kuznffx76be7scsrbrhbr2qm6e");
    }

    #[test]
    fn parts_do_not_run_together() {
        let one = IdentityId::of(Native::new("a", "bc", "d", ""));
        let other = IdentityId::of(Native::new("ab", "c", "d", ""));
        assert_ne!(one, other);
    }

    proptest::proptest! {
        #[test]
        fn text_form_round_trips(bytes: [u8; 16]) {
            let id = CredentialId::from_bytes(bytes);
            proptest::prop_assert_eq!(id.to_string().parse::<CredentialId>(), Ok(id));
            proptest::prop_assert!(id.to_string().parse::<PlaceId>().is_err());
        }

        #[test]
        fn any_text_is_refused_or_parsed(text: String) {
            if let Ok(id) = text.parse::<IdentityId>() {
                proptest::prop_assert_eq!(id.to_string(), text.to_ascii_lowercase());
            }
        }
    }
}
