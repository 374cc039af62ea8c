//! The pace of calls, learned from the quota's headers.
//!
//! All apps of a store share one quota, and what is left of it moves while others work: every answer is heeded anew, and
//! nothing is remembered beyond the window that it speaks of. While more than half of the quota is left, calls follow each
//! other freely. Below that they are spread over what remains of the window, so that the share of the other apps is left.
//! Once only that share is left, calls wait for the next window.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use wire::Response;

/// The longest window that is believed.
const LONGEST_WINDOW: Duration = Duration::from_mins(5);

/// Spaces calls.
#[derive(Debug)]
pub(super) struct Pace {
    reserve_percent: u64,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Time between two calls.
    interval: Duration,
    /// No call before this instant.
    next: Instant,
}

impl Pace {
    pub(super) fn new(reserve_percent: u8) -> Self {
        let state = State { interval: Duration::ZERO, next: Instant::now() };
        Self { reserve_percent: reserve_percent.into(), state: Mutex::new(state) }
    }

    /// Returns once a call may be made; its place is taken.
    pub(super) async fn ready(&self) {
        let at = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let at = state.next.max(Instant::now());
            state.next = at + state.interval;
            at
        };
        sleep_until(at).await;
    }

    /// Heeds what an answer says about the quota.
    pub(super) fn learn(&self, response: &Response) {
        let header = |name: &str| response.header(name).and_then(|value| value.trim().parse::<u64>().ok());
        let (Some(quota), Some(left)) = (header("x-rate-limit-requests-quota"), header("x-rate-limit-requests-left"))
        else {
            return;
        };
        let reset = header("x-rate-limit-time-reset-ms").map_or(Duration::ZERO, Duration::from_millis);
        let (interval, pause) = spacing(quota, left, reset.min(LONGEST_WINDOW), self.reserve_percent);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.interval = interval;
        // A pause that was meant for a window that is over is given up.
        let at = Instant::now() + pause.unwrap_or(interval);
        state.next = if pause.is_some() { state.next.max(at) } else { state.next.min(at) };
    }
}

/// The time between calls, and a pause before the next one.
fn spacing(quota: u64, left: u64, reset: Duration, reserve_percent: u64) -> (Duration, Option<Duration>) {
    if left.saturating_mul(2) > quota {
        return (Duration::ZERO, None);
    }
    let ours = left.saturating_sub(quota.saturating_mul(reserve_percent) / 100);
    match u32::try_from(ours).unwrap_or(u32::MAX) {
        0 => (Duration::ZERO, Some(reset)),
        ours => (reset / ours, None),
    }
}

/// How long a refused call is to wait, where the quota's headers say it.
pub(super) fn wait(response: &Response) -> Option<Duration> {
    let number = |name: &str| response.header(name).and_then(|value| value.trim().parse::<u64>().ok());
    let reset = || number("x-rate-limit-time-reset-ms").map(Duration::from_millis);
    let asked = number("x-retry-after").map(Duration::from_secs);
    reset().or(asked).or_else(|| response.retry_after())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_once_half_of_the_quota_is_spent_and_wait_once_only_the_reserve_is_left() {
        let window = Duration::from_secs(30);
        let spaced = |left| spacing(150, left, window, 20);
        assert_eq!(spaced(150), (Duration::ZERO, None));
        assert_eq!(spaced(76), (Duration::ZERO, None));
        assert_eq!(spaced(60), (Duration::from_secs(1), None), "30 calls are ours in 30 seconds");
        assert_eq!(spaced(31), (Duration::from_secs(30), None));
        assert_eq!(spaced(30), (Duration::ZERO, Some(window)));
        assert_eq!(spaced(0), (Duration::ZERO, Some(window)));
        assert_eq!(spacing(7_000_000, 6_999_999, window, 20), (Duration::ZERO, None));
        assert_eq!(spacing(0, 0, window, 0), (Duration::ZERO, Some(window)));
    }
}
