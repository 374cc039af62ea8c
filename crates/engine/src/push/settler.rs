//! Collects the outcomes of a record's items, and turns them into its ledger row.
//!
//! **Invariants:** a record has one job at a time; every item that a call may have left at the destination is in the
//! row, at least as in doubt; a call stays open in the store until all records that it carried are settled.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Ref,
    store::{Closed, Held, Hold, Number, Settled, State, Work},
};
use model::{RemoteId, Window};

use super::{
    Place,
    outbox::Waiting,
    settle::{Answer, Circumstances, Sent, incomplete, removed, settle, unremoved},
};
use crate::prepare::{Action, Job, Part};

/// Rows that are written in one transaction.
pub(super) const STEP: usize = 500;

/// Records in progress, and rows to be written of those that are done.
#[derive(Default)]
pub(super) struct Settler {
    running: BTreeMap<Number, Running>,
    lingering: Vec<Lingering>,
    closed: Vec<Closed>,
    settled: Vec<Settled>,
    /// Records in `settled`, whose last outcome is not in the store yet.
    unsaved: BTreeSet<Number>,
    /// Bytes of all payloads in `running`.
    bytes: usize,
    /// Number of all items in `running`.
    items: usize,
    /// Items that the settled records removed.
    removed: u64,
    /// Items that they were to remove, and did not.
    unremoved: u64,
}

/// A job in progress.
pub(super) struct Running {
    pub(super) job: Job,
    /// Positions of the walk that it settles; empty for a retry.
    pub(super) places: Vec<Place>,
    /// The answer for each part that was sent, by its index in the job.
    answers: BTreeMap<usize, Answer>,
    /// Parts that wait or are under way.
    pub(super) left: usize,
    /// The last call that carried a part of it.
    call: Option<u64>,
    /// Whether a call failed that carried only a part of it.
    failed_alone: bool,
}

/// A call that ended while some of its records still have parts to send: it stays open in the store, so that a crash
/// before these are settled leaves its items in doubt.
struct Lingering {
    closed: Closed,
    numbers: BTreeSet<Number>,
}

impl Settler {
    /// Whether the ledger does not know the record's state: a call carries it, or its outcome is not in the store yet.
    pub(super) fn is_under_way(&self, number: Number) -> bool {
        self.running.contains_key(&number) || self.unsaved.contains(&number)
    }

    /// Number of records that are not settled in the store.
    pub(super) fn load(&self) -> usize {
        self.running.len() + self.settled.len()
    }

    /// Bytes of all payloads that wait or are under way.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Items of the records in progress, and how many a record has, at least 1.
    pub(super) fn items(&self) -> (usize, usize) {
        (self.items, self.items.div_ceil(self.running.len().max(1)).max(1))
    }

    /// Rows that wait to be written.
    pub(super) const fn waiting_rows(&self) -> usize {
        self.settled.len()
    }

    pub(super) fn is_retrying(&self) -> bool {
        self.running.values().any(|running| running.places.is_empty())
    }

    pub(super) fn running(&self, number: Number) -> Option<&Running> {
        self.running.get(&number)
    }

    pub(super) fn part(&self, number: Number, part: usize) -> Option<&Part> {
        self.running.get(&number)?.job.parts.get(part)
    }

    pub(super) fn running_mut(&mut self, number: Number) -> Option<&mut Running> {
        self.running.get_mut(&number)
    }

    /// Adds a job.
    pub(super) fn begin(&mut self, job: Job, places: Vec<Place>) {
        self.bytes += job.bytes();
        self.items += job.parts.len();
        let running = Running { answers: BTreeMap::new(), left: 0, places, call: None, failed_alone: false, job };
        self.running.insert(running.job.number, running);
    }

    /// Holds the removals of a record.
    pub(super) fn hold_removals(&mut self, number: Number) {
        let parts = self.running.get_mut(&number).map(|running| &mut running.job.parts);
        for part in parts.into_iter().flatten().filter(|part| part.is_removal()) {
            part.action = Action::Hold(Hold::Removal);
        }
    }

    /// Notes the answers for parts of a call, which carried nothing else if `alone`; returns the records without parts
    /// under way.
    pub(super) fn record(&mut self, parts: Vec<(Waiting, Answer)>, alone: bool, closed: Closed) -> Vec<Number> {
        let (numbers, done) = self.note_answers(parts, alone, closed.id);
        self.close(closed, numbers);
        done
    }

    /// As [`Settler::record`], for a call that goes on at the destination.
    pub(super) fn record_pending(&mut self, parts: Vec<(Waiting, Answer)>, call: u64) -> Vec<Number> {
        self.note_answers(parts, false, call).1
    }

    /// Replaces the known state of an item of a record in progress.
    pub(super) fn amend(&mut self, number: Number, item: &RemoteId, answer: Answer) {
        let Some(running) = self.running.get_mut(&number) else { return };
        if let Some(place) = running.job.parts.iter().position(|part| part.id == *item) {
            running.answers.insert(place, answer);
        }
    }

