//! Where the mirror and the ledger are kept.
//!
//! **Invariants** that every store keeps, and the conformance suite tries to break:
//! - one method call is one transaction: after a crash it happened wholly or not at all;
//! - a revision is given once, grows by commit order, and a record's revision only grows;
//! - reading the same record twice changes nothing: no new revision, no touch;
//! - a cursor moves only together with the ledger rows of everything it passes;
//! - for every flow the states of [`Tally`] add up to its `mirror`;
//! - where ids are shared, an item has one owner per flow and kind, and of the dead records that want an item, some are
//!   tried again as soon as it is nobody's.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use model::{FlowName, Kind, Record, RecordId, RemoteId, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Change, Digests, Fault, Item, Payload, Token,
    destination::Ids,
    source::{Unread, Urgency},
};

/// Number of a record, for good: it keeps it when it is deleted and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Number(pub u64);

/// One growing number per store; a later change has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// Mirror, ledger, calls, dead letters, cursors, links and due times.
#[async_trait]
pub trait Store: Send + Sync {
    // ── reading a source ────────────────────────────────────────────────────────────────────────────────────────────

    /// The state of a lane; the default where it was never read.
    async fn lane(&self, source: &SourceName, lane: &str) -> Result<LaneState, Fault>;

    /// The states of all lanes of a source that were ever read, by name.
    async fn lanes(&self, source: &SourceName) -> Result<BTreeMap<String, LaneState>, Fault>;

    /// Takes in a page together with the lane's new state, and touches what hangs on what changed. Touches beyond
    /// a few hundred are left to [`Store::spread`].
    async fn intake(&self, intake: Intake) -> Result<Taken, Fault>;

    /// Ends a full walk: what it did not see is gone, unless that is more than the guard allows.
    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Fault>;

    /// Carries out waiting touches, at most `limit`; tells how many wait still (0: none). They keep the least
    /// urgent place.
    async fn spread(&self, limit: usize) -> Result<u64, Fault>;

    /// Touches at most `limit` records whose due time has come, as urgent and the earliest of a flow first; tells how
    /// many there were (0: none is due).
    async fn wake(&self, now: Timestamp, limit: usize) -> Result<u64, Fault>;

    // ── the mirror ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// The highest revision of the source's [`Kind::REFERENCE`] records: tells whether a held copy is still good.
    async fn reference_revision(&self, source: &SourceName) -> Result<Revision, Fault>;

    /// All live records of [`Kind::REFERENCE`].
    async fn reference(&self, source: &SourceName) -> Result<Vec<Record>, Fault>;

    /// Live records and tombstones per kind.
    async fn counts(&self, source: &SourceName) -> Result<Vec<Count>, Fault>;

    /// Records by id, key or SKU (a SKU finds its products), at most 50.
    async fn find(&self, source: &SourceName, text: &str) -> Result<Vec<Found>, Fault>;

    /// Records that could not be understood, newest first, at most `limit`.
    async fn unread(&self, source: &SourceName, limit: usize) -> Result<Vec<UnreadRow>, Fault>;

    // ── a flow ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Makes the flow known, ends calls that a crash left open, and, where `fingerprint` is another than before, sets its
    /// cursor back to the beginning. Items that such a call carried are in doubt from now on, also those of a record
    /// that was never settled: the destination may hold them whatever becomes of the record.
    ///
    /// With [`Ids::Shared`] it is known from now on whose the items are ([`Store::owners`]), for good: under later settings
    /// the destination may still hold what it got under these. Where the ledger gives one item to two records, the one
    /// that was settled last keeps it, in doubt, and the other is looked at again without it.
    async fn register(
        &self,
        flow: &FlowName,
        source: &SourceName,
        fingerprint: &str,
        ids: Ids,
    ) -> Result<Registered, Fault>;

    /// What there is to do beyond the flow's cursor, and its retries that are due. Reads only.
    async fn window(&self, flow: &FlowName, take: Take) -> Result<Window, Fault>;

    /// Carried records of one kind in the order of their numbers, after `after`, whatever their state: for feeds,
    /// `plan` and `verify`. Reads only.
    async fn scan(&self, flow: &FlowName, kind: Kind, after: Number, limit: usize) -> Result<Vec<Work>, Fault>;

    /// One record as [`Store::window`] would give it.
    async fn work(&self, flow: &FlowName, number: Number) -> Result<Option<Work>, Fault>;

    /// Whose these items are: for each that the destination holds or may hold, its record. Items that are nobody's are
    /// left out, and all of them where the flow's ids are not shared. Reads only.
    async fn owners(&self, flow: &FlowName, kind: Kind, items: &[RemoteId]) -> Result<Vec<Owner>, Fault>;

    /// One step of a push: closes calls, settles records, moves the cursor and opens calls, all or nothing. Gives the
    /// ids of the opened calls, in order. A call is opened **before** it is sent: what an unfinished one carried is in
    /// doubt after a crash.
    async fn advance(&self, step: Step) -> Result<Vec<u64>, Fault>;

