//! The store: mirror and ledger.
//!
//! **Invariants** that every store keeps, and the conformance suite tries to break:
//! - one method call is one transaction: after a crash it happened wholly or not at all. A power cut may also take back the
//!   last calls that only took in what a source gave, with how far it was read; never one before a call of another kind;
//! - a revision is given once, grows by commit order, and a record's revision only grows;
//! - reading the same record twice changes nothing: no new revision, no touch;
//! - a cursor moves only together with the ledger rows of everything it passes;
//! - for every flow the states of [`Tally`] add up to its `mirror`;
//! - where ids are shared, no two records of a flow and kind hold an item: its owner is the one with the highest rank
//!   of those that claim it, and a record that gains or loses an item is due.

mod admin;
mod erasures;
mod hints;
mod ledger;
mod leftovers;
mod mirror;

use model::{FlowName, SourceName};
use serde::{Deserialize, Serialize};

pub use self::{admin::*, erasures::*, hints::*, ledger::*, leftovers::*, mirror::*};

/// Number of a record. A record that is deleted and created again keeps it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Number(pub u64);

/// One growing number per source; a later change has a higher one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// What a lease is held for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leased {
    /// Reading a source: its revisions are given under this lease.
    Source(SourceName),
    /// Pushing a flow.
    Flow(FlowName),
}

/// The right to write for a source or a flow: a fencing token. A step, intake or sweep with a lower one than the latest
/// is refused with C0112, so that a worker that was suspended can't write when it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lease(pub u64);

/// A store: mirror, ledger, calls, dead letters, cursors, links and due times. It consists of smaller traits, one per
/// use; code that needs only one of them takes that one.
pub trait Store: Mirror + Ledger + Hints + Admin + Leftovers + Erasures {}

impl<S: Mirror + Ledger + Hints + Admin + Leftovers + Erasures + ?Sized> Store for S {}
