//! Polls the outcomes of asynchronous calls, and settles their records.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use contract::{
    Facets, Fault, Op, Outcome, Receipt,
    destination::{Ticket, Verdict},
    store::{Closed, Number, Ticketed},
};
use model::RemoteId;
use tracing::Instrument as _;

use super::{
    Answered, Turn,
    gate::{all_refused, refused_alike},
    imports::{ASK_MOST, Imports, ended},
    outbox::{Batch, Waiting},
    outcomes,
    settle::{Answer, Sent},
};
use crate::{observe::Event, prepare::Before};

/// When a poll that failed is repeated.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// Shortest time between two polls of a call.
const ASK_LEAST: Duration = Duration::from_secs(1);

impl Turn {
    /// Resumes the calls whose tickets are in the store.
    pub(super) async fn resume_imports(&mut self) -> Result<(), Fault> {
        self.imports = Imports::resume(self.push.store.tickets(&self.push.flow.name).await?);
        for import in self.imports.iter() {
            for (_, item) in &import.items {
                self.outbox.occupy(import.kind, item);
            }
        }
        self.count_imports();
        Ok(())
    }

    fn count_imports(&self) {
        self.push.flow.gate.imports(&self.push.flow.name, self.imports.len());
    }

    /// Notes that a call goes on at the destination.
    pub(super) fn goes_on_there(
        &mut self,
        id: u64,
        batch: Batch,
        ticket: Ticket,
        ask_in: Duration,
        (status, took): (u16, Duration),
    ) {
        let (kind, op) = (batch.bin.kind, batch.bin.name());
        self.push.observer.notify(&Event::Call {
            flow: &self.push.flow.name,
            kind,
            op,
            items: batch.parts.len(),
            status,
            took,
            fault: None,
        });
        let items = batch.parts.iter().map(|waiting| (waiting.number, waiting.item.clone())).collect();
        let (ask_at, op) = (self.now().plus(ask_in.min(ASK_MOST)), op.to_owned());
        let is_fresh = |waiting: &&Waiting| {
            self.settler.part(waiting.number, waiting.part).is_some_and(|part| part.before == Before::Nothing)
        };
        let fresh = batch.parts.iter().filter(is_fresh).map(|waiting| waiting.item.clone()).collect();
        self.imports.begin(Ticketed { call: id, kind, op, ticket: ticket.0, ask_at, items }, fresh);
        self.count_imports();
        let answers = batch.parts.into_iter().map(|waiting| (waiting, Answer::Pending)).collect();
        let done = self.settler.record_pending(answers, id);
        self.finish(done);
    }

    /// Polls calls whose time has come.
    pub(super) fn ask(&mut self) {
        let now = self.now();
        if self.is_ending() || now < self.push.flow.gate.quiet_until(now) {
            return;
        }
        for import in self.imports.due(now) {
            let (destination, clock) = (Arc::clone(&self.push.flow.destination), Arc::clone(&self.push.clock));
            let span = tracing::info_span!("poll", id = import.call, kind = %import.kind, items = import.items.len());
            let poll = async move {
                let (ticket, began) = (Ticket(import.ticket), clock.now());
                let items: Vec<_> = import.items.into_iter().map(|(_, item)| item).collect();
                let receipt = destination.poll(&ticket, &items).await;
                (Answered::Polled(receipt), began.until(clock.now()))
            };
            let task = self.sending.spawn(poll.instrument(span));
            self.tasks.insert(task.id(), import.call);
        }
    }

    /// Handles the answer of a poll.
    pub(super) fn polled(&mut self, id: u64, answered: Answered, took: Duration) {
        let Answered::Polled(receipt) = answered else {
            // The poll was cut off.
            return self.imports.postpone(id, None, self.now().plus(ASK_AGAIN));
        };
        match receipt.verdict {
            Verdict::Pending { ticket, ask_in } => {
                self.imports.postpone(id, Some(ticket.0), self.now().plus(ask_in.clamp(ASK_LEAST, ASK_MOST)));
            }
            Verdict::Whole(Outcome::Deferred(fault)) => {
                let again = self.now().plus(fault.retry_after.unwrap_or(ASK_AGAIN));
                self.imports.postpone(id, None, again);
                let mut outcomes = [Outcome::Deferred(fault)];
                if let Some(fault) = self.push.flow.gate.judge(&mut outcomes, self.push.first_backoff, self.now()) {
                    self.pause(fault);
                }
            }
            verdict => self.over.push((id, Receipt { verdict, ..receipt }, took)),
        }
    }

