//! Parts of jobs that wait to be sent, and the calls formed of them.
//!
//! **Invariants:** a call keeps within its limits; halves of refused batches are sent before everything else; a call
//! that is not full waits while others are under way or more is read; calls for one item are made one after the other,
//! in the order in which they were planned.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use contract::{Digest, FacetSpec, Limits, Op, store::Number};
use model::{Kind, RemoteId};

use super::gate::{Gate, Permit};

/// A part of a job, waiting for a call.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) number: Number,
    pub(super) part: usize,
    pub(super) item: RemoteId,
    pub(super) bytes: usize,
    pub(super) backfill: bool,
}

/// Parts that may share a call. Ordered by priority: small and urgent calls first, those that failed before last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bin {
    suspicion: u32,
    rank: u8,
    pub(super) kind: Kind,
    pub(super) op: Op,
    /// Stands for what items of one call have in common ([`contract::Destination::call_group`]).
    group: u64,
    /// Whether the destination is asked for the outcome of an `op`, rather than sent one.
    pub(super) resolves: bool,
}

impl Bin {
    /// The bin of parts of this kind and operation, whose record was deferred so often. `facets` decides the priority
    /// of a patch.
    pub(super) fn new(kind: Kind, op: Op, attempts: u32, facets: &[FacetSpec]) -> Self {
        let rank = match op {
            Op::Patch(changed) => changed.among(facets).map(|facet| facet.urgency).max().unwrap_or(0),
            Op::Remove | Op::Hide => u8::MAX - 1,
            Op::Put | Op::Report => u8::MAX,
        };
        // One failure is no evidence against a record.
        let suspicion = attempts.saturating_sub(1).min(MOST_SUSPICION);
        Self { suspicion, rank, kind, op, group: 0, resolves: false }
    }

    /// The bin of parts whose items are in this group.
    pub(super) fn of_group(self, group: &str) -> Self {
        if group.is_empty() {
            return self;
        }
        let bytes = Digest::of(group.as_bytes());
        let group = bytes.bytes().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self { group, ..self }
    }

    /// The bin of parts that are sent before all others, and not with them.
    pub(super) const fn first(self) -> Self {
        Self { rank: 0, ..self }
    }

    /// The bin of parts whose outcome has to be looked up.
    pub(super) const fn resolving(self) -> Self {
        Self { resolves: true, ..self }
    }

    /// The operation's name.
    pub(super) const fn name(&self) -> &'static str {
        if self.resolves { "resolve" } else { self.op.name() }
    }

    /// Whether its records failed more than once.
    pub(super) const fn is_suspect(&self) -> bool {
        self.suspicion > 0
    }

    /// Most items of a call of this bin: divided by four for each failure beyond the first.
    const fn items(&self, limits: &Limits) -> usize {
        let items = limits.items >> (2 * self.suspicion);
        if items == 0 { 1 } else { items }
    }
}

/// After so many failures even the largest call carries one item.
const MOST_SUSPICION: u32 = 10;

/// A call to be made, with the parts that it carries.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bin: Bin,
    pub(super) parts: Vec<Waiting>,
    /// Held as long as the call is under way.
    pub(super) permit: Option<Permit>,
}

/// Calls that may be made now.
#[derive(Default)]
pub(super) struct Formed {
    pub(super) batches: Vec<Batch>,
    /// Whether more calls wait than the account allows at once.
    pub(super) blocked: bool,
}

/// When a call is made although it is not full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush {
    /// Whether there is nothing more to read now.
    pub(super) exhausted: bool,
    /// Whether a first or full read is under way, which may fill the call.
    pub(super) filling: bool,
    /// Whether no call of this flow is under way.
    pub(super) quiet: bool,
}

/// Parts that wait to be sent.
#[derive(Default)]
pub(super) struct Outbox {
    bins: BTreeMap<Bin, VecDeque<Waiting>>,
    halves: VecDeque<Batch>,
    /// Items that wait or are under way if ids are shared, with the parts that follow them.
    lines: BTreeMap<(Kind, RemoteId), VecDeque<(Bin, Waiting)>>,
}

impl Outbox {
    /// Adds a part. `shared`: whether another record may have a part for the same item.
    pub(super) fn add(&mut self, bin: Bin, waiting: Waiting, shared: bool) {
        if shared {
            let item = (bin.kind, waiting.item.clone());
            if let Some(line) = self.lines.get_mut(&item) {
                return line.push_back((bin, waiting));
            }
            self.lines.insert(item, VecDeque::new());
        }
        self.bins.entry(bin).or_default().push_back(waiting);
    }

