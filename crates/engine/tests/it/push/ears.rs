//! An observer that checks the events of a push.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use contract::{Clock, store::Step};
use engine::{Event, Observer};
use model::Timestamp;

use super::clock::FakeClock;

/// The events so far.
pub(super) struct Ears {
    clock: Arc<FakeClock>,
    /// Records that were settled.
    pub(super) settled: AtomicU64,
    /// The end of a pause that the destination asked for.
    quiet_until: Mutex<Timestamp>,
    wrongs: Mutex<Vec<String>>,
}

impl Ears {
    pub(super) fn new(clock: Arc<FakeClock>) -> Self {
        let quiet_until = Mutex::new(Timestamp::from_millis(0));
        Self { clock, settled: AtomicU64::new(0), quiet_until, wrongs: Mutex::default() }
    }

    /// Another push begins.
    pub(super) fn begin(&self) {
        *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner) = Timestamp::from_millis(0);
    }

    /// Violations.
    pub(super) fn wrongs(&self) -> Vec<String> {
        self.wrongs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that calls will be made.
    pub(super) fn opens(&self, step: &Step) {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if !step.open.is_empty() && now < until {
            let wrong = format!("a call is opened at {now}, though the destination asked for quiet until {until}");
            self.wrongs.lock().unwrap_or_else(PoisonError::into_inner).push(wrong);
        }
    }
}

impl Observer for Ears {
    fn notify(&self, event: &Event<'_>) {
        match event {
            Event::Settled { records, .. } => drop(self.settled.fetch_add(*records as u64, Ordering::SeqCst)),
            Event::Call { fault: Some(fault), .. } => {
                let until = self.clock.now().plus(fault.retry_after.unwrap_or_default());
                let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
                *quiet = until.max(*quiet);
            }
            _ => {}
        }
    }
}
