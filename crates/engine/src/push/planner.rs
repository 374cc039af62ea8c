//! Walks the mirror past the cursor, and makes jobs of the records.
//!
//! **Invariants:** the cursor stays before every record that is read and not settled; a record is prepared only while
//! the ledger knows its state; a record that changes while a call carries it is prepared again after the call.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Fault, FaultClass, Op,
    destination::Repeat,
    source::Urgency,
    store::{Cursor, Number, Owner, Revision, Take, Work},
};

use super::{Place, Push, complete::complete, imports::Imports, owners::claim, settler::Settler};
use crate::{
    compose::Target,
    flow::Prepared,
    prepare::{Action, Job, Part, job},
};

/// Workloads that are read at once: one for each urgency, and one for retries.
const WORKLOADS: usize = 4;
/// Don't query for fewer records than this.
const LEAST: usize = 50;
/// Least number of records to query for.
pub(super) const LEAST_ROOM: usize = WORKLOADS * LEAST;

/// The prepared market, and the revision of the reference records it was prepared with.
struct Lookup {
    revision: Revision,
    prepared: Prepared,
}

/// Reads ahead of the settled records.
#[derive(Default)]
pub(super) struct Planner {
    lookup: Option<Lookup>,
    /// Records that changed again while a call carried them, with their positions in the walk.
    again: BTreeMap<Number, Vec<Place>>,
    /// Whether several records may claim one item.
    pub(super) shared: bool,
    /// The position up to which was read, ahead of the settled records.
    read: Option<Cursor>,
    committed: Option<Cursor>,
    /// Unsettled positions of the walk, per urgency.
    unsettled: [BTreeSet<Revision>; 3],
    /// Whether retries were skipped, because the store would have returned some that are settled.
    pub(super) overlooked: bool,
    /// The fault for which the market can't be prepared before a person changes a setting.
    pub(super) broken: Option<Fault>,
}

/// Jobs of one workload.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) jobs: Vec<(Job, Vec<Place>)>,
    /// Items that records lost to others.
    pub(super) taken: Vec<Owner>,
    /// Whether there was nothing new.
    pub(super) is_last: bool,
}

impl Planner {
    /// Jobs of records that changed while a call carried them, once no call carries them.
    pub(super) async fn look_again(
        &mut self,
        push: &Push,
        settler: &mut Settler,
        imports: &Imports,
    ) -> Result<Planned, Fault> {
        self.overlooked = false;
        let is_free = |number: &&Number| !settler.is_under_way(**number) && !imports.carries(**number);
        let ready: Vec<Number> = self.again.keys().filter(is_free).copied().collect();
        let mut work = Vec::with_capacity(ready.len());
        for number in ready {
            work.extend(push.store.work(&push.flow.name, number).await?);
        }
        self.plan(push, work, settler, imports).await
    }

    /// Whether a record waits for calls under way, other than asynchronous ones.
    pub(super) fn waits(&self, imports: &Imports) -> bool {
        self.again.keys().any(|number| !imports.carries(*number))
    }

    /// Whether a record is to be processed again at once. One whose part waits for the item's import is not.
    pub(super) fn looks_again(&self, settler: &Settler, imports: &Imports) -> bool {
        self.again.keys().any(|number| settler.running(*number).is_none() && !imports.carries(*number))
    }

    /// Processes a record again as soon as no call carries it.
    pub(super) fn look_at(&mut self, number: Number) {
        self.again.entry(number).or_default();
    }

    /// Reads up to `room` records from the mirror and plans what to send; `None` if `room` is too small for a query.
    pub(super) async fn next(
        &mut self,
        push: &Push,
        room: usize,
        settler: &mut Settler,
        imports: &Imports,
    ) -> Result<Option<Planned>, Fault> {
        let most = room / WORKLOADS;
        if most < LEAST {
            return Ok(None);
        }
        let retrying = settler.is_retrying();
        self.overlooked = !retrying && settler.waiting_rows() > 0;
        let take = Take {
            now: push.clock.now(),
            fresh: [most; 3],
            retries: if retrying || self.overlooked { 0 } else { most },
            after: self.read,
        };
        let workload = push.store.workload(&push.flow.name, take).await?;
        // A retry that a call carries is found repeatedly; a fresh record is found once.
        let is_held = |number| settler.is_under_way(number) || imports.carries(number);
        let is_new = |work: &Work| work.urgency.is_some() || !is_held(work.number);
        let is_last = !workload.work.iter().any(is_new);
        self.read = Some(workload.cursor);
        self.shared = workload.shared;
        let planned = self.plan(push, workload.work, settler, imports).await?;
        Ok(Some(Planned { is_last, ..planned }))
    }

