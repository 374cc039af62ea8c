//! Prepares one record: project, map, compare. Pure: no call, no clock, no store.

use contract::{
    Destination, Digests, Facet, Facets, Fault, Item, Op, Payload, Ref, Removal,
    destination::{Carry, Repeat},
    store::{Entry, HeldItem, Hold, ItemEntry, Number, Owner, Revision, State, Trial, Work},
};
use model::{Kind, PriceHistory, Record, RecordId, RemoteId, Timestamp, Window};

use crate::{
    compose::{Desired, Target, desired},
    flow::{Flow, Prepared},
};

/// A record with the changes that have to be sent for it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The record.
    pub number: Number,
    /// The revision that was processed.
    pub revision: Revision,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// Its state once every part is delivered.
    pub target: Target,
    /// Its items, each with its action.
    pub parts: Vec<Part>,
    /// Another record that owns one of its items.
    pub outranked: Option<Fault>,
    /// Its rank among records that claim the same item.
    pub rank: Rank,
    /// How often claims had changed which items it holds.
    pub turn: u32,
    /// The span of time in which its projection does not change by time alone.
    pub holds: Window,
    /// The prices that were seen of it, if they have changed since it was settled last.
    pub prices: Option<PriceHistory>,
    /// How often in a row it was deferred before.
    pub attempts: u32,
    /// How often it failed alone.
    pub trial: Option<Trial>,
    /// Its state before; `None`: it was never settled.
    pub state: Option<State>,
    /// The record that it waits for, as the destination answered at the last attempt: it is not sent.
    pub blocked: Option<Blocked>,
    /// Whether it is sent, though it is in sync, to probe whether the account accepts anything.
    pub probe: bool,
    /// Whether its person is being erased: no guard holds its removals, or counts them.
    pub erased: bool,
}

/// Rank of a record that claims an item. The record with the highest rank owns the item: the one that the source
/// created last, of equals the one that was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// When the source created the record.
    pub created_at: Option<Timestamp>,
    number: Number,
}

impl Rank {
    /// The rank of a record.
    pub fn of(work: &Work) -> Self {
        let created_at = match work.record() {
            Some(Record::Product(product)) => product.created_at,
            Some(Record::Category(category)) => category.created_at,
            Some(_) | None => None,
        };
        Self { created_at, number: work.number }
    }
}

/// Another record that a record waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// That record.
    pub on: Ref,
    /// Its standing in the flow.
    pub standing: Standing,
}

/// The standing of a record that others wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in sync.
    Free,
    /// It has to be sent.
    Waits,
    /// It is filtered or deleted.
    Filtered,
    /// It is a dead letter.
    Dead,
}

/// An item of a record.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its id at the destination.
    pub id: RemoteId,
    /// Its payload; `None`: it should not exist.
    pub payload: Option<Payload>,
    /// Digests of `payload`.
    pub digests: Digests,
    /// What the destination holds, according to the ledger.
    pub before: Before,
    /// Its action.
    pub action: Action,
    /// Whether it is an event, reported once rather than kept up to date.
    pub is_event: bool,
    /// The payload that the destination acknowledged last, or may hold if the item is in doubt, if its calls need it.
    pub acknowledged: Option<Payload>,
    /// Whether its calls need that.
    pub needs_before: bool,
    /// What is done with it next, once this is acknowledged.
    pub then: Then,
}

/// What is done with an item after what is done with it, or with its record's other items, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// It is put: it is removed now, because no call can change what differs ([`Carry::fixed`]).
    Put,
    /// It is sent, once the record's events are reported, or its items are there ([`Carry::events_first`]).
    Send,
}

/// What the destination holds of an item, according to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// An unknown payload, or nothing: a call was cut off.
    InDoubt,
    /// A payload with these digests.
    Holds(Digests),
}

/// What is done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the destination has it already.
    Keep,
    /// A call.
    Send(Op),
    /// The destination is asked whether a call of unknown outcome had its effect.
    Resolve,
    /// The destination removes it with its next import of the hosted feed.
    AwaitFeed,
    /// The same, if there is one: the record does not wait for it.
    LeaveToImport,
    /// It is held until a person decides.
    Hold(Hold),
}

