//! Flows and sources that are no longer configured.

use async_trait::async_trait;
use model::{FlowName, Kind, RemoteId, SourceName};
use serde::Serialize;

use super::Number;
use crate::Fault;

/// Reads and deletes what the store keeps of flows and sources that are no longer configured.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Flows and sources that the ledger knows and that are not in this list of configured flows, each with its source:
    /// flows that were removed or renamed, and former sources of a flow.
    async fn left_behind(&self, configured: &[(FlowName, SourceName)]) -> Result<Vec<Leftover>, Fault>;

    /// The items that the destination holds (or may hold) of this flow's records of this source, by record, in the order of
    /// their numbers after `after`; records without any are left out.
    async fn held_items(
        &self,
        flow: &FlowName,
        source: &SourceName,
        after: Number,
        limit: usize,
    ) -> Result<Vec<HeldItems>, Fault>;

    /// Deletes the ledger entries of these records. Their items at the destination then have no owner.
    async fn forget_entries(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Deletes at most `limit` ledger entries of this flow's records of this source, and, once none is left and the
    /// flow has this source, the flow itself. Returns the number of deleted entries; 0: none is left.
    async fn forget_flow(&self, flow: &FlowName, source: &SourceName, limit: usize) -> Result<u64, Fault>;

    /// Deletes at most `limit` records of a source that no flow of the store has. Returns their number; 0: none is
    /// left, or a flow has the source.
    async fn forget_source(&self, source: &SourceName, limit: usize) -> Result<u64, Fault>;
}

/// A flow that is no longer configured, or the former source of a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// The flow.
    pub flow: FlowName,
    /// The source of the records.
    pub source: SourceName,
    /// Records that the ledger has an entry of.
    pub records: u64,
    /// Items of them that the destination holds (or may hold).
    pub items: u64,
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
