//! How fast a service is asked: as fast as it answers, and slower each time it asks for it.

use std::time::Duration;

/// The first wait after a request too many.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(20);
/// A wait below this is none.
const SHORTEST: Duration = Duration::from_millis(10);

/// How long to wait before the next request of one service in one region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) wait: Duration,
}

impl Pace {
    /// A request was answered: an eighth less is waited before the next.
    pub(crate) fn answered(&mut self) {
        self.wait = self.wait * 7 / 8;
        if self.wait < SHORTEST {
            self.wait = Duration::ZERO;
        }
    }

    /// A request was one too many.
    pub(crate) fn throttled(&mut self) {
        self.wait = (self.wait * 2).clamp(FIRST, LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_at_once_and_shrink_slowly() {
        let mut pace = Pace::default();
        let waits: Vec<u128> = (0..9)
            .map(|_| {
                pace.throttled();
                pace.wait.as_millis()
            })
            .collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000]);
        pace.answered();
        assert_eq!(pace.wait.as_millis(), 17_500);
        for _ in 0..80 {
            pace.answered();
        }
        assert_eq!(pace.wait, Duration::ZERO);
    }
}
