//! Walks the mirror past a flow's cursor and makes the destination agree with it.
//!
//! One loop, each turn of it one transaction: read ahead and prepare ([`crate::prepare`]), form calls, commit (calls that
//! ended, records that are settled, the cursor, calls about to be made), send, wait for an answer. A call is committed
//! before it is sent, so that after a crash what it carried is in doubt and sent again in full.
//!
//! **Invariants:** an item is in at most one call at a time; a record is compared only with a ledger that knows its last
//! outcome; the stored cursor never passes a record that is not settled; whatever a call may have left at the
//! destination is in the ledger, at the latest as in doubt; memory is bounded by [`READ_AHEAD`] records.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use contract::{
    Call, Clock, Facet, Facets, Fault, FaultClass, Op, Outcome, Parcel, Receipt, Store,
    destination::Verdict,
    source::Urgency,
    store::{Closed, Cursor, Held, HeldItem, Number, Open, Revision, Settled, State, Step, Take, Work},
};
use model::{Kind, Timestamp};
use tokio::{
    sync::watch,
    task::{self, JoinSet},
};
use tracing::Instrument as _;

use crate::{
    flow::Flow,
    market::{Reference, View},
    observe::{Event, Observer},
    prepare::{Action, Job, Part, Target, job},
};

/// Records that may be prepared but not settled at any moment, per flow.
pub const READ_AHEAD: usize = 500;
/// Records read at once, of each urgency and of retries; less where [`READ_AHEAD`] leaves less room.
const WINDOW: usize = 500;
/// Rooms for less are not worth a read.
const LEAST: usize = 50;
/// Windows that are read at once: one for each urgency, and one for retries.
const WINDOWS: usize = 4;
/// Records refused one by one, with not one accepted among them, after which the flow pauses: then it is not the records.
const REFUSED_IN_A_ROW: u32 = 50;
/// Calls that failed one after the other, with none that succeeded among them, after which the flow pauses.
const FAILED_IN_A_ROW: u32 = 8;
/// A destination that wants quiet for longer pauses the flow, so that whoever pushes can do something else.
const LONGEST_QUIET: Duration = Duration::from_secs(15);
/// The longest a record waits between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(10);

/// Pushes a flow.
#[derive(Clone)]
pub struct Push {
    /// The flow.
    pub flow: Arc<Flow>,
    /// Mirror and ledger.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// Changes when the mirror may have changed.
    pub news: watch::Receiver<u64>,
    /// How many first or full reads are under way: while there is one, a batch that is not full yet waits for it.
    pub filling: watch::Receiver<u32>,
    /// True once no further call may begin; those under way are waited for and settled.
    pub stop: watch::Receiver<bool>,
    /// How long a record waits before its second attempt.
    pub first_backoff: Duration,
}

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Records settled.
    pub settled: u64,
    /// Of them, set aside.
    pub dead: u64,
    /// Calls made.
    pub calls: u64,
    /// Why it stopped before the end, if it did.
    pub paused: Option<Fault>,
}

impl Pushed {
    /// Adds what a later push did.
    pub fn add(&mut self, later: Self) {
        self.settled += later.settled;
        self.dead += later.dead;
        self.calls += later.calls;
        self.paused = later.paused;
    }
}

impl Push {
    /// Pushes until nothing is left to do now. Retries that are not due yet are left.
    ///
    /// # Errors
    /// The store's fault. A destination's fault is no error: it is in [`Pushed::paused`] or with the records.
    #[tracing::instrument(name = "push", skip_all, fields(flow = %self.flow.name))]
    pub async fn until_idle(&self) -> Result<Pushed, Fault> {
        Turn::new(self.clone()).run().await
    }
}

/// The market as it was looked up last, and the revision of the reference records it was looked up in.
struct Lookup {
    revision: Revision,
    view: View,
}

