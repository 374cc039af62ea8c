//! Calls per minute and tier, as the headers tell them.

use std::collections::BTreeMap;

use super::Settings;

const MINUTE_MS: i64 = 60_000;

/// A class of calls with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Bulk imports.
    Low,
    /// Writes of single records and reads of many.
    Medium,
    /// Reads of one thing, and of the account.
    High,
    /// Questions for the status of an import: never limited.
    Unlimited,
}

impl Tier {
    pub(super) const fn scope(self) -> &'static str {
        match self {
            Self::Low => "lowCallRate",
            Self::Medium => "mediumCallRate",
            Self::High => "highCallRate",
            Self::Unlimited => "unlimitedCallRate",
        }
    }

    const fn limit(self, settings: &Settings) -> Option<u32> {
        match self {
            Self::Low => Some(settings.low),
            Self::Medium => Some(settings.medium),
            Self::High => Some(settings.high),
            Self::Unlimited => None,
        }
    }
}

/// What is left of a tier's minute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) tier: Tier,
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// When the minute ends, in milliseconds.
    pub(super) reset: i64,
    /// The call came after the limit was used up.
    pub(super) exceeded: bool,
}

/// The minute of each tier: when it began, and calls in it.
#[derive(Debug, Default)]
pub(super) struct Windows(BTreeMap<Tier, (i64, u32)>);

impl Windows {
    /// Counts a call; `None` where the tier has no limit.
    pub(super) fn count(&mut self, tier: Tier, settings: &Settings, now: i64) -> Option<Left> {
        let limit = tier.limit(settings)?;
        let window = self.0.entry(tier).or_insert((now, 0));
        if now - window.0 >= MINUTE_MS || now < window.0 {
            *window = (now, 0);
        }
        let exceeded = window.1 >= limit;
        if !exceeded {
            window.1 += 1;
        }
        let (remaining, reset) = (limit - window.1, window.0 + MINUTE_MS);
        Some(Left { tier, limit, remaining, reset, exceeded })
    }
}
