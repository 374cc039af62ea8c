//! What was read of the shop, and how old it was: what tells whether a change has been met.
//!
//! How long a read takes depends on the machine, and an export shows the shop as it was when its job began, however late it
//! arrives. So a change is waited for by what was read, and not by a span of time.
//!
//! **Invariant:** what is kept is bounded.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use engine::Event;
use model::Timestamp;

/// Pages of a lane that are kept: those of some minutes.
const PAGES: usize = 1_024;

/// What was read of the shop, by lane.
#[derive(Debug)]
pub(super) struct Reads(Mutex<BTreeMap<String, OfLane>>);

#[derive(Debug, Default)]
struct OfLane {
    /// What its last walk brought shows the shop as it was at this instant or later.
    as_of: Option<Timestamp>,
    /// Pages that are newer than all before them: as of when they show the shop, and when they were stored.
    pages: VecDeque<(Timestamp, Timestamp)>,
}

impl Reads {
    /// Nothing was read of these lanes.
    pub(super) fn new(lanes: impl IntoIterator<Item = String>) -> Self {
        Self(Mutex::new(lanes.into_iter().map(|lane| (lane, OfLane::default())).collect()))
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<String, OfLane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, event: &Event<'_>) {
        match event {
            Event::Page { lane, taken, as_of, at, .. }
                if taken.new + taken.changed + taken.unchanged + taken.gone > 0 =>
            {
                if let Some(OfLane { pages, .. }) = self.lanes().get_mut(*lane) {
                    if pages.back().is_none_or(|(newest, _)| newest < as_of) {
                        pages.push_back((*as_of, *at));
                    }
                    if pages.len() > PAGES {
                        pages.pop_front();
                    }
                }
            }
            Event::WalkEnded { lane, as_of, .. } => {
                if let Some(of_lane) = self.lanes().get_mut(*lane) {
                    of_lane.as_of = Some(*as_of);
                }
            }
            _ => {}
        }
    }

    /// When the first page of these lanes was stored that shows the shop as it was at this instant or later.
    pub(super) fn stored(&self, of: &BTreeSet<String>, since: Timestamp) -> Option<Timestamp> {
        let first = |OfLane { pages, .. }: &OfLane| {
            pages.get(pages.partition_point(|(as_of, _)| *as_of < since)).map(|(_, at)| *at)
        };
        self.lanes().iter().filter(|(lane, _)| of.contains(*lane)).filter_map(|(_, of_lane)| first(of_lane)).min()
    }

    /// Whether these lanes have all been read as the shop was at this instant or later.
    pub(super) fn is_read(&self, of: &BTreeSet<String>, since: Timestamp) -> bool {
        self.unread(since).is_disjoint(of)
    }

    /// Lanes that have not been read as the shop was at this instant or later.
    pub(super) fn unread(&self, since: Timestamp) -> BTreeSet<String> {
        let lanes = self.lanes();
        let unread = lanes.iter().filter(|(_, of_lane)| of_lane.as_of.is_none_or(|as_of| as_of < since));
        unread.map(|(lane, _)| lane.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use contract::store::Taken;
    use model::SourceName;

    use super::*;

    #[test]
    fn a_page_that_arrives_late_shows_the_shop_as_it_was() {
        let reads = Reads::new(["stock", "prices"].map(str::to_owned));
        let (at, source) = (Timestamp::from_millis, SourceName::from("shop"));
        let page = |lane, as_of, stored, changed| {
            let (taken, as_of, at) = (Taken { changed, ..Taken::default() }, at(as_of), at(stored));
            reads.note(&Event::Page { source: &source, lane, taken, carried: true, as_of, at });
        };
        let walk = |lane, as_of| {
            let (taken, took, as_of) = (Taken::default(), Duration::ZERO, at(as_of));
            reads.note(&Event::WalkEnded { source: &source, lane, full: true, taken, took, as_of });
        };
        let stock = BTreeSet::from(["stock".to_owned()]);
        let stored = |since| reads.stored(&stock, at(since)).map(Timestamp::millis);
        page("stock", 10, 50, 1);
        page("stock", 60, 61, 0);
        page("prices", 60, 61, 1);
        assert_eq!([5, 10, 11].map(stored), [Some(50), Some(50), None]);
        page("stock", 30, 70, 1);
        page("stock", 20, 80, 1);
        assert_eq!([11, 20, 30, 31].map(stored), [Some(70), Some(70), Some(70), None]);
        walk("stock", 10);
        assert_eq!([10, 11].map(|since| reads.is_read(&stock, at(since))), [true, false]);
        assert_eq!([10, 11].map(|since| reads.unread(at(since)).len()), [1, 2]);
        walk("prices", 30);
        assert_eq!([10, 11, 31].map(|since| reads.unread(at(since)).len()), [0, 1, 2]);
    }
}
