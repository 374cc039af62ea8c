//! What destinations hold, and what a flow has still to do.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use model::{FlowName, Kind, Record, RecordId, RemoteId, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Lease, Number, Revision};
use crate::{Digests, Fault, Item, Payload, destination::Ids, source::Urgency};

/// The ledger: read and written by pushes.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Makes a flow known as the configuration has it. Where `fingerprint` is another than before, its cursor goes back to the
    /// beginning. Name and source identify a flow: with another source it is another flow, and the one before
    /// is a [`Leftover`](super::Leftover).
    ///
    /// Where its ids are shared from now on, every record is looked at again; what a record holds stays its own until it is.
    async fn declare(&self, flow: &Declared) -> Result<Declaration, Fault>;

    /// These are all sources and flows that there are: any other is a former one. It wakes nobody and holds up no
    /// priority; what its destination holds stays in the ledger until [`Leftovers::forget_flow`](super::Leftovers::forget_flow).
    async fn retire_others(&self, sources: &[SourceName], flows: &[FlowName]) -> Result<(), Fault>;

    /// Takes a flow over, as after a start: fences off older leases, and ends calls that were opened under them and have
    /// no ticket. Items that such a call carried are in doubt from now on, also those of a record that was never settled:
    /// the destination may hold them whatever becomes of the record. So are those of a call with a ticket whose record was
    /// not settled since: the destination may carry it out at any time.
    async fn recover(&self, flow: &FlowName) -> Result<Recovered, Fault>;

    /// What there is to do beyond the flow's cursor, and its retries that are due. Unread records are passed over: they
    /// get a new revision once they can be understood or are gone. Reads only.
    async fn window(&self, flow: &FlowName, take: Take) -> Result<Window, Fault>;

    /// Carried records of one kind in the order of their numbers, after `after`, whatever their state: for feeds,
    /// `plan` and `verify`. Reads only.
    async fn scan(&self, flow: &FlowName, kind: Kind, after: Number, limit: usize) -> Result<Vec<Work>, Fault>;

    /// One record as [`Store::window`] would give it.
    async fn work(&self, flow: &FlowName, number: Number) -> Result<Option<Work>, Fault>;

    /// Says which items these records are to be from now on, where ids are shared: before anything is sent as one of them. Of
    /// the records that are to be an item, its owner is the one with the highest rank: the one that the source created last, of
    /// equals the one with the higher number. What a record holds and is not to be is its own as long as no other is to be
    /// it.
    ///
    /// An item gets another owner in the same transaction: the row of the former owner holds it no longer, that of the new
    /// one holds it in doubt, and both records are due.
    async fn claim(&self, flow: &FlowName, lease: Lease, claims: Vec<Claim>) -> Result<Claimed, Fault>;

    /// Whose these items are. Where ids are shared, that is what [`Ledger::claim`] says; otherwise an item is the record's that
    /// has its id. Items without an owner are left out. Reads only.
    async fn owners(&self, flow: &FlowName, kind: Kind, items: &[RemoteId]) -> Result<Vec<Owner>, Fault>;

    /// One step of a push: closes calls, settles records, moves the cursor and opens calls, all or nothing. Gives the
    /// ids of the opened calls, in order. A call is opened **before** it is sent: what an unfinished one carried is in
    /// doubt after a crash.
    async fn advance(&self, step: Step) -> Result<Vec<u64>, Fault>;

    /// What the flow removed in the last [`STILL_COUNTED`] and would remove, and how much it holds. Reads only.
    async fn removals(&self, flow: &FlowName, now: Timestamp) -> Result<Removals, Fault>;

    /// Ends the wait for the feed ([`State::AwaitsFeed`]) of this kind, up to this revision: the destination no longer
    /// holds these items. Tombstones are gone; other records are due at once, with no items held.
    async fn release(&self, flow: &FlowName, kind: Kind, up_to: Revision) -> Result<u64, Fault>;

    /// Calls whose outcome is not known yet and that have a ticket to ask with, the earliest to ask for first.
    async fn tickets(&self, flow: &FlowName) -> Result<Vec<Ticketed>, Fault>;

    /// When the flow's next retry, its next due time and its next ticket come.
    async fn next_wake(&self, flow: &FlowName) -> Result<Wake, Fault>;
}

/// How long a removal counts against a flow's guard.
pub const STILL_COUNTED: Duration = Duration::from_hours(24);

/// What a flow removed, would remove, and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Items that the destination holds, those in doubt among them.
    pub items: u64,
    /// Of them, those that are to be removed and that the guard holds ([`Hold::Removal`]).
    pub held: u64,
    /// Items that were removed lately, less those that were approved.
    pub removed: i64,
}

