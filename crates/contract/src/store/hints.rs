//! Hints that a record may have changed: what a webhook tells.

use async_trait::async_trait;
use model::{Kind, RecordId, SourceName, Timestamp};

use super::Lease;
use crate::Fault;

/// Hints: durable before they are acknowledged to whoever gave them, and coalesced.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Keeps hints. One about a record that a hint is kept for already replaces that one: it waits once, as the latest.
    async fn hint(&self, source: &SourceName, hints: &[Hint], at: Timestamp) -> Result<(), Fault>;

    /// The hints that wait, oldest first, at most `limit`. They wait until [`Hints::done`], or until an intake names them.
    async fn hints(&self, source: &SourceName, limit: usize) -> Result<Vec<Waiting>, Fault>;

    /// Forgets these hints, unless the same was hinted again since they were given out.
    async fn done(&self, source: &SourceName, lease: Lease, hints: &[u64]) -> Result<(), Fault>;
}

/// A record that may have changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// What it is.
    pub kind: Kind,
    /// Its id; none: any record of the kind may have changed.
    pub id: Option<RecordId>,
}

/// A hint that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Names it; another hint about the same record has a higher one.
    pub number: u64,
    /// The hint.
    pub hint: Hint,
    /// When it was given last.
    pub at: Timestamp,
}
