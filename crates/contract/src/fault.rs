//! One vocabulary for failure.

use std::{borrow::Cow, fmt, time::Duration};

use model::{fitting, fitting_line};
use serde::{Deserialize, Serialize};

/// Most bytes of a message and of a hint: what another side says in them may be of any length.
const LONGEST_TEXT: usize = 2000;
/// Most bytes of an answer that are kept.
const LONGEST_RESPONSE: usize = 4096;

/// What went wrong, worded so that a person can act on it. The text holds no secret and no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, schemars::JsonSchema)]
#[error("{message}")]
pub struct Fault {
    /// Decides what the engine does about it.
    pub class: FaultClass,
    /// Stable code with a page under `docs/errors/`, such as `C0301`.
    pub code: Cow<'static, str>,
    /// What happened, where, to what: lower case, no full stop, one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long the other side asked to wait, at most [`Fault::LONGEST_WAIT`].
    pub retry_after: Option<Duration>,
    /// The beginning of what the other side answered, redacted, at most 4 KB.
    pub response: Option<String>,
}

/// Decides what the engine does: stop, pause, dead-letter, slow down, retry, or raise an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultClass {
    /// The configuration can't work; nothing is tried again before it changes.
    Config,
    /// Credentials or rights are refused; the flow or source pauses.
    Credentials,
    /// This record is at fault; it becomes a dead letter, and the others go on.
    Record,
    /// Too many requests; slow down and repeat.
    Throttled,
    /// A later attempt may succeed.
    Transient,
    /// The other side broke its own protocol; repeat, and notify a person.
    Protocol,
}

/// A setting of a connector that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct BadSetting {
    /// Its name in the connector's section, with dots for nested settings, such as `page_size.products`.
    pub setting: &'static str,
    /// Why.
    pub fault: Box<Fault>,
}

impl From<BadSetting> for Fault {
    fn from(bad: BadSetting) -> Self {
        *bad.fault
    }
}

impl FaultClass {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::Config, Self::Credentials, Self::Record, Self::Throttled, Self::Transient, Self::Protocol];

    /// The class's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
            Self::Record => "record",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Protocol => "protocol",
        }
    }

    /// Whether a repetition can succeed.
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient | Self::Protocol)
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Fault {
    /// The longest wait that another side may ask for: a wrong `Retry-After` must not stop a lane or a flow for years.
    pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

    /// A fault of this class and code. What the message quotes of another side may be anything: it is cut, and becomes one
    /// line without control characters, so that it can't forge lines of a log or speak to a terminal.
    pub fn new(class: FaultClass, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            class,
            code: Cow::Borrowed(code),
            message: fitting_line(message.into(), LONGEST_TEXT),
            hint: None,
            retry_after: None,
            response: None,
        }
    }

    /// [`FaultClass::Config`].
    pub fn config(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultClass::Config, code, message)
    }

    /// [`FaultClass::Credentials`].
    pub fn credentials(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultClass::Credentials, code, message)
    }

    /// [`FaultClass::Record`].
    pub fn record(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultClass::Record, code, message)
    }

    /// [`FaultClass::Throttled`].
    pub fn throttled(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultClass::Throttled, code, message)
    }

    /// [`FaultClass::Transient`].
    pub fn transient(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultClass::Transient, code, message)
    }

    /// [`FaultClass::Protocol`].
    pub fn protocol(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(FaultClass::Protocol, code, message)
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(fitting(hint.into(), LONGEST_TEXT));
        self
    }

    /// The fault of a connector's setting of this name.
    pub fn of_setting(self, setting: &'static str) -> BadSetting {
        BadSetting { setting, fault: Box::new(self) }
    }

    /// With how long the other side asked to wait, as far as that is heeded.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait.map(|wait| wait.min(Self::LONGEST_WAIT));
        self
    }

    /// With the (redacted) beginning of what the other side answered; cut at 4 KB.
    #[must_use]
    pub fn response(mut self, response: impl Into<String>) -> Self {
        self.response = Some(fitting(response.into(), LONGEST_RESPONSE));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_another_side_says_a_fault_stays_small_and_one_line() {
        let said =
            format!("no\n2026-01-01T00:00:00Z  INFO all is well\u{1b}[2J\u{9b}31m\u{202e}{}", "ü".repeat(50_000_000));
        let fault = Fault::transient("C0209", said.clone()).hint(said.clone()).response(said);
        assert!(
            fault.message.starts_with("no 2026-01-01T00:00:00Z  INFO all is well [2J 31m ü"),
            "{:.60}",
            fault.message
        );
        assert!(fault.message.len() <= LONGEST_TEXT && fault.message.ends_with('…'));
        for text in [&fault.message, fault.hint.as_ref().unwrap(), fault.response.as_ref().unwrap()] {
            assert!(text.len() <= LONGEST_RESPONSE, "{}", text.len());
            assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{text:.60}");
        }
        assert!(!fault.message.contains('\n'));
    }

    #[test]
    fn what_is_said_well_stays_as_it_is() {
        let fault = Fault::config("C0101", "größer: 日本 \"x\"").hint("one\ntwo").response("{\n\t\"a\": 1\r\n}");
        assert_eq!(fault.message, "größer: 日本 \"x\"");
        assert_eq!((fault.hint.as_deref(), fault.response.as_deref()), (Some("one\ntwo"), Some("{\n\t\"a\": 1\r\n}")));
    }

    #[test]
    fn a_wait_of_years_is_an_hour() {
        let after =
            |seconds| Fault::throttled("C0208", "slow down").after(Some(Duration::from_secs(seconds))).retry_after;
        assert_eq!(after(u64::MAX), Some(Fault::LONGEST_WAIT));
        assert_eq!(after(300), Some(Duration::from_mins(5)));
    }
}
