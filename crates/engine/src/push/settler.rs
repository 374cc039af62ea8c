//! From the outcomes of a record's items to its ledger row.
//!
//! **Invariants:** a record has one job at a time; whatever a call may have left at the destination is in the row, at the
//! latest as in doubt; a call stays open in the store until all records that it carried are settled.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{
    Outcome,
    destination::Resolution,
    store::{Closed, Held, HeldItem, Hold, Number, Settled, State, Trial},
};
use model::{RemoteId, Timestamp};

use super::{Place, gate::Backoff, outbox::Waiting};
use crate::prepare::{Action, Handed, Job, Part, Target};

/// A record that fails alone so often, while the account accepts others, becomes a dead letter,
const FAILURES: u32 = 5;
/// but not sooner than so long after the first time.
const FAILURES_SPAN: Duration = Duration::from_mins(2);

/// Rows that are written in one transaction.
pub(super) const STEP: usize = 500;

/// Records that are worked off, and what is to be written of those that are done.
#[derive(Default)]
pub(super) struct Settler {
    running: BTreeMap<Number, Running>,
    lingering: Vec<Lingering>,
    closed: Vec<Closed>,
    settled: Vec<Settled>,
    /// Records of `settled`: the store does not know their last outcome yet.
    unsaved: BTreeSet<Number>,
    /// Bytes of all payloads in `running`.
    bytes: usize,
    /// Items that were removed with what is settled.
    removed: u64,
    /// Items that records leave to others, by who takes them.
    handed: BTreeMap<Number, Vec<(Number, RemoteId)>>,
}

/// What is known of a part after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// What became of it.
    Outcome(Outcome),
    /// What had become of it before, when nobody knew.
    Resolved(Resolution),
}

impl Answer {
    const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Resolved(_) => None,
        }
    }

    fn is_open(&self) -> bool {
        self.outcome().is_some_and(Outcome::is_open)
    }

    fn is_delivered(&self) -> bool {
        self.outcome().is_some_and(Outcome::is_delivered)
    }
}

/// A job being worked off.
pub(super) struct Running {
    pub(super) job: Job,
    /// Places of the walk that it settles; empty for a retry.
    pub(super) places: Vec<Place>,
    /// What became of each part that was sent, by its place in the job.
    answers: BTreeMap<usize, Answer>,
    /// Parts that wait or are under way.
    pub(super) left: usize,
    /// The last call that carried a part of it.
    call: Option<u64>,
    /// A call failed that carried nothing but a part of it.
    failed_alone: bool,
}

/// A call that ended while records it carried still have parts to send: a crash before these are settled leaves what it
/// carried in doubt, as it must.
struct Lingering {
    closed: Closed,
    numbers: BTreeSet<Number>,
}

/// What has to be known to settle a record.
#[derive(Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) now: Timestamp,
    /// How long what is tried again waits.
    pub(super) backoff: Backoff,
    /// The account asked for quiet until then.
    pub(super) quiet_until: Timestamp,
    /// When the account last accepted something.
    pub(super) succeeded_at: Option<Timestamp>,
}

impl Settler {
    /// The ledger does not know how the record stands: a call carries it, or its outcome is not in the store yet.
    pub(super) fn is_under_way(&self, number: Number) -> bool {
        self.running.contains_key(&number) || self.unsaved.contains(&number)
    }

    /// Records that are not settled in the store.
    pub(super) fn load(&self) -> usize {
        self.running.len() + self.settled.len()
    }

    /// Bytes of all payloads that wait or are under way.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
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

    /// Takes a job.
    pub(super) fn begin(&mut self, job: Job, places: Vec<Place>) {
        self.bytes += job.bytes();
        let running = Running { answers: BTreeMap::new(), left: 0, places, call: None, failed_alone: false, job };
        self.running.insert(running.job.number, running);
    }

    /// Holds what a record removes.
    pub(super) fn hold_removals(&mut self, number: Number) {
        let parts = self.running.get_mut(&number).map(|running| &mut running.job.parts);
        for part in parts.into_iter().flatten().filter(|part| part.is_removal()) {
            part.action = Action::Hold(Hold::Removal);
        }
    }

    /// Notes what became of parts of a call, which carried nothing else if `alone`; gives the records of which no part is
    /// left.
    pub(super) fn record(&mut self, parts: Vec<(Waiting, Answer)>, alone: bool, closed: Closed) -> Vec<Number> {
        let (mut numbers, mut done) = (BTreeSet::new(), Vec::new());
        for (waiting, answer) in parts {
            let Some(running) = self.running.get_mut(&waiting.number) else { continue };
            running.failed_alone |= alone && answer.is_open();
            running.answers.insert(waiting.part, answer);
            running.call = Some(closed.id);
            running.left -= 1;
            numbers.insert(waiting.number);
            if running.left == 0 {
                done.push(waiting.number);
            }
        }
        self.close(closed, numbers);
        done
    }

