//! Keeps decoded records that one flow has read and other flows of its source have not, so that each is decoded once
//! for all flows.
//!
//! **Invariant:** a kept record equals the mirror's at that revision, parts included. A change of a part gives its
//! record a new revision, at which it is read again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contract::store::Whole;

/// Packed bytes of the records that are kept. A record takes some ten times as much once it is decoded.
const MOST_BYTES: usize = 1 << 20;
/// The most records that are kept.
const MOST_RECORDS: usize = 2000;

#[derive(Default)]
pub(super) struct Wholes(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    records: HashMap<u64, One>,
    /// In the order of arrival, including some that every flow has read since.
    order: VecDeque<u64>,
    bytes: usize,
}

struct One {
    revision: u64,
    whole: Arc<Whole>,
    bytes: usize,
    /// Number of flows that have not read it yet.
    left: usize,
}

impl Wholes {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record at this revision, if it is kept.
    pub(super) fn take(&self, n: u64, revision: u64) -> Option<Arc<Whole>> {
        let mut kept = self.kept();
        let one = kept.records.get_mut(&n).filter(|one| one.revision == revision)?;
        one.left -= 1;
        let (whole, is_last) = (Arc::clone(&one.whole), one.left == 0);
        if is_last {
            kept.drop_one(n);
        }
        Some(whole)
    }

    /// Keeps a record of so many packed bytes for `left` other flows.
    pub(super) fn keep(&self, n: u64, revision: u64, whole: &Arc<Whole>, bytes: usize, left: usize) {
        if left == 0 || bytes > MOST_BYTES {
            return;
        }
        let mut kept = self.kept();
        kept.drop_one(n);
        kept.records.insert(n, One { revision, whole: Arc::clone(whole), bytes, left });
        kept.order.push_back(n);
        kept.bytes += bytes;
        while kept.bytes > MOST_BYTES || kept.order.len() > MOST_RECORDS {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.drop_one(oldest);
        }
    }

    /// Drops all kept records: numbers may be given again.
    pub(super) fn clear(&self) {
        *self.kept() = Kept::default();
    }
}

impl Kept {
    fn drop_one(&mut self, n: u64) {
        if let Some(one) = self.records.remove(&n) {
            self.bytes -= one.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Brand, Localized, Record};

    use super::*;

    fn whole(id: &str) -> Arc<Whole> {
        let brand = Brand { id: id.into(), name: Localized::default() };
        Arc::new(Whole { record: Record::Brand(brand), joined: Vec::new() })
    }

    #[test]
    fn a_record_is_kept_until_every_other_flow_has_read_it() {
        let wholes = Wholes::default();
        wholes.keep(1, 7, &whole("a"), 100, 2);
        wholes.keep(2, 8, &whole("b"), 100, 0);
        assert!(wholes.take(1, 6).is_none() && wholes.take(1, 9).is_none(), "another revision of it");
        assert_eq!((wholes.take(1, 7), wholes.take(1, 7)), (Some(whole("a")), Some(whole("a"))));
        assert!(wholes.take(1, 7).is_none() && wholes.take(2, 8).is_none(), "nobody else reads it");
        assert_eq!(wholes.kept().bytes, 0);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let wholes = Wholes::default();
        for n in 0..100_000 {
            wholes.keep(n, 1, &whole("a"), 1000, 1);
        }
        assert!(wholes.kept().bytes <= MOST_BYTES && wholes.kept().order.len() <= MOST_RECORDS);
        assert!(wholes.take(0, 1).is_none() && wholes.take(99_999, 1).is_some());
        wholes.keep(5, 1, &whole("large"), MOST_BYTES + 1, 1);
        assert!(wholes.take(5, 1).is_none());
        wholes.clear();
        assert!(wholes.take(99_998, 1).is_none());
    }
}