    /// Settles the records of calls that are over; returns whether there were any. Every other row is in the store.
    pub(super) async fn end_imports(&mut self) -> Result<bool, Fault> {
        let over = std::mem::take(&mut self.over);
        let any = !over.is_empty();
        for (id, receipt, took) in over {
            // The outcome of another call of the record that ended at the same time must be in its row.
            if self.settler.waiting_rows() > 0 {
                self.commit(&[]).await?;
            }
            let Some((import, fresh)) = self.imports.end(id) else { continue };
            let (status, response) = (receipt.status, receipt.response);
            let refused_whole = matches!(&receipt.verdict, Verdict::Whole(Outcome::Rejected(_)));
            let mut outcomes = outcomes(receipt.verdict, import.items.len());
            let alone = import.items.len() == 1;
            let is_patch = import.op == Op::Patch(Facets::NONE).name();
            // The cause is hardly in each of its records: none of them becomes a dead letter for it.
            let numbers = import.items.iter().map(|(number, _)| *number);
            if let Some(fault) = refused_alike(numbers, &outcomes).filter(|_| !is_patch && !refused_whole) {
                let deferred = Outcome::Deferred(all_refused(outcomes.len(), fault));
                outcomes.fill(deferred);
            }
            for outcome in &mut outcomes {
                let Outcome::Rejected(fault) = outcome else { continue };
                if is_patch {
                    // The destination may no longer have what was to be changed: it is sent whole.
                    *outcome = Outcome::Unknown(fault.clone());
                } else if refused_whole && !alone {
                    // It comes back in smaller calls.
                    *outcome = Outcome::Deferred(fault.clone());
                }
            }
            let fault = outcomes.iter().find_map(Outcome::fault).cloned();
            if let Some(fault) = self.push.flow.gate.judge(&mut outcomes, self.push.first_backoff, self.now()) {
                self.pause(fault);
            }
            let mut answers: BTreeMap<Number, Vec<(RemoteId, Answer)>> = BTreeMap::new();
            for ((number, item), outcome) in import.items.iter().zip(outcomes) {
                self.outbox.done(import.kind, item);
                let answer = self.noted(*number, outcome).await?;
                answers.entry(*number).or_default().push((item.clone(), answer));
            }
            let mut unsettled = BTreeSet::new();
            for (number, answers) in answers {
                if !self.end_import((&import, &fresh), number, answers).await? {
                    unsettled.insert(number);
                }
            }
            // A crash before these are settled leaves its items in doubt.
            self.settler.close(Closed { id, status, took, response, fault }, unsettled);
        }
        self.count_imports();
        Ok(any)
    }

    /// Settles one record of a call that is over; false if other parts of it are still under way.
    async fn end_import(
        &mut self,
        (import, fresh): (&Ticketed, &BTreeSet<RemoteId>),
        number: Number,
        answers: Vec<(RemoteId, Answer)>,
    ) -> Result<bool, Fault> {
        if self.settler.running(number).is_some() {
            for (item, answer) in answers {
                self.settler.amend(number, &item, answer);
            }
            return Ok(false);
        }
        let flow = &self.push.flow.name;
        let Some(work) = self.push.store.work(flow, number).await? else { return Ok(true) };
        let stored = self.push.store.entry(flow, number).await?;
        let failed_alone = import.items.len() == 1 && answers.iter().any(|(_, answer)| answer.is_open());
        let ended = ended((import, fresh), &work, stored, answers);
        let pending = self.imports.carries(number);
        let sent = Sent { left: 0, call: Some(import.call), failed_alone, pending, again: ended.again };
        let at = self.circumstances();
        let in_sync = self.settler.settle(ended.job, ended.answers, sent, &at);
        self.free(in_sync);
        Ok(true)
    }
}