impl Lookup {
    async fn new(push: &Push) -> Result<Self, Fault> {
        let flow = &push.flow;
        let revision = push.store.reference_revision(&flow.source).await?;
        let reference = Reference::new(push.store.reference(&flow.source).await?);
        Ok(Self { revision, view: View::new(&flow.market, &reference, flow.price_order)? })
    }
}

/// A place in the walk.
type Place = (Urgency, Revision);

/// A job being worked off.
struct Running {
    job: Job,
    /// What became of each part that was sent, by its place in the job.
    outcomes: BTreeMap<usize, Outcome>,
    /// Parts that wait or are under way.
    left: usize,
    /// The places of the walk that it settles; empty for a retry.
    places: Vec<Place>,
    /// The last call that carried a part of it.
    call: Option<u64>,
}

/// A part of a job, waiting for a call.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    number: Number,
    part: usize,
    bytes: usize,
    backfill: bool,
}

/// A call to be made, with the parts it carries.
struct Batch {
    kind: Kind,
    op: Op,
    parts: Vec<Waiting>,
}

/// Parts that wait for the same sort of call.
struct Bin {
    kind: Kind,
    op: Op,
    parts: VecDeque<Waiting>,
}

/// A call that ended while records it carried still have parts to send. It stays open in the store until they are
/// settled: a crash before that leaves them in doubt, as it must.
struct Lingering {
    closed: Closed,
    numbers: HashSet<Number>,
}

struct Turn {
    push: Push,
    lookup: Option<Lookup>,
    running: HashMap<Number, Running>,
    /// Records that changed again while a call carried them, with their new places.
    again: HashMap<Number, Vec<Place>>,
    bins: Vec<Bin>,
    /// Halves of refused batches, ahead of everything.
    halves: VecDeque<Batch>,
    sending: JoinSet<(Receipt, Duration)>,
    under_way: HashMap<task::Id, (u64, Batch)>,
    lingering: Vec<Lingering>,
    /// How far was read, which is ahead of what is settled.
    read: Option<Cursor>,
    committed: Option<Cursor>,
    /// Unsettled places of the walk, per urgency.
    unsettled: [BTreeSet<Revision>; 3],
    closed: Vec<Closed>,
    settled: Vec<Settled>,
    /// Records of `settled`: the store does not know their last outcome yet.
    unsaved: HashSet<Number>,
    /// Retries were not looked for, because the store would have given some that are settled.
    overlooked: bool,
    /// The destination is given quiet until then.
    quiet_until: Timestamp,
    refused_in_a_row: u32,
    failed_in_a_row: u32,
    pushed: Pushed,
}

impl Turn {
    fn new(push: Push) -> Self {
        Self {
            push,
            lookup: None,
            running: HashMap::new(),
            again: HashMap::new(),
            bins: Vec::new(),
            halves: VecDeque::new(),
            sending: JoinSet::new(),
            under_way: HashMap::new(),
            lingering: Vec::new(),
            read: None,
            committed: None,
            unsettled: [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()],
            closed: Vec::new(),
            settled: Vec::new(),
            unsaved: HashSet::new(),
            overlooked: false,
            quiet_until: Timestamp::from_millis(i64::MIN),
            refused_in_a_row: 0,
            failed_in_a_row: 0,
            pushed: Pushed::default(),
        }
    }

    async fn run(mut self) -> Result<Pushed, Fault> {
        loop {
            let exhausted = self.read_ahead().await?;
            let batches = self.form(exhausted);
            let opened = self.commit(&batches).await?;
            self.send(opened, batches);
            if let Some(ended) = self.sending.join_next_with_id().await {
                self.answered(ended);
                // Whatever else has come in by now belongs to the same transaction.
                while let Some(ended) = self.sending.try_join_next_with_id() {
                    self.answered(ended);
                }
            } else if !self.overlooked && !self.goes_on(exhausted).await {
                self.part_with().await?;
                return Ok(self.pushed);
            }
        }
    }

