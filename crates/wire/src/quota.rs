//! Most calls per span of time, per host.

use std::{fmt, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, RateLimiter};

/// Most calls per span of time: `calls` may go at once, then one every `per / calls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub calls: NonZeroU32,
    /// In which span.
    pub per: Duration,
}

/// Keeps a [`Quota`] for every host by itself.
pub struct Budget(Option<DefaultKeyedRateLimiter<String>>);

impl Budget {
    /// A budget nothing of which is used yet. A span of zero means no limit.
    pub fn new(quota: Quota) -> Self {
        let interval = quota.per / quota.calls.get();
        Self(governor::Quota::with_period(interval).map(|rate| RateLimiter::keyed(rate.allow_burst(quota.calls))))
    }

    /// Returns once a call to `host` may be made.
    pub async fn ready(&self, host: &str) {
        if let Some(limiter) = &self.0 {
            limiter.until_key_ready(&host.to_owned()).await;
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Budget")
    }
}