/// The job for a record.
pub fn job(flow: &Flow, prepared: &Prepared, work: &Work, now: Timestamp) -> Job {
    let Desired { target, items, holds, prices } = desired(flow, prepared, work, now);
    let entry = work.entry.as_ref();
    let parts = match target {
        // A record that can't be mapped can't be compared.
        Target::Dead(_) => items.into_iter().map(refused).collect(),
        Target::Gone if work.erased => erased(flow, work.kind, entry),
        Target::InSync | Target::Filtered(_) | Target::Gone => parts(flow, work.kind, items, entry),
    };
    let prices = prices.filter(|prices| work.prices.as_ref() != Some(prices));
    Job { holds, prices, ..Job::of(work, target, parts) }
}

fn refused(item: Item) -> Part {
    let digests = item.payload.digests();
    Part::new(item.id, Some(item.payload), digests, Before::Nothing)
}

fn parts(flow: &Flow, kind: Kind, items: Vec<Item>, entry: Option<&Entry>) -> Vec<Part> {
    let destination = flow.destination.as_ref();
    let carry = destination.carry(kind).copied().unwrap_or(Carry::of(kind));
    let held = entry.map_or(&[][..], |entry| &entry.items);
    let mut parts: Vec<Part> = items
        .into_iter()
        .map(|item| {
            let digests = item.payload.digests();
            let before = held.iter().find(|held| held.id == item.id).map_or(Before::Nothing, before);
            let mut part = Part::new(item.id, Some(item.payload), digests, before);
            part.is_event = destination.is_event(kind, &part.id);
            part.needs_before = carry.needs_before;
            if is_fixed(carry, &part) {
                part.replace();
            } else {
                part.action = action(flow, carry, &part);
            }
            part
        })
        .collect();
    let is_first = |part: &Part| part.is_event == carry.events_first;
    if parts.iter().any(|part| is_first(part) && part.action.calls()) {
        let is_sent = |part: &Part| matches!(part.action, Action::Send(op) if !op.takes_away());
        for part in parts.iter_mut().filter(|part| !is_first(part) && is_sent(part)) {
            part.action = Action::Keep;
            part.then = Then::Send;
        }
    }
    let kept = parts.len();
    for item in held {
        if !parts.iter().take(kept).any(|part| part.id == item.id) {
            let mut part = Part::new(item.id.clone(), None, Digests::default(), before(item));
            part.is_event = destination.is_event(kind, &part.id);
            part.take_away(carry.removal);
            parts.push(part);
        }
    }
    parts
}

/// Everything that the destination holds of a record is removed, also what it would hide otherwise, and what events made if
/// that can be taken back.
fn erased(flow: &Flow, kind: Kind, entry: Option<&Entry>) -> Vec<Part> {
    let destination = flow.destination.as_ref();
    let removal = match destination.carry(kind).map_or(Removal::Call, |carry| carry.removal) {
        Removal::Call | Removal::Hide => Removal::Call,
        by_import @ (Removal::Feed | Removal::Leave) => by_import,
    };
    let parts = entry.map_or(&[][..], |entry| &entry.items).iter().map(|item| {
        let mut part = Part::new(item.id.clone(), None, Digests::default(), before(item));
        part.is_event = destination.is_event(kind, &part.id) && !destination.takes_back(kind, &part.id);
        part.needs_before = true;
        part.take_away(removal);
        part
    });
    parts.collect()
}

fn before(item: &ItemEntry) -> Before {
    item.digests.map_or(Before::InDoubt, Before::Holds)
}

/// Whether no call can make the item what it should be. Of one in doubt nobody knows what it is.
fn is_fixed(carry: Carry, part: &Part) -> bool {
    match part.before {
        Before::Nothing => false,
        Before::InDoubt => carry.fixed != Facets::NONE && !part.is_event,
        Before::Holds(before) => part.digests.differing(&before).meets(carry.fixed) && !part.is_event,
    }
}

fn action(flow: &Flow, carry: Carry, part: &Part) -> Action {
    let (op, repeat) = if part.is_event { (Op::Report, carry.report) } else { (Op::Put, carry.put) };
    let before = match (part.before, repeat) {
        (Before::Nothing, _) | (Before::InDoubt, Repeat::Safe) => return Action::Send(op),
        (Before::InDoubt, Repeat::Lookup) => return Action::Resolve,
        (Before::InDoubt, Repeat::AtMostOnce) => return Action::Hold(Hold::UnknownOutcome),
        (Before::Holds(before), _) => before,
    };
    let differing = part.digests.differing(&before);
    if differing.is_empty() || part.is_event {
        return Action::Keep;
    }
    // Facets that the user's fields are in are never sent in part.
    let whole = flow.mapping(carry.kind).is_some_and(|mapping| differing.meets(mapping.facets()));
    if !whole && flow.destination.can_patch(carry.kind, differing) {
        Action::Send(Op::Patch(differing))
    } else {
        Action::Send(Op::Put)
    }
}

