//! The time of a run: tokio's paused clock, an epoch, and jumps.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use contract::Clock;
use model::Timestamp;
use tokio::time::Instant;

/// 2026-03-02T06:00:00Z, in milliseconds.
const EPOCH: i64 = 1_772_431_200_000;

/// A clock with simulated time. Each clone is set forward by itself.
#[derive(Debug)]
pub(crate) struct SimClock {
    began: Instant,
    ahead: AtomicI64,
}

impl SimClock {
    /// Shows the epoch at `began`.
    pub(crate) fn new(began: Instant) -> Arc<Self> {
        Arc::new(Self { began, ahead: AtomicI64::new(0) })
    }

    /// Sets it forward (negative: back) by so many milliseconds.
    pub(crate) fn jump(&self, milliseconds: i64) {
        self.ahead.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// The same for an emulator.
    pub(crate) fn for_sandbox(self: &Arc<Self>) -> sandbox::clock::Clock {
        let clock = Arc::clone(self);
        Arc::new(move || jiff::Timestamp::from_millisecond(clock.now().millis()).unwrap_or_default())
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX / 4);
        Timestamp::from_millis(EPOCH + passed + self.ahead.load(Ordering::Relaxed))
    }

    async fn sleep_until(&self, at: Timestamp) {
        contract::clock::wait_until(self, at).await;
    }
}
