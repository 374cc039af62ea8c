//! What is no longer configured: flows, sources, and kinds that a flow carried.

use async_trait::async_trait;
use model::{Kind, RemoteId, SourceName};
use serde::Serialize;

use super::{Declared, FlowId, Number};
use crate::{Fault, Item};

/// Reads and deletes what the store keeps of flows and sources that are no longer configured.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Flows that the ledger knows and that are not in this list of configured flows: flows that were removed or renamed,
    /// and former sources and accounts of a flow. Also the kinds that a configured flow no longer carries, where its account
    /// still holds items of them.
    async fn left_behind(&self, configured: &[Declared]) -> Result<Vec<Leftover>, Fault>;

    /// The items that the account holds (or may hold) of this flow, by record, in the order of their numbers after `after`;
    /// records without any are left out.
    async fn held_items(&self, flow: &FlowId, after: Number, limit: usize) -> Result<Vec<HeldItems>, Fault>;

    /// What the account acknowledged last (or may hold) of the items of a record of this flow.
    async fn held_payloads(&self, flow: &FlowId, number: Number) -> Result<Vec<Item>, Fault>;

    /// Deletes the ledger entries of these records. Their items at the destination then have no owner.
    async fn forget_entries(&self, flow: &FlowId, numbers: &[Number]) -> Result<u64, Fault>;

    /// Deletes at most `limit` ledger entries of this flow, and, once none is left, the flow itself. Returns the number of
    /// deleted entries; 0: none is left.
    async fn forget_flow(&self, flow: &FlowId, limit: usize) -> Result<u64, Fault>;

    /// Deletes at most `limit` records of a source that no flow of the store has. Returns their number; 0: none is
    /// left, or a flow has the source.
    async fn forget_source(&self, source: &SourceName, limit: usize) -> Result<u64, Fault>;
}

/// A flow that is no longer configured as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Leftover {
    /// The flow as it was.
    #[serde(flatten)]
    pub id: FlowId,
    /// What changed.
    pub former: Former,
    /// The kind of record that it no longer carries; none: all of them are meant.
    pub kind: Option<Kind>,
    /// Records that the ledger has an entry of.
    pub records: u64,
    /// Items of them that the account holds (or may hold).
    pub items: u64,
}

/// The part of a flow's identity that is no longer configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Former {
    /// No flow has its name.
    Flow,
    /// The flow of its name has another source.
    Source,
    /// The flow of its name goes to another account.
    Account,
    /// The flow of its name no longer carries a kind of record.
    Kind,
}

/// The items of a record that a destination holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldItems {
    /// The record.
    pub number: Number,
    /// Its kind.
    pub kind: Kind,
    /// Ids of the items there, at least one.
    pub items: Vec<RemoteId>,
}
