//! Repeats calls that may be repeated.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use contract::{Fault, Random};

/// Attempts and waits of a repetition.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Attempts in all, the first one included.
    pub attempts: usize,
    /// Wait before the second attempt; doubles from then on, each with jitter on top.
    pub first: Duration,
    /// Longest wait. If the other side asks for longer, its fault is returned instead.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, first: Duration::from_millis(250), longest: Duration::from_secs(20) }
    }
}

impl Retry {
    /// A single attempt.
    pub const fn once() -> Self {
        Self { attempts: 1, first: Duration::ZERO, longest: Duration::ZERO }
    }
}

/// Repeats `attempt` while its fault is transient, waiting as the other side asked, else with doubling waits. Only for
/// calls that may be repeated. `attempt` is given its number, from 0; `random` spreads the waits.
///
/// # Errors
/// The last attempt's fault.
pub async fn retry<T, F>(policy: Retry, random: &Random, mut attempt: impl FnMut(usize) -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut waits = ExponentialBuilder::default()
        .with_min_delay(policy.first)
        .with_max_delay(policy.longest)
        .with_max_times(policy.attempts.saturating_sub(1))
        .with_jitter()
        .with_jitter_seed(random.draw())
        .build();
    let mut number = 0;
    loop {
        let fault = match attempt(number).await {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        let Some(wait) = fault.class.is_passing().then(|| waits.next()).flatten() else { return Err(fault) };
        let wait = match fault.retry_after {
            Some(asked) if asked > policy.longest => return Err(fault),
            // Never sooner than without being asked: a wait of zero must not switch the pauses off.
            Some(asked) => asked.max(wait),
            None => wait,
        };
        tracing::debug!(number, code = %fault.code, class = %fault.class, ?wait, "trying again");
        tokio::time::sleep(wait).await;
        number += 1;
    }
}
