//! Checks of a connector's settings, so that a mistake is worded alike whatever platform it is made for.
//!
//! **Invariant:** no value of a setting is shown unless the caller passes it.

use std::{fmt::Display, ops::RangeInclusive};

use contract::{BadSetting, Fault};

use crate::Url;

/// Checks the settings of one platform.
#[derive(Clone, Copy, Debug)]
pub struct Checks {
    platform: &'static str,
    code: &'static str,
}

impl Checks {
    /// Checks of this platform; what they refuse has this error code.
    pub const fn of(platform: &'static str, code: &'static str) -> Self {
        Self { platform, code }
    }

    /// A setting that is refused: what is wrong with it, and what it must be.
    pub fn refused(self, setting: &'static str, wrong: impl Display, must: impl Into<String>) -> BadSetting {
        Fault::config(self.code, format!("{}: {setting} {wrong}", self.platform)).hint(must).of_setting(setting)
    }

    /// A number must lie in a range.
    ///
    /// # Errors
    /// It does not; the hint has the range.
    pub fn within(
        self,
        setting: &'static str,
        value: impl Into<u32>,
        range: RangeInclusive<u32>,
    ) -> Result<(), BadSetting> {
        let value = value.into();
        if range.contains(&value) {
            return Ok(());
        }
        let must = format!("it must be from {} to {}", range.start(), range.end());
        Err(self.refused(setting, format_args!("is {value}"), must))
    }

    /// The base URL of an API: absolute, http or https, and nothing behind its path.
    ///
    /// # Errors
    /// It is none; the hint has `example`.
    pub fn base_url(self, setting: &'static str, text: &str, example: &str) -> Result<Url, BadSetting> {
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|host| !host.is_empty())
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        url.ok_or_else(|| {
            let wrong = "is no absolute http(s) URL without user, password, query and fragment";
            self.refused(setting, wrong, format!("write it like {example}"))
        })
    }
}

/// The default of a switch that is on.
pub const fn yes() -> bool {
    true
}

/// The default of the longest wait for an answer, in seconds.
pub const fn timeout_seconds() -> u16 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: Checks = Checks::of("platform", "C0999");

    #[test]
    fn numbers_outside_of_their_range_are_refused_with_the_range() {
        assert!(CHECKS.within("size", 1_u16, 1..=500).is_ok() && CHECKS.within("size", 500_u16, 1..=500).is_ok());
        for value in [0_u32, 501] {
            let refused = CHECKS.within("size", value, 1..=500).unwrap_err();
            assert_eq!(refused.setting, "size");
            assert_eq!(refused.fault.code, "C0999");
            assert_eq!(refused.fault.message, format!("platform: size is {value}"));
            assert_eq!(refused.fault.hint.as_deref(), Some("it must be from 1 to 500"));
        }
    }

    #[test]
    fn a_base_url_is_absolute_and_ends_with_its_path() {
        assert_eq!(CHECKS.base_url("url", "http://localhost:8080/v2", "").unwrap().path(), "/v2");
        for text in [
            "",
            "api.example/v2",
            "ftp://api.example",
            "https://a@api.example",
            "https://:b@api.example",
            "https://api.example?a",
            "https://api.example#a",
        ] {
            let refused = CHECKS.base_url("url", text, "https://api.example/v2").unwrap_err();
            assert_eq!(refused.fault.hint.as_deref(), Some("write it like https://api.example/v2"), "{text}");
        }
    }
}
