//! What there is to do for one record: project, map, compare. Pure: no call, no clock, no store.

use contract::{
    Destination, Digests, Facets, Fault, Item, Op, Payload, Removal, Subject, Writer,
    destination::Mapped,
    store::{Entry, HeldItem, Hold, ItemEntry, Number, Revision, State, Trial, Work},
};
use model::{Filtered, Kind, Record, RecordId, RemoteId, Timestamp};

use crate::{
    flow::Flow,
    mapping::{self, Mapping},
    market::{Projection, View},
};

/// A record with what has to be sent for it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The record.
    pub number: Number,
    /// The revision that was looked at.
    pub revision: Revision,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// How it will stand once every part is delivered.
    pub target: Target,
    /// Its items, and what has to be done with each.
    pub parts: Vec<Part>,
    /// What it is not sent as because it is another record's, which makes it a dead letter.
    pub contested: Option<Contested>,
    /// It is not sent as an item that a record under way is sent as: it is looked at again after that.
    pub contested_now: bool,
    /// Decides whose an item is that several records want.
    pub rank: Rank,
    /// When its projection may change by time alone.
    pub due: Option<Timestamp>,
    /// How often in a row it was put off before.
    pub attempts: u32,
    /// How often it failed alone.
    pub trial: Option<Trial>,
    /// How it stood before; none: it was never settled.
    pub state: Option<State>,
    /// It is sent, though the destination should have it, to find out whether the account accepts anything.
    pub probe: bool,
}

/// Of several records that want an item, the one with the highest rank has it: the one that the source created last, of
/// equals the one that was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    created_at: Option<Timestamp>,
    number: Number,
}

impl Rank {
    /// The rank of a record.
    pub fn of(work: &Work) -> Self {
        let created_at = match &work.record {
            Some(Record::Product(product)) => product.created_at,
            Some(Record::Category(category)) => category.created_at,
            Some(_) | None => None,
        };
        Self { created_at, number: work.number }
    }
}

/// Items that are another record's.
#[derive(Clone, Debug)]
pub struct Contested {
    /// What it would have been sent as.
    pub items: Vec<Item>,
    /// Whose they are.
    pub fault: Fault,
}

/// How a record will stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The destination has it.
    InSync,
    /// The market does not have it, and so the destination must not.
    Filtered(&'static str),
    /// The source no longer has it.
    Gone,
    /// It can't be made into a payload; what the destination holds stays.
    Dead(Fault),
}

/// An item of a record.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its id at the destination.
    pub id: RemoteId,
    /// What it should be; none: it should not be there.
    pub payload: Option<Payload>,
    /// Digests of `payload`.
    pub digests: Digests,
    /// What the ledger says the destination holds.
    pub before: Before,
    /// What is done with it.
    pub action: Action,
    /// Which other record is sent as it.
    pub handed: Handed,
}

/// What the ledger says the destination holds of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// Something, nobody knows what: a call was cut off.
    InDoubt,
    /// A payload with these digests.
    Holds(Digests),
}

/// Whether another record takes an item over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// None does.
    No,
    /// This one, which is under way.
    To(Number),
    /// Another one holds it in the ledger now.
    Over,
}

/// What is done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the destination has it already.
    Keep,
    /// A call.
    Send(Op),
    /// It goes with the next import of the hosted feed.
    AwaitFeed,
    /// Nothing, until a person approves its removal.
    Hold,
}

/// What becomes of a work.
pub fn job(flow: &Flow, view: &View, work: &Work, now: Timestamp) -> Job {
    let (target, items, due) = desired(flow, view, work, now);
    let entry = work.entry.as_ref();
    let parts = match target {
        // What can't be made can't be compared either.
        Target::Dead(_) => items.into_iter().map(refused).collect(),
        Target::InSync | Target::Filtered(_) | Target::Gone => parts(flow, work.kind, items, entry),
    };
    Job {
        number: work.number,
        revision: work.revision,
        kind: work.kind,
        id: work.id.clone(),
        target,
        parts,
        contested: None,
        contested_now: false,
        rank: Rank::of(work),
        due,
        attempts: entry.map_or(0, |entry| entry.attempts),
        trial: entry.and_then(|entry| entry.trial),
        state: entry.map(|entry| entry.state.clone()),
        probe: false,
    }
}

/// What the destination should hold of a work, and until when that is certain.
pub fn desired(flow: &Flow, view: &View, work: &Work, now: Timestamp) -> (Target, Vec<Item>, Option<Timestamp>) {
    match &work.record {
        None => (Target::Gone, Vec::new(), None),
        Some(Record::Product(product)) => {
            let projection = view.product(product, &work.joined, now);
            finish(flow, &projection, Subject::Product)
        }
        Some(Record::Category(category)) => {
            let projection = view.category(category, now);
            finish(flow, &projection, Subject::Category)
        }
        Some(other) => {
            let fault = Fault::protocol("C0602", format!("a {} can't be carried by a flow", other.kind()))
                .hint("this is a defect of Cartage; please report it");
            (Target::Dead(fault), Vec::new(), None)
        }
    }
}

