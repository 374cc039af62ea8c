//! Repeating what may be repeated.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use contract::{Fault, FaultClass, Random};
use tokio::time::Instant;
use wire::{Retry, retry};

const QUICK: Retry = Retry { attempts: 4, first: Duration::from_millis(10), longest: Duration::from_millis(200) };

/// Fails like this `times` times, then succeeds; tells the result, the attempts and the time.
async fn run(policy: Retry, times: usize, fault: Fault) -> (Result<usize, Fault>, usize, Duration) {
    let attempts = AtomicUsize::new(0);
    let began = Instant::now();
    let result = retry(policy, &Random::seeded(1), |number| {
        let now = attempts.fetch_add(1, Ordering::Relaxed);
        let fault = fault.clone();
        async move {
            assert_eq!(number, now);
            if now < times { Err(fault) } else { Ok(now) }
        }
    })
    .await;
    (result, attempts.load(Ordering::Relaxed), began.elapsed())
}

#[tokio::test]
async fn what_passes_is_repeated_with_growing_waits() {
    let (result, attempts, took) = run(QUICK, 3, Fault::transient("C0303", "broke")).await;
    assert_eq!((result, attempts), (Ok(3), 4));
    assert!(took >= Duration::from_millis(70), "{took:?}");
    let (result, attempts, _) = run(QUICK, 9, Fault::protocol("C0207", "html")).await;
    assert_eq!((result.unwrap_err().class, attempts), (FaultClass::Protocol, 4));
    assert_eq!(run(Retry::once(), 9, Fault::transient("C0303", "broke")).await.1, 1);
}

#[tokio::test]
async fn what_does_not_pass_is_not_repeated() {
    for fault in [Fault::config("C0213", "x"), Fault::credentials("C0307", "x"), Fault::record("C0206", "x")] {
        assert_eq!(run(QUICK, 1, fault).await.1, 1);
    }
}

#[tokio::test]
async fn a_wait_that_was_asked_for_is_kept() {
    let asked = Fault::throttled("C0208", "slow down").after(Some(Duration::from_millis(120)));
    let (result, attempts, took) = run(QUICK, 1, asked).await;
    assert_eq!((result, attempts), (Ok(1), 2));
    assert!(took >= Duration::from_millis(120), "{took:?}");
}

#[tokio::test]
async fn a_wait_of_zero_does_not_switch_the_pauses_off() {
    let asked = Fault::throttled("C0208", "slow down").after(Some(Duration::ZERO));
    let patient = Retry { first: Duration::from_millis(50), ..QUICK };
    let (result, attempts, took) = run(patient, 3, asked).await;
    assert_eq!((result, attempts), (Ok(3), 4));
    assert!(took >= Duration::from_millis(300), "{took:?}");
}

#[tokio::test]
async fn a_wait_beyond_patience_is_handed_on() {
    let asked = Fault::throttled("C0208", "slow down").after(Some(Duration::from_mins(1)));
    let (result, attempts, _) = run(QUICK, 1, asked).await;
    assert_eq!((result.unwrap_err().retry_after, attempts), (Some(Duration::from_mins(1)), 1));
}
