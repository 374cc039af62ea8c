//! Stops a flow that would remove much of what its destination holds, whatever the reason.
//!
//! Removals wait until there is nothing more to read now, so that they are seen together. Where they are more than the
//! guard allows, all of them are held until a person approves them; everything else goes on.
//!
//! **Invariants:** held removals count as if they were made, so that further small ones are held too; the store keeps
//! the counts, so that a restart changes nothing.

use contract::{
    Fault,
    store::{Number, Removals},
};
use model::Timestamp;

use super::Push;

/// How much a flow may remove within 24 hours without approval: more is held only where both bounds are passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// The share of the items that the flow holds, 0 to 1.
    pub share: f64,
    /// A number of items.
    pub items: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self { share: 0.1, items: 20 }
    }
}

impl Guard {
    /// Whether so many more items may be removed.
    pub fn allows(&self, removals: &Removals, more: u64) -> bool {
        let total = i128::from(removals.removed) + i128::from(removals.held) + i128::from(more);
        let before = i128::from(removals.items) + i128::from(removals.removed.max(0));
        #[expect(clippy::cast_precision_loss, reason = "a share of a count")]
        let share = total as f64 > self.share * before as f64;
        !(share && total > i128::from(self.items))
    }
}

/// Records with removals, until it is decided whether they may be made.
#[derive(Default)]
pub(super) struct Removing {
    pub(super) waiting: Vec<Number>,
    /// Allowed removals that are under way, or that the store does not count yet.
    allowed: u64,
}

impl Removing {
    /// Notes that the store counts these removals now, or that they had no effect: then they are decided anew.
    pub(super) const fn ended(&mut self, removals: u64) {
        self.allowed = self.allowed.saturating_sub(removals);
    }

    /// Whether the records that wait may remove so many items, `again` of which are held already.
    pub(super) async fn may_remove(
        &mut self,
        push: &Push,
        now: Timestamp,
        items: u64,
        again: u64,
    ) -> Result<bool, Fault> {
        let Some(guard) = push.flow.guard.filter(|_| items > 0) else { return Ok(true) };
        let removals = push.store.removals(&push.flow.name, now).await?;
        let removals = Removals { held: removals.held.saturating_sub(again), ..removals };
        let allows = guard.allows(&removals, self.allowed + items);
        if allows {
            self.allowed += items;
        }
        Ok(allows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(items: u64, held: u64, removed: i64, more: u64) -> bool {
        Guard::default().allows(&Removals { items, held, removed }, more)
    }

    #[test]
    fn both_bounds_have_to_be_passed() {
        assert!(allows(56, 0, 0, 20), "no more than 20 items");
        assert!(!allows(56, 0, 0, 21));
        assert!(allows(1000, 0, 0, 100), "no more than a tenth");
        assert!(!allows(1000, 0, 0, 101));
        // A tenth of what was there before.
        assert!(allows(950, 0, 50, 50));
        assert!(!allows(950, 0, 50, 51));
    }

    #[test]
    fn what_is_held_counts_and_what_is_approved_does_not() {
        assert!(!allows(56, 56, 0, 1));
        assert!(allows(56, 0, -56, 56));
        assert!(!allows(56, 0, -30, 56));
    }
}