    /// A job that sends one of these records, which are in sync, again; `None` if none of them is unchanged.
    pub(super) async fn probe(&mut self, push: &Push, in_sync: Vec<Work>) -> Result<Option<Job>, Fault> {
        let Some(lookup) = self.look_up(push).await? else { return Ok(None) };
        let now = push.clock.now();
        let found = in_sync.iter().find_map(|work| {
            let mut job = job(&push.flow, &lookup.prepared, work, now);
            let is_kept = |part: &Part| part.action == Action::Keep && part.payload.is_some() && !part.is_event;
            let repeats = push.flow.carry(work.kind).is_some_and(|carry| carry.put == Repeat::Safe);
            let whole = repeats && job.target == Target::InSync && job.parts.iter().all(is_kept);
            job.parts.first_mut().filter(|_| whole)?.action = Action::Send(Op::Put);
            job.probe = true;
            Some(job)
        });
        self.lookup = Some(lookup);
        Ok(found)
    }

    async fn plan(
        &mut self,
        push: &Push,
        work: Vec<Work>,
        settler: &mut Settler,
        imports: &Imports,
    ) -> Result<Planned, Fault> {
        if work.is_empty() {
            return Ok(Planned::default());
        }
        let Some(lookup) = self.look_up(push).await? else {
            // It is not settled, so the cursor must not pass it.
            for work in &work {
                self.hold(work);
            }
            return Ok(Planned::default());
        };
        let now = push.clock.now();
        let (mut jobs, mut places) = (Vec::with_capacity(work.len()), Vec::with_capacity(work.len()));
        let mut prepared = Vec::new();
        for work in work {
            if work.unread {
                // It could be understood when it was read. Its next revision is processed.
                let held = self.again.remove(&work.number).unwrap_or_default();
                self.release(&held);
                continue;
            }
            let place = self.hold(&work);
            if settler.is_under_way(work.number) {
                if place.is_some() {
                    self.again.entry(work.number).or_default().extend(place);
                }
                continue;
            }
            if imports.carries(work.number) {
                settler.wait_for_import(&work);
                let changed = work.entry.as_ref().is_none_or(|entry| entry.revision != work.revision);
                if changed {
                    // The end of the import detects that, and processes it again.
                    let held = self.again.remove(&work.number).into_iter().flatten().chain(place).collect::<Vec<_>>();
                    self.release(&held);
                } else if place.is_some() {
                    self.again.entry(work.number).or_default().extend(place);
                }
                continue;
            }
            let mut held = self.again.remove(&work.number).unwrap_or_default();
            held.extend(place);
            let mut job = job(&push.flow, &lookup.prepared, &work, now);
            complete(push, &mut job).await?;
            jobs.push(job);
            places.push(held);
            if self.shared {
                prepared.push(work);
            }
        }
        let mut taken = Vec::new();
        if self.shared && !jobs.is_empty() {
            taken = claim(push, &lookup.prepared, now, prepared, &mut jobs).await?;
        }
        self.lookup = Some(lookup);
        Ok(Planned { jobs: jobs.into_iter().zip(places).collect(), taken, is_last: false })
    }

    /// The market, prepared with the present reference records; `None` if that fails.
    async fn look_up(&mut self, push: &Push) -> Result<Option<Lookup>, Fault> {
        let flow = &push.flow;
        let (revision, reference) = flow.reference.current(&flow.source, push.store.as_ref()).await?;
        if let Some(lookup) = self.lookup.take_if(|lookup| lookup.revision == revision) {
            return Ok(Some(lookup));
        }
        match flow.prepared_with(&reference).await {
            Ok(prepared) => Ok(Some(Lookup { revision, prepared })),
            Err(fault) if fault.class == FaultClass::Config => {
                self.broken = Some(fault);
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Keeps the cursor before a record until the record is settled.
    fn hold(&mut self, work: &Work) -> Option<Place> {
        let place = work.urgency.map(|urgency| (urgency, work.revision));
        if let Some((urgency, revision)) = place {
            self.unsettled_at(urgency).insert(revision);
        }
        place
    }

    fn unsettled_at(&mut self, urgency: Urgency) -> &mut BTreeSet<Revision> {
        let [urgent, live, backfill] = &mut self.unsettled;
        match urgency {
            Urgency::Urgent => urgent,
            Urgency::Live => live,
            Urgency::Backfill => backfill,
        }
    }

    /// Notes that these positions are settled.
    pub(super) fn release(&mut self, places: &[Place]) {
        for (urgency, revision) in places {
            self.unsettled_at(*urgency).remove(revision);
        }
    }

    /// The cursor up to which everything is settled, and whether it is beyond the stored one.
    pub(super) fn cursor(&self) -> (Option<Cursor>, bool) {
        let cursor = self.read.map(|Cursor(mut at)| {
            for (at, unsettled) in at.iter_mut().zip(&self.unsettled) {
                if let Some(first) = unsettled.first() {
                    *at = Revision(first.0.saturating_sub(1)).min(*at);
                }
            }
            Cursor(at)
        });
        (cursor, cursor.is_some() && cursor != self.committed)
    }

    /// Notes the cursor in the store.
    pub(super) const fn committed(&mut self, cursor: Option<Cursor>) {
        self.committed = cursor;
    }
}
