//! The clock of a source under test.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use contract::Clock;
use model::Timestamp;
use wire::Environment;

/// The instant at which a suite begins: 1 June 2026, in milliseconds.
pub(crate) const START: i64 = 1_780_272_000_000;

/// The clock of the source under test, in milliseconds.
pub(crate) struct Ours(AtomicI64);

impl Ours {
    /// A clock that shows [`START`].
    pub(crate) const fn new() -> Self {
        Self(AtomicI64::new(START))
    }

    /// This machine's environment with this clock.
    pub(crate) fn environment(self: &Arc<Self>) -> Environment {
        let clock: Arc<dyn Clock> = self.clone();
        Environment::machine().with_clock(clock)
    }

    /// Lets milliseconds pass.
    pub(crate) fn add(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Clock for Ours {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.get())
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.fetch_max(at.millis(), Ordering::Relaxed);
    }
}
