//! Finds many short words in bytes in one pass: the filter in front of every rule.
//!
//! Each word is known by the rarest three bytes in it. Whether three bytes may be some word's is
//! one cell of a table that stays in the innermost cache, and a position does not wait for the one
//! before it as in an automaton, which makes this several times faster than one. Only where the
//! cell is set are the words themselves compared.

use std::ops::Range;

/// Words are known by so many of their bytes, so none is shorter.
const GRAM: usize = 3;
/// The table has `2^14` cells of a byte: half of the innermost cache, and nearly all are empty.
const HASH_BITS: u32 = 14;
const N_CELLS: usize = 1 << HASH_BITS;
/// So many positions are looked at before one of them is asked about.
const BLOCK: usize = 8;
/// The bytes which that takes: positions are read as four bytes, of which the last has no say.
const BLOCK_BYTES: usize = BLOCK + GRAM;

/// Words to look for.
#[derive(Debug)]
pub(crate) struct Keywords {
    may_be: Box<[u8; N_CELLS]>,
    /// In order of their grams.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    gram: u32,
    /// Where in the word the gram stands.
    offset: usize,
    word: &'static [u8],
    index: usize,
}

impl Keywords {
    /// None when a word is too short to be known.
    pub(crate) fn new(words: impl IntoIterator<Item = &'static str>) -> Option<Self> {
        let mut may_be = Box::new([0; N_CELLS]);
        let mut known = Vec::new();
        for (index, word) in words.into_iter().enumerate() {
            let word = word.as_bytes();
            let grams = word.array_windows().enumerate();
            let (offset, gram) = grams.min_by_key(|(_, gram)| commonness(**gram))?;
            let gram = gram_of(*gram);
            *may_be.get_mut(cell_of(gram))? = 1;
            known.push(Known { gram, offset, word, index });
        }
        known.sort_by_key(|it| it.gram);
        Some(Self { may_be, known })
    }

    /// Calls `sink` with the index and the span of every word, also of those within others, until
    /// it says no. They come roughly in order of position.
    pub(crate) fn find(&self, bytes: &[u8], mut sink: impl FnMut(usize, Range<usize>) -> bool) {
        let mut at = 0;
        while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK_BYTES>) {
            let cells = block.array_windows().map(|four| self.cell(u32::from_le_bytes(*four)));
            let is_empty = cells.fold(0, |all, cell| all | cell) == 0;
            if !is_empty && !self.words_from(bytes, at, &mut sink) {
                return;
            }
            at += BLOCK;
        }
        self.words_from(bytes, at, &mut sink);
    }

    fn cell(&self, gram: u32) -> u8 {
        self.may_be.get(cell_of(gram)).copied().unwrap_or_default()
    }

    /// The words known at the positions of one block.
    #[inline(never)]
    fn words_from(
        &self,
        bytes: &[u8],
        from: usize,
        sink: &mut impl FnMut(usize, Range<usize>) -> bool,
    ) -> bool {
        let positions = bytes.get(from..bytes.len().min(from + BLOCK_BYTES)).unwrap_or_default();
        // The last position of a whole block is the first of the next one.
        for (at, gram) in (from..).zip(positions.array_windows()).take(BLOCK) {
            let gram = gram_of(*gram);
            if self.cell(gram) != 0 && !self.words_at(bytes, at, gram, sink) {
                return false;
            }
        }
        true
    }

    fn words_at(
        &self,
        bytes: &[u8],
        at: usize,
        gram: u32,
        sink: &mut impl FnMut(usize, Range<usize>) -> bool,
    ) -> bool {
        let first = self.known.partition_point(|it| it.gram < gram);
        for known in self.known.iter().skip(first).take_while(|it| it.gram == gram) {
            let Some(start) = at.checked_sub(known.offset) else { continue };
            let end = start + known.word.len();
            if bytes.get(start..end) == Some(known.word) && !sink(known.index, start..end) {
                return false;
            }
        }
        true
    }
}

const fn gram_of([first, second, third]: [u8; GRAM]) -> u32 {
    u32::from_le_bytes([first, second, third, 0])
}

/// The cell of a gram; the uppermost byte has no say in it.
const fn cell_of(gram: u32) -> usize {
    // Fibonacci hashing: the upper bits of a product with the golden ratio are well mixed. The
    // factor's empty lower byte shifts the uppermost byte of the gram out of the product.
    (gram.wrapping_mul(0x9e37_7900) >> (u32::BITS - HASH_BITS)) as usize
}

/// How often three bytes are to be expected in text and source code, roughly.
fn commonness(gram: [u8; GRAM]) -> usize {
    const FROM_COMMONEST: &[u8] = b" etaoinsrlcdupm-_gfhybw/.";
    let of_byte = |byte: &u8| {
        let rank = FROM_COMMONEST.iter().position(|it| it == byte);
        rank.map_or(0, |rank| FROM_COMMONEST.len() - rank)
    };
    gram.iter().map(of_byte).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RULES;

    fn found(words: &[&'static str], bytes: &[u8]) -> Vec<(usize, Range<usize>)> {
        let mut all = Vec::new();
        let keywords = Keywords::new(words.iter().copied()).unwrap();
        keywords.find(bytes, |index, span| {
            all.push((index, span));
            true
        });
        all.sort_by_key(|(index, span)| (span.start, *index));
        all
    }

    fn expected(words: &[&'static str], bytes: &[u8]) -> Vec<(usize, Range<usize>)> {
        let mut all = Vec::new();
        for start in 0..bytes.len() {
            for (index, word) in words.iter().enumerate() {
                if bytes[start..].starts_with(word.as_bytes()) {
                    all.push((index, start..start + word.len()));
                }
            }
        }
        all
    }

    fn words_of_rules() -> Vec<&'static str> {
        RULES.iter().flat_map(|rule| rule.keywords.iter().copied()).collect()
    }

    #[test]
    fn words_within_and_beside_others() {
        let words = ["token", "ken", "_token", "://", "key-", "tok"];
        for text in ["", "to", "token", "_token://", "tokentoken", "keykey-", ":://///", "toke"] {
            assert_eq!(found(&words, text.as_bytes()), expected(&words, text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_word_too_short_is_refused() {
        assert!(Keywords::new(["token", "ab"]).is_none());
    }

    #[test]
    fn the_words_of_the_rules_are_long_enough() {
        assert!(Keywords::new(words_of_rules()).is_some());
    }

    proptest::proptest! {
        #[test]
        fn every_word_is_found_and_nothing_else(
            parts in proptest::collection::vec(("[a-zA-Z_:/-]{0,4}", proptest::sample::select(words_of_rules())), 0..12),
            cut in 0..8_usize,
        ) {
            let text: String = parts.iter().flat_map(|(between, word)| [between.as_str(), word]).collect();
            let bytes = text.as_bytes();
            let bytes = &bytes[cut.min(bytes.len())..];
            let words = words_of_rules();
            assert_eq!(found(&words, bytes), expected(&words, bytes));
        }
    }
}
