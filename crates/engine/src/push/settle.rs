//! Makes the ledger row of a record from the outcomes of its items.
//!
//! **Invariant:** every item that a call may have left at the destination is in the row, at least as in doubt.

use std::{collections::BTreeMap, time::Duration};

use contract::{
    Fault, Item, Outcome,
    destination::{LEFT_TO_IMPORT, Resolution},
    store::{Held, HeldItem, Hold, Settled, State, Trial},
};
use model::Timestamp;

use super::gate::Backoff;
use crate::{
    compose::Target,
    prepare::{Action, Before, Blocked, Job, Part, Standing, Then},
};

/// A record that fails alone so often, while the account accepts others, becomes a dead letter,
const FAILURES: u32 = 5;
/// but not sooner than so long after the first time.
const FAILURES_SPAN: Duration = Duration::from_mins(2);

/// Facts needed to settle a record.
#[derive(Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) now: Timestamp,
    /// How long a retry waits.
    pub(super) backoff: Backoff,
    /// The end of a pause that the account asked for.
    pub(super) quiet_until: Timestamp,
    /// When the account last accepted an item.
    pub(super) succeeded_at: Option<Timestamp>,
}

/// The answer about a part after a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its outcome.
    Outcome(Outcome),
    /// The destination refuses it until another record is there.
    Blocked(Blocked),
    /// The call is asynchronous and goes on.
    Pending,
    /// Its outcome of an earlier call, which was unknown.
    Resolved(Resolution),
}

impl Answer {
    const fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Blocked(_) | Self::Pending | Self::Resolved(_) => None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.outcome().is_some_and(Outcome::is_open)
    }

    fn warning(&self) -> Option<&Fault> {
        match self {
            Self::Outcome(Outcome::DeliveredWith(remarks)) => remarks.warnings.first(),
            _ => None,
        }
    }

    fn is_delivered(&self) -> bool {
        self.outcome().is_some_and(Outcome::is_delivered)
    }
}

/// How many items of a job were removed, or wait for the feed from now on, as far as the flow's guard counts them.
pub(super) fn removed(job: &Job, answers: &BTreeMap<usize, Answer>) -> u64 {
    if job.erased {
        return 0;
    }
    let is_gone = |(index, part): &(usize, &Part)| match part.action {
        action if action.is_left_to_import() => part.is_removal() && !job.was_awaiting(),
        _ => part.is_removal() && answers.get(index).is_some_and(Answer::is_delivered),
    };
    job.parts.iter().enumerate().filter(is_gone).count() as u64
}

/// How many items of a job were to be removed by calls that had no such outcome and are over: nothing counts them.
pub(super) fn unremoved(job: &Job, answers: &BTreeMap<usize, Answer>) -> u64 {
    if job.erased {
        return 0;
    }
    let is_left = |(index, part): &(usize, &Part)| {
        let answer = answers.get(index);
        let goes_on = answer.is_some_and(|answer| answer.is_delivered() || *answer == Answer::Pending);
        part.is_removal() && !part.action.is_left_to_import() && !goes_on
    };
    job.parts.iter().enumerate().filter(is_left).count() as u64
}

/// How the parts of a job were sent.
#[derive(Clone, Copy, Default)]
pub(super) struct Sent {
    /// Parts that were not sent.
    pub(super) left: usize,
    /// The last call that carried a part.
    pub(super) call: Option<u64>,
    /// Whether a call failed that carried only a part of it.
    pub(super) failed_alone: bool,
    /// Whether another part is in an asynchronous call that goes on.
    pub(super) pending: bool,
    /// Whether it has to be processed again at once.
    pub(super) again: bool,
}

