//! Walks the mirror past a flow's cursor and makes the destination agree with it.
//!
//! One loop; each turn of it is one transaction. The [`planner`] reads ahead and makes jobs; the [`outbox`] forms calls
//! of their parts, as far as the account's [`gate`] allows; a step commits calls that ended, records that are settled,
//! the cursor, and calls about to be made; these are sent; the [`settler`] makes ledger rows of the outcomes. A call is
//! committed before it is sent, so that after a crash its items are in doubt and sent again in full.
//!
//! **Invariants:** an item is in at most one call at a time; a record is compared only with a ledger that knows its
//! last outcome; the stored cursor never passes a record that is not settled; every item that a call may have left at
//! the destination is in the ledger, at least as in doubt; memory is bounded by the size of the destination's calls.

mod complete;
mod decide;
mod doubt;
pub mod gate;
pub mod guard;
mod imports;
mod outbox;
mod owners;
mod planner;
mod polling;
mod settle;
mod settler;
mod standing;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use contract::{
    Call, Clock, Fault, Limits, Op, Outcome, Parcel, Payload, Receipt, Ref, Store,
    destination::{Resolution, Verdict},
    source::Urgency,
    store::{Closed, Leased, Number, Open, Revision, State, Step},
};
use model::{Kind, Timestamp};
use tokio::{
    sync::watch,
    task::{self, JoinSet},
};
use tracing::Instrument as _;

pub use self::{
    decide::{Decision, decide},
    settle::unknown_outcome,
};
use self::{
    doubt::Doubt,
    gate::{pauses, refused_alike},
    guard::Removing,
    imports::Imports,
    outbox::{Batch, Bin, Flush, Outbox, Waiting},
    planner::{Planned, Planner},
    settle::{Answer, Circumstances},
    settler::{STEP, Settler},
};
use crate::{
    defect::cut_off,
    flow::Flow,
    named::Named,
    observe::{Event, Observer, Pushed},
    prepare::{Action, Job},
};

/// Least number of records that may be prepared and not settled, however small the destination's calls are.
const LEAST_AHEAD: usize = 500;
/// The largest such number.
const MOST_AHEAD: usize = 50_000;
/// Least bytes of payloads that may be prepared and not settled, however small the destination's calls are.
const LEAST_BYTES: usize = 8 << 20;
/// The largest such number.
const MOST_BYTES: usize = 64 << 20;
/// Assumed bytes of a record's payloads before any was prepared.
const USUAL_BYTES: usize = 4 << 10;
/// Longest time that a push waits for an asynchronous call while such calls take all places.
const LONGEST_REST: Duration = Duration::from_secs(15);
/// Records among which one in sync is searched, to probe the account.
const PROBED: usize = 500;

/// Pushes a flow.
#[derive(Clone)]
pub struct Push {
    /// The flow.
    pub flow: Arc<Flow>,
    /// Mirror and ledger.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Receives events.
    pub observer: Arc<dyn Observer>,
    /// Changes when the mirror may have changed.
    pub news: watch::Receiver<u64>,
    /// Number of first or full reads under way: during one, a batch that is not full waits.
    pub filling: watch::Receiver<u32>,
    /// True once no further call may begin; calls under way are awaited and settled.
    pub stop: watch::Receiver<bool>,
    /// How long a record waits before its second attempt.
    pub first_backoff: Duration,
}

impl Push {
    /// Pushes until no work is left now. Retries that are not due yet are left.
    ///
    /// # Errors
    /// The store's fault. A destination's fault is no error: it is in [`Pushed::paused`] or with the records.
    #[tracing::instrument(name = "push", skip_all, fields(flow = %self.flow.name))]
    pub async fn until_idle(&self) -> Result<Pushed, Fault> {
        let _turn = self.flow.turns.wait(self.flow.name.as_str()).await;
        let (flow, began) = (&self.flow.name, self.clock.now());
        let pushed = Turn::new(self.clone()).run().await?;
        let now = self.clock.now();
        if pushed.worked() {
            self.observer.notify(&Event::Pushed { flow, pushed: &pushed, took: began.until(now) });
        }
        let before = self.flow.gate.note_stop(flow, pushed.paused.is_some());
        if pushed.paused.is_some() || before != Some(false) {
            self.store.note_stop(flow, pushed.paused.as_ref(), now).await?;
        }
        if pushed.paused.is_none() && before == Some(true) {
            self.observer.notify(&Event::Resumed { flow });
        }
        Ok(pushed)
    }
}

