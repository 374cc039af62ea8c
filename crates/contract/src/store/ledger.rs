//! What destinations hold, and the work that a flow has left.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use model::{FlowName, Kind, PriceHistory, Record, RecordId, RemoteId, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Lease, Number, Revision};
use crate::{
    Digests, Fault, Item, Payload,
    destination::{Ids, LEFT_TO_IMPORT},
    source::Urgency,
};

/// The ledger: read and written by pushes.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Registers a flow of the configuration. If its `fingerprint` differs from before, its cursor goes back to the
    /// beginning. Name, source and account identify a flow ([`FlowId`]): with another source or account it is another
    /// flow, and the former one is a [`Leftover`](super::Leftover). A flow whose account was not known gets this one.
    ///
    /// If its ids are shared from now on, every record is processed again; until then a record keeps the items that it
    /// holds.
    async fn declare(&self, flow: &Declared) -> Result<Declaration, Fault>;

    /// Marks all other sources and flows as former ones. A former flow causes no work and delays no other flow; the
    /// entries of its items stay in the ledger until [`Leftovers::forget_flow`](super::Leftovers::forget_flow).
    async fn retire_others(&self, sources: &[SourceName], flows: &[FlowName]) -> Result<(), Fault>;

    /// Takes a flow over, as after a start: revokes older leases, and ends calls that were opened under them and have
    /// no ticket. The items of such a call are in doubt from now on, also those of a record that was never settled: the
    /// destination may hold them. So are those of a call with a ticket whose record was not settled since: the
    /// destination may carry the call out at any time.
    async fn recover(&self, flow: &FlowName) -> Result<Recovered, Fault>;

    /// The records beyond the flow's cursor, and its retries that are due; fewer than are asked for where they are large.
    /// Unread records are left out: they get a new revision once they are understood or deleted. Reads only.
    async fn workload(&self, flow: &FlowName, take: Take) -> Result<Workload, Fault>;

    /// Carried records of one kind in the order of their numbers, after `after`, whatever their state: for feeds,
    /// `plan` and `verify`. At most `limit`, and fewer where they are large: none is the end. Reads only.
    async fn scan(&self, flow: &FlowName, kind: Kind, after: Number, limit: usize) -> Result<Vec<Work>, Fault>;

    /// One record as [`Store::workload`] would give it.
    async fn work(&self, flow: &FlowName, number: Number) -> Result<Option<Work>, Fault>;

    /// Claims items for records, where ids are shared, before anything is sent for these items. Of the records that
    /// claim an item, its owner is the one with the highest rank: the one that the source created last, of equals the
    /// one with the higher number. An item that a record holds and does not claim stays its own as long as no other
    /// record claims it.
    ///
    /// An item changes its owner in the same transaction: the row of the former owner no longer holds it, that of the
    /// new owner holds it in doubt, and both records are due.
    async fn claim(&self, flow: &FlowName, lease: Lease, claims: Vec<Claim>) -> Result<Claimed, Fault>;

    /// The owners of these items. Where ids are shared, [`Ledger::claim`] decides; otherwise an item belongs to the
    /// record that has its id. Items without an owner are left out. Reads only.
    async fn owners(&self, flow: &FlowName, kind: Kind, items: &[RemoteId]) -> Result<Vec<Owner>, Fault>;

    /// One step of a push: closes calls, settles records, moves the cursor and opens calls, all or nothing. Returns the
    /// ids of the opened calls, in order. A call is opened **before** it is sent: the items of an unfinished call are
    /// in doubt after a crash.
    async fn advance(&self, step: Step) -> Result<Vec<u64>, Fault>;

    /// How many items the flow removed in the last [`STILL_COUNTED`], how many it would remove, and how many it holds.
    /// Reads only.
    async fn removals(&self, flow: &FlowName, now: Timestamp) -> Result<Removals, Fault>;

    /// Ends the wait for the feed ([`State::AwaitsFeed`]) of this kind, up to this revision: the destination no longer
    /// holds these items. Tombstones become gone; other records are due at once, with no items held.
    async fn release(&self, flow: &FlowName, kind: Kind, up_to: Revision) -> Result<u64, Fault>;

    /// Calls with a ticket whose outcome is not known yet, the earliest to ask for first.
    async fn tickets(&self, flow: &FlowName) -> Result<Vec<Ticketed>, Fault>;

    /// Notes that a flow has stopped by this fault, or (`None`) that it works. The instant since when it has stopped stays
    /// until it works.
    async fn note_stop(&self, flow: &FlowName, fault: Option<&Fault>, at: Timestamp) -> Result<(), Fault>;

    /// When the flow's next retry, its next due time and its next ticket come.
    async fn next_wake(&self, flow: &FlowName) -> Result<Wake, Fault>;
}

/// How long a removal counts against a flow's guard.
pub const STILL_COUNTED: Duration = Duration::from_hours(24);

