//! Asynchronous calls: their tickets, and when to poll.
//!
//! **Invariants:** a ticket is committed in the step after its call was answered, and polled until there is an outcome,
//! also after a restart; a record of such a call is not sent before.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{
    Digests, Op, Outcome,
    store::{EntryView, Number, State, Ticket, Ticketed, Work},
};
use model::{RemoteId, Timestamp, Window};

use super::settle::Answer;
use crate::{
    compose::Target,
    prepare::{Action, Before, Job, Part},
};

/// Longest time between two polls of a call.
pub(super) const ASK_MOST: Duration = Duration::from_hours(1);

/// Asynchronous calls under way.
#[derive(Default)]
pub(super) struct Imports {
    open: BTreeMap<u64, Ticketed>,
    /// Imports with a poll under way, by call.
    asked: BTreeSet<u64>,
    /// Number of them per record.
    carried: BTreeMap<Number, usize>,
    /// Items that the destination did not hold before; not kept over a restart.
    fresh: BTreeMap<u64, BTreeSet<RemoteId>>,
    /// Tickets to be committed.
    changed: Vec<Ticket>,
}

impl Imports {
    /// The imports that are in the store.
    pub(super) fn resume(tickets: Vec<Ticketed>) -> Self {
        let mut imports = Self::default();
        for ticketed in tickets {
            imports.add(ticketed);
        }
        imports
    }

    fn add(&mut self, ticketed: Ticketed) {
        for number in numbers(&ticketed) {
            *self.carried.entry(number).or_default() += 1;
        }
        self.open.insert(ticketed.call, ticketed);
    }

    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// When the first of them is polled next.
    pub(super) fn next_ask(&self) -> Option<Timestamp> {
        self.open.values().map(|import| import.ask_at).min()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Ticketed> {
        self.open.values()
    }

    /// Whether one of them carries this record.
    pub(super) fn carries(&self, number: Number) -> bool {
        self.carried.contains_key(&number)
    }

    /// Adds an import. `fresh`: those of its items that the destination did not hold before.
    pub(super) fn begin(&mut self, ticketed: Ticketed, fresh: BTreeSet<RemoteId>) {
        self.fresh.insert(ticketed.call, fresh);
        let Ticketed { call, ticket, ask_at, .. } = ticketed.clone();
        self.changed.push(Ticket { call, ticket, ask_at });
        self.add(ticketed);
    }

    /// Imports whose time to be polled has come, also those whose time seems further off than any is: the clock was set back
    /// since. Each counts as being polled until [`Imports::end`] or [`Imports::postpone`].
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Ticketed> {
        let has_come = |import: &Ticketed| import.ask_at <= now || import.ask_at > now.plus(ASK_MOST);
        let due = self.open.values().filter(|import| has_come(import) && !self.asked.contains(&import.call));
        let due: Vec<Ticketed> = due.cloned().collect();
        self.asked.extend(due.iter().map(|import| import.call));
        due
    }

    /// Notes that it goes on, and when it is polled again.
    pub(super) fn postpone(&mut self, call: u64, ticket: Option<String>, ask_at: Timestamp) {
        self.asked.remove(&call);
        let Some(import) = self.open.get_mut(&call) else { return };
        if let Some(ticket) = ticket {
            import.ticket = ticket;
        }
        import.ask_at = ask_at;
        self.changed.push(Ticket { call, ticket: import.ticket.clone(), ask_at });
    }

    /// Removes an import that is over; also returns the items that the destination did not hold before, as far as
    /// known.
    pub(super) fn end(&mut self, call: u64) -> Option<(Ticketed, BTreeSet<RemoteId>)> {
        self.asked.remove(&call);
        let ended = self.open.remove(&call)?;
        for number in numbers(&ended) {
            if let Some(left) = self.carried.get_mut(&number) {
                *left -= 1;
                if *left == 0 {
                    self.carried.remove(&number);
                }
            }
        }
        Some((ended, self.fresh.remove(&call).unwrap_or_default()))
    }

    /// Whether nothing has to be committed.
    pub(super) const fn is_committed(&self) -> bool {
        self.changed.is_empty()
    }

    /// Takes the tickets that have to be committed.
    pub(super) fn take_changed(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.changed)
    }
}

