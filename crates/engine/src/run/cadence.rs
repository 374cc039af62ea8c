//! How often a lane is read, and how long a failing task waits. Pure: the caller sleeps.

use std::time::Duration;

use contract::{Fault, Lane};

use crate::pull::Walked;

/// Pause after a first failure; it doubles with each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause of a flow or lane after a fault, unless the other side asks for more.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// After a turn without work the next one waits at least this long, then twice as long, up to [`LONGEST_IDLE`].
const FIRST_IDLE: Duration = Duration::from_millis(100);
/// The longest forced pause between turns without work.
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// A lane rests at least so many times as long as its last walk took, so that it is not read without end.
const REST: u32 = 4;

/// Growing pauses between attempts that fail.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    /// Resets the pauses after a success.
    pub(super) const fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// How long to wait after this fault. Never shorter than its own pause, so that "retry after 0" makes no busy loop.
    pub(super) fn after(&mut self, fault: &Fault) -> Duration {
        let wait = fault.retry_after.unwrap_or_default().max(self.next);
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        wait
    }
}

/// Forced pauses after turns that did nothing although something seemed to be due: the next turn would find the same,
/// and a loop without a pause would use a whole processor.
pub(super) struct Idle {
    next: Duration,
}

impl Idle {
    pub(super) const fn new() -> Self {
        Self { next: FIRST_IDLE }
    }

    /// The shortest wait before the next turn.
    pub(super) fn after(&mut self, worked: bool) -> Duration {
        if worked {
            self.next = FIRST_IDLE;
            return Duration::ZERO;
        }
        let wait = self.next;
        self.next = (self.next * 2).min(LONGEST_IDLE);
        wait
    }
}

/// How often a lane is read. A configured cadence wins; otherwise the interval shrinks while reads bring changes and grows
/// while they don't, between the lane's floor and ceiling, and the lane rests [`REST`] times as long as a read takes.
pub(super) struct Cadence {
    set: Option<Duration>,
    floor: Duration,
    ceiling: Duration,
    interval: Duration,
    backoff: Backoff,
}

impl Cadence {
    pub(super) fn new(lane: &Lane, set: Option<Duration>) -> Self {
        let mut cadence = Self {
            set,
            floor: Duration::ZERO,
            ceiling: Duration::ZERO,
            interval: Duration::ZERO,
            backoff: Backoff::new(),
        };
        cadence.bound(lane);
        Self { interval: cadence.floor, ..cadence }
    }

    /// The lane's bounds as they are now: a source may learn what a read costs while it runs.
    pub(super) fn bound(&mut self, lane: &Lane) {
        let (floor, ceiling) = lane.interval_seconds;
        (self.floor, self.ceiling) = (Duration::from_secs(floor.into()), Duration::from_secs(ceiling.into()));
    }

    /// How long a lane rests at least, whatever hints ask for.
    pub(super) fn rest(&self, walked: &Result<Walked, Fault>) -> Duration {
        self.floor.max(walked.as_ref().map_or(Duration::ZERO, |walked| walked.took))
    }

    /// How long to wait before the next read.
    pub(super) fn next(&mut self, walked: &Result<Walked, Fault>) -> Duration {
        let walked = match walked {
            Err(fault) => return self.backoff.after(fault),
            Ok(walked) => walked,
        };
        self.backoff.reset();
        let changes = walked.taken.new + walked.taken.changed + walked.taken.gone;
        self.interval = if changes > 0 { self.interval / 2 } else { self.interval * 3 / 2 };
        self.interval = self.interval.clamp(self.floor, self.ceiling.max(self.floor));
        self.set.unwrap_or_else(|| self.interval.max((walked.took * REST).min(self.ceiling)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(asked: Option<u64>) -> Fault {
        Fault::throttled("C0301", "slow down").after(asked.map(Duration::from_secs))
    }

    #[test]
    fn a_wait_that_the_other_side_asks_for_has_a_lower_and_an_upper_bound() {
        assert_eq!(Backoff::new().after(&fault(Some(0))), FIRST_PAUSE);
        assert_eq!(Backoff::new().after(&fault(Some(60))), Duration::from_mins(1));
        assert_eq!(Backoff::new().after(&fault(Some(u64::MAX))), Fault::LONGEST_WAIT);
        let mut backoff = Backoff::new();
        let waits: Vec<u64> = (0..8).map(|_| backoff.after(&fault(None)).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.after(&fault(None)), FIRST_PAUSE);
    }

    #[test]
    fn a_lane_is_read_within_the_bounds_that_it_has_now() {
        let lane = |ceiling| Lane {
            name: "l".into(),
            sweeps: Vec::new(),
            stable: true,
            urgency: contract::source::Urgency::Live,
            delta: true,
            needed: false,
            interval_seconds: (100, ceiling),
            covered_by: None,
        };
        let mut pace = Cadence::new(&lane(1_000), None);
        let mut waits = |ceiling: u32, turns: usize| {
            pace.bound(&lane(ceiling));
            let last = (0..turns).map(|_| pace.next(&Ok(Walked::default()))).last();
            last.map(|wait| wait.as_secs())
        };
        assert_eq!((waits(1_000, 1), waits(1_000, 9)), (Some(150), Some(1_000)));
        assert_eq!((waits(100, 1), waits(1_000, 1)), (Some(100), Some(150)));
    }

    #[test]
    fn turns_without_work_wait_longer_and_longer() {
        let mut idle = Idle::new();
        assert_eq!(idle.after(true), Duration::ZERO);
        let waits: Vec<Duration> = (0..12).map(|_| idle.after(false)).collect();
        assert!(waits.windows(2).all(|pair| matches!(pair, [one, two] if one <= two)));
        assert_eq!((waits.first(), waits.last()), (Some(&FIRST_IDLE), Some(&LONGEST_IDLE)));
        assert_eq!((idle.after(true), idle.after(false)), (Duration::ZERO, FIRST_IDLE));
    }
}