    /// Notes that the item is in an asynchronous call: parts for it wait for the end of that call.
    pub(super) fn occupy(&mut self, kind: Kind, item: &RemoteId) {
        self.lines.entry((kind, item.clone())).or_default();
    }

    /// Notes that the item's part was answered: the next one may be sent.
    pub(super) fn done(&mut self, kind: Kind, item: &RemoteId) {
        if self.lines.is_empty() {
            return;
        }
        let key = (kind, item.clone());
        match self.lines.get_mut(&key).map(VecDeque::pop_front) {
            Some(Some((bin, next))) => self.bins.entry(bin).or_default().push_back(next),
            Some(None) => drop(self.lines.remove(&key)),
            None => {}
        }
    }

    /// Puts back a call that certainly had no effect, before all others.
    pub(super) fn put_back(&mut self, bin: Bin, parts: Vec<Waiting>) {
        let bin = self.bins.entry(bin).or_default();
        for part in parts.into_iter().rev() {
            bin.push_front(part);
        }
    }

    /// Splits a batch that was refused as a whole into halves, until the part at fault is alone.
    pub(super) fn bisect(&mut self, batch: Batch) {
        let Batch { bin, mut parts, .. } = batch;
        let second = parts.split_off(parts.len() / 2);
        self.halves.push_front(Batch { bin, parts: second, permit: None });
        self.halves.push_front(Batch { bin, parts, permit: None });
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.halves.is_empty() && self.bins.values().all(VecDeque::is_empty)
    }

    /// Whether only parts of records that failed before wait.
    pub(super) fn is_suspect(&self) -> bool {
        self.halves.is_empty() && self.bins.iter().all(|(bin, parts)| bin.suspicion > 0 || parts.is_empty())
    }

    /// Takes the calls that may be made now.
    pub(super) fn form(&mut self, gate: &Arc<Gate>, limits: impl Fn(Kind, Op) -> Limits, flush: Flush) -> Formed {
        let mut formed = Formed::default();
        while let Some(half) = self.halves.front() {
            let Some(permit) = gate.enter(limits(half.bin.kind, half.bin.op).concurrency) else {
                return Formed { blocked: true, ..formed };
            };
            formed.batches.extend(self.halves.pop_front().map(|half| Batch { permit: Some(permit), ..half }));
        }
        for (bin, parts) in &mut self.bins {
            let limits = limits(bin.kind, bin.op);
            let due = |parts: &VecDeque<Waiting>, formed: &Formed| {
                is_full(bin, parts, &limits) || flush.is_due(parts, flush.quiet && formed.batches.is_empty())
            };
            while !parts.is_empty() && due(parts, &formed) {
                let Some(permit) = gate.enter(limits.concurrency) else {
                    formed.blocked = true;
                    break;
                };
                let parts = take(parts, bin.items(&limits), limits.bytes);
                formed.batches.push(Batch { bin: *bin, parts, permit: Some(permit) });
            }
        }
        self.bins.retain(|_, parts| !parts.is_empty());
        formed
    }
}

impl Flush {
    fn is_due(self, parts: &VecDeque<Waiting>, quiet: bool) -> bool {
        if self.exhausted { !self.filling || parts.iter().any(|waiting| !waiting.backfill) } else { quiet }
    }
}

fn is_full(bin: &Bin, parts: &VecDeque<Waiting>, limits: &Limits) -> bool {
    parts.len() >= bin.items(limits) || parts.iter().map(|waiting| waiting.bytes).sum::<usize>() >= limits.bytes
}

