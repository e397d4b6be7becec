//! Arrays of numbers that take as little memory as their values need.

use hashbrown::HashMap;

/// Small numbers, each in one, two or four bytes: as many as the largest needs.
#[derive(Debug)]
pub(crate) enum Codes {
    Bytes(Vec<u8>),
    Pairs(Vec<u16>),
    Words(Vec<u32>),
}

impl Codes {
    pub(crate) fn with_capacity(n: usize) -> Self {
        Self::Bytes(Vec::with_capacity(n))
    }

    pub(crate) fn push(&mut self, code: u32) {
        match self {
            Self::Bytes(codes) => {
                if let Ok(code) = u8::try_from(code) {
                    codes.push(code);
                } else {
                    *self = Self::Pairs(wider(codes));
                    self.push(code);
                }
            }
            Self::Pairs(codes) => {
                if let Ok(code) = u16::try_from(code) {
                    codes.push(code);
                } else {
                    *self = Self::Words(wider(codes));
                    self.push(code);
                }
            }
            Self::Words(codes) => codes.push(code),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Bytes(codes) => codes.len(),
            Self::Pairs(codes) => codes.len(),
            Self::Words(codes) => codes.len(),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Bytes(codes) => codes.capacity(),
            Self::Pairs(codes) => codes.capacity(),
            Self::Words(codes) => codes.capacity(),
        }
    }

    pub(crate) fn get(&self, n: usize) -> Option<u32> {
        match self {
            Self::Bytes(codes) => codes.get(n).copied().map(u32::from),
            Self::Pairs(codes) => codes.get(n).copied().map(u32::from),
            Self::Words(codes) => codes.get(n).copied(),
        }
    }
}

fn wider<T: Copy, U: From<T>>(codes: &Vec<T>) -> Vec<U> {
    let mut wider = Vec::with_capacity(codes.capacity());
    wider.extend(codes.iter().map(|code| U::from(*code)));
    wider
}

/// Numbers, as codes of their values as long as there are few different ones.
#[derive(Debug)]
pub(crate) enum Numbers {
    Few { codes: Codes, values: Vec<i64>, known: HashMap<i64, u32> },
    Many(Vec<i64>),
}

/// So many different values are few.
const FEW: usize = 4_096;

impl Numbers {
    pub(crate) fn with_capacity(n: usize) -> Self {
        Self::Few { codes: Codes::with_capacity(n), values: Vec::new(), known: HashMap::new() }
    }

    pub(crate) fn push(&mut self, number: i64) {
        match self {
            Self::Many(numbers) => numbers.push(number),
            Self::Few { codes, values, known } => {
                if let Some(code) = known.get(&number) {
                    codes.push(*code);
                } else if let Ok(code) = u32::try_from(values.len())
                    && values.len() < FEW
                {
                    values.push(number);
                    known.insert(number, code);
                    codes.push(code);
                } else {
                    let n = codes.len();
                    let mut numbers = Vec::with_capacity(codes.capacity());
                    numbers.extend((0..n).filter_map(|row| self.get(row)));
                    numbers.push(number);
                    *self = Self::Many(numbers);
                }
            }
        }
    }

    pub(crate) fn get(&self, n: usize) -> Option<i64> {
        match self {
            Self::Many(numbers) => numbers.get(n).copied(),
            Self::Few { codes, values, .. } => values.get(codes.get(n)? as usize).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_got() {
        fn check(numbers: impl Iterator<Item = i64> + Clone) {
            let mut packed = Numbers::with_capacity(0);
            numbers.clone().for_each(|number| packed.push(number));
            let n = numbers.clone().count();
            assert!((0..n).map(|row| packed.get(row)).eq(numbers.map(Some)));
            assert_eq!(packed.get(n), None);
        }
        let few = |n: i64| (0..20_000).map(move |row| (row * 7) % n - 3);
        check(few(1));
        check(few(256));
        check(few(257));
        check(few(4_096));
        check(few(4_097));
        check([i64::MIN, i64::MAX, 0].into_iter());
        let mut codes = Codes::with_capacity(4);
        let all = [0, 255, 256, 65_535, 65_536, u32::MAX, 1];
        for code in all {
            codes.push(code);
        }
        assert!((0..7).map(|n| codes.get(n)).eq(all.into_iter().map(Some)));
    }
}
