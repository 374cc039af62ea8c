//! Where the mirror and the ledger are kept.
//!
//! **Invariants** that every store keeps, and the conformance suite tries to break:
//! - one method call is one transaction: after a crash it happened wholly or not at all. A power cut may also take back the
//!   last calls that only took in what a source gave, with how far it was read; never one before a call of another kind;
//! - a revision is given once, grows by commit order, and a record's revision only grows;
//! - reading the same record twice changes nothing: no new revision, no touch;
//! - a cursor moves only together with the ledger rows of everything it passes;
//! - for every flow the states of [`Tally`] add up to its `mirror`;
//! - where ids are shared, no two records of a flow and kind hold an item: its owner is the one with the highest rank of those
//!   that claim it, and who gains or loses it is due.

mod desk;
mod hints;
mod ledger;
mod leftovers;
mod mirror;

use model::{FlowName, SourceName};
use serde::{Deserialize, Serialize};

pub use self::{desk::*, hints::*, ledger::*, leftovers::*, mirror::*};

/// Number of a record, for good: it keeps it when it is deleted and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Number(pub u64);

/// One growing number per source; a later change has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
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

/// The right to write for a source or a flow: a fencing token. A step, intake or sweep that carries a lower one than the
/// store has given out since is refused with C0112, so that a worker that was paused can't write when it wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lease(pub u64);

/// A store: mirror, ledger, calls, dead letters, cursors, links and due times. It is made of smaller traits by who uses
/// them; whoever needs only one of them may ask for that one.
pub trait Store: Mirror + Ledger + Hints + Desk + Leftovers {}

impl<S: Mirror + Ledger + Hints + Desk + Leftovers + ?Sized> Store for S {}