/// A flow as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub flow: FlowName,
    /// Where its records come from.
    pub source: SourceName,
    /// Everything but the records that its payloads depend on.
    pub fingerprint: String,
    /// Kinds of records that it carries. Other records only bear on them.
    pub carries: Vec<Kind>,
    /// Its markets, by key.
    pub markets: Vec<String>,
    /// Whether several records may come to the same item.
    pub ids: Ids,
}

/// What declaring a flow found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// Its payloads may differ from before: every record is looked at again.
    pub restarted: bool,
}

/// What taking a flow over found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The lease to write under.
    pub lease: Lease,
    /// Records whose last call was cut off.
    pub in_doubt: u64,
}

/// A call that waits for its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticketed {
    /// The call.
    pub call: u64,
    /// What it carries.
    pub kind: Kind,
    /// The operation's name.
    pub op: String,
    /// What the destination gave to ask with.
    pub ticket: String,
    /// When to ask.
    pub ask_at: Timestamp,
    /// Items it carried: the record of each, and its id there.
    pub items: Vec<(Number, RemoteId)>,
}

/// A call that gets a ticket, or another time to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The call.
    pub call: u64,
    /// What the destination gave to ask with.
    pub ticket: String,
    /// When to ask.
    pub ask_at: Timestamp,
}

/// When time alone brings a flow something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// The earliest retry.
    pub retry: Option<Timestamp>,
    /// The earliest instant at which a projection may change.
    pub due: Option<Timestamp>,
    /// The earliest instant at which a ticket is to be asked for.
    pub ask: Option<Timestamp>,
}

/// How much a window may hold.
#[derive(Clone, Copy, Debug)]
pub struct Take {
    /// Now: retries up to here are due.
    pub now: Timestamp,
    /// At most so many records of each urgency, most urgent first.
    pub fresh: [usize; 3],
    /// At most so many retries.
    pub retries: usize,
    /// Start behind this place rather than the flow's stored cursor: for reading ahead of what is not settled yet.
    pub after: Option<Cursor>,
}

/// A flow's place in the mirror: everything up to it was looked at, by urgency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(pub [Revision; 3]);

/// What there is to do.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The records: urgent first, then live, retries, backfill. No number twice.
    pub work: Vec<Work>,
    /// Where the cursor stands once all of them are settled.
    pub cursor: Cursor,
    /// Records may come to the same item: whose it is has to be asked before one is sent.
    pub shared: bool,
}

/// Whose an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The item's id at the destination.
    pub item: RemoteId,
    /// The record.
    pub number: Number,
    /// Its id.
    pub id: RecordId,
}

/// Which items a record is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The record.
    pub number: Number,
    /// When the source created it. One of which that is not known ranks below all of which it is.
    pub created_at: Option<Timestamp>,
    /// The items' ids at the destination; none: it is filtered, or gone.
    pub items: Vec<RemoteId>,
}

/// What came of claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Of the records that made the claims, those whose entry changed or that are to be what another one owns.
    pub contested: Vec<Contested>,
    /// Items that were taken from a record, whoever made the claims.
    pub taken: Vec<Owner>,
}

/// A record whose claims meet those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// The record.
    pub number: Number,
    /// What the ledger holds of it now.
    pub entry: Option<Entry>,
    /// The owners of items that it claimed and does not own.
    pub owners: Vec<Owner>,
}

/// A record and what a flow knows of it.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its number.
    pub number: Number,
    /// Its revision.
    pub revision: Revision,
    /// Its place in the walk; none where it was not found by walking (a retry that is due, a scan, one record).
    pub urgency: Option<Urgency>,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The record with what hangs on it; none when it is gone.
    pub whole: Option<Arc<Whole>>,
    /// When its content last changed.
    pub changed_at: Timestamp,
    /// When something that it is projected with last changed, its content included.
    pub touched_at: Timestamp,
    /// Its latest form at the source could not be understood: `whole` is the last one that could. What the destination
    /// holds of it must be left alone. Never true in a [`Window`].
    pub unread: bool,
    /// What the ledger holds; none: it was never settled.
    pub entry: Option<Entry>,
}

/// A record with what hangs on it, at one revision of it: what every flow of its source sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The record.
    pub record: Record,
    /// What hangs on it: stock and price entries of its SKUs, its assignments.
    pub joined: Vec<Record>,
}

impl Work {
    /// The record; none when it is gone.
    pub fn record(&self) -> Option<&Record> {
        self.whole.as_ref().map(|whole| &whole.record)
    }

    /// What hangs on the record. Empty for tombstones.
    pub fn joined(&self) -> &[Record] {
        self.whole.as_ref().map_or(&[], |whole| &whole.joined)
    }
}

