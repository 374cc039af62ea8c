//! Hints that a record may have changed, as webhooks give them.

use async_trait::async_trait;
use model::{Kind, RecordId, SourceName, Timestamp};

use super::Lease;
use crate::Fault;

/// Hints: stored before they are acknowledged to the sender, and coalesced.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Stores hints. A hint about a record replaces an earlier one about the same record.
    async fn hint(&self, source: &SourceName, hints: &[Hint], at: Timestamp) -> Result<(), Fault>;

    /// The waiting hints, oldest first, at most `limit`. A hint waits until [`Hints::done`], or until an intake names
    /// it.
    async fn hints(&self, source: &SourceName, limit: usize) -> Result<Vec<Waiting>, Fault>;

    /// Deletes these hints, except where a newer hint about the same record has replaced one since.
    async fn done(&self, source: &SourceName, lease: Lease, hints: &[u64]) -> Result<(), Fault>;
}

/// A record that may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// The record's kind.
    pub kind: Kind,
    /// The record's id; `None`: any record of the kind may have changed.
    pub id: Option<RecordId>,
}

/// A hint that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number; a later hint about the same record has a higher one.
    pub number: u64,
    /// The hint.
    pub hint: Hint,
    /// When it was given.
    pub at: Timestamp,
}