enum Made {
    Items(Vec<Item>),
    Filtered(Filtered),
    Refused(Fault, Vec<Item>),
}

fn finish<'p, L>(
    flow: &Flow,
    projection: &'p Projection<L>,
    subject: impl FnOnce(&'p L) -> Subject<'p>,
) -> (Target, Vec<Item>, Option<Timestamp>) {
    let due = projection.next;
    let made = match &projection.listing {
        Ok(listing) => items(flow, &subject(listing)),
        Err(filtered) => Made::Filtered(filtered.clone()),
    };
    match made {
        Made::Items(items) => (Target::InSync, items, due),
        Made::Filtered(filtered) => (Target::Filtered(filtered.name()), Vec::new(), due),
        Made::Refused(fault, items) => (Target::Dead(fault), items, due),
    }
}

/// The destination's own items, with the user's fields laid over them and the whole validated.
fn items(flow: &Flow, subject: &Subject<'_>) -> Made {
    let mapping = flow.mapping(subject.kind());
    let taken = |name: &str| mapping.is_some_and(|mapping| mapping.taken(name));
    let items = match flow.destination.map(subject, &taken) {
        Ok(Mapped::Items(items)) => items,
        Ok(Mapped::Filtered(filtered)) => return Made::Filtered(filtered),
        Err(fault) => return Made::Refused(fault, Vec::new()),
    };
    let Some(mapping) = mapping.filter(|mapping| !mapping.is_empty()) else {
        return Made::Items(items.into_iter().map(|(item, _)| item).collect());
    };
    let fields = (flow.destination.descriptor().fields)(subject.kind());
    let mut whole = Vec::with_capacity(items.len());
    let mut first_fault = None;
    for (item, variant) in items {
        let mut writer = Writer::resume(item.payload);
        let made = match subject {
            Subject::Product(listing) => mapping.apply_product(listing, variant, &flow.market, &mut writer),
            Subject::Category(listing) => mapping.apply_category(listing, &flow.market, &mut writer),
        };
        let payload = writer.finish();
        let checked = made.and_then(|()| mapping::validate(fields, item.id.as_str(), &payload));
        whole.push(Item { id: item.id, payload });
        if let Err(fault) = checked {
            first_fault.get_or_insert(fault);
        }
    }
    match first_fault {
        None => Made::Items(whole),
        Some(fault) => Made::Refused(fault, whole),
    }
}

fn refused(item: Item) -> Part {
    let digests = item.payload.digests();
    Part {
        id: item.id,
        payload: Some(item.payload),
        digests,
        before: Before::Nothing,
        action: Action::Keep,
        handed: Handed::No,
    }
}

fn parts(flow: &Flow, kind: Kind, items: Vec<Item>, entry: Option<&Entry>) -> Vec<Part> {
    let destination = flow.destination.as_ref();
    let whole = flow.mapping(kind).map_or(Facets::NONE, Mapping::facets);
    let held = entry.map_or(&[][..], |entry| &entry.items);
    let mut parts: Vec<Part> = items
        .into_iter()
        .map(|item| {
            let digests = item.payload.digests();
            let before = held.iter().find(|held| held.id == item.id).map_or(Before::Nothing, before);
            let action = action(destination, kind, &digests, before, whole);
            Part { id: item.id, payload: Some(item.payload), digests, before, action, handed: Handed::No }
        })
        .collect();
    let kept = parts.len();
    for item in held {
        if !parts.iter().take(kept).any(|part| part.id == item.id) {
            let action = match destination.carry(kind).map(|carry| carry.removal) {
                Some(Removal::Feed) => Action::AwaitFeed,
                Some(Removal::Call) | None => Action::Send(Op::Remove),
            };
            let digests = Digests::default();
            parts.push(Part {
                id: item.id.clone(),
                payload: None,
                digests,
                before: before(item),
                action,
                handed: Handed::No,
            });
        }
    }
    parts
}

fn before(item: &ItemEntry) -> Before {
    item.digests.map_or(Before::InDoubt, Before::Holds)
}

/// `whole`: facets that are never sent in part.
fn action(destination: &dyn Destination, kind: Kind, now: &Digests, before: Before, whole: Facets) -> Action {
    let Before::Holds(before) = before else { return Action::Send(Op::Put) };
    let differing: Facets = now.differing(&before);
    if differing.is_empty() {
        Action::Keep
    } else if !differing.meets(whole) && destination.can_patch(kind, differing) {
        Action::Send(Op::Patch(differing))
    } else {
        Action::Send(Op::Put)
    }
}

