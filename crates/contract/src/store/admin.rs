//! What people ask a store, and what they tell it to do.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use model::{FlowName, Kind, RecordId, Timestamp};
use serde::Serialize;

use super::{Number, Revision, State};
use crate::{Fault, Item};

/// The desk: how things stand, dead letters, and upkeep.
#[async_trait]
pub trait Desk: Send + Sync {
    /// How the flow's records stand.
    async fn tally(&self, flow: &FlowName) -> Result<Tally, Fault>;

    /// What the ledger holds of a record.
    async fn entry(&self, flow: &FlowName, number: Number) -> Result<Option<EntryView>, Fault>;

    /// Dead letters of a flow, newest first, at most `limit`.
    async fn dead(&self, flow: &FlowName, limit: usize) -> Result<Vec<DeadLetter>, Fault>;

    /// Dead letters of the records with this id, at most one per kind.
    async fn dead_of(&self, flow: &FlowName, id: &RecordId) -> Result<Vec<DeadLetter>, Fault>;

    /// Has dead letters tried again now; tells how many there were.
    async fn replay(&self, flow: &FlowName, which: Which<'_>) -> Result<u64, Fault>;

    /// Approves the removals of a flow that its guard holds: they are tried again, and neither they nor what was removed
    /// so far count against the guard any more. Tells how many records there were.
    async fn approve_removals(&self, flow: &FlowName, at: Timestamp) -> Result<u64, Fault>;

    /// Drops dead letters (filtered, rule `dropped`) until their records change; returns how many there were.
    async fn discard(&self, flow: &FlowName, which: Which<'_>) -> Result<u64, Fault>;

    /// Marks what the destination holds of these records as unknown, so that they are sent again in full.
    async fn doubt(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Deletes what is finished and older than it is kept, at most about `limit` rows. Nothing that a flow has still to do
    /// goes.
    async fn prune(&self, now: Timestamp, retention: &Retention, limit: usize) -> Result<Pruned, Fault>;
}

/// Some dead letters, or all of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// All of the flow.
    All,
    /// Those of these records.
    These(&'a [Number]),
}

/// How long what is finished is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Calls and their answers. A call that a dead or held record refers to stays as long as that.
    pub calls: Duration,
    /// Records that are gone, once every flow has settled that.
    pub tombstones: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { calls: Duration::from_hours(30 * 24), tombstones: Duration::from_hours(90 * 24) }
    }
}

/// What was deleted because it was finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Calls.
    pub calls: u64,
    /// Records that were gone, with what the ledger held of them.
    pub tombstones: u64,
    /// Records and ledger rows of sources and flows that are not declared any more.
    pub former: u64,
    /// There is more to delete.
    pub more: bool,
}

/// How the records of a flow stand: the closed list of states, which add up to [`Tally::mirror`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Records of the kinds that the flow carries: tombstones included, and records that were never understood.
    pub mirror: u64,
    /// The destination has acknowledged what it should be.
    pub in_sync: u64,
    /// Something is left to do: never looked at, changed since, or waiting to be retried.
    pub pending: u64,
    /// Waiting for something outside: the next import of the hosted feed, an asynchronous import.
    pub waiting: u64,
    /// Needs a person.
    pub held: u64,
    /// A rule keeps it out.
    pub filtered: u64,
    /// Refused.
    pub dead: u64,
    /// It exists at the source but could not be understood; what the destination holds of it is left alone. Records whose
    /// id could not be read are counted as often as the last full read met them.
    pub unread: u64,
    /// Deleted, and acknowledged.
    pub gone: u64,
    /// `filtered` by rule.
    pub rules: BTreeMap<String, u64>,
    /// `held` by reason.
    pub holds: BTreeMap<String, u64>,
    /// Touches that wait to be spread, over all flows.
    pub spreading: u64,
}

impl Tally {
    /// Every state with its count, in the order in which people read them.
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

    /// States in which the destination does not agree with the source, with their counts where there are any. Neither a
    /// record that a named rule keeps out nor a deleted one is left.
    pub fn left(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let agrees = |state: &str| matches!(state, "in_sync" | "filtered" | "gone");
        let states = self.states().into_iter().filter(move |(state, _)| !agrees(state));
        states.chain([("spreading", self.spreading)]).filter(|(_, count)| *count > 0)
    }

    /// The sum of all states, which must be [`Tally::mirror`].
    pub fn sum(&self) -> u64 {
        self.states().into_iter().map(|(_, count)| count).sum()
    }
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
