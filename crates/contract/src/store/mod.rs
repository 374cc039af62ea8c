//! Where the mirror and the ledger are kept.
//!
//! **Invariants** that every store keeps, and the conformance suite tries to break:
//! - one method call is one transaction: after a crash it happened wholly or not at all;
//! - a revision is given once, grows by commit order, and a record's revision only grows;
//! - reading the same record twice changes nothing: no new revision, no touch;
//! - a cursor moves only together with the ledger rows of everything it passes;
//! - for every flow the states of [`Tally`] add up to its `mirror`;
//! - where ids are shared, an item has one owner per flow and kind, and of the dead records that want an item, some are
//!   tried again as soon as it is nobody's.

mod desk;
mod ledger;
mod leftovers;
mod mirror;

use serde::{Deserialize, Serialize};

pub use self::{desk::*, ledger::*, leftovers::*, mirror::*};

/// Number of a record, for good: it keeps it when it is deleted and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Number(pub u64);

/// One growing number per store; a later change has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A store: mirror, ledger, calls, dead letters, cursors, links and due times. It is made of smaller traits by who uses
/// them; whoever needs only one of them may ask for that one.
pub trait Store: Mirror + Ledger + Desk + Leftovers {}

impl<S: Mirror + Ledger + Desk + Leftovers + ?Sized> Store for S {}
