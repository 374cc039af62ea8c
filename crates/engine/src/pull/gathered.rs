//! Pages that are taken in together.

use contract::{
    Change, Lane,
    source::Unread,
    store::{Intake, LaneState},
};
use model::{Kind, RecordId, Timestamp};

/// So many small records are taken in together while a lane is read for the first time: they come in an order of their own,
/// and each changes a page of the database somewhere else. They take 10 MiB of memory.
const TOGETHER: usize = 20_000;

/// Pages that are taken in together.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) changes: Vec<Change>,
    unread: Vec<Unread>,
    pages: usize,
    /// When the first of them was asked for.
    as_of: Option<Timestamp>,
}

impl Gathered {
    pub(super) fn add(&mut self, changes: Vec<Change>, unread: Vec<Unread>, as_of: Timestamp) {
        self.changes.extend(changes);
        self.unread.extend(unread);
        self.pages += 1;
        self.as_of = Some(self.as_of.map_or(as_of, |earlier| earlier.min(as_of)));
    }

    /// More is to be read before it is taken in.
    pub(super) fn waits_for_more(&self, lane: &Lane, state: &LaneState) -> bool {
        let is_small = |kind| Kind::SMALL_PARTS.contains(kind);
        let has_small = lane.sweeps.iter().any(|(kind, _)| is_small(kind));
        let has_large = lane.sweeps.iter().any(|(kind, _)| !is_small(kind) && !Kind::REFERENCE.contains(kind));
        has_small && !has_large && state.full_at.is_none() && self.changes.len() < TOGETHER
    }

    /// The intake of all of it.
    pub(super) fn fill(self, intake: Intake) -> Intake {
        let as_of = self.as_of.unwrap_or(intake.as_of);
        let mut changes = self.changes;
        if self.pages > 1 {
            // In the order of the index to which their ids go. What is said twice of a record keeps its order.
            changes.sort_by_cached_key(about);
        }
        Intake { changes, unread: self.unread, as_of, ..intake }
    }
}

/// What a change is about.
fn about(change: &Change) -> (Kind, RecordId) {
    match change {
        Change::Is { record, .. } => (record.kind(), record.id()),
        Change::Gone { kind, id, .. } => (*kind, id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use contract::source::Urgency;

    use super::*;

    fn lane(kinds: &[Kind]) -> Lane {
        Lane {
            name: "lane".into(),
            sweeps: kinds.iter().map(|kind| (*kind, None)).collect(),
            stable: true,
            urgency: Urgency::Live,
            delta: true,
            needed: true,
            interval_seconds: (1, 10),
        }
    }

    #[test]
    fn only_small_parts_are_gathered_and_only_until_they_were_read_once() {
        let never = LaneState::default();
        let once = LaneState { full_at: Some(Timestamp::from_millis(1)), ..LaneState::default() };
        let waits = |kinds: &[Kind], state| Gathered::default().waits_for_more(&lane(kinds), state);
        assert!(waits(&[Kind::Stock], &never) && waits(&[Kind::Selection, Kind::Assignment], &never));
        assert!(!waits(&[Kind::Stock], &once) && !waits(&[Kind::Product], &never));
        assert!(!waits(&[Kind::Stock, Kind::Variant], &never) && !waits(&[], &never));
    }

    #[test]
    fn pages_are_as_old_as_the_oldest_and_no_more_than_so_many_are_kept() {
        let gone = |id: usize| Change::Gone { kind: Kind::Stock, id: id.to_string().as_str().into(), version: None };
        let (lane, never) = (lane(&[Kind::Stock]), LaneState::default());
        let mut gathered = Gathered::default();
        for page in 0..TOGETHER / 500 {
            assert!(gathered.waits_for_more(&lane, &never));
            let asked_at = Timestamp::from_millis(if page == 3 { 5 } else { 9 });
            gathered.add((0..500).map(gone).collect(), Vec::new(), asked_at);
        }
        assert!(!gathered.waits_for_more(&lane, &never));
        assert_eq!((gathered.changes.len(), gathered.as_of), (TOGETHER, Some(Timestamp::from_millis(5))));
    }
}