    /// Settles what was carried in part, to be gone on with; what was not sent at all stays where it is in the walk.
    async fn part_with(&mut self) -> Result<(), Fault> {
        let begun = self.running.values().filter(|running| !running.outcomes.is_empty());
        let numbers: Vec<Number> = begun.map(|running| running.job.number).collect();
        for number in numbers {
            self.settle(number);
        }
        self.commit(&[]).await?;
        Ok(())
    }

    /// No further call may begin.
    fn is_ending(&self) -> bool {
        self.pushed.paused.is_some() || *self.push.stop.borrow()
    }

    // ── read and prepare ────────────────────────────────────────────────────────────────────────────────────────────

    /// Reads and prepares until enough is waiting. True when there is nothing more to read now.
    async fn read_ahead(&mut self) -> Result<bool, Fault> {
        self.overlooked = false;
        self.look_again().await?;
        while !self.is_ending() {
            if self.settled.len() >= WINDOW {
                self.commit(&[]).await?;
            }
            let room = READ_AHEAD.saturating_sub(self.running.len() + self.settled.len());
            let most = (room / WINDOWS).min(WINDOW);
            if most < LEAST {
                return Ok(false);
            }
            let retrying = self.running.values().any(|running| running.places.is_empty());
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
            self.take_in(window.work).await?;
            if !found {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Prepares anew what changed while a call carried it.
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
        for work in work {
            let place = self.hold(&work);
            if self.is_busy(work.number) {
                if let Some(place) = place {
                    self.again.entry(work.number).or_default().push(place);
                }
                continue;
            }
            let mut places = self.again.remove(&work.number).unwrap_or_default();
            places.extend(place);
            self.enqueue(job(&flow, &lookup.view, &work, now), places);
        }
        self.lookup = Some(lookup);
        Ok(())
    }

    /// The ledger does not know how the record stands: a call carries it, or its outcome is not in the store yet.
    fn is_busy(&self, number: Number) -> bool {
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

    fn enqueue(&mut self, job: Job, places: Vec<Place>) {
        if job.is_settled() {
            self.release(&places);
            return self.note(job.settled());
        }
        let backfill = places.iter().all(|(urgency, _)| *urgency == Urgency::Backfill);
        let mut left = 0;
        for (index, part) in job.parts.iter().enumerate() {
            if let Action::Send(op) = part.action {
                left += 1;
                let bytes = part.payload.as_ref().map_or(0, contract::Payload::len) + part.id.as_str().len() + 16;
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

    fn unsettled_at(&mut self, urgency: Urgency) -> &mut BTreeSet<Revision> {
        let [urgent, live, backfill] = &mut self.unsettled;
        match urgency {
            Urgency::Urgent => urgent,
            Urgency::Live => live,
            Urgency::Backfill => backfill,
        }
    }

    fn release(&mut self, places: &[Place]) {
        for (urgency, revision) in places {
            self.unsettled_at(*urgency).remove(revision);
        }
    }

    // ── form calls, commit, send ────────────────────────────────────────────────────────────────────────────────────

    /// Takes parts out of the bins for as many calls as may be made now.
    fn form(&mut self, exhausted: bool) -> Vec<Batch> {
        let mut batches = Vec::new();
        if self.is_ending() || self.push.clock.now() < self.quiet_until {
            return batches;
        }
        let filling = *self.push.filling.borrow() > 0;
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

    /// One transaction: what ended, what is settled, the cursor, and the calls about to be made.
    async fn commit(&mut self, batches: &[Batch]) -> Result<Vec<u64>, Fault> {
        let cursor = self.cursor();
        let moved = cursor.is_some() && cursor != self.committed;
        if self.closed.is_empty() && self.settled.is_empty() && batches.is_empty() && !moved {
            return Ok(Vec::new());
        }
        let open = batches.iter().map(|batch| {
            let items = batch.parts.iter().filter_map(|waiting| Some((waiting.number, self.part(waiting)?.id.clone())));
            Open { kind: batch.kind, op: batch.op.name(), items: items.collect() }
        });
        let open = open.collect();
        self.unsaved.clear();
        let settled = std::mem::take(&mut self.settled);
        let dead = settled.iter().filter(|settled| settled.state == State::Dead).count();
        let records = settled.len();
        let step = Step {
            flow: self.push.flow.name.clone(),
            close: std::mem::take(&mut self.closed),
            settled,
            cursor,
            open,
            at: self.push.clock.now(),
        };
        let opened = self.push.store.advance(step).await?;
        self.committed = cursor;
        if records > 0 {
            self.pushed.settled += records as u64;
            self.pushed.dead += dead as u64;
            self.push.observer.tell(&Event::Settled { flow: &self.push.flow.name, records, dead });
        }
        Ok(opened)
    }

    /// As far as everything is settled.
    fn cursor(&self) -> Option<Cursor> {
        let Cursor(mut at) = self.read?;
        for (at, unsettled) in at.iter_mut().zip(&self.unsettled) {
            if let Some(first) = unsettled.first() {
                *at = Revision(first.0.saturating_sub(1)).min(*at);
            }
        }
        Some(Cursor(at))
    }

    fn send(&mut self, opened: Vec<u64>, batches: Vec<Batch>) {
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

    // ── take answers ────────────────────────────────────────────────────────────────────────────────────────────────

    fn answered(&mut self, ended: Result<(task::Id, (Receipt, Duration)), task::JoinError>) {
        let (task, (receipt, took)) = match ended {
            Ok(answer) => answer,
            Err(error) => (error.id(), (cut_off(&error), Duration::ZERO)),
        };
        let Some((id, batch)) = self.under_way.remove(&task) else { return };
        let (status, response) = (receipt.status, receipt.response.clone());
        let refused_whole = matches!(&receipt.verdict, Verdict::Whole(Outcome::Rejected(_)));
        let outcomes = outcomes(receipt.verdict, batch.parts.len());
        let fault = outcomes.iter().find_map(fault_of).cloned();
        self.push.observer.tell(&Event::Call {
            flow: &self.push.flow.name,
            kind: batch.kind,
            op: batch.op.name(),
            items: batch.parts.len(),
            status,
            took,
            fault: fault.as_ref(),
        });
        let closed = Closed { id, status, took, response, fault };
        self.judge(&outcomes);
        if refused_whole && batch.parts.len() > 1 {
            self.bisect(batch);
            self.closed.push(closed);
            return;
        }
        self.record(id, batch, outcomes, closed);
    }

    /// Notes what became of each part, and settles the records that have no part left.
    fn record(&mut self, call: u64, batch: Batch, outcomes: Vec<Outcome>, closed: Closed) {
        let mut numbers = HashSet::new();
        for (waiting, outcome) in batch.parts.into_iter().zip(outcomes) {
            if pauses(&outcome) {
                // Certainly without effect, and nobody's fault: the record stays unsettled where it is.
                continue;
            }
            let Some(running) = self.running.get_mut(&waiting.number) else { continue };
            running.outcomes.insert(waiting.part, outcome);
            running.call = Some(call);
            running.left -= 1;
            if running.left == 0 {
                self.settle(waiting.number);
            } else {
                numbers.insert(waiting.number);
            }
        }
        numbers.retain(|number| self.running.contains_key(number));
        if numbers.is_empty() {
            self.closed.push(closed);
        } else {
            self.lingering.push(Lingering { closed, numbers });
        }
    }

    fn settle(&mut self, number: Number) {
        let Some(running) = self.running.remove(&number) else { return };
        self.release(&running.places);
        let now = self.push.clock.now();
        let retry = now.plus(self.backoff(running.job.attempts)).max(self.quiet_until);
        self.note(settled(running, retry));
        for lingering in &mut self.lingering {
            lingering.numbers.remove(&number);
        }
        let ended = self.lingering.extract_if(.., |lingering| lingering.numbers.is_empty());
        self.closed.extend(ended.map(|lingering| lingering.closed));
    }

    fn note(&mut self, settled: Settled) {
        self.unsaved.insert(settled.number);
        self.settled.push(settled);
    }

    /// Two halves of a batch that was refused as a whole, until the one at fault stands alone.
    fn bisect(&mut self, batch: Batch) {
        let Batch { kind, op, mut parts } = batch;
        let second = parts.split_off(parts.len() / 2);
        self.halves.push_back(Batch { kind, op, parts });
        self.halves.push_back(Batch { kind, op, parts: second });
    }

    /// What the outcomes say of the destination as a whole. One call is one failure, however many items it carried, and
    /// none where any of them arrived.
    fn judge(&mut self, outcomes: &[Outcome]) {
        let arrived = outcomes.contains(&Outcome::Delivered);
        if arrived {
            self.refused_in_a_row = 0;
            self.failed_in_a_row = 0;
        }
        if let [Outcome::Rejected(fault)] = outcomes {
            self.refused_in_a_row += 1;
            if self.refused_in_a_row >= REFUSED_IN_A_ROW {
                self.pause(all_refused(fault));
            }
        }
        let failed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Deferred(_) | Outcome::Unknown(_)));
        let worst = failed.max_by_key(|outcome| (pauses(outcome), fault_of(outcome).and_then(|it| it.retry_after)));
        if let Some(outcome) = worst
            && let Some(fault) = fault_of(outcome)
        {
            self.failed_in_a_row += u32::from(!arrived);
            self.rest(fault);
            if pauses(outcome) || self.failed_in_a_row >= FAILED_IN_A_ROW {
                self.pause(fault.clone());
            }
        }
    }

    /// Gives the destination the quiet that it asks for; pauses where that is long.
    fn rest(&mut self, fault: &Fault) {
        if fault.class != FaultClass::Throttled && fault.retry_after.is_none() {
            return;
        }
        let wait = fault.retry_after.unwrap_or_else(|| self.backoff(self.failed_in_a_row.saturating_sub(1)));
        self.quiet_until = self.quiet_until.max(self.push.clock.now().plus(wait));
        if wait > LONGEST_QUIET {
            self.pause(fault.clone().after(Some(wait)));
        }
    }

    fn pause(&mut self, fault: Fault) {
        if self.pushed.paused.is_none() {
            self.push.observer.tell(&Event::Paused { flow: &self.push.flow.name, fault: &fault });
            self.pushed.paused = Some(fault);
        }
    }

    fn backoff(&self, attempts: u32) -> Duration {
        self.push.first_backoff.saturating_mul(2u32.saturating_pow(attempts.min(16))).min(LONGEST_BACKOFF)
    }

    // ── wait ────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Whether there is more to do, with no call under way; waits for it where it may yet come.
    async fn goes_on(&mut self, exhausted: bool) -> bool {
        if self.is_ending() {
            return false;
        }
        let waiting = !self.halves.is_empty() || self.bins.iter().any(|bin| !bin.parts.is_empty());
        if waiting && self.push.clock.now() < self.quiet_until {
            tokio::select! {
                () = self.push.clock.sleep_until(self.quiet_until) => {}
                // One that is gone will not stop anything.
                Ok(()) = self.push.stop.changed() => {}
            }
            return true;
        }
        if !exhausted || !self.again.is_empty() || *self.push.filling.borrow() == 0 {
            return waiting || !exhausted || !self.again.is_empty();
        }
        // A sender that is gone will not bring anything more.
        tokio::select! {
            news = self.push.news.changed() => news.is_ok() || waiting,
            filling = self.push.filling.changed() => filling.is_ok() || waiting,
            stop = self.push.stop.changed() => stop.is_ok() || waiting,
        }
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

/// One outcome per item, whatever the destination answered.
fn outcomes(verdict: Verdict, items: usize) -> Vec<Outcome> {
    match verdict {
        Verdict::Whole(outcome) => vec![outcome; items],
        Verdict::Each(mut outcomes) => {
            outcomes.resize_with(items, || {
                Outcome::Unknown(Fault::protocol("C0604", "the destination answered for fewer items than were sent"))
            });
            outcomes
        }
    }
}

fn fault_of(outcome: &Outcome) -> Option<&Fault> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Rejected(fault) | Outcome::Deferred(fault) | Outcome::Unknown(fault) => Some(fault),
    }
}

/// The flow can't go on before a person has mended something.
fn pauses(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Deferred(fault) if matches!(fault.class, FaultClass::Credentials | FaultClass::Config))
}

fn cut_off(error: &task::JoinError) -> Receipt {
    let fault = Fault::protocol("C0605", format!("sending was cut off inside: {error}"))
        .hint("this is a defect of Cartage; please report it with the log around it");
    Receipt { verdict: Verdict::Whole(Outcome::Unknown(fault)), status: 0, response: String::new() }
}

fn all_refused(last: &Fault) -> Fault {
    let message = format!("{REFUSED_IN_A_ROW} records in a row were refused and none accepted; the last: {last}");
    let fault = Fault::config("C0603", message)
        .hint("it is hardly the records: look at the destination's settings and the flow's fields, then `cartage dead replay`");
    match &last.response {
        Some(response) => fault.response(response.clone()),
        None => fault,
    }
}

/// The ledger row of a record of which no part is under way. Parts that were never sent are gone on with.
fn settled(running: Running, retry: Timestamp) -> Settled {
    let Running { job, mut outcomes, left, call, .. } = running;
    let put_off = outcomes.values().find_map(|outcome| match outcome {
        Outcome::Deferred(fault) | Outcome::Unknown(fault) => Some(fault.clone()),
        Outcome::Delivered | Outcome::Rejected(_) => None,
    });
    let rejected = outcomes.values().find_map(|outcome| match outcome {
        Outcome::Rejected(fault) => Some(fault.clone()),
        Outcome::Delivered | Outcome::Deferred(_) | Outcome::Unknown(_) => None,
    });
    let awaits = job.parts.iter().any(|part| part.action == Action::AwaitFeed);
    let mut refused = Vec::new();
    let mut items: Vec<HeldItem> = Vec::with_capacity(job.parts.len());
    for (index, part) in job.parts.into_iter().enumerate() {
        match outcomes.remove(&index) {
            Some(Outcome::Delivered) => items.extend(part.delivered()),
            Some(Outcome::Unknown(_)) => items.push(part.in_doubt()),
            Some(Outcome::Rejected(_)) => {
                items.extend(part.clone().as_before());
                refused.extend(part.item());
            }
            Some(Outcome::Deferred(_)) | None => items.extend(part.as_before()),
        }
    }
    let (state, fault) = match (put_off, rejected) {
        (Some(fault), _) => (State::Retry(retry), Some(fault)),
        (None, fault) if left > 0 => (State::Retry(retry), fault),
        (None, Some(fault)) => (State::Dead, Some(fault)),
        (None, None) if awaits => (State::AwaitsFeed, None),
        (None, None) => match job.target {
            Target::InSync => (State::InSync, None),
            Target::Filtered(rule) => (State::Filtered(rule.to_owned()), None),
            Target::Gone => (State::Gone, None),
            Target::Dead(fault) => (State::Dead, Some(fault)),
        },
    };
    let refused = if state == State::Dead { refused } else { Vec::new() };
    let (number, revision, due) = (job.number, job.revision, job.due);
    Settled { number, revision, state, items: Held::Items(items), due, call, fault, refused }
}