    /// Closes a call once these records are settled.
    pub(super) fn close(&mut self, closed: Closed, numbers: BTreeSet<Number>) {
        if numbers.is_empty() {
            self.closed.push(closed);
        } else {
            self.lingering.push(Lingering { closed, numbers });
        }
    }

    /// Settles a record; gives the places of the walk that are done with it.
    pub(super) fn finish(&mut self, number: Number, at: &Circumstances) -> Vec<Place> {
        let Some(running) = self.forget(number) else { return Vec::new() };
        let Running { job, answers, left, places, call, failed_alone } = running;
        let sent = Sent { left, call, failed_alone };
        self.removed += removed(&job, &answers);
        let settled = settle(job, answers, &sent, at);
        self.hand_on(&settled);
        self.note(settled);
        places
    }

    /// Drops a job without settling it: its record stays as it was.
    pub(super) fn forget(&mut self, number: Number) -> Option<Running> {
        let running = self.running.remove(&number)?;
        self.bytes = self.bytes.saturating_sub(running.job.bytes());
        for lingering in &mut self.lingering {
            lingering.numbers.remove(&number);
        }
        let ended = self.lingering.extract_if(.., |lingering| lingering.numbers.is_empty());
        self.closed.extend(ended.map(|lingering| lingering.closed));
        Some(running)
    }

    /// Leaves an item of a running record to another that is sent as it; tells whether the record had a part for it.
    pub(super) fn hand_over(&mut self, number: Number, item: &RemoteId, to: Number) -> bool {
        let parts = self.running.get_mut(&number).map(|running| &mut running.job.parts);
        let part = parts.and_then(|parts| parts.iter_mut().find(|part| part.id == *item && part.handed == Handed::No));
        let Some(part) = part else { return false };
        part.handed = Handed::To(to);
        self.expect(to, number, item.clone());
        true
    }

    /// The record is settled as the holder of this item, in a row that is not written yet.
    pub(super) fn has_settled_with(&self, number: Number, item: &RemoteId) -> bool {
        let rows = self.settled.iter().filter(|settled| settled.number == number);
        let held = rows.filter_map(|settled| match &settled.items {
            Held::Items(items) => Some(items),
            Held::Same => None,
        });
        held.flatten().any(|held| held.id == *item)
    }

    /// `from` gives an item up once `taker` is settled.
    pub(super) fn expect(&mut self, taker: Number, from: Number, item: RemoteId) {
        self.handed.entry(taker).or_default().push((from, item));
    }

    /// Records that left items to this one don't hold them any more where it does.
    fn hand_on(&mut self, settled: &Settled) {
        let Held::Items(held) = &settled.items else { return };
        for (from, item) in self.handed.remove(&settled.number).unwrap_or_default() {
            let parts = self.running.get_mut(&from).map(|running| &mut running.job.parts);
            let part = parts.and_then(|parts| parts.iter_mut().find(|part| part.id == item));
            if let Some(part) = part
                && part.handed == Handed::To(settled.number)
                && held.iter().any(|held| held.id == item)
            {
                part.handed = Handed::Over;
            }
        }
    }

    fn note(&mut self, settled: Settled) {
        self.unsaved.insert(settled.number);
        self.settled.push(settled);
    }

    /// Records of which some parts were answered for and others not.
    pub(super) fn begun(&self) -> Vec<Number> {
        let begun = self.running.values().filter(|running| !running.answers.is_empty());
        begun.map(|running| running.job.number).collect()
    }

    /// Whether there is anything to write.
    pub(super) const fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.settled.is_empty()
    }

    /// Takes the number of items that were removed with what is to be written.
    pub(super) const fn take_removed(&mut self) -> u64 {
        std::mem::replace(&mut self.removed, 0)
    }

    /// Takes what is to be written in the next step.
    pub(super) fn take(&mut self) -> (Vec<Closed>, Vec<Settled>) {
        self.unsaved.clear();
        self.handed.retain(|taker, _| self.running.contains_key(taker));
        (std::mem::take(&mut self.closed), std::mem::take(&mut self.settled))
    }
}

/// How many items of a job are gone, or wait for the feed since now.
fn removed(job: &Job, answers: &BTreeMap<usize, Answer>) -> u64 {
    let is_gone = |(index, part): &(usize, &Part)| match part.action {
        Action::AwaitFeed => part.is_removal() && !job.was_awaiting(),
        _ => part.is_removal() && answers.get(index).is_some_and(Answer::is_delivered),
    };
    job.parts.iter().enumerate().filter(is_gone).count() as u64
}

/// How the parts of a job were sent.
struct Sent {
    left: usize,
    call: Option<u64>,
    failed_alone: bool,
}

