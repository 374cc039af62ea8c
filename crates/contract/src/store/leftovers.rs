//! Flows and sources that are no longer configured.

use async_trait::async_trait;
use model::{FlowName, Kind, RemoteId, SourceName};
use serde::Serialize;

use super::Number;
use crate::Fault;

/// What is known of flows and sources that are no longer configured, and how it is forgotten.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// What the ledger knows of flows and sources that are not in this list of configured flows, each with its source: flows
    /// that were removed or renamed, and records of a source that a flow had before.
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

    /// Forgets what the ledger knows of these records. What the destination holds of them is then nobody's.
    async fn forget_entries(&self, flow: &FlowName, numbers: &[Number]) -> Result<u64, Fault>;

    /// Forgets at most `limit` more of what the ledger knows of this flow's records of this source, and, once nothing is left
    /// and the flow has this source, the flow itself. Tells how many ledger entries went; 0: nothing is left.
    async fn forget_flow(&self, flow: &FlowName, source: &SourceName, limit: usize) -> Result<u64, Fault>;

    /// Deletes at most `limit` more records of a source that no flow of the store has; tells how many went; 0: nothing is left
    /// of the source, or a flow has it.
    async fn forget_source(&self, source: &SourceName, limit: usize) -> Result<u64, Fault>;
}

/// What is left of a flow that is no longer configured, or of the source that a flow had before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// The flow.
    pub flow: FlowName,
    /// The source of the records.
    pub source: SourceName,
    /// Records that the ledger has an entry of.
    pub records: u64,
    /// Items that the destination holds (or may hold) of them.
    pub items: u64,
}

/// The items that a destination holds of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldItems {
    /// The record.
    pub number: Number,
    /// What it is.
    pub kind: Kind,
    /// Ids of the items there, at least one.
    pub items: Vec<RemoteId>,
}