/// Counts of items that a flow removed, would remove, and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Items that the destination holds, including those in doubt.
    pub items: u64,
    /// Those of them whose removal the guard holds ([`Hold::Removal`]).
    pub held: u64,
    /// Items that were removed lately, without those that were approved.
    pub removed: i64,
}

/// A flow as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub flow: FlowName,
    /// The source of its records.
    pub source: SourceName,
    /// The account that they go to ([`Destination::account_id`](crate::Destination::account_id)).
    pub account: String,
    /// Text of everything that its payloads depend on, except the records.
    pub fingerprint: String,
    /// Kinds of records that it carries. Records of other kinds only contribute to them.
    pub carries: Vec<Kind>,
    /// Its markets, by key.
    pub markets: Vec<String>,
    /// Whether several records may claim the same item.
    pub ids: Ids,
    /// Whether it keeps a history of prices. A flow that no longer does forgets the one that it has.
    pub price_history: bool,
}

/// What tells a flow from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FlowId {
    /// Its name.
    pub flow: FlowName,
    /// Where its records come from.
    pub source: SourceName,
    /// The account that they go to; empty where that is not known.
    pub account: String,
}

impl Declared {
    /// What tells it from others.
    pub fn id(&self) -> FlowId {
        FlowId { flow: self.flow.clone(), source: self.source.clone(), account: self.account.clone() }
    }
}

/// The result of declaring a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// Whether its payloads may differ from before: every record is then processed again.
    pub restarted: bool,
}

/// The result of taking a flow over.
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
    /// The kind of its records.
    pub kind: Kind,
    /// The operation's name.
    pub op: String,
    /// The ticket that the destination gave.
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
    /// The ticket that the destination gave.
    pub ticket: String,
    /// When to ask.
    pub ask_at: Timestamp,
}

/// When a flow has work because time has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// The earliest retry.
    pub retry: Option<Timestamp>,
    /// The earliest instant at which a projection may change.
    pub due: Option<Timestamp>,
    /// The earliest instant at which a ticket is to be asked for.
    pub ask: Option<Timestamp>,
}

/// How much a workload may hold.
#[derive(Clone, Copy, Debug)]
pub struct Take {
    /// Now: retries up to here are due.
    pub now: Timestamp,
    /// At most so many records of each urgency, most urgent first.
    pub fresh: [usize; 3],
    /// At most so many retries.
    pub retries: usize,
    /// Start behind this position rather than the flow's stored cursor: for reading ahead of records that are not
    /// settled yet.
    pub after: Option<Cursor>,
}

/// A flow's position in the mirror, by urgency: every record up to it was processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(pub [Revision; 3]);

/// Records to process.
#[derive(Clone, Debug, Default)]
pub struct Workload {
    /// The records: urgent first, then live, retries, backfill. No number twice.
    pub work: Vec<Work>,
    /// The cursor once all of them are settled.
    pub cursor: Cursor,
    /// Whether records may claim the same item: owners have to be asked for before a record is sent.
    pub shared: bool,
}

/// The owner of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The item's id at the destination.
    pub item: RemoteId,
    /// The record.
    pub number: Number,
    /// Its id.
    pub id: RecordId,
}

/// The items that a record claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The record.
    pub number: Number,
    /// When the source created it; a record without this ranks below all that have it.
    pub created_at: Option<Timestamp>,
    /// The items' ids at the destination; empty: the record is filtered or deleted.
    pub items: Vec<RemoteId>,
}

/// The result of claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Those of the claiming records whose entry changed, or that claim an item of another owner.
    pub contested: Vec<Contested>,
    /// Items that a record lost, whether or not it was among the claiming ones.
    pub taken: Vec<Owner>,
}

/// A record that claims an item together with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// The record.
    pub number: Number,
    /// Its entry in the ledger now.
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
    /// Its position in the walk; `None` where it was not found by walking (a retry that is due, a scan, a single
    /// record).
    pub urgency: Option<Urgency>,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The record with its parts; `None` when it is deleted.
    pub whole: Option<Arc<Whole>>,
    /// When its content last changed.
    pub changed_at: Timestamp,
    /// When its content, or any record that it is projected with, last changed.
    pub touched_at: Timestamp,
    /// Whether its latest form at the source could not be understood: `whole` is then the last form that was. Its items
    /// at the destination must be left unchanged. Never true in a [`Workload`].
    pub unread: bool,
    /// Whether the flow has still to process this revision, whatever its entry says: it lies beyond the cursor.
    pub ahead: bool,
    /// Whether its person is being erased: everything that the destination holds of it is removed, whatever the settings.
    pub erased: bool,
    /// Its entry in the ledger; `None`: it was never settled.
    pub entry: Option<Entry>,
    /// The prices that the flow has seen of it, as they were when it was settled; `None`: none, or it keeps no history.
    pub prices: Option<PriceHistory>,
}

