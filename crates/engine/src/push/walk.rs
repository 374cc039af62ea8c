//! Reads ahead of what is settled, and prepares what was read.
//!
//! **Invariants:** what is read and not settled holds the cursor before it; a record is prepared only while the ledger
//! knows how it stands; what changes while a call carries it is prepared anew after that; those that wait for others are
//! not carried themselves, so that none waits for itself.

use std::{collections::BTreeSet, sync::Arc};

use contract::{
    Fault, FaultClass,
    source::Urgency,
    store::{Number, Revision, Take, Work},
};

use super::{Place, Push, Turn};
use crate::{
    market::View,
    prepare::{Job, job},
};

/// Records that may be prepared but not settled at any moment, per flow.
pub const READ_AHEAD: usize = 500;
/// Records read at once, of each urgency and of retries; less where [`READ_AHEAD`] leaves less room.
const WINDOW: usize = 500;
/// Rooms for less are not worth a read.
const LEAST: usize = 50;
/// Windows that are read at once: one for each urgency, and one for retries.
const WINDOWS: usize = 4;

/// The market as it was looked up last, and the revision of the reference records it was looked up in.
pub(super) struct Lookup {
    pub(super) revision: Revision,
    pub(super) view: View,
}

impl Lookup {
    async fn new(push: &Push) -> Result<Self, Fault> {
        let flow = &push.flow;
        let revision = push.store.reference_revision(&flow.source).await?;
        Ok(Self { revision, view: flow.view(push.store.as_ref()).await? })
    }
}

impl Turn {
    /// Reads and prepares until enough is waiting. True when there is nothing more to read now.
    pub(super) async fn read_ahead(&mut self) -> Result<bool, Fault> {
        self.overlooked = false;
        self.look_again().await?;
        while !self.is_ending() {
            if self.settled.len() >= WINDOW {
                self.commit(&[]).await?;
            }
            let behind = self.again.values().filter(|again| again.behind.is_some()).count();
            let room = READ_AHEAD.saturating_sub(self.running.len() + self.settled.len() + behind);
            let most = (room / WINDOWS).min(WINDOW);
            if most < LEAST {
                return Ok(false);
            }
            let retrying = self.running.values().any(|running| running.places.is_empty())
                || self.again.values().any(|again| again.places.is_empty());
            self.overlooked = !retrying && !self.settled.is_empty();
            let take = Take {
                now: self.push.clock.now(),
                fresh: [most; 3],
                retries: if retrying || self.overlooked { 0 } else { most },
                after: self.read,
            };
            let window = self.push.store.window(&self.push.flow.name, take).await?;
            // A retry that a call carries is found again and again; what is fresh is found once.
            let is_new = |work: &Work| work.urgency.is_some() || !self.is_busy(work.number);
            let found = window.work.iter().any(is_new);
            self.read = Some(window.cursor);
            self.shared = window.shared;
            self.take_in(window.work).await?;
            if !found {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Prepares anew what changed while a call carried it, or what that call carried for another.
    async fn look_again(&mut self) -> Result<(), Fault> {
        let ready: Vec<Number> = self.again.keys().filter(|number| !self.is_busy(**number)).copied().collect();
        let mut work = Vec::with_capacity(ready.len());
        for number in ready {
            work.extend(self.push.store.work(&self.push.flow.name, number).await?);
        }
        self.take_in(work).await
    }

    /// The market looked up in the reference records as they are now; none, and the flow pauses, where that can't be.
    async fn look_up(&mut self) -> Result<Option<Lookup>, Fault> {
        let revision = self.push.store.reference_revision(&self.push.flow.source).await?;
        match self.lookup.take() {
            Some(lookup) if lookup.revision == revision => Ok(Some(lookup)),
            _ => match Lookup::new(&self.push).await {
                Ok(lookup) => Ok(Some(lookup)),
                Err(fault) if fault.class == FaultClass::Config => {
                    self.pause(fault);
                    Ok(None)
                }
                Err(fault) => Err(fault),
            },
        }
    }

    async fn take_in(&mut self, work: Vec<Work>) -> Result<(), Fault> {
        if work.is_empty() {
            return Ok(());
        }
        let Some(lookup) = self.look_up().await? else {
            // Nothing of it is settled, so the cursor must not pass it.
            for work in &work {
                self.hold(work);
            }
            return Ok(());
        };
        let flow = Arc::clone(&self.push.flow);
        let now = self.push.clock.now();
        let mut jobs = Vec::new();
        for work in work {
            if work.unread {
                // It could be understood when it was read. The next revision of it is looked at.
                let places = self.again.remove(&work.number).unwrap_or_default().places;
                self.release(&places);
                continue;
            }
            let place = self.hold(&work);
            if self.is_busy(work.number) {
                if let Some(place) = place {
                    self.again.entry(work.number).or_default().places.push(place);
                }
                continue;
            }
            let mut places = self.again.remove(&work.number).unwrap_or_default().places;
            places.extend(place);
            let job = job(&flow, &lookup.view, &work, now);
            if self.shared {
                jobs.push((job, places));
            } else {
                self.enqueue(job, places);
            }
        }
        self.lookup = Some(lookup);
        self.enqueue_shared(jobs).await
    }

    /// It has to wait before it is looked at: the ledger does not know how it stands, or how the one stands that it is
    /// behind.
    fn is_busy(&self, number: Number) -> bool {
        let behind = || self.again.get(&number).and_then(|again| again.behind);
        self.is_under_way(number) || behind().is_some_and(|first| self.is_under_way(first))
    }

    /// The ledger does not know how the record stands: a call carries it, or its outcome is not in the store yet.
    pub(super) fn is_under_way(&self, number: Number) -> bool {
        self.running.contains_key(&number) || self.unsaved.contains(&number)
    }

    /// Keeps the cursor before a record until that is settled.
    fn hold(&mut self, work: &Work) -> Option<Place> {
        let place = work.urgency.map(|urgency| (urgency, work.revision));
        if let Some((urgency, revision)) = place {
            self.unsettled_at(urgency).insert(revision);
        }
        place
    }

    pub(super) fn enqueue(&mut self, job: Job, places: Vec<Place>) {
        if job.is_settled() {
            self.release(&places);
            return self.note(job.settled());
        }
        self.wait_for_calls(job, places);
    }

    fn unsettled_at(&mut self, urgency: Urgency) -> &mut BTreeSet<Revision> {
        let [urgent, live, backfill] = &mut self.unsettled;
        match urgency {
            Urgency::Urgent => urgent,
            Urgency::Live => live,
            Urgency::Backfill => backfill,
        }
    }

    pub(super) fn release(&mut self, places: &[Place]) {
        for (urgency, revision) in places {
            self.unsettled_at(*urgency).remove(revision);
        }
    }
}
