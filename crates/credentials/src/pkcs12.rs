//! PKCS#12 stores (RFC 7292) and Java key stores, opened with the empty password or not at all.
//!
//! What is not encrypted is read as it is: certificates and names in a Java store, clear parts of a
//! PKCS#12 one. What opens with the empty password is not protected, and is read too. Key
//! derivation is the costly part, so its rounds are counted before it starts.

use model::Secret;

use crate::der;
use crate::keys::{self, PrivateKey};
use crate::password_encryption::{self, Meter};
pub use crate::password_encryption::{MAX_SOURCE_ROUNDS, MAX_STORE_ROUNDS, Rounds};
use crate::x509::{self, Certificate};

/// A store with more entries than this is read up to here.
pub const MAX_ENTRIES: usize = 10_000;
/// Safe contents nested deeper than this are not read.
const MAX_DEPTH: usize = 4;

#[derive(Debug, Clone)]
pub struct Store {
    /// `pkcs12`, `jks` or `jceks`.
    pub format: &'static str,
    /// Certificates and keys; empty when it could not be opened without a password.
    pub certificates: Vec<Certificate>,
    pub keys: Vec<PrivateKey>,
    /// Whether a password is needed to read it, or a part of it.
    pub encrypted: bool,
    /// Whether a part was not tried: it asks for more key-derivation rounds than were left.
    pub is_too_costly: bool,
    /// Names of entries, where they can be read without a password.
    pub aliases: Vec<String>,
}

/// Whether the bytes start as a PKCS#12 or Java key store does.
pub fn looks_like_store(bytes: &[u8]) -> bool {
    java_format(bytes).is_some() || pfx(bytes).is_some()
}

/// Reads a store; the rounds that opening it takes are taken from `rounds`.
pub fn read(bytes: &[u8], rounds: &Rounds) -> Result<Store, String> {
    if let Some(format) = java_format(bytes) {
        return java(bytes, format).ok_or_else(|| "a Java key store that breaks off".into());
    }
    let Some(content) = pfx(bytes) else {
        return Err("neither a PKCS#12 store in DER nor a Java key store".into());
    };
    let mut reader = Reader {
        store: Store {
            format: "pkcs12",
            certificates: Vec::new(),
            keys: Vec::new(),
            encrypted: false,
            is_too_costly: false,
            aliases: Vec::new(),
        },
        meter: Meter::new(rounds),
        n_entries: 0,
    };
    reader.authenticated_safe(content).ok_or("a PKCS#12 store that cannot be parsed")?;
    reader.store.is_too_costly = reader.meter.is_exceeded;
    // A key and its certificate have the same name.
    reader.store.aliases.sort();
    reader.store.aliases.dedup();
    Ok(reader.store)
}

/// `1.2.840.113549.1.7.1`, `.6`, and what follows for bags and attributes.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
const X509_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];
const SET: u8 = 0x31;

/// The contents of the outer `data` of a PFX: version 3, then a ContentInfo.
fn pfx(bytes: &[u8]) -> Option<&[u8]> {
    let mut fields = der::sequence(bytes)?;
    fields.field(der::INTEGER).filter(|version| *version == [3])?;
    let mut content = der::Elements(fields.field(der::SEQUENCE)?);
    content.field(der::OBJECT_IDENTIFIER).filter(|oid| *oid == DATA)?;
    der::Elements(content.field(der::CONTEXT_0)?).field(der::OCTET_STRING)
}

struct Reader<'a> {
    store: Store,
    meter: Meter<'a>,
    n_entries: usize,
}

impl Reader<'_> {
    fn authenticated_safe(&mut self, bytes: &[u8]) -> Option<()> {
        let mut contents = der::sequence(bytes)?;
        while let Some(content) = contents.field(der::SEQUENCE) {
            let mut content = der::Elements(content);
            let kind = content.field(der::OBJECT_IDENTIFIER)?;
            let mut value = der::Elements(content.field(der::CONTEXT_0)?);
            match kind {
                DATA => self.safe_contents(value.field(der::OCTET_STRING)?, MAX_DEPTH),
                ENCRYPTED_DATA => self.encrypted_data(value)?,
                // Enveloped for somebody's public key.
                _ => self.store.encrypted = true,
            }
        }
        Some(())
    }

    fn encrypted_data(&mut self, mut value: der::Elements<'_>) -> Option<()> {
        let mut fields = der::Elements(value.field(der::SEQUENCE)?);
        fields.field(der::INTEGER)?;
        let mut info = der::Elements(fields.field(der::SEQUENCE)?);
        info.field(der::OBJECT_IDENTIFIER)?;
        let algorithm = info.element()?;
        // `[0]`, implicit and primitive.
        let bytes = info.element().filter(|element| element.tag == 0x80)?.contents;
        match self.decrypt(algorithm.raw, bytes) {
            Some(clear) => self.safe_contents(clear.reveal(), MAX_DEPTH),
            None => self.store.encrypted = true,
        }
        Some(())
    }

    /// Opens with the empty password; after the first part that does not open so, none is tried.
    fn decrypt(&mut self, algorithm: &[u8], bytes: &[u8]) -> Option<Secret<Vec<u8>>> {
        if self.store.encrypted {
            return None;
        }
        password_encryption::decrypt_without_password(algorithm, bytes, &mut self.meter)
    }

    fn safe_contents(&mut self, bytes: &[u8], depth: usize) {
        let Some(mut bags) = der::sequence(bytes) else {
            self.store.encrypted = true; // decrypted to nonsense: the padding fitted by chance
            return;
        };
        while let Some(bag) = bags.field(der::SEQUENCE) {
            if self.n_entries == MAX_ENTRIES {
                return;
            }
            self.n_entries += 1;
            self.bag(der::Elements(bag), depth);
        }
    }

    fn bag(&mut self, mut bag: der::Elements<'_>, depth: usize) -> Option<()> {
        let kind = bag.field(der::OBJECT_IDENTIFIER)?.strip_prefix(BAG)?;
        let value = bag.field(der::CONTEXT_0)?;
        let alias = bag.field(SET).and_then(friendly_name);
        self.store.aliases.extend(alias.clone());
        match kind {
            [1] => self.key(keys::key_of_der(value, None)?, alias),
            [2] => {
                let mut fields = der::sequence(value)?;
                let algorithm = fields.element()?.raw;
                let bytes = fields.field(der::OCTET_STRING)?;
                let opened = self.decrypt(algorithm, bytes);
                let key = opened.and_then(|clear| keys::key_of_der(clear.reveal(), None));
                if key.is_none() {
                    self.store.encrypted = true;
                }
                self.key(key.or_else(|| keys::key_of_der(value, None))?, alias);
            }
            [3] => {
                let mut fields = der::sequence(value)?;
                fields.field(der::OBJECT_IDENTIFIER).filter(|oid| *oid == X509_BAG)?;
                let bytes =
                    der::Elements(fields.field(der::CONTEXT_0)?).field(der::OCTET_STRING)?;
                self.store.certificates.extend(x509::certificate(bytes, None));
            }
            [6] => self.safe_contents(value, depth.checked_sub(1)?),
            _ => {}
        }
        Some(())
    }

    fn key(&mut self, mut key: PrivateKey, alias: Option<String>) {
        key.comment = alias;
        self.store.keys.push(key);
    }
}

