//! Random generators by name, so that a further draw in one place leaves all others unchanged.

use contract::Random;

/// The generator of a part of a run.
pub(crate) fn child(seed: u64, name: &str) -> Random {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    // The first numbers of neighbouring seeds must not resemble each other.
    Random::seeded(Random::seeded(seed ^ hash).draw())
}

/// Draws that a run needs.
pub(crate) trait Draws {
    /// A number below `bound`, which is at least 1.
    fn below(&self, bound: u64) -> u64;
    /// A number from `low` to `high`, both included.
    fn between(&self, low: u64, high: u64) -> u64;
    /// True in this many of a thousand draws.
    fn hits(&self, per_mille: u64) -> bool;
}

impl Draws for Random {
    fn below(&self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }

    fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    fn hits(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}