impl Job {
    /// A job of these parts.
    pub(crate) fn of(work: &Work, target: Target, parts: Vec<Part>) -> Self {
        let entry = work.entry.as_ref();
        Self {
            number: work.number,
            revision: work.revision,
            kind: work.kind,
            id: work.id.clone(),
            target,
            parts,
            outranked: None,
            rank: Rank::of(work),
            turn: entry.map_or(0, |entry| entry.turn),
            holds: Window::OPEN,
            prices: None,
            attempts: entry.map_or(0, |entry| entry.attempts),
            trial: entry.and_then(|entry| entry.trial),
            state: entry.map(|entry| entry.state.clone()),
            blocked: None,
            probe: false,
            erased: work.erased,
        }
    }

    /// Marks it as waiting for another record, so that it is not sent.
    pub(crate) fn wait_for(&mut self, blocked: Blocked) {
        for part in &mut self.parts {
            if matches!(part.action, Action::Send(op) if !op.takes_away()) {
                part.action = Action::Keep;
            }
        }
        self.blocked = Some(blocked);
    }

    /// Filters it by this rule: its items at the destination are removed.
    pub(crate) fn keep_out(&mut self, destination: &dyn Destination, rule: &'static str) {
        self.target = Target::Filtered(rule);
        self.parts.retain(|part| part.before != Before::Nothing);
        let removal = destination.carry(self.kind).map_or(Removal::Call, |carry| carry.removal);
        for part in &mut self.parts {
            part.payload = None;
            part.then = Then::Nothing;
            part.take_away(removal);
        }
    }

    /// Whether one of its items is put at the destination.
    pub(crate) fn puts(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.action, Action::Send(op) if !op.takes_away()))
    }

    /// Whether nothing has to be sent.
    pub fn is_settled(&self) -> bool {
        !self.parts.iter().any(|part| part.action.calls())
    }

    /// Whether its removals were held.
    pub fn was_held(&self) -> bool {
        self.state == Some(State::Held(Hold::Removal))
    }

    /// Whether its removal was already left to an import of the feed.
    pub fn was_awaiting(&self) -> bool {
        self.state.as_ref().is_some_and(State::is_left_to_import)
    }

    /// How many items it removes whose removal was neither held nor waiting before, and is no erasure.
    pub fn removes(&self) -> u64 {
        if self.erased {
            return 0;
        }
        let is_new = |part: &&Part| part.is_removal() && !(self.was_awaiting() && part.action.is_left_to_import());
        self.parts.iter().filter(is_new).count() as u64
    }

    /// Bytes of its payloads.
    pub fn bytes(&self) -> usize {
        self.parts.iter().filter_map(|part| part.payload.as_ref()).map(Payload::len).sum()
    }

    /// Ids of the items that it claims.
    pub fn items(&self) -> impl Iterator<Item = &RemoteId> {
        self.parts.iter().filter(|part| part.payload.is_some()).map(|part| &part.id)
    }

    /// Drops the items that other records own, and is filtered for that; its other items stay.
    pub fn leave(&mut self, owners: &[Owner]) {
        let owned = |part: &Part| part.payload.is_some() && owners.iter().any(|owner| owner.item == part.id);
        let known = self.parts.len();
        self.parts.retain(|part| !owned(part));
        if let Some(first) = owners.first().filter(|_| self.parts.len() < known) {
            self.outranked = Some(outranked(self.kind, &self.id, first, owners.len()));
            self.target = Target::Filtered(OUTRANKED);
        }
    }
}

/// The rule that filters a record whose item another record owns.
pub const OUTRANKED: &str = "item_of_another";

/// Why a record is not sent: another record owns this item, of so many in all.
fn outranked(kind: Kind, id: &RecordId, first: &Owner, items: usize) -> Fault {
    let more = if items > 1 { format!(" (and {} more)", items - 1) } else { String::new() };
    let (item, owner) = (first.item.as_str(), &first.id);
    let message = format!("item {item:?}{more} of {kind} {id} belongs to {kind} {owner}");
    Fault::record("C0608", message).hint(format!(
        "of two records with one id (such as a SKU) the one that was created last is sent; give each an id of its own at \
         the source, or remove it from {kind} {owner}: this one is sent then"
    ))
}

