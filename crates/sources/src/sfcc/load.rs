//! The load of an instance, as its answers tell it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use wire::Response;

/// Rests while the instance is loaded: from 80 % calls slow down, from 90 % they pause.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// No call before this instant.
    rests_until: Mutex<Option<Instant>>,
}

impl Load {
    /// Returns once a call may be made.
    pub(super) async fn ready(&self) {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    /// Learns from an answer.
    pub(super) fn learn(&self, response: &Response) {
        let pause = pause(response);
        let until = (!pause.is_zero()).then(|| Instant::now() + pause);
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// How long to wait after an answer that says how loaded the instance is.
fn pause(response: &Response) -> Duration {
    let load = response.header("sfdc_load").and_then(|load| load.trim().parse::<u8>().ok()).unwrap_or(0);
    let status = response.header("sfdc_load_status").unwrap_or_default();
    Duration::from_secs(match (status, load) {
        ("THROTTLE", _) | (_, 90..) => 30,
        ("WARN", _) | (_, 80..) => 5,
        _ => 0,
    })
}