/// The records that a call carries.
pub(super) fn numbers(import: &Ticketed) -> BTreeSet<Number> {
    import.items.iter().map(|(number, _)| *number).collect()
}

/// A record whose call is over, as a job with an answer for every part.
pub(super) struct Ended {
    pub(super) job: Job,
    pub(super) answers: BTreeMap<usize, Answer>,
    /// Whether it has to be processed again: it changed meanwhile, or is not finally settled.
    pub(super) again: bool,
}

/// The state of a record whose call is over, by ledger and answers.
pub(super) fn ended(
    (import, fresh): (&Ticketed, &BTreeSet<RemoteId>),
    work: &Work,
    stored: Option<EntryView>,
    by_item: Vec<(RemoteId, Answer)>,
) -> Ended {
    let takes_away = [Op::Remove.name(), Op::Hide.name()].contains(&import.op.as_str());
    let entry = work.entry.as_ref();
    let (mut payloads, holds, fault) = match stored {
        Some(view) => (view.items, Window { from: view.since, until: view.due }, view.fault),
        None => (Vec::new(), Window::OPEN, None),
    };
    let mut answers = BTreeMap::new();
    let mut by_item: BTreeMap<RemoteId, Answer> = by_item.into_iter().collect();
    let mut parts: Vec<Part> = Vec::new();
    for item in entry.into_iter().flat_map(|entry| &entry.items) {
        let answer = by_item.remove(&item.id);
        let payload = payloads.iter().position(|kept| kept.id == item.id).map(|at| payloads.swap_remove(at).payload);
        let before = match (&answer, item.digests) {
            (Some(_), _) if fresh.contains(&item.id) => Before::Nothing,
            (Some(_), _) | (None, None) => Before::InDoubt,
            (None, Some(digests)) => Before::Holds(digests),
        };
        let payload = payload.filter(|_| answer.is_none() || !takes_away);
        // An item without a payload in the ledger is in doubt, whatever its outcome.
        let was_noted = entry.is_some_and(|entry| entry.state == State::AwaitsImport);
        let known = takes_away || (was_noted && item.digests.is_some() && payload.is_some());
        let mut part = Part::new(item.id.clone(), payload, item.digests.unwrap_or_default(), before);
        if let Some(answer) = answer {
            part.action = Action::Send(if takes_away { Op::Remove } else { Op::Put });
            answers.insert(parts.len(), if known { answer } else { answer.in_doubt() });
        }
        parts.push(part);
    }
    let again = takes_away
        || !by_item.is_empty()
        || fault.is_some()
        || entry.is_none_or(|entry| {
            entry.state != State::AwaitsImport
                || entry.revision != work.revision
                || entry.items.iter().any(|item| item.digests.is_none())
        });
    for (item, answer) in by_item {
        let part = Part::new(item, None, Digests::default(), Before::InDoubt);
        // A removed item is not held; an item that was put without a row is in doubt.
        answers.insert(parts.len(), if takes_away { answer } else { answer.in_doubt() });
        parts.push(part);
    }
    let mut job = Job::of(work, Target::InSync, parts);
    job.revision = entry.map_or(work.revision, |entry| entry.revision);
    job.holds = holds;
    Ended { job, answers, again }
}

impl Answer {
    /// The same if it is unknown what arrived.
    fn in_doubt(self) -> Self {
        match self {
            Self::Outcome(Outcome::Delivered | Outcome::DeliveredWith(_)) => {
                Self::Outcome(Outcome::Unknown(super::settle::incomplete()))
            }
            answer => answer,
        }
    }
}
