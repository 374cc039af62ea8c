//! Forms calls out of what waits, and sends them.
//!
//! **Invariants:** a call keeps within the limits of its destination, and so does their number; what was refused as a
//! whole goes ahead of everything, in halves; a call that is not full waits while others are under way or yet come.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use contract::{
    Call, Facet, Facets, Op, Parcel, Payload,
    source::Urgency,
    store::{Number, Open},
};
use model::Kind;
use tracing::Instrument as _;

use super::{Place, Running, Turn};
use crate::prepare::{Action, Job, Part};

/// A part of a job, waiting for a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) number: Number,
    pub(super) part: usize,
    pub(super) bytes: usize,
    pub(super) backfill: bool,
}

/// A call to be made, with the parts it carries.
pub(super) struct Batch {
    pub(super) kind: Kind,
    pub(super) op: Op,
    pub(super) parts: Vec<Waiting>,
}

/// Parts that wait for the same sort of call.
pub(super) struct Bin {
    pub(super) kind: Kind,
    pub(super) op: Op,
    pub(super) parts: VecDeque<Waiting>,
}

impl Turn {
    /// Puts the parts of a job where they wait for calls.
    pub(super) fn wait_for_calls(&mut self, job: Job, places: Vec<Place>) {
        let backfill = places.iter().all(|(urgency, _)| *urgency == Urgency::Backfill);
        let mut left = 0;
        for (index, part) in job.parts.iter().enumerate() {
            if let Action::Send(op) = part.action {
                left += 1;
                let bytes = part.payload.as_ref().map_or(0, Payload::len) + part.id.as_str().len() + 16;
                self.bin(job.kind, op).push_back(Waiting { number: job.number, part: index, bytes, backfill });
            }
        }
        let running = Running { outcomes: BTreeMap::new(), left, places, call: None, job };
        self.running.insert(running.job.number, running);
    }

    fn bin(&mut self, kind: Kind, op: Op) -> &mut VecDeque<Waiting> {
        let at = self.bins.iter().position(|bin| bin.kind == kind && bin.op == op).unwrap_or_else(|| {
            self.bins.push(Bin { kind, op, parts: VecDeque::new() });
            self.bins.sort_by_key(|bin| rank(bin.op));
            self.bins.iter().position(|bin| bin.kind == kind && bin.op == op).unwrap_or(0)
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found above")]
        &mut self.bins[at].parts
    }

    /// Takes parts out of the bins for as many calls as may be made now.
    pub(super) fn form(&mut self, exhausted: bool) -> Vec<Batch> {
        let mut batches = Vec::new();
        if self.is_ending() || self.push.clock.now() < self.quiet_until {
            return batches;
        }
        // Where something waits for what is in the bins, that is not held back.
        let filling = *self.push.filling.borrow() > 0 && self.again.is_empty();
        loop {
            let under_way = self.sending.len() + batches.len();
            let flush = |bin: &Bin| {
                if exhausted {
                    // While a first read goes on, a batch that is not full waits for it.
                    !filling || bin.parts.iter().any(|waiting| !waiting.backfill)
                } else {
                    under_way == 0
                }
            };
            let destination = &self.push.flow.destination;
            if let Some(half) = self.halves.front() {
                if under_way >= destination.limits(half.kind, half.op).concurrency.max(1) {
                    return batches;
                }
                batches.extend(self.halves.pop_front());
                continue;
            }
            let full = |bin: &Bin| {
                let limits = destination.limits(bin.kind, bin.op);
                bin.parts.len() >= limits.items
                    || bin.parts.iter().map(|waiting| waiting.bytes).sum::<usize>() >= limits.bytes
            };
            let free = |bin: &Bin| under_way < destination.limits(bin.kind, bin.op).concurrency.max(1);
            let ready = |bin: &&mut Bin| !bin.parts.is_empty() && free(bin) && (full(bin) || flush(bin));
            let Some(bin) = self.bins.iter_mut().find(ready) else { return batches };
            let limits = destination.limits(bin.kind, bin.op);
            let mut parts = Vec::new();
            let mut bytes = 0;
            while let Some(next) = bin.parts.front()
                && parts.len() < limits.items.max(1)
                && (parts.is_empty() || bytes + next.bytes <= limits.bytes)
            {
                bytes += next.bytes;
                parts.extend(bin.parts.pop_front());
            }
            batches.push(Batch { kind: bin.kind, op: bin.op, parts });
        }
    }

    /// The calls as the store is told of them.
    pub(super) fn opening(&self, batches: &[Batch]) -> Vec<Open> {
        let open = batches.iter().map(|batch| {
            let items = batch.parts.iter().filter_map(|waiting| Some((waiting.number, self.part(waiting)?.id.clone())));
            Open { kind: batch.kind, op: batch.op.name(), items: items.collect() }
        });
        open.collect()
    }

    pub(super) fn send(&mut self, opened: Vec<u64>, batches: Vec<Batch>) {
        for (id, batch) in opened.into_iter().zip(batches) {
            let call = self.call(&batch);
            let destination = Arc::clone(&self.push.flow.destination);
            let clock = Arc::clone(&self.push.clock);
            let items = call.parcels.len();
            let span = tracing::info_span!("call", id, kind = %call.kind, op = call.op.name(), items);
            let send = async move {
                let began = clock.now();
                let receipt = destination.send(&call).await;
                (receipt, began.until(clock.now()))
            };
            let task = self.sending.spawn(send.instrument(span));
            self.pushed.calls += 1;
            self.under_way.insert(task.id(), (id, batch));
        }
    }

    fn part(&self, waiting: &Waiting) -> Option<&Part> {
        self.running.get(&waiting.number)?.job.parts.get(waiting.part)
    }

    fn call(&self, batch: &Batch) -> Call {
        let parcels = batch.parts.iter().filter_map(|waiting| {
            let part = self.part(waiting)?;
            let members = match (&part.payload, batch.op) {
                (Some(payload), Op::Put) => payload.only(Facets::ALL),
                (Some(payload), Op::Patch(facets)) => payload.only(facets),
                (None, _) | (_, Op::Remove) => String::new(),
            };
            Some(Parcel { id: part.id.clone(), members })
        });
        Call { kind: batch.kind, op: batch.op, parcels: parcels.collect() }
    }

    /// Two halves of a batch that was refused as a whole, until the one at fault stands alone.
    pub(super) fn bisect(&mut self, batch: Batch) {
        let Batch { kind, op, mut parts } = batch;
        let second = parts.split_off(parts.len() / 2);
        self.halves.push_back(Batch { kind, op, parts });
        self.halves.push_back(Batch { kind, op, parts: second });
    }
}

/// Which calls go first: small and urgent ones.
fn rank(op: Op) -> u8 {
    match op {
        Op::Patch(facets) if !facets.has(Facet::Price) => 0,
        Op::Patch(_) => 1,
        Op::Remove => 2,
        Op::Put => 3,
    }
}
