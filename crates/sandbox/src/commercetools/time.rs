//! Instants: milliseconds since 1970 inside, RFC 3339 with three digits and `Z` outside.

use jiff::Timestamp;

/// The platform's way to print an instant.
pub(super) fn print(milliseconds: i64) -> String {
    let instant = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{instant:.3}")
}

/// Microseconds of a date and time with offset. `None` when `text` is not one.
pub(super) fn microseconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// Milliseconds of a date and time with offset, fractions cut.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The value of a `Date` header.
pub(super) fn http_date(milliseconds: i64) -> String {
    let instant = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