impl Action {
    /// Whether a call has to be made.
    pub(crate) const fn calls(self) -> bool {
        matches!(self, Self::Send(_) | Self::Resolve)
    }

    /// Whether an import of the hosted feed has to remove the item.
    pub(crate) const fn is_left_to_import(self) -> bool {
        matches!(self, Self::AwaitFeed | Self::LeaveToImport)
    }
}

impl Part {
    pub(crate) const fn new(id: RemoteId, payload: Option<Payload>, digests: Digests, before: Before) -> Self {
        Self {
            id,
            payload,
            digests,
            before,
            action: Action::Keep,
            is_event: false,
            acknowledged: None,
            needs_before: false,
            then: Then::Nothing,
        }
    }

    /// Removes it, to be put again.
    fn replace(&mut self) {
        self.payload = None;
        self.then = Then::Put;
        self.action = Action::Send(Op::Remove);
    }

    /// Changes the action to a removal.
    fn take_away(&mut self, removal: Removal) {
        self.action = match removal {
            // An event can't be taken back, and must not be reported again if the record is created again.
            _ if self.is_event => Action::Keep,
            Removal::Feed => Action::AwaitFeed,
            Removal::Leave => Action::LeaveToImport,
            Removal::Call => Action::Send(Op::Remove),
            Removal::Hide => Action::Send(Op::Hide),
        };
    }

    /// Whether the destination no longer has it after this.
    pub fn is_removal(&self) -> bool {
        self.payload.is_none()
            && self.then != Then::Put
            && self.before != Before::Nothing
            && (matches!(self.action, Action::Send(_)) || self.action.is_left_to_import())
    }

    /// Bytes that it adds to a call with this operation.
    pub fn sent_bytes(&self, op: Op) -> usize {
        let members = |payload: &Payload| match op {
            Op::Patch(facets) => {
                Facet::ALL.into_iter().filter(|it| facets.has(*it)).map(|it| payload.members(it).len()).sum()
            }
            Op::Put | Op::Report => payload.len(),
            Op::Remove | Op::Hide => 0,
        };
        self.payload.as_ref().map_or(0, members) + self.id.as_str().len() + 16
    }

    /// The item, if it should be there.
    pub fn item(self) -> Option<Item> {
        Some(Item { id: self.id, payload: self.payload? })
    }

    /// The item at the destination after this part was delivered; `None` once it is removed.
    pub fn delivered(self) -> Option<HeldItem> {
        let payload = self.payload?;
        Some(HeldItem { id: self.id, digests: Some(self.digests), payload: Some(payload) })
    }

    /// The item once the destination has carried out the call; a removal leaves it in doubt. If calls need what was
    /// acknowledged, everything that the destination may hold until then is kept for them.
    pub fn pending(self) -> HeldItem {
        let digests = self.payload.is_some().then_some(self.digests);
        HeldItem { digests, ..self.in_doubt_or(true) }
    }

    /// The item that was found to exist at the destination: an event is not compared any more; any other item is
    /// compared again, and differs.
    pub fn arrived(self) -> HeldItem {
        let digests = if self.is_event { self.digests } else { Digests::default() };
        HeldItem { id: self.id, digests: Some(digests), payload: self.payload.filter(|_| self.is_event) }
    }

    /// The item after a call without effect.
    pub fn as_before(self) -> Option<HeldItem> {
        let digests = match self.before {
            Before::Nothing => return None,
            Before::InDoubt => None,
            Before::Holds(digests) => Some(digests),
        };
        Some(HeldItem { id: self.id, digests, payload: None })
    }

    /// The item when it is unknown whether the call had its effect. If calls need what was acknowledged, everything that the
    /// destination may hold is kept for them.
    pub fn in_doubt(self) -> HeldItem {
        let keeps = self.needs_before;
        self.in_doubt_or(keeps)
    }

    /// `keeps`: whether what was sent is kept.
    fn in_doubt_or(self, keeps: bool) -> HeldItem {
        let payload = self.payload.filter(|_| keeps);
        let payload = payload.map(|sent| match &self.acknowledged {
            None => sent,
            Some(before) => before.overlaid(&sent),
        });
        HeldItem { id: self.id, digests: None, payload }
    }

    /// The item after it was refused. A destination that needs what was acknowledged may have refused it in part.
    pub fn refused(self) -> Option<HeldItem> {
        if self.needs_before && self.payload.is_some() { Some(self.in_doubt()) } else { self.as_before() }
    }
}
