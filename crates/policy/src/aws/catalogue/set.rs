//! Sets of actions: one bit for each id of a catalogue, about 2.8 kB.

use std::ops::Range;

use super::ActionId;

/// Sets are of one catalogue; beyond the end of the smaller of two there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ActionSet {
    words: Box<[u64]>,
}

impl ActionSet {
    pub(super) fn empty(n_ids: usize) -> Self {
        Self { words: vec![0; n_ids.div_ceil(64)].into() }
    }

    fn place(id: u32) -> (usize, u32) {
        (usize::try_from(id / 64).unwrap_or(usize::MAX), id % 64)
    }

    /// An id of another catalogue is left out.
    pub fn insert(&mut self, id: ActionId) {
        let (word, bit) = Self::place(id.0);
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    pub(in crate::aws) fn insert_range(&mut self, ids: Range<u32>) {
        if ids.is_empty() {
            return;
        }
        let ((first, from), (last, to)) = (Self::place(ids.start), Self::place(ids.end - 1));
        let Some(words) = self.words.get_mut(first..=last) else { return };
        let n_words = words.len();
        for (n, word) in words.iter_mut().enumerate() {
            let low = if n == 0 { u64::MAX << from } else { u64::MAX };
            let high = if n + 1 == n_words { u64::MAX >> (63 - to) } else { u64::MAX };
            *word |= low & high;
        }
    }

    pub fn contains(&self, id: ActionId) -> bool {
        let (word, bit) = Self::place(id.0);
        self.words.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The ids as ranges, in order, none of which meets the next.
    pub fn ranges(&self) -> Vec<Range<u32>> {
        let mut ranges = Vec::new();
        let mut open: Option<u32> = None;
        for (n, word) in (0..).zip(&self.words) {
            let (mut at, mut rest) = (0, *word);
            // Each step ends a run of equal bits.
            while at < 64 {
                let run = match open {
                    Some(_) => rest.trailing_ones(),
                    None => rest.trailing_zeros(),
                };
                let run = run.min(64 - at);
                at += run;
                if at < 64 {
                    rest >>= run;
                    let id = n * 64 + at;
                    match open.take() {
                        Some(start) => ranges.push(start..id),
                        None => open = Some(id),
                    }
                }
            }
        }
        let end = u32::try_from(self.words.len() * 64).unwrap_or(u32::MAX);
        ranges.extend(open.map(|start| start..end));
        ranges
    }

    /// How many ids there are in it, those of unknown actions counted as one each.
    pub fn len(&self) -> usize {
        let n_bits: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        usize::try_from(n_bits).unwrap_or(usize::MAX)
    }

    fn with(&self, other: &Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        let words = self.words.iter().zip(others).map(|(one, other)| join(*one, other));
        Self { words: words.collect() }
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.with(other, |one, other| one | other)
    }

    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.with(other, |one, other| one & other)
    }

    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.with(other, |one, other| one & !other)
    }

    pub fn insert_all(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    pub fn remove_all(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    pub fn is_subset(&self, other: &Self) -> bool {
        let others = other.words.iter().copied().chain(std::iter::repeat(0));
        self.words.iter().zip(others).all(|(one, other)| one & !other == 0)
    }

    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).all(|(one, other)| one & other == 0)
    }

    /// In the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = ActionId> {
        self.words.iter().zip(0_u32..).flat_map(|(word, n)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(ActionId(n * 64 + bit))
            })
        })
    }
}
