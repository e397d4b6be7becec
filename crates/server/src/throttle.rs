//! How often somebody may guess: per name, and overall.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use app::{Error, Kind};
use model::Time;

use crate::problem::TOO_MANY_ATTEMPTS;

/// Attempts that failed, per name and window, before the name waits.
pub const MAX_PER_NAME: u32 = 5;
/// Attempts of all names per window: also bounds what password hashing costs, and the log of those
/// who tried.
pub const MAX_OVERALL: u32 = 100;
pub const WINDOW: Duration = Duration::from_mins(5);
/// Names that are remembered; beyond it only the overall limit holds.
const MAX_NAMES: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Tries>);

#[derive(Debug, Default)]
struct Tries {
    since: Option<Time>,
    overall: u32,
    /// By a hash of the name, so that no map holds what strangers typed.
    by_name: HashMap<[u8; 16], u32>,
}

fn key(name: &str) -> [u8; 16] {
    let mut key = [0; 16];
    blake3::Hasher::new().update(name.to_lowercase().as_bytes()).finalize_xof().fill(&mut key);
    key
}

impl Throttle {
    /// Counts an attempt before it is made; a success takes it back with [`Throttle::forgive`].
    pub(crate) fn attempt(&self, name: &str, now: Time) -> Result<(), Error> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.since.is_none_or(|since| now.since(since) >= WINDOW) {
            *tries = Tries { since: Some(now), ..Tries::default() };
        }
        tries.overall += 1;
        let overall = tries.overall;
        let room = tries.by_name.len() < MAX_NAMES;
        let key = key(name);
        let of_name = if let Some(n) = tries.by_name.get_mut(&key) {
            *n += 1;
            *n
        } else {
            if room {
                tries.by_name.insert(key, 1);
            }
            1
        };
        if overall <= MAX_OVERALL && of_name <= MAX_PER_NAME {
            return Ok(());
        }
        Err(Error::new(Kind::Unavailable, TOO_MANY_ATTEMPTS, "too many attempts")
            .hint("wait five minutes, or use a sign-in link made on the machine with `tutela people link`"))
    }

    pub(crate) fn forgive(&self, name: &str) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.overall = tries.overall.saturating_sub(1);
        tries.by_name.remove(&key(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_waits_and_others_do_not() {
        let throttle = Throttle::default();
        let now = Time::from_seconds(1_000);
        for _ in 0..MAX_PER_NAME {
            throttle.attempt("ada", now).unwrap();
        }
        assert_eq!(throttle.attempt("Ada", now).unwrap_err().code, TOO_MANY_ATTEMPTS);
        throttle.attempt("bob", now).unwrap();
        throttle.attempt("ada", now.plus(WINDOW)).unwrap();
    }

    #[test]
    fn all_names_together_wait() {
        let throttle = Throttle::default();
        let now = Time::from_seconds(1_000);
        let refused =
            (0..=MAX_OVERALL).filter(|n| throttle.attempt(&n.to_string(), now).is_err()).count();
        assert_eq!(refused, 1);
    }
}
