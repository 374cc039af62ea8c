//! Parameters of a feed request.

use std::fmt;

use model::Timestamp;

/// Values below this are hours back, others seconds since the epoch: whether the importer substitutes one or the other
/// is not documented, and no shop is younger than 1970-01-12.
const HOURS_BELOW: i64 = 1_000_000;
/// The largest page that may be asked for.
pub const MOST: usize = 100_000;

/// The requested part of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// At most so many items; `None`: all.
    pub limit: Option<usize>,
    /// Items to skip.
    pub offset: usize,
    /// Only records that changed after this instant.
    pub modified_after: Option<Timestamp>,
    /// One object per line rather than an array.
    pub lines: bool,
}

/// A parameter that can't be read.
#[derive(Debug, PartialEq, Eq)]
pub struct BadParameter {
    name: &'static str,
    wanted: &'static str,
}

impl fmt::Display for BadParameter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "parameter {} must be {}", self.name, self.wanted)
    }
}

impl std::error::Error for BadParameter {}

impl Parameters {
    /// Reads the pairs of a query string. Unknown names are ignored, blank values count as not given: importers leave
    /// templates such as `{{modified_after}}` blank in a full import.
    ///
    /// # Errors
    /// The first parameter that can't be read.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, now: Timestamp) -> Result<Self, BadParameter> {
        let mut read = Self::default();
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() || value.starts_with("{{") {
                continue;
            }
            match name {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                    read.limit =
                        Some(limit.ok_or(BadParameter { name: "limit", wanted: "a whole number from 1 to 100000" })?);
                }
                "offset" => {
                    read.offset =
                        value.parse().map_err(|_| BadParameter { name: "offset", wanted: "a whole number from 0" })?;
                }
                // An instant in the future counts as now: nothing has changed after it.
                "modified_after" => read.modified_after = Some(instant(value, now)?.min(now)),
                "format" => {
                    read.lines = match value {
                        "json" => false,
                        "ndjson" => true,
                        _ => return Err(BadParameter { name: "format", wanted: "json or ndjson" }),
                    };
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

fn instant(value: &str, now: Timestamp) -> Result<Timestamp, BadParameter> {
    let bad = BadParameter { name: "modified_after", wanted: "hours back, seconds since 1970, or an RFC 3339 instant" };
    if let Some(at) = Timestamp::parse(value) {
        return Ok(at);
    }
    let number: i64 = value.parse().map_err(|_| BadParameter { ..bad })?;
    if number < 0 {
        return Err(bad);
    }
    let millis = if number < HOURS_BELOW {
        now.millis().saturating_sub(number * 3_600_000)
    } else {
        number.saturating_mul(1000)
    };
    Ok(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn read(pairs: &[(&str, &str)]) -> Result<Parameters, BadParameter> {
        Parameters::read(pairs.iter().copied(), NOW)
    }

    #[test]
    fn a_blank_or_unfilled_template_counts_as_not_given() {
        let blank = read(&[("limit", ""), ("offset", "{{offset}}"), ("modified_after", " ")]);
        assert_eq!(blank, Ok(Parameters::default()));
    }

    #[test]
    fn modified_after_is_hours_back_or_seconds_or_an_instant() {
        let at = |value| read(&[("modified_after", value)]).map(|read| read.modified_after.map(Timestamp::millis));
        assert_eq!(at("2"), Ok(Some(NOW.millis() - 7_200_000)));
        assert_eq!(at("1700000000"), Ok(Some(1_700_000_000_000)));
        assert_eq!(at("2026-05-01T00:00:00Z"), Ok(Some(1_777_593_600_000)));
        assert_eq!(at("4430-05-01T00:00:00Z"), Ok(Some(NOW.millis())));
        assert_eq!(at("9223372036854775807"), Ok(Some(NOW.millis())));
        assert!(at("yesterday").is_err());
        assert!(at("-1").is_err());
    }

    #[test]
    fn a_limit_out_of_range_is_refused_rather_than_clamped() {
        assert!(read(&[("limit", "0")]).is_err());
        assert!(read(&[("limit", "100001")]).is_err());
        assert!(read(&[("limit", "9999999999999999999999")]).is_err());
        assert_eq!(read(&[("limit", "100000")]).map(|read| read.limit), Ok(Some(100_000)));
    }
}
