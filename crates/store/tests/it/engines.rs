//! The engines under test.

use model::Time;
use store::Store;

/// Runs `test` on a fresh store of every engine there is.
pub(crate) fn on_each(test: impl Fn(&Store)) {
    test(&Store::in_memory(Time::default()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    test(&Store::open(folder.path(), "tests", Time::default()).unwrap());
}

#[test]
fn postgresql_is_said_to_be_skipped() {
    println!("skipped: PostgreSQL has no engine yet; TEST_POSTGRES_URL will name one");
}
