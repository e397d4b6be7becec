//! Password-based encryption as PKCS#12 uses it, with the empty password only: PBES2 (RFC 8018)
//! and the two old schemes of RFC 7292 that are still met.

use std::sync::atomic::{AtomicU64, Ordering};

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use model::Secret;
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::Kdf;
use sha1::{Digest, Sha1};

use crate::der;

/// `pbeWithSHAAnd3-KeyTripleDES-CBC` and `pbeWithSHAAnd40BitRC2-CBC`.
const TRIPLE_DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x03];
const RC2_40: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01, 0x06];

/// A store that asks for more key-derivation rounds than this, all its parts together, is not
/// opened.
pub const MAX_STORE_ROUNDS: u64 = 100_000;
/// Rounds for all the stores of one source. A round is one hash, or two of an HMAC.
pub const MAX_SOURCE_ROUNDS: u64 = 100_000_000;

/// Key-derivation rounds that are left for the stores of one source, whichever thread meets them.
#[derive(Debug)]
pub struct Rounds(AtomicU64);

impl Rounds {
    pub fn new(n: u64) -> Self {
        Self(AtomicU64::new(n))
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Self::new(MAX_SOURCE_ROUNDS)
    }
}

/// The rounds that one store may still ask for.
pub(crate) struct Meter<'a> {
    store: u64,
    source: &'a Rounds,
    /// Whether more was asked for than was left.
    pub is_exceeded: bool,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(source: &'a Rounds) -> Self {
        Self { store: MAX_STORE_ROUNDS, source, is_exceeded: false }
    }

    fn spend(&mut self, rounds: u64) -> Option<()> {
        let of_store = self.store.checked_sub(rounds);
        let spent = of_store.and_then(|left| {
            self.store = left;
            let relaxed = Ordering::Relaxed;
            self.source.0.fetch_update(relaxed, relaxed, |left| left.checked_sub(rounds)).ok()
        });
        self.is_exceeded |= spent.is_none();
        spent.map(|_| ())
    }
}

/// Decrypts with the empty password, when the rounds it takes are left; they are then spent.
pub(crate) fn decrypt_without_password(
    algorithm: &[u8],
    bytes: &[u8],
    meter: &mut Meter<'_>,
) -> Option<Secret<Vec<u8>>> {
    let mut fields = der::sequence(algorithm)?;
    let oid = fields.field(der::OBJECT_IDENTIFIER)?;
    if oid != TRIPLE_DES && oid != RC2_40 {
        return pbes2(algorithm, bytes, meter);
    }
    let mut parameters = der::Elements(fields.field(der::SEQUENCE)?);
    let salt = parameters.field(der::OCTET_STRING).filter(|salt| salt.len() <= 64)?;
    let rounds = number(parameters.field(der::INTEGER)?)?;
    // Some tools end the empty password with two zero bytes, others leave nothing.
    [&[0, 0][..], &[]].into_iter().find_map(|password| {
        meter.spend(3 * rounds)?;
        let clear = if oid == TRIPLE_DES {
            cbc_decrypt::<des::TdesEde3>(bytes, password, salt, rounds, 24)
        } else {
            cbc_decrypt::<rc2::Rc2>(bytes, password, salt, rounds, 5)
        };
        // A wrong key gives a right padding once in 256 times.
        clear.filter(|clear| der::sequence(clear.reveal()).is_some())
    })
}

fn pbes2(algorithm: &[u8], bytes: &[u8], meter: &mut Meter<'_>) -> Option<Secret<Vec<u8>>> {
    let EncryptionScheme::Pbes2(parameters) = EncryptionScheme::try_from(algorithm).ok()? else {
        return None;
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(kdf) => meter.spend(u64::from(kdf.iteration_count))?,
        // scrypt asks for memory as well; no tool writes stores with it.
        _ => return None,
    }
    let clear = Secret::new(parameters.decrypt([], bytes).ok()?);
    der::sequence(clear.reveal()).is_some().then_some(clear)
}

fn number(integer: &[u8]) -> Option<u64> {
    let digits = der::unsigned(integer).filter(|digits| digits.len() <= 4)?;
    Some(digits.iter().fold(0, |number, digit| (number << 8) | u64::from(*digit)))
}

fn cbc_decrypt<C: KeyInit + BlockCipherDecrypt>(
    bytes: &[u8],
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    key_length: usize,
) -> Option<Secret<Vec<u8>>> {
    let key = derive(1, password, salt, rounds, key_length);
    let vector = derive(2, password, salt, rounds, 8);
    let cipher = cbc::Decryptor::<C>::new_from_slices(key.reveal(), vector.reveal()).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(bytes).ok().map(Secret::new)
}

const BLOCK: usize = 64;

/// RFC 7292 §B.2 with SHA-1; `purpose` is 1 for keys, 2 for initial vectors.
fn derive(
    purpose: u8,
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    length: usize,
) -> Secret<Vec<u8>> {
    let fill = |bytes: &[u8]| {
        let length = bytes.len().div_ceil(BLOCK) * BLOCK;
        bytes.iter().copied().cycle().take(length).collect::<Vec<u8>>()
    };
    let mut input = [fill(salt), fill(password)].concat();
    let mut output = Vec::new();
    while output.len() < length {
        let mut digest = Sha1::new().chain_update([purpose; BLOCK]).chain_update(&input).finalize();
        for _ in 1..rounds {
            digest = Sha1::digest(digest);
        }
        output.extend_from_slice(&digest);
        let addend = fill(&digest);
        for block in input.chunks_exact_mut(BLOCK) {
            let mut carry = 1;
            for (byte, add) in block.iter_mut().rev().zip(addend.iter().take(BLOCK).rev()) {
                let sum = u16::from(*byte) + u16::from(*add) + carry;
                let [high, low] = sum.to_be_bytes();
                *byte = low;
                carry = u16::from(high);
            }
        }
    }
    output.truncate(length);
    Secret::new(output)
}