impl Job {
    /// Nothing has to be sent.
    pub fn is_settled(&self) -> bool {
        !self.parts.iter().any(|part| matches!(part.action, Action::Send(_)))
    }

    /// Its removals are held.
    pub fn was_held(&self) -> bool {
        self.state == Some(State::Held(Hold::Removal))
    }

    /// Its removal waits for the feed already.
    pub fn was_awaiting(&self) -> bool {
        self.state == Some(State::AwaitsFeed)
    }

    /// How many items it removes that were not on their way out before.
    pub fn removes(&self) -> u64 {
        let is_new = |part: &&Part| part.is_removal() && !(self.was_awaiting() && part.action == Action::AwaitFeed);
        self.parts.iter().filter(is_new).count() as u64
    }

    /// Bytes of its payloads.
    pub fn bytes(&self) -> usize {
        self.parts.iter().filter_map(|part| part.payload.as_ref()).map(Payload::len).sum()
    }

    /// Ids of the items that it is to be sent as and does not hold yet.
    pub fn gains(&self) -> impl Iterator<Item = &RemoteId> {
        self.parts.iter().filter(|part| part.is_gain()).map(|part| &part.id)
    }

    /// Takes out the items that `owner` says are another record's; the job then ends as a dead letter.
    pub fn drop_contested<'a>(&mut self, owner: impl Fn(&RemoteId) -> Option<&'a RecordId>) {
        let contested = |part: &mut Part| part.is_gain() && owner(&part.id).is_some();
        let items: Vec<Item> = self.parts.extract_if(.., contested).filter_map(Part::item).collect();
        let Some((first, owner)) = items.first().and_then(|first| Some((first, owner(&first.id)?))) else { return };
        let fault = taken(self.kind, &self.id, &first.id, owner, items.len());
        self.contested = Some(Contested { items, fault });
    }

    /// Items that it is not sent as because they are another record's.
    pub fn wants(&self) -> Vec<RemoteId> {
        self.contested.iter().flat_map(|contested| &contested.items).map(|item| item.id.clone()).collect()
    }
}

/// The fault of a record that wants an item of another record.
fn taken(kind: Kind, id: &RecordId, item: &RemoteId, owner: &RecordId, items: usize) -> Fault {
    let more = if items > 1 { format!(" (and {} more)", items - 1) } else { String::new() };
    let message = format!("item {:?}{more} of {kind} {id} belongs to {kind} {owner}", item.as_str());
    Fault::record("C0608", message).hint(format!(
        "of two records with one id (such as a SKU) the one that was created last is sent; give each an id of its own at \
         the source, or remove it from {kind} {owner}: this one is sent then"
    ))
}

impl Part {
    /// The destination no longer has it after this.
    pub fn is_removal(&self) -> bool {
        self.payload.is_none()
            && self.handed == Handed::No
            && self.before != Before::Nothing
            && matches!(self.action, Action::Send(_) | Action::AwaitFeed)
    }

    /// It is to be sent, and the record does not hold it yet.
    pub(crate) fn is_gain(&self) -> bool {
        self.before == Before::Nothing && self.payload.is_some() && matches!(self.action, Action::Send(_))
    }

    /// Leaves it to another record, which is sent as it.
    pub(crate) const fn hand_to(&mut self, record: Number) {
        self.handed = Handed::To(record);
        self.action = Action::Keep;
    }

    /// Sends it whatever the ledger says: another record may have left something there.
    pub(crate) fn take_over(&mut self) {
        self.before = Before::InDoubt;
        self.action = Action::Send(Op::Put);
    }

    /// The item, if it should be there.
    pub fn item(self) -> Option<Item> {
        Some(Item { id: self.id, payload: self.payload? })
    }

    /// What the destination holds after this part was delivered: none once it is removed.
    pub fn delivered(self) -> Option<HeldItem> {
        let payload = self.payload?;
        Some(HeldItem { id: self.id, digests: Some(self.digests), payload: Some(payload) })
    }

    /// What the destination holds as far as is known when the call had no effect.
    pub fn as_before(self) -> Option<HeldItem> {
        let digests = match self.before {
            Before::Nothing => return None,
            Before::InDoubt => None,
            Before::Holds(digests) => Some(digests),
        };
        Some(HeldItem { id: self.id, digests, payload: None })
    }

    /// What the destination holds when nobody knows whether the call had its effect.
    pub fn in_doubt(self) -> HeldItem {
        HeldItem { id: self.id, digests: None, payload: None }
    }
}