fn friendly_name(attributes: &[u8]) -> Option<String> {
    let mut attributes = der::Elements(attributes);
    while let Some(attribute) = attributes.field(der::SEQUENCE) {
        let mut fields = der::Elements(attribute);
        if fields.field(der::OBJECT_IDENTIFIER)? == FRIENDLY_NAME {
            let name = der::Elements(fields.field(SET)?).element()?.contents;
            let units = name.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
            let name = char::decode_utf16(units.map(u16::from_be_bytes));
            return Some(name.map(|c| c.unwrap_or('\u{fffd}')).take(512).collect());
        }
    }
    None
}

fn java_format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 1 | 2, ..] => Some("jks"),
        [0xce, 0xce, 0xce, 0xce, 0, 0, 0, 1 | 2, ..] => Some("jceks"),
        _ => None,
    }
}

/// Java's own format: names and certificates in clear, keys encrypted.
fn java(bytes: &[u8], format: &'static str) -> Option<Store> {
    let mut bytes = Java(bytes);
    bytes.number()?;
    let version = bytes.number()?;
    let n_entries = usize::try_from(bytes.number()?).ok()?;
    let mut store = Store {
        format,
        certificates: Vec::new(),
        keys: Vec::new(),
        encrypted: false,
        is_too_costly: false,
        aliases: Vec::new(),
    };
    for _ in 0..n_entries.min(MAX_ENTRIES) {
        let kind = bytes.number()?;
        let alias = bytes.text()?;
        bytes.take(8)?; // when it was made
        store.aliases.push(alias.clone());
        match kind {
            1 => {
                let protected = bytes.counted()?;
                let n_chain = bytes.number()?;
                let mut leaf = None;
                for _ in 0..n_chain.min(100) {
                    let certificate = bytes.certificate(version)?;
                    if let Ok(certificate) = x509::certificate(certificate, None) {
                        leaf.get_or_insert_with(|| certificate.clone());
                        store.certificates.push(certificate);
                    }
                }
                store.encrypted = true;
                store.keys.push(PrivateKey {
                    format,
                    algorithm: leaf.as_ref().map(|leaf| leaf.algorithm.clone()),
                    bits: leaf.as_ref().and_then(|leaf| leaf.bits),
                    encrypted: true,
                    spki_sha256: leaf.map(|leaf| leaf.spki_sha256),
                    ssh_fingerprint: None,
                    comment: Some(alias),
                    weaknesses: Vec::new(),
                    line: None,
                    material: protected.to_vec().into(),
                });
            }
            2 => {
                let certificate = bytes.certificate(version)?;
                store.certificates.extend(x509::certificate(certificate, None));
            }
            // A secret key is a serialised Java object without a length: what follows is out of
            // reach.
            _ => {
                store.encrypted = true;
                return Some(store);
            }
        }
    }
    if n_entries <= MAX_ENTRIES {
        bytes.take(20)?; // a digest over everything and the password
    }
    Some(store)
}

struct Java<'a>(&'a [u8]);

impl<'a> Java<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(u16::from_be_bytes(self.take(2)?.try_into().ok()?));
        Some(String::from_utf8_lossy(self.take(length)?).chars().take(512).collect())
    }

    fn certificate(&mut self, version: u32) -> Option<&'a [u8]> {
        if version == 2 {
            self.text()?; // `X.509`
        }
        self.counted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            let java = [&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], bytes.as_slice()].concat();
            for bytes in [bytes, java] {
                assert!(read(&bytes, &Rounds::default()).is_err() || looks_like_store(&bytes));
            }
        }
    }
}
