//! How much one person may ask at once, by all their sessions and tokens: whoever asks for more waits
//! or is told to come again, and nobody else notices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app::{Error, Kind};
use store::PersonId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::TOO_MANY_AT_ONCE;

/// Requests of one person that are worked on at once; more wait for their turn.
pub const MAX_PER_PERSON: usize = 8;
/// Those and the ones that wait; more are refused at once, so that no line fills the server.
pub const MAX_IN_LINE: usize = 32;
/// Exports of one person that run at once, see [`crate::server::MAX_EXPORTS`].
pub const MAX_EXPORTS_PER_PERSON: usize = 2;
/// Event streams of one person, see [`crate::server::MAX_LISTENERS`]: each page that is open is one.
pub const MAX_LISTENERS_PER_PERSON: usize = 32;
/// A turn that has not come by then is given up.
pub const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// One line for each person who ever asked; there are no more of them than were added.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<i64, Line>>);

#[derive(Debug, Clone)]
struct Line {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
}

/// Held while a request of the person is worked on.
#[derive(Debug)]
#[expect(dead_code, reason = "held until the request is answered")]
pub(crate) struct Turn(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// Held while something of the person's that lasts goes on.
#[derive(Debug)]
#[expect(dead_code, reason = "held until it ends")]
pub(crate) struct OneOfTheirs(Option<OwnedSemaphorePermit>);

impl OneOfTheirs {
    fn take(of: Option<Arc<Semaphore>>) -> Result<Self, Error> {
        let permit = of.map(Semaphore::try_acquire_owned).transpose();
        permit.map(Self).map_err(|_| too_many())
    }
}

impl Turns {
    /// Waits for a turn; who `lingers`, as for the end of a sync, takes a place in the line only.
    pub(crate) async fn take(&self, person: PersonId, lingers: bool) -> Result<Turn, Error> {
        let line = self.line(person);
        let place = line.places.try_acquire_owned().map_err(|_| too_many())?;
        if lingers {
            return Ok(Turn(place, None));
        }
        let turn = tokio::time::timeout(TURN_PATIENCE, line.turns.acquire_owned()).await;
        let turn = turn.map_err(|_| too_many())?.map_err(Error::internal)?;
        Ok(Turn(place, Some(turn)))
    }

    /// One of the person's exports; who is none, such as the owner of the data folder, has no limit
    /// of their own.
    pub(crate) fn export(&self, person: Option<PersonId>) -> Result<OneOfTheirs, Error> {
        OneOfTheirs::take(person.map(|person| self.line(person).exports))
    }

    /// The same of event streams.
    pub(crate) fn listener(&self, person: Option<PersonId>) -> Result<OneOfTheirs, Error> {
        OneOfTheirs::take(person.map(|person| self.line(person).listeners))
    }

    fn line(&self, person: PersonId) -> Line {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(person.0).or_insert_with(|| Line {
            turns: Arc::new(Semaphore::new(MAX_PER_PERSON)),
            places: Arc::new(Semaphore::new(MAX_IN_LINE)),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS_PER_PERSON)),
            listeners: Arc::new(Semaphore::new(MAX_LISTENERS_PER_PERSON)),
        });
        line.clone()
    }
}

fn too_many() -> Error {
    Error::new(Kind::Unavailable, TOO_MANY_AT_ONCE, "you ask too much at once")
        .hint("wait for the answers that are under way; others are answered meanwhile")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_person_waits_and_others_do_not() {
        tokio::time::pause();
        let turns = Turns::default();
        let (ada, bob) = (PersonId(1), PersonId(2));
        let mut held = Vec::new();
        for _ in 0..MAX_PER_PERSON {
            held.push(turns.take(ada, false).await.unwrap());
        }
        assert_eq!(turns.take(ada, false).await.unwrap_err().code, TOO_MANY_AT_ONCE);
        turns.take(bob, false).await.unwrap();
        for _ in MAX_PER_PERSON..MAX_IN_LINE {
            held.push(turns.take(ada, true).await.unwrap());
        }
        assert_eq!(turns.take(ada, true).await.unwrap_err().code, TOO_MANY_AT_ONCE);
        held.remove(0);
        turns.take(ada, false).await.unwrap();
    }

    #[test]
    fn what_lasts_is_limited_for_each_person() {
        let turns = Turns::default();
        let (ada, bob) = (Some(PersonId(1)), Some(PersonId(2)));
        let mut held: Vec<_> =
            (0..MAX_EXPORTS_PER_PERSON).map(|_| turns.export(ada).unwrap()).collect();
        assert_eq!(turns.export(ada).unwrap_err().code, TOO_MANY_AT_ONCE);
        turns.listener(ada).unwrap();
        turns.export(bob).unwrap();
        held.extend((0..100).map(|_| turns.export(None).unwrap()));
        held.remove(0);
        turns.export(ada).unwrap();
    }
}