/// A position in the walk.
type Place = (Urgency, Revision);

/// How many records may be prepared and not settled: as many as the calls under way can carry, and one call more.
pub fn read_ahead(limits: &Limits) -> usize {
    limits.items.saturating_mul(limits.concurrency + 1).clamp(LEAST_AHEAD, MOST_AHEAD)
}

/// An answer about calls.
enum Answered {
    Receipt(Receipt),
    /// The outcome of an asynchronous call.
    Polled(Receipt),
    /// The outcomes of earlier calls that were unknown.
    Resolved(Result<Vec<Resolution>, Fault>),
}

struct Turn {
    push: Push,
    planner: Planner,
    outbox: Outbox,
    settler: Settler,
    removing: Removing,
    sending: JoinSet<(Answered, Duration)>,
    /// Calls under way, by id.
    under_way: BTreeMap<u64, Batch>,
    tasks: HashMap<task::Id, u64>,
    /// Asynchronous calls.
    imports: Imports,
    /// Those of them that are over and not settled.
    over: Vec<(u64, Receipt, Duration)>,
    /// Calls that refused all of their several items alike.
    doubts: Vec<Doubt>,
    /// A record that the destination accepted.
    accepted: Option<Number>,
    /// Whether other flows use all calls that the account allows.
    blocked: bool,
    /// Whether a record that failed before has failed alone, so that the account has to be probed.
    wants_probe: bool,
    pushed: Pushed,
}

impl Turn {
    fn new(push: Push) -> Self {
        Self {
            push,
            planner: Planner::default(),
            outbox: Outbox::default(),
            settler: Settler::default(),
            removing: Removing::default(),
            sending: JoinSet::new(),
            under_way: BTreeMap::new(),
            tasks: HashMap::new(),
            imports: Imports::default(),
            over: Vec::new(),
            doubts: Vec::new(),
            accepted: None,
            blocked: false,
            wants_probe: false,
            pushed: Pushed::default(),
        }
    }

    async fn run(mut self) -> Result<Pushed, Fault> {
        let flow = Arc::clone(&self.push.flow);
        if let Err(fault) = flow.account().await {
            self.pause(fault);
            return Ok(self.pushed);
        }
        if self.push.flow.gate.refuses_everything() && !self.probe().await? {
            self.push.flow.gate.trust_again();
        }
        if self.push.flow.guard.is_none() {
            self.push.store.approve_removals(&self.push.flow.name, self.now()).await?;
        }
        self.resume_imports().await?;
        loop {
            self.ask();
            let exhausted = self.fill().await?;
            self.decide_removals().await?;
            let batches = self.form(exhausted);
            let opened = self.commit(&batches).await?;
            self.send(opened, batches);
            if self.end_imports().await? {
                continue;
            }
            if let Some(ended) = self.sending.join_next_with_id().await {
                self.answered(ended).await?;
                // All other answers that have arrived by now join the same transaction.
                while let Some(ended) = self.sending.try_join_next_with_id() {
                    self.answered(ended).await?;
                }
                self.probe_if_needed().await?;
            } else if !self.planner.overlooked && !self.goes_on(exhausted).await {
                return self.end().await;
            }
        }
    }

    /// Settles records that were sent in part, to be continued later; records that were not sent keep their position in
    /// the walk.
    async fn end(mut self) -> Result<Pushed, Fault> {
        self.close_doubts();
        let begun = self.settler.begun();
        self.finish(begun);
        self.commit(&[]).await?;
        if self.settler.load() > 0 {
            // Without asynchronous calls of its own, those of other flows have all places.
            let later = self.blocked.then(|| self.now().plus(LONGEST_REST));
            self.pushed.resume_at = self.imports.next_ask().or(later);
        }
        Ok(self.pushed)
    }

