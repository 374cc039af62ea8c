//! Reports and commands of an operator.

use std::{collections::BTreeMap, ops::Deref, time::Duration};

use async_trait::async_trait;
use model::{FlowName, Kind, RecordId, Timestamp};
use serde::{Serialize, Serializer};

use super::{Hold, Number, Revision, State};
use crate::{Fault, Item};

/// Administration: counts of states, dead letters, and upkeep.
#[async_trait]
pub trait Admin: Send + Sync {
    /// Counts the flow's records by state.
    async fn tally(&self, flow: &FlowName) -> Result<Tally, Fault>;

    /// What keeps the flow from sending.
    async fn trouble(&self, flow: &FlowName) -> Result<Trouble, Fault>;

    /// How current the flow is.
    async fn freshness(&self, flow: &FlowName) -> Result<Freshness, Fault>;

    /// The ledger's entry of a record.
    async fn entry(&self, flow: &FlowName, number: Number) -> Result<Option<EntryView>, Fault>;

    /// Dead letters of a flow, newest first, at most `limit`.
    async fn dead(&self, flow: &FlowName, limit: usize) -> Result<Vec<DeadLetter>, Fault>;

    /// Dead letters of the records with this id, at most one per kind.
    async fn dead_of(&self, flow: &FlowName, id: &RecordId) -> Result<Vec<DeadLetter>, Fault>;

    /// Has dead letters retried now; returns their number.
    async fn replay(&self, flow: &FlowName, which: Which<'_>) -> Result<u64, Fault>;

    /// Records that this keeps back from the flow's destination, the one that was settled last first, at most `limit`; without
    /// those that changed since or could not be understood.
    async fn kept(&self, flow: &FlowName, by: KeptBy, limit: usize) -> Result<Vec<Kept>, Fault>;

    /// Approves the removals of a flow that its guard holds: they are retried, and neither they nor earlier removals
    /// count against the guard any more. Returns the number of records.
    async fn approve_removals(&self, flow: &FlowName, at: Timestamp) -> Result<u64, Fault>;

    /// Pauses a flow from this instant on: it sends nothing, whatever process carries it out; none: it goes on. Calls under way
    /// end, and outcomes of asynchronous imports are still asked for. Tells whether that changed anything.
    async fn pause(&self, flow: &FlowName, since: Option<Timestamp>) -> Result<bool, Fault>;

    /// Drops dead letters (filtered, rule `dropped`) until their records change; returns their number.
    async fn discard(&self, flow: &FlowName, which: Which<'_>) -> Result<u64, Fault>;

    /// Marks the items of these records as in doubt, so that they are sent again in full.
    async fn doubt(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Deletes finished rows that are older than their retention, about `limit` rows at most. Rows that a flow still
    /// has work for are kept.
    async fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<Pruned, Fault>;
}

/// Some dead letters, or all of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All of the flow.
    All,
    /// The dead letters of these records.
    These(&'a [Number]),
}

/// What keeps records back that a person may want to see one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptBy {
    /// A rule: they are filtered.
    Rule(String),
    /// They need a person.
    Hold(Hold),
}

/// A record that is kept back.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// The record.
    pub number: Number,
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// Since when.
    pub at: Timestamp,
    /// Why, where it was said.
    pub fault: Option<Fault>,
}

/// What keeps a flow from sending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Trouble {
    /// It has stopped by a fault.
    pub stopped: Option<Stopped>,
    /// Records wait to be retried.
    pub retrying: Option<Retrying>,
}

/// A flow that has stopped by a fault of its destination: it is tried again by itself, less and less often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Stopped {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub fault: Fault,
}

/// Records that wait to be retried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Retrying {
    /// How many have a fault.
    pub records: u64,
    /// When the first of them is retried.
    pub next: Timestamp,
    /// The fault that most of them have.
    pub fault: Fault,
}

/// How current a flow is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Freshness {
    /// When the destination acknowledged a call last; none: never.
    pub acknowledged_at: Option<Timestamp>,
    /// When the record that is pending the longest was changed or touched; none: no record is pending.
    pub pending_since: Option<Timestamp>,
}

/// How long finished rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Calls and their answers. A call that a dead or held record refers to is kept as long as that record is dead or
    /// held.
    pub calls: Duration,
    /// Tombstones, once every flow has settled them.
    pub tombstones: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { calls: Duration::from_hours(30 * 24), tombstones: Duration::from_hours(90 * 24) }
    }
}

/// Number of finished rows that were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Calls.
    pub calls: u64,
    /// Tombstones, with their ledger entries.
    pub tombstones: u64,
    /// Records and ledger rows of sources and flows that are not declared any more.
    pub former: u64,
    /// Whether there is more to delete.
    pub more: bool,
}

/// Numbers of records by state: a closed list of states, which add up to [`States::mirror`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct States {
    /// All of them: tombstones included, and records that were never understood.
    pub mirror: u64,
    /// The destination has acknowledged their present payload.
    pub in_sync: u64,
    /// Not processed yet, changed since, or waiting to be retried.
    pub pending: u64,
    /// Waiting for the destination: for its next import of the hosted feed, or for an asynchronous import.
    pub waiting: u64,
    /// Waiting for a person's decision.
    pub held: u64,
    /// Kept out by a rule.
    pub filtered: u64,
    /// Refused: dead letters.
    pub dead: u64,
    /// Existing at the source and not understood; their items at the destination are left unchanged. Records whose id
    /// could not be read are counted as often as the last full read met them.
    pub unread: u64,
    /// Deleted at source and destination.
    pub gone: u64,
    /// `filtered` by rule.
    pub rules: BTreeMap<String, u64>,
    /// `held` by reason.
    pub holds: BTreeMap<String, u64>,
}

