//! A moment, in microseconds since 1970-01-01 UTC, written as RFC 3339.
//!
//! Nothing here reads a clock: `now` is always handed in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// Why a text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time such as `2026-11-22T10:00:00Z`")]
pub struct InvalidTime(pub String);

impl Time {
    /// The earliest and latest moments that RFC 3339 can write: years 0001 and 9999.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// Microseconds since the epoch; clamped to what RFC 3339 can write.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros(span)))
    }

    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros(span)))
    }

    /// The span from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `2026-11-22`.
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

const EPOCH: jiff::civil::DateTime = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl From<std::time::SystemTime> for Time {
    fn from(time: std::time::SystemTime) -> Self {
        match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Self::from_micros(micros(after)),
            Err(before) => Self::from_micros(-micros(before.duration())),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => fmt::Display::fmt(&timestamp, f),
            // The last day of 9999, RFC 5280's "no well-defined expiry", is past the library's range.
            Err(_) => match EPOCH.checked_add(jiff::SignedDuration::from_micros(self.0)) {
                Ok(civil) => write!(f, "{civil}Z"),
                Err(_) => Err(fmt::Error),
            },
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    /// RFC 3339, or a bare date meaning its first moment in UTC.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let invalid = || InvalidTime(text.chars().take(80).collect());
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::from_micros(timestamp.as_microsecond()));
        }
        if let Some(civil) = text.strip_suffix('Z').and_then(|civil| civil.parse().ok()) {
            return Ok(Self::from_micros(micros_of(EPOCH.duration_until(civil))));
        }
        let date = text.parse::<jiff::civil::Date>().map_err(|_| invalid())?;
        Ok(Self::from_micros(micros_of(
            EPOCH.duration_until(date.to_datetime(jiff::civil::Time::midnight())),
        )))
    }
}

fn micros_of(span: jiff::SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_moments_parse() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Time>().unwrap().to_string(), expected, "{text}");
        };
        check("2026-11-22", "2026-11-22T00:00:00Z");
        check("2026-11-22T10:00:00+02:00", "2026-11-22T08:00:00Z");
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
        check("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z");
        assert!("tomorrow".parse::<Time>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn text_form_round_trips(micros: i64) {
            let time = Time::from_micros(micros);
            proptest::prop_assert_eq!(time.to_string().parse::<Time>(), Ok(time));
        }
    }
}
