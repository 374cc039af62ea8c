//! Most calls per span of time, per host.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Most calls per span of time: `calls` may be made at once, then one every `per / calls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Number of calls.
    pub calls: NonZeroU32,
    /// Span of time.
    pub per: Duration,
}

/// Applies a [`Quota`] to every host separately.
#[derive(Debug)]
pub struct Budget {
    /// Time between two calls, after the first ones.
    interval: Duration,
    /// How far ahead of its even pace a host may be.
    ahead: Duration,
    /// When each host's next call would be at an even pace.
    next: Mutex<BTreeMap<String, Instant>>,
}

impl Budget {
    /// An unused budget. A span of zero means no limit.
    pub fn new(quota: Quota) -> Self {
        let interval = quota.per / quota.calls.get();
        Self { interval, ahead: quota.per.saturating_sub(interval), next: Mutex::default() }
    }

    /// Returns once a call to `host` may be made.
    pub async fn ready(&self, host: &str) {
        let at = self.book(host);
        // A caller that gives up waiting has used its place nevertheless: the host gets fewer calls than allowed, never
        // more.
        tokio::time::sleep_until(at).await;
    }

    /// When the next call to `host` may be made; its place is taken.
    fn book(&self, host: &str) -> Instant {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.get(host).copied().unwrap_or(now).max(now);
        next.insert(host.to_owned(), due + self.interval);
        due.checked_sub(self.ahead).unwrap_or(now)
    }
}
