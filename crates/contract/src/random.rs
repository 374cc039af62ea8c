//! Random numbers from a seed, so that a run can be repeated.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A sequence of random numbers (SplitMix64) that its seed determines: for jitter, not for secrets. Clones share the
/// sequence.
#[derive(Clone, Debug)]
pub struct Random(Arc<AtomicU64>);

/// The step of the sequence.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The sequence of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// A sequence that is different in every process.
    #[expect(clippy::disallowed_methods, reason = "the one place that takes a seed from the machine")]
    pub fn of_machine() -> Self {
        Self::seeded(RandomState::new().hash_one(0))
    }

    /// The next number.
    pub fn draw(&self) -> u64 {
        let mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A span of time from zero up to `longest`.
    pub fn up_to(&self, longest: Duration) -> Duration {
        let most = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.draw() % most.saturating_add(1).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_clones_share_it() {
        let (one, other) = (Random::seeded(7), Random::seeded(7));
        let drawn: Vec<u64> = (0..4).map(|_| one.draw()).collect();
        let twin = other.clone();
        assert_eq!(drawn, [other.draw(), twin.draw(), other.draw(), twin.draw()]);
        assert_ne!(Random::seeded(8).draw(), drawn.first().copied().unwrap_or_default());
    }

    #[test]
    fn a_span_stays_within_its_bound() {
        let random = Random::seeded(1);
        let longest = Duration::from_millis(10);
        let drawn: Vec<Duration> = (0..200).map(|_| random.up_to(longest)).collect();
        assert!(drawn.iter().all(|span| *span <= longest));
        assert!(drawn.iter().any(|span| *span < longest / 4) && drawn.iter().any(|span| *span > longest * 3 / 4));
        assert_eq!(random.up_to(Duration::ZERO), Duration::ZERO);
    }
}
