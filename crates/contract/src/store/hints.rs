//! Hints that a record may have changed, as webhooks give them.

use async_trait::async_trait;
use model::{Kind, RecordId, SourceName, Timestamp};
use serde::{Deserialize, Serialize};

use super::Lease;
use crate::{Fault, Token};

/// Hints: stored before they are acknowledged to the sender, and coalesced.
#[async_trait]
pub trait Hints: Send + Sync {
    /// Stores hints. A hint about a record replaces an earlier one about the same record.
    async fn hint(&self, source: &SourceName, hints: &[Hint], at: Timestamp) -> Result<(), Fault>;

    /// As [`Hints::hint`], for hints of deliveries, which may be none: notes when the last delivery came, and with
    /// `is_gap` that some were lost.
    async fn deliver(&self, source: &SourceName, hints: &[Hint], is_gap: bool, at: Timestamp) -> Result<(), Fault>;

    /// How the webhooks of a source stand; `None`: it never had any.
    async fn hook(&self, source: &SourceName) -> Result<Option<HookState>, Fault>;

    /// Notes how the webhooks of a source stand at the platform.
    async fn register(&self, source: &SourceName, registration: &Registration) -> Result<(), Fault>;

    /// The waiting hints, oldest first, at most `limit`. A hint waits until [`Hints::done`], or until an intake names
    /// it.
    async fn hints(&self, source: &SourceName, limit: usize) -> Result<Vec<Waiting>, Fault>;

    /// Deletes these hints, except where a newer hint about the same record has replaced one since.
    async fn done(&self, source: &SourceName, lease: Lease, hints: &[u64]) -> Result<(), Fault>;
}

/// How the webhooks of a source stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HookState {
    /// When a delivery was accepted last.
    pub delivered_at: Option<Timestamp>,
    /// When deliveries were found to be missing last, by their numbers.
    pub gap_at: Option<Timestamp>,
    /// How they stand at the platform.
    pub registration: Registration,
}

/// How the webhooks of a source stand at the platform, as it was found last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Registration {
    /// Where the platform delivers to.
    pub address: String,
    /// What the source asked to be kept.
    pub kept: Option<Token>,
    /// How they stand, for people.
    pub state: String,
    /// Whether the platform delivers everything that it is to deliver.
    pub is_whole: bool,
    /// When that was found.
    pub looked_at: Option<Timestamp>,
    /// When the platform was found last to have stopped delivering: what was read before does not count as read.
    pub missed_at: Option<Timestamp>,
    /// Why it could not be found.
    pub fault: Option<Fault>,
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