/// Takes parts from the front as far as one call may carry them, at least one.
fn take(parts: &mut VecDeque<Waiting>, most: usize, most_bytes: usize) -> Vec<Waiting> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while let Some(next) = parts.front()
        && taken.len() < most
        && (taken.is_empty() || bytes + next.bytes <= most_bytes)
    {
        bytes += next.bytes;
        taken.extend(parts.pop_front());
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Flush = Flush { exhausted: true, filling: false, quiet: true };

    fn limits(items: usize, bytes: usize) -> impl Fn(Kind, Op) -> Limits {
        move |_, _| Limits { items, bytes, concurrency: 100 }
    }

    fn waiting(number: u64) -> Waiting {
        let item = number.to_string().as_str().into();
        Waiting { number: Number(number), part: 0, item, bytes: 10, backfill: true }
    }

    fn sizes(batches: &[Batch]) -> Vec<usize> {
        batches.iter().map(|batch| batch.parts.len()).collect()
    }

    #[test]
    fn calls_keep_within_items_and_bytes() {
        let gate = Gate::new(contract::Random::seeded(1));
        for (items, bytes, expected) in [(4, 1_000, vec![4, 4, 2]), (10, 35, vec![3, 3, 3, 1]), (10, 5, vec![1; 10])] {
            let mut outbox = Outbox::default();
            for number in 0..10 {
                outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), waiting(number), false);
            }
            assert_eq!(sizes(&outbox.form(&gate, limits(items, bytes), ALL).batches), expected);
        }
    }

    #[test]
    fn what_failed_again_and_again_goes_into_ever_smaller_calls_and_last() {
        let gate = Gate::new(contract::Random::seeded(1));
        let mut largest = Vec::new();
        for attempts in 0..7 {
            let mut outbox = Outbox::default();
            for number in 0..500 {
                outbox.add(Bin::new(Kind::Product, Op::Put, attempts, &[]), waiting(number), false);
            }
            let batches =
                outbox.form(&gate, |_, _| Limits { items: 500, bytes: 10_000, concurrency: 1000 }, ALL).batches;
            largest.extend(batches.iter().map(|batch| batch.parts.len()).max());
        }
        assert_eq!(largest, [500, 500, 125, 31, 7, 1, 1]);
        let mut outbox = Outbox::default();
        outbox.add(Bin::new(Kind::Product, Op::Remove, 5, &[]), waiting(1), false);
        outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), waiting(2), false);
        let order: Vec<u64> =
            outbox.form(&gate, limits(5, 100), ALL).batches.iter().map(|it| it.parts[0].number.0).collect();
        assert_eq!(order, [2, 1]);
    }

    #[test]
    fn a_call_that_is_not_full_waits_for_a_read_unless_something_in_it_is_urgent() {
        let gate = Gate::new(contract::Random::seeded(1));
        let filling = Flush { exhausted: true, filling: true, quiet: true };
        let mut outbox = Outbox::default();
        outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), waiting(1), false);
        assert!(outbox.form(&gate, limits(2, 100), filling).batches.is_empty());
        outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), Waiting { backfill: false, ..waiting(2) }, false);
        outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), waiting(3), false);
        assert_eq!(sizes(&outbox.form(&gate, limits(3, 100), filling).batches), [3]);
    }

    #[test]
    fn calls_for_one_item_are_made_one_after_the_other() {
        let gate = Gate::new(contract::Random::seeded(1));
        let mut outbox = Outbox::default();
        let same = |number| Waiting { item: "sku".into(), ..waiting(number) };
        outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), same(1), true);
        outbox.add(Bin::new(Kind::Product, Op::Remove, 0, &[]), same(2), true);
        let first = outbox.form(&gate, limits(5, 100), ALL).batches;
        assert_eq!((first.len(), first[0].parts[0].number), (1, Number(1)));
        assert!(outbox.form(&gate, limits(5, 100), ALL).batches.is_empty());
        outbox.done(Kind::Product, &"sku".into());
        assert_eq!(outbox.form(&gate, limits(5, 100), ALL).batches[0].parts[0].number, Number(2));
    }

    #[test]
    fn a_refused_batch_is_halved_and_its_halves_go_first() {
        let gate = Gate::new(contract::Random::seeded(1));
        let mut outbox = Outbox::default();
        for number in 0..4 {
            outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]), waiting(number), false);
        }
        let refused = outbox.form(&gate, limits(4, 100), ALL).batches.remove(0);
        outbox.add(Bin::new(Kind::Product, Op::Patch(contract::Facets::NONE), 0, &[]), waiting(9), false);
        outbox.bisect(refused);
        let calls = outbox.form(&gate, limits(4, 100), ALL).batches;
        let numbers = |batch: &Batch| batch.parts.iter().map(|part| part.number.0).collect::<Vec<_>>();
        assert_eq!(calls.iter().map(numbers).collect::<Vec<_>>(), [vec![0, 1], vec![2, 3], vec![9]]);
    }

    #[test]
    fn items_of_different_groups_share_no_call() {
        let gate = Gate::new(contract::Random::seeded(1));
        let mut outbox = Outbox::default();
        for number in 0..6 {
            let group = if number % 2 == 0 { "even" } else { "odd" };
            outbox.add(Bin::new(Kind::Product, Op::Put, 0, &[]).of_group(group), waiting(number), false);
        }
        let calls = outbox.form(&gate, limits(10, 1_000), ALL).batches;
        let mut numbers: Vec<Vec<u64>> =
            calls.iter().map(|batch| batch.parts.iter().map(|part| part.number.0).collect()).collect();
        numbers.sort();
        assert_eq!(numbers, [vec![0, 2, 4], vec![1, 3, 5]]);
    }
}