    /// Whether no further call may begin.
    fn is_ending(&self) -> bool {
        self.pushed.paused.is_some() || *self.push.stop.borrow()
    }

    fn now(&self) -> Timestamp {
        self.push.clock.now()
    }

    fn limits(&self, kind: Kind, op: Op) -> Limits {
        self.push.flow.destination.limits(kind, op)
    }

    // ── planning ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Reads and prepares until enough is waiting. True if there is nothing more to read now.
    async fn fill(&mut self) -> Result<bool, Fault> {
        let planned = self.planner.look_again(&self.push, &mut self.settler, &self.imports).await?;
        self.enqueue(planned);
        while !self.is_ending() {
            if self.settler.waiting_rows() >= STEP {
                self.commit(&[]).await?;
            }
            let room = self.room();
            let next = self.planner.next(&self.push, room, &mut self.settler, &self.imports);
            let Some(planned) = next.await? else { return Ok(false) };
            let is_last = planned.is_last;
            self.enqueue(planned);
            if let Some(fault) = self.planner.broken.take() {
                self.pause(fault);
            }
            if is_last {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Lets records with removals proceed, or holds their removals.
    async fn decide_removals(&mut self) -> Result<(), Fault> {
        if self.removing.waiting.is_empty() || self.is_ending() {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.removing.waiting);
        let jobs = || waiting.iter().filter_map(|number| Some(&self.settler.running(*number)?.job));
        let items = jobs().map(Job::removes).sum();
        let again = jobs().filter(|job| job.was_held()).map(Job::removes).sum();
        if !self.removing.may_remove(&self.push, self.now(), items, again).await? {
            let flow = &self.push.flow.name;
            tracing::warn!(%flow, items, "more would be removed than the flow's guard allows: the removals are held");
            for number in &waiting {
                self.settler.hold_removals(*number);
            }
        }
        let unsent = waiting.into_iter().filter(|number| !self.dispatch(*number)).collect();
        self.finish(unsent);
        Ok(())
    }

    /// How many more records may be prepared.
    fn room(&self) -> usize {
        let limits = || self.push.flow.carries().map(|carry| self.limits(carry.kind, Op::Put));
        let most = limits().map(|it| read_ahead(&it)).max().unwrap_or(LEAST_AHEAD);
        let bytes = limits().map(|it| it.bytes.saturating_mul(it.concurrency + 1)).max().unwrap_or(0);
        let load = self.settler.load();
        let each = self.settler.bytes().checked_div(load).map_or(USUAL_BYTES, |each| each.max(1));
        let by_bytes = bytes.clamp(LEAST_BYTES, MOST_BYTES).saturating_sub(self.settler.bytes()) / each;
        // Calls carry items, of which a record may have dozens.
        let (items, of_each) = self.settler.items();
        let by_items = most.max(2 * planner::LEAST_ROOM * of_each).saturating_sub(items) / of_each;
        let room = most.saturating_sub(load).min(by_items).min(by_bytes);
        // How much the first records are shows how many more there may be.
        if load == 0 { room.clamp(planner::LEAST_ROOM, LEAST_AHEAD) } else { room }
    }

    fn enqueue(&mut self, planned: Planned) {
        let mut unsent = Vec::new();
        for lost in planned.taken {
            self.settler.withdraw(lost.number, &lost.item);
        }
        for (job, places) in planned.jobs {
            let (number, removes) = (job.number, job.removes() > 0);
            self.settler.begin(job, places);
            if removes {
                self.removing.waiting.push(number);
            } else if !self.dispatch(number) {
                unsent.push(number);
            }
        }
        self.finish(unsent);
    }

    /// Puts the parts of a record that have to be sent into the outbox; false if there are none.
    fn dispatch(&mut self, number: Number) -> bool {
        let Some(running) = self.settler.running_mut(number) else { return false };
        let job = &running.job;
        let facets = self.push.flow.destination.descriptor().facets;
        // A retry has waited long enough.
        let places = &running.places;
        let backfill = !places.is_empty() && places.iter().all(|(urgency, _)| *urgency == Urgency::Backfill);
        let mut left = 0;
        for (index, part) in job.parts.iter().enumerate() {
            let bin = match part.action {
                Action::Send(op) => Bin::new(job.kind, op, job.attempts, facets(job.kind)),
                Action::Resolve => {
                    let op = if part.is_event { Op::Report } else { Op::Put };
                    Bin::new(job.kind, op, job.attempts, &[]).resolving()
                }
                Action::Keep | Action::AwaitFeed | Action::LeaveToImport | Action::Hold(_) => continue,
            };
            let bin = if job.probe { bin.first() } else { bin };
            let bin = bin.of_group(self.push.flow.destination.call_group(&part.id));
            left += 1;
            let bytes = part.sent_bytes(bin.op);
            let waiting = Waiting { number, part: index, item: part.id.clone(), bytes, backfill };
            self.outbox.add(bin, waiting, self.planner.shared);
        }
        running.left = left;
        left > 0
    }

    // ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    fn form(&mut self, exhausted: bool) -> Vec<Batch> {
        let gate = &self.push.flow.gate;
        self.blocked = false;
        if self.is_ending() || self.now() < gate.quiet_until(self.now()) {
            return Vec::new();
        }
        // If a record waits for another one in the bins, calls are not held back.
        let filling = *self.push.filling.borrow() > 0 && !self.planner.waits(&self.imports);
        let flush = Flush { exhausted, filling, quiet: self.sending.is_empty() };
        let destination = &self.push.flow.destination;
        let formed = self.outbox.form(gate, |kind, op| destination.limits(kind, op), flush);
        self.blocked = formed.blocked;
        let mut batches = formed.batches;
        if self.planner.shared {
            self.skip_withdrawn(&mut batches);
        }
        batches
    }

    /// Removes from calls the items that another record owns by now.
    fn skip_withdrawn(&mut self, batches: &mut Vec<Batch>) {
        let settler = &mut self.settler;
        let mut done = Vec::new();
        for batch in batches.iter_mut() {
            let withdrawn = |waiting: &mut Waiting| {
                settler.part(waiting.number, waiting.part).is_some_and(|part| part.action == Action::Keep)
            };
            let skipped: Vec<Waiting> = batch.parts.extract_if(.., withdrawn).collect();
            for waiting in skipped {
                self.outbox.done(batch.bin.kind, &waiting.item);
                done.extend(settler.skip(waiting.number).then_some(waiting.number));
            }
        }
        batches.retain(|batch| !batch.parts.is_empty());
        self.finish(done);
    }

    /// One transaction: ended calls, settled records, the cursor, and the calls to be made next.
    async fn commit(&mut self, batches: &[Batch]) -> Result<Vec<u64>, Fault> {
        let (cursor, moved) = self.planner.cursor();
        if self.settler.is_empty() && self.imports.is_committed() && batches.is_empty() && !moved {
            return Ok(Vec::new());
        }
        let open = batches.iter().map(|batch| Open {
            kind: batch.bin.kind,
            op: batch.bin.name(),
            items: batch.parts.iter().map(|waiting| (waiting.number, waiting.item.clone())).collect(),
        });
        let open = open.collect();
        let (removed, unremoved) = self.settler.take_removed();
        self.removing.ended(removed + unremoved);
        let counts = self.push.flow.guard.is_some();
        let (close, settled) = self.settler.take();
        let dead: Vec<(Number, Fault)> = settled
            .iter()
            .filter(|settled| settled.state == State::Dead)
            .filter_map(|settled| Some((settled.number, settled.fault.clone()?)))
            .collect();
        let records = settled.len();
        let step = Step {
            flow: self.push.flow.name.clone(),
            lease: self.push.store.lease(&Leased::Flow(self.push.flow.name.clone())).await?,
            close,
            settled,
            cursor,
            open,
            removed: if counts { removed } else { 0 },
            tickets: self.imports.take_changed(),
            at: self.now(),
        };
        let opened = self.push.store.advance(step).await?;
        self.planner.committed(cursor);
        if records > 0 {
            self.pushed.settled += records as u64;
            self.pushed.dead += dead.len() as u64;
            self.push.observer.notify(&Event::Settled { flow: &self.push.flow.name, records, dead: dead.len() });
        }
        for (number, fault) in &dead {
            self.notify_dead(*number, fault).await?;
        }
        Ok(opened)
    }

    /// Reports a record that became a dead letter, by what people know it by.
    async fn notify_dead(&self, number: Number, fault: &Fault) -> Result<(), Fault> {
        let flow = &self.push.flow.name;
        if let Some(work) = self.push.store.work(flow, number).await? {
            let record = work.record().filter(|_| !work.kind.is_personal());
            let record = Named::of(work.kind, &work.id, record);
            self.push.observer.notify(&Event::Dead { flow, record: &record, fault });
        }
        Ok(())
    }

    fn send(&mut self, opened: Vec<u64>, batches: Vec<Batch>) {
        for (id, mut batch) in opened.into_iter().zip(batches) {
            let call = self.call(&batch);
            let destination = Arc::clone(&self.push.flow.destination);
            let clock = Arc::clone(&self.push.clock);
            let items = call.parcels.len();
            let span = tracing::info_span!("call", id, kind = %call.kind, op = batch.bin.name(), items);
            let (permit, resolves) = (batch.permit.take(), batch.bin.resolves);
            let send = async move {
                let _permit = permit;
                let began = clock.now();
                let answered = if resolves {
                    let items: Vec<_> = call.parcels.into_iter().map(|parcel| parcel.id).collect();
                    Answered::Resolved(destination.resolve(call.kind, &items).await)
                } else {
                    Answered::Receipt(destination.send(&call).await)
                };
                (answered, began.until(clock.now()))
            };
            let task = self.sending.spawn(send.instrument(span));
            self.pushed.calls += 1;
            self.tasks.insert(task.id(), id);
            self.under_way.insert(id, batch);
        }
    }

    fn call(&self, batch: &Batch) -> Call {
        let op = batch.bin.op;
        let parcels = batch.parts.iter().filter_map(|waiting| {
            let part = self.settler.part(waiting.number, waiting.part)?;
            let payload = match (&part.payload, op) {
                (Some(payload), Op::Put | Op::Report) => payload.clone(),
                (Some(payload), Op::Patch(facets)) => payload.only(facets),
                (None, _) | (_, Op::Remove | Op::Hide) => Payload::default(),
            };
            Some(Parcel { id: part.id.clone(), payload, before: part.acknowledged.clone() })
        });
        // It was prepared before any record was mapped.
        let account = self.push.flow.account.get().cloned().unwrap_or_default();
        Call { account, kind: batch.bin.kind, op, parcels: parcels.collect() }
    }

    // ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async fn answered(
        &mut self,
        ended: Result<(task::Id, (Answered, Duration)), task::JoinError>,
    ) -> Result<(), Fault> {
        let (task, (answered, took)) = match ended {
            Ok(answer) => answer,
            Err(error) => (error.id(), (Answered::Receipt(unanswered(&error)), Duration::ZERO)),
        };
        let Some(id) = self.tasks.remove(&task) else { return Ok(()) };
        let Some(batch) = self.under_way.remove(&id) else {
            self.polled(id, answered, took);
            return Ok(());
        };
        let receipt = match answered {
            Answered::Receipt(receipt) | Answered::Polled(receipt) => receipt,
            Answered::Resolved(Ok(resolutions)) => {
                self.resolved(id, took, batch, resolutions);
                return Ok(());
            }
            // The outcome is still unknown.
            Answered::Resolved(Err(fault)) => {
                Receipt { verdict: Verdict::Whole(Outcome::Deferred(fault)), status: 0, response: String::new() }
            }
        };
        let (status, response) = (receipt.status, receipt.response.clone());
        if let Verdict::Pending { ticket, ask_in } = receipt.verdict {
            self.goes_on_there(id, batch, ticket, ask_in, (status, took));
            return Ok(());
        }
        let refused_whole = matches!(&receipt.verdict, Verdict::Whole(Outcome::Rejected(_)));
        let outcomes = outcomes(receipt.verdict, batch.parts.len());
        let fault = outcomes.iter().find_map(Outcome::fault).cloned();
        self.push.observer.notify(&Event::Call {
            flow: &self.push.flow.name,
            kind: batch.bin.kind,
            op: batch.bin.name(),
            items: batch.parts.len(),
            status,
            took,
            fault: fault.as_ref(),
        });
        let closed = Closed { id, status, took, response, fault };
        let alone = batch.parts.len() == 1;
        let (batch, mut outcomes) = self.put_instead(batch, outcomes);
        if batch.parts.is_empty() {
            self.settler.close(closed, BTreeSet::new());
            return Ok(());
        }
        if refused_whole && batch.parts.len() > 1 {
            self.outbox.bisect(batch);
            self.settler.close(closed, BTreeSet::new());
            return Ok(());
        }
        if refused_alike(batch.parts.iter().map(|waiting| waiting.number), &outcomes).is_some() {
            return self.doubt(Doubt { batch, outcomes, closed }).await;
        }
        if let Some(fault) = self.push.flow.gate.judge(&mut outcomes, self.push.first_backoff, self.now()) {
            self.pause(fault);
        }
        let arrived = outcomes.iter().any(Outcome::is_delivered);
        let is_probe = |waiting: &Waiting| self.settler.running(waiting.number).is_some_and(|it| it.job.probe);
        let probe = batch.parts.iter().zip(&outcomes).find(|(waiting, _)| is_probe(waiting));
        let probe = probe.map(|(_, outcome)| outcome.clone());
        self.record(batch, outcomes, alone, closed).await?;
        self.clear_up(arrived, probe).await
    }

    /// Takes the parts out of a call that were refused a change in part, and has them sent whole: the destination may no
    /// longer have what was to be changed. Says nothing of the record nor of the account.
    fn put_instead(&mut self, batch: Batch, outcomes: Vec<Outcome>) -> (Batch, Vec<Outcome>) {
        if !matches!(batch.bin.op, Op::Patch(_)) {
            return (batch, outcomes);
        }
        let Batch { bin, parts, permit } = batch;
        let settler = &self.settler;
        // Another record may own the item by now.
        let is_patch = |waiting: &Waiting| {
            let part = settler.part(waiting.number, waiting.part);
            part.is_some_and(|part| matches!(part.action, Action::Send(Op::Patch(_))))
        };
        let (refused, rest): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .zip(outcomes)
            .partition(|(waiting, outcome)| matches!(outcome, Outcome::Rejected(_)) && is_patch(waiting));
        for (waiting, _) in refused {
            let Some(running) = self.settler.running_mut(waiting.number) else { continue };
            let attempts = running.job.attempts;
            if let Some(part) = running.job.parts.get_mut(waiting.part) {
                part.action = Action::Send(Op::Put);
            }
            let group = self.push.flow.destination.call_group(&waiting.item);
            self.outbox.put_back(Bin::new(bin.kind, Op::Put, attempts, &[]).of_group(group), vec![waiting]);
        }
        let (parts, outcomes) = rest.into_iter().unzip();
        (Batch { bin, parts, permit }, outcomes)
    }

    /// Notes the outcomes of parts whose outcome was unknown.
    fn resolved(&mut self, id: u64, took: Duration, batch: Batch, mut resolutions: Vec<Resolution>) {
        resolutions.resize(batch.parts.len(), Resolution::Unsure);
        for waiting in &batch.parts {
            self.outbox.done(batch.bin.kind, &waiting.item);
        }
        let closed = Closed { id, status: 0, took, response: String::new(), fault: None };
        let answers = resolutions.into_iter().map(Answer::Resolved);
        let done = self.settler.record(batch.parts.into_iter().zip(answers).collect(), false, closed);
        self.finish(done);
    }

    /// Notes the outcome of each part. A part that certainly had no effect, through no fault of its record, waits
    /// again, or stays unsettled if the flow pauses.
    async fn record(&mut self, batch: Batch, outcomes: Vec<Outcome>, alone: bool, closed: Closed) -> Result<(), Fault> {
        let bin = batch.bin;
        let (mut answered, mut again) = (Vec::new(), Vec::new());
        for (waiting, outcome) in batch.parts.into_iter().zip(outcomes) {
            let is_probe = self.settler.running(waiting.number).is_some_and(|running| running.job.probe);
            match &outcome {
                outcome if pauses(outcome) => {}
                Outcome::Deferred(fault) if fault.class == contract::FaultClass::Throttled => again.push(waiting),
                Outcome::Rejected(_) | Outcome::Deferred(_) if is_probe => {
                    // A refusal of an item that was accepted before is a fault of the account, not of the record.
                    self.outbox.done(bin.kind, &waiting.item);
                    drop(self.settler.forget(waiting.number));
                }
                Outcome::Delivered
                | Outcome::DeliveredWith(_)
                | Outcome::Blocked(_)
                | Outcome::Rejected(_)
                | Outcome::Deferred(_)
                | Outcome::Unknown(_) => {
                    self.outbox.done(bin.kind, &waiting.item);
                    if outcome.is_delivered() && batch.bin.op == Op::Put {
                        self.accepted = Some(waiting.number);
                    }
                    self.wants_probe |= alone && bin.is_suspect() && outcome.is_open();
                    let answer = self.noted(waiting.number, outcome).await?;
                    answered.push((waiting, answer));
                }
            }
        }
        self.outbox.put_back(bin, again);
        let done = self.settler.record(answered, alone, closed);
        self.finish(done);
        Ok(())
    }

    /// The answer for an item; the record that it waits for is noted.
    async fn noted(&self, number: Number, outcome: Outcome) -> Result<Answer, Fault> {
        let answer = standing::answer(&self.push, outcome).await?;
        let on = match &answer {
            Answer::Blocked(blocked) => Some(blocked.on.clone()),
            _ => None,
        };
        self.push.flow.gate.wait_for(&self.push.flow.name, number, on);
        Ok(answer)
    }

    fn finish(&mut self, numbers: Vec<Number>) {
        let at = self.circumstances();
        for number in numbers {
            let (places, in_sync) = self.settler.finish(number, &at);
            self.planner.release(&places);
            self.free(in_sync);
        }
    }

    /// Processes the records that wait for this one, which is in sync now.
    fn free(&mut self, in_sync: Option<Ref>) {
        let (gate, flow) = (&self.push.flow.gate, &self.push.flow.name);
        if let Some(record) = in_sync.filter(|_| gate.holds_back()) {
            gate.waiting(flow, &record).into_iter().for_each(|number| self.planner.look_at(number));
        }
    }

    fn circumstances(&self) -> Circumstances {
        let gate = &self.push.flow.gate;
        Circumstances {
            now: self.now(),
            backoff: gate.backoff(self.push.first_backoff),
            quiet_until: gate.quiet_until(self.now()),
            succeeded_at: gate.succeeded_at(),
        }
    }

    fn pause(&mut self, fault: Fault) {
        if self.pushed.paused.is_none() {
            self.push.observer.notify(&Event::Paused { flow: &self.push.flow.name, fault: &fault });
            self.pushed.paused = Some(fault);
        }
    }

    // ── probing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// If a record failed alone, and no other call shows whether the account works, sends an item again that the
    /// account is known to accept.
    async fn probe_if_needed(&mut self) -> Result<(), Fault> {
        let wanted = std::mem::take(&mut self.wants_probe);
        let shows = |batch: &Batch| !batch.bin.is_suspect();
        if wanted && !self.is_ending() && self.outbox.is_suspect() && !self.under_way.values().any(shows) {
            self.probe().await?;
        }
        Ok(())
    }

    /// Sends an item again that the destination accepted; false if there is none.
    async fn probe(&mut self) -> Result<bool, Fault> {
        let name = &self.push.flow.name;
        let mut candidates = Vec::new();
        if let Some(number) = self.accepted {
            candidates.extend(self.push.store.work(name, number).await?);
        }
        for kind in self.push.flow.kinds.clone() {
            if candidates.is_empty() {
                candidates = self.push.store.scan(name, kind, Number(0), PROBED).await?;
            }
        }
        let in_sync = candidates.into_iter().filter(|work| {
            let in_sync = |entry: &contract::store::Entry| entry.state == State::InSync && !entry.items.is_empty();
            work.entry.as_ref().is_some_and(in_sync) && !self.settler.is_under_way(work.number)
        });
        let in_sync: Vec<_> = in_sync.collect();
        let Some(job) = self.planner.probe(&self.push, in_sync).await? else { return Ok(false) };
        self.enqueue(Planned { jobs: vec![(job, Vec::new())], ..Planned::default() });
        Ok(true)
    }

    /// Whether there is more work while no call is under way; waits if there may be some later.
    async fn goes_on(&mut self, exhausted: bool) -> bool {
        if self.is_ending() {
            return false;
        }
        let waiting = !self.outbox.is_empty();
        let (gate, now) = (&self.push.flow.gate, self.now());
        if waiting && now < gate.quiet_until(now) {
            tokio::select! {
                () = self.push.clock.sleep_until(gate.quiet_until(now)) => {}
                // A dropped sender never stops the push.
                Ok(()) = self.push.stop.changed() => {}
            }
            return true;
        }
        let is_filling = *self.push.filling.borrow() > 0;
        if self.blocked && !gate.is_busy() {
            return self.until_asked().await;
        }
        if self.blocked {
            tokio::select! {
                () = gate.is_free() => {}
                _ = self.push.stop.changed() => {}
            }
            return true;
        }
        let again = self.planner.looks_again(&self.settler, &self.imports);
        let more = waiting || !exhausted || again;
        if !exhausted || again || !is_filling {
            return more;
        }
        // A dropped sender never notifies again.
        tokio::select! {
            news = self.push.news.changed() => news.is_ok() || waiting,
            filling = self.push.filling.changed() => filling.is_ok() || waiting,
            stop = self.push.stop.changed() => stop.is_ok() || waiting,
        }
    }

    /// Asynchronous calls take all places: waits until the first of them is polled or one of another flow ends, because what
    /// is prepared would have to be prepared once more. False if that is long.
    async fn until_asked(&self) -> bool {
        let (now, own) = (self.now(), self.imports.next_ask());
        let at = own.unwrap_or_else(|| now.plus(LONGEST_REST));
        if now.until(at) > LONGEST_REST {
            return false;
        }
        let mut stop = self.push.stop.clone();
        tokio::select! {
            () = self.push.clock.sleep_until(at) => own.is_some(),
            () = self.push.flow.gate.is_free() => true,
            // A dropped sender never stops the push.
            Ok(()) = stop.changed() => true,
        }
    }
}

/// One outcome per item, however many the destination gave.
fn outcomes(verdict: Verdict, items: usize) -> Vec<Outcome> {
    match verdict {
        Verdict::Whole(outcome) => vec![outcome; items],
        // There are no outcomes yet.
        Verdict::Pending { .. } => Vec::new(),
        Verdict::Each(mut outcomes) => {
            outcomes.resize_with(items, || {
                Outcome::Unknown(Fault::protocol("C0604", "the destination answered for fewer items than were sent"))
            });
            outcomes
        }
    }
}

/// The receipt of a call whose task was cut off.
fn unanswered(error: &task::JoinError) -> Receipt {
    let fault = cut_off("C0605", "sending", error);
    Receipt { verdict: Verdict::Whole(Outcome::Unknown(fault)), status: 0, response: String::new() }
}
