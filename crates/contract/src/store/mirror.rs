//! The records of a source, and how far they were read.

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::{Kind, Record, RecordId, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Lease, Leased, Number, Revision};
use crate::{
    Change, Fault, Token,
    source::{Scope, Unread, Urgency},
};

/// The mirror: written while a source is read, read by all other parts.
#[async_trait]
pub trait Mirror: Send + Sync {
    /// The lease that this process holds for a source or a flow; takes one where it holds none.
    async fn lease(&self, of: &Leased) -> Result<Lease, Fault>;

    /// Takes a new lease, which makes older ones invalid for writing. A flow must have been declared.
    async fn take_over(&self, of: &Leased) -> Result<Lease, Fault>;

    /// The state of a lane; the default where it was never read.
    async fn lane(&self, source: &SourceName, lane: &str) -> Result<LaneState, Fault>;

    /// The states of all lanes of a source that were ever read, by name.
    async fn lanes(&self, source: &SourceName) -> Result<BTreeMap<String, LaneState>, Fault>;

    /// Stores a page together with the lane's new state, and touches records that depend on the changed ones. Touches
    /// beyond a few hundred are left to [`Store::spread`].
    async fn intake(&self, intake: Intake) -> Result<Taken, Fault>;

    /// Ends a full walk: deletes the records that it did not see, unless they are more than the guard allows.
    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Fault>;

    /// Carries out waiting touches of a source, at most `limit`; returns how many still wait. They get the least urgent
    /// position.
    async fn spread(&self, touch: &Touch, limit: usize) -> Result<u64, Fault>;

    /// Touches at most `limit` records of a source whose projections do not hold at `touch.at` ([`Settled::holds`]), as
    /// urgent, those that are due first and the earliest of a flow first among them; returns their number (0: all hold).
    /// Those that no such flow has processed since they changed count too and are not touched: they are still to be
    /// processed. Projections of former flows do not count.
    async fn wake(&self, touch: &Touch, limit: usize) -> Result<u64, Fault>;

    /// The highest revision of a source given so far.
    async fn revision(&self, source: &SourceName) -> Result<Revision, Fault>;

    /// The latest [`Intake::as_of`] of a source so far. A reader of the source gives no earlier one, whatever the clock
    /// says: a clock that was set back must not make new pages stale.
    async fn as_of(&self, source: &SourceName) -> Result<Timestamp, Fault>;

    /// Records of one kind in the order of their ids, after `after`, without regard to flows.
    async fn read(
        &self,
        source: &SourceName,
        kind: Kind,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<Found>, Fault>;

    /// Counts of records by kind and scope: for finding records that no lane sweeps any more.
    async fn scopes(&self, source: &SourceName) -> Result<Vec<(Kind, Option<Scope>)>, Fault>;

    /// The highest revision at which the content of one of the source's [`Kind::REFERENCE`] records changed: shows
    /// whether a cached copy is still current. Touches do not move it.
    async fn reference_revision(&self, source: &SourceName) -> Result<Revision, Fault>;

    /// All live records of [`Kind::REFERENCE`].
    async fn reference(&self, source: &SourceName) -> Result<Vec<Record>, Fault>;

    /// Live records and tombstones per kind.
    async fn counts(&self, source: &SourceName) -> Result<Vec<Count>, Fault>;

    /// Records by id, key or SKU (a SKU finds its products), at most 50.
    async fn find(&self, source: &SourceName, text: &str) -> Result<Vec<Found>, Fault>;

    /// Live records of which details were left out, those that changed last first, at most `limit`.
    async fn noticed(&self, source: &SourceName, limit: usize) -> Result<Vec<Found>, Fault>;

    /// Records that could not be understood, newest first, at most `limit`.
    async fn unread(&self, source: &SourceName, limit: usize) -> Result<Vec<UnreadRow>, Fault>;
}

/// How far a lane has been read. Kept for the engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// A sweep that the guard stopped: how many records it would have removed, of how many.
    pub held: Option<(u64, u64)>,
    /// The fault that stopped the last read.
    pub fault: Option<Fault>,
    /// Number of the last full walk that ended.
    pub full_pass: u64,
    /// When that walk began, by [`Intake::as_of`].
    pub full_as_of: Option<Timestamp>,
    /// How often the state was written. The store counts it, and ignores the number in a state to be written.
    #[serde(skip)]
    pub version: u64,
}

/// Who touches records of a source, and when.
#[derive(Clone, Debug)]
pub struct Touch {
    /// The source.
    pub source: SourceName,
    /// Its lease.
    pub lease: Lease,
    /// Now.
    pub at: Timestamp,
}