/// The ledger row of a record of which no part is under way. Parts that were never sent are gone on with.
fn settle(job: Job, mut answers: BTreeMap<usize, Answer>, sent: &Sent, at: &Circumstances) -> Settled {
    let of = |class: fn(&Outcome) -> bool| {
        let outcomes = answers.values().filter_map(Answer::outcome);
        outcomes.filter(|outcome| class(outcome)).find_map(Outcome::fault).cloned()
    };
    let put_off = of(Outcome::is_open);
    let rejected = of(|outcome| matches!(outcome, Outcome::Rejected(_)));
    let resolved = |as_: Resolution| answers.values().any(|answer| *answer == Answer::Resolved(as_));
    let unsure = resolved(Resolution::Unsure);
    let known_now = resolved(Resolution::Arrived) || resolved(Resolution::Absent);
    let held = |reason| job.parts.iter().any(|part| part.action == Action::Hold(reason));
    let holds = [Hold::UnknownOutcome, Hold::Removal].into_iter().find(|reason| held(*reason));
    let holds = if unsure { Some(Hold::UnknownOutcome) } else { holds };
    let awaits = job.parts.iter().any(|part| part.action == Action::AwaitFeed);
    let hands_over = job.contested_now || job.parts.iter().any(|part| matches!(part.handed, Handed::To(_)));
    let wants = job.wants();
    let is_unmakeable = matches!(job.target, Target::Dead(_));
    let is_same = answers.is_empty() && job.parts.iter().all(|part| part.handed == Handed::No);
    let trial = if put_off.is_some() { tried(job.trial, sent, at) } else { None };
    let gives_up = trial.is_some_and(|trial| is_over(trial, at.now));
    let mut refused = Vec::new();
    let mut items: Vec<HeldItem> = Vec::with_capacity(job.parts.len());
    for (index, part) in job.parts.into_iter().enumerate() {
        let answer = answers.remove(&index);
        match part.handed {
            Handed::No => {}
            Handed::Over => continue,
            // Until the other record is settled the item stays with this one.
            Handed::To(_) => {
                items.push(part.in_doubt());
                continue;
            }
        }
        match answer {
            Some(Answer::Outcome(Outcome::Delivered)) => items.extend(part.delivered()),
            Some(Answer::Resolved(Resolution::Arrived)) => items.push(part.arrived()),
            Some(Answer::Resolved(Resolution::Absent)) => {}
            Some(Answer::Resolved(Resolution::Unsure)) => items.push(part.in_doubt()),
            Some(Answer::Outcome(Outcome::Unknown(_))) => {
                refused.extend(part.clone().item().filter(|_| gives_up));
                items.push(part.in_doubt());
            }
            Some(Answer::Outcome(Outcome::Rejected(_))) => {
                items.extend(part.clone().as_before());
                refused.extend(part.item());
            }
            Some(Answer::Outcome(Outcome::Deferred(_))) => {
                refused.extend(part.clone().item().filter(|_| gives_up));
                items.extend(part.as_before());
            }
            None if is_unmakeable => refused.extend(part.item()),
            None => items.extend(part.as_before()),
        }
    }
    let contested = job.contested.map(|contested| {
        refused.extend(contested.items);
        contested.fault
    });
    let later = State::Retry(at.now.plus(at.backoff.after(job.attempts)).max(at.quiet_until));
    let (state, fault) = match (job.target, put_off, rejected, contested) {
        (Target::Dead(fault), ..) => (State::Dead, Some(fault)),
        (_, Some(fault), ..) if gives_up => (State::Dead, Some(fault)),
        (_, Some(fault), ..) => (later, Some(fault)),
        (_, None, fault, _) if sent.left > 0 => (later, fault),
        (_, None, None, None) if hands_over => (later, None),
        // What is known now decides what is done next.
        (_, None, fault, _) if known_now => (State::Retry(at.now), fault),
        (_, None, fault, _) if let Some(reason) = holds => (State::Held(reason), fault),
        (_, None, None, _) if awaits => (State::AwaitsFeed, None),
        (_, None, Some(fault), _) | (_, None, None, Some(fault)) => (State::Dead, Some(fault)),
        (Target::InSync, None, None, None) => (State::InSync, None),
        (Target::Filtered(rule), None, None, None) => (State::Filtered(rule.to_owned()), None),
        (Target::Gone, None, None, None) => (State::Gone, None),
    };
    if state != State::Dead {
        refused.clear();
    }
    let trial = trial.filter(|_| matches!(state, State::Retry(_)));
    Settled {
        number: job.number,
        revision: job.revision,
        state,
        items: if is_same { Held::Same } else { Held::Items(items) },
        due: job.due,
        call: sent.call,
        fault,
        refused,
        wants,
        trial,
    }
}

/// The trial of a record that was put off: another failure counts only where the record was alone in its call and the
/// account accepted something since the last one, so that an account that is down blames no record.
fn tried(before: Option<Trial>, sent: &Sent, at: &Circumstances) -> Option<Trial> {
    if !sent.failed_alone {
        return before;
    }
    let Some(trial) = before else { return Some(Trial { failures: 1, since: at.now, last: at.now }) };
    let works = at.succeeded_at.is_some_and(|succeeded| succeeded >= trial.last);
    Some(if works { Trial { failures: trial.failures.saturating_add(1), last: at.now, ..trial } } else { trial })
}

fn is_over(trial: Trial, now: Timestamp) -> bool {
    trial.failures >= FAILURES && trial.since.until(now) >= FAILURES_SPAN
}
