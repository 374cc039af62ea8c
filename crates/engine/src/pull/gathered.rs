//! Pages that are stored together.

use contract::{Change, Lane, source::Unread, store::Intake};
use model::{Kind, RecordId, Timestamp};

/// So many small records are taken in together while a lane is read from end to end: they come in an order of their own, and
/// each changes a page of the database somewhere else, if only to note that it was seen. They take 10 MiB of memory.
const TOGETHER: usize = 20_000;

/// Pages that are stored together.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) changes: Vec<Change>,
    unread: Vec<Unread>,
    pages: usize,
    /// When the first of them was requested.
    as_of: Option<Timestamp>,
}

impl Gathered {
    pub(super) fn add(&mut self, changes: Vec<Change>, unread: Vec<Unread>, as_of: Timestamp) {
        self.changes.extend(changes);
        self.unread.extend(unread);
        self.pages += 1;
        self.as_of = Some(self.as_of.map_or(as_of, |earlier| earlier.min(as_of)));
    }

    /// Whether more is read before it is stored. `full`: the lane is read from end to end.
    pub(super) fn waits_for_more(&self, lane: &Lane, full: bool) -> bool {
        let is_small = |kind| Kind::SMALL_PARTS.contains(kind);
        let has_small = lane.sweeps.iter().any(|(kind, _)| is_small(kind));
        let has_large = lane.sweeps.iter().any(|(kind, _)| !is_small(kind) && !Kind::REFERENCE.contains(kind));
        full && has_small && !has_large && self.changes.len() < TOGETHER
    }

    /// The intake of all of it.
    pub(super) fn fill(self, intake: Intake) -> Intake {
        let as_of = self.as_of.unwrap_or(intake.as_of);
        let mut changes = self.changes;
        if self.pages > 1 {
            // In the order of the index of their ids. Several changes of one record keep their order.
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
    fn only_small_parts_are_gathered_and_only_in_full_walks() {
        let waits = |kinds: &[Kind], full| Gathered::default().waits_for_more(&lane(kinds), full);
        assert!(waits(&[Kind::Stock], true) && waits(&[Kind::Selection, Kind::Assignment], true));
        assert!(!waits(&[Kind::Stock], false) && !waits(&[Kind::Product], true));
        assert!(!waits(&[Kind::Stock, Kind::Variant], true) && !waits(&[], true));
    }

    #[test]
    fn pages_are_as_old_as_the_oldest_and_no_more_than_so_many_are_kept() {
        let gone = |id: usize| Change::Gone { kind: Kind::Stock, id: id.to_string().as_str().into(), version: None };
        let lane = lane(&[Kind::Stock]);
        let mut gathered = Gathered::default();
        for page in 0..TOGETHER / 500 {
            assert!(gathered.waits_for_more(&lane, true));
            let asked_at = Timestamp::from_millis(if page == 3 { 5 } else { 9 });
            gathered.add((0..500).map(gone).collect(), Vec::new(), asked_at);
        }
        assert!(!gathered.waits_for_more(&lane, true));
        assert_eq!((gathered.changes.len(), gathered.as_of), (TOGETHER, Some(Timestamp::from_millis(5))));
    }
}