/// A walk under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Walk {
    /// Number of the full walk, which marks the records that it sees. `None`: a delta.
    pub pass: Option<u64>,
    /// Position of its next page.
    pub next: Token,
    /// When it began, by [`Intake::as_of`].
    pub began_at: Timestamp,
}

/// A page to be stored.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The source it comes from.
    pub source: SourceName,
    /// The lane it was read in.
    pub lane: String,
    /// The lease of the source.
    pub lease: Lease,
    /// The lane's state after it.
    pub state: LaneState,
    /// [`LaneState::version`] that the lane must have; C0113 where it has another. `None`: any.
    pub expected: Option<u64>,
    /// When the request was sent, never earlier than [`Mirror::as_of`]: where the source has no versions, a record that
    /// was requested earlier than the mirror's copy is stale.
    pub as_of: Timestamp,
    /// The records were asked for by their ids rather than met in a walk; the lane's state stays as it is.
    pub fetched: bool,
    /// Kinds whose records can be asked for by id: a lower version of one in a full walk is not believed, but becomes a
    /// hint ([`Hints`](super::Hints)).
    pub confirm: Vec<Kind>,
    /// The scope of the kinds that are read in parts; other kinds have none.
    pub scopes: Vec<(Kind, Scope)>,
    /// Hints that this page answers.
    pub hints: Vec<u64>,
    /// The changes that were read.
    pub changes: Vec<Change>,
    /// Records that could not be understood: kept for `status`, and spared by a sweep.
    pub unread: Vec<Unread>,
    /// The full walk that saw it; none for a delta.
    pub pass: Option<u64>,
    /// Whether that walk ends with a sweep of what it reads, so that its records are marked as seen by it. A lane that
    /// sweeps nothing must mark none: its passes have the numbers of another lane's.
    pub marks: bool,
    /// Urgency of the changes and of the records that they touch.
    pub urgency: Urgency,
    /// Now.
    pub at: Timestamp,
}

/// Counts of an intake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Taken {
    /// Records that are new, or exist again.
    pub new: u64,
    /// Records that changed.
    pub changed: u64,
    /// Records that were unchanged.
    pub unchanged: u64,
    /// Records that were deleted.
    pub gone: u64,
    /// Changes older than what the mirror holds.
    pub stale: u64,
    /// Records touched because something they use changed.
    pub touched: u64,
    /// Records that could not be understood.
    pub unread: u64,
    /// Records of persons who were erased: they are not taken.
    pub erased: u64,
}

/// The end of a full walk.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The source.
    pub source: SourceName,
    /// The lane.
    pub lane: String,
    /// The lease of the source.
    pub lease: Lease,
    /// The lane's state if the sweep is carried out; a held one is noted in it by the store.
    pub state: LaneState,
    /// Kinds that the lane reads in full, or in part. No scope: records that have none.
    pub sweeps: Vec<(Kind, Option<Scope>)>,
    /// The walk.
    pub pass: u64,
    /// For walks that may miss records (offset paging): the last full walk that ended before. A record that it saw
    /// stays until two walks have missed it.
    pub before: Option<u64>,
    /// Records that were read otherwise since then are spared: when the walk began, or where `before` is given, when
    /// that walk began. By [`Intake::as_of`].
    pub since: Option<Timestamp>,
    /// The largest share of live records of a kind and scope that may be deleted, 0 to 1; `None`: any. One record may
    /// always be deleted, all of them never.
    pub guard: Option<f64>,
    /// Now.
    pub at: Timestamp,
}

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Swept {
    /// Live records before it.
    pub live: u64,
    /// Records the walk did not see.
    pub missing: u64,
    /// Whether the guard stopped it: nothing was deleted.
    pub held: bool,
}

/// Records of one kind in the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Count {
    /// The kind.
    pub kind: Kind,
    /// Records that exist.
    pub live: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Records whose latest form could not be understood, also those without an id and those that never could.
    pub unread: u64,
    /// Live records of which details were left out.
    pub noticed: u64,
}

/// A record of the mirror with its facts.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its number.
    pub number: Number,
    /// Its revision.
    pub revision: Revision,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The record; `None` when it is deleted.
    pub record: Option<Record>,
    /// The source's version.
    pub version: u64,
    /// When the source last changed it.
    pub modified_at: Option<Timestamp>,
    /// When its content last changed in the mirror.
    pub changed_at: Timestamp,
}

/// A record that could not be understood.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct UnreadRow {
    /// Its kind.
    pub kind: Kind,
    /// Its id, if that could be read.
    pub id: Option<RecordId>,
    /// When it was last seen.
    pub at: Timestamp,
    /// Why.
    pub fault: Fault,
}
