//! The one place of the program that reads the clock.

use model::Time;

#[expect(
    clippy::disallowed_methods,
    reason = "the clock is read here and handed in everywhere else"
)]
pub(crate) fn now() -> Time {
    std::time::SystemTime::now().into()
}
