//! Pages that are stored together.

use contract::{Change, Fault, Lane, source::Unread, store::Intake};
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
    pub(super) fn add(&mut self, mut changes: Vec<Change>, mut unread: Vec<Unread>, as_of: Timestamp) {
        set_odd_versions_aside(&mut changes, &mut unread);
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

/// The highest version of a record: databases know no higher number.
const HIGHEST_VERSION: u64 = i64::MAX.unsigned_abs();

/// A version that can't be kept is the fault of its record, whatever source it came from, and not the store's. A deletion
/// with such a version is passed over: the next full read shows whether the record is gone.
pub(super) fn set_odd_versions_aside(changes: &mut Vec<Change>, unread: &mut Vec<Unread>) {
    let is_odd = |change: &mut Change| match change {
        Change::Is { version, .. } => *version > HIGHEST_VERSION,
        Change::Gone { version, .. } => version.is_some_and(|version| version > HIGHEST_VERSION),
    };
    for odd in changes.extract_if(.., is_odd) {
        let Change::Is { record, version, .. } = odd else { continue };
        let (kind, id) = (record.kind(), record.id());
        let message = format!("{kind} {id} can't be kept: its version {version} is beyond all versions");
        let fault =
            Fault::record("C0624", message).hint("look at the record at the source; it is kept as it was until then");
        unread.push(Unread { kind, id: Some(id), fault });
    }
}

/// The record of a change.
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
            covered_by: None,
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
    fn a_version_beyond_all_versions_sets_its_record_aside_and_no_other() {
        let channel = |id: &str, version| {
            let record = model::Record::Channel(model::Channel {
                id: id.into(),
                key: String::new(),
                name: model::Localized::empty(),
                untracked: None,
            });
            Change::Is { record, version, modified_at: None }
        };
        let gone = |version| Change::Gone { kind: Kind::Channel, id: "d".into(), version };
        let mut gathered = Gathered::default();
        let changes = vec![
            channel("a", 1),
            channel("b", 1 << 63),
            channel("c", HIGHEST_VERSION),
            gone(Some(u64::MAX)),
            gone(None),
        ];
        gathered.add(changes, Vec::new(), Timestamp::from_millis(1));
        let kept: Vec<_> = gathered.changes.iter().map(|change| about(change).1).collect();
        assert_eq!(kept, ["a", "c", "d"].map(RecordId::from));
        let unread: Vec<_> = gathered.unread.iter().map(|it| (it.id.clone(), it.fault.code.clone())).collect();
        assert_eq!(unread, [(Some("b".into()), "C0624".into())]);
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
