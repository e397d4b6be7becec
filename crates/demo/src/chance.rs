//! Chance without randomness: every draw is a pure function of the seed and of what is drawn for,
//! so that any thing can be made without making those before it.

/// SplitMix64 (Steele, Lea, Flood 2014): a few operations for each draw, and good enough for names
/// and ages. Nothing here protects anything.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Chance {
    /// The draws for one thing: the seed, what sort of draw it is, and the number of the thing.
    pub(crate) const fn of(seed: u64, sort: u64, number: u64) -> Self {
        Self(mix(mix(seed ^ sort.wrapping_mul(GAMMA)) ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93)))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number below `n`; 0 when there is none.
    pub(crate) const fn below(&mut self, n: u64) -> u64 {
        ((self.next() as u128 * n as u128) >> 64) as u64
    }

    /// True `n` times in a thousand.
    pub(crate) const fn permille(&mut self, n: u64) -> bool {
        self.below(1000) < n
    }

    pub(crate) fn pick<T: Copy + Default>(&mut self, of: &[T]) -> T {
        let n = self.below(of.len() as u64);
        usize::try_from(n).ok().and_then(|n| of.get(n)).copied().unwrap_or_default()
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            let n = chunk.len();
            chunk.copy_from_slice(next.get(..n).unwrap_or_default());
        }
        bytes
    }

    /// Text of `n` characters out of an alphabet.
    pub(crate) fn text(&mut self, alphabet: &[u8], n: usize) -> String {
        (0..n).map(|_| char::from(self.pick(alphabet))).collect()
    }

    /// A span in seconds whose logarithm is roughly normal: half are shorter than `median`, one in
    /// twenty is longer than `2^(1.6 * spread)` times that.
    ///
    /// Whole numbers only: the powers and logarithms of the platform may differ in the last bit, and
    /// the same seed must give the same bytes everywhere.
    pub(crate) fn span(&mut self, median: u64, spread: u64) -> u64 {
        // The sum of four uniform draws, around zero, in 1/65536 of its standard deviation (which is
        // 0.577 of the width of one draw).
        let sum: i64 = (0..4).map(|_| (self.next() >> 47).cast_signed()).sum::<i64>() - 262_144;
        let deviation = sum * 866 / 1000;
        let exponent = deviation * i64::try_from(spread).unwrap_or(1);
        // 2^x as a power of two and a straight line between two of them.
        let (whole, part) =
            (exponent.div_euclid(65_536), exponent.rem_euclid(65_536).cast_unsigned());
        let line = u128::from(median) * u128::from(65_536 + part) / 65_536;
        let span =
            if whole >= 0 { line << whole.clamp(0, 20) } else { line >> (-whole).clamp(0, 40) };
        u64::try_from(span).unwrap_or(u64::MAX)
    }
}

/// Shares of a whole that fall off as in Zipf's law: the few large and the many small of every
/// organisation. Things are numbered so that those of one share lie side by side.
#[derive(Debug, Clone)]
pub(crate) struct Skew {
    /// Where each share begins, in 2^-32 of the whole; one more at the end.
    starts: Vec<u64>,
}

const WHOLE: u64 = 1 << 32;

impl Skew {
    /// `n` shares of which the k-th has the weight `1 / (k + flat)`: the greater `flat`, the more
    /// alike.
    pub(crate) fn new(n: u64, flat: u64) -> Self {
        let weights: Vec<u64> = (0..n.max(1)).map(|k| (WHOLE << 8) / (k + flat.max(1))).collect();
        let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
        let mut starts = Vec::with_capacity(weights.len() + 1);
        let mut before: u128 = 0;
        for weight in weights {
            starts.push(u64::try_from(before * u128::from(WHOLE) / total).unwrap_or(WHOLE));
            before += u128::from(weight);
        }
        starts.push(WHOLE);
        Self { starts }
    }

    pub(crate) fn len(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    /// The numbers below `n` that fall to a share.
    pub(crate) fn range(&self, share: u64, n: u64) -> std::ops::Range<u64> {
        self.start(share, n)..self.start(share + 1, n)
    }

    fn start(&self, share: u64, n: u64) -> u64 {
        let start = usize::try_from(share).ok().and_then(|share| self.starts.get(share));
        let start = u128::from(start.copied().unwrap_or(WHOLE));
        u64::try_from((start * u128::from(n)).div_ceil(u128::from(WHOLE))).unwrap_or(n)
    }

    /// The share to which a number below `n` falls.
    pub(crate) fn share(&self, number: u64, n: u64) -> u64 {
        let (mut low, mut high) = (0, self.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.start(middle, n) <= number {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    pub(crate) fn draw(&self, chance: &mut Chance) -> u64 {
        self.share(chance.below(WHOLE), WHOLE)
    }
}

/// Divides a whole into parts in the proportion of weights, so that they add up exactly: every part
/// begins where the rounded sum of those before it ends.
pub(crate) fn apportion(whole: u64, weights: &[u64]) -> Vec<u64> {
    let total: u128 = weights.iter().map(|&weight| u128::from(weight)).sum::<u128>().max(1);
    let mut before: u128 = 0;
    let mut given = 0;
    let mut parts = Vec::with_capacity(weights.len());
    for &weight in weights {
        before += u128::from(weight);
        let end = u64::try_from((u128::from(whole) * before + total / 2) / total).unwrap_or(whole);
        parts.push(end - given);
        given = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_falls_to_the_share_whose_range_holds_it() {
        for n in [1, 7, 100, 12_345] {
            let skew = Skew::new(40, 3);
            let mut end = 0;
            for share in 0..skew.len() {
                let range = skew.range(share, n);
                assert_eq!(range.start, end);
                end = range.end;
                for number in range {
                    assert_eq!(skew.share(number, n), share);
                }
            }
            assert_eq!(end, n);
        }
    }

    #[test]
    fn the_first_share_is_much_larger_than_the_last() {
        let skew = Skew::new(40, 2);
        let size = |share| skew.range(share, 100_000).count();
        assert!(size(0) > 5 * size(39), "{} {}", size(0), size(39));
    }

    #[test]
    fn half_of_the_spans_are_shorter_than_the_median() {
        let mut chance = Chance::of(1, 2, 3);
        let spans: Vec<u64> = (0..10_000).map(|_| chance.span(1000, 2)).collect();
        let shorter = spans.iter().filter(|&&span| span < 1000).count();
        assert!((4500..5500).contains(&shorter), "{shorter}");
        let long = spans.iter().filter(|&&span| span > 9_000).count();
        assert!((200..1200).contains(&long), "{long}");
    }

    #[test]
    fn parts_add_up() {
        assert_eq!(apportion(10, &[1, 1, 1]), [3, 4, 3]);
        assert_eq!(apportion(1_000_003, &[5, 0, 7]).iter().sum::<u64>(), 1_000_003);
        assert_eq!(apportion(5, &[]), [0; 0]);
    }
}
