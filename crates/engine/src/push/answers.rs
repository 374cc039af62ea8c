//! Takes answers: what became of each part, what that says of the destination as a whole, and the ledger rows that come
//! of it.
//!
//! **Invariants:** a destination that fails again and again, wants long quiet or refuses everything pauses the flow; what
//! is certainly without effect and nobody's fault leaves the record where it is; a call of which a record has parts left
//! stays open in the store.

use std::{collections::HashSet, time::Duration};

use contract::{
    Fault, FaultClass, Outcome, Receipt,
    destination::Verdict,
    store::{Closed, Held, HeldItem, Number, Settled, State},
};
use model::Timestamp;
use tokio::task;

use super::{Lingering, Running, Turn, calls::Batch};
use crate::{
    observe::Event,
    prepare::{Action, Target},
};

/// Records refused one by one, with not one accepted among them, after which the flow pauses: then it is not the records.
const REFUSED_IN_A_ROW: u32 = 50;
/// Calls that failed one after the other, with none that succeeded among them, after which the flow pauses.
const FAILED_IN_A_ROW: u32 = 8;
/// A destination that wants quiet for longer pauses the flow, so that whoever pushes can do something else.
const LONGEST_QUIET: Duration = Duration::from_secs(15);
/// The longest a record waits between two attempts.
const LONGEST_BACKOFF: Duration = Duration::from_mins(10);

impl Turn {
    pub(super) fn answered(&mut self, ended: Result<(task::Id, (Receipt, Duration)), task::JoinError>) {
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

    pub(super) fn settle(&mut self, number: Number) {
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

    pub(super) fn note(&mut self, settled: Settled) {
        self.unsaved.insert(settled.number);
        self.settled.push(settled);
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

    pub(super) fn pause(&mut self, fault: Fault) {
        if self.pushed.paused.is_none() {
            self.push.observer.tell(&Event::Paused { flow: &self.push.flow.name, fault: &fault });
            self.pushed.paused = Some(fault);
        }
    }

    fn backoff(&self, attempts: u32) -> Duration {
        self.push.first_backoff.saturating_mul(2u32.saturating_pow(attempts.min(16))).min(LONGEST_BACKOFF)
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
    let wants = job.wants();
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
    let contested = job.contested.map(|contested| {
        refused.extend(contested.items);
        contested.fault
    });
    let (state, fault) = match (put_off, rejected, contested) {
        (Some(fault), ..) => (State::Retry(retry), Some(fault)),
        (None, fault, _) if left > 0 => (State::Retry(retry), fault),
        (None, None, _) if awaits => (State::AwaitsFeed, None),
        (None, Some(fault), _) | (None, None, Some(fault)) => (State::Dead, Some(fault)),
        (None, None, None) => match job.target {
            Target::InSync => (State::InSync, None),
            Target::Filtered(rule) => (State::Filtered(rule.to_owned()), None),
            Target::Gone => (State::Gone, None),
            Target::Dead(fault) => (State::Dead, Some(fault)),
        },
    };
    let refused = if state == State::Dead { refused } else { Vec::new() };
    let (number, revision, due) = (job.number, job.revision, job.due);
    Settled { number, revision, state, items: Held::Items(items), due, call, fault, refused, wants }
}
