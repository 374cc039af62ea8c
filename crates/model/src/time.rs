//! Instants.

use std::{fmt, time::Duration};

use jiff::{civil::date, fmt::temporal::Pieces};
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, the resolution of the platforms we read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads RFC 3339, for example `2026-05-01T10:00:00.000Z`; digits below the millisecond are cut off. What is later
    /// than can be written, such as the last hours of the year 9999 or a year of five digits, is the last instant that can;
    /// what is earlier, the first.
    pub fn parse(text: &str) -> Option<Self> {
        let at = text.parse::<jiff::Timestamp>().ok().or_else(|| at_the_end(text)).or_else(|| beyond(text))?;
        Some(Self(at.as_millisecond()))
    }

    /// This instant later by `span`, at most the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This instant earlier by `span`, at least the beginning of time.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long until `later`; zero when that has passed.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

/// The last instant, for a time beyond it: there are no instants for the last 26 hours of the calendar.
fn at_the_end(text: &str) -> Option<jiff::Timestamp> {
    let pieces = Pieces::parse(text).ok()?;
    let whole = pieces.time().is_some() && pieces.to_numeric_offset().is_some();
    (whole && pieces.date() >= date(9999, 12, 30)).then_some(jiff::Timestamp::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(out, "{at:.3}"),
            Err(_) => write!(out, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A year of more than four digits, or one before the year 0.
fn beyond(text: &str) -> Option<jiff::Timestamp> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (year, rest) = unsigned.split_at_checked(unsigned.find('-')?)?;
    let is_year = year.len() >= 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    // The rest is that of a time in any year; 2000 has a 29 February.
    let is_time = || format!("2000{rest}").parse::<jiff::Timestamp>().is_ok();
    if !is_year || !is_time() {
        return None;
    }
    if text.starts_with('-') {
        return Some(jiff::Timestamp::MIN);
    }
    (year.trim_start_matches('0').len() > 4).then_some(jiff::Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_the_calendar_is_its_first_or_last() {
        let (first, last) = (jiff::Timestamp::MIN.as_millisecond(), jiff::Timestamp::MAX.as_millisecond());
        for (text, millis) in [
            ("+12026-01-01T00:00:00.000Z", last),
            ("12026-02-29T00:00:00Z", last),
            ("+99999999999999999999-01-01T00:00:00Z", last),
            ("+292278994-08-17T07:12:55.807Z", last),
            ("-0001-01-01T00:00:00Z", first),
            ("-292275055-05-16T16:47:04.192Z", first),
        ] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::millis), Some(millis), "{text}");
        }
        for text in ["+12026-13-01T00:00:00Z", "12026-01-01", "+-01-01T00:00:00Z", "-", "+1202x-01-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_at_the_end_of_the_calendar_is_one() {
        let whole = Timestamp::parse("9999-12-30T22:00:00.999Z");
        for text in ["9999-12-31T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(Timestamp::parse(text), whole, "{text}");
        }
        assert_eq!(Timestamp::parse("2026-05-01T10:00:00.000+02:00"), Timestamp::parse("2026-05-01T08:00:00Z"));
        for text in ["", "9999-12-31", "9999-13-31T00:00:00Z", "9999-12-31T00:00:00", "for ever"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