/// The ledger row of a record without parts under way. Parts that were never sent are continued later.
pub(super) fn settle(job: Job, mut answers: BTreeMap<usize, Answer>, sent: Sent, at: &Circumstances) -> Settled {
    let of = |class: fn(&Outcome) -> bool| {
        let outcomes = answers.values().filter_map(Answer::outcome);
        outcomes.filter(|outcome| class(outcome)).find_map(Outcome::fault).cloned()
    };
    let put_off = of(Outcome::is_open);
    let rejected = of(|outcome| matches!(outcome, Outcome::Rejected(_)));
    let warning = answers.values().find_map(Answer::warning).cloned();
    let resolved = |as_: Resolution| answers.values().any(|answer| *answer == Answer::Resolved(as_));
    let is_replaced =
        |(index, part): (usize, &Part)| part.then == Then::Put && answers.get(&index).is_some_and(Answer::is_delivered);
    let replaced = job.parts.iter().enumerate().any(is_replaced);
    let waits = job.parts.iter().any(|part| part.then == Then::Send);
    let sends_next = waits && !answers.is_empty() && answers.values().all(Answer::is_delivered);
    let again = sent.again || replaced || sends_next || resolved(Resolution::Arrived) || resolved(Resolution::Absent);
    let held = |reason| job.parts.iter().any(|part| part.action == Action::Hold(reason));
    let holds = [Hold::UnknownOutcome, Hold::Removal].into_iter().find(|reason| held(*reason));
    let holds = if resolved(Resolution::Unsure) { Some(Hold::UnknownOutcome) } else { holds };
    let pending = sent.pending || answers.values().any(|answer| *answer == Answer::Pending);
    let awaits = job.parts.iter().any(|part| part.action == Action::AwaitFeed);
    let is_left = job.parts.iter().any(|part| part.action == Action::LeaveToImport);
    let is_unmakeable = matches!(job.target, Target::Dead(_));
    let is_same = answers.is_empty();
    let trial = if put_off.is_some() { tried(job.trial, &sent, at) } else { None };
    let gives_up = trial.is_some_and(|trial| is_over(trial, at.now));
    let later = State::Retry(at.now.plus(at.backoff.after(job.attempts)).max(at.quiet_until));
    let by_answer = answers.values().find_map(|answer| match answer {
        Answer::Blocked(blocked) => Some(blocked),
        _ => None,
    });
    let blocked = job.blocked.as_ref().or(by_answer).map(|blocked| stands(blocked, &State::Retry(at.now), &later));
    let mut refused = Vec::new();
    let mut items: Vec<HeldItem> = Vec::with_capacity(job.parts.len());
    for (index, part) in job.parts.into_iter().enumerate() {
        let answer = answers.remove(&index);
        // It was known before it was sent what it waits for.
        let is_refused = job.blocked.is_some() && part.before == Before::Nothing;
        let (kept, set_aside) = match answer {
            Some(answer) => after(part, &answer, gives_up),
            None if is_unmakeable => (None, part.item()),
            None => (part.clone().as_before(), part.item().filter(|_| is_refused)),
        };
        items.extend(kept);
        refused.extend(set_aside);
    }
    let (state, fault) = match (job.target, put_off, rejected) {
        (Target::Dead(fault), ..) => (State::Dead, Some(fault)),
        // At the end of the import the record is processed again if other work is left.
        (_, fault, rejected) if pending => {
            let unfinished =
                sent.left > 0 || again || waits || holds.is_some() || awaits || is_left || blocked.is_some();
            (State::AwaitsImport, fault.or(rejected).or(job.outranked).or_else(|| unfinished.then(incomplete)))
        }
        (_, Some(fault), _) if gives_up => (State::Dead, Some(fault)),
        (_, Some(fault), _) => (later, Some(fault)),
        (_, None, fault) if sent.left > 0 => (later, fault),
        // The outcome that is known now decides the next action.
        (_, None, fault) if again => (State::Retry(at.now), fault),
        (_, None, fault) if let Some(reason) = holds => {
            let unknown = || (reason == Hold::UnknownOutcome).then(unknown_outcome);
            (State::Held(reason), fault.or_else(unknown))
        }
        (_, None, None) if let Some((state, fault)) = blocked => (state, fault),
        (_, None, None) if awaits => (State::AwaitsFeed, None),
        (_, None, None) if is_left => (State::Filtered(LEFT_TO_IMPORT.to_owned()), None),
        (_, None, Some(fault)) => (State::Dead, Some(fault)),
        (Target::InSync, None, None) => (State::InSync, warning),
        (Target::Filtered(rule), None, None) => (State::Filtered(rule.to_owned()), job.outranked),
        (Target::Gone, None, None) => (State::Gone, None),
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
        holds: job.holds,
        call: sent.call,
        fault,
        refused,
        trial,
        turn: job.turn,
        prices: job.prices,
    }
}

/// The item at the destination after this answer, and the refused item if it was refused.
fn after(part: Part, answer: &Answer, gives_up: bool) -> (Option<HeldItem>, Option<Item>) {
    match answer {
        Answer::Outcome(Outcome::Delivered | Outcome::DeliveredWith(_)) => (part.delivered(), None),
        Answer::Pending => (Some(part.pending()), None),
        Answer::Resolved(Resolution::Arrived) => (Some(part.arrived()), None),
        Answer::Resolved(Resolution::Absent) => (None, None),
        Answer::Resolved(Resolution::Unsure) => (Some(part.in_doubt()), None),
        Answer::Outcome(Outcome::Unknown(_)) => (Some(part.clone().in_doubt()), part.item().filter(|_| gives_up)),
        Answer::Outcome(Outcome::Deferred(_)) => (part.clone().as_before(), part.item().filter(|_| gives_up)),
        Answer::Outcome(Outcome::Rejected(_)) => (part.clone().refused(), part.item()),
        Answer::Outcome(Outcome::Blocked(_)) | Answer::Blocked(_) => (part.clone().as_before(), part.item()),
    }
}

/// Why a record waits for a person.
pub fn unknown_outcome() -> Fault {
    Fault::record("C0635", "nobody knows whether a call for it arrived, and it may not be made twice").hint(
        "look at the destination; `cartage dead replay` sends it again, `cartage dead drop` takes it as delivered",
    )
}

/// The rule that filters a record that needs a filtered one.
pub(super) const NEEDS_FILTERED: &str = "needs_filtered";

/// The state of a record that the destination refuses until another one is there.
fn stands(blocked: &Blocked, now: &State, later: &State) -> (State, Option<Fault>) {
    let (kind, id) = (blocked.on.kind, &blocked.on.id);
    match blocked.standing {
        Standing::Free | Standing::Waits => {
            let fault = Fault::transient("C0631", format!("it waits for {kind} {id}"));
            (later.clone(), Some(fault.hint("it is sent as soon as the destination has that one")))
        }
        // Its items at the destination and its claims have to be removed: it is processed again for that.
        Standing::Filtered => (now.clone(), None),
        Standing::Dead => {
            let fault = Fault::record("C0632", format!("{kind} {id}, which it needs, is dead"));
            let hint = format!("see `cartage explain {id}`; then `cartage dead replay`");
            (State::Dead, Some(fault.hint(hint)))
        }
    }
}

/// The reason why a record is processed again after an import.
pub(super) fn incomplete() -> Fault {
    Fault::transient("C0633", "something else is left to do for it once the destination's import is over")
}

/// The trial of a deferred record: another failure counts only if the record was alone in its call and the account
/// accepted an item since the last failure, so that records do not become dead letters while an account is down.
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