/// What the ledger holds of a record, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The state.
    pub state: State,
    /// The revision it was settled at.
    pub revision: Revision,
    /// Items that the destination holds (or may hold).
    pub items: Vec<ItemEntry>,
    /// How often in a row it was put off.
    pub attempts: u32,
    /// How often it failed alone, where it did.
    pub trial: Option<Trial>,
    /// How often claims of records changed what it holds, its own among them.
    pub turn: u32,
}

/// Failures of calls that carried nothing but one record. The engine's; the store only keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// How many, each after a success of the account.
    pub failures: u32,
    /// The first.
    pub since: Timestamp,
    /// The last that counted.
    pub last: Timestamp,
}

/// An item that the destination holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemEntry {
    /// Its id there.
    pub id: RemoteId,
    /// What it holds; none: in doubt.
    pub digests: Option<Digests>,
}

/// How a record stands with a flow: what the ledger keeps. [`Tally`](super::Tally) counts the states that people see; it
/// says which of them each of these belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The destination has acknowledged what it should be.
    InSync,
    /// This rule keeps it out of the market, and the destination does not hold it. Where other records own some of its items
    /// and not all, the destination holds the rest.
    Filtered(String),
    /// Refused, see its dead letter.
    Dead,
    /// Deleted at the source, and the destination does not hold it.
    Gone,
    /// Pending: tried again then.
    Retry(Timestamp),
    /// Waiting until the destination imports the hosted feed without it.
    AwaitsFeed,
    /// Waiting until an asynchronous import tells what became of it; its call has a ticket.
    AwaitsImport,
    /// Needs a person.
    Held(Hold),
}

/// Why a record needs a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It is to be removed, and the guard stopped removals of this flow.
    Removal,
    /// What became of a call that may not be repeated is not known.
    UnknownOutcome,
}

impl Hold {
    /// All reasons.
    pub const ALL: [Self; 2] = [Self::Removal, Self::UnknownOutcome];

    /// The stored form, and the form in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removal => "removal",
            Self::UnknownOutcome => "unknown_outcome",
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.name() == name)
    }
}

/// A step of a push.
#[derive(Clone, Debug)]
pub struct Step {
    /// The flow.
    pub flow: FlowName,
    /// Its lease.
    pub lease: Lease,
    /// Calls that have ended.
    pub close: Vec<Closed>,
    /// Records that are settled.
    pub settled: Vec<Settled>,
    /// Where the cursor stands now; none: where it stood.
    pub cursor: Option<Cursor>,
    /// Calls that are about to be made.
    pub open: Vec<Open>,
    /// How many items were removed with what is settled, as far as that counts against the flow's guard.
    pub removed: u64,
    /// Calls that were made and whose outcome is to be asked for.
    pub tickets: Vec<Ticket>,
    /// Now.
    pub at: Timestamp,
}

/// A call about to be made.
#[derive(Clone, Debug)]
pub struct Open {
    /// What it carries.
    pub kind: Kind,
    /// The operation's name.
    pub op: &'static str,
    /// Items it carries: the record of each, and its id there.
    pub items: Vec<(Number, RemoteId)>,
}

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Its id.
    pub id: u64,
    /// HTTP status, 0 where there was none.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// The beginning of the answer.
    pub response: String,
    /// What was wrong, if anything.
    pub fault: Option<Fault>,
}

/// A record that is settled, for now or for good.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The record.
    pub number: Number,
    /// The revision that was looked at.
    pub revision: Revision,
    /// How it stands. [`State::Retry`] counts one attempt more; any other starts the count again.
    pub state: State,
    /// What the destination holds now.
    pub items: Held,
    /// When its projection may change by time alone.
    pub due: Option<Timestamp>,
    /// The call that settled it, if one did.
    pub call: Option<u64>,
    /// What was wrong, if anything.
    pub fault: Option<Fault>,
    /// For [`State::Dead`]: the items that were refused, kept in the dead letter.
    pub refused: Vec<Item>,
    /// How often it failed alone, where it did.
    pub trial: Option<Trial>,
    /// [`Entry::turn`] when it was looked at. If that is another by now, only what the record still owns is kept, in doubt, and
    /// the record is due, whatever `state` says.
    pub turn: u32,
}

/// What the destination holds of a record.
#[derive(Clone, Debug)]
pub enum Held {
    /// The same as before.
    Same,
    /// These items.
    Items(Vec<HeldItem>),
}

/// An item that the destination holds.
#[derive(Clone, Debug)]
pub struct HeldItem {
    /// Its id there.
    pub id: RemoteId,
    /// What it holds; none: in doubt.
    pub digests: Option<Digests>,
    /// What it acknowledged last; none: nothing yet, or the same as stored before.
    pub payload: Option<Payload>,
}
