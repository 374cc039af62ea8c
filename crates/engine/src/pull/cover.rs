//! Lanes that the full walks of another lane cover: two walks over the same records would bring the same twice.
//!
//! A walk of the other lane is counted when this lane's turn comes, rather than when that walk ends, so that nothing has to
//! be stored with its end: a crash in between only delays it, and a walk of this lane that is under way is not disturbed.
//!
//! **Invariant:** a walk counts from when it began, and only if it began later than the lane's own.

use std::time::Duration;

use contract::{
    Fault, Lane,
    store::{LaneState, Taken},
};
use model::Timestamp;

use super::Pull;
use crate::observe::Event;

impl Pull {
    /// Counts the last full walk of the lane that covers this one as a full walk of this lane, unless that was read later.
    /// Returns when the walk began, by [`Intake::as_of`](contract::store::Intake::as_of); `None`: there is none to count.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn cover(&self, lane: &Lane) -> Result<Option<Timestamp>, Fault> {
        let Some(by) = &lane.covered_by else { return Ok(None) };
        let _turn = self.turns.wait(&lane.name).await;
        let by = self.store.lane(&self.name, by).await?;
        let mut state = self.store.lane(&self.name, &lane.name).await?;
        let Some(began_at) = later(&by, &state) else { return Ok(None) };
        state.passes += 1;
        let pass = state.passes;
        (state.full_at, state.read_at) = (by.full_at, by.full_at);
        (state.walk, state.held, state.fault) = (None, None, None);
        // What this lane could not read before and the walk did not report is read by now.
        self.sweep(lane, state, pass, began_at).await?;
        let (source, taken, took) = (&self.name, Taken::default(), Duration::ZERO);
        self.observer.notify(&Event::WalkEnded { source, lane: &lane.name, full: true, taken, took, as_of: began_at });
        Ok(Some(began_at))
    }

    /// Whether the lane that covers this one is being read as a whole, or was never, so that its walk will count.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn is_to_be_covered(&self, lane: &Lane) -> Result<bool, Fault> {
        let Some(by) = &lane.covered_by else { return Ok(false) };
        let by = self.store.lane(&self.name, by).await?;
        Ok(by.full_at.is_none() || by.walk.is_some_and(|walk| walk.pass.is_some()))
    }
}

/// When the last full walk of one lane began, if another lane was not read since then. Instants of the source don't go back;
/// the clock alone tells whether a walk of the other lane ended after it.
fn later(by: &LaneState, own: &LaneState) -> Option<Timestamp> {
    let began_at = own.walk.as_ref().map_or(own.full_as_of, |walk| Some(walk.began_at));
    by.full_as_of.filter(|_| by.full_as_of > began_at && by.full_at >= own.read_at)
}

#[cfg(test)]
mod tests {
    use contract::{Token, store::Walk};

    use super::*;

    fn state(full: Option<i64>, read_at: Option<i64>) -> LaneState {
        let full = full.map(Timestamp::from_millis);
        let read_at = read_at.map(Timestamp::from_millis);
        LaneState { full_at: full, full_as_of: full, read_at, ..LaneState::default() }
    }

    #[test]
    fn a_walk_counts_that_began_after_all_that_the_lane_read() {
        let counts = |by: &LaneState, own: &LaneState| later(by, own).map(Timestamp::millis);
        let by = state(Some(50), Some(90));
        assert_eq!(counts(&by, &LaneState::default()), Some(50));
        assert_eq!(counts(&by, &state(Some(20), Some(30))), Some(50));
        assert_eq!(counts(&by, &state(Some(20), Some(60))), None, "a walk of its own ended while that one ran");
        assert_eq!(counts(&by, &state(Some(50), Some(50))), None, "it was counted");
        assert_eq!(counts(&LaneState::default(), &LaneState::default()), None);
        let began_at =
            |at| Some(Walk { pass: Some(2), next: Token(String::new()), began_at: Timestamp::from_millis(at) });
        assert_eq!(counts(&by, &LaneState { walk: began_at(40), ..state(Some(20), Some(30)) }), Some(50));
        assert_eq!(counts(&by, &LaneState { walk: began_at(60), ..state(Some(20), Some(30)) }), None);
        // The clock was set back: the walk of its own began later, whatever its times say.
        assert_eq!(counts(&by, &LaneState { read_at: None, ..state(Some(60), None) }), None);
    }
}