/// The records of a flow by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Tally {
    /// Those of all kinds that the flow carries.
    #[serde(flatten)]
    pub all: States,
    /// The same of each of these kinds.
    #[schemars(with = "BTreeMap<String, States>")]
    pub kinds: BTreeMap<Kind, States>,
    /// Touches that wait to be spread, over all flows.
    pub spreading: u64,
    /// Since when a person has paused the flow; none: it is not paused.
    pub paused_since: Option<Timestamp>,
}

/// The states of a flow's records are those of all its kinds.
impl Deref for Tally {
    type Target = States;

    fn deref(&self) -> &States {
        &self.all
    }
}

impl States {
    /// Every state with its count, in the order in which reports show them.
    pub const fn states(&self) -> [(&'static str, u64); 8] {
        [
            ("in_sync", self.in_sync),
            ("pending", self.pending),
            ("waiting", self.waiting),
            ("held", self.held),
            ("filtered", self.filtered),
            ("dead", self.dead),
            ("unread", self.unread),
            ("gone", self.gone),
        ]
    }

    /// The sum of all states, which must be [`States::mirror`].
    pub fn sum(&self) -> u64 {
        self.states().into_iter().map(|(_, count)| count).sum()
    }

    /// Counts these records, too.
    pub fn add(&mut self, others: &Self) {
        self.mirror += others.mirror;
        self.in_sync += others.in_sync;
        self.pending += others.pending;
        self.waiting += others.waiting;
        self.held += others.held;
        self.filtered += others.filtered;
        self.dead += others.dead;
        self.unread += others.unread;
        self.gone += others.gone;
        for (sums, more) in [(&mut self.rules, &others.rules), (&mut self.holds, &others.holds)] {
            for (name, count) in more {
                *sums.entry(name.clone()).or_default() += count;
            }
        }
    }
}

impl Tally {
    /// A tally of records of these kinds.
    pub fn of(kinds: BTreeMap<Kind, States>) -> Self {
        let mut all = States::default();
        for states in kinds.values() {
            all.add(states);
        }
        Self { all, kinds, ..Self::default() }
    }

    /// States in which the destination does not agree with the source, with their counts if not zero. Records that a
    /// named rule keeps out and deleted records are not among them.
    pub fn left(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let agrees = |state: &str| matches!(state, "in_sync" | "filtered" | "gone");
        let states = self.states().into_iter().filter(move |(state, _)| !agrees(state));
        states.chain([("spreading", self.spreading)]).filter(|(_, count)| *count > 0)
    }
}

/// The ledger's entry of a record, in full.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct EntryView {
    /// The state.
    pub state: State,
    /// The revision it was settled at.
    pub revision: Revision,
    /// When it was settled.
    pub settled_at: Timestamp,
    /// The payload that the destination acknowledged last, by item.
    #[serde(serialize_with = "objects")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub items: Vec<Item>,
    /// Whether some item is in doubt, because a call was cut off.
    pub in_doubt: bool,
    /// How often in a row it was deferred.
    pub attempts: u32,
    /// From when on its projection has been as it is; a clock that is set back to before that makes the record due.
    pub since: Option<Timestamp>,
    /// When its projection may change by time alone.
    pub due: Option<Timestamp>,
    /// The fault, if there was one.
    pub fault: Option<Fault>,
    /// The call that settled it.
    pub call: Option<CallView>,
}

/// A call that was made.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct CallView {
    /// Its id.
    pub id: u64,
    /// When it was opened.
    pub at: Timestamp,
    /// The kind of its records.
    pub kind: Kind,
    /// The operation's name.
    pub op: String,
    /// How many records it carried.
    pub records: u64,
    /// HTTP status; none while it is open or was cut off.
    pub status: Option<u16>,
    /// How long it took.
    #[serde(serialize_with = "seconds")]
    #[schemars(with = "Option<f64>")]
    pub took: Option<Duration>,
    /// The beginning of the answer.
    pub response: String,
}

/// A record that the destination refused, or that could not be mapped.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct DeadLetter {
    /// The record.
    pub number: Number,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
    /// The revision that was refused.
    pub revision: Revision,
    /// When it became a dead letter.
    pub at: Timestamp,
    /// Why.
    pub fault: Fault,
    /// The payload; empty where the record could not be mapped.
    #[serde(serialize_with = "objects")]
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    pub items: Vec<Item>,
    /// The call that was refused.
    pub call: Option<u64>,
}

/// Items as the JSON objects that they are, each with its id.
fn objects<S: Serializer>(items: &[Item], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(items.iter().map(Item::json))
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn seconds<S: Serializer>(took: &Option<Duration>, out: S) -> Result<S::Ok, S::Error> {
    took.map(|took| took.as_secs_f64()).serialize(out)
}
