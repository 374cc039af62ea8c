//! The clock of an emulator, so that tests control it and a fault plan can skew it.

use std::sync::Arc;

use jiff::Timestamp;

/// Returns the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the machine; everything else takes a Clock")]
pub fn machine() -> Clock {
    Arc::new(Timestamp::now)
}
