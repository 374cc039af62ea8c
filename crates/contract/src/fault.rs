//! One vocabulary for failure.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What went wrong, worded so that a person can act on it. The text holds no secret and no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Decides what the engine does about it.
    pub class: FaultClass,
    /// Stable code with a page under `docs/errors/`, such as `C0301`.
    pub code: Cow<'static, str>,
    /// What happened, where, to what: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long the other side asked to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of what the other side answered, redacted, at most 4 KB.
    pub response: Option<String>,
}

/// Decides what the engine does: stop, pause, dead-letter, slow down, retry, or raise an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// A fault of this class and code.
    pub fn new(class: FaultClass, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            class,
            code: Cow::Borrowed(code),
            message: message.into(),
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
        self.hint = Some(hint.into());
        self
    }

    /// The fault of a connector's setting of this name.
    pub fn of_setting(self, setting: &'static str) -> BadSetting {
        BadSetting { setting, fault: Box::new(self) }
    }

    /// With how long the other side asked to wait.
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// With the (redacted) beginning of what the other side answered; cut at 4 KB.
    #[must_use]
    pub fn response(mut self, response: impl Into<String>) -> Self {
        const MOST: usize = 4096;
        let mut response = response.into();
        if response.len() > MOST {
            let cut = (0..=MOST).rev().find(|at| response.is_char_boundary(*at)).unwrap_or(0);
            response.truncate(cut);
        }
        self.response = Some(response);
        self
    }
}
