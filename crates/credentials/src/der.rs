//! The little of DER (X.690) that key files need: elements one after another, none copied, none
//! trusted for its length.

/// `SEQUENCE`, `SET`, and so on, as their identifier octets.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
/// `[0]` and `[1]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
pub(crate) const CONTEXT_1: u8 = 0xa1;

/// One element: its identifier octet, its contents, and both with the length between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    pub(crate) raw: &'a [u8],
}

/// Elements of a sequence, in order; ends at the first thing that is not one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elements<'a>(pub(crate) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element if it has this tag; otherwise nothing is taken.
    pub(crate) fn field(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let element = ahead.element().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element.contents)
    }

    pub(crate) fn peek(mut self) -> Option<Element<'a>> {
        self.element()
    }

    /// The next element, whatever it is.
    pub(crate) fn element(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None; // tag numbers above 30 are not used by any key format
        }
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let n_octets = usize::from(first & 0x7f);
            if n_octets == 0 || n_octets > 4 {
                return None; // indefinite (not DER), or longer than any file we read
            }
            let (octets, after) = rest.split_at_checked(n_octets)?;
            length = octets.iter().fold(0, |length, octet| (length << 8) | usize::from(*octet));
            rest = after;
        }
        let (contents, after) = rest.split_at_checked(length)?;
        let raw = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Element { tag, contents, raw })
    }
}

/// The contents of a sequence that starts the bytes.
pub(crate) fn sequence(bytes: &[u8]) -> Option<Elements<'_>> {
    Elements(bytes).field(SEQUENCE).map(Elements)
}

/// The bits of a `BIT STRING` that is whole bytes.
pub(crate) fn whole_bytes(bit_string: &[u8]) -> Option<&[u8]> {
    match bit_string.split_first()? {
        (0, bytes) => Some(bytes),
        _ => None,
    }
}

/// An unsigned integer without leading zeros; none when negative.
pub(crate) fn unsigned(integer: &[u8]) -> Option<&[u8]> {
    if integer.first()? & 0x80 != 0 {
        return None;
    }
    let n_zeros = integer.iter().take_while(|byte| **byte == 0).count();
    integer.get(n_zeros..)
}

/// Bits of an unsigned integer as [`unsigned`] gives it.
pub(crate) fn bit_length(unsigned: &[u8]) -> u32 {
    let Some(first) = unsigned.first() else { return 0 };
    let bits = unsigned.len().saturating_mul(8) - first.leading_zeros() as usize;
    u32::try_from(bits).unwrap_or(u32::MAX)
}

/// An element made of parts.
pub(crate) fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(length + 6);
    bytes.push(tag);
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let n_zeros = octets.iter().take_while(|octet| **octet == 0).count();
            let octets = octets.get(n_zeros..).unwrap_or_default();
            bytes.push(0x80 | u8::try_from(octets.len()).unwrap_or(8));
            bytes.extend_from_slice(octets);
        }
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// An `INTEGER` element of an unsigned number without leading zeros.
pub(crate) fn encode_unsigned(number: &[u8]) -> Vec<u8> {
    match number.first() {
        None => encode(INTEGER, &[&[0]]),
        Some(first) if first & 0x80 != 0 => encode(INTEGER, &[&[0], number]),
        Some(_) => encode(INTEGER, &[number]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_not_trusted() {
        let check = |bytes: &[u8], expected: usize| {
            let mut elements = Elements(bytes);
            let n_elements = std::iter::from_fn(|| elements.element()).count();
            assert_eq!(n_elements, expected, "{bytes:x?}");
        };
        check(&[0x30, 0x00, 0x02, 0x01, 0x05], 2);
        check(&[0x30, 0x05, 0x00], 0);
        check(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], 0);
        check(&[0x30, 0x85, 0, 0, 0, 0, 0], 0);
        check(&[0x30, 0x80, 0x00, 0x00], 0);
        check(&[0x1f, 0x81, 0x00], 0);
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_read(contents: Vec<u8>) {
            let bytes = encode(OCTET_STRING, &[&contents]);
            let element = Elements(&bytes).element().unwrap();
            proptest::prop_assert_eq!(element.contents, contents.as_slice());
            proptest::prop_assert_eq!(element.raw, bytes.as_slice());
        }
    }
}
