//! Which events were counted already, exactly: 128-bit ids and the row each was counted in.

/// Ids that are remembered; an event beyond them is counted without being known again. 21 bytes each
/// in a table that is between 7/16 and 7/8 full: 24 to 48 MB for a million.
pub const MAX_IDS: usize = 1 << 26;

/// An event's id. Four words, since a `u128` would be padded to 32 bytes with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id([u32; 4]);

impl Id {
    /// The number of a UUID, else a hash of the text.
    pub(crate) fn of(text: &str) -> Self {
        uuid(text.as_bytes()).map_or_else(|| Self::hashed(text.as_bytes()), Self::from)
    }

    pub(crate) fn hashed(bytes: &[u8]) -> Self {
        let mut number = [0; 16];
        let hash = blake3::hash(bytes);
        number.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        Self::from(u128::from_le_bytes(number))
    }
}

impl From<u128> for Id {
    #[expect(clippy::cast_possible_truncation, reason = "the four words of the number")]
    fn from(number: u128) -> Self {
        Self([number as u32, (number >> 32) as u32, (number >> 64) as u32, (number >> 96) as u32])
    }
}

fn uuid(text: &[u8]) -> Option<u128> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut number: u128 = 0;
    for (from, to) in [(0, 8), (9, 13), (14, 18), (19, 23), (24, 36)] {
        let mut part: u64 = 0;
        let mut all = 0;
        for byte in text.get(from..to)? {
            let digit = DIGITS.get(usize::from(*byte)).copied().unwrap_or(255);
            all |= digit;
            part = part << 4 | u64::from(digit & 15);
        }
        if all > 15 || text.get(to).is_some_and(|byte| *byte != b'-') {
            return None;
        }
        number = number << (4 * (to - from)) | u128::from(part);
    }
    Some(number)
}

/// The number of a hexadecimal digit, 255 for what is none.
#[expect(clippy::indexing_slicing, reason = "a constant; what is out of bounds does not compile")]
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut n: u8 = 0;
    while n < 16 {
        let letter = if n < 10 { b'0' + n } else { b'a' + n - 10 };
        digits[letter as usize] = n;
        digits[letter.to_ascii_uppercase() as usize] = n;
        n += 1;
    }
    digits
};

/// The row of an event that is counted in none.
pub(crate) const NOT_COUNTED: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_events() {
        let id = Id::of("f0cce5bc-5f9e-4ee1-bb48-e20fecb32403");
        assert_eq!(id, Id::from(0xf0cc_e5bc_5f9e_4ee1_bb48_e20f_ecb3_2403));
        assert_eq!(id, Id::of("F0CCE5BC-5F9E-4EE1-BB48-E20FECB32403"));
        assert_ne!(Id::of("f0cce5bc"), Id::of("f0cce5bd"));
        assert_ne!(Id::of("f0cce5bc+5f9e-4ee1-bb48-e20fecb32403"), id);
        assert_eq!(size_of::<(Id, u32)>(), 20);
    }
}