    /// Writes a row for a record that is not in progress; returns the record if it is in sync now.
    pub(super) fn settle(
        &mut self,
        job: Job,
        answers: BTreeMap<usize, Answer>,
        sent: Sent,
        at: &Circumstances,
    ) -> Option<Ref> {
        self.removed += removed(&job, &answers);
        self.unremoved += unremoved(&job, &answers);
        let record = Ref { kind: job.kind, id: job.id.clone() };
        let settled = settle(job, answers, sent, at);
        let in_sync = settled.state == State::InSync;
        self.note(settled);
        in_sync.then_some(record)
    }

    /// A retry of a record in an asynchronous call waits for the end of that call, which processes it again.
    pub(super) fn wait_for_import(&mut self, work: &Work) {
        let retry = work.entry.as_ref().filter(|entry| matches!(entry.state, State::Retry(_)));
        let Some(entry) = retry.filter(|_| !self.is_under_way(work.number)) else { return };
        self.note(Settled {
            number: work.number,
            revision: entry.revision,
            state: State::AwaitsImport,
            items: Held::Same,
            holds: Window::OPEN,
            call: None,
            fault: Some(incomplete()),
            refused: Vec::new(),
            trial: entry.trial,
            turn: entry.turn,
            prices: None,
        });
    }

    fn note_answers(
        &mut self,
        parts: Vec<(Waiting, Answer)>,
        alone: bool,
        call: u64,
    ) -> (BTreeSet<Number>, Vec<Number>) {
        let (mut numbers, mut done) = (BTreeSet::new(), Vec::new());
        for (waiting, answer) in parts {
            let Some(running) = self.running.get_mut(&waiting.number) else { continue };
            running.failed_alone |= alone && answer.is_open();
            running.answers.insert(waiting.part, answer);
            running.call = Some(call);
            running.left -= 1;
            numbers.insert(waiting.number);
            if running.left == 0 {
                done.push(waiting.number);
            }
        }
        (numbers, done)
    }

    /// Closes a call once these records are settled.
    pub(super) fn close(&mut self, closed: Closed, numbers: BTreeSet<Number>) {
        if numbers.is_empty() {
            self.closed.push(closed);
        } else {
            self.lingering.push(Lingering { closed, numbers });
        }
    }

    /// Settles a record; returns the positions of the walk that this settles, and the record if it is in sync now.
    pub(super) fn finish(&mut self, number: Number, at: &Circumstances) -> (Vec<Place>, Option<Ref>) {
        let Some(running) = self.forget(number) else { return (Vec::new(), None) };
        let Running { job, answers, left, places, call, failed_alone } = running;
        let sent = Sent { left, call, failed_alone, ..Sent::default() };
        self.removed += removed(&job, &answers);
        self.unremoved += unremoved(&job, &answers);
        let record = Ref { kind: job.kind, id: job.id.clone() };
        let settled = settle(job, answers, sent, at);
        let in_sync = settled.state == State::InSync;
        self.note(settled);
        (places, in_sync.then_some(record))
    }

    /// Drops a job without settling it: its row stays unchanged.
    pub(super) fn forget(&mut self, number: Number) -> Option<Running> {
        let running = self.running.remove(&number)?;
        self.bytes = self.bytes.saturating_sub(running.job.bytes());
        self.items = self.items.saturating_sub(running.job.parts.len());
        for lingering in &mut self.lingering {
            lingering.numbers.remove(&number);
        }
        let ended = self.lingering.extract_if(.., |lingering| lingering.numbers.is_empty());
        self.closed.extend(ended.map(|lingering| lingering.closed));
        Some(running)
    }

    /// Notes that another record owns this item of a job in progress: its waiting parts are not sent.
    pub(super) fn withdraw(&mut self, number: Number, item: &RemoteId) {
        let parts = self.running.get_mut(&number).map(|running| &mut running.job.parts);
        for part in parts.into_iter().flatten().filter(|part| part.id == *item) {
            part.action = Action::Keep;
        }
    }

    /// Drops a waiting part; returns whether it was the last one.
    pub(super) fn skip(&mut self, number: Number) -> bool {
        let Some(running) = self.running.get_mut(&number) else { return false };
        running.left -= 1;
        running.left == 0
    }

    fn note(&mut self, settled: Settled) {
        self.unsaved.insert(settled.number);
        self.settled.push(settled);
    }

    /// Records with answers for some of their parts only.
    pub(super) fn begun(&self) -> Vec<Number> {
        let begun = self.running.values().filter(|running| !running.answers.is_empty());
        begun.map(|running| running.job.number).collect()
    }

    /// Whether there is anything to write.
    pub(super) const fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.settled.is_empty()
    }

    /// Takes the numbers of items that the rows to be written removed, and were to remove and did not.
    pub(super) const fn take_removed(&mut self) -> (u64, u64) {
        (std::mem::replace(&mut self.removed, 0), std::mem::replace(&mut self.unremoved, 0))
    }

    /// Takes the rows to be written in the next step.
    pub(super) fn take(&mut self) -> (Vec<Closed>, Vec<Settled>) {
        self.unsaved.clear();
        (std::mem::take(&mut self.closed), std::mem::take(&mut self.settled))
    }
}