    /// Ends the wait for the feed ([`State::AwaitsFeed`]) of this kind, up to this revision: the destination no longer
    /// holds these items. Tombstones are gone; other records are due at once, with no items held.
    async fn release(&self, flow: &FlowName, kind: Kind, up_to: Revision) -> Result<u64, Fault>;

    /// The highest revision given so far.
    async fn revision(&self) -> Result<Revision, Fault>;

    /// When the flow's next retry and its next due time come.
    async fn next_wake(&self, flow: &FlowName) -> Result<Wake, Fault>;

    // ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    /// How the flow's records stand.
    async fn tally(&self, flow: &FlowName) -> Result<Tally, Fault>;

    /// What the ledger holds of a record.
    async fn entry(&self, flow: &FlowName, number: Number) -> Result<Option<EntryView>, Fault>;

    /// Dead letters of a flow, newest first, at most `limit`.
    async fn dead(&self, flow: &FlowName, limit: usize) -> Result<Vec<DeadLetter>, Fault>;

    /// Dead letters of the records with this id, at most one per kind.
    async fn dead_of(&self, flow: &FlowName, id: &RecordId) -> Result<Vec<DeadLetter>, Fault>;

    /// Has dead letters tried again now; tells how many there were. An empty list means all of the flow.
    async fn replay(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Sets dead letters aside for good (filtered, rule `dropped`) until their records change.
    async fn discard(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Marks what the destination holds of these records as unknown, so that they are sent again in full.
    async fn doubt(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Deletes finished calls that ended before `before` and that no ledger row refers to.
    async fn prune(&self, before: Timestamp) -> Result<u64, Fault>;
}

/// How far a lane has been read. The engine's; the store only keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneState {
    /// Where the next delta starts: the end of the last walk.
    pub watermark: Option<Token>,
    /// The walk under way.
    pub walk: Option<Walk>,
    /// Number of the last full walk that began.
    pub passes: u64,
    /// When the last full walk ended.
    pub full_at: Option<Timestamp>,
    /// When the last walk of any kind ended.
    pub read_at: Option<Timestamp>,
    /// How many changes the last walks brought, as a moving average per read: tunes the interval.
    pub pace: f32,
    /// A sweep that the guard stopped: how many records it would have removed, of how many.
    pub held: Option<(u64, u64)>,
    /// What stopped the last read.
    pub fault: Option<Fault>,
}

/// A walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Over everything; `pass` marks what it sees. None: a delta.
    pub pass: Option<u64>,
    /// Where it goes on.
    pub next: Token,
    /// When it began.
    pub began_at: Timestamp,
}

/// A page, to be taken in.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The source it comes from.
    pub source: SourceName,
    /// The lane it was read in.
    pub lane: String,
    /// The lane's state after it.
    pub state: LaneState,
    /// What was read.
    pub changes: Vec<Change>,
    /// What could not be understood: kept for `status`, and spared by a sweep.
    pub unread: Vec<Unread>,
    /// The full walk that saw it; none for a delta.
    pub pass: Option<u64>,
    /// Which place the changes and what they touch get.
    pub urgency: Urgency,
    /// Now.
    pub at: Timestamp,
}

/// What an intake did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Records that are new, or back.
    pub new: u64,
    /// Records that changed.
    pub changed: u64,
    /// Records that were as before.
    pub unchanged: u64,
    /// Records that are gone now.
    pub gone: u64,
    /// Changes older than what the mirror holds.
    pub stale: u64,
    /// Records touched because something they use changed.
    pub touched: u64,
    /// Records that could not be understood.
    pub unread: u64,
}

/// The end of a full walk.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The source.
    pub source: SourceName,
    /// The lane.
    pub lane: String,
    /// The lane's state if the sweep is carried out; a held one is noted in it by the store.
    pub state: LaneState,
    /// Kinds that the lane reads in full.
    pub kinds: Vec<Kind>,
    /// The walk.
    pub pass: u64,
    /// The largest share of live records that may go, 0 to 1; none: any. One record may always go, all never.
    pub guard: Option<f64>,
    /// Now.
    pub at: Timestamp,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Live records before it.
    pub live: u64,
    /// Records the walk did not see.
    pub missing: u64,
    /// The guard stopped it: nothing was removed.
    pub held: bool,
}

/// Records of one kind in the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The kind.
    pub kind: Kind,
    /// Records that exist.
    pub live: u64,
    /// Records that are gone.
    pub tombstones: u64,
}

/// A record of the mirror with what is known about it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its number.
    pub number: Number,
    /// Its revision.
    pub revision: Revision,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The record; none when it is gone.
    pub record: Option<Record>,
    /// The source's version.
    pub version: u64,
    /// When the source last changed it.
    pub modified_at: Option<Timestamp>,
    /// When its content last changed here.
    pub changed_at: Timestamp,
}

