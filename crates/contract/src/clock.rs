//! Time, so that tests own it.

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
