//! Time as a trait, so that tests control it.

use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;

/// Where the time comes from. Nothing else in the engine asks the machine for it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The instant now.
    fn now(&self) -> Timestamp;

    /// Returns once `at` has come.
    async fn sleep_until(&self, at: Timestamp);
}

/// The machine's clock. When it jumps, instants jump and waits do not: each wait is bounded and then reads the clock
/// again.
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
        loop {
            let left = self.now().until(at);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_WAIT)).await;
        }
    }
}
