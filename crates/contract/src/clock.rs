//! Time as a trait, so that tests control it.

use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;

/// Where the time comes from. Nothing else in the engine asks the machine for it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The instant now.
    fn now(&self) -> Timestamp;

    /// Returns once `at` has come, or once as much time has passed as there was until then: a clock that is set back makes no
    /// wait longer.
    async fn sleep_until(&self, at: Timestamp);
}

/// The machine's clock. When it jumps, instants jump and waits do not ([`wait_until`]).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// No single wait is longer, so that a clock set forward is noticed soon.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    async fn sleep_until(&self, at: Timestamp) {
        wait_until(self, at).await;
    }
}

/// [`Clock::sleep_until`] for a clock beside the runtime's own: it waits a little at a time and reads the clock again.
pub async fn wait_until(clock: &impl Clock, at: Timestamp) {
    let mut most = clock.now().until(at);
    loop {
        let wait = clock.now().until(at).min(most).min(LONGEST_WAIT);
        if wait.is_zero() {
            return;
        }
        tokio::time::sleep(wait).await;
        most -= wait;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Jumps by so many milliseconds once it was read twice.
    struct Jumps {
        by: i64,
        reads: AtomicI64,
    }

    #[async_trait]
    impl Clock for Jumps {
        fn now(&self) -> Timestamp {
            let jumped = self.reads.fetch_add(1, Ordering::Relaxed) >= 2;
            Timestamp::from_millis(SystemClock.now().millis() + if jumped { self.by } else { 0 })
        }

        async fn sleep_until(&self, at: Timestamp) {
            wait_until(self, at).await;
        }
    }

    #[tokio::test]
    async fn a_clock_that_jumps_makes_no_wait_longer() {
        const HOUR: i64 = 3_600_000;
        // Forward: an hour is over at once. Back: a moment takes no hour.
        for (by, wait) in [(HOUR, HOUR), (-HOUR, 50)] {
            let clock = Jumps { by, reads: AtomicI64::new(0) };
            let at = Timestamp::from_millis(SystemClock.now().millis() + wait);
            let waited = tokio::time::timeout(Duration::from_mins(1), clock.sleep_until(at)).await;
            assert!(waited.is_ok(), "{by}");
        }
    }
}