/// A record that could not be understood.
#[derive(Clone, Debug, Serialize)]
pub struct UnreadRow {
    /// What it is.
    pub kind: Kind,
    /// Its id, if that could be read.
    pub id: Option<RecordId>,
    /// When it was last seen.
    pub at: Timestamp,
    /// Why.
    pub fault: Fault,
}

/// What registering a flow found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// Its payloads may differ from before: every record is looked at again.
    pub restarted: bool,
    /// Records whose last call was cut off.
    pub in_doubt: u64,
}

/// When time alone brings a flow something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// The earliest retry.
    pub retry: Option<Timestamp>,
    /// The earliest instant at which a projection may change.
    pub due: Option<Timestamp>,
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
    /// The record; none when it is gone.
    pub record: Option<Record>,
    /// When its content last changed.
    pub changed_at: Timestamp,
    /// What hangs on it: stock and price entries of its SKUs, its assignments. Empty for tombstones.
    pub joined: Vec<Record>,
    /// What the ledger holds; none: it was never settled.
    pub entry: Option<Entry>,
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
}

/// An item that the destination holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemEntry {
    /// Its id there.
    pub id: RemoteId,
    /// What it holds; none: in doubt.
    pub digests: Option<Digests>,
}

/// How a record stands with a flow. [`State::Retry`] and [`State::AwaitsFeed`] count as pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The destination has acknowledged what it should be.
    InSync,
    /// This rule keeps it out of the market, and the destination does not hold it.
    Filtered(String),
    /// Set aside, see its dead letter.
    Dead,
    /// Deleted at the source, and the destination does not hold it.
    Gone,
    /// Tried again then.
    Retry(Timestamp),
    /// Waits until the destination imports the hosted feed without it.
    AwaitsFeed,
}

/// A step of a push.
#[derive(Clone, Debug)]
pub struct Step {
    /// The flow.
    pub flow: FlowName,
    /// Calls that have ended.
    pub close: Vec<Closed>,
    /// Records that are settled.
    pub settled: Vec<Settled>,
    /// Where the cursor stands now; none: where it stood.
    pub cursor: Option<Cursor>,
    /// Calls that are about to be made.
    pub open: Vec<Open>,
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
    /// What the destination holds now. An item that another record owned is this one's from now on, and the other is
    /// looked at again without it.
    pub items: Held,
    /// When its projection may change by time alone.
    pub due: Option<Timestamp>,
    /// The call that settled it, if one did.
    pub call: Option<u64>,
    /// What was wrong, if anything.
    pub fault: Option<Fault>,
    /// For [`State::Dead`]: the items that were refused, kept in the dead letter.
    pub refused: Vec<Item>,
    /// Items that it should be and was not sent as, because another record owns them. If it is dead, it is tried again as
    /// soon as one of them is nobody's.
    pub wants: Vec<RemoteId>,
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

/// How the records of a flow stand. `in_sync + pending + filtered + dead + gone = mirror`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Carried records in the mirror, tombstones included.
    pub mirror: u64,
    /// The destination has acknowledged what it should be.
    pub in_sync: u64,
    /// Something is left to do.
    pub pending: u64,
    /// A rule keeps it out.
    pub filtered: u64,
    /// Set aside.
    pub dead: u64,
    /// Deleted, and acknowledged.
    pub gone: u64,
    /// `filtered` by rule.
    pub rules: BTreeMap<String, u64>,
    /// Touches that wait to be spread, over all flows.
    pub spreading: u64,
}

/// What the ledger holds of a record, in full.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// The state.
    pub state: State,
    /// The revision it was settled at.
    pub revision: Revision,
    /// When it was settled.
    pub settled_at: Timestamp,
    /// What the destination acknowledged last, by item.
    pub items: Vec<Item>,
    /// Some of it is in doubt: a call was cut off.
    pub in_doubt: bool,
    /// How often in a row it was put off.
    pub attempts: u32,
    /// When its projection may change by time alone.
    pub due: Option<Timestamp>,
    /// What was wrong, if anything.
    pub fault: Option<Fault>,
    /// The call that settled it.
    pub call: Option<CallView>,
}

/// A call that was made.
#[derive(Clone, Debug, Serialize)]
pub struct CallView {
    /// Its id.
    pub id: u64,
    /// When it was opened.
    pub at: Timestamp,
    /// What it carried.
    pub kind: Kind,
    /// The operation's name.
    pub op: String,
    /// How many records it carried.
    pub records: u64,
    /// HTTP status; none while it is open or was cut off.
    pub status: Option<u16>,
    /// How long it took.
    pub took: Option<Duration>,
    /// The beginning of the answer.
    pub response: String,
}

/// A record that was set aside.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter {
    /// The record.
    pub number: Number,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The revision that was refused.
    pub revision: Revision,
    /// When it was set aside.
    pub at: Timestamp,
    /// Why.
    pub fault: Fault,
    /// What was sent; empty where it could not be made.
    pub items: Vec<Item>,
    /// The call that was refused.
    pub call: Option<u64>,
}