/// A record with its parts, at one revision: the same for every flow of its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The record.
    pub record: Record,
    /// Its parts: stock and price entries of its SKUs, its assignments.
    pub joined: Vec<Record>,
}

impl Work {
    /// The record; `None` when it is deleted.
    pub fn record(&self) -> Option<&Record> {
        self.whole.as_ref().map(|whole| &whole.record)
    }

    /// What people see it counted as: see [`Tally`](super::Tally).
    pub fn counted_as(&self) -> &'static str {
        match &self.entry {
            _ if self.unread => "unread",
            Some(entry) if !self.ahead && entry.revision >= self.revision => entry.state.counted_as(),
            Some(_) | None => "pending",
        }
    }

    /// The parts of the record. Empty for tombstones.
    pub fn joined(&self) -> &[Record] {
        self.whole.as_ref().map_or(&[], |whole| &whole.joined)
    }
}

/// The ledger's entry of a record, in short.
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
    /// How often it failed alone, if it did.
    pub trial: Option<Trial>,
    /// How often claims, its own or those of others, changed which items it holds.
    pub turn: u32,
}

/// Failures of calls that carried one record alone. Kept for the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Their number; each counts only after a success of the account.
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
    /// Its digests there; `None`: in doubt.
    pub digests: Option<Digests>,
}

/// The state of a record in a flow, as the ledger keeps it. [`Tally`](super::Tally) counts the states that reports
/// show, and says which of them each of these belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The destination has acknowledged its payload.
    InSync,
    /// This rule keeps it out of the market, and the destination does not hold it. Where other records own some of its items
    /// and not all, the destination holds the rest.
    Filtered(String),
    /// Refused, see its dead letter.
    Dead,
    /// Deleted at the source, and the destination does not hold it.
    Gone,
    /// Pending: retried at this instant.
    Retry(Timestamp),
    /// Waiting until the destination imports the hosted feed without it.
    AwaitsFeed,
    /// Waiting for the outcome of an asynchronous import; its call has a ticket.
    AwaitsImport,
    /// Waiting for a person's decision.
    Held(Hold),
}

impl State {
    /// Whether its items stay at the destination until that imports the hosted feed.
    pub fn is_left_to_import(&self) -> bool {
        match self {
            Self::AwaitsFeed => true,
            Self::Filtered(rule) => rule == LEFT_TO_IMPORT,
            _ => false,
        }
    }

    /// What people see it counted as, as long as the record does not change: see [`Tally`](super::Tally).
    pub const fn counted_as(&self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::Filtered(_) => "filtered",
            Self::Dead => "dead",
            Self::Gone => "gone",
            Self::Retry(_) => "pending",
            Self::AwaitsFeed | Self::AwaitsImport => "waiting",
            Self::Held(_) => "held",
        }
    }
}

/// Why a record waits for a person's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The guard of the flow stopped its removal.
    Removal,
    /// The outcome of a call that may not be repeated is not known.
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
    /// The new cursor; `None`: unchanged.
    pub cursor: Option<Cursor>,
    /// Calls that will be made next.
    pub open: Vec<Open>,
    /// How many items the settled records removed, as far as they count against the flow's guard.
    pub removed: u64,
    /// Calls that were made and whose outcome has to be asked for.
    pub tickets: Vec<Ticket>,
    /// Now.
    pub at: Timestamp,
}

/// A call that will be made next.
#[derive(Clone, Debug)]
pub struct Open {
    /// The kind of its records.
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

/// A record that was processed.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The record.
    pub number: Number,
    /// The revision that was processed.
    pub revision: Revision,
    /// Its state. [`State::Retry`] counts one more attempt; any other starts the count again.
    pub state: State,
    /// Its items at the destination now.
    pub items: Held,
    /// The span of time in which its projection does not change by time alone: the record is due at its end, and also
    /// where the clock is set back to before its beginning.
    pub holds: model::Window,
    /// The call that settled it, if one did.
    pub call: Option<u64>,
    /// What was wrong, if anything.
    pub fault: Option<Fault>,
    /// For [`State::Dead`]: the items that were refused, kept in the dead letter.
    pub refused: Vec<Item>,
    /// How often it failed alone, if it did.
    pub trial: Option<Trial>,
    /// [`Entry::turn`] when it was processed. If that has changed, only items that the record still owns are kept, in
    /// doubt, and the record is due, whatever `state` says.
    pub turn: u32,
    /// The prices that were seen of it, if they have changed; kept if the record is settled as it says.
    pub prices: Option<PriceHistory>,
}

/// The items of a record at the destination.
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
    /// Its digests there; `None`: in doubt.
    pub digests: Option<Digests>,
    /// The payload that it acknowledged last, or may hold if the item is in doubt; `None`: nothing yet, or as stored before.
    pub payload: Option<Payload>,
}
